"""The engine at the edge of the numbers: zeros, infinities, NaN, subnormals, and where exp overflows.

The facts are PyTorch's, in float64. They are also kept in edges.json for machines without PyTorch; this writes
the file anew, from the top of the repository:

    python tests/autograd_core/test_primitives_edges.py
"""

from __future__ import annotations

import importlib
import itertools
import json
import math
from collections.abc import Callable
from functools import cache
from math import expm1, inf, isfinite, nan
from pathlib import Path
from sys import float_info
from typing import Any

import numpy as np
import pytest

from autograd_core import PRIMITIVES, Value, floats, hessian
from tests.autograd_core.test_primitives import EXACT, KINKS_AT_TIES, STEPS, mp, mpf

STORED = Path(__file__).with_name("edges.json")
GRID = [0.0, -0.0, 1.0, -1.0, inf, -inf, nan, 1e-320, -1e-320, 1e308, -1e308, 710.0, -710.0, 1000.0, -1000.0]

Facts = dict[str, list[list[float]]]
"""Per primitive one column of values, then one column of derivatives per operand; the rows are its points."""


def points(name: str) -> list[tuple[float, ...]]:
    """Every combination of the grid; for `where` every condition, with the two branches on different numbers."""
    if name == "where":
        branches = zip(GRID, GRID[1:] + GRID[:1], strict=True)
        return [(condition, x, y) for condition, (x, y) in itertools.product(GRID, branches)]
    return list(itertools.product(GRID, repeat=PRIMITIVES[name].arity))


def counterparts(torch: Any) -> dict[str, Callable[..., Any]]:
    """PyTorch's operation for each primitive."""
    functional = torch.nn.functional
    same_name = (
        "add sub mul neg abs exp exp2 log log2 log10 log1p expm1 sqrt logaddexp hypot sin cos tan arcsin arccos arctan "
        "arctan2 sinh cosh tanh arcsinh arccosh arctanh erf erfc sigmoid relu pow floor ceil maximum minimum"
    )
    return {name: getattr(torch, name) for name in same_name.split()} | {
        "truediv": torch.true_divide,
        # PyTorch's remainder is nan where the quotient overflows; a quotient has no derivative there.
        "floor_divide": lambda x, y: _by_numpy(np.floor_divide, torch, x, y),
        "remainder": lambda x, y: _by_numpy(np.remainder, torch, x, y),
        "degrees": torch.rad2deg,
        "radians": torch.deg2rad,
        # PyTorch has no cube root, and a sign of nan that is 0, where NumPy and JavaScript have nan.
        "cbrt": lambda x: _by_numpy(np.cbrt, torch, x),
        "sign": lambda x: torch.where(torch.isnan(x), x.detach(), torch.sign(x)),
        "gelu": functional.gelu,
        "silu": functional.silu,
        "softplus": functional.softplus,
        # PyTorch takes slope and alpha as plain numbers; what they are differentiated to is the definition.
        "leaky_relu": lambda x, slope: _by_second_number(functional.leaky_relu, torch, x, slope),
        "elu": lambda x, alpha: _by_second_number(functional.elu, torch, x, alpha),
        "less": lambda x, y: torch.lt(x, y).double(),
        "less_equal": lambda x, y: torch.le(x, y).double(),
        "equal": lambda x, y: torch.eq(x, y).double(),
        "where": lambda condition, x, y: torch.where(condition.bool(), x, y),
    }


def _by_second_number(function: Callable[..., Any], torch: Any, x: Any, second: Any) -> Any:
    return torch.stack([function(x[i], second[i].item()) for i in range(len(x))])


def _by_numpy(function: Callable[..., Any], torch: Any, *operands: Any) -> Any:
    with np.errstate(all="ignore"):
        return torch.from_numpy(function(*(operand.detach().numpy() for operand in operands)))


def _over_radius(x: float, y: float, numerator: float) -> float:
    radius = math.hypot(x, y) or 1.0
    return numerator / radius / radius


