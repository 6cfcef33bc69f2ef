"""Constant arrays as source: positions that move evenly are said in a few numbers, the rest is written out."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_core.compiler import arrays

_SHORT = 20
"""Fewer positions are written out."""


def array_text(array: np.ndarray) -> tuple[str, Callable[..., Any] | None]:
    """An array as source, and the helper of `arrays` that it calls.

    >>> array_text(np.arange(30).reshape(5, 6).T)[0]
    'positions(0, (6, 1), (5, 6))'
    >>> array_text(np.arange(60).reshape(6, 10)[:, [8, 9, 0, 1, 2, 3, 4]].T)[0]
    'runs((8, 6, 10), (9, 6, 10), (0, 6, 10), (1, 6, 10), (2, 6, 10), (3, 6, 10), (4, 6, 10)).reshape(7, 6)'
    >>> array_text(np.array([0.5, 1.0]))[0]
    'np.array([0.5, 1.0])'
    """
    written = f"np.array({array.tolist()!r})"
    if array.dtype.kind == "i" and array.size >= _SHORT:
        axes = _axes(array.ravel())
        if axes is not None:
            text = f"positions({', '.join(map(str, [array.flat[0], *axes]))})"
            return _shaped(text, tuple(count for count, _ in axes), array.shape), arrays.positions
        along, across = _runs(array.ravel()), _runs(array.T.ravel())
        text = f"runs({', '.join(map(str, min(along, across, key=len)))})"
        if 2 * len(text) <= len(written):
            if len(along) <= len(across):
                return _shaped(_filled(text), (array.size,), array.shape), arrays.runs
            return f"{_shaped(_filled(text), (), array.shape[::-1])}.T", arrays.runs
    return _filled(written), None


def _shaped(text: str, shape: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    return text if shape == wanted else f"{text}.reshape({', '.join(map(str, wanted))})"


def _filled(text: str) -> str:
    return text if len(text) < 110 else textwrap.fill(text, 110, subsequent_indent="    ")


def _axes(flat: np.ndarray) -> list[tuple[int, int]] | None:
    """The count and step of each axis along which positions move evenly, if they do."""
    axes: list[tuple[int, int]] = []
    while flat.size > 1:
        differences = np.diff(flat)
        breaks = np.flatnonzero(differences != differences[0])
        run = int(breaks[0]) + 1 if len(breaks) else flat.size
        rows = flat.reshape(-1, run) if run > 1 and flat.size % run == 0 else None
        if rows is None or (np.diff(rows, axis=1) != differences[0]).any():
            return None
        axes.insert(0, (run, int(differences[0])))
        flat = rows[:, 0]
    return axes


def _runs(flat: np.ndarray) -> list[tuple[int, int, int]]:
    """The start, count and step of each run of positions that move evenly, from left to right."""
    differences = np.diff(flat)
    runs: list[tuple[int, int, int]] = []
    place = 0
    for end in (*(np.flatnonzero(np.diff(differences)) + 1).tolist(), len(differences)):
        if end > place:
            runs.append((int(flat[place]), end - place + 1, int(differences[end - 1])))
            place = end + 1
    if place < flat.size:
        runs.append((int(flat[place]), 1, 1))
    return runs
