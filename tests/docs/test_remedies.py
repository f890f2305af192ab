"""The PyTorch of the remedies' pages gives the losses of dctheory.contrast."""

from __future__ import annotations

import re

import numpy as np
import pytest

import dctheory.contrast as contrast

PAGES = ("index", "removal", "margin", "temperature", "combined")
TAU, HIGH = 0.5, 10.0
_BLOCK = re.compile(r"```\{code-block\} python\n:name: torch-\w+\n\n(.*?)```", re.S)


@pytest.fixture
def snippets(page):
    torch = pytest.importorskip("torch", reason="the snippets need PyTorch (extra bench)")
    names = {}
    for name in PAGES:
        blocks = _BLOCK.findall(page(f"remedies/{name}"))
        assert blocks, name
        for block in blocks:
            exec(block, names)
    return torch, names


def _features(rng, samples=12):
    return rng.standard_normal((2 * samples, 6)), rng.standard_normal((2 * samples, 9))


def _ours(z, pairs):
    half = len(z) // 2
    return float(contrast.info_nce(z[:half], z[half:], TAU, pairs))


@pytest.mark.parametrize(("high", "low"), [(10.0, 100.0), (10.0, 40.0), (33.3, 66.6)])
def test_selection(snippets, high, low):
    torch, names = snippets
    _, h = _features(np.random.default_rng(1))
    mask = names["select"](torch.tensor(h), high, low)
    assert 0 < mask.sum() < mask.numel()
    np.testing.assert_array_equal(mask.numpy(), contrast.select_pairs(h, high, low))


@pytest.mark.parametrize("seed", [0, 1])
def test_losses(snippets, seed):
    torch, names = snippets
    z, h = _features(np.random.default_rng(seed))
    selected = contrast.select_pairs(h, HIGH)
    cases = {
        "removal": contrast.removal(contrast.select_pairs(h, HIGH, 20)),
        "margin": contrast.margin(0.1, selected),
        "temperature": contrast.temperature_scaling(0.8, selected),
        "combined": contrast.combined(0.1, 0.8, selected),
    }
    as_torch = torch.tensor(z), torch.tensor(h)
    base = float(names["nt_xent"](as_torch[0], TAU))
    assert base == pytest.approx(_ours(z, contrast.baseline()), rel=1e-5)
    for name, pairs in cases.items():
        found = float(names[f"{name}_loss"](*as_torch))
        assert found == pytest.approx(_ours(z, pairs), rel=1e-5), name
        assert found != pytest.approx(base, rel=1e-3), name


def test_no_gradient_passes_through_the_selection(snippets):
    torch, names = snippets
    z, h = (torch.tensor(each) for each in _features(np.random.default_rng(2)))
    z.requires_grad_()
    h.requires_grad_()
    for name in ("removal", "margin", "temperature", "combined"):
        names[f"{name}_loss"](z, h).backward()
        assert torch.isfinite(z.grad).all(), name
        assert z.grad.abs().sum() > 0, name
        z.grad = None
    assert h.grad is None
