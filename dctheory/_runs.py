"""Run folders, files that are whole or absent, and the manifest that says how they came about."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import secrets
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dctheory._version import __version__

_LIBRARIES = (
    "numpy",
    "scipy",
    "jax",
    "jaxlib",
    "flax",
    "optax",
    "distributed",
    "sympy",
    "z3-solver",
    "python-flint",
    "scikit-learn",
)


def new_run_folder(out: str | os.PathLike[str], name: str) -> Path:
    """Create and return a new folder ``out/name-YYYYmmdd-HHMMSS`` (UTC).

    A folder that exists is never reused: a second run in the same second, also of another
    process, gets ``-2``, ``-3`` and so on. Raises ValueError when ``out`` cannot hold it.
    """
    parent = Path(out)
    stem = f"{name}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    number = 1
    while True:
        folder = parent / (stem if number == 1 else f"{stem}-{number}")
        try:
            parent.mkdir(parents=True, exist_ok=True)
            # mkdir is atomic: of two processes only one creates it, the other goes on.
            folder.mkdir()
        except FileExistsError as error:
            if not parent.is_dir():
                raise ValueError(_unusable(parent, "it is a file")) from error
            number += 1
        except OSError as error:
            raise ValueError(_unusable(parent, error.strerror or str(error))) from error
        else:
            return folder


def _unusable(out: Path, reason: str) -> str:
    return f"cannot write results to {str(out)!r}: {reason}; choose a folder that can be written"


def write_atomic(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write ``content`` (text as UTF-8) so that ``path`` holds all of it or what it held before.

    Raises OSError when the folder is missing or cannot be written; nothing is left behind.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def json_text(document: Any) -> str:
    """Strict JSON, indented; ValueError for NaN and infinity."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2)


def write_json(path: str | os.PathLike[str], document: Any) -> None:
    """Write strict JSON as :func:`write_atomic` does."""
    write_atomic(path, json_text(document) + "\n")


def manifest() -> dict[str, Any]:
    """What a result depends on: versions, commit, platform, command and time (UTC).

    Names no path of this machine but those in the command. ``commit`` ends in ``-dirty`` where
    tracked files differ from it; in a copy that is no git checkout it is what the environment's
    ``DCTHEORY_COMMIT`` says, else None.
    """
    return {
        "dctheory": __version__,
        "commit": _commit(),
        "python": platform.python_version(),
        "libraries": {name: _version(name) for name in _LIBRARIES},
        "platform": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "command": shlex.join([_program(), *sys.argv[1:]]),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _program() -> str:
    name = Path(sys.argv[0]).name
    # `python -m dctheory` is the same command.
    return "dctheory" if name == "__main__.py" else name


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _commit() -> str | None:
    root = Path(__file__).resolve().parent.parent
    # A package installed inside somebody else's checkout must not report their commit.
    if not (root / ".git").exists():
        return os.environ.get("DCTHEORY_COMMIT")
    try:
        commit = _git(root, "rev-parse", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{commit}-dirty" if changed else commit


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *arguments],
        capture_output=True,
        check=True,
        text=True,
        timeout=10,
    )
    return done.stdout.strip()
