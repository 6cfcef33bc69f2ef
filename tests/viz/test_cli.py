"""The command line as a person runs it."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from contextlib import redirect_stdout
from importlib.metadata import version
from pathlib import Path

import pytest
from PIL import Image

from viz import demo
from viz.cli import main

TESLA = "tesla = 2*bmw; bmw = 100*ground"


def test_explain_prints_both_passes_and_the_chain_rule(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", TESLA, "--at", "ground=1", "--wrt", "ground"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "tesla   2 * bmw       200" in lines
    assert "ground  bmw    2         2         100    200           0       200" in lines
    assert "d tesla / d ground = d tesla/d bmw * d bmw/d ground = 2 * 100 = 200" in lines


def test_explain_prints_latex_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", TESLA, "--at", "ground=1", "--latex"]) == 0
    assert r"\frac{\partial \mathrm{tesla}}{\partial \mathrm{ground}} = " in capsys.readouterr().out


def test_without_wrt_every_input_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "y = a*b", "--at", "a=2", "--at", "b=3"]) == 0
    out = capsys.readouterr().out
    assert "d y / d a = 3\n" in out
    assert "d y / d b = 2\n" in out


def test_an_intermediate_name_can_be_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", TESLA, "--at", "ground=1", "--wrt", "bmw"]) == 0
    assert "d tesla / d bmw = 2\n" in capsys.readouterr().out


def standard_input(monkeypatch: pytest.MonkeyPatch, given: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_standard_input_may_be_utf_8_or_utf_16(
    encoding: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    standard_input(monkeypatch, "y = 2*µ\r\n".encode(encoding))
    assert main(["explain", "-", "--at", "µ=1"]) == 0
    assert "d y / d μ = 2" in capsys.readouterr().out


def test_a_byte_order_mark_in_an_argument_is_skipped() -> None:
    assert main(["explain", "\ufeffy = 2*x", "--at", "x=1"]) == 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (b"y = x*\xb5", "neither UTF-8 nor UTF-16: byte 0xb5 at place 7"),
        (b"\xff\xfey", "neither UTF-8 nor UTF-16"),
        (b"", "the expression is empty"),
        (b"x" * 11, "more than 10 bytes"),
    ],
)
def test_other_standard_input_is_refused(
    given: bytes, message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viz.given.MOST_READ", 10)
    standard_input(monkeypatch, given)
    assert main(["explain", "-", "--at", "x=1"]) == 2
    assert message in capsys.readouterr().err


def test_closed_standard_input_is_told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert main(["explain", "-"]) == 2
    assert "standard input, which is closed" in capsys.readouterr().err


def test_standard_input_is_read(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y = x * x\n"))
    assert main(["explain", "-", "--at", "x=3"]) == 0
    assert "d y / d x = sum over 2 paths = 6" in capsys.readouterr().out


@pytest.mark.parametrize(("kind", "start"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_pictures_are_written(kind: str, start: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / f"tesla.{kind}"
    assert main(["explain", TESLA, "--at", "ground=1", f"--{kind}", str(path)]) == 0
    assert path.read_bytes().startswith(start)
    assert kind != "svg" or "grad 200" in path.read_text()
    assert f"wrote {path}" in capsys.readouterr().out


def test_values_may_be_formulas_of_the_constants(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "y = sin(x)/e", "--at", "x=pi/2"]) == 0
    assert "sin(x)        1\n" in capsys.readouterr().out
    assert main(["explain", "y = -x + e", "--at", "x=-inf", "--at", "e=1"]) == 0
    assert "\ny     v1 + e     inf\n" in capsys.readouterr().out


def test_tables_are_no_wider_than_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    name = "a_name_that_is_rather_longer_than_what_a_column_of_a_table_holds"
    source = f"{name} = tanh(0.123456*w)**3; loss_of_the_network = {name} * {name}"
    assert main(["explain", source, "--at", "w=1e-3"]) == 0
    tables = capsys.readouterr().out.partition("chain rule")[0]
    assert max(map(len, tables.splitlines())) == 80
    assert "1.72073e-19" in tables


def test_of_very_many_inputs_the_first_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"x{i}" for i in range(100)]
    assert main(["explain", " + ".join(names), *(f"--at={name}=1" for name in names)]) == 0
    out = capsys.readouterr().out
    assert out.count("d output / d ") == 40
    assert "... and 60 more inputs; --wrt NAME explains one of them" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["y = x +* 2", "--at", "x=1"], "got '*'\ny = x +* 2\n       ^"),
        (["y = x + z", "--at", "x=1"], "no value for z"),
        (["y = foo(x)", "--at", "x=1"], "no function foo"),
        (["a = b; b = a"], "a -> b -> a"),
        (["y = x*x"], "give it one with --at x="),
        (["__import__('os')"], "no function __import__"),
        (["().__class__"], "expected a number, a name or '('|'.' means nothing here"),
        (["y = " + "9" * 10_000], "10000 characters"),
        (["(" * 100_000 + "x" + ")" * 100_000, "--at", "x=1"], "nested more than 100 deep"),
        (["y = x", "--at", "x"], "--at takes name=value"),
        (["y = x", "--at", "x=one"], "--at takes name=value"),
        (["y = x", "--at", "x=1", "--wrt", "q"], "--wrt 'q': the expression has x, y"),
        (["y = x", "--at", "x=1", "--wrt", "a\nb"], "--wrt 'a\\nb': the expression has x, y"),
        (["y = x", "--at", "=1"], "--at takes name=value"),
        (["y = x", "--at", "x=1", "--at", "x=2"], "each name once"),
        (["y = x", "--at", "x=2*"], "not 'x=2*': expected a number"),
        (["y = x", "--at", "x=a=2"], "a number is one formula"),
        (["y = x", "--at", "x=1", "--at", "y=2"], "y is defined by the expression, so it takes no value"),
        (["y = x", "--at", "x=1", "--svg", "picture.png"], "--svg takes a file that ends in .svg, not picture.png"),
        (["y = x", "--at", "x=1", "--png", "picture"], "--png takes a file that ends in .png"),
        (["y = x", "--at", "x=1", "--pdf", "a\0.pdf"], "--pdf takes a file that ends in .pdf, not a\\x00.pdf"),
        ([""], "empty"),
    ],
)
def test_bad_input_exits_with_2_and_says_what_is_wrong(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert any(part in err for part in message.split("|"))
    assert "at=" not in err
    assert err.startswith("autograd-core explain: ")
    sentence, *caret = err.splitlines()
    assert len(sentence) < 250
    assert not caret or (len(caret) == 2 and caret[1].strip() == "^")


@pytest.mark.parametrize("arguments", [["explain"], ["explain", "-x"], ["paint"], [], ["explain", "x", "--depth", "3"]])
def test_a_command_that_is_none_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_options_may_come_before_the_expression(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--at", "x=3", "--wrt", "x", "y = x * x"]) == 0
    assert "= 6" in capsys.readouterr().out


def test_names_are_compared_as_python_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "y = 2*µ", "--at", "µ=1", "--wrt", "\u00b5"]) == 0
    assert "d y / d μ = 2" in capsys.readouterr().out


ESCAPE = "\x1b[31m"


@pytest.mark.parametrize(
    "arguments",
    [
        ["explain", ESCAPE],
        ["explain", "y = x", "--at", f"x{ESCAPE}=1"],
        ["explain", "y = x", "--at", f"x={ESCAPE}"],
        ["explain", "y = x", "--at", "x=1", "--wrt", ESCAPE],
        ["explain", "y = x", "--at", "x=1", "--svg", ESCAPE],
        ["explain", "y = x", "--at", "x=1", "--html", f"{ESCAPE}/a.html"],
        ["explain", "y = x", ESCAPE],
        ["explain", "y = x", f"--{ESCAPE}"],
        ["demo", "--out", f"/dev/null/{ESCAPE}\u202e"],
        ["demo", "--out", "a\0b"],
        [ESCAPE],
        ["a" * 100_000],
    ],
)
def test_no_message_reaches_the_terminal_as_a_command(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main(arguments)
    except SystemExit as stopped:
        code = stopped.code
    assert code in (1, 2)
    err = capsys.readouterr().err
    assert err.replace("\n", "").isprintable()
    assert len(err) < 500


def test_a_file_with_any_name_is_written_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "2*x", "--at", "x=1", "--html", str(tmp_path / f"{ESCAPE}.html")]) == 0
    assert r"wrote " + str(tmp_path) + r"/\x1b[31m.html" in capsys.readouterr().out


def run(command: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run a shell command, in which autograd-core is the command line."""
    program = f"{sys.executable} -m autograd_core"
    return subprocess.run(
        ["sh", "-c", command.replace("autograd-core", program)],
        capture_output=True,
        env=os.environ | {"PYTHONUNBUFFERED": ""} | environment,
        check=False,
    )


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
@pytest.mark.slow
def test_letters_that_the_terminal_lacks_are_no_error(encoding: str) -> None:
    done = run("autograd-core explain '2*σ' --at σ=1", PYTHONIOENCODING=encoding)
    assert b"d output / d \\u03c3 = 2" in done.stdout
    assert done.returncode == 0


