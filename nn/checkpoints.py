"""Checkpoints: all that the rest of a training run depends on, in a file of the format of `nn.storage`.

A checkpoint has two moments, the one after the last epoch and the best one, whose names begin with ``best_``. Each has

- ``parameters``, float64 of shape (count,);
- ``optimizer_options`` in the header, an object, and ``optimizer.<name>``, arrays: the `state_dict` of the optimiser;
- ``scheduler`` in the header: the `state_dict` of the schedule, or null.

Besides the header has

- ``names_of_the_parameters`` and ``optimizer_and_scheduler``, the names of their classes;
- ``description``: what the run is, as `nn.description` puts it;
- ``epochs``: a list [loss, validation loss or null, learning rate, seconds] for each; ``stopped``: why the run ended;
- ``best_loss``: the loss of the best moment;
- ``generators``: the states of NumPy's generators, that of the order of samples first.

Files from before the best moment had an optimiser and a schedule of its own are read: it then has those of the last.
"""

from __future__ import annotations

import json
from math import isfinite, isnan
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nn.description import Description
from nn.history import Epoch, Moment, Training
from nn.optim import Optimizer
from nn.storage import read_arrays, require_same, write_arrays


class Checkpoint(NamedTuple):
    """What a checkpoint holds, checked against the run that will go on from it."""

    last: Moment
    best: Moment
    best_loss: float
    epochs: list[Epoch]
    stopped: str
    generators: list[dict[str, Any]]


def write_checkpoint(path: str | Path, training: Training, description: Description) -> None:
    """Write all that the rest of a training run depends on; raises OSError where it cannot be written."""
    metadata = {
        **_identity(training),
        "description": description,
        "generators": [generator.bit_generator.state for generator in training.generators],
        "epochs": training.history.epochs,
        "stopped": training.history.stopped,
        "best_loss": training.best_loss,
    }
    arrays = {}
    for prefix, moment in (("", training.last), ("best_", training.best)):
        state = moment.optimizer.state_dict()
        kept = {name: item for name, item in state.items() if isinstance(item, np.ndarray)}
        metadata[f"{prefix}optimizer_options"] = {name: item for name, item in state.items() if name not in kept}
        metadata[f"{prefix}scheduler"] = moment.scheduler.state_dict() if moment.scheduler else None
        arrays |= {f"{prefix}optimizer.{name}": item for name, item in kept.items()}
        arrays[f"{prefix}parameters"] = moment.parameters
    write_arrays(path, "checkpoint", metadata, arrays)


def read_checkpoint(path: str | Path, training: Training, description: Description | None) -> Checkpoint:
    """Read a checkpoint for a training run, which stays as it is.

    Raises ValueError for a file that is damaged or of another run: one with another description, where one is given, or
    whose numbers have no place in this one, or would make its weights nan.
    """
    metadata, arrays = read_arrays(path, "checkpoint")
    for name, mine in json.loads(json.dumps(_identity(training))).items():
        if metadata.get(name) != mine:
            raise ValueError(f"{path} is of another training run: the {name.replace('_', ' ')} are not the same")
    if description is not None:
        try:
            require_same(metadata, description, "run")
        except ValueError as error:
            raise ValueError(f"{path} is of another training run: {error}") from None
    try:
        return _checked(metadata, arrays, training)
    except Exception as error:  # whatever a damaged file may lead to
        raise ValueError(f"{path} is damaged or of another training run ({type(error).__name__}: {error})") from None


def _checked(metadata: dict[str, Any], arrays: dict[str, np.ndarray], training: Training) -> Checkpoint:
    last = _moment("", metadata, arrays, training)
    if "best_optimizer_options" in metadata:
        best = _moment("best_", metadata, arrays, training)
    else:
        best = last._replace(parameters=_parameters(arrays["best_parameters"], training))
    epochs = [
        Epoch(float(loss), None if validated is None else float(validated), float(rate), float(seconds))
        for loss, validated, rate, seconds in metadata["epochs"]
    ]
    if not all(isfinite(loss) for epoch in epochs for loss in epoch[:2] if loss is not None):
        raise ValueError("a loss is not finite")
    best_loss, stopped = float(metadata["best_loss"]), metadata["stopped"]
    if isnan(best_loss) or not isinstance(stopped, str):
        raise ValueError(f"best_loss is {best_loss}, stopped is {stopped!r}")
    for generator, state in zip(training.generators, metadata["generators"], strict=True):
        type(generator.bit_generator)().state = state
    return Checkpoint(last, best, best_loss, epochs, stopped, metadata["generators"])


def _moment(prefix: str, metadata: dict[str, Any], arrays: dict[str, np.ndarray], training: Training) -> Moment:
    """A moment of the file, made of copies of what the run has."""
    parameters = _parameters(arrays[f"{prefix}parameters"], training)
    optimizer, scheduler = training.optimizer.copied(), None
    # The optimiser last: a schedule sets its learning rate, which a callback may have changed since.
    if training.scheduler:
        scheduler = training.scheduler.copied()
        scheduler.optimizer = optimizer
        scheduler.load_state_dict(metadata[f"{prefix}scheduler"])
    name = f"{prefix}optimizer."
    state = {array.removeprefix(name): item for array, item in arrays.items() if array.startswith(name)}
    optimizer.load_state_dict(metadata[f"{prefix}optimizer_options"] | state)
    _require_sound(optimizer, parameters)
    return Moment(parameters, optimizer, scheduler)


def _parameters(numbers: np.ndarray, training: Training) -> np.ndarray:
    if numbers.shape != training.parameters.shape or numbers.dtype != float:
        raise ValueError(f"{numbers.dtype} {numbers.shape} for float64 {training.parameters.shape}")
    if not np.isfinite(numbers).all():
        raise ValueError("a weight is not finite")
    return numbers


def _require_sound(optimizer: Optimizer, parameters: np.ndarray) -> None:
    """Raise unless a step from here leads to numbers: the formula knows best what may stand in its state."""
    moved = optimizer.copied().update(parameters, np.ones_like(parameters))
    if moved.dtype != float or not np.isfinite(moved).all():
        raise ValueError("a step of its optimizer makes weights that are not finite")


def restore(training: Training, checkpoint: Checkpoint) -> None:
    """Put a training run into the state of a checkpoint that was read for it."""
    for generator, state in zip(training.generators, checkpoint.generators, strict=True):
        generator.bit_generator.state = state
    training.history.epochs[:], training.history.stopped = checkpoint.epochs, checkpoint.stopped
    training.settle_on(checkpoint.last, checkpoint.best, checkpoint.best_loss)
    training.go_back(training.last)


def _identity(training: Training) -> dict[str, Any]:
    """What must be the same for the numbers of a checkpoint to have a place."""
    trained = set(training.optimizer.parameters)
    return {
        "names_of_the_parameters": [name for name, p in training.model.named_parameters() if p in trained],
        "optimizer_and_scheduler": [type(training.optimizer).__name__, type(training.scheduler).__name__],
    }
