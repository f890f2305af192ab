"""The main job of ``dctheory verify``: decide the claims, then use the model on real input."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from dctheory._progress import Progress, progress_on
from dctheory._runs import manifest, new_run_folder, write_atomic, write_json
from dctheory._validation import check_choice


@dataclass(frozen=True)
class Result:
    """The report on the claims, the model on real input, experiments, and how they came about."""

    report: Any
    instances: tuple[Any, ...]
    manifest: dict[str, Any]
    experiments: tuple[Any, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """One document that strict JSON can hold; ``dctheory recheck`` reads it."""
        document: dict[str, Any] = json.loads(self.report.to_json())
        return document | {
            "instances": [instance.to_dict() for instance in self.instances],
            "experiments": [experiment.to_dict() for experiment in self.experiments],
            "manifest": self.manifest,
        }

    def to_text(self, width: int | None = None, *, instances: bool = True) -> str:
        """What the terminal shows: the verdicts, then each instance and each experiment."""
        shown = (*self.instances, *self.experiments) if instances else self.experiments
        parts = [self.report.to_text(width), *(each.to_text(width) for each in shown)]
        return "\n\n".join(parts)

    def save(self, folder: Path) -> None:
        """Write all parts into ``folder`` as JSON and Markdown; each experiment has a folder."""
        instances = [instance.to_dict() for instance in self.instances]
        markdown = "\n\n".join(instance.to_markdown() for instance in self.instances)
        write_atomic(folder / "report.json", self.report.to_json() + "\n")
        write_atomic(folder / "report.md", self.report.to_markdown() + "\n")
        write_json(folder / "instances.json", instances)
        write_atomic(folder / "instances.md", markdown + "\n")
        for experiment in self.experiments:
            own = folder / "experiments" / experiment.name
            own.mkdir(parents=True)
            experiment.save(own)
        write_json(folder / "manifest.json", self.manifest)


def run(
    claims: Sequence[str] | None,
    pairings: Sequence[str] | None,
    progress: Progress | None = None,
    *,
    training: Progress | None = None,
) -> Result:
    """Decide the chosen claims (all by default) and instantiate the model.

    With ``training``, which then shows their progress, the quick experiments are run besides.
    """
    import dctheory
    from dctheory.bound.instances import digits_instance, table_10_instance

    record = manifest()
    start = time.perf_counter()
    report = dctheory.verify(claims=claims, pairings=pairings, progress=progress)
    instances = (table_10_instance(), digits_instance())
    experiments: tuple[Any, ...] = ()
    if training is not None:
        from dctheory.experiment.registry import quick_experiments

        experiments = tuple(
            dctheory.run_experiment(name, progress=training) for name in quick_experiments()
        )
    record |= {"seconds": round(time.perf_counter() - start, 2)}
    return Result(report, instances, record, experiments)


def check_selection(claims: Sequence[str] | None, pairings: Sequence[str] | None) -> None:
    """Raise ValueError for an unknown claim or pairing, before any work."""
    from dctheory.claims.registry import PAIRINGS, select_claims

    select_claims(claims)
    for pairing in pairings or ():
        check_choice("pairing", pairing, PAIRINGS)


def new_folder(out: str | os.PathLike[str]) -> Path:
    """A new folder for one run of the main job, made before the work so that it fails early."""
    return new_run_folder(out, "verify")


@contextmanager
def removed_when_empty(folder: Path) -> Iterator[None]:
    """Take ``folder`` away again if the work in it fails before anything is written."""
    try:
        yield
    except BaseException:
        if not any(folder.iterdir()):
            folder.rmdir()
        raise


def progress(stream: TextIO, unit: str = "verdict") -> Progress:
    """A progress bar on a terminal, a line every few seconds elsewhere."""
    return progress_on(stream, unit)
