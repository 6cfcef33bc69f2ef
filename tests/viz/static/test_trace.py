"""The compact trace as the page reads it: what Python says, and nothing that was tampered with."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

import nn
from autograd_core import Value
from autograd_core.functions import detach, less, maximum, where
from autograd_core.masks import Bernoulli
from tests.viz.static.scripts import run
from tests.viz.steppers import GRAPHS
from viz import Stepper

if TYPE_CHECKING:
    from playwright.sync_api import Page

# Numbers go back as text, for JSON lacks some; a formula is filled in with names as the page does it.
READ = """
  const { nodes, boxes, output } = traceModule.read(given);
  const called = (j) => (nodes[j].constant ? numbersModule.shown(nodes[j].data) : nodes[j].name);
  const named = (node, template) => traceModule.fill(template, { ...node.inputs.map(called), out: node.name });
  return JSON.stringify({ boxes, output, nodes: nodes.map((node) => ({
    ...node, data: String(node.data), partials: node.partials.map(String),
    formula: named(node, node.formula), rules: node.rules.map((rule) => named(node, rule)),
  })) });
"""


def odds_and_ends() -> Value:
    """All kinds of nodes, with labels that are trouble elsewhere."""
    x, y = Value(0.5, label="{0} $& \\1"), Value(-2.0, label="</script>")
    z = detach(x) * where(less(x, y), x, y) + maximum(x, 0.0) + Bernoulli(0.5, np.random.default_rng(0))() / y
    z.label = "__proto__"
    return z * z + Value(0.0, label="-x").log() * math.inf - 2.0


def autoencoder() -> Value:
    encoder, decoder = nn.MLP(2, [1], "tanh", rng=0), nn.MLP(1, [2], rng=1)
    return nn.losses.mse_loss([decoder([encoder([x, 1.0])])[0] for x in (0.5, 1.0)], [0.5, 1.0])


MAKERS = {**GRAPHS, "odds and ends": odds_and_ends, "autoencoder": autoencoder, "leaf": lambda: Value(1.5)}


def number(text: str) -> float | str:
    found = float(text)
    return found if math.isfinite(found) else str(found)


def test_what_is_read_is_what_python_wrote(page: Page) -> None:
    for name, make in MAKERS.items():
        stepper = Stepper(make())
        try:
            assert_read(stepper, json.loads(run(page, "trace numbers", READ, stepper.compact())))
        except AssertionError as error:
            error.add_note(name)
            raise


def assert_read(stepper: Stepper, read: dict[str, Any]) -> None:
    """The nodes and boxes in the browser are those of the trace."""
    trace = stepper.trace
    assert read["output"] == len(trace["nodes"]) - 1
    first = 0
    for i, (found, told) in enumerate(zip(read["nodes"], trace["nodes"], strict=True)):
        for key in ("constant", "parameter", "inputs", "settled"):
            assert found[key] == told[key], key
        assert found["index"] == i
        assert found["symbol"] == told["operation"]
        assert number(found["data"]) == told["data"]
        assert [*map(number, found["partials"])] == told["partials"]
        assert found["box"] == (-1 if told["box"] is None else told["box"])
        assert found["operation"] == stepper._operations[1][i]
        assert found["firstEdge"] == first
        assert found["flat"] == [type(local).__name__ == "Flat" for local in stepper.order[i].partials]
        first += len(told["inputs"])
        if not told["constant"]:
            assert [found[key] for key in ("name", "short")] == [told["name"], told["short"]]
            assert found["formula"] == told["formula"]
            assert found["rules"] == told["rules"]
    for i, (found, told) in enumerate(zip(read["boxes"], trace["boxes"], strict=True)):
        assert found == {**told, "index": i, "parent": -1 if told["parent"] is None else told["parent"]}


def test_a_template_is_filled_as_python_formats_it(page: Page) -> None:
    names = ["{1}", "$&", "}}", "{out}"]
    templates = ["{0}", "{0} * {1}", "{{{2}}}", "{{0}} {{", "}}{3}{{", "{{{{{0}}}}}", "-{0} ({out})", "100 % {1}", ""]
    body = "return given.templates.map((one) => traceModule.fill(one, { ...given.names, out: 'o{0}' }));"
    found = run(page, "trace", body, {"templates": templates, "names": names})
    assert found == [template.format(*names, out="o{0}") for template in templates]


def changed(*path: Any, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(trace: Any) -> None:
        for key in path[:-1]:
            trace = trace[key]
        trace[path[-1]] = to

    return change


def without(*path: Any) -> Callable[[dict[str, Any]], None]:
    def change(trace: Any) -> None:
        for key in path[:-1]:
            trace = trace[key]
        del trace[path[-1]]

    return change


COLUMNS = ["form", "operation", "box", "data", "inputs", "partials", "forms", "name", "constant", "parameter", "boxes"]
TAMPERED = {
    "version": (changed("version", to=1), "this page reads traces of version 2"),
    "no version": (without("version"), "this page reads traces of version 2"),
    "no nodes": (changed("data", to=[]), "the trace lacks its nodes"),
    "nodes no list": (changed("data", to={"length": 3}), "the trace lacks its nodes"),
    **{f"no {key}": (without(key), "") for key in COLUMNS},
    **{f"short {key}": (without(key, -1), "") for key in COLUMNS[:6]},
    "form unknown": (changed("form", -1, to=99), "node 28 of the trace is not as it should be"),
    "form no number": (changed("form", -1, to="0"), "its column form is not as it should be"),
    "operation no number": (changed("operation", -1, to=0.5), "its column operation is not as it should be"),
    "form no list": (changed("forms", 0, to="mul"), "form 0 of the trace is not as it should be"),
    "symbol no text": (changed("forms", 0, 0, to=1), "form 0 of the trace is not as it should be"),
    "formula no text": (changed("forms", 0, 1, to=None), "form 0 of the trace is not as it should be"),
    "rules no list": (changed("forms", 0, 2, to="ab"), "form 0 of the trace is not as it should be"),
    "rule no text": (changed("forms", 0, 2, 0, to=1), "form 0 of the trace is not as it should be"),
    "settled no truth": (changed("forms", 0, 3, to=1), "form 0 of the trace is not as it should be"),
    "more rules": (changed("forms", 0, 2, to=["", "", ""]), ""),
    "input from later": (changed("inputs", 0, to=99), ""),
    "input below 0": (changed("inputs", 0, to=-1), ""),
    "input no number": (changed("inputs", 0, to="0"), ""),
    "data text": (changed("data", 0, to="<b>"), "node 0 of the trace is not as it should be"),
    "data nothing": (changed("data", 0, to=None), "node 0 of the trace is not as it should be"),
    "partial text": (changed("partials", 0, to="1"), ""),
    "name no text": (changed("name", "0", to={}), "node 0 of the trace is not as it should be"),
    "names nothing": (changed("name", to=None), "the trace lacks a part"),
    "box unknown": (changed("box", 0, to=9), "node 0 of the trace is not as it should be"),
    "box below -1": (changed("box", 0, to=-2), "node 0 of the trace is not as it should be"),
    "box nothing": (changed("boxes", 0, to=None), "box 0 of the trace is not as it should be"),
    "box in itself": (changed("boxes", 0, "parent", to=0), "box 0 of the trace is not as it should be"),
    "box in a later one": (changed("boxes", 0, "parent", to=1), "box 0 of the trace is not as it should be"),
    "title no text": (changed("boxes", 0, "title", to=3), "box 0 of the trace is not as it should be"),
    "call no number": (changed("boxes", 0, "call", to="1"), "box 0 of the trace is not as it should be"),
    "output constant": (changed("constant", to=[28]), "the output of the trace is a plain number"),
}  # fmt: skip


def test_a_tampered_trace_is_refused(page: Page) -> None:
    texts = []
    for change, _ in TAMPERED.values():
        trace = json.loads(Stepper(GRAPHS["2-2-1"]()).compact())
        change(trace)
        texts.append(json.dumps(trace))
    body = """return given.map((text) => {
      try { traceModule.read(text); return null; } catch (error) { return [error.name, error.message]; }
    });"""
    for (name, (_, message)), refused in zip(TAMPERED.items(), run(page, "trace", body, texts), strict=True):
        assert refused is not None, f"{name}: it is read"
        assert refused[0] == "Error", f"{name}: it is refused by chance, {refused[1]}"
        assert message in refused[1], name


def test_what_is_no_trace_is_refused(page: Page) -> None:
    body = """return given.filter((text) => {
      try { traceModule.read(text); return true; } catch (error) { return false; }
    });"""
    assert run(page, "trace", body, ["", "[]", "null", "3", '"x"', "{", "{}"]) == []
