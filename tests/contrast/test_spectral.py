from __future__ import annotations

import itertools
from functools import partial

import numpy as np
import pytest

from dctheory import CellGraph, SimilarityGraph
from dctheory.bound.edits import margin_matrix, temperature_matrix
from dctheory.contrast import population_loss, spectral_loss

jax = pytest.importorskip("jax")
jnp = jax.numpy

GRAPHS = [
    SimilarityGraph(
        classes=2, per_class=2, difficult=1, alpha=0.6, beta=0.1, gamma=0.3, pairing=pairing
    )
    for pairing in ("both", "matched", "either")
]
CELLS = CellGraph([1, 2, 1], [[0.5, 0.2, 0.1], [0.2, 0.6, 0.3], [0.1, 0.3, 0.7]])


def remedies(graph, rng):
    """Margins and temperatures of every pair of nodes; not symmetric, so that order matters."""
    nodes = graph.num_nodes
    margin = rng.normal(size=(nodes, nodes))
    temperature = rng.uniform(0.5, 2, (nodes, nodes))
    return {
        "plain": (None, None),
        "margin": (margin, None),
        "temperature": (None, temperature),
        "both": (margin, temperature),
        "numbers": (0.3, 1.7),
    }


_JITTED = jax.jit(spectral_loss, static_argnames=("norm", "block_size"))


@pytest.fixture
def float64():
    with jax.enable_x64(True):
        yield


def enumerate_expectation(graph, features, margin, temperature, pairs):
    """E[spectral_loss] over every minibatch of ``pairs`` independent positive pairs."""
    nodes = graph.num_nodes
    weights = graph.adjacency() / graph.adjacency().sum()
    one = list(itertools.product(range(nodes), repeat=2))
    batches = np.array(list(itertools.product(range(len(one)), repeat=pairs)))
    edges = np.array(one)[batches]  # (batches, pairs, 2)
    chances = np.prod(weights[edges[..., 0], edges[..., 1]], axis=1)
    assert chances.sum() == pytest.approx(1)

    def loss(first, second):
        def pick(each):
            return each[first][:, second] if np.ndim(each) == 2 else each

        picked = {"margin": pick(margin), "temperature": pick(temperature)}
        return spectral_loss(features[first], features[second], **picked)

    margin, temperature = (
        each if each is None else jnp.asarray(each) for each in (margin, temperature)
    )
    features = jnp.asarray(features)
    return float(chances @ jax.jit(jax.vmap(loss))(edges[..., 0], edges[..., 1]))


@pytest.mark.parametrize("remedy", ["plain", "margin", "temperature", "both", "numbers"])
@pytest.mark.parametrize("graph", [GRAPHS[0], CELLS], ids=["both", "cells"])
def test_minibatch_is_unbiased_over_all_minibatches(float64, graph, remedy):
    rng = np.random.default_rng(1)
    margin, temperature = remedies(graph, rng)[remedy]
    for dimension in (1, 3):  # below and above the batch: two ways to sum the squares
        features = rng.normal(size=(graph.num_nodes, dimension))
        found = enumerate_expectation(graph, features, margin, temperature, pairs=2)
        expected = population_loss(graph, features, margin, temperature)
        assert found == pytest.approx(expected, rel=1e-12)


def test_minibatch_of_three_is_unbiased(float64):
    rng = np.random.default_rng(2)
    graph = SimilarityGraph(classes=3, per_class=1, difficult=1, alpha=0.5, beta=0.1, gamma=0.4)
    margin, temperature = remedies(graph, rng)["both"]
    features = rng.normal(size=(3, 2))
    found = enumerate_expectation(graph, features, margin, temperature, pairs=3)
    assert found == pytest.approx(population_loss(graph, features, margin, temperature), rel=1e-12)


def test_with_the_positives_own_pairs_it_would_be_biased(float64):
    rng = np.random.default_rng(3)
    graph, features = GRAPHS[0], rng.normal(size=(4, 2))
    weights = graph.adjacency() / graph.adjacency().sum()
    degrees = weights.sum(1)
    squares = (features @ features.T) ** 2
    diagonal, independent = (weights * squares).sum(), degrees @ squares @ degrees
    assert abs(diagonal - independent) > 0.01 * independent


