"""How aligned unit embeddings can be on the fitted graph, and how aligned they are.

With π_x = d_x/W and F the matrix with rows √π_x f(x), the alignment E f(x)ᵀf(x⁺) over the edges
w_xx'/W is tr FᵀĀF. The top eigenvector √π of Ā takes ‖m‖² of tr FᵀF = 1, where m = Σ π_x f(x);
on its complement Ā is at most λ₂. So unit embeddings have an alignment of at most
‖m‖² + λ₂(1 − ‖m‖²) = λ₂ + (1 − λ₂)‖m‖². Equality asks for unit rows whose centred part lies in the
eigenspace of λ₂: class simplices are such where all nodes of the paper's graph have one degree,
and elsewhere the ceiling need not be reached. It is a graph's form of the bound by a maximal
correlation of Betser, Gofer, Levi and Gilboa 2026 (arXiv 2602.24012).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dctheory._table import Table, plain
from dctheory._validation import check_choice, check_real
from dctheory.graph._unit_rows import UnitRows
from dctheory.graph.cells import CellGraph, cell_name
from dctheory.graph.similarity import SimilarityGraph
from dctheory.graph.similarity_estimate import SimilarityEstimate

Array = NDArray[np.float64]

CELLS = "cells"


@dataclass(frozen=True)
class GraphAlignment:
    """Alignment of the embeddings on one fitted graph, E f(x)ᵀf(x⁺) over its edges.

    Attributes:
        lambda_2: second largest eigenvalue of Ā.
        mean_norm: ‖m‖, m the mean embedding by degree.
        achieved: alignment of the embeddings themselves.
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
        views_error: its standard error over samples, which are taken as independent.
    """

    graphs: Mapping[str, GraphAlignment]
    skipped: Mapping[str, str]
    views: float | None = None
    views_error: float | None = None

    def sentences(self) -> tuple[str, ...]:
        """What the numbers say."""
        found = [
            f"On the fitted graph ({name}) unit embeddings with ‖m‖ = {each.mean_norm:.3g} have an "
            f"alignment of at most {each.ceiling:.4g}; these have {each.achieved:.4g}."
            for name, each in self.graphs.items()
        ]
        found += [f"No ceiling ({name}): {reason}." for name, reason in self.skipped.items()]
        if self.views is None:
            found.append("Without a second view the alignment of views cannot be told.")
            return tuple(found)
        found.append(
            f"The two views have an alignment of {self.views:.4g} ± {self.views_error:.2g}."
        )
        above = [name for name, each in self.graphs.items() if self.views > each.ceiling]
        if above:
            found.append(
                f"That is above the ceiling ({', '.join(above)}): the views are closer than pairs "
                "drawn from the fitted graph, whose edges join mostly different images of a class, "
                "so the graph of these augmentations has more clusters than the labels."
            )
        return tuple(found)

    def table(self) -> Table:
        """One row a graph."""
        rows = [
            (name, each.lambda_2, each.mean_norm, each.achieved, each.ceiling)
            for name, each in self.graphs.items()
        ]
        columns = ("graph", "λ₂", "‖m‖", "alignment", "ceiling")
        return Table(columns, rows, "Alignment of unit embeddings", self.sentences())

    def to_dict(self) -> dict[str, Any]:
        """All fields as values that strict JSON can hold."""
        return {
            "graphs": {name: plain(asdict(each)) for name, each in self.graphs.items()},
            "skipped": dict(self.skipped),
            "views": plain(self.views),
            "views_error": plain(self.views_error),
        }


def ceiling(graph: SimilarityGraph | CellGraph, mean_norm: float) -> float:
    """λ₂ + (1 − λ₂)‖m‖², the largest alignment of unit embeddings on the graph.

    Args:
        graph: whose edges are the pairs, w_xx'/W.
        mean_norm: ‖m‖ in [0, 1] of the mean embedding by degree, m = Σ d_x f(x)/W.
    """
    square = float(check_real("mean_norm", mean_norm, 0, 1)) ** 2
    lambda_2 = graph.spectrum().eigenvalue(2)
    return lambda_2 + (1 - lambda_2) * square


def alignment_ceiling(
    estimate: SimilarityEstimate,
    embeddings: Any = None,
    views: Any = None,
    *,
    pairing: str = "both",
) -> Alignment:
    """Alignment of the estimate's embeddings on the graphs fitted to them, and its ceiling.

    The graphs have the data's own class sizes. All but the views is computed from the estimate's
    means, exactly.

    Args:
        estimate: of :func:`dctheory.graph.estimate.estimate_similarities`.
        embeddings, views: (N, d) two views of the same N samples, in the same order; neither or
            both.
        pairing: "both" or "either" for the graph of three levels (``matched`` is no cell graph).

    Raises:
        TypeError, ValueError: one view without the other, views of different shapes, what
            ``UnitRows`` refuses, an unknown pairing.
    """
    check_choice("pairing", pairing, ("both", "either"))
    if (embeddings is None) != (views is None):
        raise ValueError(
            "alignment of views needs two embeddings of each sample; pass both embeddings and "
            "views, or neither"
        )
    graphs: dict[str, GraphAlignment] = {}
    skipped: dict[str, str] = {}
    for name, make in (
        (pairing, lambda: _three_levels(estimate, pairing)),
        (CELLS, estimate.cell_graph),
    ):
        try:
            graphs[name] = _on_graph(make(), _cell_sums(estimate))
        except ValueError as error:
            skipped[name] = str(error)
    if views is None:
        return Alignment(graphs, skipped)
    return Alignment(graphs, skipped, *_view_cosines(embeddings, views))


def _on_graph(graph: CellGraph, sums: Array) -> GraphAlignment:
    """``sums``: (c, c) Σ f(x)ᵀf(x') over ordered pairs of two cells, each x with itself too."""
    sizes = np.array(graph.sizes, dtype=np.float64)
    weights = graph.cell_degrees / graph.total_weight
    square = float(np.clip(weights @ sums @ weights, 0, 1))
    # A node has σ = 1 with itself, and its cell's similarity with the others.
    excess = (graph.self_similarity - graph.similarity.diagonal()) @ sizes
    achieved = float(((graph.similarity * sums).sum() + excess) / graph.total_weight)
    norm = math.sqrt(square)
    return GraphAlignment(graph.spectrum().eigenvalue(2), norm, achieved, ceiling(graph, norm))


def _cell_sums(estimate: SimilarityEstimate) -> Array:
    kept, sizes = _kept_cells(estimate)
    means = estimate.cell_table[np.ix_(kept, kept)]
    # In a cell of one sample there is no pair whose mean could be known.
    means = np.where(np.isnan(means), 0.0, means)
    return np.outer(sizes, sizes) * means + np.diag(sizes * (1 - means.diagonal()))


def _kept_cells(estimate: SimilarityEstimate) -> tuple[NDArray[np.int64], Array]:
    """Places in the estimate's cell table of the cells that hold samples, and how many they do."""
    easy = np.subtract(estimate.class_sizes, estimate.difficult_sizes)
    sizes = np.stack([np.array(estimate.difficult_sizes), easy], axis=1).reshape(-1)
    kept = np.flatnonzero(sizes)
    return kept, sizes[kept].astype(np.float64)


def _three_levels(estimate: SimilarityEstimate, pairing: str) -> CellGraph:
    """The paper's graph with the data's class sizes."""
    kept, sizes = _kept_cells(estimate)
    classes, hard = kept // 2, kept % 2 == 0
    beta, gamma = estimate.beta(pairing), estimate.gamma(pairing)
    low = [value for value in (estimate.alpha, beta, gamma) if value < 0]
    if low:
        raise ValueError(
            f"a mean similarity is {min(low):.4g} < 0, and edge weights are not negative"
        )
    pairs = np.logical_and if pairing == "both" else np.logical_or
    cross = np.where(pairs.outer(hard, hard), gamma, beta)
    same = np.equal.outer(classes, classes)
    return CellGraph(
        sizes.astype(int).tolist(),
        # γ or β of a kind of pair that does not occur is nowhere, or only within a class.
        np.where(same, estimate.alpha, cross),
        names=[cell_name(estimate.classes[c], bool(h)) for c, h in zip(classes, hard, strict=True)],
        classes=classes.tolist(),
    )


def _view_cosines(embeddings: Any, views: Any) -> tuple[float, float]:
    """Mean cosine of the rows of both, and its standard error."""
    first, second = UnitRows(embeddings), UnitRows(views)
    if (first.num_rows, first.num_columns) != (second.num_rows, second.num_columns):
        raise ValueError(
            f"embeddings have the shape ({first.num_rows}, {first.num_columns}) and views "
            f"({second.num_rows}, {second.num_columns}); pass two views of the same samples by "
            "the same encoder"
        )
    pairs = zip(first.blocks(), second.blocks(), strict=True)
    cosines = np.concatenate([np.einsum("ij,ij->i", a, b) for (_, a), (_, b) in pairs])
    if len(cosines) == 1:
        return float(cosines[0]), math.nan
    return float(cosines.mean()), float(cosines.std(ddof=1) / math.sqrt(len(cosines)))
