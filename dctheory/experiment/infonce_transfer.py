"""Do the effects of difficult examples and remedies under the spectral loss hold for InfoNCE?"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dctheory._table import Table
from dctheory.experiment._arm_tables import PointResult, errors_table, search_table
from dctheory.experiment._arms import (
    LOSSES,
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
    UNDECIDED,
    Ranked,
    compare_effect,
    compare_order,
    describe,
    errors_of,
    predicted_word,
    signed,
)
from dctheory.experiment.result import Comparison
from dctheory.experiment.tasks import Task

# A name, the arm, the one that it is set against, and the test points.
_EFFECTS = (
    ("harm on all points", WITH, WITHOUT, "error"),
    ("harm on easy points", WITH, WITHOUT, "easy"),
    *((arm, arm, WITH, "error") for arm in (ORACLE, *METHODS)),
)


@dataclass(frozen=True, kw_only=True)
class TransferSettings(ArmSettings):
    """The points at which both losses are trained.

    By default k = r: one feature too few for the spectral loss, the first of whose features is
    constant, so that its effects are large.

    Args:
        points: (k, distance of difficult centres, n_d) of each, distance above 0.
    """

    points: tuple[tuple[int, float, int], ...] = ((4, 0.45, 40),)

    def __post_init__(self) -> None:
        super().__post_init__()
        for _, distance, _ in self.points:
            if not distance > 0:
                raise ValueError(
                    f"points need a distance above 0, got {distance}: at 0 nothing is difficult"
                )

    @property
    def pairs(self) -> list[tuple[Point, Point]]:
        """Each point with the spectral loss and with InfoNCE."""
        return [
            (Point(LOSSES[0], k, distance, n_d), Point(LOSSES[1], k, distance, n_d))
            for k, distance, n_d in self.points
        ]


def make_tasks(
    settings: TransferSettings, seeds: tuple[int, ...], data_dir: Path | None
) -> list[Task]:
    """One task for each point and loss."""
    return [point_task(settings, point) for pair in settings.pairs for point in pair]


def analyse(settings: TransferSettings, results: Mapping[str, Any]) -> Analysis:
    """The effects under InfoNCE beside those under the spectral loss, and beside the bound."""
    pairs = [
        Pair(*(PointResult(settings, point, **results[point.name]) for point in points))
        for points in settings.pairs
    ]
    every = [each for pair in pairs for each in (pair.spectral, pair.infonce)]
    rows = [row for pair in pairs for row in pair.rows()]
    tables = {
        "effects": Table(list(rows[0]), rows, "Differences of errors, paired by seed"),
        "errors": errors_table(every),
        "search": search_table(every),
    }
    return Analysis(
        comparisons=[comparison for pair in pairs for comparison in pair.compare()],
        tables=tables,
        findings=[finding for pair in pairs for finding in pair.findings()],
        warnings=[warning for each in every for warning in each.warnings()],
    )


@dataclass(frozen=True, eq=False)
class Pair:
    """One point with both losses."""

    spectral: PointResult
    infonce: PointResult

    @property
    def _smallest(self) -> float:
        return self.spectral.settings.smallest

    def _word(self, found: PointResult, effect: Sequence[str]) -> str:
        return describe(found.difference(*effect), self._smallest)

    def _theory(self, ours: str, baseline: str) -> str | None:
        if self.spectral.bounds[ours].bound is None:
            return None
        return predicted_word(self.spectral.bound(ours), self.spectral.bound(baseline))

    def compare(self) -> list[Comparison]:
        """Each effect beside the spectral loss's and the bound's, and the order of the arms."""
        comparisons = []
        for name, *effect in _EFFECTS:
            title = f"{self.spectral.label()}: {name}, InfoNCE as "
            spectral, measured = (
                self.spectral.difference(*effect),
                self.infonce.difference(*effect),
            )
            comparisons.append(
                _as_predicted(
                    compare_effect(
                        f"{title}the spectral loss",
                        describe(spectral, self._smallest),
                        measured,
                        self._smallest,
                        f"spectral {signed(spectral)}",
                    )
                )
            )
            theory = self._theory(effect[0], effect[1])
            if theory is not None:
                comparisons.append(
                    compare_effect(f"{title}the bound", theory, measured, self._smallest)
                )
        arms = [
            Ranked(arm, errors_of(self.spectral.runs, arm), errors_of(self.infonce.runs, arm))
            for arm in (WITH, ORACLE, *METHODS)
        ]
        name = f"{self.spectral.label()}: order of the arms, InfoNCE as the spectral loss"
        return [*comparisons, compare_order(name, arms)]

    def rows(self) -> list[dict[str, Any]]:
        """A row for each effect."""
        return [
            {
                **{"k": self.spectral.point.k, "γ − β": self.spectral.gap},
                **{"n_d": self.spectral.point.difficult, "effect": name},
                "bound": self._theory(effect[0], effect[1]),
                "spectral": self._word(self.spectral, effect),
                "InfoNCE": self._word(self.infonce, effect),
                "spectral difference": self.spectral.difference(*effect).value,
                "InfoNCE difference": self.infonce.difference(*effect).value,
            }
            for name, *effect in _EFFECTS
        ]

    def findings(self) -> list[str]:
        """Which effects carry over, with their sizes."""
        label = self.spectral.label()
        decided, alike = [], []
        for name, *effect in _EFFECTS:
            words = [self._word(found, effect) for found in (self.spectral, self.infonce)]
            if UNDECIDED not in words:
                decided.append(name)
                alike += [name] if words[0] == words[1] else []
        shown = "; ".join(
            f"{name} {signed(self.spectral.difference(*effect))} and "
            f"{signed(self.infonce.difference(*effect))}"
            for name, *effect in _EFFECTS
        )
        other = [name for name in decided if name not in alike]
        return [
            f"{label}: of {len(_EFFECTS)} effects {len(decided)} are decided under both losses, "
            f"{len(alike)} of them alike ({', '.join(alike) or 'none'})"
            + (f" and {len(other)} not ({', '.join(other)})." if other else "."),
            f"{label}, change of the error under the spectral loss and InfoNCE: {shown}.",
        ]


def _as_predicted(comparison: Comparison) -> Comparison:
    """Undecided too where the spectral loss itself decides nothing."""
    undecided = comparison.prediction == UNDECIDED
    return dataclasses.replace(comparison, agrees=None) if undecided else comparison


EXPERIMENT = Experiment(
    name="infonce-transfer",
    title="From the spectral loss to InfoNCE",
    question=(
        "Do difficult examples and the remedies change the probe's error under InfoNCE as they do "
        "under the spectral loss, and as the bound says?"
    ),
    claims=("disc-a", "cor-4.1", "thm-4.3/equal", "thm-4.5/minimiser"),
    presets={
        "smoke": TransferSettings(
            seeds=2,
            validation_seeds=2,
            tries=1,
            per_class=10,
            steps=2,
            batch_size=8,
            width=4,
            points=((3, 0.45, 4),),
        ),
        "cpu": TransferSettings(seeds=10, tries=2),
        "gpu": TransferSettings(
            seeds=20,
            validation_seeds=10,
            steps=1200,
            points=tuple((k, 0.45, 40) for k in (3, 4, 5, 8)),
        ),
        "paper": TransferSettings(
            seeds=20,
            validation_seeds=10,
            classes=10,
            per_class=500,
            dimension=64,
            width=256,
            steps=10_000,
            batch_size=256,
            points=tuple((k, 0.45, 200) for k in (8, 9, 10, 20)),
        ),
    },
    seconds={"cpu": 120.0},
    tasks=make_tasks,
    analyse=analyse,
)
