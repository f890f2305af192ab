"""Figures: tidy tables in, a matplotlib ``Figure`` out. Nothing is computed here.

Names are loaded on first use, so that importing this package does not import matplotlib.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

# Public name -> the module that defines it.
_EXPORTS = {
    "subplots": "dctheory.plot.style",
    "styled": "dctheory.plot.style",
    "to_svg": "dctheory.plot.style",
    "to_png": "dctheory.plot.style",
    "write_figure": "dctheory.plot.style",
}

__all__ = list(_EXPORTS)


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module 'dctheory.plot' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
