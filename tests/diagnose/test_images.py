"""Images for a report, from arrays, files and folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dctheory.diagnose import load_images


def test_images_from_arrays_and_files(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 5, 7, 3)).astype(np.uint8)
    np.save(tmp_path / "images.npy", pixels)
    np.savez(tmp_path / "images.npz", pixels)
    for source in (pixels, pixels.transpose(0, 3, 1, 2), tmp_path / "images.npy"):
        images = load_images(source, 6)
        assert len(images) == 6
        assert np.array_equal(images.take([4, 0, 4]), pixels[[4, 0, 4]])
    assert load_images(tmp_path / "images.npz", 6).take([5]).shape == (1, 5, 7, 3)
    assert load_images(pixels[..., 0], 6).take(np.arange(2)).shape == (2, 5, 7, 1)
    assert load_images(pixels, 6).take([]).shape == (0, 5, 7, 3)


def test_images_from_a_folder(tmp_path: Path) -> None:
    from PIL import Image

    for number, folder in ((1, "b"), (10, "b"), (2, "b"), (3, "a")):
        (tmp_path / folder).mkdir(exist_ok=True)
        Image.new("L", (8, 6), 10 * number).save(tmp_path / folder / f"{number}.png")
    (tmp_path / "readme.txt").write_text("no image")
    images = load_images(tmp_path, 4)
    found = images.take([0, 1, 2, 3])
    assert found.shape == (4, 8, 8, 3)
    assert found[:, 0, 0, 0].tolist() == [30, 10, 20, 100]
    (tmp_path / "b" / "10.png").write_text("damaged")
    with pytest.raises(ValueError, match=r"10\.png"):
        images.take([3])


def test_bad_images(tmp_path: Path) -> None:
    pixels = np.zeros((6, 5, 5, 3), np.uint8)
    with pytest.raises(ValueError, match="images must be 7, one for each row"):
        load_images(pixels, 7)
    with pytest.raises(TypeError, match="must be uint8, got float32"):
        load_images(pixels.astype(np.float32), 6)
    with pytest.raises(ValueError, match=r"\(N, H, W\)"):
        load_images(np.zeros((6, 5, 5, 5), np.uint8), 6)
    with pytest.raises(FileNotFoundError, match="holds no images"):
        load_images(tmp_path, 6)
    np.save(tmp_path / "i.npy", np.array([None], dtype=object))
    with pytest.raises(ValueError, match="cannot read"):
        load_images(tmp_path / "i.npy", 6)
