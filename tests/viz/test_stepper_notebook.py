"""The stepper in a notebook that nbconvert has made a page of: frame, theme, and the picture without scripts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.viz.steppers import network, neuron
from viz import Stepper

nbformat, nbconvert = pytest.importorskip("nbformat"), pytest.importorskip("nbconvert")

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

# How much of a frame's page does not fit it: of the window, and of the panel.
OVERFLOW = """() => [document.documentElement, document.getElementById("panel")].map(
  (one) => Math.max(0, one.scrollHeight - one.clientHeight, one.scrollWidth - one.clientWidth))"""
BRIGHTNESS = "Number(/\\d+/.exec(getComputedStyle(document.body).backgroundColor)[0])"


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})
    yield context
    context.close()


def converted(stepper: Stepper, folder: Path, **options: Any) -> Path:
    """A notebook with this output, as a page that nbconvert has made."""
    output = nbformat.v4.new_output("execute_result", stepper._repr_mimebundle_(), execution_count=1)
    cell = nbformat.v4.new_code_cell("Stepper(y)", outputs=[output], execution_count=1)
    options = {"template_name": "basic", **options}
    body, _ = nbconvert.HTMLExporter(**options).from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    path = folder / "notebook.html"
    start = "" if "<html" in body else "<!DOCTYPE html><meta charset='utf-8'><title>notebook</title>"
    path.write_text(start + body, encoding="utf-8")
    return path


def height_of(page: Page) -> float:
    return page.locator("iframe").evaluate("frame => frame.getBoundingClientRect().height")


def settled(page: Page, before: float) -> None:
    """Wait until the frame has been given another height."""
    page.wait_for_function(
        "before => Math.abs(document.querySelector('iframe').getBoundingClientRect().height - before) > 1", arg=before
    )


def test_a_neuron_fits_its_frame_without_scrollbars(context: BrowserContext, tmp_path: Path) -> None:
    page = context.new_page()
    page.goto(converted(Stepper(neuron()), tmp_path).as_uri())
    frame = page.frames[1]
    frame.wait_for_selector("#controls")
    page.wait_for_timeout(200)
    overflow = []
    while frame.locator("#next").get_attribute("aria-disabled") == "false":
        frame.locator("#next").click()
        overflow.append(frame.evaluate(OVERFLOW))
    assert len(overflow) > 10
    assert overflow == [[0, 0]] * len(overflow)
    assert frame.locator("#sum").text_content()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_question_in_a_frame_is_asked_and_answered_there(context: BrowserContext, tmp_path: Path) -> None:
    page = context.new_page()
    page.goto(converted(Stepper(neuron(), quiz="value"), tmp_path).as_uri())
    frame = page.frames[1]
    frame.wait_for_selector("#controls")
    assert page.evaluate("document.activeElement.tagName") == "BODY", "a page that opens takes no focus from others"
    frame.locator("#next").click()
    assert frame.evaluate("document.activeElement.id") == "guess"
    page.keyboard.type("-6")
    page.keyboard.press("Enter")
    assert frame.locator("#verdict").text_content() == "Right."
    assert frame.evaluate(OVERFLOW) == [0, 0]


def test_the_frame_is_as_high_as_its_content(context: BrowserContext, tmp_path: Path) -> None:
    page = context.new_page()
    page.set_viewport_size({"width": 500, "height": 900})
    page.goto(converted(Stepper(network(4, [4, 1])), tmp_path).as_uri())
    page.frames[1].wait_for_selector("#controls")
    settled(page, 600)
    narrow = height_of(page)
    page.set_viewport_size({"width": 1280, "height": 900})
    settled(page, narrow)
    assert height_of(page) < narrow  # with the panel beside the picture


def test_a_height_of_ones_own_is_kept(context: BrowserContext, tmp_path: Path) -> None:
    page = context.new_page()
    page.goto(converted(Stepper(neuron(), height=333), tmp_path).as_uri())
    page.frames[1].wait_for_selector("#controls")
    page.frames[1].locator("#next").click()
    page.wait_for_timeout(200)
    assert height_of(page) == 333


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.slow
def test_the_theme_is_that_of_the_notebook(theme: str, context: BrowserContext, tmp_path: Path) -> None:
    page = context.new_page()
    page.emulate_media(color_scheme="light" if theme == "dark" else "dark")
    page.goto(converted(Stepper(neuron()), tmp_path, template_name="lab", theme=theme).as_uri())
    frame = page.frames[-1]
    frame.wait_for_selector("#controls")
    frame.wait_for_function(f"dark => ({BRIGHTNESS} < 128) === dark", arg=theme == "dark")
    page.evaluate("document.body.dataset.jpThemeLight = document.body.dataset.jpThemeLight === 'false'")
    frame.wait_for_function(f"dark => ({BRIGHTNESS} < 128) !== dark", arg=theme == "dark")
    page.goto(converted(Stepper(neuron(), theme="light"), tmp_path, template_name="lab", theme="dark").as_uri())
    frame = page.frames[-1]
    frame.wait_for_selector("#controls")
    page.wait_for_timeout(200)
    assert frame.evaluate(BRIGHTNESS) > 128


def test_without_frames_the_picture_is_left(context: BrowserContext, tmp_path: Path) -> None:
    page = context.new_page()
    path = converted(Stepper(neuron()), tmp_path)
    cleaned = path.read_text().replace("<iframe", "<template").replace("</iframe>", "</template>")
    path.write_text(cleaned)
    page.goto(path.as_uri())
    assert page.locator("img[alt^='The graph']").evaluate("image => image.naturalWidth") > 100
    assert page.locator("img[alt^='The graph']").is_visible()


def test_under_a_frame_that_runs_the_picture_does_not_show(context: BrowserContext, tmp_path: Path) -> None:
    page = context.new_page()
    page.goto(converted(Stepper(neuron()), tmp_path).as_uri())
    page.frames[1].wait_for_selector("#controls")
    page.locator("img").wait_for(state="hidden")
