"""The page of a TrainingPlayer in headless Chromium: every epoch against the record."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

import nn
from autograd_core import Value, primitive
from autograd_core.formula import number_text
from viz.training import TrainingPlayer

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

LOSS = nn.losses.binary_cross_entropy_with_logits
MOONS = nn.data.moons(30, noise=0.1, rng=0)


class Shown(NamedTuple):
    page: Page
    model: nn.Module
    trace: dict[str, Any]
    file: Path

    @property
    def epochs(self) -> list[dict[str, Any]]:
        return self.trace["epochs"]


def played(model: nn.Module | None = None, epochs: int = 6, every: int = 1, **options: Any) -> TrainingPlayer:
    model = model or nn.MLP(2, [4, 1], "tanh", rng=0)
    player = TrainingPlayer(every)
    optimizer = nn.optim.SGD(model.parameters(), lr=0.5)
    options = {"callbacks": [player], "loss": LOSS, **options}
    X, y = options.pop("data", MOONS)
    nn.fit(model, X, y, optimizer=optimizer, epochs=epochs, rng=0, progress=False, **options)
    return player


def opened(page: Page, folder: Path, **options: Any) -> Shown:
    """Open the page of a run."""
    model = options.pop("model", None) or nn.MLP(2, [4, 1], "tanh", rng=0)
    player = played(model, **options)
    page.goto((file := player.save(folder / "training.html")).as_uri())
    return Shown(page, model, player.trace, file)


@pytest.fixture(scope="module")
def run(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """The page of a run of six epochs with validation data, for all tests that leave it as they find it."""
    page = browser.new_page(viewport={"width": 1280, "height": 720}, offline=True)
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: troubles.append(message.text))
    yield opened(page, tmp_path_factory.mktemp("run"), validation_data=nn.data.xor())
    page.close()
    assert troubles == []


def to(page: Page, place: int) -> None:
    page.locator("#slider").fill(str(place))


def text(page: Page, name: str) -> str:
    return page.locator(f"#{name}").inner_text()


def cells(page: Page) -> list[list[str]]:
    """The numbers of all tables, row by row."""
    return read(page)["cells"]


def read(page: Page) -> dict[str, Any]:
    """What the page shows in its fields, by their ids, and the `cells` of the tables, in one look."""
    return page.evaluate(
        "({ ...Object.fromEntries([...document.querySelectorAll('#count, #story p, #story dd')].map(one => "
        "[one.id, one.textContent])), cells: [...document.querySelectorAll('tbody tr')].map(row => "
        "[...row.cells].slice(1).map(cell => cell.textContent)) })"
    )


def percent(share: float) -> str:
    return f"{number_text(float(f'{100 * share:.4g}'))} %"


def check(run: Shown, place: int) -> None:
    """The page shows this epoch, and nothing of another."""
    epoch, before = run.epochs[place], run.epochs[place - 1] if place else None
    shown = read(run.page)
    assert shown["count"] == f"{epoch['epoch']} of {run.epochs[-1]['epoch']}"
    assert shown["words"].startswith(f"Epoch {epoch['epoch']}: " if place else "Before the first epoch: ")
    assert shown["loss"] == (number_text(epoch["loss"]) if place else "not known")
    assert shown["rate"] == (number_text(epoch["rate"]) if place else "·")
    assert shown["validation"] == (number_text(epoch["validation"]) if place else "not known")
    assert shown["accuracy"] == percent(epoch["accuracy"])
    assert shown["validation-accuracy"] == percent(epoch["validation_accuracy"])
    if place:
        assert float(shown["norm"]) == pytest.approx(math.hypot(*epoch["grad"]), rel=1e-5)
    moved = zip(epoch["data"], before["data"], strict=True) if before else []
    columns = [
        [number_text(number) for number in epoch["data"]],
        [number_text(number) for number in epoch["grad"] or []] or ["·"] * 17,
        [number_text(new - was) for new, was in moved] or ["·"] * 17,
    ]
    assert shown["cells"] == [list(row) for row in zip(*columns, strict=True)]


def test_each_position_of_the_slider_shows_its_epoch(run: Shown) -> None:
    for place in range(len(run.epochs)):
        to(run.page, place)
        check(run, place)
        assert run.page.locator("#marker circle").count() == (4 if place else 2)
    # The markers stand on the curves, whose points Python has drawn.
    for k, name in enumerate(["loss", "accuracy"]):
        ends = run.page.locator(f".{name} path.training").get_attribute("d") or ""
        dot = run.page.locator("#marker circle").nth(2 * k)
        drawn = [float(number) for number in re.findall(r"M.* ([\d.]+),([\d.]+)M", ends)[0]]
        assert [float(dot.get_attribute(key) or "") for key in ("cx", "cy")] == pytest.approx(drawn, abs=0.06)


def test_keys_and_buttons_move(run: Shown) -> None:
    page = run.page
    to(page, 0)
    page.locator("h1").click()
    moves = [("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", 6), ("ArrowRight", 6), ("Home", 0)]
    for key, place in [*moves, ("ArrowLeft", 0)]:
        page.keyboard.press(key)
        check(run, place)
    for button, place in [("last", 6), ("previous", 5), ("first", 0), ("next", 1)]:
        page.click(f"#{button}")
        check(run, place)
    assert page.locator("thead th").nth(3).inner_text() == "Step since epoch 0"
    page.locator("#slider").focus()
    page.keyboard.press("ArrowRight")
    check(run, 2)
    page.locator("#curve").click(position={"x": page.locator("#curve").evaluate("e => e.clientWidth") - 8, "y": 80})
    check(run, 6)


def test_play_runs_to_the_end_and_pauses(run: Shown) -> None:
    sync_api, page = pytest.importorskip("playwright.sync_api"), run.page
    page.select_option("#speed", "33")
    page.click("#play")
    sync_api.expect(page.locator("#count")).to_have_text("6 of 6")
    sync_api.expect(page.locator("#play")).to_have_text("Play")
    assert page.locator("#words").get_attribute("aria-live") == "polite"
    page.select_option("#speed", "1000")
    page.locator("#slider").focus()
    page.keyboard.press("Space")
    assert (text(page, "play"), text(page, "count")) == ("Pause", "0 of 6")
    assert page.locator("#words").get_attribute("aria-live") == "off"
    page.keyboard.press("Space")
    assert text(page, "play") == "Play"


def test_bars_have_a_side_for_each_sign(run: Shown) -> None:
    page, epoch = run.page, run.epochs[-1]
    to(page, 6)
    sides = page.eval_on_selector_all("tbody tr", "rows => rows.map(row => row.querySelector('.bar span').className)")
    assert sides == ["minus" if number < 0 else "plus" for number in epoch["data"]]
    page.select_option("#kind", "grad")
    down = page.eval_on_selector_all("path.down", "all => all.map(one => one.getAttribute('d')).join('')")
    assert down.count("M") == sum(number < 0 for number in epoch["grad"])
    widest = "all => Math.max(...all.map(one => parseFloat(one.style.width)))"
    assert page.eval_on_selector_all("tbody td:nth-child(3) .bar span", widest) < 50
    page.check("#rescale")
    assert page.eval_on_selector_all("tbody td:nth-child(3) .bar span", widest) == 50
    page.uncheck("#rescale")
    page.select_option("#kind", "data")


def test_weights_are_folded_by_layer(run: Shown) -> None:
    page, epoch = run.page, run.epochs[-1]
    to(page, 6)
    layers = [part.inner_text() for part in page.locator(".layer > summary").all()]
    assert [line.split(";")[0] for line in layers] == ["layers.0: 12 parameters", "layers.1: 5 parameters"]
    assert f"gradients {number_text(math.hypot(*epoch['grad'][:12]))}" in layers[0]
    page.click("#close")
    assert page.locator("details[open]").count() == 0
    page.locator(".layer > summary").first.click()
    assert page.locator("tbody tr").first.is_visible() is False
    page.click("#open")
    assert page.locator("details[open]").count() == 7
    assert page.locator("tbody tr").first.is_visible()


def test_lines_have_the_size_and_sign_of_their_weights(run: Shown) -> None:
    page, network = run.page, run.trace["network"]
    places = [w for layer in network for neuron in layer["neurons"] for w in neuron["weights"]]
    used = places + [neuron["bias"] for layer in network for neuron in layer["neurons"]]
    most = max(abs(epoch["data"][i]) for epoch in run.epochs for i in used)
    for place in (0, 6):
        to(page, place)
        data = run.epochs[place]["data"]
        lines = page.eval_on_selector_all(
            "#network path:not(.hit)",
            "all => all.map(one => [one.classList[0], Number(one.getAttribute('stroke-width'))])",
        )
        assert [kind for kind, _ in lines] == ["minus" if data[i] < 0 else "plus" for i in places]
        expected = [0.2 + 4.8 * abs(data[i]) / most for i in places]
        assert [width for _, width in lines] == pytest.approx(expected, abs=0.006)


def test_circles_and_lines_tell_their_numbers(run: Shown) -> None:
    page, data = run.page, run.epochs[-1]["data"]
    to(page, 6)
    hint = text(page, "network-words")
    assert hint.startswith("Point at a circle")
    page.locator(".neuron").nth(2).hover()
    numbers = ", ".join(f"{name} = {number_text(data[i])}" for name, i in [("b", 2), ("w.0", 0), ("w.1", 1)])
    assert text(page, "network-words") == f"layers.0.neurons.0: {numbers}"
    assert page.locator("#network path.lit").count() == 2
    page.locator("#network .hit").nth(3).dispatch_event("pointerenter")
    gradient = number_text(run.epochs[-1]["grad"][4])
    assert text(page, "network-words") == f"layers.0.neurons.1.w.1 = {number_text(data[4])}, gradient {gradient}"
    page.locator("h1").hover()
    assert text(page, "network-words") == hint
    # By keyboard: one circle is in the order of tabs, and the up and down keys go from each to the next.
    page.locator("#last").focus()
    for _ in range(3):
        page.keyboard.press("Tab")
    assert text(page, "network-words") == "input 1 of 2"
    for _ in range(6):
        page.keyboard.press("ArrowDown")
    assert text(page, "network-words").startswith("layers.1.neurons.0: b = ")
    page.keyboard.press("ArrowLeft")  # the epoch before, of the same neuron
    assert f"w.0 = {number_text(run.epochs[-2]['data'][12])}" in text(page, "network-words")
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("layers.0.neurons.3: ")


def outputs(run: Shown, place: int, x: np.ndarray) -> np.ndarray:
    """What the model gives with the weights of an epoch."""
    kept = run.model.state_dict()
    run.model.load_state_dict(dict(zip(kept, run.epochs[place]["data"], strict=True)))
    found = nn.predict(run.model, x)
    run.model.load_state_dict(kept)
    return found


def pixels(run: Shown) -> tuple[np.ndarray, np.ndarray]:
    """The colours of the plane, of shape (n, 3), and the point in the middle of each."""
    data = run.page.locator("#surface").evaluate(
        "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.join(' ')"
    )
    colours = np.array(data.split(), int).reshape(-1, 4)[:, :3]
    across = math.isqrt(len(colours))
    low, high = (np.array(run.trace["plane"][end]) for end in ("low", "high"))
    steps = (np.arange(across) + 0.5) / across
    first, second = np.meshgrid(low[0] + (high[0] - low[0]) * steps, high[1] - (high[1] - low[1]) * steps)
    return colours, np.column_stack([first.ravel(), second.ravel()])


@pytest.mark.parametrize("place", [0, 6])
def test_the_plane_is_what_the_model_makes_of_it(run: Shown, place: int) -> None:
    to(run.page, place)
    colours, points = pixels(run)
    heights = outputs(run, place, points)
    blue = colours[:, 2] > colours[:, 0]
    clear = np.abs(heights) > 1e-9
    assert (blue == (heights > 0.0))[clear].all()
    assert 0 < blue.sum() < len(blue)
    # The boundary lies where the output is at the threshold.
    drawn = run.page.locator("#plane .boundary").get_attribute("d") or ""
    ends = np.array(re.findall(r"[ML]([-\d.]+) ([-\d.]+)", drawn), float)
    low, high = (np.array(run.trace["plane"][end]) for end in ("low", "high"))
    x = low + (high - low) * np.column_stack([(ends[:, 0] - 46) / 306, (288 - ends[:, 1]) / 280])
    assert np.abs(outputs(run, place, x)).max() < 0.01 * np.abs(heights).max()
    # As many samples are on the wrong side as the accuracy says.
    wrong = round(30 * (1.0 - run.epochs[place]["accuracy"]))
    assert run.page.locator(".point.wrong").count() == wrong > 0
    assert text(run.page, "plane-legend").split("\n") == ["class 0: output up to 0", "class 1: output above 0"]
    assert text(run.page, "plane-words") == f"30 samples, {wrong} of them on the wrong side (with a thick rim)."


def test_several_classes_have_a_colour_and_a_shape_each(page: Page, tmp_path: Path) -> None:
    X, y = nn.data.blobs(40, 3, rng=0)
    model = nn.MLP(2, [40, 3], "tanh", rng=0)
    run = opened(page, tmp_path, model=model, data=(X, y), loss=nn.losses.cross_entropy, epochs=2)
    page.keyboard.press("End")
    colours, points = pixels(run)
    winners = outputs(run, -1, points).argmax(axis=1)
    for k in range(3):
        assert len(np.unique(colours[winners == k], axis=0)) == 1
    assert len(np.unique(colours, axis=0)) == len(np.unique(winners))
    assert page.locator("#plane-legend").inner_text().split("\n")[0].startswith("class 0")
    shapes = page.eval_on_selector_all("#plane .point", "all => all.map(one => one.getAttribute('d'))")
    assert len(set(zip(shapes, y.tolist(), strict=True))) == 3
    # A wide layer is drawn in part, and the rest is counted.
    assert page.locator(".neuron").count() == 2 + 15 + 3
    assert "… 25 more" in (page.locator("#network").text_content() or "").split("layers")[0]
    page.locator(".neuron").nth(17).hover()
    assert re.fullmatch(r"layers\.1\.neurons\.0: b = \S+, (w\.\d = \S+, ){5}and 35 more", text(page, "network-words"))


def test_a_regression_is_a_surface(page: Page, tmp_path: Path) -> None:
    X = np.random.default_rng(0).uniform(-1.0, 1.0, (20, 2))
    run = opened(page, tmp_path, model=nn.MLP(2, [3, 1], "tanh", rng=0), data=(X, X[:, 0]), loss=nn.losses.mse_loss)
    page.keyboard.press("End")
    colours, points = pixels(run)
    heights, (low, high) = outputs(run, -1, points), run.trace["plane"]["reach"]
    part = np.clip((2.0 * heights - low - high) / (high - low), -1.0, 1.0)
    hues = np.where(part[:, None] < 0.0, [0xD9, 0x5F, 0x0E], [0x21, 0x71, 0xB5])
    assert np.abs(colours - (255 + (hues - 255) * 0.85 * np.abs(part)[:, None])).max() <= 0.51
    assert text(page, "plane-title") == "Output over the plane"
    assert not page.locator("#accuracy").is_visible()
    assert page.locator("#curve .accuracy").count() == 0


@primitive(partials=lambda x, out: 2.0 * x)
def opaque(x: float) -> float:
    return float(str(x)) ** 2


def test_a_model_of_another_kind_has_no_pictures(page: Page, tmp_path: Path) -> None:
    class Opaque(nn.Module):
        def __init__(self) -> None:
            self.slope = Value(0.5)

        def forward(self, x: Any) -> Any:
            return opaque(self.slope * x[0]) + x[1]

    opened(page, tmp_path, model=Opaque(), epochs=1, engine="eager")
    assert not page.locator("#network-box").is_visible()
    assert not page.locator("#plane-box").is_visible()
    assert re.fullmatch(r"The decision boundary is not shown: opaque .*\.", text(page, "no-plane"))
    assert text(page, "accuracy") != "·"


def test_numbers_that_are_not_finite_are_shown(page: Page, tmp_path: Path) -> None:
    player, model = TrainingPlayer(), nn.MLP(2, [1], rng=0)

    def spoil(training: nn.Training) -> None:
        for parameter, number in zip(model.parameters(), (math.inf, -math.inf, math.nan), strict=True):
            parameter.data = parameter.grad = number
        training.stop("<b>spoilt</b>")

    played(model, callbacks=[spoil, player])
    page.goto(player.save(tmp_path / "training.html").as_uri())
    page.keyboard.press("End")
    assert [row[:2] for row in cells(page)] == [["inf", "inf"], ["-inf", "-inf"], ["nan", "nan"]]
    assert text(page, "stopped") == "The run ended: <b>spoilt</b>."
    assert "Some weights are no longer finite." in text(page, "words")
    assert "NaN" not in page.locator("main").inner_html()
    assert set(map(tuple, pixels(Shown(page, model, player.trace, tmp_path))[0])) == {(238, 238, 238)}


HOSTILE = "</script><img src=x onerror=alert(1)>\"']]>&<!--%%TRACE%%"


def test_a_hostile_path_is_text(page: Page, tmp_path: Path) -> None:
    class Hostile(nn.Module):
        def __init__(self) -> None:
            self.parts = {HOSTILE: nn.Neuron(2, "linear", rng=0)}
            self.weights = {HOSTILE: Value(0.5)}

        def forward(self, x: Any) -> Value:
            return self.parts[HOSTILE](x) * self.weights[HOSTILE]

    opened(page, tmp_path, model=Hostile())
    page.click("#open")
    page.keyboard.press("End")
    assert page.locator("tbody th").first.inner_text() == f"weights.{HOSTILE}"
    assert page.locator(".modules summary").nth(1).inner_text() == f"parts.{HOSTILE}: 3 parameters"
    assert page.locator("img").count() == 0


def test_a_tampered_trace_is_refused(run: Shown, page: Page, tmp_path: Path) -> None:
    told = json.dumps(run.trace, separators=(",", ":"))
    trace = {**run.trace, "version": 1}
    html = run.file.read_text(encoding="utf-8")
    assert told in html
    (path := tmp_path / "training.html").write_text(html.replace(told, json.dumps(trace)), encoding="utf-8")
    page.goto(path.as_uri())
    assert "reads records of version 2" in text(page, "trouble")
    assert not page.locator("#controls").is_visible()
    assert page.locator("#layers").inner_html() == ""
    assert page.locator("#curve").is_visible()


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_axe_finds_nothing_serious(scheme: Any, run: Shown, browser: Browser) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = browser.new_page(color_scheme=scheme, viewport={"width": 400, "height": 700}, bypass_csp=True)
    page.goto(run.file.as_uri())
    page.click("#next")
    results = Axe().run(page)
    serious = [one for one in results.response["violations"] if one["impact"] in ("serious", "critical")]
    assert [(one["id"], one["nodes"][0]["html"]) for one in serious] == []
    # Usable in any window: nothing scrolls sideways.
    for width, height in [(400, 700), (800, 600), (1280, 720)]:
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    # On a projector the sentence, the numbers and all three pictures are on one screen.
    for part in ("words", "moved", "curve", "network", "plane"):
        assert page.locator(f"#{part}").evaluate("e => e.getBoundingClientRect().bottom <= innerHeight"), part
    page.close()


def test_every_control_is_reached_by_keyboard(run: Shown) -> None:
    page, reached = run.page, []
    page.reload()
    for _ in range(14):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.getAttribute('class')"))
        assert page.evaluate(
            "[document.activeElement, ...document.activeElement.children].some(one => "
            "getComputedStyle(one).outlineStyle !== 'none' || getComputedStyle(one).strokeWidth === '4px')"
        )
    assert " ".join(reached[:12]) == "first previous play next last speed slider neuron kind rescale open close"
    page.keyboard.press("Tab")
    page.keyboard.press("Space")  # shuts a module, and plays nothing
    assert page.locator("details[open]").count() == 6
    assert text(page, "play") == "Play"


@pytest.mark.slow
def test_a_network_of_337_weights_keeps_up(page: Page, tmp_path: Path) -> None:
    run = opened(page, tmp_path, model=nn.MLP(2, [16, 16, 1], rng=0))
    page.keyboard.press("Space")
    brief = page.locator("#surface").get_attribute("width") or ""
    page.keyboard.press("End")
    # The plane is coarse while epochs pass, and fine when one has stayed.
    expect = pytest.importorskip("playwright.sync_api").expect
    expect(page.locator("#surface")).not_to_have_attribute("width", str(brief))
    assert page.locator("#surface").evaluate("canvas => canvas.width") > int(brief)
    page.click("#open")
    expect(page.locator("tbody tr")).to_have_count(337)
    assert [row[0] for row in cells(page)] == [number_text(one) for one in run.epochs[-1]["data"]]
