"""The losses: PyTorch's values and gradients, stable at any size, and clear about what they refuse.

The facts are PyTorch's, in float64. They are also kept in losses.json for machines without PyTorch; this writes
the file anew, from the top of the repository:

    python tests/nn/test_losses.py
"""

from __future__ import annotations

import importlib
import itertools
import json
import math
import pickle
import random
from collections.abc import Callable
from functools import cache
from math import inf, nan
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_core import Value, grad, gradcheck, topological_order
from autograd_core.functions import sigmoid
from nn import losses
from nn.data import one_hot

STORED = Path(__file__).with_name("losses.json")

Case = tuple[str, Any, Any, str | None]
"""Name of the loss, prediction, target (None for a penalty), reduction (None where there is no choice)."""
Fact = dict[str, Any]
"""A case with what comes of it: value, gradient by the prediction, and by the target unless that is labels."""


def numbers(seed: int, count: int, low: float = -3.0, high: float = 3.0) -> list[float]:
    chance = random.Random(seed)
    return [round(chance.uniform(low, high), 3) for _ in range(count)]


def shares(seed: int, rows: int, classes: int) -> list[list[float]]:
    drawn = [numbers(seed + row, classes, 0.1, 1.0) for row in range(rows)]
    # Rounded, for sum() gives other last digits from Python 3.12 on.
    return [[round(number / sum(row), 6) for number in row] for row in drawn]


def grid(first: list[float], second: list[float]) -> tuple[list[float], list[float]]:
    pairs = list(itertools.product(first, second))
    return [left for left, _ in pairs], [right for _, right in pairs]


PROBABILITIES = [0.0, 1e-50, 1e-13, 0.3, 0.5, 0.999, 1.0 - 1e-13, 1.0]
LOGITS = [-1000.0, -710.0, -40.0, -1.0, 0.0, 1.0, 40.0, 710.0, 1000.0]
TARGETS = [0.0, 0.25, 1.0]
EXTREME = [[1000.0, -1000.0, 0.0], [-1000.0, -1000.0, 1000.0], [1000.0, 1000.0, 1000.0], [-1000.0, -1001.0, -999.0]]

POINTS: dict[str, list[tuple[Any, Any]]] = {
    **{
        name: [
            (0.5, -1.25),
            (numbers(1, 5), numbers(2, 5)),
            ([numbers(3, 3), numbers(4, 3)], [numbers(5, 3), numbers(6, 3)]),
            ([1.0, 2.0, -3.0], [1.0, 2.0, -4.0]),
            ([1e8, -1e8], [-1e8, 1.0]),
        ]
        for name in ("sse_loss", "half_sse_loss", "mse_loss", "mae_loss")
    },
    "binary_cross_entropy": [(0.3, 1), ([[0.2], [0.7]], [[1], [0]]), grid(PROBABILITIES, TARGETS)],
    "binary_cross_entropy_with_logits": [(0.3, 1), ([[0.2], [-0.7]], [[1], [0]]), grid(LOGITS, TARGETS)],
    "hinge_loss": [(0.3, 1), grid([-1000.0, -1.0, -0.5, 0.0, 1.0, 2.0], [-1.0, 1.0])],
    "cross_entropy": [
        (numbers(7, 4), 2),
        (numbers(8, 4), shares(9, 1, 4)[0]),
        ([numbers(10, 3), numbers(11, 3)], [0, 2]),
        ([numbers(12, 3), numbers(13, 3)], shares(14, 2, 3)),
        ([[5.0]], [0]),
        *((EXTREME, [label] * 4) for label in range(3)),
        (EXTREME, shares(18, 4, 3)),
        (EXTREME, [[0.0, 1.0, 0.0]] * 4),
    ],
    "l1_penalty": [([0.0, 0.5, -2.0], None)],
    "l2_penalty": [([0.0, 0.5, -2.0], None)],
}

CASES: list[Case] = [
    (name, prediction, target, reduction)
    for name, points in POINTS.items()
    for prediction, target in points
    for reduction in ((None,) if name in ("sse_loss", "half_sse_loss") or target is None else ("mean", "sum"))
]


