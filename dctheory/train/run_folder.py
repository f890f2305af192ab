"""The folder of a training run: configuration, manifest, log, checkpoints, result.

``manifest.json`` says how the run came about (and under "resumed" how it was continued) and in
which format the folder is; ``config.json`` what was asked for; ``log.jsonl`` has a record a line;
``checkpoints`` those of :mod:`dctheory.train.checkpoint`.
"""

from __future__ import annotations

import json
import math
import os
import re
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from dctheory._lock import folder_lock
from dctheory._runs import manifest, new_run_folder, write_atomic
from dctheory._validation import check_integer
from dctheory.train.config_file import differences, leaves

FORMAT = 1
_CONFIG, _MANIFEST, _LOG = "config.json", "manifest.json", "log.jsonl"
# Differing keys that an error names.
_NAMED = 8


@dataclass(frozen=True)
class RunFolder:
    """A run's folder; :meth:`start` gives it to one process at a time to write into.

    Attributes:
        path: of the folder.
    """

    path: Path

    @classmethod
    @contextmanager
    def start(
        cls,
        out: str | os.PathLike[str],
        name: str,
        config: Mapping[str, Any],
        *,
        seeds: int = 1,
        resume: bool = False,
    ) -> Iterator[RunFolder]:
        """The folder of a new run, or of one that is resumed, held until the body ends.

        Args:
            out: where ``name-YYYYmmdd-HHMMSS`` is made; to resume, a run's folder, or one that
                has such folders in it, of which the newest is taken.
            name: of the kind of run.
            config: the run's document; when it is resumed, the one it was started with.
            seeds: how many runs the folder holds, with seeds from the configuration's on.
            resume: continue a run.

        Raises:
            ValueError: the folder is in use, was written in another format or is damaged, the
                configuration (the keys are named) or the number of seeds differs, or there is
                nothing to resume.
            OSError: the folder cannot be written.
        """
        folder = cls(_existing(Path(out), name) if resume else new_run_folder(out, name))
        with folder_lock(folder.path):
            record = device_manifest() | {"seeds": seeds}
            if resume:
                first = folder._checked_manifest(seeds)
                folder._check_config(config)
                record = first | {"resumed": [*first.get("resumed", []), record]}
            folder.write_json(_MANIFEST, {"format": FORMAT, **record})
            if not resume:
                # Comes last: a folder without it was never begun, and is not resumed.
                folder.write_json(_CONFIG, config)
            yield folder

    def _checked_manifest(self, seeds: int) -> dict[str, Any]:
        record = self._read(_MANIFEST)
        if record.get("format") != FORMAT:
            raise ValueError(
                f"{str(self.path)!r} is in format {record.get('format')!r}, and this dctheory "
                f"reads {FORMAT}; resume it with dctheory {record.get('dctheory')}, or start anew"
            )
        found = record.get("seeds", 1)
        if found != seeds:
            raise ValueError(
                f"the run in {str(self.path)!r} has {found} seeds, not {seeds}; "
                "resume it with as many, or start a new run"
            )
        return record

    def _check_config(self, config: Mapping[str, Any]) -> None:
        found = differences(self._read(_CONFIG), config)
        if found:
            more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
            raise ValueError(
                f"the run in {str(self.path)!r} has another configuration: "
                f"{', '.join(found[:_NAMED])}{more}; resume it with its own ({_CONFIG}), or "
                "start a new run"
            )

    def _read(self, name: str) -> dict[str, Any]:
        try:
            document = json.loads((self.path / name).read_text(encoding="utf-8"))
            if not isinstance(document, dict):
                raise ValueError("no JSON object")
        except FileNotFoundError as error:
            raise ValueError(f"{str(self.path)!r} is no run's folder: it has no {name}") from error
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{self.path / name} is damaged ({error}); start a new run") from error
        return document

    # --- Checkpoints and documents

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints."""
        return self.path / "checkpoints"

    def last_checkpoint(self) -> Path | None:
        """The newest checkpoint, if there is one."""
        from dctheory.train.checkpoint import list_checkpoints

        found = list_checkpoints(self.checkpoints)
        return found[-1] if found else None

    def write_json(self, name: str, document: Mapping[str, Any]) -> None:
        """Write strict JSON, so that the file holds all of it or what it held before.

        Raises ValueError for NaN or infinity (the key is named), TypeError for what is neither
        JSON nor an array of numbers.
        """
        with _named(self.path / name):
            write_atomic(self.path / name, _json(name, document, indent=2) + "\n")

    # --- The log

    def log(self, record: Mapping[str, Any]) -> None:
        """Append a record, which has a ``step``, as a line of strict JSON.

        Raises ValueError and TypeError as :meth:`write_json`.
        """
        check_integer("the step of a record", record.get("step"), 0)
        line = f"{_json(_LOG, record)}\n"
        # Opened and closed for each record, so that what is logged outlives a kill.
        path = self.path / _LOG
        with _named(path), open(path, "a", encoding="utf-8", newline="\n") as file:
            file.write(line)

    def read_log(self) -> list[dict[str, Any]]:
        """The records; a last line that is not finished is left out.

        Raises ValueError that names a line which is no record.
        """
        path = self.path / _LOG
        if not path.exists():
            return []
        return [
            _record(line, f"{path}:{number}")
            for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], 1)
        ]

    def trim_log(self, step: int) -> None:
        """Keep the records up to a step, so that those after it can be written again."""
        records = [record for record in self.read_log() if record["step"] <= step]
        text = "".join(f"{_json(_LOG, each)}\n" for each in records)
        with _named(self.path / _LOG):
            write_atomic(self.path / _LOG, text)


def _existing(out: Path, name: str) -> Path:
    # A configuration alone may be a user's own, beside the runs.
    if (out / _CONFIG).exists() and (out / _MANIFEST).exists():
        return out
    pattern = re.compile(rf"{re.escape(name)}-(\d{{8}}-\d{{6}})(?:-(\d+))?")
    found = {
        (match[1], int(match[2] or 1)): path.parent
        for path in out.glob(f"*/{_CONFIG}")
        if (match := pattern.fullmatch(path.parent.name))
    }
    if not found:
        raise ValueError(
            f"there is no run of {name!r} to resume in {str(out)!r}; give its folder, or leave "
            "resume out to start one"
        )
    return found[max(found)]


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """OSErrors of writing, such as that of a full disk, name the file."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def _record(line: bytes, where: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
        if not (isinstance(record, dict) and isinstance(record.get("step"), int)):
            raise ValueError("no record with a step")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where} is damaged ({error}); repair or delete that line") from error
    return record


