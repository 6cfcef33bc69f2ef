"""Where the elements of views are: flat positions in arrays that are in memory, and those as indices in C.

A view, a broadcast and a gather are no arrays of their own in C. They are positions in one, and where positions move
evenly along the axes of a loop nest the index is arithmetic; a table is needed only for the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from autograd_core.compiler.steps import Reshape, Step, Subscript


class Even(NamedTuple):
    """Positions that move evenly: where they start, and how far a step along each axis goes."""

    start: int
    strides: tuple[int, ...]


def even(at: np.ndarray) -> Even | None:
    """Positions as a start and strides, or None where they are none, or stand for 0 because they are negative.

    >>> even(np.array([[1, 3], [5, 7]]))
    Even(start=1, strides=(4, 2))
    """
    if not at.size:
        return Even(0, (0,) * at.ndim)
    still = [length == 1 or stride == 0 for length, stride in zip(at.shape, at.strides, strict=True)]
    core = at[tuple(0 if stays else slice(None) for stays in still)]
    start = int(core.flat[0])
    steps, expected = [], np.asarray(start)
    for axis, length in enumerate(core.shape):
        first = int(core[tuple(int(other == axis) for other in range(core.ndim))]) - start
        steps.append(first)
        expected = expected + (first * np.arange(length)).reshape(-1, *[1] * (core.ndim - axis - 1))
    if (core != expected).any() or int(core.min()) < 0:
        return None
    left = iter(steps)
    return Even(start, tuple(0 if stays else next(left) for stays in still))


def stepped_positions(at: np.ndarray, steps: Sequence[Step]) -> np.ndarray:
    """Positions after the steps of a view.

    >>> from autograd_core.compiler.steps import Transpose
    >>> stepped_positions(np.arange(6).reshape(2, 3), [Transpose((1, 0))]).tolist()
    [[0, 3], [1, 4], [2, 5]]
    """
    for step in steps:
        if isinstance(step, Subscript):
            parts = [part if isinstance(part, int) or part is None else slice(*part) for part in step.parts]
            at = at[tuple(parts)]
        elif isinstance(step, Reshape):
            at = at.reshape(step.sizes)
        else:
            at = at.transpose(step.axes)
    return at


def merged_axes(shape: Sequence[int], strides: Iterable[Sequence[int]]) -> list[list[int]]:
    """The axes of a nest in groups that one loop runs over, where everybody's strides allow it.

    >>> merged_axes((2, 3, 1, 4), [(12, 4, 0, 1), (0, 0, 0, 1)])
    [[0, 1], [3]]
    """
    everybody = [tuple(own) for own in strides]
    groups: list[list[int]] = []
    for axis in (axis for axis, length in enumerate(shape) if length > 1):
        if groups and all(own[groups[-1][-1]] == own[axis] * shape[axis] for own in everybody):
            groups[-1].append(axis)
        else:
            groups.append([axis])
    return groups


def index_text(start: int, terms: Iterable[tuple[int, str]]) -> str:
    """A start and strides times variables as an index.

    >>> index_text(3, [(4, "i"), (1, "j"), (0, "k")])
    '4 * i + j + 3'
    """
    parts = [name if stride == 1 else f"{stride} * {name}" for stride, name in terms if stride]
    if start or not parts:
        parts.append(str(start))
    return " + ".join(parts)
