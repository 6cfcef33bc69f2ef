"""Long functions cut into pieces, for CPython needs kilobytes for each line of the one that it compiles."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from autograd_core.compiler.names import Names

LONGEST = 20_000
"""How many lines a function may have."""


class Line(NamedTuple):
    """The line that gives a name to an expression, and the names that the expression reads."""

    name: str
    text: str
    reads: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name} = {self.text}"


class Pieces(NamedTuple):
    """The lines of a function, and the functions that they call, by name."""

    lines: list[str]
    functions: dict[str, str]


def cut(
    lines: Sequence[Line], kept: Collection[str], stem: str, taken: Collection[str], longest: int = LONGEST
) -> Pieces:
    """The lines as they are, or if they are many as calls of functions called `stem` with a number.

    Each is handed what it reads, and returns what is read after it or is to be `kept`. None has a name that is `taken`.

    >>> lines = [Line("a", "x * x", ("x",)), Line("b", "a + 1.0", ("a",)), Line("c", "a * b", ("a", "b"))]
    >>> pieces = cut(lines, {"c"}, "part", {"a", "b", "c"}, longest=2)
    >>> pieces.lines
    ['(a, b,) = part1(x)', '(c,) = part2(a, b)']
    >>> print(pieces.functions["part2"])
    def part2(a, b):
        c = a * b
        return (c,)
    """
    if len(lines) <= longest:
        return Pieces([str(line) for line in lines], {})
    needed, calls, functions = set(kept), list[str](), dict[str, str]()
    starts, names = range(0, len(lines), longest), Names(taken)
    for start, name in reversed([(start, names.fresh(stem, numbered=True)) for start in starts]):
        some = lines[start : start + longest]
        made = [line.name for line in some]
        returned = [one for one in made if one in needed]
        if not returned:
            continue
        own = set(made)
        given = [read for read in dict.fromkeys(read for line in some for read in line.reads) if read not in own]
        needed.difference_update(returned)
        needed.update(given)
        result = f"({', '.join(returned)},)"
        calls.append(f"{result} = {name}({', '.join(given)})")
        body = [f"    {line}" for line in some]
        functions[name] = "\n".join([f"def {name}({', '.join(given)}):", *body, f"    return {result}"])
    return Pieces(calls[::-1], functions)
