"""Random keys from (seed, epoch, step, index), so that what a sample gets depends on nothing else.

Not on the batch it is in, its place there, the number of devices, or what was drawn before; a run
that is resumed at a step draws what it would have drawn.
"""

from __future__ import annotations

import zlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dctheory._validation import check_integer

# Named, so that the numbers do not depend on jax_default_prng_impl; keys of other generators
# ("rbg") draw numbers under vmap that depend on the batch.
_IMPLEMENTATION = "threefry2x32"

_LIMIT = 2**31 - 1


def step_key(seed: Any, epoch: Any, step: Any, purpose: str) -> jax.Array:
    """The key of one step: key(seed) folded with the purpose, the epoch and the step.

    Args:
        seed, epoch, step: integers from 0 to 2^31 − 1, traced or not.
        purpose: a word for what the key is used for. Without it the keys of an epoch would be
            those of ``jax.random.split(key(seed))``, which a caller may use for something else.

    Returns:
        A typed JAX key (threefry).
    """
    if not isinstance(purpose, str) or not purpose:
        raise TypeError(f"purpose must be a word such as 'pairs', got {purpose!r}")
    values = [_as_integer(*each) for each in (("seed", seed), ("epoch", epoch), ("step", step))]
    key = jax.random.key(values[0], impl=_IMPLEMENTATION)
    for data in (zlib.crc32(purpose.encode()), *values[1:]):
        key = jax.random.fold_in(key, data)
    return key


def sample_keys(
    seed: Any, epoch: Any, step: Any, indices: Any, purpose: str = "augmentation"
) -> jax.Array:
    """One key for each sample: :func:`step_key` folded with the sample's index in the data.

    Args:
        seed, epoch, step: integers from 0 to 2^31 − 1, traced or not.
        indices: (B,) integers ≥ 0.
        purpose: see :func:`step_key`.

    Returns:
        (B,) typed JAX keys.

    Raises:
        TypeError: something that is no integer.
        ValueError: out of range, or indices that are not one-dimensional.
    """
    array = as_indices(indices)
    key = step_key(seed, epoch, step, purpose)
    return jax.vmap(lambda index: jax.random.fold_in(key, index))(array)


def as_indices(indices: Any) -> jax.Array:
    """(B,) int32 indices ≥ 0 of samples (the sign is checked outside ``jit`` only)."""
    traced = isinstance(indices, jax.core.Tracer)
    array = indices if traced else np.asarray(indices)
    if not jnp.issubdtype(array.dtype, jnp.integer):
        raise TypeError(
            f"indices must be integers, the samples' places in the data, got {array.dtype}"
        )
    if array.ndim != 1:
        raise ValueError(f"indices must have shape (batch,), got {array.shape}")
    if not traced and array.size:
        check_integer("the smallest of indices", int(array.min()), 0)
        check_integer("the largest of indices", int(array.max()), 0, _LIMIT)
    return jnp.asarray(array, jnp.int32)


def _as_integer(name: str, value: Any) -> Any:
    if not isinstance(value, jax.Array):
        return check_integer(name, value, 0, _LIMIT)
    if not jnp.issubdtype(value.dtype, jnp.integer) or value.shape != ():
        raise TypeError(f"{name} must be one integer, got {value.dtype} of shape {value.shape}")
    if isinstance(value, jax.core.Tracer):
        return value.astype(jnp.int32)
    return check_integer(name, int(value), 0, _LIMIT)
