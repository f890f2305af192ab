"""The results of final runs, and the tables that show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dctheory._table import Table
from dctheory.experiment.cifar.methods import Method, in_words
from dctheory.experiment.cifar.published import published_accuracy
from dctheory.experiment.cifar.settings import CifarSettings
from dctheory.experiment.statistics import MeanInterval, mean_interval, paired_difference

Results = Mapping[str, Any]
# Numbers as percentages: JSON's None where a run gave none.
Values = list[float | None]
# Where the run that it depends on diverged.
_NOT_TRAINED = {"evaluation": None, "diverged": "it was not trained", "images": None}


def final_name(method: str, seed: int) -> str:
    """Of the task that trains a method with a seed, to be tested on the test set."""
    return f"{method}-s{seed}"


@dataclass(frozen=True, eq=False)
class Runs:
    """The results of the final runs.

    Attributes:
        methods: with the candidate that was chosen as their only one.
        results: of all tasks, by name.
        seeds: of the final runs.
    """

    methods: tuple[Method, ...]
    results: Results
    seeds: tuple[int, ...]

    def of(self, method: str) -> list[dict[str, Any]]:
        """A method's results, by seed."""
        return [self.results.get(final_name(method, seed), _NOT_TRAINED) for seed in self.seeds]

    def values(self, method: str, name: str, factor: float = 100.0) -> Values:
        """A number of the evaluations, in %, by seed."""
        found = [(each["evaluation"] or {}).get(name) for each in self.of(method)]
        return [None if each is None else factor * each for each in found]

    def accuracies(self, method: str) -> Values:
        """Of the linear probe, in %, by seed."""
        return self.values(method, "probe_accuracy")

    def bounds(self, method: str, name: str, factor: float = 1.0) -> Values:
        """A number of :class:`BoundColumns` by seed."""
        found = [(each.get("bound") or {}).get(name) for each in self.of(method)]
        return [None if each is None else factor * float(each) for each in found]


def accuracy_table(settings: CifarSettings, runs: Runs, published: bool) -> Table:
    """A row for each method: accuracies, differences to the first, what changes, what it costs."""
    first = runs.methods[0].name
    rows = []
    for method in runs.methods:
        name = method.name
        row: dict[str, Any] = {"method": name, "setting": in_words(method.changes(0))}
        row |= _with_ends("probe, %", mean_interval(runs.accuracies(name)))
        if name != first:
            difference = paired_difference(runs.accuracies(name), runs.accuracies(first))
            row |= _with_ends("difference", difference)
        if published:
            row["published, %"] = published_accuracy(settings.dataset, name)
        row |= {
            "k-NN, %": mean_interval(runs.values(name, "knn_accuracy")).value,
            **_amounts(settings, runs, method),
        }
        rows.append(row)
    columns = list(dict.fromkeys(column for row in rows for column in row))
    title = f"Accuracy on the test set of {settings.dataset}, mean of {settings.seeds} seeds"
    notes = (
        f"difference: to {first}, paired by seed; intervals are of 95 %, Student's t",
        "selected: of the negative pairs, ordered pairs of views; images: trained on",
        "all runs have the same number of epochs, whatever number of images they train on",
        "the probe is fitted to all training images as they are in the data set",
    )
    return Table(columns, rows, title, notes)


def _with_ends(name: str, mean: MeanInterval) -> dict[str, Any]:
    low, high = mean.interval or (None, None)
    return {name: mean.value, f"{name} from": low, f"{name} to": high}


def _amounts(settings: CifarSettings, runs: Runs, method: Method) -> dict[str, Any]:
    """How much of the pairs and of the images a method changes, and the time of a run."""
    objective = settings.config(method.changes(0), 0).objective
    share: float | None = 0.0
    if objective.method in ("removal", "margin", "temperature", "combined"):
        shares = {
            "all": 100.0,
            "selected": objective.pos_low - objective.pos_high,
            # Of those above Sim_posLow all that are of two classes: their number varies.
            "oracle": None,
        }
        share = shares[objective.scope]
    found = runs.of(method.name)
    return {
        "selected, %": share,
        "images": mean_interval([each["images"] for each in found]).value,
        "seconds": mean_interval([each.get("seconds") for each in found]).value,
    }


_SIMILARITIES = {"alpha": "α", "beta": "β", "gamma": "γ"}
_BOUNDS = {"eigenvalue": "λ_(k+1)", "printed": "printed λ", "delta": "δ", "bound": "bound"}


def bound_table(runs: Runs) -> Table:
    """A row for each method: similarities of its features, what theory predicts, and the error."""
    rows = []
    for method in runs.methods:
        row: dict[str, Any] = {"method": method.name}
        for key, symbol in {**_SIMILARITIES, **_BOUNDS}.items():
            row[symbol] = mean_interval(runs.bounds(method.name, key)).value
            if key == "gamma":
                row["γ − β"] = mean_interval(differences_of(runs, method.name)).value
        errors = runs.values(method.name, "probe_error", 1.0)
        remarks = {(each.get("bound") or {}).get("remark") for each in runs.of(method.name)}
        row |= {"error": mean_interval(errors).value}
        row |= {"remark": "; ".join(sorted(filter(None, remarks)))}
        rows.append(row)
    notes = (
        "α, β, γ: mean cosines of the encoder's outputs on training images as they are trained "
        "on, without augmentation; difficult are the 8 % of each class with the smallest gap "
        "between the two largest softmax outputs of a linear classifier",
        "δ, λ_(k+1), bound: of the graph with these similarities, a model of the features; "
        "printed λ: of Theorem 3.4; k is the number of features",
    )
    return Table(tuple(rows[0]), rows, "Theory beside the probe's error, means over seeds", notes)


def differences_of(runs: Runs, method: str) -> Values:
    """γ − β by seed."""
    pairs = zip(runs.bounds(method, "gamma"), runs.bounds(method, "beta"), strict=True)
    return [None if g is None or b is None else g - b for g, b in pairs]


def run_table(runs: Runs) -> Table:
    """Every final run, for figures."""
    rows = []
    for method in runs.methods:
        for seed, each in zip(runs.seeds, runs.of(method.name), strict=True):
            evaluation = each["evaluation"] or {}
            rows.append(
                {
                    "method": method.name,
                    "seed": seed,
                    "probe_accuracy": evaluation.get("probe_accuracy"),
                    "knn_accuracy": evaluation.get("knn_accuracy"),
                    "images": each["images"],
                    "steps": each.get("steps"),
                    "seconds": each.get("seconds"),
                }
            )
    return Table(tuple(rows[0]), rows, "Runs")


def warnings_of(runs: Runs) -> list[str]:
    """Runs that diverged, probes that did not converge, and errors above the bound."""
    from dctheory.experiment.bound_columns import BoundColumns

    found: list[str | None] = []
    unfinished = total = 0
    for method in runs.methods:
        for seed, each in zip(runs.seeds, runs.of(method.name), strict=True):
            name, evaluation = f"{method.name}, seed {seed}", each["evaluation"]
            if evaluation is None:
                found.append(f"{name}: {each['diverged']}")
                continue
            total += 1
            unfinished += not evaluation["probe_converged"]
            bound = each.get("bound")
            if bound and "alpha" in bound:
                columns = BoundColumns(**bound)
                found.append(columns.warning(name, evaluation["probe_error"]))
    if unfinished:
        found.append(f"the probe's L-BFGS did not converge in {unfinished} of {total} runs")
    return [each for each in found if each is not None]
