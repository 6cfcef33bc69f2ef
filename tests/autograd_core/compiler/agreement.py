"""Compiled programs held against the nodes that they were recorded from."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest

from autograd_core import Value
from autograd_core.compiler import Program, compile
from autograd_core.compiler.program import Backend
from autograd_core.floats import Flat
from autograd_core.graph import topological_order

Build = Callable[[list[Value], list[Any]], Value]
"""Parameters, and inputs as (nested lists of) Values, to the output."""

BACKENDS: tuple[Backend, ...] = ("scalar", "numpy")
each_backend = pytest.mark.parametrize("backend", BACKENDS)

TOLERANCE = 1e-10


class Recorded(NamedTuple):
    """What recording a function on given numbers left, and the value and gradient of the nodes.

    Where the slope is 0 everywhere the nodes hand back 0, which times an infinite slope further back is nan; compiled
    code hands nothing back, and so does this gradient.
    """

    output: Value
    inputs: list[Any]
    parameters: list[Value]
    value: float
    gradient: np.ndarray


def nodes(numbers: Any) -> Any:
    """Leaves of the numbers, in the same nesting."""
    return Value(float(numbers)) if np.ndim(numbers) == 0 else [nodes(inner) for inner in numbers]


def record(build: Build, parameters: Sequence[float], inputs: Sequence[Any] = ()) -> Recorded:
    """Run the function on fresh leaves, forward and backward."""
    leaves, given = [Value(float(number)) for number in parameters], [nodes(numbers) for numbers in inputs]
    output = build(leaves, given)
    output.backward()
    gradient = np.array([leaf.grad for leaf in leaves], dtype=float)
    if np.isnan(gradient).any():
        gradient = reference(output, leaves)[0]
    return Recorded(output, given, leaves, output.data, gradient)


def reference(output: Value, parameters: list[Value]) -> tuple[np.ndarray, bool]:
    """The gradient by the local derivatives of nodes, and whether the order of operations may show in it or the value.

    Nothing is handed back where the slope is 0 everywhere. The order shows where terms all but cancel, where finite
    numbers overflow, and in the sine of a number so large that its last digits decide.
    """
    order = topological_order(output)
    size: dict[Value, float] = {}
    terms: dict[Value, int] = {}
    delicate = False
    for node in order:
        name = node.op.name if node.op else ""
        sizes = [size[operand] for operand in node.inputs]
        known = {"add": sum, "sub": sum, "neg": sum, "mul": math.prod}
        size[node] = known[name](sizes) if name in known else abs(node.data)
        terms[node] = sum(terms[operand] for operand in node.inputs) if name in ("add", "sub") else 1
        delicate |= cancels(node.data, size[node], terms[node])
        if name in ("sin", "cos", "tan"):
            delicate |= 1e5 < abs(node.inputs[0].data) < math.inf
        if name in ("add", "sub", "mul", "truediv"):
            delicate |= not math.isfinite(node.data) and all(math.isfinite(operand.data) for operand in node.inputs)
    handed: dict[Value, list[float]] = {node: [] for node in [*order, *parameters]}
    handed[output].append(1.0)
    for node in reversed(order):
        if not handed[node]:
            continue
        upstream = sum(handed[node])
        for operand, partial in zip(node.inputs, node.partials, strict=True):
            if isinstance(partial, Flat):
                continue
            handed[operand].append(upstream * partial)
            delicate |= math.isfinite(upstream) and math.isfinite(partial) and math.isinf(upstream * partial)
    delicate |= any(cancels(sum(parts), sum(map(abs, parts)), len(parts)) for parts in handed.values())
    return np.array([sum(handed[parameter]) for parameter in parameters]), delicate


def cancels(total: float, size: float, terms: int) -> bool:
    """Whether terms of this total size add up to next to nothing; that one less itself is 0 holds in any order."""
    return math.isfinite(size) and abs(total) < 1e-5 * size and (total != 0.0 or terms > 2)


def differences(found: Any, expected: Any, floor: float = 1e-3) -> np.ndarray:
    """Relative differences, 0 where both are nan or the same infinity; next to numbers below `floor` absolute to it."""
    found, expected = np.asarray(found, dtype=float), np.asarray(expected, dtype=float)
    assert found.shape == expected.shape
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    with np.errstate(all="ignore"):
        off = np.abs(found - expected) / np.maximum(np.abs(expected), floor)
    return np.where(same, 0.0, np.where(np.isfinite(off), off, np.inf))


def assert_same(found: Any, expected: Any, about: object = "") -> None:
    """Equal to 1e-10: relative, but to the largest of the numbers for those that are a thousand times smaller."""
    sizes = np.abs(np.asarray(expected, dtype=float))
    floor = 1e-3 * max(1.0, sizes.max(where=np.isfinite(sizes), initial=0.0))
    worst = differences(found, expected, floor).max(initial=0.0)
    assert worst <= TOLERANCE, f"{about}: {found} where the nodes give {expected}"


def assert_agrees(
    build: Build,
    parameters: Sequence[float],
    samples: Sequence[Sequence[Any]] = ((),),
    backends: Sequence[Backend] = BACKENDS,
) -> dict[str, Program]:
    """Value and gradient of the backends are those of the nodes, for a sample, a batch of one and of all.

    Returns the programs, by backend.
    """
    recorded = [record(build, parameters, sample) for sample in samples]
    first, last = recorded[0], recorded[-1]
    columns = [np.array(column, dtype=float) for column in zip(*samples, strict=True)]
    programs = {}
    for backend in backends:
        program = programs[backend] = compile(first.output, first.inputs, first.parameters, backend)
        runs: list[tuple[str, list[Any], list[Recorded]]] = [("one sample", [*samples[0]], [first])]
        if columns:
            runs += [("a batch of one", [column[-1:] for column in columns], [last]), ("a batch", columns, recorded)]
        for what, inputs, those in runs:
            value, gradient = program.value_and_grad(parameters, *inputs)
            with np.errstate(all="ignore"):
                expected = float(np.mean([one.value for one in those]))
                slopes = np.mean([one.gradient for one in those], axis=0)
            assert_same(value, expected, f"{backend}, {what}, value")
            assert_same(gradient, slopes, f"{backend}, {what}, gradient")
            assert_same(program(parameters, *inputs), expected, f"{backend}, {what}, value alone")
    return programs
