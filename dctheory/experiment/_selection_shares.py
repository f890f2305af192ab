"""Which pairs Eq. 12 selects on the way through training: the task, and what it counts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dctheory.contrast.selection import negatives, select_pairs
from dctheory.data.augment import two_views
from dctheory.data.digits import DIGIT_AUGMENTATION
from dctheory.experiment._digits_runs import own_labels, untrained_features
from dctheory.train.config_file import from_dict
from dctheory.train.problem import make_problem
from dctheory.train.trainer import run_many

if TYPE_CHECKING:
    from dctheory.train.config import TrainConfig
    from dctheory.train.outcome import TrainResult

# Batches at each moment, the same at all of them.
_BATCHES = 4
# Of their augmentation; no training reaches it.
_EPOCH = 2**31 - 1
# Kinds of negative pairs that are counted: all, those of two classes, and of these the ones with
# at least one mixed end, or two.
KINDS = ("all", "cross", "one mixed", "two mixed")

Percentiles = tuple[tuple[float, float], ...]


def watch(
    configs: Sequence[Mapping[str, Any]], percentiles: Sequence[Sequence[float]]
) -> dict[str, Any]:
    """The task: train, and look at the selection before, at each evaluation and at the end.

    Args:
        configs: documents of :class:`TrainConfig`.
        percentiles: (posHigh, posLow) of each selection that is looked at.

    Returns:
        ``records``: for each run, step and selection ``seed``, ``step``, ``pos_high``,
        ``pos_low``, ``share`` of pairs of two classes among the selected ones, ``chance`` among
        all negative ones, ``best`` that an encoder could reach (:func:`best_share`), and of the
        cross-class ones ``one mixed`` and ``two mixed``, each also with ``, chance``.
    """
    pairs: Percentiles = tuple((high, low) for high, low in percentiles)
    watched = {run.seed: _Batches.of(run) for run in map(from_dict, configs)}
    records = [
        record
        for batches in watched.values()
        for record in batches.records(0, partial(untrained_features, batches.config), pairs)
    ]

    def look(step: int, results: list[TrainResult]) -> None:
        for result in results:
            if result.evaluation is not None:
                found = watched[result.config.seed].records(step, result.features, pairs)
                records.extend(found)

    run_many([batches.config for batches in watched.values()], callback=look)
    return {"records": records}


class _Batches(NamedTuple):
    """Augmented batches of a run's training images.

    Attributes:
        config: of the run.
        views: (2B, H, W, 1) views of each batch, views 1 first.
        labels: (2B,) of each batch.
        kinds: (4, 2B, 2B) of each batch, :data:`KINDS`.
    """

    config: TrainConfig
    views: list[np.ndarray]
    labels: list[np.ndarray]
    kinds: list[np.ndarray]

    @classmethod
    def of(cls, config: TrainConfig) -> _Batches:
        problem = make_problem(config)
        labels, mixed = own_labels(config, problem)
        images, indices = (
            np.asarray(each) for each in (problem.source.images, problem.source.indices)
        )
        order = np.random.default_rng(config.seed).permutation(len(images))
        size, found = config.batch_size, cls(config, [], [], [])
        for number in range(min(_BATCHES, len(images) // size)):
            rows = order[number * size : (number + 1) * size]
            drawn = (images[rows], indices[rows], config.seed, _EPOCH, 0)
            shown = two_views(*drawn, DIGIT_AUGMENTATION)
            found.views.append(np.concatenate([np.asarray(each) for each in shown]))
            found.labels.append(np.tile(labels[rows], 2))
            found.kinds.append(pair_kinds(found.labels[-1], np.tile(mixed[rows], 2)))
        return found

    def records(self, step: int, encode: Any, percentiles: Percentiles) -> list[dict[str, Any]]:
        """What an encoder selects."""
        counts = sum(
            np.asarray(_selected(jnp.asarray(encode(views)), jnp.asarray(kinds), percentiles))
            for views, kinds in zip(self.views, self.kinds, strict=True)
        )
        chance = np.sum([kinds.sum(axis=(1, 2)) for kinds in self.kinds], axis=0)
        records = []
        for (high, low), selected in zip(percentiles, np.atleast_2d(counts), strict=True):
            record = {"seed": self.config.seed, "step": step, "pos_high": high, "pos_low": low}
            record["share"] = selected[1] / selected[0]
            record["chance"] = chance[1] / chance[0]
            record["best"] = best_share(self.labels, high, low)
            for kind in (2, 3):
                record[KINDS[kind]] = selected[kind] / selected[1]
                record[f"{KINDS[kind]}, chance"] = chance[kind] / chance[1]
            records.append(record)
        return records


def pair_kinds(labels: np.ndarray, mixed: np.ndarray) -> np.ndarray:
    """(4, 2B, 2B) bool masks of :data:`KINDS` for labels and mixed views, views 1 first."""
    everyone = np.asarray(negatives(0, len(labels), len(labels)))
    cross = everyone & (labels[:, None] != labels)
    ends = mixed[:, None].astype(int) + mixed
    return np.stack([everyone, cross, cross & (ends >= 1), cross & (ends == 2)])


@partial(jax.jit, static_argnames="percentiles")
def _selected(features: jax.Array, kinds: jax.Array, percentiles: Percentiles) -> jax.Array:
    """(len(percentiles), 4) numbers of selected pairs of each kind."""
    masks = jnp.stack([select_pairs(features, high, low) for high, low in percentiles])
    return jnp.sum(masks[:, None] & kinds, axis=(2, 3))


def best_share(labels: Sequence[np.ndarray], pos_high: float, pos_low: float) -> float:
    """Share of two classes if an encoder ranked all same-class pairs before all others.

    A row has c same-class negatives and leaves ⌈posHigh M/100⌉ of its M out: of more than these
    some are selected whatever the encoder does.
    """
    left = total = 0
    for own in labels:
        size = len(own) - 2
        high, low = (math.ceil(q * size / 100 - 1e-9) for q in (pos_high, pos_low))
        same = (own[:, None] == own).sum(axis=1) - 2
        left += np.clip(same - high, 0, low - high).sum()
        total += len(own) * (low - high)
    return float(1 - left / total)
