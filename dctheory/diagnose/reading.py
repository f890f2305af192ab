"""Embeddings, and what comes with them, from arrays of any library and from files."""

from __future__ import annotations

import csv
import glob
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dctheory.data.folder import natural_key
from dctheory.data.subsets import load_subset
from dctheory.diagnose._array_files import SUFFIXES, open_array
from dctheory.diagnose._images import Images, open_images
from dctheory.diagnose._shards import ShardedRows
from dctheory.graph._unit_rows import is_dask

Indices = NDArray[np.int64]

# Files of one entry a line.
_LINES = (".txt", ".csv")
# Files that hold a subset of indices and nothing else: see dctheory.data.load_subset.
_SUBSETS = (".json", ".pkl", ".pickle")


def load_embeddings(source: Any, *, key: str | None = None) -> Any:
    """(N, d) embeddings of which rows can be sliced, without reading the files as a whole.

    Args:
        source: an array (NumPy, JAX, PyTorch, Dask, or anything with ``__array__`` or
            ``__dlpack__``), nested lists, or the path of a .npy or .npz file; or a folder, a
            pattern such as ``"shards/*.npy"`` or a list of these, whose rows follow one another:
            files of a folder or pattern in natural order (2 before 10), a list in its own.
            Tensors may need a gradient or lie on a device. Dask arrays stay lazy.
        key: which array of a .npz file with several.

    Returns:
        An object with ``shape``, ``dtype`` and slices of rows; files are memory-mapped unless
        compressed. Values are checked where they are first read.

    Raises:
        OSError: a file or folder is missing or cannot be read.
        TypeError: not real numbers.
        ValueError: damaged or empty files, not two dimensions, shards that differ in width or
            dtype; the message names the file.
    """
    if is_dask(source) or isinstance(source, ShardedRows):
        return source
    parts = _parts(source, key, SUFFIXES)
    for part, name in parts:
        _check_rows(part, name)
    if len(parts) > 1 or (_is_path(parts[0][1]) and not isinstance(parts[0][0], np.memmap)):
        return ShardedRows([part for part, _ in parts], [name for _, name in parts])
    return parts[0][0]


def load_labels(source: Any, count: int, *, key: str | None = None) -> NDArray[Any]:
    """(count,) integers or strings, one label for each row of the embeddings.

    Args:
        source: as in :func:`load_embeddings`, of one dimension; or text files with one label a
            line (.txt) or one column (.csv), whose first line may be a heading. Lines that all
            are whole numbers are integers.
        count: rows of the embeddings.
        key: which array of a .npz file with several.

    Raises:
        OSError, TypeError, ValueError: as there; another number of labels.
    """
    return _vector("labels", source, count, key, kinds="biuUSO")


def load_partners(source: Any, count: int, *, key: str | None = None) -> Indices:
    """(count,) ids of matched groups, −1 for none; sources as for :func:`load_labels`."""
    return _vector("partners", source, count, key, kinds="iu").astype(np.int64)


def load_difficult(source: Any, count: int, *, key: str | None = None) -> NDArray[np.bool_]:
    """(count,) mask of the difficult samples.

    Args:
        source: as in :func:`load_labels`, of bools or of 0 and 1; or a file of the indices of the
            difficult samples that :func:`dctheory.data.load_subset` reads.
        count: rows of the embeddings.
        key: which array of a .npz file with several.

    Raises:
        OSError, TypeError, ValueError: as there; other values than 0 and 1.
    """
    if _is_path(source) and _holds_indices(Path(source), count):
        mask = np.zeros(count, dtype=bool)
        mask[load_subset(source, count)] = True
        return mask
    values = _vector("difficult", source, count, key, kinds="biu")
    if not np.isin(values, (0, 1)).all():
        raise ValueError(
            "difficult must be a mask, true or 1 for a difficult sample, and holds "
            f"{values[~np.isin(values, (0, 1))][0]}; write indices with dctheory.data.save_subset"
        )
    return values.astype(bool)


