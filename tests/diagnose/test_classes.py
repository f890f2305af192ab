import json
import math

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from dctheory.diagnose import classes as module
from dctheory.diagnose.classes import cluster, estimate_classes


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def planted(count, classes, dimension, noise=1.0, offset=0.0, sizes=None, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.choice(classes, count, p=sizes)
    rows = unit(rng.normal(size=(classes, dimension)))[labels]
    rows = rows + noise * rng.normal(size=rows.shape) / np.sqrt(dimension)
    return rows + offset * unit(rng.normal(size=(1, dimension))), labels


@pytest.mark.parametrize(
    ("classes", "dimension", "offset"),
    [(2, 30, 0), (2, 30, 2), (5, 40, 0), (10, 64, 1), (31, 100, 0)],
)
def test_planted_classes_are_counted(classes, dimension, offset):
    rows, _ = planted(2000, classes, dimension, 0.7, offset)
    rows *= np.random.default_rng(1).uniform(0.5, 5, (2000, 1))
    found = estimate_classes(rows, resamples=10)
    assert (found.count, found.low, found.high) == (classes, classes, classes)
    assert found.clear
    assert found.signals == classes - 1
    assert found.votes == {classes: 1.0}
    assert f"one clear gap, after {classes - 1} directions" in found.note


def test_unequal_and_collapsed_classes_are_counted():
    sizes = np.arange(1, 9) ** -0.7
    rows, labels = planted(3000, 8, 50, 0.5, sizes=sizes / sizes.sum())
    assert estimate_classes(rows).count == 8
    # All samples of a class in one point: C − 1 directions and nothing else.
    collapsed = np.random.default_rng(3).normal(size=(8, 50))[labels]
    found = estimate_classes(collapsed)
    assert (found.count, found.clear, found.signals) == (8, True, 7)


def test_eigenvalues_and_gaps_are_those_of_the_covariance():
    rows, _ = planted(300, 4, 12)
    found = estimate_classes(rows, most=5)
    values = np.linalg.eigvalsh(np.cov(unit(rows).T, bias=True))[::-1]
    np.testing.assert_allclose(found.eigenvalues, values[:6], rtol=1e-10)
    gaps = [math.log(values[j - 1] / values[j]) / math.log((j + 1) / j) for j in range(1, 6)]
    np.testing.assert_allclose(found.gaps, gaps, rtol=1e-8)
    assert found.samples == 300


def test_more_dimensions_than_rows():
    rows, _ = planted(60, 4, 200, 0.5)
    found = estimate_classes(rows, most=20)
    values = np.linalg.svd(unit(rows) - unit(rows).mean(axis=0), compute_uv=False) ** 2 / 60
    np.testing.assert_allclose(found.eigenvalues, values[:21], rtol=1e-10)
    assert found.count == 4


def test_noise_has_no_classes():
    counts = []
    for seed in range(30):
        found = estimate_classes(np.random.default_rng(seed).normal(size=(300, 20)), resamples=2)
        counts.append(found.count)
    # The limit of noise is exceeded once in 100 cases.
    assert np.mean(np.array(counts) == 1) >= 0.9
    noise = estimate_classes(np.random.default_rng(0).normal(size=(300, 20)))
    assert "no sign of more than one class" in noise.note
    assert noise.votes == {1: 1.0}


def test_a_spectrum_without_a_gap_is_called_unclear():
    rng = np.random.default_rng(0)
    for decay in (np.arange(1, 101) ** -0.5, np.exp(-np.arange(100) / 20)):
        found = estimate_classes(rng.normal(size=(2000, 100)) * decay)
        assert not found.clear
        assert found.low < found.high
        assert "a guess" in found.note
        assert "more than 51 could not be seen" in found.note


def test_limits_of_noise_are_those_of_sampled_noise():
    rng = np.random.default_rng(0)
    for num_rows, dimension in ((150, 30), (40, 80)):
        largest, medians = [], []
        for _ in range(100):
            noise = rng.normal(size=(num_rows, dimension))
            values = np.linalg.eigvalsh(noise.T @ noise / num_rows)
            largest.append(values[-1])
            medians.append(np.median(values[values > 1e-9]))
        limit = module._noise_limit(num_rows, dimension)
        # 1 expected of 100; 6 or more have a probability of 6e-4.
        assert np.sum(np.array(largest) > limit) < 6
        assert limit < 1.02 * np.max(largest)
        assert module._median_of_noise(num_rows, dimension) == pytest.approx(
            np.mean(medians), rel=0.03
        )


def test_half_samples_have_the_spectra_of_halves():
    rows = np.random.default_rng(0).normal(size=(40, 3)) * [3, 2, 1]
    spectra = module._half_spectra(np.random.default_rng(1), rows, 20)
    # With as many groups as rows each half is a set of 20 rows.
    order = np.random.default_rng(1)
    groups = np.array_split(order.permutation(40), 40)
    for found in spectra:
        half = np.concatenate([groups[i] for i in order.permutation(40)[:20]])
        expected = np.linalg.eigvalsh(np.cov(rows[half].T, bias=True))[::-1]
        np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_counts_follow_the_seed_and_go_into_json():
    rows, _ = planted(500, 6, 12, 2.0)
    first, again = (estimate_classes(rows, sample=200, seed=5) for _ in range(2))
    assert first.votes == again.votes
    assert first.samples == 200
    document = json.loads(json.dumps(first.to_dict(), allow_nan=False))
    assert document["count"] == first.count
    assert len(first.table()) == len(first.votes)
    assert sum(first.votes.values()) == pytest.approx(1)


def test_bad_counts():
    rows, _ = planted(50, 3, 10)
    with pytest.raises(ValueError, match="at least 10 rows, got 9"):
        estimate_classes(rows[:9])
    with pytest.raises(ValueError, match="row 3 holds NaN"):
        estimate_classes(np.where(np.arange(50)[:, None] == 3, np.nan, rows))
    for name, value in {"most": 0, "sample": 9, "resamples": 1, "seed": -1}.items():
        with pytest.raises(ValueError, match=name):
            estimate_classes(rows, **{name: value})
    for dimension in (1, 3, 4):
        assert estimate_classes(np.ones((50, dimension))).count == 1


# --- Clusters


@pytest.mark.parametrize("offset", [0, 3])
def test_planted_classes_are_recovered(offset):
    rows, labels = planted(1500, 8, 60, 0.8, offset)
    found = cluster(rows, 8)
    assert adjusted_rand_score(labels, found.codes) > 0.99
    assert found.stability > 0.99
    assert found.count == 8
    np.testing.assert_array_equal(found.sizes, np.bincount(found.codes))
    sampled = cluster(rows, 8, sample=200)
    assert adjusted_rand_score(labels, sampled.codes) > 0.98
    assert sampled.samples == 200
    assert "200 random rows" in sampled.note


def test_each_row_goes_to_the_nearest_centre():
    # Unequal classes, whose centres are not equally far from the mean.
    rows, _ = planted(400, 3, 6, 2.0, sizes=[0.8, 0.1, 0.1])
    found = cluster(rows, 3)
    z = unit(rows)
    centred = z - z.mean(axis=0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    projected = centred @ directions[:6].T
    centres = np.stack([projected[found.codes == code].mean(axis=0) for code in range(3)])
    distances = np.linalg.norm(projected[:, None] - centres, axis=2)
    # k-means has converged: its centres are the means of what is nearest.
    assert np.mean(distances.argmin(axis=1) == found.codes) > 0.99


def test_noise_is_unstable():
    found = cluster(np.random.default_rng(0).normal(size=(1000, 40)), 12)
    assert found.stability < 0.5
    assert cluster(np.random.default_rng(0).normal(size=(1000, 40)), 12).note == found.note


def test_no_cluster_has_a_single_sample():
    rng = np.random.default_rng(0)
    rows = np.concatenate(
        [rng.normal([9, 0, 0], 0.1, (20, 3)), rng.normal([0, 9, 0], 0.1, (20, 3))]
    )
    rows = np.concatenate([rows, [[0, 0, 1.0]]])
    found = cluster(rows, 3)
    assert found.count == 2
    assert found.sizes.min() >= 20
    assert found.codes.max() == 1
    assert "1 of 3 clusters" in found.note
    twins = np.repeat(np.eye(3), 7, axis=0)
    found = cluster(twins, 8)
    assert found.count == 3
    assert sorted(found.sizes) == [7, 7, 7]


def test_clusters_of_a_dask_array_and_json():
    dask = pytest.importorskip("dask.array")
    rows, _ = planted(300, 4, 10, 0.5)
    found = cluster(rows, 4)
    spread = cluster(dask.from_array(rows, chunks=(70, 10)), 4)
    np.testing.assert_array_equal(found.codes, spread.codes)
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert "codes" not in document
    assert document["sizes"] == found.sizes.tolist()


def test_bad_clusters():
    rows, _ = planted(50, 3, 10)
    with pytest.raises(ValueError, match="count must be between 2 and 25, got 26"):
        cluster(rows, 26)
    with pytest.raises(ValueError, match="sample must be at least 20"):
        cluster(rows, 10, sample=19)
    with pytest.raises(ValueError, match="form a single cluster"):
        cluster(np.ones((50, 4)), 3)
