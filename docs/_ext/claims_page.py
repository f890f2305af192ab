"""The page of claims, from docs/_data/verdicts.json (which .ci/verdicts.py writes and checks)."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

from markdown import escape, table

Verdict = dict[str, Any]
_READINGS = ("both", "matched", "either")
_DATA = Path(__file__).resolve().parent.parent / "_data" / "verdicts.json"
# Of a condition on one line, and of the parentheses inside of which it is broken.
_LONGEST, _DEEPEST = 80, 3
_GREEK = {"alpha": "α", "beta": "β", "gamma": "γ", "larger gamma": "γ′", "delta": "δ"}
_KINDS = {
    "identity": ("symbolic identity", "symbolic identities"),
    "smt": ("SMT query", "SMT queries"),
    "limit": ("symbolic limit", "symbolic limits"),
    "interval": ("interval", "intervals"),
    "sampling": ("sample", "samples"),
    "instance": ("exact instance", "exact instances"),
}


@cache
def _claims() -> dict[str, list[Verdict]]:
    found: dict[str, list[Verdict]] = {}
    for verdict in json.loads(_DATA.read_text(encoding="utf-8")):
        found.setdefault(verdict["claim"], []).append(verdict)
    return found


def anchor(claim: str) -> str:
    """The label of a claim's section."""
    return "claim-" + re.sub(r"[^a-z0-9]+", "-", claim.lower())


def counts() -> str:
    """How many verdicts there are of each kind."""
    outcomes = Counter(verdict["outcome"] for each in _claims().values() for verdict in each)
    listed = ", ".join(f"{number} {name}" for name, number in outcomes.most_common())
    return f"{sum(outcomes.values())} verdicts: {listed}."


def summary() -> str:
    """A row for each claim, a column for each reading."""
    rows = []
    for claim, verdicts in _claims().items():
        outcomes = {verdict["pairing"]: verdict["outcome"] for verdict in verdicts}
        cells = [outcomes.get(reading, outcomes.get(None, "")) for reading in _READINGS]
        where = escape(verdicts[0]["where"])
        rows.append((f"[{escape(claim)}](#{anchor(claim)})", where, *cells))
    return table(("claim", "in the paper", *_READINGS), rows)


def sections() -> str:
    """A section for each claim: statement, verdicts with their evidence, and how to repeat them."""
    return "\n\n".join(_section(claim, verdicts) for claim, verdicts in _claims().items())


def _section(claim: str, verdicts: list[Verdict]) -> str:
    first = verdicts[0]
    parts = [
        f"({anchor(claim)})=\n## {claim}",
        f"**{escape(first['where'])}.** {escape(_sentence(first['statement']))}",
    ]
    groups: dict[tuple[str, str], list[str]] = {}
    for verdict in verdicts:
        key = (verdict["outcome"], _evidence(verdict))
        groups.setdefault(key, []).append(verdict["pairing"])
    for (outcome, evidence), readings in groups.items():
        head = "" if readings == [None] else f"`{'`, `'.join(readings)}`: "
        parts.append(f"{head}**{outcome}.** {evidence}")
    parts.append(f"```bash\ndctheory verify --claims {claim}\n```")
    return "\n\n".join(parts)


def _evidence(verdict: Verdict) -> str:
    """Method, condition, witnesses and remarks; the same text for readings that agree."""
    parts = [escape(_sentence(verdict["method"]))]
    if verdict["condition"]:
        parts.append(f"Holds exactly if\n\n```text\n{_broken(verdict['condition'])}\n```")
    witness = verdict["witness"]
    if witness and "fails" in witness:
        parts += [
            f"Holds for instance at {_point(witness['holds'])}.",
            f"Fails for instance at {_point(witness['fails'])}.",
        ]
    elif witness:
        name = "Counterexample" if verdict["outcome"] == "REFUTED" else "At"
        parts.append(f"{name}: {_point(witness)}.")
    parts.append("\n".join(f"- {escape(detail)}" for detail in verdict["details"]))
    parts.append(_steps(verdict["steps"]))
    return "\n\n".join(part for part in parts if part)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}." if text[0].isascii() else f"{text}."


def _broken(condition: str) -> str:
    """A condition on several lines if it is long: one for each alternative, by depth."""
    if len(condition) <= _LONGEST:
        return condition
    lines, depth, ahead = [""], 0, condition
    while ahead:
        joint = re.match(r" (or|and) ", ahead)
        if joint and depth <= _DEEPEST:
            lines.append(f"{'    ' * depth}{joint[1]} ")
            ahead = ahead[joint.end() :]
            continue
        depth += {"(": 1, ")": -1}.get(ahead[0], 0)
        lines[-1] += ahead[0]
        ahead = ahead[1:]
    return "\n".join(lines)


def _point(point: dict[str, Any]) -> str:
    shown = []
    for name, value in point.items():
        text = ", ".join(f"{k} = {v}" for k, v in value.items()) if type(value) is dict else value
        shown.append(f"{_GREEK.get(name, name)} = {text}")
    return escape(", ".join(shown))


def _steps(steps: list[list[str]]) -> str:
    if not steps:
        return ""
    counted = Counter(kind for kind, _ in steps)
    kinds = ", ".join(f"{n} {_KINDS[kind][n > 1]}" for kind, n in counted.items())
    names = "; ".join(escape(name) for _, name in steps)
    return f"Proof in `report.json`: {kinds} ({names})."
