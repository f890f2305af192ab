"""The loss of all pairs against the library's, its curvature, minimum and noise by brute force."""

import itertools
from fractions import Fraction

import numpy as np
import pytest

from dctheory import SimilarityGraph, margin_matrix, temperature_matrix
from dctheory.bound.edits import without_difficult
from dctheory.contrast.spectral import population_loss
from dctheory.experiment._gradient_noise import expected_excess, gradient_variance
from dctheory.experiment._pair_loss import PairLoss


def make(pairing="both", per_class=3, difficult=1):
    return SimilarityGraph(
        classes=2,
        per_class=per_class,
        difficult=difficult,
        alpha=Fraction(1, 2),
        beta=Fraction(1, 10),
        gamma=Fraction(3, 10),
        pairing=pairing,
    )


def edit(graph, kind):
    if kind == "margin":
        return {"margin": margin_matrix(graph, normalized=True)}
    return {"temperature": temperature_matrix(graph)} if kind == "temperature" else {}


EDITS = ("none", "margin", "temperature")


@pytest.mark.parametrize("kind", EDITS)
@pytest.mark.parametrize("pairing", ["both", "matched", "either"])
def test_value_and_target(pairing, kind):
    graph = make(pairing)
    loss = PairLoss.of_graph(graph, **edit(graph, kind))
    features = np.random.default_rng(0).normal(size=(6, 2))
    assert loss.value(features) == pytest.approx(
        population_loss(graph, features, **edit(graph, kind)), rel=1e-12
    )
    aim = graph if kind == "none" else without_difficult(graph)
    assert loss.target == pytest.approx(aim.normalized_adjacency(), abs=1e-12)


@pytest.mark.parametrize("kind", EDITS)
def test_hessian_by_finite_differences(kind):
    graph = make()
    loss, step = PairLoss.of_graph(graph, **edit(graph, kind)), 1e-4
    features = np.random.default_rng(1).normal(size=(6, 2))
    hessian = loss.hessian(features)
    unit = step * np.eye(12).reshape(12, 6, 2)
    for i, j in [(0, 0), (0, 1), (0, 3), (2, 7), (5, 11)]:
        corners = [
            a * b * loss.value(features + a * unit[i] + b * unit[j])
            for a in (1, -1)
            for b in (1, -1)
        ]
        assert hessian[i, j] == pytest.approx(sum(corners) / (4 * step**2), abs=1e-5)
    assert hessian == pytest.approx(hessian.T)


def test_minimum_without_temperatures_is_eckart_and_young_s():
    graph = make("either")
    loss = PairLoss.of_graph(graph)
    values = np.linalg.eigvalsh(graph.normalized_adjacency())[::-1]
    found = loss.minimise(2, starts=2, rng=np.random.default_rng(0))
    assert loss.value(found[0]) == pytest.approx(-np.sum(values[:2] ** 2), abs=1e-12)
    assert loss.value(loss.eigen_factor(2)) == pytest.approx(-np.sum(values[:2] ** 2), abs=1e-12)
    assert all(loss.value(each) == pytest.approx(loss.value(found[0])) for each in found)


def test_weighted_minimum_is_below_the_eigen_factor():
    graph = make()
    loss = PairLoss.of_graph(graph, **edit(graph, "temperature"))
    best = loss.minimise(2, starts=3, rng=np.random.default_rng(0))[0]
    assert loss.value(best) < loss.value(loss.eigen_factor(2)) - 1e-5
    # A minimum: nothing near it is lower, and its curvatures are not negative.
    rng = np.random.default_rng(1)
    near = [loss.value(best + 1e-3 * rng.normal(size=best.shape)) for _ in range(20)]
    assert min(near) > loss.value(best)
    assert np.linalg.eigvalsh(loss.hessian(best))[0] > -1e-6


# --- Gradient noise


def batch_gradient(loss, features, nodes):
    """Gradient of the unbiased minibatch loss for pairs of nodes, from its definition."""
    total = np.zeros_like(features)
    size = len(nodes)
    for i, j in itertools.product(range(size), repeat=2):
        x, y = nodes[i][0], nodes[j][1]
        tau, margin = loss.temperatures[x, y], loss.margins[x, y]
        if i == j:
            slope = -2 / (size * tau)
        else:
            slope = 2 * (features[x] @ features[y] + margin) / tau**2 / (size * (size - 1))
        total[x] += slope * features[y]
        total[y] += slope * features[x]
    return total


@pytest.mark.parametrize("kind", EDITS)
@pytest.mark.parametrize("size", [2, 3])
def test_gradient_variance_by_enumeration(kind, size):
    graph = make(per_class=2)
    loss = PairLoss.of_graph(graph, **edit(graph, kind))
    rng = np.random.default_rng(2)
    features, directions = rng.normal(size=(4, 1)), rng.normal(size=(4, 2))
    pairs = list(itertools.product(range(4), repeat=2))
    moments = np.zeros((2, 2))
    for batch in itertools.product(pairs, repeat=size):
        chance = np.prod([loss.pairs[pair] for pair in batch])
        slopes = batch_gradient(loss, features, batch).ravel() @ directions
        moments += chance * np.array([slopes, slopes**2])
    found = gradient_variance(loss, features, directions, size)
    assert found == pytest.approx(moments[1] - moments[0] ** 2, rel=1e-9)


def test_expected_excess_by_matrices():
    graph = make()
    loss = PairLoss.of_graph(graph)
    minimiser, rates = loss.eigen_factor(2), np.linspace(0.5, 0, 40)
    curvatures, directions = np.linalg.eigh(loss.hessian(minimiser))
    noise = gradient_variance(loss, minimiser, directions, 16)
    total = 0.0
    for h, c in zip(curvatures, noise, strict=True):
        covariance = np.zeros((2, 2))
        for rate in rates:
            # (x, m) ← (x − η (μ m + h x + ξ), μ m + h x + ξ).
            move = np.array([[1 - rate * h, -rate * 0.9], [h, 0.9]])
            kick = np.array([-rate, 1.0])
            covariance = move @ covariance @ move.T + c * np.outer(kick, kick)
        total += h * covariance[0, 0] / 2
    assert expected_excess(loss, minimiser, rates, 16, 0.9) == pytest.approx(total, rel=1e-6)
