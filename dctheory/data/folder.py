"""Labelled images in folders, one folder for each class: STL-10, TinyImageNet, CIFAR as images."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dctheory._validation import check_integer
from dctheory.data.images import ImageSet, ImageSplits

IMAGE_SUFFIXES = frozenset((".bmp", ".jpeg", ".jpg", ".png", ".webp"))
# Parts to test on; the first that has labels is taken.
_TEST_PARTS = ("test", "val", "validation")
_ANNOTATIONS = "val_annotations.txt"

# Images and their labels.
_Listing = list[tuple[Path, int]]


def load_image_folder(path: str | os.PathLike[str], size: int | None = None) -> ImageSplits:
    """Images from ``train/CLASS/*.png`` and ``test/CLASS/*.png``, as RGB.

    Where ``test`` is missing or has no labels, ``val`` or ``validation`` is taken. Images may be
    PNG, JPEG, BMP or WebP, and may lie in a folder ``images`` inside of the class (as in
    TinyImageNet's ``train``); labels may come from ``val_annotations.txt`` (as in its ``val``).

    Labels number the classes of ``train`` in the order of their names (numbers in names by their
    value). Where the names of all files of a part begin with different numbers, as in
    ``00017_cat.png``, images are in the order of these numbers, else by class and name, or as
    annotated.

    Args:
        path: the folder above ``train``.
        size: side of the square to which every image is brought, by Pillow's antialiased bilinear
            filter from its largest centred square; None where all have one size already.

    Raises:
        TypeError, ValueError: ``size`` is no number of pixels; an image that cannot be read or
            has another size than the first; a class to test on that is not one of ``train``.
        FileNotFoundError: no ``train``, or no images to test on.
    """
    if size is not None:
        check_integer("size", size, 1)
    root = Path(path)
    names = _folders(root / "train")
    classes = {name: label for label, name in enumerate(names)}
    train = _listing(root / "train", classes)
    if not train:
        raise FileNotFoundError(f"{str(root)!r} holds no images in train/CLASS; check the path")
    tests = (_listing(root / part, classes) for part in _TEST_PARTS)
    test = next((listing for listing in tests if listing), None)
    if test is None:
        raise FileNotFoundError(
            f"{str(root)!r} holds no labelled images to test on; expected them in test/CLASS, "
            f"val/CLASS or validation/CLASS, or their labels in val/{_ANNOTATIONS}"
        )
    return ImageSplits(_read_part(train, size), _read_part(test, size), tuple(names))


# --- Which images there are


def _folders(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    folders = (each for each in folder.iterdir() if each.is_dir() and _is_shown(each))
    return [each.name for each in sorted(folders, key=natural_key)]


def _is_shown(path: Path) -> bool:
    return not path.name.startswith(".")


def _listing(folder: Path, classes: Mapping[str, int]) -> _Listing:
    """The images of one part, in order; empty where there are no labels."""
    if (folder / _ANNOTATIONS).is_file():
        return _annotated(folder, classes)
    names = _folders(folder)
    if not any(name in classes for name in names):
        return []
    listing = [
        (file, _label(name, classes, folder))
        for name in names
        for file in sorted(_images(folder / name), key=natural_key)
    ]
    numbers = [re.match(r"\d+", file.name) for file, _ in listing]
    order = [int(number[0]) for number in numbers if number]
    if len(set(order)) == len(listing):
        listing = [listing[i] for i in np.argsort(order)]
    return listing


def _images(folder: Path) -> list[Path]:
    inner = folder / "images"
    files = (inner if inner.is_dir() else folder).iterdir()
    return [each for each in files if each.suffix.lower() in IMAGE_SUFFIXES and _is_shown(each)]


def natural_key(path: Path) -> list[tuple[int, str]]:
    """Sorts names with numbers in them as people do: 2 before 10."""
    parts = re.split(r"(\d+)", path.name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _annotated(folder: Path, classes: Mapping[str, int]) -> _Listing:
    """From lines of file name, class and a box, parted by tabs."""
    lines = (folder / _ANNOTATIONS).read_text(encoding="utf-8").splitlines()
    listing = []
    for line in lines:
        file, name = [*line.split("\t"), ""][:2]
        label = _label(name, classes, folder / _ANNOTATIONS)
        # The name alone, so that no path leads out of the folder.
        listing.append((folder / "images" / Path(file).name, label))
    return listing


def _label(name: str, classes: Mapping[str, int], where: Path) -> int:
    if name not in classes:
        raise ValueError(
            f"{str(where)!r} has the class {name!r}, which is not one of the {len(classes)} in "
            "train; remove it there, or add it here"
        )
    return classes[name]


# --- Their pixels


def _read_part(listing: _Listing, size: int | None) -> ImageSet:
    files = [file for file, _ in listing]
    shape = (*size_of(files[0], size), 3)
    images = np.empty((len(files), *shape), np.uint8)
    with ThreadPoolExecutor() as pool:
        read = partial(read_image, size=size, shape=shape, first=files[0])
        for row, pixels in enumerate(pool.map(read, files)):
            images[row] = pixels
    labels = np.array([label for _, label in listing])
    return ImageSet(images, labels, np.arange(len(files)))


def size_of(file: Path, size: int | None = None) -> tuple[int, int]:
    """(height, width) of an image in pixels, or ``size`` twice."""
    if size is not None:
        return size, size
    with _opened(file) as image:
        return image.height, image.width


def read_image(
    file: Path, size: int | None, shape: tuple[int, int, int], first: Path
) -> NDArray[np.uint8]:
    """(H, W, 3) pixels of ``shape``; with ``size``, cut and scaled to it.

    Raises:
        OSError, ValueError: no image, a damaged one, or without ``size`` one of another shape than
            ``first``; the message names the file.
    """
    from PIL import Image, ImageOps

    with _opened(file) as image:
        if size is None and (image.height, image.width) != shape[:2]:
            raise ValueError(
                f"{str(file)!r} has {image.height} × {image.width} pixels, {str(first)!r} has "
                f"{shape[0]} × {shape[1]}; pass a size to bring all to"
            )
        try:
            pixels = image.convert("RGB")
        except (OSError, SyntaxError, ValueError) as error:
            raise _unreadable(file, error) from error
    if size is not None:
        pixels = ImageOps.fit(pixels, (size, size), Image.Resampling.BILINEAR)
    return np.asarray(pixels)


def _opened(file: Path) -> Any:
    from PIL import Image

    try:
        return Image.open(file)
    except FileNotFoundError:
        raise
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: Exception) -> ValueError:
    return ValueError(f"cannot read {str(file)!r}: {error}; it is damaged or no image, replace it")
