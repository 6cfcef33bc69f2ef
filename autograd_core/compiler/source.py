"""The source of a program, put together from its parts, and the functions that it defines."""

from __future__ import annotations

import builtins
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any, NamedTuple

import numpy as np

from autograd_core import primitives
from autograd_core.compiler import arrays as helpers_on_arrays
from autograd_core.compiler import rewrites
from autograd_core.compiler.builder import Builder
from autograd_core.compiler.ir import Form
from autograd_core.compiler.kinds import Broadcast, Call, Constant, Input, Place, Uniform, View
from autograd_core.compiler.lowering import Lowered
from autograd_core.compiler.names import Names
from autograd_core.compiler.numpy_printer import NumpyPrinter
from autograd_core.compiler.passes import Passes
from autograd_core.compiler.printing import plain_source
from autograd_core.compiler.sections import Array
from autograd_core.compiler.straight import Straight

_SHORT = 20
"""Fewer positions are written out."""


class Signature(NamedTuple):
    """What a program is given, parameters first, and whether it has a single output."""

    names: list[str]
    shapes: list[tuple[int, ...]]
    single: bool

    @property
    def batched(self) -> bool:
        """Whether there are inputs, which is to say batches of them."""
        return len(self.names) > 1


@dataclass
class Body:
    """What a function does, printed."""

    forward: list[str]
    backward: list[str]
    value: str
    gradient: str
    helpers: Mapping[str, str]
    """The source of the functions that it calls, by name, those that others call first."""
    modules: set[str]
    """The modules and numbers that it refers to."""
    table: list[tuple[str, str, str]]
    """Name, shape and origin of the arguments and of what is worked out."""
    constants: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass
class Source:
    """A program as source, on arrays or on floats."""

    arguments: list[str]
    generators: dict[str, Any]
    program: ArrayProgram | FloatProgram

    def __post_init__(self) -> None:
        self._functions: dict[str, Callable[..., Any]] = {}

    def __getstate__(self) -> dict[str, Any]:
        # Compiled functions cannot be pickled, and are soon compiled again.
        return {**self.__dict__, "_functions": {}}

    def function(self, name: str) -> Callable[..., Any]:
        """The function `value` or `value_and_grad`, compiled when it is first asked for."""
        if name not in self._functions:
            body = self.program.body(name)
            namespace: dict[str, Any] = {**body.constants, **self.generators}
            source = self._module(name, body, numbers=False)
            exec(builtins.compile(source, f"<compiled {name}>", "exec"), namespace)
            self._functions[name] = namespace[name]
        return self._functions[name]

    def text(self, name: str) -> str:
        """A module that defines the function."""
        return self._module(name, self.program.body(name), numbers=True)

    def operations(self) -> int:
        """How many operations, of arrays; of floats, how many lines."""
        return self.program.operations()

    def _definition(self, name: str, body: Body) -> str:
        """The function as source."""
        lines = [f"def {name}({', '.join(self.arguments)}):", textwrap.indent(self._docstring(name, body), "    ")]
        lines += [f"    {line}" for line in body.forward]
        if name == "value":
            lines.append(f"    return {body.value}")
        else:
            lines += ["    # backward"] * bool(body.backward) + [f"    {line}" for line in body.backward]
            lines.append(f"    return {body.value}, {body.gradient}")
        if self.program.on_arrays:
            lines.insert(0, '@np.errstate(all="ignore")')
        return "\n".join(lines)

    def _module(self, name: str, body: Body, numbers: bool) -> str:
        """The function with what it needs; the numbers are left out where they are put in as they are."""
        lines, modules, helpers = [], set(body.modules), dict(body.helpers)
        if numbers:
            lines += [f"{generator} = np.random.default_rng()" for generator in self.generators]
            for constant, array in body.constants.items():
                steps = _steps(array)
                lines.append(f"{constant} = {_steps_text(array, *steps) if steps else _array_literal(array)}")
                if steps:
                    helpers["positions"] = plain_source(helpers_on_arrays.positions)
                modules |= {"nan"} if np.isnan(array).any() else set()
                modules |= {"inf"} if np.isinf(array).any() else set()
        needed = [number for number in ("inf", "nan") if number in modules]
        imports = ["import math"] * ("math" in modules) + [f"from math import {', '.join(needed)}"] * bool(needed)
        if self.program.on_arrays or self.generators:
            imports += [""] * bool(imports) + ["import numpy as np"]
        parts = ["\n".join(imports), *helpers.values(), "\n".join(lines), self._definition(name, body)]
        return "\n\n\n".join(part for part in parts if part) + "\n"

    def _docstring(self, name: str, body: Body) -> str:
        gradient = "The value, and its gradient by the parameters"
        title = (gradient if name == "value_and_grad" else "The value") + (
            ": means over the batch." if self.program.is_mean else "."
        )
        widths = [max(len(row[k]) for row in body.table) for k in (0, 1)]
        rows = [f"{a:{widths[0]}}  {b:{widths[1]}}  {c}".rstrip() for a, b, c in body.table]
        return "\n".join([f'"""{title}', "", *rows, '"""'])


