"""Last pass, for floats: straight-line Python, forward and backward, one node a line."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import NamedTuple

from autograd_core import floats, primitives
from autograd_core.compiler import rewrites
from autograd_core.compiler.cost import FLOAT_HELPER, FLOAT_OPERATION, of_floats
from autograd_core.compiler.ir import Form, Operation
from autograd_core.compiler.kinds import Call, Input, Place
from autograd_core.compiler.lowered import Lowered, MaxReduce, Pick
from autograd_core.compiler.names import Names
from autograd_core.compiler.pieces import Line
from autograd_core.compiler.printing import (
    ARITHMETIC,
    DEEPEST,
    Forms,
    Helper,
    Printer,
    Sign,
    Text,
    literal,
    plain_source,
)
from autograd_core.compiler.rules import Rules
from autograd_core.primitives import COMPARISONS, PRIMITIVES, PRODUCT, SIGN, Primitive

FORMS: Forms = {
    **{
        name: f"math.{primitive.forward.__name__}"
        if primitive.forward.__module__ == "math"
        else Helper(primitive.forward)
        for name, primitive in PRIMITIVES.items()
    },
    **ARITHMETIC,
}
"""How floats write each primitive: by the function that its record in the table of primitives names."""


class FloatPrinter(Printer):
    """Operations of a form as expressions on floats, where division by 0 raises and a comparison is a bool."""

    target, table, forms = "floats", "FORMS of autograd_core/compiler/straight.py", FORMS
    lines_apart = False

    def form_of(self, primitive: Primitive, arguments: Sequence[Place]) -> str | Sign | Helper:
        """How floats write a primitive; a quotient with a sign only where the divisor is a number other than 0."""
        if primitive is primitives.truediv and not rewrites.number_at(self.form, arguments[1]):
            return Helper(floats.divide)
        return super().form_of(primitive, arguments)

    def _call(self, kind: Call, one: Operation) -> Text:
        if kind.primitive in COMPARISONS and not kind.boolean:
            return Text(f"1.0 * ({self.comparison(kind.primitive.name, kind.arguments).text})", PRODUCT)
        return super()._call(kind, one)

    def factor(self, place: Place) -> str:
        """An operation next to another factor: a product may go on, a quotient may overflow elsewhere then."""
        text, binding = self.operand(place)
        goes_on = binding == PRODUCT and not rewrites.has_quotient(self.form, place)
        negative = rewrites.is_negative(self.form, place)
        return text if (binding > SIGN or goes_on) and not negative else f"({text})"

    def around(self, form: Sign, arguments: Sequence[Place]) -> tuple[str, str]:
        """The operands on both sides of a sign; on the right of another number True and False are 1 and 0."""
        kind = self.form[arguments[1]].kind
        if isinstance(kind, Call) and kind.primitive in COMPARISONS:
            condition = self.comparison(kind.primitive.name, kind.arguments).text
            return self.enclosed(arguments[0], form.binding), f"({condition})"
        return super().around(form, arguments)


class Template(NamedTuple):
    """An expression in which {0}, {1}, ... and {out} stand for operands and result, as in `str.format`."""

    alone: str
    factor: str
    """The expression next to another factor."""
    number: float | None
    """The number that it is, if it is one."""
    is_name: bool
    """Whether it is an operand or the result itself."""
    cost: float
    """What it takes, in nanoseconds."""


class Product(NamedTuple):
    """A number times names and other expressions that may stand in a product."""

    number: float
    factors: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    """The names in the factors; the factors themselves, where they are names."""

    def times(self, number: float, *names: str) -> Product:
        """This times more."""
        return Product(self.number * number, (*self.factors, *names), (*self.reads, *names))

    @property
    def is_bare(self) -> bool:
        """Whether it is a single variable or number."""
        return not self.factors or (self.number == 1.0 and len(self.factors) == 1 and self.factors == self.reads)


class Straight:
    """The body of a program, written line by line from its nodes.

    `sources` names the sources that leaves are of; no variable takes a `reserved` name.
    """

    def __init__(self, lowered: Lowered, sources: list[str], reserved: Iterable[str]) -> None:
        self.lowered = lowered
        self.rules = Rules()
        self.helpers: dict[str, str] = {}
        """The source of the functions that the lines written so far call, by name, those that others call first."""
        self.modules: set[str] = set()
        self.names = Names([*vars(floats), *sources, *reserved])
        self.lines: list[Line] = []
        self.cost = 0.0
        """What the lines written so far take, in nanoseconds."""
        self._templates: dict[object, Template] = {}
        self._name: dict[int, str] = {}
        self._terms: dict[int, dict[tuple[int, int, int], float]] = {}
        """For each linear node its terms: the coefficient of each factor, or pair of them, by sign, for the difference
        of two like terms may be inf - inf."""
        for owner, c, a, b in zip(lowered.owner, lowered.coefficient, lowered.left, lowered.right, strict=True):
            terms = self._terms.setdefault(owner, {})
            key = a, b, (c > 0.0) - (c < 0.0)
            terms[key] = terms.get(key, 0.0) + c
        self.leaves: list[dict[int, str]] = [{} for _ in sources]
        """For each source the names of the leaves in use, by position."""
        for node, (source, position) in lowered.leaves.items():
            label = lowered.order[node].label
            short = label if "." not in label else f"{sources[source][:1]}{position}"
            self._name[node] = self.names.fresh(short or f"{sources[source]}{position}")
            self.leaves[source][position] = self._name[node]

    def forward(self) -> list[str]:
        """Write the forward pass; the names of the outputs, or their numbers."""
        lowered = self.lowered
        for node in sorted(lowered.level):
            call = lowered.calls.get(node)
            if isinstance(call, MaxReduce):
                text, reads = self._largest([self._name[operand] for operand in call.operands])
            elif isinstance(call, Pick):
                token, *entries = self._texts(call.operands)
                self.cost += FLOAT_HELPER + FLOAT_OPERATION * len(entries)
                self.helpers.setdefault("checked_id", plain_source(floats.checked_id))
                text = f"[{', '.join(entries)}][checked_id({token}, {len(entries)})]"
                reads = self._names(call.operands)
            elif call:
                template = self._template(call.primitive, None, call.operands)
                self.cost += template.cost
                text = template.alone.format(*self._texts(call.operands))
                reads = self._names(call.operands)
            else:
                terms = [self._term(c, a, b) for (a, b, _), c in self._terms.get(node, {}).items()]
                text, reads = self._sum(terms, lowered.offset.get(node, 0.0))
                output = node >= len(lowered.order)
                if output and len(terms) == 1 and node not in lowered.offset and terms[0].is_bare:
                    self._name[node] = text
                    continue
            label = "value" if node >= len(lowered.order) else lowered.order[node].label
            name = self._name[node] = self.names.fresh(label if label and "." not in label else f"v{node}")
            self.lines.append(Line(name, text, reads))
        return [self._name[node] for node in lowered.outputs]

    def backward(self, wrt: Mapping[int, int]) -> list[list[str]]:
        """Write the reverse pass from the one output; its gradient with respect to these sources, as text.

        `wrt` says how many leaves each source has.
        """
        lowered = self.lowered
        requires_grad = self._requiring_grad(wrt)
        handed: dict[int, list[Product]] = {lowered.outputs[0]: [Product(1.0)]}
        for node in sorted(lowered.level, reverse=True):
            if node not in requires_grad or node not in handed:
                continue
            upstream = self._gathered(node, handed.pop(node))
            call = lowered.calls.get(node)
            if isinstance(call, Pick):
                for number, entry in enumerate(call.operands[1:]):
                    if entry in requires_grad:
                        handed.setdefault(entry, []).append(self._if_chosen(upstream, node, number))
                continue
            if call:
                assert not isinstance(call, (MaxReduce, Pick))
                for position, operand in enumerate(call.operands):
                    if operand in requires_grad and not self.rules.is_flat(call.primitive, position):
                        handed.setdefault(operand, []).append(self._through_call(upstream, node, position))
                continue
            for (a, b, _), c in self._terms.get(node, {}).items():
                if a == b:
                    handed.setdefault(a, []).append(upstream.times(2.0 * c, self._name[a]))
                    continue
                if a in requires_grad:
                    factors = () if b < 0 else (self._name[b],)
                    handed.setdefault(a, []).append(upstream.times(c, *factors))
                if b in requires_grad:
                    handed.setdefault(b, []).append(upstream.times(c, self._name[a]))
        gradients = {source: ["0.0"] * count for source, count in wrt.items()}
        for node, (source, position) in lowered.leaves.items():
            if source in wrt and node in handed:
                gradients[source][position] = self._product(self._gathered(node, handed[node]))
        return list(gradients.values())

    def _requiring_grad(self, wrt: Container[int]) -> set[int]:
        """The nodes that depend on a leaf of these sources, other than through a detached one."""
        lowered = self.lowered
        requires_grad = {node for node, (source, _) in lowered.leaves.items() if source in wrt}
        for node in sorted(lowered.level):
            call = lowered.calls.get(node)
            if isinstance(call, MaxReduce):
                continue
            if isinstance(call, Pick):
                call = Pick(call.operands[1:])  # a token gets no gradient
            factors = call.operands if call else [factor for a, b, _ in self._terms.get(node, ()) for factor in (a, b)]
            if any(factor in requires_grad for factor in factors):
                requires_grad.add(node)
        return requires_grad

    def _if_chosen(self, upstream: Product, node: int, number: int) -> Product:
        """The upstream gradient for the entry of this number if it is the chosen one, else 0."""
        token = self._name[self.lowered.calls[node].operands[0]]
        name = self.names.fresh(f"d_{self._name[node]}_{number}")
        self.cost += FLOAT_OPERATION
        text = f"{self._product(upstream)} if {token} == {self._literal(number)} else 0.0"
        self.lines.append(Line(name, text, (*upstream.reads, token)))
        return Product(1.0).times(1.0, name)

    def _through_call(self, upstream: Product, node: int, position: int) -> Product:
        """Upstream gradient times partial."""
        call = self.lowered.calls[node]
        assert not isinstance(call, (MaxReduce, Pick))
        template = self._template(call.primitive, position, call.operands)
        if template.number is not None:
            return upstream.times(template.number)
        self.cost += template.cost
        text = template.factor.format(*self._texts(call.operands), out=self._name[node])
        reads = (text,) if template.is_name else (*self._names(call.operands), self._name[node])
        return Product(upstream.number, (*upstream.factors, text), upstream.reads + reads)

    def _gathered(self, node: int, terms: list[Product]) -> Product:
        """The gradient of a node, in a variable unless it is one already."""
        if len(terms) == 1 and terms[0].is_bare:
            return terms[0]
        name = self.names.fresh(f"d_{self._name[node]}")
        self.lines.append(Line(name, *self._sum(terms)))
        return Product(1.0).times(1.0, name)

    def _text(self, node: int) -> str:
        number = self.lowered.numbers.get(node)
        return self._name[node] if number is None else self._literal(number)

    def _texts(self, nodes: Sequence[int]) -> list[str]:
        return [self._text(node) for node in nodes]

    def _names(self, nodes: Sequence[int]) -> tuple[str, ...]:
        """The names of nodes other than constants."""
        return tuple([self._name[node] for node in nodes if node not in self.lowered.numbers])

    def _literal(self, number: float) -> str:
        if not math.isfinite(number):
            self.modules.add("nan" if number != number else "inf")
        return literal(number)

    def _template(self, primitive: Primitive, position: int | None, operands: Sequence[int]) -> Template:
        """The form of a call, or of its partial by one operand, where constants among the operands are known."""
        numbers = [self.lowered.numbers.get(operand) for operand in operands]
        key = (primitive, position, *[None if number is None else repr(number) for number in numbers])
        if key not in self._templates:
            self._templates[key] = self._written(primitive, position, numbers)
        return self._templates[key]

    def _written(self, primitive: Primitive, position: int | None, numbers: Sequence[float | None]) -> Template:
        form = Form()
        places = [
            form.add(Input(f"{{{k}}}", ())) if number is None else rewrites.number(form, number)
            for k, number in enumerate(numbers)
        ]
        if position is None:
            result = self.rules.forward(primitive).follow(form, places)
        else:
            recipe = self.rules.partial(primitive, position, numbers)
            result = recipe.follow(form, [*places, form.add(Input("{out}", ()))])
        printer = FloatPrinter(form, [result], Names([]))
        alone, factor = printer.text(result), printer.factor(result)
        self.modules |= printer.modules
        for name, helper in printer.helpers.items():
            self.helpers.setdefault(name, helper)
        is_name = isinstance(form[result].kind, Input)
        return Template(alone, factor, rewrites.number_at(form, result), is_name, of_floats(printer))

    def _term(self, c: float, a: int, b: int) -> Product:
        names = (self._name[a],) if b < 0 else (self._name[a], self._name[b])
        return Product(c, names, names)

    def _product(self, product: Product) -> str:
        number, factors, _ = product
        self.cost += FLOAT_OPERATION * max(len(factors) - (number == 1.0), 0)
        if number == -1.0 and factors:
            return f"-{' * '.join(factors)}"
        if number != 1.0 or not factors:
            factors = (self._literal(number), *factors)
        return " * ".join(factors)

    def _sum(self, terms: list[Product], offset: float = 0.0) -> tuple[str, tuple[str, ...]]:
        """The sum as text, and the names that it reads."""
        if offset or not terms:
            terms = [*terms, Product(offset)]
        while len(terms) > DEEPEST:
            name = self.names.fresh("part", numbered=True)
            self.lines.append(Line(name, *self._joined(terms[:DEEPEST])))
            terms = [Product(1.0).times(1.0, name), *terms[DEEPEST:]]
        return self._joined(terms)

    def _joined(self, terms: list[Product]) -> tuple[str, tuple[str, ...]]:
        self.cost += FLOAT_OPERATION * (len(terms) - 1)
        parts, reads = [self._product(terms[0])], terms[0].reads
        for term in terms[1:]:
            sign, term = ("-", term.times(-1.0)) if term.number < 0.0 else ("+", term)
            parts.append(f"{sign} {self._product(term)}")
            reads += term.reads
        return " ".join(parts), reads

    def _largest(self, names: list[str]) -> tuple[str, tuple[str, ...]]:
        template = self._written(primitives.maximum, None, [None, None])
        larger = template.alone
        self.cost += template.cost * (len(names) - 1)
        name = names[0]
        for other in names[1:-1]:
            fresh = self.names.fresh("largest", numbered=True)
            self.lines.append(Line(fresh, larger.format(name, other), (name, other)))
            name = fresh
        if len(names) == 1:
            return name, (name,)
        return larger.format(name, names[-1]), (name, names[-1])
