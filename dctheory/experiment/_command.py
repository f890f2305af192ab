"""``dctheory experiment``: its options, and what it prints."""

from __future__ import annotations

import argparse
import json
import shlex
import signal
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TextIO

from dctheory._arguments import UsageError
from dctheory._console import usage_errors, write
from dctheory._runs import json_text
from dctheory.experiment._publish import PUBLISHED, check_publishable, publish_result

if TYPE_CHECKING:
    from dctheory.experiment._run import Plan
    from dctheory.experiment.result import ExperimentResult

SUMMARY = "train, and set what comes of it beside the theory"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``dctheory experiment``."""
    add = parser.add_argument
    add("name", nargs="?", metavar="NAME", help="of an experiment, see --list")
    add("--list", action="store_true", help="the experiments, and the time each takes")
    add(
        "--preset",
        default="cpu",
        metavar="NAME",
        help="size: cpu (2 cores), gpu or paper (default: %(default)s)",
    )
    add("--seeds", type=int, metavar="N", help="seeds 0 to N − 1 (default: the preset's)")
    add(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting other than the preset's, e.g. dataset=cifar100; repeatable",
    )
    add("--data-dir", metavar="DIR", help="folder of the data sets, where some are read")
    add(
        "--out",
        default="results",
        metavar="DIR",
        help="results go to a new folder in DIR (default: %(default)s)",
    )
    add(
        "--resume",
        action="store_true",
        help="continue the newest unfinished run in the folder of --out, or that folder's own",
    )
    add(
        "--scheduler",
        metavar="ADDRESS",
        help="run the tasks on the Dask cluster with this scheduler, e.g. tcp://10.0.0.1:8786",
    )
    add(
        "--max-seconds",
        type=float,
        metavar="S",
        help="stop after S seconds, to be continued with --resume, exit code 3",
    )
    add(
        "--keep-features",
        action="store_true",
        help="keep what final encoders of cifar-… experiments make of their images, in the run's "
        "folder features/TASK, for dctheory diagnose (ResNet-18: 0.1 GB each)",
    )
    add(
        "--publish",
        nargs="?",
        const=PUBLISHED,
        metavar="DIR",
        help="write the result to DIR/NAME-PRESET.json too, where figures are drawn from (default: "
        f"{PUBLISHED}); with --resume also that of a finished run",
    )
    add("--dry-run", action="store_true", help="say what would be done, and write nothing")
    add("--json", action="store_true", help="one JSON document on stdout and nothing else")


def run(
    arguments: argparse.Namespace, stdout: TextIO, stderr: TextIO, width: int | None = None
) -> int:
    """Do what was asked and return the exit code.

    0 done (disagreement is a result), 1 a task failed, 3 stopped by --max-seconds, 130 and 143
    interrupted by SIGINT and SIGTERM: finished tasks are then kept, and stderr says how to
    continue. Raises UsageError.
    """
    from dctheory.experiment._run import make_plan
    from dctheory.experiment.registry import experiments_table

    if arguments.list:
        table = experiments_table()
        write(json_text(table.to_dict()) if arguments.json else table.to_text(width), stdout)
        return 0
    if arguments.name is None:
        raise UsageError("an experiment is required (see dctheory experiment --list)")
    with usage_errors(OSError, TypeError, ValueError):
        plan = make_plan(
            arguments.name,
            arguments.preset,
            seeds=arguments.seeds,
            data_dir=arguments.data_dir,
            out=arguments.out,
            resume=arguments.resume,
            finished=arguments.publish is not None,
            changes=arguments.set,
        )
        if arguments.publish is not None:
            check_publishable(
                arguments.name, plan.preset, plan.settings.to_dict(), arguments.publish
            )
    if arguments.dry_run:
        with usage_errors(OSError, ValueError):
            document = _described(plan, arguments.out)
        write(json_text(document) if arguments.json else _listed(document), stdout)
        return 0
    return _execute(plan, arguments, stdout, stderr, width)


def _execute(
    plan: Plan, arguments: argparse.Namespace, stdout: TextIO, stderr: TextIO, width: int | None
) -> int:
    from dctheory.experiment._run import open_folder
    from dctheory.experiment.tasks import OutOfTime, TaskError, Terminated

    with usage_errors(OSError, ValueError):
        folder = open_folder(plan, arguments.out)
    hint = f"finished tasks are kept; continue with: {_continuing(arguments, folder)}"
    places = {"folder": str(folder)}
    try:
        with _sigterm_interrupts(), usage_errors(OSError):
            result = _result(plan, folder, arguments, stderr)
            if arguments.publish is not None:
                with usage_errors(ValueError):
                    places["published"] = str(publish_result(result, arguments.publish))
    except OutOfTime:
        write(f"dctheory: the {arguments.max_seconds:g} seconds are over; {hint}", stderr)
        return 3
    except KeyboardInterrupt as interrupt:
        write(f"dctheory: interrupted; {hint}", stderr)
        return 143 if isinstance(interrupt, Terminated) else 130
    except TaskError as error:
        write("".join(traceback.format_exception(error.__cause__)).rstrip(), stderr)
        write(f"dctheory: error: {error}; {hint}", stderr)
        return 1
    except UsageError as error:
        raise UsageError(f"{error}; {hint}") from error
    if arguments.json:
        write(json_text(result.to_dict() | places), stdout)
    else:
        named = {"folder": "Results", "published": "Published"}
        where = "\n".join(f"{named[key]}: {place}" for key, place in places.items())
        write(f"{result.to_text(width)}\n\n{where}", stdout)
    return 0


def _result(
    plan: Plan, folder: Path, arguments: argparse.Namespace, stderr: TextIO
) -> ExperimentResult:
    """Of the run in the folder, once what is missing is there."""
    from dctheory._progress import progress_on
    from dctheory.experiment._run import conclude, perform
    from dctheory.experiment.result import RESULT_FILE, load_result

    # A ValueError of the analysis is a fault of ours and keeps its traceback.
    with usage_errors(ImportError, ValueError):
        if (folder / RESULT_FILE).exists():
            return load_result(folder)
        results = perform(
            plan,
            folder,
            scheduler=arguments.scheduler,
            progress=progress_on(stderr, "task"),
            max_seconds=arguments.max_seconds,
            keep_features=arguments.keep_features,
        )
    return conclude(plan, folder, results)


def _described(plan: Plan, out: str) -> dict[str, Any]:
    """What would be done."""
    from dctheory.experiment._cost import expected_cost, resolved

    new = Path(out) / f"{plan.experiment.name}-YYYYmmdd-HHMMSS"
    return {
        **plan.to_dict(),
        **resolved(plan.tasks),
        "tasks": len(plan.tasks),
        "finished": plan.finished,
        "folder": str(plan.folder or new),
        **expected_cost(plan),
    }


def _listed(document: dict[str, Any], indent: str = "") -> str:
    """A document as indented lines."""
    lines = []
    for name, value in document.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}:", _listed(value, f"{indent}  ")]
        else:
            shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            lines.append(f"{indent}{name}: {shown}")
    return "\n".join(lines)


def _continuing(arguments: argparse.Namespace, folder: Path) -> str:
    """The command that continues an interrupted run."""
    words = ["dctheory", "experiment", arguments.name, "--preset", arguments.preset]
    for option, value in (
        *(("--set", change) for change in arguments.set),
        ("--seeds", arguments.seeds),
        ("--data-dir", arguments.data_dir),
        ("--scheduler", arguments.scheduler),
        ("--max-seconds", arguments.max_seconds),
        ("--publish", arguments.publish),
        ("--out", folder),
    ):
        words += [] if value is None else [option, str(value)]
    kept = ["--keep-features"] if arguments.keep_features else []
    return shlex.join([*words, *kept, "--resume"])


@contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """Turn SIGTERM into an exception, where signals can be handled (the main thread)."""
    from dctheory.experiment.tasks import Terminated

    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def terminate(number: int, frame: FrameType | None) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
