"""Figure 2 and Table 10: what mixed images do, and what removing them does."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from dctheory._table import Table
from dctheory.experiment._base import Analysis
from dctheory.experiment.cifar.methods import Method
from dctheory.experiment.cifar.presets import presets
from dctheory.experiment.cifar.published import MIXED
from dctheory.experiment.cifar.settings import CifarSettings
from dctheory.experiment.cifar.study import Contrast, Study
from dctheory.experiment.cifar.tables import Runs, Values, differences_of
from dctheory.experiment.result import Comparison
from dctheory.experiment.statistics import mean_interval, paired_difference

_REMOVED = "removed"


def _name(omega: float, kept: bool = True) -> str:
    return f"mixed-{100 * omega:g}" + ("" if kept else f"-{_REMOVED}")


def _methods(settings: CifarSettings) -> list[Method]:
    shares = [omega for omega in settings.omegas if omega > 0]
    kept = [Method(_name(omega), {"data.mixed": omega}) for omega in (0.0, *shares)]
    removed = [
        Method(_name(omega, False), {"data.mixed": omega, "data.keep_mixed": False})
        for omega in shares
    ]
    return [*kept, *removed]


def _contrasts(settings: CifarSettings) -> list[Contrast]:
    clean, contrasts = _name(0.0), []
    for omega in settings.omegas:
        if omega > 0:
            published = None
            if settings.dataset == "cifar10" and omega in MIXED:
                published = MIXED[0.0]["accuracy"] - MIXED[omega]["accuracy"]
            contrasts.append(Contrast(clean, _name(omega), published))
            contrasts.append(Contrast(_name(omega, False), _name(omega)))
    return contrasts


# Symbol to its values by seed, in the units of Table 10, and whether it rises with ω there.
_ROWS: dict[str, tuple[Callable[[Runs, str], Values], bool]] = {
    "accuracy": (lambda runs, name: runs.accuracies(name), False),
    "α": (lambda runs, name: runs.bounds(name, "alpha", 100), False),
    "β": (lambda runs, name: runs.bounds(name, "beta", 100), True),
    "γ": (lambda runs, name: runs.bounds(name, "gamma", 100), True),
    "γ − β": (
        lambda runs, name: [None if d is None else 100 * d for d in differences_of(runs, name)],
        True,
    ),
    "λ": (lambda runs, name: runs.bounds(name, "printed"), True),
}


def _table_10(settings: CifarSettings, runs: Runs) -> Analysis:
    shares = sorted({0.0, *settings.omegas})
    rows = []
    for omega in shares:
        row: dict[str, float | None] = {"ω, %": 100 * omega}
        for symbol, (values, _) in _ROWS.items():
            row[symbol] = mean_interval(values(runs, _name(omega))).value
            if settings.dataset == "cifar10":
                row[f"{symbol}, published"] = MIXED.get(omega, {}).get(symbol)
        rows.append(row)
    notes = (
        "accuracy and cosines in %; λ: of Theorem 3.4, whose n is here that of the images measured "
        "(the paper's is not stated): only its order can be compared",
    )
    table = Table(tuple(rows[0]), rows, "Table 10", notes)
    comparisons = [
        _order(symbol, low, high, runs)
        for low, high in itertools.pairwise(shares)
        for symbol in _ROWS
        if symbol != "accuracy"
    ]
    return Analysis(comparisons=comparisons, tables={"table-10": table})


def _order(symbol: str, low: float, high: float, runs: Runs) -> Comparison:
    """Whether the values move as in Table 10 from one share of mixed images to the next."""
    values, rises = _ROWS[symbol]
    found = paired_difference(values(runs, _name(high)), values(runs, _name(low)))
    words = {True: "rises", False: "falls"}
    agrees = measured = None
    if found.interval is not None and (found.interval[0] > 0 or found.interval[1] < 0):
        measured = words[found.interval[0] > 0]
        agrees = measured == words[rises]
    return Comparison(
        f"{symbol} from ω = {100 * low:g} % to {100 * high:g} %",
        words[rises],
        measured or "not told from 0",
        None,
        "95 % interval of the paired differences",
        agrees,
        interval=found.interval,
    )


MIXED_CIFAR = Study(
    methods=_methods, contrasts=_contrasts, searched=False, extra=_table_10
).experiment(
    name="cifar-mixed",
    title="Figure 2 and Table 10: a share of the images is mixed",
    question=(
        "Do pixel-mixed images lower the accuracy, does removing them help, and do similarities "
        "and eigenvalue move as in Table 10?"
    ),
    claims=("table-10",),
    # Seven kinds of images with three seeds.
    presets=presets(gpu={"epochs": 40}, paper={"seeds": 3}),
    seconds={"cpu": 60.0},
)
