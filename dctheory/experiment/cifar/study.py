"""The core that the experiments share: a search, final runs with paired seeds, and their tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dctheory._table import Table
from dctheory.experiment._base import Analysis, Experiment
from dctheory.experiment.cifar.methods import Method, in_words
from dctheory.experiment.cifar.published import published_difference
from dctheory.experiment.cifar.runs import FUNCTION
from dctheory.experiment.cifar.settings import SEARCH_SEED, CifarSettings
from dctheory.experiment.cifar.tables import (
    Results,
    Runs,
    accuracy_table,
    bound_table,
    final_name,
    run_table,
    warnings_of,
)
from dctheory.experiment.result import Comparison, EmpiricalVerdict
from dctheory.experiment.statistics import paired_verdict
from dctheory.experiment.tasks import Task


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

    def trainings(self, settings: CifarSettings, seeds: tuple[int, ...]) -> list[Any]:
        """The configurations of all runs, final ones with the first candidate."""
        searched = range(settings.candidates if self._searches(settings) else 0)
        methods = self.methods(settings)
        return [
            *(
                settings.config(each.changes(number), SEARCH_SEED, search=True)
                for each in methods
                for number in searched
            ),
            *(settings.config(each.changes(0), seed) for each in methods for seed in seeds),
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
            trainings=self.trainings,
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
