"""Recorded graphs as JavaScript: a browser works out what the nodes hold."""

from __future__ import annotations

import itertools
import json
import math
import random
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from autograd_core import PRIMITIVES, Primitive, Value, named_scope, primitive
from autograd_core.compiler import CompileError
from autograd_core.compiler.javascript import operations
from autograd_core.functions import detach, less
from autograd_core.graph import topological_order
from autograd_core.masks import Bernoulli
from tests.autograd_core.compiler.agreement import nodes
from tests.autograd_core.compiler.test_programs import Case
from tests.autograd_core.compiler.test_rules import ALL, FUNCTIONS, own_primitive

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SPECIAL = [0.0, -0.0, 1.0, -1.0, math.inf, -math.inf, math.nan, 1e-300, 1e300, 30.0, -30.0, 710.0, -710.0, -746.0]
TOLERANCE = 1e-12
# At the end of the numbers, where they have few digits, differences are absolute to this.
SMALLEST = 1e-320

each_primitive = pytest.mark.parametrize("op", PRIMITIVES.values(), ids=str)

Numbers = Sequence[float]
Result = tuple[list[float], list[list[float]]]
"""The value of each node, and its local derivatives."""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    yield page
    page.close()


# JSON has neither NaN nor -0, so numbers travel as text; what is no number arrives as its type.
RUN = """(text) => {
  const written = (x) => typeof x !== "number" ? typeof x : Object.is(x, -0) ? "-0" : String(x);
  return JSON.stringify(JSON.parse(text).map(([source, numbers, inputs, samples]) => {
    const operations = eval(source);
    return samples.map((sample) => {
      const v = sample.map(Number);
      const p = v.map(() => []);
      numbers.forEach((number, i) => {
        if (number < 0) return;
        const operands = inputs[i].map((j) => v[j]);
        const [value, partials] = operations[number];
        v[i] = value(...operands);
        p[i] = partials(...operands, v[i]);
      });
      return [v.map(written), p.map((row) => row.map(written))];
    });
  }));
}"""


def run(page: Page, jobs: Sequence[tuple[Sequence[Value], Sequence[Numbers]]]) -> list[list[Result]]:
    """What the operations of each graph make of each of its arrays of numbers."""

    def job(order: Sequence[Value], samples: Sequence[Numbers]) -> list[Any]:
        place = {node: i for i, node in enumerate(order)}
        inputs = [[place[operand] for operand in node.inputs] for node in order]
        return [*operations(order), inputs, [[*map(written, numbers)] for numbers in samples]]

    def written(number: float) -> str:
        return repr(float(number)).replace("inf", "Infinity").replace("nan", "NaN")

    text = json.dumps([job(*one) for one in jobs])
    return [
        [([*map(float, v)], [[*map(float, row)] for row in p]) for v, p in results]
        for results in json.loads(page.evaluate(RUN, text))
    ]


def given(order: Sequence[Value]) -> list[float]:
    """What a page hands in: the numbers of leaves and constants, and nothing of use for the others."""
    return [math.nan if node.inputs else node.data for node in order]


def close(found: float, expected: float, floor: float = SMALLEST) -> bool:
    if found == expected or (math.isnan(found) and math.isnan(expected)):
        return True
    return abs(found - expected) <= max(TOLERANCE * abs(expected), floor)


def mistakes(
    op: Primitive, numbers: Numbers, found: tuple[float, Numbers], expected: tuple[float, Numbers]
) -> list[str]:
    """Where value and partials that a browser found differ from the engine's."""
    (value, row), (data, slopes) = found, expected
    # 1 - tanh * tanh shows the last bit of tanh, in which browsers differ.
    floor = 1e-15 if op.name == "tanh" else SMALLEST
    wrong = [] if close(value, data) else [f"{op.name}{numbers} is {data}, found {value}"]
    if len(row) != len(slopes) or not all(close(*pair, floor) for pair in zip(row, slopes, strict=True)):
        wrong.append(f"partials of {op.name}{numbers} are {slopes}, found {row}")
    return wrong


def assert_recorded(orders: Sequence[Sequence[Value]], results: Sequence[Result]) -> None:
    """The last node of each order has the number and the local derivatives with which it was recorded."""
    wrong: list[str] = []
    for order, (values, partials) in zip(orders, results, strict=True):
        node = order[-1]
        assert node.op is not None
        numbers = [operand.data for operand in node.inputs]
        wrong += mistakes(node.op, numbers, (values[-1], partials[-1]), (node.data, node.partials))
    assert not wrong, f"{len(wrong)}: {'; '.join(wrong[:20])}"


