from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from dctheory.data import random_affine, random_resized_crop, warp
from dctheory.data.affine import compose

jax = pytest.importorskip("jax")
jnp = jax.numpy

IMAGE = np.random.default_rng(0).random((8, 8, 2), dtype=np.float32)
IDENTITY = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
CENTRE = np.full(5, 0.5, np.float32)


@pytest.mark.parametrize("outside", ["constant", "nearest", "reflect"])
def test_identity(outside):
    np.testing.assert_allclose(warp(jnp.asarray(IMAGE), IDENTITY, outside), IMAGE, atol=1e-6)


def test_warp_is_scipy_s_affine_transform():
    matrix = np.array([[0.9, -0.3], [0.2, 1.1]])
    offset = np.array([0.05, -0.1])
    found = warp(jnp.asarray(IMAGE), np.column_stack([matrix, offset]).astype(np.float32))
    centre = np.array([3.5, 3.5])
    shift = centre + 4 * offset - matrix @ centre
    for channel in range(2):
        expected = ndimage.affine_transform(
            IMAGE[..., channel].astype(float), matrix, shift, order=1, mode="grid-constant"
        )
        np.testing.assert_allclose(found[..., channel], expected, atol=1e-5)


def test_a_quarter_turn_moves_pixels_onto_pixels():
    turned = warp(
        jnp.asarray(IMAGE), random_affine(CENTRE + np.array([0.5, 0, 0, 0, 0]), rotation=90)
    )
    np.testing.assert_allclose(turned, np.rot90(IMAGE, -1), atol=1e-5)


def test_a_shift_of_one_pixel():
    up = random_affine(CENTRE + np.array([0, 0, 0, 0.5, 0]), shift=1 / 8)
    expected = np.concatenate([IMAGE[1:], np.zeros_like(IMAGE[:1])])
    np.testing.assert_allclose(warp(jnp.asarray(IMAGE), up), expected, atol=1e-5)
    nearest = np.concatenate([IMAGE[1:], IMAGE[-1:]])
    np.testing.assert_allclose(warp(jnp.asarray(IMAGE), up, "nearest"), nearest, atol=1e-5)


def test_zoom_and_shear():
    closer = random_affine(CENTRE + np.array([0, 0, 0.5, 0, 0]), zoom=1.0)
    np.testing.assert_allclose(closer, IDENTITY / 2, atol=1e-6)
    further = random_affine(CENTRE - np.array([0, 0, 0.5, 0, 0]), zoom=1.0)
    np.testing.assert_allclose(further, IDENTITY * 2, atol=1e-6)
    sheared = random_affine(CENTRE + np.array([0, 0.5, 0, 0, 0]), shear=0.3)
    np.testing.assert_allclose(sheared, [[1, 0, 0], [0.3, 1, 0]], atol=1e-6)


def test_limits_are_kept():
    draws = np.random.default_rng(1).random((300, 5), dtype=np.float32)
    limits = {"rotation": 20.0, "shear": 0.1, "zoom": 0.2, "shift": 0.1}
    maps = np.asarray(jax.vmap(lambda each: random_affine(each, **limits))(draws))
    scale = np.sqrt(np.linalg.det(maps[:, :, :2]))
    angle = np.degrees(np.arctan2(-maps[:, 0, 1], maps[:, 1, 1]))
    assert 1 / 1.2 <= scale.min() < 0.85
    assert 1.18 < scale.max() <= 1.2 + 1e-6
    assert 19 < np.abs(angle).max() <= 20.001
    assert 0.19 < np.abs(maps[:, :, 2]).max() <= 0.2


def test_crops_stay_inside_and_have_their_area():
    draws = np.random.default_rng(2).random((500, 4), dtype=np.float32)
    crop = jax.vmap(lambda each: random_resized_crop(each, (0.3, 0.6), (0.5, 2.0)))
    maps = np.asarray(crop(draws))
    sides = maps[:, [0, 1], [0, 1]]
    assert np.all(np.abs(maps[:, :, 2]) + sides <= 1 + 1e-6)
    assert np.all(maps[:, [0, 1], [1, 0]] == 0)
    uncut = sides.max(axis=1) < 1
    area = sides.prod(axis=1)
    np.testing.assert_allclose(area[uncut], (0.3 + 0.3 * draws[:, 0])[uncut], rtol=1e-5)
    ratio = sides[:, 1] / sides[:, 0]
    assert 0.5 <= ratio[uncut].min() < 0.6
    assert 1.8 < ratio[uncut].max() <= 2.0001
    whole = random_resized_crop(np.full(4, 0.5, np.float32), (1, 1), (1, 1))
    np.testing.assert_allclose(whole, IDENTITY, atol=1e-6)


def test_crops_that_do_not_fit_are_drawn_again():
    draws = np.random.default_rng(4).random((300, 8), dtype=np.float32)
    area, ratio = (0.5, 1.0), (0.5, 3.0)
    maps = np.asarray(jax.vmap(lambda each: random_resized_crop(each, area, ratio))(draws))
    taken = []
    for numbers, found in zip(draws.astype(float), maps, strict=True):
        wanted, log_ratio = area[0] + numbers[:6:2] / 2, np.log(0.5) + np.log(6) * numbers[1:6:2]
        sides = np.sqrt(wanted) * np.exp([-log_ratio / 2, log_ratio / 2])
        taken.append(next((k for k in (0, 1) if sides[:, k].max() <= 1), 2))
        height_and_width = np.minimum(sides[:, taken[-1]], 1)
        offset = (2 * numbers[6:] - 1) * (1 - height_and_width)
        expected = np.column_stack([np.diag(height_and_width), offset])
        np.testing.assert_allclose(found, expected, atol=2e-6)
    assert set(taken) == {0, 1, 2}


def test_a_crop_is_pillow_s_resize_of_it():
    """Antialiased or not: the crop is enlarged. Beyond its edges, Pillow does not look."""
    image = np.random.default_rng(5).random((32, 32, 1), dtype=np.float32)
    top, left, height, width = 3, 11, 20, 16
    crop = np.array(
        [
            [height / 32, 0, (2 * top + height) / 32 - 1],
            [0, width / 32, (2 * left + width) / 32 - 1],
        ]
    )
    found = warp(jnp.asarray(image), crop.astype(np.float32), "nearest")
    box = (left, top, left + width, top + height)
    expected = Image.fromarray(image[..., 0]).resize((32, 32), Image.Resampling.BILINEAR, box)
    np.testing.assert_allclose(found[1:-1, 1:-1, 0], np.asarray(expected)[1:-1, 1:-1], atol=1e-6)


def test_composition_is_one_map_after_the_other():
    rng = np.random.default_rng(3)
    outer, inner = rng.normal(size=(2, 2, 3)).astype(np.float32)
    place = rng.normal(size=2)
    through = inner[:, :2] @ place + inner[:, 2]
    expected = outer[:, :2] @ through + outer[:, 2]
    found = compose(jnp.asarray(outer), jnp.asarray(inner))
    np.testing.assert_allclose(found[:, :2] @ place + found[:, 2], expected, rtol=1e-5)


def test_unknown_outside():
    with pytest.raises(ValueError, match="did you mean 'nearest'"):
        warp(jnp.asarray(IMAGE), IDENTITY, "neares")
