"""Running a trained model over many samples: `predict`, `evaluate`, `accuracy`; and checking the data it gets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from autograd_core import Value, collector_paused, no_grad
from autograd_core.compiler import compile
from autograd_core.floats import readable
from autograd_core.modes import changed, thread
from autograd_core.primitives import COMPARISONS, sigmoid
from autograd_core.transforms import mapped
from autograd_core.value import number_of
from nn.arguments import array_of, numeric
from nn.data import class_labels
from nn.module import Module


def predict(model: Module, X: Any) -> np.ndarray:
    """The outputs of a model for the samples in the rows of X, in evaluation mode.

    X has shape (n, inputs), or (n,) for models of one input; the result has shape (n,) for models with one output
    and (n, outputs) otherwise. The model is called with a list of Values, as in training; many samples go through a
    compiled program where the model allows one. Raises what `samples` raises for X.

    >>> from nn import MLP
    >>> predict(MLP(2, [1], init="zeros"), [[1.0, 2.0], [3.0, 4.0]])
    array([0., 0.])
    """
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
    outputs = predict(model, X)
    wanted = targets(y, len(outputs))
    with evaluating(model):
        arrangement = model(mapped(Value, samples(X)[0].tolist()))
        losses = [
            number_of(loss(_arranged(output, arrangement), target))
            for output, target in zip(outputs, wanted.tolist(), strict=True)
        ]
    return sum(losses) / len(losses)


def accuracy(model: Module, X: Any, y: Any, threshold: float | None = None) -> float:
    """The share of samples whose class is predicted right, from 0 to 1.

    With several outputs the predicted class is the index of the largest, and y holds labels from 0 up, of shape
    (n,), or one-hot rows of shape (n, classes). With one output it is the larger of two labels, 0 and 1 or -1 and 1,
    where the output is above `threshold`, by default `default_threshold`. A sample with nan in its output is not
    predicted right. Raises ValueError for other labels, and what `samples` and `targets` raise.
    """
    outputs = predict(model, X)
    if outputs.ndim == 1 and threshold is None:
        threshold = default_threshold(model, samples(X)[0])
    return share_right(outputs, targets(y, len(outputs)), threshold or 0.0)


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


def samples(X: Any, name: str = "X") -> np.ndarray:
    """X as a float array of shape (n, inputs), or (n, 1) if it is one-dimensional.

    Raises TypeError for what is not numeric and ValueError for no samples, rows of different lengths, and numbers
    that are NaN or infinite.
    """
    array = _numeric(X, name).astype(float)
    if array.ndim > 2:
        raise ValueError(f"{name} has shape {array.shape}; a sample is one row of numbers")
    return array.reshape(-1, 1) if array.ndim == 1 else array


def targets(y: Any, count: int, name: str = "y") -> np.ndarray:
    """y as an array of ints or floats of shape (n,) or (n, outputs), with a row a sample.

    Raises TypeError and ValueError as `samples` does, and ValueError for another number of rows than `count`.
    """
    array = _numeric(y, name)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if len(array) != count:
        raise ValueError(f"there are {count} samples, but {name} has {len(array)} targets")
    return array.astype(int) if array.dtype.kind == "b" else array


def _numeric(data: Any, name: str) -> np.ndarray:
    data = readable(data, name)
    try:
        array = array_of(data, name)
    except ValueError:
        raise ValueError(f"{name} has rows of different lengths") from None
    if array.ndim == 0 or array.size == 0:
        raise ValueError(f"{name} has no samples: its shape is {array.shape}")
    array = numeric(array, name)
    finite = np.isfinite(array)
    if not finite.all():
        place = np.argwhere(~finite)[0].tolist()
        raise ValueError(f"{name} has {array[tuple(place)]} at {place}; drop or replace such samples first")
    return array


def _walked_outputs(model: Module, rows: np.ndarray) -> np.ndarray:
    """The outputs by walking nodes."""
    outputs = [model(mapped(Value, sample)) for sample in rows.tolist()]
    return np.array([[*map(number_of, one)] if _is_several(one) else number_of(one) for one in outputs])


def _arranged(numbers: np.ndarray, arrangement: Any) -> Any:
    """The numbers as Values in the list, tuple or array that a model returns, or the one number as a Value."""
    remaining = iter(numbers.ravel().tolist())
    return mapped(lambda _: Value(next(remaining)), arrangement)


def _is_several(output: Any) -> bool:
    return isinstance(output, (list, tuple, np.ndarray))


# Compiling takes as long as walking the nodes of a few samples; these are also what the program is checked on.
_MANY = 16


def _compiled_outputs(model: Module, row: np.ndarray) -> Callable[[np.ndarray], np.ndarray] | None:
    """A function from samples to the outputs, by a program; None for a model that cannot be one."""
    try:
        sample, output = recorded(model, row)
        several, parameters = _is_several(output), model.parameters()
        program = compile(list(output) if several else [output], [sample], parameters)
    except Exception:  # of somebody else's code, which may do anything with a Value
        return None

    def outputs(rows: np.ndarray) -> np.ndarray:
        found = program([parameter.data for parameter in parameters], rows)
        return found if several else found[:, 0]

    return outputs


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
