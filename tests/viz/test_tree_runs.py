"""Boxes of graphs without scopes, which are runs of nodes, and of random graphs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nn
from autograd_core import Value, named_scope, topological_order
from tests.viz.test_tree import assert_no_cycles, assert_whole, called, tree
from viz.tree import MOST_SIDE_BY_SIDE, TreeBox, box_tree, lineage


def chain(length: int) -> Value:
    y = Value(0.5, label="start")
    for i in range(length - 1):
        y = y * 1.01 if i % 2 else y.sin()
    return y


def wide(length: int) -> Value:
    leaves = [Value(float(i), label=f"x{i}") for i in range(length // 2)]
    total = leaves[0]
    for leaf in leaves[1:]:
        total = total + leaf
    return total


def lattice(length: int) -> Value:
    """Each node uses the one before and one far back."""
    nodes = [Value(0.5), Value(0.25)]
    while len(nodes) < length:
        nodes.append(nodes[-1] * nodes[len(nodes) // 2])
    return nodes[-1]


@pytest.mark.parametrize("make", [chain, wide, lattice], ids=lambda make: make.__name__)
@pytest.mark.parametrize("length", [5, MOST_SIDE_BY_SIDE, MOST_SIDE_BY_SIDE + 1, 500, 20_000])
def test_a_graph_without_scopes_is_grouped_in_runs(make: Callable[[int], Value], length: int) -> None:
    order = topological_order(make(length))
    start = time.process_time()
    boxes, homes = box_tree(order)
    seconds = time.process_time() - start
    assert seconds < 30.0
    assert_whole(order, boxes, homes)
    assert_no_cycles(order, homes)
    count = sum(not node.is_constant for node in order)
    assert bool(boxes) == (count > MOST_SIDE_BY_SIDE)
    assert all(box.path == "" and box.call == 0 for box in boxes)
    if count > MOST_SIDE_BY_SIDE:
        assert all(home is not None for node, home in zip(order, homes, strict=True) if not node.is_constant)


def test_a_run_is_named_by_its_ends() -> None:
    nodes = [Value(0.5, label="start")]
    while len(nodes) < 150:
        nodes.append(nodes[-1].sin())
    nodes[10].label = nodes[20].label = "twice"
    *_, homes = tree(nodes[-1])
    by_box: dict[TreeBox | None, list[int]] = {}
    for i, home in enumerate(homes):
        by_box.setdefault(home, []).append(i)
    names = {0: "start", 10: "twice_10", 20: "twice_20"}
    for box, those in by_box.items():
        assert box is not None
        assert box.title == f"{names.get(those[0], f'v{those[0]}')} … {names.get(those[-1], f'v{those[-1]}')}"
        assert those == list(range(those[0], those[-1] + 1))


def test_a_run_of_runs_is_named_by_its_ends() -> None:
    found = tree(lattice(10_000))
    outer = [box for box in found[1] if box.parent is None]
    assert 1 < len(outer) <= MOST_SIDE_BY_SIDE
    assert outer[0].title.startswith("v0 … v")
    assert outer[-1].title.endswith(f" … v{len(found[0]) - 1}")
    for before, after in pairwise(outer):
        assert int(before.title.rpartition("v")[2]) + 1 == int(after.title.split(" … ")[0][1:])


def test_many_calls_are_grouped_in_runs_inside_their_box() -> None:
    layer = nn.MLP(1, [150], "tanh", rng=0)
    found = tree(sum(layer([0.5]), Value(0.0)))
    runs = [box for box in found[1] if box.parent is not None and box.parent.title == "layer 0"]
    assert [called(box) for box in runs] == [
        f"neuron {150 * k // 5} … neuron {150 * (k + 1) // 5 - 1}" for k in range(5)
    ]
    neurons = [box for box in found[1] if box.parent in runs]
    assert len(neurons) == 150
    assert all(box.path == f"layers.0.neurons.{box.title.split()[1]}" for box in neurons)


def test_a_run_of_calls_says_which() -> None:
    x = Value(0.5)
    for _ in range(149):
        with named_scope("cell"):
            x = (x * 0.5).sin()
    found = tree(x)
    runs = [box for box in found[1] if box.parent is None]
    assert [called(box) for box in runs][1] == "cell (call 30) … cell (call 59)"
    assert sorted(box.call for box in found[1] if box.parent) == list(range(1, 150))


def test_runs_are_of_calls_in_the_order_in_which_they_are_computed() -> None:
    state = Value(0.5)
    for i in range(300):
        with named_scope(f"cell.{i}"):
            # Depth first and first argument first, every other cell begins before the one that it needs.
            state = (Value(0.1) * 2.0 + state).sin() if i % 3 else (state + Value(0.1) * 2.0).sin()
    order, boxes, homes = tree(state)
    assert_no_cycles(order, homes)
    cells = [int(box.name.split(".")[1]) for box in boxes if box.path]
    assert cells != sorted(cells)


def test_a_run_inside_a_cycle_is_no_endless_loop() -> None:
    x = Value(1.0)
    nodes = [x]
    for i in range(400):
        nodes.append(nodes[-1].sin())
        nodes[-1].scope = f"part{i % 130}"  # each box needs all the others
    order, boxes, homes = tree(nodes[-1])
    assert len(boxes) > 130
    assert sum(home is not None for home in homes) == len(order)


SCOPES = st.recursive(
    st.just([]),
    lambda inner: st.lists(st.tuples(st.sampled_from(["a", "b", "layers.0", "layers.1", "p.q"]), inner), max_size=4),
    max_leaves=25,
)


def recorded(blocks: Any, chance: Any) -> Value:
    """A graph recorded in with-blocks nested like this, of operands drawn from all nodes so far."""
    pool = [Value(0.5, label="x"), Value(0.25)]

    def step() -> None:
        pool.append(chance.choice(pool) * chance.choice(pool) if chance.random() < 0.6 else chance.choice(pool) + 0.1)
        if chance.random() < 0.2:
            pool.append(Value(chance.random()))

    def run(blocks: Any) -> None:
        step()
        for name, inner in blocks:
            with named_scope(name):
                step()
                run(inner)
            step()

    run(blocks)
    output = pool[0]
    for node in pool[1:]:
        output = output + node
    return output


@settings(max_examples=150, deadline=None)
@given(SCOPES, st.randoms(use_true_random=False))
def test_calls_one_after_another_never_need_each_other(blocks: Any, chance: Any) -> None:
    order, _, homes = tree(recorded(blocks, chance))
    assert_no_cycles(order, homes)
    for node, home in zip(order, homes, strict=True):
        # Boxes of one node are gone; what is left around a node is a part of where it was made, in that order.
        paths = [box.path for box in lineage(home)]
        assert not node.is_constant or paths == []
        assert sorted(paths, key=len, reverse=True) == paths


def steps_of(models: list[Any], chance: Any) -> Iterator[Value]:
    for _ in range(chance.randint(1, 6)):
        model = chance.choice(models)
        with named_scope("outer") if chance.random() < 0.3 else named_scope("other.part"):
            yield model([chance.random()])
        yield model([chance.random()]).tanh()


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False))
def test_calls_of_modules_never_need_each_other(chance: Any) -> None:
    models = [nn.MLP(1, [2, 1], "tanh", rng=seed) for seed in range(2)]
    order, _, homes = tree(sum(steps_of(models, chance), Value(0.0)))
    assert_no_cycles(order, homes)
    home = dict(zip(order, homes, strict=True))
    for model in models:
        for parameter in model.parameters():
            assert parameter not in home or home[parameter] is not None, "a parameter is in the box of its neuron"
