"""What training found, from the published results in figures/data/experiments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from markdown import escape, table

from dctheory.experiment._base import duration
from dctheory.experiment._publish import read_published
from dctheory.experiment.registry import EXPERIMENTS, load_experiment

_PUBLISHED = Path(__file__).resolve().parents[2] / "figures" / "data" / "experiments"
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


def result(name: str) -> str:
    """Verdicts and findings of an experiment's published runs."""
    load_experiment(name)
    documents = _published(name)
    if not documents:
        return f"`{name}`: {_MISSING} (`dctheory experiment {name}`)."
    return "\n\n".join(_described(each) for each in documents)


def _described(document: dict[str, Any]) -> str:
    found = document["result"]
    parts = [f"**`{document['command']}`** ({_cost(document)})"]
    parts += [f":::{{warning}}\n{escape(each)}\n:::" for each in found.warnings]
    if found.comparisons:
        agreed = sum(each.agrees is True for each in found.comparisons)
        decided = sum(each.agrees is not None for each in found.comparisons)
        parts.append(f"Predictions that agree with training: {agreed} of {decided}.")
    if found.verdicts:
        rows = [
            (escape(each.claim), each.verdict, _difference(each), _number(each.published))
            for each in found.verdicts
        ]
        parts.append(table(("claim", "verdict", "difference, 95 % interval", "paper"), rows))
    parts.append("\n".join(f"- {escape(each)}" for each in found.findings))
    return "\n\n".join(part for part in parts if part)


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
    return f"{_number(verdict.difference)} ({_number(low)} to {_number(high)})"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:+.3g}".replace("-", "−")


def paper_tables() -> str:
    """Each table and figure of the paper that CIFAR serves: command, numbers, verdict, cost."""
    rows: list[tuple[str, ...]] = []
    for name in EXPERIMENTS:
        if not name.startswith("cifar-"):
            continue
        title = escape(load_experiment(name).title)
        documents = _published(name)
        if not documents:
            rows.append((title, f"`dctheory experiment {name}`", "", _MISSING, "", "", ""))
        for document in documents:
            rows += _rows(title, document)
    columns = ("", "command", "claim", "verdict", "ours, 95 % interval", "paper", "cost")
    return table(columns, rows)


def _rows(title: str, document: dict[str, Any]) -> list[tuple[str, ...]]:
    found, command, cost = document["result"], f"`{document['command']}`", _cost(document)
    if not found.verdicts:
        return [(title, command, "", "no claim to decide", "", "", cost)]
    return [
        (
            *(title, command, escape(each.claim), each.verdict),
            *(_difference(each), _number(each.published), cost),
        )
        for each in found.verdicts
    ]
