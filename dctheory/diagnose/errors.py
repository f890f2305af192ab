"""The actual errors of a linear probe and of nearest neighbours, beside the predicted bound."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dctheory._table import Table, plain
from dctheory._validation import check_integer, check_real
from dctheory.graph._sample_checks import check_difficult, check_labels
from dctheory.graph._unit_rows import UnitRows

Array = NDArray[Any]
Indices = NDArray[np.int64]

FOLDS = 5
PROBE, NEIGHBOURS = CLASSIFIERS = ("linear probe", "nearest neighbours")
ALL, EASY, DIFFICULT = "all", "easy", "difficult"

_BY_CHOICE = (
    "where difficult samples were chosen by a classifier's confusion, errors are among them by "
    "that choice"
)

# Steps of L-BFGS, and ridge, of the probe (see dctheory.train.probe).
_STEPS, _RIDGE = 100, 1e-4
# Multiply-additions that the probes may take: some seconds on two cores.
_WORK = 1e12


@dataclass(frozen=True)
class ErrorRate:
    """Held-out errors of one classifier on one group of samples.

    Attributes:
        classifier: "linear probe" or "nearest neighbours".
        samples: "all", "easy" or "difficult".
        errors, count: samples predicted wrongly, and all that were predicted.
        low, high: 95 % interval of the rate (Wilson 1927), samples taken as independent.
    """

    classifier: str
    samples: str
    errors: int
    count: int
    low: float
    high: float

    @property
    def rate(self) -> float:
        """Share of errors."""
        return self.errors / self.count

    def to_dict(self) -> dict[str, Any]:
        """By name, as strict JSON can hold them."""
        names = ("classifier", "samples", "rate", "low", "high", "errors", "count")
        return {name: plain(getattr(self, name)) for name in names}


@dataclass(frozen=True)
class MeasuredErrors:
    """Held-out errors of both classifiers.

    Attributes:
        rates: one for each classifier and group of samples that there is.
        sampled, num_samples: samples used, and N.
        method: how they were found, in words.
    """

    rates: tuple[ErrorRate, ...]
    sampled: int
    num_samples: int
    method: str

    def rate(self, classifier: str = PROBE, samples: str = ALL) -> ErrorRate:
        """One of ``rates``; KeyError with the names that there are."""
        for each in self.rates:
            if (each.classifier, each.samples) == (classifier, samples):
                return each
        known = [(each.classifier, each.samples) for each in self.rates]
        raise KeyError(f"no error of {classifier!r} on {samples!r} samples; there are {known}")

    def beside(self, bound: float | None) -> str:
        """The linear probe's error on all samples beside a bound of it, as a sentence."""
        found = self.rate()
        text = f"linear probe: {found.rate:.2%} errors ({found.low:.2%} to {found.high:.2%})"
        if bound is None or math.isnan(bound):
            return f"{text}; there is no bound to compare it with"
        if bound >= 1:
            return f"{text}; the bound, {bound:.3g}, is vacuous and says nothing about it"
        if found.low > bound:
            return (
                f"{text}, above the bound {bound:.3g}: the graph of mean similarities does not "
                "describe these features"
            )
        times = f", {bound / found.rate:.3g} times that" if found.errors else ""
        return f"{text}; the bound is {bound:.3g}{times}"

    def table(self) -> Table:
        """One row for each rate."""
        columns = ("classifier", "samples", "error", "95 % from", "to", "errors", "of")
        rows = [
            (each.classifier, each.samples, each.rate, each.low, each.high, each.errors, each.count)
            for each in self.rates
        ]
        notes = [self.method]
        if any(each.samples == DIFFICULT for each in self.rates):
            notes.append(_BY_CHOICE)
        return Table(columns, rows, "Held-out errors", notes)

    def to_dict(self) -> dict[str, Any]:
        """Everything as strict JSON can hold it."""
        return {
            "rates": [each.to_dict() for each in self.rates],
            "sampled": self.sampled,
            "num_samples": self.num_samples,
            "method": self.method,
        }

    def __str__(self) -> str:
        return self.table().to_text()

    def _repr_html_(self) -> str:
        return self.table().to_html()


