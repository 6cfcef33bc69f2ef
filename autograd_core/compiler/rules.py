"""Operations and rules as source: the forward form of a primitive, and its partials written out from the rule.

A rule is evaluated on nodes that stand for the operands, and what that records is written down. So is the function of
a primitive of one's own. All emitters write through here; they differ in the words of a `Language`.
"""

from __future__ import annotations

import ast
import dis
import inspect
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

from autograd_core import floats, modes
from autograd_core.compiler import arrays
from autograd_core.floats import as_float
from autograd_core.primitives import ATOM, POWER, PRIMITIVES, PRODUCT, SIGN, SUM, Primitive, detach
from autograd_core.value import Value

_OPERATORS = {"add": "+", "sub": "-", "mul": "*", "truediv": "/"}
_SIGNS = {"less": "<", "less_equal": "<=", "equal": "=="}
# What makes a number of a comparison of floats: two of them would not add up if the caller's floats were NumPy's. Only
# a comparison begins with it, and needs it neither as a condition nor on the right of another number.
_AS_NUMBER = "1.0 * "
_PLACEHOLDER = re.compile(r"\b_(\d+|out)_\b")


class CompileError(TypeError):
    """A graph that cannot be written as a program; the message names the operation and what to do."""


def literal(number: float) -> str:
    """A number as source."""
    if math.isfinite(number):
        return repr(float(number))
    return "nan" if number != number else "inf" if number > 0 else "-inf"


