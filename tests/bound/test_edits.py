"""Removal, margins and temperatures as edits, against dense matrices."""

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from dctheory import SimilarityGraph, formulas
from dctheory.bound.edits import (
    entries_table,
    margin_entries,
    margin_matrix,
    remove_difficult,
    temperature_entries,
    temperature_matrix,
    temperatures_by_kind,
    with_margin,
    with_temperature,
    without_difficult,
)
from dctheory.bound.kinds import kinds, present

ATOL = 2e-15  # a few roundings of entries that are at most 1


def _graph(**changes):
    given = {"classes": 3, "per_class": 5, "difficult": 2, "alpha": 0.5, "beta": 0.2, "gamma": 0.3}
    return SimilarityGraph(**(given | changes))


def _clean(graph, dense):
    return dense(dataclasses.replace(graph, gamma=graph.beta))[1]


def _has_difficult_pairs(graph):
    return any(kind.weight == formulas.gamma for kind in kinds(graph.pairing)
               if kind.name in present(graph))  # fmt: skip


def test_removal_deletes_the_rows_of_difficult_nodes(graph, dense):
    if graph.n_e == 0:
        with pytest.raises(ValueError, match=r"all .* difficult"):
            remove_difficult(graph)
        return
    keep = ~graph.is_difficult
    kept = remove_difficult(graph)
    np.testing.assert_array_equal(dense(kept)[0], dense(graph)[0][np.ix_(keep, keep)])
    assert kept.difficult == 0


def test_without_difficult_is_the_graph_at_gamma_equal_beta(graph, dense):
    np.testing.assert_array_equal(dense(without_difficult(graph))[1], _clean(graph, dense))


@pytest.mark.parametrize("normalized", [False, True])
def test_the_full_margin_turns_the_matrix_into_the_clean_one(graph, dense, normalized):
    matrix, target = dense(graph)
    degrees = matrix.sum(axis=1)
    if normalized:
        degrees = degrees / degrees.sum()
    edit = np.sqrt(np.outer(degrees, degrees)) * margin_matrix(graph, normalized)
    np.testing.assert_allclose(target - edit, _clean(graph, dense), atol=ATOL, rtol=0)


def test_the_full_temperature_turns_the_matrix_into_the_clean_one(graph, dense):
    if graph.beta == 0 < graph.gamma and _has_difficult_pairs(graph):
        with pytest.raises(ValueError, match="beta > 0"):
            temperature_matrix(graph)
        return
    found = temperature_matrix(graph) * dense(graph)[1]
    np.testing.assert_allclose(found, _clean(graph, dense), atol=ATOL, rtol=0)


@pytest.mark.parametrize("strength", [0, 0.3, 1, Fraction(17, 10), 2])
@pytest.mark.parametrize("printed", [False, True])
def test_spectra_after_a_margin_of_any_strength(graph, dense, strength, printed):
    matrix, normal = dense(graph)
    degrees = matrix.sum(axis=1)
    scale = np.sqrt(np.outer(degrees, degrees))
    expected = normal - float(strength) * scale * margin_matrix(graph, printed=printed)
    edited = with_margin(graph, strength, printed=printed)
    np.testing.assert_allclose(edited.to_array(), expected, atol=ATOL, rtol=0)
    spectrum = edited.spectrum()
    ours = np.repeat(spectrum.values, spectrum.multiplicities)
    np.testing.assert_allclose(ours, np.linalg.eigvalsh(expected)[::-1], atol=1e-14, rtol=0)


@pytest.mark.parametrize("pairing", formulas.PAIRINGS)
@pytest.mark.parametrize("name", ["self, easy-easy", "same class, easy-difficult", None])
@pytest.mark.parametrize("size", [(3, 5, 2), (2, 3, 3), (2, 3, 0)])
def test_spectra_after_a_temperature_on_one_kind_of_pair(dense, pairing, name, size):
    classes, per_class, difficult = size
    graph = _graph(classes=classes, per_class=per_class, difficult=difficult, pairing=pairing)
    tau = 0.4 if name is None else {name: 0.4}
    spectrum = with_temperature(graph, tau).spectrum()
    matrix, expected = dense(graph)
    hard, same = graph.is_difficult, np.equal.outer(graph.labels, graph.labels)
    own = np.eye(graph.num_nodes, dtype=bool)
    chosen = {
        None: (matrix == 0.3) & ~same,
        "self, easy-easy": own & ~hard[:, None],
        "same class, easy-difficult": same & (hard[:, None] != hard[None, :]),
    }[name]
    expected = np.where(chosen, 0.4 * expected, expected)
    ours = np.repeat(spectrum.values, spectrum.multiplicities)
    np.testing.assert_allclose(ours, np.linalg.eigvalsh(expected)[::-1], atol=1e-14, rtol=0)


def test_the_limits_of_the_strength(graph):
    start, end = with_margin(graph, 0).spectrum(), with_margin(graph, 1).spectrum()
    np.testing.assert_array_equal(start.values, graph.spectrum().values)
    clean = without_difficult(graph).spectrum()
    assert end.multiplicities == clean.multiplicities
    np.testing.assert_allclose(end.values, clean.values, rtol=1e-15, atol=0)


