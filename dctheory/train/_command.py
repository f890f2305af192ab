"""``dctheory train``: its options, and what it prints."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from dctheory._console import usage_errors, write
from dctheory._runs import json_text

if TYPE_CHECKING:
    from dctheory.train.config import TrainConfig
    from dctheory.train.outcome import TrainResult

SUMMARY = "train an encoder as a configuration says, in a folder that can be resumed"


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that say what a run is, for :func:`read_config`."""
    add = parser.add_argument
    add("config", nargs="?", metavar="CONFIG", help="TOML or JSON file (default: the digits)")
    add(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="of the configuration, e.g. optimizer.learning_rate=0.1; repeatable",
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``dctheory train``."""
    add_config_arguments(parser)
    add = parser.add_argument
    add("--seeds", type=int, metavar="N", help="train N seeds as one program")
    add(
        "--out",
        default="results",
        metavar="DIR",
        help="results go to a new folder in DIR (default: %(default)s)",
    )
    add(
        "--resume",
        action="store_true",
        help="continue the newest run in the folder of --out, or that folder's own",
    )
    add("--devices", type=int, metavar="N", help="accelerators to use (default: all)")
    add(
        "--max-seconds",
        type=float,
        metavar="S",
        help="stop after S seconds with a checkpoint, exit code 3",
    )
    add(
        "--coordinator",
        metavar="HOST:PORT",
        help="of process 0, to train with several processes: each gives --processes and --process",
    )
    add("--processes", type=int, default=1, metavar="N", help="how many (default: 1)")
    add("--process", type=int, default=0, metavar="I", help="this one's number, from 0")
    add("--dry-run", action="store_true", help="print the configuration, and write nothing")
    add("--json", action="store_true", help="one JSON document on stdout and nothing else")


def run(
    arguments: argparse.Namespace, stdout: TextIO, stderr: TextIO, width: int | None = None
) -> int:
    """Do what was asked and return the exit code.

    0 done, 1 the loss is not finite, 3 stopped by --max-seconds, 143 by SIGTERM. Raises
    UsageError.
    """
    with usage_errors(OSError, TypeError, ValueError):
        config = read_config(arguments)
    if arguments.dry_run:
        from dctheory.train.config_file import to_dict

        write(json_text(to_dict(config)), stdout)
        return 0
    from dctheory.train.outcome import NonFiniteLoss, Stopped

    # Of several processes the first one says how they all end.
    first = arguments.process == 0
    try:
        results = _train(config, arguments, stderr)
    except NonFiniteLoss as error:
        write(f"dctheory: error: {error}", stderr)
        return 1
    except Stopped as stop:
        if first:
            write(f"dctheory: {stop}", stderr)
        return 143 if stop.terminated else 3
    if first:
        write(_shown(results, arguments.json, width), stdout)
    return 0


def read_config(arguments: argparse.Namespace) -> TrainConfig:
    """The configuration that the command names; errors as of ``load_config`` and ``override``."""
    from dctheory.train.config import TrainConfig
    from dctheory.train.config_file import load_config, override

    given = arguments.config
    config = TrainConfig(epochs=100) if given is None else load_config(given)
    return override(config, arguments.set)


def _train(
    config: TrainConfig, arguments: argparse.Namespace, stderr: TextIO
) -> Sequence[TrainResult]:
    from dctheory.train.progress import progress
    from dctheory.train.trainer import run_training

    with usage_errors(OSError, TypeError, ValueError), progress(stderr, "training") as shown:
        _join(arguments)
        return run_training(
            config,
            seeds=arguments.seeds,
            out=arguments.out,
            resume=arguments.resume,
            devices=arguments.devices,
            max_seconds=arguments.max_seconds,
            progress=shown if arguments.process == 0 else None,
        )


def _join(arguments: argparse.Namespace) -> None:
    """Become one of several processes, if the command says so."""
    if arguments.coordinator is None:
        if (arguments.processes, arguments.process) != (1, 0):
            raise ValueError(
                "--processes and --process need --coordinator HOST:PORT, the address of process 0"
            )
        return
    from dctheory.train.devices import initialize_processes

    initialize_processes(arguments.coordinator, arguments.processes, arguments.process)


def _shown(results: Sequence[TrainResult], as_json: bool, width: int | None) -> str:
    folder = results[0].folder
    if as_json:
        documents = [result.to_dict() for result in results]
        return json_text({"runs": documents, "folder": str(folder)})
    from dctheory._table import Table

    rows, notes = [], []
    for result in results:
        found = result.evaluation or {}
        numbers = {name: value for name, value in found.items() if isinstance(value, float)}
        rows.append({"seed": result.config.seed, "steps": result.step} | numbers)
        notes.append(found.get("protocol", f"the loss diverged at step {result.diverged_at}"))
    columns = list(dict.fromkeys(name for row in rows for name in row))
    table = Table(columns, rows, notes=list(dict.fromkeys(notes)))
    return table.to_text(width) + (f"\n\nResults: {folder}" if folder else "")
