"""How well few levels describe the similarities that were observed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dctheory._table import Table, plain
from dctheory.graph.pair_moments import PairMoments
from dctheory.graph.similarity_estimate import SimilarityEstimate

if TYPE_CHECKING:
    from dctheory.diagnose.distribution import SimilarityDistribution

Array = NDArray[np.float64]

_NORMAL = "as if both kinds were normal, from their means and spreads"
_HISTOGRAM = "from the histogram of similarities"
# Shares of variance below and above which the sentence says "poorly" and "well".
_POOR, _GOOD = 0.25, 0.75


@dataclass(frozen=True)
class LevelFit:
    """Shares of the variance of all pair similarities that a choice of levels explains.

    Each choice refines those before it, so that the shares grow, but that ``class_levels`` need
    not exceed ``three_levels``. What no level explains is spread within pairs of cells.

    Attributes:
        pairing: the reading of "difficult".
        spread: standard deviation of the similarity over all pairs of distinct samples.
        within: standard deviation about the three levels; ``within_cells`` about the cells' table.
        two_levels: R² of one level for same-class and one for cross-class pairs.
        three_levels: R² of α, β and γ.
        class_levels: R² of a level for each pair of classes.
        cell_levels: R² of a level for each pair of cells (the difficult and the easy of a class).
        auc: chance that a same-class pair is more similar than a cross-class pair.
        auc_source: how that was found.
    """

    pairing: str
    spread: float
    within: float
    within_cells: float
    two_levels: float
    three_levels: float
    class_levels: float
    cell_levels: float
    auc: float
    auc_source: str

    @property
    def quality(self) -> str:
        """How well α, β and γ describe the similarities: "poorly", "in part" or "well"."""
        if not self.three_levels >= _POOR:
            return "poorly"
        return "well" if self.three_levels >= _GOOD else "in part"

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        added = self.three_levels - self.two_levels
        return (
            f"The three levels describe the similarities {self.quality}: they explain "
            f"{self.three_levels:.1%} of the variance over pairs, of which {max(0.0, added):.2%} "
            "is due to telling difficult pairs from other cross-class ones. A level for each pair "
            f"of classes explains {self.class_levels:.1%}, for each pair of their difficult and "
            f"easy samples {self.cell_levels:.1%}. A same-class pair is more similar than a "
            f"cross-class pair with probability {self.auc:.3f}."
        )

    def table(self) -> Table:
        """One row for each choice of levels."""
        rows = [
            ("same class, cross class", self.two_levels),
            (f"α, β, γ ({self.pairing})", self.three_levels),
            ("pairs of classes", self.class_levels),
            ("pairs of cells", self.cell_levels),
        ]
        notes = [f"spread over all pairs {self.spread:.4g}, about α, β, γ {self.within:.4g}"]
        notes.append(f"same-class above cross-class: {self.auc:.4g}, {self.auc_source}")
        return Table(("levels", "R²"), rows, "Variance of similarities explained", notes)

    def to_dict(self) -> dict[str, Any]:
        """Everything as strict JSON can hold it."""
        names = (
            *("pairing", "spread", "within", "within_cells", "two_levels", "three_levels"),
            *("class_levels", "cell_levels", "auc", "auc_source", "quality", "sentence"),
        )
        return {name: plain(getattr(self, name)) for name in names}

    def __str__(self) -> str:
        return self.table().to_text()

    def _repr_html_(self) -> str:
        return self.table().to_html()


def fit_levels(
    estimate: SimilarityEstimate,
    distribution: SimilarityDistribution | None = None,
    *,
    pairing: str = "both",
) -> LevelFit:
    """How much of the similarities' variance the three levels explain, and finer tables.

    Variance between levels is exact. That within them is sampled with the estimate (some 2,000
    pairs of a kind: relative error 3 % or so), or the distribution's.

    Args:
        estimate: of the labelled embeddings.
        distribution: of the same embeddings and labels, for the variance over all pairs and the
            AUC; without it the AUC is that of two normal laws.
        pairing: the reading of "difficult", one that the estimate has.

    Raises:
        ValueError: an unknown reading.
    """
    levels = level_moments(estimate, pairing)
    same, *cross = levels
    other = _together(cross)
    everything = same + other
    variance = everything.square - everything.mean**2
    if distribution is not None:
        variance = distribution.std() ** 2
    class_sizes = np.array(estimate.class_sizes, dtype=np.float64)
    between = {
        "two_levels": _between(*_of_moments([same, other])),
        "three_levels": _between(*_of_moments(levels)),
        "class_levels": _between(*_of_table(class_sizes, estimate.class_table)),
        "cell_levels": _between(*_of_table(_cell_sizes(estimate), estimate.cell_table)),
    }
    variance = max(variance, *between.values())
    auc, source = _normal_auc(same, other), _NORMAL
    if distribution is not None and "cross-class" in distribution.kinds:
        auc, source = _histogram_auc(distribution), _HISTOGRAM
    shares = {name: value / variance if variance else 1.0 for name, value in between.items()}
    return LevelFit(
        pairing=pairing,
        spread=math.sqrt(variance),
        within=math.sqrt(variance - between["three_levels"]),
        within_cells=math.sqrt(variance - between["cell_levels"]),
        **shares,
        auc=auc,
        auc_source=source,
    )


def level_moments(estimate: SimilarityEstimate, pairing: str) -> list[PairMoments]:
    """Statistics of the levels α, β and γ; a level without pairs is left out."""
    estimate.beta(pairing)  # refuses an unknown reading
    reading = estimate.readings[pairing]
    return [
        each for each in (estimate.same_class["all"], reading.beta, reading.gamma) if each.pairs
    ]


def _together(parts: list[PairMoments]) -> PairMoments:
    total = parts[0]
    for each in parts[1:]:
        total = total + each
    return total


def _between(weights: Array, means: Array) -> float:
    """Variance of the means of so many pairs each about the mean of all."""
    shares = weights / weights.sum()
    return float(shares @ (means - shares @ means) ** 2)


def _of_moments(levels: list[PairMoments]) -> tuple[Array, Array]:
    return np.array([float(each.pairs) for each in levels]), np.array([x.mean for x in levels])


def _of_table(sizes: Array, table: Array) -> tuple[Array, Array]:
    """Pairs and means of all pairs of groups that there are."""
    pairs = np.outer(sizes, sizes) - np.diag(sizes)
    return pairs[pairs > 0], table[pairs > 0]


def _cell_sizes(estimate: SimilarityEstimate) -> Array:
    hard = np.array(estimate.difficult_sizes, dtype=np.float64)
    return np.stack([hard, np.array(estimate.class_sizes) - hard], axis=1).reshape(-1)


def _normal_auc(same: PairMoments, other: PairMoments) -> float:
    from scipy.special import ndtr

    spread = math.hypot(same.spread, other.spread)
    difference = same.mean - other.mean
    if spread == 0:
        return 0.5 + 0.5 * float(np.sign(difference))
    return float(ndtr(difference / spread))


def _histogram_auc(distribution: SimilarityDistribution) -> float:
    """P(s > s') + P(s = s')/2 for a same-class s and a cross-class s', ties within a bin."""
    same, cross = (distribution.counts[kind] for kind in ("same class", "cross-class"))
    below = np.cumsum(cross) - cross / 2
    return float(same @ below / (float(same.sum()) * float(cross.sum())))
