"""The source of a training step on the two moons, to be read: it is what a careful person would have written."""

from __future__ import annotations

import numpy as np
import pytest

import nn
from autograd_core import Value, compile

BATCHED = '''\
def value_and_grad(parameters, x, y):
    """The value, and its gradient with respect to the parameters: means over the batch.

    parameters  (337,)       flat
    x           (batch, 2)   input
    y           (batch,)     input
    z1          (batch, 16)  linear in layers.0.neurons.*
    relu1       (batch, 16)  relu in layers.0.neurons.*
    z2          (batch, 16)  linear in layers.1.neurons.*
    relu2       (batch, 16)  relu in layers.1.neurons.*
    z3          (batch,)     linear in layers.2.neurons.0
    z4          (batch,)     linear
    relu3       (batch,)     relu
    value       (batch,)     the output
    """
    batch = len(x)
    b1 = parameters[2:50:3]
    W1 = parameters[:48].reshape(16, 3)[:, :2]
    z1 = x @ W1.T + b1
    relu1 = relu(z1)
    b2 = parameters[64:336:17]
    W2 = parameters[48:320].reshape(16, 17)[:, :16]
    z2 = relu1 @ W2.T + b2
    relu2 = relu(z2)
    b3 = parameters[336]
    w3 = parameters[320:336]
    z3 = relu2 @ w3 + b3
    z4 = 1.0 - y * z3
    relu3 = relu(z4)
    value = 0.0001 * (parameters @ parameters) + relu3
    # backward
    d_value = np.full(batch, 1.0 / batch)
    d_z4 = d_value * ~(z4 <= 0.0)
    d_z3 = -d_z4 * y
    d_relu2 = d_z3[:, None] * w3
    d_z2 = d_relu2 * ~(z2 <= 0.0)
    d_relu1 = d_z2 @ W2
    d_z1 = d_relu1 * ~(z1 <= 0.0)
    gradient = np.zeros((337,))
    d_b1 = d_z1.sum(0)
    gradient[2:50:3] = d_b1
    d_W1 = d_z1.T @ x
    gradient[:48].reshape(16, 3)[:, :2] = d_W1
    d_b2 = d_z2.sum(0)
    gradient[64:336:17] = d_b2
    d_W2 = d_z2.T @ relu1
    gradient[48:320].reshape(16, 17)[:, :16] = d_W2
    d_b3 = d_z3.sum(0)
    gradient[336] = d_b3
    d_w3 = d_z3 @ relu2
    gradient[320:336] = d_w3
    d_parameters = 0.0002 * d_value.sum(0) * parameters
    gradient[...] += d_parameters
    return value.mean(), gradient
'''

UNROLLED = '''\
def value_and_grad(parameters):
    """The value, and its gradient with respect to the parameters.

    parameters  (337,)     flat
    c1          (100, 2)   constants
    c2          (100,)     constants
    c3          (100, 1)   constants
    z1          (100, 16)  linear in layers.0.neurons.*
    relu1       (100, 16)  relu in layers.0.neurons.*
    z2          (100, 16)  linear in layers.1.neurons.*
    relu2       (100, 16)  relu in layers.1.neurons.*
    z3          (100,)     linear
    relu3       (100,)     relu
    value       ()         the output
    """
    b1 = parameters[2:50:3]
    W1 = parameters[:48].reshape(16, 3)[:, :2]
    z1 = c1 @ W1.T + b1
    relu1 = relu(z1)
    b2 = parameters[64:336:17]
    W2 = parameters[48:320].reshape(16, 17)[:, :16]
    z2 = relu1 @ W2.T + b2
    relu2 = relu(z2)
    b3 = parameters[336]
    w3 = parameters[320:336]
    z3 = c2 * (relu2 @ w3) + b3 * c2 + 1.0
    relu3 = relu(z3)
    value = 0.0001 * (parameters @ parameters) + 0.01 * relu3.sum(-1)
    # backward
    d_z3 = 0.01 * ~(z3 <= 0.0)
    d_relu2 = d_z3[:, None] * w3 * c3
    d_z2 = d_relu2 * ~(z2 <= 0.0)
    d_relu1 = d_z2 @ W2
    d_z1 = d_relu1 * ~(z1 <= 0.0)
    gradient = np.zeros((337,))
    d_b1 = d_z1.sum(0)
    gradient[2:50:3] = d_b1
    d_W1 = d_z1.T @ c1
    gradient[:48].reshape(16, 3)[:, :2] = d_W1
    d_b2 = d_z2.sum(0)
    gradient[64:336:17] = d_b2
    d_W2 = d_z2.T @ relu1
    gradient[48:320].reshape(16, 17)[:, :16] = d_W2
    d_b3 = d_z3 @ c2
    gradient[336] = d_b3
    d_w3 = relu2.T @ (d_z3 * c2)
    gradient[320:336] = d_w3
    d_parameters = 0.0002 * parameters
    gradient[...] += d_parameters
    return value, gradient
'''


