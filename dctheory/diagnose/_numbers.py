"""α, β and γ of a diagnosis with the ends of their intervals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from dctheory._table import plain

if TYPE_CHECKING:
    from dctheory.diagnose.diagnosis import Diagnosis

Number = dict[str, Any]


def alpha_of(diagnosis: Diagnosis) -> Number:
    """``estimate``, ``low`` and ``high`` of α; None what there is not."""
    intervals = diagnosis.intervals_
    return _number(diagnosis.alpha_, None if intervals is None else intervals.alpha)


def reading_of(diagnosis: Diagnosis, name: str) -> dict[str, Number]:
    """The same of β and γ under one reading."""
    reading = diagnosis.readings_.get(name)
    found = None if diagnosis.intervals_ is None else diagnosis.intervals_.readings.get(name)
    beta, gamma = (math.nan,) * 2 if reading is None else (reading.beta.mean, reading.gamma.mean)
    return {
        "beta": _number(beta, None if found is None else found.beta),
        "gamma": _number(gamma, None if found is None else found.gamma),
    }


def _number(estimate: float, interval: Any) -> Number:
    if interval is None:
        return {"estimate": plain(estimate), "low": None, "high": None}
    # After partial fits the estimate is over more rows than the interval's own.
    shift = estimate - interval.estimate
    return plain({"estimate": estimate, "low": interval.low + shift, "high": interval.high + shift})
