"""The stepper's page in headless Chromium: every step against the engine's own stream."""

from __future__ import annotations

import json
import math
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import nn
from autograd_core import Value, backward_steps, primitive, topological_order
from autograd_core.expression import evaluate
from autograd_core.formula import names_of, number_text
from autograd_core.functions import relu, sigmoid
from viz import Stepper

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def tesla() -> Value:
    return evaluate("bmw = 100*ground; tesla = 2*bmw", {"ground": 1.0}).output


def neuron() -> Value:
    numbers = {"w1": 0.5, "w2": -0.3, "x1": 1.5, "x2": -2.0, "b": 0.1, "target": 1.0}
    return evaluate("z = w1*x1 + w2*x2 + b; y = sigmoid(z); loss = (y - target)**2", numbers).output


def diamond() -> Value:
    return evaluate("b = a + a; c = b * b; d = c + b", {"a": 3.0}).output


EXAMPLES = {"tesla": tesla, "neuron": neuron, "diamond": diamond}


def opened(page: Page, output: Value, folder: Path) -> list[Value]:
    """Open the stepper of an output; the nodes by index."""
    page.goto(Stepper(output).save(folder / "step.html").as_uri())
    return topological_order(output)


def text(page: Page, name: str) -> str:
    return page.locator(f"#{name}").text_content() or ""


def lines(page: Page, i: int) -> list[str]:
    """What stands in the box of a node."""
    return page.eval_on_selector_all(f"#n{i} text", "all => all.map(one => one.textContent)")


def active(page: Page, kind: str) -> list[str]:
    return page.eval_on_selector_all(f"g.{kind}.active", "all => all.map(one => one.id)")


def enclosed(number: float) -> str:
    shown = number_text(number)
    return f"({shown})" if shown.startswith("-") else shown


@pytest.mark.parametrize("make", EXAMPLES.values(), ids=EXAMPLES)
def test_every_step_backward_is_the_engines(make: Any, page: Page, tmp_path: Path) -> None:
    output = make()
    order = opened(page, output, tmp_path)
    names, index = names_of(order), {node: i for i, node in enumerate(order)}
    pictures = [page.locator("#picture").inner_html()]
    for number, step in enumerate(backward_steps(output), 1):
        page.keyboard.press("ArrowRight")
        of = f"∂{names[output]}/∂{names[step.input]}"
        assert text(page, "words").startswith(f"Step {number} of ")
        assert active(page, "node") == [f"n{index[step.input]}"]
        if step.node is None:
            assert text(page, "symbols") == f"{of} = 1"
        else:
            upstream, local = f"∂{names[output]}/∂{names[step.node]}", f"∂{names[step.node]}/∂{names[step.input]}"
            assert text(page, "symbols") == f"{of} += {upstream} · {local}"
            product = f"{number_text(step.upstream)} · {enclosed(step.local)}"
            assert text(page, "numbers") == f"{product} = {number_text(step.contribution)}"
            total = f"{number_text(step.before)} + {enclosed(step.contribution)} = {number_text(step.after)}"
            assert text(page, "sum") == total
            assert active(page, "edge") == [f"e{index[step.node]}_{step.position}"]
            passed = page.locator("g.edge.passed:not(.active) > path")
            assert passed.count() == number - 2  # all edges but the seed's, which has none, and this one
            if number > 2:
                assert passed.first.evaluate("path => getComputedStyle(path).stroke") == "rgb(26, 26, 26)"
        pictures.append(page.locator("#picture").inner_html())

    output.backward()
    for i, node in enumerate(order):
        if not node.is_constant:
            assert lines(page, i)[-1] == f"grad {number_text(node.grad)}"
    last = page.locator("#picture").inner_html()
    for picture in reversed(pictures[:-1]):
        page.keyboard.press("ArrowLeft")
        assert page.locator("#picture").inner_html() == picture
    page.keyboard.press("End")
    assert page.locator("#picture").inner_html() == last
    page.keyboard.press("Home")
    assert page.locator("#picture").inner_html() == pictures[0]


