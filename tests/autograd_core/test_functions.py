"""The functions of the table on floats, Values and arrays of either."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd_core import PRIMITIVES, Primitive, Value, functions
from autograd_core.value import number_of
from tests.autograd_core.test_primitives import in_the_domain

every_primitive = pytest.mark.parametrize("primitive", PRIMITIVES.values(), ids=str)

inf, nan = math.inf, math.nan
NUMBERS = [0.25, 0.5, 0.75, 0.375]


def operands_of(primitive: Primitive, shift: int = 0) -> list[float]:
    return in_the_domain(primitive, [NUMBERS[(shift + position) % 4] for position in range(primitive.arity)])


def objects(numbers: Any) -> np.ndarray:
    return np.vectorize(Value, otypes=[object])(numbers)


def test_every_primitive_is_a_function() -> None:
    beyond_the_table = {"detach", "logsumexp", "log_softmax", "softmax"}
    assert set(functions.__all__) == set(PRIMITIVES) | beyond_the_table
    for name, primitive in PRIMITIVES.items():
        assert getattr(functions, name) is primitive


@every_primitive
def test_on_single_numbers(primitive: Primitive) -> None:
    numbers = operands_of(primitive)
    expected = primitive.forward(*numbers)
    kinds: list[Callable[[float], Any]] = [float, np.float64, np.array, lambda x: np.array(x, dtype=np.float32)]
    for kind in kinds:
        result = primitive(*map(kind, numbers))
        assert type(result) is float
        assert result == expected
    for number in (True, 1, np.int64(1), np.bool_(True)):
        result = primitive(*[number] * primitive.arity)
        assert type(result) is float
        assert result == primitive.forward(*[1.0] * primitive.arity)


@every_primitive
def test_on_values(primitive: Primitive) -> None:
    numbers = operands_of(primitive)
    for position in range(primitive.arity):
        operands: list[Any] = list(numbers)
        operands[position] = Value(numbers[position])
        result = primitive(*operands)
        assert type(result) is Value
        assert (result.data, result.op) == (primitive.forward(*numbers), primitive)
        assert result.inputs[position] is operands[position]
        assert [operand.is_constant for operand in result.inputs] == [p != position for p in range(primitive.arity)]


@every_primitive
@pytest.mark.parametrize("shape", [(4,), (2, 2), (4, 1), (0,)])
def test_on_arrays(primitive: Primitive, shape: tuple[int, ...]) -> None:
    count = math.prod(shape)
    rows = [operands_of(primitive, shift) for shift in range(count)]
    columns = [np.array([row[position] for row in rows]).reshape(shape) for position in range(primitive.arity)]
    expected = np.array([primitive.forward(*row) for row in rows]).reshape(shape)

    plain = primitive(*columns)
    assert (plain.dtype, plain.shape) == (np.dtype(float), shape)
    np.testing.assert_array_equal(plain, expected)

    for nodes in ([objects(column) for column in columns], [objects(columns[0]), *columns[1:]]):
        result = primitive(*nodes)
        assert (result.dtype, result.shape) == (np.dtype(object), shape)
        for position, node in enumerate(result.flat):
            assert type(node) is Value
            assert (node.op, node.data) == (primitive, expected.ravel()[position])
            assert node.inputs[0] is nodes[0].ravel()[position]


@pytest.mark.parametrize("name", [name for name, primitive in PRIMITIVES.items() if primitive.arity == 2])
def test_arrays_mix_with_numbers_and_values(name: str) -> None:
    primitive, plain, value = PRIMITIVES[name], np.array([0.25, 0.75]), Value(0.5)
    expected = [primitive.forward(0.25, 0.5), primitive.forward(0.75, 0.5)]
    for number in (0.5, np.float64(0.5), np.float32(0.5), np.array(0.5)):
        assert primitive(plain, number).tolist() == expected
    for number in (0.5, 1, True, np.int64(1), np.array(1)):
        assert primitive(plain, number).dtype == primitive(number, plain).dtype == np.dtype(float)
    for array in (plain, objects(plain)):
        result = primitive(array, value)
        assert [node.data for node in result] == expected
        assert all(node.inputs[1] is value for node in result)
    assert [node.data for node in primitive(objects(plain), 0.5)] == expected
    assert primitive(0.5, plain).tolist() == [primitive.forward(0.5, 0.25), primitive.forward(0.5, 0.75)]


def test_arrays_broadcast() -> None:
    result = functions.maximum(np.array([[1.0], [3.0]]), objects([2.0, 4.0]))
    assert [[node.data for node in row] for row in result] == [[2.0, 4.0], [3.0, 4.0]]


@pytest.mark.parametrize("kind", [np.float32, np.int64, np.bool_])
def test_arrays_of_other_numbers_give_floats(kind: Any) -> None:
    result = functions.relu(np.array([1, 0], dtype=kind))
    assert (result.dtype, result.tolist()) == (np.dtype(float), [1.0, 0.0])


@every_primitive
@pytest.mark.parametrize("kind", [np.array, objects], ids=["floats", "Values"])
def test_arrays_at_the_edges_give_what_numbers_give_without_a_warning(primitive: Primitive, kind: Any) -> None:
    edges = [0.0, -0.0, 1.0, inf, -inf, nan, 1e308, -1e308, 1000.0, -1000.0]
    columns = [edges[position:] + edges[:position] for position in range(primitive.arity)]
    expected = [primitive(*row) for row in zip(*columns, strict=True)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = primitive(*map(kind, columns))
    np.testing.assert_array_equal(np.vectorize(number_of)(result), expected)


@every_primitive
def test_wrong_number_of_operands(primitive: Primitive) -> None:
    most, least = primitive.arity, primitive.arity - len(primitive.defaults)
    wanted = f"{most}" if most == least else f"{least} to {most}"
    for count in {0, least - 1, most + 1}:
        with pytest.raises(TypeError) as caught:
            primitive(*[0.5] * count)
        assert str(caught.value) == f"{primitive.name} takes {wanted} operand(s), got {count}"


@every_primitive
@pytest.mark.parametrize("operand", ["a", None, 1j, [0.5]], ids=lambda operand: type(operand).__name__)
def test_operands_that_are_no_numbers(primitive: Primitive, operand: Any) -> None:
    for position in range(primitive.arity):
        for others in (0.5, Value(0.5)):
            operands: list[Any] = [others] * primitive.arity
            operands[position] = operand
            with pytest.raises(TypeError) as caught:
                primitive(*operands)
            message = f"{primitive.name} takes an int, float or NumPy real scalar, got {type(operand).__name__}"
            assert str(caught.value).startswith(message)


def test_parameters_that_may_be_left_out() -> None:
    assert {name: entry.defaults for name, entry in PRIMITIVES.items() if entry.defaults} == {
        "leaky_relu": (0.01,),
        "elu": (1.0,),
    }
    for operand in (-2.0, Value(-2.0), np.array([-2.0]), objects([-2.0])):
        for name, expected in (("leaky_relu", -0.02), ("elu", math.expm1(-2.0))):
            result = PRIMITIVES[name](operand)
            assert number_of(result[0] if isinstance(result, np.ndarray) else result) == expected


class Column:
    """A column as pandas has it, of a kind of its own, which knows nothing of nodes."""

    dtype = "Float64"
    shape = (2,)

    def __array_ufunc__(self, *_: Any, **__: Any) -> Any:
        return NotImplemented

    def to_numpy(self) -> np.ndarray:
        return np.array([1.0, 3.0], dtype=object)


def test_a_column_of_another_kind_meets_a_value_element_by_element() -> None:
    value = Value(2.0)
    result = functions.maximum(value, Column())
    assert [node.data for node in result] == [2.0, 3.0]
    result.sum().backward()
    assert value.grad == 1.0
