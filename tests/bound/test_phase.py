"""Phase diagrams, point by point against the table of bounds."""

import math

import numpy as np
import pytest

from dctheory import SimilarityGraph
from dctheory.bound.phase import REMEDIES, phase_diagram
from dctheory.bound.settings import MARGIN, REMOVAL, WITH
from dctheory.bound.table import bounds

pytest.importorskip("jax")
FIXED = {"classes": 4, "per_class": 20, "alpha": 0.6, "beta": 0.2}
GAMMA = np.linspace(0.15, 0.65, 11)
DIFFICULT = np.array([0, 1, 5, 15, 19, 20])


def _difficult_is_ahead(graph):
    """From the list of modes, which is in descending order."""
    names = [mode.name for mode in graph.spectrum().modes if mode.name != "trivial"]
    values = {mode.name: mode.value for mode in graph.spectrum().modes}
    own = [name for name in names if "difficult" in name or "matched" in name]
    return any(values[name] > values["class"] * (1 + 1e-12) for name in own)


@pytest.mark.parametrize(
    ("pairing", "delta"), [("both", None), ("both", 0.02), ("matched", None), ("either", None)]
)
def test_each_point_is_that_of_the_table(pairing, delta):
    diagram = phase_diagram(
        **FIXED, difficult=DIFFICULT, gamma=GAMMA, delta=delta, pairing=pairing, k=4
    )
    assert (diagram.y_name, diagram.x_name) == ("difficult", "gamma")
    assert diagram.best.shape == (6, 11)
    for (row, column), best in np.ndenumerate(diagram.best):
        gamma, difficult = GAMMA[column].item(), DIFFICULT[row].item()
        valid = 0.2 <= gamma <= 0.6
        assert diagram.is_graph[row, column] == valid
        if not valid:
            assert best == -1
            assert all(np.isnan(diagram.bounds[name][row, column]) for name in REMEDIES)
            continue
        graph = SimilarityGraph(**FIXED, difficult=difficult, gamma=gamma, pairing=pairing)
        table = bounds(graph, 4, delta)
        for name in REMEDIES:
            found = diagram.bounds[name][row, column]
            if table[name].exact is None:
                assert np.isnan(found)
                continue
            assert found == pytest.approx(float(table[name].exact), rel=1e-12)
            assert diagram.deltas[name][row, column] == pytest.approx(float(table[name].delta))
            assert diagram.eigenvalues[name][row, column] == pytest.approx(
                table[name].exact.eigenvalue, rel=1e-12
            )
        rivals = {n: float(table[n].exact) for n in REMEDIES if table[n].exact is not None}
        assert rivals[REMEDIES[best]] == pytest.approx(min(rivals.values()), rel=1e-11)
        pays = REMOVAL in rivals and rivals[REMOVAL] < rivals[WITH] * (1 - 1e-12)
        assert diagram.removal_pays[row, column] == pays
        assert diagram.difficult_overtakes[row, column] == _difficult_is_ahead(graph)


def test_without_a_gap_nothing_is_best():
    diagram = phase_diagram(**FIXED, difficult=DIFFICULT, gamma=GAMMA, delta=0.02, k=4)
    # γ = β or n_d = 0: every margin is 0, and removal does not lower λ.
    assert (diagram.best[0, 1:10] == REMEDIES.index(WITH)).all()
    assert (diagram.best[:, 1] == REMEDIES.index(WITH)).all()
    assert (diagram.best[1:3, 2:10] == REMEDIES.index(MARGIN)).all()


def test_other_axes_and_where_difficult_modes_overtake_the_classes():
    # α barely above γ: the classes differ less than difficult and easy samples do.
    diagram = phase_diagram(
        classes=10, per_class=1000, difficult=200, alpha=0.4, beta=0.1,
        gamma=np.array([0.11, 0.39]), k=np.array([1, 10, 9_999, 10_000]),
    )  # fmt: skip
    assert (diagram.y_name, diagram.x_name) == ("gamma", "k")
    assert diagram.is_graph.tolist() == [[True, True, True, False]] * 2
    assert diagram.difficult_overtakes.tolist() == [[False] * 4, [True, True, True, False]]


def test_isolated_classes_have_infinite_bounds_and_no_best():
    diagram = phase_diagram(
        classes=3, per_class=5, difficult=2, alpha=0.5, beta=0.0, gamma=0.0,
        k=np.array([2, 3]), delta=np.array([0.1, 0.2]),
    )  # fmt: skip
    assert (diagram.y_name, diagram.x_name) == ("k", "delta")
    assert (diagram.bounds[WITH][0] == math.inf).all()
    assert diagram.best.tolist() == [[-1, -1], [0, 0]]
    assert diagram.bounds[WITH][1, 1] == pytest.approx(2 * diagram.bounds[WITH][1, 0])


def test_the_table_counts_the_points():
    diagram = phase_diagram(**FIXED, difficult=DIFFICULT, gamma=GAMMA, delta=0.02, k=4)
    rows = {row["where"]: row["points"] for row in diagram.table()}
    valid = int(diagram.is_graph.sum())
    assert sum(rows[f"best: {name}"] for name in REMEDIES) == valid == 54
    assert f"{valid} graphs of 66 points" in str(diagram)
    assert diagram._repr_html_() == diagram.table().to_html()


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({}, ValueError, "exactly two parameters"),
        ({"gamma": GAMMA}, ValueError, "exactly two parameters"),
        ({"gamma": GAMMA, "difficult": [1], "k": [1, 2]}, ValueError, "exactly two parameters"),
        ({"gamma": GAMMA, "difficult": [[1]]}, ValueError, "exactly two parameters"),
        ({"gamma": GAMMA, "difficult": []}, ValueError, "exactly two parameters"),
        ({"gamma": GAMMA, "delta": [0.1, 0.0]}, ValueError, "delta must lie"),
        ({"gamma": GAMMA, "delta": [0.1, np.nan]}, ValueError, "delta must lie"),
        ({"gamma": GAMMA, "pairing": "none"}, ValueError, "unknown pairing"),
        ({"gamma": GAMMA, "difficult": [0.5]}, ValueError, "whole numbers"),
        ({"gamma": GAMMA, "beta": None}, TypeError, "beta must be numbers"),
    ],
)
def test_bad_input(changes, error, message):
    with pytest.raises(error, match=message):
        phase_diagram(**(FIXED | {"difficult": 5, "gamma": 0.3} | changes))
