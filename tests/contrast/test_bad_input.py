from __future__ import annotations

import numpy as np
import pytest

from dctheory.contrast import (
    combined,
    debiased,
    hcl,
    info_nce,
    margin,
    removal,
    temperature_scaling,
)

pytest.importorskip("jax")

MASK = np.ones((14, 14), bool)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"z1": np.ones((1, 2)), "z2": np.ones((1, 2))}, ValueError, "batch of 1"),
        ({"z1": np.ones((3, 2))}, ValueError, "shape"),
        ({"z1": np.ones((4, 2), int)}, TypeError, "floating point"),
        ({"z1": np.full((4, 2), np.nan)}, ValueError, "NaN"),
        ({"z1": np.full((4, 2), np.inf)}, ValueError, "infinity"),
        ({"temperature": 0.0}, ValueError, "temperature"),
        ({"temperature": -1.0}, ValueError, "temperature"),
        ({"temperature": "warm"}, TypeError, "temperature"),
        ({"temperature": np.float32(0)}, ValueError, "temperature"),
        ({"temperature": np.ones(4)}, ValueError, "one number"),
        ({"pairs": np.ones((8, 8), bool)}, TypeError, "PairMap"),
        ({"pairs": removal(np.ones((4, 4), bool))}, ValueError, "selection has shape"),
        ({"pairs": removal(MASK)}, ValueError, "selection has shape"),
        ({"queue": np.ones((3, 5))}, ValueError, "queue must have shape"),
        ({"queue": np.ones((3, 2)), "pairs": removal(MASK)}, ValueError, "selection has shape"),
        ({"block_size": 0}, ValueError, "block_size"),
    ],
)
def test_info_nce(change, error, message):
    arguments = {"z1": np.ones((4, 2)), "z2": np.ones((4, 2)), "temperature": 0.5} | change
    with pytest.raises(error, match=message):
        info_nce(**arguments)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: removal(None), TypeError, "removal needs a selection"),
        (lambda: removal(np.ones((4, 4))), TypeError, "bool mask"),
        (lambda: removal([[True]]), TypeError, "bool mask"),
        (lambda: margin(np.inf), ValueError, "sigma"),
        (lambda: margin(np.ones(3)), ValueError, "sigma must be one number"),
        (lambda: margin(0.1, np.ones(4, bool)), TypeError, "two-dimensional"),
        (lambda: temperature_scaling(0), ValueError, "rho"),
        (lambda: temperature_scaling(-0.5), ValueError, "rho"),
        (lambda: combined(0.1, 0), ValueError, "rho"),
        (lambda: debiased(1.0), ValueError, "tau_plus"),
        (lambda: debiased(-0.1), ValueError, "tau_plus"),
        (lambda: hcl(-1.0), ValueError, "beta"),
        (lambda: hcl(True), TypeError, "beta"),
    ],
)
def test_maps(make, error, message):
    with pytest.raises(error, match=message):
        make()
