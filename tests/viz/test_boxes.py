"""Which boxes a drawing has: collapsing by scope, and cutting to the nodes nearest the output."""

from __future__ import annotations

from itertools import product

import pytest

from autograd_core import Value, named_scope, topological_order
from viz.boxes import Box, columns, fitting_boxes, scope_levels


def layered(width: int, depth: int) -> Value:
    """A fully connected net without biases, every neuron in its scope."""
    outputs = [Value(0.1 * i, label=f"x{i}") for i in range(width)]
    for layer in range(depth):
        neurons = []
        for neuron in range(width if layer < depth - 1 else 1):
            with named_scope(f"layers.{layer}.neurons.{neuron}"):
                total = Value(0.0, label="b")
                for i, x in enumerate(outputs):
                    total = total + Value(0.01 * i) * x
                neurons.append(total.tanh())
        outputs = neurons
    return outputs[0]


@pytest.mark.parametrize(
    ("scope", "levels"),
    [
        ("", ()),
        ("hidden", ("hidden",)),
        ("layers.0", ("layers.0",)),
        ("layers.0.neurons.3", ("layers.0", "neurons.3")),
        ("net.layers.10.neurons.3", ("net", "layers.10", "neurons.3")),
        ("0.1", ("0", "1")),
    ],
)
def test_scope_levels(scope: str, levels: tuple[str, ...]) -> None:
    assert scope_levels(scope) == levels


def test_constants_get_no_box() -> None:
    x = Value(1.0)
    boxes, notes, hidden = fitting_boxes(topological_order(2 * x + 1), None, 400)
    assert len(boxes) == 3
    assert (notes, hidden) == ([], 0)


def test_collapse_by_neuron_has_a_box_a_neuron() -> None:
    boxes, notes, hidden = fitting_boxes(topological_order(layered(3, 3)), "neuron", 400)
    assert sorted(box.scope for box in boxes) == sorted(
        [""] * 3 + ["neurons.0", "neurons.1", "neurons.2"] * 2 + ["neurons.0"]
    )
    assert {box.frame for box in boxes if box.scope} == {("layers.0",), ("layers.1",), ("layers.2",)}
    assert notes == ["collapsed by neuron"]
    assert hidden == 0


def test_collapse_by_layer_has_a_box_a_layer() -> None:
    boxes, _, _ = fitting_boxes(topological_order(layered(3, 3)), "layer", 400)
    assert sorted(box.scope for box in boxes if box.scope) == ["layers.0", "layers.1", "layers.2"]
    assert boxes[-1].scope == "layers.2"


def test_every_node_is_counted_once() -> None:
    order = topological_order(layered(4, 3))
    for collapse in (None, "neuron", "layer"):
        boxes, _, hidden = fitting_boxes(order, collapse, 10_000)
        assert sum(box.nodes for box in boxes) == len(order)
        assert hidden == 0


@pytest.mark.parametrize(("most", "level"), [(25, "neuron"), (10, "layer")])
def test_too_many_nodes_are_collapsed_no_further_than_needed(most: int, level: str) -> None:
    order = topological_order(layered(6, 3))
    boxes, notes, hidden = fitting_boxes(order, None, most)
    assert len(boxes) <= most
    assert notes == [f"collapsed by {level}, for {len(order)} nodes are more than {most}"]
    assert hidden == 0


def test_without_scopes_the_nodes_nearest_the_output_stay() -> None:
    x = Value(1.0)
    chain = [x]
    for _ in range(1000):
        chain.append(chain[-1].tanh())
    boxes, _, hidden = fitting_boxes(topological_order(chain[-1]), None, 10)
    assert [next(iter(box.exits)) for box in boxes] == chain[-9:]
    assert hidden == 1001 - 9


def test_scopes_that_are_too_many_are_cut_too() -> None:
    value = Value(1.0)
    for i in range(50):
        with named_scope(f"stage.{i}"):
            value = (value + 1.0).tanh()
    boxes, notes, hidden = fitting_boxes(topological_order(value), None, 10)
    assert [box.scope for box in boxes] == [f"stage.{i}" for i in range(41, 50)]
    assert hidden == 51 - 9
    assert "collapsed by layer" in notes[0]


def test_a_box_stands_right_of_all_that_it_uses() -> None:
    boxes, _, _ = fitting_boxes(topological_order(layered(3, 3)), "neuron", 400)
    column = columns({box: {source for source, _, _ in box.edges if source} for box in boxes})
    places = {f"{'.'.join(box.frame)} {box.scope}": at for box, at in column.items() if box.scope}
    assert places == {f"layers.{i} neurons.{j}": i + 1 for i, j in [*product((0, 1), range(3)), (2, 0)]}
    assert [at for box, at in column.items() if not box.scope] == [0, 0, 0]


def test_scopes_that_use_each_other_have_columns_too() -> None:
    first, second = Box(0, ()), Box(1, ())
    assert set(columns({first: {second}, second: {first}})) == {first, second}
