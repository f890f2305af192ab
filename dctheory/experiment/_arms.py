"""The arms that are trained at one point of the dial of difficulty: settings, tuning, errors."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from dctheory._validation import check_choice, check_integer, check_real
from dctheory.experiment._base import Settings
from dctheory.experiment.tasks import Task

if TYPE_CHECKING:
    from dctheory.data.sphere import SphereFamily
    from dctheory.experiment.bound_columns import BoundColumns
    from dctheory.train.config import TrainConfig
    from dctheory.train.data_config import SphereData
    from dctheory.train.outcome import TrainResult

Array = NDArray[np.float64]

# The difficult samples are moved back to their class's prototype, so that N stays.
WITHOUT = "without difficult"
WITH = "with difficult"
# Trained without the samples that were made difficult, tested on all.
ORACLE = "removal by the oracle"
LONGER = "with difficult, twice the steps"
# On the pairs that Eq. 12 selects.
METHODS = ("removal", "margin", "temperature", "combined")

# What each arm tries on the validation seeds, all of them as many values: a factor of the learning
# rate, or the method's own numbers at the rate that is best without a remedy.
_RATES: tuple[dict[str, float], ...] = ({"rate": 1.0}, {"rate": 0.5}, {"rate": 2.0})
CANDIDATES: dict[str, tuple[dict[str, float], ...]] = {
    WITH: _RATES,
    ORACLE: _RATES,
    "removal": ({"pos_low": 30.0}, {"pos_low": 50.0}, {"pos_low": 40.0}),
    "margin": (
        {"pos_low": 30.0, "sigma": 1.0},
        {"pos_low": 50.0, "sigma": 1.0},
        {"pos_low": 50.0, "sigma": 0.5},
    ),
    "temperature": (
        {"pos_low": 30.0, "rho": 0.7},
        {"pos_low": 50.0, "rho": 0.7},
        {"pos_low": 50.0, "rho": 0.85},
    ),
    "combined": (
        {"pos_low": 30.0, "sigma": 0.5, "rho": 0.85},
        {"pos_low": 50.0, "sigma": 0.5, "rho": 0.85},
        {"pos_low": 50.0, "sigma": 1.0, "rho": 0.85},
    ),
}
# Reported seeds are smaller than the first one of the search.
FIRST_VALIDATION_SEED = 1_000_000

LOSSES = ("spectral", "infonce")
_FUNCTION = "dctheory.experiment._arms:train_point"


@dataclass(frozen=True)
class Point:
    """A point of the dial.

    Attributes:
        loss: "spectral" or "infonce".
        k: number of features.
        distance: of a difficult centre from its prototype, the dial of γ − β.
        difficult: n_d.
    """

    loss: str
    k: int
    distance: float
    difficult: int

    def __post_init__(self) -> None:
        check_choice("loss", self.loss, LOSSES)

    @property
    def name(self) -> str:
        """Of the point's task."""
        return f"{self.loss}-k{self.k}-distance{self.distance:g}-difficult{self.difficult}"

    @property
    def arms(self) -> tuple[str, ...]:
        """What is trained here; at distance 0 nothing is difficult."""
        return (*((WITHOUT,) if self.distance else ()), WITH, ORACLE, *METHODS)


