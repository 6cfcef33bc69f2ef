"""Topological order, and the steps of a backward pass against the pass itself, on random graphs."""

from __future__ import annotations

import struct
import sys
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_core import PRIMITIVES, BackwardStep, Primitive, Value, backward_steps, named_scope, topological_order
from autograd_core.value import number_of

# The same graphs on every run, so that a failure here is a failure everywhere.
reproducible = settings(derandomize=True, deadline=None, max_examples=150)


class Program(NamedTuple):
    """Numbers for the leaves, then operations, each on earlier results by their index."""

    leaves: list[float]
    operations: list[tuple[Primitive, tuple[int | float, ...]]]

    def run(self) -> list[Value]:
        """All its nodes but the constants, leaves first."""
        nodes = [Value(number) for number in self.leaves]
        for primitive, operands in self.operations:
            values = [nodes[operand] if isinstance(operand, int) else operand for operand in operands]
            if not any(isinstance(value, Value) for value in values):
                values[0] = nodes[0]
            nodes.append(primitive(*values))
        return nodes


@pytest.mark.parametrize("output", [Value, SimpleNamespace(inputs=()), 1.0, None])
def test_only_a_value_is_walked_from(output: Any) -> None:
    with pytest.raises(TypeError, match=f"^a graph is walked from a Value, got {type(output).__name__}$"):
        topological_order(output)


NUMBERS = st.floats(-4.0, 4.0) | st.floats()


@st.composite
def programs(draw: st.DrawFn) -> Program:
    leaves = draw(st.lists(NUMBERS, min_size=1, max_size=4))
    operations = []
    for _ in range(draw(st.integers(1, 25))):
        primitive = draw(st.sampled_from(list(PRIMITIVES.values())))
        count = len(leaves) + len(operations)
        operand = st.integers(0, count - 1) | NUMBERS
        operations.append((primitive, draw(st.tuples(*[operand] * primitive.arity))))
    return Program(leaves, operations)


def bits(number: float) -> bytes:
    """The bits of a float, with one pattern for all NaNs, which have no sign or payload worth keeping."""
    return struct.pack("<d", number if number == number else float("nan"))


@given(programs())
@reproducible
def test_replayed_steps_are_the_backward_pass(program: Program) -> None:
    nodes = program.run()
    replayed = dict.fromkeys(topological_order(nodes[-1]), 0.0)
    for step in backward_steps(nodes[-1]):
        replayed[step.input] += step.contribution
    nodes[-1].backward()
    for node, gradient in replayed.items():
        assert bits(node.grad) == bits(gradient)


@given(programs())
@reproducible
def test_each_step_is_consistent(program: Program) -> None:
    output = program.run()[-1]
    totals: dict[Value, float] = {}
    finished: set[Value] = set()
    for number, step in enumerate(backward_steps(output)):
        if number == 0:
            assert step == BackwardStep(None, output, None, None, None, 1.0, 0.0, 1.0)
        else:
            assert step.node is not None
            assert step.position is not None
            assert step.input is step.node.inputs[step.position]
            assert bits(step.local) == bits(step.node.partials[step.position])
            assert bits(step.upstream) == bits(totals[step.node])
            assert bits(step.contribution) == bits(step.upstream * step.local)
            finished.add(step.node)
        assert not step.input.is_constant
        # What has handed its gradient on receives no more of it.
        assert step.input not in finished
        assert step.before == totals.get(step.input, 0.0) or step.before != step.before
        assert step.after == step.before + step.contribution or step.after != step.after
        totals[step.input] = step.after


@given(programs())
@reproducible
def test_steps_come_in_order(program: Program) -> None:
    output = program.run()[-1]
    edges = [
        (node, position)
        for node in reversed(topological_order(output))
        for position, operand in enumerate(node.inputs)
        if not operand.is_constant
    ]
    assert [(step.node, step.position) for step in backward_steps(output)] == [(None, None), *edges]


@given(programs())
@reproducible
def test_second_pass_doubles_leaves_and_leaves_the_rest(program: Program) -> None:
    nodes = program.run()
    order = topological_order(nodes[-1])
    nodes[-1].backward()
    first = [node.grad for node in order]
    nodes[-1].backward()
    for node, gradient in zip(order, first, strict=True):
        assert bits(node.grad) == bits(2.0 * gradient if node.op is None else gradient)


