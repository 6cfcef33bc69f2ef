"""What the command line is given: formulas, the numbers of their inputs, and files."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unicodedata import normalize

from autograd_core.expression import ExpressionError, MissingInputError, number

MOST_READ = 10_000_000
"""How many bytes of an expression are read from standard input."""


def require_suffix(option: str, path: Path, kind: str) -> None:
    """Raise an ExpressionError unless the path of an option is that of a file of this kind, such as html."""
    if path.suffix.lower() not in (f".{kind}", *([".htm"] if kind == "html" else [])) or "\0" in str(path):
        raise ExpressionError(f"{option} takes a file that ends in .{kind}, not {str(path)[-60:]}")


@contextmanager
def hint_at_inputs() -> Iterator[None]:
    """Say how a missing input gets its value here."""
    try:
        yield
    except MissingInputError as error:
        raise ExpressionError(f"{error} with --at {error.name}=…") from None


def source(given: str) -> str:
    """The formulas of an argument, of which - is what is on standard input."""
    return (_standard_input() if given == "-" else given).removeprefix("\ufeff")


def _standard_input() -> str:
    """The expression on standard input: UTF-8, or UTF-16 as PowerShell writes it, with or without a mark in front."""
    if sys.stdin is None or sys.stdin.closed:
        raise ExpressionError("- reads the expression from standard input, which is closed")
    given = getattr(sys.stdin, "buffer", sys.stdin).read(MOST_READ + 1)
    if len(given) > MOST_READ:
        raise ExpressionError(f"standard input has more than {MOST_READ:,} bytes, which is no expression to explain")
    if isinstance(given, str):
        return given
    encoding = "utf-8"
    if given.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif b"\0" in given[:2]:
        # Half of each letter of ASCII is zero, and no expression has a zero of its own.
        encoding = "utf-16-be" if given.startswith(b"\0") else "utf-16-le"
    try:
        return given.decode(encoding)
    except UnicodeDecodeError as error:
        where = f"byte {given[error.start]:#04x} at place {error.start + 1:,}"
        raise ExpressionError(f"standard input is neither UTF-8 nor UTF-16: {where}") from None


def numbers(assignments: Sequence[str]) -> dict[str, float]:
    """The numbers of arguments such as x=pi/2, by name."""
    found: dict[str, float] = {}
    for assignment in assignments:
        name, _, text = assignment.partition("=")
        name = normalize("NFKC", name.strip())
        what = f"--at takes name=value, such as x=1.5 or x=pi/2, and each name once, not {assignment[:60]!r}"
        if not name or not text or name in found:
            raise ExpressionError(what)
        try:
            found[name] = _number(text)
        except ExpressionError as error:
            raise ExpressionError(f"{what}: {error}") from None
    return found


def _number(text: str) -> float:
    try:
        return float(text)  # which also knows nan
    except ValueError:
        return number(text)
