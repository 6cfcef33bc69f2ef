"""Arrays that lie oddly: compiled programs compute what the nodes do at any strides, with any rows in common."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from autograd_core import Value
from autograd_core.functions import tanh
from autograd_core.graph import collector_paused
from tests.autograd_core.compiler.agreement import assert_agrees
from tests.autograd_core.compiler.layouts import Case

PROGRAMS, CHUNK = int(os.environ.get("LAYOUTS", "500")), 50


@pytest.mark.parametrize("first", range(0, PROGRAMS, CHUNK))
def test_random_programs(first: int) -> None:
    with collector_paused():
        for seed in range(first, first + CHUNK):
            try:
                Case(seed).check()
            except Exception as error:
                error.add_note(f"program {seed}")
                raise


@pytest.mark.parametrize("columns", [20, 30])
def test_a_vector_that_is_a_row_forward_is_a_column_backward(columns: int) -> None:
    def build(parameters: list[Value], _: Any) -> Value:
        p, a = parameters[:20], [tanh(v) for v in parameters[20:]]
        return sum((tanh(sum((u * v for v in a), Value(0.0))) for u in p), Value(0.0))

    assert_agrees(build, [*np.linspace(0.1, 0.3, 20), *np.linspace(0.5, -0.4, columns)])