def counterparts(torch: Any) -> dict[str, Callable[..., Any]]:
    """PyTorch's function for each loss; hinge and penalties, which it lacks, by their definition."""
    functional = torch.nn.functional
    reduced = {"mean": torch.mean, "sum": torch.sum}
    return {
        "sse_loss": lambda y, t: functional.mse_loss(y, t, reduction="sum"),
        "half_sse_loss": lambda y, t: 0.5 * functional.mse_loss(y, t, reduction="sum"),
        "mse_loss": functional.mse_loss,
        "mae_loss": functional.l1_loss,
        "binary_cross_entropy": functional.binary_cross_entropy,
        "binary_cross_entropy_with_logits": functional.binary_cross_entropy_with_logits,
        "hinge_loss": lambda y, t, reduction: reduced[reduction](torch.relu(1.0 - t * y)),
        "cross_entropy": functional.cross_entropy,
        "l1_penalty": lambda w: w.abs().sum(),
        "l2_penalty": lambda w: w.square().sum(),
    }


def is_labels(name: str, target: Any) -> bool:
    return name == "cross_entropy" and np.asarray(target).dtype.kind == "i"


def fact_of_pytorch(case: Case) -> Fact:
    torch = importlib.import_module("torch")
    name, prediction, target, reduction = case
    y = torch.tensor(prediction, dtype=torch.float64, requires_grad=True)
    operands = [y]
    if target is not None and is_labels(name, target):
        operands.append(torch.tensor(target))
    elif target is not None:
        operands.append(torch.tensor(target, dtype=torch.float64, requires_grad=True))
    output = counterparts(torch)[name](*operands, **({"reduction": reduction} if reduction else {}))
    output.backward()
    gradients = [operand.grad.flatten().tolist() for operand in operands if operand.requires_grad]
    return {"case": list(case), "value": output.item(), "gradients": gradients}


def values(arrangement: Any) -> Any:
    return [values(item) for item in arrangement] if isinstance(arrangement, (list, tuple)) else Value(arrangement)


def flat(arrangement: Any) -> list[Any]:
    return np.asarray(arrangement, dtype=object).ravel().tolist()


def our_fact(case: Case) -> Fact:
    name, prediction, target, reduction = case
    operands = [values(prediction)]
    if target is not None:
        operands.append(target if is_labels(name, target) else values(target))
    output = getattr(losses, name)(*operands, **({"reduction": reduction} if reduction else {}))
    output.backward()
    leaves = [flat(operand) for operand in operands]
    gradients = [[leaf.grad for leaf in leaf_list] for leaf_list in leaves if isinstance(leaf_list[0], Value)]
    return {"case": list(case), "value": output.data, "gradients": gradients}


@cache
def stored_facts() -> list[Fact]:
    return json.loads(STORED.read_text(encoding="utf-8"))


def store(facts: list[Fact]) -> None:
    STORED.write_text("[\n" + ",\n".join(map(json.dumps, facts)) + "\n]\n", encoding="utf-8")


def agree(ours: float, fact: float) -> bool:
    """To 1e-12, relative for what is greater than 1."""
    if not (math.isfinite(ours) and math.isfinite(fact)):
        return ours == fact or (ours != ours and fact != fact)
    return abs(ours - fact) <= 1e-12 * max(1.0, abs(fact))


def differences(ours: Fact, fact: Fact) -> list[str]:
    assert [len(gradient) for gradient in ours["gradients"]] == [len(gradient) for gradient in fact["gradients"]]
    pairs = [("value", ours["value"], fact["value"])]
    for operand, our_gradient, gradient in zip(
        ("prediction", "target"), ours["gradients"], fact["gradients"], strict=False
    ):
        pairs += [
            (f"gradient by {operand} {i}", *both) for i, both in enumerate(zip(our_gradient, gradient, strict=True))
        ]
    return [f"{what}: {our}, expected {expected}" for what, our, expected in pairs if not agree(our, expected)]


def test_every_loss_has_facts() -> None:
    named = {name for name in dir(losses) if name.endswith(("_loss", "_penalty")) or "cross_entropy" in name}
    assert {name for name in named if not name.startswith("_")} == {*POINTS, "log_loss"}


