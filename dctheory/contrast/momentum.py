"""MoCo's momentum encoder and queue of keys (He et al. 2020)."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from dctheory._validation import check_real
from dctheory.contrast._checks import check_scalar, is_concrete


def momentum_update(params: Any, target: Any, m: Any) -> Any:
    """m · target + (1 − m) · params, leaf by leaf: the new parameters of the momentum encoder.

    Args:
        params: pytree of arrays, the trained encoder's.
        target: pytree of the same structure and shapes, the momentum encoder's.
        m: momentum in [0, 1]; 1 keeps ``target``.

    Returns:
        Pytree like ``target``, in its dtypes, without a gradient.

    Raises:
        ValueError: m outside [0, 1], or pytrees of different structure or shapes.
    """
    check_scalar("m", m)
    if is_concrete(m):
        check_real("m", m.item() if hasattr(m, "item") else m, 0, 1)

    def step(new: Any, old: Any) -> jax.Array:
        new, old = jnp.asarray(new), jnp.asarray(old)
        if new.shape != old.shape:
            raise ValueError(
                f"a parameter has shape {new.shape} and its momentum {old.shape}; both encoders "
                "must be the same network"
            )
        # Written so that equal parameters stay as they are, in at least float32.
        work = jnp.promote_types(old.dtype, jnp.float32)
        moved = old.astype(work) + (1 - m) * (new.astype(work) - old.astype(work))
        return lax.stop_gradient(moved.astype(old.dtype))

    return jax.tree.map(step, params, target)


def enqueue(queue: Any, keys: Any) -> jax.Array:
    """The queue with the newest keys at its end and as many of the oldest gone.

    Args:
        queue: (Q, d), oldest first.
        keys: (B, d) with B ≤ Q.

    Returns:
        (Q, d) in the queue's dtype, without a gradient.

    Raises:
        ValueError: another dimension, or more keys than the queue holds.
    """
    queue, keys = jnp.asarray(queue), jnp.asarray(keys)
    if queue.ndim != 2 or keys.ndim != 2 or queue.shape[1] != keys.shape[1]:
        raise ValueError(
            f"queue and keys must have shapes (Q, d) and (B, d), got {queue.shape} and {keys.shape}"
        )
    if keys.shape[0] > queue.shape[0]:
        raise ValueError(
            f"{keys.shape[0]} keys do not fit a queue of {queue.shape[0]}; make it at least as "
            "large as the batch"
        )
    moved = jnp.concatenate([queue[keys.shape[0] :], keys.astype(queue.dtype)])
    return lax.stop_gradient(moved)
