"""No smaller graph is a counterexample: the solver says so for all real similarities."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dctheory import formulas as f
from dctheory.claims import _model
from dctheory.claims._base import AlgebraicClaim
from dctheory.claims.registry import all_claims
from dctheory.proof.logic import SYMBOLS, Not, Some, compare, smt_query
from dctheory.proof.search import sizes
from dctheory.proof.smt import solve
from dctheory.proof.verdict import Outcome

ALGEBRAIC = [
    (claim, pairing)
    for claim in all_claims().values()
    if isinstance(claim, AlgebraicClaim)
    for pairing in claim.pairings
]


def smaller_sizes(claim: AlgebraicClaim, nodes: int) -> Iterator[dict[str, int]]:
    for _, found in sizes(nodes - 1):
        yield from (size for size in found if claim.uses_k or size["k"] == 1)


def is_positive_semidefinite(pairing: str | None, case: str) -> Any:
    readings = (pairing,) if pairing else ("both", "matched", "either")
    return Some(tuple(_model.positive_semidefinite(reading, case) for reading in readings))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("claim", "pairing"), ALGEBRAIC, ids=[f"{claim.id}-{pairing}" for claim, pairing in ALGEBRAIC]
)
def test_no_smaller_counterexample(claim: AlgebraicClaim, pairing: str | None) -> None:
    verdict = claim.check(pairing)
    if verdict.outcome is Outcome.PROVED:
        pytest.skip("proved: there is no counterexample")
    witness: Any = verdict.witness
    witness = witness.get("fails", witness)
    nodes = witness["n"] * (witness["r"] + 1)
    psd = any("graph is positive semidefinite" in sentence for sentence in verdict.details)
    for size in smaller_sizes(claim, nodes):
        shape = "mixed" if size["n_d"] < size["n"] else "full"
        case = "any" if claim.cases == ("any",) else shape
        if case not in claim.cases:
            continue
        fixed = [
            (name, compare(symbol, "==", value))
            for name, symbol, value in (
                ("r", f.r, size["r"]),
                ("n_d", f.n_d, size["n_d"]),
                ("n_e", f.n_e, size["n"] - size["n_d"]),
                ("k", f.k, size["k"]),
            )
        ]
        known = [*_model.hypotheses(case), *claim.extra, *fixed]
        if psd:
            known.append(("psd", is_positive_semidefinite(pairing, shape)))
        goal = ("fails", Not(claim.statement(pairing, case)))
        assert solve(smt_query([*known, goal], SYMBOLS)).status == "unsat", size
