"""The layers that have PyTorch's names: against plain formulas and finite differences, and against PyTorch itself."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import nn
import viz
from autograd_core import Value, compile, gradcheck
from autograd_core.transforms import mapped
from nn.module import Module


class Case(NamedTuple):
    """A layer, the shapes of its inputs, its plain formula on arrays, and the class in PyTorch if named otherwise."""

    make: Callable[[], Module]
    shapes: list[tuple[int, ...]]
    formula: Callable[..., Any]
    torch_name: str = ""
    torch_arguments: tuple[Any, ...] = ()
    torch_options: dict[str, Any] = {}  # noqa: RUF012 (never written into)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-x))


def normed(x: np.ndarray, eps: float, axes: tuple[int, ...]) -> np.ndarray:
    centred = x - x.mean(axes, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axes, keepdims=True) + eps)


def windows(x: np.ndarray, kernel: tuple[int, ...], stride: Any, padding: Any, dilation: Any, fill: float) -> Any:
    """The windows of an array of shape (channels, height, width), by index."""
    padded = np.pad(x, [(0, 0), *[(p, p) for p in padding]], constant_values=fill)
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    seen = np.lib.stride_tricks.sliding_window_view(padded, reach, (1, 2))
    return seen[:, :: stride[0], :: stride[1], :: dilation[0], :: dilation[1]]


def conv2d(x: np.ndarray, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    outputs = []
    for part, kernel in zip(np.split(x, groups), np.split(weight, groups), strict=True):
        seen = windows(part, weight.shape[2:], stride, padding, dilation, 0.0)
        outputs.append(np.einsum("chwij,ocij->ohw", seen, kernel))
    return np.concatenate(outputs) + bias[:, None, None]


def conv1d(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return conv2d(x[:, None], weight[:, :, None], bias, (1, 2), (0, 1), (1, 1), 1)[:, 0]


def gates(count: int, x: Any, h: Any, p: dict[str, Any]) -> Any:
    given = p["weight_ih"] @ x + p.get("bias_ih", 0.0)
    kept = p["weight_hh"] @ h + p.get("bias_hh", 0.0)
    return np.split(given, count), np.split(kept, count)


def rnn(x: Any, h: Any, p: dict[str, Any]) -> Any:
    (given,), (kept,) = gates(1, x, h, p)
    return np.tanh(given + kept)


def gru(x: Any, h: Any, p: dict[str, Any]) -> Any:
    (r, z, n), (kr, kz, kn) = gates(3, x, h, p)
    update = sigmoid(z + kz)
    return (1.0 - update) * np.tanh(n + sigmoid(r + kr) * kn) + update * h


def lstm(x: Any, h: Any, c: Any, p: dict[str, Any]) -> Any:
    i, f, g, o = (a + b for a, b in zip(*gates(4, x, h, p), strict=True))
    memory = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return np.array([sigmoid(o) * np.tanh(memory), memory])


def attention(x: Any, p: dict[str, Any], heads: int) -> Any:
    q, k, v = (np.split(part, heads, 1) for part in np.split(x @ p["in_proj_weight"].T + p["in_proj_bias"], 3, 1))
    outputs = []
    for query, key, value in zip(q, k, v, strict=True):
        scores = query @ key.T / math.sqrt(query.shape[1])
        shares = np.exp(np.where(np.tril(np.ones_like(scores)) > 0, scores, -np.inf))
        outputs.append(shares / shares.sum(1, keepdims=True) @ value)
    return np.concatenate(outputs, 1) @ p["out_proj.weight"].T + p["out_proj.bias"]


CASES = {
    "linear": Case(lambda: nn.Linear(3, 2, rng=0), [(3,)], lambda x, p: p["weight"] @ x + p["bias"]),
    "linear-rows": Case(lambda: nn.Linear(3, 2, bias=False, rng=0), [(2, 3)], lambda x, p: x @ p["weight"].T,
                        torch_options={"bias": False}),
    "layer-norm": Case(lambda: nn.LayerNorm(3), [(2, 3)],
                       lambda x, p: normed(x, 1e-5, (1,)) * p["weight"] + p["bias"]),
    "layer-norm-axes": Case(lambda: nn.LayerNorm((2, 3), eps=0.1, bias=False), [(2, 3)],
                            lambda x, p: normed(x, 0.1, (0, 1)) * p["weight"], "LayerNorm", ((2, 3), 0.1),
                            {"bias": False}),
    "layer-norm-plain": Case(lambda: nn.LayerNorm(4, elementwise_affine=False), [(4,)],
                             lambda x, p: normed(x, 1e-5, (0,)), "LayerNorm", (4,), {"elementwise_affine": False}),
    "rms-norm": Case(lambda: nn.RMSNorm(3), [(2, 3)],
                     lambda x, p: x / np.sqrt((x * x).mean(1, keepdims=True)) * p["weight"]),
    "rms-norm-eps": Case(lambda: nn.RMSNorm(3, eps=0.1), [(3,)],
                         lambda x, p: x / np.sqrt((x * x).mean() + 0.1) * p["weight"], "RMSNorm", (3, 0.1)),
    "attention": Case(lambda: nn.CausalSelfAttention(4, 2, rng=0), [(3, 4)], lambda x, p: attention(x, p, 2),
                      "MultiheadAttention", (4, 2)),
    "rnn": Case(lambda: nn.RNNCell(2, 3, rng=0), [(2,), (3,)], rnn),
    "rnn-relu": Case(lambda: nn.RNNCell(2, 3, nonlinearity="relu", rng=0), [(2,), (3,)],
                     lambda x, h, p: np.maximum(np.add(*(part[0] for part in gates(1, x, h, p))), 0.0),
                     "RNNCell", (2, 3), {"nonlinearity": "relu"}),
    "gru": Case(lambda: nn.GRUCell(2, 3, rng=0), [(2,), (3,)], gru),
    "gru-plain": Case(lambda: nn.GRUCell(2, 3, bias=False, rng=0), [(2,), (3,)], gru, "GRUCell", (2, 3),
                      {"bias": False}),
    "lstm": Case(lambda: nn.LSTMCell(2, 3, rng=0), [(2,), (3,), (3,)], lstm),
    "conv1d": Case(lambda: nn.Conv1d(2, 3, 3, stride=2, padding=1, rng=0), [(2, 5)],
                   lambda x, p: conv1d(x, p["weight"], p["bias"]), "Conv1d", (2, 3, 3, 2, 1)),
    "conv2d": Case(lambda: nn.Conv2d(2, 2, 2, rng=0), [(2, 3, 4)],
                   lambda x, p: conv2d(x, p["weight"], p["bias"], (1, 1), (0, 0), (1, 1), 1), "Conv2d", (2, 2, 2)),
    "conv2d-groups": Case(lambda: nn.Conv2d(2, 4, (2, 3), (1, 2), (1, 2), (2, 1), 2, rng=0), [(2, 3, 4)],
                          lambda x, p: conv2d(x, p["weight"], p["bias"], (1, 2), (1, 2), (2, 1), 2),
                          "Conv2d", (2, 4, (2, 3), (1, 2), (1, 2), (2, 1), 2)),
    "max-pool": Case(lambda: nn.MaxPool2d(2), [(2, 4, 5)],
                     lambda x, p: windows(x, (2, 2), (2, 2), (0, 0), (1, 1), 0.0).max((3, 4)), "MaxPool2d", (2,)),
    "max-pool-padded": Case(lambda: nn.MaxPool2d((3, 2), 1, 1), [(1, 3, 3)],
                            lambda x, p: windows(x, (3, 2), (1, 1), (1, 1), (1, 1), -np.inf).max((3, 4)),
                            "MaxPool2d", ((3, 2), 1, 1)),
    "avg-pool": Case(lambda: nn.AvgPool2d(2, padding=1), [(1, 3, 4)],
                     lambda x, p: windows(x, (2, 2), (2, 2), (1, 1), (1, 1), 0.0).mean((3, 4)),
                     "AvgPool2d", (2, None, 1)),
    "avg-pool-inside": Case(lambda: nn.AvgPool2d(2, 1, 1, count_include_pad=False), [(1, 2, 2)],
                            lambda x, p: windows(x, (2, 2), (1, 1), (1, 1), (1, 1), 0.0).sum((3, 4))
                            / np.outer([1, 2, 1], [1, 2, 1]), "AvgPool2d", (2, 1, 1), {"count_include_pad": False}),
}  # fmt: skip

every_case = pytest.mark.parametrize("name", CASES)


def prepared(name: str) -> tuple[Module, list[np.ndarray]]:
    """The layer with weights of no particular values, and inputs."""
    generator = np.random.default_rng(1)
    module = CASES[name].make()
    for parameter in module.parameters():
        parameter.data += generator.normal() * 0.3
    return module, [generator.normal(size=shape) for shape in CASES[name].shapes]


def as_arrays(module: Module) -> dict[str, np.ndarray]:
    """The state with one array for what PyTorch has as one tensor."""
    entries: dict[str, dict[tuple[int, ...], float]] = {}
    for path, number in module.state_dict().items():
        found = re.fullmatch(r"(.*?)((?:\.\d+)+)", path)
        assert found
        place = tuple(map(int, found[2][1:].split(".")))
        entries.setdefault(found[1], {})[place] = number
    arrays = {}
    for stem, numbers in entries.items():
        arrays[stem] = np.empty(tuple(np.max(list(numbers), axis=0) + 1))
        for place, number in numbers.items():
            arrays[stem][place] = number
    return arrays


def outputs_of(module: Module, inputs: list[Any]) -> np.ndarray:
    """The outputs, of which an LSTM cell has two lists."""
    return np.array(module(inputs[0], tuple(inputs[1:])) if len(inputs) == 3 else module(*inputs), dtype=object)


def numbers(values: Any) -> np.ndarray:
    return np.array([value.data for value in np.ravel(values)]).reshape(np.shape(values))


def loss_of(outputs: np.ndarray) -> Value:
    """A different slope for each output."""
    return sum((math.sin(k + 1.0) * y * y for k, y in enumerate(outputs.flat)), Value(0.0))


@every_case
def test_values_are_those_of_the_formula(name: str) -> None:
    module, inputs = prepared(name)
    outputs = outputs_of(module, [mapped(Value, x.tolist()) for x in inputs])
    expected = CASES[name].formula(*inputs, as_arrays(module))
    np.testing.assert_allclose(numbers(outputs), expected, rtol=0, atol=1e-12)


@every_case
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    module, inputs = prepared(name)
    assert gradcheck(lambda *inputs: loss_of(outputs_of(module, list(inputs))), *[x.tolist() for x in inputs])


@every_case
def test_a_program_on_arrays_is_the_eager_layer(name: str) -> None:
    module, inputs = prepared(name)
    leaves = [mapped(Value, x.tolist()) for x in inputs]
    loss, parameters = loss_of(outputs_of(module, leaves)), module.parameters()
    other = [np.stack([x, x[::-1] + 0.5]) for x in inputs]
    value, gradient = compile(loss, leaves, parameters, "numpy").value_and_grad([p.data for p in parameters], *other)
    expected = []
    for k in (0, 1):
        again = loss_of(outputs_of(module, [mapped(Value, x[k].tolist()) for x in other]))
        again.backward(0.5)
        expected.append(again.data)
    assert value == pytest.approx(np.mean(expected), rel=1e-12)
    np.testing.assert_allclose(gradient, [p.grad for p in parameters], rtol=0, atol=1e-12)


@every_case
def test_layers_are_saved_and_drawn(name: str, tmp_path: Any) -> None:
    module, inputs = prepared(name)
    other = CASES[name].make()
    nn.save(module, tmp_path / "layer.npz")
    nn.load(other, tmp_path / "layer.npz")
    assert other.state_dict() == module.state_dict()
    loss = loss_of(outputs_of(module, [mapped(Value, x.tolist()) for x in inputs]))
    assert viz.draw(loss).source.startswith("digraph")
    assert viz.Stepper(loss).html()
    assert repr(module).startswith(type(module).__name__)


def torch_layer(name: str, module: Module) -> Any:
    """PyTorch's layer with the same weights."""
    torch = pytest.importorskip("torch")
    case = CASES[name]
    arguments = case.torch_arguments or {
        "Linear": (3, 2), "LayerNorm": (3,), "RMSNorm": (3,)
    }.get(type(module).__name__, (2, 3))  # fmt: skip
    made = getattr(torch.nn, case.torch_name or type(module).__name__)(*arguments, **case.torch_options).double()
    state = {path: torch.tensor(array) for path, array in as_arrays(module).items()}
    assert {path: tuple(tensor.shape) for path, tensor in made.state_dict().items()} == {
        path: tuple(tensor.shape) for path, tensor in state.items()
    }
    made.load_state_dict(state)
    return made


