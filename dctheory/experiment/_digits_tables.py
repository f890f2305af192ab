"""The arms on the digits, what was chosen and measured of each, and the tables of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dctheory._table import Table
from dctheory.experiment._digits_runs import CLASSES, DigitsSettings
from dctheory.experiment.cifar.methods import BASELINE, Method, compared, in_words
from dctheory.experiment.cifar.published import MIXED
from dctheory.experiment.cifar.settings import CifarSettings
from dctheory.experiment.statistics import MeanInterval, Values, mean_interval, paired_difference

# On selected pairs; removal of all pairs would leave no negative.
REMEDIES = ("removal", "margin", "temperature", "combined")
ON_ALL = ("margin", "temperature", "combined")
OTHERS = ("debiased", "hcl")
# τ and the remedy's own numbers on all pairs, where percentiles would make no difference.
_ON_ALL_PAIRS = {
    "margin": ((0.5, 0.1), (0.2, 0.1), (0.5, 0.3), (0.2, 0.05), (0.5, 0.05)),
    "temperature": ((0.5, 0.7), (0.2, 0.7), (0.5, 0.5), (0.2, 0.9), (0.5, 0.9)),
    "combined": (
        (0.5, 0.1, 0.7),
        (0.2, 0.1, 0.7),
        (0.5, 0.1, 0.5),
        (0.2, 0.05, 0.9),
        (0.5, 0.3, 0.9),
    ),
}
_NUMBERS = {"margin": ("sigma",), "temperature": ("rho",), "combined": ("sigma", "rho")}

Results = Mapping[str, Any]


def mixed_name(ratio: float, kept: bool = True) -> str:
    """Of the baseline on images of which a share is mixed, or without these."""
    if not ratio:
        return BASELINE
    return f"mixed-{100 * ratio:g}" + ("" if kept else "-removed")


def methods_of(settings: DigitsSettings) -> tuple[Method, ...]:
    """Those compared, the baseline first, each with as many candidates.

    On selected pairs they are those of the experiments on CIFAR-10, which has as many classes.
    """
    found = []
    for method in compared(CifarSettings(), (BASELINE, *settings.methods)):
        remedy, _, everywhere = method.name.partition("-")
        if everywhere:
            names = ("temperature", *_NUMBERS[remedy])
            rows = _ON_ALL_PAIRS[remedy]
            own = tuple(dict(zip(names, row, strict=True)) for row in rows)
            method = replace(method, candidates=own)
        found.append(method)
    return tuple(found)


def arms_of(settings: DigitsSettings) -> tuple[Method, ...]:
    """All that is trained: the methods, and the baseline on mixed images, kept or removed."""
    methods = methods_of(settings)
    mixed = [
        replace(
            methods[0].on(data__mixed=ratio, data__keep_mixed=kept), name=mixed_name(ratio, kept)
        )
        for ratio in settings.ratios
        for kept in (True, False)
    ]
    return (*methods, *mixed)


def name_of_search(method: str) -> str:
    """Of the task that tries a method's candidates."""
    return f"search-{method}"


@dataclass(frozen=True)
class Choices:
    """The candidate of each method that was best on each seed's validation part.

    Attributes:
        accuracies: method to validation accuracies by seed and candidate; empty without a search.
        indices: method to the chosen candidates by seed, the first of equal ones.
    """

    accuracies: Mapping[str, list[list[float | None]]]
    indices: Mapping[str, list[int]]

    @classmethod
    def of(cls, settings: DigitsSettings, seeds: Sequence[int], results: Results) -> Choices:
        """From the results of the searches."""
        count, methods = settings.candidates, methods_of(settings)
        if count == 1:
            return cls({}, {each.name: [0] * len(seeds) for each in methods})
        accuracies = {}
        for each in methods:
            found = results[name_of_search(each.name)]["accuracies"]
            accuracies[each.name] = [found[count * s : count * (s + 1)] for s in range(len(seeds))]
        return cls(
            accuracies, {name: [_best(own) for own in rows] for name, rows in accuracies.items()}
        )

    def of_arm(self, arm: Method, seed: int) -> int:
        """On mixed images the baseline has what was chosen without them."""
        return self.indices.get(arm.name, self.indices[BASELINE])[seed]


def _best(accuracies: Sequence[float | None]) -> int:
    scores = [-1.0 if each is None else each for each in accuracies]
    return scores.index(max(scores))


