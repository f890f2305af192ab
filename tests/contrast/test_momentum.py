from __future__ import annotations

import numpy as np
import pytest

from dctheory.contrast import enqueue, momentum_update

jax = pytest.importorskip("jax")
jnp = jax.numpy

OLD = {"weight": np.array([[1.0, 2.0]], np.float32), "bias": np.array([4.0], np.float32)}
NEW = {"weight": np.array([[3.0, -2.0]], np.float32), "bias": np.array([0.0], np.float32)}


def test_momentum_update_moves_towards_the_encoder():
    found = momentum_update(NEW, OLD, 0.75)
    np.testing.assert_allclose(found["weight"], [[1.5, 1.0]])
    np.testing.assert_allclose(found["bias"], [3.0])
    for m, expected in ((0, NEW), (1, OLD)):
        jax.tree.map(np.testing.assert_array_equal, momentum_update(NEW, OLD, m), expected)


def test_equal_parameters_stay_as_they_are():
    values = {"a": np.random.default_rng(0).normal(size=1000).astype(np.float32)}
    found = momentum_update(values, values, 0.999)
    np.testing.assert_array_equal(found["a"], values["a"])


def test_momentum_update_keeps_the_dtype_and_works_traced():
    old = {"a": jnp.ones(3, jnp.bfloat16)}
    found = jax.jit(momentum_update)({"a": jnp.zeros(3)}, old, 0.5)
    assert found["a"].dtype == jnp.bfloat16
    gradient = jax.grad(lambda new: momentum_update({"a": new}, old, 0.5)["a"].sum().astype(float))
    assert not np.any(gradient(jnp.zeros(3)))


def test_enqueue_drops_the_oldest():
    queue = np.arange(10, dtype=np.float32).reshape(5, 2)
    keys = -np.ones((2, 2), np.float32)
    expected = np.concatenate([queue[2:], keys])
    np.testing.assert_array_equal(enqueue(queue, keys), expected)
    full = np.full((5, 2), 7, np.float32)
    np.testing.assert_array_equal(enqueue(queue, full), full)
    for step in range(3):
        queue = jax.jit(enqueue)(queue, np.full((2, 2), step, np.float32))
    np.testing.assert_array_equal(np.asarray(queue)[:, 0], [0, 1, 1, 2, 2])


def test_enqueue_keeps_the_dtype_and_passes_no_gradient():
    assert enqueue(jnp.ones((4, 2), jnp.bfloat16), jnp.ones((1, 2))).dtype == jnp.bfloat16
    gradient = jax.grad(lambda keys: enqueue(jnp.ones((4, 2)), keys).sum())(jnp.ones((1, 2)))
    assert not np.any(gradient)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: momentum_update(NEW, OLD, 1.5), ValueError, "m must lie"),
        (lambda: momentum_update(NEW, OLD, -0.1), ValueError, "m must lie"),
        (lambda: momentum_update(NEW, {"weight": OLD["weight"]}, 0.5), ValueError, "bias"),
        (
            lambda: momentum_update({"a": np.ones(2)}, {"a": np.ones(3)}, 0.5),
            ValueError,
            "same network",
        ),
        (lambda: enqueue(np.ones((2, 3)), np.ones((3, 3))), ValueError, "do not fit"),
        (lambda: enqueue(np.ones((5, 3)), np.ones((2, 4))), ValueError, "shapes"),
        (lambda: enqueue(np.ones(3), np.ones(3)), ValueError, "shapes"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
