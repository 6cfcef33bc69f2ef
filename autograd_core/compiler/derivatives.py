"""Questions about derivatives as graphs, so that whatever runs a program answers them: Jacobians, second derivatives.

A Jacobian is the gradient of a sum of the outputs with weights of their own for each sample: a sample comes once for
each output, with a weight of 1 for that one. A Hessian times a vector is the gradient of the derivative in the
direction of that vector, which is reverse mode over forward mode (Pearlmutter, Fast exact multiplication by the
Hessian, Neural Computation 6, 1994). Both are recorded once more from the recorded nodes, by the rules of the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager

from autograd_core import modes
from autograd_core.compiler.rules import Rules
from autograd_core.graph import collector_paused, dependencies, topological_order
from autograd_core.lookup import Lookup, lookup
from autograd_core.value import Value


def directional(output: Value, direction: Mapping[Value, Value]) -> Value:
    """The derivative of a node in a direction, given as a node for each leaf that moves: forward mode.

    >>> x, v = Value(3.0), Value(1.0)
    >>> directional(x * x, {x: v}).data
    6.0
    """
    rules, tangent = Rules(), dict(direction)
    with collector_paused(), _recording():
        for node in topological_order(output, inputs_of=dependencies):
            if isinstance(node.op, Lookup):
                column = [tangent.get(entry, 0.0) for entry in node.op.column]
                if any(entry in tangent for entry in node.op.column):
                    tangent[node] = lookup(column, node.inputs[0])
                continue
            terms = []
            for position, operand in enumerate(node.inputs):
                assert node.op is not None
                if operand not in tangent or rules.is_flat(node.op, position):
                    continue
                numbers = [one.data if one.is_constant else None for one in node.inputs]
                slope = rules.partial(node.op, position, numbers).value([*node.inputs, node])
                unit = isinstance(slope, float) and slope == 1.0
                terms.append(tangent[operand] if unit else slope * tangent[operand])
            if terms:
                tangent[node] = _total(terms)
        return tangent.get(output, Value(0.0))


def weighted(outputs: Sequence[Value], weights: Sequence[Value]) -> Value:
    """The sum of outputs, each times its weight."""
    with collector_paused(), _recording():
        return _total([weight * output for weight, output in zip(weights, outputs, strict=True)])


def _recording() -> AbstractContextManager[None]:
    return modes.changed(recording=True, checking=False, tracing=True, symbolic=True, scope="")


def _total(terms: Sequence[Value]) -> Value:
    first, *rest = terms
    for term in rest:
        first = first + term
    return first
