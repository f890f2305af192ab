"""The core that the experiments share: a search, final runs with paired seeds, and their tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dctheory._table import Table
from dctheory.experiment._base import Analysis, Experiment
from dctheory.experiment.cifar.methods import Method, in_words
from dctheory.experiment.cifar.published import published_accuracy, published_difference
from dctheory.experiment.cifar.runs import FUNCTION
from dctheory.experiment.cifar.settings import SEARCH_SEED, CifarSettings
from dctheory.experiment.result import Comparison, EmpiricalVerdict
from dctheory.experiment.statistics import (
    MeanInterval,
    mean_interval,
    paired_difference,
    paired_verdict,
)
from dctheory.experiment.tasks import Task

Results = Mapping[str, Any]
# Numbers as percentages: JSON's None where a run gave none.
Values = list[float | None]
# Where the run that it depends on diverged.
_NOT_TRAINED = {"evaluation": None, "diverged": "it was not trained", "images": None}


@dataclass(frozen=True)
class Contrast:
    """A claim of the paper: one method's accuracy is above another's.

    Attributes:
        ours, other: names of methods.
        published: difference in percentage points; None where the paper gives none.
    """

    ours: str
    other: str = "baseline"
    published: float | None = None

    def verdict(self, settings: CifarSettings, runs: Runs) -> EmpiricalVerdict:
        """By the paired differences of the seeds."""
        return paired_verdict(
            f"{self.ours} is above {self.other} (probe accuracy, points)",
            *(runs.accuracies(self.ours), runs.accuracies(self.other)),
            published=self.published,
            note=f"{settings.epochs} epochs",
        )


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


@dataclass(frozen=True, kw_only=True)
class Study:
    """A comparison of methods; :meth:`experiment` makes it a named experiment.

    Attributes:
        methods: those compared, the one that differences are taken to first.
        contrasts: the claims.
        options: further arguments of the task, by method.
        searched: whether settings are chosen on the validation split.
        published: whether the paper's numbers for SimCLR on the whole set are about these runs.
        extra: (settings, runs) to what else the results say.
    """

    methods: Callable[[CifarSettings], Sequence[Method]]
    contrasts: Callable[[CifarSettings], Sequence[Contrast]] = lambda settings: ()
    options: Callable[[CifarSettings], Mapping[str, Any]] = lambda settings: {}
    searched: bool = True
    published: bool = False
    extra: Callable[[CifarSettings, Runs], Analysis] = lambda settings, runs: Analysis()

    # --- Tasks

    def tasks(
        self, settings: CifarSettings, seeds: tuple[int, ...], data_dir: Path | None
    ) -> list[Task]:
        """The search, or where there is none the final runs; the data must be there."""
        count_images(settings, data_dir)
        if not self._searches(settings):
            return self.more(settings, seeds, {})
        return [
            train_task(
                _search_name(method.name, number),
                settings.config(method.changes(number), SEARCH_SEED, search=True),
            )
            for method in self.methods(settings)
            for number in range(settings.candidates)
        ]

    def _searches(self, settings: CifarSettings) -> bool:
        return self.searched and settings.candidates > 1

    def more(self, settings: CifarSettings, seeds: tuple[int, ...], results: Results) -> list[Task]:
        """The final runs with what the search found best, seed by seed."""
        options = {"similarity_samples": settings.similarity_samples, **self.options(settings)}
        return [
            train_task(
                final_name(method.name, seed), settings.config(method.changes(0), seed), **options
            )
            for seed in seeds
            for method in self._chosen(settings, results)
        ]

    def _chosen(self, settings: CifarSettings, results: Results) -> list[Method]:
        """The methods with the candidate of the highest validation accuracy alone, the first of
        equal ones."""
        methods = []
        for method in self.methods(settings):
            best = 0
            if self._searches(settings):
                scores = [_search_score(results, method, i) for i in range(settings.candidates)]
                best = max(range(len(scores)), key=lambda i: scores[i])
            methods.append(Method(method.name, method.fixed, (method.candidates[best],)))
        return methods

    # --- What the results say

    def analyse(self, settings: CifarSettings, results: Results) -> Analysis:
        """Tables, and where the settings allow it verdicts."""
        runs = Runs(tuple(self._chosen(settings, results)), results, tuple(range(settings.seeds)))
        own = self.extra(settings, runs)
        verdicts = [each.verdict(settings, runs) for each in self._contrasts(settings)]
        tables = {"accuracy": accuracy_table(settings, runs, self.published), **own.tables}
        tables |= {"bounds": bound_table(runs), "runs": run_table(runs)}
        if self._searches(settings):
            tables["search"] = self._search_table(settings, results)
        return Analysis(
            comparisons=[_decided(settings, each) for each in own.comparisons],
            verdicts=[*verdicts, *own.verdicts] if settings.decides else [],
            tables=tables,
            findings=[_scale(settings), *own.findings],
            warnings=[*warnings_of(runs), *own.warnings],
        )

    def _contrasts(self, settings: CifarSettings) -> list[Contrast]:
        if not self.published:
            return list(self.contrasts(settings))
        return [
            replace(each, published=published_difference(settings.dataset, each.ours, each.other))
            for each in self.contrasts(settings)
        ]

    def _search_table(self, settings: CifarSettings, results: Results) -> Table:
        rows = []
        for method, chosen in zip(
            self.methods(settings), self._chosen(settings, results), strict=True
        ):
            for number in range(settings.candidates):
                score = _search_score(results, method, number)
                rows.append(
                    {
                        "method": method.name,
                        "setting": in_words(method.changes(number)),
                        "validation accuracy, %": None if score < 0 else score,
                        "chosen": method.candidates[number] == chosen.candidates[0],
                    }
                )
        title = f"Search: {settings.search_epochs} epochs, one seed, on the validation split"
        notes = ("every method has the same number of runs, and τ is among what they vary",)
        return Table(tuple(rows[0]), rows, title, notes)

    def experiment(self, **named: Any) -> Experiment:
        """The experiment, with its name, title, question, claims, presets and times."""
        return Experiment(
            **named,
            tasks=self.tasks,
            more=self.more,
            needs_data=True,
            analyse=self.analyse,
        )


# --- Tasks


def train_task(name: str, config: Any, **options: Any) -> Task:
    """A task that trains one encoder."""
    from dctheory.train.config_file import to_dict

    return Task(name, FUNCTION, {"config": to_dict(config), **options}, sited=True)


def _search_name(method: str, number: int) -> str:
    return f"search-{method}-{number}"


def final_name(method: str, seed: int) -> str:
    """Of the task that trains a method with a seed, to be tested on the test set."""
    return f"{method}-s{seed}"


def _search_score(results: Results, method: Method, number: int) -> float:
    """Validation accuracy in %; −1 of a run that diverged."""
    evaluation = results[_search_name(method.name, number)]["evaluation"]
    return -1.0 if evaluation is None else 100 * float(evaluation["probe_accuracy"])


def count_images(settings: CifarSettings, data_dir: Path | None) -> int:
    """Of the training set; FileNotFoundError or ValueError unless the data is there and whole."""
    from dctheory.data.cifar import load_cifar10, load_cifar100

    load = load_cifar100 if settings.dataset == "cifar100" else load_cifar10
    # A download is asked for, not begun by an experiment.
    return len(load(data_dir, download=False).train)


# --- Tables


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
    share = 0.0
    if objective.method in ("removal", "margin", "temperature", "combined"):
        all_of_them = objective.scope == "all"
        share = 100.0 if all_of_them else objective.pos_low - objective.pos_high
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


def _decided(settings: CifarSettings, comparison: Comparison) -> Comparison:
    return comparison if settings.decides else replace(comparison, agrees=None)


def _scale(settings: CifarSettings) -> str:
    """What the runs are, and whether they decide anything."""
    trained = f"{settings.model} for {settings.epochs} epochs, batch {settings.batch_size}"
    if settings.decides:
        return f"{trained}, {settings.seeds} seeds."
    return (
        f"{trained}, on about {settings.samples} images: this shows that the experiment works, "
        "and decides nothing."
    )
