"""Sweeps: tasks whose results are kept, run in this process or on a Dask cluster."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import re
import shutil
import sys
import time
import uuid
import warnings
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dctheory._progress import Progress
from dctheory._runs import write_json
from dctheory._table import plain
from dctheory._validation import check_real
from dctheory.experiment.result import read_json

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=+-]{0,99}")
_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
# Seconds to wait for a scheduler.
_CONNECT = 30


class TaskError(RuntimeError):
    """A task failed; its cause is the first one's error. The others' results are kept."""


class Terminated(KeyboardInterrupt):
    """SIGTERM came; it ends the work as Ctrl-C does."""


class OutOfTime(Exception):
    """The time that was given is over; what was done is kept, as after Ctrl-C."""


# What `call` gives, or the error that the function raised.
Outcome = dict[str, Any] | Exception
Outcomes = Generator[tuple["Task", Outcome], None, None]


@dataclass(frozen=True)
class Site:
    """Where a task works, and how long: what its result does not depend on.

    Attributes:
        folder: of its own, where it finds what an interrupted call of it left; None on a cluster.
            It is removed when the result is stored.
        data_dir: folder of the data sets; None for where they are looked for by default.
        features: where a task leaves the features of what it trained, for those who wish to look at
            them; None for nowhere.
        deadline: when to stop, on the clock of ``time.monotonic``; None for never.
    """

    folder: Path | None = None
    data_dir: Path | None = None
    features: Path | None = None
    deadline: float | None = None

    @property
    def seconds_left(self) -> float | None:
        """Until the deadline, at least 0; None without one."""
        return None if self.deadline is None else max(self.deadline - time.monotonic(), 0.0)


@dataclass(frozen=True)
class Task:
    """One piece of a sweep: a function and its arguments, by which its result is known again.

    Args:
        name: of the result's file: up to 100 letters, digits and ``. _ = + -``.
        function: ``"package.module:function"``; it must return what JSON can hold (arrays become
            lists) and depend on nothing but its arguments.
        arguments: by keyword; a JSON document, and the function gets it as JSON gives it back.
        sited: the function also takes ``site``, a :class:`Site`. Stopped by its deadline or by
            SIGTERM it raises an exception with a bool ``terminated``, which is True for SIGTERM.

    Raises:
        ValueError: another name or function, or arguments that strict JSON cannot hold.
    """

    name: str
    function: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    sited: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise ValueError(
                f"a task's name must be letters, digits and . _ = + -, at most 100, got "
                f"{self.name!r}; it names a file"
            )
        if not isinstance(self.function, str) or not _FUNCTION.fullmatch(self.function):
            raise ValueError(f"function must be 'package.module:function', got {self.function!r}")
        if not isinstance(self.arguments, Mapping):
            raise ValueError(f"arguments of {self.name} must be a mapping, got {self.arguments!r}")
        try:
            document = json.loads(json.dumps(dict(self.arguments), allow_nan=False))
        except (TypeError, ValueError) as error:
            raise ValueError(f"arguments of {self.name} are no JSON: {error}") from error
        object.__setattr__(self, "arguments", document)

    @property
    def identity(self) -> dict[str, Any]:
        """What the result depends on."""
        return {"function": self.function, "arguments": self.arguments}


def run_tasks(
    tasks: Sequence[Task],
    folder: str | os.PathLike[str],
    *,
    scheduler: str | None = None,
    progress: Progress | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    features: str | os.PathLike[str] | None = None,
    max_seconds: float | None = None,
) -> dict[str, Any]:
    """Run the tasks that have no result in ``folder`` yet, and return the results of all.

    Each result is written to ``folder/NAME.json``, whole or not at all, as soon as it is there,
    so that an interrupted sweep continues with what is missing. A damaged result is computed
    again, with a warning.

    Args:
        tasks: with distinct names (also where upper and lower case are the same).
        folder: made if it is missing. Not locked: see :func:`dctheory._lock.folder_lock`.
        scheduler: address of a Dask scheduler, e.g. ``"tcp://10.0.0.1:8786"``, whose workers can
            import dctheory; they need not see ``folder``. What a dying worker was at is done by
            another. None runs the tasks in this process, in order.
        progress: called with (done, total, name).
        data_dir: folder of the data sets, for tasks that are sited.
        features: folder in which each sited task leaves the features of its encoder, if it trains
            one, in a folder of its name. Not on a cluster.
        max_seconds: stop after so long: sited tasks in their midst, to be continued, others not
            before they are finished. Not on a cluster.

    Returns:
        Name of the task to its function's result, as JSON gives it back.

    Raises:
        TaskError: tasks failed; raised when the others are finished and kept.
        Terminated: SIGTERM came while a task trained; at once, as KeyboardInterrupt for Ctrl-C.
        OutOfTime: ``max_seconds`` are over.
        ValueError: repeated names, a result in the folder of another function or other
            arguments, or a scheduler that does not answer.
        ImportError: a scheduler is given and ``distributed`` is not installed.
        OSError: a result cannot be written or read.
    """
    repeated = [name for name, n in Counter(t.name.casefold() for t in tasks).items() if n > 1]
    if repeated:
        raise ValueError(f"tasks need distinct names; repeated: {', '.join(repeated)}")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    found = {task.name: _stored(task, folder) for task in tasks}
    missing = [task for task in tasks if found[task.name] is None]
    site = _site(data_dir, features, max_seconds)
    if scheduler is None:
        outcomes = _in_process(missing, folder, site)
    else:
        outcomes = _on_cluster(missing, scheduler, site)
    show = progress or (lambda done, total, name: None)
    done, failed = len(tasks) - len(missing), {}
    show(done, len(tasks), missing[0].name if missing else "nothing is missing")
    with closing(outcomes):
        for task, outcome in outcomes:
            if isinstance(outcome, Exception):
                failed[task.name] = outcome
            else:
                found[task.name] = _store(task, folder, outcome)
                shutil.rmtree(folder / task.name, ignore_errors=True)
            done += 1
            show(done, len(tasks), task.name)
    if failed:
        raise _failure(failed) from next(iter(failed.values()))
    return {name: record["result"] for name, record in found.items() if record is not None}


def provenance(tasks: Sequence[Task], folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Where the results in ``folder`` were computed, and what they took.

    Returns:
        ``devices``; ``task_seconds`` of all together; ``peak_memory``, bytes at most so far in a
        ``process`` that ran them and on its ``device`` (None where it does not say).
    """
    records = [read_json(Path(folder) / f"{task.name}.json") for task in tasks]
    devices = {record["device"] for record in records if record["device"] is not None}
    peaks = [record.get("peak_memory") or {} for record in records]
    return {
        "devices": sorted(devices),
        "task_seconds": round(sum(record["seconds"] for record in records), 3),
        "peak_memory": {
            where: max((peak[where] for peak in peaks if peak.get(where)), default=None)
            for where in ("process", "device")
        },
    }


