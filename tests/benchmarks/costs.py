"""What the constants of `autograd_core.compiler.cost` are here, and how good the choice is that is made by them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from autograd_core import compile
from autograd_core.compiler import cost
from tests.autograd_core.compiler.agreement import nodes
from tests.autograd_core.compiler.realistic import PROGRAMS, Program, Values
from tests.autograd_core.compiler.test_realistic import numbers
from tests.benchmarks.engine import Row, interleaved
from tests.benchmarks.peers import figure, passes_within

TIMES = 100
"""How often a statement stands in the function that is timed."""

a, b, square, stack, v = np.ones((1, 8)), np.ones((1, 8)), np.ones((8, 8)), np.ones((64, 8, 8)), np.ones(8)
large, small_stack, at = np.ones((64, 64)), np.ones((1, 8, 8)), np.arange(8)

STATEMENTS: dict[str, tuple[str, str, float]] = {
    "FLOAT_OPERATION": ("x * y", "", 1.0),
    "FLOAT_FUNCTION": ("math.tanh(x)", "", 1.0),
    "FLOAT_HELPER": ("relu(x)", "", 1.0),
    "ARRAY_OPERATION": ("a * b", "", 1.0),
    "ARRAY_NUMBER": ("number * number", "", 1.0),
    "VIEW": ("a.reshape(1, 2, 4)", "", 1.0),
    "NEW": ("np.full(1, 1.0)", "", 1.0),
    "PRODUCT": ("a @ square", "", 1.0),
    "STACKED": ("stack @ stack", "small_stack @ small_stack", 63.0),
    "REDUCTION": ("a.sum(-1)", "", 1.0),
    "GATHER": ("a.take(at, 1)", "", 1.0),
    "ASSIGNMENT": ("v[2:7] = 0.5", "", 1.0),
    "ELEMENT": ("large * large", "a * b", large.size),
    "FUNCTION_ELEMENT": ("np.tanh(large)", "np.tanh(a)", large.size),
    "MULTIPLICATION": ("large @ large", "square @ square", large.size * 64.0),
}
"""For each constant a statement, one whose time is taken off, and what is left is so many times the constant."""


def timed(statement: str) -> Callable[[], None]:
    """A function that has a statement many times, on local names."""
    names = {"x": 0.5, "y": 0.3, "relu": lambda x: 0.0 if x <= 0.0 else x, "number": np.float64(0.5), "math": math}
    names |= {"np": np, "a": a, "b": b, "square": square, "stack": stack, "v": v, "large": large, "at": at}
    names |= {"small_stack": small_stack}
    lines = [f"def run({', '.join(f'{name}={name}' for name in names)}):", *[f"    {statement}"] * TIMES]
    exec("\n".join(lines), names)
    run: Any = names["run"]
    return run


def constants(repeats: int, seconds: float) -> list[Row]:
    """Each constant as it is in the table, and as it is here."""
    rows = []
    for name, (statement, less, times) in STATEMENTS.items():
        runs = [timed(one) for one in (statement, less or "None")]
        taken, off = interleaved(runs, repeats, [passes_within(run, seconds) for run in runs])
        here = (taken - off) / TIMES / times * 1e9
        rows.append({"constant": name, "ns in the table": f"{getattr(cost, name):g}", "ns here": figure(here)})
    return rows


def choices(programs: list[Program], batches: list[int | None], repeats: int, seconds: float) -> list[Row]:
    """For each program and batch what is chosen, and how much longer that takes than the better one."""
    rows = []
    for program in programs:
        parameters, x = numbers(program, max(batch or 1 for batch in batches))
        p, inputs = nodes(parameters), nodes(x[0].tolist())
        output, given = program.build(Values(), p, inputs), np.array(parameters)
        on_floats, on_arrays, chosen = (compile(output, [inputs], p, how) for how in ("scalar", "numpy", "auto"))
        row = {"program": program.name}
        for batch in batches:
            some = x[0] if batch is None else x[:batch]
            runs = [partial(one.value_and_grad, given, some) for one in (on_floats, on_arrays)]
            chosen(given, some)
            taken = interleaved(runs, repeats, [passes_within(run, seconds) for run in runs])
            ratio = taken[chosen.backend == "numpy"] / min(taken)
            row["a sample" if batch is None else f"a batch of {batch}"] = f"{chosen.backend} {ratio:.2f}"
        rows.append(row)
    return rows


def tables() -> Iterator[tuple[str, list[Row]]]:
    """The tables, each worked out when it is asked for."""
    yield "The constants by which a backend is chosen, in nanoseconds", constants(repeats=15, seconds=0.002)
    title = "What is chosen, and how many times as long it takes as the better of scalar and numpy"
    yield title, choices(PROGRAMS, [None, 4, 16, 256], repeats=7, seconds=0.005)
