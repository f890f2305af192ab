"""Curves over the strength, against dense matrices on the same grid."""

import dataclasses

import numpy as np
import pytest

from dctheory import SimilarityGraph
from dctheory.bound.edits import margin_matrix
from dctheory.bound.kinds import present
from dctheory.bound.strength import margin_curve, temperature_curve, temperature_curves

GRID = np.linspace(0, 2, 9)


def _graph(pairing="both", **changes):
    given = {"classes": 3, "per_class": 5, "difficult": 2, "alpha": 0.5, "beta": 0.2, "gamma": 0.3}
    return SimilarityGraph(**(given | changes), pairing=pairing)


def _is_graph(matrix):
    """By power: entries, top eigenvalue 1 with a positive vector, no negative eigenvalue."""
    values, vectors = np.linalg.eigh(matrix)
    top = vectors[:, values > 1 - 1e-12]
    ones = top @ (top.T @ np.ones(len(matrix)))
    fixed = top.shape[1] > 0 and abs(values[-1] - 1) < 1e-12 and ones.min() > 1e-9
    return bool(matrix.min() >= -1e-15 and fixed and values[0] > -1e-14)


def _margin_edits(graph, dense, printed):
    weights, normal = dense(graph)
    degrees = weights.sum(axis=1)
    margin = np.sqrt(np.outer(degrees, degrees)) * margin_matrix(graph, printed=printed)
    return [normal - s * margin for s in GRID]


@pytest.mark.parametrize("printed", [False, True])
def test_margin_curves_against_dense_matrices(graph, dense, printed):
    edits = _margin_edits(graph, dense, printed)
    values = np.array([np.linalg.eigvalsh(edit)[::-1] for edit in edits])
    graphs = [_is_graph(edit) for edit in edits]
    for k in {1, graph.r + 1, graph.num_nodes - 1} & set(range(1, graph.num_nodes)):
        curve = margin_curve(graph, k, GRID, printed=printed)
        np.testing.assert_allclose(curve.eigenvalues, values[:, k], atol=1e-14, rtol=0)
        assert curve.is_graph.tolist() == graphs
        assert [not reason for reason in curve.failures] == graphs
        assert curve.optimum.eigenvalue <= curve.eigenvalues.min()
        for point, index in ((curve.untouched, 0), (curve.paper, 4), (curve.excess, 8)):
            assert (point.strength, point.eigenvalue) == (GRID[index], curve.eigenvalues[index])
        assert curve.excess_cost == pytest.approx(values[8, k] - values[4, k], abs=2e-14)
        assert curve.excess_gain == pytest.approx(values[0, k] - values[8, k], abs=2e-14)


def test_the_optimum_is_that_of_a_fine_dense_search(dense):
    # Eq. 7 alone leaves other entries as they are, so that its optimum lies off s = 1.
    graph = _graph(gamma=0.45)
    weights, normal = dense(graph)
    degrees = weights.sum(axis=1)
    margin = np.sqrt(np.outer(degrees, degrees)) * margin_matrix(graph, printed=True)
    fine = np.linspace(0, 2, 4001)
    values = np.linalg.eigvalsh(normal - fine[:, None, None] * margin)[:, ::-1][:, 3]
    curve = margin_curve(graph, 3, [0, 0.8, 1.6, 2], printed=True)
    assert curve.optimum.eigenvalue < 0.99 * curve.eigenvalues.min()
    # Within one step of the fine grid the curve falls by no more than its steepest step.
    assert curve.optimum.eigenvalue == pytest.approx(
        values.min(), abs=np.abs(np.diff(values)).max()
    )
    assert curve.best_graph.strength == 0


def test_over_correction_can_be_worse_than_nothing():
    graph = _graph("either", classes=10, per_class=500, difficult=40)
    curve = margin_curve(graph, 10)
    assert curve.excess_cost > 0
    assert curve.excess_gain < 0
    assert curve.best_graph.strength == curve.optimum.strength == 1
    assert len(curve.strengths) == 201


