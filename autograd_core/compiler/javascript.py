"""Recorded graphs as JavaScript, for pages that work a graph out anew when a reader changes a leaf.

The operations and their partials follow the recipes of `rules`, as in compiled programs; here are only the words of
the language, and the functions that JavaScript's Math lacks or has otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograd_core.compiler import rewrites
from autograd_core.compiler.ir import Form
from autograd_core.compiler.kinds import Input, Place
from autograd_core.compiler.names import Names
from autograd_core.compiler.printing import ARITHMETIC, Forms, Printer, Text, literal
from autograd_core.compiler.rules import Rules
from autograd_core.primitives import ATOM, PRIMITIVES
from autograd_core.value import Value

_HELPERS = {
    "pow": "const pow = (x, y) => x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : Math.pow(x, y);",
    "floor_divide": """\
const floor_divide = (x, y) => {
  if (y === 0 || !isFinite(x)) return y === 0 ? x / y : NaN;
  const rest = x % y;  /* which is exact, and has the sign of x */
  const quotient = (x - rest) / y - (rest !== 0 && (rest < 0) !== (y < 0));
  return quotient - Math.floor(quotient) > 0.5 ? Math.floor(quotient) + 1 : Math.floor(quotient);
};""",
    "remainder": """\
const remainder = (x, y) => {
  const rest = x % y;
  if (rest === 0) return y < 0 ? -0 : 0;  /* with the sign of y, as in Python */
  return (rest < 0) !== (y < 0) ? rest + y : rest;
};""",
    "exp2": "const exp2 = (x) => Math.pow(2, x);",
    "degrees": "const degrees = (x) => x * (180 / Math.PI);",
    "radians": "const radians = (x) => x * (Math.PI / 180);",
    "logaddexp": """\
const logaddexp = (x, y) =>
  x === y ? x + Math.LN2 : (x > y || x !== x ? x : y) + Math.log1p(Math.exp(-Math.abs(x - y)));""",
    "polynomial": "const polynomial = (x, coefficients) => coefficients.reduce((sum, c) => sum * x + c, 0);",
    "erfBelow": """\
/* By W. J. Cody, Rational Chebyshev approximations for the error function, Math. Comp. 23 (1969), 631-637. */
const erfBelow = (x) => x * polynomial(x * x, [
  1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3,
]) / polynomial(x * x, [
  1, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3,
]);""",
    "erfcAbove": """\
