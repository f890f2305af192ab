"""Linear discriminants of held-out folds, from sums over all rows.

A logistic regression of a thousand classes takes many passes over many rows. The linear
discriminant with a common covariance (Fisher 1936; Hastie, Tibshirani and Friedman 2009, §4.3)
needs one: its sums over the folds but one are all sums less those of that fold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dctheory.graph._unit_rows import UnitRows
from dctheory.graph.pair_moments import sums_by_code

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

# Added to the variances, as a share of their mean, so that directions without variance do no harm;
# and at least, where all rows of a class are the same.
_RIDGE, _LEAST_RIDGE = 1e-3, 1e-12


@dataclass(frozen=True)
class Discriminant:
    """Scores weights · x + biases of C classes, the logarithms of their probabilities."""

    weights: NDArray[np.float32]
    biases: NDArray[np.float32]

    @classmethod
    def fit(cls, sums: Array, sizes: Indices, scatter: Array) -> Discriminant:
        """From the (C, d) sums, the sizes of the classes and the (d, d) Gram matrix of features."""
        from scipy.linalg import cho_factor, cho_solve

        means = sums / sizes[:, None]
        within = (scatter - sums.T @ means) / sizes.sum()
        ridge = max(_RIDGE * np.trace(within) / len(within), _LEAST_RIDGE)
        weights = cho_solve(cho_factor(within + ridge * np.eye(len(within))), means.T).T
        biases = np.log(sizes / sizes.sum()) - np.einsum("ij,ij->i", weights, means) / 2
        return cls(weights.astype(np.float32), biases.astype(np.float32))

    def gaps(self, rows: Array) -> Array:
        """(m,) difference between the two largest probabilities of each row."""
        scores = rows.astype(np.float32) @ self.weights.T
        scores += self.biases
        best = scores.max(axis=1, keepdims=True)
        scores -= best
        np.exp(scores, out=scores)
        total = scores.sum(axis=1, dtype=np.float64)
        scores[np.arange(len(scores)), scores.argmax(axis=1)] = 0
        return (1 - scores.max(axis=1).astype(np.float64)) / total


def held_out_discriminants(
    rows: UnitRows, codes: Indices, folds: Indices, num_folds: int
) -> dict[int, Discriminant]:
    """For each fold, the discriminant of the rows outside of it, in one pass over all.

    Args:
        rows: N unit rows.
        codes: (N,) classes 0 … C − 1, each in two folds or more.
        folds: (N,) from 0 to num_folds − 1.
        num_folds: number of folds.
    """
    num_classes, width = int(codes.max()) + 1, rows.num_columns
    sums = np.zeros((num_folds, num_classes, width))
    scatters = np.zeros((num_folds, width, width))
    by_fold = sums.reshape(-1, width)
    for _, (present, added, products) in rows.map(_moments, folds * num_classes + codes, folds):
        by_fold[present] += added
        for fold, product in products.items():
            scatters[fold] += product
    sizes = np.bincount(folds * num_classes + codes, minlength=num_folds * num_classes)
    sizes = sizes.reshape(num_folds, num_classes)
    return {
        fold: Discriminant.fit(
            sums.sum(axis=0) - sums[fold],
            sizes.sum(axis=0) - sizes[fold],
            scatters.sum(axis=0) - scatters[fold],
        )
        for fold in range(num_folds)
    }


def _moments(
    block: Array, cells: Indices, folds: Indices
) -> tuple[Indices, Array, dict[int, Array]]:
    """Sums of the rows by fold and class, and the Gram matrix of the features by fold."""
    parts = {int(fold): block[folds == fold] for fold in np.unique(folds)}
    return *sums_by_code(cells, block), {fold: part.T @ part for fold, part in parts.items()}
