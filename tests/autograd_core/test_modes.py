"""no_grad, named_scope and detect_anomaly: what they change, for whom, and until when."""

from __future__ import annotations

import copy
import math
import operator
import pickle
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from autograd_core import (
    PRIMITIVES,
    Value,
    backward_steps,
    compile,
    detect_anomaly,
    explain,
    functions,
    grad,
    hessian,
    named_scope,
    no_grad,
    primitive,
)
from autograd_core.modes import Mode, switched, thread

MODES: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "no_grad": no_grad,
    "named_scope": lambda: named_scope("inner"),
    "detect_anomaly": detect_anomaly,
}
every_mode = pytest.mark.parametrize("mode", MODES.values(), ids=MODES)


def in_new_thread(function: Callable[[], Any]) -> Any:
    results: list[Any] = []
    other = threading.Thread(target=lambda: results.append(function()))
    other.start()
    other.join()
    return results[0]


@pytest.fixture(autouse=True)
def _modes_are_left_as_they_were() -> Any:
    yield
    assert thread.mode == Mode()
    assert switched == set()


@every_mode
def test_mode_is_restored(mode: Callable[[], AbstractContextManager[None]]) -> None:
    with mode():
        inside = thread.mode
        assert inside != Mode()
        with named_scope("deeper"):
            pass
        assert thread.mode == inside
    assert thread.mode == Mode()


@every_mode
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_mode_is_restored_after_an_exception(
    mode: Callable[[], AbstractContextManager[None]], error: type[BaseException]
) -> None:
    with pytest.raises(error), mode():
        raise error
    assert thread.mode == Mode()


@every_mode
def test_mode_holds_for_its_thread_alone(mode: Callable[[], AbstractContextManager[None]]) -> None:
    with mode():
        assert in_new_thread(lambda: thread.mode) == Mode()
        assert thread.mode != Mode()


@every_mode
def test_mode_of_another_thread_does_not_reach_this_one(mode: Callable[[], AbstractContextManager[None]]) -> None:
    entered, done = threading.Event(), threading.Event()

    def hold() -> None:
        with mode():
            entered.set()
            done.wait(timeout=60.0)

    other = threading.Thread(target=hold)
    other.start()
    try:
        assert entered.wait(timeout=60.0)
        assert thread.mode == Mode()
    finally:
        done.set()
        other.join()


def test_threads_record_side_by_side() -> None:
    x = Value(3.0)
    with no_grad(), named_scope("here"), detect_anomaly():
        node, infinite = in_new_thread(lambda: (x * x, Value(0.0).log()))
        assert (x * x).inputs == ()
    assert (node.inputs, node.scope, infinite.data) == ((x, x), "", -math.inf)


@every_mode
def test_a_thread_records_as_ever_while_another_has_something_switched_on(
    mode: Callable[[], AbstractContextManager[None]],
) -> None:
    x = Value(-1.0)
    with mode():
        assert len(switched) == 1
        made = in_new_thread(lambda: [x * x, 2.0 * x, -x, functions.maximum(x, 0.0), functions.where(x, x, x), x.log()])
    assert [len(node.inputs) for node in made] == [2, 2, 1, 2, 3, 1]
    assert {node.scope for node in made} == {""}


def test_no_grad_records_nothing() -> None:
    x = Value(3.0)
    with no_grad():
        result = x * x + 1.0
    assert (result.data, result.op, result.inputs, result.partials) == (10.0, None, (), ())
    assert not result.is_constant
    (result * x).backward()
    assert (x.grad, result.grad) == (10.0, 3.0)


