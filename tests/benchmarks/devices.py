"""A step of training on devices, by their number, the size of the batch and the width of the network.

JAX learns how many devices there are when it is imported, so that each number is measured in a process of its own, with
NumPy beside it. Simulated devices share the cores of this machine: their column is the cost of dividing a batch and
adding up the gradient, to be earned back by devices that are real.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from statistics import median
from typing import Any

import numpy as np

import nn
from tests.benchmarks.engine import Row
from tests.benchmarks.peers import figure

INPUTS, STEPS = 16, 8
CASES = [(width, batch) for width in (16, 64, 256) for batch in (32, 512)]

Case = tuple[int, int]
"""Width of the two hidden layers, samples in a batch."""


def microseconds(case: Case, epochs: int, **options: Any) -> float:
    """A step of Adam in `nn.fit`, in the median of the epochs after the second, by when all is compiled."""
    width, batch = case
    rng = np.random.default_rng(0)
    X = rng.normal(size=(STEPS * batch, INPUTS))
    model = nn.MLP(INPUTS, [width, width, 1], "tanh", rng=0)
    history = nn.fit(
        model, X, np.sin(X.sum(axis=1)), loss=nn.losses.mse_loss, optimizer=nn.optim.Adam(model.parameters()),
        epochs=2 + epochs, batch_size=batch, rng=0, progress=False, **options,
    )  # fmt: skip
    return median(epoch.seconds for epoch in history.epochs[2:]) / STEPS * 1e6


def measured(devices: int, cases: Sequence[Case], epochs: int) -> list[list[float]]:
    """NumPy and so many devices, for each case, in a process that has as many."""
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={devices}"
    command = [sys.executable, "-m", "tests.benchmarks.devices", str(devices), str(epochs), json.dumps(cases)]
    environment = {**os.environ, "XLA_FLAGS": flags.strip()}
    return json.loads(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def rows(counts: Sequence[int], cases: Sequence[Case], epochs: int) -> list[Row]:
    """A row for each case; the last column says how many times as fast as NumPy the first number of devices is."""
    times = [measured(count, cases, epochs) for count in counts]
    table = []
    for number, (width, batch) in enumerate(cases):
        both = [taken[number] for taken in times]
        numpy = median(here for here, _ in both) if both else microseconds((width, batch), epochs, engine="compiled")
        row = {"width": str(width), "batch": str(batch), "NumPy, us a step": figure(numpy)}
        for count, (_, there) in zip(counts, both, strict=True):
            row[f"JAX, {count} device{'s' * (count > 1)}"] = figure(there)
        if both:
            row["NumPy / JAX"] = figure(both[0][0] / both[0][1])
        table.append(row)
    return table


def tables() -> Iterator[tuple[str, list[Row]]]:
    """The table; JAX pays where the last column is above 1."""
    there = find_spec("jax") is not None
    missing = "" if there else " (without jax: not installed)"
    title = f"One step of Adam in float64, {INPUTS} inputs and two hidden layers, simulated devices{missing}"
    yield title, rows((1, 8) if there else (), CASES, epochs=5)


def main(devices: str, epochs: str, cases: str) -> None:
    """Print the times of NumPy and of so many devices as JSON."""
    times = [
        [microseconds(case, int(epochs), **options) for options in
         ({"engine": "compiled"}, {"engine": "jax", "devices": int(devices)})]
        for case in json.loads(cases)
    ]  # fmt: skip
    print(json.dumps(times))


if __name__ == "__main__":
    main(*sys.argv[1:])
