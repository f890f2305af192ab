from __future__ import annotations

import dataclasses
import itertools
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dctheory.contrast import (
    baseline,
    combined,
    dcl,
    debiased,
    hcl,
    info_nce,
    margin,
    removal,
    select_thresholds,
    temperature_scaling,
)

jax = pytest.importorskip("jax")
jnp = jax.numpy

N, D = 7, 5
TAU = 0.3
SIGMA, RHO = 0.2, 0.7


def views(seed=0, count=N, dimension=D, dtype=np.float64):
    rng = np.random.default_rng(seed)
    z1 = rng.normal(size=(count, dimension)) * rng.uniform(0.1, 10, (count, 1))
    return z1.astype(dtype), (z1 + rng.normal(size=z1.shape)).astype(dtype)


def random_mask(shape=(2 * N, 2 * N), seed=1):
    return np.random.default_rng(seed).random(shape) < 0.4


MASK = random_mask()
MAPS = {
    "baseline": baseline(),
    "removal": removal(MASK),
    "margin": margin(SIGMA, MASK),
    "temperature": temperature_scaling(RHO, MASK),
    "combined": combined(SIGMA, RHO, MASK),
    "combined, all": combined(SIGMA, RHO),
    "debiased": debiased(0.05),
    "hcl": hcl(0.5, 0.05),
    "hcl, strong": hcl(5.0, 0.3),
    "dcl": dcl(),
}
# One of each kind of code path, where compiling all of them would say no more.
PATHS = ("baseline", "removal", "combined", "debiased", "hcl", "dcl")
both_ways = pytest.mark.parametrize(
    ("name", "block_size"), [(name, (2 * N, 4)[i % 2]) for i, name in enumerate(PATHS)]
)


_JITTED = jax.jit(info_nce, static_argnames="block_size")


# Not optimised by LLVM: compiles in half the time.
@partial(jax.jit, static_argnums=5, compiler_options={"xla_backend_optimization_level": 0})
@partial(jax.value_and_grad, argnums=(0, 1, 2, 4, 6))
def _value_and_grad(z1, z2, tau, pairs, numbers, block_size, queue):
    changed = dataclasses.replace(pairs, **numbers)
    return info_nce(z1, z2, tau, changed, queue=queue, block_size=block_size)


def value_and_gradient(z1, z2, tau, pairs, block_size=2 * N, queue=None):
    """Value, then gradients of z1, z2, τ, the map's numbers and the queue; jitted."""
    numbers = {each: getattr(pairs, each) for each in ("sigma", "rho", "beta", "tau_plus")}
    numbers = {name: jnp.asarray(value, float) for name, value in numbers.items()}
    pairs = dataclasses.replace(pairs, sigma=0, rho=0, beta=0, tau_plus=0)
    tau = jnp.asarray(tau, float)
    return _value_and_grad(z1, z2, tau, pairs, numbers, block_size, queue)


@pytest.fixture
def float64():
    with jax.enable_x64(True):
        yield


def row_loss(name, positive, cosines, selected, tau):
    """One anchor's loss by the methods' own equations."""
    e_plus, cosines, M = np.exp(positive / tau), np.asarray(cosines), len(cosines)
    method = name.split(",")[0]
    p = np.ones(M) if "all" in name else np.asarray(selected, float)
    if method in ("debiased", "hcl"):
        beta, prior = {"debiased": (0, 0.05), "hcl": (0.5, 0.05), "hcl, strong": (5, 0.3)}[name]
        weights = np.exp(beta * cosines / tau)
        weights *= M / weights.sum()
        total = (np.sum(weights * np.exp(cosines / tau)) - prior * M * e_plus) / (1 - prior)
        return -np.log(e_plus / (e_plus + max(total, M * np.exp(-1 / tau))))
    if method == "removal":
        return -np.log(e_plus / (e_plus + np.sum((1 - p) * np.exp(cosines / tau))))
    sigma = SIGMA if method in ("margin", "combined") else 0
    rho = RHO if method in ("temperature", "combined") else 1
    if method in ("baseline", "dcl"):
        p = np.zeros(M)
    total = np.sum(np.exp((cosines + sigma * p) / (tau * rho**p)))
    return -np.log(e_plus / (total if method == "dcl" else e_plus + total))


