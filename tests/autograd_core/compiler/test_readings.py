"""Constants that were read off a node are told, and no others."""

from __future__ import annotations

import math
import re
import warnings
from typing import Any

import numpy as np
import pytest

import nn
from autograd_core import Value, compile
from autograd_core.functions import maximum, relu, softmax
from tests.autograd_core.compiler.agreement import nodes
from tests.autograd_core.compiler.realistic import PROGRAMS, Values
from tests.autograd_core.compiler.test_realistic import numbers


def softmax_of_microgpt(logits: list[Value]) -> list[Value]:
    largest = max(logit.data for logit in logits)
    exps = [(logit - largest).exp() for logit in logits]
    total = sum(exps, Value(0.0))
    return [one / total for one in exps]


def layer() -> tuple[list[Value], list[Value], list[Value]]:
    rng = np.random.default_rng(0)
    w, x = nodes(rng.normal(size=12).tolist()), nodes(rng.normal(size=3).tolist())
    logits: list[Any] = [sum((w[3 * k + i] * x[i] for i in range(1, 3)), w[3 * k] * x[0]) for k in range(4)]
    for k, logit in enumerate(logits):
        logit.label = f"logit{k}"
    return w, x, logits


def test_the_largest_logit_as_a_number() -> None:
    w, x, logits = layer()
    largest = max(logits, key=lambda logit: logit.data)
    message = (
        f"the constant {largest.data:.4g} is the value that {largest.label} had while recording; "
        "if the code read .data, use maximum or detach"
    )
    with pytest.warns(RuntimeWarning, match=re.escape(message)) as told:
        program = compile(softmax_of_microgpt(logits)[1], [x], w)
    assert len(told) == 1
    assert told[0].filename == __file__
    assert message in program.explain()


@pytest.mark.parametrize("values", [[0.25, -1.5, 0.5128], [0.1234567891234, 2.3456789123456, 1.1]])
def test_the_largest_of_leaves(values: list[float]) -> None:
    for as_inputs in (True, False):
        logits = [Value(one, label=f"logit{k}") for k, one in enumerate(values)]
        inputs, parameters = ([logits], []) if as_inputs else ([], logits)
        with pytest.warns(RuntimeWarning, match=f"{max(values):.4g} is the value that logit"):
            compile(softmax_of_microgpt(logits)[0], inputs, parameters)


def test_several_are_told_at_once() -> None:
    w, x, logits = layer()
    again = [logit.tanh() for logit in logits]
    with pytest.warns(RuntimeWarning, match="and 1 more, which explain") as told:
        program = compile(softmax_of_microgpt(logits)[1] + softmax_of_microgpt(again)[0], [x], w)
    assert len(told) == 1
    assert program.explain().count("had while recording") == 2


def silent(output: Any, inputs: list[Any], parameters: list[Value]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compile(output, inputs, parameters)


def test_numbers_that_code_writes_are_no_readings() -> None:
    a, b = Value(1.0), Value(1.0)
    silent((a - 1.0).exp() + (b - 1.0).exp(), [], [a, b])
    silent((a * 0.5).tanh() + (b - 0.5) * 2.0, [], [a, b])
    for number in (math.pi, math.sqrt(2.0), 1.0 / math.sqrt(3.0), math.log(2.0 * math.pi) / 2.0, 2.0 / 7.0, 9.80665):
        x, y = Value(number), Value(number)
        silent((x + y).exp() * number + (x * 1.0) * number, [y], [x])


def test_a_node_may_owe_its_value_to_the_constant() -> None:
    c = 0.5128394857210345
    x, y = Value(1.0), Value(0.0)
    silent((x * c) * c + maximum(y, c) + (y + c) * c, [y], [x])


def test_a_weight_that_stays_near_its_start() -> None:
    rng = np.random.default_rng(0)
    w = nodes(rng.normal(size=5).tolist())
    start = [one.data for one in w]
    silent(sum(((one - was) ** 2 for one, was in zip(w, start, strict=True)), Value(0.0)), [], w)
    silent(sum(((relu(one) - abs(was)) ** 2 for one, was in zip(w, start, strict=True)), Value(0.0)), [], w)


def test_programs_without_readings() -> None:
    w, x, logits = layer()
    silent(softmax(logits)[0], [x], w)
    for program in PROGRAMS[::4]:
        parameters, samples = numbers(program, 1)
        p, inputs = nodes(parameters), nodes(samples[0].tolist())
        silent(program.build(Values(), p, inputs), [inputs], p)
    model = nn.MLP(2, [8, 8, 1], rng=0)
    points, labels = nn.data.moons(20, rng=0)
    scores = [model(point) for point in points.tolist()]
    losses = [(1.0 - y * score).relu() for score, y in zip(scores, labels.tolist(), strict=True)]
    silent(sum(losses, Value(0.0)), [], list(model.parameters()))
