r"""Modes of a clean graph under noise: where they go, what stays of them, when the bulk takes them.

A mode of a sector with quotient S solves det K(z) = 0, where the noise adds its self-energy:

    raw:         K(z) = S − z I − ε² M I,
    normalised:  K(z) = S − z D − ε² [M I + z² N diag(ρ) − z (1 ρᵀ + ρ 1ᵀ)],

M(z) = Σ_i ρ_i the trace and ρ_i the diagonal of the bulk's resolvent (see
:mod:`dctheory.graph.noise_law`). The bracket is the covariance of E − z diag(E 1), the noise of A
and of the degrees; its last term acts on vectors with a sum, so only in the trivial sector, where
it keeps the eigenvalue 1. A mode exists outside of the bulk only (Baik, Ben Arous and Péché 2005;
Benaych-Georges and Nadakuditi 2011), so its threshold is the noise at which its path meets the
noise that swallows that place. Normalised results are exact to second order in η = ε√N/d.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dctheory.graph.noise_law import BulkLaw, find_root
from dctheory.graph.noise_model import Cell, NoiseModel, Sector

Array = NDArray[np.float64]

# A mode is solved in the span of its own clean eigenvector and its nearest neighbours.
_SPAN = 4
# Rounding of an eigenvalue of S, relative to the norm of S.
_ROUNDING = 8 * np.finfo(np.float64).eps


@dataclass(frozen=True, eq=False)
class CleanMode:
    """A mode of the clean matrix: eigenvalue, unit eigenvector on the sector's cells, dimension."""

    name: str
    sector: Sector
    index: int
    value: float
    vector: Array
    multiplicity: int

    @property
    def is_ones(self) -> bool:
        """Whether it is the eigenvalue 1 of the normalised matrix."""
        return self.sector.is_trivial and self.index == 0

    @property
    def rounding(self) -> float:
        """Size of the rounding errors of an eigenvalue of the sector's matrix."""
        return float(_ROUNDING * np.abs(self.sector.matrix).sum(axis=0).max())

    def degree(self, cells: Sequence[Cell]) -> float:
        """Mean degree that the eigenvector sees."""
        degrees = [cells[c].degree for c in self.sector.cells]
        return float(self.vector**2 @ np.array(degrees))


@dataclass(frozen=True)
class ModeState:
    """Place, squared overlap and half-width of a mode at one noise level."""

    position: float
    overlap: float
    width: float


def clean_modes(model: NoiseModel, normalized: bool) -> list[CleanMode]:
    """The modes of all sectors, of Ā or of A; in A they bear the names of the nearest ones in Ā."""
    found = []
    for sector in model.sectors:
        degrees = np.array([model.cells[c].degree for c in sector.cells])
        basis = _eigenvectors(sector.matrix, degrees)[1]
        if normalized:
            start = 0
            for mode in sector.modes:
                vector = basis[:, start] / np.linalg.norm(basis[:, start])
                size = mode.dimension * sector.copies
                found.append(CleanMode(mode.name, sector, start, mode.value, vector, size))
                start += mode.dimension
        else:
            found += _raw_modes(sector, basis / np.linalg.norm(basis, axis=0))
    return found


def _raw_modes(sector: Sector, reference: Array) -> list[CleanMode]:
    from scipy.optimize import linear_sum_assignment

    values, vectors = _eigenvectors(sector.matrix, np.ones(len(sector.matrix)))
    names = [mode.name for mode in sector.modes for _ in range(mode.dimension)]
    place = linear_sum_assignment(-((vectors.T @ reference) ** 2))[1]
    modes: list[CleanMode] = []
    for index, value in enumerate(values):
        name = names[place[index]]
        if modes and modes[-1].name == name and modes[-1].value - value <= modes[-1].rounding:
            last = modes.pop()
            size = last.multiplicity + sector.copies
            modes.append(CleanMode(name, sector, last.index, last.value, last.vector, size))
        else:
            modes.append(
                CleanMode(name, sector, index, float(value), vectors[:, index], sector.copies)
            )
    return modes


