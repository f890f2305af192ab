"""Contrastive losses and the selection of difficult pairs, as pure JAX functions.

Names are loaded on first use, so that importing this package does not import JAX.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

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


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module 'dctheory.contrast' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
