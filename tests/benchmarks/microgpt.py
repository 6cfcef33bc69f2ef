"""A training step of microgpt's GPT, Adam included: on scalar nodes, one text as it is, and compiled; and elsewhere.

One layer with 4 heads of 4 dimensions, a vocabulary of 27 and room for 16 tokens make 4,192 parameters. All peers run
in one process, each goes on training from step to step, and the first of them is the fastest way of running ours. The
lean Value takes the tokens as indices, and so does our eager step; our programs look them up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from time import perf_counter
from typing import Any

import numpy as np

from autograd_core import Value, collector_paused, compile, functions, lookup
from nn.optim import Adam
from tests.benchmarks.engine import Row
from tests.benchmarks.lean import Lean
from tests.benchmarks.peers import Makers, Peer, compared, figure, flat, jax_in_float64
from tests.benchmarks.transformer import HEADS, SCALE, SHAPES, VOCABULARY, WIDTH, Matrices, Signals, dot, linear

ROOM, TOKENS = 16, 8
EPSILON = 1e-5
SIZES = {**SHAPES, "position": (ROOM, WIDTH)}
RATE, BETAS, SMALL = 0.01, (0.85, 0.99), 1e-8


def weights() -> dict[str, np.ndarray]:
    """The matrices that all begin with."""
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=shape) * 0.08 for name, shape in SIZES.items()}


def texts(batch: int | None, tokens: int = TOKENS) -> tuple[np.ndarray, np.ndarray]:
    """Random tokens and the ones that follow them, each of shape (tokens,) or (batch, tokens)."""
    shape = () if batch is None else (batch,)
    drawn = np.random.default_rng(1).integers(VOCABULARY, size=(*shape, tokens + 1))
    return drawn[..., :-1], drawn[..., 1:]


def rms(x: Signals) -> Signals:
    scale = (dot(x, x) / len(x) + EPSILON) ** -0.5
    return [number * scale for number in x]


def lean_softmax(logits: Signals) -> Signals:
    largest = max(number.data for number in logits)
    powers = [(number - largest).exp() for number in logits]
    total = sum(powers[1:], powers[0])
    return [power / total for power in powers]


def loss_of(
    w: dict[str, list[Signals]], tokens: Any, targets: Any, softmax: Callable[[Signals], Signals], look: Any
) -> Any:
    """The mean loss of the tokens of one text."""
    keys, values, losses = [], [], []
    for place, (token, target) in enumerate(zip(tokens, targets, strict=True)):
        x = rms([a + b for a, b in zip(look(w["token"], token), w["position"][place], strict=True)])
        residual, x = x, rms(x)
        query = linear(x, w["query"])
        keys.append(linear(x, w["key"]))
        values.append(linear(x, w["value"]))
        mixed: Signals = []
        for start in range(0, WIDTH, WIDTH // HEADS):
            part = slice(start, start + WIDTH // HEADS)
            shares = softmax([dot(query[part], key[part]) * SCALE for key in keys])
            mixed += [dot(shares, list(column)) for column in zip(*(value[part] for value in values), strict=True)]
        residual = [a + b for a, b in zip(linear(mixed, w["mixed"]), residual, strict=True)]
        hidden = [number.relu() for number in linear(rms(residual), w["wider"])]
        x = [a + b for a, b in zip(linear(hidden, w["narrower"]), residual, strict=True)]
        losses.append(-look(softmax(linear(x, w["logits"])), target).log())
    return sum(losses[1:], losses[0]) / len(losses)


def nodes(value: Callable[[float], Any]) -> tuple[dict[str, list[Signals]], Signals]:
    """The weights as nodes of a kind, by matrix and one after the other."""
    w = {name: [[value(number) for number in row] for row in matrix.tolist()] for name, matrix in weights().items()}
    return w, [parameter for matrix in w.values() for row in matrix for parameter in row]


def index(table: Any, token: int) -> Any:
    return table[token]


def lean(tokens: np.ndarray, targets: np.ndarray) -> Peer:
    w, parameters = nodes(Lean)
    first, second, steps = [0.0] * len(parameters), [0.0] * len(parameters), 0

    def run() -> tuple[float, list[float]]:
        nonlocal steps
        loss = loss_of(w, tokens.tolist(), targets.tolist(), lean_softmax, index)
        loss.backward()
        steps += 1
        for k, parameter in enumerate(parameters):
            first[k] = BETAS[0] * first[k] + (1.0 - BETAS[0]) * parameter.grad
            second[k] = BETAS[1] * second[k] + (1.0 - BETAS[1]) * parameter.grad**2
            mean, square = first[k] / (1.0 - BETAS[0] ** steps), second[k] / (1.0 - BETAS[1] ** steps)
            parameter.data -= RATE * mean / (square**0.5 + SMALL)
            parameter.grad = 0.0
        return loss.data, [parameter.data for parameter in parameters]

    return Peer(run, flat)


def eager(tokens: np.ndarray, targets: np.ndarray) -> Peer:
    w, parameters = nodes(Value)
    optimizer = Adam(parameters, lr=RATE, betas=BETAS, eps=SMALL)

    def run() -> tuple[float, list[float]]:
        loss = loss_of(w, tokens.tolist(), targets.tolist(), functions.softmax, index)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.data, [parameter.data for parameter in parameters]

    return Peer(run, flat)


def program(backend: Any, tokens: int) -> tuple[Any, Signals]:
    """The program of one text of so many tokens, and its parameters."""
    with collector_paused():
        w, parameters = nodes(Value)
        given, wanted = ([Value(0.0) for _ in range(tokens)] for _ in range(2))
        loss = loss_of(w, given, wanted, functions.softmax, lookup)
        return compile(loss, [given, wanted], parameters, backend), parameters


def compiled(backend: str, tokens: np.ndarray, targets: np.ndarray) -> Peer:
    run_one, parameters = program(backend, tokens.shape[-1])
    optimizer = Adam(parameters, lr=RATE, betas=BETAS, eps=SMALL)
    numbers, given = flat([*weights().values()]), (tokens.astype(float), targets.astype(float))

    def run() -> tuple[float, np.ndarray]:
        nonlocal numbers
        loss, gradient = run_one.value_and_grad(numbers, *given)
        numbers = optimizer.update(numbers, gradient)
        return loss, numbers

    return Peer(run, flat)


def pytorch(tokens: np.ndarray, targets: np.ndarray) -> Peer:
    torch = import_module("torch")
    functional = torch.nn.functional
    w = {name: torch.tensor(matrix, requires_grad=True) for name, matrix in weights().items()}
    optimizer = torch.optim.Adam(w.values(), lr=RATE, betas=BETAS, eps=SMALL)
    length = tokens.shape[-1]
    inputs, labels = torch.tensor(tokens.reshape(-1, length)), torch.tensor(targets.ravel())
    batch = len(inputs)

    def rms(x: Any) -> Any:
        return x * (x.square().mean(-1, keepdim=True) + EPSILON).rsqrt()

    def heads_of(x: Any) -> Any:
        return x.view(batch, length, HEADS, WIDTH // HEADS).transpose(1, 2)

    def run() -> tuple[float, Any]:
        residual = rms(functional.embedding(inputs, w["token"]) + w["position"][:length])
        x = rms(residual)
        query, key, value = (heads_of(functional.linear(x, w[name])) for name in ("query", "key", "value"))
        heads = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        residual = functional.linear(heads.transpose(1, 2).reshape(batch, length, WIDTH), w["mixed"]) + residual
        x = functional.linear(torch.relu(functional.linear(rms(residual), w["wider"])), w["narrower"]) + residual
        loss = functional.cross_entropy(functional.linear(x, w["logits"]).view(-1, VOCABULARY), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item(), [matrix.detach() for matrix in w.values()]

    return Peer(run, flat)


def jax_jit(tokens: np.ndarray, targets: np.ndarray) -> Peer:
    jax = jax_in_float64()
    jnp = jax.numpy
    length = tokens.shape[-1]
    inputs, labels = jnp.asarray(tokens.reshape(-1, length)), jnp.asarray(targets.reshape(-1, length))
    batch = len(inputs)
    mask = jnp.triu(jnp.full((length, length), -jnp.inf), 1)

    def rms(x: Any) -> Any:
        return x * jax.lax.rsqrt(jnp.square(x).mean(-1, keepdims=True) + EPSILON)

    def heads_of(x: Any) -> Any:
        return x.reshape(batch, length, HEADS, WIDTH // HEADS).swapaxes(1, 2)

    def loss(w: Matrices) -> Any:
        residual = rms(w["token"][inputs] + w["position"][:length])
        x = rms(residual)
        query, key, value = (heads_of(x @ w[name].T) for name in ("query", "key", "value"))
        heads = jax.nn.softmax(query @ key.swapaxes(-1, -2) * SCALE + mask) @ value
        residual = heads.swapaxes(1, 2).reshape(batch, length, WIDTH) @ w["mixed"].T + residual
        x = jax.nn.relu(rms(residual) @ w["wider"].T) @ w["narrower"].T + residual
        chances = jax.nn.log_softmax(x @ w["logits"].T)
        return -jnp.take_along_axis(chances, labels[..., None], -1).mean()

    @jax.jit
    def step(w: Matrices, first: Matrices, second: Matrices, steps: Any) -> Any:
        value, slopes = jax.value_and_grad(loss)(w)
        first = {name: BETAS[0] * first[name] + (1.0 - BETAS[0]) * slopes[name] for name in w}
        second = {name: BETAS[1] * second[name] + (1.0 - BETAS[1]) * slopes[name] ** 2 for name in w}
        scale = [1.0 - beta**steps for beta in BETAS]
        moved = {
            name: w[name] - RATE * first[name] / scale[0] / (jnp.sqrt(second[name] / scale[1]) + SMALL) for name in w
        }
        return value, moved, first, second

    w = {name: jnp.asarray(matrix) for name, matrix in weights().items()}
    state = [w, *({name: jnp.zeros_like(matrix) for name, matrix in w.items()} for _ in range(2))]
    steps = 0

    def run() -> Any:
        nonlocal steps
        steps += 1
        value, *state[:] = jax.block_until_ready(step(*state, float(steps)))
        return value, [state[0][name] for name in SIZES]

    return Peer(run, flat)


def backends() -> list[str]:
    """What ours can be compiled to, the fastest first; "native" where it can look tokens up."""
    try:
        table, token = [Value(1.0), Value(2.0)], Value(0.0)
        compile(lookup(table, token), [token], table, "native")
    except (TypeError, RuntimeError):
        return ["numpy"]
    return ["native", "numpy"]


def makers(batch: int | None) -> Makers:
    """A step on one text, or on a batch of them, for which nodes alone would take a text after the other."""
    given = texts(batch)
    ours: dict[str, Callable[..., Peer]] = {f"autograd-core, {name}": partial(compiled, name) for name in backends()}
    walked: dict[str, Callable[..., Peer]] = {"autograd-core, eager": eager, "lean Value": lean}
    libraries = {**ours, **(walked if batch is None else {}), "PyTorch": pytorch, "jax.jit": jax_jit}
    return {name: partial(make, *given) for name, make in libraries.items()}


def tables() -> Iterator[tuple[str, list[Row]]]:
    """The tables, each worked out when it is asked for."""
    title = f"A training step of microgpt, {TOKENS} tokens, Adam included"
    yield compared(f"{title}, one text", makers(None), repeats=7, unit="step")
    yield compared(f"{title}, a batch of 32", makers(32), repeats=7, unit="step")
    rows = []
    for tokens in (TOKENS, ROOM):
        taken = []
        for _ in range(3):
            start = perf_counter()
            program("numpy", tokens)
            taken.append(perf_counter() - start)
        rows.append({"tokens": str(tokens), "seconds": figure(min(taken))})
    yield "Recording the loss of a text and compiling it to NumPy", rows
