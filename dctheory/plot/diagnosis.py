"""Plates of a diagnosis: similarities, intervals, classes, spectrum, bounds, difficulty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from dctheory.plot.style import COLOURS, LINES, SYMBOLS, legend_below, styled, subplots

# Kinds of pairs as a distribution names them -> colour and line.
_KINDS: dict[str, tuple[str, Any]] = {
    "all": (COLOURS["self"], "-"),
    "same class": (COLOURS["alpha"], "-"),
    "cross-class": (COLOURS["beta"], (0, (5, 1.5))),
    "difficult": (COLOURS["gamma"], (0, (1.5, 1))),
}
_LEVELS = {"α": "alpha", "β": "beta", "γ": "gamma"}
# Eigenvalues that are 0 but for rounding.
_NO_EIGENVALUE = 1e-12
# More classes than these have no room for their names.
_NAMED_CLASSES, _LONGEST_NAME = 24, 16
# What a mode's name, or else its sector, is or begins with -> the role of its colour.
_MODES = {
    "difficult-against-easy": "gamma",
    "class, difficult-against-easy": "gamma",
    "within-class": "gamma",
    "class": "alpha",
    "bulk": "beta",
    "trivial": "reference",
}


@styled()
def similarity_histogram(
    edges: ArrayLike,
    densities: Mapping[str, ArrayLike],
    levels: Mapping[str, float] | None = None,
) -> Figure:
    """Densities of the cosine similarity by kind of pair, with α, β and γ marked.

    Args:
        edges: (m + 1,) of the bins.
        densities: by kind ("all", "same class", "cross-class", "difficult"), (m,).
        levels: value of each of "α", "β", "γ".
    """
    figure, ((axes,),) = subplots(height=2.4)
    for kind, density in densities.items():
        colour, line = _KINDS[kind]
        axes.stairs(density, edges, color=colour, linestyle=line, label=kind)
    top = axes.get_ylim()[1]
    for place, (symbol, value) in enumerate((levels or {}).items()):
        colour = COLOURS[_LEVELS[symbol]]
        axes.axvline(value, color=colour, linewidth=0.8)
        axes.annotate(
            SYMBOLS[_LEVELS[symbol]],
            (value, top),
            (2, -2 - 8 * place),  # below each other, as they may be near each other
            color=colour,
            textcoords="offset points",
            va="top",
        )
    axes.set(xlabel="cosine similarity", ylabel="density of pairs", ylim=(0, top))
    axes.legend()
    return figure


@styled()
def similarity_intervals(rows: Sequence[tuple[str, str, float, float, float]]) -> Figure:
    """Estimates with their intervals, one line for each symbol and reading.

    Args:
        rows: (symbol, reading, estimate, low, high); NaN where there is no interval.
    """
    figure, ((axes,),) = subplots(height=0.5 + 0.22 * len(rows))
    for place, (symbol, _, estimate, low, high) in enumerate(rows):
        colour = COLOURS[_LEVELS[symbol]]
        axes.plot([low, high], [place, place], color=colour)
        axes.plot([estimate], [place], "o", color=colour)
    names = [f"{SYMBOLS[_LEVELS[symbol]]} {reading}".rstrip() for symbol, reading, *_ in rows]
    axes.set(yticks=range(len(rows)), yticklabels=names, xlabel="mean cosine similarity")
    axes.invert_yaxis()
    axes.grid(axis="x")
    return figure


@styled()
def class_table(table: ArrayLike, names: Sequence[str]) -> Figure:
    """The mean similarity of each pair of classes as a matrix.

    Args:
        table: (C, C).
        names: C names, shown where there is room.
    """
    figure, ((axes,),) = subplots(height=3.0)
    image = axes.imshow(np.asarray(table))
    figure.colorbar(image, ax=axes, label="mean cosine similarity", shrink=0.9)
    if len(names) <= _NAMED_CLASSES:
        places = range(len(names))
        shown = [
            name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…" for name in names
        ]
        # A name may hold what would be mathematics to matplotlib.
        axes.set_xticks(places, shown, rotation=90, parse_math=False)
        axes.set_yticks(places, shown, parse_math=False)
    else:
        axes.set(xlabel="class", ylabel="class")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return figure


@styled()
def modes(rows: Sequence[tuple[str, str, float, int]], k: int) -> Figure:
    """Eigenvalues of the fitted graph over their place, each family named, and where k cuts.

    Args:
        rows: (name, sector, eigenvalue, multiplicity), in descending order; a name may recur.
        k: features; λ_{k+1} is marked.
    """
    figure, ((axes,),) = subplots(height=2.9)
    # One line for each name, with breaks between its modes.
    lines: dict[str, tuple[str, list[tuple[float, float]]]] = {}
    first = 1
    for name, sector, value, count in rows:
        role = _MODES.get(name, _MODES.get(sector, "reference"))
        points = lines.setdefault(name, (COLOURS[role], []))[1]
        points += [(first, value), (first + count - 1, value), (np.nan, np.nan)]
        first += count
    for name, (colour, points) in lines.items():
        axes.plot(*np.transpose(points), "-o", color=colour, label=name, markersize=3)
    axes.axvline(k + 1, color=COLOURS["reference"], linestyle=LINES["reference"])
    axes.annotate(
        SYMBOLS["lambda"],
        (k + 1, 1),
        (2, -2),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        va="top",
        color=COLOURS["reference"],
    )
    # Linear below the smallest, as eigenvalues may be negative.
    smallest = min([abs(value) for _, _, value, _ in rows if abs(value) > _NO_EIGENVALUE] or [1])
    axes.set_yscale("symlog", linthresh=smallest)
    axes.set(xscale="log", xlabel=SYMBOLS["j"], ylabel=r"eigenvalue $\lambda_j$ of $\bar{A}$")
    axes.set_ylim(None if rows[-1][2] < -_NO_EIGENVALUE else 0, 2)
    axes.grid(axis="y")
    legend_below(figure, axes, 2)
    return figure


@styled()
def bounds_and_errors(
    rows: Sequence[tuple[str, float | None, float | None]],
    measured: tuple[float, float, float] | None = None,
) -> Figure:
    """The bound of each setting, printed and exact, on a logarithmic axis; above 1 it is vacuous.

    Args:
        rows: (setting, printed bound, exact bound), None where there is none.
        measured: error of the linear probe, and the ends of its interval.
    """
    figure, ((axes,),) = subplots(height=0.75 + 0.25 * len(rows))
    for place, (_, *values) in enumerate(rows):
        for kind, marker, value in zip(("printed", "exact"), "so", values, strict=True):
            if value is not None and np.isfinite(value) and value > 0:
                label = kind if kind not in axes.get_legend_handles_labels()[1] else None
                axes.plot(
                    [value],
                    [place],
                    marker,
                    color=COLOURS[kind],
                    label=label,
                    fillstyle="none" if kind == "printed" else "full",
                    markersize=5 if kind == "printed" else 3,
                )
    axes.axvline(
        1, color=COLOURS["reference"], linestyle=LINES["reference"], label="vacuous from 1"
    )
    if measured is not None:
        error, low, high = measured
        axes.axvspan(low, high, color=COLOURS["measured"], alpha=0.4, linewidth=0)
        axes.axvline(error, color=COLOURS["measured"], label="measured error")
    axes.set(
        yticks=range(len(rows)),
        yticklabels=[name for name, *_ in rows],
        xscale="log",
        xlabel="error of a linear probe",
        ylim=(len(rows) - 0.5, -0.5),
    )
    axes.grid(axis="x")
    legend_below(figure, axes, 2)
    return figure


@styled()
def difficulty_curve(
    shares: ArrayLike, values: ArrayLike, suggested: float, measure: str = "score"
) -> Figure:
    """A measure of difficulty over the share of samples, the most difficult first.

    Args:
        shares: in [0, 1], ascending.
        values: the measure of the sample at each share.
        suggested: share of the samples that is suggested for removal.
        measure: what ``values`` are, for the axis.
    """
    figure, ((axes,),) = subplots(height=2.2)
    axes.plot(100 * np.asarray(shares), values, color=COLOURS["difficult"])
    axes.axvspan(
        *(0, 100 * suggested),
        color=COLOURS["difficult"],
        alpha=0.15,
        linewidth=0,
        label=f"suggested: {100 * suggested:.3g} %",
    )
    axes.set(xlabel="samples, the most difficult first (%)", ylabel=measure)
    axes.set(xlim=(0, 100), ylim=(0, None))
    axes.legend()
    return figure


@styled()
def class_spectrum(eigenvalues: ArrayLike, count: int) -> Figure:
    """Leading eigenvalues of the embeddings' covariance, and the number of classes read off them.

    Args:
        eigenvalues: descending.
        count: classes, i.e. count − 1 eigenvalues before the gap.
    """
    figure, ((axes,),) = subplots(height=2.2)
    values = np.asarray(eigenvalues)
    axes.plot(np.arange(1, len(values) + 1), values, "o-", color=COLOURS["alpha"], linewidth=0.6)
    axes.axvline(
        count - 0.5,
        color=COLOURS["reference"],
        linestyle=LINES["reference"],
        label=f"{count} classes",
    )
    axes.set(xlabel=SYMBOLS["j"], ylabel="eigenvalue of the covariance", yscale="log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
    return figure
