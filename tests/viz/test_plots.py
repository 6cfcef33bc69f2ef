"""Plots: what is on the axes, and that a figure comes out."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("Agg")

from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba

import nn
import viz
from autograd_core import Value
from nn.activations import ACTIVATIONS


@pytest.fixture(autouse=True)
def closed_figures() -> Iterator[None]:
    yield
    pyplot.close("all")


def drawn(axes: Axes) -> Axes:
    """The axes, after their figure has been painted once."""
    figure = axes.get_figure()
    assert figure is not None
    figure.canvas.draw()
    return axes


def legend(axes: Axes) -> list[str]:
    found = axes.get_legend()
    return [text.get_text() for text in found.get_texts()] if found else []


def history(validation: bool) -> nn.History:
    losses = [4.0, 2.0, 1.0, 3.0]
    return nn.History([nn.Epoch(loss, loss + 1.0 if validation else None, 0.1, 0.0) for loss in losses], "enough")


def test_history_shows_both_losses_and_the_best_epoch() -> None:
    axes = drawn(viz.plot_history(history(validation=True)))
    assert legend(axes) == ["training", "validation", "best epoch 3"]
    assert list(np.asarray(axes.lines[0].get_ydata())) == [4.0, 2.0, 1.0, 3.0]
    assert list(np.asarray(axes.lines[1].get_ydata())) == [5.0, 3.0, 2.0, 4.0]
    assert axes.get_yscale() == "log"
    assert axes.get_title() == "enough"


def test_several_histories_are_compared_by_name() -> None:
    axes = drawn(viz.plot_history({"SGD": history(validation=True), "Adam": history(validation=False)}))
    assert legend(axes) == ["SGD", "Adam"]
    assert [len(np.asarray(line.get_ydata())) for line in axes.lines] == [4, 4]
    assert all(tick == int(tick) for tick in axes.get_xticks())


@pytest.mark.parametrize("given", [{}, [nn.History()], {"SGD": [1.0]}])
def test_what_is_no_history_is_refused(given: Any) -> None:
    with pytest.raises(TypeError, match="plot_history takes a History, or some by name"):
        viz.plot_history(given)


def test_history_without_validation_or_without_epochs() -> None:
    assert legend(drawn(viz.plot_history(history(validation=False)))) == ["training", "best epoch 3"]
    assert legend(drawn(viz.plot_history(nn.History()))) == ["training"]


def test_plots_draw_on_the_axes_given() -> None:
    _, axes = pyplot.subplots()
    assert viz.plot_history(history(validation=False), axes) is axes


@pytest.mark.parametrize("activation", ["linear", "sigmoid"])
def test_the_decision_boundary_is_where_the_classes_change(activation: str) -> None:
    model = nn.MLP(2, [1], output_activation=activation, init="constant")
    X = np.array([[-1.0, -1.0], [1.0, 1.0], [2.0, 0.5]])
    axes = drawn(viz.plot_decision_boundary(model, X, [0, 1, 1]))
    (line,) = [c for c in axes.collections if getattr(c, "levels", None) is not None and list(c.levels) == [0.0]]  # type: ignore[attr-defined]
    points = line.get_paths()[0].vertices
    assert np.abs(np.asarray(points).sum(axis=1)).max() < 1e-6


def test_several_classes_have_regions() -> None:
    X, y = nn.data.blobs(30, centers=3, rng=0)
    model = nn.MLP(2, [3], rng=0)
    assert len(drawn(viz.plot_decision_boundary(model, X, y, resolution=10)).collections) == 2


def test_a_boundary_needs_two_inputs() -> None:
    with pytest.raises(ValueError, match=r"X of shape \(n, 2\) and y of shape \(n,\), not \(5, 3\) and \(5,\)"):
        viz.plot_decision_boundary(nn.MLP(3, [1]), np.zeros((5, 3)), np.zeros(5))


def test_the_landscape_in_one_dimension_has_the_path_on_it() -> None:
    axes = drawn(viz.plot_landscape_1d(lambda w: w * w, (-2.0, 2.0), [-2.0, -1.0, -0.5]))
    assert list(np.asarray(axes.lines[1].get_ydata())) == [4.0, 1.0, 0.25]
    assert legend(axes) == ["2 steps", "start"]
    assert len(drawn(viz.plot_landscape_1d(lambda w: w * w, (-2.0, 2.0))).lines) == 1
    axes = drawn(viz.plot_landscape_1d(lambda w: w * w, (-2.0, 2.0), {"left": [-2.0, -1.0], "right": [2.0, 0.5]}))
    assert legend(axes) == ["left", "right", "start"]
    assert list(np.asarray(axes.lines[3].get_xdata())) == [-2.0, 2.0]


def test_the_landscape_in_two_dimensions_has_every_path_by_name() -> None:
    paths = {"SGD": [(1.0, 1.0), (0.5, 0.2)], "Adam": np.array([[1.0, 1.0], [0.9, 0.9]])}
    axes = drawn(viz.plot_landscape_2d(lambda a, b: a * a + 10 * b * b, ((-1, 1), (-2, 2)), paths, resolution=20))
    assert legend(axes) == ["SGD", "Adam", "start", "minimum"]
    assert axes.get_xlim() == (-1.0, 1.0)
    drawn(viz.plot_landscape_2d(lambda a, b: 1.0, ((-1, 1), (-2, 2)), resolution=5))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_is_shown_with_its_derivative(name: str) -> None:
    axes = drawn(viz.plot_activation(name, reach=2.0))
    assert legend(axes) == [name, "derivative"]
    x, slopes = (np.asarray(data) for data in axes.lines[1].get_data())
    values = np.asarray(axes.lines[0].get_ydata())
    middle = (values[2:] - values[:-2]) / (x[2:] - x[:-2])
    smooth = np.abs(x[1:-1]) > 0.05
    np.testing.assert_allclose(middle[smooth], slopes[1:-1][smooth], atol=1e-4)


def heights(axes: Axes, line: int) -> list[float]:
    return np.asarray(axes.lines[line].get_ydata(), dtype=float).tolist()


def test_gradient_flow_has_a_point_a_layer() -> None:
    model = nn.MLP(2, [3, 1], "tanh", rng=0)
    model([1.0, 2.0]).backward()
    norms = viz.gradient_norms(model)
    assert list(norms) == ["layers.0", "layers.1"]
    assert norms["layers.1"] == pytest.approx(np.linalg.norm([p.grad for p in model.layers[1].parameters()]))
    axes = drawn(viz.plot_gradient_flow(model))
    assert heights(axes, 0) == pytest.approx(list(norms.values()))
    assert axes.lines[0].get_marker() == "o"
    assert (len(axes.patches), axes.get_yscale()) == (0, "log")
    assert [label.get_text() for label in axes.get_xticklabels()] == list(norms)
    assert legend(axes) == []


def test_gradient_flow_of_activations_over_all_samples() -> None:
    model = nn.MLP(2, [3, 1], "tanh", rng=0)
    inputs, targets = [[1.0, 2.0], [-1.0, 0.5]], [0.0, 1.0]
    hidden, outputs = [], []
    for x in inputs:
        hidden.append(model.layers[0](x))
        outputs.append(model.layers[1](hidden[-1]))
    loss = sum(((y - t) ** 2 for y, t in zip(outputs, targets, strict=True)), Value(0.0))
    loss.backward()
    norms = viz.gradient_norms(model, loss)
    assert norms["layers.0"] == pytest.approx(np.linalg.norm([h.grad for both in hidden for h in both]))
    assert norms["layers.1"] == pytest.approx(np.linalg.norm([y.grad for y in outputs]))
    assert viz.gradient_norms(model, Value(1.0) * 2.0) == {"layers.0": 0.0, "layers.1": 0.0}
    axes = drawn(viz.plot_gradient_flow(model, output=loss))
    assert legend(axes) == ["parameters", "activations"]
    assert heights(axes, 1) == pytest.approx(list(norms.values()))


def test_a_gradient_that_has_no_place_on_a_logarithmic_axis_is_written() -> None:
    model = nn.MLP(2, [2, 2, 1], rng=0)
    for value, parameter in zip([0.0, 3.0, math.inf], [layer.neurons[0].b for layer in model.layers], strict=True):
        parameter.grad = value
    axes = drawn(viz.plot_gradient_flow(model))
    assert [text.get_text() for text in axes.texts] == ["0", "inf"]
    assert np.isnan(heights(axes, 0)).tolist() == [True, False, True]
    assert heights(axes, 0)[1] == 3.0
    model.zero_grad()
    assert [text.get_text() for text in drawn(viz.plot_gradient_flow(model)).texts] == ["0"] * 3


def test_the_landscape_marks_starts_and_the_lowest_point_and_numbers_levels() -> None:
    def bowl(a: float, b: float) -> float:
        return (a - 0.5) ** 2 + b * b

    paths = {"down": [(-1.0, 1.0), (0.5, 0.001)], "flat": [(1.0, 1.0)]}
    axes = drawn(viz.plot_landscape_2d(bowl, ((-1, 1), (-1, 1)), paths, resolution=4, levels=[2.0, 0.5, 1.0]))
    assert {text.get_text() for text in axes.texts} <= {"0.5", "1", "2"}
    starts, lowest = axes.lines[-2:]
    assert [starts.get_label(), lowest.get_label()] == ["start", "minimum"]
    assert np.asarray(starts.get_xydata()).tolist() == [[-1.0, 1.0], [1.0, 1.0]]
    assert np.asarray(lowest.get_xydata()).tolist() == [[0.5, 0.001]]
    axes = drawn(viz.plot_landscape_2d(bowl, ((-1, 1), (-1, 1)), resolution=41))
    assert legend(axes) == ["minimum"]
    assert np.asarray(axes.lines[0].get_xydata())[0] == pytest.approx([0.5, 0.0])
    numbers = [float(text.get_text()) for text in axes.texts]
    assert numbers
    assert all(0.0 < number < bowl(-1.0, 1.0) for number in numbers)


def test_a_landscape_may_have_holes_or_be_nothing_but_holes() -> None:
    axes = drawn(viz.plot_landscape_2d(lambda a, b: math.inf if a < 0 else a, ((-1, 1), (-1, 1)), resolution=5))
    assert np.asarray(axes.lines[0].get_xydata())[0][0] == 0.0
    assert drawn(viz.plot_landscape_2d(lambda a, b: math.nan, ((-1, 1), (-1, 1)), resolution=5)).lines[:] == []


@pytest.mark.parametrize("path", [[], [1.0, 2.0], [[1.0]], [[1.0, 2.0, 3.0]]])
def test_a_path_of_another_shape_is_refused(path: Any) -> None:
    with pytest.raises(ValueError, match=r"a path has shape \(steps, 2\), and 'SGD' has"):
        viz.plot_landscape_2d(lambda a, b: a, ((-1, 1), (-1, 1)), {"SGD": path}, resolution=3)


def test_a_legend_names_the_classes_by_the_colours_of_their_samples() -> None:
    X, y = nn.data.blobs(30, centers=3, rng=0)
    for model, labels in ((nn.MLP(2, [3], rng=0), y), (nn.MLP(2, [1], rng=0), np.where(y > 0, 1, -1))):
        axes = drawn(viz.plot_decision_boundary(model, X, labels, resolution=10))
        assert legend(axes) == [f"class {label:g}" for label in np.unique(labels)]
        samples = axes.collections[-1].get_facecolor()
        for line, label in zip(axes.lines, np.unique(labels), strict=True):
            of_class = np.asarray(samples)[np.asarray(labels) == label][0]
            assert to_rgba(line.get_color()) == pytest.approx(tuple(of_class))
    y = np.linspace(0.0, 1.0, len(X))
    assert legend(drawn(viz.plot_decision_boundary(nn.MLP(2, [1], rng=0), X, y, resolution=5))) == []


NAMES = ["$\\q$", "a$b", "$x$ and $y$", "\ud800", "\x00\x1b", "_private", "a" * 100_000, "", "{}%s\\"]


def test_any_name_can_be_shown_and_is_no_formula(tmp_path: Path) -> None:
    expected = ["$\\q$", "a$b", "$x$ and $y$", "\ufffd", "\ufffd\ufffd", " _private", "a" * 59 + "…", " ", "{}%s\\"]
    path = [[0.0, 0.0], [1.0, 1.0]]
    for axes in (
        viz.plot_history({name: history(validation=False) for name in NAMES}),
        viz.plot_landscape_1d(lambda w: w, (0.0, 1.0), {name: [0.0, 1.0] for name in NAMES}),
        viz.plot_landscape_2d(lambda a, b: a, ((0.0, 1.0), (0.0, 1.0)), dict.fromkeys(NAMES, path), resolution=3),
    ):
        assert legend(drawn(axes))[: len(NAMES)] == expected
        figure = axes.get_figure(root=True)
        assert figure is not None
        figure.savefig(tmp_path / "a.png")


def test_names_of_layers_are_no_formulas() -> None:
    model = nn.Sequential()
    model.parts = {"$\\q$": nn.Layer(1, 1, rng=0)}  # pyright: ignore[reportAttributeAccessIssue]
    model.parts["$\\q$"]([1.0]).backward()  # pyright: ignore[reportAttributeAccessIssue]
    (label,) = drawn(viz.plot_gradient_flow(model)).get_xticklabels()
    assert label.get_text() == "parts.$\\q$"


def test_a_name_is_a_formula_on_request() -> None:
    axes = viz.plot_history({"$\\eta$ = 1": history(validation=False)}, math=True)
    found = axes.get_legend()
    assert found is not None
    assert [text.get_parse_math() for text in found.get_texts()] == [True]
    with pytest.raises(ValueError, match="Unknown symbol"):
        drawn(viz.plot_history({"$\\q$": history(validation=False)}, math=True))


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"autograd-core\[plot\]"):
        viz.plot_history(nn.History())
