"""The compiled engine of `fit` trains as the eager one does, and steps back where it cannot."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nn
from autograd_core import Value, detect_anomaly, functions, primitive
from nn import losses
from nn.activations import ACTIVATIONS
from tests.autograd_core.compiler.native import skip_without_compiler

OPTIMIZERS: dict[str, Callable[[list[Value]], nn.optim.Optimizer]] = {
    "SGD": lambda parameters: nn.optim.SGD(parameters, lr=0.05),
    "momentum": lambda parameters: nn.optim.SGD(parameters, lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-3),
    "Adagrad": lambda parameters: nn.optim.Adagrad(parameters, lr=0.05),
    "Adadelta": lambda parameters: nn.optim.Adadelta(parameters, lr=1.0),
    "RMSprop": lambda parameters: nn.optim.RMSprop(parameters, lr=0.01),
    "Adam": lambda parameters: nn.optim.Adam(parameters, lr=0.01),
    "AdamW": lambda parameters: nn.optim.AdamW(parameters, lr=0.01, weight_decay=0.1),
}
# Each with the width and activation of the last layer, and the targets of three classes of samples.
LOSSES: dict[str, tuple[Callable[[Any, Any], Any], int, str, list[Any]]] = {
    "sse": (losses.sse_loss, 2, "linear", [[0.0, 1.0], [1.0, -1.0], [0.5, 0.5]]),
    "half_sse": (losses.half_sse_loss, 1, "linear", [0.0, 1.0, 0.5]),
    "mse": (losses.mse_loss, 2, "linear", [[0.0, 1.0], [1.0, -1.0], [0.5, 0.5]]),
    "mae": (losses.mae_loss, 1, "linear", [0.0, 1.0, 0.5]),
    "binary_cross_entropy": (losses.binary_cross_entropy, 1, "sigmoid", [0.0, 1.0, 0.5]),
    "with_logits": (losses.binary_cross_entropy_with_logits, 2, "linear", [[0, 1], [1, 1], [1, 0]]),
    "hinge": (losses.hinge_loss, 1, "linear", [-1, 1, 1]),
    "labels": (losses.cross_entropy, 3, "linear", [0, 1, 2]),
    "shares": (losses.cross_entropy, 3, "linear", [[1.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.2, 0.3, 0.5]]),
}
X = np.random.default_rng(0).normal(size=(13, 2))


def targets(three: list[Any]) -> np.ndarray:
    return np.array([three[i % 3] for i in range(len(X))])


def trained(engine: Any, model: nn.Module, y: Any, loss: Any, **options: Any) -> tuple[np.ndarray, nn.History]:
    """The weights and the history of a training of `model` with one engine."""
    optimizer = options.pop("optimizer", OPTIMIZERS["Adam"])(model.parameters())
    options = {"epochs": 20, "batch_size": 5, "rng": 0, "progress": False, **options}
    history = nn.fit(model, X, y, loss=loss, optimizer=optimizer, engine=engine, **options)
    return np.array(list(model.state_dict().values())), history


def check_both_engines(make: Callable[[], nn.Module], y: Any, loss: Any, **options: Any) -> None:
    (eager, eager_history), (compiled, history) = (
        trained(engine, make(), y, loss, **options) for engine in ("eager", "compiled")
    )
    assert np.max(np.abs(compiled - eager)) < 1e-9
    assert history.loss == pytest.approx(eager_history.loss, rel=1e-9)
    assert history.validation_loss == pytest.approx(eager_history.validation_loss, rel=1e-9)
    start = np.array(list(make().state_dict().values()))
    assert np.max(np.abs(eager - start)) > 1e-3  # or nothing was compared


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize(("loss", "width", "last", "three"), LOSSES.values(), ids=LOSSES)
def test_both_engines_come_to_the_same_weights(
    loss: Any, width: int, last: str, three: list[Any], optimizer: Any
) -> None:
    def make() -> nn.Module:
        return nn.MLP(2, [4, width], "tanh", last, rng=0)

    check_both_engines(make, targets(three), loss, optimizer=optimizer)


@pytest.mark.parametrize("engine", ["auto", "eager", "compiled"])
def test_the_model_gets_values_and_the_loss_numbers_but_for_recording(engine: Any) -> None:
    seen: list[tuple[type, type]] = []

    class Wave(nn.Module):
        def __init__(self) -> None:
            self.height = Value(0.5)

        def forward(self, x: Any) -> Value:
            return self.height * x[0].sin()

    def loss(output: Any, target: Any) -> Value:
        seen.append((type(output), type(target)))
        return losses.mse_loss(output, target)

    y = np.array([i % 2 for i in range(len(X))], dtype=np.uint8)
    trained(engine, Wave(), y, loss, validation_data=(X, y))
    # While a program is recorded, for training and for validation, a target stands for all targets.
    assert seen.count((Value, Value)) == (0 if engine == "eager" else 2)
    assert set(seen) - {(Value, Value)} == {(Value, int)}


@pytest.mark.parametrize("activation", [name for name in ACTIVATIONS if name != "step"])
def test_every_activation_trains_the_same(activation: str) -> None:
    check_both_engines(lambda: nn.MLP(2, [4, 4, 1], activation, rng=1), targets([0.0, 1.0, 0.5]), losses.mse_loss)


def test_dropout_draws_the_same_masks() -> None:
    def make() -> nn.Module:
        return nn.Sequential(
            nn.Layer(2, 6, "tanh", rng=0), nn.Dropout(0.4, rng=3), nn.Layer(6, 5, rng=1), nn.Dropout(0.2, rng=4),
            nn.Layer(5, 1, "linear", rng=2),
        )  # fmt: skip

    check_both_engines(make, targets([0.0, 1.0, 0.5]), losses.mse_loss)
    shared = np.random.default_rng
    check_both_engines(
        lambda: nn.Sequential(*(part for rng in [shared(7)] for part in (
            nn.Layer(2, 6, "tanh", rng=0), nn.Dropout(0.4, rng=rng), nn.Layer(6, 5, "tanh", rng=1),
            nn.Dropout(0.2, rng=rng), nn.Layer(5, 1, "linear", rng=2)))),
        targets([0.0, 1.0, 0.5]), losses.mse_loss,
    )  # fmt: skip


def test_penalties_clipping_schedules_and_validation_are_the_same() -> None:
    y = targets([-1, 1, 1])
    models: list[nn.Module] = []

    def make() -> nn.Module:
        models.append(nn.MLP(2, [4, 1], rng=0))
        return models[-1]

    def penalty() -> Value:
        model = models[-1]
        return 1e-2 * losses.l2_penalty(model.parameters()) + 1e-3 * losses.l1_penalty(model.parameters())

    check_both_engines(make, y, losses.hinge_loss, penalty=penalty, clip_norm=0.3, validation_data=(X[:6], y[:6]))


def test_one_vs_rest_and_frozen_parameters_train_the_same() -> None:
    y = nn.data.one_hot([i % 3 for i in range(len(X))])
    check_both_engines(
        lambda: nn.OneVsRest(lambda: nn.MLP(2, [3, 1], "tanh", rng=0), classes=3),
        y,
        losses.binary_cross_entropy_with_logits,
    )
    check_both_engines(
        lambda: nn.MLP(2, [2, 3], "tanh", rng=0),
        [i % 3 for i in range(len(X))],
        losses.cross_entropy,
        optimizer=lambda parameters: nn.optim.SGD(parameters[:6], lr=0.1),
    )


def test_callbacks_see_weights_and_gradients_of_the_last_step() -> None:
    seen: list[tuple[list[float], list[float]]] = []

    def look(training: nn.Training) -> None:
        parameters = training.model.parameters()
        seen.append(([p.data for p in parameters], [p.grad for p in parameters]))

    for engine in ("eager", "compiled"):
        trained(engine, nn.MLP(2, [3, 1], rng=0), targets([0, 1, 1]), losses.mse_loss, epochs=1, callbacks=[look])
    for eager, compiled in zip(*seen, strict=True):
        assert compiled == pytest.approx(eager, rel=1e-9, abs=1e-15)
    assert any(seen[0][1])


@primitive(partials=lambda x, out: math.cos(x))
def only_floats(x: float) -> float:
    return math.sin(x)


@pytest.mark.parametrize(
    ("activation", "reason"),
    [
        (only_floats, "only_floats cannot be written as source"),
        (lambda x: x if x > 0.0 else 0.1 * x, "to choose a branch"),
        (lambda x: x * abs(x.data), "differs from the eager one"),
    ],
)
def test_what_cannot_be_compiled_is_eager_and_says_so_once(activation: Any, reason: str) -> None:
    y = targets([0, 1, 1])
    with pytest.warns(RuntimeWarning, match=f"fit uses the eager engine.*{reason}") as caught:
        found, _ = trained("auto", nn.MLP(2, [3, 1], activation, init="normal", rng=0), y, losses.mse_loss)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    expected, _ = trained("eager", nn.MLP(2, [3, 1], activation, init="normal", rng=0), y, losses.mse_loss)
    assert found.tolist() == expected.tolist()
    with pytest.raises((TypeError, ValueError), match=reason):
        trained("compiled", nn.MLP(2, [3, 1], activation, init="normal", rng=0), y, losses.mse_loss)


def test_a_constant_that_was_read_off_a_node_is_told_once() -> None:
    def shifted(output: Any, label: Any) -> Value:
        logits = [output, output * 0.5]
        largest = max(logit.data for logit in logits)
        exps = [(logit - largest).exp() for logit in logits]
        return (exps[0] + exps[1]).log() + largest - logits[0] * label

    model = nn.MLP(2, [3, 1], "tanh", init="normal", rng=0)
    with pytest.warns(RuntimeWarning, match="had while recording") as caught:
        trained("auto", model, targets([0, 1, 1]), shifted)
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_a_loss_that_looks_its_target_up_is_eager() -> None:
    y, weight = targets([0, 1, 1]), {0: 1.0, 1: 5.0}

    def weighted(output: Any, label: Any) -> Value:
        return weight[label] * losses.binary_cross_entropy_with_logits(output, label)

    with pytest.warns(RuntimeWarning, match="could not be recorded on Values: KeyError"):
        found, _ = trained("auto", nn.MLP(2, [3, 1], rng=0), y, weighted)
    expected, _ = trained("eager", nn.MLP(2, [3, 1], rng=0), y, weighted)
    assert found.tolist() == expected.tolist()
    with pytest.raises(TypeError, match="KeyError"):
        trained("compiled", nn.MLP(2, [3, 1], rng=0), y, weighted)


class Branching(nn.Module):
    """A model that looks at its input in a way that recording cannot see, for one sample in twenty."""

    def __init__(self) -> None:
        self.layer = nn.MLP(2, [1], rng=0)

    def forward(self, x: Any) -> Value:
        output = self.layer(x)
        return output * 10.0 if getattr(x[0], "data", x[0]) == 5.0 else output


def test_a_rare_branch_is_found_at_the_extremes() -> None:
    rows = np.column_stack([np.zeros(40), np.arange(40.0)])
    rows[18, 0] = 5.0
    model = Branching()
    assert nn.predict(model, rows)[18] == nn.predict(model, rows[18:19])[0]
    optimizer = nn.optim.SGD(model.parameters(), lr=1e-4)
    with pytest.warns(RuntimeWarning, match="differs from the eager one"):
        nn.fit(model, rows, np.ones(40), loss=losses.mse_loss, optimizer=optimizer, epochs=1, progress=False)


@pytest.mark.parametrize("engine", ["eager", "compiled"])
def test_a_bad_target_for_validation_is_refused(engine: str) -> None:
    labels = [i % 3 for i in range(len(X))]
    wrong = [*labels[:7], 7, *labels[8:]]
    with pytest.raises(ValueError, match="less than 3"):
        trained(engine, nn.MLP(2, [3], rng=0), labels, losses.cross_entropy, validation_data=(X, wrong))


def test_a_bad_target_is_refused_before_the_first_step() -> None:
    model = nn.MLP(2, [3, 1], rng=0)
    before = model.state_dict()
    with pytest.raises(ValueError, match="has to be -1 or"):
        trained("compiled", model, targets([-1, 1, 0]), losses.hinge_loss)
    assert model.state_dict() == before


def test_a_compiled_training_resumes_bit_for_bit(tmp_path: Any) -> None:
    def make() -> nn.Module:
        return nn.Sequential(nn.Layer(2, 4, rng=0), nn.Dropout(0.3, rng=5), nn.Layer(4, 1, "linear", rng=1))

    y = targets([0, 1, 1])
    whole, _ = trained("compiled", make(), y, losses.mse_loss, epochs=6)
    path = tmp_path / "half.npz"
    trained("compiled", make(), y, losses.mse_loss, epochs=3, checkpoint=path)
    resumed, history = trained("compiled", make(), y, losses.mse_loss, epochs=6, checkpoint=path, resume=True)
    assert len(history.epochs) == 6
    assert resumed.tolist() == whole.tolist()


def test_auto_compiles() -> None:
    y = targets([0, 1, 1])
    auto, _ = trained("auto", nn.MLP(2, [3, 1], rng=0), y, losses.mse_loss)
    compiled, _ = trained("compiled", nn.MLP(2, [3, 1], rng=0), y, losses.mse_loss)
    assert auto.tolist() == compiled.tolist()


def test_a_label_in_a_value_chooses_when_the_graph_is_computed() -> None:
    logits = [Value(0.3), Value(-1.0), Value(2.0)]
    by_value = Value(0.0)
    for label in range(3):
        by_value = losses.cross_entropy(logits, Value(label))
        by_int = losses.cross_entropy(logits, label)
        assert by_value.data == by_int.data
        gradients = []
        for loss in (by_value, by_int):
            for logit in logits:
                logit.grad = 0.0
            loss.backward()
            gradients.append([logit.grad for logit in logits])
        assert gradients[0] == pytest.approx(gradients[1], rel=1e-14)
    assert functions.softmax(logits)[2].data == pytest.approx(math.exp(-by_value.data), rel=1e-14)


def test_detect_anomaly_sees_a_training() -> None:
    X, y = nn.data.linear(20, rng=0)

    def fit(engine: Any) -> nn.History:
        model = nn.MLP(1, [1], init="constant")
        optimizer = nn.optim.SGD(model.parameters(), lr=1e200)
        return nn.fit(
            model, X, y, loss=nn.losses.mse_loss, optimizer=optimizer, epochs=3, progress=False, engine=engine
        )

    with np.errstate(all="ignore"):
        assert "diverged" in str(fit("auto").stopped)
    with detect_anomaly(), pytest.raises(FloatingPointError, match="gave inf"):
        fit("auto")
    with detect_anomaly(), pytest.raises(ValueError, match="use engine='eager'"):
        fit("compiled")


def test_a_loss_that_treats_a_rare_class_otherwise_is_found() -> None:
    y = np.zeros(400, dtype=int)
    y[213] = 1
    rows = np.random.default_rng(1).normal(size=(400, 2))

    def weighted(output: Any, target: Any) -> Value:
        number = target.data if isinstance(target, Value) else target
        return (50.0 if number > 0.5 else 1.0) * losses.binary_cross_entropy_with_logits(output, target)

    model = nn.MLP(2, [1], rng=0)
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ValueError, match="differs from the eager one"):
        nn.fit(model, rows, y, loss=weighted, optimizer=optimizer, epochs=1, progress=False, engine="compiled")


@pytest.mark.parametrize("place", range(3))
def test_one_bad_target_among_thousands_is_refused(place: int) -> None:
    shares = np.random.default_rng(0).dirichlet(np.ones(3), 5000)
    shares[shares[:, 0].argsort()[2500 + place]] *= 1.001
    rows, model = np.zeros((5000, 2)), nn.MLP(2, [3], rng=0)
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ValueError, match="add up to 1"):
        nn.fit(model, rows, shares, loss=losses.cross_entropy, optimizer=optimizer, epochs=1, progress=False)


def test_a_training_run_in_c_comes_to_the_same_weights() -> None:
    skip_without_compiler()
    y = targets([-1, 1, 1])
    expected, history = trained("compiled", nn.MLP(2, [4, 1], rng=0), y, losses.hinge_loss, epochs=3)
    found, native = trained("native", nn.MLP(2, [4, 1], rng=0), y, losses.hinge_loss, epochs=3)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert native.loss == pytest.approx(history.loss, rel=1e-12)
