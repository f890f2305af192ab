"""Theorem 4.5 beyond its formulas: does the eigen-factor minimise, and does the bound hold?"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import sympy as sp

from dctheory import formulas as f
from dctheory.claims._base import Claim, differences, read_point
from dctheory.claims._sides import value_at
from dctheory.proof.exact import rational_adjacency
from dctheory.proof.search import Point, similarities
from dctheory.proof.verdict import Outcome, Step, Verdict

Matrix = list[list[Fraction]]
# Two classes of two samples, one of them difficult: N = 4.
SMALLEST: Point = {"r": 1, "n": 2, "n_d": 1}


@dataclass(frozen=True, kw_only=True, eq=False)
class MinimiserClaim(Claim):
    """The best rank-k factor of T ⊙ Ā has a zero gradient of the weighted loss.

    With weights 1/T² and residual R = T ⊙ Ā − FFᵀ the gradient is −4 (T^(∘−2) ∘ R) F. It vanishes
    iff (T^(∘−2) ∘ R) FFᵀ does, and for the full T and k = r + 1 all of that is rational.
    """

    def _decide(self, pairing: str | None) -> Verdict:
        point = {**SMALLEST, "k": 2, "alpha": Fraction(3, 4), "beta": Fraction(1, 4)}
        point["gamma"] = Fraction(1, 2)
        gradient = weighted_gradient(point, str(pairing))
        largest = max((abs(value), value) for row in gradient for value in row)[1]
        if largest == 0:
            return self._verdict(pairing, Outcome.UNDECIDED, method="exact gradient at one point")
        witness = {key: str(v) if key in f_names else v for key, v in point.items()}
        witness["largest entry of (T^-2 * R) F F^T"] = str(largest)
        return self._verdict(
            *(pairing, Outcome.REFUTED),
            witness=witness,
            method="exact non-zero gradient",
            details=(
                "full T, k = r + 1: at an easy node the gradient is a positive multiple of "
                "(n_d/n)(1/d_e − 1/d_d), so it fails for all admissible parameters with n_d < n; "
                "with n_d = n it holds at k = r + 1 (all weights within a class are equal)",
            ),
            steps=(_everywhere(str(pairing)),),
        )


f_names = ("alpha", "beta", "gamma")


def weighted_gradient(point: Point, pairing: str) -> Matrix:
    """(T^(∘−2) ∘ R) FFᵀ at k = r + 1 with the full T, as exact rationals."""
    n, classes = point["n"], point["r"] + 1
    size = n * classes
    weights = rational_adjacency(point, pairing)
    clean = rational_adjacency({**point, "gamma": point["beta"]}, pairing)
    degrees, clean_degree = [sum(row) for row in weights], sum(clean[0])
    value_class = (1 - point["alpha"] + n * (point["alpha"] - point["beta"])) / clean_degree
    factor = [
        [
            Fraction(1, size) + value_class * (Fraction(x // n == y // n, n) - Fraction(1, size))
            for y in range(size)
        ]
        for x in range(size)
    ]
    # T_xy = (clean Ā / Ā)_xy, whose square is rational.
    scaled = [
        [
            (clean[x][y] / clean_degree - factor[x][y])
            * weights[x][y] ** 2
            * clean_degree**2
            / (degrees[x] * degrees[y] * clean[x][y] ** 2)
            for y in range(size)
        ]
        for x in range(size)
    ]
    return [
        [sum(scaled[x][z] * factor[z][y] for z in range(size)) for y in range(size)]
        for x in range(size)
    ]


def _everywhere(pairing: str) -> Step:
    """The easy node's gradient along its own class, as an identity in all parameters."""
    degrees = {kind: sp.Symbol(f"d_{kind}", positive=True) for kind in ("easy", "difficult")}
    easy, hard = degrees["easy"], degrees["difficult"]
    residual_self, residual_same = (1 - 1 / f.n), -1 / f.n
    row = residual_self / easy**2 + residual_same * (
        (f.n - f.n_d - 1) / easy**2 + f.n_d / (easy * hard)
    )
    goal = f.n_d / f.n / easy * (1 / easy - 1 / hard)
    if sp.simplify(row - goal) != 0:
        raise ArithmeticError("the gradient's closed form does not hold")
    return Step("identity", f"gradient at an easy node, {pairing}", f"{row} = {goal}")


