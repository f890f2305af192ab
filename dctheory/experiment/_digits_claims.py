"""What the runs on the digits say about the paper's claims: comparisons, verdicts, sentences."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from dctheory.experiment._digits_runs import CLASSES, PIXELS, UNTRAINED
from dctheory.experiment._digits_tables import (
    ON_ALL,
    OTHERS,
    REMEDIES,
    TABLE_10,
    DigitsRuns,
    methods_of,
    mixed_name,
)
from dctheory.experiment._effects import Ranked, compare_order, signed
from dctheory.experiment.cifar.methods import BASELINE
from dctheory.experiment.cifar.published import (
    ACCURACY,
    MIXED,
    published_accuracy,
    published_difference,
)
from dctheory.experiment.result import (
    AT_MOST,
    INCONCLUSIVE,
    NOT_REPRODUCED,
    REPRODUCED,
    Comparison,
    EmpiricalVerdict,
    compare,
)
from dctheory.experiment.statistics import (
    MeanInterval,
    Values,
    mean_interval,
    paired_difference,
    paired_verdict,
)

_CIFAR = "cifar10"
# Points within which two methods match: half of what temperature scaling gains in Table 3.
MATCH = (ACCURACY[_CIFAR]["temperature"] - ACCURACY[_CIFAR][BASELINE]) / 2
# A printed eigenvalue is compared with an exact one, both computed in float64.
_ROUNDING = 1e-9
# Accuracies of a record, and what the probe was fitted to.
PROBES = {"accuracy": "probe on clean images", "own": "probe on the images trained on"}
# Whether the rows of Table 10 rise with ω there.
_RISES = {"α": False, "β": True, "γ": True, "γ − β": True, "λ": True}


# --- Theory


def comparisons_of(runs: DigitsRuns) -> list[Comparison]:
    """Theorem 3.4's eigenvalue beside the exact one, and errors beside bounds."""
    ratios = (0.0, *runs.settings.ratios)
    comparisons = []
    for ratio in ratios:
        comparisons.append(_about_eigenvalue(runs, ratio))
    orders = {
        "shares of mixed images": [mixed_name(ratio) for ratio in ratios],
        "methods": [method.name for method in methods_of(runs.settings)],
    }
    for name, arms in orders.items():
        ranked = [_ranked(runs, arm) for arm in arms]
        comparisons.append(compare_order(f"order of the {name} by bound and by error", ranked))
    return comparisons


def _about_eigenvalue(runs: DigitsRuns, ratio: float) -> Comparison:
    arm = mixed_name(ratio)
    printed = runs.column(arm, "classes", "printed λ")
    exact = runs.column(arm, "classes", "λ_(k+1)")
    pairs = [pair for pair in zip(exact, printed, strict=True) if None not in pair]
    above = sum(float(e or 0) > float(p or 0) + _ROUNDING for e, p in pairs)
    return compare(
        f"ω = {100 * ratio:g} %: λ_{CLASSES + 1} is at most Theorem 3.4's",
        *(_mean(printed), _mean(exact), _ROUNDING, "float64's rounding"),
        relation=AT_MOST,
        interval=mean_interval(exact).interval,
        note=(
            f"of the graph with the features' α, β, γ, under the reading 'both'; above it in "
            f"{above} of {len(pairs)} runs"
        ),
    )


def _ranked(runs: DigitsRuns, arm: str) -> Ranked:
    bounds = np.array(runs.column(arm, "bound", "bound"), dtype=float)
    return Ranked(arm, bounds, 1 - np.array(runs.values(arm, factor=1.0), dtype=float))


def _mean(values: Values) -> float:
    found = mean_interval(values).value
    return math.nan if found is None else found


# --- The paper's claims


