"""Everything that is to be measured on an accelerator, most important first, in one command.

    python benchmarks/gpu_plan.py [--minutes 9] [--preset gpu] [--list] [NAME ...]

It does what the minutes allow, in commands of under nine minutes, and keeps what is finished after
each one. The next call goes on where this one ended, also on another machine that has the files:

- ``benchmarks/results/PRESET/NAME.json``: the finished tasks of an experiment, or a speed
  benchmark's rows;
- ``figures/data/experiments``: published results.

With another preset than gpu both are written into ``--out``, so that a trial replaces nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dctheory._runs import write_atomic
from dctheory._table import Table
from dctheory.experiment._base import SMOKE
from dctheory.experiment._publish import PUBLISHED
from dctheory.experiment.registry import load_experiment
from dctheory.experiment.result import read_json

ROOT = Path(__file__).resolve().parent.parent
# Seconds: of a command at most, of one that is worth starting, and to wait for one that ends late.
LONGEST, SHORTEST, GRACE = 480.0, 45.0, 60.0
# Exit code of an experiment whose time is over.
OUT_OF_TIME = 3
DONE, NO_DATA = "done", "its data is not here"


@dataclass(frozen=True)
class Step:
    """One measurement.

    Attributes:
        name: of its files.
        part: of the plan, (a) to (g), or "speed".
        experiment: its name; "" for a speed benchmark.
        size: "paper" where the preset is the paper's, whatever the plan's is.
        changes: settings other than the preset's.
    """

    name: str
    part: str
    experiment: str = ""
    size: str = ""
    changes: tuple[str, ...] = ()

    def preset(self, plan: str) -> str:
        """The experiment's, in a plan of that preset."""
        return self.size if self.size and plan == "gpu" else plan

    def published(self, plan: str) -> str:
        """Name of the file of its published result."""
        suffix = next((f"-{each[8:]}" for each in self.changes if each.startswith("dataset=")), "")
        return f"{self.experiment}-{self.preset(plan)}{suffix}.json"


def _experiments(part: str, *names: str, size: str = "", changes: Any = ()) -> list[Step]:
    ends = "".join(f"-{each.partition('=')[2]}" for each in changes) + (f"-{size}" if size else "")
    return [Step(f"cifar-{n}{ends}", part, f"cifar-{n}", size, tuple(changes)) for n in names]


CIFAR_100 = ("dataset=cifar100",)
PLAN = (
    Step("speed-step", "speed"),
    *_experiments("a", "baseline"),
    Step("speed-peer", "speed"),
    Step("speed-target", "speed"),
    *_experiments("b", "combined"),
    *_experiments("c", "mixed"),
    *_experiments("b", "margin", "temperature", "removal"),
    Step("speed-losses", "speed"),
    *_experiments("d", "combined", "margin", "temperature", changes=CIFAR_100),
    # (e): debiased and HCL are among the methods of `combined`.
    *_experiments("e", "oracle", "selection"),
    *_experiments("f", "moco", "longtail", "subsets", "sensitivity"),
    *_experiments("g", "baseline", "combined", size="paper"),
)


@dataclass(frozen=True)
class Places:
    """Where files are.

    Attributes:
        kept: finished tasks and rows, which go from machine to machine.
        published: results.
        work: runs' folders with their checkpoints, on this machine.
    """

    kept: Path
    published: Path
    work: Path

    @classmethod
    def of(cls, preset: str, out: Path | None) -> Places:
        """Of the project for the preset gpu, else of a trial."""
        if preset == "gpu" and out is None:
            return cls(ROOT / "benchmarks/results/gpu", ROOT / PUBLISHED, ROOT / "results/gpu-plan")
        place = (out or ROOT / "results" / f"plan-{preset}").resolve()
        return cls(place / "kept", place / "published", place / "work")


# --- What is there


def state(step: Step, preset: str, places: Places) -> str:
    """In words: DONE, NO_DATA, or how far it is."""
    kept = places.kept / f"{step.name}.json"
    done = places.published / step.published(preset) if step.experiment else kept
    if done.exists():
        return DONE
    if not _has_data(step):
        return NO_DATA
    return f"{len(read_json(kept)['tasks'])} tasks done" if kept.exists() else "to be measured"


def _has_data(step: Step) -> bool:
    from dctheory.data.cifar import load_cifar10, load_cifar100

    if not step.experiment and step.name != "speed-target":
        return True
    load = load_cifar100 if step.changes == CIFAR_100 else load_cifar10
    try:
        load(download=False)
    except (OSError, ValueError):
        return False
    return True


# --- Finished tasks, from machine to machine


