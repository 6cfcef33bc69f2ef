"""Simulations, dynamic programming and control, as realistic programs."""

from __future__ import annotations

import math
from typing import Any

from autograd_core import Value
from autograd_core.functions import (
    cos,
    erf,
    exp,
    less,
    log_softmax,
    logsumexp,
    maximum,
    sin,
    tanh,
    where,
)
from autograd_core.graph import gradients
from tests.autograd_core.compiler.realistic import Matrix, affine, dot, each, program, squares, torch, total


def oscillator_on_tensors(W: Any, x: Any) -> Any:
    def slope(x: Any) -> Any:
        return torch.tanh(W @ x)

    for _ in range(4):
        a = slope(x)
        b = slope(x + 0.05 * a)
        c = slope(x + 0.05 * b)
        x = x + 0.1 / 6.0 * (a + 2.0 * b + 2.0 * c + slope(x + 0.1 * c))
    return (x**2).sum()


@program("neural ODE by Runge and Kutta", [(2, 2)], [(2,)], oscillator_on_tensors)
def neural_ode(W: Matrix, x: list[Any]) -> Value:
    def slope(x: list[Any], by: list[Any], step: float) -> list[Any]:
        return each(tanh, affine(W, [n + step * d for n, d in zip(x, by, strict=True)]))

    for _ in range(4):
        a = slope(x, x, 0.0)
        b = slope(x, a, 0.05)
        c = slope(x, b, 0.05)
        d = slope(x, c, 0.1)
        x = [n + 0.1 / 6.0 * (p + 2.0 * q + 2.0 * r + s) for n, p, q, r, s in zip(x, a, b, c, d, strict=True)]
    return squares(x)


def bodies_on_tensors(at: Any, going: Any, mass: Any) -> Any:
    for _ in range(3):
        apart = at[None] - at[:, None]
        weight = torch.exp(mass)[None, :, None] * (apart**2).sum(-1, keepdim=True).add(0.1) ** -1.5
        going = going + 0.1 * (apart * weight).sum(1)
        at = at + 0.1 * going
    return (at**2).sum()


@program("N-body", [(3, 2), (3, 2), (3,)], [], bodies_on_tensors)
def bodies(at: Matrix, going: Matrix, mass: list[Any]) -> Value:
    for _ in range(3):
        pulled = []
        for here, speed in zip(at, going, strict=True):
            force = list(speed)
            for there, m in zip(at, mass, strict=True):
                apart = [b - a for a, b in zip(here, there, strict=True)]
                weight = 0.1 * exp(m) * (squares(apart) + 0.1) ** -1.5
                force = [f + weight * d for f, d in zip(force, apart, strict=True)]
            pulled.append(force)
        going = pulled
        at = [[n + 0.1 * d for n, d in zip(*pair, strict=True)] for pair in zip(at, going, strict=True)]
    return squares([n for row in at for n in row])


def heat_on_tensors(u: Any, k: Any) -> Any:
    for _ in range(5):
        inner = u[1:-1] + 0.1 * torch.exp(k[1:-1]) * (u[2:] - 2.0 * u[1:-1] + u[:-2])
        u = torch.cat([u[:1], inner, u[-1:]])
    return (u**2).sum()


@program("heat equation", [(8,), (8,)], [], heat_on_tensors)
def heat(u: list[Any], k: list[Any]) -> Value:
    for _ in range(5):
        inner = [u[i] + 0.1 * exp(k[i]) * (u[i + 1] - 2.0 * u[i] + u[i - 1]) for i in range(1, 7)]
        u = [u[0], *inner, u[7]]
    return squares(u)


def forward_on_tensors(A: Any, B: Any, x: Any) -> Any:
    moves = torch.log_softmax(A, 1)
    alpha = -((x[0] - B) ** 2)
    for now in x[1:]:
        alpha = torch.logsumexp(alpha[:, None] + moves, 0) - (now - B) ** 2
    return -torch.logsumexp(alpha, 0)


