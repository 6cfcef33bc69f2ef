"""The training loop: `fit`, the `History` it returns, and `EarlyStopping`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from tqdm import tqdm

from autograd_core import Value
from autograd_core.transforms import mapped
from nn.arguments import non_negative, positive_int
from nn.data import batches
from nn.evaluation import evaluate, samples, targets
from nn.init import Seed, generator
from nn.module import Module
from nn.optim import Optimizer, ReduceLROnPlateau, Scheduler, clipped_by_norm
from nn.storage import read_checkpoint, write_checkpoint

Loss = Callable[[Any, Any], Value]
AnyScheduler = Scheduler | ReduceLROnPlateau
Objective = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[float, np.ndarray]]
"""From flat parameters, samples and targets of a batch to the mean loss and its flat gradient."""


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
    """The course of a training: one `Epoch` each, and why it ended."""

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
        return min(range(len(self.epochs)), key=self.monitored.__getitem__, default=-1)

    def __repr__(self) -> str:
        last = f", loss {self.loss[-1]:.4g}" if self.epochs else ""
        validation = f", validation loss {self.validation_loss[-1]:.4g}" if self.validation_loss else ""
        stopped = f", stopped: {self.stopped}" if self.stopped else ""
        return f"<History of {len(self.epochs)} epochs{last}{validation}{stopped}>"


@dataclass
class Training:
    """A training under way, as callbacks see it after each epoch; the model has the weights of that epoch."""

    model: Module
    optimizer: Optimizer
    scheduler: AnyScheduler | None
    generators: list[np.random.Generator]
    """What the training draws from: the order of the samples, then the masks of each Dropout."""
    parameters: np.ndarray
    """The numbers of the optimiser's parameters, flat."""
    best_parameters: np.ndarray
    """What they were at the end of the best epoch."""
    history: History = field(default_factory=History)
    restore_best: bool = False

    def stop(self, reason: str, restore_best: bool = False) -> None:
        """End the training after this epoch, on request with the weights of the best epoch so far."""
        self.history.stopped = reason
        self.restore_best = restore_best


@dataclass(frozen=True)
class EarlyStopping:
    """A callback that stops when the monitored loss has not improved by `min_delta` for `patience` epochs.

    The model then gets back the weights of its best epoch. Looks only at the history, so a resumed training stops
    where an uninterrupted one would.
    """

    patience: int = 10
    min_delta: float = 0.0

    def __post_init__(self) -> None:
        positive_int(self.patience, "patience")
        non_negative(self.min_delta, "min_delta")

    def __call__(self, training: Training) -> None:
        """Stop the training if it is time."""
        best, since = math.inf, 0
        for loss in training.history.monitored:
            if loss < best - self.min_delta:
                best, since = loss, 0
            else:
                since += 1
        if since >= self.patience:
            training.stop(f"no improvement for {self.patience} epochs", restore_best=True)


Callback = Callable[[Training], None]


