"""Positions in source are as short as they are regular, and the same positions."""

from __future__ import annotations

import random

import numpy as np
import pytest

from autograd_core import Value, compile
from autograd_core.compiler import arrays
from autograd_core.compiler.literals import array_text
from autograd_core.functions import tanh
from tests.autograd_core.compiler.agreement import assert_same
from tests.autograd_core.compiler.test_source import run


def made(text: str) -> np.ndarray:
    return eval(text, {"np": np, "runs": arrays.runs, "positions": arrays.positions})


@pytest.mark.parametrize("seed", range(300))
def test_the_text_makes_the_array(seed: int) -> None:
    draw = random.Random(seed)
    parts = [(draw.randrange(50), draw.choice((1, 2, 12, 30)), draw.randint(-2, 3)) for _ in range(draw.randint(1, 5))]
    array = np.concatenate([start + step * np.arange(count) for start, count, step in parts])
    array = array.reshape(2, -1) if array.size % 2 == 0 and draw.random() < 0.5 else array
    array = array.T if draw.random() < 0.5 else array
    found = made(array_text(array)[0])
    assert found.shape == array.shape
    assert found.tolist() == array.tolist()


def test_rows_that_begin_anew_are_runs() -> None:
    triangle = np.array([16 * k + j for k in range(16) for j in range(k, 16)])
    text, helper = array_text(triangle)
    assert helper is arrays.runs
    assert text.startswith("runs((0, 16, 1), (17, 15, 1), ")
    ring = np.array([[k - 1, k, k + 1] for k in range(400)]) % 400
    assert len(array_text(ring)[0]) < 100


def test_positions_at_random_are_written_out() -> None:
    shuffled = np.random.default_rng(0).permutation(50)
    assert array_text(shuffled)[1] is None


def test_a_program_on_a_ring_is_short_and_runs_on_its_own() -> None:
    c, u = [Value(number) for number in (0.3, -0.2, 0.5)], [Value(0.1 * k) for k in range(40)]
    state = u
    for _ in range(3):
        state = [tanh(c[0] * state[k - 1] + c[1] * state[k] + c[2] * state[(k + 1) % 40]) for k in range(40)]
    total = Value(0.0)
    for one in state:
        total = total + one * one
    program = compile(total, [u], c, "numpy")
    assert "runs(" in program.source
    assert max(map(len, program.source.splitlines())) < 130
    numbers, sample = [0.3, -0.2, 0.5], [0.2 * k - 1.0 for k in range(40)]
    value, gradient = program.value_and_grad(numbers, sample)
    assert_same(run(program, numbers, sample), [value, *gradient])