def hinge(model: nn.MLP, x: list[Value] | list[float], y: Value | float) -> Value:
    return nn.losses.hinge_loss(model(x), y)


def penalty(model: nn.MLP) -> Value:
    return 1e-4 * nn.losses.l2_penalty(model.parameters())


def body(source: str) -> str:
    """From the signature on, without helpers and constants."""
    return source[source.index("def value_and_grad") :]


def test_batched_moons() -> None:
    model, x, y = nn.MLP(2, [16, 16, 1], rng=0), [Value(0.0), Value(0.0)], Value(1.0)
    program = compile(hinge(model, x, y) + penalty(model), inputs=[x, y], parameters=model.parameters())
    assert body(program.source) == BATCHED
    assert "take" not in program.source
    assert "np.array" not in program.source  # no constants at all
    forward, backward = BATCHED.split("# backward")
    assert forward.count(" @ W") + forward.count(" @ w") == 3
    assert backward.count("d_z1.T @ x") == backward.count("d_z2.T @ relu1") == backward.count("d_z3 @ relu2") == 1


@pytest.fixture(scope="module")
def unrolled() -> tuple[nn.MLP, Value]:
    X, y = nn.data.moons(100, noise=0.1, rng=0)
    model = nn.MLP(2, [16, 16, 1], rng=0)
    losses = [hinge(model, row, label) for row, label in zip(X.tolist(), (2.0 * y - 1.0).tolist(), strict=True)]
    return model, sum(losses[1:], losses[0]) / 100.0 + penalty(model)


def test_moons_unrolled_in_one_graph(unrolled: tuple[nn.MLP, Value]) -> None:
    model, loss = unrolled
    program = compile(loss, parameters=model.parameters())
    assert body(program.source) == UNROLLED
    assert "take" not in program.source
    assert " at1" not in program.source  # no index constants: the constants are the samples and the labels
    assert program.statistics.recorded == 68_814
    assert program.statistics.operations < 60


def test_they_compute_the_same(unrolled: tuple[nn.MLP, Value]) -> None:
    model, loss = unrolled
    parameters = model.parameters()
    numbers = np.array([parameter.data for parameter in parameters])
    x, y = [Value(0.0), Value(0.0)], Value(1.0)
    batched = compile(hinge(model, x, y) + penalty(model), inputs=[x, y], parameters=parameters)
    X, labels = nn.data.moons(100, noise=0.1, rng=0)
    for parameter in parameters:
        parameter.grad = 0.0
    loss.backward()
    expected = [parameter.grad for parameter in parameters]
    for value, gradient in (
        compile(loss, parameters=parameters).value_and_grad(numbers),
        batched.value_and_grad(numbers, X, 2.0 * labels - 1.0),
    ):
        assert value == pytest.approx(loss.data, rel=1e-13)
        assert gradient == pytest.approx(expected, rel=1e-10, abs=1e-15)
