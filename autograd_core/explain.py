"""Why a derivative is what it is: the chain rule of one derivative.

Everything here is read off the event stream of `graph.backward_steps`.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import NamedTuple

from autograd_core import formula
from autograd_core.formula import name_latex, number_latex, number_text
from autograd_core.graph import BackwardStep, backward_steps, collector_paused, topological_order
from autograd_core.tables import MOST_ROWS, shortened
from autograd_core.value import Value

# Beyond these a list of paths explains nothing to anybody, and the last accumulation does.
MOST_PATHS = 16
MOST_EDGES = 10_000
MOST_FACTORS = 12


class Term(NamedTuple):
    """One summand of a derivative: a path from the output to the input, or one accumulation into the input."""

    names: tuple[str, ...]
    """The nodes along the path, output first."""
    factors: tuple[float, ...]
    """What each edge multiplies by; for an accumulation the upstream gradient and the local derivative."""
    product: float
    """The product of the factors, taken from the output down as a backward pass does."""
    position: int
    """Which argument of the last operation the input is, from 0."""


@dataclass(frozen=True, repr=False)
class Explanation:
    """The derivative of one node with respect to another, taken apart; what `explain` returns."""

    output: str
    """The name of what is differentiated."""
    wrt: str
    """The name of what it is differentiated by."""
    value: float
    """The derivative, as a backward pass accumulates it."""
    rows: list[Term]
    """The terms whose sum it is; empty where the output does not depend on the input."""
    paths: int
    """How many paths lead from the output to the input; counted up to a million."""
    by_path: bool
    """Whether the terms are whole paths (small graphs) or accumulations into the input."""
    definitions: list[tuple[Value, list[BackwardStep]]]
    """The operations along the paths, with the steps through them, in topological order."""
    names: dict[Value, str]
    """The names of the nodes."""

    def __str__(self) -> str:
        left = f"d {self.output} / d {self.wrt} = "
        total = number_text(self.value)
        if not self.rows:
            return left + (total if self.output == self.wrt else f"0, for {self.output} does not depend on {self.wrt}")
        if len(self.rows) == 1 and self.by_path:
            lines = [left + self._term_text(self.rows[0])]
        else:
            lines = [f"{left}{self._what_is_summed()} = {total}"]
            lines += ["  " + line for line in shortened(self.rows, self._row_text)]
        if self.by_path:
            lines += self._where()
        return "\n".join(lines)

    __repr__ = __str__

    def _what_is_summed(self) -> str:
        if self.by_path:
            return f"sum over {len(self.rows)} paths"
        many = "more than 1,000,000" if self.paths > 1_000_000 else f"{self.paths:,}"
        return f"sum of {len(self.rows):,} contributions, which gather {many} paths"

    def _term_text(self, term: Term) -> str:
        edges = [f"d {above}/d {below}" for above, below in zip(term.names, term.names[1:], strict=False)]
        numbers = [f"({number_text(f)})" if i and f < 0 else number_text(f) for i, f in enumerate(term.factors)]
        # A path of one edge is the derivative itself, which stands on the left already.
        parts = [_product(edges, " * ")] if len(edges) > 1 or len(self.rows) > 1 else []
        if len(numbers) > 1:
            parts.append(_product(numbers, " * "))
        return " = ".join([*parts, number_text(term.product)])

    def _row_text(self, term: Term) -> str:
        twins = [other for other in self.rows if other.names == term.names] if len(self.rows) <= MOST_PATHS else []
        note = f"   ({self.wrt} as argument {term.position + 1} of {term.names[-2]})"
        return self._term_text(term) + (note if len(twins) > 1 else "")

    def _where(self) -> list[str]:
        """What the names stand for that no label explains, and the rules that gave the local derivatives."""
        lines = []
        for node, steps in self.definitions[:MOST_ROWS]:
            rules = []
            for step in steps:
                assert step.position is not None
                rule, number = formula.partial(node, step.position, self.names), number_text(step.local)
                text = f"d {self.names[node]}/d {self.names[step.input]} = {rule}"
                if rule != number and f"{text} = {number}" not in rules:
                    rules.append(f"{text} = {number}")
            if rules or not node.label:
                what = f"{self.names[node]} = {formula.operation(node, self.names)} = {number_text(node.data)}"
                lines.append("   ".join([f"  {what}", *rules]))
        if len(self.definitions) > MOST_ROWS:
            lines.append(f"  ... and {len(self.definitions) - MOST_ROWS:,} more operations")
        return ["where", *lines] if lines else []

    def _repr_latex_(self) -> str:
        return rf"$\displaystyle {self.latex()}$"

    def latex(self) -> str:
        """The chain rule as LaTeX for a formula on a line of its own, without the signs that open and close one."""
        left = _derivative_latex(self.output, self.wrt)
        if not self.rows:
            return f"{left} = {number_latex(self.value)}"
        if len(self.rows) == 1 and self.by_path:
            return f"{left} = {self._term_latex(self.rows[0])}"
        symbols, numbers = [], []
        for term in self.rows[:MOST_PATHS]:
            symbols.append(_product(_edges_latex(term), r" \cdot "))
            numbers.append(number_latex(term.product))
        if len(self.rows) > MOST_PATHS:
            symbols.append(r"\cdots")
            numbers.append(r"\cdots")
        lines = [r" \\ &\quad + ".join(symbols), " + ".join(_bracketed(numbers)), number_latex(self.value)]
        return rf"\begin{{aligned}} {left} &= " + r" \\ &= ".join(lines) + r" \end{aligned}"

    def _term_latex(self, term: Term) -> str:
        numbers = _bracketed([number_latex(factor) for factor in term.factors])
        parts = [_product(_edges_latex(term), r" \cdot ")] if len(term.factors) > 1 else []
        if 0 < len(self.definitions) <= MOST_FACTORS:
            rules = [
                formula.partial(node, steps[0].position or 0, self.names, latex=True)
                for node, steps in reversed(self.definitions)
            ]
            symbolic = r" \cdot ".join(
                rf"\left({rule}\right)" if any(sign in rule for sign in "+-") else rule for rule in rules
            )
            if rules != [number_latex(factor) for factor in term.factors]:
                parts.append(symbolic)
        if len(numbers) > 1:
            parts.append(_product(numbers, r" \cdot "))
        return " = ".join([*parts, number_latex(term.product)])


def explain(output: Value, wrt: Value, through: Value | Sequence[Value] = ()) -> Explanation:
    """Take d output / d wrt apart into the products along the paths, or into its last accumulations.

    In a small graph the terms are the paths from `output` to `wrt` with the local derivative of each edge; in a
    large one they are the accumulations into `wrt`. With `through`, nodes in the order from `output` down, there is
    one term, the product of the derivatives from each of them to the next: the chain rule as one writes it by hand.
    Prints as text, shows as LaTeX in a notebook, and has the terms as `rows`.

    Raises TypeError for what is no Value, and ValueError where some path does not lead `through` all of the nodes.

    >>> x = Value(1.0, label="x")
    >>> bmw = 100 * x
    >>> bmw.label = "bmw"
    >>> tesla = 2 * bmw
    >>> tesla.label = "tesla"
    >>> print(explain(tesla, x))
    d tesla / d x = d tesla/d bmw * d bmw/d x = 2 * 100 = 200
    >>> z = 3 * x + x * x - 1
    >>> a = z.tanh()
    >>> loss = (a - 0.5) ** 2
    >>> z.label, a.label, loss.label = "z", "a", "loss"
    >>> print(explain(loss, x, through=[a, z]))
    d loss / d x = d loss/d a * d a/d z * d z/d x = 0.99011 * 0.00986604 * 5 = 0.0488423
    """
    between = [through] if isinstance(through, Value) else list(through)
    for node, role in ((output, "output"), (wrt, "wrt"), *((node, "through") for node in between)):
        if not isinstance(node, Value):
            raise TypeError(f"explain takes Values, got {type(node).__name__} for {role}")
    with collector_paused():
        return _explained_through([output, *between, wrt]) if between else _explained(output, wrt)


def _explained(output: Value, wrt: Value) -> Explanation:
    order = topological_order(output)
    names = formula.names_of(order if wrt in set(order) else [*order, wrt])
    leading = _leading(order, wrt)
    steps = list(_steps_to(output, order, leading))
    value = next((step.after for step in reversed(steps) if step.input is wrt), float(output is wrt))
    count = leading.get(output, 0) if steps else 0
    by_path = count == 1 or (count <= MOST_PATHS and len(steps) <= MOST_EDGES)
    down: dict[Value, list[BackwardStep]] = {}
    rows = []
    if count and by_path:
        # In topological order, as definitions are read.
        for step in reversed(steps):
            assert step.node is not None
            down.setdefault(step.node, []).insert(0, step)
        rows = [_path_term(path, names) for path in _paths(output, wrt, down)]
    elif count:
        rows = [_accumulation_term(step, output, names) for step in steps if step.input is wrt]
    return Explanation(names[output], names[wrt], value, rows, count, by_path, list(down.items()), names)


def _leading(order: Sequence[Value], wrt: Value) -> dict[Value, int]:
    """How many paths lead to wrt from each node of a topological order that any lead from, up to a little over a
    million."""
    paths = {} if wrt.is_constant else {wrt: 1}
    for node in order:
        for operand in node.inputs:
            if operand in paths:
                paths[node] = min(paths.get(node, 0) + paths[operand], 1_000_001)
    return paths


def _steps_to(output: Value, order: Sequence[Value], leading: Container[Value]) -> Iterator[BackwardStep]:
    """The steps of a backward pass from one leading node to another."""
    for step in backward_steps(output, order=[node for node in order if node in leading]):
        if step.node is not None and step.input in leading:
            yield step


def _explained_through(nodes: list[Value]) -> Explanation:
    """The derivative of the first node with respect to the last: the product of the derivatives between neighbours."""
    output, wrt = nodes[0], nodes[-1]
    order = topological_order(output)
    place = dict.fromkeys(nodes, 0)
    place |= {node: index for index, node in enumerate(order) if node in place}
    names = formula.names_of([*order, *(node for node in place if order[place[node]] is not node)])

    def between(above: Value, below: Value) -> tuple[int, float]:
        """How many paths lead from one node to the other, and the derivative."""
        # What lies between the nodes lies between their places, so that all pairs together are one more walk.
        part = order[place[below] : place[above] + 1]
        leading, value, found = _leading(part, below), float(above is below), False
        for step in _steps_to(above, part, leading):
            if step.input is below:
                value, found = step.after, True
        return (leading.get(above, 0) if found else 0), value

    every, value = between(output, wrt)
    counts, factors = zip(*(between(above, below) for above, below in pairwise(nodes)), strict=True)
    passing = prod(counts)
    if min(passing, 1_000_001) != every or not every:
        named = ", ".join(names[node] for node in nodes[1:-1])
        raise ValueError(
            f"of the {every:,} paths from {names[output]} to {names[wrt]}, {passing:,} lead through {named} in this "
            "order; name nodes that all of them pass, or explain it without `through`"
        )
    term = Term(tuple(names[node] for node in nodes), factors, prod(factors), 0)
    return Explanation(names[output], names[wrt], value, [term], every, True, [], names)


def _paths(output: Value, wrt: Value, down: dict[Value, list[BackwardStep]]) -> Iterator[list[BackwardStep]]:
    """Every path from output to wrt, depth first and in argument order."""
    pending = [(0, step) for step in reversed(down[output])]
    path: list[BackwardStep] = []
    while pending:
        depth, step = pending.pop()
        del path[depth:]
        path.append(step)
        if step.input is wrt:
            yield list(path)
        else:
            pending += [(depth + 1, below) for below in reversed(down[step.input])]


def _path_term(path: list[BackwardStep], names: dict[Value, str]) -> Term:
    product = 1.0
    for step in path:
        product *= step.local
    nodes = tuple(names[step.node] for step in path if step.node is not None)
    factors = tuple(step.local for step in path)
    return Term((*nodes, names[path[-1].input]), factors, product, path[-1].position or 0)


def _accumulation_term(step: BackwardStep, output: Value, names: dict[Value, str]) -> Term:
    assert step.node is not None
    if step.node is output:
        return Term((names[output], names[step.input]), (step.local,), step.contribution, step.position or 0)
    path = (names[output], names[step.node], names[step.input])
    return Term(path, (step.upstream, step.local), step.contribution, step.position or 0)


def _product(factors: Sequence[str], sign: str) -> str:
    """The factors with the sign between them, the middle of a long product counted instead of written."""
    if len(factors) <= MOST_FACTORS:
        return sign.join(factors)
    dots = r"\cdots" if "cdot" in sign else "..."
    counted = rf"\text{{ ({len(factors):,} factors)}}" if "cdot" in sign else f" ({len(factors):,} factors)"
    return sign.join([*factors[:3], dots, *factors[-3:]]) + counted


def _derivative_latex(above: str, below: str) -> str:
    return rf"\frac{{\partial {name_latex(above)}}}{{\partial {name_latex(below)}}}"


def _edges_latex(term: Term) -> list[str]:
    return [_derivative_latex(above, below) for above, below in zip(term.names, term.names[1:], strict=False)]


def _bracketed(numbers: Sequence[str]) -> list[str]:
    """Negative numbers in brackets, except in front."""
    return [rf"\left({n}\right)" if i and n.startswith("-") else n for i, n in enumerate(numbers)]
