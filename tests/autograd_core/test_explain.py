"""The chain rule of one derivative as text, LaTeX and rows, and the passes as tables."""

from __future__ import annotations

import gc
import math
import random
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_core import (
    PRIMITIVES,
    Value,
    backward_table,
    collector_paused,
    explain,
    forward_table,
    functions,
    gradcheck,
    primitive,
)
from autograd_core.graph import topological_order
from autograd_core.tables import Table
from tests.autograd_core.test_primitives import in_the_domain


def tesla() -> tuple[Value, Value]:
    ground = Value(1.0, label="ground")
    bmw = 100 * ground
    bmw.label = "bmw"
    output = 2 * bmw
    output.label = "tesla"
    return output, ground


def paths() -> tuple[Value, Value]:
    x = Value(2.0, label="x")
    y = x * x + x.sin() * x
    y.label = "y"
    return y, x


def test_tesla_bmw_as_text_latex_and_rows() -> None:
    explanation = explain(*tesla())
    assert str(explanation) == "d tesla / d ground = d tesla/d bmw * d bmw/d ground = 2 * 100 = 200"
    assert explanation.value == 200.0
    (row,) = explanation.rows
    assert (row.names, row.factors, row.product) == (("tesla", "bmw", "ground"), (2.0, 100.0), 200.0)

    def d(above: str, below: str) -> str:
        return rf"\frac{{\partial \mathrm{{{above}}}}}{{\partial \mathrm{{{below}}}}}"

    expected = rf"{d('tesla', 'ground')} = {d('tesla', 'bmw')} \cdot {d('bmw', 'ground')} = 2 \cdot 100 = 200"
    assert explanation._repr_latex_() == rf"$\displaystyle {expected}$"


def test_several_paths_are_shown_with_their_sum() -> None:
    y, x = paths()
    explanation = explain(y, x)
    y.backward()
    assert explanation.value == x.grad
    assert [row.product for row in explanation.rows] == [2.0, 2.0, 2.0 * math.cos(2.0), math.sin(2.0)]
    assert sum(row.product for row in explanation.rows) == pytest.approx(x.grad, rel=1e-15)
    assert str(explanation).splitlines() == [
        "d y / d x = sum over 4 paths = 4.077",
        "  d y/d v1 * d v1/d x = 1 * 2 = 2   (x as argument 1 of v1)",
        "  d y/d v1 * d v1/d x = 1 * 2 = 2   (x as argument 2 of v1)",
        "  d y/d v3 * d v3/d v2 * d v2/d x = 1 * 2 * (-0.416147) = -0.832294",
        "  d y/d v3 * d v3/d x = 1 * 0.909297 = 0.909297",
        "where",
        "  v1 = x * x = 4   d v1/d x = x = 2",
        "  v2 = sin(x) = 0.909297   d v2/d x = cos(x) = -0.416147",
        "  v3 = v2 * x = 1.81859   d v3/d v2 = x = 2   d v3/d x = v2 = 0.909297",
    ]
    latex = explanation._repr_latex_()
    assert latex.count(r"\frac{\partial y}{\partial v_{3}}") == 2
    assert r"&= 2 + 2 + \left(-0.832294\right) + 0.909297 \\ &= 4.077 \end{aligned}$" in latex


def test_a_neuron_shows_the_rules_that_gave_its_factors() -> None:
    w, x, b = Value(0.5, label="w1"), Value(2.0, label="x"), Value(0.1, label="b")
    z = w * x + b
    z.label = "z"
    a = z.sigmoid()
    a.label = "a"
    loss = (a - 1.0) ** 2
    loss.label = "L"
    explanation = explain(loss, w)
    text = str(explanation)
    assert "d L/d v7 * d v7/d a * d a/d z * d z/d v2 * d v2/d w1 = -0.49948 * 1 * 0.18737 * 1 * 2 = -0.187175" in text
    assert "a = sigmoid(z) = 0.75026   d a/d z = a * sigmoid(-z) = 0.18737" in text
    assert "L = v7 ** 2 = 0.06237   d L/d v7 = 2 * v7 = -0.49948" in text
    assert r"= 2 \cdot v_{7} \cdot 1 \cdot \left(a \cdot \sigma\left(-z\right)\right) \cdot 1 \cdot x =" in (
        explanation._repr_latex_()
    )


