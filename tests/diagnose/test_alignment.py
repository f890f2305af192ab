import json

import numpy as np
import pytest
from scipy.optimize import minimize

from dctheory.diagnose.alignment import CELLS, alignment_ceiling, ceiling
from dctheory.graph.cells import CellGraph
from dctheory.graph.estimate import estimate_similarities
from dctheory.graph.similarity import SimilarityGraph

GRAPHS = {
    "one degree": SimilarityGraph(
        classes=2, per_class=3, difficult=0, alpha=0.6, beta=0.2, gamma=0.2
    ),
    "both": SimilarityGraph(classes=3, per_class=2, difficult=1, alpha=0.5, beta=0.1, gamma=0.3),
    "cells": CellGraph([1, 2, 3], [[0.9, 0.2, 0.1], [0.2, 0.7, 0.3], [0.1, 0.3, 0.5]]),
}


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def naive(adjacency, embeddings):
    """λ₂, ‖m‖ and the alignment, over all pairs."""
    degrees = adjacency.sum(axis=1)
    total = degrees.sum()
    normalized = adjacency / np.sqrt(np.outer(degrees, degrees))
    aligned = sum(
        adjacency[x, y] / total * (embeddings[x] @ embeddings[y])
        for x in range(len(degrees))
        for y in range(len(degrees))
    )
    mean = sum(degrees[x] / total * embeddings[x] for x in range(len(degrees)))
    return np.linalg.eigvalsh(normalized)[-2], np.linalg.norm(mean), aligned


def most_aligned(graph, mean_norm, dimension, starts=4):
    """Largest alignment that a general solver finds over unit embeddings with this ‖m‖."""
    weights = graph.adjacency() / graph.adjacency().sum()
    share = weights.sum(axis=1)

    def rows(x):
        return unit(x.reshape(len(share), dimension))

    def slope(x, towards):
        """Chain rule through the normalisation."""
        u, lengths = rows(x), np.linalg.norm(x.reshape(len(share), dimension), axis=1)
        along = np.sum(u * towards(u), axis=1, keepdims=True)
        return ((towards(u) - along * u) / lengths[:, None]).ravel()

    mean_is_kept = {
        "type": "eq",
        "fun": lambda x: np.sum((share @ rows(x)) ** 2) - mean_norm**2,
        "jac": lambda x: slope(x, lambda u: 2 * np.outer(share, share @ u)),
    }
    found = -np.inf
    for seed in range(starts):
        done = minimize(
            lambda x: -np.sum(weights * (rows(x) @ rows(x).T)),
            np.random.default_rng(seed).normal(size=len(share) * dimension),
            jac=lambda x: slope(x, lambda u: -2 * weights @ u),
            method="SLSQP",
            constraints=mean_is_kept,
            options={"maxiter": 200, "ftol": 1e-12},
        )
        if abs(mean_is_kept["fun"](done.x)) < 1e-8:
            found = max(found, -done.fun)
    return found


@pytest.mark.parametrize("mean_norm", [0.0, 0.4])
@pytest.mark.parametrize("name", GRAPHS)
def test_no_unit_embeddings_are_aligned_above_the_ceiling(name, mean_norm):
    best = most_aligned(GRAPHS[name], mean_norm, dimension=3)
    limit = ceiling(GRAPHS[name], mean_norm)
    assert 0 < best <= limit + 1e-7
    if name == "one degree":
        assert best == pytest.approx(limit, abs=1e-5)


def test_class_simplices_reach_the_ceiling_where_all_degrees_are_equal():
    graph = SimilarityGraph(classes=3, per_class=4, difficult=0, alpha=0.5, beta=0.2, gamma=0.2)
    simplex = unit(np.eye(3) - 1 / 3)
    for mean_norm in (0.0, 0.3, 0.9):
        within = np.sqrt(1 - mean_norm**2) * simplex
        rows = np.hstack([within, np.full((3, 1), mean_norm)])[graph.labels]
        _, norm, aligned = naive(graph.adjacency(), rows)
        assert norm == pytest.approx(mean_norm, abs=1e-12)
        assert aligned == pytest.approx(ceiling(graph, mean_norm), abs=1e-12)


