"""What a report says of the theory: graphs, remedies, noise, with their pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dctheory._table import Table
from dctheory.bound.haochen import Bound
from dctheory.bound.table import BoundsTable
from dctheory.diagnose._content import Picture, Section
from dctheory.diagnose.theory import GraphReading, NoiseReading

if TYPE_CHECKING:
    from dctheory.diagnose.diagnosis import Diagnosis

# Rows of a table; those of a spectrum may be thousands.
_MOST_ROWS = 100


def theory_section(name: str, title: str, d: Diagnosis) -> Section:
    """The section of ``theory_``, which is not None."""
    theory = d.theory_
    first, *others = theory.tables()
    tables, pictures = [first], [_mode_picture(each) for each in theory.graphs]
    if theory.bounds is not None:
        tables.append(_remedies(theory.bounds, theory.random_removal))
        pictures.append(_bound_picture(d))
    sentences = () if theory.noise is None else (_noise(theory.noise),)
    details = tuple(_shortened(table) for table in others)
    return Section(name, title, sentences, tuple(tables), details, tuple(pictures))


def _remedies(bounds: BoundsTable, random_removal: Bound | None) -> Table:
    """What each setting would change, in few columns."""
    rows = [(row.setting, _number(row.printed), _number(row.exact), row.mode) for row in bounds]
    if random_removal is not None:
        rows.append(("removal of as many random samples", None, float(random_removal), None))
    columns = ("setting", "printed bound", "exact bound", f"mode of λ_{bounds.k + 1}")
    return Table(columns, rows, "What each remedy would change", digits=6)


def _noise(noise: NoiseReading) -> str:
    modes = noise.prediction.normalized.outliers
    listed = {
        stands: "; ".join(dict.fromkeys(each.name for each in modes if each.detached == stands))
        for stands in (True, False)
    }
    return (
        f"Similarities spread by ε = {noise.epsilon:.3g} about {noise.name}. Were that independent "
        f"noise, these modes would stand out of it: {listed[True] or 'none'}. These would drown: "
        f"{listed[False] or 'none'}."
    )


def _mode_picture(graph: GraphReading) -> Picture:
    # Where there are few families each has its name, else that of its sector.
    few = len(graph.spectrum.modes) <= 7
    rows = [
        (m.name if few else m.sector, m.sector, m.value, m.multiplicity)
        for m in graph.spectrum.modes
    ]
    return Picture(
        f"Eigenvalues of the graph of {graph.name}; λ_{graph.k + 1} = {graph.eigenvalue:.4g} is "
        f"of the mode “{graph.mode.name}”.",
        f"Spectrum of Ā, {graph.name}; the line marks λ_{graph.k + 1}.",
        lambda: _plates().modes(rows, graph.k),
    )


def _bound_picture(d: Diagnosis) -> Picture:
    rows = [(row.setting, _number(row.printed), _number(row.exact)) for row in d.theory_.bounds]
    rate = None if d.errors_ is None else d.errors_.rate()
    measured = None if rate is None else (rate.rate, rate.low, rate.high)
    listed = "; ".join(f"{name}: {exact:.3g}" for name, _, exact in rows if exact is not None)
    return Picture(
        f"Exact bounds by setting: {listed}.",
        "Bounds as printed and exact in the fitted graph. From 1 on a bound says nothing."
        + ("" if rate is None else f" The probe's measured error is {rate.rate:.3g}."),
        lambda: _plates().bounds_and_errors(rows, measured),
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _shortened(table: Table) -> Table:
    """The first rows of a long table, which the JSON has as a whole."""
    left = len(table) - _MOST_ROWS
    if left <= 0:
        return table
    notes = (*table.notes, f"{left:,} more rows stand in the JSON")
    return Table(table.columns, table.rows[:_MOST_ROWS], table.title, notes, table.digits)


def _plates() -> Any:
    from dctheory.plot import diagnosis

    return diagnosis
