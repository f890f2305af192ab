"""The remedies as edits of a graph: removal, margin (subtract from Ā), temperature (multiply Ā).

Every entry is a formula of :mod:`dctheory.formulas`, evaluated exactly and rounded once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dctheory._formula import Formula
from dctheory._validation import check_real
from dctheory.bound._rational import evaluator
from dctheory.bound.kinds import KindMatrix, fill, kinds, normalized_adjacency, present

if TYPE_CHECKING:
    from dctheory._table import Table
    from dctheory.formulas import PairKind
    from dctheory.graph.similarity import SimilarityGraph


@dataclass(frozen=True)
class PairEntry:
    """A remedy's entry for one kind of pair.

    Attributes:
        kind: the kind of pair: its relation, its ends, its weight.
        count: number of ordered pairs of this kind in the graph, an exact int.
        formula: the entry as a sympy expression, with its equation number and LaTeX.
        value: the entry as a number.
    """

    kind: PairKind
    count: int
    formula: Formula
    value: float


def remove_difficult(graph: SimilarityGraph) -> SimilarityGraph:
    """The graph without its difficult samples (Corollary 4.1): n − n_d samples per class.

    Raises:
        ValueError: all samples are difficult, so that none would be left.
    """
    if graph.n_e == 0:
        raise ValueError(
            f"all {graph.per_class} samples of each class are difficult, so removal leaves none; "
            "choose difficult < per_class, or a margin or temperature instead"
        )
    return dataclasses.replace(graph, per_class=graph.n_e, difficult=0)


def without_difficult(graph: SimilarityGraph) -> SimilarityGraph:
    """The same graph with γ = β (Theorem 3.3): its normalised adjacency is the clean Ā."""
    return dataclasses.replace(graph, difficult=0, gamma=graph.beta)


def margin_entries(
    graph: SimilarityGraph, *, normalized: bool = False, printed: bool = False
) -> dict[str, PairEntry]:
    """The margin m_xx' of each kind of pair that the graph has, by name of the kind.

    Args:
        graph: the graph.
        normalized: weights that sum to 1, as a sampled loss sees them (margins W times as large),
            instead of the paper's raw weights.
        printed: Eq. 7 alone, on difficult cross-class pairs, and 0 elsewhere; otherwise the full
            margin, which turns Ā into the clean Ā on every kind of pair.
    """
    formulas = _margin_formulas(graph.pairing, normalized, printed)
    return _pair_entries(graph, formulas, margin_values(graph, normalized, printed))


def temperature_entries(graph: SimilarityGraph, *, printed: bool = False) -> dict[str, PairEntry]:
    """The temperature τ_xx' of each kind of pair that the graph has, by name of the kind.

    Args:
        graph: the graph.
        printed: Theorem 4.5's τ alone, on difficult cross-class pairs, and 1 elsewhere; otherwise
            the full T with T ⊙ Ā = clean Ā.

    Raises:
        ValueError: β = 0 < γ: no finite temperature turns γ into 0.
    """
    formulas = _temperature_formulas(graph.pairing, printed, graph.gamma == graph.beta)
    return _pair_entries(graph, formulas, temperature_values(graph, printed))


def margin_matrix(
    graph: SimilarityGraph, normalized: bool = False, *, printed: bool = False
) -> NDArray[np.float64]:
    """(N, N) float64 margins M with D^(1/2) M D^(1/2) = Ā − clean Ā (Theorem 4.3), all entries.

    With ``normalized``, D holds the row sums of weights that sum to 1. ``printed`` as in
    :func:`margin_entries`. Raises ValueError with the size if it would not fit in memory.
    """
    values = margin_values(graph, normalized, printed)
    return fill(graph, {name: float(value) for name, value in values.items()})


def temperature_matrix(graph: SimilarityGraph, *, printed: bool = False) -> NDArray[np.float64]:
    """(N, N) float64 temperatures T with T ⊙ Ā = clean Ā (Theorem 4.5), all entries.

    ``printed`` as in :func:`temperature_entries`. Raises ValueError where β = 0 < γ, and with the
    size where it would not fit in memory.
    """
    values = temperature_values(graph, printed)
    return fill(graph, {name: float(value) for name, value in values.items()})


def entries_table(entries: Mapping[str, PairEntry], title: str | None = None) -> Table:
    """Entries by kind of pair as a table: name, number of pairs, value, formula, source."""
    from dctheory._table import Table

    rows = [
        (name, each.count, each.value, str(each.formula.expr), each.formula.equation)
        for name, each in entries.items()
    ]
    return Table(("kind of pair", "pairs", "entry", "formula", "source"), rows, title)


def with_margin(graph: SimilarityGraph, strength: Any = 1, *, printed: bool = False) -> KindMatrix:
    """Ā − s D^(1/2) M D^(1/2) by kind of pair, exact; s = ``strength`` is any real number.

    With the full margin this is (1 − s) Ā + s (clean Ā), with ``printed`` Eq. 7 alone.
    """
    return margin_path(graph, printed=printed)(Fraction(check_real("strength", strength)))


def margin_path(
    graph: SimilarityGraph, *, printed: bool = False
) -> Callable[[Fraction], KindMatrix]:
    """The function s ↦ Ā − s D^(1/2) M D^(1/2) of :func:`with_margin`."""
    base, margins = normalized_adjacency(graph), margin_values(graph, False, printed)
    # D^(1/2) M D^(1/2) multiplies by √(d_x d_x'), which is the unit of the mixed entries.
    easy, difficult = _degrees(graph.pairing)(*graph.parameters.values())
    scale = {"easy-easy": easy, "easy-difficult": 1, "difficult-difficult": difficult}
    steps = {name: scale[name.rsplit(", ", 1)[1]] * each for name, each in margins.items()}

    def edit(strength: Fraction) -> KindMatrix:
        entries = {name: each - strength * steps[name] for name, each in base.entries.items()}
        return KindMatrix(graph, entries, base.mixed_square)

    return edit


def with_temperature(graph: SimilarityGraph, temperature: Any) -> KindMatrix:
    """T ⊙ Ā by kind of pair, exact.

    Args:
        graph: the graph.
        temperature: one number τ > 0 for the difficult cross-class pairs (1 elsewhere), or a
            mapping from names of kinds to τ (1 for those it leaves out).
    """
    return multiplied(normalized_adjacency(graph), temperatures_by_kind(graph, temperature))


def multiplied(matrix: KindMatrix, factors: Mapping[str, Fraction]) -> KindMatrix:
    """The matrix with each kind of pair multiplied by its factor."""
    entries = {name: entry * factors[name] for name, entry in matrix.entries.items()}
    return dataclasses.replace(matrix, entries=entries)


def temperatures_by_kind(graph: SimilarityGraph, temperature: Any) -> dict[str, Fraction]:
    """The τ of every kind of pair, exact, from one number or a mapping (:func:`with_temperature`).

    Raises:
        ValueError: an unknown kind, or a temperature that is not positive and finite.
    """
    known = kinds(graph.pairing)
    if isinstance(temperature, Mapping):
        unknown = sorted(set(temperature) - {kind.name for kind in known})
        if unknown:
            raise ValueError(
                f"temperature names unknown kinds of pair {unknown}; "
                f"the kinds are {[kind.name for kind in known]}"
            )
        given = dict(temperature)
    else:
        given = {kind.name: temperature for kind in known if is_difficult_pair(kind)}
    for name, value in given.items():
        check_real(f"temperature of {name!r}", value, 0, low_open=True)
    return {kind.name: Fraction(given.get(kind.name, 1)) for kind in known}


def is_difficult_pair(kind: PairKind) -> bool:
    """Whether pairs of this kind are difficult cross-class pairs, which have similarity γ."""
    from dctheory.formulas import gamma

    return bool(kind.weight == gamma)


def margin_values(graph: SimilarityGraph, normalized: bool, printed: bool) -> dict[str, Fraction]:
    """Margins by name of kind; on easy-difficult pairs √(d_e d_d) is rational to 400 bits."""
    formulas = _margin_formulas(graph.pairing, normalized, printed)
    values = _evaluator(formulas)(*graph.parameters.values())
    return dict(zip((k.name for k in kinds(graph.pairing)), values, strict=True))


def temperature_values(graph: SimilarityGraph, printed: bool) -> dict[str, Fraction]:
    """Temperatures by name of kind, as :func:`margin_values`; ValueError where β = 0 < γ."""
    known, counts = kinds(graph.pairing), present(graph)
    clean = graph.gamma == graph.beta
    if not clean and graph.beta == 0:
        if any(kind.name in counts and is_difficult_pair(kind) for kind in known):
            raise ValueError(
                f"beta is 0 and gamma {graph.gamma}: a temperature multiplies γ and cannot make it "
                "0; choose beta > 0, or use a margin"
            )
        clean = True
    formulas = _temperature_formulas(graph.pairing, printed, clean)
    values = _evaluator(formulas)(*graph.parameters.values())
    return dict(zip((kind.name for kind in known), values, strict=True))


def _pair_entries(
    graph: SimilarityGraph, formulas: tuple[Formula, ...], values: Mapping[str, Fraction]
) -> dict[str, PairEntry]:
    counts = present(graph)
    return {
        kind.name: PairEntry(kind, counts[kind.name], formula, float(values[kind.name]))
        for kind, formula in zip(kinds(graph.pairing), formulas, strict=True)
        if kind.name in counts
    }


@cache
def _margin_formulas(pairing: str, normalized: bool, printed: bool) -> tuple[Formula, ...]:
    from dctheory import formulas as f

    if not printed:
        return tuple(f.margin_entry(pairing, k, normalized=normalized) for k in kinds(pairing))
    scale = f.total_weight(pairing).expr if normalized else 1
    inside = Formula(f.EQ_7.name, scale * f.EQ_7.expr, f.EQ_7.equation, f.PARAMETERS)
    return _on_difficult_pairs(pairing, inside, 0)


@cache
def _temperature_formulas(pairing: str, printed: bool, clean: bool) -> tuple[Formula, ...]:
    from dctheory import formulas as f

    if printed:
        name, expr, equation = f.THM_4_5_TAU.name, f.THM_4_5_TAU.expr, f.THM_4_5_TAU.equation
        # At γ = β the quotient β/γ is 1, also where both are 0.
        inside = Formula(name, f.C1.expr / f.C2.expr if clean else expr, equation, f.PARAMETERS)
        return _on_difficult_pairs(pairing, inside, 1)
    found = [dataclasses.replace(k, weight=k.clean) if clean else k for k in kinds(pairing)]
    return tuple(f.temperature_entry(pairing, kind) for kind in found)


def _on_difficult_pairs(pairing: str, inside: Formula, outside: int) -> tuple[Formula, ...]:
    import sympy as sp

    other = Formula(
        f"{inside.name}, outside", sp.Integer(outside), inside.equation, inside.arguments
    )
    return tuple(inside if is_difficult_pair(kind) else other for kind in kinds(pairing))


@cache
def _evaluator(formulas: tuple[Formula, ...]) -> Any:
    return evaluator(formulas[0].arguments, [formula.expr for formula in formulas])


@cache
def _degrees(pairing: str) -> Any:
    from dctheory import formulas as f

    both = [f.degree(pairing, kind).expr for kind in ("easy", "difficult")]
    return evaluator(f.PARAMETERS, both)
