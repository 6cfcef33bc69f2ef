"""A recorded graph as a drawing: Value to DOT text, always the same text for the same graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import graphviz

from autograd_core import Value, topological_order
from autograd_core.files import replacing
from autograd_core.formula import names_of
from autograd_core.graph import collector_paused
from viz.boxes import Box, Collapse, columns, fitting_boxes
from viz.markup import box_label, box_tip, edge_label, edge_tip, fill, largest_gradient, markup, tip
from viz.render import FORMATS, png, render

FONT = "Helvetica,Arial,sans-serif"
MOST_PASSED = 1_000
"""How many columns all edges together may pass before they are straight lines."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class Diagram:
    """A drawing of a graph, which shows itself in a notebook; what `draw` returns."""

    source: str
    """The DOT text."""

    def svg(self) -> str:
        """The drawing as an ``<svg>`` element; raises RuntimeError where Graphviz is missing."""
        text = render(self.source, "svg").decode()
        return text[text.index("<svg") :]

    def save(self, path: str | Path, *, dpi: float | None = None, width: int | None = None) -> Path:
        """Write the drawing as .svg, .png, .pdf or .dot, by the ending of the path; returns the path.

        For a .png, `dpi` is how many pixels stand for an inch, of which a line of text takes a sixth, and `width` is
        how wide the picture gets in pixels. Without them it has 192 dpi, twice a screen's, or as many as keep both
        sides below 4,000 pixels, but at least 72.

        Raises ValueError for another ending, for `dpi` or `width` below 1, together or with another ending, and for a
        picture of more than 32,767 pixels a side; TypeError for a `dpi` or `width` that is no number; RuntimeError
        where Graphviz is missing, OSError where the file cannot be written.
        """
        path = Path(path)
        ending = path.suffix.lower().removeprefix(".")
        if (dpi is not None or width is not None) and ending != "png":
            raise ValueError(f"dpi and width are for a .png, which {path.name!r} is not")
        if ending not in (*FORMATS, "dot"):
            endings = ", ".join("." + known for known in (*FORMATS, "dot"))
            raise ValueError(f"a diagram can be saved as {endings}, not as {path.name!r}")
        if ending == "dot":
            content = self.source.encode()
        else:
            content = png(self.source, dpi, width) if ending == "png" else render(self.source, ending)
        with replacing(path) as file:
            file.write(content)
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
        named = {node for box in boxes for exit in box.exits for node in (exit, *exit.inputs)}
        names = names_of(order, named.union(node for box in boxes for _, node, _ in box.edges))
    if hidden:
        notes.append(f"the {len(boxes):,} nodes nearest the output, without {hidden:,} more")

    drawn = set(boxes)
    graph = graphviz.Digraph(
        graph_attr={"rankdir": "LR", "fontname": FONT, "fontsize": "10", "nodesep": "0.2", "outputorder": "edgesfirst",
                    **_layout(boxes, drawn)},
        node_attr={"shape": "box", "style": "rounded,filled", "fontname": FONT, "fontsize": "11",
                   "margin": "0.12,0.06"},
        edge_attr={"fontname": FONT, "fontsize": "10", "color": "#555555", "fontcolor": "#333333", "arrowsize": "0.7",
                   "tailport": "e", "headport": "w"},
    )  # fmt: skip
    if notes:
        graph.attr(label=markup("; ".join(notes)))
    _add_frame(graph, (), _by_frame(boxes), largest_gradient(boxes), names)
    if hidden:
        farther = tip(f"{hidden:,} nodes that are farther from the output")
        graph.node("rest", markup(f"… {hidden:,} more"), shape="plaintext", style="", id="rest", tooltip=farther)
    for box in boxes:
        _add_edges(graph, box, drawn, contributions, names)
    return Diagram(graph.source)


