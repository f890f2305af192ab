"""The model on real input: the paper's Table 10 and scikit-learn's handwritten digits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from dctheory._table import Table
from dctheory._validation import check_integer

if TYPE_CHECKING:
    from dctheory.bound.table import BoundsTable
    from dctheory.graph.similarity import SimilarityGraph
    from dctheory.graph.similarity_estimate import SimilarityEstimate

_PAIRINGS = ("both", "matched", "either")


@dataclass(frozen=True)
class Table10Column:
    """One column of the paper's Table 10 (mixed CIFAR-10), as exact rationals.

    Similarities are shares of 1 (the paper prints per cent); ``difference`` is the row γ − β,
    which the paper prints with more digits than γ and β themselves.
    """

    mixing: Fraction
    accuracy: Fraction
    alpha: Fraction
    beta: Fraction
    gamma: Fraction
    difference: Fraction
    eigenvalue: Fraction


def _column(*printed: str) -> Table10Column:
    *percents, eigenvalue = (Fraction(number) for number in printed)
    mixing, accuracy, alpha, beta, gamma, difference = (number / 100 for number in percents)
    return Table10Column(mixing, accuracy, alpha, beta, gamma, difference, eigenvalue / 10**5)


# Mean cosine similarities of features trained on mixed CIFAR-10; the n behind the last row
# is not stated in the paper.
TABLE_10 = (
    _column("0", "88.3", "47.2", "19.1", "20.9", "1.80", "2.93"),
    _column("10", "88.0", "44.0", "19.5", "22.1", "2.60", "3.36"),
    _column("20", "87.7", "41.2", "20.1", "23.1", "3.00", "3.58"),
    _column("30", "86.2", "38.7", "20.8", "24.1", "3.30", "3.72"),
)
TABLE_10_CLASSES = 10
# The paper calls difficult the 8 % of each class with the smallest gap between the two
# largest softmax outputs.
TABLE_10_DIFFICULT_SHARE = Fraction(8, 100)
# Half a unit of the last printed digit: α, β and γ; the row γ − β; the eigenvalue.
TABLE_10_SIMILARITY_ROUNDING = Fraction(5, 10**4)
TABLE_10_DIFFERENCE_ROUNDING = Fraction(5, 10**5)
TABLE_10_EIGENVALUE_ROUNDING = Fraction(5, 10**8)
# A few words that tell a graph from the others, and the graph.
Graphs = dict[tuple[str, ...], "SimilarityGraph"]

# The smallest n for which 0.08 n is an integer and Theorem 3.4's formula gives the printed
# eigenvalues (claim table-10).
_TABLE_10_PER_CLASS = 10675


@dataclass(frozen=True)
class Instance:
    """What the theory says of one real input.

    Attributes:
        name: of the input.
        tables: what a reader should see first; floats at full precision.
        bounds: the full table of bounds of every graph.
    """

    name: str
    tables: tuple[Table, ...]
    bounds: tuple[BoundsTable, ...]

    def to_text(self, width: int | None = None) -> str:
        """The tables as plain text, without the full bounds."""
        return "\n\n".join([self.name, *(table.to_text(width) for table in self.tables)])

    def to_markdown(self) -> str:
        """A section with the tables and the full bounds."""
        parts = [table.to_markdown() for table in self.tables]
        parts += [table.to_markdown() for table in self.bounds]
        return "\n\n".join([f"## {self.name}", *parts])

    def to_dict(self) -> dict[str, Any]:
        """All tables as values that strict JSON can hold."""
        return {
            "name": self.name,
            "tables": [table.to_dict() for table in self.tables],
            "bounds": [table.to_dict() for table in self.bounds],
        }

    def __str__(self) -> str:
        return self.to_text()


def table_10_instance(per_class: int = _TABLE_10_PER_CLASS) -> Instance:
    """The paper's Table 10 under every reading, with 8 % of ``per_class`` samples difficult.

    The paper does not state n; the default explains its eigenvalues (claim ``table-10``).
    Raises ValueError for ``per_class`` below 1.
    """
    from dctheory.graph.similarity import SimilarityGraph

    per_class = check_integer("per_class", per_class, 1)
    difficult = round(per_class * TABLE_10_DIFFICULT_SHARE)
    graphs: Graphs = {
        (f"{int(column.mixing * 100)} %", pairing): SimilarityGraph(
            classes=TABLE_10_CLASSES,
            per_class=per_class,
            difficult=difficult,
            alpha=column.alpha,
            beta=column.beta,
            gamma=column.gamma,
            pairing=pairing,
        )
        for column in TABLE_10
        for pairing in _PAIRINGS
    }
    assumed = f"n = {per_class} and n_d = {difficult}; the paper does not state n"
    if per_class == _TABLE_10_PER_CLASS:
        assumed += ", this one explains its eigenvalues by Theorem 3.4's formula (printed λ)"
    return _instance(
        "The paper's Table 10 (mixed CIFAR-10)", ("mixed", "pairing"), graphs, notes=(assumed,)
    )


def digits_instance() -> Instance:
    """scikit-learn's embedded handwritten digits, pixels as embeddings, estimated α, β, γ."""
    from sklearn.datasets import load_digits

    from dctheory.graph.estimate import estimate_similarities

    digits = load_digits()
    estimate = estimate_similarities(digits.data, digits.target)
    return estimated_instance("scikit-learn's handwritten digits, pixels as embeddings", estimate)


