"""Steps of gradient descent, and nudges, on the stepper's page, beside the same in Python."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from autograd_core import Value, topological_order
from autograd_core.expression import evaluate
from tests.viz.steppers import lines, network, opened, press, step_to, text
from tests.viz.stories import shown
from viz import Stepper

if TYPE_CHECKING:
    from playwright.sync_api import Page

NUMBERS = {"x1": 2.0, "x2": 0.5, "w1": -3.0, "w2": 1.0, "b": 6.88, "target": 1.0}


def neuron(**numbers: float) -> Value:
    return evaluate("o = tanh(x1*w1 + x2*w2 + b); L = (o - target)**2", NUMBERS | numbers).output


def named(output: Value, *names: str) -> list[Value]:
    found = {node.label: node for node in topological_order(output)}
    return [found[name] for name in names]


def descended(steps: int, rate: float) -> list[float]:
    """The loss of the neuron before the first step, and after each."""
    numbers, losses = {"w1": -3.0, "w2": 1.0, "b": 6.88}, []
    for _ in range(steps + 1):
        output = neuron(**numbers)
        output.backward()
        losses.append(output.data)
        numbers = {leaf.label: leaf.data - rate * leaf.grad for leaf in named(output, *numbers)}
    return losses


@pytest.fixture
def descent(page: Page, tmp_path: Path) -> Page:
    output = neuron()
    opened(page, output, tmp_path, parameters=named(output, "w1", "w2", "b"))
    page.click("#tab-descent")
    return page


def test_a_step_runs_both_passes_again(descent: Page) -> None:
    losses = descended(3, 0.1)
    for _ in range(2):
        descent.click("#descend")
    descent.keyboard.press("d")
    assert text(descent, "descended") == f"L went from {shown(losses[0])} to {shown(losses[3])} in 3 steps."
    assert descent.locator("#curve circle").count() == 1
    assert descent.get_attribute("#curve", "aria-label") == f"L after each step: {', '.join(map(shown, losses))}"
    output = len(topological_order(neuron())) - 1
    assert lines(descent, f"n{output}")[1] == f"data {shown(losses[3])}"
    descent.click("#tab-inputs")
    moved = {name: float(descent.input_value(f"#leaf-{i}")) for name, i in places("w1", "w2", "b", "x1").items()}
    assert moved["x1"] == 2.0
    assert neuron(**moved).data == pytest.approx(losses[3], rel=1e-4)


def places(*names: str) -> dict[str, int]:
    order = topological_order(neuron())
    return {name: order.index(leaf) for name, leaf in zip(names, named(order[-1], *names), strict=True)}


def test_back_and_reset_return_to_the_same_numbers(descent: Page) -> None:
    losses = descended(2, 0.1)
    descent.click("#descend")
    descent.click("#descend")
    descent.click("#descend-back")
    assert text(descent, "descended") == f"L went from {shown(losses[0])} to {shown(losses[1])} in 1 step."
    descent.click("#descend")
    descent.click("#descend-reset")
    assert text(descent, "descended") == f"L is {shown(losses[0])} before the first step."
    descent.wait_for_function("() => !/&n[0-9]/.test(location.hash)")  # the inputs are the given ones
    assert descent.locator("#descend-back").is_disabled()


def test_too_large_a_rate_is_told(page: Page, tmp_path: Path) -> None:
    w = Value(1.0, label="w")
    opened(page, w * w, tmp_path, parameters=[w])
    page.click("#tab-descent")
    page.fill("#rate", "1.5")
    page.click("#descend")
    assert text(page, "descended").endswith("in 1 step. It rose with the last step, so η may be too large.")
    page.fill("#rate", "1e300")
    page.click("#descend")
    assert text(page, "descended").endswith("to inf in 2 steps. Too large a step: start again with a smaller η.")
    page.click("#descend-reset")
    assert text(page, "descended") == "v1 is 1 before the first step."


def test_a_rate_is_a_number(descent: Page) -> None:
    descent.fill("#rate", "0.1x")
    assert descent.locator("#descend").is_disabled()
    assert "is not a number" in text(descent, "rate-problem")
    descent.fill("#rate", "1/20")
    descent.click("#descend")
    assert shown(descended(1, 0.05)[1]) in text(descent, "descended")


def test_an_input_by_hand_begins_a_new_curve(descent: Page) -> None:
    descent.click("#descend")
    descent.click("#tab-inputs")
    descent.fill(f"#leaf-{places('x1')['x1']}", "1")
    descent.click("#tab-descent")
    assert text(descent, "descended").endswith("before the first step.")


def test_the_update_shows_each_parameter(descent: Page) -> None:
    output = neuron()
    output.backward()
    descent.click("#phase-update")
    assert text(descent, "count") == "0 of 1"
    descent.keyboard.press("ArrowRight")
    assert text(descent, "words").endswith(
        "each of the 3 parameters takes a step against its gradient, with the learning rate η = 0.1."
    )
    rows = descent.eval_on_selector_all(
        "#handed-rows tr", "rows => rows.map(row => [...row.cells].map(c => c.textContent))"
    )
    leaves = named(output, "b", "w1", "w2")
    assert [(row[0], row[2]) for row in rows] == [(leaf.label, shown(leaf.data - 0.1 * leaf.grad)) for leaf in leaves]


@pytest.mark.slow
def test_the_cycle_plays_forward_backward_and_update(descent: Page) -> None:
    descent.select_option("#speed", "33")
    descent.evaluate("""() => { window.seen = new Set(); const look = () => {
      for (const one of ["forward", "backward", "update"])
        if (document.getElementById(`phase-${one}`).getAttribute("aria-pressed") === "true") window.seen.add(one);
      requestAnimationFrame(look); }; look(); }""")
    descent.click("#cycle")
    descent.wait_for_function("() => document.getElementById('descended').textContent.includes('in 2 steps')")
    assert descent.evaluate("[...window.seen].sort()") == ["backward", "forward", "update"]
    assert text(descent, "cycle") == "Pause the cycle"
    descent.click("#cycle")
    assert text(descent, "cycle") == "Play the cycle"
    assert descent.get_attribute("#play", "aria-pressed") == "false"


def test_parameters_of_a_module_need_no_naming(page: Page, tmp_path: Path) -> None:
    output = network(2, [2, 1])
    opened(page, output, tmp_path)
    page.click("#tab-descent")
    page.click("#descend")
    assert text(page, "descended").startswith(f"loss went from {shown(output.data)} to ")
    page.click("#phase-update")
    page.keyboard.press("End")
    assert page.locator("#handed-rows tr").count() == 9


def test_a_graph_without_parameters_says_how_to_name_them(page: Page, tmp_path: Path) -> None:
    opened(page, neuron(), tmp_path)
    page.click("#tab-descent")
    assert "Stepper(y, parameters=[w, b])" in page.inner_text("#descent")
    assert not page.locator("#phase-update").is_visible()
    page.keyboard.press("u")
    assert page.get_attribute("#phase-backward", "aria-pressed") == "true"


def test_a_nudge_measures_the_slope(page: Page, tmp_path: Path) -> None:
    output = neuron()
    order = opened(page, output, tmp_path)
    output.backward()
    page.click("#tab-inputs")
    for name in ("w1", "x2"):
        (leaf,) = named(output, name)
        page.select_option("#nudged", str(order.index(leaf)))
        page.fill("#nudge-by", "0.01")
        rows = page.eval_on_selector_all(
            "#slope-rows tr", "rows => rows.map(row => [...row.cells].map(cell => Number(cell.textContent)))"
        )
        for (h, slope, gradient, difference), wanted in zip(rows, (1e-2, 1e-3, 1e-4), strict=True):
            measured = (neuron(**{name: leaf.data + wanted}).data - output.data) / wanted
            assert h == pytest.approx(wanted)
            assert slope == pytest.approx(measured, rel=1e-5)
            assert gradient == pytest.approx(leaf.grad, rel=1e-5)
            assert difference == pytest.approx(measured - leaf.grad, rel=1e-2, abs=1e-9)
    page.fill("#nudge-by", "1e-30")
    assert "is too small to change x2 = 0.5" in text(page, "nudge-words")
    page.fill("#nudge-by", "0")
    assert text(page, "nudge-words") == "Choose an h that is a number other than 0."
    page.fill("#nudge-by", "a")
    assert "is not a number" in text(page, "nudge-by-problem")
    assert lines(page, f"n{len(order) - 1}")[1] == f"data {shown(output.data)}", "a nudge leaves the graph as it is"


def test_parameters_are_leaves_of_the_graph() -> None:
    x, w = Value(2.0, label="x"), Value(3.0, label="w")
    y = x * w
    assert [node["parameter"] for node in Stepper(y, parameters=[w, w]).trace["nodes"]] == [False, True, False]
    with pytest.raises(ValueError, match="parameter 0 is computed from others; give leaves of the graph"):
        Stepper(y, parameters=[y])
    with pytest.raises(ValueError, match="parameter 1 'z' is not in this graph"):
        Stepper(y, parameters=[w, Value(1.0, label="z")])
    with pytest.raises(TypeError, match="parameter 0 is a str, not a Value"):
        Stepper(y, parameters="w")  # type: ignore[arg-type]


def test_keys_do_not_act_on_what_is_typed(descent: Page) -> None:
    descent.focus("#rate")
    descent.keyboard.type("dpu")
    assert text(descent, "descended").endswith("before the first step.")
    press(descent, "first")
    step_to(descent, 1)
    assert text(descent, "count").startswith("1 of ")
