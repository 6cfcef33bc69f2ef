"""The sentence of an epoch: what changed, and where that stands in the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.viz.static.scripts import run

if TYPE_CHECKING:
    from playwright.sync_api import Page

PATHS = ["layers.0.w.0", "layers.0.b"]
STEP = " The largest step was that of layers.0.b, from 0.2 to 0.1."


def epoch(number: int, loss: Any, validation: Any = None, data: Any = None, accuracy: Any = None) -> dict[str, Any]:
    return {
        "epoch": number, "loss": loss, "validation": validation, "accuracy": accuracy, "validation_accuracy": None,
        "rate": 0.1, "data": data or [0.5, 0.2 - 0.1 * (number == 9)], "grad": [0.0, 0.0],
    }  # fmt: skip


def begin(accuracy: Any = None) -> dict[str, Any]:
    return epoch(0, None, accuracy=accuracy) | {"grad": None, "rate": None}


CASES: list[tuple[list[dict[str, Any]], str]] = [
    ([begin(), epoch(9, 0.5)], "Epoch 9: the largest step was that of layers.0.b, from 0.2 to 0.1."),
    ([begin(0.5), epoch(9, 0.5, accuracy=0.75)], f"Epoch 9: the accuracy rose from 50 %.{STEP}"),
    ([epoch(8, 0.5), epoch(9, 0.44)], f"Epoch 9: the loss fell by 12 %, the lowest loss of the run.{STEP}"),
    (
        [epoch(8, 0.5), epoch(9, 0.44), epoch(12, 0.1)],
        "Epoch 12: the loss fell by 77 % since epoch 9, the lowest loss of the run. "
        "The largest step was that of layers.0.b, from 0.1 to 0.2.",
    ),
    ([epoch(8, 0.5), epoch(9, 0.515)], f"Epoch 9: the loss rose by 3 %; the lowest loss so far was in epoch 8.{STEP}"),
    ([epoch(8, 0.5), epoch(9, 0.50001)], "Epoch 9: the loss rose by less than 0.1 %; "),
    ([epoch(8, 0.5), epoch(9, 50.0)], "Epoch 9: the loss rose to 100 times what it was; "),
    ([epoch(8, 0.5), epoch(9, 1e-9)], "Epoch 9: the loss fell by more than 99 %, "),
    ([epoch(8, 0.5), epoch(9, 0.0)], "Epoch 9: the loss fell to 0, "),
    ([epoch(8, -0.5), epoch(9, -0.7)], "Epoch 9: the loss fell by 0.2, "),
    ([epoch(8, 0.5), epoch(9, 0.5)], "Epoch 9: the loss stayed as it was; the lowest loss so far was in epoch 8. "),
    (
        [epoch(8, 0.5, 0.4), epoch(9, 0.4, 0.5, accuracy=0.5)],
        "Epoch 9: the loss fell by 20 %, and the validation loss rose by 25 %; "
        f"the lowest validation loss so far was in epoch 8.{STEP}",
    ),
    (
        [epoch(7, 0.5), epoch(8, 0.3), epoch(9, 0.4), epoch(10, 0.2)],
        "Epoch 10: the loss fell by 50 %, the lowest loss of the run. ",
    ),
    ([epoch(8, 0.5), epoch(9, "nan")], f"Epoch 9: the loss is nan, and so nothing can be learned from here.{STEP}"),
    ([epoch(8, 0.5), epoch(9, 0.4, data=[0.5, "inf"])], " Some weights are no longer finite."),
    ([epoch(8, 0.5), epoch(9, 0.4, data=[0.5, 0.2])], " No weight moved."),
    ([epoch(8, 0.5), epoch(9, 0.4, data=[0.5, 0.20001])], "layers.0.b, from 0.2 to 0.20001."),
    ([epoch(8, 0.5)], "Epoch 8: the record begins here."),
    ([epoch(8, 0.5) | {"grad": None}], "Epoch 8: the record begins here, where a resumed run goes on."),
    ([begin()], "Before the first epoch: the 2 weights to start from, and no step taken yet."),
]


def test_the_sentence_says_what_changed(page: Page) -> None:
    plot = {"left": 0, "right": 1, "first": 0, "last": 1, "accuracy": None}
    plot["loss"] = {"top": 0, "bottom": 1, "low": 0, "high": 1, "log": False}
    traces = [
        {
            "version": 2, "model": "MLP", "stopped": "", "no_plane": "", "network": None, "plane": None, "plot": plot,
            "parameters": [{"path": path, "module": "layers.0", "layer": ""} for path in PATHS], "epochs": epochs,
        }
        for epochs, _ in CASES
    ]  # fmt: skip
    body = (
        "return given.map((one) => { const trace = recordModule.read(JSON.stringify(one)); "
        "return courseModule.told(trace, trace.epochs.length - 1); });"
    )
    for (_, expected), found in zip(CASES, run(page, "record course", body, traces), strict=True):
        whole = expected.startswith(("Epoch", "Before")) and expected.endswith(".")
        assert (found == expected) if whole else (expected in found), found
        assert " NaN" not in found
