"""Embedding: rows by tokens, eager and compiled, and against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nn
from autograd_core import Value, compile

TOKENS = [3, 0, 3, 4]


def loss_of(rows: Any) -> Value:
    return sum((Value(k + 0.5) * y * y for k, y in enumerate(y for row in rows for y in row)), Value(0.0))


@pytest.mark.parametrize("padding_idx", [None, 3])
@pytest.mark.parametrize("backend", ["scalar", "numpy"])
def test_programs_of_tokens(padding_idx: int | None, backend: Any) -> None:
    embedding, tokens = nn.Embedding(5, 2, padding_idx, rng=0), [Value(0.0) for _ in TOKENS]
    parameters = embedding.parameters()
    program = compile(loss_of(embedding(tokens)), [tokens], parameters, backend)
    value, gradient = program.value_and_grad([p.data for p in parameters], np.array(TOKENS))
    loss = loss_of(embedding(TOKENS))
    loss.backward()
    assert value == pytest.approx(loss.data, rel=1e-13)
    np.testing.assert_allclose(gradient, [p.grad for p in parameters], rtol=1e-13)
    assert (gradient.reshape(5, 2)[3] == 0.0).all() == (padding_idx == 3)


@pytest.mark.torch
@pytest.mark.parametrize("padding_idx", [None, 3])
def test_value_gradient_and_state_are_those_of_pytorch(padding_idx: int | None) -> None:
    torch = pytest.importorskip("torch")
    embedding = nn.Embedding(5, 2, padding_idx, rng=0)
    theirs = torch.nn.Embedding(5, 2, padding_idx).double()
    weights = np.array([[p.data for p in row] for row in embedding.weight])
    theirs.load_state_dict({"weight": torch.tensor(weights)})
    rows = embedding(TOKENS)
    expected = theirs(torch.tensor(TOKENS))
    np.testing.assert_array_equal([[y.data for y in row] for row in rows], expected.detach().numpy())
    loss_of(rows).backward()
    (torch.arange(0.5, expected.numel() + 0.5, dtype=torch.float64) * expected.flatten() ** 2).sum().backward()
    ours = [[p.grad for p in row] for row in embedding.weight]
    np.testing.assert_allclose(ours, theirs.weight.grad.numpy(), rtol=1e-13)


def test_rows_of_one_token_of_several_and_of_arrays() -> None:
    embedding = nn.Embedding(5, 2, rng=0)
    assert embedding(4) == embedding.weight[4]
    assert embedding([[1, 2]]) == [[embedding.weight[1], embedding.weight[2]]]
    assert embedding(range(2, 4)) == embedding.weight[2:4]
    assert embedding(np.array(TOKENS)) == [embedding.weight[token] for token in TOKENS]
    numbers = np.array([p.data for p in nn.Embedding(200, 50, rng=0).parameters()])
    assert numbers.std() == pytest.approx(1.0, rel=0.03)
    assert [p.data for p in nn.Embedding(3, 2, padding_idx=1, rng=0).weight[1]] == [0.0, 0.0]


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(ValueError, match="among 5 entries by a whole number from 0 to 4, got 5"):
        nn.Embedding(5, 2)([0, 5])
    with pytest.raises(ValueError, match="padding_idx is less than num_embeddings, 5, got 5"):
        nn.Embedding(5, 2, padding_idx=5)
