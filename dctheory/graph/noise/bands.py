"""The intervals of the bulk of A + ε E: outer edges, and gaps between families.

At a real z outside of the bulk the equation s = σ² Σ c/(p − s), p = a − z d, has a real root s with
σ² Σ c/(p − s)² < 1, and at an edge a double one. With f_j = Σ c/(p − s)^j all is decided by the
function g(s) = s − σ² f₁(s) between the two poles p where s lies.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dctheory.graph.noise.law import BulkLaw, find_root

Array = NDArray[np.float64]


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


def find_bands(law: BulkLaw, epsilon: float) -> list[Band]:
    """The bulk's intervals at noise level ε ≥ 0, from the top down; points at ε = 0."""
    if not law.levels:
        return []
    last = len(law.levels) - 1
    if epsilon == 0:
        return [_band(law, level, level, k, k) for k, (level, _) in enumerate(law.levels)]
    bands, first, top = [], 0, outer_edge(law, epsilon, 1)
    for k in range(last):
        edges = Gap(law, k).edges(epsilon)
        if edges is not None:
            bands.append(_band(law, edges[1], top, first, k))
            first, top = k + 1, edges[0]
    bands.append(_band(law, outer_edge(law, epsilon, -1), top, first, last))
    return bands


def _band(law: BulkLaw, lower: float, upper: float, first: int, last: int) -> Band:
    members = [k for _, group in law.levels[first : last + 1] for k in group]
    count = round(math.fsum(law.counts[members]))
    names = tuple(name for k in members for name in law.names[k])
    return Band(lower, upper, count, names, 1 + last - first)


def outer_edge(law: BulkLaw, epsilon: float, side: int) -> float:
    """Edge above (side = 1) or below (−1) all atoms; infinite where noise is too strong."""
    start = law.levels[0 if side > 0 else -1][0]
    step = 2 * epsilon * math.sqrt(float(law.counts.sum())) / float(law.degrees.min())
    near = start
    for _ in range(80):
        far = start + side * step
        if absorption(law, far) > epsilon:
            return find_root(lambda z: absorption(law, z) - epsilon, near, far)
        near, step = far, 2 * step
    return side * math.inf


def absorption(law: BulkLaw, z: float) -> float:
    """Noise at which the bulk reaches a z that lies above or below all atoms.

    Both equations of an edge, s = σ² f₁ and σ² f₂ = 1, give Σ c (2s − p)/(p − s)² = 0, which has
    one root between 0 and the nearest pole.
    """
    p = law.atoms - z * law.degrees
    pole = float(p[np.argmin(np.abs(p))])
    if pole == 0:
        return 0.0
    others = p != pole
    rest, weights, own = p[others], law.counts[others], float(law.counts[~others].sum())

    def balance(s: float) -> float:
        # Multiplied by (s − pole)², which takes the pole out.
        ratio = (s - pole) / (rest - s)
        return own * (2 * s - pole) + float((weights * (2 * s - rest)) @ (ratio * ratio))

    s = find_root(balance, pole, 0.0) if len(rest) else pole / 2
    variance = 1 / float(law.counts @ (p - s) ** -2.0)
    return math.sqrt(variance / law.variance_factor(z))


