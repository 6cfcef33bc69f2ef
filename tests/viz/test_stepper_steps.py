"""Every step that the stepper's page tells, against the engine's own stream."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import nn
from autograd_core import Value, named_scope, topological_order
from autograd_core.expression import evaluate
from autograd_core.functions import detach, maximum
from tests.viz.steppers import GRAPHS, choose, network, opened, press, tesla, text, walk
from tests.viz.stories import Story, enclosed, shown
from viz import palette

if TYPE_CHECKING:
    from playwright.sync_api import Page

SMALL = {name: make for name, make in GRAPHS.items() if name != "2-16-16-1"}
EXAMPLES = SMALL | {"4-relu": lambda: network(2, [4, 1], "relu")}


@pytest.mark.slow
@pytest.mark.parametrize("make", EXAMPLES.values(), ids=EXAMPLES)
def test_every_step_backward_is_the_engines(make: Any, page: Page, tmp_path: Path) -> None:
    output = make()
    opened(page, output, tmp_path)
    press(page, "open-all")
    steps = walk(page)
    story = Story(output)
    story.check(steps)
    engine = [(step["node"], step["position"]) for step in story.trace["backward"][1:]]
    told = [edge[:2] for step in steps[2:] for edge in story.edges(step)]
    assert sorted(told) == sorted(engine)
    if not story.boxes:
        assert told == engine
    output.backward()
    for i, node in enumerate(topological_order(output)):
        if not node.is_constant:
            assert steps[-1]["units"][f"n{i}"]["grad"] == f"grad {shown(node.grad)}"
    back = page.evaluate(
        """steps => Array.from({ length: steps }, () => {
          document.getElementById("previous").click();
          return [words.textContent, ...[...canvas.querySelectorAll(".number")].map((one) => one.textContent)];
        })""",
        len(steps) - 1,
    )
    for told, step in zip(back, reversed(steps[:-1]), strict=True):
        assert told == [
            step["words"], *(line for unit in step["units"].values() for line in (unit["data"], unit["grad"]))
        ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_every_step_is_the_engines_whatever_is_open(seed: int, page: Page, tmp_path: Path) -> None:
    chance = random.Random(seed)
    output = network(3, [3, 2, 1], chance.choice(["tanh", "relu", "sigmoid"]))
    opened(page, output, tmp_path)
    press(page, "close-all")
    for box in range(len(Story(output).boxes)):
        if chance.random() < 0.6 and page.locator(f"#b{box}").count():
            page.locator(f"#b{box}").dispatch_event("click")
    Story(output).check(walk(page))
    if seed % 2:
        press(page, "group")
        Story(output).check(walk(page))


def test_a_closed_network_is_told_layer_by_layer(page: Page, tmp_path: Path) -> None:
    output = GRAPHS["2-16-16-1"]()
    opened(page, output, tmp_path)
    Story(output).check(walk(page))
    press(page, "close-all")
    steps = walk(page)
    Story(output).check(steps)
    called = Story(output).titles
    assert [[called[unit] for unit in step["source"]] for step in steps[2:]] == [
        ["loss"], [called[steps[3]["source"][0]]], ["layer 2"], ["layer 1"], ["layer 0"]
    ]  # fmt: skip


def test_a_closed_neuron_is_told_with_its_numbers(page: Page, tmp_path: Path) -> None:
    output = network(2, [3, 2, 1])
    opened(page, output, tmp_path)
    press(page, "close-all")
    story = Story(output)
    for box, named in enumerate(story.boxes):
        if named["title"].startswith("layer"):
            page.locator(f"#b{box}").dispatch_event("click")
    steps = walk(page)
    story.check(steps)
    (step,) = [one for one in steps if ": Layer 1, neuron 1 receives" in one["words"]]
    names = {node["name"]: i for i, node in enumerate(story.nodes)}
    weights = [names[f"layers.1.neurons.1.w.{k}"] for k in range(3)]
    (activated,) = story.exits[step["source"][0]]
    (z,) = story.nodes[activated]["inputs"]
    received, slope, delta = story.final[activated], story.nodes[activated]["partials"][0], story.final[z]
    assert step["words"].split(": ", 1)[1] == (
        f"Layer 1, neuron 1 receives {shown(received)} from layer 2, neuron 0; times tanh′(z) = {shown(slope)} gives "
        f"δ = {shown(delta)}. It hands δ·x to its 3 weights, δ to the bias, and δ·w to 3 neurons of layer 0."
    )
    assert step["numbers"] == f"δ = {shown(received)} · {enclosed(slope)} = {shown(delta)}"
    rows = {row[0]: row[1:] for row in step["rows"]}
    assert set(rows) == {"b", "w.0", "w.1", "w.2"} | {f"layer 0, neuron {k}" for k in range(3)}
    for k, weight in enumerate(weights):
        (product,) = [i for i, node in enumerate(story.nodes) if weight in node["inputs"]]
        (x,) = {*story.nodes[product]["inputs"]} - {weight}
        x_data, w_data = story.nodes[x]["data"], story.nodes[weight]["data"]
        assert rows[f"w.{k}"] == [f"{shown(delta)} · {enclosed(x_data)}", *2 * [shown(story.final[weight])]]
        assert rows[f"layer 0, neuron {k}"][:2] == [f"{shown(delta)} · {enclosed(w_data)}", shown(delta * w_data)]


def test_the_steps_forward_compute_with_numbers(page: Page, tmp_path: Path) -> None:
    numbers = {"w1": 0.5, "w2": -0.3, "x1": 1.5, "x2": -2.0}
    output = evaluate("z = w1*x1 + w2*x2; y = z**3", numbers).output
    opened(page, output, tmp_path)
    steps = walk(page, "forward")
    assert [step["numbers"] for step in steps] == [
        "", "0.5 * 1.5 = 0.75", "-0.3 * (-2) = 0.6", "0.75 + 0.6 = 1.35", "1.35 ** 3 = 2.46038"
    ]  # fmt: skip
    assert steps[3]["words"] == "Step 3 of 4: z = v2 + v5 gives 1.35."
    opened(page, -Value(-3.0, label="x"), tmp_path)
    assert walk(page, "forward")[1]["numbers"] == "-(-3) = 3"


@pytest.mark.parametrize("make", SMALL.values(), ids=SMALL)
@pytest.mark.slow
def test_values_appear_as_they_are_computed(make: Any, page: Page, tmp_path: Path) -> None:
    output = make()
    order = opened(page, output, tmp_path)
    press(page, "open-all")
    known = {i for i, node in enumerate(order) if not node.inputs}
    for at, step in enumerate(walk(page, "forward")):
        if at:
            (i,) = [int(unit[1:]) for unit in step["active"]]
            assert {j for j, _ in enumerate(order) if order[j] in order[i].inputs} <= known
            known.add(i)
            assert step["numbers"].endswith(f"= {shown(order[i].data)}")
            assert set(step["source"]) == {f"n{order.index(x)}" for x in order[i].inputs if not x.is_constant}
        for unit, looks in step["units"].items():
            i = int(unit[1:])
            assert (looks["data"], looks["grad"]) == (f"data {shown(order[i].data)}" if i in known else "data …", "")
            assert looks["pending"] == (i not in known)
    assert len(known) == len(order)


def test_colours_tell_the_gradient_of_this_step(page: Page, tmp_path: Path) -> None:
    """As micrograd's issue has it: the gradient is 12, then -3, and each shows in the colour of its sign."""
    x = Value(1.0, label="x")
    d = x * -15 + x * x * x * 4
    opened(page, d, tmp_path)
    seen = []
    for step in walk(page):
        looks = step["units"]["n0" if "n0" in step["units"] else "n1"]
        seen.append((looks["grad"], looks["fill"]))
    assert len({grad for grad, _ in seen}) > 3
    for grad, fill in seen:
        number = float(grad.removeprefix("grad ").replace("–", "0"))
        reds, _, blues = (int(part) for part in re.findall(r"\d+", fill)) if fill else (0, 0, 0)
        assert (blues > reds) == (number > 0)
        assert (reds > blues) == (number < 0)
    assert palette.POSITIVE != palette.NEGATIVE


