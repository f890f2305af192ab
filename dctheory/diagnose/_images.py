"""Images of which a few are read at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dctheory.data.folder import IMAGE_SUFFIXES, natural_key, read_image, size_of

_CHANNELS = (1, 3, 4)

# Larger images of a folder are made smaller as they are read.
_LONGEST_SIDE = 128


class Images(Protocol):
    """N images of one shape."""

    def __len__(self) -> int: ...

    def take(self, indices: Any) -> NDArray[np.uint8]:
        """(m, H, W, C) pixels of the images at m ``indices``, in their order."""


def open_images(source: Any, count: int, name: str = "") -> Images:
    """Images from a folder (a Path) or an array; see :func:`dctheory.diagnose.load_images`."""
    images: Images = _Folder(source) if isinstance(source, Path) else _Pixels(source, name)
    if len(images) != count:
        where = f" of {str(source)!r}" if isinstance(source, Path) else f" of {name!r}" * bool(name)
        raise ValueError(
            f"images{where} must be {count}, one for each row of embeddings, got {len(images)}"
        )
    return images


class _Pixels:
    def __init__(self, array: Any, name: str) -> None:
        where = f" of {name!r}" if name else ""
        if array.dtype != np.uint8:
            raise TypeError(
                f"images{where} must be uint8, got {array.dtype}; convert pixels in [0, 1] by "
                "(255 * images).round().astype('uint8')"
            )
        first = array.ndim == 4 and array.shape[1] in _CHANNELS
        last = array.ndim == 4 and array.shape[3] in _CHANNELS
        if array.ndim != 3 and not first and not last:
            raise ValueError(
                f"images{where} must have shape (N, H, W), (N, H, W, C) or (N, C, H, W) with C "
                f"one of {_CHANNELS}, got {array.shape}"
            )
        self._array, self._channels_first = array, first and not last

    def __len__(self) -> int:
        return len(self._array)

    def take(self, indices: Any) -> NDArray[np.uint8]:
        taken = np.asarray(self._array[np.asarray(indices, dtype=np.int64)])
        if taken.ndim == 3:
            return taken[..., None]
        return np.moveaxis(taken, 1, -1) if self._channels_first else taken


class _Folder:
    def __init__(self, folder: Path) -> None:
        found = [
            each
            for each in folder.rglob("*")
            if each.suffix.lower() in IMAGE_SUFFIXES and not each.name.startswith(".")
        ]
        if not found:
            raise FileNotFoundError(
                f"{str(folder)!r} holds no images; expected files that end in "
                f"{', '.join(sorted(IMAGE_SUFFIXES))}"
            )
        self._files = sorted(found, key=lambda each: [natural_key(Path(p)) for p in each.parts])
        self._side = min(max(size_of(self._files[0])), _LONGEST_SIDE)

    def __len__(self) -> int:
        return len(self._files)

    def take(self, indices: Any) -> NDArray[np.uint8]:
        shape = (self._side, self._side, 3)
        files = [self._files[i] for i in np.asarray(indices, dtype=np.int64)]
        images = np.empty((len(files), *shape), np.uint8)
        for place, file in enumerate(files):
            images[place] = read_image(file, self._side, shape, self._files[0])
        return images
