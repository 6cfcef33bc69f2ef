"""Cross entropy with class weights, ignored labels and smoothed targets, and with labels that are Values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from autograd_core import Value, compile
from autograd_core.transforms import mapped
from nn.losses import cross_entropy

LOGITS = np.random.default_rng(0).normal(size=(4, 3))
WEIGHT = [0.5, 2.0, 0.25]
SHARES = [[0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [0.0, 0.4, 0.6], [0.1, 0.1, 0.8]]
CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "weight": ([0, 2, 1, 1], {"weight": WEIGHT}),
    "ignored": ([0, -100, 1, 1], {}),
    "ignored-first": ([-100, 2, 1, 0], {"weight": WEIGHT}),
    "a-class-ignored": ([0, 2, 1, 1], {"ignore_index": 1}),
    "all-ignored": ([2, 2, 2, 2], {"ignore_index": 2}),
    "smoothed": ([0, 2, 1, 1], {"label_smoothing": 0.1}),
    "all-of-it": ([0, 7, 1, 2], {"weight": WEIGHT, "ignore_index": 7, "label_smoothing": 0.3}),
    "shares": (SHARES, {"weight": WEIGHT, "label_smoothing": 0.2}),
    "shares-smoothed": (SHARES, {"label_smoothing": 1.0}),
}
every_case = pytest.mark.parametrize("name", CASES)
every_reduction = pytest.mark.parametrize("reduction", ["mean", "sum"])


def by_formula(
    target: Any, reduction: str, weight: Any = None, ignore_index: int = -100, label_smoothing: float = 0.0
) -> float:
    """The loss by the definition."""
    factors = np.ones(3) if weight is None else np.array(weight)
    losses = -np.log(np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True))
    if np.ndim(target) == 2:
        counted, counts = np.array(target, dtype=float), np.ones(4)
    else:
        kept = [label != ignore_index for label in target]
        losses, labels = losses[kept], np.array(target)[kept]
        counted, counts = np.eye(3)[labels], factors[labels]
    smooth = (1.0 - label_smoothing) * counted + label_smoothing / 3
    if not len(losses):
        return math.nan if reduction == "mean" else 0.0
    total = float((smooth * losses * factors).sum())
    return total / counts.sum() if reduction == "mean" else total


@every_case
@every_reduction
def test_values_are_those_of_the_formula(name: str, reduction: Any) -> None:
    target, options = CASES[name]
    found = cross_entropy(LOGITS, target, reduction, **options)
    assert found == pytest.approx(by_formula(target, reduction, **options), rel=1e-13, nan_ok=True)


@pytest.mark.torch
@every_case
@every_reduction
def test_values_and_gradients_are_those_of_pytorch(name: str, reduction: Any) -> None:
    torch = pytest.importorskip("torch")
    target, options = CASES[name]
    logits = torch.tensor(LOGITS, requires_grad=True)
    theirs = dict(options, weight=torch.tensor(WEIGHT, dtype=torch.float64)) if "weight" in options else options
    expected = torch.nn.functional.cross_entropy(
        logits, torch.tensor(target, dtype=torch.float64 if np.ndim(target) == 2 else None), reduction=reduction,
        **theirs,
    )  # fmt: skip
    expected.backward()
    leaves = mapped(Value, LOGITS.tolist())
    loss = cross_entropy(leaves, target, reduction, **options)
    loss.backward()
    assert loss.data == pytest.approx(expected.item(), rel=1e-12, nan_ok=True)
    ours = [[leaf.grad for leaf in row] for row in leaves]
    if name != "all-ignored":  # of which no logit has a share
        np.testing.assert_allclose(ours, logits.grad.numpy(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("backend", ["scalar", "numpy"])
@pytest.mark.parametrize("name", [name for name, (target, _) in CASES.items() if np.ndim(target) == 1])
@every_reduction
def test_labels_in_values_choose_whenever_the_graph_is_computed(name: str, reduction: Any, backend: Any) -> None:
    target, options = CASES[name]
    logits, labels = mapped(Value, LOGITS.tolist()), [Value(0.0) for _ in target]
    parameters = [leaf for row in logits for leaf in row]
    program = compile(cross_entropy(logits, labels, reduction, **options), [labels], parameters, backend)
    value, gradient = program.value_and_grad(LOGITS.ravel(), np.array(target, dtype=float))
    plain = cross_entropy(logits, target, reduction, **options)
    plain.backward()
    assert value == pytest.approx(plain.data, rel=1e-13, nan_ok=True)
    if not math.isnan(value):
        np.testing.assert_allclose(gradient, [leaf.grad for leaf in parameters], rtol=0, atol=1e-13)


@pytest.mark.parametrize("backend", ["scalar", "numpy"])
@pytest.mark.parametrize("label", [-1.0, 3.0, 0.5, math.nan, -100.0])
def test_a_program_refuses_a_label_that_is_none(backend: Any, label: float) -> None:
    logits, target = mapped(Value, LOGITS[0].tolist()), Value(1.0)
    program = compile(cross_entropy(logits, target), [target], logits, backend)
    assert program(LOGITS[0], 2.0) == pytest.approx(cross_entropy(LOGITS[0], 2), rel=1e-13)
    with pytest.raises(ValueError, match="among 3 entries by a whole number from 0 to 2"):
        program(LOGITS[0], label)


def test_the_label_of_one_sample_is_never_ignored() -> None:
    with pytest.raises(ValueError, match="labels is -100"):
        cross_entropy(LOGITS[0], -100)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weight": [1.0, 2.0]}, "weight has a number for each of the 3 classes, got 2"),
        ({"label_smoothing": 1.5}, "label_smoothing is from 0 to 1, got 1.5"),
        ({"label_smoothing": math.nan}, "label_smoothing is from 0 to 1"),
    ],
)
def test_options_that_do_not_fit(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cross_entropy(LOGITS, [0, 1, 2, 0], **options)
