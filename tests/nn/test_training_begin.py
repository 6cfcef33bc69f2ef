"""Callbacks with a `begin`: what they see and may do before the first epoch; and predictions again and again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from autograd_core import Value, detect_anomaly
from nn.evaluation import predictor

LOSS = nn.losses.binary_cross_entropy_with_logits


class Watcher:
    """Keeps the weights that it sees, and how many epochs there were then."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int, dict[str, float]]] = []
        self.training: Any = None

    def begin(self, training: nn.Training) -> None:
        self.training = training
        self.seen.append(("begin", len(training.history.epochs), training.model.state_dict()))

    def __call__(self, training: nn.Training) -> None:
        self.seen.append(("epoch", len(training.history.epochs), training.model.state_dict()))


def train(model: nn.Module, epochs: int, callbacks: Any, **options: Any) -> nn.History:
    optimizer = nn.optim.SGD(model.parameters(), lr=0.5)
    return nn.fit(model, *nn.data.xor(), loss=LOSS, optimizer=optimizer, epochs=epochs, callbacks=callbacks, rng=0,
                  progress=False, **options)  # fmt: skip


@pytest.mark.parametrize("engine", ["eager", "compiled"])
def test_begin_sees_the_weights_of_the_start_and_the_data(engine: str) -> None:
    model, watcher = nn.MLP(2, [3, 1], rng=0), Watcher()
    start, held_out = model.state_dict(), nn.data.moons(10, rng=0)
    train(model, 2, [watcher], engine=engine, validation_data=held_out)
    assert [(what, epochs) for what, epochs, _ in watcher.seen] == [("begin", 0), ("epoch", 1), ("epoch", 2)]
    assert watcher.seen[0][2] == start != watcher.seen[1][2]
    X, y = nn.data.xor()
    assert (watcher.training.X == X).all()
    assert (watcher.training.y == y).all()
    assert all((found == given).all() for found, given in zip(watcher.training.validation_data, held_out, strict=True))


def test_begin_of_a_resumed_run_sees_where_it_goes_on(tmp_path: Path) -> None:
    watcher, checkpoint = Watcher(), tmp_path / "run.npz"
    train(nn.MLP(2, [3, 1], rng=0), 2, [watcher], checkpoint=checkpoint)
    train(nn.MLP(2, [3, 1], rng=0), 3, [watcher], checkpoint=checkpoint, resume=True)
    assert watcher.seen[3] == ("begin", 2, watcher.seen[2][2])


def test_begin_may_change_the_weights_and_end_the_run() -> None:
    class Zeros(Watcher):
        def begin(self, training: nn.Training) -> None:
            for parameter in training.model.parameters():
                parameter.data = 0.0
            training.stop("enough")

    model = nn.MLP(2, [3, 1], rng=0)
    history = train(model, 5, [Zeros()])
    assert (len(history.epochs), history.stopped) == (0, "enough")
    assert set(model.state_dict().values()) == {0.0}


def test_an_error_in_begin_leaves_the_model_as_it_was() -> None:
    class Broken(Watcher):
        def begin(self, training: nn.Training) -> None:
            training.model.parameters()[0].data = 7.0
            raise ValueError("broken")

    model = nn.MLP(2, [3, 1], rng=0)
    start = model.state_dict()
    with pytest.raises(ValueError, match="broken"):
        train(model, 5, [Broken()])
    assert model.state_dict() == start


def test_another_attribute_of_that_name_is_none_of_fit() -> None:
    class Counter:
        begin = 3

        def __call__(self, training: nn.Training) -> None:
            self.begin += 1

    train(nn.MLP(2, [3, 1], rng=0), 2, counter := Counter())
    assert counter.begin == 5


class Branching(nn.Module):
    """A model that reads a number behind the back of what records it."""

    def __init__(self) -> None:
        self.slope = Value(2.0)

    def forward(self, x: Any) -> Value:
        return self.slope * x[0] if x[0].data > 0 else 0.0 * self.slope


@pytest.mark.parametrize(("model", "compiled"), [(nn.MLP(1, [3, 2], rng=0), True), (Branching(), False)])
@pytest.mark.parametrize("count", [3, 40])
def test_a_predictor_has_the_weights_of_now(model: nn.Module, compiled: bool, count: int) -> None:
    X = np.linspace(-2.0, 2.0, count)
    outputs, is_compiled = predictor(model, X)
    assert is_compiled == compiled
    for _ in range(2):
        walked = np.array(
            [
                [number.data for number in one] if isinstance(one := model([Value(x)]), list) else one.data
                for x in X.tolist()
            ]
        )
        np.testing.assert_allclose(outputs(), walked, rtol=1e-12)
        for parameter in model.parameters():
            parameter.data += 0.5
    with detect_anomaly():
        assert not predictor(model, X)[1]
