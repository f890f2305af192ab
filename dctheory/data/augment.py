"""Augmentation of images on the accelerator, inside a jitted step."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from dctheory._validation import check_choice, check_real
from dctheory.data.affine import OUTSIDE, compose, random_affine, random_resized_crop, warp
from dctheory.data.colour import ColourJitter, flip, grey
from dctheory.data.images import check_range
from dctheory.data.keys import sample_keys


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Random changes of an image with values in [0, 1], in this order; all off by default.

    1. Crop of a share ``area`` of the image with width / height in ``ratio``, then rotation,
       shear, zoom and shift: one bilinear interpolation of the composed map (laws in
       :mod:`dctheory.data.affine`).
    2. Mirroring of left and right, with probability ``flip``.
    3. Colour jitter (laws in :class:`dctheory.data.ColourJitter`), then, with probability
       ``grey``, the luma instead of the colours.
    4. Contrast: x ← m + f (x − m), m the image's mean, f uniform in 1 ± contrast.
    5. Pixel noise: x ← x + s ξ, ξ standard normal for each value, s uniform in [0, noise].
    6. Erasing, with probability ``erase_probability``: a rectangle inside of the image becomes
       zero; its sides are uniform from one pixel to the share ``erase`` of the image's (rounded,
       at least one pixel), its place is uniform.
    7. Values are cut to [0, 1].

    Args:
        area: lowest and highest share, 0 < low ≤ high ≤ 1.
        ratio: lowest and highest, 0 < low ≤ high.
        rotation: degrees, 0 to 180.
        shear, zoom: ≥ 0.
        shift: share of the side, in [0, 1].
        outside: "constant" (zero), "nearest" or "reflect", where the map leaves the image.
        flip, grey: probabilities.
        jitter: of the colours; None for none.
        contrast: in [0, 1]. On one channel, what the jitter's is; it is cut at the end only.
        noise: ≥ 0.
        erase, erase_probability: in [0, 1].

    Raises:
        TypeError, ValueError: a value of the wrong kind or out of range.
    """

    area: tuple[float, float] = (1.0, 1.0)
    ratio: tuple[float, float] = (1.0, 1.0)
    rotation: float = 0.0
    shear: float = 0.0
    zoom: float = 0.0
    shift: float = 0.0
    outside: str = "constant"
    flip: float = 0.0
    jitter: ColourJitter | None = None
    grey: float = 0.0
    contrast: float = 0.0
    noise: float = 0.0
    erase: float = 0.0
    erase_probability: float = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "area", check_range("area", self.area, 0, 1, low_open=True))
        object.__setattr__(self, "ratio", check_range("ratio", self.ratio, 0, low_open=True))
        check_real("rotation", self.rotation, 0, 180)
        for name in ("shear", "zoom", "noise"):
            check_real(name, getattr(self, name), 0)
        for name in ("shift", "flip", "grey", "contrast", "erase", "erase_probability"):
            check_real(name, getattr(self, name), 0, 1)
        check_choice("outside", self.outside, OUTSIDE)
        if not isinstance(self.jitter, ColourJitter | None):
            raise TypeError(
                f"jitter must be a ColourJitter or None, got {type(self.jitter).__name__}; "
                "e.g. ColourJitter(brightness=0.4)"
            )

    def __call__(self, key: jax.Array, image: jax.Array) -> jax.Array:
        """One augmentation of one (H, W, channels) floating point image."""
        # All numbers at once: each call of the generator costs compile time. What is added takes
        # its numbers from the end, so that the others get what they got.
        uniform_key, noise_key = jax.random.split(key)
        cuts = (4, 9, 10, 11, 16, 34, 35, 44)
        crop, turn, contrast, noise, erase, retries, mirror, jitter, bleach = jnp.split(
            jax.random.uniform(uniform_key, (45,), jnp.float32), cuts
        )
        crops = self.area != (1.0, 1.0) or self.ratio != (1.0, 1.0)
        if crops or self.rotation or self.shear or self.zoom or self.shift:
            outer = random_resized_crop(jnp.append(retries, crop), self.area, self.ratio)
            inner = random_affine(turn, self.rotation, self.shear, self.zoom, self.shift)
            image = warp(image, compose(outer, inner), self.outside)
        if self.flip:
            image = flip(mirror, image, self.flip)
        if self.jitter is not None:
            image = self.jitter(jitter, image)
        if self.grey:
            image = grey(bleach, image, self.grey)
        if self.contrast:
            mean = image.mean()
            image = mean + (1 + self.contrast * (2 * contrast - 1)) * (image - mean)
        if self.noise:
            normals = jax.random.normal(noise_key, image.shape, jnp.float32)
            image += self.noise * noise * normals
        if self.erase and self.erase_probability:
            image = jnp.where(self._erased(erase, image.shape), 0, image)
        return jnp.clip(image, 0, 1)

    def _erased(self, uniforms: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        """(H, W, 1) mask of the rectangle; empty where nothing is erased."""
        chance, *draws = uniforms
        inside = []
        for side, length, place in zip(shape[:2], draws[:2], draws[2:], strict=True):
            longest = max(1, round(self.erase * side))
            taken = 1 + jnp.floor(length * longest)
            start = jnp.floor(place * (side - taken + 1))
            pixels = jnp.arange(side)
            inside.append((pixels >= start) & (pixels < start + taken))
        erases = chance < self.erase_probability
        return (erases & inside[0][:, None] & inside[1][None, :])[:, :, None]


def two_views(
    images: Any, indices: Any, seed: Any, epoch: Any, step: Any, augmentation: Augmentation
) -> tuple[jax.Array, jax.Array]:
    """Two independent augmentations of every image of a batch.

    What a sample gets depends on (seed, epoch, step, its index) alone: see
    :func:`dctheory.data.keys.sample_keys`.

    Args:
        images: (B, H, W, channels) floats in [0, 1], or uint8, which are divided by 255.
        indices: (B,) integers, the samples' places in the data.
        seed, epoch, step: integers, traced or not.
        augmentation: what is done.

    Returns:
        Two (B, H, W, channels) float32 arrays.

    Raises:
        TypeError: images that are neither floats nor uint8, something that is no integer.
        ValueError: another shape, not one index for each image.
    """
    if not isinstance(augmentation, Augmentation):
        raise TypeError(
            f"augmentation must be an Augmentation, got {type(augmentation).__name__}; "
            "e.g. dctheory.data.DIGIT_AUGMENTATION"
        )
    array = _as_images(images)
    keys = sample_keys(seed, epoch, step, indices)
    if len(keys) != len(array):
        raise ValueError(
            f"{len(array)} images have {len(keys)} indices; pass one index for each image"
        )
    return _two_views(keys, array, augmentation)


@partial(jax.jit, static_argnames="augmentation")
def _two_views(
    keys: jax.Array, images: jax.Array, augmentation: Augmentation
) -> tuple[jax.Array, jax.Array]:
    views = jax.vmap(partial(jax.random.split, num=2), out_axes=1)(keys)
    first, second = jax.vmap(jax.vmap(augmentation), in_axes=(0, None))(views, images)
    return first, second


def _as_images(images: Any) -> jax.Array:
    array = jnp.asarray(images)
    if array.ndim != 4:
        raise ValueError(
            f"images must have shape (B, H, W, channels), got {array.shape}; "
            "for grey ones, add a last axis: images[..., None]"
        )
    if array.dtype == jnp.uint8:
        return array.astype(jnp.float32) / 255
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(f"images must be floats in [0, 1] or uint8, got {array.dtype}")
    return array.astype(jnp.float32)
