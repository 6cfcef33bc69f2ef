"""The ways of running one graph, each written when it is first needed, and which of them pays for a batch."""

from __future__ import annotations

from functools import cached_property
from typing import Literal

from autograd_core.compiler.array_program import array_source
from autograd_core.compiler.float_program import float_source
from autograd_core.compiler.grouping import group
from autograd_core.compiler.lowering import Lowered
from autograd_core.compiler.rules import CompileError
from autograd_core.compiler.runners import ArrayRunner, FloatRunner, Runner
from autograd_core.compiler.sections import Array
from autograd_core.compiler.signature import Signature

Backend = Literal["auto", "scalar", "numpy"]


class Choice:
    """A graph with what is asked of it, and a runner for each batch."""

    def __init__(self, lowered: Lowered, given: Signature, backend: Backend) -> None:
        self.lowered, self.given = lowered, given
        self.backend: Backend = backend
        self.steps = lowered.live + len(lowered.owner)

    def runner(self, batch: int | None) -> Runner:
        """What runs a batch of this length, or a call without a batch."""
        if self.backend == "scalar" or self.arrays is None:
            return self.on_floats
        # An operation on arrays takes as long as some twenty on floats.
        if self.backend == "auto" and batch is None and 20 * len(self.arrays) > self.steps:
            return self.on_floats
        return self.on_arrays or self.on_floats

    @cached_property
    def arrays(self) -> list[Array] | None:
        """The packed arrays, or None where the nodes are too different from each other for arrays to pay."""
        # Of few nodes, even arrays of one element each are worth their writing, for the sake of batches.
        return group(self.lowered, self.given, patient=self.backend == "numpy" or self.steps < 2_000)

    @cached_property
    def on_floats(self) -> FloatRunner:
        """Straight-line code; raises CompileError for a primitive that floats have no form for."""
        return FloatRunner(float_source(self.lowered, self.given), self.given)

    @cached_property
    def on_arrays(self) -> ArrayRunner | None:
        """NumPy, or None where it does not pay; raises CompileError if NumPy is asked for and cannot write it."""
        try:
            return ArrayRunner(array_source(self.lowered, self.arrays, self.given), self.given) if self.arrays else None
        except CompileError:
            if self.backend == "numpy":
                raise
            return None
