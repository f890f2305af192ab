"""Spectra with exact multiplicities, and the exact arithmetic behind the closed forms."""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import accumulate
from math import isqrt, lcm
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dctheory._validation import check_integer

if TYPE_CHECKING:
    from dctheory._table import Table

# Two modes are merged when they differ by less than this, relative to the larger one. It is some
# 50 roundings of a float64: what is equal in decimal numbers stays equal, 1e-12 is kept apart.
MERGE_TOLERANCE = 1e-14

# Extra bits of an integer square root: its relative error is below 2^-200.
_ROOT_BITS = 400


@dataclass(frozen=True)
class Mode:
    """One family of eigenvectors with a common eigenvalue.

    Attributes:
        name: e.g. ``"class"`` or ``"difficult-against-easy"`` (see :mod:`dctheory.formulas`).
        sector: the symmetry sector, ``"trivial"``, ``"class"`` or ``"bulk"``.
        value: eigenvalue of Ā.
        multiplicity: dimension of the family, an exact int.
    """

    name: str
    sector: str
    value: float
    multiplicity: int


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues of Ā in descending order with exact multiplicities.

    Attributes:
        values: (m,) distinct eigenvalues, descending, float64.
        multiplicities: m exact ints that sum to N.
        modes: the families, by descending eigenvalue; unlike ``values`` not merged.
        tolerance: relative difference below which eigenvalues are merged.
    """

    values: NDArray[np.float64]
    multiplicities: tuple[int, ...]
    modes: tuple[Mode, ...]
    tolerance: float = MERGE_TOLERANCE

    @classmethod
    def from_modes(
        cls, modes: Iterable[Mode], tolerance: float = MERGE_TOLERANCE, absolute: float = 0.0
    ) -> Spectrum:
        """Sort and merge; empty families are dropped.

        Eigenvalues closer than ``tolerance`` times their size plus ``absolute`` become one.
        """
        kept = sorted((m for m in modes if m.multiplicity > 0), key=lambda m: -m.value)
        values: list[float] = []
        counts: list[int] = []
        for mode in kept:
            if values and values[-1] - mode.value <= absolute + tolerance * max(
                abs(values[-1]), abs(mode.value)
            ):
                counts[-1] += mode.multiplicity
            else:
                values.append(mode.value)
                counts.append(mode.multiplicity)
        array = np.array(values, dtype=np.float64)
        array.flags.writeable = False
        return cls(array, tuple(counts), tuple(kept), tolerance)

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate(self.multiplicities))

    @property
    def num_nodes(self) -> int:
        """N, the number of eigenvalues with multiplicity."""
        return self._ends[-1]

    def eigenvalue(self, j: int) -> float:
        """λ_j, the j-th largest eigenvalue, 1 ≤ j ≤ N, counted with multiplicity."""
        j = check_integer("j", j, 1, self.num_nodes)
        return float(self.values[bisect.bisect_left(self._ends, j)])

    def mode(self, j: int) -> Mode:
        """The family that λ_j belongs to (of tied families the first)."""
        j = check_integer("j", j, 1, self.num_nodes)
        ends = list(accumulate(m.multiplicity for m in self.modes))
        return self.modes[bisect.bisect_left(ends, j)]

    def gap(self, k: int) -> float:
        """λ_k − λ_{k+1}, 1 ≤ k ≤ N − 1: zero where k cuts an eigenspace."""
        k = check_integer("k", k, 1, self.num_nodes - 1)
        return self.eigenvalue(k) - self.eigenvalue(k + 1)

    def table(self) -> Table:
        """The modes with the positions j that they take among the eigenvalues."""
        from dctheory._table import Table

        rows, first = [], 1
        for mode in self.modes:
            last = first + mode.multiplicity - 1
            span = f"{first}" if first == last else f"{first} … {last}"
            rows.append((span, mode.value, mode.multiplicity, mode.name, mode.sector))
            first = last + 1
        return Table(("j", "λ_j", "multiplicity", "mode", "sector"), rows)

    def __str__(self) -> str:
        return self.table().to_text()

    def _repr_html_(self) -> str:
        return self.table().to_html()


def quadratic_roots(a2: int, a1: int, a0: int) -> tuple[float, float]:
    """Both real roots of a2 x² − a1 x + a0, a2 > 0, from exact integers, each correct to 1 ulp.

    The square root is an integer one with :data:`_ROOT_BITS` spare bits, and the root that would
    suffer from cancellation comes from the product of both.
    """
    shift = _ROOT_BITS
    root = isqrt((a1 * a1 - 4 * a2 * a0) << (2 * shift))
    scaled = a1 << shift
    if a1 >= 0:
        large = scaled + root
        if large == 0:
            return 0.0, 0.0
        upper = ratio(large, a2 << (shift + 1))
        return upper, ratio((2 * a0) << shift, large)
    large = scaled - root
    return ratio((2 * a0) << shift, large), ratio(large, a2 << (shift + 1))


def ratio(numerator: int, denominator: int) -> float:
    """numerator / denominator of exact integers, rounded once."""
    return numerator / denominator


def integer_scale(*values: Any) -> tuple[int, tuple[int, ...]]:
    """A common denominator q of exact rationals, and the numerators over it."""
    fractions = [Fraction(value) for value in values]
    scale = lcm(*(fraction.denominator for fraction in fractions))
    return scale, tuple(f.numerator * (scale // f.denominator) for f in fractions)
