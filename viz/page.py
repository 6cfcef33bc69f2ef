"""Pages of one file: put together from what lies in `static`, written to a file, shown in a notebook."""

from __future__ import annotations

import base64
import html
import json
import math
import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from viz import palette

Theme = Literal["auto", "light", "dark"]

_IMPORT = re.compile(r'^import (?:\{ (?P<names>[\w, ]+) \}|\w+) from "\./(?P<file>[\w./-]+)\.js";$', re.MULTILINE)
_FILE = re.compile(r"%%([\w.]+\.(?:html|css))%%\n?")
_EXPORT = re.compile(r"^export (?=(?:function|const) (\w+))", re.MULTILINE)


def json_number(number: float | None) -> float | str | None:
    """A number as JSON can have it: "inf", "-inf" and "nan" are strings."""
    return number if number is None or math.isfinite(number) else str(float(number))


def json_text(trace: Any) -> str:
    """A trace as text that may stand inside a script element."""
    # The end of a script, or a comment, must not come about inside one, whatever a label says.
    return json.dumps(trace, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def script(name: str) -> str:
    """A module of `static` as one script with all that it imports, each module a constant such as ``layoutModule``.

    A module is JavaScript of which pages use this much: ``import { … } from "./other.js";`` on a line,
    ``export function`` and ``export const``. What is imported as a whole is a library, which goes in as it is, below
    its licence.
    """
    parts: dict[str, str] = {}
    _join(name, parts)
    return "\n".join(parts.values())


def _join(file: str, parts: dict[str, str]) -> None:
    if file in parts:
        return
    source = static(f"{file}.js")
    for needed in _IMPORT.finditer(source):
        if needed["names"] is None:
            parts.setdefault(needed["file"], _library(needed["file"]))
        else:
            _join(needed["file"], parts)

    def taken(used: re.Match[str]) -> str:
        return f"const {{ {used['names']} }} = {used['file']}Module;" if used["names"] else ""

    exported = ", ".join(_EXPORT.findall(source))
    body = _EXPORT.sub("", _IMPORT.sub(taken, source))
    parts[file] = f'const {file}Module = (() => {{\n"use strict";\n{body}return {{ {exported} }};\n}})();'


def _library(file: str) -> str:
    """A library with its licence, which is to be in all copies of it."""
    licence = re.sub(r"-[\d.]+\.min$", ".LICENSE", file)
    return f"/*!\n{static(licence)}*/\n{static(f'{file}.js')}"


def page(name: str, title: str, start: str, parts: Mapping[str, str], theme: Theme = "auto") -> str:
    """The page of that name: the files of `static` for all pages and for this one, and `parts` in their places.

    `start` is the statement that sets the page going.
    """
    template = static("page.html").replace("%%MAIN%%", _filled(f"{name}.html"))
    template = template.replace("%%STYLE%%", static("page.css") + _filled(f"{name}.css"))
    colours = {name: colour for name, colour in vars(palette).items() if name.isupper()}
    # All at once, for what stands in a part is no place for another.
    filled = {"TITLE": html.escape(title), "SCRIPT": script(name), "START": start, "THEME": theme, **colours, **parts}
    before, *pieces = template.split("%%")
    return before + "".join(filled.get(piece, piece) for piece in pieces)


def _filled(file: str) -> str:
    """A file of `static`, with others in the places that are called as they are, such as ``%%buttons.html%%``."""
    return _FILE.sub(lambda place: _filled(place[1]), static(file))


def static(file: str) -> str:
    """The text of a file of `static`."""
    return resources.files("viz").joinpath("static", file).read_text(encoding="utf-8")


def html_path(path: str | Path, what: str) -> Path:
    """The path of a page to be written; raises ValueError unless it ends in .html."""
    path = Path(path)
    if path.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"{what} is saved as .html, not as {path.name!r}")
    return path


def framed(page: str, title: str, svg: str | None, description: str, height: int = 680, fixed: bool = False) -> str:
    """A page for a notebook, in a frame; and under it a picture, for where frames are taken out, as on GitHub.

    Where scripts run in a notebook's output, the frame gets the height that the page asks for, unless it is `fixed`,
    and the page gets the theme of JupyterLab or VS Code.
    """
    picture = ""
    if svg is not None:
        picture = (
            f'<img alt="{html.escape(description)}" src="data:image/svg+xml;base64,'
            f'{base64.b64encode(svg.encode()).decode()}" style="grid-area:1/1;max-width:100%;max-height:{height}px">'
        )
    return (
        # In one cell of a grid: as high as the frame, or without it as the picture.
        f'<div style="display:grid">{picture}'
        f'<iframe title="{html.escape(title)}" style="grid-area:1/1;width:100%;height:{height}px;'
        f'border:0"{" data-fixed" if fixed else ""} sandbox="allow-scripts allow-downloads allow-modals" '
        f'srcdoc="{html.escape(page)}"></iframe>'
        f"<script>(() => {{ {static('frame.js')}"
        "if (document.currentScript) fitFrame(document.currentScript.parentElement.querySelector('iframe')); })();"
        "</script></div>"
    )