def assert_steps(order: Sequence[Value], result: Result) -> None:
    """Each node is what its operation gives on what the browser has for the operands: no error adds up."""
    values = dict(zip(order, result[0], strict=True))
    wrong: list[str] = []
    for node, row in zip(order, result[1], strict=True):
        if node.op is None or not node.inputs:
            assert row == []
            assert close(values[node], node.data, 0.0)
            continue
        numbers = [values[operand] for operand in node.inputs]
        slopes = node.op.partials(*numbers, values[node])
        wrong += mistakes(node.op, numbers, (values[node], row), (node.op.forward(*numbers), slopes))
    assert not wrong, "; ".join(wrong[:20])


def check(page: Page, build: Callable[..., Value], *samples: Numbers) -> str:
    """A graph is worked out anew by the operations of its recording on the first sample; their source."""
    orders = [topological_order(build(*map(Value, sample))) for sample in samples]
    for order, result in zip(orders, run(page, [(orders[0], [given(order) for order in orders])])[0], strict=True):
        assert_steps(order, result)
    return operations(orders[0])[0]


@each_primitive
def test_primitive(page: Page, op: Primitive) -> None:
    chance = random.Random(op.name)
    points = [
        [chance.uniform(max(low, -20.0), min(high, 20.0)) * chance.choice([1.0, 0.01]) for low, high in op.domain]
        for _ in range(300)
    ]
    points += map(list, itertools.product(SPECIAL, repeat=op.arity))
    orders = [topological_order(op(*map(Value, point))) for point in points]
    assert_recorded(orders, run(page, [(orders[0], [given(order) for order in orders])])[0])


@pytest.mark.parametrize("op", [op for op in PRIMITIVES.values() if op.arity > 1], ids=str)
@pytest.mark.slow
def test_constant_operands(page: Page, op: Primitive) -> None:
    orders = [
        topological_order(op(*others[:place], number, *others[place:]))
        for place in range(op.arity)
        for number in [0.0, -0.0, 1.0, 2.0, 3.0, 0.5, -1.5, math.inf, -math.inf, math.nan, 1e300, 1e-310]
        for others in ([*map(Value, point)] for point in itertools.product(SPECIAL[:9], repeat=op.arity - 1))
    ]
    results = run(page, [(order, [given(order)]) for order in orders])
    assert_recorded(orders, [result for (result,) in results])


@pytest.mark.parametrize("name", ["erf", "erfc", "gelu"])
def test_tails_of_the_error_function(page: Page, name: str) -> None:
    ends = [sign * x * root for sign in (-1.0, 1.0) for x in (0.46875, 4.0, 28.0) for root in (1.0, math.sqrt(2.0))]
    near = [math.nextafter(x, to) for x in ends for to in (-math.inf, math.inf)]
    points = [*ends, *near, *np.linspace(-39.0, 39.0, 2000).tolist(), *np.logspace(-300.0, 0.0, 300).tolist()]
    orders = [topological_order(PRIMITIVES[name](Value(x))) for x in points]
    assert_recorded(orders, run(page, [(orders[0], [given(order) for order in orders])])[0])


