"""The operations on JAX arrays for which JAX has no function, or one that differs at the edges.

Each stands for the function of the same name in `floats`. They are here to be copied into compiled source, whose `jax`
and `jnp` they refer to: source for JAX can be written where JAX is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    jax: Any = ...
    jnp: Any = ...


def leaky_relu(x: Any, slope: Any) -> Any:
    """x where it is positive, else slope * x."""
    return jnp.where(x > 0.0, x, slope * x)


def elu(x: Any, alpha: Any) -> Any:
    """x where it is positive, else alpha * (exp(x) - 1)."""
    return jnp.where(x >= 0.0, x, alpha * jnp.expm1(x))


def gelu(x: Any) -> Any:
    """x times the normal distribution function of x."""
    return jax.nn.gelu(x, approximate=False)


def less(x: Any, y: Any) -> Any:
    """1 where x < y, else 0."""
    return jnp.less(x, y) * 1.0


def less_equal(x: Any, y: Any) -> Any:
    """1 where x <= y, else 0."""
    return jnp.less_equal(x, y) * 1.0


def equal(x: Any, y: Any) -> Any:
    """1 where x == y, else 0."""
    return jnp.equal(x, y) * 1.0


def lookup_positions(ids: Any, size: int, start: Any, step: int) -> Any:
    """start + step * id as integers; where an id is no whole number from 0 to size - 1, what no array is as long as."""
    right = (ids >= 0) & (ids < size) & (ids == jnp.floor(ids))
    return jnp.where(right, start + step * jnp.where(right, ids, 0).astype(int), 2**31 - 1)


def added_at(size: int, at: Any, part: Any) -> Any:
    """Zeros, to which each element is added at its position, if there is one; all devices of a mesh have them."""
    everywhere = jax.sharding.NamedSharding(jax.typeof(part).sharding.mesh, jax.sharding.PartitionSpec())
    return jnp.zeros(size, part.dtype).at[at].add(part, mode="drop", out_sharding=everywhere)


def over_samples(left: Any, right: Any, axes: int = 1) -> Any:
    """The sum of left[i] * right[j] over the first axis, or so many; all devices of a mesh have it."""
    everywhere = jax.sharding.NamedSharding(jax.typeof(left).sharding.mesh, jax.sharding.PartitionSpec())
    first = tuple(range(axes))
    return jnp.tensordot(left, right, (first, first), out_sharding=everywhere)