def verdicts_of(runs: DigitsRuns) -> list[EmpiricalVerdict]:
    """One for each claim, by the sign of paired differences in points."""
    verdicts = []
    for ratio in runs.settings.ratios:
        verdicts += _about_mixing(runs, ratio)
    for name in _present(runs, REMEDIES):
        gain = published_difference(_CIFAR, name, BASELINE)
        claim = f"{name} on selected pairs is above the baseline"
        verdicts.append(_above(runs, claim, (name, BASELINE), gain))
    for name in _present(runs, ON_ALL):
        if f"{name}-all" in runs.records:
            verdicts += _about_all_pairs(runs, name)
    return [*verdicts, *_trends(runs)]


def _present(runs: DigitsRuns, names: Sequence[str]) -> list[str]:
    return [name for name in names if name in runs.records]


def _above(
    runs: DigitsRuns,
    claim: str,
    arms: tuple[str, str],
    published: float | None,
    probe: str = "accuracy",
) -> EmpiricalVerdict:
    """Only the sign is judged, as the published difference is of another data set."""
    note = "" if published is None else _scaled(runs, published)
    found = paired_verdict(claim, *(runs.values(arm, probe) for arm in arms), note=note)
    return replace(found, published=published)


def _scaled(runs: DigitsRuns, published: float) -> str:
    """A published difference as the same share of the error here."""
    share = published / (100 - ACCURACY[_CIFAR][BASELINE])
    here = share * (100 - _mean(runs.values(BASELINE)))
    return (
        f"published on CIFAR-10: {100 * share:.2g} % of the error there, {here:.2g} points of the "
        "error here"
    )


def _about_mixing(runs: DigitsRuns, ratio: float) -> list[EmpiricalVerdict]:
    """With both probes, since the paper does not say which images its probe was fitted to."""
    kept, removed = mixed_name(ratio), mixed_name(ratio, kept=False)
    published = None
    if ratio in MIXED:
        published = MIXED[0.0]["accuracy"] - MIXED[ratio]["accuracy"]
    verdicts = []
    for probe, words in PROBES.items():
        share = f"ω = {100 * ratio:g} %, {words}"
        lower, better = f"{share}: mixed images lower the accuracy", f"{share}: removing them helps"
        verdicts.append(_above(runs, lower, (BASELINE, kept), published, probe))
        verdicts.append(_above(runs, better, (removed, kept), None, probe))
    return verdicts


def _about_all_pairs(runs: DigitsRuns, name: str) -> list[EmpiricalVerdict]:
    everywhere = f"{name}-all"
    found = runs.difference(everywhere)
    verdict = INCONCLUSIVE
    if found.interval is not None:
        low, high = found.interval
        if max(-low, high) <= MATCH:
            verdict = REPRODUCED
        elif low > MATCH or high < -MATCH:
            verdict = NOT_REPRODUCED
    reached = published_accuracy(_CIFAR, everywhere)
    match = EmpiricalVerdict(
        f"{name} on all pairs only matches the baseline (within ± {MATCH:.2f} points)",
        *(verdict, found.value, found.interval, found.count, None),
        published=None if reached is None else reached - ACCURACY[_CIFAR][BASELINE],
        note="half of what Table 3's temperature on selected pairs gains counts as a match",
    )
    gain = published_difference(_CIFAR, name, everywhere)
    claim = f"{name} on selected pairs is above {name} on all pairs"
    return [match, _above(runs, claim, (name, everywhere), gain)]


def _trends(runs: DigitsRuns) -> list[EmpiricalVerdict]:
    """Slopes over ω, by seed, in the direction of Table 10."""
    ratios = (0.0, *runs.settings.ratios)
    verdicts = []
    for symbol, name in TABLE_10.items():
        sign = 1 if _RISES[symbol] else -1
        # The unit of λ is that of the table; its size depends on n.
        factor = sign * (1e5 if symbol == "λ" else 100.0)
        columns = [runs.column(mixed_name(ratio), "bound", name, factor) for ratio in ratios]
        slopes = [_slope(ratios, values) for values in zip(*columns, strict=True)]
        published = None
        if symbol != "λ":
            published = _slope(list(MIXED), [sign * each[symbol] for each in MIXED.values()])
        unit = "10⁻⁵" if symbol == "λ" else "points of cosine"
        verdict = paired_verdict(
            f"{symbol} {'rises' if _RISES[symbol] else 'falls'} with ω",
            *(slopes, [0.0] * len(slopes)),
            note=f"{unit} per 10 % of mixed images, least squares over ω by seed",
        )
        verdicts.append(replace(verdict, published=published))
    arm = mixed_name(ratios[-1])
    columns = [runs.column(arm, "mixed", symbol, 100.0) for symbol in ("γ", "β")]
    claim = f"ω = {100 * ratios[-1]:g} %: γ exceeds β where the mixed images are the difficult ones"
    return [*verdicts, paired_verdict(claim, *columns, note="points of cosine")]


