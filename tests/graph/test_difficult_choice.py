"""The choice of difficult samples by a held-out classifier."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from dctheory import estimate_similarities
from dctheory.graph import classifier_gap
from dctheory.graph._unit_rows import UnitRows


def sample(seed: int, num_samples: int = 60) -> tuple:
    """(N, 5) embeddings around three class means, and their labels in a random order."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(num_samples) % 3)
    means = 1 + rng.normal(size=(3, 5))
    return means[labels] + rng.normal(size=(num_samples, 5)), labels


def test_difficult_samples_are_those_between_two_classes() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 50)
    embeddings = 4 * np.eye(3)[labels] + rng.normal(scale=0.2, size=(150, 3))
    between = [3, 17, 40, 55, 70, 99, 101, 120, 149]
    embeddings[between] = 2 + rng.normal(scale=0.2, size=(9, 3))
    estimate = estimate_similarities(embeddings, labels, share=0.06)
    assert np.flatnonzero(estimate.is_difficult).tolist() == between
    assert estimate.difficult_sizes == (3, 3, 3)
    assert "the 6 % of each class" in estimate.difficult_rule
    assert estimate.gamma() > estimate.beta()


def test_choice_depends_on_data_and_seed_only() -> None:
    embeddings, labels = sample(9, num_samples=200)
    masks = [
        estimate_similarities(embeddings, labels, share=0.3, seed=seed).is_difficult
        for seed in (0, 0, 1)
    ]
    assert np.array_equal(masks[0], masks[1])
    assert not np.array_equal(masks[0], masks[2])
    scaled = embeddings * np.linspace(1, 9, 200)[:, None]
    assert np.array_equal(estimate_similarities(scaled, labels, share=0.3).is_difficult, masks[0])


@pytest.mark.parametrize(("share", "expected"), [(0.01, 1), (0.08, 2), (0.5, 10), (0.99, 19)])
def test_share_of_each_class_is_rounded_and_leaves_both_kinds(share: float, expected: int) -> None:
    embeddings, labels = sample(10)
    assert estimate_similarities(embeddings, labels, share=share).difficult_sizes == (expected,) * 3


def test_small_classes_are_scored_too() -> None:
    embeddings, labels = sample(11, num_samples=40)
    labels[:] = 0
    labels[:2], labels[2:5] = 1, 2
    assert estimate_similarities(embeddings, labels).difficult_sizes == (3, 1, 1)


def test_ties_go_to_the_earlier_sample() -> None:
    # One row for each class, repeated: within a fold all samples of a class score alike.
    rows = UnitRows(np.repeat(np.eye(2), 10, axis=0))
    codes = np.repeat([0, 1], 10)
    mask, _ = classifier_gap.smallest_gaps(rows, codes, 0.3, seed=0)
    folds, _ = classifier_gap._folds_and_pool(codes, np.array([10, 10]), np.random.default_rng(0))
    for code, fold in product(range(2), range(classifier_gap.FOLDS)):
        earlier, later = np.flatnonzero((codes == code) & (folds == fold))
        assert mask[earlier] >= mask[later]
    assert mask.sum() == 6


def test_large_sets_are_fitted_on_a_part_and_scored_in_full(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(classifier_gap, "FIT_ROWS", 100)
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 2000)
    embeddings = 4 * np.eye(3)[labels] + rng.normal(scale=0.2, size=(2000, 3))
    between = rng.choice(2000, 60, replace=False)
    embeddings[between] = 2 + rng.normal(scale=0.2, size=(60, 3))
    estimate = estimate_similarities(embeddings, labels, share=0.02)
    assert "fitted on 100 random rows" in estimate.difficult_rule
    assert set(np.flatnonzero(estimate.is_difficult)) <= set(between)


def test_no_fold_is_fitted_without_a_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier_gap, "FIT_ROWS", 100)
    codes = np.array([0] * 1000 + [1] * 2 + [2] * 7)
    folds, pool = classifier_gap._folds_and_pool(
        codes, np.bincount(codes), np.random.default_rng(0)
    )
    assert len(pool) < 110
    assert np.all(np.bincount(folds[:1000]) == 200)
    for fold in range(classifier_gap.FOLDS):
        assert set(codes[pool[folds[pool] != fold]]) == {0, 1, 2}
