"""Which Graphviz draws, and what is said where there is none or it fails."""

from __future__ import annotations

import importlib.util
import os
import shutil
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import viz
from autograd_core import Value
from viz import render as renderer

DOT = 'digraph { a -> b [label="2"]; a -> b [label="3"] }'


@pytest.fixture
def no_system_graphviz(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)


def program(folder: Path, script: str) -> None:
    """A program by the name of dot."""
    path = folder / "dot"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IEXEC)


@pytest.mark.usefixtures("no_system_graphviz")
def test_the_wheel_draws_both_of_two_parallel_edges() -> None:
    pytest.importorskip("pygraphviz")
    assert renderer.render(DOT, "svg").decode().count('class="edge"') == 2


@pytest.mark.usefixtures("no_system_graphviz")
def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pygraphviz")
    assert renderer.render(DOT, "png").startswith(b"\x89PNG")
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("no_system_graphviz")
def test_threads_may_draw_at_once() -> None:
    pytest.importorskip("pygraphviz")
    with ThreadPoolExecutor(8) as pool:
        pictures = set(pool.map(lambda _: renderer.render(DOT, "svg"), range(16)))
    assert len(pictures) == 1


@pytest.mark.usefixtures("no_system_graphviz")
def test_a_module_in_the_working_directory_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pygraphviz")
    (tmp_path / "pygraphviz.py").write_text("raise SystemExit('run')")
    monkeypatch.chdir(tmp_path)
    assert b"<svg" in renderer.render(DOT, "svg")


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for dot is a shell script")
def test_a_system_dot_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, 'cat > /dev/null; echo "<svg $1>"')
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert renderer.render(DOT, "svg") == b"<svg -Tsvg>\n"


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for dot is a shell script")
def test_a_failure_is_told_in_graphvizs_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, 'cat > /dev/null; echo "out of paper" >&2; exit 1')
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(RuntimeError, match="could not make the SVG: out of paper"):
        renderer.render(DOT, "svg")


def test_a_layout_that_takes_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renderer, "TIMEOUT", 0.0)
    with pytest.raises(RuntimeError, match="draw fewer nodes"):
        renderer.render(DOT, "svg")


@pytest.mark.usefixtures("no_system_graphviz")
def test_without_graphviz_both_remedies_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    diagram = viz.draw(Value(1.0))
    with pytest.raises(RuntimeError, match=r"autograd-core\[render\].*dot"):
        diagram.svg()
    bundle = diagram._repr_mimebundle_()
    assert list(bundle) == ["text/plain"]
    assert "autograd-core[render]" in bundle["text/plain"]


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="svg, png, pdf, not as 'gif'"):
        renderer.render(DOT, "gif")


def test_the_engine_imports_neither_graphviz_nor_matplotlib() -> None:
    code = (
        "import sys, autograd_core; print(sorted({'numpy', 'graphviz', 'matplotlib', 'viz', 'nn'} & set(sys.modules)))"
    )
    done = subprocess.run(["python", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
