"""What the batch size changes: in the pairs that Eq. 12 selects, and in the probe's error."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dctheory._table import Table
from dctheory.experiment._arms import LOSSES, WITH
from dctheory.experiment._base import Analysis, Experiment
from dctheory.experiment._batches import (
    ARMS,
    SHARES,
    BatchSettings,
    batch_task,
    perfect_share,
    random_shares,
)
from dctheory.experiment._effects import SAME, compare_effect, errors_of, signed
from dctheory.experiment.result import AT_LEAST, EQUAL, Comparison, compare
from dctheory.experiment.statistics import MeanInterval, mean_interval, paired_difference
from dctheory.experiment.tasks import Task


def make_tasks(
    settings: BatchSettings, seeds: tuple[int, ...], data_dir: Path | None
) -> list[Task]:
    """One task for each loss and batch size, all arms and seeds in one program."""
    return [batch_task(settings, loss, size) for loss in LOSSES for size in settings.sizes]


def analyse(settings: BatchSettings, results: Mapping[str, Any]) -> Analysis:
    """Shares and errors by batch size."""
    found = [
        BatchResult(settings, loss, size, results[f"{loss}-batch{size}"]["runs"])
        for loss in LOSSES
        for size in settings.sizes
    ]
    comparisons: list[Comparison] = []
    findings: list[str] = []
    for loss in LOSSES:
        own = [each for each in found if each.loss == loss]
        middle = next(each for each in own if each.size == settings.batch_size)
        comparisons += _compare_shares(middle)
        comparisons += [
            each.compare(middle, arm) for arm in ARMS for each in own if each is not middle
        ]
        findings += _findings(own, middle)
    return Analysis(
        comparisons=comparisons,
        tables={"errors": _errors(found), "selection": _selection(found)},
        findings=findings,
        warnings=[warning for each in found for warning in each.warnings()],
    )


@dataclass(frozen=True, eq=False)
class BatchResult:
    """What was trained with one loss and batch size."""

    settings: BatchSettings
    loss: str
    size: int
    runs: Sequence[Mapping[str, Any]]

    def share(self, arm: str, size: int, name: str) -> MeanInterval:
        """Mean of a share among the pairs that an arm's encoders select in batches of a size."""
        place = SHARES.index(name)
        runs = [run for run in self.runs if run["arm"] == arm and run["shares"] is not None]
        return mean_interval([run["shares"][str(size)][place] for run in runs])

    def effect(self, other: BatchResult, arm: str) -> MeanInterval:
        """Of this batch size on an arm's error, against another."""
        return paired_difference(errors_of(self.runs, arm), errors_of(other.runs, arm))

    def compare(self, middle: BatchResult, arm: str) -> Comparison:
        """Its errors beside those of the middle size: the theory has no batch size."""
        return compare_effect(
            f"{self.loss}, {arm}: error at batch {self.size} less at {middle.size}",
            SAME,
            self.effect(middle, arm),
            self.settings.smallest,
            f"learning rate × √({self.size}/{middle.size})",
        )

    def warnings(self) -> list[str]:
        """Runs that diverged, and errors above the bound of the run's own features."""
        label = f"{self.loss}, batch {self.size}"
        diverged = sum(run["error"] is None for run in self.runs)
        found = [f"{label}: {diverged} runs diverged"] if diverged else []
        return found + [
            f"{label}, {run['arm']}, {run['warning']}" for run in self.runs if run.get("warning")
        ]


def _compare_shares(middle: BatchResult) -> list[Comparison]:
    """The selection of one set of encoders, trained at the middle size without a remedy."""
    by_chance = random_shares(middle.settings)
    comparisons = []
    for size in middle.settings.sizes:
        perfect = perfect_share(middle.settings, size)
        for share, prediction, relation, words in (
            ("cross-class", perfect, EQUAL, "a perfect ranking"),
            ("cross-class", by_chance["cross-class"], AT_LEAST, "a random choice"),
            ("difficult", by_chance["difficult"], AT_LEAST, "a random choice"),
        ):
            found = middle.share(WITH, size, share)
            half = 0.0 if found.interval is None else float(np.ptp(found.interval)) / 2
            comparisons.append(
                compare(
                    f"{middle.loss}, pairs selected in batches of {size}: share that is {share}, "
                    f"beside {words}",
                    prediction,
                    math.nan if found.value is None else found.value,
                    half,
                    "half the 95 % interval over the seeds",
                    relation=relation,
                    interval=found.interval,
                )
            )
    return comparisons


