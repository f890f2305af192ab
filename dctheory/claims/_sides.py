"""What a counterexample compares: exact values on one side, certified enclosures on the other."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from dctheory._formula import Formula
from dctheory.proof.exact import ExactSpectrum, rational_adjacency
from dctheory.proof.search import Point


def value_at(formula: Formula, point: Point) -> Fraction:
    """A rational formula at an exact point."""
    names = {symbol.name for symbol in formula.arguments}
    value = formula.subs({key: point[key] for key in point if key in names})
    return Fraction(int(value.p), int(value.q))


def true_eigenvalue(point: Point, pairing: str) -> tuple[Fraction, Fraction]:
    """Certified rational bounds of λ_{k+1}, from the matrix itself (brute force)."""
    from dctheory.graph.similarity import SimilarityGraph

    graph = SimilarityGraph(
        classes=point["r"] + 1,
        per_class=point["n"],
        difficult=point["n_d"],
        alpha=point["alpha"],
        beta=point["beta"],
        gamma=point["gamma"],
        pairing=pairing,
    )
    j = point["k"] + 1
    exact = ExactSpectrum(rational_adjacency(point, pairing))
    return exact.enclose(j, graph.spectrum().eigenvalue(j))


def against_formula(formula: Formula) -> Callable[[Point, str | None], dict[str, str]]:
    """Sides of a claim that compares a printed eigenvalue with the true λ_{k+1}."""

    def sides(point: Point, pairing: str | None) -> dict[str, str]:
        printed = value_at(formula, point)
        low, high = true_eigenvalue(point, str(pairing))
        middle = (low + high) / 2
        return {
            "printed": str(printed),
            "true": f"{float(middle):.12g}",
            "violation": f"{float(middle - printed):.6g}",
        }

    return sides


def against_graph(point: Point, pairing: str | None) -> dict[str, str]:
    """Sides of a claim that compares λ_{k+1} with and without difficult pairs."""
    low, high = true_eigenvalue(point, str(pairing))
    clean_point: dict[str, Any] = {**point, "gamma": point["beta"]}
    clean = value_at_clean(clean_point)
    middle = (low + high) / 2
    return {
        "with": f"{float(middle):.12g}",
        "without": str(clean),
        "difference": f"{float(middle - clean):.6g}",
    }


def value_at_clean(point: Point) -> Fraction:
    """λ_{k+1} of the clean graph for k > r."""
    from dctheory import formulas

    return value_at(formulas.THM_3_3, point)
