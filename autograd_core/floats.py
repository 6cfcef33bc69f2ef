"""Floats: what counts as a number, and the functions of `math` made to follow IEEE 754 instead of raising."""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib import import_module
from math import inf, nan
from typing import Any


def recorder(operand: Any) -> Callable[..., Any] | None:
    """How a node type asks to be handed the operation, as NumPy asks for ``__array_ufunc__``."""
    return getattr(type(operand), "__record__", None)


def is_array(operand: Any) -> bool:
    """Whether NumPy should take this operand element by element (0-d numeric arrays are numbers)."""
    if not (hasattr(operand, "__array_ufunc__") and hasattr(operand, "shape")) or _is_numpy_number(operand):
        return False
    return type(operand).__name__ != "MaskedConstant"


def is_number(operand: Any) -> bool:
    """Whether this is a plain real number: an int, float, bool or NumPy real scalar."""
    return isinstance(operand, (float, int)) or _is_numpy_number(operand)


def _is_numpy_number(operand: Any) -> bool:
    kind = getattr(getattr(operand, "dtype", None), "kind", None)
    return kind in ("b", "i", "u", "f") and operand.ndim == 0 and not getattr(operand, "mask", False)


def readable(data: Any, name: str) -> Any:
    """The data, if an array made of it shows what is in it.

    Raises TypeError for a generator or another iterator, which can be read only once, and ValueError for a masked array
    that hides some of its entries, which an array made of it would show again.
    """
    if hasattr(data, "__next__"):
        what = type(data).__name__
        raise TypeError(f"{name} is a {what}, which can be read only once; make a list of it, as list({name}) does")
    masked = [part for part in (data, *(data if isinstance(data, (list, tuple)) else ())) if hasattr(part, "mask")]
    if masked and any(map(import_module("numpy").ma.is_masked, masked)):
        raise ValueError(f"{name} has masked entries; drop or fill them first, as its method filled(0.0) does")
    return data


def as_float(number: Any, taker: str) -> float:
    """The float of an int, float, bool or NumPy real scalar.

    Raises TypeError for anything else, naming what came and what `taker` can use instead, and ValueError
    for an int beyond the range of floats.
    """
    if type(number) is int or is_number(number):
        try:
            return float(number)
        except OverflowError:
            raise ValueError(f"{taker} got an int beyond the largest float, about 1.8e308; scale it down") from None
    what = type(number).__name__
    takes_it = what in ("bytes", "bytearray") or hasattr(type(number), "__float__")
    advice = "convert it first, as in float(x)" if takes_it else "take the number out of it first"
    if recorder(number):
        advice = "it is a node already: use it as it is, or its .data for a fresh leaf"
    elif isinstance(number, str):
        text = number if len(number) <= 20 else number[:17] + "..."
        what += f" {str(text)!r}"
        advice = "convert it first, as in float(text)"
    elif isinstance(number, complex):
        advice = "use its .real and .imag"
    elif what in ("NAType", "MaskedConstant"):
        advice = "it stands for a number that is missing: drop or replace it first"
    elif hasattr(number, "__next__"):
        advice = "it can be read only once: make a list of its numbers first"
    elif number is None:
        advice = "a function without a return statement gives None"
    elif getattr(number, "shape", None):
        what += f" of shape {tuple(number.shape)}"
        advice = "make a Value of each element, as in np.array([Value(x) for x in numbers])"
    elif isinstance(number, (list, tuple)):
        what += f" of {len(number)}"
        advice = "make a Value of each element; np.array of them computes element by element"
    raise TypeError(f"{taker} takes an int, float or NumPy real scalar, got {what}; {advice}")


def checked_id(number: float, size: int) -> int:
    """A whole number from 0 to size - 1, given as a float, as an int; raises ValueError for any other number."""
    if not (0.0 <= number < size and number % 1.0 == 0.0):
        raise ValueError(f"lookup chooses among {size} entries by a whole number from 0 to {size - 1}, got {number:g}")
    return int(number)


class Flat(float):
    """The slope of a result that no change of the operand moves: 0, of which infinity times is 0 too.

    So nothing is handed back there, while an ordinary 0 times an infinite gradient is nan, as IEEE 754 has it.
    """

    __slots__ = ()

    def __mul__(self, other: Any) -> float:
        return 0.0

    __rmul__ = __mul__


FLAT = Flat(0.0)


def log(x: float) -> float:
    """The natural logarithm; -inf at 0, nan below."""
    if x > 0.0:
        return math.log(x)
    return -inf if x == 0.0 else nan


def log2(x: float) -> float:
    """The logarithm to base 2; -inf at 0, nan below."""
    if x > 0.0:
        return math.log2(x)
    return -inf if x == 0.0 else nan


def log10(x: float) -> float:
    """The logarithm to base 10; -inf at 0, nan below."""
    if x > 0.0:
        return math.log10(x)
    return -inf if x == 0.0 else nan


def log1p(x: float) -> float:
    """log(1 + x); -inf at -1, nan below."""
    if x > -1.0:
        return math.log1p(x)
    return -inf if x == -1.0 else nan


def divide(x: float, y: float) -> float:
    """x / y; infinite or nan for y = 0, with the sign of a signed zero."""
    if y != 0.0:
        return x / y
    return nan if x == 0.0 or x != x else math.copysign(inf, x) * math.copysign(1.0, y)


def floor_divide(x: float, y: float) -> float:
    """The largest integer up to x / y, of which `remainder` is what remains; x / y for y = 0."""
    return x // y if y != 0.0 else divide(x, y)


