"""What all printers share: which operations stand inside which lines, precedence, and names.

A printer has one table, of how its target writes each primitive. Whether an operation gets a line of its own is
decided on the form: it has a name, or is read more than once, or the expression that it ends is as deep as a parser
can be asked to follow.
"""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from autograd_core import primitives
from autograd_core.compiler.ir import Form, Operation
from autograd_core.compiler.kinds import (
    Call,
    Input,
    Kind,
    MatMul,
    Place,
    Reduce,
    SampleProduct,
    Scatter,
    VecDot,
    View,
)
from autograd_core.compiler.names import Names
from autograd_core.compiler.rewrites import is_negative, number_at
from autograd_core.compiler.rules import CompileError
from autograd_core.compiler.steps import Range
from autograd_core.primitives import ATOM, POWER, PRODUCT, SIGN, SUM, Primitive

COMPARISON = SUM - 1
"""How tightly a comparison binds."""
DEEPEST = 50
"""How many operations may stand inside one another: CPython's parser gives up at about a hundred."""


class Text(NamedTuple):
    """An expression, and how tightly its last operation binds."""

    text: str
    binding: int


class Sign(NamedTuple):
    """A form with a sign between two operands."""

    sign: str
    binding: int


class Helper(NamedTuple):
    """A form that calls a function whose source comes along."""

    function: Callable[..., Any]


Forms = Mapping[str, str | Sign | Helper]
"""How a target writes primitives by name: the name of a function, a sign, or a helper."""

ARITHMETIC: Forms = {
    "add": Sign("+", SUM), "sub": Sign("-", SUM), "mul": Sign("*", PRODUCT), "truediv": Sign("/", PRODUCT),
}  # fmt: skip
SIGNS = {"less": "<", "less_equal": "<=", "equal": "=="}


def literal(number: float) -> str:
    """A number as source.

    >>> literal(2), literal(-math.inf)
    ('2.0', '-inf')
    """
    if math.isfinite(number):
        return repr(float(number))
    return "nan" if number != number else "inf" if number > 0 else "-inf"


