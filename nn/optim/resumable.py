"""What optimisers and schedules have in common: options that are checked, and a state to save and go on from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, fields
from math import isnan
from typing import Any, Self, cast

import numpy as np

from autograd_core.floats import as_float

StateDict = dict[str, float | int | str | np.ndarray]
"""A flat state: what a JSON file or an .npz without pickle can hold."""


def domain(words: str, contains: Callable[[Any], bool]) -> dict[str, Any]:
    """The metadata of an option that takes other numbers than those from 0 up, or strings.

    `words` ends the sentence "Adam needs betas ..." and `contains` says of one number whether it will do.
    """
    return {"domain": (words, contains)}


ANY_NUMBER = domain("to be a number", lambda number: not isnan(number))
NOT_NEGATIVE = domain("at least 0", lambda number: number >= 0.0)
POSITIVE_TO_ONE = domain("above 0 and at most 1", lambda number: 0.0 < number <= 1.0)
ZERO_TO_ONE = domain("at least 0 and at most 1", lambda number: 0.0 <= number <= 1.0)
ZERO_TO_BELOW_ONE = domain("at least 0 and below 1", lambda number: 0.0 <= number < 1.0)
WHOLE = domain("to be a whole number from 0 up", lambda number: number >= 0 and number % 1 == 0)
COUNT = domain("to be a whole number from 1 up", lambda number: number >= 1 and number % 1 == 0)


@dataclass(eq=False)
class Resumable:
    """A dataclass whose first field is what it works on and whose other fields are options and state.

    An option is a number or a tuple of numbers, not negative unless its field has another `domain`.
    """

    def __post_init__(self) -> None:
        self.check_options()

    def check_options(self) -> None:
        """Raise TypeError or ValueError, naming option and value, if an option is none that will do.

        Called when the object is made and when a state is loaded; override it, calling this one first, to
        check options against each other.
        """
        owner = type(self).__name__
        for option in fields(self)[1:]:
            # Of the state only what has a domain, once __post_init__ has set it.
            if not option.init and not (option.metadata and hasattr(self, option.name)):
                continue
            name, default, given = option.name, cast(Any, option.default), getattr(self, option.name)
            words, contains = (NOT_NEGATIVE | dict(option.metadata))["domain"]
            value = _plain(given)
            parts = value if isinstance(value, tuple) else (value,)
            if not isinstance(default, str):
                for part in parts:
                    as_float(part, f"The option {name} of {owner}")
            if np.shape(value) != np.shape(default):
                size = len(default) if isinstance(default, tuple) else 1
                raise ValueError(f"{owner} takes {size} number(s) for {name}, got {name}={given!r}")
            if not all(map(contains, parts)):
                raise ValueError(f"{owner} needs {name} {words}, got {name}={given!r}")
            setattr(self, name, value)

    def state_dict(self) -> StateDict:
        """Everything needed to go on bit for bit, options included, as a flat dict that shares nothing."""
        values = {field.name: _plain(getattr(self, field.name)) for field in fields(self)[1:]}
        return {name: np.array(value) if isinstance(value, tuple) else value for name, value in values.items()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over options and state from a `state_dict()` of the same class; arrays are copied.

        Raises ValueError, saying every difference, if names or shapes are not those expected, and what
        `check_options` raises; self is then as it was.
        """
        loaded = copy(self)
        loaded._load(state_dict)
        self.take_over(loaded)

    def copied(self) -> Self:
        """A copy that works on the same and shares nothing else that changes, for `take_over` to go back to."""
        return copy(self)

    def take_over(self, other: Resumable) -> None:
        """Get the options and the state of another of the same class, in one step that Ctrl-C cannot divide."""
        works_on = fields(self)[0].name
        vars(self).update({name: value for name, value in vars(other).items() if name != works_on})

    def _load(self, state_dict: Mapping[str, Any]) -> None:
        self._require_same_shapes(self.state_dict(), state_dict)
        for name, value in state_dict.items():
            setattr(self, name, _plain(value))
        self.check_options()

    def _require_same_shapes(self, expected: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        problems = [f"{name} is missing" for name in expected if name not in given]
        problems += [f"{name} is unknown" for name in given if name not in expected]
        problems += [
            f"{name} has shape {np.shape(given[name])}, not {np.shape(expected[name])}"
            for name in expected
            if name in given and np.shape(given[name]) != np.shape(expected[name])
        ]
        if problems:
            raise ValueError(f"{type(self).__name__} cannot load this state: {'; '.join(problems)}")


def _plain(value: Any) -> Any:
    """A Python number, string or tuple of what may have become NumPy's on its way through a file."""
    value = np.asarray(value).tolist()
    return tuple(value) if isinstance(value, list) else value
