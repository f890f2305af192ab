from __future__ import annotations

import numpy as np
import pytest

from dctheory.data import DIGIT_AUGMENTATION, load_digits, two_views

pytest.importorskip("jax")


@pytest.fixture(scope="module")
def splits():
    return load_digits(0)


def test_splits_are_disjoint_and_stratified(splits):
    from sklearn.datasets import load_digits as load

    parts = (splits.train, splits.validation, splits.test)
    assert [len(part) for part in parts] == [1078, 269, 450]
    everything = np.concatenate([part.indices for part in parts])
    assert sorted(everything) == list(range(1797))
    sizes = np.bincount(load().target)
    for part, share in zip(parts, (0.6, 0.15, 0.25), strict=True):
        assert np.abs(np.bincount(part.labels) - share * sizes).max() <= 1
        assert part.images.shape[1:] == (8, 8, 1)
        assert part.images.max() == 1
        np.testing.assert_array_equal(part.images[..., 0] * 16, load().images[part.indices])
        np.testing.assert_array_equal(part.labels, load().target[part.indices])


def test_seed(splits):
    np.testing.assert_array_equal(load_digits(0).test.indices, splits.test.indices)
    assert not np.array_equal(load_digits(1).test.indices, splits.test.indices)


def test_augmented_digits_are_still_the_digits(splits):
    """A classifier trained on augmented digits knows those that it has not seen."""
    from sklearn.svm import SVC

    def views(data, steps):
        both = [two_views(data.images, data.indices, 0, 0, i, DIGIT_AUGMENTATION) for i in steps]
        rows = np.concatenate([np.asarray(view) for pair in both for view in pair])
        return rows.reshape(len(rows), -1), np.tile(data.labels, 2 * len(steps))

    # As many as there are test images, so that one program serves both.
    train, test = views(splits.train.subset(np.arange(450)), range(4)), views(splits.test, [0])
    assert SVC().fit(*train).score(*test) > 0.88


def test_bad_input():
    with pytest.raises(ValueError, match="leave nothing to train on"):
        load_digits(validation=0.5, test=0.5)
    with pytest.raises(ValueError, match="test must lie in"):
        load_digits(test=0)
    with pytest.raises(ValueError, match="seed must be at least 0"):
        load_digits(-1)
