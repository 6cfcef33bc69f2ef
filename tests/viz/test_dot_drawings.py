"""Where a drawing puts things: edges clear of boxes and under them, scopes by number; and what its tooltips say."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

import pytest
from PIL import Image

import nn
import viz
from autograd_core import Value, named_scope
from autograd_core.expression import evaluate
from tests.viz.steppers import GRAPHS, network

SVG = "{http://www.w3.org/2000/svg}"


class Box(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float
    words: str

    def holds(self, x: float, y: float) -> bool:
        """Whether a point is inside, but for the width of a line."""
        return self.left + 2 < x < self.right - 2 and self.top + 2 < y < self.bottom - 2


def groups(svg: str, kind: str) -> list[ElementTree.Element]:
    return [group for group in ElementTree.fromstring(svg).iter(f"{SVG}g") if group.get("class") == kind]


def boxes(svg: str) -> list[Box]:
    found = []
    for group in groups(svg, "node"):
        path = next(group.iter(f"{SVG}path"))
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", path.attrib["d"])]
        words = next(group.iter(f"{SVG}text")).text or ""
        across, down = numbers[::2], numbers[1::2]
        found.append(Box(min(across), min(down), max(across), max(down), words))
    return found


def points(edge: ElementTree.Element) -> list[tuple[float, float]]:
    """Twenty points on each piece of the curve of an edge, without its ends."""
    numbers = [float(number) for number in re.findall(r"-?[\d.]+", next(edge.iter(f"{SVG}path")).attrib["d"])]
    corners = list(zip(numbers[::2], numbers[1::2], strict=True))
    found = []
    for start in range(0, len(corners) - 3, 3):
        a, b, c, d = corners[start : start + 4]
        for t in (step / 20 for step in range(21)):
            u = 1.0 - t
            found.append(tuple(u**3 * a[i] + 3 * u * u * t * b[i] + 3 * u * t * t * c[i] + t**3 * d[i] for i in (0, 1)))
    return found[1:-1]


def struck(svg: str) -> list[str]:
    """The boxes that an edge runs through."""
    edges = [point for edge in groups(svg, "edge") for point in points(edge)]
    return [box.words for box in boxes(svg) if any(box.holds(x, y) for x, y in edges)]


def titles(svg: str, kind: str) -> list[list[str]]:
    return [(group.findtext(f"{SVG}title") or "").split("\n") for group in groups(svg, kind)]


def drawn(output: Value, collapse: Literal["neuron", "layer"] | None = None) -> str:
    output.backward()
    return viz.draw(output, collapse=collapse).svg()


@pytest.mark.parametrize(
    ("name", "collapse"),
    [*((name, None) for name in GRAPHS), ("2-2-1", "neuron"), ("4-4-1", "neuron"), ("4-4-1", "layer")],
)
def test_no_edge_crosses_a_box_and_all_are_painted_first(
    name: str, collapse: Literal["neuron", "layer"] | None
) -> None:
    svg = drawn(GRAPHS[name](), collapse)
    assert len(boxes(svg)) >= 3
    assert groups(svg, "edge")
    assert struck(svg) == []
    assert svg.rindex('class="edge"') < svg.index('class="node"')


def test_edges_that_cannot_stay_clear_are_still_painted_first() -> None:
    nodes = [Value(0.5)]
    for i in range(60):
        nodes.append((nodes[-1] * nodes[len(nodes) // 2]).tanh() if i % 3 else nodes[-1] + nodes[i // 3])
    svg = drawn(nodes[-1])
    assert svg.rindex('class="edge"') < svg.index('class="node"')


@pytest.mark.parametrize("around", [False, True], ids=["", "with edges around the network"])
@pytest.mark.parametrize("widths", [[16, 16, 1], [4, 4, 1], [12, 3], [6, 7, 1], [4, 2], [10, 4, 2], [6, 6, 2]])
def test_neurons_stand_in_the_order_of_their_index(widths: list[int], around: bool) -> None:
    model = nn.MLP(2, widths, "tanh", rng=0)
    inputs = [Value(0.5, label="x1"), Value(-1.0, label="x2")]
    outputs = model(inputs)
    loss = nn.losses.cross_entropy(outputs, 1) if widths[-1] > 1 else (outputs - 1.0) ** 2
    if around:
        loss = loss * inputs[0] + inputs[1]
    svg = drawn(loss, "neuron")
    assert struck(svg) == []
    places = boxes(svg)
    neurons = sorted((box for box in places if box.words.startswith("neurons.")), key=lambda box: box.left + box.right)
    numbers = [int(box.words.removeprefix("neurons.")) for box in neurons]
    for start, width in zip((sum(widths[:i]) for i in range(len(widths))), widths, strict=True):
        column = sorted(zip((box.top for box in neurons[start : start + width]), numbers[start:], strict=False))
        assert [number for _, number in column] == list(range(width))
    assert all(above.top < below.top for above, below in pairwise(box for box in places if box.words in ("x1", "x2")))


@pytest.mark.parametrize("contributions", [False, True])
def test_a_box_covers_no_number_on_an_edge(contributions: bool) -> None:
    output = network(4, [4, 4, 1]) * 1e-7
    output.backward()
    svg = viz.draw(output, collapse="neuron", contributions=contributions).svg()
    for edge in groups(svg, "edge"):
        for text in edge.iter(f"{SVG}text"):
            left, y = float(text.attrib["x"]), float(text.attrib["y"])
            right = left + 5.0 * len(text.text or "")
            assert text.attrib["text-anchor"] == "start"
            assert not any(box.left < right and left < box.right and box.top < y < box.bottom for box in boxes(svg))


def test_scopes_around_a_box_that_is_not_theirs_are_left_to_graphviz() -> None:
    inputs = [Value(1.0, label="x1"), Value(2.0, label="x2")]
    first = nn.Layer(2, 3, "tanh", rng=0)
    second = nn.Layer(3, 2, "tanh", rng=1)
    with named_scope("net.first"):
        hidden = first(inputs)
    middle = [h * 2.0 for h in hidden]
    with named_scope("net.second"):
        outputs = second(middle)
    svg = drawn(outputs[0] + outputs[1], "neuron")
    assert "nop2" not in viz.draw(outputs[0] + outputs[1], collapse="neuron").source
    assert len([box for box in boxes(svg) if box.words.startswith("neurons.")]) >= 3


def test_names_in_a_frame_are_short_and_tooltips_have_them_in_full() -> None:
    svg = drawn(network(2, [2, 1]))
    assert [box.words for box in boxes(svg)].count("w.0") == 3
    assert [box.words for box in boxes(svg)].count("b") == 3
    assert ["layers.0.neurons.1.b = 0", "gradient -0.425568"] in titles(svg, "node")
    assert titles(svg, "cluster")[:2] == [["scope layers.0"], ["scope layers.0.neurons.0"]]


def test_tooltips_say_formula_value_and_gradient() -> None:
    svg = drawn(evaluate("o = tanh(w*x); L = (o - 2)**2", {"w": 0.5, "x": 1.0}).output)
    assert titles(svg, "node")[2:4] == [
        ["v2 = w * x = 0.5", "gradient -2.41893"],
        ["o = tanh(v2) = 0.462117", "gradient -3.07577"],
    ]
    assert ["d o / d v2 = 1 - o * o = 0.786448", "passes back 0.786448 · -3.07577 = -2.41893"] in titles(svg, "edge")


def test_tooltips_of_what_is_collapsed_or_cut() -> None:
    with named_scope("neuron"):
        w, x = Value(2.0, label="w"), Value(3.0, label="x")
        a = w * x + w
    svg = drawn(a * a, "neuron")
    assert titles(svg, "node")[0] == ["neuron: 4 nodes", "v3 = v2 + w = 8", "gradient 16"]
    assert titles(svg, "edge") == [["neuron to v4: 2 edges"]]
    y = Value(1.0)
    for _ in range(10):
        y = y.tanh()
    svg = viz.draw(y, max_nodes=4).svg()
    assert ["8 nodes that are farther from the output"] in titles(svg, "node")
    assert ["from nodes that are not drawn"] in titles(svg, "edge")


@pytest.mark.parametrize("label", [r"\N \G \\", "<b>&amp;", '"]; evil [label="', "]]>", "%s", "日本", "'"])
def test_a_label_is_literal_in_a_tooltip(label: str) -> None:
    assert titles(drawn(2 * Value(1.0, label=label)), "node")[0][0] == f"{label} = 1"


def test_a_label_cannot_make_a_tooltip_long_or_invalid() -> None:
    for label in ("a" * 100_000, "\ud800\x1b\n", " "):
        (first, second), *_ = titles(drawn(2 * Value(1.0, label=label)), "node")
        assert len(first) <= 300
        assert second == "gradient 2"


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


@pytest.mark.parametrize("width", [50, 777, 1600])
def test_a_bitmap_is_as_wide_as_asked_for(tmp_path: Path, width: int) -> None:
    diagram = viz.draw(network(2, [2, 1]), collapse="layer")
    assert size(diagram.save(tmp_path / "a.png", width=width))[0] == width


def test_a_bitmap_has_the_resolution_asked_for(tmp_path: Path) -> None:
    diagram = viz.draw(evaluate("y = x*x", {"x": 1.0}).output)
    coarse, fine = (size(diagram.save(tmp_path / "a.png", dpi=dpi)) for dpi in (72, 144))
    assert fine == pytest.approx([2 * side for side in coarse], abs=1)


def test_a_large_drawing_becomes_no_larger_bitmap_than_it_has_to(tmp_path: Path) -> None:
    diagram = viz.draw(evaluate("y = " + " + ".join(["x"] * 60), {"x": 1.0}).output)
    points = re.search(r'width="(\d+)pt"', diagram.svg())
    assert points is not None
    assert int(points[1]) > 4000
    assert size(diagram.save(tmp_path / "a.png"))[0] == pytest.approx(int(points[1]), abs=1)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a.svg", {"dpi": 100}, "dpi and width are for a .png, which 'a.svg' is not"),
        ("a.pdf", {"width": 100}, "dpi and width are for a .png"),
        ("a.png", {"dpi": 100, "width": 100}, "dpi or width, not both"),
        ("a.png", {"dpi": 0}, "dpi is a finite number of at least 1, not 0"),
        ("a.png", {"dpi": float("nan")}, "dpi is a finite number"),
        ("a.png", {"dpi": "high"}, "dpi takes an int, float"),
        ("a.png", {"width": 0}, "width is at least 1, got 0"),
        ("a.png", {"width": 2.5}, "width is an int, got"),
        ("a.png", {"width": True}, "width is an int, got"),
        ("a.png", {"width": 40_000}, "40,000 x .* pixels, and a side has 32,767 at most"),
        ("a.png", {"dpi": 1e9}, "at most; save an .svg"),
    ],
)
def test_what_is_no_size_is_refused(tmp_path: Path, name: str, options: dict[str, float], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        viz.draw(Value(1.0)).save(tmp_path / name, **options)  # pyright: ignore[reportArgumentType]
    assert list(tmp_path.iterdir()) == []
