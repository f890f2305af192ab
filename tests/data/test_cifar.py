"""CIFAR in small: the official layouts, written here, read back; what is damaged is named."""

from __future__ import annotations

import hashlib
import http.server
import os
import pickle
import tarfile
import threading
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from PIL import Image

from dctheory.data import CIFAR_AUGMENTATION, load_cifar10, load_cifar100, two_views
from dctheory.data._archives import Archive
from dctheory.data.cifar import CIFAR_10, CIFAR_100, VARIABLE, load

pytest.importorskip("jax")

GIVEN = os.environ.get(VARIABLE, "")

# Two images of each class to train, one to test.
SMALL = {
    10: replace(CIFAR_10, train_size=20, test_size=10),
    100: replace(CIFAR_100, train_size=200, test_size=100),
}
NAMES = [f"class {i:02}" for i in range(100)]
COARSE = np.random.default_rng(1).permutation(np.repeat(np.arange(20), 5))
COARSE_NAMES = [f"coarse {i}" for i in range(20)]


def images_and_labels(classes, count, seed):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
    return images, rng.permutation(np.arange(count) % classes)


def parts(classes):
    spec = SMALL[classes]
    train = images_and_labels(classes, spec.train_size, 0)
    return train, images_and_labels(classes, spec.test_size, 1)


def batches(classes):
    """File name, images and labels."""
    spec = SMALL[classes]
    train, test = parts(classes)
    split = (np.split(each, len(spec.train)) for each in train)
    return [*zip(spec.train, *split, strict=True), (spec.test, *test)]


def planes(images):
    return images.transpose(0, 3, 1, 2).reshape(len(images), -1)


def write_binary(classes, folder):
    for stem, images, labels in batches(classes):
        columns = [labels] if classes == 10 else [COARSE[labels], labels]
        records = np.column_stack([*columns, planes(images)]).astype(np.uint8)
        records.tofile(folder / f"{stem}.bin")
    names = [NAMES[:classes]] if classes == 10 else [COARSE_NAMES, NAMES]
    for kind, each in zip(SMALL[classes].labels, names, strict=True):
        (folder / kind.names_file).write_text("\n".join(each) + "\n\n")


def write_python(classes, folder):
    for stem, images, labels in batches(classes):
        batch = {b"data": planes(images), b"filenames": [b"x.png"] * len(labels)}
        if classes == 10:
            batch[b"labels"] = labels.tolist()
        else:
            batch |= {b"fine_labels": labels.tolist(), b"coarse_labels": COARSE[labels].tolist()}
        (folder / stem).write_bytes(pickle.dumps(batch, protocol=2))
    names = [each.encode() for each in NAMES[:classes]]
    meta = {b"label_names": names, b"fine_label_names": names}
    meta[b"coarse_label_names"] = [each.encode() for each in COARSE_NAMES]
    (folder / SMALL[classes].meta).write_bytes(pickle.dumps(meta, protocol=2))


def write_images(classes, folder):
    for part, (images, labels) in zip(("train", "test"), parts(classes), strict=True):
        for i, (image, label) in enumerate(zip(images, labels, strict=True)):
            place = folder / part / NAMES[label]
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(place / f"{i:03}.png")


LAYOUTS = {"binary": write_binary, "python": write_python, "images": write_images}


def make(classes, layout, parent):
    spec = SMALL[classes]
    names = {"binary": spec.binary_folder, "python": spec.python_folder}
    folder = parent / names.get(layout, spec.image_folders[0])
    folder.mkdir(parents=True)
    LAYOUTS[layout](classes, folder)
    return folder


def read(classes, data_dir=None, download=False):
    return load(SMALL[classes], data_dir, download)


