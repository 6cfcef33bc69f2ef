"""The peer that the engine is measured against: a node that does nothing but what backpropagation needs."""

from __future__ import annotations

import math
from typing import Any


class Lean:
    """As little as a node can be, after Karpathy's microgpt: four slots, no names, no checks, nothing to switch on.

    The sort is iterative, so that graphs may be deep; it is the fastest of those tried that keep a set.
    """

    __slots__ = ("children", "data", "grad", "slopes")

    def __init__(self, data: float, children: tuple[Lean, ...] = (), slopes: tuple[float, ...] = ()) -> None:
        self.data = data
        self.grad = 0.0
        self.children = children
        self.slopes = slopes

    def __add__(self, other: Any) -> Lean:
        other = other if isinstance(other, Lean) else Lean(other)
        return Lean(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other: Any) -> Lean:
        other = other if isinstance(other, Lean) else Lean(other)
        return Lean(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, power: float) -> Lean:
        return Lean(self.data**power, (self,), (power * self.data ** (power - 1.0),))

    def log(self) -> Lean:
        return Lean(math.log(self.data), (self,), (1.0 / self.data,))

    def exp(self) -> Lean:
        result = math.exp(self.data)
        return Lean(result, (self,), (result,))

    def relu(self) -> Lean:
        return Lean(max(0.0, self.data), (self,), (1.0 if self.data > 0.0 else 0.0,))

    def __neg__(self) -> Lean:
        return self * -1.0

    def __sub__(self, other: Any) -> Lean:
        return self + (-other)

    def __truediv__(self, other: Any) -> Lean:
        return self * other**-1.0

    __radd__, __rmul__ = __add__, __mul__

    def backward(self) -> None:
        order: list[Lean] = []
        seen: set[Lean] = set()
        stack: list[Any] = [self]
        while stack:
            node = stack.pop()
            if node is None:
                order.append(stack.pop())
            elif node not in seen:
                seen.add(node)
                if node.children:
                    stack.append(node)
                    stack.append(None)
                    stack.extend(node.children)
                else:
                    order.append(node)
        self.grad = 1.0
        for node in reversed(order):
            for child, slope in zip(node.children, node.slopes):  # noqa: B905 (strict costs time)
                child.grad += slope * node.grad
