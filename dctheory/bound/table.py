"""The table of all settings: what the paper prints, what the model says, and which is best."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dctheory._table import Table, plain
from dctheory._validation import check_integer
from dctheory.bound.delta import smallest_delta
from dctheory.bound.haochen import Bound, bound_of, check_delta
from dctheory.bound.kinds import mode_at
from dctheory.bound.settings import WITH, WITHOUT, Setting, Status, settings
from dctheory.graph.similarity import SimilarityGraph
from dctheory.graph.spectrum import MERGE_TOLERANCE

# Bounds closer than this (relative) are a tie, which the earlier row wins.
TIE_TOLERANCE = 1e-12

# The rendered columns; a row's dict has more.
_SHOWN = (
    *("setting", "δ", "printed λ", "exact λ", "mode", "printed bound", "exact bound"),
    *("printed is", "bound", "from δ", "from λ"),
)


@dataclass(frozen=True)
class BoundsRow:
    """One setting with its bounds; what does not exist is None, and ``remark`` says why.

    Attributes:
        setting, source: name, and where the paper states the bound.
        status: whether a bound follows for what the setting trains.
        remark: why not, or under which reading.
        delta: the labelling error δ used.
        printed: the paper's bound; ``printed.eigenvalue`` is the λ printed there.
        printed_valid: whether the printed bound is a bound here: the statement covers this k (else
            ``printed_remark`` says so) and its eigenvalue is not below λ_{k+1}. None where there
            is no statement, or where the bound itself rests on an assumption.
        exact: the bound from λ_{k+1} of the edited graph's true spectrum.
        mode: the family of eigenvectors that this λ_{k+1} belongs to (of tied ones the largest).
        from_delta, from_eigenvalue: parts of ``exact`` less the exact bound with difficult
            examples: what the other δ contributes, and what the edited spectrum does.
    """

    setting: str
    source: str
    status: Status
    remark: str
    delta: Any = None
    printed: Bound | None = None
    printed_valid: bool | None = None
    printed_remark: str = ""
    exact: Bound | None = None
    mode: str | None = None
    from_delta: float | None = None
    from_eigenvalue: float | None = None

    @property
    def is_implied(self) -> bool:
        """Whether ``exact`` is a proved bound of what the setting trains."""
        return self.status is Status.IMPLIED

    @property
    def difference(self) -> float | None:
        """Printed less exact bound: negative where the paper promises too much."""
        if self.printed is None or self.exact is None:
            return None
        return _difference(self.printed, self.exact)

    @property
    def printed_verdict(self) -> str | None:
        """``printed_valid`` in a word or two."""
        if self.printed is None:
            return None
        if self.printed_valid is None:
            return "undecided"
        if self.printed_valid:
            return "valid"
        return "out of range" if self.printed_remark else "too small"

    def to_dict(self) -> dict[str, Any]:
        """The row as plain values under the columns' names, for a DataFrame."""
        printed, exact = self.printed, self.exact
        return {
            "setting": self.setting,
            "source": self.source,
            "δ": _number(self.delta),
            "printed λ": None if printed is None else float(printed.eigenvalue),
            "exact λ": None if exact is None else float(exact.eigenvalue),
            "mode": self.mode,
            "printed bound": _number(printed),
            "exact bound": _number(exact),
            "printed − exact": self.difference,
            "printed is": self.printed_verdict,
            "printed vacuous": None if printed is None else printed.is_vacuous,
            "vacuous": None if exact is None else exact.is_vacuous,
            "bound": self.status.value,
            "from δ": self.from_delta,
            "from λ": self.from_eigenvalue,
            "remark": "; ".join(filter(None, (self.remark, self.printed_remark))),
        }


