"""Primitives of one's own in compiled programs, and Python's branches on numbers while a program is recorded."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd_core import Primitive, Value, modes, primitive
from autograd_core.compiler import CompileError, compile
from autograd_core.compiler.program import Backend
from autograd_core.functions import abs as absolute
from autograd_core.functions import cos, exp, less, log, maximum, sigmoid, sin, tanh, where
from tests.autograd_core.compiler.agreement import assert_agrees, each_backend


@primitive(partials=lambda x, out: 3.0 * x * x)
def cube(x: float) -> float:
    return x * x * x


@primitive(partials=lambda r, angle, out: (cos(angle), -r * sin(angle)))
def polar(r: float, angle: float) -> float:
    return r * cos(angle)


@primitive(partials=lambda x, y, z, out: (y * z, x * z, x * y))
def volume(x: float, y: float, z: float) -> float:
    return x * y * z


@primitive(partials=lambda x, out: sigmoid(x) * (1.0 + x * (1.0 - sigmoid(x))))
def swish(x: float) -> float:
    return x * sigmoid(x)


@primitive(partials=lambda x, out: -out)
def decay(x: float) -> float:
    return exp(-x)


@primitive(partials=lambda x, out: where(x, cube(x) / absolute(x), 0.0) * 2.0)
def nested(x: float) -> float:
    return cube(x) * swish(x) + log(absolute(x) + 1.0)


@primitive(partials=lambda x, y, out: (2.0 ** (x - y) - x**-2.0, (-x) ** 2.0 / (y - (x - y)) * -1.0))
def precedence(x: float, y: float) -> float:
    return -(((x - y) - (y - x)) ** 2.0) / (x / (y / x)) - (-1.0) ** 2.0 * x


@primitive(partials=lambda x, out: 0.0)
def three(x: float) -> float:
    return 3.0


@primitive(partials=lambda x, out: 1)
def same(x: float) -> float:
    return x


@primitive(partials=lambda x, y, out: (1.0 if y > 2.0 else 0.0, x))
def branching_rule(x: float, y: float) -> float:
    return x * y


@primitive(partials=lambda x, out: 1.0 - (x + x * x))
def one_less_a_sum(x: float) -> float:
    return x - x * x / 2.0 - x * x * x / 3.0


@primitive(partials=lambda x, out: 1.0 - less(x, 0.5))
def hinge(x: float) -> float:
    return maximum(x, 0.5)


ALL = [cube, polar, volume, swish, decay, nested, precedence, three, same, one_less_a_sum, hinge]


@pytest.mark.parametrize("own", ALL, ids=str)
def test_value_and_gradient(own: Primitive) -> None:
    assert_agrees(lambda p, _: own(*p), [0.7, -1.3, 2.1][: own.arity])
    assert_agrees(lambda p, _: own(*[tanh(w) for w in p]) * p[0], [0.7, -1.3, 2.1][: own.arity])


@pytest.mark.parametrize("own", ALL, ids=str)
def test_in_a_layer_with_a_batch(own: Primitive) -> None:
    def build(p: list[Value], inputs: list[list[Value]]) -> Value:
        x, y = inputs[0]
        outputs = [own(*[p[k] * x + p[k + 4] * y + p[(k + j) % 8] for j in range(own.arity)]) for k in range(4)]
        return sum(outputs, Value(0.0))

    parameters = [0.1, -0.2, 0.3, 0.4, 0.5, -0.6, 0.7, 0.8]
    assert_agrees(build, parameters, [[[0.5, 1.0]], [[-0.5, 2.0]], [[1.5, -1.0]]])


@pytest.mark.parametrize("own", [polar, volume, precedence], ids=str)
def test_constants_among_the_operands(own: Primitive) -> None:
    for place in range(own.arity):
        assert_agrees(lambda p, _, place=place: own(*p[:place], -1.5, *p[place:]), [0.7, 2.1][: own.arity - 1])


@each_backend
def test_a_constant_result_or_partial(backend: Backend) -> None:
    w = Value(2.0)
    value, gradient = compile(three(w) * w, [], [w], backend).value_and_grad([5.0])
    assert (value, gradient.tolist()) == (15.0, [3.0])
    program = compile([three(w), same(w)], [], [w], backend)
    assert program([5.0]).tolist() == [3.0, 5.0]


def own_primitive(function: Callable[..., Any], rule: Callable[..., Any]) -> Primitive:
    def opaque(x: float) -> float:
        return function(x)

    return primitive(partials=rule)(opaque)


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "math": lambda x: math.exp(x),
    "float": lambda x: float(x) * 2.0,
    "branch": lambda x: x if x > 0.0 else 0.1 * x,
    "chained comparison": lambda x: 1.0 if -1.0 < x < 1.0 else 0.0,
    "truth": lambda x: 1.0 if x else 0.0,
    "not": lambda x: float(not x),
    "max": lambda x: max(x, 0.0),
    "and": lambda x: x and 2.0 * x,
    "int": lambda x: float(int(x)),
    "round": lambda x: float(round(x)),
    "equality": lambda x: 1.0 if x == 0.0 else 2.0,
    "absolute": lambda x: x * (x >= 0.0),
    "floor": lambda x: float(math.floor(x)),
    "is integer": lambda x: 1.0 if x.is_integer() else 2.0,
    "format": lambda x: float(f"{x}"),
    "divmod": lambda x: divmod(x, 2.0)[1],
    "no number": lambda x: x * 2.0 if isinstance(x, float) else "2",
}


@each_backend
@pytest.mark.parametrize("what", FUNCTIONS)
def test_a_function_that_cannot_be_written_as_source(what: str, backend: Backend) -> None:
    opaque, w = own_primitive(FUNCTIONS[what], lambda x, out: 1.0), Value(0.7)
    with pytest.raises(CompileError, match="opaque cannot be written as source"):
        compile(opaque(w), [], [w], backend).value_and_grad([0.5])


@each_backend
@pytest.mark.parametrize("what", FUNCTIONS)
def test_a_rule_that_cannot_be_written_as_source(what: str, backend: Backend) -> None:
    opaque, w = own_primitive(lambda x: x * 2.0, lambda x, out: FUNCTIONS[what](x)), Value(0.7)
    with pytest.raises(CompileError, match="rule of opaque cannot be written as source"):
        compile(opaque(w), [], [w], backend).value_and_grad([0.5])


@each_backend
def test_a_rule_that_branches_on_one_operand_of_two(backend: Backend) -> None:
    x, y = Value(0.7), Value(3.0)
    with pytest.raises(CompileError, match="rule of branching_rule"):
        compile(branching_rule(x, y), [], [x, y], backend)


@each_backend
def test_two_primitives_of_one_name(backend: Backend) -> None:
    def named(factor: float) -> Primitive:
        @primitive(partials=lambda x, out: factor * cos(x))
        def sine(x: float) -> float:
            return factor * sin(x)

        return sine

    w = Value(0.5)
    program = compile(named(2.0)(w) + named(3.0)(w) + sin(w), [], [w], backend)
    assert program([0.7]) == pytest.approx(6.0 * math.sin(0.7), rel=1e-14)
    assert program.value_and_grad([0.7])[1].tolist() == pytest.approx([6.0 * math.cos(0.7)], rel=1e-14)


@each_backend
@pytest.mark.parametrize("name", ["exp", "relu", "np", "math", "value", "batch", "sigmoid"])
def test_a_primitive_named_like_something_else(name: str, backend: Backend) -> None:
    def function(x: float) -> float:
        return 3.0 * x + sigmoid(maximum(x, 0.0))

    function.__name__ = name
    own = primitive(partials=lambda x, out: 3.0 + where(maximum(x, 0.0), sigmoid(x) * (1.0 - sigmoid(x)), 0.0))(
        function
    )
    w = Value(0.5)
    output = own(w) * exp(w)
    output.backward()
    value, gradient = compile(output, [], [w], backend).value_and_grad([0.5])
    assert (value, gradient.tolist()) == (pytest.approx(output.data, rel=1e-14), [pytest.approx(w.grad, rel=1e-14)])


BRANCHES: dict[str, Callable[[Value], Any]] = {
    "bool": bool,
    "not": operator.not_,
    "less": lambda v: v < 1.0,
    "less or equal": lambda v: v <= 1.0,
    "greater": lambda v: v > 1.0,
    "greater or equal": lambda v: v >= 1.0,
    "of two": lambda v: v < Value(2.0),
    "other side": lambda v: np.float64(1.0) < v,
    "max": lambda v: max(v, Value(2.0)) is v,
    "while": lambda v: 1 if v else 0,
}


@pytest.mark.parametrize("how", BRANCHES)
def test_branches_are_refused_while_a_program_is_recorded(how: str) -> None:
    v = Value(3.0)
    before = BRANCHES[how](v)
    with modes.changed(symbolic=True), pytest.raises(TypeError, match="Python asked for the number of a Value"):
        BRANCHES[how](v)
    assert BRANCHES[how](v) == before
    assert bool(before) is (how in {"bool", "greater", "greater or equal", "other side", "max", "while"})


@each_backend
def test_branches_taken_while_recording_are_part_of_the_program(backend: Backend) -> None:
    w = Value(3.0)
    program = compile(w * 2.0 if w > 0 else w * 5.0, [], [w], backend)
    assert (program([1.0]), program([-1.0])) == (2.0, -2.0)