def test_stored_facts_are_of_these_cases() -> None:
    assert [fact["case"] for fact in stored_facts()] == json.loads(json.dumps(CASES))


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda number: f"{number}-{CASES[number][0]}")
def test_value_and_gradients_are_those_stored(number: int) -> None:
    assert differences(our_fact(CASES[number]), stored_facts()[number]) == []


@pytest.mark.torch
@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda number: f"{number}-{CASES[number][0]}")
def test_value_and_gradients_are_those_of_pytorch(number: int) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed; the stored facts stand in for it")
    assert differences(our_fact(CASES[number]), fact_of_pytorch(CASES[number])) == []


@pytest.mark.parametrize(
    ("ours", "fact", "expected"),
    [
        (nan, nan, True),
        (nan, 0.0, False),
        (inf, -inf, False),
        (0.0, inf, False),
        (1.0, 1.0 + 1e-13, True),
        (1.0, 1.0 + 1e-11, False),
        (-1000000003995.8029, -1e12, False),
    ],
)
def test_agree_tells_right_from_wrong(ours: float, fact: float, expected: bool) -> None:
    assert agree(ours, fact) is expected


SMOOTH: dict[str, tuple[Any, Any]] = {
    "sse_loss": ([0.5, -2.0], [1.5, 1.0]),
    "half_sse_loss": ([0.5, -2.0], [1.5, 1.0]),
    "mse_loss": ([[0.5], [-2.0]], [[1.5], [1.0]]),
    "mae_loss": ([0.5, -2.0], [1.5, 1.0]),
    "binary_cross_entropy": ([0.3, 0.8, 0.5], [0.9, 0.25, 0.5]),
    "binary_cross_entropy_with_logits": ([0.3, -8.0, 2.5], [0.9, 0.25, 0.5]),
    "cross_entropy": ([[0.3, -1.0], [2.0, 1.5]], [[0.25, 0.75], [0.5, 0.5]]),
}
"""Points away from kinks and from the ends of the targets' range."""


@pytest.mark.parametrize("name", SMOOTH)
def test_gradcheck_by_prediction_and_target(name: str) -> None:
    loss: Any = getattr(losses, name)
    assert gradcheck(loss, *SMOOTH[name])
    if name not in ("sse_loss", "half_sse_loss"):
        assert gradcheck(lambda y, t: loss(y, t, reduction="sum"), *SMOOTH[name])


def test_gradcheck_where_the_target_cannot_move() -> None:
    assert gradcheck(lambda score: losses.hinge_loss(score, [1, 1, -1]), [0.5, 2.0, 0.25])
    assert gradcheck(lambda logits: losses.cross_entropy(logits, [2, 0]), [[0.3, -1.0, 0.0], [2.0, 1.5, 1.0]])
    assert gradcheck(losses.l1_penalty, [0.5, -2.0])
    assert gradcheck(losses.l2_penalty, [0.5, -2.0])


@pytest.mark.parametrize("position", [0, 1])
def test_second_derivatives_of_the_log_loss(position: int) -> None:
    assert gradcheck(grad(losses.log_loss, position), 0.3, 0.8)
    assert gradcheck(grad(losses.log_loss, position), 0.9, 0.0)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("logit", [-700.0, -40.0, -30.0, -1e-8, 0.0, 1e-8, 1.0, 30.0, 40.0, 700.0])
def test_the_loss_of_a_logit_and_its_gradient_have_no_wrong_digits(logit: float, target: float) -> None:
    prediction = Value(logit)
    loss = losses.binary_cross_entropy_with_logits(prediction, target)
    loss.backward()
    with mpmath.workdps(700):  # enough for exp(-700) to be told from 0 beside 1
        z, share = mpmath.mpf(logit), mpmath.mpf(target)
        right, wrong = 1 / (1 + mpmath.exp(-z)), 1 / (1 + mpmath.exp(z))
        expected = -share * mpmath.log(right) - (1 - share) * mpmath.log(wrong)
        slope = (1 - share) * right - share * wrong
    assert loss.data == pytest.approx(float(expected), rel=1e-14, abs=0.0)
    assert prediction.grad == pytest.approx(float(slope), rel=1e-14, abs=0.0)


