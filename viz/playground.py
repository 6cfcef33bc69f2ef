"""A page that reads formulas as they are typed, and steps through the graph that they spell out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from autograd_core import topological_order
from autograd_core.expression import ExpressionError, evaluate
from autograd_core.files import replacing
from viz.language import language
from viz.page import Theme, framed, html_path, json_number, json_text, page
from viz.practice import told
from viz.stepper import HEIGHT, Stepper
from viz.tree import MOST_SIDE_BY_SIDE

TITLE = "Backpropagation playground"
MOST_NODES = MOST_SIDE_BY_SIDE
"""How many nodes the page draws, which puts none of them into boxes."""
MOST_LETTERS = 10_000
"""How long the text may be that it reads anew at each letter."""
EXAMPLES: dict[str, tuple[str, dict[str, float]]] = {
    "The cars": ("bmw = 100*ground; tesla = 2*bmw", {"ground": 1.0}),
    "Three squares": ("s1 = x**2; s2 = s1**2; s3 = s2**2", {"x": 1.1}),
    "Several paths": ("a = 2*x; b = x*x; y = a*b + a", {"x": 3.0}),
    "A neuron": (
        "z = w1*x1 + w2*x2 + b; o = tanh(z)",
        {"w1": -3.0, "x1": 2.0, "w2": 1.0, "x2": 0.0, "b": 6.88},
    ),
    "Two layers": (
        "h1 = tanh(w1*x + b1); h2 = tanh(w2*x + b2)\no = u1*h1 + u2*h2 + c\nloss = (o - target)**2",
        {"w1": 0.5, "x": 1.0, "b1": 0.0, "w2": -1.0, "b2": 0.5, "u1": 2.0, "u2": 1.0, "c": 0.25, "target": 1.0},
    ),
    "Softmax": (
        "e1 = exp(z1); e2 = exp(z2); e3 = exp(z3)\np2 = e2/(e1 + e2 + e3)\nloss = -log(p2)",
        {"z1": 1.0, "z2": 2.0, "z3": -1.0},
    ),
    "micrograd": (
        "c0 = a + b; d0 = a*b + b**3; c1 = c0 + c0 + 1; c = c1 + 1 + c1 - a\n"
        "d1 = d0 + d0*2 + relu(b + a); d = d1 + 3*d1 + relu(b - a)\n"
        "f = (c - d)**2; g = f/2 + 10/f",
        {"a": -4.0, "b": 2.0},
    ),
}
"""By title: formulas, and the numbers of their inputs."""


class Playground:
    """Formulas to type and change, with a stepper of their graph: in a notebook it shows itself, `save` writes it.

    `source` is in the language of `autograd_core.expression.evaluate`, and `at` has a number for each input; without a
    source it is the first of `EXAMPLES`. A reader may change both on the page. Its address holds them, after the ``#``,
    so that a link to a saved page is an exercise. `height` is that of the frame in a notebook, in CSS pixels, where the
    page cannot ask for what it needs; `theme` is "light", "dark", or "auto" for that of the notebook.

    Raises ExpressionError for whatever is wrong with the source or the names in `at` and for more than `MOST_NODES`
    nodes or `MOST_LETTERS` characters, TypeError for a value that is no number, and ValueError for a height or theme
    that is none.

    >>> playground = Playground("z = w*x + b; y = tanh(z)", at={"w": 2.0, "x": 0.5, "b": -1.0})
    >>> playground
    <Playground of z = w*x + b; y = tanh(z); .save('playground.html')>
    """

    def __init__(
        self,
        source: str | None = None,
        at: Mapping[str, float] | None = None,
        *,
        height: int | None = None,
        theme: Theme = "auto",
    ) -> None:
        first, numbers = next(iter(EXAMPLES.values()))
        if source is None:
            source, at = first, numbers if at is None else at
        self.source, self.at = source, dict(at or {})
        output = evaluate(source, self.at).output
        nodes = sum(not node.is_constant for node in topological_order(output))
        if nodes > MOST_NODES or len(source) > MOST_LETTERS:
            raise ExpressionError(
                f"a playground takes {MOST_NODES} nodes in {MOST_LETTERS:,} characters, and this has {nodes:,} in "
                f"{len(source):,}; a Stepper takes more"
            )
        self._stepper = Stepper(output, height=height, theme=theme)

    @cached_property
    def _asked(self) -> str:
        return f"{_address(self.source, self.at)}&tab=inputs"

    def html(self) -> str:
        """The page."""
        operations, table = language()
        examples = [{"title": title, "address": _address(*example)} for title, example in EXAMPLES.items()]
        trace = 'document.getElementById("trace").textContent'
        start = f"playgroundModule.play({operations}, {trace}, {json_text(self._asked)});"
        most = {"nodes": MOST_NODES, "letters": MOST_LETTERS}
        text = json_text({"table": table, "told": told(), "examples": examples, "most": most})
        return page("playground", TITLE, start, {"TRACE": text}, self._stepper.theme)

    def save(self, path: str | Path) -> Path:
        """Write the page to a file that opens in any browser; the path.

        Raises ValueError for a name that does not end in .html, and OSError where the file cannot be written.
        """
        path = html_path(path, "a playground")
        with replacing(path) as file:
            file.write(self.html().encode())
        return path

    def __repr__(self) -> str:
        shown = "; ".join(self.source.split("\n"))
        return f"<Playground of {shown if len(shown) <= 60 else shown[:59] + '…'}; .save('playground.html')>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        try:
            picture = self._stepper.diagram.svg()
        except RuntimeError:  # without Graphviz the page is whole, and only the picture is missing
            picture = None
        height = self._stepper.height
        about = "The graph of the formulas, with values and gradients"
        shown = framed(self.html(), TITLE, picture, about, height or HEIGHT, fixed=height is not None)
        return {"text/html": shown, "text/plain": repr(self)}


def _address(source: str, at: Mapping[str, float]) -> str:
    """What the page has after the # of its address for this source and these inputs."""
    numbers = ",".join(f"{name}:{json_number(float(number))}" for name, number in at.items())
    return urlencode({"of": source, "at": numbers})