def check(found, classes, coarse=True):
    for part, (images, labels) in zip((found.train, found.test), parts(classes), strict=True):
        np.testing.assert_array_equal(part.images, images)
        np.testing.assert_array_equal(part.labels, labels)
        np.testing.assert_array_equal(part.indices, np.arange(len(labels)))
        assert part.images.dtype == np.uint8
    assert found.classes == tuple(NAMES[:classes])
    if coarse and classes == 100:
        np.testing.assert_array_equal(found.coarse_labels, COARSE)
        assert found.coarse_classes == tuple(COARSE_NAMES)
    else:
        assert (found.coarse_labels, found.coarse_classes) == (None, ())


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    """No data but the test's own."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


# --- Layouts and places


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("classes", [10, 100])
def test_layouts_hold_the_same(tmp_path, monkeypatch, layout, classes):
    folder = make(classes, layout, tmp_path / "above")
    for place in (folder, folder.parent, str(folder)):
        check(read(classes, place), classes, coarse=layout != "images")
    monkeypatch.setenv(VARIABLE, str(folder.parent))
    check(read(classes), classes, coarse=layout != "images")


def packed(classes, layout, parent):
    """An archive of the set, and the set that knows its sum."""
    folder = make(classes, layout, parent / "unpacked")
    spec = SMALL[classes]
    which = ("binary", "python").index(layout)
    path = parent / spec.archives[which].file
    with tarfile.open(path, "w:gz") as tar:
        tar.add(folder, folder.name)
    data = path.read_bytes()
    known = Archive(path.name, folder.name, len(data), hashlib.md5(data).hexdigest())
    archives = tuple(known if i == which else each for i, each in enumerate(spec.archives))
    return path, replace(spec, archives=archives)


@pytest.mark.parametrize(
    ("classes", "layout", "name"),
    [(10, "binary", "cifar-10-binary.tar.gz"), (100, "python", "renamed.tgz")],
)
def test_archives(tmp_path, classes, layout, name):
    path, spec = packed(classes, layout, tmp_path)
    place = tmp_path / "place"
    place.mkdir()
    path = path.rename(place / name)
    check(load(spec, path, False), classes)
    assert sorted(os.listdir(place)) == sorted([name, getattr(spec, f"{layout}_folder")])
    # The second time from the folder, which the archive is no longer needed for.
    check(load(spec, place, False), classes)
    path.unlink()
    check(load(spec, place, False), classes)


def test_an_archive_is_found_in_its_folder(tmp_path):
    path, spec = packed(10, "python", tmp_path)
    check(load(spec, path.parent, False), 10)


def test_download(tmp_path, monkeypatch):
    pytest.importorskip("pooch")
    monkeypatch.setenv("NO_PROXY", "*")
    path, spec = packed(10, "binary", tmp_path / "served")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = partial(Quiet, directory=str(path.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        host = f"http://127.0.0.1:{server.server_port}"
        addresses = (f"{host}/nothing/{path.name}", f"{host}/{path.name}")
        spec = replace(spec, addresses=addresses)
        check(load(spec, None, True), 10)
        server.shutdown()
        thread.join()
    cache = tmp_path / "cache" / "dctheory"
    assert {each.name for each in cache.iterdir()} - {".lock"} == {path.name, spec.binary_folder}
    check(load(spec, None, False), 10)


def test_places_in_order(tmp_path, monkeypatch):
    message = "no CIFAR-10 in .*cache.dctheory.*name its folder in DCTHEORY_DATA"
    with pytest.raises(FileNotFoundError, match=message):
        load_cifar10(download=False)
    with pytest.raises(FileNotFoundError, match="no CIFAR-100 in '/nowhere': expected cifar-100-"):
        load_cifar100("/nowhere")
    make(10, "binary", tmp_path / "cache" / "dctheory")
    check(read(10), 10)
    # The variable comes first; a set that is not there is looked for in the cache.
    monkeypatch.setenv(VARIABLE, str(tmp_path / "missing"))
    with pytest.raises(FileNotFoundError, match=r"DCTHEORY_DATA names '.*missing', which does not"):
        read(10)
    (tmp_path / "missing").mkdir()
    check(read(10), 10)
    folder = make(10, "binary", tmp_path / "missing")
    (folder / "batches.meta.txt").unlink()
    assert read(10).classes == tuple("0123456789")


# --- Damage


def test_wrong_sizes_are_named(tmp_path):
    folder = make(10, "binary", tmp_path)
    with pytest.raises(ValueError, match=r"data_batch_1.bin' has 12292 bytes, expected 30730000"):
        load_cifar10(folder)
    path = folder / "data_batch_4.bin"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"data_batch_4.bin' has 12291 bytes, expected 12292"):
        read(10, folder)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"data_batch_4.bin' is missing; delete its folder"):
        read(10, folder)


def test_mixed_up_files_are_seen(tmp_path):
    folder = make(10, "binary", tmp_path)
    (folder / "data_batch_2.bin").write_bytes((folder / "data_batch_1.bin").read_bytes())
    with pytest.raises(ValueError, match=r"images of .* classes to train.*has 2 of each of 10"):
        read(10, folder)
    (folder / "batches.meta.txt").write_text("cat\ndog\n")
    LAYOUTS["images"](10, folder / "more")
    next((folder / "more" / "test" / NAMES[3]).iterdir()).unlink()
    with pytest.raises(ValueError, match="images of 9 classes to test"):
        read(10, folder / "more")


def test_names_that_are_not_those_of_the_set(tmp_path):
    folder = make(10, "binary", tmp_path)
    (folder / "batches.meta.txt").write_text("cat\ndog\n")
    with pytest.raises(ValueError, match="names 2 classes, CIFAR-10 has 10"):
        read(10, folder)


def test_coarse_classes_that_contradict(tmp_path):
    folder = make(100, "binary", tmp_path)
    records = np.fromfile(folder / "train.bin", np.uint8).reshape(200, -1)
    records[7, 0] = (records[7, 0] + 1) % 20
    records.tofile(folder / "train.bin")
    with pytest.raises(ValueError, match="do not have one coarse class each"):
        read(100, folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({b"data": np.zeros((4, 3072))}, r"'data' in .*data_batch_3' is float64 \(4, 3072\)"),
        ({b"data": np.zeros((3, 3072), np.uint8)}, r"is uint8 \(3, 3072\), expected uint8 \(4, "),
        ({b"data": [1, 2]}, "is <class 'list'>, expected uint8"),
        ({b"labels": [0, 1, 2]}, "is 3 labels, expected 4 labels"),
        ({b"labels": [0, 1, 2, 2**70]}, "labels that are not from 0 to 9"),
        ({b"labels": [0, 1, 2, "3"]}, "labels that are not from 0 to 9"),
        ({b"labels": {}}, "is <class 'dict'>, expected 4 labels"),
        ({b"labels": None, b"other": 1}, "expected 4 labels"),
    ],
    ids=str,
)
def test_wrong_pickles(tmp_path, change, words):
    folder = make(10, "python", tmp_path)
    path = folder / "data_batch_3"
    path.write_bytes(pickle.dumps(pickle.loads(path.read_bytes()) | change))
    with pytest.raises(ValueError, match=words):
        read(10, folder)


def test_pickles_of_something_else(tmp_path):
    folder = make(10, "python", tmp_path)
    path = folder / "test_batch"
    data = path.read_bytes()
    path.write_bytes(pickle.dumps([1]))
    with pytest.raises(ValueError, match="test_batch' has no entry 'data'"):
        read(10, folder)
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match=r"test_batch' \(\d+ bytes\) is no pickle of arrays"):
        read(10, folder)
    path.write_bytes(b"cos\nsystem\n(Vtouch hacked\ntR.")
    with pytest.raises(ValueError, match=r"it asks for os.system"):
        read(10, folder)


def test_unknown_archives(tmp_path):
    path = tmp_path / "cifar-10-binary.tar.gz"
    path.write_bytes(b"half of it")
    for place in (path, tmp_path):
        with pytest.raises(ValueError, match=r"has 10 bytes and MD5 .*170052171 bytes, MD5 c32a1d"):
            load_cifar10(place)
    assert os.listdir(tmp_path) == [path.name]


def test_images_of_another_set(tmp_path):
    for part in ("train", "test"):
        (tmp_path / part / "cat").mkdir(parents=True)
        Image.new("RGB", (96, 96)).save(tmp_path / part / "cat" / "1.png")
    with pytest.raises(ValueError, match="have 96 × 96 pixels, those of CIFAR-10 have 32 × 32"):
        load_cifar10(tmp_path)


# --- The set itself


@pytest.mark.skipif(not os.environ.get(VARIABLE), reason=f"{VARIABLE} names no folder")
def test_the_real_set(monkeypatch):
    monkeypatch.setenv(VARIABLE, GIVEN)
    try:
        found = load_cifar10(download=False)
    except FileNotFoundError as error:
        pytest.skip(str(error))
    assert [len(part) for part in (found.train, found.test)] == [50_000, 10_000]
    assert found.classes[3] == "cat"
    # The published means of the channels.
    means = [0.49139968, 0.48215841, 0.44653091]
    np.testing.assert_allclose(found.train.images.mean(axis=(0, 1, 2)) / 255, means, atol=1e-8)


def test_its_augmentation():
    images = images_and_labels(10, 16, 2)[0]
    first, second = np.asarray(two_views(images, np.arange(16), 0, 0, 0, CIFAR_AUGMENTATION))
    assert first.shape == images.shape
    assert first.min() >= 0
    assert first.max() <= 1
    assert np.abs(first - second).max(axis=(1, 2, 3)).min() > 0.1
    # Nothing dark comes in from outside.
    white = np.full((16, 32, 32, 3), 255, np.uint8)
    views = np.asarray(two_views(white, np.arange(16), 0, 0, 0, CIFAR_AUGMENTATION))
    assert np.ptp(views, axis=(2, 3)).max() < 1e-5
