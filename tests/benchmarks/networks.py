"""What the training steps of small networks have in common.

All start from the same weights, and the step of each goes on from where its last one ended. Where a library has
several ways to write a step, the benchmarks have the fastest of those tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import numpy as np

import nn
from tests.benchmarks.peers import Peer


def mlp(widths: tuple[int, ...]) -> tuple[nn.MLP, np.ndarray]:
    """A network and its parameters."""
    model = nn.MLP(widths[0], widths[1:], rng=0)
    return model, np.array([parameter.data for parameter in model.parameters()])


def arrays_of(widths: tuple[int, ...]) -> list[np.ndarray]:
    """The weights, of shape (inputs, outputs), and biases of the network, layer by layer."""
    return unlayered(mlp(widths)[1], widths)


def changing(arrays: list[Any], run: Callable[[], float]) -> Peer:
    """A step that returns the value and changes weights and biases in place."""
    return Peer(run, lambda value: np.append(value, layered(arrays)))


def layered(arrays: Iterable[Any]) -> np.ndarray:
    """Weights of shape (inputs, outputs) and biases, by turns, as the flat parameters of an `nn.MLP`."""
    separate = [np.asarray(array) for array in arrays]
    pairs = zip(separate[::2], separate[1::2], strict=True)
    return np.concatenate([np.column_stack([weights.T, biases]).ravel() for weights, biases in pairs])


def unlayered(parameters: np.ndarray, widths: Iterable[int]) -> list[np.ndarray]:
    """The weights and biases that `layered` makes these parameters of."""
    arrays = []
    for inputs, outputs in pairwise(widths):
        block, parameters = np.split(parameters, [outputs * (inputs + 1)])
        rows = block.reshape(outputs, inputs + 1)
        arrays += [rows[:, :-1].T.copy(), rows[:, -1].copy()]
    return arrays
