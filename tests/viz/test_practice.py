"""The bugs that a page may hide in its backward pass: which of them show on a graph."""

from __future__ import annotations

import pytest

from autograd_core import Value
from autograd_core.expression import evaluate
from autograd_core.mistakes import MISTAKES
from viz import Stepper
from viz.practice import BUGS, bug_to_find


def graph(source: str, x: float = 3.0) -> Value:
    """The output, for w = -2."""
    numbers = {"x": x, "w": -2.0}
    return evaluate(source, {name: numbers[name] for name in numbers if name in source.replace("exp", "")}).output


def test_there_is_a_reason_and_a_graph_for_each_mistake() -> None:
    assert list(BUGS) == list(MISTAKES), "the page knows a bug by its place"


@pytest.mark.parametrize("name", BUGS)
def test_a_bug_shows_on_the_graph_that_its_error_names(name: str) -> None:
    _, source = BUGS[name]
    assert bug_to_find(name, None, graph(source)) == name


HIDDEN = {
    "overwrite": "y = exp(x)*w", "no_local": "y = x + w", "no_upstream": "y = tanh(x)",
    "first_path": "y = exp(tanh(x))",
    "set_of_inputs": "y = exp(x)*x", "no_order": "y = exp(x)*x", "not_zeroed": "y = x*0", "sign": "y = x*0",
    "data_for_gradient": "y = x*0.7",
}  # fmt: skip


@pytest.mark.parametrize(("name", "source"), HIDDEN.items())
def test_a_bug_that_does_not_show_is_an_error(name: str, source: str) -> None:
    with pytest.raises(
        ValueError, match=f"'{name}' does not show on this graph, where .*; it does on a graph such as '"
    ):
        Stepper(graph(source, 0.7), bug=name)
