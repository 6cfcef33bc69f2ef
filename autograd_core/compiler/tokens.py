"""Inputs that choose by `lookup`, checked before a call, for backends that cannot raise in the middle of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from autograd_core.compiler.lowered import Lowered, Pick
from autograd_core.compiler.signature import Signature


@dataclass
class Tokens:
    """Which elements of what a program is given are tokens."""

    names: list[str]
    sizes: dict[int, np.ndarray]
    """For each source with tokens, of its shape, among how many entries each of its elements chooses; inf if none."""

    @classmethod
    def of(cls, lowered: Lowered, given: Signature) -> Tokens:
        """Those of a program. What is worked out from inputs before it chooses is not among them."""
        sizes: dict[int, np.ndarray] = {}
        for call in lowered.calls.values():
            source, position = lowered.leaves.get(call.operands[0], (-1, 0)) if isinstance(call, Pick) else (-1, 0)
            if 0 <= source < len(given.shapes):
                flat = sizes.setdefault(source, np.full(prod(given.shapes[source]), np.inf))
                flat[position] = min(flat[position], len(call.operands) - 1)
        return cls(given.names, {source: flat.reshape(given.shapes[source]) for source, flat in sizes.items()})

    def check(self, given: Sequence[np.ndarray]) -> None:
        """Raise ValueError unless all tokens are whole numbers in range; a source may have a batch axis in front."""
        for source, sizes in self.sizes.items():
            numbers = given[source]
            wrong = np.isfinite(sizes) & ~((numbers >= 0.0) & (numbers < sizes) & (numbers == np.floor(numbers)))
            if wrong.any():
                place = tuple(np.argwhere(wrong)[0].tolist())
                size = np.broadcast_to(sizes, numbers.shape)[place]
                raise ValueError(
                    f"{self.names[source]}{list(place) if place else ''} is {numbers[place]:g}: lookup chooses among "
                    f"{size:g} entries by a whole number from 0 to {size - 1:g}"
                )