def test_printed_margins_are_eq_7_on_difficult_pairs_of_both():
    # c0, c1, c2 by hand for r = 2, n = 5, n_d = 2, α = 1/2, β = 1/5, γ = 3/10.
    graph = _graph(alpha=Fraction(1, 2), beta=Fraction(1, 5), gamma=Fraction(3, 10))
    c2, c0 = (
        Fraction(1, 2) + 5 * Fraction(9, 10),
        Fraction(1, 2) + 5 * Fraction(1, 2) + 3 * 2 / Fraction(5),
    )
    c1 = c2 + 2 * 2 * Fraction(1, 10)
    eq_7 = float(c0 / (c1**2 * c2) * Fraction(1, 10))
    printed, full = margin_entries(graph, printed=True), margin_entries(graph)
    name = "cross class, difficult-difficult"
    assert printed[name].value == pytest.approx(eq_7, rel=1e-15)
    assert full[name].value == pytest.approx(eq_7, rel=1e-15)
    assert {e.value for other, e in printed.items() if other != name} == {0}
    # The margin a sampled loss needs is W times as large.
    total = 3 * (3 * c2 + 2 * c1)
    assert margin_entries(graph, normalized=True, printed=True)[name].value == pytest.approx(
        float(total) * eq_7, rel=1e-15
    )


def test_printed_temperature_by_hand():
    graph = _graph()
    entries = temperature_entries(graph, printed=True)
    c2 = 0.5 + 5 * 0.9
    expected = (c2 + 0.4) / c2 * 0.2 / 0.3
    assert entries["cross class, difficult-difficult"].value == pytest.approx(expected, rel=1e-14)
    assert sum(entry.value == 1 for entry in entries.values()) == len(entries) - 1
    assert np.unique(temperature_matrix(graph, printed=True)) == pytest.approx([expected, 1])


def test_entries_carry_symbols_counts_and_numbers(graph):
    entries = margin_entries(graph, normalized=True)
    assert {name: entry.count for name, entry in entries.items()} == present(graph)
    for name, entry in entries.items():
        assert entry.kind.name == name
        value = entry.formula.subs(graph.parameters)
        assert entry.value == pytest.approx(float(sp.N(value, 40)), rel=1e-12, abs=1e-30)
    assert str(len(entries)) in repr(entries_table(entries))
    assert "Theorem 4.3" in entries_table(entries).to_text()


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(formulas.PAIRINGS),
    st.integers(2, 40),
    st.integers(1, 10**6),
    st.floats(0, 1),
    st.tuples(*[st.floats(0.01, 1)] * 3),
)
def test_without_a_gap_every_remedy_does_nothing(pairing, classes, per_class, share, numbers):
    beta, alpha = sorted(numbers)[::2]
    graph = SimilarityGraph(
        classes=classes, per_class=per_class, difficult=int(share * per_class),
        alpha=alpha, beta=beta, gamma=beta, pairing=pairing,
    )  # fmt: skip
    for printed in (False, True):
        assert {e.value for e in margin_entries(graph, printed=printed).values()} == {0}
        assert {e.value for e in temperature_entries(graph, printed=printed).values()} == {1}
    reference = graph.spectrum()
    edited = with_margin(graph, 1.5).spectrum()
    assert edited.multiplicities == reference.multiplicities
    np.testing.assert_allclose(edited.values, reference.values, rtol=1e-13)


def test_small_gaps_lose_no_digits():
    # γ − β of one unit in the last place: the entry is first order in it, here by hand.
    graph = _graph(beta=0.25, gamma=0.25 + 2**-54, alpha=0.5, difficult=1, per_class=2)
    g = Fraction(2**-54)
    c2 = Fraction(1, 2) + 2 * (Fraction(1, 2) + 2 * Fraction(1, 4))
    c1 = c2 + 2 * g
    c0 = Fraction(1, 2) + 2 * Fraction(1, 2) + 2 * Fraction(1, 4)
    found = margin_entries(graph)["cross class, difficult-difficult"].value
    assert found == pytest.approx(float(c0 / (c1**2 * c2) * g), rel=1e-15)


def test_temperatures_at_zero_similarity():
    equal = _graph(beta=0.0, gamma=0.0)
    assert {entry.value for entry in temperature_entries(equal).values()} == {1}
    no_pairs = _graph(beta=0.0, difficult=0)
    assert {entry.value for entry in temperature_entries(no_pairs).values()} == {1}
    for printed in (False, True):
        with pytest.raises(ValueError, match="beta is 0"):
            temperature_entries(_graph(beta=0.0), printed=printed)


@pytest.mark.parametrize(
    ("temperature", "error", "message"),
    [
        (0, ValueError, "must lie in \\(0"),
        (np.inf, ValueError, "finite"),
        ({"self, easy-easy": -1}, ValueError, "must lie in \\(0"),
        ({"all": 1}, ValueError, "unknown kinds of pair \\['all'\\]"),
        ("warm", TypeError, "real number"),
    ],
)
def test_bad_temperatures(temperature, error, message):
    with pytest.raises(error, match=message):
        temperatures_by_kind(_graph(), temperature)


@pytest.mark.parametrize("strength", [np.nan, np.inf])
def test_bad_strengths(strength):
    with pytest.raises(ValueError, match="finite"):
        with_margin(_graph(), strength)


@pytest.mark.parametrize("build", [margin_matrix, temperature_matrix])
def test_matrices_that_would_not_fit_are_refused(build):
    with pytest.raises(ValueError, match="would take"):
        build(_graph(per_class=10**7))
