from __future__ import annotations

import dataclasses
import time
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.linalg import eigsh

from dctheory import CellGraph, SimilarityGraph

# Weyl: eigh on matrices of norm 1 and at most 25 rows.
EIGH_ERROR = 1e-13

TABLE_10 = {"alpha": 0.472, "beta": 0.191, "gamma": 0.209}


def random_graph(seed: int, max_cells: int = 5, max_size: int = 5) -> CellGraph:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, max_cells + 1))
    similarity = rng.random((count, count)) * (rng.random((count, count)) < 0.8)
    return CellGraph(
        rng.integers(1, max_size + 1, count).tolist(),
        np.maximum(similarity, similarity.T),
        rng.uniform(0.1, 1, count),
        classes=rng.integers(0, count, count).tolist(),
    )


def dense_eigenvalues(graph: CellGraph) -> np.ndarray:
    return np.linalg.eigvalsh(graph.normalized_adjacency())[::-1]


def expanded(graph: CellGraph) -> np.ndarray:
    spectrum = graph.spectrum()
    return np.repeat(spectrum.values, spectrum.multiplicities)


# --- Matrices


def test_adjacency_follows_its_definition() -> None:
    similarity = np.array([[0.5, 0.2, 0.0], [0.2, 0.7, 0.1], [0.0, 0.1, 0.9]])
    own = [1.0, 0.8, 0.6]
    graph = CellGraph([2, 1, 3], similarity, own, classes=[0, 0, 1])
    cell = [0, 0, 1, 2, 2, 2]
    for x in range(6):
        for y in range(6):
            expected = own[cell[x]] if x == y else similarity[cell[x], cell[y]]
            assert graph.adjacency()[x, y] == expected
    assert graph.num_nodes == 6
    assert graph.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert graph.labels.dtype == np.int64


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_degrees_weight_and_products_agree_with_the_matrix(seed: int) -> None:
    graph = random_graph(seed)
    matrix = graph.adjacency()
    assert np.array_equal(matrix, matrix.T)
    np.testing.assert_allclose(graph.degrees, matrix.sum(axis=1), rtol=1e-14)
    np.testing.assert_allclose(graph.total_weight, matrix.sum(), rtol=1e-14)
    root = np.sqrt(matrix.sum(axis=1))
    normalized = graph.normalized_adjacency()
    np.testing.assert_allclose(normalized, matrix / np.outer(root, root), rtol=1e-14)
    block = np.random.default_rng(seed).normal(size=(graph.num_nodes, 3))
    operator = graph.linear_operator()
    np.testing.assert_allclose(operator @ block, normalized @ block, atol=1e-13)
    np.testing.assert_allclose(operator @ block[:, 0], normalized @ block[:, 0], atol=1e-13)
    np.testing.assert_allclose(operator.H @ block, normalized @ block, atol=1e-13)


def test_linear_operator_serves_arpack() -> None:
    graph = CellGraph([300, 200, 100], [[0.5, 0.1, 0.1], [0.1, 0.6, 0.2], [0.1, 0.2, 0.7]])
    start = np.random.default_rng(0).normal(size=600)
    top = eigsh(graph.linear_operator(), k=3, which="LA", v0=start, return_eigenvectors=False)
    np.testing.assert_allclose(np.sort(top)[::-1], graph.spectrum().values[:3], atol=1e-12)


# --- Spectrum


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**6))
def test_spectrum_is_that_of_the_dense_matrix(seed: int) -> None:
    graph = random_graph(seed)
    np.testing.assert_allclose(expanded(graph), dense_eigenvalues(graph), atol=EIGH_ERROR)


@pytest.mark.parametrize(
    "graph",
    [
        CellGraph([1], [[0.3]]),
        CellGraph([7], [[0.3]]),
        CellGraph([1, 1, 1], [[0, 0.2, 0.3], [0.2, 0, 0.9], [0.3, 0.9, 0]]),
        CellGraph([4, 4], [[0.5, 0], [0, 0.5]]),
        CellGraph([4, 3], [[0.9, 0.2], [0.2, 0.9]], 0.1),
        CellGraph([3, 5], [[0, 1], [1, 0]], 0),
        CellGraph([500, 50, 5, 1], 0.2 + 0.4 * np.eye(4)),
    ],
    ids=["one node", "one cell", "cells of one", "disconnected", "self below", "bipartite", "tail"],
)
def test_spectrum_at_the_edges(graph: CellGraph) -> None:
    np.testing.assert_allclose(expanded(graph), dense_eigenvalues(graph), atol=EIGH_ERROR)
    assert sum(graph.spectrum().multiplicities) == graph.num_nodes
    assert graph.spectrum().values[0] == 1


