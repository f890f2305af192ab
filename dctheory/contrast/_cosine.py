"""Unit rows and products of rows that stay accurate on any device."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

# Rows whose largest entry is below this have no direction that float32 can hold.
_SMALLEST = 1e-30


def unit_rows(features: jax.Array) -> jax.Array:
    """Rows divided by their norms, without overflow or underflow.

    A row of zeros (entries below 1e-30) stays zero and passes on no gradient: it has cosine 0 with
    every row.
    """
    largest = lax.stop_gradient(jnp.max(jnp.abs(features), axis=1, keepdims=True))
    zero = largest < _SMALLEST
    # The direction does not depend on the scale, so the scale needs no gradient.
    scaled = jnp.where(zero, 0, features) / jnp.where(zero, 1, largest)
    squares = jnp.sum(scaled**2, axis=1, keepdims=True)
    return scaled / jnp.sqrt(jnp.where(zero, 1, squares))


def products(first: jax.Array, second: jax.Array) -> jax.Array:
    """(m, n) products of the rows of (m, d) and (n, d); GPUs would round float32 to 10 bits."""
    return jnp.matmul(first, second.T, precision=lax.Precision.HIGHEST)
