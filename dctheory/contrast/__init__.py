"""Contrastive losses and the selection of difficult pairs, as pure JAX functions.

Names are loaded on first use, so that importing this package does not import JAX.
"""

from __future__ import annotations

from dctheory._lazy import lazy

# Public name -> the module that defines it.
_EXPORTS = {
    "spectral_loss": "dctheory.contrast.spectral",
    "population_loss": "dctheory.contrast.spectral",
    "info_nce": "dctheory.contrast.infonce",
    "PairMap": "dctheory.contrast.pairs",
    "baseline": "dctheory.contrast.pairs",
    "removal": "dctheory.contrast.pairs",
    "margin": "dctheory.contrast.pairs",
    "temperature_scaling": "dctheory.contrast.pairs",
    "combined": "dctheory.contrast.pairs",
    "debiased": "dctheory.contrast.pairs",
    "hcl": "dctheory.contrast.pairs",
    "dcl": "dctheory.contrast.pairs",
    "Thresholds": "dctheory.contrast.selection",
    "select_pairs": "dctheory.contrast.selection",
    "select_thresholds": "dctheory.contrast.selection",
    "difficulty_score": "dctheory.contrast.selection",
    "momentum_update": "dctheory.contrast.momentum",
    "enqueue": "dctheory.contrast.momentum",
    "logit_maps": "dctheory.contrast.methods",
    "logit_map_table": "dctheory.contrast.methods",
}

__all__ = list(_EXPORTS)
__getattr__, __dir__ = lazy(__name__, _EXPORTS)
