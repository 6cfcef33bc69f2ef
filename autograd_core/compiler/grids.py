"""Rows times columns: where the products of a section are the elements of a matrix product."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from autograd_core.compiler.sections import Section


@dataclass(frozen=True)
class Grid:
    """Owner place[r, c] is the sum over k of rows[r, k] * columns[c, k], positions in the arrays of the section."""

    place: np.ndarray
    """Of shape (rows, columns)."""
    rows: np.ndarray
    """Of shape (rows, terms); no column of it is there where the rows are constants."""
    columns: np.ndarray
    """Of shape (columns, terms)."""
    scale: np.ndarray
    """Coefficients: one, or of the shape of rows or columns, or the constants that take the place of the rows."""
    scaled: Literal["", "rows", "columns", "constants"]
    """What the coefficients belong to."""
    left_is_rows: bool
    """Whether the rows are of the left array of the section, else of the right one."""


def grid_of(section: Section) -> Grid | None:
    """The grid that the terms of a section are, or None."""
    terms = section.terms
    if not terms:
        return None
    if section.b is None:
        return None if section.is_uniform else _constant_grid(section)
    # By either factor: the terms of siblings line up where the other factor is theirs in common.
    for order in (np.arange(len(section.a)), np.lexsort((section.a, section.b, section.owner))):
        found = _grid(
            section, *(some[order].reshape(-1, terms) for some in (section.a, section.b, section.coefficient))
        )
        if found:
            return found
    return None


def _grid(section: Section, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> Grid | None:
    first_a, row = _distinct_rows(a)
    first_b, column = _distinct_rows(b)
    if len(first_a) * len(first_b) != len(a):
        return None
    place = np.full((len(first_a), len(first_b)), -1)
    place[row, column] = section.owners
    if (place < 0).any():
        return None
    scale = np.empty((*place.shape, section.terms))
    scale[row, column] = c
    left, right = section.left, section.right
    left_is_rows = not (place.shape[0] > 1 and (place.T.ravel() == section.owners).all())
    if right is not None and left.batched != right.batched and place.shape[0] > 1 and place.shape[1] > 1:
        left_is_rows = left.batched
    rows, columns = a[first_a], b[first_b]
    if not left_is_rows:
        place, rows, columns, scale = place.T, columns, rows, scale.swapaxes(0, 1)
    if section.is_uniform:
        return Grid(place, rows, columns, scale[0, 0, :1], "", left_is_rows)
    if (scale == scale[:, :1]).all():
        return Grid(place, rows, columns, scale[:, 0], "rows", left_is_rows)
    if (scale == scale[:1]).all():
        return Grid(place, rows, columns, scale[0], "columns", left_is_rows)
    return None


def _constant_grid(section: Section) -> Grid | None:
    """Rows of constants times columns of the array; by their turn, or equal numbers would make two rows one."""
    a, c = (some.reshape(-1, section.terms) for some in (section.a, section.coefficient))
    first, column = _distinct_rows(a)
    turns, rest = divmod(len(a), len(first))
    order = np.argsort(column, kind="stable")
    if rest or (np.bincount(column) != turns).any() or (turns == 1 and section.terms == 1):
        return None
    turn = np.empty(len(a), int)
    turn[order] = np.tile(np.arange(turns), len(first))
    place = np.empty((turns, len(first)), int)
    place[turn, column] = section.owners
    scale = np.empty((*place.shape, section.terms))
    scale[turn, column] = c
    if not (scale == scale[:, :1]).all():
        return None
    return Grid(place, np.empty((turns, 0), int), a[first], scale[:, 0], "constants", left_is_rows=False)


def _distinct_rows(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The places of the first of each sort of rows, in the order of what they begin with, and for each row its sort."""
    # Equal rows have equal products with random numbers; that the converse holds is checked.
    weights = np.random.default_rng(0).integers(1, 2**62, size=rows.shape[1])
    _, first, inverse = np.unique(rows @ weights, return_index=True, return_inverse=True)
    order = np.lexsort((first, rows[first, 0]))
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    first, inverse = first[order], rank[inverse]
    assert (rows == rows[first][inverse]).all()
    return first, inverse
