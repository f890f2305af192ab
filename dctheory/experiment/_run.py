"""Running an experiment: what is to be done, where its files go, and what comes of it."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dctheory._lock import folder_lock
from dctheory._runs import manifest, new_run_folder, write_json
from dctheory._validation import check_choice, check_integer
from dctheory._version import __version__
from dctheory.experiment._base import PRESETS, SMOKE, Analysis, Experiment, Settings
from dctheory.experiment.registry import load_experiment
from dctheory.experiment.result import (
    RESULT_FILE,
    ExperimentResult,
    load_result,
    read_json,
)
from dctheory.experiment.tasks import Progress, Task, provenance, run_tasks

SETTINGS_FILE, MANIFEST_FILE, TASKS = "settings.json", "manifest.json", "tasks"
FEATURES = "features"


@dataclass(frozen=True)
class Plan:
    """One run of an experiment, judged to be possible, before anything is written.

    Attributes:
        experiment, preset, settings: what is run.
        tasks: of the sweep.
        folder: the run's folder that is continued, None for a new one.
        data_dir: folder of the data sets; None for where they are looked for by default.
    """

    experiment: Experiment
    preset: str
    settings: Settings
    tasks: tuple[Task, ...]
    folder: Path | None = None
    data_dir: Path | None = None

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of the runs."""
        return tuple(range(self.settings.seeds))

    @property
    def finished(self) -> int:
        """Tasks whose results are in the folder already."""
        if self.folder is None:
            return 0
        return sum((self.folder / TASKS / f"{task.name}.json").exists() for task in self.tasks)

    def tasks_after(self, results: Mapping[str, Any]) -> tuple[Task, ...]:
        """The tasks, with those that follow from results."""
        more = self.experiment.more
        following = () if more is None else more(self.settings, self.seeds, results)
        names = {task.name for task in self.tasks}
        return (*self.tasks, *(task for task in following if task.name not in names))

    def to_dict(self) -> dict[str, Any]:
        """What a run's ``settings.json`` holds, and a continued run must have too."""
        return {
            "experiment": self.experiment.name,
            "dctheory": __version__,
            "preset": self.preset,
            "settings": self.settings.to_dict(),
        }


def make_plan(
    name: str,
    preset: str = "cpu",
    *,
    seeds: int | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    finished: bool = False,
    changes: Iterable[str] = (),
) -> Plan:
    """What :func:`run_experiment` would do; it raises what is wrong with the input.

    With ``finished`` a finished run may be resumed too, where no unfinished one is: nothing of it
    is missing, and its result can be published.
    """
    experiment = load_experiment(name)
    # The smoke is for tests: an error does not offer it.
    if preset != SMOKE:
        check_choice("preset", preset, PRESETS)
    settings = experiment.presets[preset].changed(changes)
    if seeds is not None:
        settings = replace(settings, seeds=check_integer("seeds", seeds, 1))
    numbers = tuple(range(settings.seeds))
    directory = None if data_dir is None else Path(data_dir)
    tasks = tuple(experiment.tasks(settings, numbers, directory))
    plan = Plan(experiment, preset, settings, tasks, data_dir=directory)
    return replace(plan, folder=_resumed(plan, out, finished)) if resume else plan


def _resumed(plan: Plan, out: str | os.PathLike[str] | None, finished: bool) -> Path:
    """The folder to continue: ``out`` itself, or the newest one in it that has no result.

    Where every run in it has one and ``finished`` is true, the newest with the plan's settings.
    """
    if out is None:
        raise ValueError("resume needs out, the folder in which the interrupted run is")
    folder = Path(out)
    if not (folder / SETTINGS_FILE).exists():
        name = plan.experiment.name
        runs = [path.parent for path in folder.glob(f"{name}-[0-9]*/{SETTINGS_FILE}")]
        open_runs = [run for run in runs if not (run / RESULT_FILE).exists()]
        if finished and not open_runs:
            open_runs = [run for run in runs if not _differing(plan, run)]
        if not open_runs:
            unfinished = "" if finished else "unfinished "
            raise ValueError(
                f"no {unfinished}run of {name} in {str(folder)!r}; leave resume out to start one"
            )
        folder = max(open_runs, key=_started)
    elif (folder / RESULT_FILE).exists() and not finished:
        raise ValueError(f"the run in {str(folder)!r} is finished; read it with load_result")
    _check_same(plan, folder)
    return folder


def _started(run: Path) -> tuple[int, str]:
    return (run / SETTINGS_FILE).stat().st_mtime_ns, run.name


def _check_same(plan: Plan, folder: Path) -> None:
    """Raise ValueError with the keys in which the run in ``folder`` differs from the plan."""
    if differing := _differing(plan, folder):
        raise ValueError(
            f"the run in {str(folder)!r} has other settings: {', '.join(differing)}; resume it "
            "with its own, or start a new run"
        )


def _differing(plan: Plan, folder: Path) -> list[str]:
    stored, wanted = _flat(_read(folder / SETTINGS_FILE)), _flat(plan.to_dict())
    keys = [*wanted, *(key for key in stored if key not in wanted)]
    return [
        f"{key} = {stored.get(key)!r} (now {wanted.get(key)!r})"
        for key in keys
        if stored.get(key) != wanted.get(key)
    ]