def _slope(ratios: Sequence[float], values: Sequence[float | None]) -> float | None:
    """Of the least-squares line, per tenth."""
    if any(each is None for each in values):
        return None
    return 0.1 * float(np.polyfit(ratios, np.asarray(values, float), 1)[0])


# --- In words


def findings_of(runs: DigitsRuns) -> list[str]:
    """The numbers as sentences; differences in points with 95 % intervals."""
    trained, neighbours = runs.values(BASELINE), runs.values(BASELINE, "knn")
    above = {
        name: signed(paired_difference(trained, runs.reference(name)))
        for name in (PIXELS, UNTRAINED)
    }
    findings = [
        f"The linear probe on the trained encoder reaches {_mean(trained):.2f} %: "
        f"{above[PIXELS]} points from {PIXELS}, {above[UNTRAINED]} from the {UNTRAINED}.",
        f"Its k-NN reaches {_mean(neighbours):.2f} %: "
        f"{signed(paired_difference(neighbours, runs.reference(PIXELS, 'knn')))} from {PIXELS}.",
    ]
    gains = {method.name: runs.difference(method.name) for method in methods_of(runs.settings)[1:]}
    findings.append(_about_gains({name: gains[name] for name in gains if name not in OTHERS}))
    others = _present(runs, OTHERS)
    findings += [f"{name}: {signed(gains[name])} points from the baseline." for name in others]
    findings += [_about_share(runs, ratio) for ratio in runs.settings.ratios]
    findings.append(_about_bounds(runs))
    count = len(verdicts_of(runs))
    return [
        *findings,
        f"Each of the {count} verdicts stands alone: were nothing true, about "
        f"{0.05 * count:.1g} of their intervals would exclude 0 by chance.",
    ]


def _about_share(runs: DigitsRuns, ratio: float) -> str:
    parts = []
    for probe, words in PROBES.items():
        kept, removed = (
            signed(runs.difference(mixed_name(ratio, each), name=probe)) for each in (True, False)
        )
        parts.append(f"{words} {kept} with the mixed images, {removed} without them")
    return f"ω = {100 * ratio:g} %, points from the baseline: {'; '.join(parts)}."


def _about_gains(gains: Mapping[str, MeanInterval]) -> str:
    outside = {
        name: gain
        for name, gain in gains.items()
        if gain.interval is not None and (gain.interval[0] > 0 or gain.interval[1] < 0)
    }
    shown = ", ".join(f"{name} {signed(gain)}" for name, gain in outside.items())
    return (
        f"Of {len(gains)} remedies {len(outside)} differ from the baseline with an interval that "
        f"excludes 0{': ' + shown if shown else ''}."
    )


def _about_bounds(runs: DigitsRuns) -> str:
    bounds = [
        b for arm in runs.records for b in runs.column(arm, "bound", "bound") if b is not None
    ]
    errors = [1 - a for arm in runs.records for a in runs.values(arm, factor=1.0) if a is not None]
    if not bounds:
        return "No run has a bound: its similarities make no graph of the paper."
    vacuous = sum(bound >= 1 for bound in bounds)
    return (
        f"{vacuous} of {len(bounds)} bounds are vacuous (from {min(bounds):.3g} to "
        f"{max(bounds):.3g}), while the errors are {min(errors):.3g} to {max(errors):.3g}."
    )
