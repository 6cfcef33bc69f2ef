"""Networks beyond perceptrons, as realistic programs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from autograd_core import Value
from autograd_core.functions import (
    exp,
    log_softmax,
    logsumexp,
    maximum,
    sigmoid,
    softmax,
    softplus,
    sqrt,
    tanh,
)
from tests.autograd_core.compiler.realistic import (
    Matrix,
    affine,
    dot,
    each,
    plus,
    program,
    squares,
    times,
    torch,
    total,
)

H, T = 3, 4


@program(
    "recurrent net",
    [(H, H), (H, 2), (H,)],
    [(T, 2)],
    lambda U, W, b, x: _unrolled(lambda h, x: torch.tanh(U @ h + W @ x + b), x),
)
def recurrent(U: Matrix, W: Matrix, b: list[Any], x: Matrix) -> Value:
    h: list[Any] = [Value(0.0)] * H
    for now in x:
        h = each(tanh, plus(affine(U, h, b), affine(W, now)))
    return squares(h)


def _unrolled(step: Callable[[Any, Any], Any], x: Any) -> Any:
    h = torch.zeros(H, dtype=torch.float64)
    for now in x:
        h = step(h, now)
    return (h**2).sum()


def gru_on_tensors(W: Any, U: Any, b: Any, x: Any) -> Any:
    def step(h: Any, now: Any) -> Any:
        given, kept = (W @ now + b).split(H), (U @ h).split(H)
        z, r = torch.sigmoid(given[0] + kept[0]), torch.sigmoid(given[1] + kept[1])
        return (1.0 - z) * torch.tanh(given[2] + r * kept[2]) + z * h

    return _unrolled(step, x)


@program("GRU", [(3 * H, 2), (3 * H, H), (3 * H,)], [(T, 2)], gru_on_tensors)
def gru(W: Matrix, U: Matrix, b: list[Any], x: Matrix) -> Value:
    h: list[Any] = [Value(0.0)] * H
    for now in x:
        given, kept = affine(W, now, b), affine(U, h)
        z, r = (each(sigmoid, plus(given[k : k + H], kept[k : k + H])) for k in (0, H))
        new = each(tanh, plus(given[2 * H :], times(r, kept[2 * H :])))
        h = [(1.0 - a) * n + a * o for a, n, o in zip(z, new, h, strict=True)]
    return squares(h)


def lstm_on_tensors(W: Any, U: Any, b: Any, x: Any) -> Any:
    h, c = torch.zeros(H, dtype=torch.float64), torch.zeros(H, dtype=torch.float64)
    for now in x:
        i, f, g, o = (W @ now + U @ h + b).split(H)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
    return (h**2).sum()


@program("LSTM", [(4 * H, 2), (4 * H, H), (4 * H,)], [(T, 2)], lstm_on_tensors)
def lstm(W: Matrix, U: Matrix, b: list[Any], x: Matrix) -> Value:
    h: list[Any] = [Value(0.0)] * H
    c: list[Any] = [Value(0.0)] * H
    for now in x:
        gates = plus(affine(W, now, b), affine(U, h))
        i, f, g, o = (gates[k : k + H] for k in range(0, 4 * H, H))
        c = plus(times(each(sigmoid, f), c), times(each(sigmoid, i), each(tanh, g)))
        h = times(each(sigmoid, o), each(tanh, c))
    return squares(h)


@program(
    "1-D convolution with pooling",
    [(2, 3), (2,)],
    [(10,)],
    lambda W, b, x: (
        torch.nn.functional.max_pool1d(torch.tanh(torch.nn.functional.conv1d(x[None, None], W[:, None], b)), 2)
        .square()
        .sum()
    ),
)
def convolution_1d(W: Matrix, b: list[Any], x: list[Any]) -> Value:
    channels = [[tanh(dot(w, x[i : i + 3]) + c) for i in range(8)] for w, c in zip(W, b, strict=True)]
    return squares([maximum(row[i], row[i + 1]) for row in channels for i in range(0, 8, 2)])


@program(
    "2-D convolution with pooling",
    [(2, 3, 3), (3, 2, 2, 2)],
    [(7, 7)],
    lambda W, V, x: (
        torch.nn.functional.avg_pool2d(
            torch.tanh(
                torch.nn.functional.conv2d(torch.tanh(torch.nn.functional.conv2d(x[None, None], W[:, None])), V)
            ),
            2,
        )
        .square()
        .sum()
    ),
)
def convolution_2d(W: list[Matrix], V: list[list[Matrix]], x: Matrix) -> Value:
    def convolved(window: list[Matrix], images: list[Matrix]) -> Matrix:
        size, side = len(window[0]), len(images[0]) - len(window[0]) + 1
        return [
            [
                tanh(
                    total(
                        dot(k[a], im[i + a][j : j + size])
                        for k, im in zip(window, images, strict=True)
                        for a in range(size)
                    )
                )
                for j in range(side)
            ]
            for i in range(side)
        ]

    images = [convolved(window, [convolved([w], [x]) for w in W]) for window in V]
    return squares(
        [
            (im[i][j] + im[i + 1][j] + im[i][j + 1] + im[i + 1][j + 1]) / 4.0
            for im in images
            for i in range(0, 4, 2)
            for j in range(0, 4, 2)
        ]
    )


def residual_on_tensors(W: Any, V: Any, gain: Any, x: Any) -> Any:
    for matrix in (W, V):
        x = x + torch.relu(matrix @ torch.nn.functional.layer_norm(x, (4,), gain, eps=1e-5))
    return (x**2).sum()


@program("residual net with normalised layers", [(4, 4), (4, 4), (4,)], [(4,)], residual_on_tensors)
def residual(W: Matrix, V: Matrix, gain: list[Any], x: list[Any]) -> Value:
    for matrix in (W, V):
        mean = total(x) / 4.0
        centred = [n - mean for n in x]
        scale = 1.0 / sqrt(squares(centred) / 4.0 + 1e-5)
        x = plus(
            x,
            each(
                lambda n: maximum(n, 0.0), affine(matrix, [n * scale * g for n, g in zip(centred, gain, strict=True)])
            ),
        )
    return squares(x)


@program(
    "mixture of experts",
    [(3, 2), (3, 2, 2)],
    [(2,)],
    lambda G, E, x: ((torch.softmax(G @ x, 0)[:, None] * torch.tanh(E @ x)).sum(0) ** 2).sum(),
)
def mixture_of_experts(G: Matrix, E: list[Matrix], x: list[Any]) -> Value:
    shares = softmax(affine(G, x))
    answers = [each(tanh, affine(expert, x)) for expert in E]
    return squares([dot(shares, list(column)) for column in zip(*answers, strict=True)])


@program(
    "attention",
    [(3, 3), (3, 3), (3, 3)],
    [(4, 3)],
    lambda Q, K, V, x: (
        torch.nn.functional.scaled_dot_product_attention(x @ Q.T, x @ K.T, x @ V.T, is_causal=True) ** 2
    ).sum(),
)
def attention(Q: Matrix, K: Matrix, V: Matrix, x: Matrix) -> Value:
    queries, keys, values = ([affine(matrix, token) for token in x] for matrix in (Q, K, V))
    mixed: list[Any] = []
    for place, query in enumerate(queries):
        shares = softmax([dot(query, key) / math.sqrt(3.0) for key in keys[: place + 1]])
        mixed += [dot(shares, list(column)) for column in zip(*values[: place + 1], strict=True)]
    return squares(mixed)


def autoencoder_on_tensors(E: Any, D: Any, x: Any, noise: Any) -> Any:
    mean, spread = (E @ x).split(2)
    z = mean + torch.exp(0.5 * spread) * noise
    loss = torch.nn.functional.binary_cross_entropy_with_logits(D @ z, torch.sigmoid(x), reduction="sum")
    return loss - 0.5 * (1.0 + spread - mean**2 - torch.exp(spread)).sum()


@program("variational autoencoder", [(4, 3), (3, 2)], [(3,), (2,)], autoencoder_on_tensors)
def variational_autoencoder(E: Matrix, D: Matrix, x: list[Any], noise: list[Any]) -> Value:
    code = affine(E, x)
    mean, spread = code[:2], code[2:]
    logits = affine(D, [m + exp(0.5 * s) * n for m, s, n in zip(mean, spread, noise, strict=True)])
    loss = total(softplus(z) - sigmoid(n) * z for z, n in zip(logits, x, strict=True))
    return loss - 0.5 * total(1.0 + s - m * m - exp(s) for m, s in zip(mean, spread, strict=True))


@program(
    "Gaussian mixture",
    [(3,), (3, 2), (3,)],
    [(2,)],
    lambda w, m, s, x: (
        -torch.logsumexp(
            torch.log_softmax(w, 0) - ((x - m) ** 2).sum(1) * torch.exp(-s) / 2.0 - s - math.log(2.0 * math.pi), 0
        )
    ),
)
def gaussian_mixture(w: list[Any], m: Matrix, s: list[Any], x: list[Any]) -> Value:
    shares = log_softmax(w)
    return -logsumexp(
        [
            share
            - squares([a - b for a, b in zip(x, mean, strict=True)]) * exp(-spread) / 2.0
            - spread
            - math.log(2.0 * math.pi)
            for share, mean, spread in zip(shares, m, s, strict=True)
        ]
    )