FROM_THE_DEFINITION: dict[tuple[str, int], Callable[..., float]] = {
    ("leaky_relu", 1): lambda x, slope: 0.0 if x > 0.0 else x,
    ("elu", 1): lambda x, alpha: expm1(x) if x <= 0.0 else 0.0,
    ("remainder", 0): lambda x, y: 1.0,
    ("remainder", 1): lambda x, y: -floats.floor_divide(x, y),
    # PyTorch's squares underflow, and the sign of its nan is that of a square.
    ("arctan2", 0): lambda x, y: _over_radius(x, y, y),
    ("arctan2", 1): lambda x, y: _over_radius(x, y, -x),
    ("arccosh", 0): lambda x: -inf if x == -1.0 else floats.divide(1.0, floats.sqrt((x - 1.0) * (x + 1.0))),
    ("cbrt", 0): lambda x: math.cbrt(x) ** -2 / 3.0 if x else inf,
}


def facts_of_pytorch() -> Facts:
    torch = importlib.import_module("torch")
    facts: Facts = {}
    for name, function in counterparts(torch).items():
        rows = points(name)
        operands = [torch.tensor(column, dtype=torch.float64, requires_grad=True) for column in zip(*rows, strict=True)]
        value = function(*operands)
        if value.requires_grad:
            value.sum().backward()
        columns = [value.tolist()]
        for position, operand in enumerate(operands):
            definition = FROM_THE_DEFINITION.get((name, position))
            if definition is not None:
                columns.append([definition(*row) for row in rows])
            else:
                columns.append([0.0] * len(rows) if operand.grad is None else operand.grad.tolist())
        facts[name] = columns
    return facts


def store(facts: Facts) -> None:
    lines = [f'"grid": "{_written(GRID)}"']
    for name, columns in facts.items():
        written = ",\n".join(f'  "{_written(column)}"' for column in columns)
        lines.append(f'"{name}": [\n{written}\n]')
    STORED.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def _written(numbers: list[float]) -> str:
    return " ".join(f"{number:.17g}" for number in numbers)


def _read(text: str) -> list[float]:
    return [float(word) for word in text.split()]


@cache
def facts_from(source: str) -> Facts:
    if source == "PyTorch":
        pytest.importorskip("torch", reason="PyTorch is not installed; the stored facts stand in for it")
        return facts_of_pytorch()
    contents = json.loads(STORED.read_text(encoding="utf-8"))
    del contents["grid"]
    return {name: [_read(column) for column in columns] for name, columns in contents.items()}


def agree(ours: float, fact: float) -> bool:
    """To rounding; PyTorch takes some subnormal results for 0."""
    if not (isfinite(ours) and isfinite(fact)):
        return ours == fact or (ours != ours and fact != fact)
    return abs(ours - fact) <= 1e-12 * abs(fact) + 1e-300


@pytest.fixture(params=["stored", pytest.param("PyTorch", marks=pytest.mark.torch)])
def facts(request: pytest.FixtureRequest) -> Facts:
    return facts_from(request.param)


def test_facts_cover_the_table_on_the_grid(facts: Facts) -> None:
    assert set(facts) == set(PRIMITIVES)
    for name, primitive in PRIMITIVES.items():
        assert [len(column) for column in facts[name]] == [len(points(name))] * (1 + primitive.arity)


def test_stored_facts_are_on_this_grid() -> None:
    written = json.loads(STORED.read_text(encoding="utf-8"))["grid"]
    assert written == _written(GRID)


@pytest.mark.parametrize("name", PRIMITIVES)
def test_value_and_gradient_at_the_edges(name: str, facts: Facts) -> None:
    # A warning would be an error here, by the configuration of pytest.
    wrong = []
    for position, point in enumerate(points(name)):
        operands = [Value(number) for number in point]
        output = PRIMITIVES[name](*operands)
        output.backward()
        ours = [output.data, *(operand.grad for operand in operands)]
        expected = [column[position] for column in facts[name]]
        if not all(map(agree, ours, expected)):
            wrong.append(f"{name}{point}: value and gradient {ours}, expected {expected}")
    assert not wrong, "\n".join(wrong)


PLAIN_NUMBER_IN_PYTORCH = {"leaky_relu", "elu"}
"""Their second operand, by which PyTorch does not differentiate."""

NOT_IN_PYTORCH = {"cbrt", "remainder"}