def test_the_version_is_told() -> None:
    assert (
        run("autograd-core --version").stdout.decode().startswith(f"autograd-core {version('autograd-core')}, Python")
    )


def test_an_unwritable_file_exits_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "missing" / "tesla.svg"
    assert main(["explain", TESLA, "--at", "ground=1", "--svg", str(path)]) == 1
    assert f"explain: {path} could not be written: No such file or directory" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_a_full_disk_is_told_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = run("autograd-core explain '2*x' --at x=1 > /dev/full")
    assert (done.returncode, done.stderr) == (1, b"autograd-core explain: standard output: No space left on device\n")
    done = run("autograd-core explain '2*x' > /dev/full 2>&1")
    assert (done.returncode, done.stderr) == (2, b"")


def test_a_file_on_a_full_disk_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert main(["explain", "2*x", "--at", "x=1", "--html", str(tmp_path / "a.html")]) == 1
    said = capsys.readouterr().err
    assert said == f"autograd-core explain: {tmp_path / 'a.html'} could not be written: No space left on device\n"


def test_closed_streams_are_no_error(tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    assert run(f"autograd-core explain '2*x' --at x=1 --svg {path} <&- >&- 2>&-").returncode == 0
    assert "</svg>" in path.read_text()


def test_a_reader_that_stops_reading_is_no_error() -> None:
    assert run(f"autograd-core explain '{TESLA}' --at ground=1 | true").stderr == b""


@pytest.fixture(scope="module")
def toured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A tour with a short training: where it wrote, and what it printed."""
    folder = tmp_path_factory.mktemp("demo") / "tour"
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out):
        patch.setattr(demo, "EPOCHS", 1)
        assert main(["demo", "--out", str(folder)]) == 0
    return folder, out.getvalue()


def test_demo_explains_draws_trains_and_says_where(toured: tuple[Path, str]) -> None:
    folder, out = toured
    assert "d tesla / d ground = d tesla/d bmw * d bmw/d ground = 2 * 100 = 200" in out
    names = ["decision_boundary.png", "losses.png", "network.png", "network.svg", "neuron.html", "neuron.png",
             "neuron.svg", "tesla_bmw.html", "tesla_bmw.png", "tesla_bmw.svg"]  # fmt: skip
    assert sorted(path.name for path in folder.iterdir()) == names
    for name in names:
        assert f"wrote {folder / name}" in out
    neuron = (folder / "neuron.svg").read_text()
    assert neuron.count('class="cluster"') == 2
    assert "sigmoid" in neuron


def test_demo_says_how_long_it_takes_and_which_page_to_open_first(toured: tuple[Path, str]) -> None:
    folder, out = toured
    assert "about ten seconds" in out.splitlines()[0]
    assert "about five seconds" in out
    assert f"Open this page first, in a browser; it steps through both passes:\n  {folder / 'tesla_bmw.html'}\n" in out
    assert max(len(line) for line in out.splitlines() if str(folder) not in line) <= 80


def test_the_pictures_of_the_demo_are_small_and_large_enough(toured: tuple[Path, str]) -> None:
    pictures = list(toured[0].glob("*.png"))
    assert len(pictures) == 5
    for path in pictures:
        assert path.stat().st_size < 400_000
        with Image.open(path) as picture:
            assert 800 <= picture.width <= 4000


@pytest.mark.slow
def test_the_network_of_the_demo_learns_by_both_engines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--out", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    trained = dict(re.findall(r"^(eager|compiled) +([\d.% ]+)$", out, re.MULTILINE))
    eager, compiled = (trained[engine].replace("%", "").split() for engine in ("eager", "compiled"))
    assert eager[:2] == compiled[:2]
    assert min(map(float, eager[:2])) >= 97.0
    assert float(compiled[2]) < 1.0
    assert "30/30 [" in err


@pytest.mark.slow
def test_demo_goes_on_without_matplotlib(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr(demo, "EPOCHS", 1)
    assert main(["demo", "--out", str(tmp_path)]) == 0
    assert 'pip install "autograd-core[plot]"' in capsys.readouterr().out
    assert not (tmp_path / "losses.png").exists()


def test_explain_writes_a_page_to_step_through(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "step.html"
    assert main(["explain", "y = x * x", "--at", "x=3", "--html", str(path)]) == 0
    assert f"wrote {path}" in capsys.readouterr().out
    assert '"data":[3.0,9.0]' in path.read_text(encoding="utf-8")


def test_a_page_must_end_in_html_and_be_no_novel(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "y = x * x", "--at", "x=3", "--html", str(tmp_path / "step.svg")]) == 2
    assert "--html takes a file that ends in .html" in capsys.readouterr().err
    many = "y = " + " + ".join(["x"] * 20_100)
    assert main(["explain", many, "--at", "x=3", "--html", str(tmp_path / "step.html")]) == 2
    assert "a page takes 20,000" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
