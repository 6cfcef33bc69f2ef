"""What optimisers keep, and going on from it."""

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_core import Value
from nn.optim import SGD, Adadelta, Adagrad, Adam, AdamW, Optimizer, RMSprop


@dataclass(eq=False)
class SlowAverage(Optimizer):
    """A method as a user would write it: options, an array and a number in its state, a formula."""

    decay: float = 0.5
    bounds: tuple[float, float] = (0.0, 1.0)

    def update(self, parameters: np.ndarray, gradients: np.ndarray) -> np.ndarray:
        self.state["calls"] += 1.0
        self.state["mean"] = self.decay * self.state["mean"] + gradients / self.state["calls"]
        return parameters - self.lr * np.clip(self.state["mean"], *self.bounds)


MAKERS: dict[str, Callable[[Iterable[Value]], Optimizer]] = {
    "SGD": SGD,
    "SGD with momentum": lambda ps: SGD(ps, lr=0.1, momentum=0.9, dampening=0.2, weight_decay=0.1),
    "SGD with nesterov": lambda ps: SGD(ps, lr=0.1, momentum=0.9, nesterov=True),
    "Adagrad": lambda ps: Adagrad(ps, lr_decay=0.1, initial_accumulator_value=0.3),
    "Adadelta": lambda ps: Adadelta(ps, rho=0.8),
    "RMSprop": RMSprop,
    "RMSprop with all": lambda ps: RMSprop(ps, momentum=0.5, centered=True, weight_decay=0.1),
    "Adam": Adam,
    "Adam with amsgrad": lambda ps: Adam(ps, betas=(0.5, 0.6), amsgrad=True, weight_decay=0.1),
    "AdamW": lambda ps: AdamW(ps, lr=0.1, amsgrad=True),
    "a user's": SlowAverage,
}
every_maker = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())


def gradients(seed: int, count: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=count)


def train(optimizer: Optimizer, parameters: np.ndarray, seeds: range) -> np.ndarray:
    for seed in seeds:
        parameters = optimizer.update(parameters, gradients(seed))
    return parameters


def leaves(count: int = 3) -> list[Value]:
    return [Value(float(i)) for i in range(count)]


def through_a_file(state: Any) -> dict[str, Any]:
    file = io.BytesIO()
    np.savez(file, **state)
    file.seek(0)
    return dict(np.load(file, allow_pickle=False))


@every_maker
@given(at=st.integers(0, 12), lr=st.floats(0.0, 1.0), by_file=st.booleans())
@settings(max_examples=15, deadline=None)
def test_training_goes_on_bit_for_bit(
    make: Callable[[list[Value]], Optimizer], at: int, lr: float, by_file: bool
) -> None:
    whole, start = make(leaves()), np.array([1.0, -1.0, 0.5])
    parameters = train(whole, start, range(at))
    whole.lr = lr
    saved = whole.state_dict()
    resumed = type(whole)(leaves())
    resumed.load_state_dict(through_a_file(saved) if by_file else saved)
    assert repr(resumed) == repr(whole)
    assert train(resumed, parameters, range(at, 15)).tolist() == train(whole, parameters, range(at, 15)).tolist()


@every_maker
def test_a_saved_state_shares_nothing(make: Callable[[list[Value]], Optimizer]) -> None:
    optimizer, other = make(leaves()), make(leaves())
    train(optimizer, np.ones(3), range(3))
    saved = optimizer.state_dict()
    other.load_state_dict(saved)
    for entry in saved.values():
        if isinstance(entry, np.ndarray):
            entry[:] = np.nan
    assert repr(other) == repr(optimizer)
    assert other.state.keys() == optimizer.state.keys()
    for name, entry in optimizer.state.items():
        assert np.isfinite(entry).all()
        assert np.array_equal(other.state[name], entry)


def test_a_state_is_flat_and_says_its_options() -> None:
    optimizer = Adam([Value(1.0)], lr=1, betas=[0.5, np.float32(0.25)], eps=np.float64(0.5))  # pyright: ignore
    assert optimizer.state_dict().keys() == {"lr", "betas", "eps", "weight_decay", "amsgrad"}
    optimizer.step()
    saved = optimizer.state_dict()
    assert saved.keys() - {"lr", "betas", "eps", "weight_decay", "amsgrad"} == {
        "state.step",
        "state.mean",
        "state.square_mean",
    }
    assert all(type(entry) in (float, int, bool, np.ndarray) for entry in saved.values())
    assert optimizer.betas == (0.5, 0.25)


def test_going_back_to_the_start_forgets_the_state() -> None:
    optimizer = SGD(leaves(), momentum=0.9)
    fresh = optimizer.state_dict()
    first = optimizer.update(np.ones(3), np.ones(3))
    optimizer.update(np.ones(3), np.ones(3))
    optimizer.load_state_dict(fresh)
    assert optimizer.update(np.ones(3), np.ones(3)).tolist() == first.tolist()


def changed(**changes: Any) -> dict[str, Any]:
    """The state of an Adam on three parameters with some entries set anew, or left out where None."""
    optimizer = Adam(leaves())
    optimizer.step()
    return {name: entry for name, entry in (optimizer.state_dict() | changes).items() if entry is not None}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (changed(lr=None, eps=None), "Adam cannot load this state: lr is missing; eps is missing"),
        (changed(momentum=0.9), "Adam cannot load this state: momentum is unknown"),
        (changed(betas=np.ones(3)), r"betas has shape \(3,\), not \(2,\)"),
        (changed(betas=np.ones(2)), r"Adam needs betas at least 0 and below 1, got betas=\(1.0, 1.0\)"),
        (changed(lr=-1.0), "Adam needs lr at least 0, got lr=-1.0"),
        (changed(**{"state.mean": None}), "Adam cannot load this state: state.mean is missing"),
        (changed(**{"state.velocity": np.ones(3)}), "Adam cannot load this state: state.velocity is unknown"),
        (changed(**{"state.mean": np.ones(4)}), r"state.mean has shape \(4,\), not \(3,\)"),
        (changed(amsgrad=True), "state.largest_square_mean is missing"),
    ],
)
def test_a_state_that_does_not_fit_says_why_and_changes_nothing(state: dict[str, Any], message: str) -> None:
    optimizer = Adam(leaves(), lr=0.5)
    train(optimizer, np.ones(3), range(2))
    before = optimizer.state_dict()
    with pytest.raises(ValueError, match=message):
        optimizer.load_state_dict(state)
    after = optimizer.state_dict()
    assert after.keys() == before.keys()
    assert all(np.array_equal(after[name], before[name]) for name in before)
