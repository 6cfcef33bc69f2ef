"""Looking up by a token, node by node."""

from __future__ import annotations

import copy
import math
import operator
import pickle
from typing import Any

import numpy as np
import pytest

import viz
from autograd_core import Value, explain, grad, gradcheck, lookup, no_grad, topological_order
from autograd_core.lookup import Lookup


def table() -> list[list[Value]]:
    return [[Value(10.0 * i + j) for j in range(2)] for i in range(3)]


def test_each_column_gives_a_node_on_the_token_and_the_chosen_entry() -> None:
    rows, token = table(), Value(1.0)
    chosen = lookup(rows, token)
    for column, node in enumerate(chosen):
        assert node.inputs == (token, rows[1][column])
        assert isinstance(node.op, Lookup)
        assert node.op.column == (rows[0][column], rows[1][column], rows[2][column])
    (chosen[0] * chosen[1]).backward()
    assert [entry.grad for entry in rows[1]] == [11.0, 10.0]
    assert [entry.grad for row in (rows[0], rows[2]) for entry in row] == [0.0] * 4
    assert token.grad == 0.0


def test_a_plain_token_is_an_index() -> None:
    rows = table()
    assert lookup(rows, 2) == rows[2]
    assert lookup(rows, np.int64(0)) == rows[0]
    assert lookup(rows[0], 1.0) is rows[0][1]
    assert lookup(np.array(rows), 2) == rows[2]
    assert lookup([5.0, 6.0], 1) == 6.0


@pytest.mark.parametrize("arranged", [list, tuple, np.array])
def test_tables_of_any_kind(arranged: Any) -> None:
    rows = table()
    assert [node.data for node in lookup(arranged(rows), Value(2.0))] == [20.0, 21.0]
    assert lookup(arranged(rows[1]), Value(1.0)).data == 11.0
    assert lookup(arranged([1.5, 2.5]), Value(1.0)).data == 2.5


@pytest.mark.parametrize("wrong", [-1.0, 3.0, 0.5, math.nan, math.inf, -1e300])
@pytest.mark.parametrize("as_token", [Value, float])
def test_tokens_that_choose_nothing(wrong: float, as_token: Any) -> None:
    with pytest.raises(ValueError, match="among 3 entries by a whole number from 0 to 2, got "):
        lookup(table(), as_token(wrong))


@pytest.mark.parametrize("wrong", ["1", None, 1j, [1]])
def test_tokens_that_are_no_numbers(wrong: Any) -> None:
    with pytest.raises(TypeError, match="lookup takes an int, float or NumPy real scalar"):
        lookup(table(), wrong)


@pytest.mark.parametrize("wrong", [[[Value(0.0)], [Value(1.0), Value(2.0)]], [[Value(0.0)], Value(1.0)]])
def test_tables_that_are_ragged(wrong: Any) -> None:
    with pytest.raises(ValueError, match="rows of one length"):
        lookup(wrong, Value(0.0))


def test_an_empty_table() -> None:
    with pytest.raises(ValueError, match="at least one entry"):
        lookup([], Value(0.0))


@pytest.mark.parametrize("asked", [lambda v: [1, 2][v], lambda v: np.arange(3)[v], operator.index, lambda v: range(v)])
def test_a_value_is_no_index(asked: Any) -> None:
    with pytest.raises((TypeError, IndexError)) as caught:
        asked(Value(1.0))
    if isinstance(caught.value, TypeError):
        assert "use lookup(table, value) of autograd_core" in str(caught.value)


def test_later_changes_of_the_table_change_nothing() -> None:
    rows, token = table(), Value(1.0)
    node, kept = lookup(rows, token)[0], rows[0][0]
    rows[0][0] = Value(5.0)
    assert node.op.column[0] is kept


def test_copies_choose_among_copies() -> None:
    flat = [Value(3.0) * Value(2.0), Value(5.0)]
    node = lookup(flat, Value(1.0)) * 2.0
    for twin in (copy.deepcopy(node), pickle.loads(pickle.dumps(node))):
        chosen = twin.inputs[0]
        assert chosen.op.column[1] is chosen.inputs[1]
        assert chosen.op.column[0].data == 6.0
        assert chosen.op.column[0].op is flat[0].op
        assert flat[0] not in topological_order(twin)
        assert chosen.op.column[0] is not flat[0]


def test_derivatives_of_first_and_second_order() -> None:
    def looked_up(x: Any) -> Any:
        return lookup([x * x, x * x * x], Value(1.0)) * x

    assert gradcheck(looked_up, 1.5)
    assert grad(grad(looked_up))(1.5) == pytest.approx(12.0 * 1.5**2)


def test_nothing_is_recorded_in_no_grad() -> None:
    with no_grad():
        assert lookup(table(), Value(1.0))[0].inputs == ()


def test_lookups_are_drawn_explained_and_stepped_through() -> None:
    rows, token = table(), Value(1.0, label="token")
    node = lookup(rows, token)[1] * 3.0
    assert "lookup" in viz.draw(node).source
    assert "lookup" in str(explain(node, rows[1][1]))
    assert viz.Stepper(node).html()