@pytest.mark.parametrize("remedy", ["plain", "margin", "temperature", "both", "numbers"])
@pytest.mark.parametrize("graph", [*GRAPHS, CELLS], ids=["both", "matched", "either", "cells"])
def test_population_loss_is_a_matrix_factorisation(graph, remedy):
    """Eq. 2 and Theorems 4.2, 4.4: ‖T ⊙ Ā − M̄ − UUᵀ‖² weighted by 1/τ², up to a constant."""
    rng = np.random.default_rng(4)
    margin, temperature = remedies(graph, rng)[remedy]
    adjacency = graph.normalized_adjacency()
    root = np.sqrt(graph.degrees / graph.degrees.sum())
    tau = np.ones_like(adjacency) if temperature is None else temperature * np.ones_like(adjacency)
    shift = 0 if margin is None else np.outer(root, root) * margin
    constants = []
    for k in (1, 2, 4):
        features = rng.normal(size=(graph.num_nodes, k))
        rows = root[:, None] * features
        distance = np.sum((tau * adjacency - shift - rows @ rows.T) ** 2 / tau**2)
        constants.append(population_loss(graph, features, margin, temperature) - distance)
    assert np.ptp(constants) < 1e-12 * (1 + abs(constants[0]))


@pytest.mark.parametrize("pairing", ["both", "matched", "either"])
@pytest.mark.parametrize("k", [1, 3, 7, 12])
def test_minimum_is_minus_the_squares_of_the_top_eigenvalues(pairing, k):
    graph = SimilarityGraph(
        classes=3, per_class=4, difficult=2, alpha=0.5, beta=0.1, gamma=0.49, pairing=pairing
    )
    values, vectors = np.linalg.eigh(graph.normalized_adjacency())
    top = np.maximum(values[::-1][:k], 0)
    root = np.sqrt(graph.degrees / graph.degrees.sum())
    best = vectors[:, ::-1][:, :k] * np.sqrt(top) / root[:, None]
    expected = -np.sum(top**2)
    assert population_loss(graph, best) == pytest.approx(expected, rel=1e-12)
    rng = np.random.default_rng(5)
    for size in (1e-3, 0.1, 1.0):
        assert population_loss(graph, best + size * rng.normal(size=best.shape)) > expected


def test_negative_eigenvalues_do_not_lower_the_minimum():
    graph = SimilarityGraph(
        classes=2, per_class=2, difficult=2, alpha=0.5, beta=0, gamma=0.5, pairing="both"
    )
    shifted = margin_matrix(graph, normalized=True)  # any margin that makes Ā − M̄ indefinite
    features = np.zeros((4, 2))
    loss = population_loss(graph, features, 50 * shifted)
    assert loss == pytest.approx(np.sum((50 * shifted / 4) ** 2))


def test_the_papers_margin_and_temperature_turn_it_into_the_clean_graphs_problem():
    graph = SimilarityGraph(classes=3, per_class=3, difficult=1, alpha=0.5, beta=0.1, gamma=0.3)
    clean = SimilarityGraph(classes=3, per_class=3, difficult=0, alpha=0.5, beta=0.1, gamma=0.1)
    root = np.sqrt(graph.degrees / graph.degrees.sum())[:, None]
    target = clean.normalized_adjacency()
    margin, tau = margin_matrix(graph, normalized=True), temperature_matrix(graph)
    rng = np.random.default_rng(6)
    gaps = []
    for _ in range(3):
        features = rng.normal(size=(9, 2))
        residual = (target - (root * features) @ (root * features).T) ** 2
        with_margin = population_loss(graph, features, margin)
        with_tau = population_loss(graph, features, temperature=tau)
        gaps.append((with_margin - residual.sum(), with_tau - (residual / tau**2).sum()))
    assert np.ptp(gaps, axis=0).max() < 1e-12


def test_population_loss_in_jax_agrees_with_numpy():
    rng = np.random.default_rng(7)
    graph, features = GRAPHS[0], rng.normal(size=(4, 2))
    margin, tau = remedies(graph, rng)["both"]
    expected = population_loss(graph, features, margin, tau)
    found = jax.jit(partial(population_loss, graph))(
        jnp.asarray(features, jnp.float32), margin, tau
    )
    assert found.dtype == jnp.float32
    assert float(found) == pytest.approx(expected, rel=1e-5)


