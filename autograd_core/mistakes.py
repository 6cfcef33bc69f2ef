"""The wrong backward passes that learners make, and which of them an answer comes from.

Each is a function of a recorded graph that returns the gradient of every node as that pass leaves it, 0.0 where it
hands nothing back. So a quiz can tell a learner what went wrong, and a broken engine can be recognised by its numbers.

>>> from autograd_core import Value
>>> x = Value(3.0, label="x")
>>> y = x * x + x
>>> overwrite(y)[x], set_of_inputs(y)[x], no_local(y)[x]
(3.0, 4.0, 3.0)
>>> [mistake.name for mistake in diagnose(y, x, "4")]
['set_of_inputs']
>>> diagnose(y, x, "7")
[]
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from autograd_core.formula import names_of
from autograd_core.graph import BackwardStep, backward_steps, topological_order
from autograd_core.primitives import add, mul, neg, sub, truediv
from autograd_core.value import Value

Gradients = dict[Value, float]
"""For each node of a graph its gradient at the end of a pass."""
Pass = Callable[[Value], Gradients]
Variants = Callable[[Value], Iterator[Gradients]]

MOST_VISITS = 100_000
"""How many visits a pass may take that visits nodes again and again; beyond it the variant is left out."""
MOST_EDGES = 500
"""Up to how many edges each is tried on its own, as the one with a wrong sign."""


@dataclass(frozen=True)
class Mistake:
    """A wrong backward pass; call it with an output for the gradients that it gives."""

    name: str
    sentence: str
    """What to tell the learner."""
    source: str
    """Where it was seen."""
    gradients: Pass = field(repr=False)
    variants: Variants = field(repr=False)
    """The passes that count as this mistake, the one that `gradients` makes first."""

    def __call__(self, output: Value) -> Gradients:
        """The gradient of every node as this pass leaves it."""
        return self.gradients(output)


MISTAKES: dict[str, Mistake] = {}
"""All mistakes by name, the most likely ones first."""


def mistake(sentence: str, source: str, variants: Variants | None = None) -> Callable[[Pass], Mistake]:
    """Enter a wrong pass into the table; `variants` are other passes that are the same mistake."""

    def enter(gradients: Pass) -> Mistake:
        def all_of_them(output: Value) -> Iterator[Gradients]:
            yield gradients(output)
            if variants:
                yield from variants(output)

        name = getattr(gradients, "__name__", "")
        made = MISTAKES[name] = Mistake(name, sentence, source, gradients, all_of_them)
        made.__dict__["__doc__"] = gradients.__doc__
        return made

    return enter


def _pass(
    output: Value, contribution: Callable[[BackwardStep, Gradients], float | None], keep: bool = False
) -> Gradients:
    """A pass in the engine's order that hands on what `contribution` says of a step, and nothing for None.

    It is told of the step as the right pass takes it and of the gradients so far. With `keep` a contribution takes the
    place of what is there.
    """
    totals: Gradients = {output: 1.0}
    for step in backward_steps(output):
        if step.node is None:
            continue
        handed = contribution(step, totals)
        if handed is not None:
            totals[step.input] = handed if keep else totals.get(step.input, 0.0) + handed
    return {node: totals.get(node, 0.0) for node in topological_order(output)}


def _upstream(step: BackwardStep, totals: Gradients) -> float:
    """The gradient that this pass has for the node that hands on."""
    assert step.node is not None
    return totals.get(step.node, 0.0)


def _handed(step: BackwardStep, totals: Gradients) -> float:
    return _upstream(step, totals) * step.local


@mistake(
    "The last path overwrote the others. A node that is used in several places adds up what comes back: +=, not =.",
    "karpathy/nn-zero-to-hero, issue 52: the lecture's own first version",
)
def overwrite(output: Value) -> Gradients:
    """Nodes in the engine's order, and each contribution replaces the gradient instead of being added to it."""
    return _pass(output, _handed, keep=True)


@mistake(
    "The local derivative is missing. What a node hands back is its own gradient times the local derivative.",
    "karpathy/micrograd, issue 57: both operands of a subtraction were to receive the same",
)
def no_local(output: Value) -> Gradients:
    """Every edge hands on the gradient of its node unchanged; contributions are added up."""
    return _pass(output, _upstream)


@mistake(
    "The upstream gradient is missing. The local derivative has to be multiplied by the gradient of the node above.",
    "pytorch/pytorch, issue 995: the backward pass of a product left grad_output out",
)
def no_upstream(output: Value) -> Gradients:
    """Every edge hands on its local derivative alone; contributions are added up."""
    return _pass(output, lambda step, _: float(step.local))


