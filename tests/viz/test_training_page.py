"""The page of a TrainingPlayer in headless Chromium: every epoch against the record."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import nn
from autograd_core import Value
from autograd_core.formula import number_text
from viz.training import TrainingPlayer

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

LOSS = nn.losses.binary_cross_entropy_with_logits


def played(model: nn.Module | None = None, epochs: int = 6, every: int = 1, **options: Any) -> TrainingPlayer:
    X, y = nn.data.xor()
    model = model or nn.MLP(2, [4, 1], "tanh", rng=0)
    player = TrainingPlayer(every)
    optimizer = nn.optim.SGD(model.parameters(), lr=0.5)
    options = {"callbacks": [player], **options}
    nn.fit(model, X, y, loss=LOSS, optimizer=optimizer, epochs=epochs, rng=0, progress=False, **options)
    return player


def opened(page: Page, folder: Path, **options: Any) -> list[dict[str, Any]]:
    """Open the page of a training; its epochs."""
    player = played(**options)
    page.goto(player.save(folder / "training.html").as_uri())
    return player.trace["epochs"]


def text(page: Page, name: str) -> str:
    return page.locator(f"#{name}").inner_text()


def cells(page: Page) -> list[list[str]]:
    """The numbers of all tables, row by row."""
    rows = "rows => rows.map(row => [...row.cells].slice(1).map(cell => cell.textContent))"
    return page.eval_on_selector_all("tbody tr", rows)


def check(page: Page, epoch: dict[str, Any], before: dict[str, Any] | None, last: int) -> None:
    """The page shows this epoch, and nothing of another."""
    assert text(page, "count") == f"{epoch['epoch']} of {last}"
    assert text(page, "words").startswith(f"Epoch {epoch['epoch']} of {last}: loss {number_text(epoch['loss'])}, ")
    assert text(page, "loss") == number_text(epoch["loss"])
    assert text(page, "rate") == number_text(epoch["rate"])
    assert float(text(page, "norm")) == pytest.approx(math.hypot(*epoch["grad"]), rel=1e-5)
    moved = zip(epoch["data"], before["data"], strict=True) if before else []
    steps = [number_text(new - was) for new, was in moved] or ["·"] * 17
    columns = [[number_text(number) for number in epoch[kind]] for kind in ("data", "grad")]
    assert cells(page) == [list(row) for row in zip(*columns, steps, strict=True)]


def test_each_position_of_the_slider_shows_its_epoch(page: Page, tmp_path: Path) -> None:
    epochs = opened(page, tmp_path, validation_data=nn.data.xor())
    for place, (before, epoch) in enumerate(zip([None, *epochs], epochs, strict=False)):
        page.locator("#slider").fill(str(place))
        check(page, epoch, before, 6)
        assert text(page, "validation") == number_text(epoch["validation"])
        assert page.locator("#marker circle").count() == 2
    # The marker stands on the curve, whose points Python has drawn.
    ends = page.locator("path.loss").get_attribute("d") or ""
    dot = page.locator("#marker circle").first
    drawn = [float(number) for number in re.findall(r"M.* ([\d.]+),([\d.]+)M", ends)[0]]
    assert [float(dot.get_attribute(key) or "") for key in ("cx", "cy")] == pytest.approx(drawn, abs=0.06)


def test_keys_and_buttons_move(page: Page, tmp_path: Path) -> None:
    epochs = opened(page, tmp_path, every=2)
    numbers = [epoch["epoch"] for epoch in epochs]
    assert numbers == [1, 2, 4, 6]
    moves = [("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", 3), ("ArrowRight", 3), ("Home", 0)]
    for key, place in [*moves, ("ArrowLeft", 0)]:
        page.keyboard.press(key)
        check(page, epochs[place], epochs[place - 1] if place else None, 6)
    for button, place in [("last", 3), ("previous", 2), ("first", 0), ("next", 1)]:
        page.click(f"#{button}")
        check(page, epochs[place], epochs[place - 1] if place else None, 6)
    assert page.locator("thead th").nth(3).inner_text() == "Step since epoch 1"
    page.locator("#slider").focus()
    page.keyboard.press("ArrowRight")
    check(page, epochs[2], epochs[1], 6)
    page.locator("#curve").click(position={"x": page.locator("#curve").evaluate("e => e.clientWidth") - 8, "y": 80})
    check(page, epochs[3], epochs[2], 6)


def test_play_runs_to_the_end_and_pauses(page: Page, tmp_path: Path) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    opened(page, tmp_path)
    page.select_option("#speed", "33")
    page.click("#play")
    sync_api.expect(page.locator("#count")).to_have_text("6 of 6")
    sync_api.expect(page.locator("#play")).to_have_text("Play")
    assert page.locator("#words").get_attribute("aria-live") == "polite"
    page.select_option("#speed", "1000")
    page.locator("#slider").focus()
    page.keyboard.press("Space")
    assert (text(page, "play"), text(page, "count")) == ("Pause", "1 of 6")
    assert page.locator("#words").get_attribute("aria-live") == "off"
    page.keyboard.press("Space")
    assert text(page, "play") == "Play"


def test_bars_have_a_side_for_each_sign(page: Page, tmp_path: Path) -> None:
    epochs = opened(page, tmp_path)
    page.keyboard.press("End")
    sides = page.eval_on_selector_all("tbody tr", "rows => rows.map(row => row.querySelector('.bar span').className)")
    assert sides == ["minus" if number < 0 else "plus" for number in epochs[-1]["data"]]
    page.select_option("#kind", "grad")
    down = page.eval_on_selector_all("path.down", "all => all.map(one => one.getAttribute('d')).join('')")
    assert down.count("M") == sum(number < 0 for number in epochs[-1]["grad"])
    widest = "all => Math.max(...all.map(one => parseFloat(one.style.width)))"
    assert page.eval_on_selector_all("tbody td:nth-child(3) .bar span", widest) < 50
    page.check("#rescale")
    assert page.eval_on_selector_all("tbody td:nth-child(3) .bar span", widest) == 50


def test_numbers_that_are_not_finite_are_shown(page: Page, tmp_path: Path) -> None:
    player, model = TrainingPlayer(), nn.MLP(2, [1], rng=0)

    def spoil(training: nn.Training) -> None:
        for parameter, number in zip(model.parameters(), (math.inf, -math.inf, math.nan), strict=True):
            parameter.grad = number
        training.stop("<b>spoilt</b>")

    played(model, callbacks=[spoil, player])
    page.goto(player.save(tmp_path / "training.html").as_uri())
    assert [row[1] for row in cells(page)] == ["inf", "-inf", "nan"]
    assert text(page, "stopped") == "The training ended: <b>spoilt</b>."


HOSTILE = "</script><img src=x onerror=alert(1)>\"']]>&<!--%%TRACE%%"


def test_a_hostile_path_is_text(page: Page, tmp_path: Path) -> None:
    class Hostile(nn.Module):
        def __init__(self) -> None:
            self.parts = {HOSTILE: nn.Neuron(2, "linear", rng=0)}
            self.weights = {HOSTILE: Value(0.5)}

        def forward(self, x: Any) -> Value:
            return self.parts[HOSTILE](x) * self.weights[HOSTILE]

    opened(page, tmp_path, model=Hostile())
    assert page.locator("tbody th").first.inner_text() == f"weights.{HOSTILE}"
    assert page.locator("summary").nth(1).inner_text() == f"parts.{HOSTILE}: 3 parameters"
    assert page.locator("img").count() == 0


@pytest.mark.parametrize(
    ("tamper", "complaint"),
    [
        (lambda trace: trace.update(version=2), "traces of version 1"),
        (lambda trace: trace.update(epochs=[]), "lacks its parameters or epochs"),
        (lambda trace: trace.update(stopped={"toString": 1}), "lacks its"),
        (lambda trace: trace["parameters"][3].update(path=7), "parameter 3 of the trace"),
        (lambda trace: trace["parameters"].pop(), "epoch 1 of the trace"),
        (lambda trace: trace["epochs"][1].update(loss="<img src=x onerror=alert(1)>"), "epoch 2 of the trace"),
        (lambda trace: trace["epochs"][1]["data"].append(1.0), "epoch 2 of the trace"),
        (lambda trace: trace["epochs"].reverse(), "epoch 2 of the trace"),
        (lambda trace: trace["plot"].update(low="0"), "the plot of the trace"),
    ],
)
def test_a_tampered_trace_is_refused(tamper: Any, complaint: str, page: Page, tmp_path: Path) -> None:
    player = played()
    trace = player.trace
    told = json.dumps(trace, separators=(",", ":"))
    tamper(trace)
    html = player.html()
    assert told in html
    (path := tmp_path / "training.html").write_text(
        html.replace(told, json.dumps(trace).replace("<", "\\u003c")), encoding="utf-8"
    )
    page.goto(path.as_uri())
    assert complaint in text(page, "trouble")
    assert not page.locator("#controls").is_visible()
    assert page.locator("#layers").inner_html() == ""
    assert page.locator("#curve").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(scheme: Any, browser: Browser, tmp_path: Path) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = browser.new_page(color_scheme=scheme, viewport={"width": 400, "height": 800}, bypass_csp=True)
    page.goto(played(validation_data=nn.data.xor()).save(tmp_path / "training.html").as_uri())
    page.click("#next")
    results = Axe().run(page)
    serious = [one for one in results.response["violations"] if one["impact"] in ("serious", "critical")]
    assert [(one["id"], one["nodes"][0]["html"]) for one in serious] == []
    # Usable at 400 pixels: nothing scrolls sideways.
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    page.close()


def test_every_control_is_reached_by_keyboard(page: Page, tmp_path: Path) -> None:
    opened(page, tmp_path)
    reached: list[str] = []
    for _ in range(16):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert " ".join(reached[:11]) == "first previous play next last speed slider kind rescale open close"
    page.keyboard.press("Space")  # shuts a module, and plays nothing
    assert page.locator("details[open]").count() == 4
    assert text(page, "play") == "Play"


def test_a_page_of_a_small_network_is_small(page: Page, tmp_path: Path) -> None:
    X, y = nn.data.moons(100, noise=0.1, rng=0)
    model, player = nn.MLP(2, [16, 16, 1], rng=0), TrainingPlayer()
    optimizer = nn.optim.Adam(model.parameters(), lr=0.03)
    nn.fit(model, X, y, loss=LOSS, optimizer=optimizer, epochs=100, rng=0, progress=False, callbacks=[player])
    path = player.save(tmp_path / "training.html")
    assert path.stat().st_size < 1_500_000
    page.goto(path.as_uri())
    page.click("#open")
    page.keyboard.press("End")
    page.wait_for_function("document.querySelectorAll('tbody tr').length === 337")
    assert [row[0] for row in cells(page)] == [number_text(one) for one in player.trace["epochs"][-1]["data"]]