def test_a_node_by_itself_and_one_it_does_not_depend_on() -> None:
    x, other = Value(2.0, label="x"), Value(3.0, label="other")
    y = x * 2
    assert str(explain(x, x)) == "d x / d x = 1"
    assert explain(x, x)._repr_latex_() == r"$\displaystyle \frac{\partial x}{\partial x} = 1$"
    assert str(explain(y, other)) == "d v2 / d other = 0, for v2 does not depend on other"
    assert explain(y, other).rows == []
    assert explain(y, other).value == 0.0


def test_names_of_nodes_are_no_labels_of_others() -> None:
    x = Value(3.0, label="x")
    a = 2.0 * x
    a.label = "v3"
    y = a * x
    explanation = explain(y, x)
    assert "v3' = v3 * x = 18   d v3'/d v3 = x = 3   d v3'/d x = v3 = 6" in str(explanation)


def test_a_choice_is_explained_by_the_side_that_was_taken() -> None:
    x, w = Value(2.0, label="x"), Value(1.0, label="w")
    assert str(explain(x.relu(), x)) == "d v1 / d x = 1\nwhere\n  v1 = relu(x) = 2"
    assert "d v2/d x" not in str(explain(functions.maximum(x, w), x))


def test_a_rule_on_floats_only_is_explained_by_its_number() -> None:
    @primitive(partials=lambda x, out: math.cos(x))
    def sine(x: float) -> float:
        return math.sin(x)

    x = Value(0.0, label="x")
    assert str(explain(sine(x), x)) == "d v1 / d x = 1\nwhere\n  v1 = sine(x) = 0"


def test_line_breaks_in_labels_break_no_lines() -> None:
    x = Value(1.0, label="two\nlines\x1b[31m")
    assert str(explain(x * 2, x)).splitlines()[0] == "d v2 / d two�lines�[31m = 2"
    assert len(str(forward_table(x * 2)).splitlines()) == 4


def test_what_is_no_node_is_refused() -> None:
    with pytest.raises(TypeError, match="explain takes Values, got float for wrt"):
        explain(Value(1.0), 1.0)  # pyright: ignore[reportArgumentType]


def test_many_paths_are_gathered_by_their_last_step() -> None:
    x = Value(0.1, label="x")
    y = x
    for _ in range(60):
        y = y + y.tanh()
    y.backward()
    explanation = explain(y, x)
    assert explanation.value == x.grad
    assert len(explanation.rows) == 2
    assert explanation.rows[0].factors == (explanation.rows[0].product, 1.0)
    assert str(explanation).startswith(
        "d v120 / d x = sum of 2 contributions, which gather more than 1,000,000 paths = "
    )
    assert explanation.paths == 1_000_001


def test_many_contributions_are_counted_beyond_the_first_ones() -> None:
    x = Value(1.0, label="x")
    y = sum((x * float(i) for i in range(100)), Value(0.0))
    lines = str(explain(y, x)).splitlines()
    assert lines[0].endswith("sum of 100 contributions, which gather 100 paths = 4950")
    assert lines[-1] == "  ... and 60 more"
    assert r"\cdots" in explain(y, x)._repr_latex_()


@pytest.mark.slow
def test_a_million_operations_are_explained_shortened() -> None:
    x = Value(2.0, label="x")
    y = x
    gc.disable()
    for _ in range(1_000_000):
        y = y * 1.000001
    gc.enable()
    explanation = explain(y, x)
    text = str(explanation)
    assert len(text) < 3_000
    assert text.startswith(
        "d v2000000 / d x = d v2000000/d v1999998 * d v1999998/d v1999996 * d v1999996/d v1999994 * ... * "
    )
    assert "(1,000,000 factors) = 2.71828\n" in text
    assert text.endswith("... and 999,960 more operations")
    assert explanation.value == pytest.approx(math.e, rel=1e-6)
    assert len(explanation.rows[0].factors) == 1_000_000
    assert len(explanation._repr_latex_()) < 1_500
    assert gc.isenabled()


@pytest.mark.parametrize("name", PRIMITIVES)
def test_every_primitive_is_explained_for_every_operand(name: str) -> None:
    entry = PRIMITIVES[name]
    operands = [Value(x, label=name) for x, name in zip(in_the_domain(entry, (0.3, 0.5, 0.7)), "xyz", strict=False)]
    output = entry(*operands)
    output.label = "out"
    for position, operand in enumerate(operands):
        explanation = explain(output, operand)
        assert explanation.value == output.partials[position]
        assert str(explanation).splitlines()[0] == f"d out / d {operand.label} = {explanation.value:.6g}"
        latex = explanation._repr_latex_()
        assert latex.count("{") == latex.count("}")
        assert latex.count(r"\left") == latex.count(r"\right")


