"""An experiment's result as text, Markdown and HTML."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from dctheory._table import Table
from dctheory._text import wrap

if TYPE_CHECKING:
    from dctheory.experiment.result import Comparison, EmpiricalVerdict, ExperimentResult

_OUTCOMES = {True: "agreement", False: "DISAGREEMENT", None: "not decided"}


def summary(result: ExperimentResult) -> str:
    """How many comparisons agree, and how many verdicts there are of each kind."""
    outcomes = Counter(_OUTCOMES[each.agrees] for each in result.comparisons)
    verdicts = Counter(each.verdict for each in result.verdicts)
    counts = [
        f"{_counted(counter.total(), what)}: "
        + ", ".join(f"{number} {name}" for name, number in counter.items())
        for what, counter in (("comparison", outcomes), ("verdict", verdicts))
        if counter
    ]
    return "; ".join(counts) or "nothing was compared"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def to_text(result: ExperimentResult, width: int | None) -> str:
    """Plain text, wrapped to ``width`` columns where that is not None."""
    paragraphs = [*(f"WARNING: {each}" for each in result.warnings), _title(result)]
    paragraphs += [result.question, _origin(result)]
    ending = [*(f"• {each}" for each in result.findings), result.summary]
    blocks = [_wrapped(paragraphs, width)]
    blocks += [table.to_text(width) for table in _tables(result)]
    return "\n\n".join([*blocks, _wrapped(ending, width)])


def to_markdown(result: ExperimentResult) -> str:
    """A Markdown document."""
    blocks = [f"# {_title(result)}", *(f"> **WARNING: {each}**" for each in result.warnings)]
    blocks += [result.question, _origin(result)]
    blocks += [table.to_markdown() for table in _tables(result)]
    if result.findings:
        blocks.append("\n".join(f"- {each}" for each in result.findings))
    return "\n\n".join([*blocks, result.summary])


def to_html(result: ExperimentResult) -> str:
    """Elements for the body of a page, every text escaped."""
    parts = [f"<h3>{html.escape(_title(result))}</h3>"]
    parts += [f"<p><strong>WARNING: {html.escape(each)}</strong></p>" for each in result.warnings]
    parts += [f"<p>{html.escape(each)}</p>" for each in (result.question, _origin(result))]
    parts += [table.to_html() for table in _tables(result)]
    if result.findings:
        items = "".join(f"<li>{html.escape(each)}</li>" for each in result.findings)
        parts.append(f"<ul>{items}</ul>")
    return "\n".join([*parts, f"<p>{html.escape(result.summary)}</p>"])


def _title(result: ExperimentResult) -> str:
    return f"{result.name}: {result.title}"


def _origin(result: ExperimentResult) -> str:
    seeds = _counted(len(result.seeds), "seed")
    origin = f"preset {result.preset}, {seeds}, {result.seconds:.3g} s"
    return f"{origin}; too small to decide anything" if result.preset == "smoke" else origin


def _wrapped(paragraphs: Iterable[str], width: int | None) -> str:
    lines = [wrap(each, width) if width is not None else [each] for each in paragraphs]
    return "\n".join(line for group in lines for line in group)


def _tables(result: ExperimentResult) -> list[Table]:
    tables = []
    if result.comparisons:
        tables.append(_comparisons(result.comparisons))
    if result.verdicts:
        tables.append(_verdicts(result.verdicts))
    for name, table in result.tables.items():
        title = table.title or name
        tables.append(Table(table.columns, table.rows, title, table.notes, table.digits))
    return tables


def _comparisons(comparisons: Sequence[Comparison]) -> Table:
    rows = [
        {
            "comparison": each.name,
            "": "" if each.relation == "=" else each.relation,
            "prediction": each.prediction,
            "measured": each.measured,
            **_ends(each.interval),
            "tolerance": each.tolerance,
            "outcome": _OUTCOMES[each.agrees],
            "tolerance from": each.tolerance_source,
            "note": each.note,
        }
        for each in comparisons
    ]
    return _used_columns(rows, "Theory and training")


def _verdicts(verdicts: Sequence[EmpiricalVerdict]) -> Table:
    rows = [
        {
            "claim": each.claim,
            "verdict": each.verdict,
            "difference": each.difference,
            **_ends(each.interval),
            "published": each.published,
            "seeds": each.seeds,
            "seeds needed": each.seeds_needed,
            "note": each.note,
        }
        for each in verdicts
    ]
    return _used_columns(rows, "Empirical claims: paired differences with 95 % intervals")


def _ends(interval: tuple[float, float] | None) -> dict[str, Any]:
    low, high = interval if interval is not None else (None, None)
    return {"95 % from": low, "to": high}


def _used_columns(rows: Sequence[dict[str, Any]], title: str) -> Table:
    """A table without the columns in which no row says anything."""
    columns = [name for name in rows[0] if any(row[name] not in (None, "") for row in rows)]
    return Table(columns, [[row[name] for name in columns] for row in rows], title)
