"""Samples that are sequences of different length: padded into a few lengths, with a program for each of these.

Sequences are kept in an object array that holds an array for each sample, integers as integers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nn.arguments import finite_array

IGNORED = -100
"""The target of a position that is padding, which `cross_entropy` ignores, as PyTorch's does."""
_FEW = 4
"""How many lengths sequences are padded to."""


def is_ragged(data: Any) -> bool:
    """Whether these are rows of numbers of different lengths, or what `sequences` returns."""
    if isinstance(data, np.ndarray) and data.dtype == object and all(isinstance(row, np.ndarray) for row in data.flat):
        return data.ndim == 1
    if not isinstance(data, (list, tuple, np.ndarray)) or (isinstance(data, np.ndarray) and data.ndim != 1):
        return False
    if not all(isinstance(row, (list, tuple, np.ndarray)) and np.ndim(row) for row in data):
        return False
    return len({len(row) for row in data}) > 1


def are_sequences(data: np.ndarray) -> bool:
    """Whether an array is one of those that `sequences` returns."""
    return data.dtype == object


def together(rows: list[np.ndarray]) -> np.ndarray:
    """One array of what has one shape, else an object array of arrays."""
    if len({row.shape for row in rows}) == 1:
        return np.array(rows)
    found = np.empty(len(rows), dtype=object)
    for number, row in enumerate(rows):
        found[number] = row
    return found


def sequences(data: Any, name: str) -> np.ndarray:
    """Rows of numbers as an object array of arrays; raises TypeError or ValueError as `finite_array` does."""
    rows = np.empty(len(data), dtype=object)
    for number, row in enumerate(data):
        array = finite_array(row, f"{name}[{number}]")
        rows[number] = array.astype(int) if array.dtype.kind == "b" else array
    return rows


def targets_of_positions(y: Any, X: np.ndarray, name: str) -> np.ndarray:
    """Targets for each position of each sequence; raises ValueError where there are more or fewer than positions."""
    rows = sequences(y, name)
    if len(rows) != len(X):
        raise ValueError(f"there are {len(X)} samples, but {name} has {len(rows)} targets")
    for number, (row, sequence) in enumerate(zip(rows, X, strict=True)):
        if len(row) != len(sequence):
            raise ValueError(f"{name}[{number}] has {len(row)} targets for a sequence of {len(sequence)} positions")
    return rows


def lengths_for(X: np.ndarray, y: np.ndarray | None) -> Iterator[np.ndarray]:
    """The lengths to pad to: a few where that may do no harm, and then those that the sequences have."""
    found = np.unique([len(sequence) for sequence in X])
    # Only the target of a class can say that it is none.
    ignorable = y is None or not are_sequences(y) or all(row.dtype.kind in "iu" for row in y)
    if ignorable and len(found) > _FEW:
        yield np.unique([-(-int(found[-1]) * k // _FEW) for k in range(1, _FEW + 1)])
    yield found


class Padded:
    """A function for each of a few lengths, made when the first sequence needs it.

    ``make(x, y)`` makes one from a padded sample and its target. Padding repeats the first element of a sequence, or
    the last one; targets of positions are padded by `IGNORED`.
    """

    def __init__(self, make: Callable[[Any, Any], Any], lengths: np.ndarray, first: bool = True) -> None:
        self.make, self.lengths, self.first = make, lengths, first
        self.made: dict[int, Any] = {}

    def groups(self, X: np.ndarray, y: np.ndarray | None = None) -> Iterator[tuple[np.ndarray, Any, tuple[Any, ...]]]:
        """For each length that is needed which samples have it, its function, and their padded numbers."""
        given = np.array([len(sequence) for sequence in X])
        place = np.searchsorted(self.lengths, given)
        # A sequence longer than any before is a length of its own.
        padded = np.where(place < len(self.lengths), self.lengths[np.minimum(place, len(self.lengths) - 1)], given)
        for length in np.unique(padded).tolist():
            rows = np.flatnonzero(padded == length)
            arrays = [np.stack([self._longer(X[row], length) for row in rows])]
            if y is not None:
                arrays.append(np.stack([_ignoring(y[row], length) for row in rows]) if are_sequences(y) else y[rows])
            if length not in self.made:
                self.made[length] = self.make(arrays[0][0], arrays[1][0] if y is not None else None)
            yield rows, self.made[length], tuple(arrays)

    def value_and_grad(self, numbers: np.ndarray, X: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
        """The mean value and its gradient, where the functions are programs."""
        total, gradients = 0.0, np.zeros_like(numbers)
        for rows, program, arrays in self.groups(X, y):
            value, gradient = program.value_and_grad(numbers, *arrays)
            total += value * (len(rows) / len(X))
            gradients += gradient * (len(rows) / len(X))
        return total, gradients

    def __call__(self, numbers: np.ndarray, X: np.ndarray, y: np.ndarray) -> float:
        """The mean value, where the functions are programs."""
        return sum(program(numbers, *arrays) * (len(rows) / len(X)) for rows, program, arrays in self.groups(X, y))

    def _longer(self, sequence: np.ndarray, length: int) -> np.ndarray:
        filler = sequence[:1] if self.first else sequence[-1:]
        return np.concatenate([sequence, np.repeat(filler, length - len(sequence), axis=0)])


def _ignoring(labels: np.ndarray, length: int) -> np.ndarray:
    padding = np.full((length - len(labels), *labels.shape[1:]), IGNORED)
    return np.concatenate([labels, padding]) if len(padding) else labels


def shown(X: np.ndarray, y: np.ndarray | None) -> np.ndarray:
    """Sequences to compare engines on: the shortest and the longest, and those with the extremes of tokens and targets.

    Besides one of each length that `lengths_for` gives, which is the most padded one.
    """
    some = [int(choose([len(row) for row in X])) for choose in (np.argmin, np.argmax)]
    for column in (X, y):
        if column is not None and are_sequences(column):
            some += [int(np.argmin([row.min() for row in column])), int(np.argmax([row.max() for row in column]))]
    given = np.array([len(row) for row in X])
    place = np.searchsorted(next(lengths_for(X, y)), given)
    some += [int(np.where(place == k, given, given.max() + 1).argmin()) for k in np.unique(place)]
    return np.unique(some)
