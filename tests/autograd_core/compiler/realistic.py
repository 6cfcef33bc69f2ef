"""Programs of the kind that people write, each once, for any numbers that have the functions it asks for.

A program takes `f` (functions of the operands, as `autograd_core.functions` has them), its parameters as a flat list,
and one sample as a nested list, and gives one number. `Values` and `Torch` are such functions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import pytest

from autograd_core import functions
from autograd_core.graph import gradients


class Values:
    """The functions of this project, and the derivative of an output as a node of its own."""

    def __getattr__(self, name: str) -> Any:
        return getattr(functions, name)

    @staticmethod
    def slope(output: Any, wrt: Any) -> Any:
        return gradients(output, [wrt], create_graph=True)[0]


class Torch:
    """The same functions of PyTorch's scalar tensors."""

    def __init__(self) -> None:
        self.torch: Any = pytest.importorskip("torch")

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.torch, name)
        return lambda *operands: found(*map(self._tensor, operands))

    def _tensor(self, number: Any) -> Any:
        return number if isinstance(number, self.torch.Tensor) else self.torch.tensor(number, dtype=self.torch.float64)

    def relu(self, x: Any) -> Any:
        return self.torch.relu(x)

    def softplus(self, x: Any) -> Any:
        return self.torch.nn.functional.softplus(x)

    def silu(self, x: Any) -> Any:
        return self.torch.nn.functional.silu(x)

    def gelu(self, x: Any) -> Any:
        return self.torch.nn.functional.gelu(x)

    def less(self, x: Any, y: Any) -> Any:
        return (self._tensor(x) < self._tensor(y)).double()

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        return self.torch.where(self._tensor(condition) != 0, self._tensor(x), self._tensor(y))

    def logsumexp(self, values: list[Any]) -> Any:
        return self.torch.logsumexp(self.torch.stack([self._tensor(value) for value in values]), 0)

    def softmax(self, values: list[Any]) -> list[Any]:
        return list(self.torch.softmax(self.torch.stack([self._tensor(value) for value in values]), 0))

    def slope(self, output: Any, wrt: Any) -> Any:
        return self.torch.autograd.grad(output, wrt, create_graph=True)[0]


Build = Callable[[Any, list[Any], Any], Any]


class Program(NamedTuple):
    name: str
    build: Build
    parameters: int
    shape: tuple[int, ...]
    """Of one sample; () for a single number."""
    positive: bool = False
    """Whether the sample is of positive numbers."""


PROGRAMS: list[Program] = []


def program(parameters: int, *shape: int, positive: bool = False) -> Callable[[Build], Build]:
    def add(build: Build) -> Build:
        PROGRAMS.append(Program(build.__name__, build, parameters, shape, positive))
        return build

    return add


def total(terms: Any) -> Any:
    """A sum without the 0 that Python's begins with."""
    first, *rest = terms
    for term in rest:
        first = first + term
    return first


def dot(xs: list[Any], ys: list[Any]) -> Any:
    return total(x * y for x, y in zip(xs, ys, strict=True))


def squares(xs: list[Any]) -> Any:
    return total(x * x for x in xs)


class Weights:
    """Parameters taken off a flat list one after another."""

    def __init__(self, parameters: list[Any]) -> None:
        self.rest: Iterator[Any] = iter(parameters)

    def vector(self, n: int) -> list[Any]:
        return [next(self.rest) for _ in range(n)]

    def matrix(self, rows: int, columns: int) -> list[list[Any]]:
        return [self.vector(columns) for _ in range(rows)]

    def affine(self, xs: list[Any], n: int) -> list[Any]:
        """A fully connected layer of n neurons, with biases."""
        return [dot(row, xs) + b for row, b in zip(self.matrix(n, len(xs)), self.vector(n), strict=True)]


