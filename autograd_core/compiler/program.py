"""`compile` and the `Program` that it returns."""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from autograd_core import floats
from autograd_core.compiler import arrays
from autograd_core.compiler.array_program import array_source
from autograd_core.compiler.float_program import float_source
from autograd_core.compiler.grouping import group
from autograd_core.compiler.lowering import Lowered, lower
from autograd_core.compiler.names import Names
from autograd_core.compiler.rules import CompileError
from autograd_core.compiler.runners import ArrayRunner, FloatRunner, Runner
from autograd_core.compiler.signature import Signature
from autograd_core.files import replacing
from autograd_core.graph import collector_paused, gradient_lock, require_graph
from autograd_core.value import Value

Backend = Literal["auto", "scalar", "numpy"]


class Statistics(NamedTuple):
    """What became of a graph."""

    recorded: int
    """Nodes of the graph."""
    live: int
    """Nodes that the program computes: those left when constants, sums and products are folded."""
    operations: int
    """Operations in the source: of arrays, or of floats for the scalar backend."""
    backend: str
    seconds: float
    """Time to compile."""


def compile(
    output: Value | Sequence[Value],
    inputs: Sequence[Any] = (),
    parameters: Sequence[Value] = (),
    backend: Backend = "auto",
) -> Program:
    """Write the program that a recorded graph spells out, and its gradient with respect to the parameters.

    `output` is the Value to compute and differentiate, or a sequence of Values, which are computed only. `inputs` are
    leaf Values or nested sequences of them, which are given as arrays of that shape, or with one more axis in front
    for a batch, at each call; `parameters` are leaf Values, given as one flat array. All other leaves, and what
    depends on them alone, are constants of the program. Branches that Python took while the graph was recorded are
    part of it and do not change with the inputs; `where`, `maximum` and `relu` do.

    `backend` is "scalar" for straight-line code on floats, "numpy" for arrays, or "auto" for what suits the graph: a
    small one is floats, and is written on arrays too when the first batch comes.

    Raises TypeError or ValueError for inputs and parameters that are no leaves, are given twice, or form no
    rectangular array; ValueError where a constant part was changed after it was recorded; RuntimeError for an output
    that was computed inside `no_grad`; and `CompileError`, a TypeError, where an operation of one's own cannot be
    written as source.

    >>> from autograd_core import Value, compile
    >>> from autograd_core.functions import tanh
    >>> x, w, b = Value(1.0, label="x"), Value(0.5, label="w"), Value(0.0, label="b")
    >>> program = compile(tanh(w * x + b), inputs=[x], parameters=[w, b])
    >>> program.value_and_grad([0.5, 0.0], 2.0)
    (0.7615941559557649, array([0.83994868, 0.41997434]))
    >>> program([0.5, 0.0], [2.0, -2.0, 0.0])
    0.0
    """
    start = time.perf_counter()
    if backend not in ("auto", "scalar", "numpy"):
        raise ValueError(f"backend is 'auto', 'scalar' or 'numpy', not {backend!r}")
    single = isinstance(output, Value)
    outputs = [output] if isinstance(output, Value) else list(output) if hasattr(output, "__iter__") else []
    if not outputs or not all(isinstance(node, Value) for node in outputs):
        raise TypeError(f"output is a Value, or a sequence of at least one Value, got {output!r}")
    shapes, leaves = _leaves(inputs, parameters)
    require_graph(*(node for node in outputs if node not in leaves))
    with collector_paused():
        names = ["parameters", *_input_names(inputs)]
        lowered = lower(outputs, leaves, len(names))
        return Program(lowered, names, shapes, list(parameters), single, backend, start)