@mistake(
    "Only one path was followed. The gradient is the sum over all paths from the output.",
    "karpathy/micrograd, pull request 23: each node was thought to have a single path to the output",
)
def first_path(output: Value) -> Gradients:
    """Each node has the product along one path: the one that depth-first search in argument order finds first."""
    totals: Gradients = {output: 1.0}
    stack = [output]
    while stack:
        node = stack[-1]
        found = next((k for k, one in enumerate(node.inputs) if not one.is_constant and one not in totals), None)
        if found is None:
            stack.pop()
            continue
        operand = node.inputs[found]
        totals[operand] = totals[node] * node.partials[found]
        stack.append(operand)
    return {node: totals.get(node, 0.0) for node in topological_order(output)}


@mistake(
    "An operand that is used twice by one operation was counted once. Both places hand something back.",
    "karpathy/micrograd, issue 77: is y = x * x an edge case?",
)
def set_of_inputs(output: Value) -> Gradients:
    """The inputs of an operation are a set: of an operand in several places only the first hands something back."""

    def first(step: BackwardStep, totals: Gradients) -> float | None:
        assert step.node is not None
        return _handed(step, totals) if step.node.inputs.index(step.input) == step.position else None

    return _pass(output, first)


def _visited_again(output: Value) -> Iterator[Gradients]:
    """Without a memory of what was visited: a node hands on all it has each time that it is met."""
    totals: Gradients = {output: 1.0}
    stack, visits = [output], 0
    while stack:
        node = stack.pop()
        visits += 1
        if visits > MOST_VISITS:
            return
        _hand_on(node, totals)
        stack.extend(one for one in reversed(node.inputs) if not one.is_constant)
    yield {node: totals.get(node, 0.0) for node in topological_order(output)}


def _hand_on(node: Value, totals: Gradients) -> None:
    for operand, local in zip(node.inputs, node.partials, strict=True):
        if not operand.is_constant:
            totals[operand] = totals.get(operand, 0.0) + totals[node] * local


@mistake(
    "A node handed its gradient on before all of it had arrived. It has to wait for everything that uses it: that is "
    "what the topological order is for.",
    "karpathy/micrograd, issues 21, 68, 91 and 96 and pull request 64: why is a topological sort needed?",
    _visited_again,
)
def no_order(output: Value) -> Gradients:
    """Depth first as nodes are met, each once: a node hands on what it has by then, and then its inputs in turn do."""
    totals: Gradients = {output: 1.0}
    met: set[Value] = set()
    stack = [output]
    while stack:
        node = stack.pop()
        if node in met:
            continue
        met.add(node)
        _hand_on(node, totals)
        stack.extend(one for one in reversed(node.inputs) if not one.is_constant)
    return {node: totals.get(node, 0.0) for node in topological_order(output)}


def _kept_everywhere(output: Value) -> Iterator[Gradients]:
    """Two passes, of which the second finds the gradients of all nodes as the first left them, not only of leaves."""
    totals: Gradients = {}
    for _ in range(2):
        totals[output] = 1.0
        for step in backward_steps(output):
            if step.node is not None:
                totals[step.input] = totals.get(step.input, 0.0) + _handed(step, totals)
    yield {node: totals.get(node, 0.0) for node in topological_order(output)}


@mistake(
    "The gradients of an earlier pass are still in it. They are set to zero before each backward pass.",
    "karpathy/micrograd, issue 53 and pull requests 54 and 102",
    _kept_everywhere,
)
def not_zeroed(output: Value) -> Gradients:
    """The gradients of two passes, the second added to the first; those of a second pass over it count as well."""
    return {node: 2.0 * gradient for node, gradient in _right(output).items()}


def _some_signs(output: Value) -> Iterator[Gradients]:
    """One edge has the wrong sign, or all edges into the same argument of one kind of operation."""
    steps = [step for step in backward_steps(output) if step.node is not None]
    kinds: dict[object, set[BackwardStep]] = {}
    for step in steps:
        assert step.node is not None
        kinds.setdefault((step.node.op, step.position), set()).add(step)
    single = [{step} for step in steps] if len(steps) <= MOST_EDGES else []
    for wrong in [*single, *(those for those in kinds.values() if len(those) > 1)]:
        edges = {(step.node, step.position) for step in wrong}

        def turned(step: BackwardStep, totals: Gradients, edges: set[tuple[Value | None, int | None]] = edges) -> float:
            return _handed(step, totals) * (-1.0 if (step.node, step.position) in edges else 1.0)

        yield _pass(output, turned)


@mistake(
    "A sign is wrong: a local derivative was taken with the opposite sign.",
    "AayushSameerShah/Neural-Net-Zero-to-Hero-with-Andrej, issue 1: the derivative of a - b with respect to b",
    _some_signs,
)
def sign(output: Value) -> Gradients:
    """Every local derivative is negated; one that is, or those of one kind of operation, count as well."""
    return _pass(output, lambda step, totals: -_handed(step, totals))


def _data(output: Value) -> Iterator[Gradients]:
    """The gradient of a node is its data; or the operand's data stands for the local derivative only."""
    yield {node: node.data for node in topological_order(output)}
    yield _pass(output, lambda step, totals: _upstream(step, totals) * step.input.data)


