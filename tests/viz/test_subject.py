"""What a TrainingPlayer finds out about a model: its chain of layers, and its graph for the plane."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nn
from autograd_core import Value, detect_anomaly, lookup, primitive
from autograd_core.functions import less
from viz import model_graph, subject
from viz.training import TrainingPlayer

LOSS = nn.losses.mse_loss


def trained(model: nn.Module, X: Any = None, y: Any = None, loss: Any = None, **options: Any) -> dict[str, Any]:
    """The trace of one epoch on moons, or other data."""
    X, y = nn.data.moons(20, rng=0) if X is None else (X, y)
    player = TrainingPlayer(**options)

    def squares(output: Any, target: Any) -> Any:
        return (
            sum(((one - 1.0) ** 2 for one in output), Value(0.0))
            if isinstance(output, list)
            else (output - target) ** 2
        )

    optimizer = nn.optim.SGD(model.parameters(), lr=0.01)
    nn.fit(model, X, y, loss=loss or squares, optimizer=optimizer, epochs=1, callbacks=[player], progress=False, rng=0,
           engine="eager")  # fmt: skip
    return player.trace


class Own(nn.Module):
    """Two layers in a chain of one's own; `way` says how the outputs of the first go on to the second."""

    def __init__(self, way: Any = lambda h: h, start: Any = lambda x: x, end: Any = lambda out: out) -> None:
        self.hidden, self.last = nn.Layer(2, 3, "tanh", rng=0), nn.Layer(3, 1, "linear", rng=1)
        self._way, self._start, self._end = way, start, end

    def forward(self, x: Any) -> Any:
        return self._end(self.last(self._way(self.hidden(self._start(x)))))


class Skewed(nn.Layer):
    """A layer that is none: it doubles."""

    def forward(self, x: Any) -> Any:
        return [2.0 * one for one in super().forward(x)]


class Branching(nn.Module):
    """A model whose graph is another one for other samples."""

    def __init__(self) -> None:
        self.layer = nn.Layer(2, 1, "linear", rng=0)

    def forward(self, x: Any) -> Any:
        return self.layer(x) * (1.0 if x[0].data > 0.0 else -1.0)


class Compared(Branching):
    def forward(self, x: Any) -> Any:
        return self.layer(x) if x[0] > 0.0 else -self.layer(x)


def tied() -> nn.MLP:
    model = nn.MLP(2, [2, 1], "tanh", rng=0)
    model.layers[0].neurons[1].w = model.layers[0].neurons[0].w
    return model


CHAINS = {
    "mlp": (lambda: nn.MLP(2, [3, 1], "tanh", rng=0), ["layers.0", "layers.1"], [3, 1]),
    "layer": (lambda: nn.Layer(2, 2, "linear", rng=0), [""], [2]),
    "neuron": (lambda: nn.Neuron(2, "linear", rng=0), [""], [1]),
    "sequential": (
        lambda: nn.Sequential(nn.Layer(2, 3, rng=0), nn.Dropout(0.5, rng=0), nn.Neuron(3, "linear", rng=1)),
        ["layers.0", "layers.2"],
        [3, 1],
    ),
    "own": (Own, ["hidden", "last"], [3, 1]),
    "array": (lambda: Own(np.array, tuple), ["hidden", "last"], [3, 1]),
    "tied": (tied, ["layers.0", "layers.1"], [2, 1]),
}


@pytest.mark.parametrize(("make", "paths", "sizes"), CHAINS.values(), ids=CHAINS)
def test_a_chain_of_layers_is_a_network(make: Any, paths: list[str], sizes: list[int]) -> None:
    model = make()
    trace = trained(model)
    assert [layer["path"] for layer in trace["network"]] == paths
    assert [len(layer["neurons"]) for layer in trace["network"]] == sizes
    assert {layer["activation"] for layer in trace["network"]} <= {"tanh", "linear", "relu"}
    named = list(model.state_dict())
    for layer in trace["network"]:
        for neuron in layer["neurons"]:
            at = f"{neuron['path']}.".lstrip(".")
            assert named[neuron["bias"]] == f"{at}b"
            if make is not tied:
                assert [named[w] for w in neuron["weights"]] == [f"{at}w.{i}" for i in range(len(neuron["weights"]))]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Own(lambda h: h[::-1]),
        lambda: Own(start=lambda x: x[::-1]),
        lambda: Own(lambda h: [one * h[0] for one in h]),
        lambda: nn.OneVsRest(lambda: nn.MLP(2, [1], rng=0), classes=2),
        lambda: nn.Sequential(Skewed(2, 3, rng=0), nn.Layer(3, 1, "linear", rng=0)),
        Compared,
    ],
    ids=["turned", "other inputs", "mixed", "parallel", "a layer of one's own", "branching"],
)
def test_any_other_model_has_no_network(make: Any) -> None:
    model = make()
    trace = trained(model)
    assert trace["network"] is None
    assert all("forward" not in vars(module) for _, module in model.named_modules())


def test_weights_that_are_no_parameters_are_not_drawn() -> None:
    model = nn.MLP(2, [2, 1], "tanh", rng=0)
    model.layers[0].neurons[0].w[0] = model.layers[0].neurons[1].w[0] * 2.0
    assert trained(model)["network"] is None