def naive(z1, z2, margin=0.0, tau=1.0, positive=None):
    size = len(z1)
    margin, tau = (np.broadcast_to(each, (size, size)) for each in (margin, tau))
    positive = np.diagonal(tau) if positive is None else np.broadcast_to(positive, size)
    loss = 0.0
    for i in range(size):
        loss -= 2 / size * (z1[i] @ z2[i]) / positive[i]
        for j in range(size):
            if i != j:
                term = (z1[i] @ z2[j] + margin[i, j]) / tau[i, j]
                loss += term**2 / (size * (size - 1))
    return loss


def batch(size=9, dimension=3, seed=8):
    rng = np.random.default_rng(seed)
    z1, z2 = rng.normal(size=(2, size, dimension))
    return z1, z2, rng.normal(size=(size, size)), rng.uniform(0.5, 2, (size, size))


@pytest.mark.parametrize("block_size", [None, 4])
def test_blocks_change_neither_value_nor_gradient(float64, block_size):
    z1, z2, margin, tau = batch()

    def loss(arguments, block_size):
        z1, z2, margin, tau = arguments
        return spectral_loss(z1, z2, margin=margin, temperature=tau, block_size=block_size)

    arguments = tuple(jnp.asarray(each) for each in (z1, z2, margin, tau))
    run = jax.jit(jax.value_and_grad(loss), static_argnums=1)
    value, gradient = run(arguments, block_size)
    expected, reference = run(arguments, 9)
    assert float(expected) == pytest.approx(naive(z1, z2, margin, tau), rel=1e-12)
    assert float(value) == pytest.approx(float(expected), rel=1e-12)
    for found, wanted in zip(gradient, reference, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("dimension", [2, 20])
def test_without_remedies_and_with_one_temperature(float64, dimension):
    z1, z2, *_ = batch(dimension=dimension)
    assert float(_JITTED(z1, z2)) == pytest.approx(naive(z1, z2), rel=1e-12)
    found = float(_JITTED(z1, z2, temperature=0.5))
    assert found == pytest.approx(naive(z1, z2, tau=0.5), rel=1e-12)
    found = float(_JITTED(z1, z2, margin=0.0, temperature=1.0))
    assert found == pytest.approx(naive(z1, z2), rel=1e-12)
    found = float(_JITTED(z1, z2, temperature=2.0, positive_temperature=0.5))
    assert found == pytest.approx(naive(z1, z2, tau=2.0, positive=0.5), rel=1e-12)


def test_invariances(float64):
    z1, z2, margin, tau = batch()
    order = np.random.default_rng(9).permutation(len(z1))
    rotation = np.linalg.qr(np.random.default_rng(10).normal(size=(3, 3)))[0]
    expected = float(_JITTED(z1, z2, margin=margin, temperature=tau))
    permuted = _JITTED(
        z1[order], z2[order], margin=margin[order][:, order], temperature=tau[order][:, order]
    )
    swapped = _JITTED(z2, z1, margin=margin.T, temperature=tau.T)
    rotated = _JITTED(z1 @ rotation, z2 @ rotation, margin=margin, temperature=tau)
    for same in (permuted, swapped, rotated):
        assert float(same) == pytest.approx(expected, rel=1e-12)


def test_norms(float64):
    z1, z2, *_ = batch()
    unit = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in (z1, z2)]
    assert float(_JITTED(z1, z2, norm="unit")) == pytest.approx(naive(*unit), rel=1e-12)
    ball = []
    for each in (z1, z2):
        norms = np.linalg.norm(each, axis=1, keepdims=True)
        assert norms.min() < np.sqrt(2) < norms.max()
        ball.append(each * np.minimum(1, np.sqrt(2) / norms))
    found = float(_JITTED(z1, z2, norm="ball", mu=2.0))
    assert found == pytest.approx(naive(*ball), rel=1e-12)