def torch_outputs(made: Any, inputs: list[Any]) -> Any:
    torch = pytest.importorskip("torch")
    if isinstance(made, torch.nn.MultiheadAttention):
        mask = torch.triu(torch.ones(len(inputs[0]), len(inputs[0]), dtype=torch.bool), 1)
        return made(inputs[0], inputs[0], inputs[0], attn_mask=mask, need_weights=False)[0]
    if len(inputs) == 3:
        return torch.stack(made(inputs[0], tuple(inputs[1:])))
    return made(*inputs)


@pytest.mark.torch
@every_case
def test_value_gradients_and_state_names_are_those_of_pytorch(name: str) -> None:
    torch = pytest.importorskip("torch")
    module, inputs = prepared(name)
    made = torch_layer(name, module)
    leaves = [mapped(Value, x.tolist()) for x in inputs]
    outputs = outputs_of(module, leaves)
    loss_of(outputs).backward()
    tensors = [torch.tensor(x, requires_grad=True) for x in inputs]
    expected = torch_outputs(made, tensors)
    np.testing.assert_allclose(numbers(outputs), expected.detach().numpy(), rtol=0, atol=1e-12)
    (torch.sin(torch.arange(1.0, outputs.size + 1.0, dtype=torch.float64)) * expected.flatten() ** 2).sum().backward()
    for leaf, tensor in zip(leaves, tensors, strict=True):
        ours = np.array([value.grad for value in np.ravel(np.array(leaf, dtype=object))])
        np.testing.assert_allclose(ours, tensor.grad.numpy().ravel(), rtol=0, atol=1e-12)
    for parameter in module.parameters():
        parameter.data = parameter.grad
    for path, array in as_arrays(module).items():
        np.testing.assert_allclose(array, dict(made.named_parameters())[path].grad.numpy(), rtol=0, atol=1e-12)


