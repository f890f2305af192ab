from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import dctheory.contrast as contrast
from dctheory.contrast import logit_map_table, logit_maps

jax = pytest.importorskip("jax")
jnp = jax.numpy

TAU, SIGMA, RHO, BETA, PRIOR = 0.3, 0.2, 0.6, 1.5, 0.02
COUNT = 40
SELECTED = np.ones((1, COUNT), bool)
MAPS = {
    "baseline": contrast.baseline(),
    "removal": contrast.removal(SELECTED),
    "margin": contrast.margin(SIGMA, SELECTED),
    "temperature": contrast.temperature_scaling(RHO, SELECTED),
    "combined": contrast.combined(SIGMA, RHO, SELECTED),
    "debiased": contrast.debiased(PRIOR),
    "hcl": contrast.hcl(BETA, PRIOR),
    "dcl": contrast.dcl(),
}


@pytest.fixture
def row():
    """Cosines of the negatives of one anchor, and of its positive."""
    with jax.enable_x64(True):
        yield np.random.default_rng(0).uniform(-0.6, 0.9, COUNT), 0.8


def values_of(formula, cosine):
    weights = np.exp(BETA * cosine / TAU)
    weights *= COUNT / weights.sum()
    known = {
        "s": cosine,
        "tau": TAU,
        "sigma": SIGMA,
        "rho": RHO,
        "beta": BETA,
        "tau_plus": PRIOR,
        "w": weights,
        "ebar": np.mean(weights * np.exp(cosine / TAU)),
    }
    found = formula.numpy(*(known[symbol.name] for symbol in formula.arguments))
    return np.broadcast_to(found, cosine.shape)


def test_every_method_is_listed():
    assert [each.method for each in logit_maps()] == list(MAPS)


@pytest.mark.parametrize("entry", logit_maps(), ids=lambda each: each.method)
def test_push_is_the_derivative_of_the_loss_code(row, entry):
    cosine, positive = row
    pairs = MAPS[entry.method]
    # A row of negatives of the remedies needs one more, or removal would leave none.
    kept = np.append(np.ones(COUNT, bool), False)

    def total(cosine):
        cosine = jnp.append(cosine, 0.0) if entry.method == "removal" else cosine
        selected = kept[: len(cosine)][None]
        logits = pairs.logits(cosine[None], TAU, selected)
        count = len(cosine)
        return jnp.exp(pairs.log_negatives(logits, jnp.array([positive / TAU]), count, TAU))[0]

    found = jax.jit(jax.grad(total))(jnp.asarray(cosine))
    plain = np.exp(cosine / TAU) / TAU
    np.testing.assert_allclose(found / plain, values_of(entry.push, cosine), rtol=1e-9)


@pytest.mark.parametrize("entry", logit_maps(), ids=lambda each: each.method)
def test_logit_is_what_the_loss_code_sums(row, entry):
    cosine, positive = row
    pairs = MAPS[entry.method]
    logits = pairs.logits(cosine[None], TAU, SELECTED)
    log_sum = pairs.log_negatives(logits, jnp.array([positive / TAU]), COUNT, TAU)
    with np.errstate(divide="ignore"):
        expected = np.log(np.sum(np.exp(values_of(entry.logit, cosine))))
    if entry.method in ("debiased", "hcl"):
        share = PRIOR / (1 - PRIOR) * COUNT * np.exp(positive / TAU)
        expected = np.log(np.exp(expected) - share)
    assert float(log_sum[0]) == pytest.approx(expected, rel=1e-9)


def test_which_methods_push_hard_pairs_harder():
    """Removal and HCL go in opposite directions; margin and temperature go with HCL."""
    cosine = np.concatenate([np.linspace(-0.5, 0.3, COUNT - 1), [0.8]])
    push = {each.method: values_of(each.push, cosine) for each in logit_maps()}
    assert push["removal"][-1] == 0
    for method in ("margin", "temperature", "combined", "hcl"):
        assert push[method][-1] > 1
    assert np.ptp(push["margin"]) == pytest.approx(0, abs=1e-12)
    assert np.all(np.diff(push["temperature"]) > 0)
    assert push["hcl"][0] < 0 < push["hcl"][-1]  # HCL even attracts the least similar ones


def test_temperature_scaling_softens_only_well_below_zero():
    """The push is above 1 from s = −τρ log(1/ρ)/(1 − ρ) on."""
    entry = next(each for each in logit_maps() if each.method == "temperature")
    turn = -TAU * RHO * np.log(1 / RHO) / (1 - RHO)
    below, at, above = values_of(entry.push, np.array([turn - 0.01, turn, turn + 0.01]))
    assert below < 1 < above
    assert at == pytest.approx(1)


@pytest.mark.parametrize("method", ["baseline", "debiased"])
def test_a_row_without_negatives_has_a_sum_of_zero_and_no_gradient(method):
    logits = jnp.full((2, 5), -jnp.inf)

    def first(logits):
        return MAPS[method].log_negatives(logits, jnp.zeros(2), 5, TAU)[0]

    value, gradient = jax.value_and_grad(first)(logits)
    assert value == (-jnp.inf if method == "baseline" else np.log(5) - 1 / np.float32(TAU))
    assert not np.any(gradient)


def test_table():
    table = logit_map_table()
    assert len(table) == len(MAPS)
    assert "removal" in table.to_markdown()


def test_the_package_lists_its_names_and_loads_lazily():
    assert set(contrast.__all__) <= set(dir(contrast))
    for name in contrast.__all__:
        assert getattr(contrast, name).__module__.startswith("dctheory.contrast")
    with pytest.raises(AttributeError, match="nothing"):
        contrast.nothing  # noqa: B018
    code = "import sys, dctheory.contrast; print(any(m in sys.modules for m in ('jax', 'sympy')))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_the_losses_need_no_sympy():
    code = (
        "import sys; sys.modules['sympy'] = None; from dctheory.contrast import info_nce, "
        "spectral_loss, select_pairs, momentum_update; print('ok')"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "ok"
