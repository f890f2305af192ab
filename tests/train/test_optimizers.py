from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dctheory.train.config import OPTIMIZERS, OptimizerConfig
from dctheory.train.optimizers import make_optimizer, schedule_shape

TOTAL = 5
RATE, DECAY, MOMENTUM = 0.3, 0.1, 0.8
SHAPES = {"bias": (3,), "dense": {"kernel": (4, 3)}, "conv": (3, 3, 2, 4), "scale": (4,)}


def draw(seed):
    rng = np.random.default_rng(seed)
    return jax.tree.map(rng.standard_normal, SHAPES, is_leaf=lambda each: isinstance(each, tuple))


def as_float32(tree):
    return jax.tree.map(lambda each: jnp.asarray(each, jnp.float32), tree)


def configure(kind, **options):
    options = {"learning_rate": RATE, "weight_decay": DECAY, "momentum": MOMENTUM} | options
    return OptimizerConfig(kind=kind, **options)


def train(optimizer, gradients):
    params = as_float32(draw(0))
    state = optimizer.init(params)
    for gradient in gradients:
        updates, state = optimizer.update(as_float32(gradient), state, params)
        params = jax.tree.map(jnp.add, params, updates)
    return params


# --- One parameter after another, in the words of the papers


def naive_sgd(w, gradients, rates, decay):
    """PyTorch's documentation of torch.optim.SGD, without dampening."""
    buffer = np.zeros_like(w)
    for gradient, rate in zip(gradients, rates, strict=True):
        buffer = MOMENTUM * buffer + (gradient + decay * w)
        w = w - rate * buffer
    return w


def naive_adamw(w, gradients, rates, decay):
    """Algorithm 2 of Loshchilov and Hutter 2019, decay multiplied by the rate as in PyTorch."""
    first, second = np.zeros_like(w), np.zeros_like(w)
    for t, (gradient, rate) in enumerate(zip(gradients, rates, strict=True), start=1):
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        step = first / (1 - 0.9**t) / (np.sqrt(second / (1 - 0.999**t)) + 1e-8)
        w = w - rate * (step + decay * w)
    return w


def naive_lars(w, gradients, rates, decay):
    """Algorithm 1 of You, Gitman and Ginsburg 2017, trust 0.001 on ‖w‖/‖g + λ w‖."""
    velocity = np.zeros_like(w)
    for gradient, rate in zip(gradients, rates, strict=True):
        direction = gradient + decay * w
        trust = 0.001 * np.linalg.norm(w) / np.linalg.norm(direction) if w.ndim > 1 else 1
        velocity = MOMENTUM * velocity + rate * trust * direction
        w = w - velocity
    return w


NAIVE = {"sgd": naive_sgd, "adamw": naive_adamw, "lars": naive_lars}


def naive_rate(t, warmup_steps):
    if t < warmup_steps:
        return RATE * t / warmup_steps
    return RATE * 0.5 * (1 + math.cos(math.pi * (t - warmup_steps) / (TOTAL - warmup_steps)))


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_steps_are_those_of_the_papers(kind):
    gradients = [draw(seed) for seed in range(1, TOTAL + 1)]
    found = train(make_optimizer(configure(kind, warmup=0.4), TOTAL), gradients)
    rates = [naive_rate(t, 2) for t in range(TOTAL)]

    def expected(start, *series):
        return NAIVE[kind](start, series, rates, DECAY if start.ndim > 1 else 0)

    naive = jax.tree.map(expected, draw(0), *gradients)
    # Parameters of order 1 in float32; of 1 − 0.999^t, about 1e-3, it keeps four digits.
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=2e-5), found, naive)


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_rate_and_decay_may_be_traced_and_differ_between_members(kind):
    config = configure(kind)
    gradients = [draw(seed) for seed in (1, 2)]
    pairs = [(RATE, DECAY), (0.07, 0.0), (0.5, 0.6)]

    def member(rate, decay):
        return train(make_optimizer(config, TOTAL, rate, decay), gradients)

    together = jax.jit(jax.vmap(member))(*jnp.asarray(pairs).T)
    for i, (rate, decay) in enumerate(pairs):
        alone = configure(kind, learning_rate=rate, weight_decay=decay)
        expected = train(make_optimizer(alone, TOTAL), gradients)
        own = jax.tree.map(lambda each, i=i: each[i], together)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), own, expected)


@pytest.mark.parametrize("kind", OPTIMIZERS)
@pytest.mark.parametrize("options", [{"weight_decay": 0.0}, {"schedule": "constant"}])
def test_structure_of_the_state_is_the_same_for_all_numbers(kind, options):
    params = as_float32(draw(0))
    reference = make_optimizer(configure(kind), TOTAL).init(params)
    other = make_optimizer(configure(kind, **options), TOTAL).init(params)
    traced = jax.eval_shape(
        lambda rate: make_optimizer(configure(kind), TOTAL, rate, rate).init(params), 0.1
    )
    structure = jax.tree.structure(reference)
    assert structure == jax.tree.structure(other) == jax.tree.structure(traced)


def test_lars_of_a_zero_matrix_takes_the_plain_step():
    config = configure("lars", schedule="constant", weight_decay=0.0)
    optimizer = make_optimizer(config, TOTAL)
    params, gradient = {"w": jnp.zeros((2, 2))}, {"w": jnp.ones((2, 2))}
    updates, _ = optimizer.update(gradient, optimizer.init(params), params)
    np.testing.assert_allclose(updates["w"], -RATE, rtol=1e-6)


# --- Schedules

configs = st.builds(
    lambda schedule, warmup: OptimizerConfig(schedule=schedule, warmup=warmup),
    st.sampled_from(["cosine", "constant"]),
    st.floats(0, 1, exclude_max=True),
)


@settings(deadline=None, max_examples=50)
@given(configs, st.integers(1, 10_000))
def test_schedule_rises_to_one_and_falls_to_zero(config, total):
    shape = schedule_shape(config, total)
    start = min(round(config.warmup * total), total - 1)
    counts = np.unique(np.linspace(0, total, 30).astype(int))
    values = np.array([float(shape(count)) for count in counts])
    assert values.min() >= 0
    assert values.max() <= 1
    assert float(shape(start)) == 1
    if start:
        assert float(shape(0)) == 0
        # The rise is a line: float32 rounds the quotient.
        assert float(shape(start - 1)) == pytest.approx((start - 1) / start, rel=1e-6)
    rest = values[counts >= start]
    if config.schedule == "constant":
        assert set(rest) == {1.0}
    else:
        assert np.all(np.diff(rest) <= 0)
        assert float(shape(total)) == float(shape(2 * total)) == 0
        middle = start + (total - start) / 2
        assert float(shape(middle)) == pytest.approx(0.5, abs=1e-5)


def test_schedule_needs_steps():
    for total, error in ((0, ValueError), (2.5, TypeError), (None, TypeError)):
        with pytest.raises(error, match="total_steps"):
            schedule_shape(OptimizerConfig(), total)
        with pytest.raises(error, match="total_steps"):
            make_optimizer(OptimizerConfig(), total)
