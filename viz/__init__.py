"""Drawings of computation graphs and networks, plots, and the command line."""

from importlib.util import find_spec
from pathlib import Path

# Asked before anything is imported, because the import of somebody's own script would run it.
if _shadows := [
    _file
    for name in ("autograd_core", "nn")
    if (_found := find_spec(name)) and (_file := _found.origin)
    and Path(_file).resolve().parent != Path(__file__).resolve().parents[1] / name
]:  # fmt: skip
    raise ImportError(
        f"Python finds {_shadows[0]} in place of the package that viz was installed with; rename that file"
    )

from viz.dot import Diagram, draw
from viz.exercise import Exercise
from viz.network import draw_network
from viz.playground import Playground
from viz.plots import (
    gradient_norms,
    plot_activation,
    plot_decision_boundary,
    plot_gradient_flow,
    plot_history,
    plot_landscape_1d,
    plot_landscape_2d,
)
from viz.stepper import Stepper
from viz.training import TrainingPlayer
from viz.worksheet import Worksheet

__all__ = [
    "Diagram",
    "Exercise",
    "Playground",
    "Stepper",
    "TrainingPlayer",
    "Worksheet",
    "draw",
    "draw_network",
    "gradient_norms",
    "plot_activation",
    "plot_decision_boundary",
    "plot_gradient_flow",
    "plot_history",
    "plot_landscape_1d",
    "plot_landscape_2d",
]
