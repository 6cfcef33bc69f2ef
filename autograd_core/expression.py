"""Formulas as text: ``"tesla = 2*bmw; bmw = 100*ground"`` becomes Values, without ever running it as Python.

Text is cut into tokens (`_tokens`), tokens are put in postfix order (`_Parser`), and what stands in postfix
order is worked out on a stack (`_result`): ``x + 2*y`` is read as ``x  2  y  *  +``. Postfix is a flat list,
so a sum of 100,000 terms needs no deeper stack than a sum of two; only nesting recurses, and it is capped.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter
from itertools import islice
from typing import Any, NamedTuple
from unicodedata import normalize

from autograd_core.floats import as_float
from autograd_core.primitives import ATOM, PRIMITIVES, SIGN, SUM, Primitive, mul, neg, pow
from autograd_core.value import Value

_FUNCTIONS = {name: primitive for name, primitive in PRIMITIVES.items() if primitive.precedence == ATOM}
_OPERATORS = {p.symbol: p for p in PRIMITIVES.values() if p.precedence != ATOM and p.arity == 2}
_CONSTANTS = {"pi": math.pi, "e": math.e, "inf": math.inf}
_UNNAMED = "output"
_DEEPEST = 100
_LONGEST_NUMBER = 400  # characters; the largest float written out has 309


class ExpressionError(ValueError):
    """What is wrong with an expression, in one sentence.

    Where the place is known, `line` and `column` count from 1, and the message goes on with that line of the
    source and a caret under the column; otherwise both are None.
    """

    def __init__(self, message: str, source: str = "", position: int | None = None) -> None:
        self.line = self.column = None
        if position is not None:
            start = source.rfind("\n", 0, position) + 1
            stop = (source.find("\n", position) + 1 or len(source) + 1) - 1
            self.line, self.column = source.count("\n", 0, position) + 1, position - start + 1
            left = max(start, min(position - 30, stop - 60))
            before, after = "…" * (left > start), "…" * (left + 60 < stop)
            shown = "".join(c if c.isprintable() else " " for c in source[left : min(left + 60, stop)])
            message += f"\n{before}{shown}{after}\n{' ' * (len(before) + position - left)}^"
        super().__init__(message)


class MissingInputError(ExpressionError):
    """An input of an expression has no value; `name` is the first that has none."""

    def __init__(self, message: str, name: str = "") -> None:
        super().__init__(message)
        self.name = name


@dataclass(frozen=True)
class Evaluation:
    """The graph of an expression at one point; each node is labelled with its name."""

    output: Value
    """The last definition, in the order written, that no other definition uses."""
    inputs: dict[str, Value]
    """The names that no statement defines, as leaves, in order of first appearance."""
    names: dict[str, Value]
    """Every name: the inputs, then the definitions in the order written."""


def evaluate(source: str, at: Mapping[str, float]) -> Evaluation:
    """Record the graph of an expression, its inputs taking their values from `at`.

    The source is a list of definitions ``name = formula``, separated by semicolons or newlines, in any order.
    A formula has numbers, names, ``+ - * / % **``, parentheses and calls of the functions of the table of
    primitives, with Python's precedence; ``#`` starts a comment. A last formula without a name defines
    ``output``. A definition that is a plain number is a leaf, one that renames a node is 1 times that node.
    ``pi``, ``e`` and ``inf`` are the numbers, unless the source defines the name or `at` has a value for it.

    Raises ExpressionError for whatever is wrong with the source or the names in `at`, of which MissingInputError for
    an input without a value, and TypeError for a source that is no string or a value that is no number.

    >>> speeds = evaluate("tesla = 2*bmw; bmw = 100*ground", {"ground": 1.0})
    >>> speeds.output
    Value(200.0, grad=0.0, label='tesla')
    >>> speeds.output.backward()
    >>> speeds.names["bmw"].grad, speeds.inputs["ground"].grad
    (2.0, 200.0)
    """
    if not isinstance(source, str):
        raise TypeError(f"an expression is a string such as 'y = x**2', got {type(source).__name__}")
    definitions = _Parser(source).definitions()
    uses = {name: [step for step in steps if isinstance(step, str)] for name, steps in definitions.items()}
    used = dict.fromkeys(name for names in uses.values() for name in names)
    given = {normalize("NFKC", name): as_float(at[name], f"The input {_short(name)}") for name in at}
    constants = {name: _CONSTANTS[name] for name in _CONSTANTS.keys() - definitions.keys() - given.keys()}
    inputs = [name for name in used if name not in definitions and name not in constants]
    _require_values(given, inputs, definitions)
    try:
        order = list(TopologicalSorter(uses).static_order())
    except CycleError as error:
        cycle = [_short(name) for name in error.args[1][::-1]]
        path = " -> ".join(cycle if len(cycle) < 7 else [*cycle[:5], "…", cycle[-1]])
        raise ExpressionError(f"{cycle[0]} is defined by itself: {path}") from None

    leaves = {name: Value(given[name], label=name) for name in inputs}
    nodes: dict[str, Any] = constants | leaves
    for name in order:
        if name in definitions:
            node = _result(definitions[name], nodes)
            if not isinstance(node, Value):
                node = Value(node)
            elif node.label:
                node = mul(node, 1.0)
            node.label = name
            nodes[name] = node
    output = [name for name in definitions if name not in used][-1]
    return Evaluation(nodes[output], leaves, leaves | {name: nodes[name] for name in definitions})


def number(formula: str) -> float:
    """The number that a formula without names comes to; ``pi``, ``e`` and ``inf`` are numbers.

    Raises ExpressionError for anything else.

    >>> number("3*pi/2")
    4.71238898038469
    """
    try:
        evaluation = evaluate(formula, {})
    except MissingInputError as error:
        raise ExpressionError(f"{error.name} is no number") from None
    if evaluation.output.label != _UNNAMED or "=" in formula:
        raise ExpressionError("a number is one formula, without definitions")
    return evaluation.output.data


# One item of a formula in postfix order: a number, a name, or a primitive with how many operands it takes.
_Step = float | str | tuple[Primitive, int]


def _result(steps: list[_Step], nodes: Mapping[str, Any]) -> Any:
    """What a formula comes to: a Value, or a float if no name occurs in it."""
    stack: list[Any] = []
    for step in steps:
        if isinstance(step, tuple):
            primitive, count = step
            stack[-count:] = [primitive(*stack[-count:])]
        else:
            stack.append(nodes[step] if isinstance(step, str) else step)
    return stack[0]


def _require_values(given: Mapping[str, float], inputs: list[str], definitions: Iterable[str]) -> None:
    """Raise an ExpressionError unless the inputs are exactly the names that have values."""
    wanted = dict.fromkeys(inputs)
    for name in given:
        if name in definitions:
            raise ExpressionError(f"{_short(name)} is defined by the expression, so it takes no value")
        if name not in wanted:
            what = f"the expression has no input {_short(name)}{_guess(name, inputs)}"
            raise ExpressionError(f"{what}; its inputs: {_listed(inputs) or 'none'}")
    missing = [name for name in inputs if name not in given]
    if missing:
        guess = _guess(missing[0], [*definitions, *_FUNCTIONS])
        raise MissingInputError(f"no value for {_listed(missing)}{guess}; give it one", _short(missing[0]))


class _Token(NamedTuple):
    kind: str  # "number", "name", "sign", or "end" for a semicolon, a newline or, without text, the last token
    text: str
    position: int


_DIGITS = "[0-9](?:_?[0-9])*"
_TOKEN = re.compile(
    rf"""(?P<blank> [ \t\xa0]+ | \#[^\n\r]* ) | (?P<end> [;\n\r] )
      | (?P<number> (?: {_DIGITS} \.? (?:{_DIGITS})? | \.{_DIGITS} ) (?: [eE] [+-]? {_DIGITS} )? )
      | (?P<name> (?: \w | [^\x00-\x7f\s] )+ )
      | // | [<>=!]= | (?P<sign> \*\* | [-+*/%(),=] ) | .""",
    re.VERBOSE | re.DOTALL,
)
_INSTEAD = {
    "^²³": "a power is written x**2",
    "/×·⋅÷−–": "products, quotients and differences are written 2*x, x/2 and x - 2",
    "<>=!": "comparisons are less(x, y), less_equal(x, y) and equal(x, y)",
    "'\"": "there are only numbers and names, no strings",
    "[]{}": "use parentheses ( )",
    ".": "names have no attributes, and a decimal has a digit, as in 0.5",
}


