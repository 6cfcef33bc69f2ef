"""Checkpoints: runs that are killed and resumed end the same, and what is no checkpoint of a run is refused."""

from __future__ import annotations

import random
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from autograd_core import Value
from nn import storage
from tests.nn.runs import VERSION_1, fit, model


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


TRAINING = """
import sys
import numpy as np
import nn

X, y = nn.data.moons(40, noise=0.1, rng=0)
model = nn.Sequential(nn.Layer(2, 6, "tanh", rng=0), nn.Dropout(0.2, rng=5), nn.Layer(6, 1, "linear", rng=1))
optimizer = nn.optim.Adam(model.parameters(), lr=0.05)
print("started", flush=True)
nn.fit(
    model, X, y, loss=nn.losses.binary_cross_entropy_with_logits, optimizer=optimizer, epochs=25, batch_size=7,
    validation_data=(X[:10], y[:10]), scheduler=nn.optim.ReduceLROnPlateau(optimizer, patience=2, factor=0.5),
    callbacks=[nn.EarlyStopping(patience=15)], rng=3, progress=False, checkpoint=sys.argv[1], resume=True,
)
print([value.hex() for value in model.state_dict().values()])
"""


@pytest.mark.slow
def test_a_training_that_is_killed_and_resumed_ends_the_same_bit_for_bit(tmp_path: Path) -> None:
    def start(name: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", TRAINING, str(tmp_path / name)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    expected = start("whole.npz").communicate()[0].splitlines()[1]
    generator = random.Random(0)
    for number in range(8):
        name = f"killed{number}.npz"
        for _ in range(2):
            process = start(name)
            assert process.stdout is not None
            assert process.stdout.readline() == "started\n"
            try:
                process.wait(timeout=generator.uniform(0.0, 0.4))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
            process.communicate()
        assert start(name).communicate()[0].splitlines()[1] == expected
    assert not list(tmp_path.glob(".*"))


def test_resuming_goes_on_where_the_checkpoint_is(tmp_path: Path) -> None:
    whole, parts = model(), model()
    history = fit(whole, tmp_path / "whole.npz", 7)
    fit(parts, tmp_path / "parts.npz", 3)
    resumed = fit(model(), tmp_path / "parts.npz", 5, resume=True)
    assert len(resumed.epochs) == 5
    final = model()
    again = fit(final, tmp_path / "parts.npz", 7, resume=True)
    assert final.state_dict() == whole.state_dict()
    assert again.loss == history.loss


def test_resuming_a_finished_training_changes_nothing(tmp_path: Path) -> None:
    one, other = model(), model()
    fit(one, tmp_path / "checkpoint.npz", 3)
    history = fit(other, tmp_path / "checkpoint.npz", 3, resume=True)
    assert len(history.epochs) == 3
    assert other.state_dict() == one.state_dict()


def test_without_resume_a_training_starts_anew(tmp_path: Path) -> None:
    one, other = model(), model()
    fit(one, tmp_path / "checkpoint.npz", 2)
    history = fit(other, tmp_path / "checkpoint.npz", 2)
    assert len(history.epochs) == 2
    assert other.state_dict() == one.state_dict()


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    fit(model(), path, 2)
    with pytest.raises(ValueError, match="is of another training run: the names of the parameters are not the same"):
        fit(nn.MLP(2, [4, 1], rng=0), path, 4, resume=True)
    X, y = nn.data.moons(20, rng=0)
    network = model()
    with pytest.raises(ValueError, match="the optimizer and scheduler are not the same"):
        nn.fit(network, X, y, loss=nn.losses.mse_loss, optimizer=nn.optim.SGD(network.parameters()), epochs=4,
               checkpoint=path, resume=True)  # fmt: skip
    assert network.state_dict() == model().state_dict()


def never(prediction: Any, target: Any) -> Any:
    raise AssertionError("the loss was computed")


def test_a_path_that_cannot_be_written_is_said_before_training(tmp_path: Path) -> None:
    network = model()
    for path in (tmp_path / "missing" / "checkpoint.npz", tmp_path):
        with pytest.raises(OSError, match="could not be written"):
            fit(network, path, 2, loss=never)
    assert network.state_dict() == model().state_dict()


def test_a_failing_call_leaves_an_earlier_checkpoint_alone(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    fit(model(), path, 2)
    before = path.read_bytes()
    network = model()
    with pytest.raises(ValueError, match="takes 2 inputs, got 3"):
        nn.fit(network, np.zeros((4, 3)), [0, 1, 1, 0], loss=nn.losses.mse_loss, checkpoint=path, progress=False,
               optimizer=nn.optim.SGD(network.parameters()))  # fmt: skip
    assert path.read_bytes() == before


NAN, INFINITE = [float("nan")] * 13, [float("inf")] * 13
DAMAGES: list[dict[str, Any]] = [
    {"epochs": [["a", "b", "c", "d"]]}, {"epochs": [[1.0]]}, {"epochs": [[float("nan"), None, 0.1, 0.0]]},
    {"epochs": 3}, {"stopped": 1}, {"best_loss": "x"}, {"best_loss": float("nan")}, {"generators": []},
    {"generators": [{"bit_generator": "PCG64", "state": -1}]}, {"optimizer_options": {"lr": "high"}},
    {"optimizer_options": {}}, {"best_optimizer_options": {}}, {"optimizer_options": None}, {"state.step": -1.0},
    {"state.step": -5.0}, {"state.step": "five"}, {"state.step": float("nan")}, {"eps": -1.0},
    {"parameters": NAN}, {"parameters": INFINITE}, {"best_parameters": NAN}, {"parameters": [1.0]},
    {"optimizer.state.mean": NAN}, {"best_optimizer.state.mean": NAN}, {"optimizer.state.square_mean": [-1.0] * 13},
    {"optimizer.state.mean": ["one"] * 13}, {"optimizer.state.mean": [1j] * 13}, {"optimizer.betas": [2.0, 2.0]},
    {"optimizer.state.other": NAN},
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_a_checkpoint_with_other_contents_changes_nothing(tmp_path: Path, damage: dict[str, Any]) -> None:
    path = tmp_path / "checkpoint.npz"
    fit(model(), path, 2)
    metadata, arrays = storage.read_arrays(path, "checkpoint")
    ((name, value),) = damage.items()
    if name in metadata:
        metadata[name] = value
    elif "parameters" in name or "optimizer." in name:
        arrays[name] = np.array(value)
    else:
        metadata["optimizer_options"][name] = value
    storage.write_arrays(path, "checkpoint", metadata, arrays)
    network = model()
    optimizer = nn.optim.Adam(network.parameters(), lr=0.05)
    with pytest.raises(ValueError, match="is damaged or of another training run"):
        fit(network, path, 4, resume=True, optimizer=optimizer)
    assert network.state_dict() == model().state_dict()
    assert repr(optimizer.state_dict()) == repr(nn.optim.Adam(network.parameters(), lr=0.05).state_dict())


@pytest.mark.parametrize(
    "damage",
    [
        {"epoch": -1},
        {"epoch": 1.5},
        {"epoch": "x"},
        {"initial_lr": float("nan")},
        {"initial_lr": -1.0},
        {"gamma": None},
    ],
    ids=str,
)
def test_a_checkpoint_with_a_schedule_of_nonsense_changes_nothing(tmp_path: Path, damage: dict[str, Any]) -> None:
    def run(epochs: int) -> tuple[nn.MLP, nn.optim.Optimizer]:
        network = model()
        optimizer = nn.optim.SGD(network.parameters(), lr=0.1)
        scheduler = nn.optim.StepLR(optimizer, 2)
        fit(network, tmp_path / "checkpoint.npz", epochs, optimizer=optimizer, scheduler=scheduler, resume=True)
        return network, optimizer

    run(2)
    metadata, arrays = storage.read_arrays(tmp_path / "checkpoint.npz", "checkpoint")
    metadata["scheduler"] |= damage
    storage.write_arrays(tmp_path / "checkpoint.npz", "checkpoint", metadata, arrays)
    with pytest.raises(ValueError, match="is damaged or of another training run"):
        run(4)


def version_1_run(path: Path | None, epochs: int) -> tuple[nn.Module, nn.History]:
    X, y = nn.data.xor()
    network = nn.Sequential(nn.Layer(2, 3, "tanh", rng=0), nn.Dropout(0.25, rng=1), nn.Layer(3, 1, "linear", rng=2))
    optimizer = nn.optim.Adam(network.parameters(), lr=0.05)
    history = nn.fit(
        network, X, y, loss=nn.losses.mse_loss, optimizer=optimizer, epochs=epochs, batch_size=2, rng=3,
        progress=False, validation_data=(X, y), scheduler=nn.optim.StepLR(optimizer, 2, 0.5), checkpoint=path,
        resume=path is not None,
    )  # fmt: skip
    return network, history


def test_checkpoints_of_version_1_are_read_for_good(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    path.write_bytes((VERSION_1 / "checkpoint.npz").read_bytes())
    network, history = version_1_run(path, 6)
    whole, expected = version_1_run(None, 6)
    assert history.loss == pytest.approx(expected.loss, rel=1e-9)
    assert network.state_dict() == pytest.approx(whole.state_dict(), rel=1e-9)


def test_files_from_before_there_were_descriptions_are_read(tmp_path: Path) -> None:
    def without_description(path: Path, kind: str) -> Path:
        metadata, arrays = storage.read_arrays(path, kind)
        del metadata["description"]
        return storage.write_arrays(path, kind, metadata, arrays)

    one, other = model(), nn.MLP(2, [3, 1], "tanh", rng=1)
    assert nn.load(other, without_description(nn.save(one, tmp_path / "model.npz"), "model")) is other
    assert other.state_dict() == one.state_dict()
    fit(model(), tmp_path / "checkpoint.npz", 2)
    path = without_description(tmp_path / "checkpoint.npz", "checkpoint")
    assert len(fit(other, path, 3, resume=True, batch_size=7).epochs) == 3
