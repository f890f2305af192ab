"""Claims that λ_{k+1} grows with γ: compared at two values, with a rational number in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

from dctheory.claims import _model
from dctheory.claims._base import Claim, differences, read_point
from dctheory.graph.similarity import SimilarityGraph
from dctheory.proof.exact import ExactSpectrum, rational_adjacency
from dctheory.proof.logic import All, compile_exact, gap_point
from dctheory.proof.search import Point, points
from dctheory.proof.verdict import Outcome, Verdict

_LIMITS = (8, 6)


@dataclass(frozen=True, kw_only=True, eq=False)
class GrowthClaim(Claim):
    """γ < γ' < α implies λ_{k+1}(γ) < λ_{k+1}(γ'); refuted by two exact spectra.

    The witness holds a rational t with λ_{k+1}(γ') ≤ t ≤ λ_{k+1}(γ), checked by counting
    eigenvalues of the matrices themselves.
    """

    def _decide(self, pairing: str | None) -> Verdict:
        found = _smallest(str(pairing))
        if found is None:
            tried = f"no counterexample with N ≤ {_LIMITS[0]}, denominators ≤ {_LIMITS[1]}"
            return self._verdict(pairing, Outcome.UNDECIDED, method="search", details=(tried,))
        return self._assemble(pairing, found)

    def _assemble(self, pairing: str | None, point: Point) -> Verdict:
        kind = "" if _is_psd_at_larger(str(pairing), point) else "not "
        note = (
            f"at γ' the counterexample's graph is {kind}positive semidefinite; it is the smallest "
            f"by N, then by common denominator, with N ≤ {_LIMITS[0]}, denominators ≤ {_LIMITS[1]}"
        )
        return self._verdict(
            *(pairing, Outcome.REFUTED),
            witness={
                key: value if type(value) is int else str(value) for key, value in point.items()
            },
            method="smallest counterexample by exact search",
            details=(note, *_NOTES[str(pairing)]),
        )

    def recheck(self, verdict: Verdict) -> list[str]:
        names = ("alpha", "beta", "gamma", "larger gamma", "between")
        point = read_point(verdict.witness, ("r", "n", "n_d", "k"), names)
        order = (point["beta"], point["gamma"], point["larger gamma"], point["alpha"])
        if point["n"] * (point["r"] + 1) > _LIMITS[0]:
            return [f"the witness has more than the search's {_LIMITS[0]} nodes"]
        if not 0 <= order[0] < order[1] < order[2] < order[3] < 1:
            return ["the witness breaks 0 ≤ β < γ < γ' < α < 1"]
        if not _in_range()(gap_point(point)) or not (
            point["r"] >= 1 and 1 <= point["n_d"] <= point["n"] and point["n"] >= 2
        ):
            return ["the sizes of the witness do not satisfy the hypotheses"]
        if not _violates(point, str(verdict.pairing)):
            return ["at the witness λ_{k+1}(γ') ≤ t ≤ λ_{k+1}(γ) does not hold"]
        return differences(self._assemble(verdict.pairing, point), verdict)


_NOTES = {
    "both": (
        "for n_d < n and k = r + 1, λ_{k+1} = min(μ, class+), which grows while μ < class+; that "
        "μ(γ) < class+(γ') with n_d < n and k = r + 1 is the exact condition fits all numbers "
        "tried, but is not proved here",
    ),
    "matched": ("for n_d < n, matched bulk and μ grow with γ, class+ does not",),
    "either": ("no growth was seen for k > 2r; the easy bulk (1−α)/c1 falls as γ grows",),
}


@cache
def _in_range() -> Callable[[Mapping[str, Any]], bool]:
    return compile_exact(All(tuple(statement for _, statement in _model.THM_3_4_RANGE)))


def _is_psd_at_larger(pairing: str, point: Point) -> bool:
    gaps = gap_point({**point, "gamma": point["larger gamma"]})
    case = "mixed" if gaps["n_e"] else "full"
    return _psd(pairing, case)(gaps)


@cache
def _psd(pairing: str, case: str) -> Callable[[Mapping[str, Any]], bool]:
    return compile_exact(_model.positive_semidefinite(pairing, case))


def _violates(point: Point, pairing: str) -> bool:
    j, between = point["k"] + 1, point["between"]
    small = ExactSpectrum(rational_adjacency(point, pairing))
    large = ExactSpectrum(rational_adjacency({**point, "gamma": point["larger gamma"]}, pairing))
    return large.above(between) < j <= small.at_least(between)


def _smallest(pairing: str) -> Point | None:
    padding = {"u": 1, "beta": 1, "g": 1, "h": 1}
    fallback: Point | None = None
    for point, gaps in points(lambda g: _in_range()({**padding, **g}), *_LIMITS):
        if gaps["h"] < 2:
            continue
        values: Point = {
            key: Fraction(*value) if isinstance(value, tuple) else value
            for key, value in point.items()
        }
        values["larger gamma"] = values["gamma"] + Fraction(1, point["alpha"][1])
        between = _separator(values, pairing)
        if between is None:
            continue
        values["between"] = between
        if not _violates(values, pairing):
            continue
        if _is_psd_at_larger(pairing, values):
            return values
        fallback = fallback or values
    return fallback


def _separator(point: Point, pairing: str) -> Fraction | None:
    """A simple rational between the two eigenvalues, if floats say that λ does not grow."""
    values = []
    for gamma in (point["gamma"], point["larger gamma"]):
        graph = SimilarityGraph(
            classes=point["r"] + 1,
            per_class=point["n"],
            difficult=point["n_d"],
            alpha=point["alpha"],
            beta=point["beta"],
            gamma=gamma,
            pairing=pairing,
        )
        values.append(graph.spectrum().eigenvalue(point["k"] + 1))
    if values[1] > values[0] + 1e-12:
        return None
    # Equal eigenvalues are rational with a small denominator in this range of N and q.
    return Fraction((values[0] + values[1]) / 2).limit_denominator(10_000)
