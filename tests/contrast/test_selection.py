from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dctheory.contrast import difficulty_score, select_pairs, select_thresholds
from dctheory.contrast.selection import kth_largest

jax = pytest.importorskip("jax")
jnp = jax.numpy

# Orthogonal and opposite vectors: cosines 1, 0 and −1, so that most pairs are ties.
AXES = np.concatenate([np.eye(3), -np.eye(3)]).astype(np.float32)


VIEWS = 26  # most tests share this shape, so that JAX compiles once


def normal(seed, size=VIEWS, dimension=4):
    return np.random.default_rng(seed).normal(size=(size, dimension)).astype(np.float32)


def cosines(features, others=None):
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    return unit @ (unit if others is None else others / np.linalg.norm(others, axis=1)[:, None]).T


def by_sorting(similarity, high, low, excluded):
    """Eq. 12 by a full sort of each row, with nearest-rank percentiles of the descending order."""
    mask = np.zeros(similarity.shape, bool)
    for i, row in enumerate(similarity):
        others = [j for j in range(len(row)) if j not in excluded(i)]
        descending = sorted((row[j] for j in others), reverse=True)

        def percentile(q, descending=descending):
            rank = next(k for k in range(len(descending) + 1) if 100 * k >= q * len(descending))
            return np.inf if rank == 0 else descending[rank - 1]

        for j in others:
            mask[i, j] = percentile(low) <= row[j] < percentile(high)
    return mask


def own_and_positive(size):
    return lambda i: (i, (i + size // 2) % size)


_SELECT = jax.jit(select_pairs, static_argnums=(1, 2))
_THRESHOLDS = jax.jit(select_thresholds, static_argnums=(1, 2), static_argnames="block_size")


@pytest.mark.parametrize(("high", "low"), [(0, 3), (10, 60), (33.3, 33.4), (99, 100)])
def test_against_a_full_sort(high, low):
    features = normal(0)
    expected = by_sorting(cosines(features), high, low, own_and_positive(VIEWS))
    np.testing.assert_array_equal(_SELECT(features, high, low), expected)


def test_thresholds_found_in_blocks():
    features = normal(0)
    expected = _THRESHOLDS(features, 10, 60, block_size=26)
    found = _THRESHOLDS(features, 10, 60, block_size=7)
    for name in ("lower", "upper"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=1e-6)


@pytest.mark.parametrize("high", [7, 25])
def test_number_of_selected_pairs_of_a_row(high):
    """⌈pos_low M/100⌉ − ⌈pos_high M/100⌉, also where q M/100 is a whole number only in exact
    arithmetic (7 % of 100 is 7.000000000000001 in floats)."""
    features = normal(1, 102)
    counts = np.asarray(_SELECT(features, high, 100)).sum(1)
    assert set(counts.tolist()) == {100 - high}


def test_a_percentile_computed_in_floats_means_the_number_it_was_computed_for():
    features = normal(2, 102)
    high = 100 * 0.07
    assert high > 7
    counts = np.asarray(_SELECT(features, high, 100)).sum(1)
    assert set(counts.tolist()) == {93}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=12, max_size=12), st.sampled_from([0, 45]))
def test_ties_share_one_fate(axes, high):
    features = AXES[np.array(axes)]
    expected = by_sorting(features @ features.T, high, 60, own_and_positive(12))
    np.testing.assert_array_equal(_SELECT(features, high, 60), expected)


def test_all_equal_selects_nothing_below_the_top_and_everything_from_it():
    features = np.ones((6, 3), np.float32)
    assert not np.any(_SELECT(features, 10, 100))  # all equal Sim_posHigh, and must be below it
    assert np.sum(_SELECT(features, 0, 50)) == 6 * 4
    assert not np.any(_SELECT(0 * features, 10, 100))  # zero rows: every cosine is 0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 9))