@program(12 + 9 + 3 + 3, 5, 4)
def plain_recurrent(f: Any, p: list[Any], x: Any) -> Any:
    w = Weights(p)
    into, again, bias, out = w.matrix(3, 4), w.matrix(3, 3), w.vector(3), w.vector(3)
    h = [0.1] * 3
    for row in x:
        h = [f.tanh(dot(a, row) + dot(b, h) + c) for a, b, c in zip(into, again, bias, strict=True)]
    return (dot(out, h) - 0.5) ** 2


@program(3 * (6 + 9 + 3) + 3, 4, 2)
def gated_recurrent_unit(f: Any, p: list[Any], x: Any) -> Any:
    w = Weights(p)
    gates = [(w.matrix(3, 2), w.matrix(3, 3), w.vector(3)) for _ in range(3)]
    out = w.vector(3)
    h = [0.2, -0.1, 0.3]
    for row in x:

        def gate(k: int, state: list[Any], row: Any = row) -> list[Any]:
            return [dot(a, row) + dot(b, state) + c for a, b, c in zip(*gates[k], strict=True)]

        z, r = ([f.sigmoid(one) for one in gate(k, h)] for k in (0, 1))
        new = [f.tanh(one) for one in gate(2, [a * b for a, b in zip(r, h, strict=True)])]
        h = [(1.0 - a) * b + a * c for a, b, c in zip(z, h, new, strict=True)]
    return squares([dot(out, h) - 1.0])


@program(4 * (6 + 9 + 3) + 3, 4, 2)
def long_short_term_memory(f: Any, p: list[Any], x: Any) -> Any:
    w = Weights(p)
    gates = [(w.matrix(3, 2), w.matrix(3, 3), w.vector(3)) for _ in range(4)]
    out = w.vector(3)
    h, c = [0.1, 0.2, -0.3], [0.0, 0.1, 0.2]
    for row in x:
        i, o, g, forget = (
            [
                f.tanh(s) if k == 2 else f.sigmoid(s)
                for s in (dot(a, row) + dot(b, h) + d for a, b, d in zip(*gate, strict=True))
            ]
            for k, gate in enumerate(gates)
        )
        c = [a * b + d * e for a, b, d, e in zip(forget, c, i, g, strict=True)]
        h = [a * f.tanh(b) for a, b in zip(o, c, strict=True)]
    return (dot(out, h) + 0.25) ** 2


@program(2 * 3 + 2 + 8, 10)
def convolution_1d(f: Any, p: list[Any], x: Any) -> Any:
    w = Weights(p)
    kernels, biases, out = w.matrix(2, 3), w.vector(2), w.vector(8)
    maps = [[f.relu(dot(k, x[i : i + 3]) + b) for i in range(8)] for k, b in zip(kernels, biases, strict=True)]
    pooled = [f.maximum(row[i], row[i + 1]) for row in maps for i in range(0, 8, 2)]
    return (dot(out, pooled) - 1.0) ** 2


@program(2 * 9 + 2 + 8, 6, 6)
def convolution_2d(f: Any, p: list[Any], x: Any) -> Any:
    w = Weights(p)
    kernels, biases, out = [w.matrix(3, 3) for _ in range(2)], w.vector(2), w.vector(8)
    pooled = []
    for kernel, bias in zip(kernels, biases, strict=True):
        image = [
            [f.relu(total(dot(row, x[i + a][j : j + 3]) for a, row in enumerate(kernel)) + bias) for j in range(4)]
            for i in range(4)
        ]
        pooled += [
            f.maximum(f.maximum(image[i][j], image[i][j + 1]), f.maximum(image[i + 1][j], image[i + 1][j + 1]))
            for i in (0, 2)
            for j in (0, 2)
        ]
    return f.softplus(dot(out, pooled))


