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


def smallest_gaps(
    rows: UnitRows, codes: NDArray[np.int64], share: float, seed: int
) -> tuple[NDArray[np.bool_], str]:
    """The ``share`` of each class with the smallest gap: see the two functions below."""
    return smallest(classifier_gaps(rows, codes, seed), codes, share)


def classifier_gaps(
    rows: UnitRows, codes: NDArray[np.int64], seed: int, *, progress: Progress | None = None
) -> NDArray[np.float64]:
    """Gap between the two largest class probabilities of each sample, held out.

    They are the softmax outputs of a linear classifier fitted to the folds that do not contain
    the sample; folds are random and stratified. The classifier is a logistic regression
    (scikit-learn's, C = 1) on unit rows with standardised features; of more than ``FIT_ROWS`` rows
    it sees a random stratified subset of that size, while all are scored. Where the rows it would
    see times the classes are more than ``FIT_SCORES`` it is a linear discriminant of all rows,
    which takes one pass, with the mean within-class variance times 0.001 as a ridge.

    Args:
        rows: embeddings.
        codes: (N,) class indices 0 … C − 1, each at least twice.
        seed: of the folds and of the subset.
        progress: called with (done, total, what) as rows are scored.

    Returns:
        (N,) gaps in [0, 1].
    """
    sizes = np.bincount(codes)
    folds, pool = _folds_and_pool(codes, sizes, np.random.default_rng(seed))
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    # One thread: sums, and so ties, do not depend on the number of cores, and products this small
    # are slower on several.
    with threadpool_limits(1):
        if _is_heavy(sizes):
            fitted = held_out_discriminants(rows, codes, folds, FOLDS)
        else:
            fitted = _fit(rows.take(pool), codes[pool], folds[pool])
        gaps = np.empty(len(codes))
        for start, part in rows.map(partial(_block_gaps, fitted), folds):
            gaps[start : start + len(part)] = part
            if progress is not None:
                progress(start + len(part), len(gaps), "rows classified")
    return gaps


def smallest(
    gaps: NDArray[np.float64], codes: NDArray[np.int64], share: float
) -> tuple[NDArray[np.bool_], str]:
    """The ``share`` of each class with the smallest gap.

    Of a class of m samples, ``share``·m rounded, but at least one and at most m − 1, are difficult;
    ties go to the earlier sample.

    Args:
        gaps: (N,) from :func:`classifier_gaps`.
        codes: (N,) those that it was given.
        share: in (0, 1).

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
    return rank < wanted[codes], rule


def _is_heavy(sizes: NDArray[np.int64]) -> bool:
    """Whether a logistic regression would take too long."""
    return min(int(sizes.sum()), FIT_ROWS) * len(sizes) > FIT_SCORES


def _block_gaps(
    fitted: dict[int, Any], block: NDArray[np.float64], folds: NDArray[np.int64]
) -> NDArray[np.float64]:
    gaps = np.empty(len(block))
    for fold, model in fitted.items():
        members = np.flatnonzero(folds == fold)
        if len(members):
            gaps[members] = model.gaps(block[members])
    return gaps


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
        seen = folds != fold
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        return _Logistic(model.fit(rows[seen], codes[seen]))

    with ThreadPoolExecutor(num_threads()) as pool:
        return dict(enumerate(pool.map(fit, range(FOLDS))))
