"""Long-tailed subsets: class sizes that decrease exponentially."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from dctheory._validation import check_real
from dctheory.data.images import Indices, check_generator, check_labels


def long_tail(labels: ArrayLike, imbalance: float, rng: np.random.Generator) -> Indices:
    """Sorted rows of a subset in which class k of C (by label) keeps n_0 · imbalance^(−k/(C−1)).

    The law of long-tailed CIFAR (Cui et al. 2019, arXiv 1901.05555), rounded down. n_0 is the
    largest number for which every class has enough samples; which ones are kept is uniform.

    Args:
        labels: (N,) integers of at least two classes.
        imbalance: size of the largest class over that of the smallest, ≥ 1.
        rng: the source of randomness.

    Raises:
        TypeError: labels that are no integers, no Generator.
        ValueError: imbalance below 1, a single class, a class that would be empty.
    """
    array = check_labels("labels", labels)
    check_generator(rng)
    factor = float(check_real("imbalance", imbalance, 1))
    classes, sizes = np.unique(array, return_counts=True)
    if len(classes) < 2:
        raise ValueError(f"a long tail needs at least two classes, all labels are {classes[0]}")
    shares = factor ** (-np.arange(len(classes)) / (len(classes) - 1))
    # A share of 1/10 of 100 is 10, however it is rounded.
    kept = np.floor(shares * (sizes / shares).min() * (1 + 1e-12)).astype(int)
    if kept.min() < 1:
        raise ValueError(
            f"imbalance {factor:g} leaves no sample of class {classes[kept.argmin()]}; "
            "choose a smaller one"
        )
    rows = [
        rng.permutation(np.flatnonzero(array == label))[:size]
        for label, size in zip(classes, kept, strict=True)
    ]
    return np.sort(np.concatenate(rows))
