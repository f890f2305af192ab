"""From cosines to logits: the paper's remedies and the methods they are compared with.

For a row (an anchor) with positive logit ℓ₊ = s₊/τ and negatives j, every method is

    loss = log(e^ℓ₊ + G) − ℓ₊        (decoupled: log G − ℓ₊),

where G is made from the logits ℓ_j of the negatives. Removal, margin and temperature change ℓ_j
and leave G = Σ_j e^ℓ_j; debiased and hard-negative losses leave ℓ_j = s_j/τ and change G.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from dctheory._validation import check_real
from dctheory.contrast._checks import check_finite, check_positive, check_scalar, is_concrete
from dctheory.contrast.selection import check_selection


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class PairMap:
    """How the cosines of negative pairs become logits and a sum; made by the functions below.

    A JAX pytree: σ, ρ, β, τ⁺ and the selection may be traced, differentiated (the numbers) or
    mapped over; the method is static.

    Attributes:
        method: "baseline", "removal", "margin", "temperature", "combined", "debiased", "hcl" or
            "dcl".
        selection: which negatives the remedies change: a bool mask, ``Thresholds``, or None for
            all of them.
        sigma, rho: σ and ρ of the paper's Section 3.
        beta, tau_plus: concentration β and class prior τ⁺ of Robinson et al. 2021.
    """

    method: str = field(metadata={"static": True})
    selection: Any = None
    sigma: Any = 0.0
    rho: Any = 1.0
    beta: Any = 0.0
    tau_plus: Any = 0.0

    def logits(self, cosine: jax.Array, temperature: Any, selected: Any = None) -> jax.Array:
        """Logits of negatives: (s + σp)/(τρ^p), or −∞ where a pair is removed.

        Args:
            cosine: s, any shape.
            temperature: τ, a scalar.
            selected: p, bool of the same shape; None means that p = 1 everywhere.
        """
        plain = cosine / temperature
        if self.method not in ("removal", "margin", "temperature", "combined"):
            return plain
        if self.method == "removal":
            changed = jnp.full_like(plain, -jnp.inf)
        else:
            changed = (cosine + self.sigma) / (temperature * self.rho)
        return changed if selected is None else jnp.where(selected, changed, plain)

    def log_negatives(
        self, logits: jax.Array, positive: jax.Array, count: int, temperature: Any
    ) -> jax.Array:
        """log G of each row.

        Args:
            logits: (rows, columns) ℓ_j, −∞ for what is not a negative.
            positive: (rows,) ℓ₊.
            count: number of negatives in a row.
            temperature: τ.
        """
        if self.method not in ("debiased", "hcl"):
            return _logsumexp(logits)
        if self.method == "debiased":
            log_mean = _logsumexp(logits) - jnp.log(count)
        else:
            # Weights ∝ e^(βℓ) with mean 1 on e^ℓ; β · (−∞) would be NaN at β = 0.
            absent = jnp.isneginf(logits)
            weights = jnp.where(absent, -jnp.inf, self.beta * jnp.where(absent, 0, logits))
            log_mean = _logsumexp(logits + weights) - _logsumexp(weights)
        floor = -1 / temperature
        return jnp.log(count) + jnp.maximum(self._log_debiased(log_mean, positive), floor)

    def _log_debiased(self, log_mean: jax.Array, positive: jax.Array) -> jax.Array:
        """log of (mean − τ⁺ e^ℓ₊)/(1 − τ⁺), −∞ where that is not positive."""
        # Relative to the larger of the two, so that nothing overflows.
        shift = lax.stop_gradient(jnp.maximum(log_mean, positive))
        rest = jnp.exp(log_mean - shift) - self.tau_plus * jnp.exp(positive - shift)
        empty = rest <= 0
        logarithm = jnp.log(jnp.where(empty, 1, rest)) + shift - jnp.log1p(-self.tau_plus)
        return jnp.where(empty, -jnp.inf, logarithm)

    def losses(
        self, logits: jax.Array, positive: jax.Array, count: int, temperature: Any
    ) -> jax.Array:
        """(rows,) losses, 0 for a row without negatives; arguments of :meth:`log_negatives`."""
        difference = self.log_negatives(logits, positive, count, temperature) - positive
        if self.method == "dcl":
            return jnp.where(jnp.isneginf(difference), 0, difference)
        return jax.nn.softplus(difference)


def _logsumexp(logits: jax.Array) -> jax.Array:
    """log Σ_j e^ℓ_j of each row; −∞ with gradient 0 for a row of −∞, and NaN stays NaN."""
    largest = lax.stop_gradient(jnp.max(logits, axis=1, keepdims=True))
    shift = jnp.where(jnp.isneginf(largest), 0, largest)
    total = jnp.sum(jnp.exp(logits - shift), axis=1)
    empty = total == 0
    logarithm = jnp.log(jnp.where(empty, 1, total)) + shift[:, 0]
    return jnp.where(empty, -jnp.inf, logarithm)


def baseline() -> PairMap:
    """NT-Xent (Chen et al. 2020): ℓ = s/τ."""
    return PairMap("baseline")


def removal(selection: Any) -> PairMap:
    """The selected pairs leave the denominator (Section 3): ℓ = −∞.

    Args:
        selection: bool mask (2N, 2N), or (B, Q) with a queue, or ``Thresholds``. A row whose
            negatives are all removed has the loss 0 and passes on no gradient.

    Raises:
        TypeError: None (nothing would be left) or another kind of selection.
    """
    if selection is None:
        raise TypeError(
            "removal needs a selection: without negatives no loss is left; pass select_pairs(…)"
        )
    return PairMap("removal", _checked(selection))


def margin(sigma: Any, selection: Any = None) -> PairMap:
    """Margin tuning (Section 3): ℓ = (s + σ)/τ on the selected pairs, by default on all.

    Raises TypeError for another kind of selection, ValueError for a σ that is not finite.
    """
    return PairMap("margin", _checked(selection), sigma=_number("sigma", sigma))


def temperature_scaling(rho: Any, selection: Any = None) -> PairMap:
    """Temperature scaling (Section 3): ℓ = s/(ρτ) on the selected pairs, by default on all.

    Raises TypeError for another kind of selection, ValueError for ρ ≤ 0.
    """
    return PairMap("temperature", _checked(selection), rho=_positive("rho", rho))


def combined(sigma: Any, rho: Any, selection: Any = None) -> PairMap:
    """Both remedies (Section 3): ℓ = (s + σ)/(ρτ) on the selected pairs, by default on all.

    Raises TypeError for another kind of selection, ValueError for ρ ≤ 0 or an infinite σ.
    """
    numbers = {"sigma": _number("sigma", sigma), "rho": _positive("rho", rho)}
    return PairMap("combined", _checked(selection), **numbers)


def debiased(tau_plus: Any) -> PairMap:
    """The debiased loss (Chuang et al. 2020): same-class pairs taken off the sum of negatives.

    G = max{(Σ_j e^ℓ_j − τ⁺ M e^ℓ₊)/(1 − τ⁺), M e^(−1/τ)} with M negatives.

    Args:
        tau_plus: probability τ⁺ in [0, 1) that a negative is of the anchor's class.
    """
    return PairMap("debiased", tau_plus=_prior(tau_plus))


def hcl(beta: Any, tau_plus: Any = 0.0) -> PairMap:
    """Hard-negative reweighting (HCL, Robinson et al. 2021).

    As :func:`debiased` with Σ_j w_j e^ℓ_j in place of the sum, where w_j ∝ e^(β s_j/τ) have mean 1.

    Args:
        beta: concentration β ≥ 0; 0 is the debiased loss.
        tau_plus: class prior τ⁺ in [0, 1).
    """
    check_scalar("beta", beta)
    if is_concrete(beta):
        check_real("beta", _plain(beta), 0)
    return PairMap("hcl", beta=beta, tau_plus=_prior(tau_plus))


def dcl() -> PairMap:
    """The decoupled loss (DCL, Yeh et al. 2022): the positive leaves the denominator."""
    return PairMap("dcl")


def _number(name: str, value: Any) -> Any:
    check_scalar(name, value)
    return check_finite(name, value)


def _positive(name: str, value: Any) -> Any:
    check_scalar(name, value)
    return check_positive(name, value)


def _prior(tau_plus: Any) -> Any:
    check_scalar("tau_plus", tau_plus)
    if is_concrete(tau_plus) and check_real("tau_plus", _plain(tau_plus), 0) >= 1:
        raise ValueError(
            f"tau_plus must be below 1, got {tau_plus}; it is the share of negatives that are of "
            "the anchor's class, about 1/classes"
        )
    return tau_plus


def _plain(value: Any) -> Any:
    """A scalar array as a Python number; anything else unchanged."""
    return value.item() if hasattr(value, "item") else value


def _checked(selection: Any) -> Any:
    if selection is not None:
        check_selection(selection)
    return selection
