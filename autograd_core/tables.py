"""The two passes as tables, read off the topological order and the event stream of `graph.backward_steps`."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

from autograd_core import formula
from autograd_core.formula import number_text
from autograd_core.graph import BackwardStep, backward_steps, topological_order
from autograd_core.value import Value

MOST_ROWS = 40
WIDTH = 80
INDENT = " " * 4
Row = tuple[str, ...]


@dataclass(frozen=True, repr=False)
class Table:
    """Rows of text under a header; prints aligned, in lines of at most 80 columns, and is a table in a notebook.

    What is too wide has narrower gaps or, where that is not enough, several lines a row, the later ones indented.

    Of a table of more rows than it shows, the others are written when they are asked for.
    """

    header: Row
    rows: Sequence[Row]

    def __str__(self) -> str:
        lines = [tuple(map(_cut, line)) for line in (self.header, *self.rows[:MOST_ROWS])]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        lines.insert(1, tuple("-" * width for width in widths))
        gap = "  " if sum(widths) + 2 * (len(widths) - 1) <= WIDTH else " "
        folds = _folds(widths, len(gap))
        printed = [
            ((INDENT if fold.start else "") + gap.join(map(str.ljust, line[fold], widths[fold]))).rstrip()
            for line in lines
            for fold in folds
        ]
        more = [f"... and {len(self.rows) - MOST_ROWS:,} more"] if len(self.rows) > MOST_ROWS else []
        return "\n".join(printed + more)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        def line(cells: Sequence[str], tag: str) -> str:
            return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

        body = [line(row, "td") for row in self.rows[:MOST_ROWS]]
        if len(self.rows) > MOST_ROWS:
            body.append(line([f"... {len(self.rows) - MOST_ROWS:,} more rows"], "td"))
        return f"<table>{line(self.header, 'th')}{''.join(body)}</table>"


class _LongRows(Sequence[Row]):
    """The rows of a long table: the first ones as they were when it was made, and the others on demand."""

    def __init__(self, first: list[Row], count: int, rest: Callable[[], list[Row]]) -> None:
        self._first, self._count, self._rest = first, count, rest

    @cached_property
    def _all(self) -> list[Row]:
        return self._first + self._rest()

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any) -> Any:
        places = range(self._count)[index]
        ends = [places] if isinstance(places, int) else [*places[:1], *places[-1:]]
        rows = self._first if max(ends, default=0) < len(self._first) else self._all
        return rows[places] if isinstance(places, int) else [rows[place] for place in places]


def _rows(
    order: list[Value],
    count: int,
    items: Callable[[], Iterator[Any]],
    nodes_of: Callable[[Any], tuple[Value, ...]],
    write: Callable[[Any, dict[Value, str]], Row],
) -> Sequence[Row]:
    """A row for each of `count` items, written on the names of its nodes: of a million items, first those shown."""

    def written(start: int, stop: int | None) -> list[Row]:
        chosen = list(islice(items(), start, stop))
        names = formula.names_of(order, {node for item in chosen for node in nodes_of(item)})
        return [write(item, names) for item in chosen]

    first = written(0, MOST_ROWS)
    return first if count <= MOST_ROWS else _LongRows(first, count, lambda: written(MOST_ROWS, None))


def forward_table(output: Value) -> Table:
    """The forward pass: every node that is not a constant, how it was computed, and its value.

    >>> x = Value(3.0, label="x")
    >>> print(forward_table(2 * x))
    node  operation  value
    ----  ---------  -----
    x     input      3
    v2    2 * x      6
    """
    order = topological_order(output)

    def row(node: Value, names: dict[Value, str]) -> Row:
        return names[node], "input" if node.op is None else formula.operation(node, names), number_text(node.data)

    rows = _rows(
        order,
        sum(not node.is_constant for node in order),
        lambda: (node for node in order if not node.is_constant),
        lambda node: (node, *node.inputs),
        row,
    )
    return Table(("node", "operation", "value"), rows)


def backward_table(output: Value) -> Table:
    """The backward pass: the seed, then each accumulation, with the gradient before and after.

    >>> x = Value(3.0, label="x")
    >>> print(backward_table(x * x))
    into  from  argument  upstream  local  contribution  before  after
    ----  ----  --------  --------  -----  ------------  ------  -----
    v1    seed                             1             0       1
    x     v1    1         1         3      3             0       3
    x     v1    2         1         3      3             3       6
    """
    order = topological_order(output)

    def row(step: BackwardStep, names: dict[Value, str]) -> Row:
        numbers = (step.upstream, step.local, step.contribution, step.before, step.after)
        source = ("seed", "")
        if step.node is not None and step.position is not None:
            source = (names[step.node], str(step.position + 1))
        return names[step.input], *source, *("" if n is None else number_text(n) for n in numbers)

    rows = _rows(
        order,
        1 + sum(not operand.is_constant for node in order for operand in node.inputs),
        lambda: backward_steps(output, order=order),
        lambda step: (step.input,) if step.node is None else (step.node, step.input),
        row,
    )
    return Table(("into", "from", "argument", "upstream", "local", "contribution", "before", "after"), rows)


def _cut(cell: str) -> str:
    """A cell that fits into a line."""
    most = WIDTH - len(INDENT)
    return cell if len(cell) <= most else cell[: most - 1] + "…"


def _folds(widths: Sequence[int], gap: int) -> list[slice]:
    """Which columns stand on each line of a row: as many as fit."""
    starts, room = [0], WIDTH - widths[0]
    for column, width in enumerate(widths[1:], 1):
        room -= gap + width
        if room < 0:
            starts.append(column)
            room = WIDTH - len(INDENT) - width
    return [slice(start, stop) for start, stop in zip(starts, [*starts[1:], len(widths)], strict=True)]


def shortened(items: Sequence[Any], write: Callable[[Any], str]) -> list[str]:
    """The items as lines, those past the first MOST_ROWS counted in a last line."""
    lines = [write(item) for item in items[:MOST_ROWS]]
    return lines if len(items) <= MOST_ROWS else [*lines, f"... and {len(items) - MOST_ROWS:,} more"]
