from __future__ import annotations

import math
from collections import Counter
from itertools import product

import numpy as np
import pytest

from dctheory.graph.pair_moments import (
    NO_PAIRS,
    Groups,
    PairMoments,
    pairs_across,
    pairs_within,
)

DRAWS = 100_000

# Eleven samples of unequal classes, some of them difficult; none of class 3 is.
CLASS = np.array([0, 1, 0, 2, 0, 3, 0, 0, 1, 2, 1])
HARD = np.array([1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 1], dtype=bool)


def groups(mask: np.ndarray) -> Groups:
    samples = np.flatnonzero(mask)
    return Groups.from_codes(samples, CLASS[samples], np.zeros(4, dtype=np.int64))


def check_uniform(pairs: tuple[np.ndarray, np.ndarray], expected: set[tuple[int, int]]) -> None:
    found = Counter(zip(*(end.tolist() for end in pairs), strict=True))
    assert found.keys() == expected
    share = 1 / len(expected)
    error = math.sqrt(share * (1 - share) / DRAWS)
    for count in found.values():
        assert count / DRAWS == pytest.approx(share, abs=5 * error)


@pytest.mark.parametrize(("first", "second"), list(product([True, False], repeat=2)))
def test_pairs_across_classes_are_uniform(first: bool, second: bool) -> None:
    one, other = groups(first == HARD), groups(second == HARD)
    expected = {
        (x, y)
        for x, y in product(range(11), repeat=2)
        if HARD[x] == first and HARD[y] == second and CLASS[x] != CLASS[y]
    }
    assert one.pair_count(other) == len(expected)
    check_uniform(pairs_across(np.random.default_rng(0), one, other, DRAWS), expected)


@pytest.mark.parametrize(("first", "second"), list(product([True, False], repeat=2)))
def test_pairs_within_a_class_are_uniform(first: bool, second: bool) -> None:
    one = groups(first == HARD)
    other = one if first == second else groups(second == HARD)
    expected = {
        (x, y)
        for x, y in product(range(11), repeat=2)
        if x != y and HARD[x] == first and HARD[y] == second and CLASS[x] == CLASS[y]
    }
    check_uniform(pairs_within(np.random.default_rng(1), one, other, DRAWS), expected)


def test_pairs_across_stay_in_their_block() -> None:
    block = np.array([0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0])
    _, codes = np.unique(4 * block + CLASS, return_inverse=True)
    present = np.unique(4 * block + CLASS)
    matched = Groups.from_codes(np.arange(11), codes, present // 4)
    expected = {
        (x, y)
        for x, y in product(range(11), repeat=2)
        if block[x] == block[y] and CLASS[x] != CLASS[y]
    }
    assert matched.pair_count(matched) == len(expected)
    check_uniform(pairs_across(np.random.default_rng(2), matched, matched, DRAWS), expected)


def moments(values: np.ndarray) -> PairMoments:
    return PairMoments(len(values), values.mean(), (values**2).mean(), len(values))


def test_moments_add_and_subtract_as_sets_do() -> None:
    values = np.random.default_rng(3).normal(0.3, 0.1, 50)
    part, rest = moments(values[:20]), moments(values[20:])
    for found, expected in ((part + rest, values), (moments(values) - part, values[20:])):
        assert found.pairs == len(expected)
        assert found.mean == pytest.approx(expected.mean(), rel=1e-12)
        assert found.spread == pytest.approx(expected.std(), rel=1e-12)
    assert part + NO_PAIRS == NO_PAIRS + part == part
    assert math.isnan(NO_PAIRS.spread)
