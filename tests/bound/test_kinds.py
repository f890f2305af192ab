"""Spectra of matrices given by kinds of pair, against dense eigenvalues and sympy."""

from fractions import Fraction
from math import prod

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from dctheory import SimilarityGraph, formulas
from dctheory.bound.kinds import (
    KindMatrix,
    fill,
    kinds,
    normalized_adjacency,
    present,
    quotient,
)


def test_the_normalised_adjacency_is_the_dense_one(graph, dense):
    np.testing.assert_allclose(
        normalized_adjacency(graph).to_array(), dense(graph)[1], atol=1e-15, rtol=1e-14
    )


def test_its_spectrum_is_the_graphs(graph):
    ours, closed = normalized_adjacency(graph).spectrum(), graph.spectrum()
    assert ours.multiplicities == closed.multiplicities
    np.testing.assert_allclose(ours.values, closed.values, rtol=1e-14, atol=1e-300)


@pytest.mark.parametrize("pairing", formulas.PAIRINGS)
@pytest.mark.parametrize("sector", ["trivial", "class"])
def test_the_quotient_of_the_weights_is_the_block_of_the_formulas(pairing, sector):
    f = formulas
    weights = {kind.name: kind.weight for kind in kinds(pairing)}
    found = quotient(pairing, f.r, f.n - f.n_d, f.n_d, weights)
    ee, ed, dd = found.trivial if sector == "trivial" else found.contrast
    block = f.block(pairing, sector)
    for ours, theirs in (
        (ee, block.ee),
        ((f.n - f.n_d) * f.n_d * ed**2, block.ed_squared),
        (dd, block.dd),
    ):
        assert sp.expand(ours - f.to_paper(theirs)) == 0


# Numerators over 7: small rationals of both signs, with coincidences.
sizes = st.tuples(st.integers(2, 4), st.integers(1, 5)).flatmap(
    lambda s: st.tuples(st.just(s[0]), st.just(s[1]), st.integers(0, s[1]))
)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(formulas.PAIRINGS),
    sizes,
    st.lists(st.integers(-7, 14), min_size=9, max_size=9),
)
def test_any_entries_against_dense_eigenvalues(pairing, size, numbers):
    classes, per_class, difficult = size
    graph = SimilarityGraph(
        classes=classes, per_class=per_class, difficult=difficult,
        alpha=0.5, beta=0.1, gamma=0.2, pairing=pairing,
    )  # fmt: skip
    names = [kind.name for kind in kinds(pairing)]
    entries = {name: Fraction(v, 7) for name, v in zip(names, numbers, strict=False)}
    matrix = KindMatrix.from_entries(graph, entries)
    array = matrix.to_array()
    np.testing.assert_array_equal(array, array.T)
    spectrum = matrix.spectrum()
    ours = np.repeat(spectrum.values, spectrum.multiplicities)
    # eigh's backward error: a few N eps ‖B‖.
    bound = 10 * len(array) * 2.2e-16 * max(1.0, np.abs(array).sum(axis=1).max())
    np.testing.assert_allclose(ours, np.linalg.eigvalsh(array)[::-1], atol=bound, rtol=0)


def test_counts_sum_to_the_number_of_pairs_and_match_the_matrix(graph):
    counts = present(graph)
    assert sum(counts.values()) == graph.num_nodes**2
    marks = {kind.name: float(i) for i, kind in enumerate(kinds(graph.pairing))}
    found, times = np.unique(fill(graph, marks), return_counts=True)
    assert dict(zip(found, times.tolist(), strict=True)) == {
        marks[name]: count for name, count in counts.items()
    }


@pytest.mark.parametrize("pairing", formulas.PAIRINGS)
def test_a_graph_of_a_trillion_nodes(pairing):
    graph = SimilarityGraph(
        classes=10**4, per_class=10**8, difficult=10**6,
        alpha=0.9, beta=0.1, gamma=0.1 + 1e-9, pairing=pairing,
    )  # fmt: skip
    ours, closed = normalized_adjacency(graph).spectrum(), graph.spectrum()
    assert ours.multiplicities == closed.multiplicities
    np.testing.assert_allclose(ours.values, closed.values, rtol=1e-12)
    with pytest.raises(ValueError, match="PiB"):
        normalized_adjacency(graph).to_array()


def test_what_is_a_graph(graph):
    assert (normalized_adjacency(graph).graph_failure() == "") == graph.is_psd()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"cross class, difficult-difficult": -0.1}, "negative"),
        ({"self, easy-easy": 0.5}, "own degrees"),
        ({"self, easy-easy": 1, "self, difficult-difficult": 1}, ""),
    ],
)
def test_reasons_for_not_being_a_graph(changes, reason):
    graph = SimilarityGraph(classes=3, per_class=4, difficult=2, alpha=0.5, beta=0.1, gamma=0.2)
    entries = dict.fromkeys(present(graph), 0.0) | changes
    failure = KindMatrix.from_entries(graph, entries).graph_failure()
    assert reason in failure
    assert bool(reason) == bool(failure)


def test_an_indefinite_matrix_is_no_graph():
    # Rows sum to 1 and entries are non-negative, but 0 on the diagonal of a bipartite graph.
    graph = SimilarityGraph(classes=2, per_class=1, difficult=0, alpha=1, beta=1, gamma=1)
    entries = {"self, easy-easy": 0, "cross class, easy-easy": 1}
    matrix = KindMatrix.from_entries(graph, entries)
    assert "positive semidefinite" in matrix.graph_failure()


def test_determinant_of_the_edited_blocks_is_kept_exact():
    # α = 1: the clean Ā has rank r + 1, and its zeros must come out as zeros.
    graph = SimilarityGraph(classes=3, per_class=5, difficult=2, alpha=1.0, beta=0.3, gamma=0.3)
    spectrum = normalized_adjacency(graph).spectrum()
    assert spectrum.values[-1] == 0
    assert spectrum.multiplicities == (1, 2, 12)
    assert prod(spectrum.values[:2]) == pytest.approx(0.7 / 1.6)


def test_from_entries_names_what_is_wrong():
    graph = SimilarityGraph(classes=2, per_class=2, difficult=0, alpha=0.5, beta=0.1, gamma=0.2)
    good = dict.fromkeys(present(graph), 0.1)
    with pytest.raises(ValueError, match="unknown: \\['x'\\]"):
        KindMatrix.from_entries(graph, good | {"x": 1})
    with pytest.raises(ValueError, match="missing: \\['self, easy-easy'\\]"):
        KindMatrix.from_entries(graph, {k: v for k, v in good.items() if "self" not in k})
    with pytest.raises(ValueError, match="finite"):
        KindMatrix.from_entries(graph, good | {"self, easy-easy": np.inf})