def _eigenvectors(matrix: Array, degrees: Array) -> tuple[Array, Array]:
    """Descending eigenvalues λ and vectors y of S y = λ D y with yᵀ D y = 1."""
    root = 1 / np.sqrt(degrees)
    values, vectors = np.linalg.eigh(root[:, None] * matrix * root)
    return values[::-1], root[:, None] * vectors[:, ::-1]


@dataclass(frozen=True, eq=False)
class RawPath:
    """A mode of A + ε E: everything in closed form, since A − z moves rigidly with z.

    With w = Σ c/(θ − a)²: position θ + ε² Σ c/(θ − a), threshold w^(−1/2), squared overlap
    1 − ε² w. For one family of c directions at distance θ − a the threshold is (θ − a)/√c.
    """

    law: BulkLaw
    mode: CleanMode

    @cached_property
    def _distances(self) -> Array:
        return np.asarray(self.mode.value - self.law.atoms)

    @cached_property
    def threshold(self) -> float:
        """Noise from which on the mode is in the bulk."""
        if np.any(np.abs(self._distances) <= self.mode.rounding):
            return 0.0
        weight = float(self.law.counts @ self._distances**-2.0)
        return 1 / math.sqrt(weight) if weight else math.inf

    def at(self, epsilon: float) -> ModeState:
        """The mode at a noise level below the threshold."""
        shift = epsilon**2 * float(self.law.counts @ (1 / self._distances))
        overlap = 1 - (epsilon / self.threshold) ** 2
        width = 2 * epsilon * math.sqrt((self.mode.multiplicity + 1) * overlap)
        return ModeState(self.mode.value + shift, overlap, width)


