"""Optimizers and their schedules, from a configuration whose numbers may be traced."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from dctheory._validation import check_integer
from dctheory.train.config import OptimizerConfig


def make_optimizer(
    config: OptimizerConfig,
    total_steps: int,
    learning_rate: Any = None,
    weight_decay: Any = None,
) -> optax.GradientTransformation:
    """The optimizer of a configuration.

    With the gradient g of a parameter w, the rate η at this step and the weight decay λ:

    - "sgd": m ← μ m + g + λ w, w ← w − η m, as in PyTorch;
    - "adamw": Adam (β₁ = 0.9, β₂ = 0.999, ε = 1e-8), its update taken with η, and w ← w − η λ w
      beside it (Loshchilov and Hutter 2019);
    - "lars": m ← μ m + η r (g + λ w), w ← w − m, where r = 0.001 ‖w‖/‖g + λ w‖, and 1 if one of
      the norms is 0 (You, Gitman and Ginsburg 2017, with the trust ratio that SimCLR uses).

    λ, and r of "lars", are for matrices and convolutions only: biases and the scales of
    normalisations, which have one dimension, go without (λ = 0, r = 1). A table of free vectors is
    a matrix: set its weight decay to 0 unless the loss should be another one. Under ``vmap`` over
    members of a program, init and update must both be inside.

    Args:
        config: the configuration.
        total_steps: of the schedule.
        learning_rate, weight_decay: in place of the configuration's; scalars, traced or not. The
            structure of the state does not depend on them.

    Raises:
        TypeError, ValueError: ``total_steps`` that is no integer, or below 1.
    """
    shape = schedule_shape(config, total_steps)
    peak = config.learning_rate if learning_rate is None else learning_rate
    decay = config.weight_decay if weight_decay is None else weight_decay

    def rate(count: Any) -> Any:
        return peak * shape(count)

    if config.kind == "adamw":
        return optax.adamw(rate, weight_decay=decay, mask=_has_matrices)
    if config.kind == "lars":
        return optax.lars(
            rate,
            weight_decay=decay,
            weight_decay_mask=_has_matrices,
            trust_ratio_mask=_has_matrices,
            momentum=config.momentum,
        )
    return optax.chain(
        optax.add_decayed_weights(decay, mask=_has_matrices),
        optax.sgd(rate, momentum=config.momentum),
    )


def schedule_shape(config: OptimizerConfig, total_steps: int) -> Callable[[Any], jax.Array]:
    """The rate at a step over its largest value, a function of the number of steps before it.

    t/W for t < W = round(warmup · T), W < T; then 1, or (1 + cos π(t − W)/(T − W))/2, which
    reaches 0 after the last step.
    """
    check_integer("total_steps", total_steps, 1)
    warmup = min(round(config.warmup * total_steps), total_steps - 1)
    rest = total_steps - warmup

    def shape(count: Any) -> jax.Array:
        rise = count / max(warmup, 1)
        progress = jnp.clip((count - warmup) / rest, 0, 1)
        decay = (1 + jnp.cos(math.pi * progress)) / 2 if config.schedule == "cosine" else 1.0
        return jnp.where(count < warmup, rise, decay)

    return shape


def _has_matrices(params: Any) -> Any:
    """Which parameters are decayed: a tree of bools."""
    return jax.tree.map(lambda each: each.ndim >= 2, params)