def load_images(source: Any, count: int, *, key: str | None = None) -> Images:
    """The images behind the embeddings, of which a few are read at a time.

    Args:
        source: uint8 array, .npy or .npz file of shape (N, H, W), (N, H, W, C) or (N, C, H, W)
            with C = 1, 3 or 4; or a folder with N images, in natural order of their paths, which
            are brought to the square of the first's longer side (at most 128 pixels).
        count: rows of the embeddings.
        key: which array of a .npz file with several.

    Returns:
        An object with ``len()`` and ``take(indices) -> (m, H, W, C) uint8``.

    Raises:
        OSError, TypeError, ValueError: as in :func:`load_embeddings`; another number of images.
    """
    if _is_path(source) and Path(source).is_dir():
        return open_images(Path(source), count)
    ((array, name),) = _parts(source, key)
    return open_images(array, count, name)


# --- Sources


def _is_path(source: Any) -> bool:
    return isinstance(source, str | os.PathLike) and bool(os.fspath(source))


def _parts(
    source: Any, key: str | None, suffixes: Sequence[str] = (*SUFFIXES, *_LINES)
) -> list[tuple[Any, str]]:
    """Arrays and their names; that of an array that is given as such is empty.

    Of a folder only files with one of ``suffixes`` count.
    """
    if _is_path(source):
        return [(_open(path, key), str(path)) for path in _expand(source, suffixes)]
    if isinstance(source, Sequence) and not isinstance(source, str) and len(source):
        if all(_is_path(each) for each in source):
            return [part for each in source for part in _parts(each, key, suffixes)]
        if all(getattr(each, "ndim", 0) == 2 for each in source):
            return [(_as_host(each), f"part {i}") for i, each in enumerate(source)]
    return [(_as_host(source), "")]


def _expand(source: str | os.PathLike[str], suffixes: Sequence[str]) -> list[Path]:
    """The files that a path stands for: itself, those of a folder, or those of a pattern."""
    path = Path(source)
    if path.is_dir():
        found = [each for each in path.iterdir() if each.suffix.lower() in suffixes]
    elif path.exists() or not glob.has_magic(str(path)):
        return [path]
    else:
        found = [Path(each) for each in glob.glob(str(path), recursive=True)]
    shown = [each for each in found if not each.name.startswith(".")]
    if not shown:
        raise FileNotFoundError(
            f"{str(path)!r} holds no shards; expected files that end in {' or '.join(suffixes)}"
        )
    return sorted(shown, key=lambda each: [natural_key(Path(part)) for part in each.parts])


def _open(path: Path, key: str | None) -> NDArray[Any]:
    suffix = path.suffix.lower()
    if suffix in _LINES:
        return _read_lines(path)
    if suffix not in SUFFIXES and path.exists():
        raise ValueError(
            f"cannot read {str(path)!r}: its suffix is none of {', '.join((*SUFFIXES, *_LINES))}; "
            "write the array with numpy.save"
        )
    return open_array(path, key)


def _as_host(array: Any) -> Any:
    """A NumPy array of what another library holds, without a copy where it allows that."""
    if isinstance(array, np.ndarray):
        return array
    if hasattr(array, "detach") and hasattr(array, "cpu"):  # PyTorch
        array = array.detach().cpu()
        # NumPy has no bfloat16.
        return (array.float() if "bfloat16" in str(array.dtype) else array).numpy()
    if hasattr(array, "toarray"):
        raise TypeError("embeddings are a sparse matrix; convert it by .toarray()")
    if hasattr(array, "__dlpack__") and not hasattr(array, "__array__"):
        return np.from_dlpack(array)
    try:
        return np.asarray(array)
    except ValueError as error:
        raise ValueError(f"not an array: {error}; rows must have one length") from error


