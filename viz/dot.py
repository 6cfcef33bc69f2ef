"""A recorded graph as a drawing: Value to DOT text, always the same text for the same graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Set
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
from viz.placing import Frame, Rect, placed
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

    boxes = _numbered(boxes, lambda box: ".".join((*box.frame, box.scope)) if box.scope else "")
    drawn = set(boxes)
    sources = {box: {source for source, _, _ in box.edges if source and source in drawn} for box in boxes}
    column = columns(sources)
    places, frames = {}, {}
    if not hidden and _side_by_side(column):
        labels = {box: box_label(box, names) for box in boxes}
        longest = {
            box: max((len(edge_label(node, at, contributions)) for one, node, at in box.edges if one and not one.scope),
                     default=0)
            for box in boxes if not box.scope
        }  # fmt: skip
        places, frames = placed({box: column[box] for box in boxes}, sources, labels, longest)
    graph = graphviz.Digraph(
        graph_attr={"rankdir": "LR", "fontname": FONT, "fontsize": "10", "nodesep": "0.2", "ranksep": "0.4",
                    "outputorder": "edgesfirst", **_layout(column, sources, bool(places))},
        node_attr={"shape": "box", "style": "rounded,filled", "fontname": FONT, "fontsize": "11",
                   "margin": "0.12,0.06"},
        edge_attr={"fontname": FONT, "fontsize": "10", "color": "#555555", "fontcolor": "#333333", "arrowsize": "0.7",
                   "tailport": "e", "headport": "w"},
    )  # fmt: skip
    if notes:
        graph.attr(label=markup("; ".join(notes)))
    if places and notes:
        across = [place.x for place in places.values()]
        lowest = min(place.y - place.height / 2 for place in [*places.values(), *frames.values()])
        graph.attr(lp=f"{(min(across) + max(across)) / 2:.1f},{lowest - 20.0:.1f}")
    _add_frame(graph, (), _by_frame(boxes), largest_gradient(boxes), names, places, frames)
    if hidden:
        farther = tip(f"{hidden:,} nodes that are farther from the output")
        graph.node("rest", markup(f"… {hidden:,} more"), shape="plaintext", style="", id="rest", tooltip=farther)
    for box in boxes:
        _add_edges(graph, box, drawn, contributions, names)
    return Diagram(graph.source)


def _side_by_side(column: Mapping[Box, int]) -> bool:
    """Whether a frame has several scopes in one column, as a layer has neurons."""
    counts = Counter((box.frame, at) for box, at in column.items() if box.scope)
    return max(counts.values(), default=0) > 1


def _layout(column: Mapping[Box, int], sources: Mapping[Box, Set[Box]], placed: bool) -> dict[str, str]:
    """How Graphviz is to place boxes, unless they have their places, and lead the edges between them.

    Edges curve around boxes. They are straight where boxes have places and edges only lead from each column to the
    next, so that they cross none; and where curves would go far around, because nearly every box is joined to every
    other, or take Graphviz minutes, for the many boxes or columns that they pass. There boxes cover the edges.
    """
    pairs = [(source, box) for box, used in sources.items() for source in used]
    passed = sum(abs(column[box] - column[source]) - 1 for source, box in pairs)
    if placed:
        return {"layout": "nop2", "splines": "true" if passed and len(sources) <= 100 else "line"}
    if passed > MOST_PASSED:
        return {"splines": "line", "nslimit": "0.2", "nslimit1": "0.2", "mclimit": "0.1"}
    dense = len(pairs) > 4 * len(sources) and any(box.scope for box in sources)
    return {"splines": "line"} if dense else {}


def _by_frame(boxes: list[Box]) -> dict[Frame, list[Box]]:
    """The boxes of each frame, with an entry for every frame around a frame, in the order of their numbers."""
    frames: dict[Frame, list[Box]] = {(): []}
    for box in boxes:
        for depth in range(1, len(box.frame) + 1):
            frames.setdefault(box.frame[:depth], [])
        frames[box.frame].append(box)
    return {frame: frames[frame] for frame in _numbered(frames, ".".join)}


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
    frame: Frame,
    frames: dict[Frame, list[Box]],
    largest: float,
    names: dict[Value, str],
    places: Mapping[Box, Rect],
    places_of_frames: Mapping[Frame, Rect],
) -> None:
    """The boxes of a frame, and the frames inside it as clusters."""
    for box in frames[frame]:
        name = f"n{box.index}"
        graph.node(name, box_label(box, names), fillcolor=fill(box, largest), id=name, tooltip=box_tip(box, names),
                   **(places[box].node() if places else {}))  # fmt: skip
    for number, inner in enumerate(frames):
        if inner and inner[:-1] == frame:
            cluster = graphviz.Digraph(f"cluster_{number}")
            if places:
                cluster.attr(**places_of_frames[inner].cluster(inner[-1]))
            cluster.attr(label=markup(inner[-1]), labeljust="l", style="rounded", color="#999999", fontcolor="#555555",
                         tooltip=tip(f"scope {'.'.join(inner)}"))  # fmt: skip
            _add_frame(cluster, inner, frames, largest, names, places, places_of_frames)
            graph.subgraph(cluster)


def _add_edges(
    graph: graphviz.Digraph, box: Box, drawn: set[Box], contributions: bool, names: dict[Value, str]
) -> None:
    """One edge for each argument of a node, and one for each pair of boxes where a scope is collapsed."""
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
