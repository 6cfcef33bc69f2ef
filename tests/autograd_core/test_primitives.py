"""The table of primitives: values and derivatives against mpmath, and the form of its entries."""

from __future__ import annotations

import itertools
import json
import math
import pickle
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import mpmath
import pytest

from autograd_core import PRIMITIVES, Primitive, Value, functions, grad, hessian
from autograd_core.compiler.javascript import JavaScriptPrinter
from autograd_core.compiler.numpy_printer import NumpyPrinter
from autograd_core.primitives import constant, detach, less, less_equal, relu, where

# Untyped, for what mpmath says of its types differs from release to release.
mp: Any = mpmath.mp
mpf = mp.mpf

Point = tuple[float, ...]

every_primitive = pytest.mark.parametrize("primitive", PRIMITIVES.values(), ids=str)

PRINTERS = NumpyPrinter, JavaScriptPrinter
"""The targets with a table of forms of their own; floats take the function of the record."""

WINDOW = 20.0
CLEARANCE = 1e-3
"""How far points keep from a kink; the differences that mpmath takes are shorter by many orders."""


def _step(condition: bool) -> Any:
    return mpf(1) if condition else mpf(0)


def _erfc(x: Any) -> Any:
    """mpmath fails at sizes of which this is 0 or 2 to millions of digits."""
    return mp.erfc(x) if abs(x) < 1e5 else 1 - mp.sign(x)


def _cbrt(x: Any) -> Any:
    return mp.sign(x) * mp.cbrt(abs(x))


EXACT: dict[str, Callable[..., Any]] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "truediv": lambda x, y: x / y,
    "pow": mp.power,
    "floor_divide": lambda x, y: mp.floor(x / y),
    "remainder": lambda x, y: x - y * mp.floor(x / y),
    "neg": lambda x: -x,
    "abs": mp.fabs,
    "exp": mp.exp,
    "log": mp.log,
    "exp2": lambda x: mp.power(2, x),
    "log2": lambda x: mp.log(x) / mp.log(2),
    "log10": mp.log10,
    "log1p": lambda x: mp.log(1 + x),
    "expm1": lambda x: mp.exp(x) - 1,
    "sqrt": mp.sqrt,
    "cbrt": _cbrt,
    "logaddexp": lambda x, y: max(x, y) + mp.log(1 + mp.exp(-abs(x - y))),
    "hypot": mp.hypot,
    "degrees": mp.degrees,
    "radians": mp.radians,
    "sin": mp.sin,
    "cos": mp.cos,
    "tan": mp.tan,
    "arcsin": mp.asin,
    "arccos": mp.acos,
    "arctan": mp.atan,
    "arctan2": mp.atan2,
    "sinh": mp.sinh,
    "cosh": mp.cosh,
    "tanh": mp.tanh,
    "arcsinh": mp.asinh,
    "arccosh": mp.acosh,
    "arctanh": mp.atanh,
    "erf": mp.erf,
    "erfc": _erfc,
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    "relu": lambda x: max(x, mpf(0)),
    "leaky_relu": lambda x, slope: x if x > 0 else slope * x,
    "elu": lambda x, alpha: x if x > 0 else alpha * (mp.exp(x) - 1),
    "gelu": lambda x: x * _erfc(-x / mp.sqrt(2)) / 2,
    "silu": lambda x: x / (1 + mp.exp(-x)),
    "softplus": lambda x: mp.log(1 + mp.exp(x)),
    "floor": mp.floor,
    "ceil": mp.ceil,
    "sign": mp.sign,
    "maximum": max,
    "minimum": min,
    "less": lambda x, y: _step(x < y),
    "less_equal": lambda x, y: _step(x <= y),
    "equal": lambda x, y: _step(x == y),
    "where": lambda condition, x, y: x if condition else y,
}

KINKS_AT_ZERO = {"abs", "cbrt", "relu", "leaky_relu", "elu", "sign", "where"}
"""Their first operand must not be 0."""
KINKS_AT_TIES = {"maximum", "minimum", "less", "less_equal", "equal"}
"""Their operands must not be equal."""
STEPS: dict[str, Callable[..., float]] = {
    "floor": lambda x: x,
    "ceil": lambda x: x,
    "floor_divide": lambda x, y: x / y,
    "remainder": lambda x, y: x / y,
}
"""What must not be a whole number."""


