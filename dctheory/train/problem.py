"""From the configuration of data to a source of views, and what features are judged on."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dctheory.data.keys import step_key
from dctheory.train.config import TrainConfig
from dctheory.train.data_config import (
    Cifar10Data,
    Cifar100Data,
    DigitsData,
    GraphData,
    SphereData,
)
from dctheory.train.protocol import EvaluationSet
from dctheory.train.sources import DrawnPairs, GraphSource, ImageSource, SphereSource

if TYPE_CHECKING:
    from dctheory.data.augment import Augmentation
    from dctheory.data.images import ImageSet
    from dctheory.graph.similarity import SimilarityGraph

# What is shown of each node that a probe is fitted to, and again of each that it is tested on.
_SHOWN = 4


@dataclass(frozen=True, eq=False)
class Problem:
    """The data of one run.

    Attributes:
        source: the training batches.
        evaluation: what the probe is fitted to and tested on.
        input_shape: of one input of the network; () for a node's index.
        num_nodes: rows of a table of free vectors; None for a network.
        graph: the similarity graph, where the data is drawn from one.
    """

    source: Any
    evaluation: EvaluationSet
    input_shape: tuple[int, ...]
    num_nodes: int | None = None
    graph: SimilarityGraph | None = None


def make_problem(config: TrainConfig) -> Problem:
    """The data of a run, by the seed of the data or else of the run.

    Raises ValueError where the parameters make no graph, family or split.
    """
    data = config.data
    seed = config.seed if data.seed is None else data.seed
    if isinstance(data, GraphData):
        return _graph(config, data, seed)
    if isinstance(data, SphereData):
        return _sphere(data, seed)
    if isinstance(data, DigitsData):
        return _digits(data, seed)
    return _cifar(data, seed)


# --- Graphs


def similarity_graph(data: GraphData) -> SimilarityGraph:
    """The paper's graph with the parameters of the data, decimals taken as exact."""
    from fractions import Fraction

    from dctheory.graph.similarity import SimilarityGraph

    return SimilarityGraph(
        classes=data.classes,
        per_class=data.per_class,
        difficult=data.difficult,
        alpha=Fraction(str(data.alpha)),
        beta=Fraction(str(data.beta)),
        gamma=Fraction(str(data.gamma)),
        pairing=data.pairing,
    )


def _graph(config: TrainConfig, data: GraphData, seed: int) -> Problem:
    from dctheory.data.nodes import node_features

    graph = similarity_graph(data)
    features = None
    if data.show == "features":
        lengths = {name: getattr(data, name) for name in ("difficulty", "identity", "noise")}
        features = node_features(graph, data.dimension, seed, **lengths)
    edits = _edits(config, graph)
    source = GraphSource(_sampler(graph, data, seed), features, edits)
    nodes = jnp.arange(graph.num_nodes, dtype=jnp.int32)
    weights = np.asarray(graph.degrees) / float(graph.total_weight)
    if features is None:
        parts: list[Any] = [nodes, nodes]
        shape: tuple[int, ...] = ()
    else:
        nodes, weights = jnp.tile(nodes, _SHOWN), np.tile(weights, _SHOWN)
        parts = [
            features.show(nodes, step_key(seed, 0, 0, f"nodes to {use}"))
            for use in ("fit the probe", "test it")
        ]
        shape = (data.dimension,)
    labels = np.asarray(graph.labels)[np.asarray(nodes)]
    evaluation = EvaluationSet(
        parts[0], labels, parts[1], labels, data.classes, fit_weights=weights, test_weights=weights
    )
    return Problem(source, evaluation, shape, graph.num_nodes if features is None else None, graph)


def _sampler(graph: SimilarityGraph, data: GraphData, seed: int) -> Any:
    """Of the population, with noise where asked for, or a finite sample from it."""
    from dctheory.data.empirical import sample_natural
    from dctheory.data.pairs import pair_sampler

    weights: Any = graph
    if data.epsilon:
        noisy = graph.noisy(data.epsilon, np.random.default_rng(seed))
        weights = np.maximum(noisy, 0)
    sampler = pair_sampler(weights)
    if data.images is None:
        return sampler
    drawn = sample_natural(sampler, data.images, step_key(seed, 0, 0, "natural images"))
    ends = np.stack([drawn.first, drawn.second], axis=1)
    return DrawnPairs(jnp.asarray(ends, jnp.int32))


