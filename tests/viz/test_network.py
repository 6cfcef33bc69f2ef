"""The picture of a network: a column a layer, a circle a neuron, a line a weight."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nn
import viz
from autograd_core import Value
from autograd_core.functions import softmax
from viz.palette import BLUE, ORANGE

SVG = "{http://www.w3.org/2000/svg}"


def lines(source: str) -> list[tuple[str, str, str, float]]:
    """From, to, colour and width of each weight."""
    found = re.findall(r'(a\d+_\d+) -> (a\d+_\d+) \[color="(#\w+)" penwidth=([\d.]+) ', source)
    return [(source, target, colour, float(width)) for source, target, colour, width in found]


def circles(source: str) -> dict[str, list[str]]:
    """The lines of text in each circle."""
    return {name: text.split("<BR/>") for name, text in re.findall(r"(a\d+_\d+) \[label=<(.*)> fill", source)}


def words(source: str) -> set[str]:
    """What is written beside circles, over columns and on lines."""
    return set(re.findall(r"\[label=<(.*?)> fillcolor=white", source))


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
        "a0_0": ["0.5", "∂ -6"],
        "a1_0": ["1.5", "∂ -2"],
        "a2_0": ["-3", "∂ 1"],
    }
    shown = circles(viz.draw_network(model, [0.5], loss=lambda output: nn.losses.sse_loss(output, 0.0)).source)
    assert shown["a0_0"] == ["0.5", "∂ 36"]


def test_several_outputs_share_the_last_column_and_no_grad_changes() -> None:
    model = nn.Sequential(nn.Layer(2, 3, rng=0), nn.Dropout(0.5, rng=0), nn.Layer(3, 2, "linear", rng=1))
    diagram = viz.draw_network(model, [1.0, 2.0])
    assert len(lines(diagram.source)) == 12
    assert list(circles(diagram.source))[-2:] == ["a2_0", "a2_1"]
    assert not any(p.grad for p in model.parameters())
    assert diagram.svg().startswith("<svg")


def test_a_neuron_is_drawn_as_a_layer_of_one() -> None:
    layer = nn.Layer(2, 1, "sigmoid", rng=0)
    neuron, whole = (viz.draw_network(model, [1.0, -2.0]).source for model in (layer.neurons[0], layer))
    assert len(lines(neuron)) == 2
    assert lines(neuron) == lines(whole)
    assert circles(neuron) == circles(whole)
    assert {"Neuron, sigmoid", "neuron"} <= words(neuron)
    assert {"Layer, sigmoid", "neurons.0"} <= words(whole)


def test_wide_layers_are_cut_and_counted() -> None:
    source = viz.draw_network(nn.MLP(40, [20, 1], rng=0), [0.1] * 40, max_width=8).source
    assert len(lines(source)) == 7 * 7 + 7
    assert "33 more" in source
    assert "13 more" in source


def test_a_network_of_zeros_can_be_drawn() -> None:
    source = viz.draw_network(nn.MLP(1, [2, 1], "linear", init="zeros"), [0.0]).source
    assert {width for *_, width in lines(source)} == {0.2}


def test_names_stand_beside_the_circles_and_layers_over_their_columns() -> None:
    model = nn.MLP(2, [3, 1], "tanh", rng=0)
    shown = words(viz.draw_network(model, [1.0, Value(2.0, label="height")]).source)
    assert shown >= {"inputs", "layers.0, tanh", "layers.1, linear", "x1", "height", "neurons.0", "neurons.2"}
    assert any("gradient of the output" in text for text in shown)
    long = words(viz.draw_network(model, [1.0, Value(2.0, label="a " * 100_000 + "\n]")]).source)
    assert max(map(len, long)) < 80


def test_weights_stand_on_the_lines_of_a_small_network() -> None:
    model = nn.MLP(2, [5, 1], rng=0)
    shown = words(viz.draw_network(model, [1.0, 2.0]).source)
    assert {f"{weight.data:.3g}" for weight in model.parameters() if ".w." in weight.label} <= shown
    wide = nn.MLP(2, [6, 1], rng=0)
    assert not {f"{weight.data:.3g}" for weight in wide.parameters() if weight.data} & words(
        viz.draw_network(wide, [1.0, 2.0]).source
    )


@pytest.mark.parametrize("widths", [[1], [5, 5], [4, 4, 1], [2, 5, 3]])
def test_no_words_overlap_and_lines_are_painted_under_them(widths: list[int]) -> None:
    svg = viz.draw_network(nn.MLP(3, widths, rng=0), [1.0, 2.0, 3.0]).svg()
    assert svg.rindex('class="edge"') < svg.index('class="node"')
    taken: list[tuple[float, float]] = []
    for text in ElementTree.fromstring(svg).iter(f"{SVG}text"):
        x, y, half = float(text.attrib["x"]), float(text.attrib["y"]), 2.5 * len(text.text or "")
        middle = x + half if text.get("text-anchor") == "start" else x
        assert all(abs(middle - other) > 25.0 or abs(y - height) > 9.0 for other, height in taken)
        taken.append((middle, y))


def test_tooltips_name_neurons_and_weights() -> None:
    model = nn.MLP(2, [2, 1], "tanh", rng=0)
    svg = viz.draw_network(model, [1.0, -0.5]).svg()
    titles = [title.text for title in ElementTree.fromstring(svg).iter(f"{SVG}title")]
    assert "layers.0.neurons.1: tanh(w·x + b), b = 0\nvalue 0.393352\ngradient 0.295241" in titles
    assert "layers.0.neurons.1.w.0 = 0.452847" in titles
    assert "layers.0: 2 neurons, each with 2 weights and a bias" in titles


def test_a_gradient_of_a_loss_is_named_so() -> None:
    source = viz.draw_network(
        nn.MLP(1, [2], rng=0), [1.0], loss=lambda outputs: nn.losses.mse_loss(outputs, [0, 1])
    ).source
    assert any("gradient of the loss" in text for text in words(source))
    assert any("sum of the outputs" in text for text in words(viz.draw_network(nn.MLP(1, [2], rng=0), 1.0).source))


class Own(nn.Module):
    """Layers called one after the other, an activation applied by hand, and Dropout."""

    def __init__(self) -> None:
        self.hidden, self.out = nn.Layer(2, 3, "linear", rng=0), nn.Layer(3, 2, "linear", rng=1)
        self.drop = nn.Dropout(0.5, rng=0)

    def forward(self, x: Any) -> Any:
        return np.array(self.out(self.drop([2.0 * z.tanh() for z in self.hidden(x)])), dtype=object)


def test_a_module_that_calls_layers_one_after_the_other_is_drawn() -> None:
    model = Own()
    source = viz.draw_network(model, [1.0, -2.0]).source
    same = nn.Sequential(nn.Layer(2, 3, lambda z: 2.0 * z.tanh(), rng=0), nn.Layer(3, 2, "linear", rng=1))
    assert lines(source) == lines(viz.draw_network(same, [1.0, -2.0]).source)
    assert circles(source) == circles(viz.draw_network(same, [1.0, -2.0]).source)
    assert {"hidden, linear", "out, linear"} <= words(source)
    assert model.training
    assert "forward" not in vars(model.hidden)
    assert not any(parameter.grad for parameter in model.parameters())


def made(forward: Callable[[Any, Any], Any]) -> nn.Module:
    """A module with two layers that is called so."""

    class Made(nn.Module):
        def __init__(self) -> None:
            self.first, self.second, self.scale = nn.Layer(2, 2, rng=0), nn.Layer(2, 2, rng=1), Value(3.0)

        def forward(self, x: Any) -> Any:
            return forward(self, x)

    return Made()


@pytest.mark.parametrize(
    ("forward", "reason"),
    [
        (lambda m, x: Value(1.0), "no nn.Layer or nn.Neuron is called"),
        (
            lambda m, x: [a + b for a, b in zip(m.first(x), m.second(x), strict=True)],
            "second does not take the outputs",
        ),
        (lambda m, x: m.second(m.first(x)[::-1]), "second does not take the outputs of first number by number"),
        (lambda m, x: m.second([m.scale * h for h in m.first(x)]), "second does not take the outputs of first"),
        (lambda m, x: m.second([h + x[0] for h in m.first(x)]), "second does not take the outputs of first"),
        (lambda m, x: m.second([1.0, m.first(x)[0]]), "second does not take the outputs of first"),
        (lambda m, x: m.first([x[0] * x[1], x[1]]), "first does not take the sample number by number"),
        (lambda m, x: softmax(m.first(x)), "what it returns is not the outputs of first number by number"),
        (lambda m, x: m.first(x)[0], "what it returns is not the outputs of first number by number"),
    ],
)
def test_what_is_no_chain_of_layers_is_refused(forward: Callable[[Any, Any], Any], reason: str) -> None:
    with pytest.raises(TypeError, match=f"one after the other, and in this Made .*{reason}.*viz.draw shows"):
        viz.draw_network(made(forward), [1.0, 2.0])


def test_several_classifiers_side_by_side_and_no_module_are_refused() -> None:
    with pytest.raises(TypeError, match=r"models.1.layers.0 does not take the outputs of models.0.layers.0"):
        viz.draw_network(nn.OneVsRest(lambda: nn.MLP(2, [1], rng=0), 2), [1.0, 2.0])
    with pytest.raises(TypeError, match="takes a Module, got function"):
        viz.draw_network(softmax, [1.0])  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="an MLP takes 2 inputs, got 1"):
        viz.draw_network(nn.MLP(2, [1]), [1.0])
    with pytest.raises(ValueError, match=r"one sample, not on an array of shape \(3, 2\)"):
        viz.draw_network(nn.MLP(2, [1]), [[1.0, 2.0]] * 3)
    with pytest.raises(TypeError, match="loss takes what the model returns and gives a Value, not float"):
        viz.draw_network(nn.MLP(2, [1]), [1.0, 2.0], loss=lambda output: output.data)


class Negated(nn.Layer):
    def forward(self, x: Any) -> Any:
        return [-output for output in super().forward(x)]


def test_a_layer_that_computes_something_else_is_refused() -> None:
    with pytest.raises(TypeError, match="no nn.Layer or nn.Neuron is called"):
        viz.draw_network(Negated(2, 2), [1.0, 2.0])