def test_an_operation_of_ones_own_is_explained() -> None:
    @primitive(partials=lambda x, out: 3.0 * x * x)
    def cube(x: float) -> float:
        return x * x * x

    x = Value(2.0, label="x")
    assert "v1 = cube(x) = 8   d v1/d x = 3 * x * x = 12" in str(explain(cube(x), x))
    assert gradcheck(cube, 2.0)


@given(st.lists(st.sampled_from(["add", "mul", "tanh", "sin"]), min_size=1, max_size=8), st.randoms())
def test_the_terms_add_up_to_the_gradient(names: list[str], chance: random.Random) -> None:
    x = Value(0.7, label="x")
    nodes = [x]
    for name in names:
        entry = PRIMITIVES[name]
        nodes.append(entry(*(chance.choice(nodes) for _ in range(entry.arity))))
    output = nodes[-1]
    output.backward()
    explanation = explain(output, x)
    assert explanation.value == x.grad
    if output is not x:
        assert sum(row.product for row in explanation.rows) == pytest.approx(x.grad, rel=1e-12)
        assert all(math.prod(row.factors) == pytest.approx(row.product) for row in explanation.rows)


def test_tables_of_both_passes() -> None:
    output, _ = tesla()
    assert str(forward_table(output)).splitlines() == [
        "node    operation     value",
        "------  ------------  -----",
        "ground  input         1",
        "bmw     100 * ground  100",
        "tesla   2 * bmw       200",
    ]
    assert backward_table(output).rows == [
        ("tesla", "seed", "", "", "", "1", "0", "1"),
        ("bmw", "tesla", "2", "1", "2", "2", "0", "2"),
        ("ground", "bmw", "2", "2", "100", "200", "0", "200"),
    ]


def test_tables_are_html_in_a_notebook_and_labels_are_text_in_it() -> None:
    x = Value(1.0, label="<script>alert(1)</script>")
    page = forward_table(x * 2)._repr_html_()
    assert page.startswith("<table><tr><th>node</th>")
    assert "<td>&lt;script&gt;alert(1)&lt;/script&gt;</td>" in page
    assert "<script>" not in page


def test_labels_are_no_markup_in_a_notebook_made_into_markdown() -> None:
    nbformat, nbconvert = pytest.importorskip("nbformat"), pytest.importorskip("nbconvert")
    x = Value(2.0, label="<script>alert(1)</script>")
    y = x * x
    y.label = "a <img src=x onerror=alert(2)> ![b](http://example.com/c.png) <!-- "
    output = nbformat.v4.new_output("display_data", data={"text/latex": explain(y, x)._repr_latex_()})
    cell = nbformat.v4.new_code_cell("explain(y, x)", outputs=[output])
    text, _ = nbconvert.MarkdownExporter().from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    assert r"\mathrm{{<}script{>}alert(1){<}/script{>}}" in text
    assert not re.search(r"<[a-zA-Z/!?]", text)
    assert "](" not in text


def test_long_tables_are_shortened() -> None:
    x = Value(1.0)
    for _ in range(100):
        x = x.tanh()
    table = forward_table(x)
    assert len(table.rows) == 101
    assert str(table).splitlines()[-1] == "... and 61 more"
    assert table._repr_html_().endswith("<tr><td>... 61 more rows</td></tr></table>")
    assert len(topological_order(x)) == 101
    assert str(Table(("a", "b"), [])) == "a  b\n-  -"


def test_a_table_is_printed_in_80_columns() -> None:
    row = ("a" * 26,) * 3
    assert str(Table(row, [])) == "\n".join(["  ".join(row), "  ".join(["-" * 26] * 3)]).replace("  ", " ")
    assert str(Table(row[1:], [])).splitlines()[0] == "  ".join(row[1:])
    folded = str(Table(("name", "first", "second"), [("a" * 40, "b" * 40, "c" * 100)])).splitlines()
    assert folded == [
        "name", "    first", "    second",
        "-" * 40, "    " + "-" * 40, "    " + "-" * 76,
        "a" * 40, "    " + "b" * 40, "    " + "c" * 75 + "…",
    ]  # fmt: skip


