"""What a program will take, in nanoseconds, as the sum over the operations that are emitted.

The constants hold for CPython 3.11 and NumPy 2 on an x86-64 processor, and `python -m tests.benchmarks costs` measures
them anew. Only their ratios matter, for they are compared with one another.
"""

from __future__ import annotations

import ast
import inspect
from functools import cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from autograd_core.compiler.ir import Form, Operation
from autograd_core.compiler.kinds import (
    Call,
    Constant,
    Gather,
    Input,
    MatMul,
    Not,
    Positions,
    Reduce,
    SampleProduct,
    Scatter,
    ScatterAdd,
    Segments,
    VecDot,
    View,
)
from autograd_core.compiler.printing import Helper, Printer, Sign
from autograd_core.compiler.steps import Shape

FLOAT_CALL = 3_000.0
"""A call of a program on floats, with what makes lists of arrays and arrays of lists."""
FLOAT_BATCH = 9_000.0
"""What a batch takes before and after its samples, in a program on floats."""
FLOAT_SAMPLE = 300.0
"""What each sample takes before its operations."""
FLOAT_NUMBER = 15.0
"""A parameter or input that is handed in as a float, or an element of a gradient that comes out."""
FLOAT_OPERATION = 8.5
"""A sum, product or comparison of two floats."""
FLOAT_FUNCTION = 50.0
"""A function of `math`."""
FLOAT_HELPER = 40.0
"""A function in Python on floats."""

ARRAY_CALL = 5_000.0
"""A call of a program on arrays, with what settles how NumPy treats infinities and takes means."""
ARRAY_OPERATION = 380.0
"""An operation on small arrays, element by element."""
ARRAY_NUMBER = 130.0
"""A sum or product of single numbers among arrays."""
VIEW = 110.0
"""A slice, transpose or reshape."""
NEW = 600.0
"""An array made of one number, copied or broadcast."""
PRODUCT = 1_000.0
"""A matrix product of small matrices."""
STACKED = 60.0
"""Each further matrix of a stack."""
REDUCTION = 1_200.0
"""A sum or largest along an axis."""
GATHER = 600.0
"""Elements taken at positions."""
ASSIGNMENT = 500.0
"""Elements written to their places."""
ELEMENT = 0.5
"""An element of a sum or product of large arrays."""
FUNCTION_ELEMENT = 4.0
"""An element of another function, such as tanh."""
MULTIPLICATION = 0.3
"""A product of two numbers inside a matrix product."""

_QUICK = {"add", "sub", "mul", "truediv", "neg", "abs", "sqrt", "maximum", "minimum", "less", "less_equal", "equal"}


class Cost(NamedTuple):
    """What a call takes in any case, and what each sample adds."""

    call: float
    sample: float

    def of(self, batch: int | None) -> float:
        """For a batch of that length, or a call without one."""
        return self.call + self.sample * (batch or 1)


def of_floats(printer: Printer) -> float:
    """What the calls of primitives in an expression on floats take."""
    total = 0.0
    for place in printer.used:
        kind = printer.form[place].kind
        if isinstance(kind, Not):
            total += FLOAT_OPERATION
        elif isinstance(kind, Call):
            form = "<" if kind.boolean else printer.form_of(kind.primitive, kind.arguments)
            function = isinstance(form, str) and "." in form
            total += FLOAT_HELPER if isinstance(form, Helper) else FLOAT_FUNCTION if function else FLOAT_OPERATION
    return total


def of_arrays(printer: Printer) -> Cost:
    """What a program on arrays takes: for each operation by itself, and for each of its elements."""
    call, sample = ARRAY_CALL, 0.0
    for place in printer.used:
        one = printer.form[place]
        operations, elements, batched = _parts(printer, one)
        call += operations + (0.0 if batched else elements)
        sample += elements if batched else 0.0
    return Cost(call, sample)


def _parts(printer: Printer, one: Operation) -> tuple[float, float, bool]:
    """What an operation takes however large it is, and by its elements, and whether those are of each sample."""
    form, kind, size = printer.form, one.kind, prod(one.shape)
    if isinstance(kind, (Input, Constant)):
        return 0.0, 0.0, False
    if isinstance(kind, View):
        return VIEW * len(kind.steps), 0.0, False
    if isinstance(kind, Call):
        written = "" if kind.boolean else printer.form_of(kind.primitive, kind.arguments)
        count = _operations(written.function) if isinstance(written, Helper) else 1 + (written == "np.where")
        if isinstance(written, Sign) and not one.shape and not one.batched:
            return ARRAY_NUMBER, 0.0, False
        quick = kind.boolean or kind.primitive.name in _QUICK or isinstance(written, Sign)
        each = ELEMENT * count + (0.0 if quick else FUNCTION_ELEMENT)
        return ARRAY_OPERATION * count, each * size, one.batched
    if isinstance(kind, (MatMul, SampleProduct)):
        return _product(form, kind, one)
    if isinstance(kind, (VecDot, Reduce, Segments)):
        source = form[kind.left if isinstance(kind, VecDot) else kind.source]
        return REDUCTION, ELEMENT * prod(source.shape), source.batched
    if isinstance(kind, Positions):
        return 8.0 * ARRAY_OPERATION, 6.0 * ELEMENT * size, one.batched
    if isinstance(kind, ScatterAdd):
        part = form[kind.part]
        return 2.0 * GATHER, 4.0 * ELEMENT * prod(part.shape), part.batched
    if isinstance(kind, Gather):
        return GATHER, 3.0 * ELEMENT * size, one.batched
    if isinstance(kind, Scatter):
        part = form[kind.part]
        return ASSIGNMENT, (1.0 if isinstance(kind.at, tuple) else 4.0) * ELEMENT * prod(part.shape), part.batched
    return (ARRAY_OPERATION if isinstance(kind, Not) else NEW), ELEMENT * size, one.batched


def _product(form: Form, kind: MatMul | SampleProduct, one: Operation) -> tuple[float, float, bool]:
    """A matrix product: by its multiplications, and by the matrices of which BLAS takes one after another."""
    left, right = form[kind.left], form[kind.right]
    if isinstance(kind, SampleProduct):
        return PRODUCT, MULTIPLICATION * prod(left.shape) * prod(right.shape[kind.terms :]), True
    stack: Shape = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    one_by_one = right.batched or len(one.shape) > 2
    each = MULTIPLICATION * prod(one.shape) * left.shape[-1] + (STACKED * prod(stack) if one_by_one else 0.0)
    return PRODUCT, each, one.batched


@cache
def _operations(function: Any) -> int:
    """How many operations on arrays there are in a helper and in those that it calls."""
    others, count = vars(inspect.getmodule(function)), 0
    for node in ast.walk(ast.parse(inspect.getsource(function))):
        called = others.get(node.func.id) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else None
        if inspect.isfunction(called):
            count += _operations(called)
        elif isinstance(node, (ast.BinOp, ast.UnaryOp, ast.Compare, ast.Call, ast.Subscript)):
            count += 1
    return count
