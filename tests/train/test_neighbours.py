from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

jax = pytest.importorskip("jax")
jnp = jax.numpy

from dctheory.train.neighbours import knn_predict  # noqa: E402

# One shape for most tests: one compilation.
KNOWN, ROWS, DIMENSION, CLASSES = 24, 10, 3, 4
TEMPERATURE = 0.1


def data(seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, KNOWN)
    known = rng.normal(size=(KNOWN, DIMENSION)) + rng.normal(size=(CLASSES, DIMENSION))[labels]
    return known, labels, rng.normal(size=(ROWS, DIMENSION))


def naive_votes(known, labels, row, neighbours, temperature):
    """Section 3.4 of Wu et al. 2018, one neighbour at a time; ties share what is left."""
    cosines = [float(each @ row / np.linalg.norm(each) / np.linalg.norm(row)) for each in known]
    last = sorted(cosines)[-neighbours]
    nearer = [cosine > last + 1e-9 for cosine in cosines]
    tied = [abs(cosine - last) <= 1e-9 for cosine in cosines]
    votes = np.zeros(CLASSES)
    for index, cosine in enumerate(cosines):
        share = 1 if nearer[index] else tied[index] * (neighbours - sum(nearer)) / sum(tied)
        votes[labels[index]] += share * np.exp(cosine / temperature)
    return votes


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.02, 0.1, 5.0]))
@pytest.mark.parametrize("neighbours", [1, 5, KNOWN])
def test_is_the_naive_vote(neighbours, seed, temperature):
    known, labels, rows = data(seed)
    found = knn_predict(
        known, labels, rows, CLASSES, neighbours=neighbours, temperature=temperature
    )
    assert found.dtype == jnp.int32
    for label, row in zip(found, rows, strict=True):
        votes = naive_votes(known, labels, row, neighbours, temperature)
        # Also right where rounding decides between two classes.
        assert votes[label] >= votes.max() * (1 - 1e-4)


def test_votes_beyond_the_range_of_floats():
    """exp(1 / 0.001) overflows; the votes' proportions do not."""
    known, labels, rows = data(1)
    found = knn_predict(known, labels, rows, CLASSES, neighbours=5, temperature=1e-3)
    nearest = knn_predict(known, labels, rows, CLASSES, neighbours=1, temperature=1.0)
    np.testing.assert_array_equal(found, nearest)


def test_scale_of_features_does_not_matter():
    known, labels, rows = data(2)
    predict = partial(knn_predict, classes=CLASSES, neighbours=5, temperature=TEMPERATURE)
    plain = predict(known, labels, rows)
    lengths = np.logspace(-15, 15, KNOWN)[:, None]
    np.testing.assert_array_equal(predict(lengths * known, labels, 1e-20 * rows), plain)


@pytest.mark.parametrize("block_size", [1, 4])
def test_block_size_does_not_matter(block_size):
    known, labels, rows = data(3)
    predict = partial(
        knn_predict, known, labels, rows, CLASSES, neighbours=5, temperature=TEMPERATURE
    )
    np.testing.assert_array_equal(predict(block_size=block_size), predict())


def test_ties_share_the_votes_that_are_left():
    """One vote of 1 for class 3, and four samples that share one vote at cosine 0.6."""
    near, far = [1.0, 0.0], [0.6, 0.8]
    known = np.array([far, far, near, far, far, [-1.0, 0.0]])
    row = np.array([near])
    predict = partial(knn_predict, classes=4, neighbours=2)
    # At a large temperature every vote counts about 1: 3/4 for class 0, 1/4 for class 1.
    assert predict(known, [0, 0, 3, 0, 1, 2], row, temperature=100.0) == 3
    # The same shares, of a class that has another vote too.
    assert predict(known, [0, 0, 0, 0, 1, 2], row, temperature=100.0) == 0
    # With three neighbours they share two votes: 6/4 for class 0.
    assert knn_predict(known, [0, 0, 3, 0, 1, 2], row, 4, neighbours=3, temperature=100.0) == 0
    # Equal votes: the smallest label, whatever the order.
    assert predict(known, [2, 2, 2, 1, 1, 1], far * np.ones((1, 2)), temperature=1.0) == 1


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_copies_of_samples_share_votes_in_any_order(seed):
    known, _, rows = data(seed)
    rng = np.random.default_rng(seed)
    known, labels = known[rng.integers(0, 6, KNOWN)], rng.integers(0, CLASSES, KNOWN)
    found = knn_predict(known, labels, rows, CLASSES, neighbours=5, temperature=TEMPERATURE)
    for label, row in zip(found, rows, strict=True):
        votes = naive_votes(known, labels, row, 5, TEMPERATURE)
        assert votes[label] >= votes.max() * (1 - 1e-4)