@dataclass(frozen=True, kw_only=True)
class ArmSettings(Settings):
    """The family of data, and how networks are trained on it and tuned.

    Args:
        validation_seeds: seeds of the search, which no reported run has; also the number of runs
            in one program.
        tries: values of its own that each arm tries on them.
        classes, per_class, dimension, overlap, spread, noise: of the data
            (:class:`dctheory.data.SphereFamily`).
        width: hidden units in each of the two layers.
        steps, batch_size, learning_rate: of each run, by AdamW with a cosine to zero.
        smallest: the smallest difference of errors that counts.
    """

    validation_seeds: int = 5
    tries: int = 3
    classes: int = 5
    per_class: int = 100
    dimension: int = 32
    overlap: float = 0.1
    spread: float = 1.5
    noise: float = 0.5
    width: int = 64
    steps: int = 600
    batch_size: int = 64
    learning_rate: float = 0.01
    smallest: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        check_integer("seeds", self.seeds, 1, FIRST_VALIDATION_SEED)
        check_integer("validation_seeds", self.validation_seeds, 1)
        check_integer("tries", self.tries, 1, len(_RATES))
        check_integer("steps", self.steps, 1)
        check_integer("batch_size", self.batch_size, 2)
        check_real("smallest", self.smallest, 0, low_open=True)

    @property
    def pos_high(self) -> float:
        """The paper's rule: a share 1/(r + 1) of the pairs is taken as same-class."""
        return 100 / self.classes

    @property
    def search(self) -> range:
        """The seeds of the search."""
        return range(FIRST_VALIDATION_SEED, FIRST_VALIDATION_SEED + self.validation_seeds)

    def family(self, point: Point, seed: int = 0) -> SphereFamily:
        """The data of a point."""
        from dctheory.data.sphere import SphereFamily

        return SphereFamily(
            **self._data, difficult=point.difficult, distance=point.distance, seed=seed
        )

    @property
    def _data(self) -> dict[str, Any]:
        names = ("classes", "per_class", "dimension", "overlap", "spread", "noise")
        return {name: getattr(self, name) for name in names}

    def config(
        self, point: Point, arm: str, choice: Mapping[str, float], seed: int, **objective: Any
    ) -> TrainConfig:
        """The run of one arm and seed with one of its candidates; ``objective``: anything else."""
        from dctheory.train.config import (
            EvaluationConfig,
            ModelConfig,
            ObjectiveConfig,
            OptimizerConfig,
            TrainConfig,
        )
        from dctheory.train.data_config import SphereData

        values: dict[str, Any] = {"pos_high": self.pos_high, "pos_low": 100.0}
        values |= {**choice, **objective}
        rate = values.pop("rate", 1.0) * self.learning_rate
        # In a batch all samples differ, so that nothing holds a row's length back in the spectral
        # loss on a finite set; HaoChen et al.'s ball does, far outside the population's minimiser.
        ball: dict[str, Any] = (
            {"norm": "ball", "mu": 2.0 * point.k} if point.loss == "spectral" else {}
        )
        steps = self.steps * (2 if arm == LONGER else 1)
        return TrainConfig(
            data=SphereData(
                **self._data,
                difficult=point.difficult,
                distance=0.0 if arm == WITHOUT else point.distance,
                keep_difficult=arm != ORACLE,
            ),
            model=ModelConfig(kind="mlp", features=point.k, width=self.width, depth=2),
            objective=ObjectiveConfig(
                loss=point.loss, method=arm if arm in METHODS else "baseline", **ball, **values
            ),
            optimizer=OptimizerConfig(kind="adamw", learning_rate=rate, weight_decay=1e-4),
            evaluation=EvaluationConfig(neighbours=0),
            steps=steps,
            batch_size=self.batch_size,
            seed=seed,
            log_every=steps,
        )


# --- Training, in tasks


def point_task(settings: ArmSettings, point: Point, longer: bool = False) -> Task:
    """The task of :func:`train_point`.

    Raises ValueError for a point that is no family's, or that has no easy or difficult samples.
    """
    check_integer("difficult", point.difficult, 1, settings.per_class - 1)
    settings.family(point)
    # Not what an experiment's own settings add: the task does not depend on it.
    names = [each.name for each in dataclasses.fields(ArmSettings)]
    known = {name: getattr(settings, name) for name in names}
    arguments = {"settings": known, "point": dataclasses.asdict(point), "longer": longer}
    return Task(point.name, _FUNCTION, arguments)


def train_point(
    settings: Mapping[str, Any], point: Mapping[str, Any], longer: bool
) -> dict[str, Any]:
    """Search each arm's numbers on the validation seeds, then train it with the reported ones.

    Args:
        settings: fields of :class:`ArmSettings`.
        point: fields of :class:`Point`.
        longer: whether to train :data:`LONGER` too.

    Returns:
        ``search``: a record for each candidate of each arm with its mean error and whether it is
        the chosen one. ``runs``: a record for each arm and seed (:func:`measure`).
    """
    known, where = ArmSettings(**settings), Point(**point)
    search: list[dict[str, Any]] = []
    runs: list[dict[str, Any]] = []
    choices: dict[str, Mapping[str, float]] = {}
    for arm in where.arms:
        if arm in CANDIDATES:
            own = choices[WITH] if arm in METHODS else {}
            search += _search(known, where, arm, own)
            choices[arm] = next(r["values"] for r in search if r["arm"] == arm and r["chosen"])
    for arm in (*where.arms, *((LONGER,) if longer else ())):
        choice = choices.get(arm, choices[WITH])
        runs += _train(known, where, arm, choice, range(known.seeds))
    return {"search": search, "runs": runs}


