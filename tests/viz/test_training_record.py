"""What a TrainingPlayer records of a training, and the files that it writes."""

from __future__ import annotations

import base64
import json
import math
import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import nn
from autograd_core import Value
from viz import training
from viz.training import TrainingPlayer

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LOSS = nn.losses.binary_cross_entropy_with_logits


def fitted(player: TrainingPlayer, epochs: int, model: nn.Module | None = None, **options: Any) -> nn.History:
    X, y = nn.data.xor()
    model = model or nn.MLP(2, [4, 1], "tanh", rng=0)
    optimizer = nn.optim.SGD(model.parameters(), lr=0.5)
    options = {"callbacks": [player], **options}
    return nn.fit(model, X, y, loss=LOSS, optimizer=optimizer, epochs=epochs, rng=0, progress=False, **options)


def numbers(player: TrainingPlayer) -> list[int]:
    return [epoch["epoch"] for epoch in player.trace["epochs"]]


def look(seen: list[dict[str, Any]]) -> Any:
    """A callback that keeps what the record is to have of each epoch."""

    def looked(under_way: nn.Training) -> None:
        epoch, model = under_way.history.epochs[-1], under_way.model
        parameters, held_out = model.parameters(), under_way.validation_data
        seen.append(
            {
                "epoch": len(under_way.history.epochs),
                "loss": epoch.loss,
                "validation": epoch.validation_loss,
                "accuracy": nn.accuracy(model, under_way.X, under_way.y),
                "validation_accuracy": nn.accuracy(model, *held_out) if held_out else None,
                "rate": epoch.learning_rate,
                "data": [parameter.data for parameter in parameters],
                "grad": [parameter.grad for parameter in parameters],
            }
        )

    return looked


@pytest.mark.parametrize("engine", ["eager", "compiled"])
def test_the_record_is_what_a_callback_sees(engine: str) -> None:
    seen: list[dict[str, Any]] = []
    player, model, held_out = TrainingPlayer(), nn.MLP(2, [4, 1], "tanh", rng=0), nn.data.moons(40, rng=0)
    start = list(model.state_dict().values())
    fitted(player, 5, model, engine=engine, callbacks=[look(seen), player], validation_data=held_out, batch_size=2)
    begin, *epochs = player.trace["epochs"]
    assert epochs == seen
    assert [one["path"] for one in player.trace["parameters"]] == list(model.state_dict())
    assert seen[-1]["data"] == list(model.state_dict().values())
    # Of the weights before the first step no loss is known, and no gradient.
    assert (begin["epoch"], begin["data"]) == (0, start)
    assert {key for key, what in begin.items() if what is None} == {"loss", "validation", "rate", "grad"}
    untrained = nn.MLP(2, [4, 1], "tanh", rng=0)
    assert begin["accuracy"] == nn.accuracy(untrained, *nn.data.xor())
    assert begin["validation_accuracy"] == nn.accuracy(untrained, *held_out)


def test_the_record_changes_no_weight_of_the_run() -> None:
    class Noisy(nn.Module):
        """A model that draws in evaluation, too."""

        def __init__(self) -> None:
            self.inner, self._drawn = nn.MLP(2, [4, 1], "tanh", rng=0), nn.Dropout(0.5, rng=0)
            self.rng = self._drawn._rng

        def forward(self, x: Any) -> Any:
            return self.inner(self._drawn.train()(x))

    models = [Noisy(), Noisy()]
    for model, callbacks in zip(models, ([], [TrainingPlayer()]), strict=True):
        fitted(TrainingPlayer(), 6, model, callbacks=callbacks)
    assert models[0].state_dict() == models[1].state_dict()


def test_a_step_of_plain_descent_is_the_gradient_times_the_rate() -> None:
    player = TrainingPlayer()
    fitted(player, 3)
    for before, after in pairwise(player.trace["epochs"]):
        steps = [new - old for new, old in zip(after["data"], before["data"], strict=True)]
        assert steps == pytest.approx([-0.5 * grad for grad in after["grad"]])


def test_a_callback_without_its_begin_records_from_the_first_epoch_on() -> None:
    player = TrainingPlayer()
    fitted(player, 2, callbacks=[lambda training: player(training)])
    assert numbers(player) == [1, 2]
    assert player.trace["epochs"][0]["grad"] is not None


def test_twice_among_the_callbacks_is_once() -> None:
    player = TrainingPlayer()
    fitted(player, 2, callbacks=[player, player])
    assert numbers(player) == [0, 1, 2]


