"""The paper's empirical claims: methods beside the baseline, mixed images, selected pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dctheory._table import Table
from dctheory.plot.style import (
    COLOURS,
    COLUMN,
    LINES,
    MARKERS,
    PAGE,
    SYMBOLS,
    label_panels,
    legend_below,
    styled,
    subplots,
)

Row = Mapping[str, Any]
_PAPER: dict[str, Any] = {"color": COLOURS["printed"], "linestyle": LINES["printed"], "marker": "x"}


@styled()
def differences(tables: Mapping[str, Table]) -> Figure:
    """Accuracy of each method less the baseline's, with 95 % intervals; a panel for each table.

    Args:
        tables: title to table "accuracy" of ``digits`` or a ``cifar-…`` experiment. A table with a
            column "published, %" shows the paper's difference too.
    """
    count = len(tables)
    rows_of = {title: _methods(table) for title, table in tables.items()}
    height = 0.95 + 0.2 * max(len(rows) for rows in rows_of.values())
    width = COLUMN if count == 1 else PAGE
    figure, axes = subplots(1, count, width=width, height=height)
    for panel, (title, rows) in zip(axes[0], rows_of.items(), strict=True):
        _forest(panel, rows, _baseline(tables[title]))
        panel.set_title(title)
    if count > 1:
        label_panels(axes)
    return figure


def _methods(table: Table) -> list[Row]:
    first = _name_column(table)
    rows = [row for row in table.rows if row["difference"] is not None]
    return [row for row in rows if not str(row[first]).startswith("mixed-")]


def _name_column(table: Table) -> str:
    return "method" if "method" in table.columns else "arm"


def _baseline(table: Table) -> float | None:
    return next(row.get("published, %") for row in table.rows if row["difference"] is None)


def _forest(panel: Axes, rows: Sequence[Row], published_baseline: float | None) -> None:
    """A line for each method, the first on top."""
    panel.axvline(0, color=COLOURS["reference"], linestyle=LINES["reference"], linewidth=1.0)
    names = []
    for place, row in enumerate(rows):
        name = str(row.get("method", row.get("arm")))
        names.append(name)
        role = name.removesuffix("-all")
        colour = COLOURS.get(role, COLOURS["reference"])
        face = "white" if name.endswith("-all") else colour
        low, high = row.get("difference from"), row.get("difference to")
        if low is not None and high is not None:
            panel.plot([low, high], [place, place], color=colour, linewidth=1.4)
        style: dict[str, Any] = {
            "marker": MARKERS.get(role, "P"),
            "color": colour,
            "markerfacecolor": face,
        }
        panel.plot([row["difference"]], [place], linestyle="none", markersize=4.5, **style)
        published = row.get("published, %")
        if published is not None and published_baseline is not None:
            panel.plot([published - published_baseline], [place], linestyle="none", **_MARK)
    panel.set_yticks(range(len(names)), names)
    panel.set_ylim(len(names) - 0.5, -0.5)
    panel.set_xlabel("points above the baseline")


_MARK: dict[str, Any] = {
    "marker": "x",
    "color": COLOURS["printed"],
    "markersize": 5,
    "markeredgewidth": 1.3,
}


@styled()
def table_10(tables: Mapping[str, Table]) -> Figure:
    """Accuracy, similarities and eigenvalue as the share ω of mixed images grows.

    Args:
        tables: title of a data set to table "table-10" of ``digits`` or ``cifar-mixed``; the
            paper's columns ("…, published") are drawn once. Columns "… from" and "… to", where
            they are, are the ends of intervals.
    """
    figure, axes = subplots(2, 3, width=PAGE, height=4.1)
    quantities = {
        "accuracy": "accuracy, %",
        "α": rf"{SYMBOLS['alpha']}, %",
        "β": rf"{SYMBOLS['beta']}, %",
        "γ": rf"{SYMBOLS['gamma']}, %",
        "γ − β": rf"{SYMBOLS['gap']}, %",
        "λ": r"$\lambda$ relative to $\omega=0$",
    }
    markers = ("o", "s", "^", "D")
    colours = ("exact", "predicted", "measured", "removal")
    for panel, (name, label) in zip(axes.flat, quantities.items(), strict=True):
        for (title, table), marker, colour in zip(tables.items(), markers, colours, strict=False):
            at, values = _series(table, name)
            panel.plot(at, values, marker=marker, color=COLOURS[colour], label=title)
            _band(panel, table, name, COLOURS[colour])
        for table in tables.values():
            if f"{name}, published" in table.columns:
                at, values = _series(table, f"{name}, published", relative=name == "λ")
                panel.plot(at, values, label="paper, CIFAR-10", **_PAPER)
                break
        panel.set(xlabel=rf"{SYMBOLS['omega']}, %", ylabel=label)
    label_panels(axes)
    legend_below(figure, axes[0, 0], columns=4)
    return figure


def _series(
    table: Table, column: str, relative: bool | None = None
) -> tuple[list[float], list[float]]:
    """ω and the column's values, relative to the first where the scale says nothing."""
    rows = [row for row in table.rows if row[column] is not None]
    values = np.array([row[column] for row in rows], float)
    if relative if relative is not None else column == "λ":
        values = values / values[0]
    return [row["ω, %"] for row in rows], values.tolist()


