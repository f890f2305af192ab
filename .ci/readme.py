"""Write the verdict table into README.md, or with --check fail where it differs."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import dctheory
from dctheory._runs import write_atomic
from dctheory._table import Table

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN, END = "<!-- verdicts:begin -->", "<!-- verdicts:end -->"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail on drift")
    parser.add_argument("--report", type=Path, help="a report.json; without it, verify runs")
    arguments = parser.parse_args()
    if arguments.report:
        verdicts = json.loads(arguments.report.read_text(encoding="utf-8"))["verdicts"]
    else:
        verdicts = json.loads(dctheory.verify().to_json())["verdicts"]
    old = README.read_text(encoding="utf-8")
    before, _, rest = old.partition(BEGIN)
    _, _, after = rest.partition(END)
    new = f"{before}{BEGIN}\n{_table(verdicts).to_markdown()}\n{END}{after}"
    if arguments.check:
        return _compare(old, new)
    write_atomic(README, new)
    return 0


def _table(verdicts: list[dict]) -> Table:
    """One row a claim; the readings that agree share a cell."""
    claims: dict[str, list[dict]] = {}
    for verdict in verdicts:
        claims.setdefault(verdict["claim"], []).append(verdict)
    rows = [(claim, _outcomes(group), _conditions(group)) for claim, group in claims.items()]
    return Table(("claim", "outcome", "holds if and only if"), rows)


def _grouped(group: list[dict], key: str) -> list[tuple[str, str]]:
    """(value, the pairings that have it) in order; no pairings where all agree."""
    values: dict[str, list[str]] = {}
    for verdict in group:
        if verdict[key]:
            values.setdefault(verdict[key], []).append(verdict["pairing"] or "")
    return [
        (value, "" if len(pairings) == len(group) else ", ".join(pairings))
        for value, pairings in values.items()
    ]


def _outcomes(group: list[dict]) -> str:
    return "; ".join(
        f"{outcome} ({pairings})" if pairings else outcome
        for outcome, pairings in _grouped(group, "outcome")
    )


def _conditions(group: list[dict]) -> str:
    return "; ".join(
        f"{pairings}: {condition}" if pairings else condition
        for condition, pairings in _grouped(group, "condition")
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
