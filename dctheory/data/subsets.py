"""Files that say which images of a data set are kept, or in which order they rank.

Indices are places in the training set's official order. A pickle is what the tools of SAS (Joshi
and Mirzasoleiman 2023, arXiv 2302.09195) read and write: a list of integers.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dctheory._runs import write_atomic
from dctheory._validation import check_choice, check_integer
from dctheory.data._damages import DAMAGES
from dctheory.data._unpickle import MAX_BYTES, load_pickle
from dctheory.data.images import Indices, check_labels

# Keys of npz, JSON and, of SAS's full rankings, pickle.
_INDICES, _COUNT = "indices", "num_samples"


def save_subset(path: str | os.PathLike[str], indices: ArrayLike, num_samples: int) -> None:
    """Write indices in their order, as the suffix says: .npz, .json, .csv, .pkl or .pickle.

    npz and JSON hold ``indices`` and ``num_samples``, CSV one column ``index``, a pickle a list of
    int. The file holds all of it or what it held before.

    Args:
        path: in a folder that exists.
        indices: (M,) distinct integers from 0 to num_samples − 1, M ≥ 1.
        num_samples: images of the set.

    Raises:
        TypeError, ValueError: indices as above; another suffix.
        OSError: the folder is missing or cannot be written.
    """
    target = Path(path)
    write, _ = _FORMATS[_suffix(target)]
    count = check_integer("num_samples", num_samples, 1)
    write_atomic(target, write(_checked("indices", indices, count), count))


def load_subset(path: str | os.PathLike[str], num_samples: int) -> Indices:
    """(M,) int64 indices in the order of the file: see :func:`save_subset`.

    JSON may also be a plain list, CSV may lack its heading, and a pickle may hold a dictionary
    with a list or an array as ``indices`` (a full ranking of SAS) and NumPy's integers. Nothing
    that a pickle asks for is run.

    Args:
        path: of the file.
        num_samples: images of the set that the file is for.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is damaged, made for another number of images, or holds a duplicate, an
            index out of range, or something that is no index.
    """
    source = Path(path)
    _, read = _FORMATS[_suffix(source)]
    count = check_integer("num_samples", num_samples, 1)
    size = source.stat().st_size
    try:
        if size > MAX_BYTES:
            raise ValueError(f"it has {size} bytes, more than {MAX_BYTES}")
        indices, made_for = read(source)
        array = _as_integers(indices)
    except DAMAGES as error:
        raise ValueError(
            f"{str(path)!r} is no {source.suffix} file of indices: "
            f"{error or type(error).__name__}; get it again, or write one with save_subset"
        ) from error
    if made_for not in (None, count):
        raise ValueError(
            f"{str(path)!r} was made for {made_for} images, not for {count}; is it for another set?"
        )
    return _checked(f"indices in {str(path)!r}", array, count)


def removed_indices(kept: ArrayLike, num_samples: int) -> Indices:
    """Sorted indices from 0 to num_samples − 1 that are not kept.

    Raises:
        TypeError, ValueError: ``kept`` as in :func:`save_subset`.
    """
    count = check_integer("num_samples", num_samples, 1)
    return np.setdiff1d(np.arange(count), _checked("kept", kept, count))


def _suffix(path: Path) -> str:
    return check_choice("suffix of a subset file", path.suffix.lower(), _FORMATS)


def _checked(name: str, indices: Any, count: int) -> Indices:
    """Distinct and in range, or a ValueError; other things than integers are a TypeError."""
    array = check_labels(name, indices)
    outside = np.flatnonzero((array < 0) | (array >= count))
    if len(outside):
        raise ValueError(
            f"{name} must be from 0 to {count - 1}, got {array[outside[0]]} at place {outside[0]}; "
            "are they for another set?"
        )
    values, counts = np.unique(array, return_counts=True)
    if len(values) < len(array):
        twice = values[counts > 1]
        raise ValueError(
            f"{name} must be distinct, got {twice[0]} more than once ({len(twice)} such); remove "
            "duplicates, e.g. with numpy.unique"
        )
    return array


# --- Formats: how to write, and how to read what may be indices and a number of images


def _to_npz(indices: Indices, count: int) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, indices=indices, num_samples=np.array(count))
    return buffer.getvalue()


def _from_npz(path: Path) -> tuple[Any, Any]:
    with zipfile.ZipFile(path) as file:
        size = sum(each.file_size for each in file.infolist())
    if size > MAX_BYTES:
        raise ValueError(f"its arrays take {size} bytes, more than {MAX_BYTES}")
    with np.load(path, allow_pickle=False) as arrays:
        return arrays[_INDICES], int(arrays[_COUNT]) if _COUNT in arrays else None


def _to_json(indices: Indices, count: int) -> bytes:
    return (json.dumps({_INDICES: indices.tolist(), _COUNT: count}) + "\n").encode()


def _from_json(path: Path) -> tuple[Any, Any]:
    document = json.loads(path.read_bytes())
    if isinstance(document, dict):
        return document[_INDICES], document.get(_COUNT)
    return document, None


def _to_csv(indices: Indices, count: int) -> bytes:
    return "\n".join(["index", *map(str, indices.tolist()), ""]).encode()


def _from_csv(path: Path) -> tuple[Any, Any]:
    lines = [line.strip() for line in path.read_text("utf-8-sig").splitlines()]
    heading = bool(lines) and not re.fullmatch(r"-?\d+", lines[0])
    return [int(line) for line in lines[heading:] if line], None


def _to_pickle(indices: Indices, count: int) -> bytes:
    return pickle.dumps(indices.tolist(), protocol=4)


def _from_pickle(path: Path) -> tuple[Any, Any]:
    document = load_pickle(path)
    return (document[_INDICES] if isinstance(document, dict) else document), None


def _as_integers(values: Any) -> Indices:
    if isinstance(values, np.ndarray):
        if values.dtype.kind not in "iu":
            raise ValueError(f"it has an array of {values.dtype}")
        return values.astype(np.int64)
    if not isinstance(values, list):
        raise ValueError(f"it has a {type(values).__name__} in place of a list")
    if not values:
        raise ValueError("it holds none")
    for i, value in enumerate(values):
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise ValueError(f"it has a {type(value).__name__} at place {i}")
    return np.array(values, dtype=np.int64)


_Format = tuple[Callable[[Indices, int], bytes], Callable[[Path], tuple[Any, Any]]]
_FORMATS: dict[str, _Format] = {
    ".npz": (_to_npz, _from_npz),
    ".json": (_to_json, _from_json),
    ".csv": (_to_csv, _from_csv),
    ".pkl": (_to_pickle, _from_pickle),
    ".pickle": (_to_pickle, _from_pickle),
}