def _layout(boxes: list[Box], drawn: set[Box]) -> dict[str, str]:
    """How Graphviz is to place boxes and lead the edges between them.

    Edges curve around boxes. Scopes side by side keep the order of their numbers, their columns stand far enough apart
    that the steepest edges can be followed, and edges that lead from each column to the next only are straight, for
    these cross no box. So are edges where curves would go far above and below, because nearly every box is joined to
    every other, or take Graphviz minutes, because they pass very many columns; boxes then cover the edges behind them.
    """
    sources = {box: {source for source, _, _ in box.edges if source and source in drawn} for box in boxes}
    column = columns(sources)
    pairs = [(source, box) for box in boxes for source in sources[box]]
    passed = sum(abs(column[box] - column[source]) - 1 for source, box in pairs)
    side_by_side = Counter((box.frame, column[box]) for box in boxes if box.scope)
    layout = {"ranksep": "0.4"}
    if max(side_by_side.values(), default=0) > 1:
        # One sweep keeps the order in which boxes are declared; more would look for one with fewer crossings.
        tallest = max(Counter(column.values()).values())
        layout = {"ranksep": f"{0.4 + 0.1 * tallest:g}", "mclimit": "0.01", "searchsize": "1"}
        straight = not passed or len(pairs) > 4 * len(boxes)
    elif passed > MOST_PASSED:
        layout = {"ranksep": "0.4", "nslimit": "0.2", "nslimit1": "0.2", "mclimit": "0.1"}
        straight = True
    else:
        straight = False
    return layout | ({"splines": "line"} if straight else {})


def _by_frame(boxes: list[Box]) -> dict[tuple[str, ...], list[Box]]:
    """The boxes of each frame, with an entry for every frame around a frame, both in the order of their numbers."""
    frames: dict[tuple[str, ...], list[Box]] = {(): []}
    for box in boxes:
        for depth in range(1, len(box.frame) + 1):
            frames.setdefault(box.frame[:depth], [])
        frames[box.frame].append(box)
    return {
        frame: _numbered(frames[frame], lambda box: box.scope) for frame in _numbered(frames, lambda f: ".".join(f))
    }


def _numbered(items: Iterable[Item], name: Callable[[Item], str]) -> list[Item]:
    """Items with those that differ in a last number, such as ``neurons.10``, at the place of the first, by number."""
    places: dict[str, int] = {}
    keys: dict[Item, tuple[int, int]] = {}
    for place, item in enumerate(items):
        stem, dot, number = name(item).rpartition(".")
        if dot and number.isdecimal():
            keys[item] = (places.setdefault(stem, place), int(number[:9]))
        else:
            keys[item] = (place, 0)
    return sorted(keys, key=lambda item: keys[item])


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
        graph.node(name, box_label(box, names), fillcolor=fill(box, largest), id=name, tooltip=box_tip(box, names))
    for number, inner in enumerate(frames):
        if inner and inner[:-1] == frame:
            cluster = graphviz.Digraph(f"cluster_{number}")
            cluster.attr(label=markup(inner[-1]), labeljust="l", style="rounded", color="#999999", fontcolor="#555555",
                         tooltip=tip(f"scope {'.'.join(inner)}"))  # fmt: skip
            _add_frame(cluster, inner, frames, largest, names)
            graph.subgraph(cluster)


def _add_edges(
    graph: graphviz.Digraph, box: Box, drawn: set[Box], contributions: bool, names: dict[Value, str]
) -> None:
    """An edge an argument between nodes, an edge a pair where one of them is a collapsed scope."""
    bundles: Counter[Box] = Counter()
    cut = False
    for source, node, position in box.edges:
        if source is None or source not in drawn:
            cut = True
        elif box.scope or source.scope:
            bundles[source] += 1
        else:
            label, words = edge_label(node, position, contributions), edge_tip(node, position, names)
            graph.edge(f"n{source.index}", f"n{box.index}", label, id=f"e{box.index}_{position}",
                       tooltip=words, labeltooltip=words)  # fmt: skip
    for source, count in bundles.items():
        ends = [one.scope or names[next(iter(one.exits))] for one in (source, box)]
        words = tip(f"{' to '.join(ends)}: {count:,} edge{'s' * (count > 1)}")
        label = markup(f"{count:,} edges") if count > 1 else ""
        graph.edge(f"n{source.index}", f"n{box.index}", label, tooltip=words, labeltooltip=words)
    if cut:
        graph.edge("rest", f"n{box.index}", style="dashed", tooltip=tip("from nodes that are not drawn"))