@pytest.mark.parametrize("make", EXAMPLES.values(), ids=EXAMPLES)
def test_values_appear_as_they_are_computed(make: Any, page: Page, tmp_path: Path) -> None:
    order = opened(page, make(), tmp_path)
    page.keyboard.press("f")
    computed = {i for i, node in enumerate(order) if not node.inputs}
    for i, node in enumerate(order):
        if node.inputs:
            page.keyboard.press("ArrowRight")
            computed.add(i)
            assert active(page, "node") == [f"n{i}"]
            assert text(page, "numbers").endswith(f"= {number_text(node.data)}")
        for j, other in enumerate(order):
            if not other.is_constant:
                shown = number_text(other.data) if j in computed else "·"
                assert lines(page, j)[-2:] == [f"data {shown}", "grad ·"]


def test_the_paths_add_up(page: Page, tmp_path: Path) -> None:
    opened(page, diamond(), tmp_path)
    page.keyboard.press("End")
    assert page.locator("#paths li").count() == 6
    assert text(page, "paths-of").startswith("∂d/∂a is the sum over 6 paths")
    products = [float(item.split(" = ")[-1]) for item in page.locator("#paths li").all_inner_texts()]
    assert sum(products) == 26.0
    assert "They add up to 26, which is the gradient" in text(page, "paths-sum")
    page.keyboard.press("ArrowLeft")
    assert "has 13 of it so far" in text(page, "paths-sum")


def test_a_quiz_hides_the_contribution_and_keeps_the_score(page: Page, tmp_path: Path) -> None:
    opened(page, tesla(), tmp_path)
    page.check("#quiz")
    page.click("#next")
    page.click("#next")
    assert text(page, "numbers") == "1 · 2 = ?"
    receiver = int(active(page, "node")[0][1:])
    assert lines(page, receiver)[-1] == "grad ·"
    assert not page.locator("#adds-up").is_visible()
    page.fill("#guess", "two")
    page.click("#check")
    assert text(page, "words").startswith("Type a number")
    page.fill("#guess", "2.01")  # within one percent
    page.keyboard.press("Enter")
    assert text(page, "words").startswith("Right.")
    assert text(page, "score") == "Score: 1 of 1"
    assert text(page, "numbers") == "1 · 2 = 2"
    page.click("#next")
    page.fill("#guess", "150")
    page.click("#check")
    assert text(page, "words").startswith("Not quite.")
    assert text(page, "score") == "Score: 1 of 2"
    page.click("#previous")
    assert text(page, "numbers") == "1 · 2 = 2"  # once answered it stays open


def test_changed_inputs_run_both_passes_again(page: Page, tmp_path: Path) -> None:
    order = opened(page, neuron(), tmp_path)
    page.keyboard.press("End")
    before = page.locator("#picture").inner_html()
    places = {node.label: i for i, node in enumerate(order)}
    page.fill(f"#leaf-{places['w1']}", "1.75")
    numbers = {"w1": 1.75, "w2": -0.3, "x1": 1.5, "x2": -2.0, "b": 0.1, "target": 1.0}
    output = evaluate("z = w1*x1 + w2*x2 + b; y = sigmoid(z); loss = (y - target)**2", numbers).output
    output.backward()
    for i, node in enumerate(topological_order(output)):
        if not node.is_constant:
            assert lines(page, i)[-2:] == [f"data {number_text(node.data)}", f"grad {number_text(node.grad)}"]
            for k, operand in enumerate(node.inputs):
                if not operand.is_constant:
                    label = page.locator(f"#e{i}_{k} text").text_content()
                    assert label == number_text(node.partials[k])
    last = list(backward_steps(output))[-1]
    assert text(page, "numbers").endswith(f" = {number_text(last.contribution)}")
    page.fill(f"#leaf-{places['w1']}", "")  # half typed is not a number yet
    assert text(page, "numbers").endswith(f" = {number_text(last.contribution)}")
    page.click("#restore")
    assert page.locator("#picture").inner_html() == before


