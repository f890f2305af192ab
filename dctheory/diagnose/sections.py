"""What a report says, part by part: sentences, tables and pictures, however they are rendered."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from dctheory._table import Table, format_cell
from dctheory.diagnose._content import Picture, Section
from dctheory.diagnose._numbers import alpha_of, reading_of
from dctheory.diagnose._parts import CLUSTERS
from dctheory.diagnose._theory_section import theory_section
from dctheory.graph.similarity_estimate import AS_GIVEN

if TYPE_CHECKING:
    from dctheory.diagnose.diagnosis import Diagnosis

# Bins of the histogram as it is drawn, points of the curve of scores.
_BARS, _POINTS = 120, 400
# Difficult samples and pairs in tables, and pairs as images.
_SHOWN_ROWS, _SHOWN_PAIRS = 8, 16


def lead(diagnosis: Diagnosis) -> list[str]:
    """What was diagnosed, and what the rest is to be read with."""
    d = diagnosis
    what = f"{d.n_samples_:,} embeddings of {d.n_features_in_:,} features"
    found = []
    if d.estimate_ is not None:
        source = "classes" if d.labels_are_ != CLUSTERS else "clusters in place of classes"
        hard = int(sum(d.estimate_.difficult_sizes))
        what += (
            f", {len(d.estimate_.classes)} {source}, {hard:,} difficult samples "
            f"({d.estimate_.difficult_rule})"
        )
    found.append(f"{what}.")
    if d.estimate_ is not None:
        found.append(_headline(d))
    if d.labels_are_ == CLUSTERS:
        found.append(_WITHOUT_LABELS)
    if d.n_rows_ < d.n_samples_:
        found.append(
            f"{_over_all(d)} over all samples; the rest is of a uniform sample of {d.n_rows_:,}, "
            "and so is the width of intervals."
        )
    return found


def _over_all(d: Diagnosis) -> str:
    """What partial fits have summed: difficult samples and clusters are found in the sample."""
    if d.labels_are_ == CLUSTERS:
        return "The mean cosine of all pairs is"
    whole = d.estimate_.num_samples == d.n_samples_
    return "Means are" if whole else "α and the means of same-class and cross-class pairs are"


def _headline(d: Diagnosis) -> str:
    """α, β and γ in one line."""
    numbers = {"α": alpha_of(d), **dict(zip("βγ", reading_of(d, "both").values(), strict=True))}
    found = []
    for symbol, number in numbers.items():
        text = f"{symbol} = {format_cell(number['estimate'])}"
        if number["low"] is not None:
            text += f" ({format_cell(number['low'])} to {format_cell(number['high'])})"
        found.append(text)
    group = "cluster" if d.labels_are_ == CLUSTERS else "class"
    brackets = "" if d.intervals_ is None else f", with {100 * d.level:g} % intervals"
    return (
        f"{', '.join(found)}: mean cosines{brackets}. α is of two samples of one {group}, γ of two "
        f"difficult samples of different ones, β of any other two of different ones."
    )


_WITHOUT_LABELS = (
    "No labels were given, so α, β and γ are those of clusters. What cannot be known without "
    "labels: whether the clusters are the classes that you care for, whether two samples of "
    "different clusters are of different classes, and the error that a classifier makes. Clusters "
    "are made to be tight and far apart, which makes α too high and β too low; clusters that hold "
    'several classes make α too low. Below, "class" means cluster.'
)
_CHOSEN = (
    "The difficult samples were chosen from these embeddings, near the borders, where samples are "
    "more similar across them: γ − β above 0, with an interval without 0, can follow from the "
    "choice alone, also where no kind of sample is apart. Only difficult samples known from "
    "elsewhere test that."
)


def sections(diagnosis: Diagnosis) -> list[Section]:
    """All parts, in the order of a reader's questions."""
    found = []
    for name, (title, make) in _SECTIONS.items():
        if getattr(diagnosis, f"{name}_") is not None:
            found.append(make(name, title, diagnosis))
        elif not (name == "classes" and diagnosis.labels_are_ != CLUSTERS):
            found.append(Section(name, title, missing=diagnosis.missing_[name]))
    return found


