"""Walking through a recorded forward and backward pass in a browser, edge by edge or box by box.

The page is one file without anything from a network: the compact trace of `viz.trace`, and the scripts of `static` that
lay the graph out, draw it, step through it and work it out anew for other inputs. Node i of the picture has the id
``n{i}``, the edge into argument k of node i the id ``e{i}_{k}``, a closed box b ``b{b}`` and an open one ``f{b}``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args
from urllib.parse import urlencode

from autograd_core import Value, topological_order
from autograd_core.compiler import CompileError
from autograd_core.compiler.javascript import operations
from autograd_core.files import replacing
from autograd_core.floats import as_float
from autograd_core.graph import collector_paused, require_graph
from viz.dot import Diagram, draw
from viz.page import Theme, framed, html_path, json_text, page
from viz.practice import Question, bug_to_find, questions, told
from viz.trace import Graph
from viz.tree import TreeBox, box_keys

if TYPE_CHECKING:
    from viz.widget import StepperWidget

TITLE = "Step through backpropagation"
MOST_NODES = 20_000
"""How many nodes a graph may have to be stepped through."""
MOST_DRAWN = 150
"""How many nodes or boxes the picture without scripts may have."""
HEIGHT = 600

Phase = Literal["forward", "backward", "update"]


class Stepper:
    """A recorded graph to step through: in a notebook it shows itself, and `save` writes it as a page.

    The backward pass is that of ``output.backward()``; no gradient of a node changes. Each call of a module, and each
    with-block of `named_scope`, is a box that a reader opens and closes; what fits readably is open at the start.

    `height` is that of the frame in a notebook, in CSS pixels, where the page cannot ask for what it needs; `theme` is
    "light", "dark", or "auto" for that of the notebook or the system. `parameters` are the leaves that a step of
    gradient descent moves; without them, those of the modules in the graph.

    The other arguments say what the page shows first: the `phase` ("forward", "backward" or "update"), the number of
    the `step` in it (0 is the start), the boxes that are `open`, by scope path, such as ``["layers.1"]`` (all calls of
    it; ``"layers.1(2)"`` is the one in the second call, and ``["*"]`` opens all), other numbers for `inputs`, by leaf,
    and the `camera` as (x, y, scale): what is in the middle, in pixels of the drawing. The address of a saved page
    holds the same, after the ``#``, so that a link opens exactly what its writer saw.

    `quiz` asks while one steps: for the "product" that an edge hands back, the "local" derivative alone, the node that
    hands on "next", a node's whole "gradient", or the "value" of a node in the forward pass. `ask` are the nodes, or
    their names, to ask about, where that is not all: for the first two and for gradients those that receive. `bug`
    plays a backward pass with one of `autograd_core.mistakes`, such as "overwrite", in which the reader is to find the
    first wrong step; "random" leaves the choice to `seed`.

    Raises TypeError unless `output` is a Value, ValueError for a graph of more than `MOST_NODES` nodes or an option
    that is none of these or a bug that does not show on this graph, and RuntimeError for an output that was computed
    inside `no_grad`.

    >>> x = Value(3.0, label="x")
    >>> stepper = Stepper(x * x, parameters=[x], phase="backward", step=2)
    >>> [step["after"] for step in stepper.trace["backward"]]
    [1.0, 3.0, 6.0]
    >>> Stepper(x * x, quiz="local", ask=[x])
    <Stepper of 1 operations forward and 3 steps backward; .save('step.html')>
    """

    theme: Theme

    def __init__(
        self,
        output: Value,
        *,
        height: int | None = None,
        theme: Theme = "auto",
        parameters: Iterable[Value] | None = None,
        phase: Phase | None = None,
        step: int = 0,
        open: Iterable[str] | None = None,
        inputs: Mapping[Value, float] | None = None,
        camera: tuple[float, float, float] | None = None,
        quiz: Question | None = None,
        ask: Iterable[Value | str] | None = None,
        bug: str | None = None,
        seed: int | None = None,
    ) -> None:
        if not isinstance(output, Value):
            raise TypeError(f"Stepper takes a Value, got {type(output).__name__}; for several outputs, take their sum")
        if height is not None and (not isinstance(height, int) or height < 200):
            raise ValueError(f"height is a whole number of CSS pixels, at least 200, not {height!r}")
        if theme not in get_args(Theme):
            raise ValueError(f"theme is 'auto', 'light' or 'dark', not {theme!r}")
        require_graph(output)
        self.height, self.theme = height, theme
        self.order = topological_order(output)
        leaves = {node for node in self.order if not node.inputs and not node.is_constant}
        self.parameters = None if parameters is None else _leaves(parameters, "parameter", leaves)
        count = sum(not node.is_constant for node in self.order)
        if count > MOST_NODES:
            raise ValueError(
                f"the graph has {count:,} nodes, and a page takes {MOST_NODES:,}; step through the graph of one sample "
                "or of a part of the network"
            )
        with collector_paused():
            self._graph = Graph(self.order, self.parameters)
        given = {} if inputs is None else dict(inputs)
        numbers = {leaf: as_float(given[leaf], "inputs") for leaf in _leaves(given, "input", leaves)}
        self._start = {
            "phase": _phase(phase),
            "step": _step(step),
            "open": _paths(open, self._graph.boxes),
            **{f"n{self._graph.index[leaf]}": [repr(number)] for leaf, number in numbers.items()},
            "camera": _camera(camera),
            **questions(quiz, ask, self._graph.names),
        }
        if quiz is not None and bug is not None:
            raise ValueError("a page either asks a quiz or has a bug to find; leave out one of quiz and bug")
        self._bug = bug_to_find(bug, seed, output)

    @cached_property
    def trace(self) -> dict[str, Any]:
        """What there is to step through, as `viz.trace` describes it."""
        return self._graph.trace()

    def compact(self) -> str:
        """The compact trace, as JSON that may stand inside a script element."""
        return json_text(self._graph.compact(self._operations[1]))

    @cached_property
    def _operations(self) -> tuple[str, list[int]]:
        try:
            return operations(self.order)
        except CompileError:  # an operation of one's own; the page then is without the inputs to change
            return "null", [-1] * len(self.order)

    @cached_property
    def diagram(self) -> Diagram:
        """The picture for where there are no scripts, with the gradients of this pass."""
        kept = [node.grad for node in self.order]
        try:
            for node, grad in zip(self.order, self._graph.gradients, strict=True):
                node.grad = grad
            return draw(self.order[-1], max_nodes=MOST_DRAWN)
        finally:
            for node, grad in zip(self.order, kept, strict=True):
                node.grad = grad

    def widget(self) -> StepperWidget:
        """The stepper for a live notebook, where the engine in the kernel works out what a changed input changes.

        Raises ImportError, with what to do, where anywidget is not installed.
        """
        try:
            from viz.widget import StepperWidget
        except ImportError as error:
            raise ImportError(
                'a live stepper needs anywidget: pip install "autograd-core[notebook]"; the Stepper itself shows '
                "without it"
            ) from error
        return StepperWidget(self)

    def html(self, live: bool = False) -> str:
        """The page; a `live` one sends changed inputs to the frame around it, and waits for a trace."""
        trace = 'document.getElementById("trace").textContent'
        asked = json_text(urlencode(self._start, doseq=True))
        practice = json_text(told(self._bug))
        start = f"stepperModule.start({trace}, {self._operations[0]}, {str(live).lower()}, {asked}, {practice});"
        return page("stepper", TITLE, start, {"TRACE": self.compact()}, self.theme)

    def save(self, path: str | Path) -> Path:
        """Write the page to a file that opens in any browser; the path.

        Raises ValueError for a name that does not end in .html, and OSError where the file cannot be written.
        """
        path = html_path(path, "a stepper")
        with replacing(path) as file:
            file.write(self.html().encode())
        return path

    def __repr__(self) -> str:
        forward = sum(form is not None for form in self._graph.forms)
        backward = 1 + sum(not operand.is_constant for node in self.order for operand in node.inputs)
        return f"<Stepper of {forward} operations forward and {backward} steps backward; .save('step.html')>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        try:
            picture = self.diagram.svg()
        except RuntimeError:  # without Graphviz the page is whole, and only the picture is missing
            picture = None
        about = "The graph, with values and gradients"
        shown = framed(self.html(), TITLE, picture, about, self.height or HEIGHT, fixed=self.height is not None)
        return {"text/html": shown, "text/plain": repr(self)}


def _leaves(given: Iterable[Value], what: str, leaves: set[Value]) -> list[Value]:
    """These, each once, if all of them are leaves of the graph."""
    found = list(given)
    for place, leaf in enumerate(found):
        if not isinstance(leaf, Value):
            raise TypeError(f"{what} {place} is a {type(leaf).__name__}, not a Value")
        if leaf not in leaves:
            name = f" {leaf.label!r}" if leaf.label else ""
            why = "is computed from others" if leaf.inputs else "is not in this graph"
            raise ValueError(f"{what} {place}{name} {why}; give leaves of the graph")
    return list(dict.fromkeys(found))


def _phase(phase: Phase | None) -> list[str]:
    if phase is not None and phase not in get_args(Phase):
        raise ValueError(f"phase is 'forward', 'backward' or 'update', not {phase!r}")
    return [] if phase is None else [phase]


def _step(step: int) -> list[int]:
    if not isinstance(step, int) or isinstance(step, bool) or step < 0:
        raise ValueError(f"step is the number of a step, a whole number from 0, not {step!r}")
    return [step] if step else []


def _paths(paths: Iterable[str] | None, boxes: list[TreeBox]) -> list[str]:
    """The boxes to be open as the page's address names them; one empty text where all are to be closed."""
    if paths is None:
        return []
    if isinstance(paths, str):
        raise TypeError(f"open is a list of scope paths, such as [{paths!r}], not a single text")
    known = {name for box, key in zip(boxes, box_keys(boxes), strict=True) for name in (box.path or box.name, key)}
    found = list(paths)
    for path in found:
        if path != "*" and path not in known:
            close = get_close_matches(str(path), sorted(known), 1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise ValueError(f"open: there is no box {path!r} in this graph{hint}")
    return found or [""]


def _camera(camera: tuple[float, float, float] | None) -> list[str]:
    if camera is None:
        return []
    x, y, scale = (as_float(number, "camera") for number in camera)
    if not (math.isfinite(x) and math.isfinite(y) and 0.0 < scale < math.inf):
        raise ValueError(f"camera is (x, y, scale), finite and with a positive scale, not {camera!r}")
    return [f"{x},{y},{scale}"]
