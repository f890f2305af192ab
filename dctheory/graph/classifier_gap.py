"""Difficult samples as those that a linear classifier nearly confuses (the paper's Table 10)."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dctheory.graph._unit_rows import UnitRows

FOLDS = 5

# At most about this many rows are used for fitting, 4/5 of them for each fold.
FIT_ROWS = 25_000


def smallest_gaps(
    rows: UnitRows, codes: NDArray[np.int64], share: float, seed: int
) -> tuple[NDArray[np.bool_], str]:
    """The ``share`` of each class with the smallest gap between its two largest class scores.

    Scores are the softmax outputs of a logistic regression (scikit-learn's, C = 1) on unit rows
    with standardised features, of the fold that does not contain the sample. Folds are random and
    stratified. Of more than ``FIT_ROWS`` rows the classifiers see a random stratified subset of
    that size, while all are scored. Of a class of m samples, ``share``·m rounded, but at least
    one and at most m − 1, are difficult; ties go to the earlier sample.

    Args:
        rows: embeddings.
        codes: (N,) class indices 0 … C − 1, each at least twice.
        share: in (0, 1).
        seed: of the folds and of the subset.

    Returns:
        (N,) bool, and the rule in words.
    """
    sizes = np.bincount(codes)
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    # One thread: sums, and so ties, do not depend on the number of cores, and products this small
    # are slower on several.
    with threadpool_limits(1):
        gaps = _gaps(rows, codes, sizes, np.random.default_rng(seed))
    order = np.lexsort((gaps, codes))
    rank = np.empty(len(codes), dtype=np.int64)
    rank[order] = np.arange(len(codes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    wanted = np.clip(np.floor(share * sizes + 0.5), 1, sizes - 1)
    rule = (
        f"the {100 * share:.4g} % of each class with the smallest gap between the two largest "
        f"softmax outputs of a logistic regression, {FOLDS}-fold cross-validated"
    )
    if len(codes) > FIT_ROWS:
        rule += f", fitted on {FIT_ROWS} random rows"
    return rank < wanted[codes], rule


def _gaps(
    rows: UnitRows, codes: NDArray[np.int64], sizes: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """(N,) difference between the two largest held-out class probabilities."""
    folds, pool = _folds_and_pool(codes, sizes, rng)
    fitted = _fit(rows.take(pool), codes[pool], folds[pool])
    parts = rows.map(partial(_block_gaps, fitted), folds)
    return np.concatenate([gaps for _, gaps in parts])


def _block_gaps(
    fitted: dict[int, Any], block: NDArray[np.float64], folds: NDArray[np.int64]
) -> NDArray[np.float64]:
    gaps = np.empty(len(block))
    for fold, model in fitted.items():
        members = np.flatnonzero(folds == fold)
        if len(members):
            scores = np.partition(model.predict_proba(block[members]), -2, axis=1)
            gaps[members] = scores[:, -1] - scores[:, -2]
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


def _fit(
    rows: NDArray[np.float64], codes: NDArray[np.int64], folds: NDArray[np.int64]
) -> dict[int, Any]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    fitted = {}
    for fold in range(FOLDS):
        seen = folds != fold
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        fitted[fold] = model.fit(rows[seen], codes[seen])
    return fitted
