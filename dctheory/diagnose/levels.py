"""How well few levels describe the similarities that were observed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dctheory._table import Table
from dctheory.graph.similarity_estimate import SimilarityEstimate


@dataclass(frozen=True)
class LevelFit:
    """Shares of the variance of all pair similarities that a choice of levels explains.

    Attributes:
        pairing: the reading of "difficult".
        spread: standard deviation of the similarity over all pairs of distinct samples.
        within: standard deviation about the three levels.
        two_levels: R² of a level for same-class and one for cross-class pairs.
        three_levels: R² of α, β, γ.
        class_levels: R² of a level for each pair of classes.
        cell_levels: R² of a level for each pair of cells (difficult and easy of each class).
        auc: chance that a same-class pair is more similar than a cross-class one.
        auc_source: how the AUC was found.
    """

    pairing: str
    spread: float
    within: float
    two_levels: float
    three_levels: float
    class_levels: float
    cell_levels: float
    auc: float
    auc_source: str

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        return ""

    def table(self) -> Table:
        """One row for each choice of levels."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """Everything as strict JSON can hold it."""
        raise NotImplementedError


def fit_levels(
    estimate: SimilarityEstimate, distribution: Any = None, *, pairing: str = "both"
) -> LevelFit:
    """How much of the similarities' variance three levels explain, and finer tables beside them.

    Args:
        estimate: its means are exact, its second moments sampled.
        distribution: a ``SimilarityDistribution`` with labels, for the variance and the AUC.
        pairing: the reading of "difficult".
    """
    raise NotImplementedError
