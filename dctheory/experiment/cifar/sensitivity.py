"""Figures 4 and 5: what the methods' own numbers and the batch size change."""

from __future__ import annotations

from typing import Any, NamedTuple

from dctheory._table import Table
from dctheory.experiment._base import Analysis
from dctheory.experiment.cifar.methods import BASELINE, Method
from dctheory.experiment.cifar.presets import presets
from dctheory.experiment.cifar.settings import CifarSettings
from dctheory.experiment.cifar.study import Study
from dctheory.experiment.cifar.tables import Runs
from dctheory.experiment.statistics import mean_interval

_COMBINED = "combined"
_CENTRE = {"objective.sigma": 0.1, "objective.rho": 0.7}


def _axes(settings: CifarSettings) -> dict[str, tuple[str, tuple[float, ...]]]:
    """Parameter to its key and its values; percentiles in units of 100/(r + 1)."""
    unit = settings.unit
    axes: dict[str, tuple[str, tuple[float, ...]]] = {
        "posHigh": ("objective.pos_high", tuple(s * unit for s in (0.0, 0.5, 1.0, 2.0))),
        "posLow": ("objective.pos_low", (2 * unit, 4 * unit, 100.0)),
        "sigma": ("objective.sigma", (0.05, 0.1, 0.2, 0.4)),
        "rho": ("objective.rho", (0.5, 0.7, 0.9)),
    }
    if not settings.decides:
        return {name: (key, values[:2]) for name, (key, values) in axes.items()}
    return axes


def _batches(settings: CifarSettings) -> tuple[int, ...]:
    factors = (0.25, 0.5, 1, 2) if settings.decides else (0.5, 1)
    return tuple(round(factor * settings.batch_size) for factor in factors)


class Point(NamedTuple):
    """A run: which parameter it varies, to which value, of which method."""

    parameter: str
    value: float
    method: str
    changes: dict[str, Any]

    @property
    def name(self) -> str:
        """Of the row."""
        return f"{self.method}-{self.parameter}-{self.value:g}"


def _points(settings: CifarSettings) -> list[Point]:
    centre = {**_CENTRE, "objective.pos_low": 100.0, "objective.method": _COMBINED}
    points = [
        Point(parameter, value, _COMBINED, centre | {key: value})
        for parameter, (key, values) in _axes(settings).items()
        for value in values
    ]
    for batch in _batches(settings):
        points.append(Point("batch", batch, _COMBINED, centre | {"batch_size": batch}))
        points.append(Point("batch", batch, BASELINE, {"batch_size": batch}))
    return points


def _methods(settings: CifarSettings) -> list[Method]:
    return [Method(BASELINE), *(Method(each.name, each.changes) for each in _points(settings))]


def _curves(settings: CifarSettings, runs: Runs) -> Analysis:
    rows = []
    for each in _points(settings):
        mean = mean_interval(runs.accuracies(each.name))
        low, high = mean.interval or (None, None)
        rows.append((each.parameter, each.value, each.method, mean.value, low, high))
    columns = ("parameter", "value", "method", "probe, %", "from", "to")
    notes = (
        "one parameter at a time, the others as in the middle: "
        "σ = 0.1, ρ = 0.7, posHigh = 100/(r + 1), posLow = 100; the rate grows with the batch",
    )
    return Analysis(tables={"curves": Table(columns, rows, "Sensitivity", notes)})


SENSITIVITY = Study(methods=_methods, searched=False, extra=_curves).experiment(
    name="cifar-sensitivity",
    title="Figures 4 and 5: sensitivity of the combined method",
    question="How much do posHigh, posLow, σ, ρ and the batch size change the accuracy?",
    # 23 settings.
    presets=presets(smoke={"seeds": 1}, cpu={"seeds": 1}, gpu={"seeds": 1, "epochs": 30}),
    seconds={"cpu": 120.0},
)
