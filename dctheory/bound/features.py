"""Features of the spectral loss's minimiser on a similarity graph: eigenvectors over √degree.

With F the (N, k) leading eigenvectors of Ā, f(x) = F_x √W/√d_x: rows whose second moment under the
weights d_x/W is the identity. Without noise the graph's symmetry reduces them to *cells* (the easy
and the difficult nodes of each class): bulk eigenvectors sum to zero on every cell, so that they
are orthogonal to every function of class and kind and leave a fitted linear head unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dctheory._validation import check_memory
from dctheory.graph.similarity import SimilarityGraph, _integer_forms

if TYPE_CHECKING:
    from dctheory.graph.spectrum import Mode, Spectrum

Array = NDArray[np.float64]

# Matrices of at most this many nodes are handed to a dense eigensolver.
DENSE_LIMIT = 2000
# Eigenvalues smaller than this are not divided by in the Nyström extension.
_NEGLIGIBLE = 1e-12


@dataclass(frozen=True)
class Features:
    """Feature rows and what is needed to extend them.

    Attributes:
        values: (m, k') features; a row stands for a node, or for a cell.
        eigenvalues: (k',) eigenvalue of each feature.
        cut: whether k cuts an eigenspace that matters, so that a random basis of it was drawn.
    """

    values: Array
    eigenvalues: Array
    cut: bool = False


class MixedCutError(ValueError):
    """k cuts an eigenspace that class modes share with the bulk."""


def leading_eigenpairs(matrix: Array, count: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """The ``count`` largest eigenvalues, descending, with eigenvectors as columns."""
    size = len(matrix)
    if size <= DENSE_LIMIT or count >= size - 1:
        values, vectors = np.linalg.eigh(matrix)
        values, vectors = values[size - count :], vectors[:, size - count :]
    else:
        from scipy.sparse.linalg import eigsh

        start = rng.standard_normal(size)
        values, vectors = eigsh(
            matrix, k=count, which="LA", v0=start, ncv=min(size, 4 * count + 20)
        )
    order = np.argsort(-values, kind="stable")
    return values[order], vectors[:, order]


def node_features(vectors: Array, values: Array, degrees: Array) -> Features:
    """Features of nodes from eigenvectors (N, k) of Ā and degrees (N,)."""
    return Features(vectors * np.sqrt(degrees.sum() / degrees)[:, None], values)


def nystrom(features: Features, weights: Array) -> Array:
    """(m, k) features of new nodes from their (m, N) weights to the nodes that have some.

    f(x) = Σ_x' w_xx' f(x') / (λ Σ_x' w_xx'), which holds for the eigenvectors' own nodes;
    features with a negligible λ are 0 there.
    """
    small = np.abs(features.eigenvalues) < _NEGLIGIBLE
    factor = np.where(small, 0.0, 1 / np.where(small, 1.0, features.eigenvalues))
    averages = weights / weights.sum(axis=1, keepdims=True)
    extended: Array = (averages @ features.values) * factor
    return extended


def cell_features(graph: SimilarityGraph, k: int, rng: np.random.Generator | None) -> Features:
    """Features of the graph's cells in the order of :func:`cell_sizes`, exact unless k cuts them.

    With γ = β all nodes are alike and count as easy: pass ``without_difficult(graph)`` then.

    Raises:
        MixedCutError: k cuts an eigenspace in which class modes and bulk modes are equal.
        ValueError: k cuts class modes and there is no ``rng``.
    """
    columns, eigenvalues, left, cut = [], [], k, False
    for value, modes in _eigenspaces(graph.spectrum()):
        size = sum(mode.multiplicity for mode in modes)
        inside = [mode for mode in modes if mode.sector != "bulk"]
        if left <= 0:
            break
        if inside:
            basis = np.concatenate([_cell_basis(graph, mode) for mode in inside], axis=1)
            if left < size:
                if basis.shape[1] < size:
                    raise MixedCutError(
                        f"k = {k} cuts the eigenspace of λ = {value:.6g}, in which modes of the "
                        "class and of the bulk are equal, so the basis inside decides the error"
                    )
                basis, cut = basis @ _random_basis(size, left, rng), True
            columns.append(basis)
            eigenvalues += [value] * basis.shape[1]
        left -= size
    sizes, degrees = cell_sizes(graph)
    weights = sizes * degrees
    scaled = np.concatenate(columns, axis=1) * np.sqrt(weights.sum() / weights)[:, None]
    return Features(scaled, np.array(eigenvalues), cut)


def cell_sizes(graph: SimilarityGraph) -> tuple[Array, Array]:
    """Nodes and degree of each cell: class-major, in a class the difficult cell first."""
    kinds = [(graph.n_d, graph.degree_difficult), (graph.n_e, graph.degree_easy)]
    sizes, degrees = zip(*((float(n), float(d)) for n, d in kinds if n), strict=True)
    return np.tile(sizes, graph.classes), np.tile(degrees, graph.classes)


def _eigenspaces(spectrum: Spectrum) -> list[tuple[float, list[Mode]]]:
    """Modes of each merged eigenvalue, descending."""
    modes, found = list(spectrum.modes), []
    for value, size in zip(spectrum.values, spectrum.multiplicities, strict=True):
        group: list[Mode] = []
        while sum(mode.multiplicity for mode in group) < size:
            group.append(modes.pop(0))
        found.append((float(value), group))
    return found


def _cell_basis(graph: SimilarityGraph, mode: Mode) -> Array:
    """Orthonormal vectors of one mode in the space of functions that are constant on cells."""
    from dctheory import formulas

    kinds = 1 if 0 in (graph.n_e, graph.n_d) else 2
    check_memory(f"features of {graph.classes} classes", 32 * kinds * graph.classes**2)
    position = 1 if mode.name in (formulas.SPURIOUS, formulas.CLASS_SPURIOUS) else 0
    within = _sector_vectors(graph, mode.sector)[:, [position]]
    basis = np.kron(_class_basis(graph.classes, mode.sector), within)
    return np.asarray(basis, dtype=np.float64)


def _class_basis(classes: int, sector: str) -> Array:
    """(C, 1) constant vector, or (C, r) orthonormal vectors that sum to zero (Helmert)."""
    if sector == "trivial":
        return np.full((classes, 1), 1 / np.sqrt(classes))
    rows = np.arange(1, classes)
    basis = np.triu(np.ones((classes, classes - 1)))
    basis[rows, rows - 1] = -rows
    normalised: Array = basis / np.sqrt(rows * (rows + 1.0))
    return normalised


def _sector_vectors(graph: SimilarityGraph, sector: str) -> Array:
    """Unit eigenvectors of the sector's pencil on the kinds that exist, difficult first."""
    if 0 in (graph.n_e, graph.n_d):
        return np.ones((1, 1))
    _, gaps = graph._gaps
    (easy, difficult), _, (ee, ed_squared, dd, _), _ = _integer_forms(graph.pairing)(*gaps)
    if sector == "trivial":
        # The eigenvalue 1 has the vector √(n_κ d_κ), which rounding must not turn.
        share = graph.n_d * difficult / (graph.n_d * difficult + graph.n_e * easy)
        hard, rest = np.sqrt(share), np.sqrt(1 - share)
        return np.array([[hard, -rest], [rest, hard]], dtype=np.float64)
    mixed = np.sqrt(ed_squared / (easy * difficult))
    matrix = np.array([[dd / difficult, mixed], [mixed, ee / easy]])
    vectors: Array = np.linalg.eigh(matrix)[1][:, ::-1]
    return vectors


def _random_basis(size: int, count: int, rng: np.random.Generator | None) -> Array:
    """(size, count) orthonormal basis of a random subspace, uniformly distributed."""
    if rng is None:
        raise ValueError(
            "k cuts an eigenspace, so the error is averaged over random bases; "
            "pass rng=numpy.random.default_rng(seed)"
        )
    basis: Array = np.linalg.qr(rng.standard_normal((size, count)))[0]
    return basis


def dense_features(graph: SimilarityGraph, k: int, rng: np.random.Generator | None) -> Features:
    """Features of all nodes without noise, the eigenspace that k cuts turned at random."""
    values, vectors = np.linalg.eigh(graph.normalized_adjacency())
    values, vectors = values[::-1], vectors[:, ::-1]
    start = 0
    for size in graph.spectrum().multiplicities:
        if start + size > k:
            break
        start += size
    chosen: Any = vectors[:, :k]
    if start < k:
        space = vectors[:, start : start + size]
        chosen = np.concatenate(
            [vectors[:, :start], space @ _random_basis(size, k - start, rng)], axis=1
        )
    found = node_features(chosen, values[:k], graph.degrees)
    return Features(found.values, found.eigenvalues, start < k)
