"""What a step of training descends, worked out by walking nodes or by a compiled program."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np

from autograd_core import Value, collector_paused, no_grad
from autograd_core.compiler import Program, compile
from autograd_core.compiler.program import Backend
from autograd_core.modes import changed, thread
from autograd_core.transforms import mapped
from nn.evaluation import evaluate, evaluating
from nn.module import Module, generators
from nn.sequences import Padded, are_sequences, lengths_for, shown

Loss = Callable[[Any, Any], Value]
Penalty = Callable[[], Value]
Objective = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[float, np.ndarray]]
"""From flat parameters, samples and targets of a batch to the mean loss and its flat gradient."""
Engine = Literal["auto", "eager", "compiled", "native", "jax"]

# How many samples, extremes of how many features, and how many classes at the most the engines are compared on before
# a program is trusted.
_COMPARED = 4
_CLASSES = 16
_SHOWN = 1000


def objective(
    engine: Engine, model: Module, loss: Loss, penalty: Penalty | None, parameters: list[Value], X: Any, y: Any
) -> tuple[Objective, Program | Padded | None]:
    """The objective, and the program or programs of a compiled one; "auto" compiles if it can, and warns if it cannot.

    Inside `detect_anomaly` "auto" walks nodes, for only they are looked at, and another engine is a ValueError.

    `X` and `y` are the samples and targets to come. The loss sees all targets once, for a program no longer checks
    them, and on a few samples the program must agree with walking nodes. Draws from no generator in the end. Raises
    what the loss raises for a target, TypeError or ValueError where an engine other than "auto" is not possible, and
    NoCompilerError, a RuntimeError, where "native" finds no compiler.
    """
    eager = _eager(model, loss, penalty, parameters)
    if engine == "eager" or (engine == "auto" and thread.mode.checking):
        return eager, None
    if thread.mode.checking:
        raise ValueError("detect_anomaly looks at nodes, and a compiled program has none; use engine='eager'")
    if engine == "jax" and are_sequences(X):
        raise ValueError("engine='jax' takes samples of one length; pad the sequences, or use engine='compiled'")
    start = read(parameters)
    with drawn_back(generators(model)), no_grad():
        _check_targets(model, loss, X, y)
        if penalty is not None:
            _scalar(penalty(), "penalty")
    backend = _backend(engine)

    def compare(program: Any, few: np.ndarray) -> None:
        results = []
        for either in (eager, program.value_and_grad):
            with drawn_back(generators(model)):
                results.append(either(start, X[few], y[few]))
        (expected, slopes), (value, gradient) = results
        _check_agreement(np.append(slopes, expected), np.append(gradient, value))

    try:
        with _told_of_constants() as constants:
            program = _trusted(lambda x, t: _program(model, loss, penalty, parameters, x, t, backend), compare, X, y)
    except (TypeError, ValueError) as error:
        if engine != "auto":
            raise
        warnings.warn(f"fit uses the eager engine, for this cannot be compiled: {error}", RuntimeWarning, 3)
        return eager, None
    finally:
        write(parameters, start)
    if constants:
        warnings.warn(constants[0], RuntimeWarning, 3)
    return program.value_and_grad, program


@contextmanager
def _told_of_constants() -> Iterator[list[str]]:
    """What `compile` says of constants that were read off nodes, for a word where its program is used at all."""
    constants: list[str] = []
    with warnings.catch_warnings(record=True) as told:
        warnings.filterwarnings("always", "the constant .* had while recording", RuntimeWarning)
        try:
            yield constants
        finally:
            found = [one for one in told if str(one.message).startswith("the constant ")]
            constants += [str(one.message) for one in found]
            others = [one for one in told if one not in found]
    for one in others:
        warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)


def validation(
    compiled: Program | Padded | None, model: Module, loss: Loss, parameters: list[Value], X: Any, y: Any
) -> Callable[[np.ndarray], float]:
    """From flat parameters, which the model has too, to the mean loss in evaluation mode."""

    def eager(_: np.ndarray) -> float:
        return evaluate(model, X, y, loss)

    if compiled is None:
        return eager
    with evaluating(model):
        _check_targets(model, loss, X, y)

    backend = _backend(compiled.backend if isinstance(compiled, Program) else "auto")

    def make(x: np.ndarray, target: np.ndarray) -> Program:
        with evaluating(model):
            return _program(model, loss, None, parameters, x, target, backend)

    def compare(program: Any, few: np.ndarray) -> None:
        expected = evaluate(model, X[few], y[few], loss)
        _check_agreement(np.array(expected), np.array(program(read(parameters), X[few], y[few])))

    try:
        program = _trusted(make, compare, X, y)
    except (TypeError, ValueError):
        return eager
    return lambda numbers: program(numbers, X, y)


def _trusted(
    make: Callable[[np.ndarray, np.ndarray], Program],
    compare: Callable[[Any, np.ndarray], None],
    X: np.ndarray,
    y: np.ndarray,
) -> Program | Padded:
    """A program, or for sequences those of a few lengths, in which a comparison on some samples finds no fault.

    Where padding changes a loss, as it does for a model that takes the mean over all positions, each length of a
    sequence has its own program. Raises what `compare` raises.
    """
    if not are_sequences(X):
        program = make(X[0], y[0])
        compare(program, _few(X, y))
        return program
    ways = list(lengths_for(X, y))
    for lengths in ways:
        programs = Padded(make, lengths)
        other = Padded(make, lengths, first=False)
        other.made = programs.made
        try:
            for sample in shown(X, y):
                compare(programs, np.array([sample]))
                compare(other, np.array([sample]))
        except ValueError:
            if lengths is ways[-1]:
                raise
        else:
            return programs
    raise AssertionError("there is always a way to pad")


def _backend(name: str) -> Backend:
    """The backend that an engine or another program asks for by name."""
    return "native" if name == "native" else "jax" if name == "jax" else "auto"


def _program(
    model: Module,
    loss: Loss,
    penalty: Penalty | None,
    parameters: list[Value],
    x: np.ndarray,
    y: np.ndarray,
    backend: Backend,
) -> Program:
    """The program of the loss of one sample, recorded on this one."""
    sample, target = mapped(Value, x.tolist()), mapped(Value, y.tolist())
    with drawn_back(generators(model)), collector_paused(), changed(symbolic=True, recording=True):
        try:
            output = _scalar(loss(model(sample), target), "loss")
            if penalty is not None:
                output = output + _scalar(penalty(), "penalty")
        except Exception as error:  # of somebody else's code, which may do anything with a Value
            raise TypeError(f"it could not be recorded on Values: {type(error).__name__}: {error}") from error
        return compile(output, [sample, target], parameters, backend)


def _check_targets(model: Module, loss: Loss, X: np.ndarray, y: np.ndarray) -> None:
    """Show the loss each target, or of very many different ones a thousand and the extremes; of sequences those."""
    if are_sequences(y):
        for row in shown(X, y):
            _scalar(loss(model(mapped(Value, X[row].tolist())), y[row].tolist()), "loss")
        return
    prediction, distinct = model(mapped(Value, X[0].tolist())), np.unique(y, axis=0)
    columns = distinct.reshape(len(distinct), -1)
    # Of rows that are to add up to something, one that does not is most likely to have an extreme sum.
    extremes = _extremes(np.column_stack([columns, columns.sum(axis=1)]))
    for target in distinct[[*_spread(len(distinct), max(1, _SHOWN // columns.shape[1])), *extremes]].tolist():
        _scalar(loss(prediction, target), "loss")


def _few(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Samples to compare the engines on: some in between, extremes of the first features, and one of each class."""
    _, first = np.unique(y, axis=0, return_index=True)
    classes = first[_spread(len(first), _CLASSES if len(first) <= _CLASSES else 2)]
    return np.unique([*_spread(len(X), _COMPARED), *_extremes(X[:, :_COMPARED]), *classes])


