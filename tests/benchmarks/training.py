"""One training step on the two moons, in `nn.fit` with the eager engine and in micrograd's own `nn`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import nn
from tests.benchmarks.engine import Row, interleaved

SAMPLES, RATE, PENALTY = 100, 0.05, 1e-4


def ours(X: np.ndarray, y: np.ndarray, weights: list[float] | None = None) -> tuple[nn.MLP, Callable[[], Any]]:
    """A 2-16-16-1 network, and a step of it on all samples: hinge loss with a penalty on the weights."""
    model = nn.MLP(2, [16, 16, 1], rng=0)
    if weights:
        model.load_state_dict(dict(zip(model.state_dict(), weights, strict=True)))
    optimizer = nn.optim.SGD(model.parameters(), lr=RATE)

    def step() -> nn.History:
        return nn.fit(
            model, X, y, loss=nn.losses.hinge_loss, optimizer=optimizer, epochs=1, shuffle=False, progress=False,
            penalty=lambda: PENALTY * nn.losses.l2_penalty(model.parameters()), engine="eager",
        )  # fmt: skip

    return model, step


def micrograd(X: np.ndarray, y: np.ndarray) -> tuple[Any, Callable[[], Any]]:
    """The same in micrograd, as its demo writes it."""
    from micrograd.nn import MLP

    model = MLP(2, [16, 16, 1])

    def step() -> float:
        scores = [model(row) for row in X.tolist()]
        losses = [(1 + -target * score).relu() for score, target in zip(scores, y.tolist(), strict=True)]
        data_loss = sum(losses) * (1.0 / len(losses))
        total: Any = data_loss + PENALTY * sum(p * p for p in model.parameters())
        model.zero_grad()
        total.backward()
        for p in model.parameters():
            p.data -= RATE * p.grad
        return total.data

    return model, step


def moons() -> tuple[np.ndarray, np.ndarray]:
    """The samples, with labels -1 and 1."""
    X, y = nn.data.moons(SAMPLES, noise=0.1, rng=0)
    return X, 2 * y - 1


def step_times(repeats: int) -> list[Row]:
    """Time of a step in each, starting from the same weights."""
    X, y = moons()
    try:
        peer, peer_step = micrograd(X, y)
    except ImportError:
        runs = {"autograd-core, eager": ours(X, y)[1]}
    else:
        _, step = ours(X, y, [float(p.data) for p in peer.parameters()])
        runs = {"autograd-core, eager": step, "micrograd": peer_step}
    times = interleaved(list(runs.values()), repeats, passes=2)
    return [
        {"engine": name, "ms a step": f"{seconds * 1e3:,.1f}", "times ours": f"{seconds / times[0]:.1f}"}
        for name, seconds in zip(runs, times, strict=True)
    ]


def tables() -> Iterator[tuple[str, list[Row]]]:
    """The table, worked out when it is asked for."""
    yield "One step on 100 points of the two moons, 2-16-16-1, hinge loss", step_times(repeats=9)
