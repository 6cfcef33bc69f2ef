"""A model as a chain of layers, found by watching in one forward pass what its layers take and give."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd_core import Value
from nn import Layer, Module, Neuron


@dataclass(frozen=True)
class Link:
    """One call of a layer."""

    path: str
    """The path of the layer in the model, or its class if it is the model."""
    layer: Layer | Neuron
    inputs: list[Value]
    outputs: list[Value]

    @property
    def neurons(self) -> list[Neuron]:
        """The neurons of the layer, or the one that was called by itself."""
        return [self.layer] if isinstance(self.layer, Neuron) else self.layer.neurons

    @property
    def activation(self) -> str:
        """The name of the activation."""
        return getattr(self.layer.activation, "__name__", type(self.layer.activation).__name__)


def chain(model: Module, inputs: list[Value]) -> tuple[list[Link], list[Value], Any]:
    """The layers that a model calls on a sample, in order, its outputs as a list, and as the model returns them.

    The model is watched as a copy in evaluation mode, so nothing of it changes. Raises TypeError unless each layer
    takes what the one before gives, or a function of each number by itself, and the model returns what the last gives.
    """
    if not isinstance(model, Module):
        raise TypeError(f"draw_network takes a Module, got {type(model).__name__}")
    copy = deepcopy(model).eval()
    links: list[Link] = []
    known = [(path, module) for path, module in copy.named_modules() if isinstance(module, (Layer, Neuron))]
    inside = {neuron for _, layer in known if isinstance(layer, Layer) for neuron in layer.neurons}
    for path, layer in known:
        # A layer with another forward may do something else with its weights than the picture says.
        if layer not in inside and type(layer).forward in (Layer.forward, Neuron.forward):
            _watch(layer, path or type(layer).__name__, links)
    returned = copy(inputs)
    outputs = _listed(returned)
    before, source = inputs, "the sample"
    for link in links:
        if not _one_by_one(link.inputs, before):
            raise _refusal(model, f"{link.path} does not take {source} number by number")
        before, source = link.outputs, f"the outputs of {link.path}"
    if not links:
        raise _refusal(model, "no nn.Layer or nn.Neuron is called")
    if not _one_by_one(outputs, before):
        raise _refusal(model, f"what it returns is not {source} number by number")
    return links, outputs, returned


def _watch(layer: Layer | Neuron, path: str, links: list[Link]) -> None:
    """Let a layer note each call of it."""
    forward = layer.forward

    def noting(x: Any) -> Any:
        outputs = forward(x)
        links.append(Link(path, layer, _listed(x), _listed(outputs)))
        return outputs

    layer.forward = noting


def _refusal(model: Module, reason: str) -> TypeError:
    return TypeError(
        f"draw_network draws layers that are called one after the other, and in this {type(model).__name__} {reason}; "
        "viz.draw shows the graph of any output"
    )


def _listed(x: Any) -> list[Any]:
    return list(x) if isinstance(x, (list, tuple)) or (isinstance(x, np.ndarray) and x.ndim) else [x]


def _one_by_one(after: Sequence[Any], before: Sequence[Value]) -> bool:
    """Whether each of some values is the one at its place before, or is computed from that one and plain numbers."""
    return len(after) == len(before) and all(
        isinstance(value, Value) and _origins(value, set(before)) == {source}
        for value, source in zip(after, before, strict=True)
    )


def _origins(value: Value, before: set[Value]) -> set[Value]:
    """Those among some values, and the other leaves, that a value was computed from."""
    found, pending, seen = set[Value](), [value], {value}
    while pending:
        node = pending.pop()
        if node in before or not node.inputs:
            if not node.is_constant:
                found.add(node)
            continue
        pending += [operand for operand in node.inputs if operand not in seen]
        seen.update(node.inputs)
    return found