def test_disconnected_parts_share_the_eigenvalue_one() -> None:
    assert CellGraph([4, 4], [[0.5, 0], [0, 0.5]]).spectrum().multiplicities[0] == 2


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.randoms(use_true_random=False))
def test_order_of_cells_does_not_matter(seed: int, random: object) -> None:
    graph = random_graph(seed)
    order = np.random.default_rng(seed).permutation(graph.num_cells)
    twin = CellGraph(
        [graph.sizes[i] for i in order],
        graph.similarity[np.ix_(order, order)],
        graph.self_similarity[order],
    )
    assert twin.spectrum().multiplicities == graph.spectrum().multiplicities
    np.testing.assert_allclose(twin.spectrum().values, graph.spectrum().values, atol=1e-15)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6))
def test_cutting_a_cell_in_two_changes_nothing(seed: int) -> None:
    graph = random_graph(seed)
    index = [0, *range(graph.num_cells)]
    own = graph.self_similarity[index]
    twin = CellGraph([3, *graph.sizes], graph.similarity[np.ix_(index, index)], own)
    whole = CellGraph(
        [graph.sizes[0] + 3, *graph.sizes[1:]], graph.similarity, graph.self_similarity
    )
    assert twin.spectrum().multiplicities == whole.spectrum().multiplicities
    np.testing.assert_allclose(twin.spectrum().values, whole.spectrum().values, atol=1e-15)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6))
def test_trace_identities(seed: int) -> None:
    graph = random_graph(seed, max_cells=8, max_size=10**6)
    spectrum, sizes = graph.spectrum(), np.array(graph.sizes, dtype=float)
    degrees, own = graph.cell_degrees, graph.self_similarity
    counts = np.array(spectrum.multiplicities, dtype=float)
    assert counts @ spectrum.values == pytest.approx((sizes * own / degrees).sum(), rel=1e-12)
    pairs = np.outer(sizes, sizes) - np.diag(sizes)
    squares = pairs * graph.similarity**2 / np.outer(degrees, degrees)
    frobenius = squares.sum() + (sizes * own**2 / degrees**2).sum()
    assert counts @ spectrum.values**2 == pytest.approx(frobenius, rel=1e-12)


