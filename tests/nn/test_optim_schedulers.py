"""Learning rates over the epochs, against PyTorch's and by hand."""

from dataclasses import dataclass
from math import cos, inf, nan, pi, sin
from typing import Any

import pytest

from autograd_core import Value
from nn.optim import (
    SGD,
    CosineAnnealingLR,
    ExponentialLR,
    LinearLR,
    ReduceLROnPlateau,
    Scheduler,
    StepLR,
)

SCHEDULES: list[tuple[type[Scheduler], dict[str, Any]]] = [
    (StepLR, {"step_size": 1}),
    (StepLR, {"step_size": 7, "gamma": 0.5}),
    (StepLR, {"step_size": 30, "gamma": 1.5}),
    (ExponentialLR, {"gamma": 0.95}),
    (ExponentialLR, {"gamma": 1.0}),
    (ExponentialLR, {"gamma": 0.0}),
    (CosineAnnealingLR, {"T_max": 100}),
    (CosineAnnealingLR, {"T_max": 1}),
    (CosineAnnealingLR, {"T_max": 7, "eta_min": 0.01}),
    (CosineAnnealingLR, {"T_max": 30, "eta_min": 1.0}),
    (LinearLR, {}),
    (LinearLR, {"start_factor": 0.1, "end_factor": 0.5, "total_iters": 60}),
    (LinearLR, {"start_factor": 1.0, "end_factor": 0.0, "total_iters": 20}),
]
every_schedule = pytest.mark.parametrize(("kind", "options"), SCHEDULES)

PLATEAUS: list[dict[str, Any]] = [
    {},
    {"patience": 0},
    {"factor": 0.5, "patience": 3, "cooldown": 4},
    {"factor": 0.5, "patience": 2, "min_lr": 0.02},
    {"factor": 0.9, "patience": 1, "eps": 0.01},
    {"mode": "max", "patience": 2},
    {"patience": 2, "threshold": 0.3},
    {"patience": 2, "threshold": 0.05, "threshold_mode": "abs"},
    {"mode": "max", "patience": 1, "threshold": 0.05, "threshold_mode": "abs"},
    {"mode": "max", "patience": 1, "threshold": 0.2, "threshold_mode": "rel", "cooldown": 2},
]
# Down, level, up and down again, with what goes wrong in practice.
METRICS = [1.0 / (1 + t) + 0.3 * sin(t / 9.0) for t in range(97)] + [nan, inf, -1.0]


@pytest.fixture(scope="module")
def torch() -> Any:
    return pytest.importorskip("torch", reason="PyTorch is not installed")


def rates(optimizer: Any, scheduler: Any) -> list[float]:
    """The rate at the start and after each of 100 steps, of a scheduler of ours or of torch."""

    def rate() -> float:
        return optimizer.lr if isinstance(optimizer, SGD) else optimizer.param_groups[0]["lr"]

    found = [rate()]
    for metric in METRICS:
        optimizer.step()
        scheduler.step(*([metric] if "Plateau" in type(scheduler).__name__ else []))
        found.append(rate())
    return found


def sgd(lr: float = 0.3) -> SGD:
    return SGD([Value(0.0)], lr=lr)


@pytest.mark.torch
@every_schedule
def test_a_hundred_rates_are_those_of_torch(torch: Any, kind: type[Scheduler], options: dict[str, Any]) -> None:
    ours, theirs = sgd(), torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    expected = rates(theirs, getattr(torch.optim.lr_scheduler, kind.__name__)(theirs, **options))
    assert rates(ours, kind(ours, **options)) == pytest.approx(expected, rel=0.0, abs=1e-12)


@pytest.mark.torch
@pytest.mark.parametrize("options", PLATEAUS)
def test_a_hundred_reductions_are_those_of_torch(torch: Any, options: dict[str, Any]) -> None:
    ours, theirs = sgd(), torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    expected = rates(theirs, torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, **options))
    found = rates(ours, ReduceLROnPlateau(ours, **options))
    assert found == pytest.approx(expected, rel=0.0, abs=1e-12)
    assert len(set(found)) > 1


