"""Training runs in processes of their own, for JAX learns how many devices there are when it is imported.

``python -m tests.nn.device_runs eight`` checks runs on eight simulated devices; ``... two PROCESS PORT CHECKPOINT`` is
one of two processes that train together for ever.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from autograd_core import compile
from nn.devices import DeviceSteps, chosen
from nn.history import Training
from tests.autograd_core.compiler.agreement import assert_same, nodes
from tests.autograd_core.compiler.realistic import PROGRAMS, Values
from tests.nn import runs

jax: Any = pytest.importorskip("jax", reason="JAX is not installed")


def eight() -> None:
    """Everything that needs eight devices."""
    assert len(jax.devices()) == 8
    explicit_sharding()
    for devices in (8, 3, jax.devices()[2:4], None):
        same_weights_as_compiled(devices)
    one_all_reduce()


def explicit_sharding() -> None:
    """A mesh that asks what each operation does to a divided batch accepts the functions as they are."""
    mesh = jax.make_mesh((8,), ("batch",), axis_types=(jax.sharding.AxisType.Explicit,))
    names = ("gated_recurrent_unit", "causal_attention_of_two_heads", "convolution_2d", "viterbi")
    for program in (program for program in PROGRAMS if program.name in names):
        rng = np.random.default_rng(1)
        numbers, x = rng.normal(0.0, 0.5, program.parameters), rng.normal(size=(16, *program.shape))
        leaves, given = nodes(numbers), nodes(x[0])
        output = program.build(Values(), leaves, given)
        with jax.enable_x64(True):
            X = jax.device_put(x, jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("batch")))
            value, gradient = jax.jit(compile(output, [given], leaves, "jax").function)(numbers, X)
            assert gradient.sharding.is_fully_replicated
        expected, slopes = compile(output, [given], leaves, "numpy").value_and_grad(numbers, x)
        assert_same(value, expected, program.name)
        assert_same(gradient, slopes, program.name)


def same_weights_as_compiled(devices: Any) -> None:
    """Batches of 12 and at last of 8 samples, which 8 and 3 devices cannot all divide."""
    found = []
    for options in ({"engine": "compiled"}, {"engine": "jax", "devices": devices}):
        model = nn.Sequential(nn.Layer(2, 4, "tanh", rng=0), nn.Dropout(0.3, rng=1), nn.Layer(4, 1, "linear", rng=2))
        X, y = nn.data.moons(20, rng=0)
        history = runs.fit(
            model, None, 3, X=X, y=y, batch_size=12, clip_norm=0.5,
            penalty=lambda model=model: 1e-2 * nn.losses.l2_penalty(model.parameters()), **options,
        )  # fmt: skip
        found.append([*model.state_dict().values(), *history.loss])
    np.testing.assert_allclose(found[1], found[0], rtol=1e-9, atol=1e-9)


def one_all_reduce() -> None:
    """A step waits for the other devices once."""
    model = nn.MLP(2, [8, 8, 1], rng=0)
    x, target = nodes([0.0, 0.0]), nodes(0.0)
    program = compile(nn.losses.mse_loss(model(x), target), [x, target], model.parameters(), "jax")
    steps = DeviceSteps(program, chosen(8), 16, None)
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    with jax.enable_x64(True):
        batch = steps._divided(np.zeros((16, 2)), np.zeros(16))
        numbers = np.zeros(len(model.parameters()))
        text = steps._step(optimizer).lower(0.1, numbers, {}, *batch).compile().as_text()
    assert text.count(" all-reduce(") == 1, text


def two(process: int, port: str, checkpoint: str) -> None:
    """Train with another process, and print the number of each epoch, until something is wrong."""
    jax.distributed.initialize(f"127.0.0.1:{port}", 2, process, initialization_timeout=60, heartbeat_timeout_seconds=10)

    def said(training: Training) -> None:
        print(len(training.history.epochs), flush=True)

    try:
        runs.fit(runs.model(), Path(checkpoint), 10**6, engine="jax", callbacks=[said])
    except RuntimeError as error:
        print(error, flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "eight":
        eight()
    else:
        two(int(sys.argv[2]), *sys.argv[3:])
