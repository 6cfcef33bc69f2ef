"""What a model or a training run is, in words that are stored beside its numbers, so that no other takes them over."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import fields
from functools import partial
from typing import Any

import numpy as np

from nn.module import Module, options
from nn.optim.resumable import Resumable

Description = dict[str, str]
"""What something is made of: {"activation of layers.0": "tanh", ...}."""

_LONGEST = 80


def model_description(model: Module) -> Description:
    """The class of a model and of each of its parts, and their options: attributes that are no parameters or parts.

    >>> from nn import Dropout
    >>> model_description(Dropout(0.25))
    {'class of the model': 'Dropout', 'p of the model': '0.25'}
    """
    return {
        f"{name} of {path or 'the model'}": _text(option)
        for path, module in model.named_modules()
        for name, option in {"class": type(module), **options(module)}.items()
    }


def run_description(model: Module, parts: Mapping[str, Resumable | None], **given: Any) -> Description:
    """The model, the options of optimiser and scheduler (the `parts`), and whatever else a run is given, by name."""
    described = model_description(model)
    for part, resumable in parts.items():
        for field in fields(resumable)[1:] if resumable else ():
            # The learning rate moves, and an optimiser that has been used before is as good as a new one.
            if field.init and field.name != "lr":
                described[f"{field.name} of the {part}"] = _text(getattr(resumable, field.name))
    return described | {name: _text(option) for name, option in given.items()}


def difference(found: Mapping[str, str], mine: Mapping[str, str], owner: str) -> str:
    """How the description in a file differs from that of its `owner`, such as "model"; '' if it does not."""
    # An option that only one of them has may be what a module keeps from its last call.
    names = [
        name
        for name in {**mine, **found}
        if mine.get(name) != found.get(name) and ((name in mine and name in found) or name.startswith("class of "))
    ]
    if not names:
        return ""
    theirs, ours = (described.get(names[0], "no such part") for described in (found, mine))
    more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
    return f"{names[0]}: the file has {theirs}, the {owner} {ours}{more}"


def _text(option: Any) -> str:
    """An option in words that are the same in every process, and differ where numbers would."""
    if isinstance(option, np.ndarray) and option.dtype != object:
        return f"{option.dtype} array of shape {option.shape} with checksum {zlib.crc32(option.tobytes()):08x}"
    if isinstance(option, partial):
        text = f"{_text(option.func)} with {_text([*option.args, option.keywords])}"
    elif isinstance(option, Mapping):
        text = f"{{{', '.join(f'{_text(key)}: {_text(item)}' for key, item in option.items())}}}"
    elif isinstance(option, (list, tuple, np.ndarray)):
        text = f"[{', '.join(map(_text, option))}]"
    elif option is None or isinstance(option, (str, int, float, complex, np.generic)):
        text = str(option)
    else:
        # Never by repr(), which may have an address in it.
        text = getattr(option, "__name__", type(option).__name__)
    checksum = f"... with checksum {zlib.crc32(text.encode()):08x}"
    return text if len(text) <= _LONGEST else text[: _LONGEST - len(checksum)] + checksum