def in_the_domain(primitive: Primitive, numbers: Sequence[float]) -> list[float]:
    """For each operand a number in its domain, made of one between 0 and 1."""
    return [max(low, 0.0) + number for number, (low, _) in zip(numbers, primitive.domain, strict=False)]


def is_smooth_at(name: str, point: Point) -> bool:
    if name in KINKS_AT_ZERO:
        return abs(point[0]) > CLEARANCE
    if name in KINKS_AT_TIES:
        return abs(point[0] - point[1]) > CLEARANCE
    if name in STEPS:
        return abs(STEPS[name](*point) - round(STEPS[name](*point))) > CLEARANCE
    return True


def points(primitive: Primitive) -> Iterator[Point]:
    """Points all over the domain, within a window, and hard by its corners."""
    windows = [(max(low, -WINDOW), min(high, WINDOW)) for low, high in primitive.domain]
    chance = random.Random(primitive.name)
    inside = [tuple(chance.uniform(low, high) for low, high in windows) for _ in range(20)]
    near_the_middle = [
        tuple(chance.uniform(max(low, -2.0), min(high, 2.0)) for low, high in windows) for _ in range(10)
    ]
    # Not as far from the end in each direction, so that quotients are no whole numbers.
    corners = itertools.product(
        *[(low + m, high - m) for m, (low, high) in zip((0.01, 0.04, 0.07), windows, strict=False)]
    )
    for point in [*inside, *near_the_middle, *corners]:
        if is_smooth_at(primitive.name, point):
            yield point


def exact_derivative(primitive: Primitive, point: Point, orders: tuple[int, ...]) -> float:
    """The partial derivative of these orders, to 50 digits, at exactly these doubles."""
    with mp.workdps(50):
        exact = [mpf(number) for number in point]
        function = EXACT[primitive.name]
        return function(*exact) if not any(orders) else mp.diff(function, tuple(exact), orders)


def assert_close(ours: float, exact: Any, what: str) -> None:
    with mp.workdps(50):
        assert abs(mpf(ours) - exact) <= mpf("1e-12") * max(1, abs(exact)), f"{what}: {ours!r}, exactly {exact}"


def _unit(arity: int, *positions: int) -> tuple[int, ...]:
    return tuple(positions.count(position) for position in range(arity))


def test_oracle_covers_the_table() -> None:
    assert list(EXACT) == list(PRIMITIVES)


def missing(entry: Primitive) -> list[str]:
    """What somebody who adds an operation has yet to write, a sentence each."""
    name = entry.name
    edges = json.loads(Path(__file__).with_name("edges.json").read_text(encoding="utf-8"))
    found = {
        **{
            f"{name} has no form in {printer.target}: add one to {printer.table}": name in printer.forms
            for printer in PRINTERS
        },
        f"{name} has no exact form in EXACT, in tests/autograd_core/test_primitives.py": name in EXACT,
        f"{name} has no facts in tests/autograd_core/edges.json: give it a counterpart in PyTorch, or a definition, in "
        "test_primitives_edges.py, and run that file": name in edges,
    }
    return [sentence for sentence, is_there in found.items() if not is_there]


def test_nothing_is_missing() -> None:
    assert "\n".join(sentence for entry in PRIMITIVES.values() for sentence in missing(entry)) == ""


def test_what_a_new_operation_lacks_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    new = Primitive("twice", lambda x: 2.0 * x, lambda x, out: (2.0,))
    monkeypatch.setitem(PRIMITIVES, "twice", new)
    assert missing(new) == [
        "twice has no form in NumPy: add one to FORMS of autograd_core/compiler/numpy_printer.py",
        "twice has no form in JavaScript: add one to FORMS of autograd_core/compiler/javascript.py",
        "twice has no exact form in EXACT, in tests/autograd_core/test_primitives.py",
        "twice has no facts in tests/autograd_core/edges.json: give it a counterpart in PyTorch, or a definition, in "
        "test_primitives_edges.py, and run that file",
    ]


