"""Files of models and training runs: one .npz without pickle, written so that a crash leaves an earlier file whole."""

from __future__ import annotations

import json
import zipfile
import zlib
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from autograd_core.files import replacing
from nn.description import Description, difference, model_description
from nn.history import Epoch, Training
from nn.module import Module

VERSION = 1
_M = TypeVar("_M", bound=Module)


def save(model: Module, path: str | Path) -> Path:
    """Write the parameters of a model, by their paths, and what the model is; returns the path.

    The file is written beside `path` and then renamed, so that whatever happens in between leaves an earlier file
    whole. Raises OSError, with a sentence, where it cannot be written.
    """
    state = model.state_dict()
    arrays = {"names": np.array(list(state), dtype=np.str_), "values": np.array(list(state.values()), dtype=float)}
    return write_arrays(path, "model", {"description": model_description(model)}, arrays)


def load(model: _M, path: str | Path, strict: bool = True) -> _M:
    """Set the parameters of a model from a file of `save`; returns the model.

    Nothing in the file is executed. Raises FileNotFoundError if there is none, and ValueError, leaving the model
    as it was, for a file that is damaged, of another kind, or of a model with other parameters. So it does for a
    model with the same parameters that is of other classes or has other options, such as an activation or the rate of
    a Dropout, unless `strict` is False. Options are the public attributes of modules, functions among them by name.
    """
    header, arrays = read_arrays(path, "model")
    names, values = arrays.get("names"), arrays.get("values")
    if names is None or values is None or names.dtype.kind != "U" or values.dtype != float:
        raise ValueError(f"{path} is damaged: it has no names and values of parameters")
    if names.ndim != 1 or names.shape != values.shape:
        raise ValueError(f"{path} is damaged: it has names of shape {names.shape} for values of shape {values.shape}")
    state = dict(zip(names.tolist(), values.tolist(), strict=True))
    try:
        if strict and state.keys() == model.state_dict().keys():
            _require_same(header, model_description(model), "model")
        model.load_state_dict(state)
    except ValueError as error:
        raise ValueError(f"{path} holds another model: {error}") from None
    return model


def _require_same(header: dict[str, Any], mine: Description, owner: str) -> None:
    """Raise ValueError unless the description in a file is mine; earlier files of this version have none."""
    found = header.get("description", mine)
    if not isinstance(found, dict):
        raise ValueError("its description is damaged")
    differing = difference(found, mine, owner)
    if differing:
        raise ValueError(f"{differing}; give strict=False to take it all the same")


def write_checkpoint(path: str | Path, training: Training, description: Description) -> None:
    """Write all that the rest of a training run depends on; raises OSError where it cannot be written."""
    state = training.optimizer.state_dict()
    arrays = {f"optimizer.{name}": item for name, item in state.items() if isinstance(item, np.ndarray)}
    metadata = {
        **_identity(training),
        "description": description,
        "optimizer_options": {name: item for name, item in state.items() if not isinstance(item, np.ndarray)},
        "scheduler": training.scheduler.state_dict() if training.scheduler else None,
        "generators": [generator.bit_generator.state for generator in training.generators],
        "epochs": training.history.epochs,
        "stopped": training.history.stopped,
        "best_loss": training.best_loss,
    }
    arrays |= {"parameters": training.parameters, "best_parameters": training.best_parameters}
    write_arrays(path, "checkpoint", metadata, arrays)


