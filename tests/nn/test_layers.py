"""Neurons, layers and networks: what they compute, by hand and against PyTorch, and what they refuse."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import nn
from autograd_core import Value, functions
from nn.activations import ACTIVATIONS


def of_math(x: Value) -> float:
    return math.tanh(x.data)


def wrong(argument: Any) -> Any:
    """An argument of a type that the checker would not let through."""
    return argument


def test_the_2_2_1_example_by_hand() -> None:
    """Two inputs, two hidden sigmoid neurons N1 and N2, a sigmoid output N3, and half the squared error."""
    model = nn.MLP(2, [2, 1], "sigmoid", "sigmoid")
    (w1, w2), (w3, w4), (w5, w6) = (0.15, 0.2), (0.25, 0.3), (0.4, 0.45)
    b1, b2, b3 = 0.35, -0.35, 0.6
    x1, x2, y = 0.05, 0.1, 0.01
    names = ["layers.0.neurons.0.w.0", "layers.0.neurons.0.w.1", "layers.0.neurons.0.b",
             "layers.0.neurons.1.w.0", "layers.0.neurons.1.w.1", "layers.0.neurons.1.b",
             "layers.1.neurons.0.w.0", "layers.1.neurons.0.w.1", "layers.1.neurons.0.b"]  # fmt: skip
    model.load_state_dict(dict(zip(names, (w1, w2, b1, w3, w4, b2, w5, w6, b3), strict=True)))
    inputs = [Value(x1), Value(x2)]
    loss = nn.losses.half_sse_loss(model(inputs), y)
    loss.backward()

    def sigma(z: float) -> float:
        return 1.0 / (1.0 + math.exp(-z))

    n1, n2 = sigma(w1 * x1 + w2 * x2 + b1), sigma(w3 * x1 + w4 * x2 + b2)
    out = sigma(w5 * n1 + w6 * n2 + b3)
    assert loss.data == pytest.approx(0.5 * (y - out) ** 2, rel=1e-15)
    d3 = (out - y) * out * (1.0 - out)
    d1, d2 = d3 * w5 * n1 * (1.0 - n1), d3 * w6 * n2 * (1.0 - n2)
    expected = [d1 * x1, d1 * x2, d1, d2 * x1, d2 * x2, d2, d3 * n1, d3 * n2, d3]
    parameters = dict(model.named_parameters())
    assert [parameters[name].grad for name in names] == pytest.approx(expected, rel=1e-13)
    # An input reaches the loss through both hidden neurons.
    assert inputs[0].grad == pytest.approx(d1 * w1 + d2 * w3, rel=1e-13)
    assert inputs[1].grad == pytest.approx(d1 * w2 + d2 * w4, rel=1e-13)


def test_a_weight_that_two_outputs_share_gathers_both_paths() -> None:
    hidden, first, second = (nn.Neuron(1, "tanh", rng=i) for i in range(3))
    h = hidden([0.7])
    loss = first([h]) + second([h])  # L1 + L2
    loss.backward()
    slope = 1.0 - h.data**2
    paths = [out.w[0].data * (1.0 - math.tanh(out.w[0].data * h.data) ** 2) * slope * 0.7 for out in (first, second)]
    assert hidden.w[0].grad == pytest.approx(sum(paths), rel=1e-14)


def test_two_linear_layers_collapse_into_one() -> None:
    model = nn.MLP(3, [4, 2], "linear", "linear", rng=0)
    W1, W2 = ([[w.data for w in n.w] for n in layer.neurons] for layer in model.layers)
    collapsed = np.array(W2) @ np.array(W1)
    X = np.random.default_rng(1).normal(size=(5, 3))
    np.testing.assert_allclose(nn.predict(model, X), X @ collapsed.T, rtol=0, atol=1e-12)


@pytest.mark.parametrize("init", ["zeros", "constant"])
def test_neurons_that_start_equal_stay_equal(init: str) -> None:
    model = nn.MLP(2, [4, 1], "tanh", init=init)
    X, y = nn.data.moons(40, rng=0)
    nn.fit(model, X, y, loss=nn.losses.binary_cross_entropy_with_logits, epochs=20, batch_size=10, rng=0,
           optimizer=nn.optim.Adam(model.parameters(), lr=0.1), progress=False)  # fmt: skip
    weights = [[p.data for p in neuron.parameters()] for neuron in model.layers[0].neurons]
    assert weights.count(weights[0]) == 4
    other = nn.MLP(2, [4, 1], "tanh", rng=0)
    assert len({neuron.w[0].data for neuron in other.layers[0].neurons}) == 4


def first_over_last(activation: str, init: str) -> float:
    """The gradient norm of the first layer over that of the last in a net of ten layers."""
    model = nn.MLP(8, [8] * 9 + [1], activation, init=init, rng=0)
    generator = np.random.default_rng(0)
    for x in generator.normal(size=(20, 8)).tolist():
        nn.losses.sse_loss(model(x), 1.0).backward()
    norms = [math.hypot(*(p.grad for p in layer.parameters())) for layer in model.layers]
    return norms[0] / norms[-1]


def test_gradients_vanish_through_ten_sigmoid_layers_and_not_through_relu_with_he() -> None:
    assert first_over_last("sigmoid", "xavier_normal") < 1e-4
    assert first_over_last("relu", "he_normal") > 1e-2


@pytest.mark.parametrize(("name", "labels"), [("AND", [0, 0, 0, 1]), ("OR", [0, 1, 1, 1]), ("NAND", [1, 1, 1, 0])])
def test_a_perceptron_computes_logic(name: str, labels: list[int]) -> None:
    weights = {"AND": (1.0, 1.0, -1.5), "OR": (1.0, 1.0, -0.5), "NAND": (-1.0, -1.0, 1.5)}[name]
    neuron = nn.Neuron(2, "step", init="zeros")
    neuron.w[0].data, neuron.w[1].data, neuron.b.data = weights
    assert [neuron([a, b]).data for a in (0, 1) for b in (0, 1)] == labels


def test_the_step_has_gradient_0_and_fires_at_0() -> None:
    neuron = nn.Neuron(1, "step", init="constant")
    y = neuron([0.0])
    y.backward()
    assert y.data == 1.0
    assert [p.grad for p in neuron.parameters()] == [0.0, 0.0]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_by_name(activation: str) -> None:
    neuron = nn.Neuron(1, activation, init="constant")
    neuron.w[0].data, neuron.b.data = 2.0, -0.5
    y = neuron([0.7])
    assert y.data == float(ACTIVATIONS[activation](2.0 * 0.7 - 0.5))
    assert nn.MLP(1, [2, 1], activation).layers[0].activation is ACTIVATIONS[activation]


def test_an_activation_may_be_a_function_of_ones_own() -> None:
    neuron = nn.Neuron(1, lambda z: z * z * z, init="constant")
    neuron.w[0].data = 2.0
    assert neuron([1.0]).data == 8.0


def test_activations_layer_by_layer() -> None:
    model = nn.MLP(1, [2, 2, 1], ["tanh", functions.sin], "sigmoid")
    assert [layer.activation for layer in model.layers] == [functions.tanh, functions.sin, functions.sigmoid]


@pytest.mark.torch
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "gelu", "softplus"])
def test_an_mlp_equals_pytorch(activation: str) -> None:
    torch = pytest.importorskip("torch")
    model = nn.MLP(3, [5, 4, 2], activation, rng=0)
    modules: list[Any] = []
    for layer in model.layers:
        linear = torch.nn.Linear(layer.nin, layer.nout).double()
        with torch.no_grad():
            linear.weight.copy_(torch.tensor([[w.data for w in n.w] for n in layer.neurons], dtype=torch.float64))
            linear.bias.copy_(torch.tensor([n.b.data for n in layer.neurons], dtype=torch.float64))
        modules += [linear, getattr(torch.nn.functional, activation)]
    x = torch.tensor([0.3, -1.2, 0.8], dtype=torch.float64, requires_grad=True)
    expected = x
    for module in modules[:-1]:
        expected = module(expected)
    inputs = [Value(number) for number in x.tolist()]
    outputs = model(inputs)
    (outputs[0] * outputs[1]).backward()
    expected.prod().backward()
    assert [output.data for output in outputs] == pytest.approx(expected.tolist(), rel=1e-13)
    assert [value.grad for value in inputs] == pytest.approx(x.grad.tolist(), rel=1e-12)
    gradient = [w.grad for w in model.layers[0].neurons[1].w]
    assert gradient == pytest.approx(modules[0].weight.grad[1].tolist(), rel=1e-12)


def test_shapes_follow_the_number_of_outputs() -> None:
    assert isinstance(nn.MLP(2, [1])([1.0, 2.0]), Value)
    assert len(nn.MLP(2, [3])([1.0, 2.0])) == 3
    assert isinstance(nn.Layer(1, 1)(Value(1.0)), Value)
    assert len(nn.Layer(2, 2)(np.array([1.0, 2.0]))) == 2
    assert isinstance(nn.Layer(2, 1)(np.array([Value(1.0), Value(2.0)])), Value)


def test_the_same_seed_gives_the_same_weights() -> None:
    assert nn.MLP(2, [8, 1], rng=3).state_dict() == nn.MLP(2, [8, 1], rng=3).state_dict()
    assert nn.MLP(2, [8, 1], rng=3).state_dict() != nn.MLP(2, [8, 1], rng=4).state_dict()
    assert nn.MLP(2, [8, 1]).state_dict() != nn.MLP(2, [8, 1]).state_dict()


@pytest.mark.parametrize(
    ("activation", "variance"), [("relu", 2 / 400), ("tanh", 2 / 500), ("sigmoid", 2 / 500), ("linear", 2 / 500)]
)
def test_the_default_scheme_is_he_for_relu_and_xavier_else(activation: str, variance: float) -> None:
    layer = nn.Layer(400, 100, activation, rng=0)
    weights = [w.data for neuron in layer.neurons for w in neuron.w]
    assert np.var(weights) == pytest.approx(variance, rel=0.03)
    assert all(neuron.b.data == 0.0 for neuron in layer.neurons)


def test_biases_are_drawn_by_their_scheme() -> None:
    layer = nn.Layer(2, 50, bias_init="uniform", rng=0)
    biases = [neuron.b.data for neuron in layer.neurons]
    assert len(set(biases)) == 50
    assert 0.0 < max(map(abs, biases)) <= 0.1


def test_sequential_is_indexed_and_counted() -> None:
    first, second = nn.Layer(1, 2), nn.Layer(2, 1)
    model = nn.Sequential(first, second)
    assert (len(model), model[0], model[-1]) == (2, first, second)


def test_dropout_drops_at_its_rate_and_scales_the_rest() -> None:
    dropped = [output.data for output in nn.Dropout(0.3, rng=0)([1.0] * 10_000)]
    assert set(dropped) == {0.0, 1.0 / 0.7}
    # Five standard deviations of a binomial.
    assert abs(dropped.count(0.0) - 3000) < 5 * math.sqrt(10_000 * 0.3 * 0.7)
    assert np.mean(dropped) == pytest.approx(1.0, abs=0.04)


def test_dropout_passes_gradients_only_through_what_it_kept() -> None:
    x = [Value(1.0) for _ in range(50)]
    outputs = nn.Dropout(0.5, rng=0)(x)
    sum(outputs, Value(0.0)).backward()
    assert [value.grad for value in x] == [output.data for output in outputs]


def test_dropout_is_off_in_evaluation_and_takes_single_values() -> None:
    dropout = nn.Dropout(0.5, rng=0)
    assert {dropout(3.0).data for _ in range(50)} == {0.0, 6.0}
    assert dropout.eval()(3.0) == 3.0
    assert dropout([1.0, 2.0]) == [1.0, 2.0]


def test_dropout_inside_a_network_is_the_same_for_the_same_seed() -> None:
    def outputs(seed: int) -> list[float]:
        model = nn.Sequential(nn.Layer(2, 16, rng=0), nn.Dropout(0.5, rng=seed), nn.Layer(16, 1, rng=1))
        return [model([1.0, 2.0]).data for _ in range(5)]

    assert outputs(0) == outputs(0)
    assert outputs(0) != outputs(1)
    assert len(set(outputs(0))) > 1


def test_one_vs_rest_learns_three_classes() -> None:
    X, y = nn.data.blobs(90, centers=3, std=0.6, rng=0)
    generator = np.random.default_rng(0)
    model = nn.OneVsRest(lambda: nn.MLP(2, [6, 1], "tanh", rng=generator), classes=3)
    nn.fit(model, X, nn.data.one_hot(y), loss=nn.losses.binary_cross_entropy_with_logits, epochs=30, batch_size=15,
           optimizer=nn.optim.Adam(model.parameters(), lr=0.05), rng=0, progress=False)  # fmt: skip
    assert nn.accuracy(model, X, y) > 0.95
    assert nn.accuracy(model, X, nn.data.one_hot(y)) == nn.accuracy(model, X, y)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nn.MLP(0, [1]), ValueError, "nin is at least 1, got 0"),
        (lambda: nn.MLP(2, []), ValueError, "at least one layer"),
        (lambda: nn.MLP(2, 3), TypeError, "nouts lists the widths of the layers.*got 3"),  # type: ignore[arg-type]
        (lambda: nn.MLP(2, [wrong(3.5)]), TypeError, "nout is an int, got float 3.5"),
        (lambda: nn.MLP(2, [3, 1], "rleu"), ValueError, "did you mean 'relu'"),
        (lambda: nn.MLP(2, [3, 1], wrong(7)), TypeError, "int"),
        (lambda: nn.MLP(2, [3, 3, 1], ["relu"]), ValueError, "2 hidden layer.* got 1 activation"),
        (lambda: nn.MLP(2, [3, 1], init="glorot"), ValueError, "glorot"),
        (lambda: nn.MLP(2, [3, 1], rng=wrong("zero")), TypeError, "rng is an int"),
        (lambda: nn.Dropout(1.0), ValueError, "less than 1, not 1.0"),
        (lambda: nn.Dropout(-0.1), ValueError, "at least 0"),
        (lambda: nn.Dropout(wrong("half")), TypeError, "Dropout takes an int, float .* got str 'half'"),
        (lambda: nn.Sequential(wrong(max)), TypeError, "takes Modules, got builtin"),
        (lambda: nn.OneVsRest(lambda: nn.MLP(2, [2]), 2)([1.0, 2.0]), ValueError, "one output each"),
        (lambda: nn.MLP(2, [3, 1])([1.0]), ValueError, "an MLP takes 2 inputs, got 1"),
        (lambda: nn.Neuron(1)([1.0, 2.0]), ValueError, "a Neuron takes 1 input, got 2"),
        (lambda: nn.MLP(2, [1])(np.zeros((5, 2))), ValueError, "takes one sample, got 5; nn.predict takes many"),
        (
            lambda: nn.MLP(2, [1])([[0, 0], [0, 1], [1, 0]]),
            ValueError,
            "takes one sample, got 3; nn.predict takes many",
        ),
        (lambda: nn.MLP(2, [3, 1], "ReLU"), ValueError, "did you mean 'relu'"),
        (
            lambda: nn.MLP(2, [2], init=lambda *_: np.zeros(5)),
            ValueError,
            r"asked for shape \(2,\) and returned \(5,\)",
        ),
        (lambda: nn.Neuron(1, of_math)([1.0]), TypeError, "of_math turned a Value into float.*not of math"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_one_vs_rest_refuses_one_classifier_for_all_classes() -> None:
    shared = nn.MLP(2, [1], rng=0)
    with pytest.raises(ValueError, match="make returned the same classifier twice"):
        nn.OneVsRest(lambda: shared, classes=3)
