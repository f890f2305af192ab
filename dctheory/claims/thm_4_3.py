"""Theorem 4.3: margins that turn the graph into the clean one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from dctheory import formulas as f
from dctheory.claims._base import AlgebraicClaim
from dctheory.claims._identity import IdentityClaim
from dctheory.claims._negligible import NegligibleClaim
from dctheory.proof.logic import Statement, signed

WHERE = "Theorem 4.3"


def difficult_pair(pairing: str) -> f.PairKind:
    """The kind of cross-class pairs with both ends difficult and weight γ."""
    return next(
        kind
        for kind in f.pair_kinds(pairing)
        if kind.weight == f.gamma and kind.ends == ("difficult", "difficult")
    )


def _value(pairing: str | None, case: str) -> Statement:
    needed = f.margin_entry(str(pairing), difficult_pair(str(pairing)))
    return signed(needed.expr - f.EQ_7.expr, "==")


def full_margins(pairing: str | None) -> Mapping[str, tuple[Any, Any]]:
    """Ā − M̄ is the clean Ā, for every kind of pair, in both conventions of the weights."""
    found = {}
    for kind in f.pair_kinds(str(pairing)):
        first, second = (f.degree(str(pairing), end).expr for end in kind.ends)
        root = first if kind.ends[0] == kind.ends[1] else sp.sqrt(first * second)
        goal = kind.clean / f.C2.expr
        raw = f.margin_entry(str(pairing), kind).expr
        found[kind.name] = (kind.weight / root - root * raw, goal)
        # Weights w/W have marginals d/W; the margin is W times as large.
        total = f.total_weight(str(pairing)).expr
        scaled = f.margin_entry(str(pairing), kind, normalized=True).expr
        found[f"{kind.name}, weights that sum to 1"] = (
            kind.weight / root - root / total * scaled,
            goal,
        )
    return found


VALUE = AlgebraicClaim(
    id="thm-4.3/value",
    where="Theorem 4.3, Eq. 7",
    text="Eq. 7 is the margin that turns Ā's entry into the clean one on difficult cross pairs",
    statement=_value,
    cases=("any",),
    uses_k=False,
    conditions={"matched": ("n_d <= 1",), "either": ("n_d >= n",)},
    notes={
        "both": ("D are raw row sums; a sampled loss, whose weights sum to 1, needs W times this",),
        "matched": (
            "a matched pair has degrees c2 + r(γ−β), not c1; a sampled loss needs W times its own",
        ),
        "either": (
            "both-difficult pairs have degrees c2 + n r(γ−β), not c1; easy-difficult pairs, also "
            "of weight γ, need √ of the product of both degrees; a sampled loss needs W times that",
        ),
    },
)
EQUAL = IdentityClaim(
    id="thm-4.3/equal",
    where=WHERE,
    text="with the full margin matrix Ā − M̄ is the clean Ā, so that E_M = E_wo",
    identities=full_margins,
    notes=dict.fromkeys(
        f.PAIRINGS,
        (
            "every kind of pair needs its margin (self, same class, cross class), also easy ones "
            "where degrees differ; see dctheory.formulas.margin_entry",
        ),
    ),
)
NEGLIGIBLE = NegligibleClaim(
    id="thm-4.3/negligible",
    where=WHERE,
    text="with Eq. 7 alone the largest eigenvalue after the r+1 leading ones, over (1−α)/c2, "
    "tends to 1 as n grows at fixed n_d/n",
)

CLAIMS = (VALUE, EQUAL, NEGLIGIBLE)
