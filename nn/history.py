"""What a training run leaves behind and what its callbacks see: `Epoch`, `History`, `Training`, `EarlyStopping`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from nn.arguments import non_negative, positive_int
from nn.module import Module
from nn.objective import write
from nn.optim import Optimizer, ReduceLROnPlateau, Scheduler

AnyScheduler = Scheduler | ReduceLROnPlateau


class Epoch(NamedTuple):
    """What one epoch of training came to."""

    loss: float
    """The mean of the batches' losses, penalty included, while the weights moved."""
    validation_loss: float | None
    """The mean loss on the validation data at the end of the epoch."""
    learning_rate: float
    """The learning rate of the epoch."""
    seconds: float
    """How long the epoch took."""


@dataclass
class History:
    """The course of a training run: one `Epoch` after another, and why it ended."""

    epochs: list[Epoch] = field(default_factory=list)
    """The epochs that were finished."""
    stopped: str = ""
    """Why the training ended before its last epoch: what a callback gave as its reason, an interruption, or
    divergence; '' if it did not."""

    @property
    def loss(self) -> list[float]:
        """The training loss of each epoch."""
        return [epoch.loss for epoch in self.epochs]

    @property
    def validation_loss(self) -> list[float]:
        """The validation loss of each epoch; empty without validation data."""
        return [epoch.validation_loss for epoch in self.epochs if epoch.validation_loss is not None]

    @property
    def monitored(self) -> list[float]:
        """What is to be made small: the validation loss where there is one, else the training loss."""
        return self.validation_loss or self.loss

    @property
    def best_epoch(self) -> int:
        """The index of the epoch with the smallest `monitored` loss; -1 if no epoch was finished."""
        losses = [math.inf if math.isnan(loss) else loss for loss in self.monitored]
        return min(range(len(losses)), key=losses.__getitem__, default=-1)

    def __repr__(self) -> str:
        last = f", loss {self.loss[-1]:.4g}" if self.epochs else ""
        validation = f", validation loss {self.validation_loss[-1]:.4g}" if self.validation_loss else ""
        stopped = f", stopped: {self.stopped}" if self.stopped else ""
        return f"<History of {len(self.epochs)} epoch{'s' * (len(self.epochs) != 1)}{last}{validation}{stopped}>"


class Moment(NamedTuple):
    """What a training run can go back to: weights, and what optimiser and schedule were when the model had them."""

    parameters: np.ndarray
    optimizer: Optimizer
    scheduler: AnyScheduler | None


@dataclass
class Training:
    """A training run under way, as callbacks see it after each epoch; the model has the weights of that epoch.

    A callback with a method `begin` sees it before the first epoch, too, with the weights that the run starts from.
    """

    model: Module
    optimizer: Optimizer
    scheduler: AnyScheduler | None
    generators: list[np.random.Generator]
    """What the training draws from: the order of the samples, then the masks of each Dropout."""
    parameters: np.ndarray
    """The numbers of the optimiser's parameters, of shape (count,)."""
    best_parameters: np.ndarray
    """What they were when the loss was smallest: with validation data at the end of the best epoch, and without at
    its start, for the training loss of an epoch is that of the weights it began with."""
    best_loss: float = math.inf
    """The loss they had."""
    history: History = field(default_factory=History)
    restore_best: bool = False
    X: np.ndarray | None = field(default=None, repr=False)
    """The samples, of shape (n, inputs); None unless `fit` made this Training."""
    y: np.ndarray | None = field(default=None, repr=False)
    """The targets, of shape (n,) or (n, outputs)."""
    validation_data: tuple[np.ndarray, np.ndarray] | None = field(default=None, repr=False)
    """The validation samples and targets, where there are any."""
    last: Moment = field(init=False, repr=False)
    """The end of the last epoch."""
    best: Moment = field(init=False, repr=False)
    """The moment of `best_parameters`."""
    finished: int = field(init=False, default=0)
    """How many epochs `last` is the end of."""

    def __post_init__(self) -> None:
        self.last = self.moment()
        self.best = self.last._replace(parameters=self.best_parameters)

    def stop(self, reason: str, restore_best: bool = False) -> None:
        """End the training run after this epoch, on request with the weights of the best epoch so far."""
        self.history.stopped = reason
        self.restore_best = restore_best

    def moment(self) -> Moment:
        """The training run as it is now, in copies."""
        scheduler = self.scheduler.copied() if self.scheduler else None
        return Moment(self.parameters.copy(), self.optimizer.copied(), scheduler)

    def finish_epoch(self, loss: float, of_its_start: bool) -> None:
        """Make the present moment the last one, and also the best if the loss, of now or of the start, is smallest."""
        now = self.moment()
        if loss < self.best_loss:
            self.settle_on(now, self.last if of_its_start else now, loss)
        else:
            self.settle_on(now, self.best, self.best_loss)

    def settle_on(self, last: Moment, best: Moment, best_loss: float) -> None:
        """Set what the run can go back to in one step, because Ctrl-C may come between any two."""
        vars(self).update(
            last=last, best=best, best_parameters=best.parameters, best_loss=best_loss,
            finished=len(self.history.epochs),
        )  # fmt: skip

    def go_back(self, moment: Moment) -> None:
        """Give the model, the optimiser and the schedule what they had at a moment."""
        self.parameters = moment.parameters
        write(self.optimizer.parameters, moment.parameters)
        self.optimizer.take_over(moment.optimizer.copied())
        if self.scheduler and moment.scheduler:
            self.scheduler.take_over(moment.scheduler.copied())


@dataclass(frozen=True)
class EarlyStopping:
    """A callback that stops when the monitored loss has not improved by `min_delta` for `patience` epochs.

    The model then gets back the weights of its best epoch. Looks only at the history, so a resumed run stops
    where an uninterrupted one would.
    """

    patience: int = 10
    min_delta: float = 0.0

    def __post_init__(self) -> None:
        positive_int(self.patience, "patience")
        non_negative(self.min_delta, "min_delta")

    def __call__(self, training: Training) -> None:
        """Stop the training run if it is time."""
        best, since = math.inf, 0
        for loss in training.history.monitored:
            if loss < best - self.min_delta:
                best, since = loss, 0
            else:
                since += 1
        if since >= self.patience:
            training.stop(f"no improvement for {self.patience} epochs", restore_best=True)
