from __future__ import annotations

import copy
import hashlib
import json

import pytest

from dctheory.proof.verdict import Outcome, Step, Verdict, digest


@pytest.fixture
def verdict() -> Verdict:
    return Verdict(
        "thm-3.4/valid",
        "both",
        Outcome.CONDITIONAL,
        condition="n_d == n",
        witness={"holds": {"r": 1, "alpha": "3/4"}, "fails": {"r": 2, "alpha": "1/3"}},
        method="SMT proof",
        seconds=1.23456789,
        where="Theorem 3.4",
        statement="λ is never below λ_{k+1}",
        details=("one", "zwei — δ"),
        steps=(Step("smt", "mixed: claim", "(check-sat)\n"), Step("sampling", "s", {"raw": "1%"})),
    )


def test_round_trip_through_json(verdict):
    data = json.loads(verdict.to_json())
    again = Verdict.from_dict(data)
    assert again.to_dict() == verdict.to_dict()
    assert again.outcome is Outcome.CONDITIONAL
    assert again.steps == verdict.steps
    assert "λ" in verdict.to_json()
    assert json.loads(verdict.to_json(indent=None)) == data


def test_the_digest_covers_all_but_time_and_itself(verdict):
    data = verdict.to_dict()
    content = {key: value for key, value in data.items() if key not in ("seconds", "digest")}
    assert data["digest"] == digest(content)
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert data["digest"] == hashlib.sha256(canonical.encode()).hexdigest()
    for key in content:
        changed = copy.deepcopy(content)
        changed[key] = f"{changed[key]} "
        assert digest(changed) != data["digest"], key
    assert digest(dict(reversed(content.items()))) == data["digest"]


def test_every_outcome_survives(verdict):
    for outcome in Outcome:
        other = Verdict("eq-2", None, outcome)
        assert Verdict.from_dict(other.to_dict()) == other
        assert str(outcome) == outcome.name


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("outcome", "MAYBE"),
        ("outcome", None),
        ("outcome", ["PROVED"]),
        ("details", None),
        ("steps", [{"kind": "smt"}]),
        ("steps", ["smt"]),
        ("steps", 3),
        ("seconds", "soon"),
        ("seconds", None),
    ],
)
def test_a_malformed_field_is_a_value_error(verdict, key, value):
    data = {**verdict.to_dict(), key: value}
    with pytest.raises(ValueError, match="not a verdict"):
        Verdict.from_dict(data)


@pytest.mark.parametrize(
    "key", ["claim", "pairing", "outcome", "condition", "witness", "method", "where", "steps"]
)
def test_a_missing_field_is_a_value_error(verdict, key):
    data = verdict.to_dict()
    del data[key]
    with pytest.raises(ValueError, match=f"not a verdict.*{key}"):
        Verdict.from_dict(data)


@pytest.mark.parametrize("data", [None, [], "PROVED", 3, {}])
def test_what_is_no_verdict_is_a_value_error(data):
    with pytest.raises(ValueError, match="not a verdict"):
        Verdict.from_dict(data)
