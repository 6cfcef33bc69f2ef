"""What the quiz says of an answer, asked of its module alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autograd_core import topological_order
from autograd_core.expression import evaluate
from tests.viz.static.scripts import run
from viz import Stepper
from viz.practice import told as told_by_python

if TYPE_CHECKING:
    from playwright.sync_api import Page

# At y = a*w with w = 4 and a = x*x = 9, and z = exp(0.1*y): what is asked, a wrong answer, and what is said of it.
SAID = [
    ("product", "a", "3.66", "local derivative is missing"), ("product", "a", "4", "upstream gradient is missing"),
    ("product", "x", "87.84", "factor of 2"), ("local", "a", "9", "value of the forward pass"),
    ("local", "x", "6", "for all 2 arguments together"), ("local", "a", "-4", "sign is wrong"),
    ("local", "a", "3.6598234", "comes from above"), ("local", "a", "14.64", "has the gradient of y in it already"),
    ("value", "y", "13", "That is the sum"), ("value", "a", "3", "That is x itself"),
    ("value", "a", "77", "Not quite."),
]  # fmt: skip


# What is said of each answer to the first question of its kind about a node.
JUDGED = """
  const [trace, sentences, asked] = given;
  const graph = traceModule.read(trace);
  const seen = treeModule.view(graph, new Set());
  const stories = storyModule.stepsOf(seen, false, []);
  const context = { graph, seen, sentences, stories, write: wordsModule.writer(graph),
    pass: engineModule.backwardPass(graph.nodes, graph.output) };
  return asked.map(([kind, node, answer]) => {
    const phase = kind === "value" ? "forward" : "backward";
    const steps = context.stories[phase].map((_, s) => ({ ...context, phase, at: s + 1 }));
    return steps.map((step) => questionsModule.questionAt(kind, new Set([node]), step)).find(Boolean).check(answer);
  });
"""


def test_each_kind_of_question_knows_its_mistakes(page: Page) -> None:
    output = evaluate("a = x*x; y = a*w; z = exp(0.1*y)", {"x": 3.0, "w": 4.0}).output
    place = {node.label: i for i, node in enumerate(topological_order(output))}
    asked = [(kind, place[node], answer) for kind, node, answer, _ in SAID]
    modules = "trace tree story words engine questions"
    told = run(page, modules, JUDGED, [Stepper(output).compact(), told_by_python()["sentences"], asked])
    for (*question, expected), found in zip(SAID, told, strict=True):
        assert not found["right"], question
        assert expected in found["said"], question
