"""grad, value_and_grad, jacobian and hessian: arrangements, nesting, and agreement with HIPS autograd."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any, NamedTuple

import autograd
import autograd.numpy
import numpy as np
import pytest

from autograd_core import Value, grad, hessian, jacobian, no_grad, primitive, value_and_grad


def cube(x: Any) -> Any:
    """x to the third."""
    return x * x * x


def weighted(x: Any) -> Any:
    """1 * first * second + 2 * third, for three numbers in any nesting."""
    first, second, third = flat(x)
    return first * second + 2.0 * third


def flat(x: Any) -> list[Any]:
    if isinstance(x, (list, tuple, np.ndarray)):
        return [number for element in x for number in flat(element)]
    return [x]


@pytest.mark.parametrize("number", [2.0, 2, np.float64(2.0), np.int64(2), np.array(2.0)])
def test_grad_of_a_number(number: Any) -> None:
    slope = grad(cube)(number)
    assert type(slope) is float
    assert slope == 12.0
    assert value_and_grad(cube)(number) == (8.0, 12.0)
    assert type(value_and_grad(cube)(number)[0]) is float


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ([3.0, 5.0, 7.0], [5.0, 3.0, 2.0]),
        ([[3.0, 5.0], [7.0]], [[5.0, 3.0], [2.0]]),
        ([3.0, [[5], 7]], [5.0, [[3.0], 2.0]]),
        ([np.array([3.0, 5.0]), 7.0], [[5.0, 3.0], 2.0]),
    ],
    ids=["list", "nested", "deeper", "array in a list"],
)
def test_grad_has_the_arrangement_of_a_list(argument: Any, expected: Any) -> None:
    result = grad(weighted)(argument)
    assert [part.tolist() if isinstance(part, np.ndarray) else part for part in result] == expected


def test_grad_of_a_tuple() -> None:
    assert list(grad(weighted)((3.0, 5.0, 7.0))) == [5.0, 3.0, 2.0]


@pytest.mark.parametrize("shape", [(3,), (1, 3), (3, 1)])
@pytest.mark.parametrize("kind", [float, int, np.float32])
def test_grad_has_the_shape_of_an_array(shape: tuple[int, ...], kind: Any) -> None:
    result = grad(weighted)(np.array([3, 5, 7], dtype=kind).reshape(shape))
    assert (result.dtype, result.shape) == (np.dtype(float), shape)
    assert result.ravel().tolist() == [5.0, 3.0, 2.0]


def test_arguments_arrive_as_values_in_their_arrangement() -> None:
    seen: list[Any] = []

    def recorded(x: Any, y: Any) -> float:
        seen.append((x, y))
        return 0.0

    plain = np.array([1.0])
    grad(recorded)([1.0, np.array([[2.0]])], plain)
    ((first, matrix), other) = seen[0]
    assert (type(first), first.data) == (Value, 1.0)
    assert (matrix.dtype, matrix.shape, matrix[0, 0].data) == (np.dtype(object), (1, 1), 2.0)
    assert other is plain


@pytest.mark.parametrize(("argnum", "expected"), [(0, 12.0), (1, 8.0), (-1, 8.0), (-2, 12.0)])
def test_argnum(argnum: int, expected: float) -> None:
    def function(x: Any, y: Any) -> Any:
        return x * y * 2.0

    assert grad(function, argnum)(4.0, 6.0) == expected
    assert value_and_grad(function, argnum)(4.0, 6.0) == (48.0, expected)
    assert jacobian(function, argnum)(4.0, 6.0) == expected
    assert hessian(function, argnum)(4.0, 6.0) == 0.0


@pytest.mark.parametrize("argnum", [2, -3, 100])
@pytest.mark.parametrize("transform", [grad, value_and_grad, jacobian, hessian])
def test_argnum_out_of_range(transform: Callable[..., Any], argnum: int) -> None:
    message = f"^argnums is {argnum}, but the function was called with 2 argument"
    with pytest.raises(TypeError, match=message):
        transform(lambda x, y: x * y, argnum)(1.0, 2.0)


def test_function_that_does_not_depend_on_its_argument() -> None:
    assert grad(lambda x: 5.0)(1.0) == 0.0
    assert grad(lambda x: Value(5.0))([1.0, 2.0]) == [0.0, 0.0]
    assert grad(lambda x: x[0])([1.0, 2.0]) == [1.0, 0.0]
    assert value_and_grad(lambda x: 5)(1.0) == (5, 0.0)
    assert hessian(lambda x: 3.0 * x[0])([1.0, 2.0]) == [[0.0, 0.0], [0.0, 0.0]]
    assert jacobian(lambda x: [1.0, x])(2.0) == [0.0, 1.0]
    assert grad(lambda x: x)(3.0) == 1.0


@pytest.mark.parametrize(
    ("result", "described"),
    [
        ([1.0, 2.0], "a list of 2"),
        ((1.0,), "a tuple of 1"),
        ({"y": 1.0}, "a dict of 1"),
        (np.ones((2, 3)), r"an array of shape \(2, 3\)"),
        (np.ones(0), r"an array of shape \(0,\)"),
    ],
)
def test_result_must_be_a_scalar(result: Any, described: str) -> None:
    message = f"^grad takes a function with a scalar result, got {described}; jacobian takes such a function$"
    for transform in (grad, value_and_grad, hessian):
        with pytest.raises(TypeError, match=message):
            transform(lambda x: result)(1.0)


@pytest.mark.parametrize(("result", "named"), [(None, "NoneType"), ("1", "str"), (1j, "complex"), (set(), "set")])
def test_result_must_be_a_number(result: Any, named: str) -> None:
    message = f"^The result of a differentiated function takes an int, float or NumPy real scalar, got {named}"
    for transform in (grad, value_and_grad, jacobian, hessian):
        with pytest.raises(TypeError, match=message):
            transform(lambda x: result)(1.0)


@pytest.mark.parametrize("argument", ["1", None, [1.0, "2"], {"w": "1"}, {1.0}])
def test_argument_must_be_made_of_numbers(argument: Any) -> None:
    with pytest.raises(TypeError, match=r"^A transform takes an int, float or NumPy real scalar, got "):
        grad(lambda x: 1.0)(argument)


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_an_array_of_one_element_is_a_scalar_result(shape: tuple[int, ...]) -> None:
    def boxed(x: Any) -> Any:
        box = np.empty(shape, dtype=object)
        box[...] = x * x
        return box

    assert value_and_grad(boxed)(3.0) == (9.0, 6.0)
    assert grad(grad(boxed))(3.0) == hessian(boxed)(3.0) == 2.0
    assert grad(lambda x: (x * x).sum(keepdims=True))(np.array([3.0])).tolist() == [6.0]
    assert value_and_grad(lambda x: np.full(shape, 5.0))(3.0) == (5.0, 0.0)
    assert np.shape(jacobian(boxed)(3.0)) == shape


def test_a_dictionary_comes_back_as_one() -> None:
    parameters = {"slope": 2.0, "offsets": (1.0, [3.0], {"far": np.array([4.0, 5.0])})}

    def loss(given: Any, x: Any) -> Any:
        first, (second,), deep = given["offsets"]
        return given["slope"] * x * x + first + 2.0 * second + (deep["far"] * np.array([3.0, 4.0])).sum()

    found = grad(loss)(parameters, 5.0)
    far = found["offsets"][2].pop("far")
    assert found == {"slope": 25.0, "offsets": (1.0, [2.0], {})}
    assert (far.tolist(), far.dtype) == ([3.0, 4.0], np.dtype(float))
    assert list(found) == list(parameters)


def test_a_named_tuple_comes_back_as_one() -> None:
    class Point(NamedTuple):
        x: Any
        y: Any

    assert grad(lambda point: point.x * point.y)(Point(2.0, 3.0)) == Point(3.0, 2.0)


def test_a_dictionary_of_results() -> None:
    by_name = jacobian(lambda x: {"square": x * x, "both": [x, 2.0 * x]})(3.0)
    assert by_name == {"square": 6.0, "both": [1.0, 2.0]}
    second = hessian(lambda p: p["a"] * p["a"] * p["b"])({"a": 2.0, "b": 3.0})
    assert second == {"a": {"a": 6.0, "b": 4.0}, "b": {"a": 4.0, "b": 0.0}}


def test_arguments_that_do_not_show_their_numbers_are_refused() -> None:
    hidden = np.ma.MaskedArray([1.0, 2.0], mask=[False, True])
    with pytest.raises(ValueError, match="^An argument of a transform has masked entries; drop or fill them first"):
        grad(lambda x: x[0])(hidden)
    assert grad(lambda x: x[0] * x[1])(np.ma.MaskedArray([1.0, 2.0])).tolist() == [2.0, 1.0]
    with pytest.raises(TypeError, match="got generator; it can be read only once: make a list of its numbers first"):
        grad(lambda x: x[0])(x for x in [1.0])


def test_several_argnums_give_a_tuple() -> None:
    def function(x: Any, y: Any, z: Any) -> Any:
        return x * y * y + z

    assert grad(function, (0, 1))(2.0, 3.0, 1.0) == (9.0, 12.0)
    assert grad(function, argnums=[-1, 0])(2.0, 3.0, 1.0) == (1.0, 9.0)
    assert grad(function, (1,))(2.0, 3.0, 1.0) == (12.0,)
    assert value_and_grad(function, (1, 2))(2.0, 3.0, 1.0) == (19.0, (12.0, 1.0))
    assert jacobian(lambda x, y: [x * y, x], (0, 1))(2.0, 3.0) == [(3.0, 2.0), (1.0, 0.0)]
    assert hessian(function, (0, 1))(2.0, 3.0, 1.0) == ((0.0, 6.0), (6.0, 4.0))
    assert grad(function, argnum=1)(2.0, 3.0, 1.0) == 12.0


@pytest.mark.parametrize("argnums", [(0, 0), (1, -1)])
def test_argnums_name_each_argument_once(argnums: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="which names an argument twice"):
        grad(lambda x, y: x * y, argnums)(1.0, 2.0)
    with pytest.raises(ValueError, match="names no argument to differentiate by"):
        grad(lambda x: x, ())


def test_transformed_function_keeps_its_name() -> None:
    for transform in (grad, value_and_grad, jacobian, hessian):
        assert (transform(cube).__name__, transform(cube).__doc__) == ("cube", "x to the third.")


def test_jacobian_of_lists() -> None:
    assert jacobian(lambda x: [x[0] * x[1], [x[0] + x[1]]])([2.0, 3.0]) == [[3.0, 2.0], [[1.0, 1.0]]]
    assert jacobian(lambda x: x[0] * x[1])([2.0, 3.0]) == [3.0, 2.0]


@pytest.mark.parametrize("shape", [(3,), (3, 2), (2, 2, 2)])
def test_jacobian_of_arrays_has_the_shape_of_the_result_then_of_the_argument(shape: tuple[int, ...]) -> None:
    chance = np.random.default_rng(3)
    matrix, x = chance.normal(size=(4, shape[0])), chance.normal(size=shape)
    result = jacobian(lambda x: np.tensordot(matrix, x, axes=1))(x)
    assert (result.dtype, result.shape) == (np.dtype(float), (4, *shape[1:], *shape))
    basis = np.eye(x.size).reshape(x.size, *shape)
    for direction, column in zip(basis, np.moveaxis(result.reshape(-1, x.size), -1, 0), strict=True):
        np.testing.assert_allclose(column, np.tensordot(matrix, direction, axes=1).ravel(), atol=1e-15)


def test_jacobian_of_an_array_by_a_list() -> None:
    result = jacobian(lambda x: np.array([x[0] * x[1], x[1], x[0]]))([2.0, 3.0])
    assert np.array(result).tolist() == [[3.0, 2.0], [0.0, 1.0], [1.0, 0.0]]


@pytest.mark.parametrize(
    "argument", [[[1.0, 2.0], [3.0]], [np.ones((2, 2)), np.ones(2)]], ids=["uneven lists", "arrays of two shapes"]
)
def test_jacobian_of_an_array_by_numbers_that_make_no_array(argument: Any) -> None:
    rows = jacobian(lambda x: np.array([flat(x)[0] * flat(x)[-1], flat(x)[1]]))(argument)
    expected = [[0.0] * len(flat(argument)) for _ in range(2)]
    expected[0][0], expected[0][-1], expected[1][1] = flat(argument)[-1], flat(argument)[0], 1.0
    assert [flat(row) for row in rows] == expected


def test_hessian_of_arrays() -> None:
    matrix = np.arange(16.0).reshape(4, 4)
    second = hessian(lambda x: x.ravel() @ matrix @ x.ravel())(np.ones((2, 2)))
    assert (second.dtype, second.shape) == (np.dtype(float), (2, 2, 2, 2))
    np.testing.assert_array_equal(second.reshape(4, 4), matrix + matrix.T)


@pytest.mark.parametrize("empty", [[], np.zeros(0), np.zeros((2, 0))], ids=str)
def test_empty_arguments(empty: Any) -> None:
    result = grad(lambda x: 1.0)(empty)
    assert (type(result), np.shape(result)) == (type(empty), np.shape(empty))


def test_nesting() -> None:
    assert grad(grad(cube))(2.0) == 12.0
    assert grad(grad(grad(cube)))(2.0) == 6.0
    assert grad(grad(grad(grad(cube))))(2.0) == 0.0
    assert grad(lambda x: grad(lambda y: x * x * y**3)(2.0 * x))(3.0) == pytest.approx(12.0 * 4 * 27.0)
    assert value_and_grad(grad(cube))(2.0) == (12.0, 12.0)
    assert grad(lambda x: value_and_grad(cube)(x)[0])(2.0) == 12.0
    assert jacobian(grad(lambda x: x[0] * x[0] * x[1]))([2.0, 3.0]) == hessian(lambda x: x[0] * x[0] * x[1])([2.0, 3.0])
    assert grad(lambda x: hessian(cube)(x))(2.0) == 6.0
    np.testing.assert_array_equal(grad(lambda x: jacobian(lambda y: y * y)(x).sum())(np.array([1.0, 2.0])), [2.0, 2.0])


def test_derivatives_do_not_mix() -> None:
    assert grad(lambda x: x * grad(lambda y: x * y)(x))(3.0) == 6.0
    assert grad(lambda x: grad(lambda y: x * y)(2.0))(3.0) == 1.0
    assert grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0) == 1.0
    assert grad(lambda x: grad(lambda y: x)(2.0))(3.0) == 0.0
    assert grad(lambda x: jacobian(lambda y: [x * y, x * x * y])(2.0)[1])(3.0) == 6.0


def test_transforms_inside_no_grad() -> None:
    with no_grad():
        assert grad(grad(cube))(2.0) == 12.0
        assert value_and_grad(cube)(2.0) == (8.0, 12.0)
        assert jacobian(lambda x: [cube(x)])(2.0) == [12.0]
        assert hessian(lambda x: x[0] * x[1])([2.0, 3.0]) == [[0.0, 1.0], [1.0, 0.0]]
        assert (Value(2.0) * 2.0).inputs == ()


def test_no_grad_inside_a_differentiated_function_cuts() -> None:
    def function(x: Any) -> Any:
        with no_grad():
            factor = x * x
        return factor * x

    assert value_and_grad(function)(3.0) == (27.0, 9.0)


def test_no_grad_around_an_inner_derivative_cuts() -> None:
    def by_argument(x: Any) -> Any:
        with no_grad():
            return grad(cube)(x)

    def by_closure(x: Any) -> Any:
        with no_grad():
            return grad(lambda y: x * y * y)(2.0)

    assert value_and_grad(by_argument)(2.0) == (12.0, 0.0)
    assert value_and_grad(by_closure)(3.0) == (12.0, 0.0)


@pytest.mark.parametrize("function", [math.sin, lambda x: x * math.exp(x), lambda x: float(x) * x])
def test_a_number_taken_out_of_the_graph_is_refused(function: Any) -> None:
    with pytest.raises(TypeError, match=r"the derivative would be lost; use v\.data for the number"):
        grad(function)(1.0)


def test_a_rule_that_leaves_the_graph_is_refused_in_higher_derivatives() -> None:
    @primitive(partials=lambda x, out: math.cos(x))
    def sine(x: float) -> float:
        return math.sin(x)

    assert grad(sine)(1.0) == math.cos(1.0)
    with pytest.raises(TypeError, match="the derivative would be lost"):
        grad(grad(sine))(1.0)


def test_a_branch_on_equality_is_that_of_the_number() -> None:
    def piecewise(x: Any) -> Any:
        return x * x if x == 2.0 else 5.0 * x

    assert (grad(piecewise)(2.0), grad(piecewise)(3.0)) == (4.0, 5.0)
    assert grad(grad(piecewise))(2.0) == 2.0


def test_a_result_computed_inside_no_grad_is_refused() -> None:
    def detached(x: Any) -> Any:
        with no_grad():
            return x * x

    with pytest.raises(RuntimeError, match="was computed inside no_grad"):
        grad(detached)(3.0)


def test_a_derivative_taken_inside_no_grad_is_a_number_to_the_outer_one() -> None:
    def scaled(x: Any) -> Any:
        with no_grad():
            slope = grad(lambda y: y)(x) + grad(lambda y: y * y)(x)
        return slope * x

    assert grad(scaled)(3.0) == 7.0


def test_options_are_passed_on() -> None:
    assert grad(lambda x, power: x**power)(3.0, power=2) == 6.0
    assert jacobian(lambda x, scale=1.0: [scale * x])(3.0, scale=5.0) == [5.0]


def test_what_is_no_function_or_position_is_refused() -> None:
    with pytest.raises(TypeError, match="takes a function, got int"):
        grad(3)  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="argnums is the position of an argument, an int, or a tuple of several, got"):
        jacobian(cube, "a")  # pyright: ignore[reportArgumentType]


def test_derivative_at_a_node_is_a_node() -> None:
    x = Value(2.0)
    value, slope = value_and_grad(cube)(x)
    assert (type(value), value.data, type(slope), slope.data) == (Value, 8.0, Value, 12.0)
    slope.backward()
    assert x.grad == 12.0


def test_gradients_of_nodes_are_left_alone() -> None:
    weight, argument = Value(3.0), Value(2.0)
    weight.grad = argument.grad = 7.0
    seen: list[Value] = []

    def function(x: Any) -> Any:
        seen.append(x * weight)
        return seen[-1] * x

    for transform in (grad, value_and_grad, jacobian, hessian):
        transform(function)(2.0)
        transform(function)(argument)
    assert (weight.grad, argument.grad) == (7.0, 7.0)
    assert {node.grad for node in seen} == {0.0}


# Its functions pass on to NumPy, and so to Value, what is none of its own nodes.
either: Any = autograd.numpy

SMOOTH: list[Callable[[Any, Any], Any]] = [
    lambda x, y: x + 0.5 * y,
    lambda x, y: x * y,
    lambda x, y: x / (2.0 + y * y),
    lambda x, y: either.sin(x),
    lambda x, y: either.tanh(x - y),
    lambda x, y: either.exp(-x * x),
    lambda x, y: either.log1p(x * x),
    lambda x, y: (1.5 + x * x) ** (0.3 * y),
]


def random_function(seed: int) -> Any:
    """A smooth scalar function of a vector of four, for arrays of Values and for HIPS autograd alike."""

    def function(vector: Any) -> Any:
        chance = random.Random(seed)
        nodes = [vector[i] for i in range(4)]
        for _ in range(12):
            nodes.append(chance.choice(SMOOTH)(chance.choice(nodes), chance.choice(nodes)))
        return sum(nodes[-4:])

    return function


@pytest.mark.parametrize("seed", range(25))
def test_random_functions_agree_with_hips_autograd(seed: int) -> None:
    function = random_function(seed)
    x = np.random.default_rng(seed).uniform(-1.5, 1.5, size=4)
    theirs: Any = autograd
    np.testing.assert_allclose(grad(function)(x), theirs.grad(function)(x), rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(hessian(function)(x), theirs.hessian(function)(x), rtol=1e-8, atol=1e-10)
