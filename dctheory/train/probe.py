"""The linear probe: multinomial logistic regression on frozen features, by L-BFGS."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from dctheory._validation import check_integer, check_real
from dctheory.contrast._checks import as_features, is_concrete
from dctheory.train._logistic import product, solve


class ProbeFit(NamedTuple):
    """A fitted probe; the logits of features x are x · coefficients + intercept.

    Attributes:
        coefficients: (d, C).
        intercept: (C,); −∞ for a class without samples, which is never predicted.
        iterations: int32, L-BFGS steps taken.
        gradient_norm: norm of the objective's gradient for standardised features.
        converged: bool, whether it is at most the tolerance; False if anything is NaN.
    """

    coefficients: jax.Array
    intercept: jax.Array
    iterations: jax.Array
    gradient_norm: jax.Array
    converged: jax.Array


def fit_probe(
    features: Any,
    labels: Any,
    classes: int,
    *,
    ridge: Any = 1e-4,
    iterations: int = 200,
    tolerance: Any = 1e-5,
    weights: Any = None,
) -> ProbeFit:
    """Minimise the weighted mean cross-entropy + ridge/2 ‖B‖² over coefficients B and intercepts.

    The ridge acts on the coefficients of standardised features (weighted mean 0, deviation 1; a
    feature that is constant to rounding has the coefficient 0), so that the result does not depend
    on the features' scale; the fit that is returned is for the features as given. The intercept
    is not penalised. Works under ``jit``, and under ``vmap`` for several encoders at once.

    Args:
        features: (N, d), computed in float32, or in float64 if they are.
        labels: (N,) integers 0 … C − 1.
        classes: C ≥ 2. A class may be missing: the fit is that of the others.
        ridge: ≥ 0; scikit-learn's ``C`` is 1 / (ridge · N). With 0, separable data has no
            minimiser, and the fit ends where the gradient is small.
        iterations: L-BFGS steps, at most.
        tolerance: > 0, of the gradient's norm.
        weights: (N,) ≥ 0, not all 0; equal by default. Only their proportions matter.

    Raises:
        TypeError: features that are not floating point, labels that are not integers.
        ValueError: shapes that do not fit, values out of range, NaN (seen outside ``jit`` only).
    """
    check_integer("classes", classes, 2)
    check_integer("iterations", iterations, 1)
    array = as_features("features", features)
    known = as_labels("labels", labels, array.shape[0], classes)
    if is_concrete(ridge):
        check_real("ridge", ridge, 0)
    if is_concrete(tolerance):
        check_real("tolerance", tolerance, 0, low_open=True)
    mass = as_weights("weights", weights, array.shape[0], array.dtype)
    coefficients, intercept, steps, norm = solve(
        array, known, mass, ridge, tolerance, iterations, classes=classes
    )
    return ProbeFit(coefficients, intercept, steps, norm, norm <= tolerance)


def predict(fit: ProbeFit, features: Any) -> jax.Array:
    """(N,) int32 labels with the largest logit, the smallest one where several have it."""
    array = as_features("features", features)
    if array.shape[1] != fit.coefficients.shape[0]:
        raise ValueError(
            f"features have {array.shape[1]} columns, the probe was fitted on "
            f"{fit.coefficients.shape[0]}; pass features of the same encoder"
        )
    return _predict(fit.coefficients, fit.intercept, array)


def error_rate(fit: ProbeFit, features: Any, labels: Any, weights: Any = None) -> jax.Array:
    """Weighted share of samples that are not predicted as labelled, a scalar.

    Args and errors as of :func:`fit_probe`.
    """
    found = predict(fit, features)
    known = as_labels("labels", labels, found.shape[0], fit.intercept.shape[0])
    return 1 - accuracy(found, known, weights)


def accuracy(predicted: jax.Array, labels: jax.Array, weights: Any = None) -> jax.Array:
    """Weighted share of the N labels that are predicted, a scalar; ``weights`` as above."""
    mass = as_weights("weights", weights, predicted.shape[0])
    return jnp.sum(mass, where=predicted == labels) / jnp.sum(mass)


def as_labels(name: str, labels: Any, count: int, classes: int) -> jax.Array:
    """(N,) int32 labels in 0 … classes − 1, one for each of ``count`` rows, or an error."""
    array = jnp.asarray(labels)
    if not jnp.issubdtype(array.dtype, jnp.integer):
        raise TypeError(f"{name} must be integers, got {array.dtype}; convert them")
    if array.shape != (count,):
        raise ValueError(
            f"{name} must have shape ({count},), one for each sample, got {array.shape}"
        )
    if is_concrete(array) and count and not (array.min() >= 0 and array.max() < classes):
        raise ValueError(
            f"{name} must lie in 0 … {classes - 1}, got {array.min()} to {array.max()}; "
            "number the classes from 0, or raise classes"
        )
    return array.astype(jnp.int32)


def as_weights(name: str, weights: Any, count: int, dtype: Any = jnp.float32) -> jax.Array:
    """(N,) weights ≥ 0, one for each of ``count`` rows, or an error; ones for None."""
    if count == 0:
        raise ValueError("there are no samples; pass at least one")
    if weights is None:
        return jnp.ones(count, dtype)
    array = jnp.asarray(weights, dtype)
    if array.shape != (count,):
        raise ValueError(
            f"{name} must have shape ({count},), one for each sample, got {array.shape}"
        )
    total = array.sum()
    if is_concrete(total) and not (array.min() >= 0 and 0 < total < jnp.inf):
        raise ValueError(f"{name} must be finite and ≥ 0, and not all 0; check their computation")
    return array


@jax.jit
def _predict(coefficients: jax.Array, intercept: jax.Array, features: jax.Array) -> jax.Array:
    return jnp.argmax(product(features, coefficients) + intercept, axis=1).astype(jnp.int32)
