"""A program's call: shapes, batches and kinds of numbers, what is refused, and that nothing else changes."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from autograd_core import Value, functions
from autograd_core.compiler import Program, compile
from autograd_core.compiler.program import Backend
from tests.autograd_core.compiler.agreement import assert_same, each_backend, nodes, record

W = [0.5, -1.0, 2.0, 0.25, 0.125, -0.375]  # exact in single precision too
X = np.random.default_rng(0).normal(size=(4, 2, 3))
Y = np.random.default_rng(1).normal(size=4)


def loss(parameters: list[Value], inputs: list[Any]) -> Value:
    x, y = inputs
    flat = [number for row in x for number in row]
    return (functions.tanh(sum(w * number for w, number in zip(parameters, flat, strict=True))) - y) ** 2


def made(backend: Backend) -> tuple[Program, list[Value]]:
    one = record(loss, [1.0] * 6, [np.zeros((2, 3)), 0.5])
    return compile(one.output, one.inputs, one.parameters, backend), one.parameters


def expected(k: int, y: float | None = None) -> np.ndarray:
    one = record(loss, W, [X[k], Y[k] if y is None else y])
    return np.array([one.value, *one.gradient])


def found(program: Program, *inputs: Any) -> np.ndarray:
    value, gradient = program.value_and_grad(W, *inputs)
    assert program(W, *inputs) == value
    return np.array([value, *gradient])


@each_backend
def test_batches(backend: Backend) -> None:
    program, _ = made(backend)
    mean = np.mean([expected(k) for k in range(4)], axis=0)
    assert_same(found(program, X, Y), mean)
    assert_same(found(program, X[1], Y[1]), expected(1))
    assert_same(found(program, X[1:2], Y[1:2]), expected(1))
    assert_same(found(program, X, Y[2]), np.mean([expected(k, Y[2]) for k in range(4)], axis=0))
    assert_same(found(program, X[:1], Y[2]), expected(0, Y[2]))


@each_backend
def test_kinds_of_numbers(backend: Backend) -> None:
    program, _ = made(backend)
    whole = np.arange(6).reshape(2, 3)
    reference = record(loss, W, [whole, 1.0])
    kinds: list[Any] = [
        whole,
        whole.tolist(),
        [tuple(row) for row in whole.tolist()],
        whole.astype(np.float32),
        whole > 9,
    ]
    for x in kinds[:4]:
        assert_same(found(program, x, 1), [reference.value, *reference.gradient])
    assert_same(program(W, kinds[4], True), record(loss, W, [np.zeros((2, 3)), 1.0]).value)
    assert_same(program(tuple(W), whole, np.float32(1.0)), reference.value)
    assert_same(program(np.array(W, dtype=np.float32), whole, 1.0), reference.value)


@each_backend
def test_layouts(backend: Backend) -> None:
    program, _ = made(backend)
    mean = np.mean([expected(k) for k in range(4)], axis=0)
    assert_same(found(program, np.asfortranarray(X), Y[::1]), mean)
    wide = np.zeros((8, 4, 6))
    wide[::2, ::2, ::2] = X
    assert_same(found(program, wide[::2, ::2, ::2], np.repeat(Y, 2)[::2]), mean)
    assert_same(found(program, X[::-1], Y[::-1]), mean)
    strided = np.repeat(W, 3)[::3]
    assert_same(program(strided, X, Y), mean[0])
    assert_same(found(program, np.broadcast_to(X[0], X.shape), Y[0]), expected(0))
    fixed = X.copy()
    fixed.flags.writeable = False
    assert_same(found(program, fixed, Y), mean)


@each_backend
@pytest.mark.parametrize(
    ("parameters", "inputs", "message"),
    [
        (W[:5], [X[0], 0.0], "parameters have shape (6,), got (5,)"),
        ([W], [X[0], 0.0], "parameters have shape (6,), got (1, 6)"),
        (0.5, [X[0], 0.0], "parameters have shape (6,), got ()"),
        (W, [X[0]], "the program takes parameters, x, y: 2 input(s), got 1"),
        (W, [X[0], 0.0, 0.0], "the program takes parameters, x, y: 2 input(s), got 3"),
        (W, [X[0].T, 0.0], "x has shape (2, 3), or (batch, 2, 3), got (3, 2)"),
        (W, [X[0, 0], 0.0], "x has shape (2, 3), or (batch, 2, 3), got (3,)"),
        (W, [X[None], 0.0], "x has shape (2, 3), or (batch, 2, 3), got (1, 4, 2, 3)"),
        (W, [X[0], [[0.0]]], "y has shape (), or (batch,), got (1, 1)"),
        (W, [X, Y[:3]], "y is a batch of 3 and an input before it one of 4"),
        (W, [X, Y[:1]], "y is a batch of 1 and an input before it one of 4"),
        (W, [X[:0], 0.0], "x is a batch of no samples"),
        (W, [X[0], []], "y is a batch of no samples"),
        (W, [X[:0], Y], "batch of"),
    ],
)
def test_wrong_calls(parameters: Any, inputs: list[Any], message: str, backend: Backend) -> None:
    program, _ = made(backend)
    for run in (program, program.value_and_grad):
        with pytest.raises(ValueError, match=re.escape(message)):
            run(parameters, *inputs)


@each_backend
@pytest.mark.parametrize("wrong", [["a"] * 6, [1j] * 6, [[1.0], [1.0, 2.0]], None], ids=repr)
def test_what_is_no_number_is_refused(wrong: Any, backend: Backend) -> None:
    one = record(lambda p, _: p[0] * p[5], W)
    program = compile(one.output, [], one.parameters, backend)
    with pytest.raises((TypeError, ValueError)):
        program.value_and_grad(wrong)
    with pytest.raises((TypeError, ValueError)):
        program(wrong)


@each_backend
def test_what_does_not_show_its_numbers_is_refused_by_name(backend: Backend) -> None:
    program, _ = made(backend)
    hidden = np.ma.MaskedArray(X[0], mask=np.eye(2, 3, dtype=bool))
    for run in (program, program.value_and_grad):
        with pytest.raises(ValueError, match="^x has masked entries; drop or fill them first"):
            run(W, hidden, 0.0)
        with pytest.raises(ValueError, match="^parameters has masked entries"):
            run(np.ma.MaskedArray(W, mask=np.eye(1, 6, dtype=bool)[0]), X[0], 0.0)
        with pytest.raises(TypeError, match="^parameters is a generator, which can be read only once; make a list"):
            run((w for w in W), X[0], 0.0)
        with pytest.raises(TypeError, match="^x must hold numbers in a rectangular arrangement: "):
            run(W, [[object()] * 3] * 2, 0.0)
    one = record(lambda p, _: p[0] * p[5], W)
    with pytest.raises(TypeError, match="^parameters is a generator"):
        compile(one.output, [], one.parameters, backend).value_and_grad(w for w in W)


@each_backend
@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ("1.0", TypeError, "it holds the string '1.0'; convert it first, as in float(text)"),
        (1j, TypeError, "it holds complex numbers; use their .real and .imag"),
        (None, TypeError, "it holds None"),
        (10**400, ValueError, "one is beyond the largest float, about 1.8e308"),
        (Value(1.0), TypeError, "it holds nodes; take their .data."),
        (np.datetime64("2026-11-22"), TypeError, "it holds np.datetime64('2026-11-22')"),
    ],
    ids=repr,
)
def test_what_is_no_number_is_named(wrong: Any, error: type[Exception], message: str, backend: Backend) -> None:
    program, _ = made(backend)
    one = record(lambda p, _: p[0] * p[5], W)
    alone = compile(one.output, [], one.parameters, backend)
    for run in (program, program.value_and_grad, program.jacobian, lambda w, x, y: program.hvp(w, W, x, y)):
        with pytest.raises(error, match="^x must hold numbers in a rectangular arrangement.*" + re.escape(message)):
            run(W, [[wrong] * 3] * 2, 0.0)
        with pytest.raises(error, match="^parameters must hold numbers.*" + re.escape(message)):
            run([wrong] * 6, X[0], 0.0)
    for run in (alone, alone.value_and_grad):
        with pytest.raises(error, match="^parameters must hold numbers.*" + re.escape(message)):
            run([wrong] * 6)
    with pytest.raises(TypeError, match="^x must hold numbers.*it holds the string 'a'"):
        program(W, np.full((2, 3), "a"), 0.0)
    with pytest.raises(TypeError, match="^x must hold numbers.*complex"):
        program(W, X[0] + 1j, 0.0)


@each_backend
def test_numbers_of_any_kind_in_objects(backend: Backend) -> None:
    program, _ = made(backend)
    objects = np.array([[1, 2.0, True], [np.float32(0.5), np.int8(3), 10**20]], dtype=object)
    assert_same(program(W, objects, 1.0), program(W, objects.astype(float), 1.0))
    assert_same(program(W, objects.tolist(), 1.0), program(W, objects.astype(float), 1.0))


@each_backend
def test_nothing_else_changes(backend: Backend) -> None:
    program, leaves = made(backend)
    parameters, x, y = np.array(W), X.copy(), Y.copy()
    first_value, first = program.value_and_grad(parameters, x, y)
    assert (parameters.tolist(), x.tolist(), y.tolist()) == (W, X.tolist(), Y.tolist())
    assert [(leaf.data, leaf.grad) for leaf in leaves] == [(1.0, leaf.grad) for leaf in leaves]
    kept = first.tolist()
    first[:] = np.nan
    second_value, second = program.value_and_grad(parameters, x, y)
    assert (second_value, second.tolist()) == (first_value, kept)
    parameters[:] = 0.0
    x[:], y[:] = 0.0, 0.0
    assert second.tolist() == kept
    assert program(W, X, Y) == first_value


@each_backend
@pytest.mark.parametrize(
    "build",
    [
        lambda p, x: sum(p, Value(0.0)),
        lambda p, x: sum((w * n for w, n in zip(p, x, strict=True)), Value(0.0)),
        lambda p, x: p[0],
        lambda p, x: sum(x, Value(1.0)),
    ],
    ids=["sum", "dot", "leaf", "no parameter"],
)
def test_gradient_is_a_new_array(build: Any, backend: Backend) -> None:
    x, p = nodes([1.0, 2.0, 3.0]), nodes([4.0, 5.0, 6.0])
    program = compile(build(p, x), [x], p, backend)
    for inputs in (np.array([1.0, 2.0, 3.0]), np.array([[1.0, 2.0, 3.0]]), np.ones((4, 3))):
        parameters, before = np.array([4.0, 5.0, 6.0]), inputs.copy()
        gradient = program.value_and_grad(parameters, inputs)[1]
        kept = gradient.copy()
        gradient += 100.0
        assert (parameters.tolist(), inputs.tolist()) == ([4.0, 5.0, 6.0], before.tolist())
        assert program.value_and_grad(parameters, inputs)[1].tolist() == kept.tolist()


@each_backend
def test_backward_adds_to_the_gradients(backend: Backend) -> None:
    program, leaves = made(backend)
    for leaf, number in zip(leaves, W, strict=True):
        leaf.data, leaf.grad = number, 10.0
    leaves[0].grad = None
    value = program.backward(X[1], Y[1])
    assert_same([value, *(leaf.grad for leaf in leaves)], expected(1) + np.array([0.0, 0.0, *[10.0] * 5]))
    assert all(type(leaf.grad) is float for leaf in leaves)
    program.backward(X, Y)
    mean = np.mean([expected(k) for k in range(4)], axis=0)
    assert_same([leaf.grad for leaf in leaves], (expected(1) + mean)[1:] + np.array([0.0, *[10.0] * 5]))
    with pytest.raises(ValueError, match="takes parameters, x, y"):
        program.backward(X)
    assert [leaf.data for leaf in leaves] == W


@each_backend
def test_threads(backend: Backend) -> None:
    program, _ = made(backend)
    wanted = [program.value_and_grad(W, X[k], Y[k]) for k in range(4)]
    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(lambda k: program.value_and_grad(W, X[k % 4], Y[k % 4]), range(200)))
    for k, (value, gradient) in enumerate(got):
        assert (value, gradient.tolist()) == (wanted[k % 4][0], wanted[k % 4][1].tolist())
