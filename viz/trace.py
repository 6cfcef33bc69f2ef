"""What a stepper knows of a graph, as JSON: the trace, and the compact form of it that a page carries.

Numbers that JSON lacks are the strings "inf", "-inf" and "nan". The trace:

    version    2
    nodes      by topological index: name, short (the name inside its box), label, operation (its sign, or null for a
               leaf), constant, parameter, data, scope, inputs (indices in argument order), partials (the local
               derivatives), formula and rules (the partials written out) as text, settled (whether the rules are
               written so for any numbers), box (the index of the innermost box around it, or null)
    forward    the indices of the operations in the order in which they are computed
    backward   the steps of `autograd_core.backward_steps`: node (null for the seed), input, position, upstream, local,
               contribution, before, after
    boxes      by index, outer ones first: name, title, path, parent (an index or null), call (which of several calls of
               that path it is, from 1; 0 for an only one), key (what an address calls it, as ``layers.1(2)``)

The compact form leaves out what the page works out itself: the forward and the backward steps follow from `inputs` and
`partials`. What many nodes share is listed once, in `forms`, whose formulas and rules have ``{0}``, ``{1}`` and
``{out}`` for the names of the operands and of the result. A rule is null where no change of the operand moves the
result, so that not even an infinite gradient is handed back. The nodes are columns.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from autograd_core import Value, backward_steps, topological_order
from autograd_core.floats import Flat
from autograd_core.formula import names_of, operation, partial
from autograd_core.modes import Scope, changed
from autograd_core.primitives import COMPARISONS, where
from viz.page import json_number
from viz.tree import TreeBox, box_keys, box_tree, short_label

_BRANCHING = COMPARISONS | {where}


@dataclass(frozen=True)
class Form:
    """How an operation is written, for all nodes that are written so."""

    symbol: str
    formula: str
    rules: tuple[str | None, ...]
    """The partials, with '' for that of a plain number, and None where no change of the operand moves the result."""
    settled: bool
    """Whether the rules are written so for any numbers."""


class Graph:
    """A recorded graph with the names, boxes and forms by which a page tells of it."""

    def __init__(self, order: list[Value], parameters: Iterable[Value] | None = None) -> None:
        """`parameters` are the leaves that a step of descent moves; those of modules, unless they are given."""
        self.order = order
        self.parameters = set(filter(_is_parameter, order) if parameters is None else parameters)
        self.index = {node: i for i, node in enumerate(order)}
        self.names = names_of(order)
        self.boxes, self.homes = box_tree(order)
        self._forms: dict[Any, Form] = {}
        self.forms = [self._form(node) for node in order]
        """For each node its form; None for leaves and plain numbers."""

    @property
    def gradients(self) -> list[float]:
        """The gradient of each node in this pass, 0.0 where nothing arrives."""
        totals = {step.input: step.after for step in backward_steps(self.order[-1])}
        return [totals.get(node, 0.0) for node in self.order]

    def trace(self) -> dict[str, Any]:
        """The trace, as the module describes it."""
        place = {box: k for k, box in enumerate(self.boxes)}
        nodes = [
            {
                "name": self.names[node],
                "short": self._short(i),
                "label": node.label,
                "operation": form.symbol if form else None,
                "constant": node.is_constant,
                "parameter": node in self.parameters,
                "data": json_number(node.data),
                "scope": str(node.scope),
                "inputs": [self.index[operand] for operand in node.inputs],
                "partials": [json_number(local) for local in node.partials],
                "formula": self._written(form.formula, node) if form else "",
                "rules": [self._written(rule, node) for rule in form.rules] if form else [],
                "settled": form.settled if form else True,
                "box": None if home is None else place[home],
            }
            for i, (node, form, home) in enumerate(zip(self.order, self.forms, self.homes, strict=True))
        ]
        backward = [
            {
                "node": None if step.node is None else self.index[step.node],
                "input": self.index[step.input],
                "position": step.position,
                "upstream": json_number(step.upstream),
                "local": json_number(step.local),
                "contribution": json_number(step.contribution),
                "before": json_number(step.before),
                "after": json_number(step.after),
            }
            for step in backward_steps(self.order[-1])
        ]
        forward = [i for i, form in enumerate(self.forms) if form]
        return {"version": 2, "nodes": nodes, "forward": forward, "backward": backward, "boxes": self._boxes()}

    def compact(self, operations: list[int]) -> dict[str, Any]:
        """The compact trace; `operations` says for each node which of the page's operations works it out, or -1."""
        forms = list(dict.fromkeys(form for form in self.forms if form))
        known = {form: k for k, form in enumerate(forms)}
        place: dict[TreeBox | None, int] = {box: k for k, box in enumerate(self.boxes)} | {None: -1}
        numbered = [node for node in self.order if not node.is_constant]
        plain = {node: f"v{self.index[node]}" for node in numbered}
        return {
            "version": 2,
            "forms": [[form.symbol, form.formula, form.rules, form.settled] for form in forms],
            "form": [known[form] if form else -1 for form in self.forms],
            "operation": operations,
            "name": {self.index[node]: self.names[node] for node in numbered if self.names[node] != plain[node]},
            "constant": [i for i, node in enumerate(self.order) if node.is_constant],
            "parameter": [i for i, node in enumerate(self.order) if node in self.parameters],
            "data": [json_number(node.data) for node in self.order],
            "inputs": [self.index[operand] for node in self.order for operand in node.inputs],
            "partials": [json_number(local) for node in self.order for local in node.partials],
            "box": [place[home] for home in self.homes],
            "boxes": self._boxes(),
        }

    def _boxes(self) -> list[dict[str, Any]]:
        place = {box: k for k, box in enumerate(self.boxes)}
        return [
            {
                "name": box.name,
                "title": box.title,
                "path": box.path,
                "parent": None if box.parent is None else place[box.parent],
                "call": box.call,
                "key": key,
            }
            for box, key in zip(self.boxes, box_keys(self.boxes), strict=True)
        ]

    def _short(self, i: int) -> str:
        node = self.order[i]
        return short_label(self.names[node], self.homes[i])

    def _written(self, template: str | None, node: Value) -> str:
        if template is None:
            return "0"
        names = [self.names[operand] for operand in node.inputs]
        return template.format(*names, out=self.names[node])

    def _form(self, node: Value) -> Form | None:
        if node.op is None or node.is_constant:
            return None
        constants = tuple([operand.data if operand.is_constant else None for operand in node.inputs])
        first = tuple([node.inputs.index(operand) for operand in node.inputs])
        signs = tuple([self.names[one].startswith("-") for one in (*node.inputs, node)])
        key: Any = (node.op, repr(constants), first, signs)
        if key in self._forms:
            return self._forms[key]
        names = {operand: self._place(operand, str(k)) for k, operand in reversed(list(enumerate(node.inputs)))}
        names |= {operand: self.names[operand] for operand in node.inputs if operand.is_constant}
        names[node] = self._place(node, "out")
        rules = [
            "" if operand.is_constant else None if isinstance(local, Flat) else _template(partial(node, k, names))
            for k, (operand, local) in enumerate(zip(node.inputs, node.partials, strict=True))
        ]
        form = Form(node.op.symbol, _template(operation(node, names)), tuple(rules), _settled(node))
        if form.settled:
            self._forms[key] = form
        return form

    def _place(self, node: Value, key: str) -> str:
        """What stands for the name of a node until its text is a template."""
        # A name that begins with a minus sign needs parentheses where others do not.
        return f"-\x02{key}\x01" if self.names[node].startswith("-") else f"\x00{key}\x01"


def _template(text: str) -> str:
    """For str.format; braces, for example in the name of an operation, are doubled only here."""
    braced = text.replace("{", "{{").replace("}", "}}")
    return braced.replace("-\x02", "{").replace("\x00", "{").replace("\x01", "}")


def _is_parameter(node: Value) -> bool:
    """Whether this is a leaf that a module has given its path; what is made in a call carries the call."""
    return node.op is None and bool(node.scope) and not isinstance(node.scope, Scope)


def _settled(node: Value) -> bool:
    """Whether the rule of a node takes the same branch for all numbers, which a written rule shows one of."""
    assert node.op is not None
    operands = [operand.data if operand.is_constant else Value(operand.data) for operand in node.inputs]
    with changed(recording=True, checking=False, tracing=True, symbolic=True):
        try:
            rule = node.op.partials(*operands, Value(node.data))
        except Exception:  # of somebody else's rule, which may ask a node for anything
            return False
    written = zip(rule, operands, strict=True)
    recorded = topological_order(*(p for p, operand in written if isinstance(p, Value) and isinstance(operand, Value)))
    return not any(part.op in _BRANCHING for part in recorded)
