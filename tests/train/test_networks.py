from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

from dctheory.train._layers import batch_norm, patches
from dctheory.train.config import ModelConfig
from dctheory.train.networks import make_network

nnx = pytest.importorskip("flax.nnx")

BATCH, FEATURES, NODES = 6, 5, 9
RNG = np.random.default_rng(0)
# Options of the model and shape of an input.
CASES = {
    "table": ({}, ()),
    "linear": ({}, (3, 4)),
    "mlp": ({"width": 7, "depth": 2, "projector": 4}, (3, 4)),
    # An odd and an even size, so that the padding of stride 2 shows.
    "convnet": ({"width": 3, "depth": 2, "projector": 4}, (4, 7, 2)),
}


def build(kind, precision="float32"):
    options, shape = CASES[kind]
    model = ModelConfig(kind=kind, features=FEATURES, **options)
    return make_network(model, shape, precision, num_nodes=NODES)


def inputs(kind):
    if kind == "table":
        return jnp.asarray(RNG.integers(0, NODES, BATCH), jnp.int32)
    return jnp.asarray(RNG.standard_normal((BATCH, *CASES[kind][1])), jnp.float32)


def numbers(network, seed=1):
    """Parameters and statistics with no bias, scale or mean that might as well be missing."""
    rng = np.random.default_rng(seed)

    def draw(each):
        if len(each.shape) > 1:
            values = rng.standard_normal(each.shape) / np.sqrt(each.shape[0])
        else:
            values = rng.uniform(0.2, 1, each.shape)
        return jnp.asarray(values, each.dtype)

    return jax.tree.map(draw, jax.eval_shape(network.init, jax.random.key(0)))


def evaluate(network, params, stats, x, train):
    return jax.jit(network.apply, static_argnums=3)(params, stats, x, train)


# --- The same networks in numpy, float64


def to_numpy(tree):
    return jax.tree.map(lambda each: np.asarray(each, np.float64), tree)


def affine(layer, x):
    return x @ layer["kernel"] + layer.get("bias", 0)


def relu(x):
    return np.maximum(x, 0)


def normalise(x, layer, stats, train, found, name):
    mean, variance = stats["mean"], stats["var"]
    if train:
        axes = tuple(range(x.ndim - 1))
        mean, variance = x.mean(axes), x.var(axes)
        found[name] = {
            "mean": 0.9 * stats["mean"] + 0.1 * mean,
            "var": 0.9 * stats["var"] + 0.1 * variance,
        }
    return (x - mean) / np.sqrt(variance + 1e-5) * layer["scale"] + layer["bias"]


def convolve(x, kernel, stride):
    """3 × 3, padding 1: output (i, j) sees rows stride·i − 1 … stride·i + 1."""
    batch, height, width, _ = x.shape
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    rows, columns = range(0, height, stride), range(0, width, stride)
    out = np.zeros((batch, len(rows), len(columns), kernel.shape[-1]))
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            window = padded[:, row : row + 3, column : column + 3]
            out[:, i, j] = np.einsum("nabc,abcd->nd", window, kernel)
    return out


def naive(kind, params, stats, x, train):
    params, stats, x = to_numpy(params), to_numpy(stats), np.asarray(x)
    encoder, found = params["encoder"], {}
    if kind == "table":
        return encoder["embedding"][x], encoder["embedding"][x], found
    if kind == "linear":
        h = affine(encoder["output"], x.reshape(BATCH, -1))
        return h, h, found
    projector = params["projector"]
    if kind == "mlp":
        first = relu(affine(encoder["hidden"]["layer1"], x.reshape(BATCH, -1)))
        second = relu(affine(encoder["hidden"]["layer2"], first))
        h = affine(encoder["output"], second)
    else:
        for name, stride in (("stage1", 1), ("stage2", 2)):
            layer, norm_stats = encoder["stages"][name], stats["encoder"]["stages"][name]["norm"]
            kernel = layer["dense"]["kernel"].reshape(3, 3, x.shape[-1], -1)
            x = convolve(x, kernel, stride)
            x = relu(normalise(x, layer["norm"], norm_stats, train, found, name))
        h = affine(encoder["output"], x.mean((1, 2)))
    if kind == "convnet":
        hidden = affine(projector["hidden"]["dense"], h)
        norm_stats = stats["projector"]["hidden"]["norm"]
        hidden = normalise(
            hidden, projector["hidden"]["norm"], norm_stats, train, found, "projector"
        )
    else:
        hidden = affine(projector["hidden"], h)
    return h, affine(projector["output"], relu(hidden)), found


