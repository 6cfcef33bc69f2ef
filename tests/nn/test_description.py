"""Descriptions tell models and training runs apart, and are the same in every process."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from typing import Any

import numpy as np
import pytest

import nn
from autograd_core import Value, functions
from nn.description import difference, model_description, run_description


class Configured(nn.Module):
    """A model as a user would write it, with an option of any kind."""

    def __init__(self, option: Any) -> None:
        self.option = option
        self.weight = Value(1.0)
        self._cache = object()

    def forward(self, x: Any) -> Value:
        self.seen = [number.data for number in x]
        return self.weight * x[0]


def described(option: Any) -> str:
    return model_description(Configured(option))["option of the model"]


KINDS: list[tuple[Any, Any]] = [
    (1, 2),
    (0.1, 0.1 + 1e-16),
    (True, False),
    (None, 0),
    ("sum", "mean"),
    ("a" * 200 + "b", "a" * 200 + "c"),
    (functions.tanh, functions.relu),
    (partial(nn.losses.mse_loss, reduction="sum"), partial(nn.losses.mse_loss, reduction="mean")),
    (np.zeros(3), np.array([0.0, 0.0, 1e-300])),
    (np.zeros(3), np.zeros((3, 1))),
    (np.array([1, "a"], dtype=object), np.array([1, "b"], dtype=object)),
    ([1, [2.0, "x"]], [1, [2.0, "y"]]),
    ({"width": 3}, {"width": 4}),
]


@pytest.mark.parametrize(("one", "other"), KINDS, ids=[type(one).__name__ for one, _ in KINDS])
def test_options_of_every_kind_are_told_apart(one: Any, other: Any) -> None:
    assert described(one) != described(other)
    assert len(described(one)) <= 80


@pytest.mark.parametrize("make", [object, lambda: lambda x: x, lambda: np.random.default_rng(0)])
def test_what_is_another_object_each_time_is_described_by_its_name(make: Any) -> None:
    assert described(make()) == described(make())


def test_numbers_of_numpy_are_described_as_those_of_python() -> None:
    assert described(np.float64(0.5)) == described(0.5)
    assert described([np.int64(3)]) == described((3,))


def test_parameters_parts_and_what_is_private_are_no_options() -> None:
    model = Configured(nn.Dropout(0.25, rng=0))
    model.eval()
    assert model_description(model) == {
        "class of the model": "Configured",
        "class of option": "Dropout",
        "p of option": "0.25",
    }


def test_the_description_is_the_same_in_another_process() -> None:
    program = (
        "import nn; from nn.description import model_description;"
        "print(model_description(nn.Sequential(nn.Layer(2, 2, lambda z: z.sin()), nn.Dropout(0.5))))"
    )
    model = nn.Sequential(nn.Layer(2, 2, lambda z: z.sin()), nn.Dropout(0.5))
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert output.strip() == str(model_description(model))


def test_a_difference_names_the_first_and_counts_the_others() -> None:
    file, mine = (model_description(nn.MLP(2, [2, 1], activation)) for activation in ("tanh", "relu"))
    assert difference(mine, mine, "model") == ""
    assert difference(file, mine, "model") == "activation of layers.0: the file has tanh, the model relu (and 2 more)"


def test_a_part_that_only_one_has_is_a_difference_and_what_a_call_left_is_none() -> None:
    called, fresh = Configured(1), Configured(1)
    called([Value(3.0)])
    assert difference(model_description(called), model_description(fresh), "model") == ""
    file = model_description(nn.Sequential(nn.Neuron(2), nn.Dropout(0.5)))
    mine = model_description(nn.Sequential(nn.Neuron(2)))
    assert difference(file, mine, "model") == "class of layers.1: the file has Dropout, the model no such part"
    assert difference(mine, file, "model") == "class of layers.1: the file has no such part, the model Dropout"


def test_the_learning_rate_of_a_run_may_have_moved() -> None:
    model = nn.Neuron(2)

    def run(lr: float, momentum: float) -> dict[str, str]:
        optimizer = nn.optim.SGD(model.parameters(), lr=lr, momentum=momentum)
        return run_description(model, {"optimizer": optimizer, "scheduler": None}, loss=nn.losses.mse_loss)

    assert difference(run(0.1, 0.9), run(0.2, 0.9), "run") == ""
    assert difference(run(0.1, 0.9), run(0.1, 0.5), "run") == "momentum of the optimizer: the file has 0.9, the run 0.5"
