"""Flat positions as views: which slices, reshapes and transposes of an array pick the elements at given positions."""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import NamedTuple

import numpy as np

from autograd_core.compiler.steps import Range, Reshape, Shape, Step, Subscript, Transpose

_ALL = Range(0, None, 1)


class Seen(NamedTuple):
    """The steps to some elements of an array, without copying them."""

    steps: tuple[Step, ...]
    shape: Shape
    """As asked for, but 1 along each axis on which nothing changes."""

    @property
    def is_turned(self) -> bool:
        """Whether the last step turns a matrix."""
        return bool(self.steps) and self.steps[-1] == Transpose((1, 0))


def view(shape: Shape, index: np.ndarray, batched: bool) -> Seen | None:
    """The elements of an array at flat positions `index`, or None where no view has them.

    >>> view((2, 3), np.array([[0, 3], [1, 4]]), batched=False).steps
    (Subscript(parts=(Range(start=0, stop=None, step=1), Range(start=0, stop=2, step=1))), Transpose(axes=(1, 0)))
    >>> view((6,), np.array([[1], [4]]), batched=True).shape
    (2, 1)
    """
    strides = _strides(index)
    if strides is None:
        return None
    origin = int(index.flat[0])
    axes = sorted((axis for axis in range(index.ndim) if strides[axis]), key=lambda axis: -strides[axis])
    lengths = [(strides[axis], index.shape[axis]) for axis in axes]
    steps = _along_own_axes(shape, origin, lengths)
    if steps is None:
        steps = _reshaped(shape, origin, lengths)
    if steps is None:
        return None
    order = tuple(sorted(range(len(axes)), key=axes.__getitem__))
    if order != tuple(range(len(axes))):
        steps.append(Transpose(order))
    kept = [_ALL if axis in axes else None for axis in range(index.ndim)]
    while kept and kept[0] is None and not batched:
        kept.pop(0)  # broadcasting puts axes of length 1 in front by itself
    if None in kept:
        steps.append(Subscript(tuple(kept)))
    return Seen(tuple(steps), tuple(n if strides[axis] else 1 for axis, n in enumerate(index.shape)))


def _strides(index: np.ndarray) -> list[int] | None:
    """How far a step along each axis goes, if it goes equally far and forward everywhere; 0 for an axis of length 1."""
    strides, expected = [], np.asarray(index.flat[0])
    for axis, length in enumerate(index.shape):
        first = np.moveaxis(index, axis, 0).reshape(length, -1)[:, 0]
        stride = int(first[1] - first[0]) if length > 1 else 0
        if stride < 0:
            return None
        strides.append(stride)
        expected = expected + (stride * np.arange(length)).reshape(-1, *[1] * (index.ndim - axis - 1))
    return strides if (index == expected).all() else None


def _along_own_axes(shape: Shape, origin: int, lengths: list[tuple[int, int]]) -> list[Step] | None:
    """A range or an index for each axis of the array."""
    parts, left = [], list(lengths)
    for axis, length in enumerate(shape):
        own = prod(shape[axis + 1 :])
        start = origin // own
        origin %= own
        if left and left[0][0] >= own and left[0][0] % own == 0:
            stride, count = left.pop(0)
            stride //= own
            if start + (count - 1) * stride >= length:
                return None
            parts.append(_range(start, count, stride, length))
        else:
            parts.append(start)
    if left:
        return None
    return [] if all(part == _ALL for part in parts) else [Subscript(tuple(parts))]


def _reshaped(shape: Shape, origin: int, lengths: list[tuple[int, int]]) -> list[Step] | None:
    """The array, or for one dimension a stretch of it, cut into rows as long as each stride."""
    if not lengths or any(outer[0] % inner[0] for outer, inner in pairwise(lengths)):
        return None
    size, (stride, count) = prod(shape), lengths[0]
    start, stretch = 0, size
    if len(shape) == 1 and stride * count < size:
        start, stretch = min(origin, size - stride * count), stride * count
    if start < 0 or stretch % stride:
        return None
    steps: list[Step] = []
    if stretch != size:
        steps.append(Subscript((_range(start, stretch, 1, size),)))
    cut = [stretch // stride] + [outer[0] // inner[0] for outer, inner in pairwise(lengths)]
    rest, parts = origin - start, []
    for (stride, count), length in zip(lengths, cut, strict=True):
        offset, rest = divmod(rest, stride)
        if offset + count > length:
            return None
        parts.append(_range(offset, count, 1, length))
    if lengths[-1][0] > 1:
        cut.append(lengths[-1][0])
        parts.append(rest)
    steps.append(Reshape(tuple(cut)))
    if not all(part == _ALL for part in parts):
        steps.append(Subscript(tuple(parts)))
    return steps


def _range(start: int, count: int, stride: int, length: int) -> Range:
    stop = start + count * stride
    return Range(start, None if stop >= length else stop, stride)


def common_shape(*positions: np.ndarray) -> Shape:
    """The axes into which equally long lists of positions fall, if each is to move evenly along all axes.

    >>> common_shape(np.array([0, 1, 4, 5]), np.array([7, 7, 7, 7]))
    (2, 2)
    """
    count = len(positions[0])
    steps = np.array([np.diff(some) for some in positions]).reshape(len(positions), -1)
    breaks = np.flatnonzero((steps != steps[:, :1]).any(axis=0))
    if not len(breaks):
        return (count,)
    run = int(breaks[0]) + 1
    if count % run or run == 1:
        return (count,)
    for some in positions:
        rows = np.diff(some.reshape(-1, run), axis=1)
        if (rows != rows[0, 0]).any():
            return (count,)
    outer = common_shape(*(some[::run] for some in positions))
    return (*outer, run)
