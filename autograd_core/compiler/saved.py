"""What a saved program says to wrong arguments: functions that come along in its file, and run without this project."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_core.compiler.printing import plain_source

if TYPE_CHECKING:
    from autograd_core.compiler.signature import Signature


def length_of_batch(found: Any, shapes: Any, batches: Any) -> Any:
    """The length of the batch, or None, of arguments of the shapes `found`, where those in `batches` may have one."""
    names = ", ".join(shapes)
    if len(found) != len(shapes):
        raise ValueError(f"the program takes {names}: {len(shapes) - 1} input(s), got {len(found) - 1}")
    length = None
    for (name, shape), own in zip(shapes.items(), found, strict=True):
        if own == shape:
            continue
        if name not in batches:
            first = "; they are the first argument" if name == "parameters" else ""
            raise ValueError(f"{name} {'have' if first else 'has'} shape {shape}, got {own}{first}")
        if own[1:] != shape or len(own) != len(shape) + 1:
            whole = f"(batch, {', '.join(map(str, shape))})" if shape else "(batch,)"
            raise ValueError(f"{name} has shape {shape}, or {whole}, got {own}")
        if length not in (None, own[0]):
            raise ValueError(f"{name} is a batch of {own[0]} and an input before it one of {length}")
        length = own[0]
        if length == 0:
            raise ValueError(f"{name} is a batch of no samples, of which there is no mean")
    return length


def shape_of(name: str, numbers: Any) -> Any:
    """The shape of numbers in (nested) lists."""
    if isinstance(numbers, (float, int)):
        return ()
    inner = {shape_of(name, part) for part in numbers} if isinstance(numbers, (list, tuple)) else None
    if inner is None:
        raise TypeError(f"{name} must hold numbers in a rectangular arrangement, got {numbers!r}")
    if len(inner) > 1:
        raise ValueError(f"{name} must hold numbers in a rectangular arrangement")
    return (len(numbers), *inner.pop()) if inner else (0,)


def taking_lists(function: Callable[..., Any], shapes: Mapping[str, Any], batches: Sequence[str]) -> Any:
    """The function, which refuses arguments of other shapes, and takes arrays as well as lists."""

    def checked(*arguments: Any) -> Any:
        given = [one.tolist() if hasattr(one, "tolist") else one for one in arguments]
        names = [*shapes, *["an argument"] * len(given)]
        length_of_batch([shape_of(name, one) for name, one in zip(names, given, strict=False)], shapes, batches)
        return function(*given)

    checked.__doc__ = function.__doc__
    return checked


def taking_arrays(function: Callable[..., Any], shapes: Mapping[str, Any], batches: Sequence[str]) -> Any:
    """The function, which refuses arguments of other shapes, takes lists too, and gives each input a batch axis."""

    def checked(*arguments: Any) -> Any:
        given = []
        for name, one in zip([*shapes, *["an argument"] * len(arguments)], arguments, strict=False):
            try:
                array = np.asarray(one)
            except ValueError as error:
                raise ValueError(f"{name} must hold numbers in a rectangular arrangement: {error}") from None
            if array.dtype.kind not in "biuf":
                raise TypeError(f"{name} must hold numbers in a rectangular arrangement, got {array.dtype}")
            given.append(array.astype(float, copy=False))
        length = length_of_batch([one.shape for one in given], shapes, batches) or 1
        for place, (name, shape) in enumerate(shapes.items()):
            if name in batches and given[place].shape == shape:
                given[place] = np.broadcast_to(given[place], (length, *shape))
        return function(*given)

    checked.__doc__ = function.__doc__
    return checked


def with_checks(source: str, given: Signature, on_arrays: bool) -> str:
    """The source of a program, with functions behind it that check the arguments."""
    shapes = ", ".join(f"{name!r}: {shape}" for name, shape in zip(given.names, given.shapes, strict=True))
    batches = [name for name, batched in zip(given.names, given.batched, strict=True) if batched and on_arrays]
    taking = taking_arrays if on_arrays else taking_lists
    helpers = [length_of_batch, *([] if on_arrays else [shape_of]), taking]
    wrapped = f"{given.main} = {taking.__name__}({given.main}, {{{shapes}}}, {batches})\n"
    return "\n\n\n".join([source.rstrip(), *map(plain_source, helpers), wrapped])
