"""Derivatives of Python functions: `grad`, `value_and_grad`, `jacobian`, `hessian`.

Each takes a function and gives a function. Arguments are numbers, arrays, or pytrees of them: lists, tuples and
dictionaries in any nesting. Inside the function they are Values in the same arrangement (an array becomes an object
array), and the derivatives come back in it too. `argnums` says which arguments to differentiate by: a position, or
several, which give a tuple of derivatives. The transforms nest, and they leave the `grad` of every node alone. Of a
compiled program they are functions of its parameters and inputs, which run as source too, and do not nest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from autograd_core import graph, modes
from autograd_core.floats import as_float, is_array, readable
from autograd_core.value import Value


def grad(
    function: Callable[..., Any], argnums: int | Sequence[int] = 0, *, argnum: int | None = None
) -> Callable[..., Any]:
    """The derivative of a scalar function with respect to one of its arguments, or a tuple of them for several.

    The result has the arrangement of that argument: a float for a float, an array of the same shape for an array, a
    dictionary for a dictionary. An array of one element counts as a scalar result. `argnum` is another name of
    `argnums`. Raises TypeError if the function returns anything else, or lacks that argument.

    >>> grad(lambda x: x * x)(3.0)
    6.0
    >>> grad(grad(lambda x: x**3))(2.0)
    12.0
    >>> grad(lambda w: w[0] * w[1])([2.0, 5.0])
    [5.0, 2.0]
    >>> grad(lambda line, x: line["slope"] * x + line["offset"], argnums=(0, 1))({"slope": 2.0, "offset": 1.0}, 5.0)
    ({'slope': 5.0, 'offset': 1.0}, 2.0)
    """
    if own := _own(function):
        return own(function, "grad", _positions(function, argnums, argnum))
    both = value_and_grad(function, argnums, argnum=argnum)

    @wraps(function)
    def derivative(*arguments: Any, **options: Any) -> Any:
        return both(*arguments, **options)[1]

    return derivative


def value_and_grad(
    function: Callable[..., Any], argnums: int | Sequence[int] = 0, *, argnum: int | None = None
) -> Callable[..., tuple[Any, Any]]:
    """Like `grad`, but the function gives the pair (value, derivative).

    >>> value_and_grad(lambda x: x * x)(3.0)
    (9.0, 6.0)
    """
    positions = _positions(function, argnums, argnum)
    if own := _own(function):
        return own(function, "value_and_grad", positions)

    @wraps(function)
    def value_and_derivative(*arguments: Any, **options: Any) -> tuple[Any, Any]:
        traced = _Traced(arguments, positions)
        output = traced.output_of(function, options)
        if is_array(output) and output.size == 1:
            output = output.item()
        if isinstance(output, (list, tuple, dict)) or is_array(output):
            raise TypeError(
                f"grad takes a function with a scalar result, got {_described(output)}; jacobian takes such a function"
            )
        return traced.released(output), traced.derivative_of(output)

    return value_and_derivative


def jacobian(
    function: Callable[..., Any], argnums: int | Sequence[int] = 0, *, argnum: int | None = None
) -> Callable[..., Any]:
    """All partial derivatives of a function with several results, one backward pass per result.

    For an array of shape s and a result of shape r an array of shape r + s; for lists and dictionaries, nested ones
    with the results outside.

    >>> jacobian(lambda x: [x[0] * x[1], x[0] + x[1]])([2.0, 3.0])
    [[3.0, 2.0], [1.0, 1.0]]
    """
    positions = _positions(function, argnums, argnum)
    if own := _own(function):
        return own(function, "jacobian", positions)

    @wraps(function)
    def derivatives(*arguments: Any, **options: Any) -> Any:
        traced = _Traced(arguments, positions)
        output = traced.output_of(function, options)
        return mapped(traced.derivative_of, output.item() if is_array(output) and output.ndim == 0 else output)

    return derivatives


def hessian(
    function: Callable[..., Any], argnums: int | Sequence[int] = 0, *, argnum: int | None = None
) -> Callable[..., Any]:
    """The second derivatives of a scalar function: for n numbers, n by n.

    >>> hessian(lambda x: x[0] * x[0] * x[1])([2.0, 3.0])
    [[6.0, 4.0], [4.0, 0.0]]
    """
    if own := _own(function):
        return own(function, "hessian", _positions(function, argnums, argnum))
    return jacobian(grad(function, argnums, argnum=argnum), argnums, argnum=argnum)


def _own(function: Any) -> Callable[..., Any] | None:
    """How a function asks to do the transforms itself, as a compiled program does, which has derivatives of its own."""
    return getattr(type(function), "__transform__", None)


def _positions(function: Any, argnums: Any, argnum: Any) -> int | tuple[int, ...]:
    """The positions to differentiate by, checked; one by itself, several as a tuple."""
    if not callable(function):
        raise TypeError(f"a transform takes a function, got {type(function).__name__}")
    if argnum is not None:
        argnums = argnum
    positions = tuple(argnums) if isinstance(argnums, (list, tuple)) else (argnums,)
    for position in positions:
        if isinstance(position, bool) or not isinstance(position, int):
            raise TypeError(f"argnums is the position of an argument, an int, or a tuple of several, got {argnums!r}")
    if not positions:
        raise ValueError("argnums names no argument to differentiate by")
    return positions if isinstance(argnums, (list, tuple)) else positions[0]


class _Traced:
    """The arguments of one call, with fresh nodes in place of those to differentiate by."""

    def __init__(self, arguments: tuple[Any, ...], argnums: int | tuple[int, ...]) -> None:
        positions = argnums if isinstance(argnums, tuple) else (argnums,)
        for position in positions:
            if not -len(arguments) <= position < len(arguments):
                raise TypeError(f"argnums is {argnums}, but the function was called with {len(arguments)} argument(s)")
        if len({position % len(arguments) for position in positions}) < len(positions):
            raise ValueError(f"argnums is {argnums}, which names an argument twice")
        self.nodes: list[Value] = []
        # Whether an outer derivative wants this one as a graph: it may come in through the argument or, seen
        # only by the thread, through what the function closes over.
        mode = modes.thread.mode
        self.nested = mode.tracing and mode.recording
        self.arguments: list[Any] = list(arguments)
        for position in positions:
            self.arguments[position] = mapped(self._fresh, arguments[position])
        traced = tuple(self.arguments[position] for position in positions)
        self.traced: Any = traced if isinstance(argnums, tuple) else traced[0]

    def _fresh(self, number: Any) -> Value:
        # Inside another transform the number is a node already. A node of its own on top of it tells this
        # derivative apart from that one where both reach the same function.
        if isinstance(number, Value):
            self.nested = modes.thread.mode.recording
            node = number * 1.0 if self.nested else Value(number.data)
        else:
            node = Value(as_float(number, "A transform"))
        self.nodes.append(node)
        return node

    def output_of(self, function: Callable[..., Any], options: dict[str, Any]) -> Any:
        with modes.changed(recording=True, tracing=True):
            return function(*self.arguments, **options)

    def released(self, output: Any) -> Any:
        """The function's value: a plain float, unless an outer transform still needs the node."""
        return output.data if isinstance(output, Value) and not self.nested else output

    def derivative_of(self, output: Any) -> Any:
        if not isinstance(output, Value):
            as_float(output, "The result of a differentiated function")
            derivatives: list[Any] = [0.0] * len(self.nodes)
        else:
            with modes.changed(recording=True):
                derivatives = graph.gradients(output, self.nodes, create_graph=self.nested)
        remaining = iter(derivatives)
        return mapped(lambda _: next(remaining), self.traced)


