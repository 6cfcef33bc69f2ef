"""Drawings: what the DOT text says of a graph, and that labels reach SVG and PNG as they are."""

from __future__ import annotations

import gc
import math
import re
import time
import xml.etree.ElementTree as ElementTree
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

import autograd_core
import nn
import viz
from autograd_core import PRIMITIVES, Value, named_scope, no_grad
from autograd_core.primitives import constant
from viz.render import render

SVG = "{http://www.w3.org/2000/svg}"


def tesla() -> Value:
    ground = Value(1.0, label="ground")
    bmw = 100 * ground
    bmw.label = "bmw"
    output = 2 * bmw
    output.label = "tesla"
    output.backward()
    return output


def edge_labels(source: str) -> list[str]:
    return re.findall(r"n\d+ -> n\d+ \[label=<(.*?)> ", source)


def texts(svg: str) -> list[str]:
    """The words of each node of an SVG, line by line, in topological order; last the node that counts the rest."""
    found = {}
    for group in ElementTree.fromstring(svg).iter(f"{SVG}g"):
        if group.get("class") == "node":
            lines: dict[str, str] = {}
            for text in group.iter(f"{SVG}text"):
                lines[text.attrib["y"]] = lines.get(text.attrib["y"], "") + (text.text or "").replace("\xa0", " ")
            found[group.attrib["id"]] = "\n".join(line.strip() for line in lines.values())
    return [words for _, words in sorted(found.items(), key=lambda item: (item[0][0] != "n", len(item[0]), item[0]))]


def test_tesla_bmw_shows_both_factors_on_its_edges_and_folds_the_constants() -> None:
    source = viz.draw(tesla()).source
    assert edge_labels(source) == ["100", "2"]
    assert len(re.findall(r"^\tn\d+ \[label", source, re.MULTILINE)) == 3
    assert "<B>tesla</B> &#160; " in source
    assert "100 * ·" in source


def test_a_node_shows_label_data_and_grad() -> None:
    shown = texts(viz.draw(tesla()).svg())
    assert shown == ["ground\ndata 1\ngrad 200", "bmw   100 * ·\ndata 100\ngrad 2", "tesla   2 * ·\ndata 200\ngrad 1"]


def test_the_same_graph_gives_the_same_text() -> None:
    assert viz.draw(tesla()).source == viz.draw(tesla()).source


def test_an_operand_that_occurs_twice_has_two_edges_in_the_drawing() -> None:
    x = Value(3.0, label="x")
    diagram = viz.draw(x * x)
    assert edge_labels(diagram.source) == ["3", "3"]
    edges = [g for g in ElementTree.fromstring(diagram.svg()).iter(f"{SVG}g") if g.get("class") == "edge"]
    assert [edge.get("id") for edge in edges] == ["e1_0", "e1_1"]


def test_contributions_are_shown_on_request() -> None:
    assert edge_labels(viz.draw(tesla(), contributions=True).source) == ["100 · 2 = 200", "2 · 1 = 2"]


def test_scopes_are_nested_clusters() -> None:
    with named_scope("layers.0"), named_scope("neurons.1"):
        y = Value(1.0).tanh()
    root = ElementTree.fromstring(viz.draw(y).svg())
    clusters = [g for g in root.iter(f"{SVG}g") if g.get("class") == "cluster"]
    assert [next(text.text for text in cluster.iter(f"{SVG}text")) for cluster in clusters] == ["layers.0", "neurons.1"]


def test_colour_tells_sign_and_size_of_the_gradient() -> None:
    small, large, negative, none = Value(1.0), Value(1.0), Value(1.0), Value(1.0)
    (0.1 * small + 2 * large - 2 * negative + 0 * none).backward()
    fills = {}
    for name, value in {"small": small, "large": large, "negative": negative, "none": none}.items():
        # One drawing with all of them: the deepest colour is that of the largest gradient in it.
        total = value + Value(0.0)
        total.grad = 2.0
        fills[name] = re.findall(r'n0 .*fillcolor="(#\w+)"', viz.draw(total).source)[0]
    assert fills["none"] == "#ffffff"
    assert fills["large"] == "#6baed6"
    assert fills["negative"] == "#fdae61"
    assert "#6baed6" < fills["small"] < "#ffffff"


