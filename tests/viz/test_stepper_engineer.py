"""Being the engine on the stepper's page: picking nodes and edges, the numbers, and what a wrong order does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from autograd_core import Value, topological_order
from autograd_core.expression import evaluate
from autograd_core.graph import gradients
from autograd_core.mistakes import MISTAKES
from tests.viz.steppers import choose, lines, network, opened, press, text
from tests.viz.stories import shown

if TYPE_CHECKING:
    from playwright.sync_api import Page


def diamond() -> tuple[Value, dict[str, str]]:
    """The output, and the nodes of the picture by name."""
    output = evaluate("a = x*x; b = 3*a; c = a*b; y = c + 2*a", {"x": 1.5}).output
    return output, {node.label or f"v{i}": f"n{i}" for i, node in enumerate(topological_order(output))}


def give(page: Page, number: float | str) -> None:
    page.fill("#guess", str(number))
    page.keyboard.press("Enter")


def focused(page: Page) -> str:
    return page.evaluate("document.activeElement.id")


def by_keyboard(page: Page, option: str) -> None:
    """Choose in the list, which has the focus."""
    assert focused(page) == "choice"
    page.select_option("#choice", label=option)
    page.keyboard.press("Enter")


def test_the_right_order_by_mouse_comes_to_the_right_gradients(page: Page, tmp_path: Path) -> None:
    output, place = diamond()
    order = opened(page, output, tmp_path)
    choose(page, "engineer")
    assert page.locator("#phase-update").is_hidden()
    assert text(page, "words") == "Step 2: which node has its whole gradient, and hands it on?"
    page.click(f"#{place['x']}")
    assert text(page, "verdict") == "x is a leaf: it receives, and hands nothing on."
    page.click(f"#{place['b']}")
    assert text(page, "verdict") == "b has received nothing yet, so it has nothing to hand on."
    page.select_option("#choice", "")
    page.click("#check")
    assert text(page, "verdict") == "Choose a node, here or in the picture."
    page.click(f"#{place['y']}")
    assert text(page, "words") == "Step 2: along which edge does y hand on first?"
    doubled = next(f"n{i}" for i, node in enumerate(order) if not node.label and node.inputs)
    page.locator(f"#e{place['y'][1:]}_1").dispatch_event("click")
    assert text(page, "numbers") == "1 · 1 = ?"
    give(page, "much")
    assert "is not a number" in text(page, "verdict")
    give(page, 1)
    assert text(page, "verdict") == "Right."
    assert lines(page, doubled)[2] == "grad 1"
    assert text(page, "words") == "Step 3: what does c receive from y?", "the only edge that is left"
    give(page, 1)
    for node, edge, number, wrong in (
        ("c", "b", 2.25, 6.75), ("c", None, 6.75, None), ("b", None, 6.75, 3), (doubled, None, 2, None),
    ):  # fmt: skip
        page.click(f"#{place.get(node, node)}")
        if edge:
            page.click(f"#{place[edge]}")
        if wrong:
            give(page, wrong)
            assert text(page, "verdict").endswith("Try again.")
        give(page, number)
        assert text(page, "verdict") == "Right."
    page.click(f"#{place['a']}")
    by_keyboard(page, "to x as argument 1")
    give(page, 1)
    give(page, 2)
    right = gradients(output, [order[int(place["a"][1:])]])[0]
    assert text(page, "verdict") == f"Not quite. It is {shown(right * 1.5)}."
    give(page, right * 1.5)
    assert text(page, "words").endswith("Done: every gradient is right.")
    assert text(page, "score") == "Score: 7 of 8, 2 of them not at the first try"
    for node, gradient in zip(order, gradients(output, order), strict=True):
        if not node.is_constant:
            assert lines(page, f"n{order.index(node)}")[2] == f"grad {shown(gradient)}"
    assert not page.locator("#asked").is_visible()
    page.click("#previous")
    assert "x receives 23.25 from a as argument 1" in text(page, "words")


def test_a_wrong_order_is_taken_and_bites_and_can_be_taken_back(page: Page, tmp_path: Path) -> None:
    output = evaluate("a = x*x; y = a + a*w", {"x": 1.5, "w": 4.0}).output
    order = opened(page, output, tmp_path)
    choose(page, "engineer")
    page.locator("#canvas .node[aria-label^='y']").focus()
    page.keyboard.press("Enter")
    by_keyboard(page, "to a")
    give(page, 1)
    give(page, 1)  # the other edge of y
    by_keyboard(page, "a")
    by_keyboard(page, "to x as argument 1")
    give(page, 1.5)
    give(page, 1.5)
    by_keyboard(page, "v3")
    by_keyboard(page, "to a")
    give(page, 4)
    verdict = text(page, "verdict")
    assert "Here the order bites: a has handed on already, with 1 instead of 5" in verdict
    assert MISTAKES["no_order"].sentence in verdict
    give(page, 2.25)
    x = next(node for node in order if node.label == "x")
    assert f"x has {shown(MISTAKES['no_order'](output)[x])} and should have 15" in text(page, "words")
    press(page, "take-back")
    press(page, "take-back")  # the move that came too late, with all since the one that was too early
    assert lines(page, f"n{order.index(x)}")[2] == "grad –"
    assert text(page, "words").endswith("which node has its whole gradient, and hands it on?")
    by_keyboard(page, "v3")
    by_keyboard(page, "to a")
    press(page, "reveal")
    press(page, "reveal")
    press(page, "reveal")  # that it is the turn of a
    assert "a has its whole gradient." in text(page, "verdict")
    by_keyboard(page, "to x as argument 2")
    give(page, 7.5)
    give(page, 7.5)
    assert text(page, "words").endswith("Done: every gradient is right.")


def test_closed_boxes_hand_on_at_once_and_other_inputs_begin_anew(page: Page, tmp_path: Path) -> None:
    output = network(2, [2, 1])
    order = opened(page, output, tmp_path, open=[])
    choose(page, "engineer")
    assert "engineer=1" in page.url or page.wait_for_url("**engineer=1**") is None
    for _ in range(60):
        if not page.locator("#asked").is_visible():
            break
        press(page, "reveal")
    assert text(page, "words").endswith("Done: every gradient is right.")
    press(page, "open-all")
    for node, gradient in zip(order, gradients(output, order), strict=True):
        if not node.is_constant:
            assert lines(page, f"n{order.index(node)}")[2] == f"grad {shown(gradient)}"
    page.reload()
    assert text(page, "words").startswith("Step 2: which node"), "what was done is not in the address, but the task is"
    assert not page.locator("#trouble").is_visible()
    page.click("#tab-inputs")
    page.locator("#leaves input[type=text]").first.fill("0.25")
    assert text(page, "words").startswith("Step 2: which node")
    page.click("#tab-practice")
    page.uncheck("#engineer")
    assert text(page, "words").startswith("Start of the backward pass")