def _band(panel: Axes, table: Table, name: str, colour: str) -> None:
    """The intervals of a quantity, where the table has them."""
    if f"{name} from" not in table.columns:
        return
    scale = table.rows[0][name] if name == "λ" else 1.0
    low, high = ([row[f"{name} {end}"] / scale for row in table.rows] for end in ("from", "to"))
    at = [row["ω, %"] for row in table.rows]
    panel.fill_between(at, low, high, color=colour, alpha=0.15, linewidth=0)


@styled()
def selection(training: Table) -> Figure:
    """Share of cross-class pairs among those that Eq. 12 selects, as training goes on.

    Args:
        training: table "training" of ``selection-quality``; its baseline is drawn.
    """
    rows = [row for row in training.rows if row["method"] == "baseline"]
    omegas = sorted({row["ω, %"] for row in rows})
    figure, axes = subplots(1, len(omegas), width=PAGE, height=2.8, sharey=True)
    for panel, omega in zip(axes[0], omegas, strict=True):
        _shares(panel, [row for row in rows if row["ω, %"] == omega])
        panel.set_title(rf"{SYMBOLS['omega']} = {omega:g} %")
        panel.set_xlabel("step")
    axes[0, 0].set_ylabel("cross-class pairs, %")
    label_panels(axes)
    legend_below(figure, axes[0, 0], columns=4)
    return figure


@styled()
def watched_selection(table: Table) -> Figure:
    """The same of a ``cifar-selection``: a line for each method.

    Args:
        table: table "selection".
    """
    figure, axes = subplots(width=COLUMN)
    panel = axes[0, 0]
    for method in dict.fromkeys(row["method"] for row in table.rows):
        rows = [row for row in table.rows if row["method"] == method]
        steps = sorted({row["step"] for row in rows})
        means = [100 * np.mean([r["selected"] for r in rows if r["step"] == s]) for s in steps]
        style: dict[str, Any] = {
            "color": COLOURS[method],
            "linestyle": LINES[method],
            "marker": MARKERS[method],
        }
        panel.plot(steps, means, label=method, **style)
    _chance(panel, 100 * float(np.mean([row["all"] for row in table.rows])))
    panel.set(xlabel="step", ylabel="cross-class pairs, %")
    panel.legend()
    return figure


def _shares(panel: Axes, rows: Sequence[Row]) -> None:
    styles = ("removal", "margin", "temperature", "combined")
    for high, role in zip(sorted({row["posHigh"] for row in rows}), styles, strict=False):
        chosen = sorted((r for r in rows if r["posHigh"] == high), key=lambda r: r["step"])
        at = [row["step"] for row in chosen]
        colour = COLOURS[role]
        panel.plot(
            at,
            [row["share"] for row in chosen],
            color=colour,
            linestyle=LINES[role],
            label=f"posHigh = {high:g}",
        )
        if all(row["from"] is not None for row in chosen):
            low, high = ([row[end] for row in chosen] for end in ("from", "to"))
            panel.fill_between(at, low, high, color=colour, alpha=0.15, linewidth=0)
        # What no encoder could exceed.
        panel.plot([at[-1]], [chosen[-1]["best"]], marker="_", color=colour, markersize=9)
    _chance(panel, rows[0]["chance"])


def _chance(panel: Axes, share: float) -> None:
    panel.axhline(share, color=COLOURS["reference"], linestyle=LINES["reference"], linewidth=1.0)
    panel.annotate(
        "chance",
        (1, share),
        xycoords=("axes fraction", "data"),
        xytext=(0, 2),
        textcoords="offset points",
        ha="right",
        va="bottom",
        color=COLOURS["reference"],
    )
