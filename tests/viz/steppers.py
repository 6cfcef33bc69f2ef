"""The graphs that the tests of the stepper's page step through, and how they read what the page shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import nn
from autograd_core import Value, topological_order
from autograd_core.expression import evaluate
from viz import Stepper

if TYPE_CHECKING:
    from playwright.sync_api import Page


def tesla() -> Value:
    return evaluate("bmw = 100*ground; tesla = 2*bmw", {"ground": 1.0}).output


def neuron() -> Value:
    numbers = {"x1": 2.0, "x2": 0.0, "w1": -3.0, "w2": 1.0, "b": 6.88, "target": 1.0}
    return evaluate("o = tanh(x1*w1 + x2*w2 + b); L = (o - target)**2", numbers).output


def network(nin: int, nouts: list[int], activation: Any = "tanh") -> Value:
    """The loss of a perceptron on one sample."""
    model = nn.MLP(nin, nouts, activation, rng=0)
    loss = (model([Value(1.0 - 0.7 * i, label=f"x{i + 1}") for i in range(nin)]) - 1.0) ** 2
    loss.label = "loss"
    return loss


def micrograd() -> Value:
    """The expression in micrograd's README."""
    a, b = Value(-4.0, label="a"), Value(2.0, label="b")
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    f = (c - d) ** 2
    g = f / 2.0 + 10.0 / f
    g.label = "g"
    return g


def softmax() -> Value:
    loss = nn.losses.cross_entropy([Value(z, label=f"z{i + 1}") for i, z in enumerate((1.0, 2.0, -1.0))], 1)
    loss.label = "loss"
    return loss


def recurrent() -> Value:
    w, u, h = Value(0.5, label="w"), Value(0.8, label="u"), Value(0.0, label="h0")
    for t in range(5):
        h = (w * h + u * Value(0.3 * t, label=f"x{t}")).tanh()
        h.label = f"h{t + 1}"
    return h


GRAPHS: dict[str, Callable[[], Value]] = {
    "tesla": tesla,
    "neuron": neuron,
    "2-2-1": lambda: network(2, [2, 1]),
    "4-4-1": lambda: network(4, [4, 4, 1]),
    "micrograd": micrograd,
    "softmax": softmax,
    "recurrent": recurrent,
    "2-16-16-1": lambda: network(2, [16, 16, 1]),
}


def opened(page: Page, output: Value, folder: Path, **options: Any) -> list[Value]:
    """Open the stepper of an output; the nodes by index."""
    page.goto(Stepper(output, **options).save(folder / "step.html").as_uri())
    page.locator("#controls").wait_for()
    return topological_order(output)


def text(page: Page, name: str) -> str:
    return page.locator(f"#{name}").text_content() or ""


def lines(page: Page, unit: str) -> list[str]:
    """What stands in the box of a node, such as ``n3``, or of a closed box, such as ``b0``."""
    return page.eval_on_selector_all(f"#{unit} text", "all => all.map(one => one.textContent)")


def press(page: Page, button: str) -> None:
    """Click a button if there is anything to do for it."""
    page.locator(f"#{button}").evaluate("button => button.click()")


def choose(page: Page, option: str) -> None:
    """Tick one of the boxes on the tab of the panel that they stand on."""
    page.click("#tab-practice")
    page.check(f"#{option}")


class Rect(NamedTuple):
    """Where something is in the window, in CSS pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def inside(self, other: Rect) -> bool:
        """Whether all of this is within the other, but for a rounding."""
        edges = self.left - other.left, self.top - other.top, other.right - self.right, other.bottom - self.bottom
        return min(edges) > -0.5


def rect(page: Page, selector: str) -> Rect:
    where = "one => { const at = one.getBoundingClientRect(); return [at.left, at.top, at.right, at.bottom]; }"
    return Rect(*page.locator(selector).first.evaluate(where))


def step_to(page: Page, step: int) -> None:
    page.locator("#slider").evaluate(
        "(slider, step) => { slider.value = step; slider.dispatchEvent(new Event('input')); }", step
    )


def titles(trace: dict[str, Any]) -> dict[str, str]:
    """What each unit that a page may show is called in full, by its id."""

    def title(place: int) -> str:
        names: list[str] = []
        at: int | None = place
        while at is not None:
            box = trace["boxes"][at]
            if box["path"] or box["call"]:
                names.append(box["title"] + (f" (call {box['call']})" if box["call"] else ""))
            at = box["parent"]
        return ", ".join(reversed(names)) or trace["boxes"][place]["title"]

    nodes = {f"n{i}": node["name"] for i, node in enumerate(trace["nodes"])}
    return nodes | {f"b{place}": title(place) for place in range(len(trace["boxes"]))}


# Each step of a pass as the page shows it: what it says, and what stands in every unit of the picture. The answer is
# text, since a browser hands over one text much faster than many objects.
WALK = """(phase) => {
  const el = (id) => document.getElementById(id);
  const shown = (id) => (el(id).closest("[hidden]") ? "" : el(id).textContent);
  const ids = (selector) => [...document.querySelectorAll(`#canvas ${selector}`)].map((one) => one.id);
  el(`phase-${phase}`).click();
  const drawn = [...document.querySelectorAll("#canvas .node")].map((unit) =>
    [unit, unit.querySelector(".body"), ...unit.querySelectorAll(".number")]);
  const steps = [];
  for (;;) {
    const units = Object.fromEntries(drawn.map(([unit, { style: { fill } }, data, grad]) => [unit.id,
      { data: data.textContent, grad: grad.textContent, fill, pending: unit.classList.contains("pending") }]));
    const rows = [...el("handed-rows").rows].map((row) => [...row.cells].map((cell) => cell.textContent));
    steps.push({
      words: shown("words"), symbols: shown("symbols"), rule: shown("rule"), numbers: shown("numbers"),
      sum: shown("sum"), rows: el("handed").hidden ? [] : rows, units, edges: ids(".edge.active"),
      active: ids(".node.active"), source: ids(".node.source"),
    });
    if (el("next").getAttribute("aria-disabled") === "true") return JSON.stringify(steps);
    el("next").click();
  }
}"""


def walk(page: Page, phase: str = "backward") -> list[dict[str, Any]]:
    """What the page shows before the first step of a pass, and at each."""
    return json.loads(page.evaluate(WALK, phase))
