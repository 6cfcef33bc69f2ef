"""One step of gradient descent on the two moons, compiled here, by hand and in other libraries."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

import nn
from autograd_core import Value, collector_paused, compile
from autograd_core.compiler.choice import Backend
from tests.benchmarks import training
from tests.benchmarks.engine import Row
from tests.benchmarks.networks import arrays_of, changing, layered, mlp
from tests.benchmarks.peers import Makers, Peer, compared, flat, jax_in_float64
from tests.benchmarks.training import PENALTY, RATE

WIDTHS = (2, 16, 16, 1)


def unrolled(X: np.ndarray, y: np.ndarray) -> Peer:
    """All samples recorded in one graph, of which they are constants."""
    model, parameters = mlp(WIDTHS)
    with collector_paused():
        losses = [nn.losses.hinge_loss(model(x), target) for x, target in zip(X.tolist(), y.tolist(), strict=True)]
        mean = sum(losses[1:], losses[0]) / len(losses)
        program = compile(mean + PENALTY * nn.losses.l2_penalty(model.parameters()), [], model.parameters())

    def run() -> tuple[float, np.ndarray]:
        nonlocal parameters
        value, gradient = program.value_and_grad(parameters)
        parameters = parameters - RATE * gradient
        return value, parameters

    return Peer(run, flat)


def batched(X: np.ndarray, y: np.ndarray, backend: Backend = "auto") -> Peer:
    """One sample recorded, and its program called with all."""
    model, parameters = mlp(WIDTHS)
    x, target = [Value(0.0), Value(0.0)], Value(1.0)
    loss = nn.losses.hinge_loss(model(x), target) + PENALTY * nn.losses.l2_penalty(model.parameters())
    program = compile(loss, [x, target], model.parameters(), backend)

    def run() -> tuple[float, np.ndarray]:
        nonlocal parameters
        value, gradient = program.value_and_grad(parameters, X, y)
        parameters = parameters - RATE * gradient
        return value, parameters

    return Peer(run, flat)


def by_hand(X: np.ndarray, y: np.ndarray) -> Peer:
    arrays = W1, b1, W2, b2, W3, b3 = arrays_of(WIDTHS)
    slopes = -y[:, None] / len(X)
    targets = y[:, None]

    def run() -> float:
        hidden1 = np.maximum(X @ W1 + b1, 0.0)
        hidden2 = np.maximum(hidden1 @ W2 + b2, 0.0)
        margins = np.maximum(1.0 - targets * (hidden2 @ W3 + b3), 0.0)
        value = margins.sum() / len(X) + PENALTY * sum(np.vdot(array, array) for array in arrays)

        d_scores = slopes * (margins > 0.0)
        d_hidden2 = d_scores @ W3.T * (hidden2 > 0.0)
        d_hidden1 = d_hidden2 @ W2.T * (hidden1 > 0.0)
        gradients = (
            X.T @ d_hidden1, d_hidden1.sum(0), hidden1.T @ d_hidden2, d_hidden2.sum(0), hidden2.T @ d_scores,
            d_scores.sum(0),
        )  # fmt: skip
        for array, gradient in zip(arrays, gradients, strict=True):
            array -= RATE * (gradient + 2.0 * PENALTY * array)
        return value

    return changing(arrays, run)


def micrograd(X: np.ndarray, y: np.ndarray) -> Peer:
    model, step = training.micrograd(X, y)
    for parameter, number in zip(model.parameters(), mlp(WIDTHS)[1].tolist(), strict=True):
        parameter.data = number
    return Peer(step, lambda value: np.array([value, *(parameter.data for parameter in model.parameters())]))


def pytorch(X: np.ndarray, y: np.ndarray, joined: bool = False) -> Peer:
    torch = import_module("torch")
    samples, targets = torch.tensor(X), torch.tensor(y)[:, None]
    arrays = W1, b1, W2, b2, W3, b3 = [torch.tensor(array, requires_grad=True) for array in arrays_of(WIDTHS)]

    def run() -> float:
        hidden = torch.relu(torch.addmm(b1, samples, W1))
        hidden = torch.relu(torch.addmm(b2, hidden, W2))
        losses = torch.relu(1.0 - targets * torch.addmm(b3, hidden, W3))
        if joined:
            squares = torch.cat([array.view(-1) for array in arrays]).square().sum()
        else:
            squares = sum((array * array).sum() for array in arrays)
        loss = losses.mean() + PENALTY * squares
        with torch.no_grad():
            for array, gradient in zip(arrays, torch.autograd.grad(loss, arrays), strict=True):
                array.sub_(gradient, alpha=RATE)
        return loss.item()

    return changing([array.detach() for array in arrays], run)


def jax_jit(X: np.ndarray, y: np.ndarray) -> Peer:
    jax = jax_in_float64()
    samples, targets = jax.numpy.asarray(X), jax.numpy.asarray(y)[:, None]

    def loss(arrays: list[Any]) -> Any:
        W1, b1, W2, b2, W3, b3 = arrays
        hidden = jax.nn.relu(jax.nn.relu(samples @ W1 + b1) @ W2 + b2)
        losses = jax.nn.relu(1.0 - targets * (hidden @ W3 + b3))
        return losses.mean() + PENALTY * sum((array * array).sum() for array in arrays)

    @jax.jit
    def step(arrays: list[Any]) -> tuple[Any, list[Any]]:
        value, gradients = jax.value_and_grad(loss)(arrays)
        return value, [array - RATE * gradient for array, gradient in zip(arrays, gradients, strict=True)]

    arrays = [jax.numpy.asarray(array) for array in arrays_of(WIDTHS)]

    def run() -> tuple[float, list[Any]]:
        nonlocal arrays
        value, arrays = jax.block_until_ready(step(arrays))
        return float(value), arrays

    return Peer(run, lambda returned: np.append(returned[0], layered(returned[1])))


def makers(samples: int) -> Makers:
    """A step of plain gradient descent on the two moons."""
    X, y = (array[:samples] for array in training.moons())
    steps = {
        "autograd-core, one sample recorded": batched,
        "autograd-core, all samples recorded": unrolled,
        "NumPy by hand": by_hand,
        "PyTorch": pytorch,
        "PyTorch, penalty on all weights joined": partial(pytorch, joined=True),
        "jax.jit": jax_jit,
        "micrograd": micrograd,
    }
    return {name: partial(make, X, y) for name, make in steps.items()}


def tables() -> Iterator[tuple[str, list[Row]]]:
    """The table, worked out when it is asked for."""
    title = "One step on 100 points of the two moons, 2-16-16-1, hinge loss and penalty, gradient descent"
    yield compared(title, makers(100), repeats=15, unit="step")
