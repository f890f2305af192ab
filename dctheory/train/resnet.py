"""ResNet-18 for small images (He et al. 2016, in the form that SimCLR has for CIFAR)."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.nn.initializers import variance_scaling

from dctheory.train._layers import batch_norm

_STAGES = 4
_BLOCKS = 2


class ResNet18(nnx.Module):
    """3 × 3 stem of stride 1 without max-pool, four stages of two basic blocks, global mean.

    The stages have width, 2 · width, 4 · width and 8 · width channels; from the second on they
    begin with stride 2. Convolutions have no bias, are padded by 1 as in PyTorch (and not by
    "SAME", which pads even sizes on one side at stride 2), and start with variance
    2/(outputs · 9); normalisations start with scale 1, also the last one of a block, as in
    torchvision and the CIFAR recipes built on it (SimCLR's own code starts that one at 0).
    """

    def __init__(self, channels: int, width: int, *, dtype: Any, rngs: nnx.Rngs) -> None:
        self.stem = _ConvNorm(channels, width, 3, 1, dtype=dtype, rngs=rngs)
        blocks, inputs = {}, width
        for stage in range(_STAGES):
            outputs = width * 2**stage
            for block in range(_BLOCKS):
                stride = 2 if stage > 0 and block == 0 else 1
                made = _BasicBlock(inputs, outputs, stride, dtype=dtype, rngs=rngs)
                blocks[_block_name(stage, block)] = made
                inputs = outputs
        self.blocks = nnx.Dict(blocks)

    def __call__(self, x: jax.Array) -> jax.Array:
        """(B, H, W, channels) -> (B, 8 · width) float32."""
        x = nnx.relu(self.stem(x))
        for stage in range(_STAGES):
            for block in range(_BLOCKS):
                x = self.blocks[_block_name(stage, block)](x)
        return x.mean((1, 2), dtype=jnp.float32)


def _block_name(stage: int, block: int) -> str:
    return f"stage{stage + 1}_block{block + 1}"


class _BasicBlock(nnx.Module):
    def __init__(
        self, inputs: int, outputs: int, stride: int, *, dtype: Any, rngs: nnx.Rngs
    ) -> None:
        self.first = _ConvNorm(inputs, outputs, 3, stride, dtype=dtype, rngs=rngs)
        self.second = _ConvNorm(outputs, outputs, 3, 1, dtype=dtype, rngs=rngs)
        self.shortcut = (
            _ConvNorm(inputs, outputs, 1, stride, dtype=dtype, rngs=rngs)
            if inputs != outputs
            else None
        )

    def __call__(self, x: jax.Array) -> jax.Array:
        shortcut = x if self.shortcut is None else self.shortcut(x)
        return nnx.relu(self.second(nnx.relu(self.first(x))) + shortcut)


class _ConvNorm(nnx.Module):
    def __init__(
        self, inputs: int, outputs: int, size: int, stride: int, *, dtype: Any, rngs: nnx.Rngs
    ) -> None:
        self.conv = nnx.Conv(
            inputs,
            outputs,
            (size, size),
            stride,
            padding=size // 2,
            use_bias=False,
            kernel_init=variance_scaling(2.0, "fan_out", "normal"),
            dtype=dtype,
            rngs=rngs,
        )
        self.norm = batch_norm(outputs, dtype=dtype, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.norm(self.conv(x))
