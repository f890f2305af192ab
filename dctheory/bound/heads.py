"""Linear heads on features: least squares and logistic regression, without an intercept."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Labels = NDArray[np.int64]

LEAST_SQUARES, LOGISTIC = "least squares", "logistic"
HEADS = (LEAST_SQUARES, LOGISTIC)

# Scores closer than this (relative to the largest one, or absolutely) are tied.
TIE = 1e-9
# The logistic loss is of order one; its gradient below this moves no prediction that matters.
_GRADIENT = 1e-9
_MAX_NEWTON = 200


def fit(
    head: str, features: Array, labels: Labels, weights: Array, classes: int, ridge: float
) -> Array:
    """(k, C) matrix B of the head x ↦ argmax_c (f(x)ᵀ B)_c.

    ``head`` is one of :data:`HEADS`: ``"least squares"`` of the one-hot labels with minimum norm,
    or ``"logistic"``, the cross-entropy plus ridge/2 ‖B‖². ``features`` (N, k), ``labels`` (N,)
    in 0 … C − 1, ``weights`` (N,) non-negative.
    """
    one_hot = np.eye(classes)[labels]
    share = weights / weights.sum()
    if head == LEAST_SQUARES:
        root = np.sqrt(share)[:, None]
        solution: Array = np.linalg.lstsq(root * features, root * one_hot, rcond=None)[0]
        return solution
    return _logistic(features, one_hot, share, ridge)


def _logistic(features: Array, one_hot: Array, share: Array, ridge: float) -> Array:
    """Newton's method with conjugate gradients: strictly convex, so any start will do."""
    head = np.zeros((features.shape[1], one_hot.shape[1]))
    loss, chances = _cross_entropy(features, one_hot, share, ridge, head)
    for _ in range(_MAX_NEWTON):
        slope = features.T @ (share[:, None] * (chances - one_hot)) + ridge * head
        size = float(np.linalg.norm(slope))
        if size < _GRADIENT:
            break
        step, length = _newton_step(features, share[:, None], chances, ridge, slope), 1.0
        decrease = float((slope * step).sum())
        while length > _GRADIENT:
            new = head - length * step
            new_loss, new_chances = _cross_entropy(features, one_hot, share, ridge, new)
            if new_loss <= loss - 1e-4 * length * decrease:
                break
            length /= 2
        else:
            # Rounding hides any further decrease.
            break
        head, loss, chances = new, new_loss, new_chances
    return head


def _cross_entropy(
    features: Array, one_hot: Array, share: Array, ridge: float, head: Array
) -> tuple[float, Array]:
    """Loss of the head, and the (N, C) probabilities that it gives to the classes."""
    scores = features @ head
    scores -= scores.max(axis=1, keepdims=True)
    chances = np.exp(scores)
    sums = chances.sum(axis=1, keepdims=True)
    chances /= sums
    losses = np.log(sums[:, 0]) - (scores * one_hot).sum(axis=1)
    return float(share @ losses + ridge / 2 * (head**2).sum()), chances


def _newton_step(
    features: Array, share: Array, chances: Array, ridge: float, slope: Array
) -> Array:
    """Solve Hessian · step = slope by conjugate gradients, more precisely near the minimum."""
    step, residual = np.zeros_like(slope), slope.copy()
    direction, square = residual.copy(), float((slope**2).sum())
    goal = square * min(0.25, np.sqrt(square)) ** 2
    for _ in range(2 * slope.size):
        moved = features @ direction
        moved = chances * (moved - (chances * moved).sum(axis=1, keepdims=True))
        image = features.T @ (share * moved) + ridge * direction
        length = square / float((direction * image).sum())
        step += length * direction
        residual -= length * image
        new_square = float((residual**2).sum())
        if new_square <= goal:
            break
        direction = residual + new_square / square * direction
        square = new_square
    return step


def error_rate(scores: Array, labels: Labels, weights: Array) -> float:
    """Weighted share of wrong predictions; of tied classes each is predicted equally often.

    ``scores`` (N, C), ``labels`` (N,), ``weights`` (N,) non-negative with a positive sum.
    """
    tolerance = TIE * max(1.0, float(np.abs(scores).max()))
    leading = scores >= scores.max(axis=1, keepdims=True) - tolerance
    right = leading[np.arange(len(labels)), labels] / leading.sum(axis=1)
    # One minus the right share would leave a rounding where all are right.
    return float((1 - right) @ weights / weights.sum())
