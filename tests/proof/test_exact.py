from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dctheory import SimilarityGraph
from dctheory.proof.exact import ExactSpectrum, rational_adjacency

PAIRINGS = ("both", "matched", "either")
# eigvalsh of matrices of norm 1 and at most 30 rows.
EIGH_ERROR = 1e-12


def rational_matrices():
    entry = st.fractions(0, 1, max_denominator=9)

    def symmetric(entries: list[Fraction], size: int) -> list[list[Fraction]]:
        numbers = iter(entries)
        matrix = [[Fraction(1)] * size for _ in range(size)]
        for i in range(size):
            for j in range(i):
                matrix[i][j] = matrix[j][i] = next(numbers)
        return matrix

    return st.integers(2, 6).flatmap(
        lambda size: st.lists(
            entry, min_size=size * (size - 1) // 2, max_size=size * (size - 1) // 2
        ).map(lambda entries: symmetric(entries, size))
    )


def dense_eigenvalues(matrix: list[list[Fraction]]) -> np.ndarray:
    weights = np.array([[float(w) for w in row] for row in matrix])
    scale = 1 / np.sqrt(weights.sum(axis=1))
    return np.linalg.eigvalsh(weights * np.outer(scale, scale))


@settings(max_examples=60, deadline=None)
@given(matrix=rational_matrices(), threshold=st.fractions(-1, 1, max_denominator=50))
def test_counts_agree_with_dense_eigenvalues(matrix, threshold):
    values = dense_eigenvalues(matrix)
    exact = ExactSpectrum(matrix)
    # What floats cannot tell from the threshold may count on either side.
    low, high = (
        int((values > float(threshold) + error).sum()) for error in (EIGH_ERROR, -EIGH_ERROR)
    )
    assert low <= exact.above(threshold) <= exact.at_least(threshold) <= high


def test_ties_are_counted_exactly():
    # Two cliques and an isolated node: 1 three times, (1 − 1/2)/(1 + 1/2) = 1/3 twice.
    half, zero, one = Fraction(1, 2), Fraction(0), Fraction(1)
    matrix = [[zero] * 5 for _ in range(5)]
    for i in range(5):
        matrix[i][i] = one
    for i, j in ((0, 1), (2, 3)):
        matrix[i][j] = matrix[j][i] = half
    exact = ExactSpectrum(matrix)
    assert exact.size == 5
    assert (exact.above(one), exact.at_least(one)) == (0, 3)
    assert (exact.above(Fraction(1, 3)), exact.at_least(Fraction(1, 3))) == (3, 5)
    nearly = Fraction(1, 3) - Fraction(1, 10**40)
    assert exact.above(nearly) == exact.at_least(nearly) == 5
    assert exact.above(Fraction(-1)) == 5
    assert exact.at_least(Fraction(2)) == 0


def test_zero_is_counted_as_the_root_it_is():
    ones = [[Fraction(1)] * 3 for _ in range(3)]
    exact = ExactSpectrum(ones)
    assert (exact.above(Fraction(0)), exact.at_least(Fraction(0))) == (1, 3)


@pytest.mark.parametrize("pairing", PAIRINGS)
@pytest.mark.parametrize(
    ("classes", "n", "n_d", "alpha", "beta", "gamma"),
    [
        (2, 2, 1, "3/4", "1/4", "1/2"),
        (3, 4, 2, "1/2", "0", "1/3"),
        (2, 5, 5, "7/8", "1/8", "3/4"),
        (4, 3, 1, "2/5", "1/5", "3/10"),
        (3, 3, 0, "1/2", "1/9", "1/9"),
        (3, 1, 1, "1/2", "0", "1/4"),
    ],
)
def test_counts_agree_with_the_closed_forms(pairing, classes, n, n_d, alpha, beta, gamma):
    alpha, beta, gamma = Fraction(alpha), Fraction(beta), Fraction(gamma)
    point = {"r": classes - 1, "n": n, "n_d": n_d, "alpha": alpha, "beta": beta, "gamma": gamma}
    matrix = rational_adjacency(point, pairing)
    graph = SimilarityGraph(
        classes=classes,
        per_class=n,
        difficult=n_d,
        alpha=alpha,
        beta=beta,
        gamma=gamma,
        pairing=pairing,
    )
    np.testing.assert_array_equal(np.array(matrix, dtype=float), graph.adjacency())
    exact, spectrum = ExactSpectrum(matrix), graph.spectrum()
    before = 0
    for value, count in zip(spectrum.values, spectrum.multiplicities, strict=True):
        margin = Fraction(1, 10**13)
        assert exact.above(Fraction(value) + margin) == before
        before += count
        assert exact.at_least(Fraction(value) - margin) == before


@pytest.mark.parametrize("guess_error", [0.0, 1e-12, 1e-6])
def test_enclosure_holds_the_eigenvalue(guess_error):
    # Path of three nodes, weights 1 and 1/2: rows sum to 3/2, 2, 3/2.
    rows = ((1, 1, 0), (1, 2, 1), (0, 1, 1))
    matrix = [[Fraction(w) for w in row] for row in rows]
    exact = ExactSpectrum(matrix)
    for j, value in enumerate(dense_eigenvalues(matrix)[::-1], 1):
        low, high = exact.enclose(j, float(value) + guess_error)
        assert exact.above(high) < j <= exact.at_least(low)
        assert float(high - low) <= 40 * max(guess_error, 1e-13)


def test_enclosure_far_from_the_eigenvalue_is_an_error():
    exact = ExactSpectrum([[Fraction(1), Fraction(0)], [Fraction(0), Fraction(1)]])
    with pytest.raises(ArithmeticError, match="λ_2 is not near 40"):
        exact.enclose(2, 40.0)