def test_rates_by_hand() -> None:
    optimizer = sgd(lr=0.8)
    scheduler = StepLR(optimizer, step_size=2, gamma=0.5)
    assert rates(optimizer, scheduler)[:5] == [0.8, 0.8, 0.4, 0.4, 0.2]
    optimizer = sgd(lr=0.8)
    assert rates(optimizer, ExponentialLR(optimizer, gamma=0.5))[:4] == [0.8, 0.4, 0.2, 0.1]
    optimizer = sgd(lr=0.8)
    expected = [0.2 + 0.3 * (1.0 + cos(pi * t / 5.0)) for t in range(101)]
    assert rates(optimizer, CosineAnnealingLR(optimizer, T_max=5, eta_min=0.2)) == pytest.approx(expected)
    optimizer = sgd(lr=0.8)
    expected = [0.2, 0.4, 0.6, 0.8, 0.8]
    assert rates(optimizer, LinearLR(optimizer, 0.25, 1.0, 3))[:5] == pytest.approx(expected)


def test_a_plateau_by_hand() -> None:
    optimizer = sgd(lr=0.8)
    scheduler = ReduceLROnPlateau(optimizer, factor=0.5, patience=1, cooldown=1, min_lr=0.3)
    found = []
    for metric in [Value(1.0), 2.0, nan, 2.0, 2.0, 2.0, 2.0, 0.5]:
        scheduler.step(metric)
        found.append(optimizer.lr)
    assert found == [0.8, 0.8, 0.4, 0.4, 0.4, 0.3, 0.3, 0.3]
    assert scheduler.best == 0.5


@pytest.mark.parametrize(
    ("mode", "threshold_mode", "bar"),
    [("min", "rel", 1.5), ("max", "rel", 2.5), ("min", "abs", 1.75), ("max", "abs", 2.25)],
)
def test_what_counts_as_better_than_two(mode: Any, threshold_mode: Any, bar: float) -> None:
    towards_better = -1e-9 if mode == "min" else 1e-9
    for metric, better in ((bar, False), (bar + towards_better, True), (nan, False)):
        scheduler = ReduceLROnPlateau(sgd(), mode, threshold=0.25, threshold_mode=threshold_mode)
        scheduler.step(2.0)
        assert scheduler.best == 2.0
        scheduler.step(metric)
        assert scheduler.best == (metric if better else 2.0)


def test_a_reduction_that_makes_no_difference_is_left_out() -> None:
    optimizer = sgd(lr=1e-8)
    scheduler = ReduceLROnPlateau(optimizer, patience=0)
    scheduler.step(nan)
    assert optimizer.lr == 1e-8


@every_schedule
@pytest.mark.parametrize("at", [0, 1, 37])
def test_a_schedule_goes_on_bit_for_bit(kind: type[Scheduler], options: dict[str, Any], at: int) -> None:
    optimizer = sgd()
    scheduler = kind(optimizer, **options)
    for _ in range(at):
        scheduler.step()
    resumed_optimizer = sgd(lr=99.0)
    resumed = kind(resumed_optimizer, **options)
    resumed_optimizer.load_state_dict(optimizer.state_dict())
    resumed.load_state_dict(scheduler.state_dict())
    assert rates(resumed_optimizer, resumed) == rates(optimizer, scheduler)


@pytest.mark.parametrize("options", PLATEAUS)
@pytest.mark.parametrize("at", [0, 1, 37])
def test_a_plateau_goes_on_bit_for_bit(options: dict[str, Any], at: int) -> None:
    optimizer = sgd()
    scheduler = ReduceLROnPlateau(optimizer, **options)
    for metric in METRICS[:at]:
        scheduler.step(metric)
    resumed_optimizer = sgd(lr=99.0)
    resumed = ReduceLROnPlateau(resumed_optimizer)
    resumed_optimizer.load_state_dict(optimizer.state_dict())
    resumed.load_state_dict(scheduler.state_dict())
    assert repr(resumed) == repr(scheduler)
    assert rates(resumed_optimizer, resumed) == rates(optimizer, scheduler)


