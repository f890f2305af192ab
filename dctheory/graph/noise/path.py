r"""Modes of a clean graph under noise: where they go, what stays of them, when the bulk takes them.

A mode of a sector with quotient S solves det K(z) = 0, where the noise adds its self-energy:

    raw:         K(z) = S − z I − ε² M I,
    normalised:  K(z) = S − z D − ε² [M I + z² N diag(ρ) − z (1 ρᵀ + ρ 1ᵀ)],

M(z) = Σ_i ρ_i the trace and ρ_i the diagonal of the bulk's resolvent (see
:mod:`dctheory.graph.noise.law`). The bracket is the covariance of E − z diag(E 1), the noise of A
and of the degrees; its last term acts on vectors with a sum, so only in the trivial sector, where
it keeps the eigenvalue 1. A mode exists outside of the bulk only (Baik, Ben Arous and Péché 2005;
Benaych-Georges and Nadakuditi 2011), so its threshold is the noise at which its path meets the
noise that swallows that place. Normalised results are exact to second order in η = ε√N/d.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dctheory.graph.noise.law import BulkLaw, find_root
from dctheory.graph.noise.model import Cell
from dctheory.graph.noise.modes import CleanMode, ModeState

Array = NDArray[np.float64]

# A mode is solved in the span of its own clean eigenvector and those that it mixes with most.
_SPAN = 4
# Eigenvalues closer than this, relative to the largest, are one eigenspace.
_SAME = 1e-9
# Mixing weaker than this is rounding.
_ROUNDING = 1e-12
_SECANTS = 30
# No eigenvalue of the normalised matrix gets so far while its degrees are positive.
_FAR = 10.0


@dataclass(frozen=True, eq=False)
class NormalizedPath:
    """A mode of the normalised noisy matrix.

    ``shares`` (L, cells) says which part of a bulk family lives on which cell. The path is followed
    by its place z and the bulk's s = σ² M there: both fix the noise, ε² = s / (M (1 + z²)).
    ``averaged`` puts M/N for each ρ_i in the noise of the degrees, as the bulk's law does.
    """

    law: BulkLaw
    shares: Array
    cells: tuple[Cell, ...]
    mode: CleanMode
    averaged: bool = False

    # --- The pencil in the span of a few clean eigenvectors

    @cached_property
    def _sizes(self) -> Array:
        return np.array([float(cell.size) for cell in self.cells])

    @cached_property
    def _degrees(self) -> Array:
        return np.array([self.cells[c].degree for c in self.mode.sector.cells])

    @cached_property
    def _ones(self) -> Array:
        """The vector of ones in the trivial sector; zero in the others, which are orthogonal."""
        root = np.sqrt(self._sizes[list(self.mode.sector.cells)])
        return np.asarray(root if self.mode.sector.is_trivial else 0 * root)

    @cached_property
    def _span(self) -> tuple[Array, int, bool]:
        """(m, k) orthonormal basis, the mode's place in it, and whether it has the ones ahead.

        Besides the mode itself, one direction of each other eigenspace: the noise is the same on
        all nodes and degrees are not, so eigenvectors y, y' of S y = λ D y with yᵀ y' ≠ 0 mix.
        """
        values, own = self.mode.values, self.mode.index
        basis = self.mode.basis / np.sqrt(self._degrees @ self.mode.basis**2)
        coupling = basis.T @ basis[:, own]
        start = np.flatnonzero(np.diff(values, prepend=np.inf) < -_SAME * np.abs(values).max())
        found = []
        for first, last in zip(start, [*start[1:], len(values)], strict=True):
            if not first <= own < last:
                mixed = coupling[first:last]
                strength = float(np.linalg.norm(mixed) / abs(values[first] - values[own]))
                found.append((strength, int(first), basis[:, first:last] @ mixed))
        strongest = sorted(found, key=lambda entry: -entry[0])[: _SPAN - 1]
        floor = _ROUNDING * coupling[own] / np.abs(values).max()
        kept = [(place, vector) for strength, place, vector in strongest if strength > floor]
        chosen = sorted([*kept, (own, basis[:, own])], key=lambda entry: entry[0])
        places = [place for place, _ in chosen]
        ahead = self.mode.sector.is_trivial and places[0] == 0 and own > 0
        vectors = np.linalg.qr(np.column_stack([vector for _, vector in chosen]))[0]
        return vectors, places.index(own), ahead

    @cached_property
    def _clean(self) -> tuple[Array, Array]:
        basis = self._span[0]
        return (
            basis.T @ self.mode.sector.matrix @ basis,
            basis.T @ (self._degrees[:, None] * basis),
        )

    def _resolvent(self, z: float, s: float) -> tuple[Array, float]:
        """1/(a − z d − s) of each family, and ε²: infinite where no noise leads there."""
        with np.errstate(divide="ignore", invalid="ignore"):
            inverse = 1 / (self.law.atoms - z * self.law.degrees - s)
            trace = float(self.law.counts @ inverse)
        if s == 0:
            return inverse, 0.0
        if trace == 0 or not math.isfinite(trace):
            return inverse, math.inf
        return inverse, s / (trace * (1 + z * z))

    def _density_per_node(self, weights: Array) -> Array:
        """Σ_k c_k w_k, spread over the sector's cells, per node."""
        per_cell = (self.law.counts * weights) @ self.shares / self._sizes
        return np.asarray(per_cell[list(self.mode.sector.cells)])

    def _self_energy(self, z: float, rho: Array, trace: float) -> Array:
        """M I + z² N diag(ρ) − z (1 ρᵀ + ρ 1ᵀ) in the span."""
        basis = self._span[0]
        cross = np.outer(basis.T @ self._ones, basis.T @ (self._ones * rho))
        if self.averaged:
            rho = np.full_like(rho, trace / self._sizes.sum())
        noisy_degrees = z * z * self._sizes.sum() * (basis.T @ (rho[:, None] * basis))
        return np.asarray(trace * np.eye(len(cross)) + noisy_degrees - z * (cross + cross.T))

    def _pencil(self, z: float, s: float) -> Array:
        matrix, degrees = self._clean
        inverse, variance = self._resolvent(z, s)
        if s == 0 or not math.isfinite(variance):
            return np.asarray(matrix - z * degrees)
        rho, trace = self._density_per_node(inverse), float(self.law.counts @ inverse)
        return matrix - z * degrees - variance * self._self_energy(z, rho, trace)

    def _gap(self, z: float, s: float) -> float:
        """The mode's eigenvalue of the pencil: zero where the mode is."""
        values = np.linalg.eigvalsh(self._pencil(z, s))
        return float(values[len(values) - 1 - self._place_at(z)])

    def _place_at(self, z: float) -> int:
        """Place of the mode among the pencil's eigenvalues; that of the ones turns at z = 1."""
        _, place, ones_ahead = self._span
        return place - (ones_ahead and z > 1)

    # --- Following the mode

    @cached_property
    def _pull(self) -> float:
        """Sign and size of Σ c/(a − λ d): the bulk pushes the mode to the other side."""
        distances = self.law.atoms - self.mode.value * self.law.degrees
        if np.any(np.abs(distances) <= self.mode.rounding):
            return math.nan
        return float(self.law.counts @ (1 / distances))

    def _height(self, z: float) -> float:
        """The bulk's s when the mode stands at z: by secants, nearly a fixed value already."""
        last, value_last = 0.0, self._gap(z, 0.0)
        s = value_last
        for _ in range(_SECANTS):
            value = self._gap(z, s) if s else 0.0
            if value in (0.0, value_last):
                break
            step = value * (s - last) / (value - value_last)
            last, value_last, s = s, value, s - step
            if abs(step) <= 1e-14 * abs(s):
                break
        return s

    def _stability(self, z: float, s: float) -> float:
        """1 − σ² f₂, positive outside of the bulk; −1 where no noise puts the mode at z."""
        inverse, variance = self._resolvent(z, s)
        if not (math.isfinite(variance) and variance >= 0):
            return -1.0
        return 1 - variance * (1 + z * z) * float(self.law.counts @ inverse**2)

    @cached_property
    def _end(self) -> float:
        """The place z where the bulk takes the mode in, at most :data:`_FAR` from 0."""
        side = -math.copysign(1, self._pull)
        step = float(np.abs(self.law.centres - self.mode.value).min()) / 2
        near = far = self.mode.value
        while abs(far) < _FAR:
            near, far, step = far, far + side * step, 1.5 * step
            if self._stability(far, self._height(far)) <= 0:
                return find_root(lambda z: self._stability(z, self._height(z)), near, far)
        return far

    @cached_property
    def threshold(self) -> float:
        """Noise from which on the mode is in the bulk.

        Close to the bulk its law must be the one that moves the mode too, or both never meet.
        """
        return min(self._last_noise, replace(self, averaged=True)._last_noise)

    @cached_property
    def _last_noise(self) -> float:
        if not len(self.law.counts):
            return math.inf
        if math.isnan(self._pull):
            return 0.0
        z = self.mode.value
        if self.mode.is_ones or self._pull == 0:
            s = self._still_end
        else:
            z = self._end
            s = self._height(z)
        inverse = 1 / (self.law.atoms - z * self.law.degrees - s)
        return 1 / math.sqrt(float(self.law.counts @ inverse**2) * (1 + z * z))

    @cached_property
    def _still_end(self) -> float:
        """The last s of a mode that does not move."""
        if self._pull == 0:
            return 0.0
        distances = self.law.atoms - self.mode.value * self.law.degrees
        pole = distances[np.argmin(np.abs(distances))]
        return find_root(
            lambda s: self._stability(self.mode.value, s), 0.0, float(pole) * (1 - 1e-12)
        )

    def _place(self, epsilon: float) -> tuple[float, float]:
        """(z, s) at a noise level below the threshold."""
        z = self.mode.value
        if self._pull == 0:
            return z, 0.0
        if self.mode.is_ones:
            end = self._still_end
            return z, find_root(lambda s: self._resolvent(z, s)[1] - epsilon**2, 0.0, end)

        def excess(place: float) -> float:
            return self._resolvent(place, self._height(place))[1] - epsilon**2

        z = find_root(excess, z, self._end)
        return z, self._height(z)

    def at(self, epsilon: float) -> ModeState:
        """The mode at a noise level below the threshold."""
        if epsilon == 0 or not len(self.law.counts):
            width = 2 * epsilon * math.sqrt(self.mode.multiplicity + 1)
            return ModeState(self.mode.value, 1.0, width / self.mode.degree(self.cells))
        z, s = self._place(epsilon)
        values, vectors = np.linalg.eigh(self._pencil(z, s))
        vector = vectors[:, len(values) - 1 - self._place_at(z)]
        inverse, variance = self._resolvent(z, s)
        stability = 1 - variance * (1 + z * z) * float(self.law.counts @ inverse**2)
        slope = float(vector @ self._slope(z, inverse, variance, stability) @ vector)
        overlap = self._left_overlap(z, inverse, variance, vector) ** 2 / slope
        width = 0.0
        if not self.mode.is_ones:
            spread = (self.mode.multiplicity + 1) / max(stability, np.finfo(np.float64).tiny)
            width = 2 * epsilon * math.sqrt(spread) / slope
        return ModeState(z, float(min(max(overlap, 0.0), 1.0)), width)

    def _slope(self, z: float, inverse: Array, variance: float, stability: float) -> Array:
        """−dK/dz at fixed ε."""
        counts, basis = self.law.counts, self._span[0]
        trace = float(counts @ inverse)
        pull = float(counts @ (self.law.degrees * inverse**2))
        moved = variance * (2 * z * trace + (1 + z * z) * pull) / stability
        change = (self.law.degrees + moved) * inverse**2
        rho = self._density_per_node(inverse)
        energy = self._self_energy(z, self._density_per_node(change), float(counts @ change))
        direct = 2 * z * self._sizes.sum() * (basis.T @ (rho[:, None] * basis))
        cross = np.outer(basis.T @ self._ones, basis.T @ (self._ones * rho))
        return np.asarray(self._clean[1] + variance * (energy + direct - cross - cross.T))

    def _left_overlap(self, z: float, inverse: Array, variance: float, vector: Array) -> float:
        """vᵀ D̃^(1/2) y for the clean unit eigenvector v: D̃ is noisy, and correlated with y.

        To second order E[D̃^(1/2) G̃ D̃^(1/2)] has the residue of G̃ with D^(1/2) replaced by
        D^(1/2) (1 − η²/8 + ε² z N ρ/2d) − ½ ε² D^(−1/2) ρ 1ᵀ, where η² = ε² N/d².
        """
        nodes, degrees = self._sizes.sum(), self._degrees
        clean = np.sqrt(degrees) * self.mode.vector
        clean /= np.linalg.norm(clean)
        rho = self._density_per_node(inverse)
        relative = variance * nodes / degrees
        factor = 1 - relative / (8 * degrees) + relative * z * rho / 2
        full = self._span[0] @ vector
        shared = variance / 2 * float(clean @ (self._ones * rho / np.sqrt(degrees)))
        return float((clean * np.sqrt(degrees) * factor) @ full - shared * float(self._ones @ full))
