"""Sequences drawn from a model that says what may come next."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_core.floats import as_float
from autograd_core.transforms import mapped
from autograd_core.value import number_of
from nn.arguments import positive_int
from nn.evaluation import evaluating
from nn.init import Seed, generator
from nn.module import Module


def generate(
    model: Module, start: Any, temperature: float = 1.0, rng: Seed = None, *, length: int = 16, stop: int | None = None
) -> list[int]:
    """The tokens that follow those of `start`, each drawn from what the model makes of all before it.

    The model turns a list of tokens into a list with a row of logits for each; the last row is about the next token,
    which is drawn from softmax(logits / temperature), or at temperature 0 is the most likely one. Generation ends after
    `length` tokens, or with `stop`, which is not among those returned. Nothing is recorded, and the model is in
    evaluation mode. `start` is a token or a sequence of at least one; the same `rng` draws the same tokens.

    Raises ValueError for an empty start, a negative temperature, and logits of which none is finite or any is nan.

    >>> from nn import Module
    >>> class Counting(Module):
    ...     def forward(self, tokens):
    ...         return [[-abs(k - token - 1.0) * 50.0 for k in range(5)] for token in tokens]
    >>> generate(Counting(), 0, rng=0, stop=4)
    [1, 2, 3]
    """
    tokens = [int(token) for token in np.atleast_1d(start)]
    if not tokens:
        raise ValueError("generate starts from at least one token, got none")
    temperature = as_float(temperature, "temperature")
    if not temperature >= 0.0:
        raise ValueError(f"a temperature is at least 0, got {temperature:g}")
    draw, given = generator(rng), len(tokens)
    with evaluating(model):
        for _ in range(positive_int(length, "length")):
            token = _drawn(np.array(mapped(number_of, model(tokens)[-1]), dtype=float), temperature, draw)
            if token == stop:
                break
            tokens.append(token)
    return tokens[given:]


def _drawn(logits: np.ndarray, temperature: float, draw: np.random.Generator) -> int:
    largest = logits.max()
    if not np.isfinite(largest):
        raise ValueError(f"the logits of the next token have {largest:g} as the largest, so that none can be drawn")
    if temperature == 0.0:
        return int(logits.argmax())
    shares = np.exp((logits - largest) / temperature)
    return int(draw.choice(len(shares), p=shares / shares.sum()))
