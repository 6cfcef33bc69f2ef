"""Arrays, and the sections of terms that linear arrays consist of."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from math import prod

import numpy as np

from autograd_core.compiler.kinds import How
from autograd_core.primitives import Primitive


@dataclass(frozen=True, eq=False)
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

    @cached_property
    def starts(self) -> np.ndarray:
        """Where the terms of each owner start."""
        return np.flatnonzero(np.diff(self.owner, prepend=-1))

    @property
    def owners(self) -> np.ndarray:
        """The elements that have terms."""
        return self.owner[self.starts]

    @cached_property
    def terms(self) -> int:
        """How many terms each owner has, or 0 if they have not all as many."""
        counts = np.diff(self.starts, append=len(self.owner))
        return int(counts[0]) if (counts == counts[0]).all() else 0

    @cached_property
    def is_uniform(self) -> bool:
        """Whether all coefficients are the same."""
        return bool((self.coefficient == self.coefficient[0]).all())

    @property
    def factors(self) -> list[tuple[Array, np.ndarray]]:
        """The one or two arrays that the terms multiply, and the positions in them."""
        if self.right is None or self.b is None:
            return [(self.left, self.a)]
        return [(self.left, self.a), (self.right, self.b)]

    def joined(self, other: Section) -> Section:
        """The terms of both, which multiply the same arrays."""
        b = None if self.b is None or other.b is None else np.concatenate([self.b, other.b])
        owner, c, a = (
            np.concatenate(both)
            for both in ((self.owner, other.owner), (self.coefficient, other.coefficient), (self.a, other.a))
        )
        return Section(owner, c, self.left, a, self.right, b, self.weighted)

    def of(self, keep: np.ndarray) -> Section:
        """The terms that a mask keeps."""
        b = None if self.b is None else self.b[keep]
        return Section(self.owner[keep], self.coefficient[keep], self.left, self.a[keep], self.right, b, self.weighted)


@dataclass(eq=False)
class Chosen:
    """Element p of an array that looks up: of column which[p] of a table the entry that a token chooses."""

    token: Array
    at: np.ndarray
    """The position of the token of each element."""
    which: np.ndarray
    entries: list[tuple[Array | None, np.ndarray]]
    """The table, of shape (columns, entries), as a sum: an array and the positions in it, -1 where there is 0; for
    constants None and the numbers."""


@dataclass(eq=False)
class Array:
    """Scalars that one NumPy array holds; element p of a call is primitive(*(array[positions[p]])) of its operands."""

    shape: tuple[int, ...]
    nodes: list[int]
    """The scalars by number, in the order of the layout."""
    batched: bool = False
    """Whether there is one for each sample of a batch."""
    requires_grad: bool = False
    """Whether it depends on a source of which the gradient is asked for, so that its own is worked out."""
    primitive: Primitive | None = None
    """The operation of a call; None for a reduction of terms or a source."""
    operands: list[tuple[Array | None, np.ndarray]] = field(default_factory=list)
    """For each operand of a call the array and the positions in it; for constants None and the numbers."""
    sections: list[Section] = field(default_factory=list)
    how: How = "sum"
    """What becomes of the terms in all sections: their sum, or the largest, which hands no gradient back."""
    offset: np.ndarray | None = None
    chosen: Chosen | None = None
    """What it looks up, if its elements are chosen by tokens."""

    @property
    def size(self) -> int:
        """How many scalars."""
        return prod(self.shape)
