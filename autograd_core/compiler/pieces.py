"""Long functions cut into pieces, for CPython needs kilobytes for each line of the one that it compiles."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
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
    """The lines of each stretch of a function, and the functions that they call, by name."""

    lines: list[list[str]]
    functions: dict[str, str]


class _Piece(NamedTuple):
    """Lines that become a function."""

    stretch: int
    function: str
    made: str
    """The name of the tuple of what later pieces read."""
    lines: Sequence[Line]


def cut(
    stretches: Mapping[str, Sequence[Line]], kept: Collection[str], taken: Collection[str], longest: int = LONGEST
) -> Pieces:
    """The lines of named stretches as they are, or if they are many as calls of functions with a number in their name.

    A function returns a tuple of what later ones read, which is handed to them as it is, and one of what is to be
    `kept`. Nothing gets a name that is `taken`.

    >>> lines = [Line("a", "x * x", ("x",)), Line("b", "a + 1.0", ("a",)), Line("c", "a * b", ("a", "b"))]
    >>> pieces = cut({"part": lines}, {"c"}, {"a", "b", "c"}, longest=2)
    >>> pieces.lines
    [['part1_made, () = part1(x)', 'part2_made, (c,) = part2(part1_made)']]
    >>> print(pieces.functions["part2"])
    def part2(part1_made):
        (a, b,) = part1_made
        c = a * b
        return (), (c,)
    """
    if all(len(lines) <= longest for lines in stretches.values()):
        return Pieces([[str(line) for line in lines] for lines in stretches.values()], {})
    names, pieces = Names(taken), list[_Piece]()
    for stretch, (stem, lines) in enumerate(stretches.items()):
        for start in range(0, len(lines), longest):
            function = names.fresh(stem, numbered=True)
            pieces.append(_Piece(stretch, function, names.fresh(f"{function}_made"), lines[start : start + longest]))
    maker: dict[str, int] = {}
    later: list[dict[str, None]] = [{} for _ in pieces]
    taking: list[tuple[list[int], list[str]]] = []
    for number, piece in enumerate(pieces):
        own = {line.name for line in piece.lines}
        reads = dict.fromkeys(read for line in piece.lines for read in line.reads if read not in own)
        for read in reads:
            if read in maker:
                later[maker[read]][read] = None
        sources = sorted({maker[read] for read in reads if read in maker})
        taking.append((sources, [read for read in reads if read not in maker]))
        maker.update(dict.fromkeys(own, number))
    calls: list[list[str]] = [[] for _ in stretches]
    functions: dict[str, str] = {}
    for piece, (sources, given), needed in zip(pieces, taking, later, strict=True):
        arguments = ", ".join([*(pieces[source].made for source in sources), *given])
        returned = _tuple(line.name for line in piece.lines if line.name in kept)
        calls[piece.stretch].append(f"{piece.made}, {returned} = {piece.function}({arguments})")
        body = [f"{_tuple(later[source])} = {pieces[source].made}" for source in sources]
        body += [*map(str, piece.lines), f"return {_tuple(needed)}, {returned}"]
        functions[piece.function] = "\n    ".join([f"def {piece.function}({arguments}):", *body])
    return Pieces(calls, functions)


def _tuple(names: Iterable[str]) -> str:
    text = ", ".join(names)
    return f"({text},)" if text else "()"
