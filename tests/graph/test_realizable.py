"""Positive semidefinite, realizable, largest γ − β: against eigh, products and bisection."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from dctheory import formulas
from dctheory.bound.instances import (
    TABLE_10,
    TABLE_10_CLASSES,
    TABLE_10_DIFFICULT_SHARE,
)
from dctheory.graph import orbits as orbit_module
from dctheory.graph.realizable import (
    is_psd,
    is_realizable,
    largest_gap,
    largest_gap_formula,
    psd_conditions,
)
from dctheory.graph.similarity import SimilarityGraph

PAIRINGS = ("both", "matched", "either")


@st.composite
def graphs(draw, max_classes=4, max_per_class=5, denominator=24):
    per_class = draw(st.integers(1, max_per_class))
    beta, gamma, alpha = sorted(
        Fraction(draw(st.integers(0, denominator)), denominator) for _ in range(3)
    )
    return SimilarityGraph(
        classes=draw(st.integers(2, max_classes)),
        per_class=per_class,
        difficult=draw(st.integers(0, per_class)),
        alpha=alpha,
        beta=beta,
        gamma=gamma,
        pairing=draw(st.sampled_from(PAIRINGS)),
    )


@settings(max_examples=300, deadline=None)
@given(graphs())
def test_is_psd_agrees_with_eigh(graph):
    smallest = np.linalg.eigvalsh(graph.adjacency())[0]
    if abs(smallest) > 1e-9:
        assert is_psd(graph) is bool(smallest > 0)
    assert graph.is_psd() is is_psd(graph)


@settings(max_examples=100, deadline=None)
@given(graphs())
def test_conditions_are_the_decision(graph):
    values = dict(zip(formulas.PARAMETERS, graph.parameters.values(), strict=True))
    exact = {symbol: sp.Rational(str(value)) for symbol, value in values.items()}
    holds = [
        bool(condition.inequality.subs(exact))
        for condition in psd_conditions(graph.pairing)
        if condition.applies.subs(exact) == sp.true
    ]
    assert all(holds) is is_psd(graph)


@settings(max_examples=200, deadline=None)
@given(graphs())
def test_factor_reproduces_the_adjacency(graph):
    found = is_realizable(graph)
    assert bool(found) is is_psd(graph)
    if found:
        factor = found.factor()
        assert factor.shape == (graph.num_nodes, found.num_columns)
        assert (factor >= 0).all()
        # Heights are rounded square roots: a few roundings of numbers of size one.
        np.testing.assert_allclose(factor @ factor.T, graph.adjacency(), rtol=0, atol=1e-13)
    else:
        assert found.answer == "no"
        assert "not positive semidefinite" in found.reason


@pytest.mark.parametrize("pairing", PAIRINGS)
@pytest.mark.parametrize(("classes", "per_class", "difficult"), [(2, 4, 2), (5, 4, 1), (3, 6, 5)])
@pytest.mark.parametrize(("alpha", "beta"), [("9/10", "1/4"), ("1/2", "0"), ("3/10", "1/10")])
def test_largest_gap_is_the_border(pairing, classes, per_class, difficult, alpha, beta):
    alpha, beta = Fraction(alpha), Fraction(beta)
    gap = largest_gap(classes, per_class, difficult, alpha, beta, pairing)
    assert isinstance(gap, sp.Basic)
    below, above = (
        Fraction(str(sp.N(gap, 25))) * (1 + sign * Fraction(1, 10**18)) for sign in (-1, 1)
    )
    graph = SimilarityGraph(
        classes=classes,
        per_class=per_class,
        difficult=difficult,
        alpha=alpha,
        beta=beta,
        gamma=beta + below,
        pairing=pairing,
    )
    # Just inside the border the factor is as tight as it gets, and still exact.
    assert is_realizable(graph).answer == "yes"
    if beta + above <= alpha:
        assert is_realizable(replace(graph, gamma=beta + above)).answer == "no"
    else:
        assert gap == sp.Rational(str(alpha - beta))


def test_largest_gap_of_both_against_bisection_on_eigh():
    def smallest(gap):
        graph = SimilarityGraph(
            classes=3, per_class=6, difficult=3, alpha=0.7, beta=0.1, gamma=0.1 + gap
        )
        return np.linalg.eigvalsh(graph.adjacency())[0]

    low, high = 0.0, 0.6
    assert smallest(high) < 0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if smallest(middle) >= 0 else (low, middle)
    found = largest_gap(3, 6, 3, 0.7, 0.1, "both")
    assert isinstance(found, float)
    assert found == pytest.approx(low, abs=1e-12)


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_largest_gap_without_a_mixture(pairing):
    alpha, beta = Fraction(9, 10), Fraction(1, 10)
    cap = sp.Rational(8, 10)
    assert largest_gap(3, 4, 0, alpha, beta, pairing) == cap
    # All difficult: only `matched` has a bound left, 1 − α.
    expected = sp.Rational(1, 10) if pairing == "matched" else cap
    assert largest_gap(3, 4, 4, alpha, beta, pairing) == expected
    assert largest_gap(3, 4, 2, Fraction(1), Fraction(1), pairing) == 0
    assert largest_gap(3, 4, 2, Fraction(1), Fraction(1, 2), pairing) == 0


def test_matched_with_one_difficult_is_both():
    arguments = (4, 5, 1, Fraction(8, 10), Fraction(1, 10))
    assert largest_gap(*arguments, "matched") == largest_gap(*arguments, "both")


def test_largest_gap_is_precise_for_many_nodes():
    # (x − a)/r with x and a equal to 12 digits: exact input as the reference.
    exact = largest_gap(10, 10**12, 10**11, Fraction(1, 2), Fraction(1, 5), "either")
    found = largest_gap(10, 10**12, 10**11, 0.5, float(Fraction(1, 5)), "either")
    assert found == pytest.approx(float(sp.N(exact, 30)), rel=1e-14)


def test_formula_for_both_is_the_published_form():
    r, n, n_d, alpha, beta = sp.symbols("r n n_d alpha beta")
    plain = largest_gap_formula("both").subs(
        dict(zip(formulas.PARAMETERS[:5], (r, n, n_d, alpha, beta), strict=True))
    )
    u, b = 1 - alpha, alpha - beta
    assert sp.simplify(plain - u * (u + n * b) / (n_d * (u + (n - n_d) * b))) == 0


@pytest.mark.parametrize("column", TABLE_10)
def test_table_10_is_realizable_only_as_matched(column):
    n = 10690
    answers = {
        pairing: is_realizable(
            SimilarityGraph(
                classes=TABLE_10_CLASSES,
                per_class=n,
                difficult=int(TABLE_10_DIFFICULT_SHARE * n),
                alpha=column.alpha,
                beta=column.beta,
                gamma=column.beta + column.difference,
                pairing=pairing,
            )
        ).answer
        for pairing in PAIRINGS
    }
    assert answers == {"both": "no", "matched": "yes", "either": "no"}


def test_large_graph_has_orbits_but_no_matrix():
    graph = SimilarityGraph(
        classes=10,
        per_class=10**9,
        difficult=10**6,
        alpha=0.5,
        beta=0.25,
        gamma=0.375,
        pairing="matched",
    )
    found = is_realizable(graph)
    assert found.answer == "yes"
    assert "of one index, in all classes" in str(found)
    with pytest.raises(ValueError, match="factor"):
        found.factor()


def test_no_factor_of_a_graph_that_cannot_exist():
    graph = SimilarityGraph(
        classes=2, per_class=8, difficult=4, alpha=0.9, beta=0.1, gamma=0.85, pairing="both"
    )
    found = is_realizable(graph)
    smallest = np.linalg.eigvalsh(graph.adjacency())[0]
    assert f"{smallest:.6g}" in found.reason
    with pytest.raises(ValueError, match="not positive semidefinite"):
        found.factor()


@settings(max_examples=60, deadline=None)
@given(graphs(max_classes=3, max_per_class=3), st.integers(0, 20))
def test_exact_check_catches_a_changed_orbit(graph, position):
    if not is_psd(graph):
        return
    found = orbit_module.orbits(graph)
    index = position % len(found)
    changed = list(found)
    changed[index] = replace(
        found[index],
        easy_squared=found[index].easy_squared * Fraction(10001, 10000),
        difficult_squared=found[index].difficult_squared * Fraction(10001, 10000),
    )
    factor = orbit_module.columns(graph, tuple(changed))
    assert np.abs(factor @ factor.T - graph.adjacency()).max() > 1e-9
    assert orbit_module.entries(graph, tuple(changed)) != orbit_module.entries(graph, found)


def test_unknown_pairing():
    with pytest.raises(ValueError, match="did you mean 'both'"):
        psd_conditions("bothh")
    with pytest.raises(TypeError, match="classes"):
        largest_gap(True, 4, 2, 0.5, 0.1)
