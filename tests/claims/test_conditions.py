"""Statements and exact conditions against brute force at many exact points."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from dctheory.claims._base import AlgebraicClaim
from dctheory.claims.registry import all_claims
from dctheory.proof.expression import parse_condition
from dctheory.proof.logic import compile_exact, gap_point

ALGEBRAIC = {
    claim.id: claim for claim in all_claims().values() if isinstance(claim, AlgebraicClaim)
}
CASES = [
    (name, pairing)
    for name, claim in ALGEBRAIC.items()
    for pairing in claim.pairings
    if name != "thm-3.4/corrected"
]
CONDITIONAL = [
    (name, pairing, condition)
    for name, pairing in CASES
    for condition in ALGEBRAIC[name].conditions.get(pairing, ())
]


def similarities(rng: np.random.Generator) -> dict[str, Fraction]:
    """0 ≤ β < γ < α < 1, often at the ends of that range."""
    q = int(rng.choice([5, 8, 12, 40, 997]))
    beta, gamma, alpha = sorted(rng.choice(q, 3, replace=False).tolist())
    kind = rng.integers(6)
    if kind == 0:
        beta = 0
    elif kind == 1:
        alpha, beta = gamma + 1, 0
    elif kind == 2:
        beta, gamma, alpha = 0, 1, max(2, int(rng.integers(2, q)))
    elif kind == 3:
        beta, gamma, alpha = 0, q - 2, q - 1
    elif kind == 4:
        gamma, alpha = beta + 1, max(beta + 2, q - 1 - int(rng.integers(q // 4)))
    return {
        name: Fraction(top, q) for name, top in (("alpha", alpha), ("beta", beta), ("gamma", gamma))
    }


def graphs(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Every size with r ≤ 4, n ≤ 6 and the extremes of n_d, then random ones."""
    rng = np.random.default_rng(seed)
    sizes = [(r, n, n_d) for r in range(1, 5) for n in range(2, 7) for n_d in {1, n - 1, n} if n_d]
    while len(sizes) < count:
        n = int(rng.integers(2, 7))
        sizes.append((int(rng.integers(1, 5)), n, int(rng.integers(1, n + 1))))
    found = [{"r": r, "n": n, "n_d": n_d, **similarities(rng)} for r, n, n_d in sizes]
    # For `either` both class modes stand ahead of the printed value only if n_d n_e > r n.
    for r, n, n_d in 8 * [(1, 5, 2), (1, 5, 3), (1, 6, 2), (1, 6, 3), (1, 7, 4), (2, 9, 5)]:
        found.append({"r": r, "n": n, "n_d": n_d, **similarities(rng)})
    return found


def compiled(claim: AlgebraicClaim, pairing: str | None) -> Callable[[dict[str, Any]], bool]:
    """The claim's statement at a point, as `AlgebraicClaim.holds` says it."""
    cases = {case: compile_exact(claim.statement(pairing, case)) for case in claim.cases}

    def holds(point: dict[str, Any]) -> bool:
        case = "any" if "any" in cases else "full" if point["n"] == point["n_d"] else "mixed"
        return cases[case](gap_point({"k": 1, **point}))

    return holds


def admitted(claim: AlgebraicClaim, graph: dict[str, Any]) -> list[dict[str, Any]]:
    """The graph with every k that the claim covers."""
    last = graph["n"] * (graph["r"] + 1) if claim.uses_k else 2
    found = ({**graph, "k": k} for k in range(last + 1))
    return [point for point in found if claim.admits(point)]


GRAPHS = graphs(90)


@pytest.mark.parametrize(("name", "pairing"), CASES)
def test_statement_and_condition_are_the_claim(brute, name, pairing):
    claim = ALGEBRAIC[name]
    statement = compiled(claim, pairing)
    conditions = [
        compile_exact(parse_condition(text)) for text in claim.conditions.get(pairing, ())
    ]
    seen = {True: 0, False: 0}
    for point in (each for graph in GRAPHS for each in admitted(claim, graph)):
        expected = brute.claims[name](point, pairing or "both")
        assert statement(point) is expected, point
        for condition in conditions:
            assert condition(gap_point({"k": 1, **point})) is expected, point
        seen[expected] += 1
    assert sum(seen.values()) >= 100
    # Both sides of every condition were met.
    assert not conditions or min(seen.values()) >= 10, seen


def test_every_covered_k_is_admitted_and_no_other():
    theorem, every = ALGEBRAIC["thm-3.4/valid"], ALGEBRAIC["thm-3.3"]
    removal, both = ALGEBRAIC["cor-4.1"], ALGEBRAIC["cor-4.1-condition/exact"]
    for graph in GRAPHS[:80]:
        r, n, n_d = graph["r"], graph["n"], graph["n_d"]
        size, left = n * (r + 1), (n - n_d) * (r + 1)

        def ks(claim: AlgebraicClaim, graph: dict[str, Any] = graph) -> list[int]:
            return [point["k"] for point in admitted(claim, graph)]

        theorem_range = [k for k in range(r + 1, n_d + r + 1) if k + 1 <= size]
        assert ks(theorem) == theorem_range
        assert ks(every) == list(range(1, size))
        assert ks(removal) == list(range(1, left))
        assert ks(both) == [k for k in theorem_range if k + 1 <= left]


@pytest.mark.parametrize(
    "change",
    [
        {"alpha": Fraction(1)},
        {"gamma": Fraction(1, 4)},
        {"gamma": Fraction(1, 2)},
        {"beta": Fraction(-1, 4)},
        {"n_d": 0},
        {"n_d": 5},
        {"n": 1, "n_d": 1},
        {"r": 0},
    ],
)
def test_hypotheses_exclude_what_is_not_admissible(change):
    point = {"r": 1, "n": 4, "n_d": 2, "alpha": Fraction(1, 2), "beta": Fraction(1, 4)}
    point |= {"gamma": Fraction(1, 3), "k": 2}
    for claim in ALGEBRAIC.values():
        assert claim.admits(point), claim.id
        assert not claim.admits({**point, **change}), claim.id


@pytest.mark.parametrize("name", ["thm-4.5/match", "thm-4.5-rates", "thm-4.5-condition"])
def test_claims_that_divide_by_beta_need_it(name):
    point = {"r": 1, "n": 3, "n_d": 2, "alpha": Fraction(1, 2), "gamma": Fraction(1, 3)}
    assert ALGEBRAIC[name].admits({**point, "beta": Fraction(1, 9)})
    assert not ALGEBRAIC[name].admits({**point, "beta": Fraction(0)})


@pytest.mark.parametrize("name", ["thm-3.3", "thm-3.4/harm", "cor-4.1", "thm-4.5-rates"])
def test_holds_is_the_compiled_statement(name):
    claim = ALGEBRAIC[name]
    pairing = claim.pairings[-1]
    statement = compiled(claim, pairing)
    points = [point for graph in GRAPHS[::12] for point in admitted(claim, graph)[-2:]]
    for point in points:
        assert claim.holds(pairing, point) is statement(point)
    assert points


@pytest.mark.slow
@pytest.mark.parametrize(("name", "pairing", "condition"), CONDITIONAL)
def test_the_condition_is_the_claim_at_many_points(brute, name, pairing, condition):
    claim = ALGEBRAIC[name]
    condition_holds = compile_exact(parse_condition(condition))
    for graph in graphs(2000, seed=1):
        for point in admitted(claim, graph):
            expected = brute.claims[name](point, pairing or "both")
            assert condition_holds(gap_point({"k": 1, **point})) is expected, point
