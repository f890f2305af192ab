"""Handwritten digits, 8 × 8, that come with scikit-learn: a real data set without a download."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dctheory._validation import check_integer, check_real
from dctheory.data.augment import Augmentation
from dctheory.data.images import ImageSet, stratified_split

# Changes that leave a digit of 8 × 8 pixels readable: up to one pixel of shift, no flips, and at
# most 2 × 2 pixels erased. Stronger rotations make a 6 a 9 and a 1 a 7.
DIGIT_AUGMENTATION = Augmentation(
    rotation=12.0,
    shear=0.1,
    zoom=0.15,
    shift=0.125,
    contrast=0.3,
    noise=0.1,
    erase=0.25,
    erase_probability=0.3,
)


@dataclass(frozen=True, eq=False)
class DigitSplits:
    """The digits in three parts; ``indices`` of each are places in scikit-learn's 1,797 images."""

    train: ImageSet
    validation: ImageSet
    test: ImageSet


def load_digits(seed: int = 0, *, validation: float = 0.15, test: float = 0.25) -> DigitSplits:
    """The digits with pixels in [0, 1], shape (N, 8, 8, 1), split within every class.

    Args:
        seed: of the split (:func:`dctheory.data.stratified_split`).
        validation, test: shares of the data, > 0; the rest, > 0 too, is for training.

    Raises:
        TypeError, ValueError: a value of the wrong kind or out of range.
    """
    check_integer("seed", seed, 0)
    check_real("validation", validation, 0, 1, low_open=True)
    check_real("test", test, 0, 1, low_open=True)
    train = 1 - validation - test
    if train <= 1e-9:
        raise ValueError(
            f"validation = {validation} and test = {test} leave nothing to train on; "
            "their sum must be below 1"
        )
    from sklearn.datasets import load_digits as load

    # scikit-learn's pixels are counts from 0 to 16.
    source = load()
    images = (source.images[..., None] / 16).astype(np.float32)
    everything = ImageSet(images, source.target, np.arange(len(images)))
    rng = np.random.default_rng(seed)
    parts = stratified_split(everything.labels, (train, validation, test), rng)
    return DigitSplits(*(everything.subset(rows) for rows in parts))
