from __future__ import annotations

import mpmath
import numpy as np
import pytest

from dctheory.graph.quotient import pencil_eigh


def exact_eigenvalues(weights: np.ndarray, extra: np.ndarray, scale: np.ndarray) -> list:
    """Descending eigenvalues to 50 digits."""
    with mpmath.workdps(50):
        count = len(scale)
        root = [mpmath.sqrt(mpmath.mpf(float(s))) for s in scale]
        matrix = mpmath.matrix(count, count)
        for i in range(count):
            for j in range(count):
                entry = mpmath.mpf(float(weights[i, j]))
                entry += mpmath.mpf(float(extra[i])) if i == j else 0
                matrix[i, j] = entry / (root[i] * root[j])
        return sorted(mpmath.eigsy(matrix, eigvals_only=True), reverse=True)


def long_tail(weights: np.ndarray, rng: np.random.Generator) -> tuple:
    sizes = 10.0 ** rng.integers(0, 13, len(weights))
    extra = (1 - weights.diagonal()) / sizes
    return weights, extra, (weights @ sizes) / sizes + extra


def low_rank(rng: np.random.Generator) -> np.ndarray:
    # Dyadic entries: the product has rank 3 exactly, and nine eigenvalues of order 1/N.
    factor = rng.integers(1, 16, (12, 3)) / 32
    return factor @ factor.T


def near_equal_cells(rng: np.random.Generator) -> np.ndarray:
    weights = np.full((12, 12), 0.25)
    weights[:6, :6] = weights[6:, 6:] = 0.5
    weights[0, 1] = weights[1, 0] = 0.5 + 2.0**-34
    return weights


def generic(rng: np.random.Generator) -> np.ndarray:
    weights = rng.random((12, 12))
    return (weights + weights.T) / 2


@pytest.mark.parametrize("make", [low_rank, near_equal_cells, generic])
@pytest.mark.parametrize("seed", range(3))
def test_eigenvalues_of_every_size_are_accurate(make: object, seed: int) -> None:
    rng = np.random.default_rng(seed)
    arguments = long_tail(make(rng), rng)
    values, vectors = pencil_eigh(*arguments)
    exact = exact_eigenvalues(*arguments)
    for value, reference in zip(values, exact, strict=True):
        error = abs(mpmath.mpf(float(value)) - reference)
        # Inside a cluster of eigenvalues eigh's rounding is relative to their distances.
        assert error < 1e-15 * abs(reference) + 1e-23
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(12), atol=1e-13)


def test_eigenvalues_of_order_one_over_a_trillion_keep_their_digits() -> None:
    rng = np.random.default_rng(2)
    weights = near_equal_cells(rng)
    extra = (1 - weights.diagonal()) / 1e12
    arguments = weights, extra, weights.sum(axis=1) + extra
    exact = exact_eigenvalues(*arguments)
    assert abs(exact[5]) < 1e-10
    for value, reference in zip(pencil_eigh(*arguments)[0], exact, strict=True):
        assert abs(mpmath.mpf(float(value)) / reference - 1) < 1e-13


def test_one_solve_alone_would_not_do() -> None:
    rng = np.random.default_rng(0)
    weights, extra, scale = long_tail(near_equal_cells(rng), rng)
    matrix = weights / np.sqrt(np.outer(scale, scale)) + np.diag(extra / scale)
    plain = np.linalg.eigvalsh(matrix)[::-1]
    exact = np.array([float(x) for x in exact_eigenvalues(weights, extra, scale)])
    assert np.max(np.abs(plain / exact - 1)) > 1e-9
    assert np.max(np.abs(pencil_eigh(weights, extra, scale)[0] / exact - 1)) < 1e-12


def test_vectors_belong_to_the_values() -> None:
    rng = np.random.default_rng(1)
    weights, extra, scale = long_tail(generic(rng), rng)
    matrix = weights / np.sqrt(np.outer(scale, scale)) + np.diag(extra / scale)
    values, vectors = pencil_eigh(weights, extra, scale)
    assert np.all(np.diff(values) <= 0)
    np.testing.assert_allclose(matrix @ vectors, vectors * values, atol=1e-14)


def test_one_by_one() -> None:
    values, vectors = pencil_eigh(np.array([[0.5]]), np.array([0.25]), np.array([3.0]))
    assert values == pytest.approx([0.25], rel=1e-15)
    assert abs(vectors[0, 0]) == 1


def test_zero_matrix() -> None:
    values, _ = pencil_eigh(np.zeros((2, 2)), np.array([1.0, 0.5]), np.array([1.0, 1.0]))
    assert values.tolist() == [1.0, 0.5]
