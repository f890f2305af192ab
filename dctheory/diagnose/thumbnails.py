"""Small pictures of the most difficult pairs, as PNG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def thumbnails(images: Any, pairs: Sequence[Any], *, side: int = 96) -> tuple[bytes, ...]:
    """One PNG for each pair, its two images side by side.

    Args:
        images: an object with a length and ``take(indices) -> (m, H, W, C)`` uint8, or an array
            (N, H, W) or (N, H, W, C) of uint8 or of floats in [0, 1].
        pairs: items whose first two entries are indices of images.
        side: pixels of the longer side of each image.
    """
    raise NotImplementedError


def contact_sheet(
    images: Any, pairs: Sequence[Any], *, columns: int = 4, side: int = 96
) -> bytes:
    """All pairs on one PNG, ``columns`` pairs in a row."""
    raise NotImplementedError