@program("forward algorithm of a hidden Markov model", [(3, 3), (3,)], [(4,)], forward_on_tensors)
def forward_algorithm(A: Matrix, B: list[Any], x: list[Any]) -> Value:
    moves = [log_softmax(row) for row in A]
    alpha = [-((x[0] - b) ** 2) for b in B]
    for now in x[1:]:
        alpha = [
            logsumexp([a + row[k] for a, row in zip(alpha, moves, strict=True)]) - (now - B[k]) ** 2 for k in range(3)
        ]
    return -logsumexp(alpha)


def viterbi_on_tensors(A: Any, B: Any, x: Any) -> Any:
    best = B * x[0]
    for now in x[1:]:
        best = (best[:, None] + A).amax(0) + B * now
    return best.amax(0)


@program("Viterbi", [(3, 3), (3,)], [(4,)], viterbi_on_tensors)
def viterbi(A: Matrix, B: list[Any], x: list[Any]) -> Value:
    def largest(xs: list[Any]) -> Any:
        return maximum(maximum(xs[0], xs[1]), xs[2])

    best = [b * x[0] for b in B]
    for now in x[1:]:
        best = [largest([n + row[k] for n, row in zip(best, A, strict=True)]) + B[k] * now for k in range(3)]
    return largest(best)


def pole_on_tensors(w: Any, state: Any) -> Any:
    at, speed, angle, turn = state
    for _ in range(5):
        push = torch.where(w @ torch.stack([at, speed, angle, turn]) < 0.0, -1.0, 1.0) + torch.tanh(w[0] * angle)
        fall = (9.8 * torch.sin(angle) - torch.cos(angle) * push) / (1.0 + 0.3 * torch.cos(angle) ** 2)
        at, speed, angle, turn = (
            at + 0.02 * speed,
            speed + 0.02 * (push - 0.1 * fall),
            angle + 0.02 * turn,
            turn + 0.02 * fall,
        )
    return at**2 + angle**2


@program("cart-pole with where", [(4,)], [(4,)], pole_on_tensors)
def cart_pole(w: list[Any], state: list[Any]) -> Value:
    at, speed, angle, turn = state
    for _ in range(5):
        push = where(less(dot(w, [at, speed, angle, turn]), 0.0), -1.0, 1.0) + tanh(w[0] * angle)
        fall = (9.8 * sin(angle) - cos(angle) * push) / (1.0 + 0.3 * cos(angle) ** 2)
        at, speed, angle, turn = (
            at + 0.02 * speed,
            speed + 0.02 * (push - 0.1 * fall),
            angle + 0.02 * turn,
            turn + 0.02 * fall,
        )
    return at * at + angle * angle


def physics_on_tensors(w: Any, b: Any, v: Any, x: Any) -> Any:
    hidden = torch.tanh(w * x + b)
    second = (v * w**2 * -2.0 * hidden * (1.0 - hidden**2)).sum()
    return (second + torch.sin(x)) ** 2


@program("physics-informed loss", [(4,), (4,), (4,)], [()], physics_on_tensors)
def physics_informed(w: list[Any], b: list[Any], v: list[Any], x: Any) -> Value:
    at = x * 1.0
    output = total(out * tanh(weight * at + bias) for weight, bias, out in zip(w, b, v, strict=True))
    return (second_derivative(output, at) + sin(x)) ** 2


def second_derivative(output: Value, at: Value) -> Value:
    """d2 output / d at2, as a node."""
    for _ in range(2):
        (output,) = gradients(output, [at], create_graph=True)
    return output


def option_on_tensors(spot: Any, spread: Any, rate: Any, strike: Any) -> Any:
    volatility = torch.exp(spread)
    d = (spot - strike + rate + volatility**2 / 2.0) / volatility
    below, further = (0.5 * (1.0 + torch.erf(x / math.sqrt(2.0))) for x in (d, d - volatility))
    return torch.exp(spot) * below - torch.exp(strike - rate) * further


@program("Black-Scholes", [(), (), ()], [()], option_on_tensors)
def black_scholes(spot: Any, spread: Any, rate: Any, strike: Any) -> Value:
    """The price of a call over one year; spot and strike by their logarithms."""
    volatility = exp(spread)
    d = (spot - strike + rate + volatility**2 / 2.0) / volatility
    below, further = (0.5 * (1.0 + erf(x / math.sqrt(2.0))) for x in (d, d - volatility))
    return exp(spot) * below - exp(strike - rate) * further