@pytest.mark.slow
def test_random_graphs(page: Page) -> None:
    jobs, graphs = [], []
    for seed in range(200):
        case = Case(seed)
        plain = [(case.parameters, sample) for sample in case.samples]
        orders = [
            topological_order(case.build([*map(Value, parameters)], [nodes(numbers) for numbers in sample]))
            for parameters, sample in [*plain, case.special()]
        ]
        assert all(operations(order) == operations(orders[0]) for order in orders), (
            "no number of the recording is in it"
        )
        jobs.append((orders[0], [given(order) for order in orders]))
        graphs.append(orders)
    for orders, results in zip(graphs, run(page, jobs), strict=True):
        for order, result in zip(orders, results, strict=True):
            assert_steps(order, result)
        for order, result in list(zip(orders, results, strict=True))[:-1]:
            assert result[0][-1] == pytest.approx(order[-1].data, rel=1e-9, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("own", ALL, ids=str)
def test_primitives_of_ones_own(page: Page, own: Primitive) -> None:
    samples = [[0.7, -1.3, 2.1], [-2.0, 0.4, 30.0], [1.5, 3.0, -0.5]]
    check(page, own, *[sample[: own.arity] for sample in samples])
    for place in range(own.arity if own.arity > 1 else 0):
        for number in (-1.5, 2.0):
            points = [sample[: own.arity - 1] for sample in samples]
            check(page, lambda *xs, place=place, number=number: own(*xs[:place], number, *xs[place:]), *points)


def test_signs_and_comparisons_of_ones_own(page: Page) -> None:
    @primitive(partials=lambda x, y, out: (less(x, y), -y - -0.0))
    def own(x: Any, y: Any) -> Any:
        return -x - (-y) * -x

    @primitive(partials=lambda x, y, out: (True, 2))
    def comparison(x: Any, y: Any) -> Any:
        return less(x, y)

    for op in (own, comparison):
        check(page, op, [1.0, 2.0], [2.0, 1.0], [-3.0, -0.0])
        for number in (-1.5, -0.0, 0.0):
            check(page, lambda x, op=op, number=number: op(number, x) + op(x, number), [1.0], [-2.0])


@pytest.mark.parametrize("what", ["math", "branch", "equality"])
def test_what_cannot_be_written(what: str) -> None:
    for opaque in (
        own_primitive(FUNCTIONS[what], lambda x, out: 1.0),
        own_primitive(lambda x: x, lambda x, out: FUNCTIONS[what](x)),
    ):
        with pytest.raises(CompileError, match="opaque cannot be written as source"):
            operations(topological_order(opaque(Value(0.7))))


@pytest.mark.parametrize("name", ["mul", "exp", "alert(1)"])
def test_primitives_without_a_form(name: str) -> None:
    op = Primitive(name, lambda x, y: x - y, lambda x, y, out: (1.0, -1.0), domain=((-1.0, 1.0),) * 2)
    with pytest.raises(CompileError, match="has no form in JavaScript"):
        operations(topological_order(op(Value(1.0), Value(2.0))))


def test_detach_and_random_draws(page: Page) -> None:
    def build(x: Value, mask: Value | None = None) -> Value:
        return detach(x.exp()) * x * (Bernoulli(0.5, np.random.default_rng(0))() if mask is None else mask)

    @primitive(partials=lambda x, out: detach(x) * 2.0)
    def square(x: Any) -> Any:
        return x * detach(x)

    check(page, build, [0.5], [-1.0])
    check(page, square, [0.5], [-1.0])
    source, numbers = operations(recorded := topological_order(build(Value(1.0))))
    assert "[(x0) => Math.exp(x0), (x0, out) => [out]],\n    [(x0) => x0, (x0, out) => [0.0]]," in source
    assert numbers == [-1, 0, 1, 2, -1, 2], "a draw is given, like a leaf"
    order = topological_order(build(Value(2.0), Value(3.0)))
    assert run(page, [(recorded, [given(order)])])[0][0][0][-1] == pytest.approx(6.0 * math.exp(2.0), rel=1e-14)


def test_a_long_chain(page: Page) -> None:
    def build(x: Value) -> Value:
        y = x
        for k in range(5_000):
            y = (y * (1.0 + k / 5_000)).sin()
        return y

    check(page, build, [0.5], [-2.0])


def test_no_label_reaches_the_source() -> None:
    hostile = '"]; alert(1); //</script>\n*/ `${v}'

    def build(label: str) -> Value:
        x = Value(2.0, label=label)
        y = x.gelu() + x.tanh()
        y.label = label
        return y * detach(x)

    with named_scope(hostile.replace(".", "")):
        source = operations(topological_order(build(hostile)))
    assert source == operations(topological_order(build("")))
    lines = [line for line in source[0].splitlines() if line.startswith("    [")]
    words = {*re.findall(r"[A-Za-z_$]\w*", " ".join(lines))}
    assert words == {"x0", "x1", "out", "gelu", "erfc", "Math", "exp", "tanh"}


def test_only_the_functions_in_use_are_included() -> None:
    def included(output: Value) -> list[str]:
        return re.findall(r"^  const (\w+)", operations(topological_order(output))[0], re.MULTILINE)

    x = Value(0.5)
    assert included(x.tanh() / x) == []
    assert included(x.silu()) == ["sigmoid", "silu"]
    assert included(x.erf()) == ["polynomial", "erfBelow", "erfcAbove", "erf"]
    assert included(x) == []


def test_what_is_alike_is_written_once() -> None:
    x = y = Value(0.5)
    for _ in range(100):
        y = (2.0 * y + x).tanh() * y
    source, numbers = operations(topological_order(y))
    assert source.count("=> [") == len({*numbers}) - 1 == 4
    assert "[(x0, x1) => 2.0 * x1, (x0, x1, out) => [x1, 2.0]]," in source
    # A plain number is part of the operation, by its value and its place.
    others = [2.0 * x, x * 2.0, 3.0 * x, -0.0 * x, 0.0 * x, math.inf * x]
    found = [operations(topological_order(other))[0] for other in others]
    assert len({*found}) == len(others)


def test_leaves_and_plain_numbers_have_no_operation() -> None:
    x, y = Value(0.5), Value(2.0)
    assert operations([x]) == ("(() => {\n  return [\n  ];\n})()", [-1])
    assert operations(topological_order(x * y + 1.0))[1] == [-1, -1, 0, -1, 1]


def test_an_operation_of_many_operands(page: Page) -> None:
    names = [f"y{k}" for k in range(30)]
    total = eval(f"lambda {', '.join(names)}: {' + '.join(f'{k}.0 * {name}' for k, name in enumerate(names))}")
    long = primitive(partials=lambda *given: tuple(map(float, range(30))))(total)
    check(page, long, [float(k) for k in range(30)], [0.5] * 30)
