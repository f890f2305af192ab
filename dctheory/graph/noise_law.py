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

_NEWTON_STEPS = 60
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

    def absorption(self, z: float) -> tuple[float, float]:
        """(s, ε) at which a real z that is no atom is swallowed by the bulk as ε grows.

        As the noise grows, s moves from 0 along the real solutions of s = σ² Σ c/(p − s),
        p = a − z d, until σ² Σ c/(p − s)² = 1: eliminate σ² to get Σ c (2s − p)/(p − s)² = 0,
        which has exactly one root between 0 and the pole that s moves to.
        """
        p = self.atoms - z * self.degrees
        if not len(p):
            return 0.0, math.inf
        if np.any(p == 0):
            return 0.0, 0.0
        s = self._absorbing_root(p)
        variance = 1 / float(self.counts @ (p - s) ** -2.0)
        return s, math.sqrt(variance / self.variance_factor(z))

    def _absorbing_root(self, p: Array) -> float:
        if len(p) == 1:
            return float(p[0]) / 2
        pull = float(self.counts @ (1 / p))
        if pull == 0:
            return 0.0
        pole = float(p[p < 0].max() if pull < 0 else p[p > 0].min())
        at_pole = p == pole

        def balance(s: float) -> float:
            # Multiplied by (s − pole)², which takes the pole out.
            ratio = np.ones_like(p)
            np.divide(s - pole, p - s, out=ratio, where=~at_pole)
            return float((self.counts * (2 * s - p)) @ (ratio * ratio))

        return find_root(balance, pole, 0.0)

    def merging_noise(self, upper: int) -> tuple[float, float]:
        """(z, ε): the last point, and the noise, of the gap below level ``upper``."""
        from scipy.optimize import minimize_scalar

        low, high = self.levels[upper + 1][0], self.levels[upper][0]
        width = high - low
        found = minimize_scalar(
            lambda t: -self.absorption(low + t * width)[1] / width,
            bounds=(0.0, 1.0),
            method="bounded",
            options={"xatol": 1e-7},
        )
        z = low + float(found.x) * width
        return z, self.absorption(z)[1]

    def may_have_gap(self, upper: int, epsilon: float) -> bool:
        """Whether the two levels alone, without the others, would leave a gap below ``upper``.

        Two poles at a distance P merge at σ = P / (c₁^(1/3) + c₂^(1/3))^(3/2), and others only add.
        """
        (high, above), (low, below) = self.levels[upper], self.levels[upper + 1]
        k, m = above[0], below[0]
        distance = max(
            abs(self.atoms[k] - self.atoms[m] - z * (self.degrees[k] - self.degrees[m]))
            for z in (low, high)
        )
        counts = np.cbrt(self.counts[[k, m]]).sum()
        return bool(distance > epsilon * counts**1.5)

    def outer_edge(self, epsilon: float, side: int) -> float:
        """Edge above (side = 1) or below (−1) all atoms; infinite where noise is too strong."""
        start = self.levels[0 if side > 0 else -1][0]
        step = 2 * epsilon * math.sqrt(float(self.counts.sum())) / float(self.degrees.min())
        near = start
        for _ in range(80):
            far = start + side * step
            if self.absorption(far)[1] > epsilon:
                return find_root(lambda z: self.absorption(z)[1] - epsilon, near, far)
            near, step = far, 2 * step
        return side * math.inf

    def at(self, epsilon: float) -> Bulk:
        """The bulk at noise level ε ≥ 0."""
        return Bulk(self, float(epsilon), tuple(self._bands(float(epsilon))))

    def _bands(self, epsilon: float) -> list[Band]:
        if not self.levels:
            return []
        if epsilon == 0:
            return [self._band(level, level, k, k) for k, (level, _) in enumerate(self.levels)]
        bands, first, top = [], 0, self.outer_edge(epsilon, 1)
        for k in range(len(self.levels) - 1):
            if not self.may_have_gap(k, epsilon):
                continue
            middle, noise = self.merging_noise(k)
            if noise <= epsilon:
                continue

            def excess(z: float) -> float:
                return self.absorption(z)[1] - epsilon

            bottom = find_root(excess, middle, self.levels[k][0])
            bands.append(self._band(bottom, top, first, k))
            first, top = k + 1, find_root(excess, middle, self.levels[k + 1][0])
        last = len(self.levels) - 1
        bands.append(self._band(self.outer_edge(epsilon, -1), top, first, last))
        return bands

    def _band(self, lower: float, upper: float, first: int, last: int) -> Band:
        members = [k for _, group in self.levels[first : last + 1] for k in group]
        count = round(math.fsum(self.counts[members]))
        names = tuple(name for k in members for name in self.names[k])
        return Band(lower, upper, count, names, 1 + last - first)


@dataclass(frozen=True)
class Band:
    """One interval of the bulk.

    Attributes:
        lower, upper: its ends.
        count: number of eigenvalues.
        members: names of the families and modes in it.
        levels: number of different clean eigenvalues that the noise has merged in it.
    """

    lower: float
    upper: float
    count: int
    members: tuple[str, ...]
    levels: int


