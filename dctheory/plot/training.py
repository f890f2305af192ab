"""Training beside theory: figures of published experiments, from the tables of their results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
# Arms of the experiments -> their role in the style.
ROLES = {
    "without difficult": "without",
    "with difficult": "with",
    "removal": "removal",
    "margin": "margin",
    "temperature": "temperature",
    "combined": "combined",
    "baseline": "baseline",
}
_DOTS: dict[str, Any] = {"linestyle": "none", "markersize": 4}
_REFERENCE: dict[str, Any] = {
    "color": COLOURS["reference"],
    "linestyle": LINES["reference"],
    "linewidth": 1.0,
}


# --- Solutions of the spectral loss


@styled()
def recovery(spectral: Table, margins: Table, temperatures: Table) -> Figure:
    """What training ends at, beside what the theory says it ends at, in four panels.

    Args:
        spectral: table "recovery" of ``spectral-recovery``.
        margins: table "margins" of ``margin-recovers-clean``.
        temperatures: table "temperatures" of ``temperature-weighted``.
    """
    figure, axes = subplots(2, 2, width=PAGE, height=4.9)
    _excess(axes[0, 0], [*spectral.rows, *margins.rows, *temperatures.rows])
    _eigenvalues(axes[0, 1], spectral)
    _distances(axes[1, 0], margins)
    _candidates(axes[1, 1], temperatures)
    label_panels(axes)
    return figure


def _excess(panel: Axes, rows: Sequence[Row]) -> None:
    """Trained loss less the predicted minimum, beside what gradient noise leaves."""
    for pairing in dict.fromkeys(row["pairing"] for row in rows):
        chosen = [row for row in rows if row["pairing"] == pairing]
        panel.plot(
            [row["by noise"] for row in chosen],
            [row["excess"] for row in chosen],
            marker=MARKERS[pairing],
            color=COLOURS[pairing],
            label=pairing,
            **_DOTS,
        )
    values = [row[key] for row in rows for key in ("by noise", "excess")]
    ends = [0.8 * min(values), 1.25 * max(values)]
    panel.plot(ends, ends, **_REFERENCE)
    panel.set(xscale="log", yscale="log", xlim=ends, ylim=ends)
    panel.set(xlabel="excess that gradient noise predicts", ylabel="loss less predicted minimum")
    panel.set_title("The minimum is reached")
    panel.legend(title="pairing", loc="upper left")


def _eigenvalues(panel: Axes, table: Table) -> None:
    """λ_{k+1} of the graph, as trained losses say it, and Theorem 3.4's value, over k."""
    for pairing in dict.fromkeys(row["pairing"] for row in table.rows):
        rows = sorted((row for row in table.rows if row["pairing"] == pairing), key=by("k"))
        ranks = [row["k"] for row in rows]
        line: dict[str, Any] = {"color": COLOURS[pairing], "linestyle": LINES[pairing]}
        panel.plot(ranks, [row["λ_(k+1)"] for row in rows], label=pairing, **line)
        # The minimum at k is −λ_1² − … − λ_k².
        falls = -np.diff([row["loss"] for row in rows])
        trained = np.sqrt(np.where(np.diff(ranks) == 1, np.maximum(falls, 0), np.nan))
        panel.plot(ranks[:-1], trained, marker=MARKERS[pairing], color=COLOURS[pairing], **_DOTS)
    printed = table.rows[0]["printed λ"]
    panel.axhline(printed, **_REFERENCE)
    _note(panel, "Theorem 3.4", 0.36, printed, ha="left", va="top", shift=(0, -2))
    panel.set_xticks(sorted({row["k"] for row in table.rows}))
    panel.set_ylim(bottom=0)
    panel.set(xlabel=SYMBOLS["k"], ylabel=SYMBOLS["lambda"])
    panel.set_title("Lines: exact; marks: from trained losses")
    panel.legend()


def _distances(panel: Axes, table: Table) -> None:
    """How far the trained solution is from the clean graph's, with both margins."""
    names = {"margin × W": "times W", "margin for raw weights": "as printed"}
    rows = [row for row in table.rows if row["from clean"] is not None]
    pairings = list(dict.fromkeys(row["pairing"] for row in rows))
    for place, (name, label) in enumerate(names.items()):
        chosen = [row for row in rows if row["margin"] == name]
        at = np.arange(len(pairings)) + 0.36 * (place - 0.5)
        heights = [row["from clean"] for row in chosen]
        hatch = "////" if place else None
        face = "white" if place else COLOURS["predicted"]
        panel.bar(
            at, heights, 0.34, color=face, edgecolor=COLOURS["predicted"], hatch=hatch, label=label
        )
        predicted = [row["from clean, predicted"] for row in chosen]
        marks: dict[str, Any] = {"label": "predicted"} if place else {}
        panel.plot(at, predicted, color="black", marker="_", ms=9, linestyle="none", **marks)
    panel.set_xticks(range(len(pairings)), pairings)
    panel.set(xlabel="pairing", ylabel="distance from the clean solution")
    panel.set_title(r"Theorem 4.3's margin, $k=3$")
    panel.legend(loc="upper left")


