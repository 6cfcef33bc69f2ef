"""A saved program refuses what a Program refuses, by the same words, and needs nothing of this project."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograd_core import Program, Value, compile
from autograd_core.compiler.program import Backend
from tests.autograd_core.compiler.agreement import assert_same, each_backend, nodes

W = [0.5, -1.0, 2.0]
X, Y = np.random.default_rng(0).normal(size=(4, 3)), np.random.default_rng(1).normal(size=4)


def saved(backend: Backend, tmp_path: Path) -> tuple[Program, Any]:
    w, x, y = nodes(W), nodes([0.0, 0.0, 0.0]), Value(0.0)
    output = (sum((a * b for a, b in zip(w, x, strict=True)), Value(0.0)) - y) ** 2
    program = compile(output, [x, y], w, backend)
    text = program.save(tmp_path / "saved.py").read_text(encoding="utf-8")
    assert "autograd_core" not in text
    space: dict[str, Any] = {}
    exec(text, space)
    return program, space["value_and_grad"]


WRONG: list[tuple[list[Any], type[Exception], str]] = [
    ([[*W, 1.0], X[0], 0.0], ValueError, "parameters have shape (3,), got (4,); they are the first argument"),
    ([W, X[0]], ValueError, "the program takes parameters, x, y: 2 input(s), got 1"),
    ([W, X[0], 0.0, 0.0], ValueError, "the program takes parameters, x, y: 2 input(s), got 3"),
    ([W, ["a", "b", "c"], 0.0], TypeError, "x must hold numbers in a rectangular arrangement"),
    ([W, [1.0, 1j, 0.0], 0.0], TypeError, "x must hold numbers in a rectangular arrangement"),
    ([W, [[1.0], [1.0, 2.0], 0.0], 0.0], ValueError, "x must hold numbers in a rectangular arrangement"),
]
BATCHES: list[tuple[list[Any], type[Exception], str]] = [
    ([W, X, Y[:3]], ValueError, "y is a batch of 3 and an input before it one of 4"),
    ([W, X[:0], 0.0], ValueError, "x is a batch of no samples"),
    ([W, X[:, :2], Y], ValueError, "x has shape (3,), or (batch, 3), got (4, 2)"),
    ([W, X[0], [[0.0]]], ValueError, "y has shape (), or (batch,), got (1, 1)"),
]


@each_backend
@pytest.mark.parametrize(("given", "error", "message"), WRONG)
def test_what_is_refused(
    given: list[Any], error: type[Exception], message: str, backend: Backend, tmp_path: Path
) -> None:
    program, function = saved(backend, tmp_path)
    for run in (program.value_and_grad, function):
        with pytest.raises(error, match="^" + re.escape(message)):
            run(*given)


@pytest.mark.parametrize(("given", "error", "message"), BATCHES)
def test_batches_that_are_refused(given: list[Any], error: type[Exception], message: str, tmp_path: Path) -> None:
    program, function = saved("numpy", tmp_path)
    for run in (program.value_and_grad, function):
        with pytest.raises(error, match="^" + re.escape(message)):
            run(*given)


@each_backend
def test_lists_arrays_and_integers_are_taken(backend: Backend, tmp_path: Path) -> None:
    program, function = saved(backend, tmp_path)
    value, gradient = program.value_and_grad(W, [1.0, 2.0, 3.0], 1.0)
    kinds: list[Any] = [[1, 2.0, 3], (1.0, 2.0, 3.0), np.array([1, 2, 3]), np.array([1.0, 2.0, 3.0], np.float32)]
    for x in kinds:
        for w in (W, np.array(W)):
            found = function(w, x, 1)
            assert_same(found[0], value)
            assert_same(found[1], gradient)
    assert "The value, and its gradient" in function.__doc__
    if backend == "scalar":
        with pytest.raises(ValueError, match=re.escape("x has shape (3,), got (4, 3)")):
            function(W, X, 1.0)
    else:
        found, expected = function(W, X.tolist(), 0.5), program.value_and_grad(W, X, 0.5)
        assert_same(found[0], expected[0])
        assert_same(found[1], expected[1])
