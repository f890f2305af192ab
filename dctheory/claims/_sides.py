"""What a counterexample compares: exact values on one side, certified enclosures on the other."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from dctheory import formulas
from dctheory._formula import Formula
from dctheory.proof.exact import ExactSpectrum, rational_adjacency
from dctheory.proof.search import Point


def value_at(formula: Formula, point: Point) -> Fraction:
    """A rational formula at an exact point."""
    names = {symbol.name for symbol in formula.arguments}
    value = formula.subs({key: point[key] for key in point if key in names})
    return Fraction(int(value.p), int(value.q))


def true_eigenvalue(point: Point, pairing: str, candidate: Fraction | None = None) -> Fraction:
    """λ_{k+1} from the matrix itself (brute force): ``candidate`` if that is it exactly.

    Otherwise the middle of a certified interval of width below 1e-12.
    """
    from dctheory.graph.similarity import SimilarityGraph

    j = point["k"] + 1
    exact = ExactSpectrum(rational_adjacency(point, pairing))
    if candidate is not None and exact.above(candidate) < j <= exact.at_least(candidate):
        return candidate
    graph = SimilarityGraph(
        classes=point["r"] + 1,
        per_class=point["n"],
        difficult=point["n_d"],
        alpha=point["alpha"],
        beta=point["beta"],
        gamma=point["gamma"],
        pairing=pairing,
    )
    low, high = exact.enclose(j, graph.spectrum().eigenvalue(j))
    return (low + high) / 2


def _against(printed: Fraction, true: Fraction) -> dict[str, str]:
    return {
        "printed": str(printed),
        "true": shown(true),
        "violation": f"{float(true - printed):.6g}",
    }


def shown(value: Fraction) -> str:
    """A simple rational as it is, the middle of an interval with twelve digits."""
    return str(value) if value.denominator < 10**9 else f"{float(value):.12g}"


def against_formula(formula: Formula) -> Callable[[Point, str | None], dict[str, str]]:
    """Sides of a claim that compares a printed eigenvalue with the true λ_{k+1}."""

    def sides(point: Point, pairing: str | None) -> dict[str, str]:
        printed = value_at(formula, point)
        return _against(printed, true_eigenvalue(point, str(pairing), printed))

    return sides


def against_graph(point: Point, pairing: str | None) -> dict[str, str]:
    """Sides of a claim that compares λ_{k+1} with and without difficult pairs."""
    clean = value_at_clean({**point, "gamma": point["beta"]})
    true = true_eigenvalue(point, str(pairing), clean)
    return {
        "with": shown(true),
        "without": str(clean),
        "difference": f"{float(true - clean):.6g}",
    }


def value_at_clean(point: Point) -> Fraction:
    """λ_{k+1} of the clean graph for k > r."""
    return value_at(formulas.THM_3_3, point)


def clean_sides(
    formula: Formula, *, removed: bool
) -> Callable[[Point, str | None], dict[str, str]]:
    """Sides of a claim about a clean graph: all samples, or those that are not difficult."""

    def sides(point: Point, pairing: str | None) -> dict[str, str]:
        size = point["n"] - point["n_d"] if removed else point["n"]
        clean = {**point, "n": size, "n_d": 0, "gamma": point["beta"]}
        printed = value_at(formula, point)
        return _against(printed, true_eigenvalue(clean, "both", printed))

    return sides


def compared_formulas(
    first: Formula, second: Formula
) -> Callable[[Point, str | None], dict[str, str]]:
    """Sides of a claim that compares two printed eigenvalues."""

    def sides(point: Point, pairing: str | None) -> dict[str, str]:
        values = [value_at(formula, point) for formula in (first, second)]
        return {
            first.name: str(values[0]),
            second.name: str(values[1]),
            "difference": f"{float(values[0] - values[1]):.6g}",
        }

    return sides


def removal_sides(point: Point, pairing: str | None) -> dict[str, str]:
    """Sides of a claim that compares λ_{k+1} before and after removal."""
    kept = {**point, "n": point["n"] - point["n_d"], "n_d": 0, "gamma": point["beta"]}
    after = value_at(formulas.COR_4_1, point)
    before = true_eigenvalue(point, str(pairing), after)
    gap = point["gamma"] - point["beta"]
    return {
        "before": shown(before),
        "after": shown(true_eigenvalue(kept, "both", after)),
        "gamma - beta": str(gap),
        "printed threshold": str(value_at(formulas.COR_4_1_CONDITION, point)),
    }


def against_clean_value(point: Point, pairing: str | None) -> dict[str, str]:
    """Sides of a claim about the graph with γ = β."""
    equal = {**point, "gamma": point["beta"]}
    clean = value_at_clean(equal)
    return {"true": shown(true_eigenvalue(equal, str(pairing), clean)), "clean": str(clean)}