# --- One function for each


def _advice(name: str, title: str, d: Diagnosis) -> Section:
    sentences = []
    for place, each in enumerate(d.advice_, 1):
        sure = "" if each.certainty == "none" else f" (certainty: {each.certainty})"
        sentences.append(f"{place}. {each.action.capitalize()}{sure}. {each.text}")
        on = f"On: {each.pairs}. " if each.pairs else ""
        sentences.append(f"{on}Ground: {each.ground.rstrip('.')}.")
    return Section(name, title, tuple(sentences))


def _estimate(name: str, title: str, d: Diagnosis) -> Section:
    estimate = d.estimate_
    failed = [each for reading in estimate.readings for each in estimate.violations(reading)]
    sentences = [f"The model's order is broken: {each}." for each in failed]
    if not failed:
        sentences.append("The order of the model, 0 ≤ β ≤ γ ≤ α, holds for every reading.")
    if estimate.difficult_rule != AS_GIVEN:
        sentences.append(_CHOSEN)
    pictures = []
    if d.intervals_ is None:
        sentences.append(f"No intervals: {d.missing_['intervals']}.")
    else:
        pictures.append(_interval_picture(d))
    pictures.append(
        Picture(
            f"Matrix of the mean cosine similarities of {len(estimate.classes)} classes.",
            "Mean cosine similarity of each pair of classes; same-class pairs on the diagonal.",
            lambda: _plot().class_table(estimate.class_table, [str(c) for c in estimate.classes]),
        )
    )
    table = estimate.table()
    notes = ("number: of ordered pairs, each two samples twice", *table.notes)
    table = Table(table.columns, table.rows, table.title, notes, table.digits)
    tables = (table,) if d.intervals_ is None else (d.intervals_.table(), table)
    return Section(name, title, tuple(sentences), tables[:1], tables[1:], tuple(pictures))


def _interval_picture(d: Diagnosis) -> Picture:
    rows = [("α", "", *_ends(d.intervals_.alpha))]
    for reading, each in d.intervals_.readings.items():
        rows += [("β", reading, *_ends(each.beta)), ("γ", reading, *_ends(each.gamma))]
    listed = "; ".join(f"{s} {r} {e:.3g}".replace("  ", " ") for s, r, e, *_ in rows)
    return Picture(
        f"Estimates with their intervals: {listed}.",
        f"Mean similarities with {100 * d.intervals_.level:g} % intervals.",
        lambda: _plot().similarity_intervals(rows),
    )


def _ends(interval: Any) -> tuple[float, float, float]:
    return interval.estimate, interval.low, interval.high


def _distribution(name: str, title: str, d: Diagnosis) -> Section:
    distribution = d.distribution_
    levels = {}
    if d.estimate_ is not None:
        levels = {"α": d.alpha_, "β": d.beta_, "γ": d.gamma_}
        levels = {symbol: value for symbol, value in levels.items() if np.isfinite(value)}
    picture = Picture(
        "Densities of the cosine similarity by kind of pair: "
        + "; ".join(f"{kind}, mean {distribution.mean(kind):.3g}" for kind in distribution.kinds)
        + ".",
        f"The similarities of {distribution.source}.",
        lambda: _plot().similarity_histogram(*_bars(distribution), levels),
    )
    return Section(
        name,
        title,
        tables=(distribution.table(),),
        details=(distribution.quantile_table(),),
        pictures=(picture,),
    )


