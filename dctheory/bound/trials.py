"""One trial of a linear probe: features of an edited graph, what they are trained and tested on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dctheory._validation import check_memory
from dctheory.bound.edits import remove_difficult, without_difficult
from dctheory.bound.features import (
    DENSE_LIMIT,
    Features,
    MixedCutError,
    cell_features,
    cell_sizes,
    dense_features,
    leading_eigenpairs,
    node_features,
    nystrom,
)
from dctheory.bound.settings import MARGIN, REMOVAL, TEMPERATURE, WITH, WITHOUT
from dctheory.graph.noise import sample_noisy
from dctheory.graph.similarity import SimilarityGraph

Array = NDArray[np.float64]

SETTINGS = (WITHOUT, WITH, REMOVAL, MARGIN, TEMPERATURE)
ALL_NODES, KEPT_NODES = "all", "kept"


@dataclass(frozen=True)
class Rows:
    """Feature rows (nodes or cells) with labels and weights."""

    features: Array
    labels: NDArray[np.int64]
    weights: Array


@dataclass(frozen=True)
class Trial:
    """What a head is fitted on, and tested on by set of nodes ("all", "kept")."""

    train: Rows
    tests: dict[str, Rows]
    eigenvalue: float
    cut: bool = False


def edited(graph: SimilarityGraph, setting: str) -> SimilarityGraph:
    """The graph whose normalised adjacency the setting leads to, without noise.

    Margin and temperature turn Ā into the clean Ā exactly. Raises ValueError where the setting
    does not exist.
    """
    if setting == REMOVAL:
        return remove_difficult(graph)
    if setting == TEMPERATURE and graph.beta == 0 < graph.gamma and graph.n_d:
        raise ValueError("β = 0 < γ: no temperature turns γ into 0")
    if setting == WITH and graph.gamma != graph.beta:
        return graph
    return without_difficult(graph)


def data(graph: SimilarityGraph, setting: str) -> SimilarityGraph:
    """The graph whose δ counts: an edit of the loss leaves the data as they are."""
    return graph if setting in (MARGIN, TEMPERATURE) else edited(graph, setting)


def clean_trial(
    graph: SimilarityGraph, setting: str, k: int, uniform: bool, rng: np.random.Generator | None
) -> Trial:
    """The trial without noise: on cells, at any N; on nodes where k cuts class modes and bulk."""
    base = edited(graph, setting)
    eigenvalue = base.spectrum().eigenvalue(k + 1)
    try:
        features, on_cells = cell_features(base, k, rng), True
    except MixedCutError as error:
        if base.num_nodes > DENSE_LIMIT:
            raise ValueError(
                f"{error}; that needs at most {DENSE_LIMIT} nodes, got {base.num_nodes}: "
                "choose a smaller graph or another k"
            ) from error
        features, on_cells = dense_features(base, k, rng), False
    train = _rows(base, features.values, on_cells, uniform)
    tests = {ALL_NODES: train}
    if setting in (MARGIN, TEMPERATURE) and not (on_cells or uniform):
        # On cells nothing is to do: all classes weigh the same in the unedited graph too.
        tests = {ALL_NODES: Rows(train.features, train.labels, graph.degrees)}
    if setting == REMOVAL:
        tests = {KEPT_NODES: train, ALL_NODES: _extended(graph, features, train, on_cells, uniform)}
    return Trial(train, tests, eigenvalue, features.cut)


def _rows(graph: SimilarityGraph, values: Array, on_cells: bool, uniform: bool) -> Rows:
    if not on_cells:
        return Rows(values, graph.labels, np.ones(len(values)) if uniform else graph.degrees)
    sizes, degrees = cell_sizes(graph)
    labels = np.repeat(np.arange(graph.classes), len(sizes) // graph.classes)
    return Rows(values, labels, sizes if uniform else sizes * degrees)


def _extended(
    graph: SimilarityGraph, features: Features, kept: Rows, on_cells: bool, uniform: bool
) -> Rows:
    """Kept rows and, by the Nyström extension, those of the removed nodes."""
    if graph.n_d == 0:
        return kept
    if on_cells:
        cross = graph.gamma if graph.pairing == "either" else graph.beta
        weights = np.full((graph.classes, graph.classes), float(cross))
        np.fill_diagonal(weights, float(graph.alpha))
        sizes, degrees = cell_sizes(graph)
        importance = (sizes if uniform else sizes * degrees).reshape(graph.classes, 2)
        hard, easy = importance[:, 0], importance[:, 1]
        labels = kept.labels
    else:
        removed = graph.is_difficult
        weights = graph.adjacency()[np.ix_(removed, ~removed)]
        importance = np.ones(graph.num_nodes) if uniform else graph.degrees
        hard, easy, labels = importance[removed], importance[~removed], graph.labels[removed]
    return Rows(
        np.concatenate([kept.features, nystrom(features, weights)]),
        np.concatenate([kept.labels, labels]),
        np.concatenate([easy, hard]),
    )


@dataclass(frozen=True)
class Split:
    """The nodes that the head is fitted on, and those that it is tested on."""

    train: NDArray[np.bool_]
    test: NDArray[np.bool_]


@dataclass(frozen=True)
class NoisyGraph:
    """A graph and what its noisy trials share."""

    graph: SimilarityGraph
    epsilon: float
    uniform: bool

    def __post_init__(self) -> None:
        nodes = self.graph.num_nodes
        check_memory(f"a noisy probe of {nodes} nodes", 100 * nodes**2)

    @cached_property
    def _weights(self) -> Array:
        return self.graph.adjacency()

    @cached_property
    def _clean_weights(self) -> Array:
        return without_difficult(self.graph).adjacency()

    @cached_property
    def _clean(self) -> Array:
        return without_difficult(self.graph).normalized_adjacency()

    @cached_property
    def _unedited(self) -> Array:
        return self.graph.normalized_adjacency()

    def noise(self, rng: np.random.Generator) -> Array:
        """ε E: added to every setting of a sample, so that settings are paired."""
        return sample_noisy(np.zeros((self.graph.num_nodes,) * 2), self.epsilon, rng)

    def trial(
        self, setting: str, k: int, noise: Array, split: Split, rng: np.random.Generator
    ) -> Trial:
        """The setting under this noise; edits are those of the graph without noise."""
        if setting == REMOVAL:
            return self._removal(k, noise, split, rng)
        weights = (self._clean_weights if setting == WITHOUT else self._weights) + noise
        degrees = self._degrees(weights)
        matrix = weights / np.sqrt(np.outer(degrees, degrees))
        train_degrees = degrees
        if setting == MARGIN:
            matrix -= self._unedited - self._clean
        elif setting == TEMPERATURE:
            matrix *= np.divide(
                self._clean, self._unedited, out=np.ones_like(matrix), where=self._unedited > 0
            )
        if setting in (MARGIN, TEMPERATURE):
            # The matrix imitates the clean graph, all of whose degrees are equal.
            train_degrees = np.ones_like(degrees)
        values, vectors = leading_eigenpairs(matrix, k + 1, rng)
        features = node_features(vectors[:, :k], values[:k], train_degrees).values
        train = self._weighted(features, train_degrees, split.train)
        tests = {ALL_NODES: self._weighted(features, degrees, split.test)}
        return Trial(train, tests, float(values[k]))

    def _removal(self, k: int, noise: Array, split: Split, rng: np.random.Generator) -> Trial:
        weights, removed = self._weights + noise, self.graph.is_difficult
        kept = ~removed
        inner = weights[np.ix_(kept, kept)]
        degrees = self._degrees(inner)
        values, vectors = leading_eigenpairs(
            inner / np.sqrt(np.outer(degrees, degrees)), k + 1, rng
        )
        found = node_features(vectors[:, :k], values[:k], degrees)
        features, own = np.zeros((len(weights), k)), np.ones(len(weights))
        features[kept], own[kept] = found.values, degrees
        if removed.any():
            outer = weights[np.ix_(removed, kept)]
            self._degrees(outer)
            features[removed] = nystrom(found, outer)
        every = self._weighted(features, self._degrees(weights), split.test)
        return Trial(
            self._weighted(features, own, split.train & kept),
            {KEPT_NODES: self._weighted(features, own, split.test & kept), ALL_NODES: every},
            float(values[k]),
        )

    def _weighted(self, features: Array, degrees: Array, chosen: NDArray[np.bool_]) -> Rows:
        weights = np.ones_like(degrees) if self.uniform else degrees
        return Rows(features[chosen], self.graph.labels[chosen], weights[chosen])

    def _degrees(self, weights: Array) -> Array:
        sums: Array = weights.sum(axis=1)
        if not (sums > 0).all():
            raise ValueError(
                f"epsilon = {self.epsilon} makes a row sum of the noisy matrix {sums.min():.3g}, "
                "so it cannot be normalised; choose a smaller epsilon or more nodes"
            )
        return sums


def splitter(graph: SimilarityGraph, held_out: bool) -> Callable[[np.random.Generator], Split]:
    """Draws a split: all nodes for both, or a random half of each cell held out.

    Raises ValueError for a held-out half of a cell (kind and class) with fewer than two nodes.
    """
    everything = np.ones(graph.num_nodes, dtype=bool)
    if not held_out:
        return lambda rng: Split(everything, everything)
    if 1 in (graph.n_e, graph.n_d):
        raise ValueError(
            "held_out halves the easy and the difficult samples of each class, got "
            f"{graph.n_e} and {graph.n_d}; choose 0 or at least 2 of each, or held_out=False"
        )

    def draw(rng: np.random.Generator) -> Split:
        halves = []
        for size in (graph.n_d, graph.n_e):
            order = rng.random((graph.classes, size)).argsort(axis=1)
            halves.append(order < (size + 1) // 2)
        train = np.concatenate(halves, axis=1).ravel()
        return Split(train, ~train)

    return draw
