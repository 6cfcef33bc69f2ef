"""Where the windows of convolution and pooling lie, along any number of axes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from nn.arguments import int_at_least

Sizes = tuple[int, ...]
"""A number for each axis."""


@dataclass(frozen=True)
class Windows:
    """Windows over the positions along some axes, with as much padding in front as behind."""

    kernel_size: Sizes
    stride: Sizes
    padding: Sizes
    dilation: Sizes

    def counts(self, lengths: Sizes) -> Sizes:
        """How many windows there are along each axis; raises ValueError where none fits."""
        counts = []
        for axis, length in enumerate(lengths):
            padded = length + 2 * self.padding[axis]
            reach = self.dilation[axis] * (self.kernel_size[axis] - 1) + 1
            if padded < reach:
                raise ValueError(f"a window over {reach} positions does not fit into {padded}, padding included")
            counts.append((padded - reach) // self.stride[axis] + 1)
        return tuple(counts)

    def over(self, lengths: Sizes) -> Iterator[list[tuple[Sizes, Sizes]]]:
        """For each window its places in the kernel and their positions, in order, but for those in the padding."""
        for window in product(*map(range, self.counts(lengths))):
            pairs = []
            for place in product(*map(range, self.kernel_size)):
                position = tuple(
                    window[axis] * self.stride[axis] + place[axis] * self.dilation[axis] - self.padding[axis]
                    for axis in range(len(lengths))
                )
                if all(0 <= at < length for at, length in zip(position, lengths, strict=True)):
                    pairs.append((place, position))
            yield pairs


def sizes(given: Any, axes: int, name: str, least: int = 1) -> Sizes:
    """An int for each axis, given as such or as one for all; raises TypeError or ValueError for anything else."""
    several = given if isinstance(given, (list, tuple)) else [given] * axes
    if len(several) != axes:
        raise ValueError(f"{name} is an int, or {axes} of them, got {given!r}")
    return tuple(int_at_least(least, number, name) for number in several)
