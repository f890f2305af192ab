"""Integers by given weights, on the accelerator, exact to 2^−64 and the same with or without x64.

``jax.random.randint`` is biased by bound / 2^32 for bounds above 2^16, and float32 uniforms cannot
tell probabilities below 2^−24 apart; a self pair of a graph of a million nodes is rarer than that.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

_HALF = 16
_LOW = (1 << _HALF) - 1


def check_key(key: Any) -> jax.Array:
    """A single typed JAX key; TypeError with advice for anything else."""
    if not (hasattr(key, "dtype") and jax.dtypes.issubdtype(key.dtype, jax.dtypes.prng_key)):
        raise TypeError(
            f"key must be a JAX random key, got {type(key).__name__}; use jax.random.key(seed)"
        )
    if key.shape != ():
        raise ValueError(
            f"key must be a single key, got an array of shape {key.shape}; "
            "map over the keys with jax.vmap"
        )
    return key


def uniform_below(words: jax.Array, bound: Any) -> jax.Array:
    """int32 uniform on 0 … bound − 1: ⌊u · bound / 2^64⌋ with u of 64 random bits.

    Args:
        words: (2, ...) uint32 random bits, the upper and lower half of each u.
        bound: integers ≥ 1, at most 2^31 − 1, that broadcast to (...).
    """
    high, low = words
    factor = jnp.broadcast_to(jnp.asarray(bound, jnp.uint32), high.shape)
    result = _multiply_high(high, factor)
    middle = high * factor
    carry = (middle + _multiply_high(low, factor)) < middle  # uint32 wraps around
    return (result + carry.astype(jnp.uint32)).astype(jnp.int32)


def _multiply_high(a: jax.Array, b: jax.Array) -> jax.Array:
    """The upper 32 of the 64 bits of a · b, by halves."""
    a1, a0, b1, b0 = a >> _HALF, a & _LOW, b >> _HALF, b & _LOW
    cross = a1 * b0 + (a0 * b0 >> _HALF)
    other = a0 * b1 + (cross & _LOW)
    return a1 * b1 + (cross >> _HALF) + (other >> _HALF)


class AliasTable(NamedTuple):
    """Walker's alias table of K outcomes: column j yields j below its threshold, else its alias.

    Attributes:
        high, low: (K,) uint32 words of the thresholds, in units of 2^−64.
        alias: (K,) int32.
    """

    high: jax.Array
    low: jax.Array
    alias: jax.Array


def alias_table(weights: NDArray[np.float64]) -> AliasTable:
    """The table of K weights > 0, at least one; probabilities are exact to float64's rounding.

    Light columns (below the mean weight) are filled up by heavy ones in order. Heavy column h_j
    serves the light ones while the deficits served so far are below the surplus of h_1 … h_j;
    then it is a light column itself, filled up by h_{j+1}. Prefix sums do that without a loop.
    """
    keep = weights * (len(weights) / weights.sum())
    alias = np.arange(len(weights))
    light, heavy = np.flatnonzero(keep < 1), np.flatnonzero(keep > 1)
    deficit = np.cumsum(1 - keep[light])
    surplus = np.cumsum(keep[heavy] - 1)
    last = len(heavy) - 1
    if last >= 0:
        # The very sums that ``spent_at`` is compared with: ties must fall the same way.
        before = np.append(0.0, deficit[:-1])[: len(light)]
        alias[light] = heavy[np.minimum(np.searchsorted(surplus, before, side="right"), last)]
        spent_at = np.searchsorted(deficit, surplus, side="left")
        spent = (spent_at < len(light)) & (np.arange(len(heavy)) < last)
        j = np.flatnonzero(spent)
        keep[heavy] = 1
        keep[heavy[j]] = 1 + surplus[j] - deficit[spent_at[j]]
        alias[heavy[j]] = heavy[j + 1]
    full = keep >= 1
    alias[full] = np.flatnonzero(full)
    scaled = np.clip(keep, 0, 1 - 2.0**-53) * 2.0**32
    high = np.floor(scaled)
    low = np.floor((scaled - high) * 2.0**32)
    return AliasTable(
        jnp.asarray(high.astype(np.uint32)),
        jnp.asarray(low.astype(np.uint32)),
        jnp.asarray(alias.astype(np.int32)),
    )


def draw(table: AliasTable, words: jax.Array) -> jax.Array:
    """int32 outcomes (...) by the weights of the table, from (2, 2, ...) uint32 random bits."""
    column = uniform_below(words[0], len(table.alias))
    high, low = words[1]
    top = table.high[column]
    kept = (high < top) | ((high == top) & (low < table.low[column]))
    return jnp.where(kept, column, table.alias[column])
