"""Finding the bug on the stepper's page: broken passes, the first wrong step, and the name of the mistake."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from autograd_core import Value, topological_order
from autograd_core.expression import evaluate
from autograd_core.mistakes import MISTAKES
from tests.viz.static.scripts import run
from tests.viz.steppers import lines, network, opened, press, step_to, text
from tests.viz.stories import shown
from viz import Stepper
from viz.practice import bug_to_find

if TYPE_CHECKING:
    from playwright.sync_api import Page


def reused() -> Value:
    """Steps: the seed, a from y, v3 from y, a from v3, w from v3, and x from a twice."""
    return evaluate("a = x*x; y = a + a*w", {"x": 1.5, "w": 4.0}).output


# The first step at which each mistake shows.
FIRST = {
    "overwrite": 4, "no_local": 4, "no_upstream": 6, "first_path": 4, "set_of_inputs": 7, "no_order": 4,
    "not_zeroed": 2, "sign": 2, "data_for_gradient": 2,
}  # fmt: skip


# For each bug the gradients in the end, and what is said of its name at each step.
PLAYED = """
  const [trace, sentences] = given;
  const graph = traceModule.read(trace);
  const hunt = huntModule.createHunt(graph, sentences);
  return Object.keys(sentences).map((name) => {
    hunt.set(name);
    const stories = { backward: hunt.story({ unitOf: graph.nodes.map((_, i) => i) }) };
    const said = stories.backward.map((_, s) => hunt.scene({ stories, at: s + 1 }, false).question.check(name));
    return [[...mistakesModule.played(graph, name).gradients], said];
  });
"""


def test_every_bug_is_played_as_it_is_defined_and_found_where_it_begins(page: Page) -> None:
    assert list(FIRST) == list(MISTAKES)
    output = reused()
    sentences = {name: mistake.sentence for name, mistake in MISTAKES.items()}
    told = run(page, "trace mistakes hunt", PLAYED, [Stepper(output).compact(), sentences])
    for (name, first), (gradients, said) in zip(FIRST.items(), told, strict=True):
        ended = list(MISTAKES[name].variants(output))[1 if name == "not_zeroed" else 0]
        assert gradients == pytest.approx([ended[node] for node in topological_order(output)]), name
        assert [one["right"] for one in said] == [at == first for at in range(1, 8)], name
        assert said[first - 1]["said"] == sentences[name]
        assert all(one["said"].startswith("This step is right: ") for one in said[: first - 1])
        assert all(one["said"] == "An earlier step is wrong already." for one in said[first:])


def test_the_page_plays_the_bug_and_its_address_does_not_tell(page: Page, tmp_path: Path) -> None:
    output = reused()
    order = opened(page, output, tmp_path, bug="not_zeroed")
    assert "this backward pass has a bug" in text(page, "words")
    assert lines(page, "n0")[2] == "grad 15", "from the pass before"
    page.click("#last")
    ended = list(MISTAKES["not_zeroed"].variants(output))[1]
    for i, node in enumerate(order):
        if not node.is_constant:
            assert lines(page, f"n{i}")[2] == f"grad {shown(ended[node])}", node
    step_to(page, 2)
    assert "zeroed" not in page.url
    page.select_option("#choice", "not_zeroed")
    page.click("#check")
    assert text(page, "verdict") == f"Right. {MISTAKES['not_zeroed'].sentence}"
    assert not page.locator("#asked").is_visible()


def test_wrong_empty_and_absurd_answers_and_the_solution(page: Page, tmp_path: Path) -> None:
    opened(page, reused(), tmp_path, bug="overwrite")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert text(page, "count") == "2 of 7", "the keys go on stepping"
    press(page, "first")
    page.click("#next")
    page.click("#check")
    assert "every pass starts with 1" in text(page, "verdict")
    step_to(page, 4)
    page.click("#check")
    assert text(page, "verdict") == "This is the first wrong step. Choose which mistake it is."
    assert page.get_attribute("#choice", "aria-invalid") == "true"
    assert "its gradient goes from 1 to 4" in text(page, "words")
    assert (text(page, "sum"), text(page, "numbers")) == (
        "1 before, 4 after",
        "v3 has 1, the local derivative is 4, and 4 is handed back",
    )
    for _ in range(3):
        page.select_option("#choice", "sign")
        page.locator("#choice").press("Enter")
        assert text(page, "verdict") == "This is the first wrong step, but the mistake is another one. Try again."
    step_to(page, 6)
    page.click("#check")
    assert text(page, "verdict").startswith("An earlier step is wrong already.")
    page.click("#reveal")
    assert text(page, "verdict") == f"Step 4 is the first wrong one. {MISTAKES['overwrite'].sentence}"
    assert text(page, "score") == "Score: 0 of 1"


def test_mistakes_that_look_alike_on_a_graph_are_both_right(page: Page, tmp_path: Path) -> None:
    x = Value(3.0, label="x")
    opened(page, x * x, tmp_path, bug="set_of_inputs")
    page.click("#last")
    assert text(page, "words").endswith("x receives nothing from v1 as argument 2; its gradient stays 3.")
    page.select_option("#choice", "first_path")
    page.click("#check")
    assert text(page, "verdict") == f"Right. {MISTAKES['first_path'].sentence}"


def test_other_inputs_may_hide_it_and_the_page_says_so(page: Page, tmp_path: Path) -> None:
    order = opened(page, reused(), tmp_path, bug="no_upstream")
    w = next(i for i, node in enumerate(order) if node.label == "w")
    page.click("#tab-inputs")
    page.fill(f"#leaf-{w}", "0")
    assert "the bug does not show: every number is right" in text(page, "words")
    page.fill(f"#leaf-{w}", "2")
    step_to(page, 6)
    page.select_option("#choice", "no_upstream")
    page.click("#check")
    assert text(page, "verdict").startswith("Right.")


def test_the_page_can_choose_a_bug_itself_and_opens_the_boxes(page: Page, tmp_path: Path) -> None:
    opened(page, network(2, [2, 1]), tmp_path, open=[])
    page.click("#tab-practice")
    page.check("#hunt")
    assert page.locator(".node.box").count() == 0
    page.click("#next")
    page.click("#reveal")
    assert "is the first wrong one." in text(page, "verdict")
    page.uncheck("#hunt")
    assert text(page, "words").startswith("Start of the backward pass")
    opened(page, Value(2.0, label="x"), tmp_path)
    page.click("#tab-practice")
    page.locator("#hunt").click()
    assert text(page, "verdict").startswith("On this graph no mistake would show")
    assert not page.is_checked("#hunt")


# Whether each mistake shows on the page, for a graph in which each node stands by itself.
SHOWS = """
  const [trace, names] = given;
  const graph = traceModule.read(trace);
  const hunt = huntModule.createHunt(graph, Object.fromEntries(names.map((name) => [name, ""])));
  const seen = { unitOf: graph.nodes.map((_, i) => i) };
  return names.filter((name) => {
    hunt.set(name);
    return hunt.scene({ stories: { backward: hunt.story(seen) }, at: 0 }, false).asking === "bug";
  });
