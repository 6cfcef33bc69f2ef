"""Sections of terms are matched with the operation that a careful person would write, seen on the printed form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd_core import Value, compile, functions
from tests.autograd_core.compiler.agreement import assert_agrees, nodes


def total(terms: Any) -> Value:
    return sum(terms, Value(0.0))


def matrix(p: list[Any], columns: int) -> list[list[Any]]:
    return [p[k : k + columns] for k in range(0, len(p), columns)]


def vector(p: list[Any], x: list[Any]) -> list[Any]:
    return [total(w * n for w, n in zip(row, x[0], strict=True)) for row in matrix(p, 3)]


def rows_picked(p: list[Any], x: list[Any]) -> list[Any]:
    return [total(p[k : k + size]) * x[0][0] for k, size in ((0, 3), (3, 1), (4, 2))]


def one_each(p: list[Any], x: list[Any]) -> list[Any]:
    return [p[k] * x[0][k % 3] for k in range(6)]


def constants(p: list[Any], x: list[Any]) -> list[Any]:
    return [total(c * n for c, n in zip(row, x[0], strict=True)) for row in ([1.0, 2.0, 3.0], [4.0, 5.0, 7.0])]


def largest(p: list[Any], x: list[Any]) -> list[Any]:
    tops = [functions.detach(functions.maximum(functions.maximum(*row[:2]), row[2])) for row in matrix(p, 3)]
    return [top * x[0][0] for top in tops]


def squares(p: list[Any], x: list[Any]) -> list[Any]:
    return [total(functions.exp(w) * functions.exp(w) for w in row) for row in matrix(p, 3)]


def heads(p: list[Any], x: list[Any]) -> list[Any]:
    """Two products of a 2 x 3 with a 3 x 2 matrix, of tanh of the parameters."""
    h = [functions.tanh(w) for w in p]
    left, right = [matrix(h[k : k + 6], 3) for k in (0, 12)], [matrix(h[k : k + 6], 2) for k in (6, 18)]
    return [
        total(a[i][k] * b[k][j] for k in range(3))
        for a, b in zip(left, right, strict=True)
        for i in (0, 1)
        for j in (0, 1)
    ]


MATCHED: dict[str, tuple[Callable[[list[Any], list[Any]], list[Any]], int, str]] = {
    "a matrix product": (vector, 6, "x @ P1.T"),
    "stretches of different lengths": (rows_picked, 6, "sum_segments(parameters, at1)"),
    "element by element": (one_each, 6, "= parameters * x_at1"),
    "a constant matrix": (constants, 1, "x @ c1.T"),
    "the largest": (largest, 6, "P1.max(1)"),
    "a dot product by rows": (squares, 6, "vecdot(exp1.reshape(2, 3), exp1.reshape(2, 3))"),
    "a stack of products": (heads, 24, "@"),
}


@pytest.mark.parametrize("name", MATCHED)
def test_a_section_is_one_operation(name: str) -> None:
    build, count, expected = MATCHED[name]
    p, x = nodes([0.1 * k for k in range(count)]), nodes([1.0, 2.0, 3.0])
    form = compile(build(p, [x]), [x], p, "numpy").form
    form.check()
    lines = str(form)
    assert expected in lines, lines


def convolution(channels: int, size: int) -> Callable[[list[Any], list[Any]], Value]:
    """Two layers of a convolution by windows of 2 x 2, of one and of some channels."""

    def build(p: list[Any], inputs: list[Any]) -> Value:
        weights, images, given = list(p), [inputs[0]], 1
        for _ in range(2):
            side, images_after = len(images[0]) - 1, []
            for _ in range(channels):
                window = [weights.pop(0) for _ in range(4 * given)]
                images_after.append(
                    [
                        [
                            functions.tanh(
                                total(
                                    window[4 * c + 2 * a + b] * images[c][i + a][j + b]
                                    for c in range(given)
                                    for a in (0, 1)
                                    for b in (0, 1)
                                )
                            )
                            for j in range(side)
                        ]
                        for i in range(side)
                    ]
                )
            images, given = images_after, channels
        return total(n * n for image in images for row in image for n in row)

    assert size > 2
    return build


@pytest.mark.parametrize(("channels", "size"), [(2, 5), (3, 4)])
def test_the_gradient_of_a_convolution_is_a_product_added_up_in_windows(channels: int, size: int) -> None:
    rng = np.random.default_rng(0)
    samples = [[rng.normal(size=(size, size)).tolist()] for _ in range(3)]
    count = 4 * channels + 4 * channels * channels
    program = assert_agrees(convolution(channels, size), rng.normal(size=count).tolist(), samples)["numpy"]
    lines = str(program.form).splitlines()
    assert sum("d_tanh1 with" in line and "+=" in line for line in lines) == 3, lines
    assert sum(".take(" in line for line in program.source.splitlines()) == 2  # a window each layer, forward
    assert "reduceat" not in program.source
    assert "at1 = positions(0, " in program.source


def test_what_feeds_nothing_but_a_comparison_gets_no_gradient() -> None:
    """On arrays too, where its siblings get one: 0 * inf would be nan."""

    def build(p: list[Any], _: Any) -> Value:
        logs = [functions.log(w) for w in p]
        return logs[0] + logs[1] + functions.where(functions.less(logs[2], 0.0), p[3], p[4])

    program = assert_agrees(build, [0.5, 2.0, 1.0, 3.0, 4.0])["numpy"]
    value, gradient = program.value_and_grad([0.5, 2.0, 0.0, 3.0, 4.0])
    assert value == pytest.approx(3.0)
    assert gradient.tolist() == [2.0, 0.5, 0.0, 1.0, 0.0]
