"""One style for every figure: sizes of a paper's columns, colours by role, the same bytes twice.

No pyplot and no global state: a plotting function is decorated with ``@styled()``, takes its axes
from :func:`subplots`, and returns the ``Figure``. The user's own matplotlib settings are neither
read nor changed.

Colours keep apart in greyscale (their lightness L* differs) and for the three kinds of colour
blindness; lines and markers say the same once more.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import PlaceHolderLayoutEngine
from numpy.typing import NDArray

from dctheory._runs import write_atomic

# Widths in inches: one column of a paper, and its whole page.
COLUMN, PAGE = 3.3, 6.9

_BLACK, _BLUE, _RED, _GREEN, _OCHRE, _GREY = (
    *("#000000", "#004488", "#A74072", "#1B9B45", "#D3B635", "#A0A0A0"),
)

# What a curve, a bar or an area stands for -> its colour.
COLOURS = {
    # Similarities and degrees of the graph.
    "self": _BLACK,
    "alpha": _BLUE,
    "gamma": _RED,
    "beta": _OCHRE,
    # Settings and remedies, as `bounds()` and the methods of training name them.
    "with": _BLACK,
    "without": _GREY,
    "baseline": _BLACK,
    "removal": _BLUE,
    "margin": _RED,
    "temperature": _GREEN,
    "combined": _OCHRE,
    # Where a number comes from.
    "printed": _RED,
    "exact": _BLACK,
    "bound": _BLUE,
    "predicted": _BLUE,
    "measured": _OCHRE,
    "reference": _GREY,
    # Kinds of sample, and pairings.
    "easy": _BLUE,
    "difficult": _RED,
    "both": _BLUE,
    "matched": _RED,
    "either": _OCHRE,
    # Verdicts.
    "yes": _BLUE,
    "no": _OCHRE,
    "unknown": _GREY,
}

# The same roles by line and by marker, for whoever sees no colour.
LINES: dict[str, Any] = {
    "with": "-",
    "without": (0, (1, 1.2)),
    "baseline": "-",
    "removal": (0, (5, 1.5)),
    "margin": (0, (3, 1.2, 1, 1.2)),
    "temperature": (0, (5, 1.2, 1, 1.2, 1, 1.2)),
    "combined": "-",
    "printed": (0, (4, 1.5)),
    "exact": "-",
    "bound": "-",
    "predicted": "-",
    "measured": "-",
    "reference": (0, (1, 1.2)),
    "both": "-",
    "matched": (0, (4, 1.5)),
    "either": (0, (3, 1.2, 1, 1.2)),
}
MARKERS = {
    "with": "o",
    "without": "x",
    "baseline": "o",
    "removal": "s",
    "margin": "^",
    "temperature": "v",
    "combined": "D",
    "printed": "s",
    "exact": "o",
    "bound": "_",
    "predicted": "_",
    "measured": "o",
    "both": "o",
    "matched": "s",
    "either": "^",
}

# Axis labels in the paper's symbols.
SYMBOLS = {
    "alpha": r"$\alpha$",
    "beta": r"$\beta$",
    "gamma": r"$\gamma$",
    "gap": r"$\gamma-\beta$",
    "delta": r"$\delta$",
    "epsilon": r"$\varepsilon$",
    "tau": r"$\tau$",
    "sigma": r"$\sigma$",
    "rho": r"$\rho$",
    "omega": r"$\omega$",
    "lambda": r"$\lambda_{k+1}$",
    "n": r"$n$",
    "n_d": r"$n_d$",
    "r": r"$r$",
    "k": r"$k$",
    "j": r"$j$",
    "classes": r"$r+1$",
    "per_class": r"$n$",
    "difficult": r"$n_d$",
}

# Light to dark with even steps of lightness, the same in grey.
SEQUENTIAL = "cividis_r"

RC: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "mathtext.fontset": "dejavusans",
    "font.size": 7.5,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "axes.titlelocation": "left",
    "axes.titlepad": 4,
    "axes.labelpad": 2.5,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.formatter.use_mathtext": True,
    "grid.color": "#D9D9D9",
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.3,
    "lines.markersize": 3.5,
    "patch.linewidth": 0.5,
    "hatch.linewidth": 0.5,
    "errorbar.capsize": 1.8,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.minor.size": 1.5,
    "ytick.minor.size": 1.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
    "legend.handlelength": 2.2,
    "legend.borderaxespad": 0.3,
    "legend.labelspacing": 0.3,
    "legend.columnspacing": 1.2,
    "image.cmap": SEQUENTIAL,
    "image.interpolation": "nearest",
    "figure.dpi": 100,
    "figure.constrained_layout.h_pad": 0.03,
    "figure.constrained_layout.w_pad": 0.03,
    "savefig.dpi": 200,
    "svg.fonttype": "path",
    "svg.hashsalt": "dctheory",
    "path.simplify": True,
}


class StyledFigure(Figure):
    """A matplotlib ``Figure`` that a notebook shows as SVG."""

    def _repr_svg_(self) -> str:
        return to_svg(self)


@contextmanager
def styled() -> Iterator[None]:
    """matplotlib's defaults and :data:`RC`; as ``@styled()`` it decorates a plotting function."""
    with matplotlib.style.context(["default", RC]):
        yield


