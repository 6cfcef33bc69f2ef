"""The stepper's page for those who use a keyboard, a screen reader, large letters or little motion."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.viz.steppers import choose, network, neuron, opened, press, step_to

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SIZES = {"telephone": (400, 700, 1), "200 %": (640, 360, 2)}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.slow
def test_axe_finds_nothing(scheme: Any, size: tuple[int, int, int], browser: Browser, tmp_path: Path) -> None:
    from axe_playwright_python.sync_playwright import Axe

    width, height, scale = size
    viewport: Any = {"width": width, "height": height}
    context = browser.new_context(
        color_scheme=scheme, viewport=viewport, device_scale_factor=scale, bypass_csp=True, offline=True
    )
    page = context.new_page()
    opened(page, network(2, [2, 1]), tmp_path)
    choose(page, "quiz")
    docked = False
    for state, tab in (("open-all", "tab-adds-up"), ("close-all", "tab-inputs"), ("open-all", "tab-practice")):
        press(page, state)
        press(page, tab)
        step_to(page, 3)
        for _ in range(20):
            if docked or page.locator(".dock").count():
                break
            press(page, "next")
            press(page, "reveal")
        docked = docked or page.locator(".dock:visible").count() > 0
        violations = Axe().run(page).response["violations"]
        assert [(state, one["id"], one["nodes"][0]["html"]) for one in violations] == []
        # Nothing but the table scrolls sideways.
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert docked
    for mode in ("engineer", "hunt"):
        press(page, "tab-practice")
        page.check(f"#{mode}")
        press(page, "next")
        press(page, "check")
        violations = Axe().run(page).response["violations"]
        assert [(mode, one["id"], one["nodes"][0]["html"]) for one in violations] == []
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    context.close()


@pytest.mark.slow
def test_the_keyboard_alone_reaches_everything(page: Page, tmp_path: Path) -> None:
    opened(page, network(2, [2, 1]), tmp_path)
    for state in ("close-all", "open-all"):
        press(page, state)
        for tab in ("tab-inputs", "tab-practice"):
            press(page, tab)
            press(page, "natural")
            for _ in range(4):
                press(page, "zoom-in")
            mark = """() => {
              const all = [...document.querySelectorAll("button, input, select, summary, [tabindex='0']")];
              const usable = all.filter((one) => one.checkVisibility() && !one.disabled);
              usable.forEach((one, n) => { one.dataset.turn = n; });
              document.activeElement.blur();
              return usable.length;
            }"""
            count = page.evaluate(mark)
            reached: set[str] = set()
            for _ in range(count + 3):
                page.keyboard.press("Tab")
                turn, outline, seen = page.evaluate(
                    """() => {
                      const one = document.activeElement;
                      const frame = one.closest("#picture")?.getBoundingClientRect();
                      const { left, top, right, bottom } = one.getBoundingClientRect();
                      const within = (box) =>
                        left < box.right && right > box.left && top < box.bottom && bottom > box.top;
                      return [one.dataset.turn ?? "", getComputedStyle(one).outlineStyle, !frame || within(frame)];
                    }"""
                )
                if turn:
                    reached.add(turn)
                    assert outline != "none"
                    assert seen
            assert len(reached) == count
            assert page.evaluate("[picture.scrollLeft, picture.scrollTop]") == [
                0,
                0,
            ]  # the camera moves, and not the frame


def test_nothing_moves_where_motion_is_not_wanted(page: Page, tmp_path: Path) -> None:
    moving = """() => [...document.querySelectorAll("*")].filter((one) => {
      const { transitionDuration, animationName } = getComputedStyle(one);
      return /[1-9]/.test(transitionDuration) || animationName !== "none";
    }).length"""
    for motion in ("no-preference", "reduce"):
        page.emulate_media(reduced_motion=motion)
        opened(page, neuron(), tmp_path)
        press(page, "next")
        assert (page.evaluate(moving) == 0) == (motion == "reduce")
