"""False neighbours of the polynomial claims: none of them may come out PROVED or CONDITIONAL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
import sympy as sp

from dctheory import formulas as f
from dctheory.claims import cor_4_1, thm_3_4, thm_4_5
from dctheory.claims._base import AlgebraicClaim
from dctheory.claims._model import above, clean_model, eigenvalue_is, graph_model, substituted
from dctheory.claims.registry import all_claims
from dctheory.proof.expression import parse_condition
from dctheory.proof.logic import (
    All,
    Count,
    Some,
    Statement,
    compare,
    compile_exact,
    gap_point,
    homogeneous,
    iff,
    implies,
    signed,
)
from dctheory.proof.verdict import Outcome

ALL = f.n_e + f.n_d
# Vanishes at every n that the search can reach (N ≤ 12), and at none beyond.
SMALL_SIZES = sp.prod(f.n - i for i in range(2, 7))
LARGE = {"r": 2, "n": 2000, "n_d": 700, "alpha": Fraction(7, 10), "beta": Fraction(1, 10)}
LARGE |= {"gamma": Fraction(3, 10)}

# There the printed condition on n_d holds by less than what it leaves out.
LARGE_FOR_THE_CONDITION = {"r": 1, "n": 241, "n_d": 7, "alpha": Fraction(9, 11)}
LARGE_FOR_THE_CONDITION |= {"beta": Fraction(7, 11), "gamma": Fraction(8, 11)}

Change = Callable[[AlgebraicClaim], dict[str, Any]]


def statement(build: Callable[[str, str], Statement]) -> Change:
    return lambda claim: {"statement": lambda pairing, case: build(str(pairing), case)}


def about_graph(relation: str, expr: Any) -> Change:
    """λ_{k+1} relation expr."""
    return statement(
        lambda pairing, case: eigenvalue_is(
            graph_model(pairing, case), relation, *homogeneous(expr)
        )
    )


def about_clean(relation: str, expr: Any, size: Any = ALL) -> Change:
    return statement(
        lambda pairing, case: eigenvalue_is(clean_model(size), relation, *homogeneous(expr))
    )


def about_number(expr: Any, op: str) -> Change:
    return statement(lambda pairing, case: signed(expr, op))


def conditions(*texts: str) -> Change:
    return lambda claim: {"conditions": dict.fromkeys(claim.pairings, texts)}


def extended(text: str) -> Change:
    """Each exact condition with something more."""
    return lambda claim: {
        "conditions": {
            pairing: tuple(f"({condition}) {text}" for condition in known)
            for pairing, known in claim.conditions.items()
        }
    }


def only_small(claim: AlgebraicClaim) -> dict[str, Any]:
    """The claim, and that n is at most 40."""
    return {
        "statement": lambda pairing, case: All(
            (claim.statement(pairing, case), compare(ALL, "<=", 40))
        )
    }


def only_required_when_large(claim: AlgebraicClaim) -> dict[str, Any]:
    """The (false) claim for n above 40 alone."""
    return {
        "statement": lambda pairing, case: implies(
            compare(ALL, ">", 40), claim.statement(pairing, case)
        )
    }


def printed(*, n: Any = f.n, self_gap: Any = 1 - f.alpha, sign: int = 1) -> Any:
    """Theorem 3.4's eigenvalue with parts changed."""
    c2 = self_gap + n * (f.alpha + f.r * f.beta)
    top = (1 - f.alpha) + sign * f.r * (f.gamma - f.beta)
    return top / (c2 + f.n_d * f.r * (f.gamma - f.beta))


def number_above(number: Any) -> Change:
    """How many eigenvalues lie above t."""

    def build(pairing: str, case: str) -> Statement:
        model = graph_model(pairing, case)
        count = Count(above(model, *thm_3_4.CLEAN, strict=True), "==", number)
        return Some((compare(f.n_e, "==", 0), count))

    return statement(build)


def at_equal_similarities(relation: str, expr: Any) -> Change:
    equal = {f.g: sp.Integer(0), f.h: f.g + f.h}
    return statement(
        lambda pairing, case: eigenvalue_is(
            substituted(graph_model(pairing, case), equal), relation, *homogeneous(expr)
        )
    )


