from __future__ import annotations

import numpy as np
import pytest

from dctheory.data import sample_keys, step_key

jax = pytest.importorskip("jax")
jnp = jax.numpy


def data(keys):
    return np.asarray(jax.random.key_data(keys))


def test_keys_are_the_samples_own():
    keys = data(sample_keys(3, 1, 2, np.arange(20)))
    some = np.array([5, 19, 0])
    np.testing.assert_array_equal(data(sample_keys(3, 1, 2, some)), keys[some])
    assert len(np.unique(keys, axis=0)) == 20


def test_every_part_of_the_chain_counts():
    one = [np.array([4])]
    chains = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (0, 1, 1), (2**31 - 1, 0, 0)]
    keys = [data(sample_keys(*chain, *one)) for chain in chains]
    keys.append(data(sample_keys(0, 0, 0, *one, purpose="dropout")))
    assert len(np.unique(np.concatenate(keys), axis=0)) == len(keys)


def test_keys_are_not_those_of_a_split():
    # fold_in(key, i) is split(key)[i] in threefry; a caller may have split key(seed).
    split = data(jax.random.split(jax.random.key(0), 50))
    ours = data(sample_keys(0, 0, 0, np.arange(50)))
    steps = np.stack([data(step_key(0, epoch, 0, "pairs")) for epoch in range(5)])
    assert not {*map(tuple, split)} & {*map(tuple, ours), *map(tuple, steps)}


def test_traced_and_other_settings_give_the_same():
    expected = data(sample_keys(7, 1, 2, np.arange(3)))
    traced = jax.jit(lambda *chain: jax.random.key_data(sample_keys(*chain)))
    np.testing.assert_array_equal(traced(7, 1, 2, np.arange(3)), expected)
    np.testing.assert_array_equal(data(sample_keys(*jnp.array([7, 1, 2]), np.arange(3))), expected)
    with jax.enable_x64(True):
        np.testing.assert_array_equal(traced(7, 1, 2, np.arange(3)), expected)
    with jax.default_prng_impl("rbg"):
        np.testing.assert_array_equal(data(sample_keys(7, 1, 2, np.arange(3))), expected)


@pytest.mark.parametrize(
    ("chain", "error", "words"),
    [
        ((-1, 0, 0, [0]), ValueError, "seed must be between 0"),
        ((2**31, 0, 0, [0]), ValueError, "seed"),
        ((0, 1.5, 0, [0]), TypeError, "epoch must be an integer"),
        ((0, 0, True, [0]), TypeError, "step must be an integer"),
        ((0, 0, jnp.ones(2, int), [0]), TypeError, "step must be one integer"),
        ((0, 0, jnp.array(-3), [0]), ValueError, "step must be between 0"),
        ((0, 0, 0, [0.5]), TypeError, "indices must be integers"),
        ((0, 0, 0, [[0]]), ValueError, r"indices must have shape \(batch,\)"),
        ((0, 0, 0, [3, -1]), ValueError, "smallest of indices"),
    ],
    ids=str,
)
def test_bad_chain(chain, error, words):
    with pytest.raises(error, match=words):
        sample_keys(*chain[:3], np.array(chain[3]))


def test_bad_purpose():
    with pytest.raises(TypeError, match="purpose must be a word"):
        step_key(0, 0, 0, "")
