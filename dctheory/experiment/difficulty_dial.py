"""Where do difficult examples hurt: the probe's error along γ − β, n_d, k and noise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from dctheory._validation import check_integer, check_real
from dctheory.bound.ranking import ALIKE, OPPOSITE
from dctheory.experiment._arm_tables import PointResult, errors_table, search_table
from dctheory.experiment._arms import (
    LONGER,
    METHODS,
    ORACLE,
    WITH,
    WITHOUT,
    ArmSettings,
    Point,
    point_task,
)
from dctheory.experiment._base import Analysis, Experiment
from dctheory.experiment._effects import (
    LARGER,
    SAME,
    SMALLER,
    compare_effect,
    compare_order,
    compare_trend,
    describe,
    errors_of,
    outcome,
    predicted_word,
    signed,
)
from dctheory.experiment._noise import NoisyPoint, noisy_task
from dctheory.experiment._noise_analysis import NoiseResult, analyse_noise
from dctheory.experiment.result import Comparison
from dctheory.experiment.statistics import mean_interval, paired_difference
from dctheory.experiment.tasks import Task

_BOUND_SOURCE = "95 % interval over the seeds; errors within it of each other count as the same"


@dataclass(frozen=True, kw_only=True)
class DialSettings(ArmSettings):
    """The points of the dial.

    Args:
        points: (k, distance of difficult centres, n_d) of each; distance is the dial of γ − β.
        longer: the first so many points with difficult examples are also trained twice as long.
        node_classes, nodes, difficult_nodes, alpha, beta, gamma: of the graph whose noise is
            dialled: nodes per class, difficult ones among them.
        epsilons: noise levels, at ``images`` natural images.
        images: in the sample of each run.
        samples: smaller samples, without noise.
        node_steps, node_batch_size, node_rate: of the tables trained on it.
    """

    points: tuple[tuple[int, float, int], ...] = ((5, 0.45, 40),)
    longer: int = 1
    node_classes: int = 6
    nodes: int = 12
    difficult_nodes: int = 6
    alpha: float = 0.6
    beta: float = 0.45
    gamma: float = 0.55
    epsilons: tuple[float, ...] = (0.05, 0.1, 0.15, 0.2, 0.3)
    images: int = 200_000
    samples: tuple[int, ...] = (20_000, 60_000)
    node_steps: int = 10_000
    node_batch_size: int = 64
    node_rate: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        check_integer("longer", self.longer, 0)
        for epsilon in self.epsilons:
            check_real("epsilons", epsilon, 0)
        for images in (self.images, *self.samples):
            check_integer("images and samples", images, 1)

    @property
    def dial(self) -> list[Point]:
        """The points on the continuous family."""
        return [Point("spectral", k, distance, n_d) for k, distance, n_d in self.points]

    @property
    def noises(self) -> list[NoisyPoint]:
        """The points on the graph: noise, then smaller samples without it."""
        levels = [(epsilon, self.images) for epsilon in self.epsilons]
        return [
            NoisyPoint(
                classes=self.node_classes,
                per_class=self.nodes,
                difficult=self.difficult_nodes,
                **{name: getattr(self, name) for name in ("alpha", "beta", "gamma")},
                epsilon=epsilon,
                images=images,
                steps=self.node_steps,
                batch_size=self.node_batch_size,
                learning_rate=self.node_rate,
                remedies=images == self.images,
            )
            for epsilon, images in [*levels, *((0.0, images) for images in self.samples)]
        ]


def make_tasks(settings: DialSettings, seeds: tuple[int, ...], data_dir: Path | None) -> list[Task]:
    """One task for each point of a dial."""
    dial = settings.dial
    longer = [point for point in dial if point.distance][: settings.longer]
    tasks = [point_task(settings, point, point in longer) for point in dial]
    return tasks + [noisy_task(point, len(seeds)) for point in settings.noises]


def analyse(settings: DialSettings, results: Mapping[str, Any]) -> Analysis:
    """Errors beside bounds along each dial, and under noise beside exact minimisers."""
    found = [PointResult(settings, point, **results[point.name]) for point in settings.dial]
    noises = [
        NoiseResult(point, settings.smallest, results[point.name]["runs"])
        for point in settings.noises
    ]
    comparisons = [each for point in found for each in _compare_point(point)]
    comparisons += _trends(found)
    noise = analyse_noise(noises)
    return Analysis(
        comparisons=[*comparisons, *noise.comparisons],
        tables={"errors": errors_table(found), "search": search_table(found), **noise.tables},
        findings=[*_findings(found), *noise.findings],
        warnings=[*(each for point in found for each in point.warnings()), *noise.warnings],
    )


# --- Comparisons


def _compare_point(found: PointResult) -> list[Comparison]:
    """Harm, removal and the order of remedies at one point."""
    name, smallest = found.label(), found.settings.smallest

    def effect(what: str, ours: str, baseline: str, kind: str) -> Comparison:
        bounds = found.bound(ours), found.bound(baseline)
        return compare_effect(
            f"{name}: {what}",
            predicted_word(*bounds),
            found.difference(ours, baseline, kind),
            smallest,
            f"bounds {bounds[0]:.4g} and {bounds[1]:.4g}",
            _BOUND_SOURCE,
        )

    comparisons = []
    if found.point.distance:
        comparisons += [
            effect(f"error {WITH} less {WITHOUT}, {where}", WITH, WITHOUT, kind)
            for kind, where in (("error", "all points"), ("easy", "easy points"))
        ]
        comparisons.append(effect(f"error after {ORACLE} less {WITH}", ORACLE, WITH, "error"))
    comparisons.append(compare_order(f"{name}: order of the remedies", found.ranked()))
    if len(errors_of(found.runs, LONGER)):
        comparisons.append(
            compare_effect(
                f"{name}: error after twice the steps less {WITH}",
                SAME,
                found.difference(LONGER, WITH),
                smallest,
                "whether training has converged",
            )
        )
    return comparisons


def _trends(found: Sequence[PointResult]) -> list[Comparison]:
    """Along each dial with at least three points: do errors rise with the bound?"""
    comparisons = []
    for name, line in lines(found).items():
        bounds = [each.bound(WITH) for each in line]
        for kind, where in (("error", "all points"), ("easy", "easy points")):
            means = [mean_interval(errors_of(each.runs, WITH, kind)).value for each in line]
            errors = [float("nan") if mean is None else mean for mean in means]
            comparisons.append(
                compare_trend(f"{name}: error rises with the bound, {where}", bounds, errors)
            )
    return comparisons


_DIALS = {
    "γ − β": ("distance", ("k", "difficult")),
    "n_d": ("difficult", ("k", "distance")),
    "k": ("k", ("distance", "difficult")),
}


def lines(found: Sequence[PointResult]) -> dict[str, list[PointResult]]:
    """The dials: at least three points that differ in one of γ − β, n_d and k only, in order."""
    groups: dict[str, list[PointResult]] = {}
    for dial, (varied, fixed) in _DIALS.items():
        for each in sorted(found, key=lambda each: float(getattr(each.point, varied))):
            rest = ", ".join(f"{name} {getattr(each.point, name):g}" for name in fixed)
            groups.setdefault(f"along {dial} at {rest}", []).append(each)
    return {name: group for name, group in groups.items() if len(group) >= 3}


# --- In words


def _findings(found: Sequence[PointResult]) -> list[str]:
    return [
        *_harm(found),
        *(_remedy(found, arm) for arm in (ORACLE, *METHODS)),
        *_control(found),
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
    values = [effect.value for effect in effects if effect.value is not None]
    ends = f", by {min(values):+.3f} to {max(values):+.3f}" if values else ""
    return (
        f"{arm[0].upper()}{arm[1:]} makes the error smaller at {words[SMALLER]}, larger at "
        f"{words[LARGER]} of {len(harmed)} points with difficult examples{ends}; its bound is "
        f"smaller at {predicted[SMALLER]}, larger at {predicted[LARGER]}."
    )


def _control(found: Sequence[PointResult]) -> list[str]:
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


# At k = r + 1 the theorems speak; below it features are too few for the classes.
_POINTS = (
    *((4, distance, 40) for distance in (0.0, 0.15, 0.3, 0.45)),
    *((4, 0.45, difficult) for difficult in (10, 20)),
    *((5, distance, 40) for distance in (0.0, 0.3, 0.45)),
    *((5, 0.45, difficult) for difficult in (20,)),
    *((k, 0.45, 40) for k in (3, 8)),
)

EXPERIMENT = Experiment(
    name="difficulty-dial",
    title="Where difficult examples hurt",
    question=(
        "Where do difficult examples raise the probe's error, along γ − β, n_d, k and noise; which "
        "remedies lower it; and does the order of their bounds agree with that of their errors?"
    ),
    claims=("disc-a", "disc-b", "cor-4.1", "thm-4.3/equal", "thm-4.5/minimiser", "relaxation"),
    presets={
        "smoke": DialSettings(
            seeds=2,
            validation_seeds=2,
            tries=1,
            per_class=10,
            steps=2,
            batch_size=8,
            width=4,
            points=((3, 0.0, 4), (3, 0.45, 4)),
            longer=0,
            nodes=4,
            difficult_nodes=2,
            epsilons=(0.1,),
            images=2000,
            samples=(),
            node_steps=2,
            node_batch_size=8,
        ),
        "cpu": DialSettings(seeds=10, points=_POINTS),
        "gpu": DialSettings(
            seeds=20,
            validation_seeds=10,
            points=tuple(
                (k, distance, difficult)
                for k in (3, 4, 5, 6, 8)
                for distance in (0.0, 0.15, 0.3, 0.45)
                for difficult in ((40,) if distance < 0.45 else (10, 20, 40))
            ),
            longer=15,
            steps=1200,
            nodes=24,
            difficult_nodes=12,
            beta=0.5,
            gamma=0.57,
            epsilons=(0.05, 0.1, 0.15, 0.2, 0.25, 0.3),
            images=2_000_000,
            samples=(100_000, 300_000),
            node_steps=100_000,
        ),
        "paper": DialSettings(
            seeds=20,
            validation_seeds=10,
            classes=10,
            per_class=500,
            dimension=64,
            width=256,
            steps=10_000,
            batch_size=256,
            points=tuple(
                (k, distance, difficult)
                for k in (8, 9, 10, 12, 20)
                for distance in (0.0, 0.15, 0.3, 0.45)
                for difficult in ((200,) if distance < 0.45 else (50, 100, 200))
            ),
            longer=15,
            node_classes=10,
            nodes=24,
            difficult_nodes=12,
            beta=0.5,
            gamma=0.57,
            images=5_000_000,
            samples=(300_000, 1_000_000),
            node_steps=300_000,
        ),
    },
    seconds={"cpu": 600.0},
    tasks=make_tasks,
    analyse=analyse,
)
