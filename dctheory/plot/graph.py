"""The similarity graph: its nodes and edges, and its matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import ArrayLike, NDArray

from dctheory.plot.style import COLOURS, PAGE, SYMBOLS, label_panels, styled, subplots

# Levels of similarity, in the order of the codes that the matrices hold.
LEVELS = ("self", "alpha", "gamma", "beta")
# Cells without hairlines between them.
_FILLED: Any = {"edgecolors": "face", "linewidth": 0.2}
# The radius of the circle on which the classes lie, and of that of a class.
_RADIUS, _CLASS_RADIUS = 1.0, 0.36


@styled()
def similarity_graphs(
    matrices: Mapping[str, ArrayLike], classes: ArrayLike, difficult: ArrayLike
) -> Figure:
    """The graph (above) and its matrix (below), a column for each reading.

    Args:
        matrices: pairing -> (N, N) integers, places in :data:`LEVELS`.
        classes: (N,) integers from 0.
        difficult: (N,) bool.
    """
    code, hard = np.asarray(classes), np.asarray(difficult)
    figure, axes = subplots(2, len(matrices), width=PAGE, height=4.8)
    for (pairing, given), (above, below) in zip(matrices.items(), axes.T, strict=True):
        levels = np.asarray(given)
        _draw_nodes(above, levels, code, hard)
        above.set_title(pairing)
        _draw_matrix(below, levels, code)
        below.set_title(f"$A$, {pairing}")
    label_panels(axes)
    names = ("similarity 1 (itself)", *(SYMBOLS[level] for level in LEVELS[1:]))
    handles: list[Artist] = list(axes[0, 0].get_legend_handles_labels()[0])
    handles += [
        Patch(facecolor=COLOURS[level], edgecolor="black", label=name)
        for level, name in zip(LEVELS, names, strict=True)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure


def _positions(code: NDArray[np.int64]) -> NDArray[np.float64]:
    """(N, 2): each class on a small circle of its own around the large one."""
    count = int(code.max()) + 1
    angle = np.pi / 2 - 2 * np.pi * code / count
    places = np.empty((len(code), 2))
    for each in range(count):
        members = np.flatnonzero(code == each)
        # The first members, which are the difficult ones, face the other classes.
        turn = (np.arange(len(members)) - 0.5) / len(members)
        own = angle[members] + np.pi + 2 * np.pi * turn
        centre = _RADIUS * np.array([np.cos(angle[members[0]]), np.sin(angle[members[0]])])
        places[members] = centre + _CLASS_RADIUS * np.stack([np.cos(own), np.sin(own)], axis=1)
    return places


def _draw_nodes(
    axes: Axes, levels: NDArray[np.int64], code: NDArray[np.int64], hard: NDArray[np.bool_]
) -> None:
    places = _positions(code)
    for level, width in (("beta", 0.3), ("alpha", 0.9), ("gamma", 1.1)):
        first, second = np.nonzero(np.triu(levels == LEVELS.index(level), 1))
        lines = np.stack([places[first], places[second]], axis=1)
        drawn = LineCollection(list(lines), colors=COLOURS[level], linewidths=width)
        axes.add_collection(drawn)
    for mask, marker, fill, name in (
        (~hard, "o", "white", "easy sample"),
        (hard, "s", "black", "difficult sample"),
    ):
        style: Any = {"markerfacecolor": fill, "markeredgecolor": "black", "markersize": 5.5}
        axes.plot(*places[mask].T, marker, **style, label=name)
    axes.set_aspect("equal")
    axes.axis("off")
    axes.margins(0.06)


def _draw_matrix(axes: Axes, levels: NDArray[np.int64], code: NDArray[np.int64]) -> None:
    colours = ListedColormap([COLOURS[level] for level in LEVELS])
    # Cells as paths: viewers blur a small picture that they enlarge.
    axes.pcolormesh(levels, cmap=colours, vmin=-0.5, vmax=len(LEVELS) - 0.5, **_FILLED)
    axes.set(aspect="equal", ylim=(len(code), 0))
    borders = np.flatnonzero(np.diff(code)) + 1
    for border in borders.tolist():
        axes.axhline(border, color="white", linewidth=1.2)
        axes.axvline(border, color="white", linewidth=1.2)
    middles = [float(np.mean(np.flatnonzero(code == each))) + 0.5 for each in np.unique(code)]
    names: Sequence[str] = [f"class {each + 1}" for each in range(len(middles))]
    axes.set_xticks(middles, names)
    axes.set_yticks(middles, names, rotation=90, va="center")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
