from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

jax = pytest.importorskip("jax")
jnp = jax.numpy

from dctheory.train._lbfgs import empty_history  # noqa: E402
from dctheory.train._logistic import _problem, _state, _step_length  # noqa: E402
from dctheory.train.probe import accuracy, error_rate, fit_probe, predict  # noqa: E402

# One shape for most tests: one compilation.
ROWS, DIMENSION, CLASSES = 60, 5, 3
COLLAPSED = 10.0 ** -np.arange(DIMENSION)


def data(seed=0, rows=ROWS, dimension=DIMENSION, classes=CLASSES, distance=1.0):
    """Correlated features of overlapping classes, of which each has a sample."""
    rng = np.random.default_rng(seed)
    labels = np.append(np.arange(classes), rng.integers(0, classes, rows - classes))
    features = rng.normal(size=(rows, dimension))
    features += distance * rng.normal(size=(classes, dimension))[labels]
    return (features @ rng.normal(size=(dimension, dimension))).astype(np.float32), labels


def standardise(features, weights=None):
    features = np.asarray(features, np.float64)
    mean = np.average(features, axis=0, weights=weights)
    scale = np.sqrt(np.average((features - mean) ** 2, axis=0, weights=weights))
    scale = np.where(scale <= 1e-6 * np.abs(features).max(axis=0), 1, scale)
    return (features - mean) / scale, scale


def in_standardised(fit, features, weights=None):
    """(inputs with a column of ones, (d + 1, C) parameters for them) in float64."""
    inputs, scale = standardise(features, weights)
    coefficients = np.asarray(fit.coefficients, np.float64) * scale[:, None]
    mean = np.average(np.asarray(features, np.float64), axis=0, weights=weights)
    intercept = np.asarray(fit.intercept, np.float64) + mean @ (coefficients / scale[:, None])
    return np.c_[inputs, np.ones(len(inputs))], np.vstack([coefficients, intercept])


def chances(inputs, parameters):
    logits = inputs @ parameters
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def objective(inputs, parameters, labels, ridge, weights=None):
    losses = -np.log(chances(inputs, parameters)[np.arange(len(labels)), labels])
    return np.average(losses, weights=weights) + ridge / 2 * (parameters[:-1] ** 2).sum()


def gradient(inputs, parameters, labels, ridge, weights=None):
    shares = np.ones(len(labels)) if weights is None else np.asarray(weights, float)
    residual = chances(inputs, parameters) - np.eye(parameters.shape[1])[labels]
    found = inputs.T @ (residual * (shares / shares.sum())[:, None])
    found[:-1] += ridge * parameters[:-1]
    return found


def by_sklearn(inputs, labels, ridge, weights=None):
    from sklearn.linear_model import LogisticRegression

    total = len(labels) if weights is None else np.sum(weights)
    model = LogisticRegression(C=1 / (ridge * total), tol=1e-10, max_iter=10_000)
    model.fit(inputs[:, :-1], labels, sample_weight=weights)
    return np.vstack([model.coef_.T, model.intercept_])


