"""Convolutions by PyTorch's names."""

from __future__ import annotations

from math import prod, sqrt
from typing import Any

import numpy as np

from nn import init as initialisation
from nn.arguments import positive_int, sample_array
from nn.linear import dot, uniform_values
from nn.module import Module
from nn.windows import Windows, sizes


class _Convolution(Module):
    """The weighted sum over each window of a sample of shape (in_channels, length along each axis)."""

    axes = 0

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        rng: initialisation.Seed = None,
    ) -> None:
        self.in_channels = positive_int(in_channels, "in_channels")
        self.out_channels = positive_int(out_channels, "out_channels")
        self.groups = positive_int(groups, "groups")
        if in_channels % groups or out_channels % groups:
            raise ValueError(f"groups divides in_channels and out_channels, got {groups} for {in_channels} and "
                             f"{out_channels}")  # fmt: skip
        self.kernel_size = sizes(kernel_size, self.axes, "kernel_size")
        self.stride, self.dilation = sizes(stride, self.axes, "stride"), sizes(dilation, self.axes, "dilation")
        self.padding = sizes(padding, self.axes, "padding", least=0)
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        generator, bound = initialisation.generator(rng), 1.0 / sqrt(prod(shape[1:]))
        self.weight = uniform_values(shape, bound, generator)
        self.bias = uniform_values((out_channels,), bound, generator) if bias else None

    def forward(self, x: Any) -> Any:
        """The outputs for one sample, of shape (out_channels, windows along each axis)."""
        sample = sample_array(x, (self.in_channels, *[None] * self.axes), f"the input of {type(self).__name__}")
        weight, lengths = np.array(self.weight, dtype=object), sample.shape[1:]
        moved = Windows(self.kernel_size, self.stride, self.padding, self.dilation)
        windows, each = list(moved.over(lengths)), self.in_channels // self.groups
        outputs = []
        for channel in range(self.out_channels):
            first = channel * self.groups // self.out_channels * each
            channels = range(each)
            for pairs in windows:
                factors = [weight[(channel, k, *place)] for k in channels for place, _ in pairs]
                numbers = [sample[(first + k, *position)] for k in channels for _, position in pairs]
                total = dot(factors, numbers) if factors else 0.0 * weight.flat[0]
                outputs.append(total if self.bias is None else total + self.bias[channel])
        shape = (self.out_channels, *moved.counts(lengths))
        return np.array(outputs, dtype=object).reshape(shape).tolist()

    def __repr__(self) -> str:
        kernel = "x".join(map(str, self.kernel_size))
        return f"{type(self).__name__}({self.in_channels} -> {self.out_channels}, {kernel})"


class Conv1d(_Convolution):
    """bias + the sum of weight · x over each window of a sample of shape (in_channels, length).

    The window moves by `stride`, over `padding` zeros in front and behind; its positions are `dilation` apart. In
    `groups`, each part of the output sees its part of the input only. The result has shape
    (out_channels, (length + 2 padding - dilation (kernel_size - 1) - 1) // stride + 1), `weight`
    (out_channels, in_channels / groups, kernel_size) and `bias` (out_channels,), drawn uniformly within
    ± 1 / sqrt(in_channels / groups · kernel_size). As in PyTorch the window is not turned round. Raises ValueError for
    a sample of another shape, and where no window fits.

    >>> conv = Conv1d(1, 1, 2, bias=False)
    >>> conv.load_state_dict({"weight.0.0.0": -1.0, "weight.0.0.1": 1.0})
    >>> [[y.data for y in row] for row in conv([[1.0, 4.0, 9.0]])]
    [[3.0, 5.0]]
    """

    axes = 1


class Conv2d(_Convolution):
    """bias + the sum of weight · x over each window of a sample of shape (in_channels, height, width).

    Sizes are ints, or pairs for height and width; all else is as for `Conv1d`.

    >>> outputs = Conv2d(1, 2, 3, padding=1, rng=0)([[[1.0, 2.0], [3.0, 4.0]]])
    >>> len(outputs), len(outputs[0]), len(outputs[0][0])
    (2, 2, 2)
    """

    axes = 2
