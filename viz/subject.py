"""The model of a training run and its data, as a `viz.TrainingPlayer` sees them: accuracy, network, and plane."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_core import Value
from autograd_core.modes import changed
from nn.evaluation import default_threshold, predictor, share_right
from nn.history import Training
from nn.objective import drawn_back
from viz.curves import LARGEST
from viz.model_graph import ModelGraph, network

MOST_POINTS = 500
"""How many samples are drawn."""
MOST_CLASSES = 8
"""How many classes have colours that can be told apart."""


class Subject:
    """What is known of a training run beyond the numbers of its epochs.

    `named` are the parameters that are recorded, by path, and `part` is the path of the part of the model that has
    them, '' for all of it. `threshold` is as for `nn.accuracy`.
    """

    network: list[dict[str, Any]] | None = None
    """The layers, as the page has them, where they form a chain."""
    plane: dict[str, Any] | None = None
    """What the page works out for each point of the plane, where there are two inputs."""
    no_plane: str = ""
    """Why there is no plane for a model of two inputs; '' for another."""
    operations: str = "null"
    """The operations of the graph in `plane`, in JavaScript."""

    def __init__(self, training: Training, named: dict[str, Value], part: str, threshold: float | None) -> None:
        self.parameters = list(named.values())
        self._training, self._threshold = training, threshold
        self._scored: list[tuple[Callable[[], np.ndarray], np.ndarray]] = []
        if training.X is not None and training.y is not None:
            # Nothing that the model draws from changes, and its numbers are not looked at.
            with drawn_back(self._training.generators), changed(checking=False):
                self._look(training.X, training.y, part)

    def _look(self, X: np.ndarray, y: np.ndarray, part: str) -> None:
        model, graph, trouble, flat = self._training.model, None, "", X.shape[1] == 2
        held_out, labels = self._training.validation_data or (X[:1], y[:1])
        try:
            outputs, compiled = predictor(model, X)
            others, _ = predictor(model, held_out)
            found, held = outputs(), others()
            several = found.ndim > 1
            if self._threshold is None:
                self._threshold = 0.0 if several else default_threshold(model, X[0])
        except Exception:  # of somebody else's code, which may do anything; the run itself does without predictions
            return
        try:
            graph = ModelGraph(model, X[0])
        except Exception as error:  # the same
            trouble = (
                f"the model cannot be recorded for all samples at once ({type(error).__name__}: {str(error)[:200]})"
            )
        places = {parameter: i for i, parameter in enumerate(self.parameters)}
        self.network = network(model, X[0], part, places) if graph else None
        classes = _classes(found, y)
        if classes:
            self._scored = [(outputs, y)]
            if self._training.validation_data and _is_scored(held, labels):
                self._scored.append((others, labels))
        if not flat or (not classes and (several or y.ndim > 1)):
            return
        try:
            if part:
                raise ValueError(f"only the weights of {part} are recorded")
            if graph is None:
                raise ValueError(trouble)
            if len(classes) > MOST_CLASSES:
                raise ValueError(f"there are {len(classes)} classes, and no more than {MOST_CLASSES} colours")
            nodes, operations = graph.on_page(places)
            if not compiled:
                raise ValueError("the model cannot be compiled, or takes other ways for other samples")
            plane = nodes | _plane(X, y, classes) | {"threshold": self._threshold}
        except ValueError as error:
            self.no_plane = str(error)
        else:
            self.plane, self.operations = plane, operations

    def accuracies(self) -> tuple[float | None, float | None]:
        """The share of samples that are predicted right with the weights of now, and of those for validation; None
        where targets are no classes, or there are none.
        """
        if not self._scored:
            return None, None
        with drawn_back(self._training.generators), changed(checking=False):
            shares = [share_right(outputs(), labels, self._threshold or 0.0) for outputs, labels in self._scored]
        return shares[0], shares[1] if len(shares) > 1 else None


def _classes(outputs: np.ndarray, y: np.ndarray) -> list[str]:
    """The names of the classes, in the order of their numbers on the page; [] where the targets are none."""
    if len(np.unique(y, axis=0)) < 2 or not _is_scored(outputs, y):
        return []
    return [str(k) for k in range(outputs.shape[1])] if outputs.ndim > 1 else [f"{label:g}" for label in np.unique(y)]


def _is_scored(outputs: np.ndarray, y: np.ndarray) -> bool:
    try:
        share_right(outputs, y, 0.0)
    except (TypeError, ValueError):
        return False
    return True


def _plane(X: np.ndarray, y: np.ndarray, classes: list[str]) -> dict[str, Any]:
    """The points and corners of a plane, as `viz.training` describes them."""
    shown = np.unique(np.linspace(0, len(X) - 1, MOST_POINTS).astype(int))
    if classes:
        targets = (y.argmax(axis=1) if y.ndim > 1 else y if y.max() > 1 else y > 0).astype(int)
    else:
        targets = y.astype(float)
    low, high = X.min(axis=0), X.max(axis=0)
    if np.abs([low, high]).max() > LARGEST:
        raise ValueError("the inputs are too large to draw")
    # Where all are the same, so wide that the corners are other numbers.
    margin = np.where(high > low, 0.08 * (high - low), 1.0 + 0.01 * np.abs(low))
    return {
        "points": [[*row, target] for row, target in zip(X[shown].tolist(), targets[shown].tolist(), strict=True)],
        "count": len(X),
        "classes": classes or None,
        "low": (low - margin).tolist(),
        "high": (high + margin).tolist(),
        "reach": None if classes else [float(y.min()), float(y.max())],
    }
