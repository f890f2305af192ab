"""The loss of a batch, from a configuration whose numbers may be traced.

The paper's remedies are one map with a selection: removal is the margin σ → −∞ of InfoNCE, and
the temperature → ∞ of the spectral loss, where a pair's term then vanishes. So runs of different
remedies can be members of one program.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dctheory.contrast.infonce import info_nce
from dctheory.contrast.pairs import PairMap
from dctheory.contrast.selection import Thresholds, select_thresholds
from dctheory.contrast.spectral import spectral_loss
from dctheory.train.config import REMEDIES, ObjectiveConfig

# Method -> family, for those that are no remedy of the paper.
_OTHERS = {"debiased": "hcl", "hcl": "hcl", "dcl": "dcl"}


class Numbers(NamedTuple):
    """The scalars of an objective that may differ between the members of one program."""

    temperature: Any
    sigma: Any
    rho: Any
    beta: Any
    tau_plus: Any
    everywhere: Any
    """Whether the remedy is on all pairs."""
    removes: Any
    """Whether changed pairs leave the loss."""


class Keys(NamedTuple):
    """A MoCo queue: (Q, d) projections and the (Q, p) features that pairs are selected by."""

    z: jax.Array
    h: jax.Array


@dataclass(frozen=True)
class Objective:
    """What the members of one program have in common.

    Attributes:
        loss: "spectral" or "infonce".
        family: "baseline" (of all members), "remedy", "hcl" (debiased is its β = 0) or "dcl".
        selects: whether any member selects pairs, by Eq. 12 or by labels.
        oracle: whether by labels.
        pos_high, pos_low: percentiles of Eq. 12.
        edit: "none", "margin" or "temperature" on pairs of nodes.
        norm, mu: of the spectral loss.
        queue: keys in the queue; 0 for none.
        block_size: rows of pairs at a time (None: as suits the device); all of them where the
            batch is spread over devices.
    """

    loss: str
    family: str
    selects: bool
    oracle: bool
    pos_high: float
    pos_low: float
    edit: str
    norm: str
    mu: float
    queue: int
    block_size: int | None = None

    def value(
        self,
        numbers: Numbers,
        h: jax.Array,
        z: jax.Array,
        edits: Any,
        keys: Keys | None,
        labels: Any = None,
    ) -> jax.Array:
        """The loss of a batch, a scalar.

        Args:
            numbers: scalars.
            h, z: (2B, p) and (2B, d), views 1 first.
            edits: (B, B) margins or temperatures where ``edit`` asks for them.
            keys: the queue, if there is one.
            labels: (B,) classes, for an oracle.
        """
        first, second = jnp.split(z, 2)
        queue = None if keys is None else keys.z
        options: dict[str, Any] = {"queue": queue, "block_size": self.block_size}
        if self.loss == "infonce":
            pairs = self._pair_map(numbers, h, keys, labels)
            return info_nce(first, second, numbers.temperature, pairs, **options)
        options |= {"norm": self.norm, "mu": self.mu}
        if self.edit != "none":
            options[self.edit] = edits
        elif self.family == "remedy":
            options |= self._spectral_remedy(numbers, h, keys, labels)
        return spectral_loss(first, second, **options)

    def _selection(
        self, numbers: Numbers, h: jax.Array, keys: Keys | None, labels: Any
    ) -> Thresholds | None:
        """The pairs that the remedy changes; None for all of them."""
        if not self.selects:
            return None
        anchors, queue = (h, None) if keys is None else (jnp.split(h, 2)[0], keys.h)
        high = 0.0 if self.oracle else self.pos_high
        found = select_thresholds(
            anchors, high, self.pos_low, queue=queue, block_size=self.block_size
        )
        if self.oracle:
            found = dataclasses.replace(found, labels=jnp.concatenate([labels, labels]))
        lower = jnp.where(numbers.everywhere, -jnp.inf, found.lower)
        upper = jnp.where(numbers.everywhere, jnp.inf, found.upper)
        return dataclasses.replace(found, lower=lower, upper=upper)

    def _pair_map(self, numbers: Numbers, h: jax.Array, keys: Keys | None, labels: Any) -> PairMap:
        if self.family == "hcl":
            return PairMap("hcl", beta=numbers.beta, tau_plus=numbers.tau_plus)
        if self.family in ("baseline", "dcl"):
            return PairMap(self.family)
        sigma = jnp.where(numbers.removes, -jnp.inf, numbers.sigma)
        selection = self._selection(numbers, h, keys, labels)
        return PairMap("combined", selection, sigma=sigma, rho=numbers.rho)

    def _spectral_remedy(
        self, numbers: Numbers, h: jax.Array, keys: Keys | None, labels: Any
    ) -> dict[str, jax.Array]:
        size = len(h) // 2
        shape = (size, size if keys is None else len(keys.h))
        selection = self._selection(numbers, h, keys, labels)
        if selection is None:
            mask = jnp.ones(shape, bool)
        else:
            # Of pairs of views those of (view 1, view 2): the last columns.
            mask = selection.rows(0, size)[:, -shape[1] :]
        changed = jnp.where(numbers.removes, jnp.inf, numbers.rho)
        return {
            "margin": jnp.where(mask, numbers.sigma, 0),
            "temperature": jnp.where(mask, changed, 1),
            "positive_temperature": jnp.ones(()),
        }


def make_objective(configs: Sequence[ObjectiveConfig], block_size: int | None = None) -> Objective:
    """What all the configurations have in common.

    Raises ValueError unless :func:`shared_part` is the same for all.
    """
    parts = {shared_part(config) for config in configs}
    if len(parts) > 1:
        raise ValueError(
            "the runs have objectives of different kinds; train them one after the other"
        )
    loss, family, oracle, pos_high, pos_low, edit, norm, mu, queue, _ = parts.pop()
    changed = [config for config in configs if config.method not in ("baseline", *_OTHERS)]
    if family == "remedy" and not changed:
        family = "baseline"
    selects = any(config.scope != "all" for config in changed)
    numbers = (pos_high, pos_low, edit, norm, mu, queue, block_size)
    return Objective(loss, family, selects, oracle and selects, *numbers)


def shared_part(config: ObjectiveConfig) -> tuple[Any, ...]:
    """What must be equal for two objectives to be members of one program."""
    family = "remedy" if config.method in REMEDIES else _OTHERS[config.method]
    return (
        config.loss, family, config.scope == "oracle", config.pos_high, config.pos_low, config.edit,
        config.norm, config.mu, config.queue, config.momentum,
    )  # fmt: skip


def make_numbers(config: ObjectiveConfig) -> Numbers:
    """The scalars of one run, those that its method does not use set to change nothing."""
    method = config.method
    return Numbers(
        temperature=np.float32(config.temperature),
        sigma=np.float32(config.sigma if method in ("margin", "combined") else 0),
        rho=np.float32(config.rho if method in ("temperature", "combined") else 1),
        beta=np.float32(config.beta if method == "hcl" else 0),
        tau_plus=np.float32(config.tau_plus),
        everywhere=np.bool_(config.scope == "all"),
        removes=np.bool_(method == "removal"),
    )
