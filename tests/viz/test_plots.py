"""Plots: what is on the axes, and that a figure comes out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("Agg")

from matplotlib import pyplot
from matplotlib.axes import Axes

import nn
import viz
from nn.layers import ACTIVATIONS


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
    assert legend(axes) == ["SGD", "Adam"]
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


def test_gradient_flow_has_a_bar_a_layer() -> None:
    model = nn.MLP(2, [3, 1], "tanh", rng=0)
    model([1.0, 2.0]).backward()
    norms = viz.gradient_norms(model)
    assert list(norms) == ["layers.0", "layers.1"]
    assert norms["layers.1"] == pytest.approx(np.linalg.norm([p.grad for p in model.layers[1].parameters()]))
    axes = drawn(viz.plot_gradient_flow(model))
    assert [bar.get_height() for bar in axes.patches] == pytest.approx(list(norms.values()))  # type: ignore[attr-defined]
    model.zero_grad()
    drawn(viz.plot_gradient_flow(model))


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"autograd-core\[plot\]"):
        viz.plot_history(nn.History())