def bundle_on_tensors(cameras: Any, points: Any, seen: Any) -> Any:
    angle, across, along = cameras.T[:, :, None]
    x, y = points.T[:, None]
    depth = torch.exp(torch.sin(angle) * x + torch.cos(angle) * y + along)
    return ((((torch.cos(angle) * x - torch.sin(angle) * y + across) / depth) - seen) ** 2).sum()


@program("bundle adjustment", [(2, 3), (4, 2)], [(2, 4)], bundle_on_tensors)
def bundle_adjustment(cameras: Matrix, points: Matrix, seen: Matrix) -> Value:
    errors = []
    for (angle, across, along), row in zip(cameras, seen, strict=True):
        for (x, y), at in zip(points, row, strict=True):
            depth = exp(sin(angle) * x + cos(angle) * y + along)
            errors.append((cos(angle) * x - sin(angle) * y + across) / depth - at)
    return squares(errors)


FRACTIONS = [0.0, 0.25, 0.5, 0.75]


def spline_on_tensors(knots: Any, target: Any) -> Any:
    t = torch.tensor(FRACTIONS, dtype=torch.float64)
    basis = torch.stack([-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2]) / 2.0
    return ((knots.unfold(0, 4, 1) @ basis - target) ** 2).sum()


@program("Catmull-Rom spline", [(6,)], [(3, 4)], spline_on_tensors)
def spline(knots: list[Any], target: Matrix) -> Value:
    errors = []
    for place, row in enumerate(target):
        for t, at in zip(FRACTIONS, row, strict=True):
            basis = [-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2]
            errors.append(total(b / 2.0 * knot for b, knot in zip(basis, knots[place:], strict=False)) - at)
    return squares(errors)


LABELS = [0, 1, 0, 2, 0]
"""Two symbols with blanks around them."""


def alignment_on_tensors(W: Any, x: Any) -> Any:
    chances = torch.log_softmax(x @ W.T, 1)[:, None]
    symbols = torch.tensor([[label for label in LABELS if label]])
    lengths = torch.tensor([len(chances)]), torch.tensor([symbols.shape[1]])
    return torch.nn.functional.ctc_loss(chances, symbols, *lengths, reduction="sum")


@program("connectionist temporal classification", [(3, 2)], [(5, 2)], alignment_on_tensors)
def temporal_classification(W: Matrix, x: Matrix) -> Value:
    chances = [log_softmax(affine(W, now)) for now in x]
    alpha: dict[int, Any] = {0: chances[0][LABELS[0]], 1: chances[0][LABELS[1]]}
    for now in chances[1:]:
        before, alpha = alpha, {}
        for place, label in enumerate(LABELS):
            skips = label != 0 and place >= 2 and LABELS[place - 2] != label
            ways = [before[k] for k in range(place - 1 - skips, place + 1) if k in before]
            if ways:
                alpha[place] = logsumexp(ways) + now[label]
    return -logsumexp([alpha[len(LABELS) - 2], alpha[len(LABELS) - 1]])


def prey_on_tensors(rates: Any, state: Any) -> Any:
    prey, hunters = torch.exp(state)
    a, b, c, d = torch.exp(rates)
    for _ in range(10):
        prey, hunters = (
            prey + 0.02 * (a * prey - b * prey * hunters),
            hunters + 0.02 * (c * prey * hunters - d * hunters),
        )
    return prey**2 + hunters**2


@program("Lotka-Volterra", [(4,)], [(2,)], prey_on_tensors)
def lotka_volterra(rates: list[Any], state: list[Any]) -> Value:
    prey, hunters = each(exp, state)
    a, b, c, d = each(exp, rates)
    for _ in range(10):
        prey, hunters = (
            prey + 0.02 * (a * prey - b * prey * hunters),
            hunters + 0.02 * (c * prey * hunters - d * hunters),
        )
    return prey * prey + hunters * hunters
