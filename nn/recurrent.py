"""Recurrent cells by PyTorch's names: one step in time, from an input and the state before to the state after."""

from __future__ import annotations

from math import sqrt
from typing import Any

from autograd_core.functions import relu, sigmoid, tanh
from nn import init as initialisation
from nn.arguments import positive_int, sample_array, unknown_name
from nn.linear import affine, uniform_values
from nn.module import Module


class _Cell(Module):
    """The parameters of a cell: for each of its gates hidden_size rows, of weights for the input and for the state."""

    gates = 1

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, *, rng: initialisation.Seed = None
    ) -> None:
        self.input_size = positive_int(input_size, "input_size")
        self.hidden_size = positive_int(hidden_size, "hidden_size")
        generator, bound, rows = initialisation.generator(rng), 1.0 / sqrt(hidden_size), self.gates * hidden_size
        self.weight_ih = uniform_values((rows, input_size), bound, generator)
        self.weight_hh = uniform_values((rows, hidden_size), bound, generator)
        self.bias_ih = uniform_values((rows,), bound, generator) if bias else None
        self.bias_hh = uniform_values((rows,), bound, generator) if bias else None

    def _parts(self, x: Any, h: Any) -> tuple[list[list[Any]], list[list[Any]], list[Any]]:
        """For each gate what input and state bring to it, and the state as a list, which is 0 where it is None."""
        size, name = self.hidden_size, type(self).__name__
        numbers = sample_array(x, (self.input_size,), f"the input of {name}").tolist()
        state = [0.0] * size if h is None else sample_array(h, (size,), f"the state of {name}").tolist()
        given, kept = affine(self.weight_ih, numbers, self.bias_ih), affine(self.weight_hh, state, self.bias_hh)
        cuts = range(0, self.gates * size, size)
        return [given[cut : cut + size] for cut in cuts], [kept[cut : cut + size] for cut in cuts], state

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.input_size}, {self.hidden_size})"


class RNNCell(_Cell):
    """h' = tanh(weight_ih · x + bias_ih + weight_hh · h + bias_hh), or relu by `nonlinearity`.

    `x` has shape (input_size,); `h`, the state before, (hidden_size,), and is 0 where it is left out. Parameters are
    drawn uniformly within ± 1 / sqrt(hidden_size). Raises ValueError for other shapes and another nonlinearity.

    >>> cell, h = RNNCell(1, 2, rng=0), None
    >>> for number in [0.5, -1.0, 2.0]:
    ...     h = cell([number], h)
    >>> len(h)
    2
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        *,
        rng: initialisation.Seed = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, rng=rng)
        if nonlinearity not in ("tanh", "relu"):
            raise unknown_name("nonlinearity", nonlinearity, ("tanh", "relu"), nonlinearity)
        self.nonlinearity = nonlinearity

    def forward(self, x: Any, h: Any = None) -> list[Any]:
        """The state after this input."""
        (given,), (kept,), _ = self._parts(x, h)
        function = tanh if self.nonlinearity == "tanh" else relu
        return [function(a + b) for a, b in zip(given, kept, strict=True)]


class GRUCell(_Cell):
    """The gated recurrent unit: h' = (1 - z) · n + z · h, for

    r = sigmoid(...), z = sigmoid(...) and n = tanh(W_in x + b_in + r · (W_hn h + b_hn)), whose rows of the parameters
    come in this order. Shapes, defaults and errors as for `RNNCell`. Source: Cho et al. 2014, in PyTorch's variant.

    >>> len(GRUCell(3, 2, rng=0)([1.0, 2.0, 3.0]))
    2
    """

    gates = 3

    def forward(self, x: Any, h: Any = None) -> list[Any]:
        """The state after this input."""
        given, kept, state = self._parts(x, h)
        after = []
        for k, before in enumerate(state):
            reset, update = (sigmoid(given[gate][k] + kept[gate][k]) for gate in (0, 1))
            fresh = tanh(given[2][k] + reset * kept[2][k])
            after.append((1.0 - update) * fresh + update * before)
        return after


class LSTMCell(_Cell):
    """Long short-term memory: c' = f · c + i · g and h' = o · tanh(c'), for

    i = sigmoid(...), f = sigmoid(...), g = tanh(...) and o = sigmoid(...), whose rows of the parameters come in this
    order. The state is the pair (h, c), each as for `RNNCell`. Source: Hochreiter & Schmidhuber 1997, with the forget
    gate of Gers et al. 2000.

    >>> h, c = LSTMCell(3, 2, rng=0)([1.0, 2.0, 3.0])
    >>> len(h), len(c)
    (2, 2)
    """

    gates = 4

    def forward(self, x: Any, state: Any = None) -> tuple[list[Any], list[Any]]:
        """The state after this input, as (h, c)."""
        if state is not None and (not isinstance(state, (list, tuple)) or len(state) != 2):
            raise ValueError("the state of an LSTMCell is a pair (h, c)")
        h, c = state or (None, None)
        given, kept, _ = self._parts(x, h)
        size = self.hidden_size
        memory = [0.0] * size if c is None else sample_array(c, (size,), "the memory of LSTMCell").tolist()
        outputs, memories = [], []
        for k, before in enumerate(memory):
            i, f, g, o = (given[gate][k] + kept[gate][k] for gate in range(4))
            now = sigmoid(f) * before + sigmoid(i) * tanh(g)
            memories.append(now)
            outputs.append(sigmoid(o) * tanh(now))
        return outputs, memories
