"""Running a program in C: each function compiled when it is first called, and called without the interpreter lock."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from autograd_core.compiler import toolchain
from autograd_core.compiler.array_program import ArrayProgram
from autograd_core.compiler.c_printer import LANES
from autograd_core.compiler.c_program import CFunction, module
from autograd_core.compiler.kinds import Uniform
from autograd_core.compiler.rules import CompileError
from autograd_core.compiler.signature import Signature
from autograd_core.compiler.source import Source
from autograd_core.compiler.tokens import Tokens

FEW = 3
"""So few samples are worked through one by one, for most lanes of a block would stay empty."""


@dataclass
class Built:
    """A function that has been compiled, and the arrays of each thread that calls it."""

    function: CFunction
    library: ctypes.CDLL
    call: Callable[..., Any] = field(init=False)
    size: int = field(init=False)
    """How many bytes its arrays take."""

    def __post_init__(self) -> None:
        symbol, form = self.function.symbol, self.function.form
        call: Any = getattr(self.library, symbol)
        call.restype = ctypes.c_double if self.function.given.single else None
        self.call = call
        self.size = ctypes.c_ulong.in_dll(self.library, f"{symbol}_size").value
        self.outputs = [self.function.whole[place] for place in self.function.outputs]
        kinds = [form[place].kind for place in self.function.arguments]
        self.random = [kind for kind in kinds if isinstance(kind, Uniform)]
        self.of_thread = threading.local()

    def __call__(self, given: list[np.ndarray], batch: int, generators: dict[str, Any]) -> tuple[Any, list[np.ndarray]]:
        """What the function returns, and the arrays that it writes to."""
        for kind in self.random:
            shape = (batch, *kind.shape) if kind.batched else kind.shape
            given = [*given, generators[kind.generator].random(shape)]
        made = [np.empty((batch, *one.shape) if one.batched else one.shape) for one in self.outputs]
        value = self.call(*map(_pointer, given), ctypes.c_long(batch), self._work(), *map(_pointer, made))
        return value, made

    def _work(self) -> ctypes.c_void_p:
        """The arrays that this thread has for the function to work in."""
        work = getattr(self.of_thread, "work", None)
        if work is None:
            self.of_thread.room = room = np.zeros(self.size + 64, np.uint8)
            start = room.ctypes.data
            work = self.of_thread.work = ctypes.c_void_p(start + -start % 64)
        return work


def build(functions: Sequence[CFunction], fast: bool = True) -> list[Built]:
    """Functions of different symbols, compiled together; raises NoCompilerError where there is no compiler."""
    library = toolchain.library(module(functions), fast)
    return [Built(function, library) for function in functions]


@dataclass
class NativeRunner:
    """C, compiled for this processor: samples in blocks, or one by one where they are few."""

    source: Source
    given: Signature
    tokens: Tokens
    """What is looked up by inputs, for C cannot raise."""

    backend: ClassVar[str] = "native"

    def __post_init__(self) -> None:
        self.built: dict[tuple[str, int], Built] = {}
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {"source": self.source, "given": self.given, "tokens": self.tokens}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.__post_init__()

    def prepare(self) -> None:
        """See that there is a compiler, and that C can write the program; raises NoCompilerError or CompileError."""
        toolchain.find_compiler()
        length = len(self.text(self.given.main))
        if length > toolchain.LONGEST:
            minutes = toolchain.seconds_for(length) / 60
            raise CompileError(
                f"the program is {length:,} characters of C, for which a compiler takes about {minutes:.0f} minutes; "
                'record fewer steps or samples, give samples as a batch, or use backend="auto"'
            )

    def value(self, parameters: np.ndarray, inputs: list[np.ndarray], batch: int | None) -> Any:
        """The mean of the values, or a row of values for each sample."""
        value, made = self._run("value", parameters, inputs, batch)
        if self.given.single:
            return value
        if not self.given.has_batch:
            return made[0]
        rows = np.array(np.broadcast_to(made[0], (batch or 1, made[0].shape[-1])))
        return rows[0] if batch is None else rows

    def value_and_grad(self, parameters: np.ndarray, inputs: list[np.ndarray], batch: int | None) -> tuple[Any, ...]:
        """The mean of the values and the gradients."""
        value, gradients = self._run("value_and_grad", parameters, inputs, batch)
        if batch is None and self.given.per_sample:
            gradients = [gradient[0] for gradient in gradients]
        return value, *gradients

    def text(self, name: str) -> str:
        """A C file with a function, in which every input has a batch axis."""
        return module([self.function(name, LANES if self.given.has_batch else 1)])

    def operations(self) -> int:
        """How many operations on arrays there are."""
        return self.source.operations()

    def function(self, name: str, lanes: int, symbol: str = "") -> CFunction:
        """A function in C, on blocks of so many samples."""
        program = self.source.program
        assert isinstance(program, ArrayProgram)
        return CFunction(name, program.form, self.given, lanes, symbol)

    def _run(self, name: str, parameters: np.ndarray, inputs: list[np.ndarray], batch: int | None) -> Any:
        lanes = LANES if batch is not None and batch > FEW else 1
        built = self.built.get((name, lanes))
        if built is None:
            with self._lock:
                if (name, lanes) not in self.built:
                    self.built[name, lanes] = build([self.function(name, lanes)])[0]
                built = self.built[name, lanes]
        given = [parameters, *inputs]
        self.tokens.check(given)
        given = given if batch is None else self.given.stacked(given, batch)
        return built(given, batch or 1, self.source.generators)


_DOUBLES = ctypes.c_double * 0


def _pointer(array: np.ndarray) -> Any:
    """The address of the numbers of an array, in order, for a call."""
    try:
        return _DOUBLES.from_buffer(array.data)  # in a quarter of the time that the other way takes
    except (TypeError, ValueError, BufferError):  # for it is write-protected, or not in order
        return np.ascontiguousarray(array).ctypes.data_as(ctypes.c_void_p)
