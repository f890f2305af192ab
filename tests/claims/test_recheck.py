"""A stored verdict stands by itself, and falls with any symbol of its evidence."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest

from dctheory.claims.registry import all_claims, recheck
from dctheory.proof.verdict import digest

PAIRINGS = ("both", "matched", "either")
GENUINE = [
    ("eq-2", None),
    ("thm-3.3", None),
    *(("thm-3.4/equal", pairing) for pairing in PAIRINGS),
    *(("thm-3.4/harm", pairing) for pairing in PAIRINGS),
    *(("thm-3.4/corrected", pairing) for pairing in PAIRINGS),
    ("disc-a", None),
    ("disc-b", None),
    *(("disc-b/exact", pairing) for pairing in PAIRINGS),
    ("disc-c", None),
    ("cor-4.1", None),
    ("cor-4.1-condition/exact", "either"),
    ("thm-4.3/value", "both"),
    ("thm-4.5/match", "matched"),
    ("thm-4.5/match-all", "both"),
    ("thm-4.5/minimiser", "either"),
    ("thm-4.5-rates/exact", "both"),
    ("table-10", None),
]
CONDITIONAL = [
    ("thm-3.3", None),
    ("thm-3.4/harm", "both"),
    ("thm-3.4/harm", "matched"),
    ("disc-a", None),
    ("thm-4.5/match", "matched"),
    ("thm-4.5-rates/exact", "both"),
]
WITH_STEPS = [
    *CONDITIONAL[:-1],
    pytest.param("thm-4.5-rates/exact", "both", marks=pytest.mark.slow),
    ("thm-3.4/corrected", "matched"),
    ("disc-c", None),
    ("eq-2", None),
    ("thm-4.5/minimiser", "either"),
    ("table-10", None),
]


def stored(verdict: Any) -> dict[str, Any]:
    """As a file holds it."""
    return json.loads(verdict.to_json())


def signed_again(data: dict[str, Any]) -> dict[str, Any]:
    """With a digest that fits, as whoever alters a file could write it."""
    content = {key: value for key, value in data.items() if key not in ("seconds", "digest")}
    return {**data, "digest": digest(content)}


def both_ways(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield data
    yield signed_again(data)


def one_symbol_altered(text: str) -> Iterator[str]:
    """Another digit, another letter, another sign, one symbol less: each at its first place."""
    for old, new in (("1", "2"), ("2", "3"), ("r", "n"), ("+", "-"), (">", "<"), ("=", "/")):
        if old in text:
            yield text.replace(old, new, 1)
    middle = len(text) // 2
    yield text[:middle] + text[middle + 1 :]
    yield text[:middle] + ("7" if text[middle] != "7" else "8") + text[middle + 1 :]
    yield f"{text} "


@pytest.mark.parametrize(("claim", "pairing"), GENUINE)
def test_a_genuine_verdict_stands(verdict_of, claim, pairing):
    result = recheck(stored(verdict_of(claim, pairing)))
    assert result.ok, result.problems
    assert (result.claim, result.outcome) == (claim, verdict_of(claim, pairing).outcome.name)
    assert result.problems == ()


def test_time_may_differ(verdict_of):
    assert recheck({**stored(verdict_of("disc-c")), "seconds": 99.0}).ok


@pytest.mark.parametrize(("claim", "pairing"), WITH_STEPS)
def test_every_step_altered_by_one_symbol_falls(verdict_of, claim, pairing):
    genuine = stored(verdict_of(claim, pairing))
    for index, step in enumerate(genuine["steps"]):
        content = step["content"]
        text = content if isinstance(content, str) else json.dumps(content)
        changes = [("content", altered) for altered in one_symbol_altered(text)]
        changes += [("name", f"{step['name']}."), ("kind", "limits")]
        for number, (part, altered) in enumerate(changes):
            data = copy.deepcopy(genuine)
            data["steps"][index][part] = altered
            assert not recheck(signed_again(data)).ok, (step["name"], part)
            # With the digest left as it was, once a step.
            assert number or not recheck(data).ok


@pytest.mark.parametrize(("claim", "pairing"), WITH_STEPS[:8])
def test_a_step_left_out_or_said_twice_falls(verdict_of, claim, pairing):
    genuine = stored(verdict_of(claim, pairing))
    for steps in (genuine["steps"][1:], [*genuine["steps"], genuine["steps"][-1]], []):
        for each in both_ways({**genuine, "steps": steps}):
            assert not recheck(each).ok


ALTERED_CONDITIONS = {
    ("thm-3.3", None): ("k >= r + 2", "k >= n + 1", "k <= r + 1", "k >= r - 1", "k > r + 1"),
    ("thm-3.4/harm", "both"): (
        "n_d < n and k <= r + 2",
        "n_d < r and k <= r + 1",
        "n_d < n or k <= r + 1",
        "n_d > n and k <= r + 1",
    ),
    ("disc-a", None): ("c1 > n_d*(1 - alpha)", "c2 > n_d*(1 + alpha)", "c2 >= n_d*(1 - alpha)"),
    ("thm-4.5/match", "matched"): ("n_d <= 2", "n_d < 1", "n <= 1"),
    ("thm-4.5-rates/exact", "both"): ("k >= r + 1", "k >= r + 3", "k <= r + 2"),
}


@pytest.mark.parametrize(("claim", "pairing"), ALTERED_CONDITIONS)
def test_a_condition_altered_by_one_symbol_falls(verdict_of, claim, pairing):
    genuine = stored(verdict_of(claim, pairing))
    for condition in ALTERED_CONDITIONS[claim, pairing]:
        for each in both_ways({**genuine, "condition": condition}):
            assert not recheck(each).ok, condition


def test_a_condition_with_the_queries_that_it_would_need_falls(verdict_of):
    genuine = stored(verdict_of("thm-3.3"))
    claim = all_claims()["thm-3.3"]
    for condition in ("k >= r", "k >= r + 2", "k >= 1"):
        steps = [step.to_dict() for step in claim.queries(None, condition)]
        data = signed_again({**genuine, "condition": condition, "steps": steps})
        result = recheck(data)
        assert not result.ok
        assert "unsat" in " ".join(result.problems)


@pytest.mark.parametrize(
    "condition", [None, "", "k >", "k >= r + 1.0", "__import__('os')", "k >= r + 1 or k"]
)
def test_a_condition_that_cannot_be_read_falls(verdict_of, condition):
    for each in both_ways({**stored(verdict_of("thm-3.3")), "condition": condition}):
        assert not recheck(each).ok


def leaves(value: Any, path: tuple = ()) -> Iterator[tuple[tuple, Any]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from leaves(part, (*path, key))
    else:
        yield path, value


def put(witness: Any, path: tuple, value: Any) -> Any:
    if not path:
        return value
    return {**witness, path[0]: put(witness[path[0]], path[1:], value)}


@pytest.mark.parametrize(
    ("claim", "pairing"),
    [
        *CONDITIONAL[:5],
        ("thm-3.4/equal", "both"),
        ("cor-4.1-condition/exact", "either"),
        ("thm-4.5/minimiser", "either"),
        ("table-10", None),
    ],
)
def test_every_number_of_a_witness_is_checked(brute, verdict_of, claim, pairing):
    genuine = stored(verdict_of(claim, pairing))
    for path, value in leaves(genuine["witness"]):
        changes = [value + 1] if isinstance(value, int) else list(one_symbol_altered(value))
        for number, change in enumerate(changes):
            witness = put(genuine["witness"], path, change)
            data = {**genuine, "witness": witness}
            assert number or not recheck(data).ok
            if recheck(signed_again(data)).ok:
                # Only a neighbouring point that is a witness as well, with the same numbers.
                assert path[-1] in ("r", "n", "n_d", "k", "alpha", "beta", "gamma")
                side = witness[path[0]] if len(path) > 1 else witness
                point = {
                    name: side[name] if isinstance(side[name], int) else Fraction(side[name])
                    for name in ("r", "n", "n_d", "k", "alpha", "beta", "gamma")
                    if name in side
                }
                expected = path[0] == "holds"
                assert brute.claims[claim](point, pairing or "both") is expected


@pytest.mark.parametrize(
    ("claim", "pairing", "path", "value"),
    [
        # No counterexample, or one outside of the hypotheses.
        ("thm-3.3", None, ("fails", "k"), 2),
        ("thm-3.3", None, ("holds", "k"), 1),
        ("thm-3.3", None, ("holds", "k"), 4),
        ("thm-4.5/match", "matched", ("fails", "n_d"), 1),
        ("thm-4.5/match", "matched", ("fails", "n_d"), 3),
        ("thm-4.5/match", "matched", ("holds", "n_d"), 2),
        ("thm-4.5/match", "matched", ("holds", "n_d"), 0),
        ("thm-4.5/match", "matched", ("holds", "beta"), "0"),
        ("thm-4.5/match", "matched", ("holds", "gamma"), "3/4"),
        ("thm-4.5/match", "matched", ("holds", "alpha"), "1"),
        ("thm-4.5/match", "matched", ("holds", "beta"), "-1/4"),
        # Not numbers as they are written.
        ("thm-4.5/match", "matched", ("holds", "beta"), 0.25),
        ("thm-4.5/match", "matched", ("holds", "beta"), "1/0"),
        ("thm-4.5/match", "matched", ("holds", "beta"), "a quarter"),
        ("thm-4.5/match", "matched", ("holds", "beta"), None),
        ("thm-4.5/match", "matched", ("holds", "r"), "1"),
        ("thm-4.5/match", "matched", ("holds", "r"), True),
        ("thm-4.5/match", "matched", ("holds",), None),
        ("thm-4.5/match", "matched", ("fails",), {}),
        ("thm-4.5/match", "matched", (), None),
        ("thm-4.5/match", "matched", (), []),
        ("thm-3.4/equal", "both", (), None),
        ("thm-3.4/equal", "both", ("k",), 1),
        ("disc-b/exact", "both", ("k",), 1),
        ("disc-b/exact", "both", ("n_d",), 3),
        ("disc-b/exact", "both", ("larger gamma",), "1/4"),
        ("disc-b/exact", "both", ("larger gamma",), "3/4"),
        ("disc-b/exact", "both", ("between",), "1/2"),
        ("disc-b/exact", "both", ("between",), "1/1000"),
    ],
)
def test_a_witness_that_is_none_falls(verdict_of, claim, pairing, path, value):
    genuine = stored(verdict_of(claim, pairing))
    for each in both_ways({**genuine, "witness": put(genuine["witness"], path, value)}):
        result = recheck(each)
        assert not result.ok
        assert all(isinstance(problem, str) and problem for problem in result.problems)


def test_a_growth_outside_of_the_range_of_k_falls(verdict_of):
    # At k = 1 the class mode does fall: 1 − α + n(α − γ) over the degree, but k = 1 is not claimed.
    genuine = stored(verdict_of("disc-b/exact", "both"))
    witness = {**genuine["witness"], "k": 1, "between": "1/2"}
    assert not recheck(signed_again({**genuine, "witness": witness})).ok


OTHER_OUTCOMES = [
    ("disc-c", None, "REFUTED"),
    ("disc-c", None, "UNDECIDED"),
    ("disc-c", None, "EVIDENCE"),
    ("disc-c", None, "NOT_APPLICABLE"),
    ("disc-c", None, "CONDITIONAL"),
    ("thm-3.3", None, "PROVED"),
    ("thm-3.3", None, "REFUTED"),
    ("thm-3.4/equal", "both", "PROVED"),
    ("thm-3.4/equal", "both", "UNDECIDED"),
    ("disc-b/exact", "both", "PROVED"),
    ("eq-2", None, "REFUTED"),
    ("table-10", None, "EVIDENCE"),
]


@pytest.mark.parametrize(("claim", "pairing", "outcome"), OTHER_OUTCOMES)
def test_another_outcome_falls(verdict_of, claim, pairing, outcome):
    for each in both_ways({**stored(verdict_of(claim, pairing)), "outcome": outcome}):
        assert not recheck(each).ok


def test_a_proof_without_steps_falls(verdict_of):
    data = stored(verdict_of("thm-3.4/equal", "both"))
    bare = {**data, "outcome": "PROVED", "witness": None, "steps": []}
    assert not recheck(signed_again(bare)).ok


@pytest.mark.parametrize("field", ["statement", "where", "method"])
def test_the_words_about_a_claim_are_its_own(verdict_of, field):
    data = stored(verdict_of("thm-3.4/equal", "both"))
    for each in both_ways({**data, field: f"{data[field]}, nearly"}):
        assert not recheck(each).ok


def test_another_reading_falls(verdict_of):
    for name in ("thm-3.4/harm", "thm-3.4/corrected"):
        data = stored(verdict_of(name, "both"))
        for each in both_ways({**data, "pairing": "either"}):
            assert not recheck(each).ok


def test_an_unknown_claim_or_reading_is_an_error(verdict_of):
    data = stored(verdict_of("thm-3.3"))
    with pytest.raises(ValueError, match=r"thm-3\.4"):
        recheck({**data, "claim": "thm-3.5"})
    with pytest.raises(ValueError, match="both"):
        recheck({**data, "pairing": "both"})
    with pytest.raises(ValueError, match=r"thm-3\.4/harm"):
        recheck({**stored(verdict_of("thm-3.4/harm", "both")), "pairing": None})


@pytest.mark.parametrize("data", [{}, {"claim": "thm-3.3"}, None, [], 3])
def test_what_is_no_verdict_is_an_error(data):
    with pytest.raises(ValueError, match="not a verdict"):
        recheck(data)


@pytest.mark.parametrize("field", ["claim", "pairing", "condition", "witness", "method", "details"])
@pytest.mark.parametrize("value", [3, [1], {"a": 1}])
def test_a_field_of_another_kind_is_an_error_or_a_problem(verdict_of, field, value):
    data = {**stored(verdict_of("thm-3.3")), field: value}
    try:
        assert not recheck(data).ok
    except (ValueError, TypeError) as error:
        assert str(error)  # noqa: PT017