@styled()
def subplots(
    rows: int = 1,
    columns: int = 1,
    *,
    width: float = COLUMN,
    height: float | None = None,
    **grid: Any,
) -> tuple[StyledFigure, NDArray[Any]]:
    """A figure and its (rows, columns) array of axes.

    Args:
        rows, columns: of the grid.
        width: in inches, :data:`COLUMN` or :data:`PAGE`.
        height: in inches; by default panels of the golden ratio, and room for their labels.
        **grid: what ``Figure.subplots`` takes besides (``sharex``, ``width_ratios``, …).
    """
    if height is None:
        height = rows * (0.62 * width / columns + 0.25)
    figure = StyledFigure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, **grid)
    return figure, np.asarray(axes)


def label_panels(axes: Any, first: str = "a") -> None:
    """Put (a), (b), … before the titles of the axes, row by row."""
    for place, panel in enumerate(np.ravel(axes)):
        panel.set_title(f"({chr(ord(first) + place)}) {panel.get_title('left')}".rstrip())


def legend_below(figure: Figure, axes: Axes, columns: int = 3, **options: Any) -> None:
    """One legend for the whole figure, under it, from the handles of ``axes``."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, **options)


def to_svg(figure: Figure) -> str:
    """The figure as SVG text: letters as paths, no date, the same bytes for the same figure."""
    return _save(figure, "svg", {"Date": None, "Creator": None}).decode()


def to_png(figure: Figure, dpi: int = 200) -> bytes:
    """The figure as PNG bytes, in at most 256 colours, without a date or a version."""
    from PIL import Image

    buffer = io.BytesIO()
    with Image.open(io.BytesIO(_save(figure, "png", {"Software": None}, dpi))) as picture:
        few = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
        few.save(buffer, "PNG", optimize=True, dpi=(dpi, dpi))
    return buffer.getvalue()


def write_figure(figure: Figure, stem: str | Path, dpi: int = 200) -> tuple[Path, Path]:
    """Write ``stem``.svg and ``stem``.png, each by an atomic rename; returns their paths."""
    stem = Path(stem)
    vector, picture = (stem.with_name(f"{stem.name}.{kind}") for kind in ("svg", "png"))
    write_atomic(vector, to_svg(figure))
    write_atomic(picture, to_png(figure, dpi))
    return vector, picture


def _save(figure: Figure, kind: str, metadata: dict[str, None], dpi: int = 200) -> bytes:
    buffer = io.BytesIO()
    with styled():
        _lay_out(figure)
        figure.savefig(buffer, format=kind, metadata=metadata, dpi=dpi)
    return buffer.getvalue()


def _lay_out(figure: Figure) -> None:
    """Give the axes their places once: a second layout differs by rounding, and so by bytes."""
    engine = figure.get_layout_engine()
    if engine is not None and not isinstance(engine, PlaceHolderLayoutEngine):
        # Where axes keep their aspect, titles and legends settle in a second round only.
        for _ in range(2):
            figure.draw_without_rendering()
        figure.set_layout_engine("none")
