"""The stepper in Python: what it takes, what it says of itself, and the pages that it writes."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from autograd_core import Value, named_scope, no_grad, primitive, topological_order
from autograd_core.functions import relu
from autograd_core.masks import Bernoulli
from viz import Stepper
from viz.stepper import MOST_NODES


def neuron() -> Value:
    w, x, b = Value(0.5, label="w"), Value(-2.0, label="x"), Value(0.1, label="b")
    with named_scope("neuron"):
        z = w * x + b
    return relu(z) + 2.0 * z


def trace_in(page: str) -> Any:
    """The compact trace that a page carries."""
    found = re.search(r'<script id="trace" type="application/json">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_a_page_carries_the_compact_trace() -> None:
    stepper = Stepper(neuron())
    carried = trace_in(stepper.html())
    assert carried == json.loads(stepper.compact())
    assert carried["version"] == stepper.trace["version"] == 2
    assert carried["data"] == [node["data"] for node in stepper.trace["nodes"]]


def test_nothing_changes_in_the_graph() -> None:
    output = neuron()
    for number, node in enumerate(topological_order(output)):
        node.grad = float(number)
    stepper = Stepper(output)
    stepper.html()
    stepper._repr_mimebundle_()
    assert [node.grad for node in topological_order(output)] == [float(i) for i in range(len(stepper.order))]


@pytest.mark.parametrize("label", ["</script><script>alert(1)</script>", "<!--", "]]>", "%%SCRIPT%%", '"&<>'])
def test_a_label_stays_data(label: str) -> None:
    page = Stepper(Value(1.0, label=label) * 2.0).html()
    assert page.count("<script") == page.count("</script>") == 2
    assert list(trace_in(page)["name"].values()) == [label]


def test_saving(tmp_path: Path) -> None:
    stepper = Stepper(neuron())
    path = stepper.save(tmp_path / "step.html")
    assert path == tmp_path / "step.html"
    page = path.read_text(encoding="utf-8")
    assert page == stepper.html()
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", ""), "nothing to fetch"
    with pytest.raises(ValueError, match=r"saved as .html, not as 'step.png'"):
        stepper.save(tmp_path / "step.png")
    assert [file.name for file in tmp_path.iterdir()] == ["step.html"]


def test_in_a_notebook_the_picture_lies_under_the_frame() -> None:
    shown = Stepper(neuron())._repr_mimebundle_()
    assert shown["text/plain"] == "<Stepper of 5 operations forward and 9 steps backward; .save('step.html')>"
    assert shown["text/html"].index("<img alt=") < shown["text/html"].index("<iframe title=")
    assert 'src="data:image/svg+xml;base64,' in shown["text/html"]
    assert 'sandbox="allow-scripts allow-downloads allow-modals"' in shown["text/html"]


def test_without_graphviz_only_the_picture_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: Any) -> bytes:
        raise RuntimeError("drawing needs Graphviz")

    monkeypatch.setattr("viz.dot.render", missing)
    shown = Stepper(neuron())._repr_mimebundle_()
    assert "<img" not in shown["text/html"]
    assert "<iframe" in shown["text/html"]
    assert shown["text/plain"].startswith("<Stepper of 5 operations")


def test_the_static_picture_has_the_gradients_of_this_pass() -> None:
    output = neuron()
    for node in topological_order(output):
        node.grad = 77.0
    source = Stepper(output).diagram.source
    assert "77" not in source
    output.backward()
    assert f"grad {output.inputs[0].inputs[0].grad:g}" in source


def test_the_height_is_that_of_the_frame_and_the_theme_that_of_the_page() -> None:
    given = Stepper(neuron(), height=333, theme="dark")
    assert (given.height, given.theme) == (333, "dark")
    assert 'data-theme="dark"' in given.html()
    frame = given._repr_mimebundle_()["text/html"].partition("<iframe")[2].partition("srcdoc")[0]
    assert "height:333px" in frame
    assert "data-fixed" in frame, "a height that is given is kept"
    plain = Stepper(neuron())
    assert (plain.height, plain.theme) == (None, "auto")
    assert 'data-theme="auto"' in plain.html()
    frame = plain._repr_mimebundle_()["text/html"].partition("<iframe")[2].partition("srcdoc")[0]
    assert "data-fixed" not in frame, "else it is as high as the page asks for"


@pytest.mark.parametrize("height", [199, 0, -300, 300.0, "300", True, math.inf])
def test_a_height_is_a_number_of_pixels(height: Any) -> None:
    with pytest.raises(ValueError, match=r"^height is a whole number of CSS pixels, at least 200, not "):
        Stepper(neuron(), height=height)


@pytest.mark.parametrize("theme", ["Dark", "", None, 1])
def test_a_theme_is_one_of_three(theme: Any) -> None:
    with pytest.raises(ValueError, match=r"^theme is 'auto', 'light' or 'dark', not "):
        Stepper(neuron(), theme=theme)


def test_options_are_named() -> None:
    with pytest.raises(TypeError):
        Stepper(neuron(), 300)  # pyright: ignore[reportCallIssue]


def test_what_cannot_be_stepped_through() -> None:
    with pytest.raises(TypeError, match="takes a Value, got list; for several outputs, take their sum"):
        Stepper([Value(1.0)])  # pyright: ignore[reportArgumentType]
    with no_grad():
        unrecorded = Value(1.0) * 2.0
    with pytest.raises(RuntimeError, match="was computed inside no_grad"):
        Stepper(unrecorded)
    x = Value(1.0)
    for _ in range(MOST_NODES):
        x = x * 1.001
    with pytest.raises(ValueError, match=r"^the graph has 20,001 nodes, and a page takes 20,000; step through"):
        Stepper(x)
    Stepper(x.inputs[0])


def test_a_single_leaf_is_a_short_story() -> None:
    stepper = Stepper(Value(math.pi, label="p"))
    assert stepper.trace["forward"] == []
    assert [step["after"] for step in stepper.trace["backward"]] == [1.0]
    assert repr(stepper) == "<Stepper of 0 operations forward and 1 steps backward; .save('step.html')>"


def test_steps_are_counted_as_the_trace_has_them() -> None:
    model = nn.MLP(2, [3, 1], "relu", rng=0)
    dropped = model([1.0, 2.0]) * Bernoulli(0.5, np.random.default_rng(0))() + 3.0
    stepper = Stepper(dropped)
    forward, backward = (len(stepper.trace[which]) for which in ("forward", "backward"))
    assert (
        repr(stepper) == f"<Stepper of {forward} operations forward and {backward} steps backward; .save('step.html')>"
    )


def test_a_page_can_work_out_other_inputs_unless_an_operation_has_no_source() -> None:
    x = Value(0.5)
    assert "[(x0) => Math.tanh(x0), " in Stepper(x.tanh()).html()

    @primitive(partials=lambda x, out: math.cos(x))
    def opaque(x: float) -> float:
        return math.sin(x)

    stepper = Stepper(opaque(x) * x)
    assert "textContent, null, false, " in stepper.html()
    assert "textContent, null, true, " in stepper.html(live=True), "the kernel still can"
    assert trace_in(stepper.html())["operation"] == [-1, -1, -1]
