"""Questions about derivatives, on graphs that tell the mistakes of a topic apart.

A random graph is a poor question: most mistakes give the right number on it, or one and the same. So graphs are drawn
until the wrong passes that learners of the topic make give numbers of their own, and the roundest of them is taken.

>>> asked = question("paths", seed=3)
>>> asked.evaluation.output.label, asked.wrt in asked.at
('y', True)
>>> [mistake.name for mistake in asked.wrong] == list(TOPICS["paths"].mistakes)
True
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, pairwise

from autograd_core.expression import Evaluation, evaluate
from autograd_core.graph import backward_steps, topological_order
from autograd_core.mistakes import MISTAKES, NEAR_MISSES, Mistake, diagnose

_ALL = MISTAKES | {mistake.name: mistake for mistake in NEAR_MISSES}
_GOOD = 12
"""Among how many graphs that tell the mistakes apart the roundest is looked for."""
_MOST_TRIES = 4000
LEVELS = (1, 2, 3)

Drawn = tuple[str, dict[str, float], str]
"""Formulas, the numbers of their inputs, and the input that is asked about."""


@dataclass(frozen=True)
class Topic:
    """What a kind of question is about."""

    title: str
    mistakes: tuple[str, ...]
    """The mistakes whose numbers are all different, and none of them right."""
    draw: Callable[[random.Random, int], Drawn]


@dataclass(frozen=True)
class Question:
    """What is the derivative of the output with respect to one input?"""

    topic: str
    level: int
    seed: int
    source: str
    """The formulas, in the language of `autograd_core.expression`."""
    at: dict[str, float]
    """The numbers of the inputs."""
    wrt: str
    """The input that is asked about."""

    @cached_property
    def evaluation(self) -> Evaluation:
        """The graph."""
        return evaluate(self.source, self.at)

    @cached_property
    def answer(self) -> float:
        """The derivative."""
        return {step.input: step.after for step in backward_steps(self.evaluation.output)}[
            self.evaluation.names[self.wrt]
        ]

    @cached_property
    def wrong(self) -> dict[Mistake, float]:
        """The mistakes of the topic, and the number that each gives."""
        asked = self.evaluation.names[self.wrt]
        return {_ALL[name]: _ALL[name](self.evaluation.output)[asked] for name in TOPICS[self.topic].mistakes}

    def diagnose(self, answer: float | str) -> list[Mistake]:
        """The mistakes that give an answer, as `autograd_core.mistakes.diagnose` finds them."""
        return diagnose(self.evaluation.output, self.evaluation.names[self.wrt], answer)


def question(topic: str, level: int = 1, seed: int = 0) -> Question:
    """A question about a topic of `TOPICS`, of level 1, 2 or 3; the same for the same seed.

    Raises ValueError for another topic or level, and TypeError for a seed that is no whole number.
    """
    if topic not in TOPICS:
        raise ValueError(f"there is no topic {topic!r}; there are {', '.join(TOPICS)}")
    if level not in LEVELS:
        raise ValueError(f"level is 1, 2 or 3, not {level!r}")
    if not isinstance(seed, int):
        raise TypeError(f"seed is a whole number, not {seed!r}")
    chance = random.Random(f"{topic} {level} {seed}")
    found: list[tuple[float, Question]] = []
    for _ in range(_MOST_TRIES):
        asked = Question(topic, level, seed, *TOPICS[topic].draw(chance, level))
        if _tells_apart(asked):
            found.append((_awkwardness(asked), asked))
            if len(found) == _GOOD or not found[-1][0]:
                break
    if not found:  # which no seed comes to that a test has seen
        raise RuntimeError(f"no graph was found on which the mistakes of {topic!r} differ; take another seed")
    return min(found, key=lambda one: one[0])[1]


def questions(topic: str, seed: int = 0, count: int = 4) -> list[Question]:
    """Several questions about a topic, from level 1 up to level 3, no two alike."""
    found: dict[str, Question] = {}
    while len(found) < count:
        level = LEVELS[len(found) * len(LEVELS) // count]
        asked = question(topic, level, seed)
        found.setdefault(f"{asked.source} {asked.at}", asked)
        seed += 1_000_003
    return list(found.values())


def _tells_apart(asked: Question) -> bool:
    """Whether every mistake of the topic can be told from the right answer and the others by three decimals."""
    numbers = [asked.answer, *asked.wrong.values()]
    if not all(0.05 < abs(number) < 1000.0 for number in numbers):
        return False
    return all(abs(a - b) > max(0.02, 0.06 * min(abs(a), abs(b))) for a, b in combinations(numbers, 2))


def _awkwardness(asked: Question) -> float:
    """How many numbers of both passes have more than two decimals or more than three digits before the point."""
    output = asked.evaluation.output
    numbers = [node.data for node in topological_order(output)]
    numbers += [
        number for step in backward_steps(output) for number in (step.local or 0.0, step.contribution, step.after)
    ]
    return sum(abs(round(number, 2) - number) > 1e-9 or abs(number) > 200.0 for number in numbers)


# How the graphs of each topic are drawn.


def _small(chance: random.Random) -> float:
    return chance.choice([-3.0, -2.0, -1.0, 2.0, 3.0, 4.0, 5.0])


def _half(chance: random.Random) -> float:
    return chance.choice([-2.0, -1.5, -0.5, 0.5, 1.5, 2.0, 3.0])


def _step(chance: random.Random, name: str) -> str:
    """A formula of one name, and one operation."""
    number = chance.randint(2, 5)
    forms = ["{k}*{x}", "{x} + {k}", "{x} - {k}", "{k} - {x}", "{x}**2"]
    return chance.choice(forms).format(k=number, x=name)


def _chain(chance: random.Random, level: int) -> Drawn:
    count = {1: 3, 2: 3, 3: 5}[level]
    names = ["x", *"abcd"[: count - 1], "y"]
    formulas = [f"{after} = {_step(chance, before)}" for before, after in pairwise(names)]
    return "; ".join(formulas), {"x": _small(chance) if level < 3 else _half(chance)}, "x"


def _paths(chance: random.Random, level: int) -> Drawn:
    first = [f"a = {_step(chance, 'x')}", f"b = {_step(chance, 'a')}"]
    if level == 1:
        last = [f"y = {chance.choice(['a*b', 'b*a'])}"]
    elif level == 2:
        last = [f"y = {chance.choice(['a*b + x', 'a*b - a', 'a*b + b'])}"]
    else:
        last = [f"c = {_step(chance, 'x')}", f"y = {chance.choice(['a*b + c', 'a*c + b', 'a*b*c', 'c*a - b'])}"]
    return "; ".join([*first, *last]), {"x": _small(chance)}, "x"


def _reuse(chance: random.Random, level: int) -> Drawn:
    inner, outer = _step(chance, "x"), _step(chance, "b")
    if level == 1:
        return f"a = {inner}; b = a*a; y = {outer}", {"x": _small(chance)}, "x"
    square = "b = a*a" if level == 2 else "b = a*a*a"
    return f"a = {inner}; {square}; y = {outer} + {chance.choice(['x', 'a', '2*a'])}", {"x": _half(chance)}, "x"


def _activation(chance: random.Random, level: int) -> Drawn:
    kinds = ("leaky_relu({}, 0.1)", "leaky_relu({}, 0.2)") if level == 1 else ("tanh({})", "sigmoid({})")
    outer = chance.choice(kinds).format("u*h") if level == 3 else f"{chance.randint(2, 5)}*h"
    at = {name: _half(chance) for name in ("wxbu" if level == 3 else "wxb")}
    return f"z = w*x + b; h = {chance.choice(kinds).format('z')}; y = {outer}", at, chance.choice("wx")


def _neuron(chance: random.Random, level: int) -> Drawn:
    count = 3 if level == 3 else 2
    act = "leaky_relu(z, 0.1)" if level == 1 else chance.choice(["tanh(z)", "sigmoid(z)"])
    total = " + ".join(f"w{k}*x{k}" for k in range(1, count + 1))
    at = {name: _half(chance) for k in range(1, count + 1) for name in (f"w{k}", f"x{k}")}
    at |= {"b": _half(chance), "t": chance.choice([0.5, 1.0, -1.0])}
    # A product and not a power, whose slope would be one more that can be forgotten.
    return f"z = {total} + b; o = {act}; d = o - t; loss = d*d", at, f"{chance.choice('wx')}{chance.randint(1, count)}"


def _layers(chance: random.Random, level: int) -> Drawn:
    act = "tanh({})" if level == 3 else "leaky_relu({}, 0.1)"
    hidden = [f"h{k} = {act.format(f'w{k}*x')}" for k in (1, 2)]
    at = {name: _half(chance) for name in ("x", "w1", "w2", "u1", "u2")}
    if level == 1:
        return "; ".join([*hidden, "y = u1*h1 + u2*h2"]), at, "x"
    at["t"] = chance.choice([1.0, -1.0, 2.0])
    return "; ".join([*hidden, "o = u1*h1 + u2*h2", "d = o - t", "loss = d*d"]), at, "x"


def _softmax(chance: random.Random, level: int) -> Drawn:
    count = 2 if level == 1 else 3
    at = {f"z{k}": chance.choice([-1.0, 0.0, 0.5, 1.0, 2.0]) for k in range(1, count + 1)}
    exps = [f"e{k} = exp(z{k})" for k in range(1, count + 1)]
    true = chance.randint(1, count)
    names = " + ".join(f"e{k}" for k in range(1, count + 1))
    last = [f"p = e{true}/s"] if level == 1 else [f"p = e{true}/s", "loss = -log(p)"]
    return "; ".join([*exps, f"s = {names}", *last]), at, f"z{true}"


TOPICS = {
    "chain": Topic("the chain rule", ("no_local", "no_upstream", "sign", "not_zeroed", "data_for_gradient"), _chain),
    "paths": Topic(
        "several paths",
        ("overwrite", "first_path", "no_local", "no_upstream", "not_zeroed", "data_for_gradient"),
        _paths,
    ),
    "reuse": Topic("one operand twice", ("set_of_inputs", "no_local", "no_upstream", "not_zeroed"), _reuse),
    "activation": Topic(
        "an activation", ("no_activation", "no_local", "no_upstream", "not_zeroed", "data_for_gradient"), _activation
    ),
    "neuron": Topic(
        "a neuron", ("no_activation", "no_local", "no_upstream", "set_of_inputs", "data_for_gradient"), _neuron
    ),
    "layers": Topic("two layers", ("overwrite", "no_activation", "no_local", "no_upstream", "not_zeroed"), _layers),
    "softmax": Topic("softmax", ("overwrite", "first_path", "no_local", "no_upstream", "not_zeroed"), _softmax),
}
"""By name, what questions can be about."""
