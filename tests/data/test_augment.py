from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from dctheory.data import DIGIT_AUGMENTATION, Augmentation, two_views

jax = pytest.importorskip("jax")

IMAGES = np.random.default_rng(0).random((12, 8, 8, 1), dtype=np.float32)
ROWS = np.arange(12)


def test_off_by_default():
    first, second = two_views(IMAGES, ROWS, 0, 0, 0, Augmentation())
    np.testing.assert_array_equal(first, IMAGES)
    np.testing.assert_array_equal(second, IMAGES)


def test_views_are_the_sample_s_own():
    first, second = two_views(IMAGES, ROWS, 5, 1, 2, DIGIT_AUGMENTATION)
    assert first.shape == second.shape == IMAGES.shape
    assert first.dtype == np.float32
    some = np.array([7, 2, 11])
    alone = two_views(IMAGES[some], some, 5, 1, 2, DIGIT_AUGMENTATION)
    # Other batch sizes are other programs: equal up to float32's rounding.
    np.testing.assert_allclose(alone, np.stack([first, second])[:, some], atol=1e-6)
    assert np.abs(first - second).max(axis=(1, 2, 3)).min() > 0.01
    for other in ((6, 1, 2), (5, 2, 2), (5, 1, 3)):
        again, _ = two_views(IMAGES, ROWS, *other, DIGIT_AUGMENTATION)
        assert np.abs(first - again).max(axis=(1, 2, 3)).min() > 0.01


def test_bytes_are_scaled():
    levels = np.round(IMAGES * 255).astype(np.uint8)
    found, _ = two_views(levels, ROWS, 0, 0, 0, Augmentation())
    np.testing.assert_allclose(found, levels / 255, atol=1e-7)


def test_contrast_keeps_the_mean():
    images = 0.4 + 0.2 * IMAGES
    found = np.asarray(two_views(images, ROWS, 0, 0, 0, Augmentation(contrast=0.5))[0])
    np.testing.assert_allclose(found.mean(axis=(1, 2, 3)), images.mean(axis=(1, 2, 3)), atol=1e-5)
    factor = found.std(axis=(1, 2, 3)) / images.std(axis=(1, 2, 3))
    assert 0.5 <= factor.min() < 0.8
    assert 1.2 < factor.max() <= 1.5


def test_noise_has_its_strength():
    grey = np.full((400, 8, 8, 1), 0.5, np.float32)
    found = np.asarray(two_views(grey, np.arange(400), 0, 0, 0, Augmentation(noise=0.1))[0])
    # E s² = 0.1²/3; of 400 levels, ± 0.00015.
    assert ((found - 0.5) ** 2).mean() == pytest.approx(0.01 / 3, abs=0.0006)
    assert abs((found - 0.5).mean()) < 0.002


def test_erasing_takes_a_rectangle():
    white = np.ones((600, 8, 10, 2), np.float32)
    erasing = Augmentation(erase=0.25, erase_probability=0.6)
    gone = np.asarray(two_views(white, np.arange(600), 0, 0, 0, erasing)[0]) == 0
    np.testing.assert_array_equal(gone[..., 0], gone[..., 1])
    rows, columns = gone[..., 0].any(axis=2), gone[..., 0].any(axis=1)
    np.testing.assert_array_equal(gone[..., 0], rows[:, :, None] & columns[:, None, :])
    erased = rows.any(axis=1)
    assert erased.mean() == pytest.approx(0.6, abs=0.08)  # ± 0.02
    heights, widths = rows[erased].sum(axis=1), columns[erased].sum(axis=1)
    assert set(heights) == set(widths) == {1, 2}
    assert (heights == 1).mean() == pytest.approx(0.5, abs=0.11)  # ± 0.026
    assert rows.any(axis=0).all()
    assert columns.any(axis=0).all()


def test_values_stay_in_range():
    wild = Augmentation(
        area=(0.3, 1.0),
        ratio=(0.75, 1.3),
        contrast=1.0,
        noise=2.0,
        zoom=1.0,
        erase=1.0,
        erase_probability=1.0,
    )
    views = np.asarray(two_views(IMAGES, ROWS, 0, 0, 0, wild))
    assert views.min() == 0
    assert views.max() == 1


SHARDED = """
import sys
import jax, numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from dctheory.data import Augmentation, two_views

images = np.load(sys.argv[1])
change = Augmentation(shift=0.1, noise=0.1)
step = jax.jit(lambda x, rows, epoch: two_views(x, rows, 1, epoch, 3, change))
split = NamedSharding(Mesh(np.array(jax.devices()), "data"), PartitionSpec("data"))
views = step(jax.device_put(images, split), jax.device_put(np.arange(len(images)), split), 2)
assert len(views[0].sharding.device_set) == 4
np.save(sys.argv[2], np.asarray(views))
"""


def test_a_jitted_step_on_several_devices_draws_the_same(tmp_path):
    expected = two_views(IMAGES, ROWS, 1, 2, 3, Augmentation(shift=0.1, noise=0.1))
    np.save(tmp_path / "images.npy", IMAGES)
    files = [str(tmp_path / name) for name in ("images.npy", "views.npy")]
    flags = {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_force_host_platform_device_count=4"}
    subprocess.run([sys.executable, "-c", SHARDED, *files], check=True, env=os.environ | flags)
    np.testing.assert_allclose(np.load(tmp_path / "views.npy"), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        ({"rotation": 181}, ValueError, "rotation must lie in"),
        ({"shift": 2.0}, ValueError, "shift must lie in"),
        ({"noise": -0.1}, ValueError, "noise must lie in"),
        ({"erase_probability": True}, TypeError, "erase_probability must be a real"),
        ({"area": 0.5}, TypeError, r"area must be two numbers \(low, high\)"),
        ({"area": (0.0, 1.0)}, ValueError, r"area\[0\] must lie in"),
        ({"area": (0.9, 0.5)}, ValueError, "low ≤ high"),
        ({"outside": "wrap"}, ValueError, "unknown outside 'wrap'"),
    ],
    ids=str,
)
def test_bad_augmentation(fields, error, words):
    with pytest.raises(error, match=words):
        Augmentation(**fields)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"images": IMAGES[..., 0]}, ValueError, "add a last axis"),
        ({"images": (IMAGES * 16).astype(int)}, TypeError, "floats in .* or uint8, got int"),
        ({"indices": np.arange(3)}, ValueError, "12 images have 3 indices"),
        ({"indices": np.ones(12)}, TypeError, "indices must be integers"),
        ({"augmentation": None}, TypeError, "augmentation must be an Augmentation"),
        ({"step": -1}, ValueError, "step must be between"),
    ],
    ids=["shape", "integers", "few indices", "float indices", "no augmentation", "step"],
)
def test_bad_call(change, error, words):
    call = {
        "images": IMAGES,
        "indices": ROWS,
        "seed": 0,
        "epoch": 0,
        "step": 0,
        "augmentation": DIGIT_AUGMENTATION,
    }
    with pytest.raises(error, match=words):
        two_views(**(call | change))
