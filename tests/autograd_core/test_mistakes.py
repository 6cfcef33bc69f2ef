"""Wrong backward passes: where each shows and where it cannot, and engines broken on purpose that are recognised."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from autograd_core import Value, topological_order
from autograd_core.expression import evaluate
from autograd_core.graph import gradients
from autograd_core.mistakes import MISTAKES, NEAR_MISSES, Gradients, diagnose, typed

each_mistake = pytest.mark.parametrize("name", MISTAKES)


def graph(source: str, **at: float) -> tuple[Value, Value]:
    """The output, and the leaf x."""
    output = evaluate(source, at).output
    return output, next(node for node in topological_order(output) if node.label == "x")


# The chain of operations of different slopes and values, so that no two numbers agree by chance.
RICH = "a = x*x; b = tanh(0.3*a) + x; c = a*b; y = exp(0.1*c) - b*x"


def test_the_table_is_that_of_the_design() -> None:
    assert list(MISTAKES) == [
        "overwrite", "no_local", "no_upstream", "first_path", "set_of_inputs", "no_order", "not_zeroed", "sign",
        "data_for_gradient",
    ]  # fmt: skip
    for name, mistake in MISTAKES.items():
        assert mistake.name == name
        assert mistake.sentence.endswith(".")
        assert mistake.source
        assert mistake.__doc__
        assert mistake.__doc__.strip().endswith(".")


@each_mistake
def test_it_shows_on_a_rich_graph_and_is_named(name: str) -> None:
    output, x = graph(RICH, x=1.3)
    wrong = MISTAKES[name](output)[x]
    assert wrong != pytest.approx(gradients(output, [x])[0], rel=1e-3)
    assert diagnose(output, x, repr(wrong))[0].name == name


# One operation of slope 1, through which most passes come out right.
CANNOT_SHOW = {
    "overwrite": ("y = tanh(x) * 2", 0.7),
    "no_local": ("y = x + 3", 0.7),
    "no_upstream": ("y = tanh(x)", 0.7),
    "first_path": ("y = exp(tanh(x))", 0.7),
    "set_of_inputs": ("y = exp(x) * x", 0.7),
    "no_order": ("y = exp(x) * x", 0.7),
    "not_zeroed": ("y = x * 0", 0.7),
    "sign": ("y = exp(exp(x))", 0.7),
    "data_for_gradient": ("y = exp(x)", math.e),
}


@pytest.mark.parametrize(("name", "case"), CANNOT_SHOW.items())
def test_where_it_cannot_show_the_answer_is_right(name: str, case: tuple[str, float]) -> None:
    source, at = case
    output, x = graph(source, x=at)
    right = gradients(output, [x])[0]
    if name == "data_for_gradient":  # its number is x itself, e, where the slope is exp(e)
        assert MISTAKES[name](output)[x] == at
        return
    assert MISTAKES[name](output)[x] == pytest.approx(right)
    assert diagnose(output, x, repr(right)) == []


# Engines written anew, broken, in the manner of micrograd.
def engine(output: Value, hand: Callable[[Value, Gradients], None]) -> Gradients:
    grads: Gradients = dict.fromkeys(topological_order(output), 0.0)
    grads[output] = 1.0
    for node in reversed(topological_order(output)):
        hand(node, grads)
    return grads


def overwriting(node: Value, grads: Gradients) -> None:
    for operand, local in zip(node.inputs, node.partials, strict=True):
        grads[operand] = grads[node] * local


def as_a_set(node: Value, grads: Gradients) -> None:
    seen = set()
    for operand, local in zip(node.inputs, node.partials, strict=True):
        if operand not in seen:
            grads[operand] += grads[node] * local
        seen.add(operand)


def without_upstream(node: Value, grads: Gradients) -> None:
    for operand, local in zip(node.inputs, node.partials, strict=True):
        grads[operand] += local


def without_local(node: Value, grads: Gradients) -> None:
    for operand in node.inputs:
        grads[operand] += grads[node]


def against_the_sign(node: Value, grads: Gradients) -> None:
    for operand, local in zip(node.inputs, node.partials, strict=True):
        grads[operand] -= grads[node] * local


def with_data(node: Value, grads: Gradients) -> None:
    for operand in node.inputs:
        grads[operand] += operand.data


def minus_as_plus(node: Value, grads: Gradients) -> None:
    for operand, local in zip(node.inputs, node.partials, strict=True):
        grads[operand] += grads[node] * (1.0 if node.op and node.op.name == "sub" else local)


@pytest.mark.parametrize(
    ("broken", "name"),
    [
        (overwriting, "overwrite"), (as_a_set, "set_of_inputs"), (without_upstream, "no_upstream"),
        (without_local, "no_local"), (against_the_sign, "sign"), (with_data, "data_for_gradient"),
        (minus_as_plus, "sign"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("source", "at"), [(RICH, 1.3), ("a = x*x - 0.5*x; y = a*a - sin(a)*x", 0.9)])
def test_a_broken_engine_is_named(
    broken: Callable[[Value, Gradients], None], name: str, source: str, at: float
) -> None:
    output, x = graph(source, x=at)
    assert name in [found.name for found in diagnose(output, x, repr(engine(output, broken)[x]))][:1]


def recursive(node: Value, grads: Gradients) -> None:
    """As in the threads: a node hands on, and then each of its inputs does, however often it is met."""
    for operand, local in zip(node.inputs, node.partials, strict=True):
        grads[operand] += grads[node] * local
    for operand in node.inputs:
        recursive(operand, grads)


def test_recursion_without_an_order_is_named() -> None:
    output, x = graph(RICH, x=1.3)
    grads = dict.fromkeys(topological_order(output), 0.0)
    grads[output] = 1.0
    recursive(output, grads)
    assert [found.name for found in diagnose(output, x, grads[x])] == ["no_order"]
    deep, x = graph("; ".join(["a0 = x*x", *(f"a{i + 1} = a{i}*a{i} + x" for i in range(60))]), x=0.1)
    assert diagnose(deep, x, "12345.678") == [], "2 to the 60 visits are not made"


def test_two_passes_without_zeroing_are_named() -> None:
    output, x = graph(RICH, x=1.3)
    order = topological_order(output)
    grads = dict.fromkeys(order, 0.0)
    for _ in range(2):
        grads[output] = 1.0
        for node in reversed(order):
            for operand, local in zip(node.inputs, node.partials, strict=True):
                grads[operand] += grads[node] * local
    assert diagnose(output, x, grads[x])[0].name == "not_zeroed"
    assert diagnose(output, x, 2.0 * gradients(output, [x])[0])[0].name == "not_zeroed"


def test_near_misses() -> None:
    output, x = graph("a = 0.4*x + 0.1; b = tanh(a); y = (b - 2)**2 + 0.3*b", x=1.3)
    right = gradients(output, [x])[0]
    assert diagnose(output, x, -right)[-1].name == "sign_of_result"
    assert [found.name for found in diagnose(output, x, 0.5 * right)] == ["factor_2"]
    without_slopes = (1.0 + 0.3) * 0.4  # of tanh and of the square
    assert [found.name for found in diagnose(output, x, without_slopes)] == ["no_activation"]
    assert [one.name for one in NEAR_MISSES] == ["sign_of_result", "factor_2", "no_activation"]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.38", 0.38), ("0.380", 0.38), ("38e-2", 0.38), ("19/50", 0.38), ("\u22120.38", -0.38), ("\u20130,38", -0.38),
        ("+.38", 0.38), (" 3 ", 3.0), ("1 / 4", 0.25), ("inf", math.inf), ("\u2212\u221e", -math.inf), ("1E3", 1000.0),
    ],
)  # fmt: skip
def test_what_is_typed_is_read_alike(text: str, number: float) -> None:
    assert typed(text)[0] == number


@pytest.mark.parametrize("text", ["", "abc", "1.2.3", "1/2/3", "1,5,0", "--1", "0x10", "1_000", "e5", "1e"])
def test_what_is_no_number_is_refused(text: str) -> None:
    output, x = graph("y = x*x", x=3.0)
    with pytest.raises(ValueError, match="is no number; write it like 0.5"):
        diagnose(output, x, text)


def test_an_answer_agrees_in_the_digits_that_were_typed() -> None:
    output, x = graph("y = 0.3849*x", x=1.0)
    for right in ("0.38", "0.385", "0.3849", "0.38490", "38e-2", "3849/10000", 0.3849):
        assert diagnose(output, x, right) == []
    assert diagnose(output, x, "0.380") == [], "unknown: no mistake gives it"
    output, x = graph("y = 0.3*x", x=0.0)
    assert [one.name for one in diagnose(output, x, "0")] == ["data_for_gradient"], "0 is no rounding of 0.3"


def test_special_numbers() -> None:
    output, x = graph("y = log(x)", x=0.0)
    assert diagnose(output, x, "inf") == []
    assert diagnose(output, x, "-inf")[0].name == "sign"
    output, x = graph("y = x*0 + log(x)*0", x=0.0)
    assert diagnose(output, x, "nan") == []
    assert diagnose(output, x, "1/0") == [], "a fraction over 0 is nan"


def test_a_node_of_another_graph_is_refused() -> None:
    output, _ = graph("y = x*x", x=3.0)
    with pytest.raises(ValueError, match="z is not in the graph of this output"):
        diagnose(output, Value(1.0, label="z"), "3")


def test_inner_nodes_and_the_output_can_be_asked_for() -> None:
    output, _ = graph(RICH, x=1.3)
    assert diagnose(output, output, "1") == []
    b = next(node for node in topological_order(output) if node.label == "b")
    wrong = MISTAKES["overwrite"](output)[b]
    assert diagnose(output, b, wrong)[0].name in ("overwrite", "first_path")
