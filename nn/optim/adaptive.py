"""Methods that give each parameter a step size of its own, by the size of its past gradients.

Products are written in PyTorch's order, such as ``(1 - beta2) * g * g`` and not ``(1 - beta2) * g**2``, so that they
overflow and round where PyTorch's do.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from nn.optim.optimizer import Optimizer, namespace, with_l2
from nn.optim.resumable import ZERO_TO_BELOW_ONE, ZERO_TO_ONE


@dataclass(eq=False)
class Adagrad(Optimizer):
    """Duchi, Hazan and Singer 2011, "Adaptive subgradient methods for online learning".

        g = gradient + weight_decay w
        s = s + g²                              (s = initial_accumulator_value at the start)
        w = w - lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps)         at step t = 1, 2, ...

    >>> from autograd_core import Value
    >>> w = Value(1.0)
    >>> optimizer = Adagrad([w], lr=0.5)
    >>> (5.0 * w).backward()
    >>> optimizer.step()
    >>> round(w, 6)
    0.5
    """

    lr: float = 1e-2
    lr_decay: float = 0.0
    """How fast the learning rate itself goes down."""
    weight_decay: float = 0.0
    """The factor of an L2 penalty, 0.5 * weight_decay * ||w||²."""
    initial_accumulator_value: float = 0.0
    """Where the sum of squares begins."""
    eps: float = 1e-10
    """Keeps the division from one by zero."""

    def update(self, parameters: np.ndarray, gradients: np.ndarray) -> np.ndarray:
        """One step of the formula above."""
        xp, g = namespace(parameters), with_l2(gradients, parameters, self.weight_decay)
        lr = self.lr / (1.0 + self.state["step"] * self.lr_decay)
        self.state["step"] += 1.0
        total = self.state["square_sum"] = self.state.get("square_sum", self.initial_accumulator_value) + g**2
        return parameters - lr * g / (xp.sqrt(total) + self.eps)


@dataclass(eq=False)
class Adadelta(Optimizer):
    """Zeiler 2012, "ADADELTA: an adaptive learning rate method", algorithm 1.

        g = gradient + weight_decay w
        s = rho s + (1 - rho) g²
        d = sqrt(u + eps) / sqrt(s + eps) g
        u = rho u + (1 - rho) d²
        w = w - lr d

    >>> from autograd_core import Value
    >>> w = Value(1.0)
    >>> optimizer = Adadelta([w])
    >>> (5.0 * w).backward()
    >>> optimizer.step()
    >>> round(w, 6)
    0.996838
    """

    lr: float = 1.0
    rho: float = field(default=0.9, metadata=ZERO_TO_ONE)
    """How much of the mean squares is kept at each step."""
    eps: float = 1e-6
    """Keeps the division from one by zero, and starts the first steps."""
    weight_decay: float = 0.0
    """The factor of an L2 penalty, 0.5 * weight_decay * ||w||²."""

    def update(self, parameters: np.ndarray, gradients: np.ndarray) -> np.ndarray:
        """One step of the formula above."""
        xp, g = namespace(parameters), with_l2(gradients, parameters, self.weight_decay)
        square_mean = self.rho * self.state["square_mean"] + (1.0 - self.rho) * g * g
        step = xp.sqrt(self.state["square_step_mean"] + self.eps) / xp.sqrt(square_mean + self.eps) * g
        self.state["square_mean"] = square_mean
        self.state["square_step_mean"] = self.rho * self.state["square_step_mean"] + (1.0 - self.rho) * step * step
        return parameters - self.lr * step


@dataclass(eq=False)
class RMSprop(Optimizer):
    """Tieleman and Hinton 2012, lecture 6.5 of "Neural networks for machine learning"; centered: Graves 2013.

        g = gradient + weight_decay w
        s = alpha s + (1 - alpha) g²
        m = alpha m + (1 - alpha) g             (m = 0 unless centered)
        d = g / (sqrt(s - m²) + eps)
        v = momentum v + d
        w = w - lr v

    A variance s - m² that rounding has made negative counts as 0, where PyTorch's step is nan.

    >>> from autograd_core import Value
    >>> w = Value(1.0)
    >>> optimizer = RMSprop([w])
    >>> (5.0 * w).backward()
    >>> optimizer.step()
    >>> round(w, 6)
    0.9
    """

    lr: float = 1e-2
    alpha: float = 0.99
    """How much of the means is kept at each step."""
    eps: float = 1e-8
    """Keeps the division from one by zero."""
    weight_decay: float = 0.0
    """The factor of an L2 penalty, 0.5 * weight_decay * ||w||²."""
    momentum: float = 0.0
    """How much of the last step's direction is kept."""
    centered: bool = False
    """Divide by the standard deviation of the gradients, not by their root mean square."""

    def update(self, parameters: np.ndarray, gradients: np.ndarray) -> np.ndarray:
        """One step of the formula above."""
        xp, g = namespace(parameters), with_l2(gradients, parameters, self.weight_decay)
        square = self.state["square_mean"] = self.alpha * self.state["square_mean"] + (1.0 - self.alpha) * g * g
        if self.centered:
            mean = self.state["mean"] = self.alpha * self.state["mean"] + (1.0 - self.alpha) * g
            # A square that overflowed stays infinite, although the mean's may have overflowed with it.
            square = xp.where(xp.isinf(square), square, xp.maximum(square - mean * mean, 0.0))
        direction = g / (xp.sqrt(square) + self.eps)
        if self.momentum:
            direction = self.state["velocity"] = self.momentum * self.state["velocity"] + direction
        return parameters - self.lr * direction


