"""Official archives of data sets: recognised by their MD5, extracted safely and all at once."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

MAX_BYTES = 2**29

_DAMAGES = (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile)


@dataclass(frozen=True)
class Archive:
    """A published tar.gz.

    Attributes:
        file: its name.
        folder: what it is extracted to.
        size: bytes.
        md5: hexadecimal.
    """

    file: str
    folder: str
    size: int
    md5: str


def recognise(path: Path, archives: Sequence[Archive]) -> Archive:
    """Which of the archives a file is.

    Raises:
        OSError: it cannot be read.
        ValueError: none of them.
    """
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    for archive in archives:
        if archive.md5 == digest:
            return archive
    known = "; ".join(f"{each.file}: {each.size} bytes, MD5 {each.md5}" for each in archives)
    raise ValueError(
        f"{str(path)!r} has {path.stat().st_size} bytes and MD5 {digest}; expected one of {known}. "
        "It is incomplete or another file: delete it and get it again, or extract it yourself and "
        "pass the folder if you trust it"
    )


def extract(path: Path, folder: str, max_bytes: int = MAX_BYTES) -> Path:
    """Extract a tar.gz, all of it below ``folder``, into that folder beside it.

    Files and folders only, at most ``max_bytes`` after decompression. The folder appears when
    everything is in it; if it is there already, nothing is done.

    Returns:
        The folder.

    Raises:
        ValueError: a damaged archive, one that holds links, devices or paths outside of
            ``folder``, or a place that cannot be written.
    """
    target = path.parent / folder
    if target.is_dir():
        return target
    try:
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder}.", dir=path.parent))
    except OSError as error:
        raise ValueError(
            f"cannot extract {str(path)!r} beside it: {error.strerror}; move it to a folder that "
            "can be written, or extract it yourself and pass the folder"
        ) from error
    try:
        _extract_to(path, temporary, folder, max_bytes)
        try:
            (temporary / folder).rename(target)
        except OSError:
            # Another process may have been faster.
            if not target.is_dir():
                raise
    finally:
        shutil.rmtree(temporary)
    return target


def _extract_to(path: Path, temporary: Path, folder: str, max_bytes: int) -> None:
    try:
        with gzip.open(path) as unzipped:
            stream = _Limited(unzipped, max_bytes)
            with tarfile.open(fileobj=cast(Any, stream), mode="r|") as tar:
                for member in tar:
                    _extract_member(tar, member, temporary / _checked_name(member, folder))
            # To the end, where gzip's check sum is.
            while stream.read(2**20):
                pass
        if not (temporary / folder).is_dir():
            raise tarfile.ReadError(f"nothing is in {folder!r}")
    except (*_DAMAGES, FileExistsError, NotADirectoryError) as error:
        raise ValueError(
            f"cannot extract {str(path)!r}: {error}; it is damaged or not to be trusted, get it "
            "again"
        ) from error


def _extract_member(tar: tarfile.TarFile, member: tarfile.TarInfo, place: Path) -> None:
    """Written anew, so that no owner, mode or time of the archive is taken over."""
    if member.isdir():
        place.mkdir(parents=True, exist_ok=True)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    with open(place, "xb") as file:
        shutil.copyfileobj(cast(IO[bytes], tar.extractfile(member)), file)


def _checked_name(member: tarfile.TarInfo, folder: str) -> PurePosixPath:
    name = PurePosixPath(member.name)
    plain = member.isdir() or (member.type in (tarfile.REGTYPE, tarfile.AREGTYPE))
    if not plain or member.issparse():
        raise tarfile.ReadError(f"{member.name!r} is neither a file nor a folder")
    # Backslashes and colons part folders and drives on Windows.
    if name.parts[:1] != (folder,) or ".." in name.parts or set(member.name) & set("\\:\0"):
        raise tarfile.ReadError(f"{member.name!r} is not in {folder!r}")
    return name


class _Limited:
    """A stream that ends in an error after so many bytes."""

    def __init__(self, stream: IO[bytes] | gzip.GzipFile, limit: int) -> None:
        self._stream = stream
        self._left = limit

    def read(self, size: int) -> bytes:
        data = self._stream.read(min(size, self._left + 1))
        self._left -= len(data)
        if self._left < 0:
            raise tarfile.ReadError("it holds more than expected")
        return data