def _flat(document: Mapping[str, Any]) -> dict[str, Any]:
    head = {key: value for key, value in document.items() if key != "settings"}
    settings = document.get("settings")
    return {**head, **settings} if isinstance(settings, Mapping) else head


def open_folder(plan: Plan, out: str | os.PathLike[str]) -> Path:
    """The folder to continue, else a new one ``out/NAME-YYYYmmdd-HHMMSS`` with the settings.

    Raises ValueError or OSError where ``out`` cannot hold it.
    """
    if plan.folder is not None:
        return plan.folder
    folder = new_run_folder(out, plan.experiment.name)
    write_json(folder / MANIFEST_FILE, manifest())
    write_json(folder / SETTINGS_FILE, plan.to_dict())
    return folder


def perform(plan: Plan, folder: Path, **options: Any) -> dict[str, Any]:
    """Run the tasks that the folder has no result of, and return the results of all.

    Options are those of :func:`dctheory.experiment.run_tasks`, ``max_seconds`` for all together;
    with ``keep_features`` encoders leave features in the folder ``features``, where they can.

    A continued run's manifest gains an entry under "resumed".

    Raises:
        ValueError: the folder is in use, or what :func:`dctheory.experiment.run_tasks` raises.
        TaskError, ImportError, OSError: likewise.
    """
    most, began, tasks = options.pop("max_seconds", None), time.monotonic(), plan.tasks
    if options.pop("keep_features", False):
        options["features"] = folder / FEATURES
    with folder_lock(folder):
        if plan.folder is not None:
            record = _read(folder / MANIFEST_FILE)
            record["resumed"] = [*record.get("resumed", ()), manifest()]
            write_json(folder / MANIFEST_FILE, record)
        while True:
            left = None if most is None else max(most - (time.monotonic() - began), 1e-3)
            results = run_tasks(
                tasks, folder / TASKS, data_dir=plan.data_dir, max_seconds=left, **options
            )
            following = plan.tasks_after(results)
            if len(following) == len(tasks):
                return results
            tasks = following


def conclude(plan: Plan, folder: Path, results: Mapping[str, Any]) -> ExperimentResult:
    """Write into the folder what the results say, and return it. Raises OSError."""
    analysis = plan.experiment.analyse(plan.settings, results)
    if plan.preset == SMOKE:
        analysis = _undecided(analysis)
    origin = provenance(plan.tasks_after(results), folder / TASKS)
    ExperimentResult(
        name=plan.experiment.name,
        title=plan.experiment.title,
        question=plan.experiment.question,
        preset=plan.preset,
        seeds=plan.seeds,
        comparisons=tuple(analysis.comparisons),
        verdicts=tuple(analysis.verdicts),
        tables=analysis.tables,
        findings=tuple(analysis.findings),
        warnings=tuple(analysis.warnings),
        settings=plan.settings.to_dict(),
        manifest=_read(folder / MANIFEST_FILE)
        | {name: origin[name] for name in ("devices", "peak_memory")},
        seconds=origin["task_seconds"],
    ).save(folder)
    # What a caller gets is what a reader of the file gets.
    return load_result(folder)


def _undecided(analysis: Analysis) -> Analysis:
    comparisons = [replace(each, agrees=None) for each in analysis.comparisons]
    return replace(analysis, comparisons=comparisons, verdicts=(), findings=())


def run_experiment(
    name: str,
    preset: str = "cpu",
    *,
    seeds: int | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    scheduler: str | None = None,
    progress: Progress | None = None,
    changes: Iterable[str] = (),
    max_seconds: float | None = None,
) -> ExperimentResult:
    """Run a named experiment; ``dctheory experiment NAME`` writes what this returns.

    Args:
        name: one of ``dctheory experiment --list``.
        preset: "cpu" (seconds to minutes on 2 cores), "gpu" or "paper".
        seeds: number N of paired seeds, 0 to N − 1; the preset's by default.
        data_dir: folder of the data sets, for experiments that read some.
        out: results go to a new folder ``out/NAME-YYYYmmdd-HHMMSS``; None keeps none.
        resume: continue the newest unfinished run of this experiment in ``out``, or the one whose
            folder ``out`` is, with the same preset and seeds; finished tasks are not run again.
        scheduler: address of a Dask scheduler whose workers run the tasks; else this process.
        progress: called with (done, total, name of a task).
        changes: settings that differ from the preset's, such as "dataset=cifar100".
        max_seconds: stop after so long, to be continued with ``resume``.

    Returns:
        The result; disagreement with the theory is a result, no error.

    Raises:
        ValueError: an unknown name or preset, nothing to resume, a run with other settings (they
            are named), a folder in use, a scheduler that does not answer.
        TypeError: a value of the wrong kind.
        TaskError: tasks failed, when the others are finished.
        OutOfTime: ``max_seconds`` are over.
        ImportError: a scheduler is given and ``distributed`` is not installed.
        OSError: files cannot be written.
    """
    plan = make_plan(
        *(name, preset), seeds=seeds, data_dir=data_dir, out=out, resume=resume, changes=changes
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder = open_folder(plan, temporary if out is None else out)
        results = perform(
            plan, folder, scheduler=scheduler, progress=progress, max_seconds=max_seconds
        )
        return conclude(plan, folder, results)


def _read(path: Path) -> dict[str, Any]:
    try:
        document = read_json(path)
        if not isinstance(document, dict):
            raise ValueError("no JSON object")
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}; start a new run") from error
    return document