def test_kth_largest_is_exact(seed, rank):
    rng = np.random.default_rng(seed)
    pool = np.array([-np.inf, -1, -1e-38, -0.0, 0.0, 1e-30, 0.3, np.nextafter(0.3, 1), 1, np.inf])
    values = rng.choice(np.concatenate([pool, rng.normal(size=10)]), (9, 5)).astype(np.float32)
    found = np.asarray(_KTH(values, rank))
    np.testing.assert_array_equal(found, np.sort(values, axis=0)[::-1][rank - 1])


_KTH = jax.jit(kth_largest)


def test_kth_largest_in_float64():
    with jax.enable_x64(True):
        values = np.random.default_rng(3).normal(size=(50, 4))
        found = np.asarray(kth_largest(jnp.asarray(values), 20))
        np.testing.assert_array_equal(found, np.sort(values, axis=0)[::-1][19])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_order_and_scale_of_the_features_do_not_matter(seed):
    rng = np.random.default_rng(seed)
    features, half = normal(seed), VIEWS // 2
    expected = np.asarray(_SELECT(features, 10, 60))
    order = rng.permutation(half)
    both = np.concatenate([order, order + half])
    np.testing.assert_array_equal(_SELECT(features[both], 10, 60), expected[both][:, both])
    swapped = np.roll(features, half, axis=0)
    rolled = np.roll(expected, (half, half), (0, 1))
    np.testing.assert_array_equal(_SELECT(swapped, 10, 60), rolled)
    scales = 2.0 ** rng.integers(-20, 20, (VIEWS, 1)).astype(np.float32)
    np.testing.assert_array_equal(_SELECT(features * scales, 10, 60), expected)


def test_nested_percentiles_select_nested_pairs():
    features = normal(4)
    parts = [_SELECT(features, *ends) for ends in ((0, 10), (10, 60), (60, 100))]
    total = sum(np.asarray(part, int) for part in parts)
    np.testing.assert_array_equal(total, np.asarray(_SELECT(features, 0, 100), int))


def test_queue():
    rng = np.random.default_rng(5)
    features, queue = (rng.normal(size=(size, 4)).astype(np.float32) for size in (5, 23))
    expected = by_sorting(cosines(features, queue), 15, 80, lambda i: ())
    np.testing.assert_array_equal(select_pairs(features, 15, 80, queue=queue), expected)
    thresholds = select_thresholds(features, 15, 80, queue=queue, block_size=2)
    assert thresholds.shape == (5, 23)
    np.testing.assert_array_equal(thresholds.rows(0, 5), expected)


def test_thresholds_survive_another_rounding():
    """Similarities recomputed with noise at float32's rounding select the same pairs."""
    features = normal(6)
    thresholds = _THRESHOLDS(features, 10, 60)
    exact = cosines(features.astype(np.float64))
    lower, upper = np.asarray(thresholds.lower), np.asarray(thresholds.upper)
    gaps = np.abs(exact[:, :, None] - np.stack([lower, upper], 1)[:, None]).min((1, 2))
    assert gaps.min() > 1e-6  # no similarity lies on a threshold
    found = (exact >= lower[:, None]) & (exact < upper[:, None])
    np.testing.assert_array_equal(found, thresholds.rows(0, VIEWS))


def test_no_gradient_passes():
    features = jnp.asarray(np.random.default_rng(7).normal(size=(8, 3)), jnp.float32)

    def total(features):
        thresholds = select_thresholds(features, 10, 60)
        return thresholds.lower.sum() + thresholds.features.sum()

    assert not np.any(jax.jit(jax.grad(total))(features))


def test_half_precision_features_are_compared_in_float32():
    features = jnp.asarray(normal(8), jnp.bfloat16)
    expected = by_sorting(
        cosines(np.asarray(features, np.float64)), 10, 60, own_and_positive(VIEWS)
    )
    np.testing.assert_array_equal(_SELECT(features, 10, 60), expected)


