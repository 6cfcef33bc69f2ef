"""The source of a program, put together from its parts, and the functions that it defines."""

from __future__ import annotations

import ast
import builtins
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

import numpy as np

from autograd_core.compiler.lowering import Lowered
from autograd_core.compiler.names import Names
from autograd_core.compiler.rolled import Rolled
from autograd_core.compiler.rules import Language
from autograd_core.compiler.sections import Array
from autograd_core.compiler.straight import Straight


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
class Source:
    """The parts of a program's source."""

    arguments: list[str]
    language: Language
    constants: dict[str, np.ndarray]
    generators: dict[str, Any]
    forward: list[str]
    value: str
    backward: list[str]
    gradient: str
    table: list[tuple[str, str, str]]
    """Name, shape and origin of the arguments and of what is worked out."""
    mean: bool = False
    """Whether it is a mean over a batch."""

    def function(self, name: str) -> Callable[..., Any]:
        """The function `value` or `value_and_grad`, compiled when it is first asked for."""
        if name not in self._functions:
            namespace: dict[str, Any] = {**self.constants, **self.generators}
            source = self._module(name, numbers=False)
            exec(builtins.compile(source, f"<compiled {name}>", "exec"), namespace)
            self._functions[name] = namespace[name]
        return self._functions[name]

    def __post_init__(self) -> None:
        self._functions: dict[str, Callable[..., Any]] = {}

    def __getstate__(self) -> dict[str, Any]:
        # Compiled functions cannot be pickled, and are soon compiled again.
        return {**self.__dict__, "_functions": {}}

    def definition(self, name: str) -> str:
        """The function as source."""
        lines = [f"def {name}({', '.join(self.arguments)}):", textwrap.indent(self._docstring(name), "    ")]
        lines += [f"    {line}" for line in self.forward]
        if name == "value":
            lines.append(f"    return {self.value}")
        else:
            lines += ["    # backward"] * bool(self.backward) + [f"    {line}" for line in self.backward]
            lines.append(f"    return {self.value}, {self.gradient}")
        if self.language.arrays:
            lines.insert(0, '@np.errstate(all="ignore")')
        return "\n".join(lines)

    def text(self, name: str) -> str:
        """A module that defines the function."""
        return self._module(name, numbers=True)

    def _module(self, name: str, numbers: bool) -> str:
        """The function with what it needs; the numbers are left out where they are put in as they are."""
        definition = self.definition(name)
        helpers = self.language.used_helpers(definition)
        lines = []
        if numbers:
            lines += [f"{generator} = np.random.default_rng()" for generator in self.generators]
            lines += [f"{constant} = {_array_literal(array)}" for constant, array in self.constants.items()]
        code = re.sub(r'""".*?"""', "", "\n".join([definition, *helpers, *lines]), flags=re.DOTALL)
        needed = [number for number in ("inf", "nan") if re.search(rf"\b{number}\b", code)]
        imports = ["import math"] * ("math." in code) + [f"from math import {', '.join(needed)}"] * bool(needed)
        if self.language.arrays or self.generators:
            imports += [""] * bool(imports) + ["import numpy as np"]
        head = "\n".join(imports) + "\n" * (2 * bool(lines)) + "\n".join(lines)
        return "\n\n\n".join(part for part in [head, *helpers, definition] if part) + "\n"

    def operations(self) -> int:
        """How many operations, of arrays; of floats, how many lines."""
        if not self.language.arrays:
            return len(self.forward) + len(self.backward)
        tree = ast.parse("\n".join([*self.forward, *self.backward]))
        return sum(isinstance(node, (ast.BinOp, ast.UnaryOp, ast.Call, ast.AugAssign)) for node in ast.walk(tree))

    def _docstring(self, name: str) -> str:
        title = "The value, and its gradient by the parameters" if name == "value_and_grad" else "The value"
        title += ": means over the batch." if self.mean else "."
        widths = [max(len(row[k]) for row in self.table) for k in (0, 1)]
        rows = [f"{a:{widths[0]}}  {b:{widths[1]}}  {c}".rstrip() for a, b, c in self.table]
        return "\n".join([f'"""{title}', "", *rows, '"""'])


def _array_literal(numbers: np.ndarray) -> str:
    text = repr(numbers.tolist())
    return (
        f"np.array({text})"
        if len(text) < 100
        else "np.array(" + textwrap.fill(text, 110, subsequent_indent="    ") + ")"
    )


def rolled_source(lowered: Lowered, arrays: list[Array], given: Signature) -> Source:
    """The source on NumPy arrays, in which all inputs have a batch axis."""
    generators, masks = _generators(lowered, given)
    rolled = Rolled(arrays, [*given.names, *masks], lowered.order)
    rolled.writer.names.taken.update(generators)
    forward = [f"batch = len({given.names[1]})"] if given.batched else []
    for mask, generator, (_, chances) in zip(masks, generators, lowered.masks, strict=True):
        size = f"(batch, {len(chances)})" if given.batched else str(len(chances))
        forward.append(f"{mask} = ({generator}.random({size}) < {rolled.writer.numbers(chances)}) * 1.0")
    value = rolled.forward()
    forward += rolled.writer.lines
    if given.single and arrays[-1].batched:
        value += ".mean()"
    elif not given.single and _borrowed(arrays[-1], arrays[: len(given.names)]):
        value += ".copy()"
    backward: list[str] = []
    if given.single:
        written = len(rolled.writer.lines)
        rolled.backward()
        backward = rolled.writer.lines[written:]
    table = _table(given, [_shape(shape, number > 0) for number, shape in enumerate(given.shapes)])
    table += [(name, _shape(numbers.shape), "constants") for name, numbers in rolled.writer.constants.items()]
    table += [(name, _shape(array.shape, array.batched), about) for name, array, about in rolled.about]
    constants = rolled.writer.constants
    return Source(
        given.names,
        rolled.language,
        constants,
        generators,
        forward,
        value,
        backward,
        "gradient",
        table,
        given.batched and given.single,
    )


def straight_source(lowered: Lowered, given: Signature) -> Source:
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
    value = outputs[0] if given.single else f"({', '.join(outputs)},)"
    backward, gradient = [], ""
    if given.single:
        written = len(straight.lines)
        gradient = f"[{', '.join(straight.backward(given.shapes[0][0]))}]"
        backward = straight.lines[written:]
    table = _table(given, [_shape(shape) for shape in given.shapes])
    return Source(given.names, straight.language, {}, generators, forward, value, backward, gradient, table)


def _generators(lowered: Lowered, given: Signature) -> tuple[dict[str, Any], list[str]]:
    """The generators of the masks by name, and names for the masks."""
    names = Names(given.names)
    generators = {names.fresh("rng", numbered=True): generator for generator, _ in lowered.masks}
    return generators, [names.fresh("mask", numbered=True) for _ in generators]


def _borrowed(outputs: Array, sources: list[Array]) -> bool:
    """Whether the outputs may be a view of an argument or a constant, which a caller is not to change through them."""
    plain = [section.left in sources and section.right is None for section in outputs.sections]
    return len(plain) < 2 and all(plain)


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