@dataclass(frozen=True, eq=False)
class DigitsRuns:
    """The final runs.

    Attributes:
        settings, seeds, choices: of them.
        records: arm to what was measured, by seed.
        references: by seed, of what is not trained.
    """

    settings: DigitsSettings
    seeds: tuple[int, ...]
    choices: Choices
    records: Mapping[str, list[dict[str, Any]]]
    references: list[dict[str, Any]]

    def values(self, arm: str, name: str = "accuracy", factor: float = 100.0) -> Values:
        """A number of an arm by seed, in %."""
        return _times(factor, [each.get(name) for each in self.records[arm]])

    def column(self, arm: str, part: str, name: str, factor: float = 1.0) -> Values:
        """A column of a bound by seed."""
        return _times(factor, [(each.get(part) or {}).get(name) for each in self.records[arm]])

    def reference(self, features: str, name: str = "accuracy") -> Values:
        """Accuracy of features that are not trained, by seed, in %."""
        return [100 * each[features][name] for each in self.references]

    def difference(self, ours: str, other: str = BASELINE, name: str = "accuracy") -> MeanInterval:
        """Of two arms' accuracies, paired by seed, in points."""
        return paired_difference(self.values(ours, name), self.values(other, name))

    @property
    def warnings(self) -> list[str]:
        """Runs that diverged, and errors above a bound."""
        found = []
        for arm, records in self.records.items():
            for seed, each in zip(self.seeds, records, strict=True):
                if "accuracy" not in each:
                    found.append(f"{arm}, seed {seed}: the run diverged")
                elif each["warning"] is not None:
                    found.append(f"{arm}, {each['warning']}")
        return found


def _times(factor: float, values: Iterable[float | None]) -> Values:
    return [None if each is None else factor * each for each in values]


# --- Tables


def tables_of(runs: DigitsRuns) -> dict[str, Table]:
    """All of them, by name."""
    tables = {
        "accuracy": _accuracies(runs),
        "references": _references(runs),
        "table-10": _table_10(runs),
    }
    if runs.choices.accuracies:
        tables["search"] = _search(runs)
    return tables | {"runs": _every_run(runs)}


def _with_ends(name: str, mean: MeanInterval) -> dict[str, Any]:
    low, high = mean.interval or (None, None)
    return {name: mean.value, f"{name} from": low, f"{name} to": high}


def _accuracies(runs: DigitsRuns) -> Table:
    rows = []
    for arm in arms_of(runs.settings):
        row: dict[str, Any] = {"arm": arm.name}
        row |= _with_ends("probe, %", mean_interval(runs.values(arm.name)))
        if arm.name != BASELINE:
            row |= _with_ends("difference", runs.difference(arm.name))
        row |= {
            "k-NN, %": mean_interval(runs.values(arm.name, "knn")).value,
            "probe of own, %": mean_interval(runs.values(arm.name, "own")).value,
            "images": mean_interval(runs.values(arm.name, "images", 1.0)).value,
            "selected, %": mean_interval([_selected(runs, arm, s) for s in runs.seeds]).value,
        }
        rows.append(row)
    notes = (
        f"difference: to the {BASELINE}, paired by seed; intervals are of 95 %, Student's t. Each "
        "seed has its own split, mixture, search and initialisation: intervals hold all of them",
        "probe: fitted to all training images before mixing, whatever was trained on; probe of "
        "own: fitted to the images as they were trained on",
        "selected: of the negative pairs, ordered pairs of views; “-all”: on all of them, where "
        "removal would leave none",
        f"every run has {runs.settings.steps} steps, whatever number of images it trains on",
    )
    return Table(tuple(rows[1]), rows, "Accuracy on the test part", notes)


def _selected(runs: DigitsRuns, arm: Method, seed: int) -> float:
    """Share of the negative pairs that a remedy changes, in %."""
    config = runs.settings.config(arm.changes(runs.choices.of_arm(arm, seed)), seed)
    objective = config.objective
    if objective.method not in REMEDIES:
        return 0.0
    return 100.0 if objective.scope == "all" else objective.pos_low - objective.pos_high


