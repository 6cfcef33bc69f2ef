"""@primitive: an operation of one's own works wherever those of the table do, and its mistakes are named."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from autograd_core import PRIMITIVES, Primitive, Value, grad, gradcheck, hessian, no_grad, primitive
from autograd_core.functions import cos, exp, sin


@primitive(partials=lambda x, out: 3.0 * x * x)
def cube(x: float) -> float:
    """The third power."""
    return x * x * x


@primitive(
    partials=lambda r, angle, out: (cos(angle), -r * sin(angle)),
    symbol="pol",
    latex=r"%s\cos %s",
    domain=((0.0, math.inf), (-math.pi, math.pi)),
)
def polar(r: float, angle: float) -> float:
    return r * math.cos(angle)


@primitive(partials=lambda x, y, z, out: (y * z, x * z, x * y))
def volume(x: float, y: float, z: float) -> float:
    return x * y * z


def test_entry() -> None:
    assert (cube.name, cube.symbol, cube.arity, cube.domain) == ("cube", "cube", 1, ((-math.inf, math.inf),))
    assert (cube.__name__, cube.__doc__, cube.__module__) == ("cube", "The third power.", __name__)
    assert cube.latex % "x" == r"\operatorname{cube}\left(x\right)"
    assert (polar.symbol, polar.arity, polar.domain[0]) == ("pol", 2, (0.0, math.inf))
    assert polar.latex % ("r", "a") == r"r\cos a"
    assert repr(volume) == "<primitive volume>"
    assert not {"cube", "polar", "volume"} & set(PRIMITIVES)


def test_backward() -> None:
    x = Value(2.0)
    result = cube(x) * 2.0
    result.backward()
    assert (result.data, x.grad) == (16.0, 24.0)
    r, angle = Value(2.0), Value(0.5)
    polar(r, angle).backward()
    assert (r.grad, angle.grad) == (math.cos(0.5), -2.0 * math.sin(0.5))
    edges = [Value(2.0), Value(3.0), Value(5.0)]
    volume(*edges).backward()
    assert [edge.grad for edge in edges] == [15.0, 10.0, 6.0]


def test_numbers_mix_with_values() -> None:
    x = Value(3.0)
    result = volume(2, x, np.float64(5.0))
    result.backward()
    assert (result.data, x.grad, [operand.is_constant for operand in result.inputs]) == (
        30.0,
        10.0,
        [True, False, True],
    )
    assert cube(2) == 8.0
    assert type(cube(2)) is float


def test_higher_derivatives() -> None:
    assert grad(grad(cube))(2.0) == 12.0
    assert grad(grad(grad(cube)))(2.0) == 6.0
    second = hessian(lambda v: polar(v[0], v[1]))([2.0, 0.5])
    assert second == [[0.0, -math.sin(0.5)], [-math.sin(0.5), -2.0 * math.cos(0.5)]]


def test_gradcheck() -> None:
    assert gradcheck(cube, 1.5)
    assert gradcheck(grad(cube), 1.5)
    assert gradcheck(polar, 2.0, 0.5)
    assert gradcheck(grad(polar, 1), 2.0, 0.5)
    assert gradcheck(volume, 2.0, 3.0, 5.0)


def test_arrays() -> None:
    assert cube(np.array([1.0, 2.0])).tolist() == [1.0, 8.0]
    nodes = np.array([[Value(1.0), Value(2.0)]])
    result = cube(nodes)
    assert result.shape == (1, 2)
    result.sum().backward()
    assert [node.grad for node in nodes.flat] == [3.0, 12.0]
    assert polar(np.array([1.0, 2.0]), 0.0).tolist() == [1.0, 2.0]


def test_rule_may_use_the_result() -> None:
    @primitive(partials=lambda x, out: -out)
    def decay(x: float) -> float:
        return math.exp(-x)

    assert grad(decay)(0.5) == -math.exp(-0.5)
    assert grad(grad(decay))(0.5) == math.exp(-0.5)


def test_rule_may_use_another_function_of_ones_own() -> None:
    @primitive(partials=lambda x, out: cube(x) * exp(x))
    def integral(x: float) -> float:
        return (x**3 - 3.0 * x**2 + 6.0 * x - 6.0) * math.exp(x)

    assert gradcheck(integral, 0.7)
    assert gradcheck(grad(integral), 0.7)


@pytest.mark.parametrize(
    ("partials", "kind"),
    [(lambda x, out: 1, int), (lambda x, out: (np.float64(1.0),), tuple), (lambda x, out: True, bool)],
    ids=["int", "tuple of NumPy", "bool"],
)
def test_partials_become_floats(partials: Any, kind: type) -> None:
    same: Primitive = primitive(partials=partials)(lambda x: x)
    assert isinstance(partials(1.0, 1.0), kind)
    assert [type(partial) for partial in same(Value(2.0)).partials] == [float]


@pytest.mark.parametrize("result", [3, True, np.float32(0.5), np.int64(2)], ids=lambda result: type(result).__name__)
def test_result_becomes_a_float(result: Any) -> None:
    @primitive(partials=lambda x, out: 0.0)
    def fixed(x: float) -> float:
        return result

    assert (type(fixed(1.0)), fixed(1.0)) == (float, float(result))
    assert (type(fixed(Value(1.0)).data), fixed(Value(1.0)).data) == (float, float(result))


@pytest.mark.parametrize(
    ("result", "named"), [(None, "NoneType"), ("1.0", "str '1.0'"), (1j, "complex"), ([1.0], "list of 1")]
)
def test_result_must_be_a_number(result: Any, named: str) -> None:
    @primitive(partials=lambda x, out: 0.0)
    def mistaken(x: float) -> float:
        return result

    for operand in (1.0, Value(1.0), np.array([1.0])):
        with pytest.raises(TypeError) as caught:
            mistaken(operand)
        expected = f"The result of mistaken takes an int, float or NumPy real scalar, got {named}; "
        assert str(caught.value).startswith(expected)


@pytest.mark.parametrize(("returned", "count"), [((1.0,), 1), ((1.0, 2.0, 3.0), 3), ((), 0), (1.0, 1)])
def test_rule_must_give_a_partial_per_operand(returned: Any, count: int) -> None:
    @primitive(partials=lambda x, y, out: returned)
    def mistaken(x: float, y: float) -> float:
        return x + y

    with pytest.raises(TypeError) as caught:
        mistaken(Value(1.0), 2.0)
    assert str(caught.value) == f"the rule of mistaken returned {count} partial(s) for 2 operand(s)"
    assert mistaken(1.0, 2.0) == 3.0
    with no_grad():
        assert mistaken(Value(1.0), 2.0).data == 3.0


@pytest.mark.parametrize(("returned", "named"), [(None, "NoneType"), ("1", "str '1'"), ([1.0], "list of 1")])
def test_partials_must_be_numbers(returned: Any, named: str) -> None:
    @primitive(partials=lambda x, out: returned)
    def mistaken(x: float) -> float:
        return x

    with pytest.raises(TypeError) as caught:
        mistaken(Value(1.0))
    expected = f"A partial of mistaken takes an int, float or NumPy real scalar, got {named}; "
    assert str(caught.value).startswith(expected)


def test_wrong_number_of_operands() -> None:
    with pytest.raises(TypeError, match=r"^polar takes 2 operand\(s\), got 1$"):
        polar(Value(1.0))


def test_wrong_rule_is_found() -> None:
    @primitive(partials=lambda x, out: 3.003 * x * x)
    def mistaken(x: float) -> float:
        return x**3

    with pytest.raises(AssertionError, match="1 of 1 derivatives are wrong"):
        gradcheck(mistaken, 2.0)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"partials": 3}, TypeError, "partials of twice is a function of the operands and the result, got 3"),
        ({"latex": "%s %s"}, ValueError, "one %s for each of its 1 operand"),
        ({"latex": "twice"}, ValueError, "one %s for each of its 1 operand"),
        ({"domain": ((0.0, 1.0), (0.0, 1.0))}, ValueError, r"1 operand\(s\) and a domain of 2 interval"),
    ],
)
def test_parts_that_do_not_belong_together_are_refused(options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):

        @primitive(**({"partials": lambda x, out: 2.0} | options))
        def twice(x: float) -> float:
            return 2.0 * x


def test_operands_are_named_one_by_one() -> None:
    with pytest.raises(TypeError, match="the operands of total are its parameters, one by one"):

        @primitive(partials=lambda *numbers: 1.0)
        def total(*numbers: float) -> float:
            return sum(numbers)