def test_the_rows_of_a_long_table_are_written_when_they_are_asked_for() -> None:
    x = Value(1.0, label="x")
    y = x
    for _ in range(60):
        y = y + x
    forward, backward = forward_table(y), backward_table(y)
    shown = str(forward), str(backward)
    x.data = 7.0
    assert (str(forward), str(backward)) == shown
    assert len(forward.rows) == 61
    assert forward.rows[:2] == forward.rows[1::-1][::-1] == [("x", "input", "1"), ("v1", "x + x", "2")]
    assert forward.rows[1] == ("v1", "x + x", "2")
    assert forward.rows[-2:] == [("v59", "v58 + x", "60"), ("v60", "v59 + x", "61")]
    assert forward.rows[-60:3] == [forward.rows[1], forward.rows[2]]
    with pytest.raises(IndexError):
        forward.rows[61]
    assert list(forward.rows) == [("x", "input", "1"), *forward.rows[1:]]
    assert len(backward.rows) == 121
    assert backward.rows[0] == ("v60", "seed", "", "", "", "1", "0", "1")
    assert backward.rows[-1] == ("x", "v1", "2", "1", "1", "1", "60", "61")
    assert len(list(backward.rows)) == 121


def test_a_long_table_is_as_wide_as_what_it_shows() -> None:
    x = Value(1.0, label="x")
    for _ in range(45):
        x = x.tanh()
    x.label = "a name that is not shown"
    assert str(forward_table(x)).splitlines()[1] == "----  ---------  --------"


@pytest.mark.slow
def test_a_million_operations_take_seconds_and_not_minutes() -> None:
    x = Value(0.5, label="x")
    y, marks = x, []
    with collector_paused():
        for i in range(500_000):
            y = y * 0.999999 + x
            if i % 10_000 == 0:
                marks.append(y)
        output = y * 2.0
    start = time.process_time()
    assert str(forward_table(y)).endswith("... and 999,961 more")
    assert str(backward_table(y)).endswith("... and 1,499,961 more")
    found = explain(output, marks[0], through=marks[:0:-1])
    assert found.value == pytest.approx(2.0 * 0.999999**499_999, rel=1e-6)
    assert len(found.rows[0].factors) == 50
    assert time.process_time() - start < 60.0


def test_at_a_prompt_it_is_what_print_shows() -> None:
    x = Value(2.0, label="x")
    y = x * x
    assert repr(explain(y, x)) == str(explain(y, x))
    assert repr(forward_table(y)) == str(forward_table(y))


def neuron() -> tuple[Value, Value, Value, Value]:
    w, b = Value(0.5, label="w"), Value(0.1, label="b")
    z = w * 2.0 + b * b
    a = z.tanh()
    loss = a * a
    for node, label in ((z, "z"), (a, "a"), (loss, "L")):
        node.label = label
    return loss, a, z, w


def test_through_named_nodes_it_is_the_product_that_one_writes_by_hand() -> None:
    loss, a, z, w = neuron()
    found = explain(loss, w, through=[a, z])
    slopes = 2.0 * a.data, 1.0 - a.data**2, 2.0
    assert found.rows[0].names == ("L", "a", "z", "w")
    assert found.rows[0].factors == pytest.approx(slopes, rel=1e-12)
    assert found.value == pytest.approx(math.prod(slopes), rel=1e-12)
    assert found.paths == 2
    assert str(found).startswith("d L / d w = d L/d a * d a/d z * d z/d w = 1.53")
    assert found.latex().count(r"\cdot") == 4
    assert str(explain(loss, w, through=z)).startswith("d L / d w = d L/d z * d z/d w = ")


def test_through_what_not_all_paths_pass_is_refused() -> None:
    loss, a, z, w = neuron()
    total = loss + w * w
    total.label = "T"
    with pytest.raises(ValueError, match="of the 4 paths from T to w, 2 lead through z in this order"):
        explain(total, w, through=[z])
    with pytest.raises(ValueError, match="of the 2 paths from L to w, 0 lead through z, a in this order"):
        explain(loss, w, through=[z, a])
    with pytest.raises(TypeError, match="explain takes Values, got str for through"):
        explain(loss, w, through=["z"])  # type: ignore[list-item]


def test_through_a_graph_of_many_paths() -> None:
    x = Value(1.0, label="x")
    doubled = x
    for _ in range(40):
        doubled = doubled + doubled
    doubled.label = "y"
    loss = doubled * 3.0
    assert explain(loss, x, through=doubled).value == 3.0 * 2.0**40
