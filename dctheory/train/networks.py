"""Encoders and projectors as pure functions of nested dicts of arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from dctheory._validation import check_choice, check_integer
from dctheory.train._layers import DenseNorm, dense
from dctheory.train.config import PRECISIONS, ModelConfig
from dctheory.train.encoders import MLP, ConvNet, Linear, Table
from dctheory.train.resnet import ResNet18

Arrays = dict[str, Any]

# Encoders that take images and normalise by the batch.
_IMAGE_KINDS = ("convnet", "resnet18")

# The smallest images of "resnet18": its last stage sees one pixel.
_RESNET_PIXELS = 8


@dataclass(frozen=True)
class Network:
    """An encoder with its projector; made by :func:`make_network`.

    ``init`` and ``apply`` are pure: they work under ``jit``, ``grad`` and ``vmap`` over keys,
    parameters and statistics.

    Attributes:
        input_shape: of one input; () for the node indices of a table.
        features, projected: dimensions of h and of z.
        num_params: trained numbers, without the statistics of batch normalisation.
    """

    input_shape: tuple[int, ...]
    features: int
    projected: int
    num_params: int
    _build: Callable[[nnx.Rngs], nnx.Module]
    _graph: Any

    def init(self, key: jax.Array) -> tuple[Arrays, Arrays]:
        """Parameters and batch statistics ({} without any), nested dicts of float32 arrays."""
        module = self._build(nnx.Rngs(key))
        return _arrays(module, nnx.Param), _arrays(module, nnx.BatchStat)

    def apply(
        self, params: Arrays, stats: Arrays, x: Any, train: bool
    ) -> tuple[jax.Array, jax.Array, Arrays]:
        """The outputs of encoder and projector.

        Args:
            params, stats: of ``init``.
            x: ``(B, *input_shape)`` floats; of a table (B,) integers, the rows to look up (one that
                is out of range has NaN for its vector).
            train: whether to normalise by this batch and to update the statistics; otherwise
                they are used, and returned as they are.

        Returns:
            h (B, features), z (B, projector) or h itself without a projector, both float32, and
            the statistics.

        Raises:
            TypeError: floats for a table, anything else for another network.
            ValueError: another shape.
        """
        x = jnp.asarray(x)
        self._check_input(x)
        module = nnx.merge(self._graph, params, stats)
        module.set_attributes(use_running_average=not train, raise_if_not_found=False)
        h, z = module(x)
        return h, z, _arrays(module, nnx.BatchStat) if train else stats

    def _check_input(self, x: jax.Array) -> None:
        kind = jnp.floating if self.input_shape else jnp.integer
        if not jnp.issubdtype(x.dtype, kind):
            needed = "floating point" if self.input_shape else "integers, the nodes' indices"
            raise TypeError(f"x must be {needed} for this network, got {x.dtype}")
        if x.ndim == 0 or x.shape[1:] != self.input_shape:
            expected = ", ".join(map(str, ("B", *self.input_shape)))
            raise ValueError(f"x must have shape ({expected}), got {x.shape}; reshape it")


def make_network(
    model: ModelConfig,
    input_shape: tuple[int, ...],
    precision: str = "float32",
    *,
    num_nodes: int | None = None,
) -> Network:
    """The network of a configuration.

    The encoders are those of :mod:`dctheory.train.encoders` and :mod:`dctheory.train.resnet`. The
    projector is a layer of ``features`` units with ReLU, batch-normalised as in SimCLR if the
    encoder is so too ("convnet" and "resnet18"), and a matrix without bias.

    Args:
        model: the configuration.
        input_shape: of one input: () for a table, (height, width, channels) for "convnet" and
            "resnet18", anything else for the others.
        precision: "float32", or "bfloat16" for the computations between float32 parameters and
            outputs. On GPUs XLA may round the inputs of float32 convolutions (of "resnet18") to
            TensorFloat-32, as PyTorch does; matrix products stay in float32.
        num_nodes: rows of a table; other kinds have no use for it.

    Raises:
        TypeError: an ``input_shape`` that is no tuple of integers, or ``num_nodes`` missing.
        ValueError: an ``input_shape`` that does not suit the kind, or an unknown precision.
    """
    if not isinstance(model, ModelConfig):
        raise TypeError(f"model must be a ModelConfig, got {model!r}")
    check_choice("precision", precision, PRECISIONS)
    _check_input_shape(model, input_shape)
    if model.kind == "table":
        check_integer("num_nodes of a table", num_nodes, 1)

    def build(rngs: nnx.Rngs) -> nnx.Module:
        return _Model(model, input_shape, num_nodes, dtype=jnp.dtype(precision), rngs=rngs)

    shapes = nnx.eval_shape(lambda: build(nnx.Rngs(0)))
    num_params = sum(each.size for each in jax.tree.leaves(_arrays(shapes, nnx.Param)))
    graph = nnx.graphdef(shapes)
    return Network(
        input_shape, model.features, model.projector or model.features, num_params, build, graph
    )


def _check_input_shape(model: ModelConfig, shape: tuple[int, ...]) -> None:
    if not isinstance(shape, tuple):
        raise TypeError(f"input_shape must be a tuple such as (8, 8, 1), got {shape!r}")
    for size in shape:
        check_integer("every entry of input_shape", size, 1)
    if (model.kind == "table") != (shape == ()):
        raise ValueError(
            f"model.kind {model.kind!r} does not fit input_shape {shape}: a table, and only a "
            "table, has inputs of shape (), the indices of nodes"
        )
    if model.kind not in _IMAGE_KINDS:
        return
    if len(shape) != 3:
        raise ValueError(
            f"model.kind {model.kind!r} needs images of shape (height, width, channels), got "
            f"{shape}; choose 'mlp' for other data"
        )
    pixels = _RESNET_PIXELS if model.kind == "resnet18" else 2 ** (model.depth - 1)
    if min(shape[:2]) < pixels:
        raise ValueError(
            f"model.kind {model.kind!r} needs images of at least {pixels} × {pixels} pixels, got "
            f"{shape[0]} × {shape[1]}; choose 'mlp', or 'convnet' with a smaller depth"
        )


def _arrays(module: nnx.Module, kind: type) -> Arrays:
    return nnx.to_pure_dict(nnx.state(module, kind))


class _Model(nnx.Module):
    def __init__(
        self,
        model: ModelConfig,
        shape: tuple[int, ...],
        num_nodes: Any,
        *,
        dtype: Any,
        rngs: nnx.Rngs,
    ) -> None:
        self.encoder = _encoder(model, shape, num_nodes, dtype, rngs)
        self.projector = _Projector(model, dtype=dtype, rngs=rngs) if model.projector else None

    def __call__(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        h = self.encoder(x).astype(jnp.float32)
        return h, h if self.projector is None else self.projector(h).astype(jnp.float32)


def _encoder(
    model: ModelConfig, shape: tuple[int, ...], num_nodes: Any, dtype: Any, rngs: nnx.Rngs
) -> Any:
    features, width, depth = model.features, model.width, model.depth
    if model.kind == "table":
        return Table(num_nodes, features, rngs=rngs)
    if model.kind == "linear":
        return Linear(math.prod(shape), features, dtype=dtype, rngs=rngs)
    if model.kind == "mlp":
        return MLP(math.prod(shape), [width] * depth, features, dtype=dtype, rngs=rngs)
    if model.kind == "convnet":
        return ConvNet(shape[-1], depth, width, features, dtype=dtype, rngs=rngs)
    return ResNet18(shape[-1], width, dtype=dtype, rngs=rngs)


class _Projector(nnx.Module):
    def __init__(self, model: ModelConfig, *, dtype: Any, rngs: nnx.Rngs) -> None:
        features = model.features
        self.hidden = (
            DenseNorm(features, features, dtype=dtype, rngs=rngs)
            if model.kind in _IMAGE_KINDS
            else dense(features, features, bias=True, rectified=True, dtype=dtype, rngs=rngs)
        )
        self.output = dense(
            features, model.projector, bias=False, rectified=False, dtype=dtype, rngs=rngs
        )

    def __call__(self, h: jax.Array) -> jax.Array:
        return self.output(nnx.relu(self.hidden(h)))
