"""Held-out errors: known answers, scikit-learn's classifiers, scipy's interval."""

import json

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dctheory.diagnose import errors as module
from dctheory.diagnose.errors import measured_errors, wilson_interval

# Enough features for a probe to learn labels that mean nothing by heart.
ROWS, FEATURES = 203, 60


def example(separation, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(ROWS) % 3)
    marks = np.zeros(ROWS, dtype=bool)
    marks[::6] = True
    # Difficult samples are half as far from the others' classes.
    centres = separation * np.eye(FEATURES)[labels] * np.where(marks, 0.5, 1.0)[:, None]
    return centres + 0.3 * rng.normal(size=(ROWS, FEATURES)), labels, marks


@pytest.fixture(scope="module")
def overlapping():
    rows, labels, marks = example(1.0)
    return rows, labels, marks, measured_errors(rows, labels, marks)


def test_all_samples_but_a_remainder_are_predicted_once(overlapping):
    *_, marks, found = overlapping
    for classifier in module.CLASSIFIERS:
        whole, easy, hard = (found.rate(classifier, s) for s in ("all", "easy", "difficult"))
        assert whole.count == ROWS - ROWS % 5 == easy.count + hard.count
        assert whole.errors == easy.errors + hard.errors
        assert abs(hard.count - marks.sum()) <= 3
        assert hard.rate > easy.rate
        assert whole.low < whole.rate < whole.high


def test_scikit_learn_errs_as_often(overlapping):
    rows, labels, _, found = overlapping
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    known = {
        "linear probe": make_pipeline(StandardScaler(), LogisticRegression(C=1 / (1e-4 * 162))),
        # Cosine order is Euclidean order for unit rows; votes of weight e^(s/0.1).
        "nearest neighbours": KNeighborsClassifier(
            20, weights=lambda distance: np.exp((1 - distance**2 / 2) / 0.1)
        ),
    }
    for name, model in known.items():
        errors = np.mean(cross_val_predict(model, unit, labels, cv=5) != labels)
        # Other folds: about 50 errors in 203, of which a few differ.
        assert found.rate(name).rate == pytest.approx(errors, abs=0.035), name


def test_separate_classes_and_labels_that_mean_nothing():
    rows, labels, _ = example(20.0)
    found = measured_errors(rows, labels)
    assert [each.samples for each in found.rates] == ["all", "all"]
    assert found.rate("nearest neighbours").errors == 0
    assert found.rate().errors <= 1
    shuffled = np.random.default_rng(5).permutation(labels)
    noise = measured_errors(rows, shuffled)
    for each in noise.rates:
        assert each.low - 0.05 < 2 / 3 < each.high + 0.05


def test_a_sample_of_larger_data_has_the_same_share_of_every_cell():
    rng = np.random.default_rng(0)
    cells = rng.choice(6, size=5000, p=[0.5, 0.3, 0.1, 0.05, 0.04, 0.01])
    chosen, folds = module._deal(cells, 503, rng)
    assert len(np.unique(chosen)) == len(chosen) == 503
    assert np.all(np.diff(chosen) > 0)
    assert np.bincount(folds + 1).tolist() == [3, 100, 100, 100, 100, 100]
    for cell in range(6):
        size = np.sum(cells == cell)
        assert abs(np.sum(cells[chosen] == cell) - 503 * size / 5000) <= 1
        held = np.bincount(folds[(cells[chosen] == cell) & (folds >= 0)], minlength=5)
        assert np.ptp(held) <= 1


def test_few_folds_are_scored_where_work_is_much(overlapping, monkeypatch):
    rows, labels, marks, whole = overlapping
    monkeypatch.setattr(module, "_WORK", 2.5 * 6 * module._STEPS * ROWS * FEATURES * 3)
    found = measured_errors(rows, labels, marks)
    assert found.rate().count == 2 * (ROWS // 5) < whole.rate().count
    assert "2 of the folds scored" in found.method


@pytest.mark.parametrize(("errors", "count"), [(0, 7), (7, 7), (1, 30), (123, 456), (1, 1)])
def test_wilson(errors, count):
    expected = binomtest(errors, count).proportion_ci(0.95, "wilson")
    assert wilson_interval(errors, count) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_beside_a_bound(overlapping):
    *_, found = overlapping
    rate = found.rate().rate
    assert "vacuous" in found.beside(5.2)
    assert "no bound" in found.beside(None)
    assert "no bound" in found.beside(float("nan"))
    assert "above the bound 0.01" in found.beside(0.01)
    assert f"{0.9 / rate:.3g} times" in found.beside(0.9)


def test_no_error_is_no_part_of_a_bound():
    rate = module.ErrorRate(module.PROBE, module.ALL, 0, 50, *wilson_interval(0, 50))
    assert module.MeasuredErrors((rate,), 50, 50, "").beside(0.9).endswith("; the bound is 0.9")


def test_rendering(overlapping):
    *_, found = overlapping
    record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert len(record["rates"]) == 6
    assert record["rates"][0]["rate"] == found.rates[0].rate
    assert "linear probe" in str(found)
    assert "<table>" in found._repr_html_()
    with pytest.raises(KeyError, match="no error of 'tree' on 'all' samples"):
        found.rate("tree")


def test_bad_arguments():
    rows, labels, marks = example(1.0)
    for options, message in [
        ({"neighbours": 0}, "neighbours must be at least 1"),
        ({"temperature": 0}, "temperature must lie in"),
        ({"sample": 3}, "sample must be at least 10"),
    ]:
        with pytest.raises(ValueError, match=message):
            measured_errors(rows, labels, **options)
    with pytest.raises(ValueError, match="labels must have the shape"):
        measured_errors(rows, labels[1:])
    with pytest.raises(TypeError, match="mask of bools"):
        measured_errors(rows, labels, marks.astype(int))
    with pytest.raises(ValueError, match="at least 10 samples, got 8"):
        measured_errors(rows[:8], np.arange(8) % 2)
    rows[17] = 0
    with pytest.raises(ValueError, match="row 17 is a zero vector"):
        measured_errors(rows, labels)
