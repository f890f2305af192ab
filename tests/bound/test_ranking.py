"""Ranking by bound against ranking by error, on made-up errors."""

import numpy as np
import pytest

from dctheory.bound.probe import ProbeEstimate, ProbeResult, probe_error
from dctheory.bound.ranking import compare_pair, compare_ranking, tightness
from dctheory.graph.similarity import SimilarityGraph

GRAPH = SimilarityGraph(classes=3, per_class=4, difficult=1, alpha=0.6, beta=0.2, gamma=0.3)


def estimate(setting, error, bound, spread=0.01):
    # The same deviations in all settings: paired differences are exact.
    deviations = spread * np.array([-1.0, 1.0, -1.0, 1.0])
    return ProbeEstimate(
        setting, "all", "least squares", error + deviations, np.full(4, bound), 0.5, 0.1, "sampled"
    )


def result(*estimates):
    return ProbeResult(GRAPH, 3, 0.1, "degree", False, 1e-4, estimates)


def test_pairs():
    low = estimate("with difficult", 0.2, 2.0)
    assert compare_pair(low, estimate("margin", 0.3, 3.0)) == "alike"
    assert compare_pair(low, estimate("margin", 0.1, 1.0)) == "alike"
    assert compare_pair(low, estimate("margin", 0.1, 3.0)) == "opposite"
    assert compare_pair(low, estimate("margin", 0.1, 2.0)) == "bounds not told apart"
    # Unpaired, the intervals of these two would overlap.
    assert compare_pair(low, estimate("margin", 0.201, 3.0)) == "alike"
    # A difference that varies by more than its mean.
    noisy = ProbeEstimate(
        *("margin", "all", "least squares", low.errors + np.array([0.1, -0.1, 0.1, 0.0])),
        *(np.full(4, 3.0), 0.5, 0.1, "sampled"),
    )
    assert compare_pair(low, noisy) == "errors not told apart"


def test_infinite_bounds_are_a_tie():
    first, second = (estimate(name, error, np.inf) for name, error in (("a", 0.1), ("b", 0.2)))
    assert compare_pair(first, second) == "bounds not told apart"
    assert compare_pair(first, estimate("c", 0.2, 5.0)) == "opposite"


def test_table_ranks_and_counts():
    table = compare_ranking(
        result(
            estimate("without difficult", 0.05, 0.9),
            estimate("with difficult", 0.3, 3.0),
            estimate("margin", 0.2, 2.0),
            estimate("temperature", 0.1, 3.0),
        )
    )
    ranks = {row["setting"]: (row["rank by bound"], row["rank by error"]) for row in table}
    assert ranks == {
        "without difficult": (None, None),
        "with difficult": (2.5, 3),
        "margin": (1, 2),
        "temperature": (2.5, 1),
    }
    counts = "1 alike, 1 opposite, 1 bounds not told apart, 0 errors not told apart"
    assert any(counts in note for note in table.notes)
    assert any("3 of 3 bounds" in note for note in table.notes)


def test_tightness():
    assert tightness(estimate("margin", 0.25, 2.0)) == pytest.approx(8)
    assert tightness(estimate("margin", 0.0, 2.0, spread=0.0)) == np.inf


def test_exact_errors_of_zero_leave_nothing_to_rank():
    table = compare_ranking(probe_error(GRAPH, 3))
    assert any("do not differ" in note for note in table.notes)


def test_unknown_head():
    with pytest.raises(ValueError, match="the result has logistic"):
        compare_ranking(probe_error(GRAPH, 3, heads=["logistic"]))
