"""Walking through a recorded forward and backward pass in a browser, edge by edge.

The page is one file without anything from a network: the picture of `viz.draw`, a trace, and one script. The trace is
JSON of this form; numbers that JSON lacks are the strings "inf", "-inf" and "nan":

    version    1
    nodes      by topological index: name, label, operation (its sign, or null for a leaf), constant, data, scope,
               inputs (indices in argument order), partials (local derivatives), formula and rules (the partials
               written out) as text, settled (whether the rules are written so for any numbers), box (the index of the
               node that names its box in the picture: its own, unless the picture is collapsed by scope)
    forward    the indices of the operations in the order in which they are computed
    backward   the steps of `autograd_core.backward_steps`: node (null for the seed), input, position, upstream, local,
               contribution, before, after
    boxes      null, or for a collapsed picture by the index of a box: scope, and node, whose numbers stand in the box,
               or null where there are several

Box i of the picture has the id ``n{i}``, and the edge into argument k of node i the id ``e{i}_{k}``. In a collapsed
picture a step is all that a box computes, or hands back, at a time; formulas and rules are left out.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograd_core import Value, backward_steps, topological_order
from autograd_core.compiler import CompileError
from autograd_core.compiler.javascript import recomputation
from autograd_core.formula import names_of, operation, partial
from autograd_core.modes import changed
from autograd_core.primitives import COMPARISONS
from viz.boxes import Collapse, fitting_boxes, scope_levels
from viz.dot import Diagram, draw
from viz.page import framed, html_path, json_number, json_text, page

if TYPE_CHECKING:
    from viz.widget import StepperWidget

TITLE = "Step through backpropagation"
MOST_NODES = 400
"""How many nodes, or boxes, a picture may have to be stepped through."""
MOST_IN_ALL = 20_000
"""How many nodes a graph may have to be stepped through by neuron or layer."""


class Stepper:
    """A recorded graph to step through: in a notebook it shows itself, and `save` writes it as a page.

    The backward pass is that of ``output.backward()``; no gradient of a node changes. A graph of more than `MOST_NODES`
    nodes is collapsed by scope and stepped through by neuron or by layer. Raises TypeError unless `output` is a Value,
    and ValueError for a graph of more than `MOST_IN_ALL` nodes, or one that scopes do not make small enough.

    >>> x = Value(3.0, label="x")
    >>> stepper = Stepper(x * x)
    >>> [step["after"] for step in stepper.trace["backward"]]
    [1.0, 3.0, 6.0]
    """

    def __init__(self, output: Value) -> None:
        if not isinstance(output, Value):
            raise TypeError(f"Stepper takes a Value, got {type(output).__name__}; for several outputs, take their sum")
        order = topological_order(output)
        self.order, self._collapse = order, _fitting_collapse(order)
        self.trace: dict[str, Any] = _trace(output, order, self._collapse)
        """What the page knows, as the module describes it."""
        self.diagram: Diagram = _drawn(output, order, self.trace, self._collapse)
        """The picture, with the gradients of this pass."""

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
        """The page; a `live` one sends changed inputs to the frame around it, and waits for a trace.

        Raises RuntimeError where Graphviz is missing.
        """
        try:
            recompute = "null" if self._collapse else recomputation(self.order)
        except CompileError:  # an operation of one's own; the page then is without the inputs to change
            recompute = "null"
        parts = {
            "LIVE": "true" if live and not self._collapse else "false",
            "RECOMPUTE": recompute,
            "SVG": self.diagram.svg(),
            "TRACE": json_text(self.trace),
        }
        return page("stepper", TITLE, parts)

    def save(self, path: str | Path) -> Path:
        """Write the page to a file that opens in any browser; the path.

        Raises ValueError for a name that does not end in .html, RuntimeError where Graphviz is missing, and OSError
        where the file cannot be written.
        """
        path = html_path(path, "a stepper")
        path.write_text(self.html(), encoding="utf-8")
        return path

    def __repr__(self) -> str:
        forward, backward = len(self.trace["forward"]), len(self.trace["backward"])
        return f"<Stepper of {forward} operations forward and {backward} steps backward; .save('step.html')>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        try:
            shown = framed(self.html(), TITLE, self.diagram.svg(), "The graph, with values and gradients")
        except RuntimeError as error:
            return {"text/plain": f"{self!r}\n{error}"}
        return {"text/html": shown, "text/plain": repr(self)}


def _fitting_collapse(order: list[Value]) -> Collapse | None:
    """How far a graph is collapsed to be a picture of `MOST_NODES` boxes; raises ValueError where nothing helps."""
    shown = sum(not node.is_constant for node in order)
    if shown <= MOST_NODES:
        return None
    if shown <= MOST_IN_ALL:
        for collapse in ("neuron", "layer"):
            boxes, _, hidden = fitting_boxes(order, collapse, MOST_NODES)
            bundles = {(id(source), id(box)) for box in boxes for source, _, _ in box.edges}
            if not hidden and (len(bundles) <= MOST_NODES or collapse == "layer"):
                return collapse
    raise ValueError(
        f"the graph has {shown:,} nodes, and more than {MOST_NODES} steps are no story; step through the graph of one "
        f"sample, or make it inside named_scope, by which up to {MOST_IN_ALL:,} nodes collapse"
    )


def _trace(output: Value, order: list[Value], collapse: Collapse | None) -> dict[str, Any]:
    index = {node: i for i, node in enumerate(order)}
    names = names_of(order)
    boxes, box_of = _boxes(order, index, collapse)
    nodes = [
        {
            "name": names[node],
            "label": node.label,
            "operation": node.op.symbol if node.op and not node.is_constant else None,
            "constant": node.is_constant,
            "data": json_number(node.data),
            "scope": node.scope,
            "inputs": [index[operand] for operand in node.inputs],
            "partials": [json_number(local) for local in node.partials],
            "formula": operation(node, names) if node.inputs and not collapse else "",
            "rules": [
                "" if collapse or operand.is_constant else partial(node, position, names)
                for position, operand in enumerate(node.inputs)
            ],
            "settled": bool(collapse) or _settled(node),
            "box": box_of[i],
        }
        for i, node in enumerate(order)
    ]
    backward = [
        {
            "node": None if step.node is None else index[step.node],
            "input": index[step.input],
            "position": step.position,
            "upstream": json_number(step.upstream),
            "local": json_number(step.local),
            "contribution": json_number(step.contribution),
            "before": json_number(step.before),
            "after": json_number(step.after),
        }
        for step in backward_steps(output)
    ]
    forward = [i for i, node in enumerate(order) if node.inputs]
    return {"version": 1, "nodes": nodes, "forward": forward, "backward": backward, "boxes": boxes}


def _boxes(
    order: list[Value], index: dict[Value, int], collapse: Collapse | None
) -> tuple[dict[str, Any] | None, list[int]]:
    """The boxes of a collapsed picture, and for each node the index of its box."""
    if not collapse:
        return None, list(range(len(order)))
    first: dict[Any, int] = {}
    box_of = []
    for i, node in enumerate(order):
        levels = scope_levels(node.scope)
        drawn = levels[:-1] if collapse == "layer" and len(levels) > 1 else levels
        # A plain number is part of a box, and never what names it.
        box_of.append(i if not levels else first.get(drawn, i) if node.is_constant else first.setdefault(drawn, i))
    boxes = {}
    for box in fitting_boxes(order, collapse, MOST_NODES)[0]:
        node = next(iter(box.exits)) if len(box.exits) == 1 else None
        boxes[str(box.index)] = {"scope": box.scope, "node": None if node is None else index[node]}
    return boxes, box_of


def _settled(node: Value) -> bool:
    """Whether the rule of a node takes the same branch for all numbers, which a written rule shows one of."""
    if node.op is None or not node.inputs:
        return True
    with changed(recording=True, checking=False, tracing=True, symbolic=True):
        try:
            rule = node.op.partials(*(Value(operand.data) for operand in node.inputs), Value(node.data))
        except TypeError:  # a rule of one's own that works on floats only, or branches on them
            return False
    recorded = topological_order(*(part for part in rule if isinstance(part, Value)))
    return not any(part.op in COMPARISONS for part in recorded)


def _drawn(output: Value, order: list[Value], trace: dict[str, Any], collapse: Collapse | None) -> Diagram:
    """The picture with the gradients of the trace, which the nodes themselves may not have."""
    kept = [node.grad for node in order]
    try:
        for node in order:
            node.grad = 0.0
        for step in trace["backward"]:
            order[step["input"]].grad = float(step["after"])
        return draw(output, collapse=collapse, max_nodes=max(2, MOST_NODES))
    finally:
        for node, grad in zip(order, kept, strict=True):
            node.grad = grad
