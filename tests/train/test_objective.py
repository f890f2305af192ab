"""The loss of a batch against the formulas of Section 3, written out with loops."""

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dctheory.contrast import info_nce, select_pairs, spectral_loss
from dctheory.train.config import ObjectiveConfig
from dctheory.train.objective import Keys, make_numbers, make_objective

B, P, D = 6, 5, 4
RNG = np.random.default_rng(0)
H = RNG.standard_normal((2 * B, P)).astype(np.float32)
Z = RNG.standard_normal((2 * B, D)).astype(np.float32)
MASK = np.asarray(jax.jit(select_pairs, static_argnums=(1, 2))(H, 20, 80))


def value(config, group=(), keys=None, edits=None, labels=None):
    """The loss of ``config`` in a program made for it and the configurations of ``group``."""
    function = compiled(make_objective([config, *group]))
    return float(function(make_numbers(config), H, Z, edits, keys, labels))


@functools.cache
def compiled(objective):
    return jax.jit(objective.value)


def ntxent(tau, logit):
    """Mean over the views of −log of the positive's share, by a loop over pairs."""
    unit = Z / np.linalg.norm(Z, axis=1, keepdims=True)
    cosine = unit.astype(np.float64) @ unit.T
    losses = []
    for i in range(2 * B):
        partner = (i + B) % (2 * B)
        positive = math.exp(cosine[i, partner] / tau)
        others = [j for j in range(2 * B) if j not in (i, partner)]
        negatives = sum(math.exp(logit(cosine[i, j], i, j)) for j in others)
        losses.append(-math.log(positive / (positive + negatives)))
    return np.mean(losses)


def config(method="baseline", **values):
    defaults = {"temperature": 0.4, "sigma": 0.2, "rho": 0.7, "pos_high": 20.0, "pos_low": 80.0}
    return ObjectiveConfig(method=method, **(defaults | values))


LOGITS = {
    "baseline": lambda s, p: s / 0.4,
    "removal": lambda s, p: -math.inf if p else s / 0.4,
    "margin": lambda s, p: (s + 0.2 * p) / 0.4,
    "temperature": lambda s, p: s / (0.4 * 0.7**p),
    "combined": lambda s, p: (s + 0.2 * p) / (0.4 * 0.7**p),
}
CASES = [(method, scope) for method in LOGITS for scope in ("selected", "all")]
CASES.remove(("removal", "all"))
# Each program costs compile time.
ALONE = ("baseline", "margin")


@pytest.mark.parametrize(("method", "scope"), CASES)
def test_infonce_of_each_remedy(method, scope):
    given = config(method, scope=scope)

    def logit(s, i, j):
        return LOGITS[method](s, bool(MASK[i, j]) or scope == "all")

    expected = ntxent(0.4, logit)
    # As a member of one program with every other remedy, and alone.
    others = [config(name, scope=where) for name, where in CASES]
    assert value(given, others) == pytest.approx(expected, rel=1e-5)
    if method in ALONE:
        assert value(given) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("loss", ["infonce", "spectral"])
def test_an_oracle_selects_similar_pairs_of_two_classes(loss):
    labels = np.array([0, 1, 0, 2, 1, 0], np.int32)
    given = config("margin", scope="oracle", loss=loss)
    # Eq. 12 without its upper limit, and labels in its place.
    similar = np.asarray(jax.jit(select_pairs, static_argnums=(1, 2))(H, 0, 80))
    both = np.tile(labels, 2)
    mask = similar & (both[:, None] != both)
    assert 0 < mask.sum() < similar.sum()
    if loss == "infonce":
        expected = ntxent(0.4, lambda s, i, j: LOGITS["margin"](s, bool(mask[i, j])))
    else:
        first, second = Z[:B].astype(float), Z[B:].astype(float)
        terms = (first @ second.T + 0.2 * mask[:B, B:]) ** 2
        expected = terms[~np.eye(B, dtype=bool)].mean() - 2 * np.mean((first * second).sum(1))
    assert value(given, labels=labels) == pytest.approx(expected, rel=1e-5)
    # Not of one program with those that have no labels.
    with pytest.raises(ValueError, match="different kinds"):
        make_objective([given, config("margin", loss=loss)])


