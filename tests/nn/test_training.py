"""fit: it learns, is reproducible, stops as it should, and refuses what cannot be trained on."""

from __future__ import annotations

import math
import os
import signal
from typing import Any

import numpy as np
import pytest

import nn
from autograd_core import Value, no_grad
from nn.losses import binary_cross_entropy_with_logits, cross_entropy, hinge_loss, mse_loss


def train(model: nn.Module, X: Any, y: Any, **options: Any) -> nn.History:
    """fit with the options that most tests here share."""
    options = {"loss": binary_cross_entropy_with_logits, "rng": 0, "progress": False} | options
    options.setdefault("optimizer", nn.optim.Adam(model.parameters(), lr=0.05))
    return nn.fit(model, X, y, **options)


@pytest.fixture
def moons() -> tuple[np.ndarray, np.ndarray]:
    return nn.data.moons(60, noise=0.1, rng=0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_xor_is_learned(seed: int) -> None:
    X, y = nn.data.xor()
    model = nn.MLP(2, [8, 1], "tanh", rng=seed)
    train(model, X, y, epochs=200)
    assert nn.accuracy(model, X, y) == 1.0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_moons_are_told_apart(seed: int) -> None:
    X, y = nn.data.moons(200, noise=0.1, rng=seed)
    X_train, X_test, y_train, y_test = nn.data.train_test_split(X, y, test_size=0.5, rng=seed)
    model = nn.MLP(2, [16, 16, 1], rng=seed)
    optimizer = nn.optim.Adam(model.parameters(), lr=0.03)
    train(model, X_train, y_train, epochs=40, batch_size=10, rng=seed, optimizer=optimizer)
    assert nn.accuracy(model, X_test, y_test) >= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_one_hidden_layer_of_32_fits_a_sine(seed: int) -> None:
    X = np.linspace(-2.0, 2.0, 24)

    def steep(shape: Any, fan_in: int, fan_out: int, rng: Any) -> np.ndarray:
        """Bends spread over the interval: from a flat start it takes ten times as long."""
        return nn.init.uniform(shape, fan_in, fan_out, rng, low=-5.0 / fan_in, high=5.0 / fan_in)

    model = nn.MLP(1, [32, 1], "tanh", init=steep, bias_init=steep, rng=seed)
    train(model, X, np.sin(3.0 * X), loss=mse_loss, epochs=600, optimizer=nn.optim.Adam(model.parameters(), lr=0.04))
    dense = np.linspace(-2.0, 2.0, 400)
    assert np.abs(nn.predict(model, dense) - np.sin(3.0 * dense)).max() < 0.05


def test_a_step_descends_the_mean_over_the_batch(moons: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = moons[0][:5], moons[1][:5]
    model = nn.MLP(2, [3, 1], "tanh", rng=0)
    before = np.array([p.data for p in model.parameters()])
    total = sum((mse_loss(model(x), t) for x, t in zip(X, y, strict=True)), Value(0.0)) / 5.0
    total = total + 0.01 * nn.losses.l2_penalty(model.parameters())
    total.backward()
    expected = before - 0.1 * np.array([p.grad for p in model.parameters()])
    model.zero_grad()
    history = train(
        model, X, y, loss=mse_loss, epochs=1, optimizer=nn.optim.SGD(model.parameters(), lr=0.1),
        penalty=lambda: 0.01 * nn.losses.l2_penalty(model.parameters()),
    )  # fmt: skip
    np.testing.assert_allclose([p.data for p in model.parameters()], expected, rtol=1e-12)
    assert history.loss[0] == pytest.approx(total.data, rel=1e-12)


@pytest.mark.parametrize("loss", [mse_loss, binary_cross_entropy_with_logits, nn.losses.mae_loss, hinge_loss])
def test_losses_on_one_output(loss: Any, moons: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = moons
    labels = 2 * y - 1 if loss is hinge_loss else y
    history = train(nn.MLP(2, [4, 1], "tanh", rng=0), X, labels, loss=loss, epochs=10, batch_size=10)
    assert history.loss[-1] < 0.8 * history.loss[0]


def test_cross_entropy_on_three_classes() -> None:
    X, y = nn.data.blobs(60, centers=3, rng=0)
    model = nn.MLP(2, [8, 3], "tanh", rng=0)
    history = train(model, X, y, loss=cross_entropy, epochs=15, batch_size=10)
    assert history.loss[-1] < 0.5 * history.loss[0]
    assert nn.accuracy(model, X, y) > 0.9


def test_several_outputs_with_summed_losses() -> None:
    X = np.linspace(-1.0, 1.0, 20)
    y = np.column_stack([X, X**2])
    model = nn.MLP(1, [8, 2], "tanh", rng=0)
    history = train(model, X, y, loss=nn.losses.sse_loss, epochs=60)
    assert history.loss[-1] < 0.2 * history.loss[0]
    assert nn.predict(model, X).shape == (20, 2)


def test_the_same_seed_gives_the_same_weights_and_another_others(moons: tuple[np.ndarray, np.ndarray]) -> None:
    def weights(seed: int) -> dict[str, float]:
        model = nn.Sequential(nn.Layer(2, 4, rng=0), nn.Dropout(0.3, rng=0), nn.Layer(4, 1, "linear", rng=1))
        train(model, *moons, epochs=3, batch_size=7, rng=seed)
        return model.state_dict()

    assert weights(0) == weights(0)
    assert weights(0) != weights(1)


def test_weight_decay_and_an_l2_penalty_agree_for_sgd(moons: tuple[np.ndarray, np.ndarray]) -> None:
    one, other = nn.MLP(2, [4, 1], rng=0), nn.MLP(2, [4, 1], rng=0)
    train(one, *moons, epochs=5, batch_size=20,
          optimizer=nn.optim.SGD(one.parameters(), lr=0.1, weight_decay=0.05))  # fmt: skip
    train(other, *moons, epochs=5, batch_size=20, optimizer=nn.optim.SGD(other.parameters(), lr=0.1),
          penalty=lambda: 0.025 * nn.losses.l2_penalty(other.parameters()))  # fmt: skip
    np.testing.assert_allclose(list(one.state_dict().values()), list(other.state_dict().values()), rtol=1e-10)


def test_parameters_that_the_optimizer_does_not_have_stay(moons: tuple[np.ndarray, np.ndarray]) -> None:
    model = nn.MLP(2, [4, 1], rng=0)
    frozen = [p.data for p in model.layers[0].parameters()]
    train(model, *moons, epochs=2, optimizer=nn.optim.SGD(model.layers[1].parameters(), lr=0.1))
    assert [p.data for p in model.layers[0].parameters()] == frozen
    assert model.layers[1].state_dict() != nn.MLP(2, [4, 1], rng=0).layers[1].state_dict()


def test_clipping_bounds_the_step(moons: tuple[np.ndarray, np.ndarray]) -> None:
    model = nn.MLP(2, [4, 1], rng=0)
    before = np.array([p.data for p in model.parameters()])
    train(model, *moons, epochs=1, clip_norm=0.01, optimizer=nn.optim.SGD(model.parameters(), lr=1.0))
    step = np.array([p.data for p in model.parameters()]) - before
    assert np.linalg.norm(step) == pytest.approx(0.01, rel=1e-3)


def test_history_has_a_row_an_epoch(moons: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = moons
    model = nn.MLP(2, [4, 1], rng=0)
    optimizer = nn.optim.SGD(model.parameters(), lr=0.4)
    history = train(model, X, y, epochs=3, validation_data=(X[:9], y[:9]), optimizer=optimizer,
                    scheduler=nn.optim.StepLR(optimizer, 1, 0.5))  # fmt: skip
    assert len(history.loss) == len(history.validation_loss) == 3
    assert [epoch.learning_rate for epoch in history.epochs] == [0.4, 0.2, 0.1]
    assert all(epoch.seconds > 0.0 for epoch in history.epochs)
    validated = nn.evaluate(model, X[:9], y[:9], binary_cross_entropy_with_logits)
    assert history.validation_loss[-1] == pytest.approx(validated, rel=1e-12)
    assert history.stopped == ""
    assert repr(history).startswith("<History of 3 epochs, loss ")


def test_a_plateau_lowers_the_learning_rate(moons: tuple[np.ndarray, np.ndarray]) -> None:
    model = nn.MLP(2, [4, 1], rng=0)
    optimizer = nn.optim.SGD(model.parameters(), lr=1e-12)
    train(model, *moons, epochs=6, optimizer=optimizer,
          scheduler=nn.optim.ReduceLROnPlateau(optimizer, patience=1, factor=0.1))  # fmt: skip
    assert optimizer.lr == pytest.approx(1e-14)


def test_early_stopping_gives_back_the_best_weights(moons: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = moons
    model = nn.MLP(2, [8, 1], rng=0)
    seen: list[dict[str, float]] = []
    history = train(
        model, X[:10], y[:10], epochs=300, validation_data=(X[10:], 1 - y[10:]),
        callbacks=[lambda training: seen.append(training.model.state_dict()), nn.EarlyStopping(patience=4)],
    )  # fmt: skip
    assert history.stopped == "no improvement for 4 epochs"
    assert len(history.epochs) == history.best_epoch + 5
    assert model.state_dict() == seen[history.best_epoch]


def test_early_stopping_wants_an_improvement_of_its_size() -> None:
    history = nn.History([nn.Epoch(loss, None, 0.1, 0.0) for loss in (1.0, 0.99, 0.98, 0.97)])
    training = nn.Training(
        nn.Neuron(1), nn.optim.SGD([Value(1.0)]), None, [], np.zeros(1), np.zeros(1), history=history
    )
    nn.EarlyStopping(patience=3)(training)
    assert history.stopped == ""
    nn.EarlyStopping(patience=3, min_delta=0.1)(training)
    assert history.stopped == "no improvement for 3 epochs"


def test_a_callback_may_stop_the_training(moons: tuple[np.ndarray, np.ndarray]) -> None:
    def enough(training: nn.Training) -> None:
        if len(training.history.epochs) == 2:
            training.stop("enough")

    history = train(nn.MLP(2, [2, 1], rng=0), *moons, epochs=9, callbacks=[enough])
    assert (len(history.epochs), history.stopped) == (2, "enough")


def test_divergence_ends_with_the_reason_and_the_best_weights(moons: tuple[np.ndarray, np.ndarray]) -> None:
    model = nn.MLP(2, [4, 1], "linear", rng=0)
    begin = nn.evaluate(model, *moons, mse_loss)
    history = train(model, *moons, loss=mse_loss, epochs=500, optimizer=nn.optim.SGD(model.parameters(), lr=50.0))
    assert history.stopped.startswith(f"diverged in epoch {len(history.epochs) + 1}: the loss is ")
    assert nn.evaluate(model, *moons, mse_loss) == pytest.approx(min([begin, *history.loss]))
    assert all(module.training for _, module in model.named_modules())


def test_ctrl_c_returns_the_history_and_a_usable_model(moons: tuple[np.ndarray, np.ndarray]) -> None:
    model = nn.MLP(2, [4, 1], rng=0)
    calls = 0

    def loss(prediction: Any, target: Any) -> Value:
        nonlocal calls
        calls += 1
        if calls == 150:  # in the middle of the third epoch of 60 samples
            os.kill(os.getpid(), signal.SIGINT)
        return binary_cross_entropy_with_logits(prediction, target)

    seen: list[dict[str, float]] = []
    history = train(model, *moons, epochs=9, batch_size=10, loss=loss, engine="eager",
                    callbacks=[lambda training: seen.append(training.model.state_dict())])  # fmt: skip
    assert history.stopped == "interrupted after 2 epochs"
    assert len(history.epochs) == 2
    # The loss of an epoch is that of the weights it began with.
    assert history.best_epoch == 1
    assert model.state_dict() == seen[0]
    assert nn.predict(model, moons[0]).shape == (60,)


def test_ctrl_c_in_the_first_epoch_leaves_the_model_as_it_was(moons: tuple[np.ndarray, np.ndarray]) -> None:
    model = nn.MLP(2, [4, 1], rng=0)
    before = model.state_dict()

    def loss(prediction: Any, target: Any) -> Value:
        raise KeyboardInterrupt

    history = train(model, *moons, loss=loss)
    assert (history.epochs, history.stopped) == ([], "interrupted after 0 epochs")
    assert model.state_dict() == before


def test_an_error_in_the_loss_comes_through_and_the_model_stays(moons: tuple[np.ndarray, np.ndarray]) -> None:
    model = nn.MLP(2, [4, 1], rng=0).eval()
    before = model.state_dict()
    with pytest.raises(TypeError, match="the loss must return a Value, and returned float"):
        train(model, *moons, loss=lambda prediction, target: 1.0)
    assert model.state_dict() == before
    assert not model.training


def test_a_bar_shows_the_loss(moons: tuple[np.ndarray, np.ndarray], capsys: pytest.CaptureFixture[str]) -> None:
    history = train(nn.MLP(2, [2, 1], rng=0), *moons, epochs=2, progress=True)
    assert "2/2 [" in capsys.readouterr().err
    train(nn.MLP(2, [2, 1], rng=0), *moons, epochs=1, progress=False)
    assert capsys.readouterr() == ("", "")
    assert len(history.epochs) == 2


X4, Y4 = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]


@pytest.mark.parametrize(
    ("X", "y", "options", "error", "message"),
    [
        ([[0.0, math.nan], [0.0, 1.0]], [0, 1], {}, ValueError, r"X has nan at \[0, 1\]"),
        (X4, [0.0, 1.0, math.inf, 0.0], {}, ValueError, r"y has inf at \[2\]"),
        ([], [], {}, ValueError, "X has no samples"),
        (np.zeros((0, 2)), [], {}, ValueError, r"X has no samples: its shape is \(0, 2\)"),
        ([[1.0], [1.0, 2.0]], [0, 1], {}, ValueError, "an MLP takes 2 inputs, got 1"),
        (X4, [0, 1, 1], {}, ValueError, "4 samples, but y has 3 targets"),
        (X4, ["no", "yes", "yes", "no"], {}, TypeError, "y must hold numbers, but holds strings"),
        (X4, np.zeros((4, 3)), {}, ValueError, r"\(3,\)"),
        ([[0.0, 0.0, 0.0]] * 4, Y4, {}, ValueError, "an MLP takes 2 inputs, got 3"),
        (X4, Y4, {"batch_size": 0}, ValueError, "batch_size is at least 1, got 0"),
        (X4, Y4, {"batch_size": 2.0}, TypeError, "batch_size is an int, got float 2.0"),
        (X4, Y4, {"epochs": 0}, ValueError, "epochs is at least 1, got 0"),
        (
            X4,
            Y4,
            {"engine": "quick"},
            ValueError,
            "engine is 'auto', 'eager', 'compiled', 'native' or 'jax', not 'quick'",
        ),
        (X4, Y4, {"resume": True}, ValueError, "give its path as checkpoint="),
        (X4, Y4, {"validation_data": (X4, [0])}, ValueError, "4 samples, but its y has 1 targets"),
        (X4, Y4, {"optimizer": nn.optim.SGD([Value(1.0)])}, ValueError, "parameters that are not of this model"),
        (X4, [0, 1, 1, 3], {"batch_size": 1}, ValueError, "3"),
        (np.zeros((4, 2, 2)), Y4, {}, ValueError, r"X has shape \(4, 2, 2\); a sample is one row of numbers"),
        (X4, Y4, {"validation_data": X4}, ValueError, r"validation_data is a pair \(X, y\)"),
        (X4, Y4, {"validation_data": ([[1.0, 2.0, 3.0]], [1])}, ValueError, "an MLP takes 2 inputs, got 3"),
        (X4, Y4, {"loss": "mse"}, TypeError, "loss is a function of prediction and target.*got 'mse'"),
        (X4, Y4, {"penalty": 1e-3}, TypeError, "penalty is a function without arguments"),
        (X4, Y4, {"optimizer": nn.optim.SGD}, TypeError, "optimizer is an optimizer.*got SGD"),
        (X4, Y4, {"scheduler": nn.optim.StepLR}, TypeError, "scheduler is one.*got StepLR"),
        (X4, Y4, {"callbacks": [nn.EarlyStopping]}, TypeError, "callbacks are functions of a Training"),
        (X4, Y4, {"scheduler": nn.optim.StepLR(nn.optim.SGD([Value(1.0)]), 1)}, ValueError, "another optimizer"),
    ],
)
def test_what_cannot_be_trained_on_is_refused_before_anything_changes(
    X: Any, y: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    model = nn.MLP(2, [3, 1], rng=0)
    before = model.state_dict()
    optimizer = nn.optim.Adam(model.parameters(), lr=0.05)
    state = optimizer.state_dict()
    with pytest.raises(error, match=message):
        train(model, X, y, **({"shuffle": False, "optimizer": optimizer} | options))
    assert model.state_dict() == before
    assert optimizer.state_dict().keys() == state.keys()


@pytest.mark.parametrize("engine", ["auto", "eager", "compiled"])
def test_inside_no_grad_nothing_could_be_learned(engine: Any, moons: tuple[np.ndarray, np.ndarray]) -> None:
    model = nn.MLP(2, [2, 1], rng=0)
    before = model.state_dict()
    with no_grad(), pytest.raises(RuntimeError, match="fit was called inside no_grad.* outside of the with-block"):
        train(model, *moons, engine=engine)
    assert model.state_dict() == before


def test_a_callback_may_change_the_weights(moons: tuple[np.ndarray, np.ndarray]) -> None:
    model = nn.MLP(2, [2, 1], rng=0)

    def forget(training: nn.Training) -> None:
        for parameter in training.model.parameters():
            parameter.data = 0.0

    train(model, *moons, epochs=2, callbacks=forget)
    assert set(model.state_dict().values()) == {0.0}


def test_weights_that_are_no_longer_finite_are_said(moons: tuple[np.ndarray, np.ndarray]) -> None:
    model = nn.MLP(2, [2, 1], rng=0)
    before = model.state_dict()
    history = train(model, *moons, optimizer=nn.optim.SGD(model.parameters(), lr=math.inf))
    assert history.stopped == "diverged in epoch 1: the weights are no longer finite"
    assert model.state_dict() == before


def test_the_best_epoch_is_none_whose_loss_is_nan() -> None:
    assert nn.History([nn.Epoch(loss, None, 0.1, 0.0) for loss in (math.nan, 2.0, 1.0)]).best_epoch == 2


def test_early_stopping_refuses_options_without_sense() -> None:
    with pytest.raises(ValueError, match="patience is at least 1, got 0"):
        nn.EarlyStopping(patience=0)
    with pytest.raises(ValueError, match="min_delta is a finite number of at least 0"):
        nn.EarlyStopping(min_delta=-0.1)
