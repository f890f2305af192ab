"""The files of CIFAR-10 and CIFAR-100: records of bytes, or pickled dictionaries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dctheory.data._archives import Archive
from dctheory.data._unpickle import load_pickle
from dctheory.data.folder import load_image_folder
from dctheory.data.images import ImageSet, ImageSplits, Indices

_SIDE = 32
_PIXELS = 3 * _SIDE**2

# (rows, 32, 32, 3) images, and (rows, 1) or (rows, 2) labels.
_Batch = tuple[NDArray[np.uint8], Indices]


@dataclass(frozen=True)
class Labels:
    """One kind of labels.

    Attributes:
        count: of the classes.
        key: of the labels in a pickled batch.
        names_key: of the names in the pickled ``meta``.
        names_file: of the names in the binary layout.
    """

    count: int
    key: str
    names_key: str
    names_file: str


@dataclass(frozen=True, kw_only=True)
class Cifar:
    """What a set's files are called, and what has to be in them.

    Attributes:
        name: for messages.
        labels: the classes come last, coarse ones before them, as in a binary record.
        train, test: names of the files, which end in ``.bin`` in the binary layout.
        meta: name of the pickle with the classes' names.
        train_size, test_size: numbers of images, the same for every class.
        binary_folder, python_folder, image_folders: what the folders of the layouts are called.
        archives: official ones.
        addresses: from which they can be downloaded.
    """

    name: str
    labels: tuple[Labels, ...]
    train: tuple[str, ...]
    test: str
    meta: str
    train_size: int = 50_000
    test_size: int = 10_000
    binary_folder: str
    python_folder: str
    image_folders: tuple[str, ...]
    archives: tuple[Archive, ...]
    addresses: tuple[str, ...]


def read_binary(spec: Cifar, folder: Path) -> ImageSplits:
    """From records of the label bytes, then the red, the green and the blue plane."""
    batches = [
        _binary_batch(folder / f"{stem}.bin", rows, len(spec.labels)) for stem, rows in _files(spec)
    ]
    names = [_names_from_text(folder / each.names_file) for each in spec.labels]
    return _assemble(spec, folder, batches, names)


def read_python(spec: Cifar, folder: Path) -> ImageSplits:
    """From pickles of dictionaries with ``data`` and labels."""
    batches = [_python_batch(folder / stem, rows, spec.labels) for stem, rows in _files(spec)]
    meta = load_pickle(_existing(folder / spec.meta))
    names = [_names_from_meta(folder / spec.meta, meta, each) for each in spec.labels]
    return _assemble(spec, folder, batches, names)


def read_images(spec: Cifar, folder: Path) -> ImageSplits:
    """From ``train/CLASS/*.png`` and ``test/CLASS/*.png``; there are no coarse labels."""
    found = load_image_folder(folder)
    for part in (found.train, found.test):
        if part.images.shape[1:3] != (_SIDE, _SIDE):
            height, width = part.images.shape[1:3]
            raise ValueError(
                f"the images in {str(folder)!r} have {height} × {width} pixels, those of "
                f"{spec.name} have {_SIDE} × {_SIDE}; check the path"
            )
    _check_balance(spec, folder, found.train.labels, found.test.labels)
    return found


def _files(spec: Cifar) -> list[tuple[str, int]]:
    rows = spec.train_size // len(spec.train)
    return [*((stem, rows) for stem in spec.train), (spec.test, spec.test_size)]


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise FileNotFoundError(
            f"{str(path)!r} is missing; delete its folder and get the whole set again"
        )
    return path


def _binary_batch(path: Path, rows: int, columns: int) -> _Batch:
    width = columns + _PIXELS
    size = _existing(path).stat().st_size
    if size != rows * width:
        raise ValueError(
            f"{str(path)!r} has {size} bytes, expected {rows * width} ({rows} records of {width}); "
            "it is incomplete or another file, delete its folder and get the set again"
        )
    records = np.fromfile(path, np.uint8).reshape(rows, width)
    return _as_images(records[:, columns:]), records[:, :columns].astype(np.int64)


def _python_batch(path: Path, rows: int, labels: Sequence[Labels]) -> _Batch:
    batch = load_pickle(_existing(path))
    data = _entry(path, batch, "data")
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.shape != (rows, _PIXELS):
        found = f"{data.dtype} {data.shape}" if isinstance(data, np.ndarray) else type(data)
        raise ValueError(
            f"'data' in {str(path)!r} is {found}, expected uint8 ({rows}, {_PIXELS}); get the set "
            "again"
        )
    columns = [_labels(path, batch, each, rows) for each in labels]
    return _as_images(np.asarray(data)), np.stack(columns, axis=1)


def _labels(path: Path, batch: Any, labels: Labels, rows: int) -> Indices:
    values = _entry(path, batch, labels.key)
    listed = values.tolist() if isinstance(values, np.ndarray) else values
    if not isinstance(listed, list) or len(listed) != rows:
        found = f"{len(listed)} labels" if isinstance(listed, list) else type(values)
        raise ValueError(
            f"{labels.key!r} in {str(path)!r} is {found}, expected {rows} labels; get the set again"
        )
    if not all(isinstance(each, int) and 0 <= each < labels.count for each in listed):
        raise ValueError(
            f"{labels.key!r} in {str(path)!r} has labels that are not from 0 to "
            f"{labels.count - 1}; get the set again"
        )
    return np.array(listed, np.int64)


def _entry(path: Path, mapping: Any, key: str) -> Any:
    """Under the key or, from Python 2, its bytes."""
    for each in (key.encode(), key):
        if isinstance(mapping, dict) and each in mapping:
            return mapping[each]
    raise ValueError(f"{str(path)!r} has no entry {key!r}; it is another file, get the set again")


def _names_from_text(path: Path) -> list[str]:
    """One name a line; none without the file, which not every copy has."""
    if not path.is_file():
        return []
    return [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]


def _names_from_meta(path: Path, meta: Any, labels: Labels) -> list[str]:
    names = _entry(path, meta, labels.names_key)
    if not isinstance(names, list):
        raise ValueError(f"{labels.names_key!r} in {str(path)!r} is no list; get the set again")
    return [each.decode() if isinstance(each, bytes) else str(each) for each in names]


def _as_images(planes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    images = planes.reshape(-1, 3, _SIDE, _SIDE).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images)


def _assemble(
    spec: Cifar, folder: Path, batches: list[_Batch], names: list[list[str]]
) -> ImageSplits:
    images, labels = zip(*batches, strict=True)
    train, test = np.concatenate(labels[:-1]), labels[-1]
    _check_balance(spec, folder, train[:, -1], test[:, -1])
    for kind, found in zip(spec.labels, names, strict=True):
        if found and len(found) != kind.count:
            raise ValueError(
                f"{str(folder)!r} names {len(found)} classes, {spec.name} has {kind.count}; get "
                "the set again"
            )
    named = [
        tuple(found) or tuple(str(label) for label in range(kind.count))
        for kind, found in zip(spec.labels, names, strict=True)
    ]
    parts = [
        ImageSet(pixels, label[:, -1], np.arange(len(label)))
        for pixels, label in ((np.concatenate(images[:-1]), train), (images[-1], test))
    ]
    if len(named) == 1:
        return ImageSplits(parts[0], parts[1], named[0])
    coarse = _coarse_labels(spec, folder, np.concatenate([train, test]))
    return ImageSplits(parts[0], parts[1], named[1], coarse, named[0])


def _check_balance(spec: Cifar, folder: Path, train: Indices, test: Indices) -> None:
    """Every class has the same number of images, so mixed-up files show."""
    classes = spec.labels[-1].count
    for part, labels, size in (("train", train, spec.train_size), ("test", test, spec.test_size)):
        found, counts = np.unique(labels, return_counts=True)
        if not np.array_equal(found, np.arange(classes)) or set(counts) != {size // classes}:
            raise ValueError(
                f"{str(folder)!r} has {len(labels)} images of {len(found)} classes to {part}, "
                f"{counts.min()} to {counts.max()} of each; {spec.name} has {size // classes} of "
                f"each of {classes}. Files are mixed up, missing or damaged: get the set again"
            )


def _coarse_labels(spec: Cifar, folder: Path, labels: Indices) -> Indices:
    coarse, fine = labels.T
    table = np.zeros(spec.labels[-1].count, np.int64)
    table[fine] = coarse
    if not np.array_equal(table[fine], coarse) or coarse.max() >= spec.labels[0].count:
        raise ValueError(
            f"classes in {str(folder)!r} do not have one coarse class each; get the set again"
        )
    return table
