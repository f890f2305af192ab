"""Verdicts as a table: in a terminal, as Markdown, HTML, LaTeX and JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dctheory._table import Table, escape_markdown
from dctheory.proof.verdict import Outcome, Verdict

# Tables cut conditions longer than this.
_LONGEST = 90


@dataclass(frozen=True)
class Report:
    """What :func:`dctheory.verify` returns: an ordered collection of verdicts.

    ``report["thm-3.4/valid", "both"]`` is one of them; ``report["thm-3.3"]`` one without pairing.
    """

    verdicts: tuple[Verdict, ...]

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self.verdicts)

    def __len__(self) -> int:
        return len(self.verdicts)

    def __getitem__(self, key: str | tuple[str, str | None]) -> Verdict:
        claim, pairing = key if isinstance(key, tuple) else (key, None)
        for verdict in self.verdicts:
            if (verdict.claim, verdict.pairing) == (claim, pairing):
                return verdict
        raise KeyError(f"no verdict on {claim!r} for pairing {pairing!r} in this report")

    @property
    def seconds(self) -> float:
        """Time that all checks took together."""
        return sum(verdict.seconds for verdict in self.verdicts)

    def table(self, *, timings: bool = True) -> Table:
        """A row for each verdict: claim, reading, outcome, condition or counterexample, method."""
        columns = ["claim", "pairing", "outcome", "condition or witness", "method"]
        rows = []
        for verdict in self.verdicts:
            row: list[Any] = [
                *(verdict.claim, verdict.pairing or "any", verdict.outcome.name),
                *(summary(verdict), verdict.method),
            ]
            rows.append([*row, round(verdict.seconds, 2)] if timings else row)
        return Table([*columns, "seconds"] if timings else columns, rows, notes=self._notes())

    def _notes(self) -> tuple[str, ...]:
        counts = Counter(verdict.outcome for verdict in self.verdicts)
        total = ", ".join(f"{counts[each]} {each.name}" for each in Outcome if counts[each])
        return (f"{len(self)} verdicts: {total}",)

    def to_text(self, width: int | None = None) -> str:
        """The table for a terminal of this width."""
        return self.table().to_text(width)

    def to_markdown(self, *, timings: bool = True) -> str:
        """The table as Markdown, then each claim with its whole conditions and remarks.

        Without timings it is the same in every run.
        """
        claims = dict.fromkeys(verdict.claim for verdict in self.verdicts)
        parts = [self.table(timings=timings).to_markdown()]
        return "\n\n".join([*parts, *(self._section(claim) for claim in claims)])

    def _section(self, claim: str) -> str:
        verdicts = [verdict for verdict in self.verdicts if verdict.claim == claim]
        said = f"{verdicts[0].where}: {verdicts[0].statement}."
        lines = [f"## {escape_markdown(claim)}", "", escape_markdown(said), ""]
        for verdict in verdicts:
            reading = f"{verdict.pairing}: " if verdict.pairing else ""
            condition = f", if and only if `{verdict.condition}`" if verdict.condition else ""
            lines.append(f"- {reading}**{verdict.outcome.name}**{condition}")
            lines += [f"  - {point}" for point in _points(verdict)]
            lines += [f"  - {escape_markdown(remark)}" for remark in verdict.details]
        return "\n".join(lines)

    def to_html(self) -> str:
        """The table as HTML."""
        return self.table().to_html()

    def to_latex(self) -> str:
        """The table as LaTeX (booktabs)."""
        return self.table().to_latex()

    def to_dict(self) -> dict[str, Any]:
        """All verdicts with their proofs and witnesses, JSON-safe."""
        return {"verdicts": [verdict.to_dict() for verdict in self.verdicts]}

    def to_json(self) -> str:
        """The document that ``dctheory recheck`` reads."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)

    def _repr_html_(self) -> str:
        return self.to_html()

    def __str__(self) -> str:
        return self.to_text()


def summary(verdict: Verdict) -> str:
    """The condition of a CONDITIONAL verdict, or the counterexample of a REFUTED one, shortly."""
    if verdict.outcome is Outcome.CONDITIONAL and verdict.condition:
        text = verdict.condition
        return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 2].rstrip()} …"
    if verdict.outcome is Outcome.REFUTED and verdict.witness:
        return _point("fails", verdict.witness)
    return ""


def _points(verdict: Verdict) -> list[str]:
    """Where a CONDITIONAL or REFUTED claim holds and fails."""
    witness = verdict.witness or {}
    if verdict.outcome is Outcome.REFUTED:
        witness = {"fails": witness}
    points = [_point(word, witness[word]) for word in ("holds", "fails") if witness.get(word)]
    return [point for point in points if point]


def _point(word: str, witness: Mapping[str, Any]) -> str:
    names = {"alpha": "α", "beta": "β", "gamma": "γ"}
    shown = ("r", "n", "n_d", "n_d/n", "k", "alpha", "beta", "gamma")
    found = [f"{names.get(name, name)}={witness[name]}" for name in shown if name in witness]
    return f"{word} at {', '.join(found)}" if found else ""
