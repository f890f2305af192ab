from __future__ import annotations

import math

import numpy as np
import pytest

from dctheory import estimate_similarities
from dctheory.data import SphereFamily, mean_resultant_length

jax = pytest.importorskip("jax")
jnp = jax.numpy

PAIRINGS = ("both", "matched", "either")


def family(**changes):
    return SphereFamily(
        **(
            {"classes": 4, "per_class": 20, "difficult": 7, "dimension": 12, "distance": 0.35}
            | changes
        )
    )


@pytest.mark.parametrize("dimension", [1, 2, 3, 8, 64, 1000])
@pytest.mark.parametrize("noise", [1e-4, 0.03, 0.5, 2.0, 40.0])
def test_mean_resultant_length_is_the_integral(noise, dimension):
    """By quadrature over the radius: conditionally on ‖y‖ = t, the mean cosine is a ratio of
    Bessel functions, I_{d/2}(κt)/I_{d/2−1}(κt) in units of the noise."""
    from mpmath import besseli, exp, gamma, hyp1f1, mp, mpf, quad, sqrt

    kappa = sqrt(mpf(dimension)) / mpf(noise)
    found = mean_resultant_length(noise, dimension)
    if dimension == 1:
        assert found == pytest.approx(math.erf(float(kappa) / math.sqrt(2)), abs=1e-11)
    elif dimension <= 8 and 0.03 < noise < 10:
        order = mpf(dimension) / 2 - 1

        def density(t):
            return t ** (order + 1) * exp(-((t - kappa) ** 2) / 2 - kappa * t)

        top = quad(lambda t: density(t) * besseli(order + 1, kappa * t), [0, kappa, kappa + 12])
        bottom = quad(lambda t: density(t) * besseli(order, kappa * t), [0, kappa, kappa + 12])
        assert found == pytest.approx(float(top / bottom), abs=1e-9)
    else:
        with mp.workdps(60):
            half = mpf(dimension) / 2
            series = hyp1f1(mpf(1) / 2, half + 1, -(kappa**2) / 2)
            exact = kappa / sqrt(2) * gamma(half + mpf(1) / 2) / gamma(half + 1) * series
        assert found == pytest.approx(float(exact), abs=1e-11)


def test_mean_resultant_length_without_noise_and_of_a_sample():
    assert mean_resultant_length(0, 5) == 1
    rng = np.random.default_rng(0)
    moved = np.eye(6)[0] + 0.8 / math.sqrt(6) * rng.standard_normal((200_000, 6))
    cosines = moved[:, 0] / np.linalg.norm(moved, axis=1)
    error = cosines.std() / math.sqrt(len(cosines))
    assert abs(cosines.mean() - mean_resultant_length(0.8, 6)) < 4 * error


@pytest.mark.parametrize("pairing", PAIRINGS)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"classes": 2},
        {"difficult": 1},
        {"difficult": 20},
        {"distance": 1.0, "overlap": 0.0},
        {"distance": 0.0, "overlap": 0.6},
    ],
    ids=str,
)
def test_similarities_of_the_centres_by_brute_force(pairing, changes):
    points = family(**changes, spread=0.0, noise=0.0)
    gram = points.centres() @ points.centres().T
    np.testing.assert_allclose(np.diag(gram), 1, atol=1e-12)
    same = np.equal.outer(points.labels, points.labels)
    hard = points.is_difficult
    if pairing == "both":
        difficult = np.logical_and.outer(hard, hard)
    elif pairing == "either":
        difficult = np.logical_or.outer(hard, hard)
    else:
        difficult = np.equal.outer(points.matches, points.matches) & hard[:, None]
    found = points.similarities(pairing)
    distinct = ~np.eye(points.num_samples, dtype=bool)
    assert found.alpha == pytest.approx(gram[same & distinct].mean(), abs=1e-12)
    assert found.gamma == pytest.approx(gram[~same & difficult].mean(), abs=1e-12)
    rest = gram[~same & ~difficult]
    if rest.size:
        assert found.beta == pytest.approx(rest.mean(), abs=1e-12)
    else:
        assert math.isnan(found.beta)
    assert found.positive == 1


