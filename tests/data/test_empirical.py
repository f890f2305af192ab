from __future__ import annotations

import numpy as np
import pytest

from dctheory import SimilarityGraph
from dctheory.data import EmpiricalGraph, pair_sampler, sample_natural

jax = pytest.importorskip("jax")

GRAPH = SimilarityGraph(classes=3, per_class=5, difficult=2, alpha=0.6, beta=0.1, gamma=0.3)


def test_counts_of_a_small_sample():
    graph = EmpiricalGraph(4, np.array([0, 0, 1, 2]), np.array([1, 1, 0, 2]))
    expected = np.array([[0, 3, 0, 0], [3, 0, 0, 0], [0, 0, 2, 0], [0, 0, 0, 0]]) / 8
    np.testing.assert_allclose(graph.adjacency.toarray(), expected)
    np.testing.assert_allclose(graph.degrees, expected.sum(axis=1))
    assert graph.seen.tolist() == [True, True, True, False]
    # Two nodes that only see each other, one that only sees itself, one that was not seen.
    np.testing.assert_allclose(graph.eigenvalues(), [1, 1, 0, -1], atol=1e-14)
    assert repr(graph) == "<EmpiricalGraph: 4 images, 4 nodes>"


def test_sample_tends_to_the_graph():
    found = sample_natural(GRAPH, 400_000, jax.random.key(0))
    law = GRAPH.adjacency() / GRAPH.adjacency().sum()
    # An entry off the diagonal is half the mean of m indicators of chance 2p.
    error = np.sqrt(law / (2 * found.num_images)) * (1 + (np.sqrt(2) - 1) * np.eye(15))
    assert np.abs((found.adjacency.toarray() - law) / error).max() < 4.5
    assert found.adjacency.sum() == pytest.approx(1)
    np.testing.assert_allclose(
        found.eigenvalues(3), [GRAPH.spectrum().eigenvalue(j) for j in (1, 2, 3)], atol=0.01
    )


def test_few_eigenvalues_are_the_largest():
    graph = SimilarityGraph(classes=4, per_class=30, difficult=5, alpha=0.6, beta=0.1, gamma=0.3)
    found = sample_natural(graph, 500, jax.random.key(1))
    expected = np.linalg.eigvalsh(found.normalized_adjacency().toarray())[::-1]
    np.testing.assert_allclose(found.eigenvalues(6), expected[:6], atol=1e-10)
    np.testing.assert_allclose(found.eigenvalues(), expected, atol=1e-12)
    assert expected[0] == pytest.approx(1)


def test_training_draws_only_what_was_sampled():
    found = sample_natural(pair_sampler(GRAPH), 20, jax.random.key(2))
    x, y = found.sampler().pairs(jax.random.key(3), 2000)
    counts = np.zeros((15, 15))
    np.add.at(counts, (np.asarray(x), np.asarray(y)), 1)
    np.testing.assert_array_equal(counts > 0, found.adjacency.toarray() > 0)


def test_bad_input():
    with pytest.raises(ValueError, match="images must be at least 1"):
        sample_natural(GRAPH, 0, jax.random.key(0))
    with pytest.raises(ValueError, match="count must be between 1 and 15"):
        sample_natural(GRAPH, 5, jax.random.key(0)).eigenvalues(16)