@pytest.mark.parametrize("grad", [math.nan, math.inf, -math.inf, 0.0, -0.0])
def test_any_gradient_can_be_drawn(grad: float) -> None:
    x = Value(1.0, label="x")
    x.grad = grad
    assert f"grad {grad:g}" in texts(viz.draw(x).svg())[0]


def test_gradients_that_are_nodes_are_drawn_by_their_number() -> None:
    x = Value(3.0, label="x")
    (x * x).backward(create_graph=True)
    assert "grad 6" in texts(viz.draw(x).svg())[0]


@pytest.mark.parametrize("name", PRIMITIVES)
def test_every_primitive_is_drawn_with_its_sign_and_an_edge_an_operand(name: str) -> None:
    primitive = PRIMITIVES[name]
    output = primitive(*(Value(0.3 + 0.1 * i) for i in range(primitive.arity)))
    output.backward()
    diagram = viz.draw(output)
    assert len(edge_labels(diagram.source)) == primitive.arity
    assert texts(diagram.svg())[-1].startswith(f"v{primitive.arity}   {primitive.symbol}")


LABELS = [
    "<script>alert(1)</script>", '"]; evil [label="', r"\N", r"\G \\ \n", "a|b{c}", "σ(z)", "&amp;", "]]>", "<", ">",
    "-->", "'", "=", "n0", "html:<b>", "a" * 79, "%s", "日本",
]  # fmt: skip


@pytest.mark.parametrize("label", LABELS)
def test_labels_appear_literally(label: str) -> None:
    x = Value(1.0, label=label)
    diagram = viz.draw(x * x)
    assert len(texts(diagram.svg())) == 2
    assert texts(diagram.svg())[0].split("\n")[0] == label


@pytest.mark.parametrize("label", LABELS)
def test_scopes_appear_literally(label: str) -> None:
    with named_scope(label.replace(".", "")):
        y = Value(1.0).tanh()
    svg = viz.draw(y).svg()
    words = ["".join(text.itertext()) for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]
    assert label.replace(".", "") in words


def test_a_line_break_in_a_label_is_one() -> None:
    assert texts(viz.draw(Value(1.0, label="two\nlines")).svg()) == ["two\nlines\ndata 1\ngrad 0"]


def test_an_empty_label_is_none() -> None:
    assert texts(viz.draw(Value(1.0, label="")).svg()) == ["v0\ndata 1\ngrad 0"]


@pytest.mark.parametrize("label", ["\x00", "\x1b[31m", "\ud800", "\uffff"])
def test_what_xml_forbids_is_replaced(label: str) -> None:
    assert "\ufffd" in texts(viz.draw(Value(1.0, label=label)).svg())[0]


def test_a_very_long_label_is_cut() -> None:
    assert texts(viz.draw(Value(1.0, label="a" * 100_000)).svg())[0].split("\n")[0] == "a" * 79 + "…"


def test_a_label_changes_the_pixels() -> None:
    pictures = [render(viz.draw(Value(1.0, label=label)).source, "png") for label in ("σ(z)", "<script>", r"\N", "n0")]
    assert len({Image.open(BytesIO(picture)).tobytes() for picture in pictures}) == 4


def test_layers_joined_all_with_all_are_no_tower() -> None:
    svg = viz.draw(nn.losses.mse_loss(nn.MLP(2, [16, 16, 1], rng=0)([0.5, -0.3]), 1.0)).svg()
    width, height = (float(size) for size in re.findall(r'(?:width|height)="([\d.]+)pt"', svg)[:2])
    assert height < 2.5 * width


def test_collapsed_boxes_say_what_they_hold() -> None:
    with named_scope("neuron"):
        w, x, b = Value(2.0), Value(3.0), Value(1.0)
        a = w * x + b
    y = a * a
    y.backward()
    diagram = viz.draw(y, collapse="neuron")
    assert texts(diagram.svg())[0] == "neuron\n5 nodes\ndata 7\ngrad 14"
    assert "2 edges" in diagram.source
    assert "collapsed by neuron" in diagram.source