def removal(threshold: Any) -> Change:
    """cor-4.1-condition with another threshold."""
    return statement(
        lambda pairing, case: iff(
            signed(f.THM_3_4.expr - f.COR_4_1.expr, ">"), signed(f.gamma - f.beta - threshold, ">")
        )
    )


def removal_exact(relation: str) -> Change:
    return statement(
        lambda pairing, case: iff(
            eigenvalue_is(graph_model(pairing, case), relation, *cor_4_1.REMOVED),
            signed(f.gamma - f.beta - f.COR_4_1_CONDITION.expr, ">"),
        )
    )


def needed_margin(expr: Any) -> Change:
    def build(pairing: str, case: str) -> Statement:
        degree = f.degree(pairing, "difficult").expr
        needed = f.gamma / degree**2 - f.beta / (f.C2.expr * degree)
        return signed(needed - expr, "==")

    return statement(build)


def needed_temperature(expr: Any) -> Change:
    def build(pairing: str, case: str) -> Statement:
        degree = f.degree(pairing, "difficult").expr
        return signed(expr * f.gamma / degree - f.beta / f.C2.expr, "==")

    return statement(build)


def rates(*, square: Any = 1, inverse: Any = 1) -> Change:
    """thm-4.5-rates with its constants multiplied."""

    def build(pairing: str, case: str) -> Statement:
        without = thm_4_5.bound_shape(1, f.THM_3_3.expr)
        tempered = thm_4_5.bound_shape(f.THM_4_5_FACTOR.expr, f.THM_3_3.expr) / without - 1
        harmed = thm_4_5.bound_shape(1, f.THM_3_4.expr) / without - 1
        first = (f.n_d / f.n) ** 2 * (f.gamma**2 - f.beta**2) / f.beta**2
        a = f.alpha + f.r * f.beta
        second = f.r * (f.gamma - f.beta) * (1 + a) / (f.n * a**2)
        return All(
            (signed(square * first - tempered, ">="), signed(inverse * second - harmed, ">="))
        )

    return statement(build)


def temperature_condition(scale: Any, op: str = ">") -> Change:
    def build(pairing: str, case: str) -> Statement:
        premise = signed(scale * f.THM_4_5_CONDITION.expr * f.n - f.n_d**2, ">")
        better = (1 - f.THM_3_3.expr) - f.THM_4_5_FACTOR.expr * (1 - f.THM_3_4.expr)
        return implies(premise, signed(better, op))

    return statement(build)


CLEAN, HARMED, REMOVED = f.THM_3_3.expr, f.THM_3_4.expr, f.COR_4_1.expr
NEARLY = 1 + SMALL_SIZES

