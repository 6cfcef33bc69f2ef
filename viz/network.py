"""A network as circles and lines: layers as columns, weights as lines of their size and sign."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate, pairwise
from math import isfinite
from typing import Any

import graphviz
import numpy as np

from autograd_core import Value
from autograd_core.formula import number_text
from autograd_core.graph import gradients
from nn import Module
from nn.arguments import positive_int
from viz.chain import Link, chain
from viz.dot import FONT, Diagram
from viz.markup import escaped, gradient_colour, tip
from viz.palette import BLUE, ORANGE

CIRCLE = 62.0
"""The diameter of a circle, in points."""
DOWN = CIRCLE + 26.0
"""The distance from a circle to the one under it, with room for a name."""
MOST_NUMBERED = 5
"""How many circles a column may have where the weights are written on the lines."""


def draw_network(model: Module, x: Any, *, loss: Callable[[Any], Value] | None = None, max_width: int = 16) -> Diagram:
    """Draw a network on one sample: a column for each layer, a circle for each neuron, a line for each weight.

    A circle shows what the neuron hands on and the gradient, with respect to it, of the network's output (of their sum
    if there are several) or of ``loss(output)``; it is coloured by the gradient as in `draw`. A line is the thicker the
    larger the weight, blue where it is positive and orange where negative, with the number on it in a small network. Of
    a layer with more than `max_width` neurons the first ones are drawn and the rest counted. Nothing of the model
    changes.

    `model` is an MLP, a Layer, a Neuron, a Sequential, or a Module of your own, as long as it calls Layers or Neurons
    one after the other: each takes what the one before gives, in that order, or a function of each number by itself,
    such as an activation. Dropout drops nothing here. Raises TypeError for another model, and for a loss that is no
    Value, and ValueError for a sample of another size.

    >>> import nn
    >>> diagram = draw_network(nn.MLP(2, [3, 1], rng=0), [1.0, -1.0])
    >>> diagram.source.count("penwidth")
    9
    """
    if positive_int(max_width, "max_width") < 2:
        raise ValueError("max_width is at least 2: a neuron, and the count of the others")
    sample = np.atleast_1d(x)
    if sample.ndim > 1:
        raise ValueError(f"a network is drawn on one sample, not on an array of shape {sample.shape}")
    links, outputs, returned = chain(model, [_input(number, place) for place, number in enumerate(sample.tolist(), 1)])
    columns = [link.inputs for link in links] + [outputs]
    target = loss(returned) if loss else sum(outputs[1:], outputs[0])
    if not isinstance(target, Value):
        raise TypeError(f"loss takes what the model returns and gives a Value, not {type(target).__name__}")
    flat = [value for column in columns for value in column]
    slope = dict(zip(flat, gradients(target, flat), strict=True))

    heights = [min(len(column), max_width) for column in columns]
    numbered = max(heights) <= MOST_NUMBERED
    graph = graphviz.Digraph(
        # Every place is given, so Graphviz lays nothing out.
        graph_attr={"layout": "nop2", "splines": "line", "outputorder": "edgesfirst", "fontname": FONT},
        node_attr={"shape": "circle", "style": "filled", "fontname": FONT, "fontsize": "10", "fixedsize": "true",
                   "width": f"{CIRCLE / 72:.3f}"},
        edge_attr={"arrowhead": "none", "tailport": "e", "headport": "w"},
    )  # fmt: skip
    largest = max((abs(slope[value]) for value in flat if isfinite(slope[value])), default=0.0)
    heaviest = max((abs(weight.data) for link in links for neuron in link.neurons for weight in neuron.w), default=0.0)
    across = list(accumulate((_gap(pair, numbered) for pair in pairwise(heights)), initial=0.0))
    for number, (column, height, left) in enumerate(zip(columns, heights, across, strict=True)):
        _add_column(graph, number, column, height, left, links[number - 1] if number else None, slope, largest)
    heading = _top(max(heights)) + CIRCLE
    _add_text(graph, "inputs", "inputs", 0.0, heading, tip(f"the sample: {_counted(len(columns[0]), 'number')}"))
    for number, (link, left, right) in enumerate(zip(links, across, across[1:], strict=False), 1):
        title = f"{link.path}, {link.activation}"
        title = title if len(title) <= 24 else f"…{title[-23:]}"
        size = f"{_counted(len(link.neurons), 'neuron')}, each with {_counted(len(link.inputs), 'weight')} and a bias"
        _add_text(graph, f"layer{number}", title, right, heading, tip(f"{link.path}: {size}"))
        _add_weights(graph, number, link, heights[number - 1 : number + 1], heaviest, (left, right) if numbered else ())
    what = "loss" if loss else "output" if len(columns[-1]) == 1 else "sum of the outputs"
    key = f"∂: gradient of the {what}; lines: weights, blue above 0, orange below"
    about = tip(f"a circle shows what it hands on, and the gradient of the {what} with respect to that")
    _add_text(graph, "key", key, across[-1] / 2, -_top(max(heights)) - 54, about)
    return Diagram(graph.source)


def _input(given: Any, place: int) -> Value:
    """A leaf for one number of the sample, with the label that it has, or x and its place."""
    if isinstance(given, Value):
        return Value(given.data, label=given.label or f"x{place}")
    return Value(given, label=f"x{place}")


def _gap(heights: tuple[int, int], numbered: bool) -> float:
    """From the centres of one column to those of the next: the steepest lines can be followed, and numbers fit."""
    return CIRCLE + max(60.0 + 15.0 * max(heights), 45.0 * (heights[1] + 1) if numbered else 0.0)


def _top(height: int) -> float:
    """How high the first circle of a column stands; all columns have their middle at 0."""
    return DOWN * (height - 1) / 2


def _at(x: float, y: float) -> str:
    return f"{x:.1f},{y:.1f}"


def _add_text(graph: graphviz.Digraph, name: str, text: str, x: float, y: float, tooltip: str) -> None:
    """Words on a white ground, so that a line passes under them."""
    graph.node(name, f"<{escaped(text)}>", shape="box", fixedsize="false", width="0", height="0", margin="0.02,0",
               fillcolor="white", peripheries="0", pos=_at(x, y), tooltip=tooltip)  # fmt: skip


def _add_column(
    graph: graphviz.Digraph,
    number: int,
    column: list[Value],
    height: int,
    x: float,
    link: Link | None,
    slope: dict[Value, float],
    largest: float,
) -> None:
    """The circles of one layer from the top down, each under its name, and the count of those left out."""
    shown = column if len(column) == height else column[: height - 1]
    for place, value in enumerate(shown):
        y = _top(height) - DOWN * place
        name = f"a{number}_{place}"
        title, words = (value.label, value.label) if link is None else _neuron_words(link, place)
        tooltip = tip(words, f"value {number_text(value.data)}", f"gradient {number_text(slope[value])}")
        label = f"<{_short(value.data)}<BR/>∂ {_short(slope[value])}>"
        graph.node(name, label, fillcolor=gradient_colour(slope[value], largest), id=name, pos=_at(x, y),
                   tooltip=tooltip)  # fmt: skip
        title = " ".join(title.split())
        title = title if len(title) <= 14 else f"{title[:13]}…"
        _add_text(graph, f"name{number}_{place}", title, x, y + CIRCLE / 2 + 8, tooltip)
    if len(shown) < len(column):
        rest = len(column) - len(shown)
        about = tip(f"{_counted(rest, 'circle')} of {len(column):,} that are not drawn")
        _add_text(graph, f"rest_{number}", f"{rest:,} more", x, _top(height) - DOWN * (height - 1), about)


def _neuron_words(link: Link, place: int) -> tuple[str, str]:
    """What a neuron is called, and what it computes."""
    neuron = link.neurons[place]
    name, path = f"neurons.{place}", f"{link.path}.neurons.{place}"
    if neuron is link.layer:
        name, path = "neuron", link.path
    return name, f"{path}: {link.activation}(w·x + b), b = {number_text(neuron.b.data)}"


def _add_weights(
    graph: graphviz.Digraph, number: int, link: Link, heights: list[int], heaviest: float, ends: tuple[float, ...]
) -> None:
    """The lines into a layer from the column on its left, between two places across for those with numbers on them.

    Circles are equally far apart in both columns. So at a share of 1/(n+1) of the way into a layer of n no two lines
    meet, and a number there is on its own line alone.
    """
    for right, neuron in list(enumerate(link.neurons))[: _circles(heights[1], len(link.neurons))]:
        for left, weight in list(enumerate(neuron.w))[: _circles(heights[0], len(neuron.w))]:
            share = abs(weight.data) / heaviest if isfinite(weight.data) and heaviest else 0.0
            colour = BLUE if weight.data > 0 else ORANGE
            words = tip(f"{weight.label} = {number_text(weight.data)}")
            graph.edge(f"a{number - 1}_{left}", f"a{number}_{right}", color=colour,
                       penwidth=f"{0.2 + 4.0 * share:.2f}", tooltip=words)  # fmt: skip
            if ends:
                start, stop = ends[0] + CIRCLE / 2, ends[1] - CIRCLE / 2
                low, high = _top(heights[0]) - DOWN * left, _top(heights[1]) - DOWN * right
                way = 1.0 / (heights[1] + 1)
                x, y = start + way * (stop - start), low + way * (high - low)
                _add_text(graph, f"w{number}_{left}_{right}", _short(weight.data), x, y, words)


def _circles(height: int, neurons: int) -> int:
    """How many circles a column has: the last place counts those that it has no room for."""
    return height if neurons == height else height - 1


def _counted(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'s' * (count != 1)}"


def _short(number: float) -> str:
    """Three digits, which fit into a circle."""
    return format(number, ".3g")
