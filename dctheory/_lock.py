"""A folder in which one process at a time works."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform != "win32":
    import fcntl

LOCK = ".lock"


@contextmanager
def folder_lock(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Hold ``folder/.lock``, with this process's number in it, while the body runs.

    The kernel gives the lock back when the process ends, however it ends, so that what a killed
    process leaves behind bars nobody. Windows has no such lock: there nothing is held.

    Raises:
        ValueError: another process, or another place in this one, holds it.
        OSError: the folder is missing or cannot be written.
    """
    path = Path(folder) / LOCK
    # The file stays when the lock is given back: one that is deleted could be locked twice.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _lock(descriptor, path)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path) -> None:
    if sys.platform == "win32":
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        number = os.read(descriptor, 32).decode("ascii", "replace").strip()
        raise ValueError(
            f"{str(path.parent)!r} is in use by process {number or 'unknown'}; wait for it, stop "
            "it, or choose another folder"
        ) from None
