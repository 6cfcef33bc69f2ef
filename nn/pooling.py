"""Pooling by PyTorch's names: one number for each window of a channel."""

from __future__ import annotations

from functools import reduce
from math import prod
from typing import Any

import numpy as np

from autograd_core import primitive
from autograd_core.functions import less_equal, maximum
from nn.arguments import sample_array
from nn.module import Module
from nn.windows import Windows, sizes


# PyTorch hands the gradient of a tie to the first of the largest, where `maximum` shares it.
@primitive(symbol="max", partials=lambda x, y, out: (less_equal(y, x), 1.0 - less_equal(y, x)))
def first_maximum(x: float, y: float) -> float:
    """The larger of two numbers, which is the first where they are equal."""
    return maximum(x, y)


class _Pooling(Module):
    """One number for each window of a sample of shape (channels, height, width)."""

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        self.kernel_size, self.padding = sizes(kernel_size, 2, "kernel_size"), sizes(padding, 2, "padding", least=0)
        self.stride = self.kernel_size if stride is None else sizes(stride, 2, "stride")
        if any(2 * pad > size for pad, size in zip(self.padding, self.kernel_size, strict=True)):
            raise ValueError(f"padding is at most half of the kernel_size, got {padding} for {kernel_size}")

    def forward(self, x: Any) -> Any:
        """The outputs for one sample, of shape (channels, windows down, windows across)."""
        sample = sample_array(x, (None, None, None), f"the input of {type(self).__name__}")
        lengths = sample.shape[1:]
        moved = Windows(self.kernel_size, self.stride, self.padding, (1, 1))
        windows = list(moved.over(lengths))
        outputs = [self._pooled([channel[at] for _, at in pairs]) for channel in sample for pairs in windows]
        shape = (len(sample), *moved.counts(lengths))
        return np.array(outputs, dtype=object).reshape(shape).tolist()

    def _pooled(self, numbers: list[Any]) -> Any:
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'x'.join(map(str, self.kernel_size))})"


class MaxPool2d(_Pooling):
    """The largest number in each window of a sample of shape (channels, height, width); padding is never the largest.

    Windows follow each other without overlapping, unless `stride` says otherwise. Sizes are ints, or pairs for height
    and width. The result has (height + 2 padding - kernel_size) // stride + 1 windows down, and as many across. Of
    equal numbers the first gets the gradient. Raises ValueError for a sample of another shape, and where no window
    fits.

    >>> MaxPool2d(2)([[[1.0, 2.0, 5.0, 6.0], [3.0, 4.0, 7.0, 8.0]]])
    [[[4.0, 8.0]]]
    """

    def _pooled(self, numbers: list[Any]) -> Any:
        return reduce(first_maximum, numbers)


class AvgPool2d(_Pooling):
    """The mean of each window of a sample of shape (channels, height, width), in which padding counts as 0.

    Without `count_include_pad` the mean is over what is not padding. All else is as for `MaxPool2d`.

    >>> AvgPool2d(2)([[[1.0, 2.0, 5.0, 6.0], [3.0, 4.0, 7.0, 8.0]]])
    [[[2.5, 6.5]]]
    """

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, *, count_include_pad: bool = True
    ) -> None:
        super().__init__(kernel_size, stride, padding)
        self.count_include_pad = count_include_pad

    def _pooled(self, numbers: list[Any]) -> Any:
        count = prod(self.kernel_size) if self.count_include_pad else len(numbers)
        return sum(numbers[1:], numbers[0]) / count
