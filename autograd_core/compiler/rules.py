"""The rules of the table of primitives on the array form.

A rule is evaluated on nodes that stand for the operands, and what that records is a recipe: the primitives that make
the partial, in order. So is the function of a primitive of one's own. A recipe is recorded once and then followed
wherever the rule is needed, for arrays and for floats alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd_core import modes, primitives
from autograd_core.compiler import rewrites
from autograd_core.compiler.ir import Form
from autograd_core.compiler.kinds import Place
from autograd_core.floats import as_float
from autograd_core.primitives import Primitive
from autograd_core.value import Value


class CompileError(TypeError):
    """A graph that cannot be written as a program; the message names the operation and what to do."""


@dataclass(frozen=True)
class Step:
    """The result of an earlier step, by its number."""

    number: int


@dataclass(frozen=True)
class Operand:
    """An operand by its position, or the result of the operation, which comes after the operands."""

    position: int


Part = float | Step | Operand


@dataclass(frozen=True)
class Recipe:
    """Primitives one after another, and which part is the result."""

    steps: tuple[tuple[Primitive, tuple[Part, ...]], ...]
    result: Part

    def follow(self, form: Form, operands: Sequence[Place]) -> Place:
        """Add the steps to a form; the place of the result."""
        made: list[Place] = []

        def place(part: Part) -> Place:
            if isinstance(part, Step):
                return made[part.number]
            return operands[part.position] if isinstance(part, Operand) else rewrites.number(form, part)

        for primitive, parts in self.steps:
            made.append(rewrites.call(form, primitive, [place(part) for part in parts]))
        return place(self.result)

    def value(self, operands: Sequence[Any]) -> Any:
        """What the steps make of floats, or of nodes, for which they are recorded."""
        made: list[Any] = []

        def given(part: Part) -> Any:
            if isinstance(part, Step):
                return made[part.number]
            return operands[part.position] if isinstance(part, Operand) else part

        for primitive, parts in self.steps:
            made.append(primitive(*map(given, parts)))
        return given(self.result)


class Rules:
    """The recipes of one program, each recorded when it is first asked for."""

    def __init__(self) -> None:
        self._recipes: dict[Any, Recipe] = {}

    def forward(self, primitive: Primitive) -> Recipe:
        """How the operation is made; raises CompileError for a function that cannot be recorded."""
        key = (primitive, None)
        if key not in self._recipes:
            self._recipes[key] = _forward(primitive)
        return self._recipes[key]

    def partial(self, primitive: Primitive, position: int, numbers: Sequence[float | None] = ()) -> Recipe:
        """How d out / d operand number `position` is made, where operands that are constant have these `numbers`.

        Raises CompileError for a rule that cannot be recorded.
        """
        key = (primitive, position, *map(repr, numbers))
        if key not in self._recipes:
            if any(number is not None for number in numbers):
                self.partial(primitive, position)  # which checks a rule of one's own
            self._recipes[key] = _partial(primitive, position, numbers or [None] * primitive.arity)
        return self._recipes[key]

    def is_flat(self, primitive: Primitive, position: int) -> bool:
        """Whether the slope is 0 for any operands, so that nothing is handed back, not even 0 * inf."""
        return self.partial(primitive, position).result == 0.0


def _forward(primitive: Primitive) -> Recipe:
    operands = tuple(map(Operand, range(primitive.arity)))
    if primitive.composed is None:
        return Recipe(((primitive, operands),), Step(0))
    nodes = [Value(0.5) for _ in operands]
    recorded = _recorded(primitive.composed, nodes, primitive.name)
    recipe = _recipe(recorded, dict(zip(nodes, operands, strict=True)))
    _check(primitive, recipe, None)
    return recipe


def _partial(primitive: Primitive, position: int, numbers: Sequence[float | None]) -> Recipe:
    nodes = [Value(0.5) if number is None else number for number in numbers]
    result = Value(0.5)
    recorded = _recorded(primitive.partials, [*nodes, result], f"the rule of {primitive.name}")[position]
    known: dict[Value, Part] = {
        node: Operand(place) for place, node in enumerate([*nodes, result]) if isinstance(node, Value)
    }
    recipe = _recipe(recorded, known)
    if primitive.composed is not None and all(number is None for number in numbers):
        _check(primitive, recipe, position)
    return recipe


def _recipe(recorded: Any, known: dict[Value, Part]) -> Recipe:
    """The recorded graph over known nodes, as steps."""
    steps: list[tuple[Primitive, tuple[Part, ...]]] = []

    def part(term: Any) -> Part:
        if not isinstance(term, Value):
            return as_float(term, "A rule")
        if term in known:
            return known[term]
        if term.op is None or term.is_constant:
            return term.data
        if term.op.composed is not None:
            known[term] = part(_recorded(term.op.composed, list(term.inputs), term.op.name))
        elif term.op is primitives.detach:
            known[term] = part(term.inputs[0])
        else:
            parts = tuple([part(operand) for operand in term.inputs])
            steps.append((term.op, parts))
            known[term] = Step(len(steps) - 1)
        return known[term]

    result = part(recorded)
    return Recipe(tuple(steps), result)


def _check(primitive: Primitive, recipe: Recipe, position: int | None) -> None:
    """Raise CompileError unless a recipe gives what the function, or rule, of a primitive of one's own gives.

    On a few numbers, which shows most branches that it took without a comparison.
    """
    draw = np.random.default_rng(0)
    for number in (0.5, 0.0, 1.0, -1.0, 2.0, -3.0, 0.25, 30.0):
        numbers = [number, *draw.normal(size=primitive.arity - 1).tolist()]
        try:
            out = primitive.forward(*numbers)
            expected = out if position is None else float(primitive.partials(*numbers, out)[position])
        except (ArithmeticError, ValueError):
            continue
        found = recipe.value([*numbers, out])
        if not math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-12) and (found == found or expected == expected):
            what = f"the rule of {primitive.name}" if position is not None else primitive.name
            raise CompileError(
                f"{what} cannot be written as source: at {', '.join(map(str, numbers))} it gives {expected:g}, and "
                f"what it records {found:g}; write it without branches, by where or maximum"
            )


def _recorded(function: Callable[..., Any], stand_ins: list[Any], what: str) -> Any:
    """What a function returns for nodes that stand for any numbers."""
    with modes.changed(recording=True, checking=False, tracing=True, symbolic=True):
        try:
            result = function(*stand_ins)
            for part in result if isinstance(result, tuple) else (result,):
                part if isinstance(part, Value) else as_float(part, f"The result of {what}")
            return result
        except Exception as error:  # of somebody else's function, which may do anything with a node
            raise CompileError(
                f"{what} cannot be written as source; write it with the functions of autograd_core and without "
                f"branches: {error}"
            ) from error
