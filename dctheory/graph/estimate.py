"""α, β and γ of labelled embeddings, exactly and without an N × N matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dctheory._validation import check_integer, check_memory, check_real
from dctheory.graph._sample_checks import check_difficult, check_labels, check_partners
from dctheory.graph._unit_rows import UnitRows
from dctheory.graph.classifier_gap import smallest_gaps
from dctheory.graph.pair_moments import (
    KINDS,
    NO_PAIRS,
    Groups,
    PairIndices,
    PairMoments,
    PairSums,
    pairs_across,
    pairs_within,
)
from dctheory.graph.similarity_estimate import Reading, SimilarityEstimate

__all__ = ["Reading", "SimilarityEstimate", "estimate_similarities"]

Indices = NDArray[np.int64]


def estimate_similarities(
    embeddings: Any,
    labels: Any,
    difficult: Any = None,
    partners: Any = None,
    *,
    share: float = 0.08,
    seed: int = 0,
    spread_pairs: int = 2048,
) -> SimilarityEstimate:
    """Mean cosine similarities of same-class, easy and difficult cross-class pairs (Table 10).

    Means are over all ordered pairs of distinct samples, from sums over classes: O(N d) time, in
    one pass over blocks of rows with float64 sums, and memory for the C (C + d) table and sums
    (and, with ``partners``, d numbers for each matched sample). β is the mean over all cross-class
    pairs that a reading does not count as difficult.

    Args:
        embeddings: (N, d) real numbers, not necessarily of length 1: numpy or JAX arrays, or
            memory maps, which are read block by block.
        labels: (N,) integers or strings, at least two classes of at least two samples.
        difficult: (N,) bool, with at least one difficult sample and an easy one in each class.
            None chooses the ``share`` of each class that a cross-validated linear classifier
            nearly confuses: see :func:`dctheory.graph.classifier_gap.smallest_gaps`.
        partners: (N,) integers for the pairing ``matched``: difficult samples of different
            classes with the same id form a difficult pair; −1 stands for none, and ids of easy
            samples do not count.
        share: of each class, in (0, 1), that is difficult if ``difficult`` is None.
        seed: of the folds of the classifier and of the pairs sampled for the spread.
        spread_pairs: random pairs of each kind (same or other class, with difficult, mixed or
            easy ends) for the standard deviations, at least 2.

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: empty, constant or non-finite embeddings, a zero vector (the message names the
            row), a wrong length, a single class, a class of one sample or without easy ones.
    """
    share = float(check_real("share", share, 0, 1, low_open=True))
    if share == 1:
        raise ValueError("share must be below 1, got 1: each class needs easy samples")
    seed = check_integer("seed", seed, 0)
    spread_pairs = check_integer("spread_pairs", spread_pairs, 2)
    rows = UnitRows(embeddings)
    classes, codes = check_labels(labels, rows.num_rows)
    # The cells' (2C, 2C) table of float64, and the steps to it.
    check_memory(f"the tables of {len(classes)} classes", 5 * 8 * (2 * len(classes)) ** 2)
    mask = None if difficult is None else check_difficult(difficult, codes, classes)
    ids = None if partners is None else check_partners(partners, rows.num_rows)
    rows.check_directions_differ()
    if mask is None:
        mask, rule = smallest_gaps(rows, codes, share, seed)
    else:
        rule = "as given"
    return _estimate(rows, classes, codes, mask, ids, spread_pairs, difficult_rule=rule, seed=seed)


def _estimate(
    rows: UnitRows,
    classes: tuple[Any, ...],
    codes: Indices,
    mask: NDArray[np.bool_],
    ids: Indices | None,
    spread_pairs: int,
    **record: Any,
) -> SimilarityEstimate:
    cells = (
        _groups(np.flatnonzero(mask), codes, len(classes)),
        _groups(np.flatnonzero(~mask), codes, len(classes)),
    )
    matched = (
        None if ids is None else _matched_groups(np.flatnonzero(mask & (ids >= 0)), ids, codes)
    )
    rng = np.random.default_rng(record["seed"])
    counts, sampled = _sample_pairs(rng, cells, matched, spread_pairs)
    sums = PairSums(rows, 2 * codes + ~mask, len(classes), matched, sampled)
    gram = sums.cells @ sums.cells.T
    sizes = np.stack([cells[0].sizes, cells[1].sizes], axis=1).reshape(-1)
    totals = _totals(gram, sizes)
    if matched is not None:
        totals["matched"] = _matched_total(sums.groups, matched)
    moments = {
        kind: _moments(count, totals[kind], sums.similarities.get(kind))
        for kind, count in counts.items()
    }
    class_gram = gram.reshape(len(classes), 2, len(classes), 2).sum(axis=(1, 3))
    class_sizes = sizes.reshape(-1, 2).sum(axis=1)
    return SimilarityEstimate(
        classes=classes,
        class_sizes=tuple(class_sizes.tolist()),
        difficult_sizes=tuple(cells[0].sizes.tolist()),
        same_class=_same_class(moments),
        readings=_readings(moments),
        class_table=_mean_table(class_gram, class_sizes),
        cell_table=_mean_table(gram, sizes),
        is_difficult=_read_only(mask.copy()),
        **record,
    )


# --- Pairs


def _groups(samples: Indices, codes: Indices, num_classes: int) -> Groups:
    return Groups.from_codes(samples, codes[samples], np.zeros(num_classes, dtype=np.int64))


def _matched_groups(samples: Indices, ids: Indices, codes: Indices) -> Groups:
    """Samples by partner id and class; the id is the block."""
    present, index = np.unique(
        np.stack([ids[samples], codes[samples]]), axis=1, return_inverse=True
    )
    _, blocks = np.unique(present[0], return_inverse=True)
    groups = Groups.from_codes(samples, index.reshape(-1), blocks)
    if groups.pair_count(groups) == 0:
        raise ValueError(
            "partners match no two difficult samples of different classes; give the members of a "
            "matched group the same id, or leave partners out"
        )
    return groups


def _sample_pairs(
    rng: np.random.Generator, cells: tuple[Groups, Groups], matched: Groups | None, count: int
) -> tuple[dict[str, int], dict[str, PairIndices]]:
    """Number of ordered pairs of every kind, and random ones of those kinds that occur."""
    counts, sampled = {}, {}
    for kind, (a, b) in KINDS.items():
        first, second = cells[a], cells[b]
        orders = 1 if a == b else 2
        within = sum(
            int(m) * (int(k) - (a == b)) for m, k in zip(first.sizes, second.sizes, strict=True)
        )
        counts[f"same {kind}"] = orders * within
        counts[f"cross {kind}"] = orders * first.pair_count(second)
        if within:
            sampled[f"same {kind}"] = pairs_within(rng, first, second, count)
        if counts[f"cross {kind}"]:
            sampled[f"cross {kind}"] = pairs_across(rng, first, second, count)
    if matched is not None:
        counts["matched"] = matched.pair_count(matched)
        sampled["matched"] = pairs_across(rng, matched, matched, count)
    return counts, sampled


# --- Moments


def _totals(gram: NDArray[np.float64], sizes: Indices) -> dict[str, float]:
    """Sum of cosine similarities over the ordered pairs of every kind.

    ``gram`` is that of the cells' sums; on its diagonal each sample is paired with itself too.
    """
    totals = {}
    for kind, (a, b) in KINDS.items():
        orders = 1 if a == b else 2
        block = gram[a::2, b::2]
        same = np.trace(block)
        itself = sizes[a::2].sum() if a == b else 0
        totals[f"same {kind}"] = orders * float(same - itself)
        totals[f"cross {kind}"] = orders * float(block.sum() - same)
    return totals


def _matched_total(sums: NDArray[np.float64], matched: Groups) -> float:
    by_block = np.add.reduceat(sums, np.flatnonzero(matched.starts == matched.block_starts))
    return float((by_block**2).sum() - (sums**2).sum())


def _moments(count: int, total: float, similarities: NDArray[np.float64] | None) -> PairMoments:
    if similarities is None:
        return NO_PAIRS
    # A mean of cosines leaves [−1, 1] by rounding only.
    mean = float(np.clip(total / count, -1, 1))
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


def _mean_table(gram: NDArray[np.float64], sizes: Indices) -> NDArray[np.float64]:
    """Mean similarity over pairs of distinct samples of two groups, NaN where there is none."""
    weights = sizes.astype(np.float64)
    pairs = np.outer(weights, weights) - np.diag(weights)
    sums = gram - np.diag(weights)
    table = np.full(gram.shape, np.nan)
    np.divide(sums, pairs, out=table, where=pairs > 0)
    return _read_only(np.clip((table + table.T) / 2, -1, 1))


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array
