"""Figures: tidy tables in, a matplotlib ``Figure`` out. Nothing is computed here.

Names are loaded on first use, so that importing this package does not import matplotlib.
"""

from __future__ import annotations

from dctheory._lazy import lazy

# Public name -> the module that defines it.
_EXPORTS = {
    "subplots": "dctheory.plot.style",
    "styled": "dctheory.plot.style",
    "to_svg": "dctheory.plot.style",
    "to_png": "dctheory.plot.style",
    "write_figure": "dctheory.plot.style",
}

__all__ = list(_EXPORTS)
__getattr__, __dir__ = lazy(__name__, _EXPORTS)
