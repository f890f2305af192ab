"""Published results: finished runs' numbers as files of the project, from which figures are drawn.

A file holds one result with the ``device``, the ``commit``, the ``command`` that gives it again and
the ``seconds`` that it took, and no place of the machine it was computed on.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dctheory._runs import write_json
from dctheory._table import plain
from dctheory.experiment._base import PRESETS, SMOKE, Settings
from dctheory.experiment.registry import load_experiment
from dctheory.experiment.result import ExperimentResult, load_result, read_json

# Where the project keeps them.
PUBLISHED = "figures/data/experiments"
_SIZES = (SMOKE, *PRESETS)
_FIELDS = {"device", "commit", "command", "seconds", "result"}


def published_path(
    name: str, preset: str, settings: Mapping[str, Any], folder: str | os.PathLike[str] = PUBLISHED
) -> Path:
    """``folder/NAME-PRESET.json``, with ``-DATASET`` where that is not the preset's own.

    Args:
        name, preset: of an experiment.
        settings: document of its settings.
        folder: of the published results.
    """
    own = load_experiment(name).presets[preset].to_dict()
    dataset = settings.get("dataset")
    suffix = "" if dataset == own.get("dataset") else f"-{dataset}"
    return Path(folder) / f"{name}-{preset}{suffix}.json"


def check_publishable(
    name: str, preset: str, settings: Mapping[str, Any], folder: str | os.PathLike[str] = PUBLISHED
) -> Path:
    """The file that a run with these settings may be published as.

    Raises ValueError where a larger run stands there (of a larger preset, of the preset as it is
    where ``settings`` differ from it, or of more seeds), or something else than a result, and where
    a setting is a place of this machine.
    """
    for key, value in settings.items():
        if isinstance(value, str) and os.path.isabs(value):
            raise ValueError(
                f"{key} = {value!r} names a place of this machine, which is not published; give it "
                "relative to the data folder"
            )
    path = published_path(name, preset, settings, folder)
    if not path.exists():
        return path
    there = load_result(path)
    if _size(there.name, there.preset, there.settings) > _size(name, preset, settings):
        raise ValueError(
            f"{path} holds a larger run ({_in_words(there)}); publish this one in another folder, "
            "or delete that file first"
        )
    return path


def publish_result(result: ExperimentResult, folder: str | os.PathLike[str] = PUBLISHED) -> Path:
    """Write a finished run's result to a file of its own in ``folder``, whole or not at all.

    Returns the file. Raises ValueError as :func:`check_publishable` does, OSError where ``folder``
    cannot be made or written.
    """
    path = check_publishable(result.name, result.preset, result.settings, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, document(result))
    return path


def document(result: ExperimentResult) -> dict[str, Any]:
    """What a published file holds: how the numbers came about, and the result."""
    manifest = {key: value for key, value in result.manifest.items() if key != "command"}
    if "resumed" in manifest:
        kept = ("commit", "time")
        manifest["resumed"] = [{key: each.get(key) for key in kept} for each in manifest["resumed"]]
    return {
        "device": ", ".join(result.manifest.get("devices") or ("cpu",)),
        "commit": result.manifest.get("commit"),
        "command": command(result.name, result.preset, result.settings),
        "seconds": result.seconds,
        "result": result.to_dict() | {"manifest": plain(manifest)},
    }


def command(name: str, preset: str, settings: Mapping[str, Any]) -> str:
    """The command that gives a result with these settings, without places of files."""
    words = ["dctheory", "experiment", name, "--preset", preset]
    for key, value in _changed(name, preset, settings).items():
        words += ["--seeds", str(value)] if key == "seeds" else ["--set", f"{key}={_word(value)}"]
    return shlex.join(words)


def read_published(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The document of a published file, with ``result`` as an :class:`ExperimentResult`.

    Raises ValueError where it is none, OSError where it cannot be read.
    """
    found = read_json(Path(path))
    if not isinstance(found, dict) or _FIELDS - set(found):
        raise ValueError(f"{path} is no published result; write one with --publish")
    return found | {"result": load_result(path)}


class NotMeasured(FileNotFoundError):
    """There is no published result; the text is the command that gives one."""


def published_result(
    name: str,
    presets: Sequence[str] = PRESETS,
    *,
    dataset: str | None = None,
    folder: str | os.PathLike[str] = PUBLISHED,
) -> dict[str, Any]:
    """The published document of the largest preset; see :func:`read_published`.

    Args:
        name: of an experiment.
        presets: those that count, the smallest first.
        dataset: of those that it can have; None for the presets' own.
        folder: of the published results.

    Raises:
        NotMeasured: there is none.
        ValueError, OSError: as :func:`read_published`.
    """
    chosen = {} if dataset is None else {"dataset": dataset}
    settings = {
        preset: load_experiment(name).presets[preset].to_dict() | chosen for preset in presets
    }
    for preset in reversed(presets):
        path = published_path(name, preset, settings[preset], folder)
        if path.exists():
            return read_published(path)
    raise NotMeasured(command(name, presets[0], settings[presets[0]]))


def _changed(name: str, preset: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that are not the preset's."""
    own = load_experiment(name).presets[preset].to_dict()
    return {key: value for key, value in settings.items() if value != own.get(key)}


def _size(name: str, preset: str, settings: Mapping[str, Any]) -> tuple[int, bool, int]:
    """Grows with the preset, with its settings as they are, and with the seeds."""
    others = {*_changed(name, preset, settings)} - {"seeds", "dataset"}
    return _SIZES.index(preset), not others, int(settings["seeds"])


def _in_words(result: ExperimentResult) -> str:
    return f"{command(result.name, result.preset, result.settings)}, {len(result.seeds)} seeds"


def _word(value: Any) -> str:
    """As :meth:`Settings.changed` reads it back."""
    text = json.dumps(value, ensure_ascii=False)
    return value if isinstance(value, str) and Settings.read(value) == value else text