@pytest.mark.parametrize(
    ("logit", "target", "slope"), [(inf, 0.0, 1.0), (-inf, 1.0, -1.0), (inf, 0.25, 0.75), (-inf, 0.25, -0.25)]
)
def test_an_infinite_logit_costs_infinitely_much_where_it_is_wrong(logit: float, target: float, slope: float) -> None:
    prediction = Value(logit)
    loss = losses.binary_cross_entropy_with_logits(prediction, target)
    loss.backward()
    assert (loss.data, prediction.grad) == (inf, slope)


def test_half_the_sum_has_the_error_as_its_gradient() -> None:
    y = values([0.5, -2.0])
    losses.half_sse_loss(y, [1.5, 1.0]).backward()
    assert [value.grad for value in y] == [-1.0, -3.0]


@pytest.mark.parametrize(
    "form",
    [list, tuple, np.array, lambda numbers: [np.float32(number) for number in numbers]],
    ids=["list", "tuple", "array", "float32"],
)
def test_forms_of_a_target(form: Callable[[Any], Any]) -> None:
    for loss, target in [
        (losses.mse_loss, [1.0, -1.0]),
        (losses.hinge_loss, [1, -1]),
        (losses.binary_cross_entropy_with_logits, [True, False]),
    ]:
        assert loss(values([0.5, 2.0]), form(target)).data == loss([0.5, 2.0], target)


def test_array_of_values_as_prediction() -> None:
    array = np.array(values([[0.5, 2.0], [1.0, -1.0]]))
    target = np.array([[1.0, 0.0], [0.0, 0.0]])
    assert losses.mse_loss(array, target).data == (0.25 + 4.0 + 1.0 + 1.0) / 4.0
    assert losses.cross_entropy(array, np.array([1, 0])).data == losses.cross_entropy(array.tolist(), [1, 0]).data
    assert losses.mse_loss(list(array), target).data == losses.mse_loss(array, target).data


@pytest.mark.parametrize("kind", [np.int64, np.int8, np.uint8])
def test_labels_may_be_numpy_ints(kind: type) -> None:
    logits = [[0.5, 2.0, -1.0], [0.0, 1.0, 3.0]]
    expected = losses.cross_entropy(logits, [2, 1])
    assert losses.cross_entropy(logits, np.array([2, 1], dtype=kind)) == expected
    assert losses.cross_entropy(logits, [kind(2), kind(1)]) == expected
    assert losses.cross_entropy(logits[0], kind(2)) == losses.cross_entropy(logits[0], 2)


def test_rows_of_32_bit_probabilities_add_up_to_1() -> None:
    weights = np.random.default_rng(0).random((4, 50)).astype(np.float32)
    target = weights / weights.sum(axis=1, keepdims=True)
    assert (target.astype(float).sum(axis=1) != 1.0).any()
    assert losses.cross_entropy(np.zeros((4, 50)), target) == pytest.approx(math.log(50.0), rel=1e-6)


def test_loss_of_one_element_is_not_divided() -> None:
    loss = losses.mse_loss(Value(3.0), 1.0)
    assert [node.op.name for node in topological_order(loss) if node.inputs and node.op] == ["sub", "mul"]


def test_graph_of_the_log_loss_survives_pickling() -> None:
    p = Value(0.25)
    copy = pickle.loads(pickle.dumps(losses.binary_cross_entropy([p], [1])))
    copy.backward()
    assert copy.data == math.log(4.0)
    assert copy.inputs[0].grad == -4.0


def test_nan_prediction_gives_nan() -> None:
    for name in ("sse_loss", "half_sse_loss", "mse_loss", "mae_loss", "binary_cross_entropy_with_logits", "hinge_loss"):
        assert math.isnan(getattr(losses, name)([nan, 0.5], [1.0, 1.0])), name
    assert math.isnan(losses.cross_entropy([nan, 0.5], 1))


moderate = st.floats(-30.0, 30.0)


# A sigmoid's distance from 1 has lost half of its digits at 15.
@given(st.lists(st.tuples(st.floats(-15.0, 15.0), st.sampled_from([0.0, 0.5, 1.0])), min_size=1, max_size=8))
def test_logits_and_their_sigmoids_cost_the_same(pairs: list[tuple[float, float]]) -> None:
    logits, target = [z for z, _ in pairs], [t for _, t in pairs]
    on_logits = losses.binary_cross_entropy_with_logits(logits, target)
    assert on_logits == pytest.approx(losses.binary_cross_entropy([sigmoid(z) for z in logits], target), abs=1e-8)


