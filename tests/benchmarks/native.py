"""Programs in C beside NumPy, the backend that "auto" picks, and jax.jit, all in one process.

Run it with one processor and one thread for each, as in

    OPENBLAS_NUM_THREADS=1 XLA_FLAGS="--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1" \\
        taskset -c 0 python -m tests.benchmarks native

JAX has the same scalar program as everybody, traced once and mapped over the batch, so that XLA sees every operation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import exp, log
from statistics import mean
from typing import Any

import numpy as np

from autograd_core import Program, Value, collector_paused, compile
from tests.autograd_core.compiler.realistic import PROGRAMS, Values
from tests.autograd_core.compiler.realistic import Program as Realistic
from tests.autograd_core.compiler.test_realistic import numbers
from tests.benchmarks import digits, moons, training
from tests.benchmarks.engine import Row
from tests.benchmarks.peers import Makers, Peer, compared, figure, flat, jax_in_float64

SHOWN = (
    "plain_recurrent", "gated_recurrent_unit", "convolution_2d", "attention", "black_scholes", "n_body", "viterbi",
    "connectionist_temporal_classification", "cart_pole", "lotka_volterra", "softmax_regression", "gaussian_mixture",
)  # fmt: skip
"""Programs of all kinds, few enough for a table."""


class Jax:
    """The functions of realistic programs in JAX."""

    def __init__(self) -> None:
        self.jax = jax_in_float64()

    def __getattr__(self, name: str) -> Any:
        of_jax = self.jax
        known = {"sigmoid": of_jax.nn.sigmoid, "relu": of_jax.nn.relu, "silu": of_jax.nn.silu, "erf": of_jax.lax.erf}
        return known.get(name) or getattr(of_jax.numpy, name)

    def softplus(self, x: Any) -> Any:
        return self.jax.nn.softplus(x)

    def gelu(self, x: Any) -> Any:
        return self.jax.nn.gelu(x, approximate=False)

    def less(self, x: Any, y: Any) -> Any:
        return (x < y) * 1.0

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        return self.jax.numpy.where(condition != 0, x, y)

    def logsumexp(self, values: list[Any]) -> Any:
        return self.jax.nn.logsumexp(self.jax.numpy.stack(values))

    def softmax(self, values: list[Any]) -> list[Any]:
        return list(self.jax.nn.softmax(self.jax.numpy.stack(values)))


def ours(program: Realistic, x: np.ndarray, batched: bool, backend: Any) -> Peer:
    parameters, _ = numbers(program, 1)
    with collector_paused():
        leaves, inputs = [Value(one) for one in parameters], values(x[0].tolist() if batched else x.tolist())
        compiled: Program = compile(program.build(Values(), leaves, inputs), [inputs], leaves, backend)
    given = np.array(parameters)
    return Peer(lambda: compiled.value_and_grad(given, x), flat)


def values(given: Any) -> Any:
    """Leaves of numbers, in the same nesting."""
    return Value(given) if isinstance(given, float) else [values(one) for one in given]


def in_jax(program: Realistic, x: np.ndarray, batched: bool) -> Peer:
    functions = Jax()
    jax = functions.jax

    def nested(array: Any, axes: int) -> Any:
        return array if axes == 0 else [nested(one, axes - 1) for one in array]

    def loss(parameters: Any, sample: Any) -> Any:
        return program.build(functions, list(parameters), nested(sample, len(program.shape)))

    def mean_loss(parameters: Any, samples: Any) -> Any:
        return jax.vmap(loss, (None, 0))(parameters, samples).mean()

    step = jax.jit(jax.value_and_grad(mean_loss if batched else loss))
    given, samples = jax.numpy.array(numbers(program, 1)[0]), jax.numpy.array(x)
    return Peer(lambda: jax.block_until_ready(step(given, samples)), flat)


def makers(program: Realistic, samples: int | None) -> Makers:
    """Native first, for the others are given as multiples of it."""
    batched, x = samples is not None, numbers(program, samples or 1)[1]
    x = x if batched else x[0]
    made: dict[str, Callable[[], Peer]] = {
        "autograd-core, native": lambda: ours(program, x, batched, "native"),
        "autograd-core, auto": lambda: ours(program, x, batched, "auto"),
        "autograd-core, numpy": lambda: ours(program, x, batched, "numpy"),
        "jax.jit": lambda: in_jax(program, x, batched),
    }
    return made


def networks() -> dict[str, Makers]:
    """The steps of training of other tables, with native first."""
    X, y = training.moons()
    samples, labels = digits.samples_like_digits(64)
    return {
        "moons, 100 points, a step": {
            "autograd-core, native": partial(moons.batched, X, y, "native"),
            "autograd-core, auto": partial(moons.batched, X, y),
            "NumPy, by hand": partial(moons.by_hand, X, y),
            "jax.jit": partial(moons.jax_jit, X, y),
        },
        "digits, 64 samples, a step": {
            "autograd-core, native": partial(digits.compiled, samples, labels, "native"),
            "autograd-core, auto": partial(digits.compiled, samples, labels),
            "NumPy, by hand": partial(digits.by_hand, samples, labels),
            "jax.jit": partial(digits.jax_jit, samples, labels),
        },
    }


def tables() -> Iterator[tuple[str, list[Row]]]:
    """For each length of a batch a row for each program: microseconds in C, and the others as multiples of that."""
    for title, workload in networks().items():
        yield compared(title, workload, repeats=5, unit="step")
    for samples in (None, 32, 256):
        rows = [row_of(program, samples) for program in PROGRAMS if program.name in SHOWN]
        means = {name: figure(geometric_mean([row[name] for row in rows])) for name in [*rows[0]][2:]}
        yield (
            "one sample" if samples is None else f"a batch of {samples}",
            [*rows, {"program": "geometric mean", "native, us": ""} | means],
        )


def row_of(program: Realistic, samples: int | None) -> Row:
    _, found = compared(program.name, makers(program, samples), repeats=3, unit="call", seconds=0.02)
    times = {row["engine"].removeprefix("autograd-core, "): row["times ours"] for row in found[1:]}
    row = {"program": program.name.replace("_", " "), "native, us": found[0]["us a call"]}
    return row | {f"{name}, times": time for name, time in times.items()}


def geometric_mean(cells: Sequence[str]) -> float:
    return exp(mean(log(float(cell.replace(",", ""))) for cell in cells))
