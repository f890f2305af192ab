"""The table of settings, against dense eigenvalues of the edited matrices and hand calculation."""

import dataclasses
import json
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dctheory import SimilarityGraph
from dctheory.bound.delta import smallest_delta
from dctheory.bound.settings import (
    MARGIN,
    REMOVAL,
    TEMPERATURE,
    WEIGHTED,
    WITH,
    WITHOUT,
    Status,
)
from dctheory.bound.table import bounds

NAMES = [WITHOUT, WITH, REMOVAL, MARGIN, TEMPERATURE, WEIGHTED]


def _graph(**changes):
    given = {"classes": 3, "per_class": 5, "difficult": 2}
    exact = {"alpha": Fraction(1, 2), "beta": Fraction(1, 5), "gamma": Fraction(3, 10)}
    return SimilarityGraph(**(given | exact | changes))


def _eigenvalues(matrix):
    return np.linalg.eigvalsh(matrix)[::-1]


def test_exact_eigenvalues_are_those_of_the_edited_matrices(graph, dense):
    keep = ~graph.is_difficult
    clean = dense(dataclasses.replace(graph, gamma=graph.beta))[1]
    matrices = {WITHOUT: clean, WITH: dense(graph)[1], MARGIN: clean, TEMPERATURE: clean}
    if keep.any():
        part = dense(graph)[0][np.ix_(keep, keep)]
        matrices[REMOVAL] = part / np.sqrt(np.outer(part.sum(0), part.sum(0)))
    expected = {name: _eigenvalues(matrix) for name, matrix in matrices.items()}
    for k in range(1, graph.num_nodes):
        table = bounds(graph, k, 0.01)
        assert [row.setting for row in table] == NAMES
        for name, values in expected.items():
            row = table[name]
            if row.status is Status.NOT_APPLICABLE:
                assert row.exact is None
                assert row.remark
                missing = name == TEMPERATURE and graph.beta == 0 < graph.gamma
                assert missing or k + 1 > len(values)
                continue
            assert row.exact.eigenvalue == pytest.approx(values[k], abs=3e-15)
            assert row.mode is not None
            if values[k] < 1 - 1e-9:
                assert row.exact == pytest.approx(0.04 / (1 - values[k]) + 0.08, rel=1e-9)
            else:
                assert row.exact == math.inf


def test_printed_numbers_by_hand():
    # r = 2, n = 5, n_d = 2: c2 = 1/2 + 5 · 9/10 = 5, c1 = c2 + 2·2/10 = 27/5.
    table = bounds(_graph(), 3, Fraction(1, 100))
    eigenvalues = {
        WITHOUT: Fraction(1, 10),
        WITH: Fraction(7, 10) / Fraction(27, 5),
        REMOVAL: Fraction(1, 2) / (Fraction(1, 2) + 3 * Fraction(9, 10)),
        MARGIN: Fraction(1, 10),
        TEMPERATURE: Fraction(1, 10),
    }
    for name, eigenvalue in eigenvalues.items():
        row = table[name]
        assert row.printed.eigenvalue == eigenvalue
        factor = 1 + (Fraction(9, 4) - 1) * Fraction(4, 25) if name == TEMPERATURE else 1
        assert row.printed.value == Fraction(4, 100) * factor / (1 - eigenvalue) + Fraction(8, 100)
        assert row.difference == pytest.approx(float(row.printed.value) - float(row.exact))
    assert table[WEIGHTED].printed is None
    assert table[WEIGHTED].difference is None


def test_where_the_printed_bound_is_valid(graph):
    """The printed eigenvalue is no bound where the dense λ_{k+1} lies above it."""
    for k in range(1, graph.num_nodes):
        table = bounds(graph, k, 0.1)
        for name in (WITHOUT, WITH, REMOVAL, MARGIN):
            row = table[name]
            if row.printed is None:
                continue
            covered = name != WITH or graph.r + 1 <= k < graph.n_d + graph.r + 1
            above = float(row.printed.eigenvalue) >= row.exact.eigenvalue - 1e-14
            assert row.printed_valid == (covered and above)
            assert bool(row.printed_remark) == (not covered)
            verdict = "out of range" if not covered else ("valid" if above else "too small")
            assert row.printed_verdict == verdict


