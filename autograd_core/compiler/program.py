"""`compile` and the `Program` that it returns."""

from __future__ import annotations

import html
import time
import warnings
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np

from autograd_core.compiler.array_program import ArrayProgram
from autograd_core.compiler.choice import Backend
from autograd_core.compiler.ir import Form
from autograd_core.compiler.jax_program import JaxRunner
from autograd_core.compiler.lowering import Lowered, lower
from autograd_core.compiler.native_runner import NativeRunner
from autograd_core.compiler.questions import Questions, one_or_all, transformed
from autograd_core.compiler.readings import Reading, readings
from autograd_core.compiler.runners import ArrayRunner, FloatRunner, Runner
from autograd_core.compiler.saved import with_checks
from autograd_core.compiler.signature import AS_THEY_ARE, Precision, Signature, as_numbers, input_names, leaves_of
from autograd_core.compiler.story import Story, story
from autograd_core.files import replacing
from autograd_core.graph import collector_paused, gradient_lock, require_graph
from autograd_core.value import Value


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
    dtype: Precision = "float64",
) -> Program:
    """Write the program that a recorded graph spells out, and its gradient with respect to the parameters.

    `output` is the Value to compute and differentiate, or a sequence of Values, which are computed only. `inputs` are
    leaf Values or nested sequences of them, which are given as arrays of that shape, or with one more axis in front
    for a batch, at each call; `parameters` are leaf Values, given as one flat array. All other leaves, and what
    depends on them alone, are constants of the program. Branches that Python took while the graph was recorded are
    part of it and do not change with the inputs; `where`, `maximum` and `relu` do.

    `backend` is "scalar" for straight-line code on floats, "numpy" for arrays, or "auto" for whichever the operations
    that would be emitted cost less in, at the length of the batch of each call. The first call that the other one
    suits takes longer, for the program is then written once more. "native" is C, compiled for this processor when a
    function is first called, and many times as fast; ``pip install "autograd-core[native]"`` brings a compiler along
    where the system has none. "jax" is for accelerators and for more than one
    machine: a pure function over `jax.numpy`, which calls run jitted and `Program.function` hands out. It computes in
    the precision `dtype`, "float64", "float32" or "bfloat16"; the other backends in float64 only.

    Raises TypeError or ValueError for inputs and parameters that are no leaves, are given twice, or form no
    rectangular array; ValueError where a constant part was changed after it was recorded; RuntimeError for an output
    that was computed inside `no_grad`; ImportError for "jax" where JAX is not installed;
    `NoCompilerError`, a RuntimeError, for "native" where nothing compiles C; and `CompileError`, a TypeError, where an
    operation of one's own cannot be written as source. Warns where a constant of the graph seems to
    have been read off the `data` of a node, such as the largest of some logits, for the program keeps it whatever the
    inputs are.

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
    if backend not in get_args(Backend):
        raise ValueError(f"backend is {_listed(Backend)}, not {backend!r}")
    if dtype not in get_args(Precision):
        raise ValueError(f"dtype is {_listed(Precision)}, not {dtype!r}")
    if dtype != "float64" and backend != "jax":
        raise ValueError(f"dtype={dtype!r} is for backend='jax'; backend={backend!r} computes in float64")
    single = isinstance(output, Value)
    outputs = [output] if isinstance(output, Value) else list(output) if hasattr(output, "__iter__") else []
    if not outputs or not all(isinstance(node, Value) for node in outputs):
        raise TypeError(f"output is a Value, or a sequence of at least one Value, got {output!r}")
    shapes, leaves = leaves_of(inputs, parameters)
    require_graph(*(node for node in outputs if node not in leaves))
    with collector_paused():
        names = ["parameters", *input_names(inputs)]
        lowered = lower(outputs, leaves, len(names))
        read = readings(lowered.order, leaves)
        given = Signature(names, shapes, single, (False, *[True] * len(inputs)), dtype=dtype)
        program = Program(lowered, given, outputs, list(parameters), backend, read, start)
    if read:
        further = f" (and {len(read) - 1} more, which explain() lists)" if len(read) > 1 else ""
        warnings.warn(f"{read[0]}{further}", RuntimeWarning, stacklevel=2)
    return program


def _listed(choices: Any) -> str:
    """The strings of a Literal, in words."""
    *others, last = map(repr, get_args(choices))
    return f"{', '.join(others)} or {last}"


class Program:
    """A compiled graph, made by `compile`: numbers and arrays in, numbers and arrays out, and nothing else changes.

    Parameters are one flat sequence of float64, in the order that `compile` was given. An input has the shape it was
    declared with, or one more axis in front, the batch; all batches have the same length, and an input without one is
    the same for all samples. A batch gives the mean over its samples.
    """

    def __init__(
        self,
        lowered: Lowered,
        given: Signature,
        outputs: list[Value],
        parameters: list[Value],
        backend: Backend,
        read: list[Reading],
        start: float,
    ) -> None:
        self._readings = [str(reading) for reading in read]
        self._questions = Questions(lowered, given, outputs, backend)
        self._given, self._parameters = given, parameters
        self._choice = self._questions.choice()
        self._main = self._choice.runner(None)
        self._main.prepare()
        self._seconds = time.perf_counter() - start

    def __call__(self, parameters: Any, *inputs: Any) -> Any:
        """The value as a float; of several outputs an array, with one row for each sample of a batch.

        Raises TypeError for what is no number, and ValueError for a wrong number of inputs or parameters, or shapes
        other than declared.
        """
        (numbers, *arrays), batch = self._given.checked([parameters, *inputs])
        return self._running(batch).value(numbers, arrays, batch)

    def value_and_grad(self, parameters: Any, *inputs: Any, wrt: str = "parameters") -> tuple[float, Any]:
        """The value, and its gradient: with respect to the parameters a new array of shape (parameters,).

        With `wrt` the name of an input, the gradient with respect to that input has its shape. With a batch it has a
        row for each sample, which is the gradient of the value of that sample, not divided by the length of the batch.
        "inputs" means all inputs: an array for the only one, a tuple of arrays for several.

        Raises TypeError for a program of several outputs, and errors as a call does; ValueError for a `wrt` that names
        no input.

        >>> from autograd_core import Value, compile
        >>> w, x = Value(0.0), Value(0.0)
        >>> program = compile(w * x * x, inputs=[x], parameters=[w])
        >>> program.value_and_grad([2.0], [1.0, 3.0])
        (10.0, array([5.]))
        >>> program.value_and_grad([2.0], [1.0, 3.0], wrt="inputs")
        (10.0, array([ 4., 12.]))
        """
        if self._direct is not None and type(parameters) in AS_THEY_ARE:
            numbers = as_numbers(parameters, "parameters")
            if numbers.shape == self._given.shapes[0] and not inputs and wrt == "parameters":
                value, gradient = self._direct(numbers.tolist())
                return value, np.array(gradient)
        if not self._given.single:
            raise TypeError(
                "a program of several outputs has no gradient; compile one Value, such as their sum, or take its "
                "jacobian"
            )
        (numbers, *arrays), batch = self._given.checked([parameters, *inputs])
        if wrt == "parameters":
            return self._running(batch).value_and_grad(numbers, arrays, batch)
        choice = self._questions.choice("value_and_grad", wrt)
        value, *gradients = choice.runner(batch).value_and_grad(numbers, arrays, batch)
        return value, one_or_all(gradients)

    def jacobian(self, parameters: Any, *inputs: Any, wrt: str = "parameters") -> Any:
        """The derivatives of all outputs with respect to the parameters, an array of shape (outputs, parameters).

        With a batch there is one more axis in front, and a Jacobian for each sample. `wrt` is the name of an input
        instead, or "inputs", as for `value_and_grad`: the shape is then (outputs, ...) with the shape of that input.
        A program of a single output has no axis of outputs. Takes as long as a gradient for each output and sample.

        Raises errors as a call does, and ValueError for a `wrt` that names no input.

        >>> from autograd_core import Value, compile
        >>> a, b, x = Value(0.0), Value(0.0), Value(0.0)
        >>> program = compile([a * x, a * b], inputs=[x], parameters=[a, b])
        >>> program.jacobian([2.0, 3.0], 5.0)
        array([[5., 0.],
               [3., 2.]])
        >>> program.jacobian([2.0, 3.0], [5.0, 7.0], wrt="x").shape
        (2, 2)
        """
        (numbers, *arrays), batch = self._given.checked([parameters, *inputs])
        return one_or_all(self._questions.jacobian(numbers, arrays, batch, wrt))

    def hvp(self, parameters: Any, vector: Any, *inputs: Any, wrt: str = "parameters") -> np.ndarray:
        """The Hessian of the value times a vector of shape (parameters,), without the Hessian: of the same shape.

        With a batch it is the mean over the samples, as the gradient is. With `wrt` the name of an input, the Hessian
        is that with respect to this input, and the vector has its shape, or is a batch of such; the result then has a
        row for each sample. Takes at most about three times as long as the gradient.

        Raises TypeError for a program of several outputs, and errors as a call does; ValueError for a `wrt` that names
        no input.

        >>> from autograd_core import Value, compile
        >>> a, b = Value(0.0), Value(0.0)
        >>> program = compile(a * a * b, parameters=[a, b])
        >>> program.hvp([2.0, 3.0], [1.0, 0.0])
        array([6., 4.])
        """
        if not self._given.single:
            raise TypeError("a program of several outputs has a Hessian for each; compile one Value, such as their sum")
        self._given.checked([parameters, *inputs])
        choice = self._questions.choice("hvp", wrt)
        (numbers, *arrays), batch = choice.given.checked([parameters, *inputs, vector])
        return choice.runner(batch).value_and_grad(numbers, arrays, batch)[1]

    def __transform__(self, transform: str, argnums: int | tuple[int, ...]) -> Callable[..., Any]:
        """What `grad`, `value_and_grad`, `jacobian` and `hessian` make of the program, a function of its arguments."""
        return lambda *arguments: transformed(self, transform, argnums, arguments)

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
    def backend(self) -> str:
        """What ran the last call for a value or gradient, or runs the declared shapes: one of the backends."""
        return self._main.backend

    @property
    def source(self) -> str:
        """The program as source that runs on its own, Python or C: as the last call ran it, or for the declared shapes.

        Executed, it defines ``value_and_grad(parameters, *inputs)``, or ``value`` for a program of several outputs.
        In the numpy, native and jax backends each input has a batch axis; in the scalar backend no input has one.
        """
        return self._main.text(self._given.main)

    def source_for(self, batch: int | None = None, of: str = "value_and_grad", wrt: str = "parameters") -> str:
        """The source that runs a batch of this length, or a call without one: of the gradient, "jacobian" or "hvp".

        Raises ValueError for a `wrt` that names no input, another `of`, or a batch of no samples.
        """
        self._check_batch(batch)
        choice = self._questions.choice(of, wrt)
        return choice.runner(batch).text(choice.given.main)

    def explain(self, batch: int | None = None, lines: int = 40) -> Story:
        """What each pass made of the graph, in at most so many lines each, and why the backend was chosen.

        Raises ValueError for a batch of no samples.

        >>> from autograd_core import Value, compile
        >>> w, x = Value(0.5, label="w"), Value(1.0, label="x")
        >>> program = compile(w * x * x + 1.0, inputs=[x], parameters=[w])
        >>> print(program.explain())  # doctest: +ELLIPSIS
        lowering: 6 recorded nodes, 1 of them left to compute
        <BLANKLINE>
        %2 = 1.0*%0*%1
        %6 = 1.0*%2*%1 + 1.0
        ...
        backend: scalar, for a call without a batch is estimated at ... us on floats and ... us in NumPy; ...
        """
        self._check_batch(batch)
        return story(self._choice, batch, lines, self._readings)

    @property
    def form(self) -> Form:
        """The array form of the program, forward and backward: to be read, by print(program.form), and to be printed.

        Raises TypeError where the program is not on arrays.

        >>> from autograd_core import Value, compile
        >>> w = [Value(1.0), Value(2.0)]
        >>> print(compile(w[0] * w[0] + w[1] * w[1], parameters=w, backend="numpy").form)
        parameters   : [2]  input
        value        : []   the output  = parameters @ parameters
        gradient     : [2]              = broadcast(0.0)
        d_parameters : [2]              = 2.0 * parameters
        gradient     : [2]              = gradient with [...] = d_parameters
        """
        program = self._main.source.program if isinstance(self._main, (ArrayRunner, NativeRunner)) else None
        if not isinstance(program, ArrayProgram):
            raise TypeError("a program on floats has no array form; compile it with backend='numpy'")
        return program.form

    def save(self, path: str | Path) -> Path:
        """Write the source to a file, to be imported or, in C, included; the path. Raises OSError where that fails.

        The functions in the file check their arguments as the program does, but for those in JAX, which are pure, and
        those in C.
        """
        with replacing(path) as file:
            file.write(self._saved().encode())
        return Path(path)

    def _saved(self) -> str:
        if isinstance(self._main, (JaxRunner, NativeRunner)):
            return self.source  # for others to transform, or in a language that knows no shapes
        return with_checks(self.source, self._given, isinstance(self._main, ArrayRunner))

    @property
    def runner(self) -> Runner:
        """What runs the program, as the last call did, or for the declared shapes."""
        return self._main

    @property
    def function(self) -> Callable[..., Any]:
        """The pure function that the source of backend="jax" defines, for `jax.jit`, `jax.vmap` and `jax.shard_map`.

        It takes the parameters and the inputs, all with a batch axis, and returns the value and the gradient; of
        several outputs the values. It computes in the precision of the parameters that it is given. Of a program with
        random masks it takes, behind the inputs, numbers that are uniform in [0, 1), as the docstring in `source` says.

        Raises TypeError for other backends.
        """
        if not isinstance(self._main, JaxRunner):
            raise TypeError(f"a pure function is what backend='jax' makes, and this program is {self.backend!r}")
        return self._main.function()

    @property
    def statistics(self) -> Statistics:
        """How large the graph was, what is left of it, and how long that took."""
        lowered = self._questions.lowered
        live = lowered.live - len(lowered.outputs)
        return Statistics(len(lowered.order), live, self._main.operations(), self.backend, self._seconds)

    def __repr__(self) -> str:
        given = [f"{name} {shape}" for name, shape in zip(self._given.names, self._given.shapes, strict=True)]
        recorded, _, operations, backend, _ = self.statistics
        what = "operations on arrays" if backend != "scalar" else "lines of float arithmetic"
        return f"<Program of {', '.join(given)}: {recorded:,} nodes as {operations:,} {what}>"

    def _repr_html_(self) -> str:
        try:
            from pygments import highlight
            from pygments.formatters import HtmlFormatter
            from pygments.lexers import CLexer, PythonLexer
        except ImportError:
            return f"<pre>{html.escape(self.source)}</pre>"
        lexer = CLexer() if self.backend == "native" else PythonLexer()
        return highlight(self.source, lexer, HtmlFormatter(noclasses=True))

    @cached_property
    def _direct(self) -> Callable[..., Any] | None:
        """The function on floats, where there are no inputs and the call itself is what takes time."""
        if isinstance(self._main, FloatRunner) and self._given.single and len(self._given.names) == 1:
            return self._main.source.function("value_and_grad")
        return None

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_direct"}

    def _check_batch(self, batch: Any) -> None:
        if batch is not None and (not isinstance(batch, int) or batch < 1):
            raise ValueError(f"batch is a number of samples from 1, or None, not {batch!r}")
        if batch is not None and not self._given.has_batch:
            raise ValueError("a program without inputs takes no batch")

    def _running(self, batch: int | None) -> Runner:
        """What runs a call, which is from now on what the program shows."""
        self._main = runner = self._choice.runner(batch)
        return runner
