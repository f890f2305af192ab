from __future__ import annotations

import numpy as np
import pytest

from dctheory import CellGraph, SimilarityGraph
from dctheory.data import node_features

jax = pytest.importorskip("jax")

SIZES = {"classes": 3, "per_class": 4, "difficult": 2, "alpha": 0.6, "beta": 0.1, "gamma": 0.3}
NODES = np.arange(12)


def parts(graph, **lengths):
    """The fixed part of the vectors of all nodes."""
    defaults = {"difficulty": 0.0, "identity": 0.0, "noise": 0.0}
    features = node_features(graph, 64, 3, **(defaults | lengths))
    return np.asarray(features.prototypes(NODES))


@pytest.mark.parametrize("pairing", ["both", "matched", "either"])
def test_law_of_the_fixed_part(pairing):
    graph = SimilarityGraph(**SIZES, pairing=pairing)
    classes = parts(graph)
    np.testing.assert_allclose(np.linalg.norm(classes, axis=1), 1, rtol=1e-6)
    assert len(np.unique(classes, axis=0)) == 3
    np.testing.assert_array_equal(classes, classes[::4][graph.labels])
    moved = parts(graph, difficulty=2.0) - classes
    assert np.abs(moved[~graph.is_difficult]).max() == 0
    np.testing.assert_allclose(np.linalg.norm(moved[graph.is_difficult], axis=1), 2, rtol=1e-6)
    hard = moved.reshape(3, 4, 64)[:, :2]
    # One direction for all classes; for matched partners one for each index.
    np.testing.assert_allclose(hard, hard[:1].repeat(3, axis=0), atol=1e-6)
    assert np.allclose(hard[0, 0], hard[0, 1], atol=1e-6) == (pairing != "matched")


def test_every_node_has_its_own_vector():
    graph = SimilarityGraph(**SIZES)
    own = parts(graph, identity=1.0) - parts(graph)
    assert len(np.unique(own, axis=0)) == 12
    # The mean square length of 12 vectors of 64 normal numbers: 1 ± 0.05.
    assert (own**2).sum(axis=1).mean() == pytest.approx(1, abs=0.2)


def test_cells_are_kinds():
    graph = CellGraph([2, 3, 1], np.full((3, 3), 0.5), classes=[0, 0, 1])
    features = node_features(graph, 32, 0, difficulty=1.0, identity=0.0)
    found = np.asarray(features.prototypes(np.arange(6)))
    assert len(np.unique(found, axis=0)) == 3
    np.testing.assert_array_equal(found, found[[0, 0, 2, 2, 2, 5]])
    plain = node_features(graph, 32, 0, difficulty=0.0, identity=0.0).prototypes(np.arange(6))
    assert len(np.unique(np.asarray(plain), axis=0)) == 2


def test_noise_is_fresh_and_has_its_length():
    features = node_features(SimilarityGraph(**SIZES), 16, 0, noise=0.7)
    nodes = np.zeros(4000, dtype=int)
    shown = np.asarray(features.show(nodes, jax.random.key(1))) - features.prototypes(nodes)
    assert shown.shape == (4000, 16)
    # Of 4000 · 16 squares, each of variance 2: ± 0.003.
    assert (shown**2).sum(axis=1).mean() == pytest.approx(0.49, abs=0.012)
    assert not np.allclose(shown, features.show(nodes, jax.random.key(2)))


def test_shape_and_seed():
    graph = SimilarityGraph(**SIZES)
    nodes = np.array([[0, 5], [11, 3]])
    first, again = (node_features(graph, 8, 1).prototypes(nodes) for _ in range(2))
    assert first.shape == (2, 2, 8)
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, node_features(graph, 8, 2).prototypes(nodes))


def test_a_million_nodes_need_no_table():
    big = SimilarityGraph(**(SIZES | {"per_class": 400_000, "difficult": 1000}))
    features = node_features(big, 16, 0)
    assert sum(leaf.nbytes for leaf in jax.tree.leaves(features) if hasattr(leaf, "nbytes")) < 200
    assert features.prototypes(np.array([big.num_nodes - 1])).shape == (1, 16)


def test_bad_input():
    graph = SimilarityGraph(**SIZES)
    with pytest.raises(TypeError, match="graph must be"):
        node_features(np.eye(3), 4, 0)
    with pytest.raises(ValueError, match="dimension must be at least 1"):
        node_features(graph, 0, 0)
    with pytest.raises(ValueError, match="noise must lie in"):
        node_features(graph, 4, 0, noise=-1.0)
    with pytest.raises(ValueError, match="seed"):
        node_features(graph, 4, -1)
    with pytest.raises(TypeError, match="nodes must be integers"):
        node_features(graph, 4, 0).prototypes(np.array([0.5]))
    with pytest.raises(TypeError, match="key must be"):
        node_features(graph, 4, 0).show(np.array([0]), 3)
