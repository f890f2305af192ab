"""Without labels: how many classes the spectrum shows, and clusters in their place.

C classes that stand apart give the covariance of unit embeddings C − 1 eigenvalues above the
noise, so their number is one more than the place of the gap. Spectra of trained encoders decay
without one, roughly as a power of the index; so a gap is measured by the local exponent

    g_j = ln(λ_j / λ_{j+1}) / ln((j + 1) / j),

which a power law makes constant. Of nearly equal gaps the first is taken. Only eigenvalues above
the noise are looked at: above the limit of Johnstone (2001) for the largest eigenvalue of white
noise, whose variance follows from the median eigenvalue (Marchenko and Pastur 1967).
"""

from __future__ import annotations

import math
import warnings
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dctheory._table import Table, plain
from dctheory._validation import check_integer
from dctheory.diagnose._sample import choose_rows, sample_unit_rows
from dctheory.graph._unit_rows import UnitRows

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

_FEWEST_ROWS = 10
# Classes beyond this many are not looked for unless asked: spectra of half samples are costly.
_MOST = 256
# Directions beyond the signals in which the spectra of half samples are computed, at most.
_SPARE = 64
# Half samples are made of this many groups of rows.
_GROUPS = 40
# Of gaps that are nearly as large as the largest the first is taken: noise in them grows with j.
_NEARLY = 0.75
# A gap is clear if it is this many times the next one, and most half samples agree.
_STANDS_OUT = 2.0
_AGREEMENT = 0.9
# Eigenvalues below this, or below this share of the largest, are rounding.
_ZERO, _ZERO_SHARE = 1e-24, 1e-12
# Quantile 99 % of the Tracy–Widom law for real data (Johnstone 2001, Table 2).
_TRACY_WIDOM = 2.02


@dataclass(frozen=True, eq=False)
class ClassCount:
    """A number of classes read off the spectrum.

    Attributes:
        count: estimate, at least 1.
        low, high: the central 95 % of the estimates of half samples, with this one.
        clear: whether one gap stands out, twice the next one and found by 9 of 10 half samples;
            where not, ``count`` is a guess.
        signals: eigenvalues above the noise.
        eigenvalues: leading ones of the covariance of unit rows, descending.
        gaps: the gap after each of them, as a local exponent of decay.
        votes: share of the half samples by count.
        samples: rows used.
        seed: of the rows and of the half samples.
        note: what can be said.
    """

    count: int
    low: int
    high: int
    clear: bool
    signals: int
    eigenvalues: Array
    gaps: Array
    votes: dict[int, float]
    samples: int
    seed: int
    note: str

    def table(self) -> Table:
        """The counts that half samples voted for."""
        rows = [
            (count, share, float(self.eigenvalues[count - 2]), float(self.gaps[count - 2]))
            if count > 1
            else (count, share, None, None)
            for count, share in self.votes.items()
        ]
        columns = ("classes", "share of half samples", "last eigenvalue", "gap after it")
        return Table(columns, rows, "Number of classes by the spectrum", [self.note])

    def to_dict(self) -> dict[str, Any]:
        """All fields as values that strict JSON can hold."""
        document: dict[str, Any] = plain(asdict(self))
        return document


@dataclass(frozen=True, eq=False)
class Clusters:
    """Clusters in place of classes.

    Attributes:
        codes: (N,) cluster of each sample, 0 to count − 1, each of at least two samples.
        count: clusters; fewer than asked for where some would have held a single sample.
        sizes: (count,) samples.
        stability: adjusted Rand index of the clusterings that two disjoint halves lead to, 1 for
            equal ones, about 0 for unrelated ones.
        samples: rows used for the fit.
        seed: of the rows, the halves and the starts.
        note: what can be said.
    """

    codes: Indices
    count: int
    sizes: Indices
    stability: float
    samples: int
    seed: int
    note: str

    def to_dict(self) -> dict[str, Any]:
        """All but the codes, as values that strict JSON can hold."""
        fields = asdict(self)
        del fields["codes"]
        document: dict[str, Any] = plain(fields)
        return document


