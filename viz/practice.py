"""Practice on a stepper's page: what a quiz asks about, and which bug there is to find in a backward pass."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Literal, get_args

from autograd_core import Value, backward_steps
from autograd_core.formula import number_text
from autograd_core.mistakes import MISTAKES, NEAR_MISSES

Question = Literal["product", "local", "next", "gradient", "value"]
"""What an edge hands back, its local derivative, which node hands on next, a node's whole gradient, a node's value."""

BUGS = {
    "overwrite": ("no node has anything yet when its last contribution arrives", "y = x*x + x"),
    "no_local": ("every local derivative is 1", "y = w*x"),
    "no_upstream": ("every upstream gradient is 1", "y = tanh(w*x)"),
    "first_path": ("no more than one path counts for any node", "y = x*x + x"),
    "set_of_inputs": ("no operation uses one operand twice", "y = x*x"),
    "no_order": ("each node is met when its gradient is complete", "a = x*x; y = a + a*w"),
    "not_zeroed": ("every gradient is 0", "y = w*x"),
    "sign": ("every gradient is 0", "y = w*x"),
    "data_for_gradient": ("each operand's value is what it should receive", "y = exp(w*x)"),
}
"""For each mistake why it may not show on a graph, and a graph on which it does."""


def told(bug: str | None = None) -> dict[str, Any]:
    """What a page is told: a sentence for each mistake and near miss, most likely first, and the bug to find."""
    sentences = {one.name: one.sentence for one in [*MISTAKES.values(), *NEAR_MISSES]}
    # A number for the bug, which is not to be read at a glance.
    return {"sentences": sentences, "bug": None if bug is None else list(BUGS).index(bug)}


def _one_of(what: str, given: object, known: Iterable[str]) -> None:
    """Raise ValueError unless it is one of these."""
    names = list(known)
    if given not in names:
        close = get_close_matches(str(given), names, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(map(repr, names))}"
        raise ValueError(f"{what}: there is no {given!r}; {hint}")


def questions(
    quiz: Question | None, ask: Iterable[Value | str] | None, names: Mapping[Value, str]
) -> dict[str, list[str]]:
    """The quiz as a page's address names it: its kind, and the nodes to ask about.

    `names` holds all nodes, by index, with their names. Raises ValueError for a kind that there is none of, a node that
    is not in the graph or about which there is no such question, and a graph with nothing to ask; TypeError for
    nodes that are neither Values nor names.
    """
    if quiz is None:
        if ask is not None:
            raise ValueError("ask says what a quiz is to ask about; choose one too, such as quiz='local'")
        return {}
    _one_of("quiz", quiz, get_args(Question))
    used = {operand for node in names for operand in node.inputs}
    fit = {node: _why_not(quiz, node, node in used) for node in names}
    if all(fit.values()):
        raise ValueError(
            f"quiz={quiz!r} finds nothing to ask about in a graph of {len(names)} nodes without operations"
        )
    if ask is None:
        return {"quiz": [quiz]}
    if isinstance(ask, (str, Value)):
        raise TypeError(f"ask is a list of nodes, such as [{ask!r}], not a single one")
    by_name = {name: node for node, name in names.items() if not node.is_constant}
    places = {node: f"n{place}" for place, node in enumerate(names)}
    found = []
    for one in ask:
        if not isinstance(one, (str, Value)):
            raise TypeError(f"ask holds Values or their names, not {one!r} of type {type(one).__name__}")
        if isinstance(one, str):
            _one_of("ask", one, by_name)
        node = by_name[one] if isinstance(one, str) else one
        if node not in names:
            raise ValueError(f"ask: {node.label or node!r} is not in this graph")
        if fit[node]:
            raise ValueError(f"ask: quiz={quiz!r} cannot ask about {names[node]!r}, {fit[node]}")
        found.append(places[node])
    if not found:
        raise ValueError("ask is empty; leave it out to ask about all nodes")
    return {"quiz": [quiz], "ask": list(dict.fromkeys(found))}


def _why_not(quiz: Question, node: Value, used: bool) -> str:
    """Why there is no such question about a node, or ''."""
    if node.is_constant:
        return "which is a plain number"
    if quiz == "value":
        return "" if node.inputs else "which is a leaf, so that its value is given"
    if quiz == "next":
        return "" if any(not one.is_constant for one in node.inputs) else "which hands nothing on"
    return "" if used else "which is the output and receives nothing from another node"


def bug_to_find(bug: str | None, seed: int | None, output: Value) -> str | None:
    """The mistake to be found, which "random" leaves to the seed.

    Raises ValueError for a mistake that there is none of, one that does not show on this graph, and a seed without
    "random" or that is no whole number.
    """
    if seed is not None and (bug != "random" or not isinstance(seed, int) or isinstance(seed, bool)):
        raise ValueError(f"seed is a whole number for bug='random', not {seed!r} for bug={bug!r}")
    if bug is None:
        return None
    if bug == "random":
        showing = [name for name in BUGS if _shows(name, output)]
        if not showing:
            raise ValueError("no bug shows on this graph, where every gradient stays right; try y = x*x + x")
        return random.Random(seed).choice(showing)
    _one_of("bug", bug, [*BUGS, "random"])
    if not _shows(bug, output):
        reason, graph = BUGS[bug]
        raise ValueError(
            f"the bug {bug!r} does not show on this graph, where {reason}; it does on a graph such as {graph!r}"
        )
    return bug


def _shows(name: str, output: Value) -> bool:
    """Whether the pass with this mistake ends in another gradient than the right one, in the digits that are shown."""
    # But for the output, whose gradient every pass sets to 1.
    right = {step.input: step.after for step in backward_steps(output) if step.node is not None}
    wrong = MISTAKES[name](output)
    return any(number_text(wrong[node] + 0.0) != number_text(gradient + 0.0) for node, gradient in right.items())
