"""The Discussion after Theorem 3.4: three comparisons of the bounds, as printed and as exact."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sympy as sp

from dctheory import formulas as f
from dctheory.claims._base import NO_PAIRING, AlgebraicClaim
from dctheory.claims._growth import GrowthClaim
from dctheory.claims._model import THM_3_4_RANGE, eigenvalue_is, graph_model, substituted
from dctheory.claims._sides import against_clean_value, compared_formulas
from dctheory.claims.thm_3_4 import CLEAN, HARM
from dctheory.proof.logic import Statement, signed

WHERE = "Discussion of Theorems 3.3 and 3.4"


def _worse(pairing: str | None, case: str) -> Statement:
    return signed(f.THM_3_4.expr - f.THM_3_3.expr, ">")


def _grows(pairing: str | None, case: str) -> Statement:
    # A Möbius function of γ: its derivative has the same sign everywhere, so this is growth
    # between any two values.
    return signed(sp.diff(f.THM_3_4.expr, f.gamma), ">")


def _reduces(pairing: str | None, case: str) -> Statement:
    return signed(f.THM_3_4.expr.subs(f.gamma, f.beta) - f.THM_3_3.expr, "==")


def _reduces_exactly(pairing: str | None, case: str) -> Statement:
    # γ = β: the gap γ − β goes to α − γ.
    equal: dict[Any, Any] = {f.g: sp.Integer(0), f.h: f.g + f.h}
    model = substituted(graph_model(str(pairing), case), equal)
    return eigenvalue_is(model, "==", *CLEAN)


DISC_A = AlgebraicClaim(
    id="disc-a",
    where=WHERE,
    text="[(1−α) + r(γ−β)]/c1 > (1−α)/c2: difficult examples make the printed bound worse",
    pairings=NO_PAIRING,
    statement=_worse,
    cases=("any",),
    conditions={None: ("c2 > n_d*(1 - alpha)",)},
    sides=compared_formulas(f.THM_3_4, f.THM_3_3),
    uses_k=False,
)
DISC_A_EXACT = replace(
    HARM,
    id="disc-a/exact",
    where=WHERE,
    text="difficult examples raise the true λ_{k+1}, for k in the range of Theorem 3.4",
    notes=dict.fromkeys(f.PAIRINGS, ("the same statement as thm-3.4/harm",)),
)
DISC_B = AlgebraicClaim(
    id="disc-b",
    where=WHERE,
    text="the printed eigenvalue of Theorem 3.4 grows with γ at fixed β",
    pairings=NO_PAIRING,
    statement=_grows,
    cases=("any",),
    conditions={None: ("c2 > n_d*(1 - alpha)",)},
    uses_k=False,
)
DISC_B_EXACT = GrowthClaim(
    id="disc-b/exact",
    where=WHERE,
    text="the true λ_{k+1} grows with γ at fixed β, for k in the range of Theorem 3.4",
)
DISC_C = AlgebraicClaim(
    id="disc-c",
    where=WHERE,
    text="at γ = β the printed Theorem 3.4 becomes Theorem 3.3",
    pairings=NO_PAIRING,
    statement=_reduces,
    cases=("any",),
    uses_k=False,
)
DISC_C_EXACT = AlgebraicClaim(
    id="disc-c/exact",
    where=WHERE,
    text="at γ = β the true λ_{k+1} is (1−α)/c2, for k in the range of Theorem 3.4",
    statement=_reduces_exactly,
    extra=THM_3_4_RANGE,
    sides=against_clean_value,
)

CLAIMS = (DISC_A, DISC_A_EXACT, DISC_B, DISC_B_EXACT, DISC_C, DISC_C_EXACT)
