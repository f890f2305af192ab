"""Error bounds against a parameter, exact and as printed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dctheory._table import Table
from dctheory.plot.style import (
    COLOURS,
    LINES,
    MARKERS,
    PAGE,
    SYMBOLS,
    label_panels,
    legend_below,
    styled,
    subplots,
)

# Settings of `bounds()` -> role in the style, and the name in the legend.
_SETTINGS = {
    "without difficult": "without",
    "with difficult": "with",
    "removal": "removal",
    "margin": "margin",
}
# About how many markers a curve bears.
_SHOWN = 7


@styled()
def bounds_by_parameter(
    panels: Mapping[tuple[str, str], Table], logarithmic: tuple[str, ...] = ()
) -> Figure:
    """Exact bounds (lines) and printed ones (markers) against one parameter in each panel.

    Args:
        panels: (name of the row, parameter "gap", "n_d" or "n") -> rows with ``value``,
            ``setting``, ``exact`` and ``printed`` (None where there is none).
        logarithmic: parameters on a logarithmic axis.
    """
    heads = list(dict.fromkeys(head for head, _ in panels))
    parameters = list(dict.fromkeys(parameter for _, parameter in panels))
    figure, axes = subplots(
        len(heads), len(parameters), width=PAGE, height=0.6 + 1.9 * len(heads), sharey="row"
    )
    for (head, parameter), table in panels.items():
        panel = axes[heads.index(head), parameters.index(parameter)]
        _draw_settings(panel, table)
        if parameter in logarithmic:
            panel.set_xscale("log")
        if parameter == parameters[0]:
            panel.set_ylabel(head)
        if head == heads[-1]:
            panel.set_xlabel(SYMBOLS[parameter])
    label_panels(axes)
    legend_below(figure, axes[0, 0], len(_SETTINGS))
    return figure


def _draw_settings(panel: Axes, table: Table) -> None:
    for setting, role in _SETTINGS.items():
        rows = [row for row in table if row["setting"] == setting]
        values = [row["value"] for row in rows]
        exact = np.array([row["exact"] for row in rows], dtype=float)
        printed = np.array([row["printed"] for row in rows], dtype=float)
        panel.plot(values, exact, color=COLOURS[role], linestyle=LINES[role], label=setting)
        panel.plot(
            values,
            printed,
            MARKERS[role],
            color=COLOURS[role],
            markerfacecolor="white",
            markevery=max(len(rows) // _SHOWN, 1),
            label=f"{setting}, printed",
        )
    panel.grid(axis="y")
