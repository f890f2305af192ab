r"""A bound for the minimiser of the temperature loss, whose objective is weighted (ours).

Theorem 4.4 turns the loss into Σ τ_xx'^(−2) (B_xx' − f_x·f_x')² with B = T ⊙ Ā. The eigen-factor
of B minimises the sum without weights, so HaoChen et al.'s bound does not follow for the minimiser
F of the weighted one. This does:

Let B be the normalised adjacency of a graph with node weights p (Σ p = 1), λ_j its eigenvalues,
and κ = (max τ / min τ)². The eigen-factor competes with F, hence with E = B − F Fᵀ

    ‖E‖² ≤ κ R,  R = Σ_{j>k} λ_j² + Σ_{j≤k} min(λ_j, 0)².

Let Y have the rows √p_x · (one-hot label of x), so ‖Y‖ = 1, and let Q project onto the complement
of F's columns. Then tr Yᵀ(I − B)Y = φ, the weight of edges between labels, φ ≤ 2δ, and
‖(I − B)Y‖² ≤ ρ φ with ρ = 1 − λ_N. Because Q F = 0, Q Y = Q (I − B) Y + Q E Y, so

    ‖Q Y‖ ≤ √(ρ φ) + √(κ R).

A linear probe that predicts the label by least squares errs on at most 2 ‖Q Y‖² of the weight, and
labels differ from the truth on at most 2δ, as in HaoChen et al. Therefore

    error ≤ 2 (√(2 ρ δ) + √(κ R))² + 8δ.

In the paper's model R is of order 1/n, so the excess over 4δ + 8δ vanishes as 1/√n.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import sympy as sp

from dctheory._formula import Formula
from dctheory.formulas import delta as _delta

if TYPE_CHECKING:
    from dctheory.graph.spectrum import Spectrum

_rho, _kappa, _rest = sp.symbols("rho kappa R", nonnegative=True)

WEIGHTED_BOUND = Formula(
    "weighted-bound",
    2 * (sp.sqrt(2 * _rho * _delta) + sp.sqrt(_kappa * _rest)) ** 2 + 8 * _delta,
    "ours (temperature loss of Theorem 4.4)",
    (_rho, _kappa, _rest, _delta),
)


def weighted_bound(spectrum: Spectrum, temperatures: Iterable[Any], k: int, delta: float) -> float:
    """Bound of a linear probe on the minimiser of the temperature loss with k features.

    Args:
        spectrum: of T ⊙ Ā, which must be the normalised adjacency of a graph.
        temperatures: the positive entries that occur in T.
        k: number of features.
        delta: labelling error δ.
    """
    values = [float(value) for value in temperatures]
    kappa = (max(values) / min(values)) ** 2
    squares, seen = [], 0
    for value, count in zip(spectrum.values.tolist(), spectrum.multiplicities, strict=True):
        fitted = 0 if value < 0 else min(count, max(0, k - seen))
        squares.append((count - fitted) * value**2)
        seen += count
    rho = 1 - float(spectrum.values[-1])
    return float(WEIGHTED_BOUND.numpy(rho, kappa, math.fsum(squares), float(delta)))