def test_loading_a_schedule_sets_the_rate_of_its_epoch() -> None:
    scheduler = LinearLR(sgd())
    for _ in range(3):
        scheduler.step()
    optimizer = scheduler.optimizer
    other = sgd(lr=99.0)
    LinearLR(other).load_state_dict(scheduler.state_dict())
    assert other.lr == optimizer.lr


def test_a_rate_set_by_hand_holds_until_the_next_step_of_a_schedule_but_for_good_with_a_plateau() -> None:
    optimizer = sgd(lr=0.8)
    scheduler = ExponentialLR(optimizer, gamma=0.5)
    optimizer.lr = 7.0
    scheduler.step()
    assert optimizer.lr == 0.4
    plateau = ReduceLROnPlateau(optimizer, factor=0.5, patience=0)
    plateau.step(1.0)
    optimizer.lr = 7.0
    plateau.step(1.0)
    assert optimizer.lr == 3.5


def test_a_schedule_of_ones_own_needs_the_rate_of_an_epoch() -> None:
    @dataclass(eq=False)
    class InverseTime(Scheduler):
        decay: float = 1.0

        def learning_rate(self, epoch: int) -> float:
            return self.initial_lr / (1.0 + self.decay * epoch)

    optimizer = sgd(lr=1.0)
    assert rates(optimizer, InverseTime(optimizer))[:4] == [1.0, 1 / 2, 1 / 3, 1 / 4]


def test_a_rate_beyond_the_largest_float_is_infinite() -> None:
    assert ExponentialLR(sgd(), gamma=10.0).learning_rate(400) == inf


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (StepLR, {"step_size": 0}, "StepLR needs step_size to be a whole number from 1 up, got step_size=0"),
        (StepLR, {"step_size": 2.5}, "step_size=2.5"),
        (StepLR, {"step_size": 2, "gamma": -0.1}, "StepLR needs gamma at least 0, got gamma=-0.1"),
        (ExponentialLR, {"gamma": nan}, "gamma=nan"),
        (CosineAnnealingLR, {"T_max": 0}, "T_max=0"),
        (CosineAnnealingLR, {"T_max": 5, "eta_min": -1.0}, "eta_min=-1.0"),
        (LinearLR, {"start_factor": 0.0}, "LinearLR needs start_factor above 0 and at most 1, got start_factor=0.0"),
        (LinearLR, {"end_factor": 1.5}, "LinearLR needs end_factor at least 0 and at most 1, got end_factor=1.5"),
        (LinearLR, {"total_iters": 0}, "total_iters=0"),
        (ReduceLROnPlateau, {"factor": 1.0}, "ReduceLROnPlateau needs factor at least 0 and below 1, got factor=1.0"),
        (ReduceLROnPlateau, {"mode": "least"}, "ReduceLROnPlateau needs mode to be 'min' or 'max', got mode='least'"),
        (ReduceLROnPlateau, {"threshold_mode": 3}, "threshold_mode to be 'rel' or 'abs', got threshold_mode=3"),
        (ReduceLROnPlateau, {"patience": -1}, "patience=-1"),
    ],
)
def test_options_out_of_range_are_named_with_their_value(kind: Any, options: dict[str, Any], message: str) -> None:
    optimizer = sgd()
    with pytest.raises(ValueError, match=message):
        kind(optimizer, **options)
    assert optimizer.lr == 0.3


def test_a_state_of_another_schedule_is_refused() -> None:
    optimizer = sgd()
    scheduler = StepLR(optimizer, step_size=2)
    with pytest.raises(ValueError, match="StepLR cannot load this state: step_size is missing"):
        scheduler.load_state_dict(ExponentialLR(sgd(), gamma=0.5).state_dict())
    assert (scheduler.gamma, optimizer.lr) == (0.1, 0.3)
