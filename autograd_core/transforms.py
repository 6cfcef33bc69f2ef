"""Derivatives of Python functions: `grad`, `value_and_grad`, `jacobian`, `hessian`.

Each takes a function and gives a function. Arguments are numbers, arrays, or nested lists and tuples of
numbers; inside the function they are Values in the same arrangement (an array becomes an object array), and
the derivatives come back in it too. The transforms nest, and they leave the `grad` of every node alone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from autograd_core import graph, modes
from autograd_core.floats import as_float, is_array
from autograd_core.value import Value


def grad(function: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """The derivative of a scalar function with respect to its argument number `argnum`.

    The result has the arrangement of that argument: a float for a float, an array of the same shape for an
    array. Raises TypeError if the function returns anything but a scalar or lacks that argument.

    >>> grad(lambda x: x * x)(3.0)
    6.0
    >>> grad(grad(lambda x: x**3))(2.0)
    12.0
    >>> grad(lambda w: w[0] * w[1])([2.0, 5.0])
    [5.0, 2.0]
    """
    both = value_and_grad(function, argnum)

    @wraps(function)
    def derivative(*arguments: Any, **options: Any) -> Any:
        return both(*arguments, **options)[1]

    return derivative


def value_and_grad(function: Callable[..., Any], argnum: int = 0) -> Callable[..., tuple[Any, Any]]:
    """Like `grad`, but the function gives the pair (value, derivative).

    >>> value_and_grad(lambda x: x * x)(3.0)
    (9.0, 6.0)
    """

    _require_function(function, argnum)

    @wraps(function)
    def value_and_derivative(*arguments: Any, **options: Any) -> tuple[Any, Any]:
        traced = _Traced(arguments, argnum)
        output = traced.output_of(function, options)
        if isinstance(output, (list, tuple)) or (is_array(output) and output.ndim):
            raise TypeError(
                f"grad takes a function with a scalar result, got {_described(output)}; jacobian takes such a function"
            )
        return traced.released(output), traced.derivative_of(output)

    return value_and_derivative


def jacobian(function: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """All partial derivatives of a function with several results, one backward pass per result.

    For an array of shape s and a result of shape r an array of shape r + s; for lists, nested lists with the
    results outside.

    >>> jacobian(lambda x: [x[0] * x[1], x[0] + x[1]])([2.0, 3.0])
    [[3.0, 2.0], [1.0, 1.0]]
    """

    _require_function(function, argnum)

    @wraps(function)
    def derivatives(*arguments: Any, **options: Any) -> Any:
        traced = _Traced(arguments, argnum)
        output = traced.output_of(function, options)
        return mapped(traced.derivative_of, output)

    return derivatives


def hessian(function: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """The second derivatives of a scalar function: for n numbers, n by n.

    >>> hessian(lambda x: x[0] * x[0] * x[1])([2.0, 3.0])
    [[6.0, 4.0], [4.0, 0.0]]
    """
    return jacobian(grad(function, argnum), argnum)


def _require_function(function: Any, argnum: Any) -> None:
    if not callable(function):
        raise TypeError(f"a transform takes a function, got {type(function).__name__}")
    if isinstance(argnum, bool) or not isinstance(argnum, int):
        raise TypeError(f"argnum is the position of an argument, an int, got {argnum!r}")


class _Traced:
    """The arguments of one call, with fresh nodes in place of the argument to differentiate by."""

    def __init__(self, arguments: tuple[Any, ...], argnum: int) -> None:
        if not -len(arguments) <= argnum < len(arguments):
            raise TypeError(f"argnum is {argnum}, but the function was called with {len(arguments)} argument(s)")
        self.nodes: list[Value] = []
        # Whether an outer derivative wants this one as a graph: it may come in through the argument or, seen
        # only by the thread, through what the function closes over.
        mode = modes.thread.mode
        self.nested = mode.tracing and mode.recording
        argument = mapped(self._fresh, arguments[argnum])
        self.arguments: list[Any] = list(arguments)
        self.arguments[argnum] = self.argument = argument

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
        return mapped(lambda _: next(remaining), self.argument)


def mapped(function: Callable[[Any], Any], arrangement: Any) -> Any:
    """The function on every number of a number, array, or nested list or tuple, in the same arrangement."""
    if isinstance(arrangement, (list, tuple)):
        elements = [mapped(function, element) for element in arrangement]
        return tuple(elements) if isinstance(arrangement, tuple) else elements
    if not is_array(arrangement):
        return function(arrangement)
    import numpy as np

    results = [function(element) for element in arrangement.ravel().tolist()]
    if results and isinstance(results[0], (list, tuple)):  # derivatives by a list, which need not make an array
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
    if isinstance(output, (list, tuple)):
        return f"a {type(output).__name__} of {len(output)}"
    return f"an array of shape {output.shape}"
