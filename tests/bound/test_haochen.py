"""HaoChen et al.'s bound: numbers, arrays, JAX values."""

import copy
import json
import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from dctheory.bound.haochen import Bound, bound_of, error_bound


def test_numbers_by_hand():
    bound = error_bound(0.5, 0.01)
    assert bound == pytest.approx(0.08 + 0.08)
    assert (bound.eigenvalue, bound.delta, bound.is_vacuous) == (0.5, 0.01, False)
    assert error_bound(0.0, 0.1).is_vacuous
    assert error_bound(-1, Fraction(1, 10)).value == Fraction(1)


def test_exact_numbers_stay_exact():
    bound = error_bound(Fraction(1, 3), sp.Rational(1, 100))
    assert bound.value == Fraction(6, 100) + Fraction(8, 100)
    assert isinstance(bound.value, Fraction)
    assert error_bound(Fraction(0), Fraction(1, 12)).is_vacuous
    assert not error_bound(Fraction(0), Fraction(1, 12) - Fraction(1, 10**30)).is_vacuous


@given(st.floats(-1, 0.999), st.floats(1e-6, 1))
def test_exact_and_float_agree(eigenvalue, delta):
    exact = error_bound(Fraction(eigenvalue), Fraction(delta)).value
    assert float(error_bound(eigenvalue, delta)) == pytest.approx(float(exact), rel=1e-12)
    assert float(exact) >= 10 * delta


@pytest.mark.parametrize("value", [1, 1.0, 1.5, Fraction(1), np.float64(1), sp.Integer(1)])
def test_a_number_that_is_not_below_one_is_refused(value):
    with pytest.raises(ValueError, match="below 1"):
        error_bound(value, 0.1)


@pytest.mark.parametrize("delta", [0, -0.1, 1.01, math.nan, math.inf])
def test_delta_out_of_range_is_refused(delta):
    with pytest.raises(ValueError, match="delta must"):
        error_bound(0.5, delta)
    with pytest.raises(ValueError, match="delta must"):
        error_bound(np.array([0.5]), delta)
    with pytest.raises(ValueError, match="delta must"):
        error_bound(0.5, np.array([0.1, delta]))


@pytest.mark.parametrize("value", [True, "0.5", None, 1j])
def test_another_kind_is_a_type_error(value):
    with pytest.raises(TypeError):
        error_bound(value, 0.1)
    with pytest.raises(TypeError):
        error_bound(0.5, value)


def test_arrays_give_infinity_where_the_eigenvalue_is_one_or_more():
    found = error_bound(np.array([[0.0], [0.5], [1.0], [2.0]]), np.array([0.01, 0.1]))
    expected = [[0.12, 1.2], [0.16, 1.6], [np.inf] * 2, [np.inf] * 2]
    np.testing.assert_allclose(found, expected)
    assert np.isnan(error_bound(np.array([np.nan]), 0.1)).all()
    assert error_bound([0.5], 0.01) == pytest.approx([0.16])


def test_jax_values_under_jit_vmap_and_grad():
    jax = pytest.importorskip("jax")
    jnp = jax.numpy
    values = jnp.array([0.0, 0.5, 1.0, 2.0])
    expected = [0.12, 0.16, np.inf, np.inf]
    for found in (
        error_bound(values, 0.01),
        jax.jit(error_bound)(values, 0.01),
        jax.vmap(error_bound, (0, None))(values, 0.01),
    ):
        assert found.dtype == jnp.float32
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    # d/dλ of 4δ/(1 − λ) is 4δ/(1 − λ)².
    assert jax.jit(jax.grad(error_bound))(0.5, 0.01) == pytest.approx(0.16)
    assert np.isfinite(jax.grad(lambda x: jnp.sum(error_bound(x, 0.01)))(values)).all()
    assert np.isnan(jax.jit(error_bound)(0.5, jnp.array([0.0, 1.1]))).all()


def test_a_bound_is_an_immutable_float():
    bound = error_bound(Fraction(1, 2), Fraction(1, 10))
    with pytest.raises(AttributeError, match="immutable"):
        bound.value = 0
    for twin in (copy.deepcopy(bound), pickle.loads(pickle.dumps(bound))):
        assert (twin.value, twin.eigenvalue, twin.delta) == (bound.value, 0.5, Fraction(1, 10))
    assert json.loads(json.dumps(bound)) == 1.6
    assert "eigenvalue=1/2" in repr(bound)


def test_rows_of_a_table_give_infinity():
    assert bound_of(1.0, 0.1) == math.inf
    assert bound_of(Fraction(3, 2), 0.1).is_vacuous
    assert isinstance(bound_of(0.5, 0.1), Bound)
