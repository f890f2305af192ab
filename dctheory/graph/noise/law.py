r"""The law of the bulk of A + ε E: edges, density, quantiles, without sampling.

Of the clean matrix only *families* of equal directions count: c_k directions with atom a_k (what A
does to them) on nodes of degree d_k. The noisy eigenvalues are those z at which A − zD + noise has
the eigenvalue 0. For large N its resolvent has the trace M(z) with

    M = Σ_k c_k / (a_k − z d_k − s),    s = σ² M,    σ² = ε² (raw),  ε² (1 + z²) (normalised),

the Pastur equation at energy 0 (Pastur 1972; Biane 1997 for the facts on its solutions used
here). The z² stems from the noisy degrees: the perturbation is ε(E − z diag(E 1)). With one family
this is Wigner's semicircle, and its quantile is Kepler's equation; with several, the phase of the
stationary function Φ = Σ_k c_k log(a_k − z d_k − s) + s²/2σ² counts the eigenvalues above z.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

NEWTON_STEPS = 60
_BISECTIONS = 60
# Families whose atoms agree to this, relative to the larger, are one (rounding of the formulas).
_SAME = 1e-12


@dataclass(frozen=True, eq=False)
class BulkLaw:
    """Families of equal directions, for any noise level.

    Attributes:
        counts: (L,) number of directions c_k, positive.
        atoms: (L,) a_k.
        degrees: (L,) d_k > 0; ones for the raw matrix.
        names: the names of each family, several where equal ones were merged.
        degree_noise: whether the degrees are those of the noisy matrix (normalised).
    """

    counts: Array
    atoms: Array
    degrees: Array
    names: tuple[tuple[str, ...], ...]
    degree_noise: bool

    @property
    def centres(self) -> Array:
        """(L,) clean eigenvalues a_k / d_k."""
        return np.asarray(self.atoms / self.degrees)

    @cached_property
    def levels(self) -> tuple[tuple[float, tuple[int, ...]], ...]:
        """Distinct clean eigenvalues, descending, with the families that have them."""
        found: list[tuple[float, list[int]]] = []
        for k in np.argsort(-self.centres, kind="stable"):
            centre = float(self.centres[k])
            if found and found[-1][0] - centre <= _SAME * max(abs(centre), abs(found[-1][0])):
                found[-1][1].append(int(k))
            else:
                found.append((centre, [int(k)]))
        return tuple((centre, tuple(members)) for centre, members in found)

    def variance_factor(self, z: Any) -> Any:
        """σ²/ε²: 1 + z² where the degrees carry noise too."""
        return 1 + z * z if self.degree_noise else 1 + 0 * z


def dyson_root(counts: Array, p: Array, variance: Array) -> NDArray[np.complex128]:
    """(Z,) root s of s = σ² Σ c/(p − s) with Im s > 0, for p (Z, L); at an edge a real double root.

    There is at most one such root, so Newton's result needs no other check than its sign;
    where Newton fails, :func:`_biane_root` finds it by bisection.
    """
    total = counts.sum()
    radius = np.sqrt(variance * total)
    mean = (p @ counts) / total
    outside = np.maximum(mean * mean - 4 * radius**2, 0)
    root = np.sqrt(np.maximum(4 * radius**2 - mean * mean, 0) + 0.01 * outside)
    s = _newton((mean + 1j * root) / 2, counts, p, variance)
    good = _is_solution(s, counts, p, variance, radius)
    if not good.all():
        start = _biane_root(counts, p[~good], variance[~good])
        polished = _newton(start, counts, p[~good], variance[~good])
        better = _is_solution(polished, counts, p[~good], variance[~good], radius[~good])
        s[~good] = np.where(better, polished, start)
    return s


def _newton(
    s: NDArray[np.complex128], counts: Array, p: Array, variance: Array
) -> NDArray[np.complex128]:
    for _ in range(NEWTON_STEPS):
        with np.errstate(all="ignore"):
            inverse = 1 / (p - s[:, None])
            value = s - variance * (inverse @ counts)
            slope = 1 - variance * ((inverse * inverse) @ counts)
            new = s - value / slope
            # Stay in the upper half-plane: elsewhere lie the mirror image and real roots.
            new = np.where(new.imag > 0, new, new.real + 0.5j * s.imag)
        moved = np.abs(new - s) > 1e-14 * np.abs(s)
        s = new
        if not moved.any():
            break
    return s


def _is_solution(
    s: NDArray[np.complex128], counts: Array, p: Array, variance: Array, radius: Array
) -> NDArray[np.bool_]:
    with np.errstate(all="ignore"):
        residual = np.abs(s - variance * ((1 / (p - s[:, None])) @ counts))
        # Below this imaginary part Newton may have slid towards the real axis.
        return np.asarray((residual < 1e-11 * radius) & (s.imag > 1e-7 * radius))


def _biane_root(counts: Array, p: Array, variance: Array) -> NDArray[np.complex128]:
    """The same root by nested bisection (Biane 1997).

    For each real part x there is one y ≥ 0 with σ² Σ c/((p−x)² + y²) = 1 (0 if the sum is smaller
    at y = 0), and x − σ² Σ c (p−x)/((p−x)² + y²) increases with x.
    """
    bound = np.sqrt(variance * counts.sum())
    low, high = -bound, bound.copy()
    for _ in range(_BISECTIONS):
        x = (low + high) / 2
        squares = (p - x[:, None]) ** 2
        y2 = _imaginary_part_squared(counts, squares, variance)
        with np.errstate(divide="ignore", invalid="ignore"):
            weights = (p - x[:, None]) / (squares + y2[:, None])
        value = x - variance * (weights @ counts)
        low, high = np.where(value < 0, x, low), np.where(value < 0, high, x)
    return np.asarray(x + 1j * np.sqrt(y2))


def _imaginary_part_squared(counts: Array, squares: Array, variance: Array) -> Array:
    """y² by Newton on 1/Σ c/(q + y²) = σ², whose left side is concave: it never overshoots."""
    y2 = np.maximum((counts * variance[:, None] - squares).max(axis=1), 1e-300)
    for _ in range(NEWTON_STEPS):
        inverse = 1 / (squares + y2[:, None])
        total = inverse @ counts
        slope = (inverse * inverse) @ counts / total**2
        step = (variance - 1 / total) / slope
        y2 = np.maximum(y2 + step, 1e-300)
        if np.all(np.abs(step) <= 1e-14 * y2):
            break
    return np.where(y2 > 1e-299, y2, 0.0)


def kepler_angle(share: Any) -> Any:
    """θ in [0, π] with θ − sin θ cos θ = π · share, 0 ≤ share ≤ 1 (any shape).

    It is Kepler's equation E − sin E = 2π · share for E = 2θ. Wigner's semicircle of radius R has
    the share ``share`` of its mass above R cos θ.
    """
    share = np.asarray(share, dtype=np.float64)
    small = np.minimum(share, 1 - share)
    target = math.pi * small
    angle = np.minimum(np.cbrt(1.5 * target), math.pi / 2)
    for _ in range(NEWTON_STEPS):
        with np.errstate(divide="ignore", invalid="ignore"):
            step = (angle - np.sin(2 * angle) / 2 - target) / (2 * np.sin(angle) ** 2)
        step = np.where(np.isfinite(step), step, 0.0)
        angle = np.clip(angle - step, 0.0, math.pi / 2)
        if np.all(np.abs(step) <= 1e-12 * angle):
            break
    return np.where(share <= 0.5, angle, math.pi - angle)


def find_root(function: Callable[[float], float], a: float, b: float) -> float:
    """Root of a function with a sign change between a and b, to float64's relative accuracy.

    Without a sign change (rounding at an end of the interval) it is the end nearer to a root.
    """
    from scipy.optimize import brentq

    at_a, at_b = function(a), function(b)
    if at_a == 0 or at_b == 0 or (at_a < 0) == (at_b < 0):
        return a if abs(at_a) < abs(at_b) else b
    scale = 1e-16 * max(abs(a), abs(b))
    return float(brentq(function, a, b, xtol=max(scale, 5e-324), rtol=1e-15, maxiter=500))
