"""What a program tells of its passes and of the choice of its backend."""

from __future__ import annotations

import re

import numpy as np
import pytest

from autograd_core import Program, Value, compile
from autograd_core.compiler.choice import Backend
from autograd_core.functions import tanh
from tests.autograd_core.compiler.agreement import nodes


def network(backend: Backend = "auto") -> Program:
    w, x = nodes(np.zeros((8, 3)).tolist()), nodes([0.1, 0.2, 0.3])
    rows = [tanh(sum((a * b for a, b in zip(row, x, strict=True)), Value(0.0))) for row in w]
    return compile(sum(rows, Value(0.0)), [x], [one for row in w for one in row], backend)


def test_each_pass_is_told_in_its_printed_form() -> None:
    told = network().explain(batch=500)
    assert re.match(r"lowering: \d+ recorded nodes, 16 of them left to compute\n", told)
    assert "= tanh(%" in told
    assert "\n%2 : [batch, 8] = sum of %0*%1\n%3 : [batch, 8] = tanh(%2)\n%4 : [batch] = sum of %3\n" in told
    assert re.search(r"\nz1 +: \[batch, 8\] +linear += x @ .*\.T\n", told)
    reason = told.splitlines()[-1]
    assert re.search(r"numpy, for a batch of 500 is estimated at .* us on floats and .* us in NumPy", reason)
    assert repr(told) == told == str(told)


def test_the_story_of_a_call_without_a_batch() -> None:
    program = network()
    told = program.explain(lines=1000)
    assert program.source.rstrip() in told
    assert "grouping" not in told
    last = told.splitlines()[-1]
    found = re.search(r"scalar, for a call without a batch is .*; NumPy runs batches from (\d+) on", last)
    assert found
    first = int(found[1])
    assert "np." in program.source_for(batch=first)
    assert "np." not in program.source_for(batch=first - 1)
    assert program.backend == "scalar"


def test_long_stories_are_cut_short() -> None:
    lines = network().explain(lines=3).splitlines()
    assert sum(line.startswith("... and ") and line.endswith(" lines more") for line in lines) == 2
    assert len(lines) < 20


def test_why_a_backend_was_chosen() -> None:
    assert network("numpy").explain().endswith("backend: numpy, as was asked for")
    p = nodes([0.5])
    assert "NumPy runs" not in compile(p[0] * p[0], parameters=p).explain()
    with pytest.raises(ValueError, match="batch is a number of samples from 1, or None, not -1"):
        network().explain(batch=-1)
    with pytest.raises(ValueError, match="a program without inputs takes no batch"):
        compile(p[0] * p[0], parameters=p).explain(batch=3)
