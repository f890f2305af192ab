"""Means over all pairs from sums over the cells: what an estimate consists of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dctheory.graph.pair_moments import KINDS, NO_PAIRS, PairMoments
from dctheory.graph.similarity_estimate import Reading, SimilarityEstimate

Array = NDArray[np.float64]
Indices = NDArray[np.int64]


def estimate_from_sums(
    classes: tuple[Any, ...],
    sums: Array,
    sizes: Indices,
    similarities: Mapping[str, Array],
    *,
    matched: tuple[int, float] | None = None,
    **record: Any,
) -> SimilarityEstimate:
    """The estimate from the sums of unit rows over the difficult and easy samples of each class.

    Args:
        classes: C labels.
        sums: (2C, d) sums over the cells 2·class + (0 difficult, 1 easy).
        sizes: (2C,) samples of each cell.
        similarities: of sampled pairs by kind, for the spreads; NaN where a kind has none.
        matched: number of ordered matched pairs and the sum of their similarities.
        record: further fields of the estimate.
    """
    gram = sums @ sums.T
    counts, totals = _counts(sizes), _totals(gram, sizes)
    if matched is not None:
        counts["matched"], totals["matched"] = matched
    moments = {
        kind: _moments(count, totals[kind], similarities.get(kind))
        for kind, count in counts.items()
    }
    num_classes = len(classes)
    class_gram = gram.reshape(num_classes, 2, num_classes, 2).sum(axis=(1, 3))
    class_sizes = sizes.reshape(-1, 2).sum(axis=1)
    record["is_difficult"] = _read_only(record["is_difficult"])
    return SimilarityEstimate(
        classes=classes,
        class_sizes=tuple(class_sizes.tolist()),
        difficult_sizes=tuple(sizes[0::2].tolist()),
        same_class=_same_class(moments),
        readings=_readings(moments),
        class_table=mean_table(class_gram, class_sizes),
        cell_table=mean_table(gram, sizes),
        **record,
    )


def mean_table(gram: Array, sizes: Indices) -> Array:
    """Mean similarity over pairs of distinct samples of two groups, NaN where there is none.

    ``gram`` is that of the groups' sums, on whose diagonal each sample is paired with itself too.
    """
    weights = sizes.astype(np.float64)
    pairs = np.outer(weights, weights) - np.diag(weights)
    sums = gram - np.diag(weights)
    table = np.full(gram.shape, np.nan)
    np.divide(sums, pairs, out=table, where=pairs > 0)
    return _read_only(np.clip((table + table.T) / 2, -1, 1))


def _counts(sizes: Indices) -> dict[str, int]:
    """Ordered pairs of distinct samples of every kind."""
    cells = [[int(size) for size in sizes[end::2]] for end in (0, 1)]
    counts = {}
    for kind, (a, b) in KINDS.items():
        orders = 1 if a == b else 2
        together = sum(m * k for m, k in zip(cells[a], cells[b], strict=True))
        itself = sum(cells[a]) if a == b else 0
        counts[f"same {kind}"] = orders * (together - itself)
        counts[f"cross {kind}"] = orders * (sum(cells[a]) * sum(cells[b]) - together)
    return counts


def _totals(gram: Array, sizes: Indices) -> dict[str, float]:
    """Sum of cosine similarities over the ordered pairs of every kind."""
    totals = {}
    for kind, (a, b) in KINDS.items():
        orders = 1 if a == b else 2
        block = gram[a::2, b::2]
        same = np.trace(block)
        itself = sizes[a::2].sum() if a == b else 0
        totals[f"same {kind}"] = orders * float(same - itself)
        totals[f"cross {kind}"] = orders * float(block.sum() - same)
    return totals


def _moments(count: int, total: float, similarities: Array | None) -> PairMoments:
    if not count:
        return NO_PAIRS
    # A mean of cosines leaves [−1, 1] by rounding only.
    mean = float(np.clip(total / count, -1, 1))
    if similarities is None:
        return PairMoments(count, mean, np.nan, 0)
    return PairMoments(count, mean, float(similarities.var(ddof=1)) + mean**2, len(similarities))


def _same_class(moments: dict[str, PairMoments]) -> dict[str, PairMoments]:
    parts = {kind: moments[f"same {kind}"] for kind in KINDS}
    return {"all": parts["difficult"] + parts["mixed"] + parts["easy"], **parts}


def _readings(moments: dict[str, PairMoments]) -> dict[str, Reading]:
    hard, mixed, easy = (moments[f"cross {kind}"] for kind in KINDS)
    readings = {"both": Reading(mixed + easy, hard), "either": Reading(easy, hard + mixed)}
    if "matched" in moments:
        matched = moments["matched"]
        readings["matched"] = Reading(hard + mixed + easy - matched, matched)
    return readings


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array
