"""The command line as a person runs it."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

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


def test_standard_input_is_read(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y = x * x\n"))
    assert main(["explain", "-", "--at", "x=3"]) == 0
    assert "d y / d x = sum over 2 paths = 6" in capsys.readouterr().out


def test_svg_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "tesla.svg"
    assert main(["explain", TESLA, "--at", "ground=1", "--svg", str(path)]) == 0
    assert "grad 200" in path.read_text()
    assert f"wrote {path}" in capsys.readouterr().out


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
        (["y = x", "--at", "x=1", "--svg", "picture.png"], "ends in .svg"),
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


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_letters_that_the_terminal_lacks_are_no_error(encoding: str) -> None:
    command = [sys.executable, "-m", "viz.cli", "explain", "2*σ", "--at", "σ=1"]
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    done = subprocess.run(command, capture_output=True, env=environment, check=True)
    assert b"d output / d \\u03c3 = 2" in done.stdout


def test_an_unwritable_file_exits_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "missing" / "tesla.svg"
    assert main(["explain", TESLA, "--at", "ground=1", "--svg", str(path)]) == 1
    assert "No such file or directory" in capsys.readouterr().err


def test_a_reader_that_stops_reading_is_no_error() -> None:
    command = f"{sys.executable} -m viz.cli explain '{TESLA}' --at ground=1 | true"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_demo_explains_draws_trains_and_says_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--out", str(tmp_path / "tour")]) == 0
    out, err = capsys.readouterr()
    assert "d tesla / d ground = d tesla/d bmw * d bmw/d ground = 2 * 100 = 200" in out
    names = ["decision_boundary.png", "losses.png", "network.png", "network.svg", "neuron.html", "neuron.png",
             "neuron.svg", "tesla_bmw.html", "tesla_bmw.png", "tesla_bmw.svg"]  # fmt: skip
    assert sorted(path.name for path in (tmp_path / "tour").iterdir()) == names
    for name in names:
        assert f"wrote {tmp_path / 'tour' / name}" in out
    neuron = (tmp_path / "tour" / "neuron.svg").read_text()
    assert neuron.count('class="cluster"') == 2
    assert "sigmoid" in neuron
    trained = dict(re.findall(r"^(eager|compiled) +([\d.% ]+)$", out, re.MULTILINE))
    eager, compiled = (trained[engine].replace("%", "").split() for engine in ("eager", "compiled"))
    assert eager[:2] == compiled[:2]
    assert min(map(float, eager[:2])) >= 97.0
    assert float(compiled[2]) < 1.0
    assert "30/30 [" in err


def test_demo_goes_on_without_matplotlib(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
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
