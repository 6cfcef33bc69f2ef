"""The training loop: `fit`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from tqdm import tqdm

from autograd_core import Value
from autograd_core.transforms import mapped
from nn.arguments import positive_int
from nn.data import batches
from nn.evaluation import evaluate, samples, targets
from nn.history import AnyScheduler, Epoch, History, Training
from nn.init import Seed, generator
from nn.module import Module
from nn.optim import Optimizer, ReduceLROnPlateau, Scheduler, clipped_by_norm
from nn.storage import read_checkpoint, write_checkpoint

Loss = Callable[[Any, Any], Value]
Objective = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[float, np.ndarray]]
"""From flat parameters, samples and targets of a batch to the mean loss and its flat gradient."""


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

    Ctrl-C, and a loss that is no longer finite, end the training with the weights that had the smallest loss (on the
    validation data where there are any) and the history so far, whose `stopped` says why. With `checkpoint` all that
    the training depends on is written to that file after each epoch, options of the optimiser and the generators that
    modules have as attributes included, and ``resume=True`` goes on from it, if it exists, to the same weights bit
    for bit; data, loss and batches are to be the same. The same `rng`, an int or NumPy Generator, gives the same
    weights.

    Raises TypeError or ValueError for data or options that cannot be trained on; the model and the optimiser are then
    as they were, unless an epoch was finished before. Raises OSError where the checkpoint cannot be written.

    >>> import nn
    >>> X, y = nn.data.xor()
    >>> model = nn.MLP(2, [8, 1], "tanh", rng=0)
    >>> history = nn.fit(model, X, y, loss=nn.losses.binary_cross_entropy_with_logits,
    ...                  optimizer=nn.optim.Adam(model.parameters(), lr=0.1), rng=0, progress=False)
    >>> nn.accuracy(model, X, y)
    1.0
    """
    X, y = _checked(X, y, "X", "y")
    size = len(X) if batch_size is None else positive_int(batch_size, "batch_size")
    positive_int(epochs, "epochs")
    _check_options(model, loss, optimizer, penalty, scheduler, engine)
    callbacks = _checked_callbacks(callbacks)
    validation = _checked_validation(validation_data)
    if resume and checkpoint is None:
        raise ValueError("resume=True goes on from a checkpoint; give its path as checkpoint=")
    if checkpoint is not None and not Path(checkpoint).resolve().parent.is_dir():
        raise FileNotFoundError(f"{checkpoint} could not be written: its folder does not exist")

    objective = _eager_objective(model, loss, penalty, list(optimizer.parameters))
    training = _started(model, optimizer, scheduler, generator(rng))
    history, begin, options = training.history, training.parameters, optimizer.state_dict()
    if resume and checkpoint is not None and Path(checkpoint).exists():
        read_checkpoint(checkpoint, training)

    modes = [(module, module.training) for _, module in model.named_modules()]
    bar = tqdm(total=epochs, initial=len(history.epochs), unit="epoch", disable=not progress)
    try:
        while len(history.epochs) < epochs and not history.stopped:
            start, learning_rate, before = time.perf_counter(), optimizer.lr, training.parameters
            model.train()
            data = batches(X, y, size, rng=training.generators[0], shuffle=shuffle)
            mean = _epoch(training, objective, data, clip_norm)
            _write(optimizer.parameters, training.parameters)
            validated = None if validation is None else evaluate(model, *validation, loss)
            reason = _divergence(mean, validated, training.parameters)
            if reason:
                training.stop(f"diverged in epoch {len(history.epochs) + 1}: {reason}", restore_best=True)
                bar.set_postfix_str(history.stopped)
                break
            monitored = mean if validated is None else validated
            if monitored < training.best_loss:
                training.best_parameters = before if validated is None else training.parameters
                training.best_loss = monitored
            history.epochs.append(Epoch(mean, validated, learning_rate, time.perf_counter() - start))
            if isinstance(scheduler, ReduceLROnPlateau):
                scheduler.step(monitored)
            elif scheduler is not None:
                scheduler.step()
            for callback in callbacks:
                callback(training)
            # A callback may have changed the weights, to bound their norm, say.
            training.parameters = training.best_parameters if training.restore_best else _numbers(optimizer)
            if checkpoint is not None:
                write_checkpoint(checkpoint, training)
            bar.set_postfix_str(history.stopped or _progress(mean, validated))
            bar.update()
    except KeyboardInterrupt:
        training.stop(f"interrupted after {len(history.epochs)} epochs", restore_best=True)
    except Exception:
        if not history.epochs:
            training.parameters = begin
            optimizer.load_state_dict(options)
        raise
    finally:
        _write(optimizer.parameters, training.best_parameters if training.restore_best else training.parameters)
        for module, mode in modes:
            module.training = mode
        bar.close()
    return history


