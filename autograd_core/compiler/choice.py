"""The ways of running one graph, each written when it is first needed, and which of them pays for a batch."""

from __future__ import annotations

from functools import cached_property
from typing import Literal

from autograd_core.compiler.array_program import array_source
from autograd_core.compiler.cost import ARRAY_CALL, ARRAY_OPERATION, FLOAT_OPERATION
from autograd_core.compiler.float_program import float_source
from autograd_core.compiler.grouping import group
from autograd_core.compiler.jax_program import JaxRunner, jax_runner
from autograd_core.compiler.lowered import Lowered, Pick
from autograd_core.compiler.native_runner import NativeRunner
from autograd_core.compiler.rules import CompileError
from autograd_core.compiler.runners import ArrayRunner, FloatRunner, Runner
from autograd_core.compiler.sections import Array
from autograd_core.compiler.signature import Signature
from autograd_core.compiler.tokens import Tokens

Backend = Literal["auto", "scalar", "numpy", "native", "jax"]

FEW, MANY = 2_000, 30_000
"""Of so many steps, arrays of one element each are soon written, and for the sake of a batch in some seconds."""
LONG = 32
"""A batch of so many samples is worth that."""


class Choice:
    """A graph with what is asked of it, and a runner for each batch."""

    def __init__(self, lowered: Lowered, given: Signature, backend: Backend) -> None:
        self.lowered, self.given = lowered, given
        self.backend: Backend = backend
        picks = sum(len(call.operands) for call in lowered.calls.values() if isinstance(call, Pick))
        self.steps = lowered.live + len(lowered.owner) + picks
        self._packed: dict[bool, list[Array] | None] = {}
        self._on_arrays: dict[bool, ArrayRunner | None] = {}
        self._chosen: dict[int | None, Runner] = {}

    def runner(self, batch: int | None) -> Runner:
        """What runs a batch of this length, or a call without a batch."""
        if batch not in self._chosen:
            self._chosen[batch] = self._cheapest(batch)
        return self._chosen[batch]

    def _cheapest(self, batch: int | None) -> Runner:
        if self.backend == "jax":
            return self.in_jax
        if self.backend == "native":
            return self.in_c
        if self.backend == "scalar":
            return self.on_floats
        patient = self.backend == "numpy" or self.steps < (MANY if (batch or 1) >= LONG else FEW)
        packed = self.packed(patient)
        if self.backend == "auto":
            # Neither is written where it cannot pay: an array and its gradient take an operation at least, and so does
            # each step on floats.
            if packed is None:
                return self.on_floats
            least = ARRAY_CALL + ARRAY_OPERATION * sum(
                1 + array.requires_grad for array in packed[len(self.given.names) :]
            )
            if self.steps < FEW and least > self.on_floats.cost(batch):
                return self.on_floats
        arrays = self.on_arrays(patient)
        if arrays is None:
            return self.on_floats
        if self.backend == "auto" and FLOAT_OPERATION * self.steps * (batch or 1) < arrays.cost(batch):
            return min(self.on_floats, arrays, key=lambda runner: runner.cost(batch))
        return arrays

    def packed(self, patient: bool) -> list[Array] | None:
        """The packed arrays, or None where nodes are too different for arrays to pay, unless it is to be `patient`."""
        if patient not in self._packed:
            found = self._packed.get(False)
            self._packed[patient] = found or group(self.lowered, self.given, patient)
        return self._packed[patient]

    @cached_property
    def on_floats(self) -> FloatRunner:
        """Straight-line code; raises CompileError for a primitive that floats have no form for."""
        return FloatRunner(float_source(self.lowered, self.given), self.given)

    @cached_property
    def in_jax(self) -> JaxRunner:
        """Jitted functions; raises ImportError without JAX, and CompileError for what JAX has no form for."""
        packed = self.packed(patient=True)
        assert packed is not None  # which patience sees to
        return jax_runner(self.lowered, packed, self.given)

    @cached_property
    def in_c(self) -> NativeRunner:
        """C; raises NoCompilerError where nothing compiles it, and CompileError for what C has no form for."""
        packed = self.packed(patient=True)
        assert packed is not None  # which patience sees to
        return NativeRunner(
            array_source(self.lowered, packed, self.given), self.given, Tokens.of(self.lowered, self.given)
        )

    def on_arrays(self, patient: bool) -> ArrayRunner | None:
        """NumPy, or None where it does not pay; raises CompileError if NumPy is asked for and cannot write it."""
        if patient not in self._on_arrays:
            packed = self.packed(patient)
            same = [runner for patience, runner in self._on_arrays.items() if self._packed[patience] is packed]
            self._on_arrays[patient] = same[0] if same else self._written(packed)
        return self._on_arrays[patient]

    def _written(self, packed: list[Array] | None) -> ArrayRunner | None:
        try:
            return ArrayRunner(array_source(self.lowered, packed, self.given), self.given) if packed else None
        except CompileError:
            if self.backend == "numpy":
                raise
            return None
