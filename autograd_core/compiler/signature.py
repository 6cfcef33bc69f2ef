"""What a program is given, and how that is written in its source."""

from __future__ import annotations

from typing import Any, NamedTuple

from autograd_core.compiler.lowering import Lowered
from autograd_core.compiler.names import Names


class Signature(NamedTuple):
    """What a program is given, parameters first, and whether it has a single output."""

    names: list[str]
    shapes: list[tuple[int, ...]]
    single: bool

    @property
    def batched(self) -> bool:
        """Whether there are inputs, which is to say batches of them."""
        return len(self.names) > 1


def generators_of(lowered: Lowered, given: Signature) -> tuple[dict[str, Any], list[str]]:
    """The generators of the masks by name, and names for the masks."""
    names = Names(given.names)
    generators = {names.fresh("rng", numbered=True): generator for generator, _ in lowered.masks}
    return generators, [names.fresh("mask", numbered=True) for _ in generators]


def table(given: Signature, shapes: list[str]) -> list[tuple[str, str, str]]:
    """The rows of the arguments."""
    return [
        (name, shape, "input" if number else "flat")
        for number, (name, shape) in enumerate(zip(given.names, shapes, strict=True))
    ]


def shape_text(shape: tuple[int, ...], batched: bool = False) -> str:
    """A shape as it is written."""
    sizes = ["batch"] * batched + [str(n) for n in shape]
    return f"({', '.join(sizes)}{',' * (len(sizes) == 1)})"
