"""What a program is given and asked for, and how that is written in its source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from autograd_core import floats
from autograd_core.compiler import arrays
from autograd_core.compiler.lowering import Lowered
from autograd_core.compiler.names import Names
from autograd_core.compiler.saved import length_of_batch
from autograd_core.value import Value

Precision = Literal["float64", "float32", "bfloat16"]


class Signature(NamedTuple):
    """What a program is given, source by source and parameters first, and which gradients it is asked for."""

    names: list[str]
    shapes: list[tuple[int, ...]]
    """Of one sample."""
    single: bool
    """Whether it has a single output."""
    batched: tuple[bool, ...]
    """For each source whether it has a batch axis."""
    wrt: tuple[int, ...] = (0,)
    """The sources of which a program of a single output gives the gradients, all with a batch axis or all without."""

    dtype: Precision = "float64"
    """What it computes in, if it is for JAX."""

    value: str = "The value"
    """What a program of a single output computes, in words."""

    @property
    def main(self) -> str:
        """The function that matters most: value_and_grad, or value for a program of several outputs."""
        return "value_and_grad" if self.single else "value"

    @property
    def has_batch(self) -> bool:
        """Whether anything has a batch axis."""
        return any(self.batched)

    @property
    def per_sample(self) -> bool:
        """Whether the gradients are those of each sample, not the means over a batch."""
        return self.batched[self.wrt[0]]

    def checked(self, given: Sequence[Any]) -> tuple[list[np.ndarray], int | None]:
        """What is given as arrays of the declared shapes or batches of them, and the length of the batch if any.

        Raises TypeError for what is no number, and ValueError for a wrong number of inputs or other shapes.
        """
        found = [as_numbers(numbers, name) for numbers, name in zip(given, self.names, strict=False)]
        if len(given) == len(self.names) and [array.shape for array in found] == self.shapes:
            return found, None
        shapes = dict(zip(self.names, self.shapes, strict=True))
        batches = [name for name, batched in zip(self.names, self.batched, strict=True) if batched]
        return found, length_of_batch(
            [array.shape for array in found] + [()] * (len(given) - len(found)), shapes, batches
        )

    def stacked(self, given: Sequence[np.ndarray], batch: int) -> list[np.ndarray]:
        """What is given, with a batch axis where there is to be one: what has none is the same for all samples."""
        stacks = []
        for array, shape, may_be_batch in zip(given, self.shapes, self.batched, strict=True):
            if may_be_batch and array.ndim == len(shape):
                array = array[None] if batch == 1 else np.broadcast_to(array, (batch, *shape))
            stacks.append(array)
        return stacks


AS_THEY_ARE = (np.ndarray, list, float)
"""What a training run hands in at each step, and is not looked through."""


def as_numbers(given: Any, name: str) -> np.ndarray:
    """An array of floats; raises TypeError or ValueError for anything else, by the name of the argument."""
    if type(given) not in AS_THEY_ARE:
        given = floats.readable(given, name)
    refused = f"{name} must hold numbers in a rectangular arrangement"
    try:
        array = np.asarray(given)
        if array.dtype.char == "d":
            return array
        if wrong := _no_numbers(array):
            raise TypeError(wrong)
        return np.asarray(array, dtype=float)
    except OverflowError:
        raise ValueError(f"{refused}, and one is beyond the largest float, about 1.8e308") from None
    except (TypeError, ValueError) as error:
        raise type(error)(f"{refused}: {error}") from None


def _no_numbers(array: np.ndarray) -> str:
    """What an array holds that NumPy would make numbers of, or half of one, without a word; or ''."""
    elements = array.flat if array.dtype.kind == "O" else array.flat[:1]
    for element in elements:
        if floats.recorder(element):
            return (
                "it holds nodes; take their .data. Of derivatives of a program there are its value_and_grad, jacobian "
                "and hvp, and grad(program), jacobian(program) and hessian(program)"
            )
        if isinstance(element, (str, bytes)):
            return f"it holds the string {str(element)[:20]!r}; convert it first, as in float(text)"
        if isinstance(element, complex):
            return "it holds complex numbers; use their .real and .imag"
        if element is None or isinstance(element, (np.datetime64, np.timedelta64)):
            return f"it holds {element!r}"
    return ""


def leaves_of(
    inputs: Sequence[Any], parameters: Sequence[Value]
) -> tuple[list[tuple[int, ...]], dict[Value, tuple[int, int]]]:
    """The shapes of parameters and inputs, and where each leaf is."""
    if isinstance(inputs, Value) or not hasattr(inputs, "__len__"):
        raise TypeError("inputs is a list with an entry for each input, a Value or a (nested) sequence of Values")
    if isinstance(parameters, Value) or not hasattr(parameters, "__iter__"):
        raise TypeError("parameters is a flat sequence of Values, such as model.parameters()")
    shapes, leaves = [], {}
    for source, given in enumerate([list(parameters), *inputs]):
        name = f"input {source}" if source else "parameters"
        array = np.asarray(given, dtype=object)
        if source == 0 and array.ndim != 1:
            raise TypeError("parameters is a flat sequence of Values")
        for position, leaf in enumerate(array.flat):
            if isinstance(leaf, (list, tuple, np.ndarray)):
                raise ValueError(f"{name} is ragged: it holds sequences of different lengths or depths")
            if not isinstance(leaf, Value):
                raise TypeError(f"{name} holds {type(leaf).__name__} at position {position} where a leaf Value belongs")
            if leaf.op is not None:
                what = f"{name} holds {leaf!r}, the result of {leaf.op.name}"
                raise ValueError(f"{what}: inputs and parameters are leaves, made by Value(...)")
            if leaf in leaves:
                other = leaves[leaf][0]
                place = f"position {leaves[leaf][1]} of {f'input {other}' if other else 'parameters'}"
                raise ValueError(f"{name} holds {leaf!r} at position {position}, which is also {place}")
            leaves[leaf] = source, position
        shapes.append(array.shape)
    return shapes, leaves


def input_names(inputs: Sequence[Any]) -> list[str]:
    """Names for the arguments of the program: by the label of a single Value, else x, y, z."""
    names = Names([*vars(floats), *vars(arrays), "value", "value_and_grad", "inputs"])
    given_names: list[str] = []
    for number, given in enumerate(inputs):
        label = given.label if isinstance(given, Value) else ""
        given_names.append(
            names.fresh(label if label.isidentifier() else ("xyz"[number] if number < 3 else f"input{number + 1}"))
        )
    return given_names


def generators_of(lowered: Lowered, given: Signature, stem: str = "rng") -> tuple[dict[str, Any], list[str]]:
    """The generators of the masks by name, a `stem` with a number, and names for the masks."""
    names = Names(given.names)
    generators = {names.fresh(stem, numbered=True): generator for generator, _ in lowered.masks}
    return generators, [names.fresh("mask", numbered=True) for _ in generators]


def table(given: Signature, shapes: list[str]) -> list[tuple[str, str, str]]:
    """The rows of the arguments."""
    return [
        (name, shape, "input" if number else "flat")
        for number, (name, shape) in enumerate(zip(given.names, shapes, strict=True))
    ]


def shape_text(shape: tuple[int, ...], batched: bool = False) -> str:
    """A shape as it is written."""
    sizes = ["batch"] * batched + [str(n) for n in shape]
    return f"({', '.join(sizes)}{',' * (len(sizes) == 1)})"
