"""Going on from a checkpoint: of which runs it may be, and from where."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from autograd_core import Value


def model() -> nn.MLP:
    return nn.MLP(2, [3, 1], rng=0)


def fit(network: nn.Module, path: Path, epochs: int, **options: Any) -> nn.History:
    X, y = nn.data.moons(20, rng=0)
    options = {"X": X, "y": y, "loss": nn.losses.mse_loss, "batch_size": 6} | options
    options.setdefault("optimizer", nn.optim.Adam(network.parameters(), lr=0.05))
    return nn.fit(network, epochs=epochs, rng=0, progress=False, checkpoint=path, **options)


def other_loss(prediction: Any, target: Any) -> Any:
    return nn.losses.sse_loss(prediction, target)


CHANGES: list[tuple[dict[str, Any], str]] = [
    ({"loss": other_loss}, "loss: the file has mse_loss, the run other_loss"),
    ({"batch_size": 7}, "batch_size: the file has 6, the run 7"),
    ({"clip_norm": 0.5}, "clip_norm: the file has None, the run 0.5"),
    ({"shuffle": False}, "shuffle: the file has True, the run False"),
    ({"penalty": lambda: Value(0.0)}, "penalty: the file has None, the run <lambda>"),
    ({"validation_data": ([[0.0, 0.0]], [1])}, "validation_data: the file has None, the run [float64 array of shape"),
    ({"X": nn.data.moons(20, rng=1)[0]}, "X: the file has float64 array of shape (20, 2) with checksum"),
    ({"y": np.arange(20) % 2}, "y: the file has int64 array of shape (20,) with checksum"),
]


@pytest.mark.parametrize(("change", "message"), CHANGES, ids=[next(iter(change)) for change, _ in CHANGES])
def test_a_checkpoint_of_a_run_with_another_option_is_refused_unless_one_insists(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    path, network = tmp_path / "checkpoint.npz", model()
    fit(model(), path, 2)
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        fit(network, path, 4, resume=True, **change)
    assert str(caught.value).endswith("; give strict=False to take it all the same")
    assert network.state_dict() == model().state_dict()
    assert len(fit(network, path, 4, resume=True, strict=False, **change).epochs) == 4


def test_a_checkpoint_of_a_model_with_another_activation_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    fit(nn.MLP(2, [3, 1], "tanh", rng=0), path, 2)
    with pytest.raises(ValueError, match="activation of layers.0: the file has tanh, the run relu"):
        fit(model(), path, 4, resume=True)


def shrink(training: nn.Training) -> None:
    training.optimizer.lr *= 0.9


def test_a_learning_rate_that_a_callback_set_is_resumed(tmp_path: Path) -> None:
    def run(epochs: int, name: str) -> list[float]:
        network = model()
        optimizer = nn.optim.SGD(network.parameters(), lr=0.1)
        history = fit(
            network, tmp_path / name, epochs, resume=True, optimizer=optimizer, callbacks=[shrink],
            scheduler=nn.optim.StepLR(optimizer, 2, 0.5),
        )  # fmt: skip
        return [epoch.learning_rate for epoch in history.epochs]

    run(2, "parts")
    assert run(5, "parts") == run(5, "whole")
