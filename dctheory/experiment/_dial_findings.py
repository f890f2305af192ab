"""What the dial of difficulty shows on the continuous family, in sentences with its numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

from dctheory.bound.ranking import ALIKE, OPPOSITE
from dctheory.experiment._arm_tables import PointResult
from dctheory.experiment._arms import METHODS, ORACLE, WITH, WITHOUT
from dctheory.experiment._effects import (
    LARGER,
    SMALLER,
    describe,
    errors_of,
    outcome,
    predicted_word,
    signed,
)
from dctheory.experiment.statistics import mean_interval, paired_difference


def findings(found: Sequence[PointResult]) -> list[str]:
    """Harm, each remedy, what it gains where nothing is difficult, and orders."""
    return [
        *_harm(found),
        *(_remedy(found, arm) for arm in (ORACLE, *METHODS)),
        *_controls(found),
        *_orders(found),
    ]


def _harm(found: Sequence[PointResult]) -> list[str]:
    """Where the same easy test points are classified worse."""
    harmed = [each for each in found if each.point.distance]
    effects = [each.difference(WITH, WITHOUT, "easy") for each in harmed]
    if not harmed:
        return []
    words = Counter(
        describe(effect, each.settings.smallest)
        for each, effect in zip(harmed, effects, strict=True)
    )
    shown = "; ".join(
        f"{each.label()}: {signed(effect)}" for each, effect in zip(harmed, effects, strict=True)
    )
    counts = ", ".join(f"{number} {word}" for word, number in words.items())
    vacuous = [each for each in found if each.bound(WITH) >= 1]
    return [
        f"With difficult examples in training, the error on the easy test points changes by "
        f"{shown} ({counts}).",
        f"The bound of the data's graph is vacuous at {len(vacuous)} of {len(found)} points.",
    ]


def _remedy(found: Sequence[PointResult], arm: str) -> str:
    """How often an arm is better than nothing, by error and by bound."""
    harmed = [each for each in found if each.point.distance]
    effects = [each.difference(arm, WITH) for each in harmed]
    words = Counter(
        describe(effect, each.settings.smallest)
        for each, effect in zip(harmed, effects, strict=True)
    )
    predicted = Counter(
        predicted_word(each.bound(arm), each.bound(WITH))
        for each in harmed
        if each.bounds[arm].bound is not None
    )
    bounded = (
        f"its bound is smaller at {predicted[SMALLER]}, larger at {predicted[LARGER]}"
        if predicted
        else "no theorem bounds it"
    )
    values = [effect.value for effect in effects if effect.value is not None]
    ends = f", by {min(values):+.3f} to {max(values):+.3f}" if values else ""
    return (
        f"{arm[0].upper()}{arm[1:]} makes the error smaller at {words[SMALLER]}, larger at "
        f"{words[LARGER]} of {len(harmed)} points with difficult examples{ends}; {bounded}."
    )


def _controls(found: Sequence[PointResult]) -> list[str]:
    """Whether a method gains more where there are difficult examples than where there are none."""
    findings = []
    for plain in (each for each in found if not each.point.distance):
        others = [
            each
            for each in found
            if each.point.distance
            and (each.point.k, each.point.difficult) == (plain.point.k, plain.point.difficult)
        ]
        if not others:
            continue
        most = max(others, key=lambda each: each.gap)
        parts = []
        for arm in METHODS:
            gains = [
                errors_of(each.runs, arm, "easy") - errors_of(each.runs, WITH, "easy")
                for each in (most, plain)
            ]
            parts.append(
                f"{arm} {signed(mean_interval(gains[1]))} without, "
                f"{signed(mean_interval(gains[0]))} with them (difference "
                f"{signed(paired_difference(*gains))})"
            )
        findings.append(
            f"k = {plain.point.k}, error of the easy points less that of no remedy, where nothing "
            f"is difficult and at γ − β = {most.gap:.3f}: {'; '.join(parts)}."
        )
    return findings


def _orders(found: Sequence[PointResult]) -> list[str]:
    """How often bound and error order two remedies alike."""
    counts: Counter[str] = Counter()
    for each in found:
        counts.update(outcome(*pair) for pair in combinations(each.ranked(), 2))
    decided = counts[ALIKE] + counts[OPPOSITE]
    if not decided:
        return ["No pair of remedies is told apart by both bound and error."]
    return [
        f"Of {counts.total()} pairs of arms at the same point, bound and error both tell {decided} "
        f"apart, and order {counts[ALIKE]} of them alike, {counts[OPPOSITE]} oppositely."
    ]
