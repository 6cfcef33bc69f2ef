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
from tests.viz.static.scripts import run
from tests.viz.steppers import GRAPHS
from viz import Stepper

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
NUMBERS = """
  const [trace, operations, leaves] = given;
  const graph = traceModule.read(trace);
  if (operations) engineModule.forwardPass(graph.nodes, eval(operations), new Map(leaves));
  return graph.nodes.map((_, i) => Object.fromEntries(
    [...mistakesModule.wrongGradients(graph, i)].map(([name, numbers]) => [name, numbers().map(String)])));
"""


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
    for name, build in WRONG.items():
        output = build()
        nodes = topological_order(output)
        constants = {i for i, node in enumerate(nodes) if node.is_constant}
        told = run(page, "trace engine mistakes", NUMBERS, [Stepper(output).compact(), None, []])
        varying = [i for i in range(len(nodes)) if i not in constants]
        expected = in_python(output)
        same([told[i] for i in varying], [expected[i] for i in varying])
        assert len(told) > 3, name


def test_for_other_inputs_the_mistakes_follow(page: Page) -> None:
    before, after = Stepper(rich()), rich(-0.4)
    x = next(i for i, node in enumerate(before.order) if node.label == "x")
    told = run(page, "trace engine mistakes", NUMBERS, [before.compact(), before._operations[0], [[x, -0.4]]])
    varying = [i for i, node in enumerate(before.order) if not node.is_constant]
    expected = in_python(after)
    same([told[i] for i in varying], [expected[i] for i in varying])


MINUS = "−"
TYPED = {
    "0.5": 0.5, " 2 ": 2.0, "+3": 3.0, "-3": -3.0, f"{MINUS}3": -3.0, "–3": -3.0, "3.": 3.0, ".5": 0.5, "-.5": -0.5,
    "007": 7.0, "-0": -0.0, "1e-3": 1e-3, "1E3": 1e3, "1e+3": 1e3, f"1e{MINUS}3": 1e-3, "1e400": math.inf,
    "123456789.123456789": 123456789.123456789, "5e-324": 5e-324, "1/2": 0.5, "-1/2": -0.5, "1/-2": -0.5,
    " 1 / 3 ": 1 / 3, "1e3/2": 500.0, "1/0": math.inf, "-1/0": -math.inf, "0/0": math.nan, "1,5": 1.5, "-1,5": -1.5,
    ",5": 0.5, "1,5e3": 1500.0, "0,125": 0.125, f"{MINUS}0,125": -0.125, "1,5000": 1.5, "1234,567": 1234.567,
    "1,5/2,5": 0.6,
    "inf": math.inf, "-inf": -math.inf, "Infinity": math.inf, "∞": math.inf, "-∞": -math.inf, f"{MINUS}∞": -math.inf,
    "+inf": math.inf, "nan": math.nan, "NaN": math.nan,
}  # fmt: skip
REFUSED = [
    "", "  ", "abc", "-", "+", ".", ",", "/", "1/", "/2", "1/2/3", "--1", "+-1", "0x10", "1e", "e3", "1e1.5", "1 000",
    "1_000", "1.2.3", "1,2,3", "1.500,5", "1;2", "½", "٣", "2x", "1/x", "inf/2", "infinite", "__proto__", "<b>1</b>",
    "1,", "1.5,",
]  # fmt: skip


def test_what_people_type_is_read_as_they_mean_it(page: Page) -> None:
    body = "return given.map((text) => answerModule.typed(text));"
    for (text, number), found in zip(TYPED.items(), run(page, "answer", body, [*TYPED]), strict=True):
        assert list(found) == ["number", "tolerance"], f"{text!r} is refused: {found}"
        assert found["number"] == number or (math.isnan(found["number"]) and math.isnan(number)), text
        assert math.copysign(1.0, found["number"]) == math.copysign(1.0, number) or math.isnan(number), text


def test_what_is_no_number_is_refused_with_a_sentence(page: Page) -> None:
    body = "return given.map((text) => answerModule.typed(text));"
    for text, found in zip(REFUSED, run(page, "answer", body, REFUSED), strict=True):
        assert list(found) == ["problem"], f"{text!r} is read as {found}"
        blank = "Type a number, such as 0.5, 1e-3 or 1/2."
        expected = f"“{text.strip()}” is not a number; write it like 0.5, 1e-3, 1/2 or inf." if text.strip() else blank
        assert found["problem"] == expected


def test_a_comma_that_may_be_a_point_or_none_is_asked_about(page: Page) -> None:
    body = "return given.map((text) => answerModule.typed(text).problem);"
    assert run(page, "answer", body, ["1,500", f"{MINUS}12,345", "1,500/2", "1,234,567"]) == [
        "“1,500” may be 1.500 or 1500; write it with a point, or without a comma.",
        "“-12,345” may be -12.345 or -12345; write it with a point, or without a comma.",
        "“1,500” may be 1.500 or 1500; write it with a point, or without a comma.",
        "“1,234,567” is not a number; write it without commas, as 1234567.",
    ]


# What both languages take for numbers; on a comma between thousands, blanks inside and fractions over 0 they differ.
ALIKE = [
    "0.38",
    "0.380",
    "38e-2",
    "19/50",
    f"{MINUS}0.38",
    "–0,38",
    "+.38",
    " 3 ",
    "1 / 4",
    "inf",
    f"{MINUS}∞",
    "1E3",
    "5.",
]


def test_digits_count_as_they_do_in_python(page: Page) -> None:
    read = run(
        page, "answer", "return given.map((text) => Object.values(answerModule.typed(text)).map(String));", ALIKE
    )
    for text, numbers in zip(ALIKE, read, strict=True):
        assert [float(one.replace("Infinity", "inf")) for one in numbers] == pytest.approx(typed_in_python(text)), text


def test_a_diagnosis_is_that_of_python(page: Page) -> None:
    output = rich()
    order = topological_order(output)
    asked = [
        (i, f"{wrong(output)[node]:.{digits}g}")
        for i, node in enumerate(order)
        if not node.is_constant
        for wrong in MISTAKES.values()
        for digits in (2, 6)
    ] + [(0, "12345"), (0, "0")]
    told = run(
        page,
        "trace answer",
        """const [trace, asked] = given;
          const graph = traceModule.read(trace);
          return asked.map(([i, text]) => answerModule.diagnosis(graph, i, answerModule.typed(text)));""",
        [Stepper(output).compact(), asked],
    )
    for (i, text), names in zip(asked, told, strict=True):
        assert names == [one.name for one in diagnose(output, order[i], text)], (order[i], text)
