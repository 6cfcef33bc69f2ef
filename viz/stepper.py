"""Walking through a recorded forward and backward pass in a browser, edge by edge or box by box.

The page is one file without anything from a network: the compact trace of `viz.trace`, and the scripts of `static` that
lay the graph out, draw it, step through it and work it out anew for other inputs. Node i of the picture has the id
``n{i}``, the edge into argument k of node i the id ``e{i}_{k}``, a closed box b ``b{b}`` and an open one ``f{b}``.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from autograd_core import Value, topological_order
from autograd_core.compiler import CompileError
from autograd_core.compiler.javascript import operations
from autograd_core.graph import collector_paused, require_graph
from viz.dot import Diagram, draw
from viz.page import Theme, framed, html_path, json_text, page
from viz.trace import Graph

if TYPE_CHECKING:
    from viz.widget import StepperWidget

TITLE = "Step through backpropagation"
MOST_NODES = 20_000
"""How many nodes a graph may have to be stepped through."""
MOST_DRAWN = 150
"""How many nodes or boxes the picture without scripts may have."""
HEIGHT = 600


class Stepper:
    """A recorded graph to step through: in a notebook it shows itself, and `save` writes it as a page.

    The backward pass is that of ``output.backward()``; no gradient of a node changes. Each call of a module, and each
    with-block of `named_scope`, is a box that a reader opens and closes; what fits readably is open at the start.

    `height` is that of the frame in a notebook, in CSS pixels, where the page cannot ask for what it needs; `theme` is
    "light", "dark", or "auto" for that of the notebook or the system. Raises TypeError unless `output` is a Value,
    ValueError for a graph of more than `MOST_NODES` nodes or an option that is none of these, and RuntimeError for an
    output that was computed inside `no_grad`.

    >>> x = Value(3.0, label="x")
    >>> stepper = Stepper(x * x)
    >>> [step["after"] for step in stepper.trace["backward"]]
    [1.0, 3.0, 6.0]
    """

    theme: Theme

    def __init__(self, output: Value, *, height: int | None = None, theme: Theme = "auto") -> None:
        if not isinstance(output, Value):
            raise TypeError(f"Stepper takes a Value, got {type(output).__name__}; for several outputs, take their sum")
        if height is not None and (not isinstance(height, int) or height < 200):
            raise ValueError(f"height is a whole number of CSS pixels, at least 200, not {height!r}")
        if theme not in get_args(Theme):
            raise ValueError(f"theme is 'auto', 'light' or 'dark', not {theme!r}")
        require_graph(output)
        self.height, self.theme = height, theme
        self.order = topological_order(output)
        count = sum(not node.is_constant for node in self.order)
        if count > MOST_NODES:
            raise ValueError(
                f"the graph has {count:,} nodes, and a page takes {MOST_NODES:,}; step through the graph of one sample "
                "or of a part of the network"
            )
        with collector_paused():
            self._graph = Graph(self.order)

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
        start = f"stepperModule.start({trace}, {self._operations[0]}, {str(live).lower()});"
        return page("stepper", TITLE, start, {"TRACE": self.compact()}, self.theme)

    def save(self, path: str | Path) -> Path:
        """Write the page to a file that opens in any browser; the path.

        Raises ValueError for a name that does not end in .html, and OSError where the file cannot be written.
        """
        path = html_path(path, "a stepper")
        path.write_text(self.html(), encoding="utf-8")
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
