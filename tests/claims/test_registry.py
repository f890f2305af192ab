from __future__ import annotations

import re

import pytest

import dctheory
from dctheory.claims.registry import all_claims, select_claims, verify
from dctheory.proof.report import Report
from dctheory.proof.verdict import Outcome

# The identifiers of the table of claims, and the parts that are asked for.
PARENTS = (
    *("eq-2", "thm-3.3", "thm-3.4", "disc-a", "disc-b", "disc-c", "cor-4.1"),
    *("cor-4.1-condition", "thm-4.2", "thm-4.3", "thm-4.4", "thm-4.5", "thm-4.5-rates"),
    *("thm-4.5-condition", "relaxation", "table-10"),
)
PARTS = {
    "thm-3.4": {"equal", "valid", "harm", "corrected"},
    "thm-4.3": {"value", "equal", "negligible"},
    "thm-4.5": {"match", "match-all", "minimiser", "bound"},
}
WITH_EXACT = ("disc-a", "disc-b", "disc-c", "cor-4.1-condition", "thm-4.5-rates")


def test_every_identifier_is_there_in_the_order_of_the_paper():
    identifiers = set(PARENTS) - set(PARTS)
    identifiers |= {f"{parent}/{part}" for parent, parts in PARTS.items() for part in parts}
    identifiers |= {f"{parent}/exact" for parent in WITH_EXACT}
    found = list(all_claims())
    assert set(found) == identifiers
    places = [PARENTS.index(name.split("/")[0]) for name in found]
    assert places == sorted(places)


def test_every_claim_says_what_and_where_it_is():
    for name, claim in all_claims().items():
        assert claim.id == name
        assert claim.text.strip()
        assert claim.where.strip()
        assert claim.pairings in ((None,), ("both", "matched", "either"))
    independent = {name for name, claim in all_claims().items() if claim.pairings == (None,)}
    assert independent == {
        *("eq-2", "thm-4.2", "thm-4.4", "thm-3.3", "cor-4.1", "cor-4.1-condition", "table-10"),
        *("disc-a", "disc-b", "disc-c", "thm-4.5-rates", "thm-4.5-condition"),
    }


@pytest.mark.parametrize("parent", PARTS)
def test_a_parent_selects_its_parts(parent):
    assert {claim.id for claim in select_claims(parent)} == {
        f"{parent}/{part}" for part in PARTS[parent]
    }


def test_a_claim_with_an_exact_part_selects_both():
    assert [claim.id for claim in select_claims("disc-a")] == ["disc-a", "disc-a/exact"]
    assert [claim.id for claim in select_claims("disc-a/exact")] == ["disc-a/exact"]
    # Not by prefix: cor-4.1-condition is a claim of its own.
    assert [claim.id for claim in select_claims("cor-4.1")] == ["cor-4.1"]


def test_a_selection_keeps_the_order_asked_for_without_repetition():
    chosen = select_claims(["table-10", "disc-a", "disc-a/exact", "table-10"])
    assert [claim.id for claim in chosen] == ["table-10", "disc-a", "disc-a/exact"]
    assert select_claims(None) == list(all_claims().values())
    assert select_claims([]) == []
    assert [claim.id for claim in select_claims(iter(["eq-2"]))] == ["eq-2"]


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("thm-3.33", "thm-3.3"),
        ("thm3.4", "thm-3.4"),
        ("disc_a", "disc-a"),
        ("Table-10", "table-10"),
        ("thm-3.4/harmful", "thm-3.4/harm"),
        ("thm-4.5-conditions", "thm-4.5-condition"),
    ],
)
def test_an_unknown_claim_names_the_nearest(name, nearest):
    with pytest.raises(ValueError, match=rf"{re.escape(repr(name))}; did you mean '{nearest}'"):
        verify(name)
    with pytest.raises(ValueError, match="unknown claim"):
        verify(["eq-2", name])


@pytest.mark.parametrize("name", ["", "zzzzzz", "thm-3.3/", "/exact"])
def test_a_claim_like_no_other_is_refused_with_the_known_ones(name):
    with pytest.raises(ValueError, match=r"known: .*thm-3\.4/valid"):
        verify(name)


@pytest.mark.parametrize("claims", [[3], [None], [("eq-2",)], [b"eq-2"]])
def test_a_claim_is_named_by_a_string(claims):
    with pytest.raises(TypeError, match="string"):
        verify(claims)