@pytest.mark.parametrize("kind", CASES)
def test_outputs_and_statistics_are_those_of_numpy(kind):
    network, x = build(kind), inputs(kind)
    params, stats = numbers(network)
    for train in (True, False):
        h, z, new = evaluate(network, params, stats, x, train)
        expected_h, expected_z, found = naive(kind, params, stats, x, train)
        np.testing.assert_allclose(h, expected_h, rtol=2e-5, atol=2e-5)
        np.testing.assert_allclose(z, expected_z, rtol=2e-5, atol=2e-5)
        if train and kind == "convnet":
            flat = new["encoder"]["stages"] | {"projector": new["projector"]["hidden"]}
            flat = {name: each["norm"] for name, each in flat.items()}
            assert jax.tree.structure(flat) == jax.tree.structure(found)
            jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), flat, found)
        else:
            jax.tree.map(np.testing.assert_array_equal, new, stats)


def test_convnet_at_stride_2_is_not_padded_as_same():
    """Guards the comparison above: SAME pads the even height at its end only."""
    x, kernel = RNG.standard_normal((1, 4, 7, 2)), RNG.standard_normal((3, 3, 2, 3))
    same = lax.conv_general_dilated(x, kernel, (2, 2), "SAME", dimension_numbers=_NHWC)
    assert np.abs(convolve(x, kernel, 2) - same).max() > 0.1


_NHWC = ("NHWC", "HWIO", "NHWC")


@settings(deadline=None, max_examples=8)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 3), st.sampled_from([1, 2]))
def test_patches_and_a_matrix_are_a_convolution(height, width, channels, stride):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, height, width, channels)).astype(np.float32)
    kernel = rng.standard_normal((3, 3, channels, 4)).astype(np.float32)
    found = jax.jit(patches, static_argnums=1)(x, stride) @ kernel.reshape(-1, 4)
    np.testing.assert_allclose(found, convolve(x, kernel, stride), atol=1e-5)


# --- Transformations


def test_members_of_one_program_are_as_alone():
    network, x = build("convnet"), inputs("convnet")
    members = [numbers(network, seed) for seed in (1, 2)]

    def step(params, stats):
        def loss(params):
            h, z, new = network.apply(params, stats, x, True)
            return jnp.sum(h**2) + jnp.sum(z**3), new

        return jax.value_and_grad(loss, has_aux=True)(params)

    stacked = jax.tree.map(lambda *each: jnp.stack(each), *members)
    together = jax.jit(jax.vmap(step))(*stacked)
    alone = jax.jit(step)
    for i, member in enumerate(members):
        own = jax.tree.map(lambda each, i=i: each[i], together)
        expected = alone(*member)
        jax.tree.map(assert_close, own, expected)


