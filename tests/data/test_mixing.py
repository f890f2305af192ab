from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from dctheory.data import ImageSet, mix_pixels

LABELS = np.random.default_rng(1).permutation(np.repeat([0, 1, 4], [30, 50, 20]))
DATA = ImageSet(
    np.random.default_rng(0).random((100, 3, 3, 2), dtype=np.float32), LABELS, np.arange(100) + 7
)


def mix(share, seed=0, **options):
    return mix_pixels(DATA, share, np.random.default_rng(seed), **options)


def test_law_of_the_mixture():
    found = mix(0.2)
    shares = [found.mixed[label == LABELS].sum() for label in (0, 1, 4)]
    assert shares == [6, 10, 4]
    partners, weights = found.partners[found.mixed], found.weights[found.mixed]
    assert np.all(LABELS[partners] != LABELS[found.mixed])
    assert 0.3 <= weights.min() < weights.max() <= 0.5
    assert np.all(found.partners[~found.mixed] == -1)
    assert np.all(found.weights[~found.mixed] == 0)
    np.testing.assert_array_equal(found.data.images[~found.mixed], DATA.images[~found.mixed])
    # Partners are taken as they were before mixing.
    factor = weights[:, None, None, None]
    expected = (1 - factor) * DATA.images[found.mixed] + factor * DATA.images[partners]
    np.testing.assert_allclose(found.data.images[found.mixed], expected, atol=1e-6)
    np.testing.assert_array_equal(found.data.labels, LABELS)
    np.testing.assert_array_equal(found.data.indices, DATA.indices)


def test_partners_are_uniform_over_the_other_classes():
    counts = np.zeros((100, 100))
    for seed in range(400):
        counts[np.arange(100), mix(1.0, seed).partners] += 1
    for label in (0, 1, 4):
        others = np.not_equal(LABELS, label)
        seen = counts[~others].sum(axis=0)
        assert seen[~others].sum() == 0
        assert stats.chisquare(seen[others]).pvalue > 1e-3


def test_the_mixed_ones_removed():
    found = mix(0.3)
    rest = found.without_mixed()
    assert len(rest) == 70
    np.testing.assert_array_equal(rest.images, DATA.images[~found.mixed])
    np.testing.assert_array_equal(rest.indices, DATA.indices[~found.mixed])
    assert repr(found) == "<Mixture: 30 of 100 images mixed>"


def test_a_larger_share_mixes_the_same_and_more():
    few, many = mix(0.1), mix(0.3)
    assert np.all(many.mixed[few.mixed])
    np.testing.assert_array_equal(many.data.images[few.mixed], few.data.images[few.mixed])
    assert not np.array_equal(mix(0.1, 1).mixed, few.mixed)


def test_limits():
    nothing, everything = mix(0), mix(1, weight=(1, 1))
    np.testing.assert_array_equal(nothing.data.images, DATA.images)
    assert len(nothing.without_mixed()) == 100
    np.testing.assert_allclose(everything.data.images, DATA.images[everything.partners], atol=1e-6)
    constant = mix(0.5, weight=(0.4, 0.4))
    np.testing.assert_array_equal(constant.weights[constant.mixed], 0.4)


def test_mixed_bytes_are_rounded():
    levels = np.random.default_rng(3).integers(0, 256, (100, 3, 3, 2), dtype=np.uint8)
    found, floats = (
        mix_pixels(ImageSet(images, LABELS, DATA.indices), 0.3, np.random.default_rng(0))
        for images in (levels, levels / 255)
    )
    assert found.data.images.dtype == np.uint8
    np.testing.assert_array_equal(found.partners, floats.partners)
    np.testing.assert_array_equal(found.data.images[~found.mixed], levels[~found.mixed])
    # At most half a level from the exact mixture, and float32's rounding of it.
    error = np.abs(found.data.images - 255.0 * floats.data.images).max()
    assert 0.4 < error <= 0.5 + 1e-4


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        ({"share": 20}, ValueError, "share must lie in"),
        ({"weight": (0.5, 0.3)}, ValueError, "low ≤ high"),
        ({"weight": (0.5, 1.3)}, ValueError, "weight.1. must lie in"),
        ({"weight": 0.5}, TypeError, "two numbers"),
        ({"rng": 3}, TypeError, "numpy Generator"),
        ({"data": DATA.images}, TypeError, "data must be an ImageSet"),
        ({"data": DATA.subset(LABELS == 1)}, ValueError, "all labels are 1"),
    ],
    ids=str,
)
def test_bad_call(call, error, words):
    usual = {"data": DATA, "share": 0.1, "rng": np.random.default_rng(0)}
    with pytest.raises(error, match=words):
        mix_pixels(**(usual | call))
