"""Constants that were read off a node: numbers in a graph that a program for other inputs should not hold.

Code that takes the largest of some nodes by their `data`, as for a softmax that does not overflow, records a number,
and the program keeps it for all inputs. Such a number equals the data of a node bit by bit. A false alarm is worse
than a miss: a number that code may well have written is none of them, unless it is taken off some nodes as the largest
of them; and a node may owe its value to the number, as x * c does where x was recorded as 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from autograd_core import primitives
from autograd_core.value import Value


class Reading(NamedTuple):
    """A constant, and the node that had this value."""

    constant: float
    node: Value

    def __str__(self) -> str:
        node = self.node
        what = node.label or (f"a result of {node.op.name}" if node.op else "an input or parameter")
        return (
            f"the constant {self.constant:.4g} is the value that {what} had while recording; if the code read .data, "
            "use maximum or detach"
        )


def readings(order: Sequence[Value], leaves: Mapping[Value, tuple[int, int]]) -> list[Reading]:
    """The constants of a graph, given in topological order, that were read off a node, each once.

    >>> from autograd_core.graph import topological_order
    >>> logits = [Value(0.1234567, label="x").exp(), Value(0.7654321, label="y").exp()]
    >>> logits[1].label = "b"
    >>> largest = max(logit.data for logit in logits)
    >>> total = (logits[0] - largest).exp() + (logits[1] - largest).exp()
    >>> order = topological_order(total)
    >>> print(*readings(order, {node: (0, 0) for node in order if node.op is None}))
    the constant 2.15 is the value that b had while recording; if the code read .data, use maximum or detach
    """
    users: dict[float, list[Value]] = {}
    for node in order:
        for operand in node.inputs:
            if operand.is_constant:
                users.setdefault(operand.data, []).append(node)
    suspects: dict[float, Value] = {}
    varying = set(leaves)
    for node in order:
        if node in varying or any(operand in varying for operand in node.inputs):
            varying.add(node)
            # A leaf before what may be a copy of it, then one with a name.
            known = suspects.get(node.data)
            if node.data in users and (known is None or (known.inputs and not known.label and node.label)):
                suspects[node.data] = node
    return [Reading(number, node) for number, node in suspects.items() if _is_read(number, node, users[number], leaves)]


def _is_read(number: float, node: Value, users: Sequence[Value], leaves: Mapping[Value, tuple[int, int]]) -> bool:
    """Whether a constant with the value of a node, which these nodes use, was read off it."""
    others = {operand for user in users for operand in user.inputs if not operand.is_constant}
    subtracted = all(user.op is primitives.sub and user.inputs[1].is_constant for user in users)
    if subtracted and node in others and len(others) > 1 and all(other.data <= number for other in others):
        return not _has_digits(number, 2)  # the largest of some nodes, taken off each
    if is_written(number):
        return False
    if node.inputs:
        return not _depends(node, number)
    # Beside a leaf alone its own value may be where a weight started, from which it is not to go far.
    return any(other is not node and other in leaves and leaves[other][0] == leaves[node][0] for other in others)


def is_written(number: float) -> bool:
    """Whether code may well have this number written: one of few digits, or made of such by a root, pi, exp or log.

    >>> [is_written(x) for x in (0.0, 1e-5, 22 / 7, 2**0.5, math.log(2 * math.pi) / 2, 0.5128394857210345)]
    [True, True, True, True, True, False]
    """
    if not math.isfinite(number) or number.is_integer() or _has_digits(number, 9):
        return True
    size = abs(number)
    made = [size, size * size, size**4, math.log(size)]
    made += [math.exp(times * number) for times in (1.0, 2.0) if size < 300.0]
    factors = (1.0, math.pi, 1.0 / math.pi, math.pi**2)
    return any(
        _has_digits(times * one * factor, 5) or _has_digits(1.0 / (times * one * factor), 5)
        for one in made
        for factor in factors
        for times in range(1, 30)
        if 1e-300 < abs(one) < 1e300
    )


def _has_digits(number: float, digits: int) -> bool:
    """Whether a number has up to so many digits, to within what rounding leaves."""
    return math.isclose(number, float(f"{number:.{digits - 1}e}"), rel_tol=1e-14)


def _depends(node: Value, number: float) -> bool:
    """Whether a node is made of a constant of this number."""
    seen, stack = {node}, [node]
    while stack:
        for operand in stack.pop().inputs:
            if operand.is_constant and operand.data == number:
                return True
            if operand not in seen:
                seen.add(operand)
                stack.append(operand)
    return False
