"""The optimiser's half of training: read gradients, move parameters. Each method is one formula on arrays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from autograd_core import Value
from autograd_core.value import number_of
from nn.optim.resumable import Resumable, StateDict

_STATE = "state."


@dataclass(eq=False)
class Optimizer(Resumable, ABC):
    """Moves parameters against their gradients; the base of every method.

    A method of your own is a dataclass of its options with the formula as `update`. What it keeps from
    step to step (numbers, and arrays of shape (count,)) goes by name into `state`, where every entry begins
    as 0.0 and so takes the shape of what is first added to it. `update` must make all its entries at the
    first call: `load_state_dict` calls it once on zeros to learn what belongs in a state. Functions taken from the
    `namespace` of the parameters make it run in JAX too, on the devices of ``fit(engine="jax")``; it may then branch
    on its options, but not on numbers.

    >>> @dataclass(eq=False)
    ... class Lion(Optimizer):  # Chen et al. 2023, "Symbolic discovery of optimization algorithms"
    ...     lr: float = 1e-4
    ...     betas: tuple[float, float] = (0.9, 0.99)
    ...
    ...     def update(self, parameters, gradients):
    ...         xp, (beta1, beta2) = namespace(parameters), self.betas
    ...         mean = self.state["mean"]
    ...         self.state["mean"] = beta2 * mean + (1 - beta2) * gradients
    ...         return parameters - self.lr * xp.sign(beta1 * mean + (1 - beta1) * gradients)
    >>> w = Value(3.0)
    >>> optimizer = Lion([w], lr=0.5)
    >>> (w * w).backward()
    >>> optimizer.step()
    >>> w.data, optimizer.state["mean"].round(6)
    (2.5, array([0.06]))

    Arithmetic follows IEEE 754 without warnings: a gradient of inf or nan makes parameters inf or nan.

    Making one raises ValueError if there are no parameters, if one is there twice or is the result of an
    operation, TypeError if one is no Value, and what `check_options` raises for the options.
    """

    parameters: Iterable[Value] = field(repr=False)
    """The leaves to move, given as any iterable and kept as a list."""
    lr: float = 1e-3
    """The learning rate: how far a step goes. May be set at any time, as schedules do."""

    def __init_subclass__(cls) -> None:
        """Silence NumPy's warnings in each `update`, wherever it is called from."""
        super().__init_subclass__()
        if "update" in vars(cls):
            cls.update = np.errstate(all="ignore")(cls.update)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.parameters = leaves(self.parameters, type(self).__name__)
        self.state: defaultdict[str, Any] = defaultdict(float)

    @abstractmethod
    def update(self, parameters: np.ndarray, gradients: np.ndarray) -> np.ndarray:
        """The parameters after one step from `parameters` along `gradients`, all float64 of shape (count,).

        Changes `state` and leaves its arguments alone.
        """

    def step(self) -> None:
        """Move every parameter by its `grad`."""
        parameters = np.array([leaf.data for leaf in self.parameters], dtype=float)
        gradients = gradients_of(self.parameters)
        moved = self.update(parameters, gradients)
        if moved.shape != parameters.shape:
            raise ValueError(
                f"{type(self).__name__}.update returned shape {moved.shape} for parameters of shape {parameters.shape}"
            )
        for leaf, number in zip(self.parameters, moved.tolist(), strict=True):
            leaf.data = number

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0.0, as before each backward pass."""
        for leaf in self.parameters:
            leaf.grad = 0.0

    def state_dict(self) -> StateDict:
        """Options by their names and what `update` keeps as ``state.<name>``, in a flat dict of copies.

        Parameters are not in it; they are the model's to save.
        """
        return super().state_dict() | {f"{_STATE}{name}": _copied(entry) for name, entry in self.state.items()}

    def copied(self) -> Self:
        """A copy that moves the same parameters and has a state of its own."""
        other = super().copied()
        other.set_state(self.state)
        return other

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Keep copies of numbers and arrays, by name, as what `update` goes on from."""
        self.state = defaultdict(float, {name: _copied(entry) for name, entry in state.items()})

    def _load(self, state_dict: Mapping[str, Any]) -> None:
        options = {name: value for name, value in state_dict.items() if not name.startswith(_STATE)}
        self.state = defaultdict(float)
        super()._load(options)
        if len(options) == len(state_dict):
            return
        # What belongs in the state depends on the options, and the formula itself knows best.
        zeros = np.zeros_like(gradients_of(self.parameters))
        self.update(zeros, zeros)
        self._require_same_shapes(self.state_dict(), state_dict)
        self.state.update({name: _copied(state_dict[f"{_STATE}{name}"]) for name in self.state})


def _copied(entry: Any) -> Any:
    array = np.array(entry)
    return array if array.ndim else array.item()


def leaves(parameters: Iterable[Value], taker: str) -> list[Value]:
    """The parameters as a list.

    Raises TypeError if one is no Value, and ValueError if there is none, if one is the result of an
    operation or if one is there twice, saying which and naming `taker`.
    """
    if isinstance(parameters, Value):
        raise TypeError(f"{taker} takes a list of parameters, got one Value; put it in brackets")
    if not isinstance(parameters, Iterable):
        kind = type(parameters).__name__
        raise TypeError(f"{taker} takes a list of parameters, such as model.parameters(), got {kind}")
    listed = list(parameters)
    if not listed:
        raise ValueError(f"{taker} got no parameters (an iterator gives its items only once)")
    position: dict[Value, int] = {}
    for index, leaf in enumerate(listed):
        if not isinstance(leaf, Value):
            raise TypeError(f"{taker} takes Values as parameters, got {type(leaf).__name__} at position {index}")
        if leaf.op is not None:
            raise ValueError(
                f"{taker} takes leaves as parameters, got the result of {leaf.op.name} at position {index}"
            )
        if leaf in position:
            raise ValueError(f"{taker} got the same parameter at positions {position[leaf]} and {index}")
        position[leaf] = index
    return listed


def gradients_of(parameters: Iterable[Value]) -> np.ndarray:
    """The gradients as a float64 array of shape (count,); those that are Values by their data, None as 0."""
    return np.array([0.0 if leaf.grad is None else number_of(leaf.grad) for leaf in parameters])


def namespace(array: Any) -> Any:
    """The module whose functions an array goes through, `numpy` or `jax.numpy`, by the array API standard.

    >>> namespace(np.zeros(3)) is np
    True
    """
    return array.__array_namespace__()


def with_l2(gradients: np.ndarray, parameters: np.ndarray, weight_decay: float) -> np.ndarray:
    """The gradients of the loss plus 0.5 * weight_decay * ||parameters||²."""
    # Left out when 0, where 0 * inf would make a nan.
    return gradients + weight_decay * parameters if weight_decay else gradients