@pytest.mark.parametrize(
    ("nouts", "targets", "expected"),
    [
        ([1], lambda y: y, True),
        ([1], lambda y: 2 * y - 1, True),
        ([2], lambda y: y, True),
        ([2], lambda y: np.eye(2)[y], True),
        ([1], lambda y: y + 0.5, False),
        ([1], lambda y: 0 * y, False),
        ([2], lambda y: np.eye(2)[y] + 0.5, False),
    ],
)
def test_accuracy_is_where_targets_are_classes(nouts: list[int], targets: Any, expected: bool) -> None:
    X, y = nn.data.moons(20, rng=0)
    model, player = nn.MLP(2, nouts, rng=0), TrainingPlayer()
    nn.fit(model, X, targets(y), loss=lambda output, _: 0.0 * first(output),
           optimizer=nn.optim.SGD(model.parameters()), epochs=1, callbacks=[player], progress=False)  # fmt: skip
    found = player.trace["epochs"][-1]["accuracy"]
    assert found == (nn.accuracy(model, X, targets(y)) if expected else None)
    assert (player.trace["plot"]["accuracy"] is not None) == expected
    assert (">accuracy</text>" in player.svg()) == expected


def first(output: Any) -> Value:
    return output[0] if isinstance(output, list) else output


def test_the_threshold_is_that_of_the_accuracy() -> None:
    X, y = nn.data.xor()
    for threshold in (None, 0.9):
        player, model = (
            TrainingPlayer(threshold=threshold),
            nn.MLP(2, [4, 1], "tanh", output_activation="sigmoid", rng=0),
        )
        nn.fit(model, X, y, loss=nn.losses.binary_cross_entropy, optimizer=nn.optim.SGD(model.parameters(), lr=0.5),
               epochs=40, rng=0, callbacks=[player], progress=False)  # fmt: skip
        assert player.trace["epochs"][-1]["accuracy"] == nn.accuracy(model, X, y, threshold)
        assert player.trace["plane"]["threshold"] == (0.5 if threshold is None else threshold)


def test_parameters_are_grouped_by_module_and_layer() -> None:
    player = TrainingPlayer()
    fitted(player, 1)
    assert player.trace["parameters"][4] == {
        "path": "layers.0.neurons.1.w.1", "module": "layers.0.neurons.1", "layer": "layers.0",
    }  # fmt: skip

    class Line(nn.Module):
        def __init__(self) -> None:
            self.named = {"a.b": Value(0.1), "c": Value(0.2)}

        def forward(self, x: Any) -> Value:
            return self.named["a.b"] * x[0] + self.named["c"] * x[1]

    fitted(player, 1, Line())
    assert player.trace["model"] == "Line"
    assert player.trace["parameters"][0] == {"path": "named.a.b", "module": "", "layer": ""}


def test_every_so_many_epochs_and_the_first_and_the_last() -> None:
    player = TrainingPlayer(every=4)
    fitted(player, 13)
    assert numbers(player) == [0, 1, 4, 8, 12, 13]
    fitted(player, 2)  # another training begins anew
    assert numbers(player) == [0, 1, 2]


def test_beyond_the_cap_every_other_epoch_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "MOST_EPOCHS", 6)
    player = TrainingPlayer()
    fitted(player, 45)
    assert numbers(player) == [0, 1, 16, 32, 45]
    assert player.every == 16
    monkeypatch.setattr(training, "MOST_NUMBERS", 17 * 4)
    fitted(player, 7)
    assert numbers(player) == [0, 1, 4, 7]


def test_a_resumed_training_goes_on(tmp_path: Path) -> None:
    player, checkpoint = TrainingPlayer(), tmp_path / "training.npz"
    fitted(player, 3, checkpoint=checkpoint)
    fitted(player, 5, checkpoint=checkpoint, resume=True)
    whole = TrainingPlayer()
    fitted(whole, 5)
    assert player.trace == whole.trace


def test_another_player_of_a_resumed_training_begins_where_it_goes_on(tmp_path: Path) -> None:
    player, checkpoint = TrainingPlayer(), tmp_path / "training.npz"
    history = fitted(TrainingPlayer(), 3, checkpoint=checkpoint)
    fitted(player, 5, checkpoint=checkpoint, resume=True)
    assert numbers(player) == [3, 4, 5]
    begin = player.trace["epochs"][0]
    assert (begin["loss"], begin["grad"]) == (history.loss[-1], None)
    # What is resumed is not what was recorded: the record begins anew.
    fitted(player, 5)
    fitted(player, 6, checkpoint=checkpoint, resume=True)
    assert numbers(player) == [5, 6]


def test_a_large_model_is_recorded_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "MOST_PARAMETERS", 12)
    with pytest.raises(ValueError, match=r"17 parameters are more than the 12 .* TrainingPlayer\(part='layers.0'\)"):
        fitted(TrainingPlayer(), 1)
    player = TrainingPlayer(part="layers.0")
    fitted(player, 1)
    assert len(player.trace["epochs"][0]["data"]) == 12
    assert player.trace["epochs"][1]["accuracy"] is not None
    assert player.trace["plane"] is None
    assert player.trace["no_plane"] == "only the weights of layers.0 are recorded"
    assert [len(layer["neurons"]) for layer in player.trace["network"]] == [4]
    with pytest.raises(ValueError, match="no parameters in 'layer'"):
        fitted(TrainingPlayer(part="layer"), 1)


@pytest.mark.parametrize(("every", "kind"), [(0, ValueError), (1.5, TypeError), (True, TypeError)])
def test_every_is_a_positive_int(every: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="every is"):
        TrainingPlayer(every)


