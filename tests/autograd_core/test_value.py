"""Value: what it takes and refuses, its operators, and how it looks and compares."""

from __future__ import annotations

import importlib.util
import math
import operator
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from autograd_core import PRIMITIVES, Primitive, Value, functions, topological_order
from autograd_core.primitives import ATOM
from autograd_core.value import apply
from tests.autograd_core.test_primitives import in_the_domain

TAKES = "takes an int, float or NumPy real scalar, got"


@pytest.mark.parametrize(
    "number",
    [
        2,
        2.0,
        True,
        np.float64(2.5),
        np.float32(2.5),
        np.float16(2.5),
        np.int64(-3),
        np.uint8(3),
        np.bool_(True),
        np.array(2.5),
        np.array(3),
        np.array(False),
    ],
    ids=lambda number: type(number).__name__,
)
def test_real_numbers_become_floats(number: Any) -> None:
    value = Value(number)
    assert type(value.data) is float
    assert value.data == float(number)


def test_new_value_is_a_leaf() -> None:
    value = Value(2.0, label="x")
    assert (value.grad, value.op, value.inputs, value.partials) == (0.0, None, (), ())
    assert (value.label, value.scope, value.is_constant) == ("x", "", False)


REFUSED: list[tuple[Any, str]] = [
    ("1.5", "str '1.5'; convert it first, as in float(text)"),
    ("a string longer than that", "str 'a string longer t...'; convert it first, as in float(text)"),
    (b"1", "bytes; convert it first, as in float(x)"),
    (1 + 2j, "complex; use its .real and .imag"),
    (None, "NoneType; a function without a return statement gives None"),
    ({}, "dict; take the number out of it first"),
    ((x for x in [1.0]), "generator; it can be read only once: make a list of its numbers first"),
    (np.ma.masked, "MaskedConstant; it stands for a number that is missing: drop or replace it first"),
    ([1.0, 2.0], "list of 2; make a Value of each element; np.array of them computes element by element"),
    ((1.0,), "tuple of 1; make a Value of each element; np.array of them computes element by element"),
    (
        np.array([1.0, 2.0]),
        "ndarray of shape (2,); make a Value of each element, as in np.array([Value(x) for x in numbers])",
    ),
    (
        np.array([[1.0]]),
        "ndarray of shape (1, 1); make a Value of each element, as in np.array([Value(x) for x in numbers])",
    ),
    (Value(1.0), "Value; it is a node already: use it as it is, or its .data for a fresh leaf"),
    (Fraction(1, 2), "Fraction; convert it first, as in float(x)"),
    (Decimal("0.5"), "Decimal; convert it first, as in float(x)"),
]


@pytest.mark.parametrize(("refused", "sentence"), REFUSED, ids=lambda case: type(case).__name__)
def test_anything_else_is_refused_with_advice(refused: Any, sentence: str) -> None:
    with pytest.raises(TypeError) as caught:
        Value(refused)
    assert str(caught.value) == f"Value {TAKES} {sentence}"


@pytest.mark.parametrize(
    ("refused", "advice"),
    [
        (np.complex128(1 + 2j), "use its .real and .imag"),
        (np.str_("1.5"), "convert it first, as in float(text)"),
        (np.datetime64("2020-01-01"), "convert it first, as in float(x)"),
    ],
    ids=lambda case: type(case).__name__,
)
def test_advice_to_a_single_numpy_scalar_fits_it(refused: Any, advice: str) -> None:
    with pytest.raises(TypeError) as caught:
        Value(refused)
    assert str(caught.value).startswith(f"Value {TAKES} {type(refused).__name__}")
    assert str(caught.value).endswith(advice)


@pytest.mark.torch
@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
@pytest.mark.parametrize(("shape", "written"), [((), "Tensor"), ((2,), "Tensor of shape (2,);")])
def test_tensors_are_refused(shape: tuple[int, ...], written: str) -> None:
    tensor = importlib.import_module("torch").ones(shape)
    makers: list[Callable[[], Any]] = [lambda: Value(tensor), lambda: Value(1.0) * tensor, lambda: tensor * Value(1.0)]
    for make in makers:
        with pytest.raises(TypeError) as caught:
            make()
        assert f"{TAKES} {written}" in str(caught.value)


def test_huge_int_is_refused() -> None:
    assert Value(10**308).data == 1e308
    for make in (lambda: Value(10**309), lambda: Value(1.0) + 10**309, lambda: Value(1.0) < 10**309):
        with pytest.raises(ValueError, match=r"got an int beyond the largest float, about 1.8e308; scale it down$"):
            make()


