"""Programs in C, many of them in one file, for a compiler takes longer to start than to compile one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from autograd_core import Value, collector_paused
from autograd_core.compiler import Program, compile, toolchain
from autograd_core.compiler.c_printer import LANES
from autograd_core.compiler.native_runner import NativeRunner, build


def skip_without_compiler() -> None:
    """Skip the test where there is no C compiler, but not in CI."""
    if os.environ.get("CI"):
        return
    try:
        toolchain.find_compiler()
    except toolchain.NoCompilerError as error:
        pytest.skip(f"the tests of C need a compiler: {error}")


def compiled(graphs: Iterable[tuple[Value | Sequence[Value], Sequence[Any], Sequence[Value]]]) -> list[Program]:
    """The programs of graphs, with all their functions in one file that is compiled for speed of compiling."""
    skip_without_compiler()
    programs: list[Program] = []
    functions, places = [], []
    with collector_paused():
        for number, (output, inputs, parameters) in enumerate(graphs):
            program = compile(output, inputs, parameters, "native")
            runner = program._main
            assert isinstance(runner, NativeRunner)
            for name in ["value"] + ["value_and_grad"] * isinstance(output, Value):
                for lanes in (1, LANES) if inputs else (1,):
                    functions.append(runner.function(name, lanes, f"{name}_{number}_{lanes}"))
                    places.append((runner, name, lanes))
            programs.append(program)
    for built, (runner, name, lanes) in zip(build(functions, fast=False), places, strict=True):
        runner.built[name, lanes] = built
    return programs
