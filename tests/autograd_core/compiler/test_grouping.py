"""Matrix products are found in graphs of scalars, however they were recorded, and compute what the nodes do."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest

import nn
from autograd_core import Value, functions
from autograd_core.graph import collector_paused
from tests.autograd_core.compiler.agreement import assert_agrees

Layer = Callable[[list[list[Any]], list[Any], list[Any]], list[Any]]
ZERO = 0.0


def grid(parameters: list[Any], rows: int, columns: int) -> list[list[Any]]:
    """The next parameters as a matrix, which are taken off the list."""
    taken, parameters[:] = parameters[: rows * columns], parameters[rows * columns :]
    return [taken[k : k + columns] for k in range(0, rows * columns, columns)]


def turned(matrix: list[list[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*matrix, strict=True)]


def dot(left: list[Any], right: list[Any], start: Any = ZERO) -> Any:
    return sum((a * b for a, b in zip(left, right, strict=True)), start)


def affine(matrix: list[list[Any]], x: list[Any], biases: list[Any] | None = None) -> list[Any]:
    return [dot(row, x, bias) for row, bias in zip(matrix, biases or [ZERO] * len(matrix), strict=True)]


def tanh(xs: list[Any]) -> list[Any]:
    return [functions.tanh(x) for x in xs]


def squares(xs: list[Any]) -> Any:
    return sum(((x - 0.5) ** 2 for x in xs), Value(0.0))


class Case(NamedTuple):
    build: Callable[[list[Any], list[Any]], Any]
    parameters: int
    shapes: list[tuple[int, ...]]
    products: int
    """Matrix products in the source: one per matrix forward, one for its gradient, one for that of its argument."""
    unrolled: int
    """The same for many samples in one graph, where two matrices that take constants are one."""


def layer(p: list[Any], inputs: list[Any]) -> Any:
    return squares(tanh(affine(grid(p, 4, 3), inputs[0], p)))


def linear_layer(p: list[Any], inputs: list[Any]) -> Any:
    return squares(affine(grid(p, 4, 3), inputs[0], p))


def rows_with_biases(p: list[Any], inputs: list[Any]) -> Any:
    rows = grid(p, 4, 4)
    return squares(tanh([dot(row[:3], inputs[0], row[3]) for row in rows]))


def biases_first(p: list[Any], inputs: list[Any]) -> Any:
    (biases,) = grid(p, 1, 4)
    return squares(tanh(affine(grid(p, 4, 3), inputs[0], biases)))


def column_major(p: list[Any], inputs: list[Any]) -> Any:
    return squares(tanh(affine(turned(grid(p, 3, 4)), inputs[0], p)))


def two_layers(p: list[Any], inputs: list[Any]) -> Any:
    first, second = grid(p, 5, 3), grid(p, 4, 5)
    return squares(tanh(affine(second, tanh(affine(first, inputs[0])))))


def shared_weights(p: list[Any], inputs: list[Any]) -> Any:
    matrix = grid(p, 3, 3)
    return squares(tanh(affine(matrix, tanh(affine(matrix, inputs[0])))))


def residual(p: list[Any], inputs: list[Any]) -> Any:
    hidden = tanh(affine(grid(p, 3, 3), inputs[0]))
    return squares([h + n for h, n in zip(tanh(affine(grid(p, 3, 3), hidden)), hidden, strict=True)])


def tied(p: list[Any], inputs: list[Any]) -> Any:
    """Weights there, and transposed back, as in an autoencoder."""
    matrix = grid(p, 4, 3)
    back = affine(turned(matrix), tanh(affine(matrix, inputs[0])))
    return squares([b - n for b, n in zip(back, inputs[0], strict=True)])


def two_arguments(p: list[Any], inputs: list[Any]) -> Any:
    left, right = affine(grid(p, 4, 3), inputs[0]), affine(grid(p, 4, 2), inputs[1], p)
    return squares(tanh([a + b for a, b in zip(left, right, strict=True)]))


def several_losses(p: list[Any], inputs: list[Any]) -> Any:
    hidden = tanh(affine(grid(p, 4, 3), inputs[0]))
    heads = grid(p, 2, 4)
    one, other = tanh([dot(heads[0], hidden)])[0], functions.sigmoid(dot(heads[1], hidden))
    return (one - 0.3) ** 2 + (other - 0.7) ** 2 * 0.5


def one_hot(p: list[Any], inputs: list[Any]) -> Any:
    """A row of a table, picked by a one-hot vector, into a layer."""
    table = grid(p, 5, 4)
    return squares(tanh(affine(grid(p, 3, 4), affine(turned(table), inputs[0]))))


def recurrent(p: list[Any], inputs: list[Any]) -> Any:
    inner, outer = grid(p, 4, 4), grid(p, 4, 2)
    hidden: list[Any] = [Value(0.0)] * 4
    for x in inputs[0]:
        hidden = tanh([a + b for a, b in zip(affine(inner, hidden), affine(outer, x, p), strict=True)])
    return squares(hidden)


def linear_regression(p: list[Any], inputs: list[Any]) -> Any:
    return (dot(p[:6], inputs[0], p[6]) - inputs[1]) ** 2


def cross_entropy(p: list[Any], inputs: list[Any]) -> Any:
    hidden = tanh(affine(grid(p, 5, 3), inputs[0]))
    return -functions.log_softmax(affine(grid(p, 3, 5), hidden, p))[1]


def penalty(p: list[Any], inputs: list[Any]) -> Any:
    return layer(list(p), inputs) + 0.01 * dot(p, p)


def attention(p: list[Any], inputs: list[Any]) -> Any:
    queries, keys = grid(p, 2, 3), grid(p, 2, 3)
    asked, found = [affine(queries, x) for x in inputs[0]], [affine(keys, x) for x in inputs[0]]
    shares = [functions.softmax([dot(q, k) for k in found]) for q in asked]
    return sum((dot(row, [x[0] for x in inputs[0]]) for row in shares), Value(0.0))


def heads_of_attention(p: list[Any], inputs: list[Any], causal: bool) -> Any:
    """Each token asks all tokens, or those up to itself, in two heads of two dimensions."""
    asked, keys, values = ([affine(matrix, x) for x in inputs[0]] for matrix in [grid(p, 4, 3) for _ in range(3)])
    mixed = []
    for place, query in enumerate(asked):
        seen = place + 1 if causal else len(asked)
        for part in (slice(0, 2), slice(2, 4)):
            shares = functions.softmax([dot(query[part], key[part]) for key in keys[:seen]])
            mixed += [dot(shares, list(column)) for column in turned([value[part] for value in values[:seen]])]
    return squares(mixed)


CASES = {
    "layer": Case(layer, 16, [(3,)], 2, 2),
    "linear layer": Case(linear_layer, 16, [(3,)], 2, 2),
    "rows with biases": Case(rows_with_biases, 16, [(3,)], 2, 2),
    "biases first": Case(biases_first, 16, [(3,)], 2, 2),
    "column-major": Case(column_major, 16, [(3,)], 2, 2),
    "two layers": Case(two_layers, 35, [(3,)], 5, 5),
    "shared weights": Case(shared_weights, 9, [(3,)], 5, 5),
    "residual": Case(residual, 18, [(3,)], 5, 5),
    "tied": Case(tied, 12, [(3,)], 5, 5),
    "two arguments": Case(two_arguments, 24, [(3,), (2,)], 4, 2),
    "several losses": Case(several_losses, 20, [(3,)], 5, 5),
    "one-hot": Case(one_hot, 32, [(5,)], 5, 5),
    "recurrent": Case(recurrent, 28, [(5, 2)], 10, 10),
    "linear regression": Case(linear_regression, 7, [(6,), ()], 2, 2),
    "cross entropy": Case(cross_entropy, 33, [(3,)], 5, 5),
    "penalty": Case(penalty, 16, [(3,)], 2, 2),
    "attention": Case(attention, 12, [(4, 3)], 5, 6),
    "heads": Case(partial(heads_of_attention, causal=False), 36, [(4, 3)], 8, 9),
    "causal heads": Case(partial(heads_of_attention, causal=True), 36, [(4, 3)], 8, 9),
}

# Gathers by index that are left: terms that no view of their array brings in line.
PICKED = {"attention": 2, "heads": 3, "causal heads": 7}
PICKED_UNROLLED = {"attention": 3, "heads": 3, "causal heads": 7, "two arguments": 1, "recurrent": 1}

each_case = pytest.mark.parametrize("name", CASES)


def samples(case: Case, count: int) -> list[list[Any]]:
    rng = np.random.default_rng(0)
    return [[rng.normal(size=shape).tolist() for shape in case.shapes] for _ in range(count)]


def code(source: str) -> str:
    return re.sub(r'""".*?"""', "", source, flags=re.DOTALL)


def source_of(case: Case, unrolled: int = 0) -> str:
    """The source for arrays, of which value and gradient have been found right."""
    numbers = np.random.default_rng(1).normal(size=case.parameters).tolist()
    data = samples(case, unrolled or 5)

    def in_one_graph(parameters: list[Any], _: Any) -> Any:
        return sum((case.build(list(parameters), list(sample)) for sample in data), Value(0.0)) / len(data)

    with collector_paused():
        if unrolled:
            return code(assert_agrees(in_one_graph, numbers)["numpy"].source)
        return code(assert_agrees(lambda p, x: case.build(list(p), x), numbers, data)["numpy"].source)


@each_case
def test_a_sample_with_a_batch(name: str) -> None:
    source = source_of(CASES[name])
    assert source.count(" @ ") >= CASES[name].products, source
    assert source.count("take(") <= PICKED.get(name, 0), source


@each_case
def test_samples_unrolled_in_one_graph(name: str) -> None:
    source = source_of(CASES[name], unrolled=20)
    assert source.count(" @ ") >= CASES[name].unrolled, source
    assert source.count("take(") <= PICKED_UNROLLED.get(name, 0), source


@pytest.mark.slow
def test_a_hundred_samples_in_one_graph() -> None:
    short = source_of(CASES["two layers"], unrolled=10)
    long = source_of(CASES["two layers"], unrolled=100)
    assert long.count(" @ ") == short.count(" @ ") >= 5
    assert long.count("\n") <= short.count("\n") + 100 * 3  # the samples themselves, as numbers


def test_a_network_of_layers() -> None:
    model = nn.MLP(3, [4, 5, 2], activation="tanh", rng=0)

    def build(parameters: list[Value], inputs: list[Any]) -> Value:
        matrices = [(4, 3), (5, 4), (2, 5)]
        x, given = inputs[0], list(parameters)
        for place, (rows, columns) in enumerate(matrices):
            outputs = [dot(row[:columns], x, row[columns]) for row in grid(given, rows, columns + 1)]
            x = outputs if place == 2 else tanh(outputs)
        return squares(x)

    parameters = [parameter.data for parameter in model.parameters()]
    data = [[row.tolist()] for row in np.random.default_rng(0).normal(size=(4, 3))]
    by_hand = assert_agrees(build, parameters, data)["numpy"]
    assert code(by_hand.source).count(" @ ") == 8
    for sample in data:
        outputs = model([Value(number) for number in sample[0]])
        assert by_hand(parameters, *sample) == pytest.approx(squares(outputs).data, rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_parameters_in_random_order(seed: int) -> None:
    """No view has them, so they are picked by index."""
    order = np.random.default_rng(seed).permutation(35)

    def build(parameters: list[Any], inputs: list[Any]) -> Any:
        return two_layers([parameters[k] for k in order], inputs)

    case = CASES["two layers"]._replace(build=build)
    source = source_of(case)
    assert source.count(" @ ") >= 3, source
    assert source.count("\n") <= 50, source


def test_how_the_samples_are_given_does_not_matter() -> None:
    """As inputs of a graph with all samples in it, instead of as constants."""

    def build(parameters: list[Any], inputs: list[Any]) -> Any:
        return sum((two_layers(list(parameters), [x]) for x in inputs[0]), Value(0.0))

    source = source_of(Case(build, 35, [(20, 3)], 5, 5))
    assert source.count(" @ ") >= 5, source
    assert "take(" not in source, source
