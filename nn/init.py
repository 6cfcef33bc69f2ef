"""Starting weights: the schemes that fill a layer before training, and the random generator they draw from.

Every scheme is called alike, ``scheme(shape, fan_in, fan_out, rng)``, so that any of them, or a function of your
own, can stand where another does; `functools.partial` fixes an option. `fan_in` and `fan_out` are how many inputs
and outputs the layer has, and the returned array of `shape` holds floats. A seed as `rng` gives the same weights at
every call; to fill several layers, pass the same Generator to all.

>>> normal((2, 2), 2, 2, rng=0)
array([[ 0.01257302, -0.01321049],
       [ 0.06404227,  0.01049001]])
>>> from functools import partial
>>> wide = partial(normal, std=1.0)
>>> wide((3, 2), 2, 3, rng=0).shape
(3, 2)
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import numpy as np

from autograd_core.floats import as_float
from nn.activations import RECORDS
from nn.arguments import non_negative, positive_int, unknown_name

Seed = int | np.random.Generator | None
"""Where random numbers come from: a seed, a generator that goes on where it is, or None for fresh ones."""
Shape = int | tuple[int, ...]
Scheme = Callable[..., np.ndarray]
"""A weight scheme: (shape, fan_in, fan_out, rng) in, an array of that shape out."""


def generator(rng: Seed) -> np.random.Generator:
    """The random generator of a seed; a Generator as it is, and for None one that is seeded afresh.

    Raises TypeError for anything else and ValueError for a negative seed.

    >>> generator(0).integers(10, size=3)
    array([8, 6, 5])
    """
    if rng is None or isinstance(rng, np.random.Generator):
        return np.random.default_rng(rng)
    if isinstance(rng, bool) or not isinstance(rng, (int, np.integer)):
        raise TypeError(f"rng is an int, a numpy.random.Generator or None, got {type(rng).__name__} {rng!r}")
    if rng < 0:
        raise ValueError(f"a seed is at least 0, got {rng}")
    return np.random.default_rng(int(rng))


def normal(shape: Shape, fan_in: int, fan_out: int, rng: Seed, std: float = 0.1) -> np.ndarray:
    """Normally distributed around 0 with standard deviation `std`, whatever the fans.

    >>> normal(4, 4, 1, rng=0, std=0.0)
    array([0., 0., 0., 0.])
    """
    return generator(rng).normal(0.0, non_negative(std, "std"), shape)


def uniform(shape: Shape, fan_in: int, fan_out: int, rng: Seed, low: float = -0.1, high: float = 0.1) -> np.ndarray:
    """Uniformly distributed from `low` to `high`, whatever the fans; raises ValueError unless low <= high."""
    if not low <= high:
        raise ValueError(f"uniform draws from low to high, got low={low!r} above high={high!r}")
    return generator(rng).uniform(low, high, shape)


def xavier_normal(shape: Shape, fan_in: int, fan_out: int, rng: Seed, gain: float = 1.0) -> np.ndarray:
    """Normal with variance gain² · 2 / (fan_in + fan_out).

    This keeps the variance of activations (which asks for 1 / fan_in) and of gradients (1 / fan_out) about the
    same from layer to layer, as a compromise; for activations that are nearly linear around 0, such as tanh.
    Source: Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks".
    """
    return normal(shape, fan_in, fan_out, rng, std=_xavier_std(fan_in, fan_out, gain))


def xavier_uniform(shape: Shape, fan_in: int, fan_out: int, rng: Seed, gain: float = 1.0) -> np.ndarray:
    """Uniform within ± gain · sqrt(6 / (fan_in + fan_out)): the variance of `xavier_normal`. Source: as there."""
    return _uniform_of_std(shape, fan_in, fan_out, rng, _xavier_std(fan_in, fan_out, gain))


def he_normal(shape: Shape, fan_in: int, fan_out: int, rng: Seed, gain: float = sqrt(2.0)) -> np.ndarray:
    """Normal with variance gain² / fan_in.

    The gain of sqrt(2) makes up for relu, which zeroes half of its inputs. PyTorch calls it kaiming_normal.
    Source: He et al. 2015, "Delving deep into rectifiers", arXiv:1502.01852.
    """
    return normal(shape, fan_in, fan_out, rng, std=_he_std(fan_in, gain))


def he_uniform(shape: Shape, fan_in: int, fan_out: int, rng: Seed, gain: float = sqrt(2.0)) -> np.ndarray:
    """Uniform within ± gain · sqrt(3 / fan_in): the variance of `he_normal`. Source: as there."""
    return _uniform_of_std(shape, fan_in, fan_out, rng, _he_std(fan_in, gain))


def zeros(shape: Shape, fan_in: int, fan_out: int, rng: Seed) -> np.ndarray:
    """All 0: right for biases, but neurons that start the same stay the same, so never for hidden weights."""
    return np.zeros(shape)


def constant(shape: Shape, fan_in: int, fan_out: int, rng: Seed, value: float = 0.1) -> np.ndarray:
    """All `value`; as with `zeros`, neurons that start the same stay the same."""
    return np.full(shape, as_float(value, "constant"))


SCHEMES: dict[str, Scheme] = {
    function.__name__: function
    for function in (normal, uniform, xavier_normal, xavier_uniform, he_normal, he_uniform, zeros, constant)
}
"""The weight schemes by name."""


def scheme(name_or_callable: str | Scheme) -> Scheme:
    """The scheme of that name, or the function itself if it is one.

    Raises ValueError for an unknown name, with the known ones, and TypeError for what is neither.

    >>> scheme("he_normal") is he_normal
    True
    >>> scheme("kaiming_uniform")
    Traceback (most recent call last):
    ...
    ValueError: there is no weight scheme 'kaiming_uniform' among normal, uniform, xavier_normal, xavier_uniform, \
