"""The error function on arrays, which is arithmetic on whole arrays, against 40 digits."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest

from autograd_core import Value, compile, functions
from autograd_core.compiler import arrays
from tests.autograd_core.compiler.agreement import nodes

RNG = np.random.default_rng(0)
EDGES = np.array([0.46875, 4.0, 26.5])
POINTS = np.concatenate(
    [
        RNG.uniform(-6.0, 6.0, 400),
        RNG.uniform(5.0, 26.5, 50),
        RNG.choice([-1.0, 1.0], 50) * 10.0 ** RNG.uniform(-300.0, -1.0, 50),
        *[sign * np.nextafter(EDGES, to) for sign in (-1.0, 1.0) for to in (0.0, 99.0)],
        EDGES,
        -EDGES,
    ]
)


@pytest.mark.parametrize(("function", "exact"), [(arrays.erf, mpmath.erf), (arrays.erfc, mpmath.erfc)])
def test_a_few_units_in_the_last_place(function: Any, exact: Any) -> None:
    with mpmath.workdps(40):
        expected = np.array([float(exact(mpmath.mpf(x))) for x in POINTS.tolist()])
    found = function(POINTS)
    assert (np.abs(found - expected) / np.spacing(np.abs(expected))).max() <= 8.0
    assert (function(POINTS.reshape(2, -1)) == found.reshape(2, -1)).all()


def test_where_there_is_nothing_to_approximate() -> None:
    ends = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e300, -1e300, 28.0, 40.0])
    with np.errstate(all="ignore"):
        assert arrays.erf(ends).tolist()[:4] == [0.0, -0.0, 1.0, -1.0]
        assert np.isnan(arrays.erf(ends)[4])
        assert arrays.erf(ends)[5:].tolist() == [1.0, -1.0, 1.0, 1.0]
        assert arrays.erfc(ends).tolist()[:4] == [1.0, 1.0, 0.0, 2.0]
        assert np.isnan(arrays.erfc(ends)[4])
        assert arrays.erfc(ends)[5:].tolist() == [0.0, 2.0, 0.0, 0.0]
    assert np.signbit(arrays.erf(np.array([-0.0]))[0])
    assert arrays.erf(np.zeros((0, 3))).shape == (0, 3)
    assert arrays.erf(0.25) == pytest.approx(0.2763263901682369, rel=1e-15)
    assert np.shape(arrays.erfc(0.25)) == ()


@pytest.mark.parametrize("name", ["erf", "erfc", "gelu"])
def test_programs_make_no_call_for_each_element(name: str) -> None:
    p = nodes([0.1, 0.2, 0.3])
    program = compile(sum((getattr(functions, name)(one) for one in p), Value(0.0)), parameters=p, backend="numpy")
    assert "vectorize" not in program.source
    assert "math.erf" not in program.source
