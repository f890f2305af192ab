"""Gaps of many classes: the discriminant against scikit-learn's, fold by fold."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from dctheory import estimate_similarities
from dctheory.graph import _discriminant, classifier_gap
from dctheory.graph._unit_rows import UnitRows


def clusters(num_classes: int = 12, num_rows: int = 600, spread: float = 0.6):
    rng = np.random.default_rng(0)
    # Of unequal size.
    labels = rng.permutation((np.arange(num_rows) ** 1.5 % num_classes).astype(int))
    rows = rng.normal(size=(num_classes, 6))[labels] + spread * rng.normal(size=(num_rows, 6))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True), labels


def test_each_fold_is_scored_by_the_discriminant_of_the_others(monkeypatch) -> None:
    monkeypatch.setattr(_discriminant, "_RIDGE", 1e-10)
    monkeypatch.setattr(classifier_gap, "FIT_SCORES", 1)
    rows, codes = clusters()
    found = classifier_gap.classifier_gaps(UnitRows(rows), codes, seed=3)
    folds, _ = classifier_gap._folds_and_pool(codes, np.bincount(codes), np.random.default_rng(3))
    for fold in range(classifier_gap.FOLDS):
        mine = folds == fold
        model = LinearDiscriminantAnalysis(solver="lsqr").fit(rows[~mine], codes[~mine])
        scores = np.sort(model.predict_proba(rows[mine]), axis=1)
        # float32 scores.
        assert found[mine] == pytest.approx(scores[:, -1] - scores[:, -2], abs=1e-4)


def test_many_classes_are_told_by_a_discriminant_and_few_as_before(monkeypatch) -> None:
    rows, codes = clusters()
    few = estimate_similarities(rows, codes, share=0.1)
    assert "logistic regression" in few.difficult_rule
    monkeypatch.setattr(classifier_gap, "FIT_SCORES", len(codes) * 12 - 1)
    many = estimate_similarities(rows, codes, share=0.1)
    assert "linear discriminant" in many.difficult_rule
    assert "random rows" not in many.difficult_rule
    assert many.difficult_sizes == few.difficult_sizes
    # Both are linear, and agree far more often than by chance (0.1).
    shared = (many.is_difficult & few.is_difficult).sum() / few.is_difficult.sum()
    assert shared > 0.4


def test_samples_between_two_classes_are_found(monkeypatch) -> None:
    monkeypatch.setattr(classifier_gap, "FIT_SCORES", 1)
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 50)
    embeddings = 4 * np.eye(3)[labels] + rng.normal(scale=0.2, size=(150, 3))
    between = [3, 17, 40, 55, 70, 99, 101, 120, 149]
    embeddings[between] = 2 + rng.normal(scale=0.2, size=(9, 3))
    estimate = estimate_similarities(embeddings, labels, share=0.06)
    assert np.flatnonzero(estimate.is_difficult).tolist() == between


def test_collapsed_classes_and_constant_features_do_no_harm(monkeypatch) -> None:
    monkeypatch.setattr(classifier_gap, "FIT_SCORES", 1)
    codes = np.repeat([0, 1, 2], 10)
    rows = np.eye(5)[codes]
    gaps = classifier_gap.classifier_gaps(UnitRows(rows), codes, seed=0)
    assert np.array_equal(gaps, np.ones(30))


def test_rows_that_are_read_in_parts_give_the_same_gaps(monkeypatch) -> None:
    from dctheory.graph import _unit_rows

    monkeypatch.setattr(classifier_gap, "FIT_SCORES", 1)
    rows, codes = clusters()
    whole = classifier_gap.classifier_gaps(UnitRows(rows), codes, seed=0)
    monkeypatch.setattr(_unit_rows, "_BLOCK_BYTES", 17 * 6 * 8)
    seen = []
    parts = classifier_gap.classifier_gaps(
        UnitRows(rows), codes, seed=0, progress=lambda *each: seen.append(each[:2])
    )
    assert parts == pytest.approx(whole, abs=1e-4)
    assert seen[-1] == (600, 600)


def test_the_share_that_other_rows_would_change_is_stated(monkeypatch) -> None:
    monkeypatch.setattr(classifier_gap, "FIT_ROWS", 300)
    rows, codes = clusters(num_classes=4, num_rows=4000, spread=0.5)
    masks, stated = [], []
    for seed in range(6):
        mask, rule = classifier_gap.smallest_gaps(UnitRows(rows), codes, 0.1, seed)
        share, checked = re.search(r"fitted on others, (\S+) % of (\d+) would be", rule).groups()
        masks.append(mask)
        stated.append(float(share) / 100)
        assert 40 < int(checked) < 120
    pairs = itertools.combinations(masks, 2)
    differ = np.mean([1 - (one & other).sum() / one.sum() for one, other in pairs])
    # Six shares of about 80 samples each.
    error = np.sqrt(differ * (1 - differ) / (6 * 80))
    assert np.mean(stated) == pytest.approx(differ, abs=4 * error)


@pytest.mark.parametrize(("swapped", "share"), [(0, "0"), (1, "25"), (4, "100")])
def test_the_share_is_of_samples_that_others_would_choose(swapped, share, monkeypatch) -> None:
    monkeypatch.setattr(classifier_gap, "FIT_ROWS", 10)
    gaps, codes = np.arange(20) / 20, np.zeros(20, np.int64)
    repeated = gaps.copy()
    # Of the four smallest so many change places with large ones.
    first, last = np.arange(swapped), 10 + np.arange(swapped)
    repeated[first], repeated[last] = gaps[last], gaps[first]
    repeated[15:] = np.nan
    _, rule = classifier_gap.smallest(gaps, codes, 0.2, repeated)
    assert rule.endswith(f"(fitted on others, {share} % of 4 would be other samples)")


def test_nothing_is_stated_where_all_rows_were_fitted_or_too_few_are_left(monkeypatch) -> None:
    rows, codes = clusters()
    assert classifier_gap.held_out_gaps(UnitRows(rows), codes, 0).repeated is None
    monkeypatch.setattr(classifier_gap, "FIT_ROWS", 598)
    held_out = classifier_gap.held_out_gaps(UnitRows(rows), codes, 0)
    _, rule = classifier_gap.smallest(held_out.values, codes, 0.1, held_out.repeated)
    assert rule.endswith("fitted on 598 random rows")


def test_each_fold_is_scored_by_the_regression_of_the_others_in_the_pool(monkeypatch) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    monkeypatch.setattr(classifier_gap, "FIT_ROWS", 200)
    rows, codes = clusters(num_classes=3, num_rows=400)
    found = classifier_gap.held_out_gaps(UnitRows(rows), codes, seed=3)
    sizes, rng = np.bincount(codes), np.random.default_rng(3)
    folds, pool = classifier_gap._folds_and_pool(codes, sizes, rng)
    for fold in range(classifier_gap.FOLDS):
        mine, seen = folds == fold, pool[folds[pool] != fold]
        scaler = StandardScaler().fit(rows[seen])
        model = LogisticRegression(max_iter=1000).fit(scaler.transform(rows[seen]), codes[seen])
        scores = np.sort(model.predict_proba(scaler.transform(rows[mine])), axis=1)
        assert found.values[mine] == pytest.approx(scores[:, -1] - scores[:, -2], abs=1e-6)
    checked = ~np.isnan(found.repeated)
    assert not checked[pool].any()
    assert checked.sum() == (400 - len(pool)) // 5
