"""Scrubbing through a training in a browser: the loss, and each weight with its gradient and step, epoch by epoch.

The page is one file without anything from a network: the loss curve, a trace, and one script. The trace is JSON of this
form; numbers that JSON lacks are the strings "inf", "-inf" and "nan":

    version     1
    model       the kind of the model, such as MLP
    stopped     why the training ended before its last epoch, or ''
    parameters  for each parameter its path, the path of the module it is of, and of the module around that (layer)
    epochs      for each recorded epoch its number, loss, validation loss (or null), learning rate, and the data and
                grad of each parameter: after the last step of the epoch, and what that step descended
    plot        how the curve is drawn: the edges of its area (left, right, top, bottom), the epochs at left and right
                (first, last), the losses at bottom and top (low, high), and whether they are spaced by their log
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from autograd_core.formula import number_text
from nn.arguments import positive_int
from nn.history import History, Training
from nn.module import Module
from viz.page import framed, html_path, json_number, json_text, page
from viz.palette import ACTIVE, FOCUS

TITLE = "Scrub through a training"
MOST_PARAMETERS = 2_000
"""How many parameters can be recorded."""
MOST_EPOCHS = 1_000
"""How many epochs are kept; beyond it every other one is."""
MOST_NUMBERS = 200_000
"""How many weights are kept, over all epochs, so that a page stays below some 8 MB."""
FONT = "Helvetica, Arial, sans-serif"


class _Moment(NamedTuple):
    epoch: int
    loss: float
    validation: float | None
    rate: float
    data: np.ndarray
    grad: np.ndarray


class TrainingPlayer:
    """A callback for `nn.fit` that records a training to scrub through: `save` writes it as a page.

    In a notebook it shows itself. It keeps the first epoch, each one that is a multiple of `every`, and the last; when
    they are more than `MOST_EPOCHS`, or have more than `MOST_NUMBERS` weights, `every` is doubled. Of a model with
    more than `MOST_PARAMETERS` parameters it records a part, such as ``part="layers.0"``. A resumed training goes on
    in the record; another one begins it anew. The weights before the first step are not in it.

    >>> import nn
    >>> X, y = nn.data.xor()
    >>> model = nn.MLP(2, [4, 1], "tanh", rng=0)
    >>> player = TrainingPlayer(every=10)
    >>> history = nn.fit(model, X, y, loss=nn.losses.binary_cross_entropy_with_logits, epochs=25, rng=0,
    ...                  optimizer=nn.optim.SGD(model.parameters(), lr=0.5), callbacks=[player], progress=False)
    >>> player
    <TrainingPlayer of 4 epochs and 17 parameters; .save('training.html')>
    >>> [epoch["epoch"] for epoch in player.trace["epochs"]]
    [1, 10, 20, 25]
    >>> player.trace["epochs"][-1]["loss"] == history.loss[-1]
    True
    """

    def __init__(self, every: int = 1, part: str = "") -> None:
        self._given = self.every = positive_int(every, "every")
        if not isinstance(part, str):
            raise TypeError(f"part is the path of a part of the model, such as 'layers.0', got {part!r}")
        self.part, self._model, self._history = part, "", History()
        self._parameters: list[dict[str, str]] = []
        self._moments: list[_Moment] = []

    def __call__(self, training: Training) -> None:
        """Record the epoch that has just ended.

        Raises TypeError for what is no `Training`, ValueError for an unknown `part` or too many parameters.
        """
        if not isinstance(training, Training):
            raise TypeError(f"a TrainingPlayer is for nn.fit(..., callbacks=[player]), got {type(training).__name__}")
        parameters = _places(training.model, list(named := _of_part(training.model, self.part)))
        number, last = len(training.history.epochs), training.history.epochs[-1]
        if parameters != self._parameters or (self._moments and number <= self._moments[-1].epoch):
            self._moments, self.every = [], self._given
        self._model, self._history, self._parameters = type(training.model).__name__, training.history, parameters
        self._moments = self._kept(self._moments)  # without the last so far, unless it has a place of its own
        data, grad = (np.array([getattr(one, kind) for one in named.values()], float) for kind in ("data", "grad"))
        self._moments.append(_Moment(number, last.loss, last.validation_loss, last.learning_rate, data, grad))
        while len(self._moments) > max(3, min(MOST_EPOCHS, MOST_NUMBERS // len(parameters))):
            self.every *= 2
            self._moments = [*self._kept(self._moments[:-1]), self._moments[-1]]

    def _kept(self, moments: list[_Moment]) -> list[_Moment]:
        return [moment for place, moment in enumerate(moments) if place == 0 or moment.epoch % self.every == 0]

    @property
    def trace(self) -> dict[str, Any]:
        """What the page knows, as the module describes it; raises ValueError before the first epoch."""
        if not self._moments:
            raise ValueError("no epoch is recorded yet; train with nn.fit(..., callbacks=[player]) first")
        epochs = [
            {
                "epoch": moment.epoch,
                **{name: json_number(getattr(moment, name)) for name in ("loss", "validation", "rate")},
                **{
                    name: [json_number(number) for number in getattr(moment, name).tolist()]
                    for name in ("data", "grad")
                },
            }
            for moment in self._moments
        ]
        known = {"version": 1, "model": self._model, "stopped": self._history.stopped}
        parameters = [dict(one) for one in self._parameters]
        return {**known, "parameters": parameters, "epochs": epochs, "plot": _plot(self._moments)}

    def svg(self) -> str:
        """The loss curve; raises ValueError before the first epoch."""
        return _curve(self._moments, self.trace["plot"])

    def html(self) -> str:
        """The page; raises ValueError before the first epoch."""
        start = 'trainingModule.start(document.getElementById("trace").textContent);'
        return page("training", TITLE, start, {"SVG": self.svg(), "TRACE": json_text(self.trace)})

    def save(self, path: str | Path) -> Path:
        """Write the page to a file that opens in any browser; the path.

        Raises ValueError for a name that does not end in .html, or before the first epoch, and OSError where the file
        cannot be written.
        """
        path = html_path(path, "a training")
        path.write_text(self.html(), encoding="utf-8")
        return path

    def __repr__(self) -> str:
        if not self._moments:
            return "<TrainingPlayer of no epoch yet; nn.fit(..., callbacks=[player])>"
        counts = {"epoch": len(self._moments), "parameter": len(self._parameters)}
        of = " and ".join(f"{count:,} {what}{'s' * (count != 1)}" for what, count in counts.items())
        return f"<TrainingPlayer of {of}; .save('training.html')>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        if not self._moments:
            return {"text/plain": repr(self)}
        shown = framed(self.html(), TITLE, self.svg(), "The loss over the epochs")
        return {"text/html": shown, "text/plain": repr(self)}


def _of_part(model: Module, part: str) -> dict[str, Any]:
    """The parameters of a part of a model by their paths in the model."""
    named = dict(model.named_parameters())
    found = {path: one for path, one in named.items() if not part or path == part or path.startswith(f"{part}.")}
    if not found:
        raise ValueError(f"the model has no parameters in {part!r}; it has {', '.join(list(named)[:3])} and so on")
    if len(found) > MOST_PARAMETERS:
        example = next(
            (path for path, _ in model.named_modules() if path.startswith(part) and path != part), "layers.0"
        )
        raise ValueError(
            f"{len(found):,} parameters are more than the {MOST_PARAMETERS:,} that a page can show; record a part of "
            f"the model, such as TrainingPlayer(part={example!r}), or train a smaller one"
        )
    return found


def _places(model: Module, paths: list[str]) -> list[dict[str, str]]:
    """Each parameter's path, and those of its module and of the module around that."""
    modules = {path for path, _ in model.named_modules()}

    def around(path: str) -> str:
        outer = path.rpartition(".")[0]
        return outer if outer in modules else around(outer)

    return [{"path": path, "module": around(path), "layer": around(around(path))} for path in paths]


