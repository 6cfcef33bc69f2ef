"""The operations as functions: ``exp(x)``, ``maximum(x, y)``, one name for floats, Values and arrays of Values.

The functions are the primitives of the table, which take all three; added here is what is composed of them.

>>> import numpy as np
>>> from autograd_core import Value
>>> exp(0.0)
1.0
>>> exp(Value(0.0))
Value(1.0, grad=0.0)
>>> exp(np.array([Value(0.0), Value(1.0)]))
array([Value(1.0, grad=0.0), Value(2.718281828459045, grad=0.0)],
      dtype=object)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

from autograd_core.primitives import PRIMITIVES, abs, detach, exp, less, log, maximum, where

if TYPE_CHECKING:
    from autograd_core.primitives import *  # noqa: F403
else:
    globals().update(PRIMITIVES)

__all__ = [*PRIMITIVES, "detach", "log_softmax", "logsumexp", "softmax"]  # pyright: ignore[reportUnsupportedDunderAll]


def logsumexp(values: Sequence[Any]) -> Any:
    """log(sum of exp(v)) over a sequence of Values or numbers, without overflow.

    The largest value m is taken out of the exponentials: m + log(sum of exp(v - m)). The result does not depend on m,
    so that no gradient goes that way. Raises ValueError for an empty sequence.

    >>> logsumexp([1000.0, 1000.0])
    1000.6931471805599
    """
    largest = _largest(values, "logsumexp")
    # An infinite maximum is not taken out, for inf - inf would lose it.
    shift = where(less(abs(largest), math.inf), largest, 0.0)
    return shift + log(sum(exp(value - shift) for value in values))


def log_softmax(values: Sequence[Any]) -> list[Any]:
    """log(exp(v) / sum of exp(v)) for each v of a sequence, exact where the softmax underflows.

    Raises ValueError for an empty sequence.

    >>> log_softmax([0.0, 1000.0])
    [-1000.0, 0.0]
    """
    return _log_softmax(values, "log_softmax")


def _log_softmax(values: Sequence[Any], taker: str) -> list[Any]:
    largest = _largest(values, taker)
    # Differences first: v - logsumexp(values) would lose the digits that a large v has none for.
    shifted = [value - largest for value in values]
    total = log(sum(exp(value) for value in shifted))
    return [value - total for value in shifted]


def softmax(values: Sequence[Any]) -> list[Any]:
    """exp(v) / sum of exp(v) for each v of a sequence: positive numbers that add up to 1.

    Raises ValueError for an empty sequence.

    >>> softmax([0.0, 0.0, 1000.0])
    [0.0, 0.0, 1.0]
    """
    return [exp(value) for value in _log_softmax(values, "softmax")]


def _largest(values: Sequence[Any], taker: str) -> Any:
    if not hasattr(values, "__len__"):
        raise TypeError(f"{taker} takes a sequence of values, got {type(values).__name__}")
    if len(values) == 0:
        raise ValueError(f"{taker} takes at least one value, got an empty sequence")
    return detach(reduce(maximum, values))