he_normal, he_uniform, zeros, constant; did you mean 'he_uniform'?
    """
    if callable(name_or_callable):
        return name_or_callable
    if not isinstance(name_or_callable, str):
        raise TypeError(
            "a weight scheme is a name or a function (shape, fan_in, fan_out, rng) that returns an array, got "
            f"{type(name_or_callable).__name__}"
        )
    if name_or_callable not in SCHEMES:
        # The same schemes go by their authors' first and last names.
        likely = name_or_callable.lower().replace("kaiming", "he").replace("glorot", "xavier")
        raise unknown_name("weight scheme", name_or_callable, SCHEMES, likely)
    return SCHEMES[name_or_callable]


def gain(activation: str, negative_slope: float = 0.01) -> float:
    """How much an activation shrinks a signal, as the factor on the weights that makes up for it.

    The numbers are those of torch.nn.init.calculate_gain, selu's among them, and 1 for the activations that it has none
    for, which leaves a scheme as it is. Only leaky_relu has a `negative_slope`. Raises ValueError for any other name.

    >>> gain("relu") == sqrt(2.0)
    True
    >>> weights = xavier_normal((16, 2), 2, 16, rng=0, gain=gain("tanh"))
    """
    gains = {name: record.gain for name, record in RECORDS.items()} | {"selu": 3.0 / 4.0}
    if activation not in gains:
        raise unknown_name("gain of an activation", activation, gains, activation)
    found = gains[activation]
    return found(as_float(negative_slope, "negative_slope")) if callable(found) else found


def _xavier_std(fan_in: int, fan_out: int, gain: float) -> float:
    return non_negative(gain, "gain") * sqrt(2.0 / (positive_int(fan_in, "fan_in") + positive_int(fan_out, "fan_out")))


def _he_std(fan_in: int, gain: float) -> float:
    return non_negative(gain, "gain") / sqrt(positive_int(fan_in, "fan_in"))


def _uniform_of_std(shape: Shape, fan_in: int, fan_out: int, rng: Seed, std: float) -> np.ndarray:
    """The uniform distribution around 0 that has this standard deviation: within ± sqrt(3) · std."""
    bound = sqrt(3.0) * std
    return uniform(shape, fan_in, fan_out, rng, low=-bound, high=bound)