def _candidates(panel: Axes, table: Table) -> None:
    """Distances of the trained solution to the two candidates of Theorem 4.5."""
    labels = [f"{row['pairing']}\n$k={row['k']}$" for row in table.rows]
    at = np.arange(len(labels))
    kinds = {
        "to weighted minimiser": ("weighted minimiser", "exact", "o"),
        "to eigen-factor": ("eigenvectors, as printed", "printed", "s"),
    }
    for column, (label, role, marker) in kinds.items():
        heights = [row[column] for row in table.rows]
        panel.plot(at, heights, marker=marker, color=COLOURS[role], label=label, **_DOTS)
    panel.set_xticks(at, labels, fontsize=6)
    panel.set(yscale="log", ylabel="distance of the trained solution")
    panel.set_title("Theorem 4.4's loss: two candidates")
    panel.legend(loc="upper right")
    panel.set_ylim(top=8)


# --- Errors of arms


@styled()
def dial(errors: Table, noise: Table) -> Figure:
    """Errors and bounds as the difference γ − β grows, and under noise.

    Args:
        errors, noise: tables of ``difficulty-dial``.
    """
    figure, axes = subplots(1, 3, width=PAGE, height=2.9)
    rows = [row for row in errors.rows if row["loss"] == "spectral"]
    # The k and n_d that most points have.
    kinds = [(row["k"], row["n_d"]) for row in rows if row["arm"] == "with difficult"]
    k, difficult = max(dict.fromkeys(kinds), key=kinds.count)
    chosen = [row for row in rows if (row["k"], row["n_d"]) == (k, difficult)]
    _curves(axes[0, 0], chosen, "γ − β", "easy")
    trained = sorted((row for row in chosen if row["arm"] == "with difficult"), key=by("γ − β"))
    at, heights = zip(*((row["γ − β"], row["difficult"]) for row in trained), strict=True)
    axes[0, 0].plot(at, heights, color=COLOURS["with"], linewidth=0.8, linestyle=":")
    axes[0, 0].text(
        0.05,
        0.9,
        "dotted: with difficult,\non the difficult points",
        va="top",
        transform=axes[0, 0].transAxes,
    )
    axes[0, 0].set(xlabel=SYMBOLS["gap"], ylabel="error on the easy points")
    axes[0, 0].set_title(f"Sphere, $k={k}$, $n_d={difficult}$")
    _curves(axes[0, 1], chosen, "γ − β", "model bound")
    axes[0, 1].axhline(1, **_REFERENCE)
    axes[0, 1].set(xlabel=SYMBOLS["gap"], ylabel="bound on the error")
    axes[0, 1].set_ylim(bottom=0)
    axes[0, 1].set_title("Its bounds (1: says nothing)")
    levels = [row for row in noise.rows if row["m"] == max(r["m"] for r in noise.rows)]
    _curves(axes[0, 2], levels, "ε", "error", ends=("95 % from", "to"))
    axes[0, 2].set(xlabel=SYMBOLS["epsilon"], ylabel="error")
    axes[0, 2].set_title("Graph with noise")
    for panel in axes[0, [0, 2]]:
        panel.set_ylim(bottom=0)
    label_panels(axes)
    legend_below(figure, axes[0, 0], columns=6)
    return figure


def _curves(
    panel: Axes, rows: Sequence[Row], x: str, y: str, ends: tuple[str, str] | None = None
) -> None:
    """A line for each arm."""
    for arm in dict.fromkeys(row["arm"] for row in rows):
        role = ROLES.get(arm)
        chosen = sorted((r for r in rows if r["arm"] == arm and r[y] is not None), key=by(x))
        if role is None or not chosen:
            continue
        at, heights = [r[x] for r in chosen], [r[y] for r in chosen]
        style: dict[str, Any] = {
            "color": COLOURS[role],
            "linestyle": LINES[role],
            "marker": MARKERS[role],
        }
        panel.plot(at, heights, label=arm, **style)
        if ends is not None and all(r[ends[0]] is not None for r in chosen):
            low, high = ([r[end] for r in chosen] for end in ends)
            panel.fill_between(at, low, high, color=COLOURS[role], alpha=0.15, linewidth=0)


