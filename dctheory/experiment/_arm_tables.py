"""The arms of each point beside the bound: of the data's graph of similarities, and of features."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from dctheory._table import Table
from dctheory.bound.settings import MARGIN, REMOVAL, TEMPERATURE, WITH
from dctheory.experiment._arms import ERRORS, METHODS, ORACLE, WITHOUT, ArmSettings, Point
from dctheory.experiment._effects import Ranked, difference, errors_of
from dctheory.experiment.bound_columns import MODEL, NONE, BoundColumns, graph_bound
from dctheory.experiment.statistics import MeanInterval, mean_interval
from dctheory.graph.similarity import SimilarityGraph

# Arm -> row of the table of bounds; "combined" has none.
_SETTINGS = {ORACLE: REMOVAL, "removal": REMOVAL, "margin": MARGIN, "temperature": TEMPERATURE}
_OWN = ("α", "β", "γ", "δ", "λ_(k+1)", "bound")


@dataclass(frozen=True, eq=False)
class PointResult:
    """A point of the dial with what was trained there.

    Attributes:
        settings, point: what was trained.
        search, runs: the records of :func:`dctheory.experiment._arms.train_point`.
    """

    settings: ArmSettings
    point: Point
    search: Sequence[Mapping[str, Any]]
    runs: Sequence[Mapping[str, Any]]

    @cached_property
    def gap(self) -> float:
        """γ − β of the data."""
        return float(self.graph.gamma) - float(self.graph.beta)

    @cached_property
    def graph(self) -> SimilarityGraph:
        """The paper's graph with the mean similarities of the data."""
        return self._graph(self.point.distance)

    def _graph(self, distance: float) -> SimilarityGraph:
        point = dataclasses.replace(self.point, distance=distance)
        if distance:
            return self.settings.family(point).graph()
        easy = self.settings.family(dataclasses.replace(point, difficult=0)).graph()
        return dataclasses.replace(easy, difficult=point.difficult)

    @cached_property
    def bounds(self) -> dict[str, BoundColumns]:
        """The bound of each arm in that graph; the data is a model of it, hence the status."""
        found: dict[str, BoundColumns] = {}
        for arm in self.point.arms:
            graph = self._graph(0.0) if arm == WITHOUT else self.graph
            bound = graph_bound(graph, self.point.k, _SETTINGS.get(arm, WITH))
            if arm == "combined":
                bound = dataclasses.replace(bound, bound=None, remark="no theorem speaks of it")
            status = NONE if bound.bound is None else MODEL
            found[arm] = dataclasses.replace(bound, status=status)
        return found

    def bound(self, arm: str) -> float:
        """The bound of an arm; infinite where there is none."""
        bound = self.bounds[arm].bound
        return math.inf if bound is None else bound

    def difference(self, ours: str, baseline: str, kind: str = "error") -> MeanInterval:
        """Of the errors of two arms, paired by seed."""
        return difference(self.runs, ours, baseline, kind)

    def ranked(self) -> list[Ranked]:
        """The arms with a bound, but for the reference: what a practitioner chooses among."""
        chosen = [
            arm for arm in self.point.arms if arm != WITHOUT and self.bounds[arm].bound is not None
        ]
        errors = {arm: errors_of(self.runs, arm) for arm in chosen}
        return [
            Ranked(arm, np.full(len(errors[arm]), self.bound(arm)), errors[arm]) for arm in chosen
        ]

    def label(self, *, loss: bool = False) -> str:
        """The point in words."""
        named = f"{self.point.loss}, " if loss else ""
        return f"{named}k = {self.point.k}, γ − β = {self.gap:.3f}, n_d = {self.point.difficult}"

    def warnings(self) -> list[str]:
        """Runs that diverged, and errors above the bound of the run's own features."""
        diverged = sum(run["error"] is None for run in self.runs)
        found = [f"{self.label(loss=True)}: {diverged} runs diverged"] if diverged else []
        return found + [
            f"{self.label(loss=True)}, {run['arm']}, {run['warning']}"
            for run in self.runs
            if run.get("warning")
        ]


def errors_table(found: Sequence[PointResult]) -> Table:
    """A row for each point and arm."""
    columns = (
        *("loss", "k", "γ − β", "n_d", "arm", "error", "95 % from", "to", *ERRORS[1:]),
        *("model λ_(k+1)", "model bound", "printed λ"),
        *(f"own {name}" for name in _OWN),
    )
    rows = [_row(each, arm) for each in found for arm in dict.fromkeys(r["arm"] for r in each.runs)]
    return Table(
        columns,
        rows,
        "Errors of the linear probe on fresh samples",
        notes=(
            "error: over all test points, with its 95 % interval; easy, difficult: over those "
            "whose index is easy or difficult, the same in every arm",
            "model: of the graph with the data's mean similarities; own: of the graph with the "
            "mean cosines of the trained features, mean over the runs that have it",
        ),
    )


def _row(found: PointResult, arm: str) -> dict[str, Any]:
    runs = [run for run in found.runs if run["arm"] == arm]
    error, *kinds = (mean_interval(errors_of(runs, arm, kind)) for kind in ERRORS)
    low, high = error.interval or (None, None)
    bound = found.bounds.get(arm, found.bounds[WITH])
    return {
        **{"loss": found.point.loss, "k": found.point.k, "γ − β": found.gap},
        **{"n_d": found.point.difficult, "arm": arm, "95 % from": low, "to": high},
        **{kind: each.value for kind, each in zip(ERRORS, (error, *kinds), strict=True)},
        **{"model λ_(k+1)": bound.eigenvalue, "model bound": bound.bound},
        "printed λ": bound.printed,
        **{f"own {name}": _mean(runs, name) for name in _OWN},
    }


def _mean(runs: Sequence[Mapping[str, Any]], name: str) -> float | None:
    values = [run[name] for run in runs if run.get(name) is not None]
    return float(np.mean(values)) if values else None


def search_table(found: Sequence[PointResult]) -> Table:
    """What each arm tried, on the validation seeds, and what it chose."""
    rows = [
        {
            **{"loss": each.point.loss, "k": each.point.k, "γ − β": each.gap},
            **{"n_d": each.point.difficult, "arm": record["arm"]},
            "values": ", ".join(f"{name} = {value:g}" for name, value in record["values"].items()),
            **{"error": record["error"], "chosen": record["chosen"]},
        }
        for each in found
        for record in each.search
    ]
    columns = ("loss", "k", "γ − β", "n_d", "arm", "values", "error", "chosen")
    notes = (
        "mean error on seeds that no reported run has; rate: factor of the learning rate, in "
        f"{', '.join(METHODS)} the one that is best without a remedy",
    )
    return Table(columns, rows, "Search of each arm's own numbers", notes=notes)
