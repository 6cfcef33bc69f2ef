"""Files: models and checkpoints survive kills and full disks, and what is no such file is refused."""

from __future__ import annotations

import errno
import os
import pickle
import random
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from nn import storage

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


def model() -> nn.MLP:
    return nn.MLP(2, [3, 1], rng=0)


def fit(network: nn.Module, path: Path, epochs: int, **options: Any) -> nn.History:
    X, y = nn.data.moons(20, rng=0)
    options = {"X": X, "y": y, "loss": nn.losses.mse_loss, "batch_size": 6} | options
    options.setdefault("optimizer", nn.optim.Adam(network.parameters(), lr=0.05))
    return nn.fit(network, epochs=epochs, rng=0, progress=False, checkpoint=path, **options)


@pytest.mark.slow
def test_a_training_that_is_killed_and_resumed_ends_the_same_bit_for_bit(tmp_path: Path) -> None:
    def start(name: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", TRAINING, str(tmp_path / name)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    expected = start("whole.npz").communicate()[0].splitlines()[1]
    generator = random.Random(0)
    for number in range(20):
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


def test_a_path_that_cannot_be_written_is_said_before_training(tmp_path: Path) -> None:
    network = model()
    with pytest.raises(OSError, match="could not be written"):
        fit(network, tmp_path / "missing" / "checkpoint.npz", 2)
    assert network.state_dict() == model().state_dict()


@pytest.mark.parametrize("failing", ["write", "fsync", "replace"])
def test_a_full_disk_leaves_the_file_before_whole_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    path = nn.save(model(), tmp_path / "model.npz")
    before = path.read_bytes()

    def full(*arguments: Any, **options: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    if failing == "write":
        monkeypatch.setattr(np, "savez", full)
    else:
        monkeypatch.setattr(os, failing, full)
    with pytest.raises(OSError, match="No space left on device; the file that was there is as it was"):
        nn.save(nn.MLP(2, [3, 1], rng=9), path)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["model.npz"]


def test_a_failing_call_leaves_an_earlier_checkpoint_alone(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    fit(model(), path, 2)
    before = path.read_bytes()
    network = model()
    with pytest.raises(ValueError, match="takes 2 inputs, got 3"):
        nn.fit(network, np.zeros((4, 3)), [0, 1, 1, 0], loss=nn.losses.mse_loss, checkpoint=path, progress=False,
               optimizer=nn.optim.SGD(network.parameters()))  # fmt: skip
    assert path.read_bytes() == before


def test_a_link_stays_a_link_and_a_file_keeps_its_mode(tmp_path: Path) -> None:
    path = nn.save(model(), tmp_path / "model.npz")
    path.chmod(0o640)
    link = tmp_path / "link.npz"
    link.symlink_to(path)
    nn.save(nn.MLP(2, [3, 1], rng=9), link)
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    assert nn.load(model(), path).state_dict() == nn.MLP(2, [3, 1], rng=9).state_dict()


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="is no regular file"):
        nn.save(model(), tmp_path / "pipe")
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize(
    "damage",
    [{"epochs": [["a", "b", "c", "d"]]}, {"epochs": [[1.0]]}, {"generators": []}, {"best_loss": "x"},
     {"generators": [{"bit_generator": "PCG64", "state": -1}]}, {"optimizer_options": {"lr": "high"}}],
)  # fmt: skip
def test_a_checkpoint_with_other_contents_changes_nothing(tmp_path: Path, damage: dict[str, Any]) -> None:
    path = tmp_path / "checkpoint.npz"
    fit(model(), path, 2)
    metadata, arrays = storage.read_arrays(path, "checkpoint")
    storage.write_arrays(path, "checkpoint", metadata | damage, arrays)
    network = model()
    with pytest.raises(ValueError, match="is damaged or of another training run"):
        fit(network, path, 4, resume=True)
    assert network.state_dict() == model().state_dict()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_device_that_is_full_is_said(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="could not be written"):
        nn.save(model(), Path("/dev/full/model.npz"))


def test_save_and_load(tmp_path: Path) -> None:
    one, other = nn.MLP(2, [3, 1], rng=0), nn.MLP(2, [3, 1], rng=1)
    assert nn.load(other, nn.save(one, tmp_path / "model.npz")) is other
    assert other.state_dict() == one.state_dict()


def test_a_model_of_another_activation_is_refused_unless_one_insists(tmp_path: Path) -> None:
    one, other = nn.MLP(2, [3, 1], "tanh", rng=0), nn.MLP(2, [3, 1], "step", rng=1)
    path, before = nn.save(one, tmp_path / "model.npz"), other.state_dict()
    difference = r"activation of layers\.0: the file has tanh, the model step \(and 3 more\)"
    with pytest.raises(ValueError, match=f"holds another model: {difference}; give strict=False"):
        nn.load(other, path)
    assert other.state_dict() == before
    assert nn.load(other, path, strict=False).state_dict() == one.state_dict()


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


def test_infinities_and_nan_survive(tmp_path: Path) -> None:
    one, other = nn.Neuron(2), nn.Neuron(2)
    one.w[0].data, one.w[1].data, one.b.data = float("inf"), float("nan"), -0.0
    nn.load(other, nn.save(one, tmp_path / "model.npz"))
    assert [str(value) for value in other.state_dict().values()] == ["inf", "nan", "-0.0"]


class Trap:
    """Unpickling it makes a file."""

    def __reduce__(self) -> Any:
        return os.mkdir, (os.environ["TRAP"],)


def damaged(folder: Path, how: str) -> Path:
    path = nn.save(model(), folder / "model.npz")
    content = path.read_bytes()
    names = np.array(list(model().state_dict()))
    if how == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif how == "flipped":
        position = content.rindex(b"NUMPY") + 140  # among the values
        path.write_bytes(content[:position] + bytes([content[position] ^ 255]) + content[position + 1 :])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "text":
        path.write_text("layers.0.w = 1")
    elif how == "pickle":
        path.write_bytes(pickle.dumps(Trap()))
    elif how == "pickle inside":
        header = np.array('{"kind": "model", "version": 1}')
        with open(path, "wb") as file:
            np.savez(file, header=header, names=names, values=np.array([Trap()], dtype=object), allow_pickle=True)
    elif how == "plain array":
        np.save(path.with_suffix(".npy"), np.zeros(3))
        path = path.with_suffix(".npy")
    elif how == "no header":
        np.savez(path, values=np.zeros(3))
    elif how == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("readme", "hello")
    elif how == "other kind":
        storage.write_arrays(path, "checkpoint", {}, {})
    elif how == "other version":
        np.savez(path, header=np.array('{"kind": "model", "version": 99}'))
    elif how == "other shape":
        storage.write_arrays(path, "model", {}, {"names": names, "values": np.zeros(3)})
    elif how == "other type":
        storage.write_arrays(path, "model", {}, {"names": names, "values": names})
    elif how == "other description":
        arrays = {"names": names, "values": np.array(list(model().state_dict().values()))}
        storage.write_arrays(path, "model", {"description": [1]}, arrays)
    elif how == "other model":
        nn.save(nn.MLP(2, [4, 1]), path)
    return path


@pytest.mark.parametrize(
    "how",
    ["truncated", "flipped", "empty", "text", "pickle", "pickle inside", "plain array", "no header", "zip",
     "other kind", "other version", "other shape", "other type", "other description", "other model"],
)  # fmt: skip
def test_a_file_that_is_none_is_refused_with_a_sentence(
    tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAP", str(tmp_path / "sprung"))
    path = damaged(tmp_path, how)
    network = model()
    with pytest.raises(ValueError, match="is no file of this package|is damaged|holds a") as caught:
        nn.load(network, path)
    assert str(path) in str(caught.value)
    assert network.state_dict() == model().state_dict()
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("how", ["truncated", "flipped", "empty", "text", "pickle"])
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAP", str(tmp_path / "sprung"))
    path = damaged(tmp_path, how)
    network = model()
    with pytest.raises(ValueError, match="is no file of this package|is damaged|holds a"):
        fit(network, path, 2, resume=True)
    assert network.state_dict() == model().state_dict()
    assert not (tmp_path / "sprung").exists()


def test_a_file_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        nn.load(model(), tmp_path / "none.npz")
