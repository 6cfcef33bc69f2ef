"""The weight schemes: their distributions, their seeds, and PyTorch's numbers."""

from __future__ import annotations

from functools import partial
from math import erf, nan, sqrt
from typing import Any

import numpy as np
import pytest

from nn import init
from nn.init import SCHEMES, gain, generator, scheme

SHAPE, FAN_IN, FAN_OUT = (400, 500), 500, 400
COUNT = SHAPE[0] * SHAPE[1]

NORMAL = {
    "normal": 0.1,
    "xavier_normal": sqrt(2.0 / 900.0),
    "he_normal": sqrt(2.0 / 500.0),
}
"""The standard deviation of each normal scheme for these fans."""
UNIFORM = {
    "uniform": 0.1,
    "xavier_uniform": sqrt(6.0 / 900.0),
    "he_uniform": sqrt(6.0 / 500.0),
}
"""The bound of each uniform scheme for these fans."""
DRAWN = [*NORMAL, *UNIFORM]


def drawn(name: str, seed: int = 0, **options: Any) -> np.ndarray:
    return SCHEMES[name](SHAPE, FAN_IN, FAN_OUT, seed, **options)


def test_table_is_complete() -> None:
    assert sorted(SCHEMES) == sorted([*DRAWN, "zeros", "constant"])
    assert all(function is getattr(init, name) for name, function in SCHEMES.items())


@pytest.mark.parametrize("name", NORMAL)
def test_normal_schemes(name: str) -> None:
    weights, std = drawn(name), NORMAL[name]
    # Each within five of its own standard errors; the seed is fixed.
    assert abs(weights.mean()) < 5.0 * std / sqrt(COUNT)
    assert abs(weights.std() - std) < 5.0 * std / sqrt(2.0 * COUNT)
    for bound in (0.5, 1.0, 2.0, 3.0):
        share = erf(bound / sqrt(2.0))
        assert abs((np.abs(weights) < bound * std).mean() - share) < 5.0 * sqrt(share * (1.0 - share) / COUNT)


@pytest.mark.parametrize("name", UNIFORM)
def test_uniform_schemes(name: str) -> None:
    weights, bound = drawn(name), UNIFORM[name]
    std = bound / sqrt(3.0)
    assert abs(weights.mean()) < 5.0 * std / sqrt(COUNT)
    # The kurtosis of a uniform distribution is 1.8, which makes this the standard error of its deviation.
    assert abs(weights.std() - std) < 5.0 * std * sqrt(0.2 / COUNT)
    assert 0.999 * bound < weights.max() <= bound
    assert -bound <= weights.min() < -0.999 * bound
    counts, _ = np.histogram(weights, bins=10, range=(-bound, bound))
    assert np.abs(counts / COUNT - 0.1).max() < 5.0 * sqrt(0.09 / COUNT)


@pytest.mark.torch
@pytest.mark.parametrize("name", ["xavier_normal", "xavier_uniform", "he_normal", "he_uniform"])
def test_pytorch_draws_as_wide(name: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; the formulas are tested above")
    tensor = torch.empty(SHAPE, dtype=torch.float64)
    fill = getattr(torch.nn.init, name.replace("he_", "kaiming_") + "_")
    random = torch.Generator().manual_seed(0)
    options = {"nonlinearity": "relu"} if name.startswith("he") else {}
    fill(tensor, generator=random, **options)
    # Two samples, so the difference has sqrt(2) of the standard error.
    assert abs(drawn(name).std() / tensor.std().item() - 1.0) < 5.0 * sqrt(2.0) / sqrt(2.0 * COUNT)
    if name in UNIFORM:
        assert tensor.abs().max().item() == pytest.approx(UNIFORM[name], rel=1e-4)


@pytest.mark.parametrize(
    ("name", "option"),
    [("normal", "std"), *((name, "gain") for name in DRAWN if "_" in name)],
)
def test_option_scales_the_weights(name: str, option: str) -> None:
    default: Any = {"std": 0.1, "gain": sqrt(2.0) if name.startswith("he") else 1.0}[option]
    np.testing.assert_array_equal(drawn(name), drawn(name, **{option: default}))
    np.testing.assert_allclose(drawn(name, **{option: 3.0 * default}), 3.0 * drawn(name), rtol=1e-12, atol=1e-15)


def test_bounds_of_uniform() -> None:
    weights = drawn("uniform", low=2.0, high=3.0)
    assert 2.0 <= weights.min() < 2.001
    assert 2.999 < weights.max() <= 3.0
    with pytest.raises(ValueError, match=r"^uniform draws from low to high, got low=0\.5 above high=0\.1$"):
        drawn("uniform", low=0.5)


def test_fans_that_differ_are_told_apart() -> None:
    wide = SCHEMES["he_normal"](SHAPE, 1, 10_000, 0)
    assert abs(wide.std() - sqrt(2.0)) < 0.02
    np.testing.assert_allclose(SCHEMES["he_normal"](SHAPE, 4, 3, 0), wide / 2.0, rtol=1e-12)
    np.testing.assert_array_equal(SCHEMES["xavier_normal"](SHAPE, 4, 12, 0), SCHEMES["xavier_normal"](SHAPE, 12, 4, 0))


def test_zeros_and_constant() -> None:
    assert init.zeros((2, 3), 3, 2, None).tolist() == [[0.0] * 3] * 2
    assert init.constant((2, 3), 3, 2, None).tolist() == [[0.1] * 3] * 2
    filled = init.constant(2, 3, 2, None, value=-4)
    assert filled.tolist() == [-4.0, -4.0]
    assert filled.dtype == float
    with pytest.raises(TypeError, match=r"^constant takes an int, float or NumPy real scalar, got str"):
        init.constant(2, 3, 2, None, value="one")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("shape", [(), 3, (3,), (2, 3), (0, 3), (2, 3, 4)])
def test_all_are_called_alike(name: str, shape: Any) -> None:
    weights = scheme(name)(shape, 3, 2, generator(0))
    assert np.shape(weights) == np.empty(shape).shape
    assert np.asarray(weights).dtype == float


@pytest.mark.parametrize("name", DRAWN)
def test_seeds(name: str) -> None:
    same = SCHEMES[name](SHAPE, FAN_IN, FAN_OUT, np.random.default_rng(0))
    assert drawn(name).tobytes() == drawn(name).tobytes() == same.tobytes()
    assert (drawn(name) != drawn(name, seed=1)).all()
    assert (SCHEMES[name](SHAPE, FAN_IN, FAN_OUT, None) != SCHEMES[name](SHAPE, FAN_IN, FAN_OUT, None)).all()
    shared = generator(0)
    first, second = (SCHEMES[name](SHAPE, FAN_IN, FAN_OUT, shared) for _ in range(2))
    assert first.tobytes() == same.tobytes()
    assert (first != second).all()


@pytest.mark.parametrize("name", ["xavier_normal", "xavier_uniform", "he_normal", "he_uniform"])
@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (0, ValueError, "fan_in is at least 1, got 0"),
        (-3, ValueError, "fan_in is at least 1, got -3"),
        (2.0, TypeError, "fan_in is an int, got float 2.0"),
        (True, TypeError, "fan_in is an int, got bool True"),
        ("2", TypeError, "fan_in is an int, got str '2'"),
        (None, TypeError, "fan_in is an int, got NoneType None"),
    ],
)
def test_fans_are_positive_ints(name: str, bad: Any, error: type[Exception], message: str) -> None:
    assert SCHEMES[name](2, np.int64(3), np.int32(2), 0).shape == (2,)
    with pytest.raises(error) as raised:
        SCHEMES[name](2, bad, 2, 0)
    assert str(raised.value) == message
    if name.startswith("xavier"):
        with pytest.raises(error) as raised:
            SCHEMES[name](2, 2, bad, 0)
        assert str(raised.value) == message.replace("fan_in", "fan_out")