@dataclass
class ArrayProgram:
    """The array form of a program, in which all inputs have a batch axis, and what NumPy makes of it."""

    given: Signature
    form: Form
    names: Names

    on_arrays = True

    @property
    def is_mean(self) -> bool:
        """Whether the value is a mean over a batch."""
        return self.given.batched and self.given.single

    def operations(self) -> int:
        """How many operations on arrays there are."""
        return self._printer("value_and_grad").cost()

    def body(self, name: str) -> Body:
        """The lines of `value` or `value_and_grad`."""
        printer, given, form = self._printer(name), self.given, self.form
        ends = len(form.operations) if form.forward is None else form.forward
        lines = list(printer.lines())
        forward = [f"batch = len({given.names[1]})"] if given.batched else []
        forward += [line for place, line in lines if place < ends]
        backward = [line for place, line in lines if place >= ends]
        value = printer.atom(form.results[0])
        if given.single and form[form.results[0]].batched:
            value += ".mean()"
        elif not given.single and _is_borrowed(form, form.results[0]):
            value += ".copy()"
        gradient = printer.text(form.results[1]) if name == "value_and_grad" else ""
        constants = printer.constants()
        table = _table(given, [_shape(shape, number > 0) for number, shape in enumerate(given.shapes)])
        table += [(name, _shape(numbers.shape), "constants") for name, numbers in constants.items()]
        for place in printer.used:
            about, one = printer.about.get(place), form[place]
            if about and not isinstance(one.kind, Constant):
                table.append((printer.name[place], _shape(one.shape, one.batched), about))
        return Body(forward, backward, value, gradient, printer.helpers, printer.modules, table, constants)

    def _printer(self, name: str) -> NumpyPrinter:
        roots = self.form.results if name == "value_and_grad" else self.form.results[:1]
        return NumpyPrinter(self.form, roots, Names(self.names.taken))


@dataclass
class FloatProgram:
    """The lines of a program on floats, in which no input has a batch axis."""

    forward: Body
    both: Body

    on_arrays = False
    is_mean = False

    def operations(self) -> int:
        """How many lines there are."""
        return len(self.both.forward) + len(self.both.backward)

    def body(self, name: str) -> Body:
        """The lines of `value` or `value_and_grad`."""
        return self.both if name == "value_and_grad" else self.forward


def array_source(lowered: Lowered, arrays: list[Array], given: Signature) -> Source:
    """The source on NumPy arrays, in which all inputs have a batch axis."""
    generators, masks = _generators(lowered, given)
    names = Names([*vars(helpers_on_arrays), *given.names, *masks, *generators])
    builder = Builder(arrays, names, lowered.order)
    form = builder.form
    sources = [
        form.add(Input(name, shape, batched=number > 0))
        for number, (name, shape) in enumerate(zip(given.names, given.shapes, strict=True))
    ]
    for mask, generator, (_, chances) in zip(masks, generators, lowered.masks, strict=True):
        uniform = form.add(Uniform(generator, (len(chances),), given.batched))
        kept = form.add(Call(primitives.less, (uniform, builder.numbers(chances)), boolean=True))
        sources.append(form.add(Call(primitives.mul, (kept, rewrites.number(form, 1.0))), name=mask))
    passes = Passes(arrays, builder, sources)
    passes.forward()
    if given.single:
        passes.backward()
    return Source(given.names, generators, ArrayProgram(given, form, names))


