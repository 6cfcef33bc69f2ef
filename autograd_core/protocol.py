"""What Python asks of a number, answered for a Value: comparisons, truth, conversions, rounding and formatting.

While a program is recorded that has to hold for any numbers, the number of a node is nobody's to ask for.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from numbers import Number, Rational
from typing import TYPE_CHECKING, Any, NoReturn

from autograd_core.floats import as_float, is_array, is_number, recorder
from autograd_core.modes import thread

if TYPE_CHECKING:
    from autograd_core.value import Value


def equals(self: Value, other: Any) -> Any:
    """Whether two nodes are the same, a node's data is a number, or, for an array, NotImplemented."""
    if self is other:
        return True
    if recorder(other):
        return False
    if is_array(other):
        return NotImplemented
    if is_number(other) or isinstance(other, Number):
        _require_numbers()
    # By the sign ==, CPython from 3.12 calls a comparison with nan an invalid operation, of which NumPy then warns.
    return operator.eq(self.data, other)


def comparison(relation: Callable[[float, float], bool]) -> Callable[[Value, Any], bool]:
    """The method behind a sign of order, which compares data."""

    def compare(self: Value, other: Any) -> bool:
        _require_numbers()
        if recorder(other):
            return relation(self.data, other.data)
        if is_array(other):
            return NotImplemented
        return relation(self.data, plain(other, "A comparison with a Value"))

    return compare


def truth(self: Value) -> bool:
    """Whether the number is another than 0."""
    _require_numbers()
    return self.data != 0.0


def refuse(self: Value) -> NoReturn:
    """float(v) and int(v), by which a derivative would be lost without a word."""
    raise TypeError(
        "a Value does not turn into a plain number, as math.exp(v) or float(v) ask, because the derivative would "
        "be lost; use v.data for the number, or the function of that name in autograd_core.functions"
    )


def index(self: Value) -> NoReturn:
    """What a sequence asks of an index, by which it would choose for this number alone."""
    raise TypeError(
        "a Value is no index, which would choose once and for all; use lookup(table, value) of autograd_core, which "
        "records the choice, or int(value.data) for a choice that is part of the program"
    )


def rounded(self: Value, digits: int | None = None) -> float:
    """The number, rounded as Python rounds a float."""
    _require_numbers()
    return round(self.data, digits)


def formatted(self: Value, spec: str) -> str:
    """The number in a format, or without one what `repr` gives."""
    if not spec:
        return repr(self)
    _require_numbers()
    return format(self.data, spec)


def plain(number: Any, taker: str) -> float:
    """The float of a number that meets a Value. A fraction is one, because Python makes a float of it in f ** value."""
    if type(number) is not int and isinstance(number, Rational) and not is_number(number):
        try:
            return float(number)
        except OverflowError:
            number = number.__floor__()
    return as_float(number, taker)


def _require_numbers() -> None:
    if thread.mode.symbolic:
        raise TypeError(
            "Python asked for the number of a Value, perhaps to choose a branch, while a program is recorded that has "
            "to hold for other numbers too; let the graph choose, by where, maximum or relu"
        )
