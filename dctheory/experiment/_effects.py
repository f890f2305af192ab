"""Differences of errors in words, and orders of arms by bound and by error."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dctheory.bound.probe import ProbeEstimate
from dctheory.bound.ranking import ALIKE, EQUAL, EQUAL_BOUNDS, EQUAL_ERRORS, OPPOSITE, compare_pair
from dctheory.experiment.result import Comparison
from dctheory.experiment.statistics import (
    MeanInterval,
    paired_difference,
    rank_agreement,
    seeds_needed,
)

Array = NDArray[np.float64]

LARGER, SMALLER, SAME, UNDECIDED = "larger", "smaller", "the same", "undecided"
OUTCOMES = (ALIKE, OPPOSITE, EQUAL_BOUNDS, EQUAL_ERRORS)


def describe(difference: MeanInterval, smallest: float) -> str:
    """A mean difference by its 95 % interval: larger or smaller than 0 where the interval excludes
    it, the same where it lies within ± ``smallest``, else undecided."""
    if difference.interval is None:
        return UNDECIDED
    low, high = difference.interval
    if low > 0:
        return LARGER
    if high < 0:
        return SMALLER
    return SAME if -smallest <= low and high <= smallest else UNDECIDED


def predicted_word(first: float, second: float) -> str:
    """How one bound lies to another."""
    if math.isclose(first, second, rel_tol=EQUAL):
        return SAME
    return LARGER if first > second else SMALLER


def signed(difference: MeanInterval) -> str:
    """A mean difference with its interval, for sentences."""
    if difference.value is None:
        return "none measured"
    if difference.interval is None:
        return f"{difference.value:+.3f}"
    low, high = difference.interval
    return f"{difference.value:+.3f} [{low:+.3f}, {high:+.3f}]"


def compare_effect(
    name: str,
    prediction: str,
    difference: MeanInterval,
    smallest: float,
    note: str = "",
    tolerance_source: str = "smallest difference that counts",
) -> Comparison:
    """Whether a paired difference is, in words, as predicted; undecided where seeds are too few."""
    measured = describe(difference, smallest)
    needed = _seeds_to_decide(difference) if measured == UNDECIDED else ""
    return Comparison(
        name,
        prediction,
        measured,
        smallest,
        tolerance_source,
        None if measured == UNDECIDED else measured == prediction,
        "; ".join(filter(None, (f"difference {signed(difference)}", needed, note))),
        difference.interval,
    )


def _seeds_to_decide(difference: MeanInterval) -> str:
    """How many would tell such a difference from 0."""
    if not (difference.value and difference.deviation):
        return ""
    seeds = seeds_needed(abs(difference.value), difference.deviation)
    return "too small to decide" if seeds is None else f"{seeds} seeds would tell it from 0"


# --- Orders


@dataclass(frozen=True, eq=False)
class Ranked:
    """An arm by its errors and by what predicts their order.

    Attributes:
        arm: its name.
        predicted: (s,) bounds, or errors under another loss, for each seed.
        errors: (s,) for each seed; NaN for runs that diverged.
    """

    arm: str
    predicted: Array
    errors: Array


def compare_order(name: str, arms: Sequence[Ranked]) -> Comparison:
    """Whether errors order the arms as predicted, where both tell two arms apart."""
    counts = Counter(outcome(*pair) for pair in combinations(arms, 2))
    decided = counts[ALIKE] + counts[OPPOSITE]
    predicted = {each.arm: _mean(each.predicted) for each in arms}
    errors = {each.arm: _mean(each.errors) for each in arms}
    agreement = rank_agreement(list(predicted.values()), list(errors.values()))
    kendall = "none" if agreement.kendall is None else f"{agreement.kendall:.2f}"
    numbers = ", ".join(f"{counts[each]} {each}" for each in OUTCOMES)
    return Comparison(
        name,
        order(predicted),
        order(errors),
        None,
        "paired 95 % intervals; pairs that are not told apart are left out",
        counts[OPPOSITE] == 0 if decided else None,
        f"pairs: {numbers}; Kendall's τ of the means {kendall}",
    )


def outcome(first: Ranked, second: Ranked) -> str:
    """How prediction and error order two arms: one of :data:`OUTCOMES`, by paired seeds."""
    kept = np.all(
        [np.isfinite(each.errors) & ~np.isnan(each.predicted) for each in (first, second)], axis=0
    )
    if kept.sum() < 2:
        return EQUAL_ERRORS
    return compare_pair(_estimate(first, kept), _estimate(second, kept))


def _estimate(arm: Ranked, kept: NDArray[np.bool_]) -> ProbeEstimate:
    errors, bounds = arm.errors[kept], arm.predicted[kept]
    return ProbeEstimate(arm.arm, "all", "logistic", errors, bounds, math.nan, math.nan, "trained")


def _mean(values: Array) -> float:
    """Of what is no NaN."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else math.nan


def order(values: Mapping[str, float]) -> str:
    """Names in ascending order of their values, as "a = b < c"."""
    names = sorted(values, key=lambda name: (math.isnan(values[name]), values[name]))
    parts = names[:1]
    for before, name in pairwise(names):
        equal = math.isclose(values[before], values[name], rel_tol=EQUAL)
        parts.append(f"{'=' if equal else '<'} {name}")
    return " ".join(parts)


def compare_trend(name: str, bounds: Sequence[float], errors: Sequence[float]) -> Comparison:
    """Whether errors rise along a dial as bounds do, but for one exchange of neighbours."""
    agreement = rank_agreement(bounds, errors)
    tolerance = 4 / (len(bounds) * (len(bounds) - 1))
    measured, agrees = agreement.kendall, None
    if measured is not None:
        agrees = measured >= 1 - tolerance - 1e-9
    shown = ", ".join(f"{b:.3g}: {e:.3g}" for b, e in zip(bounds, errors, strict=True))
    return Comparison(
        name,
        1.0,
        measured,
        tolerance,
        "Kendall's τ less one exchange of neighbours",
        agrees,
        f"bound: error {shown}",
    )


# --- Arms of a point


def errors_of(runs: Sequence[Mapping[str, Any]], arm: str, kind: str = "error") -> Array:
    """(s,) errors of an arm, in the order of the seeds; NaN for runs that diverged."""
    found = [run.get(kind) for run in runs if run["arm"] == arm]
    return np.array([math.nan if value is None else value for value in found], dtype=float)


def difference(
    runs: Sequence[Mapping[str, Any]], ours: str, baseline: str, kind: str = "error"
) -> MeanInterval:
    """Mean of one arm's error less another's over paired seeds."""
    return paired_difference(errors_of(runs, ours, kind), errors_of(runs, baseline, kind))
