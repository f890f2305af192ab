"""Margins and temperatures of any strength: λ_{k+1} along a curve, its optimum, what excess costs.

Ā − sM̄ removes the difficult pairs' excess at s = 1 and over-corrects beyond. Between, the matrix is
in general no graph's (it is not normalised by its own degrees), so that a smaller λ_{k+1} gives no
bound there; each point says which.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dctheory._validation import check_choice, check_integer, check_real
from dctheory.bound.edits import is_difficult_pair, margin_path, multiplied
from dctheory.bound.haochen import Bound, bound_of, check_delta
from dctheory.bound.kinds import KindMatrix, kinds, mode_at, normalized_adjacency, present
from dctheory.graph.spectrum import MERGE_TOLERANCE

if TYPE_CHECKING:
    from dctheory._table import Table
    from dctheory.graph.similarity import SimilarityGraph

# Steps of the golden-section search for the optimum: 0.618^45 leaves 4e-10 of a grid step.
_REFINEMENTS = 45
_GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True)
class CurvePoint:
    """One strength: its λ_{k+1}, the mode that has it, and whether the matrix is a graph's.

    ``failure`` says why it is not one: negative entries, not normalised by its own degrees, or
    not positive semidefinite; it is "" otherwise.
    """

    strength: float
    eigenvalue: float
    mode: str
    is_graph: bool
    failure: str


@dataclass(frozen=True, eq=False)
class StrengthCurve:
    """λ_{k+1} of the edited matrix over a strength.

    Attributes:
        name: of the strength, "s" or "τ"; ``remedy`` says on which pairs.
        k: number of features.
        strengths: (m,) ascending.
        eigenvalues: (m,) exact λ_{k+1} of the edited matrix, rounded once.
        modes: m names of the modes that λ_{k+1} belongs to.
        is_graph: (m,) whether the edited matrix is an augmentation graph's normalised adjacency.
        failures: m reasons why not, "" where it is one.
        optimum: the point with the smallest λ_{k+1}, refined between the strengths given.
        best_graph: the point with the smallest λ_{k+1} where the matrix is a graph's, or None.
        untouched, paper: the points s = 0 (or τ = 1), and s = 1 (None for a temperature).
        excess: the point s = 2, twice the paper's margin, or None.
    """

    remedy: str
    name: str
    k: int
    strengths: NDArray[np.float64]
    eigenvalues: NDArray[np.float64]
    modes: tuple[str, ...]
    is_graph: NDArray[np.bool_]
    failures: tuple[str, ...]
    optimum: CurvePoint
    best_graph: CurvePoint | None
    untouched: CurvePoint
    paper: CurvePoint | None = None
    excess: CurvePoint | None = None

    @property
    def excess_cost(self) -> float | None:
        """λ_{k+1} at s = 2 less that at s = 1: what over-correction costs."""
        if self.excess is None or self.paper is None:
            return None
        return self.excess.eigenvalue - self.paper.eigenvalue

    @property
    def excess_gain(self) -> float | None:
        """λ_{k+1} at s = 0 less that at s = 2: negative where excess is worse than no margin."""
        if self.excess is None:
            return None
        return self.untouched.eigenvalue - self.excess.eigenvalue

    def bounds(self, delta: float) -> list[Bound]:
        """m values of 4δ/(1 − λ) + 8δ; bounds only where ``is_graph``."""
        check_delta(delta)
        return [bound_of(value, delta) for value in self.eigenvalues.tolist()]

    def table(self) -> Table:
        """The points that matter: untouched, the paper's, excess, the optimum, the best graph."""
        from dctheory._table import Table

        points = {
            "untouched": self.untouched,
            "the paper's": self.paper,
            "twice the paper's": self.excess,
            "smallest λ": self.optimum,
            "smallest λ of a graph": self.best_graph,
        }
        rows = [
            (label, p.strength, p.eigenvalue, p.mode, "yes" if p.is_graph else p.failure)
            for label, p in points.items()
            if p is not None
        ]
        columns = ("point", self.name, f"λ_{self.k + 1}", "mode", "is a graph's")
        return Table(columns, rows, self.remedy, self._notes(), digits=6)

    def _notes(self) -> list[str]:
        count = int(self.is_graph.sum())
        return [f"The edited matrix is a graph's at {count} of {len(self.strengths)} strengths."]

    def __str__(self) -> str:
        return self.table().to_text()

    def _repr_html_(self) -> str:
        return self.table().to_html()


def margin_curve(
    graph: SimilarityGraph,
    k: int,
    strengths: Iterable[float] | None = None,
    *,
    printed: bool = False,
) -> StrengthCurve:
    """λ_{k+1}(Ā − sM̄) over the margin's strength s.

    Args:
        graph: the graph.
        k: number of features, 1 ≤ k ≤ N − 1.
        strengths: real numbers; 0 to 2 in steps of 1/100 by default.
        printed: Eq. 7's margin alone (on difficult cross-class pairs) instead of the full one.

    Raises:
        ValueError, TypeError: k out of range, no strengths, or one that is not finite.
    """
    grid = _grid(np.linspace(0, 2, 201) if strengths is None else strengths)
    edit = margin_path(graph, printed=printed)
    name = "Eq. 7 alone" if printed else "full margin"
    return _curve(
        *(f"Margin of strength s ({name})", "s", check_k(graph, k), grid, edit),
        marks=(0.0, 1.0, 2.0),
    )