@dataclass(frozen=True)
class BoundsTable:
    """All settings at one k: iterate over the rows, or take one by ``table["margin"]``.

    Attributes:
        graph, k: what was asked.
        settings: the rows.
        best: the setting with the smallest exact bound among those where a bound follows; on a
            tie the smaller edit. "without difficult" is a reference and does not compete. None
            where every bound is infinite.
    """

    graph: SimilarityGraph
    k: int
    settings: tuple[BoundsRow, ...]
    best: str | None

    def __iter__(self) -> Iterator[BoundsRow]:
        return iter(self.settings)

    def __len__(self) -> int:
        return len(self.settings)

    def __getitem__(self, setting: str) -> BoundsRow:
        for row in self.settings:
            if row.setting == setting:
                return row
        raise KeyError(
            f"no setting {setting!r}; the settings are {[row.setting for row in self.settings]}"
        )

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows as dicts, as ``pandas.DataFrame`` takes them."""
        return [row.to_dict() for row in self.settings]

    def table(self) -> Table:
        """The rendered table, with notes on what is best and how to read it."""
        g = self.graph
        title = (
            f"Error bounds at k = {self.k}: {g.classes} classes of {g.n}, {g.n_d} difficult, "
            f"α = {float(g.alpha):.6g}, β = {float(g.beta):.6g}, γ = {float(g.gamma):.6g}, "
            f"pairing {g.pairing}"
        )
        rows = [{name: row[name] for name in _SHOWN} for row in self.rows]
        return Table(_SHOWN, rows, title, self.notes, digits=6)

    @property
    def notes(self) -> list[str]:
        """What the numbers mean, as sentences."""
        implied = [row.exact for row in self.settings if row.is_implied and row.exact is not None]
        notes = [
            f"Best exact bound among the remedies for which one follows: {self.best or 'none'}."
        ]
        if all(bound.is_vacuous for bound in implied):
            notes.append("Every bound here is vacuous: 1 or more.")
        notes.append("from δ and from λ: parts of the exact bound less that “with difficult”.")
        notes += [f"{row['setting']}: {row['remark']}." for row in self.rows if row["remark"]]
        return notes

    def to_text(self, width: int | None = None) -> str:
        """Plain text; with ``width`` long cells are wrapped."""
        return self.table().to_text(width)

    def to_markdown(self) -> str:
        """A Markdown table."""
        return self.table().to_markdown()

    def to_latex(self) -> str:
        """A LaTeX ``tabular``."""
        return self.table().to_latex()

    def to_html(self) -> str:
        """An HTML table."""
        return self.table().to_html()

    def to_dict(self) -> dict[str, Any]:
        """k, the best setting, all rows and the notes, as strict JSON can hold them."""
        rows = [plain(row) for row in self.rows]
        return {"k": self.k, "best": self.best, "rows": rows, "notes": self.notes}

    def _repr_html_(self) -> str:
        return self.to_html()

    def __str__(self) -> str:
        return self.to_text()


def bounds(
    graph: SimilarityGraph,
    k: int,
    delta: float | None = None,
    margin: Any = None,
    temperature: Any = None,
) -> BoundsTable:
    """Error bounds of all settings: as printed in the paper, and exact in the model.

    Args:
        graph: the similarity graph.
        k: number of features, 1 ≤ k ≤ N − 1.
        delta: labelling error δ in (0, 1] of all settings. By default each setting has the
            smallest one that its data allow (:func:`dctheory.bound.delta.smallest_delta`): the
            kept graph's after removal, that of the graph with γ = β without difficult examples,
            and the whole data's for margin and temperature, which edit the loss only.
        margin: a strength s of Ā − sM̄ for one more row, any real number.
        temperature: τ > 0 of difficult cross-class pairs, or a mapping from kinds of pair to τ,
            for one more row.

    Returns:
        A :class:`BoundsTable`. A setting that does not exist here is a row with the status
        NOT_APPLICABLE and the reason.

    Raises:
        TypeError: a value of the wrong kind.
        ValueError: k, δ, margin or temperature out of range.
    """
    if not isinstance(graph, SimilarityGraph):
        raise TypeError(
            f"graph must be a SimilarityGraph, got {graph!r} of type {type(graph).__name__}"
        )
    k = check_integer("k", k, 1, graph.num_nodes - 1)
    if delta is not None:
        check_delta(delta)
    found = settings(graph, k, margin, temperature)
    deltas = {each.name: _delta_of(each, delta) for each in found}
    reference = next(each for each in found if each.name == WITH)
    rows = tuple(_row(each, k, deltas[each.name], reference, deltas[WITH]) for each in found)
    return BoundsTable(graph, k, rows, _best(rows))


def _delta_of(setting: Setting, delta: Any) -> Any:
    if setting.data is None or delta is not None:
        return delta if setting.data is not None else None
    return smallest_delta(setting.data).value


def _row(setting: Setting, k: int, delta: Any, reference: Setting, base: Any) -> BoundsRow:
    exact = setting.bound(k, delta)
    if exact is None or setting.spectrum is None:
        return BoundsRow(setting.name, setting.source, setting.status, setting.remark)
    # First the spectrum changes at the old δ, then δ.
    between, start = setting.bound(k, base), reference.bound(k, base)
    printed = _printed(setting, delta)
    return BoundsRow(
        setting=setting.name,
        source=setting.source,
        status=setting.status,
        remark=setting.remark,
        delta=delta,
        printed=printed,
        printed_valid=_printed_valid(setting, exact),
        printed_remark=setting.printed_remark,
        exact=exact,
        mode=mode_at(setting.spectrum, k + 1).name,
        from_delta=_difference(exact, between),
        from_eigenvalue=_difference(between, start),
    )


def _printed(setting: Setting, delta: Any) -> Bound | None:
    if setting.printed_bound is not None:
        return setting.printed_bound(delta)
    return None if setting.printed is None else bound_of(setting.printed, delta)


def _printed_valid(setting: Setting, exact: Bound) -> bool | None:
    if setting.printed is None:
        return None
    if setting.printed_remark:
        return False
    if setting.printed_bound is not None and setting.status is not Status.IMPLIED:
        return None
    # Both numbers are rounded once; equal ones may differ in their last place.
    return bool(
        float(setting.printed) >= exact.eigenvalue - MERGE_TOLERANCE * abs(exact.eigenvalue)
    )


def _best(rows: tuple[BoundsRow, ...]) -> str | None:
    best: BoundsRow | None = None
    for row in rows:
        if row.setting == WITHOUT or not row.is_implied or row.exact is None:
            continue
        limit = math.inf if best is None or best.exact is None else float(best.exact)
        if row.exact < limit - (TIE_TOLERANCE * limit if math.isfinite(limit) else 0):
            best = row
    return None if best is None else best.setting


def _difference(left: Bound | None, right: Bound | None) -> float | None:
    if left is None or right is None or not (math.isfinite(left) and math.isfinite(right)):
        return None
    return float(left) - float(right)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
