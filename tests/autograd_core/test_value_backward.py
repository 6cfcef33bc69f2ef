"""What Value.backward stores, what it leaves alone, and that graphs are freed without the garbage collector."""

from __future__ import annotations

import gc
import inspect
import math
import random
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import micrograd.engine
import numpy as np
import pytest

from autograd_core import Primitive, Value, compile, grad
from autograd_core.graph import accumulate, gradient_lock
from autograd_core.value import number_of


def values_alive() -> int:
    return sum(type(thing) is Value for thing in gc.get_objects())


@contextmanager
def collector_off() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def test_leaves_accumulate_and_nodes_between_hold_the_last_pass() -> None:
    x = Value(3.0)
    between = x * x
    output = 2.0 * between
    output.backward()
    assert (x.grad, between.grad, output.grad) == (12.0, 2.0, 1.0)
    output.backward()
    assert (x.grad, between.grad, output.grad) == (24.0, 2.0, 1.0)


def test_leaf_adds_up_over_different_graphs() -> None:
    x = Value(3.0)
    (x * x).backward()
    (5.0 * x).backward()
    assert x.grad == 11.0


def test_node_between_forgets_another_graph() -> None:
    x = Value(3.0)
    between = x * x
    (10.0 * between).backward()
    (2.0 * between).backward()
    assert (between.grad, x.grad) == (2.0, 72.0)


@pytest.mark.parametrize("seed", [2.5, -3, np.float64(0.5), True, 0.0, math.inf])
def test_seed_scales_the_pass(seed: Any) -> None:
    x = Value(3.0)
    output = x * x
    output.backward(seed)
    assert (output.grad, x.grad) == (float(seed), 6.0 * float(seed))
    x.grad = 0.0
    output.backward(seed, create_graph=True)
    assert (output.grad.data, x.grad.data) == (float(seed), 6.0 * float(seed))


@pytest.mark.parametrize("seed", ["1", None, [1.0], Value(1.0)])
def test_seed_is_a_number(seed: Any) -> None:
    x = Value(3.0)
    with pytest.raises(TypeError, match=r"^The seed of backward takes an int, float or NumPy real scalar, got "):
        (x * x).backward(seed)
    assert x.grad == 0.0


def test_leaf_as_output() -> None:
    x = Value(3.0)
    x.backward()
    x.backward(4.0)
    assert x.grad == 5.0


def test_diamond() -> None:
    a = Value(3.0)
    b = a + a
    c = b + b
    c.backward()
    assert (c.grad, b.grad, a.grad) == (1.0, 2.0, 4.0)
    d = a * b
    (d + b * d).backward()
    # 2a^2 + 4a^3, on top of the 4 from before.
    assert a.grad == 4.0 + 4.0 * 3.0 + 12.0 * 9.0


def test_square_keeps_two_edges() -> None:
    x = Value(3.0)
    square = x * x
    assert square.inputs == (x, x)
    assert square.partials == (3.0, 3.0)
    square.backward()
    assert x.grad == 6.0


def test_data_changed_after_recording_changes_no_gradient() -> None:
    x, y = Value(3.0), Value(4.0)
    output = (x * y).exp().log() + x.sin()
    x.data, y.data = 100.0, -100.0
    output.inputs[0].data = 5.0
    output.backward()
    assert x.grad == pytest.approx(4.0 + math.cos(3.0), rel=1e-14)
    assert y.grad == pytest.approx(3.0, rel=1e-14)


CHANGES: dict[str, tuple[Callable[[Value], Value], float, float]] = {
    "product": (lambda x: x * x * x, 2.0, 3.0),
    "sine": (lambda x: x.sin(), 1.0, 2.0),
    # These have the same slope on either side of 0, but not the same second derivative.
    "cube": (lambda x: x**3, 2.0, -2.0),
    "arctangent": (lambda x: x.arctan(), 1.0, -1.0),
    "to NaN": (lambda x: x.log(), 2.0, math.nan),
    "to infinity": (lambda x: x.log(), 2.0, math.inf),
}


@pytest.mark.parametrize(("function", "recorded", "changed"), CHANGES.values(), ids=CHANGES)
def test_graph_of_changed_data_is_not_differentiated_again(
    function: Callable[[Value], Value], recorded: float, changed: float
) -> None:
    x = Value(recorded)
    x.grad = 7.0
    output = function(x)
    x.data = changed
    with pytest.raises(RuntimeError, match=r"when it was recorded.*was changed in between; record the graph again$"):
        output.backward(create_graph=True)
    assert x.grad == 7.0