def test_each_setting_has_its_own_delta():
    graph = _graph(pairing="either")
    table = bounds(graph, 3)
    own, clean = smallest_delta(graph).value, smallest_delta(_graph(gamma=Fraction(1, 5))).value
    kept = smallest_delta(_graph(per_class=3, difficult=0)).value
    assert kept < clean < own
    deltas = {row.setting: row.delta for row in table}
    assert deltas == {
        WITHOUT: clean,
        REMOVAL: kept,
        **dict.fromkeys((WITH, MARGIN, TEMPERATURE, WEIGHTED), own),
    }
    base = table[WITH]
    for row in table:
        assert row.exact - base.exact == pytest.approx(row.from_delta + row.from_eigenvalue)
    # The same eigenvalue, so that the whole difference is δ's.
    row = table[WITHOUT]
    assert row.exact - table[MARGIN].exact == pytest.approx(row.from_delta)
    assert table[MARGIN].from_delta == table[TEMPERATURE].from_delta == 0
    expected = 4 * float(own) * (1 / 0.9 - 1 / (1 - base.exact.eigenvalue))
    assert table[MARGIN].from_eigenvalue == pytest.approx(expected)


def test_a_given_delta_holds_for_all():
    for row in bounds(_graph(), 3, 0.05):
        assert row.delta == 0.05
        assert row.from_delta == 0


def test_the_best_is_the_smallest_that_follows(graph):
    for k in range(1, graph.num_nodes):
        for delta in (None, 0.02):
            table = bounds(graph, k, delta, margin=0.5, temperature=0.9)
            rivals = [
                float(row.exact)
                for row in table
                if row.status is Status.IMPLIED and row.setting != WITHOUT
            ]
            if table.best is None:
                assert min(rivals, default=math.inf) == math.inf
            else:
                assert table[table.best].exact == pytest.approx(min(rivals), rel=1e-11)
                assert table[table.best].is_implied


def test_without_a_gap_all_settings_agree():
    table = bounds(_graph(gamma=Fraction(1, 5)), 3, 0.01)
    assert table.best == WITH
    found = {row.setting: row for row in table if row.setting not in (REMOVAL, WEIGHTED)}
    assert {row.exact for row in found.values()} == {found[WITH].exact}
    assert {row.printed for row in found.values()} == {found[WITH].exact}
    assert {row.status for row in found.values()} == {Status.IMPLIED}


def test_temperature_is_kept_out_of_best():
    table = bounds(_graph(), 3, 0.01)
    assert table[TEMPERATURE].status is Status.ASSUMES_EIGEN_FACTOR
    assert table[TEMPERATURE].printed_valid is None
    assert table[TEMPERATURE].exact == table[MARGIN].exact
    assert table[WEIGHTED].status is Status.IMPLIED
    assert table[WEIGHTED].exact > table[TEMPERATURE].exact


@pytest.mark.parametrize(
    ("changes", "k", "missing"),
    [
        ({"difficult": 5}, 3, {REMOVAL}),
        ({"difficult": 4}, 3, {REMOVAL}),
        ({"difficult": 4}, 2, set()),
        ({"beta": Fraction(0)}, 3, {TEMPERATURE, WEIGHTED}),
        ({"beta": Fraction(0), "difficult": 0}, 3, set()),
    ],
)
def test_what_does_not_exist_is_a_row_that_says_why(changes, k, missing):
    table = bounds(_graph(**changes), k)
    found = {row.setting for row in table if row.status is Status.NOT_APPLICABLE}
    assert found == missing
    assert all(table[name].remark and table[name].exact is None for name in found)
    assert all(f"{name}: {table[name].remark}." in table.notes for name in found)


@pytest.mark.parametrize("strength", [0, 1, 0.5, 2])
def test_the_users_own_margin(dense, strength):
    graph = _graph()
    own = bounds(graph, 3, 0.01, margin=strength).settings[-1]
    clean = dense(_graph(gamma=Fraction(1, 5)))[1]
    matrix = (1 - strength) * dense(graph)[1] + strength * clean
    assert own.exact.eigenvalue == pytest.approx(_eigenvalues(matrix)[3], abs=1e-15)
    assert own.is_implied == (strength in (0, 1))
    if strength == 0.5:
        assert "own degrees" in own.remark


