"""The array form checks itself, prints itself, and holds equal operations once."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest

from autograd_core import Value, compile, functions, primitives
from autograd_core.compiler.ir import Form
from autograd_core.compiler.kinds import (
    Broadcast,
    Call,
    Constant,
    Gather,
    Input,
    Kind,
    MatMul,
    Not,
    Numbers,
    Positions,
    Reduce,
    SampleProduct,
    Scatter,
    ScatterAdd,
    Segments,
    Share,
    VecDot,
    View,
)
from autograd_core.compiler.steps import FormError, Range, Reshape, Subscript, Transpose
from tests.autograd_core.compiler.agreement import nodes

LAYER = """\
parameters : [8]         input
x          : [batch, 3]  input
b          : [2]                     = parameters[3::4]
W          : [2, 3]                  = parameters.reshape(2, 4)[:, :3]
z1         : [batch, 2]  linear      = x @ W.T + b
tanh1      : [batch, 2]  tanh        = tanh(z1)
value      : [batch]     the output  = vecdot(tanh1, tanh1)
d_value    : [batch]                 = 1.0 / batch
d_tanh1    : [batch, 2]              = 2.0 * d_value[None] * tanh1
d_z1       : [batch, 2]              = d_tanh1 * (1.0 - tanh1 * tanh1)
gradient   : [8]                     = broadcast(0.0)
d_b        : [2]                     = d_z1.sum(batch)
gradient   : [8]                     = gradient with [3::4] = d_b
d_W        : [2, 3]                  = d_z1.T @ x
gradient   : [8]                     = gradient with .reshape(2, 4)[:, :3] = d_W"""


def layer() -> Form:
    """A layer of two neurons with three inputs, and the sum of the squares of its outputs."""
    weights = [Value(0.1, label=f"neurons.{k // 4}.{'wwwb'[k % 4]}") for k in range(8)]
    for weight in weights:
        weight.label = weight.label[len("neurons.0.") :]
    x = nodes([1.0, 2.0, 3.0])
    rows = [weights[:4], weights[4:]]
    hidden = [functions.tanh(sum((w * n for w, n in zip(row[:3], x, strict=True)), row[3])) for row in rows]
    loss = sum((h * h for h in hidden), Value(0.0))
    return compile(loss, [x], weights, "numpy").form


def test_forward_and_backward_are_one_list_that_prints_itself() -> None:
    form = layer()
    assert str(form) == LAYER
    assert form.forward is not None
    assert next(one.name for one in form.operations[form.forward :] if one.name) == "d_value"
    assert [type(form[place].kind) for place in form.results] == [VecDot, Scatter]


def test_a_form_checks_itself_and_compares_equal() -> None:
    form, other = layer(), layer()
    form.check()
    assert form == other
    assert pickle.loads(pickle.dumps(form)) == form
    other.add(Input("y", ()))
    assert form != other


def test_a_wrong_type_is_found() -> None:
    form = layer()
    place = next(place for place, one in enumerate(form.operations) if isinstance(one.kind, MatMul))
    form.operations[place] = replace(form.operations[place], shape=(3,))
    with pytest.raises(FormError, match=f"operation {place} has another type than its operands say"):
        form.check()


def test_an_operand_that_comes_later_is_found() -> None:
    form = layer()
    with pytest.raises(FormError, match="operation 0 uses what comes after it"):
        Form(form.operations[::-1]).check()


def test_reading_what_was_written_into_is_found() -> None:
    form = Form()
    x = form.add(Input("x", ()))
    zeros = form.add(Broadcast(x, (3,), False), own=True)
    form.add(Scatter(zeros, x, (Subscript((0,)),), add=False))
    form.check()
    form.add(Reduce(zeros, 0))
    with pytest.raises(FormError, match="uses an array that was written into"):
        form.check()


def test_equal_operations_are_one() -> None:
    form = Form()
    x, y = form.add(Input("x", (2,))), form.add(Input("y", (2,)))
    assert form.add(Call(primitives.mul, (x, y))) == form.add(Call(primitives.mul, (x, y)))
    assert form.add(Call(primitives.mul, (y, x))) != form.add(Call(primitives.mul, (x, y)))
    assert len(form.operations) == 4


@pytest.mark.parametrize(("one", "other"), [(0.0, -0.0), (1.0, 1), (1.0, [1.0])])
def test_numbers_are_compared_by_their_bits(one: object, other: object) -> None:
    assert Numbers(one) != Numbers(other)
    assert Numbers(np.nan) == Numbers(np.nan)
    assert hash(Numbers([1, 2])) == hash(Numbers([1, 2]))


def inputs() -> Form:
    """Operations 0 to 7: of shapes [3], [batch, 3], [2, 3], [batch, 2, 3], [batch], positions of shapes [2] and [],
    and positions of each sample of shape [batch]."""
    form = Form()
    form.add(Input("v", (3,)))
    form.add(Input("x", (3,), batched=True))
    form.add(Input("W", (2, 3)))
    form.add(Input("X", (2, 3), batched=True))
    form.add(Share())
    form.add(Constant(Numbers([0, 1])))
    form.add(Constant(Numbers(0)))
    form.add(Positions(4, 3, 1, 6))
    return form


@pytest.mark.parametrize(
    ("kind", "shape", "batched"),
    [
        (View(3, (Transpose((1, 0)), Subscript((Range(1, None, 1), None, 0)))), (2, 1), True),
        (View(2, (Reshape((3, 2)),)), (3, 2), False),
        (View(0, (Subscript((Range(0, 3, 2),)),)), (2,), False),
        (Broadcast(0, (4, 3), True), (4, 3), True),
        (Gather(1, 5), (2,), True),
        (Positions(1, 3, 2, 6), (3,), True),
        (Gather(0, 7), (), True),
        (Gather(1, 7), (), True),
        (ScatterAdd(4, 7, (2, 3), False), (2, 3), False),
        (ScatterAdd(4, 7, (2, 3), True), (2, 3), True),
        (Scatter(1, 4, (Subscript((0,)),), True), (3,), True),
        (Call(primitives.add, (3, 0)), (2, 3), True),
        (Call(primitives.tanh, (1,)), (3,), True),
        (MatMul(2, 0), (2,), False),
        (MatMul(2, 1), (2,), True),
        (SampleProduct(1, 1), (3, 3), False),
        (SampleProduct(3, 3, terms=True), (3, 3), False),
        (SampleProduct(4, 1), (3,), False),
        (VecDot(3, 0), (2,), True),
        (Reduce(3, 0), (3,), True),
        (Reduce(3, None), (2, 3), False),
        (Segments(1, 5), (2,), True),
    ],
)
def test_types(kind: Kind, shape: tuple[int, ...], batched: bool) -> None:
    form = inputs()
    one = form[form.add(kind)]
    assert (one.shape, one.batched) == (shape, batched)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (MatMul(2, 2), "inner axes of one length"),
        (Call(primitives.add, (1, 2)), "all axes of a batch"),
        (Call(primitives.add, (1,)), "as many operands as the primitive takes"),
        (Call(primitives.tanh, (1,), boolean=True), "a comparison"),
        (Not(1), "a boolean"),
        (SampleProduct(1, 0), "two batches"),
        (Reduce(0, None), "a batch, which is summed"),
        (Reduce(1, None, "max"), "a batch, which is summed"),
        (Reduce(0, 1), "an axis of the array"),
        (View(0, (Reshape((2,)),)), "as many elements"),
        (View(2, (Transpose((0, 0)),)), "each axis once"),
        (View(2, (Subscript((0,)),)), "an index for each axis"),
        (View(2, (Subscript((0, 3)),)), "an index inside the axis"),
        (Broadcast(3, (2, 3), False), "a batch stays one"),
        (Broadcast(2, (3,), False), "broadcasting"),
        (Scatter(0, 1, (), True), "a batch stays one"),
        (Scatter(1, 3, (), True), "a part that fits"),
        (Segments(2, 5), "a vector, and starts"),
        (VecDot(0, 5), "last axes of one length"),
        (Positions(4, 3, 1, 5), "all axes of a batch"),
        (Positions(0, 3, 0, 6), "positions that start alike"),
        (ScatterAdd(1, 7, (3,), False), "a position for each element"),
        (ScatterAdd(0, 5, (3,), True), "a position for each element"),
        (ScatterAdd(5, 5, (3,), True), "a batch to add"),
    ],
)
def test_operands_that_do_not_fit(kind: Kind, message: str) -> None:
    with pytest.raises(FormError, match=message):
        inputs().add(kind)
