r"""How far the span of trained features can be from an eigenspace, given the excess of the loss.

Let B be symmetric with eigenvalues λ_1 ≥ λ_2 ≥ … and λ_k > 0, U an N × k matrix, e the excess of
‖B − UUᵀ‖² over its minimum, and Q an orthonormal basis of a k-dimensional space that holds the
span of U, so that UUᵀ = Q S Qᵀ with S positive semidefinite. Negative eigenvalues only add to e:
replacing them by 0 lowers −2 tr(B UUᵀ) and leaves the minimum, so let B be positive semidefinite.
Then ‖B − UUᵀ‖² − ‖B‖² = ‖S − QᵀBQ‖² − ‖QᵀBQ‖², and the minimum is −Σ_{i≤k} λ_i², hence

    e ≥ Σ_{i≤k} λ_i² − ‖QᵀBQ‖² ≥ Σ_{i≤k} λ_i² − tr QᵀB²Q = Σ_{i≤k} λ_i² − Σ_i λ_i² p_i

with p_i = ‖Qᵀv_i‖² in [0, 1] and Σ p_i = k. Let a be the number of eigenvalues above λ_k and b
that of those not below it (a + 1 ≤ k ≤ b). With ``inside`` = Σ_{i≤a} (1 − p_i), the part of the
leading a directions that Q misses, and ``outside`` = Σ_{i>b} p_i, the part of Q beyond the leading
b directions, the right-hand side is at least

    (λ_a² − λ_k²) · inside + (λ_k² − max(λ_{b+1}, 0)²) · outside.

Both parts are sums of squared sines of principal angles. Where λ_k > λ_{k+1}, k = b, and
``outside`` is ‖sin Θ‖² of the span and the top-k eigenspace.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Eigenvalues closer than this, relative to the largest in size, are equal.
_TIE = 1e-9


@dataclass(frozen=True, eq=False)
class Eigenspaces:
    """Eigenvalues of a symmetric matrix, descending, and its eigenvectors as columns."""

    values: Array
    vectors: Array

    @classmethod
    def of(cls, matrix: Array) -> Eigenspaces:
        """By a dense eigensolver."""
        values, vectors = np.linalg.eigh(matrix)
        return cls(values[::-1], vectors[:, ::-1])

    def minimum(self, k: int) -> float:
        """−Σ_{i≤k} max(λ_i, 0)², the minimum of ‖B − UUᵀ‖² − ‖B‖² over U with k columns."""
        return -float(np.sum(np.maximum(self.values[:k], 0) ** 2))

    def around(self, k: int) -> tuple[int, int]:
        """a and b: how many eigenvalues are above λ_k, and how many are not below it."""
        level, slack = self.values[k - 1], _TIE * np.abs(self.values).max()
        return int(np.sum(self.values > level + slack)), int(np.sum(self.values >= level - slack))

    def is_cut(self, k: int) -> bool:
        """Whether λ_k = λ_{k+1}, so that no subspace of dimension k is distinguished."""
        return self.around(k)[1] > k

    def leading(self, count: int) -> Array:
        """(N, count) orthonormal basis of the first eigenvectors."""
        return self.vectors[:, :count]

    def inside_gap(self, k: int) -> float | None:
        """λ_a² − λ_k²; None where nothing is above λ_k, or λ_k ≤ 0."""
        above, _ = self.around(k)
        if above == 0 or self.values[k - 1] <= 0:
            return None
        return float(self.values[above - 1] ** 2 - self.values[k - 1] ** 2)

    def outside_gap(self, k: int) -> float | None:
        """λ_k² − max(λ_{b+1}, 0)²; None where nothing is below λ_k, or λ_k ≤ 0."""
        _, end = self.around(k)
        if end == len(self.values) or self.values[k - 1] <= 0:
            return None
        return float(self.values[k - 1] ** 2 - max(self.values[end], 0) ** 2)


def span(features: Any, marginals: Array) -> Array:
    """(N, k) orthonormal basis of the columns of U, whose rows are √w_x f(x).

    Where the features have a rank below k, some space of dimension k around their span.
    """
    rows = np.sqrt(marginals)[:, None] * np.asarray(features, dtype=np.float64)
    basis: Array = np.linalg.svd(rows, full_matrices=False)[0]
    return basis


def missed(directions: Array, basis: Array) -> float:
    """Σ of squared sines: what of the orthonormal ``directions`` lies beyond the other basis."""
    return float(np.sum((directions - basis @ (basis.T @ directions)) ** 2))