def test_refusal_of_changed_data_names_the_operation_and_both_slopes() -> None:
    x, y = Value(3.0), Value(4.0)
    output = x * y
    x.data = 5.0
    with pytest.raises(RuntimeError, match=r"^the derivative of mul is 5 now and was 3 when it was recorded: "):
        output.backward(create_graph=True)


def test_nan_recorded_as_nan_is_no_change() -> None:
    x = Value(math.nan)
    (x * x).backward(create_graph=True)
    assert math.isnan(x.grad.data)


def test_second_derivative_through_create_graph() -> None:
    x = Value(2.0)
    (x**4).backward(create_graph=True)
    slope = x.grad
    assert (type(slope), slope.data) == (Value, 32.0)
    x.grad = 0.0
    slope.backward()
    assert x.grad == 48.0


def test_create_graph_adds_to_what_leaves_had() -> None:
    x = Value(2.0)
    x.grad = 1.0
    (x**3).backward(create_graph=True)
    assert x.grad.data == 13.0
    (x**3).backward(create_graph=True)
    assert x.grad.data == 25.0
    total, x.grad = x.grad, 0.0
    total.backward()
    assert x.grad == 24.0


class Interrupting(float):
    """A partial derivative during whose product the user presses Ctrl-C."""

    def __rmul__(self, other: float) -> float:
        raise KeyboardInterrupt


def interrupting_rule(x: Any, out: Any) -> tuple[Any, ...]:
    if isinstance(x, Value):
        raise KeyboardInterrupt
    return (Interrupting(1.0),)


interrupted = Primitive("interrupted", lambda x: x, interrupting_rule)


@pytest.mark.parametrize("create_graph", [False, True])
def test_interrupted_pass_restores_leaves(create_graph: bool) -> None:
    x, y, z = Value(3.0), Value(4.0), Value(5.0)
    (x * y + z).backward()
    # The product on the right goes first, so y and z are done and x has half its gradient by the interruption.
    output = interrupted(x * 1.0) * z + x * y
    with pytest.raises(KeyboardInterrupt):
        output.backward(create_graph=create_graph)
    assert (x.grad, y.grad, z.grad) == (4.0, 3.0, 1.0)
    (x * y).backward()
    assert (x.grad, y.grad, z.grad) == (8.0, 6.0, 1.0)


def run_interrupted(run: Callable[[], Any], count: int) -> bool:
    """Whether Ctrl-C, pressed before so many further lines of the pass are run, came before its end."""
    left = count
    lines, first = inspect.getsourcelines(accumulate)
    taken = first + next(number for number, line in enumerate(lines) if "with gradient_lock" in line)
    # Python looks for no signal between taking a lock, or the end of its block, and the line after that.
    locking = taken, taken + 1

    def at_a_line(frame: Any, event: str, _: Any) -> Any:
        nonlocal left
        if frame.f_code is accumulate.__code__ and event == "line" and frame.f_lineno not in locking:
            left -= 1
            if left == -1:
                raise KeyboardInterrupt
        return at_a_line

    before = sys.gettrace()
    sys.settrace(at_a_line)
    try:
        run()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


def test_a_pass_interrupted_at_any_line_counts_as_a_whole_or_not_at_all() -> None:
    outcomes = []
    for count in range(1000):
        x, y = Value(3.0), Value(4.0)
        x.grad, y.grad = 5.0, 7.0
        output = (x * y + 2.0 * x).sin() * y
        interrupted = run_interrupted(output.backward, count)
        outcomes.append((x.grad, y.grad))
        if not interrupted:
            break
    assert len(outcomes) > 100
    assert set(outcomes[:100]) == {(5.0, 7.0)}
    assert set(outcomes[100:]) == {(5.0, 7.0), outcomes[-1]}
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(gradient_lock.acquire, timeout=10.0).result(), "another thread can go on"
        pool.submit(gradient_lock.release).result()


def test_graph_is_freed_with_its_last_name() -> None:
    with collector_off():
        x = Value(0.5)
        before = values_alive()
        output = x
        for _ in range(100):
            output = (output * x + 1.0).tanh()
        assert values_alive() >= before + 300
        output.backward()
        assert grad(grad(lambda y: y * x.exp() * y))(2.0) == pytest.approx(2.0 * math.exp(0.5))
        del output
        assert values_alive() == before