def _check_rows(array: Any, name: str) -> None:
    where = f" of {name!r}" if name else ""
    if array.ndim != 2:
        raise ValueError(
            f"embeddings{where} must be two-dimensional, one row for each sample, got shape "
            f"{array.shape}; reshape them to (samples, features)"
        )
    if 0 in array.shape:
        raise ValueError(f"embeddings{where} are empty, got shape {array.shape}")
    if array.dtype.kind not in "fiu" and not array.dtype.name.startswith(("bfloat", "float")):
        raise TypeError(
            f"embeddings{where} must hold real numbers, got dtype {array.dtype}; convert them, "
            "e.g. with .astype('float32')"
        )


# --- Vectors


def _vector(name: str, source: Any, count: int, key: str | None, kinds: str) -> NDArray[Any]:
    """A checked vector of ``count`` entries."""
    if is_dask(source):
        source = source.compute()
    # A list of strings is a list of labels; files are told by pathlib.Path.
    if isinstance(source, list | tuple) and any(isinstance(each, str) for each in source):
        source = np.array(source)
    parts = _parts(source, key)
    where = f" of {parts[0][1]!r}" if len(parts) == 1 and parts[0][1] else ""
    for part, part_name in parts:
        if part.ndim != 1:
            raise ValueError(
                f"{name}{f' of {part_name!r}' if part_name else ''} must have one dimension, one "
                f"entry for each row of embeddings, got shape {part.shape}"
            )
    values = _as_numbers(_join([part for part, _ in parts], count))
    if values.dtype.kind not in kinds:
        wanted = "integers or strings" if "U" in kinds else "integers"
        raise TypeError(
            f"{name}{where} must be {wanted}, got dtype {values.dtype}; convert them, e.g. with "
            ".astype(int)"
        )
    if len(values) != count:
        raise ValueError(
            f"{name}{where} must have {count} entries, one for each row of embeddings, got "
            f"{len(values)}"
        )
    return values


def _join(parts: list[NDArray[Any]], count: int) -> NDArray[Any]:
    """The parts behind each other, the lines of text files without their headings."""
    lines = [isinstance(part, _Lines) for part in parts]
    surplus = sum(map(len, parts)) - count
    if any(lines) and surplus == sum(lines):
        parts = [part[int(text) :] for part, text in zip(parts, lines, strict=True)]
    return np.concatenate([np.asarray(part) for part in parts])


class _Lines(np.ndarray[Any, Any]):
    """Strings that were the lines of a text file, of which the first may be a heading."""


def _read_lines(path: Path) -> _Lines:
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"cannot read {str(path)!r}: it is no text in UTF-8 ({error})") from error
    lines = text.split("\n")
    rows = _columns(path, lines) if path.suffix.lower() == ".csv" else None
    lines = lines if rows is None else [",".join(row) for row in rows]
    wide = [number for number, row in enumerate(rows or ()) if len(row) > 1]
    if wide:
        raise ValueError(f"{str(path)!r} has several columns in line {wide[0] + 1}; leave one")
    entries = [line.strip() for line in lines]
    while entries and not entries[-1]:
        entries.pop()
    if "" in entries or not entries:
        line = entries.index("") + 1 if entries else 1
        raise ValueError(f"line {line} of {str(path)!r} is empty; each must hold one entry")
    return np.array(entries).view(_Lines)


def _columns(path: Path, lines: list[str]) -> list[list[str]]:
    try:
        return list(csv.reader(lines))
    except csv.Error as error:
        raise ValueError(f"cannot read {str(path)!r}: {error}; write one label a line") from error


def _as_numbers(values: NDArray[Any]) -> NDArray[Any]:
    """Strings that all are whole numbers as integers."""
    if values.dtype.kind != "U":
        return values
    try:
        return values.astype(np.int64)
    except (ValueError, OverflowError):
        return values


def _holds_indices(path: Path, count: int) -> bool:
    """Whether a file is a subset file rather than a mask of ``count`` entries."""
    suffix = path.suffix.lower()
    if suffix == ".npz" and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return "indices.npy" in archive.namelist()
    if suffix == ".csv":
        entries = _read_lines(path).tolist()
        return len(entries) not in (count, count + 1) or not set(entries[-count:]) <= {"0", "1"}
    return suffix in _SUBSETS
