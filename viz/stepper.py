"""Walking through a recorded forward and backward pass in a browser, edge by edge.

The page is one file without anything from a network: the picture of `viz.draw`, a trace, and one script. The trace is
JSON of this form; numbers that JSON lacks are the strings "inf", "-inf" and "nan":

    version    1
    nodes      by topological index: name, label, operation (its sign, or null for a leaf), constant, data, scope,
               inputs (indices in argument order), partials (local derivatives), formula and rules (the partials
               written out) as text, settled (whether the rules are written so for any numbers)
    forward    the indices of the operations in the order in which they are computed
    backward   the steps of `autograd_core.backward_steps`: node (null for the seed), input, position, upstream, local,
               contribution, before, after

Node i of the picture has the id ``n{i}``, and the edge into argument k of node i the id ``e{i}_{k}``.
"""

from __future__ import annotations

import base64
import html
import json
import math
from importlib import resources
from pathlib import Path
from typing import Any

from autograd_core import PRIMITIVES, Value, backward_steps, topological_order
from autograd_core.compiler import CompileError
from autograd_core.compiler.javascript import recomputation
from autograd_core.formula import names_of, operation, partial
from autograd_core.modes import changed
from viz.dot import Diagram, draw

COMPARISONS = {PRIMITIVES[name] for name in ("less", "less_equal", "equal")}
MOST_NODES = 400
"""How many nodes a graph may have to be stepped through one by one."""


class Stepper:
    """A recorded graph to step through: in a notebook it shows itself, and `save` writes it as a page.

    The backward pass is that of ``output.backward()``; no gradient of a node changes. Raises TypeError unless `output`
    is a Value, and ValueError for a graph of more than `MOST_NODES` nodes.

    >>> x = Value(3.0, label="x")
    >>> stepper = Stepper(x * x)
    >>> [step["after"] for step in stepper.trace["backward"]]
    [1.0, 3.0, 6.0]
    """

    def __init__(self, output: Value) -> None:
        if not isinstance(output, Value):
            raise TypeError(f"Stepper takes a Value, got {type(output).__name__}; for several outputs, take their sum")
        order = topological_order(output)
        shown = sum(not node.is_constant for node in order)
        if shown > MOST_NODES:
            raise ValueError(
                f"the graph has {shown:,} nodes, and more than {MOST_NODES} steps are no story; step through the graph "
                "of one sample, or of one part, and draw(output) shows the whole"
            )
        self._order = order
        self.trace: dict[str, Any] = _trace(output, order)
        """What the page knows, as the module describes it."""
        self.diagram: Diagram = _drawn(output, order, self.trace)
        """The picture, with the gradients of this pass."""

    def html(self) -> str:
        """The page; raises RuntimeError where Graphviz is missing."""
        static = resources.files("viz").joinpath("static")
        style, script, page = (
            static.joinpath(f"stepper.{ending}").read_text(encoding="utf-8") for ending in ("css", "js", "html")
        )
        # The end of a script, or a comment, must not come about inside one, whatever a label says.
        trace = json.dumps(self.trace, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
        try:
            recompute = recomputation(self._order)
        except CompileError:  # an operation of one's own; the page then is without the inputs to change
            recompute = "null"
        parts = {"RECOMPUTE": recompute, "STYLE": style, "SVG": self.diagram.svg(), "TRACE": trace, "SCRIPT": script}
        before, *pieces = page.split("%%")
        return before + "".join(parts.get(piece, piece) for piece in pieces)

    def save(self, path: str | Path) -> Path:
        """Write the page to a file that opens in any browser; the path.

        Raises ValueError for a name that does not end in .html, RuntimeError where Graphviz is missing, and OSError
        where the file cannot be written.
        """
        path = Path(path)
        if path.suffix.lower() not in (".html", ".htm"):
            raise ValueError(f"a stepper is saved as .html, not as {path.name!r}")
        path.write_text(self.html(), encoding="utf-8")
        return path

    def __repr__(self) -> str:
        forward, backward = len(self.trace["forward"]), len(self.trace["backward"])
        return f"<Stepper of {forward} operations forward and {backward} steps backward; .save('step.html')>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        try:
            picture = base64.b64encode(self.diagram.svg().encode()).decode()
            page = html.escape(self.html())
        except RuntimeError as error:
            return {"text/plain": f"{self!r}\n{error}"}
        # Where frames are taken out, as on GitHub, the picture under the frame is what is left.
        shown = (
            '<div style="position:relative;height:680px;overflow:auto">'
            f'<img alt="The graph, with values and gradients" src="data:image/svg+xml;base64,{picture}">'
            '<iframe title="Step through backpropagation" style="position:absolute;left:0;top:0;width:100%;height:100%;'
            f'border:0;background:#fff" sandbox="allow-scripts" srcdoc="{page}"></iframe></div>'
        )
        return {"text/html": shown, "text/plain": repr(self)}


def _trace(output: Value, order: list[Value]) -> dict[str, Any]:
    index = {node: i for i, node in enumerate(order)}
    names = names_of(order)
    nodes = [
        {
            "name": names[node],
            "label": node.label,
            "operation": node.op.symbol if node.op and not node.is_constant else None,
            "constant": node.is_constant,
            "data": _number(node.data),
            "scope": node.scope,
            "inputs": [index[operand] for operand in node.inputs],
            "partials": [_number(local) for local in node.partials],
            "formula": operation(node, names) if node.inputs else "",
            "rules": [
                "" if operand.is_constant else partial(node, position, names)
                for position, operand in enumerate(node.inputs)
            ],
            "settled": _settled(node),
        }
        for node in order
    ]
    backward = [
        {
            "node": None if step.node is None else index[step.node],
            "input": index[step.input],
            "position": step.position,
            "upstream": _number(step.upstream),
            "local": _number(step.local),
            "contribution": _number(step.contribution),
            "before": _number(step.before),
            "after": _number(step.after),
        }
        for step in backward_steps(output)
    ]
    forward = [i for i, node in enumerate(order) if node.inputs]
    return {"version": 1, "nodes": nodes, "forward": forward, "backward": backward}


def _settled(node: Value) -> bool:
    """Whether the rule of a node takes the same branch for all numbers, which a written rule shows one of."""
    if node.op is None or not node.inputs:
        return True
    with changed(recording=True, checking=False, tracing=True):
        try:
            rule = node.op.partials(*(Value(operand.data) for operand in node.inputs), Value(node.data))
        except TypeError:  # a rule of one's own that works on floats only
            return False
    recorded = topological_order(*(part for part in rule if isinstance(part, Value)))
    return not any(part.op in COMPARISONS for part in recorded)


def _number(number: float | None) -> float | str | None:
    if number is None or math.isfinite(number):
        return number
    return "nan" if math.isnan(number) else "inf" if number > 0 else "-inf"


def _drawn(output: Value, order: list[Value], trace: dict[str, Any]) -> Diagram:
    """The picture with the gradients of the trace, which the nodes themselves may not have."""
    kept = [node.grad for node in order]
    try:
        for node in order:
            node.grad = 0.0
        for step in trace["backward"]:
            order[step["input"]].grad = float(step["after"])
        return draw(output, max_nodes=len(order) + 1)
    finally:
        for node, grad in zip(order, kept, strict=True):
            node.grad = grad
