"""The distribution of the cosine similarities over all pairs, by kind of pair."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dctheory._progress import Progress
from dctheory._table import Table, plain
from dctheory._validation import check_choice, check_integer, check_real
from dctheory.diagnose._pair_counts import count_pairs
from dctheory.diagnose.partial import PartialSums

Array = NDArray[np.float64]

# Groups of rows for the jackknife.
_GROUPS = 32

# Counting one similarity takes about as long as this many of its multiply-additions.
_COUNTING = 256

# Multiply-additions of all pairs of 50,000 rows of 512 features: well below a minute on two cores.
_WORK = 1e12

_KINDS = ("all", "same class", "cross-class", "difficult")
_SHARES = (0.1, 1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9)


@dataclass(frozen=True, eq=False, repr=False)
class SimilarityDistribution:
    """A histogram of cosine similarities over unordered pairs of distinct samples.

    Kinds of pairs are ``"all"``; with labels ``"same class"`` and ``"cross-class"``; with
    difficult samples too ``"difficult"``, those of the cross-class pairs with both ends difficult.

    Attributes:
        edges: (bins + 1,) from −1 to 1.
        counts: by kind, (bins,) pairs in each bin (the upper edge belongs to the next).
        means: by kind, the mean over all pairs, from sums, exact whether or not rows are sampled.
        num_samples: N.
        sampled: rows whose pairs are in the histogram; N where it is that of all pairs.
        seed: of the sampled rows.
    """

    edges: Array
    counts: Mapping[str, NDArray[np.int64]]
    means: Mapping[str, float]
    num_samples: int
    sampled: int
    seed: int
    # By kind, (groups, bins) the counts without the pairs that touch a group of rows.
    _without: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of pairs that there are."""
        return tuple(self.counts)

    @property
    def exact(self) -> bool:
        """Whether all pairs were counted; percentiles are then exact to a bin's width."""
        return self.sampled == self.num_samples

    @property
    def centres(self) -> Array:
        """(bins,) middle of each bin."""
        return (self.edges[1:] + self.edges[:-1]) / 2

    def pairs(self, kind: str = "all") -> int:
        """Number of pairs that were counted."""
        return int(self._counts(kind).sum())

    def mean(self, kind: str = "all") -> float:
        """Mean over all pairs, exact; NaN if there is none."""
        self._counts(kind)
        return self.means[kind]

    def std(self, kind: str = "all") -> float:
        """Standard deviation over the counted pairs, from the bins; NaN if there is none."""
        counts = self._counts(kind)
        total = counts.sum()
        if not total:
            return math.nan
        mean = counts @ self.centres / total
        return math.sqrt(counts @ (self.centres - mean) ** 2 / total)

    def density(self, kind: str = "all") -> Array:
        """(bins,) share of pairs per unit of similarity; zeros if there is none."""
        counts = self._counts(kind)
        density: Array = counts / (max(1, counts.sum()) * np.diff(self.edges))
        return density

    def percentile(self, q: float, kind: str = "all") -> float:
        """Sim_q: the similarity that q % of the pairs reach, in the paper's descending order.

        Linear within a bin, whose width is the error where all pairs were counted; see
        :meth:`standard_error` otherwise. NaN if there is no pair.

        Args:
            q: from 0 (the largest) to 100 (the smallest).
            kind: of pairs.
        """
        check_real("q", q, 0, 100)
        return float(_percentile(self._counts(kind)[None], self.edges, q)[0])

    def standard_error(self, q: float, kind: str = "all") -> float:
        """Standard error of :meth:`percentile` from the choice of rows; 0 where all were taken.

        By a jackknife that leaves out one of 32 random groups of rows at a time with all their
        pairs (Shao and Wu 1989), times √(1 − sampled/N), as rows are drawn without replacement.
        """
        check_real("q", q, 0, 100)
        self._counts(kind)
        if self.exact:
            return 0.0
        values = _percentile(self._without[kind], self.edges, q)
        spread = (len(values) - 1) * float(values.var())
        return math.sqrt(spread * (1 - self.sampled / self.num_samples))

    def quantile_table(self, shares: Sequence[float] = _SHARES) -> Table:
        """Sim_q of each kind over q, and its standard error where rows were sampled."""
        rows = []
        for q in shares:
            row: dict[str, Any] = {"q, %": q}
            for kind in self.kinds:
                row[kind] = self.percentile(q, kind)
                if not self.exact:
                    row[f"± {kind}"] = self.standard_error(q, kind)
            rows.append(row)
        title = "Similarity that q % of the pairs reach"
        return Table(list(rows[0]), rows, title, notes=[self.source])

    @property
    def source(self) -> str:
        """Which pairs were counted, and what the error is, as a sentence."""
        width = f"{self.edges[1] - self.edges[0]:.2g}"
        if self.exact:
            return f"all {self.pairs():,} pairs of {self.num_samples:,} samples, to {width}"
        return (
            f"all {self.pairs():,} pairs of {self.sampled:,} random samples of "
            f"{self.num_samples:,} (seed {self.seed}); ± is the standard error by a jackknife over "
            f"{len(self._without['all'])} groups of samples, bins are {width} wide"
        )

    def table(self) -> Table:
        """Pairs, mean, spread and median of each kind."""
        rows = [
            {
                "pairs": kind,
                "number": self.pairs(kind),
                "mean": self.mean(kind),
                "spread": self.std(kind),
                "median": self.percentile(50, kind),
            }
            for kind in self.kinds
        ]
        return Table(list(rows[0]), rows, "Cosine similarities", notes=[self.source])

    def __str__(self) -> str:
        return self.table().to_text()

    def __repr__(self) -> str:
        return f"<SimilarityDistribution: {self.source}>"

    def to_dict(self) -> dict[str, Any]:
        """All of it as values that strict JSON can hold; bins without a pair at the ends are left.

        ``percentiles`` and ``standard_errors`` are by kind and q.
        """
        used = np.flatnonzero(self.counts["all"])
        cut = slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0, 0)
        return {
            "samples": self.num_samples,
            "sampled": self.sampled,
            "exact": self.exact,
            "seed": self.seed,
            "source": self.source,
            "means": plain(self.means),
            "standard_deviations": {kind: plain(self.std(kind)) for kind in self.kinds},
            "percentiles": self._by_share(self.percentile),
            "standard_errors": self._by_share(self.standard_error),
            "edges": plain(self.edges[cut.start : cut.stop + 1]),
            "counts": {kind: plain(counts[cut]) for kind, counts in self.counts.items()},
        }

    def _by_share(self, value: Any) -> dict[str, Any]:
        return {kind: {f"{q:g}": plain(value(q, kind)) for q in _SHARES} for kind in self.kinds}

    def _counts(self, kind: str) -> NDArray[np.int64]:
        return self.counts[check_choice("kind", kind, self.counts)]