@every_primitive
def test_points_cover_the_domain(primitive: Primitive) -> None:
    sample = list(points(primitive))
    assert len(sample) >= 25
    for column, (low, high) in zip(zip(*sample, strict=True), primitive.domain, strict=True):
        assert all(low < number < high for number in column)
        assert min(column) < max(low, -WINDOW) + 0.1
        assert max(column) > min(high, WINDOW) - 0.1


@every_primitive
def test_value_is_exact(primitive: Primitive) -> None:
    for point in points(primitive):
        exact = exact_derivative(primitive, point, (0,) * primitive.arity)
        assert_close(primitive(*point), exact, f"{primitive.name}{point}")


@every_primitive
def test_first_derivatives_are_exact(primitive: Primitive) -> None:
    for point in points(primitive):
        operands = [Value(number) for number in point]
        primitive(*operands).backward()
        for position, operand in enumerate(operands):
            exact = exact_derivative(primitive, point, _unit(primitive.arity, position))
            assert_close(operand.grad, exact, f"d/d{position} {primitive.name}{point}")


@every_primitive
def test_second_derivatives_are_exact(primitive: Primitive) -> None:
    for point in points(primitive):
        second = hessian(lambda operands: primitive(*operands))(list(point))
        for row, column in itertools.product(range(primitive.arity), repeat=2):
            exact = exact_derivative(primitive, point, _unit(primitive.arity, row, column))
            assert_close(second[row][column], exact, f"d/d{row} d/d{column} {primitive.name}{point}")


@every_primitive
def test_rule_gives_one_float_per_operand_on_floats(primitive: Primitive) -> None:
    for point in points(primitive):
        partials = primitive.partials(*point, primitive.forward(*point))
        assert [isinstance(partial, float) for partial in partials] == [True] * primitive.arity


SPECIAL = (0.0, -0.0, 1.0, -1.0, 2.0, -2.5, 1e-320, 1e308, -1e308, math.inf, -math.inf, math.nan)


@every_primitive
def test_slopes_are_the_rule_on_floats_to_the_last_bit(primitive: Primitive) -> None:
    for point in itertools.chain(points(primitive), itertools.product(SPECIAL, repeat=primitive.arity)):
        out = primitive.forward(*point)
        by_rule, slopes = primitive.partials(*point, out), primitive.slopes(*point, out)
        assert [(type(slope), float(slope).hex()) for slope in slopes] == [
            (type(slope), float(slope).hex()) for slope in by_rule
        ]


@every_primitive
def test_entry_is_complete(primitive: Primitive) -> None:
    assert PRIMITIVES[primitive.name] is primitive
    assert getattr(functions, primitive.name) is primitive
    assert primitive.name in functions.__all__
    assert primitive.symbol
    assert primitive.latex.count("%s") == primitive.arity
    assert repr(primitive) == f"<primitive {primitive.name}>"
    assert pickle.loads(pickle.dumps(primitive)) is primitive


def test_operation_of_a_plain_number_stands_in_no_table() -> None:
    assert constant not in PRIMITIVES.values()
    assert constant.arity == 0


def test_symbol_and_latex_have_defaults_made_of_the_name() -> None:
    made = Primitive("half_of", lambda x: x / 2.0, lambda x, out: (0.5,))
    assert made.symbol == "half_of"
    assert made.latex % "x" == r"\operatorname{half\_of}\left(x\right)"


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("log1p", 1e-20),
        ("expm1", -1e-20),
        ("erf", 1e-20),
        ("sigmoid", -700.0),
        ("gelu", -10.0),
        ("silu", -700.0),
        ("elu", -1e-20),
        ("softplus", -700.0),
        ("softplus", 25.0),
        ("arcsin", 1.0 - 1e-15),
        ("arccos", 1.0 - 1e-15),
    ],
)
def test_small_values_keep_their_digits(name: str, number: float) -> None:
    primitive = PRIMITIVES[name]
    operands = (number, *primitive.defaults)
    with mp.workdps(400):
        exact = float(EXACT[name](*map(mpf, operands)))
    assert primitive(*operands) == pytest.approx(exact, rel=1e-14, abs=0.0)