def _tokens(source: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(source):
        kind, text, position = match.lastgroup, match.group(), match.start()
        if kind is None or (kind == "name" and not text.isidentifier()):
            hidden = [f"the character U+{ord(character):04X}" for character in text if not character.isprintable()]
            shown = hidden[0] if hidden else f"'{_short(text)}'"
            advice = [advice for signs, advice in _INSTEAD.items() if not set(signs).isdisjoint(text)]
            advice = advice[0] if advice else "the signs are + - * / % ** ( ) , = ; and #"
            raise ExpressionError(f"{shown} means nothing here; {advice}", source, position)
        if kind == "number" and len(text) > _LONGEST_NUMBER:
            what = f"this number has {len(text)} characters, more than {_LONGEST_NUMBER}"
            raise ExpressionError(f"{what}; shorten it, as in 1.5e300", source, position)
        if kind != "blank":
            # Python's own normal form of names, which makes one letter of the two signs for µ.
            yield _Token(kind, normalize("NFKC", text) if kind == "name" else text, position)
    yield _Token("end", "", len(source))


class _Parser:
    """Precedence climbing: each method reads one construct and appends it to `steps` in postfix order."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = _tokens(source)
        self.token = self.previous = next(self.tokens)
        self.steps: list[_Step] = []

    def definitions(self) -> dict[str, list[_Step]]:
        """The formula of each defined name, in the order written."""
        definitions: dict[str, list[_Step]] = {}
        unnamed = None
        while self.token.text:
            first, self.steps = self.token, []
            if first.kind == "end":
                self.advance()
                continue
            if unnamed:
                raise self.error("only the last formula can go without a name; write name = … here", unnamed)
            self.formula(SUM, 0)
            name = first.text
            if self.token.text != "=":
                name, unnamed = _UNNAMED, first
            elif first.kind == "name" and self.steps == [name]:
                self.advance()
                self.steps = []
                self.formula(SUM, 0)
            if self.token.kind != "end":
                raise self.unexpected()
            if name in definitions:
                raise self.error(f"{_short(name)} is defined a second time; give this another name", first)
            definitions[name] = self.steps
        if not definitions:
            raise ExpressionError("the expression is empty; write one such as y = x**2")
        return definitions

    def formula(self, loosest: int, depth: int) -> None:
        """Operands joined by operators that bind at least as tightly as `loosest`."""
        if depth > _DEEPEST:
            advice = "name the inner part, as in a = …, and use the name"
            raise self.error(f"this is nested more than {_DEEPEST} deep; {advice}", self.token)
        self.operand(depth)
        while (operator := _OPERATORS.get(self.token.text)) and operator.precedence >= loosest:
            self.advance()
            if operator is pow:  # its right side may be a sign or another power
                self.formula(SIGN, depth + 1)
            else:
                self.formula(operator.precedence + 1, depth)
            self.steps.append((operator, 2))

    def operand(self, depth: int) -> None:
        token = self.advance()
        if token.kind == "number":
            self.steps.append(float(token.text))
        elif token.text in _FUNCTIONS or (token.kind == "name" and self.token.text == "("):
            self.call(token, depth)
        elif token.kind == "name":
            self.steps.append(token.text)
        elif token.text == "(":
            self.formula(SUM, depth + 1)
            self.close()
        elif token.text in ("+", "-"):
            self.formula(SIGN, depth + 1)
            self.steps += [(neg, 1)] if token.text == "-" else []
        else:
            came = "the end of the statement" if token.kind == "end" else f"'{token.text}'"
            raise self.error(f"expected a number, a name or '(', got {came}", token)

    def call(self, name: _Token, depth: int) -> None:
        function, shown = _FUNCTIONS.get(name.text), _short(name.text)
        if function is None:
            advice = f"for a product write {shown}*(…)"
            if name.text in PRIMITIVES:
                advice = f"write it with the sign {PRIMITIVES[name.text].symbol}"
            raise self.error(f"there is no function {shown}{_guess(name.text, _FUNCTIONS)}; {advice}", name)
        if self.token.text != "(":
            raise self.error(f"{shown} is a function; write {shown}(…), or choose another name", name)
        self.advance()
        count = 0
        while self.previous.text == "," or (count == 0 and self.token.text != ")"):
            self.formula(SUM, depth + 1)
            count += 1
            if self.token.text == ",":
                self.advance()
        self.close()
        least, most = function.arity - len(function.defaults), function.arity
        if not least <= count <= most:
            wanted = f"{most} argument{'s' * (most > 1)}" if least == most else f"{least} to {most} arguments"
            raise self.error(f"{shown} takes {wanted}, got {count}", name)
        self.steps.append((function, count))

    def close(self) -> None:
        if self.token.text != ")":
            raise self.unexpected()
        self.advance()

    def advance(self) -> _Token:
        """Go on by one token and return the one that was passed."""
        self.previous, self.token = self.token, next(self.tokens, self.token)
        return self.previous

    def unexpected(self) -> ExpressionError:
        """The error for a token that stands where an operator or an end was due."""
        before, after = _short(self.previous.text), _short(self.token.text)
        reasons = {
            "end": "the statement ends here with a '(' that is not closed",
            ")": "this ')' closes no '('",
            ",": "a comma can only stand between the arguments of a function",
            "=": "'=' can only stand once in a statement, after the one name that it defines",
        }
        missing = f"expected an operator before '{after}'; for a product write {before}*{after}"
        return self.error(reasons.get("end" if self.token.kind == "end" else after, missing), self.token)

    def error(self, message: str, token: _Token) -> ExpressionError:
        return ExpressionError(message, self.source, token.position)


def _short(name: str) -> str:
    shown = name if len(name) <= 30 else name[:29] + "…"
    return shown if shown.isprintable() else ascii(shown)


def _listed(names: list[str]) -> str:
    return ", ".join([*map(_short, names[:5]), *(["…"] if len(names) > 5 else [])])


def _guess(name: str, candidates: Iterable[str]) -> str:
    # Comparing very many or very long names would take longer than the guess is worth.
    close = get_close_matches(name[:50], islice(candidates, 1000), 1)
    return f" (did you mean {_short(close[0])}?)" if close else ""
