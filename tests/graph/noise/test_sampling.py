"""Samples of A + ε E."""

import numpy as np
import pytest

from dctheory import SimilarityGraph
from dctheory.graph.noise import sample_noisy

GRAPH = SimilarityGraph(classes=3, per_class=40, difficult=10, alpha=0.6, beta=0.1, gamma=0.4)


def signs(rng, size):
    return rng.choice([-1.0, 1.0], size)


def test_noise_is_symmetric_off_diagonal_and_of_unit_variance():
    clean = GRAPH.adjacency()
    noise = (sample_noisy(clean, 0.5, np.random.default_rng(0)) - clean) / 0.5
    upper = noise[np.triu_indices(len(clean), 1)]
    assert np.array_equal(noise, noise.T)
    assert np.all(np.diag(noise) == 0)
    # 7140 entries: five standard errors of mean and variance.
    assert abs(upper.mean()) < 5 / np.sqrt(len(upper))
    assert abs(upper.var() - 1) < 5 * np.sqrt(2 / len(upper))


def test_entries_are_independent_of_each_other():
    """Rows of E must not repeat draws: the correlation of two rows is sampling error."""
    noise = sample_noisy(np.zeros((400, 400)), 1.0, np.random.default_rng(1))
    correlation = np.corrcoef(noise) - np.eye(400)
    assert np.abs(correlation).max() < 6 / np.sqrt(400)


def test_same_seed_same_sample_and_zero_noise_is_the_clean_matrix():
    clean = GRAPH.adjacency()
    first, second = (sample_noisy(clean, 0.3, np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, sample_noisy(clean, 0.3, np.random.default_rng(8)))
    assert np.array_equal(sample_noisy(clean, 0, np.random.default_rng(7)), clean)


def test_graph_method_is_the_function():
    expected = sample_noisy(GRAPH.adjacency(), 0.3, np.random.default_rng(2), signs)
    assert np.array_equal(GRAPH.noisy(0.3, np.random.default_rng(2), signs), expected)


def test_another_law_and_no_clipping():
    clean = GRAPH.adjacency()
    noisy = sample_noisy(clean, 2.0, np.random.default_rng(0), signs)
    off = ~np.eye(len(clean), dtype=bool)
    assert set(np.unique(np.round(noisy - clean, 9)[off])) == {-2.0, 2.0}
    assert noisy.min() < 0
    assert noisy.max() > 1


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"adjacency": np.ones((2, 3))}, ValueError, "square.*\\(2, 3\\)"),
        ({"adjacency": np.ones(3)}, ValueError, "square"),
        ({"adjacency": np.ones((0, 0))}, ValueError, "square"),
        ({"adjacency": [[1.0, 2.0], [3.0, 1.0]]}, ValueError, "symmetric"),
        ({"adjacency": [[1.0, np.nan], [np.nan, 1.0]]}, ValueError, "finite"),
        ({"epsilon": -0.1}, ValueError, "epsilon"),
        ({"epsilon": float("nan")}, ValueError, "epsilon"),
        ({"epsilon": float("inf")}, ValueError, "epsilon"),
        ({"epsilon": True}, TypeError, "epsilon"),
        ({"epsilon": "1"}, TypeError, "epsilon"),
        ({"rng": 3}, TypeError, "default_rng"),
        ({"law": "normal"}, TypeError, "law"),
        ({"law": lambda rng, size: rng.normal(size=size + 1)}, ValueError, "return 3 finite"),
        ({"law": lambda rng, size: np.full(size, np.inf)}, ValueError, "infinite"),
    ],
)
def test_bad_input(change, error, match):
    arguments = {"adjacency": np.eye(3), "epsilon": 0.1, "rng": np.random.default_rng(0)}
    with pytest.raises(error, match=match):
        sample_noisy(**{**arguments, **change})
