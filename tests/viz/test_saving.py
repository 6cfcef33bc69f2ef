"""Everything that saves a file leaves the one that was there whole where it cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nn
from autograd_core import Value, compile
from viz import Stepper, TrainingPlayer, draw


def graph() -> Value:
    x = Value(3.0, label="x")
    return x * x


def player() -> TrainingPlayer:
    player, model = TrainingPlayer(), nn.MLP(2, [1], rng=0)
    X, y = nn.data.xor()
    nn.fit(model, X, y, loss=nn.losses.mse_loss, optimizer=nn.optim.SGD(model.parameters()), epochs=1, progress=False,
           callbacks=[player])  # fmt: skip
    return player


SAVERS: dict[str, Callable[[], Callable[[Path], Path]]] = {
    "model.npz": lambda: lambda path: nn.save(nn.MLP(2, [3, 1], rng=0), path),
    "drawing.dot": lambda: draw(graph()).save,
    "stepper.html": lambda: Stepper(graph()).save,
    "training.html": lambda: player().save,
    "program.py": lambda: compile(graph()).save,
}


@pytest.mark.parametrize("name", SAVERS)
def test_a_full_disk_leaves_the_file_before_and_says_so(tmp_path: Path, name: str, full_after: Any) -> None:
    path, save = tmp_path / name, SAVERS[name]()
    assert save(path) == path
    whole = path.read_bytes()
    path.write_bytes(b"what was there")
    for limit in (0, 1, len(whole) // 2, len(whole) - 1):
        with full_after(limit), pytest.raises(OSError, match="could not be written: File too large; the file that was"):
            save(path)
        assert path.read_bytes() == b"what was there"
    save(path)
    assert path.read_bytes() == whole
    assert list(tmp_path.iterdir()) == [path]
