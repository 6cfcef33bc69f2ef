"""Every method against PyTorch: 50 steps on an ill-conditioned quadratic and on a small tanh network, and a few along
gradients of extreme sizes.

Where PyTorch is missing, the same end values hold the methods, from optim_reference.json.
"""

import importlib
import json
from collections.abc import Callable, Iterator
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from autograd_core import Value
from nn.optim import SGD, Adadelta, Adagrad, Adam, AdamW, Optimizer, RMSprop

REFERENCE = Path(__file__).with_name("optim_reference.json")
STEPS = 50


class Case(NamedTuple):
    method: type[Optimizer]
    options: dict[str, Any]

    def __str__(self) -> str:
        return " ".join([self.method.__name__, *(f"{name}={value}" for name, value in self.options.items())])


def combinations(method: type[Optimizer], **choices: tuple[Any, ...]) -> list[Case]:
    return [Case(method, dict(zip(choices, chosen, strict=True))) for chosen in product(*choices.values())]


CASES = [
    *(Case(method, {}) for method in (SGD, Adagrad, Adadelta, RMSprop, Adam, AdamW)),
    *combinations(SGD, lr=(0.05,), weight_decay=(0.0, 0.1)),
    *combinations(SGD, lr=(0.05,), momentum=(0.9,), dampening=(0.0, 0.3), weight_decay=(0.0, 0.1)),
    *combinations(SGD, lr=(0.05,), momentum=(0.9,), nesterov=(True,), weight_decay=(0.0, 0.1)),
    *combinations(
        Adagrad, lr=(0.05,), lr_decay=(0.0, 0.1), initial_accumulator_value=(0.0, 0.5), weight_decay=(0.0, 0.1)
    ),
    *combinations(Adadelta, rho=(0.95, 0.5), eps=(1e-6, 1e-3), weight_decay=(0.0, 0.1)),
    *combinations(
        RMSprop, lr=(0.01,), alpha=(0.9,), momentum=(0.0, 0.9), centered=(False, True), weight_decay=(0.0, 0.1)
    ),
    *combinations(RMSprop, eps=(1e-2,)),
    *combinations(Adam, lr=(0.02,), betas=((0.9, 0.999), (0.5, 0.6)), amsgrad=(False, True), weight_decay=(0.0, 0.1)),
    *combinations(Adam, lr=(0.05,), eps=(1e-2,)),
    *combinations(AdamW, lr=(0.02,), betas=((0.5, 0.6),), amsgrad=(False, True), weight_decay=(0.02, 0.1)),
]
every_case = pytest.mark.parametrize("case", CASES, ids=str)

# From squares that underflow to squares that overflow; the start is no fixed point of any method.
GRADIENTS = [0.0, 1e-200, -1e-100, 0.3, -7.0, 1e100, -1e150, 2e154, -1e155, 1e200, -1e300]
START = 2.0
FAST = [
    *(Case(method, {"lr": 10.0, "weight_decay": 1.0}) for method in (SGD, Adagrad, Adadelta, RMSprop, Adam, AdamW)),
    *combinations(SGD, lr=(10.0,), momentum=(0.9,), nesterov=(False, True), weight_decay=(1.0,)),
    *combinations(RMSprop, centered=(True,)),
    *combinations(RMSprop, lr=(10.0,), momentum=(0.9,), centered=(True,), weight_decay=(1.0,)),
    *combinations(AdamW, lr=(10.0,), amsgrad=(True,), weight_decay=(1.0,)),
]
every_extreme_case = pytest.mark.parametrize("case", CASES + FAST, ids=str)

# The Hilbert matrix of five rows: its eigenvalues go from 3e-6 to 1.6, and those of the quadratic are squares.
HILBERT = np.array([[1.0 / (i + j + 1) for j in range(5)] for i in range(5)])
TARGET = np.array([1.0, -2.0, 0.5, 3.0, -1.0])
POINTS = np.array([[np.sin(3.0 * i), np.cos(5.0 * i)] for i in range(8)])
LABELS = np.prod(POINTS, axis=1)
SHAPES = ((4, 2), (4,), (1, 4), (1,))


def quadratic(x: np.ndarray) -> Any:
    residual = HILBERT @ x - TARGET
    return 0.5 * (residual @ residual)


def network(x: np.ndarray) -> Any:
    sizes = [int(np.prod(shape)) for shape in SHAPES]
    pieces = np.split(x, np.cumsum(sizes)[:-1])
    hidden, hidden_bias, output, output_bias = (p.reshape(s) for p, s in zip(pieces, SHAPES, strict=True))
    predicted = np.tanh(POINTS @ hidden.T + hidden_bias) @ output.T + output_bias
    error = predicted[:, 0] - LABELS
    return error @ error / len(LABELS)


class Problem(NamedTuple):
    loss: Callable[[np.ndarray], Any]
    start: np.ndarray


PROBLEMS = {
    "quadratic": Problem(quadratic, np.ones(5)),
    "network": Problem(network, np.array([0.7 * np.sin(7.0 * i + 1.0) for i in range(17)])),
}
every_problem = pytest.mark.parametrize("problem", PROBLEMS)


@cache
def end(case: str, problem: str) -> list[float]:
    """The parameters that this project arrives at."""
    method, options = next(c for c in CASES if str(c) == case)
    loss, start = PROBLEMS[problem]
    leaves = [Value(number) for number in start]
    optimizer = method(leaves, **options)
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss(np.array(leaves)).backward()
        optimizer.step()
    return [leaf.data for leaf in leaves]


