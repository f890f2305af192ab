"""Partial fits: any cut, any order, any tree of merges is one whole fit."""

from __future__ import annotations

import itertools
import json
import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dctheory import estimate_similarities
from dctheory.diagnose import PartialSums
from dctheory.diagnose._row_sample import row_keys

N = 120
RNG = np.random.default_rng(0)
LABELS = RNG.permutation(np.arange(N) % 4)
ROWS = 1 + RNG.normal(size=(4, 5))[LABELS] + RNG.normal(size=(N, 5))
DIFFICULT = RNG.random(N) < 0.3
UNIT = ROWS / np.linalg.norm(ROWS, axis=1, keepdims=True)


def whole(**arguments: int) -> PartialSums:
    return PartialSums(**arguments).update(ROWS, LABELS, DIFFICULT)


def part(start: int, stop: int, **arguments: int) -> PartialSums:
    cut = slice(start, stop)
    sums = PartialSums(**arguments)
    return sums.update(ROWS[cut], LABELS[cut], DIFFICULT[cut], first_row=start)


@settings(max_examples=30, deadline=None)
@given(
    st.sets(st.integers(1, N - 1), max_size=8),
    st.randoms(use_true_random=False),
    st.integers(1, 150),
)
def test_any_cut_in_any_order_is_one_whole_fit(cuts, random, size) -> None:
    edges = [0, *sorted(cuts), N]
    parts = [part(a, b, sample=size) for a, b in itertools.pairwise(edges)]
    random.shuffle(parts)
    while len(parts) > 1:
        # Two at a time, wherever they stand: a tree of merges.
        first, second = parts.pop(random.randrange(len(parts))), parts.pop()
        parts.append(first.merge(second))
    found, expected = parts[0], whole(sample=size)
    assert found.count == N
    assert found.classes == (0, 1, 2, 3)
    assert found.means() == pytest.approx(expected.means(), abs=1e-14)
    mine, other = found.sample(), expected.sample()
    assert np.array_equal(mine.index, other.index)
    assert np.array_equal(mine.rows, other.rows)
    assert np.array_equal(mine.codes, LABELS[mine.index])
    assert np.array_equal(mine.difficult, DIFFICULT[mine.index])
    assert len(mine) == min(size, N)
    assert mine.population == N


@pytest.mark.parametrize("size", [1, 10, 60])
def test_updates_one_after_the_other_are_one_whole_fit(size: int) -> None:
    sums = PartialSums(sample=size)
    for start in (40, 0, 80):
        cut = slice(start, start + 40)
        sums.update(ROWS[cut], LABELS[cut], DIFFICULT[cut], first_row=start)
    assert np.array_equal(sums.sample().index, whole(sample=size).sample().index)
    assert np.array_equal(sums.sample().rows, whole(sample=size).sample().rows)


def test_means_are_those_over_all_pairs() -> None:
    i, j = np.triu_indices(N, 1)
    cosine = np.einsum("ij,ij->i", UNIT[i], UNIT[j])
    cross = LABELS[i] != LABELS[j]
    expected = {
        "all": cosine.mean(),
        "same class": cosine[~cross].mean(),
        "cross-class": cosine[cross].mean(),
        "difficult": cosine[cross & DIFFICULT[i] & DIFFICULT[j]].mean(),
    }
    found = whole(sample=3)
    assert found.means() == pytest.approx(expected, abs=1e-14)
    assert found.alpha == pytest.approx(expected["same class"], abs=1e-14)
    assert PartialSums().update(ROWS).means() == pytest.approx({"all": expected["all"]}, abs=1e-14)
    assert list(PartialSums().update(ROWS, LABELS).means()) == ["all", "same class", "cross-class"]


def test_estimates_are_those_of_one_fit() -> None:
    expected = estimate_similarities(ROWS, LABELS, DIFFICULT, spread_pairs=20_000)
    sums = part(70, N).merge(part(0, 30)).merge(part(30, 70))
    found = sums.estimate(spread_pairs=20_000)
    assert found.classes == expected.classes
    assert found.class_sizes == expected.class_sizes
    assert found.difficult_sizes == expected.difficult_sizes
    assert np.array_equal(found.is_difficult, DIFFICULT)
    assert found.alpha == pytest.approx(expected.alpha, abs=1e-14)
    assert found.cell_table == pytest.approx(expected.cell_table, abs=1e-14)
    for pairing, reading in expected.readings.items():
        mine = found.readings[pairing]
        assert mine.beta.pairs == reading.beta.pairs
        assert mine.gamma.mean == pytest.approx(reading.gamma.mean, abs=1e-14)
        # All rows were kept, so both are over 20,000 random pairs of the same ones.
        assert mine.gamma.spread == pytest.approx(reading.gamma.spread, rel=0.05)


def test_spreads_are_missing_where_the_sample_has_no_such_pair() -> None:
    found = whole(sample=1).estimate()
    assert found.gamma() == pytest.approx(whole().estimate().gamma(), abs=1e-14)
    assert math.isnan(found.readings["both"].gamma.spread)


