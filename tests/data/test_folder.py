"""Image folders in the layouts of STL-10, TinyImageNet and others."""

from __future__ import annotations

import os

import numpy as np
import pytest
from PIL import Image

from dctheory.data import load_image_folder


def save(path, colour=(0, 0, 0), size=(6, 4), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)


def reds(part):
    return part.images[:, 0, 0, 0].tolist()


def test_order_by_class_and_name(tmp_path):
    names = ("cat/2.png", "cat/10.png", "dog/2.png", "dog/b.PNG", "class 10/1.png", "class 9/1.png")
    for i, name in enumerate(names):
        save(tmp_path / "train" / name, (i, 100, 200))
    save(tmp_path / "test" / "dog" / "x.bmp", (50, 0, 0))
    (tmp_path / "train" / "cat" / "notes.txt").write_text("no image")
    (tmp_path / "train" / "cat" / "._2.png").write_bytes(b"left by a file manager")
    (tmp_path / "train" / ".hidden").mkdir()
    found = load_image_folder(tmp_path)
    assert found.classes == ("cat", "class 9", "class 10", "dog")
    assert reds(found.train) == [0, 1, 5, 4, 2, 3]
    assert found.train.labels.tolist() == [0, 0, 1, 2, 3, 3]
    assert found.train.images.shape == (6, 4, 6, 3)
    assert found.train.images.dtype == np.uint8
    assert found.train.images[0, 3, 5].tolist() == [0, 100, 200]
    assert reds(found.test) == [50]
    assert found.test.labels.tolist() == [3]
    assert repr(found).startswith("<ImageSplits: train <ImageSet: 6 images 4×6×3, 4 classes>, test")


def test_numbers_that_differ_are_the_order(tmp_path):
    for number, name in ((3, "cat"), (0, "dog"), (11, "cat"), (2, "dog")):
        save(tmp_path / "train" / name / f"{number:02}_{name}.png", (number, 0, 0))
    save(tmp_path / "val" / "cat" / "1.png")
    found = load_image_folder(tmp_path)
    assert reds(found.train) == [0, 2, 3, 11]
    assert found.train.labels.tolist() == [1, 1, 0, 0]
    assert found.train.indices.tolist() == [0, 1, 2, 3]


def tiny_imagenet(folder):
    for name in ("n02", "n01"):
        for i in range(3):
            save(folder / "train" / name / "images" / f"{name}_{i}.JPEG", (60 * i,) * 3)
        (folder / "train" / name / f"{name}_boxes.txt").write_text("n02_0.JPEG\t0\t0\t3\t3\n")
    lines = []
    for i, name in enumerate(("n01", "n02", "n01")):
        save(folder / "val" / "images" / f"val_{i}.JPEG", (70 * i,) * 3)
        lines.append(f"val_{i}.JPEG\t{name}\t0\t0\t3\t3\n")
    (folder / "val" / "val_annotations.txt").write_text("".join(lines))
    save(folder / "test" / "images" / "test_0.JPEG", (255, 255, 255))


def test_tiny_imagenet(tmp_path):
    tiny_imagenet(tmp_path)
    found = load_image_folder(tmp_path)
    assert found.classes == ("n01", "n02")
    assert reds(found.train) == pytest.approx([0, 60, 120, 0, 60, 120], abs=2)
    assert found.train.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert reds(found.test) == pytest.approx([0, 70, 140], abs=2)
    assert found.test.labels.tolist() == [0, 1, 0]


def test_resized_and_cropped(tmp_path):
    """The largest centred square, antialiased: the mean of its pixels."""
    for part in ("train", "test"):
        folder = tmp_path / part / "stripes"
        folder.mkdir(parents=True)
        wide = np.zeros((8, 24, 3), np.uint8)
        wide[:, :8], wide[:, 8:16:2], wide[:, 16:] = 255, 100, 255
        Image.fromarray(wide).save(folder / "1.png")
        Image.fromarray(wide.transpose(1, 0, 2)).save(folder / "2.png")
        save(folder / "3.png", 77, (4, 4), "L")
    found = load_image_folder(tmp_path, 4).train.images
    assert found.shape == (3, 4, 4, 3)
    assert np.abs(found[:2, 1:3, 1:3].astype(int) - 50).max() <= 15
    np.testing.assert_array_equal(found[0], found[1].transpose(1, 0, 2))
    assert np.all(found[2] == 77)
    whole = load_image_folder(tmp_path, 24).train.images
    assert whole.shape == (3, 24, 24, 3)


def test_images_that_need_no_resizing_stay(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 5, 3), dtype=np.uint8)
    for part in ("train", "test"):
        (tmp_path / part / "a").mkdir(parents=True)
        Image.fromarray(pixels).save(tmp_path / part / "a" / "1.png")
    np.testing.assert_array_equal(load_image_folder(tmp_path, 5).train.images[0], pixels)


def folder_of_two(tmp_path):
    save(tmp_path / "train" / "a" / "1.png")
    save(tmp_path / "train" / "b" / "2.png")
    save(tmp_path / "test" / "a" / "1.png")
    return tmp_path


def test_images_of_other_sizes_are_named(tmp_path):
    folder_of_two(tmp_path)
    save(tmp_path / "train" / "b" / "2.png", size=(7, 4))
    with pytest.raises(ValueError, match=r"2.png' has 4 × 7 pixels, '.*1.png' has 4 × 6; pass a"):
        load_image_folder(tmp_path)


@pytest.mark.parametrize("damage", ["truncated", "empty", "text", "header", "bomb"])
def test_damaged_images_are_named(tmp_path, monkeypatch, damage):
    path = folder_of_two(tmp_path) / "train" / "b" / "2.png"
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    data = path.read_bytes()
    contents = {"truncated": data[:2000], "empty": b"", "text": b"hello", "header": data[:20]}
    path.write_bytes(contents.get(damage, data))
    if damage == "bomb":
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(ValueError, match=r"cannot read '.*2\.png'.*damaged or no image"):
        load_image_folder(tmp_path, 4)


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no images in train/CLASS"):
        load_image_folder(tmp_path / "nowhere")
    folder_of_two(tmp_path)
    (tmp_path / "test" / "a" / "1.png").unlink()
    with pytest.raises(FileNotFoundError, match="no labelled images to test on; expected them in"):
        load_image_folder(tmp_path)
    save(tmp_path / "test" / "a" / "1.png")
    save(tmp_path / "test" / "c" / "1.png")
    with pytest.raises(ValueError, match="has the class 'c', which is not one of the 2 in train"):
        load_image_folder(tmp_path)
    with pytest.raises(TypeError, match="size must be an integer"):
        load_image_folder(tmp_path, 4.5)
    with pytest.raises(ValueError, match="size must be at least 1"):
        load_image_folder(tmp_path, 0)


def test_annotations_stay_in_their_folder(tmp_path):
    tiny_imagenet(tmp_path)
    secret = tmp_path / "secret.png"
    save(secret)
    annotations = tmp_path / "val" / "val_annotations.txt"
    for name in (str(secret), "../../secret.png"):
        annotations.write_text(f"{name}\tn01\n")
        with pytest.raises(FileNotFoundError, match=os.path.join("images", "secret.png")):
            load_image_folder(tmp_path)
    annotations.write_text("val_0.JPEG\n")
    with pytest.raises(ValueError, match=r"val_annotations.txt' has the class '', which is not"):
        load_image_folder(tmp_path)
