"""Figure 4c on the digits: are the pairs that Eq. 12 selects of two classes, and is that much?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dctheory._table import Table
from dctheory._validation import check_integer, check_real
from dctheory.experiment._base import Analysis, Experiment, Settings
from dctheory.experiment._digits_runs import POS_HIGH, DigitsSettings
from dctheory.experiment.cifar.methods import BASELINE
from dctheory.experiment.result import AT_LEAST, Comparison, EmpiricalVerdict, compare
from dctheory.experiment.statistics import Values, mean_interval, paired_verdict
from dctheory.experiment.tasks import Task

if TYPE_CHECKING:
    from dctheory.train.config import TrainConfig

_FUNCTION = "dctheory.experiment._selection_shares:watch"
METHODS = (BASELINE, "removal")
# To near a limit is to leave at most this share of the way to it from chance.
_LEFT = 0.1


@dataclass(frozen=True, kw_only=True)
class SelectionSettings(Settings):
    """Which selections are looked at, when, and how the encoders are trained.

    Args:
        highs, lows: posHigh and posLow, every posHigh with every larger posLow.
        ratio: ω of the runs with mixed images, besides 0.
        moments: at which the selection is looked at, equally spaced, besides the start.
        steps, batch_size, width, features: of :class:`DigitsSettings`.
    """

    highs: tuple[float, ...] = (5.0, POS_HIGH, 15.0, 20.0)
    lows: tuple[float, ...] = (20.0, 50.0, 100.0)
    ratio: float = 0.2
    moments: int = 6
    steps: int = 300
    batch_size: int = 64
    width: int = 16
    features: int = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        check_integer("moments", self.moments, 1, self.steps)
        check_real("ratio", self.ratio, 0, 0.9, low_open=True)
        for name in ("highs", "lows"):
            for percentile in getattr(self, name):
                check_real(name, percentile, 0, 100)
        if POS_HIGH not in self.highs or 100.0 not in self.lows:
            raise ValueError(
                f"highs must hold {POS_HIGH:g} and lows 100, the paper's own, got {self.highs} "
                f"and {self.lows}"
            )
        self.config(BASELINE, 0.0, 0)

    @property
    def percentiles(self) -> list[tuple[float, float]]:
        """(posHigh, posLow) of every selection."""
        return [(high, low) for high in self.highs for low in self.lows if high < low]

    @property
    def ratios(self) -> tuple[float, float]:
        """The shares of mixed images."""
        return (0.0, self.ratio)

    def config(self, method: str, ratio: float, seed: int) -> TrainConfig:
        """A run with the recipe of ``digits``; removal takes the band next to posHigh."""
        sizes = {name: getattr(self, name) for name in ("steps", "batch_size", "width", "features")}
        changes = {
            "objective.method": method,
            "objective.pos_low": 2 * POS_HIGH,
            "data.mixed": ratio,
            "evaluation.every": self.steps // self.moments,
            "evaluation.neighbours": 0,
        }
        return DigitsSettings(**sizes).config(changes, seed)


def _task_name(method: str, ratio: float) -> str:
    return f"{method}-mixed-{100 * ratio:g}"


def make_tasks(
    settings: SelectionSettings, seeds: tuple[int, ...], data_dir: Path | None
) -> list[Task]:
    """One task for each method and share of mixed images."""
    from dctheory.train.config_file import to_dict

    return [
        Task(
            _task_name(method, ratio),
            _FUNCTION,
            {
                "configs": [to_dict(settings.config(method, ratio, seed)) for seed in seeds],
                "percentiles": settings.percentiles,
            },
        )
        for ratio in settings.ratios
        for method in METHODS
    ]


class Shares:
    """The records of one method and share of mixed images."""

    def __init__(self, settings: SelectionSettings, records: Sequence[Mapping[str, Any]]) -> None:
        self.seeds = range(settings.seeds)
        self.steps = sorted({each["step"] for each in records})
        self._found = {
            (each["seed"], each["step"], each["pos_high"], each["pos_low"]): each
            for each in records
        }

    def values(self, name: str, step: int, high: float, low: float = 100.0) -> Values:
        """A number of the records in %, by seed; None where a run diverged."""
        found = [self._found.get((seed, step, high, low), {}).get(name) for seed in self.seeds]
        return [None if each is None else 100 * each for each in found]

    def mean(self, name: str, step: int, high: float, low: float = 100.0) -> float | None:
        """The mean of these."""
        return mean_interval(self.values(name, step, high, low)).value

    def near(self, limits: Values, step: int, high: float) -> Values:
        """The share in % from which on it counts as near to a limit, by seed."""
        pairs = zip(limits, self.values("chance", step, high), strict=True)
        return [
            None if limit is None or chance is None else limit - _LEFT * (limit - chance)
            for limit, chance in pairs
        ]


def analyse(settings: SelectionSettings, results: Mapping[str, Any]) -> Analysis:
    """Shares of cross-class pairs beside chance and beside the best that can be reached."""
    shares = {
        (method, ratio): Shares(settings, results[_task_name(method, ratio)]["records"])
        for ratio in settings.ratios
        for method in METHODS
    }
    tables = {
        "training": _over_training(settings, shares),
        "selections": _at_the_end(settings, shares),
    }
    clean = {method: shares[method, 0.0] for method in METHODS}
    return Analysis(
        comparisons=[
            found for name, each in clean.items() for found in _comparisons(settings, name, each)
        ],
        verdicts=[found for name, each in clean.items() for found in _verdicts(name, each)],
        tables=tables,
        findings=_findings(settings, shares),
    )


# --- Theory and claims


def _comparisons(settings: SelectionSettings, method: str, shares: Shares) -> list[Comparison]:
    comparisons, last = [], shares.steps[-1]
    for high, low in settings.percentiles:
        found = mean_interval(shares.values("share", last, high, low))
        chance, best = (shares.mean(name, last, high, low) for name in ("chance", "best"))
        if found.value is None or chance is None or best is None:
            continue
        comparisons.append(
            compare(
                f"{method}, ({high:g}, {low:g}]: share of cross-class pairs nears 100 %",
                *(100.0, found.value, _LEFT * (100 - chance)),
                f"a tenth of what chance misses ({100 - chance:.3g} %)",
                relation=AT_LEAST,
                interval=found.interval,
                note=f"no encoder can exceed {best:.4g} %",
            )
        )
    return comparisons


def _verdicts(method: str, shares: Shares) -> list[EmpiricalVerdict]:
    """Of the selection with posHigh = 100/(r + 1) and posLow = 100."""
    first, last = shares.steps[0], shares.steps[-1]
    share, best = (shares.values(name, last, POS_HIGH) for name in ("share", "best"))
    others = {
        "rises in training": shares.values("share", first, POS_HIGH),
        "is above chance": shares.values("chance", last, POS_HIGH),
        "nears 100 %": shares.near([100.0] * len(share), last, POS_HIGH),
        "nears the best that an encoder could reach": shares.near(best, last, POS_HIGH),
    }
    note = (
        f"points; posHigh = {POS_HIGH:g}, posLow = 100, at the end; near is where a tenth of the "
        "way from chance is left"
    )
    return [
        paired_verdict(
            f"{method}: the share of cross-class pairs among the selected {words}",
            *(share, other),
            note=note,
        )
        for words, other in others.items()
    ]


# --- Tables and words

_NOTES = (
    "share: of two classes among the selected ordered pairs of views, %; chance: among all "
    "negative pairs; best: if all same-class pairs were the most similar ones. All of batches of "
    "augmented training images as large as in training, batch normalisation by running means",
)


def _over_training(settings: SelectionSettings, shares: Mapping[Any, Shares]) -> Table:
    rows = []
    for (method, ratio), each in shares.items():
        for high in settings.highs:
            for step in each.steps:
                found = mean_interval(each.values("share", step, high))
                low, top = found.interval or (None, None)
                row = {"method": method, "ω, %": 100 * ratio, "posHigh": high, "step": step}
                row |= {"share": found.value, "from": low, "to": top}
                rows.append(row | {name: each.mean(name, step, high) for name in _LIMITS})
    return Table(tuple(rows[0]), rows, "Cross-class pairs during training, posLow = 100", _NOTES)


_LIMITS = ("chance", "best")
_MIXED = ("one mixed", "two mixed")


def _at_the_end(settings: SelectionSettings, shares: Mapping[Any, Shares]) -> Table:
    rows = []
    for (method, ratio), each in shares.items():
        for high, low in settings.percentiles:
            row = {"method": method, "ω, %": 100 * ratio, "posHigh": high, "posLow": low}
            names = ["share", *_LIMITS]
            if ratio:
                names += [n for kind in _MIXED for n in (kind, f"{kind}, chance")]
            rows.append(row | {n: each.mean(n, each.steps[-1], high, low) for n in names})
    columns = list(dict.fromkeys(column for row in rows for column in row))
    notes = (
        *_NOTES,
        "one mixed, two mixed: of the cross-class pairs among the selected, and by chance among "
        "all cross-class pairs, those with at least one mixed end, or two, %",
    )
    return Table(columns, rows, "Selections at the end of training", notes)


def _findings(settings: SelectionSettings, shares: Mapping[Any, Shares]) -> list[str]:
    baseline = shares[BASELINE, 0.0]
    last = baseline.steps[-1]
    chance = baseline.mean("chance", last, POS_HIGH)
    findings = [
        f"CHANCE FIRST: of all negative pairs {_shown(chance)} % are of two classes already, since "
        "there are 10 classes. A share near 100 % says little by itself."
    ]
    for (method, ratio), each in shares.items():
        start, end, best = (
            each.mean(name, step, POS_HIGH)
            for name, step in (("share", each.steps[0]), ("share", last), ("best", last))
        )
        findings.append(
            f"{method}, ω = {100 * ratio:g} %: among the selected (posHigh = {POS_HIGH:g}, posLow "
            f"= 100) it is {_shown(start)} % before training and {_shown(end)} % after it; no "
            f"encoder could exceed {_shown(best)} %."
        )
    for low in settings.lows:
        band = baseline.mean("share", last, POS_HIGH, low)
        findings.append(
            f"{BASELINE}, the band ({POS_HIGH:g}, {low:g}]: {_shown(band)} % after training."
        )
    return [*findings, *_about_mixed(settings, shares[BASELINE, settings.ratio])]


def _about_mixed(settings: SelectionSettings, shares: Shares) -> list[str]:
    last = shares.steps[-1]
    return [
        f"ω = {100 * settings.ratio:g} %, the band ({POS_HIGH:g}, {low:g}]: "
        f"{_shown(shares.mean('one mixed', last, POS_HIGH, low))} % of its cross-class pairs have "
        f"a mixed end, of all {_shown(shares.mean('one mixed, chance', last, POS_HIGH, low))} %."
        for low in settings.lows
    ]


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


EXPERIMENT = Experiment(
    name="selection-quality",
    title="Figure 4c: what Eq. 12 selects during training",
    question=(
        "Does the share of cross-class pairs among the selected ones near 100 % in training, and "
        "how far is that from chance and from the best that the percentiles allow?"
    ),
    presets={
        "smoke": SelectionSettings(
            seeds=1,
            highs=(POS_HIGH,),
            lows=(100.0,),
            moments=1,
            steps=2,
            batch_size=8,
            width=2,
            features=12,
        ),
        "cpu": SelectionSettings(seeds=5),
        "gpu": SelectionSettings(seeds=20, steps=1000, width=32, moments=10),
        "paper": SelectionSettings(seeds=20, steps=3000, width=32, batch_size=256, moments=15),
    },
    seconds={"cpu": 80.0},
    tasks=make_tasks,
    analyse=analyse,
)