@dataclass(eq=False)
class Adam(Optimizer):
    """Kingma and Ba 2015, "Adam: a method for stochastic optimization"; amsgrad: Reddi, Kale and Kumar 2018.

        g = gradient + weight_decay w
        m = beta1 m + (1 - beta1) g
        s = beta2 s + (1 - beta2) g²            (with amsgrad the largest s so far is used below)
        w = w - lr m / (1 - beta1^t) / (sqrt(s / (1 - beta2^t)) + eps)  at step t = 1, 2, ...

    >>> from autograd_core import Value
    >>> w = Value(1.0)
    >>> optimizer = Adam([w], lr=0.1)
    >>> (5.0 * w).backward()
    >>> optimizer.step()
    >>> round(w, 6)
    0.9
    """

    betas: tuple[float, float] = field(default=(0.9, 0.999), metadata=ZERO_TO_BELOW_ONE)
    """How much of the mean gradient and of the mean square is kept at each step."""
    eps: float = 1e-8
    """Keeps the division from one by zero."""
    weight_decay: float = 0.0
    """The factor of an L2 penalty, 0.5 * weight_decay * ||w||²."""
    amsgrad: bool = False
    """Divide by the largest mean square so far, so that one large gradient is remembered for good."""

    def update(self, parameters: np.ndarray, gradients: np.ndarray) -> np.ndarray:
        """One step of the formula above."""
        return self._moved(parameters, with_l2(gradients, parameters, self.weight_decay))

    def _moved(self, parameters: np.ndarray, g: np.ndarray) -> np.ndarray:
        xp, state, (beta1, beta2) = namespace(parameters), self.state, self.betas
        state["step"] += 1.0
        mean = state["mean"] = beta1 * state["mean"] + (1.0 - beta1) * g
        square = state["square_mean"] = beta2 * state["square_mean"] + (1.0 - beta2) * g * g
        if self.amsgrad:
            square = state["largest_square_mean"] = xp.maximum(state["largest_square_mean"], square)
        # Taken out of the root and the mean, the corrections are numbers, and the sum rounds as in PyTorch.
        denominator = xp.sqrt(square) / xp.sqrt(1.0 - beta2 ** state["step"]) + self.eps
        return parameters - self.lr / (1.0 - beta1 ** state["step"]) * mean / denominator


@dataclass(eq=False)
class AdamW(Adam):
    """Loshchilov and Hutter 2019, "Decoupled weight decay regularization".

    Adam whose weight decay shrinks the parameters directly, past the division by the root mean square:

        w = (1 - lr weight_decay) w,  then Adam's step along the plain gradient

    >>> from autograd_core import Value
    >>> w = Value(1.0)
    >>> optimizer = AdamW([w], lr=0.1, weight_decay=0.5)
    >>> (5.0 * w).backward()
    >>> optimizer.step()
    >>> round(w, 6)
    0.85
    """

    weight_decay: float = 1e-2
    """How fast parameters shrink, in units of the learning rate."""

    def update(self, parameters: np.ndarray, gradients: np.ndarray) -> np.ndarray:
        """One step of the formula above."""
        return self._moved((1.0 - self.lr * self.weight_decay) * parameters, gradients)
