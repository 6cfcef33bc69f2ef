"""Programs that look up by a token: those of eager for any tokens, in all arrangements of table and tokens."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd_core import Value, compile, lookup
from autograd_core.compiler.array_program import ArrayProgram
from autograd_core.compiler.kinds import Gather, ScatterAdd
from autograd_core.functions import equal, exp, floor, log_softmax, tanh, where

BACKENDS: list[Any] = ["scalar", "numpy"]

Graph = Callable[[list[Value], list[Value]], Value]


def rows(p: list[Value]) -> list[list[Value]]:
    """Nine numbers as three rows."""
    return [p[k : k + 3] for k in (0, 3, 6)]


def total(values: Any) -> Value:
    """A sum in which each place counts for something else."""
    return sum((Value(k + 0.5) * value * value for k, value in enumerate(values)), Value(0.0))


GRAPHS: dict[str, Graph] = {
    "rows": lambda p, x: total(y for token in x[:3] for y in lookup(rows(p), token)),
    "columns": lambda p, x: total(y for token in x[:3] for y in lookup([*zip(*rows(p), strict=True)], token)),
    "one-token": lambda p, x: total(lookup(rows(p), x[0])),
    "one-column": lambda p, x: total(lookup(p[2:5], token) for token in x[:3]),
    "a-flat-table": lambda p, x: lookup(p, x[0]) * p[0],
    "a-table-for-each-token": lambda p, x: total(lookup(row, t) for row, t in zip(rows(p), x[:3], strict=True)),
    "what-is-computed": lambda p, x: total(
        lookup(log_softmax([a * x[3] for a in row]), t) for row, t in zip(rows(p), x[:3], strict=True)
    ),
    "what-is-computed-once": lambda p, x: total(y for t in x[:3] for y in lookup([[tanh(a) for a in p[:4]]] * 3, t)),
    "inputs": lambda p, x: total(p[k] * y for k, y in enumerate(lookup([x[3:5], x[1:3], x[:2]], x[0]))),
    "parameters-inputs-and-numbers": lambda p, x: total(lookup([p[4], x[3], 2.5, p[1] * x[4]], t) for t in x[:3]),
    "numbers": lambda p, x: total(a * lookup([1.5, -2.0, 0.25], t) for a, t in zip(p, x[:3], strict=False)),
    "one-entry-in-several-places": lambda p, x: total(lookup([p[3], p[0], p[3]], t) for t in x[:3]),
    "a-table-of-one": lambda p, x: total(lookup(p[:1], x[5]) for _ in range(2)) + total(lookup([p[:2]], x[5])),
    "some-tokens-and-columns": lambda p, x: lookup(rows(p), x[0])[1] * lookup(rows(p), x[1])[2] + lookup(p, x[0]),
    "a-token-that-is-computed": lambda p, x: total(lookup(rows(p), where(equal(x[0], 2.0), 0.0, x[0] + 1.0))),
    "a-token-of-parameters": lambda p, x: total(lookup([x[3], x[4]], floor(p[0] * p[0])) * a for a in p),
    "a-looked-up-token": lambda p, x: total(lookup(rows(p), lookup([2.0, 0.0, 1.0], x[1]))) * exp(x[3]),
    "looked-up-twice": lambda p, x: lookup([lookup(rows(p), x[0])[0], lookup(rows(p), x[1])[0], p[8]], x[2]),
    "a-token-without-gradient-besides": lambda p, x: total(lookup(rows(p), x[0])) * x[0] + p[0],
}


def leaves(generator: np.random.Generator) -> tuple[list[Value], list[Value]]:
    numbers = [*generator.integers(0, 3, size=3).astype(float), *generator.normal(size=2), 0.0]
    return [Value(n, label=f"p.{k}") for k, n in enumerate(generator.uniform(0.2, 0.9, size=9))], [
        Value(n) for n in numbers
    ]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", GRAPHS)
def test_programs_look_up_anew(name: str, backend: Any) -> None:
    generator = np.random.default_rng(0)
    p, x = leaves(generator)
    program = compile(GRAPHS[name](p, x), [x], p, backend)
    samples = np.array([[value.data for value in leaves(generator)[1]] for _ in range(7)])
    value, gradient = program.value_and_grad([q.data for q in p], samples)
    expected = 0.0
    for sample in samples:
        loss = GRAPHS[name](p, [Value(number) for number in sample])
        loss.backward(1.0 / len(samples))
        expected += loss.data / len(samples)
    assert value == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(gradient, [q.grad for q in p], rtol=1e-12, atol=1e-13)
    one, of_one = program.value_and_grad([q.data for q in p], samples[0])
    assert one == pytest.approx(GRAPHS[name](p, [Value(number) for number in samples[0]]).data, rel=1e-12)
    assert of_one.shape == (9,)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("wrong", [-1.0, 3.0, 0.5, np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("name", ["rows", "a-looked-up-token"])
def test_wrong_tokens_are_errors(backend: Any, wrong: float, name: str) -> None:
    p, x = leaves(np.random.default_rng(0))
    program = compile(GRAPHS[name](p, x), [x], p, backend)
    samples = np.zeros((3, 6))
    samples[2, 1] = wrong
    with pytest.raises(ValueError, match=re.escape(f"whole number from 0 to 2, got {wrong:g}")):
        program.value_and_grad([q.data for q in p], samples)
    with pytest.raises(ValueError, match="a whole number from 0 to 2"):
        program([q.data for q in p], samples[2])


def test_a_gather_forward_and_a_scatter_backward() -> None:
    p, x = leaves(np.random.default_rng(0))
    program = compile(GRAPHS["rows"](p, x), [x], p, "numpy")
    array_program = vars(program)["_main"].source.program
    assert isinstance(array_program, ArrayProgram)
    array_program.form.check()
    kinds = [type(one.kind) for one in array_program.form.operations]
    assert (kinds.count(Gather), kinds.count(ScatterAdd)) == (1, 1)
    assert "lookup1" in str(array_program.form)
    assert " = p.reshape(3, 3).take(" not in program.source  # a table in order in memory is read where it is
    assert ".take(" in program.source
    assert "np.bincount(" in program.source


def test_many_rows_are_one_operation() -> None:
    table = [[Value(float(i + j)) for j in range(4)] for i in range(50)]
    tokens = [Value(0.0) for _ in range(20)]
    loss = total(y for token in tokens for y in lookup(table, token))
    program = compile(loss, [tokens], [p for row in table for p in row])
    assert program.backend == "numpy"
    assert program.statistics.operations < 20


def test_source_runs_alone_and_pickles() -> None:
    p, x = leaves(np.random.default_rng(0))
    for backend in BACKENDS:
        program = compile(GRAPHS["what-is-computed"](p, x), [x], p, backend)
        namespace: dict[str, Any] = {}
        exec(program.source, namespace)
        sample = np.array([[2.0, 0.0, 1.0, 0.3, -0.4, 0.0]])
        numbers = [q.data for q in p]
        value, gradient = namespace["value_and_grad"](
            np.array(numbers), sample if backend == "numpy" else sample[0].tolist()
        )
        other, slopes = pickle.loads(pickle.dumps(program)).value_and_grad(numbers, sample)
        assert value == pytest.approx(other)
        np.testing.assert_allclose(gradient, slopes)


def test_a_constant_token_chooses_for_good() -> None:
    p, _ = leaves(np.random.default_rng(0))
    token = Value(2.0)
    loss = total(lookup(rows(p), token))
    assert "checked" not in compile(loss, [], p).source
    token.data = 1.0
    with pytest.raises(ValueError, match="a token has changed since it looked something up"):
        compile(loss, [], p)


def test_several_outputs() -> None:
    p, x = leaves(np.random.default_rng(0))
    program = compile(lookup(rows(p), x[0]), [x[:1]], p, "numpy")
    numbers = np.array([q.data for q in p])
    np.testing.assert_array_equal(program(numbers, [[2.0], [0.0]]), numbers.reshape(3, 3)[[2, 0]])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", GRAPHS)
def test_derivatives_with_respect_to_inputs(name: str, backend: Any) -> None:
    generator = np.random.default_rng(0)
    p, x = leaves(generator)
    program = compile(GRAPHS[name](p, x), [x], p, backend)
    samples = np.array([[value.data for value in leaves(generator)[1]] for _ in range(5)])
    found = program.value_and_grad([q.data for q in p], samples, wrt="x")[1]
    for sample, slopes in zip(samples, found, strict=True):
        given = [Value(number) for number in sample]
        GRAPHS[name](p, given).backward()
        np.testing.assert_allclose(slopes, [value.grad for value in given], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["rows", "what-is-computed", "parameters-inputs-and-numbers", "looked-up-twice"])
def test_jacobians_and_second_derivatives(name: str, backend: Any) -> None:
    generator = np.random.default_rng(0)
    p, x = leaves(generator)
    program = compile(GRAPHS[name](p, x), [x], p, backend)
    numbers, sample = np.array([q.data for q in p]), np.array([1.0, 2.0, 0.0, 0.3, -0.4, 0.0])
    vector, step = generator.normal(size=9), 1e-5
    ahead, behind = (program.value_and_grad(numbers + side * vector, sample)[1] for side in (step, -step))
    found = program.hvp(numbers, vector, sample)
    np.testing.assert_allclose(found, (ahead - behind) / (2 * step), rtol=1e-6, atol=1e-8)
    each = program.jacobian(numbers, np.stack([sample, sample[[2, 0, 1, 3, 4, 5]]]))
    np.testing.assert_allclose(each[0], program.value_and_grad(numbers, sample)[1], rtol=1e-12)


def test_jax_is_not_called_with_wrong_tokens() -> None:
    pytest.importorskip("jax")
    p, x = leaves(np.random.default_rng(0))
    backend: Any = "jax"
    program = compile(GRAPHS["rows"](p, x), [x], p, backend)
    samples = np.zeros((3, 6))
    numbers = [q.data for q in p]
    assert program(numbers, samples) == pytest.approx(compile(GRAPHS["rows"](p, x), [x], p)(numbers, samples))
    for wrong in (-1.0, 3.0, 0.5, np.nan):
        samples[2, 1] = wrong
        with pytest.raises(ValueError, match=re.escape(f"x[2, 1] is {wrong:g}: lookup chooses among 3 entries by a ")):
            program.value_and_grad(numbers, samples)
    samples[2] = [0.0, 0.0, 0.0, 0.5, np.nan, 7.0]  # of which the last three are none
    assert np.isfinite(program(numbers, samples))
    with pytest.raises(ValueError, match=re.escape("x[0] is 3: lookup")):
        program(numbers, [3.0, 0.0, 0.0, 0.0, 0.0, 0.0])
