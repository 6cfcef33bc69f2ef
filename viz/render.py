"""DOT text to SVG, PNG or PDF: by a system `dot` if there is one, else by the Graphviz in pygraphviz's wheel."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys

FORMATS = ("svg", "png", "pdf")
TIMEOUT = 60.0

# The wheel has Graphviz as a library and no `dot` program, so a second interpreter is the program. In a process
# of its own the library, which is not thread-safe, needs no lock, what fontconfig says on stderr reaches nobody,
# and a layout that takes too long can be stopped. strict=False, or parallel edges would become one.
_PROGRAM = """
import sys, pygraphviz
graph = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode(), strict=False, directed=True)
sys.stdout.buffer.write(graph.draw(format=sys.argv[1], prog="dot"))
"""


def render(source: str, format: str) -> bytes:
    """Lay out and draw a graph in the DOT language.

    `format` is svg, png or pdf. Raises ValueError for another format and RuntimeError, with what to do, where
    no Graphviz is installed, or where it fails or takes longer than a minute.
    """
    if format not in FORMATS:
        raise ValueError(f"a drawing can be made as {', '.join(FORMATS)}, not as {format!r}")
    if format == "png":
        # Twice the resolution of a screen: a bitmap on a slide is looked at closely.
        source = source.replace("{", "{ dpi=192;", 1)
    command = _command(format)
    try:
        done = subprocess.run(command, input=source.encode(), capture_output=True, timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        raise RuntimeError(
            f"Graphviz was still at work after {TIMEOUT:g} seconds; draw fewer nodes (max_nodes=100) or collapse them"
        ) from None
    if done.returncode or not done.stdout:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        reason = lines[-1] if lines else f"exit status {done.returncode}"
        raise RuntimeError(f"Graphviz could not make the {format.upper()}: {reason}")
    return done.stdout


def _command(format: str) -> list[str]:
    dot = shutil.which("dot")
    if dot:
        return [dot, f"-T{format}"]
    if importlib.util.find_spec("pygraphviz"):
        return [sys.executable, "-P", "-c", _PROGRAM, format]
    raise RuntimeError(
        'drawing needs Graphviz: install it as a wheel with `pip install "autograd-core[render]"`, '
        "or as a system package so that the program `dot` is on the PATH"
    )
