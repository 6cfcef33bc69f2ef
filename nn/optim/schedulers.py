"""Learning rates over the epochs.

A schedule is made with an optimiser, takes the `lr` it finds there for its own, and from then on sets `lr` at
each `step()`, which is called once an epoch, after the optimiser's steps. The rate is worked out from the
number of the epoch alone, so what anybody else sets `lr` to holds until the next `step()`. One schedule after
another is therefore made when the one before is done, as here, and not before:

>>> from autograd_core import Value
>>> from nn.optim import SGD
>>> optimizer = SGD([Value(0.0)], lr=1.0)
>>> rates = []
>>> scheduler = LinearLR(optimizer, start_factor=0.25, total_iters=3)
>>> for epoch in range(6):
...     if epoch == 3:
...         scheduler = ExponentialLR(optimizer, gamma=0.5)
...     rates.append(optimizer.lr)
...     scheduler.step()
>>> rates
[0.25, 0.5, 0.75, 1.0, 0.5, 0.25]

`ReduceLROnPlateau` alone goes by the `lr` it finds each time, and may be used beside anything that sets it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import cos, inf, pi
from typing import Any, Literal

from autograd_core import Value
from autograd_core.primitives import pow  # gives inf where Python's raises
from autograd_core.value import number_of
from nn.optim.optimizer import Optimizer
from nn.optim.resumable import (
    ANY_NUMBER,
    COUNT,
    NOT_NEGATIVE,
    POSITIVE_TO_ONE,
    WHOLE,
    ZERO_TO_BELOW_ONE,
    ZERO_TO_ONE,
    Resumable,
    domain,
)


@dataclass(eq=False)
class Scheduler(Resumable, ABC):
    """A schedule that knows the rate of every epoch; one of your own needs only `learning_rate`."""

    optimizer: Optimizer = field(repr=False)
    """Whose `lr` is set."""
    initial_lr: float = field(init=False, metadata=NOT_NEGATIVE)
    """The optimiser's `lr` when the schedule was made."""
    epoch: int = field(init=False, default=0, metadata=WHOLE)
    """How many times `step` was called."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.initial_lr = self.optimizer.lr
        self._set()

    @abstractmethod
    def learning_rate(self, epoch: int) -> float:
        """The rate in the given epoch, counted from 0."""

    def step(self) -> None:
        """Go on to the next epoch and set the optimiser's `lr`."""
        self.epoch += 1
        self._set()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """As in `Resumable`, and set the optimiser's `lr` to that of the epoch reached."""
        super().load_state_dict(state_dict)
        self._set()

    def _set(self) -> None:
        self.optimizer.lr = self.learning_rate(self.epoch)


