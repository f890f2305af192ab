"""Confidence intervals of α, β, γ and γ − β, by sample or by class.

Each is a mean of cosines over a set of pairs. Leaving one sample or one class out changes it by an
amount that sums give at once, so the delete-one jackknife costs one pass over the embeddings. To
first order it is the bootstrap with infinitely many resamples (Efron 1979); unlike a resample it
never pairs a sample with its own copy. It errs on the wide side (Efron and Stein 1981): by little
where a sample is in many pairs, by a factor of at most √2 where it is in few.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dctheory._table import Table, plain
from dctheory._validation import check_choice, check_integer, check_real
from dctheory.diagnose._removals import (
    BOTH,
    CROSS,
    EITHER,
    MATCHED,
    SAME,
    Removal,
    Units,
    class_codes,
    class_units,
    matched_units,
    sample_units,
)
from dctheory.graph.similarity_estimate import SimilarityEstimate

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
# Variance and its degrees of freedom.
Spread = tuple[float, float]

UNITS = ("sample", "class")
# Below so many classes the spread between them says nothing.
_FEWEST_CLASSES = 3
_GIVEN = (
    "labels and difficult samples are taken as given, and so are the sizes of classes: how they "
    "were chosen adds no width"
)
_METHODS = {
    "sample": "delete-one jackknife by sample, within the difficult and the easy of each class",
    "class": "delete-one jackknife by class: for other classes drawn like these",
}


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval; NaN where the data leave none.

    Attributes:
        estimate: the number itself.
        low, high: Student's t on both sides of it, no further than there are values.
        error: standard error.
        freedom: degrees of freedom: Satterthwaite's over strata, classes less one by class.
    """

    estimate: float
    low: float
    high: float
    error: float
    freedom: float

    @property
    def contains_zero(self) -> bool | None:
        """Whether 0 lies within; None without an interval."""
        return None if math.isnan(self.low) else self.low <= 0 <= self.high

    def to_dict(self) -> dict[str, Any]:
        """``estimate``, ``low``, ``high`` and the rest, as strict JSON can hold them."""
        names = ("estimate", "low", "high", "error", "freedom")
        return {name: plain(getattr(self, name)) for name in names}


@dataclass(frozen=True)
class ReadingIntervals:
    """Intervals under one reading of "difficult": β, γ, and ``gap`` = γ − β."""

    beta: Interval
    gamma: Interval
    gap: Interval

    def to_dict(self) -> dict[str, Any]:
        """By name, as strict JSON can hold them."""
        return {name: getattr(self, name).to_dict() for name in ("beta", "gamma", "gap")}


