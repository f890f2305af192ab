"""Eigenvalues of the quotient of a cell graph, with tiny ones accurate too.

A quotient matrix has eigenvalues of very different sizes: those between the cells are of order 1,
while cells that nearly look alike leave some of order 1/N. ``eigh`` finds all of them with an
absolute error of about 1e-16, in which a value of 1e-9 keeps seven digits. Here one step of
iterative refinement follows: the residual of the eigenvectors, computed well beyond float64's
precision, corrects the eigenvalues to second order.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Eigenvalues (of a matrix of norm 1) closer than this are corrected together. Off-diagonal errors
# of 1e-15 across such a gap leave (1e-15)²/1e-7 = 1e-23; eigh inside it leaves 1e-16 · 1e-7.
CLUSTER_GAP = 1e-7

# Up to this size one thread is the fastest, and several that share their cores with other
# processes have been seen to take thirty times as long.
_ONE_THREAD_SIZE = 500


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
    with _few_threads(len(scale)):
        return _pencil_eigh(weights, extra, scale)


def _few_threads(size: int) -> AbstractContextManager[Any]:
    if size > _ONE_THREAD_SIZE:
        return nullcontext()
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    limits: AbstractContextManager[Any] = threadpool_limits(1, user_api="blas")
    return limits


def _pencil_eigh(weights: Array, extra: Array, scale: Array) -> tuple[Array, Array]:
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
    """(S + diag(e)) Z − diag(s) Z diag(λ), where S Z nearly cancels in the columns of tiny λ.

    Rounding of the other two terms is a relative change of e and s, and so of the eigenvalues.
    """
    product = _precise_product(weights, basis)
    return product + extra[:, None] * basis - (scale[:, None] * basis) * values


def _precise_product(left: Array, right: Array) -> Array:
    """``left @ right`` with rounding errors of about 2^-75 times the factors (Ozaki et al. 2012).

    The factors are cut into slices of so few bits that the leading products are exact in float64;
    where the whole cancels, the first sums are exact too.
    """
    bits = (53 - int(np.ceil(np.log2(max(2, left.shape[1]))))) // 2
    stacked = np.vstack(_slices(left, bits, axis=1)) @ np.hstack(_slices(right, bits, axis=0))
    total = np.zeros((len(left), right.shape[1]))
    for rows in np.vsplit(stacked, 3):
        for block in np.hsplit(rows, 3):
            total += block
    return total


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
