"""Code written for micrograd's Value, as lectures on it have it: drawings, and a network trained by hand."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import graphviz
import pytest

from autograd_core import Value


def trace(root: Any) -> tuple[set[Any], set[tuple[Any, Any]]]:
    nodes: set[Any] = set()
    edges: set[tuple[Any, Any]] = set()

    def build(node: Any) -> None:
        if node not in nodes:
            nodes.add(node)
            for child in node._prev:
                edges.add((child, node))
                build(child)

    build(root)
    return nodes, edges


def draw_dot(root: Any) -> graphviz.Digraph:
    dot = graphviz.Digraph(format="svg", graph_attr={"rankdir": "LR"})
    nodes, edges = trace(root)
    for node in nodes:
        name = str(id(node))
        text = "{ %s | data %.4f | grad %.4f }" % (node.label, node.data, node.grad)  # noqa: UP031
        dot.node(name=name, label=text, shape="record")
        if node._op:
            dot.node(name=name + node._op, label=node._op)
            dot.edge(name + node._op, name)
    for child, parent in edges:
        dot.edge(str(id(child)), str(id(parent)) + parent._op)
    return dot


def test_a_neuron_is_drawn() -> None:
    x1, x2 = Value(2.0, label="x1"), Value(0.0, label="x2")
    w1, w2 = Value(-3.0, label="w1"), Value(1.0, label="w2")
    b = Value(6.8813735870195432, label="b")
    n = x1 * w1 + x2 * w2 + b
    n.label = "n"
    e = (2 * n).exp()
    o = (e - 1) / (e + 1)
    o.label = "o"
    o.backward()
    nodes, edges = trace(o)
    assert (len(nodes), len(edges)) == (17, 17)
    source = draw_dot(o).source
    assert 'label="{ x1 | data 2.0000 | grad -1.5000 }"' in source
    assert 'label="{ o | data 0.7071 | grad 1.0000 }"' in source
    signs = [node._op for node in nodes]
    assert [signs.count(sign) for sign in ("+", "-", "*", "/", "exp", "")] == [3, 1, 3, 1, 1, 8]
    assert [source.count(f"label={sign}") for sign in ('"+"', '"-"', '"*"', '"/"', "exp")] == [3, 1, 3, 1, 1]


class Neuron:
    def __init__(self, nin: int) -> None:
        self.w = [Value(random.uniform(-1, 1)) for _ in range(nin)]
        self.b = Value(random.uniform(-1, 1))

    def __call__(self, x: Any) -> Any:
        return sum((wi * xi for wi, xi in zip(self.w, x, strict=True)), self.b).tanh()

    def parameters(self) -> list[Value]:
        return [*self.w, self.b]


class MLP:
    def __init__(self, nin: int, nouts: list[int]) -> None:
        self.layers = [[Neuron(a) for _ in range(b)] for a, b in pairwise([nin, *nouts])]

    def __call__(self, x: Any) -> Any:
        for layer in self.layers:
            outs = [neuron(x) for neuron in layer]
            x = outs[0] if len(outs) == 1 else outs
        return x

    def parameters(self) -> list[Value]:
        return [p for layer in self.layers for neuron in layer for p in neuron.parameters()]


def test_a_network_is_trained_by_hand() -> None:
    random.seed(1337)
    model = MLP(3, [4, 4, 1])
    xs = [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]]
    ys = [1.0, -1.0, -1.0, 1.0]
    losses, ypred = [], []
    for _ in range(40):
        ypred = [model(x) for x in xs]
        loss: Any = sum((yout - ygt) ** 2 for ygt, yout in zip(ys, ypred, strict=True))
        for p in model.parameters():
            p.grad = 0.0
        loss.backward()
        for p in model.parameters():
            p.data += -0.05 * p.grad
        losses.append(loss.data)
    assert len(model.parameters()) == 41
    assert losses[-1] < 0.05 < losses[0]
    assert [yout.data for yout in ypred] == pytest.approx(ys, abs=0.2)