def _edits(config: TrainConfig, graph: SimilarityGraph) -> jax.Array | None:
    """(N, N) margins for weights that sum to 1, or temperatures, as the objective asks."""
    from dctheory.bound.edits import margin_matrix, temperature_matrix

    objective = config.objective
    if objective.edit == "none":
        return None
    if objective.edit == "margin":
        table = objective.edit_scale * margin_matrix(graph, normalized=True)
    else:
        table = temperature_matrix(graph)
    return jnp.asarray(table, jnp.float32)


# --- Points and images


def _sphere(data: SphereData, seed: int) -> Problem:
    from dctheory.data.sphere import SphereFamily

    names = [each.name for each in dataclasses.fields(SphereFamily) if each.name != "seed"]
    family = SphereFamily(**{name: getattr(data, name) for name in names}, seed=seed)
    train, test = (
        np.asarray(family.sample(step_key(seed, 0, 0, f"{use} points")))
        for use in ("train", "test")
    )
    rows = np.arange(len(train))
    if not data.keep_difficult:
        rows = rows[~family.is_difficult]
    if not len(rows):
        raise ValueError(
            "data.keep_difficult = false leaves no training point, since all are difficult; "
            "choose difficult < per_class"
        )
    indices = jnp.asarray(rows, jnp.int32)
    source = SphereSource(jnp.asarray(train[rows]), indices, jnp.float32(family.noise))
    evaluation = EvaluationSet(train, family.labels, test, family.labels, data.classes)
    return Problem(source, evaluation, (data.dimension,))


def _digits(data: DigitsData, seed: int) -> Problem:
    from dctheory.data.digits import DIGIT_AUGMENTATION, load_digits

    splits = load_digits(seed)
    train = _thinned_and_mixed(splits.train, data, seed)
    return _images(train, splits.train, getattr(splits, data.test), 10, DIGIT_AUGMENTATION)


class CifarImages(NamedTuple):
    """The images of a run: trained on, for classifiers to be fitted to, and to be tested on."""

    train: ImageSet
    fit: ImageSet
    test: ImageSet
    classes: int


def cifar_images(data: Cifar10Data, seed: int) -> CifarImages:
    """What the data says, its choices by the seed.

    Raises ValueError where nothing is left, and what :func:`dctheory.data.load_cifar10` raises.
    """
    from dctheory.data import cifar
    from dctheory.data.images import stratified_split
    from dctheory.data.subsets import load_subset

    load = cifar.load_cifar100 if isinstance(data, Cifar100Data) else cifar.load_cifar10
    splits = load(data.data_dir)
    fit, test, count = splits.train, splits.test, len(splits.train)
    rng = np.random.default_rng(seed)
    if data.test == "validation":
        kept, held = stratified_split(fit.labels, (1 - data.held_out, data.held_out), rng)
        fit, test = fit.subset(kept), fit.subset(held)
    train = fit
    if data.subset is not None:
        train = train.subset(np.isin(train.indices, load_subset(data.subset, count)))
    train = _some(train, data.samples, rng)
    train = _thinned_and_mixed(train, data, seed)
    fit, test = (_some(each, data.probe_samples, rng) for each in (fit, test))
    return CifarImages(train, fit, test, len(splits.classes))


def _some(images: ImageSet, count: int | None, rng: np.random.Generator) -> ImageSet:
    """About ``count`` images, the same share of every class; all for None."""
    from dctheory.data.images import stratified_split

    if count is None or count >= len(images):
        return images
    share = count / len(images)
    return images.subset(stratified_split(images.labels, (share, 1 - share), rng)[0])


def _cifar(data: Cifar10Data, seed: int) -> Problem:
    from dctheory.data.cifar import CIFAR_AUGMENTATION

    return _images(*cifar_images(data, seed), CIFAR_AUGMENTATION)


def _thinned_and_mixed(train: ImageSet, data: DigitsData | Cifar10Data, seed: int) -> ImageSet:
    from dctheory.data.mixing import mix_pixels
    from dctheory.data.tails import long_tail

    if data.imbalance > 1:
        train = train.subset(long_tail(train.labels, data.imbalance, np.random.default_rng(seed)))
    mixture = mix_pixels(train, data.mixed, np.random.default_rng(seed))
    return mixture.data if data.keep_mixed else mixture.without_mixed()


def _images(
    train: ImageSet, fit: ImageSet, test: ImageSet, classes: int, augmentation: Augmentation
) -> Problem:
    """Whatever is trained on, the probe is fitted to all images as they were before mixing."""
    indices = jnp.asarray(train.indices, jnp.int32)
    labels = jnp.asarray(train.labels, jnp.int32)
    source = ImageSource(augmentation, jnp.asarray(train.images), indices, labels)
    evaluation = EvaluationSet(fit.images, fit.labels, test.images, test.labels, classes)
    return Problem(source, evaluation, train.images.shape[1:])
