"""How far above its minimum stochastic gradient descent ends: a prediction, without training.

Near a minimiser F* the loss is a quadratic form with the Hessian H, and the gradient of a
minibatch is H (F − F*) plus noise of covariance C. Along each eigenvector of H the covariance of
parameter and momentum then follows a linear recursion over the steps of the schedule, and the
expected excess of the loss at the end is ½ Σ_i h_i E[x_i²]. It grows with the noise, which is
exact here: the minibatch loss is a U-statistic of independent pairs, so that the variance of its
gradient follows from two variances over the graph (Hoeffding 1948).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dctheory.experiment._pair_loss import PairLoss

Array = NDArray[np.float64]

# Directions of smaller curvature, relative to the largest, are symmetries of the loss: moving
# along them changes nothing.
_FLAT = 1e-9


def expected_excess(
    loss: PairLoss, minimiser: Array, rates: Array, batch_size: int, momentum: float
) -> float:
    """Mean loss after training, less the minimum, to first order in the noise.

    It starts at the minimiser: what is left of the way there from the first features is not in it.

    Args:
        loss: the population loss whose unbiased estimate of a batch is trained.
        minimiser: (N, k) features where it is smallest.
        rates: (T,) learning rates of the steps.
        batch_size: pairs in a batch, at least 2.
        momentum: μ in m ← μ m + g, F ← F − η m.
    """
    curvatures, directions = np.linalg.eigh(loss.hessian(minimiser))
    bent = curvatures > _FLAT * curvatures[-1]
    h = curvatures[bent]
    noise = gradient_variance(loss, minimiser, directions[:, bent], batch_size)
    # Variances of the parameter and of m along each direction, and their covariance.
    xx, xm, mm = np.zeros_like(h), np.zeros_like(h), np.zeros_like(h)
    for rate in rates:
        mm, xm = (
            momentum**2 * mm + 2 * momentum * h * xm + h**2 * xx + noise,
            momentum * xm + h * xx,
        )
        xx, xm = xx - 2 * rate * xm + rate**2 * mm, xm - rate * mm
    return float(np.sum(h * xx) / 2)


def gradient_variance(loss: PairLoss, features: Array, directions: Array, batch_size: int) -> Array:
    """(m,) variances of a minibatch's gradient along (N k, m) directions.

    The loss of a batch of B pairs z_i = (x_i, x_i⁺) is the mean of h(z_i, z_j) over i ≠ j, and so
    is its derivative; the variance of such a mean is 4 (B − 2) ζ₁/(B (B − 1)) + 2 ζ₂/(B (B − 1))
    with ζ₁ = Var E[h | z_i] and ζ₂ = Var h.
    """
    pairs, marginals = loss.pairs, loss.marginals
    similarity = features @ features.T
    towards = -2 / loss.temperatures
    apart = 2 * (similarity + loss.margins) / loss.temperatures**2
    found = []
    for direction in directions.T:
        turn = direction.reshape(features.shape) @ features.T
        turn = turn + turn.T
        # h = ½ [a(x, x⁺) + a(y, y⁺) + b(x, y⁺) + b(y, x⁺)] for the pairs (x, x⁺) and (y, y⁺).
        a, b = towards * turn, apart * turn
        rows = b @ marginals
        mean = np.sum(pairs * a) + marginals @ rows
        one = (a + np.sum(pairs * a) + rows[:, None] + rows[None, :]) / 2
        first = np.sum(pairs * one**2) - mean**2
        crossed = np.sum(b * (pairs @ b @ pairs))
        second = (
            np.sum(pairs * a**2)
            + np.sum(pairs * a) ** 2
            + marginals @ b**2 @ marginals
            + crossed
            + 2 * np.sum(pairs * a * (rows[:, None] + rows[None, :]))
        ) / 2 - mean**2
        found.append((4 * (batch_size - 2) * first + 2 * second) / (batch_size * (batch_size - 1)))
    return np.array(found)