@pytest.mark.parametrize(
    ("pairing", "nearest"), [("bth", "both"), ("match", "matched"), ("either ", "either")]
)
def test_an_unknown_pairing_names_the_nearest(pairing, nearest):
    with pytest.raises(ValueError, match=nearest):
        verify("thm-3.4", pairing)
    with pytest.raises(ValueError, match=nearest):
        verify("eq-2", ["both", pairing])


def test_verify_returns_a_report():
    report = verify("thm-3.3")
    assert isinstance(report, Report)
    (verdict,) = report
    assert (verdict.claim, verdict.pairing) == ("thm-3.3", None)
    assert verdict.outcome is Outcome.CONDITIONAL
    assert verdict.condition == "k >= r + 1"
    assert verdict.seconds > 0
    assert verdict.where == "Theorem 3.3"
    assert report["thm-3.3"] is verdict


def test_pairings_select_readings():
    report = verify(["eq-2", "disc-c"], "matched")
    assert [(v.claim, v.pairing) for v in report] == [
        *(("eq-2", None), ("disc-c", None), ("disc-c/exact", "matched"))
    ]
    report = verify("disc-c/exact", ("either", "both"))
    assert sorted(v.pairing for v in report) == ["both", "either"]


def test_nothing_selected_is_an_empty_report():
    assert len(verify([])) == 0


def test_progress_is_called_before_each_claim_and_at_the_end():
    calls = []
    report = verify(["disc-c", "table-10"], progress=lambda *call: calls.append(call))
    total = len(report)
    assert [done for done, *_ in calls] == list(range(total + 1))
    assert {each for _, each, _ in calls} == {total}
    assert [text for *_, text in calls] == [
        *("disc-c", "disc-c/exact (both)", "disc-c/exact (matched)", "disc-c/exact (either)"),
        *("table-10", "done"),
    ]


def test_the_public_names_are_these():
    assert dctheory.verify is verify
    assert dctheory.Report is Report


# What the whole run says. A change here is a change of the project's results.
OUTCOMES = {
    "PROVED": [
        *("eq-2", "thm-3.4/corrected", "disc-c", "disc-c/exact", "cor-4.1-condition"),
        *("thm-4.2", "thm-4.3/value:both", "thm-4.3/equal", "thm-4.4", "thm-4.5/match:both"),
        *("thm-4.5/match-all", "thm-4.5-rates", "thm-4.5-rates/exact:matched", "table-10"),
    ],
    "CONDITIONAL": [
        *("thm-3.3", "thm-3.4/valid", "thm-3.4/harm", "disc-a", "disc-a/exact", "disc-b"),
        *("cor-4.1", "thm-4.3/value:matched", "thm-4.3/value:either"),
        *("thm-4.3/negligible:both", "thm-4.5/match:matched", "thm-4.5/match:either"),
        *("thm-4.5-rates/exact:both", "thm-4.5-rates/exact:either"),
    ],
    "REFUTED": [
        *("thm-3.4/equal", "disc-b/exact", "cor-4.1-condition/exact"),
        *("thm-4.3/negligible:matched", "thm-4.3/negligible:either", "thm-4.5/minimiser"),
        *("thm-4.5/bound", "thm-4.5-condition"),
    ],
    "EVIDENCE": ["relaxation"],
}
# More than a second each: the slow run decides them.
LONG = (
    *("thm-3.4/valid", "thm-4.3/value", "thm-4.3/equal", "thm-4.3/negligible", "thm-4.5/bound"),
    *("thm-4.5-rates", "thm-4.5-condition", "relaxation", "thm-4.5-rates/exact"),
)
CASES = [
    pytest.param(
        *(claim, pairing),
        marks=[pytest.mark.slow] if claim in LONG else [],
        id=f"{claim}-{pairing}",
    )
    for claim in all_claims()
    for pairing in all_claims()[claim].pairings
]


@pytest.mark.parametrize(("claim", "pairing"), CASES)
def test_the_outcome_is_the_known_one(verdict_of, claim, pairing):
    (expected,) = (
        outcome
        for outcome, names in OUTCOMES.items()
        if claim in names or f"{claim}:{pairing}" in names
    )
    assert verdict_of(claim, pairing).outcome.name == expected