def test_million_operations_are_freed_without_the_collector() -> None:
    with collector_off():
        before = values_alive()
        node = Value(0.0)
        for _ in range(1_000_000):
            node = -node
        assert values_alive() == before + 1_000_001
        del node
        assert values_alive() == before


def test_gradients_as_nodes_are_freed_once_set_to_zero() -> None:
    with collector_off():
        before = values_alive()
        x = Value(2.0)
        between = x * x
        output = between.exp()
        output.backward(create_graph=True)
        for node in (x, between, output):
            node.grad = 0.0
        del node, x, between, output
        assert values_alive() == before


def test_micrograd_readme_example() -> None:
    def example(a: Any, b: Any) -> Any:
        c = a + b
        d = a * b + b**3
        c += c + 1
        c += 1 + c + (-a)
        d += d * 2 + (b + a).relu()
        d += 3 * d + (b - a).relu()
        e = c - d
        f = e**2
        g = f / 2.0
        g += 10.0 / f
        return g

    a, b = Value(-4.0), Value(2.0)
    g = example(a, b)
    g.backward()
    assert f"{g:.4f} {a.grad:.4f} {b.grad:.4f}" == "24.7041 138.8338 645.5773"


OF_BOTH: list[Callable[[Any, Any], Any]] = [
    lambda x, y: x + y,
    lambda x, y: x - y,
    lambda x, y: x * y * 0.5,
    lambda x, y: x / (y * y + 1.0),
    lambda x, y: x**2 * 0.1,
    lambda x, y: x.relu(),
    lambda x, y: -x,
    lambda x, y: x * 1.5 - 0.25,
    lambda x, y: 2.0 - 0.5 * x,
]
"""Operations that micrograd has too."""


def random_expression(chance: random.Random, leaves: list[Any]) -> Any:
    """The same expression for the same state of chance."""
    nodes = list(leaves)
    for _ in range(chance.randint(5, 40)):
        nodes.append(chance.choice(OF_BOTH)(chance.choice(nodes), chance.choice(nodes)))
    return sum(nodes[-5:])


@pytest.mark.parametrize("seed", range(40))
def test_random_expressions_agree_with_micrograd(seed: int) -> None:
    numbers = [random.Random(seed).uniform(-2.0, 2.0) for _ in range(3)]
    ours, theirs = [Value(x) for x in numbers], [micrograd.engine.Value(x) for x in numbers]
    our_output = random_expression(random.Random(seed), ours)
    their_output = random_expression(random.Random(seed), theirs)
    our_output.backward()
    their_output.backward()
    assert our_output.data == pytest.approx(their_output.data, rel=1e-12, abs=1e-12)
    assert [x.grad for x in ours] == pytest.approx([x.grad for x in theirs], rel=1e-9, abs=1e-9)


def test_a_gradient_of_none_counts_as_0() -> None:
    x = Value(3.0)
    x.grad = None
    (x * x).backward()
    assert x.grad == 6.0


@contextmanager
def threads_that_switch_often() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


BACKWARDS: dict[str, Callable[[Value, list[Value]], Callable[[], Any]]] = {
    "backward": lambda output, leaves: output.backward,
    "backward that can be differentiated": lambda output, leaves: partial(output.backward, create_graph=True),
    "a program's backward": lambda output, leaves: compile(output, [], leaves).backward,
}


@pytest.mark.parametrize("backward", BACKWARDS.values(), ids=BACKWARDS)
def test_threads_that_share_leaves_lose_no_gradient(
    backward: Callable[[Value, list[Value]], Callable[[], Any]],
) -> None:
    threads, passes = 8, 8
    leaves = [Value(float(number)) for number in range(500)]
    for leaf in leaves:
        leaf.grad = Value(0.0)  # adding to it takes several steps of the interpreter
    runs = [backward(sum((2.0 * leaf for leaf in leaves), Value(0.0)), leaves) for _ in range(threads)]

    def work(run: Callable[[], Any]) -> None:
        for _ in range(passes):
            run()

    with threads_that_switch_often(), ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, runs))
    assert [number_of(leaf.grad) for leaf in leaves] == [2.0 * threads * passes] * len(leaves)