def test_boxes_that_need_each_other_in_turn_are_one_step(page: Page, tmp_path: Path) -> None:
    """A cell and a head, called in turn: as nodes they have an order, and as closed boxes none."""
    x = Value(0.5, label="x")
    with named_scope("cell"):
        a = x * 2.0
    with named_scope("head"):
        b = a.tanh()
    c = b * 3.0
    d = c.exp()
    c.scope, d.scope = a.scope, b.scope
    e = d + x
    opened(page, e, tmp_path)
    press(page, "close-all")
    steps = walk(page)
    Story(e).check(steps)
    (merged,) = [step for step in steps if len(step["source"]) > 1]
    assert re.search(r"\b[Cc]ell and head\b|\b[Hh]ead and cell\b", merged["words"])
    assert "They need each other in turn" in merged["words"]
    (forward,) = [step for step in walk(page, "forward") if "need each other" in step["words"]]
    assert "computes 4 operations" in forward["words"]
    press(page, "open-all")
    steps = walk(page)
    Story(e).check(steps)
    assert not [step for step in steps if "need each other" in step["words"]]


def test_the_calls_of_a_layer_are_told_apart(page: Page, tmp_path: Path) -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Layer(2, 2, "tanh", rng=0)

        def forward(self, x: list[Value]) -> Value:
            return sum(self.layer(self.layer(x)), Value(0.0, label="start"))

    output = Twice()([Value(0.5, label="x1"), Value(-0.3, label="x2")])
    opened(page, output, tmp_path)
    press(page, "close-all")
    steps = walk(page)
    Story(output).check(steps)
    words = " ".join(step["words"] for step in steps)
    calls = re.findall(r": layer \(call (\d)\) receives gradients for 2 outputs", words, re.IGNORECASE)
    assert calls == ["2", "1"]
    press(page, "open-all")
    Story(output).check(walk(page))
    assert page.locator("#canvas .frame-title", has_text="layer, call 2").count() == 1


