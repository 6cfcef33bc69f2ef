"""The stepper as a widget: what the kernel answers, and the same in a page that stands for a notebook."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from autograd_core import Value, backward_steps, topological_order
from autograd_core.expression import evaluate
from autograd_core.formula import number_text
from viz import Stepper

pytest.importorskip("anywidget")

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SOURCE = "z = w*x + 0.5; y = relu(z)"


def neuron(w: float) -> Value:
    return evaluate(SOURCE, {"w": w, "x": 3.0}).output


def test_the_kernel_answers_with_the_engines_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    widget = Stepper(neuron(2.0)).widget()
    sent: list[Any] = []
    monkeypatch.setattr(widget, "send", sent.append)
    numbers = [node.data for node in topological_order(neuron(-4.0))]
    widget._handle_custom_msg({"numbers": numbers}, [])
    assert [json.loads(message["trace"]) for message in sent] == [Stepper(neuron(-4.0)).trace]
    for nonsense in ({}, {"numbers": [1.0]}, {"numbers": "much"}, None):
        widget._handle_custom_msg(nonsense, [])
    assert len(sent) == 1


def test_without_anywidget_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "viz.widget", None)
    with pytest.raises(ImportError, match=r"autograd-core\[notebook\]"):
        Stepper(neuron(2.0)).widget()


def test_a_changed_input_goes_to_the_kernel_and_back(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    widget = Stepper(neuron(2.0)).widget()
    script = widget._esm
    host = """<div id="cell"></div><script type="module">
    const handlers = [];
    const model = {
      get: (name) => PAGE, on: (_, handler) => handlers.push(handler), off: () => {},
      send: (content) => window.kernel(JSON.stringify(content)),
    };
    window.answer = (trace) => handlers.forEach((handler) => handler({ trace }));
    """
    page_text = json.dumps(widget.page).replace("<", "\\u003c")
    module = str(script).replace("export default", "const widget =")
    path = tmp_path / "host.html"
    path.write_text(host.replace("PAGE", page_text) + module + "widget.render({ model, el: cell });</script>")
    context = browser.new_context(offline=True)
    page = context.new_page()
    asked: list[Any] = []
    page.expose_function("kernel", lambda text: asked.append(json.loads(text)))
    page.goto(path.as_uri())
    frame = page.frame_locator("iframe")
    frame.locator("#last").click()
    order = topological_order(neuron(2.0))
    place = next(i for i, node in enumerate(order) if node.label == "w")
    frame.locator(f"#leaf-{place}").fill("-4")
    frame.locator("#restore").focus()  # by now the message has arrived
    assert asked[-1]["numbers"][place] == -4.0

    answers: list[Any] = []
    monkeypatch.setattr(widget, "send", answers.append)
    widget._handle_custom_msg(asked[-1], [])
    page.evaluate("trace => window.answer(trace)", answers[-1]["trace"])
    output = neuron(-4.0)
    totals = {step.input: step.after for step in backward_steps(output)}
    for i, node in enumerate(topological_order(output)):
        if not node.is_constant:
            frame.locator(f"#n{i} text >> text='data {number_text(node.data)}'").wait_for()
            frame.locator(f"#n{i} text >> text='grad {number_text(totals[node])}'").wait_for()
    context.close()
