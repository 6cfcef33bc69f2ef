"""Programs of several outputs: their order, their shape with and without a batch, and that they are one's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from autograd_core import Value, functions
from autograd_core.compiler import compile
from autograd_core.compiler.program import Backend
from tests.autograd_core.compiler.agreement import assert_same, each_backend, nodes

Outputs = Callable[[list[Value], list[Value]], Sequence[Any]]

OUTPUTS: dict[str, Outputs] = {
    "one": lambda p, x: [p[0] * x[0]],
    "one of parameters": lambda p, x: [p[0] * p[1]],
    "parameters": lambda p, x: p,
    "parameters in another order": lambda p, x: [p[2], p[0], p[1]],
    "inputs": lambda p, x: x,
    "inputs in another order": lambda p, x: [x[1], x[2], x[0]],
    "inputs backwards": lambda p, x: x[::-1],
    "functions in another order": lambda p, x: [functions.exp(x[k]) for k in (2, 0, 1)],
    "scaled in another order": lambda p, x: [2.0 * x[k] for k in (2, 0, 1)],
    "unlike": lambda p, x: [x[0] * 2.0, functions.sin(p[0]), x[1] * p[1] + 1.0],
    "repeated": lambda p, x: [x[0], x[0], p[1] * x[1], p[1] * x[1], x[0]],
    "one node repeated": lambda p, x: [functions.tanh(x[0])] * 3,
    "constants": lambda p, x: [Value(2.0), Value(3.0) * 2.0],
    "a constant among others": lambda p, x: [p[0] * x[0], Value(2.0), functions.sin(x[1])],
    "one constant": lambda p, x: [Value(2.0)],
    "one input": lambda p, x: [x[1]],
    "one parameter": lambda p, x: [p[1]],
    "no input in them": lambda p, x: [p[0] * 2.0, p[1] + p[2]],
    "outputs of outputs": lambda p, x: [x[0] * p[0], functions.tanh(x[0] * p[0]), x[0] * p[0] + 1.0],
    "softmax": lambda p, x: functions.softmax([w * n for w, n in zip(p, x, strict=True)]),
    "layer": lambda p, x: [functions.tanh(sum(p[(i + k) % 3] * x[k] for k in range(3))) for i in range(4)],
    "outer product": lambda p, x: [p[i] * x[k] for k in range(3) for i in range(3)],
    "outer product backwards": lambda p, x: [p[i] * x[k] for k in (2, 0, 1) for i in (1, 0, 2)],
    "linear layer, rows swapped": lambda p, x: [sum(p[(i + k) % 3] * x[k] for k in range(3)) for i in (1, 0, 2)],
    "comparisons": lambda p, x: [functions.less(x[0], p[0]), functions.equal(x[1], x[1])],
}

P = [0.5, -1.0, 2.0]
X = np.random.default_rng(0).normal(size=(5, 3))


@each_backend
@pytest.mark.parametrize("name", OUTPUTS)
def test_outputs(name: str, backend: Backend) -> None:
    def rows(samples: Any) -> list[list[float]]:
        return [[node.data for node in OUTPUTS[name](nodes(P), nodes(sample))] for sample in samples]

    p, x = nodes([1.0, 2.0, 3.0]), nodes([4.0, 5.0, 6.0])
    program = compile(OUTPUTS[name](p, x), [x], p, backend)
    for _ in range(2):
        assert_same(program(P, X[0]), rows(X[:1])[0], "one sample")
        assert_same(program(P, X), rows(X), "a batch")
        assert_same(program(P, X[3:4]), rows(X[3:4]), "a batch of one")
    with pytest.raises(TypeError, match="a program of several outputs has no gradient; compile one Value"):
        program.value_and_grad(P, X[0])
    with pytest.raises(TypeError, match="a program of several outputs has no gradient; compile one Value"):
        program.backward(X[0])


@each_backend
@pytest.mark.parametrize("name", OUTPUTS)
def test_outputs_are_ones_own(name: str, backend: Backend) -> None:
    p, x = nodes([1.0, 2.0, 3.0]), nodes([4.0, 5.0, 6.0])
    program = compile(OUTPUTS[name](p, x), [x], p, backend)
    for samples in (X[0], X):
        parameters, inputs = np.array(P), samples.copy()
        outputs = program(parameters, inputs)
        kept = outputs.copy()
        outputs += 100.0
        assert (parameters.tolist(), inputs.tolist()) == (P, samples.tolist())
        assert program(parameters, inputs).tolist() == kept.tolist()


@pytest.mark.parametrize("name", OUTPUTS)
def test_outputs_of_the_source_are_ones_own(name: str) -> None:
    p, x = nodes([1.0, 2.0, 3.0]), nodes([4.0, 5.0, 6.0])
    namespace: dict[str, Any] = {}
    exec(compile(OUTPUTS[name](p, x), [x], p, "numpy").source, namespace)
    parameters, inputs = np.array(P), X.copy()
    outputs = namespace["value"](parameters, inputs)
    constants = [given for given in namespace.values() if isinstance(given, np.ndarray)]
    assert not any(np.shares_memory(outputs, given) for given in [parameters, inputs, *constants])


@each_backend
@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1]])
def test_outputs_without_inputs(order: list[int], backend: Backend) -> None:
    p = nodes([1.0, 2.0, 3.0])
    program = compile([functions.exp(p[k]) for k in order], [], p, backend)
    assert_same(program(P), np.exp(np.array(P)[order]))
    assert_same(compile([p[order[0]]], [], p, backend)(P), [P[order[0]]])


@each_backend
def test_a_tuple_of_outputs(backend: Backend) -> None:
    x = Value(1.0)
    program = compile((x * 2.0, x * 3.0), [x], [], backend)
    assert program([], 2.0).tolist() == [4.0, 6.0]
    assert program([], [2.0, 3.0]).tolist() == [[4.0, 6.0], [6.0, 9.0]]
