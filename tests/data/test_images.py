from __future__ import annotations

import numpy as np
import pytest

from dctheory.data import ImageSet, long_tail, stratified_split

LABELS = np.repeat([3, 5, 9], [20, 40, 10])


def image_set(labels=LABELS, **changes):
    images = np.random.default_rng(0).random((len(labels), 4, 4, 1))
    return ImageSet(
        **({"images": images, "labels": labels, "indices": np.arange(len(labels))}) | changes
    )


def test_subsets_keep_their_indices():
    data = image_set()
    chosen = data.subset(data.labels == 9).subset([1, 3])
    assert chosen.indices.tolist() == [61, 63]
    np.testing.assert_array_equal(chosen.images, data.images[[61, 63]])
    assert chosen.labels.tolist() == [9, 9]
    assert data.images.dtype == np.float32
    assert repr(data) == "<ImageSet: 70 images 4×4×1, 3 classes>"


def test_bytes_stay_bytes():
    levels = np.arange(70 * 16, dtype=np.uint8).reshape(70, 4, 4, 1)
    data = image_set(images=levels)
    assert data.images is levels
    rows = data.subset(LABELS == 5)
    assert rows.images.dtype == np.uint8
    np.testing.assert_array_equal(rows.images, levels[20:60])


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"images": np.zeros((70, 4, 4, 1), int)}, TypeError, "or uint8, got int64"),
        ({"images": np.zeros((70, 4, 4))}, ValueError, "add a last axis"),
        ({"images": np.full((70, 4, 4, 1), 1.5)}, ValueError, "lie in .0, 1., got 1.5 to 1.5"),
        ({"images": np.full((70, 4, 4, 1), np.nan)}, ValueError, "lie in"),
        ({"images": np.zeros((60, 4, 4, 1))}, ValueError, "60 images have 70 labels"),
        ({"labels": LABELS / 2}, TypeError, "labels must be integers"),
        ({"indices": LABELS[:, None]}, ValueError, "indices must have shape"),
    ],
    ids=["integers", "grey", "range", "nan", "length", "labels", "indices"],
)
def test_bad_image_set(changes, error, words):
    with pytest.raises(error, match=words):
        image_set(**changes)


def test_split_has_the_share_of_every_class():
    parts = stratified_split(LABELS, (0.5, 0.2, 0.3), np.random.default_rng(0))
    counts = [[int((LABELS[part] == label).sum()) for label in (3, 5, 9)] for part in parts]
    assert counts == [[10, 20, 5], [4, 8, 2], [6, 12, 3]]
    assert sorted(np.concatenate(parts)) == list(range(70))
    again = stratified_split(LABELS, (0.5, 0.2, 0.3), np.random.default_rng(0))
    other = stratified_split(LABELS, (0.5, 0.2, 0.3), np.random.default_rng(1))
    assert all(np.array_equal(a, b) for a, b in zip(parts, again, strict=True))
    assert not np.array_equal(parts[0], other[0])


def test_bad_split():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="must sum to 1"):
        stratified_split(LABELS, (0.5, 0.4), rng)
    with pytest.raises(ValueError, match="a share must lie in"):
        stratified_split(LABELS, (1.2, -0.2), rng)
    with pytest.raises(ValueError, match="class 3 has 20 samples, too few"):
        stratified_split(LABELS, (0.99, 0.01), rng)
    with pytest.raises(TypeError, match="numpy Generator"):
        stratified_split(LABELS, (0.5, 0.5), 0)


def test_long_tail_sizes():
    labels = np.tile(np.arange(10), 500)
    rows = long_tail(labels, 100, np.random.default_rng(0))
    # Published for CIFAR-10 at 5,000 a class: 5000, 2997, 1796, ...: here a tenth of it.
    sizes = np.bincount(labels[rows])
    assert sizes.tolist() == [500, 299, 179, 107, 64, 38, 23, 13, 8, 5]
    assert np.all(np.diff(rows) > 0)


def test_long_tail_of_unequal_classes():
    rows = long_tail(LABELS, 4, np.random.default_rng(0))
    # 20, 40 and 10 samples allow 20 · (1, 1/2, 1/4).
    assert np.unique(LABELS[rows], return_counts=True)[1].tolist() == [20, 10, 5]
    rows = long_tail(LABELS, 1, np.random.default_rng(0))
    assert np.unique(LABELS[rows], return_counts=True)[1].tolist() == [10, 10, 10]


def test_long_tail_choice_is_random_and_seeded():
    chosen = [long_tail(LABELS, 4, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(chosen[0], chosen[1])
    assert not np.array_equal(chosen[0], chosen[2])


def test_bad_long_tail():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="imbalance must lie in"):
        long_tail(LABELS, 0.5, rng)
    with pytest.raises(ValueError, match="leaves no sample of class 5"):
        long_tail(LABELS, 1000, rng)
    with pytest.raises(ValueError, match="at least two classes"):
        long_tail([1, 1], 2, rng)
    with pytest.raises(TypeError, match="numpy Generator"):
        long_tail(LABELS, 2, 0)
