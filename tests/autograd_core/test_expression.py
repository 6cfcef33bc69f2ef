"""The expression language: it agrees with Python where both speak, and says in a line what it does not take."""

from __future__ import annotations

import math
import pickle
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_core import PRIMITIVES, Value
from autograd_core.expression import ExpressionError, MissingInputError, evaluate, number
from autograd_core.graph import topological_order
from autograd_core.primitives import ATOM
from tests.autograd_core.test_primitives import in_the_domain

FUNCTIONS = {name: primitive for name, primitive in PRIMITIVES.items() if primitive.precedence == ATOM}


def value_of(source: str, **at: float) -> float:
    return evaluate(source, at).output.data


def message_of(source: Any, at: dict[str, float] | None = None) -> str:
    with pytest.raises(ExpressionError) as caught:
        evaluate(source, at or {})
    message = str(caught.value)
    lines = message.split("\n")
    assert len(lines) == (1 if caught.value.column is None else 3)
    assert all(line.isprintable() and len(line) <= 200 for line in lines)
    return message


# What the language means.


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("3", 3.0),
        ("1.5e3 + .5 - 2. + 1E-2 + 1_000", 2498.51),
        ("-2**2", -4.0),
        ("(-2)**2", 4.0),
        ("2**-1", 0.5),
        ("2**-1**2", 0.5),
        ("2**3**2", 512.0),
        ("(2**3)**2", 64.0),
        ("2 - 3 - 4", -5.0),
        ("2 - (3 - 4)", 3.0),
        ("8 / 4 / 2", 1.0),
        ("8 / 4 * 2", 4.0),
        ("2 + 3 * 4 ** 2 / 8", 8.0),
        ("-2 * -3", 6.0),
        ("2 * 7 % 4 * 3", 6.0),
        ("-7 % 4 + 2", 3.0),
        ("7 % -4 + floor_divide(7, -4)", -3.0),
        ("- - + -2", -2.0),
        ("2 * -3 ** 2", -18.0),
        ("exp(0) + maximum(1, 2)", 3.0),
        ("leaky_relu(-1) + leaky_relu(-1, 0.5)", -0.51),
        ("where(less(1, 2), 10, 20)", 10.0),
        ("1 / 0", math.inf),
        ("1e999", math.inf),
        ("exp(1000)", math.inf),
    ],
)
def test_numbers_alone(source: str, expected: float) -> None:
    assert value_of(source) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("source", ["0 / 0", "log(-1)", "(-8)**(1/3)", "sqrt(-1)"])
def test_what_has_no_real_value_is_nan(source: str) -> None:
    assert math.isnan(value_of(source))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_of_the_table_can_be_called(name: str) -> None:
    primitive = FUNCTIONS[name]
    letters = "abc"[: primitive.arity]
    at = dict(zip(letters, in_the_domain(primitive, (0.25, 0.5, 0.75)), strict=True))
    output = evaluate(f"{name}({', '.join(letters)})", at).output
    assert output.op is primitive
    assert output.data == primitive(*at.values())


def test_definitions_in_any_order_with_comments_and_empty_statements() -> None:
    source = """
    # speeds over ground
    tesla = 2*bmw ;; ; # twice as fast
    bmw = 100*ground;\r
    """
    result = evaluate(source, {"ground": 1})
    assert result.output is result.names["tesla"]
    assert list(result.names) == ["ground", "tesla", "bmw"]
    assert result.inputs == {"ground": result.names["ground"]}
    assert [node.label for node in result.names.values()] == ["ground", "tesla", "bmw"]
    result.output.backward()
    assert [node.grad for node in result.names.values()] == [200.0, 1.0, 2.0]


def test_inputs_come_in_order_of_first_appearance() -> None:
    assert list(evaluate("y = c*a; z = y + b*a", {"a": 1, "b": 2, "c": 3}).inputs) == ["c", "a", "b"]


def test_the_output_is_the_last_definition_that_none_uses() -> None:
    assert evaluate("a = x; b = 2*x; c = a + 1; d = 3*a*c; a2 = d + c; e = x; d2 = e", {"x": 1}).output.label == "d2"
    assert evaluate("z = b + 1; b = x", {"x": 1}).output.label == "z"


def test_a_last_formula_without_a_name_is_the_output() -> None:
    result = evaluate("b = 2*x\nb + 1\n", {"x": 3})
    assert (result.output.label, result.output.data) == ("output", 7.0)


