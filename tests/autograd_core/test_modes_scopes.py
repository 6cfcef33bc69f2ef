"""Scopes: the paths that nodes carry, and which with-block or call they were made in."""

from __future__ import annotations

import copy
import pickle
import threading
from typing import Any

import pytest

from autograd_core import Value, detect_anomaly, functions, grad, named_scope, no_grad, topological_order
from autograd_core.modes import Mode, Scope


def test_scopes_join() -> None:
    with named_scope("layers.0"):
        leaf = Value(1.0)
        with named_scope("neurons.3"):
            inner = leaf * 2.0
        outer = inner + 1.0
    outside = outer + 1.0
    assert [node.scope for node in (leaf, inner, inner.inputs[1], outer, outside)] == [
        "layers.0",
        "layers.0.neurons.3",
        "layers.0.neurons.3",
        "layers.0",
        "",
    ]


def test_scope_is_that_of_entering() -> None:
    scope = named_scope("late")
    with named_scope("outer"), scope:
        assert Value(1.0).scope == "outer.late"


@pytest.mark.parametrize("name", [None, 3, b"layer", ["layer"]], ids=lambda name: type(name).__name__)
def test_scope_is_named_by_a_string(name: Any) -> None:
    with pytest.raises(TypeError, match=f"^named_scope takes a string, got {type(name).__name__}$"), named_scope(name):
        pass


def test_scope_has_a_name() -> None:
    with pytest.raises(ValueError, match=r"^named_scope takes a name, or names with single dots between them, got ''$"):
        named_scope("").__enter__()


def scope_chain(scope: str) -> list[tuple[str, str]]:
    """The path and name of a scope and of those around it, innermost first."""
    found = []
    while isinstance(scope, Scope):
        found.append((str(scope), scope.name))
        scope = scope.parent
    return found


def test_each_with_block_has_a_scope_of_its_own_with_an_equal_path() -> None:
    scopes = []
    for _ in range(2):
        with named_scope("loop"):
            scopes.append([Value(1.0).scope, (Value(1.0) * 2.0).scope])
    (first, again), (second, _) = scopes
    assert first is again
    assert first is not second
    assert first == second == "loop"
    assert hash(first) == hash("loop")
    assert repr(first) == "'loop'"


def test_a_scope_knows_its_name_and_the_one_around_it() -> None:
    with named_scope("model"):
        outer = Value(1.0).scope
        with named_scope("layers.0"):
            inner = Value(1.0).scope
        assert Value(1.0).scope is outer
    assert isinstance(inner, Scope)
    assert inner.parent is outer
    assert scope_chain(inner) == [("model.layers.0", "layers.0"), ("model", "model")]
    assert type(Value(1.0).scope) is str


def test_every_way_to_make_a_node_gives_it_the_scope_of_the_block() -> None:
    with named_scope("block"):
        x = Value(1.0)
        y = functions.exp(x * 2.0 + x.tanh())
        with no_grad():
            unrecorded = x * 2.0
        with detect_anomaly():
            checked = x * 2.0
        rebuilt = grad(grad(lambda v: v * v * v))(x)
    nodes = [*topological_order(y), unrecorded, checked, rebuilt]
    assert all(node.scope is x.scope for node in nodes)


def test_a_generator_keeps_the_scope_that_it_entered() -> None:
    def numbers() -> Any:
        with named_scope("inside"):
            yield Value(1.0)

    (inside,) = list(numbers())
    assert scope_chain(inside.scope) == [("inside", "inside")]


def test_each_thread_enters_scopes_of_its_own() -> None:
    barrier = threading.Barrier(2)
    found: list[list[str]] = []

    def work(name: str) -> None:
        scopes = []
        for _ in range(50):
            with named_scope(name):
                barrier.wait()
                scopes.append(Value(1.0).scope)
        found.append(scopes)

    workers = [threading.Thread(target=work, args=(name,)) for name in ("one", "two")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(sorted({*scopes}) for scopes in found) == [["one"], ["two"]]
    assert len({id(scope) for scopes in found for scope in scopes}) == 100
    assert all(scope_chain(scope) == [(scope, scope)] for scopes in found for scope in scopes)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("load", ["pickle", "pure Python"])
def test_pickles_keep_which_nodes_share_a_call(protocol: int, load: str) -> None:
    pure: Any = pickle  # typeshed leaves out the names of what is written in Python
    dumps, loads = (pickle.dumps, pickle.loads) if load == "pickle" else (pure._dumps, pure._loads)
    assert shared_calls(loads(dumps(two_calls(), protocol))) == shared_calls(two_calls())


def test_copies_keep_which_nodes_share_a_call() -> None:
    assert shared_calls(copy.deepcopy(two_calls())) == shared_calls(two_calls())
    node = two_calls()
    assert copy.copy(node).scope is node.scope


def two_calls() -> Value:
    x = Value(1.0)
    for _ in range(2):
        with named_scope("outer"), named_scope("cell.3"):
            x = (x * 2.0).tanh()
    return x


def shared_calls(output: Value) -> list[Any]:
    """For each node of a graph its scopes from the inside out, each by where in the graph it first appears."""
    places: dict[int, int] = {}
    found = []
    for node in topological_order(output):
        chain = []
        scope = node.scope
        while isinstance(scope, Scope):
            chain.append((str(scope), scope.name, places.setdefault(id(scope), len(places))))
            scope = scope.parent
        found.append((type(scope), chain))
    return found


def test_a_scope_that_adds_nothing_to_the_path_is_named_by_its_kind() -> None:
    outermost = Mode().within("", "MLP")
    inner = outermost.within("layers.0", "Layer").scope
    assert scope_chain(inner) == [("layers.0", "layers.0"), ("", "MLP")]
    assert isinstance(inner, Scope)
    assert inner.parent is outermost.scope
    within = Mode().within("model").within("", "MLP").scope
    assert scope_chain(within) == [("model", "MLP"), ("model", "model")]
