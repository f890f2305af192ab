"""E_wd/E_wo − 1 = O(1/n) with the true λ_{k+1}: bounds by SMT, growth by a limit along n = m²."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp

from dctheory import formulas as f
from dctheory.claims._base import Claim
from dctheory.claims._limits import is_positive, limit, limit_step
from dctheory.claims._model import THM_3_4_RANGE, eigenvalue_is, graph_model, hypotheses
from dctheory.proof.expression import parse_condition
from dctheory.proof.logic import (
    SYMBOLS,
    Not,
    Statement,
    compare,
    homogeneous,
    smt_query,
)
from dctheory.proof.smt import solve
from dctheory.proof.verdict import Outcome, Step, Verdict

_T = homogeneous(f.THM_3_3.expr)
_CONDITIONS = {"both": "k >= r + 2", "matched": None, "either": "k >= 2*r + 1"}
_NOTES = {
    "both": "at k = r + 1, n(μ − t) grows without bound when n_d does, even with n_d/n → 0",
    "matched": "t < λ_{k+1} ≤ ρ = [(1−α)+r(γ−β)]/(c2+r(γ−β)) and ρ − t = O(1/n)",
    "either": "for r < k ≤ 2r, λ_{k+1} = class− and n(class− − t) grows without bound with n_d",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class RatesExactClaim(Claim):
    """λ_{k+1} − t = O(1/n) for n → ∞, n_d/n → 0 (so n_d ≤ n_e), t = (1−α)/c2.

    As λ stays away from 1, that is the rate of the bound's ratio.
    """

    def _decide(self, pairing: str | None) -> Verdict:
        reading = str(pairing)
        condition = _CONDITIONS[reading]
        steps = [
            Step("smt", name, smt_query([*known, ("negated goal", Not(goal))], SYMBOLS))
            for name, known, goal in _goals(reading)
        ]
        if any(solve(step.content).status != "unsat" for step in steps):
            return self._verdict(pairing, Outcome.UNDECIDED, method="SMT did not finish")
        details = (_NOTES[reading], "E_T has the clean graph's λ_{k+1} under its own assumption")
        if condition is None:
            return self._verdict(
                *(pairing, Outcome.PROVED), method="SMT proof", details=details, steps=tuple(steps)
            )
        steps += [_growth(reading), _class_stays()]
        last = "r + 1" if reading == "both" else "r + 1 ... 2 r"
        return self._verdict(
            *(pairing, Outcome.CONDITIONAL),
            condition=condition,
            witness={
                "holds": {"k": condition, "n_d": "at most n/2"},
                "fails": {"k": last, "sequence": "n = m^2, n_d = m"},
            },
            method="SMT proof, and a symbolic limit",
            details=details,
            steps=tuple(steps),
        )


Known = list[tuple[str, Statement]]


def _goals(pairing: str) -> list[tuple[str, Known, Statement]]:
    """Named goals with what each may use; the last ones use the lemma before them."""
    known: Known = [*hypotheses("mixed"), *THM_3_4_RANGE]
    known += [("n_d <= n_e", compare(f.n_d, "<=", f.n_e)), ("n_e >= 2", compare(f.n_e, ">=", 2))]
    lemma = compare(f.r * (f.n_e - 2), ">=", 0)
    lemmas: list[tuple[str, Known, Statement]] = [("lemma r (n_e − 2) ≥ 0", known, lemma)]
    used: Known = [*known, ("lemma", lemma)]
    model = graph_model(pairing, "mixed")
    block = f.block(pairing, "trivial")
    if pairing == "both":
        used.append(_premise(pairing))
        return [*lemmas, ("λ_{k+1} = t", used, eigenvalue_is(model, "==", *_T))]
    if pairing == "matched":
        rho = (f.u + f.r * f.g, block.degree_difficult)
        goals = {"λ_{k+1} > t": (">", _T), "λ_{k+1} ≤ ρ": ("<=", rho)}
    else:
        used.append(_premise(pairing))
        easy = (f.u, block.degree_easy)
        goals = {"λ_{k+1} ≥ (1−α)/c1": (">=", easy), "λ_{k+1} ≤ t": ("<=", _T)}
    return [
        *lemmas,
        *(
            (name, used, eigenvalue_is(model, relation, *threshold))
            for name, (relation, threshold) in goals.items()
        ),
    ]


def _premise(pairing: str) -> tuple[str, Statement]:
    """The verdict's condition, as the queries use it."""
    condition = str(_CONDITIONS[pairing])
    return f"condition: {condition}", parse_condition(condition)


def _class_stays() -> Step:
    """class+ is at least the pencil's easy entry, whose limit is (α−β)/(α+rβ) > 0 at f → 0."""
    easy = f.block("both", "class")
    value = limit(easy.ee / easy.degree_easy)
    return limit_step("class+ is at least", value)


def _growth(pairing: str) -> Step:
    """n (λ_{k+1} − t) along n = m², n_d = m: a lower bound's numerator outgrows its denominator."""
    m = sp.Symbol("m", positive=True)
    sector = "trivial" if pairing == "both" else "class"
    block = f.block(pairing, sector)
    product = block.degree_easy * block.degree_difficult
    # μ is det/(d_e d_d) exactly; class− is at least that, as class+ ≤ 1.
    gap = (block.det / product - _T[0] / _T[1]) * (f.n_e + f.n_d)
    value = sp.together(gap.subs({f.n_d: m, f.n_e: m**2 - m}, simultaneous=True))
    top, bottom = (sp.Poly(part, m) for part in sp.fraction(value))
    if top.degree() <= bottom.degree():
        raise ArithmeticError("the gap does not outgrow 1/n")
    leading: Any = sp.factor(top.LC() / bottom.LC())
    if not is_positive(leading):
        raise ArithmeticError(f"the leading coefficient {leading} is not visibly positive")
    power = top.degree() - bottom.degree()
    return limit_step("n (λ_{k+1} − t) along n = m^2, n_d = m, leading term", leading * m**power)