def temperature_curve(
    graph: SimilarityGraph,
    k: int,
    kind: str | None = None,
    temperatures: Iterable[float] | None = None,
) -> StrengthCurve:
    """λ_{k+1}(T ⊙ Ā) over the temperature τ of one kind of pair, 1 elsewhere.

    The temperature loss is weighted, so that this eigenvalue bounds no error by itself (see
    :mod:`dctheory.bound.weighted`).

    Args:
        graph: the graph.
        k: number of features, 1 ≤ k ≤ N − 1.
        kind: name of a kind of pair (:func:`dctheory.formulas.pair_kinds`), e.g. "same class,
            easy-difficult"; all difficult cross-class pairs by default, as in Theorem 4.5.
        temperatures: positive numbers; 161 from 1/4 to 4 in equal ratios by default.

    Raises:
        ValueError, TypeError: k out of range, an unknown kind, a temperature that is not positive.
    """
    grid = _grid(np.geomspace(0.25, 4, 161) if temperatures is None else temperatures)
    if grid[0] <= 0:
        raise ValueError(f"temperatures must be positive, got {grid[0]}; choose τ > 0")
    known = kinds(graph.pairing)
    chosen = [each.name for each in known if is_difficult_pair(each)]
    if kind is not None:
        chosen = [check_choice("kind", kind, [each.name for each in known])]
    base, ones = normalized_adjacency(graph), {each.name: Fraction(1) for each in known}
    return _curve(
        f"Temperature τ of {kind or 'difficult cross-class pairs'}",
        "τ",
        check_k(graph, k),
        grid,
        lambda tau: multiplied(base, ones | dict.fromkeys(chosen, tau)),
        marks=(1.0,),
    )


def temperature_curves(
    graph: SimilarityGraph, k: int, temperatures: Iterable[float] | None = None
) -> dict[str, StrengthCurve]:
    """:func:`temperature_curve` for each kind of pair that the graph has, by name."""
    grid = None if temperatures is None else list(temperatures)
    return {name: temperature_curve(graph, k, name, grid) for name in present(graph)}


def check_k(graph: SimilarityGraph, k: int) -> int:
    """Return k if 1 ≤ k ≤ N − 1, else ValueError or TypeError."""
    return check_integer("k", k, 1, graph.num_nodes - 1)


def _grid(values: Iterable[float]) -> NDArray[np.float64]:
    grid = sorted({float(check_real("strength", value)) for value in values})
    if not grid:
        raise ValueError("no strengths were given; pass at least one number")
    return np.array(grid)


def _curve(
    remedy: str,
    name: str,
    k: int,
    grid: NDArray[np.float64],
    edit: Callable[[Any], KindMatrix],
    marks: tuple[float, ...],
) -> StrengthCurve:
    def point(strength: float) -> CurvePoint:
        matrix = edit(Fraction(strength))
        spectrum, failure = matrix.spectrum(), matrix.graph_failure()
        mode = mode_at(spectrum, k + 1)
        return CurvePoint(strength, spectrum.eigenvalue(k + 1), mode.name, not failure, failure)

    points = [point(strength) for strength in grid.tolist()]
    marked = [point(strength) for strength in marks]
    graphs = [each for each in (*points, *marked) if each.is_graph]
    return StrengthCurve(
        remedy,
        name,
        k,
        grid,
        np.array([each.eigenvalue for each in points]),
        tuple(each.mode for each in points),
        np.array([each.is_graph for each in points]),
        tuple(each.failure for each in points),
        _optimum(points, lambda s: edit(Fraction(s)).spectrum().eigenvalue(k + 1), point),
        min(graphs, key=lambda each: each.eigenvalue, default=None),
        *marked,
    )


def _optimum(
    points: list[CurvePoint],
    eigenvalue: Callable[[float], float],
    point: Callable[[float], CurvePoint],
) -> CurvePoint:
    """The smallest eigenvalue, by golden section between the neighbours of the grid's smallest.

    Between two grid points λ_{k+1} is the maximum or minimum of smooth modes; where the curve has
    several dips there, one of them is found.
    """
    index = min(range(len(points)), key=lambda i: points[i].eigenvalue)
    low = points[max(index - 1, 0)].strength
    high = points[min(index + 1, len(points) - 1)].strength
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = eigenvalue(left), eigenvalue(right)
    for _ in range(_REFINEMENTS):
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = eigenvalue(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = eigenvalue(right)
    refined = point((low + high) / 2)
    # On a flat stretch the grid's own point is as good and has a rounder strength.
    gain = points[index].eigenvalue - refined.eigenvalue
    return refined if gain > MERGE_TOLERANCE * abs(refined.eigenvalue) else points[index]