def test_the_plane_has_the_graph_and_the_samples() -> None:
    X, y = nn.data.moons(20, rng=0)
    plane = trained(nn.MLP(2, [3, 1], "tanh", rng=0))["plane"]
    kinds = [node[0] for node in plane["nodes"]]
    assert sorted(node[1] for node in plane["nodes"] if node[0] == model_graph.PARAMETER) == list(range(13))
    assert sorted(node[1] for node in plane["nodes"] if node[0] == model_graph.INPUT) == [0, 1]
    assert all(operand < i for i, node in enumerate(plane["nodes"]) if node[0] >= 0 for operand in node[1:])
    assert plane["outputs"] == [len(kinds) - 1]
    assert plane["points"] == [[*row, label] for row, label in zip(X.tolist(), y.tolist(), strict=True)]
    assert (plane["classes"], plane["threshold"], plane["reach"], plane["count"]) == (["0", "1"], 0.0, None, 20)
    assert all(low < least for low, least in zip(plane["low"], X.min(axis=0), strict=True))
    assert all(high > most for high, most in zip(plane["high"], X.max(axis=0), strict=True))


@pytest.mark.parametrize(
    ("nouts", "targets", "classes", "third"),
    [
        ([1], lambda y: 2 * y - 1, ["-1", "1"], [0, 1]),
        ([3], lambda y: y, ["0", "1", "2"], [0, 1]),
        ([2], lambda y: np.eye(2)[y], ["0", "1"], [0, 1]),
        ([1], lambda y: y + 0.25, None, [0.25, 1.25]),
    ],
)
def test_targets_on_the_plane(nouts: list[int], targets: Any, classes: Any, third: list[float]) -> None:
    X, y = nn.data.moons(20, rng=0)
    plane = trained(nn.MLP(2, nouts, rng=0), X, targets(y), loss=lambda output, _: first(output) * 0.0)["plane"]
    assert plane["classes"] == classes
    assert [point[2] for point in plane["points"]] == [third[label] for label in y]
    assert plane["reach"] == (None if classes else [0.25, 1.25])


def test_where_anomalies_are_looked_for_the_pictures_are_the_same() -> None:
    with detect_anomaly():
        watched = trained(nn.MLP(2, [3, 1], "tanh", rng=0))
    assert watched == trained(nn.MLP(2, [3, 1], "tanh", rng=0))


def first(output: Any) -> Value:
    return output[0] if isinstance(output, list) else output


def test_of_many_samples_some_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "MOST_POINTS", 7)
    plane = trained(nn.MLP(2, [1], rng=0))["plane"]
    assert (len(plane["points"]), plane["count"]) == (7, 20)


@primitive(partials=lambda x, out: 2.0 * x)
def squared_by_hand(x: float) -> float:
    return float(f"{x:.17g}") ** 2


REASONS = {
    "branching": (Branching, "the model cannot be compiled, or takes other ways for other samples"),
    "compared": (Compared, "the model cannot be recorded for all samples at once (TypeError: "),
    "random": (lambda: Own(lambda h: nn.Dropout(0.5, rng=0).train()(h)), "the model draws random numbers"),
    "looked up": (lambda: Own(lambda h: [lookup([0.5, 2.0], less(h[0], 0.0)) * y for y in h]), "the model looks up"),
    "own operation": (lambda: Own(end=squared_by_hand), "squared_by_hand"),
    "too large": (lambda: nn.MLP(2, [9, 1], rng=0), "the model has "),
    "many classes": (lambda: nn.MLP(2, [9], rng=0), "there are 9 classes, and no more than 8 colours"),
}


@pytest.mark.parametrize(("make", "reason"), REASONS.values(), ids=REASONS)
def test_why_there_is_no_plane(make: Any, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_graph, "MOST_NODES", 60)
    trace = trained(make())
    assert trace["plane"] is None
    assert reason in trace["no_plane"]
    assert trace["epochs"][-1]["accuracy"] is not None


def test_inputs_of_any_size_have_a_plane_or_a_reason() -> None:
    y = np.array([0, 1] * 3)
    for scale, drawn in [(0.0, True), (1e200, True), (1e308, False)]:
        X = scale * np.linspace(-1.0, 1.0, 12).reshape(6, 2) + 5.0
        trace = trained(nn.MLP(2, [1], "tanh", rng=0, output_activation="tanh"), X, y)
        assert (trace["plane"] is not None) == drawn
        if drawn:
            assert all(low < high for low, high in zip(trace["plane"]["low"], trace["plane"]["high"], strict=True))
        else:
            assert trace["no_plane"] == "the inputs are too large to draw"


@pytest.mark.parametrize("X", [np.linspace(0.0, 1.0, 6).reshape(6, 1), np.linspace(0.0, 1.0, 18).reshape(6, 3)])
def test_other_inputs_have_no_plane_and_need_no_reason(X: np.ndarray) -> None:
    trace = trained(nn.MLP(X.shape[1], [1], rng=0), X, np.array([0, 1] * 3))
    assert (trace["plane"], trace["no_plane"]) == (None, "")
    assert trace["network"] is not None
