from __future__ import annotations

import numpy as np
import pytest

jax = pytest.importorskip("jax")
jnp = jax.numpy

from dctheory.train._lbfgs import descent, empty_history, remember  # noqa: E402

SHAPE = (3, 2)
SIZE = 6


@pytest.fixture
def float64():
    with jax.enable_x64(True):
        yield


@jax.jit
def direction(history, gradient, start):
    return descent(history, gradient, lambda vector: (start @ vector.ravel()).reshape(SHAPE))


def history_of(pairs):
    history = empty_history(4, jnp.zeros(SHAPE))
    for step, change in pairs:
        history = remember(history, step.reshape(SHAPE), change.reshape(SHAPE))
    return history


def dense_inverse(pairs, start):
    """The BFGS update of the inverse Hessian (Nocedal and Wright 2006, Equation 6.17)."""
    inverse = start
    for step, change in pairs:
        curvature = step @ change
        if curvature <= 0:
            continue
        left = np.eye(SIZE) - np.outer(step, change) / curvature
        inverse = left @ inverse @ left.T + np.outer(step, step) / curvature
    return inverse


@pytest.mark.parametrize("count", [0, 1, 3, 6])
def test_direction_is_that_of_the_dense_update(float64, count):
    rng = np.random.default_rng(count)
    # One estimate couples the parameters, as the centring of the probe does.
    root = rng.normal(size=(SIZE, SIZE))
    start = root @ root.T
    pairs = [(step := rng.normal(size=SIZE), step + rng.normal(size=SIZE)) for _ in range(count)]
    gradient = rng.normal(size=SIZE)
    found = direction(history_of(pairs), gradient.reshape(SHAPE), start)
    kept = pairs[-4:]
    scale = 1.0
    if kept and (curvature := kept[-1][0] @ kept[-1][1]) > 0:
        scale = curvature / (kept[-1][1] @ start @ kept[-1][1])
    expected = -dense_inverse(kept, scale * start) @ gradient
    np.testing.assert_allclose(found.ravel(), expected, rtol=1e-10)


@pytest.mark.parametrize("factor", [-1, 0])
def test_pairs_without_positive_curvature_have_no_effect(float64, factor):
    rng = np.random.default_rng(0)
    step, gradient = rng.normal(size=(2, *SHAPE))
    history = history_of([(step, step), (step, factor * step)])
    expected = -dense_inverse([(step.ravel(), step.ravel())], np.eye(SIZE)) @ gradient.ravel()
    found = direction(history, gradient, np.eye(SIZE))
    np.testing.assert_allclose(found.ravel(), expected, rtol=1e-12)
