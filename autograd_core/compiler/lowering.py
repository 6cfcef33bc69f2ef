"""First pass: from recorded Values to leaves, calls and linear nodes, without anything that need not be computed.

Constants are folded; additions, subtractions, signs and constant factors are folded into the linear node that they
lead to; a product that is used once becomes a term of it; equal calls and equal linear nodes become one. What is
decided here is decided by the kind of an operation and never by a number: a weight that happens to be 0 must not make
its neuron different from the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, isnan
from typing import Any, NamedTuple

from autograd_core import primitives
from autograd_core.compiler.lowered import Call, Lowered, MaxReduce, Pick, merge_equal
from autograd_core.floats import checked_id
from autograd_core.graph import dependencies, topological_order
from autograd_core.lookup import Lookup
from autograd_core.masks import Bernoulli
from autograd_core.primitives import Primitive
from autograd_core.value import Value

LEAF, CONSTANT, SUM, SCALE, PRODUCT, CALL = range(6)
_KINDS: dict[Primitive | None, int] = {
    primitives.add: SUM,
    primitives.sub: SUM,
    primitives.neg: SCALE,
    primitives.mul: PRODUCT,
    primitives.truediv: SCALE,
    primitives.pow: PRODUCT,
}


class Scale(NamedTuple):
    """A node as a multiple of another; `weighted` says whether by more than a sign."""

    node: int
    factor: float
    weighted: bool


def lower(outputs: Sequence[Value], leaves: Mapping[Value, tuple[int, int]], sources: int) -> Lowered:
    """The intermediate form of the graph under `outputs`; `leaves` says where a leaf's number comes from.

    Leaves that it does not name are constants. `sources` is how many sources it names. Raises ValueError where a
    part that is constant was changed after it was recorded.
    """
    order = topological_order(*outputs, inputs_of=dependencies)
    kind, uses = [CONSTANT] * len(order), [0] * len(order)
    parts: list[Any] = [()] * len(order)
    lowered = Lowered(order, {}, [])
    number: dict[Value, int] = {}
    seen: dict[Any, int] = {}
    masks: list[tuple[int, int, Bernoulli]] = []
    for i, node in enumerate(order):
        number[node] = i
        inputs, op = node.inputs, node.op
        if not inputs:
            if node in leaves:
                kind[i], lowered.leaves[i] = LEAF, leaves[node]
            elif isinstance(op, Bernoulli):
                kind[i] = LEAF
                masks.append((op.turn, i, op))
            continue
        if isinstance(op, Lookup):
            if kind[number[inputs[0]]] == CONSTANT:
                _check_choice(node, op)
                number[node] = number[inputs[1]]
                continue
            inputs = dependencies(node)
        ids: Any = tuple([number[operand] for operand in inputs])
        varying = [j for j in ids if kind[j] != CONSTANT]
        if not varying:
            _check_number(node)
            continue
        sort = _KINDS.get(op, CALL)
        if sort == SUM:
            ids = (*ids, 1.0 if op is primitives.add else -1.0)
        elif sort == SCALE:
            if op is primitives.neg:
                ids = (ids[0], -1.0)
            else:
                divisor = order[ids[1]].data if len(varying) == 1 and kind[ids[1]] == CONSTANT else 0.0
                if divisor and isfinite(divisor) and isfinite(1.0 / divisor):
                    ids = (ids[0], 1.0 / divisor)
                else:
                    sort = CALL
        elif sort == PRODUCT:
            if op is primitives.pow:
                if kind[ids[1]] == CONSTANT and order[ids[1]].data == 2.0:
                    ids = (ids[0], ids[0])
                    varying = [ids[0], ids[0]]
                else:
                    sort = CALL
            elif len(varying) == 1:
                sort = SCALE
                ids = (varying[0], order[ids[0] if ids[1] == varying[0] else ids[1]].data)
        if sort == CALL and len(varying) == len(ids):
            twin = seen.setdefault((Lookup if isinstance(op, Lookup) else op, *ids), i)
            if twin != i:
                number[node] = twin
                continue
        kind[i], parts[i] = sort, ids
        for j in varying:
            uses[j] += 1

    generators: dict[int, int] = {}
    for _, i, op in sorted(masks):
        place = generators.setdefault(id(op.rng), len(generators))
        if place == len(lowered.masks):
            lowered.masks.append((op.rng, []))
        lowered.leaves[i] = sources + place, len(lowered.masks[place][1])
        lowered.masks[place][1].append(op.p)
    count = len(order)
    for k, output in enumerate(outputs):
        kind.append(SCALE)
        parts.append((number[output], 1.0))
        uses.append(0)
        uses[number[output]] += 1
        lowered.outputs.append(count + k)
    _flatten(lowered, kind, parts, uses)
    merge_equal(lowered)
    return lowered


def _check_number(node: Value) -> None:
    """Raise ValueError for a constant that its operands no longer give: half of the program would hold old numbers."""
    assert node.op is not None
    now = node.op.forward(*(operand.data for operand in node.inputs))
    if now != node.data and not (isnan(now) and isnan(node.data)):
        named = ", ".join(operand.label for operand in node.inputs if operand.label)
        raise ValueError(
            f"a constant part of the graph has changed since it was recorded: {node.op.name}"
            f"{f' of {named}' if named else ''} was {node.data:g} and is {now:g} now; record the graph again, or name "
            "what changes among the inputs or parameters"
        )


def _check_choice(node: Value, op: Lookup) -> None:
    """Raise ValueError for a token, constant in the program, that chooses another entry than it did."""
    token, entry = node.inputs
    if op.column[checked_id(token.data, len(op.column))] is not entry:
        raise ValueError(
            "a token has changed since it looked something up, and is a constant of the program; record the graph "
            "again, or name the token among the inputs"
        )


def _flatten(lowered: Lowered, kind: list[int], parts: list[Any], uses: list[int]) -> None:
    """Fold sums, constant factors and products into the linear nodes that they lead to, from the outputs down."""
    order = lowered.order
    count, size = len(order), len(kind)
    # A constant times something that is kept anyway is looked through wherever it is a term or a factor.
    through: dict[int, Scale] = {}
    for i in range(count):
        if kind[i] == SCALE:
            j, c = parts[i]
            heavy = order[i].op is not primitives.neg
            if j in through:
                j, further, also = through[j]
                through[i] = Scale(j, c * further, heavy or also)
            elif not SUM <= kind[j] <= PRODUCT or uses[j] > 1:
                through[i] = Scale(j, c, heavy)

    belongs, scale, weight = [-1] * size, [1.0] * size, [False] * size
    offset, calls = lowered.offset, lowered.calls
    owner, coefficient, weighted = lowered.owner, lowered.coefficient, lowered.weighted
    left, right = lowered.left, lowered.right
    for i in lowered.outputs:
        belongs[i] = i
    for i in range(size - 1, -1, -1):
        o = belongs[i]
        if o < 0:
            continue
        sort = kind[i]
        if sort == PRODUCT:
            a, b = parts[i]
            c, heavy = scale[i], weight[i]
            if a in through:
                a, further, also = through[a]
                c, heavy = c * further, heavy or also
            if b in through:
                b, further, also = through[b]
                c, heavy = c * further, heavy or also
            belongs[a], belongs[b] = a, b
            owner.append(o)
            coefficient.append(c)
            weighted.append(heavy)
            left.append(a)
            right.append(b)
        elif sort in (SUM, SCALE):
            outer = weight[i]
            if sort == SUM:
                a, b, sign = parts[i]
                terms = ((b, scale[i] * sign), (a, scale[i]))
            else:
                a, c = parts[i]
                terms = ((a, scale[i] * c),)
                outer = outer or (i < count and order[i].op is not primitives.neg)
            for j, c in terms:
                if kind[j] == CONSTANT:
                    offset[o] = offset.get(o, 0.0) + c * order[j].data
                    continue
                heavy = outer
                if j in through:
                    j, further, also = through[j]
                    c, heavy = c * further, heavy or also
                if SUM <= kind[j] <= PRODUCT and uses[j] == 1:
                    belongs[j], scale[j], weight[j] = o, c, heavy
                else:
                    belongs[j] = j
                    owner.append(o)
                    coefficient.append(c)
                    weighted.append(heavy)
                    left.append(j)
                    right.append(-1)
        elif sort == CALL:
            operands, op = parts[i], order[i].op
            assert op is not None
            if op is primitives.detach:
                parts[i] = operands = _chain(operands, lowered, kind, parts, uses)
                calls[i] = MaxReduce(operands)
            else:
                calls[i] = Pick(operands) if isinstance(op, Lookup) else Call(op, operands)
            for j in operands:
                if kind[j] == CONSTANT:
                    lowered.numbers[j] = order[j].data
                else:
                    belongs[j] = j
    for column in (owner, coefficient, weighted, left, right):
        column.reverse()

    depth = [0] * size
    level = lowered.level
    for i in range(size):
        if belongs[i] >= 0 and kind[i] >= SUM:
            operands = parts[i] if kind[i] == CALL or kind[i] == PRODUCT else parts[i][:-1]
            depth[i] = max([depth[j] for j in operands])
            if belongs[i] == i:
                depth[i] += 1
                level[i] = depth[i]
        elif i in through:
            depth[i] = depth[through[i][0]]


def _chain(operands: Any, lowered: Lowered, kind: list[int], parts: list[Any], uses: list[int]) -> tuple[int, ...]:
    """The operands of a chain of maxima that serves for nothing else, in order."""
    stack, found = list(operands), []
    while stack:
        j = stack.pop()
        chained = kind[j] == CALL and lowered.order[j].op is primitives.maximum and uses[j] == 1
        if chained and all(kind[operand] != CONSTANT for operand in parts[j]):
            stack.extend(parts[j])
        else:
            found.append(j)
    return tuple(dict.fromkeys(reversed(found)))