def test_unicode_names_are_compared_as_python_compares_them() -> None:
    assert value_of("σ₁ = 2*λ; σ₁*é" if "σ₁".isidentifier() else "σ1 = 2*λ; σ1*é", λ=3.0, é=5.0) == 30.0
    micro, greek, decomposed = "\u00b5", "\u03bc", "e\u0301"
    assert value_of(f"{micro} * {decomposed}", **{greek: 2.0, "\u00e9": 3.0}) == 6.0
    assert evaluate(decomposed, {decomposed: 1.0}).inputs.keys() == {"\u00e9"}
    assert value_of("lambda + if", **{"lambda": 1.0, "if": 2.0}) == 3.0


def test_another_name_for_a_node_is_a_node_of_its_own() -> None:
    result = evaluate("a = x; b = +(a); c = b", {"x": -0.0})
    assert [node.label for node in result.names.values()] == ["x", "a", "b", "c"]
    assert len({id(node) for node in result.names.values()}) == 4
    assert all(math.copysign(1.0, node.data) == -1.0 for node in result.names.values())
    result.output.backward()
    assert result.inputs["x"].grad == 1.0


def test_a_plain_number_is_a_leaf_with_its_name() -> None:
    result = evaluate("g = 9.81; f = m*g", {"m": 2.0})
    assert not result.names["g"].inputs
    assert not result.names["g"].is_constant
    assert result.names["g"].label == "g"
    assert result.inputs.keys() == {"m"}
    result.output.backward()
    assert result.names["g"].grad == 2.0


def test_numbers_are_worked_out_before_they_meet_a_value() -> None:
    order = topological_order(evaluate("y = 2**3 * x", {"x": 1.0}).output)
    assert [node.data for node in order] == [8.0, 1.0, 8.0]


def test_pi_e_and_inf_are_numbers() -> None:
    result = evaluate("y = pi*x - e + 1/inf", {"x": 2.0})
    assert result.output.data == math.pi * 2.0 - math.e
    assert list(result.names) == ["x", "y"]
    assert value_of("pi") == math.pi


def test_a_name_of_the_expression_comes_before_a_constant() -> None:
    result = evaluate("e = y - t; L = e**2", {"y": 2.0, "t": 5.0})
    assert (result.output.data, list(result.names)) == (9.0, ["y", "t", "e", "L"])
    assert value_of("e * pi", e=2.0, pi=3.0) == 6.0
    with pytest.raises(ExpressionError, match="no input pi; its inputs: x"):
        evaluate("y = x", {"x": 1.0, "pi": 3.0})


@pytest.mark.parametrize(("formula", "expected"), [("pi/2", math.pi / 2), ("-inf", -math.inf), ("sqrt(2)", 2**0.5)])
def test_a_formula_without_names_is_a_number(formula: str, expected: float) -> None:
    assert number(formula) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("one", "one is no number"),
        ("a = 3", "a number is one formula"),
        ("output = 3", "a number is one formula"),
        ("", "the expression is empty"),
        ("2*", "expected a number"),
        ("1; 2", "only the last formula"),
    ],
)
def test_what_is_no_number_is_refused(formula: str, expected: str) -> None:
    with pytest.raises(ExpressionError, match=expected):
        number(formula)


def test_the_first_input_without_a_value_is_known_by_name() -> None:
    with pytest.raises(MissingInputError) as caught:
        evaluate("y = a + b + c", {"a": 1.0})
    error = pickle.loads(pickle.dumps(caught.value))
    assert (error.name, str(error)) == ("b", str(caught.value))


def test_infinities_may_come_in() -> None:
    assert value_of("x + 1", x=math.inf) == math.inf


# Agreement with Python, on random expressions.

LEAVES = st.sampled_from(["x", "y", "z", "1", "2.5", ".5", "3e-1"])