# Identifier, reading, name of the mutant, what is changed.
MUTANTS: list[tuple[str, str | None, str, Change]] = [
    ("thm-3.3", None, "n + 1 for n", about_clean("<=", CLEAN.subs(f.n, f.n + 1))),
    ("thm-3.3", None, "turned", about_clean(">", CLEAN)),
    ("thm-3.3", None, "condition off by one", conditions("k >= r")),
    ("thm-3.4/equal", "both", "constant dropped", about_graph("==", printed(self_gap=0))),
    ("thm-3.4/equal", "matched", "sign flipped", about_graph("==", printed(sign=-1))),
    ("thm-3.4/equal", "either", "not equal", about_graph("<", HARMED)),
    ("thm-3.4/valid", "both", "turned", about_graph(">=", HARMED)),
    ("thm-3.4/valid", "either", "sign flipped", about_graph("<=", printed(sign=-1))),
    ("thm-3.4/valid", "matched", "n + 1 for n", about_graph("<=", printed(n=f.n + 1))),
    ("thm-3.4/harm", "both", "condition without n_d < n", conditions("k <= r + 1")),
    ("thm-3.4/harm", "both", "condition off by one", conditions("n_d < n and k <= r + 2")),
    ("thm-3.4/harm", "matched", "turned", about_graph("<", CLEAN)),
    ("thm-3.4/harm", "either", "not strict", about_graph(">=", CLEAN)),
    ("thm-3.4/corrected", "both", "one fewer above t", number_above(f.r + 1)),
    ("thm-3.4/corrected", "matched", "n_d for n_d + 1", number_above(f.n_d + f.r)),
    ("thm-3.4/corrected", "either", "one more above t", number_above(f.r + 2)),
    ("disc-a", None, "sign flipped", about_number(printed(sign=-1) - CLEAN, ">")),
    ("disc-a", None, "turned", about_number(HARMED - CLEAN, "<=")),
    ("disc-a", None, "condition not strict", conditions("c2 >= n_d*(1 - alpha)")),
    ("disc-a/exact", "both", "n for n_d", conditions("n_d <= n and k <= r + 1")),
    ("disc-a/exact", "either", "turned", about_graph("<=", CLEAN)),
    ("disc-b", None, "falls", about_number(sp.diff(HARMED, f.gamma), "<")),
    ("disc-b", None, "condition without n_d", conditions("c2 > 1 - alpha")),
    ("disc-c", None, "constant dropped", about_number(printed(self_gap=0) - CLEAN, "==")),
    ("disc-c", None, "n - 1 for n", about_number(CLEAN - CLEAN.subs(f.n, f.n - 1), "==")),
    ("disc-c/exact", "both", "turned", at_equal_similarities("<", CLEAN)),
    ("disc-c/exact", "matched", "n - 1", at_equal_similarities("==", CLEAN.subs(f.n, f.n - 1))),
    ("cor-4.1", None, "one kept too many", about_clean("<=", CLEAN, f.n_e)),
    ("cor-4.1", None, "strict", about_clean("<", REMOVED, f.n_e)),
    ("cor-4.1", None, "condition off by one", conditions("k >= r")),
    ("cor-4.1-condition", None, "γ for β", removal(f.COR_4_1_CONDITION.expr.subs(f.gamma, f.beta))),
    ("cor-4.1-condition", None, "r dropped", removal(f.COR_4_1_CONDITION.expr * f.r)),
    ("cor-4.1-condition/exact", "both", "turned", removal_exact("<")),
    ("cor-4.1-condition/exact", "either", "not strict", removal_exact(">=")),
    ("thm-4.3/value", "both", "c0 with n", needed_margin(f.EQ_7.expr * f.C2.expr / f.C0.expr)),
    ("thm-4.3/value", "both", "c1 once", needed_margin(f.EQ_7.expr * f.C1.expr)),
    ("thm-4.3/value", "matched", "condition off by one", conditions("n_d <= 2")),
    (
        "thm-4.5/match",
        "both",
        "c2 and c1 swapped",
        needed_temperature(f.C2.expr / f.C1.expr * f.beta / f.gamma),
    ),
    ("thm-4.5/match", "both", "γ/β", needed_temperature(f.C1.expr / f.C2.expr * f.gamma / f.beta)),
    ("thm-4.5/match", "either", "condition turned", conditions("n_d < n")),
    ("thm-4.5-rates", None, "a sixth of the square", rates(square=sp.Rational(1, 6))),
    ("thm-4.5-rates", None, "1/n² for 1/n", rates(inverse=1 / f.n)),
    ("thm-4.5-condition", None, "turned", temperature_condition(1, "<")),
    ("thm-4.5-condition", None, "β for β²", temperature_condition(1 / f.beta)),
]

