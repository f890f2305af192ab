"""A graph of cells: groups of interchangeable nodes, one similarity for each pair of groups."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dctheory._validation import check_memory
from dctheory.graph._cell_checks import (
    check_classes,
    check_entries,
    check_names,
    check_similarity,
    check_sizes,
)
from dctheory.graph.quotient import pencil_eigh
from dctheory.graph.spectrum import Mode, Spectrum

if TYPE_CHECKING:
    from scipy.sparse.linalg import LinearOperator

    from dctheory.graph.noise import NoisePrediction
    from dctheory.graph.similarity import SimilarityGraph

Array = NDArray[np.float64]

# Rounding of the degrees and of the quotient's eigenvalues, with a margin of ten and more.
_RELATIVE_MERGE = 1e-13
_ABSOLUTE_MERGE = 1e-22

# Name and sector of a mode that is constant on cells.
_CLASS = ("class", "class")
_WITHIN = ("between cells of a class", "within-class")


@dataclass(frozen=True, init=False, eq=False, repr=False)
class CellGraph:
    """Similarities that depend only on the cells of the two samples.

    Two distinct nodes of cells i and j have the similarity s_ij, also within a cell; a node of
    cell i has σ_i with itself. Nodes are ordered by cell. Unequal classes, long tails and a γ for
    each class pair are cell graphs, and so is the paper's graph (Section 3.2) under the readings
    ``both`` and ``either``: see :meth:`from_similarity`.

    Args:
        sizes: nodes m_i of each of the c cells, integers ≥ 1 of any size up to 10^100 in all.
        similarity: (c, c) symmetric, entries in [0, 1].
        self_similarity: σ, one number or one for each cell, in [0, 1].
        names: distinct strings, one for each cell; by default ``"cell 0"`` …
        classes: class index (integer ≥ 0) of each cell; by default each cell is a class.

    Raises:
        TypeError: a value of the wrong kind.
        ValueError: another shape, an asymmetric matrix, an entry out of range, a cell without
            any similarity (its degree would be 0).
    """

    sizes: tuple[int, ...]
    similarity: Array
    self_similarity: Array
    names: tuple[str, ...]
    classes: tuple[int, ...]

    def __init__(
        self,
        sizes: Iterable[int],
        similarity: ArrayLike,
        self_similarity: ArrayLike = 1.0,
        names: Sequence[str] | None = None,
        classes: Iterable[int] | None = None,
    ) -> None:
        checked_sizes = check_sizes(sizes)
        count = len(checked_sizes)
        own = check_entries("self_similarity", self_similarity)
        if own.ndim > 1 or (own.ndim == 1 and len(own) != count):
            raise ValueError(
                f"self_similarity must be one number or {count} (one for each cell), "
                f"got an array of shape {own.shape}"
            )
        fields: dict[str, Any] = {
            "sizes": checked_sizes,
            "similarity": _read_only(check_similarity(similarity, count)),
            "self_similarity": _read_only(np.broadcast_to(own, (count,)).copy()),
            "names": check_names(names, count),
            "classes": check_classes(classes, count),
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)
        empty = np.flatnonzero(self.cell_degrees <= 0)
        if len(empty):
            raise ValueError(
                f"cell {empty[0]} ({fields['names'][empty[0]]!r}) has degree 0: all of its "
                "similarities are 0; leave it out or give it a positive self_similarity"
            )

    @classmethod
    def from_similarity(cls, graph: SimilarityGraph) -> CellGraph:
        """The paper's graph as cells: difficult and easy ones of each class, empty ones left out.

        Nodes keep their order, so ``adjacency()`` is the same matrix. Exact parameters are rounded
        to float64. Raises ValueError for ``matched``: there a difficult node has γ with single
        nodes of another class, so the similarity is not constant on pairs of cells.
        """
        if graph.pairing == "matched":
            raise ValueError(
                "pairing 'matched' is no cell graph: a difficult node has similarity γ with one "
                "node of each other class and β with the rest, so similarities are not constant on "
                "pairs of cells; use the SimilarityGraph itself, or pairing 'both' or 'either'"
            )
        kinds = [(True, graph.n_d), (False, graph.n_e)]
        cells = [
            (index, hard, size) for index in range(graph.classes) for hard, size in kinds if size
        ]
        classes = np.array([index for index, _, _ in cells])
        hard = np.array([is_hard for _, is_hard, _ in cells])
        pairs = np.logical_and if graph.pairing == "both" else np.logical_or
        cross = np.where(pairs.outer(hard, hard), float(graph.gamma), float(graph.beta))
        same = np.equal.outer(classes, classes)
        return cls(
            [size for _, _, size in cells],
            np.where(same, float(graph.alpha), cross),
            names=[cell_name(index, is_hard) for index, is_hard, _ in cells],
            classes=classes.tolist(),
        )

    # --- Sizes and weights

    @property
    def num_cells(self) -> int:
        """Number of cells c."""
        return len(self.sizes)

    @cached_property
    def num_nodes(self) -> int:
        """N = Σ m_i, an exact int."""
        return sum(self.sizes)

    @cached_property
    def cell_degrees(self) -> Array:
        """(c,) row sum of A at a node of each cell: σ_i + (m_i − 1) s_ii + Σ_{j≠i} m_j s_ij."""
        terms = self.similarity * _as_floats(self.sizes)
        others = _as_floats(size - 1 for size in self.sizes)
        np.fill_diagonal(terms, self.self_similarity + others * self.similarity.diagonal())
        return _read_only(terms.sum(axis=1))

    @cached_property
    def total_weight(self) -> float:
        """W = Σ w_xx' over ordered pairs of nodes, a node with itself included."""
        return float((_as_floats(self.sizes) * self.cell_degrees).sum())

    @property
    def labels(self) -> NDArray[np.int64]:
        """(N,) class of each node."""
        return np.asarray(self._per_node("labels", np.array(self.classes)), dtype=np.int64)

    @property
    def degrees(self) -> Array:
        """(N,) row sums of A."""
        return self._per_node("degrees", self.cell_degrees)

    def _per_node(self, what: str, cell_values: NDArray[Any]) -> NDArray[Any]:
        check_memory(f"{what} of {self.num_nodes} nodes", 8 * self.num_nodes)
        return np.repeat(cell_values, self.sizes, axis=0)

    # --- Matrices

    def adjacency(self) -> Array:
        """(N, N) float64 matrix A of similarities; refused with its size if it would not fit."""
        check_memory(f"adjacency() of {self.num_nodes} nodes", 16 * self.num_nodes**2)
        rows = np.repeat(self.similarity, self.sizes, axis=0)
        matrix = np.repeat(rows, self.sizes, axis=1)
        np.fill_diagonal(matrix, np.repeat(self.self_similarity, self.sizes))
        return matrix

    def normalized_adjacency(self) -> Array:
        """(N, N) float64 matrix Ā = D^(−1/2) A D^(−1/2)."""
        matrix = self.adjacency()
        root = 1 / np.sqrt(self.degrees)
        matrix *= root[:, None]
        matrix *= root
        return matrix

    def linear_operator(self) -> LinearOperator:
        """Ā as a scipy ``LinearOperator``: a product in O(N + c²) time through sums over cells."""
        from scipy.sparse.linalg import LinearOperator

        check_memory(f"linear_operator() of {self.num_nodes} nodes", 32 * self.num_nodes)
        root = 1 / np.sqrt(self.degrees)[:, None]
        excess = self._per_node("linear_operator()", self._excess)[:, None]
        starts = np.cumsum([0, *self.sizes[:-1]])

        def product(nodes: NDArray[Any]) -> NDArray[Any]:
            scaled = root * np.asarray(nodes).reshape(self.num_nodes, -1)
            sums = np.add.reduceat(scaled, starts, axis=0)
            image = np.repeat(self.similarity @ sums, self.sizes, axis=0)
            image += excess * scaled
            return (root * image).reshape(np.shape(nodes))

        return LinearOperator(
            (self.num_nodes, self.num_nodes),
            matvec=product,
            rmatvec=product,
            matmat=product,
            rmatmat=product,
            dtype=np.float64,
        )

    @property
    def _excess(self) -> Array:
        """(c,) σ_i − s_ii, what a node has with itself beyond what it has with its cell."""
        return self.self_similarity - self.similarity.diagonal()

    # --- Spectrum

    def spectrum(self) -> Spectrum:
        """Spectrum of Ā through the quotient by the cells, at a cost that does not depend on N.

        Vectors that sum to zero on every cell have the eigenvalue (σ_i − s_ii)/d_i, m_i − 1 times
        for cell i; vectors that are constant on cells have those of the (c, c) quotient
        Q_ij = √(m_i m_j / (d_i d_j)) s_ij + δ_ij (σ_i − s_ii)/d_i. Every eigenvalue is accurate to
        some roundings plus about 1e-23; values within 1e-13 (relative) plus 1e-22 become one.

        Modes of the quotient are in the sector ``"class"`` where at least half of the squared
        eigenvector is explained by the class alone, else in ``"within-class"``; the largest is
        ``"trivial"`` (eigenvalue 1).
        """
        return self._spectrum

    @cached_property
    def _spectrum(self) -> Spectrum:
        modes = self._quotient_modes()
        bulk = self._excess / self.cell_degrees
        for name, value, size in zip(self.names, bulk, self.sizes, strict=True):
            modes.append(Mode(f"bulk, {name}", "bulk", float(value), size - 1))
        return Spectrum.from_modes(modes, _RELATIVE_MERGE, _ABSOLUTE_MERGE)

    def _quotient_modes(self) -> list[Mode]:
        sizes = _as_floats(self.sizes)
        scale = self.cell_degrees / sizes
        values, vectors = pencil_eigh(self.similarity, self._excess / sizes, scale)
        # No eigenvalue of Ā exceeds 1 (Perron), and 1 is one: of D^(1/2) 1.
        modes = [Mode("trivial", "trivial", 1.0, 1)]
        shares = self._class_shares(vectors)
        for value, share in zip(np.minimum(values, 1.0)[1:], shares[1:], strict=True):
            name, sector = _CLASS if share >= 0.5 else _WITHIN
            last = modes[-1]
            near = last.value - value <= _ABSOLUTE_MERGE + _RELATIVE_MERGE * abs(last.value)
            if near and last.name == name:
                modes[-1] = replace(last, multiplicity=last.multiplicity + 1)
            else:
                modes.append(Mode(name, sector, float(value), 1))
        return modes

    def _class_shares(self, vectors: Array) -> Array:
        """Share of each unit eigenvector of Q in the span of D^(1/2) times functions of class."""
        weight = _as_floats(self.sizes) * self.cell_degrees
        _, index = np.unique(np.array(self.classes), return_inverse=True)
        member = np.equal.outer(np.arange(index.max() + 1), index)
        basis = member * np.sqrt(weight / (member @ weight)[index])
        return np.sum((basis @ vectors) ** 2, axis=0)

    # --- Noise (the paper's relaxation)

    def noisy(
        self, epsilon: float, rng: np.random.Generator, law: Callable[..., Any] | None = None
    ) -> Array:
        """(N, N) sample of A + ε E: see :func:`dctheory.graph.noise.sample_noisy`."""
        from dctheory.graph.noise import sample_noisy

        return sample_noisy(self.adjacency(), epsilon, rng, law)

    def noise_prediction(self, epsilon: float) -> NoisePrediction:
        """Bulk, outliers, overlaps and thresholds of A + ε E, without sampling.

        See :func:`dctheory.graph.noise.predict_noise`.
        """
        from dctheory.graph.noise import cell_noise_model, predict_noise

        return predict_noise(cell_noise_model(self), epsilon)

    # --- Comparison and display

    def _key(self) -> tuple[Any, ...]:
        arrays = (self.similarity.tobytes(), self.self_similarity.tobytes())
        return (self.sizes, *arrays, self.names, self.classes)

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, CellGraph) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        count = len(set(self.classes))
        return f"<CellGraph: {self.num_cells} cells of {count} classes, {self.num_nodes} nodes>"


def cell_name(class_name: object, difficult: bool) -> str:
    """Name of the cell of a class's difficult or easy samples."""
    return f"class {class_name}, {'difficult' if difficult else 'easy'}"


def _as_floats(values: Iterable[int]) -> Array:
    return np.array([float(value) for value in values])


def _read_only(array: Array) -> Array:
    array.flags.writeable = False
    return array
