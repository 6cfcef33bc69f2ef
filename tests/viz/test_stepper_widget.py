"""The stepper as a widget: what the kernel answers, and the same in a page that stands for a notebook."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import nn
from autograd_core import Value, backward_steps, topological_order
from autograd_core.expression import evaluate
from tests.viz.stories import shown
from viz import Stepper

pytest.importorskip("anywidget")

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from viz.widget import StepperWidget

SOURCE = "z = w*x + 0.5; y = relu(z)"


def neuron(w: float) -> Value:
    return evaluate(SOURCE, {"w": w, "x": 3.0}).output


@pytest.fixture
def widget() -> StepperWidget:
    output = neuron(2.0)
    return Stepper(output, parameters=[leaf for leaf in topological_order(output) if leaf.label == "w"]).widget()


@pytest.fixture
def answers(widget: StepperWidget, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The traces that the kernel sends."""
    sent: list[Any] = []
    monkeypatch.setattr(widget, "send", lambda message: sent.append(json.loads(message["trace"])))
    return sent


def numbers_for(w: float | str) -> list[Any]:
    """What a page sends: a number for each node, of which those of the leaves count."""
    return [w if node.label == "w" else node.data for node in topological_order(neuron(0.0))]


def told(output: Value) -> Any:
    parameters = [leaf for leaf in topological_order(output) if leaf.label == "w"]
    return json.loads(Stepper(output, parameters=parameters).compact())


def test_the_kernel_answers_with_the_engines_trace(widget: StepperWidget, answers: list[Any]) -> None:
    for w in (-4.0, 1.5):
        widget._handle_custom_msg({"numbers": numbers_for(w)}, [])
        assert answers[-1] == told(neuron(w))
    assert [node.data for node in widget.stepper.order if node.label == "w"] == [1.5]


def test_numbers_that_json_lacks_come_as_words(widget: StepperWidget, answers: list[Any]) -> None:
    for word, number in (("inf", math.inf), ("-inf", -math.inf), ("nan", math.nan)):
        widget._handle_custom_msg({"numbers": numbers_for(word)}, [])
        assert answers[-1] == told(neuron(number))
    assert answers[0]["data"].count("inf") == 4


def test_nonsense_is_not_answered(widget: StepperWidget, answers: list[Any]) -> None:
    whole = numbers_for(1.0)
    lists = [whole[1:], [*whole, 1.0], [None] * len(whole), [[1.0]] * len(whole), numbers_for("much")]
    for nonsense in (*({"numbers": numbers} for numbers in (*lists, "much", None)), {}, None, [], 3):
        widget._handle_custom_msg(nonsense, [])
    assert answers == []
    assert [node.data for node in widget.stepper.order] == [node.data for node in topological_order(neuron(2.0))]


def test_an_answer_has_the_same_names_and_boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.MLP(2, [2, 1], "tanh", rng=0)
    stepper = Stepper(nn.losses.mse_loss([model([0.5, 1.0]), model([1.0, -1.0])], [1.0, 0.0]), theme="dark", height=300)
    widget = stepper.widget()
    sent: list[Any] = []
    monkeypatch.setattr(widget, "send", sent.append)
    widget._handle_custom_msg({"numbers": [node.data for node in stepper.order]}, [])
    assert json.loads(sent[0]["trace"]) == json.loads(stepper.compact())
    assert (widget.stepper.theme, widget.stepper.height) == ("dark", 300)
    widget._handle_custom_msg({"numbers": [2.0 * node.data for node in stepper.order]}, [])
    before, after = json.loads(stepper.compact()), json.loads(sent[1]["trace"])
    assert {key for key in before if before[key] != after[key]} == {"data", "partials"}


def test_without_anywidget_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "viz.widget", None)
    with pytest.raises(ImportError, match=r"autograd-core\[notebook\]"):
        Stepper(neuron(2.0)).widget()


HOST = """<body data-jp-theme-light="false"><div id="cell"></div><script type="module">
const handlers = [];
const fields = FIELDS;
const model = {
  get: (name) => fields[name], on: (_, handler) => handlers.push(handler), off: () => handlers.pop(),
  send: (content) => window.kernel(JSON.stringify(content)),
};
window.answer = (trace) => handlers.forEach((handler) => handler({ trace }));
MODULE
window.takeAway = widget.render({ model, el: cell });
</script>"""


def host(widget: StepperWidget, folder: Path) -> str:
    """The address of a page that shows a widget as a notebook would."""
    fields = json.dumps({"page": widget.page, "height": widget.height}).replace("<", "\\u003c")
    module = str(widget._esm).replace("export default", "const widget =")
    path = folder / "host.html"
    path.write_text(HOST.replace("FIELDS", fields).replace("MODULE", module), encoding="utf-8")
    return path.as_uri()


