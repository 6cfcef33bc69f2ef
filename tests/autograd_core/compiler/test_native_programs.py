"""Programs in C compute what the nodes do: random ones, odd layouts, realistic ones, and at the edges of numbers."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from autograd_core import PRIMITIVES, Primitive, Value, collector_paused, compile
from tests.autograd_core.compiler import test_layouts, test_programs
from tests.autograd_core.compiler.agreement import TOLERANCE, assert_same, differences, nodes, record, reference
from tests.autograd_core.compiler.native import compiled
from tests.autograd_core.compiler.realistic import PROGRAMS, Values
from tests.autograd_core.compiler.test_realistic import numbers
from tests.autograd_core.compiler.test_special_values import COMPOSED, POINTS, assert_each_same

FEW = 12
COUNT, CHUNK = int(os.environ.get("NATIVE", "300")), 100
"""How many random programs of each kind; NATIVE=2000 for the full set."""

Samples = Sequence[Sequence[Any]]


def assert_agrees(cases: Sequence[tuple[object, Callable[..., Value], list[float], Samples]]) -> None:
    """Value and gradient are those of the nodes, for one sample, some, and more than a block."""
    with collector_paused():
        recorded = [
            [record(build, parameters, sample) for sample in samples] for _, build, parameters, samples in cases
        ]
    programs = compiled((first.output, first.inputs, first.parameters) for first, *_ in recorded)
    for (about, _, parameters, samples), those, program in zip(cases, recorded, programs, strict=True):
        columns = [np.array(column, dtype=float) for column in zip(*samples, strict=True)]
        runs: list[tuple[Sequence[Any], list[Any]]] = [(samples[0], those[:1])]
        if columns:
            runs.append(([np.concatenate([column] * 5)[:11] for column in columns], (those * 5)[:11]))
            runs.append((columns, those))
        for inputs, some in runs:
            value, gradient = program.value_and_grad(parameters, *inputs)
            with np.errstate(all="ignore"):
                expected = float(np.mean([one.value for one in some]))
                slopes = np.mean([one.gradient for one in some], axis=0)
            assert_same(value, expected, f"{about}, {len(some)} samples, value")
            assert_same(gradient, slopes, f"{about}, {len(some)} samples, gradient")
            assert_same(program(parameters, *inputs), expected, f"{about}, {len(some)} samples, value alone")


def layouts(seeds: Sequence[int]) -> list[Any]:
    cases = []
    for case in map(test_layouts.Case, seeds):
        recorded = [record(case.build, case.parameters, sample).output for sample in case.samples]
        if not any(map(case.delicate, recorded)):
            cases.append((f"layout {case.seed}", case.build, case.parameters, case.samples))
    return cases


def random_programs(seeds: Sequence[int]) -> list[Any]:
    return [(f"program {c.seed}", c.build, c.parameters, c.samples) for c in map(test_programs.Case, seeds)]


def realistic(programs: Sequence[Any]) -> list[Any]:
    cases = []
    for program in programs:
        parameters, x = numbers(program, 3)

        def build(p: list[Value], given: list[Any], program: Any = program) -> Value:
            return program.build(Values(), p, given[0])

        cases.append((program.name, build, parameters, [[one] for one in x.tolist()]))
    return cases


def test_a_few_random_programs() -> None:
    assert_agrees(layouts(range(FEW)) + random_programs(range(FEW)) + realistic(PROGRAMS[::9]))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, COUNT, CHUNK))
@pytest.mark.parametrize("kind", [layouts, random_programs])
def test_random_programs(kind: Callable[[Sequence[int]], list[Any]], first: int) -> None:
    assert_agrees(kind(range(first, first + CHUNK)))


@pytest.mark.slow
def test_realistic_programs() -> None:
    assert_agrees(realistic(PROGRAMS))


def test_as_numpy_to_the_last_digits() -> None:
    some = PROGRAMS[1::9]
    graphs, given = [], []
    for program in some:
        parameters, x = numbers(program, 9)
        leaves, inputs = nodes(parameters), nodes(x[0].tolist())
        graphs.append((program.build(Values(), leaves, inputs), [inputs], leaves))
        given.append((parameters, x))
    for graph, found, (parameters, x) in zip(graphs, compiled(graphs), given, strict=True):
        value, gradient = compile(graph[0], graph[1], graph[2], "numpy").value_and_grad(parameters, x)
        size = max(1.0, abs(value), np.abs(gradient).max())
        other, slopes = found.value_and_grad(parameters, x)
        assert abs(other - value) <= 1e-12 * size
        assert np.abs(slopes - gradient).max() <= 1e-12 * size


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, COUNT, CHUNK))
def test_special_values_in_random_programs(first: int) -> None:
    with collector_paused():
        cases = [test_programs.Case(seed) for seed in range(first, first + CHUNK)]
        plain = [record(case.build, case.parameters, case.samples[0]) for case in cases]
        programs = compiled((one.output, one.inputs, one.parameters) for one in plain)
        accepted = 0
        for case, program in zip(cases, programs, strict=True):
            parameters, sample = case.special()
            special = record(case.build, parameters, sample)
            gradient, delicate = reference(special.output, special.parameters)
            value, slopes = program.value_and_grad(parameters, *sample)
            same = (differences(value, special.value) <= TOLERANCE).all()
            same &= (differences(slopes, gradient) <= TOLERANCE).all()
            accepted += not same and delicate
            expected = f"the nodes give {special.value}, {gradient}"
            assert same or delicate, f"program {case.seed}: {value}, {slopes} at {parameters}, {sample}; {expected}"
        assert accepted <= CHUNK // 20


def on_leaves(primitive: Primitive) -> Callable[..., Value]:
    return lambda leaves, _: primitive(*leaves)


def test_every_primitive_at_the_edges() -> None:
    graphs, expected = [], []
    with collector_paused():
        for primitive in PRIMITIVES.values():
            points = POINTS[primitive.arity]
            expected.append([record(on_leaves(primitive), point) for point in points])
            parameters = [Value(0.5) for _ in points for _ in range(primitive.arity)]
            rows = [parameters[k : k + primitive.arity] for k in range(0, len(parameters), primitive.arity)]
            outputs = [primitive(*row) for row in rows]
            one = [Value(0.5) for _ in range(primitive.arity)]
            graphs += [(outputs, [], parameters), (sum(outputs, Value(0.0)), [], parameters)]
            graphs.append(([primitive(*one), one[0]], one, []))
        programs = iter(compiled(graphs))
    for primitive, those in zip(PRIMITIVES.values(), expected, strict=True):
        points = POINTS[primitive.arity]
        given, arity = np.array(points).ravel(), primitive.arity
        values = np.array([one.value for one in those])
        assert_each_same(next(programs)(given), values, points)
        slopes = next(programs).value_and_grad(given)[1].reshape(-1, arity)
        assert_each_same(slopes, np.array([one.gradient for one in those]), points)
        assert_each_same(next(programs)([], *np.array(points).T)[:, 0], values, points)


def test_what_is_composed_at_the_edges() -> None:
    points = list(itertools.product([0.0, -0.0, 1.0, math.inf, -math.inf, math.nan, 700.0, -3.0], repeat=3))
    recorded = [record(lambda p, _, f=f: f(p), points[0]) for f in COMPOSED.values()]
    for f, program in zip(
        COMPOSED.values(), compiled((one.output, [], one.parameters) for one in recorded), strict=True
    ):
        for point in points:
            one = record(lambda p, _, f=f: f(p), point)
            value, gradient = program.value_and_grad(point)
            assert_same(value, one.value, f"at {point}")
            assert_same(gradient, one.gradient, f"at {point}")