@dataclass(frozen=True, eq=False)
class Bulk:
    """The bulk at one noise level; bands from the top down."""

    law: BulkLaw
    epsilon: float
    bands: tuple[Band, ...]

    @cached_property
    def count(self) -> int:
        """Number of bulk eigenvalues."""
        return sum(band.count for band in self.bands)

    def density(self, x: Any) -> Any:
        """Probability density at x (any shape); at ε = 0 infinite at atoms, else 0."""
        z = np.atleast_1d(np.asarray(x, dtype=np.float64))
        result = np.zeros(z.shape)
        for band in self.bands:
            inside = (z >= band.lower) & (z <= band.upper)
            if self.epsilon == 0:
                result[inside] = np.inf
            elif np.isfinite(band.upper - band.lower) and inside.any():
                result[inside] = self._count_and_density(z[inside])[1] / self.count
        return result if np.ndim(x) else float(result[0])

    def count_above(self, x: float) -> float:
        """Expected number of bulk eigenvalues above x."""
        above = 0.0
        for band in self.bands:
            if x <= band.lower:
                above += band.count
            elif x < band.upper:
                if not np.isfinite(band.upper - band.lower):
                    return math.nan
                return float(self._count_and_density(np.array([x]))[0][0])
        return above

    def quantile(self, rank: Any) -> Any:
        """Points with ``rank`` eigenvalues above (real, 0 < rank < count, any shape)."""
        ranks = np.atleast_1d(np.asarray(rank, dtype=np.float64))
        result = np.full(ranks.shape, np.nan)
        above = 0
        for band in self.bands:
            inside = (ranks >= above) & (ranks <= above + band.count)
            if inside.any() and np.isfinite(band.upper - band.lower):
                result[inside] = self._band_quantile(band, above, ranks[inside])
            above += band.count
        return result if np.ndim(rank) else float(result[0])

    def _band_quantile(self, band: Band, above: int, ranks: Array) -> Array:
        if self.epsilon == 0 or band.upper <= band.lower:
            return np.full(ranks.shape, band.upper)
        angle = kepler_angle((ranks - above) / band.count)
        if len(self.law.counts) == 1:
            return self._semicircle_point(np.cos(angle))
        middle, half = (band.upper + band.lower) / 2, (band.upper - band.lower) / 2
        # Newton from the semicircle's angle, kept inside a shrinking bracket.
        low, high = np.zeros_like(angle), np.full_like(angle, math.pi)
        for _ in range(_NEWTON_STEPS):
            count, density = self._count_and_density(middle + half * np.cos(angle))
            excess = count - ranks
            low, high = np.where(excess < 0, angle, low), np.where(excess > 0, angle, high)
            with np.errstate(divide="ignore", invalid="ignore"):
                step = angle - excess / (density * half * np.sin(angle))
            usable = np.isfinite(step) & (step > low) & (step < high)
            new = np.where(excess == 0, angle, np.where(usable, step, (low + high) / 2))
            moved = np.abs(new - angle) > 1e-13 * angle
            angle = new
            if not moved.any():
                break
        return np.asarray(middle + half * np.cos(angle))

    def _semicircle_point(self, cosine: Array) -> Array:
        """z with (z d − a) = 2 σ(z) √c cos θ: a quadratic where σ depends on z."""
        atom, degree = self.law.atoms[0], self.law.degrees[0]
        radius = 2 * self.epsilon * math.sqrt(self.law.counts[0]) * cosine
        if not self.law.degree_noise:
            return np.asarray((atom + radius) / degree)
        inner = degree**2 + atom**2 - radius**2
        return np.asarray((atom * degree + radius * np.sqrt(inner)) / (degree**2 - radius**2))

    def _count_and_density(self, z: Array) -> tuple[Array, Array]:
        """Eigenvalues above z, and −d/dz of it, at points inside a band."""
        law = self.law
        factor = law.variance_factor(z)
        variance = self.epsilon**2 * factor
        p = law.atoms - z[:, None] * law.degrees
        s = _dyson_root(law.counts, p, variance)
        shifted = p - s[:, None]
        phase = (np.angle(shifted) @ law.counts) + (s * s).imag / (2 * variance)
        slope = (1 / shifted) @ (law.counts * law.degrees)
        if law.degree_noise:
            slope = slope + s * s * z / (variance * factor)
        return law.counts.sum() + phase / math.pi, slope.imag / math.pi


def _dyson_root(counts: Array, p: Array, variance: Array) -> NDArray[np.complex128]:
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
    for _ in range(_NEWTON_STEPS):
        with np.errstate(all="ignore"):
            inverse = 1 / (p - s[:, None])
            value = s - variance * (inverse @ counts)
            slope = 1 - variance * ((inverse * inverse) @ counts)
            new = s - value / slope
            # Stay in the upper half-plane: elsewhere lie the mirror image and real roots.
            new = np.where(new.imag > 0, new, new.real + 0.5j * s.imag)
        moved = np.abs(new - s) > 4e-16 * np.abs(s)
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
    for _ in range(_NEWTON_STEPS):
        inverse = 1 / (squares + y2[:, None])
        total = inverse @ counts
        slope = (inverse * inverse) @ counts / total**2
        step = (variance - 1 / total) / slope
        y2 = np.maximum(y2 + step, 1e-300)
        if np.all(np.abs(step) <= 1e-15 * y2):
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
    for _ in range(_NEWTON_STEPS):
        with np.errstate(divide="ignore", invalid="ignore"):
            step = (angle - np.sin(2 * angle) / 2 - target) / (2 * np.sin(angle) ** 2)
        step = np.where(np.isfinite(step), step, 0.0)
        angle = np.clip(angle - step, 0.0, math.pi / 2)
        if np.all(np.abs(step) <= 1e-15 * angle):
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
    return float(brentq(function, a, b, xtol=max(scale, 5e-324), rtol=1e-15))
