"""Comparisons with other libraries: which are there, and a table of how long each takes for the same workload.

All run with as many threads as they take by default, and should have the machine to themselves: where another process
keeps a core busy, PyTorch's threads wait for each other many times longer than they compute.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from tests.benchmarks.engine import Row, interleaved

PACKAGES = {
    "CasADi": "casadi",
    "HIPS autograd": "autograd",
    "PyTorch": "torch",
    "XAD": "xad",
    "jax.jit": "jax",
    "micrograd": "micrograd",
}


class Peer(NamedTuple):
    """A workload in one library."""

    run: Callable[[], Any]
    """What is timed."""
    numbers: Callable[[Any], np.ndarray]
    """From what `run` returned to a flat array, the same for all peers."""


Makers = Mapping[str, Callable[[], Peer]]
"""From the name of a peer, which may say more behind a comma, to what makes it and imports its package."""


def package(name: str) -> str:
    """The package that a peer needs; ours and what is written by hand need NumPy."""
    return PACKAGES.get(name.partition(",")[0], "numpy")


def compared(title: str, makers: Makers, repeats: int, unit: str, seconds: float = 0.05) -> tuple[str, list[Row]]:
    """The title, with what is not installed, and a row for each peer that is; the first is ours.

    A repeat has as many passes as take about `seconds`, and `unit` is what a pass is called.
    """
    missing = dict.fromkeys(package(name) for name in makers if not find_spec(package(name)))
    peers = {name: make() for name, make in makers.items() if package(name) not in missing}
    runs = [peer.run for peer in peers.values()]
    times = interleaved(runs, repeats, [passes_within(run, seconds) for run in runs])
    rows = [
        {"engine": name, f"us a {unit}": figure(taken * 1e6), "times ours": figure(taken / times[0])}
        for name, taken in zip(peers, times, strict=True)
    ]
    return title + (f" (without {', '.join(missing)}: not installed)" if missing else ""), rows


def passes_within(run: Callable[[], Any], seconds: float) -> int:
    """How many passes take about so long, and at least one."""
    run()  # some compile themselves at the first call
    passes = 1
    while True:
        start = perf_counter()
        for _ in range(passes):
            run()
        taken = perf_counter() - start
        if 2 * taken >= seconds:
            return passes
        passes *= 2


def figure(number: float) -> str:
    """The number with three digits, or all before the point."""
    return f"{number:,.{2 if number < 10 else 1 if number < 100 else 0}f}"


def flat(numbers: Any) -> np.ndarray:
    """The numbers in nested lists and tuples of numbers and arrays, of any library, one after the other."""
    if isinstance(numbers, (list, tuple)):
        return np.concatenate([flat(part) for part in numbers])
    return np.asarray(numbers, dtype=float).ravel()


def jax_in_float64() -> Any:
    """The package jax, switched from its 32 bits to the 64 of all others."""
    jax = import_module("jax")
    jax.config.update("jax_enable_x64", True)
    return jax
