"""A recorded graph as a drawing: Value to DOT text, always the same text for the same graph."""

from __future__ import annotations

import html
import math
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import graphviz

from autograd_core import Value, topological_order
from autograd_core.formula import names_of, number_text, operation
from autograd_core.graph import collector_paused
from autograd_core.value import number_of
from viz.boxes import Box, Collapse, fitting_boxes
from viz.palette import NEGATIVE, NEUTRAL, POSITIVE
from viz.render import FORMATS, render

FONT = "Helvetica,Arial,sans-serif"
LONGEST_LABEL = 80


@dataclass(frozen=True)
class Diagram:
    """A drawing of a graph, which shows itself in a notebook; what `draw` returns."""

    source: str
    """The DOT text."""

    def svg(self) -> str:
        """The drawing as an ``<svg>`` element; raises RuntimeError where Graphviz is missing."""
        text = render(self.source, "svg").decode()
        return text[text.index("<svg") :]

    def save(self, path: str | Path) -> Path:
        """Write the drawing as .svg, .png, .pdf or .dot, by the ending of the path; returns the path.

        Raises ValueError for another ending, RuntimeError where Graphviz is missing, OSError where the file
        cannot be written.
        """
        path = Path(path)
        ending = path.suffix.lower().removeprefix(".")
        if ending == "dot":
            path.write_text(self.source, encoding="utf-8")
        elif ending in FORMATS:
            path.write_bytes(render(self.source, ending))
        else:
            endings = ", ".join("." + known for known in (*FORMATS, "dot"))
            raise ValueError(f"a diagram can be saved as {endings}, not as {path.name!r}")
        return path

    def __repr__(self) -> str:
        return f"<Diagram, {len(self.source):,} characters of DOT; .svg(), .save('graph.svg'), .source>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        try:
            # No wider than the page.
            svg = self.svg().replace("<svg ", '<svg style="max-width: 100%; height: auto" ', 1)
            return {"image/svg+xml": svg, "text/plain": repr(self)}
        except RuntimeError as error:
            return {"text/plain": f"{self!r}\n{error}"}


def draw(
    output: Value, *, collapse: Collapse | None = None, contributions: bool = False, max_nodes: int = 400
) -> Diagram:
    """Draw the graph that `output` was computed by, with the gradients it has: call ``output.backward()`` first.

    A node shows its name (its label, or v and its topological index, as in `explain`), operation, data and grad, and
    is coloured by its gradient: blue where it is positive, orange where it is negative, deeper the larger it is. An
    edge shows the local derivative, and with `contributions` its product with the upstream gradient, which is what
    flows back along it. Plain numbers are part of their operation; an operand that occurs twice has two edges; nodes
    made in a `named_scope` are framed.

    ``collapse="neuron"`` draws each scope as one node, ``collapse="layer"`` each scope without its last level. A
    graph of more than `max_nodes` nodes is collapsed, and where that is not enough cut to the nodes nearest the
    output; the drawing says so. Raises TypeError unless `output` is a Value, and ValueError for an option that
    is none of these.

    >>> x = Value(3.0, label="x")
    >>> y = x * x
    >>> y.backward()
    >>> draw(y).source.count("n0 -> n1")
    2
    """
    if not isinstance(output, Value):
        raise TypeError(f"draw takes a Value, got {type(output).__name__}; for several outputs, draw their sum")
    if collapse not in (None, "neuron", "layer"):
        raise ValueError(f"collapse is None, 'neuron' or 'layer', not {collapse!r}")
    if isinstance(max_nodes, bool) or not isinstance(max_nodes, int) or max_nodes < 2:
        raise ValueError(f"max_nodes is a whole number of at least 2, not {max_nodes!r}")

    with collector_paused():
        order = topological_order(output)
        boxes, notes, hidden = fitting_boxes(order, collapse, max_nodes)
        names = names_of(order, {node for box in boxes for node in box.exits})
    if hidden:
        notes.append(f"the {len(boxes):,} nodes nearest the output, without {hidden:,} more")

    graph = graphviz.Digraph(
        graph_attr={"rankdir": "LR", "fontname": FONT, "fontsize": "10", "ranksep": "0.4", "nodesep": "0.2"},
        node_attr={
            "shape": "box",
            "style": "rounded,filled",
            "fontname": FONT,
            "fontsize": "11",
            "margin": "0.12,0.06",
        },
        edge_attr={"fontname": FONT, "fontsize": "10", "color": "#555555", "fontcolor": "#333333", "arrowsize": "0.7"},
    )
    if sum(bool(box.scope) for box in boxes) > 10:
        graph.attr(splines="line")  # layers joined all with all: curves around neurons go far above and below
    if len(boxes) > 100:
        # Curves around nodes, and the best of orders, take dot minutes where a few hundred nodes are entangled.
        graph.attr(splines="line", nslimit="0.2", nslimit1="0.2", mclimit="0.1")
    if notes:
        graph.attr(label=_markup("; ".join(notes)))
    _add_frame(graph, (), _by_frame(boxes), _largest_gradient(boxes), names)
    if hidden:
        graph.node("rest", _markup(f"… {hidden:,} more"), shape="plaintext", style="", id="rest")
    drawn = set(boxes)
    for box in boxes:
        _add_edges(graph, box, drawn, contributions)
    return Diagram(graph.source)


