"""Are the representations Gaussian? Norms and coordinates, beside a uniform sphere.

Contrastive training is predicted to bring norms onto a thin shell and directions towards the
uniform sphere, whose coordinates are nearly Gaussian in high dimension (Betser, Gofer, Levi and
Gilboa 2026, arXiv 2602.24012). Tests of normality reject more with more samples and, since a
sphere's coordinates are not quite Gaussian, with fewer dimensions; so the same tests are made of
points uniform on the sphere, as many and in as many dimensions.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dctheory._table import Table, plain
from dctheory._validation import check_integer
from dctheory.diagnose._sample import choose_rows, sample_unit_rows
from dctheory.graph._unit_rows import UnitRows

Array = NDArray[np.float64]

# D'Agostino's test of the kurtosis is an approximation that asks for this many samples.
_FEWEST_ROWS = 20

# Critical value at 5 % of the modified A², mean and variance fitted: Stephens 1986, Table 4.7.
_ANDERSON_CRITICAL = 0.752

# A coordinate that varies by less than this, relative to its size, is rounding around a constant.
_CONSTANT = 1e-9

# By how many of the two tests reject more than in any draw of a uniform sphere. One of them does so
# for such a sphere too, in at most one case of (draws + 1).
_VERDICTS = (
    "That is as on a uniform sphere: no departure from it can be told by coordinates.",
    "By one test only that is more than in any of {draws} draws of a uniform sphere, which may be "
    "chance: no departure from it can be told.",
    "That is more than in any of {draws} draws of a uniform sphere: the coordinates are less "
    "Gaussian than its own.",
)


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
        constant: how many more were drawn that have one value in all rows.
        norm_mean, norm_variation: mean and coefficient of variation of ‖z‖.
        norm_variation_gaussian: the latter for z ~ N(0, I_d).
        scale: smallest, median and largest standard deviation of √d × a coordinate of z/‖z‖; 1
            for all on a uniform sphere.
        offset: ‖mean of z/‖z‖‖, about 1/√n on a uniform sphere.
        raw, unit: tests of z and of z/‖z‖.
        sphere: tests of each draw of n points uniform on the sphere.
        seed: of the rows, the coordinates and the draws.
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
    seed: int

    def sphere_range(self, name: str) -> tuple[float, float]:
        """Smallest and largest value of a field of :class:`Normality` over the sphere's draws."""
        values = [getattr(each, name) for each in self.sphere]
        return min(values), max(values)

    def sentences(self) -> tuple[str, ...]:
        """What the numbers say."""
        tests = {"Anderson–Darling": "anderson_rejected", "D'Agostino's K²": "dagostino_rejected"}
        shares, above = [], []
        for test, name in tests.items():
            low, high = self.sphere_range(name)
            share = getattr(self.unit, name)
            above.append(share > high)
            shares.append(
                f"{test} rejects {_percent(share)} of {self.coordinates} coordinates of unit rows "
                f"(uniform sphere: {_percent(low)} to {_percent(high)})"
            )
        verdict = _VERDICTS[sum(above)].format(draws=len(self.sphere))
        found = [
            f"Norms vary by {_percent(self.norm_variation)} (a Gaussian in {self.dimension} "
            f"dimensions: {_percent(self.norm_variation_gaussian)}).",
            f"At 5 % and n = {self.samples}, {'; '.join(shares)}. {verdict}",
            f"The spread of coordinates is {self.scale[0]:.3g} to {self.scale[2]:.3g} times that "
            f"of a uniform sphere, and the mean has length {self.offset:.3g} "
            f"(uniform: about {1 / math.sqrt(self.samples):.2g}).",
        ]
        if self.constant:
            found.append(f"{self.constant} coordinates are constant and were not tested.")
        return tuple(found)

    def table(self) -> Table:
        """Tests of the embeddings beside the lowest and highest of the sphere's draws."""
        columns = ("", "A² rejected", "K² rejected", "median A²", "median K²")
        names = [field.name for field in fields(Normality)]
        ends = np.array([self.sphere_range(name) for name in names]).T
        rows = [
            ("embeddings", *asdict(self.raw).values()),
            ("unit rows", *asdict(self.unit).values()),
            ("uniform sphere, lowest", *ends[0].tolist()),
            ("uniform sphere, highest", *ends[1].tolist()),
        ]
        title = f"Normality of {self.coordinates} of {self.dimension} coordinates"
        return Table(columns, rows, title, self.sentences())

    def to_dict(self) -> dict[str, Any]:
        """All fields as values that strict JSON can hold."""
        document: dict[str, Any] = plain(asdict(self))
        return document


