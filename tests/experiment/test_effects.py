"""Differences in words and orders of arms, against counts made by hand."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dctheory.bound.ranking import ALIKE, EQUAL_BOUNDS, EQUAL_ERRORS, OPPOSITE
from dctheory.experiment._effects import (
    LARGER,
    SAME,
    SMALLER,
    UNDECIDED,
    Ranked,
    compare_effect,
    compare_order,
    compare_trend,
    describe,
    difference,
    errors_of,
    order,
    outcome,
    predicted_word,
    signed,
)
from dctheory.experiment.statistics import MeanInterval, mean_interval

SEEDS = np.array([0.0, 0.002, -0.002, 0.001, -0.001])


def interval(low, high):
    return MeanInterval((low + high) / 2, (low, high), 0.1, 10, 0)


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (0.001, 0.3, LARGER),
        (-0.3, -0.001, SMALLER),
        (-0.01, 0.01, SAME),
        (-0.002, 0.011, UNDECIDED),
        (-0.011, 0.002, UNDECIDED),
        (0.0, 0.005, SAME),
    ],
)
def test_words_follow_the_interval(low, high, word):
    assert describe(interval(low, high), 0.01) == word


def test_without_an_interval_nothing_is_decided():
    lone = mean_interval([0.3])
    assert describe(lone, 0.01) == UNDECIDED
    assert signed(lone) == "+0.300"
    assert signed(mean_interval([])) == "none measured"


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0.001, 0.1))
def test_words_turn_with_the_sign(middle, half, smallest):
    turned = {LARGER: SMALLER, SMALLER: LARGER, SAME: SAME, UNDECIDED: UNDECIDED}
    word = describe(interval(middle - half, middle + half), smallest)
    assert describe(interval(-middle - half, -middle + half), smallest) == turned[word]


def test_bounds_that_differ_by_rounding_are_the_same():
    assert predicted_word(3.0, 3.0 * (1 + 1e-12)) == SAME
    assert predicted_word(3.1, 3.0) == LARGER
    assert predicted_word(2.9, math.inf) == SMALLER
    assert predicted_word(math.inf, math.inf) == SAME


@pytest.mark.parametrize(
    ("low", "high", "agrees"), [(0.01, 0.02, True), (-0.02, -0.01, False), (-0.5, 0.5, None)]
)
def test_an_undecided_effect_neither_agrees_nor_disagrees(low, high, agrees):
    found = compare_effect("harm", LARGER, interval(low, high), 0.01, "a note")
    assert found.agrees is agrees
    assert found.interval == (low, high)
    assert found.note.endswith("a note")


# --- Orders


def arm(name, predicted, error, shift=SEEDS):
    return Ranked(name, np.full(len(shift), predicted), error + shift)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((1.0, 0.1), (2.0, 0.2), ALIKE),
        ((2.0, 0.1), (1.0, 0.2), OPPOSITE),
        ((1.0, 0.1), (1.0, 0.2), EQUAL_BOUNDS),
        ((1.0, 0.1), (2.0, 0.1), EQUAL_ERRORS),
    ],
)
def test_pairs_of_arms(first, second, expected):
    one, two = arm("one", *first), arm("two", *second, shift=SEEDS[::-1])
    assert outcome(one, two) == outcome(two, one) == expected


def test_pairs_with_a_run_that_diverged_are_left_out():
    wrong = np.array([0.9, np.nan, 0.1, 0.1, 0.1])
    right = np.array([np.nan, 0.9, 0.2, 0.21, 0.2])
    pair = Ranked("a", np.ones(5), wrong), Ranked("b", np.full(5, 2.0), right)
    assert outcome(*pair) == ALIKE
    nothing = Ranked("c", np.ones(5), np.full(5, np.nan))
    assert outcome(pair[0], nothing) == EQUAL_ERRORS


def test_an_order_agrees_if_no_pair_is_opposite():
    arms = [arm("a", 1.0, 0.1), arm("b", 2.0, 0.2), arm("c", 2.0, 0.3)]
    found = compare_order("order", arms)
    assert found.agrees is True
    assert (found.prediction, found.measured) == ("a < b = c", "a < b < c")
    assert "2 alike, 0 opposite, 1 bounds not told apart" in found.note
    assert compare_order("order", [*arms, arm("d", 0.5, 0.4)]).agrees is False
    assert compare_order("order", [arms[1], arms[2]]).agrees is None


@given(st.dictionaries(st.text("abc", min_size=1), st.floats(0, 1), min_size=1, max_size=6))
def test_an_order_names_everything_in_ascending_order(values):
    names = order(values).replace(" = ", " < ").split(" < ")
    assert sorted(names) == sorted(values)
    assert all(values[a] <= values[b] for a, b in pairwise(names))


def test_a_trend_allows_one_exchange_of_neighbours():
    bounds = [1.0, 2.0, 3.0, 4.0]
    assert compare_trend("dial", bounds, [0.1, 0.2, 0.3, 0.4]).agrees is True
    assert compare_trend("dial", bounds, [0.1, 0.3, 0.2, 0.4]).agrees is True
    assert compare_trend("dial", bounds, [0.2, 0.1, 0.4, 0.3]).agrees is False
    assert compare_trend("dial", [1.0] * 4, [0.1, 0.2, 0.3, 0.4]).agrees is None


# --- Records


def test_errors_are_paired_by_seed():
    runs = [
        {"arm": name, "seed": seed, "error": error}
        for name, errors in {"a": [0.3, None, 0.5], "b": [0.1, 0.2, 0.1]}.items()
        for seed, error in enumerate(errors)
    ]
    np.testing.assert_equal(errors_of(runs, "a"), [0.3, np.nan, 0.5])
    found = difference(runs, "a", "b")
    assert found.value == pytest.approx(0.3)
    assert (found.count, found.dropped) == (2, 1)
    assert len(errors_of(runs, "c")) == 0
