"""Value and gradient of a small transformer: written with scalar nodes and compiled, and with arrays elsewhere.

One layer with 4 heads on 8 tokens of 16 dimensions, a causal mask, a vocabulary of 27 and the mean cross entropy of
the next tokens. The scalar program takes tokens and targets as rows of zeros with a one; the others look rows up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from autograd_core import Value, collector_paused, compile
from autograd_core.functions import log_softmax, softmax
from tests.benchmarks.engine import Row
from tests.benchmarks.peers import Makers, Peer, compared, flat, jax_in_float64

TOKENS, WIDTH, HEADS, VOCABULARY = 8, 16, 4, 27
SHAPES = {
    "token": (VOCABULARY, WIDTH),
    "position": (TOKENS, WIDTH),
    "query": (WIDTH, WIDTH),
    "key": (WIDTH, WIDTH),
    "value": (WIDTH, WIDTH),
    "mixed": (WIDTH, WIDTH),
    "wider": (4 * WIDTH, WIDTH),
    "narrower": (WIDTH, 4 * WIDTH),
    "logits": (VOCABULARY, WIDTH),
}
"""The matrices by what they make, of shape (outputs, inputs); those of tokens and positions by rows."""
SCALE = (WIDTH // HEADS) ** -0.5
EPSILON = 1e-5

Matrices = dict[str, Any]
Signals = list[Any]


def weights() -> dict[str, np.ndarray]:
    """The matrices that all begin with."""
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=shape) * 0.2 for name, shape in SHAPES.items()}


def text(batch: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Random tokens and the ones that follow them, each of shape (tokens,) or (batch, tokens)."""
    shape = () if batch is None else (batch,)
    drawn = np.random.default_rng(1).integers(VOCABULARY, size=(*shape, TOKENS + 1))
    return drawn[..., :-1], drawn[..., 1:]


def dot(xs: Signals, ys: Signals) -> Any:
    first, *others = (x * y for x, y in zip(xs, ys, strict=True))
    return sum(others, first)


def linear(x: Signals, matrix: list[Signals]) -> Signals:
    return [dot(row, x) for row in matrix]


def normalised(x: Signals) -> Signals:
    """Divided by the root of the mean square."""
    scale = (dot(x, x) / len(x) + EPSILON) ** -0.5
    return [number * scale for number in x]


