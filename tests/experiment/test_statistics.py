"""Intervals, verdicts and rank agreement against scipy, published numbers and simulation."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dctheory.experiment.result import INCONCLUSIVE, NOT_REPRODUCED, REPRODUCED
from dctheory.experiment.statistics import (
    mean_interval,
    paired_difference,
    paired_verdict,
    rank_agreement,
    seeds_needed,
)

NAN = math.nan
_numbers = st.floats(-1e3, 1e3).map(lambda value: round(value, 3))


def test_the_interval_is_scipys_paired_t_interval():
    rng = np.random.default_rng(0)
    ours, baseline = rng.normal(0.3, 1, 12), rng.normal(0, 1, 12)
    found = paired_difference(ours, baseline)
    expected = stats.ttest_rel(ours, baseline).confidence_interval(0.95)
    assert found.interval == pytest.approx(expected, rel=1e-12)
    assert found.value == pytest.approx(np.mean(ours - baseline))
    assert found.deviation == pytest.approx(stats.tstd(ours - baseline))
    assert (found.count, found.dropped) == (12, 0)


def test_members_that_diverged_are_dropped_with_their_partner():
    found = paired_difference([1.0, NAN, 3.0, 4.0, 5.0], [0.0, 1.0, math.inf, None, 2.0])
    assert (found.value, found.count, found.dropped) == (2.0, 2, 3)


@pytest.mark.parametrize(
    ("values", "value", "interval", "count"),
    [
        ([], None, None, 0),
        ([NAN], None, None, 0),
        ([2.0], 2.0, None, 1),
        ([0.1] * 7, 0.1, (0.1, 0.1), 7),
    ],
)
def test_few_or_equal_members(values, value, interval, count):
    found = mean_interval(values)
    assert (found.value, found.interval, found.count) == (value, interval, count)


@pytest.mark.parametrize(
    ("ours", "baseline", "message"),
    [
        ([1.0, 2.0], [1.0], "ours has 2, baseline has 1"),
        ([[1.0]], [1.0], r"shape \(1, 1\)"),
        (1.0, 1.0, r"shape \(\)"),
        (["x"], [1.0], "could not convert"),
    ],
)
def test_what_is_no_pair_is_refused(ours, baseline, message):
    with pytest.raises(ValueError, match=message):
        paired_difference(ours, baseline)


# --- Verdicts


def _differences(mean, half_width, count=10):
    """Differences whose 95 % interval is mean ± half_width."""
    shape = np.resize([-1.0, 1.0], count)
    shape *= half_width / (stats.t.ppf(0.975, count - 1) * stats.sem(shape))
    return mean + shape


@pytest.mark.parametrize(
    ("mean", "half", "margin", "published", "verdict"),
    [
        (1.0, 0.9, 0.0, None, REPRODUCED),
        (1.0, 1.1, 0.0, None, INCONCLUSIVE),
        (-1.0, 0.9, 0.0, None, NOT_REPRODUCED),
        (-1.0, 1.1, 0.0, None, INCONCLUSIVE),
        (1.0, 0.9, 0.2, None, INCONCLUSIVE),
        (1.0, 0.7, 0.2, None, REPRODUCED),
        # Less than half of the published effect, and perhaps none.
        (0.1, 0.3, 0.0, 1.0, NOT_REPRODUCED),
        (0.1, 0.5, 0.0, 1.0, INCONCLUSIVE),
        # An improvement is one, however small beside the published one.
        (0.2, 0.1, 0.0, 1.0, REPRODUCED),
        # Half of the way from the margin: 0.2 to 1.0.
        (0.3, 0.25, 0.2, 1.0, NOT_REPRODUCED),
        (0.3, 0.35, 0.2, 1.0, INCONCLUSIVE),
        (0.0, 0.0, 0.0, None, NOT_REPRODUCED),
        (0.5, 0.0, 0.0, None, REPRODUCED),
    ],
)
def test_verdicts_follow_the_interval(mean, half, margin, published, verdict):
    differences = _differences(mean, half) if half else np.full(10, mean)
    found = paired_verdict(
        "A improves on B", differences, np.zeros(10), margin=margin, published=published
    )
    assert found.verdict == verdict
    assert found.interval == pytest.approx((mean - half, mean + half))
    assert (found.seeds_needed is not None) == (verdict == INCONCLUSIVE)


def test_a_published_effect_may_be_excluded_with_fewer_seeds_than_the_observed_one_is_found():
    ours = _differences(0.1, 0.5)
    deviation = stats.tstd(ours)
    alone = paired_verdict("c", ours, np.zeros(10))
    beside = paired_verdict("c", ours, np.zeros(10), published=1.0)
    assert alone.seeds_needed == seeds_needed(0.1, deviation)
    # To half of the published effect it is 0.4.
    assert beside.seeds_needed == seeds_needed(0.4, deviation) < alone.seeds_needed


def test_one_seed_decides_nothing():
    found = paired_verdict("A improves on B", [9.0], [0.0])
    assert (found.verdict, found.difference, found.interval) == (INCONCLUSIVE, 9.0, None)
    assert found.seeds_needed is None
    assert "fewer than two pairs" in found.note


def test_an_effect_of_zero_names_no_number_of_seeds():
    found = paired_verdict("A improves on B", [1.0, -1.0, 1.0, -1.0], [0.0] * 4)
    assert (found.verdict, found.seeds_needed) == (INCONCLUSIVE, None)
    assert "would not decide" in found.note


def test_the_note_tells_what_was_dropped_and_how_the_effect_compares():
    ours = [*_differences(0.2, 0.1), NAN]
    found = paired_verdict("c", ours, np.zeros(11), published=1.0, note="on digits")
    assert found.note == (
        "on digits; 1 of 11 pairs dropped: a member is not finite; smaller than published"
    )
    assert found.seeds == 10
    larger = paired_verdict("c", _differences(0.2, 0.1), np.zeros(10), published=0.05)
    assert larger.note == "larger than published"


@pytest.mark.parametrize("published", [0.0, -1.0])
def test_a_published_effect_must_be_one(published):
    with pytest.raises(ValueError, match="above the margin"):
        paired_verdict("c", [1.0], [0.0], published=published)


@given(st.lists(st.tuples(_numbers, _numbers), min_size=1, max_size=12), st.floats(0, 5))
def test_verdicts_are_consistent(pairs, margin):
    ours, baseline = np.array(pairs).T
    found = paired_verdict("c", ours, baseline, margin=margin)
    swapped = paired_verdict("c", baseline, ours, margin=margin)
    assert {found.verdict, swapped.verdict} != {REPRODUCED}
    if found.verdict != INCONCLUSIVE:
        assert (np.mean(ours - baseline) > margin) == (found.verdict == REPRODUCED)
    if found.seeds_needed is not None:
        assert found.seeds_needed > found.seeds


# --- Power


@pytest.mark.parametrize(("effect", "pairs"), [(0.2, 199), (0.5, 34), (0.8, 15)])
def test_seeds_needed_are_those_of_published_power_tables(effect, pairs):
    # Cohen's small, medium and large effect, two-sided 5 %, power 0.8 (G*Power 3.1).
    assert seeds_needed(effect, 1.0) == pairs
    assert seeds_needed(10 * effect, 10.0) == pairs


def test_seeds_needed_reach_the_power_in_simulation():
    pairs = seeds_needed(1.2, 1.0)
    rng = np.random.default_rng(1)
    for count, enough in ((pairs, True), (pairs - 1, False)):
        samples = rng.normal(1.2, 1, (20_000, count))
        means, errors = samples.mean(axis=1), stats.sem(samples, axis=1)
        power = np.mean(means - stats.t.ppf(0.975, count - 1) * errors > 0)
        assert (power >= 0.8 - 0.005) == enough


@pytest.mark.parametrize(
    ("effect", "deviation", "expected"), [(0.0, 1.0, None), (1e-6, 1.0, None), (1.0, 1e-9, 2)]
)
def test_seeds_needed_at_the_ends(effect, deviation, expected):
    assert seeds_needed(effect, deviation) == expected


@pytest.mark.parametrize("arguments", [(-1.0, 1.0), (1.0, 0.0), (NAN, 1.0), (1.0, 1.0, 0.0)])
def test_seeds_needed_refuses(arguments):
    with pytest.raises(ValueError, match=r"effect|deviation|power"):
        seeds_needed(*arguments)


# --- Rankings


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, 4)).map(lambda p: (float(p[0]), float(p[1]))),
        min_size=2,
        max_size=9,
    )
)
def test_rank_correlations_are_scipys(pairs):
    first, second = np.array(pairs).T
    found = rank_agreement(first, second, permutations=20)
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        assert (found.spearman, found.kendall, found.p_value) == (None, None, None)
        return
    assert found.spearman == pytest.approx(stats.spearmanr(first, second).statistic, abs=1e-12)
    assert found.kendall == pytest.approx(stats.kendalltau(first, second).statistic, abs=1e-12)
    assert 0 < found.p_value <= 1


def test_the_p_value_counts_all_orders():
    first, second = [1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 3.0, 2.0, 4.0, 4.0]
    observed = stats.spearmanr(first, second).statistic
    orders = [stats.spearmanr(first, order).statistic for order in itertools.permutations(second)]
    expected = np.mean(np.array(orders) >= observed - 1e-12)
    assert rank_agreement(first, second).p_value == pytest.approx(expected)
    assert rank_agreement(range(6), range(6)).p_value == pytest.approx(1 / 720)
    assert rank_agreement(range(6), range(6, 0, -1)).p_value == 1


def test_sampled_orders_agree_with_the_t_approximation():
    rng = np.random.default_rng(2)
    first = rng.normal(size=30)
    second = first + rng.normal(size=30) * 2.5
    found = rank_agreement(first, second)
    expected = stats.spearmanr(first, second, alternative="greater").pvalue
    assert found.p_value == pytest.approx(expected, abs=0.01)
    assert rank_agreement(first, first, permutations=99).p_value == 0.01


def test_ranked_members_that_are_not_finite_are_dropped():
    found = rank_agreement([1.0, NAN, 2.0, 3.0], [1.0, 2.0, None, 3.0])
    assert (found.spearman, found.count, found.dropped) == (1.0, 2, 2)
    assert rank_agreement([], []).count == 0