def test_a_rule_with_branches_shows_the_number_once_inputs_change(page: Page, tmp_path: Path) -> None:
    x = Value(2.0, label="x")
    opened(page, relu(x), tmp_path)
    page.keyboard.press("End")
    assert text(page, "rule") == "∂v1/∂x = 1"
    page.fill("#leaf-0", "-2")
    assert text(page, "rule") == "∂v1/∂x = 0"
    assert lines(page, 1)[-2] == "data 0"


def test_an_operation_without_source_leaves_the_inputs_as_they_are(page: Page, tmp_path: Path) -> None:
    @primitive(partials=lambda x, out: math.cos(x))
    def floats_only(x: float) -> float:
        return math.sin(x)

    opened(page, floats_only(Value(0.0, label="x")), tmp_path)
    page.keyboard.press("End")
    assert text(page, "numbers") == "1 · 1 = 1"
    assert not page.locator("#inputs").is_visible()


def test_clicks_jump_to_a_node_and_to_an_edge(page: Page, tmp_path: Path) -> None:
    order = opened(page, diamond(), tmp_path)
    steps = list(backward_steps(order[-1]))
    index = {node: i for i, node in enumerate(order)}
    page.locator("#n0").click()
    assert text(page, "count") == f"{len(steps)} of {len(steps)}"
    page.locator("#e1_0").dispatch_event("click")
    first = next(i for i, step in enumerate(steps, 1) if step.node is not None and index[step.node] == 1)
    assert text(page, "count") == f"{first} of {len(steps)}"


def test_play_runs_to_the_end_and_pauses(page: Page, tmp_path: Path) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    opened(page, tesla(), tmp_path)
    page.select_option("#speed", "33")
    page.click("#play")
    sync_api.expect(page.locator("#count")).to_have_text("3 of 3")
    sync_api.expect(page.locator("#play")).to_have_text("Play")
    page.select_option("#speed", "2000")
    page.locator("#picture").focus()
    page.keyboard.press("Space")
    assert text(page, "play") == "Pause"
    page.keyboard.press("Space")
    assert (text(page, "play"), text(page, "count")) == ("Play", "0 of 3")


HOSTILE = "</script><img src=x onerror=alert(1)>\"']]>&<!--"


def test_a_hostile_label_is_text(page: Page, tmp_path: Path) -> None:
    x = Value(2.0, label=HOSTILE)
    opened(page, x * x, tmp_path)
    page.keyboard.press("End")
    assert HOSTILE in text(page, "symbols")
    assert page.locator("img").count() == 0


@pytest.mark.parametrize(
    ("tamper", "complaint"),
    [
        (lambda trace: trace.update(version=2), "traces of version 1"),
        (lambda trace: trace["nodes"].pop(), "of no node|not as it should be|backward step"),
        (lambda trace: trace["nodes"][1].update(name={"toString": 1}), "node 1 of the trace"),
        (lambda trace: trace["backward"][1].update(after="<img src=x onerror=alert(1)>"), "backward step 2"),
        (lambda trace: trace["nodes"][1].update(inputs=[99]), "node 1 of the trace"),
        (lambda trace: trace.update(backward=[]), "lacks its nodes or steps"),
    ],
)
def test_a_tampered_trace_is_refused(tamper: Any, complaint: str, page: Page, tmp_path: Path) -> None:
    stepper = Stepper(tesla())
    stepper.trace = json.loads(json.dumps(stepper.trace))
    stepper.trace["nodes"][1]["inputs"] = stepper.trace["nodes"][1]["inputs"]
    tamper(stepper.trace)
    page.goto(stepper.save(tmp_path / "step.html").as_uri())
    assert re.search(complaint, text(page, "trouble"))
    assert not page.locator("#controls").is_visible()
    assert page.locator("#picture svg").is_visible()


