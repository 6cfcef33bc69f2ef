"""Formulas read in the browser: the same graphs, numbers, rules and complaints as Python's of the same text."""

from __future__ import annotations

import json
import math
import random
from typing import TYPE_CHECKING, Any

import pytest

from autograd_core import PRIMITIVES, topological_order
from autograd_core.expression import ExpressionError, evaluate
from autograd_core.primitives import ATOM
from tests.viz.static.scripts import run
from viz.language import language
from viz.page import json_number, json_text
from viz.trace import Graph

if TYPE_CHECKING:
    from playwright.sync_api import Page

FUNCTIONS = [primitive for primitive in PRIMITIVES.values() if primitive.precedence == ATOM]
NAMES = ["x", "y", "w1", "bias", "h", "µ", "output", "v3", "e", "pi", "_2", "größe"]
NUMBERS = ["0", "1", "2", "3", "0.5", "1.", ".25", "1e3", "2E-1", "1_0", "007", "1e400"]
INPUTS = [0.0, 1.0, -1.0, 2.0, 0.5, -0.75, 3.0, 1.5, 2.5, math.inf, math.nan, -0.0]
SPOILERS = [*"()+-*/=,;\n^²×'\"[{.<!§€", "//", "**", "==", " ", "\t", " ", "x", "sine(", "max(", "5", "# ", "​", "😀"]

BODY = """
  const language = recordingModule.languageOf(eval(given.operations), JSON.parse(given.table));
  return JSON.stringify(given.cases.map(([source, at]) => {
    try {
      const numbers = new Map(at.map(([name, x]) => [name.normalize("NFKC"), Number(x.replace("inf", "Infinity"))]));
      const order = recordingModule.evaluated(recordingModule.parsed(source, language, numbers), numbers, language);
      return { trace: recordingModule.traceOf(order, language) };
    } catch (error) {
      return { error: error.message, own: error.sentence !== undefined };
    }
  }));
"""


def formula(chance: random.Random, names: list[str], depth: int) -> str:
    kind = chance.random()
    if depth == 0 or kind < 0.2:
        return chance.choice(names) if chance.random() < 0.75 else chance.choice(NUMBERS)
    inner = lambda: formula(chance, names, depth - 1)  # noqa: E731
    if kind < 0.55:
        return f"{inner()}{chance.choice([' + ', ' - ', '*', '/', ' % ', '**'])}{inner()}"
    if kind < 0.65:
        return f"({inner()})"
    if kind < 0.72:
        return f"{chance.choice('-+')}{inner()}"
    function = chance.choice(FUNCTIONS)
    count = chance.randint(function.arity - len(function.defaults), function.arity)
    return f"{function.name}({', '.join(inner() for _ in range(count))})"


def case(seed: int) -> tuple[str, dict[str, float]]:
    """Definitions in any order, and inputs; in a third of the cases something is wrong."""
    chance = random.Random(seed)
    names = chance.sample(NAMES, chance.randint(1, 4))
    defined: list[str] = []
    statements = []
    for name in chance.sample([n for n in [*NAMES, "a", "b", "loss"] if n not in names], chance.randint(1, 3)):
        statements.append(f"{name} = {formula(chance, [*names, *defined], chance.randint(1, 4))}")
        defined.append(name)
    chance.shuffle(statements)
    source = chance.choice(["; ", "\n", " # so\n"]).join(statements)
    if chance.random() < 0.1:
        source += f"; {formula(chance, [*names, *defined], 2)}"
    if chance.random() < 0.33:
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(source) + 1)
            source = source[:at] + chance.choice(SPOILERS) + source[at + chance.randint(0, 2) :]
    numbers = {name: chance.choice(INPUTS) for name in names}
    if chance.random() < 0.08:
        numbers[chance.choice([*NAMES, "weight"])] = 1.0
    if chance.random() < 0.05:
        numbers.pop(names[0])
    return source, fitting(source, numbers) if chance.random() < 0.9 else numbers


def fitting(source: str, numbers: dict[str, float]) -> dict[str, float]:
    """The numbers without those that the expression refuses, most of which are of names that it does not use."""
    for _ in numbers:
        try:
            evaluate(source, numbers)
        except ExpressionError as error:
            refused = [
                n for n in numbers if f"no input {n}" in str(error) or str(error).startswith(f"{n} is defined by the")
            ]
            if not refused:
                break
            numbers = {name: x for name, x in numbers.items() if name not in refused}
    return numbers


