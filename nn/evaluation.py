"""Running a trained model over many samples: `predict`, `evaluate`, `accuracy`; and checking the data it gets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from autograd_core import Value, collector_paused, no_grad
from autograd_core.compiler import compile
from autograd_core.modes import changed, thread
from autograd_core.primitives import COMPARISONS, sigmoid
from autograd_core.transforms import mapped
from autograd_core.value import number_of
from nn.arguments import finite_array
from nn.data import class_labels
from nn.module import Module
from nn.sequences import (
    IGNORED,
    Padded,
    are_sequences,
    is_ragged,
    lengths_for,
    sequences,
    shown,
    targets_of_positions,
    together,
)


def predict(model: Module, X: Any) -> np.ndarray:
    """The outputs of a model for the samples in the rows of X, in evaluation mode.

    X has shape (n, inputs), or (n,) for models of one input; the result has shape (n,) for models with one output
    and (n, outputs) otherwise, or more axes where a model returns nested lists. The model is called with a list of
    Values, as in training; many samples go through a compiled program where the model allows one. Rows of X may be
    sequences of different length; what a model then returns for each position makes an object array with an array for
    each sample. Raises what `samples` raises for X.

    >>> from nn import MLP
    >>> predict(MLP(2, [1], init="zeros"), [[1.0, 2.0], [3.0, 4.0]])
    array([0., 0.])
    """
    if is_ragged(X):
        return _outputs_of_sequences(model, sequences(X, "X"))
    rows = samples(X)
    if len(rows) > _MANY:
        return predictor(model, rows)[0]()
    with evaluating(model):
        return _walked_outputs(model, rows)


def predictor(model: Module, X: Any) -> tuple[Callable[[], np.ndarray], bool]:
    """A function that returns what ``predict(model, X)`` does, to be called whenever the weights have changed; and
    whether it runs a program, which is compiled once, where the model allows one.

    Elsewhere it walks the nodes of each sample. Raises what `samples` raises for X.

    >>> from nn import MLP
    >>> model = MLP(2, [1], init="zeros")
    >>> outputs, compiled = predictor(model, [[1.0, 2.0], [3.0, 4.0]])
    >>> model.layers[0].neurons[0].b.data = 0.5
    >>> outputs(), compiled
    (array([0.5, 0.5]), True)
    """
    rows = samples(X)

    def walked() -> np.ndarray:
        with evaluating(model):
            return _walked_outputs(model, rows)

    compiled = None if thread.mode.checking else _compiled_outputs(model, rows[0])
    if compiled is None:
        return walked, False
    # Where the model reads a number behind our back, it is most likely to show at the extremes.
    some = rows[np.unique([*range(min(_MANY, len(rows))), *rows.argmin(axis=0), *rows.argmax(axis=0)])]
    with evaluating(model):
        expected = _walked_outputs(model, some)
    if not np.allclose(compiled(some), expected, rtol=1e-6, atol=1e-9, equal_nan=True):
        return walked, False
    return lambda: compiled(rows), True


def evaluate(model: Module, X: Any, y: Any, loss: Callable[[Any, Any], Any]) -> float:
    """The mean over the samples of ``loss(model(x), y)``, in evaluation mode.

    The loss gets what it gets from `fit`: the output as the model arranges it, and the target as numbers. Raises what
    `samples` and `targets` raise for X and y.
    """
    X, y = paired(X, y)
    outputs = predict(model, X)
    with evaluating(model):
        # What a model returns for a sequence depends on its length.
        arrangement = None if are_sequences(X) else model(mapped(Value, X[0].tolist()))
        losses = [
            number_of(
                loss(
                    _arranged(np.asarray(output), output.tolist() if arrangement is None else arrangement),
                    target.tolist(),
                )
            )
            for output, target in zip(outputs, y, strict=True)
        ]
    return sum(losses) / len(losses)


def accuracy(model: Module, X: Any, y: Any, threshold: float | None = None) -> float:
    """The share of samples whose class is predicted right, from 0 to 1.

    With several outputs the predicted class is the index of the largest, and y holds labels from 0 up, of shape
    (n,), or one-hot rows of shape (n, classes). With one output it is the larger of two labels, 0 and 1 or -1 and 1,
    where the output is above `threshold`, by default `default_threshold`. A sample with nan in its output is not
    predicted right. Of outputs for each position of sequences, each position with a label counts.
    Raises ValueError for other labels, and what `samples` and `targets` raise.
    """
    X, y = paired(X, y)
    outputs = predict(model, X)
    if are_sequences(y) or (outputs.ndim == 3 and y.ndim == 2):
        outputs, y = np.concatenate(list(outputs)), np.concatenate(list(y))
        outputs, y = outputs[y != IGNORED], y[y != IGNORED]
    if outputs.ndim == 1 and threshold is None:
        threshold = default_threshold(model, X[0])
    return share_right(outputs, y, threshold or 0.0)


def share_right(outputs: np.ndarray, labels: np.ndarray, threshold: float) -> float:
    """The `accuracy` of outputs as `predict` returns them, for labels as `targets` returns them."""
    if outputs.ndim == 1:
        if labels.ndim > 1 or not (np.isin(labels, (0, 1)).all() or np.isin(labels, (-1, 1)).all()):
            raise ValueError("for a model with one output the labels are 0 and 1, or -1 and 1")
        return float(np.mean(((outputs > threshold) == (labels > 0)) & ~np.isnan(outputs)))
    classes = outputs.shape[1]
    if labels.ndim > 1:
        if labels.shape != outputs.shape or not (np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all()):
            raise ValueError(
                f"for {classes} outputs y has labels of shape (n,) or one-hot rows of shape (n, {classes})"
            )
        labels = labels.argmax(axis=1)
    right = outputs.argmax(axis=1) == class_labels(labels, classes=classes)
    return float(np.mean(right & ~np.isnan(outputs).any(axis=1)))


def default_threshold(model: Module, x: Any) -> float:
    """Where `accuracy` draws the line between two classes: 0.5 if the output is that of a sigmoid or step, else 0.

    `x` is any sample, for which the model is run to see what it does last.
    """
    with evaluating(model), changed(recording=True):
        output = model(mapped(Value, [*x]))
    return 0.5 if isinstance(output, Value) and output.op in {sigmoid, *COMPARISONS} else 0.0


def paired(X: Any, y: Any, name: str = "X", target_name: str = "y") -> tuple[np.ndarray, np.ndarray]:
    """Samples and their targets; of sequences of different length those that `sequences` returns.

    Raises what `samples` and `targets` raise, and ValueError for targets of positions that are not there.
    """
    if not is_ragged(X):
        rows = samples(X, name)
        return rows, targets(y, len(rows), target_name)
    rows = sequences(X, name)
    if is_ragged(y):
        return rows, targets_of_positions(y, rows, target_name)
    return rows, targets(y, len(rows), target_name)


def samples(X: Any, name: str = "X") -> np.ndarray:
    """X as a float array of shape (n, inputs), or (n, 1) if it is one-dimensional.

    Raises TypeError for what is not numeric and ValueError for no samples, rows of different lengths, and numbers
    that are NaN or infinite.
    """
    array = finite_array(X, name).astype(float)
    if array.ndim > 2:
        raise ValueError(f"{name} has shape {array.shape}; a sample is one row of numbers")
    return array.reshape(-1, 1) if array.ndim == 1 else array


def targets(y: Any, count: int, name: str = "y") -> np.ndarray:
    """y as an array of ints or floats of shape (n,) or (n, outputs), with a row a sample.

    Raises TypeError and ValueError as `samples` does, and ValueError for another number of rows than `count`.
    """
    array = finite_array(y, name)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if len(array) != count:
        raise ValueError(f"there are {count} samples, but {name} has {len(array)} targets")
    return array.astype(int) if array.dtype.kind == "b" else array


def _walked_outputs(model: Module, rows: np.ndarray) -> np.ndarray:
    """The outputs by walking nodes."""
    return together([np.array(mapped(number_of, model(mapped(Value, sample.tolist())))) for sample in rows])


def _arranged(numbers: np.ndarray, arrangement: Any) -> Any:
    """The numbers as Values in the list, tuple or array that a model returns, or the one number as a Value."""
    remaining = iter(numbers.ravel().tolist())
    return mapped(lambda _: Value(next(remaining)), arrangement)


# Compiling takes as long as walking the nodes of a few samples; these are also what the program is checked on.
_MANY = 16


def _compiled_outputs(model: Module, row: np.ndarray) -> Callable[[np.ndarray], np.ndarray] | None:
    """A function from samples to the outputs, by a program; None for a model that cannot be one."""
    try:
        sample, output = recorded(model, row)
        outputs, parameters = np.asarray(output, dtype=object), model.parameters()
        program = compile(outputs.ravel().tolist(), [sample], parameters)
    except Exception:  # of somebody else's code, which may do anything with a Value
        return None
    return lambda rows: program([p.data for p in parameters], rows).reshape(len(rows), *outputs.shape)


def _outputs_of_sequences(model: Module, X: np.ndarray) -> np.ndarray:
    """The outputs for sequences, by a program for each of a few lengths where the model allows it."""
    with evaluating(model):
        if len(X) <= _MANY or thread.mode.checking:
            return _walked_outputs(model, X)
        some = shown(X, None)
        expected = _walked_outputs(model, X[some])
    for lengths in lengths_for(X, None):
        programs = Padded(lambda x, _: _compiled_outputs(model, x), lengths)
        outputs = list[Any]([None] * len(X))
        for rows, program, (padded,) in programs.groups(X):
            if program is None:
                break
            for row, output in zip(rows, program(padded), strict=True):
                cut = np.ndim(output) and len(output) == padded.shape[1]
                outputs[row] = output[: len(X[row])] if cut else output
        else:
            pairs = zip(expected, (outputs[row] for row in some), strict=True)
            if all(np.allclose(one, other, rtol=1e-6, atol=1e-9, equal_nan=True) for one, other in pairs):
                return together(outputs)
    with evaluating(model):
        return _walked_outputs(model, X)


def recorded(model: Module, row: np.ndarray) -> tuple[list[Value], Any]:
    """A sample as Values, and what the model returns for it in evaluation mode: a graph that stands for any sample.

    Raises what the model raises, such as TypeError where it asks for the number of a Value.
    """
    sample = mapped(Value, row.tolist())
    with evaluating(model), collector_paused(), changed(recording=True, symbolic=True):
        return sample, model(sample)


@contextmanager
def evaluating(model: Module) -> Iterator[None]:
    """Evaluation mode without recording; each part goes back to the mode it was in."""
    modes = [(module, module.training) for _, module in model.named_modules()]
    model.eval()
    try:
        with no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training
