"""Noise: the spectrum that is predicted beside one that is sampled, and where modes are lost."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from dctheory._table import Table
from dctheory.plot.style import (
    COLOURS,
    LINES,
    MARKERS,
    PAGE,
    SYMBOLS,
    label_panels,
    styled,
    subplots,
)

_MODES = {"class": "alpha", "difficult-against-easy": "gamma", "trivial": "without"}

# The part of the right panel that its legend leaves.
_BELOW_LEGEND = 0.78


@styled()
def noisy_spectrum(
    edges: ArrayLike,
    counts: ArrayLike,
    curve: Table,
    outliers: Table,
    path: Table,
    thresholds: Mapping[str, float],
    level: float,
) -> Figure:
    """Bulk and outliers at one noise level (left), and over all of them (right).

    Args:
        edges, counts: histogram of the sampled bulk as a density, (m + 1,) and (m,).
        curve: rows with ``x`` and ``density``, the predicted bulk.
        outliers: rows with ``mode``, ``predicted`` and ``sampled`` (one of its eigenvalues each).
        path: rows with ``epsilon``, ``mode`` (or "bulk edge"), ``predicted``, ``sampled``.
        thresholds: mode -> noise level from which on it is lost.
        level: ε of the left panel.
    """
    figure, ((left, right),) = subplots(1, 2, width=PAGE, height=2.6)
    left.stairs(counts, edges, fill=True, color=COLOURS["reference"], label="bulk, sampled")
    left.plot(
        [row["x"] for row in curve],
        [row["density"] for row in curve],
        color=COLOURS["predicted"],
        label="bulk, predicted",
    )
    _draw_outliers(left, outliers)
    left.set(title=f"{SYMBOLS['epsilon']} = {level:g}")
    left.set(xlabel=r"eigenvalue of $\bar A$ under noise", ylabel="density of the bulk")
    left.legend(loc="upper center", bbox_to_anchor=(0.7, 1))
    _draw_path(right, path, thresholds)
    label_panels([left, right])
    return figure


def _draw_outliers(panel: Axes, outliers: Table) -> None:
    height = panel.get_ylim()[1]
    for mode in dict.fromkeys(row["mode"] for row in outliers):
        rows = [row for row in outliers if row["mode"] == mode]
        colour = COLOURS[_MODES.get(mode, "exact")]
        panel.axvline(rows[0]["predicted"], color=colour, linewidth=0.8)
        panel.plot(
            [row["sampled"] for row in rows],
            np.full(len(rows), 0.06 * height),
            MARKERS["measured"],
            color=colour,
            label=mode,
        )


def _draw_path(panel: Axes, path: Table, thresholds: Mapping[str, float]) -> None:
    for mode in dict.fromkeys(row["mode"] for row in path):
        rows = [row for row in path if row["mode"] == mode]
        colour = COLOURS[_MODES.get(mode, "exact")]
        level = [row["epsilon"] for row in rows]
        predicted = np.array([row["predicted"] for row in rows], dtype=float)
        sampled = np.array([row["sampled"] for row in rows], dtype=float)
        panel.plot(level, predicted, color=colour, label=mode)
        panel.plot(level, sampled, MARKERS["measured"], color=colour, markersize=2.5)
        if thresholds.get(mode, np.inf) <= max(level):
            panel.axvline(
                thresholds[mode],
                ymax=_BELOW_LEGEND,
                color=colour,
                linestyle=LINES["reference"],
                linewidth=0.9,
                label="its threshold",
            )
    panel.plot([], [], MARKERS["measured"], color=COLOURS["reference"], label="sampled")
    panel.set(
        xlabel=f"noise level {SYMBOLS['epsilon']}", ylabel="eigenvalue", title="leading modes"
    )
    panel.legend(loc="upper left", ncols=2)
    panel.set_ylim(0, panel.get_ylim()[1] / _BELOW_LEGEND)
