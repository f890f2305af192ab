"""InfoNCE over pairs of views or a queue, with any map from cosine to logit."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from dctheory.contrast._blocks import choose_block, rows_of, sum_rows
from dctheory.contrast._checks import (
    as_features,
    as_queue,
    check_pair,
    check_positive,
    check_samples,
    check_scalar,
)
from dctheory.contrast._cosine import products, unit_rows
from dctheory.contrast.pairs import PairMap, baseline
from dctheory.contrast.selection import negatives, selected_rows


def info_nce(
    z1: Any,
    z2: Any,
    temperature: Any,
    pairs: PairMap | None = None,
    *,
    queue: Any = None,
    block_size: int | None = None,
) -> jax.Array:
    """Mean InfoNCE loss, −log e^ℓ₊/(e^ℓ₊ + Σ_j e^ℓ_j), with logits from cosines by ``pairs``.

    Without a queue it is NT-Xent (Chen et al. 2020): the 2N views are the anchors, the positive of
    i is i ± N, the other 2N − 2 views are its negatives. With one (MoCo, He et al. 2020) the N
    rows of z1 are the anchors, z2 (the momentum encoder's) their positives and the Q keys the
    negatives of all; z2 and the queue get no gradient.

    Never NaN for finite features: a zero row has cosine 0 with every row and passes on no
    gradient; a row whose negatives are all removed has the loss 0.

    Args:
        z1, z2: (N, d) features of the two views, normalised here; row i of both from sample i,
            N ≥ 2 without a queue. Computed in float32, or in float64 if they are.
        temperature: τ > 0, a scalar.
        pairs: see :mod:`dctheory.contrast.pairs`; by default ``baseline()``. Its selection has the
            shape (2N, 2N), or (N, Q) with a queue; the positive and the anchor itself are never
            changed, whatever it says.
        queue: (Q, d) keys, oldest first (:func:`dctheory.contrast.enqueue`).
        block_size: anchors at a time; by default it suits the device. With less than all of them,
            memory grows with block_size × (2N or Q), and the loss has a reverse-mode derivative
            only.

    Returns:
        The loss, a scalar.

    Raises:
        TypeError: features that are not floating point, or ``pairs`` of another kind.
        ValueError: shapes that do not fit, one sample without a queue, τ ≤ 0, or (outside
            ``jit``) NaN features.
    """
    first, second = as_features("z1", z1), as_features("z2", z2)
    check_pair(first, second)
    check_scalar("temperature", temperature)
    check_positive("temperature", temperature)
    pairs = baseline() if pairs is None else pairs
    first, second = unit_rows(first), unit_rows(second)
    if queue is None:
        check_samples(first.shape[0], "which InfoNCE needs")
        anchors = candidates = jnp.concatenate([first, second])
        positives = jnp.concatenate([second, first])
    else:
        keys = unit_rows(as_queue(queue, first.shape[1]))
        anchors, positives, candidates = first, *lax.stop_gradient((second, keys))
    shape = (anchors.shape[0], candidates.shape[0])
    numbers, selection = _split(pairs, shape)
    varied = (anchors, positives, candidates, temperature, numbers)
    varied = jax.tree.map(lambda each: jnp.asarray(each, anchors.dtype), varied)
    block = choose_block(block_size, *shape)
    rows = _VIEW_LOSSES if queue is None else _QUEUE_LOSSES
    return sum_rows(rows, shape[0], block, varied, selection) / shape[0]


def _split(pairs: Any, shape: tuple[int, int]) -> tuple[PairMap, Any]:
    """The map with its numbers alone, and its selection."""
    if not isinstance(pairs, PairMap):
        raise TypeError(
            f"pairs must be a PairMap, got {type(pairs).__name__}; make one with removal(mask), "
            "margin(sigma, mask), temperature_scaling(rho, mask), combined(sigma, rho, mask), "
            "debiased(tau_plus), hcl(beta, tau_plus) or dcl()"
        )
    if pairs.selection is not None and pairs.selection.shape != shape:
        raise ValueError(
            f"the selection has shape {pairs.selection.shape}, but there are {shape[0]} anchors "
            f"and {shape[1]} candidates; select from the same views, in the same order"
        )
    return dataclasses.replace(pairs, selection=None), pairs.selection


def _row_losses(views: bool, start: Any, size: int, varied: Any, selection: Any) -> jax.Array:
    """(size,) losses of the anchors start … start + size − 1."""
    anchors, positives, candidates, temperature, pairs = varied
    anchor = rows_of(anchors, start, size)
    positive = jnp.sum(anchor * rows_of(positives, start, size), axis=1) / temperature
    selected = None if selection is None else selected_rows(selection, start, size)
    logits = pairs.logits(products(anchor, candidates), temperature, selected)
    count = candidates.shape[0]
    if views:
        logits = jnp.where(negatives(start, size, count), logits, -jnp.inf)
        count -= 2
    return pairs.losses(logits, positive, count, temperature)


_VIEW_LOSSES = partial(_row_losses, True)
_QUEUE_LOSSES = partial(_row_losses, False)
