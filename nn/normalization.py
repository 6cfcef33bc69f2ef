"""Normalisation of the numbers of one sample, by PyTorch's names.

Batch normalisation is not among them: it uses mean and variance over the samples of a batch, so that the loss of a
sample would depend on the others, while a program here is that of one sample.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from autograd_core import Value
from autograd_core.functions import sqrt
from autograd_core.transforms import mapped
from nn.arguments import non_negative, positive_int, sample_array
from nn.module import Module


class LayerNorm(Module):
    """(x - mean) / sqrt(variance + eps) · weight + bias, over the last axes of a sample.

    `normalized_shape` is their length, or their lengths; axes in front, such as the positions of a sequence, are
    normalised each for itself. The variance is that with n in the denominator. `weight` starts as 1 and `bias` as 0;
    without `elementwise_affine` both are None, without `bias` that one is. Source: Ba, Kiros & Hinton 2016.

    >>> [round(y.data, 4) for y in LayerNorm(2, eps=0.0)([Value(1.0), Value(5.0)])]
    [-1.0, 1.0]
    """

    def __init__(
        self, normalized_shape: Any, eps: float = 1e-5, elementwise_affine: bool = True, bias: bool = True
    ) -> None:
        self.normalized_shape, self.eps = _lengths(normalized_shape), non_negative(eps, "eps")
        self.weight = _filled(self.normalized_shape, 1.0) if elementwise_affine else None
        self.bias = _filled(self.normalized_shape, 0.0) if elementwise_affine and bias else None

    def forward(self, x: Any) -> Any:
        """The normalised sample, in the shape that it came in."""
        return _over_last_axes(self, x, self._normalised)

    def _normalised(self, numbers: list[Any]) -> list[Any]:
        mean = sum(numbers[1:], numbers[0]) / len(numbers)
        centred = [number - mean for number in numbers]
        deviation = sqrt(_mean_square(centred) + self.eps)
        return [number / deviation for number in centred]


class RMSNorm(Module):
    """x / sqrt(mean of x² + eps) · weight, over the last axes of a sample, as in `LayerNorm`.

    `eps` is by default the spacing of floats at 1, about 2.2e-16. Source: Zhang & Sennrich 2019.

    >>> [round(y.data, 4) for y in RMSNorm(2)([Value(1.0), Value(7.0)])]
    [0.2, 1.4]
    """

    bias = None

    def __init__(self, normalized_shape: Any, eps: float | None = None, elementwise_affine: bool = True) -> None:
        self.normalized_shape = _lengths(normalized_shape)
        self.eps = float(np.finfo(float).eps) if eps is None else non_negative(eps, "eps")
        self.weight = _filled(self.normalized_shape, 1.0) if elementwise_affine else None

    def forward(self, x: Any) -> Any:
        """The normalised sample, in the shape that it came in."""
        return _over_last_axes(self, x, self._normalised)

    def _normalised(self, numbers: list[Any]) -> list[Any]:
        root = sqrt(_mean_square(numbers) + self.eps)
        return [number / root for number in numbers]


def _over_last_axes(module: LayerNorm | RMSNorm, x: Any, normalised: Callable[[list[Any]], list[Any]]) -> Any:
    """Each stretch of numbers normalised, times weight and plus bias where there are some."""
    sample = sample_array(x, (..., *module.normalized_shape), f"the input of a {type(module).__name__}")
    rows = []
    for numbers in sample.reshape(-1, prod(module.normalized_shape)).tolist():
        row = normalised(numbers)
        if module.weight is not None:
            row = [w * number for w, number in zip(_flat(module.weight), row, strict=True)]
        if module.bias is not None:
            row = [number + b for number, b in zip(row, _flat(module.bias), strict=True)]
        rows.append(row)
    return np.array(rows, dtype=object).reshape(sample.shape).tolist()


def _mean_square(numbers: list[Any]) -> Any:
    squares = [number * number for number in numbers]
    return sum(squares[1:], squares[0]) / len(squares)


def _lengths(normalized_shape: Any) -> tuple[int, ...]:
    lengths = normalized_shape if isinstance(normalized_shape, (list, tuple)) else [normalized_shape]
    if not lengths:
        raise ValueError("normalized_shape has at least one axis")
    return tuple(positive_int(length, "normalized_shape") for length in lengths)


def _filled(shape: tuple[int, ...], number: float) -> Any:
    return mapped(Value, np.full(shape, number).tolist())


def _flat(values: Any) -> list[Any]:
    return np.array(values, dtype=object).ravel().tolist()