@pytest.mark.parametrize("label", [None, 3, b"x"])
def test_label_is_a_string(label: Any) -> None:
    with pytest.raises(TypeError, match=f"^a label is a string, got {type(label).__name__}$"):
        Value(1.0, label=label)


OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "truediv": operator.truediv,
    "floor_divide": operator.floordiv,
    "remainder": operator.mod,
    "pow": operator.pow,
}


@pytest.mark.parametrize("number", [3, 3.0, True, np.float64(3.0), np.float32(3.0), np.int64(3), np.array(3.0)])
@pytest.mark.parametrize("name", OPERATORS)
def test_operators_take_numbers_on_either_side(name: str, number: Any) -> None:
    symbol, value = OPERATORS[name], Value(2.0)
    plain = float(number)
    for result, operands in [
        (symbol(value, number), (2.0, plain)),
        (symbol(number, value), (plain, 2.0)),
        (symbol(value, Value(plain)), (2.0, plain)),
    ]:
        assert type(result) is Value
        assert type(result.data) is float
        assert result.data == symbol(*operands)
        assert result.op is PRIMITIVES[name]
        assert tuple(operand.data for operand in result.inputs) == operands
        assert result.partials == PRIMITIVES[name].partials(*operands, result.data)


def test_operators_on_one_operand() -> None:
    value = Value(-2.0)
    assert ((-value).data, (-value).op) == (2.0, PRIMITIVES["neg"])
    assert (abs(value).data, abs(value).op) == (2.0, PRIMITIVES["abs"])
    assert +value is value


def test_a_number_that_is_rounded_is_a_step_of_the_graph() -> None:
    value = Value(-2.5)
    for result, rounded in [(math.floor(value), -3.0), (math.ceil(value), -2.0), (value.floor(), -3.0)]:
        assert (type(result), result.data, result.inputs) == (Value, rounded, (value,))
        result.backward()
    assert value.grad == 0.0


def test_a_fraction_meets_a_value_as_its_float() -> None:
    half = Fraction(1, 2)
    for name, symbol in OPERATORS.items():
        for result, operands in [(symbol(half, Value(4.0)), (0.5, 4.0)), (symbol(Value(4.0), half), (4.0, 0.5))]:
            assert (result.data, result.op) == (symbol(*operands), PRIMITIVES[name])
    assert Value(0.4) < half <= Value(0.5)
    assert functions.maximum(half, Value(0.4)).data == 0.5
    assert (Value(1.0) * Fraction(10**400, 10**399)).data == 10.0
    with pytest.raises(ValueError, match=r"^mul got an int beyond the largest float"):
        operator.mul(Value(1.0), Fraction(10**400, 3))


class NAType:
    """What stands for a missing number in pandas, which is an array to NumPy's mind."""

    __array_ufunc__ = None


def test_a_missing_number_is_told_from_others() -> None:
    missing: Any
    for missing in (NAType(), np.ma.masked):
        uses: list[Callable[[], Any]] = [
            lambda missing=missing: Value(2.0) * missing,
            lambda missing=missing: Value(2.0) ** missing,
            lambda missing=missing: functions.exp(missing),
            lambda missing=missing: functions.maximum(Value(2.0), missing),
            lambda missing=missing: functions.softmax([1.0, missing]),
        ]
        for use in uses:
            with pytest.raises(TypeError, match="stands for a number that is missing: drop or replace it first$"):
                use()


