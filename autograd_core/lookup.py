"""Looking up by a number that is known only when the graph is computed: ``lookup(table, token)``."""

from __future__ import annotations

from typing import Any

from autograd_core.floats import FLAT, as_float, checked_id, is_array
from autograd_core.primitives import REAL, Primitive
from autograd_core.value import Value, apply, as_value


class Lookup(Primitive):
    """The operation of one node of `lookup`: its inputs are the token and the entry that this one chooses.

    To a backward pass it is the entry itself. A program, which chooses again at each call, needs the others as well.
    """

    def __init__(self, column: tuple[Value, ...]) -> None:
        vars(self).update(_FIELDS)
        self.column = column
        """The entries among which the token chooses."""

    def __reduce__(self) -> Any:
        return Lookup, (self.column,)


def _entry(token: Any, entry: Any) -> Any:
    return entry


_FIELDS = vars(Primitive("lookup", _entry, lambda token, entry, out: (FLAT, 1.0), domain=(REAL, REAL), composed=_entry))


def lookup(table: Any, token: Any) -> Any:
    """The row of a table that a token chooses, as a list; the entry, if the table is a flat sequence of them.

    `table` is a sequence of rows of one length, or an array with axes (entries, columns), of Values and numbers. The
    `token` is a whole number from 0 to the number of rows - 1. As a plain number it is an index. As a Value it becomes
    an input of the graph: each column gives a node whose inputs are the token and the chosen entry, and a compiled
    program chooses the row by the token that it is called with. Backward, the entry gets the gradient; the token gets
    none. The table may be changed later: what is recorded keeps its entries.

    Raises ValueError for a token that is no whole number in range, for an empty table, and for rows of different
    lengths; TypeError for a token that is no number. So does a compiled program for its tokens.

    >>> table = [[Value(0.0), Value(0.1)], [Value(1.0), Value(1.1)]]
    >>> token = Value(1.0)
    >>> row = lookup(table, token)
    >>> row[1].backward()
    >>> row[1].data, table[1][1].grad, token.grad
    (1.1, 1.0, 0.0)
    >>> lookup([5.0, 6.0, 7.0], 2)
    7.0
    """
    size = len(table)
    if not size:
        raise ValueError("lookup takes a table with at least one entry, got an empty one")
    position = checked_id(token.data if isinstance(token, Value) else as_float(token, "lookup"), size)
    chosen = table[position]
    is_flat = not (isinstance(chosen, (list, tuple)) or is_array(chosen))
    if not isinstance(token, Value):
        return chosen if is_flat else list(chosen)
    try:
        columns = [tuple(table)] if is_flat else list(zip(*table, strict=True))
    except (TypeError, ValueError):
        raise ValueError("lookup takes a table with rows of one length, or a flat one") from None
    nodes = [apply(Lookup(column), token, column[position]) for column in map(_of_nodes, columns)]
    return nodes[0] if is_flat else nodes


def _of_nodes(column: tuple[Any, ...]) -> tuple[Value, ...]:
    """The entries, of which plain numbers become constants."""
    return column if set(map(type, column)) == {Value} else tuple([as_value(entry, "lookup") for entry in column])
