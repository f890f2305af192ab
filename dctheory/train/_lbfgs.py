"""The direction of L-BFGS for one array of parameters (Nocedal and Wright 2006, Algorithm 7.4).

Unlike ``optax.scale_by_lbfgs`` it takes an estimate of the inverse Hessian to start from, which
the recursion allows to be another one in every step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax


class History(NamedTuple):
    """The last m changes of parameters and gradient, the newest first.

    Attributes:
        steps: (m, ...) changes s of the parameters; 0 where there is none yet.
        changes: (m, ...) changes y of the gradient.
        inverse: (m,) 1 / ⟨s, y⟩; 0 where ⟨s, y⟩ is not positive, so that the pair has no effect.
    """

    steps: jax.Array
    changes: jax.Array
    inverse: jax.Array


def empty_history(memory: int, parameters: jax.Array) -> History:
    """No changes, room for ``memory`` of them."""
    zeros = jnp.zeros((memory, *parameters.shape), parameters.dtype)
    return History(zeros, zeros, jnp.zeros(memory, parameters.dtype))


def remember(history: History, step: jax.Array, change: jax.Array) -> History:
    """The history with one more change, the oldest one dropped."""
    curvature = jnp.vdot(step, change)
    inverse = jnp.where(curvature > 0, 1 / jnp.where(curvature > 0, curvature, 1), 0)
    newest = History(step, change, inverse)
    return jax.tree.map(lambda kept, new: jnp.roll(kept, 1, axis=0).at[0].set(new), history, newest)


def descent(
    history: History, gradient: jax.Array, precondition: Callable[[jax.Array], jax.Array]
) -> jax.Array:
    """−H g, with H the L-BFGS inverse Hessian that starts from a multiple of ``precondition``.

    Args:
        gradient: g.
        precondition: product with an estimate of the inverse Hessian, symmetric and positive
            definite on the subspace of all gradients; its scale matters without a history only.
    """

    def backward(vector: jax.Array, pair: History) -> tuple[jax.Array, jax.Array]:
        factor = pair.inverse * jnp.vdot(pair.steps, vector)
        return vector - factor * pair.changes, factor

    def forward(vector: jax.Array, pair: tuple[History, jax.Array]) -> tuple[jax.Array, None]:
        kept, factor = pair
        return vector + kept.steps * (factor - kept.inverse * jnp.vdot(kept.changes, vector)), None

    vector, factors = lax.scan(backward, gradient, history)
    length = jnp.vdot(history.changes[0], precondition(history.changes[0]))
    known = (history.inverse[0] > 0) & (length > 0)
    # The curvature along the newest step, ⟨s, y⟩ / ⟨y, P y⟩.
    scale = jnp.where(known, 1 / jnp.where(known, history.inverse[0] * length, 1), 1)
    vector = scale * precondition(vector)
    return -lax.scan(forward, vector, (history, factors), reverse=True)[0]
