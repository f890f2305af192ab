"""Difficult samples as those that a linear classifier nearly confuses (the paper's Table 10)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dctheory._progress import Progress
from dctheory.graph._discriminant import held_out_discriminants
from dctheory.graph._unit_rows import UnitRows, num_threads

FOLDS = 5

# At most about this many rows are used for fitting, 4/5 of them for each fold.
FIT_ROWS = 25_000

# Rows times classes that a logistic regression may have to score in each of its steps: with 512
# features a few minutes on one core in all.
FIT_SCORES = 2_000_000

# Samples that are scored by a classifier of other rows too; its place among those of the folds.
CHECKED_ROWS = 4_000
_OTHERS = FOLDS


def smallest_gaps(
    rows: UnitRows, codes: NDArray[np.int64], share: float, seed: int
) -> tuple[NDArray[np.bool_], str]:
    """The ``share`` of each class with the smallest gap: see the functions below."""
    held_out = held_out_gaps(rows, codes, seed)
    return smallest(held_out.values, codes, share, held_out.repeated)


@dataclass(frozen=True, eq=False)
class HeldOutGaps:
    """Gap between the two largest held-out class probabilities of each sample.

    Attributes:
        values: (N,) in [0, 1].
        repeated: (N,) the same by a classifier fitted to other rows, of some samples that neither
            saw; NaN elsewhere. None where all rows were fitted.
    """

    values: NDArray[np.float64]
    repeated: NDArray[np.float64] | None


def classifier_gaps(
    rows: UnitRows, codes: NDArray[np.int64], seed: int, *, progress: Progress | None = None
) -> NDArray[np.float64]:
    """(N,) values of :func:`held_out_gaps`."""
    return held_out_gaps(rows, codes, seed, progress=progress).values


def held_out_gaps(
    rows: UnitRows, codes: NDArray[np.int64], seed: int, *, progress: Progress | None = None
) -> HeldOutGaps:
    """Gap between the two largest class probabilities of each sample, held out.

    They are the softmax outputs of a linear classifier fitted to the folds that do not contain
    the sample; folds are random and stratified. The classifier is a logistic regression
    (scikit-learn's, C = 1) on unit rows with standardised features; of more than ``FIT_ROWS`` rows
    it sees a random stratified subset of that size, while all are scored. Where the rows it would
    see times the classes are more than ``FIT_SCORES`` it is a linear discriminant of all rows,
    which takes one pass, with the mean within-class variance times 0.001 as a ridge.

    What the choice of the subset does is seen by repetition: a fifth of the other rows (at most
    ``CHECKED_ROWS``) are scored again by a classifier fitted to the rest of them (at most as many
    as a fold's classifier saw).

    Args:
        rows: embeddings.
        codes: (N,) class indices 0 … C − 1, each at least twice.
        seed: of the folds and of the subset.
        progress: called with (done, total, what) as rows are scored.
    """
    sizes = np.bincount(codes)
    rng = np.random.default_rng(seed)
    folds, pool = _folds_and_pool(codes, sizes, rng)
    checked = np.zeros(len(codes), dtype=bool)
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    # One thread: sums, and so ties, do not depend on the number of cores, and products this small
    # are slower on several.
    with threadpool_limits(1):
        if _is_heavy(sizes):
            fitted = held_out_discriminants(rows, codes, folds, FOLDS)
        else:
            others, checked = _others(pool, codes, rng)
            used = np.sort(np.concatenate([pool, others]))
            fold_of = folds.copy()
            fold_of[others] = _OTHERS
            fitted = _fit(rows.take(used), codes[used], fold_of[used])
        values, repeated = np.empty(len(codes)), np.full(len(codes), np.nan)
        for start, part in rows.map(partial(_block_gaps, fitted), folds, checked):
            block = slice(start, start + len(part[0]))
            values[block] = part[0]
            repeated[block][checked[block]] = part[1]
            if progress is not None:
                progress(block.stop, len(codes), "rows classified")
    return HeldOutGaps(values, repeated if checked.any() else None)


def smallest(
    gaps: NDArray[np.float64],
    codes: NDArray[np.int64],
    share: float,
    repeated: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.bool_], str]:
    """The ``share`` of each class with the smallest gap.

    Of a class of m samples, ``share``·m rounded, but at least one and at most m − 1, are difficult;
    ties go to the earlier sample.

    Args:
        gaps: (N,) from :func:`classifier_gaps`.
        codes: (N,) those that it was given.
        share: in (0, 1).
        repeated: (N,) from :func:`held_out_gaps`; the rule then says how much of the choice would
            be another if other rows had been fitted.

    Returns:
        (N,) bool, and the rule in words.
    """
    sizes = np.bincount(codes)
    order = np.lexsort((gaps, codes))
    rank = np.empty(len(codes), dtype=np.int64)
    rank[order] = np.arange(len(codes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    wanted = np.clip(np.floor(share * sizes + 0.5), 1, sizes - 1)
    classifier = "linear discriminant" if _is_heavy(sizes) else "logistic regression"
    rule = (
        f"the {100 * share:.4g} % of each class with the smallest gap between the two largest "
        f"softmax outputs of a {classifier}, {FOLDS}-fold cross-validated"
    )
    if len(codes) > FIT_ROWS and not _is_heavy(sizes):
        rule += f", fitted on {FIT_ROWS} random rows"
        if repeated is not None:
            rule += f" ({_stability(rank < wanted[codes], repeated, codes)})"
    return rank < wanted[codes], rule


def _stability(
    chosen: NDArray[np.bool_], repeated: NDArray[np.float64], codes: NDArray[np.int64]
) -> str:
    """How much of the choice a classifier fitted to other rows would make otherwise."""
    checked = np.flatnonzero(~np.isnan(repeated))
    order = checked[np.lexsort((repeated[checked], codes[checked]))]
    ordered = codes[order]
    rank = np.arange(len(order)) - np.searchsorted(ordered, ordered)
    wanted = np.bincount(codes[checked][chosen[checked]], minlength=int(codes.max()) + 1)
    again = order[rank < wanted[ordered]]
    if not len(again):
        return "what others would choose is not known"
    changed = 1 - np.count_nonzero(chosen[again]) / len(again)
    return f"fitted on others, {100 * changed:.3g} % of {len(again)} would be other samples"


def _is_heavy(sizes: NDArray[np.int64]) -> bool:
    """Whether a logistic regression would take too long."""
    return min(int(sizes.sum()), FIT_ROWS) * len(sizes) > FIT_SCORES


def _block_gaps(
    fitted: dict[int, Any],
    block: NDArray[np.float64],
    folds: NDArray[np.int64],
    checked: NDArray[np.bool_],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The gaps of the rows, and those of the checked ones by the classifier of other rows."""
    gaps = np.empty(len(block))
    for fold in range(FOLDS):
        members = np.flatnonzero(folds == fold)
        if len(members):
            gaps[members] = fitted[fold].gaps(block[members])
    repeated = fitted[_OTHERS].gaps(block[checked]) if checked.any() else np.empty(0)
    return gaps, repeated


def _folds_and_pool(
    codes: NDArray[np.int64], sizes: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Fold of each sample, and the ascending indices of those used for fitting.

    Each class is dealt to the folds in a random order, and the first of that order are fitted: at
    least two, in two folds, so that no fold's classifier lacks a class.
    """
    order = np.lexsort((rng.random(len(codes)), codes))
    position = np.arange(len(codes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    folds = np.empty(len(codes), dtype=np.int64)
    # The class is added so that small classes do not all fill the same folds.
    folds[order] = (position + codes[order]) % FOLDS
    fitted = np.maximum(2, np.ceil(sizes * min(1.0, FIT_ROWS / len(codes))))
    return folds, np.sort(order[position < fitted[codes[order]]])


def _others(
    pool: NDArray[np.int64], codes: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Rows outside of the pool that are fitted in its place, and a mask of those scored by both."""
    rest = rng.permutation(np.setdiff1d(np.arange(len(codes)), pool, assume_unique=True))
    num_checked = min(len(rest) // 5, CHECKED_ROWS)
    others = rest[num_checked:][: len(pool) * (FOLDS - 1) // FOLDS]
    checked = np.zeros(len(codes), dtype=bool)
    if len(np.unique(codes[others])) < 2:  # too few rows are left
        return rest[:0], checked
    checked[rest[:num_checked]] = True
    return others, checked


@dataclass(frozen=True)
class _Logistic:
    """A fitted classifier of scikit-learn."""

    model: Any

    def gaps(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        scores = np.partition(self.model.predict_proba(rows), -2, axis=1)
        gaps: NDArray[np.float64] = scores[:, -1] - scores[:, -2]
        return gaps


def _fit(
    rows: NDArray[np.float64], codes: NDArray[np.int64], folds: NDArray[np.int64]
) -> dict[int, Any]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def fit(fold: int) -> _Logistic:
        seen = folds == _OTHERS if fold == _OTHERS else (folds != fold) & (folds != _OTHERS)
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        return _Logistic(model.fit(rows[seen], codes[seen]))

    wanted = [*range(FOLDS), *([_OTHERS] if _OTHERS in folds else [])]
    with ThreadPoolExecutor(num_threads()) as pool:
        return dict(zip(wanted, pool.map(fit, wanted), strict=True))
