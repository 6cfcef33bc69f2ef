"""Boxes of the stepper's page that open and close, in graphs of any size."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import nn
from autograd_core import Value
from tests.viz.steppers import GRAPHS, lines, network, opened, press, rect, step_to, text, walk
from tests.viz.stories import Story
from viz import Stepper

if TYPE_CHECKING:
    from playwright.sync_api import Page


def open_boxes(page: Page) -> list[str]:
    return page.eval_on_selector_all("#canvas .frame", "all => all.map(one => one.id)")


def closed_boxes(page: Page) -> list[str]:
    return page.eval_on_selector_all("#canvas .node.box", "all => all.map(one => one.id)")


def box_called(page: Page, title: str) -> str:
    """The number of the box with this title in full."""
    label = "one => (one.querySelector('.tab') ?? one).getAttribute('aria-label')"
    for one in page.locator("#canvas .node.box, #canvas .frame").all():
        if re.match(rf"(Close )?{title}(,|$)(?! neuron)", one.evaluate(label)):
            return (one.get_attribute("id") or "")[1:]
    raise AssertionError(f"no box is called {title}")


@pytest.fixture
def closed(page: Page, tmp_path: Path) -> Page:
    """A network of two layers, all boxes closed."""
    page.set_viewport_size({"width": 1280, "height": 720})
    opened(page, network(2, [2, 1]), tmp_path)
    press(page, "close-all")
    return page


def test_a_click_opens_a_box_and_closes_it(closed: Page) -> None:
    assert (len(closed_boxes(closed)), open_boxes(closed)) == (2, [])
    box = box_called(closed, "layer 0")
    closed.click(f"#b{box}")
    assert open_boxes(closed) == [f"f{box}"]
    assert len(closed_boxes(closed)) == 3
    closed.click(f"#f{box} .tab")
    assert (len(closed_boxes(closed)), open_boxes(closed)) == (2, [])


def test_enter_opens_a_box_and_closes_it(closed: Page) -> None:
    box = box_called(closed, "layer 0")
    for key in ("Enter", "Space"):
        closed.locator(f"#b{box}").focus()
        closed.keyboard.press(key)
        assert open_boxes(closed) == [f"f{box}"]
        assert text(closed, "play") == "Play"
        assert closed.evaluate("document.activeElement.closest('.frame')?.id") == f"f{box}"
        closed.keyboard.press(key)
        assert open_boxes(closed) == []
        assert closed.evaluate("document.activeElement.id") == f"b{box}"


def test_all_boxes_open_and_close_at_once(closed: Page) -> None:
    for opening, closing in (("o", "c"), ("#open-all", "#close-all")):
        for what in (opening, closing):
            if what[0] == "#":
                closed.click(what)
            else:
                closed.keyboard.press(what)
            closed.keyboard.press("Home")
            closed.keyboard.press("ArrowRight")  # the keys still work, also after the button has nothing more to do
            assert text(closed, "count").startswith("1 of ")
            if what == opening:
                assert (len(open_boxes(closed)), closed_boxes(closed)) == (5, [])
                assert closed.locator("#open-all").is_disabled()
            else:
                assert (open_boxes(closed), len(closed_boxes(closed))) == ([], 2)
                assert closed.locator("#close-all").is_disabled()


def test_closing_a_box_closes_what_is_in_it(closed: Page) -> None:
    box = box_called(closed, "layer 0")
    press(closed, "open-all")
    closed.locator(f"#f{box} .tab").dispatch_event("click")
    assert f"b{box}" in closed_boxes(closed)
    closed.locator(f"#b{box}").dispatch_event("click")
    assert len([one for one in closed_boxes(closed) if one != f"b{box}"]) == 2


def test_what_a_box_is_named_in_full_is_told_on_hover(closed: Page) -> None:
    closed.hover(f"#b{box_called(closed, 'layer 0')}")
    assert closed.locator("#card p").first.inner_text() == "layers.0"
    press(closed, "open-all")
    hover = closed.eval_on_selector_all("#canvas .frame .tab title", "all => all.map(one => one.textContent)")
    assert [one for one in hover if "layers.1.neurons.0" in one]
    trace = Stepper(network(2, [2, 1])).trace
    (weight,) = [i for i, node in enumerate(trace["nodes"]) if node["name"] == "layers.1.neurons.0.w.1"]
    assert lines(closed, f"n{weight}")[0] == "w.1"
    closed.locator(f"#n{weight}").dispatch_event("pointerover")
    assert closed.locator("#card strong").inner_text() == "layers.1.neurons.0.w.1"


@pytest.mark.slow
def test_the_step_stays_at_the_same_edge(page: Page, tmp_path: Path) -> None:
    output = network(2, [2, 1])
    opened(page, output, tmp_path)
    press(page, "open-all")
    steps = walk(page)
    story = Story(output)
    story.check(steps)
    for at in range(2, len(steps), 3):
        ((i, k, _),) = story.edges(steps[at])
        press(page, "open-all")
        step_to(page, at)
        press(page, "close-all")
        count = int(text(page, "count").split()[0])
        told, inside = walk(page), Story(output)
        inside.check(told)
        handed = [edge[:2] for edge in inside.edges(told[count])]
        assert (i, k) in handed
        step_to(page, count)
        press(page, "open-all")
        ((i, k, _),) = story.edges(steps[int(text(page, "count").split()[0])])
        assert (i, k) == handed[0]


def test_no_step_stays_no_step(closed: Page) -> None:
    press(closed, "open-all")
    assert text(closed, "count").startswith("0 of ")
    closed.keyboard.press("ArrowRight")
    press(closed, "close-all")
    assert text(closed, "count").startswith("1 of ")  # the start at the output, whatever is open


# Where every unit and frame is in the drawing, by id: x, y, width and height.
PLACES = """() => Object.fromEntries([...document.querySelectorAll("#canvas .node, #canvas .frame")].map((one) => {
  const { x, y, width, height } = one.querySelector(".outline, .body").getBBox();
  const { e, f } = one.transform.baseVal.consolidate()?.matrix ?? { e: 0, f: 0 };
  return [one.id, [x + e, y + f, width, height]];
}))"""


def test_opening_a_box_moves_nothing_inside_its_siblings(closed: Page) -> None:
    for box in ("layer 0", "layer 1", "layer 0, neuron 0"):
        closed.locator(f"#b{box_called(closed, box)}").dispatch_event("click")
    frame = f"f{box_called(closed, 'layer 0, neuron 0')}"
    before = closed.evaluate(PLACES)
    closed.locator(f"#b{box_called(closed, 'layer 0, neuron 1')}").dispatch_event("click")
    after = closed.evaluate(PLACES)
    left, top, width, height = before[frame]
    inside = [one for one, (x, y, *_) in before.items() if left < x < left + width and top < y < top + height]
    assert len(inside) > 5
    for one in inside:
        moved = [after[one][n] - after[frame][n] for n in (0, 1)]
        assert moved == pytest.approx([before[one][n] - before[frame][n] for n in (0, 1)], abs=0.01)
    assert after[frame][2:] == before[frame][2:]


def test_the_box_that_opens_stays_where_it_is(closed: Page) -> None:
    box = box_called(closed, "layer 0")
    place = "one => { const { x, y } = one.getBoundingClientRect(); return [x, y]; }"
    before = closed.locator(f"#b{box} .body").evaluate(place)
    closed.click(f"#b{box}")
    assert closed.locator(f"#f{box} .outline").evaluate(place) == pytest.approx(before, abs=1)


def test_no_box_stands_on_another(page: Page, tmp_path: Path) -> None:
    order = opened(page, network(4, [4, 4, 1]), tmp_path)
    press(page, "open-all")
    places = page.evaluate(PLACES)
    nodes = [place for one, place in places.items() if one[0] != "f"]
    frames = [place for one, place in places.items() if one[0] == "f"]
    assert (len(nodes), len(frames)) == (sum(not node.is_constant for node in order), 12)
    for n, (x, y, w, h) in enumerate(nodes):
        for x2, y2, w2, h2 in nodes[:n]:
            assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y
        for left, top, width, height in frames:
            within = left <= x and x + w <= left + width and top <= y and y + h <= top + height
            apart = x + w <= left or left + width <= x or y + h <= top or top + height <= y
            assert within or apart


@pytest.mark.parametrize(("name", "opens"), [("2-2-1", True), ("2-16-16-1", False), ("tesla", True)])
@pytest.mark.slow
def test_what_fits_readably_is_open_at_the_start(name: str, opens: bool, page: Page, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 1280, "height": 720})
    opened(page, GRAPHS[name](), tmp_path)
    assert rect(page, "#canvas").inside(rect(page, "#picture"))
    assert page.locator("#canvas .node .number").first.is_visible()
    assert (len(open_boxes(page)) > 0 or not closed_boxes(page)) == opens


def test_a_graph_without_scopes_is_grouped(page: Page, tmp_path: Path) -> None:
    x = Value(1.0, label="x")
    for _ in range(600):
        x = x * 1.001
    opened(page, x, tmp_path)
    boxes = closed_boxes(page)
    assert 2 <= len(boxes) <= 100
    Story(x).check(walk(page))
    page.locator(f"#{boxes[0]}").dispatch_event("click")
    assert len(open_boxes(page)) == 1
    Story(x).check(walk(page))


@pytest.fixture(scope="module")
def large() -> Value:
    """The loss of a network with almost as many nodes as a page takes."""
    loss = nn.losses.mse_loss(nn.MLP(24, [64, 64, 8, 1], rng=0)([Value(0.1 * i) for i in range(24)]), 1.0)
    return loss


def fastest(page: Page, act: str, times: int) -> float:
    """Milliseconds that statements take until the page is laid out again, the best of several times."""
    return page.evaluate(
        f"""() => Math.min(...Array.from({{ length: {times} }}, () => {{
          const start = performance.now();
          {act}
          document.body.getBoundingClientRect();
          return performance.now() - start;
        }}))"""
    )


@pytest.mark.slow
def test_a_large_network_is_quick(large: Value, page: Page, tmp_path: Path) -> None:
    stepper = Stepper(large)
    assert len(stepper.order) > 18_000
    path = stepper.save(tmp_path / "large.html")
    seconds = []
    for _ in range(2):
        page.goto(path.as_uri())
        seconds.append(page.evaluate("performance.now() / 1000"))
    assert min(seconds) < 2.0
    assert path.stat().st_size < 400_000 + 150 * len(stepper.order)
    press(page, "close-all")
    layer = box_called(page, "layer 1")
    click = "dispatchEvent(new MouseEvent('click'));"
    there_and_back = f"document.querySelector('#b{layer}').{click} document.querySelector('#f{layer} .tab').{click}"
    opening = fastest(page, there_and_back, 5)
    assert opening < 2 * 300
    page.locator(f"#b{layer}").dispatch_event("click")
    assert len(closed_boxes(page)) >= 64
    step_to(page, 3)
    stepping = fastest(page, "next.click();", 30)
    assert text(page, "count").startswith("33 of ")
    assert stepping < 2 * 16
