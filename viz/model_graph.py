"""What the page of a training run knows of the model: its layers where they form a chain, and its graph on one sample.

The page works the graph out anew, with the weights of any epoch, for each point of the plane that it colours.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_core import Value, topological_order
from autograd_core.compiler import CompileError
from autograd_core.compiler.javascript import operations
from autograd_core.lookup import Lookup
from nn.evaluation import recorded
from nn.layers import Layer, Neuron
from nn.module import Module
from viz.chain import chain
from viz.page import json_number

MOST_NODES = 20_000
"""Of how many nodes a graph is that a page still works out for thousands of points."""
INPUT, PARAMETER, NUMBER = -1, -2, -3
"""What stands in a node of the page in place of an operation: the leaf is an input, a parameter or a plain number."""


class ModelGraph:
    """A model recorded on one sample, in evaluation mode.

    Raises what the model raises, among others TypeError where it asks for the number of a Value: its graph would then
    not be that of other samples.
    """

    def __init__(self, model: Module, row: np.ndarray) -> None:
        self.sample, output = recorded(model, row)
        self.outputs = list(output) if isinstance(output, (list, tuple, np.ndarray)) else [output]

    def on_page(self, parameters: dict[Value, int]) -> tuple[dict[str, Any], str]:
        """The graph as the page has it, given the place of each parameter in the record; and its operations as source.

        ``nodes`` are in topological order, each a list: the place of its operation and those of its operands, or
        `INPUT` and which one, `PARAMETER` and its place in the record, `NUMBER` and the number; ``outputs`` are places.
        Raises ValueError for a graph that a page cannot work out.
        """
        order = topological_order(*self.outputs)
        if len(order) > MOST_NODES:
            raise ValueError(f"the model has {len(order):,} operations, and the page takes {MOST_NODES:,}")
        if any(node.op is not None and not node.inputs and not node.is_constant for node in order):
            raise ValueError("the model draws random numbers")
        if any(isinstance(node.op, Lookup) for node in order):
            raise ValueError("the model looks up by its inputs, and the page has only what was chosen for this sample")
        try:
            source, numbers = operations(order)
        except CompileError as error:
            raise ValueError(str(error)) from None
        place = {node: i for i, node in enumerate(order)}
        inputs = {node: i for i, node in enumerate(self.sample)}

        def leaf(node: Value) -> list[Any]:
            if node in inputs:
                return [INPUT, inputs[node]]
            return [PARAMETER, parameters[node]] if node in parameters else [NUMBER, json_number(node.data)]

        nodes = [
            [number, *(place[operand] for operand in node.inputs)] if number >= 0 else leaf(node)
            for node, number in zip(order, numbers, strict=True)
        ]
        return {"nodes": nodes, "outputs": [place[node] for node in self.outputs]}, source


def network(model: Module, row: np.ndarray, part: str, parameters: dict[Value, int]) -> list[dict[str, Any]] | None:
    """For each layer of a chain its path, activation, and neurons: their paths, and the places of their weights and
    bias in the record; None for no chain, or weights that are not recorded. Of a `part` only the layers in it.
    """
    try:
        links, _, _ = chain(model, [Value(number) for number in row.tolist()])
    except Exception:  # of somebody else's code, or for no chain
        return None
    modules: dict[str, Any] = dict(model.named_modules())
    modules[type(model).__name__] = model  # as a chain calls a model that is a layer by itself
    paths = ["" if modules[link.path] is model else link.path for link in links]
    found = [
        {
            "path": path,
            "activation": link.activation,
            "neurons": [
                {"path": at, "weights": [parameters.get(w) for w in one.w], "bias": parameters.get(one.b)}
                for at, one in _neurons(path, modules[link.path])
            ],
        }
        for link, path in zip(links, paths, strict=True)
        if not part or path == part or path.startswith(f"{part}.")
    ]
    known = all(None not in (one["bias"], *one["weights"]) for layer in found for one in layer["neurons"])
    return found if found and known else None


def _neurons(path: str, layer: Layer | Neuron) -> list[tuple[str, Neuron]]:
    if isinstance(layer, Neuron):
        return [(path, layer)]
    return [(f"{path}.neurons.{i}".lstrip("."), neuron) for i, neuron in enumerate(layer.neurons)]