# --- Running


def call(function: str, arguments: Mapping[str, Any], site: Site | None = None) -> dict[str, Any]:
    """The result of one function as JSON, with what it took and JAX's device, if any."""
    module, _, name = function.partition(":")
    sited = {} if site is None else {"site": site}
    start = time.perf_counter()
    result = plain(getattr(importlib.import_module(module), name)(**arguments, **sited))
    seconds = round(time.perf_counter() - start, 3)
    jax = sys.modules.get("jax")
    device = None if jax is None else jax.devices()[0]
    return {
        "result": result,
        "seconds": seconds,
        "device": None if device is None else device.device_kind,
        "peak_memory": {"process": _peak_of_process(), "device": _peak_of(device)},
    }


def _peak_of_process() -> int | None:
    """Bytes resident at most, since the process began; None on Windows."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def _peak_of(device: Any) -> int | None:
    """Bytes that JAX's arrays took at most on a device; None where it does not count them."""
    stats = None if device is None else device.memory_stats()
    return None if stats is None else stats.get("peak_bytes_in_use")


def _site(data_dir: Any, features: Any, max_seconds: float | None) -> Site:
    # Absolute, so that a run can be continued from another working directory.
    data, kept = (
        None if place is None else Path(place).expanduser().resolve()
        for place in (data_dir, features)
    )
    deadline = None
    if max_seconds is not None:
        seconds = check_real("max_seconds", max_seconds, 0, low_open=True)
        deadline = time.monotonic() + seconds
    return Site(data_dir=data, features=kept, deadline=deadline)