def _progress(mean: float, validated: float | None) -> str:
    return f"loss {mean:.4g}" + ("" if validated is None else f", validation {validated:.4g}")


def _divergence(mean: float, validated: float | None, parameters: np.ndarray) -> str:
    """What is no longer finite after an epoch, in words; '' if all is."""
    if not math.isfinite(mean):
        return f"the loss is {mean:g}"
    if not np.isfinite(parameters).all():
        return "the weights are no longer finite"
    if validated is not None and not math.isfinite(validated):
        return f"the validation loss is {validated:g}"
    return ""


def _check_options(
    model: Module, loss: Any, optimizer: Optimizer, penalty: Any, scheduler: AnyScheduler | None, engine: str
) -> None:
    """Raise TypeError or ValueError for options of `fit` of the wrong kind, or that do not belong together."""
    kinds: list[tuple[str, Any, Any, str]] = [
        ("model", model, Module, "a Module"),
        ("optimizer", optimizer, Optimizer, "an optimizer, such as nn.optim.SGD(model.parameters())"),
        (
            "scheduler",
            scheduler,
            (Scheduler, ReduceLROnPlateau, type(None)),
            "one, such as StepLR(optimizer, 10)",
        ),
    ]
    for name, option, kind, wanted in kinds:
        if not isinstance(option, kind):
            given = option.__name__ if isinstance(option, type) else f"{type(option).__name__}"
            raise TypeError(f"{name} is {wanted}, got {given}")
    if not callable(loss):
        raise TypeError(f"loss is a function of prediction and target, such as nn.losses.mse_loss, got {loss!r}")
    if penalty is not None and not callable(penalty):
        raise TypeError(f"penalty is a function without arguments that returns a Value, got {penalty!r}")
    if engine not in ("auto", "eager"):
        raise ValueError(f"engine is 'auto' or 'eager', not {engine!r}")
    if scheduler is not None and scheduler.optimizer is not optimizer:
        raise ValueError("the scheduler was made for another optimizer")
    known = set(model.parameters())
    if not all(parameter in known for parameter in optimizer.parameters):
        raise ValueError("the optimizer has parameters that are not of this model; make it of model.parameters()")


def _checked_callbacks(callbacks: Any) -> list[Callback]:
    listed: list[Any] = [callbacks] if callable(callbacks) else list(callbacks)
    for callback in listed:
        if isinstance(callback, type) or not callable(callback):
            raise TypeError(f"callbacks are functions of a Training, such as nn.EarlyStopping(), got {callback!r}")
    return listed


def _checked_validation(data: Any) -> tuple[np.ndarray, np.ndarray] | None:
    if data is None:
        return None
    if not isinstance(data, (list, tuple)) or len(data) != 2:
        raise ValueError("validation_data is a pair (X, y)")
    X, y = data
    return _checked(X, y, "X of validation_data", "its y")


def _started(
    model: Module, optimizer: Optimizer, scheduler: AnyScheduler | None, order: np.random.Generator
) -> Training:
    """A training before its first epoch."""
    drawn = [value for _, module in model.named_modules() for value in vars(module).values()]
    generators = [order, *(value for value in drawn if isinstance(value, np.random.Generator))]
    numbers = _numbers(optimizer)
    return Training(model, optimizer, scheduler, list(dict.fromkeys(generators)), numbers, numbers)


def _numbers(optimizer: Optimizer) -> np.ndarray:
    """The parameters of an optimiser as an array of shape (count,)."""
    return np.array([parameter.data for parameter in optimizer.parameters], dtype=float)


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
