"""Arrays that lie oddly: compiled programs compute what the nodes do at any strides, with any rows in common."""

from __future__ import annotations

import os
import random
from typing import Any

import numpy as np
import pytest

from autograd_core import Value
from autograd_core.compiler import compile
from autograd_core.functions import exp, tanh
from autograd_core.graph import collector_paused, topological_order
from tests.autograd_core.compiler.agreement import BACKENDS, Build, assert_agrees, assert_same, nodes, record
from tests.autograd_core.compiler.layouts import SIZES, Maker, Shape

PROGRAMS, CHUNK = int(os.environ.get("LAYOUTS", "500")), 50
SMALL = 400
"""Graphs of so many nodes are also compiled to floats."""

CHOICES = {"maximum", "minimum", "less", "less_equal", "relu", "leaky_relu"}
EXACT = CHOICES | {"add", "sub", "mul", "neg", "where"}
"""What has no rounding on small multiples of 1/2."""


class Case:
    """A random program with numbers for it; some of its parameters and inputs are not used."""

    def __init__(self, seed: int) -> None:
        chance, numbers = random.Random(seed), np.random.default_rng(seed)
        self.seed = seed
        self.ties = chance.random() < 0.2

        def drawn(shape: Shape) -> Any:
            drawn = numbers.uniform(-1.5, 1.5, size=shape)
            return (np.round(2.0 * drawn) / 2.0 if self.ties else drawn).tolist()

        self.parameters = drawn((chance.choice([1, 2, 5, 6, 9, 12, 15, 20, 40]),))
        self.shapes = [
            tuple(chance.choice(SIZES) for _ in range(chance.randint(0, 3))) for _ in range(chance.choice([0, 1, 1, 2]))
        ]
        self.samples = [[drawn(shape) for shape in self.shapes] for _ in range(chance.choice([1, 2, 4]))]

    def build(self, parameters: list[Value], inputs: list[Any]) -> Value:
        return Maker(self.seed, parameters, inputs).output()

    def delicate(self, output: Value) -> bool:
        """Whether rounding shows: of large numbers, where tanh is nearly 1, or in a choice between nearly the same."""
        exact: set[Value] = set()
        for node in topological_order(output):
            name = node.op.name if node.op else ""
            if abs(node.data) > (0.999 if name in ("tanh", "sigmoid") else 1000.0):
                return True
            if not node.inputs or (self.ties and name in EXACT and exact.issuperset(node.inputs)):
                exact.add(node)
            elif name in CHOICES and len(set(node.inputs)) == len(node.inputs):
                x, y = node.inputs[0].data, 0.0 if "relu" in name else node.inputs[1].data
                if abs(x - y) < 1e-9 and (self.ties or x != y):
                    return True
        return False

    def check(self) -> None:
        """Raise AssertionError unless the compiled programs compute what the nodes do."""
        recorded = [record(self.build, self.parameters, sample).output for sample in self.samples]
        if any(map(self.delicate, recorded)):
            return
        small = len(topological_order(recorded[0])) <= SMALL
        assert_agrees(self.build, self.parameters, self.samples, BACKENDS if small else BACKENDS[1:])
        # And the last array by itself, whose elements are the outputs then.
        makers = [Maker(self.seed, nodes(self.parameters), [*map(nodes, sample)]) for sample in self.samples]
        rows = [maker.last() for maker in makers]
        program = compile(rows[0], makers[0].pool[1 : makers[0].leaves], list(makers[0].pool[0]), "numpy")
        given = [np.array(column) for column in zip(*self.samples, strict=True)]
        expected = np.array([[node.data for node in row] for row in rows])
        assert_same(program(self.parameters, *given), expected if given else expected[0], "several outputs")


@pytest.mark.parametrize("first", range(0, PROGRAMS, CHUNK))
@pytest.mark.slow
def test_random_programs(first: int) -> None:
    with collector_paused():
        for seed in range(first, first + CHUNK):
            try:
                Case(seed).check()
            except Exception as error:
                error.add_note(f"program {seed}")
                raise


@pytest.mark.parametrize("columns", [20, 30])
def test_a_vector_that_is_a_row_forward_is_a_column_backward(columns: int) -> None:
    def build(parameters: list[Value], _: Any) -> Value:
        p, a = parameters[:20], [tanh(v) for v in parameters[20:]]
        return sum((tanh(sum((u * v for v in a), Value(0.0))) for u in p), Value(0.0))

    assert_agrees(build, [*np.linspace(0.1, 0.3, 20), *np.linspace(0.5, -0.4, columns)])


def over_the_first(parameters: list[Value], _: Any) -> Value:
    """Each of some numbers over the first, which makes the partial one number."""
    h = [tanh(v) for v in parameters]
    return sum((one / h[0] for one in h), Value(0.0))


def over_the_first_of_a_row(parameters: list[Value], _: Any) -> Value:
    rows = [[exp(v * w) for v in parameters[:3]] for w in parameters[3:]]
    return sum((one / row[0] for row in rows for one in row), Value(0.0))


@pytest.mark.parametrize("build", [over_the_first, over_the_first_of_a_row])
def test_a_partial_of_a_part_of_an_array_has_the_shape_of_the_part(build: Build) -> None:
    assert_agrees(build, [0.3, 0.5, -0.2, 0.8, 1.1])
