"""What optimisers take and refuse, and what they do with it."""

from typing import Any

import numpy as np
import pytest

import nn
from autograd_core import Value
from nn.optim import SGD, Adadelta, Adagrad, Adam, AdamW, Optimizer, RMSprop


def leaves(count: int = 3) -> list[Value]:
    return [Value(float(i)) for i in range(count)]


def test_the_options_and_their_order_are_those_of_torch() -> None:
    x = [Value(1.0)]
    assert repr(SGD(x, 0.5, 0.25, 0.0, 0.125, True)) == (
        "SGD(lr=0.5, momentum=0.25, dampening=0.0, weight_decay=0.125, nesterov=True)"
    )
    assert repr(Adagrad(x, 0.5, 0.1, 0.2, 0.3, 0.4)) == (
        "Adagrad(lr=0.5, lr_decay=0.1, weight_decay=0.2, initial_accumulator_value=0.3, eps=0.4)"
    )
    assert repr(Adadelta(x, 0.5, 0.1, 0.2, 0.3)) == "Adadelta(lr=0.5, rho=0.1, eps=0.2, weight_decay=0.3)"
    assert repr(RMSprop(x, 0.5, 0.1, 0.2, 0.3, 0.4, True)) == (
        "RMSprop(lr=0.5, alpha=0.1, eps=0.2, weight_decay=0.3, momentum=0.4, centered=True)"
    )
    for method in (Adam, AdamW):
        assert repr(method(x, 0.5, (0.1, 0.2), 0.3, 0.4, True)) == (
            f"{method.__name__}(lr=0.5, betas=(0.1, 0.2), eps=0.3, weight_decay=0.4, amsgrad=True)"
        )


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        *((method, {"lr": -1.0}, f"{method.__name__} needs lr at least 0, got lr=-1.0") for method in
          (SGD, Adagrad, Adadelta, RMSprop, Adam, AdamW)),
        *((method, {"weight_decay": -1.0}, "weight_decay=-1.0") for method in
          (SGD, Adagrad, Adadelta, RMSprop, Adam, AdamW)),
        *((method, {"eps": -1.0}, "eps=-1.0") for method in (Adagrad, Adadelta, RMSprop, Adam, AdamW)),
        (SGD, {"lr": float("nan")}, "lr=nan"),
        (SGD, {"momentum": -0.1}, "momentum=-0.1"),
        (SGD, {"dampening": float("nan")}, "SGD needs dampening to be a number, got dampening=nan"),
        (SGD, {"nesterov": True}, "momentum above 0 and dampening 0 for nesterov=True, got momentum=0.0"),
        (SGD, {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "dampening=0.1"),
        (Adagrad, {"lr_decay": -1.0}, "lr_decay=-1.0"),
        (Adagrad, {"initial_accumulator_value": -1.0}, "initial_accumulator_value=-1.0"),
        (Adadelta, {"rho": 1.1}, "Adadelta needs rho at least 0 and at most 1, got rho=1.1"),
        (RMSprop, {"alpha": -0.1}, "alpha=-0.1"),
        (RMSprop, {"momentum": -0.1}, "momentum=-0.1"),
        (Adam, {"betas": (1.0, 0.9)}, r"Adam needs betas at least 0 and below 1, got betas=\(1.0, 0.9\)"),
        (AdamW, {"betas": (0.9, -0.1)}, r"AdamW needs betas at least 0 and below 1, got betas=\(0.9, -0.1\)"),
        (Adam, {"betas": (0.9,)}, r"Adam takes 2 number\(s\) for betas, got betas=\(0.9,\)"),
        (Adam, {"lr": [0.1, 0.2]}, r"Adam takes 1 number\(s\) for lr, got lr=\[0.1, 0.2\]"),
    ],
)  # fmt: skip
def test_options_out_of_range_are_named_with_their_value(
    method: type[Optimizer], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        method(leaves(), **options)


@pytest.mark.parametrize("lr", ["0.1", None, 1j, Value(0.1)])
def test_options_that_are_no_numbers_are_refused(lr: Any) -> None:
    with pytest.raises(TypeError, match="The option lr of SGD takes an int, float or NumPy real scalar, got"):
        SGD(leaves(), lr=lr)


X = Value(1.0)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ([], ValueError, "SGD got no parameters"),
        (iter(()), ValueError, "SGD got no parameters"),
        (X, TypeError, "SGD takes a list of parameters, got one Value"),
        (nn.MLP(2, [1]), TypeError, r"SGD takes a list of parameters, such as model.parameters\(\), got MLP"),
        ([X, 2.0], TypeError, "SGD takes Values as parameters, got float at position 1"),
        ([X, X * 2.0], ValueError, "SGD takes leaves as parameters, got the result of mul at position 1"),
        ([X, Value(1.0), X], ValueError, "SGD got the same parameter at positions 0 and 2"),
    ],
)
def test_parameters_that_cannot_be_moved_are_refused(parameters: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        SGD(parameters)


def test_any_iterable_of_parameters_will_do() -> None:
    listed = leaves()
    for parameters in (
        listed,
        tuple(listed),
        iter(listed),
        {"a": listed[0], "b": listed[1]}.values(),
        np.array(listed),
    ):
        optimizer = SGD(parameters, lr=1.0)
        for leaf in listed:
            leaf.data, leaf.grad = 5.0, 2.0
        optimizer.step()
        optimizer.zero_grad()
        assert [leaf.data for leaf in listed[:2]] == [3.0, 3.0]
        assert [leaf.grad for leaf in listed[:2]] == [0.0, 0.0]


def test_gradients_that_are_values_count_by_their_data() -> None:
    x = Value(3.0)
    (x * x).backward(create_graph=True)
    optimizer = SGD([x], lr=0.5)
    optimizer.step()
    optimizer.zero_grad()
    assert (x.data, x.grad) == (0.0, 0.0)


def test_a_gradient_of_none_is_0_as_in_a_backward_pass() -> None:
    x = Value(3.0)
    x.grad = None
    SGD([x], lr=0.5).step()
    assert x.data == 3.0


def test_a_method_without_a_formula_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="update"):
        Optimizer(leaves())  # pyright: ignore[reportAbstractUsage]


