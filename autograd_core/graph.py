"""Walking a recorded graph: its topological order, and the backward pass told one edge at a time.

No walk recurses, so a chain of a million operations is as good as one of ten.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import isfinite, isnan
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from autograd_core.floats import Flat, recorder
from autograd_core.modes import changed, thread
from autograd_core.primitives import Primitive, constant

if TYPE_CHECKING:
    from autograd_core.value import Value


@contextmanager
def collector_paused() -> Iterator[None]:
    """Keep the garbage collector from running inside the with-block: for recording graphs of 100,000 nodes and more.

    Python's collector looks through all objects each time their number has grown by a quarter, which for a
    million nodes takes several times as long as making them. Graphs need no collector, for they have no cycles.
    It is switched on again however the block ends.

    >>> from autograd_core import Value
    >>> with collector_paused():
    ...     total = sum((Value(float(i)) for i in range(1000)), Value(0.0))
    >>> total.data
    499500.0
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class _Unrecorded(tuple):
    def __reduce__(self) -> str:
        return "UNRECORDED"


UNRECORDED: tuple[float, ...] = _Unrecorded()
"""The partials of a node that was computed inside no_grad: there are none, and it is no leaf that somebody made."""

gradient_lock = threading.RLock()
"""Held while `grad` is added to, for two threads that add at once would lose what one of them adds."""


def require_graph(*outputs: Value) -> None:
    """Raise RuntimeError for an output that was computed inside no_grad, which has no graph to walk back.

    As a leaf of a later graph such a node is as good as any.
    """
    for output in outputs:
        if output.partials is UNRECORDED:
            name = f"{output.label!r}" if output.label else f"the output {output!r}"
            raise RuntimeError(
                f"{name} was computed inside no_grad, which records no graph, so there is nothing to differentiate; "
                "compute it outside of the with-block"
            )


def dependencies(node: Value) -> tuple[Value, ...]:
    """The inputs of a node; of a `lookup` the token, and all entries that it may choose at another time."""
    column = getattr(node.op, "column", None)
    return node.inputs if column is None else (node.inputs[0], *column)


def topological_order(
    *outputs: Value, inputs_of: Callable[[Value], tuple[Value, ...]] = attrgetter("inputs")
) -> list[Value]:
    """All nodes that the outputs depend on, each once, inputs before the nodes that use them.

    Depth first and first argument first, which for code without branches is the order of recording. What a node depends
    on are its inputs, or with ``inputs_of=dependencies`` all that it may depend on at another time. Raises TypeError
    unless the outputs are Values.
    """
    for output in outputs:
        if recorder(output) is None:
            raise TypeError(f"a graph is walked from a Value, got {type(output).__name__}")
    order: list[Value] = []
    seen: set[Value] = set()
    # A node is pushed twice: to be opened, and under a None to be emitted once its inputs are.
    stack: list[Any] = list(outputs[::-1])
    pop, push, emit = stack.pop, stack.append, order.append
    while stack:
        node = pop()
        if node is None:
            emit(pop())
        elif node not in seen:
            seen.add(node)
            inputs = inputs_of(node)
            if inputs:
                push(node)
                push(None)
                stack.extend(inputs[::-1])
            else:
                emit(node)
    return order


def accumulate(output: Value, seed: float) -> None:
    """The backward pass as `Value.backward` needs it: the gradients that `backward_steps` tells of, in `grad`.

    One walk down, which puts the nodes in topological order, and one back up the list, with nothing to look up on
    the way: the `grad` of a node says by a mark how far the walk is with it.
    """
    # A closed node's gradient starts from this 0, which is told from all others by being itself.
    opened, closed = Flat(0.0), Flat(0.0)
    order: list[Value] = []
    constants: list[Value] = []
    leaves: list[tuple[Value, Any]] = []
    stack = [output]
    pop, push, emit = stack.pop, stack.append, order.append
    with gradient_lock:
        try:
            while stack:
                node = pop()
                mark = node.grad
                if mark is opened:
                    node.grad = closed
                    emit(node)
                elif mark is not closed:
                    first, second = node._first, node._second
                    if second is not None:
                        node.grad = opened
                        push(node)
                        push(second)
                        push(first)
                    elif type(first) is not tuple:
                        node.grad = opened
                        push(node)
                        push(first)
                    elif first:
                        node.grad = opened
                        push(node)
                        stack.extend(first[::-1])
                    else:
                        # Written down before it is marked: an interruption may come between any two lines.
                        if node.op is constant:
                            constants.append(node)
                        else:
                            leaves.append((node, mark if node.op is None and mark is not None else 0.0))
                        node.grad = closed
            output.grad = seed
            for node in reversed(order):
                upstream = node.grad
                second = node._second
                if second is not None:
                    node._first.grad += upstream * node._to_first
                    second.grad += upstream * node._to_second
                elif type(node._first) is not tuple:
                    node._first.grad += upstream * node._to_first
                else:
                    for operand, local in zip(node.inputs, node.partials, strict=True):
                        operand.grad += upstream * local
            for leaf, earlier in leaves:
                leaf.grad += earlier
            for node in constants:
                node.grad = 0.0
        except BaseException:
            for leaf, earlier in leaves:
                leaf.grad = earlier
            raise