def _plot(moments: list[_Moment]) -> dict[str, Any]:
    losses = [
        loss for one in moments for loss in (one.loss, one.validation) if loss is not None and math.isfinite(loss)
    ]
    low, high = (min(losses), max(losses)) if losses else (0.0, 1.0)
    if high - low <= 1e-3 * abs(low):
        low, high = (low / 1.1, high * 1.1) if low > 0.0 else (low - 1.0 + 0.1 * low, high + 1.0)
    edges = {"left": 96, "right": 532, "top": 32, "bottom": 188, "first": moments[0].epoch, "last": moments[-1].epoch}
    return {**edges, "low": low, "high": high, "log": low > 0.0}


def _curve(moments: list[_Moment], plot: dict[str, Any]) -> str:
    """The loss, and the validation loss where there is one, over the epochs as SVG, with a marker for the script."""
    left, right, top, bottom = (plot[edge] for edge in ("left", "right", "top", "bottom"))
    low, high = (math.log(plot[end]) if plot["log"] else plot[end] for end in ("low", "high"))
    wide = max(1, plot["last"] - plot["first"])

    def path(losses: list[float | None]) -> str:
        points = [
            f"{left + (right - left) * (moment.epoch - plot['first']) / wide:.1f},"
            f"{bottom - (bottom - top) * ((math.log(loss) if plot['log'] else loss) - low) / (high - low):.1f}"
            for moment, loss in zip(moments, losses, strict=True)
            if loss is not None and math.isfinite(loss)
        ]
        return f"M{' '.join(points)}" + "h0" * (len(points) == 1) if points else ""

    def text(x: float, y: float, anchor: str, said: str) -> str:
        return f'<text class="said" x="{x}" y="{y}" text-anchor="{anchor}" fill="#333333">{said}</text>'

    line = 'fill="none" stroke-width="2.5" stroke-linecap="round" stroke-linejoin="round"'
    curves = [("loss", "", path([moment.loss for moment in moments]), left)]
    curves.append(("validation", 'stroke-dasharray="6 5"', path([moment.validation for moment in moments]), left + 90))
    drawn, axes = "", f"M{left} {top}V{bottom}H{right}"
    for (name, dashes, points, x), colour in zip(curves, (ACTIVE, FOCUS), strict=True):
        if points:
            drawn += f'<path class="{name}" {line} {dashes} stroke="{colour}" d="{points}M{x} 14h24"/>'
            drawn += text(x + 30, 19, "start", "loss" if name == "loss" else "validation loss")
    for share in (0.0, 0.5, 1.0):
        y, loss = bottom - share * (bottom - top), low + share * (high - low)
        axes += f"M{left - 5} {y}h5"
        drawn += text(left - 8, y + 5, "end", format(math.exp(loss) if plot["log"] else loss, ".3g"))
    ends = {left: str(plot["first"]), (left + right) / 2: "epoch", right: str(plot["last"])}
    drawn += "".join(text(x, bottom + 22, "middle", said) for x, said in ends.items() if len(moments) > 1 or x != right)
    told = " to ".join(f"{number_text(one.loss)} in epoch {one.epoch}" for one in (moments[0], moments[-1]))
    drawn = f'<path class="axis" fill="none" stroke="#767676" d="{axes}"/>{drawn}<g id="marker"/></svg>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" id="curve" width="560" height="220" viewBox="0 0 560 220" role="img" '
        f'font-size="16" font-family="{FONT}" aria-label="The loss, from {told}">'
        f'<rect class="paper" width="560" height="220" fill="#ffffff"/>{drawn}'
    )
