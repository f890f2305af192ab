"""What an experiment is: settings for each preset, tasks, and what their results say."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

from dctheory._table import Table, plain
from dctheory._validation import check_choice, check_integer
from dctheory.experiment.result import Comparison, EmpiricalVerdict
from dctheory.experiment.tasks import Task

# A smoke shows that an experiment runs, for tests; it decides nothing and no help offers it.
SMOKE = "smoke"
PRESETS = ("cpu", "gpu", "paper")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What an experiment's result depends on, besides versions and device.

    Each experiment has a frozen subclass with fields of its own, which JSON can hold.

    Args:
        seeds: number of seeds, 0 to seeds − 1.
    """

    seeds: int = 10

    def __post_init__(self) -> None:
        check_integer("seeds", self.seeds, 1)

    def changed(self, assignments: Iterable[str]) -> Self:
        """The settings with some set anew, each as ``name=value``, the value JSON or a bare word.

        Raises ValueError for an unknown name, and what the settings refuse.
        """
        changes: dict[str, Any] = {}
        for text in assignments:
            name, equals, value = text.partition("=")
            if not equals:
                raise ValueError(f"cannot set {text!r}; write name=value, such as seeds=3")
            check_choice("setting", name, [each.name for each in fields(self)])
            changes[name] = self.read(value)
        return replace(self, **changes)

    @staticmethod
    def read(text: str) -> Any:
        """The value that a text stands for: JSON, a list as a tuple, else the text itself."""
        try:
            found = json.loads(text)
        except ValueError:
            return text
        return tuple(found) if isinstance(found, list) else found

    def to_dict(self) -> dict[str, Any]:
        """The settings as strict JSON holds them."""
        document: dict[str, Any] = plain(asdict(self))
        return document


@dataclass(frozen=True)
class Analysis:
    """What the results of an experiment's tasks say; the fields of ``ExperimentResult``.

    For a smoke all but tables and warnings is left out, and comparisons are undecided: an
    experiment need not think of that.
    """

    comparisons: Sequence[Comparison] = ()
    verdicts: Sequence[EmpiricalVerdict] = ()
    tables: Mapping[str, Table] = field(default_factory=dict)
    findings: Sequence[str] = ()
    warnings: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A named experiment.

    Its module is imported to list it, so JAX is imported inside the functions only.

    Args:
        name: as on the command line.
        title: a line.
        question: what it finds out, a sentence or two.
        claims: identifiers of the claims of ``dctheory verify`` that it speaks about.
        presets: "smoke", "cpu", "gpu" and "paper" to their settings.
        seconds: preset to the time it takes, measured ("cpu" on 2 cores); "cpu" must be there.
        tasks: (settings, seeds, folder of the data or None) to the tasks to be run. They are
            made before anything is written, and judge the input.
        more: (settings, seeds, results so far by name) to the tasks that follow from them, such
            as final runs after a search; asked again until it names no new one.
        trainings: (settings, seeds) to the configurations of all training runs, one program each,
            for an estimate of the cost; None where they stand in the tasks, or where there are no
            such.
        needs_data: whether it reads a data set that a user has to have.
        analyse: (settings, name of task to its result) to an :class:`Analysis`. Results went
            through JSON: NaN is None in them.

    Raises:
        ValueError: a preset is missing or unknown.
    """

    name: str
    title: str
    question: str
    claims: tuple[str, ...] = ()
    presets: Mapping[str, Settings]
    seconds: Mapping[str, float]
    tasks: Callable[[Any, tuple[int, ...], Path | None], Sequence[Task]]
    analyse: Callable[[Any, Mapping[str, Any]], Analysis]
    more: Callable[[Any, tuple[int, ...], Mapping[str, Any]], Sequence[Task]] | None = None
    trainings: Callable[[Any, tuple[int, ...]], Sequence[Any]] | None = None
    needs_data: bool = False

    def __post_init__(self) -> None:
        expected = {SMOKE, *PRESETS}
        if set(self.presets) != expected:
            raise ValueError(
                f"presets of {self.name} must be {', '.join(sorted(expected))}, "
                f"got {', '.join(sorted(self.presets))}"
            )
        if "cpu" not in self.seconds or not set(self.seconds) <= expected:
            raise ValueError(f"seconds of {self.name} must hold cpu, and presets only")


def duration(seconds: float | None) -> str:
    """A time in words, for estimates."""
    if seconds is None:
        return "not measured"
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= 1.5 * size:
            return f"about {seconds / size:.2g} {unit}"
    return f"about {max(seconds, 1):.2g} s"
