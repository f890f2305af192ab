"""How aligned unit embeddings can be on the fitted graph, and how aligned they are.

The ceiling is in the manner of Betser, Gofer, Levi and Gilboa 2026 (arXiv 2602.24012), who bound
the alignment of two views by a maximal correlation. Derivation for a graph: with π_x = d_x/W and
rows √π_x f(x), E f(x)ᵀf(x⁺) = tr FᵀĀF. The top eigenvector √π takes ‖m‖² of tr FᵀF = 1, where
m = Σ π_x f(x), and on the rest Ā is at most λ₂. So the alignment is at most
‖m‖² + λ₂ (1 − ‖m‖²). Equality needs unit f whose centred part lies in λ₂'s eigenspace: class
simplices reach it where all nodes of the paper's graph have one degree.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dctheory._table import Table, plain
from dctheory._validation import check_choice, check_real
from dctheory.graph._unit_rows import UnitRows
from dctheory.graph.cells import CellGraph
from dctheory.graph.similarity import SimilarityGraph
from dctheory.graph.similarity_estimate import SimilarityEstimate

Array = NDArray[np.float64]

_CELLS = "cells"


@dataclass(frozen=True)
class GraphAlignment:
    """Alignment of the embeddings on one fitted graph, E f(x)ᵀf(x⁺) over its edges.

    Attributes:
        lambda_2: second largest eigenvalue of Ā.
        mean_norm: ‖m‖, m the mean embedding by degree.
        achieved: alignment of the embeddings themselves, in [−1, 1].
        ceiling: λ₂ + (1 − λ₂)‖m‖², which no unit embeddings with this ‖m‖ exceed.
    """

    lambda_2: float
    mean_norm: float
    achieved: float
    ceiling: float


@dataclass(frozen=True)
class Alignment:
    """Alignment on the fitted graphs and, where a second view was given, of the views.

    Attributes:
        graphs: by name: the pairing (three levels α, β, γ) and "cells" (a mean similarity for
            each pair of cells).
        skipped: why a graph is missing, by name.
        views: mean cosine of the two views of a sample; None without a second view.
        views_error: its standard error over samples; NaN for one sample.
    """

    graphs: Mapping[str, GraphAlignment]
    skipped: Mapping[str, str]
    views: float | None = None
    views_error: float | None = None

    def sentences(self) -> tuple[str, ...]:
        """What the numbers say."""
        raise NotImplementedError

    def table(self) -> Table:
        """One row a graph."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """All fields as values that strict JSON can hold."""
        raise NotImplementedError


def ceiling(graph: SimilarityGraph | CellGraph, mean_norm: float) -> float:
    """λ₂ + (1 − λ₂)‖m‖² of unit embeddings whose mean by degree has the norm ``mean_norm``."""
    raise NotImplementedError


def alignment_ceiling(
    estimate: SimilarityEstimate,
    embeddings: Any = None,
    views: Any = None,
    *,
    pairing: str = "both",
) -> Alignment:
    """Alignment of the estimate's embeddings on the graphs fitted to them, and its ceiling."""
    raise NotImplementedError
