"""All claims, checking them, and checking a verdict again from its JSON."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any

from dctheory._validation import check_choice
from dctheory.claims._base import Claim
from dctheory.proof.report import Report
from dctheory.proof.verdict import Verdict, digest

_FILES = (
    *("spectral_loss", "thm_3_3", "thm_3_4", "disc", "cor_4_1"),
    *("thm_4_3", "thm_4_5", "relaxation", "table_10"),
)
# The order of the paper, for reports.
_ORDER = (
    *("eq-2", "thm-3.3", "thm-3.4", "disc-a", "disc-b", "disc-c", "cor-4.1"),
    *("cor-4.1-condition", "thm-4.2", "thm-4.3", "thm-4.4", "thm-4.5", "thm-4.5-rates"),
    *("thm-4.5-condition", "relaxation", "table-10"),
)
PAIRINGS = ("both", "matched", "either")
Progress = Callable[[int, int, str], None]


@lru_cache(maxsize=1)
def all_claims() -> dict[str, Claim]:
    """Identifier to claim, in the order of the paper."""
    found = [claim for name in _FILES for claim in import_module(f"dctheory.claims.{name}").CLAIMS]
    ordered = sorted(found, key=lambda claim: _ORDER.index(claim.id.split("/")[0]))
    return {claim.id: claim for claim in ordered}


def select_claims(claims: str | Iterable[str] | None = None) -> list[Claim]:
    """Claims by identifier; a parent such as ``"thm-3.4"`` selects itself and its parts.

    Raises ValueError for an unknown identifier, with the nearest one.
    """
    known = all_claims()
    if claims is None:
        return list(known.values())
    wanted = [claims] if isinstance(claims, str) else list(claims)
    chosen: dict[str, Claim] = {}
    for name in wanted:
        if not isinstance(name, str):
            raise TypeError(f"a claim must be named by a string, got {name!r}")
        parts = {key: c for key, c in known.items() if key == name or key.startswith(f"{name}/")}
        if not parts:
            nearest = difflib.get_close_matches(name, [*_ORDER, *known], n=1, cutoff=0.4)
            hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
            raise ValueError(f"unknown claim {name!r}{hint} (known: {', '.join(known)})")
        chosen |= parts
    return list(chosen.values())


def verify(
    claims: str | Iterable[str] | None = None,
    pairings: str | Iterable[str] | None = None,
    progress: Progress | None = None,
) -> Report:
    """Decide the paper's claims by proof, exact search or sampling.

    Args:
        claims: identifiers (a parent selects its parts); None for all of them.
        pairings: readings of "difficult pair" among "both", "matched", "either"; None for all.
            Claims that do not depend on the reading are decided once in any case.
        progress: called with (done, total, what comes next).

    Returns:
        A :class:`dctheory.Report` that iterates over its verdicts.

    Raises:
        ValueError: an unknown claim or pairing, with the nearest known one.
    """
    wanted = [pairings] if isinstance(pairings, str) else list(pairings or PAIRINGS)
    for pairing in wanted:
        check_choice("pairing", pairing, PAIRINGS)
    jobs = [
        (claim, reading)
        for claim in select_claims(claims)
        for reading in claim.pairings
        if reading is None or reading in wanted
    ]
    verdicts = []
    for done, (claim, reading) in enumerate(jobs):
        if progress is not None:
            progress(done, len(jobs), f"{claim.id}{f' ({reading})' if reading else ''}")
        verdicts.append(claim.check(reading))
    if progress is not None:
        progress(len(jobs), len(jobs), "done")
    return Report(tuple(verdicts))


@dataclass(frozen=True)
class RecheckResult:
    """Whether a verdict stands when its own evidence is checked again, and if not why."""

    claim: str
    outcome: str
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """No problem was found."""
        return not self.problems


def recheck(data: Mapping[str, Any]) -> RecheckResult:
    """Check a verdict from its JSON alone, without the search that found it.

    The digest over its content, each query against the claim and the condition, each query by the
    solver, each witness by exact evaluation. Any altered symbol is a problem. Only that no smaller
    counterexample exists is not checked again: that was the search.

    Raises ValueError if the data is not a verdict at all or names an unknown claim.
    """
    verdict = Verdict.from_dict(data)
    check_choice("claim", verdict.claim, all_claims())
    claim = all_claims()[verdict.claim]
    if verdict.pairing not in claim.pairings:
        raise ValueError(
            f"claim {claim.id} is decided for {claim.pairings}, not for {verdict.pairing!r}"
        )
    if set(data) != set(verdict.to_dict()):
        raise ValueError(f"a verdict has the fields {', '.join(verdict.to_dict())}, no others")
    content = {key: value for key, value in data.items() if key not in ("seconds", "digest")}
    problems = []
    if data.get("digest") != digest(content):
        problems.append("the content does not fit its digest: something was altered")
    try:
        problems += claim.recheck(verdict)
    except (ValueError, TypeError, ArithmeticError) as error:
        problems.append(str(error))
    return RecheckResult(verdict.claim, verdict.outcome.name, tuple(problems))
