"""A recorded model worked out in the browser for many inputs, and where its outputs cross a height."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import nn
from autograd_core import Value
from autograd_core.functions import less, where
from tests.viz.static.scripts import run
from viz.model_graph import ModelGraph

if TYPE_CHECKING:
    from playwright.sync_api import Page


class Everything(nn.Module):
    """Operations of one, two and three operands, plain numbers, an output that is a parameter, and one that is none."""

    def __init__(self) -> None:
        self.a, self.b, self._hidden = Value(0.7), Value(-1.3), Value(0.25)

    def forward(self, x: Any) -> list[Value]:
        scale = (self.a * self.b).exp()
        return [where(less(x[0], x[1]), scale * x[0], (x[1] / 3.0).tanh() + self._hidden), self.a, scale, x[1]]


def test_outputs_are_those_of_the_engine(page: Page) -> None:
    model = Everything()
    graph, source = ModelGraph(model, np.array([0.1, 0.2])).on_page({p: i for i, p in enumerate(model.parameters())})
    X = np.random.default_rng(0).normal(size=(600, 2))  # more than a chunk
    body = f"""
      const work = surfaceModule.createModel(given.graph, {source});
      const columns = given.columns.map((x) => Float64Array.from(x));
      return given.parameters.map((one) => work(one, columns).map((x) => [...x]));
    """
    parameters = [[0.7, -1.3], [0.5, 2.0]]
    found = run(page, "surface", body, {"graph": graph, "parameters": parameters, "columns": X.T.tolist()})
    for numbers, outputs in zip(parameters, found, strict=True):
        model.a.data, model.b.data = numbers
        np.testing.assert_allclose(np.array(outputs).T, nn.predict(model, X), rtol=1e-12)


def test_winners_are_those_of_nn_accuracy(page: Page) -> None:
    body = "return given.map(([outputs, threshold]) => [...surfaceModule.winners(outputs, threshold)]);"
    cases: list[Any] = [[[[0.5, 0.6, 0.4]], 0.5], [[[1, 2, 2], [2, 1, 2], [0, 0, 3]], 0]]
    assert run(page, "surface", body, cases) == [[0, 1, 0], [1, 0, 2]]
    assert run(page, "surface", "return [...surfaceModule.winners([[1, NaN]], 0)];") == [1, -1]


def test_a_contour_lies_where_the_height_is_0(page: Page) -> None:
    across = np.arange(12.0)
    i, j = np.meshgrid(across, across)
    circle = (np.hypot(i - 5.5, j - 5.5) - 4.0).ravel()
    lines = np.array(run(page, "surface", "return surfaceModule.contour(given, 12);", circle.tolist()))
    assert len(lines) > 20
    assert np.abs(np.hypot(*(lines.reshape(-1, 2) - 5.5).T) - 4.0).max() < 0.05
    assert run(page, "surface", "return surfaceModule.contour([1, NaN, -1, 5], 2);") == []
