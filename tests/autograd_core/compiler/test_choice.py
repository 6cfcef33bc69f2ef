"""Which backend runs a call, and what a program shows of it."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from autograd_core import Value, compile
from autograd_core.compiler import Program
from autograd_core.compiler.choice import FEW
from autograd_core.compiler.runners import ArrayRunner
from autograd_core.functions import cos, gelu, sin, tanh
from tests.autograd_core.compiler.agreement import assert_same, nodes


def small() -> Program:
    w, x = nodes([0.5, -0.5]), nodes([1.0, 2.0])
    return compile(tanh(w[0] * x[0] + w[1] * x[1]) ** 2, [x], w)


def test_a_program_shows_what_ran_last() -> None:
    program, w, x = small(), [0.5, -0.25], np.random.default_rng(0).normal(size=(500, 2))
    on_floats = program.source
    assert program.backend == program.statistics.backend == "scalar"
    assert "math.tanh" in on_floats
    on_arrays = program.source_for(batch=500)
    assert "np.tanh" in on_arrays
    assert program.source_for() == program.source_for(batch=2) == on_floats
    assert program.backend == "scalar", "asking for a source runs nothing"
    value, _ = program.value_and_grad(w, x)
    assert program.backend == program.statistics.backend == "numpy"
    assert program.source == on_arrays
    assert "operations on arrays" in repr(program)
    again: Program = pickle.loads(pickle.dumps(program))
    assert again.source == on_arrays
    assert_same(again(w, x), value)
    program(w, x[0])
    assert program.source == on_floats
    assert "lines of float arithmetic" in repr(program)


def test_a_backend_that_was_asked_for_runs_everything() -> None:
    w, x = nodes([0.5]), nodes([1.0])
    for backend in ("scalar", "numpy"):
        program = compile(sin(w[0] * x[0]), [x], w, backend)
        for batch in (1, 10_000):
            program(w and [0.5], np.ones((batch, 1)))
            assert program.backend == backend
        assert program.source_for() == program.source_for(batch=1000)


def chain(steps: int) -> tuple[Value, list[Any], list[Value]]:
    """A graph without two nodes that are alike, as that of a simulation."""
    p, x = nodes([0.5, 0.1]), Value(0.3, label="x")
    state: Any = x
    for step in range(steps):
        state = (sin if step % 2 else cos)(state * p[0] + p[1] * float(step))
    return state, [x], p


@pytest.mark.slow
def test_long_batches_of_a_long_graph_run_on_arrays() -> None:
    output, inputs, p = chain(FEW // 2)
    program = compile(output, inputs, p)
    assert program.backend == "scalar"
    x = np.linspace(-1.0, 1.0, 256)
    on_floats = compile(output, inputs, p, "scalar").value_and_grad([0.5, 0.1], x)
    found = program.value_and_grad([0.5, 0.1], x)
    assert program.backend == "numpy"
    assert_same(found[0], on_floats[0])
    assert_same(found[1], on_floats[1])
    program([0.5, 0.1], x[:2])
    assert program.backend == "scalar"


def test_costs_grow_with_what_is_emitted() -> None:
    def runners(terms: int) -> tuple[Any, ArrayRunner]:
        w, x = nodes([0.1] * terms), nodes([0.2] * terms)
        choice = compile(sum((gelu(a * b) for a, b in zip(w, x, strict=True)), Value(0.0)), [x], w)._choice
        arrays = choice.on_arrays(patient=True)
        assert arrays is not None
        return choice.on_floats, arrays

    (few_on_floats, few), (many_on_floats, many) = runners(4), runners(400)
    assert many_on_floats.cost(None) > 20.0 * few_on_floats.cost(None)
    assert many.cost(None) < 3.0 * few.cost(None)
    for runner in (few_on_floats, few, many_on_floats, many):
        costs = [runner.cost(batch) for batch in (None, 2, 100, 10_000)]
        assert costs == sorted(costs)
    assert few.cost(None) > few_on_floats.cost(None)
    assert few.cost(1000) < few_on_floats.cost(1000)
