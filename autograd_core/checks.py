"""Finding out what is wrong: `gradcheck` for derivatives, `detect_anomaly` for NaNs and infinities."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import isfinite
from typing import Any

from autograd_core import modes
from autograd_core.transforms import jacobian, mapped
from autograd_core.value import Value, number_of


@contextmanager
def detect_anomaly() -> Iterator[None]:
    """Raise FloatingPointError at the first operation that gives NaN or an infinity, forward or backward.

    The message names the operation, its scope, and its inputs with their labels. Holds for the thread that
    entered it.

    >>> from autograd_core import Value
    >>> with detect_anomaly():
    ...     y = Value(0.0, label="p").log()
    Traceback (most recent call last):
    ...
    FloatingPointError: log gave -inf; its inputs: p = 0
    """
    with modes.changed(checking=True):
        yield


def gradcheck(function: Callable[..., Any], *at: Any, step: float = 6e-6, tolerance: float = 1e-5) -> bool:
    """Compare a function's derivatives with central differences at the arguments `at`.

    The function takes numbers, arrays, or nested lists of numbers and returns a scalar or such an arrangement
    of scalars. Each number x is moved by h = step * max(1, |x|) to either side; the default step, about the
    cube root of a float's precision, balances truncation against rounding. A derivative fails if it differs
    from (f(x + h) - f(x - h)) / 2h by more than `tolerance` times the larger of the two, beyond 1e-8 and what
    rounding in f explains.

    Returns True. Raises AssertionError with a table of the derivatives that fail, and ValueError where there
    is nothing to check, a number to check at is not finite, or the step is not positive.

    >>> gradcheck(lambda x, y: x * y, 2.0, 3.0)
    True
    """
    if not step > 0.0:
        raise ValueError(f"the step of gradcheck is a positive number, not {step!r}")
    failures: list[str] = []
    checked = 0

    def on_values(*arguments: Any) -> Any:
        """The function with all of its arguments as nodes, whichever it is differentiated by."""
        lifted = (mapped(lambda x: x if isinstance(x, Value) else Value(x), argument) for argument in arguments)
        return function(*lifted)

    for argnum, argument in enumerate(at):
        derivatives = iter(_flat(jacobian(on_values, argnum)(*at)))
        columns = [_difference_quotients(on_values, at, argnum, i, step) for i in range(len(_flat(argument)))]
        # The derivatives come result by result, the quotients input by input.
        for row in range(len(columns[0]) if columns else 0):
            for column, quotients in enumerate(columns):
                derivative, (quotient, noise) = next(derivatives), quotients[row]
                checked += 1
                allowed = tolerance * max(abs(derivative), abs(quotient)) + noise
                if derivative != quotient and not abs(derivative - quotient) <= allowed:
                    failures.append(f"{argnum:8} {column:7} {row:6} {derivative:>16.9g} {quotient:>18.9g}")
    if failures:
        more = [f"... and {len(failures) - 20} more"] if len(failures) > 20 else []
        header = "argument  number  result       derivative  central difference"
        raise AssertionError(
            "\n".join([f"{len(failures)} of {checked} derivatives are wrong:", header, *failures[:20], *more])
        )
    if not checked:
        raise ValueError(
            "gradcheck was given no number to differentiate by; pass the point to check at after the function"
        )
    return True


def _flat(arrangement: Any) -> list[float]:
    numbers: list[float] = []
    mapped(lambda number: numbers.append(number_of(number)) or 0.0, arrangement)
    return numbers


def _difference_quotients(
    function: Callable[..., Any], at: tuple[Any, ...], argnum: int, index: int, step: float
) -> list[tuple[float, float]]:
    """Per result of the function, its central difference in one number, and how far rounding may put it off."""
    x = _flat(at[argnum])[index]
    if not isfinite(x):
        raise ValueError(f"there are no central differences at {x:g}; check at finite numbers")
    h = step * max(1.0, abs(x))

    def results_at(moved: float) -> list[float]:
        position = iter(range(len(_flat(at[argnum]))))
        arguments = list(at)
        arguments[argnum] = mapped(lambda number: Value(moved if next(position) == index else number), at[argnum])
        with modes.no_grad():
            return _flat(function(*arguments))

    above, below = results_at(x + h), results_at(x - h)
    width = (x + h) - (x - h)
    return [((p - m) / width, 1e-8 + 1e-14 * max(abs(p), abs(m)) / h) for p, m in zip(above, below, strict=True)]