@mistake(
    "That is a value of the forward pass, not a gradient.",
    "karpathy/nn-zero-to-hero, issue 52: data in the place of the derivative of exp",
    _data,
)
def data_for_gradient(output: Value) -> Gradients:
    """Every edge hands back its operand's value; contributions are added up."""
    return _pass(output, lambda step, _: step.input.data)


def _right(output: Value) -> Gradients:
    return _pass(output, _handed)


def _times(number: float) -> Pass:
    return lambda output: {node: number * gradient for node, gradient in _right(output).items()}


def _no_activation(output: Value) -> Gradients:
    """As if every operation of one operand, but for a sign, had the slope 1."""
    plain = {add, sub, mul, truediv, neg}

    def slope(step: BackwardStep, totals: Gradients) -> float:
        assert step.node is not None
        varying = sum(not one.is_constant for one in step.node.inputs)
        forgotten = varying == 1 and step.node.op not in plain
        return _upstream(step, totals) * (1.0 if forgotten else step.local)

    return _pass(output, slope)


def _near(name: str, sentence: str, *passes: Pass) -> Mistake:
    return Mistake(
        name, sentence, "an answer close to the right one", passes[0], lambda output: (one(output) for one in passes)
    )


NEAR_MISSES = [
    _near("sign_of_result", "The number is right, and its sign is not.", _times(-1.0)),
    _near("factor_2", "A factor of 2 is missing, or there twice, as from a square.", _times(0.5), _times(2.0)),
    _near("no_activation", "The slope of an activation is missing.", _no_activation),
]
"""What is not a wrong pass but a slip, tried after all mistakes."""


def diagnose(output: Value, wrt: Value, answer: float | str) -> list[Mistake]:
    """The mistakes that give this answer for d output / d wrt, most likely first; [] where it is right or unknown.

    A text agrees with a number in the digits that were typed: "0.38" with 0.3849, and "0.380" not. It may be a
    fraction, have an exponent, a decimal comma and any kind of minus sign. Raises ValueError for a text that is no
    number and for a node that is not in the graph.

    >>> from autograd_core import Value
    >>> x = Value(3.0, label="x")
    >>> for found in diagnose(x * x + x, x, "4"):
    ...     print(found.sentence)
    An operand that is used twice by one operation was counted once. Both places hand something back.
    """
    order = topological_order(output)
    if wrt not in order:
        name = names_of([wrt])[wrt]
        raise ValueError(f"{name} is not in the graph of this output, so there is no derivative to ask for")
    if is_right(output, wrt, answer):
        return []
    number, tolerance = typed(answer)
    candidates = [*MISTAKES.values(), *NEAR_MISSES]
    return [one for one in candidates if any(_agrees(found[wrt], number, tolerance) for found in one.variants(output))]


def is_right(output: Value, wrt: Value, answer: float | str) -> bool:
    """Whether an answer for d output / d wrt is right in the digits that were typed; raises as `diagnose`.

    >>> from autograd_core import Value
    >>> x = Value(3.0, label="x")
    >>> is_right(x * x + x, x, "7.0"), is_right(x * x + x, x, "7.1")
    (True, False)
    """
    return _agrees(_right(output)[wrt], *typed(answer))


_MINUS = re.compile("[\u2010-\u2015\u2212\ufe63\uff0d]")
_DECIMAL = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE)


def typed(answer: float | str) -> tuple[float, float]:
    """The number that an answer means, and how far from it a number may be that it is a rounding of.

    >>> typed("−0,380")
    (-0.38, 0.0005)
    >>> typed("1/4")
    (0.25, 2.5e-07)
    """
    text = _MINUS.sub("-", str(answer).strip()).replace(" ", "")
    if re.fullmatch(r"[-+]?(inf|infinity|∞|nan)", text, re.IGNORECASE):
        return float(text.replace("∞", "inf")), 0.0
    parts = [re.sub(r"^([-+]?\d*),(\d+)", r"\1.\2", part) for part in text.split("/")]
    if len(parts) > 2 or not all(_DECIMAL.fullmatch(part) for part in parts):
        raise ValueError(f"{answer!r} is no number; write it like 0.5, 1e-3, 1/2 or inf")
    numbers = [Fraction(part) for part in parts]
    if len(parts) == 2:
        number = float(numbers[0] / numbers[1]) if numbers[1] else math.nan
        return number, 1e-6 * abs(number)
    digits, _, exponent = parts[0].lower().partition("e")
    place = int(exponent or 0) - len(digits.partition(".")[2])
    return float(numbers[0]), 0.5 * 10.0**place


def _agrees(number: float, answer: float, tolerance: float) -> bool:
    """Whether the answer is the number as far as it was typed, but never more than 5 % off."""
    if not math.isfinite(number) or not math.isfinite(answer):
        return number == answer or (math.isnan(number) and math.isnan(answer))
    allowed = min(tolerance, 0.05 * abs(number))
    return abs(number - answer) <= max(allowed, 1e-9 * abs(number)) * (1.0 + 1e-9)
