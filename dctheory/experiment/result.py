"""What an experiment found: comparisons with the theory, verdicts, tables; and its file."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from dctheory._runs import write_atomic, write_json
from dctheory._table import Table, plain
from dctheory._validation import check_choice, check_integer, check_real

# Of the result file; another number is another format.
VERSION = 1
RESULT_FILE = "result.json"

REPRODUCED, NOT_REPRODUCED, INCONCLUSIVE = "REPRODUCED", "NOT REPRODUCED", "INCONCLUSIVE"
VERDICTS = (REPRODUCED, NOT_REPRODUCED, INCONCLUSIVE)
EQUAL, AT_MOST, AT_LEAST = RELATIONS = ("=", "≤", "≥")

Interval = tuple[float, float]
_Part = TypeVar("_Part")


@dataclass(frozen=True)
class Comparison:
    """One prediction beside what was measured; :func:`compare` makes it from two numbers.

    Attributes:
        name: what is compared.
        prediction, measured: numbers, or words where an order or a set is predicted.
        tolerance: how far apart the two may be; None where they must be the same.
        tolerance_source: where the tolerance comes from.
        agrees: None where the preset is too small to decide.
        note: anything else worth knowing.
        interval: 95 % interval of the measured mean.
        relation: the measured value is predicted to be "=", "≤" or "≥" the prediction.
    """

    name: str
    prediction: Any
    measured: Any
    tolerance: float | None
    tolerance_source: str
    agrees: bool | None
    note: str = ""
    interval: Interval | None = None
    relation: str = EQUAL

    def __post_init__(self) -> None:
        _check_words(self, "name", "tolerance_source", "note")
        check_choice("relation", self.relation, RELATIONS)
        if self.tolerance is not None:
            check_real("tolerance", self.tolerance, 0)
        if self.agrees is not None:
            if type(self.agrees).__name__ not in ("bool", "bool_"):
                raise TypeError(f"agrees must be True, False or None, got {self.agrees!r}")
            object.__setattr__(self, "agrees", bool(self.agrees))
        _check_interval(self)


def compare(
    name: str,
    prediction: float,
    measured: float,
    tolerance: float,
    tolerance_source: str,
    *,
    relation: str = EQUAL,
    note: str = "",
    interval: Interval | None = None,
) -> Comparison:
    """Whether a measured number is =, ≤ or ≥ the predicted one, to within the tolerance.

    A measured or predicted NaN agrees with nothing. Raises ValueError for another relation or a
    tolerance that is negative or not finite.
    """
    check_choice("relation", relation, RELATIONS)
    check_real("tolerance", tolerance, 0)
    excess = 0.0 if measured == prediction else float(measured) - float(prediction)
    agrees = {
        EQUAL: abs(excess) <= tolerance,
        AT_MOST: excess <= tolerance,
        AT_LEAST: -excess <= tolerance,
    }[relation]
    return Comparison(
        *(name, prediction, measured, tolerance, tolerance_source, agrees, note, interval, relation)
    )


@dataclass(frozen=True)
class EmpiricalVerdict:
    """Whether a claim about training came out again, as :func:`paired_verdict` decides it.

    Attributes:
        claim: the claim in words.
        verdict: one of :data:`VERDICTS`.
        difference: mean paired difference over the seeds, None without a pair.
        interval: its 95 % interval, None with fewer than two pairs.
        seeds: pairs that it rests on.
        seeds_needed: pairs that would decide; None where decided, or where none can be named.
        published: the difference that the paper reports.
        note: what else bears on it.
    """

    claim: str
    verdict: str
    difference: float | None
    interval: Interval | None
    seeds: int
    seeds_needed: int | None
    published: float | None = None
    note: str = ""

    def __post_init__(self) -> None:
        _check_words(self, "claim", "note")
        check_choice("verdict", self.verdict, VERDICTS)
        check_integer("seeds", self.seeds, 0)
        _check_interval(self)


@dataclass(frozen=True, kw_only=True)
class ExperimentResult:
    """What :func:`dctheory.experiment.run_experiment` returns and ``result.json`` holds.

    Attributes:
        name, title, question: of the experiment.
        preset: "smoke", "cpu", "gpu" or "paper"; a smoke decides nothing.
        seeds: the seeds of the runs.
        comparisons: theory beside training.
        verdicts: on the paper's empirical claims.
        tables: name to tidy rows, from which figures are drawn.
        findings: sentences.
        warnings: what must not be overlooked, e.g. an error above a valid bound; shown first.
        settings: everything that the result depends on, besides versions and device.
        manifest: how the result came about.
        seconds: time that the tasks took together.
        version: of this format.
    """

    name: str
    title: str
    question: str
    preset: str
    seeds: tuple[int, ...]
    comparisons: tuple[Comparison, ...] = ()
    verdicts: tuple[EmpiricalVerdict, ...] = ()
    tables: Mapping[str, Table] = field(default_factory=dict)
    findings: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    manifest: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    version: int = VERSION

    def __post_init__(self) -> None:
        _check_words(self, "name", "title", "question", "preset")
        for name, kind in _ITEMS.items():
            for item in getattr(self, name):
                if not isinstance(item, kind):
                    raise TypeError(f"{name} must hold {kind.__name__}, got {item!r}")
        for name in ("tables", "settings", "manifest"):
            if not isinstance(getattr(self, name), Mapping):
                raise TypeError(f"{name} must be a mapping, got {getattr(self, name)!r}")
        check_real("seconds", self.seconds, 0)

    @property
    def summary(self) -> str:
        """How many comparisons agree, and how many verdicts there are of each kind."""
        from dctheory.experiment._render import summary

        return summary(self)

    def to_dict(self) -> dict[str, Any]:
        """The document of ``result.json``, which strict JSON can hold: NaN as None, ∞ as "inf"."""
        document = {each.name: getattr(self, each.name) for each in fields(self)}
        document["comparisons"] = [dataclasses.asdict(each) for each in self.comparisons]
        document["verdicts"] = [dataclasses.asdict(each) for each in self.verdicts]
        document["tables"] = {name: table.to_dict() for name, table in self.tables.items()}
        plain_document: dict[str, Any] = plain(document)
        return plain_document

    @classmethod
    def from_dict(cls, document: Any) -> ExperimentResult:
        """The result that :meth:`to_dict` gave; ValueError if it is none, or of another version."""
        if not isinstance(document, Mapping) or "version" not in document:
            raise ValueError("this is no result of an experiment; give a result.json of one")
        if document["version"] != VERSION:
            raise ValueError(
                f"the result is of format {document['version']!r}, this version of dctheory reads "
                f"{VERSION}; run the experiment again"
            )
        try:
            content = dict(document)
            for name, kind in (("comparisons", Comparison), ("verdicts", EmpiricalVerdict)):
                content[name] = tuple(_part(kind, each) for each in content[name])
            tables = content["tables"].items()
            content["tables"] = {name: _table(table) for name, table in tables}
            for name in ("seeds", "findings", "warnings"):
                content[name] = tuple(content[name])
            return _part(cls, content)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"the result is damaged: {error}; run the experiment again") from error

    def to_text(self, width: int | None = None) -> str:
        """What the terminal shows, warnings first."""
        from dctheory.experiment._render import to_text

        return to_text(self, width)

    def to_markdown(self) -> str:
        """The same as Markdown."""
        from dctheory.experiment._render import to_markdown

        return to_markdown(self)

    def to_html(self) -> str:
        """The same as HTML, every text escaped."""
        from dctheory.experiment._render import to_html

        return to_html(self)

    def _repr_html_(self) -> str:
        return self.to_html()

    def __str__(self) -> str:
        return self.to_text()

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write ``result.md`` and ``result.json``, each whole or not at all.

        The JSON comes last: a folder that has it is finished. Raises OSError.
        """
        write_atomic(Path(folder) / "result.md", self.to_markdown() + "\n")
        write_json(Path(folder) / RESULT_FILE, self.to_dict())


