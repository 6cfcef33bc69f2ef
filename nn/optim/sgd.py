"""Stochastic gradient descent, plain and with momentum."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from nn.optim.optimizer import Optimizer, with_l2
from nn.optim.resumable import ANY_NUMBER


@dataclass(eq=False)
class SGD(Optimizer):
    """Gradient descent with momentum (Polyak 1964), or Nesterov's (1983), as in Bengio et al. 2012, section 3.5.

        g = gradient + weight_decay w
        v = momentum v + (1 - dampening) g      (v = g at the first step)
        w = w - lr v                            (w = w - lr (g + momentum v) with nesterov)

    >>> from autograd_core import Value
    >>> w = Value(1.0)
    >>> optimizer = SGD([w], lr=0.1, momentum=0.9)
    >>> for _ in range(2):
    ...     optimizer.zero_grad()
    ...     (5.0 * w).backward()
    ...     optimizer.step()
    ...     print(round(w, 6))
    0.5
    -0.45
    """

    momentum: float = 0.0
    """How much of the last step's direction is kept."""
    dampening: float = field(default=0.0, metadata=ANY_NUMBER)
    """How much of the gradient is held back from the direction."""
    weight_decay: float = 0.0
    """The factor of an L2 penalty, 0.5 * weight_decay * ||w||²."""
    nesterov: bool = False
    """Look ahead along the direction; wants momentum, and no dampening."""

    def check_options(self) -> None:
        """As in `Optimizer`, and nesterov needs momentum above 0 and dampening 0."""
        super().check_options()
        if self.nesterov and (self.momentum == 0.0 or self.dampening != 0.0):
            raise ValueError(
                "SGD needs momentum above 0 and dampening 0 for nesterov=True, "
                f"got momentum={self.momentum!r}, dampening={self.dampening!r}"
            )

    def update(self, parameters: np.ndarray, gradients: np.ndarray) -> np.ndarray:
        """One step of the formula above."""
        direction = with_l2(gradients, parameters, self.weight_decay)
        if self.momentum:
            share = 1.0 - self.dampening if "velocity" in self.state else 1.0
            velocity = self.state["velocity"] = self.momentum * self.state["velocity"] + share * direction
            direction = direction + self.momentum * velocity if self.nesterov else velocity
        return parameters - self.lr * direction
