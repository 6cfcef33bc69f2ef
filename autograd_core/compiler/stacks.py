"""Matrix products in a section that is no single one: a head of attention each, with a causal mask or without."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from autograd_core.compiler.sections import Section


class Stack(NamedTuple):
    """Matrix products, as many as there are groups: positions, or -1 where the section has nothing.

    What is missing in a factor counts as 0, so that the sum of a product is what the section says; but for infinities
    in the other factor, where 0 * inf is nan.
    """

    left: np.ndarray
    """Of shape (groups, rows, terms)."""
    right: np.ndarray
    """Of shape (groups, terms, columns)."""
    place: np.ndarray
    """Of shape (groups, rows, columns)."""


def stack(section: Section) -> Stack | None:
    """The stack of matrix products that a section is, or None.

    What a matrix product needs no names for: elements of the result that share an element of the left factor are in
    one row, those that share one of the right factor in one column, and elements of both factors that meet are of one
    term. So rows, columns and terms are connected components, and so are the groups, of what shares any of them.

    >>> from autograd_core.compiler.sections import Array
    >>> x, y = Array((4,), []), Array((2, 2), [])
    >>> triangle = Section(np.array([0, 0, 1, 1, 2, 3]), np.ones(6), x, np.array([0, 1, 0, 1, 2, 2]),
    ...                    y, np.array([0, 1, 2, 3, 1, 3]))
    >>> stack(triangle).left
    array([[[ 0,  1],
            [-1,  2]]])
    """
    left, right, owner = section.a, section.b, section.owner
    if right is None or not (section.coefficient == section.coefficient[0]).all():
        return None
    classes = [_components(*pair) for pair in ((owner, left), (owner, right), (left, right))]
    groups = _components(classes[0], classes[1])
    group, ranks, sizes = np.unique(groups, return_inverse=True)[1], [], []
    for labels in classes:
        rank, size = _ranks(labels, group)
        if size < 2:
            return None
        ranks.append(rank)
        sizes.append(size)
    (row, column, term), (rows, columns, terms), count = ranks, sizes, int(group.max()) + 1
    if count * rows * columns * terms > 4 * len(owner):
        return None
    found = Stack(*(np.full((count, *shape), -1) for shape in ((rows, terms), (terms, columns), (rows, columns))))
    at = (group, row, term), (group, term, column), (group, row, column)
    for positions, cells, given in zip(found, at, (left, right, owner), strict=True):
        positions[cells] = given
        if not (positions[cells] == given).all():
            return None
    there = [(positions >= 0).astype(float) for positions in found]
    return found if ((there[0] @ there[1]) * there[2]).sum() == len(owner) else None


def _components(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """For each pair of x and y the smallest x that is connected with it, unless that takes too many rounds."""
    label = x
    for _ in range(4):
        before = label
        for ends in (y, x):
            least = np.full(int(ends.max()) + 1, np.iinfo(int).max)
            np.minimum.at(least, ends, label)
            label = least[ends]
        if (label == before).all():
            break
    return label


def _ranks(labels: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, int]:
    """Which of the labels in its group each is, and how many each group has: 0 if not all have as many."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    of = group[first]
    size, rest = divmod(len(first), int(of.max()) + 1)
    if rest or (np.bincount(of) != size).any() or (of[inverse] != group).any():
        return inverse, 0
    rank = np.empty(len(first), int)
    rank[np.argsort(of, kind="stable")] = np.tile(np.arange(size), len(first) // size)
    return rank[inverse], size