@styled()
def transfer(errors: Table) -> Figure:
    """Errors of each arm under the spectral loss and under InfoNCE.

    Args:
        errors: table "errors" of ``infonce-transfer``.
    """
    points = list(dict.fromkeys((row["k"], row["γ − β"], row["n_d"]) for row in errors.rows))
    figure, axes = subplots(1, len(points), width=COLUMN if len(points) == 1 else PAGE, height=2.7)
    for panel, (k, gap, difficult) in zip(axes[0], points, strict=True):
        rows = [r for r in errors.rows if (r["k"], r["γ − β"], r["n_d"]) == (k, gap, difficult)]
        arms = list(dict.fromkeys(row["arm"] for row in rows))
        losses = {"spectral": ("exact", "o"), "infonce": ("printed", "s")}
        for place, (loss, (role, marker)) in enumerate(losses.items()):
            chosen = {row["arm"]: row for row in rows if row["loss"] == loss}
            at = np.arange(len(arms)) + 0.28 * (place - 0.5)
            label = "InfoNCE" if loss == "infonce" else "spectral loss"
            found = [(chosen[arm]["error"], *_ends(chosen[arm], "95 % from", "to")) for arm in arms]
            _intervals(panel, at, found, COLOURS[role], marker, label)
        panel.set_yticks(range(len(arms)), arms)
        panel.invert_yaxis()
        panel.set_xlim(left=0)
        panel.set(xlabel="error of the linear probe")
        panel.set_title(rf"$k={k}$, $\gamma-\beta={gap:.3f}$, $n_d={difficult}$")
    legend_below(figure, axes[0, 0], columns=2)
    return figure


@styled()
def batch_size(errors: Table, selection: Table) -> Figure:
    """Errors over the batch that is trained with, and what batches select.

    Args:
        errors, selection: tables of ``batch-size``.
    """
    figure, axes = subplots(1, 3, width=PAGE, height=2.8)
    axes[0, 1].sharey(axes[0, 0])
    titles = {"spectral": "Spectral loss", "infonce": "InfoNCE"}
    for panel, (loss, title) in zip(axes[0], titles.items(), strict=False):
        rows = [row for row in errors.rows if row["loss"] == loss]
        _curves(panel, rows, "batch", "error", ends=("95 % from", "to"))
        panel.set(xlabel="batch", ylabel="error of the linear probe")
        panel.set_title(title)
        panel.set_ylim(bottom=0)
        _batches(panel, rows, "batch")
    panel = axes[0, 2]
    rows = [row for row in selection.rows if row["arm"] == "with difficult"]
    chosen = {
        size: [r for r in rows if r["selected from"] == size and r["loss"] == "spectral"]
        for size in sorted({r["selected from"] for r in rows if _is_number(r["selected from"])})
    }
    for column, role, label in (
        ("perfect ranking", "reference", "perfect ranking"),
        ("cross-class", "measured", "selected by Eq. 12"),
    ):
        heights = [100 * float(np.mean([r[column] for r in found])) for found in chosen.values()]
        panel.plot(list(chosen), heights, color=COLOURS[role], marker="o", label=label)
    for row in selection.rows:
        if row["arm"] == "a random choice":
            panel.axhline(100 * row["cross-class"], **_REFERENCE)
            _note(
                panel, "chance", 0.99, 100 * row["cross-class"], ha="right", va="top", shift=(0, -2)
            )
    panel.set(xlabel="batch selected from", ylabel="cross-class pairs, %")
    panel.set_title("What is selected")
    _batches(panel, [{"batch": size} for size in chosen], "batch")
    panel.legend()
    label_panels(axes)
    legend_below(figure, axes[0, 0], columns=3)
    return figure


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _batches(panel: Axes, rows: Sequence[Row], column: str) -> None:
    sizes = sorted({row[column] for row in rows})
    panel.set_xscale("log", base=2)
    panel.set_xticks(sizes, [f"{size:g}" for size in sizes])
    panel.minorticks_off()


# --- Small helpers that the panels share


def by(column: str) -> Any:
    """The key that sorts rows by a column."""
    return lambda row: row[column]


def _note(
    panel: Axes, text: str, x: float, y: float, *, ha: str, va: str, shift: tuple[float, float]
) -> None:
    """A word on a horizontal line, x as a share of the width."""
    panel.annotate(
        text,
        (x, y),
        xycoords=("axes fraction", "data"),
        xytext=shift,
        textcoords="offset points",
        ha=ha,
        va=va,
        color=COLOURS["reference"],
    )


def _ends(row: Row, low: str, high: str) -> tuple[float | None, float | None]:
    return row.get(low), row.get(high)


def _intervals(
    panel: Axes,
    at: Iterable[float],
    found: Sequence[tuple[float, float | None, float | None]],
    colour: str,
    marker: str,
    label: str,
) -> None:
    """Horizontal means with their intervals, where they have one."""
    means = np.array([mean for mean, _, _ in found], float)
    low, high = (np.array([row[i] for row in found], float) for i in (1, 2))
    spread = np.nan_to_num(np.stack([means - low, high - means]))
    style: dict[str, Any] = {"color": colour, "marker": marker, "linestyle": "none"}
    panel.errorbar(means, list(at), xerr=spread, label=label, elinewidth=1.0, **style)
