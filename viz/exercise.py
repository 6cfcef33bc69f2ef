"""A question about a derivative in a notebook: a graph, a field for the answer, and what a wrong answer comes from."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_args

from autograd_core import Value, backward_steps, topological_order
from autograd_core.exercises import question
from autograd_core.formula import names_of
from autograd_core.mistakes import MISTAKES, NEAR_MISSES, diagnose, is_right
from viz.page import Theme, framed, json_number, json_text, page
from viz.worksheet import drawing

TITLE = "Exercise"
HEIGHT = 420
MOST_NODES = 100
"""How many nodes a graph may have that somebody is to work out by hand."""
GRADING = "AUTOGRAD_CORE_GRADING"
"""The environment variable that makes checks raise: any text but "" and "0"."""


class WrongAnswerError(AssertionError):
    """Raised by a check that is not passed, where the environment variable `GRADING` says so."""


@dataclass(frozen=True)
class Result:
    """What a check found, to look at and to hand in."""

    exercise: str
    """The name of the exercise."""
    answer: str
    """As it was given."""
    right: bool
    mistakes: tuple[str, ...]
    """The names of the mistakes that give this answer, most likely first; see `autograd_core.mistakes`."""
    message: str
    """What to tell the learner."""
    tries: int
    """Which try it was, from 1."""

    def __repr__(self) -> str:
        return self.message


class Exercise:
    """What is the derivative of an output with respect to one of its nodes?

    Either of a graph, as in ``Exercise(y, x)``, or about a topic of `autograd_core.exercises.TOPICS`, as in
    ``Exercise("paths", level=2, seed=3)``. In a notebook it shows the graph and a field, and tells of a wrong answer
    what it comes from; the page works without a kernel. In Python `check` does the same, and raises `WrongAnswerError`
    where the environment variable AUTOGRAD_CORE_GRADING is set, as a grader such as nbgrader or otter needs it.

    `name` is what a result is handed in under; `height` that of the frame in a notebook, in CSS pixels; `theme` as for
    a stepper. Raises TypeError and ValueError for what is no question, and ValueError for a node that is not in the
    graph, a graph of more than `MOST_NODES` nodes, and a height or theme that is none.

    >>> x = Value(3.0, label="x")
    >>> exercise = Exercise(x * x + x, x, name="squares")
    >>> exercise.check("4")
    Not 4: An operand that is used twice by one operation was counted once. Both places hand something back.
    >>> exercise.check("7")
    Right.
    >>> exercise.result.tries, exercise.result.right
    (2, True)
    """

    theme: Theme

    def __init__(
        self,
        about: Value | str,
        wrt: Value | None = None,
        *,
        level: int = 1,
        seed: int = 0,
        name: str | None = None,
        height: int = HEIGHT,
        theme: Theme = "auto",
    ) -> None:
        if isinstance(about, str):
            asked = question(about, level, seed)
            self.output, self.wrt = asked.evaluation.output, asked.evaluation.names[asked.wrt]
            self.name = name or f"{about} {level} {seed}"
        elif isinstance(about, Value) and isinstance(wrt, Value):
            self.output, self.wrt = about, wrt
            self.name = name or "exercise"
        else:
            raise TypeError("Exercise takes a topic, such as 'paths', or an output and the node to differentiate by")
        order = topological_order(self.output)
        if self.wrt not in order or self.wrt.is_constant:
            raise ValueError("the node in question is not in the graph of this output, so there is no derivative")
        if len(order) > MOST_NODES:
            raise ValueError(f"the graph has {len(order):,} nodes, and an exercise takes {MOST_NODES}")
        if not isinstance(height, int) or height < 200:
            raise ValueError(f"height is a whole number of CSS pixels, at least 200, not {height!r}")
        if theme not in get_args(Theme):
            raise ValueError(f"theme is 'auto', 'light' or 'dark', not {theme!r}")
        self.height, self.theme = height, theme
        self.result: Result | None = None
        """What the last check found."""
        names = names_of(order)
        self._asked = f"∂{names[self.output]}/∂{names[self.wrt]}"

    @cached_property
    def answer(self) -> float:
        """The derivative."""
        return {step.input: step.after for step in backward_steps(self.output)}.get(self.wrt, 0.0)

    def check(self, answer: float | str) -> Result:
        """Whether an answer is right in the digits that were given, and what it comes from if not.

        `...` is an answer that is still open. Raises WrongAnswerError for what is not right, where the environment
        variable AUTOGRAD_CORE_GRADING is set.
        """
        tries = self.result.tries + 1 if self.result else 1
        found = self._found(answer)
        self.result = Result(self.name, str(answer), found[0], tuple(found[1]), found[2], tries)
        if not self.result.right and os.environ.get(GRADING, "0") not in ("", "0"):
            raise WrongAnswerError(f"{self.name}: {self.result.message}")
        return self.result

    def _found(self, answer: Any) -> tuple[bool, list[str], str]:
        if answer is ...:
            return False, [], "The answer is still open."
        try:
            mistakes = diagnose(self.output, self.wrt, answer)
            right = not mistakes and is_right(self.output, self.wrt, answer)
        except ValueError as error:
            return False, [], f"{error}."
        if right:
            return True, [], "Right."
        # Of two mistakes with the same number, the likelier one is told.
        why = mistakes[0].sentence if mistakes else "Take the paths to it one by one, and multiply along each."
        return False, [mistake.name for mistake in mistakes], f"Not {answer}: {why}"

    def html(self) -> str:
        """The page."""
        try:
            picture = drawing(self.output)
        except RuntimeError:  # without Graphviz there is the question, and no picture
            picture = ""
        wrong = [
            [mistake.name, mistake.sentence, [json_number(found[self.wrt]) for found in mistake.variants(self.output)]]
            for mistake in (*MISTAKES.values(), *NEAR_MISSES)
        ]
        asked = {"name": self.name, "asked": self._asked, "right": json_number(self.answer), "wrong": wrong}
        start = 'exerciseModule.start(document.getElementById("trace").textContent);'
        return page("exercise", TITLE, start, {"PICTURE": picture, "TRACE": json_text(asked)}, self.theme)

    def __repr__(self) -> str:
        return f"<Exercise {self.name!r}: what is {self._asked}? .check(answer)>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        shown = framed(self.html(), TITLE, None, "", self.height)
        return {"text/html": shown, "text/plain": repr(self)}
