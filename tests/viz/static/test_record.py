"""A record that is not as it should be is refused, with what is wrong."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import nn
from tests.viz.static.scripts import run
from viz.training import TrainingPlayer

if TYPE_CHECKING:
    from playwright.sync_api import Page

TAMPERINGS: list[tuple[Any, str]] = [
    (lambda trace: trace.update(version=1), "records of version 2"),
    (lambda trace: trace.update(epochs=[]), "lacks its parameters or epochs"),
    (lambda trace: trace.update(stopped={"toString": 1}), "lacks its"),
    (lambda trace: trace.update(no_plane=None), "lacks its"),
    (lambda trace: trace["parameters"][3].update(path=7), "parameter 3 of the record"),
    (lambda trace: trace["parameters"].pop(), "entry 1 of the record"),
    (lambda trace: trace["epochs"][1].update(loss="<img src=x onerror=alert(1)>"), "entry 2 of the record"),
    (lambda trace: trace["epochs"][1].update(loss=None), "entry 2 of the record"),
    (lambda trace: trace["epochs"][1].update(grad=None), "entry 2 of the record"),
    (lambda trace: trace["epochs"][1].update(accuracy=1.5), "entry 2 of the record"),
    (lambda trace: trace["epochs"][1]["data"].append(1.0), "entry 2 of the record"),
    (lambda trace: trace["epochs"].reverse(), "entry 2 of the record"),
    (lambda trace: trace["plot"].update(left="0"), "the plot of the record"),
    (lambda trace: trace["plot"]["loss"].update(low=-1.0, log=True), "the plot of the record"),
    (lambda trace: trace["plot"]["accuracy"].update(high=0.0), "the plot of the record"),
    (lambda trace: trace["network"][0]["neurons"][0].update(bias=17), "the network of the record"),
    (lambda trace: trace["network"][1]["neurons"][0]["weights"].pop(), "the network of the record"),
    (lambda trace: trace["plane"].update(outputs=[10**6]), "the plane of the record"),
    (lambda trace: trace["plane"]["nodes"].reverse(), "the plane of the record"),
    (lambda trace: trace["plane"]["nodes"].append([0]), "the plane of the record"),
    (lambda trace: trace["plane"]["points"][0].__setitem__(2, 2), "the plane of the record"),
    (lambda trace: trace["plane"].update(low=[9, 9]), "the plane of the record"),
    (lambda trace: trace["plane"].update(classes=["<b>"]), "the plane of the record"),
]


def test_a_tampered_record_is_refused(page: Page) -> None:
    player, model = TrainingPlayer(), nn.MLP(2, [4, 1], "tanh", rng=0)
    optimizer = nn.optim.SGD(model.parameters())
    nn.fit(model, *nn.data.xor(), loss=nn.losses.binary_cross_entropy_with_logits, optimizer=optimizer, epochs=2,
           callbacks=[player], progress=False)  # fmt: skip
    traces = [player.trace]
    for tamper, _ in TAMPERINGS:
        tamper(trace := copy.deepcopy(player.trace))
        traces.append(trace)
    body = (
        "return given.map((one) => { try { recordModule.read(JSON.stringify(one)); return ''; } "
        "catch (error) { return error.message; } });"
    )
    whole, *found = run(page, "record", body, traces)
    assert whole == ""
    for (_, complaint), message in zip(TAMPERINGS, found, strict=True):
        assert complaint in message
