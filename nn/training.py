"""The training loop: `fit`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, get_args

import numpy as np
from tqdm import tqdm

from autograd_core import Value
from autograd_core.compiler import Program
from autograd_core.files import require_writable
from autograd_core.modes import thread
from nn.arguments import positive_int
from nn.checkpoints import read_checkpoint, restore, write_checkpoint
from nn.data import batches
from nn.description import run_description
from nn.devices import Devices, DeviceSteps, chosen
from nn.evaluation import paired
from nn.history import AnyScheduler, Epoch, History, Training
from nn.init import Seed, generator
from nn.module import Module, generators
from nn.objective import Engine, Loss, Objective, objective, read, write
from nn.objective import validation as validator
from nn.optim import Optimizer, ReduceLROnPlateau, Scheduler, clipped_by_norm

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
    engine: Engine = "auto",
    devices: Devices = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    strict: bool = True,
) -> History:
    """Train a model: in each epoch, a step of the optimiser for every batch of the shuffled samples.

    X has shape (n, inputs), y shape (n,) or (n, outputs); or X is a list of sequences of different length, and y has a
    target for each of them, or for each of their positions. The model gets a sample as a list of Values; the loss gets
    what the model returns and the target as a number, or a list of numbers, which are ints where y holds ints. A step
    descends the mean over the batch of ``loss(model(x), y)``, one sample for itself, plus ``penalty()``, such as
    ``lambda: 1e-4 * nn.losses.l2_penalty(model.parameters())``; without `batch_size` the batch is all samples.
    `clip_norm` bounds the norm of the gradient; `scheduler` steps after each epoch; `callbacks` are called with a
    `Training` after it; one with a method `begin` has that called before the first epoch.

    The "eager" engine walks the nodes of each sample. The "compiled" one records a sample, the first, with Values for
    the target too, since they stand for any target, and runs the program that `autograd_core.compile` makes of it on
    whole batches, to the same weights; what model, loss and
    penalty read from elsewhere, such as the rate of a Dropout, is then as it was at the start. "auto" compiles, or
    warns why it cannot and is eager; inside `detect_anomaly` it is eager. "native" compiles to C, which takes a second
    or so before the first step and pays over thousands of them. "jax" compiles too, and takes whole steps in
    JAX on `devices`, all that JAX sees, the first so many, or those of a list: each batch is divided among them, and
    weights are on all. Processes that `jax.distributed` has joined call `fit` alike, and the first writes the
    checkpoint. Parameters have the numbers and gradients
    of the last step when callbacks are called.

    Ctrl-C, and a loss that is no longer finite, end the training run with the weights that had the smallest loss (on
    the validation data where there are any), with optimiser and schedule as they were then, and with the history so
    far, whose `stopped` says why. With `checkpoint` all that the run depends on is written to that file after each
    epoch, options of the optimiser and the generators that modules have as attributes included, and ``resume=True``
    goes on from it, if it exists, to the same weights bit for bit. A checkpoint of a run with another model, loss,
    penalty, other data or options is refused, unless `strict` is False; functions are told apart by name, and the
    learning rate is that of the file. The same `rng`, an int or NumPy Generator, gives the same weights.

    Raises TypeError or ValueError for data or options that cannot be trained on, RuntimeError inside `no_grad`, and
    OSError, before the first epoch, where the checkpoint cannot be written; for "jax" ImportError without JAX, and
    RuntimeError where another process of the run is gone. After these and all other errors model,
    optimiser and schedule are as at the end of the last finished epoch, or as they were if there was none.

    >>> import nn
    >>> X, y = nn.data.xor()
    >>> model = nn.MLP(2, [8, 1], "tanh", rng=0)
    >>> history = nn.fit(model, X, y, loss=nn.losses.binary_cross_entropy_with_logits,
    ...                  optimizer=nn.optim.Adam(model.parameters(), lr=0.1), rng=0, progress=False)
    >>> nn.accuracy(model, X, y)
    1.0
    """
    if not thread.mode.recording:
        raise RuntimeError(
            "fit was called inside no_grad, which records no graph, so that there is no gradient to descend; call it "
            "outside of the with-block"
        )
    X, y = paired(X, y, "X", "y")
    size = len(X) if batch_size is None else positive_int(batch_size, "batch_size")
    positive_int(epochs, "epochs")
    _check_options(model, loss, optimizer, penalty, scheduler, engine)
    if devices is not None and engine != "jax":
        raise ValueError(f"devices are for engine='jax', and the engine is {engine!r}")
    divided = chosen(devices) if engine == "jax" else []
    callbacks = _checked_callbacks(callbacks)
    validation = _checked_validation(validation_data)
    if resume and checkpoint is None:
        raise ValueError("resume=True goes on from a checkpoint; give its path as checkpoint=")
    if checkpoint is not None:
        require_writable(checkpoint)

    parameters = list(optimizer.parameters)
    training = _started(model, optimizer, scheduler, generator(rng), (X, y), validation)
    history, stored = training.history, None
    description = {} if checkpoint is None else run_description(
        model, {"optimizer": optimizer, "scheduler": scheduler}, X=X, y=y, validation_data=validation, loss=loss,
        penalty=penalty, batch_size=size, clip_norm=clip_norm, shuffle=shuffle,
    )  # fmt: skip
    if resume and checkpoint is not None and Path(checkpoint).exists():
        stored = read_checkpoint(checkpoint, training, description if strict else None)

    modes = [(module, module.training) for _, module in model.named_modules()]
    bar = tqdm(total=epochs, initial=len(stored.epochs) if stored else 0, unit="epoch", disable=not progress)
    mode, finished, failed = thread.mode, False, False

    def settle() -> None:
        """Leave everything as it was at one moment. To do so twice is as good as once."""
        if not (finished or failed):
            del history.epochs[training.finished :]
            training.stop(f"interrupted after {training.finished} epochs", restore_best=True)
        training.go_back(training.best if training.restore_best else training.last)
        for module, was_training in modes:
            module.training = was_training
        thread.mode = mode
        bar.close()

    try:
        try:
            if stored:
                restore(training, stored)
            model.train()
            step, compiled = objective(engine, model, loss, penalty, parameters, X, y)
            validate = validation and validator(compiled, model, loss, parameters, *validation)
            on_devices = None
            if divided and isinstance(compiled, Program):
                on_devices = DeviceSteps(compiled, divided, min(size, len(X)), clip_norm)
            beginnings = [begin for callback in callbacks if callable(begin := getattr(callback, "begin", None))]
            for begin in beginnings:
                begin(training)
            if beginnings:  # which may have changed the weights, too
                training.parameters = read(optimizer.parameters)
                training.last = training.moment()
            while len(history.epochs) < epochs and not history.stopped:
                start, learning_rate = time.perf_counter(), optimizer.lr
                model.train()
                data = batches(X, y, size, rng=training.generators[0], shuffle=shuffle)
                if on_devices:
                    mean, gradient = on_devices.epoch(training, data)
                else:
                    mean, gradient = _epoch(training, step, data, clip_norm)
                write(parameters, training.parameters)
                for parameter, number in zip(parameters, gradient.tolist(), strict=True):
                    parameter.grad = number
                validated = validate(training.parameters) if validate else None
                reason = _divergence(mean, validated, training.parameters)
                if reason:
                    training.stop(f"diverged in epoch {len(history.epochs) + 1}: {reason}", restore_best=True)
                    bar.set_postfix_str(history.stopped)
                    break
                monitored = mean if validated is None else validated
                history.epochs.append(Epoch(mean, validated, learning_rate, time.perf_counter() - start))
                if isinstance(scheduler, ReduceLROnPlateau):
                    scheduler.step(monitored)
                elif scheduler is not None:
                    scheduler.step()
                training.finish_epoch(monitored, of_its_start=validated is None)
                for callback in callbacks:
                    callback(training)
                if callbacks:  # which may have changed the weights, to bound their norm, say, or the learning rate
                    training.parameters = read(optimizer.parameters)
                    training.last = training.moment()
                if training.restore_best:
                    training.go_back(training.best)
                    training.last = training.best
                if checkpoint is not None and (on_devices is None or on_devices.leads):
                    write_checkpoint(checkpoint, training, description)
                bar.set_postfix_str(history.stopped or _progress(mean, validated), refresh=False)  # update() does
                bar.update()
            finished = True
        except Exception:
            failed = True
            raise
        finally:
            settle()
    except KeyboardInterrupt:
        settle()  # Ctrl-C may have come once more before all was settled
        if failed:
            raise
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
    if engine not in get_args(Engine):
        raise ValueError(f"engine is 'auto', 'eager', 'compiled', 'native' or 'jax', not {engine!r}")
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
    return paired(X, y, "X of validation_data", "its y")


def _started(
    model: Module,
    optimizer: Optimizer,
    scheduler: AnyScheduler | None,
    order: np.random.Generator,
    data: tuple[np.ndarray, np.ndarray],
    validation: tuple[np.ndarray, np.ndarray] | None,
) -> Training:
    """A training before its first epoch."""
    numbers, draws = read(optimizer.parameters), list(dict.fromkeys([order, *generators(model)]))
    X, y = data
    return Training(model, optimizer, scheduler, draws, numbers, numbers, X=X, y=y, validation_data=validation)


def _epoch(
    training: Training, step: Objective, epoch: Iterable[tuple[np.ndarray, np.ndarray]], clip_norm: float | None
) -> tuple[float, np.ndarray]:
    """One step for each batch, ending early where the loss is no longer finite; the mean loss over the samples, and
    the last gradient."""
    total, count, gradients = 0.0, 0, np.zeros_like(training.parameters)
    for X, y in epoch:
        value, gradients = step(training.parameters, X, y)
        total += value * len(X)
        count += len(X)
        if not math.isfinite(value):
            break
        if clip_norm is not None:
            gradients, _ = clipped_by_norm(gradients, clip_norm)
        training.parameters = training.optimizer.update(training.parameters, gradients)
    return total / count, gradients