def _search(
    settings: ArmSettings, point: Point, arm: str, shared: Mapping[str, float]
) -> list[dict[str, Any]]:
    """The candidates of an arm with their errors on the validation seeds."""
    found: list[dict[str, Any]] = []
    for own in CANDIDATES[arm][: settings.tries]:
        values = {**shared, **own}
        runs = _train(settings, point, arm, values, settings.search)
        errors = [math.inf if run["error"] is None else run["error"] for run in runs]
        found.append({"arm": arm, "values": values, "error": float(np.mean(errors))})
    best = min(range(len(found)), key=lambda index: found[index]["error"])
    return [{**each, "chosen": index == best} for index, each in enumerate(found)]


def _train(
    settings: ArmSettings,
    point: Point,
    arm: str,
    choice: Mapping[str, float],
    seeds: Sequence[int],
) -> list[dict[str, Any]]:
    """The records of an arm's runs, in programs of one size, so that each is compiled once."""
    from dctheory.train.outcome import NonFiniteLoss
    from dctheory.train.trainer import run_many

    records, size = [], settings.validation_seeds
    for start in range(0, len(seeds), size):
        part = seeds[start : start + size]
        try:
            results = run_many([settings.config(point, arm, choice, seed) for seed in part])
            records += [measure(result) for result in results]
        except NonFiniteLoss:
            records += [dict.fromkeys(ERRORS) for _ in part]
    return [
        {"arm": arm, "seed": seed, **record} for seed, record in zip(seeds, records, strict=True)
    ]


# --- What is measured

# Over all test points, and over those of each kind: the kind of an index is the same in all arms.
ERRORS = ("error", "easy", "difficult")


def measure(result: TrainResult) -> dict[str, Any]:
    """Errors of the linear probe on fresh samples, and the bound of the features, of one run.

    The probe is fitted to the training sample, difficult points included. Errors are None for a
    run that diverged.
    """
    if result.evaluation is None:
        return dict.fromkeys(ERRORS)
    from dctheory.train.probe import error_rate, fit_probe
    from dctheory.train.problem import make_problem

    config, data = result.config, cast("SphereData", result.config.data)
    sets = make_problem(config).evaluation
    fitted, tested = (result.features(each) for each in (sets.fit_inputs, sets.test_inputs))
    probe = fit_probe(fitted, sets.fit_labels, sets.classes, ridge=config.evaluation.ridge)
    difficult = difficult_samples(data.classes, data.per_class, data.difficult)
    errors = [
        float(error_rate(probe, tested, sets.test_labels, chosen))
        for chosen in (np.ones_like(difficult), ~difficult, difficult)
    ]
    bound = _own_bound(tested, sets.test_labels, difficult)
    return {
        **dict(zip(ERRORS, errors, strict=True)),
        **bound.to_dict(),
        "warning": bound.warning(f"seed {config.seed}", errors[0]),
    }


def _own_bound(features: Array, labels: Any, difficult: NDArray[np.bool_]) -> BoundColumns:
    """Of the graph with the mean cosines of the features; none for features that have collapsed."""
    from dctheory.experiment.bound_columns import BoundColumns, feature_bound

    try:
        return feature_bound(features, labels, difficult)
    except ValueError as error:
        k, none = features.shape[1], math.nan
        return BoundColumns(k=k, alpha=none, beta=none, gamma=none, remark=str(error))


def difficult_samples(classes: int, per_class: int, difficult: int) -> NDArray[np.bool_]:
    """(N,) bool, as :class:`dctheory.data.SphereFamily` orders its samples."""
    return np.tile(np.arange(per_class) < difficult, classes)
