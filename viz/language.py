"""The operations of the expression language for a page that reads formulas itself, as the playground does.

A page gets the table of primitives: how each is written, and its rules as trees. A tree is a number, the place of an
operand, "out" for the result, or a primitive's name with its operands, so that the page prints rules as
`autograd_core.formula` does. What an operation computes, and its partials, come from the compiler's printer.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from autograd_core import Value, modes
from autograd_core.compiler.javascript import operations
from autograd_core.floats import Flat
from autograd_core.primitives import PRIMITIVES, Primitive, equal, pow, where
from viz.page import json_number

Tree = float | int | str | list[Any]


@cache
def language() -> tuple[str, dict[str, Any]]:
    """The operations in JavaScript, as `autograd_core.compiler.javascript.operations` gives them, and the table.

    For each primitive by name: symbol, precedence, arity, defaults, operation (its place among the operations), rules
    (by argument position, null where no change of the operand moves the result). A power also has `plain`, the rule for
    its base where the exponent is a plain number.
    """
    written = list(PRIMITIVES.values())
    operands = [Value(0.5) for _ in range(max(primitive.arity for primitive in written))]
    nodes = [primitive(*operands[: primitive.arity]) for primitive in written]
    source, numbers = operations([*operands, *nodes])
    table = {
        primitive.name: {
            "symbol": primitive.symbol,
            "precedence": primitive.precedence,
            "arity": primitive.arity,
            "defaults": [json_number(number) for number in primitive.defaults],
            "operation": number,
            "rules": _rules(primitive),
        }
        for primitive, number in zip(written, numbers[len(operands) :], strict=True)
    }
    table["pow"]["plain"] = _power()
    return source, table


def _rules(primitive: Primitive) -> list[Tree | None]:
    """The partials for operands that are all nodes."""
    operands = [Value(0.5) for _ in range(primitive.arity)]
    out = Value(0.5)
    with modes.changed(recording=True, checking=False, tracing=True):
        partials = primitive.partials(*operands, out)
    places: dict[Value, Tree] = {node: place for place, node in enumerate(operands)}
    places[out] = "out"
    return [None if isinstance(partial, Flat) else _tree(partial, places) for partial in partials]


def _power() -> Tree:
    """The slope of a power with a plain exponent, which the rule writes without a case for the base 0."""
    x, y = Value(0.5), Value(0.5)
    return _tree(where(equal(y, 0.0), 0.0, y * pow(x, y - 1.0)), {x: 0, y: 1})


def _tree(term: Any, places: dict[Value, Tree]) -> Tree:
    if not isinstance(term, Value):
        return ["number", json_number(term)]
    if term in places:
        return places[term]
    if term.is_constant or term.op is None:
        return ["number", json_number(term.data)]
    return [term.op.name, *(_tree(operand, places) for operand in term.inputs)]