def _bars(distribution: Any) -> tuple[Any, dict[str, Any]]:
    """The histogram over the similarities that occur, with fewer bins."""
    used = np.flatnonzero(distribution.counts["all"])
    first, last = int(used[0]), int(used[-1]) + 1
    size = -(-(last - first) // _BARS)
    starts = np.arange(first, last, size)
    edges = distribution.edges[np.append(starts, min(starts[-1] + size, len(distribution.centres)))]
    densities = {}
    for kind in distribution.kinds:
        counts = np.add.reduceat(distribution.counts[kind][: starts[-1] + size], starts)
        densities[kind] = counts / (max(1, counts.sum()) * np.diff(edges))
    return edges, densities


def _levels(name: str, title: str, d: Diagnosis) -> Section:
    return Section(name, title, (d.levels_.sentence,), details=(d.levels_.table(),))


def _errors(name: str, title: str, d: Diagnosis) -> Section:
    theory = d.theory_
    exact = None
    if theory is not None and theory.levels is not None:
        exact = float(theory.levels.bound)
    return Section(name, title, (d.errors_.beside(exact),), (d.errors_.table(),))


def _difficulty(name: str, title: str, d: Diagnosis) -> Section:
    difficulty, count = d.difficulty_, d.n_samples_
    places = np.unique(np.linspace(0, count - 1, min(count, _POINTS)).astype(int))
    measure = "score" if difficulty.gap is None else "top-2 gap"
    values = (difficulty.score if difficulty.gap is None else difficulty.gap)[difficulty.ranking]
    suggested = len(difficulty.suggested)
    summary = f"{suggested:,} of {count:,} samples are suggested to be tried without."
    pictures = [
        Picture(
            f"The {measure} of the samples, the most difficult first: from {values[0]:.3g} to "
            f"{values[-1]:.3g}.",
            f"The {measure}, the most difficult samples first. {summary}",
            lambda: _plot().difficulty_curve(
                (places + 1) / count, values[places], suggested / count, measure
            ),
        )
    ]
    if d._images is not None and difficulty.pairs:
        pictures.append(_pair_picture(d))
    sentences = (*difficulty.sentences(), summary)
    tables = (_without_notes(difficulty.table(_SHOWN_ROWS)), _pairs(difficulty))
    return Section(name, title, sentences, tables, (), tuple(pictures))


def _pairs(difficulty: Any) -> Table:
    columns, rows = ("sample", "and", "cosine"), difficulty.pairs[:_SHOWN_ROWS]
    return Table(columns, rows, "Most difficult pairs")


def _pair_picture(d: Diagnosis) -> Picture:
    from dctheory.diagnose.thumbnails import contact_sheet

    pairs = d.difficulty_.pairs[:_SHOWN_PAIRS]
    listed = "; ".join(f"{each.first} and {each.second}: {each.cosine:.2f}" for each in pairs)
    return Picture(
        f"The {len(pairs)} most difficult pairs of images, side by side.",
        f"The most difficult pairs, row by row: {listed}.",
        lambda: contact_sheet(d._images, pairs),
    )


def _classes(name: str, title: str, d: Diagnosis) -> Section:
    count = d.classes_
    sentences = [count.note]
    if d.clusters_ is not None:
        sentences.append(d.clusters_.note)
    picture = Picture(
        f"Leading eigenvalues of the covariance, with a gap read as {count.count} classes.",
        f"Eigenvalues of the covariance of unit rows; {count.count} classes are read off them.",
        lambda: _plot().class_spectrum(count.eigenvalues, count.count),
    )
    table = _without_notes(count.table())
    return Section(name, title, tuple(sentences), (table,), (), (picture,))


def _gaussian(name: str, title: str, d: Diagnosis) -> Section:
    gaussian = d.gaussian_
    return Section(name, title, gaussian.sentences(), details=(_without_notes(gaussian.table()),))


def _alignment(name: str, title: str, d: Diagnosis) -> Section:
    alignment = d.alignment_
    return Section(name, title, alignment.sentences(), details=(_without_notes(alignment.table()),))


_SECTIONS: dict[str, tuple[str, Callable[[str, str, Any], Section]]] = {
    "advice": ("What to do", _advice),
    "estimate": ("Similarities α, β and γ", _estimate),
    "classes": ("How many classes?", _classes),
    "distribution": ("All pairs", _distribution),
    "levels": ("Do three levels fit?", _levels),
    "theory": ("What the theory says", theory_section),
    "errors": ("Measured errors", _errors),
    "difficulty": ("Difficult samples", _difficulty),
    "gaussian": ("Are the embeddings Gaussian?", _gaussian),
    "alignment": ("Alignment and its ceiling", _alignment),
}


def _without_notes(table: Table) -> Table:
    return Table(table.columns, table.rows, table.title, digits=table.digits)


def _plot() -> Any:
    from dctheory.plot import diagnosis

    return diagnosis
