"""Writing nodes as formulas: names, numbers, and the operation of a node as text or LaTeX."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Sequence
from typing import Any

from autograd_core import modes
from autograd_core.primitives import ATOM, COMPARISONS, POWER, SIGN, Primitive
from autograd_core.value import Value


def number_text(number: float) -> str:
    """A number in six digits: 200, 0.419974, -1e-09.

    >>> number_text(200.0), number_text(1 / 3)
    ('200', '0.333333')
    """
    return format(float(number), ".6g")


def names_of(order: Sequence[Value], wanted: Container[Value] | None = None) -> dict[Value, str]:
    """A name for each node of a topological order, or the `wanted` ones: constants by number, labels where they differ.

    A node without a label is v and its place in the order; a label that several nodes carry gets the place too. Names
    are made different from all labels, and what cannot be printed in a line is left out of them.

    >>> from autograd_core import topological_order
    >>> x = Value(3.0, label="x")
    >>> list(names_of(topological_order(2 * x + x)).values())
    ['2', 'x', 'v2', 'v3']
    """
    carriers = Counter(_in_a_line(node.label) for node in order if node.label)
    names: dict[Value, str] = {}
    for place, node in enumerate(order):
        if wanted is not None and node not in wanted:
            continue
        label = node.label and _in_a_line(node.label)
        if node.is_constant:
            names[node] = number_text(node.data)
        elif label and carriers[label] == 1:
            names[node] = label
        else:
            name = f"{label}_{place}" if label else f"v{place}"
            while name in carriers:
                name += "'"
            names[node] = name
    return names


def _in_a_line(label: str) -> str:
    return label if label.isprintable() else "".join(c if c.isprintable() else "�" for c in label)


def operation(node: Value, names: dict[Value, str], latex: bool = False) -> str:
    """The operation of a node on the names of its operands, as in ``2 * bmw``; for a leaf its number."""
    if node.op is None:
        return number_text(node.data)
    return _Writer(latex).applied(node.op, [_stand_in(operand, names) for operand in node.inputs])


def partial(node: Value, position: int, names: dict[Value, str], latex: bool = False) -> str:
    """The rule for d node / d inputs[position], written on names; the number itself where the rule is one.

    The rule is evaluated on stand-in nodes that carry the names, and what that records is printed.
    """
    assert node.op is not None
    out = _named(node.data, names[node])
    try:
        with modes.changed(recording=True, checking=False, tracing=True):
            rule = node.op.partials(*(_stand_in(operand, names) for operand in node.inputs), out)
    except Exception:  # of somebody else's rule, which may ask a node for anything
        rule = node.partials
    return _Writer(latex).expression(rule[position])


def name_latex(name: str) -> str:
    r"""A name for LaTeX: w1 as w_{1}, longer names upright.

    A notebook that is made into Markdown has the formula as it is, so that a name must be no markup there either: <b>
    is {<}b{>}, which looks the same as a formula.

    >>> print(name_latex("w1"), name_latex("tesla"))
    w_{1} \mathrm{tesla}
    """
    match = re.fullmatch(r"([^\W\d_])_?(\d*)", name)
    if match:
        return match[1] + (f"_{{{match[2]}}}" if match[2] else "")
    specials = {"\\": r"\backslash ", "^": r"\wedge ", "~": r"\sim ", " ": r"\ ", "<": "{<}", ">": "{>}"}
    escaped = "".join(specials.get(c, "\\" + c if c in "#$%&_{}" else c) for c in name)
    return rf"\mathrm{{{escaped.replace('](', ']{}(')}}}"  # a link in Markdown


def number_latex(number: float) -> str:
    """A number for LaTeX, with powers of ten and infinity as signs."""
    text = number_text(number).replace("inf", r"\infty").replace("nan", r"\mathrm{nan}")
    return re.sub(r"e([+-])0*(\d+)", lambda e: rf" \cdot 10^{{{'-' if e[1] == '-' else ''}{e[2]}}}", text)


def _named(data: float, name: str) -> Value:
    return Value(data, label=name)


def _stand_in(operand: Value, names: dict[Value, str]) -> Any:
    """A leaf that carries the operand's name, or the plain number of a constant."""
    return operand.data if operand.is_constant else _named(operand.data, names[operand])


class _Writer:
    """Writes small expressions, as text or as LaTeX."""

    def __init__(self, latex: bool) -> None:
        self.latex = latex

    def expression(self, term: Any) -> str:
        node = self._simplified(term)
        if not isinstance(node, Value):
            return number_latex(node) if self.latex else number_text(node)
        if node.op is None:
            return name_latex(node.label) if self.latex else node.label
        return self.applied(node.op, node.inputs)

    def applied(self, primitive: Primitive, operands: Sequence[Any]) -> str:
        if self.latex:
            template = primitive.latex
        elif primitive.precedence == ATOM:
            return f"{primitive.name}({', '.join(map(self.expression, operands))})"
        else:
            template = f"-{'%s'}" if primitive.arity == 1 else f"%s {primitive.symbol.replace('%', '%%')} %s"
        slots = [match.start() for match in re.finditer("%s", template)]
        return template % tuple(
            self._operand(primitive, position, operand, enclosed=template[slot - 1] in "{(|" and slot > 0)
            for position, (slot, operand) in enumerate(zip(slots, operands, strict=True))
        )

    def _operand(self, primitive: Primitive, position: int, operand: Any, enclosed: bool) -> str:
        text = self.expression(operand)
        if enclosed or primitive.precedence == ATOM:
            return text
        inner = self._precedence(self._simplified(operand), text)
        # a - (b - c), a / (b * c), a * (b % c) and (a ** b) ** c need what a + b + c and a * b * c do not.
        strict = primitive.precedence == POWER and position == 0
        if position == 1:
            strict = primitive.symbol in "-/%" or self._symbol(operand) == "%"
        sign = text.startswith("-") and (position > 0 or primitive.precedence >= SIGN)
        if inner < primitive.precedence or (strict and inner == primitive.precedence) or sign:
            return rf"\left({text}\right)" if self.latex else f"({text})"
        return text

    def _symbol(self, operand: Any) -> str:
        node = self._simplified(operand)
        return node.op.symbol if isinstance(node, Value) and node.op else ""

    def _precedence(self, node: Any, text: str) -> int:
        if not isinstance(node, Value) or node.op is None:
            return ATOM
        # In LaTeX a fraction or e^x stands by itself, except under an exponent.
        if self.latex and "{" in text and node.op.symbol not in "+-*":
            return POWER
        return node.op.precedence

    def _simplified(self, term: Any) -> Any:
        """Without what a rule carries along but a reader would not write: 1 * x, x ** 1, the branch not taken."""
        while isinstance(term, Value) and term.op is not None:
            operands = [self._simplified(operand) for operand in term.inputs]
            # Numbers among themselves, and comparisons, come to a number: relu passes on 1 or 0.
            if term.op in COMPARISONS or not any(isinstance(o, Value) for o in operands):
                return term.data
            one = [not isinstance(operand, Value) and operand == 1.0 for operand in operands]
            if term.op.name == "mul" and any(one):
                term = operands[1] if one[0] else operands[0]
            elif term.op.name == "pow" and one[1]:
                term = operands[0]
            elif term.op.name == "where":
                term = operands[1] if term.inputs[0].data else operands[2]
            else:
                break
        return term
