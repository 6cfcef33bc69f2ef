"""Programs in JAX: from the array form to a module of pure functions, and running it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

import numpy as np

from autograd_core.compiler.array_program import ArrayProgram, array_form
from autograd_core.compiler.jax_printer import JaxPrinter
from autograd_core.compiler.kinds import Input, Positions, Uniform
from autograd_core.compiler.lowering import Lowered
from autograd_core.compiler.names import Names
from autograd_core.compiler.numpy_printer import NumpyPrinter
from autograd_core.compiler.runners import ArrayRunner
from autograd_core.compiler.sections import Array
from autograd_core.compiler.signature import Signature, shape_text
from autograd_core.compiler.source import Body, Source
from autograd_core.compiler.tokens import Tokens


@dataclass
class JaxProgram(ArrayProgram):
    """The array form of a program, and what JAX makes of it; `weighted` by an argument with a weight a sample."""

    weighted: bool = False

    decorator = ""
    modules = frozenset({"jnp"})

    def body(self, name: str) -> Body:
        """The lines of `value` or `value_and_grad`."""
        body = super().body(name)
        body.modules |= {"np"} if body.constants else set()
        uniforms = [one.kind for one in self.form.operations if isinstance(one.kind, Uniform)]
        rows = [(one.generator, shape_text(one.shape, one.batched), "random in [0, 1)") for one in uniforms]
        rows += [("sample_weight", "(batch,)", "of each sample in the mean")] * self.weighted
        at = len(self.given.names)
        body.table[at:at] = rows
        return body

    @property
    def ids(self) -> set[str]:
        """The arguments that positions are worked out from, and that a low precision would change."""
        stack = [one.kind.ids for one in self.form.operations if isinstance(one.kind, Positions)]
        found = set[str]()
        while stack:
            one = self.form[stack.pop()]
            found |= {one.kind.name} if isinstance(one.kind, Input) else set()
            stack += one.operands
        return found

    def _head(self, printer: NumpyPrinter) -> list[str]:
        needs_dtype = isinstance(printer, JaxPrinter) and printer.needs_dtype
        return super()._head(printer) + [f"dtype = jnp.result_type({self.given.names[0]}, float)"] * needs_dtype

    def _value(self, printer: NumpyPrinter) -> str:
        place = self.form.results[0]
        value = printer.atom(place)
        if not (self.given.single and self.form[place].batched):
            return value
        return f"({value} * sample_weight).sum()" if self.weighted else f"{value}.mean()"

    def _printer(self, name: str) -> NumpyPrinter:
        roots = self.form.results if name == "value_and_grad" else self.form.results[:1]
        return JaxPrinter(self.form, roots, Names(self.names.taken), self.weighted)


@dataclass
class JaxRunner(ArrayRunner):
    """JAX, jitted, in which every input has a batch axis; random numbers are drawn here and handed in."""

    backend: ClassVar[str] = "jax"

    generators: list[tuple[Any, int]]
    """What random numbers are drawn from, and how many for a sample."""
    weighted: Source
    """The same program with a further argument, the weight of each sample in the mean."""
    is_mean: bool
    """Whether the value depends on the samples, so that a batch gives a mean of values."""
    exact: set[str]
    """Arguments that are whole numbers, which stay so in any precision."""
    tokens: Tokens

    def __post_init__(self) -> None:
        self._jitted: dict[str, Callable[..., Any]] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_jitted": {}}  # which cannot be pickled

    def function(self) -> Callable[..., Any]:
        """The pure function that the source defines."""
        return self.source.function("value_and_grad" if self.given.single else "value")

    def run(self, name: str, parameters: np.ndarray, inputs: list[np.ndarray], batch: int | None) -> Any:
        """What a function returns, as arrays of float64."""
        self.tokens.check([parameters, *inputs])
        given = [*self.given.stacked([parameters, *inputs], batch or 1), *self.draws(batch or 1)]
        jax = require_jax("a program of backend='jax'")
        dtype = jax.numpy.dtype(self.given.dtype)
        # Not for all of the process: JAX is someone else's too.
        with jax.enable_x64(True):
            if name not in self._jitted:
                self._jitted[name] = jax.jit(self.source.function(name))
            precise = [float if argument in self.exact else dtype for argument in self.source.arguments]
            found = self._jitted[name](*map(np.asarray, given, precise))
            return jax.tree.map(lambda array: np.array(array, float), found)

    def draws(self, batch: int) -> list[np.ndarray]:
        """Fresh random numbers for so many samples, in the order in which nodes would draw them."""
        sizes = (batch,) if self.given.has_batch else ()
        return [generator.random((*sizes, count)) for generator, count in self.generators]


def require_jax(what: str) -> Any:
    """The package `jax`, which `what` needs. Raises ImportError, with the remedy."""
    try:
        return import_module("jax")
    except ImportError as error:
        raise ImportError(f'{what} needs JAX: python -m pip install "autograd-core[jax]" ({error})') from error


def jax_runner(lowered: Lowered, arrays: list[Array], given: Signature) -> JaxRunner:
    """A program in JAX. Raises ImportError where JAX is not installed."""
    require_jax("backend='jax'")
    form, names, generators = array_form(lowered, arrays, given, draws="uniform")
    arguments = [*given.names, *generators]
    plain, weighted = (JaxProgram(given, form, names, weights) for weights in (False, True))
    draws = [
        (generator, len(chances)) for generator, (_, chances) in zip(generators.values(), lowered.masks, strict=True)
    ]
    return JaxRunner(
        Source(arguments, {}, plain), given, draws, Source([*arguments, "sample_weight"], {}, weighted),
        form[form.results[0]].batched, plain.ids, Tokens.of(lowered, given),
    )  # fmt: skip