@given(programs())
@reproducible
def test_gradients_as_nodes_are_the_same_numbers(program: Program) -> None:
    nodes, twins = program.run(), program.run()
    nodes[-1].backward()
    twins[-1].backward(create_graph=True)
    for node, twin in zip(topological_order(nodes[-1]), topological_order(twins[-1]), strict=True):
        assert number_of(twin.grad) == pytest.approx(node.grad, rel=0.0, abs=0.0, nan_ok=True)


@given(programs())
@reproducible
def test_order_has_each_node_once_and_inputs_first(program: Program) -> None:
    nodes = program.run()
    order = topological_order(nodes[-1])
    place = {node: position for position, node in enumerate(order)}
    assert len(place) == len(order)
    assert order[-1] is nodes[-1]
    for node in order:
        assert all(place[operand] < place[node] for operand in node.inputs)
    reachable = {nodes[-1]}
    for node in reversed(order):
        if node in reachable:
            reachable.update(node.inputs)
    assert reachable == set(order)


@given(programs())
@reproducible
def test_order_is_the_same_for_the_same_program(program: Program) -> None:
    def described() -> list[tuple[str, bytes, list[int]]]:
        order = topological_order(program.run()[-1])
        place = {node: position for position, node in enumerate(order)}
        return [
            (node.op.name if node.op else "", bits(node.data), [place[operand] for operand in node.inputs])
            for node in order
        ]

    assert described() == described()


def test_order_is_that_of_recording_where_nothing_branches() -> None:
    x, y = Value(1.0), Value(2.0)
    first = x + y
    second = first * y
    third = second - x
    assert topological_order(third) == [x, y, first, second, third]


def test_order_of_several_outputs() -> None:
    x, y = Value(1.0), Value(2.0)
    shared = x * y
    left, right = shared.exp(), shared + x
    assert topological_order(left, right) == [x, y, shared, left, right]
    assert topological_order(right, left) == [x, y, shared, right, left]
    assert topological_order(left, shared, left) == [x, y, shared, left]
    assert topological_order(x) == [x]
    assert topological_order() == []


def test_steps_of_a_small_graph() -> None:
    x, y = Value(3.0), Value(4.0)
    product = x * y
    total = product + x
    output = 2.0 * total
    assert list(backward_steps(output, seed=10.0)) == [
        (None, output, None, None, None, 10.0, 0.0, 10.0),
        (output, total, 1, 10.0, 2.0, 20.0, 0.0, 20.0),
        (total, product, 0, 20.0, 1.0, 20.0, 0.0, 20.0),
        (total, x, 1, 20.0, 1.0, 20.0, 0.0, 20.0),
        (product, x, 0, 20.0, 4.0, 80.0, 20.0, 100.0),
        (product, y, 1, 20.0, 3.0, 60.0, 0.0, 60.0),
    ]
    assert (output.grad, x.grad, y.grad) == (0.0, 0.0, 0.0)


def test_both_edges_of_a_square() -> None:
    x = Value(3.0)
    positions = [(step.position, step.before, step.after) for step in backward_steps(x * x)]
    assert positions == [(None, 0.0, 1.0), (0, 0.0, 3.0), (1, 3.0, 6.0)]


def test_steps_as_nodes_can_be_differentiated() -> None:
    x = Value(3.0)
    steps = list(backward_steps(x**3, create_graph=True))
    (slope,) = [step.after for step in steps if step.input is x]
    assert slope.data == 27.0
    slope.backward()
    assert x.grad == 18.0


@pytest.mark.slow
def test_million_operations_in_a_chain() -> None:
    limit, length = sys.getrecursionlimit(), 1_000_000
    x = Value(0.5)
    with named_scope("chain"):
        node = x
        for _ in range(length):
            node = node + x
    node.backward()
    assert (node.data, x.grad, node.inputs[0].grad) == (0.5 * (length + 1), length + 1.0, 1.0)
    order = topological_order(node)
    assert (len(order), order[0], order[-1]) == (length + 1, x, node)
    del order
    assert sys.getrecursionlimit() == limit


def test_long_chain_of_second_derivatives() -> None:
    x = Value(1.0)
    node = x
    for _ in range(20_000):
        node = node * x
    node.backward(create_graph=True)
    slope, x.grad = x.grad, 0.0
    slope.backward()
    assert x.grad == pytest.approx(20_001 * 20_000, rel=1e-9)
