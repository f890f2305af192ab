"""The k-NN classifier on frozen features, with the votes of Wu et al. 2018."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from dctheory._validation import check_integer
from dctheory.contrast._blocks import choose_block, rows_of
from dctheory.contrast._checks import as_features, check_positive, check_scalar
from dctheory.contrast._cosine import products, unit_rows
from dctheory.contrast.selection import kth_largest
from dctheory.train._logistic import product
from dctheory.train.probe import as_labels


def knn_predict(
    fit_features: Any,
    fit_labels: Any,
    features: Any,
    classes: int,
    *,
    neighbours: int,
    temperature: Any,
    block_size: int | None = None,
) -> jax.Array:
    """Labels by a weighted vote of the nearest neighbours (Wu et al. 2018, Section 3.4).

    Each of the k rows of ``fit_features`` with the largest cosine s to a row votes for its label
    with the weight exp(s / T). Rows whose cosine equals the k-th largest share the votes that are
    left equally, so that the order of the rows does not matter; of several classes with the most
    votes the smallest one wins. A zero row has cosine 0 with every other. Works under ``jit``, and
    under ``vmap`` for several encoders at once.

    Args:
        fit_features: (N, d), computed in float32, or in float64 if they are.
        fit_labels: (N,) integers 0 … C − 1.
        features: (n, d), n ≥ 1.
        classes: C ≥ 2.
        neighbours: k, from 1 to N.
        temperature: T > 0, one number.
        block_size: rows of ``features`` at a time; by default it suits the device. Memory grows
            with block_size × N.

    Returns:
        (n,) int32 labels.

    Raises:
        TypeError: features that are not floating point, labels that are not integers.
        ValueError: shapes that do not fit, values out of range, NaN (seen outside ``jit`` only).
    """
    check_integer("classes", classes, 2)
    known = as_features("fit_features", fit_features)
    rows = as_features("features", features)
    labels = as_labels("fit_labels", fit_labels, known.shape[0], classes)
    if known.shape[1] != rows.shape[1]:
        raise ValueError(
            f"fit_features have {known.shape[1]} columns and features {rows.shape[1]}; "
            "pass features of the same encoder"
        )
    if rows.shape[0] == 0:
        raise ValueError("features have no rows; pass at least one")
    check_neighbours(neighbours, known.shape[0])
    check_scalar("temperature", temperature)
    check_positive("temperature", temperature)
    block = choose_block(block_size, rows.shape[0], known.shape[0])
    return _predict(
        known, labels, rows, temperature, classes=classes, neighbours=neighbours, block=block
    )


def check_neighbours(neighbours: int, count: int) -> None:
    """ValueError unless 1 ≤ neighbours ≤ count, the size of the set to search."""
    check_integer("neighbours", neighbours, 1)
    if neighbours > count:
        raise ValueError(
            f"neighbours = {neighbours} is more than the {count} samples that can be one; choose "
            f"at most {count}"
        )


@partial(jax.jit, static_argnames=("classes", "neighbours", "block"))
def _predict(
    known: jax.Array,
    labels: jax.Array,
    rows: jax.Array,
    temperature: Any,
    *,
    classes: int,
    neighbours: int,
    block: int,
) -> jax.Array:
    known, rows = unit_rows(known), unit_rows(rows)
    ballots = jax.nn.one_hot(labels, classes, axis=0, dtype=known.dtype)
    size = rows.shape[0]

    def step(found: jax.Array, number: jax.Array) -> tuple[jax.Array, None]:
        # Slices move the last block back to stay inside.
        start = number * block
        # Rows of the matrix as columns: counting along the first axis is what vectorises.
        cosine = products(known, rows_of(rows, start, block))
        votes = product(ballots, _weights(cosine, neighbours, temperature))
        winners = jnp.argmax(votes, axis=0).astype(jnp.int32)
        return lax.dynamic_update_slice(found, winners, (start,)), None

    blocks = jnp.arange(-(-size // block))
    return lax.scan(step, jnp.zeros(size, jnp.int32), blocks)[0]


def _weights(cosine: jax.Array, neighbours: int, temperature: Any) -> jax.Array:
    """(N, b) weights of the votes for each column, in units of the largest one."""
    last = kth_largest(cosine, neighbours)
    nearer, tied = cosine > last, cosine == last
    share = (neighbours - nearer.sum(axis=0)) / tied.sum(axis=0)
    count = jnp.where(nearer, 1, jnp.where(tied, share, 0))
    return count * jnp.exp((cosine - cosine.max(axis=0)) / temperature)
