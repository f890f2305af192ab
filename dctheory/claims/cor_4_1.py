"""Corollary 4.1: removing all difficult examples, and when that is said to pay."""

from __future__ import annotations

from dctheory import formulas as f
from dctheory.claims._base import NO_PAIRING, AlgebraicClaim
from dctheory.claims._model import THM_3_4_RANGE, clean_model, eigenvalue_is, graph_model
from dctheory.claims._sides import clean_sides, compared_formulas, removal_sides
from dctheory.proof.logic import Statement, compare, homogeneous, iff, signed

REMOVED = homogeneous(f.COR_4_1.expr)
KEPT = (f.r + 1) * f.n_e


def _removal(pairing: str | None, case: str) -> Statement:
    return eigenvalue_is(clean_model(f.n_e), "<=", *REMOVED)


def _printed_condition() -> Statement:
    return signed(f.gamma - f.beta - f.COR_4_1_CONDITION.expr, ">")


def _printed(pairing: str | None, case: str) -> Statement:
    return iff(signed(f.THM_3_4.expr - f.COR_4_1.expr, ">"), _printed_condition())


def _exact(pairing: str | None, case: str) -> Statement:
    pays = eigenvalue_is(graph_model(str(pairing), case), ">", *REMOVED)
    return iff(pays, _printed_condition())


COR_4_1 = AlgebraicClaim(
    id="cor-4.1",
    where="Corollary 4.1",
    text="E_R ≤ the bound of Theorem 3.3 with n − n_d samples per class, after removal",
    pairings=NO_PAIRING,
    statement=_removal,
    cases=("mixed",),
    extra=(
        ("k >= 1", compare(f.k, ">=", 1)),
        ("k + 1 <= nodes kept", compare(f.k + 1, "<=", KEPT)),
    ),
    conditions={None: ("k >= r + 1",)},
    sides=clean_sides(f.COR_4_1, removed=True),
    notes={
        None: (
            "the kept graph is a clean one, so this is Theorem 3.3 for n − n_d; with n_d = n "
            "nothing is left to bound",
            "δ is that of the kept data, which the statement does not say",
        )
    },
)
CONDITION = AlgebraicClaim(
    id="cor-4.1-condition",
    where="Corollary 4.1",
    text="the printed E_R is below the printed E_wd if and only if the printed condition holds",
    pairings=NO_PAIRING,
    statement=_printed,
    cases=("any",),
    uses_k=False,
    sides=compared_formulas(f.COR_4_1, f.THM_3_4),
)
CONDITION_EXACT = AlgebraicClaim(
    id="cor-4.1-condition/exact",
    where="Corollary 4.1",
    text="the true λ_{k+1} after removal is below the one before iff the printed condition holds",
    statement=_exact,
    cases=("mixed",),
    extra=(*THM_3_4_RANGE, ("k + 1 <= nodes kept", compare(f.k + 1, "<=", KEPT))),
    sides=removal_sides,
    notes={
        "both": (
            "for k ≥ r + 2 removal never pays (λ_{k+1} ≤ (1−α)/c2 before, more after); at "
            "k = r + 1 it pays iff min(μ, class+) exceeds the kept graph's (1−α)/c",
        ),
    },
)

CLAIMS = (COR_4_1, CONDITION, CONDITION_EXACT)
