"""The bulk at one noise level: density, number of eigenvalues above a point, quantiles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dctheory.graph.noise.bands import Band, find_bands
from dctheory.graph.noise.law import NEWTON_STEPS, BulkLaw, dyson_root, kepler_angle

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Bulk:
    """The bulk of a law at noise level ε ≥ 0."""

    law: BulkLaw
    epsilon: float

    @cached_property
    def bands(self) -> tuple[Band, ...]:
        """Its intervals from the top down."""
        return tuple(find_bands(self.law, self.epsilon))

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
        for _ in range(NEWTON_STEPS):
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
        s = dyson_root(law.counts, p, variance)
        shifted = p - s[:, None]
        phase = (np.angle(shifted) @ law.counts) + (s * s).imag / (2 * variance)
        slope = (1 / shifted) @ (law.counts * law.degrees)
        if law.degree_noise:
            slope = slope + s * s * z / (variance * factor)
        return law.counts.sum() + phase / math.pi, slope.imag / math.pi