def naive(name, z1, z2, tau, mask=MASK):
    z = np.concatenate([z1, z2])
    z = z / np.linalg.norm(z, axis=1, keepdims=True)
    size = len(z)
    losses = []
    for i in range(size):
        positive = (i + size // 2) % size
        others = [j for j in range(size) if j not in (i, positive)]
        cosines = [z[i] @ z[j] for j in others]
        losses.append(row_loss(name, z[i] @ z[positive], cosines, mask[i, others], tau))
    return np.mean(losses)


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("tau", [0.1, 2.0])
def test_against_the_equations_one_anchor_at_a_time(float64, name, tau):
    z1, z2 = views()
    expected = naive(name, z1, z2, tau)
    found, _ = value_and_gradient(z1, z2, tau, MAPS[name])
    assert float(found) == pytest.approx(expected, rel=1e-12)


def test_against_optax():
    optax = pytest.importorskip("optax")
    count, tau = 33, 0.2
    z1, z2 = views(2, count, dtype=np.float32)
    labels = jnp.tile(jnp.arange(count), 2)

    def theirs(z1, z2):
        return optax.losses.ntxent(jnp.concatenate([z1, z2]), labels, tau)

    def ours(z1, z2):
        return info_nce(z1, z2, tau)

    expected = jax.jit(jax.value_and_grad(theirs, argnums=(0, 1)))(z1, z2)
    found = jax.jit(jax.value_and_grad(ours, argnums=(0, 1)))(z1, z2)
    for mine, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(mine, other, rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("name", MAPS)
def test_gradient_against_finite_differences(float64, name):
    rng, pairs = np.random.default_rng(3), MAPS[name]
    z = np.stack(views())
    gradient = np.stack(value_and_gradient(*z, TAU, pairs)[1][:2])
    step = 1e-5 * rng.normal(size=z.shape)
    above, below = (value_and_gradient(*each, TAU, pairs)[0] for each in (z + step, z - step))
    assert float(np.sum(gradient * 2 * step)) == pytest.approx(float(above - below), rel=1e-5)


def test_half_precision_features_are_computed_in_float32():
    z1, z2 = (jnp.asarray(each, jnp.bfloat16) for each in views())
    loss, (gradient, *_) = value_and_gradient(z1, z2, TAU, baseline())
    assert loss.dtype == jnp.float32
    assert gradient.dtype == jnp.bfloat16
    exact = (np.asarray(each, np.float64) for each in (z1, z2))
    assert float(loss) == pytest.approx(naive("baseline", *exact, TAU), rel=1e-6)


# --- Blocks


@pytest.mark.parametrize("name", ["removal", "combined", "hcl"])
def test_blocks_change_neither_value_nor_gradient(float64, name):
    assert_blocks_agree(MAPS[name], block_size=4)


@pytest.mark.parametrize("block_size", [1, 13])
def test_any_block_size_will_do(float64, block_size):
    assert_blocks_agree(MAPS["combined"], block_size)


def assert_blocks_agree(pairs, block_size):
    dense = jax.tree.leaves(value_and_gradient(*views(), TAU, pairs))
    blocks = jax.tree.leaves(value_and_gradient(*views(), TAU, pairs, block_size))
    for found, expected in zip(blocks, dense, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("block_size", [4, 2 * N])
def test_thresholds_do_what_the_mask_does(block_size):
    z1, z2 = views(dtype=np.float32)
    features = np.random.default_rng(4).normal(size=(2 * N, 9)).astype(np.float32)
    thresholds = select_thresholds(features, 10, 60)
    mask = thresholds.rows(0, 2 * N)
    expected = _JITTED(z1, z2, TAU, combined(SIGMA, RHO, mask))
    found = _JITTED(z1, z2, TAU, combined(SIGMA, RHO, thresholds), block_size=block_size)
    assert float(found) == pytest.approx(float(expected), rel=1e-6)


def temporary_bytes(count, block_size):
    features = jax.ShapeDtypeStruct((count, 16), jnp.float32)

    def loss(z1, z2, features):
        thresholds = select_thresholds(features, 10, 100, block_size=block_size)
        return info_nce(z1, z2, TAU, removal(thresholds), block_size=block_size)

    both = jax.ShapeDtypeStruct((2 * count, 16), jnp.float32)
    compiled = jax.jit(jax.value_and_grad(loss)).lower(features, features, both).compile()
    return compiled.memory_analysis().temp_size_in_bytes


def test_memory_of_blocks_grows_linearly():
    sizes = [temporary_bytes(count, 8) for count in (1_000, 8_000)]
    assert sizes[1] < 9 * sizes[0]
    assert sizes[1] < 0.01 * 4 * 16_000**2


def test_default_block_bounds_the_memory_of_32768_views():
    assert temporary_bytes(16_384, None) < 2**29


# --- Never NaN

DEGENERATE = {
    "zero rows": lambda z: z * (np.arange(N) % 2)[:, None],
    "all zero": lambda z: 0 * z,
    "all equal": lambda z: np.ones_like(z),
    "huge": lambda z: 1e37 * z / np.abs(z).max(),
    "tiny": lambda z: 1e-28 * z,
    "below the smallest float": lambda z: 1e-44 * z,
    "opposite": lambda z: np.sign(z[:, :1]) * np.ones_like(z),
}


@both_ways
def test_value_and_gradient_are_finite_for_degenerate_features(name, block_size):
    for (case, change), tau in itertools.product(DEGENERATE.items(), [1e-3, 0.2, 1e3]):
        z1, z2 = (change(each).astype(np.float32) for each in views())
        found = value_and_gradient(z1, z2, tau, MAPS[name], block_size)
        for each in jax.tree.leaves(found):
            assert np.all(np.isfinite(each)), (case, tau)


def test_zero_rows_have_cosine_zero_and_no_gradient():
    z1, z2 = views(dtype=np.float32)
    z1[2] = 0
    value, (gradient, *_) = value_and_gradient(z1, z2, TAU, baseline())
    assert not np.any(gradient[2])
    assert np.all(np.any(np.delete(gradient, 2, axis=0), axis=1))
    z = np.concatenate([z1, z2]).astype(np.float64)
    z /= np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-9)
    exponentials = np.exp(z @ z.T / TAU)
    np.fill_diagonal(exponentials, 0)
    positives = np.roll(exponentials, N, axis=1).diagonal()
    assert float(value) == pytest.approx(
        np.mean(-np.log(positives / exponentials.sum(1))), rel=1e-5
    )


@pytest.mark.parametrize("block_size", [2 * N, 4])
def test_rows_without_negatives_have_loss_zero(block_size):
    z1, z2 = views(dtype=np.float32)
    everything = removal(np.ones((2 * N, 2 * N), bool))
    value, gradient = value_and_gradient(z1, z2, TAU, everything, block_size)
    assert value == 0
    assert not any(np.any(each) for each in gradient[:2])
    mask = np.zeros((2 * N, 2 * N), bool)
    mask[3] = True  # one row of 2N is lost, the others are the baseline's
    value, gradient = value_and_gradient(z1, z2, TAU, removal(mask), block_size)
    z = np.concatenate([z1, z2])
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    others = [z[3] @ z[j] for j in range(2 * N) if j not in (3, 3 + N)]
    lost = row_loss("baseline", z[3] @ z[3 + N], others, np.zeros(2 * N - 2), TAU) / (2 * N)
    assert float(value) == pytest.approx(naive("baseline", z1, z2, TAU) - lost, rel=1e-5)
    assert np.all(np.isfinite(gradient[0]))


@both_ways
def test_nan_features_are_not_hidden(name, block_size):
    z1, z2 = views(dtype=np.float32)
    z1[0, 0] = np.nan
    value, _ = value_and_gradient(z1, z2, TAU, MAPS[name], block_size)
    assert np.isnan(value)


# --- Invariances and limits


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from(PATHS),
)
def test_order_of_the_batch_of_the_views_and_scale_do_not_matter(seed, name):
    rng = np.random.default_rng(seed)
    z1, z2 = views(seed, dtype=np.float32)
    mask = random_mask(seed=seed)
    maps = {"removal": removal, "combined": lambda mask: combined(SIGMA, RHO, mask)}
    make = maps.get(name, lambda mask: MAPS[name])
    expected = float(_JITTED(z1, z2, TAU, make(mask)))
    order = rng.permutation(N)
    both = np.concatenate([order, order + N])
    permuted = _JITTED(z1[order], z2[order], TAU, make(mask[both][:, both]))
    swapped = _JITTED(z2, z1, TAU, make(np.roll(mask, (N, N), (0, 1))))
    scales = np.exp(rng.normal(size=(2, N, 1))).astype(np.float32)
    scaled = _JITTED(z1 * scales[0], z2 * scales[1], TAU, make(mask))
    for same in (permuted, swapped, scaled):
        assert float(same) == pytest.approx(expected, rel=2e-5)


def test_limits_are_the_baseline():
    z1, z2 = views(dtype=np.float32)
    nothing = np.zeros((2 * N, 2 * N), bool)
    expected = float(info_nce(z1, z2, TAU))
    same = [
        removal(nothing),
        margin(0.0, MASK),
        temperature_scaling(1.0, MASK),
        combined(0.0, 1.0),
        combined(0.0, 1.0, MASK),
        combined(0.5, 0.5, nothing),
        hcl(0.0, 0.0),
        debiased(0.0),
    ]
    for pairs in same:
        assert float(_JITTED(z1, z2, TAU, pairs)) == pytest.approx(expected, rel=1e-6)
    assert float(_JITTED(z1, z2, TAU, hcl(0.0, 0.2))) == pytest.approx(
        float(_JITTED(z1, z2, TAU, debiased(0.2))), rel=1e-6
    )


def test_a_mask_of_all_pairs_is_no_mask_and_leaves_the_positives_alone():
    z1, z2 = views(dtype=np.float32)
    everything = np.ones((2 * N, 2 * N), bool)
    expected = float(_JITTED(z1, z2, TAU, combined(SIGMA, RHO)))
    found = float(_JITTED(z1, z2, TAU, combined(SIGMA, RHO, everything)))
    assert found == pytest.approx(expected, rel=1e-6)


def test_debiased_floor():
    """Where the corrected sum is negative, G is M e^(−1/τ)."""
    z = np.eye(N, dtype=np.float32)
    expected = np.log1p((2 * N - 2) * np.exp(-1 / TAU) / np.exp(1 / TAU))
    assert float(_JITTED(z, z, TAU, debiased(0.9))) == pytest.approx(expected, rel=1e-5)


def test_vmap_over_seeds_and_numbers():
    z = np.stack([np.stack(views(seed, dtype=np.float32)) for seed in range(3)])
    sigma = jnp.asarray([0.0, 0.1, 0.2])

    def loss(z, sigma, block_size):
        return info_nce(z[0], z[1], TAU, margin(sigma, MASK), block_size=block_size)

    for block_size in (2 * N, 4):
        mapped = jax.vmap(jax.value_and_grad(partial(loss, block_size=block_size), argnums=1))
        values, slopes = jax.jit(mapped)(z, sigma)
        for index in range(3):
            expected = _JITTED(*z[index], TAU, margin(sigma[index], MASK))
            assert float(values[index]) == pytest.approx(float(expected), rel=1e-6)
        assert np.all(slopes > 0)


# --- Queue


@pytest.mark.parametrize(("name", "block_size"), [("baseline", 3), ("removal", 3), ("hcl", None)])
def test_queue(float64, name, block_size):
    z1, z2 = views()
    queue = np.random.default_rng(5).normal(size=(11, D))
    mask = random_mask((N, 11))
    maps = {"removal": removal(mask), "combined": combined(SIGMA, RHO, mask)}
    unit = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in (z1, z2, queue)]
    expected = np.mean(
        [
            row_loss(name, unit[0][i] @ unit[1][i], unit[2] @ unit[0][i], mask[i], TAU)
            for i in range(N)
        ]
    )

    pairs = maps.get(name, MAPS[name])
    value, gradient = value_and_gradient(z1, z2, TAU, pairs, block_size, queue)
    assert float(value) == pytest.approx(expected, rel=1e-12)
    assert np.any(gradient[0])
    assert not np.any(gradient[1])
    assert not np.any(gradient[-1])


def test_queue_with_thresholds():
    z1, z2 = views(dtype=np.float32)
    rng = np.random.default_rng(6)
    queue = rng.normal(size=(11, D)).astype(np.float32)
    features, keys = rng.normal(size=(N, 4)), rng.normal(size=(11, 4))
    thresholds = select_thresholds(features, 20, 70, queue=keys)
    mask = thresholds.rows(0, N)
    expected = _JITTED(z1, z2, TAU, removal(mask), queue=queue)
    found = _JITTED(z1, z2, TAU, removal(thresholds), queue=queue, block_size=2)
    assert float(found) == pytest.approx(float(expected), rel=1e-6)