@pytest.mark.parametrize("ridge", [1e-2, 1.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_is_that_of_scikit_learn(ridge, weighted):
    features, labels = data(1)
    weights = np.random.default_rng(2).uniform(0.1, 3, ROWS) if weighted else None
    fit = fit_probe(features, labels, CLASSES, ridge=ridge, weights=weights, tolerance=1e-6)
    inputs, found = in_standardised(fit, features, weights)
    expected = by_sklearn(inputs, labels, ridge, weights)
    assert fit.converged
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert objective(inputs, found, labels, ridge, weights) == pytest.approx(
        objective(inputs, expected, labels, ridge, weights), abs=1e-6
    )
    plain = inputs @ expected
    np.testing.assert_array_equal(predict(fit, features), plain.argmax(axis=1))
    errors = np.average(plain.argmax(axis=1) != labels, weights=weights)
    assert error_rate(fit, features, labels, weights) == pytest.approx(errors, abs=1e-6)


@pytest.mark.slow
def test_in_float64_to_many_digits():
    features, labels = data(3)
    with jax.enable_x64(True):
        fit = fit_probe(features.astype(float), labels, CLASSES, ridge=1e-3, tolerance=1e-10)
        assert fit.coefficients.dtype == jnp.float64
    inputs, found = in_standardised(fit, features)
    assert np.linalg.norm(gradient(inputs, found, labels, 1e-3)) < 2e-10
    # scikit-learn stops earlier.
    np.testing.assert_allclose(found, by_sklearn(inputs, labels, 1e-3), atol=1e-5)


def hostile(name):
    """Features, labels and ridge of a case where a solver may fail."""
    features, labels = data(4)
    ridge = 1e-4
    if name == "collapsed":
        features = features * COLLAPSED @ np.linalg.qr(data(5)[0][:DIMENSION])[0]
    elif name == "separable":
        features[:, 0], ridge = 100 * labels, 1e-8
    elif name == "tiny ridge":
        ridge = 1e-10
    elif name == "no ridge":
        ridge = 0.0
    elif name == "large ridge":
        ridge = 100.0
    elif name == "copies":
        features[:, 1:] = features[:, :1]
    elif name == "outlier":
        features[7] *= 100
    elif name == "rare class":
        labels = np.where(np.arange(ROWS) < 3, labels, labels % 2)
    return features.astype(np.float32), labels, ridge


@pytest.mark.parametrize(
    "name",
    [
        *("collapsed", "copies", "outlier", "separable", "rare class"),
        *("tiny ridge", "no ridge", "large ridge"),
    ],
)
def test_gradient_vanishes(name):
    features, labels, ridge = hostile(name)
    fit = fit_probe(features, labels, CLASSES, ridge=ridge)
    inputs, found = in_standardised(fit, features)
    norm = np.linalg.norm(gradient(inputs, found, labels, ridge))
    assert fit.converged
    assert fit.iterations < 100
    assert norm == pytest.approx(float(fit.gradient_norm), abs=3e-6)
    assert norm < 1.3e-5
    if name == "separable":
        assert error_rate(fit, features, labels) == 0


@pytest.mark.parametrize("scale", [1e-30, 1e-6, 1e6, 1e30, "mixed"])
def test_scale_of_features_does_not_matter(scale):
    features, labels = data(6)
    factor = np.float32([1e-6, 1e6, 1, 1e-3, 1e3] if scale == "mixed" else scale)
    plain = fit_probe(features, labels, CLASSES, ridge=1e-2)
    scaled = fit_probe(features * factor, labels, CLASSES, ridge=1e-2)
    back = scaled.coefficients * np.reshape(factor, (-1, 1))
    np.testing.assert_allclose(back, plain.coefficients, atol=2e-3)
    np.testing.assert_allclose(scaled.intercept, plain.intercept, atol=2e-3)


def test_shift_of_features_moves_the_intercept_only():
    features, labels = data(7)
    shift = np.float32([0, 10, -100, 1000, 0])
    plain = fit_probe(features, labels, CLASSES, ridge=1e-2)
    shifted = fit_probe(features + shift, labels, CLASSES, ridge=1e-2)
    np.testing.assert_allclose(shifted.coefficients, plain.coefficients, atol=2e-3)
    np.testing.assert_allclose(
        shifted.intercept + shift @ shifted.coefficients, plain.intercept, atol=5e-3
    )


@pytest.mark.parametrize("value", [0.0, 1e6, -0.1, 1e-30])
def test_constant_features_count_nothing(value):
    features, labels = data(8)
    features[:, 2] = value
    fit = fit_probe(features, labels, CLASSES, ridge=1e-2)
    inputs, found = in_standardised(fit, features)
    assert fit.converged
    np.testing.assert_array_equal(fit.coefficients[2], 0)
    np.testing.assert_allclose(found, by_sklearn(inputs, labels, 1e-2), atol=1e-3)


def test_rounding_of_a_constant_feature_is_no_feature():
    features, labels = data(8)
    features[:, 2] = 0.1
    features[::2, 2] = np.nextafter(np.float32(0.1), np.float32(1))
    assert np.ptp(features[:, 2]) > 0
    fit = fit_probe(features, labels, CLASSES)
    np.testing.assert_array_equal(fit.coefficients[2], 0)


def test_only_constant_features_predict_the_largest_class():
    labels = np.repeat([0, 1, 2], [10, 30, 20])
    features = np.full((ROWS, DIMENSION), 3.0, np.float32)
    fit = fit_probe(features, labels, CLASSES)
    np.testing.assert_allclose(jax.nn.softmax(fit.intercept), [1 / 6, 1 / 2, 1 / 3], atol=1e-4)
    np.testing.assert_array_equal(predict(fit, features), 1)


@pytest.mark.parametrize(("missing", "others"), [(0, [1, 2]), (1, [0, 2]), (2, [0, 1])])
def test_missing_class_is_never_predicted(missing, others):
    features, labels = data(9, classes=2)
    fit = fit_probe(features, np.array(others)[labels], CLASSES, ridge=1e-2)
    inputs, found = in_standardised(fit, features)
    assert fit.converged
    assert fit.intercept[missing] == -np.inf
    np.testing.assert_array_equal(fit.coefficients[:, missing], 0)
    # scikit-learn has one vector for two classes, half as much of which each of ours has.
    expected = by_sklearn(inputs, labels, 0.5e-2)
    np.testing.assert_allclose(found[:, others[1]], expected[:, 0] / 2, atol=1e-3)
    np.testing.assert_allclose(found[:, others[0]], -expected[:, 0] / 2, atol=1e-3)
    assert missing not in predict(fit, 1e3 * features)


def test_class_of_weight_zero_is_missing_too():
    features, labels = data(10)
    fit = fit_probe(features, labels, CLASSES, weights=labels != 1)
    np.testing.assert_array_equal(np.isneginf(fit.intercept), [False, True, False])


def test_samples_of_weight_zero_may_hold_anything():
    features, labels = data(10)
    weights = np.arange(ROWS) > 1
    plain = fit_probe(features, labels, CLASSES, weights=weights)
    features[:2] = [[1e30], [-1e-30]]
    other = fit_probe(features, labels, CLASSES, weights=weights)
    np.testing.assert_allclose(other.coefficients, plain.coefficients, rtol=1e-3)


def test_single_class():
    features, _ = data(11)
    fit = fit_probe(features, np.full(ROWS, 2), CLASSES)
    assert fit.converged
    assert fit.iterations == 0
    assert error_rate(fit, features, np.full(ROWS, 2)) == 0


def test_more_features_than_samples_under_jit():
    features, labels = data(12, rows=8, dimension=20)
    fit_jitted = jax.jit(lambda features: fit_probe(features, labels, CLASSES, ridge=1e-3))
    fit = fit_jitted(features)
    inputs, found = in_standardised(fit, features)
    assert fit.converged
    assert np.linalg.norm(gradient(inputs, found, labels, 1e-3)) < 1.3e-5
    assert error_rate(fit, features, labels) == 0
    # What cannot be refused there does not pass for a fit.
    features[3, 3] = np.nan
    assert not fit_jitted(features).converged


def test_too_few_iterations_are_told():
    features, labels = data(13)
    fit = fit_probe(features, labels, CLASSES, iterations=2)
    assert not fit.converged
    assert fit.iterations == 2
    assert fit.gradient_norm > 1e-5


@jax.jit
def first_step(features, labels, ridge, direction):
    problem, _ = _problem(features, labels, jnp.full(ROWS, 1 / ROWS), ridge, CLASSES)
    zeros = jnp.zeros((DIMENSION + 1, CLASSES))
    state = _state(problem, zeros, empty_history(1, zeros), 0)
    return problem.inputs, state.gradient, _step_length(problem, state, direction)


@pytest.mark.parametrize("length", [1e-2, 1.0, 1e2])
def test_line_search_ends_where_the_slope_is_small(length):
    features, labels = data(19)
    ridge, zeros = 1e-3, np.zeros((DIMENSION + 1, CLASSES), np.float32)
    inputs, first, _ = first_step(standardise(features)[0], labels, ridge, zeros)
    inputs = np.asarray(inputs, np.float64)
    expected = gradient(inputs, zeros, labels, ridge)
    np.testing.assert_allclose(first, expected, atol=1e-6)
    direction = np.float32(-length * expected / np.linalg.norm(expected))
    t = float(first_step(standardise(features)[0], labels, ridge, direction)[2])
    last = gradient(inputs, t * direction, labels, ridge)
    assert t > 0
    assert abs(np.vdot(last, direction)) <= 0.5001 * abs(np.vdot(expected, direction))


@pytest.mark.slow
def test_collapsed_features_need_few_steps():
    """Plain L-BFGS needs hundreds: see the benchmark."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 1000)
    features = rng.normal(size=(1000, 64)) + 0.1 * rng.normal(size=(10, 64))[labels]
    features = features @ (rng.normal(size=(64, 64)) * np.exp(-np.arange(64) / 16))
    fit = fit_probe(features.astype(np.float32), labels, 10, tolerance=1e-6)
    assert fit.converged
    assert fit.iterations < 40


def test_several_encoders_at_once():
    members = [data(seed)[0] for seed in (14, 15, 16)]
    members[1] = members[1] * COLLAPSED.astype(np.float32)  # ends later than the others
    labels = data(14)[1]
    weights = np.random.default_rng(0).uniform(size=ROWS)
    fit = partial(fit_probe, labels=labels, classes=CLASSES, ridge=1e-2, weights=weights)
    together = jax.vmap(fit)(jnp.stack(members))
    for index, features in enumerate(members):
        alone, own = fit(features), jax.tree.map(lambda leaf: leaf[index], together)  # noqa: B023
        assert abs(own.iterations - alone.iterations) <= 1
        for one, other in zip(
            in_standardised(own, features), in_standardised(alone, features), strict=True
        ):
            np.testing.assert_allclose(one, other, atol=2e-3)
    errors = jax.vmap(partial(error_rate, labels=labels))(together, jnp.stack(members))
    assert errors.shape == (3,)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([1e-3, 1e-1, 10.0]))
def test_order_copies_and_names_of_classes_do_not_matter(seed, ridge):
    rng = np.random.default_rng(seed)
    features, labels = data(seed)
    weights = np.append([1, 1, 1], rng.integers(0, 3, ROWS - CLASSES))
    weights[ROWS // 2 :] = 0
    plain = fit_probe(features, labels, CLASSES, ridge=ridge, weights=weights, tolerance=1e-6)
    # Each row as often as it weighs, and one row of weight 0 to have as many as before.
    copies = rng.permutation(np.repeat(np.arange(ROWS), weights))
    rows = np.append(copies, np.full(ROWS - len(copies), ROWS - 1))
    names = rng.permutation(CLASSES)
    other = fit_probe(
        features[rows],
        names[labels[rows]],
        CLASSES,
        ridge=ridge,
        weights=5 * (np.arange(ROWS) < len(copies)),
        tolerance=1e-6,
    )
    scale = standardise(features, weights)[1][:, None]
    np.testing.assert_allclose(
        scale * other.coefficients[:, names], scale * plain.coefficients, atol=3e-3
    )


def test_ties_go_to_the_smallest_label():
    fit = fit_probe(*data(17), CLASSES)
    even = fit._replace(coefficients=0 * fit.coefficients, intercept=jnp.array([0.0, 1, 1]))
    np.testing.assert_array_equal(predict(even, data(17)[0]), 1)


def test_accuracy_is_exact():
    for count in (3, 269):
        labels = jnp.arange(count)
        assert accuracy(labels, labels) == 1
        assert accuracy(labels, labels, 0.1 * np.arange(1, count + 1)) == 1
        assert accuracy(labels, labels + 1) == 0
        assert accuracy(labels, labels.at[0].set(7)) == np.float32((count - 1) / count)
    assert accuracy(jnp.array([0, 1]), jnp.array([0, 0]), [3, 1]) == 0.75


GOOD = {"features": np.eye(4, 3), "labels": [0, 1, 2, 0], "classes": 3}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"features": np.eye(4, 3, dtype=int)}, TypeError, "features must be floating point"),
        ({"features": np.ones(4)}, ValueError, "features must have shape"),
        ({"features": np.ones((0, 3)), "labels": np.zeros(0, int)}, ValueError, "no samples"),
        ({"features": np.full((4, 3), np.nan)}, ValueError, "NaN"),
        ({"labels": [0.0, 1, 2, 0]}, TypeError, "labels must be integers"),
        ({"labels": [0, 1, 2]}, ValueError, r"shape \(4,\)"),
        ({"labels": [0, 1, 2, 3]}, ValueError, r"0 … 2, got 0 to 3"),
        ({"labels": [0, 1, 2, -1]}, ValueError, r"0 … 2, got -1 to 2"),
        ({"classes": 1}, ValueError, "classes"),
        ({"classes": 2.0}, TypeError, "classes"),
        ({"ridge": -1e-4}, ValueError, "ridge"),
        ({"ridge": np.nan}, ValueError, "ridge"),
        ({"ridge": "1"}, TypeError, "ridge"),
        ({"iterations": 0}, ValueError, "iterations"),
        ({"tolerance": 0}, ValueError, "tolerance"),
        ({"weights": [1, 1, 1]}, ValueError, r"weights must have shape \(4,\)"),
        ({"weights": [1, 1, 1, -1]}, ValueError, "weights must be finite"),
        ({"weights": [0, 0, 0, 0]}, ValueError, "not all 0"),
        ({"weights": [1, 1, 1, np.nan]}, ValueError, "weights must be finite"),
        ({"weights": [1, 1, 1, np.inf]}, ValueError, "weights must be finite"),
    ],
)
def test_bad_input(change, error, message):
    with pytest.raises(error, match=message):
        fit_probe(**GOOD | change)


def test_features_of_another_encoder():
    fit = fit_probe(*data(18), CLASSES)
    with pytest.raises(ValueError, match="4 columns, the probe was fitted on 5"):
        predict(fit, np.ones((3, 4), np.float32))
    with pytest.raises(ValueError, match=r"labels must lie in 0 … 2"):
        error_rate(fit, np.ones((1, 5), np.float32), [3])
