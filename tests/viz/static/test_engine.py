"""Both passes in the browser: the engine's numbers to the last bit, and those of a recording with other inputs."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest

from autograd_core import Value, backward_steps, topological_order
from autograd_core.functions import detach, exp, less, maximum, where
from autograd_core.graph import collector_paused
from tests.autograd_core.compiler.agreement import nodes
from tests.autograd_core.compiler.test_programs import Case
from tests.viz.static.scripts import run
from tests.viz.steppers import GRAPHS
from viz import Stepper

if TYPE_CHECKING:
    from playwright.sync_api import Page

# Numbers go back as text, for JSON lacks some, and -0.
WRITTEN = "const written = (x) => (x === null ? null : Object.is(x, -0) ? '-0' : String(x));"
BACKWARD = f"""{WRITTEN}
  return JSON.stringify(given.map((text) => {{
    const {{ nodes, output }} = traceModule.read(text);
    const {{ gradients, contributions }} = engineModule.backwardPass(nodes, output);
    return [[...gradients].map(written), contributions.map((row) => row.map(written))];
  }}));
"""
FORWARD = f"""{WRITTEN}
  const {{ nodes, output }} = traceModule.read(given.text);
  const operations = eval(given.source);
  return JSON.stringify(given.leaves.map((leaves) => {{
    engineModule.forwardPass(nodes, operations, new Map(leaves.map(([i, x]) => [i, Number(x)])));
    return [nodes.map((node) => written(node.data)), nodes.map((node) => node.partials.map(written))];
  }}));
"""
SO_FAR = f"""{WRITTEN}
  const {{ nodes, output }} = traceModule.read(given.text);
  const pass = engineModule.backwardPass(nodes, output);
  return JSON.stringify(given.steps.map((_, done) => {{
    const now = engineModule.soFar(nodes, pass, given.steps, done + 1, output);
    const passed = nodes.flatMap((node, i) => node.inputs.flatMap((_, k) => (now.passed(i, k) ? [[i, k]] : [])));
    return [nodes.map((_, i) => (now.has(i) ? written(now.get(i)) : null)), passed];
  }}));
"""


def bits(number: float) -> str:
    """A number so that two are equal only if they are the same, with one NaN and two zeros."""
    return float(number).hex()


def expected(output: Value) -> tuple[list[str], list[list[str | None]]]:
    """The gradient of every node of the engine's pass, and what each operation hands to each operand."""
    order = topological_order(output)
    steps = list(backward_steps(output))
    totals = {step.input: step.after for step in steps}
    handed = {(step.node, step.position): step.contribution for step in steps}
    contributions = [
        [None if operand.is_constant else bits(handed[node, k]) for k, operand in enumerate(node.inputs)]
        for node in order
    ]
    return [bits(totals.get(node, 0.0)) for node in order], contributions


def assert_same_passes(page: Page, outputs: Sequence[Value]) -> None:
    texts = [Stepper(output).compact() for output in outputs]
    for output, found in zip(outputs, json.loads(run(page, "trace engine", BACKWARD, texts)), strict=True):
        gradients = [bits(float(x)) for x in found[0]]
        contributions = [[None if x is None else bits(float(x)) for x in row] for row in found[1]]
        assert (gradients, contributions) == expected(output)


def test_the_backward_pass_of_random_programs_is_the_engines_to_the_last_bit(page: Page) -> None:
    outputs = []
    with collector_paused():
        for seed in range(80):
            case = Case(seed)
            for parameters, sample in [(case.parameters, case.samples[0]), case.special()]:
                outputs.append(case.build([*map(Value, parameters)], [nodes(numbers) for numbers in sample]))
        assert_same_passes(page, outputs)
    assert sum(any(not math.isfinite(node.data) for node in topological_order(output)) for output in outputs) > 20


def test_the_backward_pass_of_the_examples_is_the_engines_to_the_last_bit(page: Page) -> None:
    assert_same_passes(page, [make() for make in GRAPHS.values()])


