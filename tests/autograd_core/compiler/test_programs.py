"""Random programs: both backends compute what the nodes do, on ordinary numbers and on special ones."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from hashlib import sha256
from typing import Any

import numpy as np
import pytest

from autograd_core import PRIMITIVES, Primitive, Value, functions
from autograd_core.compiler import compile
from autograd_core.graph import collector_paused, topological_order
from autograd_core.primitives import REAL
from tests.autograd_core.compiler.agreement import (
    BACKENDS,
    TOLERANCE,
    assert_agrees,
    differences,
    nodes,
    record,
    reference,
)

PROGRAMS, CHUNK = 2000, 100
BATCH = 5
SPECIAL = [0.0, -0.0, math.inf, -math.inf, math.nan, 1.0, -1.0, 1e300, -1e300, 1e-300, -1e-300]

each_chunk = pytest.mark.parametrize("first", range(0, PROGRAMS, CHUNK))

# What may leave the range in which a program of many levels stays readable goes through one of these.
WILD = {"exp", "expm1", "sinh", "cosh", "pow", "truediv", "tan", "mul", "log", "elu"}
ACTIVATIONS: list[Callable[[Any], Any]] = [
    functions.tanh,
    functions.sigmoid,
    functions.relu,
    functions.sin,
    lambda x: x,
]


def winner(names: Iterable[str], seed: int, draw: int) -> str:
    """One of the names, each by a score of its own: their order is no matter, and a new one takes only what it wins."""
    return max(names, key=lambda name: sha256(f"{seed} {draw} {name}".encode()).digest())


@cache
def drawn(seed: int, draw: int) -> Primitive:
    return PRIMITIVES[winner(PRIMITIVES, seed, draw)]


class Maker:
    """Builds one random program: which one is up to the seed, and not to the numbers that it is built on."""

    def __init__(self, seed: int, parameters: list[Value], inputs: list[Any]) -> None:
        self.seed, self.draws = seed, itertools.count()
        self.random = random.Random(seed)
        self.parameters = parameters
        leaves = [leaf for given in inputs for leaf in (given if isinstance(given, list) else [given])]
        self.pool = parameters + leaves

    def output(self) -> Value:
        for _ in range(self.random.randint(1, 12)):
            part = self.random.choices([self.operation, self.layer, self.softmax, self.sum], [6, 2, 1, 1])[0]
            part()
        if self.random.random() < 0.3:
            return self.pool[-1]
        return sum(
            (self.random.choice(self.pool) * self.random.choice([1.0, 0.5, -2.0]) for _ in self.some(4)), Value(0.0)
        )

    def some(self, most: int, least: int = 1) -> range:
        return range(self.random.randint(least, most))

    def inside(self, operand: Any, interval: tuple[float, float]) -> Any:
        low, high = interval
        if interval == REAL:
            return operand
        if high == math.inf:
            return functions.softplus(operand) + (low + 0.25)
        return functions.tanh(operand) * (0.45 * (high - low)) + (low + high) / 2.0

    def operation(self) -> None:
        primitive = drawn(self.seed, next(self.draws))
        operands: list[Any] = [self.random.choice(self.pool) for _ in range(primitive.arity)]
        if primitive.arity > 1 and self.random.random() < 0.15:
            operands[1] = operands[0]
        elif primitive.arity > 1 and self.random.random() < 0.3:
            operands[self.random.randrange(primitive.arity)] = self.random.choice([0.5, -1.25, 2.0, 1.0, 0.0, 3.0])
        result = primitive(*map(self.inside, operands, primitive.domain))
        if primitive.name in WILD:
            result = functions.tanh(result) if self.random.random() < 0.7 else functions.sin(result)
        self.pool.append(result)

    def layer(self) -> None:
        xs = [self.random.choice(self.pool) for _ in self.some(4)]
        activation = self.random.choice(ACTIVATIONS)
        outputs = []
        for _ in self.some(4):
            total = self.random.choice(self.pool) if self.random.random() < 0.5 else 0.0
            for x in xs:
                total = total + self.random.choice(self.parameters) * x
            outputs.append(activation(total))
        self.pool += outputs

    def softmax(self) -> None:
        self.pool += functions.softmax([self.random.choice(self.pool) for _ in self.some(4)])

    def sum(self) -> None:
        total: Any = 0.0
        xs = [self.random.choice(self.pool) for _ in self.some(5, least=2)]
        for x in xs:
            total = total + x * x if self.random.random() < 0.5 else total - x
        self.pool.append(functions.tanh(total / len(xs)))


class Case:
    """A random program with numbers for it; some of its parameters and inputs are not used."""

    def __init__(self, seed: int) -> None:
        chance, numbers = random.Random(seed), np.random.default_rng(seed)
        self.seed = seed
        self.parameters = numbers.normal(size=chance.randint(1, 6)).tolist()
        self.shapes = [chance.choice([(), (1,), (2,), (3,)]) for _ in range(chance.randint(0, 2))]
        self.samples = [[numbers.normal(size=shape).tolist() for shape in self.shapes] for _ in range(BATCH)]

    def build(self, parameters: list[Value], inputs: list[Any]) -> Value:
        return Maker(self.seed, parameters, inputs).output()

    def special(self) -> tuple[list[float], list[Any]]:
        """Parameters and a sample in which special values are mixed."""
        chance = random.Random(self.seed)

        def mixed(numbers: Any) -> Any:
            if isinstance(numbers, list):
                return [mixed(number) for number in numbers]
            return chance.choice(SPECIAL) if chance.random() < 0.3 else numbers

        return mixed(self.parameters), mixed(self.samples[0])


@pytest.mark.slow
@each_chunk
def test_value_and_gradient(first: int) -> None:
    with collector_paused():
        for seed in range(first, first + CHUNK):
            case = Case(seed)
            try:
                assert_agrees(case.build, case.parameters, case.samples)
            except Exception as error:
                error.add_note(f"program {seed}")
                raise


@pytest.mark.slow
@each_chunk
def test_special_values(first: int) -> None:
    accepted = 0
    with collector_paused():
        for seed in range(first, first + CHUNK):
            case = Case(seed)
            plain = record(case.build, case.parameters, case.samples[0])
            parameters, sample = case.special()
            special = record(case.build, parameters, sample)
            gradient, delicate = reference(special.output, special.parameters)
            for backend in BACKENDS:
                program = compile(plain.output, plain.inputs, plain.parameters, backend)
                found = [*program.value_and_grad(parameters, *sample)]
                same = (differences(found[0], special.value) <= TOLERANCE).all() and (
                    differences(found[1], gradient) <= TOLERANCE
                ).all()
                accepted += not same and delicate
                expected = f"the nodes give {special.value}, {gradient}"
                assert same or delicate, f"program {seed}, {backend}: {found} at {parameters}, {sample}; {expected}"
    assert accepted <= CHUNK // 20


@pytest.mark.parametrize("function", [functions.sin, functions.cos, functions.tan])
def test_order_of_a_sum_may_show_in_the_sine_of_a_large_one(function: Callable[[Any], Any]) -> None:
    for size, expected in ((1e300, True), (1.0, False)):
        x, y, z = leaves = [Value(size), Value(-1.5), Value(0.3)]
        assert reference(function(x * y + x * z + x * y), leaves)[1] is expected


def test_order_of_the_table_is_no_matter_and_a_new_operation_takes_only_what_it_wins() -> None:
    draws = list(itertools.product(range(50), range(10)))
    before = [winner(PRIMITIVES, *draw) for draw in draws]
    assert [winner(reversed(PRIMITIVES), *draw) for draw in draws] == before
    after = [winner(["new", *PRIMITIVES], *draw) for draw in draws]
    changed = [new for new, old in zip(after, before, strict=True) if new != old]
    assert changed == ["new"] * len(changed)
    assert 0 < len(changed) < 3 * len(draws) / len(PRIMITIVES)


def test_programs_contain_every_operation() -> None:
    found: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    for seed in range(PROGRAMS):
        case = Case(seed)
        parameters = [Value(number) for number in case.parameters]
        inputs = [nodes(numbers) for numbers in case.samples[0]]
        order = topological_order(case.build(parameters, inputs))
        found.update({node.op.name for node in order if node.op})
        present, uses = set(order), Counter(operand for node in order for operand in node.inputs)
        kinds["unused parameter"] += not present.issuperset(parameters)
        kinds["no parameter"] += present.isdisjoint(parameters)
        kinds["shared node"] += any(uses[node] > 1 for node in order if node.inputs)
        kinds["operand twice"] += any(len(set(node.inputs)) < len(node.inputs) for node in order)
        kinds["constant"] += any(node.is_constant for node in order)
        kinds["input"] += any(node not in parameters and not node.is_constant and not node.inputs for node in order)
    assert {name: found[name] for name in [*PRIMITIVES, "detach"] if found[name] < 20} == {}
    assert min(kinds.values()) >= 20, kinds
    assert len(kinds) == 6