def fit(
    model: Module,
    X: Any,
    y: Any,
    *,
    loss: Loss,
    optimizer: Optimizer,
    epochs: int = 100,
    batch_size: int | None = None,
    validation_data: tuple[Any, Any] | None = None,
    penalty: Callable[[], Value] | None = None,
    clip_norm: float | None = None,
    scheduler: AnyScheduler | None = None,
    callbacks: Iterable[Callback] = (),
    shuffle: bool = True,
    rng: Seed = None,
    progress: bool = True,
    engine: Literal["auto", "eager"] = "auto",
    checkpoint: str | Path | None = None,
    resume: bool = False,
) -> History:
    """Train a model: in each epoch, a step of the optimiser for every batch of the shuffled samples.

    X has shape (n, inputs), y shape (n,) or (n, outputs). A step descends the mean over the batch of
    ``loss(model(x), y)``, one sample at a time, plus ``penalty()``, such as ``lambda: 1e-4 *
    nn.losses.l2_penalty(model.parameters())``; without `batch_size` the batch is all samples. `clip_norm` bounds
    the norm of the gradient; `scheduler` steps after each epoch; `callbacks` are called with a `Training` after it.

    Ctrl-C, and a loss that is no longer finite, end the training with the weights of the best epoch (by validation
    loss where there is one) and the history so far, whose `stopped` says why. With `checkpoint` all that the
    training depends on is written to that file after each epoch, and ``resume=True`` goes on from it, if it exists,
    to the same weights bit for bit. The same `rng`, an int or NumPy Generator, gives the same weights.

    Raises TypeError or ValueError for data or options that cannot be trained on, before anything is changed, and
    OSError where the checkpoint cannot be written.

    >>> import nn
    >>> X, y = nn.data.xor()
    >>> model = nn.MLP(2, [8, 1], "tanh", rng=0)
    >>> history = nn.fit(model, X, y, loss=nn.losses.binary_cross_entropy_with_logits,
    ...                  optimizer=nn.optim.Adam(model.parameters(), lr=0.1), rng=0, progress=False)
    >>> nn.accuracy(model, X, y)
    1.0
    """
    X, y = _checked(X, y, "X", "y")
    validation = None if validation_data is None else _checked(*validation_data, "X of validation_data", "its y")
    size = len(X) if batch_size is None else positive_int(batch_size, "batch_size")
    positive_int(epochs, "epochs")
    if engine not in ("auto", "eager"):
        raise ValueError(f"engine is 'auto' or 'eager', not {engine!r}")
    if resume and checkpoint is None:
        raise ValueError("resume=True goes on from a checkpoint; give its path as checkpoint=")

    objective = _eager_objective(model, loss, penalty, list(optimizer.parameters))
    training = _started(model, optimizer, scheduler, generator(rng))
    history = training.history
    if checkpoint is not None:
        if resume and Path(checkpoint).exists():
            read_checkpoint(checkpoint, training)
        else:
            write_checkpoint(checkpoint, training)

    modes = [(module, module.training) for _, module in model.named_modules()]
    bar = tqdm(total=epochs, initial=len(history.epochs), unit="epoch", disable=not progress)
    try:
        while len(history.epochs) < epochs and not history.stopped:
            start, learning_rate = time.perf_counter(), optimizer.lr
            model.train()
            mean = _epoch(
                training, objective, batches(X, y, size, rng=training.generators[0], shuffle=shuffle), clip_norm
            )
            if not (math.isfinite(mean) and np.isfinite(training.parameters).all()):
                training.stop(f"diverged in epoch {len(history.epochs) + 1}: the loss is {mean:g}", restore_best=True)
                break
            _write(optimizer.parameters, training.parameters)
            validated = None if validation is None else evaluate(model, *validation, loss)
            history.epochs.append(Epoch(mean, validated, learning_rate, time.perf_counter() - start))
            if history.best_epoch == len(history.epochs) - 1:
                training.best_parameters = training.parameters
            if isinstance(scheduler, ReduceLROnPlateau):
                scheduler.step(history.monitored[-1])
            elif scheduler is not None:
                scheduler.step()
            for callback in callbacks:
                callback(training)
            if training.restore_best:
                training.parameters = training.best_parameters
            if checkpoint is not None:
                write_checkpoint(checkpoint, training)
            bar.set_postfix_str(f"loss {mean:.4g}" + ("" if validated is None else f", validation {validated:.4g}"))
            bar.update()
    except KeyboardInterrupt:
        training.stop(f"interrupted in epoch {len(history.epochs) + 1}", restore_best=True)
    finally:
        bar.close()
        for module, mode in modes:
            module.training = mode
        if training.restore_best:
            training.parameters = training.best_parameters
        _write(optimizer.parameters, training.parameters)
    return history


def _started(
    model: Module, optimizer: Optimizer, scheduler: AnyScheduler | None, order: np.random.Generator
) -> Training:
    """A training before its first epoch."""
    if not isinstance(model, Module):
        raise TypeError(f"fit trains a Module, got {type(model).__name__}")
    known = set(model.parameters())
    if not all(parameter in known for parameter in optimizer.parameters):
        raise ValueError("the optimizer has parameters that are not of this model; make it of model.parameters()")
    drawn = [value for _, module in model.named_modules() for value in vars(module).values()]
    generators = [order, *(value for value in drawn if isinstance(value, np.random.Generator))]
    numbers = np.array([parameter.data for parameter in optimizer.parameters])
    return Training(model, optimizer, scheduler, list(dict.fromkeys(generators)), numbers, numbers)


def _epoch(
    training: Training, objective: Objective, epoch: Iterable[tuple[np.ndarray, np.ndarray]], clip_norm: float | None
) -> float:
    """One step for each batch; the mean loss over the samples, which ends early where it is no longer finite."""
    total, count = 0.0, 0
    for X, y in epoch:
        value, gradients = objective(training.parameters, X, y)
        total += value * len(X)
        count += len(X)
        if not math.isfinite(value):
            break
        if clip_norm is not None:
            gradients, _ = clipped_by_norm(gradients, clip_norm)
        training.parameters = training.optimizer.update(training.parameters, gradients)
    return total / count


def _eager_objective(
    model: Module, loss: Loss, penalty: Callable[[], Value] | None, parameters: list[Value]
) -> Objective:
    """The mean loss of a batch and its gradient, by a backward pass through the recorded graph of each sample."""

    def objective(numbers: np.ndarray, X: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
        _write(parameters, numbers)
        for parameter in parameters:
            parameter.grad = 0.0
        total = 0.0
        for row, target in zip(X, y.tolist(), strict=True):
            output = _scalar(loss(model(mapped(Value, row.tolist())), target), "loss")
            output.backward(1.0 / len(X))
            total += output.data / len(X)
        if penalty is not None:
            output = _scalar(penalty(), "penalty")
            output.backward()
            total += output.data
        return total, np.array([parameter.grad for parameter in parameters])

    return objective


def _scalar(output: Any, name: str) -> Value:
    if not isinstance(output, Value):
        raise TypeError(f"the {name} must return a Value, and returned {type(output).__name__}")
    return output


def _write(parameters: Iterable[Value], numbers: np.ndarray) -> None:
    for parameter, number in zip(parameters, numbers.tolist(), strict=True):
        parameter.data = number


def _checked(X: Any, y: Any, name: str, target_name: str) -> tuple[np.ndarray, np.ndarray]:
    rows = samples(X, name)
    return rows, targets(y, len(rows), target_name)
