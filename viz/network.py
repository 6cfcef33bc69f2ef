"""A network as circles and lines: layers as columns, weights as lines of their size and sign."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import isfinite
from typing import Any

import graphviz
import numpy as np

from autograd_core import Value
from autograd_core.graph import gradients
from nn import MLP, Dropout, Layer, Module, Neuron, Sequential
from nn.arguments import positive_int
from viz.dot import FONT, Diagram
from viz.markup import escaped, gradient_colour
from viz.palette import BLUE, ORANGE


def draw_network(model: Module, x: Any, *, loss: Callable[[Any], Value] | None = None, max_width: int = 16) -> Diagram:
    """Draw a network on one sample: a column a layer, a circle a neuron, a line a weight.

    A circle shows the neuron's output and the gradient, with respect to it, of the network's output (of their sum if
    there are several) or of ``loss(output)``; it is coloured by the gradient as in `draw`. A line is the thicker the
    larger the weight, blue where it is positive and orange where negative. Of a layer with more than `max_width`
    neurons the first ones are drawn and the rest counted. No `grad` of the model changes.

    `model` is an MLP, a Layer, a Neuron, or a Sequential of these, which may have Dropout between them (it drops
    nothing here). Raises TypeError for another, ValueError for a sample of another size.

    >>> import nn
    >>> diagram = draw_network(nn.MLP(2, [3, 1], rng=0), [1.0, -1.0])
    >>> diagram.source.count("penwidth")
    9
    """
    if positive_int(max_width, "max_width") < 2:
        raise ValueError("max_width is at least 2: a neuron, and the count of the others")
    layers = _layers(model)
    if not layers:
        raise ValueError("the network has no layers to draw")
    columns = [[Value(number, label=f"x{i + 1}") for i, number in enumerate(np.atleast_1d(x).tolist())]]
    outputs: Any = columns[0]
    for layer, _ in layers:
        outputs = layer(outputs)
        columns.append(outputs if isinstance(outputs, list) else [outputs])
    target = loss(outputs) if loss else sum(columns[-1][1:], columns[-1][0])
    flat = [value for column in columns for value in column]
    slope = dict(zip(flat, gradients(target, flat), strict=True))

    # Far enough apart that the steepest lines of a tall column can still be followed.
    tallest = max(min(len(column), max_width) for column in columns)
    graph = graphviz.Digraph(
        graph_attr={"rankdir": "LR", "ranksep": f"{1.0 + 0.25 * tallest:g}", "nodesep": "0.15", "fontname": FONT,
                    "splines": "line", "outputorder": "edgesfirst"},
        node_attr={"shape": "circle", "style": "filled", "fontname": FONT, "fontsize": "10", "fixedsize": "true",
                   "width": "0.85"},
        edge_attr={"arrowhead": "none"},
    )  # fmt: skip
    largest = max((abs(slope[value]) for value in flat if isfinite(slope[value])), default=0.0)
    names = [_add_column(graph, number, column, slope, largest, max_width) for number, column in enumerate(columns)]
    heaviest = max(
        (abs(weight.data) for _, neurons in layers for neuron in neurons for weight in neuron.w), default=0.0
    )
    for (_, neurons), left, right in zip(layers, names, names[1:], strict=False):
        for neuron, name in zip(neurons, right, strict=False):
            for weight, source in zip(neuron.w, left, strict=False):
                share = abs(weight.data) / heaviest if isfinite(weight.data) and heaviest else 0.0
                colour = BLUE if weight.data > 0 else ORANGE
                graph.edge(source, name, penwidth=f"{0.2 + 4.0 * share:.2f}", color=colour)
    return Diagram(graph.source)


def _add_column(
    graph: graphviz.Digraph,
    number: int,
    column: list[Value],
    slope: dict[Value, float],
    largest: float,
    most: int,
) -> list[str]:
    """The circles of one layer from the top down; returns the names of those that stand for one neuron each."""
    shown = column if len(column) <= most else column[: most - 1]
    names = [f"a{number}_{place}" for place in range(len(shown))]
    rank = graphviz.Digraph(f"column_{number}")
    rank.attr(rank="same")
    for name, value in zip(names, shown, strict=True):
        title = f"<B>{escaped(value.label)}</B><BR/>" if number == 0 else ""
        text = f"<{title}{_short(value.data)}<BR/>∂ {_short(slope[value])}>"
        rank.node(name, text, fillcolor=gradient_colour(slope[value], largest), id=name)
    rest = [f"rest_{number}"] if len(shown) < len(column) else []
    for name in rest:
        rank.node(name, f"{len(column) - len(shown):,} more", shape="plaintext", style="")
    for above, below in pairwise(names + rest):
        rank.edge(above, below, style="invis")  # keeps the neurons of a column in their order
    graph.subgraph(rank)
    return names


def _layers(model: Module) -> list[tuple[Layer | Neuron, list[Neuron]]]:
    """The layers of a network in the order of the forward pass, and the neurons of each."""
    if isinstance(model, Neuron):
        return [(model, [model])]
    if isinstance(model, Layer):
        return [(model, model.neurons)]
    if isinstance(model, MLP):
        return [(layer, layer.neurons) for layer in model.layers]
    if isinstance(model, Sequential):
        return [layer for module in model.layers if not isinstance(module, Dropout) for layer in _layers(module)]
    raise TypeError(
        f"draw_network draws an MLP, a Layer, a Neuron or a Sequential of them, not a {type(model).__name__}"
    )


def _short(number: float) -> str:
    """Three digits, which fit into a circle."""
    return format(number, ".3g")