class BackwardStep(NamedTuple):
    """One accumulation of a backward pass: ``input.grad += upstream * local``.

    The first step of a pass is the seed, which the output receives from nowhere: its `node`, `position`,
    `upstream` and `local` are None.
    """

    node: Value | None
    """The operation's node, whose gradient is complete."""
    input: Value
    """The operand that receives the contribution."""
    position: int | None
    """Which argument of the operation the operand is, from 0."""
    upstream: Any
    """d output / d node."""
    local: Any
    """d node / d input, through this argument alone."""
    contribution: Any
    """upstream * local."""
    before: Any
    """The operand's gradient in this pass before the step; 0.0 at its first."""
    after: Any
    """The operand's gradient in this pass after the step: before + contribution."""


def backward_steps(
    output: Value, seed: Any = 1.0, create_graph: bool = False, order: Sequence[Value] | None = None
) -> Iterator[BackwardStep]:
    """The story of a backward pass: the seed, then every accumulation in order.

    Nodes come in reverse topological order, and the edges of a node in argument order; constants receive
    nothing. The walk reads the graph and changes nothing: `Value.backward` is the fast version of it that
    stores the last `after` of each node in its `grad`. With `create_graph` the numbers of a step are Values
    that can be differentiated again; this raises RuntimeError where an operand's data was changed after
    recording, since the derivative would then belong to another graph. `order`, some nodes in topological order, are
    those whose inputs receive something, instead of all. Raises RuntimeError at the first step for an output that was
    computed inside `no_grad`.

    >>> from autograd_core import Value
    >>> x = Value(3.0, label="x")
    >>> for step in backward_steps(x * x):
    ...     print(step.position, step.local, step.before, "->", step.after)
    None None 0.0 -> 1.0
    0 3.0 0.0 -> 3.0
    1 3.0 3.0 -> 6.0
    """
    require_graph(output)
    gradients: dict[Value, Any] = {output: 0.0 + seed}
    checking = thread.mode.checking
    yield BackwardStep(None, output, None, None, None, seed, 0.0, gradients[output])
    for node in reversed(topological_order(output) if order is None else order):
        if not node.inputs or node not in gradients:
            continue
        upstream = gradients[node]
        partials = _recorded_partials(node) if create_graph else node.partials
        for position, (operand, local) in enumerate(zip(node.inputs, partials, strict=True)):
            if operand.is_constant:
                continue
            contribution = _product(upstream, local)
            before = gradients.get(operand, 0.0)
            # The first contribution is not added to 0.0, which under create_graph would be one more node.
            gradients[operand] = after = before + contribution if operand in gradients else contribution
            if checking and node.op and not isfinite(_number(after)):
                product = f"{_number(contribution):g} = {_number(upstream):g} * {_number(local):g}"
                raise anomaly(node.op, node.inputs, node.scope, f"passed {product} back to argument {position + 1}")
            yield BackwardStep(node, operand, position, upstream, local, contribution, before, after)


def anomaly(primitive: Primitive, operands: tuple[Value, ...], scope: str, what: str) -> FloatingPointError:
    """The error that detect_anomaly raises: the operation, what it did, and the operands with their labels."""
    shown = ", ".join(
        f"{operand.label or f'argument {i + 1}'} = {operand.data:g}" for i, operand in enumerate(operands)
    )
    where = f" in scope {scope}" if scope else ""
    return FloatingPointError(f"{primitive.name}{where} {what}; its inputs: {shown}")


def _number(term: Any) -> float:
    return term if isinstance(term, float) else term.data


def _product(upstream: Any, local: Any) -> Any:
    """upstream * local, without recording the multiplications by the seed, by the slopes of a sum, and by none."""
    if isinstance(local, Flat):
        return 0.0
    if type(upstream) is float and upstream == 1.0:
        return local
    if type(local) is float and local == 1.0:
        return upstream
    return upstream * local


def _recorded_partials(node: Value) -> tuple[Any, ...]:
    """The node's rule on its operands as nodes, checked against the numbers of the recording."""
    assert node.op is not None
    # Plain numbers as such, so that what they settle leaves no node; unchecked, for not every partial is asked for.
    operands = [operand.data if operand.is_constant else operand for operand in node.inputs]
    with changed(checking=False, tracing=True):
        partials = node.op.partials(*operands, node)
    now = [*map(_number, partials), node.op.forward(*(operand.data for operand in node.inputs))]
    for position, (number, recorded) in enumerate(zip(now, (*node.partials, node.data), strict=True)):
        if number != recorded and not (isnan(number) and isnan(recorded)):
            what = "derivative" if position < len(node.partials) else "result"
            raise RuntimeError(
                f"the {what} of {node.op.name} is {number:g} now and was {recorded:g} when it was recorded: "
                "the data of an operand was changed in between; record the graph again"
            )
    return partials


def gradients(output: Value, wrt: list[Value], create_graph: bool = False) -> list[Any]:
    """d output / d w for each w in `wrt`, as floats (0.0 where output does not depend on it).

    Unlike `Value.backward` this leaves every `grad` alone. With `create_graph` the derivatives are Values
    where they depend on anything.
    """
    totals = {step.input: step.after for step in backward_steps(output, create_graph=create_graph)}
    return [totals.get(node, 0.0) for node in wrt]
