"""Nodes as formulas: names, numbers, brackets, text and LaTeX."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from autograd_core import Value, functions, primitive, topological_order
from autograd_core.formula import name_latex, names_of, number_latex, number_text, operation, partial

NAMES = "abc"


def written(build: Callable[..., Value], latex: bool = False) -> str:
    """The last operation of a graph on a, b and c, its operands written by their labels."""
    leaves = [Value(0.5, label=name) for name in NAMES]
    output = build(*leaves)
    return operation(output, names_of(topological_order(output)), latex)


def rule(build: Callable[..., Value], position: int = 0, latex: bool = False) -> str:
    """The rule of the last operation, for one of its operands."""
    leaves = [Value(0.5, label=name) for name in NAMES]
    output = build(*leaves)
    output.label = "out"
    return partial(output, position, names_of(topological_order(output)), latex)


@pytest.mark.parametrize(
    ("build", "text", "latex"),
    [
        (lambda a, b, c: a + b, "a + b", "a + b"),
        (lambda a, b, c: a - 2, "a - 2", "a - 2"),
        (lambda a, b, c: a * -2.0, "a * (-2)", r"a \cdot \left(-2\right)"),
        (lambda a, b, c: a / b, "a / b", r"\frac{a}{b}"),
        (lambda a, b, c: a**2, "a ** 2", "a^{2}"),
        (lambda a, b, c: a % b, "a % b", r"a \bmod b"),
        (lambda a, b, c: a // b, "floor_divide(a, b)", r"\left\lfloor\frac{a}{b}\right\rfloor"),
        (lambda a, b, c: a.ceil(), "ceil(a)", r"\left\lceil a\right\rceil"),
        (lambda a, b, c: -a, "-a", "-a"),
        (lambda a, b, c: abs(a), "abs(a)", r"\left|a\right|"),
        (lambda a, b, c: a.exp(), "exp(a)", "e^{a}"),
        (lambda a, b, c: a.sqrt(), "sqrt(a)", r"\sqrt{a}"),
        (lambda a, b, c: functions.maximum(a, b), "maximum(a, b)", r"\max\left(a, b\right)"),
        (lambda a, b, c: a.leaky_relu(), "leaky_relu(a, 0.01)", r"\operatorname{leaky\_relu}\left(a, 0.01\right)"),
    ],
)
def test_operations(build: Callable[..., Value], text: str, latex: str) -> None:
    assert written(build) == text
    assert written(build, latex=True) == latex


@pytest.mark.parametrize(
    ("build", "position", "text", "latex"),
    [
        (lambda a, b, c: a + b, 0, "1", "1"),
        (lambda a, b, c: a - b, 1, "-1", "-1"),
        (lambda a, b, c: a * b, 0, "b", "b"),
        (lambda a, b, c: 3 * b, 1, "3", "3"),
        (lambda a, b, c: a / b, 1, "-out / b", r"\frac{-\mathrm{out}}{b}"),
        (lambda a, b, c: a % b, 1, "-floor_divide(a, b)", r"-\left\lfloor\frac{a}{b}\right\rfloor"),
        (lambda a, b, c: a**2, 0, "2 * a", r"2 \cdot a"),
        (lambda a, b, c: a**3, 0, "3 * a ** 2", r"3 \cdot a^{2}"),
        (lambda a, b, c: a.tanh(), 0, "1 - out * out", r"1 - \mathrm{out} \cdot \mathrm{out}"),
        (lambda a, b, c: a.sigmoid(), 0, "out * sigmoid(-a)", r"\mathrm{out} \cdot \sigma\left(-a\right)"),
        (lambda a, b, c: a.sin(), 0, "cos(a)", r"\cos\left(a\right)"),
        (lambda a, b, c: a.cos(), 0, "-sin(a)", r"-\sin\left(a\right)"),
        (lambda a, b, c: a.log(), 0, "1 / a", r"\frac{1}{a}"),
        (lambda a, b, c: a.log1p(), 0, "1 / (1 + a)", r"\frac{1}{1 + a}"),
        (lambda a, b, c: a.leaky_relu(), 0, "1", "1"),
    ],
)
def test_rules(build: Callable[..., Value], position: int, text: str, latex: str) -> None:
    assert rule(build, position) == text
    assert rule(build, position, latex=True) == latex


def test_brackets_stand_where_they_are_needed() -> None:
    def of(partials: Callable[[Value], Value], latex: bool = False) -> str:
        # A rule of one's own is written as a whole expression.
        entry = primitive(partials=lambda x, out: partials(x))(lambda x: x)
        x = Value(0.5, label="x")
        output = entry(x)
        return partial(output, 0, names_of(topological_order(output)), latex)

    assert of(lambda x: (x + 1) * (x - 1)) == "(x + 1) * (x - 1)"
    assert of(lambda x: x + x * 2) == "x + x * 2"
    assert of(lambda x: x - (x - 1)) == "x - (x - 1)"
    assert of(lambda x: x - x - 1) == "x - x - 1"
    assert of(lambda x: x / (x * 2)) == "x / (x * 2)"
    assert of(lambda x: (x * x) % 3) == "x * x % 3"
    assert of(lambda x: x * (x % 3)) == "x * (x % 3)"
    assert of(lambda x: x % (x % 3)) == "x % (x % 3)"
    assert of(lambda x: x % (x * 3)) == "x % (x * 3)"
    assert of(lambda x: (x % 3) * x + x % 2) == "x % 3 * x + x % 2"
    assert of(lambda x: (x**2) ** 3) == "(x ** 2) ** 3"
    assert of(lambda x: x ** (x + 1)) == "x ** (x + 1)"
    assert of(lambda x: (-x) ** 2) == "(-x) ** 2"
    assert of(lambda x: -(x + 1)) == "-(x + 1)"
    assert of(lambda x: 2 * -x) == "2 * (-x)"
    assert of(lambda x: (x / 2) ** 2, latex=True) == r"\left(\frac{x}{2}\right)^{2}"
    assert of(lambda x: functions.exp(x) ** 2, latex=True) == r"\left(e^{x}\right)^{2}"
    assert of(lambda x: functions.exp(x) * (x + 1), latex=True) == r"e^{x} \cdot \left(x + 1\right)"
    assert of(lambda x: (x + 1) / (x - 1), latex=True) == r"\frac{x + 1}{x - 1}"


def test_names_tell_nodes_apart() -> None:
    x, twin, nameless = Value(1.0, label="x"), Value(2.0, label="x"), Value(3.0)
    output = x * twin + nameless * 2
    order = topological_order(output)
    assert [names_of(order)[node] for node in order] == ["x_0", "x_1", "v2", "v3", "2", "v5", "v6"]


@pytest.mark.parametrize(
    ("number", "text", "latex"),
    [
        (200.0, "200", "200"),
        (-1 / 3, "-0.333333", "-0.333333"),
        (1.5e-9, "1.5e-09", r"1.5 \cdot 10^{-9}"),
        (2e20, "2e+20", r"2 \cdot 10^{20}"),
        (math.inf, "inf", r"\infty"),
        (-math.inf, "-inf", r"-\infty"),
        (math.nan, "nan", r"\mathrm{nan}"),
    ],
)
def test_numbers(number: float, text: str, latex: str) -> None:
    assert number_text(number) == text
    assert number_latex(number) == latex


@pytest.mark.parametrize(
    ("name", "latex"),
    [
        ("x", "x"),
        ("w1", "w_{1}"),
        ("w_12", "w_{12}"),
        ("σ", "σ"),
        ("tesla", r"\mathrm{tesla}"),
        ("layers.0.w.1", r"\mathrm{layers.0.w.1}"),
        ("a_b", r"\mathrm{a\_b}"),
        ("training loss^2", r"\mathrm{training\ loss\wedge 2}"),
        (r"\input{x}", r"\mathrm{\backslash input\{x\}}"),
        ("100%$#&", r"\mathrm{100\%\$\#\&}"),
        ("<b>[x](y)", r"\mathrm{{<}b{>}[x]{}(y)}"),
    ],
)
def test_names_in_latex(name: str, latex: str) -> None:
    assert name_latex(name) == latex


def test_a_symbol_whose_number_is_1_stays_in_the_rule() -> None:
    u, alpha = Value(-1.0, label="u"), Value(1.0, label="alpha")
    output = u.elu(alpha)
    output.label = "out"
    assert "alpha" in partial(output, 0, names_of(topological_order(output)))
    power = u**alpha
    assert partial(power, 0, names_of(topological_order(power))) == "alpha * u ** (alpha - 1)"
