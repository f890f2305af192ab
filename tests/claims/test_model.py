"""λ_{k+1} as a count of modes, against the eigenvalues of the matrix itself."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from dctheory import formulas as f
from dctheory.claims._model import (
    clean_model,
    eigenvalue_is,
    graph_model,
    positive_semidefinite,
    substituted,
)
from dctheory.proof.logic import compile_exact, gap_point

PAIRINGS = ("both", "matched", "either")
RELATIONS = ("<=", "<", ">", ">=", "==")


def points(seed: int, count: int) -> list[dict]:
    rng = np.random.default_rng(seed)
    found = []
    for index in range(count):
        q = int(rng.choice([4, 7, 30]))
        beta, gamma, alpha = sorted(rng.choice(q, 3, replace=False).tolist())
        n = int(rng.integers(2, 6))
        found.append(
            {
                "r": int(rng.integers(1, 4)),
                "n": n,
                "n_d": n if index % 3 == 0 else int(rng.integers(1, n)),
                "alpha": Fraction(alpha, q),
                "beta": Fraction(beta, q),
                "gamma": Fraction(gamma, q),
            }
        )
    return found


def case_of(point: dict) -> str:
    return "full" if point["n"] == point["n_d"] else "mixed"


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize("pairing", PAIRINGS)
def test_an_eigenvalue_is_compared_as_the_matrix_says(brute, pairing, relation):
    # t = 1/7, and (1−α)/c2, which is an eigenvalue of many of these graphs.
    thresholds = [
        ((sp.Integer(1), sp.Integer(7)), lambda point: Fraction(1, 7)),
        (
            (f.u, f.u + (f.n_e + f.n_d) * (f.beta + f.g + f.h + f.r * f.beta)),
            lambda point: brute.printed(point).without,
        ),
    ]
    for (top, bottom), number in thresholds:
        holds = {
            case: compile_exact(eigenvalue_is(graph_model(pairing, case), relation, top, bottom))
            for case in ("mixed", "full")
        }
        for point in points(seed=3, count=30):
            graph = brute.spectrum(point, pairing)
            for k in range(1, graph.size):
                expected = brute.compare_eigenvalue(graph, k, relation, number(point))
                assert holds[case_of(point)](gap_point({**point, "k": k})) is expected, (point, k)


def test_the_clean_model_is_the_graph_without_difficult_pairs(brute):
    holds = {
        relation: compile_exact(
            eigenvalue_is(clean_model(f.n_e + f.n_d), relation, sp.Integer(1), sp.Integer(5))
        )
        for relation in RELATIONS
    }
    for point in points(seed=4, count=30):
        graph = brute.spectrum(brute.clean(point), "both")
        for k, relation in itertools.product(range(1, graph.size), RELATIONS):
            expected = brute.compare_eigenvalue(graph, k, relation, Fraction(1, 5))
            assert holds[relation](gap_point({**point, "k": k})) is expected, (point, k)


@pytest.mark.parametrize("case", ["mixed", "full"])
@pytest.mark.parametrize("pairing", PAIRINGS)
def test_multiplicities_sum_to_the_number_of_nodes(pairing, case):
    total = 0
    for family in graph_model(pairing, case):
        total += family.multiplicity * (2 if hasattr(family, "block") else 1)
    nodes = (f.r + 1) * (f.n_d if case == "full" else f.n_e + f.n_d)
    assert sp.expand(total - nodes) == 0


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_positive_semidefinite_means_no_negative_eigenvalue(brute, pairing):
    holds = {
        case: compile_exact(positive_semidefinite(pairing, case)) for case in ("mixed", "full")
    }
    seen = set()
    # γ close to α breaks `both` and `either`, γ − β > 1 − α breaks `matched`.
    extremes = [
        {"r": r, "n": 3, "n_d": n_d, "alpha": a, "beta": Fraction(0), "gamma": g}
        for r, n_d in itertools.product((1, 3), (1, 2, 3))
        for a, g in (
            (Fraction(1, 3), Fraction(1, 6)),
            (Fraction(9, 10), Fraction(8, 10)),
            (Fraction(1, 2), Fraction(1, 100)),
        )
    ]
    for point in [*points(seed=5, count=60), *extremes]:
        graph = brute.spectrum(point, pairing)
        expected = graph.at_least(Fraction(0)) == graph.size
        assert holds[case_of(point)](gap_point({**point, "k": 1})) is expected, point
        seen.add(expected)
    assert seen == {True, False}


def test_substitution_reaches_every_part_of_a_mode():
    doubled = {s: 2 * s for s in (f.u, f.beta, f.g, f.h)}
    before, after = (
        graph_model("either", "mixed"),
        substituted(graph_model("either", "mixed"), doubled),
    )
    for one, two in zip(before, after, strict=True):
        assert one.multiplicity == two.multiplicity
        if hasattr(one, "block"):
            assert sp.expand(two.block.det - 4 * one.block.det) == 0
            assert sp.expand(two.block.ee - 2 * one.block.ee) == 0
        else:
            gap = two.numerator * one.denominator - one.numerator * two.denominator
            assert sp.expand(gap) == 0
