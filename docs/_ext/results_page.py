"""What training found, from the published results in figures/data/experiments."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from markdown import escape, table

from dctheory._table import format_cell
from dctheory.experiment._base import duration
from dctheory.experiment._publish import read_published
from dctheory.experiment._published_table import paper_table
from dctheory.experiment.registry import EXPERIMENTS, load_experiment

_FIGURES = Path(__file__).resolve().parents[2] / "figures"
_PUBLISHED = _FIGURES / "data" / "experiments"
_MISSING = "*still to be measured*"


def experiments() -> str:
    """All experiments: what each asks, and how long it takes."""
    rows = []
    for name in EXPERIMENTS:
        each = load_experiment(name)
        rows.append((f"`{name}`", escape(each.question), duration(each.seconds["cpu"])))
    return table(("experiment", "question", "time on 2 cores (`cpu`)"), rows)


def _published(name: str) -> list[dict[str, Any]]:
    """The published documents of an experiment, those of the largest preset first."""
    order = ("paper", "gpu", "cpu")
    found = [read_published(path) for path in sorted(_PUBLISHED.glob("*.json"))]
    found = [each for each in found if each["result"].name == name]
    return sorted(found, key=lambda each: order.index(each["result"].preset))


def result(name: str, *words: str) -> str:
    """Verdicts and findings of an experiment's published runs, or those that begin with words."""
    load_experiment(name)
    documents = _published(name)
    if not documents:
        return f"`{name}`: {_MISSING} (`dctheory experiment {name}`)."
    return "\n\n".join(_described(each, " ".join(words)) for each in documents)


def _described(document: dict[str, Any], words: str) -> str:
    found = document["result"]
    parts = [f"**`{document['command']}`** ({_cost(document)})"]
    if not words:
        parts += [f":::{{warning}}\n{escape(each)}\n:::" for each in found.warnings]
        parts.append(_agreement(found))
    rows = [
        (escape(each.claim), each.verdict, _difference(each), _number(each.published))
        for each in found.verdicts
        if each.claim.startswith(words)
    ]
    if rows:
        parts.append(table(("claim", "verdict", "difference, 95 % interval", "paper"), rows))
    told = [each for each in found.findings if each.startswith(words)]
    parts.append("\n".join(f"- {escape(each)}" for each in told))
    return "\n\n".join(part for part in parts if part)


def _agreement(found: Any) -> str:
    decided = [each.agrees for each in found.comparisons if each.agrees is not None]
    if not decided:
        return ""
    return f"Predictions that agree with training: {sum(decided)} of {len(decided)}."


def _cost(document: dict[str, Any]) -> str:
    seeds = len(document["result"].seeds)
    return (
        f"{seeds} seed{'s' * (seeds != 1)}, {duration(document['seconds'])}, {document['device']}"
    )


def _difference(verdict: Any) -> str:
    if verdict.difference is None:
        return "–"
    if verdict.interval is None:
        return _number(verdict.difference)
    low, high = verdict.interval
    # Two digits of the interval's width.
    digits = max(0, 1 - math.floor(math.log10(high - low))) if high > low else 3
    shown = [_signed(value, f"+.{digits}f") for value in (verdict.difference, low, high)]
    return f"{shown[0]} ({shown[1]} to {shown[2]})"


def _number(value: float | None) -> str:
    return "–" if value is None else _signed(value, "+.3g")


def _signed(value: float, form: str) -> str:
    return format(value, form).replace("-", "−")


def paper_tables() -> str:
    """Each table and figure of the paper that CIFAR serves: command, numbers, verdict, cost."""
    found = paper_table(_PUBLISHED)
    cells = [[format_cell(row[name]) for name in found.columns] for row in found.rows]
    rows = [[escape(cell) for cell in row] for row in cells]
    return "\n\n".join([table(found.columns, rows), *map(escape, found.notes)])


def figure(name: str) -> str:
    """A picture of figures/ with its caption."""
    data, picture = _FIGURES / "data" / f"{name}.json", _FIGURES / f"{name}.svg"
    if not (data.exists() and picture.exists()):
        return f"Figure {name}: *still to be drawn* (`python figures/regenerate.py {name}`)."
    caption = json.loads(data.read_text(encoding="utf-8"))["caption"]
    return f"```{{figure}} /../figures/{picture.name}\n:alt: {name}\n\n{escape(caption)}\n```"
