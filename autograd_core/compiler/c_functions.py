"""How C writes each primitive, and the functions that its library lacks."""

from __future__ import annotations

from autograd_core.compiler.c_elementary import ELEMENTARY, ELEMENTARY_NEEDS
from autograd_core.compiler.printing import ARITHMETIC, Forms
from autograd_core.primitives import PRIMITIVES

HELPERS = {
    **ELEMENTARY,
    "floor_divide": """\
INLINE double floor_divide(double x, double y) {
  if (y == 0.0 || !isfinite(x)) return y == 0.0 ? x / y : NAN;
  const double rest = fmod(x, y); /* which is exact, and has the sign of x */
  const double quotient = (x - rest) / y - (rest != 0.0 && (rest < 0.0) != (y < 0.0));
  return quotient - floor(quotient) > 0.5 ? floor(quotient) + 1.0 : floor(quotient);
}""",
    "remainder_of": """\
INLINE double remainder_of(double x, double y) {
  const double rest = fmod(x, y);
  return rest != 0.0 && (rest < 0.0) != (y < 0.0) ? rest + y : rest;
}""",
    "degrees": "INLINE double degrees(double x) { return x * (180.0 / 3.14159265358979323846); }",
    "radians": "INLINE double radians(double x) { return x * (3.14159265358979323846 / 180.0); }",
    "sign": "INLINE double sign(double x) { return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : x; }",
    "relu": "INLINE double relu(double x) { return x <= 0.0 ? 0.0 : x; }",
    "leaky_relu": """\
INLINE double leaky_relu(double x, double slope) {
  const double y = slope * x;
  return x > 0.0 ? x : y;
}""",
    "elu": "INLINE double elu(double x, double alpha) { return x >= 0.0 ? x : alpha * expm1_of(x); }",
    "position": """\
/* start + step * id, or -1 where id is none of 0 to size - 1 */
INLINE double position(double id, double size, double step, double start) {
  return id >= 0.0 && id < size && floor(id) == id ? start + step * id : -1.0;
}""",
    "maximum": "INLINE double maximum(double x, double y) { return x > y || x != x ? x : y; }",
    "minimum": "INLINE double minimum(double x, double y) { return x < y || x != x ? x : y; }",
    "less": "INLINE double less(double x, double y) { return x < y ? 1.0 : 0.0; }",
    "less_equal": "INLINE double less_equal(double x, double y) { return x <= y ? 1.0 : 0.0; }",
    "equal": "INLINE double equal(double x, double y) { return x == y ? 1.0 : 0.0; }",
    "logaddexp": """\
INLINE double logaddexp(double x, double y) {
  return x == y ? x + 0.69314718055994530942 : (x > y || x != x ? x : y) + log1p_of(exp_of(-fabs(x - y)));
}""",
    "gelu": "INLINE double gelu(double x) { return 0.5 * x * erfc(x * -0.70710678118654752440); }",
    "silu": "INLINE double silu(double x) { return x * sigmoid(x); }",
}
"""The source of the functions that the library lacks, those that others call first."""

NEEDS = {**ELEMENTARY_NEEDS, "elu": ("expm1_of",), "logaddexp": ("exp_of", "log1p_of"), "silu": ("sigmoid",)}
"""The helpers that a helper calls."""

_OF_LIBRARY = {
    "abs": "fabs", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arcsinh": "asinh", "arccosh": "acosh",
    "arctanh": "atanh", "arctan2": "atan2", "remainder": "remainder_of", "exp": "exp_of", "log": "log_of",
    "log1p": "log1p_of", "expm1": "expm1_of", "tanh": "tanh_of",
    **{
        name: name
        for name in (
            "pow", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "hypot", "cbrt",
            "exp2", "log2", "log10", "floor", "ceil", "erf", "erfc",
        )
    },
}  # fmt: skip

FORMS: Forms = {
    **ARITHMETIC,
    "neg": "-",
    "where": "?",
    **_OF_LIBRARY,
    **{name: name for name in HELPERS if name in PRIMITIVES},
}
"""How C writes each primitive: by a sign, or by the name of a function of its library or of a helper."""

EACH = {
    "exp", "log", "log1p", "expm1", "tanh", "sigmoid", "softplus", "silu", "gelu", "erf", "erfc", "sin", "cos", "tan",
    "exp2", "log2", "log10", "sinh", "cosh", "arctan",
}  # fmt: skip
"""The functions that are applied to whole arrays at once, by a loop that is compiled only once in a program."""


def each(function: str) -> str:
    """A loop that applies a function of one operand to the numbers of an array, which may be its own result."""
    return f"""\
static void each_{function}(int count, const double *x, double *y) {{
  int i = 0;
  for (; i + 8 <= count; i += 8) {{
    double block[8];
    for (int l = 0; l < 8; l++) block[l] = {function}(x[i + l]);
    for (int l = 0; l < 8; l++) y[i + l] = block[l];
  }}
  for (; i < count; i++) y[i] = {function}(x[i]);
}}"""