def test_without_scripts_the_picture_is_there(browser: Browser, tmp_path: Path) -> None:
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto(Stepper(tesla()).save(tmp_path / "step.html").as_uri())
    assert page.locator("#picture svg").is_visible()
    assert not page.locator("#controls").is_visible()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 550])  # a telephone; a window of 1100 at 200 %
def test_axe_finds_nothing_serious(scheme: Any, width: int, browser: Browser, tmp_path: Path) -> None:
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800}, bypass_csp=True)
    page = context.new_page()
    page.goto(Stepper(neuron()).save(tmp_path / "step.html").as_uri())
    page.check("#quiz")
    for _ in range(4):
        page.click("#next")
        if page.locator("#reveal").is_visible():
            page.click("#reveal")
    results = Axe().run(page)
    serious = [
        violation for violation in results.response["violations"] if violation["impact"] in ("serious", "critical")
    ]
    assert [(violation["id"], violation["nodes"][0]["html"]) for violation in serious] == []
    # Usable when narrow: nothing but the picture scrolls sideways.
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    context.close()


def test_every_control_is_reached_by_keyboard(page: Page, tmp_path: Path) -> None:
    opened(page, neuron(), tmp_path)
    reached = []
    for _ in range(20):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        if reached[-1]:
            assert outline != "none"
    wanted = {"phase-forward", "phase-backward", "first", "previous", "play", "next", "last", "speed", "slider", "quiz"}
    assert wanted <= set(reached)


def test_a_page_is_small() -> None:
    assert len(Stepper(tesla()).html().encode()) < 100_000


def test_in_a_notebook_page(browser: Browser, tmp_path: Path) -> None:
    """As nbconvert shows it: the frame works, and without it the picture under it is what is left."""
    nbformat, nbconvert = pytest.importorskip("nbformat"), pytest.importorskip("nbconvert")
    source = "from autograd_core.expression import evaluate\nfrom viz import Stepper\n"
    source += "Stepper(evaluate('bmw = 100*ground; tesla = 2*bmw', {'ground': 1.0}).output)"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    nbconvert.preprocessors.ExecutePreprocessor(timeout=60).preprocess(notebook)
    body, _ = nbconvert.HTMLExporter(template_name="basic").from_notebook_node(notebook)
    path = tmp_path / "notebook.html"
    path.write_text(body, encoding="utf-8")
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.goto(path.as_uri())
    frame = page.frame_locator("iframe")
    frame.locator("#next").click()
    frame.locator("#next").click()
    assert frame.locator("#sum").inner_text() == "0 + 2 = 2"
    page.evaluate("document.querySelector('iframe').remove()")
    assert page.locator("img[alt^='The graph']").evaluate("image => image.naturalWidth") > 100
    context.close()


def test_what_a_step_is_about_is_in_view(page: Page, tmp_path: Path) -> None:
    """In a picture too tall and too wide for the window, and what the step says is in view with it."""
    opened(page, nn.losses.mse_loss(nn.MLP(2, [4, 4, 1], rng=0)([0.5, -0.3]), 1.0), tmp_path)
    picture = page.locator("#picture").bounding_box()
    assert picture is not None
    seen, line = 0, 6  # the outline becomes thicker
    for _ in range(60):
        page.keyboard.press("ArrowRight")
        node = page.locator(".node.active").first.bounding_box()
        assert node is not None
        assert picture["x"] <= node["x"] + line
        assert node["x"] + node["width"] <= picture["x"] + picture["width"] + line
        assert picture["y"] <= node["y"] + line
        assert node["y"] + node["height"] <= picture["y"] + picture["height"] + line
        seen += 1
    numbers = page.locator("#numbers").bounding_box()
    assert seen == 60
    assert numbers is not None
    assert numbers["y"] + numbers["height"] <= 800


