"""The boxes of a graph, one for each call of a module or with-block of `named_scope`, and boxes inside boxes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from autograd_core import Value
from autograd_core.formula import names_of
from autograd_core.modes import Scope
from viz.boxes import scope_levels

MOST_SIDE_BY_SIDE = 100
"""How many boxes and nodes may stand side by side before runs of them get boxes of their own."""
RUN = 32
"""How many stand in such a box."""


@dataclass(eq=False, slots=True)
class TreeBox:
    """What can be closed to one box and opened again: a call, a set of shared parameters, or a run of operations."""

    name: str
    """The level that it adds to the path, such as ``layers.1``."""
    path: str
    """The scope that its nodes carry; '' for a run."""
    parent: TreeBox | None
    title: str = ""
    """What a reader calls it: ``layer 1``."""
    call: int = 0
    """Which of several calls of that path in the parent it is, from 1; 0 if there is only one."""


Inside = dict[TreeBox | None, dict[int, TreeBox | int]]
"""For each box, and None for the whole graph, the nodes in it, and which of its children each is, or is in."""


def box_tree(order: list[Value]) -> tuple[list[TreeBox], list[TreeBox | None]]:
    """The boxes of a topological order, outer ones first, and for each node the innermost box that it is in.

    Plain numbers are in none. Where too many boxes or nodes stand side by side, as in a graph without scopes, runs of
    them in topological order become boxes, so that a whole graph can be closed to a few.
    """
    made: dict[object, TreeBox] = {}
    homes = [_home(node, made) for node in order]
    own = {box: _own_path(box) for box in made.values()}
    users: dict[Value, set[TreeBox]] = {}
    for node, home in zip(order, homes, strict=True):
        for operand in node.inputs:
            if operand.scope and not operand.is_constant and not isinstance(operand.scope, Scope):
                users.setdefault(operand, set()).update(lineage(home))
    for i, node in enumerate(order):
        # A parameter carries the path of its module, and belongs to the call that uses it if there is just one.
        if homes[i] is None and node.scope and not node.is_constant:
            homes[i] = _shared_home(node.scope, [(own[box], box) for box in users.get(node, ())], made)
    _dissolve(order, homes)
    inside = _children(order, homes)
    _number_calls(order, inside)
    _group_runs(order, homes, inside)
    return _outer_first(homes), homes


def box_keys(boxes: list[TreeBox]) -> list[str]:
    """What an address calls each of these boxes, no two alike.

    It is the path (or the name, where there is none), with the calls around in parentheses where there are several:
    ``layers.0(2)`` is layer 0 in the second call of its model, ``layers.0(parameters)`` the box of what the calls
    share. A box that this does not tell apart, such as a run, has its place in the list for a name: ``[7]``.
    """
    keys = []
    for box in boxes:
        calls = ".".join(str(one.call) for one in reversed(lineage(box)) if one.call)
        kind = "parameters" if box.title.endswith(", parameters") else calls
        keys.append((box.path or box.name) + (f"({kind})" if kind else ""))
    count = Counter(keys)
    return [key if key and count[key] == 1 else f"[{place}]" for place, key in enumerate(keys)]


def lineage(box: TreeBox | None) -> list[TreeBox]:
    """A box and those around it, innermost first."""
    boxes = []
    while box is not None:
        boxes.append(box)
        box = box.parent
    return boxes


def title_of(name: str) -> str:
    """A level of a scope in words.

    >>> title_of("layers.1"), title_of("encoder")
    ('layer 1', 'encoder')
    """
    match = re.fullmatch(r"(\w*[^\W\d_s])s\.(\d+)", name)
    return f"{match[1]} {match[2]}" if match else name


def _home(node: Value, made: dict[object, TreeBox]) -> TreeBox | None:
    """The box of the call that a node was made in, with the boxes around it."""
    calls: list[Scope] = []
    scope = node.scope
    while isinstance(scope, Scope) and not node.is_constant:
        calls.append(scope)
        scope = scope.parent
    box = None
    for call in reversed(calls):
        levels = scope_levels(call.name) if call != call.parent else (call.name,)
        for depth, level in enumerate(levels):
            # By the identity of the call: an equal path is another call.
            key = (id(call), depth)
            if key not in made:
                path = call if depth == len(levels) - 1 else ".".join(filter(None, [call.parent, *levels[: depth + 1]]))
                made[key] = TreeBox(level, str(path), box)
            box = made[key]
    return box


def _own_path(box: TreeBox) -> str:
    """The path in the model that was called, which parameters carry; that of the box may begin with a named scope."""
    model = next((one for one in lineage(box.parent) if _adds_nothing(one)), None)
    return box.path.removeprefix(f"{model.path}.") if model else box.path


def _shared_home(scope: str, users: list[tuple[str, TreeBox]], made: dict[object, TreeBox]) -> TreeBox | None:
    """The box for a node that carries a path without a call, by the boxes that use it and their paths."""
    box: TreeBox | None = None
    path = ""
    for level in scope_levels(scope):
        path = f"{path}.{level}" if path else level
        calls = frozenset(user for own, user in users if own == path)
        if len(calls) == 1:
            (box,) = calls
        else:
            key = (path, box, calls)
            if key not in made:
                made[key] = TreeBox(level, path, box, title=f"{title_of(level)}, parameters" if calls else "")
            box = made[key]
    return box


def _dissolve(order: list[Value], homes: list[TreeBox | None]) -> None:
    """Take away boxes that say nothing: the only call of an outermost module, and boxes of one node."""
    size: Counter[TreeBox] = Counter(box for home in homes for box in lineage(home))
    models = Counter((box.parent, box.name) for box in size if _adds_nothing(box))
    gone = {box for box in size if size[box] == 1 or (_adds_nothing(box) and models[box.parent, box.name] == 1)}

    def kept(box: TreeBox | None) -> TreeBox | None:
        while box in gone:
            assert box is not None
            box = box.parent
        return box

    for box in size:
        box.parent = kept(box.parent)
    homes[:] = [kept(home) for home in homes]


def _adds_nothing(box: TreeBox) -> bool:
    return box.path == (box.parent.path if box.parent else "")


def _children(order: list[Value], homes: list[TreeBox | None]) -> Inside:
    inside: Inside = {}
    for i, home in enumerate(homes):
        if not order[i].is_constant:
            child: TreeBox | int = i
            for box in [*lineage(home), None]:
                inside.setdefault(box, {})[i] = child
                if box is not None:
                    child = box
    return inside


def _number_calls(order: list[Value], inside: Inside) -> None:
    """Title the boxes, and number those of one name in a box in the order in which they are computed."""
    for child_of in inside.values():
        boxes = [child for child in dict.fromkeys(child_of.values()) if isinstance(child, TreeBox) and not child.title]
        several = Counter(box.name for box in boxes)
        seen: Counter[str] = Counter()
        # By first nodes, a call may come before another whose result it takes: its parameters do.
        for box in _in_order(child_of, order) if len(several) < len(boxes) else ():
            if isinstance(box, TreeBox) and not box.title and several[box.name] > 1:
                seen[box.name] += 1
                box.call = seen[box.name]
        for box in boxes:
            box.title = title_of(box.name)


def _outer_first(homes: Iterable[TreeBox | None]) -> list[TreeBox]:
    """Every box once, a parent before what is in it, else in order of appearance."""
    found: dict[TreeBox, None] = {}
    for home in homes:
        found.update(dict.fromkeys(reversed(lineage(home))))
    return list(found)


def _group_runs(order: list[Value], homes: list[TreeBox | None], inside: Inside) -> None:
    """Put runs of what stands side by side into boxes, until nowhere too many do."""
    crowded = [parent for parent, child_of in inside.items() if len(set(child_of.values())) > MOST_SIDE_BY_SIDE]
    names = names_of(order) if crowded else {}
    for parent in crowded:
        children = _in_order(inside[parent], order)
        while len(children) > MOST_SIDE_BY_SIDE:
            runs: list[TreeBox | int] = []
            # All of about the same length, so that none is of one node.
            count = -(-len(children) // RUN)
            for k in range(count):
                run = children[len(children) * k // count : len(children) * (k + 1) // count]
                first, last = (
                    child if isinstance(child, TreeBox) else names[order[child]] for child in (run[0], run[-1])
                )
                title = f"{_ends(first, parent)[0]} … {_ends(last, parent)[-1]}"
                box = TreeBox(f"run {k + 1}", "", parent, title=title)
                for child in run:
                    if isinstance(child, TreeBox):
                        child.parent = box
                    else:
                        homes[child] = box
                runs.append(box)
            children = runs


def _ends(child: TreeBox | str, parent: TreeBox | None) -> list[str]:
    """What the title of a run says of a box, or of a node by its name: what it is called, or for a run its two ends."""
    if isinstance(child, str):
        return [short_label(child, parent)]
    return (
        [child.title + (f" (call {child.call})" if child.call else "")]
        if child.path or child.call
        else child.title.split(" … ")
    )


def short_label(label: str, box: TreeBox | None) -> str:
    """A label without the path of the box that the node is in, as it reads inside the box."""
    while box is not None and not box.path:
        box = box.parent
    return label.removeprefix(f"{box.path}.") if box else label


def _in_order(child_of: dict[int, TreeBox | int], order: list[Value]) -> list[TreeBox | int]:
    """Children of a box in a topological order of their own, the one that comes first in the graph first."""
    index = {order[i]: i for i in child_of}
    last = {child: i for i, child in child_of.items()}
    users: dict[TreeBox | int, set[TreeBox | int]] = {child: set() for child in last}
    for i, child in child_of.items():
        for operand in order[i].inputs:
            source = child_of.get(index.get(operand, -1), child)
            if source != child:
                users[source].add(child)
    waiting = Counter(user for those in users.values() for user in those)
    place = {child: k for k, child in enumerate(last)}
    ready = [(i, place[child], child) for child, i in last.items() if not waiting[child]]
    heapify(ready)
    found: list[TreeBox | int] = []
    while ready:
        child = heappop(ready)[2]
        found.append(child)
        for user in users[child]:
            waiting[user] -= 1
            if not waiting[user]:
                heappush(ready, (last[user], place[user], user))
    # What is left needs itself by way of others; no order is better than another.
    return found + [child for child in last if waiting[child]]
