"""Histograms of the cosines of all pairs of rows, block by block on several threads."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dctheory._progress import Progress
from dctheory.diagnose._row_sample import RowSample
from dctheory.graph._unit_rows import num_threads

Counts = NDArray[np.int64]

# Kinds of pairs that are counted; the cross-class ones are the rest.
ALL, SAME, DIFFICULT = range(3)

# Products are counted in strips of about this many, which stay in a processor's cache.
_STRIP = 2**18


def count_pairs(
    sample: RowSample, kinds: int, bins: int, groups: int, progress: Progress | None
) -> Counts:
    """How many unordered pairs have their cosine in each bin, between every two groups of rows.

    Products are float32; bins are equal parts of [−1, 1], each without its upper end. Groups are
    ranges of rows of about equal size.

    Args:
        sample: rows, codes and mask.
        kinds: 1 for all pairs, 2 for the same-class ones too, 3 for the difficult cross-class ones.
        bins: number of bins.
        groups: number of groups, at most that of rows.
        progress: called after each pair of groups.

    Returns:
        (groups + 1, kinds, bins) pairs that touch each group; in the last place, all pairs.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    starts = np.linspace(0, len(sample), groups + 1).astype(np.int64)
    parts = [slice(*pair) for pair in itertools.pairwise(starts.tolist())]
    tasks = list(itertools.combinations_with_replacement(range(groups), 2))
    found = np.zeros((groups + 1, kinds, bins), dtype=np.int64)
    # One thread for each product: many small ones at a time leave no core idle.
    with threadpool_limits(1), ThreadPoolExecutor(num_threads()) as pool:
        ends = ([parts[task[side]] for task in tasks] for side in (0, 1))
        counts = pool.map(partial(_count, sample, kinds, bins), *ends)
        for done, ((i, j), block) in enumerate(zip(tasks, counts, strict=True), 1):
            for place in {i, j, groups}:
                found[place] += block
            if progress is not None:
                progress(done, len(tasks), "similarities")
    return found


def _count(sample: RowSample, kinds: int, bins: int, rows: slice, columns: slice) -> Counts:
    """(kinds, bins) pairs of one group with another, or within one."""
    found = np.zeros((kinds, bins), dtype=np.int64)
    step = max(1, _STRIP // (columns.stop - columns.start))
    # Scaled so that a product is its bin's number.
    others = np.float32(bins / 2) * sample.rows[columns].T
    for start in range(rows.start, rows.stop, step):
        strip = slice(start, min(start + step, rows.stop))
        # Below the diagonal and on it are pairs that were counted, and rows with themselves.
        first = start if rows == columns else columns.start
        places = sample.rows[strip] @ others[:, first - columns.start :]
        places += np.float32(bins / 2)
        index = places.astype(np.intp)
        later = slice(first, columns.stop)
        if rows == columns:
            index[np.tril_indices_from(index)] = bins + 1
        found[ALL] += _bincount(index.reshape(-1), bins)
        if kinds > SAME:
            same = sample.codes[strip, None] == sample.codes[later]
            found[SAME] += _bincount(index[same], bins)
        if kinds > DIFFICULT:
            ends = np.ix_(sample.difficult[strip], sample.difficult[later])
            found[DIFFICULT] += _bincount(index[ends][~same[ends]], bins)
    return found


def _bincount(index: NDArray[Any], bins: int) -> Counts:
    """Counts of the bins; the place after the last is a cosine of 1, the next one no pair."""
    counts = np.bincount(index, minlength=bins + 2)
    counts[bins - 1] += counts[bins]
    return counts[:bins]
