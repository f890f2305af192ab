"""Exact eigenvalue counts of a rational matrix, from its definition and independent of formulas.

All roots of the characteristic polynomial of D⁻¹A − tI are real, so by Descartes' rule the number
of positive ones is exactly the number of sign changes of its coefficients.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise
from typing import Any


def rational_adjacency(point: Mapping[str, Any], pairing: str) -> list[list[Fraction]]:
    """A of the model as a list of rows of Fractions, straight from the definition of γ-pairs."""
    n, n_d, classes = int(point["n"]), int(point["n_d"]), int(point["r"]) + 1
    alpha, beta, gamma = (Fraction(point[name]) for name in ("alpha", "beta", "gamma"))
    nodes = [(c, i) for c in range(classes) for i in range(n)]

    def weight(x: tuple[int, int], y: tuple[int, int]) -> Fraction:
        if x == y:
            return Fraction(1)
        if x[0] == y[0]:
            return alpha
        hard_x, hard_y = x[1] < n_d, y[1] < n_d
        is_difficult = {
            "both": hard_x and hard_y,
            "matched": hard_x and hard_y and x[1] == y[1],
            "either": hard_x or hard_y,
        }[pairing]
        return gamma if is_difficult else beta

    return [[weight(x, y) for y in nodes] for x in nodes]


class ExactSpectrum:
    """Eigenvalue counts of D^(−1/2) A D^(−1/2) for a rational A with positive row sums."""

    def __init__(self, adjacency: list[list[Fraction]]) -> None:
        from flint import fmpq, fmpq_mat

        self.size = len(adjacency)
        rows = []
        for row in adjacency:
            degree = sum(row)
            rows.append([fmpq((w / degree).numerator, (w / degree).denominator) for w in row])
        # D⁻¹A is similar to Ā and stays rational.
        self._charpoly = fmpq_mat(rows).charpoly()

    def above(self, threshold: Fraction) -> int:
        """Number of eigenvalues strictly above the threshold."""
        return _sign_changes(self._shifted(threshold))

    def at_least(self, threshold: Fraction) -> int:
        """Number of eigenvalues equal to or above the threshold."""
        coefficients = self._shifted(threshold)
        zeros = next(i for i, value in enumerate(coefficients) if value != 0)
        return _sign_changes(coefficients) + zeros

    def _shifted(self, threshold: Fraction) -> list[Any]:
        from flint import fmpq, fmpq_poly

        shift = fmpq_poly([fmpq(threshold.numerator, threshold.denominator), 1])
        coefficients: list[Any] = self._charpoly(shift).coeffs()
        return coefficients

    def enclose(self, j: int, guess: float, radius: float = 1e-13) -> tuple[Fraction, Fraction]:
        """Rational bounds of λ_j around a float guess, certified by exact counts."""
        while True:
            low, high = Fraction(guess) - Fraction(radius), Fraction(guess) + Fraction(radius)
            if self.above(high) < j <= self.at_least(low):
                return low, high
            if radius > 1:
                raise ArithmeticError(f"λ_{j} is not near {guess}")
            radius *= 10


def _sign_changes(coefficients: list[Any]) -> int:
    signs = [value > 0 for value in coefficients if value != 0]
    return sum(first != second for first, second in pairwise(signs))
