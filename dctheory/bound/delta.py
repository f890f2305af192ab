"""The smallest labelling error δ that a similarity graph allows (Assumption 3.1).

If a classifier g of nodes finds the label of a node's natural sample up to an error δ, then edges
whose ends g labels differently carry at most φ^g ≤ 2δ of the weight (HaoChen et al. 2021, proof
of Theorem 3.8). So the weights alone bound δ from below: for g = the class labels by the weight
between classes, for every other g through the spectrum.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dctheory.bound.haochen import Bound, bound_of
from dctheory.graph.cells import CellGraph
from dctheory.graph.similarity import SimilarityGraph, _integer_forms
from dctheory.graph.spectrum import Mode, Spectrum, quadratic_roots, ratio

if TYPE_CHECKING:
    from dctheory._table import Table

# Repeated numbers, in descending order: (number, how often).
Steps = Sequence[tuple[float, int]]


@dataclass(frozen=True)
class DeltaBound:
    """Lower bounds of δ, by which labelling g they hold for.

    All but ``class_label`` follow from Ky Fan's theorem: orthonormal indicator vectors of g's
    classes catch at most the largest eigenvalues.

    Attributes:
        class_label: φ/2 for g = the class label, φ the share of the weight between classes; an
            exact ``Fraction`` for an exact graph. The smallest δ that this g allows.
        node_balanced: for every g whose classes have as many nodes as the true ones (from A).
        weight_balanced: for every g whose classes have the true ones' weight (from Ā).
        any_labelling: for every g at all, the natural samples' labels being balanced as the
            classes are. A g with error δ has class weights within δ of theirs (in total
            variation), which costs the spectral bound at most δ (1 − λ_C).
        every_size: ``class_label`` at the smallest over all n and n_d with these classes, α and β,
            rβ/(2(1 + rβ)); None for a ``CellGraph``.
        smallest_eigenvalue: λ_N of Ā, the best λ_{k+1} that a choice of k can give.
    """

    class_label: Any
    node_balanced: float
    weight_balanced: float
    any_labelling: float
    every_size: Any
    smallest_eigenvalue: float

    @property
    def value(self) -> Any:
        """The δ to use when the labels are the classes: ``class_label``."""
        return self.class_label

    @property
    def spectral(self) -> float:
        """Lower bound for all labellings that are balanced in nodes or in weight."""
        return min(self.node_balanced, self.weight_balanced)

    @property
    def best_bound(self) -> Bound:
        """The smallest error bound over all k, at the class labels' δ."""
        return bound_of(self.smallest_eigenvalue, self.class_label)

    @property
    def best_bound_balanced(self) -> Bound:
        """The smallest error bound over all k that a balanced labelling could have."""
        return bound_of(self.smallest_eigenvalue, self.spectral)

    @property
    def can_be_nonvacuous(self) -> bool:
        """Whether for some k the error bound is below 1, the labels being the classes."""
        return not self.best_bound.is_vacuous

    @property
    def can_be_nonvacuous_balanced(self) -> bool:
        """Whether for some k and some balanced labelling the error bound might be below 1."""
        return not self.best_bound_balanced.is_vacuous

    @property
    def vacuous_at_every_size(self) -> bool:
        """Whether no n, n_d, γ, k and no pairing gives a bound below 1 with these classes, α, β.

        Positive semidefinite graphs have λ ≥ 0, so that the bound is at least 12δ.
        """
        return self.every_size is not None and bool(12 * self.every_size >= 1)

    def table(self) -> Table:
        """Each δ with the smallest error bound, over all k, that it leaves."""
        from dctheory._table import Table

        rows = [
            ("the classes", self.class_label),
            ("balanced in nodes", self.node_balanced),
            ("balanced in weight", self.weight_balanced),
            ("any", self.any_labelling),
        ]
        cells = [
            (name, float(delta), float(bound_of(self.smallest_eigenvalue, delta)))
            for name, delta in rows
        ]
        columns = ("labelling g", "δ at least", "error bound at least")
        return Table(columns, cells, "Smallest labelling error δ", notes=self._notes())

    def _notes(self) -> list[str]:
        verdict = "can be" if self.can_be_nonvacuous else "is not"
        notes = [
            "error bound 4δ/(1 − λ) + 8δ at the smallest λ of all k, "
            f"λ_N = {self.smallest_eigenvalue:.4g}; with the class labels it {verdict} below 1 "
            + ("for some k" if self.can_be_nonvacuous else "for any k")
        ]
        if self.vacuous_at_every_size:
            notes.append(
                f"at any n, n_d and γ the class labels' δ is {float(self.every_size):.4g} or more, "
                "so no positive semidefinite graph with these classes, α and β has a bound below 1"
            )
        return notes

    def __str__(self) -> str:
        return self.table().to_text()

    def _repr_html_(self) -> str:
        return self.table().to_html()


