"""Recorded graphs as JavaScript, for pages that work a graph out anew when a reader changes a leaf.

The operations and their partials are written by `rules`, as for the compiled programs; here are only the words of the
language, and the functions that JavaScript's Math lacks or has otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence

from autograd_core import primitives
from autograd_core.compiler.rules import CompileError, Language, literal
from autograd_core.primitives import PRIMITIVES, Primitive
from autograd_core.value import Value

_MATH = {
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "ceil", "cos", "cosh", "exp", "expm1",
    "floor", "hypot", "log", "log10", "log1p", "log2", "sign", "sin", "sinh", "sqrt", "tan", "tanh",
}  # fmt: skip
"""The functions of JavaScript's Math, in which it agrees with the table."""

# A function comes after those that it calls.
_HELPERS = """\
const pow = (x, y) => x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : Math.pow(x, y);

const floor_divide = (x, y) => {
  if (y === 0 || !isFinite(x)) return y === 0 ? x / y : NaN;
  const rest = x % y;  /* which is exact, and has the sign of x */
  const quotient = (x - rest) / y - (rest !== 0 && (rest < 0) !== (y < 0));
  return quotient - Math.floor(quotient) > 0.5 ? Math.floor(quotient) + 1 : Math.floor(quotient);
};

const remainder = (x, y) => {
  const rest = x % y;
  return rest !== 0 && (rest < 0) !== (y < 0) ? rest + y : rest;
};

const exp2 = (x) => Math.pow(2, x);

const degrees = (x) => x * (180 / Math.PI);

const radians = (x) => x * (Math.PI / 180);

const polynomial = (x, coefficients) => coefficients.reduce((sum, c) => sum * x + c, 0);

/* By W. J. Cody, Rational Chebyshev approximations for the error function, Math. Comp. 23 (1969), 631-637. */
const erfBelow = (x) => x * polynomial(x * x, [
  1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3,
]) / polynomial(x * x, [
  1, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3,
]);

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
};

const erf = (x) => Math.abs(x) <= 0.46875 ? erfBelow(x) : Math.sign(x) * (1 - erfcAbove(Math.abs(x)));

const erfc = (x) => Math.abs(x) <= 0.46875 ? 1 - erfBelow(x) : x < 0 ? 2 - erfcAbove(-x) : erfcAbove(x);

const sigmoid = (x) => x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));

const relu = (x) => x <= 0 ? 0 : x;

const leaky_relu = (x, slope) => x > 0 ? x : slope * x;

const elu = (x, alpha) => x >= 0 ? x : alpha * Math.expm1(x);

const gelu = (x) => 0.5 * x * erfc(-x / Math.sqrt(2));

const silu = (x) => x * sigmoid(x);

const softplus = (x) => x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x));

const logaddexp = (x, y) =>
  x === y ? x + Math.LN2 : (x > y || x !== x ? x : y) + Math.log1p(Math.exp(-Math.abs(x - y)));

const maximum = (x, y) => x > y || x !== x ? x : y;

const minimum = (x, y) => x < y || x !== x ? x : y;

const less = (x, y) => Number(x < y);

const less_equal = (x, y) => Number(x <= y);

const equal = (x, y) => Number(x === y);

const where = (condition, x, y) => condition !== 0 ? x : y;
"""


def operations(order: Sequence[Value]) -> tuple[str, list[int]]:
    """The operations of a graph, given in its topological order, in JavaScript: the source, and which node has which.

    The source is an expression for an array with a pair for each operation: a function of the operands that gives the
    result, and one of the operands and the result that gives the array of local derivatives by argument position.
    Plain numbers among the operands are part of the operation, which takes and ignores them. Leaves have -1.

    Raises CompileError for a primitive of one's own that cannot be written as source.

    >>> from autograd_core.graph import topological_order
    >>> x, y = Value(2.0), Value(3.0)
    >>> source, numbers = operations(topological_order((x * y).tanh()))
    >>> print(source, numbers)
    (() => {
      return [
        [(x0, x1) => x0 * x1, (x0, x1, out) => [x1, x0]],
        [(x0) => Math.tanh(x0), (x0, out) => [(1.0 - out * out)]],
      ];
    })() [-1, -1, 0, 1]
    """
    language = _JavaScript()
    lines: dict[str, int] = {}
    numbers = []
    for node in order:
        if node.op is None or not node.inputs:
            numbers.append(-1)
            continue
        names = [f"x{k}" for k in range(len(node.inputs))]
        given = [
            operand.data if operand.is_constant else name for name, operand in zip(names, node.inputs, strict=True)
        ]
        value = language.filled(node.op, None, given, "out")
        partials = ", ".join([language.filled(node.op, k, given, "out") for k in range(len(given))])
        line = f"[({', '.join(names)}) => {value}, ({', '.join([*names, 'out'])}) => [{partials}]]"
        numbers.append(lines.setdefault(line, len(lines)))
    helpers = "\n".join(language.used_helpers("\n".join(lines))).splitlines()
    body = [*helpers, "return [", *[f"  {line}," for line in lines], "];"]
    return "\n".join(["(() => {", *[f"  {line}" for line in body], "})()"]), numbers


class _JavaScript(Language):
    """Operations in JavaScript."""

    def __init__(self) -> None:
        named = {text.split("const ")[1].split()[0]: text for text in _HELPERS.split("\n\n")}
        super().__init__(arrays=False, helpers=named)
        self._python = Language(arrays=False)
        """What a function or rule records is tried out in Python, which is as good a language for it."""

    @property
    def floats(self) -> bool:
        return False

    def literal(self, number: float) -> str:
        return literal(number).replace("inf", "Infinity").replace("nan", "NaN")

    def _applied(self, primitive: Primitive, operands: list[tuple[str, int]]) -> tuple[str, int]:
        if primitive is not PRIMITIVES.get(primitive.name, primitives.detach):
            raise CompileError(
                f"{primitive.name} has no form in JavaScript; make it with @primitive, of functions of autograd_core"
            )
        return super()._applied(primitive, operands)

    def _function(self, primitive: Primitive) -> str:
        name = primitive.name
        if name in self.helpers:
            return name
        if name.replace("arc", "a") not in _MATH:
            raise CompileError(
                f"{name} has no form in JavaScript; write one among the helpers of autograd_core/compiler/javascript.py"
            )
        return f"Math.{name.replace('arc', 'a')}"

    def _check(self, primitive: Primitive, position: int | None) -> None:
        self._python._check(primitive, position)
