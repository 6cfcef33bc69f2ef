"""gradcheck: it passes what is right, finds rules that are wrong by 0.1 %, and says what is wrong."""

from __future__ import annotations

import dataclasses
import itertools
import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd_core import PRIMITIVES, Primitive, Value, grad, gradcheck, primitive
from tests.autograd_core.test_primitives import is_smooth_at

Point = tuple[float, ...]

every_primitive = pytest.mark.parametrize("tested", PRIMITIVES.values(), ids=str)
every_partial = pytest.mark.parametrize(
    ("tested", "position"),
    [(tested, position) for tested in PRIMITIVES.values() for position in range(tested.arity)],
    ids=str,
)

FLAT = {
    ("floor_divide", 0), ("floor_divide", 1), ("floor", 0), ("ceil", 0), ("sign", 0), ("less", 0), ("less", 1),
    ("less_equal", 0), ("less_equal", 1), ("equal", 0), ("equal", 1), ("where", 0),
}  # fmt: skip
"""The partials that are 0 everywhere."""


def moderate_points(tested: Primitive) -> list[Point]:
    """Points well inside the domain, where a central difference is good to many digits."""
    windows = [(max(low, -2.0), min(high, 2.0)) for low, high in tested.domain]
    chance = random.Random(tested.name)

    def inside(low: float, high: float) -> float:
        margin = 0.1 * (high - low)
        return chance.uniform(low + margin, high - margin)

    drawn = [tuple(inside(low, high) for low, high in windows) for _ in range(30)]
    smooth = [point for point in drawn if _is_away_from_kinks(point) and is_smooth_at(tested.name, point)]
    # Both branches of a choice; a central difference sees the same branch on either side of 0.
    return smooth + [(0.0, *point[1:]) for point in smooth if tested.name == "where"]


def _is_away_from_kinks(point: Point) -> bool:
    """The kinks of the table are where an operand is 0 or two are equal, apart from steps."""
    distances = [*map(abs, point), *(abs(x - y) for x, y in itertools.combinations(point, 2))]
    return min(distances) > 0.01


def with_wrong_partial(tested: Primitive, position: int, wrong: Callable[[Any], Any]) -> Primitive:
    def partials(*operands_and_out: Any) -> tuple[Any, ...]:
        right = list(tested.partials(*operands_and_out))
        right[position] = wrong(right[position])
        return tuple(right)

    return dataclasses.replace(tested, partials=partials)


@every_primitive
def test_every_primitive_passes(tested: Primitive) -> None:
    for point in moderate_points(tested):
        assert gradcheck(tested, *point) is True


@every_primitive
def test_first_derivative_of_every_primitive_passes(tested: Primitive) -> None:
    for point in moderate_points(tested)[:10]:
        for position in range(tested.arity):
            assert gradcheck(grad(tested, position), *point) is True


@every_partial
def test_partial_wrong_by_a_thousandth_is_found(tested: Primitive, position: int) -> None:
    if (tested.name, position) in FLAT:
        planted = with_wrong_partial(tested, position, lambda partial: partial + 1e-3)
        point = moderate_points(tested)[0]
    else:
        planted = with_wrong_partial(tested, position, lambda partial: partial * 1.001)
        point = next(
            point
            for point in moderate_points(tested)
            if abs(tested.partials(*point, tested.forward(*point))[position]) > 1e-2
        )
    with pytest.raises(AssertionError, match=rf"^1 of {tested.arity} derivatives are wrong:\n.*\n +{position} "):
        gradcheck(planted, *point)


@every_partial
def test_flat_partials_are_the_ones_listed(tested: Primitive, position: int) -> None:
    slopes = [tested.partials(*point, tested.forward(*point))[position] for point in moderate_points(tested)]
    assert any(slopes) is ((tested.name, position) not in FLAT)


def test_wrong_second_derivative_is_found() -> None:
    # The first derivative is right on floats; only the graph that it records is that of another function.
    @primitive(partials=lambda x, out: 2.0 * x if isinstance(x, float) else 2.0 * x.data + (x - x.data))
    def square(x: float) -> float:
        return x * x

    assert gradcheck(square, 3.0)
    with pytest.raises(AssertionError, match="1 of 1 derivatives are wrong"):
        gradcheck(grad(square), 3.0)


@primitive(partials=lambda x, out: 3.0 * x)
def mistaken_square(x: float) -> float:
    return x * x


def test_failure_is_shown_as_a_table() -> None:
    with pytest.raises(AssertionError) as caught:
        gradcheck(lambda x, y: [x * y[0], mistaken_square(y[1])], 2.0, [5.0, 3.0])
    assert str(caught.value).splitlines() == [
        "1 of 6 derivatives are wrong:",
        "argument  number  result       derivative  central difference",
        "       1       1      1                9                  6",
    ]


