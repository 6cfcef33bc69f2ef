"""A vector for each of a few tokens, by PyTorch's name."""

from __future__ import annotations

from typing import Any

from autograd_core import Value, lookup
from autograd_core.functions import detach
from autograd_core.transforms import mapped
from nn import init as initialisation
from nn.arguments import int_at_least, positive_int
from nn.module import Module


class Embedding(Module):
    """Row `token` of `weight`, for a token that is a whole number from 0 to num_embeddings - 1.

    A token is a number or a Value, and a sequence of tokens gives a list of rows. `weight` has shape
    (num_embeddings, embedding_dim) and is drawn from N(0, 1). The row of `padding_idx` starts as 0 and gets no
    gradient. Raises what `lookup` raises for a token.

    >>> embedding = Embedding(10, 3, rng=0)
    >>> rows = embedding([4, 4, 0])
    >>> len(rows), rows[0] == rows[1] == embedding.weight[4]
    (3, True)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        *,
        rng: initialisation.Seed = None,
    ) -> None:
        self.num_embeddings = positive_int(num_embeddings, "num_embeddings")
        self.embedding_dim = positive_int(embedding_dim, "embedding_dim")
        self.padding_idx = None if padding_idx is None else int_at_least(0, padding_idx, "padding_idx")
        numbers = initialisation.generator(rng).normal(size=(num_embeddings, embedding_dim))
        if padding_idx is not None:
            if padding_idx >= num_embeddings:
                raise ValueError(f"padding_idx is less than num_embeddings, {num_embeddings}, got {padding_idx}")
            numbers[padding_idx] = 0.0
        self.weight = mapped(Value, numbers.tolist())

    def forward(self, x: Any) -> Any:
        """The row of one token as a list, or in nested lists those of several."""
        table = list(self.weight)
        if self.padding_idx is not None:
            table[self.padding_idx] = [detach(number) for number in table[self.padding_idx]]
        tokens = list(x) if isinstance(x, range) else x.tolist() if hasattr(x, "tolist") else x
        return mapped(lambda token: lookup(table, token), tokens)

    def __repr__(self) -> str:
        return f"Embedding({self.num_embeddings}, {self.embedding_dim})"