_ITEMS = {
    "seeds": int,
    "comparisons": Comparison,
    "verdicts": EmpiricalVerdict,
    "findings": str,
    "warnings": str,
}
_INFINITE = {"inf": math.inf, "-inf": -math.inf}
_NUMBERS = ("prediction", "measured", "tolerance", "difference", "published")


def load_result(path: str | os.PathLike[str]) -> ExperimentResult:
    """Read a ``result.json``, the one of a run's folder, or a published result.

    Raises:
        ValueError: the run is not finished, the file is damaged or of another version.
        OSError: there is no such file, or it cannot be read.
    """
    file = Path(path)
    if file.is_dir():
        file = file / RESULT_FILE
        if not file.exists():
            raise ValueError(
                f"{str(path)!r} holds no {RESULT_FILE}; give the folder of a finished run, or "
                "finish this one with resume"
            )
    try:
        document = read_json(file)
        published = isinstance(document, Mapping) and "result" in document
        return ExperimentResult.from_dict(document["result"] if published else document)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error


def read_json(path: Path) -> Any:
    """The strict JSON document in a file; ValueError if it is none, OSError if it is not there."""
    text = path.read_bytes()
    try:
        return json.loads(text.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"no JSON document: {error}") from error


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _part(kind: type[_Part], data: Any) -> _Part:
    """An instance of a dataclass from its fields, all of them and no others."""
    names = {each.name for each in fields(kind)}  # type: ignore[arg-type]
    if not isinstance(data, Mapping) or set(data) != names:
        raise ValueError(f"a {kind.__name__} has the fields {', '.join(sorted(names))}")
    return kind(**{name: _number(v) if name in _NUMBERS else v for name, v in data.items()})


def _table(data: Any) -> Table:
    rows = [{name: _number(value) for name, value in row.items()} for row in data["rows"]]
    return Table(data["columns"], rows, data["title"], data["notes"])


def _number(value: Any) -> Any:
    """What :func:`dctheory._table.plain` wrote as a word is infinite again."""
    return _INFINITE.get(value, value) if isinstance(value, str) else value


def _check_words(owner: Any, *names: str) -> None:
    for name in names:
        if not isinstance(getattr(owner, name), str):
            raise TypeError(f"{name} must be a string, got {getattr(owner, name)!r}")


def _check_interval(owner: Any) -> None:
    if owner.interval is not None:
        low, high = (float(_number(end)) for end in owner.interval)
        if not low <= high:
            raise ValueError(f"interval must be (low, high), got {owner.interval!r}")
        object.__setattr__(owner, "interval", (low, high))
