from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dctheory.train.config import ModelConfig
from dctheory.train.networks import make_network
from dctheory.train.resnet import _BasicBlock

nnx = pytest.importorskip("flax.nnx")


def build(width, shape):
    return make_network(ModelConfig(kind="resnet18", width=width, features=8 * width), shape)


def test_number_of_parameters():
    """ResNet-18 of torchvision has 11,689,512: less its head 512 · 1,000 + 1,000 and the 7 × 7
    stem, and with a 3 × 3 one, 11,168,832.
    """
    network = build(64, (32, 32, 3))
    assert network.num_params == 11_689_512 - 513_000 - (49 - 9) * 3 * 64 == 11_168_832

    def block(inputs, outputs):
        convolutions = 9 * inputs * outputs + 9 * outputs**2 + 2 * 2 * outputs
        return convolutions + (inputs * outputs + 2 * outputs if inputs != outputs else 0)

    widths = [(5, 5), (5, 10), (10, 20), (20, 40)]
    stages = sum(block(inputs, outputs) + block(outputs, outputs) for inputs, outputs in widths)
    assert build(5, (8, 8, 1)).num_params == 9 * 5 + 2 * 5 + stages


# --- The same network in numpy, float64


def convolve(x, kernel, stride):
    """Output (i, j) sees (stride · i, stride · j) and its neighbours, zeros outside."""
    size, margin = kernel.shape[0], kernel.shape[0] // 2
    _, height, width, _ = x.shape
    padded = np.pad(x, ((0, 0), (margin, margin), (margin, margin), (0, 0)))
    sums = [
        padded[:, i : i + height, j : j + width] @ kernel[i, j]
        for i in range(size)
        for j in range(size)
    ]
    return np.sum(sums, axis=0)[:, ::stride, ::stride]


def conv_norm(x, layer, stats, stride, train):
    x = convolve(x, layer["conv"]["kernel"], stride)
    mean, variance = stats["norm"]["mean"], stats["norm"]["var"]
    if train:
        mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    x = (x - mean) / np.sqrt(variance + 1e-5)
    return x * layer["norm"]["scale"] + layer["norm"]["bias"]


def naive(params, stats, x, train):
    x = np.maximum(conv_norm(x, params["stem"], stats["stem"], 1, train), 0)
    for stage in range(1, 5):
        for block in (1, 2):
            name = f"stage{stage}_block{block}"
            layer, own = params["blocks"][name], stats["blocks"][name]
            stride = 2 if stage > 1 and block == 1 else 1
            y = np.maximum(conv_norm(x, layer["first"], own["first"], stride, train), 0)
            y = conv_norm(y, layer["second"], own["second"], 1, train)
            if "shortcut" in layer:
                x = conv_norm(x, layer["shortcut"], own["shortcut"], stride, train)
            x = np.maximum(x + y, 0)
    return x.mean((1, 2))


@pytest.mark.parametrize("train", [True, False])
def test_features_are_those_of_numpy(train):
    rng = np.random.default_rng(0)
    network = build(2, (8, 8, 2))
    params, stats = jax.tree.map(
        lambda each: jnp.float32(rng.uniform(-0.3, 0.6, each.shape) + (len(each.shape) == 1) / 2),
        jax.eval_shape(network.init, jax.random.key(0)),
    )
    x = rng.standard_normal((5, 8, 8, 2))
    h, z, new = jax.jit(network.apply, static_argnums=3)(params, stats, jnp.float32(x), train)
    exact = jax.tree.map(lambda each: np.asarray(each, np.float64), (params, stats))
    expected = naive(exact[0]["encoder"], exact[1]["encoder"], x, train)
    # Seventeen layers, each of which may multiply float32's 6e-8 by a small factor.
    np.testing.assert_allclose(h, expected, rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(h, z)
    first = exact[1]["encoder"]["stem"]["norm"]["mean"]
    if train:
        seen = convolve(x, exact[0]["encoder"]["stem"]["conv"]["kernel"], 1).mean((0, 1, 2))
        first = 0.9 * first + 0.1 * seen
    np.testing.assert_allclose(new["encoder"]["stem"]["norm"]["mean"], first, rtol=1e-5, atol=1e-6)
    assert jax.tree.structure(new) == jax.tree.structure(stats)


def test_initial_variances():
    block = _BasicBlock(32, 64, 2, dtype=jnp.float32, rngs=nnx.Rngs(0))
    for layer, size in ((block.first, 9), (block.shortcut, 1)):
        kernel = layer.conv.kernel[...]
        # Of n normal draws the variance has the relative standard error √(2/n).
        expected = pytest.approx(2 / (size * 64), rel=5 * np.sqrt(2 / kernel.size))
        assert np.var(kernel) == expected
    np.testing.assert_array_equal(block.second.norm.scale[...], 1)
