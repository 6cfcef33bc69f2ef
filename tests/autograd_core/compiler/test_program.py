"""compile: what it takes and refuses, and graphs at the edges, down to one node and up to a hundred thousand."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd_core import Value, functions
from autograd_core.compiler import CompileError, compile
from autograd_core.compiler.program import Backend
from autograd_core.graph import collector_paused
from tests.autograd_core.compiler.agreement import assert_agrees, each_backend


@each_backend
@pytest.mark.parametrize(
    ("build", "parameters", "sample"),
    [
        (lambda p, _: p[0], [3.0], []),
        (lambda p, x: x[0], [], [3.0]),
        (lambda p, x: x[0], [2.0], [3.0]),
        (lambda p, x: x[0][1], [2.0], [[3.0, 4.0]]),
        (lambda p, _: Value(5.0), [], []),
        (lambda p, x: Value(5.0), [2.0], [[3.0, 4.0]]),
        (lambda p, _: Value(5.0) * 2.0, [2.0], []),
        (lambda p, x: x[0].sin(), [2.0], [3.0]),
        (lambda p, x: p[1] * 2.0, [2.0, 3.0, 4.0], [3.0]),
        (lambda p, x: p[0] + 0.0, [2.0], [[]]),
        (lambda p, x: p[0] * x[1], [2.0], [[], 3.0]),
        (lambda p, x: p[0] - p[0], [2.0], []),
        (lambda p, x: x[0] - x[0], [2.0], [3.0]),
        (lambda p, x: p[0] * p[0] * p[0], [2.0], []),
        (lambda p, x: -p[0], [2.0], []),
        (lambda p, x: functions.maximum(p[0], p[0]), [2.0], []),
        (lambda p, x: functions.less(p[0], x[0]), [2.0], [3.0]),
        (lambda p, x: functions.where(functions.less(p[0], x[0]), p[0], x[0]), [2.0], [3.0]),
        (lambda p, x: functions.detach(p[0]) * p[0], [2.0], []),
        (lambda p, x: functions.detach(functions.maximum(p[0], p[0])) * p[0], [2.0], []),
        (lambda p, x: (-1.0) ** p[0], [2.0], []),
        (lambda p, x: 2.0 ** -p[0] + p[0] ** 2.0 + p[0] ** -2.0 + p[0] ** 0.5, [2.0], []),
        (lambda p, x: (x[0] * 3.0) ** p[0] * -1.0, [2.0], [3.0]),
        (lambda p, x: functions.detach(sum(x[0], Value(0.0))), [2.0], [[1.0, 2.0]]),
        (lambda p, x: p[0] / 3.0 + 3.0 / p[0] + p[0] / p[0] + p[0] / 0.0, [2.0], []),
        (lambda p, x: x[0][1][2] * p[0] + x[0][0][0] * x[0][1][0], [2.0], [[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]),
        (lambda p, x: x[0] * p[0] + x[1][1] * p[1] + x[2][0][0], [2.0, 3.0], [1.0, [2.0, 4.0], [[7.0]]]),
    ],
)
def test_small_graphs(
    build: Callable[..., Value], parameters: list[float], sample: list[Any], backend: Backend
) -> None:
    samples = [sample, sample] if sample else [sample]
    for program in assert_agrees(build, parameters, samples, [backend]).values():
        value, gradient = program.value_and_grad(parameters, *sample)
        assert (type(value), type(program(parameters, *sample))) == (float, float)
        assert (gradient.dtype, gradient.shape) == (float, (len(parameters),))


@each_backend
def test_a_number_read_while_recording_is_a_constant(backend: Backend) -> None:
    w, x = Value(3.0), Value(2.0)
    program = compile(w * x * w.data, [x], [w], backend)
    assert program([5.0], 2.0) == 30.0
    assert program.value_and_grad([5.0], 2.0)[1].tolist() == [6.0]


@each_backend
def test_other_leaves_are_constants(backend: Backend) -> None:
    w, other = Value(3.0), Value(4.0)
    program = compile(w * other + other.exp() * 0.0, [], [w], backend)
    other.data = 100.0
    assert program([5.0]) == 20.0


@each_backend
def test_the_graph_may_change_and_go_after_compiling(backend: Backend) -> None:
    w, x = Value(3.0), Value(2.0)
    output = w * x
    program = compile(output, [x], [w], backend)
    output.data = w.data = x.data = math.nan
    assert program([5.0], 2.0) == 10.0


w, x, twice = Value(1.0, label="w"), Value(2.0, label="x"), Value(3.0, label="twice")


@pytest.mark.parametrize(
    ("inputs", "parameters", "error", "message"),
    [
        ([], [twice, w, twice], ValueError, "parameters holds Value(3.0, grad=0.0, label='twice') at position 2"),
        ([twice], [w, twice], ValueError, "which is also position 1 of parameters"),
        ([x, [w, twice, x]], [], ValueError, "input 2 holds Value(2.0, grad=0.0, label='x') at position 2"),
        ([[x, twice, x]], [w], ValueError, "which is also position 0 of input 1"),
        ([w * x], [], ValueError, "the result of mul: inputs and parameters are leaves"),
        ([], [x.exp()], ValueError, "parameters holds Value(7.38905609893065, grad=0.0), the result of exp"),
        ([(w * 1.0).inputs[1]], [], ValueError, "the result of constant"),
        ([[[w, x], [twice]]], [], ValueError, "input 1 is ragged"),
        ([[w, [x]]], [], ValueError, "input 1 is ragged"),
        ([[w, 1.0]], [], TypeError, "input 1 holds float at position 1 where a leaf Value belongs"),
        ([1.0], [], TypeError, "input 1 holds float"),
        (["x"], [], TypeError, "input 1 holds str"),
        ([None], [], TypeError, "input 1 holds NoneType"),
        ([], [1.0], TypeError, "parameters holds float at position 0"),
        ([], [[w, x], [twice, Value(0.0)]], TypeError, "parameters is a flat sequence of Values"),
        ([], [[w], x], ValueError, "parameters is ragged"),
        ([], w, TypeError, "parameters is a flat sequence of Values"),
        (w, [], TypeError, "inputs is a list with an entry for each input"),
        (3, [], TypeError, "inputs is a list with an entry for each input"),
    ],
)
def test_inputs_and_parameters_that_are_refused(
    inputs: Any, parameters: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        compile(w * x, inputs, parameters)


@pytest.mark.parametrize("output", [[], 3.0, None, [w, 3.0], "w", [[w]]], ids=repr)
def test_outputs_that_are_refused(output: Any) -> None:
    with pytest.raises(TypeError, match="output is a Value, or a sequence of at least one Value"):
        compile(output, [], [w])


def test_backends_that_are_refused() -> None:
    backend: Any = "torch"
    with pytest.raises(ValueError, match="backend is 'auto', 'scalar', 'numpy', 'native' or 'jax', not 'torch'"):
        compile(w * x, [], [w], backend)


def test_compile_error_is_a_type_error() -> None:
    assert issubclass(CompileError, TypeError)


@each_backend
def test_inputs_in_tuples_and_arrays(backend: Backend) -> None:
    a, b, c = ([Value(float(k)) for k in range(4)] for _ in range(3))
    output = sum((x * y + z for x, y, z in zip(a, b, c, strict=True)), Value(0.0))
    program = compile(output, (tuple(a), np.array(b, dtype=object).reshape(2, 2), c), (), backend)
    assert program([], range(4), [[1, 2], [3, 4]], np.ones(4)) == 24.0
    assert program(np.array([]), (0, 1, 2, 3), np.ones((5, 2, 2)), np.zeros(4)) == 6.0


def chain(length: int, regular: bool) -> tuple[Value, list[Value], list[Value]]:
    x, w = Value(0.3), Value(0.9)
    node = x
    for k in range(length):
        if regular or k % 3 == 0:
            node = (node * w).sin()
        else:
            node = node.tanh() * x if k % 3 == 1 else functions.softplus(node - w)
    return node, [x], [w]


@pytest.mark.slow
@pytest.mark.parametrize(("regular", "backend"), [(True, "auto"), (False, "scalar")])
def test_a_chain_of_a_hundred_thousand_operations(regular: bool, backend: Backend) -> None:
    with collector_paused():
        output, inputs, parameters = chain(50_000 if regular else 60_000, regular)
        output.backward()
        program = compile(output, inputs, parameters, backend)
        value, gradient = program.value_and_grad([0.9], 0.3)
    assert program.statistics.recorded > 100_000
    assert program.backend == "scalar"
    assert value == pytest.approx(output.data, rel=1e-10)
    assert gradient.tolist() == pytest.approx([parameters[0].grad], rel=1e-10)


@pytest.mark.slow
def test_a_long_chain_in_arrays() -> None:
    output, inputs, parameters = chain(1000, regular=False)
    output.backward()
    program = compile(output, inputs, parameters, "numpy")
    value, gradient = program.value_and_grad([0.9], [0.3, 0.3])
    assert value == pytest.approx(output.data, rel=1e-10)
    assert gradient.tolist() == pytest.approx([parameters[0].grad], rel=1e-10)


@pytest.mark.parametrize(
    "term",
    [
        lambda w, x: w * x,
        lambda w, x: w,
        lambda w, x: (w - x) ** 2,
        lambda w, x: w.tanh() * 0.5,
        lambda w, x: w.exp() / x,
    ],
    ids=["products", "leaves", "squares", "tanh", "quotients"],
)
def test_a_sum_of_two_thousand_terms(term: Callable[[Value, Value], Value]) -> None:
    numbers = np.random.default_rng(0).uniform(0.5, 1.5, size=(3, 2000))

    def build(parameters: list[Value], inputs: list[list[Value]]) -> Value:
        return sum((term(w, x) for w, x in zip(parameters, inputs[0], strict=True)), Value(0.0)) * 0.5

    assert_agrees(build, numbers[0].tolist(), [[numbers[1].tolist()], [numbers[2].tolist()]])


def test_a_nested_sum_of_two_thousand_terms() -> None:
    def build(parameters: list[Value], _: Any) -> Value:
        total = Value(0.0)
        for k, parameter in enumerate(parameters):
            total = parameter * 0.5 - total if k % 2 else total + parameter * parameter
        return total

    assert_agrees(build, np.random.default_rng(0).normal(size=2000).tolist())


CHANGED: dict[str, Callable[[Value, Value], Value]] = {
    "a product": lambda w, c: w * (c * c) + w * c,
    "a function": lambda w, c: w * functions.exp(c),
    "an operation of two numbers": lambda w, c: w * (c / 2.0 + 1.0),
    "the operand of a call": lambda w, c: functions.maximum(w, c * 2.0),
}


@each_backend
@pytest.mark.parametrize("what", CHANGED)
def test_a_constant_part_that_was_changed_after_recording_is_refused(what: str, backend: Backend) -> None:
    w, c = Value(1.5), Value(2.0, label="c")
    output = CHANGED[what](w, c)
    expected = output.data
    c.data = 3.0
    with pytest.raises(ValueError, match=r"^a constant part .* (mul|exp|truediv) of c.* was \S+ and is \S+ now"):
        compile(output, [], [w], backend)
    c.data = 2.0
    assert compile(output, [], [w], backend)([1.5]) == pytest.approx(expected)
    c.data = 3.0
    assert compile(output, [c], [w], backend)([1.5], 3.0) == pytest.approx(CHANGED[what](w, c).data)


def test_a_constant_part_that_is_nan_has_not_changed() -> None:
    w = Value(2.0)
    assert math.isnan(compile(w * (Value(math.inf) - math.inf), [], [w])([1.0]))