const erfcAbove = (x) => {
  if (x > 28) return 0;
  const rounded = Math.trunc(16 * x) / 16;  /* its square is exact, and so exp(-x * x) keeps its digits */
  const e = Math.exp(-rounded * rounded) * Math.exp((rounded - x) * (rounded + x));
  if (x <= 4) return e * polynomial(x, [
    2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1, 2.98635138197400131e2,
    8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3,
  ]) / polynomial(x, [
    1, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
    3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3,
  ]);
  const z = 1 / (x * x);
  return e / x * (0.56418958354775629 - z * polynomial(z, [
    1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
    1.60837851487422766e-2, 6.58749161529837803e-4,
  ]) / polynomial(z, [
    1, 2.56852019228982242, 1.87295284992346725, 5.27905102951428412e-1, 6.05183413124413191e-2,
    2.33520497626869185e-3,
  ]));
};""",
    "erf": "const erf = (x) => Math.abs(x) <= 0.46875 ? erfBelow(x) : Math.sign(x) * (1 - erfcAbove(Math.abs(x)));",
    "erfc": "const erfc = (x) => Math.abs(x) <= 0.46875 ? 1 - erfBelow(x) : x < 0 ? 2 - erfcAbove(-x) : erfcAbove(x);",
    "sigmoid": "const sigmoid = (x) => x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));",
    "relu": "const relu = (x) => x <= 0 ? 0 : x;",
    "leaky_relu": "const leaky_relu = (x, slope) => x > 0 ? x : slope * x;",
    "elu": "const elu = (x, alpha) => x >= 0 ? x : alpha * Math.expm1(x);",
    "gelu": "const gelu = (x) => 0.5 * x * erfc(-x / Math.sqrt(2));",
    "silu": "const silu = (x) => x * sigmoid(x);",
    "softplus": "const softplus = (x) => x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x));",
    "maximum": "const maximum = (x, y) => x > y || x !== x ? x : y;",
    "minimum": "const minimum = (x, y) => x < y || x !== x ? x : y;",
    "less": "const less = (x, y) => Number(x < y);",
    "less_equal": "const less_equal = (x, y) => Number(x <= y);",
    "equal": "const equal = (x, y) => Number(x === y);",
    "where": "const where = (condition, x, y) => condition !== 0 ? x : y;",
}
_NEEDS = {
    "erfBelow": ("polynomial",),
    "erfcAbove": ("polynomial",),
    "erf": ("erfBelow", "erfcAbove"),
    "erfc": ("erfBelow", "erfcAbove"),
    "gelu": ("erfc",),
    "silu": ("sigmoid",),
}
"""The helpers that a helper calls."""

_OF_MATH = {
    "abs": "abs", "exp": "exp", "log": "log", "log1p": "log1p", "expm1": "expm1", "sqrt": "sqrt", "sin": "sin",
    "cos": "cos", "tan": "tan", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "sinh": "sinh", "cosh": "cosh",
    "tanh": "tanh", "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh", "arctan2": "atan2", "cbrt": "cbrt",
    "ceil": "ceil", "floor": "floor", "hypot": "hypot", "log10": "log10", "log2": "log2", "sign": "sign",
}  # fmt: skip

FORMS: Forms = {
    **ARITHMETIC,
    "neg": "-",
    **{name: f"Math.{function}" for name, function in _OF_MATH.items()},
    **{name: name for name in _HELPERS if name in PRIMITIVES},
}
"""How JavaScript writes each primitive."""


class JavaScriptPrinter(Printer):
    """Operations of a form as expressions in JavaScript."""

    target, table, forms = "JavaScript", "FORMS of autograd_core/compiler/javascript.py", FORMS
    lines_apart = False

    def number(self, value: float) -> str:
        """A number as source."""
        return {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}.get(literal(value), literal(value))

    def comparison(self, name: str, arguments: Sequence[Place]) -> Text:
        """A comparison as 1 or 0."""
        return Text(f"{self.function(name)}({', '.join(map(self.text, arguments))})", ATOM)

    def function(self, form: Any) -> str:
        """The name of a function, whose source comes along if it is a helper."""
        for needed in _NEEDS.get(form, ()):
            self.function(needed)
        if form in _HELPERS:
            self.helpers[form] = _HELPERS[form]
        return form


def operations(order: Sequence[Value]) -> tuple[str, list[int]]:
    """The operations of a graph, given in its topological order, in JavaScript: the source, and which node has which.

    The source is an expression for an array with a pair for each operation: a function of the operands that gives the
    result, and one of the operands and the result that gives the array of local derivatives by argument position.
    Plain numbers among the operands are part of the operation, which takes and ignores them. Leaves have -1.

    Raises CompileError for a primitive that JavaScript has no form for, and for one of one's own that cannot be
    written as source.

    >>> from autograd_core.graph import topological_order
    >>> x, y = Value(2.0), Value(3.0)
    >>> source, numbers = operations(topological_order((x * y).tanh()))
    >>> print(source, numbers)
    (() => {
      return [
        [(x0, x1) => x0 * x1, (x0, x1, out) => [x1, x0]],
        [(x0) => Math.tanh(x0), (x0, out) => [1.0 - out * out]],
      ];
    })() [-1, -1, 0, 1]
    """
    rules, lines, written = Rules(), dict[str, int](), dict[Any, str]()
    helpers: dict[str, str] = {}
    numbers = []
    for node in order:
        if node.op is None or not node.inputs:
            numbers.append(-1)
            continue
        given = [operand.data if operand.is_constant else None for operand in node.inputs]
        key = (node.op, *map(repr, given))
        if key not in written:
            written[key] = _line(rules, node, given, helpers)
        numbers.append(lines.setdefault(written[key], len(lines)))
    functions = [line for name in _HELPERS if name in helpers for line in helpers[name].splitlines()]
    body = [*functions, "return [", *[f"  {line}," for line in lines], "];"]
    return "\n".join(["(() => {", *[f"  {line}" for line in body], "})()"]), numbers


def _line(rules: Rules, node: Value, given: Sequence[float | None], helpers: dict[str, str]) -> str:
    """The pair of functions for the operation of a node."""
    assert node.op is not None
    form, names = Form(), [f"x{k}" for k in range(len(given))]
    *operands, out = (form.add(Input(name, ())) for name in (*names, "out"))
    operands = [
        place if number is None else rewrites.number(form, number)
        for place, number in zip(operands, given, strict=True)
    ]
    value = rules.forward(node.op).follow(form, operands)
    partials = [rules.partial(node.op, k, given).follow(form, [*operands, out]) for k in range(len(given))]
    printer = JavaScriptPrinter(form, [value, *partials], Names([]))
    slopes = ", ".join(map(printer.text, partials))
    text = f"[({', '.join(names)}) => {printer.text(value)}, ({', '.join([*names, 'out'])}) => [{slopes}]]"
    helpers.update(printer.helpers)
    return text
