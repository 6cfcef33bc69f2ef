"""What a stepper knows of a graph: the trace, and the compact form that a page carries."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nn
from autograd_core import PRIMITIVES, Primitive, Value, backward_steps, named_scope, primitive, topological_order
from autograd_core.formula import operation, partial
from autograd_core.functions import detach, exp, less, maximum, relu, where
from autograd_core.masks import Bernoulli
from viz import Stepper
from viz.page import json_number, json_text
from viz.trace import Graph
from viz.tree import short_label


def graph_of(output: Value) -> Graph:
    return Graph(topological_order(output))


def compact_of(graph: Graph) -> dict[str, Any]:
    """The compact form as a page reads it."""
    return json.loads(Stepper(graph.order[-1]).compact())


def spread(compact: dict[str, Any]) -> list[dict[str, Any]]:
    """The nodes of a compact form, written out by what its description says."""
    nodes = []
    inputs, partials = iter(compact["inputs"]), iter(compact["partials"])
    for i, kind in enumerate(compact["form"]):
        symbol, formula, rules, settled = compact["forms"][kind] if kind >= 0 else (None, "", [], True)
        mine = [next(inputs) for _ in rules]
        name = compact["name"].get(str(i), f"v{i}")
        names = [nodes[j]["name"] for j in mine]
        nodes.append(
            {
                "name": format(float(compact["data"][i]), ".6g") if i in compact["constant"] else name,
                "operation": symbol,
                "constant": i in compact["constant"],
                "parameter": i in compact["parameter"],
                "data": compact["data"][i],
                "inputs": mine,
                "partials": [next(partials) for _ in rules],
                "formula": formula.format(*names, out=name),
                "rules": ["0" if rule is None else rule.format(*names, out=name) for rule in rules],
                "settled": settled,
                "box": None if compact["box"][i] < 0 else compact["box"][i],
            }
        )
    assert [*inputs, *partials] == []
    return nodes


def assert_told(output: Value) -> Graph:
    """Both forms of the trace tell of each node what the engine and `autograd_core.formula` say."""
    graph = graph_of(output)
    trace, order, names = graph.trace(), graph.order, graph.names
    index = {node: i for i, node in enumerate(order)}
    for i, (node, told) in enumerate(zip(order, trace["nodes"], strict=True)):
        acts = node.op is not None and not node.is_constant
        varying = [k for k, operand in enumerate(node.inputs) if not operand.is_constant]
        assert told["name"] == names[node]
        assert told["label"] == node.label
        assert told["operation"] == (node.op.symbol if node.op and acts else None)
        assert told["constant"] == node.is_constant
        assert told["scope"] == node.scope
        assert type(told["scope"]) is str
        assert told["inputs"] == [index[operand] for operand in node.inputs]
        assert [told["data"], *told["partials"]] == [json_number(x) for x in (node.data, *node.partials)]
        assert told["formula"] == (operation(node, names) if acts else "")
        assert [told["rules"][k] for k in varying] == [partial(node, k, names) for k in varying]
        assert told["short"] == short_label(told["name"], graph.homes[i])
    pairs = zip(spread(compact_of(graph)), trace["nodes"], strict=True)
    assert all(one == {key: told[key] for key in one} for one, told in pairs)
    assert json.loads(json_text(trace)) == trace, "it is JSON"
    assert compact_of(graph)["boxes"] == trace["boxes"]
    return graph


def neuron() -> Value:
    w, x, b = Value(0.5, label="w"), Value(-2.0, label="x"), Value(0.1, label="b")
    with named_scope("neuron"):
        z = w * x + b
    return relu(z) + 2.0 * z


def loss() -> Value:
    model = nn.MLP(2, [2, 1], "relu", rng=0)
    return nn.losses.mse_loss([model([0.5, -1.0]), model([1.0, 2.0])], [1.0, 0.0])


@pytest.mark.parametrize("make", [neuron, loss, lambda: Value(math.pi, label="p")], ids=["neuron", "loss", "leaf"])
def test_the_steps_are_those_of_the_engine(make: Callable[[], Value]) -> None:
    graph = assert_told(make())
    trace = graph.trace()
    index = {node: i for i, node in enumerate(graph.order)}
    assert trace["version"] == 2
    assert trace["forward"] == [i for i, node in enumerate(graph.order) if node.inputs]
    steps = list(backward_steps(graph.order[-1]))
    for step, told in zip(steps, trace["backward"], strict=True):
        assert told["node"] == (None if step.node is None else index[step.node])
        assert told["input"] == index[step.input]
        numbers = ("position", "upstream", "local", "contribution", "before", "after")
        assert [told[key] for key in numbers] == [getattr(step, key) for key in numbers]
    graph.order[-1].backward()
    assert graph.gradients == [node.grad for node in graph.order]


def test_boxes_are_told_by_index_and_outer_ones_come_first() -> None:
    graph = assert_told(loss())
    boxes = graph.trace()["boxes"]
    assert [box["parent"] is None or box["parent"] < k for k, box in enumerate(boxes)] == [True] * len(boxes)
    for i, node in enumerate(graph.trace()["nodes"]):
        home = graph.homes[i]
        assert (node["box"] is None) == (home is None)
        if home is not None:
            told = boxes[node["box"]]
            assert [told[key] for key in ("name", "title", "path", "call")] == [
                home.name, home.title, home.path, home.call,
            ]  # fmt: skip
            assert told["parent"] == (None if home.parent is None else graph.boxes.index(home.parent))


def test_parameters_are_the_leaves_that_a_module_has_named() -> None:
    model = nn.MLP(1, [2], "tanh", rng=0)
    with named_scope("data"):
        x = Value(0.5, label="x")
    graph = assert_told(sum(model([x]), Value(0.0)))
    told = {graph.order[i] for i, node in enumerate(graph.trace()["nodes"]) if node["parameter"]}
    assert told == {*model.parameters()}


@pytest.mark.parametrize("op", PRIMITIVES.values(), ids=str)
def test_formulas_and_rules_of_every_primitive(op: Primitive) -> None:
    chance = random.Random(op.name)

    def draw() -> list[float]:
        return [chance.uniform(max(low, -2.0), min(high, 2.0)) for low, high in op.domain]

    def leaves() -> list[Value]:
        return [Value(number, label=f"x{k}") for k, number in enumerate(draw())]

    outputs = [op(*leaves()) for _ in range(8)]
    outputs += [op(*[leaves()[0]] * op.arity)]
    for number in (0.0, 1.0, 2.0, -1.5):
        for place in range(op.arity if op.arity > 1 else 0):
            some = leaves()
            outputs.append(op(*some[:place], number, *some[place + 1 :]))
    total = Value(0.0)
    for output in outputs:
        assert_told(output)
        total = total + output
    assert_told(total)  # in one graph, where forms are shared


@pytest.mark.parametrize("op", PRIMITIVES.values(), ids=str)
def test_a_settled_rule_is_written_the_same_for_all_numbers(op: Primitive) -> None:
    points = [[a, b, c][: op.arity] for a in (0.0, 0.3, -0.7, 2.0) for b in (0.0, 0.3, 1.5) for c in (-1.0, 4.0)]
    forms = [graph_of(op(*map(Value, point))).forms[-1] for point in points]
    assert len({form.settled for form in forms if form}) == 1
    written = {form.rules for form in forms if form}
    assert len(written) == 1 or not any(form.settled for form in forms if form)


def test_which_rules_are_settled() -> None:
    def settled(output: Value) -> bool:
        form = graph_of(output).forms[-1]
        assert form is not None
        return form.settled

    x, y = Value(0.5), Value(2.0)
    for output in (x * y, x**2, x**3.0, x.tanh(), x / y, exp(x), detach(x), less(x, y), where(1.0, x, y)):
        assert settled(output), output.op
    for output in (relu(x), maximum(x, y), abs(x), x**y, where(x, y, x), x.arcsin()):
        assert not settled(output), output.op


def test_nodes_with_different_branches_have_rules_of_their_own() -> None:
    u, v = Value(5.0, label="u"), Value(6.0, label="v")
    graph = assert_told(where(Value(1.0), u, v) * where(Value(0.0), u, v) + relu(u) * relu(-v))
    rules = [form.rules for form in graph.forms if form and form.symbol in ("where", "relu")]
    assert rules == [(None, "1", "0"), (None, "0", "1"), ("1",), ("0",)]


def test_a_slope_that_is_flat_everywhere_has_no_rule() -> None:
    x, y = Value(0.5), Value(2.0)
    for output in (detach(x), less(x, y), x.relu() * 0.0):
        form = graph_of(output).forms[-1]
        assert form is not None
        assert all(rule is None for rule in form.rules) == (output.op is not PRIMITIVES["mul"])
    # 0 * inf is nan where the slope happens to be 0, but nothing is handed back where it is 0 everywhere.
    assert_told(detach(x) * math.inf + 0.0 * x)


def test_nodes_of_one_kind_share_a_form() -> None:
    x, y = Value(0.5, label="x"), Value(2.0, label="y")
    chain = x
    for _ in range(300):
        chain = (chain * 1.01 + y).tanh()
    assert len(compact_of(assert_told(chain))["forms"]) == 3
    # Numbers, repeated operands and branches are part of how an operation is written.
    outputs = [x * y, x * x, 2.0 * x, 3.0 * x, x * 2.0, 0.0 * x, -0.0 * x, relu(x), relu(-y), relu(y)]
    total = outputs[0]
    for output in outputs[1:]:
        total = total + output
    forms = compact_of(assert_told(total))["forms"]
    assert [form[1] for form in forms if form[0] == "*"] == [
        "{0} * {1}", "{0} * {0}", "2 * {1}", "3 * {1}", "{0} * 2", "0 * {1}", "-0 * {1}",
    ]  # fmt: skip
    assert [form[2] for form in forms if form[0] == "relu"] == [["1"], ["0"]]


HOSTILE = [
    "{0}", "{", "}}", "{out}", "{{x}}", "%s", "%(x)s", "100 %", "'", '"', "\\", "</script>", "<!--", "%%TRACE%%", "-x",
    "-", "a + b", "x\n2", "\x00", "\x01", "\x02", "\x7f", "\u202e", "\ud800", "λ′", "你好", "𝒙", "v3", "v3'", "0",
    "__proto__",
]  # fmt: skip


@pytest.mark.parametrize("label", HOSTILE, ids=ascii)
def test_a_label_is_data(label: str) -> None:
    x, y = Value(2.0, label=label), Value(3.0)
    z = (x * y - x / (y - x)) ** 2
    z.label = label + "'"
    graph = assert_told(-z + z * z.tanh())
    assert [node["label"] for node in graph.trace()["nodes"] if node["label"]] == [label, label + "'"]


def leaf(name: str, number: float) -> Value:
    return Value(number, label=name)


LEAVES = st.builds(leaf, st.sampled_from(["", *HOSTILE]) | st.text(max_size=4), st.floats(-3.0, 3.0)) | st.floats(-2, 2)
UNARY, BINARY = (
    st.sampled_from([op for op in PRIMITIVES.values() if op.arity == arity and not op.defaults]) for arity in (1, 2)
)
TERMS = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(lambda op, x: op(x), UNARY, inner)
        | st.builds(lambda op, x, y: op(x, y), BINARY, inner, inner)
        | st.builds(lambda op, x: op(x, x), BINARY, inner)
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(TERMS)
def test_random_graphs_are_told_as_the_engine_and_formulas_have_them(term: Any) -> None:
    assert_told(Value(1.0) * term)


def test_numbers_that_json_lacks_are_words() -> None:
    x = Value(0.0)
    nodes = assert_told(x.log() * x).trace()["nodes"]
    assert [nodes[1]["data"], nodes[1]["partials"], nodes[2]["data"]] == ["-inf", ["inf"], "nan"]
    compact = compact_of(graph_of(math.inf * x + math.nan))
    assert compact["data"] == ["inf", 0.0, "nan", "nan", "nan"]
    assert compact["constant"] == [0, 3]
    assert [form[1] for form in compact["forms"]] == ["inf * {1}", "{0} + nan"]


def test_a_draw_is_an_operation_without_operands() -> None:
    x = Value(2.0, label="x")
    masks = [Bernoulli(0.5, np.random.default_rng(seed))() for seed in range(4)]
    graph = assert_told(x * masks[0] * masks[1] + masks[2] * masks[3])
    trace = graph.trace()
    draws = [i for i, node in enumerate(trace["nodes"]) if node["operation"] == "bernoulli"]
    assert [trace["nodes"][i]["formula"] for i in draws] == ["bernoulli()"] * 4
    assert {*draws} < {*trace["forward"]}
    compact = compact_of(graph)
    assert [form[1] for form in compact["forms"]] == ["bernoulli()", "{0} * {1}", "{0} + {1}"]
    assert [compact["operation"][i] for i in draws] == [-1] * 4


def test_own_primitives_that_branch_are_told_by_the_branch_taken() -> None:
    @primitive(partials=lambda x, out: 1.0 if x > 0 else 2.0)
    def bent(x: float) -> float:
        return x if x > 0 else 2.0 * x

    @primitive(partials=lambda x, out: math.cos(x))
    def opaque(x: float) -> float:
        return math.sin(x)

    @primitive(partials=lambda x, y, out: (y * where(less(x, 0.0), exp(x), 1.0), x), symbol="{0} %s {{")
    def written(x: float, y: float) -> float:
        return x * y

    x, y = Value(0.5, label="x"), Value(-2.0, label="y")
    graph = assert_told(bent(x) * bent(y) + opaque(x) * opaque(y) + written(x, y) * written(y, x))
    told = [(form.symbol, form.rules, form.settled) for form in graph.forms if form and form.symbol not in "+*"]
    assert told == [
        ("bent", ("1",), False),
        ("bent", ("2",), False),
        ("opaque", ("0.877583",), False),
        ("opaque", ("-0.416147",), False),
        ("{0} %s {{", ("{1}", "{0}"), False),
        ("{0} %s {{", ("{1} * exp({0})", "{0}"), False),
    ]


def test_braces_in_the_name_of_an_operation_are_no_places() -> None:
    op = Primitive("{0}{out}{{}", lambda x: 2.0 * x, lambda x, out: (2.0,))
    assert assert_told(op(Value(0.5, label="x"))).trace()["nodes"][-1]["formula"] == "{0}{out}{{}(x)"


def test_a_name_is_left_out_where_it_is_that_of_its_place() -> None:
    x, y = Value(1.0, label="x"), Value(2.0, label="v1")
    graph = assert_told(x * y + x)
    assert compact_of(graph)["name"] == {"0": "x"}
    twins = [Value(1.0, label="t"), Value(2.0, label="t")]
    assert compact_of(graph_of(twins[0] * twins[1]))["name"] == {"0": "t_0", "1": "t_1"}


def test_a_large_network_takes_at_most_150_bytes_a_node() -> None:
    model = nn.MLP(16, [54, 54, 1], "tanh", rng=0)
    chance = random.Random(0)
    output = Value(0.0)
    for _ in range(2):
        output = output + (model([Value(chance.gauss(0.0, 1.0)) for _ in range(16)]) - 1.0) ** 2
    graph = graph_of(output)
    assert 18_000 < len(graph.order) <= 20_000
    assert len(Stepper(output).compact().encode()) / len(graph.order) < 150
