"""The operations on NumPy arrays, under the names of the table, where NumPy has no function of that name.

Each stands for the function of the same name in `floats`. Compiled source carries a copy of those that it uses.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def erf(x: Any) -> Any:
    """The error function, element by element."""
    return np.vectorize(math.erf, otypes=[float])(x)


def erfc(x: Any) -> Any:
    """1 - erf(x), which keeps its digits where erf is next to 1, element by element."""
    return np.vectorize(math.erfc, otypes=[float])(x)


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)), without exponentiating a positive number, so that neither side overflows."""
    e = np.exp(-np.abs(x))
    return np.where(x < 0.0, e, 1.0) / (1.0 + e)


def relu(x: Any) -> Any:
    """x where it is positive, else 0; nan stays."""
    return np.maximum(x, 0.0)


def leaky_relu(x: Any, slope: Any) -> Any:
    """x where it is positive, else slope * x."""
    return np.where(x > 0.0, x, slope * x)


def elu(x: Any, alpha: Any) -> Any:
    """x where it is positive, else alpha * (exp(x) - 1)."""
    return np.where(x >= 0.0, x, alpha * np.expm1(x))


def gelu(x: Any) -> Any:
    """x times the normal distribution function of x."""
    return 0.5 * x * erfc(-x / math.sqrt(2.0))


def silu(x: Any) -> Any:
    """x * sigmoid(x)."""
    return x * sigmoid(x)


def softplus(x: Any) -> Any:
    """log(1 + exp(x)), without overflow."""
    return np.logaddexp(0.0, x)


def less(x: Any, y: Any) -> Any:
    """1 where x < y, else 0."""
    return np.less(x, y) * 1.0


def less_equal(x: Any, y: Any) -> Any:
    """1 where x <= y, else 0."""
    return np.less_equal(x, y) * 1.0


def equal(x: Any, y: Any) -> Any:
    """1 where x == y, else 0."""
    return np.equal(x, y) * 1.0


def positions(start: int, *axes: tuple[int, int]) -> np.ndarray:
    """Steps from a start along axes, each of a count and a step: start + k * step for each k below the count."""
    found = np.asarray(start)
    for count, step in axes:
        found = np.add.outer(found, step * np.arange(count))
    return found
