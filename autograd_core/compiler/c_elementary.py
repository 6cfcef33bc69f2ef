"""Elementary functions in C that a compiler turns into vector instructions: without branches, calls or tables.

Each is within 2 units in the last place of the exact result, infinities, nans and subnormal numbers included.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction

_LN2_HIGH = 0.6931471805598903
"""The leading bits of log(2), few enough that a small integer times them is exact."""
_LN2_LOW = 5.497923018708371e-14
"""What is left of it."""


def _horner(variable: str, coefficients: Iterable[Fraction]) -> str:
    """A polynomial, from the constant to the highest power, by the rule of Horner."""
    *lower, text = [f"{float(c)!r}" for c in coefficients]
    for number in reversed(lower):
        text = f"MULTIPLY_ADD({text}, {variable}, {number})"
    return text


_BITS = """\
INLINE double from_bits(uint64_t bits) {
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

INLINE uint64_t to_bits(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}"""

# Adding 1.5 * 2**52 rounds to an integer. 2**k has k + 1023 for an exponent, which adding 2**52 + 1023 puts into the
# last bits, and a shift from there to where it belongs.
_POWER_OF_2 = """\
INLINE double power_of_2(double k) { return from_bits(to_bits(k + (0x1p52 + 1023.0)) << 52); }

INLINE double nearest(double x) { return (x + 0x1.8p52) - 0x1.8p52; }"""

_REDUCED = f"""\
/* exp(r) - 1 by its Taylor series, for r at most log(2) / 2 from 0. */
INLINE double expm1_near_0(double r) {{
  const double rest = {_horner("r", (Fraction(1, math.factorial(k)) for k in range(2, 15)))};
  return MULTIPLY_ADD(r * r, rest, r);
}}

/* x - k log(2), where k is an integer: W. J. Cody and W. Waite, Software Manual for the Elementary Functions, 1980. */
INLINE double less_logs_of_2(double x, double k) {{
  return MULTIPLY_ADD(-k, {_LN2_LOW!r}, MULTIPLY_ADD(-k, {_LN2_HIGH!r}, x));
}}"""

_EXP = """\
INLINE double exp_of(double x) {
  const double clipped = x < -750.0 ? -750.0 : x > 750.0 ? 750.0 : x;
  const double k = nearest(clipped * 1.4426950408889634), half = nearest(0.5 * k);
  const double y = 1.0 + expm1_near_0(less_logs_of_2(clipped, k));
  return y * power_of_2(half) * power_of_2(k - half); /* in two steps, for 2**k alone may be out of range */
}"""

_EXPM1 = """\
INLINE double expm1_of(double x) {
  const double clipped = x < -50.0 ? -50.0 : x > 50.0 ? 50.0 : x;
  const double k = nearest(clipped * 1.4426950408889634), scale = power_of_2(k);
  const double y = MULTIPLY_ADD(scale, expm1_near_0(less_logs_of_2(clipped, k)), scale - 1.0);
  const double large = exp_of(x);
  return x > 50.0 ? large : x == 0.0 ? x : y;
}"""

_LOG = f"""\
/* log(1 + f) for 1 + f between sqrt(1/2) and sqrt(2), as f - s (f - R) with s = f / (2 + f) and the series of
   2 artanh(s) = f - s f + s R: K. C. Ng, in the logarithm of fdlibm, has this arrangement. */
INLINE double log_near_1(double f, double after) {{
  const double s = f / (2.0 + f), z = s * s;
  const double rest = z * ({_horner("z", (Fraction(2, 2 * k + 1) for k in range(1, 13)))});
  const double square = 0.5 * f * f;
  return f - (square - MULTIPLY_ADD(s, square + rest, after));
}}

INLINE double log_of(double x) {{
  const int is_small = x < 0x1p-1022;
  const uint64_t bits = to_bits(is_small ? x * 0x1p54 : x), above = bits - 0x3fe6a09e667f3bcdu; /* of sqrt(1/2) */
  const double shifted = from_bits(((above + 0x4000000000000000u) >> 52) | 0x4330000000000000u) - (0x1p52 + 1024.0);
  const double k = is_small ? shifted - 54.0 : shifted;
  const double f = from_bits(bits - (above & 0xfff0000000000000u)) - 1.0;
  const double y = MULTIPLY_ADD(k, {_LN2_HIGH!r}, log_near_1(f, k * {_LN2_LOW!r}));
  const double finite = x < INFINITY ? y : x, special = x == 0.0 ? -INFINITY : NAN;
  return x > 0.0 ? finite : special;
}}"""

_LOG1P = """\
INLINE double log1p_of(double x) {
  const double u = 1.0 + x, y = log_of(u), lost = (x - (u - 1.0)) / u; /* what rounding took away from 1 + x */
  const double finite = u < INFINITY ? y + lost : y, inside = u > 0.0 ? finite : y;
  return x == 0.0 ? x : inside;
}"""

_TANH = """\
INLINE double tanh_of(double x) {
  const double size = fabs(x), y = expm1_of(2.0 * (size > 22.0 ? 22.0 : size));
  const double sum = y + 2.0, lost = y - (sum - 2.0), z = y / sum; /* what rounding took away from y + 2 */
  return copysign(z - z * (lost / sum), x);
}"""

_SIGMOID = """\
INLINE double sigmoid(double x) {
  const double e = exp_of(-fabs(x));
  return (x < 0.0 ? e : 1.0) / (1.0 + e);
}"""

_SOFTPLUS = """\
INLINE double softplus(double x) {
  const double y = log1p_of(exp_of(-fabs(x)));
  return x > 0.0 ? x + y : y;
}"""

ELEMENTARY = {
    "bits": _BITS, "power_of_2": _POWER_OF_2, "reduced": _REDUCED, "exp_of": _EXP, "expm1_of": _EXPM1, "log_of": _LOG,
    "log1p_of": _LOG1P, "tanh_of": _TANH, "sigmoid": _SIGMOID, "softplus": _SOFTPLUS,
}  # fmt: skip
"""Their source, those that others call first."""

ELEMENTARY_NEEDS = {
    "power_of_2": ("bits",), "reduced": ("power_of_2",), "exp_of": ("reduced",), "expm1_of": ("exp_of",),
    "log_of": ("bits",), "log1p_of": ("log_of",), "tanh_of": ("expm1_of",), "sigmoid": ("exp_of",),
    "softplus": ("exp_of", "log1p_of"),
}  # fmt: skip
"""What each of them calls."""
