"""Selection of difficult pairs by percentiles of similarity (Eq. 12), without a sort."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from dctheory.contrast._blocks import choose_block, rows_of
from dctheory.contrast._checks import as_features, as_queue, check_percentiles, check_samples
from dctheory.contrast._cosine import products, unit_rows

# What a percentile computed in floating point may be above the number that was meant.
_RANK_SLACK = 1e-9


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Thresholds:
    """A selection without its mask: pair (i, j) is selected where lower_i ≤ s_ij < upper_i.

    A threshold lies halfway between Sim_q and the next smaller similarity of the row, so that
    recomputing s_ij with another rounding selects the same pairs. A JAX pytree.

    Attributes:
        features: (R, p) unit rows.
        candidates: (M, p) unit rows of the queue; None for pairs of views, where M = R = 2N.
        lower, upper: (R,) thresholds; −∞ and ∞ where there is no limit.
        labels: (R,) classes of pairs of views, of which only pairs of two classes are selected, as
            no one can who has no labels; None for Eq. 12.
    """

    features: jax.Array
    candidates: jax.Array | None
    lower: jax.Array
    upper: jax.Array
    labels: jax.Array | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(R, M), the shape of the mask."""
        others = self.features if self.candidates is None else self.candidates
        return self.features.shape[0], others.shape[0]

    def rows(self, start: Any, size: int) -> jax.Array:
        """(size, M) mask of rows start … start + size − 1; self and positive are not excluded."""
        others = self.features if self.candidates is None else self.candidates
        cosine = products(rows_of(self.features, start, size), others)
        lower, upper = (rows_of(each, start, size)[:, None] for each in (self.lower, self.upper))
        chosen = (cosine >= lower) & (cosine < upper)
        if self.labels is None:
            return chosen
        return chosen & (rows_of(self.labels, start, size)[:, None] != self.labels)


def select_pairs(
    features: Any, pos_high: float, pos_low: float = 100, *, queue: Any = None
) -> jax.Array:
    """Which pairs are difficult: p_ij = 1 where Sim_posLow ≤ s_ij < Sim_posHigh (Eq. 12).

    Row i has M candidates: all views but i itself and its positive i ± N. Sim_q is the ⌈qM/100⌉-th
    largest of its M similarities (the nearest-rank percentile of the descending order), so Sim_100
    is the smallest; Sim_0 is +∞, so that pos_high = 0 excludes nothing. Without ties ⌈pos_low
    M/100⌉ − ⌈pos_high M/100⌉ pairs of a row are selected. Ties share one fate: all that equal
    Sim_posHigh are left out and all that equal Sim_posLow are selected.

    Args:
        features: (2N, p) features of both views, before the projector; views 1 first, in the
            order of views 2. Need not be normalised; a zero row has cosine 0 with every other.
        pos_high, pos_low: percentiles, Python numbers with 0 ≤ pos_high < pos_low ≤ 100
            (static under ``jit``). The paper's pos_high is about 100/(r + 1).
        queue: (Q, p) features of the keys of a MoCo queue, the candidates of every row then.

    Returns:
        (2N, 2N) bool mask, False on the diagonal and at the positives; (rows, Q) with a queue.
        No gradient passes.

    Raises:
        TypeError: features that are not floating point, percentiles that are no numbers.
        ValueError: an odd number of rows, less than 2 samples, percentiles out of range or order,
            or (outside ``jit``) NaN features.
    """
    thresholds = select_thresholds(features, pos_high, pos_low, queue=queue)
    rows = thresholds.shape[0]
    mask = thresholds.rows(0, rows)
    return mask & negatives(0, rows, rows) if queue is None else mask


