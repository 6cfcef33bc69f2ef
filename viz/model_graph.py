"""What the page of a training run knows of the model: its layers where they form a chain, and its graph on one sample.

The page works the graph out anew, with the weights of any epoch, for each point of the plane that it colours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from autograd_core import Value, topological_order
from autograd_core.compiler import CompileError
from autograd_core.compiler.javascript import operations
from nn.evaluation import recorded
from nn.layers import Layer, Neuron
from nn.module import Module
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
        with _calls(model) as calls:
            self.sample, output = recorded(model, row)
        self.outputs = _flat(output)
        self._calls = calls

    def layers(self, part: str) -> list[tuple[str, Layer | Neuron]]:
        """The layers of the model, or of a part of it, by path, each on the outputs of the one before; [] unless all
        of it is such a chain.
        """
        calls = [call for call in self._calls if not part or call[0] == part or call[0].startswith(f"{part}.")]
        given, returned = [call[2] for call in calls], [call[3] for call in calls]
        # The whole model begins with the sample and ends with the outputs.
        links = zip([self.sample, *returned], [*given, self.outputs], strict=True)
        if part:
            links = zip(returned[:-1], given[1:], strict=True)
        linked = all(list(map(id, left)) == list(map(id, right)) for left, right in links)
        layers = [(path, module) for path, module, _, _ in calls]
        return layers if linked and len(dict(layers)) == len(layers) else []

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


def network(layers: list[tuple[str, Layer | Neuron]], parameters: dict[Value, int]) -> list[dict[str, Any]] | None:
    """For each layer of a chain its path, activation, and neurons: their paths, and the places of their weights and
    bias in the record; None for no chain, or weights that are no parameters.
    """
    found = [
        {
            "path": path,
            "activation": str(getattr(layer.activation, "__name__", type(layer.activation).__name__)),
            "neurons": [
                {"path": at, "weights": [parameters.get(w) for w in one.w], "bias": parameters.get(one.b)}
                for at, one in _neurons(path, layer)
            ],
        }
        for path, layer in layers
    ]
    known = all(None not in (one["bias"], *one["weights"]) for layer in found for one in layer["neurons"])
    return found if found and known else None


def _neurons(path: str, layer: Layer | Neuron) -> list[tuple[str, Neuron]]:
    if isinstance(layer, Neuron):
        return [(path, layer)]
    return [(f"{path}.neurons.{i}".lstrip("."), neuron) for i, neuron in enumerate(layer.neurons)]


@contextmanager
def _calls(model: Module) -> Iterator[list[tuple[str, Layer | Neuron, list[Any], list[Any]]]]:
    """The calls of layers, and of neurons that are in none, inside the with-block: path, module, operands, results."""
    calls: list[tuple[str, Layer | Neuron, list[Any], list[Any]]] = []
    inside = {neuron for _, module in model.named_modules() if isinstance(module, Layer) for neuron in module.neurons}

    def watched(path: str, module: Layer | Neuron, plain: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def forward(x: Any) -> Any:
            output = plain(x)
            calls.append((path, module, _flat(x), _flat(output)))
            return output

        return forward

    layers = [
        (path, module)
        for path, module in model.named_modules()
        if isinstance(module, (Layer, Neuron)) and module not in inside and _is_plain(module)
    ]
    for path, module in layers:
        vars(module)["forward"] = watched(path, module, module.forward)
    try:
        yield calls
    finally:
        for _, module in layers:
            del vars(module)["forward"]


def _is_plain(module: Layer | Neuron) -> bool:
    """Whether it computes what a layer does, and no subclass or instance has a forward of its own."""
    if isinstance(module, Layer):
        return _has_forward_of(module, Layer) and all(_has_forward_of(one, Neuron) for one in module.neurons)
    return _has_forward_of(module, Neuron)


def _has_forward_of(module: Module, kind: type[Module]) -> bool:
    return type(module).forward is kind.forward and "forward" not in vars(module)


def _flat(output: Any) -> list[Any]:
    return list(output) if isinstance(output, (list, tuple, np.ndarray)) else [output]