def _larger(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    signs = st.sampled_from([" + ", "-", "*", " / ", "**"])
    return st.one_of(
        st.tuples(parts, signs, parts).map("".join),
        st.tuples(st.sampled_from(["-", "+", "- "]), parts).map("".join),
        parts.map(lambda part: f"({part})"),
        parts.map(lambda part: f"tanh({part})"),
        st.tuples(parts, parts).map(lambda pair: f"maximum({pair[0]}, {pair[1]})"),
    )


COORDINATES = st.floats(0.25, 2.0)


@settings(max_examples=300, deadline=None)
@given(st.recursive(LEAVES, _larger, max_leaves=12), COORDINATES, COORDINATES, COORDINATES)
def test_agrees_with_python_in_value_and_gradient(text: str, x: float, y: float, z: float) -> None:
    at = {"x": x, "y": y, "z": z}
    ours = evaluate(
        f"result = {text}", {name: number for name, number in at.items() if name in text.replace("max", "")}
    )
    functions = {"__builtins__": {}, "tanh": math.tanh, "maximum": max}

    try:
        plain = eval(text, functions | at)
    except (OverflowError, ZeroDivisionError):
        plain = math.nan
    if isinstance(plain, (int, float)) and math.isfinite(plain):
        assert ours.output.data == pytest.approx(plain, rel=1e-12)

    values = {name: Value(number) for name, number in at.items()}
    numbers = {"tanh": FUNCTIONS["tanh"], "maximum": FUNCTIONS["maximum"]}
    try:
        theirs = eval(text, numbers | values)
    except (OverflowError, ZeroDivisionError, TypeError):
        return  # Python itself refuses a subexpression of plain numbers, or made a complex number of it
    if isinstance(theirs, Value):
        theirs.backward()
        ours.output.backward()
        for name, leaf in ours.inputs.items():
            assert leaf.grad == pytest.approx(values[name].grad, rel=1e-9, abs=1e-300, nan_ok=True)


# What is refused, and in which words.


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("2x", "expected an operator before 'x'; for a product write 2*x\n2x\n ^"),
        ("2 x", "for a product write 2*x"),
        ("2(x)", "for a product write 2*("),
        ("(x)(y)", "for a product write )*("),
        ("x y", "expected an operator before 'y'"),
        ("1.2.3", "expected an operator before '.3'"),
        ("x^2", "'^' means nothing here; a power is written x**2\nx^2\n ^"),
        ("x²", "'x²' means nothing here; a power is written x**2"),
        ("x−1", "x - 2"),
        ("2×x", "2*x"),
        ("7 // 2", "'//' means nothing here"),
        ("=", "expected a number, a name or '(', got '='"),
        ("x = ", "got the end of the statement\nx = \n    ^"),
        ("= 3", "got '='\n= 3\n^"),
        ("x = = 3", "got '='"),
        ("x == 3", "'==' means nothing here; comparisons are less(x, y)"),
        ("x < 3", "comparisons are less(x, y)"),
        ("2*x = 3", "'=' can only stand once"),
        ("(x) = 3", "'=' can only stand once"),
        ("a = b = 3", "'=' can only stand once"),
        ("x +", "got the end of the statement"),
        ("x + * y", "got '*'"),
        ("(x", "the statement ends here with a '(' that is not closed"),
        ("(x\n+ 1)", "the statement ends here with a '(' that is not closed\n(x\n  ^"),
        ("x)", "this ')' closes no '('"),
        ("x, y", "a comma can only stand between the arguments"),
        ("(x, y)", "a comma can only stand between the arguments"),
        ("()", "got ')'"),
        ("().__class__", "names have no attributes"),
        ("x.real", "names have no attributes"),
        ("x[0]", "use parentheses"),
        ("'os'", "no strings"),
        ("__import__('os')", "there is no function __import__"),
        ("tanhh(x)", "there is no function tanhh (did you mean tanh?)"),
        ("pow(x, 2)", "write it with the sign **"),
        ("a(x + 1)", "for a product write a*("),
        ("exp", "exp is a function; write exp(…), or choose another name"),
        ("exp = 3", "exp is a function"),
        ("exp()", "exp takes 1 argument, got 0"),
        ("exp(x, y)", "exp takes 1 argument, got 2"),
        ("maximum(x)", "maximum takes 2 arguments, got 1"),
        ("leaky_relu(x, 1, 2)", "leaky_relu takes 1 to 2 arguments, got 3"),
        ("exp(x,)", "got ')'"),
        ("exp(,x)", "got ','"),
        ("f(x=3)", "there is no function f"),
        ("a = 1; b = 2\na = 3", "a is defined a second time; give this another name\na = 3\n^"),
        ("x; y", "only the last formula can go without a name; write name = … here\nx; y\n^"),
        ("output = 2*x; output + 1", "output is defined a second time; give this another name"),
        ("", "the expression is empty"),
        (" ;; \n ;", "the expression is empty"),
        ("# nothing", "the expression is empty"),
        ("a = b; b = c; c = a", "a is defined by itself: a -> b -> c -> a"),
        ("x = x + 1", "x is defined by itself: x -> x"),
        ("x\0", "the character U+0000 means nothing here"),
        ("x\x1b[31m", "the character U+001B means nothing here"),
        ("x\u200b + 1", "the character U+200B means nothing here"),
        ("\ud800", "the character U+D800 means nothing here"),
        ("x @ y", "'@' means nothing here"),
        ("\\", "'\\' means nothing here"),
    ],
)
def test_refused_with_one_sentence(source: str, expected: str) -> None:
    assert expected in message_of(source)


