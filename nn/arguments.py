"""Checks of arguments that many functions take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from math import inf
from typing import Any

import numpy as np

from autograd_core.floats import as_float, is_number, readable


def positive_int(number: Any, name: str) -> int:
    """The number as an int; raises TypeError unless it is one, and ValueError unless it is at least 1."""
    return int_at_least(1, number, name)


def int_at_least(least: int, number: Any, name: str) -> int:
    """The number as an int; raises TypeError unless it is one, and ValueError unless it is at least that large."""
    if isinstance(number, bool) or not isinstance(number, (int, np.integer)):
        raise TypeError(f"{name} is an int, got {type(number).__name__} {number!r}")
    if number < least:
        raise ValueError(f"{name} is at least {least}, got {number}")
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


def finite_array(data: Any, name: str) -> np.ndarray:
    """The data as an array of finite numbers.

    Raises TypeError for what is not numeric, and ValueError for nothing, rows of different lengths, and numbers that
    are NaN or infinite.
    """
    data = readable(data, name)
    try:
        array = array_of(data, name)
    except ValueError:
        raise ValueError(f"{name} has rows of different lengths") from None
    if array.ndim == 0 or array.size == 0:
        raise ValueError(f"{name} has no samples: its shape is {array.shape}")
    array = numeric(array, name)
    finite = np.isfinite(array)
    if not finite.all():
        place = np.argwhere(~finite)[0].tolist()
        raise ValueError(f"{name} has {array[tuple(place)]} at {place}; drop or replace such samples first")
    return array


def unknown_name(what: str, name: str, known: Iterable[str], likely: str) -> ValueError:
    """The error for a name that is not among the known ones; guesses the known name closest to `likely`."""
    known = list(known)
    close = get_close_matches(likely, known, 1)
    guess = f"; did you mean {close[0]!r}?" if close else ""
    return ValueError(f"there is no {what} {name!r} among {', '.join(known)}{guess}")


def sample_array(x: Any, shape: Sequence[Any], name: str) -> np.ndarray:
    """An argument of a layer for one sample, as an object array of Values and numbers.

    `shape` has None for an axis of any length, and begins with an Ellipsis for any axes before. Raises ValueError for
    another shape or a ragged arrangement, and what `readable` raises.
    """
    array = np.asarray(readable(x, name), dtype=object)
    open_ended = bool(shape) and shape[0] is ...
    wanted = tuple(shape[1:] if open_ended else shape)
    found = array.shape[array.ndim - len(wanted) :] if open_ended else array.shape
    fits = len(found) == len(wanted) and all(w in (None, n) for w, n in zip(wanted, found, strict=True))
    if not fits or array.size == 0 or any(isinstance(item, (list, tuple, np.ndarray)) for item in array.flat):
        words = ", ".join(["..."] * open_ended + ["any" if size is None else str(size) for size in wanted])
        raise ValueError(f"{name} has shape ({words}) for one sample, got shape {array.shape}")
    return array