def _by_frame(boxes: list[Box]) -> dict[tuple[str, ...], list[Box]]:
    """The boxes of each frame, with an entry for every frame around a frame."""
    frames: dict[tuple[str, ...], list[Box]] = {(): []}
    for box in boxes:
        for depth in range(1, len(box.frame) + 1):
            frames.setdefault(box.frame[:depth], [])
        frames[box.frame].append(box)
    return frames


def _add_frame(
    graph: graphviz.Digraph,
    frame: tuple[str, ...],
    frames: dict[tuple[str, ...], list[Box]],
    largest: float,
    names: dict[Value, str],
) -> None:
    """The boxes of a frame, and the frames inside it as clusters."""
    for box in frames[frame]:
        name = f"n{box.index}"
        graph.node(name, _box_markup(box, names), fillcolor=_fill(box, largest), id=name)
    for number, inner in enumerate(frames):
        if inner and inner[:-1] == frame:
            cluster = graphviz.Digraph(f"cluster_{number}")
            cluster.attr(label=_markup(inner[-1]), style="rounded", color="#999999", fontcolor="#555555")
            _add_frame(cluster, inner, frames, largest, names)
            graph.subgraph(cluster)


def _add_edges(graph: graphviz.Digraph, box: Box, drawn: set[Box], contributions: bool) -> None:
    """An edge an argument between nodes, an edge a pair where one of them is a collapsed scope."""
    bundles: Counter[Box] = Counter()
    cut = False
    for source, node, position in box.edges:
        if source is None or source not in drawn:
            cut = True
        elif box.scope or source.scope:
            bundles[source] += 1
        else:
            text = number_text(node.partials[position])
            if contributions:
                product = _gradient(node) * node.partials[position]
                text += f" · {number_text(_gradient(node))} = {number_text(product)}"
            graph.edge(f"n{source.index}", f"n{box.index}", _markup(text), id=f"e{box.index}_{position}")
    for source, count in bundles.items():
        graph.edge(f"n{source.index}", f"n{box.index}", _markup(f"{count:,} edges") if count > 1 else "")
    if cut:
        graph.edge("rest", f"n{box.index}", style="dashed")


def _box_markup(box: Box, names: dict[Value, str]) -> str:
    node = next(iter(box.exits))
    if box.scope:
        lines = [f"<B>{escaped(box.scope)}</B>", f"{box.nodes:,} nodes"]
    else:
        # A line break in a label is one in a drawing, though not in the lines that explanations are printed in.
        name = "" if node.is_constant else names[node] if node.label.isprintable() else node.label
        parts = (f"<B>{escaped(name)}</B>" if name else "", _operation_markup(node))
        lines = [" &#160; ".join(part for part in parts if part)]
    if len(box.exits) == 1:
        lines += [f"data {number_text(node.data)}", f"grad {number_text(_gradient(node))}"]
    return f"<{'<BR/>'.join(line for line in lines if line)}>"


def _operation_markup(node: Value) -> str:
    """The sign of the operation, with the plain numbers it has: ``2 * ·``."""
    if node.op is None or node.is_constant:
        return ""
    constants = any(operand.is_constant for operand in node.inputs)
    names = {operand: number_text(operand.data) if operand.is_constant else "·" for operand in node.inputs}
    text = escaped(operation(node, names) if constants else node.op.symbol)
    return f'<FONT COLOR="#444444">{text}</FONT>'


def _fill(box: Box, largest: float) -> str:
    """The colour of a box's gradient, if it is one number."""
    return gradient_colour(_gradient(next(iter(box.exits))) if len(box.exits) == 1 else math.nan, largest)


def gradient_colour(gradient: float, largest: float) -> str:
    """White for no gradient, deeper with its size, on a root scale so that small ones still show; grey for NaN."""
    if math.isnan(gradient):
        return NEUTRAL
    hue = POSITIVE if gradient > 0 else NEGATIVE
    share = 1.0 if math.isinf(gradient) else math.sqrt(abs(gradient) / largest) if largest else 0.0
    parts = (int(hue[at : at + 2], 16) for at in (1, 3, 5))
    return "#" + "".join(f"{round(255 - (255 - part) * share):02x}" for part in parts)


def _gradient(node: Value) -> float:
    """The gradient as a number; 0 where it was set to None."""
    return 0.0 if node.grad is None else number_of(node.grad)


def _largest_gradient(boxes: list[Box]) -> float:
    gradients = [abs(_gradient(node)) for box in boxes for node in box.exits]
    return max((gradient for gradient in gradients if math.isfinite(gradient)), default=0.0)


def _markup(text: str) -> str:
    """Text as a label that Graphviz takes literally."""
    return f"<{escaped(text)}>"


def escaped(text: str) -> str:
    """Text inside a Graphviz HTML-like label: its markup, its backslash codes and what XML forbids made harmless."""
    if len(text) > LONGEST_LABEL:
        text = text[: LONGEST_LABEL - 1] + "…"
    text = re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
    # Graphviz reads a backslash as the start of a code such as \N, the node's name, and two as one.
    text = html.escape(text).replace("\\", "\\\\")
    return re.sub("\r\n|\r|\n", "<BR/>", text)
