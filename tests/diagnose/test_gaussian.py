import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from dctheory.diagnose.gaussian import _sphere, _tests, anderson_darling, gaussianity


def normals(shape=(600, 6), seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def on_sphere(count, dimension, seed=0):
    rows = normals((count, dimension), seed)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def pvalue(column):
    return stats.anderson(column, "norm", method="interpolate").pvalue


def laws(seed=0):
    """One column each: normal, uniform, skewed, heavy tails, two modes."""
    rng = np.random.default_rng(seed)
    two = rng.normal(size=600) + 4 * rng.integers(0, 2, 600)
    rest = [
        rng.normal(size=600),
        rng.random(600),
        rng.exponential(size=600),
        rng.standard_t(3, 600),
    ]
    return np.stack([*rest, two], axis=1)


def test_the_statistics_are_those_of_scipy():
    columns = 100 + 5 * laws()
    expected = [stats.anderson(c, "norm", method="interpolate").statistic for c in columns.T]
    np.testing.assert_allclose(anderson_darling(columns), expected, rtol=1e-9)
    found = gaussianity(columns, coordinates=5, draws=1)
    raw = [stats.normaltest(c) for c in columns.T]
    assert found.raw.anderson_median == pytest.approx(np.median(expected), rel=1e-9)
    assert found.raw.dagostino_median == pytest.approx(np.median([t.statistic for t in raw]))
    assert found.raw.anderson_rejected == np.mean([pvalue(c) < 0.05 for c in columns.T]) == 0.8
    assert found.raw.dagostino_rejected == np.mean([t.pvalue < 0.05 for t in raw]) == 0.8
    unit = columns / np.linalg.norm(columns, axis=1, keepdims=True)
    expected = [stats.anderson(c, "norm", method="interpolate").statistic for c in unit.T]
    assert found.unit.anderson_median == pytest.approx(np.median(expected), rel=1e-9)


def test_normal_coordinates_are_rejected_at_the_rate_of_the_level():
    found = gaussianity(normals((300, 2000)), coordinates=2000, draws=1)
    # Four standard deviations of a share of 2000 coordinates.
    tolerance = 4 * np.sqrt(0.05 * 0.95 / 2000)
    assert found.raw.anderson_rejected == pytest.approx(0.05, abs=tolerance)
    assert found.raw.dagostino_rejected == pytest.approx(0.05, abs=tolerance)
    assert found.norm_variation == pytest.approx(found.norm_variation_gaussian, rel=0.2)


@pytest.mark.parametrize("dimension", [2, 3, 50])
def test_variation_of_the_norm_of_a_gaussian(dimension):
    found = gaussianity(normals((30, dimension)) + 10, draws=1)
    law = stats.chi(dimension)
    assert found.norm_variation_gaussian == pytest.approx(law.std() / law.mean(), rel=1e-9)


def test_norms_spread_and_offset_are_those_of_the_rows():
    rows = normals((50, 4)) * [1, 2, 3, 4] + [5, 0, 0, 0]
    found = gaussianity(rows, draws=1)
    norms = np.linalg.norm(rows, axis=1)
    spread = 2 * np.std(rows / norms[:, None], axis=0)
    assert found.norm_mean == pytest.approx(norms.mean())
    assert found.norm_variation == pytest.approx(norms.std(ddof=1) / norms.mean())
    assert found.scale == pytest.approx((spread.min(), np.median(spread), spread.max()))
    assert found.offset == pytest.approx(np.linalg.norm(np.mean(rows / norms[:, None], axis=0)))


def test_the_baseline_has_the_law_of_coordinates_on_the_sphere():
    # z² is Beta(1/2, (d − 1)/2) for a coordinate z.
    for dimension, coordinates in ((3, 3), (3, 1), (40, 7)):
        points = _sphere(np.random.default_rng(1), 4000, dimension, coordinates)
        squares = points[:, -1] ** 2
        assert stats.kstest(squares, stats.beta(0.5, (dimension - 1) / 2).cdf).pvalue > 1e-3
        total = np.sum(points**2, axis=1)
        if coordinates == dimension:
            np.testing.assert_allclose(total, 1)
        else:
            law = stats.beta(coordinates / 2, (dimension - coordinates) / 2)
            assert stats.kstest(total, law.cdf).pvalue > 1e-3


def test_of_normal_columns_a_twentieth_is_rejected():
    # Few rows, where the size of the sample is to be allowed for.
    found = _tests(normals((20, 40_000)))
    assert found.anderson_rejected == pytest.approx(0.05, abs=0.004)
    assert found.dagostino_rejected == pytest.approx(0.05, abs=0.01)


def test_a_sphere_looks_like_a_sphere_and_clusters_do_not():
    # In 4 dimensions a sphere's coordinates are far from normal: only the baseline tells.
    sphere = gaussianity(on_sphere(1000, 4), draws=8)
    low, high = sphere.sphere_range("anderson_rejected")
    assert low == high == sphere.unit.anderson_rejected == 1
    assert "as on a uniform sphere" in " ".join(sphere.sentences())
    clusters = normals((1000, 20)) + 4 * on_sphere(1000, 20, 1)[np.arange(1000) % 3]
    apart = gaussianity(clusters, draws=8)
    assert apart.unit.anderson_rejected > apart.sphere_range("anderson_rejected")[1]
    assert "more than in any of 8 draws" in " ".join(apart.sentences())
    assert "less Gaussian" in " ".join(apart.sentences())
    assert apart.offset > 5 * 1 / np.sqrt(1000)


def test_one_test_alone_decides_nothing():
    # Tests of 8 draws: each rejects more than in all of them once in 9 times by chance.
    found = gaussianity(on_sphere(200, 8), draws=8)
    high = found.sphere_range("anderson_rejected")[1]
    unit = replace(found.unit, anderson_rejected=high + 0.1, dagostino_rejected=0.0)
    assert "may be chance" in " ".join(replace(found, unit=unit).sentences())


def test_samples_are_stated_and_follow_the_seed():
    rows = normals((500, 30))
    first, again, other = (
        gaussianity(rows, sample=100, coordinates=5, draws=2, seed=seed) for seed in (0, 0, 1)
    )
    assert first == again != other
    assert (first.samples, first.dimension, first.coordinates) == (100, 30, 5)
    document = json.loads(json.dumps(first.to_dict(), allow_nan=False))
    assert document["unit"]["anderson_median"] == first.unit.anderson_median
    assert len(document["sphere"]) == 2
    assert len(first.table()) == 4


def test_constant_coordinates_are_left_out():
    rows = np.hstack([on_sphere(60, 3), np.zeros((60, 2))])
    found = gaussianity(rows, draws=1)
    assert (found.coordinates, found.constant) == (3, 2)
    assert "2 coordinates are constant" in found.sentences()[-1]
    with pytest.raises(ValueError, match="all 3 coordinates tested are constant"):
        gaussianity(np.ones((60, 3)))


def test_bad_input():
    with pytest.raises(ValueError, match="at least 20 rows, got 19"):
        gaussianity(normals((19, 3)))
    with pytest.raises(ValueError, match="row 7 holds NaN"):
        gaussianity(np.where(np.arange(30)[:, None] == 7, np.nan, normals((30, 3))))
    for name, value in {"sample": 19, "coordinates": 0, "draws": 0, "seed": -1}.items():
        with pytest.raises(ValueError, match=name):
            gaussianity(normals((30, 3)), **{name: value})
