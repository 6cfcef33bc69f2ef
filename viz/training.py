"""Scrubbing through a training run in a browser, epoch by epoch: the curves, the network, what it learned, its weights.

The page is one file without anything from a network: the curves, a trace, and one script. The trace is JSON of this
form; numbers that JSON lacks are the strings "inf", "-inf" and "nan":

    version     2
    model       the kind of the model, such as MLP
    stopped     why the run ended before its last epoch, or ''
    parameters  for each parameter its path, the path of the module it is of, and of the module around that (layer)
    epochs      for each recorded epoch its number, loss, validation (loss), accuracy, validation_accuracy and learning
                rate, or null for what there is not, and the data and grad of each parameter: after the last step of the
                epoch, and what that step descended. The first may be the weights before all steps, whose loss, rate
                and grad are null
    plot        how the curves are drawn: the edges at left and right, the epochs there (first, last), and of the areas
                of loss and accuracy (null without one) the edges at top and bottom, the numbers there (high, low), and
                whether they are spaced by their log
    network     the layers of a chain of fully connected ones, as `viz.model_graph.network` has them, or null
    plane       of a model of two inputs with classes or one output: `nodes` and `outputs` of its graph, as
                `viz.model_graph` has them; points (the two inputs, and the target or the number of its class), of how
                many samples (count), the names of the classes (null for a regression), the threshold between two
                classes, the corners of the plane (low, high), and the least and largest target (reach); or null
    no_plane    why a model of two inputs has none, or ''
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from autograd_core.files import replacing
from autograd_core.floats import as_float
from nn.arguments import positive_int
from nn.history import History, Training
from nn.module import Module
from viz import curves
from viz.page import framed, html_path, json_number, json_text, page
from viz.subject import Subject

TITLE = "Scrub through a training run"
MOST_PARAMETERS = 2_000
"""How many parameters can be recorded."""
MOST_EPOCHS = 1_000
"""How many epochs are kept; beyond it every other one is."""
MOST_NUMBERS = 200_000
"""How many weights are kept, over all epochs, so that a page stays below some 8 MB."""


class _Moment(NamedTuple):
    epoch: int
    loss: float | None
    validation: float | None
    accuracy: float | None
    validation_accuracy: float | None
    rate: float | None
    data: np.ndarray
    grad: np.ndarray | None


class TrainingPlayer:
    """A callback for `nn.fit` that records a training run to scrub through: `save` writes it as a page.

    In a notebook it shows itself: the curves, the layers of a chain as circles and lines, for two inputs what the model
    makes of the plane, and each weight with its gradient and step. It keeps the weights before the first step, the
    first epoch, each one that is a multiple of `every`, and the last; when they are more than `MOST_EPOCHS`, or have
    more than `MOST_NUMBERS` weights, `every` is doubled. Of a model with more than `MOST_PARAMETERS` parameters it
    records a part, such as ``part="layers.0"``, and no plane. A resumed run goes on in the record; another one begins
    it anew.

    Where the targets are classes it records the accuracy, too, as `nn.accuracy` has it with this `threshold`. That
    costs a forward pass over all samples, those for validation included, in each epoch, and one more compilation at
    the start. Of a training run with 337 weights on 100 samples it takes about a sixth.

    >>> import nn
    >>> X, y = nn.data.xor()
    >>> model = nn.MLP(2, [4, 1], "tanh", rng=0)
    >>> player = TrainingPlayer(every=10)
    >>> history = nn.fit(model, X, y, loss=nn.losses.binary_cross_entropy_with_logits, epochs=25, rng=0,
    ...                  optimizer=nn.optim.SGD(model.parameters(), lr=0.5), callbacks=[player], progress=False)
    >>> player
    <TrainingPlayer of 4 epochs and 17 parameters; .save('training.html')>
    >>> [epoch["epoch"] for epoch in player.trace["epochs"]]
    [0, 1, 10, 20, 25]
    >>> player.trace["epochs"][-1]["loss"] == history.loss[-1]
    True
    """

    def __init__(self, every: int = 1, part: str = "", threshold: float | None = None) -> None:
        self._given = self.every = positive_int(every, "every")
        if not isinstance(part, str):
            raise TypeError(f"part is the path of a part of the model, such as 'layers.0', got {part!r}")
        self.part, self.threshold = part, None if threshold is None else as_float(threshold, "threshold")
        if self.threshold is not None and not math.isfinite(self.threshold):
            raise ValueError(f"threshold is a finite number, not {threshold!r}")
        self._training: Training | None = None
        self._kind, self._history, self._parameters = "", History(), list[dict[str, str]]()
        self._moments: list[_Moment] = []

    def begin(self, training: Training) -> None:
        """Record the weights before the first epoch; `nn.fit` calls this.

        Raises as a call does.
        """
        self._attend(training)
        if not self._moments:
            self._record(training, stepped=False)

    def __call__(self, training: Training) -> None:
        """Record the epoch that has just ended.

        Raises TypeError for anything that is not a `Training`, ValueError for an unknown `part` or too many parameters.
        """
        if training is not self._training:
            self._attend(training)
        if not self._moments or len(training.history.epochs) > self._moments[-1].epoch:
            self._record(training)

    def _attend(self, training: Training) -> None:
        """Turn to a training run that was not seen before: one that goes on from what is recorded, or another."""
        if not isinstance(training, Training):
            raise TypeError(f"a TrainingPlayer is for nn.fit(..., callbacks=[player]), got {type(training).__name__}")
        named = _of_part(training.model, self.part)
        parameters, recorded = _places(training.model, list(named)), self._moments[-1].epoch if self._moments else 0
        same = self._history.epochs[:recorded] == training.history.epochs[:recorded]
        if not recorded or not same or parameters != self._parameters:
            self._moments, self.every = [], self._given
        self._training, self._kind = training, type(training.model).__name__
        self._history, self._parameters = training.history, parameters
        self._subject = Subject(training, named, self.part, self.threshold)

    def _record(self, training: Training, stepped: bool = True) -> None:
        self._moments = self._kept(self._moments)  # without the last so far, unless it has a place of its own
        number, values = len(training.history.epochs), self._subject.parameters
        data, grad = (np.array([getattr(one, kind) for one in values], float) for kind in ("data", "grad"))
        loss, validation, rate, _ = training.history.epochs[-1] if number else (None, None, None, None)
        accuracies = self._subject.accuracies()
        self._moments.append(_Moment(number, loss, validation, *accuracies, rate, data, grad if stepped else None))
        while len(self._moments) > max(4, min(MOST_EPOCHS, MOST_NUMBERS // len(values))):
            self.every *= 2
            self._moments = [*self._kept(self._moments[:-1]), self._moments[-1]]

    def _kept(self, moments: list[_Moment]) -> list[_Moment]:
        return [one for place, one in enumerate(moments) if place == 0 or one.epoch <= 1 or one.epoch % self.every == 0]

    @property
    def trace(self) -> dict[str, Any]:
        """What the page knows, as the module describes it; raises ValueError before the first epoch."""
        moments, subject = self._finished(), self._subject
        single = ("loss", "validation", "accuracy", "validation_accuracy", "rate")
        epochs = [
            {
                "epoch": moment.epoch,
                **{name: json_number(getattr(moment, name)) for name in single},
                **{name: _json_numbers(getattr(moment, name)) for name in ("data", "grad")},
            }
            for moment in moments
        ]
        known = {"version": 2, "model": self._kind, "stopped": self._history.stopped}
        parameters = [dict(one) for one in self._parameters]
        pictures = {"network": subject.network, "plane": subject.plane, "no_plane": subject.no_plane}
        return {**known, "parameters": parameters, "epochs": epochs, "plot": curves.plot(moments), **pictures}

    def svg(self) -> str:
        """The curves; raises ValueError before the first epoch."""
        moments = self._finished()
        return curves.svg(moments, curves.plot(moments))

    def html(self) -> str:
        """The page; raises ValueError before the first epoch."""
        trace = 'document.getElementById("trace").textContent'
        picture, text = self.svg(), json_text(self.trace)
        start = f"trainingModule.start({trace}, {self._subject.operations});"
        return page("training", TITLE, start, {"SVG": picture, "TRACE": text})

    def _finished(self) -> list[_Moment]:
        if not self._epochs:
            raise ValueError("no epoch is recorded yet; train with nn.fit(..., callbacks=[player]) first")
        return self._moments

    @property
    def _epochs(self) -> int:
        """How many epochs are recorded; the weights before all of them are none."""
        return sum(moment.epoch > 0 for moment in self._moments)

    def save(self, path: str | Path) -> Path:
        """Write the page to a file that opens in any browser; the path.

        Raises ValueError for a name that does not end in .html, or before the first epoch, and OSError where the file
        cannot be written.
        """
        path = html_path(path, "a training run")
        with replacing(path) as file:
            file.write(self.html().encode())
        return path

    def __repr__(self) -> str:
        if not self._epochs:
            return "<TrainingPlayer of no epoch yet; nn.fit(..., callbacks=[player])>"
        counts = {"epoch": self._epochs, "parameter": len(self._parameters)}
        of = " and ".join(f"{count:,} {what}{'s' * (count != 1)}" for what, count in counts.items())
        return f"<TrainingPlayer of {of}; .save('training.html')>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        if not self._epochs:
            return {"text/plain": repr(self)}
        shown = framed(self.html(), TITLE, self.svg(), "The curves of the training run over its epochs")
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


def _json_numbers(numbers: np.ndarray | None) -> list[float | str | None] | None:
    return None if numbers is None else [json_number(number) for number in numbers.tolist()]
