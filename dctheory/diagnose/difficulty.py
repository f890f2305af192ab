"""Which samples are difficult: a score for each, a ranking, and a set to remove."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dctheory._progress import Progress
from dctheory._table import Table

Array = NDArray[np.float64]
Indices = NDArray[np.int64]


class DifficultPair(NamedTuple):
    """Two samples that are taken to be of different classes, and their cosine."""

    first: int
    second: int
    cosine: float


@dataclass(frozen=True, eq=False, repr=False)
class Difficulty:
    """How difficult each sample is.

    Attributes:
        score: (N,) in [0, 1], share of the pairs of a sample that Eq. 12 selects (with labels, of
            its cross-class pairs).
        error: largest standard error of a score, from the reference sample; 0 where exact.
        gap: (N,) difference of the two largest held-out class probabilities; None without labels.
        ranking: (N,) samples, the most difficult first.
        suggested: samples to try without, ascending.
        pairs: the most similar pairs that count as difficult, no sample twice.
        pos_high, pos_low: percentiles of the selection.
        references: size of the reference sample; N where all pairs were seen.
        rule: how ``ranking`` and ``suggested`` come about.
        seed: of the reference sample and the classifier's folds.
    """

    score: Array
    error: float
    gap: Array | None
    ranking: Indices
    suggested: Indices
    pairs: tuple[DifficultPair, ...]
    pos_high: float
    pos_low: float
    references: int
    rule: str
    seed: int

    @property
    def kept(self) -> Indices:
        """Samples that are not suggested for removal, ascending."""
        raise NotImplementedError

    def table(self, rows: int = 20) -> Table:
        """The most difficult samples."""
        raise NotImplementedError

    def to_dict(self, rows: int = 100) -> dict[str, Any]:
        """A summary with the first ``rows`` of the ranking, as strict JSON can hold it."""
        raise NotImplementedError

    def save(self, folder: str | os.PathLike[str]) -> tuple[Path, ...]:
        """Write difficult, kept and ranking as npz, JSON, CSV and pickle, and scores.csv."""
        raise NotImplementedError


def score_difficulty(
    embeddings: Any,
    labels: Any = None,
    *,
    classes: int | None = None,
    pos_high: float | None = None,
    pos_low: float | None = None,
    gaps: Any = None,
    share: float = 0.08,
    sample: int = 4096,
    num_pairs: int = 24,
    seed: int = 0,
    progress: Progress | None = None,
) -> Difficulty:
    """Score, rank and suggest difficult samples."""
    raise NotImplementedError
