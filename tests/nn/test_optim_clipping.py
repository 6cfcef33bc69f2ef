"""Clipping against PyTorch's, and by hand."""

from math import inf, nan
from typing import Any

import numpy as np
import pytest

from autograd_core import Value
from nn.optim import clip_grad_norm, clip_grad_value, clipped_by_norm, clipped_by_value

GRADIENTS = [
    [3.0, -4.0],
    [0.0, 0.0],
    [-0.0, 1e-9, 2.0, -5.0],
    [1e200, 1.0],
    [inf, 1.0, -2.0],
    [-inf, inf, 0.0],
    [nan, 1.0],
    [nan, inf],
]
every_gradient = pytest.mark.parametrize("gradients", GRADIENTS, ids=str)


@pytest.fixture(scope="module")
def torch() -> Any:
    return pytest.importorskip("torch", reason="PyTorch is not installed")


def leaves(gradients: list[float]) -> list[Value]:
    made = [Value(0.0) for _ in gradients]
    for leaf, gradient in zip(made, gradients, strict=True):
        leaf.grad = gradient
    return made


def tensors(torch: Any, gradients: list[float]) -> list[Any]:
    """One tensor of one number each, as leaves are."""
    made = [torch.zeros((), dtype=torch.float64, requires_grad=True) for _ in gradients]
    for tensor, gradient in zip(made, gradients, strict=True):
        tensor.grad = torch.tensor(gradient, dtype=torch.float64)
    return made


@pytest.mark.torch
@every_gradient
@pytest.mark.parametrize("max_norm", [0.0, 1e-3, 1.0, 5.0, 1e3, inf])
@pytest.mark.parametrize("norm_type", [2.0, 1.0, 3.5, inf])
def test_norms_and_gradients_are_those_of_torch(
    torch: Any, gradients: list[float], max_norm: float, norm_type: float
) -> None:
    ours, theirs = leaves(gradients), tensors(torch, gradients)
    expected = torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type)
    norm = clip_grad_norm(ours, max_norm, norm_type)
    assert type(norm) is float
    np.testing.assert_allclose(norm, expected.item(), rtol=1e-14)
    np.testing.assert_allclose([leaf.grad for leaf in ours], [float(t.grad) for t in theirs], rtol=1e-14)


@pytest.mark.torch
@every_gradient
@pytest.mark.parametrize("clip_value", [0.0, 1.0, 4.0, inf])
def test_clipped_values_are_those_of_torch(torch: Any, gradients: list[float], clip_value: float) -> None:
    ours, theirs = leaves(gradients), tensors(torch, gradients)
    torch.nn.utils.clip_grad_value_(theirs, clip_value)
    clip_grad_value(ours, clip_value)
    np.testing.assert_array_equal([leaf.grad for leaf in ours], [float(t.grad) for t in theirs])


@pytest.mark.parametrize(
    ("gradients", "norm_type", "norm", "clipped"),
    [
        ([30.0, -40.0], 2.0, 50.0, [6.0, -8.0]),
        ([30.0, -40.0], 1.0, 70.0, [30.0 / 7.0, -40.0 / 7.0]),
        ([30.0, -40.0], inf, 40.0, [7.5, -10.0]),
        ([3.0, -4.0], 2.0, 5.0, [3.0, -4.0]),
        ([0.0, 0.0], 2.0, 0.0, [0.0, 0.0]),
        ([inf, 1.0], 2.0, inf, [nan, 0.0]),
        ([nan, 1.0], 2.0, nan, [nan, nan]),
    ],
)
def test_norms_by_hand(gradients: list[float], norm_type: float, norm: float, clipped: list[float]) -> None:
    made = leaves(gradients)
    assert clip_grad_norm(iter(made), 10.0, norm_type) == pytest.approx(norm, nan_ok=True)
    assert [leaf.grad for leaf in made] == pytest.approx(clipped, rel=1e-6, nan_ok=True)


def test_values_by_hand() -> None:
    made = leaves([-inf, -1.0, 0.5, 3.0, nan])
    clip_grad_value(iter(made), 1.0)
    assert [leaf.grad for leaf in made] == pytest.approx([-1.0, -1.0, 0.5, 1.0, nan], nan_ok=True)
    assert all(type(leaf.grad) is float for leaf in made)


def test_a_tiny_amount_keeps_the_clipped_norm_below_the_bound() -> None:
    clipped, norm = clipped_by_norm(np.array([1.0]), max_norm=1.0)
    assert norm == 1.0
    assert clipped[0] == 1.0 / (1.0 + 1e-6)


def test_the_array_forms_leave_their_argument_alone() -> None:
    gradients = np.array([3.0, -4.0])
    gradients.flags.writeable = False
    assert clipped_by_norm(gradients, 5e6)[0] is not gradients
    assert clipped_by_value(gradients, 3.5).tolist() == [3.0, -3.5]


@pytest.mark.parametrize("bound", [-1.0, nan])
def test_bounds_below_zero_are_refused(bound: float) -> None:
    made = leaves([3.0, 4.0])
    with pytest.raises(ValueError, match=f"clipping needs max_norm at least 0, got max_norm={bound}"):
        clip_grad_norm(made, bound)
    with pytest.raises(ValueError, match=f"clipping needs clip_value at least 0, got clip_value={bound}"):
        clip_grad_value(made, bound)
    assert [leaf.grad for leaf in made] == [3.0, 4.0]


def test_an_exhausted_iterator_is_an_error_and_no_silent_nothing() -> None:
    with pytest.raises(ValueError, match="clip_grad_norm got no parameters"):
        clip_grad_norm(iter(()), 1.0)
    with pytest.raises(ValueError, match="clip_grad_value got no parameters"):
        clip_grad_value(iter(()), 1.0)