def test_the_parameters_of_a_neuron_come_as_a_group(page: Page, tmp_path: Path) -> None:
    output = network(2, [2, 1])
    opened(page, output, tmp_path)
    press(page, "open-all")
    choose(page, "group")
    steps = walk(page)
    Story(output).check(steps)
    groups = [step for step in steps if "to its own parameters" in step["words"]]
    assert [step["words"].split(": ")[1] for step in groups] == [
        f"Layer {one} hands 3 contributions to its own parameters."
        for one in ("1, neuron 0", "0, neuron 1", "0, neuron 0")
    ]
    story = Story(output)
    names = {node["name"]: i for i, node in enumerate(story.nodes)}
    for row in groups[0]["rows"]:
        gradient = shown(story.final[names[row[0]]])
        assert row[2:] == [gradient, gradient]
    assert {row[0] for row in groups[0]["rows"]} == {f"layers.1.neurons.0.{one}" for one in ("b", "w.0", "w.1")}


def test_steps_that_contribute_0_can_be_skipped(page: Page, tmp_path: Path) -> None:
    output = network(2, [4, 1], "relu")
    opened(page, output, tmp_path)
    press(page, "open-all")
    steps = walk(page)
    story = Story(output)
    story.check(steps)
    nothing = {
        at for at, step in enumerate(steps)
        if at > 1 and all(story.engine[i, k]["contribution"] == 0.0 for i, k, _ in story.edges(step))
    }  # fmt: skip
    assert len(nothing) > 5
    kept = [at for at in range(len(steps)) if at not in nothing or at == len(steps) - 1]
    choose(page, "zeros")
    for button, start, order in (("next", "first", kept[1:]), ("previous", "last", kept[-2::-1])):
        press(page, start)
        visited = page.evaluate(
            """([button, times]) => Array.from({ length: times }, () => {
              document.getElementById(button).click();
              return Number(document.getElementById("slider").value);
            })""",
            [button, len(order)],
        )
        assert visited == order


@pytest.mark.parametrize(("make", "paths"), [(tesla, "one path"), (lambda: GRAPHS["neuron"](), "one path")])
def test_one_path_is_called_one_path(make: Any, paths: str, page: Page, tmp_path: Path) -> None:
    opened(page, make(), tmp_path)
    page.keyboard.press("End")
    assert f"is the sum over {paths} from" in text(page, "paths-of")
    assert not text(page, "paths-sum")


def test_the_paths_add_up(page: Page, tmp_path: Path) -> None:
    diamond = evaluate("b = a + a; c = b * b; d = c + b", {"a": 3.0}).output
    opened(page, diamond, tmp_path)
    page.keyboard.press("End")
    assert page.locator("#paths li").count() == 6
    assert text(page, "paths-of") == "∂d/∂a is the sum over 6 paths from d to a."
    products = [float(item.split(" = ")[-1]) for item in page.locator("#paths li").all_inner_texts()]
    assert sum(products) == 26.0
    assert "They add up to 26, which is the gradient" in text(page, "paths-sum")
    page.keyboard.press("ArrowLeft")
    assert "has 13 of it so far" in text(page, "paths-sum")
    x = Value(3.0, label="x")
    opened(page, x * x, tmp_path)
    page.keyboard.press("End")
    assert "is the sum over two paths from" in text(page, "paths-of")


def test_max_and_detach_are_explained_and_nothing_is_minus_0(page: Page, tmp_path: Path) -> None:
    a, b = Value(-2.0, label="a"), Value(0.0, label="b")
    output = maximum(a, b) * -1.0 + detach(a * b) * a - b
    opened(page, output, tmp_path)
    steps = walk(page)
    Story(output).check(steps)
    by_operand = {tuple(step["source"]): step["words"] for step in steps[2:]}
    order = topological_order(output)
    signs = {node.op.symbol: f"n{i}" for i, node in enumerate(order) if node.op and node.inputs}
    assert "max hands its gradient to the larger operand" in by_operand[signs["max"],]
    assert "detach keeps the number and drops the derivative" in by_operand[signs["detach"],]
    for step in steps + walk(page, "forward"):
        for shown_text in (*step["units"].values(), *step.values()):
            assert not re.search(r"(?<![\w.])-0(?![\w.])", str(shown_text)), shown_text
