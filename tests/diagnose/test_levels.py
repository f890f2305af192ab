"""Shares of variance and AUC against all N × N pairs."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

import dctheory
from dctheory.diagnose.distribution import similarity_distribution
from dctheory.diagnose.levels import fit_levels


def example(seed=0, spread=1.0):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(4), [9, 12, 7, 10])
    marks = np.zeros(len(labels), dtype=bool)
    for label in range(4):
        marks[np.flatnonzero(labels == label)[: 2 + label]] = True
    centres = rng.normal(size=(4, 2, 6)) + 0.4
    return (
        centres[labels, marks.astype(int)] + spread * rng.normal(size=(len(labels), 6)),
        labels,
        marks,
    )


def pairs_of(rows, labels, marks, pairing):
    """Cosines of all ordered pairs, and codes of their levels by four choices."""
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = unit @ unit.T
    same = np.equal.outer(labels, labels)
    joined = np.logical_and if pairing == "both" else np.logical_or
    three = np.where(same, 0, 1 + joined.outer(marks, marks))
    cells = 2 * labels + marks
    codes = {
        "two_levels": same.astype(int),
        "three_levels": three,
        "class_levels": 10 * np.minimum.outer(labels, labels) + np.maximum.outer(labels, labels),
        "cell_levels": 100 * np.minimum.outer(cells, cells) + np.maximum.outer(cells, cells),
    }
    off = ~np.eye(len(labels), dtype=bool)
    return cosines[off], {name: each[off] for name, each in codes.items()}


@pytest.mark.parametrize("pairing", ["both", "either"])
def test_shares_and_auc_over_all_pairs(pairing):
    rows, labels, marks = example()
    cosines, codes = pairs_of(rows, labels, marks, pairing)
    estimate = dctheory.estimate_similarities(rows, labels, marks)
    distribution = similarity_distribution(rows, labels, marks, bins=100_000)
    found = fit_levels(estimate, distribution, pairing=pairing)
    for name, code in codes.items():
        levels = np.array([cosines[code == each].mean() for each in np.unique(code)])
        residual = cosines - levels[np.searchsorted(np.unique(code), code)]
        share = 1 - residual.var() / cosines.var()
        assert getattr(found, name) == pytest.approx(share, abs=1e-4), name
        if name == "three_levels":
            assert found.within == pytest.approx(residual.std(), abs=1e-4)
        if name == "cell_levels":
            assert found.within_cells == pytest.approx(residual.std(), abs=1e-4)
    assert found.spread == pytest.approx(cosines.std(), abs=1e-4)
    same = codes["two_levels"]
    assert found.auc == pytest.approx(roc_auc_score(same, cosines), abs=1e-4)
    assert "histogram" in found.auc_source


def test_ties_within_a_bin_count_half():
    rows, labels, marks = example()
    cosines, codes = pairs_of(rows, labels, marks, "both")
    estimate = dctheory.estimate_similarities(rows, labels, marks)
    found = fit_levels(estimate, similarity_distribution(rows, labels, marks, bins=8))
    binned = np.floor((cosines + 1) / 0.25)
    assert found.auc == pytest.approx(roc_auc_score(codes["two_levels"], binned), abs=1e-9)


def test_without_a_distribution_spreads_are_sampled():
    rows, labels, marks = example()
    estimate = dctheory.estimate_similarities(rows, labels, marks, spread_pairs=20_000)
    exact = fit_levels(estimate, similarity_distribution(rows, labels, marks))
    found = fit_levels(estimate)
    assert found.spread == pytest.approx(exact.spread, rel=0.02)
    assert found.three_levels == pytest.approx(exact.three_levels, abs=0.02)
    # The AUC of two normal laws, for cosines that are not quite.
    assert found.auc == pytest.approx(exact.auc, abs=0.05)
    assert "normal" in found.auc_source


def test_a_graphs_own_similarities_are_described_well():
    graph = dctheory.SimilarityGraph(
        classes=3, per_class=6, difficult=2, alpha=0.7, beta=0.2, gamma=0.3
    )
    rows = np.linalg.cholesky(graph.adjacency())
    estimate = dctheory.estimate_similarities(rows, graph.labels, graph.is_difficult)
    found = fit_levels(estimate)
    assert found.three_levels == pytest.approx(1)
    assert found.two_levels < 0.99
    assert found.within == pytest.approx(0, abs=1e-6)
    assert found.quality == "well"
    other = fit_levels(estimate, pairing="either")
    assert other.three_levels < 0.999


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.05, 3))
def test_finer_levels_explain_more(seed, spread):
    rows, labels, marks = example(seed, spread)
    estimate = dctheory.estimate_similarities(rows, labels, marks)
    for pairing in ("both", "either"):
        found = fit_levels(estimate, pairing=pairing)
        rounding = 1e-12
        assert 0 <= found.two_levels <= found.three_levels + rounding
        assert found.three_levels <= found.cell_levels + rounding
        assert found.two_levels <= found.class_levels + rounding
        assert found.class_levels <= found.cell_levels + rounding <= 1 + 2 * rounding
        assert 0 <= found.auc <= 1


def test_equal_similarities():
    rows = np.eye(6)
    estimate = dctheory.estimate_similarities(
        rows, [0, 0, 0, 1, 1, 1], np.array([True, False, False] * 2)
    )
    found = fit_levels(estimate)
    assert found.auc == 0.5
    assert found.spread == 0


def test_quality_and_rendering():
    rows, labels, marks = example(spread=3.0)
    found = fit_levels(dctheory.estimate_similarities(rows, labels, marks))
    assert found.quality == "poorly"
    shares = {0.24: "poorly", 0.26: "in part", 0.74: "in part", 0.76: "well", np.nan: "poorly"}
    for share, quality in shares.items():
        assert replace(found, three_levels=share).quality == quality
    assert "poorly" in found.sentence
    record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert record["three_levels"] == found.three_levels
    assert "α, β, γ (both)" in str(found)
    assert "<table>" in found._repr_html_()


def test_an_unknown_reading_is_refused():
    rows, labels, marks = example()
    estimate = dctheory.estimate_similarities(rows, labels, marks)
    with pytest.raises(ValueError, match="no partners were given"):
        fit_levels(estimate, pairing="matched")
