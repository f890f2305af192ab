"""Without labels: how many classes the spectrum shows, and clusters in their place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dctheory._table import Table

Array = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ClassCount:
    """A number of classes read off the spectrum.

    Attributes:
        count: estimate, at least 1.
        low, high: smallest and largest of the central 95 % of the resampled estimates.
        clear: whether one gap stands out; where not, ``count`` is a guess.
        eigenvalues: leading eigenvalues of the covariance of unit rows, descending.
        gaps: the gap after each of them, as a local exponent of decay.
        votes: share of the resamples by count.
        samples: rows used.
        note: what can be said, in a sentence or two.
    """

    count: int
    low: int
    high: int
    clear: bool
    eigenvalues: Array
    gaps: Array
    votes: dict[int, float]
    samples: int
    note: str

    def table(self) -> Table:
        """The counts that resamples voted for."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """All fields as values that strict JSON can hold."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Clusters:
    """Clusters in place of classes.

    Attributes:
        codes: (N,) cluster of each sample, 0 to count − 1, each at least two samples.
        count: clusters; fewer than asked for where some would have held a single sample.
        sizes: (count,) samples.
        stability: adjusted Rand index of two clusterings fitted on disjoint halves, 1 for equal
            ones, about 0 for unrelated ones; NaN where the halves are too small.
        samples: rows used for the fit.
        note: in a sentence.
    """

    codes: Indices
    count: int
    sizes: Indices
    stability: float
    samples: int
    note: str

    def to_dict(self) -> dict[str, Any]:
        """All but the codes, as values that strict JSON can hold."""
        raise NotImplementedError


def estimate_classes(
    embeddings: Any,
    *,
    most: int | None = None,
    sample: int = 10_000,
    resamples: int = 50,
    seed: int = 0,
) -> ClassCount:
    """The number of classes from the gap in the spectrum of unit embeddings."""
    raise NotImplementedError


def cluster(embeddings: Any, count: int, *, sample: int = 20_000, seed: int = 0) -> Clusters:
    """``count`` clusters of unit embeddings."""
    raise NotImplementedError
