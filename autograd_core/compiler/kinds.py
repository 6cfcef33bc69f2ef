"""The kinds of operation of the array form, each a frozen record of its operands that knows the type of its result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from autograd_core.compiler.steps import Shape, Step, require, stepped
from autograd_core.primitives import COMPARISONS, Primitive

if TYPE_CHECKING:
    from autograd_core.compiler.ir import Operation

How = Literal["sum", "max"]


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
    """An array repeated along axes where it is missing or of length 1.

    If it is `batched` and its source is not, the source is repeated for each sample too.
    """

    source: Place
    shape: Shape
    batched: bool

    def infer(self, source: Operation) -> Typed:
        """Its type."""
        require(np.broadcast_shapes(source.shape, self.shape) == self.shape, "broadcasting", source, self.shape)
        require(self.batched or not source.batched, "a batch stays one", source)
        return Typed(self.shape, self.batched, source.boolean)


@dataclass(frozen=True, slots=True)
class Copy:
    """An array of its own, that nobody else reads, with its elements in order in memory."""

    source: Place

    def infer(self, source: Operation) -> Typed:
        """Its type."""
        return Typed(source.shape, source.batched, source.boolean)


@dataclass(frozen=True, slots=True)
class Positions:
    """Flat positions that are worked out at each call: start + step * id, as integers, element by element.

    `ids` are numbers that an input of `lookup` gave: whole ones from 0 to size - 1, held as floats. A printer turns
    them into integers. It raises ValueError for any other number, nan included, where its target can raise; where it
    cannot, what is gathered at such a position is nan and what is added there is lost, but nothing is read or written
    outside of the array. `start` is a Constant of integers, or a View of one, which broadcasts against `ids` as the
    operands of a Call do; `step` is at least 1. Only Gather and ScatterAdd read positions.
    """

    ids: Place
    size: int
    step: int
    start: Place

    def infer(self, ids: Operation, start: Operation) -> Typed:
        """Its type."""
        require(not start.batched and self.size > 0 < self.step, "positions that start alike", ids, start)
        return Typed(broadcast((ids, start)), ids.batched)


@dataclass(frozen=True, slots=True)
class Gather:
    """The elements at flat positions.

    `at` is a Constant or a View of one, whose negative positions give 0; or Positions, in a batch of which each sample
    has its own. They count in the array of one sample, so that of a batch each sample is looked up in itself.
    """

    source: Place
    at: Place

    def infer(self, source: Operation, at: Operation) -> Typed:
        """Its type."""
        return Typed(at.shape, source.batched or at.batched)


@dataclass(frozen=True, slots=True)
class ScatterAdd:
    """Zeros of a shape, to which each element of `part` is added at its flat position: the adjoint of Gather.

    Positions may come more than once, and what is added there adds up. `at` is Positions of the shape of `part`. If
    the result is `batched`, each sample of `part` adds to its own array; if not, those of all samples add to one.
    """

    part: Place
    at: Place
    shape: Shape
    batched: bool

    def infer(self, part: Operation, at: Operation) -> Typed:
        """Its type."""
        require(part.shape == at.shape and part.batched >= at.batched, "a position for each element", part, at)
        require(part.batched or not self.batched, "a batch to add", part)
        return Typed(self.shape, self.batched)


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
        require(np.broadcast_shapes(part.shape, target) == target, "a part that fits", into, part)
        require(into.batched or not part.batched, "a batch stays one", into, part)
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
        require(len(arguments) == self.primitive.arity, "as many operands as the primitive takes", *arguments)
        require(self.primitive in COMPARISONS or not self.boolean, "a comparison", *arguments)
        shape = broadcast(arguments)
        return Typed(shape, any(one.batched for one in arguments), self.boolean)


@dataclass(frozen=True, slots=True)
class Not:
    """True where the operand is False."""

    source: Place

    def infer(self, source: Operation) -> Typed:
        """Its type."""
        require(source.boolean, "a boolean", source)
        return Typed(source.shape, source.batched, True)


@dataclass(frozen=True, slots=True)
class MatMul:
    """The matrix product of each sample; a vector on the left is a row and one on the right a column, as in NumPy."""

    left: Place
    right: Place

    def infer(self, left: Operation, right: Operation) -> Typed:
        """Its type."""
        a, b = left.shape, right.shape
        require(bool(a) and bool(b) and a[-1] == b[max(len(b) - 2, 0)], "inner axes of one length", left, right)
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
        require(left.batched and right.batched, "two batches", left, right)
        require(not self.terms or left.shape[0] == right.shape[0], "as many terms", left, right)
        return Typed((*left.shape[self.terms :], *right.shape[self.terms :]))


@dataclass(frozen=True, slots=True)
class VecDot:
    """The sum over the last axis of left * right."""

    left: Place
    right: Place

    def infer(self, left: Operation, right: Operation) -> Typed:
        """Its type."""
        require(left.shape[-1] == right.shape[-1], "last axes of one length", left, right)
        return Typed(broadcast((left, right))[:-1], left.batched or right.batched)


@dataclass(frozen=True, slots=True)
class Reduce:
    """The sum or the largest along an axis of one sample, or the sum over the samples, where the axis is None."""

    source: Place
    axis: int | None
    how: How = "sum"

    def infer(self, source: Operation) -> Typed:
        """Its type."""
        if self.axis is None:
            require(source.batched and self.how == "sum", "a batch, which is summed", source)
            return Typed(source.shape)
        require(0 <= self.axis < len(source.shape), "an axis of the array", source)
        return Typed(source.shape[: self.axis] + source.shape[self.axis + 1 :], source.batched)


@dataclass(frozen=True, slots=True)
class Segments:
    """The sum or the largest of each stretch of a vector, from each start to the next."""

    source: Place
    starts: Place
    how: How = "sum"

    def infer(self, source: Operation, starts: Operation) -> Typed:
        """Its type."""
        require(len(source.shape) == len(starts.shape) == 1, "a vector, and starts", source, starts)
        return Typed(starts.shape, source.batched)


Kind = (
    Input | Constant | Uniform | Share | View | Broadcast | Copy | Positions | Gather | ScatterAdd | Scatter | Call
    | Not | MatMul | SampleProduct | VecDot | Reduce | Segments
)  # fmt: skip

OPERANDS: dict[type, Callable[[Any], tuple[Place, ...]]] = {
    **dict.fromkeys((Input, Constant, Uniform, Share), lambda kind: ()),
    **dict.fromkeys((View, Broadcast, Copy, Not, Reduce), lambda kind: (kind.source,)),
    **dict.fromkeys((MatMul, SampleProduct, VecDot), lambda kind: (kind.left, kind.right)),
    Positions: lambda kind: (kind.ids, kind.start),
    Gather: lambda kind: (kind.source, kind.at),
    ScatterAdd: lambda kind: (kind.part, kind.at),
    Segments: lambda kind: (kind.source, kind.starts),
    Call: lambda kind: kind.arguments,
    Scatter: lambda kind: (kind.into, kind.part) + ((kind.at,) if isinstance(kind.at, int) else ()),
}
"""The operands of each kind."""


def broadcast(given: Sequence[Operation]) -> Shape:
    """The shape of operands element by element; raises FormError where a batch would meet another axis."""
    shape = np.broadcast_shapes(*(one.shape for one in given))
    require(all(len(one.shape) == len(shape) for one in given if one.batched), "all axes of a batch", *given)
    return shape