def _leaves(
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


def _input_names(inputs: Sequence[Any]) -> list[str]:
    """Names for the arguments of the program: by the label of a single Value, else x, y, z."""
    names = Names([*vars(floats), *vars(arrays), "value", "value_and_grad"])
    given_names: list[str] = []
    for number, given in enumerate(inputs):
        label = given.label if isinstance(given, Value) else ""
        given_names.append(
            names.fresh(label if label.isidentifier() else ("xyz"[number] if number < 3 else f"input{number + 1}"))
        )
    return given_names


class Program:
    """A compiled graph, made by `compile`: numbers and arrays in, numbers and arrays out, and nothing else changes.

    Parameters are one flat sequence of float64, in the order that `compile` was given. An input has the shape it was
    declared with, or one more axis in front, the batch; all batches have the same length, and an input without one is
    the same for all samples. A batch gives the mean over its samples.
    """

    def __init__(
        self,
        lowered: Lowered,
        names: list[str],
        shapes: list[tuple[int, ...]],
        parameters: list[Value],
        single: bool,
        backend: Backend,
        start: float,
    ) -> None:
        self._lowered, self._names, self._shapes = lowered, names, shapes
        self._parameters, self._single = parameters, single
        self._signature = Signature(names, shapes, single)
        steps = lowered.live + len(lowered.owner)
        # Of few nodes, even arrays of one element each are worth their writing, for the sake of batches.
        self._arrays_later = backend == "auto" and len(names) > 1 and steps < 2_000
        arrays = None if backend == "scalar" else group(lowered, shapes, single, patient=backend == "numpy")
        # An operation on arrays takes as long as some twenty on floats.
        if backend == "auto":
            backend = "scalar" if arrays is None or 20 * len(arrays) > steps else "numpy"
        self.backend: Literal["scalar", "numpy"] = backend
        """The backend that was chosen."""
        self._main: Runner
        if backend == "numpy" and arrays is not None:
            self._main = ArrayRunner(array_source(lowered, arrays, self._signature), shapes[1:], single)
        else:
            self._main = FloatRunner(float_source(lowered, self._signature), shapes[1:], single)
        self._main.prepare()
        self._seconds = time.perf_counter() - start

    def __call__(self, parameters: Any, *inputs: Any) -> Any:
        """The value as a float; of several outputs an array, with one row for each sample of a batch.

        Raises ValueError for a wrong number of inputs or parameters, or shapes other than declared.
        """
        numbers, arrays, batch = self._checked(parameters, inputs)
        return self._runner(batch).value(numbers, arrays, batch)

    def value_and_grad(self, parameters: Any, *inputs: Any) -> tuple[float, np.ndarray]:
        """The value, and its gradient with respect to the parameters as a new array of shape (parameters,).

        Raises TypeError for a program of several outputs, and ValueError as a call does.
        """
        if self._direct is not None and type(parameters) in _AS_THEY_ARE:
            numbers = np.asarray(parameters, dtype=float)
            if numbers.shape == self._shapes[0] and not inputs:
                value, gradient = self._direct(numbers.tolist())
                return value, np.array(gradient)
        if not self._single:
            raise TypeError("a program of several outputs has no gradient; compile one Value, such as their sum")
        numbers, arrays, batch = self._checked(parameters, inputs)
        return self._runner(batch).value_and_grad(numbers, arrays, batch)

    def backward(self, *inputs: Any) -> float:
        """Like ``loss.backward()``: read the data of the parameters and add to their `grad`; the value.

        Raises ValueError as a call does.
        """
        value, gradient = self.value_and_grad([parameter.data for parameter in self._parameters], *inputs)
        with gradient_lock:
            for parameter, number in zip(self._parameters, gradient.tolist(), strict=True):
                parameter.grad = (0.0 if parameter.grad is None else parameter.grad) + number
        return value

    @property
    def source(self) -> str:
        """The program as Python source that runs on its own.

        Executed, it defines ``value_and_grad(parameters, *inputs)``, or ``value`` for a program of several outputs.
        In the numpy backend each input has a batch axis; in the scalar backend no input has one.
        """
        return self._main.text("value_and_grad" if self._single else "value")

    def save(self, path: str | Path) -> Path:
        """Write the source to a file that can be imported; the path. Raises OSError where that fails."""
        with replacing(path) as file:
            file.write(self.source.encode())
        return Path(path)

    @property
    def statistics(self) -> Statistics:
        """How large the graph was, what is left of it, and how long that took."""
        live = self._lowered.live - len(self._lowered.outputs)
        operations = self._main.operations()
        return Statistics(len(self._lowered.order), live, operations, self.backend, self._seconds)

    def __repr__(self) -> str:
        given = [f"{name} {shape}" for name, shape in zip(self._names, self._shapes, strict=True)]
        recorded, _, operations, backend, _ = self.statistics
        what = "operations on arrays" if backend == "numpy" else "lines of float arithmetic"
        return f"<Program of {', '.join(given)}: {recorded:,} nodes as {operations:,} {what}>"

    def _repr_html_(self) -> str:
        try:
            from pygments import highlight
            from pygments.formatters import HtmlFormatter
            from pygments.lexers import PythonLexer
        except ImportError:
            return f"<pre>{html.escape(self.source)}</pre>"
        return highlight(self.source, PythonLexer(), HtmlFormatter(noclasses=True))

    @cached_property
    def _direct(self) -> Callable[..., Any] | None:
        """The function on floats, where there are no inputs and the call itself is what takes time."""
        if isinstance(self._main, FloatRunner) and self._single and len(self._names) == 1:
            return self._main.source.function("value_and_grad")
        return None

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_direct"}

    def _runner(self, batch: int | None) -> Runner:
        """What runs a call."""
        return self._main if batch is None else self._for_batches or self._main

    @cached_property
    def _for_batches(self) -> Runner | None:
        """Arrays for the batches of a program that is on floats otherwise, written when the first batch comes."""
        if self.backend == "numpy" or not self._arrays_later:
            return None
        try:
            arrays = group(self._lowered, self._shapes, self._single, patient=True)
            if arrays is None:
                return None
            return ArrayRunner(array_source(self._lowered, arrays, self._signature), self._shapes[1:], self._single)
        except CompileError:
            return None

    def _checked(self, parameters: Any, inputs: Sequence[Any]) -> tuple[np.ndarray, list[np.ndarray], int | None]:
        """The numbers as arrays, and the length of the batch if there is one."""
        numbers = _as_numbers(parameters, "parameters")
        if numbers.shape != self._shapes[0]:
            raise ValueError(
                f"parameters have shape {self._shapes[0]}, got {numbers.shape}; they are the first argument"
            )
        if len(inputs) != len(self._names) - 1:
            names = ", ".join(self._names)
            raise ValueError(f"the program takes {names}: {len(self._names) - 1} input(s), got {len(inputs)}")
        arrays, batch = [], None
        for name, shape, given in zip(self._names[1:], self._shapes[1:], inputs, strict=True):
            array = _as_numbers(given, name)
            if array.shape != shape:
                if array.shape[1:] != shape or array.ndim != len(shape) + 1:
                    whole = f"(batch, {str(shape)[1:]}" if shape else "(batch,)"
                    whole = whole.replace(",)", ")") if shape else whole
                    raise ValueError(f"{name} has shape {shape}, or {whole}, got {array.shape}")
                if batch not in (None, len(array)):
                    raise ValueError(f"{name} is a batch of {len(array)} and an input before it one of {batch}")
                batch = len(array)
                if batch == 0:
                    raise ValueError(f"{name} is a batch of no samples, of which there is no mean")
            arrays.append(array)
        return numbers, arrays, batch


_AS_THEY_ARE = (np.ndarray, list)
"""What a training run hands in at each step, and is not looked through."""


def _as_numbers(given: Any, name: str) -> np.ndarray:
    if type(given) not in _AS_THEY_ARE:
        given = floats.readable(given, name)
    try:
        return np.asarray(given, dtype=float)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name} must hold numbers in a rectangular arrangement: {error}") from None
