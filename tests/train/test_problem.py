"""What a run trains on and is judged on, for every kind of data."""

import dataclasses

import jax
import numpy as np
import pytest
from scipy import stats

from dctheory import SimilarityGraph, margin_matrix, temperature_matrix
from dctheory.data import load_digits
from dctheory.train.config import ModelConfig, ObjectiveConfig, TrainConfig
from dctheory.train.data_config import DigitsData, GraphData, SphereData
from dctheory.train.problem import make_problem
from dctheory.train.sources import DrawnPairs

TABLE = ModelConfig(kind="table", features=2)
NODES = GraphData(classes=2, per_class=3, difficult=1, alpha=0.6, beta=0.1, gamma=0.2)
GRAPH = SimilarityGraph(classes=2, per_class=3, difficult=1, alpha=0.6, beta=0.1, gamma=0.2)
SPHERE = SphereData(classes=3, per_class=6, difficult=2, dimension=5, seed=3)


def problem(data, seed=0, **values):
    if isinstance(data, GraphData) and data.show == "rows":
        values = {"model": TABLE} | values
    return make_problem(TrainConfig(data=data, steps=1, seed=seed, **values))


def graph(**values):
    return dataclasses.replace(NODES, **values)


def test_nodes_of_a_graph_are_judged_by_their_weight():
    found = problem(NODES)
    sets, matrix = found.evaluation, GRAPH.adjacency()
    assert (found.input_shape, found.num_nodes) == ((), 6)
    np.testing.assert_array_equal(sets.fit_inputs, np.arange(6))
    np.testing.assert_array_equal(sets.fit_labels, [0, 0, 0, 1, 1, 1])
    np.testing.assert_allclose(sets.fit_weights, matrix.sum(axis=1) / matrix.sum(), rtol=1e-12)
    assert sets.is_resubstitution


def test_features_of_nodes_are_tested_on_fresh_ones():
    found = problem(graph(show="features", dimension=5, noise=0.1))
    sets = found.evaluation
    assert (found.input_shape, found.num_nodes) == ((5,), None)
    assert len(sets.fit_inputs) == len(sets.test_labels) == 4 * 6
    assert not sets.is_resubstitution
    # The same node, shown again: as near as the noise of length 0.1 has it.
    distances = np.linalg.norm(np.asarray(sets.fit_inputs) - np.asarray(sets.test_inputs), axis=1)
    assert 0.05 < distances.mean() < 0.25
    labels = np.tile([0, 0, 0, 1, 1, 1], 4)
    np.testing.assert_array_equal(sets.test_labels, labels)
    assert sets.test_weights.sum() == pytest.approx(4)


def test_a_finite_sample_of_images_depends_on_the_seed_of_the_data():
    ends = [
        np.asarray(problem(data, seed).source.sampler.ends)
        for data, seed in [
            (graph(images=30), 0),
            (graph(images=30), 1),
            (graph(images=30, seed=1), 0),
        ]
    ]
    assert ends[0].shape == (30, 2)
    assert (ends[0] != ends[1]).any()
    np.testing.assert_array_equal(ends[1], ends[2])
    assert isinstance(problem(graph(images=30)).source.sampler, DrawnPairs)


@pytest.mark.parametrize("images", [None, 20_000])
def test_noisy_weights_are_what_is_drawn(images):
    """Also of a large sample: ε beside the similarities, negative ones cut off."""
    noisy = GRAPH.noisy(0.3, np.random.default_rng(5))
    assert noisy.min() < 0
    chances = np.maximum(noisy, 0) / np.maximum(noisy, 0).sum()
    sampler = problem(graph(epsilon=0.3, images=images), seed=5).source.sampler
    if images is None:
        x, y = sampler.pairs(jax.random.key(0), 20_000)
    else:
        x, y = np.asarray(sampler.ends).T
    counts = np.zeros((6, 6))
    np.add.at(counts, (np.asarray(x), np.asarray(y)), 1)
    assert counts[chances == 0].sum() == 0
    often = chances * 20_000 > 5
    rest = counts[~often].sum(), chances[~often].sum() * 20_000
    observed = np.append(counts[often], rest[0])
    expected = np.append(chances[often] * 20_000, rest[1])
    if rest[1] == 0:
        observed, expected = observed[:-1], expected[:-1]
    assert stats.chisquare(observed, expected).pvalue > 1e-3