def test_nothing_is_handed_back_where_the_slope_is_flat_not_even_of_infinity(page: Page) -> None:
    x, y = Value(0.0), Value(2.0)
    flat = [detach(x), less(x, y), where(x, y, 1.0)]
    outputs = [(operation * x + x).log() for operation in flat] + [exp(operation * 1e3) * 1e300 for operation in flat]
    outputs += [(x * 0.0).log(), x.log() * 0.0, (0.0 * x).sqrt() * -1.0, Value(1.0) * 2.0, Value(1.0)]
    assert_same_passes(page, outputs)


def test_the_gradient_so_far_is_that_of_the_steps_so_far(page: Page) -> None:
    for make in (GRAPHS["micrograd"], GRAPHS["softmax"], GRAPHS["2-2-1"]):
        output = make()
        order = topological_order(output)
        index = {node: i for i, node in enumerate(order)}
        steps = list(backward_steps(output))
        edges = [[] if step.node is None else [[index[step.node], step.position, index[step.input]]] for step in steps]
        told = [{"seed": not those, "edges": those} for those in edges]
        given = {"text": Stepper(output).compact(), "steps": told}
        gradients: list[str | None] = [None] * len(order)
        passed: list[list[Any]] = []
        for step, those, found in zip(steps, edges, json.loads(run(page, "trace engine", SO_FAR, given)), strict=True):
            gradients[index[step.input]] = bits(step.after)
            passed += [[i, k] for i, k, _ in those]
            assert [None if x is None else bits(float(x)) for x in found[0]] == gradients
            assert found[1] == sorted(passed)


def assert_close(found: Sequence[str], wanted: Sequence[float]) -> None:
    assert [*map(float, found)] == pytest.approx(wanted, rel=1e-12, abs=1e-12, nan_ok=True)


def choices() -> Value:
    x, y = Value(0.5, label="x"), Value(-2.0, label="y")
    return (maximum(x, y) * where(less(x, y), x, y * y) + abs(x - y) / 3.0 + detach(x) * y).relu()


def test_the_forward_pass_with_other_inputs_is_that_of_a_fresh_recording(page: Page) -> None:
    recomputed = pytest.importorskip("viz.widget", reason="a fresh recording is the widget's").recomputed
    for name, make in {**GRAPHS, "choices": choices}.items():
        stepper = Stepper(make())
        order, chance = stepper.order, random.Random(name)
        leaves = [i for i, node in enumerate(order) if node.op is None]
        # One after another, as a reader changes them: nothing of the numbers before may be left.
        changes = [{i: chance.gauss(0.0, 1.5) for i in leaves} for _ in range(3)]
        changes += [{i: chance.choice([0.0, -0.0, 1.0]) for i in leaves}, {i: order[i].data for i in leaves}]
        given: dict[str, Any] = {"text": stepper.compact(), "source": stepper._operations[0]}
        given["leaves"] = [[[i, str(x)] for i, x in change.items()] for change in changes]
        for change, (data, partials) in zip(
            changes, json.loads(run(page, "trace engine", FORWARD, given)), strict=True
        ):
            fresh = topological_order(recomputed(order, [change.get(i, node.data) for i, node in enumerate(order)]))
            assert_close(data, [node.data for node in fresh])
            for row, node in zip(partials, fresh, strict=True):
                assert_close(row, node.partials)


def test_leaves_that_are_not_changed_keep_their_numbers(page: Page) -> None:
    x, y = Value(2.0), Value(3.0)
    stepper = Stepper(x * y + 4.0)
    given = {"text": stepper.compact(), "source": stepper._operations[0], "leaves": [[], [[0, "5"]], []]}
    found = [data for data, _ in json.loads(run(page, "trace engine", FORWARD, given))]
    assert found == [["2", "3", "6", "4", "10"], ["5", "3", "15", "4", "19"], ["5", "3", "15", "4", "19"]]
