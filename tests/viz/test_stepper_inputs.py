"""Changing the inputs on the stepper's page: what the fields take, and what follows from it."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import nn
from autograd_core import Value, primitive, topological_order
from autograd_core.expression import evaluate
from autograd_core.formula import names_of
from autograd_core.functions import relu
from tests.viz.steppers import lines, network, opened, press, text, walk
from tests.viz.stories import Story, shown
from viz import Stepper
from viz.page import script
from viz.widget import recomputed

if TYPE_CHECKING:
    from playwright.sync_api import Page

SOURCE = "z = w1*x1 + w2*x2 + b; y = sigmoid(z); loss = (y - target)**2"
NUMBERS = {"w1": 0.5, "w2": -0.3, "x1": 1.5, "x2": -2.0, "b": 0.1, "target": 1.0}


def neuron(**numbers: float) -> Value:
    return evaluate(SOURCE, NUMBERS | numbers).output


def fields(page: Page, order: list[Value]) -> dict[str, str]:
    """The selector of the text field of each leaf, by name, with the tab open that they stand on."""
    page.click("#tab-inputs")
    return {name: f"#leaf-{i}" for i, name in enumerate(names_of(order).values()) if page.locator(f"#leaf-{i}").count()}


@pytest.fixture
def square(page: Page, tmp_path: Path) -> Page:
    x = Value(3.0, label="x")
    opened(page, x * 1.0, tmp_path)
    page.click("#tab-inputs")
    return page


NUMBERS_TYPED = [
    ("0.5", 0.5), (".5", 0.5), ("5.", 5.0), ("+2", 2.0), ("1e-3", 1e-3), ("1E3", 1e3), ("1/2", 0.5), ("-1 / 4", -0.25),
    ("inf", math.inf), ("-inf", -math.inf), ("nan", math.nan), ("\u22122", -2.0), ("\u20132", -2.0), ("1,5", 1.5),
    ("  7 ", 7.0), ("1/0", math.inf), ("1/\u22122", -0.5), ("\u2212inf", -math.inf),
]  # fmt: skip
REFUSED = ["abc", "-", "", "1,500", "1,500,000", "1.2.3", "1/", "1/2/3", "0x10", "1e", "--1", "2 3", "e5", "1,5,0"]


def test_what_is_a_number_is_taken(square: Page) -> None:
    for typed, number in NUMBERS_TYPED:
        square.fill("#leaf-0", "abc")
        square.fill("#leaf-0", typed)
        assert square.get_attribute("#leaf-0", "aria-invalid") == "false", typed
        assert not square.locator("#leaf-0-problem").is_visible(), typed
        assert lines(square, "n0")[1] == f"data {shown(number)}", typed


def test_what_is_none_is_refused_with_a_sentence(square: Page) -> None:
    problem = square.locator(f"#{square.get_attribute('#leaf-0', 'aria-describedby')}")
    for typed in REFUSED:
        square.fill("#leaf-0", "4")
        assert square.get_attribute("#leaf-0", "aria-invalid") == "false"
        assert not problem.is_visible()
        square.fill("#leaf-0", typed)
        assert square.get_attribute("#leaf-0", "aria-invalid") == "true", typed
        assert problem.is_visible(), typed
        assert re.fullmatch(rf"“{re.escape(typed)}” .+\." if typed else r"Type a number, .+\.", problem.inner_text())
        assert lines(square, "n0")[1] == "data 4"  # the last number holds


def test_a_number_with_a_thousands_comma_is_asked_about(square: Page) -> None:
    square.fill("#leaf-0", "1,500")
    assert "may be 1.500 or 1500" in square.inner_text("#leaf-0-problem")


@pytest.mark.parametrize("numbers", [{"w1": 1.75}, {"x2": 1e-3, "b": -2.0}, {"target": -1.5, "w2": 1 / 3}, {"b": 1e3}])
@pytest.mark.slow
def test_after_a_change_the_page_is_that_of_a_fresh_recording(numbers: Any, page: Page, tmp_path: Path) -> None:
    order = opened(page, neuron(), tmp_path)
    places = fields(page, order)
    for name, number in numbers.items():
        page.fill(places[name], repr(number))
    steps = walk(page)
    story = Story(neuron(**numbers))
    story.check(steps)
    locals_ = page.eval_on_selector_all("#canvas .local", "all => all.map(one => one.textContent)")
    assert sorted(locals_) == sorted(
        shown(local)
        for node in story.order
        for local, operand in zip(node.partials, node.inputs, strict=True)
        if not operand.is_constant
    )


def test_the_engine_of_the_page_is_that_of_python_to_the_last_digits(page: Page) -> None:
    stepper = Stepper(network(2, [3, 1], "sigmoid"))
    order = stepper.order
    leaves = {i: node.data * 1.3 - 0.1 for i, node in enumerate(order) if not node.inputs and not node.is_constant}
    fresh = recomputed(order, [leaves.get(i, node.data) for i, node in enumerate(order)])
    told = page.evaluate(
        f"""([text, leaves]) => {{
          {script("stepper")}
          const {{ nodes, output }} = traceModule.read(text);
          engineModule.forwardPass(nodes, {stepper._operations[0]}, new Map(leaves));
          const {{ gradients }} = engineModule.backwardPass(nodes, output);
          return nodes.map((node, i) => [node.data, gradients[i], ...node.partials]);
        }}""",
        [stepper.compact(), list(leaves.items())],
    )
    fresh.backward()
    for node, (data, gradient, *partials) in zip(topological_order(fresh), told, strict=True):
        if not node.is_constant:
            numbers = [node.data, node.grad, *node.partials]
            assert [data, gradient, *partials] == pytest.approx(numbers, rel=1e-12, abs=1e-300, nan_ok=True)


def test_a_network_follows_a_changed_weight_whatever_is_open(page: Page, tmp_path: Path) -> None:
    output = network(2, [2, 1])
    order = opened(page, output, tmp_path)
    places = fields(page, order)
    page.fill(places["layers.0.neurons.1.w.0"], "0.1")
    page.fill(places["x1"], "-0.25")
    fresh = nn.MLP(2, [2, 1], "tanh", rng=0)
    dict(fresh.named_parameters())["layers.0.neurons.1.w.0"].data = 0.1
    loss = (fresh([Value(-0.25, label="x1"), Value(0.3, label="x2")]) - 1.0) ** 2
    loss.label = "loss"
    for state in ("as opened", "open-all", "close-all"):
        if state != "as opened":
            press(page, state)
        Story(loss).check(walk(page))


def test_restore_brings_the_first_numbers_back(page: Page, tmp_path: Path) -> None:
    order = opened(page, neuron(), tmp_path)
    places = fields(page, order)
    page.keyboard.press("End")
    before = page.locator("#canvas").inner_html(), text(page, "words"), text(page, "numbers")
    values = {name: page.input_value(place) for name, place in places.items()}
    page.fill(places["w1"], "1.75")
    page.fill(places["b"], "nonsense")
    assert text(page, "numbers") != before[2]
    page.click("#restore")
    assert {name: page.input_value(place) for name, place in places.items()} == values
    assert page.locator("[aria-invalid='true'], .problem:visible").count() == 0
    assert (page.locator("#canvas").inner_html(), text(page, "words"), text(page, "numbers")) == before


def test_a_step_stays_where_it_is_when_an_input_changes(page: Page, tmp_path: Path) -> None:
    order = opened(page, neuron(), tmp_path)
    places = fields(page, order)
    for _ in range(4):
        press(page, "next")
    count = text(page, "count")
    page.fill(places["x1"], "2.5")
    assert text(page, "count") == count
    assert text(page, "words").startswith("Step 4 of ")


def test_six_digits_are_shown_and_all_are_kept(page: Page, tmp_path: Path) -> None:
    x, scale = Value(1.0 / 3.0, label="x"), Value(1.0, label="scale")
    order = opened(page, (x - 0.333333) * scale, tmp_path)
    places = fields(page, order)
    assert page.input_value(places["x"]) == "0.333333"
    page.fill(places["scale"], "1e7")
    assert lines(page, f"n{len(order) - 1}")[1] == f"data {shown((1 / 3 - 0.333333) * 1e7)}"


def test_the_fields_are_grouped_in_natural_order_and_folded_past_ten(page: Page, tmp_path: Path) -> None:
    model = nn.Sequential(nn.Layer(12, 1, "tanh", rng=0))
    x = [Value(0.1 * i, label=f"x{i}") for i in range(12)]
    opened(page, model(x) * Value(2.0, label="scale"), tmp_path)
    page.click("#tab-inputs")
    groups = page.locator("#leaves .fields")
    named = "one => [one.ariaLabel, [...one.querySelectorAll('label')].map(label => label.textContent)]"
    told = dict(group.evaluate(named) for group in groups.all())
    assert list(told) == ["Data", "Parameters"]
    assert told["Data"] == ["scale", *(f"x{i}" for i in range(12))]
    weights = [f"0.neurons.0.w.{i}" for i in range(12)]
    assert [name.partition("neurons")[2] for name in told["Parameters"]] == [
        name.partition("neurons")[2] for name in ["0.neurons.0.b", *weights]
    ]
    for group in groups.all():
        assert group.locator("input[type=text]:visible").count() == 10
        assert group.locator("summary").inner_text() == "3 more"
        group.locator("summary").click()
        assert group.locator("input[type=text]:visible").count() == 13


def test_a_slider_changes_the_number_too(square: Page) -> None:
    square.locator("#leaves input[type=range]").evaluate(
        "range => { range.value = '-1.5'; range.dispatchEvent(new Event('input')); }"
    )
    assert square.input_value("#leaf-0") == "-1.5"
    assert lines(square, "n0")[1] == "data -1.5"
    square.fill("#leaf-0", "2.5")
    assert square.locator("#leaves input[type=range]").input_value() == "2.5"


def test_a_rule_with_branches_shows_the_number_once_inputs_change(page: Page, tmp_path: Path) -> None:
    opened(page, relu(Value(2.0, label="x")), tmp_path)
    page.click("#tab-inputs")
    page.keyboard.press("End")
    assert text(page, "rule") == "∂v1/∂x = 1"
    page.fill("#leaf-0", "-2")
    assert text(page, "rule") == "∂v1/∂x = 0"
    assert lines(page, "n1")[1] == "data 0"


def test_an_operation_without_source_leaves_the_inputs_as_they_are(page: Page, tmp_path: Path) -> None:
    @primitive(partials=lambda x, out: math.cos(x))
    def floats_only(x: float) -> float:
        return math.sin(x)

    output = floats_only(Value(0.0, label="x"))
    assert len(topological_order(output)) == 2
    opened(page, output, tmp_path)
    page.keyboard.press("End")
    assert text(page, "numbers") == "1 · 1 = 1"
    assert not page.locator("#tab-inputs").is_visible()
    assert page.locator("#leaves input").count() == 0
