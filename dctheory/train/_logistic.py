"""Multinomial logistic regression by L-BFGS: what :mod:`dctheory.train.probe` computes with.

Two things make it a matter of some ten to a hundred steps in float32, also where the features span
few dimensions, as contrastive ones do. The coordinates are the principal axes of the features, in
which the Hessian is nearly diagonal, and L-BFGS starts from that diagonal. And since logits are
linear in the parameters, the line search is Newton's method in one variable: it needs no product
with the features, and compares derivatives, not values that are equal to float32's rounding.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from dctheory.train._lbfgs import History, descent, empty_history, remember

_MEMORY = 10
_LINE_STEPS = 10
# Share of the slope at the start that may be left where the line search ends.
_SLOPE_LEFT = 0.5
# A feature whose deviation is below so many roundings of its largest value is constant.
_ROUNDINGS = 4


class _Problem(NamedTuple):
    """The objective in coordinates in which its Hessian is nearly diagonal.

    Attributes:
        inputs: (N, d + 1) standardised features along their principal axes, and a column of ones.
        spectrum: (d + 1, 1) weighted mean squares of the inputs.
        ridge: (d + 1, 1), 0 for the intercept.
        targets: (N, C) one-hot labels.
        shares: (N, 1) weights of the samples.
        offset: (C,) 0, or −∞ for a class without samples.
    """

    inputs: jax.Array
    spectrum: jax.Array
    ridge: jax.Array
    targets: jax.Array
    shares: jax.Array
    offset: jax.Array


class _State(NamedTuple):
    parameters: jax.Array
    logits: jax.Array
    gradient: jax.Array
    diagonal: jax.Array
    history: History
    iterations: jax.Array


class _Search(NamedTuple):
    """The last step length t, φ'(t), a bracket of the minimum and the following length in it."""

    number: jax.Array
    t: jax.Array
    slope: jax.Array
    low: jax.Array
    high: jax.Array
    following: jax.Array