def estimated_instance(name: str, estimate: SimilarityEstimate) -> Instance:
    """The paper's model with estimated similarities; a reading that breaks its order has none."""
    failed = {pairing: estimate.violations(pairing) for pairing in estimate.readings}
    graphs: Graphs = {
        (pairing,): estimate.graph(pairing=pairing)
        for pairing, reasons in failed.items()
        if not reasons
    }
    notes = [f"no graph: {reason}" for reasons in failed.values() for reason in reasons]
    notes += [
        f"{pairing} is not estimated: it needs a partner for each difficult sample"
        for pairing in _PAIRINGS
        if pairing not in failed
    ]
    return _instance(name, ("pairing",), graphs, before=(estimate.table(),), notes=notes)


def _instance(
    name: str,
    keys: tuple[str, ...],
    graphs: Graphs,
    before: tuple[Table, ...] = (),
    notes: Iterable[str] = (),
) -> Instance:
    """Each graph at k = r + 1: which can exist, the bound of each remedy, what is vacuous."""
    from dctheory.bound.table import bounds

    tables = {label: bounds(graph, graph.classes) for label, graph in graphs.items()}
    if not graphs:
        return Instance(name, (*before, Table(keys, (), notes=tuple(notes))), ())
    model = Table(
        (*keys, "α", "β", "γ", "realizable", "mode of λ_k+1", "λ_k+1", "printed λ", "δ at least"),
        [(*label, *_model_row(table)) for label, table in tables.items()],
        title="The model at k = r + 1, with difficult examples",
        notes=tuple(notes),
        digits=6,
    )
    settings = next(iter(tables.values())).settings
    errors = Table(
        (*keys, *(row.setting for row in settings), "best"),
        [
            (*label, *(row.exact and float(row.exact) for row in table.settings), table.best)
            for label, table in tables.items()
        ],
        title="Exact error bounds at the smallest δ of each setting's data",
        notes=_notes(tables),
        digits=6,
    )
    return Instance(name, (*before, model, errors), tuple(tables.values()))


def _model_row(table: BoundsTable) -> tuple[Any, ...]:
    from dctheory.bound.settings import WITH

    graph, row = table.graph, table[WITH]
    weights = (float(weight) for weight in (graph.alpha, graph.beta, graph.gamma))
    printed = row.printed and float(row.printed.eigenvalue)
    exact = row.exact and float(row.exact.eigenvalue)
    return *weights, graph.is_realizable().answer, row.mode, exact, printed, float(row.delta)


def _notes(tables: Mapping[tuple[str, ...], BoundsTable]) -> list[str]:
    from dctheory.bound.delta import smallest_delta

    rows = [row for table in tables.values() for row in table.settings if row.exact is not None]
    vacuous = sum(row.exact.is_vacuous for row in rows if row.exact is not None)
    notes = [f"vacuous (1 or more): {vacuous} of {len(rows)} bounds"]
    assumed = sorted({f"{row.setting}: {row.status.value}" for row in rows if not row.is_implied})
    notes += [f"{reason}, so it does not compete for the best" for reason in assumed]
    impossible = [
        " ".join(label)
        for label, table in tables.items()
        if smallest_delta(table.graph).vacuous_at_every_size
    ]
    if impossible:
        named = "all rows" if len(impossible) == len(tables) else ", ".join(impossible)
        notes.append(
            f"no n, n_d, γ and k makes a bound of a positive semidefinite graph smaller than 1 "
            f"with these classes, α and β: {named}"
        )
    return notes
