"""Pixel mixing: a share ω of the images becomes difficult by a partner of another class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dctheory._validation import check_real
from dctheory.data.images import ImageSet, Indices, check_generator, check_range


@dataclass(frozen=True, eq=False, repr=False)
class Mixture:
    """An image set of which some are mixed.

    Attributes:
        data: all N images, the mixed ones with their own labels.
        mixed: (N,) bool.
        partners: (N,) int64 row of the partner in the set that was given, −1 for none.
        weights: (N,) float64 weight λ of the partner, 0 for none.
    """

    data: ImageSet
    mixed: NDArray[np.bool_]
    partners: Indices
    weights: NDArray[np.float64]

    def without_mixed(self) -> ImageSet:
        """The images that were not mixed: the paper's removal (Figure 2)."""
        return self.data.subset(~self.mixed)

    def __repr__(self) -> str:
        return f"<Mixture: {int(self.mixed.sum())} of {len(self.data)} images mixed>"


def mix_pixels(
    data: ImageSet,
    share: float,
    rng: np.random.Generator,
    weight: tuple[float, float] = (0.3, 0.5),
) -> Mixture:
    """x ← (1 − λ) x + λ x_partner for a share ω of the images of every class.

    Of m images of a class, round(ωm) are mixed, chosen uniformly. A partner is uniform among all
    images of the other classes, as they were before mixing; λ is uniform in ``weight``,
    independent for each image. The label stays. The paper does not say how it mixes; at λ = 1/2
    an image is as much of one class as of the other. From the same state of ``rng``, the images
    that a smaller ω mixes are mixed in the same way by a larger one. Mixtures of uint8 images are
    rounded to the nearest uint8 (halves to even).

    Args:
        data: of at least two classes.
        share: ω, in [0, 1].
        rng: the source of randomness.
        weight: lowest and highest λ, 0 ≤ low ≤ high ≤ 1.

    Raises:
        TypeError, ValueError: a value of the wrong kind or out of range, a single class.
    """
    if not isinstance(data, ImageSet):
        raise TypeError(f"data must be an ImageSet, got {type(data).__name__}; wrap the images")
    check_generator(rng)
    omega = float(check_real("share", share, 0, 1))
    low, high = check_range("weight", weight, 0, 1)
    # Everything is drawn for every image, so that the draws do not depend on ω.
    mixed, partners = _draw_partners(data.labels, omega, rng)
    weights = np.where(mixed, rng.uniform(low, high, len(data)), 0.0)
    images = data.images.copy()
    factor = weights[mixed].astype(np.float32)[:, None, None, None]
    own, other = (images[rows].astype(np.float32) for rows in (mixed, partners[mixed]))
    blend = own + factor * (other - own)
    images[mixed] = np.rint(blend) if images.dtype == np.uint8 else np.clip(blend, 0, 1)
    return Mixture(ImageSet(images, data.labels, data.indices), mixed, partners, weights)


def _draw_partners(
    labels: Indices, omega: float, rng: np.random.Generator
) -> tuple[NDArray[np.bool_], Indices]:
    """(N,) which samples are mixed, and their partners, −1 for the others."""
    count = len(labels)
    order = np.argsort(labels, kind="stable")
    classes, code, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    if len(classes) < 2:
        raise ValueError(f"mixing needs partners of another class, all labels are {classes[0]}")
    mixed = np.zeros(count, dtype=bool)
    for members in np.split(order, np.cumsum(sizes)[:-1]):
        mixed[rng.permutation(members)[: round(omega * len(members))]] = True
    # Places of the other classes, counted from the end of the sample's own class around.
    places = np.cumsum(sizes)[code] + rng.integers(0, (count - sizes)[code])
    return mixed, np.where(mixed, order[places % count], -1)
