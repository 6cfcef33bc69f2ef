"""The elementary functions in C against mpmath: within 2 units in the last place."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

from autograd_core import floats
from autograd_core.compiler import toolchain
from autograd_core.compiler.c_functions import HELPERS, NEEDS, each
from autograd_core.compiler.c_language import HEAD
from tests.autograd_core.compiler.agreement import differences
from tests.autograd_core.compiler.native import skip_without_compiler

EXACT: dict[str, Callable[..., Any]] = {
    "exp_of": mpmath.exp,
    "expm1_of": mpmath.expm1,
    "log_of": mpmath.log,
    "log1p_of": mpmath.log1p,
    "tanh_of": mpmath.tanh,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
}
ON_FLOATS: dict[str, Callable[[float], float]] = {
    "exp_of": floats.exp,
    "expm1_of": floats.expm1,
    "log_of": floats.log,
    "log1p_of": floats.log1p,
    "tanh_of": math.tanh,
    "sigmoid": floats.sigmoid,
    "softplus": floats.softplus,
}
EDGES = [0.0, -0.0, math.inf, -math.inf, math.nan, -1.0, -2.0, 5e-324, -5e-324, 1e-310, 1e308, -1e308, 709.78, 709.79]
EDGES += [710.0, -708.4, -745.1, -745.2, -746.0, 40.0, -40.0, 22.0, 1.0]


def library() -> ctypes.CDLL:
    skip_without_compiler()
    order: list[str] = []

    def include(name: str) -> None:
        for needed in NEEDS.get(name, ()):
            include(needed)
        order.extend([name] * (name not in order))

    for name in EXACT:
        include(name)
    loops = [each(name).replace("static void", "void") for name in EXACT]
    return toolchain.library("\n\n".join([HEAD, *(HELPERS[name] for name in order), *loops]) + "\n")


def applied(name: str, x: np.ndarray) -> np.ndarray:
    """A function of all numbers of an array, in the loop that programs have."""
    y = np.empty_like(x)
    call = getattr(library(), f"each_{name}")
    call(ctypes.c_int(len(x)), ctypes.c_void_p(x.ctypes.data), ctypes.c_void_p(y.ctypes.data))
    return y


def points(name: str) -> np.ndarray:
    """Numbers of all sizes, most of them where the function bends."""
    rng = np.random.default_rng(0)
    spread = [scale * rng.normal(size=400) for scale in (1e-8, 1e-3, 0.1, 1.0, 10.0, 300.0)]
    x = np.concatenate([*spread, np.linspace(-2.0, 2.0, 801), 10.0 ** rng.uniform(-320.0, 308.0, 300)])
    if name == "log_of":
        x = np.concatenate([np.abs(x), 1.0 + rng.normal(size=600) * 0.3 ** rng.integers(1, 30, 600)])
    return x[x > {"log_of": 0.0, "log1p_of": -1.0}.get(name, -math.inf)]


@pytest.mark.parametrize("name", EXACT)
def test_within_2_units_in_the_last_place(name: str) -> None:
    x = points(name)
    worst = 0.0
    with mpmath.workprec(100):
        for given, found in zip(x.tolist(), applied(name, x).tolist(), strict=True):
            exact = EXACT[name](mpmath.mpf(given))
            rounded = float(exact)
            if math.isinf(rounded):
                assert found == rounded
            else:
                unit = math.ulp(rounded)
                worst = max(worst, float(abs(mpmath.mpf(found) - exact) / unit))
    assert worst <= 2.0


@pytest.mark.parametrize("name", EXACT)
def test_edges_are_those_of_floats(name: str) -> None:
    found = applied(name, np.array(EDGES))
    expected = np.array([ON_FLOATS[name](x) for x in EDGES])
    assert differences(found, expected, floor=5e-324).max() < 1e-14
    zero = expected == 0.0
    if name not in ("log_of", "exp_of", "sigmoid", "softplus"):
        assert np.array_equal(np.signbit(found[zero]), np.signbit(expected[zero]))
