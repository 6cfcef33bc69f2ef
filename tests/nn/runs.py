"""The model and the training run that the tests of files and interruptions share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nn

VERSION_1 = Path(__file__).parent / "version1"
"""Files of models and checkpoints as they were first written, to be read for good."""


def model() -> nn.MLP:
    return nn.MLP(2, [3, 1], rng=0)


def fit(network: nn.Module, path: Path | None, epochs: int, **options: Any) -> nn.History:
    """Train on 20 points, with a checkpoint where a path is given."""
    X, y = nn.data.moons(20, rng=0)
    options = {"X": X, "y": y, "loss": nn.losses.mse_loss, "batch_size": 6} | options
    options.setdefault("optimizer", nn.optim.Adam(network.parameters(), lr=0.05))
    return nn.fit(network, epochs=epochs, rng=0, progress=False, checkpoint=path, **options)