@given(st.lists(st.tuples(moderate, moderate, moderate), min_size=1, max_size=5), st.integers(0, 2))
def test_label_is_the_probability_1_of_its_class(rows: list[tuple[float, ...]], label: int) -> None:
    labels = [(label + row) % 3 for row in range(len(rows))]
    by_label = losses.cross_entropy(rows, labels, "sum")
    assert losses.cross_entropy(rows, one_hot(labels, 3), "sum") == pytest.approx(by_label, rel=1e-12, abs=1e-12)


@given(st.lists(st.tuples(moderate, st.sampled_from([-1.0, 1.0])), min_size=1, max_size=8))
def test_mean_is_the_sum_over_the_count(pairs: list[tuple[float, float]]) -> None:
    prediction, target = [y for y, _ in pairs], [t for _, t in pairs]
    for loss in (losses.mse_loss, losses.mae_loss, losses.hinge_loss):
        assert loss(prediction, target) == loss(prediction, target, "sum") / len(pairs)


PAIRED = [
    losses.sse_loss,
    losses.half_sse_loss,
    losses.mse_loss,
    losses.mae_loss,
    losses.binary_cross_entropy,
    losses.binary_cross_entropy_with_logits,
    losses.hinge_loss,
]
every_paired = pytest.mark.parametrize("loss", PAIRED, ids=lambda loss: loss.__name__)
every_reduced = pytest.mark.parametrize("loss", [*PAIRED[2:], losses.cross_entropy], ids=lambda loss: loss.__name__)


@every_paired
@pytest.mark.parametrize(
    ("prediction", "target", "shapes"),
    [
        ([1.0, 1.0], [1.0], ("(2,)", "(1,)")),
        ([1.0, 1.0], 1.0, ("(2,)", "()")),
        (1.0, [1.0], ("()", "(1,)")),
        ([1.0, 1.0], [[1.0], [1.0]], ("(2,)", "(2, 1)")),
        ([[1.0, 1.0]], [1.0, 1.0], ("(1, 2)", "(2,)")),
    ],
)
def test_shapes_are_never_broadcast(loss: Any, prediction: Any, target: Any, shapes: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="same shape") as raised:
        loss(values(prediction), target)
    assert f"prediction of shape {shapes[0]} and a target of shape {shapes[1]}" in str(raised.value)


@every_paired
def test_refused_by_every_loss(loss: Any) -> None:
    with pytest.raises(ValueError, match=r"^prediction is empty: its shape is \(0,\)$"):
        loss([], [])
    with pytest.raises(ValueError, match=r"^target\[1\]\[0\] is nan; "):
        loss([[1.0], [1.0]], [[1.0], [nan]])
    with pytest.raises(ValueError, match=r"^target is nan; "):
        loss(Value(1.0), Value(nan))
    with pytest.raises(ValueError, match=r"^target is ragged"):
        loss([1.0, 1.0], [[1.0, 1.0], [1.0]])
    with pytest.raises(TypeError, match=r"^target\[1\] takes an int, float or NumPy real scalar, got str 'cat'"):
        loss([1.0, 1.0], [1.0, "cat"])
    with pytest.raises(TypeError, match=r"^prediction takes .* got NoneType; a function without a return"):
        loss(None, 1.0)
    with pytest.raises(ValueError, match=r"^target has masked entries"):
        loss([1.0, 1.0], np.ma.MaskedArray([1.0, 1.0], mask=[False, True]))


@every_reduced
@pytest.mark.parametrize("reduction", ["none", "Mean", None, 1])
def test_reduction_is_mean_or_sum(loss: Any, reduction: Any) -> None:
    arguments = ([0.5, 0.25], [1.0, 1.0]) if loss is not losses.cross_entropy else ([0.5, 0.25], 1)
    with pytest.raises(ValueError, match=r"^reduction is 'mean' or 'sum', got ") as raised:
        loss(*arguments, reduction=reduction)
    assert repr(reduction) in str(raised.value)


