"""Write docs/_data/verdicts.json from a report, or with --check fail where it differs.

The file holds every verdict with its evidence, but of the proof steps their kinds and names only:
the digest of the whole verdict stands beside them, as report.json has it.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import dctheory
from dctheory._runs import write_atomic

DATA = Path(__file__).resolve().parent.parent / "docs" / "_data" / "verdicts.json"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail on drift")
    parser.add_argument("--report", type=Path, help="a report.json; without it, verify runs")
    arguments = parser.parse_args()
    if arguments.report:
        report = json.loads(arguments.report.read_text(encoding="utf-8"))
    else:
        report = dctheory.verify().to_dict()
    verdicts = [_without_contents(verdict) for verdict in report["verdicts"]]
    if arguments.check:
        return _compare(json.loads(DATA.read_text(encoding="utf-8")), verdicts)
    write_atomic(DATA, json.dumps(verdicts, ensure_ascii=False, indent=1) + "\n")
    return 0


def _without_contents(verdict: dict[str, Any]) -> dict[str, Any]:
    steps = [[step["kind"], step["name"]] for step in verdict["steps"]]
    kept = {key: value for key, value in verdict.items() if key not in ("seconds", "steps")}
    return {**kept, "steps": steps}


def _compare(kept: list[dict[str, Any]], made: list[dict[str, Any]]) -> int:
    differing = {_name(verdict) for verdict in map(_portable, kept + made)} - {
        _name(old) for old in map(_portable, kept) if old in list(map(_portable, made))
    }
    if not differing:
        print("The documentation's verdicts are the tool's.")
        return 0
    for name in sorted(differing):
        print(f"differs: {name}", file=sys.stderr)
    print("docs/_data/verdicts.json is out of date: run make verdicts", file=sys.stderr)
    return 1


def _portable(verdict: dict[str, Any]) -> dict[str, Any]:
    """Without what differs between machines: the last digits of sampled figures."""
    if verdict["outcome"] != "EVIDENCE":
        return verdict
    return {key: value for key, value in verdict.items() if key not in ("details", "digest")}


def _name(verdict: dict[str, Any]) -> str:
    return f"{verdict['claim']} {verdict['pairing'] or ''}".rstrip()


if __name__ == "__main__":
    sys.exit(main())
