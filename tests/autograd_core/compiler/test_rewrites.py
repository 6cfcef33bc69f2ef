"""Small rewrites of the array form, seen on the printed form."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from autograd_core import primitives
from autograd_core.compiler import rewrites
from autograd_core.compiler.ir import Form
from autograd_core.compiler.kinds import Input, MatMul, Place
from autograd_core.compiler.rewrites import call, negative, number, plus, scaled, times, transposed, view
from autograd_core.compiler.steps import Range, Reshape, Subscript, Transpose

Build = Callable[[Form, Place, Place], Place]


def less(form: Form, x: Place, y: Place) -> Place:
    return call(form, primitives.less, [x, y])


def one_less(form: Form, x: Place) -> Place:
    return call(form, primitives.sub, [number(form, 1.0), x])


def quotient(form: Form, x: Place, y: Place) -> Place:
    return call(form, primitives.truediv, [x, y])


def chosen(form: Form, condition: Place, x: float, y: float) -> Place:
    return call(form, primitives.where, [condition, number(form, x), number(form, y)])


REWRITES: dict[str, tuple[Build, str]] = {
    "a scale of 1 is none": (lambda f, x, y: scaled(f, x, 1.0), "x"),
    "a scale goes to the front": (lambda f, x, y: scaled(f, times(f, x, y), 2.0), "2.0 * x * y"),
    "scales are one": (lambda f, x, y: scaled(f, scaled(f, x, 2.0), 3.0), "6.0 * x"),
    "a scale of -1 is a sign": (lambda f, x, y: scaled(f, times(f, x, y), -1.0), "-x * y"),
    "signs cancel": (lambda f, x, y: negative(f, negative(f, x)), "x"),
    "a sum with a negative is a difference": (lambda f, x, y: plus(f, x, negative(f, y)), "x - y"),
    "so is one with a negative scale": (lambda f, x, y: plus(f, x, scaled(f, y, -2.0)), "x - 2.0 * y"),
    "times 1": (lambda f, x, y: times(f, number(f, 1.0), x), "x"),
    "times a number": (lambda f, x, y: times(f, x, number(f, 0.5)), "0.5 * x"),
    "a product goes on": (lambda f, x, y: times(f, x, times(f, y, x)), "x * y * x"),
    "a quotient does not": (lambda f, x, y: times(f, x, quotient(f, y, x)), "x * (y / x)"),
    "a square is a product": (lambda f, x, y: call(f, primitives.pow, [x, number(f, 2.0)]), "x * x"),
    "a comparison next to a factor": (lambda f, x, y: times(f, x, less(f, x, y)), "x * (x < y)"),
    "its opposite": (lambda f, x, y: times(f, x, one_less(f, less(f, x, y))), "x * ~(x < y)"),
    "a comparison next to a number": (lambda f, x, y: one_less(f, less(f, x, y)), "1.0 - (x < y)"),
    "two comparisons": (
        lambda f, x, y: call(f, primitives.add, [less(f, x, y), less(f, y, x)]),
        "less(x, y) + less(y, x)",
    ),
    "a choice of 1 and 0": (lambda f, x, y: times(f, x, chosen(f, less(f, x, y), 1.0, 0.0)), "x * (x < y)"),
    "a choice of 0 and 1": (lambda f, x, y: times(f, x, chosen(f, less(f, x, y), 0.0, 1.0)), "x * ~(x < y)"),
    "a choice by a number": (lambda f, x, y: times(f, y, chosen(f, x, 1.0, 0.0)), "y * where(x, 1.0, 0.0)"),
    "a detached operand": (lambda f, x, y: call(f, primitives.detach, [x]), "x"),
    "a turn undoes a turn": (lambda f, x, y: transposed(f, transposed(f, x)), "x"),
    "turns are one": (
        lambda f, x, y: view(f, x, [Reshape((1, 2, 3)), Transpose((1, 2, 0)), Transpose((1, 2, 0))]),
        "x.reshape(1, 2, 3).transpose(2, 0, 1)",
    ),
    "a reshape follows a reshape": (lambda f, x, y: view(f, x, [Reshape((6,)), Reshape((3, 2))]), "x.reshape(3, 2)"),
    "a reshape to its own shape": (lambda f, x, y: view(f, x, [Reshape((6,)), Reshape((2, 3))]), "x"),
    "a view of a view": (
        lambda f, x, y: view(f, transposed(f, x), [Subscript((0, Range(0, None, 1)))]),
        "x.T[0, :]",
    ),
    "a sign outside a matrix product": (
        lambda f, x, y: negative(f, f.add(MatMul(x, transposed(f, y)))),
        "-(x @ y.T)",
    ),
    "a scaled matrix product": (
        lambda f, x, y: scaled(f, f.add(MatMul(x, transposed(f, y))), 0.5),
        "0.5 * (x @ y.T)",
    ),
}


@pytest.mark.parametrize("name", REWRITES)
def test_rewrites(name: str) -> None:
    build, expected = REWRITES[name]
    form = Form()
    x, y = form.add(Input("x", (2, 3))), form.add(Input("y", (2, 3)))
    place = build(form, x, y)
    form.check()
    if place == x:
        assert expected == "x"
        return
    form.name(place, "result")
    assert str(form).splitlines()[-1].partition(" = ")[2] == expected


def test_a_named_operation_is_left_as_it_is() -> None:
    form = Form()
    x = form.add(Input("x", (2,)))
    product = times(form, x, x)
    form.name(product, "z")
    for place in (scaled(form, product, 2.0), negative(form, product), times(form, x, product)):
        assert product in form[place].operands


def test_a_plain_number_keeps_the_sign_of_zero() -> None:
    form = Form()
    assert rewrites.number(form, 0.0) != rewrites.number(form, -0.0)
    assert rewrites.number_at(form, rewrites.number(form, 2.5)) == 2.5
    assert rewrites.number_at(form, form.add(Input("x", ()))) is None
