"""Smallest δ: against brute force over labellings, and the published numbers."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dctheory.bound.delta import smallest_delta
from dctheory.bound.instances import TABLE_10, TABLE_10_CLASSES
from dctheory.graph.cells import CellGraph
from dctheory.graph.similarity import SimilarityGraph

PAIRINGS = ("both", "matched", "either")
# A sum of a few dozen float64 numbers of size one.
ROUNDING = 1e-13


def cross_share(weights, labelling):
    """φ^g: share of the weight on edges whose ends g labels differently."""
    apart = np.not_equal.outer(labelling, labelling)
    return float((weights * apart).sum() / weights.sum())


def small_graph(pairing, classes=2, per_class=3, difficult=1, **similarities):
    values = {"alpha": 0.75, "beta": 0.25, "gamma": 0.5} | similarities
    return SimilarityGraph(
        classes=classes, per_class=per_class, difficult=difficult, pairing=pairing, **values
    )


@pytest.mark.parametrize("pairing", PAIRINGS)
@pytest.mark.parametrize(
    ("classes", "per_class", "difficult", "similarities"),
    [
        (2, 3, 1, {}),
        (3, 2, 1, {"alpha": 0.4, "beta": 0.0, "gamma": 0.3}),
        (2, 3, 3, {"gamma": 0.75}),
        (2, 3, 0, {"beta": 0.5}),
        (3, 2, 2, {"alpha": 1.0, "beta": 0.1, "gamma": 0.9}),
    ],
)
def test_no_labelling_has_a_smaller_delta(pairing, classes, per_class, difficult, similarities):
    graph = small_graph(pairing, classes, per_class, difficult, **similarities)
    found = smallest_delta(graph)
    weights, degrees = graph.adjacency(), graph.degrees / graph.degrees.sum()
    true_sizes = [per_class] * classes
    for labels in itertools.product(range(classes), repeat=graph.num_nodes):
        labelling = np.array(labels)
        half = cross_share(weights, labelling) / 2
        volumes = np.bincount(labelling, degrees, minlength=classes)
        # δ is at least φ/2, and at least what the class weights are off by.
        distance = np.abs(volumes - 1 / classes).sum() / 2
        assert max(half, distance) >= found.any_labelling - ROUNDING
        if np.bincount(labelling, minlength=classes).tolist() == true_sizes:
            assert half >= found.node_balanced - ROUNDING
        if distance < 1e-12:
            assert half >= found.weight_balanced - ROUNDING
    own = cross_share(weights, graph.labels) / 2
    assert found.class_label == pytest.approx(own, abs=ROUNDING)
    assert found.value == found.class_label
    assert found.spectral <= own + ROUNDING


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_spectral_bound_is_attained_without_difficult_samples(pairing):
    # The class indicators then span the leading eigenvectors, so nothing is lost.
    graph = small_graph(pairing, classes=4, per_class=5, difficult=0)
    found = smallest_delta(graph)
    assert found.node_balanced == pytest.approx(found.class_label, abs=ROUNDING)
    assert found.weight_balanced == pytest.approx(found.class_label, abs=ROUNDING)


def test_class_label_is_exact_for_exact_graphs():
    values = {"alpha": Fraction(3, 4), "beta": Fraction(1, 4), "gamma": Fraction(1, 2)}
    graph = small_graph("matched", **values)
    # 6 ones and 12 same-class edges of 3/4; 18 cross-class edges of 1/4, of which 2 have 1/2.
    assert smallest_delta(graph).class_label == Fraction(5, 15 + 5) / 2
    assert isinstance(smallest_delta(small_graph("matched")).class_label, float)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["both", "either"]),
    st.integers(2, 4),
    st.integers(1, 6),
    st.integers(0, 6),
    st.lists(st.floats(0.01, 1), min_size=3, max_size=3),
)
def test_cell_graph_of_the_same_graph_agrees(pairing, classes, per_class, difficult, values):
    beta, gamma, alpha = sorted(values)
    graph = small_graph(
        pairing, classes, per_class, min(difficult, per_class), alpha=alpha, beta=beta, gamma=gamma
    )
    ours, cells = smallest_delta(graph), smallest_delta(CellGraph.from_similarity(graph))
    for name in ("class_label", "node_balanced", "weight_balanced", "any_labelling"):
        assert getattr(cells, name) == pytest.approx(getattr(ours, name), abs=1e-12)
    assert cells.every_size is None
    # No size of the graph has a smaller δ than the one for all sizes.
    assert ours.every_size <= ours.class_label + ROUNDING


def test_unequal_classes_against_brute_force():
    similarity = [[0.8, 0.1, 0.3], [0.1, 0.7, 0.2], [0.3, 0.2, 0.6]]
    graph = CellGraph([3, 1, 2], similarity, 1.0, classes=[0, 0, 1])
    found = smallest_delta(graph)
    weights = graph.adjacency()
    shares = graph.degrees / graph.degrees.sum()
    own = np.bincount(graph.labels, shares)
    assert found.class_label == pytest.approx(cross_share(weights, graph.labels) / 2, abs=ROUNDING)
    for labels in itertools.product(range(2), repeat=6):
        labelling = np.array(labels)
        half = cross_share(weights, labelling) / 2
        if sorted(np.bincount(labelling, minlength=2)) == [2, 4]:
            assert half >= found.node_balanced - ROUNDING
        distance = np.abs(np.bincount(labelling, shares, minlength=2) - own).sum() / 2
        assert max(half, distance) >= found.any_labelling - ROUNDING


@pytest.mark.parametrize("pairing", PAIRINGS)
@pytest.mark.parametrize("column", TABLE_10)
def test_no_bound_at_table_10_can_be_below_one(pairing, column):
    graph = SimilarityGraph(
        classes=TABLE_10_CLASSES,
        per_class=10690,
        difficult=855,
        alpha=column.alpha,
        beta=column.beta,
        gamma=column.beta + column.difference,
        pairing=pairing,
    )
    found = smallest_delta(graph)
    assert isinstance(found.class_label, Fraction)
    assert not found.can_be_nonvacuous
    assert not found.can_be_nonvacuous_balanced
    assert found.vacuous_at_every_size
    # Chance level for ten classes is 0.9; the bound is beyond any error rate by a factor of 4.
    assert found.best_bound > 4
    assert "is not below 1 for any k" in str(found)


def test_some_graph_has_a_bound_below_one():
    graph = small_graph("both", per_class=100, difficult=1, alpha=0.9, beta=0.001, gamma=0.01)
    found = smallest_delta(graph)
    assert found.can_be_nonvacuous
    assert found.can_be_nonvacuous_balanced
    assert not found.vacuous_at_every_size
    assert found.best_bound == pytest.approx(
        4 * found.value / (1 - np.linalg.eigvalsh(graph.normalized_adjacency())[0])
        + 8 * found.value
    )
    assert "can be below 1" in str(found)
    assert "<table" in found._repr_html_()


def test_isolated_nodes_and_equal_nodes():
    isolated = smallest_delta(small_graph("both", alpha=0.0, beta=0.0, gamma=0.0))
    assert isolated.class_label == 0
    # Every eigenvalue is 1: the bound does not exist for any k.
    assert not isolated.can_be_nonvacuous
    equal = smallest_delta(small_graph("both", alpha=1.0, beta=1.0, gamma=1.0))
    assert equal.class_label == 0.25
    assert equal.node_balanced == pytest.approx(0.25)


def test_cost_does_not_grow_with_the_classes():
    graph = small_graph("both", classes=10**9, per_class=10**6, difficult=10)
    assert 0 < smallest_delta(graph).spectral <= 0.5


def test_another_kind_of_graph_is_refused():
    with pytest.raises(TypeError, match="SimilarityGraph or a CellGraph"):
        smallest_delta(np.eye(3))
