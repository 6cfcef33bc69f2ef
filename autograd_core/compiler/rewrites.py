"""Small rewrites of the array form, applied as an operation joins it: signs, scales, comparisons, and views of views.

Each function adds what it is named after, in the simplest form that computes the same number.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from autograd_core import primitives
from autograd_core.compiler.ir import Form
from autograd_core.compiler.kinds import Broadcast, Call, Constant, Gather, Input, Not, Numbers, Place, View
from autograd_core.compiler.steps import Reshape, Shape, Step, Transpose, stepped
from autograd_core.primitives import COMPARISONS, Primitive

_ARITHMETIC = {primitives.add, primitives.sub, primitives.mul, primitives.truediv}


def number(form: Form, value: float) -> Place:
    """A plain number."""
    return form.add(Constant(Numbers(float(value))))


def number_at(form: Form, place: Place) -> float | None:
    """The number that an operation is, or None."""
    kind = form[place].kind
    if isinstance(kind, Constant) and kind.numbers.array.ndim == 0:
        return float(kind.numbers.array)
    return None


def call(form: Form, primitive: Primitive, arguments: Sequence[Place]) -> Place:
    """A primitive on its operands.

    >>> from autograd_core.compiler.kinds import Input
    >>> form = Form()
    >>> x = form.add(Input("x", (3,)))
    >>> form.name(call(form, primitives.pow, [x, number(form, 2.0)]), "y")
    >>> print(form)
    x : [3]  input
    y : [3]         = x * x
    """
    if primitive is primitives.detach:
        return arguments[0]
    numbers = [number_at(form, place) for place in arguments]
    if primitive in _ARITHMETIC and any(one is not None for one in numbers):
        # Next to a number True and False are 1 and 0.
        conditions = [_boolean(form, place) for place in arguments]
        arguments = [
            place if condition is None else condition for place, condition in zip(arguments, conditions, strict=True)
        ]
    if primitive is primitives.mul:
        for one, other in (arguments, arguments[::-1]):
            if number_at(form, one) == 1.0 and not form[other].boolean:
                return other
    if primitive is primitives.pow and numbers[1] in (1.0, 2.0, 3.0) and _is_free(form, arguments[0]):
        result = base = arguments[0]
        for _ in range(int(numbers[1]) - 1):
            result = form.add(Call(primitives.mul, (result, base)))
        return result
    if primitive is primitives.where:
        condition = _boolean(form, arguments[0])
        arguments = [arguments[0] if condition is None else condition, *arguments[1:]]
    return form.add(Call(primitive, tuple(arguments)))


def times(form: Form, left: Place, right: Place) -> Place:
    """left * right: a product on the right joins that on the left, but a quotient there may overflow elsewhere.

    >>> from autograd_core.compiler.kinds import Input
    >>> form = Form()
    >>> g, z = form.add(Input("g", (3,))), form.add(Input("z", (3,)))
    >>> slope = call(form, primitives.sub, [number(form, 1.0), call(form, primitives.less, [z, number(form, 0.0)])])
    >>> form.name(times(form, g, slope), "d_z")
    >>> print(form)
    g   : [3]  input
    z   : [3]  input
    d_z : [3]         = g * ~(z < 0.0)
    """
    for one, other in ((left, right), (right, left)):
        if number_at(form, one) == 1.0 and not form[other].boolean:
            return other
    if not form[left].boolean:
        condition = _condition(form, right)
        right = right if condition is None else condition
    if not form[right].boolean:
        condition = _condition(form, left)
        left = left if condition is None else condition
    factor = number_at(form, right)
    if factor is not None and not form[left].boolean:
        return scaled(form, left, factor)
    if _product(form, right) and not has_quotient(form, right):
        for factor in _factors(form, right):
            left = times(form, left, factor)
        return left
    return form.add(Call(primitives.mul, (left, right)))


def has_quotient(form: Form, place: Place) -> bool:
    """Whether an operation is a quotient, or a product with one among its factors."""
    return any(_is_call(form, factor, primitives.truediv) for factor in _factors(form, place))


def scaled(form: Form, place: Place, factor: float) -> Place:
    """factor * place, where the factor is a plain number."""
    if factor == 1.0:
        return place
    value = number_at(form, place)
    if value is not None:
        return number(form, factor * value)
    if factor == -1.0:
        return negative(form, place)
    operands = _product(form, place)
    if operands:
        return form.add(Call(primitives.mul, (scaled(form, operands[0], factor), operands[1])))
    return form.add(Call(primitives.mul, (number(form, factor), place)))


def negative(form: Form, place: Place) -> Place:
    """-place."""
    value, kind, operands = number_at(form, place), form[place].kind, _product(form, place)
    if value is not None:
        return number(form, -value)
    if form[place].boolean:
        return form.add(Call(primitives.mul, (number(form, -1.0), place)))
    if isinstance(kind, Call) and kind.primitive is primitives.neg and not form[place].name:
        return kind.arguments[0]
    if operands:
        return form.add(Call(primitives.mul, (negative(form, operands[0]), operands[1])))
    return form.add(Call(primitives.neg, (place,)))


def is_negative(form: Form, place: Place) -> bool:
    """Whether an operation begins with a sign."""
    operands = _product(form, place)
    if operands:
        return is_negative(form, operands[0])
    value = number_at(form, place)
    if value is not None:
        return value < 0.0
    return _is_call(form, place, primitives.neg)


def plus(form: Form, left: Place, right: Place) -> Place:
    """left + right, or left - right where the right one begins with a sign."""
    if is_negative(form, right):
        return form.add(Call(primitives.sub, (left, negative(form, right))))
    return form.add(Call(primitives.add, (left, right)))


def largest(form: Form, left: Place, right: Place) -> Place:
    """The larger of two."""
    return form.add(Call(primitives.maximum, (left, right)))


def view(form: Form, source: Place, steps: Sequence[Step]) -> Place:
    """A view, without reshapes that another follows, and turns that another undoes.

    >>> from autograd_core.compiler.kinds import Input
    >>> form = Form()
    >>> x = form.add(Input("x", (2, 3)))
    >>> turned = view(form, x, [Transpose((1, 0))])
    >>> view(form, turned, [Transpose((1, 0))]) == x
    True
    """
    kind = form[source].kind
    if isinstance(kind, View) and not form[source].name:
        source, steps = kind.source, [*kind.steps, *steps]
    shape, kept, last = form[source].shape, list[Step](), len(steps) - 1
    for place, step in enumerate(steps):
        if isinstance(step, Reshape) and place < last and isinstance(steps[place + 1], Reshape):
            continue
        if isinstance(step, Transpose) and kept and isinstance(kept[-1], Transpose):
            before = kept.pop()
            assert isinstance(before, Transpose)
            step = Transpose(tuple(before.axes[axis] for axis in step.axes))
        kept.append(step)
        if step in (Reshape(stepped(shape, kept[:-1])), Transpose(tuple(range(len(stepped(shape, kept)))))):
            kept.pop()  # which changes nothing
    return form.add(View(source, tuple(kept))) if kept else source


def transposed(form: Form, place: Place) -> Place:
    """The transpose of a matrix."""
    return turned(form, place, (1, 0))


def turned(form: Form, place: Place, axes: tuple[int, ...]) -> Place:
    """The array with its axes in another order."""
    return view(form, place, [Transpose(axes)])


def broadcast_to(form: Form, place: Place, shape: Shape, batched: bool) -> Place:
    """The array with all axes in full."""
    one = form[place]
    return place if (one.shape, one.batched) == (shape, batched) else form.add(Broadcast(place, shape, batched))


def reshaped(form: Form, place: Place, shape: Shape) -> Place:
    """The array with other axes."""
    return view(form, place, [Reshape(shape)])


def gathered(form: Form, place: Place, at: Place) -> Place:
    """The elements at flat positions."""
    return form.add(Gather(place, at))


def flat(form: Form, place: Place) -> Place:
    """The array as a vector."""
    return reshaped(form, place, (prod(form[place].shape),))


def _boolean(form: Form, place: Place) -> Place | None:
    """A comparison as True and False, or None."""
    kind = form[place].kind
    if isinstance(kind, Call) and kind.primitive in COMPARISONS and not kind.boolean:
        return form.add(Call(kind.primitive, kind.arguments, boolean=True))
    return None


def _condition(form: Form, place: Place) -> Place | None:
    """What is 1 or 0 by a comparison as True and False, or None."""
    kind = form[place].kind
    if isinstance(kind, Call) and kind.primitive is primitives.sub and number_at(form, kind.arguments[0]) == 1.0:
        if form[kind.arguments[1]].boolean:
            return form.add(Not(kind.arguments[1]))
    elif isinstance(kind, Call) and kind.primitive is primitives.where and form[kind.arguments[0]].boolean:
        choices = [number_at(form, choice) for choice in kind.arguments[1:]]
        if choices == [1.0, 0.0]:
            return kind.arguments[0]
        if choices == [0.0, 1.0]:
            return form.add(Not(kind.arguments[0]))
    return _boolean(form, place)


def _is_call(form: Form, place: Place, primitive: Primitive) -> bool:
    kind = form[place].kind
    return isinstance(kind, Call) and kind.primitive is primitive and not form[place].name


def _product(form: Form, place: Place) -> tuple[Place, Place] | None:
    """The operands of a product without a name."""
    kind = form[place].kind
    if isinstance(kind, Call) and kind.primitive is primitives.mul and not form[place].name:
        return kind.arguments[0], kind.arguments[1]
    return None


def _factors(form: Form, place: Place) -> list[Place]:
    """The factors of a product from left to right."""
    factors: list[Place] = []
    operands = _product(form, place)
    while operands:
        factors.append(operands[1])
        place = operands[0]
        operands = _product(form, place)
    return [place, *reversed(factors)]


def _is_free(form: Form, place: Place) -> bool:
    """Whether an operation may be read twice without being worked out twice."""
    one = form[place]
    if isinstance(one.kind, View):
        return bool(one.name) or _is_free(form, one.kind.source)
    return bool(one.name) or isinstance(one.kind, (Input, Constant))