def test_difficulty_score_counts_pairs():
    features, half = normal(9), VIEWS // 2
    mask = np.asarray(_SELECT(features, 10, 60))
    expected = np.zeros(half)
    for i, j in np.argwhere(mask):
        expected[i % half] += 1
        expected[j % half] += 1
    expected /= 2 * 2 * (VIEWS - 2)
    score = jax.jit(difficulty_score)
    np.testing.assert_allclose(score(mask), expected, rtol=1e-6)
    np.testing.assert_allclose(score(_THRESHOLDS(features, 10, 60)), expected, rtol=1e-6)


def test_difficulty_score_ignores_own_and_positive_and_reaches_one():
    everything = np.ones((8, 8), bool)
    np.testing.assert_allclose(difficulty_score(everything), np.ones(4))
    assert not np.any(difficulty_score(~everything))


def test_samples_between_two_classes_have_the_highest_score():
    """Two tight classes, and one sample of each moved towards the other class."""
    rng = np.random.default_rng(10)
    samples = np.repeat(np.eye(2), 10, axis=0)
    samples[[0, 10]] = [[0.8, 0.6], [0.6, 0.8]]
    both = np.tile(samples, (2, 1)) + 0.01 * rng.normal(size=(40, 2))
    score = np.asarray(difficulty_score(select_pairs(both, 45, 52)))
    assert set(np.argsort(score)[-2:].tolist()) == {0, 10}


def test_difficulty_score_in_blocks(monkeypatch):
    from dctheory.contrast import _blocks

    mask = np.random.default_rng(11).random((VIEWS, VIEWS)) < 0.3
    expected = difficulty_score(mask)
    monkeypatch.setattr(_blocks, "_CPU_ENTRIES", VIEWS * 8)
    monkeypatch.setattr(_blocks, "_ACCELERATOR_ENTRIES", VIEWS * 8)
    np.testing.assert_array_equal(difficulty_score(mask), expected)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"pos_high": 60, "pos_low": 60}, ValueError, "below pos_low"),
        ({"pos_high": 70, "pos_low": 60}, ValueError, "below pos_low"),
        ({"pos_high": -1}, ValueError, "pos_high"),
        ({"pos_low": 101}, ValueError, "pos_low"),
        ({"pos_low": float("nan")}, ValueError, "pos_low"),
        ({"pos_high": "10"}, TypeError, "pos_high"),
        ({"pos_high": True}, TypeError, "pos_high"),
        ({"features": np.ones((8, 3), int)}, TypeError, "floating point"),
        ({"features": np.full((8, 3), np.nan)}, ValueError, "NaN"),
        ({"features": np.ones((7, 3))}, ValueError, "odd number"),
        ({"features": np.ones((2, 3))}, ValueError, "batch of 1"),
        ({"features": np.ones((0, 3))}, ValueError, "batch of 0"),
        ({"features": np.ones(8)}, ValueError, "shape"),
        ({"queue": np.ones((4, 2))}, ValueError, "queue must have shape"),
    ],
)
@pytest.mark.parametrize("select", [select_pairs, select_thresholds])
def test_bad_input(select, change, error, message):
    arguments = {"features": np.ones((8, 3)), "pos_high": 10, "pos_low": 60} | change
    with pytest.raises(error, match=message):
        select(**arguments)


def test_traced_percentiles_are_refused():
    with pytest.raises(TypeError, match="pos_high must be a real number"):
        jax.jit(partial(select_pairs, np.ones((8, 3))))(10.0)


@pytest.mark.parametrize(
    ("selection", "error"),
    [
        (np.ones((8, 8)), TypeError),
        (None, TypeError),
        (np.ones((4, 8), bool), ValueError),
        (np.ones((2, 2), bool), ValueError),
    ],
)
def test_bad_input_of_the_score(selection, error):
    with pytest.raises(error):
        difficulty_score(selection)
