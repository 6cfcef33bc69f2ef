"""DOT text to SVG, PNG or PDF: by a system `dot` if there is one, else by the Graphviz in pygraphviz's wheel."""

from __future__ import annotations

import importlib.util
import math
import re
import shutil
import subprocess
import sys

from autograd_core.floats import as_float
from nn.arguments import positive_int

FORMATS = ("svg", "png", "pdf")
TIMEOUT = 60.0
MOST_PIXELS = 32_767
"""The longest side of a bitmap that Graphviz draws without shrinking it."""

_TIP = re.compile(rb'<title>[^<]*</title>(\s*<g id="a_[^"]*"><a xlink:title="([^"]*)")')
_PAPER = re.compile(rb'<polygon [^>]*points="([^"]*)"')

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
    command = _command(format)
    try:
        done = subprocess.run(command, input=source.encode(), capture_output=True, timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        raise RuntimeError(
            f"Graphviz was still at work after {TIMEOUT:g} seconds; draw fewer nodes or collapse them"
        ) from None
    if done.returncode or not done.stdout:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        reason = lines[-1] if lines else f"exit status {done.returncode}"
        raise RuntimeError(f"Graphviz could not make the {format.upper()}: {reason}")
    # Graphviz titles an element by its name in the source, n12, and keeps the tooltip for a link around its shapes.
    return _TIP.sub(rb"<title>\2</title>\1", done.stdout) if format == "svg" else done.stdout


def png(source: str, dpi: float | None = None, width: int | None = None) -> bytes:
    """A graph in the DOT language as a bitmap of so many dots per inch or pixels in width.

    Raises TypeError and ValueError for a resolution or width that is none, ValueError for a picture that is too large,
    and as `render`.
    """
    if dpi is not None and width is not None:
        raise ValueError("give dpi or width, not both: each follows from the other")
    if dpi is not None and not 1.0 <= as_float(dpi, "dpi") < math.inf:
        raise ValueError(f"dpi is a finite number of at least 1, not {dpi!r}")
    if width is not None:
        positive_int(width, "width")
    # The first polygon is the paper, whose size in points is exact, where that of the element is rounded.
    corners = [float(number) for number in re.findall(rb"-?[\d.]+", _PAPER.findall(render(source, "svg"))[0])]
    wide, high = ((max(along) - min(along)) / 72 for along in (corners[::2], corners[1::2]))
    if width is not None:
        dpi = width / wide
    elif dpi is None:
        # Twice the resolution of a screen: a bitmap on a slide is looked at closely.
        dpi = min(192.0, max(72.0, 4000 / max(wide, high)), MOST_PIXELS / max(wide, high))
    if max(wide, high) * dpi > MOST_PIXELS + 1:
        size = " x ".join(f"{inches * dpi:,.0f}" for inches in (wide, high))
        raise ValueError(f"the picture would have {size} pixels, and a side has {MOST_PIXELS:,} at most; save an .svg")
    return render(source.replace("{", f"{{ dpi={dpi:.6g};", 1), "png")


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
