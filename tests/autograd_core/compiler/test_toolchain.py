"""Finding a C compiler, and keeping what it has compiled."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from autograd_core import Value, compile
from autograd_core.compiler import toolchain
from tests.autograd_core.compiler.native import skip_without_compiler

SOURCE = "double twice(double x) { return 2.0 * x; }\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of its own, which is not there yet."""
    monkeypatch.setenv(toolchain.VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def compiler() -> None:
    skip_without_compiler()


def twice(library: ctypes.CDLL) -> float:
    library.twice.restype = ctypes.c_double
    return library.twice(ctypes.c_double(21.0))


def square() -> tuple[Value, Value]:
    x = Value(3.0)
    return x * x, x


def counting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A compiler that writes a line to the file of this path for each source that it compiles."""
    real, log, script = toolchain.find_compiler()[0], tmp_path / "log", tmp_path / "counting-cc"
    script.write_text(f'#!/bin/sh\ncase "$*" in *" -lm"*) echo compiled >> {log};; esac\nexec {real} "$@"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("CC", str(script))
    log.touch()
    return log


posix = pytest.mark.skipif(os.name == "nt", reason="needs a shell")


@posix
@pytest.mark.usefixtures("compiler")
def test_what_is_compiled_once_is_kept(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = counting(tmp_path, monkeypatch)
    for _ in range(2):
        assert twice(toolchain.library(SOURCE)) == 42.0
    assert log.read_text().count("compiled") == 1
    assert len(list(folder.iterdir())) == 1
    toolchain.library(SOURCE + "\n")
    toolchain.library(SOURCE, fast=False)
    assert log.read_text().count("compiled") == 3


@posix
@pytest.mark.usefixtures("compiler")
@pytest.mark.parametrize("damage", [b"", b"nonsense", None])
def test_a_damaged_library_is_compiled_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: bytes | None
) -> None:
    log = counting(tmp_path, monkeypatch)
    toolchain.library(SOURCE)
    (kept,) = folder.iterdir()
    content = kept.read_bytes()
    kept.unlink()
    kept.write_bytes(content[:-100] if damage is None else damage)
    assert twice(toolchain.library(SOURCE)) == 42.0
    assert log.read_text().count("compiled") == 2
    assert kept.read_bytes() == content


@pytest.mark.usefixtures("compiler")
def test_an_empty_variable_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv(toolchain.VARIABLE, "")
    assert toolchain.cache_folder() is None
    assert twice(toolchain.library(SOURCE)) == 42.0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("compiler")
def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(toolchain.VARIABLE, str(tmp_path / "file" / "cache"))
    assert twice(toolchain.library(SOURCE)) == 42.0
    output, x = square()
    assert compile(output, [], [x], "native").value_and_grad([5.0])[1].tolist() == [10.0]


@pytest.mark.usefixtures("compiler")
def test_a_read_only_cache_is_done_without(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o500)
    try:
        assert twice(toolchain.library(SOURCE)) == 42.0
    finally:
        folder.chmod(0o700)


def test_without_a_compiler_both_remedies_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    output, x = square()
    with pytest.raises(toolchain.NoCompilerError, match=r"gcc or clang.*autograd-core\[native\]") as caught:
        compile(output, [], [x], "native")
    assert isinstance(caught.value, RuntimeError)


def test_the_compiler_of_a_wheel_comes_last(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name == "ziglang")
    found = {"clang": "/usr/bin/clang"}
    monkeypatch.setattr("shutil.which", found.get)
    assert toolchain.find_compiler() == ["/usr/bin/clang"]
    found.clear()
    assert toolchain.find_compiler() == [sys.executable, "-m", "ziglang", "cc"]


def test_a_variable_that_names_no_compiler_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler -m64")
    with pytest.raises(toolchain.NoCompilerError, match="CC names 'no-such-compiler'"):
        toolchain.find_compiler()


@posix
@pytest.mark.usefixtures("compiler", "folder")
def test_a_compiler_that_fails_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(toolchain.NoCompilerError, match=r"could not compile the program:\n[^$]*error"):
        toolchain.library("double twice(double x) { return 2.0 * y; }\n")


def _compile_the_same(folder: str, results: multiprocessing.Queue) -> None:  # type: ignore[type-arg]
    os.environ[toolchain.VARIABLE] = folder
    results.put(twice(toolchain.library(SOURCE)))


@posix
@pytest.mark.usefixtures("compiler")
def test_processes_that_compile_the_same_do_not_disturb_each_other(folder: Path) -> None:
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    some = [context.Process(target=_compile_the_same, args=(str(folder), results)) for _ in range(3)]
    for one in some:
        one.start()
    assert [results.get(timeout=120) for _ in some] == [42.0] * 3
    for one in some:
        one.join(120)
    assert len(list(folder.iterdir())) == 1


INTERRUPTED = """\
import sys
from autograd_core.compiler import toolchain
try:
    toolchain.library("double twice(double x) { return 2.0 * x; }")
except KeyboardInterrupt:
    print("interrupted")
"""


@posix
def test_ctrl_c_ends_the_compiler_and_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    started, script, temporary = tmp_path / "started", tmp_path / "slow-cc", tmp_path / "temporary"
    temporary.mkdir()
    os.mkfifo(started)
    script.write_text(f'#!/bin/sh\ncase "$*" in *" -lm"*) echo $$ > {started}; sleep 600;; esac\n')
    script.chmod(0o700)
    given = {**os.environ, "CC": str(script), "TMPDIR": str(temporary), toolchain.VARIABLE: str(folder)}
    process = subprocess.Popen([sys.executable, "-c", INTERRUPTED], env=given, stdout=subprocess.PIPE, text=True)
    compiler = int(started.read_text())  # which waits for the compiler to write it
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60)[0] == "interrupted\n"
    with pytest.raises(ProcessLookupError):
        os.kill(compiler, 0)
    assert list(temporary.iterdir()) == []
    assert not folder.exists()


def test_long_source_is_announced(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(toolchain, "_compile", lambda command, source, path: pytest.skip("as expected"))
    with pytest.raises(pytest.skip.Exception):
        toolchain.library("/*" + 2_000_000 * " " + "*/")
    assert "compiling 2,000,004 characters of C, about 16 s" in capsys.readouterr().err


def test_a_program_too_long_to_compile_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "find_compiler", lambda: ["cc"])
    monkeypatch.setattr(toolchain, "LONGEST", 500)
    output, x = square()
    with pytest.raises(TypeError, match=r"characters of C.*record fewer steps"):
        compile(output, [], [x], "native")