def test_the_remainder_has_the_sign_of_the_divisor() -> None:
    for x, y in [(7.0, 3.0), (-7.0, 3.0), (7.0, -3.0), (-7.0, -3.0), (1.0, 0.1)]:
        left, right = Value(x), Value(y)
        result = left % right
        result.backward()
        assert (result.data, left.grad, right.grad) == (x % y, 1.0, -(x // y))
        assert (left // right).data == x // y
    assert math.isnan((Value(1.0) % 0.0).data)
    assert (Value(1.0) // 0.0).data == math.inf


def test_augmented_assignment_makes_a_new_node() -> None:
    value = before = Value(2.0)
    value += 3.0
    value **= 2
    assert (value.data, before.data) == (25.0, 2.0)


@pytest.mark.parametrize(
    "name", [name for name, entry in PRIMITIVES.items() if entry.precedence == ATOM and entry.arity < 3]
)
def test_operations_written_as_functions_are_methods(name: str) -> None:
    numbers = in_the_domain(PRIMITIVES[name], [0.5, 0.25])
    result = getattr(Value(numbers[0]), name)(*numbers[1:])
    assert result.op is PRIMITIVES[name]
    assert result.data == PRIMITIVES[name](*numbers)
    assert [operand.data for operand in result.inputs] == numbers


def test_methods_with_a_parameter() -> None:
    assert Value(-2.0).leaky_relu().data == -0.02
    assert Value(-2.0).leaky_relu(0.5).data == -1.0
    assert Value(-2.0).elu().data == math.expm1(-2.0)
    slope = Value(0.5)
    Value(-2.0).leaky_relu(slope).backward()
    assert slope.grad == -2.0
    alpha = Value(3.0)
    Value(-2.0).elu(alpha).backward()
    assert alpha.grad == math.expm1(-2.0)


@pytest.mark.parametrize("name", ["leaky_relu", "elu"])
def test_methods_with_an_array_for_a_parameter_go_by_element(name: str) -> None:
    result = getattr(Value(-2.0), name)(np.array([0.5, 1.0]))
    assert [node.data for node in result] == [getattr(functions, name)(-2.0, 0.5), getattr(functions, name)(-2.0, 1.0)]


@pytest.mark.parametrize("symbol", [*OPERATORS.values(), operator.lt, operator.le, operator.gt, operator.ge])
@pytest.mark.parametrize("operand", ["a", None, [1.0], 1j, Decimal(1), {}], ids=lambda operand: type(operand).__name__)
def test_unsupported_operands_are_refused_on_either_side(symbol: Callable[..., Any], operand: Any) -> None:
    for left, right in [(Value(1.0), operand), (operand, Value(1.0))]:
        if symbol is operator.mod and isinstance(left, str):
            continue  # which fills in a text
        with pytest.raises(TypeError) as caught:
            symbol(left, right)
        assert f" {TAKES} {type(operand).__name__}" in str(caught.value)


def test_refusal_names_the_operation() -> None:
    with pytest.raises(TypeError, match=f"^add {TAKES} str 'a'; "):
        operator.add(Value(1.0), "a")
    with pytest.raises(TypeError, match=f"^mul {TAKES} NoneType; "):
        operator.mul(Value(1.0), None)
    with pytest.raises(TypeError, match=f"^A comparison with a Value {TAKES} str 'a'; "):
        operator.lt(Value(1.0), "a")


@pytest.mark.parametrize("symbol", [operator.lt, operator.le, operator.gt, operator.ge])
@pytest.mark.parametrize("other", [1.0, 2.0, 3.0, math.nan, math.inf, -math.inf])
def test_comparisons_compare_data(symbol: Callable[..., Any], other: float) -> None:
    value, expected = Value(2.0), symbol(2.0, other)
    for operand in (other, Value(other), np.float64(other), np.array(other)):
        assert symbol(value, operand) is expected
        # With NumPy on the left it is NumPy that compares, and that warns of NaN.
        with np.errstate(invalid="ignore"):
            assert bool(symbol(operand, value)) is symbol(other, 2.0)
    if math.isfinite(other):
        assert symbol(value, int(other)) is expected


def test_comparison_with_an_array_goes_by_element() -> None:
    plain = np.array([1.0, 2.0, 3.0])
    arrays: list[Any] = [plain, np.array([Value(x) for x in plain])]
    for array in arrays:
        assert operator.lt(Value(2.0), array).tolist() == [False, False, True]
        assert (array < Value(2.0)).tolist() == [True, False, False]
        assert operator.ge(Value(2.0), array).tolist() == [True, True, False]


def test_two_values_are_equal_if_they_are_the_same_node() -> None:
    value, twin = Value(2.0), Value(2.0)
    assert value == value
    assert value != twin
    assert Value(math.nan) != math.nan
    not_a_number = Value(math.nan)
    assert not_a_number == not_a_number
    assert len({value, twin, value}) == 2
    counted = {value: 1, twin: 2}
    value.data = 5.0
    assert counted[value] == 1


NUMBERS = [2, 2.0, np.float64(2.0), np.float32(2.0), np.int8(2), np.array(2.0), Fraction(2), Decimal(2), 2 + 0j]


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: type(number).__name__)
def test_a_plain_number_equals_a_value_of_that_data(number: Any) -> None:
    for value, equal in [(Value(2.0), True), (Value(3.0), False), (Value(math.nan), False)]:
        assert bool(value == number) is equal
        assert bool(value != number) is not equal
        assert bool(number == value) is equal
        assert bool(number != value) is not equal
        assert (value in [1.0, number]) is equal


@pytest.mark.parametrize("other", [None, "2.0", [2.0], (), {}, object()], ids=lambda other: type(other).__name__)
def test_what_is_no_number_equals_no_value(other: Any) -> None:
    assert Value(2.0) != other
    assert other != Value(2.0)


def test_an_array_is_compared_element_by_element() -> None:
    value, twin = Value(2.0), Value(2.0)
    array: Any = np.array([value, twin])
    assert (array == value).tolist() == [True, False]
    assert (array == 2.0).tolist() == [True, True]
    assert operator.ne(value, np.array([2.0, 3.0])).tolist() == [False, True]


CONVERSIONS: dict[str, Callable[[Value], Any]] = {
    "float": float,
    "int": int,
    "complex": complex,
    "math.exp": math.exp,
    "math.modf": math.modf,
    "math.trunc": math.trunc,
    "math.isclose": lambda value: math.isclose(value, 2.0),
    "%.2f": lambda value: "%.2f" % value,  # noqa: UP031
    "array of float": lambda value: np.array([value, value], dtype=float),
    "astype": lambda value: np.array([[value]]).astype(float),
    "np.float64": np.float64,
    "into an array": lambda value: np.zeros(2).__setitem__(0, value),
}


@pytest.mark.parametrize("conversion", CONVERSIONS.values(), ids=CONVERSIONS)
def test_conversion_to_a_plain_number_is_refused(conversion: Callable[[Value], Any]) -> None:
    remedy = r"use v\.data for the number, or the function of that name in autograd_core\.functions$"
    with pytest.raises(TypeError, match=f"the derivative would be lost; {remedy}"):
        conversion(Value(2.0))


def test_value_as_a_number() -> None:
    value = Value(2.567)
    assert f"{value:.1f}" == "2.6"
    assert f"{value:>8.2e}" == "2.57e+00"
    assert round(value, 2) == 2.57
    assert round(value) == 3
    assert type(round(value)) is int


@pytest.mark.parametrize(
    ("number", "truth"), [(0.0, False), (-0.0, False), (1e-320, True), (math.nan, True), (-1, True)]
)
def test_truth_is_that_of_the_number(number: float, truth: bool) -> None:
    assert bool(Value(number)) is truth


def test_repr() -> None:
    value = Value(2, label="x")
    assert repr(value) == "Value(2.0, grad=0.0, label='x')"
    value.label = ""
    assert repr(value) == str(value) == f"{value}" == "Value(2.0, grad=0.0)"
    (value * 3.0).backward()
    assert repr(value) == "Value(2.0, grad=3.0)"
    value.grad = 0.0
    (value * value).backward(create_graph=True)
    assert repr(value) == "Value(2.0, grad=4.0)"
    assert repr(Value(math.nan, label="it's")) == """Value(nan, grad=0.0, label="it's")"""


def test_the_names_of_micrograd_are_there_to_read() -> None:
    x = Value(2.0)
    square, shifted = x * x, 1.0 - x
    assert (square._prev, square._op, x._prev, x._op) == ({x}, "*", set(), "")
    assert (shifted._prev, shifted._op, shifted.tanh()._op) == (set(shifted.inputs), "-", "tanh")
    assert [constant._op for constant in shifted.inputs] == ["", ""]
    for name in ("_prev", "_op"):
        with pytest.raises(AttributeError):
            setattr(square, name, None)


@pytest.mark.parametrize("count", range(5))
def test_a_node_keeps_any_number_of_operands_in_order(count: int) -> None:
    operands = tuple(Value(float(i)) for i in range(count))
    slopes = tuple(10.0 * i for i in range(count))
    node = apply(Primitive("several", lambda *x: 1.0, lambda *x: slopes, domain=((0.0, 1.0),) * count), *operands)
    assert (node.inputs, node.partials) == (operands, slopes)
    node.backward()
    assert [operand.grad for operand in operands] == list(slopes)
    assert topological_order(node) == [*operands, node]
    copied = Value(0.0)
    copied.inputs, copied.partials = operands, slopes
    assert (copied.inputs, copied.partials) == (operands, slopes)


def test_plain_number_becomes_a_constant() -> None:
    leaf, twin = Value(3.0), Value(2.0)
    result = leaf * 2.0 + twin
    number = result.inputs[0].inputs[1]
    assert (number.data, number.is_constant, number.inputs) == (2.0, True, ())
    assert not twin.is_constant
    assert not leaf.is_constant
    result.backward()
    assert (number.grad, twin.grad, leaf.grad) == (0.0, 1.0, 2.0)
    leaf.grad = 0.0
    result.backward(create_graph=True)
    assert (number.grad, leaf.grad.data) == (0.0, 2.0)


def test_slots_leave_no_room_for_a_misspelt_field() -> None:
    with pytest.raises(AttributeError):
        Value(1.0).gradient = 2.0  # pyright: ignore[reportAttributeAccessIssue]
