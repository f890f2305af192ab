"""Are the representations Gaussian? Norms and coordinates, beside a uniform sphere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dctheory._table import Table


@dataclass(frozen=True)
class Normality:
    """Tests of normality over coordinates, mean and variance fitted.

    Attributes:
        anderson_rejected, dagostino_rejected: shares of coordinates rejected at 5 % by
            Anderson–Darling and by D'Agostino's K².
        anderson_median, dagostino_median: medians of A² and K².
    """

    anderson_rejected: float
    dagostino_rejected: float
    anderson_median: float
    dagostino_median: float


@dataclass(frozen=True)
class Gaussianity:
    """How Gaussian embeddings are, beside points uniform on the sphere.

    Attributes:
        samples: rows n that were tested.
        dimension: d.
        coordinates: how many were tested.
        constant: how many of those that were drawn have one value in all rows (not tested).
        norm_mean, norm_variation: mean and coefficient of variation of ‖z‖.
        norm_variation_gaussian: the latter for z ~ N(0, I_d), exactly.
        scale: (smallest, median, largest) standard deviation of √d × a coordinate of unit rows;
            1 for all on a uniform sphere.
        offset: ‖mean of unit rows‖.
        raw, unit: of z as given, and of z/‖z‖.
        sphere: of each draw of n points uniform on the sphere in d dimensions.
    """

    samples: int
    dimension: int
    coordinates: int
    constant: int
    norm_mean: float
    norm_variation: float
    norm_variation_gaussian: float
    scale: tuple[float, float, float]
    offset: float
    raw: Normality
    unit: Normality
    sphere: tuple[Normality, ...]

    def sentences(self) -> tuple[str, ...]:
        """What the numbers say."""
        raise NotImplementedError

    def table(self) -> Table:
        """Tests of the embeddings beside the lowest and highest of the sphere's draws."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """All fields as values that strict JSON can hold."""
        raise NotImplementedError


def gaussianity(
    embeddings: Any, *, sample: int = 5000, coordinates: int = 128, draws: int = 10, seed: int = 0
) -> Gaussianity:
    """Norm concentration and tests of normality of coordinates."""
    raise NotImplementedError