def test_a_formula_that_returns_another_shape_is_refused_before_anything_moves() -> None:
    class Mean(Optimizer):
        def update(self, parameters: np.ndarray, gradients: np.ndarray) -> np.ndarray:
            return (parameters - gradients).mean(keepdims=True)

    listed = leaves(2)
    with pytest.raises(ValueError, match=r"Mean.update returned shape \(1,\) for parameters of shape \(2,\)"):
        Mean(listed).step()
    assert [leaf.data for leaf in listed] == [0.0, 1.0]


def test_nothing_warns_where_numbers_overflow_in_a_users_formula() -> None:
    class Wild(Optimizer):
        def update(self, parameters: np.ndarray, gradients: np.ndarray) -> np.ndarray:
            return np.log(parameters) / gradients * 1e300 * 1e300

    assert np.array_equal(
        Wild(leaves()).update(np.array([0.0, -1.0, 2.0]), np.array([1.0, 1.0, 0.0])), [-np.inf, np.nan, np.inf],
        equal_nan=True,
    )  # fmt: skip


def test_weight_decay_of_sgd_is_an_l2_penalty() -> None:
    decayed, penalised = leaves(), leaves()
    by_option, by_loss = SGD(decayed, lr=0.1, momentum=0.9, weight_decay=0.3), SGD(penalised, lr=0.1, momentum=0.9)
    for _ in range(20):
        by_option.zero_grad()
        by_loss.zero_grad()
        a, b, c = decayed
        (a * b - c.sin()).backward()
        a, b, c = penalised
        (a * b - c.sin() + 0.5 * 0.3 * (a * a + b * b + c * c)).backward()
        by_option.step()
        by_loss.step()
    np.testing.assert_allclose([p.data for p in decayed], [p.data for p in penalised], rtol=1e-13)


def test_weight_decay_of_adamw_shrinks_what_has_no_gradient_and_that_of_adam_moves_it_by_lr() -> None:
    adamw, adam = AdamW(leaves(1), lr=0.1, weight_decay=0.5), Adam(leaves(1), lr=0.1, weight_decay=0.5)
    assert adamw.update(np.array([8.0]), np.zeros(1)) == pytest.approx(8.0 * (1.0 - 0.1 * 0.5))
    assert adam.update(np.array([8.0]), np.zeros(1)) == pytest.approx(8.0 - 0.1)


def test_an_infinite_parameter_without_weight_decay_is_left_infinite() -> None:
    assert SGD(leaves(1)).update(np.array([np.inf]), np.ones(1)) == np.inf


def test_centered_rmsprop_survives_a_gradient_that_never_changes() -> None:
    """The variance is 0 then, up to rounding, which takes that of 0.7 below."""
    optimizer, parameters, same = RMSprop(leaves(), alpha=0.5, centered=True), np.zeros(3), np.array([0.1, 0.3, 0.7])
    for _ in range(100):
        parameters = optimizer.update(parameters, same)
    assert np.isfinite(parameters).all()


def test_the_rate_may_be_set_between_steps() -> None:
    x = Value(1.0)
    x.grad = 1.0
    optimizer = SGD([x], lr=0.5)
    optimizer.step()
    optimizer.lr = 0.25
    optimizer.step()
    assert x.data == 0.25
