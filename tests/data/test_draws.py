from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

jax = pytest.importorskip("jax")
jnp = jax.numpy

from dctheory.data._draws import alias_table, draw, uniform_below  # noqa: E402


def probabilities(table):
    """What the table's columns and thresholds say, by adding them up."""
    keep = np.asarray(table.high, float) / 2**32 + np.asarray(table.low, float) / 2**64
    found = keep.copy()
    np.add.at(found, np.asarray(table.alias), 1 - keep)
    return found / len(found)


def random_words(seed, *shape):
    return np.random.default_rng(seed).integers(0, 2**32, (2, *shape), dtype=np.uint32)


@pytest.mark.parametrize("bound", [1, 2, 3, 1000, 2**16 + 1, 10**6, 2**31 - 1])
def test_uniform_below_is_the_product_of_64_bits(bound):
    words = random_words(bound, 500)
    words[:, 0], words[:, 1] = 0, 2**32 - 1
    pairs = zip(*words.tolist(), strict=True)
    expected = [((high << 32 | low) * bound) >> 64 for high, low in pairs]
    found = uniform_below(jnp.asarray(words), bound)
    assert found.dtype == np.int32
    assert found.tolist() == expected
    assert max(expected) == bound - 1


def test_uniform_below_takes_a_bound_for_each():
    bounds = np.array([1, 5, 2**30])
    words = random_words(0, 30, 3)
    found = np.asarray(uniform_below(jnp.asarray(words), bounds))
    for column, bound in enumerate(bounds):
        alone = uniform_below(jnp.asarray(words[..., column]), int(bound))
        np.testing.assert_array_equal(found[:, column], alone)


@given(st.lists(st.floats(1e-12, 1e6), min_size=1, max_size=40))
@settings(max_examples=100, deadline=None)
def test_alias_table_holds_the_weights(weights):
    expected = np.array(weights) / sum(weights)
    np.testing.assert_allclose(probabilities(alias_table(np.array(weights))), expected, 1e-7, 1e-14)


@pytest.mark.parametrize(
    "weights", [[210827.5, 210827.5, 0.5, 0.5, 0.5, 0.5], [3, 3, 1, 1], [1.0, 2.0, 3.0] * 20]
)
def test_alias_table_where_columns_fill_up_exactly(weights):
    expected = np.array(weights) / sum(weights)
    np.testing.assert_allclose(probabilities(alias_table(np.array(weights))), expected, 1e-12)


@pytest.mark.parametrize("power", [0.0, 1.0, 6.0])
def test_alias_table_of_many(power):
    weights = np.random.default_rng(0).exponential(size=200_000) ** power + 1e-9
    found = probabilities(alias_table(weights))
    np.testing.assert_allclose(found, weights / weights.sum(), rtol=1e-7, atol=1e-13)


def test_equal_weights_and_one_outcome():
    np.testing.assert_allclose(probabilities(alias_table(np.ones(7))), np.full(7, 1 / 7), 1e-15)
    assert set(
        np.asarray(
            draw(alias_table(np.ones(1)), jnp.asarray(random_words(0, 100).reshape(2, 2, 50)))
        )
    ) == {0}


def test_rare_outcomes_keep_their_weight():
    # Far below what a float32 uniform number can tell apart.
    weights = np.array([1.0, 1e-9, 1e-12])
    found = probabilities(alias_table(weights))
    np.testing.assert_allclose(found[1:], weights[1:] / weights.sum(), rtol=1e-6)
