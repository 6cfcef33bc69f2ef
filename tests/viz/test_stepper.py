"""The trace of a stepper and the files that it writes."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

from autograd_core import Value, backward_steps, named_scope, topological_order
from autograd_core.functions import relu
from viz import Stepper


def neuron() -> Value:
    w, x, b = Value(0.5, label="w"), Value(-2.0, label="x"), Value(0.1, label="b")
    with named_scope("neuron"):
        z = w * x + b
    return relu(z) + 2.0 * z


def test_the_trace_is_that_of_the_engine() -> None:
    output = neuron()
    order = topological_order(output)
    index = {node: i for i, node in enumerate(order)}
    trace = Stepper(output).trace
    assert trace["version"] == 1
    for node, told in zip(order, trace["nodes"], strict=True):
        assert told["data"] == node.data
        assert told["label"] == node.label
        assert told["scope"] == node.scope
        assert told["constant"] == node.is_constant
        assert told["inputs"] == [index[operand] for operand in node.inputs]
        assert told["partials"] == list(node.partials)
    assert trace["forward"] == [i for i, node in enumerate(order) if node.inputs]
    steps = list(backward_steps(output))
    assert len(trace["backward"]) == len(steps)
    for step, told in zip(steps, trace["backward"], strict=True):
        assert told["node"] == (None if step.node is None else index[step.node])
        assert told["input"] == index[step.input]
        numbers = ("position", "upstream", "local", "contribution", "before", "after")
        assert [told[key] for key in numbers] == [getattr(step, key) for key in numbers]


def test_rules_and_formulas_are_written_on_names() -> None:
    a, b = Value(2.0, label="a"), Value(3.0, label="b")
    c = a * b
    c.label = "c"
    nodes = Stepper(c.tanh()).trace["nodes"]
    assert (nodes[2]["formula"], nodes[2]["rules"]) == ("a * b", ["b", "a"])
    assert (nodes[3]["name"], nodes[3]["formula"], nodes[3]["rules"]) == ("v3", "tanh(c)", ["1 - v3 * v3"])


def test_nothing_changes_in_the_graph() -> None:
    output = neuron()
    for number, node in enumerate(topological_order(output)):
        node.grad = float(number)
    stepper = Stepper(output)
    stepper.html()
    assert [node.grad for node in topological_order(output)] == [float(i) for i in range(len(stepper.trace["nodes"]))]


def test_numbers_that_json_lacks_are_words() -> None:
    x = Value(0.0)
    trace = Stepper(x.log() * x).trace
    assert trace["nodes"][1]["data"] == "-inf"
    assert trace["nodes"][2]["data"] == "nan"
    assert trace["nodes"][1]["partials"] == ["inf"]
    page = Stepper(x.log()).html()
    found = re.search(r'<script id="trace" type="application/json">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    assert json.loads(found[1])["nodes"][1]["data"] == "-inf"


@pytest.mark.parametrize("label", ["</script><script>alert(1)</script>", "<!--", "]]>", "%%SCRIPT%%", '"&<>'])
def test_a_label_stays_data(label: str) -> None:
    page = Stepper(Value(1.0, label=label) * 2.0).html()
    assert page.count("<script") == page.count("</script>") == 2
    found = re.search(r'<script id="trace" type="application/json">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    assert json.loads(found[1])["nodes"][0]["label"] == label or json.loads(found[1])["nodes"][1]["label"] == label


def test_saving(tmp_path: Path) -> None:
    stepper = Stepper(neuron())
    path = stepper.save(tmp_path / "step.html")
    assert path == tmp_path / "step.html"
    page = path.read_text(encoding="utf-8")
    assert page == stepper.html()
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "").replace(
        "http://www.w3.org/1999/xlink", ""
    )  # names of formats, and nothing to fetch
    with pytest.raises(ValueError, match=r"saved as .html, not as 'step.png'"):
        stepper.save(tmp_path / "step.png")
    assert [file.name for file in tmp_path.iterdir()] == ["step.html"]


def test_in_a_notebook_the_picture_lies_under_the_frame() -> None:
    shown = Stepper(neuron())._repr_mimebundle_()
    assert shown["text/plain"] == "<Stepper of 5 operations forward and 9 steps backward; .save('step.html')>"
    assert shown["text/html"].index("<img alt=") < shown["text/html"].index("<iframe title=")
    assert 'src="data:image/svg+xml;base64,' in shown["text/html"]
    assert 'sandbox="allow-scripts"' in shown["text/html"]


def test_without_graphviz_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    stepper = Stepper(neuron())

    def missing(*_: Any) -> bytes:
        raise RuntimeError("drawing needs Graphviz")

    monkeypatch.setattr("viz.dot.render", missing)
    assert stepper._repr_mimebundle_() == {"text/plain": f"{stepper!r}\ndrawing needs Graphviz"}


def test_what_cannot_be_stepped_through() -> None:
    with pytest.raises(TypeError, match="takes a Value, got list"):
        Stepper([Value(1.0)])  # pyright: ignore[reportArgumentType]
    x = Value(1.0)
    for _ in range(500):
        x = x * 1.001
    with pytest.raises(ValueError, match="the graph has 501 nodes"):
        Stepper(x)


def test_a_single_leaf_is_a_short_story() -> None:
    trace = Stepper(Value(math.pi, label="p")).trace
    assert trace["forward"] == []
    assert [step["after"] for step in trace["backward"]] == [1.0]
