"""Long programs on floats are cut into functions, and compute the same."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from autograd_core import Value, compile
from autograd_core.compiler import float_program
from autograd_core.compiler.pieces import cut
from tests.autograd_core.compiler.agreement import assert_agrees, assert_same
from tests.autograd_core.compiler.test_programs import Case
from tests.autograd_core.compiler.test_source import loss, run


@pytest.fixture(autouse=True, params=[1, 3])
def short(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(float_program, "cut", partial(cut, longest=request.param))


@pytest.mark.parametrize("seed", range(60))
def test_random_programs_in_pieces(seed: int) -> None:
    case = Case(seed)
    assert_agrees(case.build, case.parameters, case.samples, ["scalar"])


def test_source_in_pieces_runs_on_its_own() -> None:
    numbers = [0.1 * k for k in range(9)]
    p, x, y = [Value(number) for number in numbers], [Value(1.0), Value(2.0)], Value(3.0)
    program = compile(loss(p, x, y), [x, y], p, "scalar")
    assert "def forward1(" in program.source
    assert "def backward2(" in program.source
    value, gradient = program.value_and_grad(numbers, [0.5, -1.5], 0.25)
    assert_same(run(program, numbers, [0.5, -1.5], 0.25), [value, *gradient])


def test_labels_that_read_like_pieces() -> None:
    def build(p: list[Any], _: Any) -> Value:
        first = p[0].tanh()
        second = first * p[1] + first
        first.label, second.label, p[0].label = "forward1", "forward2", "backward1"
        return second.exp() * p[0]

    assert_agrees(build, [0.3, 0.5], backends=["scalar"])
