"""The paper's methods and its mixed images on real digits: are its empirical claims reproduced?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dctheory.experiment._base import Analysis, Experiment
from dctheory.experiment._digits_claims import comparisons_of, findings_of, verdicts_of
from dctheory.experiment._digits_runs import DigitsSettings, run_task
from dctheory.experiment._digits_tables import (
    Choices,
    DigitsRuns,
    arms_of,
    methods_of,
    name_of_search,
    tables_of,
)
from dctheory.experiment.tasks import Task

REFERENCES = "references"


def make_tasks(
    settings: DigitsSettings, seeds: tuple[int, ...], data_dir: Path | None
) -> list[Task]:
    """What needs no training, and the search of each method; without a search the final runs."""
    tasks = [run_task(REFERENCES, "refer", [settings.config({}, seed) for seed in seeds])]
    if settings.candidates == 1:
        return [*tasks, *more_tasks(settings, seeds, {})]
    return [
        *tasks,
        *(
            run_task(
                name_of_search(method.name),
                "validate",
                [
                    settings.config(method.changes(number), seed, search=True)
                    for seed in seeds
                    for number in range(settings.candidates)
                ],
            )
            for method in methods_of(settings)
        ),
    ]


def more_tasks(
    settings: DigitsSettings, seeds: tuple[int, ...], results: Mapping[str, Any]
) -> list[Task]:
    """The final runs, of each seed with what its own search chose."""
    choices = Choices.of(settings, seeds, results)
    return [
        run_task(
            arm.name,
            "measure",
            [settings.config(arm.changes(choices.of_arm(arm, seed)), seed) for seed in seeds],
        )
        for arm in arms_of(settings)
    ]


def analyse(settings: DigitsSettings, results: Mapping[str, Any]) -> Analysis:
    """Differences of accuracies, Table 10's columns, and a verdict for each claim."""
    seeds = tuple(range(settings.seeds))
    choices = Choices.of(settings, seeds, results)
    records = {arm.name: results[arm.name]["runs"] for arm in arms_of(settings)}
    runs = DigitsRuns(settings, seeds, choices, records, results[REFERENCES]["runs"])
    return Analysis(
        comparisons=comparisons_of(runs),
        verdicts=verdicts_of(runs),
        tables=tables_of(runs),
        findings=findings_of(runs),
        warnings=runs.warnings,
    )


EXPERIMENT = Experiment(
    name="digits",
    title="The paper's methods and mixed images on handwritten digits",
    question=(
        "Do mixed images lower the accuracy, does it help to leave them out, and do the remedies "
        "on selected pairs improve on SimCLR, as the paper reports of larger images?"
    ),
    claims=("table-10", "thm-3.4", "cor-4.1", "thm-4.3", "thm-4.5"),
    presets={
        "smoke": DigitsSettings(
            seeds=1,
            ratios=(0.3,),
            methods=("removal",),
            candidates=1,
            steps=2,
            batch_size=8,
            width=2,
            features=12,
        ),
        "cpu": DigitsSettings(seeds=12, candidates=3),
        "gpu": DigitsSettings(seeds=30, steps=1000, width=32),
        "paper": DigitsSettings(seeds=50, steps=3000, width=32, batch_size=256),
    },
    seconds={"cpu": 600.0},
    tasks=make_tasks,
    more=more_tasks,
    analyse=analyse,
)