def end_in_torch(torch: Any, case: Case, problem: str) -> list[float]:
    """The parameters that torch.optim arrives at in float64, on a model of torch's own."""
    start = torch.tensor(PROBLEMS[problem].start)
    if problem == "quadratic":
        x = start.requires_grad_()
        parameters = [x]

        def loss() -> Any:
            return 0.5 * (torch.from_numpy(HILBERT) @ x - torch.from_numpy(TARGET)).square().sum()
    else:
        model = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1)).double()
        torch.nn.utils.vector_to_parameters(start, model.parameters())
        parameters = list(model.parameters())

        def loss() -> Any:
            return torch.nn.functional.mse_loss(model(torch.from_numpy(POINTS))[:, 0], torch.from_numpy(LABELS))

    optimizer = getattr(torch.optim, case.method.__name__)(parameters, **case.options)
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
    return torch.cat([parameter.detach().flatten() for parameter in parameters]).tolist()


def along(case: Case, gradients: list[float]) -> Iterator[list[float]]:
    """The parameters that this project arrives at, step by step along gradients that stay the same."""
    leaves = [Value(START) for _ in gradients]
    optimizer = case.method(leaves, **case.options)
    for _ in range(7):
        for leaf, gradient in zip(leaves, gradients, strict=True):
            leaf.grad = gradient
        optimizer.step()  # a warning would be an error
        yield [leaf.data for leaf in leaves]


def along_in_torch(torch: Any, case: Case, gradients: list[float]) -> Iterator[list[float]]:
    """The same by torch.optim."""
    x = torch.full((len(gradients),), START, dtype=torch.float64, requires_grad=True)
    optimizer = getattr(torch.optim, case.method.__name__)([x], **case.options)
    for _ in range(7):
        x.grad = torch.tensor(gradients, dtype=torch.float64)
        optimizer.step()
        yield x.tolist()


def write_reference() -> None:
    """Write optim_reference.json with the end values of torch.optim; run this file as a script to do so."""
    torch = importlib.import_module("torch")
    ends = {str(case): {problem: end_in_torch(torch, case, problem) for problem in PROBLEMS} for case in CASES}
    for case in CASES + FAST:
        ends.setdefault(str(case), {})["extremes"] = list(along_in_torch(torch, case, GRADIENTS))[-1]
    lines = (f'"{case} on {problem}": {json.dumps(x)}' for case, xs in ends.items() for problem, x in xs.items())
    REFERENCE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


@pytest.fixture(scope="module")
def torch() -> Any:
    return pytest.importorskip("torch", reason="PyTorch is not installed")


@pytest.fixture(scope="module")
def reference() -> dict[str, list[float]]:
    return json.loads(REFERENCE.read_text())


@pytest.mark.torch
@every_problem
@every_case
def test_fifty_steps_are_those_of_torch(torch: Any, case: Case, problem: str) -> None:
    np.testing.assert_allclose(end(str(case), problem), end_in_torch(torch, case, problem), rtol=0, atol=1e-10)


@every_problem
@every_case
def test_fifty_steps_end_at_the_reference(reference: dict[str, list[float]], case: Case, problem: str) -> None:
    np.testing.assert_allclose(end(str(case), problem), reference[f"{case} on {problem}"], rtol=0, atol=1e-10)


def test_the_reference_is_of_these_cases_and_tells_them_apart(reference: dict[str, list[float]]) -> None:
    ends = [f"{case} on {problem}" for case in CASES for problem in PROBLEMS]
    assert set(reference) == {*ends, *(f"{case} on extremes" for case in CASES + FAST)}
    assert len({tuple(reference[name]) for name in ends}) == len(ends)


@pytest.mark.torch
@every_extreme_case
def test_extreme_infinite_and_missing_gradients_give_what_torch_gives(torch: Any, case: Case) -> None:
    gradients = [*GRADIENTS, np.inf, -np.inf, np.nan]
    for ours, theirs in zip(along(case, gradients), along_in_torch(torch, case, gradients), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@every_extreme_case
def test_extreme_gradients_end_at_the_reference(reference: dict[str, list[float]], case: Case) -> None:
    np.testing.assert_allclose(list(along(case, GRADIENTS))[-1], reference[f"{case} on extremes"], rtol=1e-12)


def test_adamw_rounds_as_torch_does() -> None:
    """Near its unstable fixed point 1, where every step multiplies the rounding of the steps before by 9."""
    leaf = Value(1.0)
    optimizer = AdamW([leaf], lr=10.0, weight_decay=1.0)
    for _ in range(7):
        leaf.grad = -2.0
        optimizer.step()
    assert leaf.data == pytest.approx(0.9760851547567722, rel=1e-11)


@every_case
def test_update_on_arrays_is_step_on_values(case: Case) -> None:
    start = PROBLEMS["quadratic"].start
    leaves = [Value(number) for number in start]
    eager, flat = case.method(leaves, **case.options), case.method([Value(0.0)], **case.options)
    parameters = start.copy()
    for _ in range(STEPS):
        gradients = HILBERT @ (HILBERT @ parameters - TARGET)
        for leaf, gradient in zip(leaves, gradients.tolist(), strict=True):
            leaf.grad = gradient
        eager.step()
        parameters.flags.writeable = gradients.flags.writeable = False
        moved = flat.update(parameters, gradients)
        # Whoever owns the arrays may use them again, so nothing may be kept of them.
        parameters.flags.writeable = gradients.flags.writeable = True
        parameters[:] = gradients[:] = np.nan
        parameters = moved
    assert [leaf.data for leaf in leaves] == parameters.tolist()
    assert all(type(leaf.data) is float for leaf in leaves)


if __name__ == "__main__":
    write_reference()
