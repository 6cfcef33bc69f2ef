"""What printers share: a table of forms each, errors that name what is missing, and lines short enough to parse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from autograd_core import PRIMITIVES, Primitive, Value, compile, functions, primitives
from autograd_core.compiler import CompileError, javascript, numpy_printer, straight
from autograd_core.compiler.ir import Form
from autograd_core.compiler.kinds import Call, Input, View
from autograd_core.compiler.names import Names
from autograd_core.compiler.printing import ARITHMETIC, Printer
from autograd_core.compiler.program import Backend
from autograd_core.graph import collector_paused, topological_order
from tests.autograd_core.compiler.agreement import assert_agrees, each_backend, nodes

TABLES = {"NumPy": numpy_printer.FORMS, "floats": straight.FORMS, "JavaScript": javascript.FORMS}
FILES = {"NumPy": "numpy_printer", "floats": "straight", "JavaScript": "javascript"}


@pytest.mark.parametrize("target", TABLES)
def test_every_primitive_has_a_form(target: str) -> None:
    assert set(TABLES[target]) == set(PRIMITIVES)


def written(target: str, output: Value, parameters: list[Value]) -> None:
    if target == "JavaScript":
        javascript.operations(topological_order(output))
    else:
        compile(output, [], parameters, "numpy" if target == "NumPy" else "scalar")


@pytest.mark.parametrize("target", TABLES)
def test_a_primitive_without_a_form_is_an_error_that_names_all(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    exotic = Primitive("exotic", lambda x: x, lambda x, out: (1.0,))
    w = Value(0.5)
    message = f"exotic has no form in {target}: add one to FORMS of autograd_core/compiler/{FILES[target]}.py"
    with pytest.raises(CompileError, match=message):
        written(target, exotic(w) * w, [w])
    monkeypatch.setitem(PRIMITIVES, "exotic", exotic)
    with pytest.raises(CompileError, match=message):
        written(target, exotic(w) * w, [w])


@pytest.mark.parametrize("target", TABLES)
def test_a_primitive_named_like_another_is_not_taken_for_it(target: str) -> None:
    other, w = Primitive("tanh", lambda x: x, lambda x, out: (1.0,)), Value(0.5)
    with pytest.raises(CompileError, match=f"tanh has no form in {target}"):
        written(target, other(w) * w, [w])


def test_a_kind_without_a_method_is_an_error_that_names_it() -> None:
    class Toy(Printer):
        target = "toy"

    w = [Value(0.5), Value(0.25)]
    form = compile(w[0] * w[1], [], w, "numpy").form
    printer = Toy(form, form.results, Names([]))
    with pytest.raises(CompileError, match="^View is not written in toy: add a method _view to Toy$"):
        printer.expression(next(place for place in printer.used if isinstance(form[place].kind, View)))


def test_only_a_program_on_arrays_has_an_array_form() -> None:
    w = Value(0.5)
    assert "value" in str(compile(w * w, [], [w], "numpy").form)
    with pytest.raises(TypeError, match="^a program on floats has no array form; compile it with backend='numpy'$"):
        _ = compile(w * w, [], [w], "scalar").form


def growing_sum(p: list[Any], inputs: list[Any]) -> Value:
    hidden, total = [functions.tanh(w) for w in p], Value(0.0)
    for _ in range(200):
        hidden = [functions.tanh(w * h) for w, h in zip(p, hidden, strict=True)]
        total = total + sum((h * h for h in hidden), Value(0.0))
    return total


def nested_products(p: list[Any], inputs: list[Any]) -> Value:
    result: Any = p[0]
    for k in range(300):
        result = result * p[k % len(p)] + 0.5 if k % 2 else p[k % len(p)] - result * 0.25
    return result


def nested_quotients(p: list[Any], inputs: list[Any]) -> Value:
    result: Any = p[0]
    for k in range(300):
        result = (p[k % len(p)] + 2.0) / (result + 1.5)
    return result


def largest_of_many(p: list[Any], inputs: list[Any]) -> Value:
    return functions.logsumexp([w * (1.0 + k / 100.0) for k in range(100) for w in p])


@pytest.mark.parametrize("build", [growing_sum, nested_products, nested_quotients, largest_of_many])
def test_long_expressions_are_split_before_the_parser_gives_up(build: Any) -> None:
    with collector_paused():
        programs = assert_agrees(build, [0.3, 0.5, -0.2, 0.8])
    assert max(map(len, programs["numpy"].source.splitlines())) < 5_000


@pytest.mark.slow
@each_backend
def test_three_thousand_steps_and_their_sum(backend: Backend) -> None:
    p, total = nodes([0.3, 0.5, -0.2, 0.8]), Value(0.0)
    with collector_paused():
        hidden = [functions.tanh(w) for w in p]
        for _ in range(3000):
            hidden = [functions.tanh(w * h) for w, h in zip(p, hidden, strict=True)]
            total = total + sum((h * h for h in hidden), Value(0.0))
        assert compile(total, [], p, backend)([0.3, 0.5, -0.2, 0.8]) == pytest.approx(total.data, rel=1e-10)


@pytest.mark.slow
@each_backend
def test_the_log_of_the_sum_of_nine_thousand_exponentials(backend: Backend) -> None:
    numbers = np.random.default_rng(0).normal(size=9000)
    p = nodes(numbers)
    with collector_paused():
        output = functions.logsumexp(p)
        value, gradient = compile(output, [], p, backend).value_and_grad(numbers)
    assert value == pytest.approx(output.data, rel=1e-12)
    assert gradient == pytest.approx(np.exp(numbers - output.data), rel=1e-10)


def test_lines_get_names_that_neither_the_form_nor_its_inputs_have() -> None:
    class Plain(Printer):
        forms = {**ARITHMETIC, "tanh": "tanh"}  # noqa: RUF012

    form = Form()
    t1 = form.add(Input("t1", ()))
    t2 = form.add(Call(primitives.tanh, (t1,)), name="t2")
    twice = form.add(Call(primitives.mul, (t1, t2)))
    form.results = [form.add(Call(primitives.add, (twice, form.add(Call(primitives.mul, (twice, twice))))))]
    printer = Plain(form, form.results, Names([]))
    assert printer.name[twice] not in ("t1", "t2")