def remainder(x: float, y: float) -> float:
    """What remains of x after division by y, with the sign of y; nan for y = 0."""
    return x % y if y != 0.0 else nan


def power(x: float, y: float) -> float:
    """x to the power y as C has it: infinite where it overflows or divides by 0, nan for roots of negatives."""
    try:
        return math.pow(x, y)
    except OverflowError:
        return -inf if x < 0.0 and y % 2.0 == 1.0 else inf
    except ValueError:
        if x != 0.0:
            return nan
        return math.copysign(inf, x) if y % 2.0 == 1.0 else inf


def exp(x: float) -> float:
    """e to the power x; inf where it overflows."""
    try:
        return math.exp(x)
    except OverflowError:
        return inf


def exp2(x: float) -> float:
    """2 to the power x; inf where it overflows."""
    try:
        return math.exp2(x)
    except OverflowError:
        return inf


def expm1(x: float) -> float:
    """exp(x) - 1; inf where it overflows."""
    try:
        return math.expm1(x)
    except OverflowError:
        return inf


def sinh(x: float) -> float:
    """The hyperbolic sine; infinite where it overflows."""
    try:
        return math.sinh(x)
    except OverflowError:
        return math.copysign(inf, x)


def cosh(x: float) -> float:
    """The hyperbolic cosine; inf where it overflows."""
    try:
        return math.cosh(x)
    except OverflowError:
        return inf


def sqrt(x: float) -> float:
    """The square root; nan below 0."""
    return math.sqrt(x) if x >= 0.0 else nan


def sin(x: float) -> float:
    """The sine; nan at infinity."""
    return math.sin(x) if -inf < x < inf else nan


def cos(x: float) -> float:
    """The cosine; nan at infinity."""
    return math.cos(x) if -inf < x < inf else nan


def tan(x: float) -> float:
    """The tangent; nan at infinity."""
    return math.tan(x) if -inf < x < inf else nan


def arcsin(x: float) -> float:
    """The inverse of sin; nan outside -1 to 1."""
    return math.asin(x) if -1.0 <= x <= 1.0 else nan


def arccos(x: float) -> float:
    """The inverse of cos; nan outside -1 to 1."""
    return math.acos(x) if -1.0 <= x <= 1.0 else nan


def arccosh(x: float) -> float:
    """The inverse of cosh; nan below 1."""
    return math.acosh(x) if x >= 1.0 else nan


def arctanh(x: float) -> float:
    """The inverse of tanh; infinite at -1 and 1, nan beyond."""
    if -1.0 < x < 1.0:
        return math.atanh(x)
    return math.copysign(inf, x) if x in (-1.0, 1.0) else nan


def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x)), without exponentiating a positive number, so that neither side overflows."""
    if x >= 0.0:
        return 1.0 / (1.0 + math.exp(-x))
    e = math.exp(x)
    return e / (1.0 + e)


def softplus(x: float) -> float:
    """log(1 + exp(x)) as x + log(1 + exp(-x)) on the right, where exp(x) would overflow."""
    return x + math.log1p(math.exp(-x)) if x > 0.0 else math.log1p(math.exp(x))


def logaddexp(x: float, y: float) -> float:
    """log(exp(x) + exp(y)), with the larger one taken out, so that neither overflows."""
    if x == y:  # also where both are infinite, and have no difference
        return x + math.log(2.0)
    return maximum(x, y) + math.log1p(math.exp(-math.fabs(x - y)))


def floor(x: float) -> float:
    """The largest integer up to x, as a float; infinities and nan stay, and so does the sign of 0."""
    return math.copysign(math.floor(x), x) if -inf < x < inf else x


def ceil(x: float) -> float:
    """The smallest integer from x, as a float; infinities and nan stay, and so does the sign of 0."""
    return math.copysign(math.ceil(x), x) if -inf < x < inf else x


def sign(x: float) -> float:
    """1 above 0, -1 below; 0 and nan stay."""
    return math.copysign(1.0, x) if x < 0.0 or x > 0.0 else x


def maximum(x: float, y: float) -> float:
    """The larger, or nan if either is."""
    return x if x > y or x != x else y


def minimum(x: float, y: float) -> float:
    """The smaller, or nan if either is."""
    return x if x < y or x != x else y


def relu(x: float) -> float:
    """x where it is positive, else 0; nan stays."""
    return 0.0 if x <= 0.0 else x


def leaky_relu(x: float, slope: float) -> float:
    """x where it is positive, else slope * x."""
    return x if x > 0.0 else slope * x


def elu(x: float, alpha: float) -> float:
    """x where it is positive, else alpha * (exp(x) - 1)."""
    return x if x >= 0.0 else alpha * math.expm1(x)


def gelu(x: float) -> float:
    """x times the normal distribution function of x."""
    return 0.5 * x * math.erfc(-x / math.sqrt(2.0))


def silu(x: float) -> float:
    """x * sigmoid(x)."""
    return x * sigmoid(x)


def less(x: float, y: float) -> float:
    """1 where x < y, else 0."""
    return 1.0 if x < y else 0.0


def less_equal(x: float, y: float) -> float:
    """1 where x <= y, else 0."""
    return 1.0 if x <= y else 0.0


def equal(x: float, y: float) -> float:
    """1 where x == y, else 0."""
    return 1.0 if x == y else 0.0


def where(condition: float, x: float, y: float) -> float:
    """x where the condition is not 0, else y."""
    return x if condition else y