@program(3 * 9 + 3 * 9, 7, 7)
def two_convolutions(f: Any, p: list[Any], x: Any) -> Any:
    """Two layers, the second over the channels of the first."""
    w = Weights(p)

    def layer(channels: list[Any], size: int) -> list[Any]:
        kernel = [w.matrix(3, 3) for _ in channels]
        rows = range(size)
        return [
            [
                f.tanh(
                    total(
                        dot(kernel[c][a], channels[c][i + a][j : j + 3]) for c in range(len(channels)) for a in range(3)
                    )
                )
                for j in rows
            ]
            for i in rows
        ]

    first = [layer([x], 5) for _ in range(3)]
    second = layer(first, 3)
    return squares([one for row in second for one in row])


@program(4 * 5 * 2, 4)
def residual_network(f: Any, p: list[Any], x: Any) -> Any:
    w = Weights(p)
    h = list(x)
    for _ in range(2):
        h = [a + f.relu(b) for a, b in zip(h, w.affine(h, 4), strict=True)]
    return squares(h)


@program(20 + 8 + 5, 4)
def normalised_network(f: Any, p: list[Any], x: Any) -> Any:
    """A layer with layer normalisation (Ba, Kiros and Hinton 2016), then gelu."""
    w = Weights(p)
    z = w.affine(x, 4)
    mean = total(z) / 4.0
    spread = f.sqrt(total((one - mean) ** 2 for one in z) / 4.0 + 1e-5)
    scale, shift = w.vector(4), w.vector(4)
    h = [f.gelu(a * (one - mean) / spread + b) for a, one, b in zip(scale, z, shift, strict=True)]
    return w.affine(h, 1)[0]


@program(3 * 3 + 3 * (3 + 1 + 1), 3)
def mixture_of_experts(f: Any, p: list[Any], x: Any) -> Any:
    w = Weights(p)
    shares = f.softmax([dot(row, x) for row in w.matrix(3, 3)])
    experts = [f.tanh(w.affine(x, 1)[0]) * w.vector(1)[0] for _ in range(3)]
    return (dot(shares, experts) - 0.3) ** 2


def attended(f: Any, w: Weights, rows: list[list[Any]], width: int, causal: bool) -> list[list[Any]]:
    """Rows after one head of attention of that width."""
    q, k, v = (
        [[dot(weights, row) for weights in m] for row in rows]
        for m in (w.matrix(width, len(rows[0])) for _ in range(3))
    )
    out = []
    for i, query in enumerate(q):
        last = i + 1 if causal else len(rows)
        shares = f.softmax([dot(query, key) / math.sqrt(width) for key in k[:last]])
        out.append([dot(shares, [row[c] for row in v[:last]]) for c in range(width)])
    return out


@program(3 * 2 * 3, 4, 3)
def attention(f: Any, p: list[Any], x: Any) -> Any:
    return squares([one for row in attended(f, Weights(p), x, 2, False) for one in row])


@program(2 * 3 * 2 * 4 + 4 * 5, 4, 4)
def causal_attention_of_two_heads(f: Any, p: list[Any], x: Any) -> Any:
    w = Weights(p)
    heads = [attended(f, w, x, 2, True) for _ in range(2)]
    joined = [[*a, *b] for a, b in zip(*heads, strict=True)]
    return f.logsumexp(w.affine(joined[-1], 4)) - joined[-1][0]


@program(3 * 5 + 2 * 4 + 2 * 4, 4)
def variational_autoencoder(f: Any, p: list[Any], x: Any) -> Any:
    """With fixed noise (Kingma and Welling 2014): squared error, and the divergence from the standard normal."""
    w = Weights(p)
    h = [f.tanh(one) for one in w.affine(x, 3)]
    mean, log_variance = w.affine(h, 1), w.affine(h, 1)
    z = [m + 0.7 * f.exp(0.5 * s) for m, s in zip(mean, log_variance, strict=True)]
    again = [a + b * z[0] for a, b in zip(w.vector(4), w.vector(4), strict=True)]
    divergence = total(0.5 * (f.exp(s) + m * m - 1.0 - s) for m, s in zip(mean, log_variance, strict=True))
    return squares([a - b for a, b in zip(again, x, strict=True)]) + divergence


