"""Which operations of a form are arrays in memory, and where in them the elements of the others are.

The rest are expressions that stand inside the loops of those that read them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from math import prod

import numpy as np

from autograd_core.compiler.c_access import even, stepped_positions
from autograd_core.compiler.c_functions import EACH
from autograd_core.compiler.ir import Form
from autograd_core.compiler.kinds import (
    Broadcast,
    Call,
    Constant,
    Copy,
    Gather,
    Input,
    Kind,
    MatMul,
    Not,
    Place,
    Positions,
    Reduce,
    SampleProduct,
    Scatter,
    ScatterAdd,
    Segments,
    Uniform,
    VecDot,
    View,
)
from autograd_core.compiler.rewrites import number_at
from autograd_core.compiler.steps import Shape

CONTRACTIONS = (MatMul, SampleProduct, VecDot, Reduce, Segments)
"""The operations whose elements are sums, or the largest, of several."""

Found = tuple[Place, np.ndarray]
"""An operation with an array of its own, and flat positions in that; negative ones stand for 0."""


class Memory:
    """The arrays of a form, of which the operations in `used` are worked out and those in `named` get a name."""

    def __init__(self, form: Form, used: Sequence[Place], named: Collection[Place], roots: Sequence[Place]) -> None:
        self.form, self.named = form, named
        self.root: dict[Place, Place] = {}
        """For what is written into, the operation whose array that is."""
        self.arrays: set[Place] = set()
        """The operations with an array of their own."""
        self._positions: dict[Place, Found] = {}
        for place in used:
            self._settle(place)
        for place in roots:
            self._demand(place)

    def _settle(self, place: Place) -> None:
        """Decide about an operation and about its operands."""
        one, form = self.form[place], self.form
        kind = one.kind
        if isinstance(kind, Scatter):
            self.root[place] = self.root.get(kind.into, kind.into)
            self.arrays |= {place, self.root[place]}
            if form[kind.part].shape != self._target_shape(kind):
                self._demand(kind.part)
        elif isinstance(kind, (Positions, ScatterAdd)) or self.is_lookup(place):
            self.arrays.add(place)
            if isinstance(kind, Gather):
                self._demand(kind.source)
                base, at = self.positions(kind.source) if self.is_in_memory(kind.source) else (kind.source, None)
                if at is None or at.size != prod(form[base].shape) or (at.ravel() != np.arange(at.size)).any():
                    self.arrays.add(kind.source)
                    self._positions.pop(kind.source, None)
        elif self._is_array(place, kind):
            self.arrays.add(place)
        if isinstance(kind, (View, Gather, Segments, Broadcast)) and not self.is_lookup(place):
            self._demand(kind.source)
        elif isinstance(kind, (MatMul, SampleProduct)):
            self._demand(kind.left, evenly=True)
            self._demand(kind.right, evenly=True)
        elif isinstance(kind, (VecDot, Reduce)):
            for operand in one.operands:
                if (form[operand].shape, form[operand].batched) != (one.shape, one.batched):
                    for inner in self._contractions_in(operand):
                        self.arrays.add(inner)
                if form[operand].batched != one.batched and isinstance(kind, VecDot):
                    self._demand(operand)
        elif isinstance(kind, (Call, Not, Positions, ScatterAdd)):
            for operand in one.operands:
                if (form[operand].shape, form[operand].batched) != (one.shape, one.batched):
                    self._demand(operand)

    def is_lookup(self, place: Place) -> bool:
        """Whether an operation gathers at positions that are worked out at each call."""
        kind = self.form[place].kind
        return isinstance(kind, Gather) and isinstance(self.form[kind.at].kind, Positions)

    def _is_array(self, place: Place, kind: Kind) -> bool:
        """Whether an operation is an array of its own in any case."""
        if isinstance(kind, Reduce) and kind.axis is None:
            return True
        if isinstance(kind, Call) and kind.primitive.name in EACH:
            return True
        if isinstance(kind, (Copy, SampleProduct)):
            return True
        return place in self.named and not isinstance(kind, (Input, Constant, View, Gather, Uniform))

    def _target_shape(self, kind: Scatter) -> Shape:
        if isinstance(kind.at, tuple):
            return stepped_positions(np.empty(self.form[kind.into].shape), kind.at).shape
        return self.form[kind.at].shape

    def _demand(self, place: Place, evenly: bool = False) -> None:
        """See to it that the elements of an operation are in memory, and if need be at positions without a table."""
        if number_at(self.form, place) is not None:
            return
        if not self.is_in_memory(place) or (evenly and even(self.positions(place)[1]) is None):
            self.arrays.add(place)
            self._positions.pop(place, None)

    def is_in_memory(self, place: Place) -> bool:
        """Whether the elements of an operation are elements of an array."""
        kind = self.form[place].kind
        if place in self.arrays:
            return True
        if isinstance(kind, Constant):
            return kind.numbers.array.ndim > 0
        if isinstance(kind, (View, Broadcast, Gather)):
            return self.is_in_memory(kind.source)
        return isinstance(kind, (Input, Uniform))

    def _contractions_in(self, place: Place) -> Iterator[Place]:
        """The sums that stand inside the expression of an operation."""
        if place in self.arrays or number_at(self.form, place) is not None or self.is_in_memory(place):
            return
        if isinstance(self.form[place].kind, CONTRACTIONS):
            yield place
            return
        for operand in self.form[place].operands:
            yield from self._contractions_in(operand)

    def positions(self, place: Place) -> Found:
        """The operation in whose array the elements of one in memory are, and their flat positions there."""
        if place not in self._positions:
            self._positions[place] = self._found(place)
        return self._positions[place]

    def _found(self, place: Place) -> Found:
        one = self.form[place]
        kind = one.kind
        if place in self.arrays or isinstance(kind, (Input, Uniform, Constant)):
            return self.root.get(place, place), whole(one.shape)
        return self.seen(place)

    def seen(self, place: Place) -> Found:
        """The positions that a view, a broadcast or a gather of what is in memory leads to."""
        one = self.form[place]
        kind = one.kind
        assert isinstance(kind, (View, Broadcast, Gather)), kind
        base, at = self.positions(kind.source)
        if isinstance(kind, View):
            return base, stepped_positions(at, kind.steps)
        if isinstance(kind, Broadcast):
            return base, np.broadcast_to(at, one.shape)
        index = self.numbers_at(kind.at)
        return base, np.where(index >= 0, at.ravel()[index], -1)

    def numbers_at(self, place: Place) -> np.ndarray:
        """The numbers of a constant, or of a view of one."""
        kind = self.form[place].kind
        if isinstance(kind, View):
            return stepped_positions(self.numbers_at(kind.source), kind.steps)
        assert isinstance(kind, Constant), kind
        return kind.numbers.array

    def is_whole(self, place: Place, of: Place) -> bool:
        """Whether the elements of an operation are all those of an array, in order, and as many as `of` has."""
        base, at = self.positions(place)
        one = self.form[base]
        if one.batched != self.form[of].batched or not at.size == prod(one.shape) == prod(self.form[of].shape):
            return False
        return bool((at.ravel() == np.arange(at.size)).all())


def whole(shape: Shape) -> np.ndarray:
    """The positions of all elements of an array."""
    return np.arange(prod(shape)).reshape(shape)