def gaussianity(
    embeddings: Any, *, sample: int = 5000, coordinates: int = 128, draws: int = 10, seed: int = 0
) -> Gaussianity:
    """Concentration of norms, and tests of normality of coordinates (both with fitted moments).

    Args:
        embeddings: (N, d) as for :class:`dctheory.graph._unit_rows.UnitRows`, N ≥ 20, not
            normalised: the norms are part of the question.
        sample: of more rows than this, a uniform sample of that size is tested.
        coordinates: of more than this, a uniform sample.
        draws: of the uniform sphere.
        seed: of all of these.

    Raises:
        TypeError, ValueError: what ``UnitRows`` refuses; fewer than 20 rows; all coordinates
            constant.
    """
    check_integer("sample", sample, _FEWEST_ROWS)
    check_integer("coordinates", coordinates, 1)
    check_integer("draws", draws, 1)
    rng = np.random.default_rng(check_integer("seed", seed, 0))
    num_rows = UnitRows(embeddings).num_rows
    if num_rows < _FEWEST_ROWS:
        raise ValueError(f"tests of normality need at least {_FEWEST_ROWS} rows, got {num_rows}")
    unit, norms = sample_unit_rows(embeddings, choose_rows(rng, num_rows, sample))
    count, dimension = unit.shape
    scales = math.sqrt(dimension) * unit.std(axis=0)
    drawn = choose_rows(rng, dimension, coordinates)
    directions = unit[:, drawn]
    raw = directions * norms[:, None]
    varying = _varies(directions) & _varies(raw)
    if not varying.any():
        raise ValueError(
            f"all {len(drawn)} coordinates tested are constant; check the encoder that made them"
        )
    tested = int(varying.sum())
    return Gaussianity(
        samples=count,
        dimension=dimension,
        coordinates=tested,
        constant=len(drawn) - tested,
        norm_mean=float(norms.mean()),
        norm_variation=float(norms.std(ddof=1) / norms.mean()),
        norm_variation_gaussian=_chi_variation(dimension),
        scale=(float(scales.min()), float(np.median(scales)), float(scales.max())),
        offset=float(np.linalg.norm(unit.mean(axis=0))),
        raw=_tests(raw[:, varying]),
        unit=_tests(directions[:, varying]),
        sphere=tuple(_tests(_sphere(rng, count, dimension, tested)) for _ in range(draws)),
        seed=seed,
    )


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _varies(values: Array) -> NDArray[np.bool_]:
    """Which columns are not constant."""
    varies: NDArray[np.bool_] = values.std(axis=0) > _CONSTANT * np.abs(values).max(axis=0)
    return varies


def _sphere(rng: np.random.Generator, count: int, dimension: int, coordinates: int) -> Array:
    """(count, coordinates) first coordinates of points uniform on the unit sphere in R^dimension.

    The others enter by their squared length only, which is a χ² number.
    """
    first = rng.normal(size=(count, coordinates))
    squares = np.einsum("ij,ij->i", first, first)
    if dimension > coordinates:
        squares += rng.chisquare(dimension - coordinates, size=count)
    first /= np.sqrt(squares)[:, None]
    return first


def _tests(values: Array) -> Normality:
    from scipy.stats import normaltest

    count = len(values)
    anderson = anderson_darling(values)
    dagostino = normaltest(values, axis=0)
    modified = anderson * (1 + 0.75 / count + 2.25 / count**2)
    return Normality(
        anderson_rejected=float(np.mean(modified > _ANDERSON_CRITICAL)),
        dagostino_rejected=float(np.mean(dagostino.pvalue < 0.05)),
        anderson_median=float(np.median(anderson)),
        dagostino_median=float(np.median(dagostino.statistic)),
    )


def anderson_darling(values: Array) -> Array:
    """A² of each column for a normal law with the column's mean and variance (n − 1).

    A² = −n − (1/n) Σ_i (2i − 1) [ln Φ(y_i) + ln(1 − Φ(y_{n+1−i}))], y ascending.
    """
    from scipy.special import log_ndtr

    count = len(values)
    ordered = np.sort(values, axis=0)
    ordered = (ordered - ordered.mean(axis=0)) / ordered.std(axis=0, ddof=1)
    weights = (2 * np.arange(count) + 1) / count
    below, above = log_ndtr(ordered), log_ndtr(-ordered[::-1])
    statistic: Array = -count - weights @ (below + above)
    return statistic


def _chi_variation(dimension: int) -> float:
    """Standard deviation over mean of ‖z‖ for z ~ N(0, I)."""
    log_mean = 0.5 * math.log(2) + math.lgamma((dimension + 1) / 2) - math.lgamma(dimension / 2)
    return math.sqrt(max(0.0, dimension * math.exp(-2 * log_mean) - 1))