@pytest.mark.parametrize("loss", [losses.binary_cross_entropy, losses.binary_cross_entropy_with_logits])
@pytest.mark.parametrize("bad", [-1, 2, 1.0000001, inf])
def test_binary_target_is_a_probability(loss: Any, bad: float) -> None:
    for target in ([1, bad], values([1, bad])):
        with pytest.raises(ValueError, match=r"^target\[1\] is .*; it has to lie between 0 and 1$"):
            loss([0.5, 0.5], target)


@pytest.mark.parametrize("bad", [-1e-9, 1.5, nan])
def test_binary_prediction_is_a_probability(bad: float) -> None:
    with pytest.raises(ValueError, match=r"^prediction\[0\] is .*; it has to lie between 0 and 1$"):
        losses.binary_cross_entropy(values([bad, 0.5]), [1, 0])


@pytest.mark.parametrize("bad", [0, 2, 0.5, False])
def test_hinge_takes_signs(bad: float) -> None:
    with pytest.raises(ValueError, match=r"^target\[2\] is .*-1 or \+1; 2\*y - 1 makes that of 0 and 1$"):
        losses.hinge_loss(values([0.5, 0.5, 0.5]), [1, -1, bad])


@pytest.mark.parametrize("label", [3, -1, -99])
def test_label_out_of_range(label: int) -> None:
    expected = rf"^labels\[1\] is {label} \(the labels have shape \(2,\)\); .* less than 3, the number of classes$"
    with pytest.raises(ValueError, match=expected):
        losses.cross_entropy(values([[0.0] * 3] * 2), [0, label])


@pytest.mark.parametrize(
    ("label", "kind"), [(1.0, "float"), (True, "bool"), ("1", "str"), (None, "NoneType"), (Value(1.5), "float")]
)
def test_label_is_an_int(label: Any, kind: str) -> None:
    with pytest.raises(TypeError, match=rf"^labels\[1\] is .*, a {kind} .* class labels are ints"):
        losses.cross_entropy(values([[0.0] * 3] * 2), [0, label])
    with pytest.raises(TypeError, match=rf"^labels is .*, a {kind} "):
        losses.cross_entropy(values([0.0] * 3), label)


@pytest.mark.parametrize("target", [[0], [0, 1, 2], [[0.5, 0.5]], [[0], [1]], 0])
def test_cross_entropy_names_the_shapes(target: Any) -> None:
    with pytest.raises(ValueError, match="labels of shape") as raised:
        losses.cross_entropy(values([[0.0] * 3] * 2), target)
    for shape in ((2, 3), (2,), np.shape(target)):
        assert f"of shape {shape}" in str(raised.value)


@pytest.mark.parametrize(("logits", "shape"), [(1.0, "()"), ([[[1.0]]], "(1, 1, 1)")])
def test_logits_are_a_row_or_rows(logits: Any, shape: str) -> None:
    with pytest.raises(ValueError, match="logits have shape") as raised:
        losses.cross_entropy(logits, 0)
    assert str(raised.value).endswith(f"got {shape}")


def test_probabilities_of_classes_are_checked() -> None:
    logits = [[0.0, 1.0, 2.0]] * 2
    with pytest.raises(ValueError, match=r"^target\[1\]\[2\] is -0.5; it has to lie between 0 and 1$"):
        losses.cross_entropy(logits, [[1, 0, 0], [0.75, 0.75, -0.5]])
    with pytest.raises(ValueError, match=r"those of sample 1 in a target of shape \(2, 3\) to 1\.5; class labels"):
        losses.cross_entropy(logits, [[1, 0, 0], [0.75, 0.75, 0.0]])
    with pytest.raises(ValueError, match=r"^logits is empty: its shape is \(0,\)$"):
        losses.cross_entropy([], [])


def test_penalty_of_nothing() -> None:
    for penalty in (losses.l1_penalty, losses.l2_penalty):
        used_up = iter([])
        with pytest.raises(ValueError, match=r"^parameters is empty"):
            penalty(used_up)
        weights = values([3.0, -4.0])
        assert penalty(iter(weights)).data == penalty([3.0, -4.0])


if __name__ == "__main__":
    store([fact_of_pytorch(case) for case in CASES])
