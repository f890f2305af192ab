"""Runs at several batch sizes, and the pairs that their encoders select."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dctheory._validation import check_integer
from dctheory.experiment._arms import (
    CANDIDATES,
    METHODS,
    WITH,
    ArmSettings,
    Point,
    difficult_samples,
    measure,
)
from dctheory.experiment.tasks import Task

if TYPE_CHECKING:
    import jax

    from dctheory.train.config import TrainConfig
    from dctheory.train.outcome import TrainResult

Shares = dict[str, list[float]]

_FUNCTION = "dctheory.experiment._batches:train_batch"
ARMS = (WITH, *METHODS[:2])
# What is counted among the selected pairs.
SHARES = ("cross-class", "difficult", "half difficult")


@dataclass(frozen=True, kw_only=True)
class BatchSettings(ArmSettings):
    """Batch sizes at equal numbers of samples seen.

    ``steps`` are those at ``batch_size``; another size B takes steps · batch_size/B, with the
    learning rate √(B/batch_size) times as large, the rule for Adam. Methods have the second of
    their candidates; nothing is searched.

    Args:
        sizes: batch sizes, ``batch_size`` among them.
        k, distance, difficult: of the data and the network.
        drawn: samples in the batches, together, from which the selection is measured.
    """

    sizes: tuple[int, ...] = (16, 64, 256)
    k: int = 5
    distance: float = 0.45
    difficult: int = 40
    drawn: int = 4096

    def __post_init__(self) -> None:
        super().__post_init__()
        for size in self.sizes:
            check_integer("sizes", size, 2, self.classes * self.per_class)
        check_integer("drawn", self.drawn, max(self.sizes))
        if self.batch_size not in self.sizes:
            raise ValueError(
                f"sizes must hold batch_size = {self.batch_size}, which the others are compared "
                f"with; got {list(self.sizes)}"
            )

    @property
    def pos_low(self) -> float:
        """The same for all methods."""
        return CANDIDATES[METHODS[0]][1]["pos_low"]

    def point(self, loss: str) -> Point:
        """The data, with one of the losses."""
        return Point(loss, self.k, self.distance, self.difficult)

    def sized(self, loss: str, size: int, arm: str, seed: int) -> TrainConfig:
        """The run of one batch size, arm and seed."""
        scale = size / self.batch_size
        choice = {} if arm == WITH else CANDIDATES[arm][1]
        # All arms in one program: the percentiles must be the same in the one without selection.
        config = self.config(self.point(loss), arm, {"pos_low": self.pos_low, **choice}, seed)
        rate = config.optimizer.learning_rate * math.sqrt(scale)
        steps = max(round(self.steps / scale), 1)
        return dataclasses.replace(
            config,
            optimizer=dataclasses.replace(config.optimizer, learning_rate=rate),
            steps=steps,
            batch_size=size,
            log_every=steps,
        )


# --- Training, in tasks


def batch_task(settings: BatchSettings, loss: str, size: int) -> Task:
    """The task of :func:`train_batch`; ValueError for data that no family has."""
    settings.family(settings.point(loss))
    arguments = {"settings": settings.to_dict(), "loss": loss, "size": size}
    return Task(f"{loss}-batch{size}", _FUNCTION, arguments)


def train_batch(settings: Mapping[str, Any], loss: str, size: int) -> dict[str, Any]:
    """Train every arm with every seed at one batch size.

    Returns:
        ``runs``: a record for each arm and seed (:func:`dctheory.experiment._arms.measure`) with
        ``shares``: of :data:`SHARES` among the pairs that the trained encoder selects in batches
        of its own size, and without a remedy in those of every size.
    """
    from dctheory.train.trainer import run_many

    known = BatchSettings(**{**settings, "sizes": tuple(settings["sizes"])})
    cases = [(arm, seed) for arm in ARMS for seed in range(known.seeds)]
    results = run_many([known.sized(loss, size, arm, seed) for arm, seed in cases])
    runs = [
        {"arm": arm, "seed": seed, **measure(result), "shares": _shares(known, result, arm)}
        for (arm, seed), result in zip(cases, results, strict=True)
    ]
    return {"runs": runs}


def _shares(settings: BatchSettings, result: TrainResult, arm: str) -> Shares | None:
    """By batch size, the shares among the pairs that are selected in training batches; of arms
    with a remedy at their own size only."""
    if result.evaluation is None:
        return None
    own = result.config.batch_size
    sizes = settings.sizes if arm == WITH else (own,)
    return {str(size): _shares_at(settings, result, size) for size in sizes}


def _shares_at(settings: BatchSettings, result: TrainResult, size: int) -> list[float]:
    import jax
    import jax.numpy as jnp

    from dctheory.train.problem import make_problem
    from dctheory.train.sources import Moment

    source, seed = make_problem(result.config).source, result.config.seed
    labels = np.repeat(np.arange(settings.classes), settings.per_class)
    difficult = difficult_samples(settings.classes, settings.per_class, settings.difficult)
    rng, batches = np.random.default_rng([seed, size]), settings.drawn // size
    rows = np.stack([rng.choice(len(labels), size, replace=False) for _ in range(batches)])

    def views(batch: jax.Array, step: jax.Array) -> jax.Array:
        # An epoch that training does not reach, so that the augmentations are fresh.
        both = source.views(Moment(seed, 2**30, step, batch), size)
        return jnp.concatenate([both.first, both.second])

    shown = jax.vmap(views)(jnp.asarray(rows), jnp.arange(batches))
    features = result.features(shown.reshape(-1, settings.dimension))
    select = _selector(settings.pos_high, settings.pos_low)
    chosen = np.asarray(select(features.reshape(batches, 2 * size, -1)))
    counts = np.sum(
        [
            count_pairs(own, np.tile(labels[batch], 2), np.tile(difficult[batch], 2))
            for own, batch in zip(chosen, rows, strict=True)
        ],
        axis=0,
    )
    found: list[float] = (counts[1:] / counts[0]).tolist()
    return found


@cache
def _selector(pos_high: float, pos_low: float) -> Callable[[Any], Any]:
    import jax

    from dctheory.contrast import select_pairs

    return jax.jit(jax.vmap(lambda features: select_pairs(features, pos_high, pos_low)))


def count_pairs(
    chosen: NDArray[np.bool_], labels: NDArray[np.int64], difficult: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """(4,) chosen ordered pairs: all, cross-class ones, and of these those with both ends
    difficult, and with at least one."""
    cross = chosen & (labels[:, None] != labels)
    both = cross & difficult[:, None] & difficult
    either = cross & (difficult[:, None] | difficult)
    return np.array([each.sum() for each in (chosen, cross, both, either)])


# --- What is predicted


def perfect_share(settings: BatchSettings, size: int) -> float:
    """Cross-class share among the selected pairs, if same-class views always rank first.

    Of a view's 2B − 2 candidates 2S are of its class, S hypergeometric: a random batch does not
    have the same number of each class, and a fixed percentile cuts into a class that has more.
    """
    from scipy.stats import hypergeom

    total, own, candidates = settings.classes * settings.per_class, settings.per_class, 2 * size - 2
    first, last = (
        math.ceil(q * candidates / 100 - 1e-9) for q in (settings.pos_high, settings.pos_low)
    )
    same = np.arange(min(own, size))
    weights = hypergeom(total - 1, own - 1, size - 1).pmf(same)
    wrong = np.clip(2 * same - first, 0, last - first)
    return float(1 - weights @ wrong / (last - first))


def random_shares(settings: BatchSettings) -> dict[str, float]:
    """Each of :data:`SHARES` among all negative pairs of samples."""
    total = settings.classes * settings.per_class
    hard, easy = settings.difficult, settings.per_class - settings.difficult
    pairs = {
        "cross-class": settings.per_class**2,
        "difficult": hard**2,
        "half difficult": settings.per_class**2 - easy**2,
    }
    every = settings.per_class * (total - 1) / (settings.classes - 1)
    return {name: count / every for name, count in pairs.items()}
