"""The quiz on the stepper's page: what it asks, what it keeps back, and how it answers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest

from autograd_core import Value, backward_steps, topological_order
from autograd_core.expression import evaluate
from autograd_core.mistakes import MISTAKES
from tests.viz.steppers import choose, lines, network, opened, press, step_to, tesla, text
from tests.viz.stories import shown
from viz import Stepper
from viz.practice import Question

if TYPE_CHECKING:
    from playwright.sync_api import Page


def chain() -> Value:
    """Operations whose values, slopes and gradients are all different numbers."""
    return evaluate("u = tanh(w*x); loss = (u - t)**2 + 0.3*u", {"w": 0.7, "x": 1.3, "t": 0.41}).output


def twice() -> Value:
    return evaluate("a = x*x; y = a + tanh(a)*x", {"x": 1.5}).output


# What a reader, with these tabs, or a pointer can find out from the page; a screen reader is asked on its own.
TOLD = """(tabs) => tabs.flatMap((tab) => {
  document.getElementById(`tab-${tab}`).click();
  return [...document.body.querySelectorAll("*")].flatMap((one) => !one.checkVisibility() ? [] : [
    ...[...one.childNodes].filter((child) => child.nodeType === Node.TEXT_NODE).map((child) => child.data),
    ...one.getAttributeNames().filter((name) => name === "title" || name === "value" || name.startsWith("aria-"))
      .map((name) => one.getAttribute(name)),
  ]);
}).concat(location.hash.replace(/camera=[^&]*/, "")).join("\\n")"""


def told(page: Page, *tabs: str) -> set[str]:
    """All words and numbers; the screen reader has the last of the tabs."""
    found = page.evaluate(TOLD, [*tabs])
    return set(re.split(r"[^\w.+-]+", found + "\n" + page.locator("main").aria_snapshot()))


def known(output: Value, kind: Question) -> list[tuple[str, set[str], set[str]]]:
    """For each step the node it is about, what must not be told while it is asked about, and what may be."""
    order = topological_order(output)
    given = {shown(node.data) for node in order} | {"0", "1"}
    found = []
    if kind == "value":
        done = {shown(node.data) for node in order if not node.inputs}
        for i, node in enumerate(order):
            if node.inputs:
                done |= {shown(one) for before in order[:i] for one in before.partials}
                found.append((f"n{i}", {shown(node.data)} - done, done))
                done.add(shown(node.data))
        return found
    steps = list(backward_steps(output))
    last = {step.input: at for at, step in enumerate(steps)}
    gone: set[str] = set()
    slopes = {shown(one) for node in order for one in node.partials}
    for at, step in enumerate(steps):
        gone |= {shown(step.upstream or 0.0)}
        answers = {shown(step.contribution), shown(step.after)}
        if kind == "local":
            mine = {shown(step.local or 0.0)}
            others = {shown(one) for node in order for one in node.partials if node is not step.node}
            answers |= mine - others
        allowed = given | gone | (slopes if kind != "local" else set())
        asked = step.node is not None and (kind != "gradient" or last[step.input] == at)
        found.append((f"n{order.index(step.input)}" if asked else "", answers - allowed, allowed))
        gone |= {shown(step.contribution), shown(step.after), shown(step.before)}
    return found


@pytest.mark.parametrize("kind", ["product", "local", "gradient", "value"])
def test_while_a_question_is_open_its_answer_is_nowhere(kind: Question, page: Page, tmp_path: Path) -> None:
    output = chain()
    opened(page, output, tmp_path, quiz=kind)
    kept_back, answers = 0, set[str]()
    for at, (node, answers, _) in enumerate(known(output, kind), 1):
        step_to(page, at)
        assert page.locator("#asked").is_visible() == bool(node)
        if not node:
            continue
        assert page.evaluate("document.activeElement.id") == "guess"
        page.evaluate(
            "id => document.getElementById(id).dispatchEvent(new Event('pointerover', { bubbles: true }))", node
        )
        assert answers & told(page, "adds-up", "inputs", "descent") == set(), (node, answers)
        kept_back += len(answers)
        assert lines(page, node)[1 if kind == "value" else 2] == ("data ?" if kind == "value" else "grad ?")
        assert page.locator(f"#{node} .body").evaluate("body => body.style.fill") == ""
        assert "?" in text(page, "numbers") or kind == "gradient"
    assert kept_back > 3
    press(page, "reveal")
    assert answers <= told(page, "adds-up")


def test_which_node_comes_next_is_asked_in_the_picture_as_it_was(page: Page, tmp_path: Path) -> None:
    order = opened(page, twice(), tmp_path, quiz="next")
    names = {node.label or str(i): f"n{i}" for i, node in enumerate(order)}
    page.click("#next")
    page.click("#next")
    assert text(page, "words").endswith("which node hands its gradient on next?")
    assert page.locator(".node.active, .node.source, .edge.active").count() == 0
    assert lines(page, names["a"])[2] == "grad –"
    assert page.evaluate("document.activeElement.id") == "choice"
    page.click(f"#{names['a']}")
    assert "a still waits for" in text(page, "verdict")
    page.select_option("#choice", label="x")
    page.click("#check")
    assert text(page, "verdict").startswith("x is a leaf: it receives, and hands nothing on.")
    assert "It is y, which has its whole gradient." in text(page, "verdict"), "the second try was wrong, too"
    assert page.locator(".node.source").count() == 1
    for _ in range(20):
        if page.locator("#asked").is_visible():
            break
        page.click("#next")
    page.locator("#canvas .node[aria-label^='v']").first.focus()
    keyed = page.evaluate("document.activeElement.id")
    page.keyboard.press("Enter")
    assert text(page, "verdict")
    assert keyed.startswith("n")


def test_a_wrong_answer_gets_its_diagnosis_and_a_second_try(page: Page, tmp_path: Path) -> None:
    output = twice()
    order = opened(page, output, tmp_path, quiz="gradient")
    x = next(node for node in order if node.label == "x")
    right = next(step.after for step in reversed(list(backward_steps(output))) if step.input is x)
    page.click("#last")
    assert text(page, "words").endswith("What is its whole gradient?")
    page.fill("#guess", "much")
    page.keyboard.press("Enter")
    assert "is not a number" in text(page, "verdict")
    assert page.get_attribute("#guess", "aria-invalid") == "true"
    assert text(page, "score") == "", "what is no number is no try"
    page.fill("#guess", f"{MISTAKES['overwrite'](output)[x]:.4f}")
    page.keyboard.press("Enter")
    assert text(page, "verdict") == f"{MISTAKES['overwrite'].sentence} Try again."
    assert page.get_attribute("#guess", "aria-invalid") == "false"
    assert page.evaluate("document.activeElement.id") == "guess"
    assert shown(right) not in told(page, "adds-up")
    page.fill("#guess", "\u2212" + f"{right:.3f}")
    page.keyboard.press("Enter")
    assert text(page, "verdict") == f"The number is right, and its sign is not. It is {shown(right)}."
    assert text(page, "score") == "Score: 0 of 1"
    assert page.evaluate("document.activeElement.id") == "next"
    assert lines(page, f"n{order.index(x)}")[2] == f"grad {shown(right)}"


def test_a_quiz_keeps_the_score_and_it_can_be_copied(page: Page, tmp_path: Path) -> None:
    opened(page, tesla(), tmp_path)
    choose(page, "quiz")
    page.click("#next")
    page.click("#next")
    assert text(page, "numbers") == "1 · 2 = ?"
    for absurd, said in (("", "Type a number"), ("two", "is not a number"), ("<b>2</b>", "is not a number")):
        page.fill("#guess", absurd)
        page.click("#check")
        assert said in text(page, "verdict")
    page.fill("#guess", "2.01")  # within one percent
    page.keyboard.press("Enter")
    assert text(page, "verdict").startswith("Right.")
    assert text(page, "score") == "Score: 1 of 1"
    assert text(page, "numbers") == "1 · 2 = 2"
    page.keyboard.press("Enter")  # on Next, which has the focus
    page.fill("#guess", "100")
    page.click("#check")
    assert text(page, "verdict") == f"{MISTAKES['no_upstream'].sentence} Try again."
    page.fill("#guess", "400/2")
    page.click("#check")
    assert text(page, "score") == "Score: 2 of 2, 1 of them not at the first try"
    page.click("#previous")
    assert text(page, "numbers") == "1 · 2 = 2"  # once answered it stays open
    assert text(page, "verdict") == ""
    page.click("#copy-score")
    page.locator("#copied:text('Cop')").wait_for()
    assert page.input_value("#score-text").splitlines() == [
        "Backpropagation of tesla: 2 of 2, 1 of them not at the first try",
        "what bmw receives from tesla: right",
        "what ground receives from bmw: right at try 2 (no_upstream)",
    ]


def test_playing_stops_at_a_question_and_keys_do_not_answer_it(page: Page, tmp_path: Path) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    opened(page, chain(), tmp_path)
    choose(page, "quiz")
    page.select_option("#speed", "33")
    page.click("#play")
    sync_api.expect(page.locator("#play")).to_have_text("Play")
    assert text(page, "count").startswith("2 of ")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "next", "the keyboard gets out of the question, too"
    for key in ("ArrowRight", "ArrowLeft"):
        page.locator("#picture").focus()
        page.keyboard.press(key)
    assert text(page, "numbers").endswith(" = ?")
    assert text(page, "score") == ""


def test_a_teacher_chooses_what_is_asked_and_boxes_open_for_it(page: Page, tmp_path: Path) -> None:
    output = network(2, [2, 1])
    weight = next(node for node in topological_order(output) if node.label == "layers.0.neurons.1.w.0")
    order = opened(page, output, tmp_path, quiz="local", ask=[weight, "x1"], open=[])
    place = {node.label: f"n{i}" for i, node in enumerate(order)}
    assert page.locator(f"#{place['layers.0.neurons.1.w.0']}").is_visible()
    assert f"quiz=local&ask={place['layers.0.neurons.1.w.0']}&ask={place['x1']}" in page.url
    asked = page.evaluate("""() => {
      const found = [];
      for (let s = 0; s < Number(slider.max); s += 1) {
        next.click();
        const about = /respect to (\\S+?)( as|\\?)/.exec(words.textContent);
        if (!document.getElementById("asked").hidden) found.push(about[1]);
      }
      return found;
    }""")
    assert sorted(asked) == ["layers.0.neurons.1.w.0", "x1", "x1"]


def test_a_quiz_that_finds_its_boxes_closed_opens_some(page: Page, tmp_path: Path) -> None:
    opened(page, network(2, [2, 1]).inputs[0].inputs[0], tmp_path, open=[])
    assert page.locator(".node.box").count() > 0
    for kind in ("local", "gradient", "value", "next"):
        press(page, "close-all")
        page.click("#tab-practice")
        page.select_option("#quiz-kind", kind)
        assert page.is_checked("#quiz")
        assert page.locator("#phase-forward").get_attribute("aria-pressed") == str(kind == "value").lower()
        for _ in range(40):
            if page.locator("#asked").is_visible() or page.get_attribute("#next", "aria-disabled") == "true":
                break
            page.click("#next")
        assert page.locator("#asked").is_visible(), kind


BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"quiz": "slope"}, ValueError, "there is no 'slope'"),
    ({"quiz": "locl"}, ValueError, "did you mean 'local'"),
    ({"quiz": True}, ValueError, "there is no True"),
    ({"ask": ["x"]}, ValueError, "choose one too"),
    ({"quiz": "local", "ask": []}, ValueError, "ask is empty"),
    ({"quiz": "local", "ask": "x"}, TypeError, r"a list of nodes, such as \['x'\]"),
    ({"quiz": "local", "ask": [3]}, TypeError, "Values or their names, not 3"),
    ({"quiz": "local", "ask": ["xx"]}, ValueError, "did you mean 'x'"),
    ({"quiz": "local", "ask": [Value(1.0, label="z")]}, ValueError, "'?z'? is not in this graph"),
    ({"quiz": "local", "ask": ["y"]}, ValueError, "'y', which is the output"),
    ({"quiz": "value", "ask": ["x"]}, ValueError, "'x', which is a leaf"),
    ({"quiz": "next", "ask": ["x"]}, ValueError, "'x', which hands nothing on"),
]


@pytest.mark.parametrize(("options", "error", "said"), BAD)
def test_what_cannot_be_asked_is_an_error_that_says_so(options: Any, error: Any, said: str) -> None:
    with pytest.raises(error, match=said):
        Stepper(twice(), **options)


def test_a_graph_without_operations_has_nothing_to_ask() -> None:
    for kind in get_args(Question):
        with pytest.raises(ValueError, match="finds nothing to ask about"):
            Stepper(Value(2.0), quiz=kind)


def test_an_address_that_asks_nonsense_is_told(page: Page, tmp_path: Path) -> None:
    path = Stepper(twice(), quiz="value").save(tmp_path / "step.html")
    page.goto(f"{path.as_uri()}#quiz=slope&ask=n99&ask=x")
    page.locator("#trouble:visible").wait_for()
    for part in ("no quiz “slope”", "no node “n99”", "no node “x”"):
        assert part in text(page, "trouble")
    assert json.loads(Stepper(twice()).compact())["version"] == 2