def _json(name: str, document: Mapping[str, Any], indent: int | None = None) -> str:
    options: dict[str, Any] = {"ensure_ascii": False, "default": _plain, "indent": indent}
    try:
        return json.dumps(document, allow_nan=False, **options)
    except ValueError as error:
        values = leaves(json.loads(json.dumps(document, **options)))
        for key, value in values.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(
                    f"{name} cannot hold {key} = {value}, which is not JSON; give None instead"
                ) from error
        raise


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{value!r} of type {type(value).__name__} is not JSON; give plain values")


def device_manifest() -> dict[str, Any]:
    """:func:`dctheory._runs.manifest` with the devices that JAX has."""
    import jax

    device = jax.devices()[0]
    return manifest() | {
        "device": {
            "platform": device.platform,
            "device_kind": device.device_kind,
            "count": jax.device_count(),
            "processes": jax.process_count(),
        }
    }


# --- Being stopped


@dataclass
class StopRequest:
    """Whether somebody has asked this process to stop."""

    requested: bool = False


@contextmanager
def stop_on_sigterm() -> Iterator[StopRequest]:
    """While the body runs, SIGTERM is noted as ``requested`` and does nothing else.

    Only the main thread can ask for signals; in another one nothing is noted.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def note(number: int, frame: FrameType | None) -> None:
        request.requested = True

    before = signal.signal(signal.SIGTERM, note)
    try:
        yield request
    finally:
        # None stands for a handler that Python did not install and cannot put back.
        signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)
