"""Figure 4c: during training, are the selected pairs of two classes?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dctheory._table import Table
from dctheory.experiment._base import Analysis
from dctheory.experiment.cifar.methods import BASELINE, Method
from dctheory.experiment.cifar.presets import presets
from dctheory.experiment.cifar.settings import CifarSettings
from dctheory.experiment.cifar.study import Study
from dctheory.experiment.cifar.tables import Runs
from dctheory.experiment.statistics import mean_interval, paired_verdict

_COMBINED = {"objective.method": "combined", "objective.sigma": 0.1, "objective.rho": 0.7}


def _methods(settings: CifarSettings) -> list[Method]:
    return [Method(BASELINE), Method("combined", _COMBINED)]


def _options(settings: CifarSettings) -> Mapping[str, Any]:
    return {"moments": settings.moments}


def _shares(settings: CifarSettings, runs: Runs) -> Analysis:
    rows, verdicts, findings = [], [], []
    for method in (each.name for each in runs.methods):
        watched = [each.get("selection") or [] for each in runs.of(method)]
        for seed, records in zip(runs.seeds, watched, strict=True):
            rows += [{"method": method, "seed": seed, **record} for record in records]
        first, last = ([r[i]["selected"] if r else None for r in watched] for i in (0, -1))
        chance = mean_interval([r[-1]["all"] if r else None for r in watched])
        verdicts.append(
            paired_verdict(
                f"{method}: the share of cross-class pairs among the selected grows in training",
                *(last, first),
            )
        )
        end = mean_interval(last).value
        if end is not None and chance.value is not None:
            findings.append(
                f"{method}: at the end {100 * end:.2f} % of the selected pairs are of two classes, "
                f"of all negative pairs {100 * chance.value:.2f} %."
            )
    columns = ("method", "seed", "step", "selected", "all", "accuracy")
    notes = (
        "selected, all: share of cross-class pairs among the pairs that Eq. 12 selects, and among "
        "all negative ones, in batches of augmented views",
    )
    tables = {"selection": Table(columns, rows, "Cross-class pairs during training", notes)}
    return Analysis(verdicts=verdicts, findings=findings, tables=tables)


SELECTION = Study(methods=_methods, options=_options, searched=False, extra=_shares).experiment(
    name="cifar-selection",
    title="Figure 4c: what Eq. 12 selects",
    question="Does the share of cross-class pairs among the selected ones near 100 % in training?",
    presets=presets(gpu={"moments": 10}),
    seconds={"cpu": 60.0},
)
