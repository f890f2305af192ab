"""Where do difficult examples hurt: the probe's error along γ − β, n_d, k and noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dctheory._validation import check_integer, check_real
from dctheory.experiment._arm_tables import PointResult, errors_table, search_table
from dctheory.experiment._arms import (
    LONGER,
    ORACLE,
    WITH,
    WITHOUT,
    ArmSettings,
    Point,
    point_task,
)
from dctheory.experiment._base import Analysis, Experiment
from dctheory.experiment._dial_findings import findings
from dctheory.experiment._effects import (
    SAME,
    compare_effect,
    compare_order,
    compare_trend,
    errors_of,
    predicted_word,
)
from dctheory.experiment._noise import NoisyPoint, noisy_task
from dctheory.experiment._noise_analysis import NoiseResult, analyse_noise
from dctheory.experiment.result import Comparison
from dctheory.experiment.statistics import mean_interval
from dctheory.experiment.tasks import Task

_BOUND_SOURCE = "95 % interval over the seeds; errors within it of each other count as the same"


@dataclass(frozen=True, kw_only=True)
class DialSettings(ArmSettings):
    """The points of the dial.

    Args:
        points: (k, distance of difficult centres, n_d) of each; distance is the dial of γ − β.
        longer: values of k at whose most difficult point training twice as long is tried too.
        node_classes, nodes, difficult_nodes, alpha, beta, gamma: of the graph whose noise is
            dialled: nodes per class, difficult ones among them.
        epsilons: noise levels, at ``images`` natural images.
        images: in the sample of each run.
        samples: smaller samples, without noise.
        node_steps, node_batch_size, node_rate: of the tables trained on it.
    """

    points: tuple[tuple[int, float, int], ...] = ((5, 0.45, 40),)
    longer: tuple[int, ...] = (5,)
    node_classes: int = 6
    nodes: int = 12
    difficult_nodes: int = 6
    alpha: float = 0.6
    beta: float = 0.45
    gamma: float = 0.55
    epsilons: tuple[float, ...] = (0.05, 0.1, 0.15, 0.2, 0.3)
    images: int = 200_000
    samples: tuple[int, ...] = (20_000, 60_000)
    node_steps: int = 20_000
    node_batch_size: int = 64
    node_rate: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        for epsilon in self.epsilons:
            check_real("epsilons", epsilon, 0)
        for images in (self.images, *self.samples):
            check_integer("images and samples", images, 1)

    @property
    def dial(self) -> list[Point]:
        """The points on the continuous family."""
        return [Point("spectral", k, distance, n_d) for k, distance, n_d in self.points]

    @property
    def trained_longer(self) -> list[Point]:
        """The points where training twice as long is tried."""
        hardest = [[point for point in self.dial if point.k == k] for k in self.longer]
        return [max(each, key=lambda p: (p.distance, p.difficult)) for each in hardest if each]

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
    """One task for each point on the family, and for each size of sample on the graph."""
    tasks = [
        point_task(settings, point, point in settings.trained_longer) for point in settings.dial
    ]
    sizes = dict.fromkeys(point.images for point in settings.noises)
    return tasks + [
        noisy_task([point for point in settings.noises if point.images == images], len(seeds))
        for images in sizes
    ]


def analyse(settings: DialSettings, results: Mapping[str, Any]) -> Analysis:
    """Errors beside bounds along each dial, and under noise beside exact minimisers."""
    found = [PointResult(settings, point, **results[point.name]) for point in settings.dial]
    noisy = [run for name in results if name.startswith("graph-") for run in results[name]["runs"]]
    noises = [
        NoiseResult(point, settings.smallest, [run for run in noisy if run["point"] == point.name])
        for point in settings.noises
    ]
    comparisons = [each for point in found for each in _compare_point(point)]
    comparisons += _trends(found)
    noise = analyse_noise(noises)
    return Analysis(
        comparisons=[*comparisons, *noise.comparisons],
        tables={"errors": errors_table(found), "search": search_table(found), **noise.tables},
        findings=[*findings(found), *noise.findings],
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


# At k = r + 1 the theorems speak; below it features are too few for the classes.
_POINTS = (
    *((5, distance, 40) for distance in (0.0, 0.15, 0.3, 0.45)),
    *((5, 0.45, difficult) for difficult in (10, 20)),
    *((4, distance, 40) for distance in (0.0, 0.45)),
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
            longer=(),
            nodes=4,
            difficult_nodes=2,
            epsilons=(0.1,),
            images=2000,
            samples=(),
            node_steps=2,
            node_batch_size=8,
        ),
        "cpu": DialSettings(seeds=10, points=_POINTS, longer=(4, 5)),
        "gpu": DialSettings(
            seeds=20,
            validation_seeds=10,
            points=tuple(
                (k, distance, difficult)
                for k in (3, 4, 5, 6, 8)
                for distance in (0.0, 0.15, 0.3, 0.45)
                for difficult in ((40,) if distance < 0.45 else (10, 20, 40))
            ),
            longer=(4, 5, 8),
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
            longer=(9, 10, 20),
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