def scalar_loss(w: dict[str, list[Signals]], tokens: list[Signals], targets: list[Signals]) -> Any:
    """The loss of one text, one token at a time."""
    keys, values, losses = [], [], []
    for place, (token, target) in enumerate(zip(tokens, targets, strict=True)):
        found = [dot(token, list(column)) for column in zip(*w["token"], strict=True)]
        residual = normalised([a + b for a, b in zip(found, w["position"][place], strict=True)])
        x = normalised(residual)
        query = linear(x, w["query"])
        keys.append(linear(x, w["key"]))
        values.append(linear(x, w["value"]))
        heads: Signals = []
        for start in range(0, WIDTH, WIDTH // HEADS):
            part = slice(start, start + WIDTH // HEADS)
            shares = softmax([dot(query[part], key[part]) * SCALE for key in keys])
            heads += [dot(shares, list(column)) for column in zip(*(value[part] for value in values), strict=True)]
        residual = [a + b for a, b in zip(linear(heads, w["mixed"]), residual, strict=True)]
        hidden = [number.relu() for number in linear(normalised(residual), w["wider"])]
        x = [a + b for a, b in zip(linear(hidden, w["narrower"]), residual, strict=True)]
        losses.append(-dot(target, log_softmax(linear(x, w["logits"]))))
    return sum(losses[1:], losses[0]) / TOKENS


def compiled(tokens: np.ndarray, targets: np.ndarray) -> Peer:
    start = weights()
    w = {name: [[Value(number) for number in row] for row in matrix.tolist()] for name, matrix in start.items()}
    given = [[[Value(0.0) for _ in range(VOCABULARY)] for _ in range(TOKENS)] for _ in range(2)]
    parameters = [parameter for matrix in w.values() for row in matrix for parameter in row]
    with collector_paused():
        program = compile(scalar_loss(w, *given), given, parameters)
    ones = np.eye(VOCABULARY)
    return Peer(partial(program.value_and_grad, flat(list(start.values())), ones[tokens], ones[targets]), flat)


def pytorch(tokens: np.ndarray, targets: np.ndarray, fused: bool = False) -> Peer:
    """With the parts of attention written out, or by PyTorch's one function for all of them."""
    torch = import_module("torch")
    functional = torch.nn.functional
    w = {name: torch.tensor(matrix, requires_grad=True) for name, matrix in weights().items()}
    # The function for attention is faster with an axis for the batch, even of one text.
    inputs, labels = torch.tensor(tokens.reshape(-1, TOKENS)), torch.tensor(targets.ravel())
    batch = len(inputs)
    mask = torch.triu(torch.full((TOKENS, TOKENS), float("-inf"), dtype=torch.float64), 1)

    def rms(x: Any) -> Any:
        return x * (x.square().mean(-1, keepdim=True) + EPSILON).rsqrt()

    def heads_of(x: Any) -> Any:
        return x.view(batch, TOKENS, HEADS, WIDTH // HEADS).transpose(1, 2)

    def run() -> tuple[float, Any]:
        residual = rms(functional.embedding(inputs, w["token"]) + w["position"])
        x = rms(residual)
        query, key, value = (heads_of(functional.linear(x, w[name])) for name in ("query", "key", "value"))
        if fused:
            heads = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        else:
            heads = torch.softmax(query @ key.transpose(-1, -2) * SCALE + mask, -1) @ value
        heads = heads.transpose(1, 2).reshape(batch, TOKENS, WIDTH)
        residual = functional.linear(heads, w["mixed"]) + residual
        hidden = torch.relu(functional.linear(rms(residual), w["wider"]))
        x = functional.linear(hidden, w["narrower"]) + residual
        loss = functional.cross_entropy(functional.linear(x, w["logits"]).view(-1, VOCABULARY), labels)
        return loss.item(), torch.autograd.grad(loss, list(w.values()))

    return Peer(run, flat)


def jax_jit(tokens: np.ndarray, targets: np.ndarray) -> Peer:
    jax = jax_in_float64()
    jnp = jax.numpy
    inputs, labels = jnp.asarray(tokens.reshape(-1, TOKENS)), jnp.asarray(targets.reshape(-1, TOKENS))
    batch = len(inputs)
    mask = jnp.triu(jnp.full((TOKENS, TOKENS), -jnp.inf), 1)

    def rms(x: Any) -> Any:
        return x * jax.lax.rsqrt(jnp.square(x).mean(-1, keepdims=True) + EPSILON)

    def heads_of(x: Any) -> Any:
        return x.reshape(batch, TOKENS, HEADS, WIDTH // HEADS).swapaxes(1, 2)

    def loss(w: Matrices) -> Any:
        residual = rms(w["token"][inputs] + w["position"])
        x = rms(residual)
        query, key, value = (heads_of(x @ w[name].T) for name in ("query", "key", "value"))
        heads = jax.nn.softmax(query @ key.swapaxes(-1, -2) * SCALE + mask) @ value
        residual = heads.swapaxes(1, 2).reshape(batch, TOKENS, WIDTH) @ w["mixed"].T + residual
        x = jax.nn.relu(rms(residual) @ w["wider"].T) @ w["narrower"].T + residual
        chances = jax.nn.log_softmax(x @ w["logits"].T)
        return -jnp.take_along_axis(chances, labels[..., None], -1).mean()

    function = jax.jit(jax.value_and_grad(loss))
    w = {name: jnp.asarray(matrix) for name, matrix in weights().items()}
    return Peer(
        lambda: jax.block_until_ready(function(w)),
        lambda returned: flat([returned[0], *(returned[1][name] for name in SHAPES)]),
    )


def makers(batch: int | None) -> Makers:
    """Value and gradient on one text, or the mean over a batch of them."""
    given = text(batch)
    libraries: dict[str, Callable[..., Peer]] = {
        "autograd-core, compiled": compiled,
        "PyTorch": pytorch,
        "PyTorch, attention in one function": partial(pytorch, fused=True),
        "jax.jit": jax_jit,
    }
    return {name: partial(make, *given) for name, make in libraries.items()}


def tables() -> Iterator[tuple[str, list[Row]]]:
    """The tables, each worked out when it is asked for."""
    title = "Value and gradient of a transformer, 8 tokens of 16 dimensions, 4 heads"
    yield compared(f"{title}, one text", makers(None), repeats=15, unit="call")
    yield compared(f"{title}, a batch of 32", makers(32), repeats=15, unit="call")