@pytest.mark.parametrize(("method", "scope"), CASES)
def test_spectral_loss_of_each_remedy(method, scope):
    given = config(method, scope=scope, loss="spectral")
    first, second = Z[:B].astype(float), Z[B:].astype(float)
    total = 0.0
    for i in range(B):
        for j in range(B):
            if i == j:
                continue
            p = bool(MASK[i, B + j]) or scope == "all"
            s = first[i] @ second[j]
            if method == "removal":
                total += 0 if p else s**2
            else:
                sigma = 0.2 * p if method in ("margin", "combined") else 0
                rho = 0.7**p if method in ("temperature", "combined") else 1
                total += ((s + sigma) / rho) ** 2
    expected = total / (B * (B - 1)) - 2 * np.mean(np.sum(first * second, axis=1))
    others = [config(name, scope=where, loss="spectral") for name, where in CASES]
    assert value(given, others) == pytest.approx(expected, rel=1e-5)
    if method in ALONE:
        assert value(given) == pytest.approx(expected, rel=1e-5)


def test_methods_it_is_compared_with():
    numbers = {"beta": 0.5, "tau_plus": 0.1}
    both = [config(method, **numbers) for method in ("debiased", "hcl")]
    debiased, hcl = (value(each, both) for each in both)
    assert debiased == value(both[0])
    # Debiased is HCL at β = 0.
    assert debiased == pytest.approx(value(config("hcl", beta=0.0, tau_plus=0.1)), rel=1e-6)
    assert hcl > debiased
    assert value(config("dcl")) < value(config())


def test_queue_of_keys():
    keys = Keys(*(jnp.asarray(RNG.standard_normal((7, size)), jnp.float32) for size in (D, P)))
    given = config("margin", queue=7)
    mask = jax.jit(select_pairs, static_argnums=(1, 2))(H[:B], 20, 80, queue=keys.h)
    from dctheory.contrast import margin

    expected = jax.jit(info_nce)(Z[:B], Z[B:], 0.4, margin(0.2, mask), queue=keys.z)
    assert value(given, keys=keys) == pytest.approx(float(expected), rel=1e-6)
    spectral = config("margin", queue=7, loss="spectral")
    expected = jax.jit(spectral_loss)(Z[:B], Z[B:], margin=0.2 * mask, queue=keys.z)
    assert value(spectral, keys=keys) == pytest.approx(float(expected), rel=1e-6)


def test_edits_reach_the_spectral_loss():
    edits = jnp.asarray(RNG.uniform(0.5, 1, (B, B)), jnp.float32)
    for edit in ("margin", "temperature"):
        given = ObjectiveConfig(loss="spectral", edit=edit)
        expected = spectral_loss(Z[:B], Z[B:], **{edit: edits})
        assert value(given, edits=edits) == pytest.approx(float(expected), rel=1e-6)


def test_removal_leaves_finite_gradients():
    given = config("removal", pos_high=0.0, pos_low=100.0)
    objective, numbers = make_objective([given]), make_numbers(given)
    for loss in ("infonce", "spectral"):
        each = dataclasses.replace(objective, loss=loss)
        gradient = jax.jit(jax.grad(each.value, argnums=2))
        assert np.isfinite(gradient(numbers, H, Z, None, None)).all()


@pytest.mark.parametrize("loss", ["infonce", "spectral"])
def test_blocks_of_rows_of_several_members_are_the_whole_matrix(loss):
    given = [config("removal", loss=loss), config("margin", loss=loss)]
    numbers = jax.tree.map(lambda *each: jnp.stack(each), *map(make_numbers, given))
    z = jnp.stack([Z, 2 * Z[::-1]])
    found = []
    for block in (5, 2 * B):
        objective = make_objective(given, block)
        slope = jax.value_and_grad(lambda z, n, o=objective: o.value(n, H, z, None, None))
        found.append(jax.jit(jax.vmap(slope))(z, numbers))
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_objectives_of_different_kinds_share_no_program():
    with pytest.raises(ValueError, match="different kinds"):
        make_objective([config(), config(pos_high=10.0)])
