"""Self-attention in which no position sees a later one."""

from __future__ import annotations

from math import sqrt
from typing import Any

from autograd_core import Value
from autograd_core.functions import softmax
from autograd_core.transforms import mapped
from nn import init as initialisation
from nn.arguments import positive_int, sample_array
from nn.linear import Linear, affine, dot
from nn.module import Module


class CausalSelfAttention(Module):
    """Each position of a sequence gathers from itself and those before it, by heads that weigh them by likeness.

    A head turns each position into a query, a key and a value of embed_dim / num_heads numbers. Its output at a
    position is the sum of the values so far, weighted by the softmax of query · key / sqrt(embed_dim / num_heads); the
    outputs of all heads go through `out_proj`. Parameters have the names of PyTorch's MultiheadAttention, which
    computes the same with a causal mask: the rows of `in_proj_weight` make queries, keys and values, in this order.
    Source: Vaswani et al. 2017, "Attention is all you need".

    Raises ValueError where num_heads does not divide embed_dim, and for a sample of another shape than
    (positions, embed_dim), which the result has, too.

    >>> attention = CausalSelfAttention(4, 2, rng=0)
    >>> sequence = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]]
    >>> first, both = attention(sequence[:1]), attention(sequence)
    >>> [y.data for y in first[0]] == [y.data for y in both[0]]
    True
    """

    def __init__(self, embed_dim: int, num_heads: int, bias: bool = True, *, rng: initialisation.Seed = None) -> None:
        self.embed_dim, self.num_heads = positive_int(embed_dim, "embed_dim"), positive_int(num_heads, "num_heads")
        if embed_dim % num_heads:
            raise ValueError(f"num_heads divides embed_dim into equal parts, got {num_heads} for {embed_dim}")
        generator = initialisation.generator(rng)
        numbers = initialisation.xavier_uniform((3 * embed_dim, embed_dim), embed_dim, 3 * embed_dim, generator)
        self.in_proj_weight = mapped(Value, numbers.tolist())
        self.in_proj_bias = [Value(0.0) for _ in range(3 * embed_dim)] if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias, rng=generator)
        for offset in self.out_proj.bias or ():
            offset.data = 0.0

    def forward(self, x: Any) -> list[list[Any]]:
        """The sequence after attention, of the shape that it came in."""
        rows = sample_array(x, (None, self.embed_dim), "the input of a CausalSelfAttention").tolist()
        projected = [affine(self.in_proj_weight, row, self.in_proj_bias) for row in rows]
        width = self.embed_dim // self.num_heads
        mixed: list[list[Any]] = [[] for _ in rows]
        for start in range(0, self.embed_dim, width):
            queries, keys, values = (
                [row[first + start : first + start + width] for row in projected]
                for first in (0, self.embed_dim, 2 * self.embed_dim)
            )
            for position, query in enumerate(queries):
                seen = position + 1
                shares = softmax([dot(query, key) / sqrt(width) for key in keys[:seen]])
                mixed[position] += [dot(shares, column) for column in zip(*values[:seen], strict=True)]
        return self.out_proj(mixed)

    def __repr__(self) -> str:
        return f"CausalSelfAttention({self.embed_dim}, {self.num_heads} heads)"
