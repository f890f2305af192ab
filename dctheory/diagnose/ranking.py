"""What is known of the difficulty of samples: scores, a ranking, pairs, lists to save."""

from __future__ import annotations

import csv
import io
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dctheory._runs import write_atomic
from dctheory._table import Table, plain
from dctheory.data.subsets import save_subset

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

# Of the files that are written for each set of samples.
_SUFFIXES = (".npz", ".json", ".csv", ".pkl")


class DifficultPair(NamedTuple):
    """Two samples that are taken to be of different classes, and their cosine."""

    first: int
    second: int
    cosine: float


@dataclass(frozen=True, eq=False, repr=False)
class Difficulty:
    """How difficult each sample is.

    Attributes:
        score: (N,) in [0, 1], share of a sample's pairs (with labels, of its cross-class pairs)
            that Eq. 12 selects.
        error: standard error of a score from the reference sample (root mean square over samples,
            by its two halves); 0 if exact. With labels a sample also shifts all scores up, by about
            as much.
        gap: (N,) difference of the two largest held-out class probabilities; None without labels.
        ranking: (N,) samples, the most difficult first: by gap, without labels by score.
        suggested: (M,) ascending samples to try without.
        pairs: no sample twice: with labels the most similar cross-class pairs, without labels the
            most difficult samples with the most similar of those that Eq. 12 pairs them with.
        pos_high, pos_low: percentiles.
        references: rows with which all were compared; N if all pairs were.
        rule: how ``suggested`` was chosen.
        seed: of the reference sample and of the classifier's folds.
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
    def num_samples(self) -> int:
        """N."""
        return len(self.score)

    @property
    def kept(self) -> Indices:
        """Ascending samples that are not suggested for removal."""
        return np.setdiff1d(np.arange(self.num_samples), self.suggested)

    @property
    def agreement(self) -> float:
        """Rank correlation of scores and negative gaps; NaN without gaps."""
        if self.gap is None:
            return math.nan
        from scipy.stats import rankdata

        ranks = np.stack([rankdata(self.score), rankdata(-self.gap)])
        ranks -= ranks.mean(axis=1, keepdims=True)
        lengths = np.sqrt(np.einsum("ij,ij->i", ranks, ranks))
        return float(ranks[0] @ ranks[1] / lengths.prod()) if lengths.all() else math.nan

    def sentences(self) -> tuple[str, ...]:
        """How the numbers came about."""
        kind = "pairs" if self.gap is None else "cross-class pairs"
        found = [
            f"Score: share of a sample's {kind} whose cosine lies between the percentiles "
            f"{self.pos_high:.4g} (posHigh) and {self.pos_low:.4g} (posLow) of a row.",
            f"Suggested: {self.rule}.",
        ]
        if self.references < self.num_samples:
            found.append(
                f"All were compared with {self.references} random samples: standard error of a "
                f"score {self.error:.2g}, spread of scores {self.score.std():.2g}."
            )
        if self.gap is None:
            found.append(
                "Without labels a score tells little: whole groups differ in it as much as easy "
                "and difficult samples do."
            )
        else:
            found.append(f"Rank correlation of scores and negative gaps: {self.agreement:.2g}.")
        return tuple(found)

    def table(self, rows: int = 20) -> Table:
        """The most difficult samples."""
        chosen = np.isin(self.ranking[:rows], self.suggested)
        cells = [
            (
                rank + 1,
                int(sample),
                float(self.score[sample]),
                None if self.gap is None else float(self.gap[sample]),
                bool(chosen[rank]),
            )
            for rank, sample in enumerate(self.ranking[:rows])
        ]
        columns = ("rank", "sample", "score", "top-2 gap", "suggested")
        return Table(columns, cells, "Most difficult samples", self.sentences())

    def to_dict(self, rows: int = 100) -> dict[str, Any]:
        """A summary with the first ``rows`` of the ranking, as strict JSON can hold it."""
        document: dict[str, Any] = plain(
            {
                "num_samples": self.num_samples,
                "num_suggested": len(self.suggested),
                "rule": self.rule,
                "pos_high": self.pos_high,
                "pos_low": self.pos_low,
                "references": self.references,
                "error": self.error,
                "score_mean": self.score.mean(),
                "score_spread": self.score.std(),
                "agreement": self.agreement,
                "seed": self.seed,
                "most_difficult": self.table(rows).rows,
                "pairs": [pair._asdict() for pair in self.pairs],
            }
        )
        return document

    def save(self, folder: str | os.PathLike[str]) -> tuple[Path, ...]:
        """Write the suggested set, the rest and the ranking as lists of indices, and all scores.

        ``difficult``, ``kept`` and ``ranking``, each as .npz, .json, .csv and .pkl that
        :func:`dctheory.data.load_subset` and the tools of SAS read, and ``scores.csv`` with the
        columns sample, score, gap. The folder is made if it is missing.

        Returns:
            The files.
        """
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        sets = {"difficult": self.suggested, "kept": self.kept, "ranking": self.ranking}
        paths = []
        for name, indices in sets.items():
            for suffix in _SUFFIXES:
                paths.append(target / f"{name}{suffix}")
                save_subset(paths[-1], indices, self.num_samples)
        paths.append(target / "scores.csv")
        write_atomic(paths[-1], self._scores_csv())
        return tuple(paths)

    def _scores_csv(self) -> str:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("sample", "score", "gap"))
        gaps = [""] * self.num_samples if self.gap is None else self.gap.tolist()
        writer.writerows(zip(range(self.num_samples), self.score.tolist(), gaps, strict=True))
        return text.getvalue()

    def __repr__(self) -> str:
        return f"<Difficulty: {self.num_samples} samples, {len(self.suggested)} suggested>"