def test_a_changed_input_goes_to_the_kernel_and_back(
    browser: Browser, tmp_path: Path, widget: StepperWidget, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = browser.new_context(offline=True)
    page = context.new_page()
    asked: list[Any] = []

    def kernel(text: str) -> None:
        asked.append(json.loads(text))

    page.expose_function("kernel", kernel)
    page.goto(host(widget, tmp_path))
    frame = page.frame_locator("iframe")
    frame.locator("#last").click()
    frame.locator("#tab-inputs").click()
    order = topological_order(neuron(2.0))
    place = next(i for i, node in enumerate(order) if node.label == "w")
    sent: list[Any] = []
    monkeypatch.setattr(widget, "send", sent.append)
    for typed, number in (("-4", -4.0), ("inf", math.inf), ("1/2", 0.5)):
        frame.locator(f"#leaf-{place}").fill(typed)
        frame.locator("#restore").focus()  # by now the message has arrived
        assert float(asked[-1]["numbers"][place]) == number
        widget._handle_custom_msg(asked[-1], [])
        page.evaluate("trace => window.answer(trace)", sent[-1]["trace"])
        output = neuron(number)
        totals = {step.input: step.after for step in backward_steps(output)}
        for i, node in enumerate(topological_order(output)):
            if not node.is_constant:
                frame.locator(f"#n{i} text >> text='data {shown(node.data)}'").wait_for(timeout=5_000)
                frame.locator(f"#n{i} text >> text='grad {shown(totals[node])}'").wait_for(timeout=5_000)
    frame.locator("#tab-descent").click()
    frame.locator("#descend").click()
    frame.locator("#rate").focus()
    assert asked[-1]["numbers"][place] == 0.5 - 0.1 * 3.0, "the gradient of w is x"
    assert "before the first step" in (frame.locator("#descended").text_content() or ""), "the kernel is still at work"
    widget._handle_custom_msg(asked[-1], [])
    page.evaluate("trace => window.answer(trace)", sent[-1]["trace"])
    frame.locator("#descended >> text='y went from 2 to 1.1 in 1 step.'").wait_for(timeout=5_000)
    assert page.evaluate("document.querySelector('iframe').style.height") != "640px", "the page asked for its height"
    page.evaluate("window.takeAway()")
    frame.locator("#tab-inputs").click()
    count = len(asked)
    frame.locator(f"#leaf-{place}").fill("7")
    frame.locator("#restore").focus()
    assert len(asked) == count, "a widget that was taken away listens no more"
    context.close()


def test_practice_in_a_widget_follows_what_the_kernel_answers(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    sent: list[Any] = []
    page = browser.new_page()
    page.expose_function("kernel", lambda text: asked.append(json.loads(text)))
    widget = Stepper(neuron(2.0), quiz="local", ask=["x"]).widget()
    monkeypatch.setattr(widget, "send", sent.append)
    page.goto(host(widget, tmp_path))
    frame = page.frame_locator("iframe")
    frame.locator("#last").click()
    frame.locator("#tab-inputs").click()
    place = next(i for i, node in enumerate(topological_order(neuron(2.0))) if node.label == "w")
    frame.locator(f"#leaf-{place}").fill("0.25")
    frame.locator("#restore").focus()
    widget._handle_custom_msg(asked[-1], [])
    page.evaluate("trace => window.answer(trace)", sent[-1]["trace"])
    frame.locator("#n2 text >> text='data 0.75'").wait_for(timeout=5_000)
    for answer, said in (("-1/4", "A sign is wrong"), ("0.25", "Right.")):
        frame.locator("#guess").fill(answer)
        frame.locator("#guess").press("Enter")
        assert (frame.locator("#verdict").text_content() or "").startswith(said)
    frame.locator("#tab-practice").click()
    frame.locator("#copy-score").click()
    frame.locator("#copied:text('Cop')").wait_for(timeout=5_000)
    assert "∂v2/∂x: right at try 2 (sign)" in frame.locator("#score-text").input_value()
    for mode, words in (("engineer", "which node has its whole gradient"), ("hunt", "this backward pass has a bug")):
        frame.locator(f"#{mode}").check()
        assert words in (frame.locator("#words").text_content() or "")
    page.close()


def test_a_widget_has_the_theme_of_the_notebook_and_keeps_a_height_that_is_given(
    browser: Browser, tmp_path: Path
) -> None:
    context = browser.new_context(offline=True, color_scheme="light")
    page = context.new_page()
    page.goto(host(Stepper(neuron(2.0), height=444).widget(), tmp_path))
    root = page.frame_locator("iframe").locator(":root")
    page.frame_locator("iframe").locator(":root[data-theme=dark]").wait_for(timeout=5_000)
    page.evaluate("document.body.dataset.jpThemeLight = 'true'")
    page.frame_locator("iframe").locator(":root[data-theme=light]").wait_for(timeout=5_000)
    assert root.evaluate("root => innerHeight") == 444
    context.close()