def measured_errors(
    embeddings: Any,
    labels: Any,
    difficult: Any = None,
    *,
    neighbours: int = 20,
    temperature: float = 0.1,
    seed: int = 0,
    sample: int = 5000,
) -> MeasuredErrors:
    """Errors of a linear probe and of k-NN, five-fold cross-validated, with intervals.

    Both see directions only, as the theory does. Of a class that is alone in its fold the
    classifiers have seen no sample.

    Args:
        embeddings: (N, d), as in :func:`dctheory.estimate_similarities`.
        labels: (N,) integers or strings.
        difficult: (N,) bool, to tell errors on difficult and on easy samples apart. Where they
            were chosen by a classifier's confusion, errors are among them by construction.
        neighbours, temperature: of the k-NN classifier (see :mod:`dctheory.train.neighbours`).
        seed: of the folds and of the sample.
        sample: of larger data so many random rows are used, the same share of each cell. With
            many classes fewer than five of the folds are scored.

    Raises:
        TypeError, ValueError: arguments of the wrong kind or length, or fewer than 10 samples.
    """
    check_integer("neighbours", neighbours, 1)
    check_real("temperature", temperature, 0, low_open=True)
    seed, sample = check_integer("seed", seed, 0), check_integer("sample", sample, 2 * FOLDS)
    rows = UnitRows(embeddings)
    classes, codes = check_labels(labels, rows.num_rows)
    if rows.num_rows < 2 * FOLDS:
        raise ValueError(
            f"held-out errors need at least {2 * FOLDS} samples, got {rows.num_rows}; pass more"
        )
    mask = None if difficult is None else check_difficult(difficult, codes, classes)
    cells = codes if mask is None else 2 * codes + mask
    chosen, folds = _deal(cells, sample, np.random.default_rng(seed))
    features, known = rows.take(chosen, np.float32), codes[chosen]
    cost = 6.0 * _STEPS * len(chosen) * rows.num_columns * len(classes)
    scored = int(min(FOLDS, max(1, _WORK // cost)))
    found = _predict(features, known, folds, scored, len(classes), neighbours, temperature)
    tested = (folds >= 0) & (folds < scored)
    wrong = {name: (each != known)[tested] for name, each in found.items()}
    marks = None if mask is None else mask[chosen][tested]
    return MeasuredErrors(
        tuple(_rates(wrong, marks)),
        len(chosen),
        rows.num_rows,
        _method(len(chosen), rows.num_rows, scored, min(neighbours, int(np.sum(folds != 0)))),
    )


def _deal(cells: Indices, sample: int, rng: np.random.Generator) -> tuple[Indices, Indices]:
    """Ascending indices of sampled rows, and their folds; −1 for up to four that are not tested.

    Sorted by cell and otherwise at random, evenly spaced ones are taken and dealt to the folds in
    turn: each cell has its share in the sample and in every fold. Folds are equally large.
    """
    order = np.lexsort((rng.random(len(cells)), cells))
    size = min(sample, len(cells))
    taken = order[np.arange(size) * len(cells) // size]
    folds = np.arange(size) % FOLDS
    folds[size - size % FOLDS :] = -1
    place = np.argsort(taken)
    return taken[place], folds[place]


def _predict(
    features: Array,
    codes: Indices,
    folds: Indices,
    scored: int,
    classes: int,
    neighbours: int,
    temperature: float,
) -> dict[str, Indices]:
    """(m,) labels by each classifier for the samples of the scored folds, −1 elsewhere."""
    from dctheory.train.neighbours import knn_predict
    from dctheory.train.probe import fit_probe, predict

    found = {name: np.full(len(codes), -1) for name in CLASSIFIERS}
    for fold in range(scored):
        seen, held = folds != fold, folds == fold
        # Weights of 0 and equal folds: every fold has the same shapes and is compiled once.
        weights = seen.astype(np.float32)
        probe = fit_probe(
            features, codes, classes, ridge=_RIDGE, iterations=_STEPS, weights=weights
        )
        found[PROBE][held] = predict(probe, features[held])
        found[NEIGHBOURS][held] = knn_predict(
            *(features[seen], codes[seen], features[held], classes),
            neighbours=min(neighbours, int(seen.sum())),
            temperature=temperature,
        )
    return found


def _rates(wrong: dict[str, Array], marks: Array | None) -> list[ErrorRate]:
    found = []
    for name, errors in wrong.items():
        groups = {ALL: errors}
        if marks is not None:
            groups |= {EASY: errors[~marks], DIFFICULT: errors[marks]}
        for samples, each in groups.items():
            if len(each):
                interval = wilson_interval(int(each.sum()), len(each))
                found.append(ErrorRate(name, samples, int(each.sum()), len(each), *interval))
    return found


def wilson_interval(errors: int, count: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927): the shares that a score test does not refuse."""
    from scipy.special import ndtri

    square = float(ndtri(0.975)) ** 2
    centre = (errors + square / 2) / (count + square)
    half = math.sqrt(square * (errors * (count - errors) / count + square / 4)) / (count + square)
    low = 0.0 if errors == 0 else centre - half
    return low, 1.0 if errors == count else centre + half


def _method(sampled: int, total: int, scored: int, neighbours: int) -> str:
    rows = f"{sampled} random samples of {total}" if sampled < total else f"all {total} samples"
    folds = f"{FOLDS}-fold cross-validation"
    if scored < FOLDS:
        folds += f", {scored} of the folds scored"
    return (
        f"{folds} on {rows}, directions only; logistic regression (ridge {_RIDGE:g}, at most "
        f"{_STEPS} steps), and votes of the {neighbours} nearest by cosine"
    )