def assert_close(found, expected):
    """To float32's rounding of sums of the largest entry's size."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def test_parameters_depend_on_the_key_alone():
    network = build("linear")
    keys = jax.random.split(jax.random.key(0), 2)
    together, _ = jax.jit(jax.vmap(network.init))(keys)
    kernels = np.asarray(together["encoder"]["output"]["kernel"])
    for key, kernel in zip(keys, kernels, strict=True):
        alone, _ = network.init(key)
        np.testing.assert_allclose(alone["encoder"]["output"]["kernel"], kernel, rtol=1e-6)
    assert not np.any(kernels[0] == kernels[1])


# --- Initialisation and size


def test_initial_variances():
    network = make_network(ModelConfig(features=300, width=200, depth=1, projector=40), (100,))
    params, stats = jax.jit(network.init)(jax.random.key(0))
    assert stats == {}
    kernels = [
        (params["encoder"]["hidden"]["layer1"]["kernel"], 2 / 100),
        (params["encoder"]["output"]["kernel"], 1 / 200),
        (params["projector"]["hidden"]["kernel"], 2 / 300),
    ]
    for kernel, variance in kernels:
        # Of n draws the variance has the relative standard error √(2/n), less when truncated.
        assert np.var(kernel) == pytest.approx(variance, rel=5 * np.sqrt(2 / kernel.size))
    assert not np.any(params["encoder"]["output"]["bias"])


def test_rows_of_a_table_start_with_length_a_tenth():
    network = make_network(ModelConfig(kind="table", features=400), (), num_nodes=50)
    params, _ = network.init(jax.random.key(0))
    lengths = np.linalg.norm(params["encoder"]["embedding"], axis=1)
    # The length has relative standard deviation 1/√(2 · 400) = 3.5 %.
    np.testing.assert_allclose(lengths, 0.1, rtol=0.2)


def test_sizes():
    assert build("table").num_params == NODES * 5
    assert build("linear").num_params == 12 * 5
    mlp, convnet = build("mlp"), build("convnet")
    layers = (12 * 7 + 7) + (7 * 7 + 7) + (7 * 5 + 5)
    assert mlp.num_params == layers + (5 * 5 + 5 + 5 * 4)
    stages = 9 * 2 * 3 + 2 * 3 + 9 * 3 * 6 + 2 * 6
    assert convnet.num_params == stages + (6 * 5 + 5) + (5 * 5 + 2 * 5 + 5 * 4)
    assert (mlp.features, mlp.projected, build("linear").projected) == (5, 4, 5)


# --- Precision


@pytest.mark.parametrize("kind", CASES)
def test_bfloat16_is_used_inside_and_nowhere_else(kind):
    network, x = build(kind, "bfloat16"), inputs(kind)
    params, stats = numbers(network)
    exact_h, exact_z, _ = naive(kind, params, stats, x, True)
    h, z, new = evaluate(network, params, stats, x, True)
    for each in jax.tree.leaves((jax.eval_shape(network.init, jax.random.key(0)), h, z, new)):
        assert each.dtype == jnp.float32
    for found, exact in ((h, exact_h), (z, exact_z)):
        np.testing.assert_allclose(found, exact, atol=0.05 * np.abs(exact).max())
    # Eight bits: a relative error near 2^-9 somewhere, but none in a table's rows.
    error = np.abs(h - exact_h).max() / np.abs(exact_h).max()
    assert error < 1e-6 if kind == "table" else error > 1e-4


def test_dense_layers_in_float32_ask_for_it_on_every_device():
    network, x = build("mlp"), inputs("mlp")
    params, stats = numbers(network)
    program = str(jax.make_jaxpr(lambda x: network.apply(params, stats, x, True)[:2])(x))
    assert program.count("Precision.HIGHEST") >= program.count("dot_general") == 5


def test_stored_statistics_are_not_rounded():
    norm = batch_norm(1, dtype=jnp.bfloat16, rngs=nnx.Rngs(0))
    mean, variance = 1 + 2**-9, 1e-6  # bfloat16 would make it 1
    norm.mean[...], norm.var[...] = jnp.array([mean]), jnp.array([variance])
    found = norm(jnp.ones((1, 1), jnp.bfloat16), use_running_average=True)
    assert found.dtype == jnp.bfloat16
    expected = (1 - mean) / np.sqrt(variance + 1e-5)
    np.testing.assert_allclose(np.float32(found), expected, rtol=2**-8)


# --- Bad input


@pytest.mark.parametrize(
    ("kind", "shape", "nodes", "error", "words"),
    [
        ("table", (), None, TypeError, "num_nodes of a table"),
        ("table", (), 0, ValueError, "num_nodes of a table must be at least 1"),
        ("table", (4,), 3, ValueError, "only a table"),
        ("mlp", (), None, ValueError, "only a table"),
        ("mlp", [4], None, TypeError, "must be a tuple"),
        ("mlp", (4, 0), None, ValueError, "entry of input_shape"),
        ("mlp", (4, 2.5), None, TypeError, "entry of input_shape"),
        ("convnet", (64,), None, ValueError, "choose 'mlp' for other data"),
        ("convnet", (1, 8, 1), None, ValueError, "at least 2 × 2 pixels, got 1 × 8"),
        ("resnet18", (8, 7, 3), None, ValueError, "at least 8 × 8 pixels, got 8 × 7"),
    ],
)
def test_shapes_that_do_not_suit(kind, shape, nodes, error, words):
    with pytest.raises(error, match=words):
        make_network(ModelConfig(kind=kind, width=8), shape, num_nodes=nodes)


def test_other_bad_arguments():
    with pytest.raises(ValueError, match="did you mean 'bfloat16'"):
        make_network(ModelConfig(), (4,), "float16")
    with pytest.raises(TypeError, match="model must be a ModelConfig"):
        make_network({"kind": "mlp"}, (4,))


@pytest.mark.parametrize(
    ("kind", "x", "error", "words"),
    [
        ("table", np.zeros(3), TypeError, "nodes' indices"),
        ("table", np.zeros((3, 1), int), ValueError, r"\(B\)"),
        ("table", np.int32(1), ValueError, r"\(B\)"),
        ("linear", np.zeros((3, 3, 4), np.uint8), TypeError, "floating point"),
        ("linear", np.zeros((3, 12)), ValueError, r"\(B, 3, 4\), got \(3, 12\)"),
    ],
)
def test_inputs_of_another_kind(kind, x, error, words):
    network = build(kind)
    with pytest.raises(error, match=words):
        network.apply(*numbers(network), x, True)


def test_a_node_out_of_range_is_nan():
    network = build("table")
    h, z, _ = network.apply(*numbers(network), jnp.array([0, NODES]), True)
    assert z is h
    np.testing.assert_array_equal(np.isnan(h).all(axis=1), [False, True])
