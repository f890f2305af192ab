import io

import numpy as np
import pytest
from PIL import Image

from dctheory.diagnose.ranking import DifficultPair
from dctheory.diagnose.thumbnails import contact_sheet, thumbnails


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)))


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (6, 4, 4, 3), dtype=np.uint8)


def test_a_pair_is_side_by_side_and_enlarged_without_smoothing(images):
    (picture,) = thumbnails(images, [DifficultPair(4, 1, 0.9)], side=16)
    shown = pixels(picture)
    assert shown.shape == (16, 33, 4)
    for left, index in ((0, 4), (17, 1)):
        block = shown[:, left : left + 16]
        np.testing.assert_array_equal(block[::4, ::4, :3], images[index])
        np.testing.assert_array_equal(block[3::4, 3::4, :3], images[index])
        assert np.all(block[..., 3] == 255)
    assert np.all(shown[:, 16, 3] == 0)


def test_large_images_are_reduced_to_their_mean():
    flat = np.full((2, 100, 100), 77, np.uint8)
    (picture,) = thumbnails(flat, [(0, 1)], side=10)
    assert np.all(pixels(picture)[:, :10, :3] == 77)


@pytest.mark.parametrize("shape", [(3, 4, 8), (3, 4, 8, 1), (3, 3, 4, 8), (3, 4, 8, 4)])
def test_shapes_of_images_and_their_proportions(shape):
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    (picture,) = thumbnails(images, [(2, 0)], side=8)
    shown = pixels(picture)[:, :8]
    assert np.all(shown[:2] == 0)
    assert np.all(shown[6:] == 0)
    if shape == (3, 4, 8):
        np.testing.assert_array_equal(shown[2:6, :, 0], images[2])
    if shape == (3, 4, 8, 4):
        np.testing.assert_array_equal(shown[2:6], images[2])
    if shape == (3, 3, 4, 8):
        np.testing.assert_array_equal(shown[2:6, :, :3], images[2].transpose(1, 2, 0))


def test_a_sheet_holds_all_pairs_in_rows(images):
    pairs = [(0, 1), (2, 3), (4, 5)]
    sheet = pixels(contact_sheet(images, pairs, columns=2, side=16))
    assert sheet.shape == (2 * 20 + 4, 2 * 37 + 4, 4)
    for number, picture in enumerate(thumbnails(images, pairs, side=16)):
        top, left = 4 + number // 2 * 20, 4 + number % 2 * 37
        np.testing.assert_array_equal(sheet[top : top + 16, left : left + 33], pixels(picture))
    assert np.all(sheet[24:, 41:] == 0)
    assert pixels(contact_sheet(images, pairs[:1], columns=4, side=16)).shape == (24, 41, 4)


def test_images_are_read_once_by_take(images):
    class Source:
        def __init__(self):
            self.taken = []

        def __len__(self):
            return 6

        def take(self, indices):
            self.taken.append(list(indices))
            return images[indices]

    source = Source()
    found = thumbnails(source, [(4, 1), (1, 0)], side=16)
    assert source.taken == [[0, 1, 4]]
    assert found == thumbnails(images, [(4, 1), (1, 0)], side=16)
    assert thumbnails(source, []) == ()


def test_bad_arguments(images):
    with pytest.raises(ValueError, match="between 0 and 5, got 6"):
        thumbnails(images, [(0, 6)])
    with pytest.raises(TypeError, match="must be an integer"):
        thumbnails(images, [(0, 1.5)])
    with pytest.raises(ValueError, match="side must be at least 8"):
        thumbnails(images, [(0, 1)], side=7)
    with pytest.raises(ValueError, match="columns must be at least 1"):
        contact_sheet(images, [(0, 1)], columns=0)
    with pytest.raises(ValueError, match="at least one pair"):
        contact_sheet(images, [])
    with pytest.raises(TypeError, match="must be uint8"):
        thumbnails(images / 255, [(0, 1)])
    with pytest.raises(ValueError, match="images must have shape"):
        thumbnails(np.zeros((3, 4), np.uint8), [(0, 1)])
