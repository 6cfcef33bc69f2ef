"""Values in NumPy arrays: operators, universal functions, matrix products, and the gradients through them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd_core import PRIMITIVES, Value, functions
from autograd_core.value import number_of
from tests.autograd_core.test_primitives import in_the_domain


def array_of_values(numbers: Any) -> np.ndarray:
    return np.vectorize(Value, otypes=[object])(numbers)


def data_of(nodes: Any) -> np.ndarray:
    return np.vectorize(number_of, otypes=[float])(nodes)


def grad_of(nodes: Any) -> np.ndarray:
    return np.vectorize(lambda node: node.grad, otypes=[float])(nodes)


SYMBOLS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "/": lambda x, y: x / y,
    "**": lambda x, y: x**y,
    "//": lambda x, y: x // y,
    "%": lambda x, y: x % y,
}


@pytest.mark.parametrize("symbol", SYMBOLS.values(), ids=SYMBOLS)
def test_numpy_scalar_and_value_make_a_value(symbol: Callable[[Any, Any], Any]) -> None:
    for result in (symbol(np.float64(2.0), Value(3.0)), symbol(Value(2.0), np.float64(3.0))):
        assert type(result) is Value
        assert result.data == symbol(2.0, 3.0)


@pytest.mark.parametrize("symbol", SYMBOLS.values(), ids=SYMBOLS)
@pytest.mark.parametrize("shape", [(3,), (2, 2), (1,), (0,)])
def test_array_and_value_make_an_object_array(symbol: Callable[[Any, Any], Any], shape: tuple[int, ...]) -> None:
    plain = np.arange(1.0, 1.0 + np.prod(shape)).reshape(shape)
    for array in (plain, array_of_values(plain), plain.astype(np.float32), plain.astype(int)):
        for result, expected in [
            (symbol(array, Value(2.0)), symbol(plain, 2.0)),
            (symbol(Value(2.0), array), symbol(2.0, plain)),
        ]:
            assert result.dtype == object
            assert result.shape == shape
            assert all(type(node) is Value for node in result.flat)
            np.testing.assert_array_equal(data_of(result), expected)


def test_gradient_through_an_array_operation() -> None:
    value, others = Value(2.0), array_of_values([1.0, 3.0])
    (others * value).sum().backward()
    assert value.grad == 4.0
    assert grad_of(others).tolist() == [2.0, 2.0]


# NumPy works these out by operators and comparisons, or does not take objects.
WITHOUT_METHOD = {"abs", "sign", "maximum", "minimum", "less", "less_equal", "equal", "floor_divide", "logaddexp"}
UNIVERSAL = [
    name
    for name in PRIMITIVES
    if isinstance(getattr(np, name, None), np.ufunc) and hasattr(Value, name) and name not in WITHOUT_METHOD
]


def test_universal_functions_are_those_of_the_table() -> None:
    assert " ".join(UNIVERSAL) == (
        "exp log exp2 log2 log10 log1p expm1 sqrt cbrt hypot degrees radians sin cos tan arcsin arccos arctan arctan2 "
        "sinh cosh tanh arcsinh arccosh arctanh floor ceil"
    )


@pytest.mark.parametrize("name", UNIVERSAL)
def test_universal_function_finds_the_method(name: str) -> None:
    universal, entry = getattr(np, name), PRIMITIVES[name]
    numbers = in_the_domain(entry, [0.25, 0.5])
    alone = universal(*map(Value, numbers))
    assert type(alone) is Value
    assert alone.op is entry
    arrays = [np.array([[number, number + 0.25]]) for number in numbers]
    result = universal(*map(array_of_values, arrays))
    assert result.shape == (1, 2)
    assert all(node.op is entry for node in result.flat)
    np.testing.assert_allclose(data_of(result), universal(*arrays), rtol=1e-15)


@pytest.mark.parametrize("name", ["logaddexp", "sign"])
def test_what_numpy_does_not_find_is_among_the_functions(name: str) -> None:
    entry = PRIMITIVES[name]
    arrays = [np.array([[0.25, -1.5]])] * entry.arity
    result = getattr(functions, name)(*map(array_of_values, arrays))
    assert all(node.op is entry for node in result.flat)
    np.testing.assert_allclose(data_of(result), getattr(np, name)(*arrays), rtol=1e-15)


@pytest.mark.parametrize(
    ("universal", "number", "slope"),
    [(np.negative, 2.0, -1.0), (np.absolute, -2.0, -1.0), (np.square, 3.0, 6.0), (np.reciprocal, 2.0, -0.25)],
    ids=lambda case: getattr(case, "__name__", None),
)
def test_universal_functions_made_of_operators(universal: np.ufunc, number: float, slope: float) -> None:
    value = Value(number)
    universal(value).backward()
    assert value.grad == slope


def test_reductions() -> None:
    nodes = array_of_values([1.0, 2.0, 4.0])
    assert nodes.sum().data == 7.0
    assert nodes.mean().data == pytest.approx(7.0 / 3.0, rel=1e-15)
    product = nodes.prod()
    product.backward()
    assert grad_of(nodes).tolist() == [8.0, 4.0, 2.0]


def test_objects_times_plain_matrix() -> None:
    weights = np.array([[1.0, -2.0, 3.0], [4.0, 5.0, -6.0]])
    nodes = array_of_values([0.5, -1.5])
    result = nodes @ weights
    np.testing.assert_array_equal(data_of(result), np.array([0.5, -1.5]) @ weights)
    (result * np.array([1.0, 10.0, 100.0])).sum().backward()
    np.testing.assert_array_equal(grad_of(nodes), weights @ np.array([1.0, 10.0, 100.0]))
    mirrored = weights.T @ nodes
    np.testing.assert_array_equal(data_of(mirrored), data_of(result))


def test_matrix_product_of_values() -> None:
    chance = np.random.default_rng(7)
    left_numbers, right_numbers = chance.normal(size=(3, 4)), chance.normal(size=(4, 2))
    left, right = array_of_values(left_numbers), array_of_values(right_numbers)
    product = left @ right
    assert product.shape == (3, 2)
    np.testing.assert_allclose(data_of(product), left_numbers @ right_numbers, rtol=1e-13)
    upstream = chance.normal(size=(3, 2))
    (product * upstream).sum().backward()
    np.testing.assert_allclose(grad_of(left), upstream @ right_numbers.T, rtol=1e-13)
    np.testing.assert_allclose(grad_of(right), left_numbers.T @ upstream, rtol=1e-13)


def test_object_array_without_dimensions_is_its_value() -> None:
    inner = Value(3.0)
    boxed = np.array(inner)
    assert (boxed.dtype, boxed.shape) == (np.dtype(object), ())
    for result in (Value(2.0) * boxed, boxed * Value(2.0)):
        assert result.data == 6.0
        assert inner in result.inputs


@pytest.mark.parametrize("array", [np.array([1j]), np.array(["a"])], ids=["complex", "text"])
def test_arrays_of_other_things_are_refused(array: np.ndarray) -> None:
    for make in (lambda: Value(1.0) + array, lambda: array + Value(1.0)):
        with pytest.raises(TypeError, match="add takes an int, float or NumPy real scalar, got"):
            make()


def test_variance_and_standard_deviation() -> None:
    values = np.array([Value(1.0), Value(2.0), Value(4.0)])
    assert np.var(values).data == pytest.approx(14.0 / 9.0)
    assert np.std(values).data == pytest.approx((14.0 / 9.0) ** 0.5)
