"""Sweeps over a training run: parameters × seeds, in this process or on a Dask cluster."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from dctheory._table import Table
from dctheory._validation import check_integer
from dctheory.experiment.statistics import mean_interval
from dctheory.experiment.tasks import Progress, Task, run_tasks
from dctheory.train.config import TrainConfig
from dctheory.train.config_file import from_dict, override, to_dict

_FUNCTION = "dctheory.experiment.sweep:train_seeds"


def sweep_tasks(config: TrainConfig, over: Mapping[str, Sequence[Any]], seeds: int) -> list[Task]:
    """A task for each combination of values; each trains all its seeds as one program.

    Args:
        config: the run that is varied.
        over: key of the configuration (``"optimizer.learning_rate"``) to its values.
        seeds: number of seeds, config.seed, config.seed + 1, …

    Raises:
        ValueError: an unknown key, no value, or a value that is refused there.
    """
    check_integer("seeds", seeds, 1)
    for key, values in over.items():
        if isinstance(values, str) or not len(values):
            raise ValueError(f"{key} needs at least one value to sweep over, got {values!r}")
    tasks = []
    for number, values in enumerate(itertools.product(*over.values())):
        point = dict(zip(over, values, strict=True))
        varied = override(config, [f"{key}={json.dumps(value)}" for key, value in point.items()])
        arguments = {"config": to_dict(varied), "seeds": seeds, "point": point}
        tasks.append(Task(f"point-{number:04d}", _FUNCTION, arguments))
    return tasks


def train_seeds(config: Mapping[str, Any], seeds: int, point: Mapping[str, Any]) -> dict[str, Any]:
    """Train one combination with all its seeds; what :func:`run_sweep` tabulates."""
    from dctheory.train.trainer import run_many

    first = from_dict(config)
    runs = [dataclasses.replace(first, seed=first.seed + i) for i in range(seeds)]
    results = run_many(runs)
    return {"point": dict(point), "runs": [each.to_dict() for each in results]}


def run_sweep(
    config: TrainConfig,
    over: Mapping[str, Sequence[Any]],
    folder: str | os.PathLike[str],
    *,
    seeds: int = 1,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Train every combination of values; what ``folder`` has already is not trained again.

    Args:
        config, over, seeds: see :func:`sweep_tasks`.
        folder, scheduler, progress: see :func:`dctheory.experiment.tasks.run_tasks`.

    Returns:
        For each combination, in the order of ``itertools.product``: ``point`` (key to value) and
        ``runs`` (:meth:`dctheory.train.TrainResult.to_dict` of each seed).
    """
    tasks = sweep_tasks(config, over, seeds)
    results = run_tasks(tasks, folder, scheduler=scheduler, progress=progress)
    return [results[task.name] for task in tasks]


def sweep_table(points: Sequence[Mapping[str, Any]]) -> Table:
    """Mean accuracy of the probe and its 95 % interval over the seeds, for each combination."""
    rows = []
    for each in points:
        found = [run["evaluation"] for run in each["runs"]]
        accuracies = [None if e is None else e["probe_accuracy"] for e in found]
        row = dict(each["point"]) | {"seeds": len(found), "diverged": found.count(None)}
        mean = mean_interval(accuracies)
        low, high = mean.interval or (None, None)
        row |= {"probe accuracy": mean.value, "95 % from": low, "to": high}
        rows.append(row)
    columns = list(rows[0]) if rows else ["seeds"]
    notes = ["intervals: Student's t over the seeds"]
    return Table(columns, rows, "Sweep", notes=notes)
