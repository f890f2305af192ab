"""The intervals of the bulk of A + ε E: outer edges, and gaps between families.

At a real z outside of the bulk the equation s = σ² Σ c/(p − s), p = a − z d, has a real root s with
σ² Σ c/(p − s)² < 1, and at an edge a double one. With f_j = Σ c/(p − s)^j all is decided by the
function g(s) = s − σ² f₁(s) between the two poles p where s lies.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dctheory.graph.noise.law import BulkLaw, find_root

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_DOUBLINGS = 80
# Gaps narrower than this, relative to the interval between two crossings, are rounding.
_NARROW = 1e-12
# Up to so many families, all orders of their poles are gone through.
_FEW = 8


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
    none, everything = np.zeros((2, len(law.counts)), dtype=bool)
    everything[:] = True
    if epsilon == 0:
        bands, passed = [], none
        for level, members in law.levels:
            reached = passed.copy()
            reached[list(members)] = True
            bands.append(_band(law, level, level, passed, reached))
            passed = reached
        return bands
    bottom, top = outer_edge(law, epsilon, -1), outer_edge(law, epsilon, 1)
    bands, passed = [], none
    if math.isfinite(top - bottom):
        for low, high, above in _gaps(law, epsilon, bottom, top):
            bands.append(_band(law, high, top, passed, above))
            top, passed = low, above
    bands.append(_band(law, bottom, top, passed, everything))
    return bands


def _band(law: BulkLaw, lower: float, upper: float, passed: Mask, reached: Mask) -> Band:
    """The band between two gaps, given the families above the one and above the other."""
    count = round(math.fsum(law.counts[reached]) - math.fsum(law.counts[passed]))
    members = np.flatnonzero(reached & ~passed)
    names = tuple(name for k in members for name in law.names[k])
    levels = sum(not set(group).isdisjoint(members.tolist()) for _, group in law.levels)
    return Band(lower, upper, count, names, levels)


def _gaps(
    law: BulkLaw, epsilon: float, bottom: float, top: float
) -> list[tuple[float, float, Mask]]:
    """(lower end, upper end, families above) of each gap inside (bottom, top), from the top."""
    found: dict[bytes, tuple[float, float, Mask]] = {}
    tried: set[bytes] = set()
    ends = _order_changes(law, bottom, top)
    for left, right in pairwise(ends):
        for above in _possible_gaps(law, epsilon, float(left), float(right)):
            key = above.tobytes()
            if key in tried:
                continue
            tried.add(key)
            edges = Gap(law, above, float(left), float(right)).edges(epsilon, bottom, top)
            if edges is not None:
                found[key] = (*edges, above)
    return sorted(found.values(), key=lambda gap: -gap[1])


def _order_changes(law: BulkLaw, bottom: float, top: float) -> Array:
    """Points of [bottom, top] between which the poles a − z d keep their order; for many families
    a grid instead, as pairs that are neighbours for a moment only leave no gap."""
    if len(law.counts) > _FEW:
        inner = np.concatenate([np.linspace(bottom, top, 34), law.centres])
    else:
        with np.errstate(divide="ignore", invalid="ignore"):
            inner = np.subtract.outer(law.atoms, law.atoms) / np.subtract.outer(
                law.degrees, law.degrees
            )
    inside = inner[(inner > bottom) & (inner < top)]
    return np.unique(np.concatenate([[bottom, top], inside.ravel()]))


def _possible_gaps(law: BulkLaw, epsilon: float, left: float, right: float) -> list[Mask]:
    """Families above each pair of neighbouring poles that alone would leave a gap in the interval
    (see :meth:`Gap._range`)."""
    order = np.argsort(left * law.degrees + right * law.degrees - 2 * law.atoms, kind="stable")
    atoms, degrees = law.atoms[order], law.degrees[order]
    distance = np.maximum(*(-np.diff(atoms - z * degrees) for z in (left, right)))
    roots = np.cbrt(law.counts[order])
    possible = distance > epsilon * (roots[:-1] + roots[1:]) ** 1.5
    masks = []
    for place in np.flatnonzero(possible):
        above = np.zeros(len(order), dtype=bool)
        above[order[: place + 1]] = True
        masks.append(above)
    return masks


def outer_edge(law: BulkLaw, epsilon: float, side: int) -> float:
    """Edge above (side = 1) or below (−1) all atoms; infinite where noise is too strong."""
    start = law.levels[0 if side > 0 else -1][0]
    step = 2 * epsilon * math.sqrt(float(law.counts.sum())) / float(law.degrees.min())
    near = start
    for _ in range(_DOUBLINGS):
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
    """A gap with given families above it, others below.

    In it, s lies between the poles of the ones and of the others. There g has one local minimum
    and one local maximum or none; both fall with z, and z is in the gap where 0 lies between them.
    Noise closes the gaps between clean levels, and may open one where degrees differ by more than
    a factor of two: few nodes of small degree have bands of their own on both sides.

    Attributes:
        law: the families.
        above: (L,) which of them have their pole above s.
        left, right: where to look first; the poles must be in that order there.
    """

    law: BulkLaw
    above: Mask
    left: float
    right: float

    def _range(self, epsilon: float) -> tuple[float, float]:
        """Interval of z in which each pole above is far enough from each one below.

        Two poles at a distance P merge at σ = P / (c₁^(1/3) + c₂^(1/3))^(3/2), and others only add.
        """
        law, above = self.law, self.above
        roots = np.cbrt(law.counts)
        need = epsilon * np.add.outer(roots[above], roots[~above]) ** 1.5
        spare = np.subtract.outer(law.atoms[above], law.atoms[~above]) - need
        slope = np.subtract.outer(law.degrees[above], law.degrees[~above])
        if np.any(spare[slope == 0] <= 0):
            return math.inf, -math.inf
        with np.errstate(divide="ignore", invalid="ignore"):
            limit = spare / slope
        return (
            float(np.max(limit, initial=-math.inf, where=slope < 0)),
            float(np.min(limit, initial=math.inf, where=slope > 0)),
        )

    def _poles(self, z: float) -> tuple[Array, float, float]:
        p = self.law.atoms - z * self.law.degrees
        return p, float(p[~self.above].max()), float(p[self.above].min())

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

    def edges(self, epsilon: float, bottom: float, top: float) -> tuple[float, float] | None:
        """(lower, upper) end of the gap between two outer edges, None where there is none."""
        near, far = self._range(epsilon)
        limits = max(near, bottom), min(far, top)
        if limits[0] >= limits[1]:
            return None
        low = self._falling_root(lambda z: self._turn(z, epsilon, -1), limits)
        high = self._falling_root(lambda z: self._turn(z, epsilon, 1), limits)
        # Where g has no extrema both searches end at the same root, up to rounding.
        return (low, high) if high - low > _NARROW * (self.right - self.left) else None

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

    def _falling_root(
        self, function: Callable[[float], float], limits: tuple[float, float]
    ) -> float:
        """Root of a falling function of z within limits, searched outwards; NaN if none."""
        low, high = np.clip((self.left, self.right), *limits)
        width = self.right - self.left
        for _ in range(_DOUBLINGS):
            at_low, at_high = function(low), function(high)
            if at_low >= 0 >= at_high:
                return find_root(function, low, high)
            if at_low < 0 and low > limits[0]:
                low, high = max(low - width, limits[0]), low
            elif at_high > 0 and high < limits[1]:
                low, high = high, min(high + width, limits[1])
            else:
                break
            width *= 2
        return math.nan
