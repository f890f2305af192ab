"""Colour operations against their published formulas in plain Python and NumPy."""

from __future__ import annotations

import colorsys
import itertools

import numpy as np
import pytest

from dctheory.data import Augmentation, ColourJitter, two_views

jax = pytest.importorskip("jax")
from dctheory.data.colour import luma, turn_hue  # noqa: E402

RNG = np.random.default_rng(0)
IMAGES = RNG.random((48, 4, 4, 3), dtype=np.float32)
STRONG = ColourJitter(brightness=0.4, contrast=0.5, saturation=1.5, hue=0.5, probability=0.8)


def naive_luma(image):
    red, green, blue = np.moveaxis(image.astype(float), -1, 0)
    return 0.2989 * red + 0.587 * green + 0.114 * blue


def naive_hue(image, turn):
    pixels = []
    for pixel in image.astype(float).reshape(-1, 3):
        hue, saturation, value = colorsys.rgb_to_hsv(*pixel)
        pixels.append(colorsys.hsv_to_rgb((hue + turn) % 1, saturation, value))
    return np.reshape(pixels, image.shape)


def naive_jitter(jitter, uniforms, image):
    """One operation after the other, in the order of the last four numbers."""
    chance, strengths, ranks = uniforms[0], uniforms[1:5], uniforms[5:]
    if chance >= jitter.probability:
        return image
    limits = (jitter.brightness, jitter.contrast, jitter.saturation)
    for which in np.argsort(ranks):
        if which == 3:
            image = naive_hue(image, jitter.hue * (2 * strengths[3] - 1))
            continue
        low = max(0, 1 - limits[which])
        factor = low + strengths[which] * (1 + limits[which] - low)
        grey = naive_luma(image)[..., None]
        other = (0, grey.mean(), grey)[which]
        image = np.clip(factor * image + (1 - factor) * other, 0, 1)
    return image


def test_luma():
    primaries = np.eye(3, dtype=np.float32)
    np.testing.assert_allclose(luma(primaries)[:, 0], [0.2989, 0.587, 0.114], atol=1e-7)
    np.testing.assert_array_equal(luma(IMAGES[..., :1]), IMAGES[..., :1])


@pytest.mark.parametrize("turn", [0.0, 0.1, -0.1, 0.5, 1 / 3])
def test_hue_is_colorsys(turn):
    # Greys, black, white, primaries, and pixels with two or three equal channels too.
    corners = np.array(list(itertools.product([0, 0.5, 1], repeat=3)), np.float32)[None]
    for image in (corners, IMAGES[0]):
        np.testing.assert_allclose(turn_hue(image, turn), naive_hue(image, turn), atol=2e-6)


def test_jitter_is_the_operations_in_their_order():
    uniforms = RNG.random((48, 9), dtype=np.float32)
    # Every order of the four.
    uniforms[:, 5:] = np.tile(list(itertools.permutations([0.1, 0.3, 0.6, 0.8])), (2, 1))
    found = np.asarray(jax.jit(jax.vmap(STRONG))(uniforms, IMAGES))
    expected = [naive_jitter(STRONG, *each) for each in zip(uniforms, IMAGES, strict=True)]
    np.testing.assert_allclose(found, expected, atol=5e-6)
    untouched = uniforms[:, 0] >= 0.8
    assert 0 < untouched.sum() < 24
    np.testing.assert_array_equal(found[untouched], IMAGES[untouched])


def test_flip_jitter_and_grey_come_with_their_laws_and_independently():
    red_and_black = np.zeros((600, 2, 2, 3), np.float32)
    red_and_black[:, :, 0, 0] = 0.2
    change = Augmentation(flip=0.5, jitter=ColourJitter(brightness=0.4), grey=0.2)
    first, second = np.asarray(two_views(red_and_black, np.arange(600), 0, 0, 0, change))
    assert not np.array_equal(first, second)
    flipped = first[:, 0, 1, 0] > 0
    lit = np.where(flipped[:, None], first[:, 0, 1], first[:, 0, 0])
    greys = lit[:, 1] > 0
    factors = lit[:, 0] / np.where(greys, 0.2989, 1) / 0.2
    np.testing.assert_allclose(lit[greys, 1], lit[greys, 0])
    assert np.all(first.min(axis=2) == 0)
    # 600 draws: ± 0.02, ± 0.016.
    assert flipped.mean() == pytest.approx(0.5, abs=0.08)
    assert greys.mean() == pytest.approx(0.2, abs=0.065)
    assert 0.6 <= factors.min() < 0.61
    assert 1.39 < factors.max() <= 1.4 + 1e-5
    # Uniform, with or without the others: ± 0.23 / √n.
    for some in (flipped, ~flipped, greys, ~greys):
        assert factors[some].mean() == pytest.approx(1, abs=0.93 / np.sqrt(some.sum()))
    assert greys[flipped].mean() == pytest.approx(0.2, abs=0.1)


def test_one_channel_keeps_its_colour():
    grey = IMAGES[..., :1]
    change = jax.jit(jax.vmap(ColourJitter(saturation=0.5, hue=0.5)))
    found = change(RNG.random((48, 9), dtype=np.float32), grey)
    np.testing.assert_allclose(found, grey, atol=1e-6)


def test_torchvision_agrees():
    functional = pytest.importorskip("torchvision.transforms.functional")
    import torch

    jitter = ColourJitter(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1)
    uniforms = RNG.random((8, 9), dtype=np.float32)
    found = jax.vmap(jitter)(uniforms, IMAGES[:8])
    names = ("brightness", "contrast", "saturation", "hue")
    for numbers, image, mine in zip(uniforms, IMAGES, found, strict=False):
        theirs = torch.from_numpy(image).permute(2, 0, 1)
        for which in np.argsort(numbers[5:]):
            change = getattr(jitter, names[which]) * (2 * float(numbers[1 + which]) - 1)
            amount = change if which == 3 else 1 + change
            theirs = getattr(functional, f"adjust_{names[which]}")(theirs, amount)
        np.testing.assert_allclose(mine, theirs.permute(1, 2, 0), atol=5e-6)


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        ({"hue": 0.6}, ValueError, "jitter.hue must lie in"),
        ({"probability": 1.1}, ValueError, "jitter.probability must lie in"),
        ({"contrast": -0.1}, ValueError, "jitter.contrast must lie in"),
        ({"brightness": "0.4"}, TypeError, "jitter.brightness must be a real number"),
    ],
    ids=str,
)
def test_bad_jitter(fields, error, words):
    with pytest.raises(error, match=words):
        ColourJitter(**fields)


def test_bad_use():
    with pytest.raises(TypeError, match="jitter must be a ColourJitter or None, got float"):
        Augmentation(jitter=0.4)
    with pytest.raises(ValueError, match="grey must lie in"):
        Augmentation(grey=2)
    with pytest.raises(ValueError, match="images of 1 or 3 channels, got 2"):
        two_views(IMAGES[..., :2], np.arange(48), 0, 0, 0, Augmentation(grey=0.5))