def test_training_points_have_the_predicted_similarities():
    points = family(per_class=40, difficult=12)
    measured = []
    for i in range(25):
        natural_key, view_key = jax.random.split(jax.random.key(i))
        views = np.asarray(points.augment(points.sample(natural_key), view_key))
        found = estimate_similarities(
            views, points.labels, points.is_difficult, points.matches, spread_pairs=2
        )
        row = [found.alpha]
        for pairing in PAIRINGS:
            row += [found.beta(pairing), found.gamma(pairing)]
        measured.append(row)
    expected = [points.similarities().alpha]
    for pairing in PAIRINGS:
        similar = points.similarities(pairing)
        expected += [similar.beta, similar.gamma]
    error = np.std(measured, axis=0, ddof=1) / math.sqrt(len(measured))
    assert np.abs((np.mean(measured, axis=0) - expected) / error).max() < 4
    assert error.max() < 0.006  # or the comparison above says nothing


def test_two_views_have_the_predicted_similarity_and_their_own_keys():
    points = family(per_class=500, difficult=100)
    natural = points.sample(jax.random.key(0))
    rows = np.arange(points.num_samples)
    first, second = points.two_views(natural, rows, 1, 2, 3)
    cosines = np.asarray(jnp.sum(first * second, axis=1))
    error = cosines.std() / math.sqrt(len(cosines))
    assert abs(cosines.mean() - points.similarities().positive) < 4 * error
    some = rows[::-1]
    alone = points.two_views(natural[some], some, 1, 2, 3)
    np.testing.assert_allclose(alone[0], first[some], atol=1e-6)
    np.testing.assert_allclose(alone[1], second[some], atol=1e-6)


def test_difficulty_is_a_dial():
    gaps = []
    for distance in (0.0, 0.1, 0.2, 0.3, 0.4):
        found = family(distance=distance).similarities()
        gaps.append(found.gamma - found.beta)
    assert gaps[0] == pytest.approx(0, abs=1e-12)
    assert np.all(np.diff(gaps) > 0)


def test_graph_has_the_numbers():
    points = family()
    for pairing in PAIRINGS:
        graph, found = points.graph(pairing), points.similarities(pairing)
        assert (graph.alpha, graph.beta, graph.gamma) == (found.alpha, found.beta, found.gamma)
        assert (graph.classes, graph.per_class, graph.difficult) == (4, 20, 7)
        np.testing.assert_array_equal(graph.labels, points.labels)
        np.testing.assert_array_equal(graph.is_difficult, points.is_difficult)
    without = family(difficult=0)
    assert math.isnan(without.similarities().gamma)
    assert without.graph().gamma == without.graph().beta == without.similarities().beta


def test_partners_are_other_classes_in_turn():
    points = family(classes=3, per_class=5, difficult=4)
    assert points.partners.reshape(3, 5).tolist() == [
        [1, 2, 1, 2, -1],
        [2, 0, 2, 0, -1],
        [0, 1, 0, 1, -1],
    ]


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"classes": 1}, ValueError, "classes must be at least 2"),
        ({"per_class": 1}, ValueError, "per_class must be at least 2"),
        ({"difficult": 21}, ValueError, "difficult must be between 0 and 20"),
        ({"dimension": 4}, ValueError, "dimension must be at least 5"),
        ({"distance": 1.5}, ValueError, "distance must lie in"),
        ({"overlap": 1}, ValueError, "overlap must be below 1"),
        ({"noise": float("nan")}, ValueError, "noise must be finite"),
        ({"spread": "wide"}, TypeError, "spread must be a real number"),
    ],
    ids=str,
)
def test_bad_family(changes, error, words):
    with pytest.raises(error, match=words):
        family(**changes)


def test_bad_use():
    points = family()
    with pytest.raises(ValueError, match="did you mean 'both'"):
        points.similarities("bothh")
    with pytest.raises(ValueError, match="choose a distance below"):
        family(classes=2, distance=0.5).graph()
    with pytest.raises(ValueError, match="every cross-class pair is difficult"):
        family(difficult=20).graph()
    with pytest.raises(ValueError, match=r"points must have shape \(B, 12\)"):
        points.augment(np.ones((3, 4), np.float32), jax.random.key(0))
    with pytest.raises(TypeError, match="points must be floating"):
        points.augment(np.ones((3, 12), int), jax.random.key(0))
    with pytest.raises(ValueError, match="3 points have 2 indices"):
        points.two_views(np.ones((3, 12), np.float32), np.arange(2), 0, 0, 0)
