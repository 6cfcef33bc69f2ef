"""The linear map of PyTorch, for vectors and for sequences of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import sqrt
from typing import Any

import numpy as np

from autograd_core import Value
from autograd_core.transforms import mapped
from nn import init as initialisation
from nn.arguments import positive_int, sample_array
from nn.module import Module


class Linear(Module):
    """weight · x + bias, without an activation; always a list, also of one output.

    `x` has shape (in_features,), or more axes in front, such as (positions, in_features), which the result keeps.
    `weight` has shape (out_features, in_features) and `bias` (out_features,), or is None. Both are drawn uniformly
    within ± 1 / sqrt(in_features), as in PyTorch. Raises ValueError for a sample of another shape.

    >>> linear = Linear(2, 3, bias=False, rng=0)
    >>> linear.load_state_dict({f"weight.{i}.{j}": i + j for i in range(3) for j in range(2)})
    >>> [output.data for output in linear([1.0, 10.0])]
    [10.0, 21.0, 32.0]
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, *, rng: initialisation.Seed = None
    ) -> None:
        self.in_features = positive_int(in_features, "in_features")
        self.out_features = positive_int(out_features, "out_features")
        generator, bound = initialisation.generator(rng), 1.0 / sqrt(in_features)
        self.weight = uniform_values((out_features, in_features), bound, generator)
        self.bias = uniform_values((out_features,), bound, generator) if bias else None

    def forward(self, x: Any) -> Any:
        """The outputs for one sample, of shape (..., out_features)."""
        sample = sample_array(x, (..., self.in_features), "the input of a Linear")
        rows = [affine(self.weight, row, self.bias) for row in sample.reshape(-1, self.in_features).tolist()]
        return np.array(rows, dtype=object).reshape(*sample.shape[:-1], self.out_features).tolist()

    def __repr__(self) -> str:
        return f"Linear({self.in_features} -> {self.out_features}{'' if self.bias else ', bias=False'})"


def affine(weight: Iterable[Sequence[Any]], x: Sequence[Any], bias: Sequence[Any] | None = None) -> list[Any]:
    """weight · x + bias, as a list: one weighted sum for each row of the weights."""
    sums = [dot(row, x) for row in weight]
    return sums if bias is None else [total + offset for total, offset in zip(sums, bias, strict=True)]


def dot(left: Sequence[Any], right: Sequence[Any]) -> Any:
    """The sum of the products of two sequences of the same length."""
    total = left[0] * right[0]
    for one, other in zip(left[1:], right[1:], strict=True):
        total = total + one * other
    return total


def uniform_values(shape: tuple[int, ...], bound: float, generator: np.random.Generator) -> Any:
    """Leaf Values in nested lists, drawn uniformly within ± bound."""
    return mapped(Value, generator.uniform(-bound, bound, shape).tolist())
