"""JAX's functions by NumPy's of the same names: thousands of printed programs run without XLA compiling them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from autograd_core.compiler import arrays


def over_samples(left: np.ndarray, right: np.ndarray, axes: int = 1) -> np.ndarray:
    first = tuple(range(axes))
    return np.tensordot(left, right, (first, first))


def segments(ufunc: np.ufunc, start: float) -> Any:
    def segment(data: np.ndarray, owner: np.ndarray, count: int) -> np.ndarray:
        found = np.full((count, *data.shape[1:]), start)
        ufunc.at(found, owner, data)
        return found

    return segment


NAMES = {
    "jnp": np,
    "jax": SimpleNamespace(
        nn=arrays,
        scipy=SimpleNamespace(special=arrays),
        ops=SimpleNamespace(segment_sum=segments(np.add, 0.0), segment_max=segments(np.maximum, -np.inf)),
    ),
    "over_samples": over_samples,
    "gelu": arrays.gelu,
    "leaky_relu": arrays.leaky_relu,
    "elu": arrays.elu,
    "less": arrays.less,
    "less_equal": arrays.less_equal,
    "equal": arrays.equal,
}


def run(program: Any, name: str = "value_and_grad") -> Any:
    """The printed function of a program for JAX, on NumPy arrays."""
    runner = program.runner
    body = runner.source.program.body(name)
    namespace = {**NAMES, **body.constants, "inf": np.inf, "nan": np.nan}
    exec(runner.source._definition(name, body), namespace)
    return np.errstate(all="ignore")(namespace[name])