def similarity_distribution(
    embeddings: Any,
    labels: Any = None,
    difficult: Any = None,
    *,
    bins: int = 4000,
    work: float = _WORK,
    seed: int = 0,
    progress: Progress | None = None,
) -> SimilarityDistribution:
    """Histogram of the cosines of all pairs of samples, in blocks and in bounded memory.

    Where all pairs would take more than ``work``, it is that of all pairs of uniformly drawn
    samples; means are over all pairs always. The embeddings are read once; those drawn are held
    as float32 (a part of 50,000 rows of 512 features takes 100 MB). Products are float32.

    Args:
        embeddings: (N, d), N ≥ 2, as in :func:`dctheory.estimate_similarities`.
        labels: (N,) integers or strings, for the kinds same class and cross-class.
        difficult: (N,) bool, with labels, for the kind difficult.
        bins: equal parts of [−1, 1], from 2 to 100,000.
        work: multiply-additions allowed, where counting a similarity is as much as 256 of them:
            N(N − 1)/2 · (d + 256) for all pairs.
        seed: of the drawn samples.
        progress: called with (done, total, what) as the pairs are counted.

    Raises:
        TypeError, ValueError: arguments as above; a zero vector, NaN or infinity (the message
            names the row); difficult samples without labels.
    """
    if difficult is not None and labels is None:
        raise ValueError("difficult pairs are cross-class pairs: pass labels too")
    shape = np.shape(embeddings) if not hasattr(embeddings, "shape") else embeddings.shape
    columns = int(shape[1]) if len(shape) == 2 else 1
    rows = sample_size(columns, work)
    partial = PartialSums(sample=rows, seed=seed).update(embeddings, labels, difficult)
    return distribution_of(partial, bins=bins, work=work, progress=progress)


def distribution_of(
    partial: PartialSums,
    *,
    bins: int = 4000,
    work: float = _WORK,
    progress: Progress | None = None,
) -> SimilarityDistribution:
    """The distribution over the rows that partial fits have kept, with means over all of them.

    Args and errors as for :func:`similarity_distribution`; of more rows than ``work`` allows the
    first of their random order are taken.
    """
    bins = check_integer("bins", bins, 2, 100_000)
    sample = partial.sample()
    sample = sample.first(sample_size(sample.rows.shape[1], work))
    if len(sample) < 2:
        raise ValueError(f"similarities are of pairs of samples, got {len(sample)} sample(s)")
    means = partial.means()
    kinds = [kind for kind in _KINDS if kind in means]
    counted = 3 if "difficult" in means else 2 if "cross-class" in means else 1
    touching = count_pairs(sample, counted, bins, min(_GROUPS, len(sample)), progress)
    total, without = touching[-1], touching[-1] - touching[:-1]
    return SimilarityDistribution(
        edges=np.linspace(-1, 1, bins + 1),
        counts=dict(zip(kinds, _by_kind(total), strict=True)),
        means=means,
        num_samples=partial.count,
        sampled=len(sample),
        seed=partial.seed,
        _without=dict(zip(kinds, _by_kind(without.swapaxes(0, 1)), strict=True)),
    )


def sample_size(columns: int, work: float = _WORK) -> int:
    """Rows whose pairs take at most ``work`` multiply-additions, at least 2."""
    check_real("work", work, 0, low_open=True)
    return max(2, math.isqrt(int(2 * work / (columns + _COUNTING))))


def _by_kind(counts: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Counts of all, same-class and difficult pairs (first axis), with the cross-class ones."""
    if len(counts) == 1:
        return [counts[0]]
    return [counts[0], counts[1], counts[0] - counts[1], *counts[2:]]


def _percentile(counts: NDArray[np.int64], edges: Array, q: float) -> Array:
    """(m,) similarity that q % of the pairs in each of m histograms reach."""
    cumulative = np.cumsum(counts, axis=1)
    found = np.full(len(counts), np.nan)
    for place, (each, below) in enumerate(zip(counts, cumulative, strict=True)):
        if not below[-1]:
            continue
        wanted = below[-1] * (1 - q / 100)
        used = np.flatnonzero(each)
        bin_index = used[np.searchsorted(below[used], wanted).clip(0, len(used) - 1)]
        inside = (wanted - below[bin_index] + each[bin_index]) / each[bin_index]
        width = edges[bin_index + 1] - edges[bin_index]
        found[place] = edges[bin_index] + np.clip(inside, 0, 1) * width
    return found