def test_a_hundred_thousand_operations_are_drawn_shortened() -> None:
    x = Value(1.0)
    y = x
    gc.disable()
    for _ in range(100_000):
        y = y.tanh()
    gc.enable()
    start = time.perf_counter()
    diagram = viz.draw(y)
    words = texts(diagram.svg())
    assert time.perf_counter() - start < 60.0
    assert len(words) == 400
    assert "… 99,602 more" in words
    assert "without 99,602 more" in diagram.source


@pytest.mark.slow
def test_an_entangled_graph_is_drawn_in_seconds() -> None:
    nodes = [Value(0.5)]
    for i in range(150):
        nodes.append((nodes[-1] * nodes[len(nodes) // 2]).tanh() if i % 3 else nodes[-1] + nodes[i // 3])
    start = time.perf_counter()
    assert viz.draw(nodes[-1]).svg().count('class="node"') == 251
    assert time.perf_counter() - start < 60.0


def test_a_gradient_of_none_is_drawn_as_0() -> None:
    x = Value(1.0)
    x.grad = None
    assert texts(viz.draw(x).svg()) == ["v0\ndata 1\ngrad 0"]


def test_a_thousand_nested_scopes_are_drawn() -> None:
    with named_scope(".".join(["a"] * 1_500)):
        y = Value(1.0).tanh()
    assert viz.draw(y).svg().count('class="cluster"') == 51


def test_a_deep_nest_of_scopes_is_drawn() -> None:
    with named_scope(".".join("abcdefghij" * 3)):
        y = Value(1.0).tanh()
    assert viz.draw(y).svg().count('class="cluster"') == 30


@pytest.mark.parametrize("ending", ["svg", "png", "pdf", "dot"])
def test_save_writes_the_format_of_the_ending(tmp_path: Path, ending: str) -> None:
    starts = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF", "dot": b"digraph"}
    path = viz.draw(tesla()).save(tmp_path / f"graph.{ending}")
    assert path.read_bytes().startswith(starts[ending])


def test_a_bitmap_is_made_for_a_slide(tmp_path: Path) -> None:
    diagram = viz.draw(tesla())
    points = re.search(r'width="(\d+)pt"', diagram.svg())
    assert points is not None
    with Image.open(diagram.save(str(tmp_path / "graph.png"))) as picture:
        assert picture.width == pytest.approx(int(points[1]) * 192 / 72, rel=0.02)  # twice that of a screen


@pytest.mark.parametrize("name", ["graph.gif", "graph", "svg"])
def test_save_refuses_another_ending(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f".svg, .png, .pdf, .dot, not as '{name}'")):
        viz.draw(tesla()).save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_notebook_gets_the_svg() -> None:
    bundle = viz.draw(tesla())._repr_mimebundle_()
    assert bundle["image/svg+xml"].startswith("<svg")
    assert "max-width: 100%" in bundle["image/svg+xml"]
    assert bundle["text/plain"].startswith("<Diagram")


def test_drawing_leaves_the_graph_alone() -> None:
    output = tesla()
    with no_grad():
        viz.draw(output)
    assert output.inputs[1].grad == 2.0
    assert gc.isenabled()


def test_nodes_have_the_names_that_an_explanation_gives_them() -> None:
    x = Value(2.0, label="x")
    y = (x * x + x.sin() * x).tanh()
    drawn = [text.split("\n")[0].split()[0] for text in texts(viz.draw(y).svg())]
    assert drawn == ["x", "v1", "v2", "v3", "v4", "v5"]
    explanation = str(autograd_core.explain(y, x))
    assert all(f"  {name} = " in explanation for name in drawn[1:])


def test_a_lone_constant_is_drawn() -> None:
    (number,) = [node for node in (2 * Value(1.0)).inputs if node.op is constant]
    assert texts(viz.draw(number).svg()) == ["data 2\ngrad 0"]


def test_what_is_no_value_is_refused() -> None:
    with pytest.raises(TypeError, match="draw takes a Value, got list"):
        viz.draw([Value(1.0)])  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("options", [{"max_nodes": 1}, {"max_nodes": 2.5}, {"max_nodes": True}, {"collapse": "all"}])
def test_wrong_options_are_refused(options: dict[str, object]) -> None:
    (name, wrong) = next(iter(options.items()))
    with pytest.raises(ValueError, match=rf"{name} is .*not {wrong!r}"):
        viz.draw(tesla(), **options)  # pyright: ignore[reportArgumentType]
