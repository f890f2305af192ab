"""α, β and γ of labelled embeddings, exactly and without an N × N matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dctheory._validation import check_integer, check_memory, check_real
from dctheory.graph._from_sums import estimate_from_sums
from dctheory.graph._sample_checks import check_difficult, check_labels, check_partners
from dctheory.graph._unit_rows import UnitRows
from dctheory.graph.classifier_gap import smallest_gaps
from dctheory.graph.pair_moments import (
    KINDS,
    Groups,
    PairIndices,
    PairSums,
    pairs_across,
    pairs_within,
)
from dctheory.graph.similarity_estimate import AS_GIVEN, Reading, SimilarityEstimate

__all__ = ["Reading", "SimilarityEstimate", "estimate_similarities"]

Indices = NDArray[np.int64]
CellGroups = tuple[Groups, Groups]


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
        embeddings: (N, d) real numbers, not necessarily of length 1: numpy or JAX arrays, memory
            maps, which are read block by block, or Dask arrays, on whose scheduler the passes run.
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
        rule = AS_GIVEN
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
    cells = cell_groups(codes, mask, len(classes))
    matched = (
        None if ids is None else _matched_groups(np.flatnonzero(mask & (ids >= 0)), ids, codes)
    )
    rng = np.random.default_rng(record["seed"])
    sampled = sample_pairs(rng, cells, matched, spread_pairs)
    sums = PairSums(rows, 2 * codes + ~mask, len(classes), matched, sampled)
    sizes = np.stack([cells[0].sizes, cells[1].sizes], axis=1).reshape(-1)
    return estimate_from_sums(
        classes,
        sums.cells,
        sizes,
        sums.similarities,
        matched=None if matched is None else (matched.pair_count(matched), _total(sums, matched)),
        is_difficult=mask.copy(),
        **record,
    )


# --- Pairs


def cell_groups(codes: Indices, mask: NDArray[np.bool_], num_classes: int) -> CellGroups:
    """The difficult and the easy samples, each by class."""
    difficult, easy = (
        Groups.from_codes(samples, codes[samples], np.zeros(num_classes, dtype=np.int64))
        for samples in (np.flatnonzero(mask), np.flatnonzero(~mask))
    )
    return difficult, easy


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


def sample_pairs(
    rng: np.random.Generator, cells: CellGroups, matched: Groups | None, count: int
) -> dict[str, PairIndices]:
    """Random ordered pairs of those kinds that occur."""
    sampled = {}
    for kind, (a, b) in KINDS.items():
        first, second = cells[a], cells[b]
        if np.any(first.sizes * (second.sizes - (a == b))):
            sampled[f"same {kind}"] = pairs_within(rng, first, second, count)
        if first.pair_count(second):
            sampled[f"cross {kind}"] = pairs_across(rng, first, second, count)
    if matched is not None:
        sampled["matched"] = pairs_across(rng, matched, matched, count)
    return sampled


def _total(sums: PairSums, matched: Groups) -> float:
    """Sum of cosine similarities over the ordered matched pairs."""
    by_block = np.add.reduceat(sums.groups, np.flatnonzero(matched.starts == matched.block_starts))
    return float((by_block**2).sum() - (sums.groups**2).sum())
