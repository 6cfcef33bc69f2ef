"""Pages of one file: put together from what lies in `static`, written to a file, shown in a notebook."""

from __future__ import annotations

import base64
import html
import json
import math
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any


def json_number(number: float | None) -> float | str | None:
    """A number as JSON can have it: "inf", "-inf" and "nan" are strings."""
    return number if number is None or math.isfinite(number) else str(float(number))


def json_text(trace: Any) -> str:
    """A trace as text that may stand inside a script element."""
    # The end of a script, or a comment, must not come about inside one, whatever a label says.
    return json.dumps(trace, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def page(name: str, title: str, parts: Mapping[str, str]) -> str:
    """The page of that name: the files of `static` for all pages and for this one, and `parts` in their places."""
    static = resources.files("viz").joinpath("static")

    def text(file: str) -> str:
        return static.joinpath(file).read_text(encoding="utf-8")

    template = text("page.html").replace("%%MAIN%%", text(f"{name}.html")).replace("%%BUTTONS%%", text("buttons.html"))
    for place, ending in (("STYLE", "css"), ("SCRIPT", "js")):
        template = template.replace(f"%%{place}%%", text(f"page.{ending}") + text(f"{name}.{ending}"))
    # All at once, for what stands in a part is no place for another.
    filled = {"TITLE": html.escape(title), **parts}
    before, *pieces = template.split("%%")
    return before + "".join(filled.get(piece, piece) for piece in pieces)


def html_path(path: str | Path, what: str) -> Path:
    """The path of a page to be written; raises ValueError unless it ends in .html."""
    path = Path(path)
    if path.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"{what} is saved as .html, not as {path.name!r}")
    return path


def framed(page: str, title: str, svg: str, description: str) -> str:
    """A page for a notebook, in a frame; and under it a picture, for where frames are taken out, as on GitHub."""
    picture = base64.b64encode(svg.encode()).decode()
    return (
        # In one cell of a grid: as high as the frame, or without it as the picture.
        f'<div style="display:grid"><img alt="{html.escape(description)}" src="data:image/svg+xml;base64,{picture}" '
        'style="grid-area:1/1;max-width:100%;max-height:680px">'
        f'<iframe title="{html.escape(title)}" style="grid-area:1/1;width:100%;height:680px;'
        f'border:0;background:#fff" sandbox="allow-scripts" srcdoc="{html.escape(page)}"></iframe></div>'
    )