@pytest.mark.torch
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.make().parameters()])
def test_fifty_steps_of_training_are_those_of_pytorch(name: str) -> None:
    torch = pytest.importorskip("torch")
    module, inputs = prepared(name)
    made = torch_layer(name, module)
    leaves, parameters = [mapped(Value, x.tolist()) for x in inputs], module.parameters()
    program = compile(loss_of(outputs_of(module, leaves)), leaves, parameters, "numpy")
    optimizer = nn.optim.SGD(parameters, lr=0.01, momentum=0.9)
    theirs = torch.optim.SGD(made.parameters(), lr=0.01, momentum=0.9)
    tensors = [torch.tensor(x) for x in inputs]
    for _ in range(50):
        module.zero_grad()
        program.backward(*inputs)
        optimizer.step()
        theirs.zero_grad()
        found = torch_outputs(made, tensors).flatten()
        (torch.sin(torch.arange(1.0, len(found) + 1.0, dtype=torch.float64)) * found**2).sum().backward()
        theirs.step()
    for path, array in as_arrays(module).items():
        np.testing.assert_allclose(array, made.state_dict()[path].numpy(), rtol=1e-10, atol=1e-10)


def test_the_default_weights_lie_where_those_of_pytorch_do() -> None:
    for module, bound in [
        (nn.Linear(16, 100, rng=0), 0.25),
        (nn.GRUCell(3, 16, rng=0), 0.25),
        (nn.Conv2d(4, 20, 2, rng=0), 0.25),
        (nn.CausalSelfAttention(24, 2, rng=0).out_proj, 1.0 / math.sqrt(24.0)),
    ]:
        weights = [abs(number) for path, number in module.state_dict().items() if "weight" in path]
        assert 0.97 * bound < max(weights) <= bound
        assert np.mean(weights) == pytest.approx(bound / 2, rel=0.1)
    attention = nn.CausalSelfAttention(24, 2, rng=0).state_dict()
    assert max(number for path, number in attention.items() if "in_proj_weight" in path) <= math.sqrt(6 / 96)
    assert not any(number for path, number in attention.items() if "bias" in path)
    assert nn.Linear(2, 2, rng=5).state_dict() == nn.Linear(2, 2, rng=5).state_dict()


