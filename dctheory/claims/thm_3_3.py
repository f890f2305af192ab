"""Theorem 3.3: the bound without difficult examples, and the Discussion's disc-c at γ = β."""

from __future__ import annotations

from dctheory import formulas as f
from dctheory.claims._base import NO_PAIRING, AlgebraicClaim
from dctheory.claims._model import EVERY_K, clean_model, eigenvalue_is
from dctheory.claims._sides import clean_sides
from dctheory.proof.logic import Statement, homogeneous


def _statement(pairing: str | None, case: str) -> Statement:
    return eigenvalue_is(clean_model(f.n_e + f.n_d), "<=", *homogeneous(f.THM_3_3.expr))


THM_3_3 = AlgebraicClaim(
    id="thm-3.3",
    where="Theorem 3.3",
    text="E_wo ≤ 4δ/(1 − (1−α)/c2) + 8δ: the printed eigenvalue is at least the true λ_{k+1}",
    pairings=NO_PAIRING,
    statement=_statement,
    cases=("any",),
    extra=EVERY_K,
    conditions={None: ("k >= r + 1",)},
    sides=clean_sides(f.THM_3_3, removed=False),
    notes={
        None: (
            "for k ≥ r + 1 the printed eigenvalue is λ_{k+1} exactly; for k ≤ r, λ_{k+1} is the "
            "class mode [(1−α)+n(α−β)]/c2, which is larger, and the bound does not follow",
        )
    },
)

CLAIMS = (THM_3_3,)
