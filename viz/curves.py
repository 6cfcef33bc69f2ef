"""The curves of a training run over its epochs: the loss, and below it the accuracy where there is one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from autograd_core.formula import number_text
from viz.palette import ACTIVE, FOCUS

FONT = "Helvetica, Arial, sans-serif"
LEFT, RIGHT = 84, 538
LARGEST = 1e300
"""Numbers beyond are not drawn, nor are axes shorter than one part in it: their marks may be no numbers."""


class Moment(Protocol):
    """What the curves show of an epoch."""

    @property
    def epoch(self) -> int: ...  # noqa: D102
    @property
    def loss(self) -> float | None: ...  # noqa: D102
    @property
    def validation(self) -> float | None: ...  # noqa: D102
    @property
    def accuracy(self) -> float | None: ...  # noqa: D102
    @property
    def validation_accuracy(self) -> float | None: ...  # noqa: D102


def plot(moments: Sequence[Moment]) -> dict[str, Any]:
    """How the curves are drawn, as `viz.training` describes it."""
    losses = _drawn(loss for one in moments for loss in (one.loss, one.validation))
    shares = _drawn(share for one in moments for share in (one.accuracy, one.validation_accuracy))
    low, high = (min(losses), max(losses)) if losses else (0.0, 1.0)
    if high - low <= max(1e-3 * abs(low), 1 / LARGEST):
        low, high = (low / 2.0, high * 2.0) if low > 1 / LARGEST else (low - 1.0 + 0.1 * low, high + 1.0)
    # Within one power of ten an axis by the logarithm shows nothing that a plain one does not.
    areas: dict[str, Any] = {
        "loss": {"top": 34, "bottom": 236, "low": low, "high": high, "log": low > 0.0 and high >= 10.0 * low},
        "accuracy": None,
    }
    if shares:
        least = math.floor(10.0 * min(shares)) / 10.0 if min(shares) < 1.0 else 0.9
        areas["accuracy"] = {"top": 280, "bottom": 380, "low": least, "high": 1.0, "log": False}
    return {"left": LEFT, "right": RIGHT, "first": moments[0].epoch, "last": moments[-1].epoch, **areas}


def svg(moments: Sequence[Moment], shape: dict[str, Any]) -> str:
    """The curves, with a marker for the script to fill."""
    drawn = _area(moments, shape, "loss", ("loss", "validation"), number_text)
    bottom = shape["loss"]["bottom"]
    if shape["accuracy"]:
        drawn += _area(
            moments, shape, "accuracy", ("accuracy", "validation_accuracy"), lambda share: f"{100.0 * share:.3g} %"
        )
        bottom = shape["accuracy"]["bottom"]
    height, several = bottom + 34, shape["last"] > shape["first"]
    ends = {LEFT: shape["first"], (LEFT + RIGHT) / 2: "epoch", RIGHT: shape["last"]}
    drawn += "".join(_text(x, bottom + 22, "middle", str(said)) for x, said in ends.items() if several or x != RIGHT)
    known = [one for one in moments if one.loss is not None] or moments
    told = " to ".join(f"{_told(one.loss)} in epoch {one.epoch}" for one in (known[0], known[-1]))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" id="curve" width="560" height="{height}" viewBox="0 0 560 {height}" '
        f'role="img" font-size="16" font-family="{FONT}" aria-label="The loss, from {told}">'
        f'<rect class="paper" width="560" height="{height}" fill="#ffffff"/>{drawn}<g id="marker"/></svg>'
    )


def ticks(low: float, high: float, log: bool) -> list[float]:
    """Numbers from `low` to `high` that are one, two or five times a power of ten, some two to seven of them."""
    if not log:
        rough = (high - low) / 5.0
        power = 10.0 ** math.floor(math.log10(rough))
        step = next((times * power for times in (1, 2, 5, 10) if times * power >= rough), rough)
        return [step * i for i in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = max(1, round((last - first) / 6))
    times = (1, 2, 5) if math.log10(high) - math.log10(low) < 2.5 else (1,)
    found = [float(f"{one}e{power}") for power in range(first, last + 1) if power % every == 0 for one in times]
    return [tick for tick in found if low <= tick <= high]


def _area(
    moments: Sequence[Moment], shape: dict[str, Any], what: str, names: tuple[str, str], label: Callable[[float], str]
) -> str:
    """One of the plots: its axes, and the two curves with their legend."""
    area = shape[what]
    top, bottom, log = area["top"], area["bottom"], area["log"]
    wide = max(1, shape["last"] - shape["first"])

    def scaled(number: float) -> float:
        return math.log(number) if log else number

    def y(number: float) -> float:
        share = (scaled(number) - scaled(area["low"])) / (scaled(area["high"]) - scaled(area["low"]))
        return bottom - (bottom - top) * share

    def path(name: str) -> str:
        numbers = [(one.epoch, number) for one in moments for number in _drawn([getattr(one, name)])]
        points = [
            f"{LEFT + (RIGHT - LEFT) * (epoch - shape['first']) / wide:.1f},{y(number):.1f}"
            for epoch, number in numbers
        ]
        return f"M{' '.join(points)}" + "h0" * (len(points) == 1) if points else ""

    line = 'fill="none" stroke-width="2.5" stroke-linecap="round" stroke-linejoin="round"'
    drawn, axes, grid = "", f"M{LEFT} {top}V{bottom}H{RIGHT}", ""
    for tick in ticks(area["low"], area["high"], log):
        axes += f"M{LEFT - 5} {y(tick):.1f}h5"
        grid += f"M{LEFT} {y(tick):.1f}H{RIGHT}"
        drawn += _text(LEFT - 8, round(y(tick) + 5, 1), "end", label(tick))
    x = LEFT
    styles = [("training", "", ACTIVE), ("validation", 'stroke-dasharray="6 5"', FOCUS)]
    for name, said, (kind, dashes, colour) in zip(names, (what, f"validation {what}"), styles, strict=True):
        if points := path(name):
            drawn += f'<path class="{kind}" {line} {dashes} stroke="{colour}" d="{points}M{x} {top - 18}h24"/>'
            drawn += _text(x + 30, top - 13, "start", said)
            x += 46 + 9 * len(said)
    if log:
        drawn += _text(RIGHT, top - 13, "end", "log scale")
    return (
        f'<g class="{what}"><path class="grid" fill="none" stroke="#dddddd" d="{grid}"/>'
        f'<path class="axis" fill="none" stroke="#767676" d="{axes}"/>{drawn}</g>'
    )


def _text(x: float, y: float, anchor: str, said: str) -> str:
    return f'<text class="said" x="{x}" y="{y}" text-anchor="{anchor}" fill="#333333">{said}</text>'


def _drawn(numbers: Iterable[float | None]) -> list[float]:
    return [number for number in numbers if number is not None and abs(number) <= LARGEST]


def _told(loss: float | None) -> str:
    return "not known" if loss is None else number_text(loss)
