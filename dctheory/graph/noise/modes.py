"""The modes of a clean graph, and their path under noise in the raw matrix (closed form)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dctheory.graph.noise.law import BulkLaw
from dctheory.graph.noise.model import Cell, NoiseModel, Sector

Array = NDArray[np.float64]

# Rounding of an eigenvalue of S, relative to the norm of S.
_ROUNDING = 8 * np.finfo(np.float64).eps
# Takes the eigenvalue 1 out of a spectrum in [−1, 1] (slightly wider with noise-free rounding).
_DEFLATION = 3.0


@dataclass(frozen=True, eq=False)
class CleanMode:
    """A mode of the clean matrix.

    Attributes:
        name: as in ``Spectrum.modes``.
        sector: the symmetry sector it belongs to.
        index: its place among the sector's eigenvalues, descending, from 0.
        value: its eigenvalue.
        basis: (m, m) all eigenvectors of the sector's pencil as columns of norm 1, descending.
        values: (m,) their eigenvalues.
        multiplicity: dimension of the eigenspace, all copies of the sector included.
    """

    name: str
    sector: Sector
    index: int
    value: float
    basis: Array
    values: Array
    multiplicity: int

    @property
    def vector(self) -> Array:
        """(m,) unit eigenvector on the sector's cells."""
        return np.asarray(self.basis[:, self.index])

    @property
    def is_ones(self) -> bool:
        """Whether it is the first mode of the trivial sector: in Ā the vector of ones."""
        return self.sector.is_trivial and self.index == 0

    @cached_property
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
        values, basis = _pencil_modes(sector, model.cells)
        found += _normalized_modes(sector, values, basis)
    if normalized:
        return found
    raw: list[CleanMode] = []
    for sector in model.sectors:
        raw += _raw_modes(sector, [mode for mode in found if mode.sector is sector])
    return raw


def _pencil_modes(sector: Sector, cells: Sequence[Cell]) -> tuple[Array, Array]:
    """Descending eigenvalues of S y = λ D y and unit vectors y.

    In the trivial sector the vector of ones comes first, also where other eigenvalues are 1.
    """
    own = [cells[c] for c in sector.cells]
    degrees = np.array([cell.degree for cell in own])
    root = 1 / np.sqrt(degrees)
    matrix = root[:, None] * sector.matrix * root
    ones = np.sqrt(np.array([float(cell.size) for cell in own]) * degrees)
    ones /= np.linalg.norm(ones)
    if sector.is_trivial:
        matrix = matrix - _DEFLATION * np.outer(ones, ones)
    values, vectors = np.linalg.eigh(matrix)
    values, vectors = values[::-1], vectors[:, ::-1]
    if sector.is_trivial:
        values = np.concatenate([[1.0], values[:-1]])
        vectors = np.column_stack([ones, vectors[:, :-1]])
    basis = root[:, None] * vectors
    return values, basis / np.linalg.norm(basis, axis=0)


def _normalized_modes(sector: Sector, values: Array, basis: Array) -> list[CleanMode]:
    found, start = [], 0
    for mode in sector.modes:
        size = mode.dimension * sector.copies
        found.append(CleanMode(mode.name, sector, start, mode.value, basis, values, size))
        start += mode.dimension
    return found


def _raw_modes(sector: Sector, reference: Sequence[CleanMode]) -> list[CleanMode]:
    from scipy.optimize import linear_sum_assignment

    values, vectors = np.linalg.eigh(sector.matrix)
    values, vectors = values[::-1], vectors[:, ::-1]
    names = [mode.name for mode in sector.modes for _ in range(mode.dimension)]
    place = linear_sum_assignment(-((vectors.T @ reference[0].basis) ** 2))[1]
    modes: list[CleanMode] = []
    for index, value in enumerate(values):
        name, size = names[place[index]], sector.copies
        first, value = index, float(value)
        if modes and modes[-1].name == name and modes[-1].value - value <= modes[-1].rounding:
            last = modes.pop()
            first, value, size = last.index, last.value, last.multiplicity + size
        modes.append(CleanMode(name, sector, first, value, vectors, values, size))
    return modes


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
