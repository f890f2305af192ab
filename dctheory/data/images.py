"""Labelled images, and how they are split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dctheory._validation import check_real

Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class ImageSet:
    """Images with labels, and where in the source they come from.

    Attributes:
        images: (N, H, W, channels) float32 in [0, 1], or uint8, which stay as they are (a quarter
            of the memory) and stand for images / 255.
        labels: (N,) int64.
        indices: (N,) int64 places in the source: the identity of a sample, which a subset keeps.

    Raises:
        TypeError: images that are neither floats nor uint8, labels or indices that are not
            integers.
        ValueError: shapes that do not fit, values outside [0, 1] or not finite.
    """

    images: NDArray[np.float32] | NDArray[np.uint8]
    labels: Indices
    indices: Indices

    def __post_init__(self) -> None:
        images = np.asarray(self.images)
        floats = images.dtype.kind == "f"
        if not floats and images.dtype != np.uint8:
            raise TypeError(
                f"images must be floats in [0, 1] or uint8, got {images.dtype}; convert them"
            )
        if images.ndim != 4:
            raise ValueError(
                f"images must have shape (N, H, W, channels), got {images.shape}; "
                "for grey ones, add a last axis: images[..., None]"
            )
        if floats:
            if images.size and not (images.min() >= 0 and images.max() <= 1):
                raise ValueError(
                    f"images must lie in [0, 1], got {images.min()} to {images.max()}; rescale them"
                )
            images = images.astype(np.float32, copy=False)
        object.__setattr__(self, "images", images)
        for name in ("labels", "indices"):
            array = check_labels(name, getattr(self, name))
            if len(array) != len(images):
                raise ValueError(f"{len(images)} images have {len(array)} {name}; pass as many")
            object.__setattr__(self, name, array)

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, rows: ArrayLike) -> ImageSet:
        """The images at the given rows (integers or a mask), with their labels and indices."""
        chosen = np.asarray(rows)
        return ImageSet(self.images[chosen], self.labels[chosen], self.indices[chosen])

    def __repr__(self) -> str:
        shape = "×".join(str(side) for side in self.images.shape[1:])
        return f"<ImageSet: {len(self)} images {shape}, {len(np.unique(self.labels))} classes>"


@dataclass(frozen=True, eq=False, repr=False)
class ImageSplits:
    """The training and the test images of a data set, as its authors split it.

    Attributes:
        train, test: uint8 images; ``indices`` are places in the part, in the source's order.
        classes: names of the C classes, by label.
        coarse_labels: (C,) int64 coarse class of each class, so that ``coarse_labels[labels]`` are
            those of images; None where the source has none.
        coarse_classes: names of the coarse classes, empty where the source has none.
    """

    train: ImageSet
    test: ImageSet
    classes: tuple[str, ...]
    coarse_labels: Indices | None = None
    coarse_classes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<ImageSplits: train {self.train!r}, test {self.test!r}>"


def stratified_split(
    labels: ArrayLike, shares: Sequence[float], rng: np.random.Generator
) -> list[Indices]:
    """Split samples at random into parts that hold the given share of every class.

    Of m samples of a class, in random order, part k takes those from round(m·S_{k−1}) to
    round(m·S_k), S_k being the sum of the first k shares.

    Args:
        labels: (N,) integers.
        shares: of the parts, each > 0, that sum to 1.
        rng: the source of randomness.

    Returns:
        Sorted rows of each part; together each row once.

    Raises:
        TypeError, ValueError: what is no label, share or Generator; a class too small to be in
            every part.
    """
    array = check_labels("labels", labels)
    check_generator(rng)
    for share in shares:
        check_real("a share", share, 0, 1, low_open=True)
    if abs(sum(shares) - 1) > 1e-9:
        raise ValueError(f"shares must sum to 1, got {tuple(shares)} with sum {sum(shares)}")
    ends = np.cumsum(shares)[:-1]
    parts: list[list[Indices]] = [[] for _ in shares]
    for label in np.unique(array):
        members = rng.permutation(np.flatnonzero(array == label))
        cuts = np.rint(ends * len(members)).astype(int)
        for part, rows in zip(parts, np.split(members, cuts), strict=True):
            if not len(rows):
                raise ValueError(
                    f"class {label} has {len(members)} samples, too few for parts of "
                    f"{tuple(shares)}; use larger shares or more samples"
                )
            part.append(rows)
    return [np.sort(np.concatenate(part)) for part in parts]


def check_labels(name: str, labels: ArrayLike) -> Indices:
    """(N,) int64, or an error that names what is wrong."""
    array = np.asarray(labels)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integers, got {array.dtype}; convert them")
    if array.ndim != 1 or not len(array):
        raise ValueError(f"{name} must have shape (N,) with N ≥ 1, got {array.shape}")
    return array.astype(np.int64)


def check_generator(rng: Any) -> None:
    """TypeError unless ``rng`` is a numpy Generator."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"rng must be a numpy Generator, got {type(rng).__name__}; "
            "use numpy.random.default_rng(seed)"
        )


def check_range(
    name: str, value: Any, low: float, high: float | None = None, *, low_open: bool = False
) -> tuple[float, float]:
    """Two numbers (first ≤ second) within the limits, or an error that names what is wrong."""
    try:
        first, second = value
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must be two numbers (low, high), got {value!r}") from error
    for i, each in enumerate((first, second)):
        check_real(f"{name}[{i}]", each, low, high, low_open=low_open)
    if first > second:
        raise ValueError(f"{name} must be (low, high) with low ≤ high, got {value}; swap them")
    return float(first), float(second)