def test_queue(float64):
    z1, z2, *_ = batch()
    queue = np.random.default_rng(11).normal(size=(5, 3))
    margin = np.random.default_rng(12).normal(size=(9, 5))
    expected = -2 * np.mean(np.sum(z1 * z2, 1)) + np.mean((z1 @ queue.T + margin) ** 2)
    loss = partial(_JITTED, margin=margin)
    for block_size in (None, 2):
        found = loss(z1, z2, queue=queue, block_size=block_size)
        assert float(found) == pytest.approx(expected, rel=1e-12)
    plain = _JITTED(z1, z2, queue=np.tile(queue, (3, 1)))
    assert float(plain) == pytest.approx(
        -2 * np.mean(np.sum(z1 * z2, 1)) + np.mean((z1 @ queue.T) ** 2), rel=1e-12
    )
    one = _JITTED(z1[:1], z2[:1], margin=margin[:1], queue=queue)
    assert np.isfinite(one)
    run = jax.grad(lambda a, b, c: loss(a, b, queue=c), argnums=(0, 1, 2))
    gradients = jax.jit(run)(*(jnp.asarray(each) for each in (z1, z2, queue)))
    assert np.abs(gradients[0]).max() > 0
    assert not np.any(gradients[1])
    assert not np.any(gradients[2])
    with pytest.raises(ValueError, match="positive_temperature"):
        spectral_loss(z1, z2, queue=queue, temperature=np.ones((9, 5)))


def test_half_precision_features_are_computed_in_float32():
    z1, z2 = (jnp.asarray(each, jnp.bfloat16) for each in batch()[:2])
    loss, gradient = jax.jit(jax.value_and_grad(spectral_loss))(z1, z2)
    assert loss.dtype == jnp.float32
    assert gradient.dtype == jnp.bfloat16
    expected = naive(np.asarray(z1, np.float64), np.asarray(z2, np.float64))
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_zero_rows_have_a_gradient_that_is_finite():
    z = jnp.zeros((4, 3))
    for norm in ("free", "unit", "ball"):
        gradient = jax.jit(jax.grad(partial(spectral_loss, norm=norm)))(z, z)
        assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"z1": np.ones((1, 2)), "z2": np.ones((1, 2))}, ValueError, "batch of 1"),
        ({"z1": np.ones((3, 2))}, ValueError, "shape"),
        ({"z1": np.ones((4, 2), int)}, TypeError, "floating point"),
        ({"z1": np.full((4, 2), np.nan)}, ValueError, "NaN"),
        ({"z1": np.ones(4)}, ValueError, "shape"),
        ({"margin": np.ones((4, 3))}, ValueError, "margin must be a number"),
        ({"margin": np.full((4, 4), np.nan)}, ValueError, "margin holds NaN"),
        ({"temperature": np.zeros((4, 4))}, ValueError, "temperature must be positive"),
        ({"temperature": 0.0}, ValueError, "temperature"),
        ({"positive_temperature": np.ones(3)}, ValueError, "positive_temperature"),
        ({"norm": "sphere"}, ValueError, "unknown norm"),
        ({"norm": "ball", "mu": -1.0}, ValueError, "mu"),
        ({"queue": np.ones((3, 5))}, ValueError, "queue must have shape"),
        ({"queue": np.ones((0, 2))}, ValueError, "queue must have shape"),
        ({"margin": 1.0, "block_size": 0}, ValueError, "block_size"),
    ],
)
def test_bad_input(change, error, message):
    arguments = {"z1": np.ones((4, 2)), "z2": np.ones((4, 2))} | change
    with pytest.raises(error, match=message):
        spectral_loss(**arguments)


@pytest.mark.parametrize(
    ("features", "options", "error"),
    [
        (np.ones((4, 2), int), {}, TypeError),
        (np.ones((3, 2)), {}, ValueError),
        (np.ones(4), {}, ValueError),
        (np.ones((4, 2)), {"margin": np.ones((3, 3))}, ValueError),
        (np.ones((4, 2)), {"temperature": -1.0}, ValueError),
    ],
)
def test_bad_input_of_the_population_loss(features, options, error):
    with pytest.raises(error):
        population_loss(GRAPHS[0], features, **options)
