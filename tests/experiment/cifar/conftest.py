"""A small CIFAR-10 in the official binary layout."""

from dataclasses import replace

import numpy as np
import pytest

from dctheory.data import cifar

TRAIN, TEST = 200, 100


@pytest.fixture
def data_dir(tmp_path, monkeypatch):
    """The folder above ``cifar-10-batches-bin``: 20 images of each class to train, 10 to test."""
    spec = replace(cifar.CIFAR_10, train_size=TRAIN, test_size=TEST)
    monkeypatch.setattr(cifar, "CIFAR_10", spec)
    monkeypatch.delenv(cifar.VARIABLE, raising=False)
    folder = tmp_path / "data" / spec.binary_folder
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for stem, count in [*((name, TRAIN // 5) for name in spec.train), (spec.test, TEST)]:
        labels = np.arange(count) % 10
        # Classes differ in brightness, so that features tell them apart a little.
        pixels = rng.integers(0, 120, (count, 3072)) + 13 * labels[:, None]
        np.column_stack([labels, pixels]).astype(np.uint8).tofile(folder / f"{stem}.bin")
    (folder / "batches.meta.txt").write_text("\n".join(f"class {i}" for i in range(10)) + "\n")
    return folder.parent
