"""The array form: what a program computes, as one flat list of typed, frozen operations, forward and backward.

An operation names its operands by their places in the list, which are always earlier ones. Its shape is that for one
sample: an operation that is `batched` has one such array for each sample, and how a batch is laid out is the business
of a printer. An operation with a name gets a line of its own when the form is printed; the others stand inside the
lines that use them. The kinds of operation are the classes below, and no others.

>>> form = Form()
>>> x = form.add(Input("x", (2,), batched=True))
>>> W = form.add(Input("W", (3, 2)))
>>> z = form.add(MatMul(x, form.add(View(W, (Transpose((1, 0)),)))), name="z", about="linear")
>>> print(form)
x : [batch, 2]  input
W : [3, 2]      input
z : [batch, 3]  linear  = x @ W.T
>>> form.add(MatMul(W, x)) == form.add(MatMul(W, x))
True
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, Literal, NamedTuple

import numpy as np

from autograd_core.primitives import COMPARISONS, Primitive

Shape = tuple[int, ...]
How = Literal["sum", "max"]


class FormError(ValueError):
    """An operation whose operands do not fit together; only a mistake in a pass of the compiler raises it."""


class Numbers:
    """A constant array that is compared by its bits, so that -0.0 is not 0.0 and nan is itself."""

    __slots__ = ("_key", "array")

    def __init__(self, array: Any) -> None:
        self.array = np.array(array)
        self.array.flags.writeable = False
        self._key = (self.array.dtype.str, self.array.shape, self.array.tobytes())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Numbers) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return f"Numbers({self.array.tolist()!r})"


# Steps of a view. They leave the batch axis alone.


class Range(NamedTuple):
    """Elements start, start + step, ... of an axis, up to stop or its end."""

    start: int
    stop: int | None
    step: int


@dataclass(frozen=True)
class Subscript:
    """One part for each axis: an index, which drops the axis, or a range; None puts a new axis of length 1."""

    parts: tuple[int | Range | None, ...]

    def shape(self, of: Shape) -> Shape:
        """The shape of what is picked from an array of this shape."""
        given, sizes = list(of), []
        for part in self.parts:
            if part is None:
                sizes.append(1)
                continue
            _require(bool(given), "an index for each axis", of, self.parts)
            length = given.pop(0)
            if isinstance(part, Range):
                sizes.append(len(range(*slice(*part).indices(length))))
            else:
                _require(0 <= part < length, "an index inside the axis", of, self.parts)
        _require(not given, "an index for each axis", of, self.parts)
        return tuple(sizes)


@dataclass(frozen=True)
class Reshape:
    """The same elements in the same order with other axes."""

    sizes: Shape

    def shape(self, of: Shape) -> Shape:
        """The new shape."""
        _require(prod(of) == prod(self.sizes), "as many elements", of, self.sizes)
        return self.sizes


@dataclass(frozen=True)
class Transpose:
    """The axes in another order."""

    axes: tuple[int, ...]

    def shape(self, of: Shape) -> Shape:
        """The shape with its axes in that order."""
        _require(sorted(self.axes) == list(range(len(of))), "each axis once", of, self.axes)
        return tuple(of[axis] for axis in self.axes)


Step = Subscript | Reshape | Transpose


def stepped(shape: Shape, steps: Sequence[Step]) -> Shape:
    """The shape after all steps of a view."""
    for step in steps:
        shape = step.shape(shape)
    return shape


# The kinds of operation. Fields of type Place are operands.

Place = int


class Typed(NamedTuple):
    """The shape of a result, whether it is batched, and whether it holds booleans."""

    shape: Shape
    batched: bool = False
    boolean: bool = False


@dataclass(frozen=True, slots=True)
class Input:
    """An argument of the program."""

    name: str
    shape: Shape
    batched: bool = False

    def infer(self) -> Typed:
        """Its type."""
        return Typed(self.shape, self.batched)


@dataclass(frozen=True, slots=True)
class Constant:
    """Numbers that never change; positions if they are integers."""

    numbers: Numbers

    def infer(self) -> Typed:
        """Its type."""
        return Typed(self.numbers.array.shape)


@dataclass(frozen=True, slots=True)
class Uniform:
    """Fresh random numbers in [0, 1) from the generator of this name, at each call and for each sample."""

    generator: str
    shape: Shape
    batched: bool

    def infer(self) -> Typed:
        """Its type."""
        return Typed(self.shape, self.batched)


@dataclass(frozen=True, slots=True)
class Share:
    """One over the number of samples, for each sample: the gradient of a mean over the batch."""

    def infer(self) -> Typed:
        """Its type."""
        return Typed((), True)


@dataclass(frozen=True, slots=True)
class View:
    """Some elements of an array in another arrangement, without copying them."""

    source: Place
    steps: tuple[Step, ...]

    def infer(self, source: Operation) -> Typed:
        """Its type."""
        return Typed(stepped(source.shape, self.steps), source.batched, source.boolean)


@dataclass(frozen=True, slots=True)
class Broadcast:
    """An array repeated along axes where it is missing or of length 1."""

    source: Place
    shape: Shape
    batched: bool

    def infer(self, source: Operation) -> Typed:
        """Its type."""
        _require(np.broadcast_shapes(source.shape, self.shape) == self.shape, "broadcasting", source, self.shape)
        _require(self.batched or not source.batched, "a batch stays one", source)
        return Typed(self.shape, self.batched, source.boolean)


@dataclass(frozen=True, slots=True)
class Copy:
    """An array of its own, that nobody else reads, with its elements in order in memory."""

    source: Place

    def infer(self, source: Operation) -> Typed:
        """Its type."""
        return Typed(source.shape, source.batched, source.boolean)


@dataclass(frozen=True, slots=True)
class Gather:
    """The elements at flat positions, and 0 where a position is negative."""

    source: Place
    at: Place

    def infer(self, source: Operation, at: Operation) -> Typed:
        """Its type."""
        _require(not at.batched, "the same positions for all samples", source, at)
        return Typed(at.shape, source.batched)


@dataclass(frozen=True, slots=True)
class Scatter:
    """An array with some elements replaced, or added to: those of a view, or at flat positions that are distinct."""

    into: Place
    part: Place
    at: tuple[Step, ...] | Place
    add: bool

    def infer(self, into: Operation, part: Operation, at: Operation | None = None) -> Typed:
        """Its type."""
        target = at.shape if at else stepped(into.shape, self.at if isinstance(self.at, tuple) else ())
        _require(np.broadcast_shapes(part.shape, target) == target, "a part that fits", into, part)
        _require(into.batched or not part.batched, "a batch stays one", into, part)
        return Typed(into.shape, into.batched)


@dataclass(frozen=True, slots=True)
class Call:
    """A primitive, element by element; operands broadcast, and those that are batched have all axes.

    A comparison whose result is `boolean` is True or False instead of 1.0 or 0.0.
    """

    primitive: Primitive
    arguments: tuple[Place, ...]
    boolean: bool = False

    def infer(self, *arguments: Operation) -> Typed:
        """Its type."""
        _require(len(arguments) == self.primitive.arity, "as many operands as the primitive takes", *arguments)
        _require(self.primitive in COMPARISONS or not self.boolean, "a comparison", *arguments)
        shape = broadcast(arguments)
        return Typed(shape, any(one.batched for one in arguments), self.boolean)


@dataclass(frozen=True, slots=True)
class Not:
    """True where the operand is False."""

    source: Place

    def infer(self, source: Operation) -> Typed:
        """Its type."""
        _require(source.boolean, "a boolean", source)
        return Typed(source.shape, source.batched, True)


@dataclass(frozen=True, slots=True)
class MatMul:
    """The matrix product of each sample; a vector on the left is a row and one on the right a column, as in NumPy."""

    left: Place
    right: Place

    def infer(self, left: Operation, right: Operation) -> Typed:
        """Its type."""
        a, b = left.shape, right.shape
        _require(bool(a) and bool(b) and a[-1] == b[max(len(b) - 2, 0)], "inner axes of one length", left, right)
        stack = np.broadcast_shapes(a[:-2], b[:-2])
        return Typed((*stack, *a[-2:-1], *(b[-1:] if len(b) > 1 else ())), left.batched or right.batched)


@dataclass(frozen=True, slots=True)
class SampleProduct:
    """The sum over all samples of left[i] * right[j], and over their first axes too if those are `terms`."""

    left: Place
    right: Place
    terms: bool = False

    def infer(self, left: Operation, right: Operation) -> Typed:
        """Its type."""
        _require(left.batched and right.batched, "two batches", left, right)
        _require(not self.terms or left.shape[0] == right.shape[0], "as many terms", left, right)
        return Typed((*left.shape[self.terms :], *right.shape[self.terms :]))


@dataclass(frozen=True, slots=True)
class VecDot:
    """The sum over the last axis of left * right."""

    left: Place
    right: Place

    def infer(self, left: Operation, right: Operation) -> Typed:
        """Its type."""
        _require(left.shape[-1] == right.shape[-1], "last axes of one length", left, right)
        return Typed(broadcast((left, right))[:-1], left.batched or right.batched)


@dataclass(frozen=True, slots=True)
class Reduce:
    """The sum or the largest along an axis, or the sum over the samples, where the axis is None."""

    source: Place
    axis: int | None
    how: How = "sum"

    def infer(self, source: Operation) -> Typed:
        """Its type."""
        if self.axis is None:
            _require(source.batched and self.how == "sum", "a batch, which is summed", source)
            return Typed(source.shape)
        _require(0 <= self.axis < len(source.shape), "an axis of the array", source)
        return Typed(source.shape[: self.axis] + source.shape[self.axis + 1 :], source.batched)


@dataclass(frozen=True, slots=True)
class Segments:
    """The sum or the largest of each stretch of a vector, from each start to the next."""

    source: Place
    starts: Place
    how: How = "sum"

    def infer(self, source: Operation, starts: Operation) -> Typed:
        """Its type."""
        _require(len(source.shape) == len(starts.shape) == 1, "a vector, and starts", source, starts)
        return Typed(starts.shape, source.batched)


Kind = (
    Input | Constant | Uniform | Share | View | Broadcast | Copy | Gather | Scatter | Call | Not | MatMul
    | SampleProduct | VecDot | Reduce | Segments
)  # fmt: skip

_OPERANDS: dict[type, Callable[[Any], tuple[Place, ...]]] = {
    **dict.fromkeys((Input, Constant, Uniform, Share), lambda kind: ()),
    **dict.fromkeys((View, Broadcast, Copy, Not, Reduce), lambda kind: (kind.source,)),
    **dict.fromkeys((MatMul, SampleProduct, VecDot), lambda kind: (kind.left, kind.right)),
    Gather: lambda kind: (kind.source, kind.at),
    Segments: lambda kind: (kind.source, kind.starts),
    Call: lambda kind: kind.arguments,
    Scatter: lambda kind: (kind.into, kind.part) + ((kind.at,) if isinstance(kind.at, int) else ()),
}


@dataclass(frozen=True, slots=True)
class Operation:
    """A kind of operation with the type of its result, its name if it has one, and where it comes from, in words."""

    kind: Kind
    shape: Shape
    batched: bool
    boolean: bool
    name: str = ""
    about: str = ""

    @property
    def operands(self) -> tuple[Place, ...]:
        """The places of the operands."""
        return _OPERANDS[type(self.kind)](self.kind)


@dataclass
class Form:
    """A list of operations, in which equal ones are one, and which of them are the results."""

    operations: list[Operation] = field(default_factory=list)
    results: list[Place] = field(default_factory=list)
    """The value, or the values; then the gradient, if there is one."""
    forward: int | None = None
    """How many operations belong to the forward pass, if others follow."""

    def __post_init__(self) -> None:
        written = {one.kind.into for one in self.operations if isinstance(one.kind, Scatter)}
        self._place: dict[Kind, Place] = {
            one.kind: place for place, one in enumerate(self.operations) if place not in written
        }

    def __getitem__(self, place: Place) -> Operation:
        return self.operations[place]

    def add(self, kind: Kind, name: str = "", about: str = "", own: bool = False) -> Place:
        """The place of an operation, which joins the list unless an equal one is there; raises FormError.

        One of its `own` joins in any case, to be written into.
        """
        place = None if own else self._place.get(kind)
        if place is None:
            place = len(self.operations)
            if not own:
                self._place[kind] = place
            given = [self.operations[operand] for operand in _OPERANDS[type(kind)](kind)]
            self.operations.append(Operation(kind, *kind.infer(*given)))
        if name:
            self.name(place, name, about)
        return place

    def find(self, kind: Kind) -> Place | None:
        """The place of an operation if it is there."""
        return self._place.get(kind)

    def name(self, place: Place, name: str, about: str = "") -> None:
        """Give an operation a line of its own."""
        self.operations[place] = replace(self.operations[place], name=name, about=about)

    def check(self) -> None:
        """Raise FormError unless operands come before their operations, and types are what the operands say."""
        written: set[Place] = set()
        for place, one in enumerate(self.operations):
            if any(not 0 <= operand < place for operand in one.operands):
                raise FormError(f"operation {place} uses what comes after it: {one.kind}")
            if written.intersection(one.operands):
                raise FormError(f"operation {place} uses an array that was written into: {one.kind}")
            if isinstance(one.kind, Scatter):
                written.add(one.kind.into)
            given = [self.operations[operand] for operand in one.operands]
            if one.kind.infer(*given) != (one.shape, one.batched, one.boolean):
                raise FormError(f"operation {place} has another type than its operands say: {one}")

    def __str__(self) -> str:
        from autograd_core.compiler.printing import FormPrinter

        return FormPrinter(self).listing()


def broadcast(given: Sequence[Operation]) -> Shape:
    """The shape of operands element by element; raises FormError where a batch would meet another axis."""
    shape = np.broadcast_shapes(*(one.shape for one in given))
    _require(all(len(one.shape) == len(shape) for one in given if one.batched), "all axes of a batch", *given)
    return shape


def _require(holds: bool, what: str, *about: Any) -> None:
    if not holds:
        raise FormError(f"expected {what}: {', '.join(map(str, about))}")
