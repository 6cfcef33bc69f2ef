"""Modules: finding parameters by path, naming, states, modes, and what they print."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import nn
from autograd_core import Value, named_scope, topological_order
from autograd_core.modes import Scope, thread


class Everything(nn.Module):
    """Parameters in every kind of attribute."""

    def __init__(self) -> None:
        self.single = Value(1.0)
        self.several = [Value(2.0), (Value(3.0), Value(4.0))]
        self.table = {"a": Value(5.0), "part": nn.Neuron(1, init="zeros")}
        self.matrix = np.array([[Value(6.0), Value(7.0)]], dtype=object)
        self.shared = self.single
        self.interior = self.single * 2.0
        self.number = 3.0
        self._hidden = Value(8.0)

    def forward(self, *inputs: Any) -> Value:
        return self.single * inputs[0]


def test_parameters_are_found_in_every_kind_of_attribute_once_and_in_order() -> None:
    assert [name for name, _ in Everything().named_parameters()] == [
        "single", "several.0", "several.1.0", "several.1.1", "table.a", "matrix.0.0", "matrix.0.1",
        "table.part.w.0", "table.part.b",
    ]  # fmt: skip


def test_parameters_are_labelled_by_their_path_and_scoped_by_their_module() -> None:
    model = nn.MLP(2, [3, 1], rng=0)
    for name, parameter in model.named_parameters():
        assert parameter.label == name
        assert parameter.scope == name.partition(".w.")[0].removesuffix(".b")
    assert model.layers[0].neurons[2].w[1].label == "layers.0.neurons.2.w.1"


def test_a_part_assigned_later_is_named_by_its_full_path() -> None:
    outer = nn.Sequential(nn.Sequential(nn.Layer(1, 1, rng=0)))
    inner = outer.layers[0]
    assert isinstance(inner, nn.Sequential)
    neuron = nn.Neuron(1, rng=0)
    setattr(inner, "extra", neuron)  # noqa: B010 (an attribute that the type does not have)
    assert neuron.b.label == "layers.0.extra.b"


def test_calls_are_recorded_in_the_scope_of_the_part() -> None:
    y = nn.MLP(2, [3, 1], rng=0)([1.0, 2.0])
    scopes = {node.scope for node in topological_order(y)}
    assert scopes == {f"layers.0.neurons.{i}" for i in range(3)} | {"layers.1.neurons.0"}


def calls(output: Value) -> list[str]:
    """The scopes of the operations of a graph, each once; equal paths are told apart."""
    found = {id(node.scope): node.scope for node in topological_order(output) if node.inputs}
    return list(found.values())


def test_each_call_of_a_module_has_a_scope_of_its_own() -> None:
    neuron = nn.MLP(1, [1], "tanh", rng=0).layers[0]
    first, second = calls(neuron([neuron([0.5])]))
    assert first == second == "layers.0.neurons.0"
    assert first is not second
    assert isinstance(first, Scope)
    assert isinstance(second, Scope)
    assert (first.name, first.parent) == ("neurons.0", "layers.0")
    assert first.parent is not second.parent


def test_the_neurons_of_a_call_share_the_scopes_around_them() -> None:
    model = nn.MLP(1, [3, 1], rng=0)
    scopes = sorted(calls(model([0.5])))
    assert scopes == [f"layers.0.neurons.{i}" for i in range(3)] + ["layers.1.neurons.0"]
    layers = [scope.parent for scope in scopes if isinstance(scope, Scope)]
    assert [layer is layers[0] for layer in layers] == [True, True, True, False]
    models = [layer.parent for layer in layers if isinstance(layer, Scope)]
    assert all(outermost is models[0] for outermost in models)
    (outermost,) = {id(outermost): outermost for outermost in models}.values()
    assert isinstance(outermost, Scope)
    assert (str(outermost), outermost.name, outermost.parent) == ("", "MLP", "")


def test_an_outermost_module_is_named_by_its_class_in_the_scope_around_it() -> None:
    with named_scope("encoder"):
        (scope,) = calls(nn.Neuron(1, rng=0)([0.5]))
    assert isinstance(scope, Scope)
    assert (str(scope), scope.name, scope.parent) == ("encoder", "Neuron", "encoder")
    assert isinstance(scope.parent, Scope)


def test_the_scope_around_a_call_is_restored_also_after_an_error() -> None:
    before = thread.mode
    with pytest.raises(ValueError, match="takes 1"):
        nn.MLP(1, [1])([1.0, 2.0])
    assert thread.mode is before


def test_the_scope_of_a_parameter_is_its_plain_path_however_often_it_is_called() -> None:
    model = nn.MLP(1, [2, 1], rng=0)
    for _ in range(2):
        model([0.5])
        assert {type(parameter.scope) for parameter in model.parameters()} == {str}
    with named_scope("built"):
        inside = nn.MLP(1, [2, 1], rng=0)
    assert [p.scope for p in inside.parameters()] == [p.scope for p in model.parameters()]
    assert {type(p.scope) for p in inside.parameters()} == {str}
    twin = pickle.loads(pickle.dumps(model))
    assert [(type(p.scope), p.scope) for p in twin.parameters()] == [(str, p.scope) for p in model.parameters()]


def test_shared_parameters_count_once() -> None:
    layer = nn.Layer(2, 2, "linear", rng=0)
    twice = nn.Sequential(layer, layer)
    assert len(twice.parameters()) == len(layer.parameters()) == 6


def test_state_dict_goes_from_model_to_model() -> None:
    one, other = nn.MLP(2, [4, 1], rng=0), nn.MLP(2, [4, 1], rng=1)
    assert one([1.0, 2.0]).data != other([1.0, 2.0]).data
    other.load_state_dict(one.state_dict())
    assert one([1.0, 2.0]).data == other([1.0, 2.0]).data


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("layers.0.neurons.0.b"), r"lacks layers\.0\.neurons\.0\.b"),
        (lambda state: state.update(other=1.0), "has besides other"),
        (lambda state: state.clear(), r"lacks layers\.0.* and 8 more"),
    ],
)
def test_a_state_of_another_model_is_refused_and_changes_nothing(change: Any, message: str) -> None:
    model = nn.MLP(2, [3, 1], rng=0)
    before = model.state_dict()
    state = dict.fromkeys(before, 9.0)
    change(state)
    with pytest.raises(ValueError, match=message):
        model.load_state_dict(state)
    assert model.state_dict() == before


def test_a_state_with_something_that_is_no_number_changes_nothing() -> None:
    model = nn.Neuron(2, rng=0)
    before = model.state_dict()
    with pytest.raises(TypeError, match=r"^b takes an int"):
        model.load_state_dict(before | {"w.0": 1.0, "b": "one"})  # pyright: ignore[reportArgumentType]
    assert model.state_dict() == before


def test_train_and_eval_reach_every_part() -> None:
    model = nn.Sequential(nn.Layer(2, 2, rng=0), nn.Sequential(nn.Dropout(0.5)))
    assert all(module.training for _, module in model.named_modules())
    assert model.eval() is model
    assert not any(module.training for _, module in model.named_modules())
    assert all(module.training for _, module in model.train().named_modules())


def test_zero_grad() -> None:
    model = nn.MLP(2, [2, 1], rng=0)
    model([1.0, 2.0]).backward()
    assert any(p.grad for p in model.parameters())
    model.zero_grad()
    assert all(p.grad == 0.0 for p in model.parameters())


def test_repr_shows_shapes_and_counts() -> None:
    assert repr(nn.MLP(2, [3, 1], "tanh")) == (
        "MLP(13 parameters\n  layers.0: Layer(2 -> 3, tanh, 9 parameters)\n"
        "  layers.1: Layer(3 -> 1, linear, 4 parameters)\n)"
    )
    nested = repr(nn.Sequential(nn.Sequential(nn.Dropout(0.1)), nn.Neuron(1)))
    assert "  layers.0: Sequential(0 parameters\n    layers.0: Dropout(0.1)\n  )" in nested
    assert "Neuron(1 -> 1, relu, 2 parameters)" in nested


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda pair: pickle.loads(pickle.dumps(pair))])
def test_copies_keep_a_parameter_of_model_and_loss_one_node(duplicate: Any) -> None:
    model = nn.MLP(2, [3, 1], "tanh", rng=0)
    loss = nn.losses.mse_loss(model([1.0, 2.0]), 0.5)
    twin, twin_loss = duplicate((model, loss))
    nodes = set(topological_order(twin_loss))
    assert all(p in nodes for p in twin.parameters())
    twin_loss.backward()
    assert any(p.grad for p in twin.parameters())
    assert not any(p.grad for p in model.parameters())
    assert twin.state_dict() == model.state_dict()


class Stack(nn.Module):
    """Layers appended to a list that is an attribute already."""

    def __init__(self) -> None:
        self.layers: list[nn.Module] = []
        for _ in range(2):
            self.layers.append(nn.Layer(2, 2, rng=0))

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x


def test_parts_appended_to_a_list_are_named_when_they_are_found() -> None:
    model = Stack()
    names = [name for name, _ in model.named_parameters()]
    assert [p.label for p in model.parameters()] == names
    assert names[-1] == "layers.1.neurons.1.b"
    scopes = {node.scope for node in topological_order(*model([1.0, 2.0]))}
    assert scopes == {"layers.0.neurons.0", "layers.0.neurons.1", "layers.1.neurons.0", "layers.1.neurons.1"}


def test_a_shared_parameter_keeps_its_first_path() -> None:
    model = Everything()
    assert model.single.label == "single"


def test_a_module_that_holds_itself_is_walked_once() -> None:
    model = nn.Sequential(nn.Layer(1, 1))
    model.layers.append(model)
    assert len(model.parameters()) == 2
    assert repr(model).count("Sequential") == 1


def test_a_module_without_forward_says_so_when_called() -> None:
    with pytest.raises(AttributeError, match="'Empty' object has no attribute 'forward'"):
        type("Empty", (nn.Module,), {})()(1.0)


def test_two_parameters_with_the_same_path_are_refused() -> None:
    module = nn.Module()
    with pytest.raises(ValueError, match="two parameters have the path 'w.0'"):
        module.w = {0: Value(1.0), "0": Value(2.0)}