@pytest.mark.parametrize(
    ("source", "at", "expected"),
    [
        ("y = x", {}, "no value for x; give it one"),
        ("y = a + b", {"a": 1.0}, "no value for b;"),
        ("y = a+b+c+d+f+g", {}, "no value for a, b, c, d, f, …;"),
        ("tesla = 2*bwm; bmw = ground", {"ground": 1.0}, "no value for bwm (did you mean bmw?)"),
        ("y = ground", {"gruond": 1.0}, "no input gruond (did you mean ground?); its inputs: ground"),
        ("y = 3", {"x": 1.0}, "no input x; its inputs: none"),
        ("y = x", {"x": 1.0, "y": 2.0}, "y is defined by the expression, so it takes no value"),
    ],
)
def test_names_and_values_must_match(source: str, at: dict[str, float], expected: str) -> None:
    assert expected in message_of(source, at)


def test_wrong_types() -> None:
    wrong: Any = b"x"
    with pytest.raises(TypeError, match="got bytes"):
        evaluate(wrong, {})
    text: Any = {"x": "1"}
    with pytest.raises(TypeError, match="The input x takes an int, float or NumPy real scalar, got str '1'"):
        evaluate("x", text)
    number: Any = {3: 1.0}
    with pytest.raises(TypeError):
        evaluate("x", number)


def test_an_error_knows_its_place_and_can_be_pickled() -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate("a = 1\r\n  b =\ta ^ 2\nc = 3", {})
    error = pickle.loads(pickle.dumps(caught.value))
    assert (error.line, error.column) == (2, 9)
    assert str(error).split("\n")[1:] == ["  b = a ^ 2", "        ^"]
    with pytest.raises(ExpressionError) as caught:
        evaluate("", {})
    assert caught.value.line is caught.value.column is None


def test_a_long_line_is_cut_around_the_column() -> None:
    source = "x + " * 1000 + "^" + " + y" * 1000
    shown, caret = message_of(source).split("\n")[1:]
    assert shown.startswith("…")
    assert shown.endswith("…")
    assert len(shown) == 62
    assert shown[caret.index("^")] == "^"


# Size: nothing recurses but nesting, which is capped.


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("(" * 100_000 + "x" + ")" * 100_000, "nested more than 100 deep"),
        ("(" * 100_000, "nested more than 100 deep"),
        ("-" * 100_000 + "x", "nested more than 100 deep"),
        ("x" + "**x" * 100_000, "nested more than 100 deep"),
        ("exp(" * 100_000, "nested more than 100 deep"),
        ("1" * 10_000, "this number has 10000 characters, more than 400; shorten it"),
        ("a" * 1_000_000 + "(x)", "there is no function aaaa"),
        ("a" * 1_000_000 + "²", "a power is written x**2"),
        (")" * 1_000_000, "got ')'"),
        ("'" * 1_000_000, "no strings"),
    ],
    ids=lambda text: text[:12],
)
def test_huge_nonsense_is_refused_at_once(source: str, expected: str) -> None:
    start = time.process_time()
    message = message_of(source)
    assert time.process_time() - start < 30.0  # it takes less than a second; quadratic work would take hours
    assert expected in message


def test_a_cycle_of_many_is_named_by_its_first() -> None:
    source = ";".join(f"a{i} = a{(i + 1) % 5000}" for i in range(5000))
    assert "a0 is defined by itself: a0 -> a1 -> a2 -> a3 -> a4 -> … -> a0" in message_of(source)


@pytest.mark.parametrize("level", ["({})", "-{}", "2**{}", "(1 + 2*{})", "maximum(1, {})"])
def test_nesting_just_below_the_cap(level: str) -> None:
    text = "x"
    for _ in range(100):
        text = level.format(text)
    evaluate(text, {"x": 1.0})
    with pytest.raises(ExpressionError, match="nested more than 100 deep"):
        evaluate(level.format(text), {"x": 1.0})


def test_the_deepest_nesting_leaves_room_on_the_stack() -> None:
    text = "1 + 2*3**(" * 50 + "x" + ")" * 50
    evaluate(text, {"x": 1.0})


@pytest.mark.slow
def test_a_sum_of_many_terms_and_a_chain_of_many_definitions() -> None:
    many = 100_000
    result = evaluate(" + ".join(["x"] * many), {"x": 2.0})
    result.output.backward()
    assert (result.output.data, result.inputs["x"].grad) == (2.0 * many, many)
    chain = [f"a{i} = a{i + 1} + 1" for i in range(many)]
    result = evaluate("\n".join(chain), {f"a{many}": 0.0})
    assert result.output is result.names["a0"]
    assert result.output.data == many
