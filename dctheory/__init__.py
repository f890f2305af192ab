"""dctheory: check the theory of difficult examples in contrastive learning.

The theory is "Difficult Examples Hurt Unsupervised Contrastive Learning" (ICLR 2026). This
package states its claims as data, decides them by proof, computation and training, and computes
its bounds for your own numbers. Names below are loaded on first use, so importing is cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from dctheory._version import __version__

# Public name -> the module that defines it.
_EXPORTS = {
    "SimilarityGraph": "dctheory.graph.similarity",
    "CellGraph": "dctheory.graph.cells",
    "Spectrum": "dctheory.graph.spectrum",
    "estimate_similarities": "dctheory.graph.estimate",
}
_SUBPACKAGES = ("bound", "claims", "formulas", "graph", "proof")

__all__ = ["__version__", *_EXPORTS, *_SUBPACKAGES]


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(import_module(_EXPORTS[name]), name)
    if name in _SUBPACKAGES:
        return import_module(f"dctheory.{name}")
    raise AttributeError(f"module 'dctheory' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