@program(3 + 6 + 6, 2)
def gaussian_mixture(f: Any, p: list[Any], x: Any) -> Any:
    """Negative log likelihood of three diagonal Gaussians."""
    w = Weights(p)
    logits, means, scales = w.vector(3), w.matrix(3, 2), w.matrix(3, 2)
    densities = [
        logit - total(0.5 * ((a - m) * f.exp(-s)) ** 2 + s for a, m, s in zip(x, mean, scale, strict=True))
        for logit, mean, scale in zip(logits, means, scales, strict=True)
    ]
    return f.logsumexp(logits) - f.logsumexp(densities)


@program(6 + 4 * 3, 4, 2)
def bundle_adjustment(f: Any, p: list[Any], x: Any) -> Any:
    """Reprojection error of four points in a camera given by a rotation vector and a shift (Rodrigues)."""
    w = Weights(p)
    r, t, points = w.vector(3), w.vector(3), w.matrix(4, 3)
    angle = f.sqrt(squares(r) + 1e-12)
    axis = [one / angle for one in r]
    c, s = f.cos(angle), f.sin(angle)
    error = []
    for point, (u, v) in zip(points, x, strict=True):
        along = dot(axis, point)
        cross = [axis[(i + 1) % 3] * point[(i + 2) % 3] - axis[(i + 2) % 3] * point[(i + 1) % 3] for i in range(3)]
        a, b, depth = (
            c * one + s * two + (1.0 - c) * along * k + d for one, two, k, d in zip(point, cross, axis, t, strict=True)
        )
        error += [a / (depth + 4.0) - u, b / (depth + 4.0) - v]
    return squares(error)


@program(5, 2, positive=True)
def black_scholes(f: Any, p: list[Any], x: Any) -> Any:
    """The price of a European call; the parameters, squashed, are spot, strike, rate, volatility and time."""
    spot, strike, rate, volatility, years = (0.2 + f.sigmoid(one) for one in p)
    root = volatility * f.sqrt(years * x[0])
    d1 = (f.log(spot / strike) + (rate + 0.5 * volatility * volatility) * years * x[1]) / root

    def normal(d: Any) -> Any:
        return 0.5 * (1.0 + f.erf(d / math.sqrt(2.0)))

    return spot * normal(d1) - strike * f.exp(-rate * years * x[1]) * normal(d1 - root)


@program(2 * 3 + 3 + 3 * 2 + 2, 2)
def neural_ode(f: Any, p: list[Any], x: Any) -> Any:
    """Four steps of Runge and Kutta's method through a small network (Chen et al. 2018)."""

    def velocity(state: list[Any]) -> list[Any]:
        w = Weights(p)
        return w.affine([f.tanh(one) for one in w.affine(state, 3)], 2)

    def step(state: Any, way: Any, h: float) -> Any:
        return [a + h * b for a, b in zip(state, way, strict=True)]

    y = list(x)
    for _ in range(4):
        k1 = velocity(y)
        k2 = velocity(step(y, k1, 0.125))
        k3 = velocity(step(y, k2, 0.125))
        k4 = velocity(step(y, k3, 0.25))
        y = [a + 0.25 / 6.0 * (b + 2.0 * c + 2.0 * d + e) for a, b, c, d, e in zip(y, k1, k2, k3, k4, strict=True)]
    return squares([y[0] - 1.0, y[1] + 0.5])


@program(4 + 4 + 4 + 1)
def physics_informed(f: Any, p: list[Any], x: Any) -> Any:
    """The residual of u'' = -u for a small network u (Raissi, Perdikaris and Karniadakis 2019)."""
    w = Weights(p)
    into, shift, out, bias = w.vector(4), w.vector(4), w.vector(4), w.vector(1)
    u = total(c * f.tanh(a * x + b) for a, b, c in zip(into, shift, out, strict=True)) + bias[0]
    second = f.slope(f.slope(u, x), x)
    return (second + u) ** 2


