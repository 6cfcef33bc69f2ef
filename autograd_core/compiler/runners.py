"""The ways of running a program: its source on floats, one sample at a time, or on arrays, all samples at once.

A runner is handed numbers that its `Signature` has checked: the parameters as a flat array, each input as an array of
the declared shape or with a batch axis in front, and the length of the batch, or None where no input has one. Which
gradients it gives is for the signature to say: those with respect to the sources in `wrt`. One of a source without a
batch axis has the shape of the source, and is the mean over the batch. One of a source with a batch axis has a row for
each sample, with the gradient of that sample, and no batch axis where there is no batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import Any, ClassVar, Protocol

import numpy as np

from autograd_core.compiler.signature import Signature
from autograd_core.compiler.source import Source


class Runner(Protocol):
    """What a `Program` asks of a backend. A batch gives the means over its samples."""

    backend: ClassVar[str]
    """Its name."""

    def prepare(self) -> None:
        """Compile the source, so that the first call does not have to."""
        ...

    def value(self, parameters: np.ndarray, inputs: list[np.ndarray], batch: int | None) -> Any:
        """The value as a float; of several outputs an array of shape (outputs,), or (batch, outputs)."""
        ...

    def value_and_grad(self, parameters: np.ndarray, inputs: list[np.ndarray], batch: int | None) -> tuple[Any, ...]:
        """The value, and the gradients that the signature asks for."""
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
    given: Signature

    backend: ClassVar[str] = "scalar"

    def cost(self, batch: int | None) -> float:
        """What a call takes, in nanoseconds, as `cost` has it."""
        return self.source.program.cost(batch)

    def prepare(self) -> None:
        """Compile the function that is most likely to be called."""
        self.source.function(self.given.main)

    def value(self, parameters: np.ndarray, inputs: list[np.ndarray], batch: int | None) -> Any:
        """The value, the mean of the values, or a row of values for each sample."""
        function = self.source.function("value")
        if batch is None:
            value = function(parameters.tolist(), *[array.tolist() for array in inputs])
            return value if self.given.single else np.array(value)
        values = np.array([function(*sample) for sample in self._samples([parameters, *inputs], batch)])
        with np.errstate(all="ignore"):
            return float(values.mean()) if self.given.single else values

    def value_and_grad(self, parameters: np.ndarray, inputs: list[np.ndarray], batch: int | None) -> tuple[Any, ...]:
        """The value and gradients, or their means."""
        function, given = self.source.function("value_and_grad"), self.given
        if batch is None and given.wrt == (0,):
            value, gradient = function(parameters.tolist(), *[array.tolist() for array in inputs])
            return value, np.array(gradient, dtype=float)
        shapes = [given.shapes[source] for source in given.wrt]
        if batch is None or batch == 1:
            sources = [parameters, *inputs]
            only = [array.tolist() for array in sources] if batch is None else next(self._samples(sources, 1))
            value, *gradients = function(*only)
            axes = (1,) if batch and given.per_sample else ()
            return value, *(np.array(one).reshape(axes + shape) for one, shape in zip(gradients, shapes, strict=True))
        results = [function(*sample) for sample in self._samples([parameters, *inputs], batch)]
        values, *columns = zip(*results, strict=True)
        rows = [np.array(one).reshape(batch, *shape) for one, shape in zip(columns, shapes, strict=True)]
        with np.errstate(all="ignore"):
            gradients = rows if given.per_sample else [one.sum(axis=0) / batch for one in rows]
            return float(np.array(values).sum() / batch), *gradients

    def text(self, name: str) -> str:
        """The source of a function, in which no input has a batch axis."""
        return self.source.text(name)

    def operations(self) -> int:
        """How many lines of float arithmetic there are."""
        return self.source.operations()

    def _samples(self, given: list[np.ndarray], batch: int) -> Iterator[tuple[Any, ...]]:
        """What is given for each sample, as (nested) lists of floats."""
        arrays = zip(given, self.given.shapes, strict=True)
        columns = (repeat(one.tolist(), batch) if one.ndim == len(shape) else one.tolist() for one, shape in arrays)
        return zip(*columns, strict=True)


@dataclass
class ArrayRunner:
    """NumPy, in which every input has a batch axis."""

    source: Source
    given: Signature

    backend: ClassVar[str] = "numpy"

    def cost(self, batch: int | None) -> float:
        """What a call takes, in nanoseconds, as `cost` has it."""
        return self.source.program.cost(batch)

    def prepare(self) -> None:
        """Compile the function that is most likely to be called."""
        self.source.function(self.given.main)

    def value(self, parameters: np.ndarray, inputs: list[np.ndarray], batch: int | None) -> Any:
        """The mean of the values, or a row of values for each sample."""
        value = self.run("value", parameters, inputs, batch)
        if self.given.single:
            return float(value)
        if not self.given.has_batch:
            return np.array(value)
        # What no input reaches is the same for all samples.
        rows = np.array(np.broadcast_to(value, (batch or 1, value.shape[-1])))
        return rows[0] if batch is None else rows

    def value_and_grad(self, parameters: np.ndarray, inputs: list[np.ndarray], batch: int | None) -> tuple[Any, ...]:
        """The mean of the values and the gradients."""
        value, *gradients = self.run("value_and_grad", parameters, inputs, batch)
        if batch is None and self.given.per_sample:
            gradients = [gradient[0] for gradient in gradients]
        return float(value), *gradients

    def run(self, name: str, parameters: np.ndarray, inputs: list[np.ndarray], batch: int | None) -> Any:
        """What a function of the source returns."""
        return self.source.function(name)(*self.given.stacked([parameters, *inputs], batch or 1))

    def text(self, name: str) -> str:
        """The source of a function, in which every input has a batch axis."""
        return self.source.text(name)

    def operations(self) -> int:
        """How many operations on arrays there are."""
        return self.source.operations()
