"""What the first pass makes of a graph: leaves, calls and linear nodes; and equal ones, which are computed once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from autograd_core.primitives import Primitive
from autograd_core.value import Value


class Call(NamedTuple):
    """A primitive on its operands."""

    primitive: Primitive
    operands: tuple[int, ...]


class MaxReduce(NamedTuple):
    """The largest of its operands, without a derivative: what a detached chain of maxima is."""

    operands: tuple[int, ...]


class Pick(NamedTuple):
    """The one of its other operands that the first, a token, chooses."""

    operands: tuple[int, ...]


_NAMES = {MaxReduce: "largest", Pick: "lookup"}


@dataclass
class Lowered:
    """The graph in the intermediate form. Nodes are numbers, in topological order; the outputs come last.

    A node that is computed is a leaf, a call or a linear node. The linear node `i` is

        offset.get(i, 0.0) + sum of coefficient[k] * left[k] * right[k] over the k with owner[k] == i

    where right is -1 for a term with one factor. A node that was folded into another appears nowhere below.
    """

    order: list[Value]
    """The recorded nodes, by number, for their names."""
    leaves: dict[int, tuple[int, int]]
    """Source and position of each leaf: 0 is the parameters, 1 the first input, ...; masks are the last sources."""
    masks: list[tuple[Any, list[float]]]
    """For each source of masks its generator, and by position the probability of a 1."""
    calls: dict[int, Call | MaxReduce | Pick] = field(default_factory=dict)
    """Operation and operands, by number."""
    numbers: dict[int, float] = field(default_factory=dict)
    """The constants, by number, among the operands of calls."""
    owner: list[int] = field(default_factory=list)
    coefficient: list[float] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    weighted: list[bool] = field(default_factory=list)
    """Whether a term has a constant factor other than a sign, as in 2 * x - y, whose terms are thus not alike."""
    offset: dict[int, float] = field(default_factory=dict)
    level: dict[int, int] = field(default_factory=dict)
    """For each call and linear node the longest way down to a leaf."""
    outputs: list[int] = field(default_factory=list)

    def __str__(self) -> str:
        terms: dict[int, list[str]] = {}
        for o, c, a, b in zip(self.owner, self.coefficient, self.left, self.right, strict=True):
            terms.setdefault(o, []).append(f"{c!r}*%{a}" + f"*%{b}" * (b >= 0))
        lines = []
        for node in sorted(self.level):
            if node in self.calls:
                call = self.calls[node]
                name = call.primitive.name if isinstance(call, Call) else _NAMES[type(call)]
                given = (repr(self.numbers[i]) if i in self.numbers else f"%{i}" for i in call.operands)
                lines.append(f"%{node} = {name}({', '.join(given)})")
            else:
                offset = [repr(self.offset[node])] if node in self.offset else []
                lines.append(f"%{node} = {' + '.join(terms.get(node, []) + offset)}")
        return "\n".join(lines)

    @property
    def live(self) -> int:
        """How many nodes are computed."""
        return len(self.level)


def merge_equal(lowered: Lowered) -> None:
    """Let linear nodes with the same terms in the same order be one, and then calls with the same operands.

    Nodes with constant factors stay apart: those may be data, and two rows of a matrix that happen to be equal must not
    make a hole in it.
    """
    if not _any_equal(lowered):
        return
    terms: dict[int, list[tuple[float, int, int]]] = {}
    apart = {owner for owner, weighted in zip(lowered.owner, lowered.weighted, strict=True) if weighted}
    apart.update(lowered.outputs)
    for owner, c, a, b in zip(lowered.owner, lowered.coefficient, lowered.left, lowered.right, strict=True):
        terms.setdefault(owner, []).append((c, a, b))
    twin: dict[int, int] = {}
    known: dict[Any, int] = {}
    for node in sorted(lowered.level):
        call = lowered.calls.get(node)
        if call:
            operands = tuple([twin.get(operand, operand) for operand in call.operands])
            lowered.calls[node] = call = call._replace(operands=operands)
            if any(operand in lowered.numbers for operand in operands):
                continue
            key: Any = (type(call), *call)
        elif node in apart:
            continue
        else:
            own = [(c, twin.get(a, a), twin.get(b, b)) for c, a, b in terms.get(node, ())]
            key = (lowered.offset.get(node), *own)
        first = known.setdefault(key, node)
        if first != node:
            twin[node] = first
            del lowered.level[node]
            lowered.calls.pop(node, None)
            lowered.offset.pop(node, None)
    columns = zip(lowered.owner, lowered.coefficient, lowered.left, lowered.right, lowered.weighted, strict=True)
    kept = [(o, c, twin.get(a, a), twin.get(b, b), w) for o, c, a, b, w in columns if o not in twin]
    lowered.owner, lowered.coefficient, lowered.left, lowered.right, lowered.weighted = map(
        list, zip(*kept, strict=True)
    )


def _any_equal(lowered: Lowered) -> bool:
    """Whether two linear nodes have the same terms, by sums of large random numbers for factors and signs.

    Without such a pair nothing is equal, for calls with the same operands are one already.
    """
    owner = np.array(lowered.owner, int)
    order = np.argsort(owner, kind="stable")
    marks = np.random.default_rng(0).integers(2**62, size=(3, len(lowered.order) + 1))
    left, right = np.array(lowered.left, int)[order], np.array(lowered.right, int)[order]
    sign = np.array(lowered.coefficient)[order] < 0.0
    of_term = marks[0, left] * np.where(sign, 3, 1) ^ marks[1, right] * np.where(sign, 5, 1)
    nodes, starts = np.unique(owner[order], return_index=True)
    weighted = np.logical_or.reduceat(np.array(lowered.weighted, bool)[order], starts) if len(nodes) else nodes > 0
    offset = np.array([lowered.offset.get(node, 0.0) for node in nodes.tolist()])
    of_node = (np.add.reduceat(of_term, starts) if len(nodes) else nodes) + 7 * offset.view(np.int64)
    plain = of_node[~weighted & (nodes < len(lowered.order))]
    return len(np.unique(plain)) < len(plain)