@program(7, 5)
def spline(f: Any, p: list[Any], x: Any) -> Any:
    """Squared error of a uniform cubic B-spline at fixed places, and its roughness."""

    def basis(t: float) -> list[float]:
        return [(1 - t) ** 3 / 6, (3 * t**3 - 6 * t**2 + 4) / 6, (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6, t**3 / 6]

    places = [0.1, 0.9, 1.7, 2.4, 3.3]
    curve = [dot(basis(at % 1.0), p[int(at) : int(at) + 4]) for at in places]
    rough = [p[i] - 2.0 * p[i + 1] + p[i + 2] for i in range(5)]
    return squares([a - b for a, b in zip(curve, x, strict=True)]) + 0.1 * squares(rough)


@program(4 * 2, 4, 2)
def n_body(f: Any, p: list[Any], x: Any) -> Any:
    """Three leapfrog steps of four bodies, from given places with the parameters as velocities; their energy."""
    position, velocity = [list(row) for row in x], Weights(p).matrix(4, 2)

    def pulls() -> list[list[Any]]:
        found = []
        for i, a in enumerate(position):
            parts = []
            for j, b in enumerate(position):
                if i != j:
                    gap = [d - c for c, d in zip(a, b, strict=True)]
                    parts.append((gap, (squares(gap) + 0.1) ** -1.5))
            found.append([total(gap[k] * size for gap, size in parts) for k in range(2)])
        return found

    for _ in range(3):
        velocity = [[v + 0.05 * a for v, a in zip(*rows, strict=True)] for rows in zip(velocity, pulls(), strict=True)]
        position = [[q + 0.1 * v for q, v in zip(*rows, strict=True)] for rows in zip(position, velocity, strict=True)]
    return total(squares(v) for v in velocity) * 0.5 + squares([one for row in position for one in row])


@program(1 + 8, 8)
def heat_equation(f: Any, p: list[Any], x: Any) -> Any:
    """Five explicit steps of diffusion on a ring, from the parameters towards a measured profile."""
    rate, *u = p
    for _ in range(5):
        u = [u[i] + 0.2 * f.sigmoid(rate) * (u[i - 1] - 2.0 * u[i] + u[(i + 1) % 8]) for i in range(8)]
    return squares([a - b for a, b in zip(u, x, strict=True)])


def hidden_markov(f: Any, p: list[Any], x: Any, join: Callable[[list[Any]], Any]) -> Any:
    """Three states with Gaussian emissions; `join` makes of it the forward or the Viterbi algorithm."""
    w = Weights(p)
    start, moves, means = w.vector(3), w.matrix(3, 3), w.vector(3)
    norms = [f.logsumexp(row) for row in moves]
    score = [a - 0.5 * (x[0] - m) ** 2 for a, m in zip(start, means, strict=True)]
    for seen in x[1:]:
        score = [
            join([score[i] + moves[i][j] - norms[i] for i in range(3)]) - 0.5 * (seen - means[j]) ** 2 for j in range(3)
        ]
    return join(score) - f.logsumexp(start)


@program(15, 5)
def forward_algorithm(f: Any, p: list[Any], x: Any) -> Any:
    return -hidden_markov(f, p, x, f.logsumexp)


@program(15, 5)
def viterbi(f: Any, p: list[Any], x: Any) -> Any:
    return -hidden_markov(f, p, x, lambda scores: f.maximum(f.maximum(scores[0], scores[1]), scores[2]))


@program(4 * 3 + 4, 5, 3)
def connectionist_temporal_classification(f: Any, p: list[Any], x: Any) -> Any:
    """The loss of Graves et al. (2006) for the target 1, 2 over five frames and the alphabet of blank, 1, 2, 3."""
    w = Weights(p)
    matrix, biases = w.matrix(4, 3), w.vector(4)
    states = [0, 1, 0, 2, 0]
    score: list[Any] = []
    for t, row in enumerate(x):
        logits = [dot(weights, row) + b for weights, b in zip(matrix, biases, strict=True)]
        norm = f.logsumexp(logits)
        logs = [one - norm for one in logits]
        if t == 0:
            score = [logs[0], logs[1], None, None, None]
            continue
        new: list[Any] = []
        for s, symbol in enumerate(states):
            ways = [score[s], *([score[s - 1]] if s else []), *([score[s - 2]] if s == 3 else [])]
            ways = [way for way in ways if way is not None]
            new.append((f.logsumexp(ways) if len(ways) > 1 else ways[0]) + logs[symbol] if ways else None)
        score = new
    return -f.logsumexp(score[-2:])


@program(5, 4)
def cart_pole(f: Any, p: list[Any], x: Any) -> Any:
    """Six steps of the cart with a pole (Barto, Sutton and Anderson 1983), pushed by a policy with hard limits."""
    place, speed, angle, spin = x
    cost = []
    for _ in range(6):
        push = dot(p[:4], [place, speed, angle, spin]) + p[4]
        push = f.where(f.less(push, -1.0), -1.0, f.where(f.less(1.0, push), 1.0, push))
        c, s = f.cos(angle), f.sin(angle)
        pull = (push + 0.05 * spin * spin * s) / 1.1
        turn = (9.8 * s - c * pull) / (0.5 * (4.0 / 3.0 - 0.1 * c * c / 1.1))
        lift = pull - 0.05 * turn * c / 1.1
        place, speed, angle, spin = place + 0.02 * speed, speed + 0.02 * lift, angle + 0.02 * spin, spin + 0.02 * turn
        cost.append(angle * angle + 0.1 * place * place + 0.01 * push * push)
    return total(cost)


@program(3, 6)
def kalman_filter(f: Any, p: list[Any], x: Any) -> Any:
    """Negative log likelihood of a local level model."""
    noise, drift = f.exp(p[0]), f.exp(p[1])
    level, variance = p[2], 1.0
    terms = []
    for seen in x:
        variance = variance + drift
        spread = variance + noise
        terms.append(0.5 * (f.log(spread) + (seen - level) ** 2 / spread))
        gain = variance / spread
        level, variance = level + gain * (seen - level), (1.0 - gain) * variance
    return total(terms)


@program(4, 3)
def logistic_regression(f: Any, p: list[Any], x: Any) -> Any:
    return f.softplus(dot(p[:3], x) + p[3]) - 0.3 * (dot(p[:3], x) + p[3])


@program(4 * 3, 3)
def softmax_regression(f: Any, p: list[Any], x: Any) -> Any:
    logits = [dot(row, x) for row in Weights(p).matrix(4, 3)]
    return f.logsumexp(logits) - logits[2]


@program(6)
def rosenbrock(f: Any, p: list[Any], x: Any) -> Any:
    return total(100.0 * (b - a * a) ** 2 + (1.0 - a) ** 2 for a, b in pairwise(p)) * x


@program(4, 2, positive=True)
def lotka_volterra(f: Any, p: list[Any], x: Any) -> Any:
    """Eight steps of prey and predators."""
    a, b, c, d = (0.1 + f.sigmoid(one) for one in p)
    prey, hunters = x
    for _ in range(8):
        prey, hunters = prey + 0.1 * (a * prey - b * prey * hunters), hunters + 0.1 * (d * prey * hunters - c * hunters)
    return f.log(prey) ** 2 + f.log(hunters) ** 2


@program(2 * 4 + 2 * 4, 4)
def word_embeddings(f: Any, p: list[Any], x: Any) -> Any:
    """Negative sampling (Mikolov et al. 2013), of a word and a pair of contexts, seen through a mixing vector."""
    w = Weights(p)
    word, near, far, other = (w.vector(4) for _ in range(4))
    mixed = [a * b for a, b in zip(word, x, strict=True)]
    return f.softplus(-dot(mixed, near)) + f.softplus(dot(mixed, far)) + f.softplus(dot(mixed, other))


@program(3 * 2 + 4 * 2, 3, 4)
def matrix_factorisation(f: Any, p: list[Any], x: Any) -> Any:
    w = Weights(p)
    rows, columns = w.matrix(3, 2), w.matrix(4, 2)
    return squares([dot(r, c) - x[i][j] for i, r in enumerate(rows) for j, c in enumerate(columns)])


@program(2 * 4, 3, 3)
def triplet_loss(f: Any, p: list[Any], x: Any) -> Any:
    w = Weights(p)
    matrix, biases = w.matrix(2, 3), w.vector(2)
    anchor, near, far = ([f.tanh(dot(row, one) + b) for row, b in zip(matrix, biases, strict=True)] for one in x)

    def apart(a: Any, b: Any) -> Any:
        return squares([c - d for c, d in zip(a, b, strict=True)])

    return f.relu(apart(anchor, near) - apart(anchor, far) + 0.5)


@program(3, 6, 2)
def robust_regression(f: Any, p: list[Any], x: Any) -> Any:
    """A parabola through points, with Huber's loss."""
    off = [v - (p[0] + p[1] * u + p[2] * u * u) for u, v in x]
    return total(f.where(f.less(f.abs(e), 0.5), 0.5 * e * e, 0.5 * (f.abs(e) - 0.25)) for e in off)


@program(3, 4)
def gaussian_process(f: Any, p: list[Any], x: Any) -> Any:
    """Negative log likelihood of four observations at fixed places, by a Cholesky factor."""
    places = [0.0, 0.4, 1.0, 1.9]
    size, width, noise = (f.exp(one) for one in p)
    kernel = [
        [size * f.exp(-((a - b) ** 2) / width) + (noise if i == j else 0.0) for j, b in enumerate(places)]
        for i, a in enumerate(places)
    ]
    lower: list[list[Any]] = []
    for i in range(4):
        row: list[Any] = []
        for j in range(i + 1):
            rest = (
                kernel[i][j] - dot(row, lower[j][:j])
                if j and j < i
                else kernel[i][j] - squares(row)
                if row
                else kernel[i][j]
            )
            row.append(f.sqrt(rest) if i == j else rest / lower[j][j])
        lower.append(row)
    z: list[Any] = []
    for i in range(4):
        z.append((x[i] - dot(lower[i][:i], z)) / lower[i][i] if z else x[i] / lower[i][i])
    return 0.5 * squares(z) + total(f.log(lower[i][i]) for i in range(4))


@program(3, 2)
def robot_arm(f: Any, p: list[Any], x: Any) -> Any:
    """How far the hand of a planar arm of three links is from its target."""
    angles = [p[0], p[0] + p[1], p[0] + p[1] + p[2]]
    hand = [
        total(length * turn(angle) for length, angle in zip((1.0, 0.8, 0.5), angles, strict=True))
        for turn in (f.cos, f.sin)
    ]
    return squares([a - b for a, b in zip(hand, x, strict=True)]) + 0.01 * squares(p)


@program(5 * 3 + 3 * 4, 4)
def gated_unit(f: Any, p: list[Any], x: Any) -> Any:
    """A feed-forward block with a gate (Shazeer 2020) and root mean square normalisation."""
    w = Weights(p)
    size = f.sqrt(squares(x) / 4.0 + 1e-6)
    unit = [one / size for one in x]
    gate, value = w.affine(unit, 3), [dot(row, unit) for row in w.matrix(3, 4)]
    return squares([f.silu(a) * b for a, b in zip(gate, value, strict=True)])
