from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from scipy import sparse, stats

from dctheory import CellGraph, SimilarityGraph
from dctheory.data import PairSampler, pair_sampler

jax = pytest.importorskip("jax")

PAIRINGS = ("both", "matched", "either")
# The chance that a right law fails a chi-square test; seeds are fixed, so it does not vary.
SIGNIFICANCE = 1e-3


def paper_graph(pairing, classes=3, per_class=4, difficult=2, alpha=0.6, beta=0.1, gamma=0.3):
    return SimilarityGraph(
        classes=classes,
        per_class=per_class,
        difficult=difficult,
        alpha=alpha,
        beta=beta,
        gamma=gamma,
        pairing=pairing,
    )


CELLS = CellGraph(
    [1, 3, 2], [[0.5, 0.2, 0.1], [0.2, 0.6, 0.3], [0.1, 0.3, 0.7]], self_similarity=[1, 0.4, 0.9]
)


def law(graph):
    matrix = graph.adjacency()
    return matrix / matrix.sum()


def table_law(sampler):
    """(N, N) probabilities, by going through every kind and every pair of it."""
    keep = np.asarray(sampler.kinds.high, float) / 2**32
    keep += np.asarray(sampler.kinds.low, float) / 2**64
    chance = keep.copy()
    np.add.at(chance, np.asarray(sampler.kinds.alias), 1 - keep)
    columns = ("first_start", "first_size", "second_start", "choices", "relation", "crosses")
    kinds = zip(*(np.asarray(getattr(sampler, name)) for name in columns), strict=True)
    found = np.zeros((sampler.num_nodes,) * 2)
    for total, (start, size, other_start, choices, relation, crosses) in zip(
        chance / len(chance), kinds, strict=True
    ):
        runs = range(sampler.groups)
        groups = [(g, h) for g in runs for h in runs if (g != h) == crosses]
        for g, h in groups:
            for a in range(size):
                for u in range(choices):
                    b = (a, (a + 1 + u) % size, u)[relation]
                    x = g * sampler.stride + start + a
                    y = h * sampler.stride + other_start + b
                    found[x, y] += total / (len(groups) * size * choices)
    return found


def p_value(counts, chances):
    """Of Pearson's chi-square test; pairs that cannot occur must not."""
    counts, chances = np.ravel(counts), np.ravel(chances)
    assert counts[chances == 0].sum() == 0
    possible = chances > 0
    expected = chances[possible] * counts.sum()
    assert expected.min() > 5
    statistic = ((counts[possible] - expected) ** 2 / expected).sum()
    return stats.chi2.sf(statistic, possible.sum() - 1)


def count_pairs(sampler, key, size=60_000):
    x, y = sampler.pairs(key, size)
    counts = np.zeros((sampler.num_nodes,) * 2)
    np.add.at(counts, (np.asarray(x), np.asarray(y)), 1)
    return counts


@pytest.mark.parametrize("pairing", PAIRINGS)
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"difficult": 0},
        {"difficult": 4},
        {"difficult": 1},
        {"classes": 2},
        {"per_class": 1, "difficult": 1},
        {"per_class": 1, "difficult": 0},
        {"gamma": 0.1},
        {"beta": 0.0},
        {"beta": 0.0, "gamma": 0.0, "alpha": 0.0},
        {"alpha": Fraction(1), "gamma": Fraction(1, 3), "beta": Fraction(1, 7)},
    ],
    ids=str,
)
def test_kinds_make_up_the_law_exactly(pairing, change):
    graph = paper_graph(pairing, **change)
    np.testing.assert_allclose(table_law(pair_sampler(graph)), law(graph), rtol=1e-12, atol=1e-17)


@pytest.mark.parametrize("pairing", ["both", "either"])
def test_cells_make_up_the_law_exactly(pairing):
    graph = paper_graph(pairing)
    cells = pair_sampler(CellGraph.from_similarity(graph))
    np.testing.assert_allclose(table_law(cells), law(graph), rtol=1e-13)
    # Less similar to itself than to its cell: not a sum of a block and a positive diagonal.
    np.testing.assert_allclose(table_law(pair_sampler(CELLS)), law(CELLS), rtol=1e-13)


@pytest.mark.parametrize("as_matrix", [np.asarray, sparse.csr_array, sparse.coo_array])
def test_matrices_make_up_the_law_exactly(as_matrix):
    graph = paper_graph("either", beta=0.0)
    noise = graph.noisy(0.02, np.random.default_rng(0), lambda rng, size: rng.choice([-1, 1], size))
    noisy = np.maximum(noise, 0)
    found = table_law(pair_sampler(as_matrix(noisy)))
    np.testing.assert_allclose(found, noisy / noisy.sum(), rtol=1e-13)


@pytest.mark.parametrize(
    "graph", [*(paper_graph(pairing) for pairing in PAIRINGS), CELLS], ids=[*PAIRINGS, "cells"]
)
def test_draws_follow_the_law(graph):
    counts = count_pairs(pair_sampler(graph), jax.random.key(11))
    assert p_value(counts, law(graph)) > SIGNIFICANCE
    # The same draws are no draws of a graph that differs in one kind of pair only.
    other = law(graph)
    other[0, 0] *= 1.4
    assert p_value(counts, other / other.sum()) < SIGNIFICANCE


