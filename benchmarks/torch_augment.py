"""``dctheory.data.CIFAR_AUGMENTATION`` in PyTorch, for a whole batch on the device.

The same laws, each image with numbers of its own; the three colour steps come in one order for a
batch, brightness, contrast, saturation, then hue (ours draws the order for each image).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.nn import functional

AREA, RATIO, TRIES = (0.2, 1.0), (3 / 4, 4 / 3), 10
FLIP, JITTER, GREY, STRENGTH, HUE = 0.5, 0.8, 0.2, 0.4, 0.1
LUMA = (0.2989, 0.587, 0.114)


def augment(images: Any) -> Any:
    """(B, 3, H, W) floats in [0, 1] to as many views, one of each."""
    views = _crop_and_flip(images)
    return _grey(_jitter(views))


def _uniform(like: Any, *shape: int) -> Any:
    return torch.rand(len(like), *shape, device=like.device)


def _crop_and_flip(images: Any) -> Any:
    share, shape = (_uniform(images, TRIES) for _ in range(2))
    share = AREA[0] + share * (AREA[1] - AREA[0])
    low, high = (math.log(each) for each in RATIO)
    root = torch.exp((low + shape * (high - low)) / 2)
    height, width = share.sqrt() / root, share.sqrt() * root
    fits = (height <= 1) & (width <= 1)
    fits[:, -1] = True
    first = fits.int().argmax(1, keepdim=True)
    height, width = (each.gather(1, first)[:, 0].clamp(max=1) for each in (height, width))
    down, right = ((2 * _uniform(images) - 1) * (1 - each) for each in (height, width))
    mirror = torch.where(_uniform(images) < FLIP, -1.0, 1.0)
    zero = torch.zeros_like(height)
    rows = [torch.stack(row, 1) for row in ((width * mirror, zero, right), (zero, height, down))]
    grid = functional.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _jitter(views: Any) -> Any:
    factors = 1 + STRENGTH * (2 * _uniform(views, 3, 1, 1, 1) - 1)
    bright = (factors[:, 0] * views).clamp(0, 1)
    mean = _luma(bright).mean((2, 3), keepdim=True)
    sharp = (mean + factors[:, 1] * (bright - mean)).clamp(0, 1)
    plain = _luma(sharp)
    vivid = (plain + factors[:, 2] * (sharp - plain)).clamp(0, 1)
    turned = _turn_hue(vivid, HUE * (2 * _uniform(views, 1, 1) - 1))
    return torch.where(_uniform(views, 1, 1, 1) < JITTER, turned, views)


def _turn_hue(images: Any, turn: Any) -> Any:
    red, green, blue = images.unbind(1)
    high = images.amax(1)
    chroma = high - images.amin(1)
    divisor = torch.where(chroma > 0, chroma, torch.ones_like(chroma))
    sixths = torch.where(high == green, 2 + (blue - red) / divisor, 4 + (red - green) / divisor)
    sixths = torch.where(high == red, (green - blue) / divisor, sixths) + 6 * turn

    def plane(offset: float) -> Any:
        place = torch.remainder(sixths + offset, 6)
        return high - chroma * torch.minimum(place, 4 - place).clamp(0, 1)

    return torch.stack([plane(5.0), plane(3.0), plane(1.0)], 1)


def _grey(views: Any) -> Any:
    plain = _luma(views).expand_as(views)
    return torch.where(_uniform(views, 1, 1, 1) < GREY, plain, views)


def _luma(images: Any) -> Any:
    return sum(weight * images[:, i : i + 1] for i, weight in enumerate(LUMA))