def expected(source: str, at: dict[str, float]) -> dict[str, Any]:
    try:
        order = topological_order(evaluate(source, at).output)
    except ExpressionError as error:
        return {"error": str(error), "own": True}
    numbers = [-1 if node.op is None or not node.inputs else 0 for node in order]
    return {"trace": json.loads(json.dumps(Graph(order).compact(numbers)))}


def read(page: Page, cases: list[tuple[str, dict[str, float]]]) -> list[dict[str, Any]]:
    """What the page makes of each source with these inputs."""
    source, table = language()
    given: dict[str, Any] = {"operations": source, "table": json_text(table)}
    given["cases"] = [[source, [[name, str(json_number(x))] for name, x in at.items()]] for source, at in cases]
    return json.loads(run(page, "recording", BODY, given))


def numbers(column: list[Any]) -> list[float]:
    return [float(x) for x in column]


def assert_alike(source: str, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    if "error" in wanted or "error" in found:
        assert found == wanted, source
        return
    mine, theirs = found["trace"], wanted["trace"]
    for column in ("constant", "inputs", "name", "box", "boxes", "parameter"):
        assert mine[column] == theirs[column], (source, column)
    spread = [[one["forms"][k] if k >= 0 else None for k in one["form"]] for one in (mine, theirs)]
    assert spread[0] == spread[1], source
    for column in ("data", "partials"):
        assert numbers(mine[column]) == pytest.approx(numbers(theirs[column]), rel=1e-12, abs=1e-12, nan_ok=True), (
            source
        )


def test_a_thousand_random_expressions_are_read_as_python_reads_them(page: Page) -> None:
    cases = [case(seed) for seed in range(1000)]
    wanted = [expected(*one) for one in cases]
    for (source, _), mine, theirs in zip(cases, read(page, cases), wanted, strict=True):
        assert_alike(source, mine, theirs)
    wrong = [one["error"] for one in wanted if "error" in one]
    assert 200 < len(wrong) < 600
    assert len({message.split("\n")[0] for message in wrong}) > 80


def test_what_is_absurd_or_huge_is_read_as_python_reads_it(page: Page) -> None:
    sources = [
        "", " \n; # nothing", "=", "x", "x = x", "a = b; b = c; c = a", "constructor = 2; __proto__ = constructor*2",
        "toString(x)", "y = hasOwnProperty", "(" * 99 + "x" + ")" * 99, "(" * 101 + "x" + ")" * 101, "x" * 5000,
        " + ".join(["x"] * 99), "1" * 401, "; ".join(f"a{i} = a{i + 1}" for i in range(9)) + "; a9 = a0",
        "y = 1/0 - 1/0; z = y*x", "x = -0; y = x*-0", "y = x**0", "y = 0**x", "y = leaky_relu(x) + elu(x, 2)", "\ud7ff",
        "a = 1\nb = a +\nc = b", "y = pi*e*inf*x", "ﬁ = 2; y = fi*x", "e = x; y = e*e", "y = x\rz = y*y", "add(x, 2)",
        "y = " + "-" * 90 + "x", "x y", "3 x", "f(x)(y)", "y = sin x", "sin = 3", "y = max(x)", "y = maximum(x)",
    ]  # fmt: skip
    cases = [(source, {"x": 2.0} if "x" in source else {}) for source in sources]
    for (source, at), found in zip(cases, read(page, cases), strict=True):
        assert_alike(source, found, expected(source, at))


def test_the_remainder_of_nothing_has_the_sign_of_the_divisor(page: Page) -> None:
    cases = [("y = 1/(x % d)", {"x": x, "d": d}) for x in (0.0, -0.0, -3.0, 3.0) for d in (3.0, -3.0)]
    found = [one["trace"]["data"][-1] for one in read(page, cases)]
    assert found == ["inf", "-inf"] * 4
    assert found == [json_number(evaluate(source, at).output.data) for source, at in cases]


def test_a_page_knows_every_operation_of_the_table() -> None:
    assert list(language()[1]) == list(PRIMITIVES)
