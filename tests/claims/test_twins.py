"""Rewritten but equal claims come out as they were."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from random import Random

import pytest
import sympy as sp

from dctheory import formulas as f
from dctheory.claims._model import (
    Family,
    PencilFamily,
    clean_model,
    eigenvalue_is,
    graph_model,
    substituted,
)
from dctheory.claims.registry import all_claims
from dctheory.proof.exact import ExactSpectrum
from dctheory.proof.logic import All, Not, Some, homogeneous, iff, signed

PAIRINGS = ("both", "matched", "either")
# A positive weight of self-similarity changes every weight, and no eigenvalue of Ā.
SCALED = {each: 3 * each for each in (f.u, f.beta, f.g, f.h)}


def summary(verdict) -> tuple:
    return verdict.outcome, verdict.condition, verdict.witness


def swapped(model):
    """The two kinds of node in the other order."""

    def turn(block: f.Block) -> f.Block:
        return f.Block(
            block.dd,
            block.ed_squared,
            block.ee,
            block.det,
            block.degree_difficult,
            block.degree_easy,
        )

    families = [
        PencilFamily(turn(each.block), each.multiplicity)
        if isinstance(each, PencilFamily)
        else each
        for each in model
    ]
    return tuple(reversed(families))


def multiplied(model):
    """Numerators and denominators with a common positive factor."""
    factor = f.u + f.n_d * f.g
    return tuple(
        Family(each.numerator * factor, each.denominator * factor, each.multiplicity)
        if isinstance(each, Family)
        else each
        for each in model
    )


def rewritten(model):
    """The same polynomials, multiplied out."""
    return tuple(
        Family(*(sp.expand(part) for part in (each.numerator, each.denominator, each.multiplicity)))
        if isinstance(each, Family)
        else each
        for each in model
    )


TWINS = {
    "scaled weights": lambda model: substituted(model, SCALED),
    "kinds in the other order": swapped,
    "positive factor": multiplied,
    "multiplied out": rewritten,
}


MODELS = [
    pytest.param(
        *(pairing, twin),
        marks=[pytest.mark.slow] if (pairing, twin) == ("either", swapped) else [],
        id=f"{pairing}-{twin_name}",
    )
    for pairing in PAIRINGS
    for twin_name, twin in TWINS.items()
]


@pytest.mark.parametrize(("pairing", "twin"), MODELS)
def test_the_model_may_be_written_otherwise(verdict_of, pairing, twin):
    threshold = homogeneous(f.THM_3_3.expr)
    claim = replace(
        all_claims()["thm-3.4/harm"],
        statement=lambda reading, case: eigenvalue_is(
            twin(graph_model(reading, case)), ">", *threshold
        ),
    )
    assert summary(claim.check(pairing)) == summary(verdict_of("thm-3.4/harm", pairing))


FORMULAS = {
    "expanded": sp.expand,
    "together": sp.together,
    "factored": sp.factor,
    "positive factor": lambda expr: sp.Mul(
        sp.fraction(sp.together(expr))[0] * (1 + f.r),
        1 / sp.expand(sp.fraction(sp.together(expr))[1] * (1 + f.r)),
        evaluate=False,
    ),
    "one over its inverse": lambda expr: 1 / sp.expand(1 / expr),
}


@pytest.mark.parametrize("twin", FORMULAS.values(), ids=FORMULAS)
def test_a_printed_eigenvalue_may_be_written_otherwise(verdict_of, twin):
    expr = twin(f.THM_3_3.expr)
    clean = replace(
        all_claims()["thm-3.3"],
        statement=lambda *_: eigenvalue_is(clean_model(f.n_e + f.n_d), "<=", *homogeneous(expr)),
    )
    assert summary(clean.check(None)) == summary(verdict_of("thm-3.3"))
    worse = replace(
        all_claims()["disc-a"],
        statement=lambda *_: signed(twin(f.THM_3_4.expr) - expr, ">"),
    )
    assert summary(worse.check(None)) == summary(verdict_of("disc-a"))


@pytest.mark.parametrize("twin", FORMULAS.values(), ids=FORMULAS)
def test_the_condition_of_the_corollary_may_be_written_otherwise(verdict_of, twin):
    def statement(pairing, case):
        left = signed(twin(f.THM_3_4.expr) - twin(f.COR_4_1.expr), ">")
        return iff(left, signed(f.gamma - f.beta - twin(f.COR_4_1_CONDITION.expr), ">"))

    claim = replace(all_claims()["cor-4.1-condition"], statement=statement)
    assert summary(claim.check(None)) == summary(verdict_of("cor-4.1-condition"))


LOGIC = {
    "twice denied": lambda statement: Not(Not(statement)),
    "said twice": lambda statement: All((statement, statement)),
    "or itself": lambda statement: Some((statement, statement)),
    "by contradiction": lambda statement: Not(Some((Not(statement),))),
}


@pytest.mark.parametrize("twin", LOGIC.values(), ids=LOGIC)
@pytest.mark.parametrize(
    ("name", "pairing"),
    [
        ("thm-3.4/corrected", "matched"),
        ("disc-c/exact", "both"),
        ("thm-4.5/match", "either"),
        ("thm-3.4/equal", "both"),
    ],
)
def test_a_statement_may_be_said_otherwise(verdict_of, name, pairing, twin):
    original = all_claims()[name]
    claim = replace(original, statement=lambda *args: twin(original.statement(*args)))
    assert summary(claim.check(pairing)) == summary(verdict_of(name, pairing))


CONDITIONS = {
    "thm-3.3": "not k < r + 1",
    "disc-a": "0 < 3*c2 - 3*n_d*(1 - alpha)",
    "disc-b": "c2*c2 > c2*n_d*(1 - alpha)",
    "cor-4.1": "r + 1 <= k",
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_condition_may_be_written_otherwise(verdict_of, name):
    claim = replace(all_claims()[name], conditions={None: (CONDITIONS[name],)})
    verdict = claim.check(None)
    assert verdict.outcome is verdict_of(name).outcome
    assert verdict.witness == verdict_of(name).witness


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_classes_and_nodes_may_be_relabelled(brute, pairing):
    point = {"r": 2, "n": 3, "n_d": 2, "alpha": Fraction(3, 4), "beta": Fraction(1, 8)}
    matrix = brute.adjacency({**point, "gamma": Fraction(1, 2)}, pairing)
    order = list(range(len(matrix)))
    Random(0).shuffle(order)
    shuffled = ExactSpectrum([[3 * matrix[x][y] for y in order] for x in order])
    straight = ExactSpectrum(matrix)
    for threshold in (Fraction(i, 60) for i in range(-20, 61)):
        assert shuffled.above(threshold) == straight.above(threshold)
        assert shuffled.at_least(threshold) == straight.at_least(threshold)
