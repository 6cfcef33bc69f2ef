"""How wrong a prediction is, as one Value to minimise, and penalties on the weights.

A loss takes ``(prediction, target)`` of the same shape: a number each, (nested) lists or tuples, or arrays. The
prediction holds Values; the target numbers, or Values, by which the loss can then be differentiated as well.
`reduction` says what becomes of the losses of the elements: their "mean" or their "sum".

All raise ValueError for shapes that differ (nothing is broadcast), nothing to compare, and NaN among the targets;
TypeError for what is no number. Values and gradients are PyTorch's in float64.

>>> from autograd_core import Value
>>> prediction = [Value(0.5), Value(2.0)]
>>> loss = mse_loss(prediction, [1.0, 0.0])
>>> loss.backward()
>>> loss.data, [value.grad for value in prediction]
(2.125, [-0.5, 2.0])
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from functools import reduce
from math import isnan
from typing import Any, Literal

import numpy as np

from autograd_core import Value, lookup, primitive
from autograd_core.floats import as_float, readable
from autograd_core.functions import equal, log, log1p, log_softmax, maximum, minimum, relu, softplus, truediv, where
from autograd_core.value import number_of
from nn.data import class_labels, place

Reduction = Literal["mean", "sum"]
Rule = tuple[Callable[[float], bool], str]
"""What holds for a number, as a function and in words."""

A_NUMBER: Rule = (lambda number: not isnan(number), "drop or fill what is missing before training")
A_PROBABILITY: Rule = (lambda number: 0.0 <= number <= 1.0, "it has to lie between 0 and 1")
A_SIGN: Rule = (lambda number: number in (-1.0, 1.0), "it has to be -1 or +1; 2*y - 1 makes that of 0 and 1")


def sse_loss(prediction: Any, target: Any) -> Any:
    """Sum of squared errors: sum (prediction - target)².

    >>> sse_loss([1.0, 2.0], [0.0, 0.0])
    5.0
    """
    return mse_loss(prediction, target, "sum")


def half_sse_loss(prediction: Any, target: Any) -> Any:
    """Half the sum of squared errors, ½ sum (prediction - target)², whose gradient is the error itself.

    >>> half_sse_loss([1.0, 2.0], [0.0, 0.0])
    2.5
    """
    return 0.5 * sse_loss(prediction, target)


def mse_loss(prediction: Any, target: Any, reduction: Reduction = "mean") -> Any:
    """Squared errors, (prediction - target)², for regression.

    >>> mse_loss([1.0, 2.0], [0.0, 0.0])
    2.5
    """
    return _reduced([_squared(y - t) for y, t in _pairs(prediction, target)], reduction)


def mae_loss(prediction: Any, target: Any, reduction: Reduction = "mean") -> Any:
    """Absolute errors, abs(prediction - target), with gradient 0 where the error is; outliers pull less on it.

    >>> mae_loss([1.0, 2.0], [0.0, 0.0])
    1.5
    """
    return _reduced([abs(y - t) for y, t in _pairs(prediction, target)], reduction)


def binary_cross_entropy(prediction: Any, target: Any, reduction: Reduction = "mean") -> Any:
    """-target · log(prediction) - (1 - target) · log(1 - prediction), for predictions that are probabilities.

    Logarithms stop at -100 as in PyTorch, so that a prediction of 0 or 1 costs at most 100. Raises ValueError for
    targets and predictions outside 0 to 1. Where probabilities come from a sigmoid,
    `binary_cross_entropy_with_logits` is more accurate.

    >>> print(f"{binary_cross_entropy([0.9, 0.2], [1, 0]):.4f}")
    0.1643
    """
    pairs = _pairs(prediction, target, A_PROBABILITY, A_PROBABILITY)
    return _reduced([log_loss(p, t) for p, t in pairs], reduction)


# PyTorch's guard against a division by zero is a 32-bit 1e-12, which is this in 64 bits.
_SMALLEST_VARIANCE = float(np.float32(1e-12))


# A composition of logarithms has no gradient at 0 and 1 (0 · inf), where PyTorch's is large and finite.
@primitive(
    symbol="log loss",
    domain=((0.0, 1.0), (0.0, 1.0)),
    partials=lambda p, t, out: ((p - t) / maximum(p * (1.0 - p), _SMALLEST_VARIANCE), log1p(-p) - log(p)),
)
def log_loss(p: float, t: float) -> float:
    """The binary cross entropy of one probability and one target, as one operation."""
    return t * minimum(-log(p), 100.0) + (1.0 - t) * minimum(-log1p(-p), 100.0)


def binary_cross_entropy_with_logits(prediction: Any, target: Any, reduction: Reduction = "mean") -> Any:
    """`binary_cross_entropy` of sigmoid(prediction), for predictions of any size.

    It is target · softplus(-z) + (1 - target) · softplus(z) for a prediction z.
    Raises ValueError for targets outside 0 to 1.

    >>> binary_cross_entropy_with_logits([1000.0, -1000.0], [1, 1])
    500.0
    """
    # The shorter softplus(z) - z * t cancels where the prediction is right and sure, and so does its gradient.
    pairs = _pairs(prediction, target, A_PROBABILITY)
    terms = [t * softplus(-z) + (1.0 - t) * softplus(z) for z, t in pairs]
    return _reduced(terms, reduction)


def hinge_loss(prediction: Any, target: Any, reduction: Reduction = "mean") -> Any:
    """max(0, 1 - target · prediction), for scores and targets -1 or +1 (the support vector machine's).

    Raises ValueError for any other target, such as a class label 0.

    >>> hinge_loss([2.0, 0.5, -1.0], [1, 1, 1])
    0.8333333333333334
    """
    return _reduced([relu(1.0 - t * score) for score, t in _pairs(prediction, target, A_SIGN)], reduction)


def cross_entropy(
    logits: Any,
    target: Any,
    reduction: Reduction = "mean",
    *,
    weight: Any = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Any:
    """-log softmax(logits)[label], the negative logarithm of the probability given to the right class.

    `logits` are C numbers of any size for one sample, or N rows of C for N samples; `target` is the label, an int
    from 0 to C - 1, or the N labels. Instead it may hold a probability a class, in the shape of the logits; the
    loss of a sample is then -sum target · log softmax(logits). "mean" is over samples. An int chooses a node while the
    loss is recorded; a label in a Value chooses whenever the graph is computed.

    `weight` has a factor for each class: a label's loss is multiplied by that of the label, and "mean" divides by the
    sum of these factors, as in PyTorch. Of several samples, those with the label `ignore_index` count for nothing;
    if no others are left, "mean" is nan. `label_smoothing`, from 0 to 1, is the share of each target that is spread
    evenly over all classes.

    Raises TypeError for labels that are no ints, and ValueError for labels out of range, probabilities outside 0 to
    1 or that do not add up to 1 in a row, and for weights of another number than classes.

    >>> cross_entropy([0.0, 1000.0, 0.0], 1)
    0.0
    >>> cross_entropy([[0.0, 1000.0], [0.0, 0.0]], [0, 1], reduction="sum")
    1000.6931471805599
    """
    scores, targets = _elements(logits, "logits"), np.asarray(readable(target, "target"), dtype=object)
    if scores.ndim not in (1, 2):
        raise ValueError(f"logits have shape (classes,) or (samples, classes), got {scores.shape}")
    rows = scores.reshape(-1, scores.shape[-1]).tolist()
    smoothing, factors = _smoothing(label_smoothing), _class_weights(weight, scores.shape[-1])
    if targets.shape == scores.shape:
        shares = _distributions(target)
        if smoothing:
            shares = [[(1.0 - smoothing) * share + smoothing / len(row) for share in row] for row in shares]
        return _reduced([_expected_loss(*pair, factors) for pair in zip(rows, shares, strict=True)], reduction)
    if targets.shape != scores.shape[:-1]:
        raise ValueError(
            f"for logits of shape {scores.shape} the target is labels of shape {scores.shape[:-1]} or probabilities "
            f"of shape {scores.shape}, got a target of shape {targets.shape}"
        )
    several, plain = scores.ndim == 2, np.frompyfunc(_plain_label, 1, 1)(targets)
    skipped = np.asarray(plain == ignore_index) & several
    class_labels(np.where(skipped, 0, plain) if several else plain, classes=scores.shape[-1])
    # Of plain labels it is known here and now which count for nothing.
    kept = [(row, label) for row, label, skip in zip(rows, targets.ravel().tolist(), skipped.flat, strict=True)
            if isinstance(label, Value) or not skip]  # fmt: skip
    ignored = ignore_index if several else None
    terms = [_label_loss(row, label, ignored, factors, smoothing) for row, label in kept] or [(0.0 * rows[0][0], 0.0)]
    loss, count = (reduce(operator.add, column) for column in zip(*terms, strict=True))
    is_mean = _known(reduction) == "mean"
    return truediv(loss, count) if is_mean and not (isinstance(count, float) and count == 1.0) else loss


def l1_penalty(parameters: Iterable[Any]) -> Any:
    """sum abs(w) over the parameters: added to a loss, it draws weights to exactly 0 (lasso).

    Raises ValueError if there are none, as when a generator of them is used up.

    >>> l1_penalty([3.0, -4.0])
    7.0
    """
    return _reduced([abs(w) for w in _elements(list(parameters), "parameters").flat], "sum")


def l2_penalty(parameters: Iterable[Any]) -> Any:
    """sum w² over the parameters: added to a loss, it keeps weights small (ridge); without a factor of ½.

    Raises ValueError if there are none, as when a generator of them is used up.

    >>> l2_penalty([3.0, -4.0])
    25.0
    """
    return _reduced([_squared(w) for w in _elements(list(parameters), "parameters").flat], "sum")


def _squared(x: Any) -> Any:
    # Not x**2, which works out a derivative with respect to the exponent as well.
    return x * x


def _label_loss(
    logits: list[Any], label: Any, ignored: int | None, factors: list[float] | None, smoothing: float
) -> tuple[Any, Any]:
    """The loss of one sample, and how much it counts in a mean."""
    if isinstance(label, Value) and ignored is not None:
        skip = equal(label, float(ignored))
        loss, count = _label_loss(logits, where(skip, 0.0, label), None, factors, smoothing)
        return where(skip, 0.0, loss), where(skip, 0.0, count)
    # From 0, not negated, which would make a -0 of the loss of a sure answer.
    losses = [0.0 - z for z in log_softmax(logits)]
    loss, count = lookup(losses, label), 1.0
    if factors is not None:
        count = lookup(factors, label)
        loss = count * loss
    if smoothing:
        spread = losses if factors is None else [w * z for w, z in zip(factors, losses, strict=True)]
        loss = (1.0 - smoothing) * loss + smoothing / len(losses) * reduce(operator.add, spread)
    return loss, count


def _expected_loss(logits: list[Any], probabilities: list[Any], factors: list[float] | None) -> Any:
    terms = [share * (0.0 - z) for share, z in zip(probabilities, log_softmax(logits), strict=True)]
    if factors is not None:
        terms = [w * term for w, term in zip(factors, terms, strict=True)]
    return _reduced(terms, "sum")


def _class_weights(weight: Any, classes: int) -> list[float] | None:
    """The factor of each class."""
    if weight is None:
        return None
    factors = [as_float(factor, "weight") for factor in np.asarray(readable(weight, "weight"), dtype=object).ravel()]
    if len(factors) != classes:
        raise ValueError(f"weight has a number for each of the {classes} classes, got {len(factors)}")
    return factors


def _smoothing(label_smoothing: Any) -> float:
    share = as_float(label_smoothing, "label_smoothing")
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"label_smoothing is from 0 to 1, got {label_smoothing!r}")
    return share


def _distributions(target: Any) -> list[list[Any]]:
    """The target as rows of probabilities, which add up to 1 but for the rounding of 32-bit numbers."""
    shares = _elements(target, "target", A_PROBABILITY)
    rows = shares.reshape(-1, shares.shape[-1]).tolist()
    for position, row in enumerate(rows):
        total = sum(map(number_of, row))
        if abs(total - 1.0) > 1e-5:
            raise ValueError(
                f"the probabilities of a sample add up to 1, those of sample {position} in a target of shape "
                f"{shares.shape} to {total:g}; class labels are ints, one a sample"
            )
    return rows


def _elements(arrangement: Any, name: str, rule: Rule | None = None) -> np.ndarray:
    """An object array of the Values and floats in a number, nested sequence or array, each of which keeps the rule."""
    array = np.asarray(readable(arrangement, name), dtype=object)
    if array.size == 0:
        raise ValueError(f"{name} is empty: its shape is {array.shape}")
    numbers = np.empty(array.shape, dtype=object)
    for index, item in np.ndenumerate(array):
        if isinstance(item, (list, tuple)):
            raise ValueError(f"{name} is ragged: it holds sequences of different lengths or depths")
        numbers[index] = item if isinstance(item, Value) else as_float(item, f"{name}{place(index)}")
        if rule and not rule[0](number_of(numbers[index])):
            raise ValueError(f"{name}{place(index)} is {number_of(numbers[index]):g}; {rule[1]}")
    return numbers


def _plain_label(label: Any) -> Any:
    """What stands for a label in a Value: the int, or what is none."""
    if not isinstance(label, Value):
        return label
    return int(label.data) if label.data.is_integer() else label.data


def _pairs(
    prediction: Any, target: Any, target_rule: Rule = A_NUMBER, prediction_rule: Rule | None = None
) -> list[tuple[Any, Any]]:
    """The elements of prediction and target, side by side."""
    predictions, targets = (
        _elements(prediction, "prediction", prediction_rule),
        _elements(target, "target", target_rule),
    )
    if predictions.shape != targets.shape:
        raise ValueError(
            f"prediction and target have the same shape, got a prediction of shape {predictions.shape} and a target "
            f"of shape {targets.shape}"
        )
    return list(zip(predictions.flat, targets.flat, strict=True))


def _reduced(terms: list[Any], reduction: Reduction) -> Any:
    total = reduce(operator.add, terms)
    return total if _known(reduction) == "sum" or len(terms) == 1 else total / len(terms)


def _known(reduction: Reduction) -> Reduction:
    if reduction not in ("mean", "sum"):
        raise ValueError(f"reduction is 'mean' or 'sum', got {reduction!r}")
    return reduction
