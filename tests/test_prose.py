"""Turns of phrase that are ruled out in the course, README.md and docstrings; the list does not replace reading."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RULED_OUT = {
    r"\b(lest|whoever|whomever|whence|thereof)\b": ("lest it overflow", "so that it does not overflow"),
    r"\b(derivatives?|gradients?|differentiated?)( of [\w ]{1,30})? by (the |\$|`|[b-z]\d?\b)": (
        "the derivative by x",
        "the derivative with respect to x, and the gradient by a factor",
    ),
    r"\ba training(?=[.,;:?!)]| (is|was|ends|has|goes|of)\b)|\btrainings\b": (
        "What does that do to a training?",
        "What does that do to training, and to a training run?",
    ),
    r"\b(stands?|lies?) the\b": ("In a box stand the label and ...", "Each box shows the label and ..."),
    r"\b(stumbled? over|as one usually|for want of)\b": ("what one stumbled over", "what is often wrong"),
}
"""A pattern, what it catches, and what it lets pass."""


def docstrings(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def prose() -> Iterator[tuple[Path, str]]:
    """Every text, with the file it stands in."""
    for path in [ROOT / "README.md", *sorted((ROOT / "notebooks").glob("*.md"))]:
        yield path, path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            yield path, "".join(cell["source"])
    for package in ("autograd_core", "nn", "viz"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for text in docstrings(path):
                yield path, text


@pytest.mark.parametrize("pattern", RULED_OUT)
def test_the_pattern_knows_the_phrase_from_a_better_one(pattern: str) -> None:
    caught, passed = RULED_OUT[pattern]
    assert re.search(pattern, caught, re.IGNORECASE)
    assert not re.search(pattern, passed, re.IGNORECASE)


def test_no_ruled_out_phrase() -> None:
    found = [
        f"{path.relative_to(ROOT)}: ... {text[max(0, hit.start() - 30) : hit.end() + 30]!r}"
        for path, text in prose()
        for pattern in RULED_OUT
        for hit in re.finditer(pattern, text, re.IGNORECASE)
    ]
    assert found == []