def _errors(found: Sequence[BatchResult]) -> Table:
    rows = []
    for each in found:
        for arm in ARMS:
            error = mean_interval(errors_of(each.runs, arm))
            low, high = error.interval or (None, None)
            bounds = [run["bound"] for run in each.runs if run["arm"] == arm and run.get("bound")]
            easy, difficult = (
                mean_interval(errors_of(each.runs, arm, kind)).value
                for kind in ("easy", "difficult")
            )
            rows.append(
                {
                    **{"loss": each.loss, "batch": each.size, "arm": arm, "error": error.value},
                    **{"95 % from": low, "to": high, "easy": easy, "difficult": difficult},
                    "own bound": mean_interval(bounds).value,
                }
            )
    notes = ("as many samples seen at every size; learning rate in proportion to √batch",)
    return Table(list(rows[0]), rows, "Errors of the linear probe on fresh samples", notes)


def _selection(found: Sequence[BatchResult]) -> Table:
    rows = [
        {
            **{"loss": each.loss, "trained at": each.size, "arm": arm, "selected from": size},
            "perfect ranking": perfect_share(each.settings, size),
            **{name: each.share(arm, size, name).value for name in SHARES},
        }
        for each in found
        for arm in ARMS
        for size in dict.fromkeys((each.size, *(each.settings.sizes if arm == WITH else ())))
    ]
    rows.append({"arm": "a random choice", **random_shares(found[0].settings)})
    columns = list(rows[0])
    notes = (
        "shares among the pairs that Eq. 12 selects on training samples; difficult: cross-class "
        "and both ends difficult, half difficult: at least one; perfect ranking: the cross-class "
        "share if same-class views ranked first; the last row: of all negative pairs",
    )
    return Table(columns, rows, "What is selected", notes)


def _findings(own: Sequence[BatchResult], middle: BatchResult) -> list[str]:
    sizes = middle.settings.sizes
    shown = "; ".join(
        f"{size}: {_percent(middle.share(WITH, size, 'cross-class'))} cross-class (perfect ranking "
        f"{perfect_share(middle.settings, size):.1%}), "
        f"{_percent(middle.share(WITH, size, 'difficult'))} difficult"
        for size in sizes
    )
    by_chance = random_shares(middle.settings)
    changes = "; ".join(
        f"{arm}: "
        + ", ".join(
            f"{each.size} {signed(each.effect(middle, arm))}" for each in own if each is not middle
        )
        for arm in ARMS
    )
    return [
        f"{middle.loss}: among the pairs that the same encoders select in batches of {shown}; a "
        f"random choice has {by_chance['cross-class']:.1%} and {by_chance['difficult']:.1%}.",
        f"{middle.loss}: trained at another batch size than {middle.size}, as many samples seen, "
        f"the error changes by {changes}.",
    ]


def _percent(found: MeanInterval) -> str:
    return "none" if found.value is None else f"{found.value:.1%}"


EXPERIMENT = Experiment(
    name="batch-size",
    title="What the batch size changes",
    question=(
        "How do the pairs that Eq. 12 selects, at fixed percentiles, and the probe's error depend "
        "on the batch size, when as many samples are seen?"
    ),
    claims=("eq-2",),
    presets={
        "smoke": BatchSettings(
            seeds=2,
            validation_seeds=2,
            per_class=10,
            steps=2,
            batch_size=8,
            width=4,
            sizes=(8,),
            k=3,
            difficult=4,
            drawn=16,
        ),
        "cpu": BatchSettings(seeds=8),
        "gpu": BatchSettings(seeds=20, steps=2400, sizes=(16, 32, 64, 128, 256, 500)),
        "paper": BatchSettings(
            seeds=20,
            classes=10,
            per_class=500,
            dimension=64,
            width=256,
            steps=10_000,
            batch_size=256,
            sizes=(32, 64, 128, 256, 512, 1024, 2048),
            k=9,
            difficult=200,
            drawn=8192,
        ),
    },
    seconds={"cpu": 120.0},
    tasks=make_tasks,
    analyse=analyse,
)
