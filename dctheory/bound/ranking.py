"""Does the bound rank the settings as the probe's error does, and how tight is it?"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dctheory.bound.probe import ProbeEstimate, ProbeResult, confidence_interval
from dctheory.bound.settings import WITHOUT

if TYPE_CHECKING:
    from dctheory._table import Table

# Bounds and errors closer than this (relative) are equal.
EQUAL = 1e-9

ALIKE, OPPOSITE = "alike", "opposite"
EQUAL_BOUNDS, EQUAL_ERRORS = "bounds not told apart", "errors not told apart"
_OUTCOMES = (ALIKE, OPPOSITE, EQUAL_BOUNDS, EQUAL_ERRORS)


def compare_ranking(result: ProbeResult, head: str = "least squares") -> Table:
    """Ranks of the settings by bound and by error, and what the pairs say, as a table.

    Rank 1 is the smallest; equal ones share the mean rank. The setting without difficult examples
    is shown but not ranked: it is no remedy. The notes count the pairs of settings that bound and
    error order alike or oppositely; two errors, or bounds, are told apart if the 95 % interval of
    their paired difference excludes 0. Raises ValueError for a head that ``result`` does not have.
    """
    from dctheory._table import Table

    found = [each for each in result.estimates if each.head == head]
    if not found:
        known = sorted({each.head for each in result.estimates})
        raise ValueError(f"no estimates for head {head!r}; the result has {', '.join(known)}")
    ranked = [each for each in found if each.setting != WITHOUT]
    by_bound = dict(zip(ranked, _ranks([each.bound for each in ranked]), strict=True))
    by_error = dict(zip(ranked, _ranks([each.error for each in ranked]), strict=True))
    rows = [
        (
            *(each.name, each.bound, each.error, *each.interval, tightness(each)),
            *(by_bound.get(each), by_error.get(each)),
        )
        for each in found
    ]
    columns = ("setting", "bound", "error", "95 % from", "to", "bound/error")
    return Table(
        (*columns, "rank by bound", "rank by error"),
        rows,
        f"Bound and error, k = {result.k}, ε = {result.epsilon:g}, {head}",
        notes=_notes(ranked),
    )


def tightness(estimate: ProbeEstimate) -> float:
    """Bound over error: 1 for a tight bound; inf where the error is 0."""
    return estimate.bound / estimate.error if estimate.error else math.inf


def compare_pair(first: ProbeEstimate, second: ProbeEstimate) -> str:
    """How bound and error order two estimates with the same samples: one of four outcomes."""
    by_error = _order(first.errors, second.errors)
    by_bound = _order(first.bounds, second.bounds)
    if by_error == 0:
        return EQUAL_ERRORS
    if by_bound == 0:
        return EQUAL_BOUNDS
    return ALIKE if by_bound == by_error else OPPOSITE


def _order(first: NDArray[np.float64], second: NDArray[np.float64]) -> int:
    """−1 or 1 if the first is smaller or larger by a paired 95 % interval, else 0."""
    if np.allclose(first, second, rtol=EQUAL, atol=0):
        return 0
    # An exact value is one number beside another setting's samples.
    with np.errstate(invalid="ignore"):
        differences = np.atleast_1d(first - second)
    if not np.isfinite(differences).all():
        # Infinite bounds have no interval: they must agree in every sample.
        signs = set(np.sign(differences).tolist())
        return int(signs.pop()) if signs in ({1.0}, {-1.0}) else 0
    low, high = confidence_interval(differences)
    return (low > 0) - (high < 0)


def _ranks(values: Sequence[float]) -> list[float]:
    """Mean rank of each value among all, from 1."""
    ranks = []
    for value in values:
        equal = [math.isclose(value, other, rel_tol=EQUAL, abs_tol=1e-12) for other in values]
        below = sum(other < value and not same for other, same in zip(values, equal, strict=True))
        ranks.append(below + (sum(equal) + 1) / 2)
    return ranks


def _notes(ranked: Sequence[ProbeEstimate]) -> list[str]:
    if all(each.error == 0 for each in ranked):
        return ["every error is 0: the bound ranks settings that do not differ"]
    outcomes = Counter(compare_pair(*pair) for pair in combinations(ranked, 2))
    counts = ", ".join(f"{outcomes[name]} {name}" for name in _OUTCOMES)
    notes = [f"of {outcomes.total()} pairs: {counts}"]
    vacuous = sum(each.bound >= 1 for each in ranked)
    return [*notes, f"vacuous (≥ 1): {vacuous} of {len(ranked)} bounds"]
