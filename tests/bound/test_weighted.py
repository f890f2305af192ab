"""The bound for the minimiser of the temperature loss, against that minimiser found numerically."""

import dataclasses

import numpy as np
import pytest
from scipy.optimize import minimize

from dctheory import SimilarityGraph
from dctheory.bound.edits import temperature_matrix, temperature_values, without_difficult
from dctheory.bound.kinds import present
from dctheory.bound.weighted import WEIGHTED_BOUND, weighted_bound


def _graph(pairing, **changes):
    given = {"classes": 3, "per_class": 5, "difficult": 2, "alpha": 0.6, "beta": 0.1, "gamma": 0.5}
    return SimilarityGraph(**(given | changes), pairing=pairing)


def _loss(features, target, weights):
    return float((weights * (target - features @ features.T) ** 2).sum())


def _minimise(start, target, weights):
    """L-BFGS from ``start``; the result and the largest entry of the gradient there."""

    def value_and_slope(flat):
        features = flat.reshape(start.shape)
        slope = -4 * (weights * (target - features @ features.T)) @ features
        return _loss(features, target, weights), slope.ravel()

    options = {"maxiter": 5000, "maxfun": 10**5, "ftol": 0, "gtol": 1e-9}
    found = minimize(value_and_slope, start.ravel(), jac=True, method="L-BFGS-B", options=options)
    return found.x.reshape(start.shape), np.abs(found.jac).max()


def _eigen_factor(target, k):
    values, vectors = np.linalg.eigh(target)
    return vectors[:, -k:] * np.sqrt(np.maximum(values[-k:], 0))


@pytest.mark.parametrize("pairing", ["both", "matched", "either"])
@pytest.mark.parametrize("k", [2, 3, 4])
def test_the_weighted_minimiser_keeps_the_bound(dense, pairing, k):
    graph = _graph(pairing)
    target = dense(dataclasses.replace(graph, gamma=graph.beta))[1]
    weights = temperature_matrix(graph) ** -2.0
    start = _eigen_factor(target, k)
    features, slope = _minimise(start, target, weights)
    assert slope < 1e-7
    # The eigen-factor is not the minimiser: that is why a proof is needed.
    assert _loss(features, target, weights) < 0.999 * _loss(start, target, weights)

    size = graph.num_nodes
    labels = np.eye(graph.classes)[graph.labels] / np.sqrt(size)
    cut = float(np.trace(labels.T @ (np.eye(size) - target) @ labels))
    residual = labels - features @ np.linalg.lstsq(features, labels, rcond=None)[0]
    values = temperature_values(graph, printed=False)
    used = [values[name] for name in present(graph)]
    # With φ = 2δ the bound is 2 ‖QY‖² + 8δ at most.
    bound = weighted_bound(without_difficult(graph).spectrum(), used, k, cut / 2)
    assert 2 * (residual**2).sum() + 4 * cut <= bound
    prediction = (features @ np.linalg.lstsq(features, labels, rcond=None)[0]).argmax(axis=1)
    assert np.mean(prediction != graph.labels) <= 2 * (residual**2).sum() + 1e-12


def test_the_number_by_hand():
    # Two classes of two nodes, α = 1/2, β = 0: eigenvalues 1, 1, 1/3, 1/3; τ of 1 and 2.
    spectrum = _graph("both", classes=2, per_class=2, difficult=0, alpha=0.5, beta=0.0).spectrum()
    kappa, rest, rho = 4, 2 / 9, 2 / 3
    expected = 2 * (np.sqrt(2 * rho * 0.1) + np.sqrt(kappa * rest)) ** 2 + 0.8
    assert weighted_bound(spectrum, [1, 2], 2, 0.1) == pytest.approx(expected, rel=1e-14)
    # With k = 3 one of the two small eigenvalues is fitted.
    expected = 2 * (np.sqrt(2 * rho * 0.1) + np.sqrt(kappa * rest / 2)) ** 2 + 0.8
    assert weighted_bound(spectrum, [1, 2], 3, 0.1) == pytest.approx(expected, rel=1e-14)


def test_the_excess_vanishes_with_the_size():
    sizes = [10**p for p in (6, 8, 10)]
    excess = []
    for n in sizes:
        graph = _graph("both", per_class=n, difficult=n // 10)
        values = temperature_values(graph, printed=False).values()
        bound = weighted_bound(without_difficult(graph).spectrum(), values, 3, 0.01)
        excess.append(bound - 0.12)
    # As 1/√n: a hundredfold n makes a tenth.
    np.testing.assert_allclose(np.array(excess[1:]) / excess[:-1], 0.1, rtol=0.02)


def test_the_formula_is_symbolic():
    assert {symbol.name for symbol in WEIGHTED_BOUND.expr.free_symbols} == {
        *("rho", "kappa", "R", "delta")
    }
