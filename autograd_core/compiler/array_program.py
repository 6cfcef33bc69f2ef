"""Programs on arrays: from packed arrays to the array form, and from that to NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from autograd_core import primitives
from autograd_core.compiler import arrays as helpers_on_arrays
from autograd_core.compiler import rewrites
from autograd_core.compiler.builder import Builder
from autograd_core.compiler.cost import Cost, of_arrays
from autograd_core.compiler.ir import Form
from autograd_core.compiler.kinds import Broadcast, Call, Constant, Input, Place, Uniform, View
from autograd_core.compiler.lowering import Lowered
from autograd_core.compiler.names import Names
from autograd_core.compiler.numpy_printer import NumpyPrinter
from autograd_core.compiler.passes import Passes
from autograd_core.compiler.sections import Array
from autograd_core.compiler.signature import Signature, generators_of, shape_text, table
from autograd_core.compiler.source import Body, Source


@dataclass
class ArrayProgram:
    """The array form of a program, in which inputs have a batch axis, and what NumPy makes of it."""

    given: Signature
    form: Form
    names: Names

    decorator = '@np.errstate(all="ignore")'
    modules = frozenset({"np"})

    @property
    def is_mean(self) -> bool:
        """Whether the value is a mean over a batch."""
        return self.given.has_batch and self.given.single

    def operations(self) -> int:
        """How many operations on arrays there are."""
        return self._printer("value_and_grad").cost()

    def cost(self, batch: int | None) -> float:
        """What a call takes, in nanoseconds, with a batch of that length or without one."""
        return self._cost.of(batch)

    @cached_property
    def _cost(self) -> Cost:
        return of_arrays(self._printer("value_and_grad" if self.given.single else "value"))

    def body(self, name: str) -> Body:
        """The lines of `value` or `value_and_grad`."""
        printer, given, form = self._printer(name), self.given, self.form
        ends = len(form.operations) if form.forward is None else form.forward
        lines = list(printer.lines())
        forward = [line for place, line in lines if place < ends]
        backward = [line for place, line in lines if place >= ends]
        value = self._value(printer)
        gradient = ", ".join(map(printer.text, form.results[1:])) if name == "value_and_grad" else ""
        constants = printer.constants()
        rows = table(given, [*map(shape_text, given.shapes, given.batched)])
        rows += [(name, shape_text(numbers.shape), "constants") for name, numbers in constants.items()]
        for place in printer.used:
            about, one = printer.about.get(place), form[place]
            if about and not isinstance(one.kind, Constant):
                rows.append((printer.name[place], shape_text(one.shape, one.batched), about))
        forward = [*self._head(printer), *forward]
        return Body(
            forward, backward, value, gradient, printer.helpers, {*printer.modules, *self.modules}, rows, constants
        )

    def _head(self, printer: NumpyPrinter) -> list[str]:
        """The lines before all others."""
        given = self.given
        return [f"batch = len({given.names[given.batched.index(True)]})"] if given.has_batch else []

    def _value(self, printer: NumpyPrinter) -> str:
        """The value as it is returned."""
        form, value = self.form, printer.atom(self.form.results[0])
        if self.given.single and form[form.results[0]].batched:
            return f"{value}.mean()"
        return f"{value}.copy()" if not self.given.single and _is_borrowed(form, form.results[0]) else value

    def _printer(self, name: str) -> NumpyPrinter:
        roots = self.form.results if name == "value_and_grad" else self.form.results[:1]
        return NumpyPrinter(self.form, roots, Names(self.names.taken))


def array_source(lowered: Lowered, arrays: list[Array], given: Signature) -> Source:
    """The source on NumPy arrays, in which inputs have a batch axis."""
    form, names, generators = array_form(lowered, arrays, given)
    return Source(given.names, generators, ArrayProgram(given, form, names))


def array_form(
    lowered: Lowered, arrays: list[Array], given: Signature, draws: str = "rng"
) -> tuple[Form, Names, dict[str, Any]]:
    """The array form, the names that are taken in it, and the generators of its `draws` by name."""
    generators, masks = generators_of(lowered, given, draws)
    names = Names([*vars(helpers_on_arrays), *given.names, *masks, *generators])
    builder = Builder(arrays, names, lowered.order)
    form = builder.form
    sources = [
        form.add(Input(name, shape, batched))
        for name, shape, batched in zip(given.names, given.shapes, given.batched, strict=True)
    ]
    for mask, generator, (_, chances) in zip(masks, generators, lowered.masks, strict=True):
        uniform = form.add(Uniform(generator, (len(chances),), given.has_batch))
        kept = form.add(Call(primitives.less, (uniform, builder.numbers(chances)), boolean=True))
        sources.append(form.add(Call(primitives.mul, (kept, rewrites.number(form, 1.0))), name=mask))
    passes = Passes(arrays, builder, sources)
    passes.forward()
    if given.single:
        passes.backward(given.wrt)
    return form, names, generators


def _is_borrowed(form: Form, place: Place) -> bool:
    """Whether a result may be a view of an argument or a constant, which a caller is not to change through it."""
    kind = form[place].kind
    if isinstance(kind, (View, Broadcast)):
        return _is_borrowed(form, kind.source)
    return isinstance(kind, (Input, Constant))
