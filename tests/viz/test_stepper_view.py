"""What a reader of the stepper's page sees at each step, in three sizes of window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.viz.steppers import GRAPHS, Rect, network, opened, press, rect, text, titles
from viz import Stepper

if TYPE_CHECKING:
    from playwright.sync_api import Page, ViewportSize

SIZES: list[ViewportSize] = [
    {"width": 1280, "height": 720}, {"width": 800, "height": 600}, {"width": 400, "height": 700}
]  # fmt: skip
EVERY = 20
"""Which steps of a large graph with all boxes open are looked at."""

# Goes through a pass and lists what is wrong: [step, what, of which unit].
WATCH = """([phase, stride, titles]) => {
  const el = (id) => document.getElementById(id);
  const wrong = [];
  const rect = (one) => one.getBoundingClientRect();
  const inside = (a, b) => Math.min(a.left - b.left, a.top - b.top, b.right - a.right, b.bottom - a.bottom) >= -1;
  const meet = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
  const visible = (one) => one.checkVisibility();
  el(`phase-${phase}`).click();
  const last = Number(el("slider").max);
  const page = { left: 0, top: 0, right: innerWidth, bottom: innerHeight };
  let zoom = "";
  const frame = rect(el("picture"));
  for (let at = stride; at <= last; at += stride) {
    if (stride === 1) el("next").click();
    else { el("slider").value = at; el("slider").dispatchEvent(new Event("input")); }
    const docks = [...document.querySelectorAll(".dock")].filter(visible);
    const overlays = [...document.querySelectorAll("#legend, #zooms, #map")].filter(visible).concat(docks);
    docks.forEach((dock) => {
      const [mine, others] = [rect(dock), overlays.filter((overlay) => overlay !== dock).map(rect)];
      if (!inside(mine, frame) || others.some((other) => meet(mine, other))) wrong.push([at, "dock", dock.textContent]);
    });
    const docked = new Set(docks.map((dock) => dock.querySelector("strong")?.textContent));
    let spare = docks.reduce((sum, dock) => sum + Number(/^and (\\d+) more/.exec(dock.textContent)?.[1] ?? 0), 0);
    const about = document.querySelectorAll("#canvas .node.active, #canvas .node.source");
    if (!document.querySelector("#canvas .node.active")) wrong.push([at, "no active node"]);
    let away = 0;
    for (const unit of about) {
      const body = rect(unit.querySelector(".body"));
      if (inside(body, frame) && !overlays.some((overlay) => meet(rect(overlay), body))) {
        if (!visible(unit.querySelector(".name"))) wrong.push([at, "nameless", unit.id]);
      } else {
        away += 1;
        if (!docked.has(titles[unit.id]) && --spare < 0) wrong.push([at, "out of view", unit.id]);
      }
    }
    /* A copy is for what does not fit, and never for all of it. */
    const bodies = [...about].map((unit) => rect(unit.querySelector(".body")));
    const span = (from, to) => Math.max(...bodies.map((one) => one[to])) - Math.min(...bodies.map((one) => one[from]));
    const scale = Math.min(1, 0.75 / new DOMMatrix(el("world").style.transform).a);
    const fits = span("left", "right") * scale < frame.width - 60 && span("top", "bottom") * scale < frame.height - 96;
    if (away && (fits || away === about.length)) wrong.push([at, "far from view", away, about.length]);
    /* Letters change their size with the scale only. */
    const changed = el("zoom").textContent !== zoom;
    const written = changed ? document.querySelectorAll("#canvas text, #stage :not(svg *)") : [];
    for (const text of written) {
      const own = [...text.childNodes].some((child) => child.nodeType === Node.TEXT_NODE && child.data.trim());
      if (!(own || text.matches("text")) || !text.textContent || !visible(text)) continue;
      const size = parseFloat(getComputedStyle(text).fontSize) * (text.getScreenCTM?.().a ?? 1);
      if (size < 8.99) wrong.push([at, "small", text.textContent]);
    }
    zoom = el("zoom").textContent;
    if (innerWidth >= 1280 && el("handed").hidden) {
      const panel = rect(el("panel"));
      for (const line of ["words", "symbols", "rule", "numbers", "sum"].map(el).filter(visible)) {
        if (!inside(rect(line), panel) || !inside(rect(line), page)) wrong.push([at, "below", line.id]);
      }
    }
  }
  if (!inside(frame, page)) wrong.push([0, "frame"]);
  return [last, wrong];
}"""


@pytest.mark.slow
@pytest.mark.parametrize("name", GRAPHS)
def test_what_a_step_is_about_is_in_view(name: str, page: Page, tmp_path: Path) -> None:
    output = GRAPHS[name]()
    trace = Stepper(output).trace
    for size in SIZES:
        page.set_viewport_size(size)
        opened(page, output, tmp_path)
        for state in ["as opened", "close-all", "open-all"] if trace["boxes"] else ["as opened"]:
            if state == "close-all" and page.locator("#close-all").is_disabled():
                continue
            if state != "as opened":
                press(page, state)
            for phase in ("forward", "backward"):
                stride = EVERY if state == "open-all" and name == "2-16-16-1" else 1
                steps, wrong = page.evaluate(WATCH, [phase, stride, titles(trace)])
                assert steps > 1
                assert (size, state, phase, wrong[:5]) == (size, state, phase, [])


def camera(page: Page) -> tuple[float, float, float]:
    """Where the left upper corner of the drawing is in its frame, and the scale of the drawing."""
    return tuple(page.evaluate("() => { const { e, f, a } = new DOMMatrix(world.style.transform); return [e, f, a]; }"))


def near(expected: Any) -> Any:
    """Equal as far as CSS keeps the digits of a transform."""
    return pytest.approx(expected, rel=2e-5, abs=1e-3)


def point_at(look: tuple[float, float, float], at: tuple[float, float], home: Rect) -> tuple[float, float]:
    """Which point of the drawing stands at a point of the window."""
    x, y, scale = look
    return (at[0] - home.left - x) / scale, (at[1] - home.top - y) / scale


@pytest.fixture
def wide(page: Page, tmp_path: Path) -> Page:
    """A network with all boxes open, much larger than its frame."""
    page.set_viewport_size(SIZES[0])
    opened(page, network(4, [4, 4, 1]), tmp_path)
    page.click("#open-all")
    return page


def test_buttons_and_keys_move_the_camera(wide: Page) -> None:
    x, y, fitted = camera(wide)
    for closer, farther in (("#zoom-in", "#zoom-out"), ("+", "-")):
        press = wide.click if closer[0] == "#" else wide.keyboard.press
        press(closer)
        assert camera(wide)[2] == near(1.25 * fitted)
        assert text(wide, "zoom") == f"{1.25 * fitted:.0%}".replace("%", " %")
        press(farther)
        assert camera(wide) == near((x, y, fitted))
    for natural, fit in (("#natural", "#fit"), ("1", "0")):
        press = wide.click if natural[0] == "#" else wide.keyboard.press
        press(natural)
        assert camera(wide)[2] == 1.0
        press(fit)
        assert camera(wide) == near((x, y, fitted))
    wide.keyboard.press("Shift+ArrowRight")
    assert camera(wide) == near((x - 60, y, fitted))
    wide.keyboard.press("Shift+ArrowUp")
    assert camera(wide) == near((x - 60, y + 60, fitted))


def test_the_whole_drawing_fits_the_frame(wide: Page) -> None:
    wide.click("#fit")
    assert rect(wide, "#canvas").inside(rect(wide, "#picture"))


def test_the_wheel_zooms_at_the_pointer(wide: Page) -> None:
    home = rect(wide, "#picture")
    at = (home.left + 100, home.top + 80)
    before = camera(wide)
    wide.mouse.move(*at)
    wide.mouse.wheel(0, -300)
    wide.wait_for_function("k => new DOMMatrix(world.style.transform).a > k", arg=before[2])
    after = camera(wide)
    assert after[2] == near(before[2] * 1.0015**300)
    assert point_at(after, at, home) == pytest.approx(point_at(before, at, home), abs=1)


def test_a_drag_moves_the_drawing_and_clicks_nothing(wide: Page) -> None:
    node = rect(wide, "#canvas .node .body")
    x, y, scale = camera(wide)
    wide.mouse.move(node.left + 5, node.top + 5)
    wide.mouse.down()
    wide.mouse.move(node.left + 95, node.top + 65, steps=3)
    wide.mouse.up()
    assert camera(wide) == near((x + 90, y + 60, scale))
    assert text(wide, "count").startswith("0 of ")
    wide.mouse.move(0, 0)
    assert camera(wide) == near((x + 90, y + 60, scale))


def test_two_fingers_zoom_between_them(wide: Page) -> None:
    home = rect(wide, "#picture")
    before = camera(wide)
    middle = (home.left + 300, home.top + 200)
    wide.evaluate(
        """([x, y]) => {
            const tell = (type, pointerId, clientX) => picture.dispatchEvent(
              new PointerEvent(type, { pointerId, clientX, clientY: y, bubbles: true, pointerType: "touch" }));
            tell("pointerdown", 1, x - 50);
            tell("pointerdown", 2, x + 50);
            for (let step = 10; step <= 50; step += 10) {
              tell("pointermove", 1, x - 50 - step);
              tell("pointermove", 2, x + 50 + step);
            }
            tell("pointerup", 1, x - 100);
            tell("pointerup", 2, x + 100);
            tell("pointermove", 2, x);
        }""",
        middle,
    )
    after = camera(wide)
    assert after[2] == near(2 * before[2])
    assert point_at(after, middle, home) == pytest.approx(point_at(before, middle, home), abs=20)


def test_a_map_appears_when_the_drawing_is_larger_than_three_frames(wide: Page) -> None:
    over_three = """() => {
        const { width, height } = canvas.getBoundingClientRect();
        return width * height / (picture.clientWidth * (picture.clientHeight - 36));
    }"""
    hidden = []
    for _ in range(14):
        share = wide.evaluate(over_three)
        hidden.append(share <= 3)
        assert wide.locator("#map").is_visible() == (share > 3)
        wide.keyboard.press("+")
    assert hidden[0]
    assert not hidden[-1]


def test_a_click_on_the_map_goes_there(wide: Page) -> None:
    wide.keyboard.press("1")
    home, drawing, place = (rect(wide, selector) for selector in ("#picture", "#canvas", "#map"))
    width, height = drawing.right - drawing.left, drawing.bottom - drawing.top
    scale = min((place.right - place.left) / width, (place.bottom - place.top) / height)
    for share in (0.25, 0.6):
        at = share * width, share * height
        wide.locator("#map").click(position={"x": at[0] * scale, "y": at[1] * scale})
        middle = (home.left + home.right) / 2, (home.top + home.bottom - 36) / 2
        # A pixel of the map is many in the drawing.
        assert point_at(camera(wide), middle, home) == pytest.approx(at, abs=2 / scale)


def test_the_panel_stands_beside_the_picture_or_under_it(page: Page, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 900, "height": 700})
    opened(page, network(2, [2, 1]), tmp_path)
    panel, picture = rect(page, "#panel"), rect(page, "#picture")
    assert panel.left >= picture.right
    assert panel.top == picture.top
    page.set_viewport_size({"width": 899, "height": 700})
    panel, picture = rect(page, "#panel"), rect(page, "#picture")
    assert panel.top >= picture.bottom
    assert panel.left == picture.left


@pytest.mark.parametrize(("width", "height"), [(800, 600), (400, 700), (640, 360)])
@pytest.mark.slow
def test_the_picture_stays_while_the_panel_scrolls(width: int, height: int, page: Page, tmp_path: Path) -> None:
    page.set_viewport_size({"width": width, "height": height})
    opened(page, network(2, [2, 1]), tmp_path)
    page.click("#tab-inputs")
    page.locator("#restore").scroll_into_view_if_needed()
    window = Rect(0, 0, width, height)
    assert rect(page, "#picture").inside(window)
    assert rect(page, "#restore").inside(window)
    assert rect(page, "#restore").top >= rect(page, "#picture").bottom
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_arguments_stand_in_their_order_where_no_more_edges_cross(page: Page, tmp_path: Path) -> None:
    nodes = opened(page, GRAPHS["neuron"](), tmp_path)
    heights = {node.label: rect(page, f"#n{i}").top for i, node in enumerate(nodes) if not node.is_constant}
    assert heights["x1"] < heights["w1"] < heights["x2"] < heights["w2"]
    assert heights["o"] < heights["target"]
