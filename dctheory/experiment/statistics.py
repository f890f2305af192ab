"""Paired differences over seeds, verdicts on empirical claims, and agreement of rankings.

A claim "A improves on B" is judged by the 95 % interval (Student's t) of the mean difference
A − B over paired seeds; larger is better, so an error is given with its sign changed or with its
places swapped. Each verdict stands alone: nothing is corrected for the number of claims.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dctheory._validation import check_integer, check_real
from dctheory.experiment.result import (
    INCONCLUSIVE,
    NOT_REPRODUCED,
    REPRODUCED,
    EmpiricalVerdict,
    Interval,
)

Array = NDArray[np.float64]
# One number for each seed; None, as JSON has it, where a run gave none.
Values = Sequence[float | None] | Array

POWER = 0.8
# More seeds than this nobody trains: the number that would decide is then not named.
_MOST_SEEDS = 10_000
# Up to so many members all orders are tried (7! = 5040), beyond it random ones.
_ALL_ORDERS = 7


@dataclass(frozen=True)
class MeanInterval:
    """A mean over seeds with its 95 % interval.

    Attributes:
        value: the mean, None without a finite member.
        interval: Student's t; None with fewer than two finite members.
        deviation: standard deviation (n − 1), None with fewer than two.
        count: members that it rests on.
        dropped: members left out because they were not finite, e.g. of runs that diverged.
    """

    value: float | None
    interval: Interval | None
    deviation: float | None
    count: int
    dropped: int


def mean_interval(values: Values) -> MeanInterval:
    """Mean of one number for each seed; None, NaN and infinities are dropped and counted.

    Raises ValueError unless ``values`` is one-dimensional, TypeError for what is no number.
    """
    (kept,), dropped = _finite(values=values)
    if len(kept) == 0:
        return MeanInterval(None, None, None, 0, dropped)
    if len(kept) == 1:
        return MeanInterval(float(kept[0]), None, None, 1, dropped)
    if np.ptp(kept) == 0:
        value = float(kept[0])
        return MeanInterval(value, (value, value), 0.0, len(kept), dropped)
    from dctheory.bound.probe import confidence_interval

    value, deviation = float(kept.mean()), float(kept.std(ddof=1))
    return MeanInterval(value, confidence_interval(kept), deviation, len(kept), dropped)


def paired_difference(ours: Values, baseline: Values) -> MeanInterval:
    """Mean of ours − baseline over seeds; a pair with a member that is not finite is dropped.

    Raises ValueError unless both are one-dimensional and of the same length.
    """
    (first, second), dropped = _finite(ours=ours, baseline=baseline)
    return replace(mean_interval(first - second), dropped=dropped)


def paired_verdict(
    claim: str,
    ours: Values,
    baseline: Values,
    *,
    margin: float = 0.0,
    published: float | None = None,
    note: str = "",
) -> EmpiricalVerdict:
    """Whether ours exceeds the baseline by more than ``margin``, as the claim says.

    REPRODUCED: the whole 95 % interval of the mean paired difference lies above the margin.
    NOT REPRODUCED: it reaches above the margin nowhere; or it holds the margin and ends below
    half of the way from there to the published difference, so that what may be left of the effect
    is not the published one. INCONCLUSIVE: otherwise, and with fewer than two pairs;
    ``seeds_needed`` is then the smallest number of pairs at which such an interval would decide
    with probability 0.8, were the observed mean and deviation the true ones.

    Args:
        claim: the claim in words.
        ours, baseline: (s,) one number for each seed, larger is better, paired by position.
        margin: the smallest difference that counts.
        published: the difference that the paper reports, in the same unit, above the margin.
        note: what else bears on it.

    Raises:
        ValueError: shapes that differ, or ``published`` not above ``margin``.
    """
    check_real("margin", margin)
    if published is not None and not check_real("published", published) > margin:
        raise ValueError(
            f"published must be above the margin {margin}, got {published}; swap ours and "
            "baseline, or leave it out"
        )
    found = paired_difference(ours, baseline)
    half = None if published is None else (margin + published) / 2
    verdict = _verdict(found.interval, margin, half)
    needed = None if verdict != INCONCLUSIVE else _seeds_to_decide(found, margin, half)
    notes = [note, *_remarks(found, verdict, needed, published)]
    return EmpiricalVerdict(
        *(claim, verdict, found.value, found.interval, found.count, needed, published),
        note="; ".join(each for each in notes if each),
    )


def _verdict(interval: Interval | None, margin: float, half: float | None) -> str:
    if interval is None:
        return INCONCLUSIVE
    low, high = interval
    if low > margin:
        return REPRODUCED
    if high <= margin or (half is not None and high < half):
        return NOT_REPRODUCED
    return INCONCLUSIVE


def _remarks(
    found: MeanInterval, verdict: str, needed: int | None, published: float | None
) -> list[str]:
    remarks = []
    if found.dropped:
        total = found.count + found.dropped
        remarks.append(f"{found.dropped} of {total} pairs dropped: a member is not finite")
    if found.interval is None:
        remarks.append("fewer than two pairs have no interval")
    elif found.deviation == 0:
        remarks.append("all differences are equal")
    elif verdict == INCONCLUSIVE and needed is None:
        remarks.append(f"{_MOST_SEEDS} seeds would not decide an effect so small")
    if found.interval is not None and published is not None:
        if found.interval[1] < published and verdict == REPRODUCED:
            remarks.append("smaller than published")
        if found.interval[0] > published:
            remarks.append("larger than published")
    return remarks


def _seeds_to_decide(found: MeanInterval, margin: float, half: float | None) -> int | None:
    if found.value is None or not found.deviation:
        return None
    effects = [abs(found.value - margin)]
    if half is not None:
        effects.append(half - found.value)
    return seeds_needed(max(effects), found.deviation)


def seeds_needed(effect: float, deviation: float, power: float = POWER) -> int | None:
    """Smallest number of pairs at which a 95 % interval excludes 0 on the effect's side.

    Paired t test, two-sided at 5 %, exact power from the noncentral t distribution; None where
    more than 10,000 pairs would be needed. Raises ValueError for a negative effect, a deviation
    that is not positive or a power outside (0, 1).
    """
    from scipy.special import nctdtr, stdtrit

    check_real("effect", effect, 0)
    check_real("deviation", deviation, 0, low_open=True)
    check_real("power", power, 0, 1, low_open=True)

    def reached(pairs: int) -> bool:
        shift = effect / deviation * math.sqrt(pairs)
        missed = nctdtr(pairs - 1, shift, stdtrit(pairs - 1, 0.975))
        # NaN stands far in the tail, where the missed share is 0 to float64's precision.
        return bool(math.isnan(missed) or 1 - missed >= power)

    # The power grows with the number of pairs.
    found = bisect.bisect_left(range(2, _MOST_SEEDS + 1), True, key=reached) + 2
    return found if found <= _MOST_SEEDS else None


# --- Rankings


@dataclass(frozen=True)
class RankAgreement:
    """Whether two rankings agree.

    Attributes:
        spearman: rank correlation ρ, mean ranks for ties; None where one side is constant.
        kendall: τ_b; None likewise.
        p_value: share of the orders that agree as well by chance (one-sided, by Spearman's ρ).
        count, dropped: members that it rests on, and those left out since they are not finite.
    """

    spearman: float | None
    kendall: float | None
    p_value: float | None
    count: int
    dropped: int


def rank_agreement(
    predicted: Values,
    measured: Values,
    *,
    permutations: int = 9999,
    seed: int = 0,
) -> RankAgreement:
    """Rank correlation of a predicted and a measured quantity, with a permutation p-value.

    Up to 7 members all orders are tried, else ``permutations`` random ones, the observed one
    counted among them. Raises ValueError unless both are one-dimensional and of the same length.
    """
    check_integer("permutations", permutations, 1)
    (first, second), dropped = _finite(predicted=predicted, measured=measured)
    ranks = _ranks(first), _ranks(second)
    count = len(first)
    if count == 0 or any(np.ptp(each) == 0 for each in ranks):
        return RankAgreement(None, None, None, count, dropped)
    centred = [each - each.mean() for each in ranks]
    scale = math.sqrt(float(np.prod([each @ each for each in centred])))
    observed = float(centred[0] @ centred[1])
    signs = [np.sign(each[:, None] - each) for each in ranks]
    pairs = math.sqrt(float(np.prod([np.sum(each**2) for each in signs])))
    return RankAgreement(
        observed / scale,
        float(np.sum(signs[0] * signs[1])) / pairs,
        _p_value(centred[0], centred[1], observed, permutations, seed),
        *(count, dropped),
    )


def _p_value(first: Array, second: Array, observed: float, permutations: int, seed: int) -> float:
    if len(first) <= _ALL_ORDERS:
        orders = np.array(list(itertools.permutations(second)))
        extra = 0
    else:
        rng = np.random.default_rng(seed)
        orders = rng.permuted(np.broadcast_to(second, (permutations, len(second))), axis=1)
        extra = 1
    # Products of ranks are multiples of 1/4 (of 1/n² centred): rounding must not tell ties apart.
    reached = int(np.sum(orders @ first >= observed - 1e-9))
    return (reached + extra) / (len(orders) + extra)


def _ranks(values: Array) -> Array:
    """Ranks from 1, mean ranks for ties."""
    below = np.sum(values[:, None] > values, axis=1)
    equal = np.sum(values[:, None] == values, axis=1)
    ranks: Array = below + (equal + 1) / 2
    return ranks


def _finite(**named: Any) -> tuple[list[Array], int]:
    """The members that are finite in all arrays, and how many are not."""
    arrays = {name: np.asarray(values, dtype=float) for name, values in named.items()}
    for name, array in arrays.items():
        if array.ndim != 1:
            raise ValueError(f"{name} must be one number for each seed, got shape {array.shape}")
    if len({len(array) for array in arrays.values()}) > 1:
        lengths = ", ".join(f"{name} has {len(array)}" for name, array in arrays.items())
        raise ValueError(f"pairs need as many members on each side; {lengths}")
    kept = np.all([np.isfinite(array) for array in arrays.values()], axis=0)
    return [array[kept] for array in arrays.values()], int(np.sum(~kept))
