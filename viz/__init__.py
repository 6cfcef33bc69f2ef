"""Drawings of computation graphs and networks, plots, and the command line."""

from viz.dot import Diagram, draw
from viz.network import draw_network
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

__all__ = [
    "Diagram",
    "Stepper",
    "TrainingPlayer",
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
