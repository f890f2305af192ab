"""Which pairs Eq. 12 selects during training: are they of two classes? (Figure 4c)"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dctheory._runs import write_atomic

if TYPE_CHECKING:
    from dctheory.data.images import ImageSet
    from dctheory.train.outcome import TrainResult

_BATCHES = 4


def view_features(
    result: TrainResult, images: ImageSet, passes: int = 1, most: int | None = None
) -> Iterator[tuple[Any, Any]]:
    """Batches of rows and the (2B, p) features of two augmented views of each.

    In every pass each image is in one batch; the last batch is filled up with some from the first.

    Args:
        result: the encoder; its batch size and seed are used.
        images: those it was trained on.
        passes: over all images.
        most: batches in a pass; None for all.
    """
    augment, size, seed = _augment(), result.config.batch_size, result.config.seed
    for turn in range(passes):
        order = np.random.default_rng([seed, turn]).permutation(len(images))
        for step, start in enumerate(range(0, len(images), size)):
            if step == most:
                break
            rows = np.take(order, range(start, start + size), mode="wrap")
            views = augment(images.images[rows], images.indices[rows], seed, turn, step)
            yield rows, np.concatenate([result.features(view) for view in views])


@cache
def _augment() -> Any:
    """The two views of a batch of CIFAR, compiled."""
    import jax

    from dctheory.data.augment import two_views
    from dctheory.data.cifar import CIFAR_AUGMENTATION

    return jax.jit(partial(two_views, augmentation=CIFAR_AUGMENTATION))


@cache
def _select() -> Any:
    """:func:`dctheory.contrast.select_pairs`, compiled."""
    import jax

    from dctheory.contrast.selection import select_pairs

    return jax.jit(select_pairs, static_argnums=(1, 2))


@dataclass(frozen=True, eq=False)
class Watch:
    """A callback of training that looks at the selected pairs and keeps what it saw in a folder.

    Attributes:
        images: trained on.
        folder: of the records, one file for each step, so that steps done again replace them.
    """

    images: ImageSet
    folder: Path

    def __call__(self, step: int, results: list[TrainResult]) -> None:
        """Record the shares of cross-class pairs at this step."""
        (result,) = results
        record = {"step": step, **cross_class_shares(result, self.images)}
        if result.evaluation is not None:
            record["accuracy"] = result.evaluation["probe_accuracy"]
        write_atomic(self.folder / f"selection-{step:08d}.json", json.dumps(record))

    def records(self) -> list[dict[str, Any]]:
        """What was seen, by step."""
        paths = sorted(self.folder.glob("selection-*.json"))
        return [json.loads(path.read_text()) for path in paths]


def cross_class_shares(result: TrainResult, images: ImageSet) -> dict[str, float]:
    """Shares of cross-class pairs among the selected negative pairs, and among all, in a batch.

    The percentiles are the run's; features are those of a network that does not train.
    """
    from dctheory.contrast.selection import negatives

    objective = result.config.objective
    counts = np.zeros((2, 2))
    for rows, features in view_features(result, images, most=_BATCHES):
        labels = np.tile(images.labels[rows], 2)
        differ = labels[:, None] != labels
        chosen = _select()(features, objective.pos_high, objective.pos_low)
        for i, mask in enumerate((chosen, negatives(0, len(labels), len(labels)))):
            counts[i] += (differ & np.asarray(mask)).sum(), np.asarray(mask).sum()
    shares = counts[:, 0] / counts[:, 1]
    return {"selected": float(shares[0]), "all": float(shares[1])}
