"""The loops over an operation in C: along which axes, what stands inside, and where that is in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from autograd_core.compiler.c_access import even, merged_axes
from autograd_core.compiler.c_memory import CONTRACTIONS, Found, Memory
from autograd_core.compiler.kinds import (
    Broadcast,
    Gather,
    Kind,
    MatMul,
    Place,
    Reduce,
    SampleProduct,
    Segments,
    VecDot,
    View,
)
from autograd_core.compiler.rewrites import number_at
from autograd_core.compiler.steps import Shape

Spread = Callable[[np.ndarray], np.ndarray]
"""Positions of an operand, over all axes of a nest."""


TERMS = -1
"""The terms of a sum, where other loops are over a group of axes."""


@dataclass(frozen=True)
class Variable:
    """Where a loop is: names that are added up, and a number."""

    names: tuple[str, ...] = ()
    offset: int = 0


@dataclass
class Access:
    """Elements of an array in a nest: the strides along each group of axes and along the terms of a sum."""

    name: str
    batched: bool
    """Whether there is one array for each lane."""
    start: int
    strides: list[int]
    along: int = 0
    table: str = ""
    """The table that the index is looked up in."""
    negative: bool = False
    """Whether the table has negative positions, which stand for 0."""


@dataclass
class Nest:
    """The loops over an operation."""

    target: Access
    """Where the elements go."""
    sizes: list[int]
    """How long each group of axes is that one loop runs over."""
    access: dict[tuple[Place | None, Place], Access]
    """Where the elements of an operation are that are read as they are, or in the terms of a sum, which comes first."""
    terms: dict[Place, int]
    """For each sum inside the number of its terms, 0 if it varies."""


class Finder:
    """Finds the nest over an expression; `array` names an array, and `table` a constant table."""

    def __init__(self, memory: Memory, array: Callable[[Place], str], table: Callable[[np.ndarray], str]) -> None:
        self.memory, self.form, self.array, self.table = memory, memory.form, array, table
        self.found: dict[tuple[Place | None, Place], Found] = {}
        self.terms: dict[Place, int] = {}

    def nest(self, place: Place, at: np.ndarray, target: Place, beside: Sequence[Place] = ()) -> Nest:
        """The nest over an operation whose elements go to the positions `at` of an array, with others beside it."""
        shape = at.shape
        for other in beside:
            self._collect(other, None, lambda some: np.broadcast_to(some, shape))
        self._collect(place, None, lambda some: np.broadcast_to(some, shape), own=place == target)
        everything = [(target, at), *self.found.values()]
        evens = [even(some) for _, some in everything]
        groups = merged_axes(shape, [one.strides[: len(shape)] for one in evens if one])
        sizes = [prod(shape[axis] for axis in group) for group in groups]
        accesses = []
        for (base, some), one in zip(everything, evens, strict=True):
            terms = some.shape[len(shape)] if some.ndim > len(shape) else 0
            access = Access(self.array(base), self.form[base].batched, 0, [])
            if one:
                access.start, access.along = one.start, one.strides[-1] if terms else 0
                access.strides = [one.strides[group[-1]] for group in groups]
            else:
                access.table, access.along = self.table(np.ascontiguousarray(some).ravel()), int(terms > 0)
                access.negative = bool((some < 0).any())
                access.strides = [max(terms, 1) * prod(sizes[group + 1 :]) for group in range(len(sizes))]
            accesses.append(access)
        return Nest(accesses[0], sizes, dict(zip(self.found, accesses[1:], strict=True)), self.terms)

    def _collect(self, place: Place, within: Place | None, spread: Spread, own: bool = False) -> None:
        """Find what an expression reads, and the sums in it; its `own` array is what is being filled."""
        kind, memory = self.form[place].kind, self.memory
        if number_at(self.form, place) is not None:
            return
        if memory.is_in_memory(place) and not own:
            base, at = memory.positions(place)
            self.found[within, place] = base, spread(at)
        elif isinstance(kind, Gather) and memory.is_lookup(place):
            self._collect(kind.at, within, spread)
        elif isinstance(kind, (View, Gather, Broadcast)) and number_at(self.form, kind.source) is None:
            base, at = memory.seen(place)
            self.found[within, place] = base, spread(at)
        elif isinstance(kind, CONTRACTIONS) and within is None:
            self._collect_sum(place, kind)
        else:
            for operand in self.form[place].operands:
                self._collect(operand, within, spread)

    def _collect_sum(self, total: Place, kind: Kind) -> None:
        """Find what the terms of a sum read: positions over all axes of the sum, and last over its terms."""
        form, shape = self.form, self.form[total].shape
        if isinstance(kind, (MatMul, SampleProduct)):
            self.terms[total] = _terms(kind, form[kind.left].shape)
            spreads = _sides(kind, form[kind.left].shape, form[kind.right].shape, (*shape, self.terms[total]))
            twin = twin_of(kind.right) if kind.left == kind.right else kind.right
            for key, factor, spread in zip((kind.left, twin), (kind.left, kind.right), spreads, strict=True):
                base, at = self.memory.positions(factor)
                self.found[total, key] = base, spread(at)
        elif isinstance(kind, VecDot):
            full = np.broadcast_shapes(form[kind.left].shape, form[kind.right].shape)
            self.terms[total] = full[-1]
            for factor in (kind.left, kind.right):
                self._collect(factor, total, lambda some: np.broadcast_to(some, full))
        elif isinstance(kind, Reduce):
            full, axis = form[kind.source].shape, kind.axis
            assert axis is not None
            self.terms[total] = full[axis]
            self._collect(kind.source, total, lambda some: np.moveaxis(np.broadcast_to(some, full), axis, -1))
        elif isinstance(kind, Segments):
            self.terms[total] = 0
            base, at = self.memory.positions(kind.source)
            self.found[total, kind.source] = base, np.broadcast_to(at, (*shape, len(at)))


def _terms(kind: MatMul | SampleProduct, left: Shape) -> int:
    """How many terms each element of a product is the sum of, for one sample."""
    if isinstance(kind, MatMul):
        return left[-1]
    return left[0] if kind.terms else 1


def _sides(kind: MatMul | SampleProduct, a: Shape, b: Shape, full: Shape) -> tuple[Spread, Spread]:
    """How the positions in both factors of a product are spread over its axes and its terms."""

    def left(some: np.ndarray) -> np.ndarray:
        if isinstance(kind, MatMul):
            return np.broadcast_to(some[..., None, :] if len(b) > 1 else some, full)
        some = np.moveaxis(some, 0, -1) if kind.terms else some[..., None]
        columns = (1,) * (len(b) - kind.terms)
        return np.broadcast_to(some.reshape(*some.shape[:-1], *columns, some.shape[-1]), full)

    def right(some: np.ndarray) -> np.ndarray:
        if isinstance(kind, SampleProduct):
            return np.broadcast_to(np.moveaxis(some, 0, -1) if kind.terms else some[..., None], full)
        if len(b) == 1:
            return np.broadcast_to(some, full)
        some = some.swapaxes(-1, -2)
        return np.broadcast_to(some[..., None, :, :] if len(a) > 1 else some, full)

    return left, right


def twin_of(place: Place) -> Place:
    """A key for the second of two factors that are one operation."""
    return -place - 1