@dataclass(eq=False)
class StepLR(Scheduler):
    """The rate times `gamma` every `step_size` epochs.

    >>> from autograd_core import Value
    >>> from nn.optim import SGD
    >>> schedule = StepLR(SGD([Value(0.0)], lr=1.0), step_size=2, gamma=0.5)
    >>> [schedule.learning_rate(epoch) for epoch in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    step_size: int = field(metadata=COUNT)
    gamma: float = 0.1

    def learning_rate(self, epoch: int) -> float:
        """initial_lr * gamma ** (epoch // step_size)"""
        return self.initial_lr * pow(self.gamma, epoch // self.step_size)


@dataclass(eq=False)
class ExponentialLR(Scheduler):
    """The rate times `gamma` every epoch.

    >>> from autograd_core import Value
    >>> from nn.optim import SGD
    >>> schedule = ExponentialLR(SGD([Value(0.0)], lr=1.0), gamma=0.5)
    >>> [schedule.learning_rate(epoch) for epoch in range(4)]
    [1.0, 0.5, 0.25, 0.125]
    """

    gamma: float

    def learning_rate(self, epoch: int) -> float:
        """initial_lr * gamma ** epoch"""
        return self.initial_lr * pow(self.gamma, epoch)


@dataclass(eq=False)
class CosineAnnealingLR(Scheduler):
    """Half a cosine down from the initial rate to `eta_min` in `T_max` epochs, and on: up again, down again.

    Loshchilov and Hutter 2017, "SGDR: stochastic gradient descent with warm restarts", equation 5, without
    the restarts.

    >>> from autograd_core import Value
    >>> from nn.optim import SGD
    >>> schedule = CosineAnnealingLR(SGD([Value(0.0)], lr=1.0), T_max=2)
    >>> [round(schedule.learning_rate(epoch), 6) for epoch in range(6)]
    [1.0, 0.5, 0.0, 0.5, 1.0, 0.5]
    """

    T_max: int = field(metadata=COUNT)
    eta_min: float = 0.0

    def learning_rate(self, epoch: int) -> float:
        """eta_min + (initial_lr - eta_min) * (1 + cos(pi * epoch / T_max)) / 2"""
        return self.eta_min + (self.initial_lr - self.eta_min) * (1.0 + cos(pi * epoch / self.T_max)) / 2.0


@dataclass(eq=False)
class LinearLR(Scheduler):
    """From `start_factor` to `end_factor` times the rate in `total_iters` epochs: the linear warm-up.

    The optimiser's `lr` is that of the start as soon as the schedule is made.

    >>> from autograd_core import Value
    >>> from nn.optim import SGD
    >>> schedule = LinearLR(SGD([Value(0.0)], lr=1.0), start_factor=0.5, total_iters=2)
    >>> [schedule.learning_rate(epoch) for epoch in range(4)]
    [0.5, 0.75, 1.0, 1.0]
    """

    start_factor: float = field(default=1.0 / 3.0, metadata=POSITIVE_TO_ONE)
    end_factor: float = field(default=1.0, metadata=ZERO_TO_ONE)
    total_iters: int = field(default=5, metadata=COUNT)

    def learning_rate(self, epoch: int) -> float:
        """initial_lr times the factor on the line between the two, and then the end factor."""
        done = min(epoch, self.total_iters) / self.total_iters
        return self.initial_lr * (self.start_factor + (self.end_factor - self.start_factor) * done)


@dataclass(eq=False)
class ReduceLROnPlateau(Resumable):
    """The rate times `factor` once the metric has not got better for more than `patience` epochs.

    Better is below the best by the threshold (mode "min") or above it ("max"): by that share of the best
    ("rel") or by that much ("abs"). A nan is never better.

    >>> from autograd_core import Value
    >>> from nn.optim import SGD
    >>> optimizer = SGD([Value(0.0)], lr=1.0)
    >>> scheduler = ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    >>> for loss in [5.0, 3.0, 3.0, 3.0]:
    ...     scheduler.step(loss)
    ...     print(optimizer.lr)
    1.0
    1.0
    1.0
    0.5
    """

    optimizer: Optimizer = field(repr=False)
    mode: Literal["min", "max"] = field(
        default="min", metadata=domain("to be 'min' or 'max'", lambda mode: mode in ("min", "max"))
    )
    factor: float = field(default=0.1, metadata=ZERO_TO_BELOW_ONE)
    patience: int = 10
    threshold: float = 1e-4
    threshold_mode: Literal["rel", "abs"] = field(
        default="rel", metadata=domain("to be 'rel' or 'abs'", lambda mode: mode in ("rel", "abs"))
    )
    cooldown: int = 0
    """How many epochs after a reduction do not count against the patience."""
    min_lr: float = 0.0
    eps: float = 1e-8
    """A reduction by no more than this is left out."""
    best: float = field(init=False, metadata=ANY_NUMBER)
    """The best metric so far."""
    bad_epochs: int = field(init=False, default=0, metadata=WHOLE)
    """How many epochs since then, or since the rate was last reduced."""
    cooldown_left: int = field(init=False, default=0, metadata=WHOLE)
    """How many more epochs do not count."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.best = inf if self.mode == "min" else -inf

    def step(self, metric: float | Value) -> None:
        """Take the metric of an epoch (a number or a Value) and reduce the optimiser's `lr` if it is time."""
        metric = number_of(metric)
        if self._is_better(metric):
            self.best, self.bad_epochs = metric, 0
        else:
            self.bad_epochs += 1
        if self.cooldown_left > 0:
            self.cooldown_left, self.bad_epochs = self.cooldown_left - 1, 0
        if self.bad_epochs > self.patience:
            reduced = max(self.optimizer.lr * self.factor, self.min_lr)
            if self.optimizer.lr - reduced > self.eps:
                self.optimizer.lr = reduced
            self.cooldown_left, self.bad_epochs = self.cooldown, 0

    def _is_better(self, metric: float) -> bool:
        sign = -1.0 if self.mode == "min" else 1.0
        if self.threshold_mode == "rel":
            bar = self.best * (1.0 + sign * self.threshold)
        else:
            bar = self.best + sign * self.threshold
        return sign * metric > sign * bar