def test_the_users_own_temperature(dense):
    graph = _graph()
    own = bounds(graph, 3, 0.01, temperature=0.5).settings[-1]
    weights, matrix = dense(graph)
    matrix = np.where(weights == 0.3, 0.5 * matrix, matrix)
    assert own.exact.eigenvalue == pytest.approx(_eigenvalues(matrix)[3], abs=1e-15)
    assert own.status is Status.NOT_A_GRAPH
    assert bounds(graph, 3, 0.01, temperature=1).settings[-1].status is Status.IMPLIED
    by_kind = bounds(graph, 3, 0.01, temperature={"cross class, difficult-difficult": 0.5})
    assert by_kind.settings[-1].exact == own.exact


def test_a_factor_has_no_eigenvectors_of_negative_eigenvalues():
    # β = 0 and all similarity between difficult pairs: A is indefinite.
    graph = SimilarityGraph(classes=2, per_class=4, difficult=2, alpha=0.9, beta=0, gamma=0.9)
    values = graph.spectrum()
    k = graph.num_nodes - 1
    assert values.eigenvalue(k) > 0 > values.eigenvalue(k + 1)
    row = bounds(graph, k, 0.01)[WITH]
    assert row.status is Status.IMPLIED
    assert "positive semidefinite" in row.remark
    more = dataclasses.replace(graph, classes=3)
    row = bounds(more, more.num_nodes - 1, 0.01)[WITH]
    assert row.exact.eigenvalue < 0
    assert row.status is Status.ASSUMES_EIGEN_FACTOR
    assert "λ_k ≤ 0" in row.remark


@hypothesis_settings(max_examples=50, deadline=None)
@given(
    st.sampled_from(["both", "matched", "either"]),
    st.integers(2, 50),
    st.integers(2, 10**9),
    st.floats(0, 1),
    st.tuples(*[st.floats(0.01, 0.99)] * 3),
)
def test_margin_is_never_worse_than_removal_at_the_same_delta(
    pairing, classes, per_class, share, numbers
):
    beta, gamma, alpha = sorted(numbers)
    graph = SimilarityGraph(
        classes=classes, per_class=per_class, difficult=int(share * (per_class - 1)),
        alpha=alpha, beta=beta, gamma=gamma, pairing=pairing,
    )  # fmt: skip
    table = bounds(graph, classes, 0.01)
    if table[REMOVAL].exact is not None:
        assert table[MARGIN].exact <= table[REMOVAL].exact * (1 + 1e-12)
    assert table[MARGIN].exact == table[WITHOUT].exact


def test_renderings():
    table = bounds(_graph(), 3, margin=0.5)
    assert len(table) == len(table.rows) == 7
    for text in (table.to_text(), table.to_markdown(), table.to_html(), str(table)):
        assert "with difficult" in text
        assert "Best exact bound" in text
    assert table._repr_html_() == table.to_html()
    assert r"\toprule" in table.to_latex()
    assert max(map(len, table.to_text(150).splitlines())) <= 150
    document = json.loads(json.dumps(table.to_dict(), allow_nan=False))
    assert document["best"] == table.best
    assert [row["setting"] for row in document["rows"]] == [row.setting for row in table]
    assert document["rows"][1]["exact bound"] == pytest.approx(float(table[WITH].exact))
    with pytest.raises(KeyError, match="no setting 'x'"):
        table["x"]


def test_vacuous_bounds_are_named():
    assert any("vacuous" in note for note in bounds(_graph(), 3, 0.5).notes)
    assert not any("vacuous" in note for note in bounds(_graph(), 3, 0.01).notes)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0,), ValueError, "k must be between 1 and 14"),
        ((15,), ValueError, "k must be between 1 and 14"),
        ((True,), TypeError, "k must be an integer"),
        ((3, 0), ValueError, "delta must lie"),
        ((3, 1.5), ValueError, "delta must lie"),
        ((3, math.nan), ValueError, "delta must be finite"),
        ((3, 0.1, math.nan), ValueError, "strength must be finite"),
        ((3, 0.1, None, 0), ValueError, "temperature of"),
    ],
)
def test_bad_input(arguments, error, message):
    with pytest.raises(error, match=message):
        bounds(_graph(), *arguments)


def test_another_kind_of_graph_is_a_type_error():
    with pytest.raises(TypeError, match="must be a SimilarityGraph"):
        bounds(np.eye(3), 1)