# Where second derivatives are not PyTorch's, and why. PyTorch is mostly nan there.
DIFFERENT: dict[str, list[tuple[Callable[..., bool], str]]] = {
    "pow": [
        (lambda x, y: x == 0.0 <= y, "0**y is flat for y > 0, where PyTorch multiplies 0 by log(0)"),
        (lambda x, y: y == 0.0 and x > 0.0, "the mixed derivative is 1 / x, where PyTorch has 0 for its mask of y = 0"),
        (lambda x, y: y == 0.0 and not x > 0.0, "the derivative by y is nan or infinite, and so has none itself"),
        (lambda x, y: 0.0 < x < 1e-308, "1 / x overflows at a subnormal x"),
    ],
    "arcsin": [(lambda x: abs(x) == 1.0, "the slope is infinite, and has none itself")],
    "arccos": [(lambda x: abs(x) == 1.0, "the slope is infinite, and has none itself")],
    "logaddexp": [(lambda x, y: abs(x - y) > 700.0, "one side is gone, where PyTorch multiplies infinity by 0")],
    "arctan2": [(lambda x, y: abs(x) == abs(y), "the mixed derivative is a difference of two that are equal")],
    "arcsinh": [(lambda x: abs(x) == 1e308, "it is 0, where PyTorch multiplies infinity by 0")],
    "arccosh": [(lambda x: abs(x) == 1.0, "the slope is infinite, and has none itself")],
    "arctanh": [
        (lambda x: abs(x) == 1.0, "the slope is infinite, and has none itself"),
        (lambda x: abs(x) == 1e308, "it is 0, where PyTorch multiplies infinity by 0"),
    ],
    "erf": [(lambda x: abs(x) == 1e308, "it is 0, where PyTorch multiplies infinity by 0")],
    "erfc": [(lambda x: abs(x) == 1e308, "it is 0, where PyTorch multiplies infinity by 0")],
    "gelu": [(lambda x: abs(x) == 1e308, "it is 0, where PyTorch multiplies infinity by 0")],
    "elu": [(lambda x, alpha: not x <= 0.0 and not isfinite(alpha), "the branch not taken is 0 times infinity")],
}


def hessians_of_pytorch(name: str) -> list[list[list[float]]]:
    """For each point the second derivatives, by rows."""
    torch = importlib.import_module("torch")
    rows = points(name)
    operands = [torch.tensor(column, dtype=torch.float64, requires_grad=True) for column in zip(*rows, strict=True)]
    nothing = torch.zeros(len(rows), dtype=torch.float64)

    def slopes(output: Any) -> list[Any]:
        if output is None or not output.requires_grad:
            return [nothing] * len(operands)
        return torch.autograd.grad(output.sum(), operands, create_graph=True, allow_unused=True)

    second = [
        [nothing if one is None else one + nothing for one in slopes(first)]
        for first in slopes(_applied(name, operands))
    ]
    return torch.stack([torch.stack(row) for row in second]).permute(2, 0, 1).tolist()


def _applied(name: str, operands: list[Any]) -> Any:
    return counterparts(importlib.import_module("torch"))[name](*operands)


@pytest.mark.torch
@pytest.mark.parametrize("name", [name for name in PRIMITIVES if name not in NOT_IN_PYTORCH])
def test_second_derivatives_at_the_kinks_and_edges_are_those_of_pytorch(name: str) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed")
    compared = 1 if name in PLAIN_NUMBER_IN_PYTORCH else PRIMITIVES[name].arity
    reasons = DIFFERENT.get(name, [])
    wrong, differs = [], set()
    for point, expected in zip(points(name), hessians_of_pytorch(name), strict=True):
        ours = hessian(lambda operands: PRIMITIVES[name](*operands))(list(point))
        if all(agree(ours[i][j], expected[i][j]) for i in range(compared) for j in range(compared)):
            continue
        reason = next((reason for holds, reason in reasons if holds(*point)), None)
        differs.add(reason)
        if reason is None:
            wrong.append(f"{name}{point}: {ours}, expected {expected}")
    assert not wrong, "\n".join(wrong)
    assert differs == {reason for _, reason in reasons}


def test_elu_has_the_slopes_of_its_left_side_at_its_kink() -> None:
    # Its second derivative by x alone is 0 there, as PyTorch's.
    assert hessian(lambda v: v[0].elu(v[1]))([0.0, 2.0]) == [[0.0, 1.0], [1.0, 0.0]]


MAGNITUDES = {
    1: [1e-300, 1e-20, 1e-8, 1e-3, 0.5, 1.0, 20.0, 40.0, 300.0, 710.0, 745.0, 746.0, 1e4, 1e100, 1e300],
    2: [1e-300, 1e-8, 0.5, 40.0, 1e100],
}