@pytest.mark.parametrize("name", ["arcsin", "arccos"])
def test_slope_keeps_its_digits_near_the_end_of_the_domain(name: str) -> None:
    x = Value(1.0 - 1e-15)
    PRIMITIVES[name](x).backward()
    assert x.grad == pytest.approx(float(exact_derivative(PRIMITIVES[name], (x.data,), (1,))), rel=1e-14)


def test_elu_keeps_the_digits_of_its_slope_on_the_far_left() -> None:
    x = Value(-30.0)
    x.elu().backward()
    assert x.grad == pytest.approx(float(mp.exp(-30)), rel=1e-12, abs=0.0)


def nth_derivative(function: Callable[[Any], Any], order: int) -> Callable[[Any], Any]:
    for _ in range(order):
        function = grad(function)
    return function


@pytest.mark.parametrize("power", [0.0, 1.0, 2.0, 3.0])
@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_powers_at_zero_have_the_derivatives_of_polynomials(power: float, order: int) -> None:
    expected = math.factorial(order) if order == power else 0.0
    assert nth_derivative(lambda x: x**power, order)(0.0) == expected


@pytest.mark.parametrize("base", [0.0, 1e-320, 1e-160, -1e-110, 1e300, math.inf])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_power_of_zero_is_flat_at_every_base(base: float, order: int) -> None:
    assert nth_derivative(lambda x: x**0, order)(base) == 0.0


def test_mixed_derivative_of_pow_where_the_exponent_is_zero() -> None:
    # d/dy of y * x**(y - 1) is 1 / x at y = 0, the same as d/dx of x**y * log(x).
    second = hessian(lambda v: v[0] ** v[1])([2.0, 0.0])
    assert second[0][1] == second[1][0] == 0.5


@pytest.mark.parametrize(
    ("base", "power"),
    [(1e150, 2.0), (1e-300, 0.5), (1e-200, -0.5), (1e-100, -2.0), (1e-200, 0.0), (1e200, 0.0), (3.0, 2.5)],
)
def test_mixed_derivative_of_pow_keeps_its_digits_at_bases_of_any_size(base: float, power: float) -> None:
    with mp.workdps(50):
        x, y = mpf(base), mpf(power)
        exact = float(x ** (y - 1) * (1 + y * mp.log(x)))
    second = hessian(lambda v: v[0] ** v[1])([base, power])
    assert [second[0][1], second[1][0]] == pytest.approx([exact, exact], rel=1e-12, abs=0.0)


def test_mixed_derivative_of_a_power_that_overflows_is_infinite() -> None:
    assert hessian(lambda v: v[0] ** v[1])([1e200, 2.0])[1] == [math.inf, math.inf]


def test_comparison_hands_nothing_back_of_an_infinite_gradient() -> None:
    def function(x: Any) -> Any:
        return where(less(x, 2.0), 1.0, 3.0) * math.inf + less_equal(x, 0.0) * math.inf + x

    assert grad(function)(1.0) == 1.0
    assert grad(grad(lambda x: x * function(x)))(-1.0) == 2.0
    x = Value(1.0)
    (detach(x) * math.inf).backward()
    assert x.grad == 0.0


def test_ordinary_slope_of_zero_times_an_infinite_gradient_is_missing() -> None:
    x = Value(-1.0)
    (relu(x) * math.inf).backward()
    assert math.isnan(x.grad)


def test_zero_base_has_no_second_derivative_by_its_exponent() -> None:
    # 0**y is 0 for every y near 2.
    assert hessian(lambda v: v[0] ** v[1])([0.0, 2.0])[1] == [0.0, 0.0]


def test_elu_far_right_has_no_mixed_derivative() -> None:
    assert hessian(lambda v: v[0].elu(v[1]))([1000.0, 1.0]) == [[0.0, 0.0], [0.0, 0.0]]
