"""Sources of views: the law of what they draw, and what it depends on."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from dctheory import SimilarityGraph
from dctheory.data import Augmentation, node_features, pair_sampler
from dctheory.train.sources import (
    DrawnPairs,
    GraphSource,
    ImageSource,
    Moment,
    SphereSource,
    law,
    stack,
)

GRAPH = SimilarityGraph(classes=2, per_class=3, difficult=1, alpha=0.6, beta=0.1, gamma=0.3)
RNG = np.random.default_rng(0)
IMAGES = RNG.random((7, 4, 4, 1), dtype=np.float32)
POINTS = RNG.standard_normal((7, 3)).astype(np.float32)
# Identities that are not the places.
INDICES = np.array([3, 1, 40, 41, 9, 8, 5], np.int32)


def moment(seed=0, epoch=1, step=2, rows=None):
    return Moment(seed, epoch, step, None if rows is None else jnp.array(rows))


def images(rows=slice(None)):
    return ImageSource(
        Augmentation(flip=0.5, noise=0.3), jnp.array(IMAGES[rows]), jnp.array(INDICES[rows])
    )


def points(rows=slice(None), noise=0.5):
    return SphereSource(jnp.array(POINTS[rows]), jnp.array(INDICES[rows]), jnp.float32(noise))


def drawn_counts(source, size=20_000):
    x, y = source.pairs(jax.random.key(1), size)
    counts = np.zeros((4, 4))
    np.add.at(counts, (np.asarray(x), np.asarray(y)), 1)
    return counts


def test_a_finite_sample_is_drawn_by_its_empirical_graph():
    # One pair twice, one both ways round, and a node with itself.
    ends = np.array([[0, 1], [0, 1], [2, 0], [0, 2], [3, 3]], np.int32)
    chances = np.zeros((4, 4))
    for x, y in ends:
        chances[x, y] += 0.5 / len(ends)
        chances[y, x] += 0.5 / len(ends)
    counts = drawn_counts(DrawnPairs(jnp.array(ends)))
    assert counts[chances == 0].sum() == 0
    possible = chances > 0
    assert stats.chisquare(counts[possible], chances[possible] * counts.sum()).pvalue > 1e-3


def test_pairs_of_nodes_are_new_at_each_moment():
    source = GraphSource(pair_sampler(GRAPH), None, None)
    nodes = np.array(source.views(moment(), 50)[:2])
    np.testing.assert_array_equal(nodes, source.views(moment(), 50)[:2])
    for change in ({"step": 3}, {"epoch": 2}, {"seed": 1}):
        assert (nodes != np.array(source.views(moment(**change), 50)[:2])).any()
    assert source.num_samples is None


def test_nodes_are_shown_with_noise_of_their_own_in_each_view():
    features = node_features(GRAPH, 30, 0, noise=0.5)
    plain = GraphSource(pair_sampler(GRAPH), None, None)
    shown = dataclasses.replace(plain, features=features)
    nodes, views = (jnp.stack(each.views(moment(), 40)[:2]) for each in (plain, shown))
    noise = np.asarray(views - features.prototypes(nodes))
    assert np.linalg.norm(noise, axis=-1).mean() == pytest.approx(0.5, rel=0.05)
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.12


@pytest.mark.parametrize("make", [images, points])
def test_a_sample_is_augmented_by_its_identity_and_the_moment(make):
    def views(source, rows, **when):
        return np.array(source.views(moment(rows=rows, **when), 3)[:2])

    whole = views(make(), [0, 1, 2])
    # In another place of the batch, and in a subset of the data.
    np.testing.assert_allclose(views(make(), [2, 0, 5])[:, :2], whole[:, [2, 0]], atol=1e-6)
    subset = views(make([2, 4, 0]), [2, 1, 0])
    np.testing.assert_allclose(subset[:, [0, 2]], whole[:, [0, 2]], atol=1e-6)
    later = views(make(), [0, 1, 2], step=3)
    for one, other in zip((*whole, *whole), (*whole[::-1], *later), strict=True):
        assert (np.abs(one - other).reshape(3, -1).max(axis=1) > 1e-3).all()


def test_points_without_noise_are_the_points():
    first, second, *_ = points(noise=0.0).views(moment(rows=[6, 0]), 2)
    unit = POINTS / np.linalg.norm(POINTS, axis=1, keepdims=True)
    np.testing.assert_allclose(first, unit[[6, 0]], atol=1e-6)
    np.testing.assert_array_equal(first, second)


def test_a_stack_holds_each_source():
    sources = [points(), points(noise=0.1)]
    together = stack(sources)
    assert together.num_samples == 7
    views = jax.vmap(lambda source: source.views(moment(rows=[2, 0]), 2))(together)
    for index, source in enumerate(sources):
        np.testing.assert_allclose(
            views.first[index], source.views(moment(rows=[2, 0]), 2).first, atol=1e-6
        )


@pytest.mark.parametrize(
    "other",
    [
        points(slice(5)),
        images(),
        SphereSource(points().points.astype(jnp.float16), points().indices, jnp.float32(0.5)),
    ],
)
def test_sources_of_other_shapes_or_types_are_not_stacked(other):
    assert law(other) != law(points())
    with pytest.raises(ValueError, match="different shapes or laws"):
        stack([points(), other])


def test_another_augmentation_is_another_law():
    other = dataclasses.replace(images(), augmentation=Augmentation(flip=0.4, noise=0.3))
    assert law(images()) == law(images([6, 5, 4, 3, 2, 1, 0]))
    assert law(other) != law(images())


def test_labels_go_with_their_images():
    labels = jnp.arange(7, dtype=jnp.int32) * 10
    source = dataclasses.replace(images(), labels=labels)
    found = source.views(moment(rows=[4, 0, 2]), 3)
    assert found.labels.tolist() == [40, 0, 20]
    assert np.array_equal(found.first, images().views(moment(rows=[4, 0, 2]), 3).first)
    assert images().views(moment(rows=[4]), 1).labels is None
