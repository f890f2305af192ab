"""Verdicts made to mislead or to exhaust a recheck, with a digest that fits."""

from __future__ import annotations

import copy
from typing import Any

import pytest

import dctheory
from dctheory.proof.expression import parse_condition
from dctheory.proof.logic import Count, compile_exact
from dctheory.proof.smt import solve
from dctheory.proof.verdict import Verdict, digest


def signed(data: dict[str, Any]) -> dict[str, Any]:
    content = {key: value for key, value in data.items() if key not in ("seconds", "digest")}
    return {**data, "digest": digest(content)}


@pytest.fixture(scope="module")
def relaxation() -> dict[str, Any]:
    return dctheory.verify("relaxation", "matched")["relaxation", "matched"].to_dict()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("details", ["one semicircle fits perfectly"]),
        ("condition", "n > 1"),
        ("method", "proof"),
        ("outcome", "PROVED"),
    ],
)
def test_a_sampled_verdict_says_no_more_than_its_figures(
    relaxation: dict[str, Any], field: str, value: Any
) -> None:
    assert dctheory.recheck(relaxation).ok
    assert not dctheory.recheck(signed({**relaxation, field: value})).ok


def test_sampled_figures_and_outliers_are_compared(relaxation: dict[str, Any]) -> None:
    for key, value in (("outliers", "none"), ("semicircle", "1.0%")):
        altered = copy.deepcopy(relaxation)
        altered["steps"][0]["content"]["raw"][key] = value
        assert not dctheory.recheck(signed(altered)).ok


@pytest.mark.parametrize(
    "condition", ["((c1**4)**4) > 0", "c1**n > 0", "*".join(["c1"] * 9) + " > 0"]
)
def test_a_condition_of_a_huge_degree_is_refused_at_once(condition: str) -> None:
    with pytest.raises(ValueError, match="degree"):
        parse_condition(condition)


def test_a_huge_witness_is_refused_before_its_matrix_is_built() -> None:
    for claim in ("thm-3.4/equal", "disc-b/exact"):
        data = dctheory.verify(claim, "both")[claim, "both"].to_dict()
        data["witness"]["n"] = 10**6
        result = dctheory.recheck(signed(data))
        assert not result.ok
        assert "search" in result.problems[0]


def test_a_short_time_limit_ends() -> None:
    query = "(set-logic QF_NRA)(declare-fun x () Real)(assert (> (* x x) 2))(check-sat)"
    assert solve(query, 0.001).status in ("sat", "unknown")


def test_times_that_are_no_numbers_are_refused() -> None:
    data = dctheory.verify("disc-c")["disc-c"].to_dict()
    with pytest.raises(ValueError, match="finite"):
        Verdict.from_dict({**data, "seconds": "NaN"})


def test_an_empty_count_is_zero() -> None:
    point = dict.fromkeys(("u", "beta", "g", "h", "r", "n_e", "n_d", "k"), 1)
    assert compile_exact(Count((), "==", 0))(point)
    assert not compile_exact(Count((), ">", 0))(point)


def test_a_claim_is_not_evaluated_outside_of_its_hypotheses() -> None:
    from dctheory.claims.cor_4_1 import COR_4_1

    with pytest.raises(ValueError, match="hypotheses"):
        COR_4_1.holds(
            None, {"r": 1, "n": 3, "n_d": 3, "k": 1, "alpha": "1/2", "beta": "0", "gamma": "1/4"}
        )
