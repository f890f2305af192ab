"""Equal budgets, different images: which ones a subset keeps (Figure 1)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dctheory.experiment.cifar.selection import view_features

if TYPE_CHECKING:
    from dctheory.data.images import ImageSet
    from dctheory.train.outcome import TrainResult

RANDOM, BALANCED, SCORE, ORACLE, RANKING = "random", "balanced", "score", "oracle", "ranking"
# Over the images, each time in other batches and other views.
_PASSES = 3


def choose_subsets(
    result: TrainResult, images: ImageSet, kept: float, ranking: Sequence[int] | None = None
) -> dict[str, list[int]]:
    """Places in the training set of the images that each rule keeps.

    Args:
        result: encoder trained on all of the images.
        images: those.
        kept: share that is kept.
        ranking: images to keep, the best first, as of SAS; None for no such rule.

    Returns:
        "random": uniform; "balanced": uniform in each class; "score": those that
        :func:`dctheory.contrast.difficulty_score` finds least difficult (no labels); "oracle":
        without those of each class with the smallest gap between the two largest softmax outputs
        of a linear classifier (labels); "ranking": the first ones of the ranking.
    """
    from dctheory.data.images import stratified_split
    from dctheory.graph._unit_rows import UnitRows
    from dctheory.graph.classifier_gap import smallest_gaps

    seed, total = result.config.seed, len(images)
    rng, size = np.random.default_rng(seed), round(kept * total)
    features = result.features(images.images)
    codes = np.unique(images.labels, return_inverse=True)[1]
    difficult, _ = smallest_gaps(UnitRows(features), codes, 1 - kept, seed)
    rows = {
        RANDOM: rng.permutation(total)[:size],
        BALANCED: stratified_split(images.labels, (kept, 1 - kept), rng)[0],
        SCORE: np.argsort(mean_scores(result, images), kind="stable")[:size],
        ORACLE: np.flatnonzero(~difficult),
    }
    found = {name: images.indices[chosen] for name, chosen in rows.items()}
    if ranking is not None:
        found[RANKING] = _first_of(ranking, images, size)
    return {name: np.sort(places).tolist() for name, places in found.items()}


def _first_of(ranking: Sequence[int], images: ImageSet, size: int) -> NDArray[np.int64]:
    first = np.array(ranking)[np.isin(ranking, images.indices)][:size]
    if len(first) < size:
        raise ValueError(
            f"the ranking has {len(first)} of the images trained on, {size} are to be kept; "
            "give a longer one, or keep fewer"
        )
    return first


def mean_scores(result: TrainResult, images: ImageSet) -> NDArray[np.float64]:
    """(N,) mean difficulty of each image over random batches of augmented views.

    With the run's percentiles: with pos_low = 100 nearly all pairs are selected, and scores say
    little.
    """
    objective, scores = result.config.objective, _scores()
    sums, counts = np.zeros(len(images)), np.zeros(len(images))
    for rows, features in view_features(result, images, _PASSES):
        found = scores(features, objective.pos_high, objective.pos_low)
        np.add.at(sums, rows, np.asarray(found))
        np.add.at(counts, rows, 1)
    means: NDArray[np.float64] = sums / counts
    return means


@cache
def _scores() -> Any:
    """Of a batch's features and percentiles, compiled."""
    import jax

    from dctheory.contrast.selection import difficulty_score, select_thresholds

    def scores(features: Any, pos_high: float, pos_low: float) -> Any:
        return difficulty_score(select_thresholds(features, pos_high, pos_low))

    return jax.jit(scores, static_argnums=(1, 2))