def test_what_is_no_training_is_refused(tmp_path: Path) -> None:
    player: Any = TrainingPlayer()
    with pytest.raises(TypeError, match=r"nn.fit\(..., callbacks=\[player\]\), got MLP"):
        player(nn.MLP(2, [1]))
    with pytest.raises(TypeError, match="part is the path"):
        TrainingPlayer(part=0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="threshold"):
        TrainingPlayer(threshold="0.5")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="threshold is a finite number, not inf"):
        TrainingPlayer(threshold=math.inf)
    with pytest.raises(ValueError, match="no epoch is recorded yet"):
        player.save(tmp_path / "training.html")
    assert "no epoch yet" in repr(player)
    assert list(player._repr_mimebundle_()) == ["text/plain"]


def test_a_file_is_html(tmp_path: Path) -> None:
    player = TrainingPlayer()
    fitted(player, 1)
    with pytest.raises(ValueError, match="saved as .html, not as 'training.svg'"):
        player.save(tmp_path / "training.svg")
    assert player.save(tmp_path / "training.html").read_text(encoding="utf-8") == player.html()
    assert repr(player) == "<TrainingPlayer of 1 epoch and 17 parameters; .save('training.html')>"
    picture = player._repr_mimebundle_()["text/html"].partition("base64,")[2].partition('"')[0]
    assert base64.b64decode(picture).decode() == player.svg()


def test_a_page_of_a_small_network_is_small(tmp_path: Path) -> None:
    player = TrainingPlayer()
    fitted(player, 100, nn.MLP(2, [16, 16, 1], rng=0))
    assert player.save(tmp_path / "training.html").stat().st_size < 1_600_000


def test_numbers_that_json_lacks_are_strings() -> None:
    player, model = TrainingPlayer(), nn.MLP(2, [1], rng=0)

    def spoil(under_way: nn.Training) -> None:
        for parameter, number in zip(model.parameters(), (math.inf, -math.inf, math.nan), strict=True):
            parameter.grad = number
        under_way.stop("spoilt")

    fitted(player, 2, model, callbacks=[spoil, player])
    trace = json.loads(json.dumps(player.trace, allow_nan=False))
    assert trace["epochs"][1]["grad"] == ["inf", "-inf", "nan"]
    assert trace["stopped"] == "spoilt"


@pytest.mark.parametrize(
    "losses",
    [
        [0.5],
        [0.5, 0.5],
        [0.0, 0.0],
        [-3.0, 2.0],
        [-1e20, -1e20],
        [math.nan],
        [0.1, 1e9],
        [1e-300, 1e9],
        [5e-324, 5e-324],
        [-1e308, 1e308],
        [0.02, 0.31],
    ],
)
def test_any_losses_make_a_curve(losses: list[float]) -> None:
    model = nn.MLP(2, [1], rng=0)
    optimizer = nn.optim.SGD(model.parameters())
    start = nn.Training(model, optimizer, None, [], np.zeros(3), np.zeros(3))
    player = TrainingPlayer()
    for loss in losses:
        start.history.epochs.append(nn.Epoch(loss, None, 0.1, 0.0))
        player(start)
    plot = player.trace["plot"]["loss"]
    assert plot["low"] < plot["high"]
    assert plot["log"] == (plot["low"] > 0 and plot["high"] >= 10 * plot["low"])
    assert ("log scale" in player.svg()) == plot["log"]
    drawn = re.findall(r'end" fill="#333333">(.*?)</text>', player.svg())
    assert len(drawn) - plot["log"] >= 2
    assert "nan,nan" not in player.svg()
    assert "inf" not in player.svg()


def test_without_scripts_the_curve_is_there(browser: Browser, tmp_path: Path) -> None:
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    player = TrainingPlayer()
    fitted(player, 6)
    page.goto(player.save(tmp_path / "training.html").as_uri())
    assert page.locator("#curve .loss path.training").is_visible()
    assert not page.locator("#controls").is_visible()
    context.close()


def test_in_a_notebook_page(browser: Browser, tmp_path: Path) -> None:
    player = TrainingPlayer()
    fitted(player, 6)
    shown = player._repr_mimebundle_()["text/html"]
    path = tmp_path / "notebook.html"
    path.write_text(f"<!DOCTYPE html><meta charset='utf-8'><body data-jp-theme-light='false'>{shown}", encoding="utf-8")
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.goto(path.as_uri())
    frame = page.frame_locator("iframe")
    frame.locator("#next").click()
    assert frame.locator("#count").inner_text() == "1 of 6"
    # In the notebook's theme, and so high that the pictures are there without scrolling.
    assert frame.locator("html").get_attribute("data-theme") == "dark"
    assert frame.locator("#layers").evaluate("e => e.getBoundingClientRect().top < innerHeight")
    page.evaluate("document.querySelector('iframe').remove()")
    assert page.locator("img").evaluate("image => image.naturalWidth") == 560
    context.close()
