from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

jax = pytest.importorskip("jax")
jnp = jax.numpy

from dctheory.train.config import EvaluationConfig, ModelConfig  # noqa: E402
from dctheory.train.networks import make_network  # noqa: E402
from dctheory.train.protocol import (  # noqa: E402
    EvaluationSet,
    NonFiniteFeatures,
    evaluate,
    extract_features,
)

FIT, TEST, CLASSES, FEATURES = 40, 23, 3, 4
CONFIG = EvaluationConfig(neighbours=5, ridge=1e-2)


@dataclass(frozen=True)
class BatchNormed:
    """A matrix after batch normalisation: in training mode a batch changes outputs and stats."""

    features: int = FEATURES

    def init(self, key):
        weights = jax.random.normal(key, (2 * 2, FEATURES))
        return {"weights": weights}, {"mean": jnp.full(4, 0.5), "count": jnp.zeros((), jnp.int32)}

    def apply(self, params, stats, x, train):
        rows = x.reshape(len(x), -1)
        mean = rows.mean(axis=0) if train else stats["mean"]
        h = (rows - mean) @ params["weights"]
        new = {"mean": mean, "count": stats["count"] + 1} if train else stats
        return h, jnp.full((len(x), 1), jnp.nan), new


@pytest.fixture(scope="module")
def encoder():
    network = BatchNormed()
    return network, *network.init(jax.random.key(0))


def images(dtype=np.float32, seed=0):
    """A set of 2 × 2 images, brighter in one corner for each class."""
    rng = np.random.default_rng(seed)
    parts = []
    for count in (FIT, TEST):
        labels = np.append(np.arange(CLASSES), rng.integers(0, CLASSES, count - CLASSES))
        pixels = rng.integers(0, 200, (count, 4)) + 55 * (np.arange(4) == labels[:, None])
        pixels = pixels.reshape(count, 2, 2, 1)
        parts += [pixels.astype(np.uint8) if dtype == np.uint8 else pixels / dtype(255), labels]
    return EvaluationSet(*parts, CLASSES)


def features_by_hand(params, stats, inputs):
    rows = np.asarray(inputs, np.float64).reshape(len(inputs), -1)
    return (rows - np.asarray(stats["mean"])) @ np.asarray(params["weights"], np.float64)


def test_numbers_are_those_of_scikit_learn_on_the_features(encoder):
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    network, params, stats = encoder
    sets = images()
    found = evaluate(network, params, stats, sets, CONFIG)
    fit, test = (features_by_hand(params, stats, x) for x in (sets.fit_inputs, sets.test_inputs))
    penalty = 1 / (CONFIG.ridge * FIT)
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=penalty, tol=1e-8))
    probe.fit(fit, sets.fit_labels)
    votes = KNeighborsClassifier(
        5,
        metric="cosine",
        algorithm="brute",
        weights=lambda distance: np.exp((1 - distance) / CONFIG.knn_temperature),
    ).fit(fit, sets.fit_labels)

    reached = probe.score(test, sets.test_labels)
    assert 0.4 < reached < 1
    assert found["probe_accuracy"] == pytest.approx(reached)
    assert found["probe_error"] == pytest.approx(1 - reached)
    assert found["fit_accuracy"] == pytest.approx(probe.score(fit, sets.fit_labels))
    assert found["knn_accuracy"] == pytest.approx(votes.score(test, sets.test_labels))
    assert found["probe_converged"] is True
    assert found["protocol"] == (
        "logistic probe (L-BFGS, ridge 0.01, standardised) and 5-NN (cosine, exp(s/0.1)) on 4 "
        "frozen encoder outputs h, no augmentation, fit on 40, tested on 23"
    )
    assert all(isinstance(value, (float, bool, str)) for value in found.values())


def test_encoder_stays_as_it_is():
    """Batch normalisation included, also of the network that trains."""
    model = ModelConfig(kind="convnet", features=4, width=2, depth=1, projector=3)
    network = make_network(model, (2, 2, 1))
    params, stats = network.init(jax.random.key(1))
    assert jax.tree.leaves(stats)
    before = jax.tree.map(np.array, (params, stats))
    sets = images()
    first = evaluate(network, params, stats, sets, CONFIG)
    jax.tree.map(np.testing.assert_array_equal, before, (params, stats))
    assert evaluate(network, params, stats, sets, CONFIG) == first
    h, _, trained = network.apply(params, stats, jnp.asarray(sets.fit_inputs), train=False)
    jax.tree.map(np.testing.assert_array_equal, stats, trained)
    found = extract_features(network, params, stats, sets.fit_inputs)
    np.testing.assert_allclose(found, h, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 7, 20, 39, 1000])
