"""The small encoders; all of them make good members of one program (``vmap`` over parameters)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from dctheory.train._layers import DenseNorm, dense, patches

# Length of a row at the start: small, as the theory's losses are quartic in it, but not zero,
# which is a saddle point of them.
_ROW_LENGTH = 0.1


class Table(nnx.Module):
    """A free vector for each node, at first from N(0, 0.01/features · I): its length is 0.1."""

    def __init__(self, num_nodes: int, features: int, *, rngs: nnx.Rngs) -> None:
        entries = jax.random.normal(rngs.params(), (num_nodes, features), jnp.float32)
        self.embedding = nnx.Param(entries * (_ROW_LENGTH / math.sqrt(features)))

    def __call__(self, nodes: jax.Array) -> jax.Array:
        """(B,) -> (B, features); NaN for a node that is out of range."""
        return jnp.take(self.embedding[...], nodes, axis=0, mode="fill")


class Linear(nnx.Module):
    """A matrix without bias, on the flattened input."""

    def __init__(self, inputs: int, features: int, *, dtype: Any, rngs: nnx.Rngs) -> None:
        self.output = dense(inputs, features, bias=False, rectified=False, dtype=dtype, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """(B, …) -> (B, features)."""
        return self.output(x.reshape(len(x), -1))


class MLP(nnx.Module):
    """Hidden layers with ReLU and a linear one, with biases, on the flattened input."""

    def __init__(
        self, inputs: int, hidden: Sequence[int], features: int, *, dtype: Any, rngs: nnx.Rngs
    ) -> None:
        self.depth = len(hidden)
        self.hidden: nnx.Dict[nnx.Linear] = nnx.Dict()
        for i, outputs in enumerate(hidden):
            self.hidden[f"layer{i + 1}"] = dense(
                inputs, outputs, bias=True, rectified=True, dtype=dtype, rngs=rngs
            )
            inputs = outputs
        self.output = dense(inputs, features, bias=True, rectified=False, dtype=dtype, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """(B, …) -> (B, features)."""
        x = x.reshape(len(x), -1)
        for i in range(self.depth):
            x = nnx.relu(self.hidden[f"layer{i + 1}"](x))
        return self.output(x)


class ConvNet(nnx.Module):
    """3 × 3 convolutions, of stride 2 but for the first, global mean, and a linear layer.

    Each is batch-normalised and rectified; they have width, 2 · width, 4 · width, … channels.
    """

    def __init__(
        self, channels: int, depth: int, width: int, features: int, *, dtype: Any, rngs: nnx.Rngs
    ) -> None:
        self.depth = depth
        self.stages: nnx.Dict[DenseNorm] = nnx.Dict()
        for i in range(depth):
            outputs = width * 2**i
            self.stages[f"stage{i + 1}"] = DenseNorm(9 * channels, outputs, dtype=dtype, rngs=rngs)
            channels = outputs
        self.output = dense(channels, features, bias=True, rectified=False, dtype=dtype, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """(B, H, W, channels) -> (B, features)."""
        for i in range(self.depth):
            x = nnx.relu(self.stages[f"stage{i + 1}"](patches(x, 1 if i == 0 else 2)))
        return self.output(x.mean((1, 2), dtype=jnp.float32))