def test_pairings_are_told_apart():
    counts = count_pairs(pair_sampler(paper_graph("both")), jax.random.key(3))
    for other in ("matched", "either"):
        assert p_value(counts, law(paper_graph(other))) < 1e-9


def test_nodes_follow_their_degrees():
    graph = paper_graph("either")
    nodes = pair_sampler(graph).nodes(jax.random.key(5), (2, 20_000))
    assert nodes.shape == (2, 20_000)
    shares = graph.degrees / graph.degrees.sum()
    counts = np.zeros((12, 12))
    np.add.at(counts, tuple(np.asarray(nodes)), 1)
    assert p_value(counts, np.outer(shares, shares)) > SIGNIFICANCE


def kinds_of_pairs(x, y, n, hard):
    """Number of draws that are a self pair, of one class, or of two and (easy, mixed, matched,
    difficult)."""
    same, (i, j) = x // n == y // n, (x % n, y % n)
    ends = (i < hard).astype(int) + (j < hard)
    masks = [x == y, same & (x != y)]
    masks += [~same & (ends == 0), ~same & (ends == 1)]
    masks += [~same & (ends == 2) & (i == j), ~same & (ends == 2) & (i != j)]
    return np.array([mask.sum() for mask in masks])


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_a_million_nodes_cost_no_memory(pairing):
    n, hard, r, alpha, beta, gamma = 100, 50, 9999, 0.5, 1e-4, 2e-4
    graph = paper_graph(pairing, 10_000, n, hard, alpha, beta, gamma)
    sampler = pair_sampler(graph)
    assert sum(leaf.nbytes for leaf in jax.tree.leaves(sampler)) < 1000
    x, y = (np.asarray(each) for each in sampler.pairs(jax.random.key(2), 400_000))
    easy = n - hard
    cross = r * np.array([easy**2, 2 * easy * hard, hard, hard * (hard - 1)])
    mixed = gamma if pairing == "either" else beta
    unmatched = beta if pairing == "matched" else gamma
    weights = np.append([n, n * (n - 1) * alpha], cross * [beta, mixed, gamma, unmatched])
    assert p_value(kinds_of_pairs(x, y, n, hard), weights / weights.sum()) > SIGNIFICANCE
    # Every class alike: the mean of uniform numbers.
    assert abs(np.mean((x // n + 0.5) / 10_000) - 0.5) < 4 * np.sqrt(1 / 12 / len(x))


def test_draws_are_the_key_s_and_nothing_else_s():
    sampler = pair_sampler(paper_graph("both"))
    first = sampler.pairs(jax.random.key(1), (3, 5))
    assert first[0].shape == (3, 5)
    assert first[0].dtype == first[1].dtype == np.int32
    with jax.enable_x64(True):
        again = pair_sampler(paper_graph("both")).pairs(jax.random.key(1), (3, 5))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, sampler.pairs(jax.random.key(2), (3, 5)))


def test_inside_jit_and_vmap_over_keys():
    sampler = pair_sampler(CELLS)
    keys = jax.random.split(jax.random.key(0), 4)
    mapped = jax.jit(jax.vmap(lambda key: sampler.pairs(key, 6)))(keys)
    for i, key in enumerate(keys):
        np.testing.assert_array_equal([each[i] for each in mapped], sampler.pairs(key, 6))


def test_display_and_scalar_draw():
    sampler = pair_sampler(paper_graph("matched"))
    assert isinstance(sampler, PairSampler)
    assert repr(sampler) == "<PairSampler: 12 nodes, 7 kinds of pairs>"
    assert sampler.pairs(jax.random.key(0))[0].shape == ()


@pytest.mark.parametrize(
    ("matrix", "error", "words"),
    [
        ("graph", TypeError, "CellGraph or a matrix, got str"),
        (np.ones((2, 3)), ValueError, "must be square"),
        (np.ones(3), ValueError, "must be square"),
        (np.zeros((2, 2)), ValueError, "all of them are 0"),
        (np.array([[1, 0.5], [0.4, 1]]), ValueError, "symmetric"),
        (np.array([[1, np.nan], [np.nan, 1]]), ValueError, "finite"),
        (np.array([[1, -0.5], [-0.5, 1]]), ValueError, "smallest is -0.5"),
        (paper_graph("both", 2, 2**30), ValueError, "2147483648 nodes"),
        (CellGraph([2**31], [[0.5]]), ValueError, "2147483648 nodes"),
    ],
    ids=str,
)
def test_what_is_no_graph(matrix, error, words):
    with pytest.raises(error, match=words):
        pair_sampler(matrix)


def test_what_is_no_key_or_shape():
    sampler = pair_sampler(CELLS)
    with pytest.raises(TypeError, match=r"jax\.random\.key\(seed\)"):
        sampler.pairs(0, 3)
    with pytest.raises(ValueError, match="single key"):
        sampler.pairs(jax.random.split(jax.random.key(0)), 3)
    with pytest.raises(ValueError, match="shape must be at least 0"):
        sampler.nodes(jax.random.key(0), -1)
    with pytest.raises(TypeError, match="shape"):
        sampler.nodes(jax.random.key(0), 2.5)
