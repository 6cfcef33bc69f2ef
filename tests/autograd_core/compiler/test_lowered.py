"""What is computed twice in a graph is computed once in its program, where that is no accident of the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from autograd_core import Value, compile
from autograd_core.compiler.lowering import lower
from autograd_core.functions import exp, tanh
from autograd_core.graph import collector_paused
from tests.autograd_core.compiler.agreement import assert_agrees


def lowered(output: Any, leaves: Sequence[Value]) -> str:
    outputs = output if isinstance(output, list) else [output]
    return str(lower(outputs, {leaf: (0, k) for k, leaf in enumerate(leaves)}, sources=1))


def dot(left: Sequence[Any], right: Sequence[Any]) -> Any:
    return sum((a * b for a, b in zip(left[1:], right[1:], strict=True)), left[0] * right[0])


def leaves(count: int) -> list[Value]:
    return [Value(0.1 * k + 0.1) for k in range(count)]


def test_equal_linear_nodes_are_one() -> None:
    w, x, b = leaves(3)
    assert lowered(tanh(w * x + b) * exp(w * x + b), [w, x, b]) == (
        "%4 = 1.0*%0*%1 + 1.0*%3\n%5 = tanh(%4)\n%8 = exp(%4)\n%10 = 1.0*%5*%8"
    )


def test_what_is_equal_because_its_operands_are_is_one() -> None:
    w, x = leaves(2)

    def chain() -> Value:
        y = x
        for _ in range(3):
            y = tanh(y - w + 1.0)
        return y

    once = lowered(chain(), [w, x]).splitlines()
    twice = lowered(chain() * chain(), [w, x]).splitlines()
    assert once[:-1] == twice[:-1]
    assert [line.count("*%") for line in (once[-1], twice[-1])] == [1, 2]


@pytest.mark.parametrize("offsets", [(1.0, 2.0), (1.0, -1.0), (1.0, 0.0)])
def test_other_offsets_are_other_nodes(offsets: tuple[float, float]) -> None:
    (x,) = leaves(1)
    one, other = offsets
    assert lowered(tanh(x + one) + exp(x + other), [x]).count("1.0*%0") == 2


def test_other_signs_and_other_orders_are_other_nodes() -> None:
    x, y = leaves(2)
    assert len(lowered(tanh(x - y) + tanh(y - x), [x, y]).splitlines()) == 5
    assert len(lowered(tanh(x + y) + tanh(y + x), [x, y]).splitlines()) == 5


def test_equal_outputs_are_both_there() -> None:
    x, y = leaves(2)
    assert len(lowered([x + y, x + y], [x, y]).splitlines()) == 2
    program = compile([x + y, tanh(x + y)], [], [x, y])
    assert program([1.0, 0.5]).tolist() == [1.5, tanh(1.5)]


def test_equal_rows_of_data_stay_rows_of_a_matrix() -> None:
    data = [[0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
    w = leaves(2)
    output: Any = sum(tanh(dot(row, w)) for row in data)
    source = compile(output, [], w, "numpy").source
    assert "c1 @ parameters" in source
    assert "take" not in source


def test_a_matrix_times_its_transpose_is_whole() -> None:
    w = leaves(12)
    rows = [w[k : k + 3] for k in range(0, 12, 3)]
    output: Any = sum(exp(dot(a, b)) for a in rows for b in rows)
    assert "P1 @ P1.T" in compile(output, [], w, "numpy").source


def test_windows_share_what_they_compute() -> None:
    def build(p: list[Any], x: list[Any]) -> Any:
        def hidden(k: int) -> Any:
            return tanh(p[0] * x[k] + p[1])

        return sum(exp(p[2] * hidden(k) + p[3] * hidden(k + 1)) for k in range(9))

    assert_agrees(lambda p, x: build(p, x[0]), [0.3, -0.2, 0.5, 0.7], [[[0.1 * k for k in range(10)]]])
    p, x = leaves(4), leaves(10)
    program = compile(build(p, x), [x], p, "numpy")
    assert "tanh1       (batch, 10)  tanh" in program.source


def test_equal_nodes_in_a_long_chain_take_no_longer_than_it_is() -> None:
    (x,) = leaves(1)
    with collector_paused():
        one = other = x
        for k in range(5_000):
            one, other = (one - x).tanh() + float(k), (other - x).tanh() + float(k)
        program = compile(one * other, [], [x])
    assert program.statistics.operations < 5_000 * 5
