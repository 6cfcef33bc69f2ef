"""What a reader sees while some boxes are open: units, the edges between them, and their order."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import nn
from autograd_core import Value, named_scope
from tests.viz.static.scripts import run
from tests.viz.steppers import GRAPHS
from tests.viz.test_tree_runs import chain, lattice, recorded
from viz import Stepper

if TYPE_CHECKING:
    from playwright.sync_api import Page

VIEW = """
  const graph = traceModule.read(given.text);
  return JSON.stringify(given.opens.map((open) => {
    const seen = treeModule.view(graph, new Set(open));
    const { units, edges, frames } = seen;
    const groups = treeModule.unitOrder(seen);
    return { units, edges, frames, groups, unitOf: [...seen.unitOf], unitOfBox: [...seen.unitOfBox] };
  }));
"""
TITLES = """
  const { boxes } = traceModule.read(given);
  return boxes.map((box) => treeModule.boxTitle(boxes, box.index));
"""


class Graph:
    """A graph as a page has it, for comparison with what the page makes of it."""

    def __init__(self, output: Value) -> None:
        stepper = Stepper(output)
        self.text = stepper.compact()
        self.nodes: list[Any] = stepper.trace["nodes"]
        self.boxes: list[Any] = stepper.trace["boxes"]
        self.output = len(self.nodes) - 1
        self.shown = [i for i, node in enumerate(self.nodes) if not node["constant"] or i == self.output]

    def around(self, box: int | None) -> list[int]:
        """A box and those around it, innermost first."""
        found = []
        while box is not None:
            found.append(box)
            box = self.boxes[box]["parent"]
        return found

    def id_of(self, i: int, opened: set[int]) -> str:
        """The unit that a node is, or is in: the outermost closed box."""
        closed = [box for box in self.around(self.nodes[i]["box"]) if box not in opened]
        return f"b{closed[-1]}" if closed else f"n{i}"

    def frames(self, opened: set[int]) -> list[int]:
        return [box for box in range(len(self.boxes)) if all(one in opened for one in self.around(box))]

    def edges(self, opened: set[int]) -> list[tuple[int, int, int]]:
        """Node, position and operand of every edge between two units."""
        return [
            (i, k, j)
            for i, node in enumerate(self.nodes)
            for k, j in enumerate(node["inputs"])
            if not self.nodes[j]["constant"] and self.id_of(i, opened) != self.id_of(j, opened)
        ]


def seen(page: Page, graph: Graph, opens: list[set[int]]) -> list[dict[str, Any]]:
    """What the page makes of it with each set of open boxes, checked for what holds always."""
    given = {"text": graph.text, "opens": [sorted(opened) for opened in opens]}
    found = json.loads(run(page, "trace tree", VIEW, given))
    for opened, one in zip(opens, found, strict=True):
        assert_view(graph, opened, one)
        assert_order(graph, opened, one)
    return found


def assert_view(graph: Graph, opened: set[int], one: dict[str, Any]) -> None:
    """Every node is in one unit; every edge between two units is there once."""
    units = one["units"]
    members: dict[str, list[int]] = {}
    for i in graph.shown:
        members.setdefault(graph.id_of(i, opened), []).append(i)
    assert {unit["id"]: unit["members"] for unit in units} == members
    assert [units[u]["id"] if u >= 0 else None for u in one["unitOf"]] == [
        None if node["constant"] and i != graph.output else graph.id_of(i, opened) for i, node in enumerate(graph.nodes)
    ]
    assert one["frames"] == graph.frames(opened)
    assert {box: units[u]["id"] for box, u in one["unitOfBox"]} == {
        unit["box"]: unit["id"] for unit in units if unit["box"] >= 0
    }
    edges = graph.edges(opened)
    exits = {j for _, _, j in edges} | {graph.output}
    for unit in units:
        box = graph.nodes[unit["node"]]["box"] if unit["node"] >= 0 else graph.boxes[unit["box"]]["parent"]
        assert unit["parent"] == (-1 if box is None else box)
        assert unit["last"] == unit["members"][-1]
        assert unit["exits"] == [i for i in unit["members"] if i in exits]
    assert len({edge["id"] for edge in one["edges"]}) == len(one["edges"])
    pairs = []
    for edge in one["edges"]:
        assert edge["from"] != edge["to"]
        for i, k in edge["pairs"]:
            j = graph.nodes[i]["inputs"][k]
            pairs.append((i, k, j))
            assert units[edge["from"]]["id"] == graph.id_of(j, opened)
            assert units[edge["to"]]["id"] == graph.id_of(i, opened)
    assert sorted(pairs) == sorted(edges)
    between = Counter((edge["from"], edge["to"]) for edge in one["edges"])
    for edge in one["edges"]:
        single = units[edge["from"]]["node"] >= 0 and units[edge["to"]]["node"] >= 0
        assert len(edge["pairs"]) == 1 if single else between[edge["from"], edge["to"]] == 1


def assert_order(graph: Graph, opened: set[int], one: dict[str, Any]) -> None:
    """Units come after those that they need; several at a time only where each needs the other."""
    units, groups = one["units"], one["groups"]
    assert sorted(u for group in groups for u in group) == list(range(len(units)))
    turn = {u: t for t, group in enumerate(groups) for u in group}
    needs: dict[int, set[int]] = {u: set() for u in turn}
    for edge in one["edges"]:
        assert turn[edge["from"]] <= turn[edge["to"]]
        needs[edge["to"]].add(edge["from"])
    for group in groups:
        for u in group if len(group) > 1 else ():
            assert reachable(u, needs, {*group}) == {*group}, "each of a group needs all of it"


def assert_whole(graph: Graph, opened: set[int], one: dict[str, Any]) -> None:
    """What is in an open box is stepped from end to end before or after anything else, and nothing is merged."""
    units, groups = one["units"], one["groups"]
    turns: dict[int, list[int]] = {}
    for turn, group in enumerate(groups):
        assert len(group) == 1, "calls never need each other"
        parent = units[group[0]]["parent"]
        for box in graph.around(None if parent < 0 else parent):
            turns.setdefault(box, []).append(turn)
    assert {*turns} == {*graph.frames(opened)}
    assert all(those == list(range(those[0], those[0] + len(those))) for those in turns.values())


def reachable(start: int, needs: dict[int, set[int]], within: set[int]) -> set[int]:
    found: set[int] = set()
    pending = [start]
    while pending:
        for need in needs[pending.pop()] & within - found:
            found.add(need)
            pending.append(need)
    return found


def some_sets(graph: Graph, chance: random.Random, count: int) -> list[set[int]]:
    """All closed, all open, and sets drawn at random, in which open boxes may be inside closed ones."""
    boxes = range(len(graph.boxes))
    shares = [chance.random() for _ in range(count)]
    return [set(), {*boxes}, *[{box for box in boxes if chance.random() < share} for share in shares]]


def test_a_graph_without_boxes_is_in_the_order_of_the_engine(page: Page) -> None:
    plain = (GRAPHS[name]() for name in ("tesla", "neuron", "micrograd", "softmax", "recurrent"))
    for output in (*plain, Value(1.5), (Value(1.5) + 2.0).inputs[1]):
        graph = Graph(output)
        assert graph.boxes == []
        (found,) = seen(page, graph, [set()])
        assert ids(found) == [[f"n{i}"] for i in graph.shown]


def test_runs_that_are_all_open_are_in_the_order_of_the_engine(page: Page) -> None:
    for make, length in ((chain, 400), (lattice, 1_500)):
        graph = Graph(make(length))
        assert graph.boxes
        _, found = seen(page, graph, [set(), {*range(len(graph.boxes))}])
        assert ids(found) == [[f"n{i}"] for i in graph.shown]


def cells(blocks: int) -> Value:
    """A recurrent cell and a head in turn, whose calls are boxes."""
    cell, head = nn.Neuron(2, "tanh", rng=0), nn.Neuron(1, "linear", rng=1)
    h = y = Value(0.5, label="x")
    for _ in range(blocks):
        with named_scope("cell"):
            h = cell([h, y])
        with named_scope("head"):
            y = head([h])
    return y


def test_whatever_is_open_units_come_after_those_that_they_need(page: Page) -> None:
    chance = random.Random(0)
    makers: list[Callable[[], Value]] = [GRAPHS["2-2-1"], GRAPHS["4-4-1"], GRAPHS["2-16-16-1"], lambda: cells(4)]
    for make in makers:
        graph = Graph(make())
        opens = some_sets(graph, chance, 3)
        for opened, found in zip(opens, seen(page, graph, opens), strict=True):
            assert_whole(graph, opened, found)


def random_blocks(chance: random.Random, depth: int = 0) -> list[Any]:
    names = ["a", "b", "layers.0", "layers.1", "p.q"]
    count = chance.randint(0, 4 if depth < 3 else 0)
    return [(chance.choice(names), random_blocks(chance, depth + 1)) for _ in range(count)]


def test_random_scopes_are_seen_and_ordered(page: Page) -> None:
    for seed in range(10):
        chance = random.Random(seed)
        graph = Graph(recorded(random_blocks(chance), chance))
        opens = some_sets(graph, chance, 4)
        for opened, found in zip(opens, seen(page, graph, opens), strict=True):
            assert_whole(graph, opened, found)


def entangled() -> Value:
    """Two scopes that need each other, as no calls do."""
    h = Value(0.5, label="x")
    v, w = Value(0.3, label="v"), Value(0.7, label="w")
    for _ in range(3):
        z = h * v
        h = z.tanh()
        z.scope = h.scope = "cell"
        z = h * w
        h = z + 0.1
        z.scope = h.scope = "head"
    return h * 2.0


def test_closed_boxes_that_need_each_other_are_one_step(page: Page) -> None:
    graph = Graph(entangled())
    assert [box["title"] for box in graph.boxes] == ["cell", "head"]
    closed, both, one = seen(page, graph, [set(), {0, 1}, {0}])
    assert [sorted(group) for group in ids(closed) if len(group) > 1] == [["b0", "b1"]]
    # Open, they are stepped node by node, in the order of the engine.
    steps = [int(name[1:]) for (name,) in ids(both)]
    inside = [i for i in steps if graph.nodes[i]["box"] is not None]
    assert inside == sorted(inside)
    # With the cell open, what lies between two uses of the head is bound to it.
    (bound,) = (group for group in ids(one) if len(group) > 1)
    assert "b1" in bound
    assert len(bound) == 5


def ids(found: dict[str, Any]) -> list[list[str]]:
    return [[found["units"][u]["id"] for u in group] for group in found["groups"]]


def test_random_scopes_that_need_each_other_are_merged(page: Page) -> None:
    merged = 0
    for seed in range(8):
        chance = random.Random(seed)
        nodes = [Value(0.5)]
        while len(nodes) < 40:
            nodes.append(chance.choice(nodes[-5:]) * chance.choice(nodes[-5:]))
            nodes[-1].scope = chance.choice(["", "a", "a.b", "c.d", "c.e"])
        graph = Graph(nodes[-1])
        for found in seen(page, graph, some_sets(graph, chance, 6)):
            merged += any(len(group) > 1 for group in found["groups"])
    assert merged > 20


def test_a_box_is_called_by_those_around_it(page: Page) -> None:
    model = nn.MLP(1, [2, 1], "tanh", rng=0)
    graph = Graph(sum((model([x]) for x in (0.5, 1.0)), Value(0.0)))
    titles = run(page, "trace tree", TITLES, graph.text)
    assert {"MLP (call 2), layer 0, neuron 1", "MLP (call 1), layer 1", "layer 0, parameters"} <= {*titles}
    assert len({*titles}) == len(titles)
    wide = Graph(sum(nn.MLP(1, [150], "tanh", rng=0)([0.5]), Value(0.0)))
    titles = run(page, "trace tree", TITLES, wide.text)
    assert "layer 0, neuron 149" in titles
    assert "neuron 0 … neuron 29" not in titles, "a run is called by the box that it is a part of"
    assert "layer 0" in titles
    assert run(page, "trace tree", TITLES, Graph(lattice(200)).text)[0].startswith("v0 … v")
