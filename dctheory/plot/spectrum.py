"""Spectra of the graph: its modes with and without difficult examples, and what is printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from dctheory._table import Table
from dctheory.plot.style import (
    COLOURS,
    LINES,
    PAGE,
    SYMBOLS,
    label_panels,
    legend_below,
    styled,
    subplots,
)

# Families of eigenvectors -> colour and name in the legend; what is not here is bulk.
_MODES = {
    "trivial": (COLOURS["temperature"], "trivial"),
    "class": (COLOURS["alpha"], "class"),
    "difficult-against-easy": (COLOURS["gamma"], "difficult-against-easy"),
    "class, difficult-against-easy": (COLOURS["without"], "class, difficult-against-easy"),
    "matched bulk": (COLOURS["beta"], "matched bulk"),
}
_PALE = "#DADADA"


@styled()
def modes(spectra: Mapping[str, Table], clean: Table) -> Figure:
    """Each mode as a bar from its first to its last place in the spectrum; a panel a reading.

    Args:
        spectra: pairing -> rows with ``mode``, ``first``, ``last`` (places j) and ``value``.
        clean: the same rows without difficult examples, drawn pale behind each.
    """
    figure, axes = subplots(1, len(spectra), width=PAGE, height=2.9, sharey=True)
    for (pairing, table), panel in zip(spectra.items(), axes[0], strict=True):
        for row in clean:
            _draw_bar(panel, row, _PALE, 8, "without difficult examples")
        for row in table:
            colour, name = _MODES.get(row["mode"], (COLOURS["exact"], "bulk"))
            _draw_bar(panel, row, colour, 3, name)
        panel.set(title=pairing, xscale="log", yscale="log", xlabel=r"place $j$")
        panel.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes[0, 0].yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes[0, 0].set_ylabel(r"eigenvalue $\lambda_j$ of $\bar A$")
    label_panels(axes)
    _legend_of_all(figure, axes[0])
    return figure


def _draw_bar(panel: Axes, row: Mapping[str, Any], colour: Any, width: float, name: str) -> None:
    panel.plot(
        [row["first"] - 0.4, row["last"] + 0.4],
        [row["value"]] * 2,
        color=colour,
        linewidth=width,
        solid_capstyle="butt",
        label=name,
    )


def _legend_of_all(figure: Figure, panels: Sequence[Axes]) -> None:
    """One legend for what occurs in any of the panels."""
    found: dict[str, Any] = {}
    for panel in panels:
        handles, labels = panel.get_legend_handles_labels()
        found |= {label: each for each, label in zip(handles, labels, strict=True)}
    figure.legend(found.values(), found.keys(), loc="outside lower center", ncols=4)


@styled()
def eigenvalue_by_k(curves: Mapping[str, Table], covered: tuple[float, float]) -> Figure:
    """λ_{k+1} against k, exact and as Theorem 3.4 prints it; a panel a reading.

    Args:
        curves: pairing -> rows with ``k``, ``exact``, ``printed`` and ``without`` difficult ones.
        covered: first and last k of the theorem.
    """
    figure, axes = subplots(1, len(curves), width=PAGE, height=2.5, sharey=True)
    for (pairing, table), panel in zip(curves.items(), axes[0], strict=True):
        panel.axvspan(covered[0] - 0.5, covered[1] + 0.5, color="#EDEDED", label="k of Theorem 3.4")
        k = [row["k"] for row in table]
        for column, role, name in (
            ("without", "without", "exact, without difficult examples"),
            ("printed", "printed", "as printed (Theorem 3.4)"),
            ("exact", "exact", "exact, with them"),
        ):
            values = np.array([row[column] for row in table], dtype=float)
            panel.plot(
                k,
                values,
                drawstyle="steps-mid",
                color=COLOURS[role],
                linestyle=LINES[role],
                label=name,
                linewidth=1.0 if column == "exact" else 1.6,
            )
        panel.set(title=pairing, xlabel=SYMBOLS["k"], yscale="log")
    axes[0, 0].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes[0, 0].yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes[0, 0].yaxis.set_minor_formatter(NullFormatter())
    axes[0, 0].set_ylabel(SYMBOLS["lambda"])
    label_panels(axes)
    legend_below(figure, axes[0, 0], 4)
    return figure
