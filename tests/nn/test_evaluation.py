"""predict, evaluate and accuracy: what the model and the loss are given, and what counts as right."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nn
from autograd_core import Value, detect_anomaly, functions
from nn.activations import step
from nn.losses import mse_loss


@pytest.fixture
def moons() -> tuple[np.ndarray, np.ndarray]:
    return nn.data.moons(60, noise=0.1, rng=0)


class Wave(nn.Module):
    """A model that only takes Values: numbers have no sine."""

    def __init__(self) -> None:
        self.height = Value(0.5)

    def forward(self, x: Any) -> Value:
        return self.height * x[0].sin()


@pytest.mark.parametrize("count", [3, 40])
def test_the_model_gets_values(count: int) -> None:
    X = np.linspace(-2.0, 2.0, count)
    np.testing.assert_allclose(nn.predict(Wave(), X), 0.5 * np.sin(X), rtol=1e-14)
    assert nn.accuracy(Wave(), X, (X > 0.0).astype(int)) == 1.0
    assert nn.evaluate(Wave(), X, np.zeros(count), mse_loss) == pytest.approx(np.mean((0.5 * np.sin(X)) ** 2))


class Arranged(nn.Module):
    """A model of two outputs in an arrangement of its own."""

    def __init__(self, arrange: Any) -> None:
        self.slope = Value(2.0)
        self._arrange = arrange

    def forward(self, x: Any) -> Any:
        return self._arrange([self.slope * x[0], x[0] + 1.0])


@pytest.mark.parametrize("count", [3, 40])
@pytest.mark.parametrize("arrange", [list, tuple, np.array], ids=["list", "tuple", "array"])
def test_the_loss_gets_the_output_as_the_model_arranges_it(arrange: Any, count: int) -> None:
    X = np.linspace(-2.0, 2.0, count)
    seen: list[Any] = []

    def loss(output: Any, target: Any) -> Value:
        seen.append((type(output), target))
        return mse_loss(output, target)

    expected = np.mean((np.column_stack([2.0 * X, X + 1.0]) - 1.0) ** 2)
    assert nn.evaluate(Arranged(arrange), X, np.ones((count, 2)), loss) == pytest.approx(expected)
    assert seen == [(type(arrange([0.0])), [1.0, 1.0])] * count


def test_evaluate_is_the_mean_loss_over_many_samples(moons: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = moons
    model = nn.MLP(2, [4, 2], rng=0)
    losses = [nn.losses.cross_entropy(model(sample), label).data for sample, label in zip(X, y, strict=True)]
    assert nn.evaluate(model, X, y, nn.losses.cross_entropy) == pytest.approx(np.mean(losses), rel=1e-12)


def test_predict_evaluate_and_accuracy_leave_the_modes_of_the_parts(moons: tuple[np.ndarray, np.ndarray]) -> None:
    model = nn.Sequential(nn.Layer(2, 4, rng=0), nn.Dropout(0.5, rng=0), nn.Layer(4, 1, "sigmoid", rng=1))
    model[0].eval()
    first = nn.predict(model, moons[0])
    assert (nn.predict(model, moons[0]) == first).all()
    assert [module.training for module in model.layers] == [False, True, True]
    assert all(not p.grad for p in model.parameters())


@pytest.mark.parametrize(
    ("activation", "labels"), [("sigmoid", (0, 1)), ("linear", (0, 1)), ("linear", (-1, 1)), ("tanh", (-1, 1))]
)
def test_accuracy_takes_the_threshold_of_the_output(activation: str, labels: tuple[int, int]) -> None:
    model = nn.MLP(1, [1], output_activation=activation, init="constant")
    X = [-20.0, -10.0, 10.0, 20.0]
    assert nn.accuracy(model, X, [labels[0], labels[0], labels[1], labels[1]]) == 1.0
    assert nn.accuracy(model, X, [labels[0], labels[1], labels[1], labels[1]]) == 0.75


def test_accuracy_does_not_depend_on_the_neighbours_of_a_sample() -> None:
    model = nn.MLP(1, [1], init="constant")
    assert nn.accuracy(model, [3.0], [1]) == nn.accuracy(model, [3.0, -50.0], [1, 0]) == 1.0


@pytest.mark.parametrize(
    ("outputs", "y", "message"),
    [
        (1, [0.5, 1], "0 and 1, or -1 and 1"),
        (1, [1, 2], "0 and 1, or -1 and 1"),
        (3, [0, 3], "3"),
        (3, [[0, 1], [1, 0]], r"one-hot rows of shape \(n, 3\)"),
        (3, [[1, 1, 0], [1, 0, 0]], r"one-hot rows of shape \(n, 3\)"),
    ],
)
def test_accuracy_refuses_labels_that_are_no_classes(outputs: int, y: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        nn.accuracy(nn.MLP(1, [outputs]), [1.0, 2.0], y)


def test_detect_anomaly_sees_predictions() -> None:
    model = nn.MLP(1, [1], functions.log, output_activation=functions.log, init="constant")
    with detect_anomaly(), pytest.raises(FloatingPointError, match="gave nan; its inputs: argument 1 = -0.9"):
        nn.predict(model, [[1.0]] * 20 + [[-9.0]] + [[1.0]])


class Squashed(nn.Module):
    """A model whose last operation stands in its forward, not in a layer."""

    def __init__(self, last: Any) -> None:
        self.layer = nn.Neuron(1, "linear", init="constant")
        self.last = last

    def forward(self, x: Any) -> Value:
        return self.last(self.layer(x))


@pytest.mark.parametrize("last", [functions.sigmoid, step, lambda z: functions.sigmoid(z) - 0.5])
def test_the_threshold_is_that_of_what_the_model_does_last(last: Any) -> None:
    assert nn.accuracy(Squashed(last), [-20.0, -10.0, 10.0, 20.0], [0, 0, 1, 1]) == 1.0


@pytest.mark.parametrize("outputs", [1, 3])
def test_a_sample_whose_output_is_nan_is_not_predicted_right(outputs: int) -> None:
    model = nn.MLP(1, [outputs], init="constant")
    model.layers[0].neurons[0].w[0].data = np.nan
    assert nn.accuracy(model, [1.0, 2.0], [0, 0]) == 0.0


def test_masked_entries_are_refused() -> None:
    X, y = np.ma.MaskedArray([[1.0], [2.0]], mask=[[False], [True]]), np.ma.MaskedArray([0, 1], mask=[False, True])
    model = nn.MLP(1, [1], init="constant")
    with pytest.raises(ValueError, match="X has masked entries"):
        nn.predict(model, X)
    with pytest.raises(ValueError, match="y has masked entries"):
        nn.accuracy(model, [1.0, 2.0], y)
    assert nn.predict(model, np.ma.MaskedArray([1.0])).tolist() == [0.1]


def test_objects_that_are_numbers_are_numbers() -> None:
    # Of a nullable column of pandas, np.asarray makes objects.
    X, y = np.array([[0.5], [2.0]], dtype=object), np.array([[0], [1]], dtype=object)
    model = nn.MLP(1, [1], init="constant")
    assert nn.predict(model, X).tolist() == nn.predict(model, X.astype(float)).tolist()
    assert nn.accuracy(model, X, y) == 0.5
    first, _ = next(nn.data.batches(X, y, 2, shuffle=False))
    assert first.dtype == float
    assert nn.data.one_hot(y.ravel()).tolist() == [[1.0, 0.0], [0.0, 1.0]]


@pytest.mark.parametrize("missing", [None, "2.0", [1.0]], ids=["None", "text", "list"])
def test_what_is_no_number_is_named_with_its_place(missing: Any) -> None:
    X = np.array([[0.5], [0.0]], dtype=object)
    X[1, 0] = missing
    sentence = f"X must hold numbers, but holds {missing!r} at [1, 0], of the type {type(missing).__name__}"
    with pytest.raises(TypeError) as caught:
        nn.predict(nn.MLP(1, [1]), X)
    assert str(caught.value) == sentence
    with pytest.raises(TypeError, match=re.escape(sentence[2:])):
        nn.data.standardize(X)


USES: dict[str, Callable[[Any], Any]] = {
    "predict": lambda data: nn.predict(nn.MLP(1, [1]), data),
    "accuracy": lambda data: nn.accuracy(nn.MLP(1, [1]), [1.0, 2.0], data),
    "fit": lambda data: nn.fit(
        nn.MLP(1, [1]), data, [0.0, 1.0], loss=mse_loss, optimizer=nn.optim.SGD([Value(1.0)], lr=0.1)
    ),
    "standardize": nn.data.standardize,
    "one_hot": nn.data.one_hot,
    "batches": lambda data: nn.data.batches(data, [0, 1], 1),
    "loss": lambda data: mse_loss(data, [1.0, 2.0]),
    "target": lambda data: mse_loss([1.0, 2.0], data),
    "labels": lambda data: nn.losses.cross_entropy([[0.0, 1.0], [0.0, 1.0]], data),
    "sample": lambda data: nn.MLP(2, [1])(data),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_generator_is_refused_in_words(use: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match=r" is a generator, which can be read only once; make a list of it, as list\("):
        use(number for number in [0.0, 1.0])


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_masked_entries_are_refused_everywhere(use: Callable[[Any], Any]) -> None:
    with pytest.raises(ValueError, match="has masked entries; drop or fill them first"):
        use(np.ma.MaskedArray([0, 1], mask=[False, True]))


def test_masked_rows_of_a_list_are_refused() -> None:
    rows = [np.ma.MaskedArray([0.0]), np.ma.MaskedArray([1.0], mask=[True])]
    with pytest.raises(ValueError, match="X has masked entries"):
        nn.predict(nn.MLP(1, [1]), rows)
    assert nn.predict(nn.MLP(1, [1], init="zeros"), rows[:1]).tolist() == [0.0]