@dataclass(frozen=True)
class Intervals:
    """Confidence intervals of all similarities of one estimate.

    Attributes:
        by: "sample" or "class", what another draw would differ in.
        level: of each interval by itself.
        method: how they were made, in words.
        rows: samples whose influence was computed, of ``num_samples``.
        num_samples: N.
        alpha: of the mean over same-class pairs.
        readings: by reading, "both", "either" and, with partners, "matched".
        notes: what they leave out.
    """

    by: str
    level: float
    method: str
    rows: int
    num_samples: int
    alpha: Interval
    readings: Mapping[str, ReadingIntervals]
    notes: tuple[str, ...]

    def table(self) -> Table:
        """One row for each similarity."""
        named = [("α", "", self.alpha)]
        for pairing, reading in self.readings.items():
            named += [("β", pairing, reading.beta), ("γ", pairing, reading.gamma)]
            named.append(("γ − β", pairing, reading.gap))
        rows = [
            (symbol, pairing, each.estimate, each.low, each.high, each.error)
            for symbol, pairing, each in named
        ]
        columns = ("symbol", "reading", "estimate", "low", "high", "standard error")
        title = f"{100 * self.level:g} % intervals, by {self.by}"
        return Table(columns, rows, title, (self.method, *self.notes))

    def to_dict(self) -> dict[str, Any]:
        """Everything as strict JSON can hold it."""
        return {
            "by": self.by,
            "level": self.level,
            "method": self.method,
            "rows": self.rows,
            "num_samples": self.num_samples,
            "alpha": self.alpha.to_dict(),
            "readings": {name: each.to_dict() for name, each in self.readings.items()},
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        return self.table().to_text()

    def _repr_html_(self) -> str:
        return self.table().to_html()


def similarity_intervals(
    embeddings: Any,
    labels: Any,
    estimate: SimilarityEstimate,
    *,
    by: str = "sample",
    partners: Any = None,
    level: float = 0.95,
    seed: int = 0,
    sample: int = 20_000,
) -> Intervals:
    """Intervals for α, and for β, γ and γ − β of each reading.

    ``by="sample"``: for other samples of the same cells, a cell being the difficult or the easy
    samples of a class; one O(N d) pass. ``by="class"``: for other classes drawn like these, from
    the estimate's tables alone; wider wherever classes differ.

    Args:
        embeddings, labels: (N, d) and (N,), those of the estimate.
        estimate: what :func:`dctheory.estimate_similarities` made of them.
        by: "sample" or "class".
        partners: (N,) ids for the reading ``matched``, as given to the estimate. A matched group
            is left out as a whole, as its members need not be independent.
        level: in (0, 1).
        seed: of the rows that are sampled.
        sample: from larger data the spread within cells is taken from about so many random rows,
            at least 8 of each cell; the sums are always over all rows.

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: labels that are not the estimate's, fewer than three classes with
            ``by="class"``, and what :class:`dctheory.graph._unit_rows.UnitRows` refuses.
    """
    check_choice("by", by, UNITS)
    level = float(check_real("level", level, 0, 1, low_open=True))
    if level == 1:
        raise ValueError("level must be below 1, got 1: no interval is certain; try 0.95")
    seed, sample = check_integer("seed", seed, 0), check_integer("sample", sample, 100)
    codes = class_codes(labels, estimate)
    if by == "class" and len(estimate.classes) < _FEWEST_CLASSES:
        raise ValueError(
            f"intervals by class need at least {_FEWEST_CLASSES} classes, got "
            f"{len(estimate.classes)}; use by='sample'"
        )
    if by == "class":
        units = class_units(estimate)
    else:
        units = sample_units(embeddings, codes, estimate, sample, seed)
    spreads = {
        pairing: _reading_spreads(units, units.removals[pairing]) for pairing in (BOTH, EITHER)
    }
    if partners is not None:
        spreads[MATCHED] = _matched_spreads(
            units, matched_units(embeddings, codes, estimate, partners, by), by
        )
    readings = {
        pairing: _reading_intervals(estimate, pairing, found, level)
        for pairing, found in spreads.items()
    }
    spread = units.spread(units.influences(units.removals[SAME]))
    alpha = _interval(estimate.alpha, spread, level, 1.0)
    looked_at = len(units.strata) if by == "sample" else estimate.num_samples
    return Intervals(
        *(by, level, _METHODS[by], looked_at, estimate.num_samples),
        *(alpha, readings, tuple(_notes(estimate, readings, looked_at))),
    )


def _reading_spreads(units: Units, difficult: Removal) -> dict[str, Spread]:
    beta = units.influences(units.removals[CROSS] - difficult)
    gamma = units.influences(difficult)
    influences = {"beta": beta, "gamma": gamma, "gap": gamma - beta}
    return {name: units.spread(each) for name, each in influences.items()}


def _matched_spreads(units: Units, matched: Units, by: str) -> dict[str, Spread]:
    if by == "class":
        return _reading_spreads(units, matched.removals[MATCHED])
    # Matched pairs are at most one in n of the cross-class ones, and what both means share in
    # their errors is left out: as a rule it has one sign, so that the gap's interval is wide.
    gamma = matched.spread(matched.influences(matched.removals[MATCHED]))
    beta = units.spread(units.influences(units.removals[CROSS]))
    weight = sum(variance**2 / freedom for variance, freedom in (gamma, beta) if variance)
    variance = gamma[0] + beta[0]
    freedom = variance**2 / weight if weight else math.inf
    return {"beta": beta, "gamma": gamma, "gap": (variance, freedom)}


def _reading_intervals(
    estimate: SimilarityEstimate, pairing: str, spreads: dict[str, Spread], level: float
) -> ReadingIntervals:
    beta, gamma = estimate.beta(pairing), estimate.gamma(pairing)
    values = {"beta": beta, "gamma": gamma, "gap": gamma - beta}
    # Means of cosines, and a difference of two.
    limits = {"beta": 1.0, "gamma": 1.0, "gap": 2.0}
    return ReadingIntervals(
        **{
            name: _interval(values[name], spreads[name], level, limit)
            for name, limit in limits.items()
        }
    )


def _interval(estimate: float, spread: Spread, level: float, limit: float) -> Interval:
    """Of a number from −``limit`` to ``limit``."""
    from scipy.special import stdtrit

    variance, freedom = spread
    error = math.sqrt(variance)
    half = float(stdtrit(freedom, (1 + level) / 2)) * error if error else error
    low, high = np.clip([estimate - half, estimate + half], -limit, limit).tolist()
    return Interval(estimate, low, high, error, freedom)


def _notes(
    estimate: SimilarityEstimate, readings: Mapping[str, ReadingIntervals], looked_at: int
) -> list[str]:
    notes = [_GIVEN]
    if looked_at < estimate.num_samples:
        notes.append(
            f"the spread within cells is that of {looked_at} random rows of {estimate.num_samples}"
        )
    missing = [name for name, each in readings.items() if math.isnan(each.gamma.low)]
    if missing:
        notes.append(
            f"no interval for γ ({', '.join(missing)}): without one of its samples or classes no "
            "difficult pair would be left"
        )
    return notes
