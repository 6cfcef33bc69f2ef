"""What the stepper's page shows to others: links, slides, paper and pictures; and cards for who looks closer."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import nn
from autograd_core import Value
from tests.viz.steppers import GRAPHS, lines, network, opened, press, rect, step_to, text
from viz import Stepper

if TYPE_CHECKING:
    from playwright.sync_api import Page

# All that a link is to bring back: every text, where it stands, and how it looks.
STATE = """() => JSON.stringify({
  world: document.getElementById("world").style.transform,
  fields: [...document.querySelectorAll("#leaves input[type=range]")].map((one) => one.value),
  texts: document.getElementById("stage").innerText,
  looks: [...document.querySelectorAll("#canvas g, #canvas path")].map((one) =>
    [one.id, one.getAttribute("transform"), one.getAttribute("d"), [...one.classList].sort().join(" ")]),
  fills: [...document.querySelectorAll("#canvas .body")].map((one) => one.style.fill),
})"""


def seen(page: Page) -> str:
    page.mouse.move(0, 0)
    return page.evaluate(STATE)


def reopened(page: Page) -> str:
    """What another tab shows at the address that the page has now."""
    browser = page.context.browser
    assert browser
    other = browser.new_page(viewport=page.viewport_size)
    other.goto(page.url)
    other.locator("#controls").wait_for(state="attached")
    assert other.url == page.url
    assert not other.locator("#trouble").is_visible()
    state = seen(other)
    other.close()
    return state


@pytest.mark.parametrize("name", ["neuron", "2-2-1", "softmax"])
@pytest.mark.slow
def test_a_link_brings_back_all_of_it(page: Page, tmp_path: Path, name: str) -> None:
    opened(page, GRAPHS[name](), tmp_path)
    assert reopened(page) == seen(page)
    press(page, "open-all")
    press(page, "phase-forward")
    step_to(page, 3)
    page.click("#tab-inputs")
    page.locator("#leaves input[type=text]").first.fill("0.12345678901234568")
    press(page, "zoom-in")
    page.keyboard.press("Shift+ArrowRight")
    page.wait_for_function("() => location.hash.includes('n')")
    page.wait_for_timeout(250)  # the address is written at most five times a second
    assert reopened(page) == seen(page)
    assert re.search(r"&n\d+=0\.12345678901234568&", page.url)
    assert "phase=forward&step=3&" in page.url


def test_an_address_is_followed_when_it_changes(page: Page, tmp_path: Path) -> None:
    opened(page, network(2, [2, 1]), tmp_path)
    page.evaluate("location.hash = '#phase=forward&step=2&open=layers.1'")
    page.wait_for_function("() => document.getElementById('count').textContent.startsWith('2 of')")
    assert page.get_attribute("#phase-forward", "aria-pressed") == "true"
    assert page.locator("#canvas .frame").count() == 1
    page.evaluate("location.hash = '#step=999&open=layers.7&n0=much&camera=1,2&phase=up&rate=%3Cb%3E&colour=red'")
    page.locator("#trouble").wait_for()
    said = text(page, "trouble")
    for part in ("no step 999", "no box “layers.7”", "“n0=much” sets no input", "“1,2” is no camera", "no phase “up”",
                 "“<b>” is no learning rate", "“colour” means nothing"):  # fmt: skip
        assert part in said
    assert text(page, "words") != ""


def test_arguments_say_what_is_seen_first(page: Page, tmp_path: Path) -> None:
    x = Value(3.0, label="x")
    opened(page, (x * x).tanh(), tmp_path, phase="forward", step=2, inputs={x: 0.25}, camera=(100.0, 50.0, 2.0))
    assert text(page, "count") == "2 of 2"
    assert lines(page, "n0")[1] == "data 0.25"
    assert text(page, "zoom") == "200 %"
    opened(page, network(2, [2, 1]), tmp_path, open=["layers.1"], phase="update")
    assert page.get_attribute("#phase-update", "aria-pressed") == "true"
    titles = "all => all.map(one => one.getAttribute('aria-label'))"
    assert page.eval_on_selector_all("#canvas .frame .tab", titles) == ["Close layer 1"]
    opened(page, network(2, [2, 1]), tmp_path, open=[])
    assert page.locator("#canvas .frame").count() == 0
    opened(page, network(2, [2, 1]), tmp_path, open=["*"])
    assert page.locator("#canvas .node.box").count() == 0


def test_calls_of_one_layer_are_told_apart(page: Page, tmp_path: Path) -> None:
    model = nn.MLP(2, [2, 1], rng=0)
    output = (model([1.0, 2.0]) - model([0.5, -1.0])) ** 2
    keys = [box["key"] for box in Stepper(output).trace["boxes"]]
    assert len(set(keys)) == len(keys)
    assert {"MLP(2)", "layers.0(1)", "layers.0(2)", "layers.0.neurons.1(2)", "layers.0(parameters)"} < set(keys)
    opened(page, output, tmp_path, open=["layers.0(2)"])
    titles = "all => all.map(one => one.getAttribute('aria-label'))"
    assert page.eval_on_selector_all("#canvas .frame .tab", titles) == [
        "Close MLP (call 2)",
        "Close MLP (call 2), layer 0",
    ]
    assert "&open=layers.0(2)&" in page.url
    page.evaluate("location.hash = '#step=0&open=layers.0'")
    page.wait_for_function("() => document.querySelectorAll('#canvas .frame').length === 5")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"phase": "sideways"}, ValueError, "phase is 'forward', 'backward' or 'update', not 'sideways'"),
        ({"step": -1}, ValueError, "step is the number of a step, a whole number from 0, not -1"),
        ({"step": True}, ValueError, "not True"),
        ({"open": "layers.0"}, TypeError, r"open is a list of scope paths, such as \['layers.0'\]"),
        ({"open": ["layer.0"]}, ValueError, "there is no box 'layer.0' in this graph; did you mean 'layers.0'"),
        ({"camera": (1.0, 2.0, 0.0)}, ValueError, r"camera is \(x, y, scale\)"),
        ({"inputs": {"x": 1.0}}, TypeError, "input 0 is a str, not a Value"),
        ({"inputs": {Value(1.0): 1.0}}, ValueError, "input 0 is not in this graph"),
    ],
)
def test_bad_arguments_are_refused(options: dict[str, Any], error: type[Exception], message: str) -> None:
    output = network(2, [2, 1])
    with pytest.raises(error, match=message):
        Stepper(output, **options)


def test_a_slide_shows_the_picture_and_one_line(page: Page, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 1280, "height": 720})
    opened(page, GRAPHS["neuron"](), tmp_path)
    page.keyboard.press("p")
    step_to(page, 5)
    line = rect(page, "#line")
    visible = page.evaluate("""[...document.querySelectorAll("main *")].filter((one) => one.checkVisibility() &&
      !one.closest("#picture, #paper") && one.children.length === 0 && one.textContent.trim()).map((one) => one.id)""")
    assert visible == ["line"]
    assert line.bottom <= 720
    assert line.bottom - line.top < 80, "one line"
    assert page.evaluate("parseFloat(getComputedStyle(document.getElementById('line')).fontSize)") >= 22
    size = "parseFloat(getComputedStyle(document.querySelector('#canvas .name')).fontSize)"
    assert page.evaluate(size) * float(text(page, "zoom").split()[0]) / 100 >= 18
    page.wait_for_timeout(250)  # the address is written at most five times a second
    assert page.url.endswith("&present=1")
    assert reopened(page) == seen(page)
    page.keyboard.press("ArrowRight")
    assert text(page, "line").startswith("Step 6 of ")
    page.keyboard.press("Escape")
    assert page.locator("#panel").is_visible()
    page.goto(page.url.partition("#")[0] + "#present")
    page.reload()
    assert not page.locator("#panel").is_visible()


def pages(pdf: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


def test_a_step_is_printed_on_one_page(page: Page, tmp_path: Path) -> None:
    opened(page, GRAPHS["neuron"](), tmp_path)
    step_to(page, 4)
    words = text(page, "words")
    page.evaluate("addEventListener('afterprint', () => {}); window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#paper .sheet").count() == 1
    sheet = page.locator("#paper .sheet")
    assert words in (sheet.text_content() or "")
    assert sheet.locator("svg > g").count() > 20
    page.emulate_media(media="print")
    assert not page.locator("#controls").is_visible()
    page.emulate_media(media="null")
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("#paper .sheet").count() == 0
    assert pages(page.pdf(format="A4", landscape=True)) == 1
    assert pages(page.pdf(format="Letter")) == 1


def test_every_step_is_printed_on_its_own(page: Page, tmp_path: Path) -> None:
    opened(page, network(2, [2, 1]), tmp_path, theme="dark")
    step_to(page, 2)
    page.evaluate("window.print = () => {}")
    page.click("#tab-share")
    page.click("#print-every")
    steps = int(text(page, "count").split()[-1])
    sheets = page.locator("#paper .sheet")
    assert sheets.count() == steps
    for s in range(steps):
        assert f"Step {s + 1} of {steps}" in (sheets.nth(s).text_content() or "")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert {one.get_attribute("fill") for one in sheets.locator("svg > rect:first-of-type").all()} == {
        "rgb(255, 255, 255)"
    }
    assert pages(page.pdf(format="A4", landscape=True)) == steps
    assert text(page, "count") == f"2 of {steps}"


def test_pictures_of_what_is_in_view(page: Page, tmp_path: Path) -> None:
    opened(page, GRAPHS["neuron"](), tmp_path)
    step_to(page, 6)
    page.click("#tab-share")
    with page.expect_download() as saved:
        page.click("#save-svg")
    assert saved.value.suggested_filename == "L-backward-6.svg"
    picture = ElementTree.parse(saved.value.path()).getroot()
    space = "{http://www.w3.org/2000/svg}"
    said = " ".join("".join(one.itertext()) for one in picture.iter(f"{space}text"))
    assert "o = tanh(v8)" in said
    assert page.locator("#canvas .active.edge").count() == 1
    assert not [one for one in picture.iter() if {"class", "tabindex", "marker-end", "style"} & set(one.attrib)]
    with page.expect_download() as saved:
        page.click("#save-png")
    data = saved.value.path().read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width = int.from_bytes(data[16:20], "big")
    assert width == pytest.approx(2 * float(picture.attrib["width"]), abs=2)
    assert text(page, "shared") == "Saved as L-backward-6.png."


def test_a_card_tells_of_a_node_and_lights_its_paths(page: Page, tmp_path: Path) -> None:
    x = Value(3.0, label="x")
    y = x * x + x
    y.label = "y"
    opened(page, y, tmp_path)
    page.keyboard.press("End")
    page.hover("#n0")
    assert page.locator("#card strong").inner_text() == "x"
    assert page.locator("#card p").all_inner_texts() == [
        "an input", "value 3", "gradient 7", "3 paths lead here from y:", "∂y/∂v1 · ∂v1/∂x = 1 · 3 = 3",
        "∂y/∂v1 · ∂v1/∂x = 1 · 3 = 3", "∂y/∂x = 1",
    ]  # fmt: skip
    assert page.locator(".edge.lit").count() == 4
    page.hover("#n1")
    assert page.locator("#card strong").inner_text() == "v1 = x * x"
    assert page.locator(".edge.lit").count() == 1
    page.keyboard.press("Escape")
    assert not page.locator("#card").is_visible()
    assert page.locator(".lit").count() == 0
    page.focus("#zoom-in")
    page.focus("#n1")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    assert page.get_attribute("#n1", "aria-describedby") == "card"
    assert page.locator("#card").is_visible()


def test_a_card_keeps_to_what_is_known(page: Page, tmp_path: Path) -> None:
    x = Value(3.0, label="x")
    opened(page, (x * x).tanh(), tmp_path, phase="forward")
    page.hover("#n1")
    assert page.locator("#card p").all_inner_texts() == ["not computed yet"]
    press(page, "phase-backward")
    page.hover("#n0")
    assert "no gradient yet" in page.locator("#card p").all_inner_texts()
    page.click("#tab-practice")
    page.check("#quiz")
    step_to(page, 2)
    page.hover("#n1")
    assert page.locator("#card p").all_inner_texts() == ["value 9", "gradient: ?"]


def test_a_symbol_of_the_rule_lights_what_it_stands_for(page: Page, tmp_path: Path) -> None:
    x = Value(3.0, label="x")
    y = (x * 2.0).tanh()
    y.label = "y"
    opened(page, y, tmp_path)
    page.keyboard.press("End")
    lit = "all => all.map(one => one.id || one.textContent)"
    symbols = page.locator("#symbols .symbol")
    assert [symbols.nth(k).text_content() for k in range(3)] == ["∂y/∂x", "∂y/∂v2", "∂v2/∂x"]
    symbols.nth(0).focus()
    assert page.eval_on_selector_all(".lit", lit) == ["n0", lines(page, "n0")[2]]
    symbols.nth(1).hover()
    assert page.eval_on_selector_all(".lit", lit) == ["n2", lines(page, "n2")[2]]
    symbols.nth(2).focus()
    assert page.eval_on_selector_all(".edge.lit", lit) == ["e2_0"]
    for _ in range(8):
        press(page, "zoom-in")
    symbols.nth(1).focus()
    page.keyboard.press("Enter")
    assert rect(page, "#n2").inside(rect(page, "#picture"))