USES: dict[str, Callable[[Value], Any]] = {
    "backward": lambda output: output.backward(),
    "backward that can be differentiated": lambda output: output.backward(create_graph=True),
    "backward_steps": lambda output: list(backward_steps(output)),
    "explain": lambda output: explain(output, Value(1.0)),
    "compile": compile,
    "compile of several": lambda output: compile([output, Value(1.0)]),
    "of a copy": lambda output: copy.deepcopy(output).backward(),
    "of a pickle": lambda output: pickle.loads(pickle.dumps(output)).backward(),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_an_output_computed_inside_no_grad_has_nothing_to_differentiate(use: Callable[[Value], Any]) -> None:
    x = Value(3.0)
    with no_grad():
        output = x * x
    with pytest.raises(RuntimeError, match=r"^the output Value\(9\.0, grad=0\.0\) was computed inside no_grad"):
        use(output)
    assert (x.grad, output.grad) == (0.0, 0.0)
    output.label = "area"
    with pytest.raises(RuntimeError, match="^'area' was computed inside no_grad"):
        use(output)


def test_a_node_computed_inside_no_grad_is_a_leaf_of_a_later_graph() -> None:
    with no_grad():
        weight = Value(3.0) * 0.5
    loss = weight * weight
    loss.backward()
    assert weight.grad == 3.0
    assert compile(loss, [], [weight]).value_and_grad([2.0])[1].tolist() == [4.0]
    assert compile([weight], [], [weight])([2.0]).tolist() == [2.0]


def test_no_grad_works_out_no_derivatives() -> None:
    asked: list[float] = []

    @primitive(partials=lambda x, out: asked.append(x) or 1.0)
    def watched(x: float) -> float:
        return x

    with no_grad():
        watched(Value(2.0))
    assert asked == []
    watched(Value(2.0))
    assert asked == [2.0]


def test_backward_inside_no_grad() -> None:
    x = Value(3.0)
    output = x * x
    with no_grad():
        output.backward()
    assert x.grad == 6.0


def test_modes_as_decorators() -> None:
    x = Value(0.0)

    @no_grad()
    def unrecorded() -> Value:
        return x + 1.0

    @named_scope("layer")
    def scoped() -> Value:
        return x + 1.0

    @detect_anomaly()
    def checked() -> Value:
        return x.log()

    for _ in range(2):
        assert unrecorded().inputs == ()
        assert scoped().scope == "layer"
        with named_scope("model"):
            assert scoped().scope == "model.layer"
        with pytest.raises(FloatingPointError):
            checked()
        assert (x + 1.0).inputs[0] is x


def test_forward_anomaly_names_the_operation_its_inputs_and_scope() -> None:
    x, y = Value(1.0, label="rate"), Value(0.0)
    with detect_anomaly():
        assert (x * y).data == 0.0
        with pytest.raises(FloatingPointError) as caught:
            operator.truediv(x, y)
        assert str(caught.value) == "truediv gave inf; its inputs: rate = 1, argument 2 = 0"
        with named_scope("model.loss"), pytest.raises(FloatingPointError) as caught:
            Value(-1.0, label="p").log()
        assert str(caught.value) == "log in scope model.loss gave nan; its inputs: p = -1"
        with pytest.raises(FloatingPointError, match=r"^exp gave inf; its inputs: argument 1 = 1000$"):
            Value(1000.0).exp()
        with pytest.raises(FloatingPointError, match=r"^where gave nan; its inputs: argument 1 = 1, .* 2 = nan, "):
            functions.where(Value(1.0), math.nan, 0.0)
    assert (x / y).data == math.inf


def test_forward_anomaly_without_recording() -> None:
    with no_grad(), detect_anomaly(), pytest.raises(FloatingPointError, match=r"^log gave -inf"):
        Value(0.0).log()


def test_backward_anomaly_names_the_operation_and_its_inputs() -> None:
    x = Value(0.0, label="distance")
    x.grad = 7.0
    output = 2.0 * x.sqrt()
    with detect_anomaly(), pytest.raises(FloatingPointError) as caught:
        output.backward()
    assert str(caught.value) == "sqrt passed inf = 2 * inf back to argument 1; its inputs: distance = 0"
    assert x.grad == 7.0
    output.backward()
    assert x.grad == math.inf


def test_backward_anomaly_names_the_scope_of_the_operation() -> None:
    x = Value(0.0, label="distance")
    with named_scope("model.norm"):
        output = x.sqrt()
    with named_scope("training"), detect_anomaly():
        with pytest.raises(FloatingPointError, match=r"^sqrt in scope model\.norm passed inf = 1 \* inf back"):
            output.backward()
        with pytest.raises(FloatingPointError, match=r"^sqrt in scope model\.norm passed inf = 1 \* inf back"):
            output.backward(create_graph=True)


def test_anomaly_by_accumulation() -> None:
    x = Value(1.0, label="x")
    output = 1e308 * x + 1e308 * x
    with detect_anomaly(), pytest.raises(FloatingPointError, match=r"^mul passed 1e\+308 = 1 \* 1e\+308 back to"):
        output.backward()


def test_anomaly_in_a_transform() -> None:
    with detect_anomaly():
        assert grad(lambda x: x.sqrt())(4.0) == 0.25
        with pytest.raises(FloatingPointError, match=r"^sqrt passed inf"):
            grad(lambda x: x.sqrt())(0.0)
        with pytest.raises(FloatingPointError, match=r"^log gave nan"):
            grad(lambda x: x.log())(-1.0)


def test_no_anomaly_where_all_is_finite() -> None:
    with detect_anomaly():
        x = Value(0.5)
        ((x * 2.0).exp().log() / 3.0).backward()
    assert x.grad == pytest.approx(2.0 / 3.0)


@pytest.mark.parametrize("base", [2.0, 0.0, -2.0])
def test_no_anomaly_in_derivatives_that_nobody_asked_for(base: float) -> None:
    # The derivative by the exponent needs log(base), but the exponent is a plain number.
    with detect_anomaly():
        assert hessian(lambda x: x**2)(base) == 2.0


@pytest.mark.parametrize("name", ["elu", "leaky_relu", "relu", "abs", "maximum", "minimum"])
@pytest.mark.parametrize("number", [-1000.0, 1000.0])
def test_no_anomaly_in_the_branch_not_taken(name: str, number: float) -> None:
    second = PRIMITIVES[name].arity - len(PRIMITIVES[name].defaults) - 1
    with detect_anomaly():
        assert hessian(lambda x: PRIMITIVES[name](x, *[1.0] * second))(number) == 0.0