"""


def test_python_and_the_page_agree_on_what_shows(page: Page) -> None:
    for source in (
        "y = x*x",
        "y = exp(tanh(x))",
        "a = x*x; y = a + tanh(a)*x",
        "y = x + w",
        "y = x*0",
        "y = log(x - x)",
    ):
        for x in (0.0, 0.7, 1.0):
            output = evaluate(source, {"x": x, "w": 2.0} if "w" in source else {"x": x}).output
            showing = []
            for name in MISTAKES:
                with suppress(ValueError):
                    showing.append(bug_to_find(name, None, output))
            assert run(page, "trace hunt", SHOWS, [Stepper(output).compact(), list(MISTAKES)]) == showing, (source, x)


def test_a_random_bug_is_that_of_its_seed_and_shows() -> None:
    names = [Stepper(reused(), bug="random", seed=seed)._bug for seed in range(12)]
    assert names == [Stepper(reused(), bug="random", seed=seed)._bug for seed in range(12)]
    assert len(set(names)) > 3
    chain = evaluate("y = exp(tanh(x))", {"x": 0.7}).output
    assert {Stepper(chain, bug="random", seed=seed)._bug for seed in range(30)} <= {
        "no_local", "no_upstream", "not_zeroed", "sign", "data_for_gradient",
    }  # fmt: skip


def test_what_is_no_bug_is_an_error_that_says_so() -> None:
    for options, said in (
        ({"bug": "overwritten"}, "did you mean 'overwrite'"),
        ({"bug": True}, "there is no True"),
        ({"bug": "sign", "seed": 3}, "seed is a whole number for bug='random'"),
        ({"bug": "random", "seed": 0.5}, "seed is a whole number"),
        ({"seed": 1}, "seed is a whole number"),
        ({"bug": "sign", "quiz": "local"}, "leave out one of quiz and bug"),
    ):
        with pytest.raises(ValueError, match=said):
            Stepper(reused(), **options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no bug shows on this graph"):
        Stepper(Value(3.0), bug="random")
    assert topological_order(reused())[-1].grad == 0.0