def test_in_a_frame_that_is_shown_later(page: Page, tmp_path: Path) -> None:
    """Such as a slide's, or that of a notebook which is still being laid out."""
    x = Value(2.0, label="x")
    html = Stepper(x * x)._repr_mimebundle_()["text/html"]
    path = tmp_path / "later.html"
    path.write_text(f"<!DOCTYPE html><meta charset='utf-8'><div style='display: none'>{html}</div>", encoding="utf-8")
    page.goto(path.as_uri())
    frame = page.frame_locator("iframe")
    frame.locator("#count").wait_for(state="attached")
    page.evaluate("document.querySelector('div').style.display = 'block'")
    frame.locator("#next").click()
    boxes = frame.locator("#picture .node")
    for box in boxes.all():
        outline = box.locator("path").first.bounding_box()
        assert outline is not None
        assert outline["width"] > 30
        for line in box.locator("text").all():
            place = line.bounding_box()
            assert place is not None
            assert outline["x"] <= place["x"]
            assert place["x"] + place["width"] <= outline["x"] + outline["width"]


def test_sigmoid_is_stepped(page: Page, tmp_path: Path) -> None:
    x = Value(-1e-9, label="x")
    opened(page, sigmoid(x), tmp_path)
    page.keyboard.press("End")
    assert text(page, "numbers") == "1 · 0.25 = 0.25"
    assert lines(page, 0) == ["x", "data -1e-09", "grad 0.25"]


@pytest.fixture(scope="module")
def large() -> Stepper:
    model = nn.MLP(2, [40, 40, 1], rng=0)
    return Stepper(nn.losses.mse_loss(model([0.5, -0.3]), 1.0))


def test_a_large_network_is_stepped_through_by_layer(large: Stepper, page: Page, tmp_path: Path) -> None:
    assert len(large.trace["nodes"]) > 5000
    page.goto(large.save(tmp_path / "large.html").as_uri())
    assert text(page, "count") == f"0 of {text(page, 'count').split(' of ')[1]}"
    page.keyboard.press("ArrowRight")
    assert re.search(r"Step 1 of \d+: .* hands back 2 contributions", text(page, "words"))
    page.keyboard.press("End")
    totals = {step["input"]: step["after"] for step in large.trace["backward"]}
    for index, box in large.trace["boxes"].items():
        if box["node"] is not None:
            assert lines(page, int(index))[-1] == f"grad {number_text(totals[box['node']])}"
    (first,) = [int(index) for index, box in large.trace["boxes"].items() if box["scope"] == "layers.0"]
    page.locator(f"#n{first}").click()
    rows = page.locator("#members tr").all_inner_texts()
    inside = [i for i, node in enumerate(large.trace["nodes"]) if node["box"] == first and not node["constant"]]
    assert len(inside) == 320
    assert len(rows) == 200
    for i, row in zip(inside, rows, strict=False):
        node = large.trace["nodes"][i]
        assert row.split("\t") == [
            node["name"], node["operation"] or "", number_text(node["data"]), number_text(totals[i])
        ]  # fmt: skip
    page.keyboard.press("f")
    page.keyboard.press("End")
    assert "computes" in text(page, "words")
    assert not page.locator("#inputs").is_visible()


def test_a_large_network_is_quick(large: Stepper, page: Page, tmp_path: Path) -> None:
    path = large.save(tmp_path / "large.html")
    start = time.perf_counter()
    page.goto(path.as_uri())
    page.locator("#controls").wait_for()
    assert time.perf_counter() - start < 2.0
    milliseconds = page.evaluate(
        """() => {
            const start = performance.now();
            for (let i = 0; i < 60; i += 1) document.getElementById("next").click();
            return performance.now() - start;
        }"""
    )
    assert text(page, "count").startswith("60 of ")
    assert milliseconds < 2000.0  # 30 steps a second