def test_hundred_classes_of_two_cells_with_a_billion_nodes_are_fast() -> None:
    rng = np.random.default_rng(0)
    similarity = rng.random((200, 200))
    sizes = rng.integers(1, 10**7, 200).tolist()
    classes = [i // 2 for i in range(200)]
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        graph = CellGraph(sizes, (similarity + similarity.T) / 2, classes=classes)
        multiplicities = graph.spectrum().multiplicities
        seconds.append(time.perf_counter() - start)
    assert sum(multiplicities) == sum(sizes) == graph.num_nodes
    assert min(seconds) < 0.1


def test_node_counts_beyond_float64_stay_exact() -> None:
    spectrum = CellGraph([10**18 + 2, 3], [[0.5, 0.1], [0.1, 0.5]]).spectrum()
    assert sum(spectrum.multiplicities) == 10**18 + 5
    assert 10**18 + 1 in spectrum.multiplicities
    assert spectrum.eigenvalue(10**18 + 5) == spectrum.values[-1]


def test_sizes_of_any_digits_are_counted() -> None:
    graph = CellGraph([10**60 + 1, 3], [[0.5, 0.1], [0.1, 0.5]])
    assert sum(graph.spectrum().multiplicities) == graph.num_nodes == 10**60 + 4


def test_modes_tell_classes_from_cells_within_a_class() -> None:
    graph = CellGraph.from_similarity(
        SimilarityGraph(classes=4, per_class=100, difficult=8, **TABLE_10)
    )
    modes = graph.spectrum().modes
    assert (modes[0].name, modes[0].value, modes[0].multiplicity) == ("trivial", 1.0, 1)
    assert (modes[1].sector, modes[1].multiplicity) == ("class", 3)
    assert sum(m.multiplicity for m in modes if m.sector == "within-class") == 4
    assert sum(m.multiplicity for m in modes if m.sector == "bulk") == 400 - 8
    assert "bulk, class 2, difficult" in {m.name for m in modes}


# --- The paper's graph


@pytest.mark.parametrize("pairing", ["both", "either"])
@pytest.mark.parametrize("difficult", [0, 1, 2, 5])
@pytest.mark.parametrize(("classes", "gamma"), [(2, 0.3), (4, 0.45), (3, 0.2)])
def test_paper_graph_is_a_cell_graph(
    pairing: str, difficult: int, classes: int, gamma: float
) -> None:
    paper = SimilarityGraph(
        classes=classes,
        per_class=5,
        difficult=difficult,
        alpha=0.5,
        beta=0.2,
        gamma=gamma,
        pairing=pairing,
    )
    graph = CellGraph.from_similarity(paper)
    assert graph.num_cells == classes * (1 if difficult in (0, 5) else 2)
    assert np.array_equal(graph.adjacency(), paper.adjacency())
    assert np.array_equal(graph.labels, paper.labels)
    np.testing.assert_allclose(graph.degrees, paper.degrees, rtol=1e-14)
    assert graph.spectrum().multiplicities == paper.spectrum().multiplicities
    np.testing.assert_allclose(graph.spectrum().values, paper.spectrum().values, rtol=1e-12)


@pytest.mark.parametrize("pairing", ["both", "either"])
@pytest.mark.parametrize("gap", [1e-9, 1e-6, 0.018])
@pytest.mark.parametrize("per_class", [10**6, 10**11])
def test_tiny_eigenvalues_match_the_closed_form(pairing: str, gap: float, per_class: int) -> None:
    paper = SimilarityGraph(
        classes=10,
        per_class=per_class,
        difficult=per_class * 8 // 100,
        alpha=0.472,
        beta=0.191,
        gamma=0.191 + gap,
        pairing=pairing,
    )
    graph, exact = CellGraph.from_similarity(paper).spectrum(), paper.spectrum()
    assert graph.multiplicities == exact.multiplicities
    np.testing.assert_allclose(graph.values, exact.values, rtol=1e-12)


def test_matched_pairing_is_no_cell_graph() -> None:
    paper = SimilarityGraph(classes=3, per_class=4, difficult=2, pairing="matched", **TABLE_10)
    with pytest.raises(ValueError, match=r"'matched' is no cell graph"):
        CellGraph.from_similarity(paper)


def test_exact_parameters_are_rounded() -> None:
    paper = SimilarityGraph(
        classes=2,
        per_class=3,
        difficult=1,
        alpha=Fraction(1, 2),
        beta=Fraction(1, 10),
        gamma=Fraction(1, 5),
    )
    assert CellGraph.from_similarity(paper).similarity[0, 2] == 0.2


# --- Noise


def test_noise_is_that_of_the_same_matrix() -> None:
    paper = SimilarityGraph(classes=3, per_class=20, difficult=4, **TABLE_10)
    graph = CellGraph.from_similarity(paper)
    noisy, same = (each.noisy(0.1, np.random.default_rng(0)) for each in (graph, paper))
    assert np.array_equal(noisy, same)
    found, expected = (each.noise_prediction(0.1).normalized for each in (graph, paper))
    assert len(expected.detached) == 2
    assert [mode.multiplicity for mode in found.detached] == [1, 2]
    for mode, same_mode in zip(found.detached, expected.detached, strict=True):
        assert mode.position == pytest.approx(same_mode.position, rel=1e-9)
        assert mode.threshold == pytest.approx(same_mode.threshold, rel=1e-6)


# --- Values and bad input


def test_graph_is_immutable_and_compares_by_value() -> None:
    graph = CellGraph([2, 3], [[0.5, 0.1], [0.1, 0.5]])
    twin = CellGraph(np.array([2, 3]), np.array([[0.5, 0.1], [0.1, 0.5]]), [1.0, 1.0])
    assert graph == twin
    assert hash(graph) == hash(twin)
    assert graph != CellGraph([2, 4], [[0.5, 0.1], [0.1, 0.5]])
    assert graph != CellGraph([2, 3], [[0.5, 0.1], [0.1, 0.5]], classes=[0, 0])
    assert dataclasses.replace(graph, sizes=[2, 4]).num_nodes == 6
    with pytest.raises(dataclasses.FrozenInstanceError):
        graph.sizes = (1, 1)  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        graph.similarity[0, 0] = 0.0
    with pytest.raises(ValueError, match="read-only"):
        graph.cell_degrees[0] = 0.0
    assert "2 cells of 2 classes, 5 nodes" in repr(graph)


def test_given_arrays_are_copied() -> None:
    similarity, own = np.array([[0.5, 0.1], [0.1, 0.5]]), np.ones(2)
    graph = CellGraph([2, 3], similarity, own)
    similarity[0, 0] = own[0] = 0.0
    assert graph.similarity[0, 0] == 0.5
    assert graph.self_similarity[0] == 1.0


@pytest.mark.parametrize("what", ["adjacency", "normalized_adjacency", "linear_operator"])
def test_matrices_that_do_not_fit_are_refused(what: str) -> None:
    graph = CellGraph([10**12, 10**12], [[0.5, 0.1], [0.1, 0.5]])
    with pytest.raises(ValueError, match=r"would take .*(TiB|PiB)"):
        getattr(graph, what)()


@pytest.mark.parametrize("what", ["labels", "degrees"])
def test_vectors_that_do_not_fit_are_refused(what: str) -> None:
    graph = CellGraph([10**30, 1], [[0.5, 0.1], [0.1, 0.5]])
    with pytest.raises(ValueError, match="would take"):
        getattr(graph, what)


GOOD = [[0.5, 0.1], [0.1, 0.5]]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([], np.empty((0, 0))), ValueError, "sizes is empty"),
        (([2, 0], GOOD), ValueError, r"sizes\[1\] must be at least 1, got 0"),
        (([2, 1.5], GOOD), TypeError, r"sizes\[1\] must be an integer, got 1.5"),
        (([True, 2], GOOD), TypeError, r"sizes\[0\] must be an integer, got True"),
        (([10**100, 1], GOOD), ValueError, "the sum of sizes"),
        (([2], GOOD), ValueError, r"shape \(1, 1\)"),
        (([2, 2], [0.5, 0.1]), ValueError, r"shape \(2, 2\)"),
        (([2, 2], [[0.5, 0.1], [0.2, 0.5]]), ValueError, "must be symmetric"),
        (([2, 2], [[0.5, -0.1], [-0.1, 0.5]]), ValueError, r"similarity\[0, 1\] must be .*-0.1"),
        (([2, 2], [[1.5, 0.1], [0.1, 0.5]]), ValueError, r"similarity\[0, 0\] must be .*1.5"),
        (([2, 2], [[0.5, np.nan], [np.nan, 0.5]]), ValueError, r"similarity\[0, 1\].*nan"),
        (([2, 2], [["a", "b"], ["c", "d"]]), TypeError, "must hold real numbers"),
        (([2, 2], GOOD, 1.1), ValueError, "self_similarity must be a finite number in"),
        (([2, 2], GOOD, [1.0, -1.0]), ValueError, r"self_similarity\[1\]"),
        (([2, 2], GOOD, [1.0]), ValueError, "one number or 2"),
        (([2, 2], GOOD, True), TypeError, "must hold real numbers"),
        (([1, 2], [[0.5, 0], [0, 0.5]], 0), ValueError, r"cell 0 .* has degree 0"),
        (([2, 2], GOOD, 1.0, ["a", "a"]), ValueError, "2 distinct strings"),
        (([2, 2], GOOD, 1.0, [1, 2]), TypeError, "sequence of strings"),
        (([2, 2], GOOD, 1.0, None, [0]), ValueError, "classes must have 2 entries"),
        (([2, 2], GOOD, 1.0, None, [0, -1]), ValueError, r"classes\[1\] must be at least 0"),
    ],
)
def test_bad_input(arguments: tuple, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        CellGraph(*arguments)


def test_rounding_in_a_symmetric_table_is_accepted() -> None:
    graph = CellGraph([2, 2], [[0.5, 0.1], [0.1 + 1e-16, 0.5]])
    assert np.array_equal(graph.similarity, graph.similarity.T)
