"""Training runs, from a configuration to results."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import jax
import numpy as np

from dctheory._validation import check_integer
from dctheory.train.config import TrainConfig
from dctheory.train.config_file import to_dict
from dctheory.train.devices import from_first_process
from dctheory.train.group import make_groups
from dctheory.train.loop import Callback, Limits, Loop, Progress
from dctheory.train.outcome import TrainResult
from dctheory.train.run_folder import RunFolder


def run_many(
    configs: Sequence[TrainConfig],
    *,
    devices: int | None = None,
    progress: Progress | None = None,
    callback: Callback | None = None,
) -> list[TrainResult]:
    """Train several runs, in as few programs as their differences allow.

    Runs that differ in seed, rates and the numbers of the objective (and in data of the same
    shapes) share a program, which is compiled once. Small ones are mapped over in it, so that all
    together take little longer than one; large ones run one after the other. A run whose loss
    becomes NaN or infinite ends as ``diverged_at``, the others go on.

    Args:
        configs: at least one.
        devices: how many to use; all by default.
        progress: called with (steps done, steps in all, mean loss).
        callback: called at each evaluation with the step and the runs that are trained together.

    Returns:
        One result for each configuration, in their order.

    Raises:
        TypeError: something else than configurations.
        ValueError: see :func:`dctheory.train.group.make_groups`.
    """
    if not configs:
        raise ValueError("there is no run: give at least one TrainConfig")
    for each in configs:
        _check_kind(each)
    results: dict[int, TrainResult] = {}
    for group, places in make_groups(configs, devices):
        loop = Loop(group, None, Limits(), progress, callback, may_diverge=True)
        results |= zip(places, loop.run(), strict=True)
    return [results[index] for index in range(len(configs))]


def run_training(
    config: TrainConfig,
    *,
    seeds: int | None = None,
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    devices: int | None = None,
    until: int | None = None,
    max_seconds: float | None = None,
    progress: Progress | None = None,
    callback: Callback | None = None,
) -> list[TrainResult]:
    """Train one run, or the same with several seeds as one program, in a folder that can resume.

    Args:
        config: the run.
        seeds: number of runs, with the seeds config.seed, config.seed + 1, …; None for one.
        out: where the folder ``train-YYYYmmdd-HHMMSS`` is made; None keeps nothing on disk.
        resume: continue ``out``, a run's folder, or the newest such folder in it, bit for bit on
            the same kind of device. A run that is complete is only read and evaluated.
        devices: how many to use; all by default.
        until, max_seconds: stop after that step, or the first step after so many seconds, with a
            checkpoint, to be resumed.
        progress, callback: see :func:`run_many`.

    Returns:
        The results, one for each seed.

    Raises:
        ValueError: what makes no run; a folder in use, of another configuration or version.
        Stopped: by ``until``, ``max_seconds`` or SIGTERM.
        NonFiniteLoss: no run has a finite loss; the last good checkpoint stays.
        OSError: the folder cannot be written; the checkpoints before stay.
    """
    _check_kind(config)
    count = 1 if seeds is None else check_integer("seeds", seeds, 1)
    configs = [dataclasses.replace(config, seed=config.seed + i) for i in range(count)]
    limits = Limits(until, max_seconds)
    groups = make_groups(configs, devices, mapped=True)
    if len(groups) > 1:
        raise ValueError(
            f"{count} seeds give data of different shapes, which one program cannot hold; train "
            "them one by one, or give the data a seed of its own"
        )
    group = groups[0][0]
    if out is None:
        return Loop(group, None, limits, progress, callback).run()
    with _folder(out, to_dict(config), count, resume) as folder:
        results = Loop(group, folder, limits, progress, callback).run()
        if folder is not None:
            folder.write_json("result.json", {"runs": [each.to_dict() for each in results]})
    return results


def _check_kind(config: Any) -> None:
    if not isinstance(config, TrainConfig):
        raise TypeError(
            f"a run is a TrainConfig, got {config!r}; read a file with dctheory.train.load_config"
        )


@contextmanager
def _folder(
    out: str | os.PathLike[str], document: dict[str, Any], seeds: int, resume: bool
) -> Iterator[RunFolder | None]:
    """The run's folder in process 0, None in others; without one none of them starts."""
    folder, error = None, None
    with ExitStack() as stack:
        if jax.process_index() == 0:
            try:
                start = RunFolder.start(out, "train", document, seeds=seeds, resume=resume)
                folder = stack.enter_context(start)
            except (OSError, ValueError) as found:
                error = found
        if from_first_process(np.array(error is not None)):
            raise error or ValueError("process 0 cannot start, and says why")
        yield folder
