"""Small pictures of the most difficult pairs, as PNG."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dctheory._validation import check_integer
from dctheory.diagnose._images import Images, open_images

if TYPE_CHECKING:
    from PIL.Image import Image

_SMALLEST_SIDE = 8

# Between the images of a pair, and around the pairs of a sheet, in parts of the side.
_GAP = 1 / 16
_MARGIN = 1 / 4


def thumbnails(images: Any, pairs: Sequence[Any], *, side: int = 96) -> tuple[bytes, ...]:
    """One PNG for each pair, its two images side by side on a transparent ground.

    Small images are enlarged without smoothing, so that their pixels are seen.

    Args:
        images: what :func:`dctheory.diagnose.reading.load_images` gives, or a uint8 array of shape
            (N, H, W), (N, H, W, C) or (N, C, H, W).
        pairs: items whose first two entries are indices of images, such as ``Difficulty.pairs``.
        side: pixels of the longer side of each image, at least 8.

    Raises:
        TypeError: images or indices of another kind.
        ValueError: an index out of range; a side that is too small.
    """
    return tuple(_to_png(picture) for picture in _pictures(images, pairs, side))


def contact_sheet(images: Any, pairs: Sequence[Any], *, columns: int = 4, side: int = 96) -> bytes:
    """All pairs on one PNG, row by row, ``columns`` pairs in each.

    Args and errors as for :func:`thumbnails`; ValueError without pairs.
    """
    from PIL import Image

    check_integer("columns", columns, 1)
    pictures = _pictures(images, pairs, side)
    if not pictures:
        raise ValueError("a contact sheet needs at least one pair, got none")
    margin = round(_MARGIN * side)
    across, height = min(columns, len(pictures)), -(-len(pictures) // columns)
    width = pictures[0].width + margin
    sheet = Image.new("RGBA", (across * width + margin, height * (side + margin) + margin))
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        sheet.paste(picture, (margin + column * width, margin + row * (side + margin)))
    return _to_png(sheet)


def _pictures(images: Any, pairs: Sequence[Any], side: int) -> list[Image]:
    from PIL import Image

    check_integer("side", side, _SMALLEST_SIDE)
    source = images if hasattr(images, "take") and not hasattr(images, "shape") else _open(images)
    ends = [
        tuple(check_integer("an index of a pair", i, 0, len(source) - 1) for i in tuple(pair)[:2])
        for pair in pairs
    ]
    wanted = np.unique(np.array(ends, dtype=np.int64))
    shown = {}
    if len(wanted):
        pixels = source.take(wanted)
        shown = {int(i): _fit(image, side) for i, image in zip(wanted, pixels, strict=True)}
    gap = max(1, round(_GAP * side))
    pictures = []
    for pair in ends:
        picture = Image.new("RGBA", (2 * side + gap, side))
        for place, i in enumerate(pair):
            image = shown[i]
            left = place * (side + gap) + (side - image.width) // 2
            picture.paste(image, (left, (side - image.height) // 2))
        pictures.append(picture)
    return pictures


def _open(images: Any) -> Images:
    array = np.asarray(images)
    return open_images(array, len(array) if array.ndim else 0)


def _fit(pixels: NDArray[np.uint8], side: int) -> Image:
    """(H, W, C) pixels as a picture whose longer side is ``side``."""
    from PIL import Image

    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).convert("RGBA")
    scale = side / max(image.size)
    size = tuple(max(1, round(scale * length)) for length in image.size)
    smooth = Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.NEAREST
    return image.resize((size[0], size[1]), smooth)


def _to_png(image: Image) -> bytes:
    data = io.BytesIO()
    image.save(data, format="PNG")
    return data.getvalue()
