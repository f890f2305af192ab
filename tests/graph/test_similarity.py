"""The similarity graph against its definition, and its bad input."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from dctheory import SimilarityGraph

GOOD: dict[str, Any] = {
    "classes": 3,
    "per_class": 4,
    "difficult": 2,
    "alpha": 0.5,
    "beta": 0.1,
    "gamma": 0.2,
}


def graph(**changes: Any) -> SimilarityGraph:
    return SimilarityGraph(**{**GOOD, **changes})


def defined_weight(g: SimilarityGraph, x: int, y: int) -> float:
    """The weight of a pair, written out from the three readings of a difficult pair."""
    if x == y:
        return 1.0
    (c, i), (d, j) = divmod(x, g.n), divmod(y, g.n)
    if c == d:
        return float(g.alpha)
    hard_x, hard_y = i < g.n_d, j < g.n_d
    if g.pairing == "both":
        difficult = hard_x and hard_y
    elif g.pairing == "matched":
        difficult = hard_x and hard_y and i == j
    else:
        difficult = hard_x or hard_y
    return float(g.gamma if difficult else g.beta)


@st.composite
def graphs(draw: st.DrawFn, max_per_class: int = 5) -> SimilarityGraph:
    n = draw(st.integers(1, max_per_class))
    beta, gamma, alpha = sorted(draw(st.tuples(*[st.floats(0, 1)] * 3)))
    return SimilarityGraph(
        classes=draw(st.integers(2, 4)),
        per_class=n,
        difficult=draw(st.integers(0, n)),
        alpha=alpha,
        beta=draw(st.sampled_from([beta, 0.0])),
        gamma=draw(st.sampled_from([gamma, alpha])),
        pairing=draw(st.sampled_from(["both", "matched", "either"])),
    )


@given(graphs())
@settings(max_examples=60, deadline=None)
def test_matrices_follow_the_definition(g: SimilarityGraph) -> None:
    size = g.num_nodes
    expected = np.array([[defined_weight(g, x, y) for y in range(size)] for x in range(size)])
    np.testing.assert_array_equal(g.adjacency(), expected)
    np.testing.assert_allclose(g.degrees, expected.sum(axis=1), rtol=1e-14)
    assert float(g.total_weight) == pytest.approx(expected.sum(), rel=1e-13)
    scale = 1 / np.sqrt(expected.sum(axis=1))
    np.testing.assert_allclose(
        g.normalized_adjacency(), scale[:, None] * expected * scale[None, :], rtol=1e-13
    )
    vector = np.linspace(-1, 2, size)
    np.testing.assert_allclose(
        g.linear_operator() @ vector, g.normalized_adjacency() @ vector, atol=1e-13
    )
    block = np.stack([vector, vector**2], axis=1)
    np.testing.assert_allclose(
        g.linear_operator() @ block, g.normalized_adjacency() @ block, atol=1e-13
    )


def test_labels_and_difficult_nodes() -> None:
    g = graph()
    assert g.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert g.is_difficult.tolist() == [True, True, False, False] * 3
    assert (g.r, g.n, g.n_d, g.n_e, g.num_nodes) == (2, 4, 2, 2, 12)


def test_exact_numbers_stay_exact() -> None:
    g = graph(alpha=Fraction(1, 2), beta=sp.Rational(1, 10), gamma=Fraction(1, 5))
    # 1 + 3/2 + 8/10, and 2 of the 8 other-class nodes are difficult in each class.
    assert g.degree_easy == Fraction(33, 10)
    assert g.degree_difficult == Fraction(33, 10) + 4 * Fraction(1, 10)
    assert g.total_weight == 6 * Fraction(33, 10) + 6 * Fraction(37, 10)
    assert g.is_exact
    assert isinstance(g.beta, Fraction)
    assert not graph().is_exact
    assert isinstance(graph().total_weight, float)


def test_it_is_immutable_and_compares_by_value() -> None:
    g = graph()
    with pytest.raises(dataclasses.FrozenInstanceError):
        g.alpha = 0.7  # type: ignore[misc]
    assert g == graph()
    assert hash(g) == hash(graph())
    assert g != graph(pairing="either")


def test_positional_arguments_are_refused() -> None:
    with pytest.raises(TypeError):
        SimilarityGraph(3, 4, 2, 0.5, 0.1, 0.2)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"classes": 1}, ValueError, "classes"),
        ({"per_class": 0}, ValueError, "per_class"),
        ({"difficult": 5}, ValueError, "difficult"),
        ({"difficult": -1}, ValueError, "difficult"),
        ({"classes": True}, TypeError, "classes"),
        ({"per_class": 4.0}, TypeError, "per_class"),
        ({"difficult": np.bool_(True)}, TypeError, "difficult"),
        ({"alpha": float("nan")}, ValueError, "alpha"),
        ({"alpha": float("inf")}, ValueError, "alpha"),
        ({"alpha": 1.1}, ValueError, "alpha"),
        ({"beta": -0.1}, ValueError, "beta"),
        ({"gamma": "0.2"}, TypeError, "gamma"),
        ({"gamma": True}, TypeError, "gamma"),
        ({"gamma": None}, TypeError, "gamma"),
        ({"gamma": 0.6}, ValueError, "order"),
        ({"gamma": 0.05}, ValueError, "order"),
        ({"pairing": "mached"}, ValueError, "did you mean 'matched'"),
        ({"pairing": 3}, TypeError, "pairing"),
    ],
)
def test_bad_input(changes: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        graph(**changes)


@pytest.mark.parametrize(
    "build",
    [
        lambda g: g.adjacency(),
        lambda g: g.normalized_adjacency(),
        lambda g: g.linear_operator(),
        lambda g: g.labels,
        lambda g: g.degrees,
        lambda g: g.is_difficult,
    ],
)
def test_what_does_not_fit_is_refused_with_its_size(build: Any) -> None:
    with pytest.raises(ValueError, match="iB"):
        build(graph(per_class=10**13, difficult=10))


def test_numpy_integers_and_floats_are_fine() -> None:
    g = graph(classes=np.int64(3), alpha=np.float32(0.5))
    assert type(g.classes) is int
    assert g.alpha == 0.5
