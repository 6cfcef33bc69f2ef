"""Deep copies and pickles: sharing is kept, depth is no matter, and the original is left alone."""

from __future__ import annotations

import copy
import io
import pickle
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd_core import PRIMITIVES, Value, named_scope, primitive, topological_order

Copier = Callable[[Any], Any]

# Without the accelerator: typeshed leaves these names out.
pure: Any = pickle


def through_pickle(protocol: int) -> Copier:
    return lambda thing: pickle.loads(pickle.dumps(thing, protocol))


def through_pure_python(protocol: int) -> Copier:
    return lambda thing: pure._loads(pure._dumps(thing, protocol))


COPIERS: dict[str, Copier] = {"deepcopy": copy.deepcopy}
for _protocol in range(pickle.HIGHEST_PROTOCOL + 1):
    COPIERS[f"pickle {_protocol}"] = through_pickle(_protocol)
    COPIERS[f"pickle {_protocol} in pure Python"] = through_pure_python(_protocol)
every_copier = pytest.mark.parametrize("copied", COPIERS.values(), ids=COPIERS)


@primitive(partials=lambda x, out: 3.0 * x * x)
def cube(x: float) -> float:
    return x * x * x


def fields(nodes: list[Value]) -> list[tuple[Any, ...]]:
    """All there is to know of nodes, with their inputs by place."""
    place = {node: position for position, node in enumerate(nodes)}
    return [
        (n.data, n.grad, n.op, [place[operand] for operand in n.inputs], n.partials, n.label, n.scope) for n in nodes
    ]


def example() -> Value:
    with named_scope("model"):
        x, w = Value(2.0, label="x"), Value(-3.0, label="w")
        with named_scope("layer"):
            hidden = (x * w + 1.0).tanh()
            hidden.label = "hidden"
        output = hidden * hidden + 2.0**x - cube(w).relu() + x.elu(w)
    output.backward(0.5)
    return output


@every_copier
def test_all_fields_are_kept(copied: Copier) -> None:
    output = example()
    twin = copied(output)
    originals, twins = topological_order(output), topological_order(twin)
    assert fields(twins) == fields(originals)
    assert not set(originals) & set(twins)
    assert all(type(node) is Value for node in twins)
    assert [node.is_constant for node in twins] == [node.is_constant for node in originals]


@every_copier
def test_copy_is_differentiated_on_its_own(copied: Copier) -> None:
    x = Value(3.0, label="x")
    output = x * x * 2.0
    output.backward()
    twin = copied(output)
    twin.backward()
    (twin_x,) = [node for node in topological_order(twin) if node.label == "x"]
    assert (twin_x.grad, x.grad) == (24.0, 12.0)
    twin_x.data = 100.0
    assert x.data == 3.0
    output.backward()
    assert (twin_x.grad, x.grad) == (24.0, 24.0)


@every_copier
def test_both_edges_of_a_square_lead_to_one_node(copied: Copier) -> None:
    x = Value(3.0)
    square = copied(x * x)
    assert square.inputs[0] is square.inputs[1]
    square.backward()
    assert square.inputs[0].grad == 6.0


@every_copier
def test_nodes_that_are_shared_stay_shared(copied: Copier) -> None:
    x = Value(3.0)
    hidden = x.tanh()
    loss = hidden * hidden
    for first, second in (copied((hidden, loss)), copied((loss, hidden))[::-1]):
        assert second.inputs == (first, first)
    parameters, twin_loss = copied([{"w": x, "unused": Value(1.0)}, loss])
    assert twin_loss.inputs[0].inputs[0] is parameters["w"]
    twin_loss.backward()
    assert parameters["w"].grad != 0.0
    assert x.grad == 0.0
    pair = copied([x, x])
    assert pair[0] is pair[1]


@every_copier
def test_arrays_of_values(copied: Copier) -> None:
    weights = np.array([[Value(1.0), Value(2.0)]])
    twin_weights, twin_sum = copied((weights, weights.sum()))
    assert topological_order(twin_sum)[-2] is twin_weights[0, 1]
    assert twin_weights[0, 1] is not weights[0, 1]


@every_copier
def test_leaves_and_constants_of_the_same_number(copied: Copier) -> None:
    leaf = Value(2.0)
    twin = copied(leaf * 2.0)
    assert [node.is_constant for node in twin.inputs] == [False, True]
    twin.backward()
    assert [node.grad for node in twin.inputs] == [2.0, 0.0]


@every_copier
def test_every_primitive_is_kept(copied: Copier) -> None:
    for entry in PRIMITIVES.values():
        assert copied(entry(*[Value(0.5)] * entry.arity)).op is entry
    assert copied(cube(Value(2.0))).op is cube


@every_copier
def test_values_that_are_gradients(copied: Copier) -> None:
    x = Value(2.0, label="x")
    output = (x * x * x).exp().log()
    output.backward(create_graph=True)
    twin = copied(output)
    (twin_x,) = [node for node in topological_order(twin) if node.label == "x"]
    assert type(twin_x.grad) is Value
    assert twin_x.grad.data == x.grad.data
    # The gradient's graph leads to the copy, not to the original.
    reached = topological_order(twin_x.grad)
    assert twin_x in reached
    assert not set(reached) & set(topological_order(x.grad))
    slope, twin_x.grad = twin_x.grad, 0.0
    slope.backward()
    assert twin_x.grad == pytest.approx(12.0)
    assert type(x.grad) is Value


