"""The boxes of a graph: which there are, what is in them, and that they can be closed without a cycle."""

from __future__ import annotations

from collections import Counter
from graphlib import TopologicalSorter
from typing import Any

import pytest

import nn
from autograd_core import Value, named_scope, topological_order
from autograd_core.modes import Scope
from viz.tree import MOST_SIDE_BY_SIDE, TreeBox, box_tree, lineage, short_label, title_of

Tree = tuple[list[Value], list[TreeBox], list[TreeBox | None]]


def tree(output: Value) -> Tree:
    """The nodes, their boxes, and for each node the innermost one."""
    order = topological_order(output)
    boxes, homes = box_tree(order)
    assert_whole(order, boxes, homes)
    return order, boxes, homes


def assert_whole(order: list[Value], boxes: list[TreeBox], homes: list[TreeBox | None]) -> None:
    """What holds for every graph."""
    assert len(homes) == len(order)
    assert len(set(boxes)) == len(boxes)
    place = {box: k for k, box in enumerate(boxes)}
    sizes = Counter(box for home in homes for box in lineage(home))
    assert set(sizes) == set(boxes), "boxes are those of nodes, and nothing else"
    for box in boxes:
        assert box.title
        assert sizes[box] > 1, "a box of one node says nothing"
        assert box.parent is None or place[box.parent] < place[box], "parents come first"
    # Of two models called several times, both have parameters of the same path in a box of their own.
    told = [(whole(box), box.title, box.call) for box in boxes if box.path and "parameters" not in box.title]
    assert len(set(told)) == len(told), "calls are told apart"
    for node, home in zip(order, homes, strict=True):
        assert home is None or not node.is_constant, "a plain number is in no box"
        if isinstance(node.scope, Scope) and not node.is_constant:
            assert all(
                node.scope == box.path or node.scope.startswith(f"{box.path}.") for box in lineage(home) if box.path
            )
    assert max(map(len, children_of(order, homes).values()), default=0) <= MOST_SIDE_BY_SIDE


def whole(box: TreeBox) -> TreeBox | None:
    """The box around this one, of which a run is a part."""
    around = box.parent
    while around is not None and around.name.startswith("run "):
        around = around.parent
    return around


def children_of(order: list[Value], homes: list[TreeBox | None]) -> dict[TreeBox | None, set[TreeBox | Value]]:
    """What stands side by side in each box, and outside of all of them."""
    found: dict[TreeBox | None, set[TreeBox | Value]] = {}
    for node, home in zip(order, homes, strict=True):
        if not node.is_constant:
            child: TreeBox | Value = node
            for box in [*lineage(home), None]:
                found.setdefault(box, set()).add(child)
                if box is not None:
                    child = box
    return found


def assert_no_cycles(order: list[Value], homes: list[TreeBox | None]) -> None:
    """However many boxes are closed, what is side by side in one of them can be put in an order of its own."""
    line = {node: [node, *lineage(home), None] for node, home in zip(order, homes, strict=True) if not node.is_constant}
    needs: dict[TreeBox | None, dict[Any, set[Any]]] = {}
    for node, mine in line.items():
        for operand in node.inputs:
            if operand.is_constant:
                continue
            theirs = line[operand]
            meeting = next(box for box in theirs[1:] if box in mine[1:])
            user, source = mine[mine.index(meeting, 1) - 1], theirs[theirs.index(meeting, 1) - 1]
            needs.setdefault(meeting, {}).setdefault(user, set()).add(source)
    for graph in needs.values():
        TopologicalSorter(graph).prepare()


def outline(found: Tree) -> list[tuple[str, ...]]:
    """The boxes by title and call, each with those around it, outermost first."""
    return [tuple(called(one) for one in reversed(lineage(box))) for box in found[1]]


def called(box: TreeBox) -> str:
    return f"{box.title} ({box.call})" if box.call else box.title


def inside(found: Tree, *titles: str) -> list[Value]:
    """The nodes right inside the box with these titles, outermost first."""
    order, boxes, homes = found
    box = boxes[outline(found).index(titles)]
    return [node for node, home in zip(order, homes, strict=True) if home is box]


def labels(found: Tree, *titles: str) -> list[str]:
    return [node.label for node in inside(found, *titles) if node.op is None]


def test_each_call_in_a_model_is_a_box_with_its_parameters() -> None:
    found = tree(nn.MLP(1, [2, 1], "tanh", rng=0)([0.5]) * 2.0)
    assert sorted(outline(found)) == [
        ("layer 0",),
        ("layer 0", "neuron 0"),
        ("layer 0", "neuron 1"),
        ("layer 1",),
        ("layer 1", "neuron 0"),
    ]
    assert sorted(labels(found, "layer 0", "neuron 1")) == ["layers.0.neurons.1.b", "layers.0.neurons.1.w.0"]
    (neuron,) = (box for box in found[1] if outline(found)[found[1].index(box)] == ("layer 1", "neuron 0"))
    assert (neuron.name, neuron.path, neuron.call) == ("neurons.0", "layers.1.neurons.0", 0)


def test_the_only_call_of_an_outermost_module_is_no_box() -> None:
    assert tree(nn.Neuron(2, "tanh", rng=0)([1.0, 2.0]))[1] == []


def test_calls_of_an_outermost_module_are_numbered_and_share_their_parameters_in_a_box() -> None:
    model = nn.MLP(1, [2, 1], "tanh", rng=0)
    found = tree(sum((model([x]) for x in (1.0, 2.0, 3.0)), Value(0.0)))
    for call in (1, 2, 3):
        assert ("MLP " + f"({call})", "layer 0", "neuron 1") in outline(found)
        assert labels(found, f"MLP ({call})", "layer 0", "neuron 1") == []
    shared = ("layer 0, parameters", "neuron 1, parameters")
    assert sorted(labels(found, *shared)) == ["layers.0.neurons.1.b", "layers.0.neurons.1.w.0"]
    assert_no_cycles(found[0], found[2])


