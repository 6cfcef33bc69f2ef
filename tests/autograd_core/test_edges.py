"""The engine at the edge of the numbers: zeros, infinities, NaN, subnormals, and where exp overflows.

The facts are PyTorch's, in float64. They are also kept in edges.json for machines without PyTorch; this writes
the file anew, from the top of the repository:

    python tests/autograd_core/test_edges.py
"""

from __future__ import annotations

import importlib
import itertools
import json
from collections.abc import Callable
from functools import cache
from math import expm1, inf, isfinite, nan
from pathlib import Path
from typing import Any

import pytest

from autograd_core import PRIMITIVES, Value

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
        "add sub mul neg abs exp log log1p expm1 sqrt sin cos tan arcsin arccos arctan sinh cosh tanh erf erfc sigmoid "
        "relu pow maximum minimum"
    )
    return {name: getattr(torch, name) for name in same_name.split()} | {
        "truediv": torch.true_divide,
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


FROM_THE_DEFINITION: dict[tuple[str, int], Callable[..., float]] = {
    ("leaky_relu", 1): lambda x, slope: 0.0 if x > 0.0 else x,
    ("elu", 1): lambda x, alpha: expm1(x) if x <= 0.0 else 0.0,
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
