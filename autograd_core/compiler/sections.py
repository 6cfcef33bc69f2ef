"""Arrays, and the sections of terms that linear arrays consist of."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

import numpy as np

from autograd_core.primitives import Primitive


@dataclass(eq=False)
class Section:
    """Terms of a linear array that multiply elements of the same one or two arrays, sorted by owner.

    Term k adds coefficient[k] * left[a[k]] * right[b[k]] to element owner[k]; without `right` just the first two.
    """

    owner: np.ndarray
    coefficient: np.ndarray
    left: Array
    a: np.ndarray
    right: Array | None = None
    b: np.ndarray | None = None
    weighted: bool = False
    """Whether the terms had constant factors, in which case they may be another's each."""

    def sorted(self) -> Section:
        """The same with the terms in order, and like terms made one, unless they may be inf - inf or 0 * inf."""
        b = np.zeros_like(self.a) if self.b is None else self.b
        sign = np.sign(self.coefficient)
        order = np.lexsort((sign, b, self.a, self.owner))
        owner, a, b, c = self.owner[order], self.a[order], b[order], self.coefficient[order]
        fresh = np.ones(len(owner), bool)
        fresh[1:] = (np.diff(owner) != 0) | (np.diff(a) != 0) | (np.diff(b) != 0) | (np.diff(sign[order]) != 0)
        if not fresh.all():
            first = np.flatnonzero(fresh)
            owner, a, b, c = owner[first], a[first], b[first], np.add.reduceat(c, first)
        return Section(owner, c, self.left, a, self.right, None if self.right is None else b, self.weighted)


@dataclass(eq=False)
class Array:
    """Scalars that one NumPy array holds; element p of a call is primitive(*(array[positions[p]])) of its operands."""

    shape: tuple[int, ...]
    nodes: list[int]
    """The scalars by number, in the order of the layout."""
    batched: bool = False
    """Whether there is one for each sample of a batch."""
    wanted: bool = False
    """Whether it depends on a parameter, so that its gradient is worked out."""
    primitive: Primitive | None = None
    """The operation of a call; None for a linear array or a source; `detach` for the largest of its terms."""
    operands: list[tuple[Array | None, np.ndarray]] = field(default_factory=list)
    """For each operand of a call the array and the positions in it; for constants None and the numbers."""
    sections: list[Section] = field(default_factory=list)
    offset: np.ndarray | None = None

    @property
    def size(self) -> int:
        """How many scalars."""
        return prod(self.shape)


class Grid:
    """The regular part of a section: as many terms for each owner, and rows times columns if they are that.

    `rows` and `columns` hold positions of shape (rows, K) and (columns, K); owner place[r, c] is the sum over K of
    the products. `scale` is the coefficients: a float, or an array for "rows" or "columns", which `scaled` says.
    """

    def __init__(self, section: Section) -> None:
        starts = np.flatnonzero(np.diff(section.owner, prepend=-1))
        counts = np.diff(starts, append=len(section.owner))
        self.section, self.starts = section, starts
        self.owners = section.owner[starts]
        self.regular = bool((counts == counts[0]).all())
        self.terms = int(counts[0]) if self.regular else 0
        self.found = False
        if not self.regular:
            return
        self.uniform = bool((section.coefficient == section.coefficient[0]).all())
        if section.b is not None:
            # By either factor: the terms of siblings line up where the other factor is theirs in common.
            for order in (np.arange(len(section.a)), np.lexsort((section.a, section.b, section.owner))):
                a, b, c = (some[order].reshape(-1, self.terms) for some in (section.a, section.b, section.coefficient))
                if not self.found:
                    self._find(a, b, c)
        elif not self.uniform:
            self._find_constant(section.a.reshape(-1, self.terms), section.coefficient.reshape(-1, self.terms))

    def _find(self, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> None:
        first_a, row = _distinct_rows(a)
        first_b, column = _distinct_rows(b)
        if len(first_a) * len(first_b) != len(a):
            return
        place = np.full((len(first_a), len(first_b)), -1)
        place[row, column] = self.owners
        if (place < 0).any():
            return
        scale = np.empty((*place.shape, self.terms))
        scale[row, column] = c
        left, right = self.section.left, self.section.right
        self.left_is_rows = not (place.shape[0] > 1 and (place.T.ravel() == self.owners).all())
        if right is not None and left.batched != right.batched and place.shape[0] > 1 and place.shape[1] > 1:
            self.left_is_rows = left.batched
        rows, columns = a[first_a], b[first_b]
        if not self.left_is_rows:
            place, rows, columns, scale = place.T, columns, rows, scale.swapaxes(0, 1)
        self.scaled = ""
        if self.uniform:
            self.scale = scale[0, 0, :1]
        elif (scale == scale[:, :1]).all():
            self.scaled, self.scale = "rows", scale[:, 0]
        elif (scale == scale[:1]).all():
            self.scaled, self.scale = "columns", scale[0]
        else:
            return
        self.found, self.place, self.rows, self.columns = True, place, rows, columns

    def _find_constant(self, a: np.ndarray, c: np.ndarray) -> None:
        """Rows of constants times columns of the array; by their turn, or equal numbers would make two rows one."""
        first, column = _distinct_rows(a)
        turns, rest = divmod(len(a), len(first))
        order = np.argsort(column, kind="stable")
        if rest or (np.bincount(column) != turns).any() or (turns == 1 and self.terms == 1):
            return
        turn = np.empty(len(a), int)
        turn[order] = np.tile(np.arange(turns), len(first))
        place = np.empty((turns, len(first)), int)
        place[turn, column] = self.owners
        scale = np.empty((*place.shape, self.terms))
        scale[turn, column] = c
        if (scale == scale[:, :1]).all():
            self.found, self.place, self.left_is_rows = True, place, False
            self.scaled, self.scale = "constants", scale[:, 0]
            self.rows, self.columns = np.empty((turns, 0)), a[first]


def _distinct_rows(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The places of the first of each sort of rows, in the order of what they begin with, and for each row its sort."""
    # Equal rows have equal products with random numbers; that the converse holds is checked.
    weights = np.random.default_rng(0).integers(1, 2**62, size=rows.shape[1])
    _, first, inverse = np.unique(rows @ weights, return_index=True, return_inverse=True)
    order = np.lexsort((first, rows[first, 0]))
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    first, inverse = first[order], rank[inverse]
    assert (rows == rows[first][inverse]).all()
    return first, inverse
