"""Arrays in .npy and .npz files, mapped rather than read where the file allows it."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from dctheory._validation import check_memory
from dctheory.data._damages import DAMAGES

SUFFIXES = (".npy", ".npz")

# The part of a zip archive's local header before the name, and where its lengths stand in it.
_LOCAL_HEADER, _LOCAL_LENGTHS = 30, 26


def open_array(path: Path, key: str | None = None) -> NDArray[Any]:
    """The array of a .npy file, or the only one (else the one named ``key``) of a .npz archive.

    Files are memory-mapped, read-only; a compressed member of an archive is read into memory.
    Pickled objects are refused.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is damaged, empty or of another kind, or has no such array.
    """
    try:
        if path.suffix.lower() == ".npz":
            return _from_archive(path, key)
        return np.lib.format.open_memmap(path, mode="r")
    except _NoSuchArray:
        raise
    except DAMAGES as error:
        raise ValueError(
            f"cannot read {str(path)!r}: {_first_line(error)}; it is damaged or no "
            f"{path.suffix.lower()} file of numbers, write it again with numpy.save"
        ) from error


class _NoSuchArray(ValueError):
    """The archive is whole, but what was asked for is not in it."""


def _from_archive(path: Path, key: str | None) -> NDArray[Any]:
    with zipfile.ZipFile(path) as archive:
        members = {
            info.filename.removesuffix(".npy"): info
            for info in archive.infolist()
            if info.filename.endswith(".npy")
        }
        name = _chosen(path, list(members), key)
        info = members[name]
        with archive.open(info) as member:
            shape, order, dtype = _read_header(member)
            data_start = member.tell()
        declared = math.prod(shape) * dtype.itemsize
        if declared != info.file_size - data_start:
            raise ValueError(
                f"{name!r} has {info.file_size - data_start} bytes, its shape {shape} needs "
                f"{declared}"
            )
        if info.compress_type == zipfile.ZIP_STORED:
            with open(path, "rb") as file:
                start = _member_start(file, info) + data_start
            return np.memmap(path, dtype, "r", start, shape, order)
        check_memory(f"the compressed array {name!r} of {str(path)!r}", declared)
        with archive.open(info) as member:
            return np.lib.format.read_array(member, allow_pickle=False)


def _chosen(path: Path, names: list[str], key: str | None) -> str:
    if key is None and len(names) == 1:
        return names[0]
    if key in names:
        return str(key)
    listed = ", ".join(map(repr, sorted(names))) or "none"
    wanted = "more than one array" if key is None and names else f"no array {key!r}"
    if not names:
        wanted = "no array"
    raise _NoSuchArray(f"{str(path)!r} holds {wanted} (there are {listed}); name one by key")


def _read_header(member: IO[bytes]) -> tuple[tuple[int, ...], Any, np.dtype[Any]]:
    version = np.lib.format.read_magic(member)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise ValueError(f"it has version {version} of the format, which is for structures")
    shape, fortran, dtype = readers[version](member)
    if dtype.hasobject:
        raise ValueError("it holds Python objects")
    return shape, "F" if fortran else "C", dtype


def _member_start(file: IO[bytes], info: zipfile.ZipInfo) -> int:
    """Where the data of a stored member begin: its name and extra field precede them."""
    file.seek(info.header_offset + _LOCAL_LENGTHS)
    lengths = file.read(4)
    return (
        info.header_offset
        + _LOCAL_HEADER
        + int.from_bytes(lengths[:2], "little")
        + int.from_bytes(lengths[2:], "little")
    )


def _first_line(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].rstrip(".")
