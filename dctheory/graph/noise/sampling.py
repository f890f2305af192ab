"""Samples of the paper's relaxation: a_ij + ε ε_ij."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dctheory._validation import check_memory, check_real

Array = NDArray[np.float64]


def sample_noisy(
    adjacency: ArrayLike,
    epsilon: float,
    rng: np.random.Generator,
    law: Callable[[np.random.Generator, int], ArrayLike] | None = None,
) -> Array:
    """A + ε E with E symmetric, zero diagonal, i.i.d. entries above it; not clipped to [0, 1].

    Args:
        adjacency: (N, N) symmetric and finite.
        epsilon: noise level, finite, ≥ 0.
        rng: the source of randomness.
        law: ``law(rng, size)`` returns ``size`` numbers of mean 0 and variance 1 (not checked);
            standard normal by default.

    Returns:
        (N, N) float64.

    Raises:
        TypeError: ``rng`` is no Generator, or ``law`` not callable.
        ValueError: another shape, asymmetric or not finite, from the caller or from ``law``.
    """
    clean = _check_matrix(adjacency)
    level = float(check_real("epsilon", epsilon, 0))
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"rng must be a numpy Generator, got {type(rng).__name__}; "
            "use numpy.random.default_rng(seed)"
        )
    size = len(clean)
    check_memory(f"a noisy matrix of {size} nodes", 12 * size**2)
    draws = _draw(size * (size - 1) // 2, rng, law)
    noisy, start = clean.copy(), 0
    for i in range(size - 1):
        row = level * draws[start : start + size - 1 - i]
        noisy[i, i + 1 :] += row
        noisy[i + 1 :, i] += row
        start += size - 1 - i
    return noisy


def _check_matrix(adjacency: ArrayLike) -> Array:
    clean = np.asarray(adjacency, dtype=np.float64)
    if clean.ndim != 2 or clean.shape[0] != clean.shape[1] or not len(clean):
        raise ValueError(f"adjacency must be a square matrix, got shape {clean.shape}")
    if not np.all(np.isfinite(clean)) or not np.array_equal(clean, clean.T):
        raise ValueError(
            "adjacency must be symmetric and finite; pass (A + A.T) / 2 if it is so up to rounding"
        )
    return clean


def _draw(size: int, rng: np.random.Generator, law: Callable[..., ArrayLike] | None) -> Array:
    if law is None:
        return rng.standard_normal(size)
    if not callable(law):
        raise TypeError(
            f"law must be callable as law(rng, size), got {law!r}; "
            "e.g. lambda rng, size: rng.choice([-1.0, 1.0], size)"
        )
    draws = np.asarray(law(rng, size), dtype=np.float64)
    if draws.shape != (size,) or not np.all(np.isfinite(draws)):
        raise ValueError(
            f"law(rng, {size}) must return {size} finite numbers, got shape {draws.shape}"
            f"{'' if np.all(np.isfinite(draws)) else ' with NaN or infinite entries'}"
        )
    return draws
