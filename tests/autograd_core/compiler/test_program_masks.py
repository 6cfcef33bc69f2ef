"""Random masks: fresh at each call and for each sample, and the numbers that the nodes would have drawn."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from autograd_core import Value
from autograd_core.compiler import Program, compile
from autograd_core.compiler.program import Backend
from autograd_core.masks import Bernoulli
from tests.autograd_core.compiler.agreement import assert_same, each_backend, nodes


def masked(rng: Any, count: int, backend: Backend, chance: float = 0.5, batched: bool = True) -> Program:
    """`count` masks, as outputs."""
    source = Bernoulli(chance, rng)
    return compile([source() for _ in range(count)], [Value(0.0)] if batched else [], [], backend)


@each_backend
def test_masks_are_fresh(backend: Backend) -> None:
    program = masked(np.random.default_rng(0), 8, backend)
    draws = np.array([program([], 0.0) for _ in range(50)])
    assert draws.shape == (50, 8)
    assert set(draws.ravel()) == {0.0, 1.0}
    assert len({tuple(row) for row in draws.tolist()}) > 30
    rows = program([], np.zeros(50))
    assert rows.shape == (50, 8)
    assert len({tuple(row) for row in rows.tolist()}) > 30
    assert program([], np.zeros(50)).tolist() != rows.tolist()


@each_backend
@pytest.mark.parametrize("chance", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_share_of_ones(chance: float, backend: Backend) -> None:
    draws = masked(np.random.default_rng(0), 4, backend, chance)([], np.zeros(5000))
    spread = 5.0 * np.sqrt(chance * (1.0 - chance) / 5000)
    assert np.abs(draws.mean(axis=0) - chance).max() <= spread


@each_backend
def test_chances_may_differ(backend: Backend) -> None:
    rng = np.random.default_rng(0)
    program = compile([Bernoulli(chance, rng)() for chance in (0.0, 1.0, 0.3)], [Value(0.0)], [], backend)
    means = program([], np.zeros(2000)).mean(axis=0)
    assert (means[0], means[1], means[2]) == (0.0, 1.0, pytest.approx(0.3, abs=0.06))


@each_backend
@pytest.mark.parametrize("generators", [1, 2])
@pytest.mark.parametrize("swapped", [False, True], ids=["used in turn", "used the other way round"])
def test_same_seed_same_masks_as_the_nodes(swapped: bool, generators: int, backend: Backend) -> None:
    """Two masks of three numbers each, from one generator or one each."""

    def build(sources: list[Bernoulli], p: list[Value], x: list[Value]) -> Value:
        first = [source() for source in [sources[0]] * 3]
        second = [source() for source in [sources[-1]] * 3]
        one = sum((m * w.tanh() for m, w in zip(first, p, strict=True)), Value(0.0))
        other = sum((m * w * n for m, w, n in zip(second, p, x, strict=True)), Value(0.0))
        return other + one if swapped else one + other

    def sources() -> list[Bernoulli]:
        return [Bernoulli(0.5, np.random.default_rng(seed)) for seed in range(generators)]

    X = np.random.default_rng(5).normal(size=(7, 3))
    numbers, eager = [1.0, 2.0, 3.0], sources()
    expected = []
    for sample in X:
        p = nodes(numbers)
        output = build(eager, p, nodes(sample))
        output.backward()
        expected.append([output.data, *(leaf.grad for leaf in p)])

    for batched in (True, False):
        given, p, x = sources(), nodes([1.0] * 3), nodes([1.0] * 3)
        program = compile(build(given, p, x), [x], p, backend)
        for seed, source in enumerate(given):  # recording has drawn once
            source.rng.bit_generator.state = np.random.default_rng(seed).bit_generator.state
        if batched:
            value, gradient = program.value_and_grad(numbers, X)
            assert_same([value, *gradient], np.mean(expected, axis=0))
        else:
            for sample, wanted in zip(X, expected, strict=True):
                value, gradient = program.value_and_grad(numbers, sample)
                assert_same([value, *gradient], wanted)


@each_backend
def test_masks_of_one_generator_with_different_chances_come_in_turn(backend: Backend) -> None:
    def drawn(rng: Any) -> list[Value]:
        some, many = Bernoulli(0.2, rng), Bernoulli(0.8, rng)
        return [some(), many(), some(), many()]

    eager = np.random.default_rng(3)
    expected = [[node.data for node in drawn(eager)] for _ in range(20)]
    rng = np.random.default_rng(0)
    program = compile(drawn(rng), [Value(0.0)], [], backend)
    rng.bit_generator.state = np.random.default_rng(3).bit_generator.state
    assert program([], np.zeros(20)).tolist() == expected


@each_backend
def test_masks_without_inputs(backend: Backend) -> None:
    w = Value(2.0)
    rng = np.random.default_rng(0)
    program = compile(Bernoulli(0.5, rng)() * w, [], [w], backend)
    found = [program.value_and_grad([3.0]) for _ in range(20)]
    assert {value for value, _ in found} == {0.0, 3.0}
    assert all(gradient.tolist() == [value / 3.0] for value, gradient in found)


@each_backend
def test_a_mask_used_twice_is_one_mask(backend: Backend) -> None:
    mask, x = Bernoulli(0.5, np.random.default_rng(0))(), Value(1.0)
    program = compile([mask * x, mask * x * 2.0, mask], [x], [], backend)
    rows = program([], np.ones(40))
    assert (rows == rows[:, 2:] * [1.0, 2.0, 1.0]).all()
    assert 0.0 < rows[:, 2].mean() < 1.0


@each_backend
def test_dropout(backend: Backend) -> None:
    x = nodes([1.0] * 20)
    layer = nn.Dropout(0.25, rng=0)
    program = compile(list(layer(x)), [x], [], backend)
    rows = program([], np.ones((500, 20)))
    assert set(np.unique(rows)) == {0.0, 1.0 / 0.75}
    assert (rows > 0.0).mean() == pytest.approx(0.75, abs=0.02)


@each_backend
def test_source_with_masks_runs_on_its_own(backend: Backend, tmp_path: Path) -> None:
    w, x = Value(2.0), Value(1.0)
    rngs = [np.random.default_rng(0), np.random.default_rng(1)]
    program = compile(w * x * Bernoulli(0.5, rngs[0])() + Bernoulli(0.25, rngs[1])(), [x], [w], backend)
    spec = importlib.util.spec_from_file_location("masked", program.save(tmp_path / "masked.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    given = np.ones(1) if backend == "numpy" else 1.0
    parameters = np.array([3.0]) if backend == "numpy" else [3.0]
    values = [float(module.value_and_grad(parameters, given)[0]) for _ in range(200)]
    assert set(values) == {0.0, 1.0, 3.0, 4.0}