def _spread(count: int, chosen: int) -> np.ndarray:
    """Up to that many positions from the first to the last."""
    return np.unique(np.linspace(0, count - 1, chosen).astype(int))


def _extremes(columns: np.ndarray) -> list[int]:
    """The rows in which a column is smallest or largest."""
    return [*columns.argmin(axis=0).tolist(), *columns.argmax(axis=0).tolist()]


def _check_agreement(expected: np.ndarray, found: np.ndarray) -> None:
    if not np.allclose(found, expected, rtol=1e-6, atol=1e-9, equal_nan=True):
        raise ValueError(
            "the compiled loss differs from the eager one: model, loss or penalty read the data of a Value, or take "
            "other ways for other samples"
        )


@contextmanager
def drawn_back(drawn_from: Iterable[np.random.Generator]) -> Iterator[None]:
    """Put generators, such as those that a model draws from, back into the state that they are in."""
    states = [(generator, generator.bit_generator.state) for generator in drawn_from]
    try:
        yield
    finally:
        for generator, state in states:
            generator.bit_generator.state = state


def _eager(model: Module, loss: Loss, penalty: Penalty | None, parameters: list[Value]) -> Objective:
    """The mean loss of a batch and its gradient, by a backward pass through the recorded graph of each sample."""

    def objective(numbers: np.ndarray, X: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
        write(parameters, numbers)
        for parameter in parameters:
            parameter.grad = 0.0
        total = 0.0
        for row, target in zip(X, y, strict=True):
            output = _scalar(loss(model(mapped(Value, row.tolist())), target.tolist()), "loss")
            output.backward(1.0 / len(X))
            total += output.data / len(X)
        if penalty is not None:
            output = _scalar(penalty(), "penalty")
            output.backward()
            total += output.data
        return total, np.array([parameter.grad for parameter in parameters])

    return objective


def _scalar(output: Any, name: str) -> Value:
    if not isinstance(output, Value):
        raise TypeError(f"the {name} must return a Value, and returned {type(output).__name__}")
    return output


def read(parameters: Iterable[Value]) -> np.ndarray:
    """The numbers of the parameters, as an array of shape (count,)."""
    return np.array([parameter.data for parameter in parameters], dtype=float)


def write(parameters: Iterable[Value], numbers: np.ndarray) -> None:
    """Give the parameters these numbers."""
    for parameter, number in zip(parameters, numbers.tolist(), strict=True):
        parameter.data = number
