"""Which boxes a drawing has: one for each node, or each scope if collapsed, or only those near the output."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any, Literal

from autograd_core import Value

Collapse = Literal["neuron", "layer"]
DEEPEST = 50
"""How many dots of a scope are taken for levels; the rest is part of the last one."""


@dataclass(eq=False, slots=True)
class Box:
    """What is drawn as one: a node, or all the nodes of a scope."""

    index: int
    """The topological index of its first node, which names it."""
    frame: tuple[str, ...]
    """The scope it stands in, as levels."""
    scope: str = ""
    """For a collapsed scope its last level, else ''."""
    nodes: int = 0
    """How many nodes it stands for."""
    exits: dict[Value, None] = field(default_factory=dict)
    """The nodes in it that others use, in order; the output among them."""
    edges: list[tuple[Box | None, Value, int]] = field(default_factory=list)
    """What comes in: from which box (None for one left out), into which node, as which argument."""


def fitting_boxes(order: list[Value], collapse: Collapse | None, most: int) -> tuple[list[Box], list[str], int]:
    """The boxes for a topological order, what a reader must be told of them, and how many are left out.

    Without `collapse`, a graph of more than `most` nodes is collapsed as far as it takes. Where that is not enough,
    the boxes nearest the output are kept, one place being for the node that counts the rest.
    """
    output = order[-1]
    # A plain number is part of the operation that uses it, unless it is all there is.
    nodes = [(index, node) for index, node in enumerate(order) if not node.is_constant or node is output]
    notes = [f"collapsed by {collapse}"] if collapse else []
    tried: list[Collapse] = [collapse] if collapse else []
    if not collapse and len(nodes) > most and any(node.scope for _, node in nodes):
        tried = ["neuron", "layer"]
    boxes: list[Box] = []
    for level in tried:
        boxes = _boxes(nodes, output, level)
        if not collapse:
            notes = [f"collapsed by {level}, for {len(nodes):,} nodes are more than {most:,}"]
        if len(boxes) <= most:
            return boxes, notes, 0
    if boxes:
        kept = _nearest(boxes[-1], lambda box: [source for source, _, _ in box.edges if source], most - 1)
        return [box for box in boxes if box in kept], notes, len(boxes) - len(kept)
    if len(nodes) <= most:
        return _boxes(nodes, output, None), notes, 0
    near = _nearest(output, lambda node: [operand for operand in node.inputs if not operand.is_constant], most - 1)
    return _boxes([(i, node) for i, node in nodes if node in near], output, None), notes, len(nodes) - len(near)


def _nearest(start: Any, sources: Callable[[Any], list[Any]], most: int) -> set[Any]:
    """The start and what is fewest edges before it, `most` in all."""
    kept, queue = {start}, [start]
    for item in queue:
        for source in sources(item):
            if source not in kept and len(kept) < most:
                kept.add(source)
                queue.append(source)
        if len(kept) == most:
            break
    return kept


def _boxes(nodes: list[tuple[int, Value]], output: Value, collapse: Collapse | None) -> list[Box]:
    """The boxes of nodes in topological order with their indices; the one with the output comes last."""
    box_of: dict[Value, Box] = {}
    scopes: dict[tuple[str, ...], Box] = {}
    levels_of: dict[str, tuple[str, ...]] = {}
    for index, node in nodes:
        levels = levels_of.setdefault(node.scope, scope_levels(node.scope))
        if collapse and levels:
            drawn = levels[:-1] if collapse == "layer" and len(levels) > 1 else levels
            box = scopes.get(drawn)
            if box is None:
                box = scopes[drawn] = Box(index, drawn[:-1], drawn[len(drawn) - 1])
        else:
            box = Box(index, levels)
        box.nodes += 1
        box_of[node] = box
        for position, operand in enumerate(node.inputs):
            source = box_of.get(operand)
            if source is not box and not operand.is_constant:
                box.edges.append((source, node, position))
                if source:
                    source.exits[operand] = None
    box_of[output].exits[output] = None
    ordered = dict.fromkeys(box_of.values())
    ordered[box_of[output]] = ordered.pop(box_of[output])
    return list(ordered)


def columns(sources: Mapping[Box, Set[Box]]) -> dict[Box, int]:
    """The column for each box: right of its sources, and next to its first user for one that has none.

    Scopes of which each uses the other have no such columns, and are taken in the order given.
    """
    try:
        order = list(TopologicalSorter(sources).static_order())
    except CycleError:
        order = list(sources)
    column: dict[Box, int] = {}
    first_user: dict[Box, int] = {}
    for box in order:
        column[box] = 1 + max((column.get(source, -1) for source in sources[box]), default=-1)
        for source in sources[box]:
            first_user[source] = min(column[box], first_user.get(source, column[box]))
    return {box: at if sources[box] else max(0, first_user.get(box, 1) - 1) for box, at in column.items()}


def scope_levels(scope: str) -> tuple[str, ...]:
    """The levels of a scope, a name and the number behind it being one.

    >>> scope_levels("layers.0.neurons.3")
    ('layers.0', 'neurons.3')
    """
    levels: list[str] = []
    for part in scope.split(".", DEEPEST) if scope else ():
        if part.isdigit() and levels and not levels[-1].isdigit() and "." not in levels[-1]:
            levels[-1] += f".{part}"
        else:
            levels.append(part)
    return tuple(levels)