@partial(jax.jit, static_argnames="classes")
def solve(
    features: jax.Array,
    labels: jax.Array,
    weights: jax.Array,
    ridge: Any,
    tolerance: Any,
    iterations: Any,
    *,
    classes: int,
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Coefficients (d, C), intercept (C,), steps taken and norm of the last gradient.

    Args:
        features: (N, d) floats.
        labels: (N,) in 0 … C − 1.
        weights: (N,), ≥ 0 and not all 0.
        ridge, tolerance, iterations, classes: of :func:`dctheory.train.probe.fit_probe`.
    """
    shares = weights / weights.sum()
    standardised, centre, rates = _standardise(features, shares)
    problem, axes = _problem(standardised, labels, shares, ridge, classes)
    zeros = jnp.zeros((problem.inputs.shape[1], classes), features.dtype)
    start = _state(problem, zeros, empty_history(_MEMORY, zeros), jnp.int32(0))

    def unfinished(state: _State) -> jax.Array:
        return (state.iterations < iterations) & (jnp.linalg.norm(state.gradient) > tolerance)

    state = lax.while_loop(unfinished, partial(_advance, problem), start)
    coefficients = rates[:, None] * product(axes, state.parameters[:-1])
    intercept = state.parameters[-1] - product(centre, coefficients) + problem.offset
    return coefficients, intercept, state.iterations, jnp.linalg.norm(state.gradient)


def product(first: jax.Array, second: jax.Array) -> jax.Array:
    """The matrix product in full precision; GPUs would round float32 to 10 bits."""
    return jnp.matmul(first, second, precision=lax.Precision.HIGHEST)


def _standardise(features: jax.Array, shares: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Features with weighted mean 0 and deviation 1; the mean, and 1 / deviation or 0 if constant.

    Exact for constant features, and without overflow or underflow of squares: deviations are
    taken from a sample, then in units of the largest one. Samples of weight 0 become 0.
    """
    counts = shares[:, None] > 0
    reference = features[jnp.argmax(shares)]
    deviation = jnp.where(counts, features - reference, 0)
    largest = jnp.max(jnp.abs(deviation), axis=0)
    unit = deviation / jnp.where(largest > 0, largest, 1)
    mean = product(shares, unit)
    centred = jnp.where(counts, unit - mean, 0)
    spread = jnp.sqrt(product(shares, centred**2))
    peak = jnp.max(jnp.where(counts, jnp.abs(features), 0), axis=0)
    constant = largest * spread <= _ROUNDINGS * jnp.finfo(features.dtype).eps * peak
    standardised = jnp.where(constant, 0, centred / jnp.where(constant, 1, spread))
    rates = jnp.where(constant, 0, 1 / jnp.where(constant, 1, largest * spread))
    return standardised, reference + largest * mean, rates


def _problem(
    standardised: jax.Array, labels: jax.Array, shares: jax.Array, ridge: Any, classes: int
) -> tuple[_Problem, jax.Array]:
    """The problem, and the (d, d) principal axes as columns."""
    rows, dimension = standardised.shape
    dtype = standardised.dtype
    spectrum, axes = jnp.linalg.eigh(product(standardised.T * shares, standardised))
    # The largest eigenvalue is at most d, and no other one is known better than its rounding.
    floor = dimension * jnp.finfo(dtype).eps
    targets = jax.nn.one_hot(labels, classes, dtype=dtype)
    problem = _Problem(
        jnp.concatenate([product(standardised, axes), jnp.ones((rows, 1), dtype)], axis=1),
        jnp.append(jnp.maximum(spectrum, floor), 1)[:, None],
        jnp.append(jnp.full(dimension, ridge, dtype), 0)[:, None],
        targets,
        shares[:, None],
        jnp.where(product(shares, targets) > 0, 0, -jnp.inf).astype(dtype),
    )
    return problem, axes


def _state(
    problem: _Problem, parameters: jax.Array, history: History, iterations: jax.Array
) -> _State:
    """Logits, gradient and about the diagonal of the Hessian at the parameters.

    The diagonal is Σ_i w_i x_ij² p_ic (1 − p_ic) + ridge; the mean of the product is taken as the
    product of the means.
    """
    logits = product(problem.inputs, parameters) + problem.offset
    chances = jax.nn.softmax(logits)
    residual = problem.shares * (chances - problem.targets)
    gradient = product(problem.inputs.T, residual) + problem.ridge * parameters
    variance = jnp.sum(problem.shares * chances * (1 - chances), axis=0)
    smallest = jnp.finfo(parameters.dtype).eps
    diagonal = problem.spectrum * (variance + smallest) + problem.ridge
    return _State(parameters, logits, gradient, diagonal, history, iterations)


def _advance(problem: _Problem, state: _State) -> _State:
    """One step of L-BFGS."""

    present = jnp.isfinite(problem.offset)

    def precondition(vector: jax.Array) -> jax.Array:
        # Gradients sum to 0 over the classes. Steps that do so too never leave for where the
        # objective is the ridge alone, which is far flatter.
        scaled = vector / state.diagonal
        return jnp.where(present, scaled - scaled.mean(axis=1, keepdims=True, where=present), 0)

    direction = descent(state.history, state.gradient, precondition)
    step = _step_length(problem, state, direction) * direction
    following = _state(problem, state.parameters + step, state.history, state.iterations + 1)
    history = remember(state.history, step, following.gradient - state.gradient)
    return following._replace(history=history)


def _step_length(problem: _Problem, state: _State, direction: jax.Array) -> jax.Array:
    """Where the slope φ'(t) of the objective along the direction is small, from t = 1.

    Newton's method inside a bracket of the minimum of the convex φ. |φ'(t)| ≤ |φ'(0)| / 2 is the
    curvature condition together with Hager and Zhang's (2005) approximate one of decrease.
    """
    change = product(problem.inputs, direction)
    ridged = problem.ridge * direction
    start = jnp.vdot(state.gradient, direction)

    def derivatives(t: jax.Array) -> tuple[jax.Array, jax.Array]:
        chances = jax.nn.softmax(state.logits + t * change)
        mean = jnp.sum(chances * change, axis=1, keepdims=True)
        slope = jnp.sum(problem.shares * (chances - problem.targets) * change)
        bend = jnp.sum(problem.shares * chances * (change - mean) ** 2)
        ridge_slope = jnp.vdot(ridged, state.parameters + t * direction)
        return slope + ridge_slope, bend + jnp.vdot(ridged, direction)

    def unfinished(search: _Search) -> jax.Array:
        steep = jnp.abs(search.slope) > _SLOPE_LEFT * jnp.abs(start)
        return (search.number < _LINE_STEPS) & steep

    def newton(search: _Search) -> _Search:
        t = search.following
        slope, bend = derivatives(t)
        low, high = jnp.where(slope < 0, t, search.low), jnp.where(slope < 0, search.high, t)
        aim = t - slope / jnp.maximum(bend, jnp.finfo(t.dtype).tiny)
        middle = jnp.where(jnp.isinf(high), 2 * t, (low + high) / 2)
        following = jnp.where((aim > low) & (aim < high), aim, middle)
        return _Search(search.number + 1, t, slope, low, high, following)

    zero, one = jnp.zeros((), direction.dtype), jnp.ones((), direction.dtype)
    first = _Search(jnp.int32(0), zero, -jnp.inf * one, zero, jnp.inf * one, one)
    return lax.while_loop(unfinished, newton, first).t