def read_checkpoint(path: str | Path, training: Training, description: Description | None) -> None:
    """Put a training run into the state of a checkpoint.

    Raises ValueError, leaving the run as it was, for a file that is damaged or of another run: one with another
    description, where one is given, or whose numbers have no place in this one.
    """
    metadata, arrays = read_arrays(path, "checkpoint")
    for name, mine in json.loads(json.dumps(_identity(training))).items():
        if metadata.get(name) != mine:
            raise ValueError(f"{path} is of another training run: the {name.replace('_', ' ')} are not the same")
    if description is not None:
        try:
            _require_same(metadata, description, "run")
        except ValueError as error:
            raise ValueError(f"{path} is of another training run: {error}") from None
    parts = [part for part in (training.scheduler, training.optimizer) if part is not None]
    before = [part.state_dict() for part in parts]
    states = [generator.bit_generator.state for generator in training.generators]
    try:
        _restore(metadata, arrays, training)
    except Exception as error:  # whatever a damaged file may lead to
        for part, state in zip(parts, before, strict=True):
            part.load_state_dict(state)
        for generator, state in zip(training.generators, states, strict=True):
            generator.bit_generator.state = state
        raise ValueError(f"{path} is damaged or of another training run ({type(error).__name__}: {error})") from None


def _restore(metadata: dict[str, Any], arrays: dict[str, np.ndarray], training: Training) -> None:
    """The work of `read_checkpoint`, which may fail half-way; the history and the numbers come last."""
    epochs = [
        Epoch(float(loss), None if validated is None else float(validated), float(rate), float(seconds))
        for loss, validated, rate, seconds in metadata["epochs"]
    ]
    parameters, best = arrays["parameters"], arrays["best_parameters"]
    for numbers in (parameters, best):
        if numbers.shape != training.parameters.shape or numbers.dtype != float:
            raise ValueError(f"{numbers.dtype} {numbers.shape} for float64 {training.parameters.shape}")
    stopped, best_loss = str(metadata["stopped"]), float(metadata["best_loss"])
    state = {name.removeprefix("optimizer."): item for name, item in arrays.items() if name.startswith("optimizer.")}
    # The optimiser last: a schedule sets its learning rate, which a callback may have changed since.
    if training.scheduler:
        training.scheduler.load_state_dict(metadata["scheduler"])
    training.optimizer.load_state_dict(metadata["optimizer_options"] | state)
    for generator, state in zip(training.generators, metadata["generators"], strict=True):
        generator.bit_generator.state = state
    training.parameters, training.best_parameters, training.best_loss = parameters, best, best_loss
    training.history.epochs[:], training.history.stopped = epochs, stopped


def _identity(training: Training) -> dict[str, Any]:
    """What must be the same for the numbers of a checkpoint to have a place."""
    trained = set(training.optimizer.parameters)
    return {
        "names_of_the_parameters": [name for name, p in training.model.named_parameters() if p in trained],
        "optimizer_and_scheduler": [type(training.optimizer).__name__, type(training.scheduler).__name__],
    }


def write_arrays(path: str | Path, kind: str, metadata: dict[str, Any], arrays: dict[str, np.ndarray]) -> Path:
    """Write arrays and JSON metadata to a file in one move: the old file or the new one, never half of one."""
    header = json.dumps({"kind": kind, "version": VERSION, **metadata}, default=lambda array: array.tolist())
    with replacing(path) as file:
        np.savez(file, allow_pickle=False, header=np.array(header), **arrays)
    return Path(path).resolve()


def read_arrays(path: str | Path, kind: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The metadata and arrays of a file of `write_arrays`; ValueError for anything that is not such a file."""
    path = Path(path)
    try:
        with open(path, "rb") as file:
            if not zipfile.is_zipfile(file):
                raise ValueError("it is no archive of arrays")
            file.seek(0)
            content = np.load(file, allow_pickle=False)
            if "header" not in content.files:
                raise ValueError("it has no header")
            arrays = {name: content[name] for name in content.files}
        header = json.loads(str(arrays.pop("header")))
        if not isinstance(header, dict):
            raise ValueError("its header is of another kind")
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except (OSError, ValueError, KeyError, EOFError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
        reason = "it holds Python objects, which are never loaded" if "allow_pickle" in str(error) else error
        raise ValueError(f"{path} is no file of this package, or is damaged: {reason}") from None
    if header.get("kind") != kind or header.get("version") != VERSION:
        found = f"{header.get('kind')} of version {header.get('version')}"
        raise ValueError(f"{path} holds a {found}, not a {kind} of version {VERSION}")
    return header, arrays
