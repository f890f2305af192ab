"""Affine maps of images of any size: rotation, shear, zoom, shift, and resized crops.

A map is a (2, 3) matrix (M, t) that sends the place of a pixel of the result to the place in the
image it is taken from, M·target + t. Places are (row, column) from the image's centre in units of
half its side: its edges are at ±1, whatever its size.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy.ndimage import map_coordinates

from dctheory._validation import check_choice

# How pixels from outside of the image are made: zero, the nearest edge, or a reflection.
OUTSIDE = ("constant", "nearest", "reflect")


def random_affine(
    uniforms: jax.Array,
    rotation: Any = 0.0,
    shear: Any = 0.0,
    zoom: Any = 0.0,
    shift: Any = 0.0,
) -> jax.Array:
    """(2, 3) float32 map of a random rotation, shear, zoom and shift.

    The angle is uniform in ±rotation (degrees, clockwise), the shear (columns a row) uniform in
    ±shear, the logarithm of the magnification uniform in ±log(1 + zoom), and the shift of rows and
    of columns uniform in ±shift (a share of the side), all independent. Angles are true on square
    images.

    Args:
        uniforms: (5,) random numbers, uniform in [0, 1): angle, shear, zoom, shift of rows and
            of columns; at 1/2 nothing changes.
        rotation, shear, zoom, shift: the limits above, ≥ 0.
    """
    angle, slope, size, *offset = 2 * uniforms - 1
    angle = jnp.deg2rad(rotation * angle)
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    sheared = jnp.array([[1.0, 0.0], [1.0, 1.0]], jnp.float32).at[1, 0].set(shear * slope)
    turned = _product(jnp.array([[cos, -sin], [sin, cos]]), sheared)
    matrix = turned * jnp.exp(-size * jnp.log1p(zoom))
    # Places run over two units from edge to edge.
    return jnp.column_stack([matrix, 2 * shift * jnp.stack(offset)])


def random_resized_crop(
    uniforms: jax.Array,
    area: tuple[float, float] = (0.2, 1.0),
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
) -> jax.Array:
    """(2, 3) float32 map of a random crop, resized to the whole image.

    The share of the area is uniform in ``area`` and the logarithm of width / height in that of
    ``ratio``, drawn until the crop fits into the image; after the last try, a side that would
    exceed it is cut. The place is uniform among those inside of the image. This is the law of
    torchvision's RandomResizedCrop, but for its rounding to whole pixels. As the crop is enlarged,
    never shrunk, to the image's size, antialiasing would change nothing; at the crop's edges the
    interpolation sees the pixels beyond, torchvision repeats the last.

    Args:
        uniforms: (2k + 2,) random numbers, uniform in [0, 1): area and ratio of each of k tries
            (torchvision has ten), then the place of rows and columns.
        area, ratio: lowest and highest.
    """
    share, shape = uniforms[:-2].reshape(-1, 2).T
    share = area[0] + share * (area[1] - area[0])
    low, high = jnp.log(ratio[0]), jnp.log(ratio[1])
    root = jnp.exp((low + shape * (high - low)) / 2)
    tries = jnp.sqrt(share) * jnp.stack([1 / root, root])
    fits = (tries <= 1).all(axis=0).at[-1].set(True)
    sides = jnp.minimum(tries[:, jnp.argmax(fits)], 1)
    offset = (2 * uniforms[-2:] - 1) * (1 - sides)
    return jnp.column_stack([jnp.diag(sides), offset])


def compose(outer: jax.Array, inner: jax.Array) -> jax.Array:
    """The map that takes a place of the result through ``inner``, then through ``outer``."""
    composed = _product(outer[:, :2], inner)
    return composed.at[:, 2].add(outer[:, 2])


def _product(a: jax.Array, b: jax.Array) -> jax.Array:
    # GPUs round the factors to ten bits by default: a tenth of a pixel on a large image.
    return jnp.matmul(a, b, precision="highest")


def warp(image: jax.Array, affine: jax.Array, outside: str = "constant") -> jax.Array:
    """The image seen through an affine map, by bilinear interpolation.

    Args:
        image: (H, W, channels) floats.
        affine: (2, 3), see above.
        outside: "constant" (zero), "nearest" or "reflect".

    Returns:
        The same shape and dtype.
    """
    check_choice("outside", outside, OUTSIDE)
    height, width = image.shape[:2]
    rows = (2 * jnp.arange(height) + 1) / height - 1
    columns = (2 * jnp.arange(width) + 1) / width - 1
    target = jnp.stack(jnp.meshgrid(rows, columns, indexing="ij")).astype(image.dtype)
    affine = affine.astype(image.dtype)
    source = jnp.einsum("ij,jhw->ihw", affine[:, :2], target, precision="highest")
    source += affine[:, 2, None, None]
    size = jnp.array([height, width], image.dtype)[:, None, None]
    pixels = ((source + 1) * size - 1) / 2

    def one(channel: jax.Array) -> jax.Array:
        return map_coordinates(channel, list(pixels), order=1, mode=outside)

    return jax.vmap(one, in_axes=-1, out_axes=-1)(image)