class Printer:
    """The expressions of a form, as far as the operations at `roots` need it.

    A subclass is a target. It has a table of how the target writes each primitive, and for each kind of operation a
    method named after it, such as `_matmul` for `MatMul`, which is handed the kind and its operation, and returns the
    expression. It writes operands by `text`, `enclosed` or `atom`. Inputs, calls and numbers are written here as most
    languages have them. The operations that have a `name` are lines, in the order of `used`; the others stand inside.
    Lines that the form has no name for, such as what is read twice, get one from `names`, for which `Names` is told the
    words that are taken in the target. Names that the form brings along are those of Python; a target with other
    keywords, or one that does not tell ``W1`` from ``w1``, changes them in `name` first. A subclass with a `_call` of
    its own looks at ``kind.boolean``: such a comparison is a truth value, and any other is the number 1.0 or 0.0.

    >>> from autograd_core import Value, compile
    >>> from autograd_core.functions import tanh
    >>> class Lisp(Printer):
    ...     target, table = "Lisp", "Lisp.forms"
    ...     forms = {"add": "+", "mul": "*", "tanh": "tanh"}
    ...     def _call(self, kind, one):
    ...         function = self.form_of(kind.primitive, kind.arguments)
    ...         return Text(f"({function} {' '.join(map(self.text, kind.arguments))})", ATOM)
    >>> x, y = Value(0.5, label="x"), Value(2.0, label="y")
    >>> form = compile(1.0 + tanh(x * y) * x, inputs=[x, y], backend="numpy").form
    >>> printer = Lisp(form, form.results[:1], Names([]))
    >>> for place in printer.used:
    ...     if place in printer.name:
    ...         print(f"(setf {printer.name[place]} {printer.expression(place).text})")
    (setf z1 (* x y))
    (setf tanh1 (tanh z1))
    (setf value (+ (* x tanh1) 1.0))
    """

    target = ""
    """The name of the language, for messages."""
    table = ""
    """Where the table of forms is, for messages."""
    forms: Forms = ARITHMETIC
    lines_apart = True
    """Whether expressions may be split over several lines."""

    def __init__(self, form: Form, roots: Sequence[Place], names: Names) -> None:
        self.form = form
        self.helpers: dict[str, str] = {}
        """The source of the functions that the lines call, by name, those that others call first."""
        self.modules: set[str] = set()
        """The modules and numbers that the lines refer to, such as math and inf."""
        self.name = {place: one.name for place, one in enumerate(form.operations) if one.name}
        self.about = {place: one.about for place, one in enumerate(form.operations) if one.about}
        """Where the named operations come from, in words."""
        names.taken.update(
            self.name.values(), (one.kind.name for one in form.operations if isinstance(one.kind, Input))
        )
        self.used = sorted(self._reached(roots))
        self._name_lines(names, roots)

    def _reached(self, roots: Sequence[Place]) -> set[Place]:
        reached, stack = set[Place](), list(roots)
        while stack:
            place = stack.pop()
            if place not in reached:
                reached.add(place)
                stack += self.form[place].operands
        return reached

    def _name_lines(self, names: Names, roots: Sequence[Place]) -> None:
        """Name what is read more than once, what is too deep, and the roots."""
        uses, depth = dict.fromkeys(self.used, 0), dict[Place, int]()
        for place in self.used:
            for operand in self.form[place].operands:
                uses[operand] += 1
        for place in self.used:
            one = self.form[place]
            if isinstance(one.kind, Scatter):
                self.name[place] = self.name[one.kind.into]
            depth[place] = 1 + max([depth[operand] for operand in one.operands], default=0)
            if place not in self.name and not self.is_leaf(place):
                free = isinstance(one.kind, View) and (one.kind.source in self.name or self.is_leaf(one.kind.source))
                if self.lines_apart and (depth[place] >= DEEPEST or (uses[place] > 1 and not free)):
                    self._name_line(place, names)
            if place in self.name:
                depth[place] = 0

    def _name_line(self, place: Place, names: Names) -> None:
        """Name a line; a comparison like the same one as a number, if nobody reads that."""
        kind = self.form[place].kind
        if isinstance(kind, Call) and kind.boolean:
            twin = self.form.find(Call(kind.primitive, kind.arguments))
            if twin in self.name and twin not in self.used:
                self.name[place], self.about[place] = self.name[twin], self.about.get(twin, "")
                return
        self.name[place] = names.fresh(self.stem(kind), numbered=True)

    def is_leaf(self, place: Place) -> bool:
        """Whether an operation is written without a line before."""
        return isinstance(self.form[place].kind, Input) or number_at(self.form, place) is not None

    def stem(self, kind: Kind) -> str:
        """What a line that nobody named is called, with a number behind it."""
        if isinstance(kind, Call):
            return kind.primitive.name if kind.primitive.name not in ARITHMETIC else "t"
        return {Reduce: "sum", MatMul: "product", VecDot: "product", SampleProduct: "product"}.get(type(kind), "t")

    def atom(self, place: Place) -> str:
        """An operand, in parentheses unless it is a name, a number, or such with dots and brackets behind it."""
        return self.enclosed(place, ATOM)

    def enclosed(self, place: Place, binding: int) -> str:
        """An operand, in parentheses if it binds less tightly."""
        text, own = self.operand(place)
        return text if own >= binding else f"({text})"

    def operand(self, place: Place) -> Text:
        """The name of an operation, or its expression."""
        if place in self.name:
            return Text(self.name[place], ATOM)
        return self.expression(place)

    def text(self, place: Place) -> str:
        """An operand that stands by itself."""
        return self.operand(place).text

    def expression(self, place: Place) -> Text:
        """An operation written out."""
        one = self.form[place]
        value = number_at(self.form, place)
        if value is not None:
            return Text(self.number(value), SIGN if math.copysign(1.0, value) < 0.0 and value == value else ATOM)
        kind = type(one.kind).__name__
        write = getattr(self, f"_{kind.lower()}", None)
        if write is None:
            own = type(self).__name__
            raise CompileError(f"{kind} is not written in {self.target}: add a method _{kind.lower()} to {own}")
        return write(one.kind, one)

    def number(self, value: float) -> str:
        """A number as source."""
        if not math.isfinite(value):
            self.modules.add("nan" if value != value else "inf")
        return literal(value)

    def _input(self, kind: Input, one: Operation) -> Text:
        return Text(kind.name, ATOM)

    def _call(self, kind: Call, one: Operation) -> Text:
        name, arguments = kind.primitive.name, kind.arguments
        form = self.form_of(kind.primitive, arguments)
        if kind.boolean:
            return self.comparison(name, arguments)
        if kind.primitive is primitives.neg:
            return Text(f"-{self.enclosed(arguments[0], SIGN + 1)}", SIGN)
        if isinstance(form, Sign):
            left, right = self.around(form, arguments)
            return Text(f"{left} {form.sign} {right}", form.binding)
        return Text(f"{self.function(form)}({', '.join(map(self.text, arguments))})", ATOM)

    def comparison(self, name: str, arguments: Sequence[Place]) -> Text:
        """A comparison as True or False."""
        left, right = (self.enclosed(place, SUM) for place in arguments)
        return Text(f"{left} {SIGNS[name]} {right}", COMPARISON)

    def around(self, form: Sign, arguments: Sequence[Place]) -> tuple[str, str]:
        """The operands on both sides of a sign."""
        left, right = arguments
        if form.binding == POWER:
            return self.enclosed(left, POWER + 1), self.enclosed(right, POWER)
        shielded = right not in self.name and is_negative(self.form, right)
        return self.enclosed(left, form.binding), self.enclosed(right, ATOM if shielded else form.binding + 1)

    def form_of(self, primitive: Primitive, arguments: Sequence[Place]) -> str | Sign | Helper:
        """How the target writes a primitive; raises CompileError where it cannot."""
        form = self.forms.get(primitive.name)
        if form is None or primitive is not primitives.PRIMITIVES.get(primitive.name):
            raise CompileError(
                f"{primitive.name} has no form in {self.target}: add one to {self.table}, or make the operation with "
                "@primitive, of functions of autograd_core"
            )
        return form

    def function(self, form: str | Helper) -> str:
        """The name of a function, whose source comes along if it is a helper."""
        if isinstance(form, Helper):
            self.include(form.function)
            return form.function.__name__
        module, dot, _ = form.partition(".")
        self.modules.update([module] * bool(dot))
        return form

    def include(self, function: Callable[..., Any]) -> None:
        """Let a function come along, and before it those of its module that it calls."""
        if function.__name__ in self.helpers:
            return
        definition = ast.parse(inspect.getsource(function))
        others = vars(inspect.getmodule(function))
        for node in ast.walk(definition):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                other = others.get(node.id)
                if inspect.isfunction(other) and other.__module__ == function.__module__:
                    self.include(other)
                elif node.id in ("math", "inf", "nan", "jax", "jnp"):
                    self.modules.add(node.id)
        self.helpers[function.__name__] = plain_source(function)


def plain_source(function: Any) -> str:
    """The source of a function without its types."""
    definition = ast.parse(inspect.getsource(function))
    for node in ast.walk(definition):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
    return ast.unparse(definition)


def range_text(part: int | Range | None) -> str:
    """One part of a subscript."""
    if not isinstance(part, Range):
        return str(part)
    text = f"{part.start or ''}:{'' if part.stop is None else part.stop}"
    return text if part.step == 1 else f"{text}:{part.step}"
