"""What the dial of noise shows: trained tables beside exact minimisers and the law of noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from dctheory._table import Table
from dctheory.experiment._base import Analysis
from dctheory.experiment._effects import (
    LARGER,
    SAME,
    compare_effect,
    describe,
    errors_of,
    signed,
)
from dctheory.experiment._noise import CLEAN, MARGIN, NOISY, TEMPERATURE, NoisyPoint
from dctheory.experiment.result import Comparison, compare
from dctheory.experiment.statistics import MeanInterval, mean_interval, paired_difference
from dctheory.graph.noise import NoisePrediction

# What is compared: a name, an arm and the arm that it is set against.
_EFFECTS = (
    ("harm", NOISY, CLEAN),
    ("margin", MARGIN, NOISY),
    ("temperature", TEMPERATURE, NOISY),
)


@dataclass(frozen=True, eq=False)
class NoiseResult:
    """A point of the dial of noise with what was trained there.

    Attributes:
        point: what was trained.
        smallest: the smallest difference of errors that counts.
        runs: the records of :func:`dctheory.experiment._noise.train_noisy`.
    """

    point: NoisyPoint
    smallest: float
    runs: Sequence[Mapping[str, Any]]

    @property
    def label(self) -> str:
        """The point in words."""
        return f"ε = {self.point.epsilon:g}, m = {self.point.images}"

    @property
    def effects(self) -> list[tuple[str, str, str]]:
        """Those whose arms are trained here."""
        return [each for each in _EFFECTS if each[1] in self.point.arms]

    def effect(self, ours: str, baseline: str, kind: str = "error") -> MeanInterval:
        """Of one arm on another, of trained tables ("error") or exact minimisers ("exact")."""
        return paired_difference(*(errors_of(self.runs, arm, kind) for arm in (ours, baseline)))

    @cached_property
    def predictions(self) -> dict[str, NoisePrediction]:
        """What the law of noise says, at the noise of ε and of the sample together."""
        level = self.point.total_noise
        return {arm: self.point.graph(arm).noise_prediction(level) for arm in (CLEAN, NOISY)}

    def classes_seen(self, arm: str) -> bool:
        """Whether the classes stand outside of the bulk."""
        return self.predictions[arm].classes_detectable

    def threshold(self, arm: str) -> float:
        """Noise from which on they do not."""
        modes = self.predictions[arm].normalized.outliers
        return next(mode.threshold for mode in modes if mode.name == "class")

    @property
    def expected_harm(self) -> str | None:
        """By the law: none where noise hides the classes in any case, some where it does so with
        difficult examples only; nothing is said where they are seen in both."""
        seen = self.classes_seen(CLEAN), self.classes_seen(NOISY)
        return {(False, False): SAME, (True, False): LARGER}.get(seen)

    def compare(self) -> list[Comparison]:
        """Trained effects beside those of exact minimisers, and harm beside the law."""
        comparisons = [self._compare_exact(*each) for each in self.effects]
        if self.expected_harm is not None:
            comparisons.append(
                compare_effect(
                    f"{self.label}: harm, by what noise hides",
                    self.expected_harm,
                    self.effect(NOISY, CLEAN),
                    self.smallest,
                    f"classes are lost in noise from {self.threshold(CLEAN):.3f} without, "
                    f"{self.threshold(NOISY):.3f} with difficult examples; here "
                    f"{self.point.total_noise:.3f}",
                )
            )
        return comparisons

    def _compare_exact(self, name: str, ours: str, baseline: str) -> Comparison:
        trained, exact = (self.effect(ours, baseline, kind) for kind in ("error", "exact"))
        gaps = [
            errors_of(self.runs, arm) - errors_of(self.runs, arm, "exact")
            for arm in (ours, baseline)
        ]
        found = paired_difference(*gaps)
        half = 0.0 if found.interval is None else float(np.ptp(found.interval)) / 2
        missing = float("nan")
        return compare(
            f"{self.label}: {name} of trained tables as of exact minimisers",
            missing if exact.value is None else exact.value,
            missing if trained.value is None else trained.value,
            max(self.smallest, half),
            "smallest difference that counts, or half the 95 % interval of the paired gap",
            note=f"error {ours} less {baseline}",
            interval=trained.interval,
        )

    def rows(self) -> list[dict[str, Any]]:
        """A row for each arm."""
        return [self._row(arm) for arm in self.point.arms]

    def _row(self, arm: str) -> dict[str, Any]:
        runs = [run for run in self.runs if run["arm"] == arm]
        error, exact = (mean_interval(errors_of(runs, arm, kind)) for kind in ("error", "exact"))
        low, high = error.interval or (None, None)
        graph = CLEAN if arm == CLEAN else NOISY
        return {
            **{"ε": self.point.epsilon, "m": self.point.images, "noise": self.point.total_noise},
            **{"arm": arm, "error": error.value, "95 % from": low, "to": high},
            **{"exact error": exact.value, "excess": _mean(runs, "excess")},
            **{"classes seen": self.classes_seen(graph) if arm in (CLEAN, NOISY) else None},
            **{name: _mean(runs, name) for name in ("δ", "λ_(k+1)", "bound")},
            "bound status": runs[0]["bound status"] if runs else None,
        }

    def warnings(self) -> list[str]:
        """Runs that diverged, and errors above the bound of the run's own sample."""
        diverged = sum(run["error"] is None for run in self.runs)
        found = [f"{self.label}: {diverged} runs diverged"] if diverged else []
        above = [run for run in self.runs if run["error"] is not None and run["bound"] is not None]
        return found + [
            f"{self.label}, {run['arm']}, seed {run['seed']}: the error {run['error']:.4g} exceeds "
            f"the bound {run['bound']:.4g} ({run['bound status']})"
            for run in above
            if run["error"] > run["bound"]
        ]


