"""The inequality between the excess of the loss and principal angles, on random matrices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import subspace_angles

from dctheory.experiment._subspace import Eigenspaces, missed, span

# Few levels, so that eigenvalues tie; 0 and negative ones too.
LEVELS = st.sampled_from([-1.5, -0.5, 0.0, 0.25, 0.5, 1.0, 2.0])


def symmetric(values, seed):
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(len(values),) * 2))[0]
    return turn @ np.diag(values) @ turn.T


def loss(matrix, factor):
    return np.sum((matrix - factor @ factor.T) ** 2) - np.sum(matrix**2)


@settings(max_examples=200, deadline=None)
@given(
    values=st.lists(LEVELS, min_size=3, max_size=7),
    k=st.integers(1, 7),
    mixing=st.floats(0, 1),
    seed=st.integers(0, 10**6),
)
def test_excess_bounds_the_angles(values, k, mixing, seed):
    matrix, rng = symmetric(values, seed), np.random.default_rng(seed)
    k = min(k, len(values) - 1)
    spaces = Eigenspaces.of(matrix)
    minimiser = spaces.leading(k) * np.sqrt(np.maximum(spaces.values[:k], 0))
    factor = (1 - mixing) * minimiser + mixing * rng.normal(size=(len(values), k))
    excess = loss(matrix, factor) - spaces.minimum(k)
    assert excess > -1e-9
    above, end = spaces.around(k)
    basis = span(factor, np.ones(len(values)))
    gaps = spaces.inside_gap(k), spaces.outside_gap(k)
    parts = missed(spaces.leading(above), basis), missed(basis, spaces.leading(end))
    least = sum(gap * part for gap, part in zip(gaps, parts, strict=True) if gap is not None)
    assert excess >= least - 1e-9


@pytest.mark.parametrize(("out", "into"), [(2, 3), (1, 3), (2, 5)])
def test_the_inequality_is_sharp(out, into):
    values = np.array([3.0, 2.0, 1.5, 1.0, 1.0, 0.5])
    matrix = symmetric(values, 1)
    spaces = Eigenspaces.of(matrix)
    # An eigenvector of the top 3 gives way to one from below.
    chosen = [i for i in range(3) if i != out] + [into]
    factor = spaces.vectors[:, chosen] * np.sqrt(values[chosen])
    excess = loss(matrix, factor) - spaces.minimum(3)
    basis = span(factor, np.ones(6))
    assert missed(basis, spaces.leading(3)) == pytest.approx(1)
    assert excess == pytest.approx(values[out] ** 2 - values[into] ** 2)
    assert spaces.outside_gap(3) == pytest.approx(1.5**2 - 1)
    assert spaces.outside_gap(3) <= excess + 1e-12


def test_levels_around_k():
    spaces = Eigenspaces.of(symmetric([2.0, 1.0, 1.0, 0.5, -3.0], 0))
    assert [spaces.around(k) for k in (1, 2, 3, 4, 5)] == [(0, 1), (1, 3), (1, 3), (3, 4), (4, 5)]
    assert [spaces.is_cut(k) for k in (1, 2, 3)] == [False, True, False]
    assert spaces.inside_gap(1) is None
    assert spaces.inside_gap(2) == pytest.approx(3)
    # Below the last positive eigenvalue only zero counts.
    assert spaces.outside_gap(4) == pytest.approx(0.25)
    assert spaces.outside_gap(5) is None
    assert spaces.minimum(5) == pytest.approx(-(4 + 1 + 1 + 0.25))


def test_missed_is_the_sum_of_squared_sines():
    rng = np.random.default_rng(0)
    first, second = (np.linalg.qr(rng.normal(size=(9, k)))[0] for k in (3, 4))
    assert missed(first, second) == pytest.approx(
        np.sum(np.sin(subspace_angles(first, second)) ** 2)
    )
    assert missed(first, first) == pytest.approx(0, abs=1e-25)


def test_span_weights_the_rows():
    features, weights = np.array([[1.0], [1.0]]), np.array([0.25, 0.75])
    basis = span(features, weights)
    assert np.abs(basis[:, 0]) == pytest.approx(np.sqrt(weights))
    # A rank below k leaves some space around the span.
    assert span(np.ones((4, 2)), np.ones(4)).shape == (4, 2)
