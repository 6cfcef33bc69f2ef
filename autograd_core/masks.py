"""Random masks as nodes, which a compiled program draws anew."""

from __future__ import annotations

from itertools import count
from typing import Any

from autograd_core.primitives import Primitive
from autograd_core.value import apply

_turns = count()


class Bernoulli(Primitive):
    """A source of random masks: each application draws 1 with probability `p`, else 0, from a NumPy Generator.

    A compiled program draws anew at each call, and for each sample of a batch.

    >>> import numpy as np
    >>> heads = Bernoulli(0.5, np.random.default_rng(0))
    >>> [heads().data for _ in range(4)]
    [0.0, 1.0, 1.0, 1.0]
    """

    def __init__(self, p: float, rng: Any) -> None:
        super().__init__("bernoulli", lambda: float(rng.random() < p), lambda out: (), domain=())
        self.p, self.rng = p, rng
        self.turn = next(_turns)
        """Of two sources, which was made first: each draw has its own, so that a program can draw in the same order."""

    def __call__(self, *operands: Any) -> Any:
        """Draw once, as a Value; there are no operands."""
        if operands:
            raise TypeError(f"bernoulli takes no operands, got {len(operands)}")
        return apply(Bernoulli(self.p, self.rng))

    def __reduce__(self) -> Any:
        return Bernoulli, (self.p, self.rng)