def _mean(runs: Sequence[Mapping[str, Any]], name: str) -> float | None:
    return mean_interval([run[name] for run in runs]).value


_NOTES = (
    "noise: of ε and of the sample together; error: of the logistic probe, fitted to half of the "
    "nodes of each kind and class and tested on the others",
    "exact error: of the exact minimiser on the same sample; excess: of the trained loss over the "
    "minimum; δ, λ and bound: of the sample, after the remedy",
)


def analyse_noise(found: Sequence[NoiseResult]) -> Analysis:
    """Comparisons, the table, findings and warnings of all points."""
    rows = [row for each in found for row in each.rows()]
    tables = {"noise": Table(list(rows[0]), rows, "Errors under noise", _NOTES)} if rows else {}
    return Analysis(
        comparisons=[comparison for each in found for comparison in each.compare()],
        tables=tables,
        findings=_findings(found),
        warnings=[warning for each in found for warning in each.warnings()],
    )


def _findings(found: Sequence[NoiseResult]) -> list[str]:
    if not found:
        return []
    harms = {each.label: each.effect(NOISY, CLEAN) for each in found}
    words = "; ".join(f"{label}: {signed(harm)}" for label, harm in harms.items())
    known = {label: harm.value for label, harm in harms.items() if harm.value is not None}
    largest = max(known, key=lambda label: known[label], default="none")
    first = found[0]
    findings = [
        f"On the graph difficult examples change the error by {words}. The change is largest at "
        f"{largest}; by the law of noise the classes are lost from a noise of "
        f"{first.threshold(CLEAN):.3f} without and {first.threshold(NOISY):.3f} with difficult "
        "examples."
    ]
    for name, ours, baseline in _EFFECTS[1:]:
        shares = [_share(each, ours, baseline) for each in found if ours in each.point.arms]
        kept = [f"{label}: {share:.0%}" for label, share in filter(None, shares)]
        if kept:
            findings.append(
                f"Of that harm, where it is certain, {name} (all pairs, as in the theorem) takes "
                f"away {', '.join(kept)}."
            )
    hidden = [each for each in found if each.expected_harm == SAME]
    if hidden:
        left = [each.label for each in hidden if describe(_harm(each), each.smallest) == LARGER]
        findings.append(
            f"Noise should hide the effect at {', '.join(each.label for each in hidden)}; it is "
            + (f"still there at {', '.join(left)}." if left else "not seen there.")
        )
    return findings


def _harm(found: NoiseResult) -> MeanInterval:
    return found.effect(NOISY, CLEAN)


def _share(found: NoiseResult, ours: str, baseline: str) -> tuple[str, float] | None:
    """How much of the harm a remedy takes away; None where there is no certain harm."""
    harm, gain = _harm(found), found.effect(ours, baseline)
    if describe(harm, found.smallest) != LARGER or gain.value is None or not harm.value:
        return None
    return found.label, -gain.value / harm.value