def mapped(function: Callable[[Any], Any], arrangement: Any) -> Any:
    """The function on every number of a number, an array, or a pytree of them, in the same arrangement."""
    if isinstance(arrangement, dict):
        return {key: mapped(function, element) for key, element in arrangement.items()}
    if isinstance(arrangement, (list, tuple)):
        elements = [mapped(function, element) for element in arrangement]
        if hasattr(arrangement, "_fields"):  # a named tuple takes its elements one by one
            return type(arrangement)(*elements)
        return tuple(elements) if isinstance(arrangement, tuple) else elements
    if not is_array(arrangement):
        return function(arrangement)
    import numpy as np

    arrangement = np.asarray(readable(arrangement, "An argument of a transform"))
    results = [function(element) for element in arrangement.ravel().tolist()]
    if results and isinstance(
        results[0], (list, tuple, dict)
    ):  # a derivative for each entry of a nested argument, of any shapes
        rows = np.empty(len(results), dtype=object)
        for row, result in enumerate(results):
            rows[row] = result
        return rows.reshape(arrangement.shape).tolist()
    inner = np.shape(results[0]) if results else ()
    numbers = np.empty((len(results), *inner), dtype=object)
    for position, result in enumerate(results):
        numbers[position] = result
    numbers = numbers.reshape(arrangement.shape + inner)
    return numbers if any(isinstance(number, Value) for number in numbers.flat) else numbers.astype(float)


def _described(output: Any) -> str:
    if isinstance(output, (list, tuple, dict)):
        return f"a {type(output).__name__} of {len(output)}"
    return f"an array of shape {output.shape}"
