"""The bound beside a run's error: exact graphs by brute force, features by their mean cosines."""

import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from dctheory import SimilarityGraph
from dctheory.experiment.bound_columns import MODEL, BoundColumns, feature_bound, graph_bound

GRAPH = SimilarityGraph(
    classes=3,
    per_class=6,
    difficult=2,
    alpha=Fraction(7, 10),
    beta=Fraction(1, 20),
    gamma=Fraction(1, 5),
)


def brute_force(graph, k, trained_on=None):
    """δ and λ_{k+1} from the matrices; δ of the data, λ of the graph that is trained on."""
    weights, labels = graph.adjacency(), graph.labels
    delta = weights[labels[:, None] != labels].sum() / weights.sum() / 2
    spectrum = np.linalg.eigvalsh((trained_on or graph).normalized_adjacency())[::-1]
    return delta, spectrum[k]


@pytest.mark.parametrize("pairing", ["both", "matched", "either"])
@pytest.mark.parametrize("k", [1, 3, 4, 17])
def test_graph(pairing, k):
    graph = replace(GRAPH, pairing=pairing)
    found = graph_bound(graph, k)
    delta, eigenvalue = brute_force(graph, k)
    assert found.delta == pytest.approx(delta, rel=1e-12)
    assert found.eigenvalue == pytest.approx(eigenvalue, abs=1e-12)
    assert found.bound == pytest.approx(4 * delta / (1 - eigenvalue) + 8 * delta)
    assert found.status == "follows"


def test_margin_has_the_clean_spectrum_and_the_data_s_delta():
    delta, eigenvalue = brute_force(GRAPH, 3, replace(GRAPH, gamma=GRAPH.beta))
    found = graph_bound(GRAPH, 3, "margin")
    assert found.bound == pytest.approx(4 * delta / (1 - eigenvalue) + 8 * delta)
    assert graph_bound(GRAPH, 3, margin=1).bound == pytest.approx(found.bound)
    weak = graph_bound(GRAPH, 3, margin=Fraction(1, 60))
    assert weak.bound is None
    assert "no graph" in weak.remark
    assert graph_bound(GRAPH, 3, "temperature").status == "assumes the eigen-factor"


def test_there_may_be_no_bound():
    parts = replace(GRAPH, beta=Fraction(0), gamma=Fraction(0))
    assert "parts" in graph_bound(parts, 2).remark
    assert graph_bound(parts, 2).bound is None
    assert graph_bound(parts, 3).bound is not None
    assert "λ_19 does not exist" in graph_bound(GRAPH, 18).remark
    assert graph_bound(replace(GRAPH, difficult=6), 3, "removal").bound is None
    with pytest.raises(KeyError, match="marign"):
        graph_bound(GRAPH, 3, "marign")
    with pytest.raises(ValueError, match="k must be"):
        graph_bound(GRAPH, 0)


def labelled(gap, seed=0):
    """Two-level features: classes around axes that share a common direction."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(3), 8)
    difficult = np.arange(24) % 8 < 2
    features = np.concatenate([np.eye(3)[labels], np.full((24, 1), 0.5)], axis=1)
    features[difficult, 3] += gap
    return features + 0.01 * rng.normal(size=features.shape), labels, difficult


def test_features_are_read_by_their_mean_cosines():
    features, labels, difficult = labelled(0.03)
    found = feature_bound(features, labels, difficult, k=3)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    cosines, same = unit @ unit.T, labels[:, None] == labels
    hard = np.outer(difficult, difficult)
    alpha = cosines[same & ~np.eye(24, dtype=bool)].mean()
    beta, gamma = cosines[~same & ~hard].mean(), cosines[~same & hard].mean()
    assert (found.alpha, found.beta, found.gamma) == pytest.approx((alpha, beta, gamma))
    model = SimilarityGraph(
        classes=3, per_class=8, difficult=2, alpha=alpha, beta=beta, gamma=gamma
    )
    delta, eigenvalue = brute_force(model, 3)
    assert found.bound == pytest.approx(4 * delta / (1 - eigenvalue) + 8 * delta)
    assert found.status == MODEL
    assert feature_bound(features, labels, difficult).k == 4
    indefinite = np.linalg.eigvalsh(model.adjacency())[0] < 0
    assert ("semidefinite" in found.remark) == indefinite


def test_features_that_break_the_order_say_so():
    found = feature_bound(*labelled(-0.4))
    assert found.bound is None
    assert found.eigenvalue is None
    assert "β ≤ γ fails" in found.remark
    # What a task returns must be strict JSON.
    json.dumps(found.to_dict(), allow_nan=False)
    assert json.loads(json.dumps(found.to_dict()))["α"] == pytest.approx(found.alpha)


BOUND = BoundColumns(
    k=3, alpha=0.5, beta=0.1, gamma=0.2, delta=0.01, eigenvalue=0.5, bound=0.16, status="follows"
)


def test_an_error_above_the_bound_is_loud():
    assert BOUND.warning("run 7", 0.16) is None
    assert BOUND.warning("run 7", None) is None
    assert BOUND.warning("run 7", float("nan")) is None
    text = BOUND.warning("run 7", 0.1601)
    assert text.startswith("run 7: the probe's error 0.1601 exceeds the bound 0.16")
    assert "one of the two is wrong" in text
    assert "does not describe" in replace(BOUND, status=MODEL).warning("run 7", 0.2)
    assert "assumes" in replace(BOUND, status="assumes the eigen-factor").warning("run 7", 0.2)
    assert replace(BOUND, bound=None).warning("run 7", 1.0) is None
