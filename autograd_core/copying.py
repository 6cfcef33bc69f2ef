"""Copies and pickles of graphs, at any depth.

The standard walk of `copy` and `pickle` recurses from a node into its inputs and would run out of stack a
few hundred operations deep. Here nodes are handed over in topological order, so that each finds its inputs
copied already. A node shared by two graphs, such as a parameter of a model, stays one node.

Gradients that are Values (after ``backward(create_graph=True)``) lead back to the graph they belong to; they
are put in place once all nodes are there.
"""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Any

from autograd_core.graph import dependencies, topological_order

if TYPE_CHECKING:
    from autograd_core.value import Value


def shallow_copy(node: Value) -> Value:
    """What copy.copy makes of a node: another node on the same inputs."""
    twin = _rebuild((), *_fields(node))
    twin.grad = node.grad
    return twin


def deep_copy(output: Value, memo: dict[int, Any]) -> Value:
    """What copy.deepcopy makes of a node: the node, all it depends on, and their gradients, anew."""
    fresh = [node for node in _with_gradients(output) if id(node) not in memo]
    for node in fresh:
        cls, data, grad, op, inputs, *rest = _fields(node)
        column = getattr(op, "column", None)
        if column is not None:
            op = type(op)(tuple(memo[id(entry)] for entry in column))
        memo[id(node)] = _rebuild((), cls, data, grad, op, tuple(memo[id(operand)] for operand in inputs), *rest)
    for node in fresh:
        if isinstance(node.grad, type(node)):
            memo[id(node)].grad = memo[id(node.grad)]
    return memo[id(output)]


def reduce(node: Value) -> tuple[Any, ...]:
    """What pickle stores of a node.

    Of the node that pickle comes to by itself: all it depends on, in order; its fields; then the nodes that only
    gradients lead to, and the gradients. Of the nodes in these lists: their fields.
    """
    listed = _thread.listed and _thread.listed()
    if listed and node in listed.members:
        return _rebuild, ((), *_fields(node))
    before = topological_order(node, inputs_of=dependencies)[:-1]
    known = {node, *before}
    after = [other for other in _with_gradients(node) if other not in known]
    pairs = [(other, other.grad) for other in (*before, node, *after) if isinstance(other.grad, type(node))]
    if not before and not pairs:
        return _rebuild, ((), *_fields(node))
    return _rebuild, (_Nodes(before), *_fields(node)), (_Nodes(after), _Gradients(pairs))


def set_gradients(state: tuple[Any, Any]) -> None:
    """Unpickling: put the gradients that are nodes in place."""
    for node, grad in state[1]:
        node.grad = grad


class _Thread(threading.local):
    # The list that pickle is at: its nodes find their inputs pickled before them and list nothing themselves. Held
    # weakly, so that it ends with a pickle that fails half-way.
    listed: weakref.ref[_Nodes] | None = None


_thread = _Thread()


class _Nodes:
    """Pickles as a list of nodes."""

    def __init__(self, nodes: list[Value]) -> None:
        self.nodes = nodes
        self.members = set(nodes)

    def __reduce__(self) -> tuple[Any, ...]:
        _thread.listed = weakref.ref(self)
        return list, (), None, iter(self.nodes)


class _Gradients:
    """Pickles as a list of pairs of a node and its gradient, which ends the lists of nodes."""

    def __init__(self, pairs: list[tuple[Value, Value]]) -> None:
        self.pairs = pairs

    def __reduce__(self) -> tuple[Any, ...]:
        _thread.listed = None
        return list, (), None, iter(self.pairs)


def _with_gradients(output: Value) -> list[Value]:
    """All nodes that lead to the output or to a gradient of any of them, inputs first."""
    order = topological_order(output, inputs_of=dependencies)
    while True:
        known = set(order)
        further = [node.grad for node in order if isinstance(node.grad, type(output)) and node.grad not in known]
        if not further:
            return order
        order = topological_order(*order, *further, inputs_of=dependencies)


def _fields(node: Value) -> tuple[Any, ...]:
    grad = 0.0 if isinstance(node.grad, type(node)) else node.grad
    return type(node), node.data, grad, node.op, node.inputs, node.partials, node.label, node.scope


def _rebuild(
    nodes: Any, cls: type[Value], data: float, grad: Any, op: Any, inputs: Any, partials: Any, label: str, scope: str
) -> Value:
    node = object.__new__(cls)
    node.data, node.grad, node.op, node.inputs = data, grad, op, inputs
    node.partials, node.label, node.scope = partials, label, scope
    return node
