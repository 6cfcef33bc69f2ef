"""Long functions cut into pieces, for CPython needs kilobytes for each line of the one that it compiles."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from autograd_core.compiler.names import Names

LONGEST = 100_000
"""How many lines a function may have."""


class Line(NamedTuple):
    """The line that gives a name to an expression, and the names that the expression reads."""

    name: str
    text: str
    reads: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name} = {self.text}"


class Pieces(NamedTuple):
    """The lines of each stretch of a function, and the functions that they call, by name."""

    lines: list[list[str]]
    functions: dict[str, str]


class _Piece(NamedTuple):
    """Lines that become a function."""

    stretch: int
    function: str
    lines: Sequence[Line]


def cut(
    stretches: Mapping[str, Sequence[Line]], kept: Collection[str], taken: Collection[str], longest: int = LONGEST
) -> Pieces:
    """The lines of named stretches as they are, or if they are many as calls of functions with a number in their name.

    A function returns a tuple of what each later one reads, which is handed to that one as it is, and then what is to
    be `kept`. Nothing gets a name that is `taken`.

    >>> lines = [Line("a", "x * x", ("x",)), Line("b", "a + 1.0", ("a",)), Line("c", "a * b", ("a", "b"))]
    >>> pieces = cut({"part": lines}, {"c"}, {"a", "b", "c"}, longest=2)
    >>> pieces.lines
    [['part1_to_part2, () = part1(x)', '(c,) = part2(part1_to_part2)']]
    >>> print(pieces.functions["part2"])
    def part2(part1_to_part2):
        (a, b,) = part1_to_part2
        c = a * b
        return (c,)
    """
    if all(len(lines) <= longest for lines in stretches.values()):
        return Pieces([[str(line) for line in lines] for lines in stretches.values()], {})
    names = Names(taken)
    pieces = [
        _Piece(stretch, names.fresh(stem, numbered=True), lines[start : start + longest])
        for stretch, (stem, lines) in enumerate(stretches.items())
        for start in range(0, len(lines), longest)
    ]
    maker: dict[str, int] = {}
    given: list[list[str]] = []
    taking: list[dict[int, list[str]]] = []
    handing: list[dict[int, list[str]]] = [{} for _ in pieces]
    """What each piece reads of which other one, and what it hands on to which other one."""
    for number, piece in enumerate(pieces):
        own = dict.fromkeys([line.name for line in piece.lines], number)
        given.append([])
        taking.append({})
        for read in dict.fromkeys(chain.from_iterable([line.reads for line in piece.lines])):
            if read in maker:
                taking[number].setdefault(maker[read], []).append(read)
            elif read not in own:
                given[number].append(read)
        for source, some in taking[number].items():
            handing[source][number] = some
        maker |= own
    tuples: dict[tuple[int, int], str] = {}
    calls: list[list[str]] = [[] for _ in stretches]
    functions: dict[str, str] = {}
    for number, piece in enumerate(pieces):
        for user in handing[number]:
            tuples[number, user] = names.fresh(f"{piece.function}_to_{pieces[user].function}")
        arguments = ", ".join([*(tuples[source, number] for source in taking[number]), *given[number]])
        returned = [_tuple(line.name for line in piece.lines if line.name in kept)]
        results = ", ".join([*(tuples[number, user] for user in handing[number]), *returned])
        calls[piece.stretch].append(f"{results} = {piece.function}({arguments})")
        body = [f"{_tuple(some)} = {tuples[source, number]}" for source, some in taking[number].items()]
        body += [*map(str, piece.lines), f"return {', '.join([*map(_tuple, handing[number].values()), *returned])}"]
        functions[piece.function] = "\n    ".join([f"def {piece.function}({arguments}):", *body])
    return Pieces(calls, functions)


def _tuple(names: Iterable[str]) -> str:
    text = ", ".join(names)
    return f"({text},)" if text else "()"
