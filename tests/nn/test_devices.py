"""`fit(engine="jax")`: the same run as on the compiled engine, on one device, on eight and in two processes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Any

import numpy as np
import pytest

import nn
from autograd_core import detect_anomaly
from nn.devices import DeviceSteps
from nn.history import Training
from tests.nn import runs

pytestmark = pytest.mark.jax
jax: Any = pytest.importorskip("jax", reason="JAX is not installed; CI installs it with the extra bench")

ROOT = Path(__file__).parents[2]


def network() -> nn.Sequential:
    return nn.Sequential(nn.Layer(2, 3, "tanh", rng=0), nn.Dropout(0.3, rng=1), nn.Layer(3, 1, "linear", rng=2))


def trained(model: nn.Module, path: Path | None = None, epochs: int = 4, **options: Any) -> nn.History:
    """A run with all that a run can have."""
    optimizer = options.pop("optimizer", None) or nn.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)
    return runs.fit(
        model, path, epochs, optimizer=optimizer, scheduler=nn.optim.StepLR(optimizer, 2, 0.5), clip_norm=0.8,
        penalty=lambda: 1e-2 * nn.losses.l2_penalty(model.parameters()), validation_data=nn.data.moons(9, rng=1),
        **options,
    )  # fmt: skip


def weights(model: nn.Module) -> list[float]:
    return [parameter.data for parameter in model.parameters()]


@pytest.mark.slow
def test_weights_history_and_checkpoints_are_those_of_the_compiled_engine(tmp_path: Path) -> None:
    one, other = network(), network()
    expected, found = trained(one, engine="compiled"), trained(other, tmp_path / "whole.npz", engine="jax", devices=1)
    np.testing.assert_allclose(weights(other), weights(one), rtol=1e-9)
    np.testing.assert_allclose(found.loss, expected.loss, rtol=1e-9)
    np.testing.assert_allclose(found.validation_loss, expected.validation_loss, rtol=1e-9)
    assert [epoch.learning_rate for epoch in found.epochs] == [epoch.learning_rate for epoch in expected.epochs]
    slopes = [[parameter.grad for parameter in model.parameters()] for model in (other, one)]
    np.testing.assert_allclose(*slopes, rtol=1e-9)

    def interrupted(training: Training) -> None:
        if len(training.history.epochs) == 2:
            raise KeyboardInterrupt

    again, path = network(), tmp_path / "half.npz"
    assert trained(again, path, engine="jax", callbacks=[interrupted]).stopped == "interrupted after 2 epochs"
    again = network()
    trained(again, path, engine="jax", resume=True)
    assert weights(again) == weights(other)
    last = network()
    trained(last, tmp_path / "whole.npz", engine="compiled", resume=True)
    assert weights(last) == weights(other)


def test_an_interruption_between_two_steps_leaves_the_end_of_the_last_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    divided, calls = DeviceSteps._divided, list[int]()

    def slow(self: DeviceSteps, X: np.ndarray, y: np.ndarray) -> list[Any]:
        calls.append(len(X))
        if len(calls) == 6:
            raise KeyboardInterrupt
        return divided(self, X, y)

    monkeypatch.setattr(DeviceSteps, "_divided", slow)
    one, other = runs.model(), runs.model()
    optimizers = [nn.optim.Adam(model.parameters(), lr=0.05) for model in (one, other)]
    history = runs.fit(one, None, 3, engine="jax", optimizer=optimizers[0])
    assert (history.stopped, calls) == ("interrupted after 1 epochs", [6, 6, 6, 2, 6, 6])
    runs.fit(other, None, 1, engine="compiled", optimizer=optimizers[1])
    # Without validation data the best weights are those that an epoch begins with, and here those of the first.
    assert weights(one) == weights(runs.model())
    assert not optimizers[0].state


OPTIMIZERS: dict[str, Any] = {
    "SGD": lambda p: nn.optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.2, weight_decay=0.1),
    "Adagrad": lambda p: nn.optim.Adagrad(p, lr=0.1, lr_decay=0.1, initial_accumulator_value=0.3),
    "Adadelta": lambda p: nn.optim.Adadelta(p, weight_decay=0.1),
    "RMSprop": lambda p: nn.optim.RMSprop(p, momentum=0.5, centered=True),
    "Adam": lambda p: nn.optim.Adam(p, amsgrad=True, weight_decay=0.1),
    "AdamW": lambda p: nn.optim.AdamW(p, lr=0.1),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_optimiser_runs_in_jax_by_its_own_formula(name: str) -> None:
    numbers, slopes = np.random.default_rng(0).normal(size=(2, 13))
    here, there = (OPTIMIZERS[name](runs.model().parameters()) for _ in range(2))
    expected, found = numbers, numbers
    with jax.enable_x64(True):
        for turn in range(1, 4):
            expected = here.update(expected, slopes / turn)
            found = there.update(jax.numpy.asarray(found), jax.numpy.asarray(slopes / turn))
            assert isinstance(found, jax.Array)
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    assert there.state.keys() == here.state.keys()


@dataclass(eq=False)
class Signs(nn.optim.Optimizer):
    """A method that somebody wrote for NumPy."""

    def update(self, parameters: np.ndarray, gradients: np.ndarray) -> np.ndarray:
        return parameters - self.lr * np.sign(gradients)


def test_what_cannot_run_on_devices_is_said_before_anything_changes() -> None:
    model = runs.model()
    before = weights(model)
    wrong: list[tuple[Any, str, dict[str, Any]]] = [
        (
            ValueError,
            "devices are for engine='jax', and the engine is 'compiled'",
            {"engine": "compiled", "devices": 1},
        ),
        (ValueError, "devices=99, and JAX sees .*--xla_force_host_platform_device_count=99", {"devices": 99}),
        (ValueError, "devices=0", {"devices": 0}),
        (ValueError, "one device twice", {"devices": [*jax.devices()[:1]] * 2}),
        (TypeError, "how many of jax.devices.. to train on, or a list of some of them, got 'all'", {"devices": "all"}),
        (TypeError, "got True", {"devices": True}),
        (TypeError, r"Signs.update cannot run in JAX: .*namespace", {"optimizer": Signs(model.parameters())}),
        (ValueError, "'eager', 'compiled', 'native' or 'jax', not 'gpu'", {"engine": "gpu"}),
    ]
    for error, match, options in wrong:
        with pytest.raises(error, match=match):
            runs.fit(model, None, 1, **{"engine": "jax", **options})
    with detect_anomaly(), pytest.raises(ValueError, match="use engine='eager'"):
        runs.fit(model, None, 1, engine="jax")
    assert weights(model) == before


def test_a_loss_that_is_no_longer_finite_ends_the_run_as_on_the_compiled_engine() -> None:
    found = []
    for engine in ("compiled", "jax"):
        model = runs.model()
        optimizer = nn.optim.SGD(model.parameters(), lr=1e200)
        history = runs.fit(model, None, 5, engine=engine, optimizer=optimizer)
        found.append((history.stopped, len(history.epochs), weights(model)))
    assert found[0] == found[1]
    assert "diverged" in found[0][0]


def started(*arguments: object, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.nn.device_runs", *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **environment}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


@pytest.mark.slow
def test_on_eight_devices() -> None:
    process = started("eight", XLA_FLAGS="--xla_force_host_platform_device_count=8")
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output


@pytest.mark.slow
def test_one_of_two_processes_is_killed_and_the_run_goes_on_from_its_checkpoint_on_one_device(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = tmp_path / "run.npz"
    both = [started("two", process, port, path, XLA_FLAGS="") for process in range(2)]
    bound = Timer(120.0, lambda: [process.kill() for process in both])
    bound.start()
    try:
        assert both[0].stdout is not None
        lines = []
        for line in both[0].stdout:
            lines.append(line.rstrip())
            if lines[-1] == "3":
                both[1].kill()
        output = "\n".join(lines)
    finally:
        bound.cancel()
        for process in both:
            process.kill()
            process.communicate()
    assert "process 0 of 2 cannot go on, most likely because another one is gone" in output, output
    epochs = max(int(line) for line in lines if line.isdecimal()) + 2
    one, other = runs.model(), runs.model()
    history = runs.fit(one, path, epochs, engine="jax", devices=1, resume=True)
    expected = runs.fit(other, None, epochs, engine="compiled")
    np.testing.assert_allclose(weights(one), weights(other), rtol=1e-9)
    np.testing.assert_allclose(history.loss, expected.loss, rtol=1e-9)
