"""Checks of arguments that many functions take."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from math import inf
from typing import Any

import numpy as np

from autograd_core.floats import as_float, is_number, readable


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


def array_of(data: Any, name: str) -> np.ndarray:
    """The data as an array, of numbers where all of it is numbers, as in nullable columns of pandas.

    Raises what `readable` raises.
    """
    array = np.asarray(readable(data, name))
    if array.dtype == object and all(map(is_number, array.flat)):
        return np.array(array.tolist())
    return array


def numeric(data: Any, name: str) -> np.ndarray:
    """The data as an array of numbers; raises TypeError for anything else, and what `readable` raises."""
    array = array_of(data, name)
    if array.dtype.kind in "biuf":
        return array
    what = {"U": "strings", "S": "bytes", "c": "complex"}.get(array.dtype.kind, str(array.dtype))
    for index, item in np.ndenumerate(array) if array.dtype == object else ():
        if not is_number(item):
            what = f"{item!r} at {list(index)}, of the type {type(item).__name__}"
            break
    raise TypeError(f"{name} must hold numbers, but holds {what}")


def unknown_name(what: str, name: str, known: Iterable[str], likely: str) -> ValueError:
    """The error for a name that is not among the known ones; guesses the known name closest to `likely`."""
    known = list(known)
    close = get_close_matches(likely, known, 1)
    guess = f"; did you mean {close[0]!r}?" if close else ""
    return ValueError(f"there is no {what} {name!r} among {', '.join(known)}{guess}")