def keep(run: Path, file: Path) -> None:
    """The settings, the manifest and the finished tasks of a run's folder, in one file."""
    tasks = {path.stem: read_json(path) for path in sorted((run / "tasks").glob("*.json"))}
    document = {
        "settings": read_json(run / "settings.json"),
        "manifest": _without_places(read_json(run / "manifest.json")),
        "tasks": tasks,
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(file, json.dumps(document, ensure_ascii=False) + "\n")


def restore(file: Path, run: Path) -> None:
    """The run's folder that :func:`keep` was given, with what is still unfinished left out."""
    document = read_json(file)
    (run / "tasks").mkdir(parents=True, exist_ok=True)
    parts = {f"tasks/{name}.json": record for name, record in document["tasks"].items()}
    parts |= {f"{name}.json": document[name] for name in ("manifest", "settings")}
    for name, part in parts.items():
        if not (run / name).exists():
            write_atomic(run / name, json.dumps(part, ensure_ascii=False, indent=1) + "\n")


def _without_places(manifest: dict[str, Any]) -> dict[str, Any]:
    """Commands name folders of this machine."""
    found = {key: value for key, value in manifest.items() if key not in ("command", "resumed")}
    if resumed := [_without_places(each) for each in manifest.get("resumed", ())]:
        found["resumed"] = resumed
    return found


# --- Doing it

Run = Callable[[list[str], float], int]


def do(step: Step, preset: str, places: Places, seconds: float, run: Run) -> int:
    """One command of a step; its exit code. What it finished is kept, also where it failed."""
    if not step.experiment:
        small = ["--small"] * (preset != "gpu")
        script = str(ROOT / "benchmarks/gpu_speed.py")
        name = step.name.removeprefix("speed-")
        return run([sys.executable, script, name, "--out", str(places.kept), *small], seconds)
    folder, kept = _run_folder(step, places), places.kept / f"{step.name}.json"
    if folder is None and kept.exists():
        folder = places.work / step.name / f"{step.experiment}-0"
        restore(kept, folder)
    resumed = ["--resume"] if folder is not None else []
    words = [sys.executable, "-m", "dctheory", "experiment", step.experiment]
    words += ["--preset", step.preset(preset), *resumed, "--publish", str(places.published)]
    words += [word for change in step.changes for word in ("--set", change)]
    words += ["--out", str(folder or places.work / step.name), "--max-seconds", f"{seconds:.0f}"]
    try:
        return run(words, seconds + GRACE)
    finally:
        folder = _run_folder(step, places)
        if folder is not None:
            keep(folder, kept)


def _run_folder(step: Step, places: Places) -> Path | None:
    """The newest folder of a run of the step on this machine."""
    found = (places.work / step.name).glob(f"{step.experiment}-*/settings.json")
    folders = sorted((path.parent for path in found), key=lambda path: path.stat().st_mtime_ns)
    return folders[-1] if folders else None


def run_command(words: list[str], seconds: float) -> int:
    """The exit code of a command; one that takes too long is asked to end, then killed."""
    print(f"$ {' '.join(words)}", flush=True)
    # Found from the project's root, installed or not.
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    with subprocess.Popen(words, cwd=ROOT, env={**os.environ, "PYTHONPATH": paths}) as process:
        for end, wait in ((process.terminate, seconds), (process.kill, GRACE / 2)):
            try:
                return process.wait(wait)
            except subprocess.TimeoutExpired:
                end()
        return process.wait()


def run_plan(
    steps: list[Step], preset: str, places: Places, seconds: float, run: Run = run_command
) -> Iterator[tuple[Step, int]]:
    """Do the steps in turn until the seconds are over; yields each command's step and exit code.

    A step that fails is left for the next call; the others are done.
    """
    end = time.monotonic() + seconds
    for step in steps:
        while state(step, preset, places) not in (DONE, NO_DATA):
            left = end - time.monotonic() - GRACE
            if left < SHORTEST:
                return
            code = do(step, preset, places, min(left, LONGEST), run)
            yield step, code
            if code != OUT_OF_TIME:
                break


def overview(preset: str, places: Places) -> Table:
    """What is done and what is still to be measured."""
    titles = {each: load_experiment(each).title for each in {s.experiment for s in PLAN} - {""}}
    rows = [
        (each.part, each.name, titles.get(each.experiment), state(each, preset, places))
        for each in PLAN
    ]
    return Table(("part", "name", "what", "state"), rows, title=f"Plan, preset {preset}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("names", nargs="*", help="only these of --list, in the plan's order (default: all)")
    add("--list", action="store_true", help="what is done, and what is still to be measured")
    add("--minutes", type=float, default=9.0, help="for all commands together (default: 9)")
    add("--preset", default="gpu", choices=("gpu", "cpu", SMOKE), help="smoke and cpu: a trial")
    add("--out", type=Path, help="folder of a trial's files")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - {step.name for step in PLAN}
    if unknown:
        parser.error(f"unknown name {min(unknown)!r}; see --list")
    places = Places.of(arguments.preset, arguments.out)
    failed: list[str] = []
    if not arguments.list:
        steps = [step for step in PLAN if not arguments.names or step.name in arguments.names]
        for step, code in run_plan(steps, arguments.preset, places, 60 * arguments.minutes):
            if code not in (0, OUT_OF_TIME):
                failed.append(step.name)
        for name in failed:
            print(f"{name} failed; what it finished is kept", file=sys.stderr)
    print(overview(arguments.preset, places).to_text())
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