@dataclass
class Language:
    """How operations are written: with arrays of NumPy, or with floats and `math`, or as a subclass has it."""

    arrays: bool
    helpers: dict[str, str] = field(default_factory=dict)
    """The source of functions that the lines written so far may call, by name."""
    _checked: set[tuple[Primitive, int | None]] = field(default_factory=set)
    _templates: dict[Any, str] = field(default_factory=dict)

    @property
    def floats(self) -> bool:
        """Whether operations are on Python's floats, where division by 0 raises and a comparison is a bool."""
        return not self.arrays

    def literal(self, number: float) -> str:
        """A number as source."""
        return literal(number)

    def call(self, primitive: Primitive, operands: Sequence[str]) -> str:
        """The operation on operands that are names or literals."""
        if primitive.composed is not None:
            return self._composed(primitive, operands)
        return self._applied(primitive, [_operand(text) for text in operands])[0]

    def condition(self, primitive: Primitive, operands: Sequence[str | float]) -> str:
        """The template of a comparison as what Python and NumPy make of it, True or False."""
        left, right = (f"{{{k}}}" if isinstance(one, str) else self.literal(one) for k, one in enumerate(operands))
        return f"{left} {_SIGNS[primitive.name]} {right}"

    def partial(self, primitive: Primitive, position: int, operands: Sequence[str | float], out: str) -> str:
        """d out / d operand number `position`, by the rule; operands are names or, if constant, numbers."""
        stand_ins = [Value(0.5) if isinstance(operand, str) else operand for operand in operands]
        result = Value(0.5)
        rule = _recorded(primitive.partials, [*stand_ins, result], f"the rule of {primitive.name}")[position]
        names = {node: text for node, text in zip(stand_ins, operands, strict=True) if isinstance(node, Value)}
        text, binding = self._written(rule, {**names, result: out})
        # A quotient too, for upstream * (x / y) overflows elsewhere than upstream * x / y.
        text = text if binding > PRODUCT or (binding == PRODUCT and "/" not in text) else f"({text})"
        self._check(primitive, position)
        return text

    def template(self, primitive: Primitive, position: int | None, operands: Sequence[str | float]) -> str:
        """The operation, or where there is a `position` that partial, written with {0}, {1}, ... and {out}.

        These stand for operands and result, as in `str.format`; operands that are numbers are written as they are. It
        is written once, and filled in at once, so that no name is taken for a place.
        """
        key = (primitive, position, *[None if isinstance(operand, str) else repr(operand) for operand in operands])
        if key not in self._templates:
            given = [f"_{k}_" if isinstance(operand, str) else operand for k, operand in enumerate(operands)]
            if position is None:
                text = self.call(primitive, [one if isinstance(one, str) else self.literal(one) for one in given])
            else:
                text = self.partial(primitive, position, given, "_out_")
            self._templates[key] = _PLACEHOLDER.sub(r"{\1}", text)
        return self._templates[key]

    def filled(self, primitive: Primitive, position: int | None, operands: Sequence[str | float], out: str) -> str:
        """The template with these operands and result, which are names or other atomic expressions."""
        return self.template(primitive, position, operands).format(*operands, out=out)

    def flat(self, primitive: Primitive, position: int) -> bool:
        """Whether the slope is 0 for any operands, so that nothing is handed back, not even 0 * inf."""
        return self.template(primitive, position, [""] * primitive.arity) == "0.0"

    def _composed(self, primitive: Primitive, operands: Sequence[str]) -> str:
        assert primitive.composed is not None
        stand_ins = [Value(0.5) for _ in operands]
        result = _recorded(primitive.composed, stand_ins, primitive.name)
        self._check(primitive, None)
        return self._written(result, dict(zip(stand_ins, operands, strict=True)))[0]

    def _check(self, primitive: Primitive, position: int | None) -> None:
        """Raise CompileError unless source does what the function, or rule, of a primitive of one's own does.

        On a few numbers, which shows most branches that it took without a comparison.
        """
        if primitive.composed is None or (primitive, position) in self._checked:
            return
        self._checked.add((primitive, position))
        names = [f"x{k}" for k in range(primitive.arity)]
        text = self.call(primitive, names) if position is None else self.partial(primitive, position, names, "out")
        namespace: dict[str, Any] = {"np": np, "math": math, "inf": math.inf, "nan": math.nan}
        exec("\n\n".join(self.used_helpers(text)), namespace)
        draw = np.random.default_rng(0)
        for number in (0.5, 0.0, 1.0, -1.0, 2.0, -3.0, 0.25, 30.0):
            numbers = [number, *draw.normal(size=primitive.arity - 1).tolist()]
            try:
                out = primitive.forward(*numbers)
                expected = out if position is None else float(primitive.partials(*numbers, out)[position])
            except (ArithmeticError, ValueError):
                continue
            given = dict(zip([*names, "out"], map(np.float64 if self.arrays else float, [*numbers, out]), strict=True))
            with np.errstate(all="ignore"):
                found = float(eval(text, namespace, given))
            if not math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-12) and (
                found == found or expected == expected
            ):
                what = f"the rule of {primitive.name}" if position is not None else primitive.name
                raise CompileError(
                    f"{what} cannot be written as source: at {', '.join(map(str, numbers))} it gives {expected:g}, and "
                    f"what it records {found:g}; write it without branches, by where or maximum"
                )

    def _written(self, term: Any, names: dict[Any, Any]) -> tuple[str, int]:
        """The graph of `term` over the named nodes as text, and how tightly its last operation binds."""
        if not isinstance(term, Value):
            return _operand(self.literal(as_float(term, "A rule")))
        if term in names:
            return _operand(names[term])
        if term.op is None or term.is_constant:
            return _operand(self.literal(term.data))
        if term.op.composed is not None:
            return self._written(_recorded(term.op.composed, list(term.inputs), term.op.name), names)
        return self._applied(term.op, [self._written(operand, names) for operand in term.inputs])

    def _applied(self, primitive: Primitive, operands: list[tuple[str, int]]) -> tuple[str, int]:
        name, texts = primitive.name, [text for text, _ in operands]
        if primitive is detach:
            return operands[0]
        if name == "neg":
            return f"-{_enclosed(operands[0], SIGN + 1)}", SIGN
        if name == "mul" and "1.0" in texts:
            return operands[1 - texts.index("1.0")]
        if name in _OPERATORS and not (name == "truediv" and self._may_raise(texts[1])):
            binding = SUM if name in ("add", "sub") else PRODUCT
            left = _enclosed(operands[0], binding)
            right = _enclosed(operands[1], binding + (name in ("sub", "truediv") or operands[1][1] == SIGN))
            # A comparison of arrays is boolean: fine next to a number, but two of them would not add up.
            if self.arrays and "1.0" in texts:
                left, right = _plain_comparison(left), _plain_comparison(right)
            if self.floats:
                right = right.removeprefix(_AS_NUMBER)
            return f"{left} {_OPERATORS[name]} {right}", binding
        if name == "pow" and texts[0].isidentifier() and texts[1] in ("1.0", "2.0", "3.0"):
            times = int(float(texts[1]))
            return " * ".join([texts[0]] * times), PRODUCT if times > 1 else ATOM
        if name == "pow" and self.arrays and texts[1] == "0.5":
            return f"np.float_power({', '.join(texts)})", ATOM  # ** takes the square root, which differs at -inf
        if name == "pow" and self.arrays:
            return f"{_enclosed(operands[0], POWER + 1)} ** {_enclosed(operands[1], POWER)}", POWER
        if name in _SIGNS and self.floats:
            return f"{_AS_NUMBER}({texts[0]} {_SIGNS[name]} {texts[1]})", PRODUCT
        if name == "where" and self.floats and operands[0][1] == PRODUCT:
            texts[0] = texts[0].removeprefix(_AS_NUMBER)
        return f"{self._function(primitive)}({', '.join(texts)})", ATOM

    def _may_raise(self, divisor: str) -> bool:
        try:
            return self.floats and float(divisor) == 0.0
        except ValueError:
            return self.floats

    def _function(self, primitive: Primitive) -> str:
        """The name of the function for a primitive, which joins the helpers unless it is of a library."""
        forms: ModuleType = arrays if self.arrays else floats
        name = primitive.name
        if self.arrays and not hasattr(arrays, name):
            if primitive is not PRIMITIVES.get(name):
                raise CompileError(f"{name} has no form for arrays")
            return f"np.{name}"
        function = getattr(forms, name) if self.arrays else primitive.forward
        if function.__module__ == "math":
            return f"math.{function.__name__}"
        self._include(function, forms)
        return function.__name__

    def _include(self, function: Any, forms: ModuleType) -> None:
        called = {step.argval for step in dis.get_instructions(function) if step.opname == "LOAD_GLOBAL"}
        for needed in sorted(called):
            if getattr(getattr(forms, needed, None), "__module__", "") == forms.__name__:
                self._include(getattr(forms, needed), forms)
        if function.__name__ not in self.helpers:
            self.helpers[function.__name__] = _plain_source(function)

    def used_helpers(self, source: str) -> list[str]:
        """The helpers that this source calls, and those that they call."""
        used: list[str] = []
        for name, helper in reversed(self.helpers.items()):  # a function comes after those that it calls
            if re.search(rf"(?<![\w.]){name}\(", "\n".join([source, *used])):
                used.insert(0, helper)
        return used


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


def _plain_source(function: Any) -> str:
    """The source of a function without its types."""
    tree = ast.parse(inspect.getsource(function))
    definition = tree.body[0]
    assert isinstance(definition, ast.FunctionDef)
    definition.returns = None
    for argument in definition.args.args:
        argument.annotation = None
    return ast.unparse(tree)


def _operand(text: str) -> tuple[str, int]:
    """A name or literal, and how tightly it binds."""
    return text, SIGN if text.startswith("-") else ATOM


def _enclosed(operand: tuple[str, int], binding: int) -> str:
    text, own = operand
    return text if own >= binding else f"({text})"


def as_factor(partial: str) -> str:
    """A partial of arrays next to another factor, where the opposite of a comparison need not be a number."""
    return re.sub(rf"^\(1\.0 - (\([^()]* (?:{'|'.join(_SIGNS.values())}) [^()]*\))\)$", r"~\1", partial)


def _plain_comparison(text: str) -> str:
    for name, sign in _SIGNS.items():
        start = f"{name}("
        if text.startswith(start) and text.endswith(")") and text.count("(") == 1 and text.count(",") == 1:
            return f"({text[len(start) : -1].replace(',', f' {sign}')})"
    return text