def edits(**values):
    return np.asarray(
        problem(NODES, objective=ObjectiveConfig(loss="spectral", **values)).source.edits
    )


def test_edits_are_the_theorems_matrices():
    margins = margin_matrix(GRAPH, normalized=True)
    np.testing.assert_allclose(edits(edit="margin"), margins, rtol=1e-6)
    np.testing.assert_allclose(edits(edit="margin", edit_scale=3.0), 3 * margins, rtol=1e-6)
    np.testing.assert_allclose(edits(edit="temperature"), temperature_matrix(GRAPH), rtol=1e-6)
    with pytest.raises(ValueError, match="edit_scale is the factor of a margin"):
        edits(edit="temperature", edit_scale=0.25)
    assert problem(NODES).source.edits is None


def test_points_are_tested_on_a_fresh_sample():
    found = problem(SPHERE)
    sets = found.evaluation
    assert found.input_shape == (5,)
    np.testing.assert_array_equal(found.source.points, sets.fit_inputs)
    np.testing.assert_allclose(np.linalg.norm(sets.test_inputs, axis=1), 1, rtol=1e-5)
    assert np.abs(sets.fit_inputs - sets.test_inputs).max(axis=1).min() > 1e-3
    np.testing.assert_array_equal(sets.fit_labels, np.repeat([0, 1, 2], 6))


def test_easy_points_alone_are_trained_on_and_all_are_judged():
    whole, easy = problem(SPHERE), problem(dataclasses.replace(SPHERE, keep_difficult=False))
    # The difficult ones come first in each class.
    kept = [i for i in range(18) if i % 6 >= 2]
    np.testing.assert_array_equal(easy.source.indices, kept)
    np.testing.assert_array_equal(easy.source.points, np.asarray(whole.source.points)[kept])
    np.testing.assert_array_equal(easy.evaluation.fit_inputs, whole.evaluation.fit_inputs)
    with pytest.raises(ValueError, match="leaves no training point"):
        problem(dataclasses.replace(SPHERE, difficult=6, keep_difficult=False))


def test_digits_are_mixed_and_thinned_for_training_alone():
    splits = load_digits(2)
    plain, mixed, without, tail, final = (
        problem(data, seed=2)
        for data in (
            DigitsData(),
            DigitsData(mixed=0.2),
            DigitsData(mixed=0.2, keep_mixed=False),
            DigitsData(imbalance=10.0),
            DigitsData(test="test"),
        )
    )
    assert plain.input_shape == (8, 8, 1)
    np.testing.assert_array_equal(plain.source.images, splits.train.images)
    for each in (plain, mixed, without, tail, final):
        np.testing.assert_array_equal(each.evaluation.fit_inputs, splits.train.images)
    changed = (np.asarray(mixed.source.images) != splits.train.images).any(axis=(1, 2, 3))
    assert changed.mean() == pytest.approx(0.2, abs=0.01)
    np.testing.assert_array_equal(without.source.indices, splits.train.indices[~changed])
    rest = np.asarray(tail.source.indices)
    labels = dict(zip(splits.train.indices.tolist(), splits.train.labels, strict=True))
    counts = np.bincount([labels[index] for index in rest.tolist()])
    assert counts.max() / counts.min() == pytest.approx(10, rel=0.15)
    np.testing.assert_array_equal(plain.evaluation.test_inputs, splits.validation.images)
    np.testing.assert_array_equal(final.evaluation.test_inputs, splits.test.images)


def test_parameters_that_make_no_graph():
    with pytest.raises(ValueError, match="difficult"):
        problem(graph(difficult=9))
