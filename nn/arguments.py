"""Checks of arguments that many functions take."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from math import inf
from typing import Any

import numpy as np

from autograd_core.floats import as_float


def positive_int(number: Any, name: str) -> int:
    """The number as an int; raises TypeError unless it is one, and ValueError unless it is at least 1."""
    if isinstance(number, bool) or not isinstance(number, (int, np.integer)):
        raise TypeError(f"{name} is an int, got {type(number).__name__} {number!r}")
    if number < 1:
        raise ValueError(f"{name} is at least 1, got {number}")
    return int(number)


def non_negative(number: Any, name: str) -> float:
    """The number as a float; raises ValueError unless it is finite and at least 0."""
    number = as_float(number, name)
    if not 0.0 <= number < inf:
        raise ValueError(f"{name} is a finite number of at least 0, got {number!r}")
    return number


def unmasked(data: Any, name: str) -> Any:
    """The data; raises ValueError where a masked array hides some of it, for an array of it would show it again."""
    if np.ma.is_masked(data):
        raise ValueError(f"{name} has masked entries; drop or fill them first, as its method filled(0.0) does")
    return data


def unknown_name(what: str, name: str, known: Iterable[str], likely: str) -> ValueError:
    """The error for a name that is not among the known ones; guesses the known name closest to `likely`."""
    known = list(known)
    close = get_close_matches(likely, known, 1)
    guess = f"; did you mean {close[0]!r}?" if close else ""
    return ValueError(f"there is no {what} {name!r} among {', '.join(known)}{guess}")
