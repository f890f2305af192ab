"""Eigenvalues of the quotient of a cell graph, with tiny ones accurate too.

A quotient matrix has eigenvalues of very different sizes: those between the cells are of order 1,
while cells that nearly look alike leave some of order 1/N. ``eigh`` finds all of them with an
absolute error of about 1e-16, in which a value of 1e-9 keeps seven digits. Here one step of
iterative refinement follows: the residual of the eigenvectors, computed to about twice float64's
precision, corrects the eigenvalues to second order.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Eigenvalues (of a matrix of norm 1) closer than this are corrected together. Off-diagonal errors
# of 1e-15 across such a gap leave (1e-15)²/1e-7 = 1e-23; eigh inside it leaves 1e-16 · 1e-7.
CLUSTER_GAP = 1e-7

# Veltkamp's constant splits 53 bits into 26 and 27.
_SPLITTER = 2.0**27 + 1


def pencil_eigh(weights: Array, extra: Array, scale: Array) -> tuple[Array, Array]:
    """Eigenvalues and vectors of (S + diag(e)) y = λ diag(s) y.

    Args:
        weights: (c, c) symmetric S, entries of order at most 1.
        extra: (c,) e, of any size.
        scale: (c,) positive s, such that no |λ| exceeds 1 by much.

    Returns:
        (c,) λ, descending, with an absolute error of about 1e-23 besides a relative one of some
        roundings; and (c, c) eigenvectors of the symmetric matrix
        diag(s)^(−1/2) (S + diag(e)) diag(s)^(−1/2), in the same order, as columns.
    """
    root = 1 / np.sqrt(scale)
    matrix = root[:, None] * weights * root + np.diag(extra / scale)
    values, vectors = np.linalg.eigh(matrix)
    basis = root[:, None] * vectors
    residual = _residual(weights, extra, scale, basis, values)
    correction = basis.T @ residual
    values, vectors = _correct(values, vectors, (correction + correction.T) / 2)
    order = np.argsort(-values, kind="stable")
    return values[order], vectors[:, order]


def _correct(values: Array, vectors: Array, correction: Array) -> tuple[Array, Array]:
    """Eigenvalues of diag(values) + correction, cluster by cluster.

    The pencil in the basis of the approximate eigenvectors is exactly diag(values) + N⁻¹ Zᵀ R
    with N = I + O(1e-15), and the correction is Zᵀ R.
    """
    values, vectors = values.copy(), vectors.copy()
    starts = np.flatnonzero(np.diff(values, prepend=-np.inf) > CLUSTER_GAP)
    for start, stop in zip(starts, [*starts[1:], len(values)], strict=True):
        cluster = slice(start, stop)
        centre = values[cluster].mean()
        small = np.diag(values[cluster] - centre) + correction[cluster, cluster]
        shifts, turn = np.linalg.eigh(small)
        values[cluster] = centre + shifts
        vectors[:, cluster] = vectors[:, cluster] @ turn
    return values, vectors


def _residual(weights: Array, extra: Array, scale: Array, basis: Array, values: Array) -> Array:
    """(S + diag(e)) Z − diag(s) Z diag(λ): a difference of equals, so in double precision twice."""
    high, low = _exact_product(scale[:, None], basis)
    terms = [
        *_product_terms(weights, basis),
        *_exact_product(extra[:, None], basis),
        *(-part for part in _exact_product(high, values)),
        -low * values,
    ]
    return _compensated_sum(terms)


def _product_terms(left: Array, right: Array) -> Iterable[Array]:
    """Arrays whose sum is ``left @ right`` to about 2^-90 (Ozaki et al. 2012).

    The factors are cut into slices of so few bits that the leading products are exact in float64.
    """
    bits = (53 - int(np.ceil(np.log2(max(2, left.shape[1]))))) // 2
    left_slices = _slices(left, bits, axis=1)
    right_slices = _slices(right, bits, axis=0)
    return (a @ b for a in left_slices for b in right_slices)


def _slices(matrix: Array, bits: int, axis: int) -> list[Array]:
    """Three matrices that sum to ``matrix``; the first two have at most ``bits`` bits each."""
    slices, rest = [], matrix
    for _ in range(2):
        largest = np.max(np.abs(rest), axis=axis, keepdims=True)
        exponent = np.frexp(largest)[1]
        anchor = np.where(largest > 0, np.ldexp(1.5, exponent + 52 - bits), 0.0)
        top = (rest + anchor) - anchor
        slices.append(top)
        rest = rest - top
    return [*slices, rest]


def _exact_product(a: Array, b: Array) -> tuple[Array, Array]:
    """a · b elementwise as a rounded product and its exact error (Dekker 1971)."""
    product = a * b
    a_high, a_low = _halves(a)
    b_high, b_low = _halves(b)
    error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    return product, error


def _halves(a: Array) -> tuple[Array, Array]:
    shifted = _SPLITTER * a
    high = shifted - (shifted - a)
    return high, a - high


def _compensated_sum(terms: Iterable[Array]) -> Array:
    """Sum with the rounding error of each addition kept (Knuth's two-sum)."""
    total: Array = np.zeros(())
    error: Array = np.zeros(())
    for term in terms:
        new = total + term
        part = new - total
        error = error + ((total - (new - part)) + (term - part))
        total = new
    return total + error
