"""Write the verdict table into README.md, or with --check fail where it differs."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import dctheory
from dctheory._runs import write_atomic
from dctheory._table import Table
from dctheory.proof.report import Report, summary
from dctheory.proof.verdict import Verdict

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN, END = "<!-- verdicts:begin -->", "<!-- verdicts:end -->"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail on drift")
    parser.add_argument("--report", type=Path, help="a report.json; without it, verify runs")
    arguments = parser.parse_args()
    if arguments.report:
        data = json.loads(arguments.report.read_text(encoding="utf-8"))
        report = Report(tuple(Verdict.from_dict(verdict) for verdict in data["verdicts"]))
    else:
        report = dctheory.verify()
    old = README.read_text(encoding="utf-8")
    before, _, rest = old.partition(BEGIN)
    _, _, after = rest.partition(END)
    new = f"{before}{BEGIN}\n{_table(report).to_markdown()}\n{END}{after}"
    if arguments.check:
        return _compare(old, new)
    write_atomic(README, new)
    return 0


def _table(report: Report) -> Table:
    """The report without timings, readings of one claim that agree in one row."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for verdict in report:
        key = (verdict.claim, verdict.outcome.name, summary(verdict))
        rows.setdefault(key, []).append(verdict.pairing or "")
    return Table(
        ("claim", "reading", "outcome", "condition, or counterexample"),
        [
            (claim, "all" if len(pairings) == 3 else ", ".join(pairings), outcome, text)
            for (claim, outcome, text), pairings in rows.items()
        ],
        notes=report.table().notes,
    )


def _compare(old: str, new: str) -> int:
    if old == new:
        print("README.md's verdict table is the tool's.")
        return 0
    kept, made = old.splitlines(), new.splitlines()
    for line in kept:
        if line not in made:
            print(f"- {line}", file=sys.stderr)
    for line in made:
        if line not in kept:
            print(f"+ {line}", file=sys.stderr)
    print("README.md's verdict table is not the tool's: run make readme", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