def test_long_table_is_cut_after_twenty_rows() -> None:
    with pytest.raises(AssertionError) as caught:
        gradcheck(lambda x: [mistaken_square(number) for number in x], [1.0 + i for i in range(23)])
    lines = str(caught.value).splitlines()
    assert lines[0] == f"23 of {23 * 23} derivatives are wrong:"
    assert len(lines) == 2 + 20 + 1
    assert lines[-1] == "... and 3 more"


@pytest.mark.parametrize(
    ("function", "at"),
    [
        (lambda x: x[0] * x[1][0] + x[1][1], ([2.0, (3.0, 4.0)],)),
        (lambda x: (x * x).sum(), (np.array([[1.0, 2.0], [3.0, 4.0]]),)),
        (lambda x, w: w @ x, (np.array([1.0, -2.0]), np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))),
        (lambda x: [[x, x * x], [x.sin(), 1.0]], (2,)),
        (lambda x, y: x.tanh() * y.exp(), (0.5, -1.0)),
        (lambda x: 7.0, (1.0,)),
        (lambda x: x * x, (1e8,)),
        (lambda x: (1e-3 * x).sin(), (-3e4,)),
        (lambda x: 1e6 + 1e-3 * x, (1.0,)),
    ],
    ids=[
        "nested",
        "matrix",
        "matrix and vector",
        "nested result",
        "methods",
        "no dependence",
        "large",
        "negative",
        "rounded",
    ],
)
def test_right_functions_of_every_arrangement_pass(function: Callable[..., Any], at: tuple[Any, ...]) -> None:
    assert gradcheck(function, *at) is True


@pytest.mark.parametrize(
    "argument", [[3.0, 2.0], (2.0, 3.0), np.array([[3.0, 2.0]]), [[2.0], [3.0]]], ids=lambda at: type(at).__name__
)
def test_wrong_functions_of_every_arrangement_fail(argument: Any) -> None:
    def total(numbers: Any) -> Any:
        if isinstance(numbers, (list, tuple, np.ndarray)):
            return sum(map(total, numbers))
        return mistaken_square(numbers)

    with pytest.raises(AssertionError, match="2 of 2 derivatives are wrong"):
        gradcheck(total, argument)


def test_each_number_is_moved_by_itself() -> None:
    seen = []

    def product(x: list[Value]) -> Value:
        seen.append([number.data for number in x])
        return x[0] * x[1]

    gradcheck(product, [2.0, -50.0], step=1e-3)
    moved = [point for point in seen if point != [2.0, -50.0]]
    # The step is relative for numbers beyond 1.
    assert sorted(moved) == [[1.998, -50.0], [2.0, -50.05], [2.0, -49.95], [2.002, -50.0]]


def test_tolerance_is_relative() -> None:
    @primitive(partials=lambda x, out: 2.0 * x * (1.0 + 1e-4))
    def nearly_square(x: float) -> float:
        return x * x

    for x in (1e-3, 1.0, 1000.0):
        assert gradcheck(nearly_square, x, tolerance=2e-4)
        with pytest.raises(AssertionError):
            gradcheck(nearly_square, x, tolerance=5e-5)


def test_kink_under_the_step_fails() -> None:
    with pytest.raises(AssertionError):
        gradcheck(abs, 1e-7)
    assert gradcheck(abs, 1e-7, step=1e-9)


def test_derivative_that_is_not_a_number_fails() -> None:
    @primitive(partials=lambda x, out: float("nan"))
    def lost(x: float) -> float:
        return x

    with pytest.raises(AssertionError, match="nan"):
        gradcheck(lost, 1.0)


@pytest.mark.parametrize("at", [(), ([],), (np.zeros(0),)], ids=["no argument", "empty list", "empty array"])
def test_nothing_to_check_is_an_error(at: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match="no number to differentiate by; pass the point to check at"):
        gradcheck(lambda *numbers: 1.0, *at)


def test_result_without_numbers_is_an_error() -> None:
    with pytest.raises(ValueError, match="no number to differentiate by"):
        gradcheck(lambda x: [], 1.0)


def test_differences_record_nothing() -> None:
    asked: list[float] = []

    @primitive(partials=lambda x, out: asked.append(x) or 2.0 * x)
    def square(x: float) -> float:
        return x * x

    assert gradcheck(square, 3.0)
    assert asked == [3.0]


def test_gradients_of_nodes_are_left_alone() -> None:
    weight = Value(3.0)
    weight.grad = 5.0
    assert gradcheck(lambda x: weight * x, 2.0)
    assert weight.grad == 5.0


@pytest.mark.parametrize(
    ("at", "options", "message"),
    [
        ((1.0,), {"step": 0.0}, "a positive number, not 0.0"),
        ((math.nan,), {}, "no central differences at nan"),
        ((math.inf,), {}, "no central differences at inf"),
    ],
)
def test_where_there_are_no_differences_is_said(at: Any, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        gradcheck(lambda x: x * x, *at, **options)