def select_thresholds(
    features: Any,
    pos_high: float,
    pos_low: float = 100,
    *,
    queue: Any = None,
    block_size: int | None = None,
) -> Thresholds:
    """The selection of :func:`select_pairs` in memory that grows with the number of rows only.

    Args and errors as there; ``block_size`` is the number of rows of similarities at a time, by
    default one that suits the device.
    """
    check_percentiles(pos_high, pos_low)
    unit = lax.stop_gradient(unit_rows(as_features("features", features)))
    size = unit.shape[0]
    if queue is None:
        if size % 2:
            raise ValueError(
                f"features must hold both views of each sample, got {size} rows, an odd number"
            )
        check_samples(size // 2, "from which to select")
        keys, others, count = None, unit, size - 2
    else:
        keys = lax.stop_gradient(unit_rows(as_queue(queue, unit.shape[1])))
        others, count = keys, keys.shape[0]
    ranks = (_rank(pos_low, count), _rank(pos_high, count))
    block = choose_block(block_size, size, others.shape[0])
    find = partial(_row_thresholds, views=keys is None, ranks=ranks, block=block)
    if jax.default_backend() == "cpu":
        # Mapped over members, all of their similarities at once would not stay in the cache.
        find = jax.custom_batching.sequential_vmap(find)
    lower, upper = find(unit, others)
    return Thresholds(unit, keys, lower, upper)


def difficulty_score(selection: Any) -> jax.Array:
    """How often each sample is in a selected pair.

    The share of the 2(2N − 2) ordered pairs (i, j) and (j, i) of a view i that are selected, mean
    of the sample's two views. A view's own row has the same share in every row but for ties; what
    tells samples apart is how often others select it.

    Args:
        selection: (2N, 2N) bool mask or ``Thresholds`` of views.

    Returns:
        (N,) scores in [0, 1].

    Raises:
        TypeError: another kind of selection.
        ValueError: a selection from a queue, which has no rows of its own.
    """
    check_selection(selection)
    size, columns = selection.shape
    if size != columns or size % 2 or size < 4:
        raise ValueError(
            f"selection must be of pairs of 2N ≥ 4 views, got {selection.shape}; a queue's keys "
            "select nothing themselves"
        )
    block = choose_block(None, size, size)

    def step(counts: tuple[jax.Array, jax.Array], number: jax.Array) -> tuple[Any, None]:
        start = jnp.minimum(number * block, size - block)
        fresh = start + jnp.arange(block) >= number * block
        pairs = selected_rows(selection, start, block) & negatives(start, block, size)
        pairs = pairs & fresh[:, None]
        own = rows_of(counts[0], start, block) + pairs.sum(1)
        return (lax.dynamic_update_slice(counts[0], own, (start,)), counts[1] + pairs.sum(0)), None

    zeros = jnp.zeros(size, int)
    counts, _ = lax.scan(step, (zeros, zeros), jnp.arange(-(-size // block)))
    return (counts[0] + counts[1]).reshape(2, -1).sum(0) / (4 * (size - 2))


def check_selection(selection: Any) -> None:
    """TypeError unless the selection is a two-dimensional bool mask or ``Thresholds``."""
    if isinstance(selection, Thresholds):
        return
    if not hasattr(selection, "dtype") or selection.dtype != jnp.bool_ or selection.ndim != 2:
        shown = f" of {selection.dtype}" if hasattr(selection, "dtype") else ""
        raise TypeError(
            "a selection must be a two-dimensional bool mask or Thresholds, got "
            f"{type(selection).__name__}{shown}; use select_pairs(…) or select_thresholds(…)"
        )


def selected_rows(selection: Any, start: Any, size: int) -> jax.Array:
    """Rows start … start + size − 1 of a selection's mask."""
    if isinstance(selection, Thresholds):
        return selection.rows(start, size)
    return rows_of(jnp.asarray(selection), start, size)


def negatives(start: Any, size: int, views: int) -> jax.Array:
    """(size, 2N) bool: neither the row's own column nor its positive's."""
    rows, columns = start + jnp.arange(size)[:, None], jnp.arange(views)
    return (columns != rows) & (columns != (rows + views // 2) % views)


def _rank(percentile: float, count: int) -> int:
    """⌈qM/100⌉: how many similarities are at least Sim_q, if none are equal."""
    return math.ceil(float(percentile) * count / 100 - _RANK_SLACK)


def _row_thresholds(
    unit: jax.Array, others: jax.Array, views: bool, ranks: tuple[int, int], block: int
) -> jax.Array:
    """(2, R) thresholds just below the similarity of each rank."""
    size = unit.shape[0]
    count = others.shape[0] - (2 if views else 0)

    def step(found: jax.Array, number: jax.Array) -> tuple[jax.Array, None]:
        start = jnp.minimum(number * block, size - block)
        # Rows of the matrix as columns: counting along the first axis is what vectorises.
        cosine = products(others, rows_of(unit, start, block))
        if views:
            cosine = jnp.where(negatives(start, block, size).T, cosine, -jnp.inf)
        values = jnp.stack([_threshold(cosine, rank, count) for rank in ranks])
        return lax.dynamic_update_slice(found, values, (0, start)), None

    start = jnp.zeros((2, size), unit.dtype)
    return lax.scan(step, start, jnp.arange(-(-size // block)))[0]


def _threshold(cosine: jax.Array, rank: int, count: int) -> jax.Array:
    """Of each column, halfway between the ``rank``-th largest value and the next smaller one."""
    if rank in (0, count):
        return jnp.full(cosine.shape[1], jnp.inf if rank == 0 else -jnp.inf, cosine.dtype)
    value = kth_largest(cosine, rank)
    below = jnp.max(jnp.where(cosine < value, cosine, -jnp.inf), axis=0)
    middle = value / 2 + below / 2
    # Between neighbouring floats there is no middle.
    return jnp.where((middle > below) | jnp.isneginf(below), middle, value)


def kth_largest(values: jax.Array, rank: int) -> jax.Array:
    """The exact ``rank``-th largest entry (from 1) of each column of (M, b), repeats counted.

    Bisection on the bits of the floats, which order as they do when read as signed integers with
    the negative ones reversed: at most 32 (float64: 64) counts, fewer where the count meets the
    rank before, and no sort.
    """
    integers = jnp.int64 if values.dtype == jnp.float64 else jnp.int32
    keys = _ordered(lax.bitcast_convert_type(values, integers))

    def unfinished(bounds: tuple[jax.Array, jax.Array]) -> jax.Array:
        return jnp.any(bounds[0] < bounds[1])

    def halve(bounds: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        # At least `rank` keys reach `low`; fewer reach anything above `high`.
        low, high = bounds
        middle = (low | high) - ((low ^ high) >> 1)  # the mean, rounded up, without overflow
        count = jnp.sum(keys >= middle, axis=0, dtype=jnp.int32)
        low, high = (
            jnp.where(count >= rank, middle, low),
            jnp.where(count >= rank, high, middle - 1),
        )
        return low, jnp.where(count == rank, low, high)

    low, _ = lax.while_loop(unfinished, halve, (keys.min(0), keys.max(0)))
    # The bisection may stop between two entries: the smallest that reaches `low` is the one.
    found = jnp.min(jnp.where(keys >= low, keys, jnp.iinfo(integers).max), axis=0)
    return lax.bitcast_convert_type(_ordered(found), values.dtype)


def _ordered(bits: jax.Array) -> jax.Array:
    """Bits of floats as integers in the floats' order; its own inverse."""
    return bits ^ ((bits >> (8 * bits.dtype.itemsize - 1)) & jnp.iinfo(bits.dtype).max)
