"""Deep copies and pickles of graphs, at any depth.

The standard walk of `copy` and `pickle` recurses from a node into its inputs and would run out of stack a
few hundred operations deep. Here the ancestors are handed over in topological order, so that each finds its
inputs copied already. A node shared by two graphs, such as a parameter of a model, stays one node.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from autograd_core.graph import topological_order

if TYPE_CHECKING:
    from autograd_core.value import Value


def deep_copy(output: Value, memo: dict[int, Any]) -> Value:
    """What copy.deepcopy makes of a node: the node and all it depends on, anew."""
    for node in topological_order(output):
        if id(node) not in memo:
            inputs = tuple(memo[id(operand)] for operand in node.inputs)
            memo[id(node)] = twin = _rebuild(
                (), type(node), node.data, node.op, inputs, node.partials, node.label, node.scope
            )
            twin.grad = copy.deepcopy(node.grad, memo)
    return memo[id(output)]


def reduce(node: Value) -> tuple[Any, ...]:
    """What pickle stores of a node: its ancestors first, then its fields."""
    ancestors = _Ancestors(node) if node.inputs and not _thread.inside else ()
    fields = (ancestors, type(node), node.data, node.op, node.inputs, node.partials, node.label, node.scope)
    # The gradient comes after the node exists, for with create_graph it may lead back to the node.
    return _rebuild, fields, (None, {"grad": node.grad})


class _Thread(threading.local):
    inside = False


_thread = _Thread()


class _Ancestors:
    """Pickles as a list of all that a node depends on, in topological order."""

    def __init__(self, node: Value) -> None:
        self.node = node

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (), None, self._nodes()

    def _nodes(self) -> Iterator[Value]:
        # While pickle draws nodes from here, each one's inputs have gone before it and need no list anew.
        _thread.inside = True
        try:
            yield from topological_order(self.node)[:-1]
        finally:
            _thread.inside = False


def _rebuild(
    ancestors: Any, cls: type[Value], data: float, op: Any, inputs: Any, partials: Any, label: str, scope: str
) -> Value:
    node = object.__new__(cls)
    node.data, node.grad, node.op, node.inputs = data, 0.0, op, inputs
    node.partials, node.label, node.scope = partials, label, scope
    return node