def test_a_part_that_is_called_twice_has_two_boxes_in_the_one_call_around_it() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            self.cell, self.head = nn.Neuron(1, "tanh", rng=0), nn.Neuron(1, rng=1)

        def forward(self, x: float) -> Value:
            return self.head([self.cell([self.cell([x])])])

    found = tree(Twice()(0.5))
    assert sorted(outline(found)) == [("cell (1)",), ("cell (2)",), ("cell, parameters",), ("head",)]
    assert sorted(labels(found, "cell, parameters")) == ["cell.b", "cell.w.0"]
    assert sorted(labels(found, "head")) == ["head.b", "head.w.0"]
    first, second = (inside(found, f"cell ({call})") for call in (1, 2))
    assert first[-1] in second[0].inputs


def test_parameters_stay_with_the_one_call_that_uses_them_whatever_else_does() -> None:
    model = nn.MLP(1, [2, 1], "tanh", rng=0)
    penalty = nn.losses.l2_penalty(model.parameters())
    found = tree(model([0.5]) + penalty)
    assert sorted(labels(found, "layer 0", "neuron 1")) == ["layers.0.neurons.1.b", "layers.0.neurons.1.w.0"]
    assert not any("parameters" in box.title for box in found[1])


def test_two_models_with_the_same_paths_keep_their_parameters_apart() -> None:
    encoder, decoder = nn.MLP(2, [1], "tanh", rng=0), nn.MLP(1, [2], rng=1)
    found = tree(sum(decoder([encoder([1.0, 2.0])]), Value(0.0)))
    assert {*inside(found, "MLP (1)", "layer 0", "neuron 0")} >= {*encoder.parameters()}
    assert {*inside(found, "MLP (2)", "layer 0", "neuron 0")} >= {*decoder.layers[0].neurons[0].parameters()}
    called_twice = [decoder([encoder([x, x])])[0] for x in (1.0, 2.0)]
    order, _, homes = tree(called_twice[0] + called_twice[1])
    home = dict(zip(order, homes, strict=True))
    of_encoder, of_decoder = ({home[p] for p in one.layers[0].neurons[0].parameters()} for one in (encoder, decoder))
    assert len(of_encoder) == len(of_decoder) == 1
    assert of_encoder != of_decoder


def test_a_model_called_in_a_named_scope_keeps_its_parameters() -> None:
    model = nn.MLP(1, [2, 1], "tanh", rng=0)
    with named_scope("encoder"):
        found = tree(model([0.5]) * 2.0)
    assert ("encoder", "layer 0", "neuron 1") in outline(found)
    assert len(labels(found, "encoder", "layer 0", "neuron 1")) == 2
    assert ("layer 0",) not in outline(found)


def test_parameters_that_no_call_uses_have_a_box_by_their_path() -> None:
    found = tree(nn.losses.l2_penalty(nn.MLP(1, [2, 1], rng=0).parameters()))
    assert ("layer 0", "neuron 1") in outline(found)
    assert all(box.call == 0 and "parameters" not in box.title for box in found[1])


def test_a_scope_entered_again_and_again_is_a_box_each_time() -> None:
    x = Value(1.0, label="x")
    with named_scope("loop"):
        for _ in range(3):
            with named_scope("body.part"):
                x = (x * 2.0).tanh()
    found = tree(x)
    assert outline(found) == [("loop",)] + [
        boxes for call in (1, 2, 3) for boxes in (("loop", f"body ({call})"), ("loop", f"body ({call})", "part"))
    ]
    assert [box.path for box in found[1][:3]] == ["loop", "loop.body", "loop.body.part"]
    assert_no_cycles(found[0], found[2])


def test_boxes_of_one_node_dissolve() -> None:
    x = Value(1.0, label="x")
    with named_scope("outer"):
        y = x * 2.0
        with named_scope("single.deeper"):
            y = y.tanh()
    found = tree(y)
    assert outline(found) == [("outer",)]
    assert inside(found, "outer") == [y.inputs[0], y]
    with named_scope("alone"):
        assert tree(x.tanh())[1] == []


def test_a_leaf_made_in_a_scope_is_in_its_box_and_one_made_outside_is_not() -> None:
    x = Value(1.0, label="x")
    with named_scope("block"):
        inner = Value(2.0, label="inner")
        y = inner * x
    assert inside(tree(y), "block") == [inner, y]


def test_paths_without_calls_make_boxes_too() -> None:
    x = Value(1.0)
    y = x.tanh()
    z = y * y
    y.scope = z.scope = "layers.0.part"  # as in a graph that was not recorded by modules
    found = tree(z)
    assert outline(found) == [("layer 0",), ("layer 0", "part")]
    assert inside(found, "layer 0", "part") == [y, z]


@pytest.mark.parametrize(
    ("name", "title"),
    [("layers.1", "layer 1"), ("encoder", "encoder"), ("h.0", "h.0"), ("loss.0", "loss.0"), ("s.1", "s.1"), ("0", "0")],
)
def test_a_title_is_a_level_in_words(name: str, title: str) -> None:
    assert title_of(name) == title


def test_a_short_label_leaves_out_the_path_of_the_nearest_box_that_has_one() -> None:
    layer = TreeBox("layers.1", "layers.1", None)
    run = TreeBox("run 1", "", layer)
    assert short_label("layers.1.w.0", run) == short_label("layers.1.w.0", layer) == "w.0"
    assert short_label("layers.10.w", layer) == "layers.10.w"
    assert short_label("x", None) == "x"
