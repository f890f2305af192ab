"""Which similarity graphs can exist: positive semidefinite, completely positive, largest γ − β.

Edge weights are w_xx' = E[A(x|x̄) A(x'|x̄)] (HaoChen et al. 2021), so A must be completely
positive: A = B Bᵀ with B ≥ 0. In this model the two coincide: whenever A is positive
semidefinite, :mod:`dctheory.graph.orbits` constructs such a B, for all three pairings.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from dctheory import formulas
from dctheory._formula import exact
from dctheory._validation import check_memory
from dctheory.graph import orbits as orbit_module
from dctheory.graph.similarity import SimilarityGraph, _integer_forms
from dctheory.graph.spectrum import quadratic_roots, ratio

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class PsdCondition:
    """One inequality of "A is positive semidefinite", in the paper's symbols.

    Attributes:
        applies: when the inequality is asked for (sympy condition on n and n_d).
        inequality: sympy relation, left side ≥ 0.
        source: the symmetry sector that it comes from.
    """

    applies: Any
    inequality: Any
    source: str

    def __str__(self) -> str:
        when = "" if self.applies == sp.true else f" when {self.applies}"
        return f"{self.inequality}{when} ({self.source})"


def psd_conditions(pairing: str) -> tuple[PsdCondition, ...]:
    """The inequalities that are together equivalent to A ⪰ 0, given 0 ≤ β ≤ γ ≤ α ≤ 1.

    All other sectors are non-negative by that order. Raises ValueError for an unknown pairing.
    """
    return tuple(
        PsdCondition(applies, formulas.to_paper(left) >= 0, source)
        for applies, left, source in _conditions(pairing)
    )


@cache
def _conditions(pairing: str) -> tuple[tuple[Any, Any, str], ...]:
    """(when, left side in gap coordinates, source) for each inequality left side ≥ 0."""
    contrast = formulas.block(pairing, "class").det
    if pairing == "both":
        return ((sp.true, contrast, "determinant of the class sector"),)
    if pairing == "matched":
        bulk = next(b for b in formulas.bulk(pairing) if b.name == formulas.MATCHED_CONTRAST)
        return (
            (formulas.n_d >= 2, bulk.numerator, formulas.MATCHED_CONTRAST),
            # With one difficult sample per class the contrast bulk is empty.
            (sp.Eq(formulas.n_d, 1), contrast, "determinant of the class sector"),
        )
    trivial = formulas.block(pairing, "trivial").det
    return ((sp.true, trivial, "determinant of the trivial sector"),)


@cache
def _left_sides(pairing: str) -> Callable[..., Any]:
    found = [left for _, left, _ in _conditions(pairing)]
    return sp.lambdify(formulas.GAPS, found, "math")


def _broken(graph: SimilarityGraph) -> list[tuple[str, int]]:
    """The conditions that fail: sources, and left sides in units of a common denominator."""
    _, gaps = graph._gaps
    lefts = _left_sides(graph.pairing)(*gaps)
    return [
        (source, left)
        for (applies, _, source), left in zip(_conditions(graph.pairing), lefts, strict=True)
        if left < 0 and bool(applies.subs(formulas.n_d, graph.n_d))
    ]


def is_psd(graph: SimilarityGraph) -> bool:
    """Whether A is positive semidefinite, decided exactly in integers (see psd_conditions)."""
    return not _broken(graph)


@dataclass(frozen=True)
class Realizability:
    """Whether the graph's weights are E[A(x|x̄) A(x'|x̄)] of some augmentation.

    Attributes:
        answer: "yes", "no" (not positive semidefinite), or "unknown" should a constructed factor
            fail its exact check.
        reason: one sentence.
        orbits: the non-negative factor, as orbits of columns with exact heights; empty for "no".
    """

    answer: str
    reason: str
    graph: SimilarityGraph
    orbits: tuple[orbit_module.Orbit, ...] = ()

    def __bool__(self) -> bool:
        return self.answer == "yes"

    @property
    def num_columns(self) -> int:
        """m, the number of columns of the factor."""
        return sum(orbit.columns for orbit in self.orbits)

    def factor(self) -> NDArray[np.float64]:
        """(N, m) non-negative float64 B with A = B Bᵀ, a column for each natural sample x̄.

        Raises ValueError if there is none, or if it would not fit in memory (then ``orbits``
        describes it).
        """
        if self.answer != "yes":
            raise ValueError(f"no non-negative factor: {self.reason}; take a realizable graph")
        size = self.graph.num_nodes * self.num_columns
        check_memory(
            f"factor() with {self.graph.num_nodes} × {self.num_columns} entries", 17 * size
        )
        return orbit_module.columns(self.graph, self.orbits)

    def __str__(self) -> str:
        lines = [f"realizable: {self.answer}", self.reason]
        if self.orbits:
            lines.append(f"columns of B in A = B Bᵀ, {self.num_columns} in all:")
            lines += [f"  {orbit}" for orbit in self.orbits]
        return "\n".join(lines)


def is_realizable(graph: SimilarityGraph) -> Realizability:
    """Whether A is completely positive, with the factor or the reason; cost independent of N.

    A "yes" has been checked: the factor's product is A, entry by entry, in exact arithmetic.
    """
    broken = _broken(graph)
    if broken:
        source, _ = broken[0]
        lowest = _smallest_eigenvalue(graph)
        reason = f"A is not positive semidefinite: {source}, smallest eigenvalue of A {lowest:.6g}"
        return Realizability("no", reason, graph)
    found = orbit_module.orbits(graph)
    if not _reproduces(graph, found):
        return Realizability("unknown", "the constructed factor failed its exact check", graph)
    reason = "A = B Bᵀ with B ≥ 0, checked exactly"
    return Realizability("yes", reason, graph, found)


def _reproduces(graph: SimilarityGraph, found: tuple[orbit_module.Orbit, ...]) -> bool:
    """Whether B ≥ 0 exists with these squared heights and B Bᵀ is A, in exact arithmetic."""
    if any(min(orbit.easy_squared, orbit.difficult_squared) < 0 for orbit in found):
        return False
    alpha, beta, gamma = (Fraction(x) for x in (graph.alpha, graph.beta, graph.gamma))
    has = {"easy": graph.n_e, "difficult": graph.n_d}
    values = {formulas.alpha: alpha, formulas.beta: beta, formulas.gamma: gamma}
    computed = orbit_module.entries(graph, found)
    for kind in formulas.pair_kinds(graph.pairing):
        first, second = kind.ends
        needed = 2 if kind.relation == "same class" and first == second else 1
        if min(has[first], has[second]) < needed:
            continue
        if kind.relation == "cross class, unmatched" and graph.n_d < 2:
            continue
        weight = values.get(kind.weight, Fraction(1))
        relation = kind.relation.replace(", unmatched", "")
        if computed[relation, f"{first}-{second}"] != weight:
            return False
    return True


def _smallest_eigenvalue(graph: SimilarityGraph) -> float:
    """Of A itself, from the class and trivial sectors and the bulks."""
    q, gaps = graph._gaps
    _, trivial, contrast, bulk = _integer_forms(graph.pairing)(*gaps)
    found = [ratio(number, q) for _, number, kind, count in bulk if count > 0]
    if graph.n_e and graph.n_d:
        for ee, _, dd, det in (trivial, contrast):
            found.append(quadratic_roots(q * q, q * (ee + dd), det)[1])
    return min(found)


@cache
def largest_gap_formula(pairing: str) -> Any:
    """The largest γ − β of a positive semidefinite graph with 0 < n_d < n, without the order's cap.

    A sympy expression in r, n, n_d, α, β: the boundary of :func:`psd_conditions`, solved for
    γ − β (for ``matched`` with n_d ≥ 2; with n_d = 1 it is that of ``both``).
    """
    left = _conditions(pairing)[0][1]
    # At given α and β the gap h = α − γ is what g leaves of b = α − β.
    b = formulas.alpha - formulas.beta
    roots = sp.roots(sp.expand(left.subs(formulas.h, b - formulas.g)), formulas.g)
    # The left side is non-negative at g = 0 and falls to −∞: its one positive root is the limit.
    upper = max(roots, key=lambda root: formulas.to_paper(root).subs(_ADMISSIBLE).evalf())
    return sp.simplify(formulas.to_paper(upper))


# Any admissible point, to tell the two roots of a quadratic apart.
_ADMISSIBLE = dict(
    zip(
        (formulas.r, formulas.n, formulas.n_d, formulas.alpha, formulas.beta),
        (2, 5, 2, sp.Rational(1, 2), sp.Rational(1, 8)),
        strict=True,
    )
)


def largest_gap(
    classes: int, per_class: int, difficult: int, alpha: Any, beta: Any, pairing: str = "both"
) -> Any:
    """The largest γ − β for which A is positive semidefinite (and so realizable) and γ ≤ α.

    Exact (a sympy number) for exact α and β, else float. Arguments as in ``SimilarityGraph``.
    """
    graph = SimilarityGraph(
        classes=classes,
        per_class=per_class,
        difficult=difficult,
        alpha=alpha,
        beta=beta,
        gamma=beta,
        pairing=pairing,
    )
    gap = _limit(graph)
    return gap if graph.is_exact else float(gap.evalf(30))


def _limit(graph: SimilarityGraph) -> Any:
    alpha, beta = exact(graph.alpha), exact(graph.beta)
    cap = alpha - beta
    pairing = "both" if graph.pairing == "matched" and graph.n_d == 1 else graph.pairing
    if cap == 0 or graph.n_d == 0 or (graph.n_e == 0 and pairing != "matched"):
        return cap
    formula = largest_gap_formula(pairing)
    values = {"r": graph.r, "n": graph.n, "n_d": graph.n_d, "alpha": alpha, "beta": beta}
    symbols = {symbol.name: symbol for symbol in formulas.PARAMETERS}
    limit = formula.subs({symbols[name]: value for name, value in values.items()})
    return sp.Min(cap, limit)