@dataclass(frozen=True, kw_only=True, eq=False)
class TemperatureBoundClaim(Claim):
    """The printed bound on E_T, refuted where k = 1 features cannot tell two classes apart.

    T ⊙ Ā and the weights are positive, so the minimiser with k = 1 has one sign and no zero: every
    linear head without intercept predicts one class for all nodes, an error of 1/2. Yet an explicit
    distribution of natural images gives the graph with a labelling error δ so small that the
    printed bound is below 1/2.
    """

    def _decide(self, pairing: str | None) -> Verdict:
        point = _smallest_bound(str(pairing))
        if point is None:
            return self._verdict(pairing, Outcome.UNDECIDED, method="search of an instance")
        return self._assemble(pairing, point)

    def _assemble(self, pairing: str | None, point: Point) -> Verdict:
        delta = labelling_error(point, str(pairing))
        if delta is None:
            raise ValueError("the witness has no distribution of natural images of this form")
        bound = value_at(f.E_T, {**point, "delta": delta})
        if not bound < Fraction(1, 2):
            raise ValueError(f"at the witness the printed bound is {bound}, not below 1/2")
        witness = {key: v if type(v) is int else str(v) for key, v in point.items()}
        witness |= {"k": 1, "delta": str(delta), "printed bound": str(bound), "error": "1/2"}
        return self._verdict(
            *(pairing, Outcome.REFUTED),
            witness=witness,
            method="exact instance with its distribution of natural images",
            details=(
                "k = 1 = r: one positive feature predicts one class; the statement has no range "
                "of k; for k ≥ r + 1 it is not decided here",
                "natural images: all nodes (β), each γ-pair (γ−β), and each class by itself; the "
                "first two kinds exist once with either label, so the class label of a node "
                "mislabels half of them: δ is that of this distribution, and α, β, γ are its "
                "smallest by common denominator",
            ),
        )

    def recheck(self, verdict: Verdict) -> list[str]:
        point = read_point(verdict.witness, ("r", "n", "n_d"), f_names)
        beta, gamma, alpha = point["beta"], point["gamma"], point["alpha"]
        if {name: point[name] for name in SMALLEST} != SMALLEST or not 0 < beta < gamma < alpha < 1:
            return ["the witness is not of two classes of two with 0 < β < γ < α < 1"]
        return differences(self._assemble(verdict.pairing, point), verdict)


def _smallest_bound(pairing: str) -> Point | None:
    pairs = 3 if pairing == "either" else 1
    for q in range(4, 80):
        for beta, gamma, alpha in similarities(q):
            if beta == 0:
                continue
            # δ as `labelling_error` has it; the bound is more than (4 factor + 8) δ.
            mixed, gap = 16 * beta + 4 * pairs * (gamma - beta), gamma - beta
            delta_float = mixed / (2 * (4 * (q + alpha + 2 * beta) + 2 * pairs * gap))
            if delta_float * (11 + (gamma / beta) ** 2) >= 0.5:
                continue
            point: Point = {**SMALLEST, "alpha": Fraction(alpha, q)}
            point |= {"beta": Fraction(beta, q), "gamma": Fraction(gamma, q)}
            delta = labelling_error(point, pairing)
            if delta is None:
                continue
            bound = value_at(f.E_T, {**point, "delta": delta})
            if bound < Fraction(1, 2):
                return point
    return None


def labelling_error(point: Point, pairing: str) -> Fraction | None:
    """δ of an explicit distribution of natural images with this graph; None if it has none.

    A = β 11ᵀ + (γ−β) Σ over γ-pairs (or the one clique of both-difficult nodes) + class blocks,
    which must be completely positive: for two nodes, positive semidefinite.
    """
    weights = rational_adjacency(point, pairing)
    beta, gap = point["beta"], point["gamma"] - point["beta"]
    size, n = len(weights), point["n"]
    rest = [[weight - beta for weight in row] for row in weights]
    mixed = beta * size**2
    for x in range(size):
        for y in range(x):
            if x // n != y // n and rest[x][y] > 0:
                # A natural image seen as x or y: (γ−β)(e_x + e_y)(e_x + e_y)ᵀ.
                rest[x][x] -= gap
                rest[y][y] -= gap
                mixed += 4 * gap
    for start in range(0, size, n):
        first, off, second = rest[start][start], rest[start][start + 1], rest[start + 1][start + 1]
        if first < 0 or second < 0 or first * second < off**2:
            return None
    return mixed / sum(map(sum, weights)) / 2
