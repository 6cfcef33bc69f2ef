"""Parts of an array, each with the positions where it belongs, as blocks that follow one another.

What other printers write into an array in place, one of pure functions joins: part after part, row by row where
parts alternate (the weights and the bias of each neuron), or in any order, which a list of positions then mends.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import prod
from operator import mul
from typing import NamedTuple

import numpy as np

from autograd_core.compiler.kinds import Place
from autograd_core.compiler.steps import Range, Reshape, Shape, Step, Subscript


class Part(NamedTuple):
    """The elements of an operation, which belong at these flat positions of an array."""

    value: Place
    at: np.ndarray
    """Of the shape of the operation."""


class Gap(NamedTuple):
    """So many elements that no part has."""

    length: int


class Rows(NamedTuple):
    """So many rows, in each of which the parts and gaps follow one another."""

    rows: int
    columns: tuple[Part | Gap, ...]


Block = Part | Gap | Rows


def joined(parts: Sequence[Part], size: int) -> list[Block] | None:
    """The blocks that make up an array of this size from its start to its end, or None where parts lie otherwise.

    >>> W, b = Part(7, np.array([[0, 1], [3, 4]])), Part(8, np.array([2, 5]))
    >>> [block] = joined([W, b], 6)
    >>> block.rows, [column.value for column in block.columns]
    (2, [7, 8])
    """
    blocks, end = list[Block](), 0
    clusters = _clusters(parts)
    starts = [min(int(part.at.min()) for part in cluster) for cluster in clusters]
    for cluster, start, limit in zip(clusters, starts, [*starts[1:], size], strict=True):
        found = _whole(cluster, start) or _rows(cluster, end, start, limit)
        if found is None:
            return None
        block, first, last = found
        blocks += [Gap(first - end)] * (first > end) + [block]
        end = last
    return blocks + [Gap(size - end)] * (size > end)


def _clusters(parts: Sequence[Part]) -> list[list[Part]]:
    """The parts in order, those together whose positions interlock."""
    clusters, end = list[list[Part]](), -1
    for part in sorted(parts, key=lambda part: int(part.at.min())):
        if int(part.at.min()) > end:
            clusters.append([])
        clusters[-1].append(part)
        end = max(end, int(part.at.max()))
    return clusters


def _whole(cluster: list[Part], start: int) -> tuple[Block, int, int] | None:
    """A part whose elements follow one another, with its first position and the one after its last."""
    (part, *others), flat = cluster, cluster[0].at.ravel()
    if others or (flat != start + np.arange(flat.size)).any():
        return None
    return part, start, start + flat.size


def _rows(cluster: list[Part], end: int, start: int, limit: int) -> tuple[Block, int, int] | None:
    """Parts that alternate, in rows of one width somewhere from `end` to `limit`."""
    sizes = [part.at.size for part in cluster]
    for count in (count for count in range(2, min(sizes) + 1) if not any(size % count for size in sizes)):
        tables = [part.at.reshape(count, -1) for part in cluster]
        width = int(tables[0][1, 0] - tables[0][0, 0])
        first = min(start, limit - count * width)
        rows = width * np.arange(count)[:, None]
        if width <= 0 or first < end or any((table != table[0, 0] + rows + np.arange(table.shape[1])).any()
                                            for table in tables):  # fmt: skip
            continue
        columns, column = list[Part | Gap](), first
        for table, part in sorted(zip(tables, cluster, strict=True), key=lambda pair: int(pair[0][0, 0])):
            gap = int(table[0, 0]) - column
            columns += [Gap(gap)] * (gap > 0) + [part]
            column = int(table[0, -1]) + 1
        gap = first + width - column
        if gap >= 0 and sum(part.at.size // count for part in cluster) <= width:
            return Rows(count, tuple(columns + [Gap(gap)] * (gap > 0))), first, first + count * width
    return None


def seen(array: np.ndarray, steps: Sequence[Step]) -> np.ndarray:
    """What a view has of an array."""
    for step in steps:
        if isinstance(step, Subscript):
            array = array[tuple(slice(*part) if isinstance(part, Range) else part for part in step.parts)]
        else:
            array = array.reshape(step.sizes) if isinstance(step, Reshape) else array.transpose(step.axes)
    return array


def order(at: np.ndarray) -> tuple[int, ...]:
    """The axes, those first along which positions are further apart."""
    ends = [at.take(-1, axis).flat[0] - at.flat[0] for axis in range(at.ndim)]
    return tuple(sorted(range(at.ndim), key=lambda axis: -ends[axis] / max(at.shape[axis] - 1, 1)))


def turned(at: np.ndarray) -> np.ndarray:
    """The positions with their axes in `order`."""
    return at.transpose(order(at))


def apart(shape: Shape, steps: Sequence[Step]) -> list[Step]:
    """The steps with each reshape such that axes are either cut or joined, which may be done to a divided batch."""
    found = list[Step]()
    for step in steps:
        after = step.shape(shape)
        if isinstance(step, Reshape):
            before, behind = (set(accumulate(sizes, mul)) for sizes in (shape, after))
            if not (before <= behind or behind <= before):
                found.append(Reshape((prod(shape),)))
        found.append(step)
        shape = after
    return found
