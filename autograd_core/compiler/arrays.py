"""The operations on NumPy arrays, under the names of the table, where NumPy has no function of that name.

Each stands for the function of the same name in `floats`. Compiled source carries a copy of those that it uses.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def quotient(x: Any, above: Any, below: Any) -> Any:
    """The quotient of two polynomials in the numbers of a vector; coefficients from the highest power down."""
    pairs = np.array([above, below]).T[:, :, None]
    both = pairs[0] * x
    for pair in pairs[1:-1]:
        both += pair
        both *= x
    both += pairs[-1]
    return both[0] / both[1]


def erf_next_to_0(x: Any) -> Any:
    """The error function of numbers up to 0.46875 in size, by W. J. Cody (Math. Comp. 23, 1969, 631-637)."""
    above = [0.185777706184603153, 3.1611237438705656, 113.864154151050156, 377.485237685302021, 3209.37758913846947]
    below = [1.0, 23.6012909523441209, 244.024637934444173, 1282.61652607737228, 2844.23683343917062]
    return x * quotient(x * x, above, below)


def erfc_up_to_4(x: Any) -> Any:
    """1 - erf(x) of numbers from 0.46875 to 4, by Cody."""
    above = [2.15311535474403846e-08, 0.564188496988670089, 8.88314979438837594, 66.1191906371416295]
    above += [298.635138197400131, 881.95222124176909, 1712.04761263407058, 2051.07837782607147, 1230.33935479799725]
    below = [1.0, 15.7449261107098347, 117.693950891312499, 537.181101862009858, 1621.38957456669019]
    below += [3290.79923573345963, 4362.61909014324716, 3439.36767414372164, 1230.33935480374942]
    return exp_of_minus_square(x) * quotient(x, above, below)


def erfc_from_4(x: Any) -> Any:
    """1 - erf(x) of numbers from 4, by Cody."""
    above = [0.0163153871373020978, 0.305326634961232344, 0.360344899949804439]
    above += [0.125781726111229246, 0.0160837851487422766, 0.000658749161529837803]
    below = [1.0, 2.56852019228982242, 1.87295284992346725]
    below += [0.527905102951428412, 0.0605183413124413191, 0.00233520497626869185]
    z = 1.0 / (x * x)
    return exp_of_minus_square(x) / x * (1.0 / math.sqrt(math.pi) - z * quotient(z, above, below))


def exp_of_minus_square(x: Any) -> Any:
    """exp(-x * x), which keeps its digits: the square of x rounded to sixteenths is exact."""
    rounded = np.trunc(16.0 * x) / 16.0
    return np.exp(-rounded * rounded) * np.exp((rounded - x) * (rounded + x))


def erf(x: Any) -> Any:
    """The error function, element by element."""
    numbers = np.ravel(x)
    result, small = 1.0 - erfc(numbers), np.abs(numbers) <= 0.46875
    result[small] = erf_next_to_0(numbers[small])
    return result.reshape(np.shape(x))


def erfc(x: Any) -> Any:
    """1 - erf(x), which keeps its digits where erf is next to 1, element by element."""
    numbers = np.ravel(x)
    size = np.abs(numbers)
    result, small, large = erfc_up_to_4(size), size <= 0.46875, size > 4.0
    if large.any():
        result[large] = erfc_from_4(np.minimum(size[large], 28.0))
    result = np.where(numbers < 0.0, 2.0 - result, result)
    result[small] = 1.0 - erf_next_to_0(numbers[small])
    return result.reshape(np.shape(x))


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)), without exponentiating a positive number, so that neither side overflows."""
    e = np.exp(-np.abs(x))
    return np.where(x < 0.0, e, 1.0) / (1.0 + e)


def relu(x: Any) -> Any:
    """x where it is positive, else 0; nan stays."""
    return np.maximum(x, 0.0)


def leaky_relu(x: Any, slope: Any) -> Any:
    """x where it is positive, else slope * x."""
    return np.where(x > 0.0, x, slope * x)


def elu(x: Any, alpha: Any) -> Any:
    """x where it is positive, else alpha * (exp(x) - 1)."""
    return np.where(x >= 0.0, x, alpha * np.expm1(x))


def gelu(x: Any) -> Any:
    """x times the normal distribution function of x."""
    return 0.5 * x * erfc(-x / math.sqrt(2.0))


def silu(x: Any) -> Any:
    """x * sigmoid(x)."""
    return x * sigmoid(x)


def softplus(x: Any) -> Any:
    """log(1 + exp(x)), without overflow."""
    return np.logaddexp(0.0, x)


def less(x: Any, y: Any) -> Any:
    """1 where x < y, else 0."""
    return np.less(x, y) * 1.0


def less_equal(x: Any, y: Any) -> Any:
    """1 where x <= y, else 0."""
    return np.less_equal(x, y) * 1.0


def equal(x: Any, y: Any) -> Any:
    """1 where x == y, else 0."""
    return np.equal(x, y) * 1.0


def positions(start: int, *axes: tuple[int, int]) -> np.ndarray:
    """Steps from a start along axes, each of a count and a step: start + k * step for each k below the count."""
    found = np.asarray(start)
    for count, step in axes:
        found = np.add.outer(found, step * np.arange(count))
    return found


def runs(*parts: tuple[int, int, int]) -> np.ndarray:
    """Positions that move evenly, one run after another, each of a start, a count and a step."""
    return np.concatenate([start + step * np.arange(count) for start, count, step in parts])


def checked_ids(x: Any, size: int) -> Any:
    """Whole numbers from 0 to size - 1, given as floats, as integers; raises ValueError for any other number."""
    found = np.asarray(x).astype(np.intp)
    right = (found == x) & (found.view(np.uintp) < size)  # a negative one is very large without its sign
    if not right.all():
        wrong = np.asarray(x)[~right].flat[0]
        raise ValueError(f"lookup chooses among {size} entries by a whole number from 0 to {size - 1}, got {wrong:g}")
    return found