def chain(length: int) -> Value:
    x = Value(1.0, label="x")
    node = x
    for _ in range(length):
        node = node * x
    return node


@pytest.mark.parametrize("name", ["deepcopy", "pickle 2", "pickle 5", "pickle 5 in pure Python"])
@pytest.mark.parametrize("boxed", [False, True], ids=["alone", "in a list"])
@pytest.mark.slow
def test_deep_graphs(name: str, boxed: bool) -> None:
    limit = sys.getrecursionlimit()
    output = chain(20_000)
    twin = COPIERS[name]([output.inputs[1], output])[1] if boxed else COPIERS[name](output)
    order = topological_order(twin)
    assert len(order) == 20_001
    twin.backward()
    assert (order[0].label, order[0].grad) == ("x", 20_001.0)
    assert sys.getrecursionlimit() == limit


@pytest.mark.parametrize("name", ["deepcopy", "pickle 5", "pickle 5 in pure Python"])
@pytest.mark.parametrize("length", [30, 300, 2000])
@pytest.mark.slow
def test_deep_graphs_of_gradients(name: str, length: int) -> None:
    x = Value(0.5, label="x")
    output = x
    for _ in range(length):
        output = (output * x).tanh()
    output.backward(create_graph=True)
    twin = COPIERS[name](output)
    twin_x = next(node for node in topological_order(twin) if node.label == "x")
    assert twin_x.grad.data == x.grad.data
    assert len(topological_order(twin_x.grad)) == len(topological_order(x.grad))


def test_several_deep_graphs_in_one_pickle() -> None:
    x = Value(1.0)
    first = x
    for _ in range(5_000):
        first = first * x
    second = first
    for _ in range(5_000):
        second = second + first
    for twins in (pickle.loads(pickle.dumps([first, second])), pickle.loads(pickle.dumps([second, first]))[::-1]):
        assert twins[0] in topological_order(twins[1])
        assert len(topological_order(*twins)) == 10_001


def test_primitives_pickle_by_name() -> None:
    for entry in (PRIMITIVES["add"], cube):
        assert pickle.loads(pickle.dumps(entry)) is entry
        assert copy.deepcopy(entry) is entry
    assert b"cube" in pickle.dumps(cube(Value(2.0)))


def test_primitives_without_a_name_are_copied_but_not_pickled() -> None:
    @primitive(partials=lambda x, out: 2.0)
    def local(x: float) -> float:
        return 2.0 * x

    nameless = primitive(partials=lambda x, out: 3.0)(lambda x: 3.0 * x)
    for entry in (local, nameless):
        output = entry(Value(1.0)) * 1.0
        twin = copy.deepcopy(output)
        assert twin.inputs[0].op is entry
        with pytest.raises((pickle.PicklingError, AttributeError)):
            pickle.dumps(output)
        # The next pickle does not suffer from the one that failed.
        assert len(topological_order(pickle.loads(pickle.dumps(chain(5_000))))) == 5_001


def test_failed_pickle_in_pure_python_leaves_nothing_behind() -> None:
    output = primitive(partials=lambda x, out: 3.0)(lambda x: 3.0 * x)(chain(2_500)) * 1.0
    # The traceback that is held here keeps the pickler's frames alive.
    with pytest.raises((pickle.PicklingError, AttributeError)) as held:
        pure._dumps(output)
    assert len(topological_order(pickle.loads(pure._dumps(chain(5_000))))) == 5_001
    assert held.tb is not None


@pytest.mark.parametrize("length", [100, 999, 1_000, 1_001, 1_500, 2_300])
def test_pickle_grows_with_the_graph_and_no_faster(length: int) -> None:
    output = chain(length)
    for written in (pickle.dumps(output), pure._dumps(output)):
        # A node takes about 72 bytes.
        assert len(written) < 100 * length + 500


class InterruptedFile(io.BytesIO):
    """A file in the middle of whose writing another thread pickles a graph."""

    def __init__(self, output: Value) -> None:
        super().__init__()
        self.other = threading.Thread(target=lambda: self.sizes.append(len(pickle.dumps(output))))
        self.sizes: list[int] = []
        self.writes = 0

    def write(self, data: Any, /) -> int:
        self.writes += 1
        if self.writes == 10_000:
            self.other.start()
            self.other.join()
        return super().write(data)


def test_threads_pickle_side_by_side() -> None:
    output = chain(5_000)
    hidden = output.inputs[0]
    file = InterruptedFile(hidden)
    # Protocol 2 writes as it goes.
    pure._Pickler(file, 2).dump(output)
    assert file.sizes == [len(pickle.dumps(hidden))]
    assert len(topological_order(pickle.loads(file.getvalue()))) == 5_001


def test_pickler_that_is_kept_does_not_disturb_the_next() -> None:
    loss = chain(5_000)
    hidden = loss.inputs[0]
    for kept in (pickle.Pickler(io.BytesIO()), pure._Pickler(io.BytesIO())):
        kept.dump([hidden, loss])
        for output in (hidden, loss):
            length = len(topological_order(output))
            assert len(topological_order(pickle.loads(pickle.dumps(output)))) == length


def test_shallow_copy_shares_its_inputs() -> None:
    x = Value(3.0)
    square = x * x
    square.backward()
    twin = copy.copy(square)
    assert twin is not square
    assert (twin.inputs, twin.data, twin.grad, twin.op) == ((x, x), 9.0, 1.0, PRIMITIVES["mul"])
    twin.backward()
    assert x.grad == 12.0
