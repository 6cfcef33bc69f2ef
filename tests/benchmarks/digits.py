"""One step of Adam on samples in the shape of handwritten digits, compiled here, by hand and in other libraries."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

import nn
from autograd_core import Value, collector_paused, compile
from autograd_core.compiler.choice import Backend
from tests.benchmarks.engine import Row
from tests.benchmarks.networks import arrays_of, changing, layered, mlp
from tests.benchmarks.peers import Makers, Peer, compared, flat, jax_in_float64

WIDTHS = (64, 32, 10)
RATE, BETA1, BETA2, EPSILON = 1e-3, 0.9, 0.999, 1e-8


def samples_like_digits(samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Random numbers and labels in the shape of handwritten digits."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(samples, WIDTHS[0])), rng.integers(WIDTHS[-1], size=samples)


def compiled(X: np.ndarray, y: np.ndarray, backend: Backend = "auto") -> Peer:
    """One sample recorded, its label a Value, and its program called with all."""
    model, parameters = mlp(WIDTHS)
    x, label = [Value(0.0) for _ in range(WIDTHS[0])], Value(0.0)
    with collector_paused():
        program = compile(nn.losses.cross_entropy(model(x), label), [x, label], model.parameters(), backend)
    adam = nn.optim.Adam(model.parameters(), lr=RATE, betas=(BETA1, BETA2), eps=EPSILON)

    def run() -> tuple[float, np.ndarray]:
        nonlocal parameters
        value, gradient = program.value_and_grad(parameters, X, y)
        parameters = adam.update(parameters, gradient)
        return value, parameters

    return Peer(run, flat)


def by_hand(X: np.ndarray, y: np.ndarray) -> Peer:
    arrays = W1, b1, W2, b2 = arrays_of(WIDTHS)
    means, squares = ([np.zeros_like(array) for array in arrays] for _ in range(2))
    rows, steps = np.arange(len(X)), 0

    def run() -> float:
        nonlocal steps
        hidden = np.maximum(X @ W1 + b1, 0.0)
        logits = hidden @ W2 + b2
        logits -= logits.max(1, keepdims=True)
        powers = np.exp(logits)
        totals = powers.sum(1, keepdims=True)
        value = (np.log(totals[:, 0]) - logits[rows, y]).sum() / len(X)

        d_logits = powers / totals
        d_logits[rows, y] -= 1.0
        d_logits /= len(X)
        d_hidden = d_logits @ W2.T * (hidden > 0.0)
        gradients = X.T @ d_hidden, d_hidden.sum(0), hidden.T @ d_logits, d_logits.sum(0)

        steps += 1
        rate, correction = RATE / (1.0 - BETA1**steps), (1.0 - BETA2**steps) ** 0.5
        for array, gradient, mean, square in zip(arrays, gradients, means, squares, strict=True):
            mean *= BETA1
            mean += (1.0 - BETA1) * gradient
            square *= BETA2
            square += (1.0 - BETA2) * gradient * gradient
            array -= rate * mean / (np.sqrt(square) / correction + EPSILON)
        return value

    return changing(arrays, run)


def pytorch(X: np.ndarray, y: np.ndarray, fused: bool = False) -> Peer:
    torch = import_module("torch")
    samples, labels = torch.tensor(X), torch.tensor(y)
    arrays = W1, b1, W2, b2 = [torch.tensor(array, requires_grad=True) for array in arrays_of(WIDTHS)]
    adam = torch.optim.Adam(arrays, lr=RATE, betas=(BETA1, BETA2), eps=EPSILON, fused=fused or None)

    def run() -> float:
        hidden = torch.relu(torch.addmm(b1, samples, W1))
        loss = torch.nn.functional.cross_entropy(torch.addmm(b2, hidden, W2), labels)
        adam.zero_grad()
        loss.backward()
        adam.step()
        return loss.item()

    return changing([array.detach() for array in arrays], run)


def jax_jit(X: np.ndarray, y: np.ndarray) -> Peer:
    jax = jax_in_float64()
    tree = jax.tree_util.tree_map
    samples, rows = jax.numpy.asarray(X), jax.numpy.arange(len(X))

    def loss(arrays: list[Any]) -> Any:
        W1, b1, W2, b2 = arrays
        return -jax.nn.log_softmax(jax.nn.relu(samples @ W1 + b1) @ W2 + b2)[rows, y].mean()

    @jax.jit
    def step(steps: Any, arrays: Any, means: Any, squares: Any) -> tuple[Any, Any]:
        value, gradients = jax.value_and_grad(loss)(arrays)
        means = tree(lambda mean, gradient: BETA1 * mean + (1.0 - BETA1) * gradient, means, gradients)
        squares = tree(lambda square, gradient: BETA2 * square + (1.0 - BETA2) * gradient**2, squares, gradients)
        rate, correction = RATE / (1.0 - BETA1**steps), (1.0 - BETA2**steps) ** 0.5

        def moved(array: Any, mean: Any, square: Any) -> Any:
            return array - rate * mean / (jax.numpy.sqrt(square) / correction + EPSILON)

        return value, (steps + 1.0, tree(moved, arrays, means, squares), means, squares)

    start = [jax.numpy.asarray(array) for array in arrays_of(WIDTHS)]
    state = (jax.numpy.asarray(1.0), start, tree(jax.numpy.zeros_like, start), tree(jax.numpy.zeros_like, start))

    def run() -> tuple[float, list[Any]]:
        nonlocal state
        value, state = jax.block_until_ready(step(*state))
        return float(value), state[1]

    return Peer(run, lambda returned: np.append(returned[0], layered(returned[1])))


def makers(samples: int) -> Makers:
    """A step of Adam on samples like digits."""
    X, y = samples_like_digits(samples)
    steps = {
        "autograd-core, one sample recorded": compiled,
        "NumPy by hand": by_hand,
        "PyTorch": pytorch,
        "PyTorch, fused Adam": partial(pytorch, fused=True),
        "jax.jit": jax_jit,
    }
    return {name: partial(make, X, y) for name, make in steps.items()}


def tables() -> Iterator[tuple[str, list[Row]]]:
    """The table, worked out when it is asked for."""
    yield compared("One step on 64 samples, 64-32-10, cross entropy, Adam", makers(64), repeats=15, unit="step")