def float_source(lowered: Lowered, given: Signature) -> Source:
    """The source on floats, in which no input has a batch axis."""
    generators, masks = _generators(lowered, given)
    straight = Straight(lowered, [*given.names, *masks], generators)
    forward = []
    for name, shape, used in zip(given.names, given.shapes, straight.leaves, strict=False):
        if used:
            forward.append(f"{_nested([used.get(k, '_') for k in range(prod(shape))], shape)} = {name}")
    for generator, used, (_, chances) in zip(
        generators, straight.leaves[len(given.names) :], lowered.masks, strict=True
    ):
        forward += [f"{used[k]} = float({generator}.random() < {chance!r})" for k, chance in enumerate(chances)]
    outputs = straight.forward()
    forward += straight.lines
    table = _table(given, [_shape(shape) for shape in given.shapes])
    value = outputs[0] if given.single else f"({', '.join(outputs)},)"
    alone = Body(forward, [], value, "", dict(straight.helpers), set(straight.modules), table)
    both = alone
    if given.single:
        written = len(straight.lines)
        gradient = f"[{', '.join(straight.backward(given.shapes[0][0]))}]"
        backward = straight.lines[written:]
        both = Body(forward, backward, value, gradient, straight.helpers, straight.modules, table)
    return Source(given.names, generators, FloatProgram(alone, both))


def _generators(lowered: Lowered, given: Signature) -> tuple[dict[str, Any], list[str]]:
    """The generators of the masks by name, and names for the masks."""
    names = Names(given.names)
    generators = {names.fresh("rng", numbered=True): generator for generator, _ in lowered.masks}
    return generators, [names.fresh("mask", numbered=True) for _ in generators]


def _is_borrowed(form: Form, place: Place) -> bool:
    """Whether a result may be a view of an argument or a constant, which a caller is not to change through it."""
    kind = form[place].kind
    if isinstance(kind, (View, Broadcast)):
        return _is_borrowed(form, kind.source)
    return isinstance(kind, (Input, Constant))


def _table(given: Signature, shapes: list[str]) -> list[tuple[str, str, str]]:
    return [
        (name, shape, "input" if number else "flat")
        for number, (name, shape) in enumerate(zip(given.names, shapes, strict=True))
    ]


def _shape(shape: tuple[int, ...], batched: bool = False) -> str:
    sizes = ["batch"] * batched + [str(n) for n in shape]
    return f"({', '.join(sizes)}{',' * (len(sizes) == 1)})"


def _nested(names: list[str], shape: tuple[int, ...]) -> str:
    """Names in the arrangement of a shape, as the target of an assignment."""
    if not shape:
        return names[0]
    step = len(names) // shape[0]
    inner = [_nested(names[k : k + step], shape[1:]) for k in range(0, len(names), step)]
    return f"({', '.join(inner)}{',' * (len(inner) == 1)})"


def _array_literal(numbers: np.ndarray) -> str:
    text = repr(numbers.tolist())
    return (
        f"np.array({text})"
        if len(text) < 100
        else "np.array(" + textwrap.fill(text, 110, subsequent_indent="    ") + ")"
    )


def _steps(numbers: np.ndarray) -> tuple[int, list[tuple[int, int]]] | None:
    """Where positions start, and the count and step of each axis along which they move evenly, if they do."""
    flat, axes = numbers.ravel(), list[tuple[int, int]]()
    if numbers.dtype.kind != "i" or flat.size < _SHORT:
        return None
    while flat.size > 1:
        differences = np.diff(flat)
        breaks = np.flatnonzero(differences != differences[0])
        run = int(breaks[0]) + 1 if len(breaks) else flat.size
        rows = flat.reshape(-1, run) if run > 1 and flat.size % run == 0 else None
        if rows is None or (np.diff(rows, axis=1) != differences[0]).any():
            return None
        axes.insert(0, (run, int(differences[0])))
        flat = rows[:, 0]
    return int(flat[0]), axes


def _steps_text(numbers: np.ndarray, start: int, axes: list[tuple[int, int]]) -> str:
    text = f"positions({', '.join(map(str, [start, *axes]))})"
    if numbers.shape == tuple(count for count, _ in axes):
        return text
    return f"{text}.reshape({', '.join(map(str, numbers.shape))})"