def three_classes(seed=0, sizes=(6, 9, 5), dimension=7):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(3), sizes)
    embeddings = rng.normal(size=(len(labels), dimension)) + 4
    embeddings += 2 * rng.normal(size=(3, dimension))[labels]
    difficult = np.zeros(len(labels), bool)
    # A class with one difficult sample, and one with none.
    difficult[[0, 6, 7, 8]] = True
    return embeddings, labels, difficult


@pytest.mark.parametrize("pairing", ["both", "either"])
def test_the_embeddings_on_the_fitted_graphs_agree_with_sums_over_all_pairs(pairing):
    embeddings, labels, difficult = three_classes()
    estimate = estimate_similarities(embeddings, labels, difficult)
    found = alignment_ceiling(estimate, pairing=pairing)
    order = np.lexsort((~difficult, labels))
    rows, labels, difficult = unit(embeddings)[order], labels[order], difficult[order]
    pairs = np.logical_and if pairing == "both" else np.logical_or
    cross = np.where(
        pairs.outer(difficult, difficult), estimate.gamma(pairing), estimate.beta(pairing)
    )
    levels = np.where(np.equal.outer(labels, labels), estimate.alpha, cross)
    np.fill_diagonal(levels, 1)
    for name, adjacency in ((pairing, levels), (CELLS, estimate.cell_graph().adjacency())):
        lambda_2, norm, aligned = naive(adjacency, rows)
        graph = found.graphs[name]
        assert graph.lambda_2 == pytest.approx(lambda_2, abs=1e-12)
        assert graph.mean_norm == pytest.approx(norm, abs=1e-12)
        assert graph.achieved == pytest.approx(aligned, abs=1e-12)
        assert graph.achieved <= graph.ceiling
    assert found.views is None
    assert not found.skipped


def test_alignment_of_views_and_what_it_means():
    embeddings, labels, difficult = three_classes()
    near = embeddings + 0.1 * np.random.default_rng(1).normal(size=embeddings.shape)
    estimate = estimate_similarities(embeddings, labels, difficult)
    found = alignment_ceiling(estimate, embeddings, near)
    cosines = [a @ b for a, b in zip(unit(embeddings), unit(near), strict=True)]
    assert found.views == pytest.approx(np.mean(cosines), abs=1e-12)
    assert found.views_error == pytest.approx(np.std(cosines, ddof=1) / np.sqrt(20), rel=1e-9)
    assert found.views > found.graphs["both"].ceiling
    assert "above the ceiling (both, cells)" in found.sentences()[-1]
    assert "above" not in " ".join(alignment_ceiling(estimate).sentences())
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["views"] == found.views
    assert [row["graph"] for row in found.table()] == ["both", "cells"]


def test_negative_means_leave_out_the_graph_that_has_them():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 10)
    embeddings = np.where(labels == 0, 1, -1)[:, None] * [3, 0, 0] + rng.normal(size=(20, 3))
    found = alignment_ceiling(
        estimate_similarities(embeddings, labels, labels * 0 == np.arange(20) % 9)
    )
    assert not found.graphs
    assert set(found.skipped) == {"both", "cells"}
    assert "< 0" in found.skipped["both"]
    assert any("No ceiling (both)" in sentence for sentence in found.sentences())


def test_bad_input():
    embeddings, labels, difficult = three_classes()
    estimate = estimate_similarities(embeddings, labels, difficult)
    with pytest.raises(ValueError, match="both embeddings and views, or neither"):
        alignment_ceiling(estimate, embeddings)
    with pytest.raises(ValueError, match="views of the same samples"):
        alignment_ceiling(estimate, embeddings, embeddings[:-1])
    with pytest.raises(ValueError, match="matched"):
        alignment_ceiling(estimate, pairing="matched")
    with pytest.raises(ValueError, match="mean_norm must lie in"):
        ceiling(GRAPHS["both"], 1.5)