def test_of_equal_numbers_the_first_is_the_largest() -> None:
    leaves = [[[Value(1.0), Value(1.0)]]]
    loss = nn.MaxPool2d((1, 2))(leaves)[0][0][0]
    loss.backward()
    assert [leaf.grad for leaf in leaves[0][0]] == [1.0, 0.0]


def test_states_left_out_are_zero() -> None:
    for cell in (nn.RNNCell(2, 3, rng=0), nn.GRUCell(2, 3, rng=0)):
        np.testing.assert_array_equal(numbers(cell([1.0, 2.0])), numbers(cell([1.0, 2.0], [0.0] * 3)))
    cell = nn.LSTMCell(2, 3, rng=0)
    np.testing.assert_array_equal(numbers(cell([1.0, 2.0])), numbers(cell([1.0, 2.0], ([0.0] * 3, [0.0] * 3))))


def test_positions_of_a_sequence_do_not_see_later_ones() -> None:
    attention, generator = nn.CausalSelfAttention(4, 2, rng=0), np.random.default_rng(0)
    sequence = mapped(Value, generator.normal(size=(3, 4)).tolist())
    sum(attention(sequence)[1], Value(0.0)).backward()
    assert [any(value.grad for value in row) for row in sequence] == [True, True, False]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.Linear(3, 2)([1.0, 2.0]), r"the input of a Linear has shape \(\.\.\., 3\).*got shape \(2,\)"),
        (lambda: nn.Linear(2, 2)([[1.0, 2.0], [3.0]]), "the input of a Linear has shape"),
        (lambda: nn.LayerNorm((2, 3))([[1.0, 2.0]]), r"a LayerNorm has shape \(\.\.\., 2, 3\)"),
        (lambda: nn.LayerNorm(()), "at least one axis"),
        (lambda: nn.CausalSelfAttention(4, 3), "num_heads divides embed_dim into equal parts, got 3 for 4"),
        (lambda: nn.CausalSelfAttention(4, 2)([1.0] * 4), r"has shape \(any, 4\)"),
        (lambda: nn.CausalSelfAttention(4, 2)([]), r"has shape \(any, 4\)"),
        (lambda: nn.RNNCell(2, 3)([1.0, 2.0], [0.0]), r"the state of RNNCell has shape \(3\)"),
        (lambda: nn.RNNCell(2, 3, nonlinearity="thanh"), "did you mean 'tanh'"),
        (lambda: nn.LSTMCell(2, 3)([1.0, 2.0], [0.0] * 3), r"a pair \(h, c\)"),
        (lambda: nn.Conv1d(3, 4, 2, groups=2), "groups divides in_channels and out_channels, got 2 for 3 and 4"),
        (lambda: nn.Conv2d(1, 1, (2, 2, 2)), r"kernel_size is an int, or 2 of them, got \(2, 2, 2\)"),
        (lambda: nn.Conv1d(1, 1, 2, padding=-1), "padding is at least 0, got -1"),
        (lambda: nn.Conv1d(1, 1, 3)([[1.0, 2.0]]), "a window over 3 positions does not fit into 2"),
        (lambda: nn.Conv2d(1, 1, 1)([[1.0]]), r"the input of Conv2d has shape \(1, any, any\)"),
        (lambda: nn.MaxPool2d(2, padding=2), "padding is at most half of the kernel_size, got 2 for 2"),
    ],
)
def test_what_does_not_fit_is_said(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("name", ["BatchNorm1d", "BatchNorm2d"])
def test_who_looks_for_batch_normalisation_is_told(name: str) -> None:
    with pytest.raises(AttributeError, match="nn.LayerNorm and nn.RMSNorm normalise each sample by itself"):
        getattr(nn, name)
    with pytest.raises(AttributeError, match="module 'nn' has no attribute 'Lineal'"):
        _ = nn.Lineal
