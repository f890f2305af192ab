"""Maps over two parameters: which remedy is best, and where a statement holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import ArrayLike

from dctheory.plot.style import COLOURS, PAGE, SYMBOLS, label_panels, styled, subplots

_WHITE = "#FFFFFF"


@styled()
def category_maps(
    maps: Mapping[tuple[str, str], ArrayLike],
    x: ArrayLike,
    y: ArrayLike,
    names: tuple[str, str],
    categories: Mapping[str, str],
    *,
    nothing: str = "no graph",
) -> Figure:
    """A grid of maps of one set of categories, rows and columns named by the keys.

    Args:
        maps: (row, column) -> (len(y), len(x)) places in ``categories``; −1 for ``nothing``.
        x, y: values of the two parameters.
        names: of the two in :data:`dctheory.plot.style.SYMBOLS`, x first.
        categories: name -> role of its colour.
        nothing: what −1 stands for in the legend, left out where no map has it.
    """
    rows = list(dict.fromkeys(row for row, _ in maps))
    columns = list(dict.fromkeys(column for _, column in maps))
    height = 0.55 + len(rows) * 1.55
    grid: Any = {"sharex": True, "sharey": True}
    figure, axes = subplots(len(rows), len(columns), width=PAGE, height=height, **grid)
    colours = [_WHITE, *(COLOURS[role] for role in categories.values())]
    for (row, column), values in maps.items():
        panel = axes[rows.index(row), columns.index(column)]
        _draw(panel, np.asarray(values), np.asarray(x), np.asarray(y), colours)
        if row == rows[0]:
            panel.set_title(column)
        if column == columns[0]:
            panel.set_ylabel(f"{row}\n{SYMBOLS[names[1]]}")
        if row == rows[-1]:
            panel.set_xlabel(SYMBOLS[names[0]])
    label_panels(axes)
    absent = any((np.asarray(values) < 0).any() for values in maps.values())
    _legend(figure, ([nothing] if absent else []) + list(categories), colours[0 if absent else 1 :])
    return figure


def _draw(panel: Axes, values: Any, x: Any, y: Any, colours: Sequence[Any]) -> None:
    panel.pcolormesh(
        x,
        y,
        values,
        cmap=ListedColormap(colours),
        vmin=-1.5,
        vmax=len(colours) - 1.5,
        shading="nearest",
        rasterized=True,
    )


def _legend(figure: Figure, names: Sequence[str], colours: Sequence[Any]) -> None:
    patches = [
        Patch(facecolor=colour, edgecolor="black", label=name)
        for name, colour in zip(names, colours, strict=True)
    ]
    figure.legend(handles=patches, loc="outside lower center", ncols=len(patches))
