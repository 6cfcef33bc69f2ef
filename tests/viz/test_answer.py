"""Answers on the page: numbers as people type them, and the mistakes that give them, as Python finds them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from autograd_core import Value, topological_order
from autograd_core.expression import evaluate
from autograd_core.functions import detach, relu
from autograd_core.mistakes import MISTAKES, NEAR_MISSES, diagnose
from autograd_core.mistakes import typed as typed_in_python
from tests.viz.steppers import GRAPHS
from viz import Stepper
from viz.page import script

if TYPE_CHECKING:
    from playwright.sync_api import Page

RICH = "a = x*x; b = tanh(0.3*a) + x; c = a*b; y = exp(0.1*c) - b*x"


def rich(x: float = 1.3) -> Value:
    return evaluate(RICH, {"x": x}).output


def detached() -> Value:
    x = Value(-0.5, label="x")
    return relu(x) * detach(x) + (-x) ** 2 / x - 3.0


WRONG = {
    "rich": rich, "detached": detached, "infinite": lambda: evaluate("y = log(x)*x + x", {"x": 0.0}).output,
    **{name: GRAPHS[name] for name in ("tesla", "neuron", "2-2-1", "micrograd", "softmax")},
}  # fmt: skip

# The numbers of each mistake for every node, as text, since JSON lacks some.
NUMBERS = """([trace, operations, leaves]) => {
  const graph = traceModule.read(trace);
  if (operations) engineModule.forwardPass(graph.nodes, eval(operations), new Map(leaves));
  return graph.nodes.map((_, i) => Object.fromEntries(
    [...mistakesModule.wrongGradients(graph, i)].map(([name, numbers]) => [name, [...numbers()].map(String)])));
}"""


def in_python(output: Value) -> list[dict[str, list[float]]]:
    tried = {one.name: list(one.variants(output)) for one in [*MISTAKES.values(), *NEAR_MISSES]}
    return [
        {name: [found[node] for found in all_] for name, all_ in tried.items()} for node in topological_order(output)
    ]


def same(told: list[dict[str, list[str]]], expected: list[dict[str, list[float]]]) -> None:
    assert len(told) == len(expected)
    for on_page, in_engine in zip(told, expected, strict=True):
        assert list(on_page) == list(in_engine), "in the order of likelihood"
        for name, numbers in in_engine.items():
            got = [float(number.replace("Infinity", "inf")) for number in on_page[name]]
            # Signs of one edge each come in any order; of these only the numbers count.
            key = math.isnan, abs, float
            for one, other in zip(
                *(sorted(all_, key=lambda x: [k(x) for k in key]) for all_ in (got, numbers)), strict=True
            ):
                assert one == pytest.approx(other, rel=1e-12, abs=1e-300, nan_ok=True), name


def test_the_page_knows_the_same_mistakes_by_the_same_numbers(page: Page) -> None:
    page.evaluate(f"{script('stepper')}; Object.assign(window, {{ traceModule, engineModule, mistakesModule }});")
    for name, build in WRONG.items():
        output = build()
        nodes = topological_order(output)
        constants = {i for i, node in enumerate(nodes) if node.is_constant}
        told = page.evaluate(NUMBERS, [Stepper(output).compact(), None, []])
        varying = [i for i in range(len(nodes)) if i not in constants]
        expected = in_python(output)
        same([told[i] for i in varying], [expected[i] for i in varying])
        assert len(told) > 3, name


def test_for_other_inputs_the_mistakes_follow(page: Page) -> None:
    page.evaluate(f"{script('stepper')}; Object.assign(window, {{ traceModule, engineModule, mistakesModule }});")
    before, after = Stepper(rich()), rich(-0.4)
    x = next(i for i, node in enumerate(before.order) if node.label == "x")
    told = page.evaluate(NUMBERS, [before.compact(), before._operations[0], [[x, -0.4]]])
    varying = [i for i, node in enumerate(before.order) if not node.is_constant]
    expected = in_python(after)
    same([told[i] for i in varying], [expected[i] for i in varying])


TYPED = [
    "0.38", "0.380", "38e-2", "19/50", "\u22120.38", "\u20130,38", "+.38", " 3 ", "1 / 4", "inf", "\u2212\u221e", "1E3",
    "5.",
]  # fmt: skip


def test_what_is_typed_is_read_as_python_reads_it(page: Page) -> None:
    page.evaluate(f"{script('answer')}; window.answerModule = answerModule;")
    read = page.evaluate("texts => texts.map((text) => Object.values(answerModule.typed(text)).map(String))", TYPED)
    for text, numbers in zip(TYPED, read, strict=True):
        assert [float(one.replace("Infinity", "inf")) for one in numbers] == pytest.approx(typed_in_python(text)), text
    absurd = ["", "abc", "1.2.3", "1/2/3", "1,5,0", "--1", "0x10", "1_000", "e5", "1e", "<b>1</b>", "9" * 400 + "x"]
    for text in absurd:
        assert page.evaluate("text => answerModule.typed(text).problem", text).endswith(".")


def test_a_diagnosis_is_that_of_python(page: Page) -> None:
    output = rich()
    page.evaluate(f"{script('stepper')}; Object.assign(window, {{ traceModule, answerModule }});")
    order = topological_order(output)
    asked = [
        (i, f"{wrong(output)[node]:.{digits}g}")
        for i, node in enumerate(order)
        if not node.is_constant
        for wrong in MISTAKES.values()
        for digits in (2, 6)
    ] + [(0, "12345"), (0, "0")]
    told = page.evaluate(
        """([trace, asked]) => {
          const graph = traceModule.read(trace);
          return asked.map(([i, text]) => answerModule.diagnosis(graph, i, answerModule.typed(text)));
        }""",
        [Stepper(output).compact(), asked],
    )
    for (i, text), names in zip(asked, told, strict=True):
        assert names == [one.name for one in diagnose(output, order[i], text)], (order[i], text)
