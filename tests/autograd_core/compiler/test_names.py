"""Labels name the variables of compiled source, and change nothing else, whatever they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_core import Value, compile, named_scope
from autograd_core.compiler.javascript import operations
from autograd_core.compiler.names import Names
from autograd_core.compiler.program import Backend
from autograd_core.functions import exp, leaky_relu, less, maximum, softmax, tanh, where
from autograd_core.graph import topological_order
from autograd_core.masks import Bernoulli
from tests.autograd_core.compiler.agreement import assert_same, each_backend, nodes

FRAGMENTS = [
    "_", "0", "1", "2", "_0_", "_1_", "_2_", "_out_", "{0}", "{out}", "{", "%s", "out", "x", "v", "p", "d_", "d_v3",
    "z1", "W1", "at1", "c1", "part", "largest", "rng", "mask", "np", "math", "value", "gradient", "parameters", "batch",
    "exp", "maximum", "less", "inf", "nan", "if", "lambda", "None", "e", "é", "变", "ﬁ", "λ", "٣", ".", "[0]", "v[1]",
    " ", "-", "1.0", "\n", '"""', "\\",
]  # fmt: skip

labels = st.lists(st.sampled_from(FRAGMENTS), max_size=4).map("".join)
several = st.lists(labels, min_size=1, max_size=40)

POINT = [0.3, 0.8, -0.4, 1.3]
SAMPLE = ([0.7, 0.9], 0.5)


def graph(names: list[str]) -> tuple[Value, list[Any], list[Value]]:
    """An output with its inputs and parameters, whose nodes have the names in turn as their labels."""
    p, (x, y) = nodes(POINT), [nodes(numbers) for numbers in SAMPLE]
    keep = Bernoulli(1.0, np.random.default_rng(0))
    with named_scope(names[0].replace(".", "") or "scope"):
        larger = maximum(p[0], x[0] * p[1])
        chosen = where(less(larger, y), p[2] * keep(), larger)
        ratio = exp(chosen) / (larger * larger + 1.0) ** p[3]
        hidden = [tanh(w * x[1] + ratio) for w in p]
        output = leaky_relu(sum(softmax(hidden[1:]), ratio * hidden[0]), y) - p[0] / ratio
    for place, node in enumerate(topological_order(output)):
        if not node.is_constant:
            node.label = names[place % len(names)]
    return output, [x, y], p


@each_backend
@settings(max_examples=150, deadline=None)
@given(names=several)
@pytest.mark.slow
def test_a_program_is_the_same_under_any_labels(names: list[str], backend: Backend) -> None:
    output, inputs, parameters = graph(names)
    output.backward()
    program = compile(output, inputs, parameters, backend)
    value, gradient = program.value_and_grad(POINT, *SAMPLE)
    assert_same([value, *gradient], [output.data, *(p.grad for p in parameters)], names)
    namespace: dict[str, Any] = {}
    exec(program.source, namespace)
    sample = [np.array([part]) for part in SAMPLE] if backend == "numpy" else SAMPLE
    value, gradient = namespace["value_and_grad"](np.array(POINT), *sample)
    assert_same([value, *gradient], [output.data, *(p.grad for p in parameters)], names)


@settings(max_examples=50, deadline=None)
@given(names=several)
def test_no_label_shows_in_javascript(names: list[str]) -> None:
    assert operations(topological_order(graph(names)[0])) == operations(topological_order(graph([""])[0]))


def test_a_label_that_reads_like_the_place_of_an_operand() -> None:
    a, b, c = Value(2.0, "a_1_"), Value(5.0, "b"), Value(7.0, "ab")
    program = compile(maximum(a, b) * c, [], [a, b, c], "scalar")
    value, gradient = program.value_and_grad([2.0, 5.0, 7.0])
    assert (value, gradient.tolist()) == (35.0, [0.0, 7.0, 5.0])


@each_backend
@pytest.mark.parametrize("label", ["rng1", "mask1"])
def test_a_parameter_named_as_what_a_mask_needs(label: str, backend: Backend) -> None:
    weight, keep = Value(1.0, label), Bernoulli(1.0, np.random.default_rng(0))
    program = compile(weight * keep(), [], [weight], backend)
    assert program.value_and_grad([3.0])[0] == 3.0


def test_a_thousand_nodes_of_one_label_do_not_take_a_million_tries() -> None:
    class Counted(set[str]):
        tries = 0

        def __contains__(self, name: object) -> bool:
            self.tries += 1
            return super().__contains__(name)

    names = Names([])
    names.taken = taken = Counted({*names.taken, "h3"})
    assert [names.fresh("h") for _ in range(4)] == ["h", "h2", "h4", "h5"]
    for _ in range(1000):
        names.fresh("h")
    assert taken.tries < 5000
