"""Claims that λ_{k+1} grows with γ: compared at two values, with a rational number in between."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from dctheory.claims import _model
from dctheory.claims._base import Claim
from dctheory.graph.similarity import SimilarityGraph
from dctheory.proof.exact import ExactSpectrum, rational_adjacency
from dctheory.proof.logic import All, compile_exact
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
        point, psd = found
        witness = {
            key: int(value) if key in ("r", "n", "n_d", "k") else str(value)
            for key, value in point.items()
        }
        kind = "positive semidefinite" if psd else "not positive semidefinite (none within limits)"
        return self._verdict(
            *(pairing, Outcome.REFUTED),
            witness=witness,
            method="smallest counterexample by exact search",
            details=(f"at γ' the smallest counterexample's graph is {kind}", *_NOTES[str(pairing)]),
        )

    def recheck(self, verdict: Verdict) -> list[str]:
        witness: Any = verdict.witness or {}
        try:
            point: Point = {name: int(witness[name]) for name in ("r", "n", "n_d", "k")}
            point |= {
                name: Fraction(witness[name])
                for name in ("alpha", "beta", "gamma", "larger gamma", "between")
            }
        except (TypeError, KeyError, ValueError, ZeroDivisionError) as error:
            return [f"the witness cannot be read: {error!r}"]
        order = (point["beta"], point["gamma"], point["larger gamma"], point["alpha"])
        if not (0 <= order[0] < order[1] < order[2] < order[3] < 1):
            return ["the witness breaks 0 ≤ β < γ < γ' < α < 1"]
        if not _violates(point, str(verdict.pairing)):
            return ["at the witness λ_{k+1}(γ') ≤ t ≤ λ_{k+1}(γ) does not hold"]
        return []


_NOTES = {
    "both": (
        "at k = r + 1 < n_d + r + 1 and n_d < n, λ_{k+1} = min(μ, class+) grows while μ < class+; "
        "for larger k it does not",
    ),
    "matched": ("for n_d < n, matched bulk and μ grow with γ, class+ does not",),
    "either": ("for k > 2r, λ_{k+1} = (1−α)/c1 falls as γ grows",),
}


def _violates(point: Point, pairing: str) -> bool:
    j, between = point["k"] + 1, point["between"]
    small = ExactSpectrum(rational_adjacency(point, pairing))
    large = ExactSpectrum(rational_adjacency({**point, "gamma": point["larger gamma"]}, pairing))
    return large.above(between) < j <= small.at_least(between)


def _smallest(pairing: str) -> tuple[Point, bool] | None:
    hypotheses = All(tuple(statement for _, statement in _model.THM_3_4_RANGE))
    in_range = compile_exact(hypotheses)
    psd = {
        case: compile_exact(_model.positive_semidefinite(pairing, case)) for case in _model.CASES
    }
    padding = {"u": 1, "beta": 1, "g": 1, "h": 1}
    fallback: Point | None = None
    for point, gaps in points(lambda g: in_range({**padding, **g}), *_LIMITS):
        if gaps["h"] < 2:
            continue
        q = point["alpha"][1]
        values: Point = {
            key: Fraction(*value) if isinstance(value, tuple) else value
            for key, value in point.items()
        }
        values["larger gamma"] = values["gamma"] + Fraction(1, q)
        between = _separator(values, pairing)
        if between is None:
            continue
        values["between"] = between
        if not _violates(values, pairing):
            continue
        moved = {**gaps, "g": gaps["g"] + 1, "h": gaps["h"] - 1}
        if psd["mixed" if gaps["n_e"] else "full"](moved):
            return values, True
        fallback = fallback or values
    return None if fallback is None else (fallback, False)


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
