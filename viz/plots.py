"""Plots of training runs and functions, by Matplotlib (the extra `plot`). Each returns the Axes it drew on.

Names are text: a ``$`` in one is a dollar sign, unless a function is asked for ``math=True``, which reads what stands
between two of them as Matplotlib's mathtext.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_core import Value, grad, topological_order
from autograd_core.formula import number_text
from autograd_core.value import number_of
from nn import History, Module, predict
from nn.activations import ACTIVATIONS, Activation, activation_function
from nn.evaluation import default_threshold
from viz.markup import gradient
from viz.palette import BLUE, GREY, ORANGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

LONGEST_NAME = 60
MOST_CLASSES = 20
"""How many classes are listed beside a decision boundary."""


def _axes(axes: Axes | None) -> Axes:
    """The axes given, or those of a new figure."""
    if axes is not None:
        return axes
    try:
        from matplotlib import pyplot
    except ImportError:
        raise ImportError('plots need Matplotlib: pip install "autograd-core[plot]"') from None
    return pyplot.subplots(layout="constrained")[1]


def _name(text: object) -> str:
    """A name that is short enough for a legend, of characters that can be drawn."""
    name = str(text)
    name = name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
    name = "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in name)
    # Matplotlib leaves what has no name, or one that starts with _, out of legends.
    return f" {name}" if not name or name.startswith("_") else name


def _plain(texts: Iterable[Text], math: bool = False) -> None:
    """Let Matplotlib write texts as they are."""
    for text in texts:
        if not math:
            text.set_parse_math(False)
            text.set_usetex(False)


def plot_history(history: History | Mapping[str, History], axes: Axes | None = None, *, math: bool = False) -> Axes:
    """The training loss, and the validation loss where there is one, over the epochs; the best epoch is marked.

    Of several histories by name the training losses, to compare them. Raises TypeError for anything else.
    """
    several = history if isinstance(history, Mapping) else {"training": history}
    if not several or not all(isinstance(one, History) for one in several.values()):
        raise TypeError(f"plot_history takes a History, or some by name as in {{'SGD': history}}, got {history!r:.80}")
    axes = _axes(axes)
    losses: list[float] = []
    for name, one in several.items():
        epochs = np.arange(1, len(one.epochs) + 1)
        dot = "o" if len(epochs) == 1 else ""
        axes.plot(epochs, one.loss, label=_name(name), marker=dot, color=BLUE if len(several) == 1 else None)
        losses += one.loss
        if one.validation_loss and one is history:
            axes.plot(epochs, one.validation_loss, color=ORANGE, label="validation", marker=dot)
            losses += one.validation_loss
    if isinstance(history, History):
        if history.epochs:
            best = history.best_epoch + 1
            axes.axvline(best, color=GREY, linestyle=":", label=f"best epoch {best}")
        axes.set_title(history.stopped)
    if all(loss > 0 for loss in losses):
        axes.set_yscale("log")
    axes.locator_params(axis="x", integer=True)
    axes.set(xlabel="epoch", ylabel="loss")
    _plain(axes.legend().get_texts(), math)
    return axes


def plot_decision_boundary(model: Module, X: Any, y: Any, axes: Axes | None = None, resolution: int = 150) -> Axes:
    """The classes that a model of two inputs gives to the plane, and the samples on it, in colours that a legend names.

    A model with one output is taken at the threshold that `nn.accuracy` takes by default; with several the largest
    output wins. Of more than 20 classes there is no legend. X has shape (n, 2), y shape (n,). Raises ValueError for
    other shapes.
    """
    X, y = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
    if X.ndim != 2 or X.shape[1] != 2 or y.shape != X.shape[:1]:
        raise ValueError(f"a boundary is drawn for X of shape (n, 2) and y of shape (n,), not {X.shape} and {y.shape}")
    axes = _axes(axes)
    ends = zip(X.min(axis=0) - 0.5, X.max(axis=0) + 0.5, strict=True)
    first, second = np.meshgrid(*(np.linspace(start, stop, resolution) for start, stop in ends))
    outputs = predict(model, np.column_stack([first.ravel(), second.ravel()]))
    if outputs.ndim == 1:
        height = (outputs - default_threshold(model, X[0])).reshape(first.shape)
        reach = np.abs(height).max() or 1.0
        axes.contourf(first, second, height, levels=20, cmap="PuOr", vmin=-reach, vmax=reach, alpha=0.6)
        if height.min() < 0.0 < height.max():
            axes.contour(first, second, height, levels=[0.0], colors="black", linewidths=1.0)
    else:
        winners = outputs.argmax(axis=1).reshape(first.shape)
        axes.pcolormesh(first, second, winners, cmap="viridis", vmin=0, vmax=outputs.shape[1] - 1, alpha=0.4)
    colours, low, high = "viridis", 0.0, outputs.shape[-1] - 1.0
    if outputs.ndim == 1:
        # The ends of this colour map are too dark for points beside each other, so its range goes beyond the labels.
        margin = 0.3 * (y.max() - y.min())
        colours, low, high = "PuOr", y.min() - margin, y.max() + margin
    size = 25 if len(X) > 50 else 90
    points = axes.scatter(X[:, 0], X[:, 1], c=y, cmap=colours, vmin=low, vmax=high, edgecolors="black", s=size)
    axes.set(xlabel="x1", ylabel="x2")
    classes = np.unique(y)
    if len(classes) <= MOST_CLASSES:
        for label in classes:
            axes.plot([], [], "o", color=points.to_rgba(label), markeredgecolor="black", label=f"class {label:g}")
        axes.legend()
    return axes


def plot_landscape_1d(
    function: Callable[[Any], Any],
    limits: tuple[float, float],
    paths: Mapping[str, Sequence[float]] | Sequence[float] = (),
    axes: Axes | None = None,
    *,
    math: bool = False,
) -> Axes:
    """A function of one number between two limits, and on it the points of a descent, or of several by name."""
    axes = _axes(axes)
    x = np.linspace(*limits, 400)
    axes.plot(x, [number_of(function(float(number))) for number in x], color=GREY)
    named = paths if isinstance(paths, Mapping) else {f"{len(paths) - 1} steps": paths} if len(paths) else {}
    for number, (name, path) in enumerate(named.items()):
        heights = [number_of(function(float(point))) for point in path]
        axes.plot(path, heights, "o-", color=f"C{number + 1}", markersize=4, linewidth=1.0, label=_name(name))
    if named:
        starts = [path[0] for path in named.values()]
        axes.plot(starts, [number_of(function(float(start))) for start in starts], "o", color=BLUE, label="start")
        _plain(axes.legend().get_texts(), math)
    heights = axes.lines[0].get_ydata()
    axes.set(xlabel="w", ylabel="loss", xlim=limits, ylim=_with_margin(np.asarray(heights, dtype=float)))
    return axes


def _with_margin(heights: np.ndarray, margin: float = 0.05) -> tuple[float, float]:
    """The range of the finite ones among some heights, and a share of it on either side."""
    finite = heights[np.isfinite(heights)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
    return low - margin * (high - low), high + margin * (high - low)


def plot_landscape_2d(
    function: Callable[[Any, Any], Any],
    limits: tuple[tuple[float, float], tuple[float, float]],
    paths: Mapping[str, Any] | None = None,
    axes: Axes | None = None,
    resolution: int = 80,
    *,
    levels: Sequence[float] | None = None,
    math: bool = False,
) -> Axes:
    """The contours of a function of two numbers, and on them descents by name, each of shape (steps, 2).

    The number on a contour is the function's value there; `levels` are the values to draw one for. The start of each
    descent and the lowest point found are marked: of a grid of `resolution` points a side and of the descents.

    Raises ValueError for a path of another shape.
    """
    axes = _axes(axes)
    first, second = (np.linspace(*ends, resolution) for ends in limits)
    heights = np.array([[number_of(function(float(a), float(b))) for a in first] for b in second])
    heights = np.ma.masked_invalid(heights)
    # Lines at equal ratios, so that a ravine shows as well as the slopes beside it.
    floor, top = _with_margin(heights.compressed(), 0.0)
    values = floor + np.geomspace(1e-3, 1.0, 16) * (top - floor) if levels is None else np.unique(levels)
    values = values[(values > floor) & (values < top)]
    if len(values):
        contours = axes.contour(first, second, heights, levels=values, colors=GREY, alpha=0.6, linewidths=0.8)
        numbered = values[::3] if levels is None else values
        axes.clabel(contours, numbered, fmt=lambda value: format(value, ".2g"), fontsize=7, colors="black")
    row, column = np.unravel_index(heights.argmin(), heights.shape)
    lowest = [(heights.min(), first[column], second[row])] if heights.count() else []
    for name, path in (paths or {}).items():
        points = np.asarray(path, dtype=float)
        if points.ndim != 2 or points.shape[1] != 2 or not len(points):
            raise ValueError(f"a path has shape (steps, 2), and {_name(name)!r} has {points.shape}")
        axes.plot(points[:, 0], points[:, 1], "o-", markersize=2.5, linewidth=1.0, label=_name(name))
        lowest += [(number_of(function(a, b)), a, b) for a, b in points.tolist()]
    if paths:
        starts = np.array([np.asarray(path, dtype=float)[0] for path in paths.values()])
        axes.plot(*starts.T, "o", color=BLUE, markersize=6, label="start")
    if finite := [point for point in lowest if np.isfinite(point[0])]:
        _, *place = min(finite)
        axes.plot(*place, "*", color=ORANGE, markeredgecolor="black", markersize=11, label="minimum")
    if axes.lines:
        _plain(axes.legend().get_texts(), math)
    axes.set(xlabel="w1", ylabel="w2", xlim=limits[0], ylim=limits[1])
    return axes


def plot_activation(activation: Activation, axes: Axes | None = None, reach: float = 5.0) -> Axes:
    """An activation, by name or as a function of one Value, with its derivative.

    Raises TypeError for a function that does not return a Value, and ValueError for an unknown name.
    """
    function = activation_function(activation)
    if not isinstance(function(Value(0.0)), Value):
        raise TypeError("an activation turns a Value into a Value; write it with the functions of autograd_core")
    axes = _axes(axes)
    x = np.linspace(-reach, reach, 401)
    name = next((name for name, known in ACTIVATIONS.items() if known is function), "activation")
    axes.plot(x, [number_of(function(number)) for number in x.tolist()], color=BLUE, label=name)
    axes.plot(x, [number_of(grad(function)(number)) for number in x.tolist()], color=ORANGE, label="derivative")
    axes.axhline(0.0, color=GREY, linewidth=0.5)
    axes.set(xlabel="z")
    axes.legend()
    return axes


def plot_gradient_flow(model: Module, axes: Axes | None = None, *, output: Value | None = None) -> Axes:
    """The norm of the gradient of each layer, as the last backward pass left it, from the input to the output.

    A layer is what the path of a parameter names before its neuron: ``layers.0``. Points that sink towards the input
    are a vanishing gradient, points that rise an exploding one. With the `output` that ``backward()`` was called on,
    such as a loss, the gradients of the layers' activations are shown too. The axis is logarithmic; a norm that has no
    place on it, such as 0, is written under its layer.
    """
    axes = _axes(axes)
    series = {"parameters": (gradient_norms(model), BLUE)}
    if output is not None:
        series["activations"] = (gradient_norms(model, output), ORANGE)
    names = list(series["parameters"][0])
    for number, (label, (norms, colour)) in enumerate(series.items()):
        shown = [norm if 0.0 < norm < np.inf else np.nan for norm in norms.values()]
        axes.plot(range(len(names)), shown, "o-", linewidth=0.8, color=colour, label=label)
        for place, norm in enumerate(norms.values()):
            if np.isnan(shown[place]):
                where = (place, 0.02 + 0.05 * number)
                axes.annotate(number_text(norm), where, xycoords=("data", "axes fraction"), color=colour, ha="center")
    if any(0.0 < norm < np.inf for norms, _ in series.values() for norm in norms.values()):
        axes.set_yscale("log")
    axes.set(ylabel="gradient norm")
    axes.set_xticks(range(len(names)), [_name(name) for name in names], rotation=45, ha="right")
    _plain(axes.get_xticklabels())
    if output is not None:
        axes.legend()
    return axes


def gradient_norms(model: Module, output: Value | None = None) -> dict[str, float]:
    """The Euclidean norm of the gradients of each layer of a model, by the layer's path.

    They are those of the parameters or, given the `output` that ``backward()`` was called on, of the activations in its
    graph: of what was computed in calls of the layer and is used outside of it, over all samples. A layer that the
    output was not computed by has 0.

    >>> import nn
    >>> model = nn.MLP(1, [1, 1], "linear", init="constant")
    >>> loss = 2.0 * model([1.0])
    >>> loss.backward()
    >>> gradient_norms(model, loss)
    {'layers.0': 0.2, 'layers.1': 2.0}
    """
    found: dict[str, list[float]] = {}
    for name, parameter in model.named_parameters():
        layer = name.partition(".neurons.")[0] if ".neurons." in name else name.rpartition(".")[0] or name
        found.setdefault(layer, []).append(gradient(parameter))
    if output is not None:
        found = _activation_gradients(output, found)
    return {layer: float(np.linalg.norm(gradients)) for layer, gradients in found.items()}


def _activation_gradients(output: Value, layers: Iterable[str]) -> dict[str, list[float]]:
    """The gradient of each node that was computed in one of the layers and is used outside of it."""
    found: dict[str, list[float]] = {layer: [] for layer in layers}

    def layer_of(scope: str) -> str:
        while scope and scope not in found:
            scope = scope.rpartition(".")[0]
        return scope

    order = topological_order(output)
    made_in = {node: layer_of(node.scope) for node in order}
    used_outside = {operand: None for node in order for operand in node.inputs if made_in[operand] != made_in[node]}
    for node in used_outside | {output: None}:
        if node.inputs and made_in[node]:
            found[made_in[node]].append(gradient(node))
    return found
