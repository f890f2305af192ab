"""Flip, colour jitter and grey of images in [0, 1], by the laws of torchvision's transforms.

Tensor transforms of torchvision, on floats: nothing is rounded to bytes between two steps.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import jax
import jax.numpy as jnp

from dctheory._validation import check_real

# ITU-R BT.601, with torchvision's digits: they sum to 0.9999.
_LUMA = (0.2989, 0.587, 0.114)


def luma(image: jax.Array) -> jax.Array:
    """(..., 1) luma 0.2989 R + 0.587 G + 0.114 B of (..., 3) images; of (..., 1), themselves.

    Raises:
        ValueError: another number of channels.
    """
    channels = image.shape[-1]
    if channels not in (1, 3):
        raise ValueError(
            f"colours need images of 1 or 3 channels, got {channels}; "
            "leave jitter and grey out, or select three channels"
        )
    if channels == 1:
        return image
    weighted = [weight * image[..., i] for i, weight in enumerate(_LUMA)]
    return sum(weighted[1:], start=weighted[0])[..., None]


def flip(chance: jax.Array, image: jax.Array, probability: float) -> jax.Array:
    """The mirror image (left and right exchanged) where the uniform ``chance`` is below."""
    return jnp.where(chance < probability, image[:, ::-1], image)


def grey(chance: jax.Array, image: jax.Array, probability: float) -> jax.Array:
    """The :func:`luma` in all channels where the uniform ``chance`` is below ``probability``."""
    return jnp.where(chance < probability, luma(image), image)


def turn_hue(image: jax.Array, turn: jax.Array) -> jax.Array:
    """(..., 3) images in [0, 1] whose hue in HSV is turned by ``turn`` full circles.

    The hexcone of A. R. Smith (1978, Color gamut transform pairs), as Python's ``colorsys``:
    value and saturation stay, greys too.
    """
    # By the planes, and without %: an eighth of the time of reductions and remainders on a CPU.
    red, green, blue = (image[..., i] for i in range(3))
    high = jnp.maximum(jnp.maximum(red, green), blue)
    chroma = high - jnp.minimum(jnp.minimum(red, green), blue)
    divisor = jnp.where(chroma > 0, chroma, 1)
    sixths = jnp.where(high == green, 2 + (blue - red) / divisor, 4 + (red - green) / divisor)
    sixths = jnp.where(high == red, (green - blue) / divisor, sixths) + 6 * turn

    def plane(offset: float) -> jax.Array:
        """Lowest on two sixths of the circle, highest on two, linear between."""
        place = sixths + offset
        place -= 6 * jnp.floor(place / 6)
        return high - chroma * jnp.clip(jnp.minimum(place, 4 - place), 0, 1)

    return jnp.stack([plane(5.0), plane(3.0), plane(1.0)], axis=-1)


@dataclass(frozen=True, kw_only=True)
class ColourJitter:
    """Brightness, contrast, saturation and hue, changed in random order with a probability.

    With a factor f for each of the first three, uniform in [max(0, 1 − limit), 1 + limit], and
    every result cut to [0, 1]:

    - brightness: x ← f x;
    - contrast: x ← m + f (x − m), m the mean of the image's luma;
    - saturation: x ← y + f (x − y), y the pixel's luma;
    - hue: turned by a share of the circle that is uniform in ± hue. Images of one channel keep
      theirs.

    All orders are equally likely (torchvision's ColorJitter inside RandomApply).

    Args:
        brightness, contrast, saturation: limits ≥ 0.
        hue: in [0, 1/2].
        probability: that anything changes, in [0, 1].

    Raises:
        TypeError, ValueError: a value of the wrong kind or out of range.
    """

    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    probability: float = 1.0

    def __post_init__(self) -> None:
        highest = {"hue": 0.5, "probability": 1}
        for name in (field.name for field in fields(self)):
            check_real(f"jitter.{name}", getattr(self, name), 0, highest.get(name))

    def __call__(self, uniforms: jax.Array, image: jax.Array) -> jax.Array:
        """One image (H, W, 1 or 3) jittered.

        Args:
            uniforms: (9,) random numbers, uniform in [0, 1): whether; the strengths and then the
                ranks in the order of brightness, contrast, saturation, hue.
            image: floats in [0, 1].
        """
        chance, strengths, ranks = uniforms[0], uniforms[1:5], uniforms[5:]
        limits = jnp.array([self.brightness, self.contrast, self.saturation])
        low = jnp.maximum(0, 1 - limits)
        factors = low + strengths[:3] * (1 + limits - low)
        order = jnp.argsort(ranks[:3])
        result = image
        if self.hue and image.shape[-1] == 3:
            # Hue is by far the most work: it is done once, and what comes later is left out (its
            # factor is 1) before it, and what comes earlier after it.
            early = ranks[:3] < ranks[3]
            result = _blend_all(result, order, jnp.where(early, factors, 1))
            result = turn_hue(result, self.hue * (2 * strengths[3] - 1))
            factors = jnp.where(early, 1, factors)
        result = _blend_all(result, order, factors)
        return jnp.where(chance < self.probability, result, image)


def _blend_all(image: jax.Array, order: jax.Array, factors: jax.Array) -> jax.Array:
    """f x + (1 − f) r with r = 0 (brightness, 0), the mean luma (contrast, 1), the luma (2)."""
    for which in order:
        plain = luma(image)
        reference: Any = jnp.select([which == 0, which == 1], [0.0, plain.mean()], plain)
        factor = factors[which]
        image = jnp.clip(factor * image + (1 - factor) * reference, 0, 1)
    return image
