"""Checks of features, temperatures and percentiles, before any compute starts.

Shapes and dtypes are checked always, values only where they are known: not inside ``jit``.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from dctheory._validation import check_real


def is_concrete(value: Any) -> bool:
    """Whether the value is known now, that is not being traced by a transformation."""
    return not isinstance(value, jax.core.Tracer)


def _is_false(condition: jax.Array) -> bool:
    # Inside `jit` even what is computed from constants is traced.
    return is_concrete(condition) and not bool(condition)


def as_features(name: str, value: Any) -> jax.Array:
    """Features as a two-dimensional array of float32, or of float64 if they are.

    Raises:
        TypeError: features that are not floating point.
        ValueError: another number of dimensions, no columns, or (outside ``jit``) NaN or infinity.
    """
    array = jnp.asarray(value)
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(
            f"{name} must be floating point, got {array.dtype}; convert it, "
            f"e.g. {name}.astype('float32')"
        )
    if array.ndim != 2 or array.shape[1] == 0:
        raise ValueError(f"{name} must have shape (rows, dimension), got {array.shape}; reshape it")
    if _is_false(jnp.isfinite(array).all()):
        raise ValueError(f"{name} holds NaN or infinity; find out which step made them")
    return array.astype(jnp.promote_types(array.dtype, jnp.float32))


def check_pair(z1: jax.Array, z2: jax.Array, names: tuple[str, str] = ("z1", "z2")) -> None:
    """ValueError unless both views have the same shape."""
    if z1.shape != z2.shape:
        raise ValueError(
            f"{names[0]} has shape {z1.shape} and {names[1]} {z2.shape}; row i of both must be "
            "the two views of sample i"
        )


def check_samples(count: int, what: str) -> None:
    """ValueError for a batch without negative pairs."""
    if count < 2:
        raise ValueError(
            f"a batch of {count} has no negative pairs, {what}; pass at least 2 samples or a queue"
        )


def as_queue(value: Any, dimension: int) -> jax.Array:
    """A queue of (Q, d) keys; ValueError if it is empty or has another dimension."""
    queue = as_features("queue", value)
    if queue.shape[0] == 0 or queue.shape[1] != dimension:
        raise ValueError(
            f"queue must have shape (Q, {dimension}) with Q ≥ 1, got {queue.shape}; "
            "it holds keys of the same dimension as the features"
        )
    return queue


def check_positive(name: str, value: Any) -> Any:
    """A number or array that is positive and finite wherever it is known."""
    return _check_values(name, value, positive=True)


def check_finite(name: str, value: Any) -> Any:
    """A number or array that is finite wherever it is known."""
    return _check_values(name, value, positive=False)


def _check_values(name: str, value: Any, positive: bool) -> Any:
    if not is_concrete(value):
        return value
    if not hasattr(value, "shape"):
        return check_real(name, value, 0 if positive else None, low_open=positive)
    array = jnp.asarray(value)
    if not jnp.issubdtype(array.dtype, jnp.number) or jnp.iscomplexobj(array):
        raise TypeError(f"{name} must be real numbers, got {array.dtype}; pass floats")
    if _is_false(jnp.isfinite(array).all()):
        raise ValueError(f"{name} holds NaN or infinity; check how it was computed")
    if positive and _is_false((array > 0).all()):
        raise ValueError(f"{name} must be positive, its smallest entry is {array.min()}")
    return value


def check_scalar(name: str, value: Any) -> None:
    """ValueError for an array that is no single number."""
    if getattr(value, "shape", ()) != ():
        raise ValueError(f"{name} must be one number, got an array of shape {value.shape}")


def check_percentiles(pos_high: Any, pos_low: Any) -> None:
    """ValueError unless 0 ≤ pos_high < pos_low ≤ 100; TypeError unless both are numbers."""
    check_real("pos_high", pos_high, 0, 100)
    check_real("pos_low", pos_low, 0, 100)
    if pos_high >= pos_low:
        raise ValueError(
            f"pos_high = {pos_high} must be below pos_low = {pos_low}: percentiles are in "
            "descending order of similarity, so pos_high is where the selected pairs begin"
        )