@dataclass(frozen=True, eq=False)
class Gap:
    """The gap between level ``upper`` and the next lower one, at any noise.

    In it, s lies between the poles of the levels above and of those below. There g has one local
    minimum and one local maximum or none; both fall with z, and z is in the gap where 0 lies
    between them.
    """

    law: BulkLaw
    upper: int

    @cached_property
    def _above(self) -> NDArray[np.bool_]:
        mask = np.zeros(len(self.law.counts), dtype=bool)
        for _, members in self.law.levels[: self.upper + 1]:
            mask[list(members)] = True
        return mask

    @cached_property
    def _range(self) -> tuple[float, float]:
        """Open interval of z in which the poles above stay above those below."""
        law, above = self.law, self._above
        rise = np.subtract.outer(law.atoms[above], law.atoms[~above])
        slope = np.subtract.outer(law.degrees[above], law.degrees[~above])
        with np.errstate(divide="ignore", invalid="ignore"):
            crossing = rise / slope
        return (
            float(np.max(crossing, initial=-math.inf, where=slope < 0)),
            float(np.min(crossing, initial=math.inf, where=slope > 0)),
        )

    def _may_exist(self, epsilon: float) -> bool:
        """Whether the two levels alone would leave a gap; others can only close it.

        Two poles at a distance P merge at σ = P / (c₁^(1/3) + c₂^(1/3))^(3/2).
        """
        law = self.law
        (high, above), (low, below) = law.levels[self.upper : self.upper + 2]
        rise = law.atoms[above[0]] - law.atoms[below[0]]
        slope = law.degrees[above[0]] - law.degrees[below[0]]
        distance = max(abs(rise - z * slope) for z in (low, high))
        counts = float(np.cbrt(law.counts[[above[0], below[0]]]).sum())
        return bool(distance > epsilon * counts**1.5)

    def _poles(self, z: float) -> tuple[Array, float, float]:
        p = self.law.atoms - z * self.law.degrees
        return p, float(p[~self._above].max()), float(p[self._above].min())

    def _saddle(self, z: float) -> float:
        """Where g is steepest: f₃ = 0."""
        p, low, high = self._poles(z)
        at_low, at_high = p == low, p == high

        def third(s: float) -> float:
            # Multiplied by ((s − low)(high − s))³, which takes both poles out.
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = (s - low) * (high - s) / (p - s)
            ratio[at_low], ratio[at_high] = s - high, s - low
            return float(self.law.counts @ ratio**3)

        return find_root(third, low, high)

    def _moments(self, z: float, s: float) -> tuple[float, float]:
        inverse = 1 / (self.law.atoms - z * self.law.degrees - s)
        return float(self.law.counts @ inverse), float(self.law.counts @ (inverse * inverse))

    @cached_property
    def merging(self) -> tuple[float, float]:
        """(z, ε) at which the gap closes: f₃ = 0, σ² f₂ = 1 and g = 0 in one point."""

        def excess(z: float) -> float:
            s = self._saddle(z)
            first, second = self._moments(z, s)
            return s - first / second

        z = self._falling_root(excess)
        if math.isnan(z):
            return z, 0.0
        second = self._moments(z, self._saddle(z))[1]
        return z, 1 / math.sqrt(second * self.law.variance_factor(z))

    def edges(self, epsilon: float) -> tuple[float, float] | None:
        """(lower, upper) end of the gap, None where noise has closed it."""
        if not self._may_exist(epsilon) or epsilon >= self.merging[1]:
            return None
        low = self._falling_root(lambda z: self._turn(z, epsilon, -1))
        high = self._falling_root(lambda z: self._turn(z, epsilon, 1))
        return (low, high) if low < high else None

    def _turn(self, z: float, epsilon: float, side: int) -> float:
        """Local minimum (side = −1) or maximum (1) of g; its steepest point where it has none."""
        variance = epsilon**2 * self.law.variance_factor(z)
        p, low, high = self._poles(z)
        s = self._saddle(z)

        def stability(x: float) -> float:
            with np.errstate(divide="ignore"):
                second = float(self.law.counts @ (p - x) ** -2.0)
            return 1 / math.sqrt(variance * second) - 1

        if stability(s) > 0:
            s = find_root(stability, s, low if side < 0 else high)
        return s - variance * self._moments(z, s)[0]

    def _falling_root(self, function: Callable[[float], float]) -> float:
        """Root of a falling function of z, searched outwards from the clean gap; NaN if none."""
        high, low = self.law.levels[self.upper][0], self.law.levels[self.upper + 1][0]
        width, (bottom, top) = high - low, self._range
        for _ in range(60):
            at_low, at_high = function(low), function(high)
            if at_low >= 0 >= at_high:
                return find_root(function, low, high)
            if at_low < 0:
                low, high = max(low - width, (low + bottom) / 2), low
            else:
                low, high = high, min(high + width, (high + top) / 2)
            width *= 2
        return math.nan
