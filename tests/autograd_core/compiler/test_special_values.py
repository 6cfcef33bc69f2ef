"""Each operation at the edges of the numbers: compiled code gives what the nodes give."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from autograd_core import PRIMITIVES, Primitive, Value, functions
from autograd_core.compiler import compile
from autograd_core.compiler.program import Backend
from tests.autograd_core.compiler.agreement import assert_agrees, assert_same, each_backend, record

FEW = [0.0, -0.0, 1.0, -1.0, math.inf, -math.inf, math.nan, 2.0, -0.5, 1e300, 1e-300]
MANY = [*FEW, -1e300, -1e-300, 5e-324, 0.5, 3.0, -2.0, -3.0, 709.0, 710.0, -709.0, -746.0, 1e-9, -1e-9, 40.0, -40.0]
POINTS = {1: [(x,) for x in MANY], 2: list(itertools.product(FEW, FEW)), 3: list(itertools.product(FEW[:8], repeat=3))}

each_primitive = pytest.mark.parametrize("primitive", PRIMITIVES.values(), ids=str)

Point = tuple[float, ...]


def assert_all_agree(function: Callable[..., Value], points: Sequence[Point], backend: Backend) -> None:
    """The function at every point, in one program of parameters, and in a batch of inputs."""
    expected = [record(lambda leaves, _: function(*leaves), point) for point in points]
    values, gradients = np.array([one.value for one in expected]), np.array([one.gradient for one in expected])
    arity = len(points[0])

    parameters = [Value(0.5) for _ in points for _ in range(arity)]
    outputs = [function(*parameters[k : k + arity]) for k in range(0, len(parameters), arity)]
    numbers = np.array(points).ravel()
    found = compile(outputs, [], parameters, backend)(numbers)
    assert_each_same(found, values, points)
    found = compile(sum(outputs, Value(0.0)), [], parameters, backend).value_and_grad(numbers)[1]
    assert_each_same(found.reshape(-1, arity), gradients, points)

    one = [Value(0.5) for _ in range(arity)]
    program = compile([function(*one), one[0]], one, [], backend)
    assert_each_same(program([], *np.array(points).T)[:, 0], values, points)


def assert_each_same(found: np.ndarray, expected: np.ndarray, points: Sequence[Point]) -> None:
    wrong = []
    for one, other, point in zip(found, expected, points, strict=True):
        try:
            assert_same(one, other)
        except AssertionError:
            wrong.append(f"at {point}: {one} where the nodes give {other}")
    assert not wrong, f"{len(wrong)} of {len(points)}, {'; '.join(wrong[:20])}"


@each_backend
@each_primitive
def test_operands(primitive: Primitive, backend: Backend) -> None:
    assert_all_agree(primitive, POINTS[primitive.arity], backend)


@each_backend
@each_primitive
@pytest.mark.parametrize("number", [0.0, -0.0, 1.0, 2.0, 3.0, -1.0, 0.5, math.inf, -math.inf, math.nan, 1e300, 1e-310])
def test_constant_operands(primitive: Primitive, number: float, backend: Backend) -> None:
    if primitive.arity == 1:
        with pytest.raises(TypeError):
            primitive(Value(1.0), number)
        return
    for place in range(primitive.arity):

        def function(*others: Value, place: int = place) -> Value:
            return primitive(*others[:place], number, *others[place:])

        points = POINTS[1] if primitive.arity == 2 else POINTS[2]
        assert_all_agree(function, points, backend)


@each_backend
@each_primitive
@pytest.mark.parametrize("upstream", [0.0, math.inf, -math.inf, math.nan, 1e300, 1e-300, -2.0])
def test_upstream_gradient(primitive: Primitive, upstream: float, backend: Backend) -> None:
    points = POINTS[1] if primitive.arity == 1 else [(-1.0, 0.0), (0.5, 0.5), (2.0, -0.5)]
    points = points if primitive.arity < 3 else [(0.0, 1.0, 2.0), (1.0, 1.0, 2.0), (-0.0, -1.0, math.inf)]
    program = None
    for point in points:
        one = record(lambda leaves, _: leaves[0] * primitive(*leaves[1:]), [upstream, *point])
        program = program or compile(one.output, [], one.parameters, backend)
        assert_same(program.value_and_grad([upstream, *point])[1], one.gradient, f"at {point}")


COMPOSED: dict[str, Callable[[Sequence[Any]], Any]] = {
    "softmax": lambda xs: functions.softmax(xs)[0],
    "log_softmax": lambda xs: functions.log_softmax(xs)[-1],
    "logsumexp": functions.logsumexp,
    "largest": lambda xs: functions.detach(functions.maximum(functions.maximum(xs[0], xs[1]), xs[-1])) * xs[0],
    "mean of squares": lambda xs: sum((x * x for x in xs), Value(0.0)) / 3.0,
    "norm": lambda xs: functions.sqrt(sum((x**2 for x in xs), Value(0.0))),
    "dot": lambda xs: xs[0] * xs[1] + xs[1] * xs[2] + xs[2] * xs[0],
    "like terms": lambda xs: 0.5 * xs[0] - 2.0 * xs[0] + xs[1] - xs[2],
    "difference with itself": lambda xs: (xs[0] - xs[0]) + xs[1] * xs[2] - xs[2] * xs[1],
    "times zero": lambda xs: 0.0 * xs[0] + xs[1] * 0.0 * xs[2],
    "plus infinity": lambda xs: (xs[0] + math.inf) * 0.5 + xs[1] - xs[2] * math.inf,
    "over infinity": lambda xs: xs[0] / math.inf + xs[1] / 0.0 + 1.0 / xs[2],
    "signed zero": lambda xs: 1.0 / (xs[1] * 1.0) + 1.0 / -xs[2],
    "one operand twice": lambda xs: functions.maximum(xs[0], xs[0]) * xs[1] + functions.minimum(xs[2], xs[2]),
    "largest of one twice": lambda xs: functions.detach(functions.maximum(xs[0], xs[0])) + xs[1] + xs[2],
    "gate": lambda xs: functions.where(functions.less(xs[0], 0.0), xs[1], xs[2]) * xs[1],
}


@each_backend
@pytest.mark.parametrize("name", COMPOSED)
def test_what_is_composed(name: str, backend: Backend) -> None:
    numbers = [0.0, -0.0, 1.0, math.inf, -math.inf, math.nan, 700.0, -3.0]
    program = None
    for point in itertools.product(numbers, repeat=3):
        one = record(lambda parameters, _: COMPOSED[name](parameters), point)
        program = program or compile(one.output, [], one.parameters, backend)
        value, gradient = program.value_and_grad(point)
        assert_same(value, one.value, f"at {point}")
        assert_same(gradient, one.gradient, f"at {point}")


@pytest.mark.parametrize("name", COMPOSED)
@pytest.mark.slow
def test_what_is_composed_on_inputs(name: str) -> None:
    samples = [[[1.0, math.inf, 2.0]], [[0.5, -1.0, 3.0]], [[0.0, -0.0, 1e200]]]
    assert_agrees(lambda parameters, inputs: parameters[0] * COMPOSED[name](inputs[0]), [1.5], samples)
    for sample in itertools.product([0.0, 1.0, -math.inf, math.nan], repeat=3):
        assert_agrees(lambda parameters, inputs: parameters[0] * COMPOSED[name](inputs[0]), [1.5], [[sample]])


@each_backend
def test_constants_keep_the_sign_of_zero(backend: Backend) -> None:
    def build(leaves: list[Value], _: Any = None) -> Value:
        quotients = [leaves[0] / 0.0, leaves[1] / -0.0]
        largest = [functions.maximum(leaves[2], -0.0), functions.maximum(leaves[3], 0.0)]
        return sum(
            (functions.tanh(x) * k for k, x in enumerate([*quotients, *(1.0 / y for y in largest)], 1)), Value(0.0)
        )

    point = [1.0, 1.0, -1.0, -1.0]
    one = record(build, point)
    assert one.value == 1.0 - 2.0 - 3.0 + 4.0
    assert compile(one.output, [], one.parameters, backend)(point) == one.value


@each_backend
@pytest.mark.parametrize(
    "function",
    [
        lambda x: functions.elu(0.5, x) * x,
        lambda x: functions.leaky_relu(2.0, x) * x,
        lambda x: x**0.0 * x,
        lambda x: functions.where(0.0, x, 1.0) * x,
    ],
    ids=["elu", "leaky_relu", "pow", "where"],
)
def test_a_slope_that_a_constant_makes_0_still_takes_an_infinite_gradient(
    function: Callable[[Any], Value], backend: Backend
) -> None:
    """Whether a gradient is handed back is up to the operation, never to a number."""
    one = record(lambda leaves, _: function(leaves[0]), [math.inf])
    assert_same(compile(one.output, [], one.parameters, backend).value_and_grad([math.inf])[1], one.gradient)
    assert math.isnan(one.gradient[0])
