"""Downloads with pooch: several addresses, checked by MD5, resumed where they broke off."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dctheory._lock import folder_lock
from dctheory.data._archives import Archive

# Seconds without an answer after which the next address is tried.
TIMEOUT = 30.0


def cache_folder() -> Path:
    """Where downloads are kept: ``dctheory`` in the platform's folder for caches."""
    if sys.platform == "win32":
        parent = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        parent = Path.home() / "Library" / "Caches"
    else:
        parent = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(parent) / "dctheory"


def download_first(addresses: Sequence[str], archives: Mapping[str, Archive], folder: Path) -> Path:
    """The first archive that an address yields whole, in ``folder``.

    What arrived before a connection broke is kept as ``.part``; the next address, or the next
    call, asks for the rest of it. The archive appears when its MD5 is right.

    Args:
        addresses: tried in turn; each ends in the name of an archive.
        archives: by their names.
        folder: is made if it is missing.

    Raises:
        ModuleNotFoundError: pooch is missing.
        ValueError: another process downloads to the folder.
        ConnectionError: no address worked; the message says why, for each.
    """
    if find_spec("pooch") is None:
        raise ModuleNotFoundError(
            "downloading needs pooch: python -m pip install pooch tqdm; or download "
            f"{addresses[-1]} yourself and name its folder in DCTHEORY_DATA or data_dir"
        )
    import pooch

    folder.mkdir(parents=True, exist_ok=True)
    failures = []
    with folder_lock(folder):
        for address in addresses:
            archive = archives[address.rpartition("/")[2]]
            fetch = _Resume(folder / f"{archive.file}.part", archive.size)
            try:
                found = pooch.retrieve(
                    address, f"md5:{archive.md5}", archive.file, folder, downloader=fetch
                )
                return Path(found)
            except (OSError, ValueError) as error:
                failures.append(f"{address}: {error}")
    raise ConnectionError(
        "\n  ".join(["no address could be downloaded from:", *failures])
        + f"\ntry again (what arrived is kept), or put the file into {str(folder)!r} yourself"
    )


class _Resume:
    """A downloader for pooch that goes on where a partial file ends."""

    def __init__(self, part: Path, size: int) -> None:
        self._part = part
        self._size = size

    def __call__(self, url: str, output_file: Any, pooch: Any) -> None:
        with open(self._part, "ab") as file:
            if file.tell() > self._size:
                file.truncate(0)
            start = file.tell()
            if start != self._size:
                self._fetch(url, file, start, pooch)
        # pooch checks the sum of what it gets and deletes what is wrong.
        os.replace(self._part, output_file)

    def _fetch(self, url: str, file: Any, start: int, pooch: Any) -> None:
        from pooch import HTTPDownloader

        def check(response: Any, **_: Any) -> None:
            if response.status_code not in (200, 206):
                return  # redirected, or an error that is raised later
            skipped = start if response.status_code == 206 else 0
            length = int(response.headers.get("Content-Length", -1))
            if skipped + length != self._size:
                raise ValueError(f"expected {self._size} bytes, the file there has {length}")
            if not skipped:
                file.truncate(0)

        # Without an encoding, so that bytes are counted as they are on the disk.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
        HTTPDownloader(
            progressbar=find_spec("tqdm") is not None,
            chunk_size=2**16,
            timeout=TIMEOUT,
            headers=headers,
            hooks={"response": check},
        )(url, file, pooch)