@dataclass(frozen=True, eq=False)
class NormalizedPath:
    """A mode of the normalised noisy matrix.

    ``shares`` (L, cells) says which part of a bulk family lives on which cell. The path is followed
    by its place z and the bulk's s = σ² M there: both fix the noise, ε² = s / (M (1 + z²)).
    """

    law: BulkLaw
    shares: Array
    cells: tuple[Cell, ...]
    mode: CleanMode

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
    def _span(self) -> tuple[Array, int]:
        """(m, k) orthonormal basis, and the mode's place among the k eigenvalues."""
        size, own = len(self.mode.sector.cells), self.mode.index
        if size <= _SPAN:
            return np.eye(size), own
        values, vectors = _eigenvectors(self.mode.sector.matrix, self._degrees)
        distance = np.abs(values - values[own])
        # Equal modes do not mix with this one by symmetry; they only take up room.
        distance[(distance <= 1e-9 * abs(values[own])) & (np.arange(size) != own)] = np.inf
        nearest = np.sort(np.argsort(distance, kind="stable")[:_SPAN])
        return np.linalg.qr(vectors[:, nearest])[0], int(np.flatnonzero(nearest == own)[0])

    @cached_property
    def _clean(self) -> tuple[Array, Array]:
        basis = self._span[0]
        return (
            basis.T @ self.mode.sector.matrix @ basis,
            basis.T @ (self._degrees[:, None] * basis),
        )

    def _resolvent(self, z: float, s: float) -> tuple[Array, float]:
        """1/(a − z d − s) of each family, and ε²."""
        inverse = 1 / (self.law.atoms - z * self.law.degrees - s)
        trace = float(self.law.counts @ inverse)
        return inverse, (s / (trace * (1 + z * z)) if s else 0.0)

    def _density_per_node(self, weights: Array) -> Array:
        """Σ_k c_k w_k, spread over the sector's cells, per node."""
        per_cell = (self.law.counts * weights) @ self.shares / self._sizes
        return np.asarray(per_cell[list(self.mode.sector.cells)])

    def _self_energy(self, z: float, rho: Array, trace: float) -> Array:
        """M I + z² N diag(ρ) − z (1 ρᵀ + ρ 1ᵀ) in the span."""
        basis = self._span[0]
        cross = np.outer(basis.T @ self._ones, basis.T @ (self._ones * rho))
        noisy_degrees = z * z * self._sizes.sum() * (basis.T @ (rho[:, None] * basis))
        return np.asarray(trace * np.eye(len(cross)) + noisy_degrees - z * (cross + cross.T))

    def _pencil(self, z: float, s: float) -> Array:
        matrix, degrees = self._clean
        if s == 0:
            return np.asarray(matrix - z * degrees)
        inverse, variance = self._resolvent(z, s)
        rho, trace = self._density_per_node(inverse), float(self.law.counts @ inverse)
        return matrix - z * degrees - variance * self._self_energy(z, rho, trace)

    def _gap(self, z: float, s: float) -> float:
        """The mode's eigenvalue of the pencil: zero where the mode is."""
        values = np.linalg.eigvalsh(self._pencil(z, s))
        return float(values[len(values) - 1 - self._span[1]])

    # --- Following the mode

    @cached_property
    def _end(self) -> tuple[float, float]:
        """(z, ε) where the bulk takes the mode in."""
        z = self.mode.value
        distances = np.abs(z * self.law.degrees - self.law.atoms)
        if np.any(distances <= self.mode.rounding):
            return z, 0.0
        s = self.law.absorption(z)[0]
        if s == 0 or self.mode.is_ones:
            return z, self.law.absorption(z)[1]
        far = self._beyond(z, up=s < 0)
        if math.isinf(far):
            return far, math.inf
        z = find_root(lambda x: self._gap(x, self.law.absorption(x)[0]), z, far)
        return z, self.law.absorption(z)[1]

    def _beyond(self, z: float, up: bool) -> float:
        """A place on that side that the mode cannot reach."""
        ahead = [c for c in self.law.centres if (c > z) == up]
        if ahead:
            return float(min(ahead) if up else max(ahead))
        side = 1 if up else -1
        step = float(np.abs(self.law.centres - z).min())
        for _ in range(60):
            far = z + side * step
            if side * self._gap(far, self.law.absorption(far)[0]) < 0:
                return far
            step *= 2
        return side * math.inf

    @property
    def threshold(self) -> float:
        """Noise from which on the mode is in the bulk."""
        return self._end[1]

    def _noise(self, z: float) -> tuple[float, float]:
        """(s, ε) of the mode when it stands at z."""
        start = self.law.absorption(z)[0]
        s = find_root(lambda x: self._gap(z, x), start, 0.0)
        return s, math.sqrt(self._resolvent(z, s)[1])

    def _place(self, epsilon: float) -> tuple[float, float]:
        """(z, s) at a noise level below the threshold."""
        z, end = self.mode.value, self._end[0]
        if self.mode.is_ones or end == z:
            s = find_root(
                lambda x: self._resolvent(z, x)[1] - epsilon**2, self.law.absorption(z)[0], 0.0
            )
            return z, s
        z = find_root(lambda x: self._noise(x)[1] - epsilon, z, end)
        return z, self._noise(z)[0]

    def at(self, epsilon: float) -> ModeState:
        """The mode at a noise level below the threshold."""
        if epsilon == 0 or not len(self.law.counts):
            width = 2 * epsilon * math.sqrt(self.mode.multiplicity + 1)
            return ModeState(self.mode.value, 1.0, width / self.mode.degree(self.cells))
        z, s = self._place(epsilon)
        values, vectors = np.linalg.eigh(self._pencil(z, s))
        vector = vectors[:, len(values) - 1 - self._span[1]]
        inverse, variance = self._resolvent(z, s)
        stability = 1 - variance * (1 + z * z) * float(self.law.counts @ inverse**2)
        slope = float(vector @ self._slope(z, inverse, variance, stability) @ vector)
        overlap = self._left_overlap(z, inverse, variance, vector) ** 2 / slope
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
