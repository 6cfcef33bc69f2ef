"""Files of models and training runs: arrays and a header of JSON in one .npz, without pickle.

The format, version 1. A file is a ZIP archive as `numpy.savez` makes it: members that are stored and not compressed,
no two of one name, each an array in NumPy's .npy format 1.0 and named after it, as in ``values.npy``. Arrays hold
numbers or text. ``header`` is text of shape (), a JSON object with ``kind`` ("model" or "checkpoint") and ``version``,
and what else is said here. A reader ignores names that it does not know, so that what is new may be added; what changes
the meaning of the old gets another version.

A model has

- ``names``, text of shape (count,): the paths of the parameters, each once;
- ``values``, float64 of shape (count,): their numbers, which may be infinite or nan;
- ``description`` in the header: what the model is, as `nn.description` puts it, ``{"class of the model": "MLP", ...}``.

What a checkpoint has is said in `nn.checkpoints`.
"""

from __future__ import annotations

import io
import json
import math
import os
import zipfile
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np

from autograd_core.files import replacing
from nn.description import Description, difference, model_description
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
    if len(state) < len(names):
        raise ValueError(f"{path} is damaged: two of its parameters have one name")
    try:
        if strict and state.keys() == model.state_dict().keys():
            require_same(header, model_description(model), "model")
        model.load_state_dict(state)
    except ValueError as error:
        raise ValueError(f"{path} holds another model: {error}") from None
    return model


def require_same(header: dict[str, Any], mine: Description, owner: str) -> None:
    """Raise ValueError unless the description in a file is mine; earlier files of this version have none."""
    found = header.get("description", mine)
    if not isinstance(found, dict):
        raise ValueError("its description is damaged")
    differing = difference(found, mine, owner)
    if differing:
        raise ValueError(f"{differing}; give strict=False to take it all the same")


def write_arrays(path: str | Path, kind: str, metadata: dict[str, Any], arrays: dict[str, np.ndarray]) -> Path:
    """Write arrays and JSON metadata to a file in one move: the old file or the new one, never half of one."""
    header = json.dumps({"kind": kind, "version": VERSION, **metadata}, default=lambda array: array.tolist())
    with replacing(path) as file:
        np.savez(file, allow_pickle=False, header=np.array(header), **arrays)
    return Path(path).resolve()


def read_arrays(path: str | Path, kind: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The metadata and arrays of a file of `write_arrays`; ValueError for anything that is not such a file."""
    with open(path, "rb") as file:
        try:
            arrays = _arrays(file)
            if "header" not in arrays:
                raise ValueError("it has no header")
            header = json.loads(str(arrays.pop("header")))
            if not isinstance(header, dict):
                raise ValueError("its header is of another kind")
        except Exception as error:  # there is hardly one that a damaged archive does not lead to
            reason = str(error) or type(error).__name__
            raise ValueError(f"{path} is no file of this package, or is damaged: {reason}") from None
    if header.get("kind") != kind or header.get("version") != VERSION:
        found = f"{header.get('kind')} of version {header.get('version')}"
        raise ValueError(f"{path} holds a {found}, not a {kind} of version {VERSION}")
    return header, arrays


def _arrays(file: BinaryIO) -> dict[str, np.ndarray]:
    """The arrays of an archive by their names, in no more memory than the file has bytes."""
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        names = [member.filename.removesuffix(".npy") for member in members]
        if len(set(names)) < len(names):
            raise ValueError("two of its arrays have one name")
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise ValueError("it is compressed, which files of this package are not")
        if sum(member.file_size for member in members) > os.fstat(file.fileno()).st_size:
            raise ValueError("its arrays claim to be larger than the file")
        return {name: _array(archive.read(member)) for name, member in zip(names, members, strict=True)}


def _array(content: bytes) -> np.ndarray:
    """An array in NumPy's .npy format 1.0."""
    stream = io.BytesIO(content)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError("it has an array in another format than .npy 1.0")
    shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are never loaded")
    size, start = math.prod(shape), stream.tell()
    # More items than bytes: texts of no letters, which take none.
    if dtype.kind not in "biufcU" or size > len(content) or size * dtype.itemsize != len(content) - start:
        raise ValueError(f"it has an array of shape {shape} and type {dtype} in {len(content) - start} bytes")
    return np.ndarray(shape, dtype, content, start, order="F" if is_fortran else "C").copy()
