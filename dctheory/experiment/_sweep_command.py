"""``dctheory sweep``: its options, and what it prints."""

from __future__ import annotations

import argparse
import json
from typing import Any, TextIO

from dctheory._arguments import UsageError
from dctheory._console import usage_errors, write
from dctheory._runs import json_text

SUMMARY = "train every combination of values, here or on a Dask cluster"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``dctheory sweep``."""
    from dctheory.train._command import add_config_arguments

    add_config_arguments(parser)
    add = parser.add_argument
    add(
        "--over",
        action="append",
        default=[],
        metavar="KEY=V1,V2,…",
        help="values to sweep over, e.g. objective.temperature=0.1,0.5; repeatable",
    )
    add("--seeds", type=int, default=1, metavar="N", help="seeds of each combination (default: 1)")
    add(
        "--scheduler",
        metavar="ADDRESS",
        help="run on the Dask cluster with this scheduler, e.g. tcp://10.0.0.1:8786",
    )
    add(
        "--out",
        default="results",
        metavar="DIR",
        help="results go to a new folder in DIR (default: %(default)s)",
    )
    add(
        "--resume",
        action="store_true",
        help="continue the newest sweep in the folder of --out, or that folder's own",
    )
    add("--json", action="store_true", help="one JSON document on stdout and nothing else")


def run(
    arguments: argparse.Namespace, stdout: TextIO, stderr: TextIO, width: int | None = None
) -> int:
    """Do what was asked and return the exit code: 0 done, 1 a combination failed.

    Raises UsageError.
    """
    from dctheory._progress import progress_on
    from dctheory.experiment.sweep import run_sweep, sweep_table, sweep_tasks
    from dctheory.experiment.tasks import TaskError
    from dctheory.train._command import read_config
    from dctheory.train.config_file import to_dict
    from dctheory.train.run_folder import RunFolder

    with usage_errors(OSError, TypeError, ValueError):
        config, over = read_config(arguments), dict(map(_values, arguments.over))
        # Judged before anything is written.
        sweep_tasks(config, over, arguments.seeds)
    document = {"config": to_dict(config), "over": over, "seeds": arguments.seeds}
    try:
        with (
            usage_errors(ImportError, OSError, ValueError),
            RunFolder.start(arguments.out, "sweep", document, resume=arguments.resume) as folder,
        ):
            points = run_sweep(
                config,
                over,
                folder.path / "points",
                seeds=arguments.seeds,
                scheduler=arguments.scheduler,
                progress=progress_on(stderr, "point"),
            )
            folder.write_json("result.json", {"points": points})
    except TaskError as error:
        write(f"dctheory: error: {error}", stderr)
        return 1
    if arguments.json:
        write(json_text({"points": points, "folder": str(folder.path)}), stdout)
    else:
        write(f"{sweep_table(points).to_text(width)}\n\nResults: {folder.path}", stdout)
    return 0


def _values(text: str) -> tuple[str, list[Any]]:
    """``KEY=V1,V2`` as the key and its values, each JSON or else a bare word."""
    key, equals, values = text.partition("=")
    if not (key and equals and values):
        raise UsageError(f"argument --over: expected KEY=V1,V2,…, got {text!r}")
    return key, [_value(each) for each in values.split(",")]


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