# --- Number of classes


def estimate_classes(
    embeddings: Any,
    *,
    most: int | None = None,
    sample: int = 10_000,
    resamples: int = 30,
    seed: int = 0,
) -> ClassCount:
    """The number of classes from the gap in the spectrum of unit embeddings.

    Args:
        embeddings: (N, d) as for :class:`dctheory.graph._unit_rows.UnitRows`, N ≥ 10.
        most: eigenvalues that are looked at, so at most ``most`` + 1 classes; by default d/2 (a
            median of more would not be noise), but at most 256.
        sample: of more rows than this, a uniform sample of that size is used.
        resamples: random half samples for the uncertainty, at least 2.
        seed: of both.

    Raises:
        TypeError, ValueError: what ``UnitRows`` refuses; fewer than 10 rows.
    """
    check_integer("sample", sample, _FEWEST_ROWS)
    check_integer("resamples", resamples, 2)
    rng = np.random.default_rng(check_integer("seed", seed, 0))
    whole = UnitRows(embeddings)
    if whole.num_rows < _FEWEST_ROWS:
        raise ValueError(
            f"a spectrum of classes needs at least {_FEWEST_ROWS} rows, got {whole.num_rows}"
        )
    if most is None:
        most = min(_MOST, max(1, whole.num_columns // 2))
    check_integer("most", most, 1)
    rows, _ = sample_unit_rows(embeddings, choose_rows(rng, whole.num_rows, sample))
    rows -= rows.mean(axis=0)
    values, directions = _principal(rows)
    most = min(most, max(1, len(values) - 1))
    num_rows, dimension = rows.shape
    noise = _noise(values, num_rows, dimension, most)
    signals = _signals(values, noise * _noise_limit(num_rows, dimension), most)
    count, gaps = _find_gap(values, signals, most)
    kept = rows @ directions[:, : signals + 1 + min(signals + 1, _SPARE)]
    edge = noise * _noise_limit(num_rows // 2, dimension)
    found = [
        _find_gap(half, max(1, _signals(half, edge, signals)), most)[0]
        for half in (_half_spectra(rng, kept, resamples) if signals else ())
    ]
    found = found or [1] * resamples
    votes = {int(c): found.count(c) / resamples for c in sorted(set(found))}
    ends = np.percentile(found, [2.5, 97.5], method="nearest").astype(int).tolist()
    low, high = min(ends[0], count), max(ends[1], count)
    clear = votes.get(count, 0.0) >= _AGREEMENT and _stands_out(gaps, count, signals)
    return ClassCount(
        count=count,
        low=low,
        high=high,
        clear=clear,
        signals=signals,
        eigenvalues=values[: most + 1],
        gaps=gaps,
        votes=votes,
        samples=num_rows,
        seed=seed,
        note=_note(count, low, high, most + 1, clear, signals),
    )


def _principal(rows: Array) -> tuple[Array, Array]:
    """Descending eigenvalues of the covariance of centred rows, and its (d, q) eigenvectors."""
    num_rows, dimension = rows.shape
    if dimension <= num_rows:
        values, vectors = np.linalg.eigh(rows.T @ rows / num_rows)
        return np.maximum(values[::-1], 0), vectors[:, ::-1]
    values, vectors = np.linalg.eigh(rows @ rows.T / num_rows)
    # The mean was taken off, so one direction of the rows is empty.
    values, vectors = np.maximum(values[:0:-1], 0), vectors[:, :0:-1]
    lengths = np.sqrt(_floored(values) * num_rows)
    return values, rows.T @ vectors / lengths


def _noise(values: Array, num_rows: int, dimension: int, most: int) -> float:
    """Variance of the noise in each direction; 0 where few directions hold all that there is."""
    present = values[values > _zero(values)]
    if len(present) <= most and len(present) < min(dimension, num_rows - 1):
        return 0.0
    return float(np.median(present)) / _median_of_noise(num_rows, dimension)


def _zero(values: Array) -> float:
    return max(_ZERO, _ZERO_SHARE * float(values[0]))


def _floored(values: Array) -> Array:
    return np.maximum(values, _zero(values))


def _noise_limit(num_rows: int, dimension: int) -> float:
    """What the largest eigenvalue of white noise of variance 1 exceeds once in 100 cases."""
    a, b = math.sqrt(num_rows - 1), math.sqrt(dimension)
    spread = (a + b) * (1 / a + 1 / b) ** (1 / 3)
    return ((a + b) ** 2 + _TRACY_WIDOM * spread) / num_rows


def _median_of_noise(num_rows: int, dimension: int) -> float:
    """Median of the positive eigenvalues of white noise of variance 1 (Marchenko–Pastur)."""
    ratio = dimension / num_rows
    low, high = (1 - math.sqrt(ratio)) ** 2, (1 + math.sqrt(ratio)) ** 2
    # The angle makes the density smooth at both ends: λ = centre − radius cos θ.
    angles = (np.arange(20_000) + 0.5) * math.pi / 20_000
    points = (low + high) / 2 - (high - low) / 2 * np.cos(angles)
    mass = np.cumsum(np.sin(angles) ** 2 / points)
    return float(points[np.searchsorted(mass, mass[-1] / 2)])


def _signals(values: Array, edge: float, most: int) -> int:
    """How many eigenvalues stand above the noise, but for the last one, which has no gap."""
    return min(int(np.sum(values > max(edge, _zero(values)))), most, len(values) - 1)


def _find_gap(values: Array, signals: int, most: int) -> tuple[int, Array]:
    """The number of classes by the first of the large gaps among the signals, and all gaps."""
    places = np.arange(1, min(most, len(values) - 1) + 1)
    floored = _floored(values)
    falls = np.log(floored[places - 1] / floored[places])
    gaps: Array = falls / np.log((places + 1) / places)
    if signals == 0:
        return 1, gaps
    first = np.flatnonzero(gaps[:signals] >= _NEARLY * gaps[:signals].max())[0]
    return int(first) + 2, gaps


def _half_spectra(rng: np.random.Generator, rows: Array, count: int) -> list[Array]:
    """Descending eigenvalues of the covariance of random halves of centred rows.

    A half is half of the groups into which the rows fall at random.
    """
    num_groups = min(_GROUPS, len(rows) // 2 * 2)
    groups = np.array_split(rng.permutation(len(rows)), num_groups)
    sums = np.stack([rows[group].sum(axis=0) for group in groups])
    grams = np.stack([rows[group].T @ rows[group] for group in groups])
    sizes = np.array([len(group) for group in groups])
    spectra = []
    for _ in range(count):
        half = rng.permutation(num_groups)[: num_groups // 2]
        mean = sums[half].sum(axis=0) / sizes[half].sum()
        covariance = grams[half].sum(axis=0) / sizes[half].sum() - np.outer(mean, mean)
        spectra.append(np.maximum(np.linalg.eigvalsh(covariance)[::-1], 0))
    return spectra


def _stands_out(gaps: Array, count: int, signals: int) -> bool:
    """Whether the gap is much larger than the others among the signals and not far behind them."""
    if count == 1:
        return True
    nearby = np.delete(gaps[: max(signals, 2 * (count - 1))], count - 2)
    return bool(gaps[count - 2] >= _STANDS_OUT * nearby.max(initial=0))


def _note(count: int, low: int, high: int, largest: int, clear: bool, signals: int) -> str:
    meaning = (
        "It counts groups that stand apart in the embeddings: classes that lie together count as "
        "one, and difficult samples between classes can count as one more."
    )
    if signals == 0:
        return "No direction stands out of the noise: there is no sign of more than one class."
    if clear:
        return f"The spectrum has one clear gap, after {count - 1} directions. {meaning}"
    return (
        f"The spectrum has no clear gap: {count} classes is a guess, and half samples say {low} to "
        f"{high}; more than {largest} could not be seen. Give the number of classes "
        f"if you know it. {meaning}"
    )


# --- Clusters


def cluster(embeddings: Any, count: int, *, sample: int = 20_000, seed: int = 0) -> Clusters:
    """Clusters of unit embeddings: k-means on their 2·count leading principal directions.

    Args:
        embeddings: (N, d) as for :class:`dctheory.graph._unit_rows.UnitRows`.
        count: clusters, at least 2 and at most N/2.
        sample: of more rows than this, k-means sees a uniform sample of that size (at least
            2·count), and all rows go to the nearest centre.
        seed: of the sample, of the halves for the stability, and of the starts.

    Raises:
        TypeError, ValueError: what ``UnitRows`` refuses; a count out of range; rows that form a
            single cluster.
    """
    rng = np.random.default_rng(check_integer("seed", seed, 0))
    whole = UnitRows(embeddings)
    check_integer("count", count, 2, max(2, whole.num_rows // 2))
    check_integer("sample", sample, 2 * count)
    rows, _ = sample_unit_rows(embeddings, choose_rows(rng, whole.num_rows, sample))
    mean = rows.mean(axis=0)
    _, directions = _principal(rows - mean)
    directions = directions[:, : 2 * count]
    projected = (rows - mean) @ directions
    centres = _fit_centres(projected, count, seed)
    stability = _stability(rng, projected, count, seed)
    # The nearest centre in the projection has the largest w·z + b.
    weights = directions @ centres.T
    offsets = -(mean @ weights) - np.sum(centres**2, axis=1) / 2
    assign = partial(_nearest, weights, offsets)
    codes = np.concatenate([codes for _, codes in whole.map(assign)])
    codes = _without_singles(embeddings, codes, weights, offsets)
    sizes = np.bincount(codes)
    note = f"k-means on {projected.shape[1]} principal directions"
    note += f" of {len(rows)} random rows" if len(rows) < whole.num_rows else ""
    note += f"; two halves agree to {stability:.2g} (adjusted Rand index, 1 at best)."
    if len(sizes) < count:
        note += f" {count - len(sizes)} of {count} clusters had fewer than two samples."
    return Clusters(codes, len(sizes), sizes, stability, len(rows), seed, note)


def _fit_centres(rows: Array, count: int, seed: int) -> Array:
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    starts = max(1, min(10, 500 // count))
    model = KMeans(count, n_init=starts, max_iter=100, random_state=seed)
    # One thread: sums, and so clusters, do not depend on the number of cores.
    with threadpool_limits(1), warnings.catch_warnings():
        # Rows with fewer distinct values than clusters leave some empty, which is dealt with.
        warnings.simplefilter("ignore", ConvergenceWarning)
        centres: Array = model.fit(rows).cluster_centers_
    return centres


def _stability(rng: np.random.Generator, rows: Array, count: int, seed: int) -> float:
    """Agreement on all rows of what their two halves lead to."""
    from sklearn.metrics import adjusted_rand_score

    found = []
    for half in np.array_split(rng.permutation(len(rows)), 2):
        centres = _fit_centres(rows[half], count, seed)
        found.append(_nearest(centres.T, -np.sum(centres**2, axis=1) / 2, rows))
    return float(adjusted_rand_score(*found))


def _nearest(weights: Array, offsets: Array, rows: Array) -> Indices:
    nearest: Indices = np.argmax(rows @ weights + offsets, axis=1)
    return nearest


def _without_singles(embeddings: Any, codes: Indices, weights: Array, offsets: Array) -> Indices:
    """Codes without gaps, samples that are alone moved to the nearest other cluster."""
    sizes = np.bincount(codes, minlength=len(offsets))
    large = np.flatnonzero(sizes >= 2)
    if len(large) < 2:
        raise ValueError(
            "the embeddings form a single cluster: nearly all have one direction; check the "
            "encoder that made them"
        )
    alone = np.flatnonzero(sizes[codes] == 1)
    moved = np.searchsorted(large, codes)
    if len(alone):
        rows, _ = sample_unit_rows(embeddings, alone)
        moved[alone] = _nearest(weights[:, large], offsets[large], rows)
    return moved