def test_batches_do_not_affect_each_other(encoder, batch_size):
    sets = images()
    found = extract_features(*encoder, sets.fit_inputs, batch_size)
    expected = features_by_hand(*encoder[1:], sets.fit_inputs)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_result_does_not_depend_on_the_batch_size(encoder):
    whole, parts = (evaluate(*encoder, images(), CONFIG, batch_size=size) for size in (1024, 7))
    assert whole == parts


def test_bytes_are_pixels_between_0_and_1(encoder):
    sets, pixels = images(), images(np.uint8)
    assert pixels.fit_inputs.dtype == np.uint8
    np.testing.assert_allclose(
        extract_features(*encoder, pixels.fit_inputs),
        extract_features(*encoder, sets.fit_inputs),
        atol=1e-5,
    )


def test_nodes_are_looked_up():
    network = make_network(ModelConfig(kind="table", features=FEATURES), (), num_nodes=FIT)
    params, stats = network.init(jax.random.key(2))
    (table,) = jax.tree.leaves(params)
    nodes = np.array([3, 8, 0, 3])
    np.testing.assert_array_equal(extract_features(network, params, stats, nodes, 3), table[nodes])
    every, labels = np.arange(FIT), np.arange(FIT) % CLASSES
    sets = EvaluationSet(every, labels, every, labels, CLASSES)
    found = evaluate(network, params, stats, sets, EvaluationConfig(neighbours=0))
    assert found["probe_accuracy"] == found["fit_accuracy"]
    assert "fit on 40, tested on the same" in found["protocol"]


def test_an_encoder_that_diverged_is_not_judged(encoder):
    network, params, stats = encoder
    for bad in (np.nan, np.inf):
        with pytest.raises(NonFiniteFeatures, match="NaN or infinite"):
            evaluate(network, {"weights": params["weights"] * bad}, stats, images(), CONFIG)


def test_weights_of_samples(encoder):
    """Those of weight 0 might as well not be there."""
    sets = images()
    fit_weights, test_weights = np.arange(FIT) < FIT - 5, np.arange(TEST) < TEST - 5
    other = sets.fit_labels.copy(), sets.test_labels.copy()
    other[0][-5:], other[1][-5:] = 0, 0
    config = EvaluationConfig(neighbours=0, ridge=1e-2)
    found = [
        evaluate(
            *encoder,
            EvaluationSet(
                sets.fit_inputs, fit, sets.test_inputs, test, CLASSES, fit_weights, test_weights
            ),
            config,
        )
        for fit, test in [(sets.fit_labels, sets.test_labels), other]
    ]
    assert found[0] == found[1]
    assert found[0]["probe_accuracy"] != evaluate(*encoder, sets, config)["probe_accuracy"]
    assert found[0]["protocol"].endswith("fit on 40, tested on 23, weighted")


def test_without_neighbours_there_is_no_number_of_theirs(encoder):
    found = evaluate(*encoder, images(), EvaluationConfig(neighbours=0))
    assert "knn_accuracy" not in found
    assert "NN" not in found["protocol"]


def test_too_many_neighbours_before_the_network_runs():
    with pytest.raises(ValueError, match="neighbours = 41 is more than the 40 samples"):
        evaluate(None, None, None, images(), EvaluationConfig(neighbours=41))


def test_few_iterations_are_told(encoder):
    found = evaluate(*encoder, images(), EvaluationConfig(neighbours=0, iterations=1))
    assert found["probe_converged"] is False


GOOD = {
    "fit_inputs": np.ones((4, 2)),
    "fit_labels": [0, 1, 2, 0],
    "test_inputs": np.ones((2, 2)),
    "test_labels": [0, 1],
    "classes": 3,
}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"fit_labels": [0, 1, 2]}, ValueError, "fit_labels must have shape"),
        ({"test_labels": [0, 3]}, ValueError, "test_labels must lie in 0 … 2"),
        ({"test_labels": [0.0, 1.0]}, TypeError, "test_labels must be integers"),
        ({"test_inputs": np.ones((0, 2)), "test_labels": []}, ValueError, "test_inputs hold no"),
        ({"fit_inputs": np.float32(1)}, ValueError, "fit_inputs hold no sample"),
        ({"fit_weights": [1, 1]}, ValueError, "fit_weights must have shape"),
        ({"test_weights": [0, 0]}, ValueError, "test_weights must be finite"),
        ({"classes": 1}, ValueError, "classes"),
    ],
)
def test_sets_that_do_not_fit(change, error, message):
    with pytest.raises(error, match=message):
        EvaluationSet(**GOOD | change)


def test_bad_batches(encoder):
    with pytest.raises(ValueError, match="batch_size"):
        extract_features(*encoder, np.ones((3, 2, 2, 1)), 0)
    with pytest.raises(ValueError, match="no sample"):
        extract_features(*encoder, np.ones((0, 2, 2, 1)))


def test_repr_is_short():
    assert repr(images()) == "<EvaluationSet: 3 classes, fit on 40, tested on 23>"
