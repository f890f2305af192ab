"""Layers of the networks. Parameters are float32; ``dtype`` is that of the computations."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax
from jax.nn.initializers import he_normal, lecun_normal

# Flax's default of 0.99 forgets its first value, far from any data, only after hundreds of steps.
_MOMENTUM = 0.9


def dense(
    inputs: int, outputs: int, *, bias: bool, rectified: bool, dtype: Any, rngs: nnx.Rngs
) -> nnx.Linear:
    """x W + b; b starts at 0, W with variance 2/inputs if a ReLU follows, else 1/inputs."""
    return nnx.Linear(
        inputs,
        outputs,
        use_bias=bias,
        kernel_init=he_normal() if rectified else lecun_normal(),
        dtype=dtype,
        # GPUs would round float32 to TensorFloat-32, ten bits.
        precision=lax.Precision.HIGHEST if dtype == jnp.float32 else None,
        rngs=rngs,
    )


def batch_norm(channels: int, *, dtype: Any, rngs: nnx.Rngs) -> nnx.BatchNorm:
    """Batch normalisation (Ioffe and Szegedy 2015) in float32, rounded to ``dtype`` at its end.

    New statistics are 0.9 · old + 0.1 · those of the batch, the variance being Σ (x − x̄)²/n.
    """
    return nnx.BatchNorm(
        channels,
        momentum=_MOMENTUM,
        dtype=dtype,
        # Otherwise the stored mean and variance would be rounded to `dtype` before their use.
        promote_dtype=lambda arrays, **_: arrays,
        rngs=rngs,
    )


class DenseNorm(nnx.Module):
    """x W, batch-normalised; a ReLU follows."""

    def __init__(self, inputs: int, outputs: int, *, dtype: Any, rngs: nnx.Rngs) -> None:
        self.dense = dense(inputs, outputs, bias=False, rectified=True, dtype=dtype, rngs=rngs)
        self.norm = batch_norm(outputs, dtype=dtype, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.norm(self.dense(x))


def patches(x: jax.Array, stride: int) -> jax.Array:
    """(B, ⌈H/stride⌉, ⌈W/stride⌉, 9C): the 3 × 3 neighbourhood of every stride-th pixel.

    A matrix (9C, D) after it is a 3 × 3 convolution with padding 1, its kernel (3, 3, C, D)
    reshaped. It is here for ``vmap`` over the weights, which makes a grouped convolution of a
    convolution: on CPU about 3 times as slow as one call for each member.
    """
    batch, height, width, channels = x.shape
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    shifted = [
        lax.slice(
            padded, (0, i, j, 0), (batch, i + height, j + width, channels), (1, stride, stride, 1)
        )
        for i in range(3)
        for j in range(3)
    ]
    return jnp.concatenate(shifted, axis=-1)
