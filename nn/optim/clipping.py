"""Bounds on gradients, against the explosions of Pascanu, Mikolov and Bengio 2013.

Each rule is a function on arrays, for loops that hold gradients as an array, and one on parameters.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd_core import Value
from nn.optim.optimizer import gradients_of, leaves, namespace


@np.errstate(all="ignore")
def clipped_by_norm(gradients: np.ndarray, max_norm: float, norm_type: float = 2.0) -> tuple[np.ndarray, float]:
    """The gradients scaled down to a norm of `max_norm` if theirs is larger, and the norm they had.

    `gradients` has shape (count,). The norm is (sum |g|^norm_type)^(1/norm_type), and the largest |g| for
    inf. As in PyTorch the factor is min(1, max_norm / (norm + 1e-6)), so a gradient of inf makes the others
    0 and itself nan, and one of nan makes all nan.

    Raises ValueError if max_norm is negative or nan.

    >>> clipped_by_norm(np.array([3.0, 4.0]), max_norm=10.0)
    (array([3., 4.]), 5.0)
    >>> clipped, norm = clipped_by_norm(np.array([30.0, 40.0]), max_norm=10.0)
    >>> clipped.round(6), norm
    (array([6., 8.]), 50.0)
    """
    clipped, norm = scaled_to_norm(gradients, max_norm, norm_type)
    return clipped, float(norm)


def scaled_to_norm(gradients: Any, max_norm: float, norm_type: float = 2.0) -> tuple[Any, Any]:
    """What `clipped_by_norm` returns, of arrays of NumPy or JAX."""
    _require_not_negative("max_norm", max_norm)
    xp = namespace(gradients)
    norm = xp.linalg.norm(gradients, ord=float(norm_type))
    return gradients * xp.minimum(max_norm / (norm + 1e-6), 1.0), norm


def clipped_by_value(gradients: np.ndarray, clip_value: float) -> np.ndarray:
    """The gradients, each brought into -clip_value to clip_value; nan stays nan.

    Raises ValueError if clip_value is negative or nan.

    >>> clipped_by_value(np.array([-3.0, 0.5, 2.0]), clip_value=1.0)
    array([-1. ,  0.5,  1. ])
    """
    _require_not_negative("clip_value", clip_value)
    return np.clip(gradients, -clip_value, clip_value)


def clip_grad_norm(parameters: Iterable[Value], max_norm: float, norm_type: float = 2.0) -> float:
    """Scale all `grad` down by `clipped_by_norm`; returns the norm that they had together.

    Raises what `clipped_by_norm` raises, and TypeError or ValueError for parameters that are no leaves,
    none at all, or twice the same.

    >>> x, y = Value(3.0), Value(4.0)
    >>> (5.0 * (x * x + y * y)).backward()
    >>> clip_grad_norm([x, y], max_norm=10.0)
    50.0
    >>> round(x.grad, 6), round(y.grad, 6)
    (6.0, 8.0)
    """
    listed = leaves(parameters, "clip_grad_norm")
    clipped, norm = clipped_by_norm(gradients_of(listed), max_norm, norm_type)
    _write(listed, clipped)
    return norm


def clip_grad_value(parameters: Iterable[Value], clip_value: float) -> None:
    """Bring every `grad` into -clip_value to clip_value.

    Raises what `clipped_by_value` raises, and for the parameters what `clip_grad_norm` does.

    >>> x = Value(3.0)
    >>> (x * x).backward()
    >>> clip_grad_value([x], clip_value=1.0)
    >>> x.grad
    1.0
    """
    listed = leaves(parameters, "clip_grad_value")
    _write(listed, clipped_by_value(gradients_of(listed), clip_value))


def _write(listed: list[Value], gradients: np.ndarray) -> None:
    for leaf, gradient in zip(listed, gradients.tolist(), strict=True):
        leaf.grad = gradient


def _require_not_negative(name: str, bound: float) -> None:
    if not bound >= 0.0:
        raise ValueError(f"clipping needs {name} at least 0, got {name}={bound!r}")
