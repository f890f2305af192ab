"""Sums over rows of a matrix of pairs that is never held as a whole."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from dctheory._validation import check_integer

# Entries of one block of the matrix of pairs. On a CPU a block should stay in the cache (4 bytes
# an entry, a few arrays of that size); an accelerator wants larger ones.
_CPU_ENTRIES = 2**20
_ACCELERATOR_ENTRIES = 2**26

# (first row, number of rows, differentiable, not differentiable) -> (rows,) values.
RowFunction = Callable[[Any, int, Any, Any], jax.Array]


def rows_of(array: jax.Array, start: Any, size: int) -> jax.Array:
    """``size`` rows from ``start``; all of them without a copy."""
    return array if size == array.shape[0] else lax.dynamic_slice_in_dim(array, start, size)


def choose_block(block_size: int | None, rows: int, columns: int) -> int:
    """Rows in a block: as given, else as many as suit the device; never more than there are."""
    if block_size is not None:
        return min(check_integer("block_size", block_size, 1), rows)
    entries = _CPU_ENTRIES if jax.default_backend() == "cpu" else _ACCELERATOR_ENTRIES
    return min(max(entries // columns, 8), rows)


def sum_rows(function: RowFunction, rows: int, block: int, varied: Any, fixed: Any) -> jax.Array:
    """Σ over all rows of ``function``, ``block`` rows at a time.

    In a single block this is plain JAX. In several, the gradient is computed together with the
    value while a block's entries are at hand (a custom reverse-mode rule), so that memory grows
    with block × columns; forward-mode differentiation then is not available.

    Args:
        function: values of rows start … start + size − 1; may differentiate through ``varied``.
        rows: number of rows.
        block: rows in a block, at most ``rows``.
        varied: pytree of floating point arrays.
        fixed: pytree of arrays without a gradient.
    """
    if block >= rows:
        return function(0, rows, varied, fixed).sum()
    return _blockwise(function, rows, block, varied, fixed)


def _block_sum(
    function: RowFunction, rows: int, block: int, number: Any, varied: Any, fixed: Any
) -> jax.Array:
    # The last block is moved back to stay inside; rows that an earlier one has count nothing.
    start = jnp.minimum(number * block, rows - block)
    fresh = start + jnp.arange(block) >= number * block
    return jnp.where(fresh, function(start, block, varied, fixed), 0).sum()


@partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def _blockwise(function: RowFunction, rows: int, block: int, varied: Any, fixed: Any) -> jax.Array:
    def step(total: jax.Array, number: Any) -> tuple[jax.Array, None]:
        return total + _block_sum(function, rows, block, number, varied, fixed), None

    return lax.scan(step, _zero(varied), jnp.arange(-(-rows // block)))[0]


def _blockwise_forward(
    function: RowFunction, rows: int, block: int, varied: Any, fixed: Any
) -> tuple[jax.Array, Any]:
    def step(totals: Any, number: Any) -> tuple[Any, None]:
        def value(varied: Any) -> jax.Array:
            return _block_sum(function, rows, block, number, varied, fixed)

        return jax.tree.map(jnp.add, totals, jax.value_and_grad(value)(varied)), None

    start = (_zero(varied), jax.tree.map(jnp.zeros_like, varied))
    return lax.scan(step, start, jnp.arange(-(-rows // block)))[0]


def _blockwise_backward(
    function: RowFunction, rows: int, block: int, gradient: Any, cotangent: jax.Array
) -> tuple[Any, None]:
    return jax.tree.map(lambda each: cotangent * each, gradient), None


_blockwise.defvjp(_blockwise_forward, _blockwise_backward)


def _zero(varied: Any) -> jax.Array:
    return jnp.zeros((), jnp.result_type(*jax.tree.leaves(varied)))
