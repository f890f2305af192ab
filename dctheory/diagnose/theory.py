"""What the theory says of an estimate: the graph, its spectrum, the bounds, and the noise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from dctheory import formulas
from dctheory._table import Table, plain
from dctheory._validation import check_integer
from dctheory.bound.delta import DeltaBound, smallest_delta
from dctheory.bound.haochen import Bound, bound_of
from dctheory.bound.table import TIE_TOLERANCE, BoundsTable, bounds
from dctheory.diagnose.levels import fit_levels
from dctheory.graph.cells import CellGraph
from dctheory.graph.noise import NoisePrediction
from dctheory.graph.similarity import SimilarityGraph
from dctheory.graph.similarity_estimate import SimilarityEstimate
from dctheory.graph.spectrum import Mode, Spectrum

_Graph = TypeVar("_Graph", SimilarityGraph, CellGraph)

LEVELS, CELLS = "three levels", "cells"

# Modes that tell difficult samples of a class from its other samples, in the paper's graph.
_SPURIOUS = (
    *(formulas.SPURIOUS, formulas.CLASS_SPURIOUS),
    *(formulas.MATCHED_BULK, formulas.MATCHED_CONTRAST),
)
# Modes that are shown of a spectrum; ``spectrum`` itself has all.
_MOST_MODES = 40
# Cells up to which the noise of a graph of cells is predicted: the cost grows as their cube.
_MOST_NOISY_CELLS = 64

_STAND_IN = (
    "cosines of features stand in for the weights of the augmentation graph, as in Table 10: the "
    "bounds are about that model, not proved for this encoder"
)
_INDEFINITE = (
    "the paper's graph with these α, β, γ is not positive semidefinite, so that no augmentation "
    "has these similarities"
)
_CORRELATED = (
    "the relaxation's noise is independent from pair to pair; deviations of cosines are not, so "
    "the threshold compares sizes only"
)


@dataclass(frozen=True)
class GraphReading(Generic[_Graph]):
    """One graph made of the estimate, and what its spectrum says at k features.

    Attributes:
        name: "three levels" (the paper's graph) or "cells" (a level for each pair of cells).
        graph: the graph.
        spectrum: of its normalised adjacency; ``spectrum.table()`` names every mode.
        k: number of features.
        mode: the family that λ_{k+1} belongs to.
        eigenvalue: λ_{k+1}.
        spurious: the largest mode that tells difficult samples of a class from its others.
        last_class: the smallest mode of the classes.
        delta: the smallest labelling errors δ that the graph's weights allow.
        bound: 4δ/(1 − λ_{k+1}) + 8δ at the class labels' δ.
    """

    name: str
    graph: _Graph
    spectrum: Spectrum
    k: int
    mode: Mode
    eigenvalue: float
    spurious: Mode | None
    last_class: Mode | None
    delta: DeltaBound
    bound: Bound

    @property
    def spurious_ahead(self) -> bool | None:
        """Whether the spurious mode stands ahead of a class mode; None if one is missing."""
        if self.spurious is None or self.last_class is None:
            return None
        limit = self.last_class.value
        return self.spurious.value > limit + TIE_TOLERANCE * abs(limit)

    @property
    def largest_delta(self) -> float:
        """The δ from which on the bound is vacuous at this λ_{k+1}."""
        return 1 / (4 / (1 - self.eigenvalue) + 8) if self.eigenvalue < 1 else 0.0

    @property
    def largest_eigenvalue(self) -> float | None:
        """The λ from which on the bound is vacuous at this δ; None where no λ ≥ 0 helps."""
        delta = float(self.delta.value)
        return 1 - 4 * delta / (1 - 8 * delta) if 12 * delta < 1 else None

    @property
    def blame(self) -> str:
        """Whether the bound says anything, and what is to blame if not, as a sentence."""
        delta, value = float(self.delta.value), self.eigenvalue
        if not self.bound.is_vacuous:
            return f"the bound says something: an error of at most {float(self.bound):.3g}"
        if value >= 1:
            return f"λ_{self.k + 1} = 1: the graph falls into more than k = {self.k} parts"
        if self.largest_eigenvalue is None:
            text = (
                f"vacuous because of δ: at δ = {delta:.3g} the bound is at least 12δ = "
                f"{12 * delta:.3g} for any λ ≥ 0; pairs of different classes have "
                f"{2 * delta:.1%} of the weight, and only below 1/6 can a bound be below 1"
            )
            if self.delta.vacuous_at_every_size:
                text += "; with as many classes and this β no n, n_d, γ or k leads there"
            return text
        return (
            f"vacuous because of λ_{self.k + 1} = {value:.4g}: at δ = {delta:.3g} it would have "
            f"to be below {self.largest_eigenvalue:.4g}; a larger k may do"
        )

    def table(self) -> Table:
        """The leading modes of Ā with their names, 40 at most."""
        modes = self.spectrum.table()
        rows = modes.rows[:_MOST_MODES]
        notes = []
        if len(rows) < len(modes.rows):
            notes.append(f"and {len(modes.rows) - len(rows)} smaller modes")
        return Table(modes.columns, rows, f"Spectrum of Ā, {self.name}", notes)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the graph as strict JSON can hold it."""
        return {
            "name": self.name,
            "k": self.k,
            "spectrum": self.table().to_dict()["rows"],
            "mode": self.mode.name,
            "eigenvalue": plain(self.eigenvalue),
            "spurious": None if self.spurious is None else plain(self.spurious.value),
            "last_class": None if self.last_class is None else plain(self.last_class.value),
            "spurious_ahead": self.spurious_ahead,
            "delta": plain(float(self.delta.value)),
            "delta_any_labelling": plain(self.delta.any_labelling),
            "bound": plain(float(self.bound)),
            "vacuous": self.bound.is_vacuous,
            "largest_delta": plain(self.largest_delta),
            "largest_eigenvalue": plain(self.largest_eigenvalue),
            "blame": self.blame,
        }


@dataclass(frozen=True)
class NoiseReading:
    """The spread of similarities about the levels, taken as the relaxation's ε.

    Attributes:
        name: of the graph whose levels the spread is about.
        epsilon: standard deviation of a pair's similarity about its level.
        prediction: of :func:`dctheory.graph.noise.predict_noise` at that ε.
    """

    name: str
    epsilon: float
    prediction: NoisePrediction

    def table(self) -> Table:
        """Each mode of Ā with the noise from which on it drowns."""
        rows = [
            (each.name, each.multiplicity, each.clean, each.threshold, each.detached)
            for each in self.prediction.normalized.outliers
        ]
        title = f"Noise ε = {self.epsilon:.3g} about {self.name}: which modes stand out"
        columns = ("mode", "copies", "eigenvalue", "threshold ε", "stands out")
        return Table(columns, rows, title, (_CORRELATED, *self.prediction.caveats))

    def to_dict(self) -> dict[str, Any]:
        """The level and every mode, as strict JSON can hold them."""
        return {"name": self.name, "epsilon": self.epsilon, **self.table().to_dict()}


@dataclass(frozen=True)
class TheoryReading:
    """What the theory says, or why it says nothing.

    Attributes:
        pairing, k: the reading of "difficult", and the number of features.
        violations: the inequalities of 0 ≤ β ≤ γ ≤ α that fail, as sentences.
        levels: the paper's graph with the estimate's α, β, γ; None if one of them fails.
        cells: the graph of the difficult and the easy samples of each class; None where
            ``cells_refused`` says why.
        bounds: all remedies on ``levels``, printed and exact.
        random_removal: the exact bound after as many random samples are removed: what removal
            gains beyond it is owed to which samples go.
        noise: None where there is no graph to set it against.
        notes: what to keep in mind, as sentences.
    """

    pairing: str
    k: int
    violations: tuple[str, ...]
    levels: GraphReading[SimilarityGraph] | None
    cells: GraphReading[CellGraph] | None
    cells_refused: str
    bounds: BoundsTable | None
    random_removal: Bound | None
    noise: NoiseReading | None
    notes: tuple[str, ...]

    @property
    def graphs(self) -> tuple[GraphReading[Any], ...]:
        """Those of the two graphs that there are."""
        return tuple(each for each in (self.levels, self.cells) if each is not None)

    def table(self) -> Table:
        """One row for each graph."""
        head = ("graph", f"λ_{self.k + 1}", "mode", "spurious mode ahead", "δ", "bound")
        rows = [
            (g.name, g.eigenvalue, g.mode.name, g.spurious_ahead, float(g.delta.value), g.bound)
            for g in self.graphs
        ]
        notes = [*self.violations, *filter(None, (self.cells_refused,))]
        notes += [f"{each.name}: {each.blame}" for each in self.graphs]
        title = f"The theory at k = {self.k}, pairing {self.pairing}"
        return Table(head, rows, title, (*notes, *self.notes))

    def tables(self) -> list[Table]:
        """Graphs, spectra, bounds and noise, as they are rendered."""
        found = [self.table()]
        found += [each.table() for each in self.graphs]
        if self.bounds is not None:
            found.append(self.bounds.table())
        return found if self.noise is None else [*found, self.noise.table()]

    def to_dict(self) -> dict[str, Any]:
        """Everything as strict JSON can hold it."""
        return {
            "pairing": self.pairing,
            "k": self.k,
            "violations": list(self.violations),
            "levels": None if self.levels is None else self.levels.to_dict(),
            "cells": None if self.cells is None else self.cells.to_dict(),
            "cells_refused": self.cells_refused,
            "bounds": None if self.bounds is None else self.bounds.to_dict(),
            "random_removal": (
                None if self.random_removal is None else plain(float(self.random_removal))
            ),
            "noise": None if self.noise is None else self.noise.to_dict(),
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        return "\n\n".join(table.to_text() for table in self.tables())

    def _repr_html_(self) -> str:
        return "\n".join(table.to_html() for table in self.tables())


def read_theory(
    estimate: SimilarityEstimate,
    *,
    k: int | None = None,
    pairing: str = "both",
    per_class: int | None = None,
) -> TheoryReading:
    """Set an estimate's α, β, γ and its table of classes against the theory.

    Args:
        estimate: from :func:`dctheory.estimate_similarities`.
        k: number of features, 1 ≤ k < N; by default the number of classes, the smallest that the
            paper's theorems cover. The embeddings' dimension is the other natural choice.
        pairing: the reading of "difficult", one that the estimate has.
        per_class: n of the paper's graph; the mean class size by default.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.
    """
    violations = tuple(estimate.violations(pairing))
    graph = None if violations else estimate.graph(per_class, pairing)
    nodes = estimate.num_samples if graph is None else min(estimate.num_samples, graph.num_nodes)
    k = check_integer("k", len(estimate.classes) if k is None else k, 1, nodes - 1)
    cells, refused = _cells(estimate, k)
    levels = None if graph is None else _read(LEVELS, graph, k)
    notes = [_STAND_IN]
    if graph is not None and not graph.is_psd():
        notes.append(_INDEFINITE)
    return TheoryReading(
        pairing=pairing,
        k=k,
        violations=violations,
        levels=levels,
        cells=cells,
        cells_refused=refused,
        bounds=None if graph is None else bounds(graph, k),
        random_removal=None if graph is None else _random_removal(graph, k),
        noise=_noise(estimate, pairing, levels, cells),
        notes=tuple(notes),
    )


def _read(name: str, graph: _Graph, k: int) -> GraphReading[_Graph]:
    spectrum, delta = graph.spectrum(), smallest_delta(graph)
    if isinstance(graph, CellGraph):
        spurious = [mode for mode in spectrum.modes if mode.sector == "within-class"]
    else:
        spurious = [mode for mode in spectrum.modes if mode.name in _SPURIOUS]
    classes = [mode for mode in spectrum.modes if mode.name == formulas.CLASS]
    value = spectrum.eigenvalue(k + 1)
    return GraphReading(
        name=name,
        graph=graph,
        spectrum=spectrum,
        k=k,
        mode=spectrum.mode(k + 1),
        eigenvalue=value,
        spurious=spurious[0] if spurious else None,
        last_class=classes[-1] if classes else None,
        delta=delta,
        bound=bound_of(value, delta.value),
    )


def _cells(estimate: SimilarityEstimate, k: int) -> tuple[GraphReading[CellGraph] | None, str]:
    try:
        return _read(CELLS, estimate.cell_graph(), k), ""
    except ValueError as error:
        return None, str(error)


def _random_removal(graph: SimilarityGraph, k: int) -> Bound | None:
    """The bound once n_d samples of each class are gone, difficult and easy ones in proportion."""
    left = graph.n_e
    if graph.n_d == 0 or left * graph.classes <= k:
        return None
    difficult = (2 * left * graph.n_d + graph.n) // (2 * graph.n)
    kept = replace(graph, per_class=left, difficult=difficult)
    return bound_of(kept.spectrum().eigenvalue(k + 1), float(smallest_delta(kept).value))


def _noise(
    estimate: SimilarityEstimate,
    pairing: str,
    levels: GraphReading[SimilarityGraph] | None,
    cells: GraphReading[CellGraph] | None,
) -> NoiseReading | None:
    fit = fit_levels(estimate, pairing=pairing)
    if levels is not None:
        return NoiseReading(LEVELS, fit.within, levels.graph.noise_prediction(fit.within))
    if cells is None or cells.graph.num_cells > _MOST_NOISY_CELLS:
        return None
    epsilon = fit.within_cells
    return NoiseReading(CELLS, epsilon, cells.graph.noise_prediction(epsilon))
