"""Theorem 4.5: temperatures that turn the graph into the clean one, and the bound they give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from dctheory import formulas as f
from dctheory.claims._base import NO_PAIRING, AlgebraicClaim
from dctheory.claims._identity import IdentityClaim
from dctheory.claims._rates import RatesExactClaim
from dctheory.claims._temperature import MinimiserClaim, TemperatureBoundClaim
from dctheory.claims.thm_4_3 import difficult_pair
from dctheory.proof.logic import All, Statement, compare, implies, signed

WHERE = "Theorem 4.5"
POSITIVE_BETA = (("beta > 0", compare(f.beta, ">", 0)),)


def _match(pairing: str | None, case: str) -> Statement:
    kind = difficult_pair(str(pairing))
    degree = f.degree(str(pairing), "difficult").expr
    return signed(f.THM_4_5_TAU.expr * kind.weight / degree - f.beta / f.C2.expr, "==")


def full_temperatures(pairing: str | None) -> Mapping[str, tuple[Any, Any]]:
    """T ⊙ Ā is the clean Ā for every kind of pair."""
    found = {}
    for kind in f.pair_kinds(str(pairing)):
        first, second = (f.degree(str(pairing), end).expr for end in kind.ends)
        root = first if kind.ends[0] == kind.ends[1] else sp.sqrt(first * second)
        entry = f.temperature_entry(str(pairing), kind).expr * kind.weight / root
        found[kind.name] = (entry, kind.clean / f.C2.expr)
    return found


def bound_shape(factor: Any, value: Any) -> Any:
    """A printed bound over 4δ: factor/(1 − λ) + 2."""
    return factor / (1 - value) + 2


def _rates(pairing: str | None, case: str) -> Statement:
    without = bound_shape(1, f.THM_3_3.expr)
    tempered = bound_shape(f.THM_4_5_FACTOR.expr, f.THM_3_3.expr) / without - 1
    harmed = bound_shape(1, f.THM_3_4.expr) / without - 1
    square = (f.n_d / f.n) ** 2 * (f.gamma**2 - f.beta**2) / f.beta**2
    a = f.alpha + f.r * f.beta
    inverse = f.r * (f.gamma - f.beta) * (1 + a) / (f.n * a**2)
    return All(
        (
            signed(tempered, ">="),
            signed(square - tempered, ">="),
            signed(inverse - harmed, ">="),
            signed(inverse + harmed, ">="),
        )
    )


def _printed_condition() -> Statement:
    return signed(f.THM_4_5_CONDITION.expr * f.n - f.n_d**2, ">")


def _condition(pairing: str | None, case: str) -> Statement:
    # Denominators are positive: compare factor/(1 − λ0) with 1/(1 − λ1).
    better = (1 - f.THM_3_3.expr) - f.THM_4_5_FACTOR.expr * (1 - f.THM_3_4.expr)
    return implies(_printed_condition(), signed(better, ">"))


MATCH = AlgebraicClaim(
    id="thm-4.5/match",
    where=WHERE,
    text="τ = (c1/c2)(β/γ) turns Ā into the clean Ā on cross-class pairs in D_d",
    statement=_match,
    cases=("any",),
    extra=POSITIVE_BETA,
    uses_k=False,
    conditions={"matched": ("n_d <= 1",), "either": ("n_d >= n",)},
    notes={
        "matched": ("a matched pair has degrees c2 + r(γ−β), not c1",),
        "either": ("both-difficult pairs have degrees c2 + n r(γ−β), not c1",),
    },
)
MATCH_ALL = IdentityClaim(
    id="thm-4.5/match-all",
    where=WHERE,
    text="the full temperature matrix turns Ā into the clean Ā everywhere",
    identities=full_temperatures,
    notes=dict.fromkeys(
        f.PAIRINGS,
        ("needs β > 0: no temperature turns γ into 0", "not T = 1 outside D_d, as printed"),
    ),
)
MINIMISER = MinimiserClaim(
    id="thm-4.5/minimiser",
    where="Theorems 4.4 and 4.5",
    text="the eigen-factor of T ⊙ Ā minimises the weighted loss",
)
BOUND = TemperatureBoundClaim(
    id="thm-4.5/bound",
    where=WHERE,
    text="E_T ≤ 4[1 − (n_d/n)² + (γ/β)²(n_d/n)²]δ/(1 − (1−α)/c2) + 8δ",
)
RATES = AlgebraicClaim(
    id="thm-4.5-rates",
    where="after Theorem 4.5",
    text="E_T/E_wo − 1 = O((n_d/n)²) and E_wd/E_wo − 1 = O(1/n), as printed expressions",
    pairings=NO_PAIRING,
    statement=_rates,
    cases=("any",),
    extra=POSITIVE_BETA,
    uses_k=False,
    notes={
        None: (
            "with constants: 0 ≤ E_T/E_wo − 1 ≤ (n_d/n)²(γ²−β²)/β² and "
            "|E_wd/E_wo − 1| ≤ r(γ−β)(1+α+rβ)/(n (α+rβ)²), at every n",
        )
    },
)
RATES_EXACT = RatesExactClaim(
    id="thm-4.5-rates/exact",
    where="after Theorem 4.5",
    text="E_wd/E_wo − 1 = O(1/n) with the true λ_{k+1}, for large n and n_d/n → 0",
)
CONDITION = AlgebraicClaim(
    id="thm-4.5-condition",
    where="after Theorem 4.5",
    text="the printed condition on n_d implies printed E_T < printed E_wd at every finite n",
    pairings=NO_PAIRING,
    statement=_condition,
    cases=("any",),
    extra=POSITIVE_BETA,
    uses_k=False,
    limits=(12, 40),
    notes={
        None: (
            "exact: n_d²(γ+β)[n(α+rβ) + (n_d−1)r(γ−β)]c2 < β² r n² [c2 − (1−α)n_d]; the printed "
            "condition keeps its leading terms for large n",
        )
    },
)

CLAIMS = (MATCH, MATCH_ALL, MINIMISER, BOUND, RATES, RATES_EXACT, CONDITION)
