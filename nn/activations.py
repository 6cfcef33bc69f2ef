"""The activations of neurons, each a record of its function, its gain and its starting weights."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any, NamedTuple

from autograd_core import functions
from nn.arguments import unknown_name

Activation = str | Callable[[Any], Any]


def linear(x: Any) -> Any:
    """The activation that is none: x itself. Layers of it collapse into one linear map."""
    return x


def step(x: Any) -> Any:
    """The perceptron's activation: 1 where x >= 0, else 0; its gradient is 0 everywhere, so it cannot be trained so.

    >>> step(0.5), step(-0.5)
    (1.0, 0.0)
    """
    return functions.less_equal(0.0, x)


def _rectifier_gain(negative_slope: float) -> float:
    return sqrt(2.0 / (1.0 + negative_slope**2))


class ActivationRecord(NamedTuple):
    """What is known of an activation; its name is that of the function."""

    function: Callable[[Any], Any]
    gain: float | Callable[[float], float] = 1.0
    """The factor on starting weights that makes up for how much it shrinks a signal, or that factor by the slope on the
    negative side."""
    init: str = "xavier_normal"
    """The scheme of starting weights: He's where about half of the inputs pass, Xavier's where 0 is the centre."""


RECORDS = {
    record.function.__name__: record
    for record in (
        ActivationRecord(linear),
        ActivationRecord(step),
        ActivationRecord(functions.sigmoid),
        ActivationRecord(functions.tanh, gain=5.0 / 3.0),
        ActivationRecord(functions.relu, gain=_rectifier_gain(0.0), init="he_normal"),
        ActivationRecord(functions.leaky_relu, gain=_rectifier_gain, init="he_normal"),
        ActivationRecord(functions.elu, init="he_normal"),
        ActivationRecord(functions.gelu, init="he_normal"),
        ActivationRecord(functions.silu, init="he_normal"),
        ActivationRecord(functions.softplus, init="he_normal"),
    )
}
"""The records by name. The gains are those of torch.nn.init.calculate_gain, and 1 where it has none."""

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {name: record.function for name, record in RECORDS.items()}
"""The activations by name."""


def activation_function(activation: Activation) -> Callable[[Any], Any]:
    """The function of an activation given by name, or the callable itself.

    Raises ValueError for an unknown name and TypeError for what is neither.
    """
    if isinstance(activation, str):
        if activation not in ACTIVATIONS:
            raise unknown_name("activation", activation, ACTIVATIONS, activation.lower())
        return ACTIVATIONS[activation]
    if not callable(activation):
        raise TypeError(f"an activation is a name or a function of one Value, got {type(activation).__name__}")
    return activation


def default_init(activation: Activation) -> str:
    """The scheme of starting weights for an activation by name; a function is known by its own name.

    >>> default_init("relu"), default_init(functions.tanh), default_init(lambda x: x * x)
    ('he_normal', 'xavier_normal', 'xavier_normal')
    """
    name = activation if isinstance(activation, str) else getattr(activation, "__name__", "")
    return RECORDS.get(name, RECORDS["linear"]).init