def _references(runs: DigitsRuns) -> Table:
    rows = []
    trained = {name: runs.values(BASELINE, name) for name in ("accuracy", "knn")}
    for features in runs.references[0]:
        found = runs.reference(features)
        row: dict[str, Any] = {"features": features}
        row |= _with_ends("probe, %", mean_interval(found))
        row |= _with_ends("trained is above by", paired_difference(trained["accuracy"], found))
        row["k-NN, %"] = mean_interval(runs.reference(features, "knn")).value
        rows.append(row)
    means = {name: mean_interval(values) for name, values in trained.items()}
    last = {"features": "trained encoder", "k-NN, %": means["knn"].value}
    rows.append(last | _with_ends("probe, %", means["accuracy"]))
    return Table(tuple(rows[0]), rows, "Does contrastive training help at all?")


TABLE_10 = {"α": "α", "β": "β", "γ": "γ", "γ − β": "γ − β", "λ": "printed λ"}


def _table_10(runs: DigitsRuns) -> Table:
    rows = []
    for ratio in (0.0, *runs.settings.ratios):
        arm, published = mixed_name(ratio), MIXED.get(ratio, {})
        row: dict[str, Any] = {"ω, %": 100 * ratio}
        row["accuracy"] = mean_interval(runs.values(arm)).value
        row["accuracy, published"] = published.get("accuracy")
        for symbol, name in TABLE_10.items():
            factor = 1.0 if symbol == "λ" else 100.0
            row[symbol] = mean_interval(runs.column(arm, "bound", name, factor)).value
            row[f"{symbol}, published"] = published.get(symbol)
        for part, size in (("classes", CLASSES), ("bound", runs.settings.features)):
            row[f"λ_{size + 1}"] = mean_interval(runs.column(arm, part, "λ_(k+1)")).value
        row["bound"] = mean_interval(runs.column(arm, "bound", "bound")).value
        for symbol in ("β", "γ"):
            found = runs.column(arm, "mixed", symbol, 100.0)
            row[f"{symbol}, mixed"] = mean_interval(found).value
        rows.append(row)
    notes = (
        "accuracy and mean cosines in %, of the encoder's outputs on the images trained on, "
        "without augmentation; difficult are the 8 % of each class with the smallest gap between "
        "the two largest softmax outputs; in the last columns the mixed images",
        "λ: of Theorem 3.4, whose n is here that of the digits (the paper's is not stated): only "
        f"its order can be compared. λ_{CLASSES + 1} and λ_{runs.settings.features + 1}: of the "
        "graph with these similarities, exact; the theorem speaks about the first",
        "bound: of that graph at its own δ, k being the number of features",
    )
    return Table(tuple(rows[0]), rows, "Table 10 on the digits", notes)


def _search(runs: DigitsRuns) -> Table:
    rows = []
    for method in methods_of(runs.settings):
        found, chosen = runs.choices.accuracies[method.name], runs.choices.indices[method.name]
        for number in range(runs.settings.candidates):
            values = _times(100, [each[number] for each in found])
            rows.append(
                {
                    "method": method.name,
                    "setting": in_words(method.changes(number)),
                    "validation accuracy, %": mean_interval(values).value,
                    "chosen by seeds": chosen.count(number),
                }
            )
    notes = (
        "every method has the same number of runs on the validation part of each seed's split, "
        "with another seed for all else; the best one there is the seed's choice, and its test "
        "part is used once",
    )
    return Table(tuple(rows[0]), rows, "Search", notes)


def _every_run(runs: DigitsRuns) -> Table:
    rows = []
    for arm in arms_of(runs.settings):
        for seed, record in zip(runs.seeds, runs.records[arm.name], strict=True):
            row: dict[str, Any] = {"arm": arm.name, "seed": seed}
            row["setting"] = in_words(arm.changes(runs.choices.of_arm(arm, seed)))
            row |= {name: record.get(name) for name in ("accuracy", "knn", "own", "images")}
            bound = record.get("bound") or {}
            row |= {name: bound.get(name) for name in _COLUMNS}
            row[f"λ_{CLASSES + 1}"] = (record.get("classes") or {}).get("λ_(k+1)")
            mixed = record.get("mixed") or {}
            row |= {f"{name}, mixed": mixed.get(name) for name in ("β", "γ")}
            rows.append(row)
    return Table(tuple(rows[0]), rows, "Runs")


_COLUMNS = ("α", "β", "γ", "printed λ", "λ_(k+1)", "δ", "bound", "bound status")