def _in_process(tasks: Sequence[Task], folder: Path, site: Site) -> Outcomes:
    for task in tasks:
        if site.seconds_left == 0:
            raise OutOfTime
        own = _of_task(site, task, folder) if task.sited else None
        try:
            outcome: Outcome = call(**task.identity, site=own)
        except Exception as error:
            # The trainer notes SIGTERM by itself, and ends at its next step with such an error.
            terminated = getattr(error, "terminated", None)
            if terminated is not None:
                raise (Terminated if terminated else OutOfTime) from error
            outcome = error
        yield task, outcome


def _of_task(site: Site, task: Task, folder: Path) -> Site:
    features = None if site.features is None else site.features / task.name
    return replace(site, folder=folder.resolve() / task.name, features=features)


def _on_cluster(tasks: Sequence[Task], scheduler: str, site: Site) -> Outcomes:
    """What the cluster's workers give, in the order in which they finish."""
    distributed = _distributed()
    try:
        client = distributed.Client(scheduler, timeout=_CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ValueError(f"no Dask scheduler answers at {scheduler!r}: {error}") from error
    with client, client.as_current():
        # Keys of this call alone: results of another one's equal keys would be taken for these.
        call_id = uuid.uuid4().hex
        away = replace(site, features=None, deadline=None)
        futures = {
            client.submit(
                call,
                **task.identity,
                site=away if task.sited else None,
                key=f"{task.name}-{call_id}",
            ): task
            for task in tasks
        }
        for future in distributed.as_completed(list(futures)):
            try:
                outcome: Outcome = future.result()
            except Exception as error:
                outcome = error
            yield futures.pop(future), outcome


def _distributed() -> Any:
    try:
        return importlib.import_module("distributed")
    except ImportError as error:
        raise ImportError(
            "a Dask cluster needs the package distributed; pip install 'dctheory[cluster]', or "
            "leave the scheduler out to run in this process"
        ) from error


def _failure(failed: Mapping[str, Exception]) -> TaskError:
    name, error = next(iter(failed.items()))
    others = f"; failed as well: {', '.join(list(failed)[1:])}" if len(failed) > 1 else ""
    return TaskError(f"task {name} failed: {type(error).__name__}: {error}{others}")


# --- Results on disk


def _store(task: Task, folder: Path, outcome: Mapping[str, Any]) -> dict[str, Any]:
    record = {**task.identity, **outcome}
    record["sha256"] = _digest(record)
    write_json(folder / f"{task.name}.json", record)
    return record


def _stored(task: Task, folder: Path) -> dict[str, Any] | None:
    """The record of a task that was run before, None where it is missing or damaged."""
    path = folder / f"{task.name}.json"
    try:
        record = read_json(path)
        if not isinstance(record, dict) or record.pop("sha256", None) != _digest(record):
            raise ValueError("its content does not fit its sha256")
    except FileNotFoundError:
        return None
    except ValueError as error:
        message = f"{path} is damaged and is computed again: {error}"
        warnings.warn(message, RuntimeWarning, stacklevel=3)
        return None
    if {name: record.get(name) for name in task.identity} != task.identity:
        raise ValueError(
            f"{path} is the result of another task: {_difference(record, task)}; choose another "
            "folder, or delete the file to compute it again"
        )
    return record


def _difference(record: Mapping[str, Any], task: Task) -> str:
    if record.get("function") != task.function:
        return f"function {record.get('function')}, not {task.function}"
    old, new = record.get("arguments"), task.arguments
    keys = {*new, *old} if isinstance(old, dict) else {*new}
    old = old if isinstance(old, dict) else {}
    differing = sorted(key for key in keys if old.get(key) != new.get(key))
    return f"the arguments differ in {', '.join(differing)}"


def _digest(record: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
