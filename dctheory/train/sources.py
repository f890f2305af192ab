"""Where a training step gets its views from; pytrees, so that several runs can be stacked.

A source is made once, on the host; its method ``views`` runs inside the jitted step. Its arrays
may differ from run to run of one program (``vmap`` over a leading axis), its static fields not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp

from dctheory.data.augment import Augmentation, two_views
from dctheory.data.keys import sample_keys, step_key
from dctheory.data.nodes import NodeFeatures
from dctheory.data.pairs import PairSampler
from dctheory.data.sphere import scatter_twice


class Moment(NamedTuple):
    """When a batch is drawn, and of which samples: all that its randomness depends on."""

    seed: Any
    epoch: Any
    step: Any
    rows: Any
    """(B,) rows of the samples in the batch; None for a stream of pairs."""


class Views(NamedTuple):
    """A batch: row i of both views belongs together."""

    first: jax.Array
    second: jax.Array
    edits: jax.Array | None = None
    """(B, B) margins or temperatures of (view 1 of i, view 2 of j), where an edit asks for them."""
    labels: jax.Array | None = None
    """(B,) classes, for a selection by an oracle; None where the data has none."""


class Source(Protocol):
    """What a step needs of the data."""

    @property
    def num_samples(self) -> int | None:
        """Samples in an epoch; None for a stream of pairs."""

    def views(self, moment: Moment, batch_size: int) -> Views:
        """The batch of that moment."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class DrawnPairs:
    """A finite sample of natural images, each seen through one pair: its empirical graph.

    Attributes:
        ends: (m, 2) int32 nodes.
    """

    ends: jax.Array

    def pairs(self, key: jax.Array, count: int) -> tuple[jax.Array, jax.Array]:
        """``count`` independent ones, each with its ends in a random order."""
        place, turn = jax.random.split(key)
        drawn = self.ends[jax.random.randint(place, (count,), 0, len(self.ends))]
        turned = jax.random.bernoulli(turn, shape=(count,))
        first, second = drawn[:, 0], drawn[:, 1]
        return jnp.where(turned, second, first), jnp.where(turned, first, second)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class GraphSource:
    """Independent pairs of nodes.

    Attributes:
        sampler: by A/W, of the population or of a sample.
        features: what is shown of a node; None for its index.
        edits: (N, N) float32 margins or temperatures; None for none.
    """

    sampler: PairSampler | DrawnPairs
    features: NodeFeatures | None
    edits: jax.Array | None

    @property
    def num_samples(self) -> None:
        """A stream has no epochs."""
        return None

    def views(self, moment: Moment, batch_size: int) -> Views:
        """B independent pairs of nodes, or of what is shown of them."""
        key = step_key(moment.seed, moment.epoch, moment.step, "pairs")
        first, second = self.sampler.pairs(key, batch_size)
        edits = None if self.edits is None else self.edits[first][:, second]
        if self.features is None:
            return Views(first, second, edits)
        key = step_key(moment.seed, moment.epoch, moment.step, "augmentation")
        shown = self.features.show(jnp.stack([first, second]), key)
        return Views(shown[0], shown[1], edits)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class ImageSource:
    """Two augmentations of each image of a set.

    Attributes:
        images: (N, H, W, channels) floats in [0, 1], or uint8.
        indices: (N,) int32 identities: what augmentation a sample gets depends on its identity,
            not on the subset that it is in.
        labels: (N,) int32 classes; None for none.
    """

    augmentation: Augmentation = field(metadata={"static": True})
    images: jax.Array
    indices: jax.Array
    labels: jax.Array | None = None

    @property
    def num_samples(self) -> int:
        """N, also under ``vmap``."""
        return int(self.indices.shape[-1])

    def views(self, moment: Moment, batch_size: int) -> Views:
        """Two views of the images in the moment's rows."""
        when = (moment.seed, moment.epoch, moment.step)
        images, indices = self.images[moment.rows], self.indices[moment.rows]
        labels = None if self.labels is None else self.labels[moment.rows]
        return Views(*two_views(images, indices, *when, self.augmentation), labels=labels)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class SphereSource:
    """Two augmentations of each point of a :class:`dctheory.data.SphereFamily`.

    Attributes:
        points: (N, d) float32.
        indices: (N,) int32 identities, as in :class:`ImageSource`.
        noise: of the family.
    """

    points: jax.Array
    indices: jax.Array
    noise: Any

    @property
    def num_samples(self) -> int:
        """N, also under ``vmap``."""
        return int(self.indices.shape[-1])

    def views(self, moment: Moment, batch_size: int) -> Views:
        """Two views of the points in the moment's rows."""
        when = (moment.seed, moment.epoch, moment.step)
        keys = sample_keys(*when, self.indices[moment.rows])
        views = scatter_twice(keys, self.points[moment.rows], self.noise)
        return Views(views[0], views[1])


def stack(sources: list[Any]) -> Any:
    """Sources of the same kind and shapes as one with a leading axis; ValueError if they differ."""
    if any(law(each) != law(sources[0]) for each in sources[1:]):
        raise ValueError(
            "the runs have data of different shapes or laws; train them one after the other"
        )
    return jax.tree.map(lambda *leaves: jnp.stack([jnp.asarray(leaf) for leaf in leaves]), *sources)


def law(source: Any) -> Any:
    """What must be equal for sources to be stacked: static fields, shapes and types."""
    leaves = jax.tree.leaves(source)
    kinds = tuple((jnp.shape(leaf), jnp.asarray(leaf).dtype) for leaf in leaves)
    return jax.tree.structure(source), kinds