def test_zero_rows_are_as_near_as_orthogonal_ones():
    known = np.array([[0.0, 1.0], [-1.0, 0.0], [-1.0, 0.1]])
    assert knn_predict(known, [1, 0, 0], [[0.0, 0.0]], 2, neighbours=3, temperature=1.0) == 0
    zero = np.array([[0.0, 0.0], [-1.0, 0.0]])
    assert knn_predict(zero, [1, 0], [[1.0, 0.0]], 2, neighbours=1, temperature=1.0) == 1


def test_several_encoders_at_once():
    sets = [data(seed) for seed in (4, 5)]
    labels = sets[0][1]

    def predict(known, rows):
        return knn_predict(
            known, labels, rows, CLASSES, neighbours=5, temperature=TEMPERATURE, block_size=3
        )

    known, rows = (jnp.stack([each[index] for each in sets]) for index in (0, 2))
    together = jax.jit(jax.vmap(predict))(known, rows)
    for index, (one, _, other) in enumerate(sets):
        np.testing.assert_array_equal(together[index], predict(one, other))


def test_memory_does_not_grow_with_the_matrix_of_pairs():
    def float32(*shape):
        return jax.ShapeDtypeStruct(shape, jnp.float32)

    predict = jax.jit(partial(knn_predict, classes=10, neighbours=200, temperature=TEMPERATURE))
    labels = jax.ShapeDtypeStruct((50_000,), jnp.int32)
    program = predict.lower(float32(50_000, 512), labels, float32(10_000, 512)).compile()
    # Unit rows of both, and a block; the matrix would take 1.9 GiB.
    assert program.memory_analysis().temp_size_in_bytes < 400 * 2**20


GOOD = {
    "fit_features": np.eye(4, 3),
    "fit_labels": [0, 1, 2, 0],
    "features": np.eye(2, 3),
    "classes": 3,
    "neighbours": 2,
    "temperature": 0.1,
}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"neighbours": 5}, ValueError, "neighbours = 5 is more than the 4 samples"),
        ({"neighbours": 0}, ValueError, "neighbours"),
        ({"neighbours": 2.5}, TypeError, "neighbours"),
        ({"temperature": 0}, ValueError, "temperature"),
        ({"temperature": -0.1}, ValueError, "temperature"),
        ({"temperature": np.ones(2)}, ValueError, "temperature must be one number"),
        ({"features": np.eye(2, 4)}, ValueError, "3 columns and features 4"),
        ({"features": np.ones((0, 3))}, ValueError, "no rows"),
        ({"features": np.ones(3)}, ValueError, "features must have shape"),
        ({"features": np.full((2, 3), np.nan)}, ValueError, "features holds NaN"),
        ({"fit_features": np.eye(4, 3, dtype=int)}, TypeError, "fit_features must be floating"),
        ({"fit_labels": [0, 1, 2]}, ValueError, "fit_labels must have shape"),
        ({"fit_labels": [0, 1, 2, 3]}, ValueError, "fit_labels must lie in"),
        ({"classes": 1}, ValueError, "classes"),
        ({"block_size": 0}, ValueError, "block_size"),
    ],
)
def test_bad_input(change, error, message):
    with pytest.raises(error, match=message):
        knn_predict(**GOOD | change)
