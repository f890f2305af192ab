"""What the checker says of a claim, with everything needed to check it again."""

from __future__ import annotations

import enum
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class Outcome(enum.Enum):
    """Outcomes of a check; the value is a sentence for people."""

    PROVED = "holds for all admissible parameters, by proof"
    CONDITIONAL = "holds exactly under the stated condition, proved in both directions"
    REFUTED = "fails at an explicit admissible point, checked in exact arithmetic"
    EVIDENCE = "supported or contradicted by figures, not decided by proof"
    UNDECIDED = "neither proved nor refuted by what was tried"
    NOT_APPLICABLE = "a hypothesis of the claim fails under this reading"

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Step:
    """One piece of a proof that stands by itself.

    ``kind`` is "identity" (an expression that vanishes identically), "smt" (an SMT-LIB query that
    must be unsatisfiable), "instance" (an exact evaluation at a point), "limit" (a symbolic limit),
    "interval" (outward rounded arithmetic) or "sampling" (figures).
    ``content`` is the expression, query or figure itself.
    """

    kind: str
    name: str
    content: Any

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": self.name, "content": self.content}


@dataclass(frozen=True)
class Verdict:
    """The outcome of checking one claim under one reading of "difficult pair".

    Attributes:
        claim: identifier, e.g. ``"thm-3.4/valid"``.
        pairing: "both", "matched", "either", or None where the claim does not depend on it.
        outcome: an :class:`Outcome`.
        condition: for CONDITIONAL the exact condition in the paper's symbols, else None.
        witness: for REFUTED the counterexample, for CONDITIONAL one point where the claim holds
            and one where it fails; numbers as exact strings. None if there is nothing to point at.
        method: how it was decided, in a few words.
        seconds: time that the check took.
        where: where the claim stands in the paper.
        statement: the claim in words.
        details: sentences worth knowing.
        steps: the proof, checkable without the search that found it.
    """

    claim: str
    pairing: str | None
    outcome: Outcome
    condition: str | None = None
    witness: Mapping[str, Any] | None = None
    method: str = ""
    seconds: float = 0.0
    where: str = ""
    statement: str = ""
    details: tuple[str, ...] = ()
    steps: tuple[Step, ...] = field(default=(), repr=False)

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe dict, with a digest over all that a recheck relies on."""
        content = {
            "claim": self.claim,
            "pairing": self.pairing,
            "outcome": self.outcome.name,
            "condition": self.condition,
            "witness": None if self.witness is None else dict(self.witness),
            "method": self.method,
            "where": self.where,
            "statement": self.statement,
            "details": list(self.details),
            "steps": [step.to_dict() for step in self.steps],
        }
        return {**content, "seconds": round(self.seconds, 4), "digest": digest(content)}

    def to_json(self, indent: int | None = 2) -> str:
        """The verdict as a JSON document, for ``dctheory recheck``."""
        return json.dumps(self.to_dict(), indent=indent, ensure_ascii=False)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Verdict:
        """Inverse of :meth:`to_dict`; ValueError for missing or malformed fields."""
        try:
            seconds = float(data.get("seconds", 0.0))
            if not math.isfinite(seconds):
                raise ValueError(f"seconds must be finite, got {seconds}")
            return cls(
                claim=data["claim"],
                pairing=data["pairing"],
                outcome=Outcome[data["outcome"]],
                condition=data["condition"],
                witness=data["witness"],
                method=data["method"],
                seconds=seconds,
                where=data["where"],
                statement=data["statement"],
                details=tuple(data["details"]),
                steps=tuple(Step(s["kind"], s["name"], s["content"]) for s in data["steps"]),
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(
                f"not a verdict: {error!r}; expected the JSON that `dctheory verify` writes"
            ) from error


def digest(content: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical JSON of a verdict's content (all but seconds and digest)."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