@pytest.mark.parametrize("bad", [-0.1, nan, float("inf")])
def test_spreads_are_not_negative(bad: float) -> None:
    with pytest.raises(ValueError, match=r"^std is a finite number of at least 0, got "):
        drawn("normal", std=bad)
    with pytest.raises(ValueError, match=r"^gain is a finite number of at least 0, got "):
        drawn("he_uniform", gain=bad)


def test_look_up_of_a_callable() -> None:
    wide = partial(init.normal, std=1.0)
    assert scheme(wide) is wide
    assert scheme(init.zeros) is init.zeros


@pytest.mark.parametrize(
    ("name", "close"),
    [
        ("xavier", "xavier_normal"),
        ("Uniform", "uniform"),
        ("he_norm", "he_normal"),
        ("kaiming_normal", "he_normal"),
        ("glorot_uniform", "xavier_uniform"),
        ("zero", "zeros"),
        ("orthogonal", None),
    ],
)
def test_unknown_name(name: str, close: str | None) -> None:
    with pytest.raises(ValueError, match="there is no weight scheme") as raised:
        scheme(name)
    guess = f"; did you mean '{close}'?" if close else ""
    assert str(raised.value) == f"there is no weight scheme {name!r} among {', '.join(SCHEMES)}{guess}"


@pytest.mark.parametrize("bad", [None, 3, ["normal"]])
def test_scheme_is_a_name_or_a_function(bad: Any) -> None:
    with pytest.raises(TypeError, match=rf"^a weight scheme is a name or a function .* got {type(bad).__name__}$"):
        scheme(bad)


GAINS = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5.0 / 3.0, "relu": sqrt(2.0), "selu": 0.75}


def test_gains() -> None:
    assert {name: gain(name) for name in GAINS} == GAINS
    assert gain("leaky_relu") == sqrt(2.0 / 1.0001)
    assert gain("leaky_relu", negative_slope=1.0) == 1.0
    assert [gain(name) for name in ("gelu", "silu", "elu", "softplus", "step")] == [1.0] * 5
    with pytest.raises(ValueError, match=r"there is no gain of an activation 'tanhh' among .*did you mean 'tanh'\?$"):
        gain("tanhh")


@pytest.mark.torch
def test_pytorch_has_the_same_gains() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; its numbers are tested above")
    calculate = torch.nn.init.calculate_gain
    assert {name: calculate(name) for name in GAINS} == GAINS
    for slope in (0.01, 0.2, 1.0):
        assert calculate("leaky_relu", slope) == gain("leaky_relu", slope)


def test_generators() -> None:
    own = np.random.default_rng(7)
    assert generator(own) is own
    expected = np.random.default_rng(7).random()
    numpy_seed: Any = np.int64(7)
    assert generator(7).random() == generator(numpy_seed).random() == expected
    assert generator(None).random() != generator(None).random()


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (True, "rng is an int, a numpy.random.Generator or None, got bool True"),
        (1.0, "rng is an int, a numpy.random.Generator or None, got float 1.0"),
        ("1", "rng is an int, a numpy.random.Generator or None, got str '1'"),
        (np.True_, "rng is an int, a numpy.random.Generator or None, got bool np.True_"),
    ],
)
def test_what_is_no_generator(bad: Any, message: str) -> None:
    with pytest.raises(TypeError) as raised:
        generator(bad)
    assert str(raised.value) == message


def test_negative_seed() -> None:
    with pytest.raises(ValueError, match=r"^a seed is at least 0, got -1$"):
        generator(-1)
