"""The verdicts on the paper's claims at a glance."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from dctheory._table import Table
from dctheory.plot.style import COLOURS, COLUMN, styled, subplots

# Outcome -> colour of the cell and of the word in it.
_OUTCOMES = {
    "PROVED": (COLOURS["alpha"], "white"),
    "CONDITIONAL": (COLOURS["beta"], "black"),
    "REFUTED": (COLOURS["gamma"], "white"),
}
_OTHER = ("#DADADA", "black")
# Inches for each claim, and for what stands above them.
_ROW, _HEAD = 0.165, 0.35


@styled()
def verdict_matrix(verdicts: Table, readings: Sequence[str]) -> Figure:
    """A row for each claim and a column for each reading; one cell where the reading plays no role.

    Args:
        verdicts: rows with ``claim``, ``reading`` (None for a claim that depends on none) and
            ``outcome``, a word such as "PROVED".
        readings: the columns.
    """
    claims = list(dict.fromkeys(row["claim"] for row in verdicts))
    figure, ((axes,),) = subplots(width=COLUMN, height=_HEAD + _ROW * len(claims))
    for row in verdicts:
        wide = row["reading"] is None
        first = 0 if wide else readings.index(row["reading"])
        _draw_cell(axes, first, claims.index(row["claim"]), row["outcome"], wide * len(readings))
    axes.set_xticks([place + 0.5 for place in range(len(readings))], list(readings))
    axes.set_yticks([place + 0.5 for place in range(len(claims))], claims)
    axes.set(xlim=(0, len(readings)), ylim=(len(claims), 0))
    axes.tick_params(
        length=0, labelsize=6.5, top=True, labeltop=True, bottom=False, labelbottom=False
    )
    axes.spines[:].set_visible(False)
    return figure


def _draw_cell(axes: Axes, column: int, row: int, outcome: str, width: int) -> None:
    fill, ink = _OUTCOMES.get(outcome, _OTHER)
    width = width or 1
    axes.add_patch(Rectangle((column, row), width, 1, facecolor=fill, edgecolor="white"))
    axes.text(
        column + width / 2,
        row + 0.52,
        outcome.lower(),
        color=ink,
        fontsize=6.5,
        ha="center",
        va="center",
    )
