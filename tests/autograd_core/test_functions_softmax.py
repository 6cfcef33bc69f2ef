"""log-sum-exp, softmax and log-softmax: exact, stable, and with gradients that add up."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

from autograd_core import Value, compile, grad, gradcheck, hessian, jacobian
from autograd_core.functions import log_softmax, logsumexp, softmax
from autograd_core.value import number_of

# Untyped, for what mpmath says of its types differs from release to release.
mp: Any = mpmath.mp
mpf = mp.mpf

inf, nan = math.inf, math.nan

FORMS: dict[str, Callable[[list[float]], Any]] = {
    "list": list,
    "tuple": tuple,
    "array": np.array,
    "list of Values": lambda numbers: [Value(number) for number in numbers],
    "array of Values": lambda numbers: np.array([Value(number) for number in numbers]),
}
every_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)

MODERATE = [[random.Random(seed).uniform(-30.0, 30.0) for _ in range(seed + 2)] for seed in range(6)]
FINITE = [
    [0.0],
    [-3.5],
    [1000.0, 1000.0],
    [-1000.0, -1000.0],
    [1000.0, -1000.0],
    [0.0, 1e-10, -1e-10],
    [1e16, 1e16],
    [1e308, 1e308, -1e308],
    [3, 1, 2],
    *MODERATE,
]
every_finite = pytest.mark.parametrize("numbers", FINITE, ids=lambda numbers: f"{len(numbers)} from {numbers[0]:.4g}")


def exact(numbers: list[float]) -> tuple[float, list[float], list[float]]:
    """logsumexp, softmax and log_softmax to 50 digits."""
    with mp.workdps(50):
        largest = mpf(max(numbers))
        shifted = [mpf(number) - largest for number in numbers]
        total = mp.log(mp.fsum(mp.exp(number) for number in shifted))
        shares = [float(mp.exp(number - total)) for number in shifted]
        return float(largest + total), shares, [float(number - total) for number in shifted]


def floats(nodes: Any) -> list[float]:
    return [number_of(node) for node in nodes]


@every_finite
@every_form
def test_exact(numbers: list[float], form: Callable[[list[float]], Any]) -> None:
    total, shares, logarithms = exact(numbers)
    # Elements of a NumPy array warn of what overflows to infinity; that is NumPy's to say.
    with np.errstate(over="ignore"):
        assert number_of(logsumexp(form(numbers))) == pytest.approx(total, rel=1e-14, abs=1e-15)
        assert floats(softmax(form(numbers))) == pytest.approx(shares, rel=1e-12, abs=1e-300)
        assert floats(log_softmax(form(numbers))) == pytest.approx(logarithms, rel=1e-12, abs=1e-14)


@every_finite
def test_gradients_are_the_shares(numbers: list[float]) -> None:
    _, shares, _ = exact(numbers)
    assert grad(logsumexp)(numbers) == pytest.approx(shares, rel=1e-12, abs=1e-15)
    assert sum(grad(logsumexp)(numbers)) == pytest.approx(1.0, rel=1e-14)
    share = np.array(shares)
    of_softmax = np.array(jacobian(softmax)(numbers))
    np.testing.assert_allclose(of_softmax, np.diag(share) - np.outer(share, share), rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(of_softmax.sum(axis=1), 0.0, atol=1e-14)
    of_log_softmax = np.array(jacobian(log_softmax)(numbers))
    np.testing.assert_allclose(of_log_softmax, np.eye(len(numbers)) - share, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(of_log_softmax.sum(axis=1), 0.0, atol=1e-14)


@pytest.mark.parametrize("numbers", [*MODERATE[:3], [1000.0, -1000.0], [0.0, 0.0, 0.0]], ids=str)
def test_second_derivatives(numbers: list[float]) -> None:
    share = np.array(exact(numbers)[1])
    expected = np.diag(share) - np.outer(share, share)
    np.testing.assert_allclose(hessian(logsumexp)(numbers), expected, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("small", [-40.0, -300.0, -700.0])
def test_small_share_keeps_its_digits_to_second_order(small: float) -> None:
    share = pytest.approx(math.exp(small), rel=1e-12, abs=0.0)
    assert softmax([0.0, small])[1] == share
    assert grad(logsumexp)([0.0, small])[1] == share
    assert hessian(logsumexp)([0.0, small])[1][1] == share
    assert -hessian(logsumexp)([0.0, small])[0][1] == share
    assert jacobian(softmax)([0.0, small])[1][1] == share
    assert -jacobian(softmax)([0.0, small])[0][1] == share
    assert hessian(lambda x: softmax(x)[1])([0.0, small])[1][1] == share


@pytest.mark.parametrize("numbers", [[0.3, -1.2, 0.9], [2.0]], ids=str)
def test_gradcheck_passes(numbers: list[float]) -> None:
    for function in (logsumexp, softmax, log_softmax, grad(logsumexp)):
        assert gradcheck(function, numbers)


# numbers, logsumexp, softmax, log_softmax: as PyTorch has them.
INFINITE: list[tuple[list[float], float, list[float], list[float]]] = [
    ([-inf, 0.0], 0.0, [0.0, 1.0], [-inf, 0.0]),
    ([0.0, -inf, -inf], 0.0, [1.0, 0.0, 0.0], [0.0, -inf, -inf]),
    ([-inf], -inf, [nan], [nan]),
    ([-inf, -inf], -inf, [nan, nan], [nan, nan]),
    ([inf, 0.0], inf, [nan, nan], [nan, nan]),
    ([inf, inf], inf, [nan, nan], [nan, nan]),
    ([inf, -inf], inf, [nan, nan], [nan, nan]),
    ([nan, 0.0], nan, [nan, nan], [nan, nan]),
    ([0.0, nan], nan, [nan, nan], [nan, nan]),
    ([nan, inf], nan, [nan, nan], [nan, nan]),
]
every_infinite = pytest.mark.parametrize(("numbers", "total", "shares", "logarithms"), INFINITE, ids=str)


@every_infinite
@every_form
def test_infinite_and_missing_entries(
    numbers: list[float],
    total: float,
    shares: list[float],
    logarithms: list[float],
    form: Callable[[list[float]], Any],
) -> None:
    with np.errstate(invalid="ignore"):
        assert number_of(logsumexp(form(numbers))) == pytest.approx(total, nan_ok=True)
        assert floats(softmax(form(numbers))) == pytest.approx(shares, nan_ok=True)
        assert floats(log_softmax(form(numbers))) == pytest.approx(logarithms, nan_ok=True)


@pytest.mark.torch
@every_infinite
def test_pytorch_has_the_same_infinite_entries(
    numbers: list[float], total: float, shares: list[float], logarithms: list[float]
) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    tensor = torch.tensor(numbers, dtype=torch.float64)
    assert torch.logsumexp(tensor, 0).item() == pytest.approx(total, nan_ok=True)
    assert torch.softmax(tensor, 0).tolist() == pytest.approx(shares, nan_ok=True)
    assert torch.log_softmax(tensor, 0).tolist() == pytest.approx(logarithms, nan_ok=True)


@pytest.mark.torch
@pytest.mark.parametrize("numbers", [*FINITE[:6], *MODERATE], ids=str)
def test_pytorch_agrees_in_value_and_gradient(numbers: list[float]) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    tensor = torch.tensor(numbers, dtype=torch.float64, requires_grad=True)
    total = torch.logsumexp(tensor, 0)
    total.backward()
    assert logsumexp(numbers) == pytest.approx(total.item(), rel=1e-14, abs=1e-15)
    assert grad(logsumexp)(numbers) == pytest.approx(tensor.grad.tolist(), rel=1e-12, abs=1e-15)
    assert softmax(numbers) == pytest.approx(torch.softmax(tensor, 0).tolist(), rel=1e-12, abs=1e-300)
    assert log_softmax(numbers) == pytest.approx(torch.log_softmax(tensor, 0).tolist(), rel=1e-12, abs=1e-14)


# The share of an infinite number is inf / inf, which PyTorch calls missing too; the others have none.
INFINITE_SLOPES = {(1.0, inf): [0.0, nan], (inf, -inf): [nan, 0.0], (inf, 2.0, inf): [nan, 0.0, nan], (inf,): [nan]}
every_infinite_slope = pytest.mark.parametrize("numbers", INFINITE_SLOPES, ids=str)


@every_infinite_slope
def test_slopes_of_an_infinite_logsumexp_are_the_same_on_every_way(numbers: tuple[float, ...]) -> None:
    expected = pytest.approx(INFINITE_SLOPES[numbers], nan_ok=True)
    assert grad(logsumexp)(list(numbers)) == expected
    leaves = [Value(0.5) for _ in numbers]
    for backend in ("scalar", "numpy"):
        program = compile(logsumexp(leaves), [], leaves, backend)
        assert program.value_and_grad(numbers)[1].tolist() == expected


@pytest.mark.torch
@every_infinite_slope
def test_pytorch_has_the_same_slopes_of_an_infinite_logsumexp(numbers: tuple[float, ...]) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    tensor = torch.tensor(numbers, dtype=torch.float64, requires_grad=True)
    torch.logsumexp(tensor, 0).backward()
    assert tensor.grad.tolist() == pytest.approx(INFINITE_SLOPES[numbers], nan_ok=True)


def test_entry_that_takes_no_part_has_no_gradient() -> None:
    assert grad(logsumexp)([-inf, 0.0]) == [0.0, 1.0]
    assert grad(lambda x: log_softmax(x)[1])([-inf, 0.0]) == [0.0, 0.0]


@pytest.mark.parametrize("function", [logsumexp, softmax, log_softmax])
@pytest.mark.parametrize("empty", [[], (), np.zeros(0)], ids=lambda empty: type(empty).__name__)
def test_empty_sequence_is_an_error(function: Callable[[Any], Any], empty: Any) -> None:
    with pytest.raises(ValueError, match=r"takes at least one value, got an empty sequence$"):
        function(empty)
