"""Eq. 2, Theorems 4.2 and 4.4: losses as matrix factorisations.

With joint weights w_xx' that sum to 1 and marginals w_x, a loss is a sum over pairs (x, x'). Put
s = f(x)ᵀf(x'), so that (FFᵀ)_xx' = √(w_x w_x') s and Ā_xx' = w_xx'/√(w_x w_x'). Each identity is
about one pair and is quadratic in s: what does not depend on s is the constant of the statement.
Summed over all pairs it is the statement for every matrix of every size.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from dctheory.claims._base import NO_PAIRING
from dctheory.claims._identity import IdentityClaim

joint, first, second = sp.symbols("w_xy w_x w_y", positive=True)
similarity, margin = sp.symbols("s m", real=True)
tau = sp.Symbol("tau", positive=True)

# Entry (x, x') of Ā and of FFᵀ.
ROOT = sp.sqrt(first * second)
NORMALIZED = joint / ROOT
FACTOR = ROOT * similarity


def _up_to_constant(loss: Any, square: Any) -> dict[str, tuple[Any, Any]]:
    """``loss`` equals ``square`` plus what is free of s, and that constant has no s in it."""
    constant = sp.simplify((loss - square).subs(similarity, 0))
    return {"pair (x, x')": (loss, square + constant)}


def spectral(pairing: str | None) -> Mapping[str, tuple[Any, Any]]:
    """Eq. 2."""
    loss = -2 * joint * similarity + first * second * similarity**2
    return _up_to_constant(loss, (NORMALIZED - FACTOR) ** 2)


def with_margin(pairing: str | None) -> Mapping[str, tuple[Any, Any]]:
    """Theorem 4.2, M̄ = D^(1/2) M D^(1/2)."""
    loss = -2 * joint * similarity + first * second * (similarity + margin) ** 2
    return _up_to_constant(loss, (NORMALIZED - ROOT * margin - FACTOR) ** 2)


def with_temperature(pairing: str | None) -> Mapping[str, tuple[Any, Any]]:
    """Theorem 4.4, T_xx' = τ_xx' and weights 1/τ²."""
    loss = -2 * joint * similarity / tau + first * second * (similarity / tau) ** 2
    return _up_to_constant(loss, (tau * NORMALIZED - FACTOR) ** 2 / tau**2)


EQ_2 = IdentityClaim(
    id="eq-2",
    where="Eq. 2",
    text="the spectral loss equals ‖Ā − FFᵀ‖²_F up to a constant",
    pairings=NO_PAIRING,
    identities=spectral,
    notes={None: ("for weights that sum to 1; the constant is −‖Ā‖²_F",)},
)
THM_4_2 = IdentityClaim(
    id="thm-4.2",
    where="Theorem 4.2",
    text="the margin loss equals ‖(Ā − M̄) − FFᵀ‖²_F up to a constant",
    pairings=NO_PAIRING,
    identities=with_margin,
    notes={None: ("D are the marginals of weights that sum to 1: margins scale with the mass W",)},
)
THM_4_4 = IdentityClaim(
    id="thm-4.4",
    where="Theorem 4.4",
    text="the temperature loss equals ‖T ⊙ Ā − FFᵀ‖² with weights 1/τ², up to a constant",
    pairings=NO_PAIRING,
    identities=with_temperature,
    notes={None: ("T_xx' = τ_xx'; the norm is weighted, so eigenvectors need not minimise it",)},
)

CLAIMS = (EQ_2, THM_4_2, THM_4_4)