def test_samples_are_uniform() -> None:
    # Each row is in a sample of 30 of 120 with probability 1/4, over seeds.
    counts = np.zeros(N)
    for seed in range(400):
        sums = PartialSums(sample=30, seed=seed).update(ROWS)
        counts[sums.sample().index] += 1
    error = math.sqrt(0.25 * 0.75 / 400)
    assert np.abs(counts / 400 - 0.25).max() < 5 * error


def test_keys_are_distinct_and_those_of_splitmix64() -> None:
    keys = row_keys(np.arange(100_000), seed=7)
    assert len(np.unique(keys)) == 100_000
    # The generator as published, in Python's integers.
    state, mask = int(np.random.default_rng(7).integers(2**64, dtype=np.uint64)), 2**64 - 1
    for expected in keys[:5].tolist():
        state = (state + 0x9E3779B97F4A7C15) & mask
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        assert z ^ (z >> 31) == expected


def test_strings_new_classes_and_default_numbers() -> None:
    names = np.array(["eel", "cat", "dog", "ape"])[LABELS]
    sums = PartialSums()
    for start in range(0, N, 7):
        sums.update(ROWS[start : start + 7], names[start : start + 7], DIFFICULT[start : start + 7])
    assert sums.classes == ("ape", "cat", "dog", "eel")
    expected = estimate_similarities(ROWS, names, DIFFICULT)
    assert sums.estimate().class_table == pytest.approx(expected.class_table, abs=1e-14)
    assert [sums.classes[code] for code in sums.sample().codes] == names[
        sums.sample().index
    ].tolist()


def test_what_is_merged_is_left_as_it_was_and_travels() -> None:
    other = part(60, N)
    before = other.to_dict()
    sums = part(0, 60).merge(pickle.loads(pickle.dumps(other)))
    sums.merge(PartialSums())
    part(0, 60).merge(other).update(ROWS, LABELS, DIFFICULT, first_row=N)
    assert other.to_dict() == before
    assert sums.to_dict() == json.loads(json.dumps(whole().to_dict(), allow_nan=False)) | {
        "means": sums.means()
    }
    assert PartialSums().merge(other).means() == other.means()


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (lambda s: s.update(ROWS, LABELS, DIFFICULT, first_row=50), ValueError, "row 50 was seen"),
        (lambda s: s.merge(s), ValueError, "row 0 was seen already; give first_row"),
        (lambda s: s.merge(part(59, 80)), ValueError, "row 59 was seen"),
        (lambda s: s.update(ROWS[:, :3], LABELS, DIFFICULT), ValueError, "5 features"),
        (lambda s: s.update(ROWS), ValueError, "labels must be integers in every part.*absent"),
        (lambda s: s.update(ROWS, LABELS.astype(str), DIFFICULT), ValueError, "got strings"),
        (lambda s: s.update(ROWS, LABELS), ValueError, "difficult must be given with every part"),
        (lambda s: s.update(ROWS, LABELS[:5], DIFFICULT), ValueError, r"shape \(120,\)"),
        (lambda s: s.update(ROWS, LABELS, LABELS), TypeError, "mask of bools"),
        (lambda s: s.update(ROWS, LABELS * 1.0, DIFFICULT), TypeError, "integers or strings"),
        (lambda s: s.update(ROWS * 0, LABELS, DIFFICULT), ValueError, "row 0 is a zero vector"),
        (lambda s: s.update(ROWS, LABELS, DIFFICULT, first_row=-1), ValueError, "first_row"),
        (lambda s: s.merge(PartialSums(seed=1)), ValueError, "one sample size and seed"),
        (lambda s: s.merge(PartialSums(sample=5)), ValueError, "one sample size and seed"),
        (lambda s: s.merge(ROWS), TypeError, "only PartialSums"),
        (lambda s: PartialSums(sample=0), ValueError, "sample must be at least 1"),
        (lambda s: PartialSums().means(), ValueError, "no rows were seen"),
        (lambda s: PartialSums().update(ROWS).alpha, ValueError, "α needs labels"),
        (lambda s: PartialSums().update(ROWS).estimate(), ValueError, "needs labels"),
        (lambda s: PartialSums().update(ROWS, LABELS).estimate(), ValueError, "difficult samples"),
    ],
)
def test_bad_parts_are_refused_and_nothing_is_added(act, error, message) -> None:
    sums = part(0, 60)
    before = sums.to_dict()
    with pytest.raises(error, match=message):
        act(sums)
    assert sums.to_dict() == before


@pytest.mark.parametrize(
    ("labels", "difficult", "message"),
    [
        ([0, 0, 0, 0], [1, 0, 0, 0], "all labels are 0"),
        ([0, 0, 0, 1], [1, 0, 0, 0], "class 1 has a single sample"),
        ([0, 0, 1, 1], [1, 1, 0, 0], "class 0 has no easy sample"),
        ([0, 0, 1, 1], [0, 0, 0, 0], "no sample is difficult"),
    ],
)
def test_sets_without_an_estimate_say_why(labels, difficult, message) -> None:
    sums = PartialSums().update(ROWS[:4], labels, np.array(difficult, bool))
    with pytest.raises(ValueError, match=message):
        sums.estimate()