# Where digits are lost, for first and second derivatives, and why.
LOST: dict[tuple[str, int], tuple[Callable[..., bool], str]] = {
    ("tanh", 1): (lambda x: abs(x) > 5.0, "1 - out * out is the formula that everyone is taught, and PyTorch's"),
    ("tanh", 2): (lambda x: abs(x) > 5.0, "1 - out * out is the formula that everyone is taught, and PyTorch's"),
    ("pow", 2): (lambda x, y: abs(y) == x == 1e-300, "x ** (y - 2) overflows before y makes it less, as PyTorch's"),
    ("hypot", 2): (lambda x, y: abs(x) != abs(y), "by the longer side it is a difference of near 1s, as PyTorch's"),
    ("arctan2", 2): (lambda x, y: abs(x) == abs(y), "the mixed one is a difference of two that are equal"),
    ("sigmoid", 2): (lambda x: abs(x) < 1e-3, "next to its zero it is a difference of near 0.25s, as PyTorch's"),
}


def exact_slope(function: Callable[..., Any], position: int) -> Callable[..., Any]:
    """The derivative by the operand at a position, by differences of mpmath, with a thousand digits to lose."""

    def slope(*operands: Any) -> Any:
        step = min(abs(operands[position]), mpf(1)) * mpf(10) ** -40
        up, down = list(operands), list(operands)
        up[position] += step
        down[position] -= step
        return (function(*up) - function(*down)) / (2 * step)

    return slope


def keeps_its_digits(ours: float, exact: Any) -> bool:
    """To 1e-12, down to where numbers underflow; beyond the largest float infinite."""
    if abs(exact) > float_info.max:
        return ours == math.copysign(inf, exact)
    return abs(ours - exact) <= mpf("1e-12") * abs(exact) + mpf("1e-290")


@pytest.mark.parametrize(
    "name", [name for name in EXACT if PRIMITIVES[name].arity < 3 and name not in KINKS_AT_TIES and name not in STEPS]
)
@pytest.mark.slow
def test_derivatives_keep_their_digits_over_the_whole_range_of_floats(name: str) -> None:
    primitive, function = PRIMITIVES[name], EXACT[name]
    numbers = [sign * size for size in MAGNITUDES[primitive.arity] for sign in (1.0, -1.0)]
    wrong, lost = [], set()
    for point in itertools.product(numbers, repeat=primitive.arity):
        if not all(low < x < high for x, (low, high) in zip(point, primitive.domain, strict=True)):
            continue
        leaves = [Value(number) for number in point]
        primitive(*leaves).backward()
        first = [leaf.grad for leaf in leaves]
        second = hessian(lambda operands: primitive(*operands))(list(point))
        with mp.workdps(1200):
            at = [mpf(number) for number in point]
            for i in range(primitive.arity):
                slope = exact_slope(function, i)
                found = [(1, first[i], slope(*at))]
                found += [(2, second[i][j], exact_slope(slope, j)(*at)) for j in range(primitive.arity)]
                for order, ours, exact in found:
                    if keeps_its_digits(ours, exact):
                        continue
                    if (name, order) in LOST and LOST[name, order][0](*point):
                        lost.add((name, order))
                    else:
                        wrong.append(f"{name}{point}, order {order}: {ours!r}, exactly {mp.nstr(exact, 17)}")
    assert not wrong, "\n".join(wrong)
    assert lost == {key for key in LOST if key[0] == name}


@pytest.mark.parametrize("name", PRIMITIVES)
def test_floats_give_what_values_give(name: str) -> None:
    primitive = PRIMITIVES[name]
    for point in points(name):
        on_floats = primitive(*point)
        on_values = primitive(*map(Value, point)).data
        assert type(on_floats) is float
        assert on_floats == on_values or (on_floats != on_floats and on_values != on_values), point


@pytest.mark.parametrize(
    ("ours", "fact", "expected"),
    [
        (nan, nan, True),
        (inf, inf, True),
        (inf, -inf, False),
        (nan, 0.0, False),
        (0.0, nan, False),
        (1.0, inf, False),
        (-0.0, 0.0, True),
        (4.5e-309, 0.0, True),
        (1.0, 1.0 + 1e-13, True),
        (1.0, 1.0 + 1e-11, False),
        (0.0, 1e-290, False),
    ],
)
def test_agree_tells_right_from_wrong(ours: float, fact: float, expected: bool) -> None:
    assert agree(ours, fact) is expected


if __name__ == "__main__":
    store(facts_of_pytorch())
