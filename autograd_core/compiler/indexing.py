"""Flat positions as source: which slices, reshapes and transposes of an array pick the elements at given positions."""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import NamedTuple

import numpy as np


class View(NamedTuple):
    """An expression for some elements of an array, without copying them."""

    text: str
    shape: tuple[int, ...]
    """As asked for, but 1 along each axis on which nothing changes; a batch axis comes before it."""


def view(name: str, shape: tuple[int, ...], index: np.ndarray, batched: bool) -> View | None:
    """The elements of the array `name` at flat positions `index`, or None where no view has them.

    >>> view("z", (2, 3), np.array([[0, 3], [1, 4]]), batched=False)
    View(text='z[:, :2].T', shape=(2, 2))
    >>> view("w", (6,), np.array([[1], [4]]), batched=True)
    View(text='w[:, 1::3][:, :, None]', shape=(2, 1))
    """
    strides = _strides(index)
    if strides is None:
        return None
    origin = int(index.flat[0])
    axes = sorted((axis for axis in range(index.ndim) if strides[axis]), key=lambda axis: -strides[axis])
    steps = [(strides[axis], index.shape[axis]) for axis in axes]
    text = _along_own_axes(name, shape, origin, steps, batched) or _reshaped(name, shape, origin, steps, batched)
    if text is None:
        return None
    wanted = sorted(range(len(axes)), key=axes.__getitem__)
    if wanted == [1, 0]:
        text = f"{text}.swapaxes(1, 2)" if batched else f"{text}.T"
    elif wanted != list(range(len(axes))):
        moved = [0, *(place + 1 for place in wanted)] if batched else wanted
        text = f"{text}.transpose({', '.join(map(str, moved))})"
    if len(axes) < index.ndim:
        kept = [":" if axis in axes else "None" for axis in range(index.ndim)]
        if batched:
            kept.insert(0, ":")
        while kept and kept[0] == "None":
            kept.pop(0)  # NumPy puts axes of length 1 in front by itself
        if "None" in kept:
            text = f"{text}[{', '.join(kept)}]"
    return View(text, tuple(n if strides[axis] else 1 for axis, n in enumerate(index.shape)))


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


def _along_own_axes(
    name: str, shape: tuple[int, ...], origin: int, steps: list[tuple[int, int]], batched: bool
) -> str | None:
    """A slice or an index for each axis of the array."""
    slices, left = [], list(steps)
    for axis, length in enumerate(shape):
        own = prod(shape[axis + 1 :])
        start = origin // own
        origin %= own
        if left and left[0][0] >= own and left[0][0] % own == 0:
            stride, count = left.pop(0)
            stride //= own
            if start + (count - 1) * stride >= length:
                return None
            slices.append(_slice(start, count, stride, length))
        else:
            slices.append(str(start))
    if left:
        return None
    if all(part == ":" for part in slices):
        return name
    return f"{name}[{', '.join([':'] * batched + slices)}]"


def _reshaped(
    name: str, shape: tuple[int, ...], origin: int, steps: list[tuple[int, int]], batched: bool
) -> str | None:
    """The array, or for one dimension a stretch of it, cut into rows as long as each stride."""
    if not steps or any(outer[0] % inner[0] for outer, inner in pairwise(steps)):
        return None
    size, (stride, count) = prod(shape), steps[0]
    start, stretch = 0, size
    if len(shape) == 1 and stride * count < size:
        start, stretch = min(origin, size - stride * count), stride * count
    if start < 0 or stretch % stride:
        return None
    if stretch != size:
        name = f"{name}[{':, ' * batched}{_slice(start, stretch, 1, size)}]"
    cut = [stretch // stride] + [outer[0] // inner[0] for outer, inner in pairwise(steps)]
    rest, slices = origin - start, []
    for (stride, count), length in zip(steps, cut, strict=True):
        offset, rest = divmod(rest, stride)
        if offset + count > length:
            return None
        slices.append(_slice(offset, count, 1, length))
    if steps[-1][0] > 1:
        cut.append(steps[-1][0])
        slices.append(str(rest))
    text = f"{name}.reshape({', '.join(['batch'] * batched + [str(n) for n in cut])})"
    if all(part == ":" for part in slices):
        return text
    return f"{text}[{', '.join([':'] * batched + slices)}]"


def _slice(start: int, count: int, stride: int, length: int) -> str:
    if stride == 1:
        return f"{start or ''}:{'' if start + count == length else start + count}"
    return f"{start or ''}:{'' if start + count * stride >= length else start + count * stride}:{stride}"


def common_shape(*positions: np.ndarray) -> tuple[int, ...]:
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
