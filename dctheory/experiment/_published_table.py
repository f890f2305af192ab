"""The paper's tables beside ours: what was measured at a size that decides, and what was not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from dctheory._table import Table
from dctheory.experiment._base import duration
from dctheory.experiment._publish import PUBLISHED, NotMeasured, published_result
from dctheory.experiment.cifar.published import ACCURACY, published_difference
from dctheory.experiment.registry import EXPERIMENTS, load_experiment

# On parts of the images, as the preset cpu trains, nothing is decided.
DECISIVE = ("gpu", "paper")
MISSING = "still to be measured"
# Those that the paper has on CIFAR-100 too (Tables 1 to 4).
_CIFAR_100 = ("cifar-removal", "cifar-margin", "cifar-temperature", "cifar-combined")
_COLUMNS = ("in the paper", "data", "what", "ours", "paper's", "verdict", "command", "cost")


def paper_table(folder: str | os.PathLike[str] = PUBLISHED) -> Table:
    """A row for each number and claim of the paper on CIFAR that an experiment serves.

    Every row but those of :data:`MISSING` comes from a published result.

    Args:
        folder: of the published results.
    """
    rows: list[dict[str, Any]] = []
    for dataset, names in (
        ("cifar10", [name for name in EXPERIMENTS if name.startswith("cifar-")]),
        ("cifar100", _CIFAR_100),
    ):
        for name in names:
            rows += _rows(name, dataset, folder)
    notes = (
        "accuracies of a linear probe in %, differences in points, paired by seed, with 95 % "
        "intervals",
        "the paper states the gains of removal and of margin and temperature together in % of the "
        "baseline's accuracy, to one digit: their numbers here are computed from these",
        f"{MISSING}: there is no result of a preset that decides ({' or '.join(DECISIVE)})",
    )
    return Table(_COLUMNS, rows, "The paper's tables on CIFAR", notes)


def _rows(name: str, dataset: str, folder: Any) -> Iterator[dict[str, Any]]:
    where, _, words = load_experiment(name).title.rpartition(": ")
    data = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100"}[dataset]
    common = {"in the paper": where or "not there", "data": data}
    try:
        found = published_result(name, DECISIVE, dataset=dataset, folder=folder)
    except NotMeasured as missing:
        theirs = _paper(name.removeprefix("cifar-"), dataset)
        row = {"what": words, "paper's": theirs, "verdict": MISSING, "command": str(missing)}
        yield common | row
        return
    result = found["result"]
    cost = f"{duration(found['seconds'])}, {len(result.seeds)} seeds, {found['device']}"
    common |= {"command": found["command"], "cost": cost}
    for row in result.tables["accuracy"].rows:
        ours = _interval(row["probe, %"], row["probe, % from"], row["probe, % to"])
        published = row.get("published, %")
        theirs = None if published is None else f"{published:.2f}"
        yield common | {"what": row["method"], "ours": ours, "paper's": theirs}
    for each in result.verdicts:
        low, high = each.interval or (None, None)
        theirs = None if each.published is None else f"{each.published:+.2f}"
        verdict = each.verdict
        if each.seeds_needed is not None:
            verdict += f" ({each.seeds_needed} seeds would decide)"
        ours = _interval(each.difference, low, high, sign="+")
        yield common | {"what": each.claim, "ours": ours, "paper's": theirs, "verdict": verdict}


def _paper(method: str, dataset: str) -> str | None:
    """What the paper reports: the baseline's accuracy, else a method's difference to it."""
    if method == "baseline":
        return f"{ACCURACY[dataset][method]:.2f}"
    if method not in ("removal", "temperature", "combined"):
        return None
    difference = published_difference(dataset, method, "baseline")
    return None if difference is None else f"{difference:+.2f}"


def _interval(value: float | None, low: Any, high: Any, sign: str = "") -> str | None:
    if value is None:
        return None
    ends = "" if low is None else f" [{low:{sign}.2f}, {high:{sign}.2f}]"
    return f"{value:{sign}.2f}{ends}"
