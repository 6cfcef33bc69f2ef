"""The steps of a view: slices, reshapes and transposes of an array. They leave the batch axis alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

Shape = tuple[int, ...]


class FormError(ValueError):
    """An operation whose operands do not fit together; only a mistake in a pass of the compiler raises it."""


def require(holds: bool, what: str, *about: Any) -> None:
    """Raise FormError unless something holds; `about` is what it does not hold of."""
    if not holds:
        raise FormError(f"expected {what}: {', '.join(map(str, about))}")


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
            require(bool(given), "an index for each axis", of, self.parts)
            length = given.pop(0)
            if isinstance(part, Range):
                sizes.append(len(range(*slice(*part).indices(length))))
            else:
                require(0 <= part < length, "an index inside the axis", of, self.parts)
        require(not given, "an index for each axis", of, self.parts)
        return tuple(sizes)


@dataclass(frozen=True)
class Reshape:
    """The same elements in the same order with other axes."""

    sizes: Shape

    def shape(self, of: Shape) -> Shape:
        """The new shape."""
        require(prod(of) == prod(self.sizes), "as many elements", of, self.sizes)
        return self.sizes


@dataclass(frozen=True)
class Transpose:
    """The axes in another order."""

    axes: tuple[int, ...]

    def shape(self, of: Shape) -> Shape:
        """The shape with its axes in that order."""
        require(sorted(self.axes) == list(range(len(of))), "each axis once", of, self.axes)
        return tuple(of[axis] for axis in self.axes)


Step = Subscript | Reshape | Transpose


def stepped(shape: Shape, steps: Sequence[Step]) -> Shape:
    """The shape after all steps of a view."""
    for step in steps:
        shape = step.shape(shape)
    return shape
