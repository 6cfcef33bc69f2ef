"""The ways of running a program: its source on floats, one sample at a time, or on arrays, all samples at once.

A runner is handed numbers that `Program` has checked: the parameters as a flat array, each input as an array of the
declared shape or with a batch axis in front, and the length of the batch, or None where no input has one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from autograd_core.compiler.source import Source


class Runner(Protocol):
    """What a `Program` asks of a backend. A batch gives the means over its samples."""

    def prepare(self) -> None:
        """Compile the source, so that the first call does not have to."""
        ...

    def value(self, parameters: np.ndarray, inputs: list[np.ndarray], batch: int | None) -> Any:
        """The value as a float; of several outputs an array of shape (outputs,), or (batch, outputs)."""
        ...

    def value_and_grad(
        self, parameters: np.ndarray, inputs: list[np.ndarray], batch: int | None
    ) -> tuple[float, np.ndarray]:
        """The value, and its gradient of shape (parameters,)."""
        ...

    def text(self, name: str) -> str:
        """The source that defines the function `value` or `value_and_grad`."""
        ...

    def operations(self) -> int:
        """How many operations there are in the source."""
        ...


@dataclass
class FloatRunner:
    """Straight-line Python, called once for each sample."""

    source: Source
    shapes: list[tuple[int, ...]]
    """Of the inputs."""
    single: bool

    def prepare(self) -> None:
        """Compile the function that is most likely to be called."""
        self.source.function("value_and_grad" if self.single else "value")

    def value(self, parameters: np.ndarray, inputs: list[np.ndarray], batch: int | None) -> Any:
        """The value, the mean of the values, or a row of values for each sample."""
        function, numbers = self.source.function("value"), parameters.tolist()
        if batch is None:
            value = function(numbers, *[array.tolist() for array in inputs])
            return value if self.single else np.array(value)
        values = np.array([function(numbers, *sample) for sample in self._samples(inputs, batch)])
        with np.errstate(all="ignore"):
            return float(values.mean()) if self.single else values

    def value_and_grad(
        self, parameters: np.ndarray, inputs: list[np.ndarray], batch: int | None
    ) -> tuple[float, np.ndarray]:
        """The value and gradient, or their means."""
        function, numbers = self.source.function("value_and_grad"), parameters.tolist()
        if batch is None:
            value, gradient = function(numbers, *[array.tolist() for array in inputs])
            return value, np.array(gradient)
        results = [function(numbers, *sample) for sample in self._samples(inputs, batch)]
        with np.errstate(all="ignore"):
            values, gradients = (np.array(column) for column in zip(*results, strict=True))
            return float(values.mean()), gradients.mean(axis=0)

    def text(self, name: str) -> str:
        """The source of a function, in which no input has a batch axis."""
        return self.source.text(name)

    def operations(self) -> int:
        """How many lines of float arithmetic there are."""
        return self.source.operations()

    def _samples(self, inputs: list[np.ndarray], batch: int) -> list[list[Any]]:
        """The inputs of each sample as (nested) lists of floats."""
        columns = [array.tolist() for array in stacked(inputs, self.shapes, batch)]
        return [[column[i] for column in columns] for i in range(batch)]


@dataclass
class ArrayRunner:
    """NumPy, in which every input has a batch axis."""

    source: Source
    shapes: list[tuple[int, ...]]
    """Of the inputs."""
    single: bool

    def prepare(self) -> None:
        """Compile the function that is most likely to be called."""
        self.source.function("value_and_grad" if self.single else "value")

    def value(self, parameters: np.ndarray, inputs: list[np.ndarray], batch: int | None) -> Any:
        """The mean of the values, or a row of values for each sample."""
        value = self.source.function("value")(parameters, *stacked(inputs, self.shapes, batch or 1))
        if self.single:
            return float(value)
        if not inputs:
            return np.array(value)
        # What no input reaches is the same for all samples.
        rows = np.array(np.broadcast_to(value, (batch or 1, value.shape[-1])))
        return rows[0] if batch is None else rows

    def value_and_grad(
        self, parameters: np.ndarray, inputs: list[np.ndarray], batch: int | None
    ) -> tuple[float, np.ndarray]:
        """The means of the values and the gradients."""
        given = stacked(inputs, self.shapes, batch or 1)
        value, gradient = self.source.function("value_and_grad")(parameters, *given)
        return float(value), gradient

    def text(self, name: str) -> str:
        """The source of a function, in which every input has a batch axis."""
        return self.source.text(name)

    def operations(self) -> int:
        """How many operations on arrays there are."""
        return self.source.operations()


def stacked(inputs: list[np.ndarray], shapes: list[tuple[int, ...]], batch: int) -> list[np.ndarray]:
    """The inputs, all with a batch axis: one that has none is the same for all samples."""
    return [
        np.broadcast_to(array, (batch, *shape)) if array.ndim == len(shape) else array
        for array, shape in zip(inputs, shapes, strict=True)
    ]