@pytest.mark.parametrize("pairing", ["both", "matched", "either"])
def test_temperature_curves_of_every_kind(dense, pairing):
    graph = _graph(pairing)
    normal = dense(graph)[1]
    hard, same = graph.is_difficult, np.equal.outer(graph.labels, graph.labels)
    ends = hard[:, None].astype(int) + hard[None, :]
    own = np.eye(graph.num_nodes, dtype=bool)
    partner = np.equal.outer(*[np.arange(graph.num_nodes) % graph.n] * 2)
    relations = {
        "self": own,
        "same class": same & ~own,
        "cross class": ~same,
        "cross class, matched": ~same & partner,
        "cross class, unmatched": ~same & ~partner,
    }
    taus = [0.5, 1.0, 1.5]
    curves = temperature_curves(graph, 4, taus)
    assert list(curves) == list(present(graph))
    for name, curve in curves.items():
        relation, pair = name.rsplit(", ", 1)
        chosen = relations[relation] & (ends == pair.split("-").count("difficult"))
        for tau, value, is_graph in zip(taus, curve.eigenvalues, curve.is_graph, strict=True):
            edited = np.where(chosen, tau * normal, normal)
            assert value == pytest.approx(np.linalg.eigvalsh(edited)[::-1][4], abs=1e-14)
            assert is_graph == _is_graph(edited)
        assert curve.untouched.eigenvalue == curve.eigenvalues[1]
        assert curve.paper is curve.excess is curve.excess_cost is curve.excess_gain is None


def test_by_default_the_temperature_is_that_of_difficult_pairs():
    graph = _graph("either")
    curve = temperature_curve(graph, 3)
    assert (curve.strengths[0], curve.strengths[-1], len(curve.strengths)) == (0.25, 4, 161)
    one = temperature_curve(graph, 3, "cross class, difficult-difficult", [0.5])
    both = temperature_curve(graph, 3, temperatures=[0.5])
    assert one.eigenvalues[0] != both.eigenvalues[0]


def test_without_a_gap_the_margin_changes_nothing():
    curve = margin_curve(_graph(gamma=0.2), 3, GRID)
    np.testing.assert_allclose(curve.eigenvalues, curve.eigenvalues[0], rtol=1e-14)
    assert curve.is_graph.all()
    assert curve.excess_cost == pytest.approx(0, abs=1e-15)


def test_a_tie_is_named_after_the_larger_family():
    assert margin_curve(_graph(), 3, GRID).paper.mode == "easy bulk"


def test_bounds_and_table():
    curve = margin_curve(_graph(), 3, GRID)
    bounds = curve.bounds(0.01)
    assert bounds[4] == pytest.approx(0.04 / (1 - curve.eigenvalues[4]) + 0.08)
    table = curve.table()
    assert [row["point"] for row in table][:3] == ["untouched", "the paper's", "twice the paper's"]
    assert "2 of 9" in str(curve)
    assert curve._repr_html_() == table.to_html()
    with pytest.raises(dataclasses.FrozenInstanceError):
        curve.k = 3


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda g: margin_curve(g, 0), ValueError, "k must be between 1 and 14"),
        (lambda g: margin_curve(g, 15), ValueError, "k must be between 1 and 14"),
        (lambda g: margin_curve(g, 3, []), ValueError, "no strengths"),
        (lambda g: margin_curve(g, 3, [np.nan]), ValueError, "finite"),
        (lambda g: margin_curve(g, 3, ["x"]), TypeError, "real number"),
        (lambda g: temperature_curve(g, 3, None, [0.0]), ValueError, "positive"),
        (lambda g: temperature_curve(g, 3, "self"), ValueError, "unknown kind 'self'"),
        (lambda g: margin_curve(g, 3).bounds(0), ValueError, "delta must"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call(_graph())
