"""Programs that people write, compiled, beside the nodes that they were recorded from and beside PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from autograd_core import Value, compile
from tests.autograd_core.compiler.agreement import assert_agrees, assert_same
from tests.autograd_core.compiler.realistic import PROGRAMS, Program, Torch, Values

each_program = pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)


def numbers(program: Program, samples: int) -> tuple[list[float], np.ndarray]:
    """Parameters, and samples along the first axis."""
    rng = np.random.default_rng(len(program.name))
    x = rng.normal(0.0, 0.8, (samples, *program.shape))
    return rng.normal(0.0, 0.5, program.parameters).tolist(), np.abs(x) + 0.5 if program.positive else x


def test_there_are_enough() -> None:
    assert len(PROGRAMS) >= 30
    assert len({program.name for program in PROGRAMS}) == len(PROGRAMS)


@each_program
def test_compiled_as_recorded(program: Program) -> None:
    parameters, x = numbers(program, 3)
    assert_agrees(lambda p, given: program.build(Values(), p, given[0]), parameters, [[one] for one in x.tolist()])


@each_program
@pytest.mark.torch
def test_compiled_as_in_pytorch(program: Program) -> None:
    torch = pytest.importorskip("torch")
    parameters, x = numbers(program, 2)

    def tensors(given: Any) -> Any:
        if isinstance(given, float):
            return torch.tensor(given, dtype=torch.float64, requires_grad=True)
        return [tensors(one) for one in given]

    values, slopes = [], []
    for one in x.tolist():
        leaves = tensors(parameters)
        output = program.build(Torch(), leaves, tensors(one))
        found = torch.autograd.grad(output, leaves, allow_unused=True)
        values.append(output.item())
        slopes.append([0.0 if slope is None else slope.item() for slope in found])

    def nodes(given: Any) -> Any:
        return Value(given) if isinstance(given, float) else [nodes(one) for one in given]

    leaves, inputs = nodes(parameters), nodes(x[0].tolist())
    compiled = compile(program.build(Values(), leaves, inputs), [inputs], leaves)
    value, gradient = compiled.value_and_grad(parameters, x)
    assert_same(value, np.mean(values), program.name)
    assert_same(gradient, np.mean(slopes, axis=0), program.name)
