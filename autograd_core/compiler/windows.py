"""Matrix products whose elements are added up in windows that overlap: what a convolution hands back to its input."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from autograd_core.compiler.sections import Section

_MOST_STRIPES = 64
"""More would be no shorter to read than the positions, nor faster."""


class Windows(NamedTuple):
    """A matrix product, of whose elements several may go to the same place.

    >>> from autograd_core.compiler.sections import Array
    >>> d, w = Array((2, 3), []), Array((3, 2), [])
    >>> p, o, k = (axis.ravel() for axis in np.indices((2, 3, 2)))
    >>> section = Section(p + k, np.ones(12), d, 3 * p + o, w, 2 * o + k).sorted()
    >>> windows(section).place
    array([[0, 1],
           [1, 2]])
    """

    left: np.ndarray
    """Positions in the left array of the section, of shape (rows, terms)."""
    right: np.ndarray
    """Positions in the right one, of shape (terms, columns)."""
    place: np.ndarray
    """Where each element of the product is added to, of shape (rows, columns)."""


def windows(section: Section) -> Windows | None:
    """The product whose elements the owners of a section are sums of, or None.

    The terms of a product are the blocks in which every left element meets every right one. Rows of different blocks
    belong together if their products go to the same owners, and so do columns.
    """
    left, right, owner = section.a, section.b, section.owner
    if right is None or not section.is_uniform:
        return None
    lefts, row = np.unique(left, return_inverse=True)
    rights, column = np.unique(right, return_inverse=True)
    if len(np.unique(row * len(rights) + column)) < len(owner):
        return None
    # Which block each element is in, by the first partner that it has, which blocks have in common.
    block_of_left, block_of_right = _least(row, column), _least(column, row)
    block = block_of_left[row]
    terms = len(np.unique(block))
    rows, columns = len(lefts) // terms, len(rights) // terms
    if terms < 2 or rows < 2 or columns < 2 or terms * rows * columns != len(owner):
        return None
    marks = np.random.default_rng(0).integers(2**40, size=int(owner.max()) + 1)
    row_sort, column_sort = _sorts(row, marks[owner]), _sorts(column, marks[owner])
    _, term = np.unique(block, return_inverse=True)
    found = Windows(*(np.full(shape, -1) for shape in ((rows, terms), (terms, columns), (rows, columns))))
    r, c = row_sort[row], column_sort[column]
    if r.max() >= rows or c.max() >= columns or len(np.unique(block_of_right)) != terms:
        return None
    for positions, cells, given in zip(found, ((r, term), (term, c), (r, c)), (left, right, owner), strict=True):
        positions[cells] = given
        if (positions < 0).any() or (positions[cells] != given).any():
            return None
    return found


def stripes(place: np.ndarray) -> list[slice] | None:
    """The columns in as few stripes as there are such that no two elements of a stripe have the same place.

    >>> stripes(np.array([[0, 10, 1, 11], [1, 11, 2, 12]]))
    [slice(0, 2, 1), slice(2, 4, 1)]
    """
    columns = place.shape[1]
    for count in range(1, min(columns, _MOST_STRIPES) + 1):
        if columns % count:
            continue
        wide = columns // count
        blocks = [slice(k, k + wide, 1) for k in range(0, columns, wide)]
        for some in (blocks, [slice(k, columns, count) for k in range(count)]):
            if all(len(np.unique(place[:, stripe])) == place[:, stripe].size for stripe in some):
                return some
    return None


def _least(keys: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """For each key the least of its numbers."""
    least = np.full(int(keys.max()) + 1, np.iinfo(int).max)
    np.minimum.at(least, keys, numbers)
    return least


def _sorts(keys: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """For each key a number that those have in common whose marks have the same sum, in the order of their keys."""
    sums = np.zeros(int(keys.max()) + 1, int)
    np.add.at(sums, keys, marks)
    _, first, sort = np.unique(sums, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[sort]
