"""What the theory says of an estimate: the graph, its spectrum, the bounds, and the noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from dctheory._table import Table, plain
from dctheory._validation import check_choice, check_integer
from dctheory.bound.delta import DeltaBound, smallest_delta
from dctheory.bound.haochen import Bound, bound_of
from dctheory.bound.table import BoundsTable, bounds
from dctheory.graph.cells import CellGraph
from dctheory.graph.noise import NoisePrediction
from dctheory.graph.similarity import SimilarityGraph
from dctheory.graph.similarity_estimate import SimilarityEstimate
from dctheory.graph.spectrum import MERGE_TOLERANCE, Mode, Spectrum

# Cells up to which the noise of a graph of cells is predicted: its cost grows as their cube.
_MOST_NOISY_CELLS = 64


@dataclass(frozen=True)
class GraphReading:
    """One graph made of the estimate, and what its spectrum says at k features.

    Attributes:
        name: "three levels" (the paper's graph) or "cells" (a level for each pair of cells).
        graph: the graph.
        spectrum: of its normalised adjacency; ``spectrum.table()`` names every mode.
        mode: the family that λ_{k+1} belongs to.
        eigenvalue: λ_{k+1}.
        spurious: the largest mode that sets easy against difficult samples of one class, if any.
        last_class: the smallest mode of the classes, if any.
        delta: the smallest labelling errors δ that the graph's weights allow.
        bound: 4δ/(1 − λ_{k+1}) + 8δ at the class labels' δ.
    """

    name: str
    graph: SimilarityGraph | CellGraph
    spectrum: Spectrum
    mode: Mode
    eigenvalue: float
    spurious: Mode | None
    last_class: Mode | None
    delta: DeltaBound
    bound: Bound

    @property
    def spurious_ahead(self) -> bool:
        """Whether the spurious mode stands ahead of one of the class modes."""

    @property
    def largest_delta(self) -> float:
        """The δ from which on the bound is vacuous at this λ_{k+1}."""

    @property
    def largest_eigenvalue(self) -> float | None:
        """The λ from which on the bound is vacuous at this δ; None where no λ ≥ 0 helps."""

    @property
    def blame(self) -> str:
        """What makes the bound vacuous, or that it is not, as a sentence."""


@dataclass(frozen=True)
class NoiseReading:
    """The spread of similarities within kinds of pairs, taken as the ε of the relaxation.

    Attributes:
        graph: name of the graph whose levels the spread is about.
        epsilon: standard deviation of a pair's similarity about its level.
        prediction: of :func:`dctheory.graph.noise.predict_noise` at this level.
    """

    graph: str
    epsilon: float
    prediction: NoisePrediction


@dataclass(frozen=True)
class TheoryReading:
    """What the theory says, or why it says nothing.

    Attributes:
        pairing, k: the reading of "difficult", and the number of features.
        violations: the inequalities of 0 ≤ β ≤ γ ≤ α that fail, as sentences.
        levels: the paper's graph with the estimate's α, β, γ; None if it is violated.
        cells: the graph of difficult and easy samples of each class; None if ``cells_refused``
            says why.
        bounds: every remedy's bound on ``levels``, printed and exact.
        random_removal: the exact bound once as many random samples are removed: what removal gains
            beyond this it owes to the choice of samples.
        noise: None if there is no graph to set it against.
        notes: what to keep in mind, as sentences.
    """

    pairing: str
    k: int
    violations: tuple[str, ...]
    levels: GraphReading | None
    cells: GraphReading | None
    cells_refused: str
    bounds: BoundsTable | None
    random_removal: Bound | None
    noise: NoiseReading | None
    notes: tuple[str, ...]

    def tables(self) -> list[Table]:
        """Spectra, bounds and noise, as they are rendered."""

    def to_dict(self) -> dict[str, Any]:
        """Everything as strict JSON can hold it."""


def read_theory(
    estimate: SimilarityEstimate,
    *,
    k: int | None = None,
    pairing: str = "both",
    per_class: int | None = None,
) -> TheoryReading:
    """Set an estimate's α, β, γ and class table against the theory.

    Args:
        estimate: from :func:`dctheory.estimate_similarities`.
        k: number of features, 1 ≤ k ≤ N − 1; the number of classes by default, the smallest that
            the paper's theorems cover. The embeddings' dimension is the other natural choice.
        pairing: the reading of "difficult", as in :class:`dctheory.SimilarityGraph`.
        per_class: n of the paper's graph; the mean class size by default.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.
    """
    raise NotImplementedError
