"""The picture of a network: a column a layer, a circle a neuron, a line a weight."""

from __future__ import annotations

import re
from typing import Any

import pytest

import nn
import viz
from autograd_core import Value
from viz.palette import BLUE, ORANGE


def lines(source: str) -> list[tuple[str, str, str, float]]:
    """From, to, colour and width of each weight."""
    found = re.findall(r'(a\d+_\d+) -> (a\d+_\d+) \[color="(#\w+)" penwidth=([\d.]+)\]', source)
    return [(source, target, colour, float(width)) for source, target, colour, width in found]


def circles(source: str) -> dict[str, list[str]]:
    """The lines of text in each circle."""
    return {
        name: re.sub(r"</?B>", "", text).split("<BR/>")
        for name, text in re.findall(r"(a\d+_\d+) \[label=<(.*)> fill", source)
    }


def test_lines_have_the_size_and_sign_of_the_weights() -> None:
    model = nn.MLP(2, [1], init="zeros")
    model.layers[0].neurons[0].w[0].data, model.layers[0].neurons[0].w[1].data = 2.0, -1.0
    assert lines(viz.draw_network(model, [1.0, 1.0]).source) == [
        ("a0_0", "a1_0", BLUE, 4.2),
        ("a0_1", "a1_0", ORANGE, 2.2),
    ]


def test_circles_show_activations_and_the_gradients_of_the_output() -> None:
    model = nn.MLP(1, [1, 1], "linear", init="constant")
    (hidden,), (output,) = (layer.neurons for layer in model.layers)
    hidden.w[0].data, output.w[0].data = 3.0, -2.0
    assert circles(viz.draw_network(model, [0.5]).source) == {
        "a0_0": ["x1", "0.5", "∂ -6"],
        "a1_0": ["1.5", "∂ -2"],
        "a2_0": ["-3", "∂ 1"],
    }
    shown = circles(viz.draw_network(model, [0.5], loss=lambda output: nn.losses.sse_loss(output, 0.0)).source)
    assert shown["a0_0"] == ["x1", "0.5", "∂ 36"]


def test_several_outputs_share_the_last_column_and_no_grad_changes() -> None:
    model = nn.Sequential(nn.Layer(2, 3, rng=0), nn.Dropout(0.5, rng=0), nn.Layer(3, 2, "linear", rng=1))
    diagram = viz.draw_network(model, [1.0, 2.0])
    assert len(lines(diagram.source)) == 12
    assert list(circles(diagram.source))[-2:] == ["a2_0", "a2_1"]
    assert not any(p.grad for p in model.parameters())
    assert diagram.svg().startswith("<svg")


def test_a_neuron_is_drawn_as_a_layer_of_one() -> None:
    layer = nn.Layer(2, 1, "sigmoid", rng=0)
    neuron = viz.draw_network(layer.neurons[0], [1.0, -2.0])
    assert len(lines(neuron.source)) == 2
    assert neuron.source == viz.draw_network(layer, [1.0, -2.0]).source


def test_wide_layers_are_cut_and_counted() -> None:
    source = viz.draw_network(nn.MLP(40, [20, 1], rng=0), [0.1] * 40, max_width=8).source
    assert len(lines(source)) == 7 * 7 + 7
    assert "33 more" in source
    assert "13 more" in source


def test_a_network_of_zeros_can_be_drawn() -> None:
    source = viz.draw_network(nn.MLP(1, [2, 1], "linear", init="zeros"), [0.0]).source
    assert {width for *_, width in lines(source)} == {0.2}


class Custom(nn.Module):
    def forward(self, *inputs: Any) -> Value:
        return Value(1.0)


def test_what_has_no_layers_is_refused() -> None:
    with pytest.raises(TypeError, match="an MLP, a Layer, a Neuron or a Sequential of them, not a Custom"):
        viz.draw_network(Custom(), [1.0])
    with pytest.raises(ValueError, match="a Layer takes 2 inputs, got 1"):
        viz.draw_network(nn.MLP(2, [1]), [1.0])