def smallest_delta(graph: SimilarityGraph | CellGraph) -> DeltaBound:
    """The smallest δ of Assumption 3.1 that the graph's weights allow, at a cost free of N.

    Raises TypeError for anything but a ``SimilarityGraph`` or a ``CellGraph``.
    """
    if isinstance(graph, SimilarityGraph):
        label = _class_label(graph) / 2
        count, weight = graph.classes, graph.total_weight
        nodes, volumes = [(float(graph.n), count)], [(1 / count, count)]
        raw = _raw_spectrum(graph)
        cross = graph.r * graph.beta
        every_size: Any = cross / (2 * (1 + cross))
    elif isinstance(graph, CellGraph):
        label = _cell_class_label(graph) / 2
        count, weight = len(set(graph.classes)), graph.total_weight
        sizes = np.array([float(size) for size in graph.sizes])
        nodes = _by_class(graph, sizes)
        volumes = _by_class(graph, sizes * graph.cell_degrees / weight)
        raw, every_size = _raw_cell_spectrum(graph), None
    else:
        raise TypeError(
            f"graph must be a SimilarityGraph or a CellGraph, got {type(graph).__name__}"
        )
    spectrum = graph.spectrum()
    caught = _paired_sum(volumes, _largest(spectrum, count))
    last = spectrum.eigenvalue(count)
    return DeltaBound(
        class_label=label,
        node_balanced=_half(1 - _paired_sum(nodes, _largest(raw, count)) / float(weight)),
        weight_balanced=_half(1 - caught),
        any_labelling=2 * _half(1 - caught) / (3 - last),
        every_size=every_size,
        smallest_eigenvalue=float(spectrum.values[-1]),
    )


def _half(share: float) -> float:
    return max(0.0, share / 2)


def _class_label(graph: SimilarityGraph) -> Any:
    """φ, the share of the weight between classes: exact, or rounded once from integers."""
    _, gaps = graph._gaps
    (easy, difficult), *_ = _integer_forms(graph.pairing)(*gaps)
    total = graph.n_e * easy + graph.n_d * difficult
    u, beta, g, h = gaps[:4]
    within = graph.n * (u + graph.n * (beta + g + h))
    return graph._exact_or_float(total - within, total)


def _cell_class_label(graph: CellGraph) -> float:
    sizes = np.array([float(size) for size in graph.sizes])
    classes = np.array(graph.classes)
    apart = np.not_equal.outer(classes, classes)
    # Scaled to shares first: products of sizes could overflow.
    share = sizes / sizes.sum()
    between = share @ (graph.similarity * apart) @ share
    return float(between / (share @ (graph.cell_degrees / sizes.sum())))


def _by_class(graph: CellGraph, amounts: Any) -> list[tuple[float, int]]:
    """Sums of the cells' amounts over each class, in descending order."""
    _, index = np.unique(np.array(graph.classes), return_inverse=True)
    return [(float(total), 1) for total in sorted(np.bincount(index, amounts), reverse=True)]


def _raw_spectrum(graph: SimilarityGraph) -> Spectrum:
    """Eigenvalues of A itself: the pencils of :mod:`dctheory.formulas` with degrees of 1."""
    q, gaps = graph._gaps
    _, trivial, contrast, bulk = _integer_forms(graph.pairing)(*gaps)
    modes = []
    for (ee, _, dd, det), copies in ((trivial, 1), (contrast, graph.r)):
        if graph.n_e and graph.n_d:
            values: Iterable[float] = quadratic_roots(q * q, q * (ee + dd), det)
        else:
            values = [ratio(dd if graph.n_d else ee, q)]
        modes += [Mode("sector", "sector", value, copies) for value in values]
    modes += [Mode(name, "bulk", ratio(value, q), count) for name, value, _, count in bulk]
    return Spectrum.from_modes(modes)


def _raw_cell_spectrum(graph: CellGraph) -> Spectrum:
    roots = np.sqrt(np.array([float(size) for size in graph.sizes]))
    excess = graph.self_similarity - graph.similarity.diagonal()
    values = np.linalg.eigvalsh(roots[:, None] * graph.similarity * roots + np.diag(excess))
    modes = [Mode("sector", "sector", float(value), 1) for value in values]
    pairs = zip(excess, graph.sizes, strict=True)
    modes += [Mode("bulk", "bulk", float(value), size - 1) for value, size in pairs]
    return Spectrum.from_modes(modes)


def _largest(spectrum: Spectrum, count: int) -> list[tuple[float, int]]:
    """The ``count`` largest eigenvalues, as steps."""
    steps = []
    for value, size in zip(spectrum.values, spectrum.multiplicities, strict=True):
        steps.append((float(value), min(size, count)))
        count -= steps[-1][1]
        if count == 0:
            break
    return steps


def _paired_sum(first: Steps, second: Steps) -> float:
    """Σ_i a_i b_i of two sequences of equal length, given as steps."""
    left, right = list(first), list(second)
    terms = []
    while left and right:
        (a, m), (b, n) = left.pop(0), right.pop(0)
        common = min(m, n)
        terms.append(a * b * common)
        if m > common:
            left.insert(0, (a, m - common))
        if n > common:
            right.insert(0, (b, n - common))
    return math.fsum(terms)