# True wherever the search looks, false at LARGE.
MUTANTS_OF_LARGE_SIZE: list[tuple[str, str | None, str, Change]] = [
    ("thm-3.3", None, "slack that n uses up", about_clean("<=", CLEAN * (1 + (40 - f.n) / 100))),
    ("thm-3.4/equal", "both", "for n > 40", only_required_when_large),
    ("thm-3.4/valid", "both", "slack", about_graph("<=", HARMED * (2000 - f.n) / 10)),
    ("thm-3.4/harm", "matched", "slack", about_graph(">", CLEAN * (f.n - 40) / 10)),
    ("thm-3.4/corrected", "both", "only n ≤ 40", only_small),
    ("thm-3.4/corrected", "matched", "only n ≤ 40", only_small),
    ("thm-3.4/corrected", "either", "only n ≤ 40", only_small),
    ("disc-a", None, "slack", about_number(HARMED * (1 + (40 - f.n)) - CLEAN / 1000, ">")),
    ("disc-a/exact", "both", "condition for n ≤ 40", extended("and n <= 40")),
    ("disc-b", None, "condition for n ≤ 40", extended("and n <= 40")),
    ("disc-c", None, "n ≤ 6", about_number(CLEAN * SMALL_SIZES, "==")),
    ("disc-c/exact", "both", "n ≤ 6", at_equal_similarities("==", CLEAN * NEARLY)),
    ("cor-4.1", None, "condition for n ≤ 40", extended("and n <= 40")),
    ("cor-4.1-condition", None, "n ≤ 6", removal(f.COR_4_1_CONDITION.expr * NEARLY)),
    ("cor-4.1-condition/exact", "both", "for n > 40", only_required_when_large),
    ("thm-4.3/value", "both", "n ≤ 6", needed_margin(f.EQ_7.expr * NEARLY)),
    ("thm-4.5/match", "both", "n ≤ 6", needed_temperature(f.THM_4_5_TAU.expr * NEARLY)),
    ("thm-4.5-rates", None, "slack", rates(inverse=(1000 - f.n) / 900)),
    ("thm-4.5-condition", None, "for n > 40", only_required_when_large),
]


def identifiers(mutants: list[tuple[str, str | None, str, Change]]) -> list[str]:
    return [f"{claim}-{pairing}-{name}" for claim, pairing, name, _ in mutants]


def test_every_polynomial_claim_has_two_mutants_and_one_of_large_size():
    wanted = {c.id for c in all_claims().values() if isinstance(c, AlgebraicClaim)}
    names = [claim for claim, *_ in MUTANTS]
    assert set(names) == wanted
    assert min(names.count(name) for name in wanted) >= 2
    assert {claim for claim, *_ in MUTANTS_OF_LARGE_SIZE} == wanted


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(("claim", "pairing", "name", "change"), MUTANTS, ids=identifiers(MUTANTS))
def test_a_mutant_is_not_proved(claim, pairing, name, change):
    original = all_claims()[claim]
    mutant = replace(original, sides=None, limits=(12, 8), **change(original))
    verdict = mutant.check(pairing)
    assert verdict.outcome is Outcome.REFUTED
    witness = verdict.witness
    point = {key: Fraction(value) for key, value in witness.items()}
    assert mutant.admits(point)
    assert not mutant.holds(pairing, point)


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(
    ("claim", "pairing", "name", "change"),
    MUTANTS_OF_LARGE_SIZE,
    ids=identifiers(MUTANTS_OF_LARGE_SIZE),
)
def test_what_the_search_cannot_find_is_not_proved(claim, pairing, name, change):
    original = all_claims()[claim]
    changed = change(original)
    mutant = replace(original, sides=None, limits=(12, 8), **changed)
    verdict = mutant.check(pairing)
    if "conditions" in changed:
        # Right at every point of the search, wrong at a large one.
        point = {**LARGE, "n_d": 500, "k": LARGE["r"] + 1}
        (condition,) = changed["conditions"][pairing]
        holds = compile_exact(parse_condition(condition))
        assert original.holds(pairing, point) is not holds(gap_point(point))
        assert verdict.outcome is Outcome.REFUTED
        return
    point = LARGE_FOR_THE_CONDITION if claim == "thm-4.5-condition" else LARGE
    point = {**point, "k": point["r"] + 2}
    assert mutant.admits(point)
    assert not mutant.holds(pairing, point)
    if original.conditions.get(pairing):
        # The original fails at small sizes too, outside of its condition.
        assert verdict.outcome is not Outcome.PROVED
        assert verdict.outcome is not Outcome.CONDITIONAL
    else:
        assert verdict.outcome is Outcome.UNDECIDED
