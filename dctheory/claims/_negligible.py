"""Theorem 4.3's remark: is Eq. 7 alone, without the appendix's margins, enough for large n?

Eq. 7's margin goes on the γ-pairs with both ends difficult. What decides is how many eigenvalues
stay away from zero as n → ∞ at fixed n_d/n = f: with more than r + 1 of them, the next one over
(1−α)/c2 grows like n.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sympy as sp

from dctheory import formulas as f
from dctheory.claims._base import Claim
from dctheory.claims._limits import is_positive, limit, limit_step
from dctheory.claims._model import Family, PencilFamily, above, hypotheses
from dctheory.proof.logic import SYMBOLS, All, Count, Not, compare, homogeneous, smt_query
from dctheory.proof.smt import solve
from dctheory.proof.verdict import Outcome, Step, Verdict

_AT_FULL = dict.fromkeys(("both", "either"), ("at n_d = n the ratio tends to (α+rβ)/(α+rγ) < 1",))
_READING = "Eq. 7 is put on the pairs of weight γ with both ends difficult"
CONDITION = "beta <= 0 and n_d < n"
_CLEAN = f.u / homogeneous(f.THM_3_3.expr)[1]
# A margin is of degree −1 in the weights; `homogeneous` makes it one of degree 0.
_MARGIN = sp.Mul(
    *(part**sign for part, sign in zip(homogeneous(f.EQ_7.expr), (1, -1), strict=True)),
    1 / (f.u + f.beta + f.g + f.h),
)
_ALPHA = f.beta + f.g + f.h
_A = _ALPHA + f.r * f.beta
_FAILS = {"r": 1, "alpha": "3/4", "beta": "1/4", "gamma": "1/2", "n_d/n": "1/2"}


def edited_pencil(pairing: str, sector: str) -> tuple[Any, Any, Any]:
    """Entries ee, ed², dd of a sector of Ā − M̄ with Eq. 7 on difficult-difficult γ-pairs."""
    block = f.block(pairing, sector)
    cross = f.r if sector == "trivial" else -1
    partners = 1 if pairing == "matched" else f.n_d
    margin = block.degree_difficult * _MARGIN
    return (
        block.ee / block.degree_easy,
        block.ed_squared / (block.degree_easy * block.degree_difficult),
        block.dd / block.degree_difficult - cross * partners * margin,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class NegligibleClaim(Claim):
    """The ratio of the largest eigenvalue after the r + 1 leading ones to (1−α)/c2 tends to 1."""

    def _decide(self, pairing: str | None) -> Verdict:
        route = {"both": _both, "matched": _matched, "either": _either}[str(pairing)]
        steps, outcome, note = route()
        steps = (*steps, *_full(str(pairing)))
        if outcome is Outcome.CONDITIONAL:
            holds = {**_FAILS, "beta": "0", "limit": "1"}
            witness: dict[str, Any] = {"holds": holds, "fails": {**_FAILS, "limit": "oo"}}
        else:
            witness = {**_FAILS, "limit": _limit_at_witness(str(pairing))}
        return self._verdict(
            *(pairing, outcome),
            condition=CONDITION if outcome is Outcome.CONDITIONAL else None,
            witness=witness,
            method="symbolic limits" + (" and SMT" if str(pairing) == "both" else ""),
            details=(note, *_AT_FULL.get(str(pairing), ()), _READING),
            steps=steps,
        )


def _require(name: str, value: Any) -> Step:
    """A limit that must be positive for the argument to hold."""
    if not is_positive(value):
        raise ArithmeticError(f"{name}: expected a positive limit, got {value}")
    return limit_step(f"{name} > 0", value)


def _both() -> tuple[tuple[Step, ...], Outcome, str]:
    ee, ed_squared, dd = edited_pencil("both", "trivial")
    # Over β: the determinant's limit vanishes exactly at β = 0.
    det = sp.cancel(limit(ee * dd - ed_squared) / f.beta)
    class_top = limit(edited_pencil("both", "class")[0])
    steps = (
        _require("det of the trivial sector / β", det),
        _require("trace part of the trivial sector", limit(ee)),
        _require("class sector, easy entry", class_top),
        *_without_beta(),
    )
    return (
        steps,
        Outcome.CONDITIONAL,
        "for β > 0, n_d < n: 1, class+ (r times) and a second class-constant mode stay away from "
        "zero, r + 2 in all, so the ratio grows like n; for β = 0 it is 1 at every n with n_e ≥ 2",
    )


def _without_beta() -> tuple[Step, ...]:
    """β = 0: exactly r + 1 eigenvalues above (1−α)/c2, and that value itself is one."""
    zero = {f.beta: sp.Integer(0)}
    block = f.block("both", "trivial")
    alpha = f.g + f.h
    easy, hard = (d.subs(zero) for d in (block.degree_easy, block.degree_difficult))
    # Eq. 7 sets the difficult cross-class entries to β/c2 = 0: both sectors have this pencil.
    ee, ed, dd = f.u + f.n_e * alpha, f.n_e * f.n_d * alpha**2, f.u + f.n_d * alpha
    pencil = f.Block(ee, ed, dd, sp.expand(ee * dd - ed), easy, hard)
    model = (
        PencilFamily(pencil, f.r + 1),
        Family(f.u, easy, (f.r + 1) * (f.n_e - 1)),
        Family(f.u, hard, (f.r + 1) * (f.n_d - 1)),
    )
    statement = All(
        (
            Count(above(model, f.u, easy, strict=True), "==", f.r + 1),
            Count(above(model, f.u, easy, strict=False), ">=", f.r + 2),
        )
    )
    known = [*hypotheses("mixed"), ("n_e >= 2", compare(f.n_e, ">=", 2))]
    known.append(("beta = 0", compare(f.beta, "==", 0)))
    query = smt_query([*known, ("negated claim", Not(statement))], SYMBOLS)
    if solve(query).status != "unsat":
        raise ArithmeticError("the case β = 0 was not proved")
    return (Step("smt", "beta = 0: the ratio is 1", query),)


@lru_cache(maxsize=1)
def _matched_ratio() -> Any:
    block = f.block("matched", "trivial")
    degree = block.degree_difficult
    value = (f.u + f.r * f.g) / degree - f.r * degree * _MARGIN
    return limit(value / _CLEAN)


def _matched() -> tuple[tuple[Step, ...], Outcome, str]:
    excess = sp.factor(_matched_ratio() - 1)
    steps = (
        _require("(matched bulk) / t − 1, f < 1", excess),
        _require("class sector, easy entry", limit(edited_pencil("matched", "class")[0])),
    )
    return (
        steps,
        Outcome.REFUTED,
        "the matched bulk, n_d − 1 times, keeps the share 1 − c0 c2/c1² of r(γ−β): its ratio tends "
        "to a number above 1 for every share f",
    )


def _either() -> tuple[tuple[Step, ...], Outcome, str]:
    ee, ed_squared, dd = edited_pencil("either", "class")
    steps = (
        _require("det of the class sector", limit(ee * dd - ed_squared)),
        _require("class sector, easy entry", limit(ee)),
    )
    return (
        steps,
        Outcome.REFUTED,
        "both class eigenvalues, 2r in all, stay away from zero, so the ratio grows like n",
    )


def _full(pairing: str) -> tuple[Step, ...]:
    """n_d = n: the ratio's limit is c2 over the degree, below 1 except for matched pairs."""
    block = f.block(pairing, "trivial")
    degree = block.degree_difficult.subs(f.n_e, 0)
    ratio = limit((f.u / degree) / _CLEAN.subs(f.n_e, 0), full=True)
    return (limit_step("n_d = n: (1−α)/(difficult degree) over t", ratio),)


def _limit_at_witness(pairing: str) -> str:
    if pairing == "either":
        return "oo"
    point = {f.r: 1, f.u: 1, f.beta: 1, f.g: 1, f.h: 1}
    share = {s: sp.Rational(1, 2) for s in _matched_ratio().free_symbols if s.name in ("f", "e")}
    return str(_matched_ratio().subs({**point, **share}))
